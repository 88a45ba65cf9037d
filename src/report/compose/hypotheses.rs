//! Chapter 2.2.3: the first cause against what else could explain the same symptoms, after Heuer's analysis of competing hypotheses.

use std::collections::BTreeSet;

use serde_json::json;

use super::ledger::Ledger;
use super::phrases::{filled, phrase, small};
use super::reach::short_of;
use crate::diagnosis::Checked;
use crate::model::{Confidence, Text};
use crate::report::model::{Hypotheses, HypothesisRow, Sentence};
use crate::rules::{Finding, Rival, Role, Weighing};

/// Columns between the cause and "something else".
const RIVALS: usize = 3;
/// Rivals that are named in a sentence.
const NAMED: usize = 3;

/// The table: none where nothing competes, neither another cause of the same symptoms nor one that the evidence rules out.
pub(super) fn hypotheses(
    ledger: &mut Ledger<'_, '_>,
    ruled_out: &[Sentence],
) -> Result<Option<Hypotheses>, minijinja::Error> {
    let roots = ledger.root_findings();
    let Some(first) = roots.first().copied() else {
        return Ok(None);
    };
    let sure = first.confidence == Confidence::Confirmed;
    let competing = competing(ledger, &roots);
    let header = ledger.header(first);
    let own_rivals = header.map(|header| header.rivals.as_slice()).unwrap_or_default();
    let rivals = allowed(ledger, first, own_rivals, RIVALS.saturating_sub(competing.len()))?;
    let mut excluded: Vec<(Text, &Sentence)> = Vec::new();
    for sentence in ruled_out {
        if let Some(claim) = claim(&sentence.text)
            && excluded.len() + rivals.len() + competing.len() < RIVALS
            && excluded.iter().all(|(known, _)| *known != claim)
        {
            excluded.push((claim, sentence));
        }
    }
    let is_alone = competing.is_empty() && excluded.is_empty() && rivals.is_empty();
    if is_alone || ledger.diagnosis.role(first) == Role::Symptom {
        return Ok(None);
    }
    let mut columns = vec![match header.and_then(|header| header.hypothesis.as_ref()) {
        Some(own) => ledger.say(own, first)?,
        None => ledger.title(first)?,
    }];
    for rival in &competing {
        columns.push(ledger.title(rival)?);
    }
    for rival in &rivals {
        columns.push(ledger.say(&rival.text, first)?);
    }
    columns.extend(excluded.iter().map(|(claim, _)| claim.clone()));
    columns.push(phrase("hypothesis.other"));
    let mut ids = vec!["self"];
    ids.extend(competing.iter().map(|_| ""));
    ids.extend(rivals.iter().map(|rival| rival.id.as_str()));
    ids.extend(excluded.iter().map(|_| ""));
    ids.push("other");
    let weighings = header.map(|header| header.weighing.as_slice()).unwrap_or_default();
    let mut rows = weighed(ledger, first, weighings, &ids)?;
    if rows.is_empty() {
        rows.push(HypothesisRow {
            sentence: observed(ledger, first, "hypothesis.observed"),
            cells: cells(&ids, 0, if sure { "++" } else { "+" }),
        });
    }
    for (index, rival) in competing.iter().enumerate() {
        rows.push(HypothesisRow {
            sentence: observed(ledger, rival, "hypothesis.observed-rival"),
            cells: cells(&ids, index + 1, "+"),
        });
    }
    for (index, (_, sentence)) in excluded.iter().enumerate() {
        let mut row = cells(&ids, 1 + competing.len() + rivals.len() + index, "--");
        if let Some(cell) = row.first_mut() {
            *cell = "+";
        }
        let sentence = Sentence {
            text: ground(&sentence.text),
            refs: sentence.refs.clone(),
            confidence: None,
        };
        rows.push(HypothesisRow { sentence, cells: row });
    }
    let verdicts = (0..ids.len()).map(|at| match at {
        0 => first.confidence,
        at if at <= competing.len() => competing
            .get(at - 1)
            .map_or(Confidence::Possible, |rival| rival.confidence),
        // Nothing can exclude what nobody has named: where the cause was seen to act, all there is to say is that nothing speaks for it.
        at if ids.get(at) == Some(&"other") && !sure => Confidence::Possible,
        at if ids.get(at) == Some(&"other") => Confidence::Undetermined,
        at => verdict(&rows, at),
    });
    let verdicts = verdicts.collect();
    let question = match header {
        Some(header) => ledger.say(&header.question, first)?,
        None => Text::default(),
    };
    Ok(Some(Hypotheses {
        question,
        columns,
        rows,
        verdicts,
    }))
}

/// The questions of the first cause that have competing answers of their own. A question with one answer left is no comparison.
pub(super) fn further(ledger: &mut Ledger<'_, '_>) -> Result<Vec<Hypotheses>, minijinja::Error> {
    let roots = ledger.root_findings();
    let Some(first) = roots.first().copied() else {
        return Ok(Vec::new());
    };
    let inquiries = ledger.header(first).map(|header| header.inquiries.as_slice());
    let mut further = Vec::new();
    for inquiry in inquiries.unwrap_or_default() {
        let facts = ledger.facts(first);
        if let Some(condition) = &inquiry.when
            && !ledger.wording.holds(condition, &facts)?
        {
            continue;
        }
        let rivals = allowed(ledger, first, &inquiry.rivals, RIVALS)?;
        let mut columns = Vec::new();
        for rival in &rivals {
            columns.push(ledger.say(&rival.text, first)?);
        }
        columns.push(phrase("hypothesis.other"));
        let mut ids: Vec<&str> = rivals.iter().map(|rival| rival.id.as_str()).collect();
        ids.push("other");
        let rows = weighed(ledger, first, &inquiry.weighing, &ids)?;
        if rows.is_empty() || rivals.len() < 2 {
            continue;
        }
        further.push(Hypotheses {
            question: ledger.say(&inquiry.question, first)?,
            verdicts: (0..ids.len()).map(|at| verdict(&rows, at)).collect(),
            columns,
            rows,
        });
    }
    Ok(further)
}

/// What the evidence leaves of a hypothesis that is not the cause itself.
fn verdict(rows: &[HypothesisRow], at: usize) -> Confidence {
    if rows.iter().any(|row| row.cells.get(at) == Some(&"--")) {
        Confidence::RuledOut
    } else {
        Confidence::Possible
    }
}

/// The hypotheses that a row of these tables excludes, each with that row, as far as chapter 3.4 does not say it already. "Something
/// else" is excluded by what the cause itself rests on, and no claim of its own.
pub(super) fn excluded<'h>(tables: impl Iterator<Item = &'h Hypotheses>, known: &[Sentence]) -> Vec<Sentence> {
    let mut sentences = Vec::new();
    let known: Vec<Text> = known.iter().filter_map(|sentence| claim(&sentence.text)).collect();
    for table in tables {
        let columns = table.columns.iter().enumerate();
        for (at, column) in columns.take(table.columns.len().saturating_sub(1)) {
            // The row that excludes the least besides says best why this one is out.
            let rows = table.rows.iter().filter(|row| row.cells.get(at) == Some(&"--"));
            let row = rows.min_by_key(|row| row.cells.iter().filter(|cell| **cell == "--").count());
            if let Some(row) = row.filter(|_| !known.contains(column)) {
                sentences.push(Sentence {
                    text: Text {
                        zh: format!("{}：{}", column.zh, row.sentence.text.zh),
                        en: format!("{}: {}", column.en, small(&row.sentence.text.en)),
                    },
                    refs: row.sentence.refs.clone(),
                    confidence: Some(Confidence::RuledOut),
                });
            }
        }
    }
    sentences
}

/// Those of a rule's rivals that its facts allow, at most `room`.
fn allowed<'d>(
    ledger: &mut Ledger<'d, '_>,
    finding: &Finding,
    rivals: &'d [Rival],
    room: usize,
) -> Result<Vec<&'d Rival>, minijinja::Error> {
    let facts = ledger.facts(finding);
    let mut kept = Vec::new();
    for rival in rivals {
        let holds = match &rival.when {
            Some(condition) => ledger.wording.holds(condition, &facts)?,
            None => true,
        };
        if holds && kept.len() < room {
            kept.push(rival);
        }
    }
    Ok(kept)
}

/// The evidence that a rule weighs for the hypotheses of these ids.
fn weighed(
    ledger: &mut Ledger<'_, '_>,
    finding: &Finding,
    weighings: &[Weighing],
    ids: &[&str],
) -> Result<Vec<HypothesisRow>, minijinja::Error> {
    let facts = ledger.facts(finding);
    let mut rows = Vec::new();
    for weighing in weighings {
        if let Some(condition) = &weighing.when
            && !ledger.wording.holds(condition, &facts)?
        {
            continue;
        }
        let text = ledger.wording.text(&weighing.text, &facts)?;
        let refs = ledger.cite_claim(finding, &[&weighing.text], &text);
        let cells = ids
            .iter()
            .map(|id| weighing.cells.get(*id).map_or("0", |weight| weight.mark()));
        rows.push(HypothesisRow {
            cells: cells.collect(),
            sentence: Sentence {
                text,
                refs,
                confidence: None,
            },
        });
    }
    Ok(rows)
}

/// One cell for the hypothesis at `index`, and nothing said of the rest.
fn cells(ids: &[&str], index: usize, cell: &'static str) -> Vec<&'static str> {
    (0..ids.len()).map(|at| if at == index { cell } else { "0" }).collect()
}

fn observed(ledger: &mut Ledger<'_, '_>, finding: &Finding, id: &str) -> Sentence {
    // The row is about the column's title, so it is shown by what shows that.
    let refs = ledger.titled(finding).map(|sentence| sentence.refs).unwrap_or_default();
    Sentence {
        text: phrase(id),
        refs,
        confidence: None,
    }
}

/// Other root causes that explain something that the first one explains too.
fn competing<'d>(ledger: &Ledger<'d, '_>, roots: &[&'d Finding]) -> Vec<&'d Finding> {
    let mut explained = ledger.diagnosis.roots.iter().map(|root| &root.explains);
    let Some(first) = explained.next() else {
        return Vec::new();
    };
    let shares = |others: &Vec<usize>| others.iter().any(|index| first.contains(index));
    let others = roots.iter().skip(1).zip(explained);
    let others = others
        .filter(|(_, explains)| shares(explains))
        .map(|(finding, _)| *finding);
    others.take(RIVALS - 1).collect()
}

/// The hypothesis of a sentence that rules one out: what stands before its colon.
fn claim(text: &Text) -> Option<Text> {
    let zh = text.zh.split_once('：')?.0;
    let en = text.en.split_once(": ")?.0;
    Some(Text::new(zh, en))
}

/// And why: what stands behind it.
fn ground(text: &Text) -> Text {
    let zh = text.zh.split_once('：').map_or(text.zh.as_str(), |(_, ground)| ground);
    let en = text.en.split_once(": ").map_or(text.en.as_str(), |(_, ground)| ground);
    Text::new(zh, en)
}

/// Of what the first cause explains, the effect that the fewest rules can cause: nearly everything makes a workload unavailable.
fn telling_effect(ledger: &Ledger<'_, '_>) -> Option<String> {
    let diagnosis = ledger.diagnosis;
    let explained = diagnosis.roots.first()?.explains.iter();
    let effects: BTreeSet<&str> = explained
        .filter_map(|index| Some(diagnosis.findings.get(*index)?.rule.as_str()))
        .collect();
    let causes = |effect: &str| {
        let rules = diagnosis.rules.iter();
        rules
            .filter(|rule| rule.header.causes.iter().any(|one| one.names(effect)))
            .count()
    };
    let telling = effects.into_iter().filter(|effect| causes(effect) > 1);
    telling.min_by_key(|effect| causes(effect)).map(str::to_owned)
}

/// What else causes the same symptoms and shows no sign, and what could not be judged, by the checks of the rules that name these effects.
pub(super) fn rivals(ledger: &Ledger<'_, '_>) -> (Option<Sentence>, Option<Sentence>) {
    let diagnosis = ledger.diagnosis;
    let found: BTreeSet<&str> = diagnosis.findings.iter().map(|finding| finding.rule.as_str()).collect();
    let Some(effect) = telling_effect(ledger) else {
        return (None, None);
    };
    let could = |id: &str| {
        let header = &diagnosis.rules.get(id)?.header;
        let same = header.causes.iter().any(|one| one.names(&effect));
        (header.role == Role::Cause && same && !found.contains(id)).then_some(header)
    };
    let (mut well, mut unknown) = (Vec::new(), Vec::new());
    for (id, checked) in &diagnosis.checks {
        let Some(header) = could(id) else { continue };
        let check = &header.check;
        match checked {
            Checked::Pass if short_of(ledger, header).is_some() => unknown.push(check),
            Checked::Pass => well.push(check),
            Checked::Unknown(_) | Checked::Failed(_) => unknown.push(check),
            Checked::Fail | Checked::Outside | Checked::Unmet(_) | Checked::Told(_) => {}
        }
    }
    let sentence = |id: &str, checks: &[&Text]| {
        let join = |separator: &str, of: fn(&Text) -> &str| {
            let names: Vec<&str> = checks.iter().take(NAMED).map(|check| of(check)).collect();
            names.join(separator)
        };
        (!checks.is_empty()).then(|| Sentence {
            text: filled(
                id,
                &[
                    ("count", json!(checks.len())),
                    ("zh", json!(join("；", |text| &text.zh))),
                    ("en", json!(join("; ", |text| &text.en))),
                    ("more", json!(checks.len() > NAMED)),
                ],
            ),
            refs: Vec::new(),
            confidence: None,
        })
    };
    (sentence("rivals.well", &well), sentence("rivals.unknown", &unknown))
}

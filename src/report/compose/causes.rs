//! Root causes, findings, chapter 3 and the sentence of 2.3.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::barriers;
use super::changed::about_finding;
use super::kept::Kept;
use super::ledger::{Ledger, ROOTS, is_blank, plain_sentence};
use super::phrases::{filled, framed, phrase};
use super::so_what::{duty, effect};
use crate::diagnosis::Diagnosis;
use crate::model::{ActionKind, Confidence, Subject, Text};
use crate::report::model::{
    CausalEdge, CausalGraph, CausalKind, CausalNode, Contributing, FindingView, RootCause, Sentence,
};
use crate::rules::{FactorPart, Finding, Role};

/// Nodes of the causal graph; more cannot be taken in.
const NODES: usize = 12;
/// Factors found in the bundle that are listed beside those that the causes' rules name.
const FACTORS: usize = 5;
/// Factors that are only asked for.
const POSSIBLE: usize = 4;

pub(super) fn root_causes(ledger: &mut Ledger<'_, '_>) -> Result<Vec<RootCause>, minijinja::Error> {
    let diagnosis = ledger.diagnosis;
    let kept = Kept::of(diagnosis);
    let mut rows = Vec::new();
    for root in diagnosis.roots.iter().filter(|root| kept.has(root.finding)) {
        let Some(finding) = diagnosis.findings.get(root.finding) else {
            continue;
        };
        let mut affected = finding.affected.clone();
        let mut seen: BTreeSet<_> = std::iter::once(&finding.subject).chain(&finding.affected).collect();
        for index in &root.explains {
            let explained = diagnosis.findings.get(*index);
            for subject in explained
                .into_iter()
                .flat_map(|finding| std::iter::once(&finding.subject).chain(&finding.affected))
            {
                if seen.insert(subject) {
                    affected.push(subject.clone());
                }
            }
        }
        rows.push(RootCause {
            rule: finding.rule.clone(),
            title: ledger.title(finding)?,
            subject: finding.subject.clone(),
            path: finding.path.clone(),
            confidence: stated(ledger, finding),
            findings: vec![ledger.finding_id(root.finding)],
            explains: root
                .explains
                .iter()
                .filter(|index| kept.has(**index))
                .map(|index| ledger.finding_id(*index))
                .collect(),
            affected,
            changes: about_finding(ledger, root.finding),
        });
    }
    Ok(rows)
}

/// A symptom that nothing explains is seen for certain, but as a cause it is undetermined.
fn stated(ledger: &Ledger<'_, '_>, finding: &Finding) -> Confidence {
    if ledger.diagnosis.role(finding) == Role::Symptom {
        Confidence::Undetermined
    } else {
        finding.confidence
    }
}

pub(super) fn findings(ledger: &mut Ledger<'_, '_>) -> Result<Vec<FindingView>, minijinja::Error> {
    let diagnosis = ledger.diagnosis;
    let mut causes: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    let kept = Kept::of(diagnosis);
    let mut risks: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for edge in diagnosis.edges.iter().filter(|edge| kept.has(edge.from)) {
        let from = diagnosis.findings.get(edge.from);
        let of = match from.map(|finding| diagnosis.role(finding)) {
            Some(Role::Factor) => &mut risks,
            _ => &mut causes,
        };
        of.entry(edge.to).or_default().push(ledger.finding_id(edge.from));
    }
    let mut rows = Vec::new();
    for index in ledger.by_level().into_iter().filter(|index| kept.has(*index)) {
        let Some(finding) = diagnosis.findings.get(index) else {
            continue;
        };
        let title = ledger.title(finding)?;
        let mut evidence = ledger.cite_all(&finding.evidence);
        // A risk rests on what is known of the component as much as on what was read.
        if diagnosis.role(finding) == Role::Factor {
            evidence.extend(ledger.know_of(finding, &title));
        }
        rows.push(FindingView {
            id: ledger.finding_id(index),
            rule: finding.rule.clone(),
            level: finding.level,
            confidence: finding.confidence,
            title,
            subject: finding.subject.clone(),
            path: finding.path.clone(),
            affected: finding.affected.clone(),
            first_seen: finding.first.clone(),
            last_seen: finding.last.clone(),
            count: finding.count,
            evidence,
            caused_by: causes.remove(&index).unwrap_or_default(),
            aggravated_by: risks.remove(&index).unwrap_or_default(),
            symptom: diagnosis.role(finding) == Role::Symptom,
            in_baseline: diagnosis.in_baseline.contains_key(&index),
        });
    }
    Ok(rows)
}

pub(super) fn localisation(ledger: &mut Ledger<'_, '_>) -> Result<Vec<Sentence>, minijinja::Error> {
    let mut sentences = Vec::new();
    for finding in ledger.root_findings() {
        let list = |name: &str| finding.facts.get(name).cloned().filter(Value::is_array);
        if let (Some(names), Some(images), "HostContainer") =
            (list("missing"), list("images"), finding.subject.kind.as_str())
        {
            let facts = [
                ("names", names),
                ("images", images),
                ("host", finding.facts.get("host").cloned().unwrap_or_default()),
            ];
            let text = filled("localisation.component", &facts);
            let refs = ledger.cite_facts(finding, &["missing", "images"], &text);
            // The cause itself stands in full at the top; here is what is broken.
            sentences.push(Sentence {
                text,
                refs,
                confidence: Some(stated(ledger, finding)),
            });
        } else {
            sentences.push(Sentence {
                confidence: Some(stated(ledger, finding)),
                ..ledger.titled(finding)?
            });
        }
    }
    Ok(sentences)
}

pub(super) fn direct_causes(ledger: &mut Ledger<'_, '_>) -> Result<Vec<Sentence>, minijinja::Error> {
    let mut sentences = Vec::new();
    for finding in ledger.root_findings() {
        let Some(header) = ledger.header(finding) else { continue };
        let mut sentence = ledger.sentence(&header.cause, finding)?;
        sentence.confidence = Some(stated(ledger, finding));
        sentence.refs.extend(ledger.know_of(finding, &sentence.text));
        sentences.push(sentence);
    }
    Ok(sentences)
}

pub(super) fn contributing(ledger: &mut Ledger<'_, '_>) -> Result<Vec<Contributing>, minijinja::Error> {
    let mut rows: Vec<Contributing> = Vec::new();
    for finding in ledger.root_findings() {
        let factors = ledger
            .header(finding)
            .map(|header| header.factors.as_slice())
            .unwrap_or_default();
        let facts = ledger.facts(finding);
        for factor in factors {
            if let Some(condition) = &factor.when
                && !ledger.wording.holds(condition, &facts)?
            {
                continue;
            }
            let text = ledger.wording.text(&factor.text, &facts)?;
            let code = ledger.wording.command(&factor.code, &facts)?;
            let confidence = factor.confidence.unwrap_or(finding.confidence);
            let refs = if code.is_empty() {
                ledger.cite_values(finding, &[&factor.text], &text)
            } else {
                ledger.cite_claim(finding, &[], &Text::same(crate::model::code(&code)))
            };
            let id = format!("C{}", rows.len() + 1);
            rows.push(Contributing {
                id,
                sentence: Sentence {
                    text,
                    refs,
                    confidence: Some(confidence),
                },
                code,
                kind: match factor.part {
                    FactorPart::Barrier => CausalKind::Barrier,
                    FactorPart::Condition => CausalKind::Condition,
                },
                mechanism: factor.mechanism.clone(),
            });
        }
        if factors.is_empty() {
            possible_gaps(ledger, finding, &facts, &mut rows)?;
        }
    }
    Ok(rows)
}

/// Where a rule names no factor, the protections that it recommends are the questions to ask: was there one? The data does not tell.
fn possible_gaps(
    ledger: &Ledger<'_, '_>,
    finding: &Finding,
    facts: &Map<String, Value>,
    rows: &mut Vec<Contributing>,
) -> Result<(), minijinja::Error> {
    let wordings = ledger
        .header(finding)
        .map(|header| header.prevention.as_slice())
        .unwrap_or_default();
    for (kind, frame) in [
        (ActionKind::Prevent, "factor.not-prevented"),
        (ActionKind::Detect, "factor.not-detected"),
    ] {
        let Some(wording) = wordings.iter().find(|wording| wording.kind == kind) else {
            continue;
        };
        if rows.len() >= POSSIBLE {
            break;
        }
        let text = framed(frame, &ledger.wording.text(&wording.text, facts)?);
        // Two causes of one kind would be answered by one protection.
        if rows.iter().any(|row| row.sentence.text == text) {
            continue;
        }
        rows.push(Contributing {
            id: format!("C{}", rows.len() + 1),
            sentence: Sentence {
                text,
                refs: Vec::new(),
                confidence: Some(Confidence::Undetermined),
            },
            code: String::new(),
            kind: CausalKind::Barrier,
            mechanism: Text::default(),
        });
    }
    Ok(())
}

/// Factors found beside the causes, such as a version that nobody maintains: what they may make worse is part of the incident.
pub(super) fn factors_found(
    ledger: &mut Ledger<'_, '_>,
    contributing: &mut Vec<Contributing>,
) -> Result<Vec<Found>, minijinja::Error> {
    let mut found = Vec::new();
    for index in concerning(ledger.diagnosis, &ledger.involved_indices()) {
        let Some(finding) = ledger.diagnosis.findings.get(index) else {
            continue;
        };
        let mut sentence = ledger.titled(finding)?;
        let known = ledger.know_of(finding, &sentence.text);
        sentence.refs.extend(known);
        if let Some(before) = ledger.diagnosis.in_baseline.get(&index) {
            sentence.refs.extend(ledger.cite_all(before));
            let note = phrase("factor.in-baseline");
            sentence.text = Text::new(
                format!("{}{}", sentence.text.zh, note.zh),
                format!("{}{}", sentence.text.en, note.en),
            );
        }
        let id = format!("C{}", contributing.len() + 1);
        found.push(Found {
            id: id.clone(),
            finding: index,
        });
        contributing.push(Contributing {
            id,
            sentence,
            code: String::new(),
            kind: CausalKind::Barrier,
            mechanism: Text::default(),
        });
    }
    Ok(found)
}

/// A factor that a finding is.
pub(super) struct Found {
    /// Its id among the factors.
    pub(super) id: String,
    /// The finding, by its index.
    pub(super) finding: usize,
}

/// True for a drift from the baseline that lacks only what is known to be missing: the symptom in other words.
fn restates(finding: &Finding, names: &BTreeSet<&str>) -> bool {
    let list = |name: &str| finding.facts.get(name).and_then(Value::as_array);
    let (Some(missing), Some(changed)) = (list("missing"), list("changed")) else {
        return false;
    };
    let is_known = |name: &Value| name.as_str().is_some_and(|name| names.contains(name));
    changed.is_empty() && !missing.is_empty() && missing.iter().all(is_known)
}

/// The factors with an edge to something of the incident, or about the very thing that a finding of it is about.
fn concerning(diagnosis: &Diagnosis<'_>, involved: &BTreeSet<usize>) -> Vec<usize> {
    let subjects: BTreeSet<&Subject> = involved
        .iter()
        .filter_map(|index| Some(&diagnosis.findings.get(*index)?.subject))
        .collect();
    let by_edge: BTreeSet<usize> = diagnosis
        .edges
        .iter()
        .filter(|edge| involved.contains(&edge.to))
        .map(|edge| edge.from)
        .collect();
    let names: BTreeSet<&str> = involved
        .iter()
        .filter_map(|index| diagnosis.findings.get(*index))
        .flat_map(|finding| std::iter::once(&finding.subject).chain(&finding.affected))
        .map(|subject| subject.name.as_str())
        .collect();
    let all = diagnosis.findings.iter().enumerate();
    all.filter(|(_, finding)| !restates(finding, &names))
        .filter(|(index, finding)| {
            diagnosis.role(finding) == Role::Factor && (by_edge.contains(index) || subjects.contains(&finding.subject))
        })
        .map(|(index, _)| index)
        .take(FACTORS)
        .collect()
}

pub(super) fn graph(
    ledger: &mut Ledger<'_, '_>,
    contributing: &[Contributing],
) -> Result<CausalGraph, minijinja::Error> {
    let diagnosis = ledger.diagnosis;
    let mut graph = CausalGraph::default();
    let mut ids: BTreeMap<usize, String> = BTreeMap::new();
    // Roots first, then what they explain: causes before effects.
    let order = diagnosis
        .roots
        .iter()
        .map(|root| root.finding)
        .chain(diagnosis.roots.iter().flat_map(|root| root.explains.iter().copied()));
    for index in order {
        let Some(finding) = diagnosis.findings.get(index) else {
            continue;
        };
        if ids.contains_key(&index) || graph.nodes.len() >= NODES.saturating_sub(barriers::room(contributing)) {
            continue;
        }
        let is_root = diagnosis.roots.iter().any(|root| root.finding == index);
        let kind = match (is_root, diagnosis.role(finding)) {
            (true, Role::Cause) => CausalKind::Trigger,
            (_, Role::Symptom) => CausalKind::Impact,
            _ => CausalKind::Failure,
        };
        let id = format!("N{}", graph.nodes.len() + 1);
        // The title stands in full above; a chain is read by short labels.
        let title = match ledger.header(finding).and_then(|header| header.hypothesis.as_ref()) {
            Some(short) => ledger.sentence(short, finding)?,
            None => ledger.titled(finding)?,
        };
        graph.nodes.push(CausalNode {
            id: id.clone(),
            kind,
            label: title.text,
            // What merely follows was seen; only as a cause is it undetermined.
            confidence: if is_root {
                stated(ledger, finding)
            } else {
                finding.confidence
            },
            refs: title.refs,
        });
        ids.insert(index, id);
    }
    for edge in &diagnosis.edges {
        if let (Some(from), Some(to), Some(cause), Some(effect)) = (
            ids.get(&edge.from),
            ids.get(&edge.to),
            diagnosis.findings.get(edge.from),
            diagnosis.findings.get(edge.to),
        ) {
            // That the one led to the other is shown by what the cause's evidence has of the thing that suffered.
            let mut refs = ledger.cite_subject(cause, &effect.subject);
            refs.extend(ledger.know_of(cause, &edge.mechanism));
            graph.edges.push(CausalEdge {
                from: from.clone(),
                to: to.clone(),
                label: edge.mechanism.clone(),
                refs,
            });
        }
    }
    effects(ledger, &ids, &mut graph);
    barriers::add(ledger, contributing, &ids, &mut graph)?;
    in_order(&mut graph);
    Ok(graph)
}

/// A chain is read from what set it off and what made it possible to what came of it; the barriers come last. Numbered in that order.
fn in_order(graph: &mut CausalGraph) {
    graph.nodes.sort_by_key(|node| match node.kind {
        CausalKind::Trigger => 0,
        CausalKind::Condition => 1,
        CausalKind::Failure | CausalKind::Impact => 2,
        CausalKind::Barrier => 3,
    });
    let nodes = graph.nodes.iter_mut().enumerate();
    let renamed: BTreeMap<String, String> = nodes
        .map(|(index, node)| {
            let id = format!("N{}", index + 1);
            (std::mem::replace(&mut node.id, id.clone()), id)
        })
        .collect();
    for end in graph.edges.iter_mut().flat_map(|edge| [&mut edge.from, &mut edge.to]) {
        if let Some(id) = renamed.get(end) {
            end.clone_from(id);
        }
    }
}

/// Where a chain ends in a container that is gone, what its role lets expect: an effect that nobody saw.
fn effects(ledger: &mut Ledger<'_, '_>, ids: &BTreeMap<usize, String>, graph: &mut CausalGraph) {
    if graph.nodes.iter().any(|node| node.kind == CausalKind::Impact) {
        return;
    }
    for (index, from) in ids {
        let finding = ledger.diagnosis.findings.get(*index);
        let failure = graph
            .nodes
            .iter()
            .find(|node| node.id == *from && node.kind == CausalKind::Failure);
        let (Some(finding), Some(failure)) = (finding, failure) else {
            continue;
        };
        let Some(label) = effect(ledger, &finding.subject) else {
            continue;
        };
        let mut refs = failure.refs.clone();
        refs.extend(duty(ledger, &finding.subject.name));
        let id = format!("N{}", graph.nodes.len() + 1);
        graph.edges.push(CausalEdge {
            from: from.clone(),
            to: id.clone(),
            label: phrase("causal.expected"),
            refs: refs.clone(),
        });
        graph.nodes.push(CausalNode {
            id,
            kind: CausalKind::Impact,
            label,
            confidence: Confidence::Undetermined,
            refs,
        });
    }
}

pub(super) fn ruled_out(ledger: &mut Ledger<'_, '_>) -> Result<Vec<Sentence>, minijinja::Error> {
    let mut sentences: Vec<Sentence> = Vec::new();
    for finding in ledger.root_findings() {
        let wordings = ledger
            .header(finding)
            .map(|header| header.rules_out.as_slice())
            .unwrap_or_default();
        for wording in wordings {
            let text = ledger.say(wording, finding)?;
            let known = sentences.iter().any(|sentence| sentence.text == text);
            if !known && !is_blank(&text) {
                let refs = ledger.cite_claim(finding, &[wording], &text);
                sentences.push(Sentence {
                    text,
                    refs,
                    confidence: Some(Confidence::RuledOut),
                });
            }
        }
    }
    Ok(sentences)
}

/// The contradictions and open questions, and what the former come to in a few words.
pub(super) fn questions(ledger: &mut Ledger<'_, '_>) -> Result<(Vec<Sentence>, Vec<Sentence>), minijinja::Error> {
    let mut sentences = Vec::new();
    for finding in ledger.root_findings() {
        let wordings = ledger
            .header(finding)
            .map(|header| header.questions.as_slice())
            .unwrap_or_default();
        for wording in wordings {
            let text = ledger.say(wording, finding)?;
            if !is_blank(&text) {
                let mut refs = ledger.cite_values(finding, &[wording], &text);
                refs.extend(ledger.know_said(finding, &text));
                sentences.push(Sentence {
                    text,
                    refs,
                    confidence: None,
                });
            }
        }
        if ledger.diagnosis.role(finding) == Role::Symptom {
            sentences.push(plain_sentence(phrase("question.unexplained")));
        }
    }
    // Right after what is asked first: what was done to the same containers before it.
    let at = sentences.len().min(1);
    sentences.splice(at..at, super::bursts::questions(ledger));
    sentences.extend(super::unexplained::questions(ledger));
    let (mut all, conflicts) = super::contradictions::contradictions(ledger);
    all.append(&mut sentences);
    let mut sentences = all;
    let diagnosis = ledger.diagnosis;
    let explained: BTreeSet<usize> = diagnosis
        .roots
        .iter()
        .flat_map(|root| std::iter::once(root.finding).chain(root.explains.iter().copied()))
        .collect();
    let about: BTreeSet<&Subject> = explained
        .iter()
        .filter_map(|index| Some(&diagnosis.findings.get(*index)?.subject))
        .collect();
    let unexplained = diagnosis.findings.iter().enumerate().filter(|(index, finding)| {
        // A risk is no question: it stands among the factors, or only among the findings. Neither is another description of what is
        // explained: a container's last words beside the cause of its end.
        let open = match diagnosis.role(finding) {
            Role::Factor => false,
            Role::Cause => true,
            Role::Link | Role::Symptom => !about.contains(&finding.subject),
        };
        open && !explained.contains(index)
    });
    for (_, finding) in unexplained.take(ROOTS) {
        sentences.push(Sentence {
            confidence: None,
            ..ledger.titled(finding)?
        });
    }
    for number in conflicts.len() + 1..=sentences.len() {
        let facts = [("number", number.to_string().into())];
        let (label, question) = (
            filled("blank.question.one", &facts),
            filled("question.question.one", &facts),
        );
        ledger.blank(&format!("question.{number}"), label, question, false);
    }
    if !conflicts.is_empty() {
        let (label, question) = (phrase("blank.question.answers"), phrase("question.question.answers"));
        ledger.blank("question.answers", label, question, false);
    }
    Ok((sentences, conflicts))
}

//! Chapter 2.2.3: in the body each hypothesis with its verdict and what decides it; in the details the evidence against all of them.

use std::collections::BTreeMap;

use minijinja::context;
use minijinja::value::Value;

use super::details;
use super::plan::{self, Part};
use crate::model::Confidence;
use crate::report::model::Hypotheses;
use crate::report::render::rich::Rich;
use crate::report::render::scribe::Scribe;

/// The questions, and for each its hypotheses. They are numbered through: a hypothesis has one number, whichever question it answers. Those
/// of one verdict that one piece of evidence decides share a row.
pub(super) fn verdicts(s: &Scribe<'_>) -> Vec<Value> {
    let mut number = 0_usize;
    let mut shown = Vec::new();
    let tables = s.report.hypotheses.iter().chain(&s.report.further_hypotheses);
    for table in tables.take(plan::limit(Part::Hypotheses)) {
        let mut rows: Vec<Row> = Vec::new();
        let cause = number + 1;
        let is_explained = table
            .rows
            .iter()
            .all(|row| row.cells.first().is_some_and(|cell| cell.starts_with('+')));
        for (at, column) in table.columns.iter().enumerate() {
            number += 1;
            let verdict = table.verdicts.get(at).copied().unwrap_or(Confidence::Undetermined);
            let ground = decisive(table, at, verdict);
            let mut text = Rich::parse(&format!("H{number}"));
            text.append(" ", s.text(column));
            let same = rows
                .iter_mut()
                .find(|row| row.verdict == verdict && row.ground == ground);
            match same {
                Some(row) => row.text.append(&s.words.joint.items, text),
                None => rows.push(Row {
                    first: number,
                    text,
                    verdict,
                    ground,
                }),
            }
        }
        // What decides several rows is said once.
        let mut said: BTreeMap<usize, usize> = BTreeMap::new();
        let cells = rows.into_iter().map(|row| {
            let first = row.ground.map(|ground| *said.entry(ground).or_insert(row.first));
            let evidence = row.ground.and_then(|ground| table.rows.get(ground));
            let why = match (first, evidence) {
                (Some(first), _) if first != row.first => {
                    Rich::parse(&s.words.joint.same_as.replace("{what}", &format!("H{first}")))
                }
                (_, Some(evidence)) => s.sentence(&evidence.sentence),
                (_, None) if is_explained && row.verdict == Confidence::Undetermined => {
                    Rich::parse(&s.words.joint.unnamed.replace("{n}", &cause.to_string()))
                }
                _ => Rich::default(),
            };
            context! { text => row.text, badge => verdict(s, row.verdict), why }
        });
        let cells: Vec<Value> = cells.collect();
        if !cells.is_empty() {
            shown.push(context! { question => s.text(&table.question), rows => cells });
        }
    }
    shown
}

/// The verdict in words. Of a hypothesis that nothing decides it is not its confidence that matters, but that nothing speaks for it.
fn verdict(s: &Scribe<'_>, verdict: Confidence) -> Rich {
    match verdict {
        Confidence::Undetermined => Rich::parse(&s.words.joint.unsupported),
        verdict => s.badge(verdict),
    }
}

/// One or more hypotheses with what is said of them.
struct Row {
    /// The number of the first.
    first: usize,
    text: Rich,
    verdict: Confidence,
    /// The row of evidence that decides it.
    ground: Option<usize>,
}

/// The row that speaks most for the verdict on a hypothesis: of those that rule it out the one that rules out the least besides.
fn decisive(table: &Hypotheses, at: usize, verdict: Confidence) -> Option<usize> {
    let says = |wanted: &'static str| {
        let rows = table.rows.iter().enumerate();
        let rows = rows.filter(move |(_, row)| row.cells.get(at) == Some(&wanted));
        rows.min_by_key(|(_, row)| row.cells.iter().filter(|cell| **cell == wanted).count())
            .map(|(index, _)| index)
    };
    match verdict {
        Confidence::RuledOut => says("--"),
        Confidence::Undetermined => None,
        _ => says("++").or_else(|| says("+")),
    }
}

/// The tables in full: the evidence against every hypothesis.
pub(super) fn tables(s: &Scribe<'_>) -> Vec<Value> {
    let mut number = 0;
    let mut blocks = Vec::new();
    for table in s.report.hypotheses.iter().chain(&s.report.further_hypotheses) {
        let heads = table.columns.iter().map(|text| {
            number += 1;
            let mut rich = Rich::parse(&format!("H{number}"));
            rich.append(" ", s.text(text));
            rich
        });
        let heads: Vec<Rich> = heads.collect();
        let rows = table.rows.iter().map(|row| {
            // A minus sign proper, so that two of them are not read as a dash.
            let cells = row.cells.iter().map(|cell| Rich::parse(&cell.replace('-', "−")));
            std::iter::once(s.sentence(&row.sentence)).chain(cells).collect()
        });
        let mut rows: Vec<Vec<Rich>> = rows.collect();
        let verdicts = table.verdicts.iter().map(|&of| verdict(s, of));
        rows.push(
            std::iter::once(Rich::parse(&s.words.joint.verdict))
                .chain(verdicts)
                .collect(),
        );
        if !table.question.is_empty() {
            blocks.push(details::text(s.text(&table.question)));
        }
        blocks.push(details::table(&["evidence"], heads, rows));
    }
    blocks
}

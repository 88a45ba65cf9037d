//! Appendices H and I: settings in which nodes are not like most, and pods not like their siblings.

use super::ledger::Ledger;
use crate::model::Citation;
use crate::report::model::{NodeDifferenceRow, PodDifferenceRow};
use crate::rules::toolbox::odd_nodes::{NodeDifference, odd_nodes};
use crate::rules::toolbox::odd_pods::odd_pods;

/// Rows in the report.
const ROWS: usize = 200;
/// Characters of a value that are shown.
const WIDTH: usize = 160;

pub(super) fn differences(ledger: &mut Ledger<'_, '_>) -> Vec<NodeDifferenceRow> {
    let found = odd_nodes(ledger.diagnosis.snapshot);
    found.iter().take(ROWS).filter_map(|found| row(ledger, found)).collect()
}

pub(super) fn of_siblings(ledger: &mut Ledger<'_, '_>) -> Vec<PodDifferenceRow> {
    let mut rows = Vec::new();
    for found in odd_pods(ledger.diagnosis.snapshot).into_iter().take(ROWS) {
        let refs = ledger.cite_all(&found.cites);
        let mut shown =
            |value: Option<String>| value.map_or_else(String::new, |value| short(&ledger.masker.mask(&value)));
        rows.push(PodDifferenceRow {
            owner: found.owner,
            datum: found.datum.to_owned(),
            name: found.name,
            odd: found.odd,
            odd_value: shown(found.odd_value),
            others_value: shown(found.others_value),
            others: found.others,
            refs,
        });
    }
    rows
}

/// Arguments of a container may be a whole script.
fn short(text: &str) -> String {
    let mut kept: String = text.chars().take(WIDTH).collect();
    if kept.len() < text.len() {
        kept.push('…');
    }
    kept
}

fn row(ledger: &mut Ledger<'_, '_>, found: &NodeDifference) -> Option<NodeDifferenceRow> {
    let first = found.values.keys().next()?;
    let odd = found.odd.as_ref().unwrap_or(first);
    let others: Vec<String> = found.values.keys().filter(|node| *node != odd).cloned().collect();
    let at = |node: &String| -> Option<(String, Citation)> { found.values.get(node)?.clone() };
    let (mine, theirs) = (at(odd), others.first().and_then(at));
    let refs = ledger.cite_all([&mine, &theirs].into_iter().flatten().map(|(_, cite)| cite));
    let mut shown = |value: Option<(String, Citation)>| {
        value.map_or_else(String::new, |(value, _)| ledger.masker.mask(&value).into_owned())
    };
    Some(NodeDifferenceRow {
        datum: found.setting.datum.to_owned(),
        name: found.setting.name.clone(),
        odd: odd.clone(),
        odd_value: shown(mine),
        others_value: shown(theirs),
        others,
        refs,
    })
}

//! Appendix G: settings in which nodes are not like most.

use super::ledger::Ledger;
use crate::model::Citation;
use crate::report::model::NodeDifferenceRow;
use crate::rules::toolbox::odd_nodes::{NodeDifference, odd_nodes};

/// Rows in the report.
const ROWS: usize = 200;

pub(super) fn differences(ledger: &mut Ledger<'_, '_>) -> Vec<NodeDifferenceRow> {
    let found = odd_nodes(ledger.diagnosis.snapshot);
    found.iter().take(ROWS).filter_map(|found| row(ledger, found)).collect()
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

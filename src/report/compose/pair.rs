//! The comparison of two bundles as a document of its own.

use std::collections::BTreeMap;

use super::bundle_refs;
use super::difference::row;
use super::ledger::Ledger;
use crate::diagnosis::Diagnosis;
use crate::model::Subject;
use crate::redact::Masker;
use crate::report::model::{Comparison, DiffGroup, SCHEMA_VERSION};

/// Composes what differs between the bundle of a diagnosis and its baseline. `masker` has learned the secrets of both.
pub fn compare(diagnosis: &Diagnosis<'_>, masker: &mut Masker) -> Comparison {
    let mut ledger = Ledger::new(diagnosis, masker);
    let mut groups: Vec<DiffGroup> = Vec::new();
    let mut places: BTreeMap<Subject, usize> = BTreeMap::new();
    let relevant: Vec<usize> = diagnosis.changes.values().flatten().copied().collect();
    let different = diagnosis.differences.iter().flat_map(|found| &found.different);
    for (index, difference) in different.enumerate() {
        let mut row = row(&mut ledger, difference);
        row.relevant = relevant.contains(&index);
        let place = *places.entry(difference.subject.clone()).or_insert(groups.len());
        match groups.get_mut(place) {
            Some(group) => group.rows.push(row),
            None => groups.push(DiffGroup {
                subject: difference.subject.clone(),
                rows: vec![row],
            }),
        }
    }
    // What a finding builds on comes first; besides, the differences stand in the order of suspicion.
    groups.sort_by_key(|group| !group.rows.iter().any(|row| row.relevant));
    let good = diagnosis
        .baseline
        .map(|good| bundle_refs(&mut ledger, good, "baseline"));
    let bad = bundle_refs(&mut ledger, diagnosis.snapshot, "incident");
    Comparison {
        schema_version: SCHEMA_VERSION,
        good: good.unwrap_or_default(),
        bad,
        equal: diagnosis.differences.as_ref().map_or(0, |found| found.equal),
        groups,
        evidence: ledger.evidence,
    }
}

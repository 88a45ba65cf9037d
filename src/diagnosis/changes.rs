//! Which of the differences from a baseline concern which finding: what changed on the way to a failure is the first suspect.

use std::collections::{BTreeMap, BTreeSet};

use super::surroundings::Surroundings;
use super::{Difference, Differences};
use crate::model::Subject;
use crate::rules::Finding;

/// For each finding that a change concerns, the indices of those differences. A change concerns a finding when it is one of its
/// subject, of something that the subject names or is blamed for, or of a place that the finding cites.
pub(super) fn changes_by_finding(
    surroundings: &Surroundings<'_>,
    findings: &[Finding],
    differences: &Differences,
) -> BTreeMap<usize, Vec<usize>> {
    let mut around: BTreeMap<&Subject, BTreeSet<Subject>> = BTreeMap::new();
    let mut changes = BTreeMap::new();
    for (index, finding) in findings.iter().enumerate() {
        let near = around
            .entry(&finding.subject)
            .or_insert_with(|| surroundings.of(&finding.subject));
        let mut concerning: Vec<usize> = differences
            .different
            .iter()
            .enumerate()
            .filter(|(_, difference)| difference.datum != "label")
            .filter(|(_, difference)| {
                near.contains(&difference.subject)
                    || finding.blames.contains(&difference.subject)
                    || is_same_place(finding, difference)
                    || cites(finding, difference)
            })
            .map(|(index, _)| index)
            .collect();
        // Its own changes come before those of what it names; both stand in the order of suspicion.
        concerning.sort_by_key(|index| {
            let subject = differences.different.get(*index).map(|difference| &difference.subject);
            subject != Some(&finding.subject)
        });
        if !concerning.is_empty() {
            changes.insert(index, concerning);
        }
    }
    changes
}

/// Things on a host are called by their host, which the runtime and the cluster may name differently.
fn is_same_place(finding: &Finding, difference: &Difference) -> bool {
    let (mine, other) = (&finding.subject, &difference.subject);
    let on_host = ["HostContainer", "File", "Certificate"].contains(&mine.kind.as_str());
    on_host && mine.kind == other.kind && mine.name == other.name
}

/// True when the finding quotes the very place that differs.
fn cites(finding: &Finding, difference: &Difference) -> bool {
    finding.evidence.iter().any(|cite| {
        difference
            .evidence
            .iter()
            .any(|other| other.bundle == cite.bundle && other.file == cite.file && other.place == cite.place)
    })
}

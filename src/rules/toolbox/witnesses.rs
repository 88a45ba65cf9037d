//! What data stores write of clients that they refuse: proof beside a client's complaint, and all there is where no client's log was
//! collected.

use std::collections::BTreeMap;

use super::complaints::{Complaint, complaints, finding, speaker_is_data_store};
use super::strain::others_suffer;
use crate::model::{Confidence, Subject};
use crate::rules::{Finding, Input, RuleHeader, Subjects};

/// At most so many lines of a store beside a client's own.
const CITED: usize = 2;

/// Adds what stores say to the findings about their clients. A store that refuses somebody while no client says so is named itself,
/// provided that something beside it suffers: many a store is asked for what it refuses without anybody's harm.
pub fn hear_stores(input: &Input<'_>, rule: &RuleHeader, subjects: &Subjects, findings: &mut Vec<Finding>) {
    if subjects.stores_tell.is_empty() {
        return;
    }
    let is_told = |id: &str| {
        id.strip_prefix(rule.id.as_str())
            .and_then(|rest| rest.strip_prefix('/'))
            .is_some_and(|id| subjects.stores_tell.iter().any(|told| told == id))
    };
    let heard = Subjects {
        clients_only: false,
        ..subjects.clone()
    };
    let mut by_store: BTreeMap<Subject, Vec<Complaint<'_>>> = BTreeMap::new();
    for complaint in complaints(input.snapshot, &is_told, &heard) {
        if speaker_is_data_store(&complaint.speaker) {
            let store = complaint.speaker.workload.clone();
            by_store.entry(store).or_default().push(complaint);
        }
    }
    for (store, told) in by_store {
        let mut is_known = false;
        for client in findings.iter_mut().filter(|client| client.blames.contains(&store)) {
            is_known = true;
            for complaint in told.iter().take(CITED) {
                client.add_cite(complaint.cite.clone());
                for (name, value) in &complaint.captures {
                    let fact = client.facts.entry(name.clone());
                    fact.or_insert_with(|| value.clone().into());
                }
            }
        }
        let is_told_otherwise = findings.iter().any(|known| known.subject.namespace == store.namespace);
        if is_known || is_told_otherwise || !others_suffer(input.snapshot, &store) {
            continue;
        }
        if let Some(mut found) = finding(input, rule, store, told) {
            found.confidence = found.confidence.min(Confidence::Probable);
            findings.push(found);
        }
    }
}

//! What a machine's own files show beside what its logs tell of the same failure: a log may be too young, or may not have been collected.

use super::hosts::{Machine, Suffering, confidence, suffering};
use super::nodes::quote;
use crate::cluster::Snapshot;
use crate::model::Citation;
use crate::rules::{Finding, RuleHeader};

/// A finding about a machine on which something suffers, by a setting or a state of which the first citation is quoted as `line`. None
/// where all is known to be well: then the setting is not in use, or does no harm.
pub fn shown(snapshot: &Snapshot, rule: &RuleHeader, machine: &Machine<'_>, cites: Vec<Citation>) -> Option<Finding> {
    let suffers = suffering(snapshot, &machine.node);
    if suffers == Suffering::No || !machine.is_node(snapshot) {
        return None;
    }
    let mut finding = machine.finding(snapshot, rule, confidence(suffers));
    for cite in cites {
        finding.add_cite(cite);
    }
    let line = quote(&finding);
    Some(finding.fact("line", line))
}

/// Findings by texts, with those by states: one for each subject. What a text tells is said as it tells it.
pub fn joined(mut told: Vec<Finding>, shown: Vec<Finding>) -> Vec<Finding> {
    for state in shown {
        match told.iter_mut().find(|finding| finding.subject == state.subject) {
            Some(known) => {
                for cite in state.evidence {
                    known.add_cite(cite);
                }
            }
            None => told.push(state),
        }
    }
    told
}

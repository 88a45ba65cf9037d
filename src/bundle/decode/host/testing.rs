//! Helpers of this folder's tests.

use super::HostFact;
use crate::bundle::decode::{Fact, Section};

/// The facts about the machine in a section.
pub(super) fn host_facts(section: Section) -> Vec<HostFact> {
    let is_host = |fact| match fact {
        Fact::Host(fact) => Some(fact),
        _ => None,
    };
    section.facts.into_iter().filter_map(is_host).collect()
}

/// `key=value` of the single values in a section.
pub(super) fn values(section: &Section) -> Vec<String> {
    let shown = |fact: &Fact| match fact {
        Fact::Value { key, value, .. } => Some(format!("{key}={value}")),
        _ => None,
    };
    section.facts.iter().filter_map(shown).collect()
}

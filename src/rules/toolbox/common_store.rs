//! What several workloads complain of is to be looked for in the store that they share.

use crate::model::Confidence;
use crate::rules::{Finding, RuleHeader};

/// One more finding of the same rule, on the store that the findings of a namespace all blame; none where a single workload complains,
/// or where they blame different ones. Those who complain are what it affects.
pub fn common_store(rule: &RuleHeader, findings: &[Finding], namespace: &str) -> Option<Finding> {
    let complaining: Vec<&Finding> = findings
        .iter()
        .filter(|finding| finding.subject.namespace == namespace)
        .collect();
    let [first, others @ ..] = complaining.as_slice() else {
        return None;
    };
    let store = first.blames.iter().find(|object| {
        object.kind != "Service"
            && !others.is_empty()
            && others.iter().all(|other| other.blames.contains(*object))
            && complaining.iter().all(|client| client.subject != **object)
    })?;
    let mut found = Finding::new(rule, store.clone(), Confidence::Probable);
    found.facts.clone_from(&first.facts);
    for client in &complaining {
        found.add_affected(client.subject.clone());
        for cite in client.evidence.iter().take(1) {
            found.add_cite(cite.clone());
        }
    }
    Some(found)
}

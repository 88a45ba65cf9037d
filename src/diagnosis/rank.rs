//! Which findings are root causes, and in which order.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::Edge;
use crate::rules::{Finding, Ground, Role, Rules};

/// A root cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    /// Index of the finding.
    pub finding: usize,
    /// Indices of what it explains, directly or not.
    pub explains: Vec<usize>,
}

/// The sources of the graph, best first. A symptom is a root only when nothing explains it, and then it stands last.
pub fn roots(rules: &Rules, findings: &[Finding], edges: &[Edge]) -> Vec<Root> {
    let role = |finding: &Finding| rules.get(&finding.rule).map_or(Role::Symptom, |rule| rule.header.role);
    let mut roots: Vec<Root> = (0..findings.len())
        .filter(|index| !edges.iter().any(|edge| edge.to == *index))
        .map(|finding| Root {
            finding,
            explains: explained(finding, edges),
        })
        .collect();
    roots.retain(|root| {
        findings
            .get(root.finding)
            .is_some_and(|finding| role(finding) != Role::Factor)
    });
    // A cause that is itself explained accounts for its place as well: who complains of a peer that is down has no second incident.
    let causes: Vec<usize> = (0..findings.len())
        .filter(|index| findings.get(*index).is_some_and(|finding| role(finding) == Role::Cause))
        .collect();
    // What a cause at the same place already accounts for is not a second incident.
    roots.retain(|root| {
        findings.get(root.finding).is_some_and(|finding| {
            role(finding) == Role::Cause
                || !causes
                    .iter()
                    .filter_map(|index| findings.get(*index))
                    .any(|cause| same_place(cause, finding))
        })
    });
    // What is broken comes before what is merely odd, and what explains something that people see before what explains nothing.
    roots.sort_by_cached_key(|root| {
        findings.get(root.finding).map(|finding| {
            (
                role(finding),
                Reverse(finding.level),
                root.explains.is_empty(),
                Reverse(finding.confidence),
                Reverse(root.explains.len()),
                finding.first.as_ref().map(|when| when.earliest),
                finding.rule.clone(),
                finding.subject.clone(),
            )
        })
    });
    roots
}

fn explained(root: usize, edges: &[Edge]) -> Vec<usize> {
    let mut found = BTreeSet::new();
    let mut open = vec![root];
    while let Some(at) = open.pop() {
        for edge in edges.iter().filter(|edge| edge.from == at) {
            if edge.to != root && found.insert(edge.to) {
                open.push(edge.to);
            }
        }
    }
    found.into_iter().collect()
}

/// The same pod, workload or thing on a host.
fn same_place(a: &Finding, b: &Finding) -> bool {
    let local = |finding: &Finding| -> BTreeSet<(Ground, String)> {
        let here = [Ground::Pod, Ground::Workload, Ground::Object];
        finding
            .touches
            .iter()
            .filter(|touch| here.contains(&touch.ground))
            .map(|touch| (touch.ground, touch.key.clone()))
            .collect()
    };
    !local(a).is_disjoint(&local(b))
}

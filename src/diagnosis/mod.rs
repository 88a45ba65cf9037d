//! From findings to causes: which finding explains which, and which explains most.

mod applied;
mod diff;
mod graph;
mod rank;

pub use applied::{Drift, drifts};
pub use diff::{Difference, Differences, differences};
pub use graph::{Edge, edges};
pub use rank::{Root, roots};

use crate::cluster::Snapshot;
use crate::rules::{Finding, Input, Outcome, Role, Rules};

/// A snapshot, judged.
pub struct Diagnosis<'s> {
    /// The incident.
    pub snapshot: &'s Snapshot,
    /// A healthy counterpart.
    pub baseline: Option<&'s Snapshot>,
    /// The rules that were tried.
    pub rules: &'s Rules,
    /// All findings, in a fixed order. Everything else refers to them by index.
    pub findings: Vec<Finding>,
    /// Which finding causes which.
    pub edges: Vec<Edge>,
    /// Root causes, best first.
    pub roots: Vec<Root>,
    /// How each rule's check ended, in the rules' order.
    pub checks: Vec<(String, Checked)>,
    /// What is different from the baseline.
    pub differences: Option<Differences>,
    /// Fields of manifests that are otherwise in the cluster.
    pub drifts: Vec<Drift>,
}

/// How a check ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checked {
    /// Looked, and it is well.
    Pass,
    /// Looked, and it is not.
    Fail,
    /// These data are missing.
    Unknown(Vec<String>),
}

/// Judges a snapshot with every rule and joins what they find.
pub fn diagnose<'s>(rules: &'s Rules, snapshot: &'s Snapshot, baseline: Option<&'s Snapshot>) -> Diagnosis<'s> {
    let input = Input { snapshot, baseline };
    let mut findings = Vec::new();
    let mut checks = Vec::new();
    for rule in rules.iter() {
        let checked = match rule.judge(&input) {
            Outcome::Unknown(missing) => Checked::Unknown(missing),
            Outcome::Judged(found) if found.is_empty() => Checked::Pass,
            Outcome::Judged(found) => {
                findings.extend(found);
                Checked::Fail
            }
        };
        checks.push((rule.header.id.clone(), checked));
    }
    let edges = edges(rules, &findings);
    let roots = roots(rules, &findings, &edges);
    let differences = baseline.map(|baseline| differences(baseline, snapshot));
    Diagnosis {
        snapshot,
        baseline,
        rules,
        findings,
        edges,
        roots,
        checks,
        differences,
        drifts: drifts(snapshot),
    }
}

impl Diagnosis<'_> {
    /// The role of a finding's rule.
    pub fn role(&self, finding: &Finding) -> Role {
        self.rules
            .get(&finding.rule)
            .map_or(Role::Symptom, |rule| rule.header.role)
    }
}

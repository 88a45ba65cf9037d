//! From findings to causes: which finding explains which, and which explains most.

mod applied;
mod changes;
mod diff;
mod graph;
mod narrowing;
mod norm;
mod rank;
mod recent;
mod surroundings;
mod unexplained;

use applied::drifted;
pub use applied::{Drift, drifts};
pub use diff::{Difference, Differences, Side, differences};
pub use graph::{Edge, edges};
pub use narrowing::{Narrowing, UnknownNames};
pub use norm::{Earlier, Norm};
pub use rank::{Grounds, Root, roots};
pub use recent::{Change, RecentChange, recent_changes};
pub use unexplained::{Unexplained, moment_of_line};

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use crate::cluster::Snapshot;
use crate::logs::LogTemplate;
use crate::model::{Citation, Text};
use crate::rules::{Finding, Input, Outcome, Role, Rule, Rules, Unmet};

use changes::changes_by_finding;
use recent::just_before;
use surroundings::Surroundings;
use unexplained::{Known, unexplained};

/// Citations of a baseline that show that a finding holds there too.
const SHOWN_BEFORE: usize = 3;

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
    /// Those of them that hold in the baseline too, with what shows them there: they are no difference between good and bad.
    pub in_baseline: BTreeMap<usize, Vec<Citation>>,
    /// Which finding causes which.
    pub edges: Vec<Edge>,
    /// Root causes, best first.
    pub roots: Vec<Root>,
    /// How each rule's check ended, in the rules' order.
    pub checks: Vec<(String, Checked)>,
    /// Of checks that found something and could not be made to their end: why, by the rule's id.
    pub broken_off: BTreeMap<String, Text>,
    /// What is different from the baseline.
    pub differences: Option<Differences>,
    /// What further earlier bundles of the cluster had; see [`Diagnosis::compare_with`].
    pub norm: Option<Norm>,
    /// Fields of manifests that are otherwise in the cluster.
    pub drifts: Vec<Drift>,
    /// For each finding that a difference concerns, the indices of those differences.
    pub changes: BTreeMap<usize, Vec<usize>>,
    /// What changed inside the bundle, in time order.
    pub recent: Vec<RecentChange>,
    /// For each finding that a recent change came just before, the indices of those changes.
    pub preceded: BTreeMap<usize, Vec<usize>>,
    /// What fails and is not explained by any rule.
    pub unexplained: Vec<Unexplained>,
    /// What it was narrowed to, if it was.
    pub narrowed: Option<Narrowed>,
}

/// What was left out of a diagnosis.
#[derive(Debug, Clone)]
pub struct Narrowed {
    /// What it was narrowed to.
    pub by: Narrowing,
    /// How many findings are outside.
    pub hidden: usize,
    /// Which of the names are not in the bundle.
    pub unknown: UnknownNames,
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
    /// It cannot be told, for this reason, which a user's rule brings along.
    Failed(Text),
    /// Nothing that it is about is there.
    Unmet(Unmet),
    /// Another rule, of this id, says what it found instead.
    Told(String),
    /// Looked, and all that it found is outside of what the diagnosis was narrowed to.
    Outside,
}

/// Judges a snapshot with every rule and joins what they find.
pub fn diagnose<'s>(rules: &'s Rules, snapshot: &'s Snapshot, baseline: Option<&'s Snapshot>) -> Diagnosis<'s> {
    diagnose_within(rules, snapshot, baseline, &Narrowing::default())
}

/// As [`diagnose`], of a part of the snapshot. The whole of it is judged, so that a cause outside is found for what fails inside.
pub fn diagnose_within<'s>(
    rules: &'s Rules,
    snapshot: &'s Snapshot,
    baseline: Option<&'s Snapshot>,
    narrowing: &Narrowing,
) -> Diagnosis<'s> {
    let (mut findings, mut checks, broken_off) = judge(rules, &Input { snapshot, baseline });
    let mut narrowed = None;
    if !narrowing.is_empty() {
        let kept = narrowing.kept(snapshot, &findings, &edges(rules, &findings));
        narrowed = Some(Narrowed {
            by: narrowing.clone(),
            hidden: findings.len() - kept.len(),
            unknown: narrowing.unknown(snapshot),
        });
        let mut index = 0..;
        findings.retain(|_| index.next().is_some_and(|index| kept.contains(&index)));
        for (rule, checked) in &mut checks {
            if *checked == Checked::Fail && !findings.iter().any(|finding| finding.rule == *rule) {
                *checked = Checked::Outside;
            }
        }
    }
    let mut diagnosis = join(rules, snapshot, baseline, findings, checks);
    diagnosis.unexplained.retain(|thing| {
        let pods = snapshot.pods_of(&thing.subject).map(|pod| pod.node().to_owned());
        let nodes: Vec<String> = std::iter::once(thing.subject.node.clone()).chain(pods).collect();
        nodes.iter().any(|node| narrowing.holds(&thing.subject.namespace, node))
    });
    diagnosis.narrowed = narrowed;
    diagnosis.broken_off = broken_off;
    diagnosis
}

/// What each rule finds, how its check ended, and why one that found something broke off.
type Judged = (Vec<Finding>, Vec<(String, Checked)>, BTreeMap<String, Text>);

fn judge(rules: &Rules, input: &Input<'_>) -> Judged {
    let mut findings = Vec::new();
    let mut checks = Vec::new();
    let mut broken_off = BTreeMap::new();
    let all: Vec<&Rule> = rules.iter().collect();
    // Rules know nothing of one another, so they are judged side by side; what they find stands in their order all the same.
    let outcomes: Vec<Outcome> = all.par_iter().map(|rule| rule.judge(input)).collect();
    for (rule, outcome) in all.into_iter().zip(outcomes) {
        let checked = match outcome {
            Outcome::Unknown(missing) => Checked::Unknown(missing),
            Outcome::Failed(reason) => Checked::Failed(reason),
            Outcome::Partly(found, reason) => {
                findings.extend(found);
                broken_off.insert(rule.header.id.clone(), reason);
                Checked::Fail
            }
            Outcome::Unmet(unmet) => Checked::Unmet(unmet),
            Outcome::Judged(found) if found.is_empty() => Checked::Pass,
            Outcome::Judged(found) => {
                findings.extend(found);
                Checked::Fail
            }
        };
        checks.push((rule.header.id.clone(), checked));
    }
    yield_to_others(rules, &mut checks);
    (findings, checks, broken_off)
}

/// A rule that leaves its subject to another one, which found something, has not passed.
fn yield_to_others(rules: &Rules, checks: &mut [(String, Checked)]) {
    let failed: BTreeSet<String> = checks
        .iter()
        .filter(|(_, checked)| *checked == Checked::Fail)
        .map(|(rule, _)| rule.clone())
        .collect();
    for (rule, checked) in checks.iter_mut().filter(|(_, checked)| *checked == Checked::Pass) {
        let others = rules.get(rule).map(|rule| rule.header.yields_to.as_slice());
        if let Some(other) = others.unwrap_or_default().iter().find(|other| failed.contains(*other)) {
            *checked = Checked::Told(other.clone());
        }
    }
}

/// Joins findings into causes, and looks at what changed and at what stays unexplained.
fn join<'s>(
    rules: &'s Rules,
    snapshot: &'s Snapshot,
    baseline: Option<&'s Snapshot>,
    findings: Vec<Finding>,
    checks: Vec<(String, Checked)>,
) -> Diagnosis<'s> {
    let edges = edges(rules, &findings);
    let surroundings = Surroundings::new(snapshot);
    let differences = baseline.map(|baseline| differences(baseline, snapshot));
    let changes = differences
        .as_ref()
        .map(|differences| changes_by_finding(&surroundings, &findings, differences))
        .unwrap_or_default();
    let recent = recent_changes(snapshot);
    let preceded = preceded(&surroundings, &findings, &recent);
    let drifts = drifts(snapshot);
    let drifted = drifted(&findings, &drifts);
    let grounds = Grounds {
        changed: changes.keys().chain(&drifted.itself).copied().collect(),
        preceded: preceded.keys().chain(&drifted.beside).copied().collect(),
    };
    let roots = roots(rules, &findings, &edges, &grounds);
    let known = Known {
        rules,
        snapshot,
        findings: &findings,
        roots: &roots,
        differences: differences.as_ref(),
        changes: &recent,
    };
    let unexplained = unexplained(&known, &surroundings);
    let in_baseline = in_baseline(rules, baseline, &findings);
    Diagnosis {
        snapshot,
        baseline,
        rules,
        in_baseline,
        findings,
        edges,
        roots,
        checks,
        broken_off: BTreeMap::new(),
        differences,
        norm: None,
        drifts,
        changes,
        recent,
        preceded,
        unexplained,
        narrowed: None,
    }
}

/// The findings that the same rule makes of the same subject in the baseline, each with its evidence there.
fn in_baseline(rules: &Rules, baseline: Option<&Snapshot>, findings: &[Finding]) -> BTreeMap<usize, Vec<Citation>> {
    let Some(snapshot) = baseline else {
        return BTreeMap::new();
    };
    let wanted: BTreeSet<&str> = findings.iter().map(|finding| finding.rule.as_str()).collect();
    let input = Input {
        snapshot,
        baseline: None,
    };
    let before: Vec<Finding> = wanted
        .into_par_iter()
        .filter_map(|id| match rules.get(id)?.judge(&input) {
            Outcome::Judged(found) | Outcome::Partly(found, _) => Some(found),
            Outcome::Unknown(_) | Outcome::Failed(_) | Outcome::Unmet(_) => None,
        })
        .flatten()
        .collect();
    let known: BTreeMap<_, _> = before
        .iter()
        .map(|finding| ((finding.rule.as_str(), &finding.subject), &finding.evidence))
        .collect();
    let all = findings.iter().enumerate();
    all.filter_map(|(index, finding)| {
        let evidence = known.get(&(finding.rule.as_str(), &finding.subject))?;
        Some((index, evidence.iter().take(SHOWN_BEFORE).cloned().collect()))
    })
    .collect()
}

/// Which findings a recent change came just before.
fn preceded(
    surroundings: &Surroundings<'_>,
    findings: &[Finding],
    recent: &[RecentChange],
) -> BTreeMap<usize, Vec<usize>> {
    if recent.is_empty() {
        return BTreeMap::new();
    }
    let by_finding = findings.iter().enumerate();
    by_finding
        .map(|(index, finding)| (index, just_before(surroundings, finding, recent)))
        .filter(|(_, changes)| !changes.is_empty())
        .collect()
}

impl Diagnosis<'_> {
    /// Counts what earlier bundles beside the baseline had, where there are enough of them.
    pub fn compare_with(&mut self, others: &[Earlier]) {
        let differences = self.differences.as_ref();
        self.norm = differences.and_then(|differences| Norm::new(&differences.different, others));
    }

    /// True for a thing of a namespace and a node that the diagnosis was not narrowed away from.
    pub fn shows(&self, namespace: &str, node: &str) -> bool {
        let narrowed = self.narrowed.as_ref();
        narrowed.is_none_or(|narrowed| narrowed.by.holds(namespace, node))
    }

    /// The logs, by their index in the snapshot, that may tell what no rule explains. [`Diagnosis::take_templates`] wants what they say.
    pub fn logs_to_mine(&self) -> BTreeSet<usize> {
        let logs = self.unexplained.iter().flat_map(|thing| &thing.logs);
        logs.copied().collect()
    }

    /// Takes what those logs complain of, by the same index.
    pub fn take_templates(&mut self, mined: &BTreeMap<usize, Vec<LogTemplate>>) {
        for thing in &mut self.unexplained {
            thing.choose(mined);
        }
    }

    /// The role of a finding's rule.
    pub fn role(&self, finding: &Finding) -> Role {
        self.rules
            .get(&finding.rule)
            .map_or(Role::Symptom, |rule| rule.header.role)
    }
}

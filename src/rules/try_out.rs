//! A rule's examples, tried.

use std::collections::{BTreeMap, BTreeSet};

use super::{Input, Outcome, Rule, Rules, Wording};
use crate::bundle::Budget;
use crate::cluster::{BundleInfo, Reader, Snapshot};
use crate::model::{EntryPath, ProblemKind, Subject, Text};

/// An example and what the rule made of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// What the example shows.
    pub name: String,
    /// The subjects that should have been found.
    pub expected: BTreeSet<Subject>,
    /// The subjects that were.
    pub found: BTreeSet<Subject>,
    /// What the example lacks, where the rule could not judge it.
    pub missing: Vec<String>,
    /// What is wrong with the rule or the example: it cannot be evaluated, read or said.
    pub failed: Vec<Text>,
}

impl Tried {
    /// True when the example does what it says.
    pub fn is_right(&self) -> bool {
        self.expected == self.found && self.failed.is_empty()
    }
}

/// Tries every example of a rule.
pub fn try_out(rules: &Rules, rule: &Rule) -> Vec<Tried> {
    try_out_within(rules, rule, &Budget::DEFAULT)
}

/// The same, where the files of an example are read under this budget.
pub fn try_out_within(rules: &Rules, rule: &Rule, budget: &Budget) -> Vec<Tried> {
    let wording = Wording::default();
    let mut tried = Vec::new();
    for example in &rule.header.examples {
        let snapshot = written(rules, &example.files, budget);
        let baseline = (!example.baseline.is_empty()).then(|| written(rules, &example.baseline, budget));
        let input = Input {
            snapshot: &snapshot,
            baseline: baseline.as_ref(),
        };
        let mut failed: Vec<Text> = unread(&snapshot).into_iter().map(Text::same).collect();
        let (found, missing) = match rule.judge(&input) {
            Outcome::Judged(found) => (found, Vec::new()),
            Outcome::Unknown(missing) => (Vec::new(), missing),
            Outcome::Partly(found, reason) => {
                failed.push(reason);
                (found, Vec::new())
            }
            Outcome::Failed(reason) => {
                failed.push(reason);
                (Vec::new(), Vec::new())
            }
            Outcome::Unmet(_) => (Vec::new(), Vec::new()),
        };
        for finding in &found {
            if let Err(reason) = rule.header.say_all(&wording, &finding.wording_facts()) {
                failed.push(Text::same(reason));
            }
        }
        failed.dedup();
        tried.push(Tried {
            name: example.name.clone(),
            expected: example.fires.iter().cloned().collect(),
            found: found.into_iter().map(|finding| finding.subject).collect(),
            missing,
            failed,
        });
    }
    tried
}

/// What of an example could not be read.
fn unread(snapshot: &Snapshot) -> Vec<String> {
    let problems = snapshot.coverage.problems.iter();
    let broken = problems.filter(|problem| matches!(problem.kind, ProblemKind::Unparsed | ProblemKind::OverBudget));
    broken
        .map(|problem| {
            let file = problem.file.as_ref().map(ToString::to_string).unwrap_or_default();
            let line = problem.line.map(|line| format!(":{line}")).unwrap_or_default();
            format!("{file}{line}: {}", problem.detail)
        })
        .collect()
}

fn written(rules: &Rules, files: &BTreeMap<String, String>, budget: &Budget) -> Snapshot {
    let mut reader = Reader::new(rules.signatures(), "example").within(budget);
    for (path, content) in files {
        reader.file(&EntryPath::new(path), &mut content.as_bytes());
    }
    reader.finish(BundleInfo {
        alias: "example".into(),
        input: String::new(),
        layout: String::new(),
        sha256: String::new(),
        collected_at: None,
    })
}

/// What a built-in rule finds in files that a test writes down.
#[cfg(test)]
pub(super) fn findings_of(id: &str, files: &[(&str, &str)]) -> Vec<super::Finding> {
    let rules = Rules::load().unwrap();
    let files = files
        .iter()
        .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
    let snapshot = written(&rules, &files.collect(), &Budget::DEFAULT);
    let input = Input {
        snapshot: &snapshot,
        baseline: None,
    };
    match rules.get(id).unwrap().judge(&input) {
        Outcome::Judged(found) => found,
        Outcome::Unmet(_) => Vec::new(),
        Outcome::Unknown(missing) => panic!("{missing:?}"),
        Outcome::Partly(_, reason) | Outcome::Failed(reason) => panic!("{reason:?}"),
    }
}

//! A rule's examples, tried.

use std::collections::{BTreeMap, BTreeSet};

use super::{Input, Outcome, Rule, Rules};
use crate::cluster::{BundleInfo, Reader, Snapshot};
use crate::model::{EntryPath, Subject};

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
}

impl Tried {
    /// True when the example does what it says.
    pub fn is_right(&self) -> bool {
        self.expected == self.found
    }
}

/// Tries every example of a rule.
pub fn try_out(rules: &Rules, rule: &Rule) -> Vec<Tried> {
    let mut tried = Vec::new();
    for example in &rule.header.examples {
        let snapshot = written(rules, &example.files);
        let baseline = (!example.baseline.is_empty()).then(|| written(rules, &example.baseline));
        let input = Input {
            snapshot: &snapshot,
            baseline: baseline.as_ref(),
        };
        let (found, missing) = match rule.judge(&input) {
            Outcome::Judged(found) => (found, Vec::new()),
            Outcome::Unknown(missing) => (Vec::new(), missing),
            Outcome::Unmet(_) => (Vec::new(), Vec::new()),
        };
        tried.push(Tried {
            name: example.name.clone(),
            expected: example.fires.iter().cloned().collect(),
            found: found.into_iter().map(|finding| finding.subject).collect(),
            missing,
        });
    }
    tried
}

fn written(rules: &Rules, files: &BTreeMap<String, String>) -> Snapshot {
    let mut reader = Reader::new(rules.signatures(), "example");
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

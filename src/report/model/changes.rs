//! Parts of the model that tell of change and of what stays open: differences, unexplained failures, narrowing, odd nodes.

use serde::Serialize;

use super::{BundleRef, EvidenceItem, Sentence};
use crate::model::{Subject, Text, When};

/// What is compared with what.
#[derive(Debug, Clone, Serialize)]
pub struct DiffAbout {
    /// Sentence naming both sides, versions and their distance in time.
    pub text: Sentence,
    /// Number of items that are equal.
    pub equal: u64,
}

/// One difference.
#[derive(Debug, Clone, Serialize)]
pub struct DiffRow {
    /// Datum: `container`, `image`, `sysctl`, `object`…
    pub datum: String,
    /// What.
    pub subject: Subject,
    /// Field or setting; empty for the thing as a whole.
    pub path: String,
    /// On the healthy side.
    pub expected: Text,
    /// On the incident's side.
    pub actual: Text,
    /// Evidence ids, both sides.
    pub refs: Vec<String>,
    /// True when a finding builds on it.
    pub relevant: bool,
}

/// What differs between two bundles, as a document of its own.
#[derive(Debug, Clone, Serialize)]
pub struct Comparison {
    /// [`super::SCHEMA_VERSION`].
    pub schema_version: &'static str,
    /// The healthy side; several when archives were joined.
    pub good: Vec<BundleRef>,
    /// The broken side.
    pub bad: Vec<BundleRef>,
    /// Number of things that are equal.
    pub equal: u64,
    /// Differences by what they are of, the most suspicious first.
    pub groups: Vec<DiffGroup>,
    /// What the rows refer to.
    pub evidence: Vec<EvidenceItem>,
}

/// All differences of one thing.
#[derive(Debug, Clone, Serialize)]
pub struct DiffGroup {
    /// The thing.
    pub subject: Subject,
    /// Its differences, the most suspicious first.
    pub rows: Vec<DiffRow>,
}

/// One thing that fails while no rule explains why.
#[derive(Debug, Clone, Serialize)]
pub struct UnexplainedView {
    /// The workload, or the pod when nothing owns it.
    pub subject: Subject,
    /// That it fails, since when, and which changes stand next to it.
    pub sentences: Vec<Sentence>,
    /// The first failing event or termination.
    pub broke: Option<When>,
    /// What its logs complain of, the most telling first.
    pub complaints: Vec<Complaint>,
}

/// Lines of one form in a log.
#[derive(Debug, Clone, Serialize)]
pub struct Complaint {
    /// Pod and container, or the file.
    pub source: String,
    /// The words that all lines share; `<*>` stands for what differs.
    pub template: String,
    /// How many lines there are.
    pub count: u64,
    /// The first, where it carries a time.
    pub first: Option<When>,
    /// The last.
    pub last: Option<When>,
    /// True when the log was silent about it at first.
    pub is_new: bool,
    /// True when the lines stand close together.
    pub is_burst: bool,
    /// Evidence ids of the first and the last line.
    pub refs: Vec<String>,
}

/// The part of the bundle that a report is about.
#[derive(Debug, Clone, Serialize)]
pub struct NarrowingView {
    /// Nothing that was over before this; RFC 3339, empty when not narrowed.
    pub since: String,
    /// Nothing that began after this.
    pub until: String,
    /// Only these namespaces.
    pub namespaces: Vec<String>,
    /// Only these nodes.
    pub nodes: Vec<String>,
    /// Findings outside of it.
    pub hidden: usize,
    /// The same in a sentence.
    pub text: Text,
}

/// One row of appendix I: something in which one pod differs from at least two thirds of the pods of its owner.
#[derive(Debug, Clone, Serialize)]
pub struct PodDifferenceRow {
    /// The pods' controller.
    pub owner: Subject,
    /// `image`, `image-id`, `environment`, `command`, `argument`, `resources`, `restarts`, `version`.
    pub datum: String,
    /// The container, with the variable where it is one; the component of the node for a version.
    pub name: String,
    /// The pod that differs.
    pub odd: String,
    /// Its value; empty where it has none.
    pub odd_value: String,
    /// The value of the others.
    pub others_value: String,
    /// How many pods agree on that.
    pub others: usize,
    /// Evidence ids: the odd pod's, then one of the others.
    pub refs: Vec<String>,
}

/// One row of appendix H: a setting in which one node differs from at least two thirds of its peers, or two nodes differ.
#[derive(Debug, Clone, Serialize)]
pub struct NodeDifferenceRow {
    /// `sysctl`, `version`, `unit`, `mtu`…
    pub datum: String,
    /// The setting.
    pub name: String,
    /// The node that differs; empty where there are only two.
    pub odd: String,
    /// Its value there, or the first of the two; empty where it is not set.
    pub odd_value: String,
    /// The value of the others.
    pub others_value: String,
    /// Those that agree with each other, or the second of two.
    pub others: Vec<String>,
    /// Evidence ids: the odd node's, then one of the others.
    pub refs: Vec<String>,
}

//! The rows of the appendices.

use serde::Serialize;

use super::CheckOutcome;
use crate::model::{Subject, Text};

/// Why data is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum GapReason {
    /// Nobody collected it.
    NotCollected,
    /// The collector tried and failed.
    CollectionFailed,
    /// Cut by a tail, a cap or a damaged archive.
    Truncated,
    /// Older than the source keeps.
    BeyondRetention,
    /// Could not be parsed.
    Unparsed,
    /// Masked before it reached casefile.
    RedactedUpstream,
    /// Collected, and nothing is in it.
    Empty,
    /// Collected, and what is in it does not reach the incident.
    OutsideWindow,
}

/// One row of appendix B.
#[derive(Debug, Clone, Serialize)]
pub struct Gap {
    /// What is missing.
    pub what: Text,
    /// Evidence ids of what `what` says of the system.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refs: Vec<String>,
    /// Why.
    pub reason: GapReason,
    /// Details: file, line, error text.
    pub detail: String,
    /// Which statements it limits.
    pub limits: Text,
    /// One command that would collect it; empty when there is none.
    pub collect: String,
    /// True where it is missing in the baseline, not in the incident's bundles.
    pub of_baseline: bool,
}

/// One row of appendix C.
#[derive(Debug, Clone, Serialize)]
pub struct ClockRow {
    /// Node or bundle.
    pub source: String,
    /// Zone, and how it is known.
    pub zone: Text,
    /// Skew against the reference, or that it is unknown.
    pub skew: Text,
    /// Evidence ids.
    pub refs: Vec<String>,
}

/// One row of appendix D.
#[derive(Debug, Clone, Serialize)]
pub struct RedactionRow {
    /// Class, such as `token`.
    pub class: String,
    /// Placeholder.
    pub token: String,
    /// How often.
    pub count: u64,
    /// In how many files.
    pub files: u64,
}

/// One row of appendix E.
#[derive(Debug, Clone, Serialize)]
pub struct Check {
    /// Rule id.
    pub id: String,
    /// The rule's family: `dns`, `storage`.
    pub family: String,
    /// What is checked.
    pub title: Text,
    /// Outcome.
    pub outcome: CheckOutcome,
    /// For unknown: what was missing.
    pub reason: Text,
    /// True where it is about the bundle as material, whose pass is no sign of health.
    #[serde(skip)]
    pub is_of_material: bool,
}

/// One row of appendix G.
#[derive(Debug, Clone, Serialize)]
pub struct AppliedRow {
    /// The object.
    pub subject: Subject,
    /// The field: `spec.replicas`.
    pub path: String,
    /// What the manifest says.
    pub applied: Text,
    /// What is in the cluster.
    pub live: Text,
    /// Evidence ids, both sides.
    pub refs: Vec<String>,
}

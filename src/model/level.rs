//! How bad a finding is, and how sure casefile is of it.

use serde::{Deserialize, Serialize};

/// The level of a finding. Incident severity (P1…P4) uses other words on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Worth knowing, breaks nothing now.
    Info,
    /// Will break, or breaks a little.
    Warning,
    /// Something is broken.
    Critical,
}

/// How firmly a statement is supported by evidence; words, never percentages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confidence {
    /// Needed data was not collected.
    Undetermined,
    /// A necessary consequence is contradicted by evidence.
    RuledOut,
    /// Consistent with the evidence, not told apart from rivals.
    Possible,
    /// All necessary conditions and at least one discriminating fact observed, no contradiction; the act itself was not seen.
    Probable,
    /// The state or act itself is directly observed, without contradiction.
    Confirmed,
}

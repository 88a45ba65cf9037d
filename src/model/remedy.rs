//! Words for what a person does about a failure: shared by the rules that propose it and the report that prints it.

use serde::{Deserialize, Serialize};

use super::Text;

/// Where a recovery step is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepPlace {
    /// On the node named by the step.
    Node,
    /// Anywhere with kubectl and rights.
    Cluster,
    /// In Rancher's user interface or API.
    Rancher,
    /// In the registry, the repository, or another system.
    Elsewhere,
}

/// The risk of a recovery step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Risk {
    /// Changes nothing.
    ReadOnly,
    /// Changes something that can be undone.
    Change,
    /// May interrupt service or cannot be undone.
    Dangerous,
}

/// The type of an improvement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ActionKind {
    /// It cannot happen again.
    Prevent,
    /// It is noticed sooner.
    Detect,
    /// It hurts less.
    Mitigate,
    /// People work differently.
    Process,
}

/// One lesson.
#[derive(Debug, Clone, Serialize)]
pub struct Lesson {
    /// A short phrase.
    pub phrase: Text,
    /// Its explanation.
    pub text: Text,
    /// The contributing factor or the finding that it comes from: `C1`, `F1`; empty where it comes from the report as a whole.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub answers: String,
}

//! What only a person can know, and what a person answered.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::model::Text;

/// A place for a person to fill.
#[derive(Debug, Clone, Serialize)]
pub struct Blank {
    /// `reporter`, `detection.first-signal`, `action.a1.owner`…
    pub id: String,
    /// Short label: who, when, what.
    pub label: Text,
    /// A question with how or what, never who is to blame.
    pub question: Text,
    /// True when the report cannot be final without it.
    pub required: bool,
    /// What a team's settings propose, to be shown beside it and never in it; empty when nothing is proposed.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub suggestion: String,
}

/// A blank that a person filled.
#[derive(Debug, Clone, Serialize)]
pub struct Answer {
    /// What was asked.
    #[serde(flatten)]
    pub blank: Blank,
    /// What was answered, masked.
    pub value: String,
}

/// Blanks by id, as templates look them up.
pub type BlankIndex = BTreeMap<String, Blank>;

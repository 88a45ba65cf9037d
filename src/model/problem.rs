//! What went wrong while reading: recorded, never thrown away, never fatal for the bundle.

use serde::Serialize;

use super::EntryPath;

/// The class of a reading problem. It decides what the report says about the data that is missing because of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProblemKind {
    /// The archive or a member ends in the middle, or its checksum is wrong.
    Damaged,
    /// A limit of the budget was hit; the rest of the member or archive was not read.
    OverBudget,
    /// The bytes are not what their form promises: JSON, YAML, PEM or a table that does not parse.
    Unparsed,
    /// The collector wrote an error where evidence should be (`Error from server (Forbidden)`, `command not found`).
    CollectorError,
    /// The collector cut the evidence (a tail, a size cap).
    Truncated,
    /// An entry that is refused by design: a device, a socket, a link that leaves the bundle.
    Refused,
    /// The operating system could not read a file of a directory bundle.
    Unreadable,
}

/// One problem with one place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Problem {
    /// The file it is about; none when it is about the whole bundle.
    pub file: Option<EntryPath>,
    /// The 1-based line, where one is known.
    pub line: Option<u64>,
    /// The class.
    pub kind: ProblemKind,
    /// What happened, as a lower-case fragment in English; it may quote the bundle, so renderers escape it.
    pub detail: String,
}

impl Problem {
    /// A problem with a whole file.
    pub fn file(file: &EntryPath, kind: ProblemKind, detail: impl Into<String>) -> Self {
        Self { file: Some(file.clone()), line: None, kind, detail: detail.into() }
    }

    /// A problem with the bundle as a whole.
    pub fn bundle(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Self { file: None, line: None, kind, detail: detail.into() }
    }

    /// The same problem at a 1-based line.
    pub fn at_line(mut self, line: u64) -> Self {
        self.line = Some(line);
        self
    }
}

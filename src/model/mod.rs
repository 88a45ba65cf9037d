//! Plain data that every layer shares. No I/O, no logic beyond construction and ordering.

mod citation;
mod path;
mod problem;
mod subject;
mod text;
mod time;

pub use citation::{Citation, CitationKind, Place, QuoteLine};
pub use path::EntryPath;
pub use problem::{Problem, ProblemKind};
pub use subject::Subject;
pub use text::{Lang, Text};
pub use time::{Basis, When};

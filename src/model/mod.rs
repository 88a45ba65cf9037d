//! Plain data that every layer shares. No I/O, no logic beyond construction and ordering.

mod citation;
mod level;
pub mod near;
mod path;
mod pointer;
mod problem;
mod remedy;
mod size;
mod subject;
mod text;
mod time;

pub use citation::{Citation, CitationKind, Listing, Place, QuoteLine};
pub use level::{Confidence, Level};
pub use path::EntryPath;
pub use pointer::{at, escaped};
pub use problem::{Problem, ProblemKind};
pub use remedy::{ActionKind, Lesson, Risk, StepPlace};
pub use size::Size;
pub use subject::Subject;
pub use text::{CODE_CLOSE, CODE_OPEN, Lang, Text, code, plain};
pub use time::{Basis, When};

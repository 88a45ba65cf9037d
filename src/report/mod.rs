//! The post-mortem: one typed model, composed from a diagnosis, that every renderer reads.

mod answers;
mod compose;
mod escape;
#[cfg(test)]
pub(crate) mod fixture;
pub mod index;
pub mod lint;
mod locale;
pub mod model;
mod quotes;
pub mod recheck;
mod render;
pub mod schema;
mod svg;

pub use answers::{AnswerError, Answers};
pub use compose::{Policy, SeverityScheme, compare, compose, learn_beside_names, learn_secrets};
pub use locale::{LocaleError, confidence_word};
pub use render::{
    ComparisonFormat, Flavor, Format, RenderError, Style, UnknownFormat, Zone, render, render_as, render_comparison,
    render_index,
};

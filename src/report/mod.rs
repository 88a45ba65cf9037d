//! The post-mortem: one typed model, composed from a diagnosis, that every renderer reads.

mod compose;
mod escape;
#[cfg(test)]
pub(crate) mod fixture;
mod locale;
pub mod model;
mod render;
mod svg;

pub use compose::{compare, compose, learn_secrets};
pub use locale::{LocaleError, confidence_word};
pub use render::{ComparisonFormat, Format, RenderError, UnknownFormat, render, render_comparison};

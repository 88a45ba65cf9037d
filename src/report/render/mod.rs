//! Renderers: the typed report in, the bytes of one format out.
//!
//! Markdown and HTML share one display form ([`view`]): a tree of words and [`rich::Rich`] text in one language, which templates
//! only arrange. Escaping happens in one place for each format, when a template prints a value.

mod adf;
mod blanks;
mod comparison;
mod entry;
mod html;
mod index;
mod issue;
mod jira;
mod json;
mod machine;
mod markdown;
mod mermaid;
mod rich;
mod scribe;
mod style;
mod templates;
#[cfg(test)]
mod tests;
mod ticket;
pub(crate) mod times;
mod view;

pub use comparison::render_comparison;
pub use entry::{ComparisonFormat, Format, RenderError, UnknownFormat, render, render_as};
pub use index::render_index;
pub use style::{Flavor, Style, Zone};

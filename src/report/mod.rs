//! The post-mortem: one typed model, composed from a diagnosis, that every renderer reads.

pub mod model;

mod escape;
#[cfg(test)]
pub(crate) mod fixture;
mod locale;
mod render;
mod svg;

pub use locale::LocaleError;
pub use render::{Format, RenderError, UnknownFormat, render};

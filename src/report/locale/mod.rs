//! The fixed words of reports, one YAML file for each language with equal keys.

mod words;

pub use words::{LocaleError, confidence_word};
pub(crate) use words::{Fixed, Words};

//! The fixed words of reports, one YAML file for each language with equal keys.

mod words;

pub(crate) use words::{Fixed, Words};
pub use words::{LocaleError, confidence_word};

//! Logs of several containers in one text, as tools print or export them: each line says whose it is.

mod csv;
mod decode;
mod json;
mod prefix;

pub use decode::ExportedLog;
pub(super) use decode::{CSV, JSON, PREFIXED};

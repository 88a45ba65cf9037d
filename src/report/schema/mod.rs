//! The JSON Schemas (2020-12) of what casefile writes and reads. They are kept as files; tests hold every sample report against them,
//! also the other way round: a key that a report has and its schema does not name is a failure.

/// Of the report that `analyze -f json` writes.
pub const REPORT: &str = include_str!("report.json");
/// Of the file of `analyze --answers`.
pub const ANSWERS: &str = include_str!("answers.json");
/// Of the file of settings.
pub const CONFIG: &str = include_str!("config.json");

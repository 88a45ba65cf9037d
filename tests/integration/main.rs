//! The whole program and its promises, from the outside. One binary, so that everything is linked once.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot build or find its own input has to fail"
)]

mod architecture;
mod archives;
mod changes;
mod claims;
mod cli;
mod determinism;
mod documents;
mod formats;
mod gates;
#[cfg(unix)]
mod interruption;
mod inventory;
mod json_schema;
mod layouts;
mod limits;
mod merging;
mod newcomer;
mod node_logs;
#[cfg(target_os = "linux")]
mod nodes;
mod outputs;
mod own_rules;
mod planted;
mod reach;
mod redaction;
mod reports_fresh;
mod rules;
mod samples;
mod scenarios;
mod settings;
mod signing;
mod sources;
mod support;
mod traps;

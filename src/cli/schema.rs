//! `casefile schema`: the JSON Schemas of what casefile writes and reads.

use clap::{Args, ValueEnum};

use super::exit;
use super::terminal::{complain, deliver};
use crate::report::schema;

/// Print the JSON Schema (2020-12) of a document that casefile writes or reads
#[derive(Debug, Args)]
pub(super) struct SchemaArgs {
    /// Of which document
    #[arg(value_enum)]
    of: Document,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Document {
    /// The report as `analyze -f json` writes it
    Report,
    /// The file of `analyze --answers`
    Answers,
    /// The file of settings
    Config,
}

/// Runs the subcommand and gives the exit code.
pub(super) fn run(args: &SchemaArgs) -> u8 {
    let schema = match args.of {
        Document::Report => schema::REPORT,
        Document::Answers => schema::ANSWERS,
        Document::Config => schema::CONFIG,
    };
    match deliver(schema.trim_end()) {
        Ok(()) => exit::DONE,
        Err(message) => {
            complain(&message);
            exit::OUTPUT
        }
    }
}

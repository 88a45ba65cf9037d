//! casefile's program; a stand-in that knows `collect` only.

use std::process::ExitCode;

use casefile::cli::collect::{CollectArgs, run};
use clap::Parser;

/// Offline support-bundle analyzer.
#[derive(Parser)]
#[command(name = "casefile", version)]
enum Cli {
    /// Collect this host's evidence into one archive
    Collect(CollectArgs),
}

fn main() -> ExitCode {
    let Cli::Collect(args) = Cli::parse();
    ExitCode::from(run(&args))
}

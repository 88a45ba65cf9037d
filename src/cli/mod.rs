//! The command line: the only code that prints.

mod analyze;
mod cases;
pub mod collect;
mod collect_cluster;
mod collect_nodes;
mod collect_progress;
mod diff;
mod exit;
mod formats;
mod inputs;
mod inspect;
mod keys;
mod language;
mod limits;
mod narrow;
mod outputs;
mod own_rules;
mod redact;
mod rules;
mod terminal;
mod verify;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

/// Offline support-bundle analyzer for Kubernetes and Rancher
#[derive(Debug, Parser)]
#[command(name = "casefile", version, propagate_version = true, after_help = AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Find the cause in support bundles and write incident reports
    Analyze(analyze::AnalyzeArgs),
    /// Show what differs between a healthy bundle and a broken one
    Diff(diff::DiffArgs),
    /// Say what a bundle is and what is in it
    Inspect(inspect::InspectArgs),
    /// Collect the evidence of this host and its cluster into one archive
    Collect(collect::CollectArgs),
    /// Check collected bundles against their manifests
    Verify(verify::VerifyArgs),
    /// Write a bundle once more without its secrets
    Redact(redact::RedactArgs),
    /// Show the kinds of bundles that casefile knows
    Formats(formats::FormatsArgs),
    /// Show the failure modes that casefile knows
    Rules(rules::RulesArgs),
    /// Explain one failure mode: what it is, its look-alikes, its remedy
    Explain(rules::ExplainArgs),
}

const AFTER_HELP: &str = "\
Examples:
  casefile collect -o before.tar.gz          on a host, while it is healthy or broken
  casefile inspect bundle.tar.gz             what it is and what is in it
  casefile analyze bundle.tar.gz             one bundle, reports in ./reports
  casefile analyze after.tar.gz --baseline before.tar.gz -f html -o report.html
  casefile analyze bundle.tar.gz --namespace shop --since 2h
  casefile diff before.tar.gz after.tar.gz   what changed, the most suspicious first
  casefile analyze bundles -o reports        a folder of bundles, in parallel";

/// What `casefile` alone says.
const ABOUT: &str = "\
casefile reads support bundles of Kubernetes and Rancher, offline, and drafts the post-mortem.
  casefile collect                collect the evidence of this host and its cluster into one archive
  casefile analyze BUNDLE…        find the cause, write the report (Markdown, HTML, JSON; zh, en)
  casefile analyze BAD --baseline GOOD    … by what differs from where it works
  casefile diff GOOD BAD          what differs, by meaning, the most suspicious first
  casefile inspect BUNDLE…        what a bundle is, what is in it, what could not be read
  casefile verify BUNDLE…         whether a collected bundle is still what was written
  casefile redact BUNDLE -o OUT   a bundle of any layout without its secrets
  casefile help analyze           options and exit codes";

/// Parses the command line, runs the subcommand and gives its exit code. A closed standard output is a quiet end.
pub fn run() -> ExitCode {
    std::panic::set_hook(Box::new(|panic| {
        // Its message may quote a bundle, secrets included; its place is enough for a report.
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        terminal::complain(&format!("internal error at {place}; please report this"));
    }));
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let code = if error.use_stderr() { exit::USAGE } else { exit::DONE };
            // The streams are closed: nobody is left to be told.
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    let code = match cli.command {
        Some(Command::Analyze(args)) => analyze::run(&args),
        Some(Command::Diff(args)) => diff::run(&args),
        Some(Command::Inspect(args)) => inspect::run(&args),
        Some(Command::Collect(args)) => collect::run(&args),
        Some(Command::Verify(args)) => verify::run(&args),
        Some(Command::Redact(args)) => redact::run(&args),
        Some(Command::Formats(args)) => formats::run(&args),
        Some(Command::Rules(args)) => rules::run(&args),
        Some(Command::Explain(args)) => rules::explain(&args),
        None => {
            terminal::say(ABOUT);
            exit::DONE
        }
    };
    ExitCode::from(code)
}

/// The whole command line, for help pages and completions.
pub fn command() -> clap::Command {
    Cli::command()
}

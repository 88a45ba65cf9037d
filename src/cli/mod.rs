//! The command line: the only code that prints.

mod analyze;
mod cases;
pub mod collect;
mod collect_cluster;
mod collect_nodes;
mod collect_progress;
mod config;
mod diff;
mod exit;
mod folders;
mod formats;
mod help;
mod index;
mod inputs;
mod inspect;
mod interruption;
mod keys;
mod language;
mod limits;
mod lint;
mod losses;
mod narrow;
mod outputs;
mod overview;
mod own_rules;
mod program;
mod recheck;
mod redact;
mod rule_pages;
mod rules;
mod schema;
mod style;
mod summary;
mod terminal;
mod usage;
mod verify;

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::model::Lang;

/// Offline support-bundle analyzer for Kubernetes and Rancher
#[derive(Debug, Parser)]
#[command(name = "casefile", version, propagate_version = true, before_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    manner: terminal::MannerArgs,
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
    /// Check collected bundles against their manifests, or a report against its bundles
    Verify(verify::VerifyArgs),
    /// Write a bundle once more without its secrets
    Redact(redact::RedactArgs),
    /// Show the kinds of bundles that casefile knows
    Formats(formats::FormatsArgs),
    /// Show the failure modes that casefile knows
    Rules(rules::RulesArgs),
    /// Explain one failure mode: what it is, its look-alikes, its remedy
    Explain(rules::ExplainArgs),
    /// Check a report before it is signed: blanks, references, words
    Lint(lint::LintArgs),
    /// Print the JSON Schema of a document that casefile writes or reads
    Schema(schema::SchemaArgs),
    /// Print the completions of a shell
    Completions(program::CompletionArgs),
    /// Print a manual page
    Man(program::ManArgs),
    /// Print the version of casefile and of what it writes
    Version(program::VersionArgs),
}

const EXAMPLES: &str = "\
Examples:
  casefile collect -o before.tar.gz          on a host, while it is healthy or broken
  casefile inspect bundle.tar.gz             what it is and what is in it
  casefile analyze bundle.tar.gz             one bundle, reports in ./reports
  casefile analyze after.tar.gz --baseline before.tar.gz -f html -o report.html
  casefile analyze bundle.tar.gz --namespace shop --since 2h
  casefile diff before.tar.gz after.tar.gz   what changed, the most suspicious first
  casefile analyze bundles -o reports        a folder of bundles, in parallel
  casefile bundle.tar.gz                     the same as casefile analyze bundle.tar.gz";

/// Parses the command line, runs the subcommand and gives its exit code. A closed standard output is a quiet end.
pub fn run() -> ExitCode {
    std::panic::set_hook(Box::new(|panic| {
        // Its message may quote a bundle, secrets included; its place is enough for a report.
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        terminal::complain(&format!("internal error at {place}; please report this"));
    }));
    let words: Vec<OsString> = std::env::args_os().collect();
    let manner = terminal::settle(&words);
    let chinese = language::of_environment() == Lang::Zh;
    let program = if chinese {
        help::chinese(Cli::command())
    } else {
        Cli::command()
    };
    let matches = program
        .color(manner.choice())
        .try_get_matches_from(with_command(words, chinese));
    let cli = match matches.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => {
            if !error.use_stderr() {
                // Help or the version; if the stream is closed, nobody is left to be told.
                let _ = error.print();
                return ExitCode::from(exit::DONE);
            }
            let translated = chinese.then(|| usage::in_chinese(&error)).flatten();
            if manner.json {
                complain_of_usage(&translated.unwrap_or_else(|| error.render().to_string()));
            } else {
                print_usage_error(&error, translated);
            }
            return ExitCode::from(exit::USAGE);
        }
    };
    if !matches!(cli.command, Some(Command::Collect(_))) {
        interruption::heed();
    }
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
        Some(Command::Lint(args)) => lint::run(&args),
        Some(Command::Schema(args)) => schema::run(&args),
        Some(Command::Completions(args)) => program::completions(&args),
        Some(Command::Man(args)) => program::man(&args),
        Some(Command::Version(args)) => program::version(&args),
        None => {
            terminal::say(help::about(chinese));
            exit::DONE
        }
    };
    ExitCode::from(code)
}

/// `casefile BUNDLE` means `casefile analyze BUNDLE`: the first word that is no option names something that is there, or that looks like
/// a path and no command.
fn with_command(mut words: Vec<OsString>, chinese: bool) -> Vec<OsString> {
    let mut rest = words.iter().skip(1);
    let mut first: Option<&OsString> = None;
    while let Some(word) = rest.next() {
        match word.to_str() {
            Some("--color" | "--error-format") => drop(rest.next()),
            Some(option) if option.starts_with('-') && option != "-" => {}
            _ => {
                first = Some(word);
                break;
            }
        }
    }
    if let Some(at) = words
        .iter()
        .position(|word| word == "help")
        .filter(|at| chinese && *at == 1)
    {
        // The translated program has no command for help, whose own words could not be translated.
        words.remove(at);
        words.push("--help".into());
        return words;
    }
    let is_command = |word: &OsString| {
        let program = Cli::command();
        word == "help" || program.get_subcommands().any(|command| word == command.get_name())
    };
    let is_path = |word: &OsString| {
        let text = word.to_string_lossy();
        word == "-" || text.contains(['/', '.']) || std::path::Path::new(word).exists()
    };
    if first.is_some_and(|word| !is_command(word) && is_path(word)) {
        words.insert(1, "analyze".into());
    }
    words
}

/// What clap says of a command line, which it quotes; in colours, where nothing of it has to be masked.
fn print_usage_error(error: &clap::Error, translated: Option<String>) {
    let is_translated = translated.is_some();
    let text = translated.unwrap_or_else(|| error.render().to_string());
    let masked = terminal::masked(&text);
    // If the stream is closed, nobody is left to be told.
    let _ = if masked == text && !is_translated {
        error.print()
    } else {
        std::io::stderr().write_all(masked.as_bytes())
    };
}

/// What clap says of a command line, as one line for machines: the error, then the tips.
fn complain_of_usage(text: &str) {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let told: Vec<&str> = lines
        .take_while(|line| !line.starts_with("Usage:") && !line.starts_with("用法"))
        .map(|line| {
            line.strip_prefix("error: ")
                .or(line.strip_prefix("错误："))
                .unwrap_or(line)
        })
        .collect();
    terminal::complain(&told.join("; "));
}

/// The whole command line, for help pages and completions.
pub fn command() -> clap::Command {
    Cli::command()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_alone_is_analysed() {
        let words = |line: &str| -> Vec<String> {
            let words = std::iter::once("casefile")
                .chain(line.split(' '))
                .map(OsString::from)
                .collect();
            with_command(words, false)
                .into_iter()
                .skip(1)
                .map(|word| word.into_string().unwrap())
                .collect()
        };
        for (line, first) in [
            ("ticket.tar.gz", "analyze"),
            ("./ticket --lang zh", "analyze"),
            ("--color never -q ticket.zip", "analyze"),
            ("-", "analyze"),
            ("inspect ticket.tar.gz", "inspect"),
            ("help analyze", "help"),
            ("analise", "analise"),
            ("--version", "--version"),
        ] {
            assert_eq!(words(line).first().map(String::as_str), Some(first), "{line}");
        }
    }
}

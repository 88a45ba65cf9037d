//! `casefile lint`: is a report ready to be signed?

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::exit;
use super::terminal::{complain, deliver, safe};
use crate::report::lint::{Lint, LintKind, is_report, lint};

/// Check a report in Markdown before it is signed: blanks that are left, references to nothing, words that say too much
///
/// A word says too much when it is surer than the confidence beside it, or when it blames, fills or shouts. Quotes and code are not
/// looked at.
///
/// Exit codes: 0 nothing is left to do (optional blanks may be open), 1 something is, 2 wrong usage, 3 not readable.
#[derive(Debug, Args)]
pub(super) struct LintArgs {
    /// The report, as casefile wrote it or as people went on with it
    #[arg(value_name = "REPORT.md")]
    report: PathBuf,
    /// Format of the output
    #[arg(short, long, value_enum, default_value_t = View::Text)]
    format: View,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum View {
    Text,
    Json,
}

/// Runs the subcommand and gives the exit code.
pub(super) fn run(args: &LintArgs) -> u8 {
    let text = match std::fs::read_to_string(&args.report) {
        Ok(text) => text,
        Err(error) => {
            complain(&format!(
                "cannot read {}: {error}; give a report in Markdown",
                args.report.display()
            ));
            return exit::INPUT;
        }
    };
    if !is_report(&text) {
        complain(&format!(
            "{} is no report of casefile: it has neither its front matter nor a citation such as [E1]; give the Markdown that `casefile analyze -f md` writes",
            args.report.display()
        ));
        return exit::INPUT;
    }
    let found = lint(&text);
    let shown = match args.format {
        View::Json => serde_json::to_string_pretty(&found).map_err(|error| error.to_string()),
        View::Text => Ok(lines(&args.report.display().to_string(), &found)),
    };
    if let Err(message) = shown.and_then(|text| deliver(&text)) {
        complain(&message);
        return exit::OUTPUT;
    }
    if found.iter().any(|lint| lint.kind.is_error()) {
        exit::DIFFERS
    } else {
        exit::DONE
    }
}

fn lines(file: &str, found: &[Lint]) -> String {
    let line = |lint: &Lint| {
        let words = match lint.kind {
            LintKind::RequiredBlank => "to be filled before the report is final",
            LintKind::Blank => "may be filled",
            LintKind::Reference => "the report has no such entry, or two of them",
            LintKind::TooSure => "is surer than the confidence beside it",
            LintKind::Word => "has no place in a report",
        };
        format!(
            "{}:{}: {}: {} {words}",
            safe(file),
            lint.line,
            lint.kind.name(),
            safe(&lint.what)
        )
    };
    let mut lines: Vec<String> = found.iter().map(line).collect();
    let errors = found.iter().filter(|lint| lint.kind.is_error()).count();
    lines.push(format!("{errors} to mend, {} optional blanks", found.len() - errors));
    lines.join("\n")
}

//! `casefile verify`: is a bundle still what was collected?

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::terminal::{complain, deliver, safe};
use super::{exit, recheck};
use crate::collect::{Verification, verify};

/// Check collected bundles against their manifests: missing, altered and added files; or a report against its bundles
///
/// With --report, every line that the JSON report quotes is looked up in the bundles and hashed once more; what was masked has to agree
/// around its placeholders.
///
/// The manifest lists the SHA-256 of every file as it was written; a changed manifest cannot be told from its files, so keep the digest
/// of the archive itself where that matters. Exit codes: 0 all is as it was written, 1 something differs, 2 wrong usage, 3 a bundle could
/// not be read or has no manifest of casefile.
#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    /// The JSON report whose citations are looked up in the bundles
    #[arg(long, value_name = "REPORT.json")]
    report: Option<PathBuf>,
    /// Bundles that `casefile collect` wrote, packed or unpacked; with --report those that the report was made from
    #[arg(required = true, value_name = "BUNDLE")]
    bundles: Vec<PathBuf>,
    /// Format of the output
    #[arg(short, long, value_enum, default_value_t = View::Text)]
    format: View,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum View {
    Text,
    Json,
}

/// What is said of one bundle. The names of its fields are keys of the JSON form.
#[derive(Serialize)]
struct Row<'v> {
    bundle: String,
    intact: bool,
    #[serde(flatten)]
    verification: &'v Verification,
}

/// Runs the subcommand and gives the exit code.
pub(super) fn run(args: &VerifyArgs) -> u8 {
    if let Some(report) = &args.report {
        return recheck::run(report, &args.bundles, args.format == View::Json);
    }
    let mut code = exit::DONE;
    let mut found = Vec::new();
    for path in &args.bundles {
        match verify(path) {
            Ok(verification) => {
                if verification.manifests.is_empty() {
                    complain(&format!(
                        "{}: no manifest of casefile is in it; only what `casefile collect` wrote can be verified",
                        path.display()
                    ));
                    code = exit::INPUT;
                } else if !verification.is_intact() && code == exit::DONE {
                    code = exit::DIFFERS;
                }
                found.push((path.display().to_string(), verification));
            }
            Err(error) => {
                complain(&error.to_string());
                code = exit::INPUT;
            }
        }
    }
    let rows: Vec<Row<'_>> = found
        .iter()
        .map(|(bundle, verification)| Row {
            bundle: bundle.clone(),
            intact: verification.is_intact(),
            verification,
        })
        .collect();
    let text = match args.format {
        View::Json => serde_json::to_string_pretty(&rows).map_err(|error| error.to_string()),
        View::Text => Ok(rows.iter().flat_map(lines).collect::<Vec<_>>().join("\n")),
    };
    match text.and_then(|text| if text.is_empty() { Ok(()) } else { deliver(&text) }) {
        Ok(()) => code,
        Err(message) => {
            complain(&message);
            exit::OUTPUT
        }
    }
}

fn lines(row: &Row<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    for checked in &row.verification.manifests {
        let (missing, altered, added) = (checked.missing.len(), checked.altered.len(), checked.added.len());
        let verdict = if checked.is_intact() { "intact" } else { "DIFFERS" };
        let early = if checked.interrupted {
            ", interrupted while collecting"
        } else {
            ""
        };
        lines.push(format!(
            "{}: {verdict}: {} files of {}{early}; {missing} missing, {altered} altered, {added} added",
            safe(&row.bundle),
            checked.files,
            safe(&checked.collected_at)
        ));
        let named = |what: &str, path: &str| format!("  {what} {}", safe(path));
        lines.extend(checked.missing.iter().map(|path| named("missing", path)));
        lines.extend(checked.altered.iter().map(|file| named("altered", &file.path)));
        lines.extend(checked.added.iter().map(|path| named("added", path)));
    }
    let problems = row.verification.problems.iter();
    lines.extend(problems.map(|problem| format!("  {}", safe(&problem.detail))));
    lines
}

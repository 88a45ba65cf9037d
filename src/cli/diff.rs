//! `casefile diff`: what differs between a healthy bundle and a broken one.

use std::path::{Path, PathBuf};

use clap::Args;

use super::config::{Config, ConfigArgs};
use super::inputs::Piped;
use super::limits::LimitArgs;
use super::outputs::write;
use super::terminal::{complain, deliver};
use super::{exit, language};
use crate::cluster::{Snapshot, read_bundle};
use crate::diagnosis::diagnose;
use crate::redact::Masker;
use crate::report::{ComparisonFormat, compare, learn_beside_names, render_comparison};
use crate::rules::Rules;

/// Show what differs between a healthy bundle and a broken one
///
/// By meaning: ids, versions of objects, times and order are no difference, and neither is what only one of the two could show. The
/// most suspicious differences come first. Exit codes: 0 done, different or not; 2 wrong usage; 3 a bundle could not be read; 5 the
/// output could not be written; 6 the output would have held a secret and was not written; 130 or 143 interrupted by
/// Ctrl-C or SIGTERM.
#[derive(Debug, Args)]
pub(super) struct DiffArgs {
    /// The healthy bundle; - for an archive on standard input
    #[arg(value_name = "GOOD")]
    good: PathBuf,
    /// The broken bundle; - for an archive on standard input
    #[arg(value_name = "BAD")]
    bad: PathBuf,
    /// table, markdown or json
    #[arg(short, long, value_name = "FORMAT", default_value = "table", value_parser = parse_format)]
    format: ComparisonFormat,
    /// zh, en, both with a comma, or auto, from LC_ALL, LC_MESSAGES, LANG; JSON has both [default: auto]
    #[arg(long, value_name = "LANG")]
    lang: Option<String>,
    /// A file, or - for standard output
    #[arg(short, long, value_name = "FILE|-", default_value = "-")]
    output: PathBuf,
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    limits: LimitArgs,
    /// Replace a file that casefile did not write
    #[arg(long)]
    force: bool,
}

fn parse_format(name: &str) -> Result<ComparisonFormat, String> {
    name.parse()
}

/// Runs the subcommand and gives the exit code.
pub(super) fn run(args: &DiffArgs) -> u8 {
    let outcome = text(args).and_then(|text| put(args, &text));
    match outcome {
        Ok(()) => exit::DONE,
        Err((code, message)) => {
            complain(&message);
            code
        }
    }
}

fn put(args: &DiffArgs, text: &str) -> Result<(), (u8, String)> {
    if args.output.as_os_str() == "-" {
        return deliver(text.trim_end()).map_err(|message| (exit::OUTPUT, message));
    }
    write(&args.output, text, args.force).map_err(|message| (exit::OUTPUT, message))
}

fn text(args: &DiffArgs) -> Result<String, (u8, String)> {
    let usage = |message: String| (exit::USAGE, message);
    let named = [args.good.clone(), args.bad.clone()];
    let config = Config::load(&args.config, &named).map_err(usage)?;
    let lang = args.lang.as_deref().or(config.lang.as_deref()).unwrap_or("auto");
    let languages = language::languages(lang, |name| std::env::var(name).ok()).map_err(usage)?;
    let defect = |error: String| (exit::DEFECT, format!("{error}; please report this"));
    let rules = Rules::load().map_err(|error| defect(format!("the built-in rules do not load: {error}")))?;
    let budget = args.limits.budget();
    let piped = Piped::take(&named, budget.max_bytes).map_err(|message| (exit::INPUT, message))?;
    let read = |at: usize, alias: &str| -> Result<Snapshot, (u8, String)> {
        let path = piped.bundles.get(at).map_or(Path::new(""), PathBuf::as_path);
        read_bundle(path, alias, rules.signatures(), budget.clone()).map_err(|error| (exit::INPUT, error.to_string()))
    };
    let (good, bad) = (read(0, "good")?, read(1, "bad")?);
    let mut masker = Masker::new();
    masker.heed(&config.redact);
    learn_beside_names(&mut masker, &good);
    learn_beside_names(&mut masker, &bad);
    let diagnosis = diagnose(&rules, &bad, Some(&good));
    let comparison = compare(&diagnosis, &mut masker);
    let mut texts = Vec::new();
    for lang in languages {
        let text = render_comparison(&comparison, lang, args.format).map_err(|error| defect(error.to_string()))?;
        if let Some(leak) = masker.leaks(text.as_bytes()).first() {
            let message = format!(
                "the comparison would have held the secret behind {} ({}); nothing was written; please report this",
                leak.token, leak.form
            );
            return Err((exit::SECRET, message));
        }
        texts.push(text);
        if args.format == ComparisonFormat::Json {
            break;
        }
    }
    Ok(texts.join("\n"))
}

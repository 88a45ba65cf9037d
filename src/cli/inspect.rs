//! `casefile inspect`: what a bundle is and what is in it, before anything is judged.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::cases::{Case, join, not_ours, remarks};
use super::config::{Config, ConfigArgs};
use super::inputs::{Job, Piped, inputs};
use super::limits::LimitArgs;
use super::overview::{Overview, table};
use super::terminal::{complain, remark, say};
use super::{exit, language};
use crate::logs::SignatureSet;
use crate::redact::{Masker, Said};
use crate::report::learn_beside_names;

/// Say what a bundle is and what is in it: producer, cluster, nodes, time, data, what could not be read
///
/// Exit codes: 0 done, 2 wrong usage, 3 a bundle could not be read, 6 a secret would have been shown and nothing was,
/// 130 or 143 interrupted by Ctrl-C or SIGTERM.
#[derive(Debug, Args)]
pub(super) struct InspectArgs {
    /// Bundles, or folders of bundles; - for one archive on standard input
    #[arg(required = true, value_name = "BUNDLE")]
    bundles: Vec<PathBuf>,
    /// List every file: read, log, empty, or ignored with the reason
    #[arg(long)]
    files: bool,
    /// Show all bundles as archives of one cluster
    ///
    /// Archives of different machines of one cluster that were collected within 30 minutes are shown together without being told.
    #[arg(long)]
    merge: bool,
    /// Format of the output
    #[arg(short, long, value_enum, default_value_t = View::Table)]
    format: View,
    /// zh, en, both with a comma, or auto, from LC_ALL, LC_MESSAGES, LANG; JSON has no language [default: auto]
    #[arg(long, value_name = "LANG")]
    lang: Option<String>,
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    limits: LimitArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum View {
    Table,
    Json,
}

/// Runs the subcommand and gives the exit code.
pub(super) fn run(args: &InspectArgs) -> u8 {
    let settled = Config::load(&args.config, &args.bundles).and_then(|config| {
        let lang = args.lang.as_deref().or(config.lang.as_deref()).unwrap_or("auto");
        let languages = language::languages(lang, |name| std::env::var(name).ok())?;
        Ok((config.redact, languages))
    });
    let (said, languages) = match settled {
        Ok(settled) => settled,
        Err(message) => {
            complain(&message);
            return exit::USAGE;
        }
    };
    let signatures = match SignatureSet::new([]) {
        Ok(signatures) => signatures,
        Err(error) => {
            complain(&format!(
                "the scanner of logs could not be made: {error}; please report this"
            ));
            return exit::DEFECT;
        }
    };
    let budget = args.limits.budget();
    let piped = match Piped::take(&args.bundles, budget.max_bytes) {
        Ok(piped) => piped,
        Err(message) => {
            complain(&message);
            return exit::INPUT;
        }
    };
    let mut found = match inputs(&piped.bundles, None) {
        Ok(found) => found,
        Err(error) => {
            complain(&error.to_string());
            return exit::INPUT;
        }
    };
    if args.merge {
        found.merge_all();
    }
    let mut errors: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
    let read = |job: &Job| Case::read(job, &signatures, &budget).map_err(|error| error.to_string());
    let mut identities = Vec::new();
    let mut shown: Vec<Vec<(Overview, Masker)>> = Vec::new();
    for job in &found.jobs {
        let case = read(job).map_err(|error| errors.push(error)).ok();
        case.iter()
            .filter_map(|case| not_ours(&case.snapshot))
            .for_each(|line| remark(&line));
        identities.push(case.as_ref().and_then(|case| case.identity(job)));
        shown.push(case.map(|case| overviews(&case, args.files, &said)).unwrap_or_default());
    }
    let joined = join(&found.jobs, &identities);
    remarks(&joined).for_each(|line| remark(&line));
    for whole in &joined {
        for &member in &whole.members {
            shown.get_mut(member).map(Vec::clear);
        }
        match (
            read(&whole.job),
            whole.members.first().and_then(|&first| shown.get_mut(first)),
        ) {
            (Ok(case), Some(place)) => *place = overviews(&case, args.files, &said),
            (Err(error), _) => errors.push(error),
            (Ok(_), None) => {}
        }
    }
    let (overviews, maskers): (Vec<Overview>, Vec<Masker>) = shown.into_iter().flatten().unzip();
    let text = match args.format {
        View::Json => match serde_json::to_string_pretty(&overviews) {
            Ok(text) => text,
            Err(error) => {
                errors.push(format!("the overview could not be written as JSON: {error}"));
                String::new()
            }
        },
        View::Table => {
            let tables = languages
                .iter()
                .flat_map(|lang| overviews.iter().map(|overview| table(overview, *lang)));
            tables.collect()
        }
    };
    if let Some(leak) = maskers.iter().flat_map(|masker| masker.leaks(text.as_bytes())).next() {
        complain(&format!(
            "the overview would have held the secret behind {} ({}); nothing was shown; please report this",
            leak.token, leak.form
        ));
        return exit::SECRET;
    }
    if !text.is_empty() {
        say(text.trim_end());
    }
    errors.iter().for_each(|error| complain(error));
    if errors.is_empty() && !overviews.is_empty() {
        exit::DONE
    } else {
        exit::INPUT
    }
}

/// A bundle and its baseline, masked, each with what knows its secrets.
fn overviews(case: &Case, with_files: bool, said: &Said) -> Vec<(Overview, Masker)> {
    let snapshots = std::iter::once(&case.snapshot).chain(&case.baseline);
    let masked = snapshots.map(|snapshot| {
        let mut masker = Masker::new();
        masker.heed(said);
        learn_beside_names(&mut masker, snapshot);
        let mut overview = Overview::new(snapshot, with_files);
        overview.mask(&mut masker);
        (overview, masker)
    });
    masked.collect()
}

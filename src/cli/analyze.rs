//! `casefile analyze`: bundles in, reports out.

use std::path::PathBuf;

use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use rayon::prelude::*;

use super::inputs::{Inputs, Job, inputs};
use super::outputs::{Target, format_of, write};
use super::terminal::{complain, remark, safe, say};
use super::{exit, language};
use crate::bundle::{Budget, OpenError};
use crate::cluster::read_bundle;
use crate::diagnosis::diagnose;
use crate::model::Lang;
use crate::redact::Masker;
use crate::report::model::PostMortem;
use crate::report::{Format, compose, learn_secrets, render};
use crate::rules::Rules;

/// Find the cause in support bundles and write incident reports
///
/// A bundle is a directory, .tar, .tar.gz, .tar.zst, .tar.xz or .zip, told by its bytes. A directory with archives in it is a folder
/// of bundles: each is analysed, and X-baseline.* is the baseline of X.
///
/// Exit codes: 0 done, 2 wrong usage, 3 a bundle could not be read (reports of the others are kept), 5 a report could not be
/// written, 6 a report would have held a secret and was not written.
#[derive(Debug, Args)]
pub(super) struct AnalyzeArgs {
    /// Bundles, or folders of bundles
    #[arg(required = true, value_name = "BUNDLE")]
    bundles: Vec<PathBuf>,
    /// A healthy bundle to compare with
    #[arg(long, value_name = "BUNDLE")]
    baseline: Option<PathBuf>,
    /// Formats: md, html, json, or several with commas [default: all, or what FILE's extension says]
    #[arg(short, long, value_name = "FORMATS", value_parser = parse_formats)]
    format: Option<Formats>,
    /// Languages of the report: zh, en, both with a comma, or auto (from LC_ALL, LC_MESSAGES, LANG)
    #[arg(long, value_name = "LANG", default_value = "auto")]
    lang: String,
    /// Directory for <bundle>.<lang>.<ext>, a file for one report, or - for standard output [default: reports]
    #[arg(short, long, value_name = "DIR|FILE|-")]
    output: Option<PathBuf>,
    /// Replace files that casefile did not write
    #[arg(long)]
    force: bool,
    /// Use this many threads [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Errors only: no progress, no summary
    #[arg(short, long)]
    quiet: bool,
}

#[derive(Debug, Clone)]
struct Formats(Vec<Format>);

fn parse_formats(list: &str) -> Result<Formats, String> {
    Format::parse_list(list).map(Formats).map_err(|error| error.to_string())
}

/// What became of one bundle.
struct Analysed {
    alias: String,
    report: PostMortem,
    /// Rendered reports, in order of language and format.
    rendered: Vec<(Lang, Format, String)>,
}

/// Why a bundle has no report.
enum Failure {
    Input(String),
    Secret(String),
    Defect(String),
}

/// Runs the subcommand and gives the exit code.
pub(super) fn run(args: &AnalyzeArgs) -> u8 {
    let plan = match Plan::new(args) {
        Ok(plan) => plan,
        Err((code, message)) => {
            complain(&message);
            return code;
        }
    };
    let inputs = inputs(&args.bundles, args.baseline.as_deref());
    if !args.quiet {
        inputs.remarks.iter().for_each(|line| remark(line));
    }
    for error in &inputs.errors {
        complain(&error.to_string());
    }
    if inputs.jobs.is_empty() {
        if inputs.errors.is_empty() {
            complain(
                "no bundle was found in what was named; give archives, a directory of evidence, or a folder of bundles",
            );
        }
        return exit::INPUT;
    }
    if !matches!(plan.target, Target::Directory(_)) && inputs.jobs.len() * plan.languages.len() * plan.formats.len() > 1
    {
        complain(
            "several reports do not fit one file or standard output; give -o a directory, or one bundle, one --lang and one --format",
        );
        return exit::USAGE;
    }
    if let Err(message) = plan.target.prepare() {
        complain(&message);
        return exit::OUTPUT;
    }
    analyse_all(args, &plan, &inputs)
}

/// What is to be written where.
struct Plan {
    languages: Vec<Lang>,
    formats: Vec<Format>,
    target: Target,
    rules: Rules,
}

impl Plan {
    fn new(args: &AnalyzeArgs) -> Result<Self, (u8, String)> {
        let languages = language::languages(&args.lang, |name| std::env::var(name).ok())
            .map_err(|message| (exit::USAGE, message))?;
        let target = Target::parse(args.output.as_deref());
        let from_name = match &target {
            Target::File(file) => format_of(file).map(|format| vec![format]),
            Target::Stdout => Some(vec![Format::Markdown]),
            Target::Directory(_) => None,
        };
        let formats = args
            .format
            .clone()
            .map(|formats| formats.0)
            .or(from_name)
            .unwrap_or_else(|| Format::ALL.to_vec());
        let rules = Rules::load().map_err(|error| {
            (
                exit::DEFECT,
                format!("the built-in rules do not load: {error}; please report this"),
            )
        })?;
        Ok(Self {
            languages,
            formats,
            target,
            rules,
        })
    }
}

fn analyse_all(args: &AnalyzeArgs, plan: &Plan, inputs: &Inputs) -> u8 {
    let bar = progress(args.quiet, inputs.jobs.len());
    let work = || -> Vec<Result<Analysed, Failure>> {
        inputs
            .jobs
            .par_iter()
            .map(|job| {
                let result = analyse(plan, job);
                bar.inc(1);
                result
            })
            .collect()
    };
    // A pool that cannot be built (a system without threads) leaves the global one.
    let results = match rayon::ThreadPoolBuilder::new()
        .num_threads(args.threads.map_or(0, usize::from))
        .build()
    {
        Ok(pool) => pool.install(work),
        Err(_) => work(),
    };
    bar.finish_and_clear();
    let mut code = if inputs.errors.is_empty() {
        exit::DONE
    } else {
        exit::INPUT
    };
    for result in results {
        let outcome = match result {
            Ok(analysed) => publish(args, plan, &analysed),
            Err(Failure::Input(message)) => Err((exit::INPUT, message)),
            Err(Failure::Secret(message)) => Err((exit::SECRET, message)),
            Err(Failure::Defect(message)) => Err((exit::DEFECT, message)),
        };
        if let Err((failure, message)) = outcome {
            complain(&message);
            // The gravest outcome is the run's.
            code = code.max(failure);
        }
    }
    code
}

fn progress(quiet: bool, jobs: usize) -> ProgressBar {
    let bar = ProgressBar::new(jobs as u64);
    // indicatif draws only where standard error is a terminal.
    bar.set_draw_target(if quiet {
        ProgressDrawTarget::hidden()
    } else {
        ProgressDrawTarget::stderr()
    });
    if let Ok(style) = ProgressStyle::with_template("analysing {pos}/{len} {wide_bar} {elapsed}") {
        bar.set_style(style);
    }
    bar
}

fn analyse(plan: &Plan, job: &Job) -> Result<Analysed, Failure> {
    let read = |path: &PathBuf, alias: &str| {
        read_bundle(path, alias, plan.rules.signatures(), Budget::default())
            .map_err(|error: OpenError| Failure::Input(error.to_string()))
    };
    let snapshot = read(&job.path, &job.alias)?;
    let baseline = job
        .baseline
        .as_ref()
        .map(|(alias, path)| read(path, alias))
        .transpose()?;
    let mut masker = Masker::new();
    learn_secrets(&mut masker, &snapshot);
    if let Some(baseline) = &baseline {
        learn_secrets(&mut masker, baseline);
    }
    let diagnosis = diagnose(&plan.rules, &snapshot, baseline.as_ref());
    let defect = |error: String| {
        Failure::Defect(format!(
            "{}: the report could not be composed: {error}; please report this",
            job.alias
        ))
    };
    let report = compose(&diagnosis, &mut masker).map_err(|error| defect(format!("{error:#}")))?;
    let mut rendered = Vec::new();
    for &lang in &plan.languages {
        for &format in &plan.formats {
            let text = render(&report, lang, format).map_err(|error| defect(error.to_string()))?;
            if let Some(leak) = masker.leaks(text.as_bytes()).first() {
                return Err(Failure::Secret(format!(
                    "{}: the {format} report would have held the secret behind {} ({}); nothing was written; please report this",
                    job.alias, leak.token, leak.form
                )));
            }
            rendered.push((lang, format, text));
        }
    }
    Ok(Analysed {
        alias: job.alias.clone(),
        report,
        rendered,
    })
}

/// Writes one bundle's reports and says what was found.
fn publish(args: &AnalyzeArgs, plan: &Plan, analysed: &Analysed) -> Result<(), (u8, String)> {
    let mut written = Vec::new();
    for (lang, format, text) in &analysed.rendered {
        match plan.target.file(&analysed.alias, *lang, *format) {
            None => say(text.trim_end()),
            Some(file) => {
                write(&file, text, args.force).map_err(|message| (exit::OUTPUT, message))?;
                written.push(file.display().to_string());
            }
        }
    }
    if !args.quiet && plan.target != Target::Stdout {
        let lang = plan.languages.first().copied().unwrap_or(Lang::En);
        say(&format!(
            "{}: {}",
            safe(&analysed.alias),
            safe(&verdict(&analysed.report, lang))
        ));
        for file in written {
            say(&format!("  {}", safe(&file)));
        }
    }
    Ok(())
}

/// The first root cause and its confidence, in one line.
fn verdict(report: &PostMortem, lang: Lang) -> String {
    match report.root_causes.first() {
        Some(cause) => {
            let confidence = crate::report::confidence_word(cause.confidence, lang);
            format!("{} [{confidence}]", cause.title.get(lang))
        }
        None => report
            .incident
            .summary
            .first()
            .map(|sentence| sentence.text.get(lang).to_owned())
            .unwrap_or_default(),
    }
}

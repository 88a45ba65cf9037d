//! `casefile analyze`: bundles in, reports out.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::{ArgAction, Args, ValueEnum};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::Timestamp;
use rayon::prelude::*;

use super::cases::{Case, in_place_of, join, not_ours, remarks, with_earlier};
use super::config::{Config, ConfigArgs};
use super::index::{self, Way};
use super::inputs::{Inputs, Job, Piped, inputs};
use super::limits::LimitArgs;
use super::losses::{all_losses, loss};
use super::narrow::{NarrowArgs, unknown_names};
use super::outputs::{Target, format_of, write};
use super::own_rules::OwnRules;
use super::style::{StyleArgs, before_collection, is_after_collection};
use super::summary::Summaries;
use super::terminal::{complain, deliver, remark, safe, say};
use super::{exit, language};
use crate::bundle::Budget;
use crate::cluster::Identity;
use crate::diagnosis::diagnose_within;
use crate::model::near::nearest;
use crate::model::{Lang, Level};
use crate::redact::{Masker, Said};
use crate::report::index::IndexRow;
use crate::report::model::{Gap, GapReason, PostMortem};
use crate::report::{Answers, Format, Policy, compose, learn_beside_names, render_as};
use crate::rules::Rules;

/// Find the cause in support bundles and write incident reports
///
/// A bundle is a directory, .tar, .tar.gz, .tar.zst, .tar.xz, .tar.bz2 or .zip, told by its bytes. A directory with archives in it is a folder
/// of bundles: each is analysed, and X-baseline.* is the baseline of X. Several reports get an index beside them.
///
/// Exit codes: 0 done, 1 something at or above --fail-on was found, 2 wrong usage, 3 a bundle could not be read (reports of the others are
/// kept), 4 incomplete under --strict, 5 a report could not be written, 6 a report would have held a secret and was not written,
/// 130 or 143 interrupted by Ctrl-C or SIGTERM.
#[derive(Debug, Args)]
pub(super) struct AnalyzeArgs {
    /// Bundles, or folders of bundles; - for one archive on standard input
    #[arg(required = true, value_name = "BUNDLE")]
    bundles: Vec<PathBuf>,
    /// A healthy bundle to compare with
    #[arg(long, value_name = "BUNDLE")]
    baseline: Option<PathBuf>,
    /// Read all bundles as archives of one cluster, into one report
    ///
    /// Archives of different machines of one cluster that were collected within 30 minutes are merged without being told.
    #[arg(long)]
    merge: bool,
    /// Formats, with commas: md, html, json, sarif, junit, csv, jsonl, github-issue, jira, jira-adf, zendesk, actions-csv, actions-json, text,
    /// summary [default: md,html,json, or what FILE's name says]
    ///
    /// csv and jsonl hold the timeline. github-issue and jira are a title, an empty line and a body that is cut, and says so, where the
    /// tracker takes no more; jira-adf is the request for Jira Cloud; zendesk holds the internal note and, apart, a draft of the public
    /// reply; actions-csv and actions-json have one ticket for each improvement action. junit has one test case for each check; what could not be judged is skipped, never passed.
    #[arg(short, long, value_name = "FORMATS", value_parser = parse_formats)]
    format: Option<Formats>,
    /// Languages of the report: zh, en, both with a comma, or auto, from LC_ALL, LC_MESSAGES, LANG [default: auto]
    #[arg(long, value_name = "LANG")]
    lang: Option<String>,
    /// Write a short summary for a chat or a CI page (Markdown, 2,000 characters for each bundle) to this file as well
    #[arg(long, value_name = "FILE")]
    summary_file: Option<PathBuf>,
    /// Directory for <bundle>.<lang>.<ext>, a file for one report, or - for standard output [default: reports]
    #[arg(short, long, value_name = "DIR|FILE|-")]
    output: Option<PathBuf>,
    /// Fill the blanks of one report from a TOML file: reporter = "on-call", or [action.a1] with owner = "platform"
    ///
    /// The keys are the ids of the blanks, as `casefile lint REPORT.md` lists them. What was filled is marked as human, and stays when the
    /// report is made anew.
    #[arg(long, value_name = "FILE")]
    answers: Option<PathBuf>,
    /// End with 1 when something is found at or above this level; the reports are written all the same
    #[arg(long, value_name = "LEVEL", value_enum, default_value_t = FailOn::None)]
    fail_on: FailOn,
    /// End with 4 when a bundle could not be read whole, when what its collector tried failed, or when no check could be judged
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    style: StyleArgs,
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    own_rules: OwnRules,
    #[command(flatten)]
    narrow: NarrowArgs,
    /// Replace files that casefile did not write
    #[arg(long)]
    force: bool,
    /// Use this many threads [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Errors only: no progress, no summary
    #[arg(short, long, conflicts_with = "verbose")]
    quiet: bool,
    /// Say how long each bundle took; twice: also what of it could not be read, all of it
    #[arg(short, long, action = ArgAction::Count)]
    verbose: u8,
    #[command(flatten)]
    limits: LimitArgs,
}

/// The lowest level at which a run ends with 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FailOn {
    Critical,
    Warning,
    Any,
    None,
}

#[derive(Debug, Clone)]
struct Formats(Vec<Format>);

fn parse_formats(list: &str) -> Result<Formats, String> {
    Format::parse_list(list).map(Formats).map_err(|error| error.to_string())
}

/// What became of one bundle.
struct Analysed {
    alias: String,
    /// The first root cause and its confidence, in one line.
    verdict: String,
    /// What of the bundle could not be read, one line for each archive.
    losses: Vec<String>,
    /// What the run ends with on account of this report alone.
    code: u8,
    /// Its row in the index.
    row: Option<IndexRow>,
    /// Rendered reports, in order of language and format.
    rendered: Vec<(Lang, Format, String)>,
    /// The few lines for `--summary-file`, in the first language.
    summary: Option<String>,
}

/// Why a bundle has no report, with the message.
enum Failure {
    Input(String),
    Usage(String),
    Secret(String),
    Defect(String),
}

impl Failure {
    fn into_exit(self) -> (u8, String) {
        match self {
            Self::Input(message) => (exit::INPUT, message),
            Self::Usage(message) => (exit::USAGE, message),
            Self::Secret(message) => (exit::SECRET, message),
            Self::Defect(message) => (exit::DEFECT, message),
        }
    }
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
    let piped = match Piped::take(&args.bundles, plan.budget.max_bytes) {
        Ok(piped) => piped,
        Err(message) => {
            complain(&message);
            return exit::INPUT;
        }
    };
    let mut inputs = match inputs(&piped.bundles, plan.baseline.as_deref()) {
        Ok(inputs) => inputs,
        Err(error) => {
            complain(&format!("the baseline cannot be used: {error}"));
            return exit::INPUT;
        }
    };
    if args.merge {
        inputs.merge_all();
    }
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
            "several reports do not fit one file or standard output; give -o a directory, or one bundle (--merge makes one of several archives), one --lang and one --format",
        );
        return exit::USAGE;
    }
    if plan.answers.is_some() && inputs.jobs.len() > 1 {
        complain("--answers is for one report; name one bundle, or make one of several archives with --merge");
        return exit::USAGE;
    }
    if let Err(message) = plan.target.prepare() {
        complain(&message);
        return exit::OUTPUT;
    }
    analyse_all(args, &plan, &inputs)
}

/// What is to be written where.
pub(super) struct Plan {
    pub(super) languages: Vec<Lang>,
    pub(super) formats: Vec<Format>,
    pub(super) target: Target,
    summarises: bool,
    rules: Rules,
    budget: Budget,
    narrow: NarrowArgs,
    pub(super) style: StyleArgs,
    stamp: Option<Timestamp>,
    /// What people answered, and the file that it stands in.
    answers: Option<(String, Answers)>,
    fail_on: FailOn,
    strict: bool,
    verbose: u8,
    redact: Said,
    policy: Policy,
    baseline: Option<PathBuf>,
}

impl Plan {
    fn new(args: &AnalyzeArgs) -> Result<Self, (u8, String)> {
        let usage = |message: String| (exit::USAGE, message);
        let config = Config::load(&args.config, &args.bundles).map_err(usage)?;
        let lang = args.lang.as_deref().or(config.lang.as_deref()).unwrap_or("auto");
        let languages = language::languages(lang, |name| std::env::var(name).ok()).map_err(usage)?;
        let mut style = args.style.clone();
        if let (None, Some(zone)) = (&style.tz, &config.tz) {
            style.tz = Some(zone.parse().map_err(usage)?);
        }
        let configured = config
            .formats
            .as_ref()
            .map(|names| parse_formats(&names.join(",")))
            .transpose()
            .map_err(usage)?;
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
            .or(configured.map(|formats| formats.0))
            .unwrap_or_else(|| Format::DEFAULT.to_vec());
        check_ending(&target, &formats)?;
        let first = languages.first().copied().unwrap_or(Lang::En);
        let own_rules = args.own_rules.and(&config.rules.dirs, &config.rules.origin);
        let loaded = own_rules.load(first, &args.limits.budget())?;
        if !args.quiet {
            loaded.remarks.iter().for_each(|line| remark(line));
        }
        let rules = loaded.rules;
        if let Some(unknown) = config.rules.disable.iter().find(|id| rules.get(id).is_none()) {
            let near = nearest(unknown, rules.iter().map(|rule| rule.header.id.as_str()));
            let hint = near.map_or("see casefile rules list".to_owned(), |near| {
                format!("did you mean {near}?")
            });
            return Err(usage(format!("rules.disable names no rule: {unknown}; {hint}")));
        }
        Ok(Self {
            languages,
            formats,
            target,
            summarises: args.summary_file.is_some(),
            rules: rules.without(&config.rules.disable),
            fail_on: args.fail_on,
            strict: args.strict,
            verbose: args.verbose,
            policy: config.policy(),
            baseline: args.baseline.clone().or(config.baseline),
            redact: config.redact,
            budget: args.limits.budget(),
            narrow: args.narrow.clone(),
            stamp: style.stamp(|name| std::env::var(name).ok()).map_err(usage)?,
            style,
            answers: args.answers.as_deref().map(read_answers).transpose()?,
        })
    }
}

fn read_answers(file: &Path) -> Result<(String, Answers), (u8, String)> {
    let name = file.display().to_string();
    let text = std::fs::read_to_string(file).map_err(|error| {
        (
            exit::USAGE,
            format!("cannot read {name}: {error}; give a TOML file with answers"),
        )
    })?;
    let answers = Answers::parse(&text).map_err(|error| (exit::USAGE, format!("{name}, {error}")))?;
    Ok((name, answers))
}

/// A file that is named `.json` must not hold Markdown.
fn check_ending(target: &Target, formats: &[Format]) -> Result<(), (u8, String)> {
    match (target, formats) {
        (Target::File(file), [format])
            if format_of(file).is_some_and(|named| named.file_ending() != format.file_ending()) =>
        {
            Err((
                exit::USAGE,
                format!(
                    "{} is named for another format than --format {format}; rename it, or leave --format out",
                    file.display()
                ),
            ))
        }
        _ => Ok(()),
    }
}

fn analyse_all(args: &AnalyzeArgs, plan: &Plan, inputs: &Inputs) -> u8 {
    let bar = progress(args.quiet, inputs.jobs.len());
    let work = || {
        let (results, identities): (Vec<_>, Vec<_>) = inputs
            .jobs
            .par_iter()
            .map(|job| {
                let result = analyse_one(plan, job);
                bar.inc(1);
                result
            })
            .unzip();
        let joined = join(&inputs.jobs, &identities);
        let (joined, compared) = with_earlier(&inputs.jobs, &identities, joined);
        if !args.quiet {
            bar.suspend(|| remarks(&joined).chain(compared).for_each(|line| remark(&line)));
        }
        let again: Vec<_> = joined.par_iter().map(|whole| analyse_one(plan, &whole.job).0).collect();
        in_place_of(results, &joined, again)
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
    let code = if inputs.errors.is_empty() {
        exit::DONE
    } else {
        exit::INPUT
    };
    let skipped = inputs
        .errors
        .iter()
        .map(|error| nameable(&super::inputs::alias(error.path())))
        .collect();
    code.max(conclude(args, plan, results, skipped))
}

/// Reads and analyses a bundle; the second part says by what it may belong to another.
fn analyse_one(plan: &Plan, job: &Job) -> (Result<Analysed, (String, Failure)>, Option<Identity>) {
    let mut identity = None;
    let result = guarded(&job.alias, || {
        let started = Instant::now();
        let case = Case::read(job, plan.rules.signatures(), &plan.budget)
            .map_err(|error| Failure::Input(error.to_string()))?;
        let read = started.elapsed();
        identity = case.identity(job);
        let analysed = analyse(plan, job, &case);
        if plan.verbose > 0 {
            let (read, all) = (read.as_secs_f64(), started.elapsed().as_secs_f64());
            // What of the name is secret is known only to whoever has read the bundle.
            let name = analysed.as_ref().map_or("a bundle", |analysed| analysed.alias.as_str());
            remark(&format!(
                "{name}: read in {read:.2} s, judged and written in {:.2} s",
                all - read
            ));
        }
        analysed
    });
    (result.map_err(|failure| (job.alias.clone(), failure)), identity)
}

/// Publishes what succeeded, complains about the rest, and gives the code of the gravest outcome.
fn conclude(
    args: &AnalyzeArgs,
    plan: &Plan,
    results: Vec<Result<Analysed, (String, Failure)>>,
    mut without: Vec<String>,
) -> u8 {
    let mut code = exit::DONE;
    let (mut rows, mut summaries) = (Vec::new(), Summaries::default());
    let several = results.len() + without.len() > 1;
    for result in results {
        let outcome = result
            .map_err(|(alias, failure)| {
                without.push(nameable(&alias));
                failure.into_exit()
            })
            .and_then(|analysed| {
                publish(args, plan, &analysed, &mut summaries).map(|()| (analysed.code, analysed.row))
            });
        match outcome {
            Ok((own, row)) => {
                code = code.max(own);
                rows.extend(row);
            }
            Err((failure, message)) => {
                complain(&message);
                code = code.max(failure);
            }
        }
    }
    if let Some(file) = &args.summary_file
        && let Err(message) = summaries.write(file, args.force)
    {
        complain(&message);
        code = code.max(exit::OUTPUT);
    }
    let way = Way {
        force: args.force,
        quiet: args.quiet,
    };
    if several
        && !rows.is_empty()
        && let Err((failure, message)) = index::write_index(plan, way, rows, without)
    {
        complain(&message);
        code = code.max(failure);
    }
    code
}

fn progress(quiet: bool, jobs: usize) -> ProgressBar {
    let bar = ProgressBar::new(jobs as u64);
    // indicatif draws only where standard error is a terminal.
    let dull = std::env::var_os("CI").is_some() || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    bar.set_draw_target(if quiet || dull {
        ProgressDrawTarget::hidden()
    } else {
        ProgressDrawTarget::stderr()
    });
    if let Ok(style) = ProgressStyle::with_template("analysing {pos}/{len} {wide_bar} {elapsed}") {
        bar.set_style(style);
    }
    bar
}

/// The name of a bundle of which nothing is known but its name.
fn nameable(alias: &str) -> String {
    Masker::new().mask(alias).into_owned()
}

/// A defect that one bundle brings to light does not take the reports of the others with it. The panic hook has said where it is.
fn guarded<T>(alias: &str, work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        Err(Failure::Defect(format!(
            "{alias}: the analysis stopped at a defect of casefile; please report this"
        )))
    })
}

fn analyse(plan: &Plan, job: &Job, case: &Case) -> Result<Analysed, Failure> {
    let Case { snapshot, baseline, .. } = case;
    let mut masker = Masker::new();
    masker.heed(&plan.redact);
    let mut losses = Vec::new();
    for snapshot in std::iter::once(snapshot).chain(baseline) {
        learn_beside_names(&mut masker, snapshot);
        losses.extend(not_ours(snapshot));
        match plan.verbose {
            0 | 1 => losses.extend(loss(snapshot)),
            _ => losses.extend(all_losses(snapshot)),
        }
    }
    let earlier = case
        .earlier(job, plan.rules.signatures(), &plan.budget, &mut masker)
        .map_err(|error| Failure::Input(error.to_string()))?;
    let narrowing = plan
        .narrow
        .narrowing(snapshot.now())
        .map_err(|message| Failure::Input(format!("{}: {message}", job.alias)))?;
    let mut diagnosis = diagnose_within(&plan.rules, snapshot, baseline.as_ref(), &narrowing);
    let narrowed = diagnosis.narrowed.iter();
    losses.extend(narrowed.flat_map(|narrowed| unknown_names(&job.alias, &narrowed.unknown)));
    let mined = case.mine(job, &diagnosis.logs_to_mine(), plan.rules.signatures(), &plan.budget);
    diagnosis.take_templates(&mined);
    diagnosis.compare_with(&earlier);
    let defect = |error: String| {
        Failure::Defect(format!(
            "{}: the report could not be composed: {error}; please report this",
            job.alias
        ))
    };
    let mut report = compose(&diagnosis, &mut masker).map_err(|error| defect(format!("{error:#}")))?;
    losses.extend(report.remarks.iter().map(|line| format!("{}: {line}", job.alias)));
    plan.policy.apply(&mut report);
    report.generated_at = plan.stamp.filter(|stamp| is_after_collection(*stamp, snapshot));
    if let (Some(stamp), None) = (plan.stamp, report.generated_at) {
        losses.push(before_collection(&job.alias, stamp));
    }
    if let Some((file, answers)) = &plan.answers {
        answers
            .fill(&mut report, |value| masker.mask(value).into_owned())
            .map_err(|error| Failure::Usage(format!("{file}, {error}")))?;
    }
    // It becomes the name of a file.
    let alias = masker.mask(&job.alias).into_owned();
    let (mut rendered, mut summary) = (Vec::new(), None);
    for &lang in &plan.languages {
        for &format in &plan.formats {
            let text =
                render_as(&report, &plan.style.style(lang), format).map_err(|error| defect(error.to_string()))?;
            check_for_secrets(&masker, &alias, format, &text)?;
            rendered.push((lang, format, text));
        }
    }
    if let (true, Some(&lang)) = (plan.summarises, plan.languages.first()) {
        let text = render_as(&report, &plan.style.style(lang), Format::Summary).map_err(|e| defect(e.to_string()))?;
        check_for_secrets(&masker, &alias, Format::Summary, &text)?;
        summary = Some(text);
    }
    let row = index::row(plan, &alias, case, &report);
    let text = serde_json::to_string(&row).unwrap_or_default();
    check_for_secrets(&masker, &alias, Format::Json, &text)?;
    let lang = plan.languages.first().copied().unwrap_or(Lang::En);
    let losses = losses.iter().map(|line| masker.mask(line).into_owned()).collect();
    Ok(Analysed {
        alias,
        verdict: verdict(&report, lang),
        losses,
        row: Some(row),
        code: code_of(plan, &report),
        rendered,
        summary,
    })
}

/// What `--fail-on` and `--strict` make of a report.
fn code_of(plan: &Plan, report: &PostMortem) -> u8 {
    let is_reading = |gap: &Gap| {
        matches!(
            gap.reason,
            GapReason::CollectionFailed | GapReason::Truncated | GapReason::Unparsed
        )
    };
    if plan.strict && (!report.is_judged() || report.gaps.iter().any(is_reading)) {
        return exit::INCOMPLETE;
    }
    let lowest = match plan.fail_on {
        FailOn::None => return exit::DONE,
        FailOn::Critical => Level::Critical,
        FailOn::Warning => Level::Warning,
        FailOn::Any => Level::Info,
    };
    let found = report.findings.iter().any(|finding| finding.level >= lowest);
    if found { exit::DIFFERS } else { exit::DONE }
}

/// The self-check: no secret that is known may stand in what is about to be written.
fn check_for_secrets(masker: &Masker, alias: &str, format: Format, text: &str) -> Result<(), Failure> {
    match masker.leaks(text.as_bytes()).first() {
        None => Ok(()),
        Some(leak) => Err(Failure::Secret(format!(
            "{alias}: the {format} report would have held the secret behind {} ({}); nothing was written; please report this",
            leak.token, leak.form
        ))),
    }
}

/// Writes one bundle's reports and says what was found.
fn publish(
    args: &AnalyzeArgs,
    plan: &Plan,
    analysed: &Analysed,
    summaries: &mut Summaries,
) -> Result<(), (u8, String)> {
    let mut written = Vec::new();
    for (lang, format, text) in &analysed.rendered {
        match plan.target.file(&analysed.alias, *lang, *format) {
            None => deliver(text.trim_end()).map_err(|message| (exit::OUTPUT, message))?,
            Some(file) => {
                write(&file, text, args.force).map_err(|message| (exit::OUTPUT, message))?;
                written.push(file.display().to_string());
            }
        }
    }
    summaries.add(analysed.summary.as_deref(), &written);
    if !args.quiet {
        analysed.losses.iter().for_each(|line| remark(line));
    }
    if !args.quiet && plan.target != Target::Stdout {
        say(&format!("{}: {}", safe(&analysed.alias), safe(&analysed.verdict)));
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
        // That nothing was found is said together with what could not be judged.
        None => {
            let said: Vec<&str> = report
                .incident
                .summary
                .iter()
                .map(|sentence| sentence.text.get(lang))
                .collect();
            said.join(if lang == Lang::Zh { "" } else { " " })
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::{Args, FromArgMatches};

    use super::*;
    use crate::redact::Class;

    const PLANTED: &str = "kubeconfig-u-7x2lq:zq8w5l2v9c";

    fn analysed(alias: &str, text: &str) -> Analysed {
        Analysed {
            alias: alias.into(),
            verdict: String::new(),
            losses: Vec::new(),
            row: None,
            code: exit::DONE,
            rendered: vec![(Lang::En, Format::Markdown, text.into())],
            summary: None,
        }
    }

    #[test]
    fn a_report_with_a_secret_in_it_is_not_written_and_the_run_ends_with_6() {
        let mut masker = Masker::new();
        masker.learn_secret(Class::Token, PLANTED);
        let judge = |alias: &str, text: &str| {
            check_for_secrets(&masker, alias, Format::Markdown, text)
                .map(|()| analysed(alias, text))
                .map_err(|failure| (alias.to_owned(), failure))
        };
        let results = vec![judge("good", "all is well"), judge("bad", &format!("token: {PLANTED}"))];

        let folder = tempfile::tempdir().unwrap();
        let command = AnalyzeArgs::augment_args(clap::Command::new("analyze"));
        let output = folder.path().to_str().unwrap();
        let matches = command.get_matches_from(["analyze", "x", "--quiet", "-f", "md", "--lang", "en", "-o", output]);
        let args = AnalyzeArgs::from_arg_matches(&matches).unwrap();
        let plan = Plan::new(&args).ok().unwrap();
        assert_eq!(conclude(&args, &plan, results, Vec::new()), 6);
        assert!(folder.path().join("good.en.md").exists());
        assert!(!folder.path().join("bad.en.md").exists());
    }

    #[test]
    fn the_message_about_a_secret_does_not_tell_it() {
        let mut masker = Masker::new();
        masker.learn_secret(Class::Token, PLANTED);
        let Err(failure) = check_for_secrets(&masker, "ticket", Format::Json, PLANTED) else {
            panic!("the secret went through");
        };
        let (code, message) = failure.into_exit();
        assert_eq!(code, 6);
        assert!(
            message.contains("ticket") && message.contains("json") && !message.contains(PLANTED),
            "{message}"
        );
    }
}

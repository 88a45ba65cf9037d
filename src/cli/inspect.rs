//! `casefile inspect`: what a bundle is and what is in it, before anything is judged.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::cases::{Case, join, remarks};
use super::exit;
use super::inputs::{Job, inputs};
use super::limits::LimitArgs;
use super::terminal::{complain, remark, safe, say};
use crate::cluster::{Archive, FileRecord, Snapshot, Treatment};
use crate::logs::{LogFile, SignatureSet, Stream};
use crate::model::{Problem, When};

/// Say what a bundle is and what is in it: producer, cluster, nodes, time, data, what could not be read
///
/// Exit codes: 0 done, 2 wrong usage, 3 a bundle could not be read.
#[derive(Debug, Args)]
pub(super) struct InspectArgs {
    /// Bundles, or folders of bundles
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
    let signatures = match SignatureSet::new([]) {
        Ok(signatures) => signatures,
        Err(error) => {
            complain(&format!(
                "the scanner of logs could not be made: {error}; please report this"
            ));
            return exit::DEFECT;
        }
    };
    let mut found = match inputs(&args.bundles, None) {
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
    let budget = args.limits.budget();
    let read = |job: &Job| Case::read(job, &signatures, &budget).map_err(|error| error.to_string());
    let mut identities = Vec::new();
    let mut shown: Vec<Vec<Overview>> = Vec::new();
    for job in &found.jobs {
        let case = read(job).map_err(|error| errors.push(error)).ok();
        identities.push(case.as_ref().and_then(|case| case.identity(job)));
        shown.push(case.map(|case| overviews(&case, args.files)).unwrap_or_default());
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
            (Ok(case), Some(place)) => *place = overviews(&case, args.files),
            (Err(error), _) => errors.push(error),
            (Ok(_), None) => {}
        }
    }
    let overviews: Vec<Overview> = shown.into_iter().flatten().collect();
    match args.format {
        View::Json => match serde_json::to_string_pretty(&overviews) {
            Ok(text) => say(&text),
            Err(error) => errors.push(format!("the overview could not be written as JSON: {error}")),
        },
        View::Table => overviews.iter().for_each(print),
    }
    errors.iter().for_each(|error| complain(error));
    if errors.is_empty() && !overviews.is_empty() {
        exit::DONE
    } else {
        exit::INPUT
    }
}

/// A bundle and its baseline.
fn overviews(case: &Case, with_files: bool) -> Vec<Overview> {
    let snapshots = std::iter::once(&case.snapshot).chain(&case.baseline);
    snapshots.map(|snapshot| Overview::new(snapshot, with_files)).collect()
}

/// What is said of one bundle. The names of its fields are keys of the JSON form.
#[derive(Debug, Serialize)]
struct Overview {
    bundle: String,
    layout: String,
    /// Root and layout of every producer found, the outermost first.
    layouts: Vec<(String, &'static str)>,
    sha256: String,
    /// Every archive, where several of one cluster were read together.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    archives: Vec<ArchiveLine>,
    /// The uid of the namespace `kube-system`, by which clusters are told apart.
    cluster: Option<String>,
    versions: BTreeMap<String, BTreeSet<String>>,
    nodes: Vec<String>,
    hosts: Vec<String>,
    reference_time: Option<When>,
    /// Datum → number of facts; 0 for a listing that was empty.
    data: BTreeMap<String, u64>,
    problems: Vec<Problem>,
    file_count: u64,
    bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    files: Option<Vec<FileLine>>,
}

/// One of several archives of a cluster.
#[derive(Debug, Serialize)]
struct ArchiveLine {
    bundle: String,
    input: String,
    layout: String,
    sha256: String,
    reference_time: Option<When>,
    nodes: Vec<String>,
    file_count: u64,
}

impl ArchiveLine {
    fn new(archive: &Archive) -> Self {
        Self {
            bundle: archive.info.alias.to_string(),
            input: archive.info.input.clone(),
            layout: archive.info.layout.clone(),
            sha256: archive.info.sha256.clone(),
            reference_time: archive.info.collected_at.clone(),
            nodes: archive.nodes.clone(),
            file_count: archive.files,
        }
    }
}

/// One file: `read` by its decoders, `log` of a stream, `empty`, or `ignored` for a reason.
#[derive(Debug, Serialize)]
struct FileLine {
    path: String,
    bytes: u64,
    treatment: &'static str,
    detail: String,
}

impl Overview {
    fn new(snapshot: &Snapshot, with_files: bool) -> Self {
        let data = snapshot.coverage.read.clone();
        let mut streams: BTreeMap<&str, String> = BTreeMap::new();
        for log in &snapshot.logs {
            streams.insert(log.path.as_str(), stream_name(log));
        }
        let files = &snapshot.coverage.files;
        Self {
            bundle: snapshot.bundle.alias.to_string(),
            layout: snapshot.bundle.layout.clone(),
            layouts: snapshot
                .coverage
                .layouts
                .iter()
                .map(|found| (found.root.clone(), found.layout))
                .collect(),
            sha256: snapshot.bundle.sha256.clone(),
            archives: snapshot.merged.iter().map(ArchiveLine::new).collect(),
            cluster: snapshot.cluster_uid().map(str::to_owned),
            versions: versions(snapshot),
            nodes: snapshot.node_names(),
            hosts: snapshot
                .hosts
                .iter()
                .map(|host| host.node_name().to_owned())
                .filter(|name| !name.is_empty())
                .collect(),
            reference_time: snapshot.bundle.collected_at.clone(),
            data,
            problems: snapshot.coverage.problems.clone(),
            file_count: files.len() as u64,
            bytes: files.iter().map(|file| file.bytes).sum(),
            files: with_files.then(|| files.iter().map(|file| file_line(file, &streams)).collect()),
        }
    }
}

fn file_line(file: &FileRecord, streams: &BTreeMap<&str, String>) -> FileLine {
    let stream = || streams.get(file.path.as_str()).cloned();
    let (treatment, detail) = match &file.treatment {
        Treatment::Read(decoders) => ("read", decoders.join(", ")),
        Treatment::Log => ("log", stream().unwrap_or_default()),
        Treatment::Empty => ("empty", String::new()),
        Treatment::Ignored(reason) => ("ignored", reason.clone().into_owned()),
    };
    FileLine {
        path: file.path.as_str().to_owned(),
        bytes: file.bytes,
        treatment,
        detail,
    }
}

fn stream_name(log: &LogFile) -> String {
    match &log.stream {
        Stream::Container(container) => format!(
            "container {}/{}/{}{}",
            container.namespace,
            container.pod,
            container.container,
            if container.previous { " (previous)" } else { "" }
        ),
        Stream::Component(component) => component.datum().to_owned(),
        // Lines with times are a log, whoever wrote them.
        Stream::Unknown if log.first_stamped.is_some() => "log of a program that is not known".to_owned(),
        Stream::Unknown if is_log_name(log.path.as_str()) => {
            "log without times, of a program that is not known".to_owned()
        }
        Stream::Unknown => "text of no known form, scanned as a log".to_owned(),
    }
}

/// True for a name by which programs and people call logs and what a command complained of.
fn is_log_name(path: &str) -> bool {
    let file = path.rsplit('/').next().unwrap_or(path);
    let stem = file.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    path.contains("var/log/")
        || path.contains("logs/")
        || [".log", ".logs", ".err", ".stderr", ".out"]
            .iter()
            .any(|end| stem.ends_with(end))
        || file.contains(".log.")
        || ["stderr", "stdout", "error.txt", "errors.txt"]
            .iter()
            .any(|word| file.starts_with(word))
}

/// Versions by component: of the kubelets, and whatever the hosts tell as a version.
fn versions(snapshot: &Snapshot) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut add = |component: &str, version: &str| {
        if !version.is_empty() {
            found
                .entry(component.to_owned())
                .or_default()
                .insert(version.to_owned());
        }
    };
    for node in snapshot.kind("Node") {
        add("kubelet", node.text("/status/nodeInfo/kubeletVersion"));
        add(
            "container-runtime",
            node.text("/status/nodeInfo/containerRuntimeVersion"),
        );
    }
    for host in &snapshot.hosts {
        for (key, (value, _)) in &host.values {
            if key.ends_with("version") {
                add(key, value);
            }
        }
    }
    found
}

/// Problems that the table shows; the JSON form has all.
const PROBLEMS_SHOWN: usize = 30;

fn print(overview: &Overview) {
    let row = |name: &str, value: &str| {
        if !value.is_empty() {
            say(&format!("  {name:<16}{}", safe(value)));
        }
    };
    say(&safe(&overview.bundle));
    row("layout", &overview.layout);
    for (root, layout) in overview.layouts.iter().skip(1) {
        row("", &format!("{layout} in {root}"));
    }
    for archive in &overview.archives {
        let time = archive.reference_time.as_ref().map(reference_words).unwrap_or_default();
        row("archive", &format!("{} {time}", archive.input));
    }
    row("cluster", overview.cluster.as_deref().unwrap_or(""));
    for (component, versions) in &overview.versions {
        let versions: Vec<&str> = versions.iter().map(String::as_str).collect();
        row("version", &format!("{component} {}", versions.join(", ")));
    }
    row("nodes", &overview.nodes.join(", "));
    row("hosts", &overview.hosts.join(", "));
    match &overview.reference_time {
        Some(when) => row("reference time", &reference_words(when)),
        None => row("reference time", "unknown"),
    }
    row("files", &format!("{} ({} bytes)", overview.file_count, overview.bytes));
    for (datum, count) in &overview.data {
        row("data", &format!("{count:>7} {datum}"));
    }
    for problem in overview.problems.iter().take(PROBLEMS_SHOWN) {
        let file = problem.file.as_ref().map_or("", |file| file.as_str());
        let line = problem.line.map(|line| format!(":{line}")).unwrap_or_default();
        row("problem", &format!("{file}{line}: {}", problem.detail));
    }
    let more = overview.problems.len().saturating_sub(PROBLEMS_SHOWN);
    if more > 0 {
        row("", &format!("… and {more} more problems (-f json has all)"));
    }
    for file in overview.files.iter().flatten() {
        say(&format!(
            "  {:<8}{:>12}  {}{}",
            file.treatment,
            file.bytes,
            safe(&file.path),
            if file.detail.is_empty() {
                String::new()
            } else {
                format!("  [{}]", safe(&file.detail))
            }
        ));
    }
}

fn reference_words(when: &When) -> String {
    let basis = serde_json::to_value(when.basis)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default();
    format!("{} ({basis}, from {})", when.latest, when.raw)
}

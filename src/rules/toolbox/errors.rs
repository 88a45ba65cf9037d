//! Logs of workloads that run and write mostly errors.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use regex::Regex;

use super::complaints::speaker_is_data_store;
use super::speakers::{Speaker, State, is_previous, of_log};
use super::words;
use crate::cluster::Snapshot;
use crate::logs::{LogFile, TailLine, is_error, is_frame, is_of_control_plane};
use crate::model::Subject;

/// The end of a log that is mostly errors.
pub struct MostlyErrors<'s> {
    /// Who writes them.
    pub speaker: Speaker<'s>,
    /// The log.
    pub log: &'s LogFile,
    /// Error lines.
    pub errors: usize,
    /// Lines that were looked at.
    pub looked: usize,
    /// First and last writing of the commonest error.
    pub commonest: (&'s TailLine, &'s TailLine),
}

/// Errors at the end of a log that are more than noise: so many, and so large a share of the lines.
const LEAST: usize = 5;
/// At least every so many-th line.
const SHARE: usize = 3;
/// Of a log of which only few lines were collected: so many, and at least every other line.
const FEW: usize = 3;
/// Lines after the last error that show that it is over.
const QUIET: usize = 8;

/// What differs between two writings of one error.
static VARIES: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"[0-9a-fA-F]*\d[0-9a-fA-F.:_-]*").ok());

/// The workloads that run and write mostly errors now, each once. Data stores are left out: their errors are about their clients.
pub fn mostly_errors(snapshot: &Snapshot) -> Vec<MostlyErrors<'_>> {
    let mut found: BTreeMap<Subject, MostlyErrors<'_>> = BTreeMap::new();
    for log in &snapshot.logs {
        let Some(speaker) = of_log(snapshot, log) else { continue };
        let is_candidate = speaker.certain
            && !is_previous(log)
            && speaker.state != State::Crashing
            && !(is_of_control_plane(&speaker.workload.namespace)
                || speaker.state == State::Well && is_shipper(log, &speaker)
                || speaker_is_data_store(&speaker));
        if is_candidate
            && !found.contains_key(&speaker.workload)
            && let Some(errors) = of_tail(log, &speaker)
        {
            found.insert(speaker.workload, errors);
        }
    }
    found.into_values().collect()
}

/// True for a container that only carries logs, metrics or traces away: while the program beside it is ready, its errors are about
/// where it carries them. Names of the products.
fn is_shipper(log: &LogFile, speaker: &Speaker<'_>) -> bool {
    const SHIPPERS: [&str; 10] = [
        "fluent-bit",
        "fluentbit",
        "fluentd",
        "filebeat",
        "promtail",
        "logstash",
        "telegraf",
        "otel",
        "otc-",
        "datadog-agent",
    ];
    let is_one = |name: &str| SHIPPERS.iter().any(|known| name.starts_with(known));
    // A table of pods names no containers; the file is called after pod and container then.
    let mut parts = log.path.file_name().split(['_', '.']);
    is_one(&speaker.container) || speaker.container.is_empty() && !is_one(&speaker.workload.name) && parts.any(is_one)
}

/// Those workloads alone. Several rules ask for them again and again.
pub struct Troubled(Vec<Subject>);

impl std::ops::Deref for Troubled {
    type Target = [Subject];

    fn deref(&self) -> &[Subject] {
        &self.0
    }
}

/// The workloads of [`mostly_errors`].
pub fn troubled(snapshot: &Snapshot) -> Arc<Troubled> {
    snapshot.derive(|snapshot| {
        let all = mostly_errors(snapshot).into_iter();
        Troubled(all.map(|errors| errors.speaker.workload).collect())
    })
}

/// True for a line that goes on with the one above it.
fn is_continued(line: &TailLine) -> bool {
    line.text.starts_with([' ', '\t'])
}

/// True for the line of .NET's console logger that stands above a message: `fail: Category[0]`.
fn is_heading(line: &TailLine) -> bool {
    let text = words(line);
    (text.starts_with("fail: ") || text.starts_with("crit: ")) && text.ends_with(']')
}

fn of_tail<'s>(log: &'s LogFile, speaker: &Speaker<'s>) -> Option<MostlyErrors<'s>> {
    let varies = VARIES.as_ref()?;
    let mut alike: BTreeMap<String, Vec<&TailLine>> = BTreeMap::new();
    for (index, line) in log.tail.iter().enumerate() {
        if !is_error(words(line)) || is_continued(line) {
            continue;
        }
        // .NET's console logger writes the category first and the message on the next line.
        let below = log.tail.get(index + 1).filter(|below| is_continued(below));
        let line = below.filter(|_| is_heading(line)).unwrap_or(line);
        let shape = varies.replace_all(words(line), "#").chars().take(120).collect();
        alike.entry(shape).or_default().push(line);
    }
    let errors: usize = alike.values().map(Vec::len).sum();
    // Frames of stack traces are no lines of their own.
    let looked = log.tail.iter().filter(|line| !is_frame(&line.text)).count();
    let commonest = alike.values().max_by_key(|lines| lines.len())?;
    let ends = (*commonest.first()?, *commonest.last()?);
    let after = log
        .tail
        .iter()
        .rev()
        .take_while(|line| !is_error(words(line)))
        .filter(|line| !is_frame(&line.text))
        .count();
    let is_much = errors >= LEAST && errors * SHARE >= looked || errors >= FEW && errors * 2 >= looked;
    if !is_much || commonest.len() * 2 < errors || after > QUIET {
        return None;
    }
    Some(MostlyErrors {
        speaker: speaker.clone(),
        log,
        errors,
        looked,
        commonest: ends,
    })
}

/// True for an error of who gave up waiting for somebody else.
pub fn is_late(line: &str) -> bool {
    LATE.as_ref().is_some_and(|regex| regex.is_match(line))
}

/// How clients and proxies say that they gave up waiting.
static LATE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)time[ds]?[ _-]?out|deadline[ _]?exceeded|\b504\b|took too long").ok());

/// True for an error about the answer of somebody else, or one that is itself only such an answer in an access log.
pub fn is_relayed(line: &str) -> bool {
    RELAYED.as_ref().is_some_and(|regex| regex.is_match(line))
}

/// Words by which an error is about the answer of somebody else, or is itself only such an answer in an access log.
static RELAYED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?i)\btime[ds]? ?out|deadline[ _]?exceeded|\bunavailable\b|refused|reset by peer|unreachable|\b50[0-4]\b|internal server error|bad gateway|\bupstream\b|rpc error|ECONN|socket hang up|broken pipe|circuit ?breaker|no healthy|server disconnected|ended prematurely|prematurely closed|other side closed|empty reply|failed to respond|unexpected end of stream|fetch failed",
    )
    .ok()
});

//! Whether what a log complained of has passed: the log went on for long without it.

use std::sync::LazyLock;

use jiff::SignedDuration;
use regex::Regex;

use super::errors::troubled;
use super::speakers::{Speaker, is_previous};
use crate::cluster::{PodView, Snapshot};
use crate::logs::{LineHit, LogFile, is_error};

/// So long, and so many lines, after the last complaint a workload that is well has got over it.
const SINCE: SignedDuration = SignedDuration::from_mins(30);
const SINCE_LINES: u64 = 5;

/// True when `log` went on for long after the line `said`, the last of its kind; `after` is how many lines follow it.
pub fn has_passed(snapshot: &Snapshot, log: &LogFile, said: &str, after: u64) -> bool {
    after >= SINCE_LINES && silence(snapshot, log, said).is_some_and(|silence| silence >= SINCE)
}

/// True when a log went on for long after a complaint, without it: what it was about has passed.
pub fn complaint_is_over(snapshot: &Snapshot, log: &LogFile, hit: &LineHit, after: u64) -> bool {
    let said = hit.last_text();
    // A container that is well again has got over what ended its former instance.
    if is_previous(log) {
        return true;
    }
    has_passed(snapshot, log, said, after)
        || stopped_coming(snapshot, log, (&hit.text, said), hit.count, after)
        || has_recovered(snapshot, log, hit)
        || is_mended_by_retries(log, hit)
        || is_rare(log, hit) && troubled(snapshot).is_empty()
}

/// True for what comes so seldom among so many lines that nobody would call it an outage, wherever it stands.
fn is_rare(log: &LogFile, hit: &LineHit) -> bool {
    const MANY: u64 = 400;
    const SHARE: u64 = 100;
    let alike = log.hits.iter().filter(|other| other.signature == hit.signature);
    let first = alike.clone().map(|other| other.line).min().unwrap_or(hit.line);
    let times: u64 = alike.map(|other| other.count).sum();
    let since = log.lines_after(first);
    since >= MANY && times.saturating_mul(SHARE) < since
}

/// True for a complaint that announces another try, in a log that tells about as often that the other try went well.
fn is_mended_by_retries(log: &LogFile, hit: &LineHit) -> bool {
    const SOME: usize = 2;
    let (Some(recovered), Some(outcome), Some(announced)) = (RECOVERED.as_ref(), OUTCOME.as_ref(), ANNOUNCED.as_ref())
    else {
        return false;
    };
    let went_well = |text: &str| recovered.is_match(text) && outcome.is_match(text) && !is_error(text);
    let well = log.tail.iter().filter(|line| went_well(&line.text)).count();
    let tries = log.tail.iter().filter(|line| announced.is_match(&line.text)).count();
    announced.is_match(hit.last_text()) && well >= SOME && well * 2 >= tries
}

static ANNOUNCED: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)\b(?:will (?:be )?retr(?:y|ied)|retrying|retry in)\b").ok());

/// True when a line after the last complaint tells that it works again: at once, as the outcome of another try, or after as long as complaints
/// were apart.
fn has_recovered(snapshot: &Snapshot, log: &LogFile, hit: &LineHit) -> bool {
    /// The outcome of what was tried again stands close by.
    const CLOSE: u64 = 3;
    let Some(recovered) = RECOVERED.as_ref() else {
        return false;
    };
    let line = hit.last_line();
    let last = hit.last.as_ref().map(|(_, text)| text);
    let spacing = last.and_then(|last| spacing(snapshot, &hit.text, last, hit.count));
    let silence = silence(snapshot, log, hit.last_text());
    let mut outcomes = log
        .tail
        .iter()
        .filter(|later| later.line > line && recovered.is_match(&later.text) && !is_error(&later.text));
    let is_again = match (spacing, silence) {
        (Some(spacing), Some(silence)) => silence >= spacing * 2,
        _ => log.lines_after(line) >= SINCE_LINES,
    };
    outcomes.any(|outcome| {
        is_again || outcome.line - line <= CLOSE && OUTCOME.as_ref().is_some_and(|regex| regex.is_match(&outcome.text))
    })
}

/// Words by which programs tell that something works again.
static RECOVERED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:re-?connected|connected (?:to|with)|connection (?:(?:to|with) [!-~]{1,80} )?(?:re-?)?(?:established|restored|is back)|recovered|restored|back (?:online|to normal)|resumed|reloaded|refreshed|unsealed|(?:is|now) (?:available|healthy|reachable|writable) again|circuit [^\n]{0,60}\bclosed)\b|(?:succeeded|delivered|committed|accepted|repeated|sent|ok|done)[^\n]{0,20}\b(?:attempt|try|retry|second|again)\b|\bretry succeeded\b").ok()
});
/// Those of them that are the outcome of one more try.
static OUTCOME: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)\b(?:attempt|try|retry|second|again|repeated|refreshed)\b").ok());

/// True for what came `count` times from `first` to `last` at some distance, and then for several times that distance no more, while the
/// log went on for `after` lines.
pub fn stopped_coming(snapshot: &Snapshot, log: &LogFile, (first, last): (&str, &str), count: u64, after: u64) -> bool {
    /// How long nothing came, in how many distances and lines: an outage that ended so long ago is told by somebody else's log if it is
    /// still one, and a race at the start of a program is over sooner.
    const QUIET: [(SignedDuration, i32, u64); 2] = [
        (SignedDuration::from_mins(10), 5, 3),
        (SignedDuration::from_mins(3), 20, 10),
    ];
    match (spacing(snapshot, first, last, count), silence(snapshot, log, last)) {
        (Some(spacing), Some(silence)) => {
            let is_quiet = |&(least, times, lines): &(SignedDuration, i32, u64)| {
                after >= lines && silence >= least && silence >= spacing * times
            };
            count >= 2 && QUIET.iter().any(is_quiet)
        }
        _ => false,
    }
}

/// How far apart the `count` lines from `first` to `last` are, where both tell their time.
pub fn spacing(snapshot: &Snapshot, first: &str, last: &str, count: u64) -> Option<SignedDuration> {
    let gaps = i32::try_from(count.saturating_sub(1)).unwrap_or(i32::MAX).max(1);
    Some(snapshot.time_of(first)?.gap_to(&snapshot.time_of(last)?) / gaps)
}

/// How long a log went on after the line `said`.
fn silence(snapshot: &Snapshot, log: &LogFile, said: &str) -> Option<SignedDuration> {
    let end = log.last_stamped.as_deref().and_then(|line| snapshot.time_of(line))?;
    Some(snapshot.time_of(said)?.gap_to(&end))
}

/// True where a client missed one pod by its own name (`kafka-1.kafka`) and that pod is ready by now: the name is published as soon as it is
/// (kubernetes.io/docs/concepts/workloads/controllers/statefulset, Stable Network ID), and nothing was said for a while.
pub fn peer_is_back(snapshot: &Snapshot, speaker: &Speaker<'_>, hit: &LineHit) -> bool {
    /// What came back so long ago would have been missed again.
    const QUIET: SignedDuration = SignedDuration::from_mins(10);
    let text = hit.last_text();
    let is_named = |pod: &PodView<'_>| {
        pod.namespace() == speaker.workload.namespace
            && text.match_indices(pod.name()).any(|(at, name)| {
                let after = text.get(at + name.len()..).unwrap_or("");
                let before = text.get(..at).and_then(|before| before.chars().next_back());
                after.starts_with('.') && before.is_none_or(|c| !c.is_ascii_alphanumeric() && !"-.".contains(c))
            })
    };
    let mut named = snapshot.pods().filter(is_named).filter(|pod| pod.is_well());
    let (Some(said), Some(now)) = (snapshot.time_of(text), snapshot.now()) else {
        return false;
    };
    now.duration_since(said.latest) >= QUIET && named.next().is_some()
}

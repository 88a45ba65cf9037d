//! Whether what a log complained of has passed: the log went on for long without it.

use jiff::SignedDuration;

use super::speakers::{Speaker, is_previous};
use crate::cluster::{PodView, Snapshot};
use crate::logs::{LineHit, LogFile};

/// So long, and so many lines, after the last complaint a workload that is well has got over it.
const SINCE: SignedDuration = SignedDuration::from_mins(30);
const SINCE_LINES: u64 = 5;

/// True when `log` went on for long after the line `said`, the last of its kind; `after` is how many lines follow it.
pub fn has_passed(snapshot: &Snapshot, log: &LogFile, said: &str, after: u64) -> bool {
    let end = log.last_stamped.as_deref().and_then(|line| snapshot.time_of(line));
    match (snapshot.time_of(said), end) {
        (Some(said), Some(end)) => after >= SINCE_LINES && said.gap_to(&end) >= SINCE,
        _ => false,
    }
}

/// True when a log went on for long after a complaint, without it: what it was about has passed.
pub fn complaint_is_over(snapshot: &Snapshot, log: &LogFile, hit: &LineHit, after: u64) -> bool {
    let said = hit.last.as_ref().map_or(hit.text.as_str(), |(_, text)| text);
    // A container that is well again has got over what ended its former instance.
    if is_previous(log) {
        return true;
    }
    has_passed(snapshot, log, said, after) || stopped_coming(snapshot, log, (&hit.text, said), hit.count, after)
}

/// True for what came `count` times from `first` to `last` at some distance, and then for several times that distance no more, while the
/// log went on for `after` lines.
pub fn stopped_coming(snapshot: &Snapshot, log: &LogFile, (first, last): (&str, &str), count: u64, after: u64) -> bool {
    /// An outage that ended so long ago is told by somebody else's log if it is still one.
    const QUIET: SignedDuration = SignedDuration::from_mins(10);
    const TIMES: i32 = 5;
    const LINES: u64 = 3;
    let end = log.last_stamped.as_deref().and_then(|line| snapshot.time_of(line));
    match (snapshot.time_of(first), snapshot.time_of(last), end) {
        (Some(first), Some(last), Some(end)) => {
            let gaps = i32::try_from(count.saturating_sub(1)).unwrap_or(i32::MAX).max(1);
            let spacing = first.gap_to(&last) / gaps;
            let silence = last.gap_to(&end);
            count >= 2 && after >= LINES && silence >= QUIET && silence >= spacing * TIMES
        }
        _ => false,
    }
}

/// True where a client missed one pod by its own name (`kafka-1.kafka`) and that pod is ready by now: the name is published as soon as it is
/// (kubernetes.io/docs/concepts/workloads/controllers/statefulset, Stable Network ID), and nothing was said for a while.
pub fn peer_is_back(snapshot: &Snapshot, speaker: &Speaker<'_>, hit: &LineHit) -> bool {
    /// What came back so long ago would have been missed again.
    const QUIET: SignedDuration = SignedDuration::from_mins(10);
    let text = hit.last.as_ref().map_or(hit.text.as_str(), |(_, text)| text);
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

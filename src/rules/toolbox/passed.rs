//! Whether what a log complained of has passed: the log went on for long without it.

use jiff::SignedDuration;

use crate::cluster::Snapshot;
use crate::logs::LogFile;

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

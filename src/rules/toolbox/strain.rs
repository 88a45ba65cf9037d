//! Lines by which workloads tell again and again, until the end of their logs, that something is wrong with them, and whether anybody
//! beside them feels it.

use super::calls::is_out_of_reach;
use super::errors::troubled;
use super::speakers::{Speaker, State, is_previous, of_log};
use crate::cluster::Snapshot;
use crate::logs::{LineHit, LogFile};
use crate::model::{Citation, Subject};

/// A log that says one thing again and again, until its end.
pub struct Recurring<'s> {
    /// Who says it.
    pub speaker: Speaker<'s>,
    /// Where.
    pub log: &'s LogFile,
    /// The lines, in the order of the log.
    pub hits: Vec<&'s LineHit>,
    /// How often.
    pub count: u64,
}

impl Recurring<'_> {
    /// Cites the first and the last writing.
    pub fn cites(&self, snapshot: &Snapshot) -> Vec<Citation> {
        let cite = |line: u64, text: &str| {
            Citation::line(&snapshot.bundle.alias, &self.log.path, line, text).at(snapshot.time_of(text))
        };
        let mut found = Vec::new();
        for hit in self.hits.iter().rev().take(1).chain(self.hits.first()) {
            if let Some((line, text)) = &hit.last {
                found.push(cite(*line, text));
            }
            found.push(cite(hit.line, &hit.text));
        }
        found
    }
}

/// The logs in which the signatures with this beginning (`rule/`) match at least so often and still near the end. Logs of former
/// instances count while the container fails now.
pub fn recurring<'s>(
    snapshot: &'s Snapshot,
    rule: &str,
    least: u64,
    is_meant: &dyn Fn(&LineHit) -> bool,
) -> Vec<Recurring<'s>> {
    let mut found = Vec::new();
    for log in &snapshot.logs {
        let hits: Vec<&LineHit> = log
            .hits
            .iter()
            .filter(|hit| hit.signature.starts_with(rule) && is_meant(hit))
            .collect();
        let count = hits.iter().map(|hit| hit.count).sum();
        let last = hits.iter().map(|hit| hit.last_line()).max().unwrap_or(0);
        let after = log.lines_after(last);
        if count < least || after > NEAR.max(log.lines / 5) {
            continue;
        }
        let Some(speaker) = of_log(snapshot, log) else { continue };
        if is_previous(log) && speaker.state == State::Well {
            continue;
        }
        found.push(Recurring {
            speaker,
            log,
            hits,
            count,
        });
    }
    found
}

/// Lines from the end of a log that are near it.
const NEAR: u64 = 12;

/// True when something beside a workload, in its namespace, is down, writes mostly errors, or complains again and again that a peer does
/// not answer.
pub fn others_suffer(snapshot: &Snapshot, workload: &Subject) -> bool {
    let is_beside = |subject: &Subject| subject.namespace == workload.namespace && subject != workload;
    let is_down = snapshot
        .pods()
        .filter(|pod| !pod.is_well() && !pod.is_terminating())
        .any(|pod| is_beside(&snapshot.top_owner(pod.object)));
    is_down
        || troubled(snapshot).iter().any(is_beside)
        || snapshot.logs.iter().any(|log| {
            let complaints = log.hits.iter().filter(|hit| is_out_of_reach(&hit.signature));
            complaints.map(|hit| hit.count).sum::<u64>() >= COMPLAINTS
                && of_log(snapshot, log).is_some_and(|speaker| is_beside(&speaker.workload))
        })
}

/// Complaints that are more than a hiccup.
const COMPLAINTS: u64 = 3;

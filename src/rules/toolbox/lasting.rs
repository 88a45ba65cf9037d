//! What a program writes once and what still holds at the end of its log.

use jiff::SignedDuration;

use super::complaints::is_among;
use super::peers::{Peer, objects_of};
use super::references::references;
use super::speakers::Speaker;
use super::unanswered::{Unanswered, unanswered};
use crate::cluster::Snapshot;
use crate::logs::{LineHit, LogFile};
use crate::model::Subject;
use crate::rules::header::Subjects;

/// Whether a state that a line announces was over at the end of its log; none for a line that announces none. The line that ends one
/// is over by itself.
pub(super) fn ended(subjects: &Subjects, log: &LogFile, hit: &LineHit) -> Option<bool> {
    let id = hit.signature.rsplit('/').next().unwrap_or("");
    let state = subjects
        .lasting
        .iter()
        .find(|state| state.begins == id || state.ends == id)?;
    if state.ends == id {
        return Some(true);
    }
    let is_end = |other: &&LineHit| {
        let of_rule = other.signature.rsplit_once('/').map(|(rule, _)| rule);
        other.signature.rsplit('/').next() == Some(state.ends.as_str())
            && of_rule == hit.signature.rsplit_once('/').map(|(rule, _)| rule)
    };
    Some(
        log.hits
            .iter()
            .filter(is_end)
            .any(|end| end.last_line() > hit.last_line()),
    )
}

/// So long before somebody waits in vain a limit may have been told.
const BEFORE: SignedDuration = SignedDuration::from_mins(60);

/// True for a limit that a server tells of once, as a mere warning, while others get no answer from it, or from who needs it.
pub(super) fn is_blamed(snapshot: &Snapshot, subjects: &Subjects, speaker: &Speaker<'_>, hit: &LineHit) -> bool {
    if !is_among(&subjects.when_blamed, hit) {
        return false;
    }
    let calls = unanswered(snapshot);
    let said = snapshot.time_of(hit.last_text());
    // What was told hours before anybody waited in vain is another matter.
    let is_near = |call: &Unanswered| match (&said, &call.cite.when) {
        (Some(said), Some(when)) => said.gap_to(when) <= BEFORE,
        _ => true,
    };
    let is_called = |workload: &Subject| calls.iter().any(|call| call.called.contains(workload) && is_near(call));
    is_called(&speaker.workload)
        || references(snapshot).iter().any(|reference| {
            let peer = Peer::parse(&reference.host, None);
            is_called(&reference.workload)
                && objects_of(snapshot, &reference.workload.namespace, &peer).contains(&speaker.workload)
        })
}

//! Calls that get no answer, in whatever words a client's stack has for it: errors near the end of a log that tell of a time-out or a
//! broken connection and name a peer of the cluster.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use regex::Regex;

use super::complaints::speaker_is_data_store;
use super::errors::{is_late, troubled};
use super::mentions::mentioned;
use super::passed::{has_passed, stopped_coming};
use super::peers::mendable;
use super::speakers::{is_previous, of_log};
use super::{cite_tail, words};
use crate::cluster::Snapshot;
use crate::logs::{TailLine, is_error};
use crate::model::{Citation, Subject};

/// One workload gets no answer from another.
#[derive(Debug, Clone)]
pub struct Unanswered {
    /// Who calls.
    pub client: Subject,
    /// Who does not answer: what a person would mend.
    pub peer: Subject,
    /// All objects that the peer's name stands for.
    pub called: Vec<Subject>,
    /// Lines that say so, among the last ones of the log.
    pub times: usize,
    /// True when every line tells of time that ran out: the peer is there, and slow or not to be reached.
    pub is_late: bool,
    /// What one of them says.
    pub said: String,
    /// The last of them.
    pub cite: Citation,
}

/// Lines that are more than a hiccup.
const LEAST: usize = 3;
/// Warnings that are more than a hiccup, where no error stands among them.
const LEAST_WARNINGS: usize = 5;

static TROUBLE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)refused|reset by peer|unreachable|no route to host|\bunavailable\b|ECONN|broken pipe|socket hang up|(?:cannot|could not|couldn't|failed to|unable to) (?:connect|reach)|no answer|not answer|could not be established|not be available|disconnected|connection (?:was )?(?:aborted|dropped)|ended prematurely|prematurely closed|other side closed|empty reply|failed to respond|unexpected end of stream|connect timeout|fetch failed").ok()
});
/// Words by which a peer did answer, and something else is wrong between the two.
static OTHERWISE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:ssl|tls|x509|certificate|handshake|password|credentials?|denied|unauthori[sz]ed|forbidden|no such host|name resolution|ENOTFOUND|EAI_AGAIN|UnknownHost\w*)\b").ok()
});

/// All of them, in order of client and peer.
pub struct AllUnanswered(Vec<Unanswered>);

impl std::ops::Deref for AllUnanswered {
    type Target = [Unanswered];

    fn deref(&self) -> &[Unanswered] {
        &self.0
    }
}

/// The calls of a bundle that get no answer.
pub fn unanswered(snapshot: &Snapshot) -> Arc<AllUnanswered> {
    snapshot.derive(|snapshot| AllUnanswered(find(snapshot)))
}

/// True for a warning about something that failed: some clients write no more while they try on.
fn is_warning(said: &str) -> bool {
    WARNING.as_ref().is_some_and(|regex| regex.is_match(said))
}

static WARNING: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"(?i)(?:\b(?:WARN(?:ING)?|WRN)\b|"level":40\b).*(?:fail|exceeded|exception|error|unavailable|refused|timed out|cancel)"#).ok()
});

/// True for an error, with a level or without.
fn is_failure(said: &str) -> bool {
    is_error(said) || is_plain_failure(said)
}

/// True for an error of Go's network without a level, as its plain logger writes it (golang net.OpError, net/url.Error).
fn is_plain_failure(said: &str) -> bool {
    PLAIN.as_ref().is_some_and(|regex| regex.is_match(said))
}

static PLAIN: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d[^\n]*(?:dial (?:tcp|udp) |(?:Get|Post|Put|Patch|Delete|Head) "https?://)[^\n]*(?:i/o timeout|refused|no route to host|deadline exceeded|reset by peer)"#).ok()
});

fn find(snapshot: &Snapshot) -> Vec<Unanswered> {
    let (Some(trouble), Some(otherwise)) = (TROUBLE.as_ref(), OTHERWISE.as_ref()) else {
        return Vec::new();
    };
    let mut found: BTreeMap<(Subject, Subject), Unanswered> = BTreeMap::new();
    for log in snapshot.logs.iter().filter(|log| !is_previous(log)) {
        let Some(speaker) = of_log(snapshot, log).filter(|speaker| speaker.certain) else {
            continue;
        };
        if speaker_is_data_store(&speaker) {
            continue;
        }
        let client = &speaker.workload;
        let others_fail = troubled(snapshot).iter().any(|workload| workload != client);
        let is_trouble = |said: &str| is_failure(said) || others_fail && is_warning(said);
        let mut of_log: BTreeMap<Subject, (Vec<&TailLine>, Vec<Subject>, bool)> = BTreeMap::new();
        for line in log.tail.iter().filter(|line| is_trouble(words(line))) {
            let said = words(line);
            let is_late = is_late(said);
            if !is_late && !trouble.is_match(said) || otherwise.is_match(said) {
                continue;
            }
            let called = mentioned(snapshot, client, said);
            if let Some(peer) = mendable(&called) {
                let (lines, all, late) = of_log.entry(peer.clone()).or_insert((Vec::new(), called.clone(), true));
                lines.push(line);
                all.extend(called.into_iter().filter(|one| one != client));
                *late &= is_late;
            }
        }
        for (peer, (lines, mut called, is_late)) in of_log {
            let least = if lines.iter().any(|line| is_failure(words(line))) {
                LEAST
            } else {
                LEAST_WARNINGS
            };
            let (Some(last), true) = (lines.last(), lines.len() >= least) else {
                continue;
            };
            let after = log.lines_after(last.line);
            let count = u64::try_from(lines.len()).unwrap_or(u64::MAX);
            let first = lines.first().map_or(last.text.as_str(), |first| first.text.as_str());
            if has_passed(snapshot, log, &last.text, after)
                || stopped_coming(snapshot, log, (first, &last.text), count, after)
            {
                continue;
            }
            let Some(cite) = cite_tail(snapshot, log, &[*last]) else {
                continue;
            };
            called.sort();
            called.dedup();
            let key = (client.clone(), peer.clone());
            let known = found.entry(key).or_insert_with(|| Unanswered {
                client: client.clone(),
                peer,
                called,
                times: 0,
                is_late: true,
                said: words(last).chars().take(240).collect(),
                cite,
            });
            known.times += lines.len();
            known.is_late &= is_late;
        }
    }
    found.into_values().collect()
}

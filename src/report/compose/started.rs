//! Which components of a host began as processes of their own, by its list of processes, which tells it to the minute.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::phrases::filled;
use super::reach::started;
use crate::bundle::decode::Process;
use crate::cluster::{Host, Snapshot};
use crate::model::{Basis, Citation, Text, When};

/// Programs of which it matters when they began: what runs containers, and what runs a cluster.
const COMPONENTS: [&str; 10] = [
    "dockerd",
    "containerd",
    "crio",
    "cri-dockerd",
    "etcd",
    "kubelet",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kube-proxy",
];
/// A list of processes has the minute alone.
const MINUTE: SignedDuration = SignedDuration::from_secs(59);

/// A component's process and the minute in which it began.
pub(super) struct Started<'h> {
    pub(super) process: &'h Process,
    pub(super) when: When,
}

/// The components that began between two moments, in their order; none where the list of processes is not known to be written in UTC.
pub(super) fn between<'h>(snapshot: &Snapshot, host: &'h Host, from: &When, to: &When) -> Vec<Started<'h>> {
    let processes = host.tools.processes.iter().filter(|_| is_in_utc(host));
    let components = processes.filter(|process| COMPONENTS.contains(&process.program()));
    let mut all: Vec<Started<'h>> = components
        .filter_map(|process| {
            let latest = started(snapshot, process)?;
            let when = When {
                earliest: latest.checked_sub(MINUTE).ok()?,
                latest,
                raw: process.started.clone(),
                basis: Basis::Exact,
            };
            let is_within = from.latest < when.earliest && when.earliest < to.earliest;
            is_within.then_some(Started { process, when })
        })
        .collect();
    all.sort_by_key(|one| (one.when.earliest, one.process.pid));
    all
}

/// True where the youngest process of the list, such as the `ps` that wrote it, began in the minute of the host's clock or the one before.
fn is_in_utc(host: &Host) -> bool {
    let Some((clock, ..)) = host.clock.as_ref().filter(|(when, ..)| when.basis == Basis::Exact) else {
        return false;
    };
    let minutes = [0, 1].into_iter().filter_map(|ago| {
        let minute = clock.earliest.checked_sub(SignedDuration::from_mins(ago)).ok()?;
        Some(minute.strftime("%H:%M").to_string())
    });
    let minutes: Vec<String> = minutes.collect();
    let mut processes = host.tools.processes.iter();
    processes.any(|process| minutes.contains(&process.started))
}

/// For a phrase: which began in which minute, as the list has it.
pub(super) fn told(started: &[Started<'_>]) -> Value {
    let mut minutes: Vec<(&str, Vec<&str>)> = Vec::new();
    for one in started {
        match minutes.last_mut() {
            Some((minute, names)) if *minute == one.process.started => names.push(one.process.program()),
            _ => minutes.push((&one.process.started, vec![one.process.program()])),
        }
    }
    let rows = minutes
        .iter()
        .map(|(minute, names)| json!({"at": minute, "names": names}));
    rows.collect()
}

/// One row of the timeline for all of them: the minutes from the first to the last, what began, and where that stands.
pub(super) fn row(started: &[Started<'_>]) -> Option<(When, Text, Vec<Citation>)> {
    let (first, last) = (started.first()?, started.last()?);
    let when = When {
        latest: last.when.latest,
        raw: format!("{} – {}", first.when.raw, last.when.raw),
        ..first.when.clone()
    };
    let text = filled("timeline.processes", &[("started", told(started))]);
    Some((when, text, started.iter().map(|one| one.process.cite.clone()).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::reading;

    const PS: &str = "USER PID STAT START COMMAND\nroot 7 Ssl 09:18 dockerd\nroot 8 Ssl 10:18 /usr/local/bin/kubelet --v=2\n\
                      root 9 Ssl 10:18 etcd\nroot 10 Ss 10:19 sleep 20\n";

    fn texts(date: &str) -> Option<String> {
        let snapshot = reading(&[("nodes/n1/date.txt", date), ("nodes/n1/ps-aux.txt", PS)]);
        let (from, to) = (
            When::rfc3339("2026-11-21T10:05:16Z")?,
            When::rfc3339("2026-11-21T10:20:18Z")?,
        );
        let started = between(&snapshot, snapshot.hosts.first()?, &from, &to);
        row(&started).map(|(_, text, cites)| format!("{} {}", crate::model::plain(&text.en), cites.len()))
    }

    #[test]
    fn components_that_began_in_a_stretch_are_told_by_their_minutes() {
        let text = texts("2026-11-21T10:20:42Z\n").expect("processes that began");
        assert!(text.contains("kubelet, etcd 10:18") && text.ends_with(" 2"), "{text}");
    }

    #[test]
    fn a_list_in_another_zone_is_not_read_as_utc() {
        assert_eq!(texts("Sat Nov 21 18:20:42 CST 2026\n"), None);
    }
}

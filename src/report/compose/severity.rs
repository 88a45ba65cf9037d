//! A proposed severity: from what is down, how much of it, and what is left. If unsure, the higher level stands first.

use super::ledger::{Ledger, plain_sentence};
use super::phrases::phrase;
use crate::report::model::{Sentence, Severity};

pub(super) fn severity(ledger: &mut Ledger<'_, '_>) -> Option<Severity> {
    if ledger.is_healthy() {
        return None;
    }
    let snapshot = ledger.diagnosis.snapshot;
    let involved = ledger.involved();
    let host_container = involved.iter().find(|finding| finding.subject.kind == "HostContainer");
    let replicas = |finding: &&crate::rules::Finding, available: fn(i64, i64) -> bool| {
        let subject = &finding.subject;
        snapshot
            .object(&subject.kind, &subject.namespace, &subject.name)
            .is_some_and(|object| {
                let wanted = object
                    .int("/spec/replicas")
                    .or_else(|| object.int("/status/desiredNumberScheduled"));
                let now = [
                    "/status/availableReplicas",
                    "/status/numberAvailable",
                    "/status/readyReplicas",
                ]
                .iter()
                .find_map(|at| object.int(at));
                wanted.is_some_and(|wanted| available(now.unwrap_or(0), wanted))
            })
    };
    let down = involved
        .iter()
        .find(|finding| replicas(finding, |now, wanted| now == 0 && wanted > 0));
    let degraded = involved
        .iter()
        .find(|finding| replicas(finding, |now, wanted| 0 < now && now < wanted));
    let (suggested, range, rule, reason, finding) = if let Some(finding) = host_container {
        let subject = &finding.subject;
        let is_there = |host: &crate::cluster::Host| {
            host.runtime_name() == subject.node && host.container(&subject.name).is_some()
        };
        let branch = if snapshot.hosts.iter().any(is_there) {
            "severity.m1-down"
        } else {
            "severity.m1"
        };
        ("P2", vec!["P1", "P2"], "SEV-M1", branch, finding)
    } else if let Some(finding) = down {
        ("P2", vec!["P1", "P2", "P3"], "SEV-W0", "severity.w0", finding)
    } else if let Some(finding) = degraded {
        ("P3", vec!["P2", "P3"], "SEV-W1", "severity.w1", finding)
    } else {
        let reason = plain_sentence(phrase("severity.n0"));
        return Some(Severity {
            suggested: "P3",
            range: vec!["P1", "P2", "P3", "P4"],
            rules: vec!["SEV-N0"],
            reason,
        });
    };
    let refs = ledger.cite_subject(finding, &finding.subject);
    Some(Severity {
        suggested,
        range,
        rules: vec![rule],
        reason: Sentence {
            text: phrase(reason),
            refs,
            confidence: None,
        },
    })
}

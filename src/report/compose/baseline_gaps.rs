//! What the baseline lacks: a difference can only be seen where both sides were collected.

use serde_json::json;

use super::data::{Distribution, datum_on};
use super::ledger::Ledger;
use super::phrases::{filled, phrase};
use crate::cluster::Snapshot;
use crate::model::Text;
use crate::report::model::{Gap, GapReason};

/// Data that stand beside an incident and are compared, or would tell whether it was the same before.
const COMPARED: [&str; 10] = [
    "docker-containers",
    "docker-inspect",
    "docker-images",
    "docker-events",
    "crontab",
    "scripts",
    "processes",
    "packet-filter",
    "sysctl",
    "node-configuration",
];
/// Logs of components, which may be collected and hold nothing.
const LOGS: [&str; 8] = [
    "kubelet-log",
    "kube-apiserver-log",
    "kube-controller-manager-log",
    "kube-scheduler-log",
    "etcd-log",
    "dockerd-log",
    "containerd-log",
    "system-log",
];

/// Collects every log there is.
const ALL: &str = "casefile collect";

/// One row for each datum that the incident's bundles have and the baseline lacks, and one for the logs of which it holds no line.
pub(super) fn gaps(ledger: &Ledger<'_, '_>) -> Vec<Gap> {
    let diagnosis = ledger.diagnosis;
    let Some(baseline) = diagnosis.baseline.filter(|_| !ledger.is_healthy()) else {
        return Vec::new();
    };
    let roots = ledger.root_findings();
    let is_of_script = roots.iter().any(|finding| finding.facts.contains_key("script"));
    let distribution = Distribution::of(diagnosis.snapshot);
    let is_there = |snapshot: &Snapshot, datum: &str| snapshot.coverage.read.get(datum).is_some_and(|count| *count > 0);
    let lacking = COMPARED
        .iter()
        .filter(|datum| is_there(diagnosis.snapshot, datum) && !is_there(baseline, datum));
    let mut gaps: Vec<Gap> = lacking
        .map(|id| {
            let datum = datum_on(distribution, id);
            let limits = match *id {
                "scripts" if is_of_script => phrase("gap.baseline.script"),
                "docker-events" => phrase("gap.baseline.events"),
                _ => filled(
                    "gap.baseline.compared",
                    &[("names_zh", json!(datum.name.zh)), ("names_en", json!(datum.name.en))],
                ),
            };
            row(datum.name, GapReason::NotCollected, limits, datum.collect)
        })
        .collect();
    let is_empty = |datum: &&&str| baseline.coverage.read.get(**datum) == Some(&0);
    let empty: Vec<_> = (LOGS.iter().filter(is_empty))
        .map(|id| datum_on(distribution, id))
        .collect();
    if !empty.is_empty() {
        let names = |of: fn(&Text) -> &str, between: &str| {
            let names: Vec<&str> = empty.iter().map(|datum| of(&datum.name)).collect();
            names.join(between)
        };
        let what = Text::new(names(|text| &text.zh, "、"), names(|text| &text.en, ", "));
        gaps.push(row(what, GapReason::Empty, phrase("gap.baseline.logs"), ALL.to_owned()));
    }
    gaps
}

fn row(what: Text, reason: GapReason, limits: Text, collect: String) -> Gap {
    Gap {
        what,
        refs: Vec::new(),
        reason,
        detail: String::new(),
        limits,
        collect,
        of_baseline: true,
    }
}

//! What nodes say of themselves is as old as their last report.

use super::ledger::Ledger;
use super::overview::shown;
use crate::cluster::{Object, Snapshot};
use crate::model::{Citation, When};

/// When nodes last told of themselves.
pub(super) struct Reported {
    /// The latest heartbeat of a condition.
    pub(super) time: When,
    /// The latest renewal of a node's lease: the kubelet lived then, and it reports a condition that changes at once.
    pub(super) renewed: Option<When>,
    /// When the incident began.
    began: When,
    /// Where the first two stand.
    pub(super) cites: Vec<Citation>,
}

impl Reported {
    /// As phrases take it.
    pub(super) fn facts(&self) -> [(&'static str, serde_json::Value); 3] {
        [
            ("time", shown(&self.time).into()),
            ("renewed", self.renewed.as_ref().map_or(String::new(), shown).into()),
            ("began", shown(&self.began).into()),
        ]
    }
}

/// The latest report of any node, where all of them are older than the incident: its first sign, or what last happened to a machine
/// itself. A kubelet repeats unchanged conditions every five minutes (`nodeStatusReportFrequency`) and renews its lease every ten seconds
/// (kubernetes `pkg/kubelet/kubelet.go`, `nodeLeaseRenewIntervalFraction`), so a bundle that was collected soon after may have none that tells.
pub(super) fn reported_before(ledger: &Ledger<'_, '_>) -> Option<Reported> {
    let snapshot = ledger.diagnosis.snapshot;
    let (time, heartbeat) = snapshot
        .kind("Node")
        .flat_map(heartbeats)
        .max_by_key(|(when, _)| when.latest)?;
    let renewal = renewals(snapshot).into_iter().max_by_key(|(when, _)| when.latest);
    let latest = match &renewal {
        Some((renewed, _)) if renewed.latest > time.latest => renewed,
        _ => &time,
    };
    let involved = ledger.involved();
    let began = ledger.began()?;
    let is_of_machine = |kind: &str| matches!(kind, "HostContainer" | "Node");
    let mut of_machines = involved
        .iter()
        .filter(|finding| is_of_machine(&finding.subject.kind))
        .filter_map(|finding| finding.last.as_ref());
    let is_older = latest.surely_before(began) || of_machines.any(|last| latest.surely_before(last));
    let (renewed, lease) = renewal.unzip();
    is_older.then(|| Reported {
        cites: std::iter::once(heartbeat).chain(lease).collect(),
        renewed,
        began: began.clone(),
        time,
    })
}

fn heartbeats(node: &Object) -> impl Iterator<Item = (When, Citation)> + '_ {
    let places =
        (0..node.list("/status/conditions").len()).map(|index| format!("/status/conditions/{index}/lastHeartbeatTime"));
    places.filter_map(|place| {
        let when = node.time(&place)?;
        Some((when.clone(), node.cite_at(&place).at(Some(when))))
    })
}

fn renewals(snapshot: &Snapshot) -> Vec<(When, Citation)> {
    let leases = snapshot
        .kind("Node")
        .filter_map(|node| snapshot.object("Lease", "kube-node-lease", &node.key.name));
    let renewed = leases.filter_map(|lease| {
        let when = lease.time("/spec/renewTime")?;
        Some((when.clone(), lease.cite_at("/spec/renewTime").at(Some(when))))
    });
    renewed.collect()
}

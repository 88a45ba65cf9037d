//! What nodes say of themselves is as old as their last report.

use super::ledger::Ledger;
use crate::model::When;

/// The latest report of any node, where all of them are older than the incident: its first sign, or what last happened to a machine
/// itself. A kubelet repeats unchanged conditions every five minutes (`nodeStatusReportFrequency`), so a bundle that was collected soon after
/// has none that tells.
pub(super) fn reported_before(ledger: &Ledger<'_, '_>) -> Option<When> {
    let nodes = ledger.diagnosis.snapshot.kind("Node");
    let reports = nodes.flat_map(|node| {
        let conditions = 0..node.list("/status/conditions").len();
        conditions.filter_map(|index| node.time(&format!("/status/conditions/{index}/lastHeartbeatTime")))
    });
    let latest = reports.max_by_key(|when| when.latest)?;
    let involved = ledger.involved();
    let began = involved.iter().filter_map(|finding| finding.first.as_ref());
    let began = began.min_by_key(|when| when.earliest)?;
    let is_of_machine = |kind: &str| matches!(kind, "HostContainer" | "Node");
    let mut of_machines = involved
        .iter()
        .filter(|finding| is_of_machine(&finding.subject.kind))
        .filter_map(|finding| finding.last.as_ref());
    let is_older = latest.surely_before(began) || of_machines.any(|last| latest.surely_before(last));
    is_older.then_some(latest)
}

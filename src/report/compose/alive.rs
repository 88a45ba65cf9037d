//! What is seen to have worked after the incident began, whichever source shows it: what nodes last said of themselves is not all that is
//! known of them.

use serde_json::json;

use super::ledger::Ledger;
use super::overview::shown;
use super::phrases::filled;
use crate::cluster::{Host, Object, Snapshot};
use crate::model::{Citation, Text, When};
use crate::rules::Alive;

/// Things that are named as an example.
const NAMED: usize = 3;

/// A sign of life: what shows it, and where it stands.
pub(super) struct Sign {
    /// In words.
    pub(super) text: Text,
    /// Where.
    pub(super) cites: Vec<Citation>,
}

/// What shows that it worked at collection; none where the bundle does not tell, or tells it of some machines only.
pub(super) fn sign(ledger: &Ledger<'_, '_>, what: Alive) -> Option<Sign> {
    let snapshot = ledger.diagnosis.snapshot;
    let collected = snapshot.bundle.collected_at.as_ref()?;
    // What was read at collection says nothing of a failure that it does not come after.
    if ledger.began().is_some_and(|began| !began.is_known_before(collected)) {
        return None;
    }
    match what {
        Alive::Kubelet => of_every_node(snapshot, collected, "alive.kubelet", kubelet),
        Alive::Runtime => of_every_node(snapshot, collected, "alive.runtime", runtime),
        Alive::Docker => of_every_node(snapshot, collected, "alive.runtime", docker),
        Alive::ApiServer => {
            let renewed = renewed(ledger)?;
            let facts = [("names", json!(renewed.names)), ("time", shown(&renewed.last).into())];
            Some(Sign {
                text: filled("alive.api", &facts),
                cites: renewed.cites,
            })
        }
    }
}

/// The same of each node of the cluster, by the host that is its own.
fn of_every_node(
    snapshot: &Snapshot,
    collected: &When,
    phrase: &str,
    of: impl Fn(&Host) -> Option<Citation>,
) -> Option<Sign> {
    let nodes: Vec<&Object> = snapshot.kind("Node").collect();
    let host_of = |node: &&Object| {
        let is_its = |host: &&Host| host.node_name() == node.key.name || host.runtime_name() == node.key.name;
        snapshot.hosts.iter().find(is_its)
    };
    let cites: Option<Vec<Citation>> = nodes.iter().map(|node| of(host_of(node)?)).collect();
    let cites = cites.filter(|cites| !cites.is_empty())?;
    Some(Sign {
        text: filled(phrase, &[("time", shown(collected).into())]),
        cites: cites.into_iter().take(NAMED).collect(),
    })
}

/// The process list of the machine has a kubelet.
fn kubelet(host: &Host) -> Option<Citation> {
    let mut processes = host.tools.processes.iter();
    let kubelet = processes.find(|one| one.program() == "kubelet")?;
    Some(kubelet.cite.clone())
}

/// A runtime of the machine answered with a list of its containers.
fn runtime(host: &Host) -> Option<Citation> {
    let cri = host.tools.cri_listings.first().map(|listing| &listing.cite);
    docker(host).or(cri.cloned())
}

/// Its Docker engine did.
fn docker(host: &Host) -> Option<Citation> {
    host.listings.first().map(|listing| listing.cite.clone())
}

/// Leases that were renewed after the incident began.
pub(super) struct Renewed {
    /// Whose.
    pub(super) names: Vec<String>,
    /// The last renewal.
    pub(super) last: When,
    /// Where they stand.
    pub(super) cites: Vec<Citation>,
}

/// Whoever renews a Lease writes through the API server, which writes to etcd (kubernetes `client-go/tools/leaderelection`).
pub(super) fn renewed(ledger: &Ledger<'_, '_>) -> Option<Renewed> {
    let began = ledger.began()?;
    let leases = ledger.diagnosis.snapshot.kind("Lease");
    let mut renewed: Vec<(When, &Object)> = leases
        .filter_map(|lease| Some((lease.time("/spec/renewTime")?, lease)))
        .filter(|(when, _)| began.is_known_before(when))
        .collect();
    renewed.sort_by_key(|(when, lease)| (when.latest, lease.key.name.clone()));
    let last = renewed.last().map(|(when, _)| when.clone())?;
    let shown = renewed.iter().rev().take(NAMED);
    Some(Renewed {
        names: shown.clone().map(|(_, lease)| lease.key.name.clone()).collect(),
        cites: shown
            .map(|(when, lease)| lease.cite_at("/spec/renewTime").at(Some(when.clone())))
            .collect(),
        last,
    })
}

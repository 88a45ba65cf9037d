//! Rancher's node agent: every list that would show it on a host.

use crate::bundle::decode::CriKind;
use crate::cluster::{Host, Snapshot};
use crate::model::Citation;

/// The DaemonSet's name and the beginning of its pods' (rancher/rancher `pkg/systemtemplate/template.go`).
const AGENT: &str = "cattle-node-agent";

/// Its namespace.
const NAMESPACE: &str = "cattle-system";

/// That a host has no node agent, as far as lists show it.
pub struct Absence {
    /// The lists that do not have it: the host's containers, and of the API what was read whole.
    pub cites: Vec<Citation>,
    /// How many DaemonSets the API has, where the whole list was read and this is none of them.
    pub daemonsets: Option<u64>,
    /// How many namespaces, likewise.
    pub namespaces: Option<u64>,
}

/// The complete lists that do not have the agent: of Docker, of the CRI's runtime and of the API, as far as they were read. None where one
/// has it, or where Docker's is not known to be complete.
pub fn absence_of_node_agent(snapshot: &Snapshot, host: &Host) -> Option<Absence> {
    let listing = host.complete_listing()?;
    let in_docker = host.containers.iter().any(|container| container.name.contains(AGENT));
    let mut cri = host.tools.cri.iter();
    let in_cri = cri.any(|entry| entry.pod.contains(AGENT) || entry.image.contains("rancher/rancher-agent"));
    let in_api = snapshot.pods().any(|pod| pod.name().starts_with(AGENT));
    if in_docker || in_cri || in_api {
        return None;
    }
    let docker = listing.cite.clone().absence(Some((listing.entries, true)));
    // One that may leave something out is no proof.
    let cri = host.tools.complete_cri_listing(CriKind::Container);
    let cri = cri.map(|listing| listing.cite.clone().absence(None));
    let without = |kind: &str, has_it: bool| snapshot.whole_listing(kind).filter(|_| !has_it);
    let in_namespace = |kind: &str, name: &str, namespace: &str| snapshot.object(kind, namespace, name).is_some();
    let daemonsets = without("DaemonSet", in_namespace("DaemonSet", AGENT, NAMESPACE));
    let namespaces = without("Namespace", in_namespace("Namespace", NAMESPACE, ""));
    // A list of pods that has others is no single place; one that is empty is.
    let pods = snapshot
        .empty_listing("pods")
        .filter(|_| snapshot.pods().next().is_none());
    let count = |cite: &Option<Citation>| cite.as_ref()?.searched.map(|(entries, _)| entries);
    Some(Absence {
        daemonsets: count(&daemonsets),
        namespaces: count(&namespaces),
        cites: std::iter::once(docker)
            .chain(cri)
            .chain(daemonsets)
            .chain(namespaces)
            .chain(pods.cloned())
            .collect(),
    })
}

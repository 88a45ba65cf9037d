//! Rancher's node agent: every list that would show it on a host.

use crate::bundle::decode::CriKind;
use crate::cluster::{Host, Snapshot};
use crate::model::Citation;

/// The DaemonSet's name and the beginning of its pods' (rancher/rancher `pkg/systemtemplate/template.go`).
const AGENT: &str = "cattle-node-agent";

/// The lists that do not have the agent: of Docker, of the CRI's runtime and of the API, as far as they were read. None where one has it,
/// or where Docker's is not known to be complete.
pub fn absence_of_node_agent(snapshot: &Snapshot, host: &Host) -> Option<Vec<Citation>> {
    let listing = host.complete_listing()?;
    let in_docker = host.containers.iter().any(|container| container.name.contains(AGENT));
    let mut cri = host.tools.cri.iter();
    let in_cri = cri.any(|entry| entry.pod.contains(AGENT) || entry.image.contains("rancher/rancher-agent"));
    let in_api = snapshot.pods().any(|pod| pod.name().starts_with(AGENT));
    if in_docker || in_cri || in_api {
        return None;
    }
    let docker = listing.cite.clone().absence(Some((listing.entries, true)));
    // One that may leave something out is no proof; it is shown as what it is.
    let mut listings = host.tools.cri_listings.iter();
    let any = listings.find(|listing| listing.kind == CriKind::Container);
    let cri = host.tools.complete_cri_listing(CriKind::Container).or(any);
    let cri = cri.map(|listing| listing.cite.clone().absence(None));
    // A list of pods that has others is no single place; one that is empty is.
    let api = snapshot
        .empty_listing("pods")
        .filter(|_| snapshot.pods().next().is_none());
    Some(std::iter::once(docker).chain(cri).chain(api.cloned()).collect())
}

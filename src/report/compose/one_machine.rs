//! Whether a host and a node of another name are one machine: what the bundle has that speaks for it.

use serde_json::json;

use super::phrases::filled;
use crate::bundle::decode::Process;
use crate::cluster::{Host, Object, Snapshot};
use crate::model::{Citation, Text};

/// The label in which a machine's own name is kept: on nodes, and on the Leases of API servers (kubernetes `pkg/controlplane/instance.go`).
const HOSTNAME: &str = "kubernetes.io/hostname";

/// A sign and where it stands.
pub(super) type Sign = (Text, Vec<Citation>);

/// All signs, the strongest first.
pub(super) fn signs(snapshot: &Snapshot, host: &Host, node: &Object) -> Vec<Sign> {
    let all = [
        address(host, node),
        processes(host, node),
        hosts_file(host, node),
        lease(snapshot, host),
    ];
    all.into_iter().flatten().collect()
}

/// One of the node's addresses is on an interface of the host.
fn address(host: &Host, node: &Object) -> Option<Sign> {
    let listed = node.list("/status/addresses");
    listed.iter().enumerate().find_map(|(index, entry)| {
        let address = entry.get("address")?.as_str()?;
        let has_it = |own: &String| own.split('/').next() == Some(address);
        let mut interfaces = host.tools.interfaces.iter();
        let interface = interfaces.find(|interface| interface.addresses.iter().any(has_it))?;
        let facts = [("address", json!(address)), ("interface", json!(interface.name))];
        let places = vec![
            interface.cite.clone(),
            node.cite_at(&format!("/status/addresses/{index}/address")),
        ];
        Some((filled("sign.address", &facts), places))
    })
}

/// The engine of the host's containers and the node's kubelet run side by side.
fn processes(host: &Host, node: &Object) -> Option<Sign> {
    let named = format!("--hostname-override={}", node.key.name);
    let processes = &host.tools.processes;
    let engine = processes.iter().find(|one| one.program() == "dockerd")?;
    let is_its =
        |one: &&Process| one.program() == "kubelet" && one.command.split_whitespace().any(|word| word == named);
    let kubelet = processes.iter().find(is_its)?;
    let facts = [("flag", json!(named))];
    Some((
        filled("sign.processes", &facts),
        vec![engine.cite.clone(), kubelet.cite.clone()],
    ))
}

/// Both names stand in the host's own table.
fn hosts_file(host: &Host, node: &Object) -> Option<Sign> {
    let entry = |name: &str| {
        let mut entries = host.tools.hosts_file.iter();
        entries.find(|entry| entry.names.iter().any(|known| known == name))
    };
    let (own, other) = (entry(host.runtime_name())?, entry(&node.key.name)?);
    let facts = [("host", json!(host.runtime_name())), ("node", json!(node.key.name))];
    let places = vec![own.cite.clone(), other.cite.clone()];
    Some((filled("sign.hosts-file", &facts), places))
}

/// The cluster's API server gives the host's name for its own.
fn lease(snapshot: &Snapshot, host: &Host) -> Option<Sign> {
    let is_named = |lease: &&Object| {
        let labels = lease.get("/metadata/labels").and_then(|labels| labels.get(HOSTNAME));
        labels.and_then(|name| name.as_str()) == Some(host.runtime_name())
    };
    let lease = snapshot.kind("Lease").find(is_named)?;
    let facts = [("lease", json!(lease.key.name)), ("host", json!(host.runtime_name()))];
    let place = lease.cite_at("/metadata/labels/kubernetes.io~1hostname");
    Some((filled("sign.lease", &facts), vec![place]))
}

//! Addresses of the pod network that a node's own `ping` does not reach.

use std::net::IpAddr;

use super::hosts::{Machine, machines};
use crate::bundle::decode::Route;
use crate::cluster::Snapshot;
use crate::model::Citation;

/// A ping of which no packet came back.
pub struct LostPing<'s> {
    /// The node at which it was typed.
    pub node: String,
    /// The address of a pod on another node.
    pub address: &'s str,
    /// Where.
    pub cite: &'s Citation,
}

/// Devices of the overlays, as their programs call them: flannel, Calico, Cilium, Antrea, kube-router, Weave.
const OVERLAYS: [&str; 12] = [
    "flannel.1",
    "flannel-v6.1",
    "flannel-wg",
    "vxlan.calico",
    "vxlan-v6.calico",
    "wireguard.cali",
    "tunl0",
    "cilium_vxlan",
    "cilium_geneve",
    "antrea-gw0",
    "kube-bridge",
    "weave",
];

/// The pings to pods on other nodes that nothing answered. Services answer no ping, and hosts outside may refuse it, so neither counts.
pub fn lost_pings(snapshot: &Snapshot) -> Vec<LostPing<'_>> {
    let mut found = Vec::new();
    for machine in machines(snapshot) {
        for (key, (loss, cite)) in &machine.host.values {
            let address = key
                .strip_prefix("ping.")
                .and_then(|key| key.strip_suffix(".loss-percent"));
            if let Some(address) = address.filter(|_| loss == "100")
                && is_of_another_node(snapshot, &machine, address)
            {
                found.push(LostPing {
                    node: machine.node.clone(),
                    address,
                    cite,
                });
            }
        }
    }
    found
}

/// True for the address of a pod that runs on another node, and for one to which the host's routes lead over the overlay.
fn is_of_another_node(snapshot: &Snapshot, machine: &Machine<'_>, address: &str) -> bool {
    let pod = snapshot
        .pods()
        .find(|pod| pod.object.text("/status/podIP") == address && !pod.node().is_empty());
    match pod {
        Some(pod) => pod.node() != machine.node && pod.is_well(),
        None => {
            let routes = &machine.host.tools.routes;
            routes
                .iter()
                .any(|route| OVERLAYS.contains(&route.dev.as_str()) && leads_to(route, address))
        }
    }
}

fn leads_to(route: &Route, address: &str) -> bool {
    let Some((network, length)) = route.destination.split_once('/') else {
        return route.destination == address;
    };
    let bits = |text: &str| match text.parse::<IpAddr>().ok()? {
        IpAddr::V4(v4) => Some((u128::from(u32::from(v4)) << 96, 32)),
        IpAddr::V6(v6) => Some((u128::from(v6), 128)),
    };
    match (bits(network), bits(address), length.parse::<u32>()) {
        (Some((network, size)), Some((address, of_address)), Ok(length @ 1..=128)) => {
            size == of_address && length <= size && network >> (128 - length) == address >> (128 - length)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::EntryPath;

    #[test]
    fn a_route_leads_to_the_addresses_of_its_network() {
        let route = |destination: &str| Route {
            destination: destination.into(),
            via: String::new(),
            dev: "flannel.1".into(),
            cite: Citation::line(&"b".into(), &EntryPath::new("f"), 1, destination),
        };
        for (destination, address, expected) in [
            ("10.244.1.0/24", "10.244.1.14", true),
            ("10.244.1.0/24", "10.244.2.14", false),
            ("10.244.1.14", "10.244.1.14", true),
            ("fd00:1::/64", "fd00:1::7", true),
            ("fd00:1::/64", "10.244.1.14", false),
            ("default", "10.244.1.14", false),
            ("10.244.1.0/240", "10.244.1.14", false),
            ("10.244.1.0/x", "10.244.1.14", false),
        ] {
            assert_eq!(
                leads_to(&route(destination), address),
                expected,
                "{destination} {address}"
            );
        }
    }
}

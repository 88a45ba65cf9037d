//! The containers that a Rancher-made host (RKE1) is expected to have, and in which state each is healthy.
//!
//! Source: rancher/rke `cluster/plan.go` (the eight containers with the label), `services/sidekick.go` (created, never started);
//! rancher/rancher v2.5.12 `pkg/rkeworker`, `cmd/agent/main.go` (`share-mnt` ends with exit code 0 after it wrote the certificates).

use super::toolbox::nodes::machine_name;
use crate::bundle::decode::ContainerState;
use crate::cluster::{Host, HostContainer};

/// The label that RKE and Rancher's node agent put on what they create.
pub const RKE_LABEL: &str = "io.rancher.rke.container.name";

/// One expected container.
#[derive(Debug, Clone, Copy)]
pub struct Expected {
    /// Name.
    pub name: &'static str,
    /// Part of its image's repository name, by which the image is known on the host.
    pub image: &'static str,
    /// The healthy state.
    pub state: Healthy,
    /// On which hosts it is expected.
    pub on: Where,
}

/// The state in which a container is as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Healthy {
    /// Running.
    Running,
    /// Ended with exit code 0.
    ExitedZero,
    /// Created and never started.
    Created,
}

/// On which hosts a container is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Where {
    /// Every RKE1 host.
    Every,
    /// Hosts that Rancher launched: those that have its agent's image.
    RancherLaunched,
    /// Hosts of the control plane: those that have another container of it.
    ControlPlane,
}

/// The catalogue. Containers that depend on roles which a host does not show (etcd, nginx-proxy) are not in it.
pub const RKE1: [Expected; 7] = [
    Expected {
        name: "kube-apiserver",
        image: "hyperkube",
        state: Healthy::Running,
        on: Where::ControlPlane,
    },
    Expected {
        name: "kube-controller-manager",
        image: "hyperkube",
        state: Healthy::Running,
        on: Where::ControlPlane,
    },
    Expected {
        name: "kube-scheduler",
        image: "hyperkube",
        state: Healthy::Running,
        on: Where::ControlPlane,
    },
    Expected {
        name: "kubelet",
        image: "hyperkube",
        state: Healthy::Running,
        on: Where::Every,
    },
    Expected {
        name: "kube-proxy",
        image: "hyperkube",
        state: Healthy::Running,
        on: Where::Every,
    },
    Expected {
        name: "service-sidekick",
        image: "rke-tools",
        state: Healthy::Created,
        on: Where::Every,
    },
    Expected {
        name: "share-mnt",
        image: "rancher-agent",
        state: Healthy::ExitedZero,
        on: Where::RancherLaunched,
    },
];

/// What runs on hosts of etcd's role only, which a host does not show: it is missed nowhere, and has to run where it is.
pub const RKE1_ETCD: Expected = Expected {
    name: "etcd",
    image: "etcd",
    state: Healthy::Running,
    on: Where::Every,
};

impl Expected {
    /// True when this host should have it.
    pub fn applies(&self, host: &Host) -> bool {
        match self.on {
            Where::Every => true,
            Where::RancherLaunched => has_image(host, self.image),
            Where::ControlPlane => ["kube-apiserver", "kube-controller-manager", "kube-scheduler"]
                .iter()
                .any(|name| host.container(name).is_some()),
        }
    }

    /// True when the container is in its healthy state.
    pub fn is_healthy(&self, state: ContainerState) -> bool {
        match self.state {
            Healthy::Running => state == ContainerState::Running,
            Healthy::ExitedZero => matches!(state, ContainerState::Exited(Some(0))),
            Healthy::Created => state == ContainerState::Created,
        }
    }

    /// True when a prune of stopped containers deletes it although it is healthy.
    pub fn is_stopped_by_design(&self) -> bool {
        self.state != Healthy::Running
    }
}

/// The expected container of this name.
pub fn expected(name: &str) -> Option<&'static Expected> {
    RKE1.iter().find(|expected| expected.name == name)
}

/// True when the host runs RKE1: it has, or had, containers with RKE's label, or RKE's names with RKE's images.
pub fn is_rke1(host: &Host) -> bool {
    let mut containers = host.containers.iter().chain(&host.deleted);
    // nginx-proxy is on hosts without the control plane's role only, so it is none of the catalogue (rancher/rke `services/workerplane.go`).
    let is_proxy = |container: &HostContainer| container.name == "nginx-proxy" && container.image.contains("rke-tools");
    containers.any(|container| is_rke_container(container) || is_proxy(container))
}

/// True for a container that belongs to RKE1 by label, or by name and image.
pub fn is_rke_container(container: &HostContainer) -> bool {
    container.labels.contains_key(RKE_LABEL)
        || expected(&container.name).is_some_and(|known| container.image.contains(known.image))
}

/// True when the host has an image of this repository, in its list or in use.
pub fn has_image(host: &Host, repository: &str) -> bool {
    host.images.iter().any(|image| names(&image.reference, repository))
        || host
            .containers
            .iter()
            .any(|container| names(&container.image, repository))
}

/// True when the last part of the reference's name is this repository.
pub fn names(reference: &str, repository: &str) -> bool {
    let name = reference.rsplit('/').next().unwrap_or(reference);
    name.split([':', '@']).next() == Some(repository)
}

/// One finding for each RKE1 host that should have the container `name` and has not, by a listing that shows stopped containers too.
///
/// Without such a listing nothing is said: a running-only listing never shows what is stopped by design.
pub fn missing_on_hosts(input: &super::Input<'_>, rule: &super::RuleHeader, name: &str) -> Vec<super::Finding> {
    use crate::model::{Confidence, Subject};
    let Some(known) = expected(name) else { return Vec::new() };
    let hosts = input
        .snapshot
        .hosts
        .iter()
        .filter(|host| is_rke1(host) && known.applies(host) && host.container(name).is_none());
    hosts
        .filter_map(|host| {
            let listing = host
                .complete_listing()
                .or_else(|| host.listings.first().filter(|_| !known.is_stopped_by_design()))?;
            let searched = (listing.entries, listing.is_complete());
            let absence = listing.cite.clone().absence(Some(searched));
            let image = host.images.iter().find(|image| names(&image.reference, known.image));
            let mut finding = super::Finding::new(
                rule,
                Subject::on_node("HostContainer", name, host.runtime_name()),
                Confidence::Confirmed,
            )
            .cite(absence)
            .fact("host", machine_name(input.snapshot, host.runtime_name()))
            .fact("entries", listing.entries)
            .fact("image", image.map_or(String::new(), |image| image.reference.clone()));
            finding.evidence.extend(image.map(|image| image.cite.clone()));
            Some(finding)
        })
        .collect()
}

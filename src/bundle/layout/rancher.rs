//! Rancher's logs collector (RKE1, RKE2, k3s, kubeadm): one archive per node.
//!
//! Source: rancherlabs/support-tools `collection/rancher/v2.x/logs-collector/rancher2_logs_collector.sh`, and
//! `collection/rancher/v2.x/supportability-review` for what its plugin leaves of a node.

use super::detect::Layout;
use super::inventory::Root;
use super::place::Place;
use super::wrapper;

pub(super) const LAYOUT: Layout = Layout {
    name: "rancher-logs-collector",
    markers: &["systeminfo/etcresolvconf", "collector-output.log"],
    fits: |root| {
        let of_node = root.has("systeminfo/etcresolvconf") && root.has("networking/iptablessave");
        of_node && (root.has_dir("systemlogs") || root.has_dir("journald") || root.has("collector-output.log"))
            || root.has("collector-output.log") && root.has_dir("pod/kubectl")
    },
    place,
    anchor: |root| wrapper::time_in(root.name()),
};

pub(super) const NODE_INFO: Layout = Layout {
    name: "rancher-nodeinfo",
    markers: &["systeminfo/etcresolvconf"],
    fits: |root| root.has("networking/iptablessave") && root.has("systeminfo/mount_cgroup"),
    place,
    anchor: |_| None,
};

fn place(root: &Root<'_>, parts: &[&str]) -> Place {
    let name = root.head("systeminfo/hostname").trim();
    let name = if name.is_empty() {
        wrapper::before_time(root.name()).unwrap_or("")
    } else {
        name
    };
    log(parts).on(root.path.to_owned(), name)
}

fn log(parts: &[&str]) -> Place {
    match parts {
        [_, "podlogs", file] => docker_name(file).unwrap_or_default(),
        // k3s runs the kubelet in its own process.
        ["journald", "k3s" | "k3s-agent" | "kubelet"] => Place::component("kubelet"),
        ["journald", "kubeproxy"] => Place::component("kube-proxy"),
        ["journald", "docker"] => Place::component("dockerd"),
        ["journald", "containerd"] => Place::component("containerd"),
        ["journald", _] => Place::component("system"),
        ["systemlogs", file] if file.starts_with("docker") => Place::component("dockerd"),
        ["systemlogs", _] => Place::component("system"),
        ["systeminfo", "dmesg"] => Place::component("system"),
        [folder @ ("systeminfo" | "networking" | "docker"), file] => {
            Place::holding(format!("what the collector's command for {folder}/{file} printed"))
        }
        ["versions" | "collector-output.log" | "summary.txt"] => {
            Place::holding("what the collector says of its own run")
        }
        _ => Place::default(),
    }
}

/// `k8s_<container>_<pod>_<namespace>_<uid>_<attempt>`: the names that dockershim gave containers
/// (kubernetes `pkg/kubelet/dockershim/naming.go`).
fn docker_name(file: &str) -> Option<Place> {
    let pieces: Vec<&str> = file.strip_prefix("k8s_")?.split('_').collect();
    match pieces.as_slice() {
        [container, pod, namespace, _, _] => Some(Place::container(namespace, pod, container, false)),
        _ => None,
    }
}

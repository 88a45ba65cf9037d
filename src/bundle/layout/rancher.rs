//! Rancher's logs collector (RKE1, RKE2, k3s, kubeadm): one archive per node.
//!
//! Source: rancherlabs/support-tools `collection/rancher/v2.x/logs-collector/rancher2_logs_collector.sh`, and
//! `collection/rancher/v2.x/supportability-review` for what its plugin leaves of a node.

use super::about::{About, Words};
use super::detect::{Layout, NO_GAPS};
use super::inventory::{Root, join};
use super::place::Place;
use super::wrapper;
use crate::model::{EntryPath, Problem, ProblemKind};

pub(super) const LAYOUT: Layout = Layout {
    name: "rancher-logs-collector",
    about: About {
        made_by: "rancher2_logs_collector.sh (RKE1, RKE2, k3s, kubeadm)",
        known_by: Words {
            zh: "systeminfo/etcresolvconf 与 networking/iptablessave，旁边有 systemlogs/、journald/ 或 collector-output.log；或 collector-output.log 与 pod/kubectl/",
            en: "systeminfo/etcresolvconf and networking/iptablessave, beside systemlogs/, journald/ or collector-output.log; or collector-output.log and pod/kubectl/",
        },
        read: Words {
            zh: "容器列表（docker、crictl）、kubectl 表格与 describe、日志、网络、内核参数、resolv.conf、证书、etcd、配置",
            en: "containers (docker, crictl), tables and descriptions of kubectl, logs, network, kernel parameters, resolv.conf, certificates, etcd, configuration",
        },
    },
    markers: &["systeminfo/etcresolvconf", "collector-output.log"],
    fits: |root| {
        let of_node = root.has("systeminfo/etcresolvconf") && root.has("networking/iptablessave");
        of_node && (root.has_dir("systemlogs") || root.has_dir("journald") || root.has("collector-output.log"))
            || root.has("collector-output.log") && root.has_dir("pod/kubectl")
    },
    place,
    anchor: |root| wrapper::time_in(root.name()),
    gaps,
};

pub(super) const NODE_INFO: Layout = Layout {
    name: "rancher-nodeinfo",
    about: About {
        made_by: "Rancher supportability review (nodeinfo)",
        known_by: Words {
            zh: "systeminfo/etcresolvconf、networking/iptablessave 与 systeminfo/mount_cgroup，没有日志目录",
            en: "systeminfo/etcresolvconf, networking/iptablessave and systeminfo/mount_cgroup, without a directory of logs",
        },
        read: Words {
            zh: "主机事实、网络、证书与 kubelet 的配置",
            en: "facts of the host, network, certificates and the configuration of the kubelet",
        },
    },
    markers: &["systeminfo/etcresolvconf"],
    fits: |root| root.has("networking/iptablessave") && root.has("systeminfo/mount_cgroup"),
    place,
    anchor: |_| None,
    gaps: NO_GAPS,
};

/// For RKE1 the collector ends with `docker -v > versions`, so that all versions that it had written there are gone.
fn gaps(root: &Root<'_>, _nodes: &[String]) -> Vec<Problem> {
    let versions = root.head("versions");
    let only_docker = versions.starts_with("Docker version ") && versions.trim_end().lines().count() == 1;
    let of_rke = root.has_dir("rke") || root.has_dir("k8s");
    let file = EntryPath::new(&join(root.path, "versions"));
    let detail = "the collector overwrote all versions but that of Docker";
    (only_docker && of_rke)
        .then(|| Problem::file(&file, ProblemKind::Truncated, detail))
        .into_iter()
        .collect()
}

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
        // kubeadm: a copy of /var/log/containers.
        ["kubeadm", "containers-varlogs", _] => Place::default(),
        // k3s runs the kubelet in its own process.
        ["journald", "k3s" | "k3s-agent" | "kubelet"] => Place::component("kubelet"),
        ["journald", "kubeproxy"] => Place::component("kube-proxy"),
        ["journald", "docker"] => Place::component("dockerd"),
        ["journald", "containerd"] => Place::component("containerd"),
        ["journald", _] => Place::component("system"),
        ["systemlogs", file] if file.starts_with("docker") => Place::component("dockerd"),
        ["systemlogs", _] => Place::component("system"),
        ["systeminfo", "dmesg"] => Place::component("system"),
        ["versions" | "collector-output.log" | "summary.txt"] => {
            Place::holding("what the collector says of its own run")
        }
        // Each of its files is the output of one command or a copy of one file, and is called after it.
        [_, .., _] if !parts.iter().any(|part| part.ends_with("logs")) => {
            Place::holding(format!("what the collector wrote as {}", parts.join("/")))
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

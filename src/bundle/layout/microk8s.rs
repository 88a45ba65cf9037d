//! `microk8s inspect`: one machine, the journals of its snap's services, and a dump of the cluster.
//!
//! Source: canonical/microk8s `scripts/inspect.sh`. `k8s/cluster-info-dump` is the output of `kubectl cluster-info dump`.

use super::about::{About, Words};
use super::detect::{Layout, NO_GAPS};
use super::inventory::Root;
use super::place::Place;

pub(super) const LAYOUT: Layout = Layout {
    name: "microk8s-inspect",
    about: About {
        made_by: "microk8s inspect",
        known_by: Words {
            zh: "k8s/cluster-info-dump 与 snap.microk8s.*/",
            en: "k8s/cluster-info-dump and snap.microk8s.*/",
        },
        read: Words {
            zh: "集群转储中的对象与日志，kubelite、containerd、dqlite 等服务的日志，服务的参数（args/），网络与主机的事实",
            en: "objects and logs of the cluster's dump, the journals of kubelite, containerd, dqlite and the others, the services' arguments (args/), facts of network and host",
        },
    },
    markers: &["k8s/cluster-info-dump"],
    fits: |root| root.any(|parts| matches!(parts, [service, ..] if service.starts_with("snap.microk8s."))),
    place,
    anchor: |_| None,
    gaps: NO_GAPS,
};

fn place(root: &Root<'_>, parts: &[&str]) -> Place {
    let place = match parts {
        // kubelite runs the kubelet, the API server, the scheduler, the controller manager and kube-proxy in one process.
        [service, "journal.log"] => Place::component(match service.strip_prefix("snap.microk8s.daemon-") {
            Some("kubelite" | "kubelet") => "kubelet",
            Some("containerd") => "containerd",
            Some("etcd") => "etcd",
            Some("apiserver") => "kube-apiserver",
            Some("scheduler") => "kube-scheduler",
            Some("controller-manager") => "kube-controller-manager",
            Some("proxy") => "kube-proxy",
            _ => "system",
        }),
        ["k8s", "cluster-info-dump"] => Place::default(),
        [_, "snapctl.log" | "systemctl.log"] => Place::holding("the state of a service of the snap"),
        ["args", ..] => Place::no_log("the arguments of a service of the snap"),
        ["dqlite" | "etcd", ..] => Place::no_log("the files of the datastore"),
        ["apparmor", "dmesg"] => Place::component("system"),
        [_, ..] => Place::holding(format!("what microk8s wrote as {}", parts.join("/"))),
        [] => Place::default(),
    };
    place.on(root.path.to_owned(), "")
}

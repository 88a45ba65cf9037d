//! `talosctl support`: for each node its logs and the resources of its controllers, and of the cluster its nodes and system pods.
//!
//! Source: siderolabs/go-talos-support `support/collectors/{collectors,kubernetes,talos}.go`. Since Talos 1.14 the archive is encrypted
//! with age unless `--no-encryption` is given. Resources are read by `decode/host/talos.rs`.

use super::about::{About, Words};
use super::detect::{Layout, NO_GAPS};
use super::inventory::{Root, join};
use super::place::Place;

pub(super) const LAYOUT: Layout = Layout {
    name: "talos-support",
    about: About {
        made_by: "talosctl support",
        known_by: Words {
            zh: "kubernetesResources/systemPods.yaml；或某节点目录中有 controller-runtime.log 与 resources/",
            en: "kubernetesResources/systemPods.yaml, or controller-runtime.log and resources/ in the directory of a node",
        },
        read: Words {
            zh: "节点与系统 Pod 的对象，kubelet、containerd、etcd、控制平面与内核的日志，服务状态、挂载与进程，以及解析器、路由、内核参数、时间同步、主机名等资源；加密的（.age）须先解密",
            en: "the objects of nodes and system pods, the logs of kubelet, containerd, etcd, control plane and kernel, the state of services, mounts and processes, and of the resources resolvers, routes, kernel parameters, the synchronisation of the clock and host names; an encrypted one (.age) has to be decrypted before",
        },
    },
    markers: &["kubernetesResources/systemPods.yaml", "*/controller-runtime.log"],
    fits: |root| {
        root.has("kubernetesResources/systemPods.yaml") || root.any(|parts| matches!(parts, [_, "resources", _]))
    },
    place,
    anchor: |_| None,
    gaps: NO_GAPS,
};

fn place(root: &Root<'_>, parts: &[&str]) -> Place {
    let [node, rest @ ..] = parts else {
        return Place::default();
    };
    if *node == "kubernetesResources" || rest.is_empty() {
        return Place::default();
    }
    let name = node_name(root, node);
    log(rest, name).on(join(root.path, node), name)
}

/// What Kubernetes calls a machine whose directory is called after its address.
fn node_name<'r>(root: &Root<'r>, node: &'r str) -> &'r str {
    let resource = root.head(&format!("{node}/resources/nodenames.kubernetes.talos.dev.yaml"));
    let named = resource.lines().find_map(|line| line.trim().strip_prefix("nodename: "));
    named.map_or(node, str::trim)
}

fn log(parts: &[&str], node: &str) -> Place {
    match parts {
        ["dmesg.log" | "controller-runtime.log" | "dns-resolve-cache.log"] => Place::component("system"),
        ["service-logs", file] => match file.strip_suffix(".log") {
            Some("kubelet") => Place::component("kubelet"),
            Some("containerd" | "cri") => Place::component("containerd"),
            Some("etcd") => Place::component("etcd"),
            Some(_) => Place::component("system"),
            None => Place::holding("the state of one of Talos' services"),
        },
        // The container's name is all that the file says of it. The control plane's pods are static ones and called after their node.
        ["kubernetes-logs", namespace, file] => {
            let stem = file.strip_suffix(".log").unwrap_or(file);
            let (container, previous) = stem.strip_suffix("-exited").map_or((stem, false), |name| (name, true));
            match container {
                "kube-apiserver" | "kube-controller-manager" | "kube-scheduler" => {
                    Place::container(namespace, &format!("{container}-{node}"), container, previous)
                }
                "kube-proxy" => Place::component("kube-proxy"),
                _ => Place::container(namespace, "", container, previous),
            }
        }
        ["resources", file] => Place::holding(format!("the resources {} of Talos", file.trim_end_matches(".yaml"))),
        ["dependencies.dot"] => Place::holding("how Talos' controllers depend on each other"),
        [_] => Place::holding(format!("the {} of a machine, as Talos lists them", parts.concat())),
        _ => Place::default(),
    }
}

//! What the end-to-end tests of Cluster API leave: clusters, their machines' logs and their objects.
//!
//! Source: kubernetes-sigs/cluster-api `test/framework/{cluster_proxy,alltypes_helpers,deployment_helpers,namespace_helpers}.go`,
//! `test/infrastructure/docker/pkg/…/logcollector.go` and the collectors of the other providers.

use super::about::{About, Words};
use super::detect::{Layout, NO_GAPS};
use super::inventory::{Root, join};
use super::place::Place;

pub(super) const LAYOUT: Layout = Layout {
    name: "capi-artifacts",
    about: About {
        made_by: "Cluster API (e2e test artifacts)",
        known_by: Words {
            zh: "clusters*/<集群>/machines/<机器>/kubelet.log，或 clusters*/<集群>/resources/<命名空间>/Cluster/*.yaml",
            en: "clusters*/<cluster>/machines/<machine>/kubelet.log, or clusters*/<cluster>/resources/<namespace>/Cluster/*.yaml",
        },
        read: Words {
            zh: "每台机器的日志、Pod 日志与容器列表，管理集群与工作集群的对象，各命名空间的事件（events.log），控制器的日志",
            en: "of each machine its logs, its pods' logs and its containers; the objects of the management and the workload clusters, the events of namespaces (events.log); the logs of controllers",
        },
    },
    markers: &[
        "clusters/",
        "clusters-beforeClusterDelete/",
        "clusters-afterDeletionTimedOut/",
    ],
    fits: |root| {
        root.any(|parts| match parts {
            [clusters, _, "machines" | "machine-pools", .., "kubelet.log"] => clusters.starts_with("clusters"),
            [clusters, _, "resources", _, "Cluster", file] => {
                clusters.starts_with("clusters") && file.ends_with(".yaml")
            }
            _ => false,
        })
    },
    place,
    anchor: |_| None,
    gaps: NO_GAPS,
};

fn place(root: &Root<'_>, parts: &[&str]) -> Place {
    let on = |place: Place, directory: &str, node: &str| place.on(join(root.path, directory), node);
    match parts {
        [clusters, cluster, "machines", machine, rest @ ..] => {
            let directory = format!("{clusters}/{cluster}/machines/{machine}");
            on(of_machine(rest), &directory, machine)
        }
        [clusters, cluster, "machine-pools", pool, instance, rest @ ..] => {
            let directory = format!("{clusters}/{cluster}/machine-pools/{pool}/{instance}");
            on(of_machine(rest), &directory, instance)
        }
        [_, _, "logs", namespace, _, pod, file] if file.ends_with(".log") => {
            let container = file.trim_end_matches(".log");
            let (container, previous) = container
                .strip_suffix("-previous")
                .map_or((container, false), |name| (name, true));
            Place::container(namespace, pod, container, previous)
        }
        [_, _, "logs", _, _, _, file] if file.ends_with("-log-metadata.json") => {
            Place::holding("labels of a log, for a log store")
        }
        [_, _, "resources", .., file] if file.starts_with("clusterctl-describe") => {
            Place::holding("the tree of a cluster's objects (clusterctl describe)")
        }
        [_, _, "infrastructure", ..] => Place::component("system"),
        _ => Place::default(),
    }
}

/// Logs of a machine that are called after the component that wrote them.
const COMPONENTS: [&str; 4] = ["kubelet", "containerd", "crio", "docker"];

fn of_machine(parts: &[&str]) -> Place {
    match parts {
        [
            "journal.log"
            | "kern.log"
            | "kernel.log"
            | "cloud-init.log"
            | "cloud-init-output.log"
            | "sentinel-file-dir.txt",
        ] => Place::component("system"),
        ["kubelet-version.txt"] => Place::no_log("the version of the kubelet"),
        // The collectors of the providers name other parts of the system's journal: `cloud-final.log`, `ignition.log`.
        [file] if file.ends_with(".log") && !COMPONENTS.contains(&file.trim_end_matches(".log")) => {
            Place::component("system")
        }
        _ => Place::default(),
    }
}

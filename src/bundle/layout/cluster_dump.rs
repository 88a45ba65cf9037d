//! `kubectl cluster-info dump`, as a directory (`--output-directory`). The form on standard output is one file, known by its content.
//!
//! Source: `k8s.io/kubectl/pkg/cmd/clusterinfo/clusterinfo_dump.go`. Its logs say in the text whose they are.

use super::about::{About, Words};
use super::detect::{Layout, NO_GAPS};
use super::place::Place;

pub(super) const LAYOUT: Layout = Layout {
    name: "kubectl-cluster-info-dump",
    about: About {
        made_by: "kubectl cluster-info dump",
        known_by: Words {
            zh: "nodes.json（或 .yaml）与 <命名空间>/replication-controllers.json；或一个文件，其中有对象与 ==== START logs for container 行",
            en: "nodes.json (or .yaml) and <namespace>/replication-controllers.json; or one file of objects with lines ==== START logs for container",
        },
        read: Words {
            zh: "节点、事件、Pod、工作负载、服务的对象与容器日志",
            en: "objects of nodes, events, pods, workloads and services, and the logs of containers",
        },
    },
    markers: &["nodes.json", "nodes.yaml"],
    // No other tool spells this kind with a hyphen.
    fits: |root| {
        root.any(|parts| {
            matches!(
                parts,
                [_, "replication-controllers.json" | "replication-controllers.yaml"]
            )
        })
    },
    place: |_, parts| match parts {
        // Where one container logs, the text names it; an empty log has only its path.
        [namespace, pod, "logs.txt"] => Place::container(namespace, pod, "", false),
        _ => Place::default(),
    },
    anchor: |_| None,
    gaps: NO_GAPS,
};

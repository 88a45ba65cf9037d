//! Troubleshoot's support bundles, in all dialects since 2019.
//!
//! Sources: replicatedhq/troubleshoot `pkg/constants/constants.go`, `pkg/collect/{cluster_resources,logs,copy_from_host,sysctl}.go`.

use super::about::{About, Words};
use super::detect::{Layout, NO_GAPS};
use super::inventory::{Root, join};
use super::place::Place;
use super::wrapper;

pub(super) const LAYOUT: Layout = Layout {
    name: "troubleshoot",
    about: About {
        made_by: "support-bundle (Troubleshoot)",
        known_by: Words {
            zh: "version.yaml 的 apiVersion 为 troubleshoot；或 analysis.json 中有 insight；或 cluster-resources/*.json",
            en: "version.yaml whose apiVersion is of troubleshoot, or analysis.json with insights, or cluster-resources/*.json",
        },
        read: Words {
            zh: "对象、容器日志、etcd；主机收集器的 JSON：内存、CPU、时间同步、操作系统与内核、磁盘用量（路径由收集器的名字得知）、只读磁盘、网卡、服务单元、内核参数与模块；run-host 与 journald 的输出按其命令读取；它自己的分析结果不作为证据",
            en: "objects, logs of containers, etcd; of host collectors memory, processors, clock, system and kernel, the use of disks (whose path the collector's name tells), read-only disks, interfaces, units, kernel parameters and modules, and the output of run-host and journald by its command; the results of its own analysers count as no evidence",
        },
    },
    markers: &["version.yaml", "cluster-resources/", "analysis.json"],
    fits,
    place,
    anchor: |root| wrapper::time_in(root.name()),
    gaps: NO_GAPS,
};

/// `version.yaml` names the kind (`SupportBundle`, `HostPreflight`). Bundles before 2020 and re-packed ones have none.
fn fits(root: &Root<'_>) -> bool {
    let version = root.head("version.yaml");
    if version.contains("troubleshoot.") && version.contains("kind:") {
        return true;
    }
    // The results of its own analysers.
    if root.head("analysis.json").contains("\"insight\":") {
        return true;
    }
    let is_json = |part: Option<&&str>| part.is_some_and(|part| part.ends_with(".json"));
    root.any(|parts| parts.first() == Some(&"cluster-resources") && is_json(parts.last()))
}

pub(super) fn place(root: &Root<'_>, parts: &[&str]) -> Place {
    let on_node = |node: &str| Place::default().on(join(root.path, node), node);
    match parts {
        ["cluster-resources", "pods", "logs", namespace, pod, file] => container(namespace, pod, file),
        ["cluster-resources", ..] => Place::default(),
        ["sysctl", node] => on_node(node),
        // Collectors of the host that ran inside the cluster put a node's name between. The name of a collector may itself have a path.
        ["host-collectors", kind, node, _] if *kind != "dns" && *kind != "run-host" && !node.ends_with(' ') => {
            on_node(node)
        }
        ["host-collectors", "system", file] if file.starts_with("node_list") => {
            Place::holding("the nodes on which host collectors ran")
        }
        ["execution-data", ..] => Place::holding("what Troubleshoot says of its own run"),
        ["static-data.txt" | "static-data", ..] => {
            Place::holding("a text that the specification of the bundle brings along")
        }
        [.., node, "archive.tar", _] | [_, .., node, "error.txt" | "stderr.txt"] => on_node(node),
        [.., "archive.tar", _, _] => parts
            .iter()
            .position(|part| *part == "archive.tar")
            .and_then(|at| parts.get(at.checked_sub(1)?))
            .map_or_else(Place::default, |node| on_node(node)),
        // Before 0.48 logs stood below the name of their collector only; since then these are links.
        [_, pod, file] if file.ends_with(".log") => container("", pod, file),
        _ => Place::default(),
    }
}

fn container(namespace: &str, pod: &str, file: &str) -> Place {
    match file.strip_suffix(".log") {
        Some(stem) if !stem.ends_with("-logs-errors") => match stem.strip_suffix("-previous") {
            Some(container) => Place::container(namespace, pod, container, true),
            None => Place::container(namespace, pod, stem, false),
        },
        _ => Place::default(),
    }
}

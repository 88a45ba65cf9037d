//! `cilium sysdump`: flat files whose names end with the time, and what `cilium-bugtool` left of each agent.
//!
//! Source: cilium/cilium-cli `sysdump/{constants,sysdump}.go`.

use super::about::{About, Words};
use super::detect::{Layout, NO_GAPS};
use super::inventory::{Root, join};
use super::place::Place;
use super::wrapper;

pub(super) const LAYOUT: Layout = Layout {
    name: "cilium-sysdump",
    about: About {
        made_by: "cilium sysdump",
        known_by: Words {
            zh: "k8s-nodes-<时间>.yaml，旁边有名字以 cilium 开头的文件",
            en: "k8s-nodes-<time>.yaml, and files beside it whose names begin with cilium",
        },
        read: Words {
            zh: "节点、Pod、事件、服务等对象，Cilium 与其他 Pod 的日志，bugtool 中命令的输出",
            en: "objects such as nodes, pods, events and services, the logs of Cilium's and other pods, and the output of the commands of bugtool",
        },
    },
    markers: &["k8s-nodes-*.yaml"],
    fits: |root| root.any(|parts| parts.first().is_some_and(|first| first.starts_with("cilium"))),
    place,
    anchor: |root| {
        let nodes = root.files().find(|name| name.starts_with("k8s-nodes-"))?;
        wrapper::compact_time_in(nodes)
    },
    gaps: NO_GAPS,
};

/// Containers of the pods whose logs are taken: a log's name is `<pod>-<container>`, and both have hyphens.
const CONTAINERS: [&str; 18] = [
    "apply-sysctl-overwrites",
    "cilium-agent",
    "cilium-envoy",
    "cilium-operator",
    "cilium-monitor",
    "clean-cilium-state",
    "config",
    "mount-cgroup",
    "mount-bpf-fs",
    "install-cni-binaries",
    "install-portmap-cni-plugin",
    "wait-for-node-init",
    "hubble-relay",
    "clustermesh-apiserver",
    "apiserver",
    "kvstoremesh",
    "coredns",
    "tetragon",
];

fn place(root: &Root<'_>, parts: &[&str]) -> Place {
    match parts {
        [file] if file.starts_with("logs-") && file.ends_with(".log") => log(file).unwrap_or_default(),
        [file] if file.starts_with("hubble-flows-") => Place::holding("flows that Hubble saw"),
        [file] if file.starts_with("cilium-sysdump") => Place::holding("what the collector says of its own run"),
        [_] => Place::holding("what cilium sysdump wrote of the cluster"),
        [bugtool, .., file] if bugtool.starts_with("cilium-bugtool-") || bugtool.starts_with("hubble-bugtool") => {
            let command = file.trim_end_matches(".md").replace('-', " ");
            let name = host(root.head(&format!("{bugtool}/cmd/hostname.md")));
            Place::no_log(format!("output of `{command}` in the agent")).on(join(root.path, bugtool), name)
        }
        _ => Place::default(),
    }
}

/// What `hostname` printed, between the fences of bugtool's Markdown.
fn host(markdown: &str) -> &str {
    let mut lines = markdown.lines().skip_while(|line| !line.starts_with("```")).skip(1);
    lines.next().map_or("", str::trim)
}

/// `logs-<pod>-<container>-20261121-102042[-prev].log`.
fn log(file: &str) -> Option<Place> {
    let stem = file.strip_prefix("logs-")?.strip_suffix(".log")?;
    let (stem, previous) = stem.strip_suffix("-prev").map_or((stem, false), |stem| (stem, true));
    let stem = stem.get(..stem.len().checked_sub("-20261121-102042".len())?)?;
    let found = CONTAINERS.iter().find_map(|container| {
        let pod = stem.strip_suffix(container)?.strip_suffix('-')?;
        Some((pod, *container))
    });
    let (pod, container) = found.unwrap_or((stem, ""));
    Some(Place::container("", pod, container, previous))
}

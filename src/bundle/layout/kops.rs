//! `kops toolbox dump --dir` and kubetest2-kops: for each node its logs and its network, and the cluster's objects.
//!
//! Source: kubernetes/kops `pkg/dump/{dumper,resourcedumper,podlogs}.go`.

use super::about::{About, Words};
use super::detect::{Layout, NO_GAPS};
use super::inventory::{Root, join};
use super::place::Place;

pub(super) const LAYOUT: Layout = Layout {
    name: "kops-dump",
    about: About {
        made_by: "kops toolbox dump --dir",
        known_by: Words {
            zh: "cluster-info/ 中有 nodes 或 pods 的列表，某个节点目录中有 sysctls",
            en: "lists of nodes or pods below cluster-info/, and sysctls in the directory of a node",
        },
        read: Words {
            zh: "集群的对象、容器日志，每个节点的内核、单元与组件日志，iptables、路由、内核参数",
            en: "the cluster's objects and its containers' logs; of each node the logs of kernel, units and components, packet filter, routes, kernel parameters",
        },
    },
    markers: &["cluster-info/"],
    fits: |root| {
        let is_list = |file: &str, stem: &str| {
            file.strip_prefix(stem)
                .is_some_and(|end| matches!(end, ".json" | ".yaml"))
        };
        root.any(|parts| matches!(parts, [_, "sysctls"]))
            && root.any(|parts| match parts {
                ["cluster-info", file] => is_list(file, "nodes"),
                ["cluster-info", _, file] => is_list(file, "pods"),
                _ => false,
            })
    },
    place,
    anchor: |_| None,
    gaps: NO_GAPS,
};

fn place(root: &Root<'_>, parts: &[&str]) -> Place {
    match parts {
        ["cluster-info", namespace, pod, file] if file.ends_with(".log") => {
            let stem = file.trim_end_matches(".log");
            let (container, previous) = stem
                .strip_suffix(".previous")
                .map_or((stem, false), |container| (container, true));
            Place::container(namespace, pod, container, previous)
        }
        ["cluster-info", ..] | [_] | [] => Place::default(),
        [node, rest @ ..] => {
            let place = match rest {
                ["protokube.log" | "kops-configuration.log" | "kern.log" | "journal.log" | "cloud-init-output.log"] => {
                    Place::component("system")
                }
                _ => Place::holding(format!("what kops wrote as {}", rest.join("/"))),
            };
            place.on(join(root.path, node), node)
        }
    }
}

//! Sonobuoy's results: resources as bare arrays, logs of its own pods, what its plugins left per node.
//!
//! Source: vmware-tanzu/sonobuoy `pkg/discovery/`, `pkg/plugin/aggregation/`.

use super::about::{About, Words};
use super::detect::{Layout, NO_GAPS};
use super::inventory::{Root, join};
use super::place::Place;

pub(super) const LAYOUT: Layout = Layout {
    name: "sonobuoy",
    about: About {
        made_by: "sonobuoy retrieve",
        known_by: Words {
            zh: "meta/config.json 旁有 plugins/ 与 resources/",
            en: "meta/config.json beside plugins/ and resources/",
        },
        read: Words {
            zh: "对象（JSON 数组）、插件 Pod 的日志、每个节点的 systemd 日志（JSON）",
            en: "objects (JSON arrays), logs of the plugins' pods, the journal of each node (JSON)",
        },
    },
    markers: &["meta/config.json"],
    fits: |root| root.has_dir("plugins") && root.has_dir("resources"),
    place,
    anchor: |_| None,
    gaps: NO_GAPS,
};

fn place(root: &Root<'_>, parts: &[&str]) -> Place {
    match parts {
        ["podlogs", namespace, pod, "logs", file] | ["podlogs", namespace, pod, file] => {
            let container = file.split('.').next().unwrap_or(file);
            Place::container(namespace, pod, container, false)
        }
        ["plugins", "systemd-logs", "results", node, _] => {
            Place::component("system").on(join(root.path, &format!("hosts/{node}")), node)
        }
        ["plugins", _, "results", node, ..] if *node != "global" => {
            Place::default().on(join(root.path, &format!("hosts/{node}")), node)
        }
        ["meta", ..] => Place::holding("what sonobuoy says of its own run"),
        ["plugins", _, "results", "global", ..] => Place::holding("results of tests"),
        _ => Place::default(),
    }
}

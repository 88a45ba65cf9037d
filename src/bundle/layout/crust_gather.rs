//! crust-gather: the whole API in a file for each object, and the logs of pods and nodes.
//!
//! Source: crust-gather/crust-gather `src/gather/{representation,writer}.rs`, `src/scanners/{logs,nodes}.rs`. Its `.tar.gz` says of each
//! member that it is one byte longer than it is; `source/tar_stream.rs` reads it all the same.

use super::about::{About, Words};
use super::detect::{Layout, NO_GAPS};
use super::inventory::{Root, join};
use super::place::Place;
use crate::model::{Basis, When};

pub(super) const LAYOUT: Layout = Layout {
    name: "crust-gather",
    about: About {
        made_by: "crust-gather collect (kubectl crust-gather)",
        known_by: Words {
            zh: "version.yaml（或 .json）中有 gitVersion，旁边有 apis.json 或 api.json，以及 cluster/ 或 namespaces/",
            en: "version.yaml (or .json) with gitVersion, and beside it apis.json or api.json, and cluster/ or namespaces/",
        },
        read: Words {
            zh: "每个对象、容器当前与先前的日志、节点日志；其格式有误的 tar.gz 也能读",
            en: "every object, the logs of containers and of the instance before, logs of nodes; also its malformed tar.gz",
        },
    },
    markers: &["version.yaml", "version.json"],
    fits: |root| {
        let is_version = ["version.yaml", "version.json"]
            .iter()
            .any(|file| root.head(file).contains("gitVersion"));
        let has_apis = root.has("apis.json") || root.has("api.json");
        is_version && has_apis && (root.has_dir("cluster") || root.has_dir("namespaces"))
    },
    place,
    anchor: |root| {
        let raw = root
            .head("collected.timestamp")
            .trim()
            .trim_matches(['"', '\''])
            .to_owned();
        Some(When::at(raw.parse().ok()?, raw, Basis::Exact))
    },
    gaps: NO_GAPS,
};

fn place(root: &Root<'_>, parts: &[&str]) -> Place {
    match parts {
        // Since May 2026 a node's logs stand below a pod of the node's name.
        ["namespaces", _, "v1", "pod", node, unit, file] if file.contains(".log") && is_node(root, node) => {
            on_node(root, node, unit)
        }
        ["namespaces", namespace, "v1", "pod", pod, container, file] if file.contains(".log") => {
            Place::container(namespace, pod, container, file.starts_with("previous"))
        }
        ["cluster", "v1", "node", node, file] => on_node(root, node, file.split('.').next().unwrap_or(file)),
        ["api.json" | "apis.json" | "app-versions.yaml" | "collected.timestamp" | "version.yaml" | "version.json"] => {
            Place::holding("what the collector says of the API server and of its own run")
        }
        [.., file] if file.ends_with(".patch") => {
            Place::holding("how an object changed while crust-gather recorded it")
        }
        _ => Place::default(),
    }
}

fn is_node(root: &Root<'_>, name: &str) -> bool {
    ["yaml", "json"]
        .iter()
        .any(|end| root.has(&format!("cluster/v1/node/{name}.{end}")))
}

fn on_node(root: &Root<'_>, node: &str, unit: &str) -> Place {
    let log = match unit {
        "kubelet" | "kubelet-log-path" => Place::component("kubelet"),
        "containerd" => Place::component("containerd"),
        "crio" => Place::component("crio"),
        "docker" => Place::component("dockerd"),
        "k3s" | "k3s-agent" | "rke2-server" | "rke2-agent" => Place::component("kubelet"),
        _ => Place::holding(format!("what the command for {unit} printed on the node")),
    };
    log.on(join(root.path, &format!("cluster/v1/node/{node}")), node)
}

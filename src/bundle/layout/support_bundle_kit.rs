//! Rancher's support-bundle-kit, which Harvester and Longhorn use.
//!
//! Source: rancher/support-bundle-kit `pkg/manager/{cluster,manager}.go`, `pkg/manager/collectors/`, `hack/collector-*`.

use super::about::{About, Words};
use super::detect::{Layout, without_archive_ending};
use super::inventory::{Root, join};
use super::place::Place;
use super::wrapper;
use crate::model::{Problem, ProblemKind};

/// The layout's name.
pub(super) const NAME: &str = "support-bundle-kit";

pub(super) const LAYOUT: Layout = Layout {
    name: NAME,
    about: About {
        made_by: "support-bundle-kit (Harvester, Longhorn, Rancher)",
        known_by: Words {
            zh: "bundleGenerationError.log 与 yamls/；或 metadata.yaml 中有 bundlename 或 projectname，旁边有 yamls/ 与 logs/",
            en: "bundleGenerationError.log and yamls/; or metadata.yaml with bundlename or projectname, beside yamls/ and logs/",
        },
        read: Words {
            zh: "对象（空文本被写成 null，读时还原）、容器日志、每个节点的日志与其中的 supportconfig",
            en: "objects (empty texts, which it writes as null, are empty again), logs of containers, logs of each node and the supportconfig inside",
        },
    },
    markers: &["bundleGenerationError.log", "metadata.yaml"],
    fits: |root| {
        let metadata = root.head("metadata.yaml");
        let is_named = metadata.contains("bundlename:") || metadata.contains("projectname:");
        root.has_dir("yamls") && (root.has("bundleGenerationError.log") || is_named && root.has_dir("logs"))
    },
    place,
    anchor: |root| wrapper::time_in(root.name()),
    gaps,
};

/// The manager waits for the bundles of nodes that are `Ready` and whose network is available (`refreshNodes` in `manager.go`), so that
/// the node that is missing is often the one that is broken. A bundle without any was collected without them.
fn gaps(root: &Root<'_>, nodes: &[String]) -> Vec<Problem> {
    if !root.has_dir("nodes") {
        return Vec::new();
    }
    let has_bundle = |node: &str| {
        let archive = format!("nodes/{node}.zip");
        root.has_dir(&archive) || root.has(&archive) || root.has_dir(&format!("nodes/{node}"))
    };
    let missing = nodes.iter().filter(|node| !has_bundle(node));
    missing
        .map(|node| {
            let detail = format!(
                "node {node} has no bundle under nodes/: support-bundle-kit takes only those of nodes that are ready and reachable"
            );
            Problem::bundle(ProblemKind::CollectorError, detail)
        })
        .collect()
}

fn place(root: &Root<'_>, parts: &[&str]) -> Place {
    match parts {
        ["logs", namespace, pod, file] => match file.split_once(".log") {
            Some((container, rest)) => Place::container(namespace, pod, container, !rest.is_empty()),
            None => Place::default(),
        },
        ["nodes", archive, .., file] => {
            let directory = join(root.path, &format!("nodes/{archive}"));
            let log = if file.starts_with("kubelet") || file.starts_with("k3s-") {
                Place::component("kubelet")
            } else if file.starts_with("kernel.log") || file.starts_with("dmesg") {
                Place::component("system")
            } else {
                Place::default()
            };
            log.on(directory, without_archive_ending(archive))
        }
        _ => Place::default(),
    }
}

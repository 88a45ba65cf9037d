//! `oc adm inspect`, which is also what a must-gather is made of.
//!
//! Source: openshift/oc `pkg/cli/admin/inspect/{inspect,pod,namespace,util}.go`.

use jiff::Timestamp;

use super::about::{About, Words};
use super::detect::{Layout, NO_GAPS};
use super::inventory::{Root, join};
use super::place::Place;
use crate::model::{Basis, When};

pub(super) const LAYOUT: Layout = Layout {
    name: "oc-adm-inspect",
    about: About {
        made_by: "oc adm inspect",
        known_by: Words {
            zh: "namespaces/<命名空间>/core/*.yaml、…/pods/<Pod>/<Pod>.yaml、cluster-scoped-resources/core/nodes/*.yaml，或 timestamp 旁有 cluster-scoped-resources/",
            en: "namespaces/<namespace>/core/*.yaml, …/pods/<pod>/<pod>.yaml, cluster-scoped-resources/core/nodes/*.yaml, or cluster-scoped-resources/ beside timestamp",
        },
        read: Words {
            zh: "对象、容器当前、先前与轮转的日志、Secret 与 ConfigMap 中的证书",
            en: "objects, the logs of containers (current, previous, rotated), certificates in Secrets and ConfigMaps",
        },
    },
    markers: &["namespaces/", "cluster-scoped-resources/"],
    fits,
    place,
    anchor: |root| last_time(root.head("timestamp")).or_else(|| last_time(root.head_outside("timestamp"))),
    gaps: NO_GAPS,
};

fn fits(root: &Root<'_>) -> bool {
    let is_yaml = |file: &str| file.ends_with(".yaml");
    root.any(|parts| match parts {
        // A pod's directory holds a file of its own name: no other producer has that.
        ["namespaces", _, "pods", pod, file] => file.strip_suffix(".yaml") == Some(pod),
        ["namespaces", _, "core", file] => is_yaml(file),
        ["cluster-scoped-resources", "core", "nodes", file] => is_yaml(file),
        ["cluster-scoped-resources", _, file] => is_yaml(file) && root.has("timestamp"),
        _ => false,
    })
}

/// What a path below such a tree says.
pub(super) fn place(root: &Root<'_>, parts: &[&str]) -> Place {
    match parts {
        ["namespaces", namespace, "pods", pod, container, _, "logs", file] => {
            Place::container(namespace, pod, container, file.starts_with("previous"))
        }
        ["namespaces", namespace, "pods", pod, container, _, "logs", "rotated", _] => {
            Place::container(namespace, pod, container, true)
        }
        ["host_service_logs", _, file] => unit(file).map_or_else(Place::default, Place::component),
        ["nodes", node, file] => {
            let place = if file.contains("_logs_kubelet") {
                Place::component("kubelet")
            } else if *file == "dmesg" {
                Place::component("system")
            } else {
                Place::holding(format!("what the collector's command for {file} printed on the node"))
            };
            place.on(join(root.path, &format!("nodes/{node}")), node)
        }
        ["nodes", node, ..] => Place::default().on(join(root.path, &format!("nodes/{node}")), node),
        ["timestamp" | "version" | "gather.logs" | "must-gather.logs"] => {
            Place::holding("what the collector says of its own run")
        }
        _ => Place::default(),
    }
}

/// `kubelet_service.log` holds the journals of one unit of all masters or all workers.
fn unit(file: &str) -> Option<&'static str> {
    Some(match file.strip_suffix("_service.log")? {
        "kubelet" => "kubelet",
        "crio" => "crio",
        _ => "system",
    })
}

/// The latest of the lines of `timestamp`, which Go's `time.String` wrote: `2024-10-24 14:43:32.75 +0000 UTC m=+0.34`.
pub(super) fn last_time(text: &str) -> Option<When> {
    text.lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let raw = format!("{}T{}{}", words.next()?, words.next()?, words.next()?);
            let time: Timestamp = raw.parse().ok()?;
            Some(When::at(time, line, Basis::Exact))
        })
        .max()
}

#[cfg(test)]
mod tests {
    use super::last_time;

    #[test]
    fn the_end_of_a_collection_is_its_last_line() {
        let text = "2024-10-24 14:43:32.75036013 +0000 UTC m=+0.347883109\n2024-10-24 16:45:15 +0200 CEST m=+99.3\n";
        assert_eq!(last_time(text).unwrap().latest.to_string(), "2024-10-24T14:45:15Z");
        assert_eq!(last_time("yesterday\n"), None);
    }
}

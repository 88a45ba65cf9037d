//! An archive of OpenShift's insights operator, by itself or inside a must-gather: one JSON file for each object.
//!
//! Source: openshift/insights-operator `docs/insights-archive-sample/`, `pkg/gatherers/`.

use super::about::{About, Words};
use super::detect::{Layout, NO_GAPS};
use super::inventory::Root;
use super::place::Place;

pub(super) const LAYOUT: Layout = Layout {
    name: "insights-archive",
    about: About {
        made_by: "insights-operator (OpenShift)",
        known_by: Words {
            zh: "insights-operator/gathers.json",
            en: "insights-operator/gathers.json",
        },
        read: Words {
            zh: "节点、Pod、ClusterOperator 等对象，出错 Pod 的日志，精简形式的事件；按镜像计数的容器（running_containers.json）",
            en: "objects such as nodes, pods and cluster operators, the logs of pods in trouble, events in their compacted form, the containers counted by image (running_containers.json)",
        },
    },
    markers: &["insights-operator/gathers.json"],
    fits: |_| true,
    place,
    anchor: |_| None,
    gaps: NO_GAPS,
};

fn place(_root: &Root<'_>, parts: &[&str]) -> Place {
    match parts {
        ["config", "pod", namespace, "logs", pod, file] => log(namespace, pod, "", file),
        [
            "conditional",
            "namespaces",
            namespace,
            "pods",
            pod,
            "containers",
            container,
            "logs",
            file,
        ] => log(namespace, pod, container, file),
        [
            "conditional",
            "namespaces",
            namespace,
            "pods",
            pod,
            "containers",
            container,
            file,
        ] => log(namespace, pod, container, file),
        ["insights-operator", ..] => Place::holding("what the insights operator says of its own run"),
        ["config", ..] | ["conditional", ..] => {
            Place::holding(format!("what the insights operator gathered as {}", parts.join("/")))
        }
        _ => Place::default(),
    }
}

fn log(namespace: &str, pod: &str, container: &str, file: &str) -> Place {
    let Some(stem) = file.strip_suffix(".log") else {
        return Place::default();
    };
    // `<container>_current.log`, `<container>_previous.log`; `errors.log` has lines of all containers.
    let of_container = ["_current", "_previous"].iter().find_map(|end| stem.strip_suffix(end));
    Place::container(
        namespace,
        pod,
        of_container.unwrap_or(container),
        stem.ends_with("previous"),
    )
}

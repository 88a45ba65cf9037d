//! Whose log a text in JSON is, told by the keys above it and the fields beside it: `{"web-0": "…"}`, `{"pod": "web-0", "logs": "…"}`,
//! `{"web-0": {"nginx": "…"}}`, `{"logs": {"cart": "…"}}`.

use super::super::banner::banner;
use super::super::pod_name::{is_name, is_pod};
use super::tree::Node;

/// Fields that name the pod of their neighbours, its namespace and its container.
const PODS: [&str; 4] = ["pod", "pod_name", "podName", "name"];
const NAMESPACES: [&str; 3] = ["namespace", "namespace_name", "ns"];
const CONTAINERS: [&str; 3] = ["container", "container_name", "containerName"];
/// Fields that hold a log, the pod being told elsewhere.
const LOGS: [&str; 12] = [
    "log",
    "logs",
    "output",
    "stdout",
    "content",
    "text",
    "tail",
    "current",
    "previous",
    "previous_logs",
    "logs_previous",
    "previousLogs",
];

/// What the keys on the way to a value said.
#[derive(Clone, Copy, Default)]
pub(super) struct Way<'n> {
    /// The nearest key that is a pod's name, or has one: `shop/web-0`.
    pod: &'n str,
    /// True below a key that speaks of logs.
    in_logs: bool,
}

impl<'n> Way<'n> {
    /// The way on through `key`.
    pub(super) fn through(self, key: &'n str) -> Self {
        Self {
            pod: if is_of_pod(key) { key } else { self.pod },
            in_logs: self.in_logs || key.to_ascii_lowercase().contains("log"),
        }
    }
}

/// The heading that stands above the log in the text of a terminal; empty where nothing tells whose it is. `key` is that of the text in
/// `parent`, `way` is the way to the parent.
pub(super) fn title(parent: &Node<'_>, key: &str, way: Way<'_>) -> String {
    let field = |names: &[&str]| {
        let mut values = names.iter().filter_map(|name| parent.get(name)?.text());
        values.find(|value| is_name(value)).unwrap_or_default()
    };
    let previous = if key.to_ascii_lowercase().contains("prev") {
        " (previous)"
    } else {
        ""
    };
    let is_log = LOGS.contains(&key);
    if is_log && !field(&PODS).is_empty() {
        let mut line = format!("==> logs of pod {}", field(&PODS));
        for (word, value) in [("namespace", field(&NAMESPACES)), ("container", field(&CONTAINERS))] {
            if !value.is_empty() {
                line = format!("{line} {word} {value}");
            }
        }
        return format!("{line}{previous} <==");
    }
    if is_of_pod(key) {
        return format!("==> logs of {key} <==");
    }
    if !way.pod.is_empty() && (is_log || is_name(key) && way.in_logs) {
        let container = if is_log {
            String::new()
        } else {
            format!(" container {key}")
        };
        return format!("==> logs of {}{container}{previous} <==", way.pod);
    }
    if way.in_logs && is_name(key) && !is_log {
        return format!("==> logs of {key} <==");
    }
    String::new()
}

/// True for a key that names a pod, with its namespace and container or without.
pub(super) fn is_of_pod(key: &str) -> bool {
    banner(&format!("=== {key} ===")).is_some_and(|found| is_pod(found.pod))
}

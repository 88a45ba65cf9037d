//! What a pod's object says of its logs.

use serde_json::Value;

/// Namespaces whose pods carry all others: Kubernetes' own, Rancher's, and those of usual network and storage add-ons.
const SYSTEM: &[&str] = &[
    "kube-system",
    "kube-public",
    "kube-flannel",
    "calico-system",
    "calico-apiserver",
    "tigera-operator",
    "ingress-nginx",
    "longhorn-system",
    "metallb-system",
    "cert-manager",
];

/// How much a pod's logs matter; the smaller comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// It fails, restarts, or is not ready.
    Unhealthy,
    /// It is healthy and belongs to the system.
    System,
    /// It is healthy.
    Other,
}

/// A container that may have logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ContainerLogs {
    pub(super) name: String,
    /// It has run at least once, so there is a current log.
    pub(super) current: bool,
    /// It ran before.
    pub(super) previous: bool,
}

/// A pod with the containers that may have logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PodLogs {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) node: String,
    pub(super) rank: Rank,
    pub(super) containers: Vec<ContainerLogs>,
}

/// Reads a pod; none when no container of it ever ran.
pub(super) fn read(pod: &Value) -> Option<PodLogs> {
    let text = |pointer: &str| {
        pod.pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let namespace = text("/metadata/namespace");
    let mut containers = Vec::new();
    let mut healthy = matches!(text("/status/phase").as_str(), "Running" | "Succeeded");
    let finished = text("/status/phase") == "Succeeded";
    for (key, must_be_ready) in [
        ("initContainerStatuses", false),
        ("containerStatuses", true),
        ("ephemeralContainerStatuses", false),
    ] {
        for status in pod
            .pointer("/status")
            .and_then(|status| status.get(key)?.as_array())
            .into_iter()
            .flatten()
        {
            let Some(name) = status.get("name").and_then(Value::as_str) else {
                continue;
            };
            let restarts = status.get("restartCount").and_then(Value::as_u64).unwrap_or(0);
            let state = |pointer: &str| status.pointer(pointer).is_some();
            let ended_before = state("/lastState/terminated");
            let failed = |pointer: &str| {
                status
                    .pointer(pointer)
                    .and_then(Value::as_i64)
                    .is_some_and(|code| code != 0)
            };
            let ready = status.get("ready").and_then(Value::as_bool).unwrap_or(false);
            healthy &= restarts == 0
                && !failed("/state/terminated/exitCode")
                && !(key != "ephemeralContainerStatuses" && state("/state/waiting"))
                && (ready || finished || !must_be_ready);
            containers.push(ContainerLogs {
                name: name.to_owned(),
                current: state("/state/running") || state("/state/terminated") || ended_before || restarts > 0,
                previous: ended_before || restarts > 0,
            });
        }
    }
    containers.retain(|container| container.current);
    if containers.is_empty() {
        return None;
    }
    let rank = match () {
        () if !healthy => Rank::Unhealthy,
        () if SYSTEM.contains(&namespace.as_str()) || namespace.starts_with("cattle-") => Rank::System,
        () => Rank::Other,
    };
    Some(PodLogs {
        name: text("/metadata/name"),
        node: text("/spec/nodeName"),
        namespace,
        rank,
        containers,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(namespace: &str, statuses: Value) -> Value {
        json!({"metadata": {"namespace": namespace, "name": "p"}, "spec": {"nodeName": "n"},
            "status": {"phase": "Running", "containerStatuses": statuses}})
    }

    #[test]
    fn pods_that_restart_or_are_not_ready_come_first_and_those_of_the_system_next() {
        let running = json!({"name": "c", "ready": true, "restartCount": 0, "state": {"running": {}}});
        let restarted = json!({"name": "c", "ready": true, "restartCount": 3, "state": {"running": {}}});
        let unready = json!({"name": "c", "ready": false, "restartCount": 0, "state": {"running": {}}});
        assert_eq!(read(&pod("shop", json!([running]))).unwrap().rank, Rank::Other);
        assert_eq!(
            read(&pod("cattle-system", json!([running]))).unwrap().rank,
            Rank::System
        );
        let sick = read(&pod("kube-system", json!([restarted]))).unwrap();
        assert_eq!(sick.rank, Rank::Unhealthy);
        assert!(sick.containers[0].previous);
        assert_eq!(read(&pod("shop", json!([unready]))).unwrap().rank, Rank::Unhealthy);
    }

    #[test]
    fn containers_that_never_ran_have_no_logs_and_ephemeral_ones_have() {
        let mut one = pod(
            "shop",
            json!([{"name": "c", "state": {"waiting": {"reason": "ImagePullBackOff"}}, "restartCount": 0}]),
        );
        assert_eq!(read(&one), None);
        one["status"]["ephemeralContainerStatuses"] = json!([{"name": "debug", "state": {"running": {}}}]);
        let logs = read(&one).unwrap();
        assert_eq!(logs.containers.len(), 1);
        assert_eq!(
            (logs.containers[0].name.as_str(), logs.containers[0].previous),
            ("debug", false)
        );
    }
}

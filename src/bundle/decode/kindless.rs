//! The kind of objects that do not say it: typed lists of clients, and arrays of their items.
//!
//! Sources: `kubectl cluster-info dump` before 1.8 and Troubleshoot before 0.28 (`pkg/collect/cluster_resources.go`) wrote what Go's
//! clients return, where only the list, or nothing at all, has a kind. The link of a list (`metadata.selfLink`, until Kubernetes 1.20)
//! or the path of the file names the resource then. Where neither does, the fields that only one kind has tell it: lists that a script
//! put together (`kubectl get secrets -o json | jq .items`) have lost it.

use serde_json::{Map, Value};

use super::kubectl::known_kind;
use crate::model::EntryPath;

/// The kind that a link names: `/api/v1/namespaces/shop/pods` a list's, `/api/v1/namespaces/shop/pods/web-0` an object's.
pub(super) fn of_link(link: &str) -> Option<&'static str> {
    let mut parts = link.rsplit('/').take(2);
    let (last, before) = (parts.next()?, parts.next()?);
    // In `/api/v1/namespaces/pods` the last part is the name of a namespace.
    if before == "namespaces" {
        return known_kind(before);
    }
    known_kind(last).or_else(|| known_kind(before))
}

/// The kind that a path names by its file (`nodes.json`) or by the directory of its namespace's file (`network-policy/shop.json`).
pub(super) fn of_path(path: &EntryPath) -> Option<&'static str> {
    let mut parts = path.as_str().rsplit('/');
    let file = parts.next()?;
    let stem = file.split('.').next().unwrap_or(file);
    let kind = |word: &str| known_kind(&word.replace('-', ""));
    kind(stem).or_else(|| asked(stem)).or_else(|| kind(parts.next()?))
}

/// The kind for which a command asks that a file is named after: `kubectl_get_pvc_-A`, `kubectl-get-ingresses`.
fn asked(stem: &str) -> Option<&'static str> {
    let mut words = stem.split(['-', '_', ' ']).skip_while(|word| *word != "get");
    words.next()?;
    known_kind(words.find(|word| !word.is_empty())?)
}

/// The kind of an object by fields that no other kind has (Kubernetes API reference).
pub(super) fn of_shape(object: &Map<String, Value>) -> Option<&'static str> {
    let has = |path: &str| {
        let mut parts = path.split('.');
        let first = parts.next().and_then(|part| object.get(part));
        parts.fold(first, |value, part| value?.get(part)).is_some()
    };
    let is_map = |key: &str| object.get(key).is_some_and(Value::is_object);
    if is_map("data") || is_map("stringData") || is_map("binaryData") {
        let is_typed = object.get("type").is_some_and(Value::is_string) || is_map("stringData");
        return match is_typed {
            true => Some("Secret"),
            false => (!has("spec") && !has("status")).then_some("ConfigMap"),
        };
    }
    [
        ("spec.containers", "Pod"),
        ("status.nodeInfo", "Node"),
        ("involvedObject", "Event"),
        ("subsets", "Endpoints"),
        ("provisioner", "StorageClass"),
        ("spec.clusterIP", "Service"),
        ("spec.serviceName", "StatefulSet"),
        ("spec.jobTemplate", "CronJob"),
        ("spec.strategy", "Deployment"),
        ("status.desiredNumberScheduled", "DaemonSet"),
        ("status.fullyLabeledReplicas", "ReplicaSet"),
        ("spec.persistentVolumeReclaimPolicy", "PersistentVolume"),
        ("spec.volumeMode", "PersistentVolumeClaim"),
    ]
    .into_iter()
    .find(|(path, _)| has(path))
    .map(|(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_tell_a_kind() {
        for (object, kind) in [
            (r#"{"type": "Opaque", "data": {"password": "x"}}"#, Some("Secret")),
            (r#"{"type": "kubernetes.io/tls", "data": {}}"#, Some("Secret")),
            (r#"{"data": {"app.conf": "x"}}"#, Some("ConfigMap")),
            (r#"{"spec": {"containers": []}}"#, Some("Pod")),
            (r#"{"spec": {"strategy": {}, "replicas": 1}}"#, Some("Deployment")),
            (r#"{"spec": {"selector": {}}}"#, None),
            (r#"{"data": ["x"]}"#, None),
        ] {
            let object = serde_json::from_str(object).unwrap();
            assert_eq!(of_shape(&object), kind, "{object:?}");
        }
    }

    #[test]
    fn links_and_paths_name_kinds() {
        for (link, kind) in [
            ("/api/v1/nodes", Some("Node")),
            ("/apis/apps/v1/namespaces/shop/deployments", Some("Deployment")),
            ("/api/v1/namespaces/shop/pods/web-0", Some("Pod")),
            ("/api/v1/namespaces/pods", Some("Namespace")),
            ("/apis/x/v1/widgets", None),
        ] {
            assert_eq!(of_link(link), kind, "{link}");
        }
        for (path, kind) in [
            ("b/cluster-resources/nodes.json", Some("Node")),
            ("b/cluster-resources/pods/shop.json", Some("Pod")),
            ("b/cluster-resources/resource-quota/shop.json", Some("ResourceQuota")),
            (
                "b/cluster-resources/custom-resource-definitions.json",
                Some("CustomResourceDefinition"),
            ),
            (
                "b/cluster-resources/clusterRoleBindings.json",
                Some("ClusterRoleBinding"),
            ),
            (
                "dump/kube-system/replication-controllers.json",
                Some("ReplicationController"),
            ),
            ("b/cluster-resources/groups.json", None),
        ] {
            assert_eq!(of_path(&EntryPath::new(path)), kind, "{path}");
        }
    }
}

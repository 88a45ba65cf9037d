//! The kind of a description, from its keys.
//!
//! Source: the describers of `k8s.io/kubectl/pkg/describe/describe.go` (1.10 to 1.36).

use super::super::hint::Hint;
use super::outline::Outline;

/// A kind, the keys at the left that it has, and one that it must not have. The first rule that holds decides.
const RULES: &[(&str, &[&str], &str)] = &[
    ("Pod", &["Containers", "Namespace"], "Pod Template"),
    ("Pod", &["QoS Class"], ""),
    ("Pod", &["Namespace", "Node", "Status"], ""),
    ("Pod", &["Namespace", "Node", "Priority"], ""),
    ("Node", &["Roles", "Labels"], "Namespace"),
    ("Node", &["System Info"], ""),
    ("Node", &["Unschedulable", "Taints"], ""),
    ("Deployment", &["StrategyType"], ""),
    ("Deployment", &["NewReplicaSet"], ""),
    ("DaemonSet", &["Desired Number of Nodes Scheduled"], ""),
    ("CronJob", &["Schedule", "Concurrency Policy"], ""),
    ("Job", &["Parallelism", "Completions"], ""),
    ("StatefulSet", &["Volume Claims"], ""),
    ("StatefulSet", &["Update Strategy", "Replicas"], ""),
    ("ReplicaSet", &["Selector", "Replicas", "Pods Status"], ""),
    ("HorizontalPodAutoscaler", &["Reference", "Max replicas"], ""),
    ("PodDisruptionBudget", &["Selector", "Min available"], ""),
    ("PodDisruptionBudget", &["Selector", "Max unavailable"], ""),
    ("Service", &["Selector", "Type", "Session Affinity"], ""),
    ("Service", &["Selector", "Type", "IP"], ""),
    ("Service", &["Selector", "IP Family Policy"], ""),
    ("Endpoints", &["Subsets"], ""),
    ("EndpointSlice", &["AddressType"], ""),
    ("Ingress", &["Rules", "Address"], ""),
    ("Ingress", &["Default backend"], ""),
    ("NetworkPolicy", &["Spec", "Created on"], ""),
    ("PersistentVolume", &["Reclaim Policy", "Claim"], "Namespace"),
    ("PersistentVolumeClaim", &["Namespace", "Volume", "StorageClass"], ""),
    ("PersistentVolumeClaim", &["Namespace", "Access Modes", "Capacity"], ""),
    ("StorageClass", &["Provisioner", "IsDefaultClass"], ""),
    ("StorageClass", &["Provisioner", "Parameters"], ""),
    ("PriorityClass", &["Value", "GlobalDefault"], ""),
    ("ServiceAccount", &["Mountable secrets"], ""),
    ("ServiceAccount", &["Image pull secrets"], ""),
    ("Secret", &["Namespace", "Type"], "Selector"),
    ("IngressClass", &["Controller"], "Namespace"),
    ("CertificateSigningRequest", &["Requesting User", "Status"], ""),
    ("RoleBinding", &["Role", "Subjects", "Namespace"], ""),
    ("ClusterRoleBinding", &["Role", "Subjects"], "Namespace"),
];

/// The kind of a description. The generic describer names it itself; else the keys tell, the headings of tables at the left, and last
/// the prompt or the file.
pub(crate) fn kind(outline: &Outline<'_>, hint: &Hint) -> Option<String> {
    if let (Some(kind), Some(_)) = (
        outline.root("Kind"),
        outline.root("API Version").or_else(|| outline.root("Api Version")),
    ) {
        return Some(kind.value.to_owned()).filter(|kind| !kind.is_empty());
    }
    let has = |key: &&str| outline.root(key).is_some();
    if let Some((kind, ..)) = RULES
        .iter()
        .find(|(_, keys, lacks)| keys.iter().all(&has) && !has(lacks))
    {
        return Some((*kind).to_owned());
    }
    let heading = |words: &[&str]| {
        outline
            .lines()
            .any(|item| item.text.split_whitespace().take(words.len()).eq(words.iter().copied()))
    };
    let namespaced = has(&"Namespace");
    let told = if namespaced && heading(&["Resource", "Used", "Hard"]) {
        "ResourceQuota"
    } else if namespaced && heading(&["Type", "Resource", "Min", "Max"]) {
        "LimitRange"
    } else if namespaced && heading(&["Data"]) && heading(&["===="]) {
        "ConfigMap"
    } else if !namespaced
        && outline
            .root("Status")
            .is_some_and(|status| matches!(status.value, "Active" | "Terminating"))
    {
        "Namespace"
    } else {
        return Some(hint.kind.clone()).filter(|kind| !kind.is_empty());
    };
    Some(told.to_owned())
}

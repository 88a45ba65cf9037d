//! Where Troubleshoot's bundles keep a kind.

use super::discovery::Kind;

/// Plurals for which Troubleshoot has a name of its own (`pkg/constants/constants.go`); others are called by their plural.
const NAMES: &[(&str, &str)] = &[
    ("persistentvolumes", "pvs"),
    ("persistentvolumeclaims", "pvcs"),
    ("storageclasses", "storage-classes"),
    ("ingressclasses", "ingress-classes"),
    ("validatingwebhookconfigurations", "validating-webhook-configurations"),
    ("mutatingwebhookconfigurations", "mutating-webhook-configurations"),
    ("customresourcedefinitions", "custom-resource-definitions"),
    ("ingresses", "ingress"),
    ("networkpolicies", "network-policy"),
    ("resourcequotas", "resource-quota"),
    ("poddisruptionbudgets", "pod-disruption-budgets"),
];

/// API groups that kube-apiserver serves itself (kubernetes.io/docs/reference/using-api); every other group is a custom one.
const BUILT_IN: &[&str] = &[
    "",
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "apps",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "events.k8s.io",
    "extensions",
    "flowcontrol.apiserver.k8s.io",
    "internal.apiserver.k8s.io",
    "networking.k8s.io",
    "node.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "resource.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
    "storagemigration.k8s.io",
];

/// True for a group of kube-apiserver itself.
pub(super) fn is_built_in(group: &str) -> bool {
    BUILT_IN.contains(&group)
}

/// The file for the objects of a kind in a namespace, or without one. `part` counts further files of the same namespace; no
/// namespace has a dot in its name.
pub(super) fn file(kind: &Kind, namespace: &str, part: usize) -> String {
    let folder = if is_built_in(&kind.group) {
        let name = NAMES.iter().find(|(plural, _)| *plural == kind.plural);
        format!(
            "cluster-resources/{}",
            name.map_or(kind.plural.as_str(), |(_, name)| name)
        )
    } else {
        format!("cluster-resources/custom-resources/{}.{}", kind.plural, kind.group)
    };
    let more = if part == 0 {
        String::new()
    } else {
        format!(".part{part}")
    };
    if namespace.is_empty() {
        format!("{folder}{more}.json")
    } else {
        format!("{folder}/{namespace}{more}.json")
    }
}

/// The file for the log of a container.
pub(super) fn log(namespace: &str, pod: &str, container: &str, previous: bool) -> String {
    let suffix = if previous { "-previous" } else { "" };
    format!("cluster-resources/pods/logs/{namespace}/{pod}/{container}{suffix}.log")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(group: &str, plural: &str) -> Kind {
        Kind {
            group: group.into(),
            version: "v1".into(),
            plural: plural.into(),
            kind: "K".into(),
            namespaced: true,
        }
    }

    #[test]
    fn files_are_called_as_troubleshoot_calls_them() {
        for (group, plural, namespace, expected) in [
            ("", "pods", "shop", "cluster-resources/pods/shop.json"),
            ("", "persistentvolumes", "", "cluster-resources/pvs.json"),
            (
                "networking.k8s.io",
                "ingresses",
                "shop",
                "cluster-resources/ingress/shop.json",
            ),
            (
                "example.com",
                "ingresses",
                "shop",
                "cluster-resources/custom-resources/ingresses.example.com/shop.json",
            ),
            (
                "example.com",
                "farms",
                "",
                "cluster-resources/custom-resources/farms.example.com.json",
            ),
        ] {
            assert_eq!(file(&kind(group, plural), namespace, 0), expected);
        }
    }
}

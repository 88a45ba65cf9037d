//! What a path and a name tell of a namespace when no row does: `shop/pods.txt`, `events-shop.log`, a listing with `kube-proxy-7x2lp`.

use std::collections::BTreeSet;

use crate::model::EntryPath;

/// Words that people put beside a namespace in a file's name.
const WORDS: [&str; 34] = [
    "ns",
    "namespace",
    "pod",
    "pods",
    "po",
    "event",
    "events",
    "ev",
    "service",
    "services",
    "svc",
    "deploy",
    "deployment",
    "deployments",
    "all",
    "get",
    "describe",
    "desc",
    "describes",
    "kubectl",
    "wide",
    "log",
    "logs",
    "output",
    "dump",
    "state",
    "status",
    "top",
    "endpoints",
    "configmaps",
    "statefulsets",
    "daemonsets",
    "replicasets",
    "jobs",
];

/// Namespaces that the projects' own installation manifests create, and what always runs in them.
/// Sources: kubeadm `cmd/kubeadm/app/constants` (kube-system), rancher `pkg/systemtemplate` (cattle-system), ingress-nginx
/// `deploy/static`, cert-manager and metallb release manifests, istio and longhorn charts.
const HOMES: [(&str, &[&str]); 6] = [
    (
        "kube-system",
        &[
            "kube-apiserver-",
            "kube-controller-manager-",
            "kube-scheduler-",
            "kube-proxy-",
            "coredns-",
            "kube-dns-",
            "etcd-",
        ],
    ),
    ("cattle-system", &["cattle-cluster-agent", "cattle-node-agent"]),
    ("ingress-nginx", &["ingress-nginx-controller"]),
    ("cert-manager", &["cert-manager-"]),
    ("istio-system", &["istiod", "istio-ingressgateway"]),
    ("longhorn-system", &["longhorn-manager", "longhorn-driver-deployer"]),
];

/// True for a namespace that holds what belongs to the cluster rather than to its users.
pub(super) fn is_of_the_system(namespace: &str) -> bool {
    namespace.starts_with("kube-")
        || namespace.starts_with("cattle-")
        || namespace.starts_with("calico-")
        || namespace.starts_with("openshift-")
        || namespace.ends_with("-system")
        || matches!(
            namespace,
            "ingress-nginx" | "cert-manager" | "tigera-operator" | "local-path-storage" | "fleet-default"
        )
}

/// The namespace in which a pod or workload of this name always runs.
pub(super) fn home_of(name: &str) -> Option<&'static str> {
    let is_one = |prefixes: &[&str]| {
        prefixes
            .iter()
            .any(|prefix| name.starts_with(prefix) || name == prefix.trim_end_matches('-'))
    };
    HOMES
        .iter()
        .find(|(_, prefixes)| is_one(prefixes))
        .map(|(namespace, _)| *namespace)
}

/// The known namespace that a path names, the innermost part first; the well-known ones need not be known.
pub(super) fn in_path<'n>(known: &'n BTreeSet<String>, path: &EntryPath) -> Option<&'n str> {
    let parts: Vec<&str> = path.components().collect();
    parts.into_iter().rev().find_map(|part| {
        let stem = part.rsplit_once('.').map_or(part, |(stem, _)| stem);
        let named = |text: &str| known.get(text).map(String::as_str);
        named(part).or_else(|| named(stem)).or_else(|| named(bare(stem)))
    })
}

/// A file's stem without the words and numbers around it: `02-get-pods_shop` → `shop`.
fn bare(stem: &str) -> &str {
    let mut rest = stem;
    let is_word =
        |word: &str| WORDS.contains(&word.to_ascii_lowercase().as_str()) || word.bytes().all(|b| b.is_ascii_digit());
    while let Some((word, after)) = rest.split_once(['-', '_', '.'])
        && is_word(word)
    {
        rest = after;
    }
    while let Some((before, word)) = rest.rsplit_once(['-', '_', '.'])
        && is_word(word)
    {
        rest = before;
    }
    rest
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_path_names_a_namespace_that_is_known() {
        let known: BTreeSet<String> = ["shop", "kube-system", "hotel-res"].map(ToOwned::to_owned).into();
        for (path, expected) in [
            ("shop/pods.txt", Some("shop")),
            ("02-get-pods_shop.txt", Some("shop")),
            ("dump/hotel-res-events.log", Some("hotel-res")),
            ("kube-system.txt", Some("kube-system")),
            ("workshop/pods.txt", None),
            ("pods.txt", None),
        ] {
            assert_eq!(in_path(&known, &EntryPath::new(path)), expected, "{path}");
        }
    }

    #[test]
    fn some_things_are_at_home_in_one_namespace() {
        assert_eq!(home_of("kube-proxy-7x2lp"), Some("kube-system"));
        assert_eq!(home_of("cattle-cluster-agent-5d9b66ccf4-2dzqv"), Some("cattle-system"));
        assert_eq!(home_of("proxy-7x2lp"), None);
    }
}

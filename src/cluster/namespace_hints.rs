//! What a path, a name and what programs say tell of a namespace when no row does: `shop/pods.txt`, `events-shop.log`, a listing with
//! `kube-proxy-7x2lp`, a client that dials `orders-db.shop.svc`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::Regex;

use super::owners::workload_of_pod_name;
use super::{Object, ObjectKey};
use crate::bundle::decode::{Form, is_namespaced, known_kind};
use crate::logs::LogFile;
use crate::model::EntryPath;

/// `<service>.<namespace>.svc`, with or without the cluster's domain (kubernetes/dns `docs/specification.md`).
static SERVICE_NAME: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\b([a-z0-9-]+)\.([a-z0-9-]+)\.svc\b").ok());

/// Words that people put beside a namespace in a file's name, besides those for kinds.
const WORDS: [&str; 17] = [
    "event",
    "ev",
    "all",
    "get",
    "describe",
    "desc",
    "describes",
    "kubectl",
    "wide",
    "labels",
    "log",
    "logs",
    "output",
    "dump",
    "state",
    "status",
    "top",
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

/// How the pods of the cluster's own programs are called of which the namespace is the installer's choice, so that a name alone does
/// not tell it: network plugins (Cilium's chart, `install/kubernetes/cilium`; Calico's manifest and its operator), drivers of storage
/// (kubernetes-csi) and add-ons of distributions.
const ANYWHERE: [&str; 17] = [
    "cilium-",
    "hubble-",
    "clustermesh-",
    "calico-",
    "canal-",
    "kube-",
    "csi-",
    "ebs-csi-",
    "efs-csi-",
    "aws-node-",
    "konnectivity-",
    "kindnet-",
    "weave-net-",
    "node-local-dns-",
    "metrics-server-",
    "snapshot-controller-",
    "svclb-",
];

/// True for the pod of a program of the cluster of which the name does not tell the namespace: it is never taken for one of users.
pub(super) fn may_be_anywhere(pod: &str) -> bool {
    ANYWHERE.iter().any(|start| pod.starts_with(start))
}

/// The namespaces of the Services that programs name in the lines that are kept of their logs, by the Service's name.
pub(super) fn services_named_in(logs: &[LogFile]) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let Some(regex) = SERVICE_NAME.as_ref() else {
        return found;
    };
    let hits = logs.iter().flat_map(|log| &log.hits).map(|hit| hit.text.as_str());
    let tails = logs.iter().flat_map(|log| &log.tail).map(|line| line.text.as_str());
    for line in hits.chain(tails).filter(|line| line.contains(".svc")) {
        for told in regex.captures_iter(line) {
            let (_, [service, namespace]) = told.extract();
            found
                .entry(service.to_owned())
                .or_default()
                .insert(namespace.to_owned());
        }
    }
    found
}

/// What the Service of an object is commonly called: the object's own name, for a pod that of its Deployment or set.
pub(super) fn likely_service<'n>(kind: &str, name: &'n str) -> &'n str {
    if kind != "Pod" {
        return name;
    }
    workload_of_pod_name(name).unwrap_or_else(|| name.rsplit_once('-').map_or(name, |(set, _)| set))
}

/// The one folder that holds every listing of namespaced objects, where its name can be that of a namespace: `shop/pods.txt`,
/// `shop/services.txt`. For bundles that name no namespace anywhere.
pub(super) fn folder_of_listings(objects: &BTreeMap<ObjectKey, Object>) -> Option<String> {
    let rows = objects
        .values()
        .filter(|object| object.form == Form::Row && is_namespaced(&object.key.kind) == Some(true));
    let folders: BTreeSet<&str> = rows
        .map(|object| {
            let mut parts = object.cite.file.components().rev();
            parts.next();
            parts.next().unwrap_or("")
        })
        .collect();
    let only = folders.first().filter(|_| folders.len() == 1)?;
    let is_label = !only.is_empty()
        && only.len() <= 63
        && only
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    let is_of_the_bundle = |word: &str| {
        WORDS.contains(&word) || OF_BUNDLES.contains(&word) || word.bytes().all(|byte| byte.is_ascii_digit())
    };
    (is_label && !only.split('-').any(is_of_the_bundle)).then(|| (*only).to_owned())
}

/// Words in the names of folders that are called after what was collected, not after a namespace.
const OF_BUNDLES: [&str; 30] = [
    "bundle",
    "support",
    "incident",
    "case",
    "ticket",
    "cluster",
    "k8s",
    "kubernetes",
    "resources",
    "objects",
    "lists",
    "listing",
    "data",
    "files",
    "tables",
    "tmp",
    "report",
    "capture",
    "collected",
    "evidence",
    "snapshot",
    "before",
    "after",
    "good",
    "bad",
    "today",
    "namespaces",
    "nodes",
    "raw",
    "text",
];

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
    let is_word = |word: &str| {
        let word = word.to_ascii_lowercase();
        WORDS.contains(&word.as_str()) || known_kind(&word).is_some() || word.bytes().all(|b| b.is_ascii_digit())
    };
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

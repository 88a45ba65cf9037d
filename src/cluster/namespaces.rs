//! The namespace of what a listing shows without one: `kubectl get pods` without `-A` has no column for it.
//!
//! All rows of such a listing are of one namespace, so one object of a file that is known from elsewhere tells it for the whole file.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::Regex;

use super::{Object, Snapshot};
use crate::model::EntryPath;

/// Kinds that have a namespace and that `kubectl get` lists.
const NAMESPACED: [&str; 20] = [
    "Pod",
    "Deployment",
    "ReplicaSet",
    "StatefulSet",
    "DaemonSet",
    "Job",
    "CronJob",
    "ReplicationController",
    "Service",
    "Endpoints",
    "EndpointSlice",
    "Ingress",
    "ConfigMap",
    "Secret",
    "ServiceAccount",
    "PersistentVolumeClaim",
    "ResourceQuota",
    "LimitRange",
    "HorizontalPodAutoscaler",
    "PodDisruptionBudget",
];

/// Namespaces of the cluster's own components; they say nothing about where an application lives.
const SYSTEM: [&str; 4] = ["kube-system", "kube-public", "kube-node-lease", "local-path-storage"];

/// `Successfully assigned shop/web-0 to node-1` (`pkg/scheduler/schedule_one.go`).
static ASSIGNED: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"Successfully assigned ([a-z0-9-]+)/([a-z0-9.-]+) to ").ok());
/// `… container app in pod web-0_shop(1b2c…)` (`pkg/kubelet/util/format/pod.go`).
static FORMATTED: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\b([a-z0-9][a-z0-9.-]*)_([a-z0-9-]+)\([0-9a-f-]{8,36}\)").ok());

/// Files → the namespaces that one of their objects or events is known to have.
type Known = BTreeMap<EntryPath, BTreeSet<String>>;
/// Kind and name → the namespaces in which such an object is known.
type Names = BTreeMap<(String, String), BTreeSet<String>>;

/// Gives objects and events without a namespace the one that the rest of the bundle proves. What stays unproved stays empty.
pub(super) fn adopt(snapshot: &mut Snapshot) {
    let lacking = |object: &&Object| object.key.namespace.is_empty() && is_namespaced(&object.key.kind);
    let lacks = snapshot.objects.values().any(|object| lacking(&object))
        || snapshot
            .events
            .iter()
            .any(|event| event.about.namespace.is_empty() && is_namespaced(&event.about.kind));
    if !lacks {
        return;
    }
    let (pods, names) = witnesses(snapshot);
    let known = by_file(snapshot, &pods, &names);
    let only = only_namespace(snapshot, &known);
    let namespace_for = |file: &EntryPath| match known.get(file) {
        Some(found) if found.len() == 1 => found.first().cloned(),
        Some(_) => None,
        None => only.clone(),
    };
    for event in &mut snapshot.events {
        if event.about.namespace.is_empty() && is_namespaced(&event.about.kind) {
            let own = pods.get(&event.about.name).filter(|_| event.about.kind == "Pod");
            event.about.namespace = own
                .cloned()
                .or_else(|| namespace_for(&event.cite.file))
                .unwrap_or_default();
        }
    }
    let lacking: Vec<_> = snapshot
        .objects
        .values()
        .filter(lacking)
        .map(|object| object.key.clone())
        .collect();
    for key in lacking {
        let Some(object) = snapshot.objects.get(&key) else {
            continue;
        };
        let own = pods.get(&key.name).filter(|_| key.kind == "Pod");
        let Some(namespace) = own.cloned().or_else(|| namespace_for(&object.cite.file)) else {
            continue;
        };
        if let Some(mut object) = snapshot.objects.remove(&key) {
            if let Some(metadata) = object
                .value
                .get_mut("metadata")
                .and_then(|metadata| metadata.as_object_mut())
            {
                metadata.insert("namespace".into(), namespace.clone().into());
            }
            object.key.namespace = namespace;
            super::assemble::add_object(snapshot, object);
        }
    }
}

fn is_namespaced(kind: &str) -> bool {
    NAMESPACED.contains(&kind)
}

/// Pods → namespace from texts that name both, and (kind, name) → namespaces from objects and events that have one.
fn witnesses(snapshot: &Snapshot) -> (BTreeMap<String, String>, Names) {
    let mut pods = BTreeMap::new();
    for event in &snapshot.events {
        if let Some(found) = ASSIGNED.as_ref().and_then(|regex| regex.captures(&event.message)) {
            let (_, [namespace, pod]) = found.extract();
            pods.insert(pod.to_owned(), namespace.to_owned());
        }
        if let Some(found) = FORMATTED.as_ref().and_then(|regex| regex.captures(&event.message)) {
            let (_, [pod, namespace]) = found.extract();
            pods.insert(pod.to_owned(), namespace.to_owned());
        }
    }
    let mut names: Names = BTreeMap::new();
    let objects = snapshot
        .objects
        .keys()
        .map(|key| (&key.kind, &key.namespace, &key.name));
    let events = snapshot
        .events
        .iter()
        .map(|event| (&event.about.kind, &event.about.namespace, &event.about.name));
    for (kind, namespace, name) in objects.chain(events).filter(|(_, namespace, _)| !namespace.is_empty()) {
        names
            .entry((kind.clone(), name.clone()))
            .or_default()
            .insert(namespace.clone());
    }
    (pods, names)
}

fn by_file(snapshot: &Snapshot, pods: &BTreeMap<String, String>, names: &Names) -> Known {
    let mut known = Known::new();
    let objects = snapshot.objects.values().map(|object| {
        (
            &object.key.kind,
            &object.key.namespace,
            &object.key.name,
            &object.cite.file,
        )
    });
    let events = snapshot.events.iter().map(|event| {
        (
            &event.about.kind,
            &event.about.namespace,
            &event.about.name,
            &event.cite.file,
        )
    });
    for (kind, namespace, name, file) in objects.chain(events) {
        if !namespace.is_empty() || !is_namespaced(kind) {
            continue;
        }
        let by_text = pods.get(name).filter(|_| kind == "Pod").cloned();
        // A name that exists in two namespaces (`default`, `kube-root-ca.crt`) proves nothing.
        let by_name = || {
            names
                .get(&(kind.clone(), name.clone()))
                .filter(|found| found.len() == 1)
                .and_then(|found| found.first().cloned())
        };
        if let Some(namespace) = by_text.or_else(by_name) {
            known.entry(file.clone()).or_default().insert(namespace);
        }
    }
    known
}

/// The one namespace that the whole bundle is about, if there is just one beside the system's.
fn only_namespace(snapshot: &Snapshot, known: &Known) -> Option<String> {
    let proved = known.values().flatten();
    let objects = snapshot.objects.keys().map(|key| &key.namespace);
    let events = snapshot.events.iter().map(|event| &event.about.namespace);
    let all: BTreeSet<&String> = proved
        .chain(objects)
        .chain(events)
        .filter(|namespace| !namespace.is_empty() && !SYSTEM.contains(&namespace.as_str()))
        .collect();
    let mut all = all.into_iter();
    match (all.next(), all.next()) {
        (Some(only), None) => Some(only.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::cluster::{BundleInfo, Reader, Snapshot};
    use crate::model::EntryPath;
    use crate::rules::Rules;

    fn read(files: &[(&str, &str)]) -> Snapshot {
        let rules = Rules::load().unwrap();
        let mut reader = Reader::new(rules.signatures(), "b");
        for (path, content) in files {
            reader.file(&EntryPath::new(path), &mut content.as_bytes());
        }
        reader.finish(BundleInfo {
            alias: "b".into(),
            input: String::new(),
            layout: String::new(),
            sha256: String::new(),
            collected_at: None,
        })
    }

    const PODS: &str = "NAME                     READY   STATUS    RESTARTS   AGE\nweb-7c9d5f6b84-x4kqp   0/1     Pending   0          9m\nother-0                  1/1     Running   0          9m\n";

    #[test]
    fn one_pod_that_the_scheduler_names_tells_the_namespace_of_the_whole_listing() {
        let snapshot = read(&[
            ("pods.txt", PODS),
            (
                "events.txt",
                "LAST SEEN   TYPE     REASON      OBJECT                       MESSAGE\n9m          Normal   Scheduled   pod/web-7c9d5f6b84-x4kqp   Successfully assigned shop/web-7c9d5f6b84-x4kqp to n1\n",
            ),
        ]);
        assert!(snapshot.pod("shop", "other-0").is_some());
        assert_eq!(snapshot.events[0].about.namespace, "shop");
    }

    #[test]
    fn without_proof_it_stays_unknown() {
        let snapshot = read(&[("pods.txt", PODS)]);
        assert!(snapshot.pod("", "other-0").is_some());
    }
}

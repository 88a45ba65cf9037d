//! Objects of which a text does not tell the namespace (`kubectl get pods` without `-A`) go to the namespace where they are known.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::namespace_hints::{
    folder_of_listings, home_of, in_path, is_of_the_system, likely_service, services_named_in,
};
use super::{Object, ObjectKey};
use crate::bundle::decode::{Form, is_namespaced};
use crate::logs::LogFile;
use crate::model::EntryPath;

/// `Successfully assigned shop/web-0 to node-1` (kubernetes `pkg/scheduler/schedule_one.go`).
static ASSIGNED: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^Successfully assigned ([a-z0-9-]+)/([a-z0-9.-]+) to ").ok());
/// `… container app in pod web-0_shop(1b2c…)` (kubernetes `pkg/kubelet/util/format/pod.go`).
static FORMATTED: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\b([a-z0-9][a-z0-9.-]*)_([a-z0-9-]+)\([0-9a-f-]{8,36}\)").ok());

/// Which namespaces a bundle mentions, and for which object.
#[derive(Default)]
pub(super) struct Namespaces {
    of_object: BTreeMap<(String, String), BTreeSet<String>>,
    /// A listing without a column for the namespace is of one namespace, so one known row tells it for the file.
    of_file: BTreeMap<EntryPath, BTreeSet<String>>,
    all: BTreeSet<String>,
    /// These, and the Namespaces that a listing shows although nothing else of them was collected.
    named: BTreeSet<String>,
    /// Those that are being deleted: nothing new starts in one (kubernetes plugin/pkg/admission/namespace/lifecycle).
    ending: BTreeSet<String>,
    /// By what programs call their peers: the namespaces of Services of a name.
    heard: BTreeMap<String, BTreeSet<String>>,
}

impl Namespaces {
    /// From objects, from events, which name the object they are about, and from what commands at prompts named. Where all of these
    /// tell no namespace of a user, one in which a listing found nothing (`No resources found in shop namespace.`) does; that of
    /// `default` is only what one gets who names none.
    pub(super) fn new(
        objects: &BTreeMap<ObjectKey, Object>,
        events: &[Object],
        named: Vec<String>,
        looked_at: Vec<String>,
        logs: &[LogFile],
    ) -> Self {
        let ending = objects
            .iter()
            .filter(|(key, object)| key.kind == "Namespace" && object.text("/status/phase") == "Terminating");
        let mut found = Self {
            all: named.into_iter().collect(),
            ending: ending.map(|(key, _)| key.name.clone()).collect(),
            heard: services_named_in(logs),
            ..Self::default()
        };
        for (key, object) in objects {
            found.add(&key.kind, &key.name, &key.namespace);
            // An owner is in the namespace of what it owns.
            for owner in object.list("/metadata/ownerReferences") {
                let text = |field: &str| owner.get(field).and_then(Value::as_str).unwrap_or("");
                if is_namespaced(text("kind")) == Some(true) {
                    found.add(text("kind"), text("name"), &key.namespace);
                }
            }
        }
        for event in events {
            let about = about(event);
            let text = |field: &str| event.text(&format!("{about}/{field}"));
            found.add(text("kind"), text("name"), text("namespace"));
            let message = event.text("/message");
            if let Some(told) = ASSIGNED.as_ref().and_then(|regex| regex.captures(message)) {
                let (_, [namespace, pod]) = told.extract();
                found.add("Pod", pod, namespace);
            }
            if let Some(told) = FORMATTED.as_ref().and_then(|regex| regex.captures(message)) {
                let (_, [pod, namespace]) = told.extract();
                found.add("Pod", pod, namespace);
            }
        }
        if found.all.iter().all(|namespace| is_of_the_system(namespace)) {
            let is_a_users = |namespace: &String| !matches!(namespace.as_str(), "" | "default");
            found.all.extend(looked_at.into_iter().filter(is_a_users));
        }
        if found.all.iter().all(|namespace| is_of_the_system(namespace)) {
            let homeless = objects.keys().filter(|key| key.namespace.is_empty());
            let heard: Vec<String> = homeless
                .filter_map(|key| found.heard_of(&key.kind, &key.name).map(ToOwned::to_owned))
                .collect();
            found.all.extend(heard);
        }
        if found.all.is_empty() {
            found.all.extend(folder_of_listings(objects));
        }
        let listed = objects.keys().filter(|key| key.kind == "Namespace");
        found.named = listed.map(|key| key.name.clone()).chain(found.all.clone()).collect();
        for (key, object) in objects.iter().filter(|(key, _)| key.namespace.is_empty()) {
            found.note_file(&key.kind, &key.name, &object.cite.file);
            if key.kind == "Pod"
                && let Some(home) = home_of(&key.name)
            {
                let file = object.cite.file.clone();
                found.of_file.entry(file).or_default().insert(home.to_owned());
            }
        }
        for event in events {
            let text = |field: &str| event.text(&format!("{}/{field}", about(event)));
            if text("namespace").is_empty() {
                found.note_file(text("kind"), text("name"), &event.cite.file);
            }
        }
        found
    }

    fn add(&mut self, kind: &str, name: &str, namespace: &str) {
        if namespace.is_empty() {
            return;
        }
        self.all.insert(namespace.to_owned());
        self.of_object
            .entry((kind.to_owned(), name.to_owned()))
            .or_default()
            .insert(namespace.to_owned());
    }

    /// A file that shows an object without its namespace, where that is known from elsewhere.
    fn note_file(&mut self, kind: &str, name: &str, file: &EntryPath) {
        let known = self.of_object.get(&(kind.to_owned(), name.to_owned()));
        let told = match known {
            Some(places) => only(places),
            None => self.heard_of(kind, name),
        };
        if let Some(namespace) = told.map(ToOwned::to_owned) {
            self.of_file.entry(file.clone()).or_default().insert(namespace);
        }
    }

    /// The one namespace in which programs look for the Service that is called like this object.
    fn heard_of(&self, kind: &str, name: &str) -> Option<&str> {
        if is_namespaced(kind) != Some(true) {
            return None;
        }
        only(self.heard.get(likely_service(kind, name))?)
    }

    /// The namespace of an object of which only kind and name are told: where an object of that kind and name is known, if that is
    /// one place; else that of the file's other rows; else the one that the file's path names; else the only namespace of the
    /// bundle, or the only one that is not the cluster's own.
    fn find(&self, kind: &str, name: &str, file: &EntryPath) -> Option<&str> {
        match self.of_object.get(&(kind.to_owned(), name.to_owned())) {
            Some(places) => only(places),
            None if is_namespaced(kind) == Some(true) => match self.of_file.get(file) {
                Some(places) => only(places),
                None => in_path(&self.named, file).or_else(|| self.most_likely()),
            },
            None => None,
        }
    }

    fn most_likely(&self) -> Option<&str> {
        let mut users = self
            .all
            .iter()
            .filter(|namespace| !is_of_the_system(namespace) && !self.ending.contains(*namespace));
        match (users.next(), users.next()) {
            (Some(only), None) => Some(only),
            // Nobody's pods run where the nodes' leases and the cluster's public facts are kept.
            (None, _) => {
                let mut homes = self
                    .all
                    .iter()
                    .filter(|name| !matches!(name.as_str(), "kube-node-lease" | "kube-public"));
                homes.next().filter(|_| homes.next().is_none()).map(String::as_str)
            }
            (Some(_), Some(_)) => None,
        }
    }

    /// The one namespace in which an object of this kind and name was seen.
    pub(super) fn of_known(&self, kind: &str, name: &str) -> Option<&str> {
        only(self.of_object.get(&(kind.to_owned(), name.to_owned()))?)
    }

    /// The objects of text forms that have no namespace and should, taken out of `objects` and put where they belong.
    pub(super) fn place(&self, objects: &mut BTreeMap<ObjectKey, Object>) -> Vec<Object> {
        let homeless: Vec<ObjectKey> = objects
            .iter()
            .filter(|(key, object)| {
                key.namespace.is_empty() && object.form != Form::Api && is_namespaced(&key.kind) != Some(false)
            })
            .filter(|(key, object)| self.find(&key.kind, &key.name, &object.cite.file).is_some())
            .map(|(key, _)| key.clone())
            .collect();
        let mut placed = Vec::new();
        for key in homeless {
            let Some(mut object) = objects.remove(&key) else {
                continue;
            };
            if let Some(namespace) = self.find(&key.kind, &key.name, &object.cite.file) {
                object.key.namespace = namespace.to_owned();
                set(&mut object.value, "metadata", namespace);
                placed.push(object);
            }
        }
        placed
    }

    /// Completes the object that an event is about.
    pub(super) fn complete(&self, event: &mut Object) {
        let about = about(event);
        let text = |field: &str| event.text(&format!("{about}/{field}"));
        if event.form == Form::Api || !text("namespace").is_empty() || is_namespaced(text("kind")) == Some(false) {
            return;
        }
        if let Some(namespace) = self.find(text("kind"), text("name"), &event.cite.file) {
            set(&mut event.value, about.trim_start_matches('/'), namespace);
        }
    }
}

/// Where an event of either API names its object.
fn about(event: &Object) -> &'static str {
    if event.get("/regarding").is_some() {
        "/regarding"
    } else {
        "/involvedObject"
    }
}

fn only(places: &BTreeSet<String>) -> Option<&str> {
    match places.len() {
        1 => places.first().map(String::as_str),
        _ => None,
    }
}

fn set(value: &mut Value, map: &str, namespace: &str) {
    if let Some(map) = value.get_mut(map).and_then(Value::as_object_mut) {
        map.insert("namespace".into(), namespace.into());
    }
}

#[cfg(test)]
mod tests {
    use super::super::reading;

    const TABLE: (&str, &str) = (
        "get-pods.txt",
        "NAME    READY   STATUS             RESTARTS      AGE\nweb-0   0/1     CrashLoopBackOff   3 (58s ago)   75s\n",
    );

    fn pod(namespace: &str, name: &str) -> String {
        format!(
            r#"{{"kind":"Pod","apiVersion":"v1","metadata":{{"name":"{name}","namespace":"{namespace}","uid":"u"}},"status":{{}}}}"#
        )
    }

    #[test]
    fn a_row_without_namespace_is_the_object_of_that_name() {
        let snapshot = reading(&[
            TABLE,
            ("pod.json", &pod("shop", "web-0")),
            ("b.json", &pod("else", "b")),
        ]);
        let names: Vec<_> = snapshot
            .objects
            .keys()
            .map(|key| (&*key.namespace, &*key.name))
            .collect();
        assert_eq!(names, [("else", "b"), ("shop", "web-0")]);
    }

    #[test]
    fn the_only_namespace_of_a_bundle_is_that_of_all_its_rows() {
        let snapshot = reading(&[TABLE, ("pod.json", &pod("shop", "b"))]);
        assert!(snapshot.object("Pod", "shop", "web-0").is_some());
    }

    #[test]
    fn where_nothing_else_tells_the_namespace_of_an_empty_listing_does() {
        for (namespace, others, expected) in [
            ("shop", "else", "else"),
            ("shop", "kube-system", "shop"),
            ("default", "kube-system", "kube-system"),
        ] {
            let message = format!("No resources found in {namespace} namespace.\n");
            let snapshot = reading(&[TABLE, ("events.txt", &message), ("pod.json", &pod(others, "b"))]);
            assert!(
                snapshot.object("Pod", expected, "web-0").is_some(),
                "{namespace} {others}"
            );
        }
    }

    #[test]
    fn a_client_that_dials_a_service_tells_the_namespace_of_its_pods() {
        let pods = "NAME         READY   STATUS    RESTARTS   AGE\norders-0     1/1     Running   0          75s\nweb-84cf6d6b95-qk4rc   1/1     Running   0          9d\n";
        for (dialed, expected) in [("orders.shop.svc.cluster.local", "shop"), ("ledger.bank.svc", "")] {
            let line = format!("2026-01-01T00:00:00Z ERROR connect to {dialed}:5432 failed\n");
            let snapshot = reading(&[("pods.txt", pods), ("web-84cf6d6b95-qk4rc.log", &line)]);
            assert!(snapshot.object("Pod", expected, "orders-0").is_some(), "{dialed}");
            assert!(
                snapshot.object("Pod", expected, "web-84cf6d6b95-qk4rc").is_some(),
                "{dialed}"
            );
        }
    }

    #[test]
    fn nothing_new_starts_in_a_namespace_that_is_being_deleted() {
        let namespace = |name: &str, phase: &str| {
            format!(
                r#"{{"kind":"Namespace","apiVersion":"v1","metadata":{{"name":"{name}","uid":"u"}},"status":{{"phase":"{phase}"}}}}"#
            )
        };
        let snapshot = reading(&[
            TABLE,
            ("a.json", &namespace("old", "Terminating")),
            ("a-pod.json", &pod("old", "x")),
            ("b-pod.json", &pod("shop", "b")),
        ]);
        assert!(snapshot.object("Pod", "shop", "web-0").is_some());
    }

    #[test]
    fn two_objects_of_the_name_leave_the_row_alone() {
        let snapshot = reading(&[
            TABLE,
            ("a.json", &pod("shop", "web-0")),
            ("b.json", &pod("else", "web-0")),
        ]);
        assert!(snapshot.object("Pod", "", "web-0").is_some());
        assert_eq!(snapshot.objects.len(), 3);
    }

    #[test]
    fn what_was_applied_does_not_hide_what_is() {
        let live = r#"{"kind":"Deployment","apiVersion":"apps/v1","metadata":{"name":"web","namespace":"shop","uid":"u","resourceVersion":"9"},
            "spec":{"replicas":3},"status":{"replicas":3}}"#;
        let manifest = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  replicas: 1\n";
        let alone = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: new\nspec:\n  replicas: 2\n";
        let snapshot = reading(&[
            ("deploy.yaml", manifest),
            ("deployments.json", live),
            ("new.yaml", alone),
        ]);
        assert_eq!(
            snapshot
                .object("Deployment", "shop", "web")
                .unwrap()
                .int("/spec/replicas"),
            Some(3)
        );
        assert_eq!(snapshot.applied[0].int("/spec/replicas"), Some(1));
        assert_eq!(snapshot.kind("Deployment").count(), 2);
    }

    #[test]
    fn one_pod_that_the_scheduler_names_tells_the_namespace_of_its_listing() {
        let listing = "NAME    READY   STATUS    RESTARTS   AGE\nweb-0   0/1     Pending   0          75s\nold-0   1/1     Running   0          75s\n";
        let events = "LAST SEEN   TYPE     REASON      OBJECT      MESSAGE\n9m          Normal   Scheduled   pod/web-0   Successfully assigned shop/web-0 to n1\n";
        let snapshot = reading(&[
            ("pods.txt", listing),
            ("events.txt", events),
            ("b.json", &pod("else", "b")),
        ]);
        assert!(snapshot.object("Pod", "shop", "old-0").is_some());
    }

    #[test]
    fn a_node_has_none() {
        let node = "NAME     STATUS   ROLES    AGE   VERSION\nnode-1   Ready    <none>   66m   v1.36.2\n";
        let snapshot = reading(&[("nodes.txt", node), ("pod.json", &pod("shop", "b"))]);
        assert!(snapshot.object("Node", "", "node-1").is_some());
    }

    #[test]
    fn the_ages_of_a_row_are_times() {
        let snapshot = reading(&[
            TABLE,
            ("pod.json", &pod("shop", "b")),
            ("date.txt", "Sat Nov 21 10:26:17 UTC 2026\n"),
        ]);
        let pod = snapshot.pod("shop", "web-0").unwrap();
        let created = pod.object.time("/metadata/creationTimestamp").unwrap();
        assert_eq!(created.latest.to_string(), "2026-11-21T10:25:02Z");
        let ended = pod.containers()[0].ended().unwrap().finished.unwrap();
        assert_eq!(ended.latest.to_string(), "2026-11-21T10:25:19Z");
    }
}

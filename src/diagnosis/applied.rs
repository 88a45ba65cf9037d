//! What was applied against what is: fields of a manifest that are not so in the cluster.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::bundle::decode::Form;
use crate::cluster::{Object, Snapshot};
use crate::model::{Citation, Subject, escaped};
use crate::rules::{Finding, quantity};

/// A field of a manifest that differs in the live object.
#[derive(Debug, Clone)]
pub struct Drift {
    /// The object.
    pub subject: Subject,
    /// The field: `spec.template.spec.containers[web].image`.
    pub path: String,
    /// What was applied.
    pub applied: String,
    /// What is; empty when the field is not there.
    pub live: String,
    /// The manifest and the live object, at this field.
    pub evidence: [Citation; 2],
}

/// Every field that a manifest sets and the live object has otherwise, in the order of the manifests. Only what a manifest says is
/// compared: defaults, status and what the server writes are no difference. Where the live object is only known from a table or a
/// description, a field that is missing there says nothing.
pub fn drifts(snapshot: &Snapshot) -> Vec<Drift> {
    let mut found: Vec<Drift> = Vec::new();
    for manifest in &snapshot.applied {
        let Some(live) = snapshot.objects.get(&manifest.key) else {
            continue;
        };
        let mut comparison = Comparison {
            manifest,
            live,
            found: Vec::new(),
        };
        comparison.top();
        for drift in comparison.found {
            // The same manifest may be in a bundle twice.
            let is_known = |known: &Drift| {
                known.subject == drift.subject && known.path == drift.path && known.applied == drift.applied
            };
            if !found.iter().any(is_known) {
                found.push(drift);
            }
        }
    }
    found
}

/// Findings, by their index, that what was applied speaks for.
#[derive(Debug, Default)]
pub(super) struct Drifted {
    /// The very field that the finding names is not as it was applied.
    pub(super) itself: BTreeSet<usize>,
    /// Another field of the same object is not.
    pub(super) beside: BTreeSet<usize>,
}

/// Which findings are about an object that differs from its manifest. Who changed it in the cluster is the first suspect.
pub(super) fn drifted(findings: &[Finding], drifts: &[Drift]) -> Drifted {
    let mut found = Drifted::default();
    for (index, finding) in findings.iter().enumerate() {
        let mine: Vec<&Drift> = drifts.iter().filter(|drift| drift.subject == finding.subject).collect();
        let names =
            |drift: &&Drift| is_within_path(&finding.path, &drift.path) || is_within_path(&drift.path, &finding.path);
        if mine.iter().any(names) {
            found.itself.insert(index);
        } else if !mine.is_empty() {
            found.beside.insert(index);
        }
    }
    found
}

/// True when a field is another or lies below it: `spec.template.spec.containers[web].image` below `spec.template`.
fn is_within_path(inner: &str, outer: &str) -> bool {
    let rest = inner.strip_prefix(outer).filter(|_| !outer.is_empty());
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// Fields that tell an element of a list from the others, the first that all elements have. Source: the merge keys of `k8s.io/api`
/// (`patchMergeKey`).
const MERGE_KEYS: [&str; 7] = [
    "name",
    "mountPath",
    "containerPort",
    "port",
    "devicePath",
    "topologyKey",
    "ip",
];

/// Annotations that are no intent of whoever wrote the manifest.
const OF_TOOLS: [&str; 3] = ["kubectl.kubernetes.io/", "deployment.kubernetes.io/", "meta.helm.sh/"];

/// A field on both sides: its name for people, and its pointers.
#[derive(Clone)]
struct Place {
    path: String,
    applied: String,
    live: String,
}

impl Place {
    fn field(&self, name: &str) -> Self {
        let part = escaped(name);
        let dot = if self.path.is_empty() { "" } else { "." };
        Self {
            path: format!("{}{dot}{name}", self.path),
            applied: format!("{}/{part}", self.applied),
            live: format!("{}/{part}", self.live),
        }
    }

    fn element(&self, name: &str, applied: usize, live: usize) -> Self {
        Self {
            path: format!("{}[{name}]", self.path),
            applied: format!("{}/{applied}", self.applied),
            live: format!("{}/{live}", self.live),
        }
    }
}

struct Comparison<'s> {
    manifest: &'s Object,
    live: &'s Object,
    found: Vec<Drift>,
}

impl Comparison<'_> {
    fn top(&mut self) {
        let root = Place {
            path: String::new(),
            applied: String::new(),
            live: String::new(),
        };
        let (Some(manifest), Some(live)) = (self.manifest.value.as_object(), self.live.value.as_object()) else {
            return;
        };
        for (key, applied) in manifest {
            let place = root.field(key);
            match (key.as_str(), applied) {
                // `stringData` is written to `data`; the version is that of whoever asked.
                ("apiVersion" | "kind" | "status" | "stringData", _) => {}
                ("metadata", Value::Object(metadata)) => self.metadata(&place, metadata, live.get(key)),
                _ => self.value(&place, applied, live.get(key)),
            }
        }
    }

    fn metadata(&mut self, place: &Place, applied: &Map<String, Value>, live: Option<&Value>) {
        for key in ["labels", "annotations"] {
            let (Some(Value::Object(applied)), live) = (applied.get(key), live.and_then(|live| live.get(key))) else {
                continue;
            };
            for (name, value) in applied {
                if !OF_TOOLS.iter().any(|tool| name.starts_with(tool)) {
                    self.value(
                        &place.field(key).field(name),
                        value,
                        live.and_then(|live| live.get(name)),
                    );
                }
            }
        }
    }

    fn value(&mut self, place: &Place, applied: &Value, live: Option<&Value>) {
        match (applied, live) {
            // What is empty in a manifest is what the server takes as not said.
            (Value::Null, _) => {}
            (Value::Object(map), _) if map.is_empty() => {}
            (Value::Array(items), None) if items.is_empty() => {}
            (Value::String(text), None) if text.is_empty() => {}
            (_, None | Some(Value::Null)) => {
                if self.live.form == Form::Api {
                    self.differs(place, applied, None);
                }
            }
            (Value::Object(applied), Some(Value::Object(live))) => {
                for (key, value) in applied {
                    self.value(&place.field(key), value, live.get(key));
                }
            }
            (Value::Array(applied), Some(Value::Array(live))) => self.list(place, applied, live),
            (_, Some(live)) => {
                if !is_same(place, applied, live) {
                    self.differs(place, applied, Some(live));
                }
            }
        }
    }

    /// Elements with a name of their own are compared by it, and others of the live list were added by somebody else. All other lists
    /// are compared as a whole.
    fn list(&mut self, place: &Place, applied: &[Value], live: &[Value]) {
        let key = MERGE_KEYS
            .iter()
            .find(|key| !applied.is_empty() && applied.iter().all(|item| item.get(**key).is_some()));
        let Some(key) = key else {
            let is_same_list = applied.len() == live.len()
                && applied
                    .iter()
                    .zip(live)
                    .all(|(applied, live)| is_within(place, applied, live));
            if !is_same_list {
                self.differs(
                    place,
                    &Value::Array(applied.to_vec()),
                    Some(&Value::Array(live.to_vec())),
                );
            }
            return;
        };
        for (at, item) in applied.iter().enumerate() {
            let name = item.get(*key).map(text).unwrap_or_default();
            let counterpart = live
                .iter()
                .position(|other| other.get(*key).map(text).as_ref() == Some(&name));
            match counterpart.and_then(|other| Some((other, live.get(other)?))) {
                Some((other, found)) => self.value(&place.element(&name, at, other), item, Some(found)),
                None => self.differs(&place.element(&name, at, live.len()), item, None),
            }
        }
    }

    fn differs(&mut self, place: &Place, applied: &Value, live: Option<&Value>) {
        self.found.push(Drift {
            subject: self.live.subject(),
            path: place.path.clone(),
            applied: text(applied),
            live: live.map(text).unwrap_or_default(),
            evidence: [self.manifest.cite_at(&place.applied), self.live.cite_at(&place.live)],
        });
    }
}

/// True when all that `applied` says is so in `live`.
fn is_within(place: &Place, applied: &Value, live: &Value) -> bool {
    match (applied, live) {
        (Value::Object(applied), Value::Object(live)) => applied
            .iter()
            .all(|(key, value)| live.get(key).is_some_and(|live| is_within(place, value, live))),
        (Value::Array(applied), Value::Array(live)) => {
            applied.len() == live.len()
                && applied
                    .iter()
                    .zip(live)
                    .all(|(applied, live)| is_within(place, applied, live))
        }
        _ => is_same(place, applied, live),
    }
}

/// True for one value in two spellings: a number as a text, and quantities (`1000m` is `1`).
fn is_same(place: &Place, applied: &Value, live: &Value) -> bool {
    let (applied, live) = (text(applied), text(live));
    let is_quantity = ["requests", "limits", "hard", "capacity", "sizeLimit", "cpu", "memory"]
        .iter()
        .any(|field| place.path.split('.').any(|part| part == *field));
    applied == live || is_quantity && quantity(&applied).is_some_and(|applied| Some(applied) == quantity(&live))
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::reading;

    fn differences(files: &[(&str, &str)]) -> Vec<(String, String, String)> {
        let snapshot = reading(files);
        let drifts = drifts(&snapshot).into_iter();
        drifts.map(|drift| (drift.path, drift.applied, drift.live)).collect()
    }

    const APPLIED: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  namespace: shop\n  labels: {app: web}\nspec:\n  replicas: 3\n  strategy: {}\n  template:\n    spec:\n      containers:\n      - name: web\n        image: shop/web:2\n        args: [--port, \"80\"]\n        env:\n        - {name: DB, value: db}\n        resources: {limits: {cpu: 1000m, memory: 1Gi}}\n";

    fn live(spec: &str) -> String {
        format!(
            r#"{{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {{"name": "web", "namespace": "shop", "uid": "u", "labels": {{"app": "web", "team": "x"}}}}, "spec": {spec}, "status": {{"replicas": 1}}}}"#
        )
    }

    #[test]
    fn what_the_manifest_says_and_the_cluster_has_otherwise() {
        let changed = live(
            r#"{"replicas": 1, "revisionHistoryLimit": 10, "template": {"spec": {"containers": [
                {"name": "sidecar", "image": "mesh"},
                {"name": "web", "image": "shop/web:1", "imagePullPolicy": "Always", "args": ["--port", "8080"], "env": [],
                 "resources": {"limits": {"cpu": "1", "memory": "1073741824"}}}]}}}"#,
        );
        let found = differences(&[("applied.yaml", APPLIED), ("live.json", &changed)]);
        let wanted = [
            ("spec.replicas", "3", "1"),
            ("spec.template.spec.containers[web].image", "shop/web:2", "shop/web:1"),
            (
                "spec.template.spec.containers[web].args",
                r#"["--port","80"]"#,
                r#"["--port","8080"]"#,
            ),
            (
                "spec.template.spec.containers[web].env[DB]",
                r#"{"name":"DB","value":"db"}"#,
                "",
            ),
        ];
        assert_eq!(
            found,
            wanted.map(|(path, applied, live)| (path.into(), applied.into(), live.into()))
        );
    }

    #[test]
    fn defaults_and_other_spellings_are_no_difference() {
        let same = live(
            r#"{"replicas": 3, "strategy": {"type": "RollingUpdate"}, "template": {"spec": {"dnsPolicy": "ClusterFirst", "containers": [
                {"name": "web", "image": "shop/web:2", "args": ["--port", "80"], "env": [{"name": "DB", "value": "db"}, {"name": "X", "value": "y"}],
                 "resources": {"limits": {"cpu": "1", "memory": "1Gi"}}}]}}}"#,
        );
        assert!(differences(&[("applied.yaml", APPLIED), ("live.json", &same)]).is_empty());
    }

    #[test]
    fn a_field_lies_below_itself_and_what_holds_it() {
        assert!(is_within_path("spec.replicas", "spec.replicas"));
        assert!(is_within_path(
            "spec.template.spec.containers[web].image",
            "spec.template"
        ));
        assert!(!is_within_path("spec.templates", "spec.template"));
        assert!(!is_within_path("spec.replicas", ""));
    }

    #[test]
    fn a_table_shows_what_it_shows() {
        let table = "NAMESPACE   NAME   READY   UP-TO-DATE   AVAILABLE   AGE\nshop        web    1/5     5            1           66m\n";
        let found = differences(&[("applied.yaml", APPLIED), ("deployments.txt", table)]);
        assert_eq!(found, [("spec.replicas".to_owned(), "3".to_owned(), "5".to_owned())]);
    }

    #[test]
    fn without_a_live_object_there_is_nothing_to_compare() {
        assert!(differences(&[("applied.yaml", APPLIED)]).is_empty());
    }
}

//! An object as fields with values that can be compared: lists by what their elements are, without what the API server, controllers
//! and the clock write.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::model::escaped;

/// Fields of one object; what has more is compared as far as this.
const MOST_FIELDS: usize = 5_000;

/// A field's value and its JSON pointer in the object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) text: String,
    pub(super) pointer: String,
}

/// Fields by their path: `spec.template.spec.containers[app].image`.
pub(super) type Fields = BTreeMap<String, Field>;

/// The fields of an object that say how it is meant to be.
pub(super) fn fields_of(object: &Value) -> Fields {
    let mut fields = Fields::new();
    let Some(map) = object.as_object() else { return fields };
    for (key, value) in map {
        match key.as_str() {
            "apiVersion" | "kind" | "status" => {}
            "metadata" => add_metadata(&mut fields, value, "", "/metadata"),
            key => add(&mut fields, value, key, &format!("/{}", escaped(key)), key),
        }
    }
    fields
}

/// The specification of a pod as the template that its owner has; `injected` fields are left out.
pub(super) fn fields_of_pod(pod: &Value) -> Fields {
    let mut fields = Fields::new();
    if let Some(spec) = pod.get("spec").and_then(Value::as_object) {
        for (key, value) in spec {
            if !SET_ON_PODS.contains(&key.as_str()) {
                let path = format!("spec.template.spec.{key}");
                add(&mut fields, value, &path, &format!("/spec/{}", escaped(key)), key);
            }
        }
    }
    fields
}

/// What the scheduler, the kubelet and admission set on a pod that its template does not have (k8s.io/api/core/v1 PodSpec; the
/// admission plug-ins DefaultTolerationSeconds, Priority and ServiceAccount).
const SET_ON_PODS: [&str; 10] = [
    "enableServiceLinks",
    "hostname",
    "nodeName",
    "preemptionPolicy",
    "priority",
    "serviceAccount",
    "serviceAccountName",
    "subdomain",
    "tolerations",
    "volumes",
];

/// Of metadata only labels and annotations, without those that name a revision, a moment or a whole manifest.
fn add_metadata(fields: &mut Fields, metadata: &Value, path: &str, pointer: &str) {
    for group in ["labels", "annotations"] {
        let Some(map) = metadata.get(group).and_then(Value::as_object) else {
            continue;
        };
        for (key, value) in map.iter().filter(|(key, _)| !is_bookkeeping(key)) {
            let path = format!("{path}metadata.{group}[{key}]");
            add(
                fields,
                value,
                &path,
                &format!("{pointer}/{group}/{}", escaped(key)),
                key,
            );
        }
    }
}

/// Labels and annotations that kubectl, controllers and Helm write for themselves.
fn is_bookkeeping(key: &str) -> bool {
    const PARTS: [&str; 14] = [
        "kubectl.kubernetes.io/",
        "deployment.kubernetes.io/",
        "deprecated.daemonset.template.generation",
        "control-plane.alpha.kubernetes.io/leader",
        "pod-template-hash",
        "pod-template-generation",
        "controller-revision-hash",
        "controller-uid",
        "pv.kubernetes.io/",
        "volume.kubernetes.io/selected-node",
        "kubernetes.io/config.",
        "autoscaling.alpha.kubernetes.io/",
        "cni.projectcalico.org/",
        "objectset.rio.cattle.io/",
    ];
    PARTS.iter().any(|part| key.starts_with(part)) || key.ends_with("timestamp") || key.ends_with("restartedAt")
}

/// Fields that the API server, controllers or allocators fill in (k8s.io/apimachinery ObjectMeta, ServiceSpec,
/// PersistentVolumeClaimSpec, PersistentVolumeSpec).
const ALLOCATED: [&str; 16] = [
    "claimRef",
    "clusterIP",
    "clusterIPs",
    "creationTimestamp",
    "deletionTimestamp",
    "generation",
    "healthCheckNodePort",
    "managedFields",
    "observedGeneration",
    "ownerReferences",
    "resourceVersion",
    "selfLink",
    "terminationMessagePath",
    "terminationMessagePolicy",
    "uid",
    "volumeName",
];

fn add(fields: &mut Fields, value: &Value, path: &str, pointer: &str, key: &str) {
    if fields.len() >= MOST_FIELDS || ALLOCATED.contains(&key) || is_token_mount(value) {
        return;
    }
    match value {
        Value::Null => {}
        Value::Object(map) => {
            for (key, value) in map {
                let pointer = format!("{pointer}/{}", escaped(key));
                if key == "metadata" {
                    add_metadata(fields, value, &format!("{path}."), &pointer);
                } else {
                    // A key that has dots itself would read as several.
                    let path = if key.contains(['.', '/']) {
                        format!("{path}[{key}]")
                    } else {
                        format!("{path}.{key}")
                    };
                    add(fields, value, &path, &pointer, key);
                }
            }
        }
        Value::Array(items) => add_list(fields, items, path, pointer, key),
        Value::String(text) => put(fields, path, text.clone(), pointer),
        other => put(fields, path, other.to_string(), pointer),
    }
}

fn put(fields: &mut Fields, path: &str, text: String, pointer: &str) {
    let pointer = pointer.to_owned();
    fields.insert(path.to_owned(), Field { text, pointer });
}

fn add_list(fields: &mut Fields, items: &[Value], path: &str, pointer: &str, key: &str) {
    if matches!(key, "args" | "command") {
        add_arguments(fields, items, path, pointer);
        return;
    }
    for (index, item) in items.iter().enumerate() {
        let at = format!("{pointer}/{index}");
        match item {
            Value::Object(map) => match identity(map) {
                Some((identifying, name)) => {
                    let mut rest = map.clone();
                    rest.remove(identifying);
                    let path = format!("{path}[{name}]");
                    match (rest.len(), rest.get("value")) {
                        // An environment variable, and whatever else is but a name and a value.
                        (1, Some(value)) if !value.is_object() => {
                            put(fields, &path, scalar(value), &format!("{at}/value"));
                        }
                        (0, _) => put(fields, &path, name.clone(), &at),
                        _ => add(fields, &Value::Object(rest), &path, &at, ""),
                    }
                }
                // What has no name is the same when it says the same, wherever it stands.
                None => put(fields, &format!("{path}[{item}]"), item.to_string(), &at),
            },
            Value::Null => {}
            scalar_item => {
                let text = scalar(scalar_item);
                put(fields, &format!("{path}[{text}]"), text.clone(), &at);
            }
        }
    }
}

fn scalar(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// By which field the elements of a list are told apart, and its value (the merge keys of k8s.io/api types).
fn identity(map: &serde_json::Map<String, Value>) -> Option<(&'static str, String)> {
    const KEYS: [&str; 6] = ["name", "mountPath", "containerPort", "port", "host", "key"];
    KEYS.iter().find_map(|key| {
        let value = map.get(*key)?;
        let name = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => return None,
        };
        let protocol = map.get("protocol").and_then(Value::as_str).filter(|_| *key != "name");
        Some((
            *key,
            protocol.map_or(name.clone(), |protocol| format!("{name}/{protocol}")),
        ))
    })
}

/// Flags by their name, so that their order does not count; all other words as they stand.
fn add_arguments(fields: &mut Fields, items: &[Value], path: &str, pointer: &str) {
    let mut words: Vec<String> = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let word = scalar(item);
        match word.split_once('=').filter(|(flag, _)| flag.starts_with('-')) {
            Some((flag, value)) => put(
                fields,
                &format!("{path}[{flag}]"),
                value.to_owned(),
                &format!("{pointer}/{index}"),
            ),
            None => words.push(word),
        }
    }
    if !words.is_empty() {
        put(fields, path, words.join(" "), pointer);
    }
}

/// The projected token that admission mounts into every container under a random name.
fn is_token_mount(value: &Value) -> bool {
    let name = value.get("name").and_then(Value::as_str).unwrap_or("");
    name.starts_with("kube-api-access-")
        || value.get("mountPath").and_then(Value::as_str) == Some("/var/run/secrets/kubernetes.io/serviceaccount")
}

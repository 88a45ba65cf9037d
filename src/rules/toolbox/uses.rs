//! Which ConfigMaps and Secrets a workload takes its settings from, and whether a change of them reaches a container that runs.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::cluster::{Object, PodView, Snapshot};
use crate::model::{Citation, Subject, When};

/// How a setting gets into a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// An environment variable: set once, when the container starts.
    Variable,
    /// A file mounted with `subPath`: bound once, when the container starts.
    SubPath,
    /// A file of a volume: the kubelet brings changes in within about a minute.
    Volume,
}

/// One setting.
#[derive(Debug, Clone)]
pub struct Use {
    /// `ConfigMap` or `Secret`.
    pub kind: &'static str,
    /// The object's name; its namespace is the workload's.
    pub name: String,
    /// The key; empty for all of them.
    pub key: String,
    /// How it gets in.
    pub way: Way,
    /// Where it stands.
    pub cite: Citation,
}

impl Use {
    /// The object, where it was collected.
    pub fn object<'s>(&self, snapshot: &'s Snapshot, namespace: &str) -> Option<&'s Object> {
        snapshot.object(self.kind, namespace, &self.name)
    }
}

/// What a workload takes from ConfigMaps and Secrets: by its template, and by its pods.
pub fn uses(snapshot: &Snapshot, workload: &Subject) -> Vec<Use> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    let template = match workload.kind.as_str() {
        "CronJob" => "/spec/jobTemplate/spec/template/spec",
        "Pod" => "/spec",
        _ => "/spec/template/spec",
    };
    let own = snapshot.object(&workload.kind, &workload.namespace, &workload.name);
    let mut add = |object: &Object, at: &str| {
        for one in of_spec(object, at) {
            if seen.insert((one.kind, one.name.clone(), one.key.clone(), one.way)) {
                found.push(one);
            }
        }
    };
    if let Some(own) = own {
        add(own, template);
    }
    for pod in snapshot.pods_of(workload) {
        add(pod.object, "/spec");
    }
    found
}

fn of_spec(object: &Object, at: &str) -> Vec<Use> {
    let mut found = Vec::new();
    let text = |value: &Value, pointer: &str| value.pointer(pointer).and_then(Value::as_str).unwrap_or("").to_owned();
    for group in ["initContainers", "containers"] {
        for (index, container) in object.list(&format!("{at}/{group}")).iter().enumerate() {
            let pointer = format!("{at}/{group}/{index}");
            let list = |field: &str| {
                container
                    .get(field)
                    .and_then(Value::as_array)
                    .map_or(&[][..], Vec::as_slice)
            };
            let mut add = |kind, name: String, key: String, way, below: String| {
                if !name.is_empty() {
                    found.push(Use {
                        kind,
                        name,
                        key,
                        way,
                        cite: object.cite_at(&format!("{pointer}/{below}")),
                    });
                }
            };
            for (entry, variable) in list("env").iter().enumerate() {
                for (kind, field) in [("ConfigMap", "configMapKeyRef"), ("Secret", "secretKeyRef")] {
                    let name = text(variable, &format!("/valueFrom/{field}/name"));
                    let key = text(variable, &format!("/valueFrom/{field}/key"));
                    add(kind, name, key, Way::Variable, format!("env/{entry}"));
                }
            }
            for (entry, source) in list("envFrom").iter().enumerate() {
                for (kind, field) in [("ConfigMap", "configMapRef"), ("Secret", "secretRef")] {
                    let name = text(source, &format!("/{field}/name"));
                    add(kind, name, String::new(), Way::Variable, format!("envFrom/{entry}"));
                }
            }
            for (entry, mount) in list("volumeMounts").iter().enumerate() {
                let part = text(mount, "/subPath");
                let way = if part.is_empty() { Way::Volume } else { Way::SubPath };
                let volume = object
                    .list(&format!("{at}/volumes"))
                    .iter()
                    .find(|volume| text(volume, "/name") == text(mount, "/name"));
                let Some(volume) = volume else { continue };
                for (kind, field) in [("ConfigMap", "/configMap/name"), ("Secret", "/secret/secretName")] {
                    add(
                        kind,
                        text(volume, field),
                        part.clone(),
                        way,
                        format!("volumeMounts/{entry}"),
                    );
                }
            }
        }
    }
    found
}

/// When an object's content was last changed: the latest write that `managedFields` knows of its data, else its creation. An entry that
/// tells which fields it wrote, and none of the data, was a label or an annotation.
pub fn changed(object: &Object) -> Option<When> {
    let wrote_data = |entry: &&serde_json::Value| {
        let fields = entry.get("fieldsV1").and_then(|fields| fields.as_object());
        fields.is_none_or(|fields| fields.keys().any(|key| key != "f:metadata"))
    };
    let written = object
        .list("/metadata/managedFields")
        .iter()
        .filter(wrote_data)
        .filter_map(|entry| When::rfc3339(entry.get("time")?.as_str()?))
        .max_by_key(|when| when.latest);
    written.or_else(|| object.time("/metadata/creationTimestamp"))
}

/// When the present containers of a pod started, the latest of them. None when it restarted and nothing tells when. `now` is used for
/// ages in a bundle that does not tell when it was made.
pub fn started(pod: &PodView<'_>, now: Option<&When>) -> Option<When> {
    let mut latest = pod
        .object
        .time("/status/startTime")
        .or_else(|| pod.object.created(now))?;
    for container in pod.containers().iter().filter(|container| !container.init) {
        let running = pod
            .object
            .time(&format!("{}/state/running/startedAt", container.status_pointer));
        let began = match running {
            Some(began) => began,
            None if container.restarts() == 0 => continue,
            None => container.ended()?.finished?,
        };
        if began.latest > latest.latest {
            latest = began;
        }
    }
    Some(latest)
}

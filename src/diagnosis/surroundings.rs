//! What a thing depends on: its workload, what the workload's pods name, the Services in front of them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::cluster::{Object, Snapshot};
use crate::model::Subject;

/// Looks up the surroundings of things in one snapshot.
pub(super) struct Surroundings<'s> {
    snapshot: &'s Snapshot,
    pods: BTreeMap<Subject, Vec<&'s Object>>,
}

impl<'s> Surroundings<'s> {
    pub(super) fn new(snapshot: &'s Snapshot) -> Self {
        let mut pods: BTreeMap<Subject, Vec<&Object>> = BTreeMap::new();
        for pod in snapshot.kind("Pod") {
            pods.entry(snapshot.top_owner(pod)).or_default().push(pod);
        }
        Self { snapshot, pods }
    }

    /// The pods of a workload.
    pub(super) fn pods_of(&self, workload: &Subject) -> &[&'s Object] {
        self.pods.get(workload).map_or(&[], Vec::as_slice)
    }

    /// The thing itself and everything that it names or that stands in front of it.
    pub(super) fn of(&self, subject: &Subject) -> BTreeSet<Subject> {
        let snapshot = self.snapshot;
        let owner = snapshot.top_owner_of(subject);
        let mut around = BTreeSet::from([subject.clone(), owner.clone()]);
        let itself = snapshot.object(&owner.kind, &owner.namespace, &owner.name);
        for object in itself.into_iter().chain(self.pods_of(&owner).iter().copied()) {
            around.extend(named_by(
                &object.key.namespace,
                object.get("/spec").unwrap_or(&Value::Null),
            ));
            around.extend(self.services_of(object));
        }
        around
    }

    fn services_of(&self, object: &Object) -> Vec<Subject> {
        let at = if object.key.kind == "Pod" {
            "/metadata/labels"
        } else {
            "/spec/template/metadata/labels"
        };
        let Some(labels) = object.get(at).and_then(Value::as_object) else {
            return Vec::new();
        };
        let selects = |service: &&Object| {
            let selector = service.get("/spec/selector").and_then(Value::as_object);
            selector.is_some_and(|selector| {
                !selector.is_empty() && selector.iter().all(|(key, value)| labels.get(key) == Some(value))
            })
        };
        let services = self.snapshot.kind("Service");
        services
            .filter(|service| service.key.namespace == object.key.namespace)
            .filter(selects)
            .map(Object::subject)
            .collect()
    }
}

/// The objects that a specification names (k8s.io/api/core/v1 PodSpec and what embeds it).
fn named_by(namespace: &str, spec: &Value) -> BTreeSet<Subject> {
    let mut found = BTreeSet::new();
    let mut open = vec![spec];
    while let Some(value) = open.pop() {
        match value {
            Value::Array(items) => open.extend(items),
            Value::Object(map) => {
                let named = map.iter().filter_map(|(key, value)| reference(map, key, value));
                found.extend(named.map(|(kind, name)| {
                    let namespace = if kind == "PriorityClass" { "" } else { namespace };
                    Subject::namespaced(kind, namespace, name)
                }));
                open.extend(map.values());
            }
            _ => {}
        }
    }
    found
}

fn reference<'v>(holder: &'v Map<String, Value>, key: &str, value: &'v Value) -> Option<(&'static str, &'v str)> {
    let text = |field: &str| value.get(field).and_then(Value::as_str);
    match key {
        "configMap" | "configMapRef" | "configMapKeyRef" => Some(("ConfigMap", text("name")?)),
        "secret" => Some(("Secret", text("secretName").or_else(|| text("name"))?)),
        "secretRef" | "secretKeyRef" => Some(("Secret", text("name")?)),
        "imagePullSecrets" => {
            let first = value.as_array()?.first()?;
            Some(("Secret", first.get("name")?.as_str()?))
        }
        "persistentVolumeClaim" => Some(("PersistentVolumeClaim", text("claimName")?)),
        "serviceAccountName" => Some(("ServiceAccount", value.as_str()?)),
        "priorityClassName" => Some(("PriorityClass", value.as_str()?)),
        "serviceName" if holder.contains_key("template") => Some(("Service", value.as_str()?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pods_specification_names_what_it_needs() {
        let spec = serde_json::json!({"template": {"spec": {
            "serviceAccountName": "shop",
            "containers": [{"envFrom": [{"configMapRef": {"name": "settings"}}],
                            "env": [{"name": "P", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}}]}],
            "volumes": [{"persistentVolumeClaim": {"claimName": "data"}}]
        }}});
        let names: Vec<String> = named_by("shop", &spec).iter().map(ToString::to_string).collect();
        assert_eq!(
            names,
            [
                "ConfigMap shop/settings",
                "PersistentVolumeClaim shop/data",
                "Secret shop/db",
                "ServiceAccount shop/shop"
            ]
        );
    }
}

//! Objects under the names of Go's fields: `Spec.NodeName`, `Status.ContainerStatuses`.
//!
//! `kubectl cluster-info dump` before 1.8 wrote kubectl's internal types (`k8s.io/kubernetes/pkg/api/types.go`), which had no names for
//! JSON. They have the fields of `v1` but for a few, which are named here.

use serde_json::{Map, Value};

/// Where the internal types differ from `v1`, or its names from the rule: Go's name and that of the API.
const OTHERWISE: [(&str, &str); 5] = [
    ("ObjectMeta", "metadata"),
    ("ListMeta", "metadata"),
    ("LastTerminationState", "lastState"),
    ("CephFS", "cephfs"),
    ("StorageOS", "storageos"),
];

/// Fields, by the API's names, that hold names which people chose, and resources.
const OF_PEOPLE: [&str; 13] = [
    "allocatable",
    "annotations",
    "binaryData",
    "capacity",
    "data",
    "hard",
    "labels",
    "limits",
    "matchLabels",
    "nodeSelector",
    "requests",
    "selector",
    "used",
];

/// Fields of `metadata` that stand beside `Spec` where Go put embedded fields in the object itself.
const OF_METADATA: [&str; 8] = [
    "name",
    "namespace",
    "uid",
    "selfLink",
    "resourceVersion",
    "creationTimestamp",
    "labels",
    "ownerReferences",
];

/// Gives the fields of an object or list the names that the API has for them. Other objects are left as they are.
pub(super) fn rename(map: &mut Map<String, Value>) {
    let is_title_case = [
        "Items",
        "ObjectMeta",
        "ListMeta",
        "Spec",
        "Status",
        "InvolvedObject",
        "TypeMeta",
    ];
    if !is_title_case.iter().any(|key| map.contains_key(*key)) {
        return;
    }
    if let Some(Value::Object(kind)) = map.shift_remove("TypeMeta") {
        map.extend(kind);
    }
    // Items are renamed one by one, when they are looked at.
    let items = map.shift_remove("Items");
    fields(map);
    if let Some(items) = items {
        map.insert("items".into(), items);
    }
    if !map.contains_key("metadata") && OF_METADATA.iter().any(|field| map.contains_key(*field)) {
        let metadata = OF_METADATA
            .iter()
            .filter_map(|field| Some(((*field).to_owned(), map.shift_remove(*field)?)));
        let metadata: Map<String, Value> = metadata.collect();
        map.insert("metadata".into(), Value::Object(metadata));
    }
}

/// The parsers of JSON bound how deep this goes.
fn fields(map: &mut Map<String, Value>) {
    for (key, mut value) in std::mem::take(map) {
        let key = api_name(&key);
        let is_struct = |value: &Value| value.get("MatchLabels").is_some() || value.get("MatchExpressions").is_some();
        if !OF_PEOPLE.contains(&key.as_str()) || is_struct(&value) {
            inner(&mut value);
        }
        map.insert(key, value);
    }
}

fn inner(value: &mut Value) {
    match value {
        Value::Object(map) => fields(map),
        Value::Array(items) => items.iter_mut().for_each(inner),
        _ => {}
    }
}

/// `nodeName` of `NodeName`, `httpGet` of `HTTPGet`, `uid` of `UID`, `podIP` of `PodIP`.
fn api_name(go: &str) -> String {
    if let Some((_, name)) = OTHERWISE.iter().find(|(known, _)| *known == go) {
        return (*name).to_owned();
    }
    let capitals = go.bytes().take_while(u8::is_ascii_uppercase).count();
    let lowered = if capitals > 1 && capitals < go.len() {
        capitals - 1
    } else {
        capitals
    };
    match go.split_at_checked(lowered) {
        Some((first, rest)) => first.to_ascii_lowercase() + rest,
        None => go.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn renamed(mut value: Value) -> Value {
        rename(value.as_object_mut().unwrap());
        value
    }

    #[test]
    fn fields_get_the_names_of_the_api() {
        for (go, api) in [
            ("NodeName", "nodeName"),
            ("HTTPGet", "httpGet"),
            ("UID", "uid"),
            ("PodIP", "podIP"),
            ("OSImage", "osImage"),
            ("APIVersion", "apiVersion"),
            ("ExternalIPs", "externalIPs"),
            ("already", "already"),
        ] {
            assert_eq!(api_name(go), api);
        }
    }

    #[test]
    fn a_pod_is_renamed_to_its_depth_and_names_of_people_are_not() {
        let pod = renamed(json!({
            "ObjectMeta": {"name": "web-0", "labels": {"App": "Web"}},
            "Spec": {"NodeName": "n1", "NodeSelector": {"Disk": "SSD"}, "Containers": [
                {"Name": "web", "LivenessProbe": {"HTTPGet": {"Path": "/", "Port": 80}}, "Resources": {"Limits": {"memory": "1Gi"}}}]},
            "Status": {"ContainerStatuses": [{"LastTerminationState": {"Terminated": {"ExitCode": 137}}}]}
        }));
        assert_eq!(
            pod,
            json!({
                "metadata": {"name": "web-0", "labels": {"App": "Web"}},
                "spec": {"nodeName": "n1", "nodeSelector": {"Disk": "SSD"}, "containers": [
                    {"name": "web", "livenessProbe": {"httpGet": {"path": "/", "port": 80}}, "resources": {"limits": {"memory": "1Gi"}}}]},
                "status": {"containerStatuses": [{"lastState": {"terminated": {"exitCode": 137}}}]}
            })
        );
    }

    #[test]
    fn a_selector_is_a_map_of_people_or_a_struct() {
        let service = renamed(json!({"Spec": {"Selector": {"App": "x"}}}));
        assert_eq!(service["spec"]["selector"], json!({"App": "x"}));
        let deployment = renamed(json!({"Spec": {"Selector": {"MatchLabels": {"App": "x"}}}}));
        assert_eq!(deployment["spec"]["selector"], json!({"matchLabels": {"App": "x"}}));
    }

    #[test]
    fn embedded_metadata_gets_its_place() {
        let node = renamed(json!({"name": "n1", "uid": "u", "Spec": {"PodCIDR": "10.0.0.0/24"}}));
        assert_eq!(
            node,
            json!({"spec": {"podCIDR": "10.0.0.0/24"}, "metadata": {"name": "n1", "uid": "u"}})
        );
    }

    #[test]
    fn other_objects_stay_as_they_are() {
        let other = json!({"kind": "Widget", "metadata": {"name": "w"}, "spec": {"Colour": "red"}});
        assert_eq!(renamed(other.clone()), other);
    }
}

//! Volumes, tolerations and the other fields that pods and pod templates share.
//!
//! Source: `describeVolumes`, `DescribePodTemplate` and `printPodTolerationsMultiline` of `k8s.io/kubectl/pkg/describe/describe.go`.

use serde_json::{Map, Value, json};

use super::super::build::ObjectBuilder;
use super::super::values::{integer, present};
use super::decode;
use super::outline::{Item, Outline};

/// Reads one key of a pod's specification into `spec`; true when it was one.
pub(crate) fn pod_field(outline: &Outline<'_>, item: &Item<'_>, spec: &str, to: &mut ObjectBuilder<'_, '_>) {
    let line = item.line;
    match item.key {
        "Service Account" => to.set_some(&format!("{spec}/serviceAccountName"), present(item.value), line),
        "Priority Class Name" => to.set_some(&format!("{spec}/priorityClassName"), present(item.value), line),
        "Runtime Class Name" => to.set_some(&format!("{spec}/runtimeClassName"), present(item.value), line),
        "Node-Selectors" => decode::map(outline, item, &format!("{spec}/nodeSelector"), to),
        "Image Pull Secrets" | "Image pull secrets" => {
            for (name, line) in outline
                .entries(item)
                .into_iter()
                .filter(|(name, _)| present(name).is_some())
            {
                to.push(&format!("{spec}/imagePullSecrets"), json!({"name": name}), line);
            }
        }
        "Tolerations" => {
            for (text, line) in outline
                .entries(item)
                .into_iter()
                .filter(|(text, _)| present(text).is_some())
            {
                to.push(&format!("{spec}/tolerations"), toleration(text), line);
            }
        }
        "Volumes" => {
            for volume in outline.children(item).filter(|volume| !volume.key.is_empty()) {
                to.push(&format!("{spec}/volumes"), self::volume(outline, volume), volume.line);
            }
        }
        _ => {}
    }
}

/// `node.kubernetes.io/not-ready:NoExecute op=Exists for 300s`, `dedicated=db:NoSchedule`, `op=Exists`.
fn toleration(text: &str) -> Value {
    let mut value = Map::new();
    let mut words = text.split_whitespace().peekable();
    if let Some(word) = words.next_if(|word| !word.starts_with("op=")) {
        let (key, effect) = word.split_once(':').unwrap_or((word, ""));
        let (key, wanted) = key
            .split_once('=')
            .map_or((key, None), |(key, wanted)| (key, Some(wanted)));
        value.insert("key".into(), key.into());
        if let Some(wanted) = wanted {
            value.insert("value".into(), wanted.into());
        }
        if !effect.is_empty() {
            value.insert("effect".into(), effect.into());
        }
    }
    while let Some(word) = words.next() {
        if let Some(operator) = word.strip_prefix("op=") {
            value.insert("operator".into(), operator.into());
        } else if word == "for"
            && let Some(seconds) = words.next().and_then(|word| integer(word.trim_end_matches('s')))
        {
            value.insert("tolerationSeconds".into(), seconds.into());
        }
    }
    Value::Object(value)
}

fn volume(outline: &Outline<'_>, item: &Item<'_>) -> Value {
    let get = |key: &str| outline.child(item, key).and_then(|child| present(child.value));
    let kind = get("Type").unwrap_or("");
    let optional = get("Optional") == Some("true");
    let source = match kind.split([' ', '(']).next().unwrap_or("") {
        "ConfigMap" => ("configMap", json!({"name": get("Name"), "optional": optional})),
        "Secret" => ("secret", json!({"secretName": get("SecretName"), "optional": optional})),
        "PersistentVolumeClaim" => (
            "persistentVolumeClaim",
            json!({"claimName": get("ClaimName"), "readOnly": get("ReadOnly") == Some("true")}),
        ),
        "HostPath" => ("hostPath", json!({"path": get("Path"), "type": get("HostPathType")})),
        "EmptyDir" => (
            "emptyDir",
            json!({"medium": get("Medium").unwrap_or(""), "sizeLimit": get("SizeLimit")}),
        ),
        "NFS" => ("nfs", json!({"server": get("Server"), "path": get("Path")})),
        "CSI" => ("csi", json!({"driver": get("Driver")})),
        "DownwardAPI" => ("downwardAPI", json!({})),
        "Projected" => ("projected", json!({"sources": projected(outline, item)})),
        _ => return json!({"name": item.key}),
    };
    let mut value = json!({"name": item.key});
    if let Some(map) = value.as_object_mut() {
        map.insert(source.0.into(), source.1);
    }
    value
}

/// The sources of a projected volume, one key each; `Optional:` (older: `ConfigMapOptional:`) follows what it is about.
fn projected(outline: &Outline<'_>, item: &Item<'_>) -> Vec<Value> {
    let mut sources: Vec<Value> = Vec::new();
    for child in outline.children(item) {
        match child.key {
            "ConfigMapName" => sources.push(json!({"configMap": {"name": child.value}})),
            "SecretName" => sources.push(json!({"secret": {"name": child.value}})),
            "TokenExpirationSeconds" => {
                sources.push(json!({"serviceAccountToken": {"expirationSeconds": integer(child.value)}}))
            }
            "DownwardAPI" => sources.push(json!({"downwardAPI": {}})),
            "Optional" | "ConfigMapOptional" | "SecretOptionalName" if child.value == "true" => {
                let last = sources
                    .last_mut()
                    .and_then(Value::as_object_mut)
                    .and_then(|source| source.values_mut().next());
                if let Some(source) = last.and_then(Value::as_object_mut) {
                    source.insert("optional".into(), true.into());
                }
            }
            _ => {}
        }
    }
    sources
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tolerations_of_every_form() {
        assert_eq!(
            toleration("node.kubernetes.io/not-ready:NoExecute op=Exists for 300s"),
            json!({"key": "node.kubernetes.io/not-ready", "effect": "NoExecute", "operator": "Exists", "tolerationSeconds": 300})
        );
        assert_eq!(
            toleration("dedicated=db:NoSchedule"),
            json!({"key": "dedicated", "value": "db", "effect": "NoSchedule"})
        );
        assert_eq!(toleration("op=Exists"), json!({"operator": "Exists"}));
    }
}

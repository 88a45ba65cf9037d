//! Which nodes a pod's own terms would take, as far as labels of nodes were collected.

use serde_json::Value;

use crate::cluster::{Object, Snapshot};
use crate::model::Subject;

/// The nodes that a pod's node selector and required node affinity accept. None where the pod asks for nothing, its terms were not
/// collected, or no node shows its labels.
pub fn accepted_nodes<'s>(snapshot: &'s Snapshot, pod: &Subject, owner: &Subject) -> Option<Vec<&'s Object>> {
    let (object, at) = match snapshot.pod(&pod.namespace, &pod.name) {
        Some(view) if has_terms(view.object, "/spec") => (view.object, "/spec"),
        _ => {
            let workload = snapshot.object(&owner.kind, &owner.namespace, &owner.name)?;
            (workload, "/spec/template/spec")
        }
    };
    if !has_terms(object, at) {
        return None;
    }
    let labelled: Vec<&Object> = snapshot
        .kind("Node")
        .filter(|node| {
            node.get("/metadata/labels")
                .and_then(Value::as_object)
                .is_some_and(|labels| !labels.is_empty())
        })
        .collect();
    if labelled.is_empty() {
        return None;
    }
    Some(labelled.into_iter().filter(|node| accepts(object, at, node)).collect())
}

const REQUIRED: &str = "affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms";

fn has_terms(object: &Object, at: &str) -> bool {
    object
        .get(&format!("{at}/nodeSelector"))
        .and_then(Value::as_object)
        .is_some_and(|map| !map.is_empty())
        || !object.list(&format!("{at}/{REQUIRED}")).is_empty()
}

fn accepts(object: &Object, at: &str, node: &Object) -> bool {
    let label = |key: &str| node.get("/metadata/labels")?.as_object()?.get(key)?.as_str();
    let selector = object.get(&format!("{at}/nodeSelector")).and_then(Value::as_object);
    let selected = selector
        .into_iter()
        .flatten()
        .all(|(key, wanted)| label(key) == wanted.as_str());
    let terms = object.list(&format!("{at}/{REQUIRED}"));
    // Terms are alternatives; the expressions of one term must all hold (kubernetes `component-helpers/scheduling/corev1/nodeaffinity`).
    let by_terms = terms.is_empty()
        || terms.iter().any(|term| {
            let expressions = term.get("matchExpressions").and_then(Value::as_array);
            expressions
                .into_iter()
                .flatten()
                .all(|expression| holds(expression, &label))
        });
    selected && by_terms
}

fn holds<'n>(expression: &Value, label: &dyn Fn(&str) -> Option<&'n str>) -> bool {
    let text = |key: &str| expression.get(key).and_then(Value::as_str).unwrap_or("");
    let values = expression.get("values").and_then(Value::as_array);
    let found = label(text("key"));
    let is_listed = || values.into_iter().flatten().any(|value| value.as_str() == found);
    match text("operator") {
        "In" => found.is_some() && is_listed(),
        "NotIn" => found.is_none() || !is_listed(),
        "Exists" => found.is_some(),
        "DoesNotExist" => found.is_none(),
        // `Gt` and `Lt` compare numbers, and are rare: what cannot be judged is taken as met.
        _ => true,
    }
}

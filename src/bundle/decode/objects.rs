//! Kubernetes objects out of any JSON or YAML value: lists, bare arrays, items without a kind.

use serde_json::{Map, Value};

use super::{Fact, Form, ObjectFact, Pointer, kindless, title_case};
use crate::model::{Citation, EntryPath};

/// Where a value stands, so that its objects can be cited.
pub(super) struct Base<'f> {
    pub(super) bundle: &'f std::sync::Arc<str>,
    pub(super) file: &'f EntryPath,
    /// Pointer of the value in its file: empty for the first document, `1#` for the second.
    pub(super) pointer: String,
    /// Facts that are made at most.
    pub(super) most: usize,
}

/// The objects in `value`, in order, and the kinds of lists that were empty. `value` is consumed, nothing is copied.
pub(super) fn objects(base: &Base<'_>, value: Value) -> Vec<Fact> {
    let mut facts = Vec::new();
    let of_path = ListKind {
        kind: kindless::of_path(base.file).unwrap_or_default().to_owned(),
        api_version: String::new(),
    };
    collect(base, value, &of_path, &base.pointer, 0, &mut facts);
    facts
}

/// Kind and version that a list, or else the path, lends to items that have none: the typed lists of `kubectl cluster-info dump` and
/// client-go.
#[derive(Default, Clone)]
struct ListKind {
    kind: String,
    api_version: String,
}

/// Lists in lists are read this deep; deeper ones are no Kubernetes list.
const LISTS_IN_LISTS: u32 = 3;

fn collect(base: &Base<'_>, value: Value, list: &ListKind, pointer: &str, depth: u32, facts: &mut Vec<Fact>) {
    if facts.len() >= base.most {
        return;
    }
    match value {
        Value::Array(items) if depth < LISTS_IN_LISTS => {
            for (index, item) in items.into_iter().enumerate() {
                collect(base, item, list, &format!("{pointer}/{index}"), depth + 1, facts);
            }
        }
        Value::Object(mut map) => {
            title_case::rename(&mut map);
            if let Some(mut items) = take_items(&mut map) {
                let inner = item_kind(&map, list);
                if is_answer(&map) {
                    items.as_array_mut().into_iter().flatten().for_each(mark_as_live);
                }
                match items {
                    Value::Array(items) if items.is_empty() => facts.extend(empty(base, &inner, pointer)),
                    Value::Null => facts.extend(empty(base, &inner, pointer)),
                    items => collect(base, items, &inner, &format!("{pointer}/items"), depth + 1, facts),
                }
            } else {
                facts.extend(object(base, map, list, pointer));
            }
        }
        _ => {}
    }
}

/// Takes `items` out of a list. An object that merely has a field of this name (a ConfigMap volume's) has a kind that is no list's.
fn take_items(map: &mut Map<String, Value>) -> Option<Value> {
    let kind = map.get("kind").and_then(Value::as_str).unwrap_or("List");
    let is_list = kind.ends_with("List") && matches!(map.get("items"), Some(Value::Array(_) | Value::Null));
    if is_list { map.remove("items") } else { None }
}

/// True for a list as the API server or kubectl answers it: nobody writes a `resourceVersion` into a list by hand
/// (`k8s.io/kubectl/pkg/cmd/get/get.go` puts an empty one there).
pub(super) fn is_answer(list: &Map<String, Value>) -> bool {
    list.get("metadata")
        .is_some_and(|metadata| metadata.get("resourceVersion").is_some())
}

/// Notes on an item of such a list that it is what the cluster has, where the fields that would tell were taken away.
pub(super) fn mark_as_live(item: &mut Value) {
    let Some(metadata) = item.get_mut("metadata").and_then(Value::as_object_mut) else {
        return;
    };
    if !["uid", "resourceVersion", "creationTimestamp"]
        .iter()
        .any(|field| metadata.contains_key(*field))
    {
        metadata.insert("casefileLive".to_owned(), Value::Bool(true));
    }
}

fn item_kind(map: &Map<String, Value>, of_path: &ListKind) -> ListKind {
    let text = |key| map.get(key).and_then(Value::as_str).unwrap_or("");
    let api_version = text("apiVersion").to_owned();
    let kind = if map.contains_key("kind") && text("kind") != "List" {
        text("kind").strip_suffix("List").unwrap_or("")
    } else {
        let link = map.get("metadata").and_then(|metadata| metadata.get("selfLink"));
        link.and_then(Value::as_str)
            .and_then(kindless::of_link)
            .unwrap_or(&of_path.kind)
    };
    ListKind {
        kind: kind.to_owned(),
        api_version,
    }
}

fn empty(base: &Base<'_>, list: &ListKind, pointer: &str) -> Option<Fact> {
    (!list.kind.is_empty()).then(|| Fact::EmptyListing {
        kind: list.kind.clone(),
        namespace: String::new(),
        cite: Citation::pointer(
            base.bundle,
            base.file,
            format!("{pointer}/items"),
            format!("{}List.items: []", list.kind),
        ),
    })
}

fn object(base: &Base<'_>, mut map: Map<String, Value>, list: &ListKind, pointer: &str) -> Option<Fact> {
    let has_name = map
        .get("metadata")
        .is_some_and(|metadata| metadata.get("name").is_some_and(Value::is_string));
    if !map.contains_key("kind")
        && has_name
        && let Some(kind) = Some(list.kind.as_str())
            .filter(|kind| !kind.is_empty())
            .or_else(|| kindless::of_shape(&map))
    {
        map.insert("kind".into(), Value::String(kind.to_owned()));
        if !map.contains_key("apiVersion") {
            map.insert("apiVersion".into(), Value::String(list.api_version.clone()));
        }
    }
    let kind = map.get("kind")?.as_str()?.to_owned();
    forget_fields_v1(&mut map);
    forget_schemas(&mut map);
    // Something with a `kind` that is neither an object nor a component's configuration is other software's JSON.
    if !map.contains_key("metadata") && !map.contains_key("apiVersion") {
        return None;
    }
    let kind = kind_of_its_group(kind, &map);
    map.insert("kind".into(), Value::String(kind.clone()));
    let name = map
        .get("metadata")
        .and_then(|meta| meta.get("name"))
        .and_then(Value::as_str)
        .unwrap_or("");
    let cite = Citation::pointer(base.bundle, base.file, pointer, format!("kind: {kind}, name: {name}"));
    Some(Fact::Object(Box::new(ObjectFact {
        value: Value::Object(map),
        form: Form::Api,
        pointer: Pointer::At(pointer.to_owned()),
        cite,
        seen_at: None,
    })))
}

/// Kinds of the core group of which other groups have their own: OpenShift's `Node` of `config.openshift.io`, Knative's `Service`.
const CORE: [&str; 11] = [
    "ConfigMap",
    "Endpoints",
    "Namespace",
    "Node",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Pod",
    "ReplicationController",
    "Secret",
    "Service",
    "ServiceAccount",
];

/// The kind by which an object is known: with its group where a core kind has the same name, as `kubectl get service.serving.knative.dev`
/// tells them apart.
fn kind_of_its_group(kind: String, map: &Map<String, Value>) -> String {
    let group = map
        .get("apiVersion")
        .and_then(Value::as_str)
        .and_then(|version| version.split_once('/'));
    match group {
        // `core/v1` is how some programs write the group that has no name.
        Some((group, _)) if group.contains('.') && CORE.contains(&kind.as_str()) => format!("{kind}.{group}"),
        _ => kind,
    }
}

/// Leaves out the schemas of a CustomResourceDefinition: most of its text, and nothing asks for it.
fn forget_schemas(map: &mut Map<String, Value>) {
    if map.get("kind").and_then(Value::as_str) != Some("CustomResourceDefinition") {
        return;
    }
    let Some(spec) = map.get_mut("spec").and_then(Value::as_object_mut) else {
        return;
    };
    let forget = |holder: Option<&mut Value>| {
        if let Some(holder) = holder.and_then(Value::as_object_mut) {
            holder.shift_remove("openAPIV3Schema");
        }
    };
    forget(spec.get_mut("validation"));
    let versions = spec.get_mut("versions").and_then(Value::as_array_mut);
    for version in versions.into_iter().flatten() {
        forget(version.get_mut("schema"));
    }
}

/// Leaves out which fields each manager of an object wrote: half of the text of many objects, and nothing asks for it. Who wrote, and
/// when, is kept, and that a write touched nothing but labels and annotations.
fn forget_fields_v1(map: &mut Map<String, Value>) {
    let entries = map
        .get_mut("metadata")
        .and_then(|metadata| metadata.get_mut("managedFields"));
    for entry in entries.and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(entry) = entry.as_object_mut()
            && let Some(fields) = entry.shift_remove("fieldsV1")
            && fields
                .as_object()
                .is_some_and(|fields| fields.len() == 1 && fields.contains_key("f:metadata"))
        {
            entry.insert("fieldsV1".to_owned(), serde_json::json!({"f:metadata": {}}));
        }
    }
}

//! Answers in the shape of `crictl … -o json`.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

/// `{"status": …, "<key>": …}` as `crictl info`, `inspect` and `inspectp` print it: what the runtime adds stands beside the status, parsed
/// where it is JSON (cri-tools, `cmd/crictl/util.go`, `outputStatusInfo`).
pub(super) fn with_info<S: Serialize>(status: &S, info: &BTreeMap<String, String>) -> Value {
    let mut document = Map::new();
    document.insert("status".into(), plain(status));
    for (key, value) in info {
        let parsed = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.clone()));
        document.insert(key.clone(), parsed);
    }
    Value::Object(document)
}

/// A message as JSON. Messages have text keys only, so this cannot fail.
pub(super) fn plain<S: Serialize>(message: &S) -> Value {
    serde_json::to_value(message).unwrap_or_default()
}

/// A name from a runtime as one part of a path.
pub(super) fn name_part(name: &str) -> String {
    let kept = name.chars().take(253);
    kept.map(|c| if c == '/' || c.is_control() { '_' } else { c }).collect()
}

//! Citations of a place inside a document: is the value that the pointer leads to the one that is quoted?

use serde_json::Value;

use super::is_shown_as;
use crate::bundle::decode::parse_yaml;
use crate::model::at;

/// The value that a pointer leads to, with the way there.
pub(super) struct Pointed<'p> {
    pointer: &'p str,
    document: Value,
}

impl<'p> Pointed<'p> {
    /// Of a file's text; none where it is no document, or the pointer is of a text inside another.
    pub(super) fn of(text: &str, pointer: &'p str) -> Option<Self> {
        let (index, pointer) = match pointer.split_once('#') {
            Some((index, pointer)) => (index.parse::<usize>().ok()?, pointer),
            None => (0, pointer),
        };
        let document = match serde_json::from_str(text) {
            Ok(document) => document,
            Err(_) => parse_yaml(documents(text).into_iter().nth(index)?.as_str()).ok()?,
        };
        Some(Self { pointer, document })
    }

    /// Whether a quoted line says what stands there; none where it is of no known form.
    pub(super) fn says(&self, line: &str) -> Option<bool> {
        let Some(value) = at(&self.document, self.pointer) else {
            return self.is_name(line).or_else(|| Some(line.ends_with("(absent)")));
        };
        let whole = self.is_pair(value, line).or_else(|| self.is_name(line));
        if whole == Some(true) {
            return whole;
        }
        // A line of several pairs looks like one whose value has commas: it is wrong only where its parts are too.
        let pairs: Option<Vec<bool>> = line.split(", ").map(|pair| self.is_pair(value, pair)).collect();
        pairs.map(|pairs| pairs.into_iter().all(|is_so| is_so)).or(whole)
    }

    /// `status.phase: Running`: a label that is the end of the pointer, or leads on from there, and its value.
    fn is_pair(&self, value: &Value, line: &str) -> Option<bool> {
        let (label, shown) = line.split_once(": ")?;
        if let (Value::Array(items), true) = (value, label.ends_with("List.items")) {
            let names = items.iter().filter_map(|item| item.pointer("/metadata/name")?.as_str());
            let names: Vec<&str> = names.collect();
            return Some(
                shown
                    == if names.is_empty() {
                        "[]".to_owned()
                    } else {
                        names.join(", ")
                    },
            );
        }
        let way = self.pointer.trim_start_matches('/').replace('/', ".");
        let way = way.replace("~1", "/").replace("~0", "~");
        if way == label || way.ends_with(&format!(".{label}")) {
            return Some(is_value(Some(value), shown));
        }
        match below(value, label) {
            None => (shown == "(absent)").then_some(true),
            found => Some(is_value(found, shown)),
        }
    }

    /// `Pod shop/web-0`: the object around the place.
    fn is_name(&self, line: &str) -> Option<bool> {
        let (kind, name) = line
            .split_once(' ')
            .filter(|(kind, name)| !kind.ends_with(':') && !name.contains(' '))?;
        let ends = self
            .pointer
            .match_indices('/')
            .map(|(end, _)| end)
            .chain([self.pointer.len()]);
        let mut around = ends.filter_map(|end| at(&self.document, self.pointer.get(..end)?));
        let object = around.rfind(|value| value.pointer("/metadata/name").is_some())?;
        let text = |place: &str| object.pointer(place).and_then(Value::as_str).unwrap_or_default();
        let own = match text("/metadata/namespace") {
            "" => text("/metadata/name").to_owned(),
            namespace => format!("{namespace}/{}", text("/metadata/name")),
        };
        // Items of a list need not repeat its kind.
        let is_kind = text("/kind").is_empty() || text("/kind") == kind;
        Some(is_kind && is_shown_as(&own, name))
    }
}

/// The value at a way of keys that are joined by dots, which keys may have too.
fn below<'v>(value: &'v Value, way: &str) -> Option<&'v Value> {
    if way.is_empty() {
        return Some(value);
    }
    let keys = value.as_object()?.iter();
    let mut next = keys.filter_map(|(key, value)| {
        let rest = way.strip_prefix(key.as_str())?;
        let rest = if rest.is_empty() { rest } else { rest.strip_prefix('.')? };
        below(value, rest)
    });
    next.next()
}

/// Whether a value is shown so: a text as it is or as JSON, anything else as JSON.
fn is_value(value: Option<&Value>, shown: &str) -> bool {
    let Some(value) = value.filter(|value| !value.is_null()) else {
        return shown == "(absent)";
    };
    value.as_str().is_some_and(|text| is_shown_as(text, shown)) || is_shown_as(&value.to_string(), shown)
}

/// The documents of a YAML stream.
fn documents(text: &str) -> Vec<String> {
    let mut all = vec![String::new()];
    for line in text.lines() {
        if line.trim_end() == "---" {
            if all.last().is_some_and(|last| !last.trim().is_empty()) {
                all.push(String::new());
            }
            continue;
        }
        if let Some(last) = all.last_mut() {
            last.push_str(line);
            last.push('\n');
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = r#"{"kind": "NodeList", "items": [{"metadata": {"name": "n1", "labels": {"a.b/c": "x"}},
        "status": {"phase": "Ready", "count": 2}}]}"#;

    fn says(pointer: &str, line: &str) -> Option<bool> {
        Pointed::of(LIST, pointer).unwrap().says(line)
    }

    #[test]
    fn a_value_is_the_one_that_is_quoted_or_not() {
        assert_eq!(says("/items/0/status/phase", "status.phase: Ready"), Some(true));
        assert_eq!(says("/items/0/status/phase", "status.phase: NotReady"), Some(false));
        assert_eq!(
            says("/items/0/metadata/labels/a.b~1c", "metadata.labels.a.b/c: x"),
            Some(true)
        );
        assert_eq!(says("/items/0", "metadata.name: n1, status.count: 2"), Some(true));
        assert_eq!(says("/items/0", "metadata.name: n1, status.count: 3"), Some(false));
        assert_eq!(says("/items/0/status", "phase: Ready, count: 2"), Some(true));
        assert_eq!(says("/items/0/status", "phase: Ready, size: 2"), Some(false));
        assert_eq!(says("/items/0/status", "phase: Ready, size: (absent)"), Some(true));
        assert_eq!(says("/items/0/status", "phase: Ready, count: (absent)"), Some(false));
        assert_eq!(says("/items/0/status/reason", "Node n1"), Some(true));
        assert_eq!(says("/items/0/status/reason", "status.reason: (absent)"), Some(true));
        assert_eq!(says("/items/0/status/reason", "status.reason: Full"), Some(false));
        assert_eq!(says("/items/0/status/phase", "Node n1"), Some(true));
        assert_eq!(says("/items/0/status/phase", "Node n2"), Some(false));
        assert_eq!(says("/items", "NodeList.items: n1"), Some(true));
        assert_eq!(says("/items", "NodeList.items: []"), Some(false));
        assert_eq!(says("/items/0/status/phase", "something else altogether"), None);
    }

    #[test]
    fn a_stream_of_yaml_is_read_by_its_index() {
        let text = "---\nkind: A\nspec: {size: 1}\n---\nkind: B\nspec: {size: 2}\n";
        let of = |pointer: &'static str| Pointed::of(text, pointer).unwrap().says("spec.size: 2");
        assert_eq!((of("/spec/size"), of("1#/spec/size")), (Some(false), Some(true)));
        assert!(Pointed::of(text, "/3/output#/items/0").is_none());
    }
}

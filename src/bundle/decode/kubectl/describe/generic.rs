//! Descriptions of kinds without a describer of their own.
//!
//! Source: `genericDescriber` and `printUnstructuredContent` of `k8s.io/kubectl/pkg/describe/describe.go`: the object as a tree, field names as
//! words (`Creation Timestamp` for `creationTimestamp`), lists as repeated indented values or blocks.

use serde_json::{Map, Value};

use super::super::build::ObjectBuilder;
use super::super::values::present;
use super::outline::{Item, Outline};

/// Keys that are read elsewhere.
const COMMON: &[&str] = &[
    "Name",
    "Namespace",
    "Labels",
    "Annotations",
    "Kind",
    "Events",
    "CreationTimestamp",
    "Controlled By",
];

/// No tree is read deeper than this.
const DEEPEST: usize = 24;

/// Sets the tree of values. Numbers and truth values stay text, because the description does not tell them apart from text.
pub(crate) fn fill(outline: &Outline<'_>, to: &mut ObjectBuilder<'_, '_>) {
    for item in outline
        .roots()
        .filter(|item| !COMMON.contains(&item.key) && !item.key.is_empty())
    {
        let field = field_name(item.key);
        let value = value(outline, item, 0);
        if item.key == "Metadata" {
            for (key, value) in value.as_object().into_iter().flatten() {
                to.entry("/metadata", key, value.clone(), item.line);
            }
        } else {
            to.entry("", &field, value, item.line);
        }
    }
}

fn value(outline: &Outline<'_>, item: &Item<'_>, depth: usize) -> Value {
    let mut children = outline.children(item).peekable();
    if children.peek().is_none() || depth == DEEPEST {
        return present(item.value).map_or(Value::Null, Value::from);
    }
    if !item.value.is_empty() || children.peek().is_some_and(|child| child.key.is_empty()) {
        return outline
            .entries(item)
            .into_iter()
            .map(|(text, _)| Value::from(text))
            .collect();
    }
    // A key that comes again starts the next item of a list of objects.
    let mut list: Vec<Map<String, Value>> = vec![Map::new()];
    for child in children.filter(|child| !child.key.is_empty()) {
        let field = field_name(child.key);
        if list.last().is_some_and(|map| map.contains_key(&field)) {
            list.push(Map::new());
        }
        if let Some(map) = list.last_mut() {
            map.insert(field, value(outline, child, depth + 1));
        }
    }
    match list.len() {
        // A list of one object looks like the object; conditions are always a list.
        1 if item.key != "Conditions" => list.pop().map_or(Value::Null, Value::Object),
        _ => list.into_iter().map(Value::Object).collect(),
    }
}

/// `Creation Timestamp` → `creationTimestamp`, `API Version` → `apiVersion`, `PodCIDR` → `podCIDR`.
fn field_name(words: &str) -> String {
    let mut name = String::new();
    for word in words.split_whitespace() {
        let mut letters = word.chars();
        match letters.next() {
            Some(_) if name.is_empty() && word.len() > 1 && word.chars().all(|c| c.is_ascii_uppercase()) => {
                name.push_str(&word.to_ascii_lowercase())
            }
            Some(first) if name.is_empty() => {
                name.push(first.to_ascii_lowercase());
                name.push_str(letters.as_str());
            }
            _ => name.push_str(word),
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::testing::{at, find, text};
    use super::super::decode;
    use super::*;

    #[test]
    fn words_become_field_names() {
        for (words, name) in [
            ("Creation Timestamp", "creationTimestamp"),
            ("API Version", "apiVersion"),
            ("Spec", "spec"),
            ("Pod CIDR", "podCIDR"),
        ] {
            assert_eq!(field_name(words), name);
        }
    }

    #[test]
    fn a_custom_resource_becomes_a_tree() {
        let source = text(
            "Name:         web-tls\nNamespace:    shop\nLabels:       <none>\nAPI Version:  cert-manager.io/v1\nKind:         Certificate\nMetadata:\n  Creation Timestamp:  2026-11-21T10:00:00Z\nSpec:\n  Dns Names:\n    a.example.com\n    b.example.com\n  Secret Name:  web-tls\n\
             Status:\n  Conditions:\n    Message:  not issued\n    Status:   False\n    Type:     Ready\n    Message:  working\n    Status:   True\n    Type:     Issuing\nEvents:       <none>\n",
        );
        let section = source.decode(decode);
        let certificate = find(&section, "Certificate", "web-tls");
        assert_eq!(
            at(certificate, "/spec"),
            &json!({"dnsNames": ["a.example.com", "b.example.com"], "secretName": "web-tls"})
        );
        assert_eq!(at(certificate, "/status/conditions/1/type"), "Issuing");
        assert_eq!(at(certificate, "/metadata/creationTimestamp"), "2026-11-21T10:00:00Z");
        let source = text(
            "Name:         web\nNamespace:    shop\nLabels:       <none>\nAPI Version:  x/v1\nKind:         Widget\nStatus:\n  Conditions:\n    Status:   False\n    Type:     Ready\n",
        );
        let section = source.decode(decode);
        assert_eq!(
            at(find(&section, "Widget", "web"), "/status/conditions/0/type"),
            "Ready"
        );
    }
}

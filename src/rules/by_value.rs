//! Objects by the value of one field, so that a join need not look at all of them for each object.

use std::collections::HashMap;

use serde_json::Value;

use super::condition::{FieldPath, Part, number};
use crate::bundle::decode::Form;
use crate::cluster::Object;

/// A value as equality of conditions sees it: texts by their letters, numbers and quantities by what they stand for.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Key {
    /// A text.
    Text(String),
    /// The number that a text stands for.
    Quantity(u64),
    /// A number.
    Number(u64),
    /// Anything else, as JSON.
    Other(String),
}

/// The objects of a kind by the value of a field.
pub(super) struct Index<'s> {
    objects: HashMap<Key, Vec<&'s Object>>,
    /// Those whose form does not show the field: it may have any value.
    unclear: Vec<&'s Object>,
}

impl<'s> Index<'s> {
    pub(super) fn new(objects: impl Iterator<Item = &'s Object>, path: &FieldPath) -> Self {
        let mut index = Self {
            objects: HashMap::new(),
            unclear: Vec::new(),
        };
        for object in objects {
            match (Part { object, item: None }).get(path) {
                Some(value) => {
                    for key in keys(value) {
                        index.objects.entry(key).or_default().push(object);
                    }
                }
                None if object.form == Form::Api => {}
                None => index.unclear.push(object),
            }
        }
        index
    }

    /// Those that may have this value, in order of their names; in one namespace where one is named.
    pub(super) fn with(&self, value: &Value, namespace: Option<&str>) -> Vec<&'s Object> {
        let equal = keys(value).into_iter().filter_map(|key| {
            // A text is a number's equal, and not that of another text which stands for the same.
            let key = match (key, value) {
                (Key::Quantity(number), _) => Key::Number(number),
                (key, _) => key,
            };
            self.objects.get(&key)
        });
        let of_number = number(value).filter(|_| value.is_number());
        let texts = of_number.and_then(|number| self.objects.get(&Key::Quantity(number.to_bits())));
        let mut found: Vec<&Object> = equal.chain(texts).flatten().chain(&self.unclear).copied().collect();
        found.retain(|object| namespace.is_none_or(|namespace| object.key.namespace == namespace));
        found.sort_by(|a, b| a.key.cmp(&b.key));
        found.dedup_by(|a, b| a.key == b.key);
        found
    }
}

/// Under which keys a value is found.
fn keys(value: &Value) -> Vec<Key> {
    let number = number(value).map(f64::to_bits);
    match value {
        Value::String(text) => std::iter::once(Key::Text(text.clone()))
            .chain(number.map(Key::Quantity))
            .collect(),
        Value::Number(other) => vec![number.map_or_else(|| Key::Other(other.to_string()), Key::Number)],
        other => vec![Key::Other(other.to_string())],
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cluster::reading;

    #[test]
    fn a_value_finds_what_equals_it() {
        let service = |name: &str, port: &str| {
            format!(
                "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: shop, uid: '1'}}\nspec: {{port: {port}}}\n---\n"
            )
        };
        let all = [
            ("a", "80"),
            ("b", "'80'"),
            ("c", "'0.08k'"),
            ("d", "web"),
            ("e", "80.0"),
        ]
        .map(|(name, port)| service(name, port));
        let table = "NAMESPACE   NAME   TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)   AGE\nshop        t      ClusterIP   10.0.0.1     <none>        80/TCP    3d\n";
        let snapshot = reading(&[("all.yaml", &all.concat()), ("svc.txt", table)]);
        let path = FieldPath::try_from("/spec/port".to_owned()).unwrap();
        let index = Index::new(snapshot.kind("Service"), &path);
        let names = |value: Value| {
            let found = index.with(&value, Some("shop"));
            found
                .iter()
                .map(|object| object.key.name.as_str())
                .collect::<Vec<_>>()
                .join(" ")
        };
        // The table does not show the field, so its row is always looked at.
        assert_eq!(names(json!(80)), "a b c e t");
        assert_eq!(names(json!("80")), "a b e t");
        assert_eq!(names(json!("web")), "d t");
        assert_eq!(names(json!(true)), "t");
        assert!(index.with(&json!(80), Some("other")).is_empty());
    }
}

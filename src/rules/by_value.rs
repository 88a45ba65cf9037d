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
    /// Whether they are asked for in one namespace. Then only those of one are looked at: a value may be that of every object.
    by_namespace: bool,
    /// By namespace, if so.
    spaces: HashMap<&'s str, Space<'s>>,
}

#[derive(Default)]
struct Space<'s> {
    objects: HashMap<Key, Vec<&'s Object>>,
    /// Those whose form does not show the field: it may have any value.
    unclear: Vec<&'s Object>,
}

/// An object that may have the value that was asked for.
#[derive(Clone, Copy)]
pub(super) struct Candidate<'s> {
    pub(super) object: &'s Object,
    /// True where its form does not show the field.
    pub(super) is_unclear: bool,
}

impl<'s> Index<'s> {
    pub(super) fn new(objects: impl Iterator<Item = &'s Object>, path: &FieldPath, by_namespace: bool) -> Self {
        let mut spaces: HashMap<&str, Space<'_>> = HashMap::new();
        for object in objects {
            let namespace = if by_namespace { &*object.key.namespace } else { "" };
            let space = spaces.entry(namespace).or_default();
            match (Part { object, item: None }).get(path) {
                Some(value) => {
                    for key in keys(value) {
                        space.objects.entry(key).or_default().push(object);
                    }
                }
                None if object.form == Form::Api => {}
                None => space.unclear.push(object),
            }
        }
        Self { by_namespace, spaces }
    }

    /// Those that may have this value, in order of their names; in this namespace where the index is by namespaces.
    pub(super) fn with(&self, value: &Value, namespace: &str) -> Vec<Candidate<'s>> {
        let Some(space) = self.spaces.get(if self.by_namespace { namespace } else { "" }) else {
            return Vec::new();
        };
        let equal = keys(value).into_iter().filter_map(|key| {
            // A text is a number's equal, and not that of another text which stands for the same.
            let key = match (key, value) {
                (Key::Quantity(number), _) => Key::Number(number),
                (key, _) => key,
            };
            space.objects.get(&key)
        });
        let of_number = number(value).filter(|_| value.is_number());
        let texts = of_number.and_then(|number| space.objects.get(&Key::Quantity(number.to_bits())));
        let candidate = |is_unclear| move |object: &&'s Object| Candidate { object, is_unclear };
        let unclear = space.unclear.iter().map(candidate(true));
        let mut found: Vec<Candidate<'_>> = equal
            .chain(texts)
            .flatten()
            .map(candidate(false))
            .chain(unclear)
            .collect();
        found.sort_by(|a, b| a.object.key.cmp(&b.object.key));
        found.dedup_by(|a, b| a.object.key == b.object.key);
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
        let index = Index::new(snapshot.kind("Service"), &path, true);
        let names = |value: Value| {
            let found = index.with(&value, "shop");
            found
                .iter()
                .map(|found| found.object.key.name.as_str())
                .collect::<Vec<_>>()
                .join(" ")
        };
        // The table does not show the field, so its row is always looked at.
        assert_eq!(names(json!(80)), "a b c e t");
        assert_eq!(names(json!("80")), "a b e t");
        assert_eq!(names(json!("web")), "d t");
        assert_eq!(names(json!(true)), "t");
        assert!(index.with(&json!(80), "other").is_empty());
        let unclear = index
            .with(&json!(80), "shop")
            .into_iter()
            .filter(|found| found.is_unclear);
        assert_eq!(
            unclear.map(|found| found.object.key.name.as_str()).collect::<Vec<_>>(),
            ["t"]
        );
        let all = Index::new(snapshot.kind("Service"), &path, false);
        assert_eq!(all.with(&json!("web"), "other").len(), 2);
    }
}

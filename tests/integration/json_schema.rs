//! Enough of JSON Schema (draft 7 and 2020-12) to judge documents by the schemas that tests use. A keyword that is not known here fails
//! the test, so nothing is passed over in silence.

use std::collections::BTreeSet;

use regex::Regex;
use serde_json::{Map, Value};

/// A schema, ready to judge.
pub(crate) struct Schema {
    root: Value,
    /// Whether keys that no `properties` names are allowed where the schema does not say.
    open: bool,
}

impl Schema {
    pub(crate) fn of(text: &str) -> Self {
        Self {
            root: serde_json::from_str(text).unwrap(),
            open: true,
        }
    }

    /// The same, in which every key has to be named: what is found then is missing in the schema.
    pub(crate) fn closed(self) -> Self {
        Self { open: false, ..self }
    }

    /// What of a document is not as the schema says, each with its place.
    pub(crate) fn complaints(&self, document: &Value) -> Vec<String> {
        let mut found = Vec::new();
        self.judge(&self.root, document, "", &mut found);
        found
    }

    fn allows(&self, schema: &Value, value: &Value) -> bool {
        let mut found = Vec::new();
        self.judge(schema, value, "", &mut found);
        found.is_empty()
    }

    fn judge(&self, schema: &Value, value: &Value, place: &str, found: &mut Vec<String>) {
        let schema = match schema {
            Value::Bool(true) => return,
            Value::Bool(false) => return found.push(format!("{place}: nothing may stand here")),
            Value::Object(schema) => schema,
            other => panic!("no schema: {other}"),
        };
        for (keyword, wanted) in schema {
            let fault = match keyword.as_str() {
                "$schema" | "$id" | "$defs" | "definitions" | "title" | "description" | "default" | "format" => None,
                // Judged with `properties` and `additionalProperties`.
                "properties" | "additionalProperties" => None,
                "$ref" => {
                    let pointer = wanted.as_str().unwrap().strip_prefix('#').unwrap();
                    self.judge(self.root.pointer(pointer).unwrap(), value, place, found);
                    None
                }
                "type" => {
                    let names = wanted.as_array().cloned().unwrap_or_else(|| vec![wanted.clone()]);
                    (!names.iter().any(|name| is_of_type(value, name.as_str().unwrap())))
                        .then(|| format!("is no {wanted}"))
                }
                "enum" => (!wanted.as_array().unwrap().contains(value)).then(|| format!("is none of {wanted}")),
                "const" => (value != wanted).then(|| format!("is not {wanted}")),
                "anyOf" => {
                    let any = wanted
                        .as_array()
                        .unwrap()
                        .iter()
                        .any(|schema| self.allows(schema, value));
                    (!any).then(|| "fits no choice".to_owned())
                }
                "oneOf" => {
                    let fitting = wanted
                        .as_array()
                        .unwrap()
                        .iter()
                        .filter(|schema| self.allows(schema, value))
                        .count();
                    (fitting != 1).then(|| format!("fits {fitting} choices"))
                }
                "allOf" => {
                    wanted
                        .as_array()
                        .unwrap()
                        .iter()
                        .for_each(|schema| self.judge(schema, value, place, found));
                    None
                }
                "required" => value.as_object().and_then(|value| {
                    let mut names = wanted.as_array().unwrap().iter().map(|name| name.as_str().unwrap());
                    names
                        .find(|name| !value.contains_key(*name))
                        .map(|name| format!("has no {name}"))
                }),
                "items" => {
                    let tail = schema.get("prefixItems").and_then(Value::as_array).map_or(0, Vec::len);
                    for (index, item) in value.as_array().into_iter().flatten().enumerate().skip(tail) {
                        self.judge(wanted, item, &format!("{place}/{index}"), found);
                    }
                    None
                }
                "prefixItems" => {
                    for (index, (schema, item)) in wanted
                        .as_array()
                        .unwrap()
                        .iter()
                        .zip(value.as_array().into_iter().flatten())
                        .enumerate()
                    {
                        self.judge(schema, item, &format!("{place}/{index}"), found);
                    }
                    None
                }
                "minItems" => value
                    .as_array()
                    .and_then(|items| (items.len() < size(wanted)).then(|| "has too few items".to_owned())),
                "maxItems" => value
                    .as_array()
                    .and_then(|items| (items.len() > size(wanted)).then(|| "has too many items".to_owned())),
                "uniqueItems" => value.as_array().and_then(|items| {
                    let unique: BTreeSet<String> = items.iter().map(Value::to_string).collect();
                    (wanted == true && unique.len() < items.len()).then(|| "has an item twice".to_owned())
                }),
                "minLength" => value
                    .as_str()
                    .and_then(|text| (text.chars().count() < size(wanted)).then(|| "is too short".to_owned())),
                "minimum" => value
                    .as_f64()
                    .and_then(|n| (n < wanted.as_f64().unwrap()).then(|| format!("is below {wanted}"))),
                "maximum" => value
                    .as_f64()
                    .and_then(|n| (n > wanted.as_f64().unwrap()).then(|| format!("is above {wanted}"))),
                "exclusiveMinimum" => value
                    .as_f64()
                    .and_then(|n| (n <= wanted.as_f64().unwrap()).then(|| format!("is not above {wanted}"))),
                "pattern" => value.as_str().and_then(|text| {
                    let fits = Regex::new(wanted.as_str().unwrap()).unwrap().is_match(text);
                    (!fits).then(|| format!("does not match {wanted}"))
                }),
                other => panic!("keyword {other} is not known here"),
            };
            found.extend(fault.map(|fault| format!("{place}: {fault}")));
        }
        if let Value::Object(members) = value {
            self.judge_members(schema, members, place, found);
        }
    }

    fn judge_members(
        &self,
        schema: &Map<String, Value>,
        members: &Map<String, Value>,
        place: &str,
        found: &mut Vec<String>,
    ) {
        let properties = schema.get("properties").and_then(Value::as_object);
        let others = schema.get("additionalProperties");
        for (name, member) in members {
            let place = format!("{place}/{name}");
            match (properties.and_then(|properties| properties.get(name)), others) {
                (Some(schema), _) | (None, Some(schema)) => self.judge(schema, member, &place, found),
                (None, None) if !self.open && properties.is_some() => found.push(format!("{place}: is not named")),
                (None, None) => {}
            }
        }
    }
}

fn size(wanted: &Value) -> usize {
    wanted.as_u64().unwrap() as usize
}

fn is_of_type(value: &Value, name: &str) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|n| n.fract() == 0.0),
        other => panic!("type {other} is not known"),
    }
}

#[test]
fn what_is_wrong_is_found() {
    let schema = r##"{"type": "object", "required": ["a"], "properties": {"a": {"$ref": "#/$defs/n"}, "b": {"type": "array", "items": {"enum": ["x"]}, "uniqueItems": true}},
        "$defs": {"n": {"type": ["integer", "null"], "minimum": 1}}}"##;
    let complaints = |value: Value| Schema::of(schema).complaints(&value);
    assert_eq!(complaints(serde_json::json!({"a": 1, "b": ["x"], "c": 0})), [""; 0]);
    for wrong in [
        serde_json::json!({}),
        serde_json::json!({"a": 0}),
        serde_json::json!({"a": "1"}),
        serde_json::json!({"a": 1, "b": ["y"]}),
        serde_json::json!({"a": 1, "b": ["x", "x"]}),
    ] {
        assert_eq!(complaints(wrong.clone()).len(), 1, "{wrong}");
    }
    let closed = Schema::of(schema)
        .closed()
        .complaints(&serde_json::json!({"a": 1, "c": 0}));
    assert_eq!(closed, ["/c: is not named"]);
}

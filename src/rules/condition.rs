//! Conditions over the fields of an object, as a rule's header has them. What a text form does not show is unknown, not absent.

use regex::{Regex, RegexBuilder};
use serde::Deserialize;
use serde_json::Value;

use super::effort::steps;
use super::expression::size_of;
use super::quantity;
use super::said::{quoted, said};
use crate::bundle::decode::Form;
use crate::cluster::Object;
use crate::logs::pattern_weight;
use crate::model::near::nearest;
use crate::model::{Text, at};

/// Bounds the size of one compiled pattern.
const PATTERN_SIZE_LIMIT: usize = 1 << 20;

/// One field and what has to hold of it; where several things are asked, all have to.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// The field: a JSON pointer into the object (`/spec/replicas`), or into the element that `each` is at (`item/image`, `item`).
    pub path: FieldPath,
    /// It is there, or it is not.
    #[serde(default)]
    pub exists: Option<bool>,
    /// It is there and has this value.
    #[serde(default)]
    pub is: Option<Wanted>,
    /// It is absent or has another value.
    #[serde(default)]
    pub is_not: Option<Wanted>,
    /// It is there and has one of these values.
    #[serde(default)]
    pub one_of: Option<Vec<Wanted>>,
    /// It is absent or has none of these values.
    #[serde(default)]
    pub none_of: Option<Vec<Wanted>>,
    /// It is there and this regular expression is found in it.
    #[serde(default)]
    pub matches: Option<Pattern>,
    /// It is absent, or this regular expression is not found in it.
    #[serde(default)]
    pub not_matches: Option<Pattern>,
    /// It is a number or a quantity (`500m`, `2Gi`) above this one.
    #[serde(default)]
    pub above: Option<Wanted>,
    /// It is a number or a quantity below this one.
    #[serde(default)]
    pub below: Option<Wanted>,
    /// It is a list with this element, or a map with this key.
    #[serde(default)]
    pub contains: Option<Wanted>,
}

/// What a field is compared with.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "Value")]
pub enum Wanted {
    /// This value.
    Value(Value),
    /// What is in a field of the judged object or of its element, written `{field: /spec/replicas}`, `{field: object/spec/replicas}` or
    /// `{field: item/port}`.
    Field(FieldPath),
    /// A `field` that is no path, as it is written: a mistake.
    Wrong(String),
    /// Another word where `field` was meant: a mistake.
    Misspelt(String),
}

impl From<Value> for Wanted {
    fn from(value: Value) -> Self {
        let field = value.as_object().filter(|map| map.len() == 1);
        if let Some((key, Value::String(path))) = field.and_then(|map| map.iter().next())
            && key != "field"
            && nearest(key, ["field"]).is_some()
            && FieldPath::try_from(path.clone()).is_ok()
        {
            return Self::Misspelt(key.clone());
        }
        let Some(field) = field.and_then(|map| map.get("field")) else {
            return Self::Value(value);
        };
        let written = field.as_str().map_or_else(|| field.to_string(), str::to_owned);
        FieldPath::try_from(written.clone()).map_or(Self::Wrong(written), Self::Field)
    }
}

impl Wanted {
    /// The value; none where the field is not there.
    fn of<'v>(&'v self, about: Part<'v>) -> Option<&'v Value> {
        match self {
            Self::Value(value) => Some(value),
            Self::Field(path) => about.get(path),
            Self::Wrong(_) | Self::Misspelt(_) => None,
        }
    }

    /// A text that reads like a path of an element, and would only be compared as a text.
    fn like_a_path(&self) -> Option<&str> {
        match self {
            Self::Value(Value::String(text)) if text.starts_with("item/") => Some(text),
            _ => None,
        }
    }
}

/// Where a field is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum FieldPath {
    /// A pointer into the object; it may be written with `object` before it.
    Object(String),
    /// A pointer into the element that `each` is at; empty for the element itself.
    Item(String),
    /// A pointer into the first object of `with`, for facts.
    Other(String),
}

impl FieldPath {
    /// The pointer as it is written, without what it starts from.
    pub(super) fn written(&self) -> &str {
        match self {
            Self::Object(pointer) | Self::Item(pointer) | Self::Other(pointer) => pointer,
        }
    }
}

impl TryFrom<String> for FieldPath {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.starts_with('/') {
            return Ok(Self::Object(text));
        }
        let is_pointer = |rest: &&str| rest.is_empty() || rest.starts_with('/');
        if let Some(rest) = text.strip_prefix("item").filter(is_pointer) {
            return Ok(Self::Item(rest.to_owned()));
        }
        if let Some(rest) = text.strip_prefix("other").filter(|rest| rest.starts_with('/')) {
            return Ok(Self::Other(rest.to_owned()));
        }
        if let Some(rest) = text.strip_prefix("object").filter(|rest| rest.starts_with('/')) {
            return Ok(Self::Object(rest.to_owned()));
        }
        Err(no_path(&text).en)
    }
}

/// Says that a text is no path of a field, and which was meant.
pub(super) fn no_path(text: &str) -> Text {
    let (start, rest) = text.split_once('/').unwrap_or((text, ""));
    let near = match nearest(start, ["object", "item", "other"]) {
        Some(near) => format!("{near}/{rest}"),
        None => format!("/{}", text.replace('.', "/")),
    };
    said("no-path", &[("text", &quoted(text)), ("near", &near)])
}

/// A regular expression that is bounded in size; matching takes time in proportion to the text, whatever the pattern.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct Pattern {
    regex: Regex,
    /// How much longer than an ordinary one it may take.
    weight: u64,
}

impl TryFrom<String> for Pattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let built = RegexBuilder::new(&text).size_limit(PATTERN_SIZE_LIMIT).build();
        let weight = pattern_weight(&text);
        built
            .map(|regex| Self { regex, weight })
            .map_err(|error| error.to_string())
    }
}

/// How a test ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds {
    /// It holds.
    Yes,
    /// It does not.
    No,
    /// The form in which the object was collected does not show the field.
    Unknown,
}

/// An object, or a part of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part<'s> {
    /// The object.
    pub(super) object: &'s Object,
    /// The element that `each` is at, and its pointer.
    pub(super) item: Option<(&'s Value, &'s str)>,
}

impl<'s> Part<'s> {
    /// The value of a field; null counts as absent.
    pub(super) fn get(self, path: &FieldPath) -> Option<&'s Value> {
        let value = match path {
            FieldPath::Object(pointer) => self.object.get(pointer),
            FieldPath::Item(pointer) => self.item.and_then(|(value, _)| at(value, pointer)),
            // It is of no part of this object.
            FieldPath::Other(_) => None,
        };
        value.filter(|value| !value.is_null())
    }

    /// The pointer of a field in the object.
    pub(super) fn pointer(self, path: &FieldPath) -> String {
        match path {
            FieldPath::Object(pointer) | FieldPath::Other(pointer) => pointer.clone(),
            FieldPath::Item(rest) => format!("{}{rest}", self.item.map_or("", |(_, base)| base)),
        }
    }
}

impl Condition {
    /// True when it asks for something.
    pub(super) fn asks(&self) -> bool {
        let values = [&self.is, &self.is_not, &self.above, &self.below, &self.contains];
        self.exists.is_some()
            || values.into_iter().any(Option::is_some)
            || self.one_of.is_some()
            || self.none_of.is_some()
            || self.matches.is_some()
            || self.not_matches.is_some()
    }

    /// Its regular expressions.
    pub(super) fn patterns(&self) -> impl Iterator<Item = &str> {
        self.matches
            .iter()
            .chain(&self.not_matches)
            .map(|pattern| pattern.regex.as_str())
    }

    /// A limit that is no number and no quantity, so that nothing is above or below it.
    pub(super) fn not_a_number(&self) -> Option<String> {
        let limits = self.above.iter().chain(&self.below);
        let mut limits = limits.filter_map(|limit| match limit {
            Wanted::Value(value) => Some(value),
            Wanted::Field(_) | Wanted::Wrong(_) | Wanted::Misspelt(_) => None,
        });
        let wrong = limits.find(|limit| number(limit).is_none())?;
        Some(wrong.as_str().map_or_else(|| wrong.to_string(), str::to_owned))
    }

    /// The field of the other object that has to have the value of a field of the judged one, and that field.
    pub(super) fn key(&self) -> Option<(&FieldPath, &FieldPath)> {
        match &self.is {
            Some(Wanted::Field(path)) => Some((&self.path, path)),
            _ => None,
        }
    }

    fn wanted(&self) -> impl Iterator<Item = &Wanted> {
        let one = [&self.is, &self.is_not, &self.above, &self.below, &self.contains];
        let lists = self.one_of.iter().chain(&self.none_of).flatten();
        one.into_iter().flatten().chain(lists)
    }

    /// A value that was meant to be a field's, as it is written.
    pub(super) fn like_a_path(&self) -> Option<&str> {
        self.wanted().find_map(Wanted::like_a_path)
    }

    /// The fields with whose values it compares.
    pub(super) fn fields(&self) -> impl Iterator<Item = &FieldPath> {
        self.wanted().filter_map(|wanted| match wanted {
            Wanted::Field(path) => Some(path),
            Wanted::Value(_) | Wanted::Wrong(_) | Wanted::Misspelt(_) => None,
        })
    }

    /// The values that were to be a field's and are none, as they are written.
    pub(super) fn wrong_fields(&self) -> impl Iterator<Item = &str> {
        self.wanted().filter_map(|wanted| match wanted {
            Wanted::Wrong(text) => Some(text.as_str()),
            Wanted::Value(_) | Wanted::Field(_) | Wanted::Misspelt(_) => None,
        })
    }

    /// The words that stand where `field` was meant.
    pub(super) fn misspelt(&self) -> impl Iterator<Item = &str> {
        self.wanted().filter_map(|wanted| match wanted {
            Wanted::Misspelt(key) => Some(key.as_str()),
            _ => None,
        })
    }

    /// Steps that it takes to try it on `part`.
    pub(super) fn cost(&self, part: Part<'_>) -> u64 {
        let lists = self.one_of.iter().chain(&self.none_of).map(|list| list.len() as u64);
        let looked_at = part.get(&self.path).map_or(0, |value| {
            let patterns = self.matches.iter().chain(&self.not_matches);
            let weight: u64 = patterns.map(|pattern| pattern.weight.saturating_mul(4)).sum();
            // Texts are mostly told apart by their first bytes.
            let weight = weight + u64::from(self.contains.is_some()) + u64::from(self.is.is_some());
            if weight == 0 {
                0
            } else {
                steps(size_of(value)).saturating_mul(weight)
            }
        });
        lists.fold(1 + looked_at, u64::saturating_add)
    }

    /// Whether it holds of `part`, where the fields that it compares with are those of `about`.
    pub(super) fn holds(&self, part: Part<'_>, about: Part<'_>) -> Holds {
        let Some(value) = part.get(&self.path) else {
            return self.holds_of_nothing(part.object.form == Form::Api);
        };
        // A field that the form of the judged object does not show is not known to be absent.
        if about.object.form != Form::Api && self.fields().any(|path| about.get(path).is_none()) {
            return Holds::Unknown;
        }
        let text = || match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let same = |wanted: &Wanted| wanted.of(about).is_some_and(|wanted| equal(value, wanted));
        let beyond = |limit: &Wanted, holds: fn(f64, f64) -> bool| {
            limit.of(about).is_some_and(|limit| compared(value, limit, holds))
        };
        let all = self.exists != Some(false)
            && self.is.as_ref().is_none_or(same)
            && !self.is_not.as_ref().is_some_and(same)
            && self.one_of.as_ref().is_none_or(|list| list.iter().any(same))
            && !self.none_of.as_ref().is_some_and(|list| list.iter().any(same))
            && (self.matches.as_ref()).is_none_or(|pattern| pattern.regex.is_match(&text()))
            && (self.not_matches.as_ref()).is_none_or(|pattern| !pattern.regex.is_match(&text()))
            && self.above.as_ref().is_none_or(|limit| beyond(limit, |a, b| a > b))
            && self.below.as_ref().is_none_or(|limit| beyond(limit, |a, b| a < b))
            && self
                .contains
                .as_ref()
                .is_none_or(|wanted| wanted.of(about).is_some_and(|wanted| contains(value, wanted)));
        if all { Holds::Yes } else { Holds::No }
    }

    /// A field that is not there: only what asks for its absence can hold, and only where all fields were collected.
    fn holds_of_nothing(&self, complete: bool) -> Holds {
        let asks_for_a_value = self.exists == Some(true)
            || [&self.is, &self.above, &self.below, &self.contains]
                .into_iter()
                .any(Option::is_some)
            || self.one_of.is_some()
            || self.matches.is_some();
        match (complete, asks_for_a_value) {
            (false, _) => Holds::Unknown,
            (true, true) => Holds::No,
            (true, false) => Holds::Yes,
        }
    }
}

/// Numbers are equal by value, and a quantity by what it stands for: `1` is `1.0`, `1000m` is `1`.
fn equal(value: &Value, wanted: &Value) -> bool {
    value == wanted || !(value.is_string() && wanted.is_string()) && compared(value, wanted, |a, b| a == b)
}

fn compared(value: &Value, limit: &Value, holds: fn(f64, f64) -> bool) -> bool {
    match (number(value), number(limit)) {
        (Some(value), Some(limit)) => holds(value, limit),
        _ => false,
    }
}

pub(super) fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| quantity(value.as_str()?))
}

fn contains(value: &Value, wanted: &Value) -> bool {
    match value {
        Value::Array(list) => list.iter().any(|element| equal(element, wanted)),
        Value::Object(map) => wanted.as_str().is_some_and(|key| map.contains_key(key)),
        Value::String(text) => wanted.as_str().is_some_and(|part| text.contains(part)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::reading;

    fn holds(condition: &str, files: &[(&str, &str)]) -> Holds {
        let condition: Condition = serde_yaml::from_str(condition).unwrap();
        let snapshot = reading(files);
        let object = snapshot.objects.values().next().unwrap();
        let part = Part { object, item: None };
        condition.holds(part, part)
    }

    const POD: &str = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web","namespace":"shop","uid":"1","labels":{"app":"web"}},"spec":{"priority":10,"containers":[{"name":"web","resources":{"limits":{"memory":"1Gi"}}}]}}"#;

    #[test]
    fn a_field_is_tested_by_value_pattern_and_quantity() {
        for (condition, expected) in [
            ("{path: /spec/priority, is: 10}", Holds::Yes),
            ("{path: /spec/priority, is: 10.0}", Holds::Yes),
            ("{path: /spec/priority, above: 10}", Holds::No),
            (
                "{path: /spec/containers/0/resources/limits/memory, above: 512Mi, below: 2Gi}",
                Holds::Yes,
            ),
            ("{path: /spec/containers/0/name, matches: '^we'}", Holds::Yes),
            ("{path: /metadata/labels, contains: app}", Holds::Yes),
            ("{path: /spec/priority, one_of: [1, 2]}", Holds::No),
            ("{path: /spec/nodeName, exists: false}", Holds::Yes),
            ("{path: /spec/hostNetwork, is_not: true}", Holds::Yes),
            ("{path: /spec/hostNetwork, is: true}", Holds::No),
            ("{path: /metadata/labels/app, is: {field: /metadata/name}}", Holds::Yes),
            (
                "{path: /metadata/name, is_not: {field: /metadata/namespace}}",
                Holds::Yes,
            ),
            (
                "{path: /metadata/name, one_of: [db, {field: /spec/containers/0/name}]}",
                Holds::Yes,
            ),
            ("{path: /metadata/name, is: {field: /spec/nodeName}}", Holds::No),
        ] {
            assert_eq!(holds(condition, &[("pod.json", POD)]), expected, "{condition}");
        }
    }

    #[test]
    fn what_a_table_does_not_show_is_unknown() {
        let table =
            "NAMESPACE   NAME   READY   STATUS    RESTARTS   AGE\nshop        web    1/1     Running   0          3d\n";
        let files = [("pods.txt", table)];
        assert_eq!(holds("{path: /spec/hostNetwork, is_not: true}", &files), Holds::Unknown);
        assert_eq!(
            holds("{path: /spec/priorityClassName, exists: false}", &files),
            Holds::Unknown
        );
        assert_eq!(holds("{path: /metadata/name, is: web}", &files), Holds::Yes);
    }
}

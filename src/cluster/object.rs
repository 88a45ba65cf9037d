//! One Kubernetes object, in whatever form it was seen.

use std::collections::BTreeMap;

use serde_json::Value;

use super::age;
use crate::bundle::decode::{Form, ObjectFact, Pointer};
use crate::model::{Citation, Place, QuoteLine, Subject, When, at};

/// Kind, namespace and name: what identifies an object in a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey {
    /// Kind.
    pub kind: String,
    /// Namespace; empty for cluster-scoped objects.
    pub namespace: String,
    /// Name.
    pub name: String,
}

/// An object with accessors that tolerate everything that is missing.
#[derive(Debug, Clone)]
pub struct Object {
    /// Identity.
    pub key: ObjectKey,
    /// The object in the shape of its API.
    pub value: Value,
    /// The richest form in which it was seen.
    pub form: Form,
    /// Where it stands as a whole.
    pub cite: Citation,
    pointer: Pointer,
    /// Where those fields stand that only another form of the object told.
    borrowed: BTreeMap<String, Citation>,
}

impl Object {
    /// From a decoded fact; none when it has neither name nor kind.
    pub fn new(fact: ObjectFact) -> Option<Self> {
        let text = |pointer: &str| {
            let text = at(&fact.value, pointer).and_then(Value::as_str);
            text.unwrap_or("").to_owned()
        };
        let key = ObjectKey {
            kind: text("/kind"),
            namespace: text("/metadata/namespace"),
            name: text("/metadata/name"),
        };
        (!key.kind.is_empty()).then_some(Self {
            key,
            value: fact.value,
            form: fact.form,
            cite: fact.cite,
            pointer: fact.pointer,
            borrowed: BTreeMap::new(),
        })
    }

    /// The value at a JSON pointer; null counts as missing.
    pub fn get(&self, pointer: &str) -> Option<&Value> {
        at(&self.value, pointer).filter(|value| !value.is_null())
    }

    /// The string at a pointer; empty when missing.
    pub fn text(&self, pointer: &str) -> &str {
        self.get(pointer).and_then(Value::as_str).unwrap_or("")
    }

    /// The integer at a pointer.
    pub fn int(&self, pointer: &str) -> Option<i64> {
        self.get(pointer).and_then(Value::as_i64)
    }

    /// The elements at a pointer; none when missing or not an array.
    pub fn list(&self, pointer: &str) -> &[Value] {
        self.get(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// The time at a pointer: an RFC 3339 text, or the interval of the age that a text form has in its place.
    pub fn time(&self, pointer: &str) -> Option<When> {
        match self.get(pointer) {
            Some(value) => value.as_str().and_then(When::rfc3339),
            None => age::of_field(&self.value, pointer),
        }
    }

    /// When it was created. A table's age counts back from the bundle's reference time, or from `now` where the bundle has none.
    pub fn created(&self, now: Option<&When>) -> Option<When> {
        self.time("/metadata/creationTimestamp")
            .or_else(|| age::kubectl(self.text("/metadata/casefileAge"), now?))
    }

    /// True for what a person wrote to be applied: nothing in it that only the API server or a controller writes.
    pub fn is_manifest(&self) -> bool {
        const SET_BY_THE_SERVER: [&str; 7] = [
            "/metadata/casefileLive",
            "/metadata/uid",
            "/metadata/resourceVersion",
            "/metadata/creationTimestamp",
            "/metadata/generation",
            "/metadata/managedFields",
            "/status",
        ];
        self.form == Form::Api && SET_BY_THE_SERVER.iter().all(|pointer| self.get(pointer).is_none())
    }

    /// The object as the subject of a finding.
    pub fn subject(&self) -> Subject {
        if self.key.kind == "Node" {
            return Subject::node(&self.key.name);
        }
        Subject::namespaced(&self.key.kind, &self.key.namespace, &self.key.name)
    }

    /// Cites the field at a pointer: its line in a text form, its pointer in JSON or YAML, shown as `name: value`.
    pub fn cite_at(&self, pointer: &str) -> Citation {
        if let Some(citation) = nearest(&self.borrowed, pointer) {
            return citation.clone();
        }
        match &self.pointer {
            Pointer::Lines(lines) => nearest(lines, pointer).unwrap_or(&self.cite).clone(),
            Pointer::At(base) => {
                let mut citation = self.cite.clone();
                citation.place = Place::Pointer(format!("{base}{pointer}"));
                citation.quote = vec![QuoteLine {
                    line: None,
                    text: self.shown(pointer),
                    hit: true,
                }];
                citation
            }
        }
    }

    /// Every line that it is known from, of a text form.
    pub(super) fn cites(&self) -> impl Iterator<Item = &Citation> {
        let lines = match &self.pointer {
            Pointer::Lines(lines) => Some(lines.values()),
            Pointer::At(_) => None,
        };
        std::iter::once(&self.cite).chain(lines.into_iter().flatten())
    }

    /// `state.waiting.reason: ErrImagePull`, or the field's JSON when it is not a scalar; `(absent)` when there is none.
    fn shown(&self, pointer: &str) -> String {
        let label = pointer.trim_start_matches('/').replace('/', ".");
        // RFC 6901: a slash inside a key.
        let label = label.replace("~1", "/").replace("~0", "~");
        let value = match at(&self.value, pointer) {
            None | Some(Value::Null) => "(absent)".to_owned(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        };
        if label.is_empty() {
            value
        } else {
            format!("{label}: {value}")
        }
    }

    /// True when another sight of the same object has every field of this one, and more, or more of its last text: this one was cut.
    pub(super) fn is_part_of(&self, other: &Self) -> bool {
        covers(&other.value, &self.value)
            && (!covers(&self.value, &other.value) || self.value != other.value && begins(&other.value, &self.value))
    }

    /// Takes over what a poorer or older form of the same object knows and this one does not. An answer of the API knows everything,
    /// unless people have cut off its status, or all that the server sets.
    /// What logs told is of its own time: it neither fills another form nor is filled.
    pub(super) fn fill_from(&mut self, other: &Self) {
        if self.form == Form::Told || other.form == Form::Told {
            return;
        }
        let is_stripped = self.get("/metadata/casefileLive").is_some();
        if self.form == Form::Api && (is_stripped || self.get("/status").is_none()) {
            let lacks =
                |pointer: &str| at(&self.value, pointer).is_none() && (is_stripped || pointer.starts_with("/status"));
            if let Pointer::Lines(lines) = &other.pointer {
                let told = lines
                    .iter()
                    .filter(|(pointer, _)| !pointer.is_empty() && lacks(pointer));
                self.borrowed = told
                    .map(|(pointer, citation)| (pointer.clone(), citation.clone()))
                    .collect();
            }
            if is_stripped {
                fill(&mut self.value, &other.value);
            } else if let (Some(status), Some(own)) = (other.get("/status"), self.value.as_object_mut()) {
                own.insert("status".to_owned(), status.clone());
            }
        }
        if self.form != Form::Api {
            fill(&mut self.value, &other.value);
            if let (Pointer::Lines(mine), Pointer::Lines(theirs)) = (&mut self.pointer, &other.pointer) {
                for (pointer, citation) in theirs {
                    mine.entry(pointer.clone()).or_insert_with(|| citation.clone());
                }
            }
        }
    }
}

/// The citation of a field, or of the nearest one that holds it.
fn nearest<'l>(lines: &'l BTreeMap<String, Citation>, pointer: &str) -> Option<&'l Citation> {
    let mut at = pointer;
    loop {
        if let Some(citation) = lines.get(at) {
            return Some(citation);
        }
        at = at.get(..at.rfind('/')?)?;
    }
}

/// True when the whole has every key of the part, and no shorter list.
fn covers(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => part
            .iter()
            .all(|(key, value)| whole.get(key).is_some_and(|whole| covers(whole, value))),
        (Value::Array(whole), Value::Array(part)) => {
            whole.len() >= part.len() && whole.iter().zip(part).all(|(whole, part)| covers(whole, part))
        }
        (_, Value::Object(_) | Value::Array(_)) => false,
        _ => true,
    }
}

/// True for two values with the same fields, of which the part has the same or only the beginning of some text.
fn begins(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => part
            .iter()
            .all(|(key, value)| whole.get(key).is_some_and(|whole| begins(whole, value))),
        (Value::Array(whole), Value::Array(part)) => whole.iter().zip(part).all(|(whole, part)| begins(whole, part)),
        (Value::String(whole), Value::String(part)) => whole.starts_with(part.as_str()),
        _ => whole == part,
    }
}

/// Adds keys that are missing, recursively through maps; lists and scalars that exist stay as they are.
fn fill(target: &mut Value, source: &Value) {
    if let (Value::Object(target), Value::Object(source)) = (target, source) {
        for (key, value) in source {
            match target.get_mut(key) {
                Some(existing) => fill(existing, value),
                None => {
                    target.insert(key.clone(), value.clone());
                }
            }
        }
    }
}

//! Puts an object together from text lines: a value and its citation are always set together.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::super::{Fact, Form, ObjectFact, Pointer, TextFile};
use crate::model::{Citation, escaped};

/// An array never grows beyond this; a text that names more items is not believed.
const MOST_ITEMS: usize = 10_000;

/// One object under construction.
///
/// Every value is set by its JSON pointer and the 0-based line that shows it. A citation is kept only where the line differs from
/// that of the nearest pointer above which has one, so that a table row keeps a single citation: to cite a field, look for its
/// pointer, then for its ancestors, and last for the empty pointer.
pub(crate) struct ObjectBuilder<'f, 't> {
    file: &'f TextFile<'t>,
    value: Value,
    lines: BTreeMap<String, usize>,
    first: usize,
    last: usize,
}

impl<'f, 't> ObjectBuilder<'f, 't> {
    /// Starts an object of a kind whose name stands at a 0-based line.
    pub(crate) fn new(file: &'f TextFile<'t>, kind: &str, name: &str, line: usize) -> Self {
        let mut builder = Self {
            file,
            value: Value::Object(Map::new()),
            lines: BTreeMap::new(),
            first: line,
            last: line,
        };
        builder.lines.insert(String::new(), line);
        builder.set("/kind", kind, line);
        builder.set("/metadata/name", name, line);
        builder
    }

    /// Sets the namespace; an empty one stays absent, because the text does not tell it.
    pub(crate) fn namespace(&mut self, namespace: &str, line: usize) {
        if !namespace.is_empty() {
            self.set("/metadata/namespace", namespace, line);
        }
    }

    /// The object so far.
    pub(crate) fn value(&self) -> &Value {
        &self.value
    }

    /// The text behind a pointer, or an empty one.
    pub(crate) fn text(&self, pointer: &str) -> &str {
        self.value.pointer(pointer).and_then(Value::as_str).unwrap_or("")
    }

    /// The number of items of an array behind a pointer; 0 when there is none.
    pub(crate) fn count(&self, pointer: &str) -> usize {
        self.value
            .pointer(pointer)
            .and_then(Value::as_array)
            .map_or(0, Vec::len)
    }

    /// Sets the value at a pointer, making the objects and arrays above it. A number in the pointer is an index where an array
    /// stands, and makes an array where nothing stands yet and it is 0.
    pub(crate) fn set(&mut self, pointer: &str, value: impl Into<Value>, line: usize) {
        if let Some(slot) = reach(&mut self.value, pointer) {
            *slot = value.into();
            self.note(pointer, line);
        }
    }

    /// Sets the value at a pointer if there is one.
    pub(crate) fn set_some<V: Into<Value>>(&mut self, pointer: &str, value: Option<V>, line: usize) {
        if let Some(value) = value {
            self.set(pointer, value, line);
        }
    }

    /// Adds a line to a text that was begun above; its citation stays where it begins.
    pub(crate) fn continue_text(&mut self, pointer: &str, more: &str, line: usize) {
        if let Some(Value::String(text)) = self.value.pointer_mut(pointer) {
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(more);
            self.reaches(line);
        }
    }

    /// Appends to the array at a pointer and tells the pointer of the new item.
    pub(crate) fn push(&mut self, pointer: &str, value: impl Into<Value>, line: usize) -> String {
        let index = self.count(pointer);
        let item = format!("{pointer}/{index}");
        self.set(&item, value, line);
        item
    }

    /// Sets one entry of a map whose keys come from the text, such as a label.
    pub(crate) fn entry(&mut self, pointer: &str, key: &str, value: impl Into<Value>, line: usize) {
        self.map(pointer, line);
        if let Some(Value::Object(map)) = self.value.pointer_mut(pointer) {
            map.insert(key.to_owned(), value.into());
            self.note(&format!("{pointer}/{}", escaped(key)), line);
        }
    }

    /// Makes sure that an object stands at a pointer.
    pub(crate) fn map(&mut self, pointer: &str, line: usize) {
        if !self.value.pointer(pointer).is_some_and(Value::is_object) {
            self.set(pointer, Value::Object(Map::new()), line);
        }
    }

    /// Tells that the object reaches down to a 0-based line.
    pub(crate) fn reaches(&mut self, line: usize) {
        self.last = self.last.max(line);
    }

    /// The finished object.
    pub(crate) fn finish(self, form: Form) -> Fact {
        let file = self.file;
        let lines = self
            .lines
            .iter()
            .map(|(pointer, &line)| (pointer.clone(), file.cite(line)))
            .collect::<BTreeMap<_, Citation>>();
        let cite = if self.last > self.first {
            file.cite_range(self.first, self.last, self.first)
        } else {
            file.cite(self.first)
        };
        Fact::Object(Box::new(ObjectFact {
            value: self.value,
            form,
            pointer: Pointer::Lines(lines),
            cite,
            seen_at: None,
        }))
    }

    fn note(&mut self, pointer: &str, line: usize) {
        self.reaches(line);
        if self.nearest(pointer) != Some(line) {
            self.lines.insert(pointer.to_owned(), line);
        }
    }

    /// The line of the nearest pointer at or above this one.
    fn nearest(&self, pointer: &str) -> Option<usize> {
        let mut at = pointer;
        loop {
            if let Some(&line) = self.lines.get(at) {
                return Some(line);
            }
            at = at.rsplit_once('/')?.0;
        }
    }
}

/// The slot at a pointer, made where it is missing; none when something else stands in the way.
fn reach<'v>(root: &'v mut Value, pointer: &str) -> Option<&'v mut Value> {
    let mut slot = root;
    for step in pointer.split('/').skip(1) {
        if slot.is_null() {
            *slot = if step == "0" {
                Value::Array(Vec::new())
            } else {
                Value::Object(Map::new())
            };
        }
        slot = match slot {
            Value::Array(items) => {
                let index: usize = step.parse().ok()?;
                if index == items.len() && index < MOST_ITEMS {
                    items.push(Value::Null);
                }
                items.get_mut(index)?
            }
            Value::Object(map) => map
                .entry(step.replace("~1", "/").replace("~0", "~"))
                .or_insert(Value::Null),
            _ => return None,
        };
    }
    Some(slot)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::decode::kubectl::testing::{cited_line, object, text};

    #[test]
    fn a_field_is_cited_by_its_own_line_or_by_what_holds_it() {
        let source = text("Name: web\nPort: http 80/TCP\n");
        let file = source.file();
        let mut builder = ObjectBuilder::new(&file, "Service", "web", 0);
        builder.set("/spec/ports/0/name", "http", 1);
        builder.set("/spec/ports/0/port", 80, 1);
        builder.entry("/metadata/labels", "app.kubernetes.io/name", "web", 0);
        let fact = builder.finish(Form::Describe);
        let web = object(&fact);
        assert_eq!(
            web.value.pointer("/metadata/labels/app.kubernetes.io~1name").unwrap(),
            "web"
        );
        assert_eq!(cited_line(web, "/spec/ports/0/port"), 2);
        assert_eq!(cited_line(web, "/metadata/labels/app.kubernetes.io~1name"), 1);
    }

    #[test]
    fn numeric_keys_of_a_map_do_not_make_an_array() {
        let source = text("Name: web\n");
        let file = source.file();
        let mut builder = ObjectBuilder::new(&file, "ConfigMap", "web", 0);
        builder.entry("/data", "0", "zero", 0);
        assert_eq!(builder.value()["data"]["0"], "zero");
    }
}

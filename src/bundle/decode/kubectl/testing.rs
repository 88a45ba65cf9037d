//! What the tests of the kubectl decoders share: a text as a file, and short ways into what was read from it.

use std::sync::Arc;

use serde_json::Value;

use super::super::{Fact, ObjectFact, Pointer, Section, TextFile};
use crate::model::{EntryPath, Place};

/// A text with a path.
pub(crate) struct Source {
    path: EntryPath,
    text: String,
}

/// A text in a file whose name says nothing.
pub(crate) fn text(text: &str) -> Source {
    named("ticket.txt", text)
}

/// A text in a file of this name.
pub(crate) fn named(path: &str, text: &str) -> Source {
    Source {
        path: EntryPath::new(path),
        text: text.to_owned(),
    }
}

impl Source {
    /// The file.
    pub(crate) fn file(&self) -> TextFile<'_> {
        TextFile::new(Arc::from("b"), &self.path, &self.text)
    }

    /// What a decoder makes of the file, asked at every line as the reader does.
    pub(crate) fn decode(&self, decode: fn(&TextFile<'_>, usize) -> Option<Section>) -> Section {
        let file = self.file();
        let mut all = Section::default();
        let mut line = 0;
        while line < file.lines.len() {
            match decode(&file, line) {
                Some(section) => {
                    assert!(
                        section.end > line && section.end <= file.lines.len(),
                        "a section ends after its start, within the file"
                    );
                    line = section.end;
                    all.end = section.end;
                    all.facts.extend(section.facts);
                    all.problems.extend(section.problems);
                }
                None => line += 1,
            }
        }
        all
    }
}

/// The object of a fact.
pub(crate) fn object(fact: &Fact) -> &ObjectFact {
    match fact {
        Fact::Object(object) => object,
        other => panic!("not an object: {other:?}"),
    }
}

/// The objects of a section, as `Kind namespace/name`.
pub(crate) fn names(section: &Section) -> Vec<String> {
    objects(section)
        .map(|fact| {
            let text = |pointer: &str| {
                fact.value
                    .pointer(pointer)
                    .and_then(Value::as_str)
                    .unwrap_or("")
                    .to_owned()
            };
            format!(
                "{} {}/{}",
                text("/kind"),
                text("/metadata/namespace"),
                text("/metadata/name")
            )
        })
        .collect()
}

/// The objects of a section.
pub(crate) fn objects(section: &Section) -> impl Iterator<Item = &ObjectFact> {
    section.facts.iter().filter_map(|fact| match fact {
        Fact::Object(object) => Some(object.as_ref()),
        _ => None,
    })
}

/// The first object of a kind and name.
pub(crate) fn find<'s>(section: &'s Section, kind: &str, name: &str) -> &'s ObjectFact {
    objects(section)
        .find(|fact| fact.value["kind"] == kind && fact.value["metadata"]["name"] == name)
        .unwrap_or_else(|| panic!("no {kind} {name} among {:?}", names(section)))
}

/// The value behind a pointer; null when there is none.
pub(crate) fn at<'o>(fact: &'o ObjectFact, pointer: &str) -> &'o Value {
    fact.value.pointer(pointer).unwrap_or(&Value::Null)
}

/// The 1-based line that shows a field: that of its pointer or of the nearest one above.
pub(crate) fn cited_line(fact: &ObjectFact, pointer: &str) -> u64 {
    let Pointer::Lines(lines) = &fact.pointer else {
        panic!("read from text")
    };
    let mut at = pointer;
    loop {
        if let Some(cite) = lines.get(at) {
            let Place::Lines(first, _) = cite.place else {
                panic!("cited by line")
            };
            return first;
        }
        at = at.rsplit_once('/').unwrap().0;
    }
}

//! Helpers for the decoders' own tests.

use super::{Decoder, Fact, Section, TextFile};
use crate::model::EntryPath;

/// All sections that one decoder finds in a text, tried at every line as the reader does.
pub(super) fn sections(decoder: &Decoder, text: &str) -> Vec<Section> {
    let path = EntryPath::new("test.txt");
    let file = TextFile::new("b".into(), &path, text);
    let mut found = Vec::new();
    let mut line = 0;
    while line < file.lines.len() {
        match (decoder.decode)(&file, line) {
            Some(section) => {
                assert!(section.end > line, "a section must consume its first line");
                line = section.end;
                found.push(section);
            }
            None => line += 1,
        }
    }
    found
}

/// `Kind/name` of every object in some sections.
pub(super) fn names(sections: &[Section]) -> Vec<String> {
    sections
        .iter()
        .flat_map(|section| &section.facts)
        .filter_map(|fact| match fact {
            Fact::Object(object) => Some(format!(
                "{}/{}",
                object.value["kind"].as_str()?,
                object.value["metadata"]["name"].as_str()?
            )),
            _ => None,
        })
        .collect()
}

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

/// Fails when a decoder that is asked at every line looks at all the other lines each time: a text of a few bytes, over and over, would
/// take it hours.
pub(super) fn assert_takes_linear_time(decoder: &Decoder, unit: &str) {
    let text = unit.repeat((1 << 20) / unit.len());
    let start = std::time::Instant::now();
    sections(decoder, &text);
    // A section costs microseconds; one that looks at all the other lines costs milliseconds here.
    assert!(
        start.elapsed().as_secs() < 20,
        "{unit:?}, repeated, took {:?}",
        start.elapsed()
    );
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

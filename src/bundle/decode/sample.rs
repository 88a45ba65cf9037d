//! Helpers of this folder's tests.

use super::{Decoder, Section, TextFile};
use crate::model::EntryPath;

/// Asks `decoder` about the 0-based line `start` of a file.
pub(super) fn section_at(decoder: &Decoder, path: &str, text: &str, start: usize) -> Option<Section> {
    let path = EntryPath::new(path);
    (decoder.decode)(&TextFile::new("b".into(), &path, text), start)
}

/// Asks `decoder` about the first line of a file.
pub(super) fn section(decoder: &Decoder, path: &str, text: &str) -> Option<Section> {
    section_at(decoder, path, text, 0)
}

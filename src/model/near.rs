//! Help with what was mistyped: where it stands, and what is nearest to it.

/// The nearest of the known words, if it is near enough to have been meant.
pub fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let likeness = |known: &str| strsim::jaro_winkler(&word.to_ascii_lowercase(), &known.to_ascii_lowercase());
    known
        .into_iter()
        .map(|known| (likeness(known), known))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, known)| known)
}

/// Line and column, both from 1 and in characters, of a byte of a text.
pub fn position(text: &str, byte: usize) -> (usize, usize) {
    let before = text.get(..byte).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_is_named_and_what_is_far_is_not() {
        assert_eq!(nearest("formts", ["lang", "formats", "tz"]), Some("formats"));
        assert_eq!(nearest("xyz", ["lang", "formats"]), None);
    }

    #[test]
    fn a_place_is_counted_as_an_editor_counts() {
        assert_eq!(position("中文 = 1\nb = 2", "中文 = 1\n".len()), (2, 1));
        assert_eq!(position("中文 = 1", "中文 ".len()), (1, 4));
    }
}

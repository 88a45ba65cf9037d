//! Where a long text may be cut.

/// How far from the middle places are looked for.
const DISTANCES: [usize; 7] = [0, 64, 256, 1024, 4096, 16_384, 32_768];

/// Places at which to try a cut, the nearest first: behind line ends, or where there is none behind what separates words.
pub(super) fn candidates(text: &str, middle: usize) -> Vec<usize> {
    let middle = text.floor_char_boundary(middle.min(text.len()));
    let has_lines = memchr::memchr(b'\n', text.as_bytes()).is_some();
    let ends = |c: char| match has_lines {
        true => c == '\n',
        false => c.is_whitespace() || matches!(c, ',' | ';' | '}' | ']'),
    };
    let mut found = Vec::new();
    for distance in DISTANCES {
        let before = text.get(..text.floor_char_boundary(middle.saturating_sub(distance)));
        let after = text.floor_char_boundary(middle.saturating_add(distance).min(text.len()));
        let behind = |start: usize, part: &str, at: Option<usize>| {
            let at = at?;
            Some(start + at + part.get(at..)?.chars().next()?.len_utf8())
        };
        found.extend(before.and_then(|part| behind(0, part, part.rfind(ends))));
        found.extend(text.get(after..).and_then(|part| behind(after, part, part.find(ends))));
    }
    if !has_lines {
        found.push(middle);
    }
    let mut once = Vec::new();
    for cut in found.into_iter().filter(|cut| (1..text.len()).contains(cut)) {
        if !once.contains(&cut) {
            once.push(cut);
        }
    }
    once
}

#[cfg(test)]
mod tests {
    use super::super::Masker;
    use super::candidates;

    #[test]
    fn places_are_behind_line_ends_or_words() {
        assert_eq!(candidates("a\nb c\nd e f", 4), [2, 6]);
        assert_eq!(candidates("a b,c", 2), [2, 4]);
        assert_eq!(candidates("abcdef", 3), [3]);
        assert!(candidates("", 0).is_empty());
    }

    #[test]
    fn a_seam_parts_no_secret_and_none_from_its_name() {
        let long = "word ".repeat(40);
        for (text, middle) in [
            (format!("{long}password: correct horse {long}"), long.len() + 12),
            (format!("{long}--password admin {long}"), long.len() + 11),
            (
                format!("{long}\n  \"name\": \"DB_PASSWORD\",\n  \"value\": \"admin\"\n{long}"),
                long.len() + 25,
            ),
            (
                format!("{long}\nkind: Secret\ndata:\n  a: b25l\n  b: dHdv\n---\n{long}"),
                long.len() + 30,
            ),
        ] {
            let mut masker = Masker::new();
            let cut = masker.seam(&text, middle).unwrap();
            let whole = Masker::new().mask(&text).into_owned();
            let mut masker = Masker::new();
            let parts = format!("{}{}", masker.mask(&text[..cut]), Masker::new().mask(&text[cut..]));
            let numberless = |text: &str| text.replace(|c: char| c.is_ascii_digit(), "");
            assert_eq!(numberless(&parts), numberless(&whole), "{text} at {cut}");
        }
    }
}

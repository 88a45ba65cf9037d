//! How a section is recognised: by the heading of its table, by the shape of its lines, or by how its file begins.

use std::sync::LazyLock;

use regex::Regex;

use super::{Section, TextFile};

/// A regular expression that is compiled at first use; one that does not compile fits nothing.
pub(super) struct Shape(LazyLock<Result<Regex, regex::Error>>);

impl Shape {
    /// A shape from the function that compiles it.
    pub(super) const fn new(make: fn() -> Result<Regex, regex::Error>) -> Self {
        Self(LazyLock::new(make))
    }

    /// True when the line has this shape.
    pub(super) fn fits(&self, line: &str) -> bool {
        self.0.as_ref().is_ok_and(|regex| regex.is_match(line))
    }

    /// The groups of a line of this shape.
    pub(super) fn groups<'l>(&self, line: &'l str) -> Option<regex::Captures<'l>> {
        self.0.as_ref().ok()?.captures(line)
    }
}

/// The text of a named group; empty when it took no part in the match.
pub(super) fn group<'l>(found: &regex::Captures<'l>, name: &str) -> &'l str {
    found.name(name).map_or("", |group| group.as_str())
}

/// True when `words` stand in the line in this order, the first at its beginning, each after white space.
pub(super) fn is_heading(line: &str, words: &[&str]) -> bool {
    let mut rest = line.trim_start();
    if words.first().is_none_or(|first| !rest.starts_with(first)) {
        return false;
    }
    for word in words {
        let found = rest
            .split_once(word)
            .filter(|(before, _)| before.is_empty() || before.ends_with(char::is_whitespace));
        match found {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    true
}

/// A table whose heading [`is_heading`]; it ends at a blank line.
pub(super) fn table(file: &TextFile<'_>, start: usize, words: &[&str]) -> Option<Section> {
    is_heading(file.line(start), words).then(|| until_blank(file, start))
}

/// Consecutive lines of one shape, and those between that begin with `continued` unless that is empty.
pub(super) fn lines(file: &TextFile<'_>, start: usize, shape: &Shape, continued: &str) -> Option<Section> {
    if !shape.fits(file.line(start)) {
        return None;
    }
    let belongs = |line: &&str| shape.fits(line) || !continued.is_empty() && line.starts_with(continued);
    let end = start + file.lines.iter().skip(start).take_while(|line| belongs(line)).count();
    Some(Section {
        end,
        ..Section::default()
    })
}

/// The lines from `start` to the next blank one.
pub(super) fn until_blank(file: &TextFile<'_>, start: usize) -> Section {
    let is_text = |line: &&&str| !line.trim().is_empty();
    Section {
        end: start + file.lines.iter().skip(start).take_while(is_text).count(),
        ..Section::default()
    }
}

/// True when nothing but blank lines and comments stands before `start`.
pub(super) fn is_first(file: &TextFile<'_>, start: usize) -> bool {
    /// A licence fits in; a hostile file cannot make each of its lines look at all those before.
    const MOST_COMMENTS: usize = 100;
    start <= MOST_COMMENTS
        && file
            .lines
            .iter()
            .take(start)
            .all(|line| line.trim().is_empty() || line.starts_with('#') || *line == "---")
}

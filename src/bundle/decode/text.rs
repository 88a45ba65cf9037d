//! A decoded text file, cut into lines, and the sections found in it.

use std::cell::OnceCell;
use std::sync::Arc;

use super::Fact;
use crate::model::{Citation, EntryPath, Place, Problem, QuoteLine};

/// A file as text. Lines are cut at `\n`, a trailing `\r` removed.
pub struct TextFile<'t> {
    /// Alias of the bundle, for citations.
    pub bundle: Arc<str>,
    /// Path in the bundle; a hint, not a fact.
    pub path: &'t EntryPath,
    /// The whole text, lossily decoded.
    pub text: &'t str,
    /// The lines.
    pub lines: Vec<&'t str>,
    offsets: Vec<usize>,
    json_starts: OnceCell<Vec<usize>>,
    separators: OnceCell<Vec<usize>>,
}

impl<'t> TextFile<'t> {
    /// Cuts `text` into lines.
    pub fn new(bundle: Arc<str>, path: &'t EntryPath, text: &'t str) -> Self {
        let mut lines = Vec::new();
        let mut offsets = Vec::new();
        let mut offset = 0;
        for raw in text.split_inclusive('\n') {
            offsets.push(offset);
            offset += raw.len();
            let line = raw.strip_suffix('\n').unwrap_or(raw);
            lines.push(line.strip_suffix('\r').unwrap_or(line));
        }
        Self {
            bundle,
            path,
            text,
            lines,
            offsets,
            json_starts: OnceCell::new(),
            separators: OnceCell::new(),
        }
    }

    /// The line at a 0-based index; empty beyond the end.
    pub fn line(&self, index: usize) -> &'t str {
        self.lines.get(index).copied().unwrap_or("")
    }

    /// The text from the start of a 0-based line to the end.
    pub fn from_line(&self, index: usize) -> &'t str {
        self.offsets
            .get(index)
            .and_then(|&offset| self.text.get(offset..))
            .unwrap_or("")
    }

    /// The 0-based index of the line that holds the byte at `offset` of the whole text.
    pub fn line_at_offset(&self, offset: usize) -> usize {
        self.offsets.partition_point(|&start| start <= offset).saturating_sub(1)
    }

    /// The byte offset at which a 0-based line starts; the length of the text beyond the end.
    pub fn offset_of_line(&self, index: usize) -> usize {
        self.offsets.get(index).copied().unwrap_or(self.text.len())
    }

    /// How many lines before the 0-based `index` begin with a brace or a bracket.
    ///
    /// A file may hold a document on each of its lines, so that what stands before each of them must not be looked at every time.
    pub(super) fn json_starts_before(&self, index: usize) -> usize {
        let starts = self
            .json_starts
            .get_or_init(|| self.lines_that(|line| line.starts_with(['{', '['])));
        starts.partition_point(|&start| start < index)
    }

    /// How many YAML documents end before the 0-based `index`: a separator before any content opens the first one.
    pub(super) fn documents_before(&self, index: usize) -> usize {
        let separators = self.separators.get_or_init(|| {
            let is_content = |line: &&str| !line.trim().is_empty() && !line.starts_with('#');
            let first = self.lines.iter().position(is_content).unwrap_or(0);
            let mut separators = self.lines_that(|line| line == "---");
            separators.retain(|&line| line > first);
            separators
        });
        separators.partition_point(|&line| line < index)
    }

    fn lines_that(&self, is_wanted: fn(&str) -> bool) -> Vec<usize> {
        let lines = self.lines.iter().enumerate();
        lines
            .filter(|(_, line)| is_wanted(line))
            .map(|(index, _)| index)
            .collect()
    }

    /// Cites one 0-based line.
    pub fn cite(&self, index: usize) -> Citation {
        Citation::line(&self.bundle, self.path, index as u64 + 1, self.line(index))
    }

    /// Cites the 0-based lines `first..=last`; `hit` is the one that shows the fact. At most twelve lines are quoted, the hit among them.
    pub fn cite_range(&self, first: usize, last: usize, hit: usize) -> Citation {
        const MOST: usize = 12;
        let mut citation = self.cite(hit);
        citation.place = Place::Lines(first as u64 + 1, last as u64 + 1);
        let from = if last - first < MOST {
            first
        } else {
            hit.saturating_sub(MOST / 2).max(first)
        };
        citation.quote = (from..=last)
            .take(MOST)
            .map(|index| QuoteLine {
                line: Some(index as u64 + 1),
                text: self.line(index).into(),
                hit: index == hit,
            })
            .collect();
        citation
    }
}

/// What a decoder made of some lines.
#[derive(Debug, Default)]
pub struct Section {
    /// The 0-based index of the first line that does not belong to the section.
    pub end: usize,
    /// What was read.
    pub facts: Vec<Fact>,
    /// What could not be read.
    pub problems: Vec<Problem>,
    /// True when the lines should also be scanned as log text (a script's output, a description with messages).
    pub also_log: bool,
}

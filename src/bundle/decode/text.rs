//! A decoded text file, cut into lines, and the sections found in it.

use std::cell::{Cell, OnceCell};
use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Fact, Transcript};
use crate::bundle::Budget;
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
    /// What decoding may cost.
    pub budget: &'t Budget,
    /// Facts that are kept of it: a decoder that finds more need not make them.
    pub most_facts: usize,
    /// Values of JSON and YAML that may still be made of it.
    values_left: Cell<u64>,
    offsets: Vec<usize>,
    /// The recording that the text was taken out of.
    recording: Option<&'t Transcript>,
    separators: OnceCell<Vec<usize>>,
    brackets: OnceCell<Vec<usize>>,
    pods_of_containers: OnceCell<BTreeMap<String, String>>,
}

impl<'t> TextFile<'t> {
    /// Cuts `text` into lines. The default budget applies.
    pub fn new(bundle: Arc<str>, path: &'t EntryPath, text: &'t str) -> Self {
        let mut lines = Vec::new();
        let mut offsets = Vec::new();
        let mut offset = 0;
        for raw in text.split_inclusive('\n') {
            offsets.push(offset);
            offset += raw.len();
            lines.push(without_end(raw));
        }
        Self {
            bundle,
            path,
            text,
            lines,
            budget: &Budget::DEFAULT,
            most_facts: usize::MAX,
            values_left: Cell::new(Budget::DEFAULT.max_values),
            offsets,
            recording: None,
            separators: OnceCell::new(),
            brackets: OnceCell::new(),
            pods_of_containers: OnceCell::new(),
        }
    }

    /// The same under another budget.
    pub fn within(self, budget: &'t Budget) -> Self {
        Self {
            budget,
            values_left: Cell::new(budget.max_values),
            ..self
        }
    }

    /// The same of which no more facts are kept.
    pub fn at_most(self, most_facts: usize) -> Self {
        Self { most_facts, ..self }
    }

    /// How many values of JSON and YAML may still be made of this file.
    pub(super) fn values_left(&self) -> u64 {
        self.values_left.get()
    }

    /// Counts values that were made of this file.
    pub(super) fn spend_values(&self, values: u64) {
        self.values_left.set(self.values_left.get().saturating_sub(values));
    }

    /// The same as the text of a recording, whose lines stand elsewhere in the file.
    pub fn out_of(self, recording: &'t Transcript) -> Self {
        Self {
            recording: Some(recording),
            ..self
        }
    }

    /// The recording that the text was taken out of.
    pub fn recording(&self) -> Option<&'t Transcript> {
        self.recording
    }

    /// The 1-based line of the file at which a 0-based line of the text stands.
    pub fn number(&self, index: usize) -> u64 {
        self.recording
            .map_or(index as u64 + 1, |recording| recording.number(index))
    }

    /// What stands before the pointer of a JSON or YAML document that begins at a 0-based line, in the text of a recording.
    pub(super) fn place_in_recording(&self, index: usize) -> Option<String> {
        Some(self.recording?.place(index)?.to_owned())
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

    /// The lines of the whole text, also those that [`TextFile::lines`] does not show yet: what is counted once must hold later too.
    fn all_lines(&self) -> impl Iterator<Item = &'t str> + use<'t> {
        self.text.split_inclusive('\n').map(without_end)
    }

    /// How many documents of a YAML stream begin before a 0-based line; a separator at the beginning opens the first.
    pub fn yaml_documents_before(&self, line: usize) -> usize {
        // Most files hold one document, and of these the separators need not be looked for.
        if line <= 1 {
            return 0;
        }
        let separators = self.separators.get_or_init(|| {
            let is_text = |line: &&str| !line.trim().is_empty() && !line.starts_with('#');
            let first = self.all_lines().position(|line| is_text(&line));
            let all = self.all_lines().enumerate();
            all.filter(|&(index, line)| line == "---" && Some(index) != first)
                .map(|(index, _)| index)
                .collect()
        });
        separators.partition_point(|&index| index < line)
    }

    /// How many lines before a 0-based one begin as a JSON document does, with a bracket at the margin.
    pub fn json_documents_before(&self, line: usize) -> usize {
        let brackets = self.brackets.get_or_init(|| {
            let all = self.all_lines().enumerate();
            all.filter(|(_, line)| line.starts_with(['{', '[']))
                .map(|(index, _)| index)
                .collect()
        });
        brackets.partition_point(|&index| index < line)
    }

    /// The pods of containers by the containers' ids, where the text has a list of them that `read` reads. The text is read once.
    pub(super) fn pods_of_containers(
        &self,
        read: impl FnOnce(&str) -> BTreeMap<String, String>,
    ) -> &BTreeMap<String, String> {
        self.pods_of_containers.get_or_init(|| read(self.text))
    }

    /// Cites one 0-based line.
    pub fn cite(&self, index: usize) -> Citation {
        Citation::line(&self.bundle, self.path, self.number(index), self.line(index))
    }

    /// A single value of the machine by a dotted name, which a 0-based line shows.
    pub fn value(&self, index: usize, key: impl Into<String>, value: impl Into<String>) -> Fact {
        Fact::Value {
            key: key.into(),
            value: value.into(),
            cite: self.cite(index),
        }
    }

    /// Cites the 0-based lines `first..=last`; `hit` is the one that shows the fact. At most twelve lines are quoted, the hit among them.
    pub fn cite_range(&self, first: usize, last: usize, hit: usize) -> Citation {
        const MOST: usize = 12;
        let mut citation = self.cite(hit);
        citation.place = Place::Lines(self.number(first), self.number(last));
        let from = if last - first < MOST {
            first
        } else {
            hit.saturating_sub(MOST / 2).max(first)
        };
        citation.quote = (from..=last)
            .take(MOST)
            .map(|index| QuoteLine {
                line: Some(self.number(index)),
                text: self.line(index).into(),
                hit: index == hit,
            })
            .collect();
        citation
    }
}

fn without_end(raw: &str) -> &str {
    let line = raw.strip_suffix('\n').unwrap_or(raw);
    line.strip_suffix('\r').unwrap_or(line)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_counted_in_the_whole_text_even_while_its_end_is_not_shown() {
        let path = EntryPath::new("a");
        let mut file = TextFile::new("b".into(), &path, "{}\n---\n{}\n---\n{}\n");
        file.lines.truncate(1);
        assert_eq!((file.json_documents_before(1), file.yaml_documents_before(1)), (1, 0));
        assert_eq!((file.json_documents_before(5), file.yaml_documents_before(5)), (3, 2));
    }
}

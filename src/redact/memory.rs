//! The secrets that are known so far, and the automata that find them.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use aho_corasick::{AhoCorasick, Input, Match, MatchKind};
use rayon::prelude::*;

use super::forms::{self, Form};
use super::key::Key;
use super::{Class, Redaction};

/// The number of a known secret, in order of first sight over all classes.
pub(super) type Id = usize;

/// A stretch of text that a secret takes, in bytes.
#[derive(Clone, Copy)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) id: Id,
}

/// Known secrets. There is no `Debug` on purpose: nothing here may be printed but tokens.
#[derive(Default)]
pub(super) struct Memory {
    entries: Vec<Entry>,
    numbers: HashMap<Class, u64>,
    by_value: HashMap<Arc<str>, Id>,
    searched: HashSet<Arc<str>>,
    literals: Vec<(Id, Arc<str>)>,
    tiers: Vec<Tier>,
    key: Option<Key>,
}

struct Entry {
    class: Class,
    token: String,
    count: u64,
    files: BTreeSet<u64>,
}

/// An automaton over `literals[from..to]`. New secrets make a small tier, and tiers of like size are joined, so that text that
/// brings a new secret on every line costs a logarithm and not a square.
struct Tier {
    from: usize,
    to: usize,
    automaton: Option<AhoCorasick>,
    /// Each with the place of its literal, from `from` on.
    forms: Vec<(usize, Form)>,
}

impl Memory {
    /// A memory whose tokens are made with a key.
    pub(super) fn with_key(key: Key) -> Self {
        Self {
            key: Some(key),
            ..Self::default()
        }
    }

    /// The secret with this value; it is added when it is new. The class of the first sight stays.
    pub(super) fn id_of(&mut self, class: Class, value: &str) -> Id {
        if let Some(&id) = self.by_value.get(value) {
            return id;
        }
        let token = match &self.key {
            Some(key) => class.keyed_token(&key.digest("secret", value)),
            None => {
                let number = self.numbers.entry(class).or_default();
                *number += 1;
                class.token(*number)
            }
        };
        let entry = Entry {
            class,
            token,
            count: 0,
            files: BTreeSet::new(),
        };
        self.entries.push(entry);
        let id = self.entries.len() - 1;
        self.by_value.insert(value.into(), id);
        id
    }

    /// Searches for `literal` from now on, as another way to write the secret `id`.
    pub(super) fn search_for(&mut self, id: Id, literal: &str) {
        // A value may be long, so that all keep the same copy of it.
        let literal = match self.by_value.get_key_value(literal) {
            Some((known, _)) => Arc::clone(known),
            None => literal.into(),
        };
        let owner = *self.by_value.entry(Arc::clone(&literal)).or_insert(id);
        if self.searched.insert(Arc::clone(&literal)) {
            self.literals.push((owner, literal));
        }
    }

    /// What stands in place of a secret.
    pub(super) fn token(&self, id: Id) -> &str {
        self.entries.get(id).map_or("", |entry| &entry.token)
    }

    /// Counts one replacement in the file with this number.
    pub(super) fn count(&mut self, id: Id, file: u64) {
        if let Some(entry) = self.entries.get_mut(id) {
            entry.count += 1;
            entry.files.insert(file);
        }
    }

    /// The secrets that were replaced at least once.
    pub(super) fn summary(&self) -> Vec<Redaction> {
        let used = self.entries.iter().filter(|entry| entry.count > 0);
        used.map(|entry| Redaction {
            class: entry.class,
            token: entry.token.clone(),
            count: entry.count,
            files: entry.files.len() as u64,
        })
        .collect()
    }

    /// How many secrets are known.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Every literal that is searched for, with its owner.
    pub(super) fn literals(&self) -> &[(Id, Arc<str>)] {
        &self.literals
    }

    /// All places in `text` where a known secret stands in any form. Where it was searched before, for all that is known now, and has
    /// changed since, `changed` says in which places, in order.
    pub(super) fn find(&mut self, text: &str, changed: Option<&[Range<usize>]>, spans: &mut Vec<Span>) {
        let knew_all = self.build_tiers();
        let changed = changed.filter(|_| knew_all);
        for tier in &self.tiers {
            let Some(automaton) = &tier.automaton else { continue };
            let mut covered = 0;
            let hits = match changed {
                Some(changed) => heads_near(automaton, text, changed),
                None => heads(automaton, text, STRETCH),
            };
            for hit in hits {
                // One base64 word can hold a secret many times; it is widened once.
                if hit.end() <= covered {
                    continue;
                }
                if let Some((literal, form)) = tier.forms.get(hit.pattern().as_usize())
                    && let Some((id, literal)) = self.literals.get(tier.from + literal)
                {
                    let (start, end) = whole(text, hit.start(), hit.end(), form, literal);
                    covered = end;
                    spans.push(Span { start, end, id: *id });
                }
            }
        }
    }

    /// Says whether there was nothing to build: what is known was known when a text was last searched.
    fn build_tiers(&mut self) -> bool {
        let done = self.tiers.last().map_or(0, |tier| tier.to);
        if done == self.literals.len() {
            return true;
        }
        let mut from = done;
        let to = self.literals.len();
        while let Some(last) = self.tiers.last()
            && to - from >= (last.to - last.from) / 2
        {
            from = last.from;
            self.tiers.pop();
        }
        let fresh = self.literals.get(from..to).unwrap_or_default();
        self.tiers.push(Tier::new(fresh, from, to));
        false
    }
}

impl Tier {
    fn new(literals: &[(Id, Arc<str>)], from: usize, to: usize) -> Self {
        let forms = all_forms(literals);
        Self {
            from,
            to,
            automaton: automaton(&forms),
            forms,
        }
    }
}

/// Every form of every literal, with the literal's place.
pub(super) fn all_forms(literals: &[(Id, Arc<str>)]) -> Vec<(usize, Form)> {
    literals
        .iter()
        .enumerate()
        .flat_map(|(at, (_, literal))| forms::of(literal).into_iter().map(move |form| (at, form)))
        .collect()
}

/// Finds the heads of `forms`, longest first. Building fails only beyond two thousand million states, which no budget allows.
pub(super) fn automaton(forms: &[(usize, Form)]) -> Option<AhoCorasick> {
    let heads = forms.iter().map(|(_, form)| &form.head);
    AhoCorasick::builder()
        .match_kind(MatchKind::LeftmostLongest)
        .build(heads)
        .ok()
}

/// The heads in the `changed` places of a text that has none elsewhere, and those that reach into these places.
fn heads_near(automaton: &AhoCorasick, text: &str, changed: &[Range<usize>]) -> Vec<Match> {
    let margin = automaton.max_pattern_len();
    let mut found: Vec<Match> = Vec::new();
    let mut done = 0;
    for range in changed {
        let start = range.start.saturating_sub(margin).max(done);
        let end = range.end.saturating_add(margin).min(text.len());
        if start < end {
            found.extend(automaton.find_iter(Input::new(text).range(start..end)));
            done = found.last().map_or(start, Match::end).max(range.end);
        }
    }
    found
}

/// Text of more bytes is searched in stretches of this length, side by side.
const STRETCH: usize = 512 << 10;

/// All heads in `text`, as a search from its start to its end finds them, in stretches of this `length`.
fn heads(automaton: &AhoCorasick, text: &str, length: usize) -> Vec<Match> {
    let from = |at: usize| automaton.find_iter(Input::new(text).range(at..));
    if text.len() <= length {
        return from(0).collect();
    }
    let starts: Vec<usize> = (0..text.len()).step_by(length).collect();
    let by_stretch: Vec<(usize, Vec<Match>)> = starts
        .into_par_iter()
        .map(|start| {
            let behind = start.saturating_add(length);
            (behind, from(start).take_while(|hit| hit.start() < behind).collect())
        })
        .collect();
    let mut found: Vec<Match> = Vec::new();
    for (behind, stretch) in by_stretch {
        let end = found.last().map_or(0, Match::end);
        let mut rest = stretch.as_slice();
        // A head that reaches into this stretch takes the place of those that begin in it, until both searches find the same again.
        if rest.first().is_some_and(|hit| hit.start() < end) {
            let mut again = from(end).take_while(|hit| hit.start() < behind);
            rest = loop {
                let Some(hit) = again.next() else { break &[] };
                let same = rest.partition_point(|other| other.start() < hit.start());
                match rest.get(same..) {
                    Some(same) if same.first() == Some(&hit) => break same,
                    _ => found.push(hit),
                }
            };
        }
        found.extend_from_slice(rest);
    }
    found
}

/// Widens the hit of a head to the whole written value, as far as it stands there. Around base64 the whole base64 word goes: the
/// characters next to the hit hold bits of the secret.
fn whole(text: &str, start: usize, end: usize, form: &Form, literal: &str) -> (usize, usize) {
    let before = text.as_bytes().get(..start).unwrap_or_default();
    let after = text.as_bytes().get(end..).unwrap_or_default();
    if form.writing.is_base64() {
        let word = |b: &&u8| b.is_ascii_alphanumeric() || matches!(**b, b'+' | b'/' | b'-' | b'_');
        let left = before.iter().rev().take_while(word).count();
        let right = after.iter().take_while(word).count();
        let padding = after.iter().skip(right).take(2).take_while(|b| **b == b'=').count();
        return (start - left, end + right + padding);
    }
    if !form.is_cut {
        return (start, end);
    }
    let written = form.writing.write(literal);
    let rest = written.as_bytes().get(form.head.len()..).unwrap_or_default();
    let same = after.iter().zip(rest).take_while(|(a, b)| a == b).count();
    (start, text.floor_char_boundary(end + same))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Heads that overlap in every way, and stretches that are hardly longer than they.
        #[test]
        fn stretches_hide_nothing(text in "[ab]{0,80}", heads_of in prop::collection::vec("[ab]{1,6}", 1..6), length in 1usize..20) {
            let automaton = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(heads_of).unwrap();
            let whole: Vec<Match> = automaton.find_iter(&text).collect();
            prop_assert_eq!(heads(&automaton, &text, length), whole);
        }
    }
}

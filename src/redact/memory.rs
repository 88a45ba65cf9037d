//! The secrets that are known so far, and the automata that find them.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use aho_corasick::{AhoCorasick, MatchKind};

use super::forms::{self, Form, Writing};
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

    /// All places in `text` where a known secret stands in any form.
    pub(super) fn find(&mut self, text: &str, spans: &mut Vec<Span>) {
        self.build_tiers();
        for tier in &self.tiers {
            let Some(automaton) = &tier.automaton else { continue };
            let mut covered = 0;
            for hit in automaton.find_iter(text) {
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

    fn build_tiers(&mut self) {
        let done = self.tiers.last().map_or(0, |tier| tier.to);
        if done == self.literals.len() {
            return;
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

/// Widens the hit of a head to the whole written value, as far as it stands there. Around base64 the whole base64 word goes: the
/// characters next to the hit hold bits of the secret.
fn whole(text: &str, start: usize, end: usize, form: &Form, literal: &str) -> (usize, usize) {
    let before = text.as_bytes().get(..start).unwrap_or_default();
    let after = text.as_bytes().get(end..).unwrap_or_default();
    if form.writing == Writing::Base64 {
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

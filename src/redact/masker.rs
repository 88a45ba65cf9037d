//! The one that masks.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::ops::Range;

use rayon::prelude::*;
use serde_json::{Map, Value};

use super::given::{Given, Pattern, Said};
use super::memory::{Id, Memory, Span};
use super::structure::{self, Found};
use super::{Class, Key, Leak, LeakFinder, Redaction, packed, patterns, seams};

/// Replaces secrets by tokens such as `‹token-1›`, the same value by the same token for as long as it lives.
///
/// Masking masked text changes nothing, and never changes the number of lines.
#[derive(Default)]
pub struct Masker {
    memory: Memory,
    files: HashMap<String, u64>,
    file: u64,
    /// Values that only look secret.
    allowed: HashSet<String>,
    /// Names of what a report speaks of, and their parts: a secret that is called the same is only masked where it stands as one.
    names: HashSet<String>,
    /// What a person's patterns match is secret.
    given: Vec<Pattern>,
    /// What is left for packed text of what is looked at.
    budget: packed::Budget,
}

/// Deeper values than this are dropped by [`Masker::mask_json`]; the parsers of JSON and YAML stop at 128.
const DEEPEST: usize = 256;

impl Masker {
    /// A masker that knows nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A masker whose tokens depend on `key` and the value alone, so that bundles which are masked with the same key can be compared.
    pub fn with_key(key: Key) -> Self {
        Self {
            memory: Memory::with_key(key),
            ..Self::default()
        }
    }

    /// Remembers the secrets that stand where Kubernetes, Docker and kubeconfig keep them; `value` may be any JSON.
    pub fn learn_json(&mut self, value: &Value) {
        self.budget.renew();
        for found in structure::find(value, &mut self.budget) {
            self.learn_found(&found);
        }
    }

    /// The same of many values, which are searched side by side and remembered in their order.
    pub fn learn_all(&mut self, values: &[&Value]) {
        let found: Vec<_> = values
            .par_iter()
            .map(|value| structure::find(value, &mut packed::Budget::default()))
            .collect();
        for found in &found {
            self.budget.renew();
            for found in found {
                self.learn_found(found);
            }
        }
    }

    /// Remembers one secret. Values that are too short or too common to be searched for everywhere are left alone.
    pub fn learn_secret(&mut self, class: Class, value: &str) {
        self.remember(class, value, &patterns::literals(class, value));
    }

    /// Takes to heart what a person said. To be done before anything is learned.
    pub fn heed(&mut self, said: &Said) {
        said.allow.iter().for_each(|value| self.allow(value));
        said.extra.iter().for_each(|given| self.learn_given(given));
    }

    /// Remembers what a person named: a value, however common it is, or a pattern.
    pub fn learn_given(&mut self, given: &Given) {
        match given {
            Given::Value(value) => {
                let id = self.memory.id_of(Class::Secret, &patterns::identity(value));
                self.memory.search_for(id, value);
            }
            Given::Pattern(pattern) => self.given.push(pattern.clone()),
        }
    }

    /// Remembers the settings in a file that is secret, but too long to be searched for as a whole.
    pub fn learn_settings(&mut self, text: &str) {
        self.budget.renew();
        for found in structure::settings(text) {
            self.learn_found(&found);
        }
    }

    /// A place near `middle` where `text` can be cut, so that its two parts become what the whole would when they are masked one after
    /// the other; at the end of a line, where it has lines. None where every place tried would part a secret, or part it from what
    /// gives it away.
    pub fn seam(&mut self, text: &str, middle: usize) -> Option<usize> {
        let bounds = |spans: Vec<Span>, from: usize| -> Vec<(usize, usize)> {
            let spans = merged(spans).into_iter();
            spans.map(|span| (span.start + from, span.end + from)).collect()
        };
        let whole = bounds(self.spans(text, None), 0);
        seams::candidates(text, middle).into_iter().find(|&cut| {
            let Some((left, right)) = text.split_at_checked(cut) else {
                return false;
            };
            let mut parts = bounds(self.spans(left, None), 0);
            parts.extend(bounds(self.spans(right, None), cut));
            parts == whole
        })
    }

    /// Leaves a value as it is, which a person named because it only looks secret. To be said before anything is learned.
    pub fn allow(&mut self, value: &str) {
        self.allowed.insert(value.to_owned());
    }

    /// Tells names that stand everywhere: `profile-api`, and so `profile`. A login that is called like its application is not searched for,
    /// since nothing could be said of the application any more. To be said before anything is learned.
    pub fn leave_names<'n>(&mut self, names: impl Iterator<Item = &'n str>) {
        for name in names {
            let parts = name.split(['-', '.', '_', '/', ':']);
            let parts = parts.filter(|part| part.len() >= 3).map(str::to_owned);
            self.names.extend(parts);
            self.names.insert(name.to_owned());
        }
    }

    /// Says that what is masked from now on stands in the file `name`. It serves only to count files.
    pub fn enter_file(&mut self, name: &str) {
        let next = self.files.len() as u64 + 1;
        self.file = *self.files.entry(name.to_owned()).or_insert(next);
    }

    /// `text` without its secrets: those that are known in any of their written forms, and those that can be told by their looks,
    /// which are known from then on.
    pub fn mask<'t>(&mut self, text: &'t str) -> Cow<'t, str> {
        self.budget.renew();
        self.mask_text(text)
    }

    /// The same for a part of what the budget is for.
    fn mask_text<'t>(&mut self, text: &'t str) -> Cow<'t, str> {
        let mut masked = Cow::Borrowed(text);
        let mut changed = None;
        // A token that replaces the left half of a word can lay bare a word boundary; a second look settles that.
        for _ in 0..3 {
            match self.mask_once(&masked, changed.as_deref()) {
                Some((next, tokens)) => (masked, changed) = (Cow::Owned(next), Some(tokens)),
                None => break,
            }
        }
        masked
    }

    /// Learns from the structure of `value`, puts tokens in place of the secrets that it shows, and masks every other string and key.
    pub fn mask_json(&mut self, value: &mut Value) {
        self.budget.renew();
        for found in structure::find(value, &mut self.budget) {
            let id = self.learn_found(&found);
            let Some(place) = &found.place else { continue };
            if self.allowed.contains(&found.value) {
                continue;
            }
            if let Some(Value::String(text)) = value.pointer_mut(&place.pointer)
                && let Some(kept) = text.get(..place.from)
            {
                *text = format!("{kept}{}", self.memory.token(id));
                self.memory.count(id, self.file);
            }
        }
        self.mask_strings(value, 0);
    }

    /// How often each secret was masked, in order of first sight. The values are not in it.
    pub fn summary(&self) -> Vec<Redaction> {
        self.memory.summary()
    }

    /// Searches `output` for every secret that is known, raw and escaped for JSON, URLs and HTML, and in base64 at any alignment.
    pub fn leaks(&self, output: &[u8]) -> Vec<Leak> {
        self.leak_finder().find(output)
    }

    /// What searches many outputs for every secret that is known now.
    pub fn leak_finder(&self) -> LeakFinder {
        LeakFinder::new(&self.memory)
    }

    fn learn_found(&mut self, found: &Found) -> Id {
        let literals = if found.searched {
            patterns::literals(found.class, &found.value)
        } else {
            Vec::new()
        };
        for hit in patterns::find(&found.value, &mut self.budget) {
            self.remember(hit.class, &hit.value, &hit.literals);
        }
        self.remember(found.class, &found.value, &literals)
    }

    fn remember(&mut self, class: Class, value: &str, literals: &[String]) -> Id {
        let id = self.memory.id_of(class, &patterns::identity(value));
        for literal in literals
            .iter()
            .filter(|literal| !self.allowed.contains(literal.as_str()) && !self.names.contains(literal.as_str()))
        {
            self.memory.search_for(id, literal);
        }
        id
    }

    /// Everything in `text` that is secret; it is known from then on. `changed` is where it differs from what was searched before.
    fn spans(&mut self, text: &str, changed: Option<&[Range<usize>]>) -> Vec<Span> {
        let mut spans = Vec::new();
        let hits = match changed {
            Some(changed) => patterns::find_near(text, changed, &mut self.budget),
            None => patterns::find(text, &mut self.budget),
        };
        for hit in hits {
            if self.allowed.contains(&hit.value) {
                continue;
            }
            let id = self.remember(hit.class, &hit.value, &hit.literals);
            spans.push(Span {
                start: hit.start,
                end: hit.end,
                id,
            });
        }
        let given: Vec<(usize, usize)> = self.given.iter().flat_map(|pattern| pattern.find(text)).collect();
        for (start, end) in given {
            let value = text.get(start..end).unwrap_or_default();
            if !self.allowed.contains(value) {
                let id = self.remember(Class::Secret, value, &patterns::literals(Class::Secret, value));
                spans.push(Span { start, end, id });
            }
        }
        self.memory.find(text, changed, &mut spans);
        spans
    }

    /// The text with tokens, and where they stand in it.
    fn mask_once(&mut self, text: &str, changed: Option<&[Range<usize>]>) -> Option<(String, Vec<Range<usize>>)> {
        let spans = self.spans(text, changed);
        if spans.is_empty() {
            return None;
        }
        let mut out = String::with_capacity(text.len());
        let mut at = 0;
        let mut tokens = Vec::new();
        for span in merged(spans) {
            out.push_str(text.get(at..span.start)?);
            let start = out.len();
            push_token(&mut out, self.memory.token(span.id), text.get(span.start..span.end)?);
            self.memory.count(span.id, self.file);
            tokens.push(start..out.len());
            at = span.end;
        }
        out.push_str(text.get(at..)?);
        Some((out, tokens))
    }

    fn mask_strings(&mut self, value: &mut Value, depth: usize) {
        match value {
            _ if depth > DEEPEST => *value = Value::Null,
            Value::String(text) => {
                if let Cow::Owned(masked) = self.mask_text(text) {
                    *text = masked;
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.mask_strings(item, depth + 1)),
            Value::Object(map) => {
                let mut masked = Map::new();
                for (key, mut item) in std::mem::take(map) {
                    self.mask_strings(&mut item, depth + 1);
                    masked.insert(self.mask_text(&key).into_owned(), item);
                }
                *map = masked;
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

/// Puts the token on every line that the secret took, at the line's indent: line numbers stay, and YAML stays YAML.
fn push_token(out: &mut String, token: &str, secret: &str) {
    for (at, line) in secret.split('\n').enumerate() {
        if at > 0 {
            out.push('\n');
            out.extend(line.chars().take_while(|c| matches!(c, ' ' | '\t')));
        }
        out.push_str(token);
    }
}

/// Spans in order, without overlaps: of two that overlap the one that starts first, or the longer one, takes both stretches.
fn merged(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_by_key(|span| (span.start, Reverse(span.end)));
    let mut merged: Vec<Span> = Vec::new();
    for span in spans {
        match merged.last_mut() {
            Some(last) if span.start < last.end => last.end = last.end.max(span.end),
            _ => merged.push(span),
        }
    }
    merged
}

impl fmt::Debug for Masker {
    /// Numbers only: a log of the program must not hold what the report hides.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Masker")
            .field("secrets", &self.memory.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;

//! Text signatures of all rules, tried together in one pass.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use rayon::prelude::*;
use regex::Regex;
use serde::{Deserialize, Serialize};

use super::tried::weight;
use super::{Tried, literal};

/// Where a text was found. A signature can be limited to some.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TextSource {
    /// The message of a Kubernetes event.
    Event,
    /// A message in an object's status: a waiting or terminated container, a condition.
    Status,
    /// A container's log.
    ContainerLog,
    /// The kubelet's log.
    Kubelet,
    /// The log of containerd, dockerd, CRI-O or cri-dockerd.
    Runtime,
    /// etcd's log.
    Etcd,
    /// The logs of the API server, scheduler, controller manager and kube-proxy.
    ControlPlane,
    /// The kernel's ring buffer, syslog, the journal.
    System,
    /// Text of which the origin is not known.
    Other,
}

/// A signature as a rule declares it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignatureSpec {
    /// Unique within its rule.
    pub id: String,
    /// Regular expression with named captures, tried on one line at a time.
    pub pattern: String,
    /// Where to look; everywhere when empty.
    #[serde(default, rename = "in")]
    pub sources: Vec<TextSource>,
    /// A line that matches this too is not a hit: a benign look-alike.
    #[serde(default)]
    pub unless: Option<String>,
    /// What of a line the pattern is tried on: the last group of this expression, or the whole of its match where it has none. The whole
    /// line without it. Rules of other programs, which look at messages alone, are taken over with it.
    #[serde(skip)]
    pub within: Option<String>,
    /// True for one whose distinct matches are of as many objects, such as the pods of a node: a log keeps the newest of them, and never
    /// counts what it says of one as said of another.
    #[serde(skip)]
    pub tells_of_many: bool,
}

/// Why a signature was refused.
#[derive(Debug, thiserror::Error)]
pub enum SignatureError {
    /// The regular expression does not compile.
    #[error("signature {id}: {source}")]
    Pattern {
        /// `rule/signature`.
        id: String,
        /// What is wrong with it.
        source: Box<regex::Error>,
    },
    /// No literal of four bytes or more is required by the pattern, so it would be tried on every line of every log.
    #[error(
        "signature {id}: the pattern needs a literal part of at least {} bytes",
        literal::SHORTEST
    )]
    NoLiteral {
        /// `rule/signature`.
        id: String,
    },
    /// The automaton over all literals could not be built.
    #[error("the signatures' literals do not fit one automaton: {0}")]
    Automaton(#[from] Box<aho_corasick::BuildError>),
}

/// A compiled signature.
#[derive(Debug)]
pub struct Signature {
    /// `rule/signature`.
    pub id: String,
    pattern: Pattern,
    unless: Option<Pattern>,
    within: Option<Pattern>,
    sources: Vec<TextSource>,
    tells_of_many: bool,
    /// Of a bounded rule: its place in [`SignatureSet::bounded`], and what the pattern weighs.
    bound: Option<(usize, u64)>,
}

/// All signatures and the automaton that finds which of them a text may carry.
#[derive(Debug)]
pub struct SignatureSet {
    signatures: Vec<Signature>,
    automaton: AhoCorasick,
    /// For each literal of the automaton, the index of its signature.
    owner: Vec<usize>,
    /// The rules whose signatures are tried on so much text and no more.
    bounded: Arc<[String]>,
}

/// A signature that matched a line.
#[derive(Debug, Clone)]
pub struct TextMatch<'s> {
    /// `rule/signature`.
    pub id: &'s str,
    /// Named captures that took part in the match.
    pub captures: BTreeMap<String, String>,
    /// The byte of the text after the match.
    pub end: usize,
    /// See [`SignatureSpec::tells_of_many`].
    pub(super) tells_of_many: bool,
}

/// Bounds the size of one compiled pattern, so that a hostile or careless one cannot take all memory.
const PATTERN_SIZE_LIMIT: usize = 1 << 20;

impl Signature {
    /// A whole journal, `/var/log/messages` and the log of k3s or RKE2 hold the lines of every component of the node.
    fn is_for(&self, source: TextSource) -> bool {
        const IN_A_JOURNAL: [TextSource; 4] = [
            TextSource::Kubelet,
            TextSource::Runtime,
            TextSource::Etcd,
            TextSource::ControlPlane,
        ];
        self.sources.is_empty()
            || self.sources.contains(&source)
            || source == TextSource::System && self.sources.iter().any(|source| IN_A_JOURNAL.contains(source))
    }
}

/// A regular expression that is compiled at first use: of hundreds, a bundle wakes a few.
#[derive(Debug)]
struct Pattern {
    text: String,
    compiled: OnceLock<Result<Regex, regex::Error>>,
}

impl Pattern {
    fn new(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            compiled: OnceLock::new(),
        }
    }

    fn compiled(&self) -> Result<&Regex, &regex::Error> {
        let compile = || {
            regex::RegexBuilder::new(&self.text)
                .size_limit(PATTERN_SIZE_LIMIT)
                .build()
        };
        self.compiled.get_or_init(compile).as_ref()
    }
}

/// A signature and the literals of which one has to be in a text that it matches.
fn parsed(rule: &str, spec: &SignatureSpec) -> Result<(Signature, Vec<String>), SignatureError> {
    let id = format!("{rule}/{}", spec.id);
    let wrong = |error: &regex_syntax::Error| SignatureError::Pattern {
        id: id.clone(),
        source: Box::new(regex::Error::Syntax(error.to_string())),
    };
    let required = literal::required(&spec.pattern).map_err(|error| wrong(&error))?;
    for beside in spec.unless.iter().chain(&spec.within) {
        regex_syntax::Parser::new()
            .parse(beside)
            .map_err(|error| wrong(&error))?;
    }
    let required = required.ok_or_else(|| SignatureError::NoLiteral { id: id.clone() })?;
    let signature = Signature {
        pattern: Pattern::new(&spec.pattern),
        unless: spec.unless.as_deref().map(Pattern::new),
        within: spec.within.as_deref().map(Pattern::new),
        sources: spec.sources.clone(),
        tells_of_many: spec.tells_of_many,
        bound: None,
        id,
    };
    Ok((signature, required))
}

impl SignatureSet {
    /// Compiles signatures given as (rule id, spec).
    pub fn new<'r>(specs: impl IntoIterator<Item = (&'r str, &'r SignatureSpec)>) -> Result<Self, SignatureError> {
        let specs: Vec<(&str, &SignatureSpec)> = specs.into_iter().collect();
        let parsed: Vec<(Signature, Vec<String>)> = specs
            .par_iter()
            .map(|(rule, spec)| parsed(rule, spec))
            .collect::<Result<_, _>>()?;
        let mut signatures = Vec::new();
        let mut literals = Vec::new();
        let mut owner = Vec::new();
        for (signature, required) in parsed {
            owner.extend(required.iter().map(|_| signatures.len()));
            literals.extend(required);
            signatures.push(signature);
        }
        // With a few hundred literals the automatic choice is an NFA a third as fast.
        let automaton = AhoCorasick::builder()
            .kind(Some(AhoCorasickKind::DFA))
            .match_kind(MatchKind::Standard)
            .ascii_case_insensitive(true)
            .build(&literals)
            .map_err(|error| SignatureError::Automaton(Box::new(error)))?;
        Ok(Self {
            signatures,
            automaton,
            owner,
            bounded: Arc::default(),
        })
    }

    /// The same, with what the signatures of some rules are tried on bounded.
    pub fn bounding<'r>(mut self, rules: impl IntoIterator<Item = &'r str>) -> Self {
        self.bounded = rules.into_iter().map(str::to_owned).collect();
        let places: BTreeMap<&str, usize> = (self.bounded.iter().map(String::as_str)).zip(0..).collect();
        for signature in &mut self.signatures {
            let place = signature.id.split('/').next().and_then(|rule| places.get(rule));
            signature.bound = place.map(|&place| {
                let patterns = std::iter::once(&signature.pattern).chain(&signature.unless);
                (place, patterns.map(|pattern| weight(&pattern.text)).sum())
            });
        }
        self
    }

    /// What the bounded rules have used up of a bundle that is about to be read.
    pub fn tried(&self) -> Tried {
        Tried::new(&self.bounded)
    }

    /// Byte offsets in `block` at which a literal of some signature ends, with the signature's index. For scanning whole blocks.
    pub(super) fn candidates<'b>(&'b self, block: &'b [u8]) -> impl Iterator<Item = (usize, usize)> + 'b {
        self.automaton
            .find_overlapping_iter(block)
            .filter_map(|found| Some((found.end(), *self.owner.get(found.pattern().as_usize())?)))
    }

    /// Compiles every expression, which otherwise happens when a text may match it.
    ///
    /// # Errors
    /// One is too large.
    pub fn compile(&self) -> Result<(), SignatureError> {
        self.signatures.par_iter().try_for_each(|signature| {
            let patterns = std::iter::once(&signature.pattern)
                .chain(&signature.unless)
                .chain(&signature.within);
            patterns.map(Pattern::compiled).try_for_each(|compiled| match compiled {
                Ok(_) => Ok(()),
                Err(error) => Err(SignatureError::Pattern {
                    id: signature.id.clone(),
                    source: Box::new(error.clone()),
                }),
            })
        })
    }

    /// The signatures that match one line (or one message) from `source`, in the order of their declaration. It counts in `tried`.
    pub fn matches(&self, text: &str, source: TextSource, tried: &Tried) -> Vec<TextMatch<'_>> {
        let mut indices: Vec<usize> = self.candidates(text.as_bytes()).map(|(_, index)| index).collect();
        indices.sort_unstable();
        indices.dedup();
        indices
            .into_iter()
            .filter(|&index| self.applies(index, source))
            .filter_map(|index| self.confirm(index, text, tried))
            .collect()
    }

    /// True when the signature called `id` is looked for in texts from `source`.
    pub fn is_for(&self, id: &str, source: TextSource) -> bool {
        self.signatures
            .iter()
            .any(|signature| signature.id == id && signature.is_for(source))
    }

    pub(super) fn applies(&self, index: usize, source: TextSource) -> bool {
        self.signatures
            .get(index)
            .is_some_and(|signature| signature.is_for(source))
    }

    /// The match of one signature with a line. A message that a log keeps between quotes (JSON, `key="value"`) has its own quotes escaped;
    /// it is tried without that too.
    pub(super) fn confirm(&self, index: usize, line: &str, tried: &Tried) -> Option<TextMatch<'_>> {
        let bound = self.signatures.get(index)?.bound;
        if bound.is_some_and(|(rule, weight)| !tried.takes(rule, line.len(), weight)) {
            return None;
        }
        self.confirm_as_written(index, line).or_else(|| {
            let plain = unescaped(line)?;
            let mut found = self.confirm_as_written(index, &plain)?;
            found.end = end_in(line, found.end);
            Some(found)
        })
    }

    fn confirm_as_written(&self, index: usize, line: &str) -> Option<TextMatch<'_>> {
        let signature = self.signatures.get(index)?;
        let pattern = signature.pattern.compiled().ok()?;
        let (from, looked_at) = match &signature.within {
            Some(within) => part_of(line, within.compiled().ok()?)?,
            None => (0, line),
        };
        let found = pattern.captures(looked_at)?;
        let unless = signature.unless.as_ref().and_then(|unless| unless.compiled().ok());
        if unless.is_some_and(|unless| unless.is_match(line)) {
            return None;
        }
        let captures = pattern
            .capture_names()
            .flatten()
            .filter_map(|name| Some((name.to_owned(), found.name(name)?.as_str().to_owned())))
            .collect();
        Some(TextMatch {
            id: &signature.id,
            captures,
            end: from + found.get_match().end(),
            tells_of_many: signature.tells_of_many,
        })
    }
}

/// The line with `\"` and `\\` as what they stand for, also where that was done to them more than once; none where it has no `\"`.
fn unescaped(line: &str) -> Option<String> {
    memchr::memmem::find(line.as_bytes(), b"\\\"")?;
    let mut plain = String::with_capacity(line.len());
    plain.extend(shown(line).map(|(_, c)| c));
    Some(plain)
}

/// The characters of a line that are no backslash before a quotation mark, with the byte after each.
fn shown(line: &str) -> impl Iterator<Item = (usize, char)> + '_ {
    // Until where the last run of backslashes goes, and whether a mark follows it.
    let (mut known, mut escapes) = (0, false);
    line.char_indices().filter_map(move |(at, c)| {
        if c == '\\' && at >= known {
            let after = line.get(at..).unwrap_or("").trim_start_matches('\\');
            (known, escapes) = (line.len() - after.len(), after.starts_with('"'));
        }
        (c != '\\' || !escapes).then(|| (at + c.len_utf8(), c))
    })
}

/// Where a byte of the unescaped line is in the line as it is written.
fn end_in(line: &str, end: usize) -> usize {
    let mut length = 0;
    shown(line)
        .find(|(_, c)| {
            length += c.len_utf8();
            length >= end
        })
        .map_or(line.len(), |(at, _)| at)
}

/// The part of a line that an expression points out, with its first byte.
fn part_of<'l>(line: &'l str, within: &Regex) -> Option<(usize, &'l str)> {
    let found = within.captures(line)?;
    let part = found.get(found.len().saturating_sub(1))?;
    Some((part.start(), part.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(id: &str, pattern: &str) -> SignatureSpec {
        SignatureSpec {
            id: id.into(),
            pattern: pattern.into(),
            sources: Vec::new(),
            unless: None,
            within: None,
            tells_of_many: false,
        }
    }

    #[test]
    fn captures_come_back_by_name() {
        let specs = [spec("refused", r"dial tcp (?P<peer>\S+): connect: connection refused")];
        let set = SignatureSet::new(specs.iter().map(|spec| ("r", spec))).unwrap();
        let found = set.matches(
            "Get \"https://x/v2/\": dial tcp 10.0.0.9:443: connect: connection refused",
            TextSource::Event,
            &set.tried(),
        );
        assert_eq!(found[0].id, "r/refused");
        assert_eq!(found[0].captures["peer"], "10.0.0.9:443");
    }

    #[test]
    fn a_message_between_quotes_is_tried_without_its_escapes() {
        let specs = [spec("table", r#"relation "(?P<table>[^"]+)" does not exist"#)];
        let set = SignatureSet::new(specs.iter().map(|spec| ("r", spec))).unwrap();
        for line in [
            r#"ERROR: relation "tiers" does not exist"#,
            r#"level=ERROR err="ERROR: relation \"tiers\" does not exist (SQLSTATE 42P01)""#,
            r#"{"log":"{\"err\":\"relation \\\"tiers\\\" does not exist\"}"}"#,
        ] {
            let found = set.matches(line, TextSource::ContainerLog, &set.tried());
            assert_eq!(found[0].captures["table"], "tiers", "{line}");
            assert!(line[..found[0].end].ends_with("exist"), "{line}");
        }
    }

    #[test]
    fn a_pattern_without_a_literal_is_refused() {
        let specs = [spec("any", r"\w+ \d+")];
        assert!(matches!(
            SignatureSet::new(specs.iter().map(|spec| ("r", spec))),
            Err(SignatureError::NoLiteral { .. })
        ));
    }

    #[test]
    fn a_pattern_may_be_tried_on_a_part_of_the_line() {
        let mut one = spec("x", r"\Adisk (?P<disk>\S+) failed\z");
        one.within = Some(r"kernel: (?:\[[^\]]*\] )?(.*)$".into());
        let set = SignatureSet::new([("r", &one)]).unwrap();
        let line = "Nov 21 10:20:42 n1 kernel: [1.2] disk sda failed";
        let found = set.matches(line, TextSource::System, &set.tried());
        assert_eq!((found[0].captures["disk"].as_str(), found[0].end), ("sda", line.len()));
        for other in ["disk sda failed", "n1 kernel: disk sda failed twice"] {
            assert!(
                set.matches(other, TextSource::System, &set.tried()).is_empty(),
                "{other}"
            );
        }
    }

    #[test]
    fn look_alikes_and_other_sources_are_left_out() {
        let mut one = spec("x", "connection refused");
        one.unless = Some("retrying".into());
        one.sources = vec![TextSource::Kubelet];
        let set = SignatureSet::new([("r", &one)]).unwrap();
        assert_eq!(
            set.matches("connection refused", TextSource::Kubelet, &set.tried())
                .len(),
            1
        );
        assert!(
            set.matches("connection refused, retrying", TextSource::Kubelet, &set.tried())
                .is_empty()
        );
        assert!(
            set.matches("connection refused", TextSource::Event, &set.tried())
                .is_empty()
        );
    }
}

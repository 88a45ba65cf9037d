//! Secrets that can be told by their looks or by the words around them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::LazyLock;

use rayon::prelude::*;
use regex::{Captures, Regex};

use super::addresses::ADDRESSES;
use super::beside::Beside;
use super::commands::COMMANDS;
use super::detectors::{DETECTORS, Detector, Found, MORE_LINES};
use super::further::FURTHER;
use super::names;
use super::sentences::SENTENCES;
use super::shapes::SHAPES;
use super::words::Words;
use super::{Class, colours, ends, forms, manifests, packed, pem, structure, values};

/// A secret that a pattern found.
pub(super) struct Hit {
    /// Where it stands, in bytes.
    pub(super) start: usize,
    /// Its end.
    pub(super) end: usize,
    /// What it is.
    pub(super) class: Class,
    /// The value, without the escapes of the place where it stands.
    pub(super) value: String,
    /// Literals to search for in all other text; empty when the value could be an ordinary word.
    pub(super) literals: Vec<String>,
}

impl Hit {
    /// A value that stands as it is at this byte.
    pub(super) fn of(class: Class, value: &str, start: usize) -> Self {
        Self {
            start,
            end: start + value.len(),
            class,
            literals: literals(class, value),
            value: value.to_owned(),
        }
    }
}

struct Table {
    words: Words,
    /// Of each word the detectors that look for it, after these those of [`FURTHER`], and after these the reader of packed text.
    owners: Vec<Vec<usize>>,
    detectors: Vec<(&'static Detector, Regex)>,
}

#[expect(clippy::unwrap_used, reason = "a constant table that the tests compile")]
static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let all = || {
        DETECTORS
            .iter()
            .chain(SHAPES)
            .chain(COMMANDS)
            .chain(ADDRESSES)
            .chain(SENTENCES)
    };
    // Many detectors share their words, and each word is met once.
    let mut owners: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let words = all().map(|detector| detector.words);
    let further = FURTHER.iter().map(|further| further.words);
    for (at, words) in words.chain(further).chain([packed::WORDS]).enumerate() {
        for word in words {
            owners.entry(word.to_ascii_lowercase()).or_default().push(at);
        }
    }
    Table {
        words: Words::new(owners.keys()).unwrap(),
        owners: owners.into_values().collect(),
        detectors: all()
            .map(|detector| (detector, Regex::new(detector.expression).unwrap()))
            .collect(),
    }
});

/// Text up to this length is searched as it is; a longer one in stretches of about this length, side by side.
const STRETCH: usize = 128 << 10;

/// Everything in `text` that looks like a secret, in no order; hits may overlap. Of packed text as much is read as `budget` has left.
pub(super) fn find(text: &str, budget: &mut packed::Budget) -> Vec<Hit> {
    find_and(text, Some(budget))
}

/// The same for a text that was unpacked: what is packed in it stays so.
pub(super) fn find_unpacked(text: &str) -> Vec<Hit> {
    find_and(text, None)
}

fn find_and(text: &str, budget: Option<&mut packed::Budget>) -> Vec<Hit> {
    let all = |text: &str| Range {
        start: 0,
        end: text.len(),
    };
    match colours::plain(text) {
        Some(plain) => {
            let found = find_in(&plain.text, &[all(&plain.text)], budget).into_iter();
            found.map(|hit| plain.back(hit)).collect()
        }
        None => find_in(text, &[all(text)], budget),
    }
}

/// The same for a text that was searched before and has changed since in the lines of `changed`, which are in order: a detector that
/// sees none of them finds what it found before, and that is masked.
pub(super) fn find_near(text: &str, changed: &[Range<usize>], budget: &mut packed::Budget) -> Vec<Hit> {
    if colours::has_any(text) {
        return find(text, budget);
    }
    let mut near: Vec<Range<usize>> = Vec::new();
    for range in changed {
        let mut start = line_start(text, range.start);
        for _ in 0..MORE_LINES {
            start = line_start(text, start.saturating_sub(1));
        }
        let end = line_end(text, range.end);
        match near.last_mut() {
            Some(last) if start <= last.end => last.end = end.max(last.end),
            _ => near.push(start..end),
        }
    }
    find_in(text, &near, Some(budget))
}

/// What words announce in the lines of `near`, and what no word announces anywhere.
fn find_in(text: &str, near: &[Range<usize>], budget: Option<&mut packed::Budget>) -> Vec<Hit> {
    let (found, mut hits) = if text.len() <= STRETCH {
        (vec![by_words(text, 0..text.len(), near)], by_shape(text))
    } else {
        rayon::join(
            || {
                stretches(text)
                    .into_par_iter()
                    .map(|stretch| by_words(text, stretch, near))
                    .collect()
            },
            || by_shape(text),
        )
    };
    let mut lines = Vec::new();
    for (by_words, packed) in found {
        hits.extend(by_words);
        lines.extend(packed);
    }
    // In the order of the text, whatever was done side by side, so that the budget always goes as far.
    if let Some(budget) = budget {
        hits.extend(packed::find(text, &lines, budget));
    }
    hits
}

/// What no detector's word announces.
fn by_shape(text: &str) -> Vec<Hit> {
    let mut hits: Vec<Hit> = pem::find(text).into_iter().map(pem_hit).collect();
    hits.extend(rancher_secrets(text));
    hits.extend(manifests::find(text).into_iter().filter_map(manifest_hit));
    hits
}

/// The text in stretches of whole lines.
fn stretches(text: &str) -> Vec<Range<usize>> {
    let mut stretches = Vec::new();
    let mut start = 0;
    while start < text.len() {
        let near = text.floor_char_boundary(start.saturating_add(STRETCH).min(text.len()));
        let end = line_end(text, near);
        stretches.push(start..end);
        start = end;
    }
    stretches
}

/// What the detectors find whose words stand in those lines of `stretch` that are near, and the lines with packed text.
fn by_words(text: &str, stretch: Range<usize>, near: &[Range<usize>]) -> (Vec<Hit>, Vec<Range<usize>>) {
    let first = near.partition_point(|range| range.end <= stretch.start);
    let near = near.get(first..).unwrap_or_default().iter();
    let lines = near.take_while(|range| range.start < stretch.end);
    let lines: Vec<Range<usize>> = lines
        .map(|range| range.start.max(stretch.start)..range.end.min(stretch.end))
        .collect();
    let (mut hits, mut packed) = (Vec::new(), Vec::new());
    let mut read = (0, 0);
    for (detector, start, end) in windows(text, &lines) {
        if let Some(further) = detector.checked_sub(TABLE.detectors.len()) {
            let Some(reader) = FURTHER.get(further) else {
                packed.push(start..end);
                continue;
            };
            // What was read as a part of something longer is not read again.
            if read.0 != further || start >= read.1 {
                let found = (reader.read)(text, start, end);
                hits.extend(found.hits);
                read = (further, found.end);
            }
        } else if let Some((detector, regex)) = TABLE.detectors.get(detector) {
            let window = text.get(start..end).unwrap_or_default();
            // Most windows hold nothing, and to say so costs far less than to look for groups.
            if regex.is_match(window) {
                let mut braces = ends::Braces::default();
                hits.extend(
                    regex
                        .captures_iter(window)
                        .filter_map(|captures| detector.hit(&captures, window, start, &mut braces)),
                );
            }
        }
    }
    (hits, packed)
}

/// The detectors that have a word in these lines, with the window of lines that each has to look at; in order, each once.
fn windows(text: &str, lines: &[Range<usize>]) -> Vec<(usize, usize, usize)> {
    let mut windows = Vec::new();
    // The line of the last word: its start, its end, and the ends of the lines after it that windows may take in.
    let mut line = (0, [0; 1 + MORE_LINES]);
    let mut look = |start: usize, end: usize, word: usize| {
        // Detectors of one word ask for few different things beside it.
        let mut asked = [None; Beside::COUNT];
        for &detector in TABLE.owners.get(word).into_iter().flatten() {
            let about = match TABLE.detectors.get(detector) {
                Some((about, _)) => (about.beside, about.more_lines),
                None => {
                    let further = FURTHER.get(detector - TABLE.detectors.len());
                    (further.map_or(Beside::Anything, |further| further.beside), 0)
                }
            };
            let (beside, more_lines) = about;
            let fits = match asked.get_mut(beside as usize) {
                Some(known) => *known.get_or_insert_with(|| beside.fits(text, start, end)),
                None => beside.fits(text, start, end),
            };
            if !fits {
                continue;
            }
            let [first, ..] = line.1;
            if !(line.0..first).contains(&start) {
                line = line_of(text, start);
            }
            let [first, ..] = line.1;
            let window = (detector, line.0, line.1.get(more_lines).copied().unwrap_or(first));
            // A word that a line has twice tells nothing new.
            if windows.last() != Some(&window) {
                windows.push(window);
            }
        }
    };
    for range in lines {
        let searched = text.as_bytes().get(range.clone()).unwrap_or_default();
        TABLE.words.find(searched, |word| {
            look(range.start + word.start, range.start + word.end, word.number);
        });
    }
    windows.sort_unstable();
    windows.dedup();
    windows
}

/// Where the line at `at` starts, and where it and those after it end.
fn line_of(text: &str, at: usize) -> (usize, [usize; 1 + MORE_LINES]) {
    let mut end = at;
    let ends = [(); 1 + MORE_LINES].map(|()| {
        end = line_end(text, end);
        end
    });
    (line_start(text, at), ends)
}

fn line_start(text: &str, at: usize) -> usize {
    let before = text.as_bytes().get(..at).unwrap_or_default();
    memchr::memrchr(b'\n', before).map_or(0, |end| end + 1)
}

/// The end of the line at `at`, with its line feed.
fn line_end(text: &str, at: usize) -> usize {
    let rest = text.as_bytes().get(at..).unwrap_or_default();
    memchr::memchr(b'\n', rest).map_or(text.len(), |length| at + length + 1)
}

impl Detector {
    fn hit(&self, captures: &Captures<'_>, window: &str, offset: usize, braces: &mut ends::Braces) -> Option<Hit> {
        let secret = ["s", "s1", "s2", "s3", "s4"]
            .iter()
            .find_map(|group| captures.name(group))?;
        let quoted = captures.name("s4").is_none();
        let text = match captures.name("key") {
            _ if quoted => secret.as_str(),
            Some(key) => ends::value(window, key.range(), secret.range(), braces),
            None => ends::trimmed(secret.as_str()),
        };
        let class = match captures.name("key") {
            Some(key) => names::announced(key.as_str(), self.site, text)?,
            None => self.class,
        };
        let before = window.get(..captures.get(0)?.start()).unwrap_or_default();
        let after = window.get(secret.start() + text.len()..).unwrap_or_default();
        let indent = before.trim_end_matches([' ', '\t', '-', '"', '\'']);
        let found = Found {
            value: text,
            class,
            quoted,
            colon: captures
                .name("sep")
                .is_some_and(|sep| sep.as_str().starts_with([':', '：'])),
            tight: captures.name("sep").is_some_and(|sep| sep.end() == secret.start()),
            line_start: indent.is_empty() || indent.ends_with('\n'),
            clause_end: after.is_empty() || after.starts_with(['\n', '\r', ',', ';', '}', ')', ']', '"', '\'', '\\']),
        };
        if values::is_placeholder(text) || values::is_placeholder(secret.as_str()) || !(self.judge)(&found) {
            return None;
        }
        let value = forms::json_unescaped(text).into_owned();
        let mut literals = if found.may_be_a_word() {
            Vec::new()
        } else {
            literals(class, &value)
        };
        // In `token=X&page=2` that is no URL nobody can say where the value ends: all goes, and its first part is known by itself.
        let first = value.split(['&', ';', ',']).next().unwrap_or_default();
        if !quoted && values::looks_random(first) && values::is_memorable(first) {
            literals.push(first.to_owned());
        }
        let start = offset + secret.start();
        Some(Hit {
            start,
            end: start + text.len(),
            class,
            value,
            literals,
        })
    }
}

fn pem_hit(block: pem::Block) -> Hit {
    Hit {
        start: block.start,
        end: block.end,
        class: Class::PrivateKey,
        value: block.lines.concat(),
        literals: block.lines,
    }
}

/// A value of a Secret. What it decodes to has the same token.
fn manifest_hit(found: manifests::Value<'_>) -> Option<Hit> {
    let value = forms::base64_text(found.text).unwrap_or_else(|| found.text.to_owned());
    if pem::is_public(&value) || values::is_masked(found.text) {
        return None;
    }
    let class = structure::class_of_secret(found.key, &value);
    let mut literals = Vec::new();
    if !structure::is_plain_key(found.key) {
        literals = self::literals(class, &value);
        literals.extend(Some(found.text.to_owned()).filter(|text| values::is_memorable(text)));
    }
    Some(Hit {
        start: found.start,
        end: found.start + found.text.len(),
        class,
        value,
        literals,
    })
}

/// Characters of a Rancher token without its name.
const RANCHER_SECRET: usize = 54;

/// Words of exactly 54 lower-case letters and digits, as Rancher's tokens are without their names.
fn rancher_secrets(text: &str) -> Vec<Hit> {
    let is_part = |byte: &&u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = text.as_bytes();
    let mut hits = Vec::new();
    // A word of this length has a byte at one of every so many places, so no other place has to be looked at.
    let mut at = RANCHER_SECRET - 1;
    while let Some(byte) = bytes.get(at) {
        if !is_part(&byte) {
            at += RANCHER_SECRET;
            continue;
        }
        let (before, after) = bytes.split_at(at);
        let start = at - before.iter().rev().take_while(is_part).count();
        let end = at + after.iter().take_while(is_part).count();
        let is_capital = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_uppercase);
        let is_whole = !is_capital(bytes.get(end)) && !is_capital(start.checked_sub(1).and_then(|at| bytes.get(at)));
        let word = text.get(start..end).unwrap_or_default();
        if word.len() == RANCHER_SECRET && is_whole && values::looks_random(word) && word.bytes().any(|b| b > b'f') {
            let value = word.to_owned();
            hits.push(Hit {
                start,
                end,
                class: Class::Token,
                literals: vec![value.clone()],
                value,
            });
        }
        at = end + RANCHER_SECRET;
    }
    hits
}

/// What makes two values the same secret: a key is its base64 lines, whether it stands there as PEM or as base64 of PEM.
pub(super) fn identity(value: &str) -> Cow<'_, str> {
    let decoded = if value.starts_with("LS0tLS1CRUdJTi") {
        forms::base64_text(value)
    } else {
        None
    };
    let text = decoded.as_deref().unwrap_or(value).trim();
    match pem::find(text).as_slice() {
        [key] if key.start == 0 && key.end == text.len() => Cow::Owned(key.lines.concat()),
        _ => Cow::Borrowed(value),
    }
}

/// What else has to be searched for once `value` is known: the value, the password of a login, the secret half of a token, the
/// lines of a key in base64.
pub(super) fn literals(class: Class, value: &str) -> Vec<String> {
    let mut literals = Vec::new();
    for block in pem::find(value) {
        literals.extend(block.lines);
    }
    if literals.is_empty() {
        literals.push(value.to_owned());
    }
    if class == Class::PrivateKey
        && let Some(key) = forms::base64_text(value)
    {
        literals.extend(pem::find(&key).into_iter().flat_map(|block| block.lines));
    }
    if class == Class::Credential {
        let login = forms::base64_text(value).unwrap_or_else(|| value.to_owned());
        literals.extend(login.split_once(':').map(|(_, password)| password.to_owned()));
        literals.push(login);
    }
    if class == Class::Token {
        literals.extend(value.rsplit_once(':').map(|(_, secret)| secret.to_owned()));
    }
    // A token would be broken by a literal with its brackets; what stands beside them is known by itself.
    if value.contains(['‹', '›']) {
        literals.extend(value.split(['‹', '›']).map(str::to_owned));
    }
    literals.retain(|literal| values::is_memorable(literal));
    literals
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_detector_compiles_and_has_words() {
        for (detector, _) in &TABLE.detectors {
            assert!(!detector.words.is_empty(), "{}", detector.expression);
        }
    }

    #[test]
    fn clean_text_has_no_windows() {
        let text = "I1121 10:20:20 kubelet.go:2412] \"SyncLoop ADD\" pods=[\"shop/checkout-7d9f\"]\n";
        assert!(
            windows(
                text,
                &[Range {
                    start: 0,
                    end: text.len()
                }]
            )
            .is_empty()
        );
    }

    #[test]
    fn long_text_is_searched_like_short_text() {
        let mut text = String::new();
        while text.len() < 5 * STRETCH {
            let number = text.len();
            text.push_str(&format!(
                "sync pod {number}\npassword=Zq{number}x\n- name: DB_PASSWORD\n  value: hunter{number}\n"
            ));
        }
        let places =
            |hits: Vec<Hit>| -> BTreeSet<(usize, usize)> { hits.iter().map(|hit| (hit.start, hit.end)).collect() };
        let whole = places(
            by_words(
                &text,
                0..text.len(),
                &[Range {
                    start: 0,
                    end: text.len(),
                }],
            )
            .0,
        );
        assert!(whole.len() > 10_000);
        assert_eq!(places(find(&text, &mut packed::Budget::default())), whole);
    }
    proptest! {
        /// No expression matches where the look beside its words says that none can.
        #[test]
        fn what_stands_beside_a_word_hides_nothing(
            parts in prop::collection::vec(prop::sample::select(vec![
                "token", "Password", "passwd", "secret", "api_key", "auth", "authorization", "cookie", "bearer", "key", "name", "value", "is", "was",
                "\u{17f}", "\u{212a}", "：", "\u{a0}", "<", ">", "</", ":", "=", ":=", "=>", "-", "--", "\"", "'", "\\", "\\n", " ", "\t", "\r\n  ",
                "\n", "|", "[", "(", ",", "_", ".", "db", "x1", "Zq7k2m9x4c8v1b5n",
            ]), 0..14),
        ) {
            let text = parts.concat();
            let lower = text.to_ascii_lowercase();
            for (detector, regex) in &TABLE.detectors {
                let fits = || detector.words.iter().any(|word| {
                    let word = word.to_ascii_lowercase();
                    let mut places = lower.match_indices(word.as_str());
                    places.any(|(start, word)| detector.beside.fits(&text, start, start + word.len()))
                });
                let has_word = detector.words.iter().any(|word| lower.contains(&word.to_ascii_lowercase()));
                prop_assert!(!has_word || !regex.is_match(&text) || fits(), "{} in {text:?}", detector.expression);
            }
        }
    }
}

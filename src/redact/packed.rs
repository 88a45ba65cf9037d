//! Text that was compressed with gzip and then written in base64, once or twice: releases of Helm, bundles of Fleet, user data of machines.
//!
//! A few bytes unpack to many, so that each text has a budget, and what was unpacked is not unpacked further. What a word holds is kept:
//! a text is read several times, and a document repeats its words.

use std::collections::{HashMap, HashSet};
use std::io::Read as _;
use std::ops::Range;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::patterns::{self, Hit};
use super::{Class, structure};

/// How base64 of gzip starts (RFC 1952, 2.3.1), and how base64 of that does.
pub(super) const WORDS: &[&str] = &["H4sI", "SDRzS"];

/// More bytes than this are not unpacked of one word. A Secret holds 1 MiB, and manifests are packed to a tenth.
const LONGEST: u64 = 8 << 20;

/// What may be unpacked of one text, and what is known of its packed words. What is packed beyond it goes as a whole, unread.
pub(super) struct Budget {
    left: u64,
    /// The words of this text, by their digests: each costs once.
    paid: HashSet<[u8; 32]>,
    known: Known,
}

impl Budget {
    const BYTES: u64 = 32 << 20;
    /// Manifests and settings in base64 of gzip are about a tenth as long. A word that unpacks to so many times its length and no more
    /// costs nothing: a listing may have hundreds of releases.
    const USUAL: u64 = 16;

    /// For another text.
    pub(super) fn renew(&mut self) {
        self.left = Self::BYTES;
        self.paid.clear();
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            left: Self::BYTES,
            paid: HashSet::new(),
            known: Known::default(),
        }
    }
}

/// A secret in packed text.
pub(super) struct Inner {
    pub(super) class: Class,
    pub(super) value: String,
    /// Whether the value may be searched for in other text.
    pub(super) searched: bool,
}

/// What a packed word holds.
#[derive(Default)]
pub(super) struct Content {
    pub(super) secrets: Vec<Inner>,
    /// Bytes that were unpacked.
    length: u64,
    /// Whether there is more than what was read: it is longer, or packed once more.
    is_cut: bool,
}

impl Content {
    /// True where the word has to go: it holds a secret, or nobody has seen all of it.
    pub(super) fn is_secret(&self) -> bool {
        self.is_cut || !self.secrets.is_empty()
    }
}

/// What is known of words by their digests; none for one that is not packed. It is forgotten when it becomes too much.
#[derive(Default)]
struct Known {
    contents: HashMap<[u8; 32], Option<Arc<Content>>>,
    bytes: usize,
}

impl Known {
    const BYTES: usize = 16 << 20;
    /// What a word takes beside the values in it.
    const BESIDE: usize = 256;

    fn keep(&mut self, digest: [u8; 32], content: Option<Arc<Content>>) {
        let secrets = content.iter().flat_map(|content| &content.secrets);
        let bytes = Self::BESIDE + secrets.map(|inner| inner.value.len() + Self::BESIDE).sum::<usize>();
        if self.bytes.saturating_add(bytes) > Self::BYTES {
            *self = Self::default();
        }
        self.bytes = self.bytes.saturating_add(bytes);
        self.contents.insert(digest, content);
    }
}

/// What a word holds; none for one that is not packed.
pub(super) fn content(word: &str, budget: &mut Budget) -> Option<Arc<Content>> {
    if !WORDS.iter().any(|start| word.starts_with(start)) {
        return None;
    }
    let digest: [u8; 32] = Sha256::digest(word.as_bytes()).into();
    if budget.left == 0 && !budget.paid.contains(&digest) {
        return Some(Arc::new(Content {
            is_cut: true,
            ..Content::default()
        }));
    }
    let content = match budget.known.contents.get(&digest) {
        Some(content) => content.clone(),
        None => {
            let content = unpacked(word).map(Arc::new);
            budget.known.keep(digest, content.clone());
            content
        }
    };
    if budget.paid.insert(digest) {
        let own = (word.len() as u64).saturating_mul(Budget::USUAL);
        let length = content.as_ref().map_or(0, |content| content.length);
        budget.left = budget.left.saturating_sub(length.saturating_sub(own));
    }
    content
}

/// The bytes of gzip that a word writes down.
fn gzip(word: &str) -> Option<Vec<u8>> {
    let mut bytes = decoded(word.as_bytes())?;
    if bytes.starts_with(b"H4sI") {
        bytes = decoded(&bytes)?;
    }
    bytes.starts_with(&[0x1f, 0x8b]).then_some(bytes)
}

fn is_base64(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=')
}

fn unpacked(word: &str) -> Option<Content> {
    let bytes = gzip(word)?;
    let mut unpacked = Vec::new();
    // A torn end hides nothing of what comes before it.
    let _ = flate2::read::GzDecoder::new(bytes.as_slice())
        .take(LONGEST + 1)
        .read_to_end(&mut unpacked);
    let length = unpacked.len() as u64;
    let text = String::from_utf8_lossy(&unpacked);
    let secrets = match serde_json::from_str::<Value>(&text) {
        Ok(document) => structure::find_unpacked(&document)
            .into_iter()
            .map(|found| Inner {
                class: found.class,
                value: found.value,
                searched: found.searched,
            })
            .collect(),
        Err(_) => patterns::find_unpacked(&text)
            .into_iter()
            .map(|hit| Inner {
                class: hit.class,
                value: hit.value,
                searched: !hit.literals.is_empty(),
            })
            .collect(),
    };
    Some(Content {
        secrets,
        length,
        is_cut: length > LONGEST || holds_packed(&text),
    })
}

/// True for a text with packed words.
fn holds_packed(text: &str) -> bool {
    let mut words = text.split(|c: char| !is_base64(c));
    words.any(|word| WORDS.iter().any(|start| word.starts_with(start)) && gzip(word).is_some())
}

/// Packed words in these lines of the text are secret when what they hold is; that is known from then on.
pub(super) fn find(text: &str, lines: &[Range<usize>], budget: &mut Budget) -> Vec<Hit> {
    let mut hits = Vec::new();
    for line in lines {
        let mut next = line.start;
        let words = text.get(line.clone()).unwrap_or_default();
        for word in words.split_inclusive(|c: char| !is_base64(c)) {
            let start = next;
            next += word.len();
            let word = word.trim_end_matches(|c: char| !is_base64(c));
            let Some(content) = content(word, budget).filter(|content| content.is_secret()) else {
                continue;
            };
            hits.push(Hit {
                start,
                end: start + word.len(),
                class: Class::Secret,
                value: word.to_owned(),
                literals: Vec::new(),
            });
            hits.extend(content.secrets.iter().map(|inner| Hit {
                start,
                end: start,
                class: inner.class,
                literals: if inner.searched {
                    patterns::literals(inner.class, &inner.value)
                } else {
                    Vec::new()
                },
                value: inner.value.clone(),
            }));
        }
    }
    hits
}

fn decoded(written: &[u8]) -> Option<Vec<u8>> {
    let bare: Vec<u8> = written
        .iter()
        .copied()
        .filter(|byte| !byte.is_ascii_whitespace() && *byte != b'=')
        .collect();
    STANDARD_NO_PAD.decode(bare).ok()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use base64::engine::general_purpose::STANDARD;
    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::super::Masker;
    use super::*;

    fn packed(text: &[u8]) -> String {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        gzip.write_all(text).unwrap();
        STANDARD.encode(gzip.finish().unwrap())
    }

    /// So many bytes with nothing secret in them; another text for each name.
    fn harmless(name: &str, length: usize) -> Vec<u8> {
        let line = format!("replicas of {name} are well\n");
        line.as_bytes().iter().copied().cycle().take(length).collect()
    }

    #[test]
    fn what_was_unpacked_is_not_unpacked_further() {
        let inner = packed(b"password: correct-horse\n");
        assert!(!Masker::new().mask(&inner).contains("H4sI"));
        for text in [format!("data: {inner}\n"), format!("{{\"data\": \"{inner}\"}}")] {
            let outer = packed(text.as_bytes());
            let content = content(&outer, &mut Budget::default()).unwrap();
            // Nobody has seen what it holds, so it goes.
            assert!(content.secrets.is_empty() && content.is_secret());
            assert!(Masker::new().mask(&outer).starts_with('‹'));
        }
    }

    #[test]
    fn a_text_has_one_budget_and_what_is_beyond_it_goes_unread() {
        let length = usize::try_from(LONGEST).unwrap();
        let words: Vec<String> = (0..7)
            .map(|name| packed(&harmless(&name.to_string(), length)))
            .collect();
        let text = words.join("\n");
        let masked = Masker::new().mask(&text).into_owned();
        let left = masked.lines().filter(|line| line.starts_with("H4sI")).count();
        assert_eq!(left, 5, "32 MiB, of almost 8 MiB each");
        // The strings of a document share one too.
        let mut document = serde_json::json!({"spec": {"resources": words}});
        Masker::new().mask_json(&mut document);
        let left = document.to_string().matches("H4sI").count();
        assert_eq!(left, 5);
    }

    #[test]
    fn what_unpacks_as_usual_costs_nothing() {
        // Numbers are about as long unpacked as packed.
        let mut digest = Sha256::digest(b"0");
        let mut random = Vec::new();
        while random.len() < 1 << 20 {
            digest = Sha256::digest(digest);
            random.extend(digest.iter().flat_map(|byte| format!("{byte} ").into_bytes()));
        }
        let mut budget = Budget::default();
        let content = content(&packed(&random), &mut budget).unwrap();
        assert!(!content.is_secret());
        assert_eq!(budget.left, Budget::BYTES);
    }

    #[test]
    fn a_word_that_is_not_read_to_its_end_goes() {
        let length = usize::try_from(LONGEST).unwrap();
        let (whole, cut) = (packed(&harmless("a", length)), packed(&harmless("a", length + 1)));
        assert_eq!(Masker::new().mask(&whole), whole);
        assert!(Masker::new().mask(&cut).starts_with('‹'));
    }
}

//! Text that was compressed with gzip and then written in base64, once or twice: releases of Helm, bundles of Fleet, user data of machines.

use std::io::Read as _;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde_json::Value;

use super::further::Read;
use super::patterns::{self, Hit};
use super::{Class, structure};

/// How base64 of gzip starts (RFC 1952, 2.3.1), and how base64 of that does.
pub(super) const WORDS: &[&str] = &["H4sI", "SDRzS"];

/// More bytes than this are not unpacked of one text. A Secret holds 1 MiB.
const LONGEST: u64 = 16 << 20;

/// What was packed; none for anything else.
pub(super) fn text(written: &str) -> Option<String> {
    let mut bytes = decoded(written.as_bytes())?;
    if bytes.starts_with(b"H4sI") {
        bytes = decoded(&bytes)?;
    }
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return None;
    }
    let mut unpacked = Vec::new();
    // A torn end hides nothing of what comes before it.
    let _ = flate2::read::GzDecoder::new(bytes.as_slice())
        .take(LONGEST)
        .read_to_end(&mut unpacked);
    Some(String::from_utf8_lossy(&unpacked).into_owned())
}

/// Packed text in the line from `start` to `end` is secret when what it holds is; that is known from then on.
pub(super) fn read(text: &str, start: usize, end: usize) -> Read {
    let line = text.get(start..end).unwrap_or_default();
    let is_base64 = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=');
    let mut hits = Vec::new();
    let mut next = start;
    for word in line.split(|c: char| !is_base64(c)) {
        let start = next;
        // What separates words may be longer than a byte.
        let rest = text.get(start + word.len()..).unwrap_or_default();
        next = start + word.len() + rest.chars().next().map_or(0, char::len_utf8);
        let starts = WORDS.iter().any(|start| word.starts_with(start));
        let Some(unpacked) = starts.then(|| self::text(word)).flatten() else {
            continue;
        };
        let inner = match serde_json::from_str::<Value>(&unpacked) {
            Ok(document) => structure::find(&document)
                .into_iter()
                .map(|found| (found.class, found.value, found.searched))
                .collect::<Vec<_>>(),
            Err(_) => patterns::find_flat(&unpacked)
                .into_iter()
                .map(|hit| (hit.class, hit.value, !hit.literals.is_empty()))
                .collect(),
        };
        if inner.is_empty() {
            continue;
        }
        hits.push(Hit {
            start,
            end: start + word.len(),
            class: Class::Secret,
            value: word.to_owned(),
            literals: Vec::new(),
        });
        hits.extend(inner.into_iter().map(|(class, value, searched)| Hit {
            start,
            end: start,
            class,
            literals: if searched {
                patterns::literals(class, &value)
            } else {
                Vec::new()
            },
            value,
        }));
    }
    Read { hits, end }
}

fn decoded(written: &[u8]) -> Option<Vec<u8>> {
    let bare: Vec<u8> = written
        .iter()
        .copied()
        .filter(|byte| !byte.is_ascii_whitespace() && *byte != b'=')
        .collect();
    STANDARD_NO_PAD.decode(bare).ok()
}

//! What a word announces and one expression over a few lines cannot take in: values of many lines, lists, tables, the rest of a cut key.

use super::beside::Beside;
use super::detectors::NAME_WORDS;
use super::patterns::Hit;
use super::{blocks, columns, pem};

/// What one of them found: the secrets, and the byte up to which it has read.
pub(super) struct Read {
    pub(super) hits: Vec<Hit>,
    pub(super) end: usize,
}

/// One of them. It is asked at the lines that hold one of its words and are not read yet.
pub(super) struct Further {
    /// Words, in any case.
    pub(super) words: &'static [&'static str],
    /// What has to stand beside a word.
    pub(super) beside: Beside,
    /// Reads the text from the line that starts and ends at these bytes.
    pub(super) read: fn(text: &str, start: usize, end: usize) -> Read,
}

/// All of them.
pub(super) const FURTHER: &[Further] = &[
    Further {
        words: NAME_WORDS,
        beside: Beside::Sign,
        read: blocks::read,
    },
    Further {
        words: NAME_WORDS,
        beside: Beside::Column,
        read: columns::read,
    },
    Further {
        words: columns::WORDS,
        beside: Beside::Column,
        read: columns::read,
    },
    Further {
        words: columns::CHINESE,
        beside: Beside::Column,
        read: columns::read,
    },
    Further {
        words: pem::TAIL_WORDS,
        beside: Beside::Anything,
        read: pem::read_tail,
    },
];

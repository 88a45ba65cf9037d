//! Text as it comes: in pieces that can be masked, with the indent of documents, and in UTF-16.

use std::io::{self, Read};

/// Text is masked in pieces of about this size, cut at the end of a line.
const PIECE: usize = 4 << 20;

/// A private key that a piece would cut is waited for this long.
const LONGEST_KEY: usize = 1 << 20;

/// The blanks before the second line of a document that was written for people.
pub(super) fn indent(written: &[u8]) -> &[u8] {
    let trimmed = written.trim_ascii_start();
    let line = match memchr::memchr(b'\n', trimmed) {
        Some(at) => trimmed.get(at + 1..).unwrap_or_default(),
        None => return &[],
    };
    let blanks = line.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    line.get(..blanks).unwrap_or_default()
}

/// The mark at the start of UTF-16 text; true for the little end first.
pub(super) fn byte_order(head: &[u8]) -> Option<bool> {
    match head {
        [0xff, 0xfe, ..] => Some(true),
        [0xfe, 0xff, ..] => Some(false),
        _ => None,
    }
}

/// The text, its mark included; none where it is not whole or not UTF-16.
pub(super) fn utf16(bytes: &[u8], little: bool) -> Option<String> {
    let units = bytes.chunks_exact(2).map(|pair| match *pair {
        [a, b] if little => u16::from_le_bytes([a, b]),
        [a, b] => u16::from_be_bytes([a, b]),
        _ => 0,
    });
    let text: Result<String, _> = char::decode_utf16(units).collect();
    text.ok().filter(|_| bytes.len().is_multiple_of(2))
}

pub(super) fn in_utf16(text: &str, little: bool) -> Vec<u8> {
    let pair = |unit: u16| if little { unit.to_le_bytes() } else { unit.to_be_bytes() };
    text.encode_utf16().flat_map(pair).collect()
}

/// Text in pieces that end with a line, and not within a private key.
pub(super) struct Pieces<'r> {
    from: &'r mut dyn Read,
    held: Vec<u8>,
    is_over: bool,
}

impl<'r> Pieces<'r> {
    pub(super) fn new(from: &'r mut dyn Read) -> Self {
        Self {
            from,
            held: Vec::new(),
            is_over: false,
        }
    }

    pub(super) fn piece(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut wanted = PIECE;
        loop {
            while !self.is_over && self.held.len() < wanted {
                let mut part = vec![0; 256 * 1024];
                let read = self.from.read(&mut part)?;
                self.is_over = read == 0;
                self.held.extend_from_slice(part.get(..read).unwrap_or_default());
            }
            if self.is_over {
                let rest = std::mem::take(&mut self.held);
                return Ok((!rest.is_empty()).then_some(rest));
            }
            let end = memchr::memrchr(b'\n', &self.held).map_or(self.held.len(), |at| at + 1);
            let piece = self.held.get(..end).unwrap_or_default();
            let begins = memchr::memmem::rfind(piece, b"-----BEGIN ");
            let ends = memchr::memmem::rfind(piece, b"-----END ");
            if begins > ends && wanted < PIECE + LONGEST_KEY {
                wanted = self.held.len() + 64 * 1024;
                continue;
            }
            let rest = self.held.split_off(end);
            return Ok(Some(std::mem::replace(&mut self.held, rest)));
        }
    }
}

//! Text of any length, in pieces that can be masked by themselves.

use std::io::{self, Read};

/// Text is masked in pieces of about this size, cut at the end of a line.
const PIECE: usize = 4 << 20;

/// A private key that a piece would cut is waited for this long.
const LONGEST_KEY: usize = 1 << 20;

/// Text in pieces that end with a line, and not within a private key.
pub(crate) struct Pieces<'r> {
    from: &'r mut dyn Read,
    held: Vec<u8>,
    is_over: bool,
}

impl<'r> Pieces<'r> {
    /// Pieces of what `from` gives.
    pub(crate) fn new(from: &'r mut dyn Read) -> Self {
        Self {
            from,
            held: Vec::new(),
            is_over: false,
        }
    }

    /// The next piece; none at the end.
    pub(crate) fn piece(&mut self) -> io::Result<Option<Vec<u8>>> {
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

//! One look at a block of a log: which of its lines carry which signatures. Nothing of it depends on what stands before the block, so
//! that several are looked at side by side.

use super::wrapped::may_hold;
use super::{SignatureSet, Stream, TextMatch, Tried, clean_line};

/// What is looked for in every block of a log.
#[derive(Clone)]
pub struct Look<'s> {
    pub(super) signatures: &'s SignatureSet,
    /// What of the bundle the bounded ones were tried on.
    pub(super) tried: Tried,
    /// Bytes of a line that are searched.
    pub(super) longest: usize,
}

/// What a look at a block found.
pub struct Looked<'s> {
    /// Whole lines of the block.
    pub(super) lines: u64,
    /// True when the lines are wrapped by a container runtime: they are to be looked at one by one, and no match is given.
    pub(super) is_wrapped: bool,
    pub(super) matches: Vec<LineMatch<'s>>,
}

/// A line of the block that carries a signature.
pub(super) struct LineMatch<'s> {
    /// 0-based line of the block.
    pub(super) line: u64,
    /// The bytes of the line in the block.
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) found: TextMatch<'s>,
}

impl<'s> Look<'s> {
    /// Looks at whole lines of a log of this stream.
    ///
    /// Only lines that hold a literal of some signature are looked at one by one, so that the cost of a log is that of one pass of the
    /// automaton.
    pub fn at(&self, block: &str, stream: &Stream) -> Looked<'s> {
        let bytes = block.as_bytes();
        let newlines = memchr::memchr_iter(b'\n', bytes).count() as u64;
        let mut looked = Looked {
            lines: newlines + u64::from(!bytes.is_empty() && !bytes.ends_with(b"\n")),
            is_wrapped: may_hold(bytes),
            matches: Vec::new(),
        };
        if looked.is_wrapped {
            return looked;
        }
        let mut candidates: Vec<(usize, usize)> = self.signatures.candidates(bytes).collect();
        candidates.sort_unstable();
        let mut counted_to = 0;
        let mut line = 0;
        let mut pending = candidates.into_iter().peekable();
        while let Some((at, index)) = pending.next() {
            let start = memchr::memrchr(b'\n', bytes.get(..at).unwrap_or(&[])).map_or(0, |newline| newline + 1);
            let end = memchr::memchr(b'\n', bytes.get(at..).unwrap_or(&[])).map_or(bytes.len(), |newline| at + newline);
            line += memchr::memchr_iter(b'\n', bytes.get(counted_to..start).unwrap_or(&[])).count() as u64;
            counted_to = start;
            let mut indices = vec![index];
            while let Some(&(next, other)) = pending.peek()
                && next <= end
            {
                pending.next();
                indices.push(other);
            }
            indices.sort_unstable();
            indices.dedup();
            let text = block.get(start..end).unwrap_or("").trim_end_matches('\r');
            let end = start + text.len();
            let found = indices
                .into_iter()
                .filter_map(|index| self.confirm(index, text, stream));
            looked.matches.extend(found.map(|found| LineMatch {
                line,
                start,
                end,
                found,
            }));
        }
        looked
    }

    /// The matches of one line, in the order of the signatures.
    pub(super) fn at_line(&self, line: &str, stream: &Stream) -> Vec<TextMatch<'s>> {
        let candidates = self.signatures.candidates(line.as_bytes());
        let mut indices: Vec<usize> = candidates.map(|(_, index)| index).collect();
        indices.sort_unstable();
        indices.dedup();
        let found = indices
            .into_iter()
            .filter_map(|index| self.confirm(index, line, stream));
        found.collect()
    }

    fn confirm(&self, index: usize, line: &str, stream: &Stream) -> Option<TextMatch<'s>> {
        // Whose log it is may turn out only when all files are read, so an unknown one keeps every match; they are sifted then.
        if *stream != Stream::Unknown && !self.signatures.applies(index, stream.source()) {
            return None;
        }
        let line = cut(line, self.longest);
        let clean = clean_line(line);
        let mut found = self.signatures.confirm(index, clean, &self.tried)?;
        found.end += line.len() - clean.len();
        Some(found)
    }
}

/// The first bytes of a text, cut at a character boundary.
pub(super) fn cut(text: &str, longest: usize) -> &str {
    text.get(..text.floor_char_boundary(longest)).unwrap_or(text)
}

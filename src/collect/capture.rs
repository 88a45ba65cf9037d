//! A bounded buffer for bytes of unknown number: a log, a program's output, an HTTP body.

use super::Kept;

/// How much more than its limit a capture holds, so that masking sees a secret whole that stands across the cut.
const SLACK: usize = 64 * 1024;

/// Keeps the head or the tail of a stream within a limit, and counts the rest.
#[derive(Debug)]
pub(crate) struct Capture {
    kept: Kept,
    limit: usize,
    bytes: Vec<u8>,
    seen: u64,
}

/// The text to write and how much of the stream it is.
pub(crate) struct Captured {
    /// The masked bytes, within the limit.
    pub(crate) bytes: Vec<u8>,
    /// Which end they are.
    pub(crate) kept: Kept,
    /// How many bytes came in; more than the limit when the stream was cut.
    pub(crate) seen: u64,
    /// True when something was left out.
    pub(crate) cut: bool,
}

impl Capture {
    /// Keeps the first `limit` bytes.
    pub(crate) fn head(limit: u64) -> Self {
        Self::new(Kept::Head, limit)
    }

    /// Keeps the last `limit` bytes.
    pub(crate) fn tail(limit: u64) -> Self {
        Self::new(Kept::Tail, limit)
    }

    fn new(kept: Kept, limit: u64) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX / 4).min(usize::MAX / 4);
        Self {
            kept,
            limit,
            bytes: Vec::new(),
            seen: 0,
        }
    }

    /// How many bytes are worth handing over at most: the limit and some context for masking.
    pub(crate) fn window(&self) -> u64 {
        (self.limit + SLACK) as u64
    }

    /// Which end is kept.
    pub(crate) fn kept(&self) -> Kept {
        self.kept
    }

    /// Takes the next bytes of the stream.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.seen = self.seen.saturating_add(bytes.len() as u64);
        let window = self.limit + SLACK;
        match self.kept {
            Kept::Head => {
                let room = window.saturating_sub(self.bytes.len());
                self.bytes.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
            }
            Kept::Tail => {
                self.bytes.extend_from_slice(bytes);
                // Shifting only when the buffer is twice too long keeps the cost per byte constant.
                if self.bytes.len() > window.saturating_mul(2) {
                    self.bytes.drain(..self.bytes.len() - window);
                }
            }
        }
    }

    /// Counts bytes of the stream that were jumped over without reading them.
    pub(crate) fn skip(&mut self, bytes: u64) {
        self.seen = self.seen.saturating_add(bytes);
    }

    /// True when further bytes would not be kept.
    pub(crate) fn is_full(&self) -> bool {
        self.kept == Kept::Head && self.bytes.len() >= self.limit + SLACK
    }

    /// How many bytes came.
    pub(crate) fn seen(&self) -> u64 {
        self.seen
    }

    /// True when nothing came.
    pub(crate) fn is_empty(&self) -> bool {
        self.seen == 0
    }

    /// All bytes, if the stream fitted the limit.
    pub(crate) fn whole(&self) -> Option<&[u8]> {
        (self.seen <= self.limit as u64).then_some(&self.bytes)
    }

    /// The bytes held now: with the context that [`Self::finish`] leaves out.
    pub(crate) fn held(&self) -> &[u8] {
        &self.bytes
    }

    /// Masks what is held, then cuts it to the limit at a line's end.
    ///
    /// `mask` must keep the number of lines: the cut is found by counting them, so that the context around the cut, in which a
    /// secret may be incomplete and so unrecognisable, is left out whatever masking did to its length.
    pub(crate) fn finish(mut self, mask: impl FnOnce(&[u8]) -> Vec<u8>) -> Captured {
        let window = self.limit + SLACK;
        if self.kept == Kept::Tail && self.bytes.len() > window {
            self.bytes.drain(..self.bytes.len() - window);
        }
        let context = self.bytes.len().saturating_sub(self.limit);
        let mut bytes = mask(&self.bytes);
        let before = bytes.len();
        match self.kept {
            Kept::Tail if context > 0 => {
                let left_out = self.bytes.get(..context).unwrap_or_default();
                // The line that begins in the context and ends behind it goes too.
                let lines = newlines(left_out) + usize::from(!left_out.ends_with(b"\n"));
                let start = after_newline(&bytes, lines)
                    .filter(|start| *start < bytes.len())
                    .unwrap_or(context);
                let start = start.min(bytes.len());
                bytes.drain(..start);
            }
            Kept::Head if context > 0 => {
                let lines = newlines(self.bytes.get(..self.limit).unwrap_or_default());
                let end = if lines == 0 {
                    self.limit
                } else {
                    after_newline(&bytes, lines).unwrap_or(self.limit)
                };
                bytes.truncate(end);
            }
            Kept::Tail | Kept::Head => {}
        }
        cut_to(&mut bytes, self.limit, self.kept);
        let cut = self.seen > self.bytes.len() as u64 || bytes.len() < before;
        Captured {
            bytes,
            kept: self.kept,
            seen: self.seen,
            cut,
        }
    }
}

/// Cuts masked bytes to `limit` at a line's end; inside a line only where a single line is longer than the limit.
pub(crate) fn cut_to(bytes: &mut Vec<u8>, limit: usize, kept: Kept) {
    let Some(excess) = bytes.len().checked_sub(limit).filter(|excess| *excess > 0) else {
        return;
    };
    match kept {
        Kept::Tail => {
            let on_line_start = bytes.get(excess - 1) == Some(&b'\n');
            let line = bytes
                .get(excess..)
                .and_then(|rest| memchr::memchr(b'\n', rest))
                .map(|at| excess + at + 1);
            let start = if on_line_start {
                excess
            } else {
                line.filter(|start| *start < bytes.len()).unwrap_or(excess)
            };
            bytes.drain(..start);
        }
        Kept::Head => {
            let end = bytes
                .get(..limit)
                .and_then(|head| memchr::memrchr(b'\n', head))
                .map_or(limit, |at| at + 1);
            bytes.truncate(end);
        }
    }
}

fn newlines(bytes: &[u8]) -> usize {
    memchr::memchr_iter(b'\n', bytes).count()
}

/// The place behind the `count`-th newline, counted from 1.
fn after_newline(bytes: &[u8], count: usize) -> Option<usize> {
    memchr::memchr_iter(b'\n', bytes)
        .nth(count.checked_sub(1)?)
        .map(|at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered_lines(count: usize) -> Vec<u8> {
        (0..count).flat_map(|n| format!("line {n:06}\n").into_bytes()).collect()
    }

    #[test]
    fn a_stream_within_the_limit_stays_whole() {
        let mut capture = Capture::tail(100);
        capture.push(b"one\n");
        capture.push(b"two\n");
        let done = capture.finish(<[u8]>::to_vec);
        assert_eq!(done.bytes, b"one\ntwo\n");
        assert!(!done.cut);
    }

    #[test]
    fn a_tail_ends_with_the_last_line_and_starts_with_a_whole_one() {
        let lines = numbered_lines(100_000);
        let mut capture = Capture::tail(1000);
        for part in lines.chunks(777) {
            capture.push(part);
        }
        let done = capture.finish(<[u8]>::to_vec);
        assert!(done.cut);
        assert_eq!(done.seen, 1_200_000);
        assert!(
            done.bytes.len() <= 1000 && done.bytes.len() > 980,
            "{}",
            done.bytes.len()
        );
        assert!(done.bytes.starts_with(b"line "));
        assert!(done.bytes.ends_with(b"line 099999\n"));
    }

    #[test]
    fn a_head_stops_taking_bytes_and_ends_with_a_whole_line() {
        let lines = numbered_lines(10_000);
        let mut capture = Capture::head(1000);
        capture.push(&lines);
        assert!(capture.is_full());
        let done = capture.finish(<[u8]>::to_vec);
        assert!(done.cut);
        assert!(done.bytes.starts_with(b"line 000000\n"));
        assert_eq!(done.bytes.len() % 12, 0);
        assert!(done.bytes.len() <= 1000);
    }

    /// A private key of which only the last lines were captured has no recognisable head; none of its lines may remain.
    #[test]
    fn lines_of_the_context_before_a_tail_never_remain_even_when_masking_shrinks_the_text() {
        let mut capture = Capture::tail(2_000);
        capture.push(&b"BODYOFAKEY\n".repeat(20_000));
        let mut good = b"good\n".repeat(200);
        good.extend(b"to-be-masked ".repeat(70));
        good.push(b'\n');
        capture.push(&good);
        let done = capture.finish(|raw| String::from_utf8_lossy(raw).replace("to-be-masked ", "").into_bytes());
        let text = String::from_utf8(done.bytes).unwrap();
        // 2,000 bytes hold the 1,911 good ones and eight lines before them: these lie within the limit, the context does not.
        assert_eq!(text.matches("BODYOFAKEY").count(), 8);
        assert!(text.contains("good\n"));
    }

    #[test]
    fn one_endless_line_is_cut_inside() {
        let mut capture = Capture::tail(10);
        capture.push(&vec![b'x'; 300_000]);
        let done = capture.finish(<[u8]>::to_vec);
        assert_eq!(done.bytes, b"xxxxxxxxxx");
        assert_eq!(done.seen, 300_000);
    }
}

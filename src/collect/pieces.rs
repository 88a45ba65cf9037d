//! Text of any length, in pieces that can be masked by themselves.

use std::io::{self, Read};

use crate::redact::Masker;

/// How long pieces are, and how much is looked at to cut them.
#[derive(Debug, Clone, Copy)]
struct Measure {
    /// About this long is a piece.
    piece: usize,
    /// This much on both sides of a cut says whether it parts anything.
    context: usize,
    /// The value of a Secret may be as long as the API takes a Secret (1 MiB: `MaxSecretSize` of k8s.io/api/core/v1), in base64, and so
    /// may a private key be in its way. Where no place for a cut is found, one is waited for this long.
    longest: usize,
}

const MEASURE: Measure = Measure {
    piece: 4 << 20,
    context: 64 << 10,
    longest: 2 << 20,
};

/// What says so, in the spellings of YAML.
const SECRET_KINDS: [&[u8]; 3] = [b"kind: Secret", b"kind: \"Secret\"", b"kind: 'Secret'"];

/// Text in pieces that end where a cut parts no secret: with a line where there are lines.
pub(crate) struct Pieces<'r> {
    from: &'r mut dyn Read,
    held: Vec<u8>,
    is_over: bool,
    measure: Measure,
}

impl<'r> Pieces<'r> {
    /// Pieces of what `from` gives.
    pub(crate) fn new(from: &'r mut dyn Read) -> Self {
        Self {
            from,
            held: Vec::new(),
            is_over: false,
            measure: MEASURE,
        }
    }

    /// The next piece, which `masker` will mask; none at the end.
    pub(crate) fn piece(&mut self, masker: &mut Masker) -> io::Result<Option<Vec<u8>>> {
        let Measure {
            piece,
            context,
            longest,
        } = self.measure;
        let mut wait = 0;
        loop {
            self.fill(piece + wait + context)?;
            if self.is_over {
                let rest = std::mem::take(&mut self.held);
                return Ok((!rest.is_empty()).then_some(rest));
            }
            let cut = self.seam(masker, piece + wait).filter(|cut| !self.parts_a_key(*cut));
            if cut.is_none() && wait < longest {
                wait = (wait * 2).max(context);
                continue;
            }
            let rest = self.held.split_off(cut.unwrap_or(piece + wait));
            return Ok(Some(std::mem::replace(&mut self.held, rest)));
        }
    }

    /// Holds at least `wanted` bytes, or all that are left.
    fn fill(&mut self, wanted: usize) -> io::Result<()> {
        let missing = wanted.saturating_sub(self.held.len());
        if !self.is_over && missing > 0 {
            self.held.reserve(missing);
            let read = (&mut *self.from).take(missing as u64).read_to_end(&mut self.held)?;
            self.is_over = read < missing;
        }
        Ok(())
    }

    /// A cut near `near`, judged by the text around it.
    fn seam(&self, masker: &mut Masker, near: usize) -> Option<usize> {
        let Measure { context, longest, .. } = self.measure;
        // What says that values are those of a Secret may stand a whole Secret before them.
        let far = near.saturating_sub(longest);
        let before = self.held.get(far..near).unwrap_or_default();
        let says = |word: &&[u8]| memchr::memmem::find(before, word).is_some();
        let from = if SECRET_KINDS.iter().any(says) {
            far
        } else {
            near.saturating_sub(context)
        };
        let mut at = from;
        for chunk in self.held.get(from..near + context)?.utf8_chunks() {
            let valid_end = at + chunk.valid().len();
            if near <= valid_end {
                return masker.seam(chunk.valid(), near - at).map(|cut| at + cut);
            }
            at = valid_end + chunk.invalid().len();
            if near <= at {
                // Bytes that are no text are masked by nobody, and what is on their sides is masked apart.
                return Some(at);
            }
        }
        None
    }

    /// True for a cut in a private key whose beginning no window shows.
    fn parts_a_key(&self, cut: usize) -> bool {
        let before = self.held.get(..cut).unwrap_or_default();
        let last = |words: &[u8]| memchr::memmem::find_iter(before, words).last();
        last(b"-----BEGIN ").is_some_and(|begin| last(b"-----END ").is_none_or(|end| begin > end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All pieces of `text`, masked one after the other.
    fn masked(text: &str) -> (String, usize) {
        let mut masker = Masker::new();
        let mut from = text.as_bytes();
        let mut pieces = Pieces::new(&mut from);
        pieces.measure = Measure {
            piece: 4096,
            context: 512,
            longest: 2048,
        };
        let (mut out, mut count) = (String::new(), 0);
        while let Some(piece) = pieces.piece(&mut masker).unwrap() {
            out.push_str(&masker.mask(std::str::from_utf8(&piece).unwrap()));
            count += 1;
        }
        (out, count)
    }

    #[test]
    fn a_secret_that_stands_where_a_piece_ends_is_masked_whole_wherever_that_is() {
        for planted in [
            "password=admin",
            "{\\\"password\\\":\\\"correct horse\\\"}",
            "postgres://shop:hunter@db:5432/x",
        ] {
            let secret = ["admin", "correct horse", "hunter"]
                .iter()
                .find(|part| planted.contains(**part))
                .unwrap();
            for at in 4060..4100 {
                // No line ends anywhere.
                let filler = "word ".repeat(2000);
                let text = format!("{} {planted} {filler}", &filler[..at]);
                let (out, count) = masked(&text);
                assert!(count > 1 && !out.contains(secret), "{planted} at {at}: {secret} stays");
            }
        }
    }

    #[test]
    fn pieces_end_with_lines_and_keep_a_secret_with_what_names_it() {
        let lines = "a line of some length\n".repeat(300);
        for shift in 0..25 {
            let before = &lines[..22 * (165 + shift)];
            let text =
                format!("{before}kind: Secret\ndata:\n  a: b25lb25l\n  b: dHdvdHdv\n  c: dGhyZWV0\n---\n{lines}");
            let (out, count) = masked(&text);
            assert!(count > 1, "{count}");
            assert_eq!(out.lines().count(), text.lines().count());
            for value in ["b25lb25l", "dHdvdHdv", "dGhyZWV0"] {
                assert!(!out.contains(value), "{value} at {shift}");
            }
        }
        let key = format!(
            "-----BEGIN RSA PRIVATE KEY-----\n{}-----END RSA PRIVATE KEY-----\n",
            "MIIEpAIBAAKCAQEA04up8hoqzS1z\n".repeat(60)
        );
        let (out, _) = masked(&format!("{}{key}{lines}", &lines[..22 * 150]));
        assert!(!out.contains("MIIEpAIBAAKCAQEA04up8hoqzS1z"));
    }
}

//! Text without the colours of a terminal, which stand between a key and its value, and where each of its bytes came from.

use std::sync::LazyLock;

use regex::Regex;

use super::patterns::Hit;

/// Control sequences of ECMA-48 (5.4) and operating system commands, as bytes or as escapes of JSON.
#[expect(clippy::unwrap_used, reason = "a constant pattern that the tests compile")]
static COLOUR: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?:\x1b|\\+u001b)\[[0-9;:?]*[ -/]*[@-~]|\x1b\][^\x07\x1b\n]*(?:\x07|\x1b\\)").unwrap()
});

/// A text without its colours.
pub(super) struct Plain {
    pub(super) text: String,
    /// Of each stretch that was kept, where it starts here and there.
    stretches: Vec<(usize, usize)>,
}

/// The text without its colours; none where it has none.
pub(super) fn plain(text: &str) -> Option<Plain> {
    if !has_any(text) {
        return None;
    }
    let mut plain = Plain {
        text: String::with_capacity(text.len()),
        stretches: Vec::new(),
    };
    let mut at = 0;
    for colour in COLOUR.find_iter(text) {
        plain.keep(text, at, colour.start());
        at = colour.end();
    }
    plain.keep(text, at, text.len());
    Some(plain)
}

/// True for a text with colours.
pub(super) fn has_any(text: &str) -> bool {
    let may_have =
        memchr::memchr(0x1b, text.as_bytes()).is_some() || memchr::memmem::find(text.as_bytes(), b"u001b[").is_some();
    may_have && COLOUR.is_match(text)
}

impl Plain {
    fn keep(&mut self, text: &str, start: usize, end: usize) {
        if start < end {
            self.stretches.push((self.text.len(), start));
            self.text.push_str(text.get(start..end).unwrap_or_default());
        }
    }

    /// The hit in the text that has the colours.
    pub(super) fn back(&self, hit: Hit) -> Hit {
        let start = self.origin(hit.start);
        let end = match hit.end.checked_sub(1) {
            Some(last) if last >= hit.start => self.origin(last) + 1,
            _ => start,
        };
        Hit { start, end, ..hit }
    }

    fn origin(&self, at: usize) -> usize {
        let after = self.stretches.partition_point(|(here, _)| *here <= at);
        let (here, there) = after
            .checked_sub(1)
            .and_then(|stretch| self.stretches.get(stretch))
            .copied()
            .unwrap_or_default();
        there + (at - here)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Masker;

    #[test]
    fn colours_hide_no_secret_and_stay() {
        for (text, masked) in [
            (
                "\u{1b}[32mpassword\u{1b}[0m=\u{1b}[33mhunter2\u{1b}[0m ok",
                "\u{1b}[32mpassword\u{1b}[0m=\u{1b}[33m‹password-1›\u{1b}[0m ok",
            ),
            (
                r#"{"log":"\u001b[1mpassword\u001b[0m: \u001b[36mhunter2\u001b[0m\n"}"#,
                r#"{"log":"\u001b[1mpassword\u001b[0m: \u001b[36m‹password-1›\u001b[0m\n"}"#,
            ),
            ("\u{1b}[32mall is well\u{1b}[0m", "\u{1b}[32mall is well\u{1b}[0m"),
        ] {
            assert_eq!(Masker::new().mask(text), masked);
        }
    }
}

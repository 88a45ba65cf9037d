//! Printing that a hostile bundle cannot use against a terminal, and that survives closed pipes.

use std::io::{self, Write};

use crate::model::plain;

/// A line to standard output, for what is a courtesy beside the files that are written.
pub(super) fn say(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// Text to standard output that is the very result of the run. A closed pipe is no error: whoever closed it has seen enough.
///
/// # Errors
/// Standard output took not all of it: a full disk, a closed descriptor.
pub(super) fn deliver(text: &str) -> Result<(), String> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(format!(
            "cannot write to standard output: {error}; check where it goes, or choose another -o"
        )),
        _ => Ok(()),
    }
}

/// An error to standard error: what, where, what to do.
pub(super) fn complain(line: &str) {
    let _ = writeln!(io::stderr(), "casefile: {}", safe(line));
}

/// A remark to standard error.
pub(super) fn remark(line: &str) {
    let _ = writeln!(io::stderr(), "{}", safe(line));
}

/// Text without code marks, control characters and characters that turn the direction of writing.
pub(super) fn safe(text: &str) -> String {
    plain(text)
        .chars()
        .map(|c| match c {
            '\t' => ' ',
            c if c.is_control() => '\u{FFFD}',
            '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}' => '\u{FFFD}',
            c => c,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::safe;

    #[test]
    fn escapes_and_direction_marks_do_not_reach_the_terminal() {
        assert_eq!(
            safe("a\u{1b}[31mb\u{202e}c\r\n"),
            "a\u{FFFD}[31mb\u{FFFD}c\u{FFFD}\u{FFFD}"
        );
    }
}

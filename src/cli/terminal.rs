//! Printing that a hostile bundle cannot use against a terminal, and that survives closed pipes.

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::sync::OnceLock;

use clap::{Args, ColorChoice, ValueEnum};
use serde_json::json;

use crate::model::plain;
use crate::redact::Masker;

/// In which manner the program speaks; the same for all subcommands.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Manner")]
pub(super) struct MannerArgs {
    /// Colours on standard error and in help; auto goes by NO_COLOR, CLICOLOR_FORCE and the terminal
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t = Color::Auto)]
    color: Color,
    /// Errors and remarks as text, or as one JSON object on each line
    #[arg(long, global = true, value_name = "FORMAT", value_enum, default_value_t = ErrorFormat::Text)]
    error_format: ErrorFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ErrorFormat {
    Text,
    Json,
}

/// What was settled before the command line is parsed, because what is wrong with it is told in the same manner.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Manner {
    /// Objects in place of lines.
    pub(super) json: bool,
    color: bool,
}

impl Manner {
    /// The same for clap, which prints help and its own errors.
    pub(super) fn choice(self) -> ColorChoice {
        if self.color {
            ColorChoice::Auto
        } else {
            ColorChoice::Never
        }
    }
}

static MANNER: OnceLock<Manner> = OnceLock::new();

/// Reads the manner off the words of a command line and the environment.
pub(super) fn settle(words: &[OsString]) -> Manner {
    let manner = Manner {
        json: option(words, "--error-format").as_deref() == Some("json"),
        color: colors(
            option(words, "--color").as_deref(),
            |name| std::env::var(name).ok().filter(|value| !value.is_empty()),
            io::stderr().is_terminal(),
        ),
    };
    *MANNER.get_or_init(|| manner)
}

/// An option goes before `NO_COLOR` (no-color.org), that before `CLICOLOR_FORCE` (bixense.com/clicolors), that before the terminal.
fn colors(wanted: Option<&str>, variable: impl Fn(&str) -> Option<String>, is_terminal: bool) -> bool {
    match wanted {
        Some("always") => true,
        Some("never") => false,
        _ if variable("NO_COLOR").is_some() => false,
        _ if variable("CLICOLOR_FORCE").is_some_and(|value| value != "0") => true,
        _ => is_terminal && variable("TERM").is_none_or(|term| term != "dumb"),
    }
}

/// The value of an option, as `--name value` or `--name=value`.
fn option(words: &[OsString], name: &str) -> Option<String> {
    let mut words = words.iter().map(|word| word.to_string_lossy());
    while let Some(word) = words.next() {
        if word == name {
            return words.next().map(|value| value.into_owned());
        }
        if let Some(value) = word.strip_prefix(name).and_then(|rest| rest.strip_prefix('=')) {
            return Some(value.to_owned());
        }
    }
    None
}

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
    let line = &masked(line);
    let manner = MANNER.get().copied().unwrap_or_default();
    if manner.json {
        object("error", line);
    } else if manner.color {
        let _ = writeln!(io::stderr(), "\u{1b}[1;31mcasefile:\u{1b}[0m {}", safe(line));
    } else {
        let _ = writeln!(io::stderr(), "casefile: {}", safe(line));
    }
}

/// A remark to standard error.
pub(super) fn remark(line: &str) {
    let line = &masked(line);
    if MANNER.get().is_some_and(|manner| manner.json) {
        object("note", line);
    } else {
        let _ = writeln!(io::stderr(), "{}", safe(line));
    }
}

/// Without what looks like a secret: a message may name a bundle, a file or an option that holds one, before anything of it is known.
pub(super) fn masked(line: &str) -> String {
    Masker::new().mask(line).into_owned()
}

/// The same for machines.
fn object(level: &str, line: &str) {
    let _ = writeln!(io::stderr(), "{}", json!({"level": level, "message": safe(line)}));
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
    use super::*;

    #[test]
    fn an_option_goes_before_variables_and_those_before_the_terminal() {
        let with = |set: &'static [(&'static str, &'static str)]| {
            move |name: &str| {
                set.iter()
                    .find(|(known, _)| *known == name)
                    .map(|(_, value)| (*value).to_owned())
            }
        };
        let both = with(&[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")]);
        assert!(colors(Some("always"), both, false));
        assert!(!colors(None, both, true));
        assert!(colors(None, with(&[("CLICOLOR_FORCE", "1")]), false));
        assert!(!colors(None, with(&[("CLICOLOR_FORCE", "0")]), false));
        assert!(!colors(Some("never"), with(&[("CLICOLOR_FORCE", "1")]), true));
        assert!(!colors(None, with(&[("TERM", "dumb")]), true));
        assert!(colors(Some("auto"), with(&[]), true));
    }

    #[test]
    fn an_option_is_read_in_both_forms() {
        let words: Vec<OsString> = ["casefile", "x", "--color=never", "--error-format", "json"]
            .map(OsString::from)
            .into();
        assert_eq!(option(&words, "--color").as_deref(), Some("never"));
        assert_eq!(option(&words, "--error-format").as_deref(), Some("json"));
        assert_eq!(option(&words, "--lang"), None);
    }

    #[test]
    fn escapes_and_direction_marks_do_not_reach_the_terminal() {
        assert_eq!(
            safe("a\u{1b}[31mb\u{202e}c\r\n"),
            "a\u{FFFD}[31mb\u{FFFD}c\u{FFFD}\u{FFFD}"
        );
    }
}

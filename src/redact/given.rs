//! What a person calls secret: a value, or a pattern of values.

use std::fmt;
use std::str::FromStr;

use regex::{Regex, RegexBuilder};
use regex_syntax::ParserBuilder;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// The shortest value, or match of a pattern, that can be masked everywhere without masking half of a report.
const SHORTEST: usize = 4;

/// The longest pattern, in bytes.
const LONGEST_PATTERN: usize = 1000;

/// Bytes that a compiled pattern may take; `a{1000}{1000}` and its like are refused.
const LARGEST_PROGRAM: usize = 1 << 20;

/// What a person says of values in settings.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Said {
    /// What is secret too.
    #[serde(default, deserialize_with = "extra")]
    pub extra: Vec<Given>,
    /// Values that only look secret.
    #[serde(default)]
    pub allow: Vec<String>,
}

fn extra<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Given>, D::Error> {
    let texts = Vec::<String>::deserialize(from)?;
    let given = texts.iter().map(|text| text.parse());
    given
        .collect::<Result<_, String>>()
        .map_err(|why| D::Error::custom(format!("redact.extra has {why}")))
}

/// A value, or a pattern that stands between slashes: `/cust-[0-9]{6}/`.
#[derive(Clone)]
pub enum Given {
    /// Masked wherever it stands, in every form in which it may be written.
    Value(String),
    /// Masked wherever it matches. `^` and `$` are the ends of lines.
    Pattern(Pattern),
}

/// A regular expression that takes time in proportion to the text, whatever it says.
#[derive(Clone)]
pub struct Pattern(Regex);

impl Pattern {
    /// The stretches of `text` that match and are no token, which masking again would break.
    pub(super) fn find(&self, text: &str) -> Vec<(usize, usize)> {
        self.0
            .find_iter(text)
            .flat_map(|found| outside_tokens(text, found.start(), found.end()))
            .collect()
    }
}

impl FromStr for Given {
    type Err = String;

    /// The error does not tell a value: it is a secret.
    fn from_str(text: &str) -> Result<Self, String> {
        let Some(pattern) = text.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')) else {
            if text.chars().count() < SHORTEST {
                return Err(format!(
                    "a value of less than {SHORTEST} characters; it would mask half of a report"
                ));
            }
            return Ok(Self::Value(text.to_owned()));
        };
        let wrong = |why: String| format!("the pattern /{pattern}/, which {why}");
        if pattern.len() > LONGEST_PATTERN {
            return Err(format!("a pattern of more than {LONGEST_PATTERN} bytes"));
        }
        let parsed = ParserBuilder::new().multi_line(true).build().parse(pattern);
        let parsed = parsed.map_err(|error| {
            // Its own words draw the pattern over several lines.
            let kind = match &error {
                regex_syntax::Error::Parse(error) => error.kind().to_string(),
                regex_syntax::Error::Translate(error) => error.kind().to_string(),
                _ => "it cannot be read".to_owned(),
            };
            wrong(format!("is no regular expression: {kind}"))
        })?;
        if parsed.properties().minimum_len().is_none_or(|least| least < SHORTEST) {
            return Err(wrong(format!(
                "can match less than {SHORTEST} characters, or nothing; it would mask half of a report"
            )));
        }
        RegexBuilder::new(pattern)
            .multi_line(true)
            .size_limit(LARGEST_PROGRAM)
            .dfa_size_limit(LARGEST_PROGRAM)
            .build()
            .map(|regex| Self::Pattern(Pattern(regex)))
            .map_err(|_| wrong("is too large".to_owned()))
    }
}

impl fmt::Debug for Given {
    /// Without the value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Value(_) => "Value",
            Self::Pattern(_) => "Pattern",
        })
    }
}

/// No token is longer: `‹private-key-` with a digest.
const LONGEST_TOKEN: usize = 96;

fn outside_tokens(text: &str, start: usize, end: usize) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut at = start;
    let before = text.get(text.floor_char_boundary(start.saturating_sub(LONGEST_TOKEN))..start);
    let opened = before.and_then(|before| before.rsplit_once('‹'));
    if opened.is_some_and(|(_, inside)| !inside.contains('›')) {
        at = after(text, start, end);
    }
    while at < end {
        let rest = text.get(at..end).unwrap_or_default();
        let open = rest.find('‹').map_or(end, |open| at + open);
        let piece = text.get(at..open).unwrap_or_default();
        let trimmed = piece.trim();
        if !trimmed.is_empty() {
            let from = at + piece.len() - piece.trim_start().len();
            found.push((from, from + trimmed.len()));
        }
        at = if open < end { after(text, open, end) } else { end };
    }
    found
}

/// The place behind the next closing mark, at most `end`.
fn after(text: &str, from: usize, end: usize) -> usize {
    let rest = text.get(from..end).unwrap_or_default();
    rest.find('›').map_or(end, |at| from + at + '›'.len_utf8())
}

#[cfg(test)]
mod tests {
    use super::super::Masker;
    use super::*;

    fn masker(given: &[&str]) -> Masker {
        let mut masker = Masker::new();
        for text in given {
            masker.learn_given(&text.parse().unwrap());
        }
        masker
    }

    #[test]
    fn a_pattern_stands_between_slashes_and_everything_else_is_a_value() {
        let mut masker = masker(&["/cust-[0-9]{6}/", "Kunde Müller", "/srv/customers"]);
        assert_eq!(
            masker.mask("of cust-481516, cust-12 and Kunde Müller in /srv/customers/x: cust-481516\n"),
            "of ‹secret-3›, cust-12 and ‹secret-1› in ‹secret-2›/x: ‹secret-3›\n"
        );
        assert_eq!(masker.leaks(b"for cust-481516").len(), 1, "what matched is known");
    }

    #[test]
    fn what_is_allowed_and_what_is_masked_already_stays() {
        let mut masker = Masker::new();
        masker.allow("ticket-0001");
        masker.learn_given(&"/(ticket|token)-[0-9]+.*$/".parse().unwrap());
        masker.learn_given(&"/ticket-[0-9]{4}/".parse().unwrap());
        assert_eq!(masker.mask("ticket-0001"), "ticket-0001");
        let once = masker.mask("token=hunter2x and token-12 of hunter2x it").into_owned();
        assert!(!once.contains("hunter2x") && !once.contains("token-12 "), "{once}");
        assert_eq!(masker.mask(&once), once, "masking twice");
    }

    #[test]
    fn lines_stay_when_a_pattern_takes_several() {
        let mut masker = masker(&["/(?s)BEGIN NOTE.*?END NOTE/"]);
        let masked = masker.mask("a\nBEGIN NOTE\nof somebody\nEND NOTE\nb\n").into_owned();
        assert_eq!(masked.lines().count(), 5);
        assert!(!masked.contains("somebody"), "{masked}");
    }

    #[test]
    fn what_would_mask_half_of_a_report_or_cost_too_much_is_refused() {
        for (text, words) in [
            ("abc", "less than 4"),
            ("/a+/", "less than 4"),
            ("/x*/", "less than 4"),
            ("/[/", "no regular expression"),
            ("/(?:a{900}){900}/", "too large"),
        ] {
            let error = text.parse::<Given>().unwrap_err();
            assert!(error.contains(words) && error.lines().count() == 1, "{text}: {error}");
        }
        assert!("/a/b/".parse::<Given>().is_err(), "a pattern of three characters");
    }
}

//! The ways in which one value can be written down.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// A literal to search for.
#[derive(Clone)]
pub(super) struct Form {
    /// How the value is written.
    pub(super) writing: Writing,
    /// What to search for: the start of the written value, at most [`HEAD`] bytes.
    pub(super) head: String,
    /// Whether more follows in the written value. It is not kept: a value may be a megabyte long. Of base64 the whole word is taken.
    pub(super) is_cut: bool,
}

/// A way to write a value down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Writing {
    /// As it is.
    Raw,
    /// In a JSON string (RFC 8259).
    Json,
    /// In a JSON string inside another one.
    JsonInJson,
    /// In a JSON string in a string in a string.
    JsonThrice,
    /// As Go's `encoding/json` does.
    GoJson,
    /// The same inside another JSON string.
    GoJsonInJson,
    /// As PHP does, with an escaped slash.
    SlashJson,
    /// In a JSON string of ASCII alone, as Python writes it.
    AsciiJson,
    /// Between YAML's single quotes.
    Yaml,
    /// Between a shell's single quotes.
    Shell,
    /// Percent-encoded.
    Url,
    /// The same with small letters.
    SmallUrl,
    /// As forms do it, with a plus sign for a blank.
    FormUrl,
    /// Every byte percent-encoded.
    AllUrl,
    /// The same with small letters.
    AllSmallUrl,
    /// In HTML.
    Html,
    /// As Go's `html/template` does, with numbers for both quotes.
    GoHtml,
    /// In HTML, with numbers for apostrophe and slash.
    NumberedHtml,
    /// In base64, at any alignment.
    Base64,
    /// In base64 of base64, as a Secret's value is that was base64 already.
    Base64Twice,
}

impl Writing {
    /// `raw`, `json`, `yaml`, `shell`, `url`, `html` or `base64`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Json
            | Self::JsonInJson
            | Self::JsonThrice
            | Self::GoJson
            | Self::GoJsonInJson
            | Self::SlashJson
            | Self::AsciiJson => "json",
            Self::Yaml => "yaml",
            Self::Shell => "shell",
            Self::Url | Self::SmallUrl | Self::FormUrl | Self::AllUrl | Self::AllSmallUrl => "url",
            Self::Html | Self::GoHtml | Self::NumberedHtml => "html",
            Self::Base64 | Self::Base64Twice => "base64",
        }
    }

    /// True for a writing in which every value is another text, and hardly ever written.
    fn is_rare(self) -> bool {
        matches!(self, Self::AllUrl | Self::AllSmallUrl)
    }

    /// True for base64, of which the whole word is taken around what is found.
    pub(super) fn is_base64(self) -> bool {
        matches!(self, Self::Base64 | Self::Base64Twice)
    }

    /// The whole value, written so. Base64 depends on what stands before it, and is written by its cores alone.
    pub(super) fn write(self, value: &str) -> Cow<'_, str> {
        match self {
            Self::Raw | Self::Base64 | Self::Base64Twice => Cow::Borrowed(value),
            Self::Json => json_escaped(value).into(),
            Self::JsonInJson => json_escaped(&json_escaped(value)).into(),
            Self::JsonThrice => json_escaped(&json_escaped(&json_escaped(value))).into(),
            Self::GoJson => go_json_escaped(&json_escaped(value)).into(),
            Self::GoJsonInJson => go_json_escaped(&json_escaped(&go_json_escaped(&json_escaped(value)))).into(),
            Self::SlashJson => json_escaped(value).replace('/', "\\/").into(),
            Self::AsciiJson => ascii_escaped(&json_escaped(value)).into(),
            Self::Yaml => value.replace('\'', "''").into(),
            Self::Shell => value.replace('\'', r"'\''").into(),
            Self::Url => url_escaped(value, "%20", true).into(),
            Self::SmallUrl => url_escaped(value, "%20", false).into(),
            Self::FormUrl => url_escaped(value, "+", true).into(),
            Self::AllUrl => value.bytes().map(|byte| format!("%{byte:02X}")).collect(),
            Self::AllSmallUrl => value.bytes().map(|byte| format!("%{byte:02x}")).collect(),
            Self::Html => html_escaped(value, "&quot;", "&#39;", "/").into(),
            Self::GoHtml => html_escaped(value, "&#34;", "&#39;", "/").into(),
            Self::NumberedHtml => html_escaped(value, "&quot;", "&#x27;", "&#x2f;").into(),
        }
    }
}

/// Enough bytes to tell one secret from all other text. Longer literals would only make the automaton bigger.
const HEAD: usize = 64;

/// The same for the inner one of two layers of base64.
const HEAD_OF_TWICE: usize = 20;

/// The same for writings that are rare: ten bytes of a value.
const HEAD_OF_RARE: usize = 30;

/// Every form of `value`, without repetitions. `value` has at least six bytes, so the shortest base64 form has seven characters.
pub(super) fn of(value: &str) -> Vec<Form> {
    // A value may be a megabyte long, and no head shows more of it than this: no writing makes a byte to less than one.
    let start = value.get(..value.ceil_char_boundary(HEAD)).unwrap_or(value);
    let mut texts: Vec<(Writing, Cow<'_, str>)> = Vec::new();
    for writing in [
        Writing::Raw,
        Writing::JsonThrice,
        Writing::JsonInJson,
        Writing::GoJsonInJson,
        Writing::GoJson,
        Writing::SlashJson,
        Writing::AsciiJson,
        Writing::Json,
        Writing::Yaml,
        Writing::Shell,
        Writing::Url,
        Writing::SmallUrl,
        Writing::FormUrl,
        Writing::AllUrl,
        Writing::AllSmallUrl,
        Writing::Html,
        Writing::GoHtml,
        Writing::NumberedHtml,
    ] {
        let text = writing.write(start);
        if !texts.iter().any(|(_, known)| *known == text) {
            texts.push((writing, text));
        }
    }
    let written = texts.into_iter().map(|(writing, text)| {
        let most = if writing.is_rare() { HEAD_OF_RARE } else { HEAD };
        let head = text.get(..text.floor_char_boundary(most)).unwrap_or_default();
        Form {
            writing,
            head: head.to_owned(),
            is_cut: head.len() < text.len() || start.len() < value.len(),
        }
    });
    let mut forms: Vec<Form> = written.collect();
    // What was encoded twice was a value by itself the first time, as a Secret's value is that was base64 already.
    let twice = base64_cores(value, HEAD_OF_TWICE).into_iter().take(1);
    let twice: Vec<String> = twice.flat_map(|core| base64_cores(&core, HEAD)).collect();
    for (writing, cores) in [
        (Writing::Base64, base64_cores(value, HEAD)),
        (Writing::Base64Twice, twice),
    ] {
        for head in cores {
            if !forms.iter().any(|known| known.head == head && !known.is_cut) {
                forms.push(Form {
                    writing,
                    head,
                    is_cut: false,
                });
            }
        }
    }
    forms
}

/// The escapes of RFC 8259 without the surrounding quotes.
fn json_escaped(value: &str) -> String {
    let quoted = serde_json::Value::from(value).to_string();
    quoted
        .get(1..quoted.len().saturating_sub(1))
        .unwrap_or_default()
        .to_owned()
}

/// Go's `encoding/json` writes these three characters as escapes too (its documentation of `HTMLEscape`).
fn go_json_escaped(json: &str) -> String {
    json.replace('&', "\\u0026")
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
}

/// Percent-encoding of everything but the unreserved characters of RFC 3986.
fn url_escaped(value: &str, space: &str, upper: bool) -> String {
    let mut out = String::with_capacity(value.len());
    for byte in value.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            b' ' => out.push_str(space),
            _ if upper => out.push_str(&format!("%{byte:02X}")),
            _ => out.push_str(&format!("%{byte:02x}")),
        }
    }
    out
}

/// Characters beyond ASCII as JSON's escapes.
fn ascii_escaped(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_ascii() {
            out.push(c);
        } else {
            let mut units = [0; 2];
            let units = c.encode_utf16(&mut units).iter();
            units.for_each(|unit| out.push_str(&format!("\\u{unit:04x}")));
        }
    }
    out
}

/// The five characters that HTML escapes. Libraries differ in the quotes, and some (minijinja) escape the slash as well.
fn html_escaped(value: &str, quote: &str, apostrophe: &str, slash: &str) -> String {
    value
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', quote)
        .replace('\'', apostrophe)
        .replace('/', slash)
}

/// The base64 characters that the start of `value` alone decides when it starts at a byte offset of 0, 1 or 2 modulo 3 inside encoded
/// text; of each at most `most` characters.
fn base64_cores(value: &str, most: usize) -> Vec<String> {
    let bytes = value.as_bytes();
    let bytes = bytes.get(..most * 3 / 4).unwrap_or(bytes);
    let mut cores = Vec::new();
    for lead in 0..3usize {
        let mut padded = vec![0; lead];
        padded.extend_from_slice(bytes);
        let first = (lead * 8).div_ceil(6);
        let last = padded.len() * 8 / 6;
        for text in [STANDARD_NO_PAD.encode(&padded), URL_SAFE_NO_PAD.encode(&padded)] {
            cores.extend(text.get(first..last).map(str::to_owned));
        }
    }
    cores
}

/// Undoes JSON's escapes in the inside of a quoted string; text that is not valid inside quotes comes back as it is.
pub(super) fn json_unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    serde_json::from_str(&format!("\"{text}\"")).map_or(Cow::Borrowed(text), Cow::Owned)
}

/// Decodes standard or URL-safe base64, with or without padding, when the result is UTF-8 text without control characters.
pub(super) fn base64_text(text: &str) -> Option<String> {
    let bare = text.trim().trim_end_matches('=');
    let bytes = STANDARD_NO_PAD
        .decode(bare)
        .or_else(|_| URL_SAFE_NO_PAD.decode(bare))
        .ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let printable = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t');
    text.chars().all(printable).then_some(text)
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    #[test]
    fn what_no_head_shows_is_not_written() {
        let start = "correct-horse-".repeat(9);
        let (plain, quoted) = (format!("{start}staple"), format!("{start}\"&<é>'/"));
        let shown = |value: &str| -> Vec<(Writing, String, bool)> {
            let forms = of(value).into_iter();
            forms.map(|form| (form.writing, form.head, form.is_cut)).collect()
        };
        assert_eq!(shown(&quoted), shown(&plain));
    }

    #[test]
    fn base64_is_found_at_every_alignment() {
        for lead in ["", "a", "ab", "abc"] {
            let blob = STANDARD.encode(format!("{lead}correct horse{lead} battery"));
            let found = of("correct horse")
                .iter()
                .any(|form| form.writing == Writing::Base64 && blob.contains(&form.head));
            assert!(found, "{lead:?}: {blob}");
        }
    }

    #[test]
    fn base64_of_base64_is_found_wherever_it_stands() {
        for outer in ["", "a", "ab", "{\"k\":\""] {
            let inner = STANDARD.encode("correct horse battery");
            let blob = STANDARD.encode(format!("{outer}{inner}"));
            let found = of("correct horse battery")
                .iter()
                .any(|form| form.writing == Writing::Base64Twice && blob.contains(&form.head));
            assert!(found, "{outer:?}: {blob}");
        }
    }

    #[test]
    fn escaped_forms_are_those_of_the_writers() {
        let heads: Vec<String> = of("p&ss\"w/rd").into_iter().map(|form| form.head).collect();
        for written in [
            "p&ss\\\"w/rd",
            "p\\u0026ss\\\"w/rd",
            "p%26ss%22w%2Frd",
            "p&amp;ss&quot;w/rd",
            "p&amp;ss&quot;w&#x2f;rd",
            "p&amp;ss&#34;w/rd",
            "p\\\\u0026ss\\\\\\\"w/rd",
            "p&ss\\\\\\\\\\\\\\\"w/rd",
            "p&ss\\\"w\\/rd",
            "%70%26%73%73%22%77%2F%72%64",
        ] {
            assert!(heads.iter().any(|head| head == written), "{written}");
        }
        let quoted: Vec<String> = of("it's 密码").into_iter().map(|form| form.head).collect();
        for written in ["it''s 密码", r"it'\''s 密码", r"it's \u5bc6\u7801"] {
            assert!(quoted.iter().any(|head| head == written), "{written}");
        }
    }

    #[test]
    fn long_values_are_searched_by_their_head() {
        let long = "0123456789".repeat(1000);
        for form in of(&long) {
            assert!(form.head.len() <= HEAD, "{}", form.head.len());
        }
    }

    #[test]
    fn binary_is_not_text() {
        assert_eq!(base64_text("aHVudGVyMg==").as_deref(), Some("hunter2"));
        assert_eq!(base64_text("AAECAw=="), None);
    }
}

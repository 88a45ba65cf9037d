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
    /// As Go's `encoding/json` does.
    GoJson,
    /// Percent-encoded.
    Url,
    /// The same with small letters.
    SmallUrl,
    /// As forms do it, with a plus sign for a blank.
    FormUrl,
    /// In HTML.
    Html,
    /// In HTML, with numbers for apostrophe and slash.
    NumberedHtml,
    /// In base64, at any alignment.
    Base64,
}

impl Writing {
    /// `raw`, `json`, `url`, `html` or `base64`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Json | Self::JsonInJson | Self::GoJson => "json",
            Self::Url | Self::SmallUrl | Self::FormUrl => "url",
            Self::Html | Self::NumberedHtml => "html",
            Self::Base64 => "base64",
        }
    }

    /// The whole value, written so. Base64 depends on what stands before it, and is written by its cores alone.
    pub(super) fn write(self, value: &str) -> Cow<'_, str> {
        match self {
            Self::Raw | Self::Base64 => Cow::Borrowed(value),
            Self::Json => json_escaped(value).into(),
            Self::JsonInJson => json_escaped(&json_escaped(value)).into(),
            Self::GoJson => go_json_escaped(&json_escaped(value)).into(),
            Self::Url => url_escaped(value, "%20", true).into(),
            Self::SmallUrl => url_escaped(value, "%20", false).into(),
            Self::FormUrl => url_escaped(value, "+", true).into(),
            Self::Html => html_escaped(value, "&#39;", "/").into(),
            Self::NumberedHtml => html_escaped(value, "&#x27;", "&#x2f;").into(),
        }
    }
}

/// Enough bytes to tell one secret from all other text. Longer literals would only make the automaton bigger.
const HEAD: usize = 64;

/// Every form of `value`, without repetitions. `value` has at least six bytes, so the shortest base64 form has seven characters.
pub(super) fn of(value: &str) -> Vec<Form> {
    let mut texts: Vec<(Writing, Cow<'_, str>)> = Vec::new();
    for writing in [
        Writing::Raw,
        Writing::JsonInJson,
        Writing::GoJson,
        Writing::Json,
        Writing::Url,
        Writing::SmallUrl,
        Writing::FormUrl,
        Writing::Html,
        Writing::NumberedHtml,
    ] {
        let text = writing.write(value);
        if !texts.iter().any(|(_, known)| *known == text) {
            texts.push((writing, text));
        }
    }
    let written = texts.into_iter().map(|(writing, text)| {
        let head = text.get(..text.floor_char_boundary(HEAD)).unwrap_or_default();
        Form {
            writing,
            head: head.to_owned(),
            is_cut: head.len() < text.len(),
        }
    });
    let mut forms: Vec<Form> = written.collect();
    for head in base64_cores(value) {
        if !forms.iter().any(|known| known.head == head && !known.is_cut) {
            forms.push(Form {
                writing: Writing::Base64,
                head,
                is_cut: false,
            });
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

/// The five characters that HTML escapes. Libraries differ in the apostrophe, and some (minijinja) escape the slash as well.
fn html_escaped(value: &str, apostrophe: &str, slash: &str) -> String {
    value
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', apostrophe)
        .replace('/', slash)
}

/// The base64 characters that `value` alone decides when it starts at a byte offset of 0, 1 or 2 modulo 3 inside encoded text.
fn base64_cores(value: &str) -> Vec<String> {
    let bytes = value.as_bytes();
    let bytes = bytes.get(..HEAD * 3 / 4).unwrap_or(bytes);
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
    fn escaped_forms_are_those_of_the_writers() {
        let heads: Vec<String> = of("p&ss\"w/rd").into_iter().map(|form| form.head).collect();
        for written in [
            "p&ss\\\"w/rd",
            "p\\u0026ss\\\"w/rd",
            "p%26ss%22w%2Frd",
            "p&amp;ss&quot;w/rd",
            "p&amp;ss&quot;w&#x2f;rd",
        ] {
            assert!(heads.iter().any(|head| head == written), "{written}");
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

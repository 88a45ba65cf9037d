//! The ways in which one value can be written down.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// A literal to search for.
#[derive(Clone)]
pub(super) struct Form {
    /// How the value is written: `raw`, `json`, `url`, `html` or `base64`.
    pub(super) name: &'static str,
    /// What to search for: the start of the written value, at most [`HEAD`] bytes.
    pub(super) head: String,
    /// What follows the head in the written value; empty for base64, where the whole base64 word is taken instead.
    pub(super) rest: String,
}

/// Enough bytes to tell one secret from all other text. Longer literals would only make the automaton bigger.
const HEAD: usize = 64;

/// Every form of `value`, without repetitions. `value` has at least six bytes, so the shortest base64 form has seven characters.
pub(super) fn of(value: &str) -> Vec<Form> {
    let mut forms = vec![written("raw", value.to_owned())];
    let json = json_escaped(value);
    for (name, text) in [
        ("json", json_escaped(&json)),
        ("json", go_json_escaped(&json)),
        ("json", json),
        ("url", url_escaped(value, "%20", true)),
        ("url", url_escaped(value, "%20", false)),
        ("url", url_escaped(value, "+", true)),
        ("html", html_escaped(value, "&#39;", "/")),
        ("html", html_escaped(value, "&#x27;", "&#x2f;")),
    ] {
        push_new(&mut forms, written(name, text));
    }
    for text in base64_cores(value) {
        push_new(
            &mut forms,
            Form {
                name: "base64",
                head: text,
                rest: String::new(),
            },
        );
    }
    forms
}

fn push_new(forms: &mut Vec<Form>, form: Form) {
    if !forms
        .iter()
        .any(|known| known.head == form.head && known.rest == form.rest)
    {
        forms.push(form);
    }
}

fn written(name: &'static str, text: String) -> Form {
    let cut = text.floor_char_boundary(HEAD);
    let (head, rest) = text.split_at(cut);
    Form {
        name,
        head: head.to_owned(),
        rest: rest.to_owned(),
    }
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
                .any(|form| form.name == "base64" && blob.contains(&form.head));
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

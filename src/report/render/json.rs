//! The report for other programs: the model as it is, without code marks.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::Value;

use super::RenderError;
use crate::model::plain;
use crate::report::escape::is_invisible;

/// Pretty JSON with two spaces, keys in the order of the document, a line feed at the end.
pub(super) fn document(document: &impl Serialize) -> Result<String, RenderError> {
    let mut value = serde_json::to_value(document)?;
    strip_marks(&mut value);
    let mut out = escaped(&serde_json::to_string_pretty(&value)?);
    out.push('\n');
    Ok(out)
}

/// The same JSON with controls, bidirectional and other invisible characters as `\uXXXX` (RFC 8259, section 7), so that a terminal
/// or an editor that shows the file obeys none of them. They can only stand inside strings.
fn escaped(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if c == '\u{7f}' || is_invisible(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

/// Removes code marks from every string; the model has no maps with free keys, so keys stay.
fn strip_marks(value: &mut Value) {
    match value {
        Value::String(text) => *text = plain(text),
        Value::Array(items) => items.iter_mut().for_each(strip_marks),
        Value::Object(fields) => fields.values_mut().for_each(strip_marks),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn what_cannot_be_seen_is_escaped_and_means_the_same() {
        let text = "a\u{9b}31m\u{202e}b\u{7f}\u{2066}\u{feff}\u{e0041}中文 😀";
        let json = escaped(&serde_json::to_string(text).unwrap());
        assert_eq!(
            json,
            "\"a\\u009b31m\\u202eb\\u007f\\u2066\\ufeff\\udb40\\udc41中文 😀\""
        );
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }
}

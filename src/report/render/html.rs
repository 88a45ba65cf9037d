//! Rich text as HTML: the only place where code marks, references and blanks become elements.

use minijinja::Error;
use minijinja::value::Value;
use sha2::{Digest as _, Sha256};

use super::rich::{Inline, Rich, shape};
use crate::model::Confidence;
use crate::report::escape;

/// Rich text as inline HTML. Everything is escaped before an element is put around it.
pub(super) fn inline(rich: &Rich) -> String {
    let mut out = String::new();
    for part in &rich.0 {
        match part {
            Inline::Text(text) => out.push_str(&escape::html(text)),
            Inline::Code(text) => out.push_str(&format!("<code>{}</code>", escape::html(text))),
            Inline::Ref { id, linked: true } => {
                out.push_str(&format!(
                    "<a class=\"ref\" href=\"#{}\">[{}]</a>",
                    anchor(id),
                    escape::html(id)
                ));
            }
            Inline::Ref { id, linked: false } => out.push_str(&format!("[{}]", escape::html(id))),
            Inline::Badge { confidence, word } => out.push_str(&badge(*confidence, word)),
            Inline::Blank { id, required, shown } => {
                let class = if *required { "blank required" } else { "blank" };
                let id = escape::html(id);
                out.push_str(&format!(
                    "<span class=\"{class}\" data-blank=\"{id}\">{}</span>",
                    escape::html(shown)
                ));
            }
        }
    }
    out
}

/// A confidence as shape and word; the shape is hidden from screen readers, which read the word.
fn badge(confidence: Confidence, word: &str) -> String {
    let class = class(confidence);
    let shape = shape(confidence);
    format!(
        "<span class=\"badge {class}\"><span aria-hidden=\"true\">{shape}</span>&nbsp;{}</span>",
        escape::html(word)
    )
}

/// The class of a confidence, in HTML and in SVG.
fn class(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::Confirmed => "confirmed",
        Confidence::Probable => "probable",
        Confidence::Possible => "possible",
        Confidence::RuledOut => "ruled-out",
        Confidence::Undetermined => "undetermined",
    }
}

/// The fragment of an entry: ASCII letters and digits of its id in lower case, after `x-`, so that no id of a report can meet the
/// id of a chapter.
pub(super) fn anchor(id: &str) -> String {
    let clean: String = id.chars().filter(char::is_ascii_alphanumeric).collect();
    format!("x-{}", clean.to_ascii_lowercase())
}

/// The source expression of a Content Security Policy that allows exactly these bytes between `<style>` or `<script>` tags.
pub(super) fn csp_hash(content: &str) -> String {
    use base64::Engine as _;
    format!(
        "sha256-{}",
        base64::engine::general_purpose::STANDARD.encode(Sha256::digest(content))
    )
}

/// Template filter `anchor`.
pub(super) fn anchor_filter(value: &Value) -> Result<String, Error> {
    Ok(anchor(&value.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_escaped_before_it_is_wrapped() {
        let rich = Rich(vec![
            Inline::Text("<b>".into()),
            Inline::Code("</code><script>".into()),
            Inline::Ref {
                id: "E7".into(),
                linked: true,
            },
            Inline::Blank {
                id: "a\"b".into(),
                required: true,
                shown: "<i>".into(),
            },
        ]);
        assert_eq!(
            inline(&rich),
            "&lt;b&gt;<code>&lt;/code&gt;&lt;script&gt;</code><a class=\"ref\" href=\"#x-e7\">[E7]</a>\
             <span class=\"blank required\" data-blank=\"a&quot;b\">&lt;i&gt;</span>"
        );
    }
}

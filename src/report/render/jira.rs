//! Rich text as the wiki markup of Jira ("Text Formatting Notation Help"), in which no text of a bundle has a meaning.

use super::rich::{Inline, Rich, shape};
use crate::report::escape;

/// Rich text on one line.
pub(super) fn inline(rich: &Rich) -> String {
    let mut out = String::new();
    for part in &rich.0 {
        match part {
            Inline::Text(text) | Inline::Blank { shown: text, .. } => push(&mut out, text),
            Inline::Code(text) if text.trim().is_empty() => {}
            Inline::Code(text) => {
                out.push_str("{{");
                push(&mut out, text);
                out.push_str("}}");
            }
            Inline::Ref { id, .. } => push(&mut out, &format!("[{id}]")),
            Inline::Badge { confidence, word } => push(&mut out, &format!("{} {word}", shape(*confidence))),
        }
    }
    out
}

/// Words with a backslash before every character that could start or end markup where it stands.
fn push(out: &mut String, text: &str) {
    let chars: Vec<char> = escape::visible(text)
        .replace('\n', " ⏎ ")
        .replace('\t', " ")
        .chars()
        .collect();
    for (index, &c) in chars.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|at| chars.get(at)).copied();
        let after = chars.get(index + 1).copied();
        let in_word = |neighbour: Option<char>| neighbour.is_some_and(char::is_alphanumeric);
        let marks = match c {
            '\\' | '{' | '}' | '[' | ']' | '|' | '!' | '#' | '@' | '~' | '^' => true,
            // Phrase marks count only at the edge of a word.
            '*' | '_' | '-' | '+' => !(in_word(before) && in_word(after)),
            '?' => before == Some('?') || after == Some('?'),
            ':' => after == Some('/') || !in_word(before),
            // Pictures such as `(x)` and `(!)`.
            '(' => chars.get(index + 2) == Some(&')') || after.is_some_and(|next| next.is_ascii_punctuation()),
            // `h1. ` and `bq. ` at the start of a line.
            '.' => out.len() == 2 && (out.starts_with('h') || out == "bq"),
            _ => false,
        };
        if marks {
            out.push('\\');
        }
        out.push(c);
    }
}

/// A block that is shown as it stands: `{code}` for the languages that Jira colours everywhere, else `{noformat}`.
pub(super) fn block(content: &str, language: &str) -> String {
    let (open, close) = match language {
        "bash" | "yaml" | "json" | "xml" | "sql" => (format!("{{code:{language}}}"), "{code}"),
        _ => ("{noformat}".to_owned(), "{noformat}"),
    };
    // Nothing can be escaped inside; what would close the block gets a space.
    let content = escape::visible(content)
        .replace("{code", "{ code")
        .replace("{noformat", "{ noformat");
    format!("{open}\n{}\n{close}", content.trim_end_matches('\n'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_words_is_inert() {
        for (text, wiki) in [
            ("share-mnt a_b", "share-mnt a_b"),
            ("{code}x{code}", "\\{code\\}x\\{code\\}"),
            ("[x|javascript:y]", "\\[x\\|javascript:y\\]"),
            ("[~admin] !x.png!", "\\[\\~admin\\] \\!x.png\\!"),
            ("-gone- *bold* _x_", "\\-gone\\- \\*bold\\* \\_x\\_"),
            ("https://evil.example", "https\\://evil.example"),
            ("h1. title", "h1\\. title"),
            ("a (x) b", "a \\(x) b"),
            ("two\nlines", "two ⏎ lines"),
        ] {
            assert_eq!(inline(&Rich::parse(text)), wiki);
        }
    }

    #[test]
    fn a_block_cannot_be_closed_from_inside() {
        assert_eq!(
            block("a\n{code}\n{noformat}b", "bash"),
            "{code:bash}\na\n{ code}\n{ noformat}b\n{code}"
        );
    }
}

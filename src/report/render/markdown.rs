//! Rich text as Markdown: CommonMark 0.31 with GitHub's tables, in which no text of a bundle has a meaning.

use super::rich::{Inline, Rich, shape};
use crate::report::escape;

/// Where a text stands; a table cell ends at a bar, prose does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// A paragraph or a list item.
    Prose,
    /// A cell of a table.
    Cell,
}

/// Rich text on one line.
pub(super) fn inline(rich: &Rich, place: Place) -> String {
    let mut out = String::new();
    for part in &rich.0 {
        match part {
            Inline::Text(text) => push_prose(&mut out, text, place),
            Inline::Code(text) => push_code(&mut out, text, place),
            Inline::Ref { id, linked: true } => {
                out.push_str(&format!("[[{id}]](#{})", id.to_ascii_lowercase()));
            }
            Inline::Ref { id, linked: false } => push_prose(&mut out, &format!("[{id}]"), place),
            Inline::Badge { confidence, word } => {
                push_prose(&mut out, &format!("{} {word}", shape(*confidence)), place)
            }
            Inline::Blank { id, required, shown } => {
                // A bracket that is followed by a comment and has no definition anywhere is no link, and people search for it as it is.
                match shown.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                    Some(inner) => {
                        out.push('[');
                        push_prose(&mut out, inner, place);
                        out.push(']');
                    }
                    None => push_prose(&mut out, shown, place),
                }
                let required = if *required { " required" } else { "" };
                out.push_str(&format!("<!-- blank:{}{required} -->", comment_id(id)));
            }
        }
    }
    out
}

/// A fenced block of `content`, each line after the first indented by `indent` spaces for use inside a list item.
///
/// The fence is longer than any run of back-ticks inside, so nothing inside can close it.
pub(super) fn fence(content: &str, info: &str, indent: usize) -> String {
    let content = escape::visible(content);
    let ticks = "`".repeat(longest_run(&content).saturating_add(1).max(3));
    let margin = " ".repeat(indent);
    let mut out = format!("{ticks}{info}\n");
    for line in content.trim_end_matches('\n').split('\n') {
        out.push_str(&format!("{margin}{line}\n"));
    }
    out.push_str(&format!("{margin}{ticks}"));
    out
}

/// Words, with every character escaped that CommonMark or GitHub could read as markup.
///
/// `@`, `#1` and `!1` are set as code, because GitHub and GitLab look for mentions after Markdown is done, where an escape is
/// no longer visible.
fn push_prose(out: &mut String, text: &str, place: Place) {
    let visible = escape::visible(text);
    // Headings, lists and rules begin at the start of a line; a cell never does.
    let line = place == Place::Prose;
    let mut first = out.is_empty();
    let mut chars = visible.chars().peekable();
    while let Some(c) = chars.next() {
        let next = chars.peek().copied().unwrap_or(' ');
        match c {
            '\n' => out.push_str(" ⏎ "),
            '\t' => out.push(' '),
            ' ' if first => continue,
            '@' | '$' => push_code_span(out, &c.to_string()),
            '#' | '!' if next.is_ascii_digit() => push_code_span(out, &c.to_string()),
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '&' | '|' | '~' | '^' => push_escaped(out, c),
            ':' if next == '/' => push_escaped(out, c),
            '.' if ends_with_www(out) => push_escaped(out, c),
            '#' | '+' | '-' | '=' if first && line => push_escaped(out, c),
            '.' | ')' if line && is_list_number(out) && next.is_whitespace() => push_escaped(out, c),
            _ => out.push(c),
        }
        first = false;
    }
}

fn push_escaped(out: &mut String, c: char) {
    out.push('\\');
    out.push(c);
}

/// A code span whose delimiter is longer than any run of back-ticks inside.
fn push_code(out: &mut String, text: &str, place: Place) {
    let mut content = escape::visible(text).replace('\n', "⏎").replace('\t', " ");
    if place == Place::Cell {
        // GitHub splits a row into cells before it reads code spans, and takes `\\` for an escaped backslash while it does so: a
        // bar straight after a backslash would end the cell, whatever stands before it.
        content = content.replace("\\|", "\\ |").replace('|', "\\|");
    }
    push_code_span(out, &content);
}

fn push_code_span(out: &mut String, content: &str) {
    // Two runs of back-ticks that touch are one longer run.
    if out.ends_with('`') {
        out.push(' ');
    }
    let ticks = "`".repeat(longest_run(content).saturating_add(1));
    let pad = content.starts_with(['`', ' ']) || content.ends_with(['`', ' ']) || content.is_empty();
    let pad = if pad { " " } else { "" };
    out.push_str(&format!("{ticks}{pad}{content}{pad}{ticks}"));
}

/// The longest run of back-ticks.
fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

fn ends_with_www(out: &str) -> bool {
    let tail: String = out.chars().rev().take(3).collect();
    tail.eq_ignore_ascii_case("www")
}

/// True when everything so far is a number, so that `.` or `)` would start an ordered list.
fn is_list_number(out: &str) -> bool {
    !out.is_empty() && out.len() <= 9 && out.bytes().all(|b| b.is_ascii_digit())
}

/// A blank's id inside a comment: what could end the comment is replaced.
fn comment_id(id: &str) -> String {
    let mut clean = String::new();
    for c in id.chars() {
        let c = if c.is_ascii_alphanumeric() || c == '.' || c == '_' {
            c
        } else {
            '-'
        };
        if c != '-' || !clean.ends_with('-') {
            clean.push(c);
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prose(text: &str) -> String {
        inline(&Rich::parse(text), Place::Prose)
    }

    fn code_cell(text: &str) -> String {
        inline(&Rich::code(text), Place::Cell)
    }

    #[test]
    fn markup_in_words_is_inert() {
        for (text, markdown) in [
            ("<img src=x>", "\\<img src=x\\>"),
            ("# heading", "\\# heading"),
            ("1. list", "1\\. list"),
            ("v1.2", "v1.2"),
            ("a_b*c", "a\\_b\\*c"),
            ("[x](y)", "\\[x\\](y)"),
            ("ping @team #12", "ping `@`team `#`12"),
            ("see https://a.example", "see https\\://a.example"),
            ("two\nlines", "two ⏎ lines"),
        ] {
            assert_eq!(prose(text), markdown);
        }
    }

    #[test]
    fn a_code_span_cannot_be_closed_from_inside() {
        assert_eq!(code_cell("a`b``c"), "```a`b``c```");
        assert_eq!(code_cell("`x`"), "`` `x` ``");
    }

    #[test]
    fn a_cell_cannot_be_ended_from_inside() {
        assert_eq!(code_cell("a|b\nc"), "`a\\|b⏎c`");
        assert_eq!(code_cell("a\\|<b>"), "`a\\ \\|<b>`");
    }

    #[test]
    fn a_fence_is_longer_than_what_it_holds() {
        assert_eq!(fence("a\n````\n", "text", 2), "`````text\n  a\n  ````\n  `````");
    }
}

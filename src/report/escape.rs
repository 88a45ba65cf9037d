//! Makes text from a bundle harmless to look at, and then harmless inside HTML.
//!
//! The order is fixed: first everything invisible or active on a terminal becomes visible ([`visible`]), then the characters that
//! mean something to the output format are escaped.

use std::fmt::Write as _;
use std::iter::Peekable;
use std::str::Chars;

/// Shown where a terminal escape sequence was taken out (U+241B, the picture of ESC).
const ESCAPE_MARK: char = '\u{241B}';

/// The text with every character visible: C0 controls as control pictures, terminal sequences as one `␛`, bidirectional,
/// zero-width and other invisible characters as `[U+202E]`. Tabs and line feeds stay, their meaning depends on the place.
pub(crate) fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\t' | '\n' => out.push(c),
            '\u{1b}' => {
                skip_terminal_sequence(&mut chars);
                out.push(ESCAPE_MARK);
            }
            '\0'..='\u{1f}' => out.push(char::from_u32(0x2400 + u32::from(c)).unwrap_or(char::REPLACEMENT_CHARACTER)),
            '\u{7f}' => out.push('\u{2421}'),
            _ if is_invisible(c) => {
                // Writing to a string cannot fail.
                let _ = write!(out, "[U+{:04X}]", u32::from(c));
            }
            _ => out.push(c),
        }
    }
    out
}

/// The text inside HTML or SVG, in an element or in a quoted attribute.
pub(crate) fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in visible(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(c),
        }
    }
    out
}

/// Skips what follows ESC: a control sequence (`[` … final byte), an operating system command (`]` … BEL or ESC `\`), or one
/// character (ECMA-48, 5.4 and 8.3.89). An unfinished sequence ends where the first character appears that cannot belong to it.
fn skip_terminal_sequence(chars: &mut Peekable<Chars<'_>>) {
    match chars.peek() {
        Some('[') => {
            chars.next();
            while chars.next_if(|c| ('\u{20}'..='\u{3f}').contains(c)).is_some() {}
            chars.next_if(|c| ('\u{40}'..='\u{7e}').contains(c));
        }
        Some(']') => {
            chars.next();
            while chars.next_if(|&c| c != '\u{7}' && c != '\u{1b}' && c != '\n').is_some() {}
            if chars.next_if_eq(&'\u{1b}').is_some() {
                chars.next_if_eq(&'\\');
            } else {
                chars.next_if_eq(&'\u{7}');
            }
        }
        _ => {}
    }
}

/// Characters that take no room, change the direction of text, or are private marks of this program.
///
/// Sources: Unicode 16 `DerivedCoreProperties.txt` (Default_Ignorable_Code_Point, without the variation selectors that ordinary
/// symbols carry), `PropList.txt` (Bidi_Control), and the line separators that HTML and JavaScript read as line ends.
pub(crate) fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{80}'..='\u{9f}' | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{3164}' | '\u{e000}'..='\u{f8ff}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{fffe}'..='\u{ffff}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{10ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_colours_leave_one_mark() {
        assert_eq!(visible("\u{1b}[1;31mE1027\u{1b}[0m failed"), "␛E1027␛ failed");
        assert_eq!(visible("\u{1b}]0;title\u{7}x\u{1b}]8;;y\u{1b}\\z"), "␛x␛z");
        assert_eq!(visible("end\u{1b}["), "end␛");
    }

    #[test]
    fn what_cannot_be_seen_is_named() {
        assert_eq!(visible("a\u{202e}b\u{200b}c\0d\re\u{7f}"), "a[U+202E]b[U+200B]c␀d␍e␡");
        assert_eq!(visible("tab\tand\nline"), "tab\tand\nline");
    }

    #[test]
    fn html_has_no_active_character() {
        assert_eq!(
            html(r#"<img src=x onerror="a('&')">"#),
            "&lt;img src=x onerror=&quot;a(&#39;&amp;&#39;)&quot;&gt;"
        );
    }
}

//! The room that text takes, estimated: a drawing is laid out where no font is known.

/// Characters that take a whole em: CJK, Hangul, full-width forms, symbols beyond the basic plane.
fn is_wide(c: char) -> bool {
    matches!(c,
        '\u{1100}'..='\u{115f}' | '\u{2190}'..='\u{27ff}' | '\u{2e80}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}' | '\u{fe30}'..='\u{fe4f}' | '\u{ff00}'..='\u{ffef}' | '\u{10000}'..='\u{10ffff}')
}

fn em(c: char) -> f64 {
    if is_wide(c) { 1.0 } else { 0.6 }
}

/// Width of a line at a font size.
pub(super) fn width(text: &str, size: f64) -> f64 {
    text.chars().map(em).sum::<f64>() * size
}

/// The text, cut with `…` where it is wider than `room`.
pub(super) fn fit(text: &str, size: f64, room: f64) -> String {
    if width(text, size) <= room {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = em('…') * size;
    for c in text.chars() {
        used += em(c) * size;
        if used > room {
            break;
        }
        out.push(c);
    }
    out.push('…');
    out
}

/// The text in at most `most` lines of `room`, broken at spaces and between wide characters; the last line is cut if need be.
pub(super) fn wrap(text: &str, size: f64, room: f64, most: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut words = words(text).into_iter().peekable();
    while let Some(word) = words.next() {
        if line.is_empty() || width(&line, size) + width(word.trim_end(), size) <= room {
            line.push_str(word);
        } else if lines.len().saturating_add(1) >= most {
            line.push_str(word);
            words.by_ref().for_each(|word| line.push_str(word));
        } else {
            lines.push(fit(line.trim(), size, room));
            line = word.to_owned();
        }
        if words.peek().is_none() && !line.trim().is_empty() {
            lines.push(fit(line.trim(), size, room));
        }
    }
    lines
}

/// Pieces between which a line may break: after a space, after a hyphen, slash or dot inside a name, and around wide characters.
/// Closing punctuation stays with what it closes.
fn words(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let end = at.saturating_add(c.len_utf8());
        let Some(&(_, next)) = chars.peek() else { break };
        let closing = matches!(
            next,
            '\u{ff0c}'
                | '\u{3002}'
                | '\u{ff1b}'
                | '\u{ff1a}'
                | '\u{ff09}'
                | '\u{3001}'
                | '\u{3011}'
                | '\u{201d}'
                | '\u{ff1f}'
        );
        let opening = matches!(c, '\u{ff08}' | '\u{3010}' | '\u{201c}');
        let can = c == ' ' || matches!(c, '-' | '/' | '_') || is_wide(c) || is_wide(next);
        if can && !closing && !opening {
            pieces.extend(text.get(start..end));
            start = end;
        }
    }
    pieces.extend(text.get(start..));
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_fit_their_room() {
        let text = "容器被 docker container prune 删除，因为它正常状态即为“已退出”";
        let lines = wrap(text, 10.0, 120.0, 9);
        assert!(lines.len() > 1);
        assert!(lines.iter().all(|line| width(line, 10.0) <= 120.0), "{lines:?}");
        assert_eq!(lines.concat().replace(' ', ""), text.replace(' ', ""));
        assert!(lines.iter().all(|line| !line.starts_with('，')));
    }

    #[test]
    fn what_does_not_fit_is_cut_with_a_mark() {
        let long = "x".repeat(500);
        let lines = wrap(&format!("a {long} b"), 10.0, 100.0, 2);
        assert_eq!(lines.len(), 2);
        assert!(lines[1].ends_with('…') && width(&lines[1], 10.0) <= 100.0);
    }
}

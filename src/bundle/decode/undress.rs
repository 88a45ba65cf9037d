//! Text without what the way it was pasted put around it: terminal colours, marks of a quotation, line numbers, the bars of Markdown's
//! tables, spaces that do not break. Every line stays where it was, so that citations keep their numbers.

use std::borrow::Cow;

use memchr::memmem;

/// Levels of quotation that are taken off: mails answer mails.
const MOST_QUOTES: usize = 4;
/// Lines that must be numbered, one after another from the first, before a text counts as numbered.
const NUMBERED: usize = 3;
/// A longer number is a time or an id.
const MOST_DIGITS: usize = 7;

/// The text without such decoration, line by line; most texts have none and are given back as they are.
pub fn undress(text: Cow<'_, str>) -> Cow<'_, str> {
    let mut text = text;
    // The line ends of an old Macintosh, and of a terminal that was recorded by some programs.
    if has_returns_only(text.as_bytes()) {
        text = Cow::Owned(text.replace('\r', "\n"));
    }
    if memchr::memchr(0x1B, text.as_bytes()).is_some() {
        text = Cow::Owned(without_escapes(&text));
    }
    if memmem::find(text.as_bytes(), "\u{A0}".as_bytes()).is_some() {
        text = Cow::Owned(text.replace('\u{A0}', " "));
    }
    let depth = common_indent(&text);
    if depth > 1 {
        text = Cow::Owned(without_indent(&text, depth));
    }
    if is_stamped_output(&text) {
        text = Cow::Owned(without_stamps(&text));
    }
    if memmem::find(text.as_bytes(), b"```").is_some() {
        text = Cow::Owned(without_fences(&text));
    }
    if let Some(separator) = numbering(&text) {
        text = Cow::Owned(without_numbers(&text, separator));
    }
    if text.starts_with('>') || memmem::find(text.as_bytes(), b"\n>").is_some() {
        text = Cow::Owned(without_quotes(&text));
    }
    if memmem::find(text.as_bytes(), "│".as_bytes()).is_some() {
        text = Cow::Owned(without_frames(&text));
    }
    if ["\n|-", "\n| -", "\n|:", "\n| :"]
        .iter()
        .any(|rule| memmem::find(text.as_bytes(), rule.as_bytes()).is_some())
    {
        text = Cow::Owned(without_bars(&text));
    }
    text
}

/// True for text whose lines end in a carriage return alone.
pub fn has_returns_only(text: &[u8]) -> bool {
    memchr::memchr2(b'\n', b'\r', text).is_some_and(|first| text.get(first) == Some(&b'\r'))
        && memchr::memchr(b'\n', text).is_none()
}

/// Takes out the escape sequences that colour a terminal or name its window (ECMA-48: `ESC [ … letter`, `ESC ] … BEL`).
fn without_escapes(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\u{1B}') {
        plain.push_str(before);
        rest = match after.as_bytes().first() {
            Some(b'[') => {
                let end = after
                    .char_indices()
                    .skip(1)
                    .find(|(_, c)| matches!(c, '\u{40}'..='\u{7E}') || c.is_control());
                match end {
                    Some((at, c)) if !c.is_control() => after.get(at + 1..).unwrap_or(""),
                    Some((at, _)) => after.get(at..).unwrap_or(""),
                    None => "",
                }
            }
            Some(b']') => {
                // A window's title; one that does not end on its line is cut text.
                let end = after.find(['\u{7}', '\n']).unwrap_or(after.len());
                let rest = after.get(end..).unwrap_or("");
                rest.strip_prefix('\u{7}').unwrap_or(rest)
            }
            // `ESC (B` and the like select a character set.
            Some(b'(' | b')') => after.get(1..).map_or("", |rest| {
                let mut characters = rest.chars();
                if rest.starts_with('\n') {
                    rest
                } else {
                    characters.next();
                    characters.as_str()
                }
            }),
            _ => after,
        };
    }
    plain.push_str(rest);
    plain
}

/// The spaces with which every line of a text begins, as in a block of code in Markdown; 0 for a text of a single line.
fn common_indent(text: &str) -> usize {
    let mut depth = usize::MAX;
    let mut lines = 0;
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        depth = depth.min(line.len() - line.trim_start_matches(' ').len());
        lines += 1;
        if depth == 0 {
            return 0;
        }
    }
    if lines > 1 { depth } else { 0 }
}

fn without_indent(text: &str, depth: usize) -> String {
    let mut plain = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let blank = line.len() - line.trim_start_matches(' ').len();
        plain.push_str(line.get(depth.min(blank)..).unwrap_or(line));
    }
    plain
}

/// The bytes of a time stamp that a recorder put before each line, with the space behind it: `2026-11-21T10:20:42.123Z `, `[…] ` (moreutils'
/// `ts`, GitHub Actions, GitLab's runner with its `00O`, Jenkins' timestamper).
fn stamp(line: &str) -> Option<usize> {
    let bytes = line.as_bytes();
    let start = usize::from(bytes.first() == Some(&b'['));
    let date = bytes.get(start..start + 19)?;
    let is_date = date.iter().zip(b"dddd-dd-ddTdd:dd:dd").all(|(byte, form)| match form {
        b'd' => byte.is_ascii_digit(),
        b'T' => matches!(byte, b'T' | b' '),
        _ => byte == form,
    });
    if !is_date {
        return None;
    }
    let rest = bytes.get(start + 19..)?;
    let zone = rest
        .iter()
        .take_while(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b',' | b'Z' | b'+' | b'-' | b':' | b']'))
        .count();
    let mut end = start + 19 + zone;
    // `00O ` and `01E ` name the stream.
    if let Some([b' ', a, b, b'O' | b'E', ..]) = bytes.get(end..)
        && a.is_ascii_digit()
        && b.is_ascii_digit()
    {
        end += 4;
    }
    match bytes.get(end) {
        Some(b' ') => Some(end + 1),
        None => Some(end),
        Some(_) => None,
    }
}

/// True when the lines are stamped and hold what kubectl prints, in which nothing stands before a heading. A log keeps its stamps.
fn is_stamped_output(text: &str) -> bool {
    /// Lines that are looked at for stamps.
    const LOOKED_AT: usize = 20;
    let lines = text.lines().filter(|line| !line.trim().is_empty()).take(LOOKED_AT);
    let (all, stamped) = lines.fold((0, 0), |(all, stamped), line| {
        (all + 1, stamped + usize::from(stamp(line).is_some()))
    });
    if all < 3 || stamped * 10 < all * 9 {
        return false;
    }
    let is_heading = |line: &str| {
        let rest = stamp(line).and_then(|end| line.get(end..)).unwrap_or("");
        ["NAME  ", "NAMESPACE  ", "LAST SEEN  ", "Name:  ", "NAME\t"]
            .iter()
            .any(|begin| rest.starts_with(begin))
    };
    [&b" NAME"[..], b" LAST SEEN", b" Name:  "]
        .iter()
        .any(|sign| memmem::find(text.as_bytes(), sign).is_some())
        && text.lines().any(is_heading)
}

fn without_stamps(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let body = line.trim_end_matches(['\n', '\r']);
        let end = stamp(body).unwrap_or(0);
        plain.push_str(line.get(end..).unwrap_or(line));
    }
    plain
}

/// Takes the marks of a block of code off lines that they share with its text, as chats write it.
fn without_fences(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let body = line.trim_end_matches(['\n', '\r']);
        let end = line.get(body.len()..).unwrap_or("");
        let mut rest = body;
        if let Some(inner) = rest.strip_prefix("```").filter(|inner| inner.trim_end().contains(' ')) {
            rest = inner;
        }
        if let Some(inner) = rest
            .strip_suffix("```")
            .filter(|inner| !inner.trim().is_empty() && !inner.starts_with('`'))
        {
            rest = inner;
        }
        plain.push_str(rest);
        plain.push_str(end);
    }
    plain
}

/// What stands between number and text when the first lines are numbered one by one: `cat -n`, `grep -n`, a viewer's margin.
fn numbering(text: &str) -> Option<&'static str> {
    const SEPARATORS: [&str; 6] = ["\t", ": ", ":", " | ", "  ", " "];
    if !text.trim_start().starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    SEPARATORS.into_iter().find(|separator| {
        // One space alone may also stand behind the number of an entry.
        if *separator == " " && !["NAME ", "Name:", "LAST SEEN"].iter().any(|sign| text.contains(sign)) {
            return false;
        }
        let mut lines = text.lines();
        let first = lines.next().and_then(|line| number(line, separator));
        let Some((first, _)) = first else { return false };
        let following = lines
            .take(NUMBERED + 1)
            .zip(first + 1..)
            .take_while(|(line, expected)| number(line, separator).is_some_and(|(found, _)| found == *expected))
            .count();
        // A short text must be numbered to its end.
        following + 1 >= NUMBERED
    })
}

/// A line's number and the rest.
fn number<'l>(line: &'l str, separator: &str) -> Option<(u64, &'l str)> {
    let line = line.trim_start_matches(' ');
    let end = line.find(|c: char| !c.is_ascii_digit()).unwrap_or(line.len());
    let (digits, rest) = line.split_at_checked(end)?;
    if digits.len() > MOST_DIGITS {
        return None;
    }
    // An empty line is only its number.
    let rest = match rest.trim_end() {
        "" | ":" | "|" | " |" => "",
        _ => rest.strip_prefix(separator)?,
    };
    Some((digits.parse().ok()?, rest))
}

fn without_numbers(text: &str, separator: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut expected = None;
    let mut goes_on = true;
    for line in text.split_inclusive('\n') {
        let body = line.trim_end_matches(['\n', '\r']);
        let end = line.get(body.len()..).unwrap_or("");
        let found = number(body, separator).filter(|(found, _)| goes_on && expected.is_none_or(|next| next == *found));
        match found {
            Some((found, rest)) => {
                expected = found.checked_add(1);
                plain.push_str(rest);
            }
            None => {
                goes_on = false;
                plain.push_str(body);
            }
        }
        plain.push_str(end);
    }
    plain
}

/// Takes `> ` off where two lines or more in a row carry it; a single one may be a shell's.
fn without_quotes(text: &str) -> String {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let is_quoted = |index: usize| lines.get(index).is_some_and(|line| quoted(line).is_some());
    let mut plain = String::with_capacity(text.len());
    for (index, line) in lines.iter().enumerate() {
        let in_run = is_quoted(index + 1) || index.checked_sub(1).is_some_and(is_quoted);
        let mut rest = *line;
        for _ in 0..MOST_QUOTES {
            match quoted(rest).filter(|_| in_run) {
                Some(inner) => rest = inner,
                None => break,
            }
        }
        plain.push_str(rest);
    }
    plain
}

/// What a line of a quotation says; none when it is no such line.
fn quoted(line: &str) -> Option<&str> {
    let rest = line.strip_prefix('>')?;
    if rest.trim().is_empty() {
        return Some(rest);
    }
    rest.strip_prefix(' ').or_else(|| rest.starts_with('>').then_some(rest))
}

/// Takes the frame off lines that stand in one, as a program that fills the screen draws it (k9s).
fn without_frames(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let body = line.trim_end_matches(['\n', '\r']);
        let inner = body.trim().strip_prefix('│').and_then(|rest| rest.strip_suffix('│'));
        plain.push_str(inner.filter(|inner| !inner.contains('│')).unwrap_or(body));
        plain.push_str(line.get(body.len()..).unwrap_or(""));
    }
    plain
}

/// Makes the tables of Markdown tables with tabs. The rule below the heading changes places with it, so that the rows follow the
/// heading, and is left empty.
fn without_bars(text: &str) -> String {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let mut plain = String::with_capacity(text.len());
    let mut in_table = false;
    for (index, line) in lines.iter().enumerate() {
        let body = line.trim_end_matches(['\n', '\r']);
        let end = line.get(body.len()..).unwrap_or("");
        let above = index
            .checked_sub(1)
            .and_then(|above| lines.get(above))
            .copied()
            .unwrap_or("");
        if lines.get(index + 1).is_some_and(|next| is_rule(next)) && cells(body).is_some() {
            // The heading: it is written in the place of the rule.
        } else if is_rule(body)
            && let Some(heading) = cells(above)
        {
            plain.push_str(&heading);
            in_table = true;
        } else if let Some(row) = cells(body).filter(|_| in_table) {
            plain.push_str(&row);
        } else {
            in_table = false;
            plain.push_str(body);
        }
        plain.push_str(end);
    }
    plain
}

/// `|---|:--:|` below a heading (GitHub Flavored Markdown, tables).
fn is_rule(line: &str) -> bool {
    let line = line.trim();
    line.len() > 2
        && line.starts_with('|')
        && line.contains('-')
        && line.bytes().all(|byte| matches!(byte, b'|' | b'-' | b':' | b' '))
}

/// The cells of a row with tabs between, without the marks of code and of bold letters.
fn cells(line: &str) -> Option<String> {
    let inner = line.trim().strip_prefix('|')?.strip_suffix('|')?;
    let cells = inner.split('|').map(|cell| cell.trim().trim_matches(['`', '*']));
    Some(cells.collect::<Vec<_>>().join("\t"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> String {
        undress(text.into()).into_owned()
    }

    #[test]
    fn what_pasting_added_is_taken_off_and_every_line_stays_where_it_was() {
        for (pasted, expected) in [
            (
                "\u{1b}[1mNAME\u{1b}[0m   READY\n\u{1b}[31mweb\u{1b}[0;39m    0/1\n",
                "NAME   READY\nweb    0/1\n",
            ),
            ("\u{1b}]0;me@host\u{7}$ date\n\u{1b}(Bx\n", "$ date\nx\n"),
            ("NAME\u{a0}\u{a0} READY\n", "NAME   READY\n"),
            (
                "Hello,\n> NAME   READY\n>\n> web    0/1\nbye\n",
                "Hello,\nNAME   READY\n\nweb    0/1\nbye\n",
            ),
            ("> > a:\n> >   b\n", "a:\n  b\n"),
            (
                "     1\tNAME   READY\n     2\tweb    0/1\n     3\t\n     4\tx\n",
                "NAME   READY\nweb    0/1\n\nx\n",
            ),
            (
                "9:NAME   READY\r\n10:web    0/1\r\n11:\r\n12:  x\r\nend\r\n",
                "NAME   READY\r\nweb    0/1\r\n\r\n  x\r\nend\r\n",
            ),
            (
                "| NAME | READY |\n|------|:-----:|\n| `web` | 0/1 |\n| **db** | 1/1 |\nend | x\n",
                "\nNAME\tREADY\nweb\t0/1\ndb\t1/1\nend | x\n",
            ),
            (" 1 | a:\n 2 |   b\n 3 | c\n", "a:\n  b\nc\n"),
            (
                " 9 $ x\n10 NAME   READY\n11 web    0/1\n",
                "$ x\nNAME   READY\nweb    0/1\n",
            ),
            (
                "2026-11-21T10:20:42.1Z $ x\n2026-11-21T10:20:42.2Z NAME   READY\r\n2026-11-21T10:20:42.3Z web    0/1\n2026-11-21T10:20:42.4Z\n",
                "$ x\nNAME   READY\r\nweb    0/1\n\n",
            ),
            (
                "[2026-11-21 10:20:42] Name:  web\n[2026-11-21 10:20:42] Labels:  a\n[2026-11-21 10:20:42]   b\n",
                "Name:  web\nLabels:  a\n  b\n",
            ),
            ("    a:\n      b\n\n    c\r\n", "a:\n  b\n\nc\r\n"),
            (
                "see:\n```NAME   READY\nweb    0/1```\n```yaml\na: 1\n```\n",
                "see:\nNAME   READY\nweb    0/1\n```yaml\na: 1\n```\n",
            ),
            (
                "┌─ Pods ─┐\n│ NAME↑ │\r\n│ web-0 │\nweb-0  │ a log\n",
                "┌─ Pods ─┐\n NAME↑ \r\n web-0 \nweb-0  │ a log\n",
            ),
        ] {
            assert_eq!(plain(pasted), expected);
            assert_eq!(pasted.lines().count(), expected.lines().count());
        }
    }

    #[test]
    fn a_return_ends_a_line_where_nothing_else_does() {
        assert_eq!(plain("NAME   READY\rweb    0/1\r"), "NAME   READY\nweb    0/1\n");
        assert_eq!(plain("10%\r20%\rdone\n"), "10%\r20%\rdone\n");
    }

    #[test]
    fn other_text_is_left_alone() {
        for text in [
            "",
            "> one line of a shell\nx\n",
            "1: lo: <LOOPBACK,UP>\n    inet 127.0.0.1/8\n2: eth0: <UP>\n",
            "0:\tfrom all lookup local\n32766:\tfrom all lookup main\n",
            "2026-11-21 10:00:00 a\n2026-11-21 10:00:01 b\n2026-11-21 10:00:02 c\n",
            "2026-11-21 10:00:00 my NAME  is\n2026-11-21 10:00:01 b\n2026-11-21 10:00:02 c\n",
            "1\n",
            "a -> b\n>c\n",
            "+---+---+\n| A | B |\n+---+---+\n| 1 | 2 |\n+---+---+\n",
        ] {
            assert!(
                matches!(undress(text.into()), Cow::Borrowed(_)) || plain(text) == text,
                "{text}"
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn no_line_is_lost(text in "([>|│: \\-\ta0-9\u{1b}\\[m\u{a0}é]{0,12}\r?\n){0,12}[>| a]{0,3}") {
            proptest::prop_assert_eq!(plain(&text).split('\n').count(), text.split('\n').count());
        }
    }

    #[test]
    fn an_escape_that_is_cut_takes_no_line_with_it() {
        for (pasted, expected) in [
            ("a\u{1b}[3\nb", "a\nb"),
            ("a\u{1b}]0;x\nb", "a\nb"),
            ("a\u{1b}", "a"),
            ("a\u{1b}(\nb", "a\nb"),
        ] {
            assert_eq!(plain(pasted), expected);
        }
    }
}

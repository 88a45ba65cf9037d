//! Values below their key, or beside it in a list: `password: |` with its lines, `password:` with the value on the next line,
//! `tokens: [X, Y]`, and `tokens:` with an item on each line.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::detectors::key;
use super::further::Read;
use super::names::{self, Site};
use super::patterns::Hit;
use super::{Class, values};

/// A list of secrets on one line, in the writings of YAML, JSON, TOML and logs.
#[expect(clippy::unwrap_used, reason = "a constant pattern that the tests compile")]
static LIST: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        "(?i)",
        key!(),
        r#"(?:\\*["'])?[ \t]*[:=][ \t]*\[(?<items>[^\]\[{}\n]*)(?:\]|$)"#
    ))
    .unwrap()
});

/// One item of such a list.
#[expect(clippy::unwrap_used, reason = "a constant pattern that the tests compile")]
static ITEM: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"\\+["']([^"'\\]+)\\+["']|"((?:[^"\\]|\\.)+)"|'([^']+)'|([^\s"'\\,]+)"#).unwrap());

/// A key at the start of its line with nothing after its colon but what opens a block scalar.
#[expect(clippy::unwrap_used, reason = "a constant pattern that the tests compile")]
static OPENED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r#"(?i)^(?<indent>[ \t]*(?:-[ \t]+)*)["']?"#,
        key!(),
        r#"["']?[ \t]*:[ \t]*(?<block>[|>][0-9+-]{0,2})?(?:[ \t]+#.*)?[ \t]*\r?$"#
    ))
    .unwrap()
});

/// The secrets that the line from `start` to `end` announces, in it and below it.
pub(super) fn read(text: &str, start: usize, end: usize) -> Read {
    let line = text.get(start..end).unwrap_or_default().trim_end_matches('\n');
    let mut hits = Vec::new();
    // Most lines with a secret's name have its value on them.
    if memchr::memchr(b'[', line.as_bytes()).is_some() {
        lists(line, start, &mut hits);
    }
    let last = line
        .trim_end()
        .trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-'));
    if (last.ends_with([':', '|', '>']) || line.contains(" #"))
        && let Some(opened) = OPENED.captures(line)
    {
        let column = opened.name("indent").map_or(0, |indent| indent.len());
        let key = opened.name("key").map_or("", |key| key.as_str());
        below(text, end, column, key, opened.name("block").is_some(), &mut hits);
    }
    // What follows may announce secrets of its own.
    Read { hits, end }
}

fn lists(line: &str, start: usize, hits: &mut Vec<Hit>) {
    for found in LIST.captures_iter(line) {
        let (Some(key), Some(items)) = (found.name("key"), found.name("items")) else {
            continue;
        };
        for item in ITEM.captures_iter(items.as_str()) {
            let Some(value) = item.iter().skip(1).flatten().next() else {
                continue;
            };
            if let Some(class) = names::announced_item(key.as_str(), value.as_str()) {
                hits.extend(hit(class, value.as_str(), start + items.start() + value.start()));
            }
        }
    }
}

/// The lines below a key that are indented deeper, or are items of its list.
fn below(text: &str, from: usize, column: usize, key: &str, is_block: bool, hits: &mut Vec<Hit>) {
    let mut at = from;
    let mut lines: Vec<(usize, &str)> = Vec::new();
    let mut are_items = None;
    for raw in text.get(from..).unwrap_or_default().split_inclusive('\n') {
        let line = raw.trim_end();
        let inner = line.trim_start();
        let indent = line.len() - inner.len();
        let start = at + indent;
        at += raw.len();
        if inner.is_empty() {
            continue;
        }
        let item = inner.strip_prefix("- ").filter(|_| !is_block);
        let belongs = indent > column || item.is_some() && indent == column;
        if !belongs || !is_block && *are_items.get_or_insert(item.is_some()) != item.is_some() {
            break;
        }
        let value = item.map_or(inner, str::trim_start);
        lines.push((start + inner.len() - value.len(), value));
    }
    if is_block {
        let class = |line: &str| names::announced(key, Site::Key, line);
        let found = lines.iter().filter_map(|(start, line)| {
            let class = class(line).filter(|class| *class == Class::Password || !line.contains(' '))?;
            hit(class, line, *start)
        });
        hits.extend(found);
        return;
    }
    let (is_list, is_one) = (are_items == Some(true), lines.len() == 1);
    for (start, line) in lines {
        let bare = unquoted(line);
        let value = line.get(bare.clone()).unwrap_or_default();
        // Another key, a comment, or a list in flow style.
        let is_scalar = !line.starts_with(['#', '{', '[', '&', '!', '*'])
            && (bare.start > 0 || !line.contains(": ") && !line.ends_with(':') && !line.contains(' '));
        let class = match is_list {
            true => names::announced_item(key, value),
            false => names::announced(key, Site::Key, value)
                .filter(|class| is_one && (*class == Class::Password || values::looks_random(value))),
        };
        match class {
            Some(class) if is_scalar => hits.extend(hit(class, value, start + bare.start)),
            _ => {}
        }
    }
}

/// Where the value stands in a line that may have quotes around it.
fn unquoted(line: &str) -> Range<usize> {
    let is_quoted = |quote: char| line.len() > 2 && line.starts_with(quote) && line.ends_with(quote);
    if is_quoted('"') || is_quoted('\'') {
        1..line.len() - 1
    } else {
        0..line.len()
    }
}

fn hit(class: Class, value: &str, start: usize) -> Option<Hit> {
    let is_reference = class != Class::Password && values::is_path(value);
    (!values::is_placeholder(value) && !is_reference).then(|| Hit::of(class, value, start))
}

#[cfg(test)]
mod tests {
    use super::super::Masker;

    fn masked(text: &str) -> String {
        Masker::new().mask(text).into_owned()
    }

    #[test]
    fn every_line_of_a_block_is_masked() {
        for sign in ["|", ">", "|-", ">2+", "|  # the old one"] {
            let text = format!(
                "db:\n  - password: {sign}\n      correct horse\n\n      battery staple\n    next: plain words\n"
            );
            let masked = masked(&text);
            assert!(!masked.contains("horse") && !masked.contains("staple"), "{masked}");
            assert!(masked.contains("next: plain words"), "{masked}");
        }
    }

    #[test]
    fn a_value_on_the_next_line_is_masked() {
        assert_eq!(
            masked("password:\n  hunter2\nnext: 1\n"),
            "password:\n  ‹password-1›\nnext: 1\n"
        );
        assert_eq!(
            masked("password:\n  'correct horse'\n"),
            "password:\n  '‹password-1›'\n"
        );
        for text in [
            "password:\n  must be set\n",
            "password:\n  secretKeyRef:\n    name: db\n",
            "token:\nhunter2\n",
            "Tokens:\n  default-token-x7k2p\n",
        ] {
            assert_eq!(masked(text), text);
        }
    }

    #[test]
    fn every_item_of_a_list_is_masked() {
        for (text, gone) in [
            ("tokens: [Zq7RandomA1, Zq7RandomB2]", ["Zq7RandomA1", "Zq7RandomB2"]),
            ("passwords = ['correct horse', \"stapler\"]", ["horse", "stapler"]),
            (
                "{\\\"api_keys\\\":[\\\"8f7e6d5c4b3a\\\",\\\"9f7e6d5c4b3a\\\"]}",
                ["8f7e6d5c4b3a", "9f7e6d5c4b3a"],
            ),
            (
                "tokens:\n- Zq7RandomA1\n- 'Zq7RandomB2'\n",
                ["Zq7RandomA1", "Zq7RandomB2"],
            ),
            ("  passwords:\n    - horse\n    - stapler\n", ["horse", "stapler"]),
        ] {
            let masked = masked(text);
            assert!(gone.iter().all(|gone| !masked.contains(gone)), "{masked}");
        }
        for text in [
            "tokens:\n- default-token-x7k2p\n",
            "tokens: [1, 2]",
            "secrets: [regcred1]",
        ] {
            assert_eq!(masked(text), text);
        }
    }
}

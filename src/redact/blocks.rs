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

/// More bytes than this are not read below a key.
const LONGEST: usize = 4 << 20;
/// The same behind a line in a block that may open another, which is read by itself again.
const LONGEST_MIXED: usize = 64 << 10;

/// The secrets that the line from `start` to `end` announces, in it and below it.
pub(super) fn read(text: &str, start: usize, end: usize) -> Read {
    let line = text.get(start..end).unwrap_or_default().trim_end_matches('\n');
    let mut hits = Vec::new();
    let mut read = end;
    // Most lines with a secret's name have its value on them.
    if memchr::memchr(b'[', line.as_bytes()).is_some() {
        lists(line, start, &mut hits);
    }
    if may_open(line)
        && let Some(opened) = OPENED.captures(line)
    {
        let column = opened.name("indent").map_or(0, |indent| indent.len());
        let key = opened.name("key").map_or("", |key| key.as_str());
        read = if opened.name("block").is_some() {
            block(text, end, column, key, &mut hits)
        } else {
            below(text, end, column, key, &mut hits);
            // What follows may announce secrets of its own.
            end
        };
    }
    Read { hits, end: read }
}

/// False for a line that [`OPENED`] cannot match.
fn may_open(line: &str) -> bool {
    let last = line
        .trim_end()
        .trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-'));
    last.ends_with([':', '|', '>']) || line.contains(" #")
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

/// A line that is not empty, without its indent.
struct Line<'t> {
    indent: usize,
    start: usize,
    text: &'t str,
    /// The byte after it and its line feed.
    next: usize,
}

/// The lines from `from` on that are not empty, until one has begun that ends after so many bytes.
fn lines_from(text: &str, from: usize, longest: usize) -> impl Iterator<Item = Line<'_>> {
    let last = from.saturating_add(longest).min(text.len());
    let rest = text.as_bytes().get(last..).unwrap_or_default();
    let end = memchr::memchr(b'\n', rest).map_or(text.len(), |length| last + length + 1);
    let mut next = from;
    let lines = text.get(from..end).unwrap_or_default().split_inclusive('\n');
    lines.filter_map(move |raw| {
        let at = next;
        next += raw.len();
        let line = raw.trim_end();
        let text = line.trim_start();
        let indent = line.len() - text.len();
        (!text.is_empty()).then_some(Line {
            indent,
            start: at + indent,
            text,
            next,
        })
    })
}

/// The lines of a block scalar, which are indented deeper than its key. Tells the byte up to which nothing is left to read.
fn block(text: &str, from: usize, column: usize, key: &str, hits: &mut Vec<Hit>) -> usize {
    // All of a password's block is the password. Lines of another may open blocks of their own.
    let is_password = names::class_of(key, Site::Key) == Some(Class::Password);
    let mut end = from;
    let mut opened = None;
    for line in lines_from(text, from, LONGEST).take_while(|line| line.indent > column) {
        if !is_password && may_open(line.text) {
            opened.get_or_insert(line.start - line.indent);
        }
        if opened.is_some_and(|opened| line.start - opened > LONGEST_MIXED) {
            break;
        }
        let class = names::announced(key, Site::Key, line.text);
        let class = class.filter(|class| *class == Class::Password || !line.text.contains(' '));
        hits.extend(class.and_then(|class| hit(class, line.text, line.start)));
        end = line.next;
    }
    opened.unwrap_or(end)
}

/// The line below a key that is its value, or the items of its list.
fn below(text: &str, from: usize, column: usize, key: &str, hits: &mut Vec<Hit>) {
    let mut lines: Vec<(usize, &str)> = Vec::new();
    let mut are_items = None;
    for line in lines_from(text, from, LONGEST) {
        let item = line.text.strip_prefix("- ");
        let belongs = line.indent > column || item.is_some() && line.indent == column;
        if !belongs || *are_items.get_or_insert(item.is_some()) != item.is_some() {
            break;
        }
        let value = item.map_or(line.text, str::trim_start);
        // What stands below an item that is a key is that key's.
        if item.is_some() && value.ends_with(':') {
            break;
        }
        lines.push((line.start + line.text.len() - value.len(), value));
        // Two lines are no value.
        if item.is_none() && lines.len() > 1 {
            return;
        }
    }
    let is_list = are_items == Some(true);
    for (start, line) in lines {
        let bare = unquoted(line);
        let value = line.get(bare.clone()).unwrap_or_default();
        // Another key, a comment, or a list in flow style.
        let is_scalar = !line.starts_with(['#', '{', '[', '&', '!', '*'])
            && (bare.start > 0 || !line.contains(": ") && !line.ends_with(':') && !line.contains(' '));
        let class = match is_list {
            true => names::announced_item(key, value),
            false => names::announced(key, Site::Key, value)
                .filter(|class| *class == Class::Password || values::looks_random(value)),
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
    use super::*;

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
    fn blocks_in_blocks_are_read_once() {
        let nested = |name: &str, levels: usize| -> String {
            let keys = (0..levels).map(|level| format!("{:level$}{name}: |\n", ""));
            keys.chain([format!("{:levels$}correct-horse-9\n", "")]).collect()
        };
        let text = nested("password", 200);
        let first = text.find('\n').unwrap() + 1;
        let found = read(&text, 0, first);
        assert_eq!((found.hits.len(), found.end), (200, text.len()));
        // Of what may hold more than the secret, so much is read and no more.
        let text = nested("client_secret", 600);
        assert!(text.len() > 2 * LONGEST_MIXED);
        let first = text.find('\n').unwrap() + 1;
        assert_eq!(read(&text, 0, first).end, first);
        assert!(read(&text, 0, first).hits.is_empty(), "the value is beyond");
        let plain = format!("client_secret: |\n{}", "  Zq7Random4kYt9\n".repeat(LONGEST_MIXED / 8));
        let found = read(&plain, 0, plain.find('\n').unwrap() + 1);
        assert_eq!((found.hits.len(), found.end), (LONGEST_MIXED / 8, plain.len()));
        assert!(!masked(&text).contains("horse"), "the last of them is near");
    }

    #[test]
    fn a_list_ends_at_an_item_that_is_a_key() {
        let text = "tokens:\n- Zq7RandomA1\n- tokens:\n  - Zq7RandomB2\n";
        let found = read(text, 0, 8).hits;
        let values: Vec<&str> = found.iter().map(|hit| hit.value.as_str()).collect();
        assert_eq!(values, ["Zq7RandomA1"], "the other is found at its own key");
        assert!(!masked(text).contains("Random"));
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

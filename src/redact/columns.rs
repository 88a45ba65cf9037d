//! Tables with a column of secrets: CSV with a heading such as `password`, and what `psql`, `mysql` and command lines print.

use std::ops::Range;

use super::further::Read;
use super::names::{self, Site};
use super::patterns::Hit;
use super::{Class, values};

/// What separates cells.
#[derive(Clone, Copy)]
enum Between {
    Sign(u8),
    /// Two blanks or more; cells begin where their headings do.
    Blanks,
}

/// More bytes than this are not read of one table.
const LONGEST: usize = 4 << 20;

/// How Chinese headings end that announce a secret: password, pass phrase, key.
pub(super) const CHINESE: &[&str] = &["密码", "口令", "密钥"];

/// Headings of several words, beside those that hold a word of a name. They are read where the heading is all of a cell.
pub(super) const WORDS: &[&str] = &[
    "access key",
    "account key",
    "api key",
    "auth key",
    "encryption key",
    "license key",
    "master key",
    "private key",
    "signing key",
    "storage key",
    "unseal key",
];

/// Lines that a quoted cell may have (RFC 4180); a quote that is not closed by then was none.
const LINES_OF_A_CELL: usize = 64;
/// Empty lines within a table; more end it.
const BLANK_LINES: usize = 3;

/// The secrets below the headings in the line from `start` to `end`, and where their table ends.
pub(super) fn read(text: &str, start: usize, end: usize) -> Read {
    let nothing = Read { hits: Vec::new(), end };
    let heading = text.get(start..end).unwrap_or_default();
    let Some((between, headings)) = headings(heading) else {
        return nothing;
    };
    let classes: Vec<Option<Class>> = headings
        .iter()
        .map(|cell| class_of(heading.get(cell.clone()).unwrap_or_default()))
        .collect();
    if classes.iter().all(Option::is_none) {
        return nothing;
    }
    let mut hits = Vec::new();
    let mut at = end;
    let last = text.floor_char_boundary(end.saturating_add(LONGEST).min(text.len()));
    let mut rest = text.get(end..last).unwrap_or_default();
    let mut blank = 0;
    while let Some(row) = row(rest, between) {
        rest = rest.get(row.len()..).unwrap_or_default();
        if row.trim().is_empty() {
            blank += 1;
            // Spreadsheets leave empty lines between rows; a drawn table and aligned columns end there.
            if blank > BLANK_LINES || !between.may_have_gaps() {
                break;
            }
            continue;
        }
        if !is_rule(row) {
            let cells = match between {
                Between::Sign(sign) => cells(row, sign),
                Between::Blanks => columns(row, &headings),
            };
            if cells.len() != headings.len() || blank > 0 && is_heading(row) {
                break;
            }
            // Where this row begins; what comes after the last row is not read.
            at = last - rest.len() - row.len();
            for (cell, class) in cells.into_iter().zip(&classes) {
                let value = row.get(cell.clone()).unwrap_or_default();
                if let Some(class) = class
                    && is_secret(*class, value)
                {
                    hits.push(Hit::of(*class, value, at + cell.start));
                }
            }
        }
        blank = 0;
        at = last - rest.len();
    }
    Read { hits, end: at }
}

impl Between {
    fn may_have_gaps(self) -> bool {
        matches!(self, Self::Sign(b'\t' | b';' | b','))
    }
}

/// The first row of a text: a line, or several where a quoted cell has line ends in it.
fn row(text: &str, between: Between) -> Option<&str> {
    let first = text.split_inclusive('\n').next()?;
    let is_open = |row: &str| row.bytes().filter(|byte| *byte == b'"').count() % 2 == 1;
    if !between.may_have_gaps() || !is_open(first) {
        return Some(first);
    }
    let mut length = first.len();
    for line in text.split_inclusive('\n').skip(1).take(LINES_OF_A_CELL) {
        length += line.len();
        if is_open(line) {
            return text.get(..length);
        }
    }
    Some(first)
}

/// True for the first line of another table: names without a number in them.
fn is_heading(row: &str) -> bool {
    headings(row.trim_end_matches(['\n', '\r'])).is_some() && !row.bytes().any(|byte| byte.is_ascii_digit())
}

fn class_of(heading: &str) -> Option<Class> {
    let heading = plain(heading);
    let is_chinese = CHINESE.iter().any(|word| heading.ends_with(word));
    // A heading may be written apart where a name is one word.
    let joined = heading
        .to_ascii_lowercase()
        .replace("pass word", "password")
        .replace("pass phrase", "passphrase");
    names::class_of(heading, Site::Key)
        .or_else(|| names::class_of(&joined, Site::Key))
        .or(is_chinese.then_some(Class::Password))
}

/// A heading without a remark in brackets and the star of what has to be filled in: `password (new)`, `密码（初始）`, `password*`.
fn plain(heading: &str) -> &str {
    let end = heading.find(['(', '（', '*']).filter(|at| *at > 0);
    end.and_then(|end| heading.get(..end)).unwrap_or(heading).trim_end()
}

fn is_secret(class: Class, value: &str) -> bool {
    !values::is_placeholder(value)
        && (class == Class::Password || values::looks_random(value) && !values::is_path(value) && !value.contains(' '))
}

/// The cells of a heading, which are names and nothing else.
fn headings(line: &str) -> Option<(Between, Vec<Range<usize>>)> {
    let is_name = |cell: &Range<usize>| {
        // Spreadsheets put a byte order mark before the first heading.
        let name = line
            .get(cell.clone())
            .unwrap_or_default()
            .trim_start_matches('\u{feff}');
        let name = plain(name);
        (1..=40).contains(&name.len())
            && name.split(' ').count() <= 4
            && name.starts_with(|c: char| c.is_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_alphanumeric() || "_.- ".contains(c))
    };
    for sign in *b"\t;,|" {
        if memchr::memchr(sign, line.as_bytes()).is_some() {
            let cells = cells(line, sign);
            return (cells.len() > 1 && cells.iter().all(is_name)).then_some((Between::Sign(sign), cells));
        }
    }
    // Command lines print their headings in capitals; other lines of words are sentences.
    if line.bytes().any(|byte| byte.is_ascii_lowercase()) || !line.contains("  ") {
        return None;
    }
    let mut cells = Vec::new();
    let mut at = 0;
    for part in line.trim_end().split("  ") {
        let inner = part.trim();
        if !inner.is_empty() {
            let start = at + part.len() - part.trim_start().len();
            cells.push(start..start + inner.len());
        }
        at += part.len() + 2;
    }
    (cells.len() > 1 && cells.iter().all(is_name)).then_some((Between::Blanks, cells))
}

/// The cells of a row, without blanks and quotes around them. A sign between quotes separates nothing (RFC 4180), and those at the edges
/// of a drawn table neither.
fn cells(row: &str, sign: u8) -> Vec<Range<usize>> {
    let row = row.trim_end_matches(['\n', '\r']);
    let mut cells = Vec::new();
    let (mut start, mut is_quoted) = (0, false);
    for (at, byte) in row.bytes().chain([sign]).enumerate() {
        if byte == b'"' && sign != b'|' {
            is_quoted = !is_quoted;
        }
        if byte == sign && (!is_quoted || at == row.len()) {
            cells.push(bare(row, start..at));
            start = at + 1;
        }
    }
    let is_edge = |cell: Option<&Range<usize>>| sign == b'|' && cell.is_some_and(Range::is_empty);
    if is_edge(cells.first()) && is_edge(cells.last()) && cells.len() > 2 {
        cells.pop();
        cells.remove(0);
    }
    cells
}

/// The cells of a row below headings that stand at these places.
fn columns(row: &str, headings: &[Range<usize>]) -> Vec<Range<usize>> {
    let row = row.trim_end();
    let ends = headings.iter().skip(1).map(|next| next.start).chain([row.len()]);
    let cells = headings.iter().zip(ends).filter_map(|(heading, end)| {
        let end = end.min(row.len());
        row.get(heading.start..end).map(|_| bare(row, heading.start..end))
    });
    cells.collect()
}

fn bare(row: &str, cell: Range<usize>) -> Range<usize> {
    let text = row.get(cell.clone()).unwrap_or_default();
    let inner = text.trim();
    let mut start = cell.start + text.len() - text.trim_start().len();
    let mut end = start + inner.len();
    if inner.len() > 1 && inner.starts_with('"') && inner.ends_with('"') {
        (start, end) = (start + 1, end - 1);
    }
    start..end
}

/// True for a line that is drawn between rows.
fn is_rule(row: &str) -> bool {
    row.trim().bytes().all(|byte| b"-+=|: ".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::super::Masker;

    #[test]
    fn columns_of_secrets_are_masked_in_every_kind_of_table() {
        for text in [
            "name,password,mail\njane,hunter2,j@x.org\nbob,\"horse, two\",b@x.org\n",
            "\"id\";\"api_token\"\r\n\"1\";\"hunter2\"\r\n\"2\";\"horse2two\"\r\n",
            " id | password \n----+----------\n  1 | hunter2\n  2 | horse\n(2 rows)\n",
            "+----+----------+\n| id | password |\n+----+----------+\n|  1 | hunter2  |\n|  2 | horse    |\n+----+----------+\n",
            "NAME   TOKEN        AGE\na      hunter2      5d\nb      horse2two    6d\n",
            "用户名,密码\n张三,hunter2\n李四,horse\n",
            "\u{feff}姓名,password\r\n张三,hunter2\r\n李四,horse\r\n",
            "| 库 | 数据库密码 |\n| --- | --- |\n| a | hunter2 |\n| b | horse |\n",
        ] {
            let masked = Masker::new().mask(text).into_owned();
            assert!(!masked.contains("hunter2") && !masked.contains("horse"), "{masked}");
            assert_eq!(Masker::new().mask(&masked), masked);
        }
    }

    #[test]
    fn a_table_goes_on_after_an_empty_line_and_after_line_ends_within_quotes() {
        for text in [
            "name,password,mail\njane,hunter2,j@x.org\n\nbob,horse,b@x.org\n",
            "name;password\r\njane;hunter2\r\n\r\nbob;horse2two\r\n",
            "name,note,password\njane,\"first\nsecond, \"\"third\"\"\n\nfourth\",hunter2\nbob,ok,horse\n",
            "password,note\n\"horse\nhunter2\",x\n",
        ] {
            let masked = Masker::new().mask(text).into_owned();
            assert!(!masked.contains("hunter2") && !masked.contains("horse"), "{masked}");
            assert_eq!(Masker::new().mask(&masked), masked);
        }
        // A quote that is never closed takes nothing in.
        let text = "name,password\njane,hunter2\na \" b,c\nother,words\n";
        let masked = Masker::new().mask(text).into_owned();
        assert!(
            masked.contains("other,words") && !masked.contains("hunter2"),
            "{masked}"
        );
    }

    #[test]
    fn headings_of_several_words_and_with_remarks_are_read() {
        for heading in [
            "access key",
            "Secret Access Key",
            "AWS secret access key",
            "api key",
            "API Key (prod)",
            "pass phrase",
            "Pass Word",
            "password (new)",
            "password*",
            "token value (new)",
            "密码（初始）",
        ] {
            for text in [
                format!("user,{heading},x\njane,Zx81kQp0vW2mLr7T,1\n"),
                format!("\"user\";\"{heading}\"\r\n\"jane\";\"Zx81kQp0vW2mLr7T\"\r\n"),
            ] {
                let masked = Masker::new().mask(&text).into_owned();
                assert!(!masked.contains("Zx81kQp0vW2mLr7T"), "{masked}");
            }
        }
    }

    #[test]
    fn rows_end_with_their_table() {
        let text = "name,password\njane,hunter2\n\nname,colour\nbob,horse\n";
        assert!(Masker::new().mask(text).contains("bob,horse"));
        for text in [
            "mount, token, lease\nprobe, sync, watch, node\n",
            "NAME        TYPE                 DATA   AGE\ndb-secret   Opaque               1      5d\n",
            "the secret, token\nand other, words\n",
        ] {
            assert_eq!(Masker::new().mask(text), text);
        }
    }
}

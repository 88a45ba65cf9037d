//! Does a report still say what its bundles say? Every quoted line is looked up again and hashed again.
//!
//! A masked value cannot be looked up: its placeholder stands for any text at that place, and everything around it has to agree.

mod pointed;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use self::pointed::Pointed;
use super::quotes;

/// So much of a shortened line has to be the beginning of the line in the bundle for that line to be the one that was hashed.
const HEAD: usize = 24;

/// What became of one citation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The lines stand there, and their hash is that of the report.
    Holds,
    /// The file is there; what the place points to could not be read as what is quoted, so only the report's own hash could be compared.
    Unquoted,
    /// The lines, or the hash, are others.
    Differs,
    /// The file is not in the bundle.
    Missing,
    /// Its bundle was not given.
    NoBundle,
}

/// One citation of a report.
#[derive(Debug, Clone, Serialize)]
pub struct Rechecked {
    /// `E1`…
    pub id: String,
    /// Alias of the bundle.
    pub bundle: String,
    /// File inside of it.
    pub file: String,
    /// First line; none for a place inside a document.
    pub line: Option<u64>,
    /// The place inside a document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// What became of it.
    pub outcome: Outcome,
    #[serde(skip)]
    quote: Vec<(Option<u64>, String)>,
    #[serde(skip)]
    sha256: String,
    /// The whole range, where lines of it were hashed that are not quoted and nothing in these was masked.
    #[serde(skip)]
    range: Option<(u64, u64)>,
    /// Whether lines were hashed that are not quoted.
    #[serde(skip)]
    is_partial: bool,
}

/// A bundle as the report names it.
#[derive(Debug, Clone)]
pub struct Named {
    /// Its name in citations.
    pub alias: String,
    /// Name of the file or directory.
    pub input: String,
    /// Digest of its bytes.
    pub sha256: String,
}

/// The citations of a report, waiting for the files of its bundles.
#[derive(Debug, Clone)]
pub struct Recheck {
    /// What the report was made from.
    pub bundles: Vec<Named>,
    /// Its citations.
    pub citations: Vec<Rechecked>,
}

impl Recheck {
    /// Reads a JSON report; none when it is not one.
    pub fn of_report(report: &Value) -> Option<Self> {
        let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        if report.pointer("/tool/name").and_then(Value::as_str) != Some("casefile") {
            return None;
        }
        let bundles = report.get("bundles")?.as_array()?.iter();
        let citations = report.get("evidence")?.as_array()?.iter();
        let citation = |item: &Value| {
            let lines = item
                .get("quote")
                .and_then(Value::as_array)
                .map(Vec::as_slice)
                .unwrap_or_default();
            Rechecked {
                id: text(item, "id"),
                bundle: text(item, "bundle"),
                file: text(item, "file"),
                line: item.pointer("/lines/0").and_then(Value::as_u64),
                pointer: item.get("pointer").and_then(Value::as_str).map(str::to_owned),
                outcome: Outcome::NoBundle,
                quote: lines
                    .iter()
                    .map(|line| (line.get("line").and_then(Value::as_u64), text(line, "text")))
                    .collect(),
                sha256: text(item, "sha256"),
                range: whole_range(item, lines.len() as u64),
                is_partial: item.get("unquoted").is_some_and(|unquoted| !unquoted.is_null()),
            }
        };
        Some(Self {
            bundles: bundles
                .map(|bundle| Named {
                    alias: text(bundle, "alias"),
                    input: text(bundle, "input"),
                    sha256: text(bundle, "sha256"),
                })
                .collect(),
            citations: citations.map(citation).collect(),
        })
    }

    /// Says that a bundle is there, so that a file that does not come is missing.
    pub fn begin(&mut self, alias: &str) {
        for citation in self.citations.iter_mut().filter(|citation| citation.bundle == alias) {
            citation.outcome = Outcome::Missing;
        }
    }

    /// True when a citation is of this file.
    pub fn wants(&self, alias: &str, file: &str) -> bool {
        self.citations
            .iter()
            .any(|citation| citation.bundle == alias && citation.file == file)
    }

    /// Compares the citations of one file with its text.
    pub fn compare(&mut self, alias: &str, file: &str, text: &str) {
        let of_file = |citation: &&mut Rechecked| citation.bundle == alias && citation.file == file;
        let wanted: Vec<&mut Rechecked> = self.citations.iter_mut().filter(of_file).collect();
        let numbers = wanted
            .iter()
            .flat_map(|citation| citation.quote.iter().filter_map(|(line, _)| *line));
        let numbers: std::collections::BTreeSet<u64> = numbers.collect();
        let ranges: Vec<(u64, u64)> = wanted.iter().filter_map(|citation| citation.range).collect();
        let in_range = |number: &u64| ranges.iter().any(|(first, last)| (first..=last).contains(&number));
        let lines: BTreeMap<u64, &str> = (1..)
            .zip(text.lines())
            .filter(|(number, _)| numbers.contains(number) || in_range(number))
            .collect();
        for citation in wanted {
            citation.outcome = match citation.judge(&lines) {
                Outcome::Unquoted => citation.judge_value(text),
                outcome => outcome,
            };
        }
    }
}

impl Rechecked {
    /// Whether the value at its pointer is the one that is quoted. A citation that quotes nothing is of a file in which nothing is.
    fn judge_value(&self, text: &str) -> Outcome {
        if self.quote.is_empty() && self.pointer.is_none() && text.trim().is_empty() {
            return Outcome::Holds;
        }
        let pointed = self.pointer.as_deref().and_then(|pointer| Pointed::of(text, pointer));
        let Some(pointed) = pointed else {
            return Outcome::Unquoted;
        };
        let told: Vec<Option<bool>> = self.quote.iter().map(|(_, line)| pointed.says(line)).collect();
        if told.contains(&Some(false)) {
            Outcome::Differs
        } else if told.contains(&None) {
            Outcome::Unquoted
        } else {
            Outcome::Holds
        }
    }

    fn judge<'l>(&'l self, lines: &BTreeMap<u64, &'l str>) -> Outcome {
        // A long line was shortened, and hashed whole: it stands whole in the bundle. Where something in it was masked, or a paste put
        // something around it, only what is shown can be looked up.
        let mut whole: Vec<&'l str> = Vec::new();
        let mut is_known = true;
        let mut next = self.range.map(|(first, _)| first);
        let until = |next: &mut Option<u64>, end: u64, whole: &mut Vec<&'l str>| {
            let Some(from) = *next else { return };
            whole.extend((from..end).filter_map(|number| lines.get(&number).copied()));
            *next = Some(end.saturating_add(1));
        };
        for (line, text) in &self.quote {
            if let Some(line) = line {
                until(&mut next, *line, &mut whole);
            }
            let raw = line.and_then(|line| lines.get(&line).copied());
            let pieces = quotes::pieces(text);
            let is_cut = pieces.len() > 1;
            if !is_cut && !raw.is_some_and(quotes::is_long) {
                whole.push(text);
                continue;
            }
            let head: String = match pieces.first() {
                Some(quotes::Piece::Text(head)) => head.chars().take(HEAD).collect(),
                _ => String::new(),
            };
            is_known &= !text.contains('‹') && raw.is_some_and(|raw| quotes::squeezed(raw).starts_with(&head));
            whole.push(raw.unwrap_or(text));
        }
        if let Some((_, last)) = self.range {
            until(&mut next, last.saturating_add(1), &mut whole);
        }
        is_known &= !self.is_partial || self.range.is_some();
        if is_known && quotes::digest(whole) != self.sha256 {
            return Outcome::Differs;
        }
        if self.quote.iter().all(|(line, _)| line.is_none()) {
            return Outcome::Unquoted;
        }
        let stands = |(line, text): &(Option<u64>, String)| match line {
            None => true,
            Some(line) => lines.get(line).is_some_and(|raw| is_shown_as(raw, text)),
        };
        if self.quote.iter().all(stands) {
            Outcome::Holds
        } else {
            Outcome::Differs
        }
    }
}

/// The lines of a citation that leaves some of them out, where these can be hashed again: all lines of the place are counted, and nothing
/// that is not shown was masked.
fn whole_range(item: &Value, quoted: u64) -> Option<(u64, u64)> {
    let unquoted = item.get("unquoted")?;
    let (first, last) = (item.pointer("/lines/0")?.as_u64()?, item.pointer("/lines/1")?.as_u64()?);
    let count = unquoted.get("lines")?.as_u64()?.checked_add(quoted)?;
    let is_whole = last.checked_sub(first)?.checked_add(1)? == count;
    (is_whole && unquoted.get("masked")?.as_bool() == Some(false)).then_some((first, last))
}

/// Whether a line of a file is quoted so: placeholders and the marks of what was left out stand for anything, runs of blanks in what
/// was cut are shorter, and terminal colours and what a paste put around the line may be missing.
fn is_shown_as(raw: &str, shown: &str) -> bool {
    let cut = quotes::pieces(shown);
    let raw = if shown.contains("  ") || cut.len() > 1 {
        quotes::squeezed(raw)
    } else {
        raw.to_owned()
    };
    let mut rest = raw.as_str();
    for piece in cut {
        let quotes::Piece::Text(text) = piece else { continue };
        let text = quotes::squeezed(text);
        for (index, piece) in text.split('‹').enumerate() {
            let piece = match (index, piece.split_once('›')) {
                (0, _) => piece,
                (_, Some((_, after))) => after,
                (_, None) => return false,
            };
            match rest.find(piece) {
                Some(at) => rest = rest.get(at + piece.len()..).unwrap_or_default(),
                None => return false,
            }
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_stand_for_anything_and_nothing_else_does() {
        assert!(is_shown_as("token: hunter2 end", "token: ‹token-1› end"));
        assert!(is_shown_as("abcdef", "abc⟨+3⟩") && is_shown_as("abcdefgh", "abc⟨+3⟩gh"));
        assert!(is_shown_as("a     b      c", "a  b⟨+2⟩c") && !is_shown_as("abcdefgh", "abc⟨+3⟩gx"));
        assert!(!is_shown_as("token: hunter2 END", "token: ‹token-1› end"));
        assert!(!is_shown_as("a", "b"));
    }

    fn report(text: &str, sha256: &str) -> Recheck {
        Recheck::of_report(&serde_json::json!({
            "tool": {"name": "casefile"},
            "bundles": [{"alias": "a", "input": "a.tar.gz", "sha256": ""}],
            "evidence": [{"id": "E1", "bundle": "a", "file": "x.log", "lines": [2, 2], "sha256": sha256,
                "quote": [{"line": 2, "text": text, "hit": true}]}],
        }))
        .unwrap()
    }

    #[test]
    fn a_changed_line_and_a_changed_report_are_both_seen() {
        let judge = |mut recheck: Recheck, log: &str| {
            recheck.begin("a");
            recheck.compare("a", "x.log", log);
            recheck.citations.remove(0).outcome
        };
        let hash = quotes::digest(["two"]);
        assert_eq!(judge(report("two", &hash), "one\ntwo\n"), Outcome::Holds);
        assert_eq!(judge(report("two", &hash), "one\n2\n"), Outcome::Differs);
        assert_eq!(judge(report("TWO", &hash), "one\nTWO\n"), Outcome::Differs);
        let long = format!("{}{}", "a".repeat(10), "b".repeat(10));
        let hash_of_long = quotes::digest([long.as_str()]);
        let cut = format!("{}⟨+15⟩bb", "a".repeat(3));
        assert_eq!(
            judge(report(&cut, &hash_of_long), &format!("one\n{long}\n")),
            Outcome::Holds
        );
        let other = format!("{}x{}", "a".repeat(9), "b".repeat(10));
        assert_eq!(
            judge(report(&cut, &hash_of_long), &format!("one\n{other}\n")),
            Outcome::Differs
        );
        let range = |hash: &str| {
            let mut value = serde_json::json!({
                "tool": {"name": "casefile"},
                "bundles": [{"alias": "a", "input": "a.tar.gz", "sha256": ""}],
                "evidence": [{"id": "E1", "bundle": "a", "file": "x.log", "lines": [1, 3], "sha256": hash,
                    "unquoted": {"lines": 1, "masked": false},
                    "quote": [{"line": 1, "text": "one", "hit": true}, {"line": 3, "text": "three", "hit": true}]}],
            });
            let recheck = Recheck::of_report(&value).unwrap();
            value["evidence"][0]["unquoted"]["masked"] = true.into();
            (recheck, Recheck::of_report(&value).unwrap())
        };
        let (whole, masked) = range(&quotes::digest(["one", "two", "three"]));
        assert_eq!(judge(whole.clone(), "one\ntwo\nthree\n"), Outcome::Holds);
        assert_eq!(judge(whole, "one\nTWO\nthree\n"), Outcome::Differs);
        assert_eq!(judge(masked, "one\nTWO\nthree\n"), Outcome::Holds);
        let mut absent = report("two", &hash);
        absent.begin("a");
        assert_eq!(absent.citations[0].outcome, Outcome::Missing);
    }
}

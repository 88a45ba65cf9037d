//! Does a report still say what its bundles say? Every quoted line is looked up again and hashed again.
//!
//! A masked value cannot be looked up: its placeholder stands for any text at that place, and everything around it has to agree.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// What became of one citation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The lines stand there, and their hash is that of the report.
    Holds,
    /// The file is there; what the place points to is no line, so only the report's own hash could be compared.
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
    /// What became of it.
    pub outcome: Outcome,
    #[serde(skip)]
    quote: Vec<(Option<u64>, String)>,
    #[serde(skip)]
    sha256: String,
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
                outcome: Outcome::NoBundle,
                quote: lines
                    .iter()
                    .map(|line| (line.get("line").and_then(Value::as_u64), text(line, "text")))
                    .collect(),
                sha256: text(item, "sha256"),
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
        let lines: BTreeMap<u64, &str> = (1..)
            .zip(text.lines())
            .filter(|(number, _)| numbers.contains(number))
            .collect();
        for citation in wanted {
            citation.outcome = citation.judge(&lines);
        }
    }
}

impl Rechecked {
    fn judge(&self, lines: &BTreeMap<u64, &str>) -> Outcome {
        let shown: Vec<&str> = self.quote.iter().map(|(_, text)| text.as_str()).collect();
        if digest(&shown.join("\n")) != self.sha256 {
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

/// Whether a line of a file is quoted so: placeholders stand for anything, a cut end for the rest, and terminal colours and
/// what a paste put around the line may be missing.
fn is_shown_as(raw: &str, shown: &str) -> bool {
    let shown = match shown.rsplit_once("⟨+") {
        Some((head, tail)) if tail.strip_suffix('⟩').is_some_and(|n| n.parse::<u64>().is_ok()) => head,
        _ => shown,
    };
    let mut rest = raw;
    for (index, piece) in shown.split('‹').enumerate() {
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
    true
}

fn digest(text: &str) -> String {
    Sha256::digest(text.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_stand_for_anything_and_nothing_else_does() {
        assert!(is_shown_as("token: hunter2 end", "token: ‹token-1› end"));
        assert!(is_shown_as("abcdef", "abc⟨+3⟩"));
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
        let hash = digest("two");
        assert_eq!(judge(report("two", &hash), "one\ntwo\n"), Outcome::Holds);
        assert_eq!(judge(report("two", &hash), "one\n2\n"), Outcome::Differs);
        assert_eq!(judge(report("TWO", &hash), "one\nTWO\n"), Outcome::Differs);
        let mut absent = report("two", &hash);
        absent.begin("a");
        assert_eq!(absent.citations[0].outcome, Outcome::Missing);
    }
}

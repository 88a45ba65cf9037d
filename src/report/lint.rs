//! Is a report in Markdown ready to be signed? Looks at what a machine can see: blanks, references, words.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;
use serde::Serialize;

/// What is wrong with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LintKind {
    /// A place that a person has to fill before the report is final.
    RequiredBlank,
    /// A place that a person may fill.
    Blank,
    /// A reference to an entry that the report does not have, or two entries of one id.
    Reference,
    /// A word that is surer than the confidence beside it.
    TooSure,
    /// A word that has no place in a report: blame, filler, shouting.
    Word,
}

impl LintKind {
    /// True for what keeps a report from being final.
    pub fn is_error(self) -> bool {
        self != Self::Blank
    }

    /// The name, as in the JSON form.
    pub fn name(self) -> &'static str {
        match self {
            Self::RequiredBlank => "required-blank",
            Self::Blank => "blank",
            Self::Reference => "reference",
            Self::TooSure => "too-sure",
            Self::Word => "word",
        }
    }
}

/// One remark about a report.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Lint {
    /// The line of the file.
    pub line: usize,
    /// What it is.
    pub kind: LintKind,
    /// The id or the word.
    pub what: String,
}

/// Patterns that are this program's own; a test compiles them all.
fn pattern(text: &str) -> Option<Regex> {
    Regex::new(text).ok()
}

static BLANK: LazyLock<Option<Regex>> = LazyLock::new(|| pattern(r"<!-- blank:([A-Za-z0-9._-]+?)( required)? -->"));
static REFERENCE: LazyLock<Option<Regex>> = LazyLock::new(|| pattern(r"\[\\?\[?([EKF][0-9]+)\\?\]"));
static ENTRY: LazyLock<Option<Regex>> = LazyLock::new(|| pattern(r"^#{2,6} ([EKF][0-9]+)(?:\s|$)"));
static CODE: LazyLock<Option<Regex>> = LazyLock::new(|| pattern(r"`+[^`]*`+|<!--.*?-->"));
static BADGE: LazyLock<Option<Regex>> =
    LazyLock::new(|| pattern(r"(?P<level>◕ (?:Probable|很可能)|◑ (?:Possible|可能)|● (?:Confirmed|已证实)|○ |\? )"));
/// Surer than probable.
static CERTAIN: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(
        r"(?i)\b(?:confirmed|certainly|definitely|undoubtedly|without (?:a )?doubt|proven?|proves|must have)\b|已证实|必然|肯定|无疑|毫无疑问|证明了|一定是",
    )
});
/// Surer than possible.
static LIKELY: LazyLock<Option<Regex>> =
    LazyLock::new(|| pattern(r"(?i)\b(?:probably|most likely|very likely)\b|很可能|极可能"));
/// Blame, filler and shouting.
static BANNED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(
        r"(?i)\b(?:human error|should have|simply|obviously)\b|人为失误|疏忽|低级错误|显然|应该是|众所周知|[\p{L}\p{N}][!！](?:\s|$)|[\x{1F300}-\x{1FAFF}]",
    )
});

/// True for a text that casefile began, however people went on with it: it has its front matter, a blank or a reference.
pub fn is_report(text: &str) -> bool {
    let has = |pattern: &LazyLock<Option<Regex>>| pattern.as_ref().is_some_and(|regex| regex.is_match(text));
    text.lines().take(3).any(|line| line.starts_with("schema: \"casefile/")) || has(&BLANK) || has(&REFERENCE)
}

/// Everything to be said about a report, in the order of its lines.
pub fn lint(text: &str) -> Vec<Lint> {
    let mut found = Vec::new();
    let mut entries: BTreeSet<&str> = BTreeSet::new();
    let mut references: Vec<(usize, &str)> = Vec::new();
    for (line, words) in prose(text) {
        let add = |kind, what: &str| Lint {
            line,
            kind,
            what: what.to_owned(),
        };
        for blank in captures(&BLANK, words) {
            let kind = if blank.get(2).is_some() {
                LintKind::RequiredBlank
            } else {
                LintKind::Blank
            };
            found.push(add(kind, group(&blank, 1)));
        }
        for entry in captures(&ENTRY, words) {
            let id = entry.get(1).map_or("", |id| id.as_str());
            if !entries.insert(id) {
                found.push(add(LintKind::Reference, id));
            }
        }
        let clean = without_code(words);
        references.extend(
            captures(&REFERENCE, words)
                .iter()
                .map(|found| (line, found.get(1).map_or("", |id| id.as_str()))),
        );
        found.extend(
            captures(&BANNED, &clean)
                .iter()
                .map(|word| add(LintKind::Word, group(word, 0).trim())),
        );
        found.extend(too_sure(&clean).iter().map(|word| add(LintKind::TooSure, word)));
    }
    let broken = references.into_iter().filter(|(_, id)| !entries.contains(id));
    found.extend(broken.map(|(line, id)| Lint {
        line,
        kind: LintKind::Reference,
        what: id.to_owned(),
    }));
    found.sort();
    found.dedup();
    found
}

/// Words before a confidence that say more than it does.
fn too_sure(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut from = 0;
    for badge in captures(&BADGE, line) {
        let Some(level) = badge.name("level") else { continue };
        let sentence = line.get(from..level.start()).unwrap_or_default();
        from = level.end();
        let stronger: &[&LazyLock<Option<Regex>>] = match level.as_str().chars().next() {
            Some('◕') => &[&CERTAIN],
            Some('◑') => &[&CERTAIN, &LIKELY],
            _ => &[],
        };
        for pattern in stronger {
            words.extend(captures(pattern, sentence).iter().map(|word| group(word, 0).to_owned()));
        }
    }
    words
}

fn captures<'t>(pattern: &LazyLock<Option<Regex>>, text: &'t str) -> Vec<regex::Captures<'t>> {
    pattern
        .as_ref()
        .map(|pattern| pattern.captures_iter(text).collect())
        .unwrap_or_default()
}

fn group<'c>(captures: &'c regex::Captures<'_>, index: usize) -> &'c str {
    captures.get(index).map_or("", |found| found.as_str())
}

/// The line without code spans and comments, which quote and are no prose.
fn without_code(line: &str) -> String {
    match CODE.as_ref() {
        Some(code) => code.replace_all(line, " ").into_owned(),
        None => line.to_owned(),
    }
}

/// The numbered lines outside of fenced blocks and of the front matter.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fence: Option<usize> = None;
    let mut front = text.starts_with("---\n");
    text.lines().enumerate().filter_map(move |(index, line)| {
        if front {
            front = index == 0 || line != "---";
            return None;
        }
        let inner = line.trim_start();
        let ticks = inner.len() - inner.trim_start_matches('`').len();
        match fence {
            Some(open) => {
                if ticks >= open && inner.trim_end().len() == ticks {
                    fence = None;
                }
                None
            }
            None if ticks >= 3 && !inner.trim_start_matches('`').contains('`') => {
                fence = Some(ticks);
                None
            }
            None => Some((index + 1, line)),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Vec<(usize, &'static str, String)> {
        lint(text)
            .into_iter()
            .map(|lint| (lint.line, lint.kind.name(), lint.what))
            .collect()
    }

    #[test]
    fn every_pattern_compiles() {
        for pattern in [&BLANK, &REFERENCE, &ENTRY, &CODE, &BADGE, &CERTAIN, &LIKELY, &BANNED] {
            assert!(pattern.is_some());
        }
    }

    #[test]
    fn blanks_are_listed_the_required_ones_as_errors() {
        let text =
            "- Reporter: [TO FILL: who?]<!-- blank:reporter required -->\n【待填写：x】<!-- blank:action.a1.due -->\n";
        assert_eq!(
            said(text),
            [
                (1, "required-blank", "reporter".to_owned()),
                (2, "blank", "action.a1.due".to_owned())
            ]
        );
    }

    #[test]
    fn a_reference_needs_its_entry() {
        let text = "gone [[E1]](#e1) [[E2]](#e2) \\[K1\\]\n\n#### E1\n\n```text\n[E9]\n```\n";
        assert_eq!(
            said(text),
            [(1, "reference", "E2".to_owned()), (1, "reference", "K1".to_owned())]
        );
    }

    #[test]
    fn words_are_not_surer_than_their_confidence() {
        assert_eq!(
            said("it was definitely the script ◕ Probable\n"),
            [(1, "too-sure", "definitely".to_owned())]
        );
        assert_eq!(
            said("很可能由脚本删除 ◑ 可能\n"),
            [(1, "too-sure", "很可能".to_owned())]
        );
        assert_eq!(said("很可能由脚本删除 ◕ 很可能\n"), []);
        assert_eq!(
            said("definitely gone ● Confirmed; it may be the script ◑ Possible\n"),
            []
        );
    }

    #[test]
    fn a_text_of_somebody_else_is_no_report() {
        assert!(is_report("---\nschema: \"casefile/1.6\"\n---\n"));
        assert!(is_report("It is gone [[E1]](#e1)\n"));
        assert!(!is_report("# Notes\n\nIt is gone.\n"));
    }

    #[test]
    fn blame_and_shouting_are_named_but_not_in_quotes() {
        assert_eq!(said("the operator should have looked!\n").len(), 2);
        assert_eq!(said("这显然是人为失误\n").len(), 2);
        assert_eq!(
            said("the log says `obviously!`\n```text\nsimply broken!\n```\nhttp 200 != 500\n"),
            []
        );
    }
}

//! Does a report say only what its evidence shows? Over every bundle that is at hand: sentences cite lines that have their words, and no
//! check is passed of which nothing was met, or which the same report denies.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use casefile::bundle::Budget;
use casefile::cluster::{Snapshot, read_bundle};
use casefile::diagnosis::diagnose;
use casefile::model::{CODE_CLOSE, CODE_OPEN, CitationKind, Text};
use casefile::redact::Masker;
use casefile::report::model::{CheckOutcome, EvidenceItem, PostMortem};
use casefile::report::{compose, learn_secrets};

use super::support::{RULES, baseline_of, checkout};

/// Every bundle of the checkout that is no layout's sample, with its baseline.
fn bundles() -> Vec<(PathBuf, Option<PathBuf>)> {
    let mut found = Vec::new();
    for folder in ["bundles", "tests/scenarios"] {
        for entry in std::fs::read_dir(checkout(folder)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let is_bundle = name.ends_with(".tar.gz") || name.ends_with(".zip");
            if is_bundle && !name.contains("-baseline") {
                let baseline = baseline_of(name.split('.').next().unwrap());
                found.push((path, baseline));
            }
        }
    }
    found.sort();
    found
}

fn each(look: &mut dyn FnMut(&str, &Snapshot, &PostMortem)) {
    let read = |path: &PathBuf, alias: &str| read_bundle(path, alias, RULES.signatures(), Budget::default()).unwrap();
    for (path, baseline) in bundles() {
        let snapshot = read(&path, "b");
        let baseline = baseline.map(|path| read(&path, "b-baseline"));
        let mut masker = Masker::new();
        for snapshot in std::iter::once(&snapshot).chain(&baseline) {
            learn_secrets(&mut masker, snapshot);
        }
        let report = compose(&diagnose(&RULES, &snapshot, baseline.as_ref()), &mut masker).unwrap();
        look(&path.file_name().unwrap().to_string_lossy(), &snapshot, &report);
    }
}

/// Words that stand in lines of every kind.
const GENERIC: [&str; 12] = [
    "container",
    "containers",
    "docker",
    "image",
    "images",
    "missing",
    "running",
    "state",
    "status",
    "there",
    "which",
    "while",
];

/// What a sentence names: its code, and words that are no common ones.
fn tokens(text: &Text) -> BTreeSet<String> {
    let mut tokens = BTreeSet::new();
    for text in [&text.en, &text.zh] {
        let spans = text.split(CODE_OPEN).skip(1);
        tokens.extend(
            spans
                .filter_map(|rest| rest.split(CODE_CLOSE).next())
                .map(str::to_owned),
        );
        let is_mark = |c: char| c == CODE_OPEN || c == CODE_CLOSE;
        let words = text.split(|c: char| is_mark(c) || c.is_whitespace() || "，。：；、,;:()（）`".contains(c));
        let is_name = |word: &str| word.contains(['-', '.', '/']) || word.bytes().any(|byte| byte.is_ascii_digit());
        let is_term = |word: &str| word.len() > 4 && word.is_ascii() && !GENERIC.contains(&word);
        let telling = words.filter(|word| is_name(word) || is_term(word));
        tokens.extend(telling.map(|word| word.trim_matches('.').to_owned()));
    }
    tokens.retain(|token| token.len() > 1);
    tokens
}

fn shows(item: &EvidenceItem, token: &str) -> bool {
    let name = token.split('@').next().unwrap().rsplit(['/', ' ']).next().unwrap();
    let mut quoted: Vec<String> = item.quote.iter().map(|line| line.text.clone()).collect();
    quoted.push(item.pointer.clone().unwrap_or_default());
    let in_quote = quoted.iter().any(|line| {
        line.contains(token) || name.len() > 1 && line.contains(name)
            // An image in columns.
            || token.rsplit_once(':').is_some_and(|(image, tag)| line.contains(image) && line.contains(tag))
    });
    let (path, line) = token.rsplit_once(':').unwrap_or((token, ""));
    let file = path.rsplit('/').next().unwrap();
    let at_place = !file.is_empty()
        && item.file.ends_with(file)
        && (line.is_empty() || item.lines.is_some_and(|(first, _)| first.to_string() == line));
    let at_time = item
        .time
        .as_ref()
        .is_some_and(|when| token.starts_with(&when.earliest.strftime("%Y-%m-%d %H:%M:%S").to_string()));
    in_quote || at_place || at_time
}

#[test]
fn what_a_sentence_cites_has_its_words() {
    let mut compared = 0;
    each(&mut |name, _, report| {
        let items: BTreeMap<&str, &EvidenceItem> =
            report.evidence.iter().map(|item| (item.id.as_str(), item)).collect();
        let mut sentences: Vec<(&str, &Text, &Vec<String>)> = Vec::new();
        for (chapter, list) in [
            ("1.2", &report.symptoms),
            ("2.3", &report.localisation),
            ("3.1", &report.direct_causes),
            ("3.4", &report.ruled_out),
        ] {
            sentences.extend(list.iter().map(|sentence| (chapter, &sentence.text, &sentence.refs)));
        }
        sentences.extend(
            report
                .incident
                .summary
                .first()
                .map(|first| ("summary", &first.text, &first.refs)),
        );
        let factors = report.contributing.iter();
        sentences.extend(factors.map(|factor| ("3.2", &factor.sentence.text, &factor.sentence.refs)));
        sentences.extend(report.causal.nodes.iter().map(|node| ("3.3", &node.label, &node.refs)));
        if let Some(table) = &report.hypotheses {
            let weighed = table.rows.iter().filter(|row| row.cells.first() == Some(&"++"));
            sentences.extend(weighed.map(|row| ("2.2.3", &row.sentence.text, &row.sentence.refs)));
        }
        for (chapter, text, refs) in sentences {
            let cited: Vec<&&EvidenceItem> = refs.iter().filter_map(|id| items.get(id.as_str())).collect();
            if cited.len() < 2 {
                continue;
            }
            let tokens = tokens(text);
            // A sentence that names nothing rests on whatever its cause rests on.
            let names_something =
                text.en.contains(CODE_OPEN) || tokens.iter().any(|token| token.contains(['-', '.', '/']));
            if !names_something {
                continue;
            }
            for item in cited {
                compared += 1;
                assert!(
                    item.kind == CitationKind::Absence || tokens.iter().any(|token| shows(item, token)),
                    "{name}, {chapter}: {} has none of {tokens:?} of: {}\n{:?}",
                    item.id,
                    text.en,
                    item.quote
                );
            }
        }
    });
    assert!(compared > 50, "only {compared} citations were compared");
}

#[test]
fn a_row_about_a_thing_cites_what_shows_that_thing() {
    each(&mut |name, _, report| {
        let items: BTreeMap<&str, &EvidenceItem> =
            report.evidence.iter().map(|item| (item.id.as_str(), item)).collect();
        for row in &report.resources {
            let cited: Vec<&&EvidenceItem> = row.refs.iter().filter_map(|id| items.get(id.as_str())).collect();
            let is_shown = |item: &&&EvidenceItem| item.kind == CitationKind::Absence || shows(item, &row.subject.name);
            assert!(
                cited.len() == 1 || cited.iter().all(is_shown),
                "{name}: {} cites {:?}",
                row.subject,
                row.refs
            );
        }
    });
}

#[test]
fn nothing_passes_that_met_nothing_or_that_the_report_denies() {
    each(&mut |name, snapshot, report| {
        let found: BTreeSet<&str> = report.findings.iter().map(|finding| finding.rule.as_str()).collect();
        for check in report.checks.iter().filter(|check| check.outcome == CheckOutcome::Pass) {
            let rule = RULES.get(&check.id).unwrap();
            assert!(
                !found.contains(check.id.as_str()),
                "{name}: {} passed and found",
                check.id
            );
            let count = |datum: &str| snapshot.coverage.read.get(datum).copied().unwrap_or(0);
            for need in &rule.header.needs {
                assert!(
                    need.split('|').any(|datum| count(datum) > 0),
                    "{name}: {} passed, of {need} nothing was read",
                    check.id
                );
            }
            if let Some(test) = &rule.header.objects {
                assert!(
                    snapshot.kind(&test.kind).next().is_some(),
                    "{name}: {} passed without a {}",
                    check.id,
                    test.kind
                );
            }
            let other = rule
                .header
                .yields_to
                .iter()
                .find(|other| found.contains(other.as_str()));
            assert_eq!(
                other, None,
                "{name}: {} passed and leaves it to another rule that found something",
                check.id
            );
            let is_masked = check.id == "secret-exposed-in-report" && !report.redactions.is_empty();
            assert!(
                !is_masked,
                "{name}: no secret in clear, and {} masked",
                report.redactions.len()
            );
        }
    });
}

#[test]
fn something_else_is_never_ruled_out() {
    each(&mut |name, _, report| {
        if let Some(table) = &report.hypotheses {
            assert_ne!(
                table.verdicts.last(),
                Some(&casefile::model::Confidence::RuledOut),
                "{name}"
            );
            assert!(
                table.columns.len() <= 5 && table.columns.len() == table.verdicts.len(),
                "{name}"
            );
        }
    });
}

#[test]
fn no_command_that_a_report_gives_prints_secrets() {
    each(&mut |name, _, report| {
        for gap in &report.gaps {
            let prints = gap.collect.contains("get secrets") && !gap.collect.contains("custom-columns");
            assert!(!prints, "{name}: {}", gap.collect);
            let names = gap
                .collect
                .split_whitespace()
                .any(|word| ["POD", "NAMESPACE", "CONTAINER"].contains(&word));
            assert!(!names, "{name}: a placeholder without brackets: {}", gap.collect);
        }
    });
}

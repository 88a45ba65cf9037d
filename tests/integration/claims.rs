//! Does a report say only what its evidence shows? Over every bundle that is at hand: sentences cite lines that have their words, and no
//! check is passed of which nothing was met, or which the same report denies.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use casefile::bundle::Budget;
use casefile::cluster::{Snapshot, read_bundle};
use casefile::diagnosis::diagnose;
use casefile::model::{CODE_CLOSE, CODE_OPEN, CitationKind, Confidence, Text};
use casefile::redact::Masker;
use casefile::report::model::{CheckOutcome, EvidenceItem, PostMortem, ResourceRow};
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
        // Rows of a whole host and of the API are about what stands below other names.
        let is_of_one = |row: &&ResourceRow| !matches!(row.subject.kind.as_str(), "Host" | "Software");
        for row in report.resources.iter().filter(is_of_one) {
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
            // What is seen to work settles a check without the data that it asks for.
            for need in rule.header.needs.iter().filter(|_| rule.header.settled_by.is_none()) {
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
fn something_else_is_open_where_the_cause_is_inferred() {
    each(&mut |name, _, report| {
        if let Some(table) = &report.hypotheses {
            let other = table
                .columns
                .iter()
                .position(|column| column.en == "Something else" || column.en == "something else");
            let is_seen = table.verdicts.first() == Some(&Confidence::Confirmed);
            assert!(is_seen || other.is_some(), "{name}: {:?}", table.columns);
            if let Some(at) = other {
                assert!(is_seen || table.verdicts[at] != Confidence::RuledOut, "{name}");
            }
            assert!(
                table.columns.len() <= 5 && table.columns.len() == table.verdicts.len(),
                "{name}"
            );
        }
    });
}

/// The sentences of the summary and of chapters 2 and 3 that speak of this incident.
fn sentences(report: &PostMortem) -> Vec<(&'static str, &Text, &Vec<String>)> {
    let mut all: Vec<(&str, &Text, &Vec<String>)> = Vec::new();
    for (chapter, list) in [
        ("summary", &report.incident.summary),
        ("1.2", &report.symptoms),
        ("2.2", &report.analysis),
        ("2.3", &report.localisation),
        ("3.1", &report.direct_causes),
        ("3.4", &report.ruled_out),
        ("3.5", &report.open_questions),
    ] {
        all.extend(list.iter().map(|sentence| (chapter, &sentence.text, &sentence.refs)));
    }
    let factors = report.contributing.iter().map(|factor| &factor.sentence);
    all.extend(factors.map(|sentence| ("3.2", &sentence.text, &sentence.refs)));
    let rows = report.hypotheses.iter().flat_map(|table| &table.rows);
    all.extend(rows.map(|row| ("2.2.3", &row.sentence.text, &row.sentence.refs)));
    all
}

#[test]
fn every_time_that_a_sentence_states_stands_in_what_it_cites() {
    let mut compared = 0;
    each(&mut |name, _, report| {
        let items: BTreeMap<&str, &EvidenceItem> =
            report.evidence.iter().map(|item| (item.id.as_str(), item)).collect();
        for (chapter, text, refs) in sentences(report) {
            let cited: Vec<&&EvidenceItem> = refs.iter().filter_map(|id| items.get(id.as_str())).collect();
            let spans = text
                .en
                .split(CODE_OPEN)
                .skip(1)
                .filter_map(|rest| rest.split(CODE_CLOSE).next());
            for time in spans.filter(|span| span.ends_with(" +00:00") && !span.contains(" – ")) {
                compared += 1;
                let is_its = |item: &&&EvidenceItem| {
                    let when = item
                        .time
                        .as_ref()
                        .map(|when| when.earliest.strftime("%Y-%m-%d %H:%M:%S +00:00").to_string());
                    // The first time of what repeats stands in the object, beside the field that is quoted.
                    when.as_deref() == Some(time) || chapter == "summary" && item.pointer.is_some()
                };
                assert!(
                    cited.iter().any(is_its),
                    "{name}, {chapter}: {time} is in none of {refs:?}: {}",
                    text.en
                );
            }
            // What a log is said to have is cited by the log.
            if text.en.contains("its log begins") {
                assert!(
                    cited
                        .iter()
                        .any(|item| item.file.ends_with(".log") && item.time.is_some()),
                    "{name}: {}",
                    text.en
                );
            }
        }
    });
    assert!(compared > 4, "only {compared} times were compared");
}

#[test]
fn since_when_a_thing_is_gone_is_when_it_last_went() {
    let mut compared = 0;
    each(&mut |name, snapshot, report| {
        let items: BTreeMap<&str, &EvidenceItem> =
            report.evidence.iter().map(|item| (item.id.as_str(), item)).collect();
        for row in report
            .resources
            .iter()
            .filter(|row| row.subject.kind == "HostContainer")
        {
            let Some(since) = &row.first_seen else { continue };
            let is_later = |event: &&casefile::bundle::decode::RuntimeEvent| {
                event.action == "create"
                    && event.attributes.get("name") == Some(&row.subject.name)
                    && event.when.as_ref().is_some_and(|when| when.earliest > since.earliest)
            };
            let mut events = snapshot.hosts.iter().flat_map(|host| &host.runtime_events);
            assert!(
                events.find(is_later).is_none(),
                "{name}: {} came back after {}",
                row.subject,
                since.earliest
            );
            let cited = row.refs.iter().filter_map(|id| items.get(id.as_str()));
            let dated = cited.filter(|item| item.time.as_ref() == Some(since));
            assert!(
                dated.clone().any(|item| shows(item, &row.subject.name)),
                "{name}: {} {:?}",
                row.subject,
                row.refs
            );
            compared += 1;
        }
    });
    assert!(compared > 1, "{compared}");
}

#[test]
fn what_nobody_collected_is_cited_by_no_list_of_containers() {
    each(&mut |name, _, report| {
        let items: BTreeMap<&str, &EvidenceItem> =
            report.evidence.iter().map(|item| (item.id.as_str(), item)).collect();
        let barriers = report
            .causal
            .nodes
            .iter()
            .filter(|node| node.label.en.starts_with("Detection"));
        for node in barriers {
            let listed = node.refs.iter().filter_map(|id| items.get(id.as_str()));
            assert_eq!(
                listed.filter(|item| item.kind == CitationKind::Absence).count(),
                0,
                "{name}: {:?}",
                node.refs
            );
            assert!(
                node.refs.iter().any(|id| id.starts_with('K')),
                "{name}: {:?}",
                node.refs
            );
        }
        for edge in &report.causal.edges {
            assert!(!edge.refs.is_empty(), "{name}: {} rests on nothing", edge.label.en);
        }
    });
}

#[test]
fn a_pass_says_what_was_read_and_a_state_before_the_incident_where_it_was_reported() {
    each(&mut |name, _, report| {
        for check in report.checks.iter().filter(|check| check.outcome == CheckOutcome::Pass) {
            assert!(
                !check.reason.en.is_empty() && !check.reason.zh.is_empty(),
                "{name}: {}",
                check.id
            );
        }
        let items: BTreeMap<&str, &EvidenceItem> =
            report.evidence.iter().map(|item| (item.id.as_str(), item)).collect();
        for check in report
            .triage
            .iter()
            .filter(|check| check.note.en.contains("last reported"))
        {
            let cited = || check.refs.iter().filter_map(|id| items.get(id.as_str()));
            // What a listing shows of an object has a line and no pointer.
            let points = |end: &str| cited().any(|item| item.pointer.as_deref().is_none_or(|at| at.ends_with(end)));
            assert!(points("/lastHeartbeatTime"), "{name}: {:?}", check.refs);
            assert!(
                !check.note.en.contains("renewed its own lease") || points("/spec/renewTime"),
                "{name}: {:?}",
                check.refs
            );
        }
    });
}

#[test]
fn no_gap_asks_for_what_the_cluster_cannot_have() {
    each(&mut |name, snapshot, report| {
        let is_empty = snapshot.coverage.read.get("customresourcedefinitions") == Some(&0);
        let is_rke1 = snapshot.hosts.iter().any(casefile::rules::inventory::is_rke1);
        for gap in &report.gaps {
            for group in [
                ".longhorn.io",
                ".keda.sh",
                ".cilium.io",
                ".cattle.io",
                ".gateway.networking.k8s.io",
            ] {
                assert!(!is_empty || !gap.what.en.ends_with(group), "{name}: {}", gap.what.en);
            }
            assert!(!is_rke1 || !gap.what.en.contains("k3s"), "{name}: {}", gap.what.en);
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

//! How often the cause is named right: `cargo run --release --example accuracy -- [--cases] DIR…`
//!
//! Each DIR holds folders with `bundle/` and `expected.json`, or archives beside one `expected.json` that lists them. Printed are, over
//! all cases: the first root cause right (top-1), among the first three (top-3), false causes on healthy bundles, and failing bundles
//! for which nothing was named. `--cases` also prints the cases that were not right.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measuring tool for people at a terminal, over files that we wrote"
)]

use std::path::{Path, PathBuf};

use casefile::bundle::Budget;
use casefile::cluster::read_bundle;
use casefile::diagnosis::diagnose;
use casefile::model::Subject;
use casefile::rules::{Finding, Rules};
use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    #[serde(default)]
    bundle: String,
    root_causes: Vec<Expected>,
}

#[derive(Deserialize)]
struct Expected {
    rule_any: Vec<String>,
    subject_any: Vec<Subject>,
}

#[derive(Default)]
struct Score {
    cases: usize,
    causes: usize,
    top1: usize,
    top3: usize,
    subject_only: usize,
    healthy: usize,
    false_causes: usize,
    unexplained: usize,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let verbose = arguments.iter().any(|argument| argument == "--cases");
    let rules = Rules::load().unwrap();
    for directory in arguments.iter().filter(|argument| !argument.starts_with("--")) {
        let mut score = Score::default();
        for (name, bundle, baseline, case) in cases(Path::new(directory)) {
            judge(&rules, &name, &bundle, baseline.as_deref(), &case, &mut score, verbose);
        }
        println!(
            "{directory}: {} cases with a fault, {} causes | top-1 {}/{} ({:.2}) | top-3 {}/{} ({:.2}) | right object, other rule {} | nothing named {} | healthy {}, false causes {}",
            score.cases,
            score.causes,
            score.top1,
            score.causes,
            ratio(score.top1, score.causes),
            score.top3,
            score.causes,
            ratio(score.top3, score.causes),
            score.subject_only,
            score.unexplained,
            score.healthy,
            score.false_causes,
        );
    }
}

fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 1.0 } else { part as f64 / whole as f64 }
}

fn cases(directory: &Path) -> Vec<(String, PathBuf, Option<PathBuf>, Case)> {
    let list = directory.join("expected.json");
    if list.is_file() {
        let cases: Vec<Case> = serde_json::from_str(&std::fs::read_to_string(list).unwrap()).unwrap();
        return cases
            .into_iter()
            .map(|case| {
                let archive = |name: &str| {
                    [".tar.gz", ".zip"]
                        .iter()
                        .map(|ending| directory.join(format!("{name}{ending}")))
                        .find(|path| path.is_file())
                };
                (
                    case.bundle.clone(),
                    archive(&case.bundle).unwrap(),
                    archive(&format!("{}-baseline", case.bundle)),
                    case,
                )
            })
            .collect();
    }
    let mut folders: Vec<PathBuf> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    folders
        .into_iter()
        .map(|folder| {
            let case = serde_json::from_str(&std::fs::read_to_string(folder.join("expected.json")).unwrap()).unwrap();
            (
                folder.file_name().unwrap().to_string_lossy().into_owned(),
                folder.join("bundle"),
                None,
                case,
            )
        })
        .collect()
}

fn judge(
    rules: &Rules,
    name: &str,
    bundle: &Path,
    baseline: Option<&Path>,
    case: &Case,
    score: &mut Score,
    verbose: bool,
) {
    let read = |path: &Path| read_bundle(path, name, rules.signatures(), Budget::default()).unwrap();
    let snapshot = read(bundle);
    let baseline = baseline.map(read);
    let diagnosis = diagnose(rules, &snapshot, baseline.as_ref());
    let found: Vec<&Finding> = diagnosis
        .roots
        .iter()
        .filter_map(|root| diagnosis.findings.get(root.finding))
        .collect();
    if case.root_causes.is_empty() {
        score.healthy += 1;
        score.false_causes += usize::from(!found.is_empty());
        if verbose && !found.is_empty() {
            println!("{name}: healthy, but {}", shown(&found));
        }
        return;
    }
    score.cases += 1;
    score.unexplained += usize::from(found.is_empty());
    for expected in &case.root_causes {
        score.causes += 1;
        let subject_right = |finding: &Finding| {
            expected
                .subject_any
                .iter()
                .any(|wanted| is_same(wanted, &finding.subject))
        };
        let right = |finding: &&Finding| expected.rule_any.contains(&finding.rule) && subject_right(finding);
        // With several causes, each has to stand among the first as many.
        let top = found.iter().take(case.root_causes.len()).any(right);
        score.top1 += usize::from(top);
        score.top3 += usize::from(found.iter().take(3.max(case.root_causes.len())).any(right));
        if !top {
            let near = found
                .iter()
                .take(case.root_causes.len())
                .any(|finding| subject_right(finding));
            score.subject_only += usize::from(near);
            if verbose {
                let subjects: Vec<String> = expected.subject_any.iter().map(ToString::to_string).collect();
                println!(
                    "{name}: expected {} on {} | found {}",
                    expected.rule_any.join("|"),
                    subjects.join(" | "),
                    shown(&found)
                );
            }
        }
    }
}

/// A node is named by its name; whether an expectation repeats it as the place does not matter.
fn is_same(wanted: &Subject, found: &Subject) -> bool {
    wanted == found || (wanted.kind == "Node" && found.kind == "Node" && wanted.name == found.name)
}

fn shown(found: &[&Finding]) -> String {
    let words: Vec<String> = found
        .iter()
        .take(3)
        .map(|finding| format!("{} on {}", finding.rule, finding.subject))
        .collect();
    if words.is_empty() {
        "nothing".to_owned()
    } else {
        words.join("; ")
    }
}

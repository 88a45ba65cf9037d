//! Every recorded incident is named right: the cause, on the object that a person would fix, first.

use std::path::{Path, PathBuf};

use casefile::bundle::Budget;
use casefile::cluster::read_bundle;
use casefile::diagnosis::diagnose;
use casefile::model::Subject;
use casefile::rules::Rules;
use serde::Deserialize;

#[derive(Deserialize)]
struct Scenario {
    bundle: String,
    root_causes: Vec<Cause>,
}

#[derive(Deserialize)]
struct Cause {
    rule_any: Vec<String>,
    subject_any: Vec<Subject>,
}

fn archive(directory: &Path, name: &str) -> PathBuf {
    let endings = [".tar.gz", ".zip"];
    let found = endings.iter().map(|ending| directory.join(format!("{name}{ending}")));
    found
        .into_iter()
        .find(|path| path.is_file())
        .expect("an archive for every scenario")
}

#[test]
fn the_first_causes_are_the_right_ones() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let text = std::fs::read_to_string(directory.join("expected.json")).unwrap();
    let scenarios: Vec<Scenario> = serde_json::from_str(&text).unwrap();
    let rules = Rules::load().unwrap();
    let mut wrong = Vec::new();
    for scenario in &scenarios {
        let path = archive(&directory, &scenario.bundle);
        let snapshot = read_bundle(&path, &scenario.bundle, rules.signatures(), Budget::default()).unwrap();
        let diagnosis = diagnose(&rules, &snapshot, None);
        let found: Vec<_> = diagnosis
            .roots
            .iter()
            .map(|root| &diagnosis.findings[root.finding])
            .collect();
        let first = &found[..found.len().min(scenario.root_causes.len())];
        let right = |cause: &Cause| {
            first
                .iter()
                .any(|finding| cause.rule_any.contains(&finding.rule) && cause.subject_any.contains(&finding.subject))
        };
        if scenario.root_causes.is_empty() && !found.is_empty() || !scenario.root_causes.iter().all(right) {
            let named: Vec<String> = found
                .iter()
                .map(|finding| format!("{} on {}", finding.rule, finding.subject))
                .collect();
            wrong.push(format!("{}: {}", scenario.bundle, named.join("; ")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

//! Every recorded incident is named right: the cause, on the object that a person would fix, first.

use std::path::{Path, PathBuf};

use casefile::bundle::Budget;
use casefile::cluster::read_bundle;
use casefile::diagnosis::diagnose;
use casefile::model::{Lang, Subject};
use casefile::report::Format;
use casefile::rules::Rules;
use regex::Regex;
use serde::Deserialize;

use super::support::analyse;

#[derive(Deserialize)]
struct Scenario {
    bundle: String,
    root_causes: Vec<Cause>,
    must_say: Vec<String>,
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

fn scenarios(directory: &Path) -> Vec<Scenario> {
    let text = std::fs::read_to_string(directory.join("expected.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// The words by which a reader finds each fact of `must_say` in the English report, as regular expressions.
const SAID: &[(&str, &[&str])] = &[
    ("s01", &["payments/checkout", "that are well:.*web"]),
    (
        "s03",
        &[
            "inherited the pull secret",
            "x509",
            "fallback to the default server",
            "answered 404 before",
        ],
    ),
    ("s04", &["connection refused", "its name resolves", "ci/runner"]),
    ("s05", &["no such host", r"on \d+\.\d+\.\d+\.\d+:53"]),
    ("s07", &["exit code 137", "32Mi", "last line of its log"]),
    ("s09", &["1500m", "1 of 2 replicas"]),
    (
        "s10",
        &[
            "401",
            "rancher-webhook: 0 of 1 replicas",
            "connection refused",
            "failed calling webhook",
            "failurePolicy",
            "team-a",
            "FailedCreate",
        ],
    ),
    ("s11", &["two ReplicaSets", "still serve", "degraded and no outage"]),
    (
        "s12",
        &[
            "liveness probe asks port 8080",
            "declares 80",
            "asks port 80 for /healthz",
            "404",
        ],
    ),
    ("s13", &["1 more independent cause"]),
    ("s14", &["shown as Running", "in fact unknown"]),
    ("s15", &["no CNI configuration", "/etc/cni/net.d", "taint"]),
    (
        "s16",
        &["k8s.gcr.io/pause:3.10", "FailedCreatePodSandBox", "is present on node"],
    ),
    ("s17", &["mirrors", "config_path"]),
    ("s18", &["a tab in YAML", "kubelet.yaml", "line 21", "is not ready"]),
    (
        "s19",
        &[
            "evictionHard nodefs.available 95%",
            "almost any use exceeds",
            "evicts pods",
            "taint",
        ],
    ),
    ("s20", &["evidence that the API gave nothing"]),
    ("x01", &["1045", "Access denied"]),
    ("x02", &["tier=frontend"]),
    ("x03", &["cannot be scheduled before its volume claim is bound"]),
];

#[test]
fn the_report_says_what_a_reader_must_learn() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut unsaid = Vec::new();
    for scenario in scenarios(&directory)
        .iter()
        .filter(|scenario| !scenario.must_say.is_empty())
    {
        let (_, wanted) = SAID
            .iter()
            .find(|(bundle, _)| *bundle == scenario.bundle)
            .unwrap_or_else(|| panic!("{} has no words", scenario.bundle));
        let reports = analyse(&archive(&directory, &scenario.bundle), &scenario.bundle, None);
        let page = reports.text(Lang::En, Format::Markdown);
        // What stands only in the index of evidence was quoted, and not said.
        let said = page.split("## Appendix A").next().unwrap().replace(['`', '\\'], "");
        for words in *wanted {
            if !Regex::new(words).unwrap().is_match(&said) {
                unsaid.push(format!("{}: {words} (of {:?})", scenario.bundle, scenario.must_say));
            }
        }
    }
    assert!(unsaid.is_empty(), "{}", unsaid.join("\n"));
}

#[test]
fn the_first_causes_are_the_right_ones() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let scenarios = scenarios(&directory);
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

//! The formats for other programs: each is read by a reader that is not casefile's.

use std::io::Read as _;

use casefile::model::Lang;
use casefile::report::{Format, schema};
use serde_json::Value;

use super::cli::Desk;
use super::json_schema::Schema;
use super::support::{SAMPLES, checkout, sample};

const LANGS: [Lang; 2] = [Lang::Zh, Lang::En];

/// The official schema of SARIF; see `tests/schemas/README.md`.
fn sarif_schema() -> Schema {
    let packed = std::fs::File::open(checkout("tests/schemas/sarif-2.1.0.schema.json.gz")).unwrap();
    let mut text = String::new();
    flate2::read::GzDecoder::new(packed).read_to_string(&mut text).unwrap();
    Schema::of(&text)
}

#[test]
fn every_json_report_is_as_the_schema_says_and_has_no_key_that_it_does_not_name() {
    let schema = Schema::of(schema::REPORT).closed();
    for (name, reports) in SAMPLES.iter() {
        assert_eq!(schema.complaints(&reports.json), [""; 0], "{name}");
    }
    let mut wrong = SAMPLES["quota"].json.clone();
    wrong["checks"][0]["outcome"] = "fine".into();
    assert_eq!(schema.complaints(&wrong).len(), 1, "values of enums are closed");
}

#[test]
fn schemas_can_be_printed() {
    for (of, wanted) in [
        ("report", schema::REPORT),
        ("answers", schema::ANSWERS),
        ("config", schema::CONFIG),
    ] {
        let printed = Desk::new().run(&["schema", of]);
        printed.assert_done();
        assert_eq!(printed.out.trim_end(), wanted.trim_end());
    }
}

#[test]
fn the_schemas_of_what_is_read_allow_what_is_read() {
    let answers = Schema::of(schema::ANSWERS);
    let good = serde_json::json!({"status": "review", "reporter": "x", "action": {"a1": {"owner": "y"}}});
    assert_eq!(answers.complaints(&good), [""; 0]);
    assert_eq!(answers.complaints(&serde_json::json!({"status": "done"})).len(), 1);
    let config = Schema::of(schema::CONFIG);
    let readme = std::fs::read_to_string(checkout("README.md")).unwrap();
    let example = readme
        .split("```toml\n")
        .find(|block| block.starts_with("lang = "))
        .unwrap();
    let example: Value = toml::from_str(example.split("```").next().unwrap()).unwrap();
    assert_eq!(config.complaints(&example), [""; 0]);
    assert_eq!(config.complaints(&serde_json::json!({"langs": "zh"})).len(), 1);
}

#[test]
fn sarif_is_valid_and_what_was_not_judged_is_open() {
    let schema = sarif_schema();
    for (name, reports) in SAMPLES.iter() {
        for lang in LANGS {
            let sarif: Value = serde_json::from_str(reports.text(lang, Format::Sarif)).unwrap();
            assert_eq!(schema.complaints(&sarif), [""; 0], "{name}");
            let results = sarif["runs"][0]["results"].as_array().unwrap();
            let count = |kind: &str| results.iter().filter(|result| result["kind"] == kind).count();
            let checks = reports.json["checks"].as_array().unwrap();
            let of = |outcome: &str| checks.iter().filter(|check| check["outcome"] == outcome).count();
            assert_eq!((count("open"), count("pass")), (of("unknown"), of("pass")), "{name}");
            let found = reports.json["findings"].as_array().unwrap().len();
            assert_eq!(count("fail") + count("review"), found, "{name}");
        }
    }
}

#[test]
fn a_sarif_result_leads_to_the_line_in_the_bundle() {
    let sarif: Value = serde_json::from_str(SAMPLES["share-mnt"].text(Lang::En, Format::Sarif)).unwrap();
    let run = &sarif["runs"][0];
    let results = run["results"].as_array().unwrap();
    let result = results
        .iter()
        .find(|result| result["ruleId"] == "cleanup-script-prune")
        .unwrap();
    assert_eq!(
        (&result["kind"], &result["level"]),
        (&"fail".into(), &"error".into()),
        "{result}"
    );
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uriBaseId"], "BUNDLE-share-mnt");
    assert!(place["region"]["startLine"].as_u64() > Some(0), "{place}");
    assert!(
        run["originalUriBaseIds"]["BUNDLE-share-mnt"]["uri"].is_null(),
        "a bundle has no address"
    );
    assert!(
        results
            .iter()
            .filter_map(|result| result["codeFlows"][0]["threadFlows"][0]["locations"].as_array())
            .any(|rows| !rows.is_empty())
    );
    assert_eq!(
        run["graphs"][0]["nodes"].as_array().map(Vec::len),
        Some(SAMPLES["share-mnt"].json["causal"]["nodes"].as_array().unwrap().len())
    );
}

#[test]
fn junit_has_one_case_for_each_check_and_passes_nothing_that_was_not_judged() {
    for (name, reports) in SAMPLES.iter() {
        for lang in LANGS {
            let text = reports.text(lang, Format::Junit);
            let document = roxmltree::Document::parse(text).unwrap();
            let cases: Vec<_> = document
                .descendants()
                .filter(|node| node.has_tag_name("testcase"))
                .collect();
            let checks = reports.json["checks"].as_array().unwrap();
            assert_eq!(cases.len(), checks.len(), "{name}");
            for (case, check) in cases.iter().zip(checks) {
                assert_eq!(
                    case.attribute("classname"),
                    Some(format!("casefile.{}", check["id"].as_str().unwrap()).as_str())
                );
                let child = |tag: &str| case.children().find(|node| node.has_tag_name(tag));
                match check["outcome"].as_str().unwrap() {
                    "unknown" => assert_ne!(
                        child("skipped").unwrap().attribute("message"),
                        Some(""),
                        "{name}: {check}"
                    ),
                    "fail" => assert!(child("failure").unwrap().text().is_some(), "{name}: {check}"),
                    "pass" => assert!(!case.has_children(), "{name}: {check}"),
                    _ => assert!(child("failure").is_none(), "{name}: {check}"),
                }
            }
        }
    }
}

#[test]
fn rows_of_the_timeline_are_all_of_them() {
    for (name, reports) in SAMPLES.iter() {
        let timeline = reports.json["timeline"].as_array().unwrap();
        for lang in LANGS {
            let mut reader = csv::Reader::from_reader(reports.text(lang, Format::Csv).as_bytes());
            let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
            assert_eq!(rows.len(), timeline.len(), "{name}");
            let lines = reports.text(lang, Format::Jsonl).lines();
            let lines: Vec<Value> = lines.map(|line| serde_json::from_str(line).unwrap()).collect();
            assert_eq!(lines.len(), timeline.len(), "{name}");
            for ((row, line), wanted) in rows.iter().zip(&lines).zip(timeline) {
                assert_eq!(line["event"], wanted["text"][lang.code()]);
                assert_eq!(
                    row.get(0).unwrap(),
                    wanted["when"]["earliest"].as_str().unwrap_or_default()
                );
            }
        }
    }
}

#[test]
fn a_format_is_asked_for_by_name_or_by_the_ending_of_the_file() {
    let desk = Desk::new();
    desk.put("quota.tar.gz", std::fs::read(sample("quota")).unwrap());
    desk.run(&[
        "analyze",
        "quota.tar.gz",
        "-f",
        "sarif,junit,csv,jsonl,github-issue,jira,jira-adf,zendesk,actions-csv,actions-json,text,summary",
        "-o",
        "out",
    ])
    .assert_done();
    for (ending, output) in [
        ("sarif", "x.sarif"),
        ("junit.xml", "x.xml"),
        ("timeline.csv", "x.csv"),
        ("timeline.jsonl", "x.jsonl"),
        ("github-issue.md", "x.github-issue.md"),
        ("jira.txt", "x.jira.txt"),
        ("jira-adf.json", "x.jira-adf.json"),
        ("zendesk.md", "x.zendesk.md"),
        ("actions.csv", "x.actions.csv"),
        ("actions.json", "x.actions.json"),
        ("txt", "x.txt"),
        ("summary.md", "x.summary.md"),
    ] {
        desk.run(&["analyze", "quota.tar.gz", "-o", output]).assert_done();
        assert_eq!(
            desk.text(output),
            desk.text(&format!("out/quota.en.{ending}")),
            "{ending}"
        );
        // Written by casefile, so written anew without a word.
        desk.run(&["analyze", "quota.tar.gz", "-o", output]).assert_done();
    }
}

#[test]
fn several_reports_have_an_index_that_leads_to_each() {
    let desk = Desk::new();
    for (bundle, name) in [("quota", "a"), ("quota", "b"), ("healthy", "h")] {
        desk.put(&format!("in/{name}.tar.gz"), std::fs::read(sample(bundle)).unwrap());
    }
    desk.put("in/broken.tar.gz", &std::fs::read(sample("quota")).unwrap()[..5]);
    assert_eq!(desk.run(&["analyze", "in", "-o", "out"]).code, 3);
    let index: Value = serde_json::from_str(&desk.text("out/index.json")).unwrap();
    assert_eq!(
        index["incidents"][0]["bundles"],
        serde_json::json!(["a", "b"]),
        "one incident in two bundles"
    );
    assert_eq!(index["causes"][0]["incidents"], 1);
    assert_eq!(index["outliers"], serde_json::json!(["h"]));
    assert_eq!(index["without_report"], serde_json::json!(["broken"]));
    for row in index["bundles"].as_array().unwrap() {
        for report in row["reports"].as_array().unwrap() {
            let name = report.as_str().unwrap();
            assert!(desk.path().join("out").join(name).exists());
            assert!(
                desk.text("out/index.html").contains(&format!("href=\"./{name}\"")),
                "{name}"
            );
            assert!(desk.text("out/index.md").contains(&format!("(./{name})")), "{name}");
        }
    }
    let alone = Desk::new();
    alone.put("a.tar.gz", std::fs::read(sample("healthy")).unwrap());
    alone.run(&["analyze", "a.tar.gz", "-o", "out"]).assert_done();
    assert!(!alone.path().join("out/index.html").exists());
}

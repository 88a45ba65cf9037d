//! From a draft to a report that is signed: answers fill blanks, `lint` says what is left, `verify --report` looks up every citation.

use std::fs;

use casefile::model::Lang;
use casefile::report::Format;
use casefile::report::lint::{LintKind, lint};
use serde_json::Value;

use super::cli::Desk;
use super::support::{SAMPLES, files, sample};

fn desk_with(name: &str) -> Desk {
    let desk = Desk::new();
    desk.put(&format!("{name}.tar.gz"), fs::read(sample(name)).unwrap());
    desk
}

#[test]
fn answers_fill_blanks_and_stay_when_the_report_is_made_anew() {
    let desk = desk_with("quota");
    desk.put(
        "incident.toml",
        "status = \"review\"\nreporter = \"on-call of payments\"\nseverity.final = \"P2\"\n\n[action.a1]\nowner = \"team payments\"\ndue = 2026-12-01\n",
    );
    let args = [
        "analyze",
        "quota.tar.gz",
        "--answers",
        "incident.toml",
        "-o",
        "out",
        "--lang",
        "zh,en",
    ];
    for _ in 0..2 {
        desk.run(&args).assert_done();
        let report: Value = serde_json::from_str(&desk.text("out/quota.en.json")).unwrap();
        let answered: Vec<&str> = report["answers"]
            .as_array()
            .unwrap()
            .iter()
            .map(|answer| answer["id"].as_str().unwrap())
            .collect();
        assert_eq!(answered.len(), 4, "{answered:?}");
        assert_eq!(report["incident"]["status"], "review");
        let left = report["blanks"].as_array().unwrap();
        assert!(
            left.iter()
                .all(|blank| !answered.contains(&blank["id"].as_str().unwrap()))
        );
        let html = desk.text("out/quota.en.html");
        assert_eq!(html.matches("data-blank=").count(), left.len());
        assert!(html.contains("on-call of payments [human]"), "{html}");
        let markdown = desk.text("out/quota.zh.md");
        assert!(
            markdown.contains("on-call of payments〔人工〕") && markdown.contains("2026-12-01〔人工〕"),
            "{markdown}"
        );
        assert!(
            markdown.contains("severity_final: \"P2\"") && markdown.contains("status: \"review\""),
            "{markdown}"
        );
    }
}

#[test]
fn an_unknown_id_is_an_error_with_its_line_and_the_nearest() {
    let desk = desk_with("quota");
    desk.put(
        "incident.toml",
        "reporter = \"x\"\ndetection.first-signl = \"an alert\"\n",
    );
    let ended = desk.run(&[
        "analyze",
        "quota.tar.gz",
        "--answers",
        "incident.toml",
        "-o",
        "out",
        "-q",
    ]);
    ended.assert_refused(
        2,
        &[
            "incident.toml, line 2",
            "detection.first-signl",
            "did you mean detection.first-signal?",
        ],
    );
    desk.put("healthy.tar.gz", fs::read(sample("healthy")).unwrap());
    let several = desk.run(&[
        "analyze",
        "quota.tar.gz",
        "healthy.tar.gz",
        "--answers",
        "incident.toml",
        "-o",
        "out",
    ]);
    several.assert_refused(2, &["--answers is for one report", "--merge"]);
}

#[test]
fn what_casefile_writes_has_nothing_to_mend_but_blanks() {
    for (name, reports) in SAMPLES.iter() {
        for lang in [Lang::Zh, Lang::En] {
            let found = lint(reports.text(lang, Format::Markdown));
            let blanks = found
                .iter()
                .filter(|lint| matches!(lint.kind, LintKind::Blank | LintKind::RequiredBlank));
            assert_eq!(
                blanks.count(),
                reports.json["blanks"].as_array().unwrap().len(),
                "{name}"
            );
            let others: Vec<_> = found
                .iter()
                .filter(|lint| !matches!(lint.kind, LintKind::Blank | LintKind::RequiredBlank))
                .collect();
            assert!(others.is_empty(), "{name} {lang:?}: {others:?}");
        }
    }
}

#[test]
fn lint_ends_with_1_until_the_required_blanks_are_filled() {
    let desk = desk_with("quota");
    desk.run(&["analyze", "quota.tar.gz", "-o", "draft.md", "-q"])
        .assert_done();
    let draft = desk.run(&["lint", "draft.md"]);
    assert_eq!(draft.code, 1, "{draft:?}");
    assert!(draft.out.contains("required-blank: reporter to be filled"), "{draft:?}");

    let listed = desk.run(&["lint", "draft.md", "-f", "json"]);
    let lints: Value = serde_json::from_str(&listed.out).unwrap();
    let required = lints
        .as_array()
        .unwrap()
        .iter()
        .filter(|lint| lint["kind"] == "required-blank");
    let answers: String = required
        .map(|lint| format!("{} = \"known\"\n", lint["what"].as_str().unwrap()))
        .collect();
    desk.put("incident.toml", answers);
    desk.run(&[
        "analyze",
        "quota.tar.gz",
        "--answers",
        "incident.toml",
        "-o",
        "final.md",
        "-q",
    ])
    .assert_done();
    desk.run(&["lint", "final.md"]).assert_done();

    desk.put(
        "edited.md",
        format!(
            "{}\nThe operator should have known, see [E999].\n",
            desk.text("final.md")
        ),
    );
    let edited = desk.run(&["lint", "edited.md"]);
    assert_eq!(edited.code, 1);
    assert!(
        edited.out.contains("word: should have") && edited.out.contains("reference: E999"),
        "{edited:?}"
    );
    assert_eq!(desk.run(&["lint", "gone.md"]).code, 3);
}

#[test]
fn every_citation_of_every_sample_is_found_again() {
    for (name, reports) in SAMPLES.iter() {
        let desk = desk_with(name);
        desk.put("report.json", serde_json::to_string(&reports.json).unwrap());
        let mut args = vec![
            "verify".to_owned(),
            "--report".into(),
            "report.json".into(),
            format!("{name}.tar.gz"),
        ];
        if let Some(baseline) = super::support::baseline_of(name) {
            desk.put(&format!("{name}-baseline.tar.gz"), fs::read(baseline).unwrap());
            args.push(format!("{name}-baseline.tar.gz"));
        }
        let ended = desk.run(&args.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(ended.code, 0, "{name}: {}{}", ended.out, ended.err);
    }
}

#[test]
fn a_changed_bundle_and_a_changed_report_do_not_verify() {
    let desk = desk_with("quota");
    desk.run(&["analyze", "quota.tar.gz", "-o", "quota.json", "-q"])
        .assert_done();
    let report: Value = serde_json::from_str(&desk.text("quota.json")).unwrap();
    let cited = report["evidence"][0]["file"].as_str().unwrap();
    for (path, text) in files(&sample("quota")) {
        let text = if path == cited { String::new() } else { text };
        desk.put(&format!("changed/quota/{path}"), text);
    }
    let changed = desk.run(&["verify", "--report", "quota.json", "changed/quota"]);
    assert_eq!(changed.code, 1, "{changed:?}");
    assert!(changed.out.contains("its bytes are not those"), "{changed:?}");

    let mut forged = report.clone();
    forged["evidence"][0]["quote"][0]["text"] = "all is well".into();
    desk.put("forged.json", forged.to_string());
    let ended = desk.run(&["verify", "--report", "forged.json", "quota.tar.gz", "-f", "json"]);
    assert_eq!(ended.code, 1, "{ended:?}");
    let said: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(said["citations"][0]["outcome"], "differs");

    desk.run(&["verify", "--report", "nothing.json", "quota.tar.gz"])
        .assert_refused(3, &["nothing.json", "no JSON report"]);
}

#[test]
fn times_are_shown_in_the_zone_that_was_asked_for() {
    let desk = desk_with("quota");
    desk.run(&[
        "analyze",
        "quota.tar.gz",
        "--tz",
        "Asia/Shanghai",
        "-f",
        "md,html,json",
        "-o",
        "out",
    ])
    .assert_done();
    let markdown = desk.text("out/quota.en.md");
    assert!(
        markdown.contains(" +08:00") && markdown.contains("times are in Asia/Shanghai"),
        "{markdown}"
    );
    assert!(markdown.contains("timezone: \"Asia/Shanghai\""), "{markdown}");
    assert!(desk.text("out/quota.en.html").contains("+08:00"));
    let json: Value = serde_json::from_str(&desk.text("out/quota.en.json")).unwrap();
    assert!(
        json["incident"]["window"]["start"]["earliest"]
            .as_str()
            .unwrap()
            .ends_with('Z'),
        "programs get UTC"
    );
    let wrong = desk.run(&["analyze", "quota.tar.gz", "--tz", "CST6"]);
    assert!(
        wrong.code == 2 && wrong.err.contains("CST6") && wrong.err.contains("+08:00"),
        "{wrong:?}"
    );
}

//! What no report may do, whatever else it does well: blame people, claim a recovery, call a healthy state a fault, or state something
//! without evidence.

use casefile::model::Lang;
use casefile::report::Format;
use regex::Regex;
use serde_json::Value;

use super::support::{Reports, SAMPLES, analyse, checkout, sample};

/// The samples, and incidents of other kinds: two faults at once, a component of the control plane, an application, a healthy cluster.
fn all() -> Vec<(String, Reports)> {
    let others = ["s13.tar.gz", "s20.tar.gz", "x01.zip", "x04-healthy.zip"];
    let others = others.iter().map(|file| {
        let path = checkout("tests/scenarios").join(file);
        ((*file).to_owned(), analyse(&path, "b", None))
    });
    others.collect()
}

fn each(look: &mut dyn FnMut(&str, &Reports)) {
    for (name, reports) in SAMPLES.iter() {
        look(name, reports);
    }
    for (name, reports) in all() {
        look(&name, &reports);
    }
}

/// A Markdown report without what it quotes: evidence, output, commands and names are the bundle's words.
fn own_words(text: &str) -> String {
    let fences = Regex::new(r"(?s)```.*?```").unwrap();
    let spans = Regex::new(r"`[^`\n]*`").unwrap();
    let body = text.split("\n## 附录 A").next().unwrap_or(text);
    let body = body.split("\n## Appendix A").next().unwrap_or(body);
    spans.replace_all(&fences.replace_all(body, ""), "").into_owned()
}

#[test]
fn no_report_blames_a_person_or_is_loud() {
    let banned = [
        "人为失误",
        "疏忽",
        "低级错误",
        "显然",
        "应该是",
        "众所周知",
        "无脑",
        "宕机",
        "！",
        "human error",
        "should have",
        "simply",
        "obviously",
        "careless",
    ];
    each(&mut |name, reports| {
        for lang in [Lang::Zh, Lang::En] {
            let text = own_words(reports.text(lang, Format::Markdown)).to_lowercase();
            for word in banned {
                assert!(!text.contains(word), "{name}.{}: {word}", lang.code());
            }
        }
    });
}

#[test]
fn no_report_names_who_reported_it_or_when_people_acted() {
    each(&mut |name, reports| {
        let blanks: Vec<&str> = reports.json["blanks"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|blank| blank["id"].as_str())
            .collect();
        if reports.json["root_causes"].as_array().unwrap().is_empty() {
            return;
        }
        for id in [
            "reporter",
            "impact.business",
            "severity.final",
            "detection.first-signal",
            "time.recovered",
            "recovery.executed",
        ] {
            assert!(blanks.contains(&id), "{name} has no blank {id}");
        }
    });
}

#[test]
fn no_report_claims_a_recovery() {
    let claims = Regex::new(r"(?:已经?|现已)(?:恢复正常|修复|解决)|故障已恢复|(?:was|has been|have been) (?:restored|resolved|fixed|repaired)").unwrap();
    each(&mut |name, reports| {
        for lang in [Lang::Zh, Lang::En] {
            let text = own_words(reports.text(lang, Format::Markdown));
            assert!(
                claims.find(&text).is_none(),
                "{name}.{}: {:?}",
                lang.code(),
                claims.find(&text)
            );
        }
        for row in reports.json["timeline"].as_array().unwrap() {
            let happened = ["recovery", "response", "detection"].contains(&row["kind"].as_str().unwrap());
            let cited = !row["refs"].as_array().unwrap().is_empty();
            assert!(!happened || cited || row["blank"].is_string(), "{name}: {row}");
        }
    });
}

#[test]
fn a_state_that_is_healthy_by_design_is_no_fault() {
    let reports = analyse(&sample("share-mnt-baseline"), "b", None);
    assert_eq!(reports.roots(), Vec::<(&str, &str)>::new());
    let findings = reports.json["findings"].as_array().unwrap();
    let about = |finding: &&Value| {
        ["share-mnt", "service-sidekick"].contains(&finding["subject"]["name"].as_str().unwrap_or_default())
    };
    assert_eq!(findings.iter().filter(about).count(), 0, "stopped by design");
}

#[test]
fn every_statement_about_the_incident_is_cited() {
    each(&mut |name, reports| {
        for chapter in ["symptoms", "localisation", "direct_causes"] {
            for sentence in reports.json[chapter].as_array().unwrap() {
                assert!(
                    !sentence["refs"].as_array().unwrap().is_empty(),
                    "{name}, {chapter}: {}",
                    sentence["text"]
                );
            }
        }
        for sentence in reports.json["ruled_out"].as_array().unwrap() {
            let badge = sentence["confidence"].is_string();
            let cited = !sentence["refs"].as_array().unwrap().is_empty();
            assert!(!badge || cited, "{name}, ruled out: {}", sentence["text"]);
        }
        for part in ["nodes", "edges"] {
            for item in reports.json["causal"][part].as_array().unwrap() {
                assert!(
                    !item["refs"].as_array().unwrap().is_empty(),
                    "{name}, causal chain: {}",
                    item["label"]
                );
            }
        }
        for row in reports.json["resources"].as_array().unwrap() {
            assert!(
                !row["refs"].as_array().unwrap().is_empty(),
                "{name}, resources: {}",
                row["subject"]
            );
        }
    });
}

#[test]
fn an_incident_says_why_nothing_prevented_healed_or_noticed_it() {
    each(&mut |name, reports| {
        let nodes = reports.json["causal"]["nodes"].as_array().unwrap();
        let barriers = nodes.iter().filter(|node| node["kind"] == "barrier").count();
        assert!(nodes.is_empty() || barriers >= 1, "{name} has no barrier");
        assert!(nodes.len() <= 12, "{name} has {} nodes", nodes.len());
    });
}

#[test]
fn every_cause_comes_with_steps_that_look_first_and_can_be_undone() {
    each(&mut |name, reports| {
        let steps = reports.json["recovery"].as_array().unwrap();
        for step in steps {
            for part in ["purpose", "expect", "verify", "rollback"] {
                assert!(
                    !step[part]["en"].as_str().unwrap().is_empty(),
                    "{name}: {} has no {part}",
                    step["purpose"]["en"]
                );
            }
            assert!(
                !step["command"].as_str().unwrap().contains("&&"),
                "{name}: {}",
                step["command"]
            );
        }
        assert!(
            steps.first().is_none_or(|step| step["risk"] == "read-only"),
            "{name} changes before it looks"
        );
    });
}

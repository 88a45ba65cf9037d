//! Every rule keeps its promises: wording in both languages, remedy, prevention, sources, and examples that do what they say.

use std::collections::{BTreeMap, BTreeSet};

use casefile::cluster::{BundleInfo, Reader, Snapshot};
use casefile::model::{EntryPath, Subject};
use casefile::rules::{Example, Input, Outcome, Role, Rules};

fn snapshot(rules: &Rules, files: &BTreeMap<String, String>) -> Snapshot {
    let mut reader = Reader::new(rules.signatures(), "example");
    for (path, content) in files {
        reader.file(&EntryPath::new(path), &mut content.as_bytes());
    }
    let unknown = String::new;
    reader.finish(BundleInfo {
        alias: "example".into(),
        input: unknown(),
        layout: unknown(),
        sha256: unknown(),
        collected_at: None,
    })
}

fn subjects(rules: &Rules, id: &str, example: &Example) -> BTreeSet<Subject> {
    let now = snapshot(rules, &example.files);
    let baseline = (!example.baseline.is_empty()).then(|| snapshot(rules, &example.baseline));
    let input = Input {
        snapshot: &now,
        baseline: baseline.as_ref(),
    };
    match rules.get(id).unwrap().judge(&input) {
        Outcome::Judged(found) => {
            for finding in &found {
                assert!(
                    !finding.evidence.is_empty(),
                    "{id}, {}: a finding without evidence",
                    example.name
                );
            }
            found.into_iter().map(|finding| finding.subject).collect()
        }
        Outcome::Unknown(_) => BTreeSet::new(),
    }
}

#[test]
fn examples_do_what_they_say() {
    let rules = Rules::load().unwrap();
    let mut wrong = Vec::new();
    for rule in rules.iter() {
        for example in &rule.header.examples {
            let found = subjects(&rules, &rule.header.id, example);
            let expected: BTreeSet<Subject> = example.fires.iter().cloned().collect();
            if found != expected {
                wrong.push(format!(
                    "{}: {}\n  expected {expected:?}\n  found    {found:?}",
                    rule.place, example.name
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_rule_is_whole() {
    let rules = Rules::load().unwrap();
    let mut ids = BTreeSet::new();
    for rule in rules.iter() {
        let (header, place) = (&rule.header, rule.place);
        assert!(ids.insert(header.id.clone()), "{place}: the id {} is taken", header.id);
        let stem = place.rsplit('/').next().unwrap().split('.').next().unwrap();
        assert_eq!(
            stem.replace('_', "-"),
            header.id,
            "{place}: the file is named after the id"
        );
        for (name, text) in [
            ("check", &header.check),
            ("title", &header.title),
            ("cause", &header.cause),
        ] {
            assert!(
                !text.zh.is_empty() && !text.en.is_empty(),
                "{place}: {name} lacks a language"
            );
        }
        assert!(!header.benign.is_empty(), "{place}: no look-alike is named");
        assert!(!header.remedy.is_empty(), "{place}: no remedy");
        assert!(!header.prevention.is_empty(), "{place}: no prevention");
        assert!(
            !header.sources.is_empty() && !header.versions.is_empty(),
            "{place}: no source or versions"
        );
        assert!(
            header.examples.iter().any(|example| !example.fires.is_empty()),
            "{place}: no example fires"
        );
        assert!(
            header.examples.iter().any(|example| example.fires.is_empty()),
            "{place}: no example stays silent"
        );
        for effect in &header.causes {
            assert!(
                rules.get(&effect.rule).is_some(),
                "{place}: it may cause {}, which is no rule",
                effect.rule
            );
        }
        for step in &header.remedy {
            assert!(
                !step.verify.is_empty() && !step.rollback.is_empty(),
                "{place}: a step lacks verification or rollback"
            );
            assert!(!step.command.contains("&&"), "{place}: a command joins steps");
        }
        if header.role == Role::Cause {
            assert!(
                header.remedy.first().unwrap().risk == casefile::model::Risk::ReadOnly,
                "{place}: the first step must only look"
            );
        }
    }
}

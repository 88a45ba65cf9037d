//! Every rule keeps its promises: wording in both languages, remedy, prevention, sources, and examples that do what they say.

use std::collections::{BTreeMap, BTreeSet};

use casefile::cluster::{BundleInfo, Reader, Snapshot};
use casefile::model::{EntryPath, Risk, Subject};
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

/// Examples that do not what they say, one text for each.
pub(crate) fn wrong_examples(rules: &Rules) -> Vec<String> {
    let mut wrong = Vec::new();
    for rule in rules.iter() {
        for example in &rule.header.examples {
            let found = subjects(rules, &rule.header.id, example);
            let expected: BTreeSet<Subject> = example.fires.iter().cloned().collect();
            if found != expected {
                wrong.push(format!(
                    "{}: {}\n  expected {expected:?}\n  found    {found:?}",
                    rule.place, example.name
                ));
            }
        }
    }
    wrong
}

/// What rules lack, one text for each.
pub(crate) fn wrong_parts(rules: &Rules) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut ids = BTreeSet::new();
    for rule in rules.iter() {
        let (header, place) = (&rule.header, &rule.place);
        let mut check = |holds: bool, otherwise: String| {
            if !holds {
                wrong.push(format!("{place}: {otherwise}"));
            }
        };
        check(ids.insert(header.id.clone()), format!("the id {} is taken", header.id));
        let stem = place.rsplit('/').next().unwrap().split('.').next().unwrap();
        check(
            stem.replace('_', "-") == header.id,
            "the file is not named after the id".into(),
        );
        for (name, text) in [
            ("check", &header.check),
            ("title", &header.title),
            ("cause", &header.cause),
        ] {
            let is_whole = !text.zh.is_empty() && !text.en.is_empty();
            check(is_whole, format!("{name} lacks a language"));
        }
        check(!header.benign.is_empty(), "no look-alike is named".into());
        check(!header.remedy.is_empty(), "no remedy".into());
        check(!header.prevention.is_empty(), "no prevention".into());
        let is_sourced = !header.sources.is_empty() && !header.versions.is_empty();
        check(is_sourced, "no source or versions".into());
        let fires = |example: &Example| !example.fires.is_empty();
        check(header.examples.iter().any(fires), "no example fires".into());
        check(!header.examples.iter().all(fires), "no example stays silent".into());
        for effect in &header.causes {
            let is_known = rules.get(&effect.rule).is_some();
            check(is_known, format!("it may cause {}, which is no rule", effect.rule));
        }
        for step in &header.remedy {
            let is_whole = !step.verify.is_empty() && !step.rollback.is_empty();
            check(is_whole, "a step lacks verification or rollback".into());
            check(!step.command.contains("&&"), "a command joins steps".into());
            check(!step.command.trim().is_empty(), "a step has no command".into());
            let forces = ["--force", "--grace-period=0", " -9 "]
                .iter()
                .any(|word| step.command.contains(word));
            check(
                !forces || !step.notes.is_empty(),
                "a step forces something and does not say why".into(),
            );
        }
        if header.role == Role::Cause {
            let looks = header.remedy.first().is_some_and(|step| step.risk == Risk::ReadOnly);
            check(looks, "the first step must only look".into());
            let acts = header.remedy.iter().any(|step| step.risk != Risk::ReadOnly);
            check(acts, "no step mends anything".into());
            let guarded = header.prevention.iter().all(|action| !action.acceptance.is_empty());
            check(guarded, "an improvement has no acceptance criterion".into());
        }
    }
    wrong
}

#[test]
fn every_signature_compiles() {
    Rules::load().unwrap().signatures().compile().unwrap();
}

#[test]
fn examples_do_what_they_say() {
    let wrong = wrong_examples(&Rules::load().unwrap());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_rule_is_whole() {
    let wrong = wrong_parts(&Rules::load().unwrap());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

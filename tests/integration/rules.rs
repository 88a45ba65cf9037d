//! Every rule keeps its promises: wording in both languages, remedy, prevention, sources, and examples that do what they say.

use std::collections::BTreeSet;

use casefile::model::Risk;
use casefile::rules::{Example, Role, Rules, try_out};

/// Examples that do not what they say, one text for each.
pub(crate) fn wrong_examples(rules: &Rules) -> Vec<String> {
    let mut wrong = Vec::new();
    for rule in rules.iter() {
        for tried in try_out(rules, rule).iter().filter(|tried| !tried.is_right()) {
            wrong.push(format!(
                "{}: {}\n  expected {:?}\n  found    {:?}",
                rule.place, tried.name, tried.expected, tried.found
            ));
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
            let is_known = rules.iter().any(|rule| effect.names(&rule.header.id));
            check(is_known, format!("it may cause {}, which is no rule", effect.rule));
        }
        for step in &header.remedy {
            let is_whole = !step.verify.is_empty() && !step.rollback.is_empty();
            check(is_whole, "a step lacks verification or rollback".into());
            check(!step.command.contains("&&"), "a command joins steps".into());
            // A value is quoted for the shell by itself: inside of other quotes its own would end them.
            check(
                !fills_quotes(&step.command),
                "a command fills in a value inside single quotes".into(),
            );
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

/// True where a value of a command template stands inside single quotes.
fn fills_quotes(command: &str) -> bool {
    let mut is_open = false;
    let mut rest = command;
    while let Some(at) = rest.find(['\'', '{']) {
        let after = &rest[at..];
        if let Some(inside) = after.strip_prefix("{{") {
            let (value, behind) = inside.split_once("}}").unwrap_or((inside, ""));
            let is_text = value.trim().starts_with(['\'', '"']);
            if is_open && !is_text && !value.contains("|raw") {
                return true;
            }
            rest = behind;
        } else if let Some(inside) = after.strip_prefix("{% raw %}") {
            rest = inside.split_once("{% endraw %}").map_or("", |(_, behind)| behind);
        } else if let Some(inside) = after.strip_prefix("{%") {
            rest = inside.split_once("%}").map_or("", |(_, behind)| behind);
        } else {
            is_open ^= after.starts_with('\'');
            rest = &after[1..];
        }
    }
    false
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

/// A text in one language says the same in the other, which is for rules of users.
#[test]
fn built_in_rules_say_everything_in_both_languages() {
    for rule in Rules::load().unwrap().iter() {
        let header: serde_json::Value = serde_yaml::from_str(&rule.source).unwrap();
        let mut open = vec![("", &header)];
        while let Some((name, value)) = open.pop() {
            if let Some(map) = value.as_object() {
                let both = map.contains_key("zh") == map.contains_key("en");
                assert!(both, "{}: {name} has one language only: {value}", rule.place);
                open.extend(
                    map.iter()
                        .filter(|(name, _)| *name != "files")
                        .map(|(name, value)| (name.as_str(), value)),
                );
            }
            open.extend(value.as_array().into_iter().flatten().map(|element| (name, element)));
        }
    }
}

#[test]
fn other_ids_lead_to_one_rule_each() {
    let rules = Rules::load().unwrap();
    let ids = || {
        rules
            .iter()
            .flat_map(|rule| std::iter::once(&rule.header.id).chain(&rule.header.also))
    };
    let distinct: std::collections::BTreeSet<&String> = ids().collect();
    assert_eq!(ids().count(), distinct.len());
    let panic = rules.look_up("crashloop-app-panic").map(|rule| rule.header.id.as_str());
    assert_eq!(panic, Some("app-panic"));
}

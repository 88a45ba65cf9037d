//! The wording of users' rules: which facts it may name, told before a report has to say it.

use std::collections::BTreeSet;

use super::bounds::{in_one_line, refused_expression, refused_template};
use super::header::SubjectOf;
use super::said::{quoted, said};
use super::{RuleHeader, Wording};
use crate::model::Text;

/// Fields of `subject` ([`super::Finding::wording_facts`]).
const SUBJECT: [&str; 4] = ["kind", "namespace", "name", "node"];
/// Facts that matches for an application come with (`toolbox/complaints.rs`).
const OF_APPLICATION: [&str; 12] = [
    "refuses",
    "client",
    "said",
    "local",
    "peer",
    "times",
    "pod",
    "container",
    "crashing",
    "log_command",
    "exit_code",
    "restarts",
];
/// Facts that matches for a node come with (`toolbox/nodes.rs`).
const OF_NODE: [&str; 3] = ["node", "times", "line"];

/// A template or condition, and what is wrong with it.
pub(super) type Wrong<'h> = (&'h str, Text);

/// What is wrong with the wording of a rule.
pub(super) fn wrong(header: &RuleHeader) -> Vec<Wrong<'_>> {
    let wording = Wording::default();
    let known = known(header);
    let mut wrong = Vec::new();
    let mut add = |place, message| {
        if wrong.iter().all(|(other, _)| *other != place) {
            wrong.push((place, message));
        }
    };
    for (template, has_item) in templates(header) {
        let message = match wording.names(template) {
            Err(error) => Some(said("expression-syntax", &[("message", &in_one_line(&error))])),
            Ok(names) => refused_template(template).or_else(|| unknown(&known, &names, has_item)),
        };
        if let Some(message) = message {
            add(template, message);
        }
    }
    for (condition, has_item) in conditions(header) {
        let message = match wording.names_in_condition(condition) {
            Err(error) => Some(said("expression-syntax", &[("message", &in_one_line(&error))])),
            Ok(names) => refused_expression(condition).or_else(|| unknown(&known, &names, has_item)),
        };
        if let Some(message) = message {
            add(condition, message);
        }
    }
    wrong
}

/// The facts of a rule's findings.
fn known(header: &RuleHeader) -> BTreeSet<String> {
    let mut known: BTreeSet<String> = ["subject", "path"].map(str::to_owned).into();
    for spec in &header.text {
        if let Ok(pattern) = regex::Regex::new(&spec.pattern) {
            known.extend(pattern.capture_names().flatten().map(str::to_owned));
        }
    }
    if let Some(test) = &header.objects {
        known.extend(test.facts.keys().cloned());
    }
    let given: &[&str] = match header.finds.as_ref().map(|finds| &finds.subject) {
        Some(SubjectOf::Application) => &OF_APPLICATION,
        Some(SubjectOf::Node) => &OF_NODE,
        _ => &[],
    };
    known.extend(given.iter().map(|name| (*name).to_owned()));
    known
}

/// What a template names and no finding has.
fn unknown(known: &BTreeSet<String>, names: &BTreeSet<String>, has_item: bool) -> Option<Text> {
    names.iter().find_map(|name| {
        let (fact, field) = name.split_once('.').unwrap_or((name, ""));
        if fact == "subject" && !field.is_empty() && !SUBJECT.contains(&field) {
            return Some(said(
                "no-subject-field",
                &[("field", &quoted(field)), ("known", &SUBJECT.join(", "))],
            ));
        }
        let is_known = known.contains(fact) || has_item && fact == "item" || fact == "range";
        (!is_known).then(|| {
            let there: Vec<&str> = known.iter().map(String::as_str).collect();
            said("no-fact", &[("fact", &quoted(fact)), ("known", &there.join(", "))])
        })
    })
}

/// Every template of a header; true for those that see the `item` of a step.
fn templates(header: &RuleHeader) -> Vec<(&str, bool)> {
    let mut texts = vec![&header.title, &header.cause];
    texts.extend(&header.headline);
    texts.extend(&header.lead);
    texts.extend(&header.since);
    texts.extend(&header.hypothesis);
    texts.extend(header.rules_out.iter().chain(&header.questions));
    texts.extend(header.factors.iter().map(|factor| &factor.text));
    texts.extend(header.rivals.iter().map(|rival| &rival.text));
    texts.push(&header.question);
    let inquiries = || header.inquiries.iter();
    texts.extend(inquiries().map(|inquiry| &inquiry.question));
    let rivals = inquiries().flat_map(|inquiry| &inquiry.rivals);
    texts.extend(rivals.map(|rival| &rival.text));
    let weighings = inquiries().flat_map(|inquiry| &inquiry.weighing);
    texts.extend(header.weighing.iter().chain(weighings).map(|weighing| &weighing.text));
    texts.extend(header.asks.iter().flat_map(|ask| [&ask.what, &ask.limits]));
    let mut templates: Vec<(&str, bool)> = header.asks.iter().map(|ask| (ask.collect.as_str(), false)).collect();
    templates.extend(header.factors.iter().map(|factor| (factor.code.as_str(), false)));
    templates.extend(header.finds.iter().map(|finds| (finds.path.as_str(), false)));
    for action in &header.prevention {
        texts.extend([&action.text, &action.caution, &action.acceptance]);
        templates.push((&action.command, false));
    }
    for text in texts {
        templates.extend([(text.zh.as_str(), false), (text.en.as_str(), false)]);
    }
    for step in &header.remedy {
        let has_item = step.each.is_some();
        let texts = [
            &step.purpose,
            &step.precheck,
            &step.expect,
            &step.verify,
            &step.rollback,
        ];
        for text in texts.into_iter().chain(&step.notes) {
            templates.extend([(text.zh.as_str(), has_item), (text.en.as_str(), has_item)]);
        }
        templates.push((&step.command, has_item));
    }
    templates.retain(|(template, _)| !template.is_empty());
    templates
}

/// Every condition on wording, in the same way.
fn conditions(header: &RuleHeader) -> Vec<(&str, bool)> {
    let plain = (header.factors.iter().map(|factor| &factor.when))
        .chain(header.rivals.iter().map(|rival| &rival.when))
        .chain(header.weighing.iter().map(|weighing| &weighing.when))
        .chain(header.asks.iter().map(|ask| &ask.when));
    let steps = header.remedy.iter().map(|step| (&step.when, step.each.is_some()));
    plain
        .map(|when| (when, false))
        .chain(steps)
        .filter_map(|(when, has_item)| Some((when.as_deref()?, has_item)))
        .collect()
}

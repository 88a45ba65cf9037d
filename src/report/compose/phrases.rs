//! The fixed sentences of a report that belong to no rule: data, in both languages, with places to fill.

use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::bundle::decode::parse_yaml;
use crate::model::Text;
use crate::rules::Wording;

#[derive(Deserialize)]
struct Phrases(std::collections::BTreeMap<String, Text>);

static PHRASES: LazyLock<Phrases> = LazyLock::new(|| {
    // The file is part of the program; a test below parses it, so an empty table never reaches a user.
    let value = parse_yaml(include_str!("phrases.yaml")).unwrap_or_default();
    serde_json::from_value(value).unwrap_or_else(|_| Phrases(std::collections::BTreeMap::new()))
});

/// A fixed phrase; its id where there is none, which a test rules out.
pub(super) fn phrase(id: &str) -> Text {
    PHRASES.0.get(id).cloned().unwrap_or_else(|| Text::same(id))
}

/// Compiled once: a report fills hundreds of phrases. One that does not compile is shown as it is; a test rules that out.
static WORDING: LazyLock<Wording> = LazyLock::new(|| {
    let mut wording = Wording::default();
    for (id, text) in &PHRASES.0 {
        wording.keep(id, text).unwrap_or_default();
    }
    wording
});

/// A phrase with its places filled. Strings are marked as code, as in a rule's wording.
pub(super) fn filled(id: &str, facts: &[(&str, Value)]) -> Text {
    let facts: Map<String, Value> = facts
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect();
    WORDING.kept(id, &facts).unwrap_or_else(|_| phrase(id))
}

/// A phrase around a sentence that was made before: `{}` stands for it. The sentence loses its capital, as it stands inside another.
pub(super) fn framed(id: &str, inside: &Text) -> Text {
    let frame = phrase(id);
    Text {
        zh: frame.zh.replacen("{}", &inside.zh, 1),
        en: frame.en.replacen("{}", &small(&inside.en), 1),
    }
}

/// The sentence with a small first letter, unless its first word is written in capitals.
pub(super) fn small(text: &str) -> String {
    let mut chars = text.chars();
    match (chars.next(), chars.clone().next()) {
        (Some(first), Some(second)) if first.is_ascii_uppercase() && !second.is_ascii_uppercase() => {
            first.to_ascii_lowercase().to_string() + chars.as_str()
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_phrase_that_is_used_exists_in_both_languages() {
        assert!(PHRASES.0.len() > 50, "phrases.yaml does not parse");
        let sources = [
            include_str!("actions.rs"),
            include_str!("alive.rs"),
            include_str!("appendix.rs"),
            include_str!("barriers.rs"),
            include_str!("bursts.rs"),
            include_str!("causes.rs"),
            include_str!("changed.rs"),
            include_str!("comparison.rs"),
            include_str!("contradictions.rs"),
            include_str!("difference.rs"),
            include_str!("doubles.rs"),
            include_str!("environment.rs"),
            include_str!("expected.rs"),
            include_str!("hypotheses.rs"),
            include_str!("lessons.rs"),
            include_str!("logged.rs"),
            include_str!("narrowing.rs"),
            include_str!("nodes.rs"),
            include_str!("observations.rs"),
            include_str!("one_machine.rs"),
            include_str!("overview.rs"),
            include_str!("policy.rs"),
            include_str!("reach.rs"),
            include_str!("reported.rs"),
            include_str!("severity.rs"),
            include_str!("so_what.rs"),
            include_str!("symptoms.rs"),
            include_str!("timeline.rs"),
            include_str!("triage.rs"),
            include_str!("unexplained.rs"),
        ];
        let mut wording = Wording::default();
        for (id, text) in &PHRASES.0 {
            wording.keep(id, text).unwrap_or_else(|error| panic!("{id}: {error}"));
        }
        let used = regex::Regex::new(r#"(?:phrase|filled|framed|blank_of)\(\s*(?:ledger, )?"([a-z0-9.-]+)""#).unwrap();
        for source in sources {
            for found in used.captures_iter(source) {
                let id = &found[1];
                let text = PHRASES.0.get(id).unwrap_or_else(|| panic!("no phrase {id}"));
                assert!(!text.zh.is_empty() && !text.en.is_empty(), "{id} lacks a language");
            }
        }
    }
}

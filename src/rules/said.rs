//! What is said of rules themselves, in both languages: mistakes that stop their loading, remarks, and why one could not be judged.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value};
use serde::Deserialize;

use crate::bundle::decode::parse_yaml;
use crate::model::Text;
use crate::model::near::nearest;

#[derive(Deserialize)]
struct Sayings(BTreeMap<String, Text>);

static SAYINGS: LazyLock<Sayings> = LazyLock::new(|| {
    // The file is part of the program; a test below parses it.
    let value = parse_yaml(include_str!("said.yaml")).unwrap_or_default();
    serde_json::from_value(value).unwrap_or_else(|_| Sayings(BTreeMap::new()))
});

/// A sentence with its places filled; its id where there is none, which a test rules out.
pub(super) fn said(id: &str, facts: &[(&str, &str)]) -> Text {
    let Some(text) = SAYINGS.0.get(id) else {
        return Text::same(id);
    };
    let facts: BTreeMap<&str, &str> = facts.iter().copied().collect();
    let facts = Value::from(Serde(&facts));
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    let fill = |template: &str| {
        environment
            .render_str(template, facts.clone())
            .unwrap_or_else(|_| id.to_owned())
    };
    Text::new(fill(&text.zh), fill(&text.en))
}

/// A name between quotation marks, with what would upset a terminal escaped.
pub(super) fn quoted(name: &str) -> String {
    format!("{name:?}")
}

/// What the parser of YAML or JSON says of a rule, which it says in English alone.
pub(super) fn of_parser(message: &str) -> Text {
    // `objects.where[0]: unknown field …` tells the place first.
    let (place, rest) = match message.split_once(": ") {
        Some((place, rest)) if !place.contains([' ', '`', '"']) => (format!("{place}: "), rest),
        _ => (String::new(), message),
    };
    let field = |text: &str| text.split('`').nth(1).unwrap_or("").to_owned();
    let expected = || rest.split_once(", expected ").map_or("", |(_, expected)| expected);
    let known = [
        ("unknown field ", "parser.unknown-field"),
        ("missing field ", "parser.missing-field"),
        ("unknown variant ", "parser.unknown-value"),
        ("duplicate field ", "parser.twice"),
        ("invalid type: ", "parser.wrong-type"),
    ];
    // What is parsed into is a name of this program's, and tells nobody anything.
    if let Some(found) = rest.strip_prefix("invalid type: ")
        && let Some((found, wanted)) = found.split_once(", expected ")
        && (wanted.starts_with("struct ") || wanted.starts_with("a map"))
    {
        let found = if found == "sequence" { "a list" } else { found };
        let told = said("parser.no-map", &[("found", found)]);
        return Text::new(format!("{place}{}", told.zh), format!("{place}{}", told.en));
    }
    let zh = known.iter().find_map(|(start, id)| {
        let rest = rest.strip_prefix(start)?;
        let found = rest.split_once(", expected ").map_or(rest, |(found, _)| found);
        let names = expected().trim_start_matches("one of ").replace(" or ", ", ");
        Some(said(id, &[("field", &field(rest)), ("found", found), ("expected", &names)]).zh)
    });
    let zh = zh.unwrap_or_else(|| said("parser.other", &[("message", rest)]).zh);
    let meant = rest
        .strip_prefix("unknown ")
        .and_then(|_| nearest(&field(rest), expected().split('`').skip(1).step_by(2)));
    let near = meant.map_or_else(Text::default, |near| said("parser.near", &[("near", near)]));
    // What is meant comes before the list of all, which may be long.
    let en = match message.split_once(", expected ") {
        Some((found, expected)) if meant.is_some() => format!("{found}{} Expected {expected}", near.en),
        _ => message.to_owned(),
    };
    Text::new(format!("{place}{zh}{}", near.zh), en)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_saying_has_both_languages() {
        assert!(SAYINGS.0.len() > 20);
        for (id, text) in &SAYINGS.0 {
            assert!(!text.zh.is_empty() && !text.en.is_empty(), "{id}");
            assert!(!text.zh.is_ascii(), "{id} is not in Chinese");
        }
    }

    #[test]
    fn what_the_parser_says_is_told_in_chinese_too() {
        let text = of_parser("unknown field `objekts`, expected one of `id`, `objects`");
        assert_eq!(text.zh, "没有字段 objekts，可用的有：`id`, `objects`；是否指 objects？");
        assert_eq!(
            text.en,
            "unknown field `objekts`; did you mean `objects`? Expected one of `id`, `objects`"
        );
        let text = of_parser("invalid type: sequence, expected struct RuleHeader");
        assert!(text.en.ends_with("and there is a list"), "{}", text.en);
        let text = of_parser("objects: missing field `kind`");
        assert_eq!(text.zh, "objects: 缺少字段 kind");
    }
}

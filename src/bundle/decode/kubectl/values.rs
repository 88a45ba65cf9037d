//! The small notations that kubectl's tables and descriptions share.
//!
//! Sources: `k8s.io/kubectl/pkg/describe` and `kubernetes/pkg/printers/internalversion` (releases 1.10 to 1.36), and
//! `k8s.io/apimachinery/pkg/labels` for selectors.

use serde_json::{Map, Value, json};

/// The value, unless it is one of the words by which kubectl says that there is none.
pub(crate) fn present(text: &str) -> Option<&str> {
    let text = text.trim();
    (!matches!(
        text,
        "" | "<none>" | "<unset>" | "<unknown>" | "<invalid>" | "<nil>" | "<None>" | "n/a"
    ))
    .then_some(text)
}

/// A whole number.
pub(crate) fn integer(text: &str) -> Option<i64> {
    text.trim().parse().ok()
}

/// `1/2` as a pair.
pub(crate) fn ratio(text: &str) -> Option<(i64, i64)> {
    let (left, right) = text.trim().split_once('/')?;
    Some((integer(left)?, integer(right)?))
}

/// A number where the text is one, the text otherwise: `80`, `http`, `25%`.
pub(crate) fn int_or_string(text: &str) -> Value {
    integer(text).map_or_else(|| Value::from(text), Value::from)
}

/// The items of a comma-separated list; commas inside parentheses do not separate.
pub(crate) fn items(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut depth = 0usize;
    let mut start = 0;
    for (at, c) in text.char_indices() {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.extend(text.get(start..at));
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.extend(text.get(start..));
    parts
        .into_iter()
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .collect()
}

/// `app=web,tier=front` as pairs, in order. What is not a pair is left out.
pub(crate) fn pairs(text: &str) -> Vec<(&str, &str)> {
    items(text)
        .into_iter()
        .filter_map(|item| item.split_once('='))
        .map(|(key, value)| (key.trim(), value.trim()))
        .collect()
}

/// `app=web,tier=front` as a JSON object.
pub(crate) fn label_map(text: &str) -> Value {
    Value::Object(
        pairs(text)
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value.into()))
            .collect::<Map<_, _>>(),
    )
}

/// A label selector as `FormatLabelSelector` writes it, in the shape of `metav1.LabelSelector`: `a=b,c in (x,y),!d,e`.
pub(crate) fn label_selector(text: &str) -> Value {
    let mut labels = Map::new();
    let mut expressions = Vec::new();
    for item in items(text) {
        let (words, list) = match item.split_once('(') {
            Some((words, list)) => (
                words,
                list.trim_end_matches(')').split(',').map(str::trim).collect::<Vec<_>>(),
            ),
            None => (item, Vec::new()),
        };
        match words.split_whitespace().collect::<Vec<_>>().as_slice() {
            [key, "in"] => expressions.push(json!({"key": key, "operator": "In", "values": list})),
            [key, "notin"] => expressions.push(json!({"key": key, "operator": "NotIn", "values": list})),
            [word] => match (word.split_once("!="), word.split_once('='), word.strip_prefix('!')) {
                (Some((key, value)), ..) => {
                    expressions.push(json!({"key": key, "operator": "NotIn", "values": [value]}))
                }
                (None, Some((key, value)), _) => {
                    labels.insert(key.into(), value.trim_start_matches('=').into());
                }
                (None, None, Some(key)) => expressions.push(json!({"key": key, "operator": "DoesNotExist"})),
                (None, None, None) => expressions.push(json!({"key": word, "operator": "Exists"})),
            },
            _ => {}
        }
    }
    let mut selector = Map::new();
    if !labels.is_empty() {
        selector.insert("matchLabels".into(), Value::Object(labels));
    }
    if !expressions.is_empty() {
        selector.insert("matchExpressions".into(), Value::Array(expressions));
    }
    Value::Object(selector)
}

/// `RWO,ROX` as the API's words for access modes.
pub(crate) fn access_modes(text: &str) -> Vec<Value> {
    items(text)
        .into_iter()
        .map(|mode| match mode {
            "RWO" => "ReadWriteOnce".into(),
            "ROX" => "ReadOnlyMany".into(),
            "RWX" => "ReadWriteMany".into(),
            "RWOP" => "ReadWriteOncePod".into(),
            other => other.into(),
        })
        .collect()
}

/// An address with its port: `10.0.0.1:80`, `[fd00::1]:80`, `10.0.0.1`.
pub(crate) fn address_port(text: &str) -> (&str, Option<i64>) {
    match text.rsplit_once(':') {
        Some((address, port)) if !address.contains(':') || address.starts_with('[') => {
            (address.trim_start_matches('[').trim_end_matches(']'), integer(port))
        }
        _ => (text, None),
    }
}

/// The time stamps of descriptions (`Sat, 21 Nov 2026 10:27:32 +0000`, RFC 1123 with a numeric zone) as RFC 3339; other texts as they are.
pub(crate) fn timestamp(text: &str) -> String {
    jiff::fmt::rfc2822::parse(text).map_or_else(|_| text.to_owned(), |zoned| zoned.timestamp().to_string())
}

/// `kubelet, node-1` as component and host.
pub(crate) fn event_source(text: &str) -> (&str, Option<&str>) {
    match text.split_once(',') {
        Some((component, host)) => (component.trim(), present(host)),
        None => (text.trim(), None),
    }
}

/// How often an event happened, from `3m (x5 over 10m)`.
pub(crate) fn event_count(age: &str) -> Option<i64> {
    integer(age.split_once("(x")?.1.split_once(" over ")?.0)
}

/// True for an age or duration as `HumanDuration` writes it: `5d`, `3h20m`, `2y10d`, `0s`.
pub(crate) fn is_age(text: &str) -> bool {
    let mut digits = false;
    let mut units = 0;
    for c in text.chars() {
        match c {
            '0'..='9' => digits = true,
            'y' | 'd' | 'h' | 'm' | 's' if digits => {
                digits = false;
                units += 1;
            }
            _ => return false,
        }
    }
    units > 0 && !digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_keep_sets_and_negations() {
        assert_eq!(
            label_selector("app=web,tier in (front,edge),!canary,env!=test"),
            json!({"matchLabels": {"app": "web"}, "matchExpressions": [
                {"key": "tier", "operator": "In", "values": ["front", "edge"]},
                {"key": "canary", "operator": "DoesNotExist"},
                {"key": "env", "operator": "NotIn", "values": ["test"]},
            ]})
        );
    }

    #[test]
    fn addresses_of_both_families() {
        assert_eq!(address_port("10.0.0.1:80"), ("10.0.0.1", Some(80)));
        assert_eq!(address_port("[fd00::1]:80"), ("fd00::1", Some(80)));
        assert_eq!(address_port("fd00::1"), ("fd00::1", None));
    }

    #[test]
    fn times_become_rfc_3339() {
        assert_eq!(timestamp("Sat, 21 Nov 2026 18:27:32 +0800"), "2026-11-21T10:27:32Z");
        assert_eq!(timestamp("<unset>"), "<unset>");
    }

    #[test]
    fn ages_are_told_from_other_words() {
        for age in ["5d", "3h20m", "0s", "2y10d"] {
            assert!(is_age(age), "{age}");
        }
        for other in ["", "5", "d", "5x", "web-5d"] {
            assert!(!is_age(other), "{other}");
        }
    }
}

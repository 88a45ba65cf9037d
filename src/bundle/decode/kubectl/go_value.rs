//! Maps and lists as Go prints them, which `-o custom-columns` shows for what is no single value: `[map[effect:NoSchedule key:gpu]]`.
//!
//! Source: Go `fmt/print.go` (`%v` of maps and slices), `k8s.io/kubectl/pkg/cmd/get/customcolumn.go`.

use serde_json::{Map, Value};

/// Levels of nesting that are read.
const DEEPEST: usize = 8;

/// The value, where all of the text is one map or list of maps; none for plain text.
pub(super) fn parse(text: &str) -> Option<Value> {
    if !text.starts_with("map[") && !text.starts_with("[map[") {
        return None;
    }
    let (value, rest) = value(text, 0)?;
    rest.is_empty().then_some(value)
}

fn value(text: &str, depth: usize) -> Option<(Value, &str)> {
    if depth > DEEPEST {
        return None;
    }
    if let Some(mut rest) = text.strip_prefix("map[") {
        let mut found = Map::new();
        loop {
            if let Some(rest) = rest.strip_prefix(']') {
                return Some((Value::Object(found), rest));
            }
            let (key, after) = rest.trim_start().split_once(':')?;
            let (own, after) = value(after, depth + 1)?;
            found.insert(key.to_owned(), own);
            rest = after;
        }
    }
    if let Some(mut rest) = text.strip_prefix('[') {
        let mut found = Vec::new();
        loop {
            if let Some(rest) = rest.strip_prefix(']') {
                return Some((Value::Array(found), rest));
            }
            let (own, after) = value(rest.trim_start(), depth + 1)?;
            found.push(own);
            rest = after;
        }
    }
    let (word, rest) = text.split_at(text.find([' ', ']'])?);
    Some((Value::from(word), rest))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::parse;

    #[test]
    fn taints_as_custom_columns_show_them() {
        assert_eq!(
            parse("[map[effect:NoSchedule key:pool value:mem] map[effect:NoExecute key:gpu]]"),
            Some(json!([
                {"effect": "NoSchedule", "key": "pool", "value": "mem"},
                {"effect": "NoExecute", "key": "gpu"}
            ]))
        );
        assert_eq!(parse("map[app:web zone:]"), Some(json!({"app": "web", "zone": ""})));
    }

    #[test]
    fn what_is_cut_or_plain_is_no_value() {
        assert_eq!(parse("[map[effect:NoSchedule key:po"), None);
        assert_eq!(parse("<none>"), None);
        assert_eq!(parse("[1m"), None);
        assert_eq!(parse(&"[".repeat(500)), None);
        assert_eq!(parse(&format!("[map[a:{}", "map[a:".repeat(500))), None);
    }
}

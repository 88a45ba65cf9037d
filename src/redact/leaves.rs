//! The values inside a value: a Secret often holds a whole configuration file, and programs print single settings of it.

use serde_json::Value;

use super::values;

/// More values than this are not taken from one text; a configuration file has some hundreds, a file of users some thousands.
const MOST: usize = 10_000;

/// The values of the settings in a JSON document or in lines of `k=v` and `k: v`, each with its key, and whole lines that look
/// random. Paths and plain addresses stay readable. Text on one line has no leaves unless it is JSON.
pub(super) fn of(text: &str) -> Vec<(String, String)> {
    let mut leaves = Vec::new();
    if text.trim_start().starts_with(['{', '['])
        && let Ok(document) = serde_json::from_str::<Value>(text)
    {
        json("", &document, &mut leaves);
    } else if text.trim().contains(['\n', '\r']) {
        leaves.extend(text.split(['\n', '\r']).filter_map(line));
    }
    leaves.retain(|(_, value)| {
        let is_address = value.contains("://") && !value.contains('@');
        values::is_memorable(value) && !values::is_path(value) && !is_address
    });
    leaves.truncate(MOST);
    leaves
}

fn json(key: &str, value: &Value, leaves: &mut Vec<(String, String)>) {
    match value {
        Value::String(text) => leaves.push((key.to_owned(), text.clone())),
        Value::Array(items) => items.iter().for_each(|item| json(key, item, leaves)),
        Value::Object(map) => map.iter().for_each(|(key, item)| json(key, item, leaves)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn line(line: &str) -> Option<(String, String)> {
    let line = line.trim().trim_start_matches("- ");
    if line.is_empty() || line.starts_with(['#', ';', '[']) || line.starts_with("-----") {
        return None;
    }
    // A generated value in base64 may end in equal signs, which separate nothing.
    let sign = line.trim_end_matches('=').find('=');
    let colon = line.find(": ");
    let (key, value) = match (sign, colon) {
        (Some(sign), Some(colon)) if colon < sign => (line.get(..colon)?, line.get(colon + 2..)?),
        (Some(sign), _) => (line.get(..sign)?, line.get(sign + 1..)?),
        (None, Some(colon)) => (line.get(..colon)?, line.get(colon + 2..)?),
        (None, None) if values::looks_random(line) && !line.contains(' ') => ("", line),
        (None, None) => return None,
    };
    let bare = value.trim().trim_end_matches(',').trim_matches(['"', '\'']);
    Some((key.trim().trim_matches(['"', '\'']).to_owned(), bare.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Vec<String> {
        of(text).into_iter().map(|(_, value)| value).collect()
    }

    #[test]
    fn settings_of_a_file_are_leaves() {
        assert_eq!(
            values("# c: comment1\nspring.x=hunter2\n  pass: 'correct horse'\ntls: true\n"),
            ["hunter2", "correct horse"]
        );
        assert_eq!(
            values("line1secretAA\nline2secretBB"),
            ["line1secretAA", "line2secretBB"]
        );
        assert_eq!(values(r#"{"db": {"pass": ["hunter2", 5]}}"#), ["hunter2"]);
    }

    #[test]
    fn words_addresses_and_paths_are_no_leaves() {
        assert!(values("url=https://db.example.com\nfile: /etc/app/x\nmode=default\nstart the server\n").is_empty());
        assert!(values("one=line1secret").is_empty());
    }
}

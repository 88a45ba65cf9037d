//! Secrets in the text of a manifest: the values below `data` and `stringData` of a YAML document whose kind is `Secret`, whether or
//! not anybody parses it. What stands there bare has no name that would give it away.

/// A value in a manifest, or one line of a value of several lines.
pub(super) struct Value<'t> {
    /// The key that it stands below.
    pub(super) key: &'t str,
    /// Where it stands, in bytes.
    pub(super) start: usize,
    /// As it stands there, without quotes.
    pub(super) text: &'t str,
}

/// All values of all Secrets, in order.
pub(super) fn find(text: &str) -> Vec<Value<'_>> {
    if !text.contains("Secret") {
        return Vec::new();
    }
    let lines = lines(text);
    let mut found = Vec::new();
    let mut done = 0;
    for at in 0..lines.len() {
        let Some(column) = lines.get(at).filter(|_| at >= done).and_then(secret_at) else {
            continue;
        };
        let belongs = |line: &&Line<'_>| {
            line.is_blank() || line.indent >= column && !line.starts_item(column) && line.text != "---"
        };
        // The first line of a list's item has its dash before the column.
        let opens = |at: usize| lines.get(at).is_some_and(|line| line.starts_item(column));
        let mut first = at;
        if !opens(at) {
            let before = lines.get(..at).unwrap_or_default();
            first -= before.iter().rev().take_while(|line| belongs(line)).count();
            first -= usize::from(first > 0 && opens(first - 1));
        }
        let below = lines.get(at + 1..).unwrap_or_default();
        done = at + 1 + below.iter().take_while(|line| belongs(line)).count();
        values(lines.get(first..done).unwrap_or_default(), column, &mut found);
    }
    found
}

#[derive(Clone, Copy)]
struct Line<'t> {
    start: usize,
    text: &'t str,
    indent: usize,
}

impl<'t> Line<'t> {
    fn is_blank(&self) -> bool {
        self.text.trim().is_empty()
    }

    /// True for `- key: value` whose key stands in this column.
    fn starts_item(&self, column: usize) -> bool {
        self.rest_of_item().is_some_and(|(inner, _)| inner == column)
    }

    /// Column and text of what follows the dash.
    fn rest_of_item(&self) -> Option<(usize, &'t str)> {
        let rest = self.text.trim_start().strip_prefix("- ")?;
        let inner = rest.trim_start();
        Some((self.indent + 2 + rest.len() - inner.len(), inner))
    }

    /// The key in this column and what follows its colon.
    fn entry(&self, column: usize) -> Option<(&'t str, &'t str)> {
        let text = match self.rest_of_item() {
            Some((inner, text)) if inner == column => text,
            _ if self.indent == column => self.text.trim_start(),
            _ => return None,
        };
        let (key, rest) = text.split_once(':')?;
        let is_key = rest.is_empty() || rest.starts_with([' ', '\t']);
        is_key.then(|| (key.trim_matches(['"', '\'']), rest.trim()))
    }
}

fn lines(text: &str) -> Vec<Line<'_>> {
    let mut start = 0;
    let raw = text.split_inclusive('\n').map(|raw| {
        let line = raw.trim_end_matches(['\n', '\r']);
        let found = Line {
            start,
            text: line,
            indent: line.len() - line.trim_start_matches(' ').len(),
        };
        start += raw.len();
        found
    });
    raw.collect()
}

/// The column of `kind` in a line that says `kind: Secret`.
fn secret_at(line: &Line<'_>) -> Option<usize> {
    let column = line.rest_of_item().map_or(line.indent, |(inner, _)| inner);
    let (key, value) = line.entry(column)?;
    (key == "kind" && value.trim_matches(['"', '\'']) == "Secret").then_some(column)
}

/// The values below `data` and `stringData`, which stand in this column of the document.
fn values<'t>(document: &[Line<'t>], column: usize, found: &mut Vec<Value<'t>>) {
    let mut in_data = false;
    let mut entries = None;
    let mut key = "";
    for line in document.iter().filter(|line| !line.is_blank()) {
        if let Some((name, rest)) = line.entry(column) {
            in_data = matches!(name, "data" | "stringData") && rest.is_empty();
            entries = None;
            continue;
        }
        if !in_data || line.text.trim_start().starts_with('#') {
            continue;
        }
        let column = *entries.get_or_insert(line.indent);
        let text = match line.entry(column) {
            Some((name, rest)) => {
                key = name;
                rest
            }
            None => line.text.trim(),
        };
        let text = text.trim_matches(['"', '\'']);
        let is_header = text.starts_with(['|', '>']) && text.len() <= 3;
        if !text.is_empty() && !is_header {
            let offset = line.text.rfind(text).unwrap_or_default();
            found.push(Value {
                key,
                start: line.start + offset,
                text,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(&str, &str)> {
        let values = find(text);
        assert!(values.iter().all(|value| text[value.start..].starts_with(value.text)));
        values.iter().map(|value| (value.key, value.text)).collect()
    }

    #[test]
    fn values_of_one_line_and_of_many() {
        let text = "apiVersion: v1\ndata:\n  a: c29tZXRoaW5n\n  b: |\n    bGluZW9uZQ\n    bGluZXR3bw\n  \"c\": 'eA=='\nkind: Secret\nmetadata:\n  name: db\nstringData:\n  d: plain words\n";
        assert_eq!(
            found(text),
            [
                ("a", "c29tZXRoaW5n"),
                ("b", "bGluZW9uZQ"),
                ("b", "bGluZXR3bw"),
                ("c", "eA=="),
                ("d", "plain words")
            ]
        );
    }

    #[test]
    fn items_of_a_list_and_documents_of_a_stream() {
        let text = "items:\n- apiVersion: v1\n  data:\n    a: b25l\n  kind: Secret\n- kind: ConfigMap\n  data:\n    a: visible\n- kind: Secret\n  data:\n    b: dHdv\n---\nkind: Secret\ndata:\n  c: dGhyZWU=\n---\ndata:\n  d: visible\n";
        assert_eq!(found(text), [("a", "b25l"), ("b", "dHdv"), ("c", "dGhyZWU=")]);
    }

    #[test]
    fn what_only_names_a_secret_has_no_values() {
        assert!(found("ref:\n  kind: Secret\n  name: db\ndata:\n  a: visible\n").is_empty());
        assert!(found("kind: SecretStore\ndata:\n  a: visible\n").is_empty());
    }
}

//! JSON documents: API lists, single objects, several values one after another. JSON log lines are not documents.

use serde_json::Value;

use super::json_value::{self, Outcome};
use super::objects::{Base, objects};
use super::{Decoder, Section, TextFile};
use crate::bundle::{Budget, Limit};
use crate::model::{Problem, ProblemKind};

/// JSON values that start a line, each on one line or many.
pub(super) const DECODER: Decoder = Decoder { name: "json", decode };

fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let line = file.line(start).trim_start();
    if !line.starts_with(['{', '[']) || is_log_line(line) {
        return None;
    }
    let rest = file.from_line(start);
    match json_value::first(rest, file.values_left()) {
        Outcome::Value { value, consumed, .. } if is_bracketed_text(&value, rest.get(consumed..).unwrap_or("")) => None,
        Outcome::Value {
            value,
            consumed,
            values,
        } => {
            file.spend_values(values);
            let end = end_line(file, start, consumed);
            let deepest = file.budget.max_json_depth.min(Budget::DEEPEST);
            if let Some(at) = too_deep(rest.get(..consumed).unwrap_or(rest), deepest) {
                return Some(over(
                    file,
                    file.line_at_offset(file.offset_of_line(start) + at),
                    end,
                    deepest,
                ));
            }
            let base = Base {
                bundle: &file.bundle,
                file: file.path,
                pointer: document_prefix(file, start),
                most: file.most_facts,
            };
            Some(Section {
                end,
                facts: objects(&base, value),
                ..Section::default()
            })
        }
        Outcome::TooMany => {
            let limit = Limit::Values(file.budget.max_values);
            Some(left_out(file, start, file.lines.len(), limit))
        }
        Outcome::Broken(error) if error.to_string().starts_with("recursion limit exceeded") => {
            let at = (start + error.line()).saturating_sub(1);
            Some(over(
                file,
                at,
                file.lines.len(),
                file.budget.max_json_depth.min(Budget::DEEPEST),
            ))
        }
        // A bracketed word at the start of a log line (`[INFO] 10.42.0.5:…`) is not broken JSON; an opening brace on a line of its own is.
        Outcome::Broken(error) if looks_like_document(line) => {
            let bad_line = (start + error.line()) as u64;
            let cut = if error.is_eof() {
                "the JSON ends in the middle"
            } else {
                "the JSON is malformed"
            };
            let problem = Problem::file(file.path, ProblemKind::Unparsed, format!("{cut}: {error}")).at_line(bad_line);
            let mut section = recover_items(file, start);
            section.problems.push(problem);
            Some(section)
        }
        Outcome::Broken(_) => None,
    }
}

/// A document that is left out because it nests too deep, which it does at the 0-based line `at`.
fn over(file: &TextFile<'_>, at: usize, end: usize, deepest: u64) -> Section {
    left_out(file, at, end, Limit::JsonDepth(deepest))
}

/// A document that is left out because it is over a limit, which it is at the 0-based line `at`.
fn left_out(file: &TextFile<'_>, at: usize, end: usize, limit: Limit) -> Section {
    let detail = format!("{limit}: the document was not read");
    let problem = Problem::file(file.path, ProblemKind::OverBudget, detail).at_line(at as u64 + 1);
    Section {
        end,
        problems: vec![problem],
        ..Section::default()
    }
}

/// The byte of a JSON text at which it has more than `deepest` levels.
fn too_deep(text: &str, deepest: u64) -> Option<usize> {
    let mut depth = 0_u64;
    let mut in_string = false;
    let mut escaped = false;
    text.bytes().position(|byte| {
        if in_string {
            in_string = escaped || byte != b'"';
            escaped = byte == b'\\' && !escaped;
            return false;
        }
        match byte {
            b'"' => in_string = true,
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth > deepest
    })
}

/// A value on a line of its own that is a structured log record and not an object: etcd, containerd and many applications write those.
fn is_log_line(line: &str) -> bool {
    if !line.starts_with('{') || !line.trim_end().ends_with('}') {
        return false;
    }
    let keys = [
        "\"level\"",
        "\"msg\"",
        "\"message\"",
        "\"ts\"",
        "\"time\"",
        "\"@timestamp\"",
        "\"severity\"",
        "\"log\"",
        "\"timestamp\"",
        // mongod's `attr` and `ctx`; zap's `caller`; Python's logging; .NET's console and Serilog's compact form; access logs of Envoy and
        // nginx. A word that objects have too stands with its colon, so that no value is taken for it.
        "\"attr\":",
        "\"ctx\":",
        "\"lvl\":",
        "\"err\":",
        "\"error\":",
        "\"caller\":",
        "\"logger\":",
        "\"asctime\":",
        "\"levelname\":",
        "\"LogLevel\":",
        "\"Message\":",
        "\"@t\":",
        "\"@l\":",
        "\"@m\":",
        "\"@mt\":",
        "\"start_time\":",
        "\"response_code\":",
        "\"remote_addr\":",
        "\"request_method\":",
    ];
    let found = keys.iter().filter(|key| line.contains(**key)).count();
    let is_object = line.contains("\"kind\"") && line.contains("\"metadata\"");
    found >= 2 && !is_object
}

/// A number in brackets before text is valid JSON too: the kernel's ring buffer begins each line with `[ 3226.997274]`.
fn is_bracketed_text(value: &Value, rest: &str) -> bool {
    let is_followed = rest.lines().next().is_some_and(|rest| !rest.trim().is_empty());
    is_followed
        && value
            .as_array()
            .is_some_and(|list| list.iter().all(|item| !item.is_object() && !item.is_array()))
}

fn looks_like_document(line: &str) -> bool {
    matches!(line.trim_end(), "{" | "[") || line.starts_with("{\"") || line.starts_with("[{")
}

/// Later documents of a stream are told apart by the line at which they start, counted as documents before it.
fn document_prefix(file: &TextFile<'_>, start: usize) -> String {
    if let Some(place) = file.place_in_recording(start) {
        return place;
    }
    match file.json_documents_before(start) {
        0 => String::new(),
        index => format!("{index}#"),
    }
}

fn end_line(file: &TextFile<'_>, start: usize, consumed: usize) -> usize {
    let last_byte = (file.offset_of_line(start) + consumed).saturating_sub(1);
    (file.line_at_offset(last_byte) + 1).max(start + 1)
}

/// A pretty-printed list that is cut still has whole items: each starts with `        {` two levels in and ends with the matching line.
fn recover_items(file: &TextFile<'_>, start: usize) -> Section {
    let mut section = Section {
        end: file.lines.len(),
        ..Section::default()
    };
    let kind_line = file.lines.iter().skip(start).take(8).find_map(|line| {
        let kind = line.trim().strip_prefix("\"kind\": \"")?.trim_end_matches([',', '"']);
        kind.strip_suffix("List").map(str::to_owned)
    });
    let Some(kind) = kind_line else { return section };
    let open = (start..file.lines.len()).find(|&index| file.line(index).trim() == "\"items\": [");
    let Some(open) = open else { return section };
    let Some(indent) = file
        .lines
        .get(open + 1)
        .map(|line| line.len() - line.trim_start().len())
    else {
        return section;
    };
    let mut first = None;
    let mut index = 0usize;
    for number in open + 1..file.lines.len() {
        let line = file.line(number);
        let depth = line.len() - line.trim_start().len();
        if depth == indent && line.trim() == "{" {
            first = Some(number);
        } else if depth == indent && line.trim().trim_end_matches(',') == "}" {
            let Some(from) = first.take() else { break };
            let text: String = file.lines.get(from..number).unwrap_or(&[]).join("\n") + "}";
            let base = Base {
                bundle: &file.bundle,
                file: file.path,
                pointer: format!("{}/items/{index}", document_prefix(file, start)),
                most: file.most_facts.saturating_sub(section.facts.len()),
            };
            if let Outcome::Value { mut value, values, .. } = json_value::first(&text, file.values_left()) {
                file.spend_values(values);
                if let Some(map) = value.as_object_mut()
                    && !map.contains_key("kind")
                {
                    map.insert("kind".into(), Value::String(kind.clone()));
                }
                section.facts.extend(objects(&base, value));
            }
            index += 1;
        }
    }
    section
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_takes_linear_time, names, sections};
    use super::*;

    #[test]
    fn typed_lists_lend_their_kind_to_their_items() {
        let text = r#"{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"a","namespace":"x"}},{"metadata":{"name":"b","namespace":"x"}}]}"#;
        assert_eq!(names(&sections(&DECODER, text)), ["Pod/a", "Pod/b"]);
    }

    #[test]
    fn bare_arrays_and_mixed_lists_are_read() {
        let text = r#"[{"kind":"Pod","apiVersion":"v1","metadata":{"name":"a"}},{"kind":"List","apiVersion":"v1","items":[{"kind":"Node","apiVersion":"v1","metadata":{"name":"n"}}]}]"#;
        assert_eq!(names(&sections(&DECODER, text)), ["Pod/a", "Node/n"]);
    }

    #[test]
    fn structured_log_lines_are_left_to_the_log_reader() {
        assert!(
            sections(
                &DECODER,
                r#"{"level":"info","ts":"2026-11-21T09:34:21.070Z","msg":"compact tree index"}"#
            )
            .is_empty()
        );
        for line in [
            r#"{"t":{"$date":"2026-02-17T08:28:53.087+00:00"},"s":"I","c":"ACCESS","id":20249,"ctx":"conn1249","msg":"Authentication failed","attr":{}}"#,
            r#"{"@t":"2026-02-17T08:28:53Z","@mt":"Cannot route {Id}","@l":"Error","Id":7}"#,
            r#"{"EventId":0,"LogLevel":"Error","Category":"Api","Message":"Cannot route","State":{}}"#,
            r#"{"start_time":"2026-02-17T08:28:53Z","method":"GET","path":"/","response_code":503,"response_flags":"UF"}"#,
            r#"{"level":"error","error":"cannot route"}"#,
        ] {
            assert!(sections(&DECODER, line).is_empty(), "{line}");
        }
        assert!(
            sections(
                &DECODER,
                "[    0.000000] Linux version 5.4\n[ 3226.997274] Out of memory\n"
            )
            .is_empty()
        );
        assert!(sections(&DECODER, "[INFO] 10.42.0.5:5353 - 1 \"A IN x.\" NOERROR").is_empty());
    }

    #[test]
    fn a_list_that_is_cut_keeps_its_whole_items() {
        let text = "{\n    \"kind\": \"PodList\",\n    \"items\": [\n        {\n            \"metadata\": {\n                \"name\": \"whole\"\n            }\n        },\n        {\n            \"metadata\": {\n                \"name\": \"cu";
        let found = sections(&DECODER, text);
        assert_eq!(names(&found), ["Pod/whole"]);
        assert_eq!(found[0].problems[0].kind, ProblemKind::Unparsed);
    }

    #[test]
    fn a_document_with_too_many_values_is_left_out_and_facts_are_made_up_to_what_is_kept() {
        let path = crate::model::EntryPath::new("x.json");
        let text =
            r#"{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"a"}},{"metadata":{"name":"b"}}]}"#;
        let read = |max_values, most_facts| {
            let budget = Budget {
                max_values,
                ..Budget::DEFAULT
            };
            let file = TextFile::new("b".into(), &path, text)
                .within(&budget)
                .at_most(most_facts);
            decode(&file, 0).unwrap()
        };
        let over = read(5, 10);
        assert_eq!((over.facts.len(), over.problems[0].kind), (0, ProblemKind::OverBudget));
        assert!(over.problems[0].detail.contains("--max-values"));
        assert_eq!(read(100, 1).facts.len(), 1);
        assert_eq!(read(100, 10).facts.len(), 2);
    }

    #[test]
    fn an_empty_list_says_that_the_kind_was_listed() {
        let found = sections(
            &DECODER,
            r#"{"kind":"ServiceList","apiVersion":"v1","metadata":{},"items":[]}"#,
        );
        assert!(matches!(&found[0].facts[0], super::super::Fact::EmptyListing { kind, .. } if kind == "Service"));
    }

    #[test]
    fn items_in_a_volume_are_no_list() {
        let text = r#"{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"c"},"items":[{"key":"a"}]}"#;
        assert_eq!(names(&sections(&DECODER, text)), ["ConfigMap/c"]);
    }

    #[test]
    fn a_document_on_each_line_costs_no_more_than_one() {
        assert_takes_linear_time(&DECODER, "{\"Id\": 1}\n");
    }
}

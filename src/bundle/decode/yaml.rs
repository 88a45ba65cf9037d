//! YAML documents.
//!
//! A document is cut out by its lines before it is parsed, and a long list is parsed item by item, so that one broken item costs
//! only itself and a cut tail costs only the last. The crate's own document iterator is never used: after a syntax error it yields
//! the same error forever. Each part that does not parse is left at its first error.

use serde_json::Value;

use super::block_yaml;
use super::objects::{Base, is_answer, mark_as_live, objects};
use super::yaml_value::parse_within;
use super::{Decoder, Section, TextFile};
use crate::bundle::{Budget, Limit};
use crate::model::{Problem, ProblemKind};

/// YAML documents that start with `---`, `apiVersion:`, `kind:`, `items:` or `metadata:`, or with a list item that does.
pub(super) const DECODER: Decoder = Decoder { name: "yaml", decode };

/// Items of one list that may be broken; a list with more is no list.
const MOST_BROKEN: usize = 100;

fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let first = match file.line(start) {
        "---" => start + 1,
        line if starts_document(line) => start,
        _ => return None,
    };
    let has_key = (first..file.lines.len())
        .map(|index| file.line(index))
        .take(3)
        .any(starts_document);
    if !has_key {
        return None;
    }
    let end = (first..file.lines.len())
        .find(|&index| !belongs(file.line(index)))
        .unwrap_or(file.lines.len());
    let mut section = Section {
        end: end.max(start + 1),
        ..Section::default()
    };
    read_document(file, first, end, &mut section);
    Some(section)
}

fn starts_document(line: &str) -> bool {
    // A list without an envelope: Troubleshoot's custom resources before 0.76.
    let line = line.strip_prefix("- ").unwrap_or(line);
    ["apiVersion:", "kind:", "items:", "metadata:"]
        .iter()
        .any(|key| line.starts_with(key))
}

/// True when a line can be part of the document: indented, empty, a comment, a list item or a key at the margin.
fn belongs(line: &str) -> bool {
    match line.as_bytes().first() {
        None | Some(b' ' | b'\t' | b'#') => true,
        Some(b'-') => line != "---",
        Some(_) => line.split_once(':').is_some_and(|(key, rest)| {
            (rest.is_empty() || rest.starts_with(' '))
                && key
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"_-./\"'$".contains(&b))
        }),
    }
}

fn read_document(file: &TextFile<'_>, first: usize, end: usize, section: &mut Section) {
    let prefix = document_prefix(file, first);
    let items_at = (first..end).find(|&index| file.line(index).trim_end() == "items:");
    // An anchor that another item refers to needs the document as a whole; where that does not parse, its items may.
    let is_whole = items_at.is_none() || (first..end).any(|index| has_anchor(file.line(index)));
    if is_whole {
        let value = parse(file, first, end, section);
        let is_read = value.is_some();
        let base = Base {
            bundle: &file.bundle,
            file: file.path,
            pointer: prefix.clone(),
            most: file.most_facts,
        };
        section
            .facts
            .extend(value.map(|value| objects(&base, value)).unwrap_or_default());
        if is_read {
            return;
        }
    }
    let Some(items_at) = items_at else { return };
    let (starts, items_end) = item_starts(file, items_at + 1, end);
    let head: Vec<&str> = [file.lines.get(first..items_at), file.lines.get(items_end..end)]
        .into_iter()
        .flatten()
        .flatten()
        .copied()
        .collect();
    let envelope = parse_within(&head.join("\n"), file.budget).unwrap_or_default();
    let kind = envelope
        .get("kind")
        .and_then(Value::as_str)
        .unwrap_or("List")
        .to_owned();
    let api_version = envelope
        .get("apiVersion")
        .and_then(Value::as_str)
        .unwrap_or("v1")
        .to_owned();
    let is_live = envelope.as_object().is_some_and(is_answer);
    for (index, &item_start) in starts.iter().enumerate() {
        if section.problems.len() >= MOST_BROKEN {
            let detail = format!("{MOST_BROKEN} items of this list do not parse: the rest was not read");
            let problem = Problem::file(file.path, ProblemKind::Unparsed, detail);
            section.problems.push(problem.at_line(item_start as u64 + 1));
            break;
        }
        if section.facts.len() >= file.most_facts {
            break;
        }
        let item_end = starts.get(index + 1).copied().unwrap_or(items_end);
        // One item is a list of one; the list's kind goes with it, for items that have none.
        if let Some(items) = parse(file, item_start, item_end, section) {
            let mut item = match items {
                Value::Array(items) => items.into_iter().next().unwrap_or_default(),
                _ => Value::Null,
            };
            if is_live {
                mark_as_live(&mut item);
            }
            let base = Base {
                bundle: &file.bundle,
                file: file.path,
                pointer: format!("{prefix}/items/{index}"),
                most: file.most_facts.saturating_sub(section.facts.len()),
            };
            section
                .facts
                .extend(objects(&base, lend_kind(item, &kind, &api_version)));
        }
    }
}

/// True for `key: &name` and `- &name`, as PyYAML writes what occurs twice.
fn has_anchor(line: &str) -> bool {
    line.match_indices(['&']).any(|(at, _)| {
        let before = line.get(..at).unwrap_or("");
        let name = line.get(at + 1..).unwrap_or("");
        (before.ends_with(": ") || before.trim_start() == "- ")
            && !name.is_empty()
            && name
                .trim_end()
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
    })
}

fn lend_kind(mut item: Value, list_kind: &str, api_version: &str) -> Value {
    if let (Some(map), Some(kind)) = (
        item.as_object_mut(),
        list_kind.strip_suffix("List").filter(|kind| !kind.is_empty()),
    ) && !map.contains_key("kind")
    {
        map.insert("kind".into(), kind.into());
        map.insert("apiVersion".into(), api_version.into());
    }
    item
}

/// The lines at which the items start, and the line after the last. Items stand at the margin (kubectl) or indented (other writers).
fn item_starts(file: &TextFile<'_>, from: usize, end: usize) -> (Vec<usize>, usize) {
    let indent_of = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let Some(indent) = file
        .lines
        .get(from)
        .filter(|line| line.trim_start().starts_with('-'))
        .map(|line| indent_of(line))
    else {
        return (Vec::new(), from);
    };
    let mut starts = Vec::new();
    for index in from..end {
        let line = file.line(index);
        let is_item = indent_of(line) == indent && (line.trim_start().starts_with("- ") || line.trim() == "-");
        if is_item {
            starts.push(index);
        } else if indent_of(line) <= indent && !line.starts_with('#') && !line.trim().is_empty() {
            return (starts, index);
        }
    }
    (starts, end)
}

fn parse(file: &TextFile<'_>, first: usize, end: usize, section: &mut Section) -> Option<Value> {
    let lines = file.lines.get(first..end).unwrap_or(&[]);
    let left = file.values_left();
    // In blocks a line has hardly more than one value.
    if lines.len() as u64 <= left
        && let Some(value) = block_yaml::read(lines, file.budget.max_yaml_depth)
    {
        file.spend_values(lines.len() as u64);
        return Some(value);
    }
    let text = lines.join("\n");
    let budget = Budget {
        max_values: left,
        ..file.budget.clone()
    };
    match parse_within(&text, &budget) {
        Ok(Value::Null) => None,
        Ok(value) => {
            file.spend_values(values_of(&value));
            Some(value)
        }
        Err(mut error) => {
            if error.message == Limit::Values(left).to_string() {
                error.kind = ProblemKind::OverBudget;
                error.message = Limit::Values(file.budget.max_values).to_string();
            }
            let line = (first + error.line.max(1)) as u64;
            section.problems.push(
                Problem::file(file.path, error.kind, format!("YAML does not parse: {}", error.message)).at_line(line),
            );
            None
        }
    }
}

/// How many values a value is made of, itself included. The parser has bounded its depth.
fn values_of(value: &Value) -> u64 {
    match value {
        Value::Array(items) => 1 + items.iter().map(values_of).sum::<u64>(),
        Value::Object(entries) => 1 + entries.values().map(values_of).sum::<u64>(),
        _ => 1,
    }
}

/// Later documents of a stream are told apart by the separators before them; a leading one opens the first.
fn document_prefix(file: &TextFile<'_>, first: usize) -> String {
    if let Some(place) = file.place_in_recording(first) {
        return place;
    }
    match file.yaml_documents_before(first) {
        0 => String::new(),
        index => format!("{index}#"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_takes_linear_time, names, sections};
    use super::*;

    const LIST: &str = "apiVersion: v1\nitems:\n- apiVersion: v1\n  kind: Pod\n  metadata:\n    name: a\n- apiVersion: v1\n  kind: Pod\n  metadata:\n    name: b\nkind: List\nmetadata:\n  resourceVersion: \"\"\n";

    #[test]
    fn a_list_as_kubectl_prints_it() {
        assert_eq!(names(&sections(&DECODER, LIST)), ["Pod/a", "Pod/b"]);
    }

    #[test]
    fn an_item_may_refer_to_what_another_one_spells_out() {
        let text = "apiVersion: v1\nitems:\n- kind: Pod\n  metadata:\n    name: a\n    labels: &id001\n      app: x\n- kind: Pod\n  metadata:\n    name: b\n    labels: *id001\nkind: List\n";
        assert_eq!(names(&sections(&DECODER, text)), ["Pod/a", "Pod/b"]);
    }

    #[test]
    fn one_broken_item_costs_only_itself() {
        let broken = LIST.replace("    name: a", "    name: \"a");
        let found = sections(&DECODER, &broken);
        assert_eq!(names(&found), ["Pod/b"]);
        assert_eq!(found[0].problems[0].kind, ProblemKind::Unparsed);
    }

    #[test]
    fn a_cut_tail_costs_only_the_last_item() {
        let cut = &LIST[..LIST.find("name: b").unwrap() - 6];
        assert_eq!(names(&sections(&DECODER, cut))[0], "Pod/a");
    }

    #[test]
    fn several_documents_and_indented_items() {
        let text = "---\napiVersion: v1\nkind: Service\nmetadata:\n  name: s\n---\napiVersion: v1\nkind: PodList\nitems:\n  - metadata:\n      name: p\n";
        let found = sections(&DECODER, text);
        assert_eq!(names(&found), ["Service/s", "Pod/p"]);
        assert!(
            matches!(&found[1].facts[0], super::super::Fact::Object(object) if object.cite.place == crate::model::Place::Pointer("1#/items/0".into()))
        );
    }

    #[test]
    fn a_tab_is_reported_with_its_line() {
        let found = sections(
            &DECODER,
            "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nauthentication:\n\tanonymous:\n    enabled: false\n",
        );
        assert_eq!(found[0].problems[0].line, Some(4));
    }

    #[test]
    fn a_document_that_nests_too_deep_is_refused_at_once() {
        let found = sections(&DECODER, &format!("kind: Pod\nmetadata: {}\n", "[".repeat(200_000)));
        assert_eq!(found[0].problems[0].kind, ProblemKind::OverBudget);
        assert_eq!(found[0].problems[0].line, Some(2));
    }

    #[test]
    fn the_values_of_all_documents_of_a_file_are_counted_together() {
        let path = crate::model::EntryPath::new("x.yaml");
        let document = "---\nkind: Pod\napiVersion: v1\nmetadata:\n  name: a\n";
        for document in [
            document,
            &document.replace("metadata:\n  name: a", "metadata: {name: a}"),
        ] {
            let text = document.repeat(4);
            let budget = Budget {
                max_values: 10,
                ..Budget::DEFAULT
            };
            let file = TextFile::new("b".into(), &path, &text).within(&budget);
            let sections: Vec<Section> = (0..file.lines.len())
                .filter(|&line| file.line(line) == "---")
                .filter_map(|line| decode(&file, line))
                .collect();
            assert_eq!(sections[0].facts.len(), 1);
            let last = &sections[3];
            assert_eq!((last.facts.len(), last.problems[0].kind), (0, ProblemKind::OverBudget));
            assert!(last.problems[0].detail.contains("10 values"), "{:?}", last.problems);
        }
    }

    #[test]
    fn a_shell_prompt_ends_the_document() {
        let text = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n$ kubectl get nodes\nNAME   STATUS\n";
        let found = sections(&DECODER, text);
        assert_eq!(found[0].end, 4);
    }

    #[test]
    fn many_short_documents_cost_no_more_than_one_long() {
        assert_takes_linear_time(&DECODER, "---\nkind: a\n");
        assert_takes_linear_time(&DECODER, "#\n\n---\nkind: a\n");
    }
}

//! `docker events` (Docker Engine 1.10 to 29) as text lines and as JSON lines.
//!
//! The text is written by docker/cli, `cli/command/system/events.go`: time, type, action, id, and the attributes sorted by key.
//! The JSON is moby's `api/types/events.Message`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use jiff::Timestamp;
use regex::Regex;
use serde_json::Value;

use super::docker_json::{Element, cite, elements_at, may_start};
use super::{Decoder, Fact, RuntimeEvent, Section, TextFile};
use crate::model::{Basis, Problem, ProblemKind, When};

/// Events of the Docker daemon.
pub(super) const DECODER: Decoder = Decoder {
    name: "docker events",
    decode,
};

fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    if may_start(file, start, &["\"Type\"", "\"Action\"", "\"Actor\""]) {
        return json(file, start);
    }
    let first = text_event(file, start)?;
    let mut section = Section {
        end: start + 1,
        facts: vec![Fact::RuntimeEvent(first)],
        ..Section::default()
    };
    while section.end < file.lines.len() {
        if let Some(event) = text_event(file, section.end) {
            section.facts.push(Fact::RuntimeEvent(event));
        } else if is_cut(file, section.end) {
            let detail = "the last line of docker events is cut";
            section
                .problems
                .push(Problem::file(file.path, ProblemKind::Damaged, detail).at_line(section.end as u64 + 1));
        } else {
            break;
        }
        section.end += 1;
    }
    Some(section)
}

/// Reads one text line. It is told from a log line by the type, the form of the id, and the attributes in brackets at its end.
fn text_event(file: &TextFile<'_>, index: usize) -> Option<RuntimeEvent> {
    static LINE: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(
            r"(?x)^(?<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d))\ 
            (?:(?<exec>container)\ (?<command>(?:exec_create|exec_start|health_status):\ .*?)\ (?<container>[0-9a-f]{64})
              |(?<kind>container|image|volume|network|daemon|plugin|service|node|secret|config|builder)\ (?<action>\w+)\ (?<id>\S*))
            \ \((?<attributes>[\w./-]+=.*)\)$",
        )
        .ok()
    });
    let line = file.line(index);
    if !line.starts_with(|c: char| c.is_ascii_digit()) || !line.ends_with(')') {
        return None;
    }
    let found = LINE.as_ref()?.captures(line)?;
    let either = |one, other| {
        found
            .name(one)
            .or_else(|| found.name(other))
            .map_or("", |group| group.as_str())
    };
    let when = When::rfc3339(either("time", "time"));
    Some(RuntimeEvent {
        kind: either("exec", "kind").into(),
        action: either("command", "action").into(),
        id: either("container", "id").into(),
        attributes: attributes_of(either("attributes", "attributes")),
        cite: file.cite(index).at(when.clone()),
        when,
    })
}

/// True for an event whose end is missing because the file ends.
fn is_cut(file: &TextFile<'_>, index: usize) -> bool {
    let is_last = index + 1 == file.lines.len() && !file.text.ends_with('\n');
    is_last
        && file
            .line(index)
            .split(' ')
            .next()
            .is_some_and(|time| time.len() < 20 || When::rfc3339(time).is_some())
}

/// Cuts `a=1, b=x, y, c=z` into its attributes. Values may hold commas and equal signs; because the keys are sorted, a piece
/// starts a new attribute only if its key is greater than the one before.
fn attributes_of(text: &str) -> BTreeMap<String, String> {
    let mut attributes: Vec<(&str, String)> = Vec::new();
    for piece in text.split(", ") {
        let key = piece.split_once('=').map_or("", |(key, _)| key);
        let is_key = !key.is_empty()
            && key
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"._/-".contains(&byte));
        match attributes.last_mut() {
            Some((last, value)) if !is_key || key <= *last => {
                value.push_str(", ");
                value.push_str(piece);
            }
            _ => attributes.push((key, piece.get(key.len() + 1..).unwrap_or("").to_owned())),
        }
    }
    attributes
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
}

fn json(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let elements = elements_at(file, start, is_event)?;
    let facts = elements
        .list
        .iter()
        .map(|element| Fact::RuntimeEvent(event_of(file, start, element)))
        .collect();
    Some(Section {
        end: elements.end,
        facts,
        problems: elements.problems,
        also_log: false,
    })
}

fn is_event(value: &Value) -> bool {
    let is_text = |key: &str| value.get(key).is_some_and(Value::is_string);
    is_text("Type") && is_text("Action") && value.get("Actor").is_some_and(Value::is_object)
}

fn event_of(file: &TextFile<'_>, section: usize, element: &Element) -> RuntimeEvent {
    let text = |pointer: &str| {
        element
            .value
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or("")
            .to_owned()
    };
    let number = |key: &str| element.value.get(key).and_then(Value::as_i64);
    let time = match (number("timeNano"), number("time")) {
        (Some(nanoseconds), _) => Timestamp::from_nanosecond(nanoseconds.into()).ok(),
        (None, Some(seconds)) => Timestamp::from_second(seconds).ok(),
        (None, None) => None,
    };
    let when = time.map(|time| When::at(time, time.to_string(), Basis::Exact));
    let (kind, action, id) = (text("/Type"), text("/Action"), text("/Actor/ID"));
    let attributes = element
        .value
        .pointer("/Actor/Attributes")
        .and_then(Value::as_object)
        .into_iter()
        .flatten();
    let attributes: BTreeMap<String, String> = attributes
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect();
    let name = attributes.get("name").map_or("", String::as_str);
    let cite = cite(file, section, element, &format!("{kind} {action} {id} (name={name})")).at(when.clone());
    RuntimeEvent {
        when,
        kind,
        action,
        id,
        attributes,
        cite,
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::section;
    use super::*;

    const ID: &str = "018baa2c49ea03d15dccda75acb262cb5c164adc5c4292713c4b97e682aa04e9";

    fn events(section: &Section) -> Vec<&RuntimeEvent> {
        section
            .facts
            .iter()
            .filter_map(|fact| {
                if let Fact::RuntimeEvent(event) = fact {
                    Some(event)
                } else {
                    None
                }
            })
            .collect()
    }

    #[test]
    fn text_lines_are_read() {
        let text = format!(
            "2026-11-21T10:20:33.376006357Z container destroy {ID} (image=rancher/rke-tools:v0.1.80, name=share-mnt)\n\
             2026-11-21T10:20:33.5+08:00 container prune  (reclaimed=0)\n\
             2026-11-21T10:20:34Z container exec_create: sh -c (a=1) b {ID} (execID=9, image=x)\nend\n"
        );
        let section = section(&DECODER, "x", &text).unwrap();
        let [destroy, prune, exec] = events(&section)[..] else {
            panic!()
        };
        assert_eq!(
            (destroy.kind.as_str(), destroy.action.as_str(), destroy.id.as_str()),
            ("container", "destroy", ID)
        );
        assert_eq!(destroy.attributes.get("name").map(String::as_str), Some("share-mnt"));
        assert_eq!(
            destroy.when.as_ref().unwrap().earliest.to_string(),
            "2026-11-21T10:20:33.376006357Z"
        );
        assert_eq!((prune.action.as_str(), prune.id.as_str()), ("prune", ""));
        assert_eq!(
            (exec.action.as_str(), exec.id.as_str()),
            ("exec_create: sh -c (a=1) b", ID)
        );
        assert_eq!(section.end, 3);
    }

    #[test]
    fn values_may_hold_commas_and_equal_signs() {
        let read = attributes_of("exitCode=0, image=x, d=1, label=a=b, c, name=web");
        let expected = [
            ("exitCode", "0"),
            ("image", "x, d=1"),
            ("label", "a=b, c"),
            ("name", "web"),
        ];
        assert_eq!(
            read,
            expected.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
        );
    }

    #[test]
    fn json_lines_are_read() {
        let line = format!(
            r#"{{"status":"destroy","id":"{ID}","Type":"container","Action":"destroy","Actor":{{"ID":"{ID}","Attributes":{{"name":"share-mnt"}}}},"time":1795256433,"timeNano":1795256433376006357}}"#
        );
        let section = section(&DECODER, "events.json", &format!("{line}\n{line}\n")).unwrap();
        let [first, _] = events(&section)[..] else { panic!() };
        assert_eq!(
            first.when.as_ref().unwrap().earliest.as_nanosecond(),
            1_795_256_433_376_006_357
        );
        assert_eq!(first.attributes.get("name").map(String::as_str), Some("share-mnt"));
    }

    #[test]
    fn a_cut_last_line_is_a_problem() {
        let text = format!("2026-11-21T10:20:33Z container start {ID} (name=a)\n2026-11-21T10:20:34Z container di");
        let section = section(&DECODER, "x", &text).unwrap();
        assert_eq!((section.facts.len(), section.problems.len(), section.end), (1, 1, 2));
    }

    #[test]
    fn log_lines_are_declined() {
        for line in [
            "",
            "2026-11-21T10:20:33Z network connect established",
            "2026-11-21T10:20:33Z container started (took 3s)",
            "2026-11-21T10:20:33Z stdout F container die x (a=b)",
            "time=\"2026-11-21T10:20:33Z\" level=info msg=\"container destroy (a=b)\"",
        ] {
            assert!(section(&DECODER, "docker-events.txt", line).is_none(), "{line}");
        }
    }
}

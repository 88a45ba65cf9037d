//! Events as OpenShift's insights operator keeps them: their namespace, time, type, reason and message, and no more.
//!
//! Source: openshift/insights-operator `pkg/gatherers/clusterconfig/operators_pods_and_events.go` (`CompactedEvent`),
//! `docs/insights-archive-sample/events/`. An archive before 2022 has no type.

use serde_json::{Value, json};

use super::json_value::{Outcome, first};
use super::{Decoder, Fact, Form, ObjectFact, Pointer, Section, TextFile};
use crate::model::Citation;

/// `events/<namespace>.json`.
pub(super) const DECODER: Decoder = Decoder {
    name: "compacted events",
    decode,
};

/// Bytes at the beginning of a file in which its first event stands.
const PEEK: usize = 1024;

fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let head = file.text.get(..file.text.floor_char_boundary(PEEK)).unwrap_or("");
    let has = |key: &str| head.contains(key);
    let is_list = start == 0
        && file.line(0).starts_with('{')
        && file.path.components().any(|part| part == "events")
        && has("\"items\"")
        && has("\"lastTimestamp\"")
        && !has("\"metadata\"")
        && !has("\"kind\"");
    if !is_list {
        return None;
    }
    let Outcome::Value { value, values, .. } = first(file.text, file.values_left()) else {
        return None;
    };
    file.spend_values(values);
    let items = value.get("items")?.as_array()?.iter().take(file.most_facts);
    Some(Section {
        end: file.lines.len(),
        facts: items
            .enumerate()
            .filter_map(|(index, item)| event(file, index, item))
            .collect(),
        ..Section::default()
    })
}

fn event(file: &TextFile<'_>, index: usize, item: &Value) -> Option<Fact> {
    let text = |key: &str| item.get(key).and_then(Value::as_str).unwrap_or("");
    let (namespace, reason, message) = (text("namespace"), text("reason"), text("message"));
    let mut about = json!({"namespace": namespace});
    if let (Some(pod), Some(about)) = (pod_in(message, namespace), about.as_object_mut()) {
        about.insert("kind".into(), "Pod".into());
        about.insert("name".into(), pod.into());
    }
    let pointer = format!("/items/{index}");
    Some(Fact::Object(Box::new(ObjectFact {
        value: json!({
            "kind": "Event",
            "apiVersion": "v1",
            "metadata": {"name": format!("compacted.{index}"), "namespace": namespace},
            "involvedObject": about,
            "type": text("type"),
            "reason": reason,
            "message": message,
            "lastTimestamp": item.get("lastTimestamp")?,
        }),
        form: Form::Api,
        cite: Citation::pointer(
            &file.bundle,
            file.path,
            pointer.as_str(),
            format!("{reason}: {message}"),
        ),
        pointer: Pointer::At(pointer),
        seen_at: None,
    })))
}

/// The pod that a message of the kubelet names: `… in pod web-0_shop(5b1f0c7e-…)` (kubernetes `pkg/kubelet/util/format/pod.go`).
fn pod_in<'m>(message: &'m str, namespace: &str) -> Option<&'m str> {
    let end = message.find(&format!("_{namespace}("))?;
    let name = message.get(..end)?.rsplit([' ', '"']).next()?;
    (!name.is_empty() && !namespace.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::super::sample::section;
    use super::*;

    const EVENTS: &str = r#"{"items":[{"namespace":"openshift-dns","lastTimestamp":"2026-11-21T10:02:00Z","reason":"BackOff","message":"Back-off restarting failed container dns in pod dns-default-8gq2x_openshift-dns(5b1f0c7e)","type":"Warning"}]}"#;

    #[test]
    fn a_compacted_event_is_an_event_about_the_pod_that_it_names() {
        let found = section(&DECODER, "insights/events/openshift-dns.json", EVENTS).unwrap();
        let [Fact::Object(event)] = found.facts.as_slice() else {
            panic!("{found:?}")
        };
        let text = |pointer: &str| event.value.pointer(pointer).and_then(Value::as_str).unwrap();
        assert_eq!(
            (text("/involvedObject/name"), text("/type"), text("/lastTimestamp")),
            ("dns-default-8gq2x", "Warning", "2026-11-21T10:02:00Z")
        );
    }

    #[test]
    fn other_lists_are_declined() {
        for (path, text) in [
            ("config/x.json", EVENTS),
            (
                "events/x.json",
                r#"{"kind":"EventList","items":[{"lastTimestamp":"2026-11-21T10:02:00Z"}]}"#,
            ),
            ("events/x.json", r#"{"items":[{"lastTimestamp":"#),
        ] {
            assert!(section(&DECODER, path, text).is_none(), "{path} {text}");
        }
    }
}

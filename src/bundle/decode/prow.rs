//! What prow keeps of the pod that ran a job: the pod and its events in one document, neither with its kind.
//!
//! Source: kubernetes-sigs/prow `pkg/crier/reporters/gcs/kubernetes/reporter.go` (`PodReport`).

use serde_json::Value;

use super::docker_json::may_start;
use super::json_value::{Outcome, first};
use super::objects::{Base, objects};
use super::{Decoder, Section, TextFile};

/// `podinfo.json`.
pub(super) const DECODER: Decoder = Decoder {
    name: "pod of a prow job",
    decode,
};

fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    if start != 0 || file.path.file_name() != "podinfo.json" || !may_start(file, start, &["\"pod\"", "\"metadata\""]) {
        return None;
    }
    let Outcome::Value {
        value: Value::Object(mut report),
        values,
        ..
    } = first(file.text, file.values_left())
    else {
        return None;
    };
    file.spend_values(values);
    let mut facts = Vec::new();
    for part in ["pod", "events"] {
        let base = Base {
            bundle: &file.bundle,
            file: file.path,
            pointer: format!("/{part}"),
            most: file.most_facts.saturating_sub(facts.len()),
        };
        facts.extend(report.remove(part).into_iter().flat_map(|value| objects(&base, value)));
    }
    Some(Section {
        end: file.lines.len(),
        facts,
        ..Section::default()
    })
}

#[cfg(test)]
mod tests {
    use super::super::sample::section;
    use super::super::testing::names;
    use super::*;

    #[test]
    fn the_pod_and_its_events_are_objects() {
        let report = r#"{
  "pod": {"metadata": {"name": "7b0d", "namespace": "test-pods"}, "spec": {"containers": [{"name": "test"}]}, "status": {"phase": "Failed"}},
  "events": [{"metadata": {"name": "7b0d.1", "namespace": "test-pods"}, "involvedObject": {"kind": "Pod", "name": "7b0d"}, "reason": "Evicted"}]
}"#;
        let found = section(&DECODER, "artifacts/podinfo.json", report).unwrap();
        assert_eq!(names(&[found]), ["Pod/7b0d", "Event/7b0d.1"]);
    }

    #[test]
    fn other_documents_are_declined() {
        for (path, text) in [
            ("podinfo.json", "{\"pod\": {\"metadata\""),
            ("podinfo.json", "[]"),
            ("x.json", "{\"pod\": {\"metadata\": {}}}"),
        ] {
            assert!(section(&DECODER, path, text).is_none(), "{text}");
        }
    }
}

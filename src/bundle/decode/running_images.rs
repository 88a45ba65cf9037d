//! The containers that OpenShift's insights operator counts by image: how many run, by the month in which their pods were made.
//!
//! Source: openshift/insights-operator `pkg/gatherers/clusterconfig/container_images.go` (`ContainerInfo`). An image is a digest where its
//! reference has one. Pods are not named, and at most 1,000 images are kept, the most common first.

use serde_json::{Map, Value, json};

use super::json_value::{Outcome, first};
use super::{Decoder, Fact, Form, ObjectFact, Pointer, Section, TextFile};
use crate::model::Citation;

/// `config/running_containers.json`: an object `RunningImage` for each image, which only casefile knows.
pub(super) const DECODER: Decoder = Decoder {
    name: "running images",
    decode,
};

fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let is_it =
        start == 0 && file.path.file_name() == "running_containers.json" && file.line(0).trim_start().starts_with('{');
    if !is_it {
        return None;
    }
    let Outcome::Value { value, values, .. } = first(file.text, file.values_left()) else {
        return None;
    };
    file.spend_values(values);
    let images = value.get("images")?.as_object()?;
    let containers = value.get("containers")?.as_object()?;
    let rows = images.iter().take(file.most_facts);
    Some(Section {
        end: file.lines.len(),
        facts: rows
            .filter_map(|(index, image)| row(file, index, image.as_str()?, containers))
            .collect(),
        ..Section::default()
    })
}

fn row(file: &TextFile<'_>, index: &str, image: &str, containers: &Map<String, Value>) -> Option<Fact> {
    let counted = containers
        .iter()
        .filter_map(|(month, counts)| Some((month.clone(), counts.get(index)?.as_u64()?)));
    let by_month: Map<String, Value> = counted.map(|(month, count)| (month, count.into())).collect();
    let count: u64 = by_month.values().filter_map(Value::as_u64).fold(0, u64::saturating_add);
    let pointer = format!("/images/{}", crate::model::escaped(index));
    (!image.is_empty()).then(|| {
        Fact::Object(Box::new(ObjectFact {
            value: json!({
                "kind": "RunningImage",
                "apiVersion": "casefile/v1",
                "metadata": {"name": image},
                "status": {"containers": count, "byMonth": by_month},
            }),
            form: Form::Api,
            cite: Citation::pointer(&file.bundle, file.path, pointer.as_str(), image),
            pointer: Pointer::At(pointer),
            seen_at: None,
        }))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::decode::sample::section;

    #[test]
    fn containers_are_counted_by_image() {
        let text = r#"{"images":{"0":"sha256:11","1":"r.example/web:1"},"containers":{"2026-10":{"0":4},"2026-11":{"0":5,"1":1}}}"#;
        let section = section(&DECODER, "config/running_containers.json", text).unwrap();
        let rows: Vec<(String, u64)> = section
            .facts
            .iter()
            .filter_map(|fact| match fact {
                Fact::Object(object) => Some((
                    object.value.pointer("/metadata/name")?.as_str()?.to_owned(),
                    object.value.pointer("/status/containers")?.as_u64()?,
                )),
                _ => None,
            })
            .collect();
        assert_eq!(rows, [("sha256:11".to_owned(), 9), ("r.example/web:1".to_owned(), 1)]);
    }
}

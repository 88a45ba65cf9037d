//! `docker inspect` of containers and images (Docker Engine API 1.24 to 1.52: `GET /containers/{id}/json`, `/images/{name}/json`)
//! and the Engine API's list of images (`GET /images/json`).

use serde_json::Value;

use super::docker_json::{Element, cite, elements_at, may_start};
use super::{Decoder, DockerInspect, Fact, ImageFact, Section, TextFile};
use crate::model::{Place, QuoteLine};

/// JSON of `docker inspect`.
pub(super) const DECODER: Decoder = Decoder {
    name: "docker inspect",
    decode,
};

fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    if !may_start(file, start, &["\"Id\""]) {
        return None;
    }
    let elements = elements_at(file, start, |value| is_container(value) || is_image(value))?;
    let facts = elements
        .list
        .into_iter()
        .flat_map(|element| facts_of(file, start, element))
        .collect();
    Some(Section {
        end: elements.end,
        facts,
        problems: elements.problems,
        also_log: false,
    })
}

/// A container has a state that is an object (in the list of containers it is a word) and a host configuration.
fn is_container(value: &Value) -> bool {
    value.get("Id").is_some_and(Value::is_string)
        && value.get("State").is_some_and(Value::is_object)
        && value
            .get("HostConfig")
            .or_else(|| value.get("Config"))
            .is_some_and(Value::is_object)
}

/// An image has tags (null or absent when it has none), and either layers (inspect) or a parent (list).
fn is_image(value: &Value) -> bool {
    value.get("Id").is_some_and(Value::is_string)
        && value.get("RepoTags").is_some()
        && (value.get("RootFS").is_some() || value.get("ParentId").is_some() || value.get("Size").is_some())
}

fn facts_of(file: &TextFile<'_>, section: usize, element: Element) -> Vec<Fact> {
    let text = |key: &str| element.value.get(key).and_then(Value::as_str).unwrap_or("").to_owned();
    if is_container(&element.value) {
        let status = element
            .value
            .pointer("/State/Status")
            .and_then(Value::as_str)
            .unwrap_or("");
        let shown = format!("Name: {}, Id: {}, State.Status: {status}", text("Name"), text("Id"));
        let mut cite = cite(file, section, &element, &shown);
        if matches!(cite.place, Place::Pointer(_)) {
            cite.quote.extend(arguments(&element.value));
        }
        let Element { value, pointer, .. } = element;
        return vec![Fact::DockerInspect(Box::new(DockerInspect { value, pointer, cite }))];
    }
    let id = text("Id");
    let tags: Vec<&str> = element
        .value
        .get("RepoTags")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    // An image without a tag is still an image in the store, written as the command line writes it.
    let references = if tags.is_empty() { vec!["<none>:<none>"] } else { tags };
    references
        .into_iter()
        .map(|reference| {
            let cite = cite(file, section, &element, &format!("{reference}: {id}"));
            Fact::Image(ImageFact {
                reference: reference.into(),
                id: id.clone(),
                cite,
            })
        })
        .collect()
}

/// What a container is made again from, and when it ran. Its environment is left out: that is where secrets are.
const ARGUMENTS: [&str; 12] = [
    "/State/StartedAt",
    "/State/FinishedAt",
    "/Config/Image",
    "/Config/Entrypoint",
    "/Config/Cmd",
    "/Config/Hostname",
    "/Config/WorkingDir",
    "/Config/Labels",
    "/HostConfig/Binds",
    "/HostConfig/NetworkMode",
    "/HostConfig/Privileged",
    "/HostConfig/RestartPolicy",
];

/// The fields that a command to rebuild a container takes its arguments from, as far as they say anything.
fn arguments(value: &Value) -> impl Iterator<Item = QuoteLine> {
    ARGUMENTS.into_iter().filter_map(|pointer| {
        let field = value.pointer(pointer)?;
        let is_empty = match field {
            Value::Null | Value::Bool(false) => true,
            // Go's zero time: it never was.
            Value::String(text) => text.is_empty() || text.starts_with("0001-01-01T"),
            Value::Array(items) => items.is_empty(),
            Value::Object(fields) => fields.is_empty(),
            _ => false,
        };
        let name = pointer.trim_start_matches('/').replace('/', ".");
        (!is_empty).then(|| QuoteLine {
            line: None,
            text: format!("{name}: {field}"),
            hit: false,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::super::sample::{section, section_at};
    use super::*;

    const CONTAINER: &str = r#"
    {
        "Id": "29a2614d43152f30d728aaa78b91cb9cebdfb27108a0fee2bcd6e8c375870ebe",
        "State": {"Status": "exited", "ExitCode": 137},
        "Name": "/share-mnt",
        "HostConfig": {"RestartPolicy": {"Name": "no"}},
        "Config": {"Image": "rancher/hyperkube:v1.20.15"}
    }"#;
    const IMAGE: &str = r#"
    {"Id": "sha256:8bc0", "RepoTags": ["etcd:v3.4", "mirror/etcd:v3.4"], "RootFS": {"Layers": []}}"#;

    #[test]
    fn containers_and_images_of_one_array_are_told_apart() {
        let section = section(&DECODER, "docker-inspect.json", &format!("[{CONTAINER},{IMAGE}\n]\n")).unwrap();
        let [Fact::DockerInspect(container), Fact::Image(first), Fact::Image(second)] = section.facts.as_slice() else {
            panic!("{:?}", section.facts)
        };
        assert_eq!(container.pointer, "/0");
        assert_eq!(
            container.value.pointer("/HostConfig/RestartPolicy/Name"),
            Some(&"no".into())
        );
        assert_eq!(
            (first.reference.as_str(), second.reference.as_str()),
            ("etcd:v3.4", "mirror/etcd:v3.4")
        );
    }

    #[test]
    fn several_arrays_in_one_file_and_a_pasted_one_are_read() {
        let twice = format!("[{CONTAINER}\n]\n[{CONTAINER}\n]\n");
        assert_eq!(section(&DECODER, "x", &twice).unwrap().facts.len(), 2);
        let pasted = section_at(
            &DECODER,
            "x",
            &format!("$ docker inspect share-mnt\n[{CONTAINER}\n]\n$ date\n"),
            1,
        )
        .unwrap();
        assert_eq!((pasted.facts.len(), pasted.end), (1, 10));
    }

    #[test]
    fn a_cut_file_keeps_the_whole_containers() {
        let section = section(&DECODER, "x", &format!("[{CONTAINER},\n{{\n \"Id\": \"b0f7")).unwrap();
        assert_eq!((section.facts.len(), section.problems.len()), (1, 1));
    }

    #[test]
    fn other_json_is_declined() {
        for text in [
            "",
            "[]",
            r#"{"log":"\"Id\": 1","stream":"stdout"}"#,
            r#"[{"Id":"x","State":"running","Names":["/a"]}]"#,
            r#"{"kind":"Pod","Id":"x"}"#,
            "[2026-11-21 10:20:33] container \"Id\" unknown",
        ] {
            assert!(section(&DECODER, "docker-inspect.json", text).is_none(), "{text}");
        }
    }
}

//! Listings of containers as JSON: `docker ps --format json` and the Engine API's `GET /containers/json` (1.24 to 1.52).

use std::collections::BTreeMap;

use serde_json::Value;

use super::docker_json::{Element, cite, elements_at, may_start};
use super::docker_ps::{first_name, is_id, section, state_of};
use super::{ContainerFact, ContainerState, Section, TextFile};
use crate::model::{Problem, ProblemKind};

/// Reads the Engine API's array or the command line's JSON lines.
pub(super) fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let is_likely =
        may_start(file, start, &["\"Id\"", "\"Names\""]) || may_start(file, start, &["\"Command\"", "\"ID\""]);
    if !is_likely {
        return None;
    }
    let elements = elements_at(file, start, |value| api_row(value).is_some())?;
    let mut problems = elements.problems;
    let mut rows = Vec::with_capacity(elements.list.len());
    for element in &elements.list {
        match fact_of(file, start, element) {
            Some(row) => rows.push(row),
            None => {
                let detail = format!("a container at {} has a state that is not known", element.pointer);
                problems.push(Problem::file(file.path, ProblemKind::Unparsed, detail));
            }
        }
    }
    Some(section(file, start, elements.end, rows, problems))
}

/// Id, name, image, command, state word and status of a JSON row of either kind.
fn api_row(value: &Value) -> Option<(&str, String, &str, &str, &str, &str)> {
    let text = |key: &str| value.get(key).and_then(Value::as_str);
    // The Engine API has `Id` and a list of names, the command line's template has `ID` and one string.
    let (id, name) = match value.get("Names")? {
        Value::Array(names) => (
            text("Id")?,
            names.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","),
        ),
        Value::String(names) => (text("ID")?, names.clone()),
        _ => return None,
    };
    let state = text("State")?;
    is_id(id).then(|| {
        (
            id,
            first_name(&name),
            text("Image").unwrap_or(""),
            text("Command").unwrap_or(""),
            state,
            text("Status").unwrap_or(""),
        )
    })
}

fn fact_of(file: &TextFile<'_>, section: usize, element: &Element) -> Option<ContainerFact> {
    let (id, name, image, command, state, status) = api_row(&element.value)?;
    let state = match (state, state_of(status)) {
        ("exited", Some(exited @ ContainerState::Exited(_))) => exited,
        ("exited", _) => ContainerState::Exited(None),
        ("created", _) => ContainerState::Created,
        ("running", _) => ContainerState::Running,
        ("paused", _) => ContainerState::Paused,
        ("restarting", _) => ContainerState::Restarting,
        ("removing", _) => ContainerState::Removing,
        ("dead", _) => ContainerState::Dead,
        (_, by_status) => by_status?,
    };
    let shown = format!("{name}: {status} ({image})");
    Some(ContainerFact {
        id: id.to_lowercase(),
        name,
        image: image.into(),
        command: command.trim_matches('"').into(),
        state,
        status: status.into(),
        labels: labels_of(element.value.get("Labels")),
        cite: cite(file, section, element, &shown),
    })
}

/// Labels as an object, or as the `a=b,c=d` of the command line, where a value may hold commas itself.
fn labels_of(labels: Option<&Value>) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    match labels {
        Some(Value::Object(map)) => {
            found.extend(
                map.iter()
                    .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))),
            );
        }
        Some(Value::String(list)) => {
            let mut last: Option<String> = None;
            for piece in list.split(',') {
                match (piece.split_once('='), &last) {
                    (Some((key, value)), _) => {
                        found.insert(key.to_owned(), value.to_owned());
                        last = Some(key.to_owned());
                    }
                    (None, Some(key)) => {
                        if let Some(value) = found.get_mut(key) {
                            value.push(',');
                            value.push_str(piece);
                        }
                    }
                    (None, None) => {}
                }
            }
        }
        _ => {}
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::docker_ps::DECODER;
    use super::super::sample::section;
    use super::*;
    use crate::bundle::decode::Fact;

    fn containers(section: &Section) -> Vec<(&str, ContainerState)> {
        section
            .facts
            .iter()
            .filter_map(|fact| {
                if let Fact::Container(row) = fact {
                    Some((row.name.as_str(), row.state))
                } else {
                    None
                }
            })
            .collect()
    }

    #[test]
    fn the_engine_api_and_json_lines_are_read() {
        let id = "29a2614d43152f30d728aaa78b91cb9cebdfb27108a0fee2bcd6e8c375870ebe";
        let api = format!(
            r#"[{{"Id":"{id}","Names":["/web/alias","/db"],"Image":"pg","Command":"postgres","Labels":{{"a":"b"}},"State":"exited","Status":"Exited (1) 2 hours ago"}}]"#
        );
        let section_api = section(&DECODER, "containers.json", &api).unwrap();
        assert_eq!(containers(&section_api), [("db", ContainerState::Exited(Some(1)))]);
        let line = r#"{"Command":"\"sh\"","ID":"29a2614d4315","Image":"pg","Labels":"a=b,c,d=e","Names":"db","State":"running","Status":"Up 2 hours"}"#;
        let section_lines = section(&DECODER, "ps.json", &format!("{line}\n{line}\n")).unwrap();
        assert_eq!(containers(&section_lines).len(), 2);
        let Some(Fact::Container(row)) = section_lines.facts.last() else {
            panic!("no row")
        };
        assert_eq!(
            row.labels,
            BTreeMap::from([("a".into(), "b,c".into()), ("d".into(), "e".into())])
        );
    }

    #[test]
    fn a_container_in_an_unknown_state_makes_the_listing_incomplete() {
        let api = r#"[{"Id":"29a2614d4315","Names":["/db"],"State":"melting","Status":"Melting"}]"#;
        let section = section(&DECODER, "containers.json", api).unwrap();
        let [Fact::ContainerListing(listing)] = section.facts.as_slice() else {
            panic!()
        };
        assert_eq!((listing.cite.searched, section.problems.len()), (Some((1, false)), 1));
    }

    #[test]
    fn other_json_is_declined() {
        for text in [
            r#"[{"Id":"29a2614d4315","Names":7,"State":"running"}]"#,
            r#"{"Command":"x","ID":"short","Names":"a","State":"running"}"#,
            r#"{"log":"\"Id\" \"Names\"","stream":"stdout"}"#,
        ] {
            assert!(section(&DECODER, "docker-ps-a.json", text).is_none(), "{text}");
        }
    }
}

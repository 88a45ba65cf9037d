//! Joining the sources that describe one container of a host: the listing and the inspection.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Host, HostContainer};
use crate::bundle::decode::{ContainerFact, ContainerListing, ContainerState, DockerInspect};

/// Adds a row of a listing.
pub(super) fn add_row(host: &mut Host, row: ContainerFact) {
    if let Some(known) = find(host, &row.id, &row.name) {
        known.status = row.status;
        known.cite = row.cite;
        known.labels.extend(row.labels);
        if row.id.len() > known.id.len() {
            known.id = row.id;
        }
        return;
    }
    host.containers.push(HostContainer {
        id: row.id,
        name: row.name,
        image: row.image,
        state: row.state,
        status: row.status,
        since: None,
        labels: row.labels,
        inspect: None,
        cite: row.cite,
    });
}

/// Adds an inspection. Its state is newer knowledge than a row's words only in detail, so it wins for state, image and labels.
pub(super) fn add_inspect(host: &mut Host, inspect: DockerInspect) {
    let text = |pointer: &str| {
        inspect
            .value
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or("")
            .to_owned()
    };
    let id = text("/Id");
    let name = text("/Name").trim_start_matches('/').to_owned();
    let exit_code = inspect.value.pointer("/State/ExitCode").and_then(Value::as_i64);
    let state = match text("/State/Status").as_str() {
        "created" => ContainerState::Created,
        "paused" => ContainerState::Paused,
        "restarting" => ContainerState::Restarting,
        "removing" => ContainerState::Removing,
        "exited" => ContainerState::Exited(exit_code),
        "dead" => ContainerState::Dead,
        _ => ContainerState::Running,
    };
    let labels: BTreeMap<String, String> = inspect
        .value
        .pointer("/Config/Labels")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect();
    let image = text("/Config/Image");
    if let Some(known) = find(host, &id, &name) {
        known.id = id;
        known.image = image;
        known.state = state;
        known.labels.extend(labels);
        known.inspect = Some(inspect);
        return;
    }
    let cite = inspect.cite.clone();
    host.containers.push(HostContainer {
        id,
        name,
        image,
        state,
        status: String::new(),
        since: None,
        labels,
        inspect: Some(inspect),
        cite,
    });
}

/// Inspections without any listing are a listing only in part: running or stopped, what was not inspected may exist.
pub(super) fn note_listing(host: &mut Host, listing: ContainerListing) {
    host.listings.push(listing);
}

/// Takes out what the output of a clean-up names as deleted: an id is given once, so such a row was read before the clean-up.
pub(super) fn set_deleted_apart(host: &mut Host) {
    let deleted: BTreeSet<&str> = (host.prunes.iter())
        .flat_map(|run| run.deleted_containers.iter().map(|(id, _)| id.as_str()))
        .collect();
    // The ids of a prune are whole, those of a listing its first twelve digits: the first id from there on is it, or none is.
    let is_deleted = |container: &HostContainer| {
        let id = container.id.as_str();
        id.len() >= 12 && deleted.range(id..).next().is_some_and(|whole| whole.starts_with(id))
    };
    host.deleted = host
        .containers
        .extract_if(.., |container| is_deleted(container))
        .collect();
}

/// Ids are compared by prefix: `docker ps` cuts them to twelve digits.
fn find<'h>(host: &'h mut Host, id: &str, name: &str) -> Option<&'h mut HostContainer> {
    host.containers.iter_mut().find(|known| {
        let same_id = !id.is_empty() && !known.id.is_empty() && (known.id.starts_with(id) || id.starts_with(&known.id));
        same_id || ((id.is_empty() || known.id.is_empty()) && known.name == name)
    })
}

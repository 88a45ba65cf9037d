//! One or many descriptions in a row.

use super::super::build::ObjectBuilder;
use super::super::hint::Hint;
use super::super::values::{present, timestamp};
use super::outline::{Item, Outline};
use super::{config, events, extent, fragment, generic, kind, network, node, picked, pod, storage, workload};
use crate::bundle::decode::{Fact, Form, Section, TextFile};
use crate::model::escaped;

/// Decodes the descriptions that start at a 0-based line and follow one another, or declines.
///
/// Each becomes an object with [`Form::Describe`], and each of its events one too. Ages stand as written in `metadata.casefileAge`.
pub(crate) fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    if !extent::starts(file, start) {
        return picked::decode(file, start).or_else(|| fragment::decode(file, start));
    }
    let hint = Hint::above(file, start);
    let mut section = Section {
        end: start,
        also_log: true,
        ..Section::default()
    };
    let mut at = start;
    while extent::starts(file, at) {
        let end = extent::end(file, at);
        let Some(facts) = describe(file, at, end, &hint) else {
            break;
        };
        section.facts.extend(facts);
        section.end = end;
        at = (end..file.lines.len())
            .find(|&line| !file.line(line).trim().is_empty())
            .unwrap_or(file.lines.len());
    }
    (section.end > start).then_some(section)
}

/// One description: its object, then its events. None when its kind is not told.
pub(super) fn describe(file: &TextFile<'_>, start: usize, end: usize, hint: &Hint) -> Option<Vec<Fact>> {
    let outline = Outline::new(file, start, end);
    // Without its head a description is of what its command asked for.
    let (name, line, kind) = match outline.root("Name") {
        Some(name) => (name.value, name.line, kind::kind(&outline, hint)?),
        None => (hint.name.as_str(), start, hint.kind.clone()),
    };
    let mut to = ObjectBuilder::new(file, &kind, name, line);
    match outline.root("Namespace") {
        Some(item) => to.namespace(present(item.value).unwrap_or(""), item.line),
        None => to.namespace(hint.namespace_for(&kind), line),
    }
    metadata(&outline, &mut to);
    fill(&kind, file, &outline, (start, end), &mut to);
    to.reaches(end.saturating_sub(1));
    let about = events::About {
        kind: &kind,
        namespace: to.text("/metadata/namespace"),
        name,
    };
    let lines = outline.root("Events").map_or(&[][..], |root| outline.below(root));
    let events = events::read(file, lines, &about);
    Some(std::iter::once(to.finish(Form::Describe)).chain(events).collect())
}

fn metadata(outline: &Outline<'_>, to: &mut ObjectBuilder<'_, '_>) {
    if let Some(labels) = outline.root("Labels") {
        map(outline, labels, "/metadata/labels", to);
    }
    if let Some(annotations) = outline.root("Annotations") {
        annotated(outline, annotations, to);
    }
    if let Some(created) = outline.root("CreationTimestamp").or_else(|| outline.root("Created on")) {
        to.set_some(
            "/metadata/creationTimestamp",
            present(created.value).map(timestamp),
            created.line,
        );
    }
    if let Some(owner) = outline.root("Controlled By")
        && let Some((kind, name)) = owner.value.split_once('/')
    {
        to.set(
            "/metadata/ownerReferences",
            serde_json::json!([{"kind": kind, "name": name, "controller": true}]),
            owner.line,
        );
    }
    if let Some(finalizers) = outline.root("Finalizers") {
        let names = finalizers
            .value
            .trim_matches(['[', ']'])
            .split_whitespace()
            .filter(|name| present(name).is_some());
        to.set("/metadata/finalizers", names.collect::<Vec<_>>(), finalizers.line);
    }
}

/// `key=value` lines as entries of a map.
pub(crate) fn map(outline: &Outline<'_>, item: &Item<'_>, pointer: &str, to: &mut ObjectBuilder<'_, '_>) {
    for (text, line) in outline.entries(item) {
        if let Some((key, value)) = text.split_once('=') {
            to.entry(pointer, key.trim(), value.trim(), line);
        }
    }
}

/// Annotations: `key: value` since 1.11 (a long value on the lines below its key), `key=value` before.
fn annotated(outline: &Outline<'_>, item: &Item<'_>, to: &mut ObjectBuilder<'_, '_>) {
    let pointer = "/metadata/annotations";
    let mut last = String::new();
    for (text, line) in outline.entries(item) {
        let pair = text
            .strip_suffix(':')
            .map(|key| (key, ""))
            .or_else(|| text.split_once(": "))
            .or_else(|| text.split_once('='));
        match pair.filter(|(key, _)| is_annotation(key)) {
            Some((key, value)) => {
                to.entry(pointer, key, value.trim(), line);
                last = key.to_owned();
            }
            None if !last.is_empty() => to.continue_text(&format!("{pointer}/{}", escaped(&last)), text, line),
            None => {}
        }
    }
}

fn is_annotation(key: &str) -> bool {
    !key.is_empty()
        && key
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '/'))
}

fn fill(
    kind: &str,
    file: &TextFile<'_>,
    outline: &Outline<'_>,
    (start, end): (usize, usize),
    to: &mut ObjectBuilder<'_, '_>,
) {
    match kind {
        "Pod" => pod::fill(outline, to),
        "Node" => node::fill(outline, to),
        "Deployment" => workload::deployment(outline, to),
        "ReplicaSet" | "ReplicationController" => workload::replica_set(outline, to),
        "StatefulSet" => workload::stateful_set(outline, to),
        "DaemonSet" => workload::daemon_set(outline, to),
        "Job" => workload::job(outline, to),
        "CronJob" => workload::cron_job(outline, to),
        "HorizontalPodAutoscaler" => workload::autoscaler(outline, to),
        "PodDisruptionBudget" => workload::disruption_budget(outline, to),
        "Service" => network::service(outline, to),
        "Endpoints" => network::endpoints(outline, to),
        "EndpointSlice" => network::endpoint_slice(outline, to),
        "Ingress" => network::ingress(outline, to),
        "NetworkPolicy" => network::network_policy(outline, to),
        "PersistentVolumeClaim" => storage::claim(outline, to),
        "PersistentVolume" => storage::volume(outline, to),
        "StorageClass" => storage::class(outline, to),
        "ConfigMap" => config::config_map(file, (start, end), to),
        "Secret" => config::secret(outline, to),
        "ServiceAccount" => config::service_account(outline, to),
        "ResourceQuota" => config::quota(file, (start, end), to),
        "LimitRange" => config::limit_range(file, (start, end), to),
        "PriorityClass" => config::priority_class(outline, to),
        "Namespace" => config::namespace(outline, to),
        _ => generic::fill(outline, to),
    }
}

//! Rules that are text alone: matches of their signatures, grouped by what they are about.

use std::collections::{BTreeMap, BTreeSet};

use super::header::{SubjectOf, Subjects};
use super::toolbox::drivers;
use super::toolbox::errors::troubled;
use super::toolbox::hosts::{Suffering, suffering};
use super::toolbox::nodes::{by_node, name_of, node_of};
use super::toolbox::{own_hits, pod_is_failing, workload_touches};
use super::{Finding, Ground, Input, RuleHeader};
use crate::cluster::{Event, Hit, PodView, Snapshot};
use crate::model::Subject;

/// At most so many citations for one finding; more add nothing for a reader.
const CITATIONS: usize = 6;

/// Turns the matches of a rule's signatures into findings, one for each subject.
pub(super) fn judge_text(input: &Input<'_>, rule: &RuleHeader, subjects: &Subjects) -> Vec<Finding> {
    if subjects.subject == SubjectOf::Application {
        let findings = super::toolbox::complaints::judge(input, rule, subjects);
        return with_paths(findings, &subjects.path);
    }
    if subjects.subject == SubjectOf::Node {
        let mut findings = by_node(input, rule, subjects.least, subjects.confidence);
        // Where nothing fails anywhere, such a setting is odd, and all is well.
        let fails = !subjects.even_when_ready.is_empty()
            && (!troubled(input.snapshot).is_empty()
                || input.snapshot.pods().any(|pod| !pod.is_well() || starts_again(&pod)));
        let is_among = |names: &[String], hit: &Hit| names.iter().any(|known| known == name_of(hit));
        let counts = |hit: &&Hit| is_among(&subjects.suffers, hit) || fails && is_among(&subjects.even_when_ready, hit);
        let telling: BTreeSet<String> = own_hits(input, rule)
            .into_iter()
            .filter(counts)
            .filter_map(|hit| node_of(input.snapshot, hit))
            .collect();
        findings.retain(|finding| {
            !subjects.only_while_failing
                || telling.contains(&finding.subject.name)
                || suffering(input.snapshot, &finding.subject.name) != Suffering::No
        });
        return with_paths(findings, &subjects.path);
    }
    let mut found: BTreeMap<Subject, Finding> = BTreeMap::new();
    for spec in &rule.text {
        for hit in input.snapshot.hits(&format!("{}/{}", rule.id, spec.id)) {
            if subjects.only_while_failing
                && (!pod_is_failing(input.snapshot, &hit.about.object) || was_attached_since(input.snapshot, hit))
            {
                continue;
            }
            let Some(subject) = subject_of(input, hit, &subjects.subject) else {
                continue;
            };
            let finding = found.entry(subject.clone()).or_insert_with(|| {
                let mut finding = Finding::new(rule, subject, subjects.confidence);
                finding.count = 0;
                finding
            });
            add_hit(input, finding, hit);
            if let Some(volume) = hit.captures.get(&subjects.driver_of) {
                for controller in drivers::controllers(input.snapshot, volume) {
                    finding.blame(controller);
                }
            }
        }
    }
    with_paths(found.into_values().collect(), &subjects.path)
}

/// Starts of one container that are no accident, though it runs at the moment.
const AGAIN: i64 = 5;

fn starts_again(pod: &PodView<'_>) -> bool {
    pod.containers().iter().any(|container| container.restarts() >= AGAIN)
}

/// True for an event about a volume that could not be attached, where one that is not older says that it was (kubernetes
/// pkg/volume/util/operationexecutor: `FailedAttachVolume`, `SuccessfulAttachVolume`), or a container of the pod has run since: none starts
/// before all volumes are mounted.
fn was_attached_since(snapshot: &Snapshot, hit: &Hit) -> bool {
    let Some(volume) = hit.captures.get("volume") else {
        return false;
    };
    let is_later = |event: &Event| match (&event.last, &hit.last) {
        (Some(attached), Some(failed)) => attached.latest >= failed.latest,
        _ => false,
    };
    let pod = snapshot.pod(&hit.about.object.namespace, &hit.about.object.name);
    let has_run = pod.is_some_and(|pod| {
        let containers = pod.containers();
        containers
            .iter()
            .any(|container| container.restarts() > 0 || container.ended().is_some())
    });
    has_run
        || snapshot.events.iter().any(|event| {
            event.reason == "SuccessfulAttachVolume"
                && event.about == hit.about.object
                && event.message.contains(volume.as_str())
                && is_later(event)
        })
}

/// A path template that asks for a capture that this match has not simply gives no path.
fn with_paths(mut findings: Vec<Finding>, template: &str) -> Vec<Finding> {
    let wording = super::Wording::default();
    for finding in &mut findings {
        finding.path = wording.command(template, &finding.facts).unwrap_or_default();
    }
    findings
}

fn subject_of(input: &Input<'_>, hit: &Hit, wanted: &SubjectOf) -> Option<Subject> {
    match wanted {
        SubjectOf::Workload | SubjectOf::Application => {
            (!hit.about.object.name.is_empty()).then(|| input.snapshot.top_owner_of(&hit.about.object))
        }
        SubjectOf::Object => (!hit.about.object.name.is_empty()).then(|| hit.about.object.clone()),
        SubjectOf::Node => None,
        SubjectOf::Registry => hit
            .captures
            .get("registry")
            .map(|registry| Subject::cluster("Registry", registry)),
    }
}

/// Adds a match to a finding: its captures as facts (the first value wins), its place, its times, what it touches.
pub(super) fn add_hit(input: &Input<'_>, finding: &mut Finding, hit: &Hit) {
    finding.count += hit.count;
    for (name, value) in &hit.captures {
        finding
            .facts
            .entry(name.clone())
            .or_insert_with(|| value.clone().into());
    }
    if finding.evidence.len() < CITATIONS {
        finding.add_cite(hit.cite.clone());
    }
    if let (Some(first), Some(last)) = (&hit.first, &hit.last) {
        finding.see(first.clone(), last.clone());
    }
    if hit.about.object.kind == "Pod" {
        for touch in workload_touches(input.snapshot, &hit.about.object) {
            finding.touches.insert(touch);
        }
    }
    if !hit.about.node.is_empty() {
        finding.touches.insert(super::Touch::new(Ground::Node, &hit.about.node));
    }
}

//! Pods that admission refuses to create: the text stands on their controller, never on a pod.

use super::toolbox::{add_hit, own_hits};
use super::{Finding, Input, RuleHeader};
use crate::cluster::{Hit, Object, Snapshot};
use crate::model::{Confidence, Subject, When};

/// One finding for each thing that `subject` names in a refusal, from the rule's signatures. Controllers that have all their pods since
/// are left out. The workload suffers, unless it is the subject.
pub(in crate::rules) fn refused(
    input: &Input<'_>,
    rule: &RuleHeader,
    subject: impl Fn(&Hit, &Subject) -> Option<Subject>,
) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings: Vec<Finding> = Vec::new();
    for hit in own_hits(input, rule) {
        let owner = snapshot.top_owner_of(&hit.about.object);
        let workload = snapshot.object(&owner.kind, &owner.namespace, &owner.name);
        if owner.name.is_empty()
            || workload.is_some_and(has_all_replicas)
            || was_created_since(snapshot, &hit.about.object, hit.last.as_ref(), &owner)
        {
            continue;
        }
        let Some(subject) = subject(hit, &owner) else { continue };
        let at = findings.iter().position(|finding| finding.subject == subject);
        let finding = match at {
            Some(at) => findings.get_mut(at),
            None => {
                let resource = owner.kind.to_lowercase();
                let mut finding = Finding::new(rule, subject, Confidence::Confirmed)
                    .fact("workload", owner.name.clone())
                    .fact("namespace", owner.namespace.clone())
                    .fact(
                        "settable",
                        matches!(resource.as_str(), "deployment" | "statefulset" | "daemonset"),
                    )
                    .fact("resource", resource);
                finding.count = 0;
                findings.push(finding);
                findings.last_mut()
            }
        };
        let Some(finding) = finding else { continue };
        add_hit(input, finding, hit);
        finding.touches.extend(super::Touch::of(&owner));
        finding.add_affected(owner.clone());
        finding.add_affected(hit.about.object.clone());
    }
    for finding in &mut findings {
        finding.facts.insert("count".into(), finding.count.into());
    }
    findings
}

/// True when the controller that was refused has made pods since, and all there are of them are well.
pub(in crate::rules) fn was_created_since(
    snapshot: &Snapshot,
    about: &Subject,
    refused: Option<&When>,
    owner: &Subject,
) -> bool {
    let is_whole = snapshot
        .object(&about.kind, &about.namespace, &about.name)
        .is_some_and(|object| object.key.kind == "ReplicaSet" && has_all_replicas(object));
    let is_later = |made: &Option<When>| match (made, refused) {
        (Some(made), Some(refused)) => !made.surely_before(refused),
        _ => false,
    };
    let made = snapshot
        .events_named(&about.name)
        .any(|event| event.reason == "SuccessfulCreate" && event.about == *about && is_later(&event.last));
    let mut pods = snapshot.pods_of(owner).filter(|pod| !pod.is_terminating()).peekable();
    (is_whole || made) && pods.peek().is_some() && pods.all(|pod| pod.is_well())
}

/// True when a workload has every replica that it should have, available (or ready, where only that is known).
pub(in crate::rules) fn has_all_replicas(workload: &Object) -> bool {
    let (wanted, available) = match workload.key.kind.as_str() {
        "DaemonSet" => (
            workload.int("/status/desiredNumberScheduled"),
            workload
                .int("/status/numberAvailable")
                .or_else(|| workload.int("/status/numberReady")),
        ),
        "StatefulSet" => (workload.int("/spec/replicas"), workload.int("/status/readyReplicas")),
        "Job" | "CronJob" => {
            return workload
                .list("/status/conditions")
                .iter()
                .any(|condition| condition.get("type").and_then(|value| value.as_str()) == Some("Complete"));
        }
        _ => (
            workload.int("/spec/replicas"),
            workload
                .int("/status/availableReplicas")
                .or_else(|| workload.int("/status/readyReplicas")),
        ),
    };
    let wanted = wanted.unwrap_or(1);
    // During a rollout the old pods are all there while the new ones are refused.
    let is_refused = workload.list("/status/conditions").iter().any(|condition| {
        let text = |key: &str| condition.get(key).and_then(|value| value.as_str());
        text("type") == Some("ReplicaFailure") && text("status") == Some("True")
    });
    if is_refused {
        return false;
    }
    // Set to zero, nothing is created and nothing refused any more.
    available.unwrap_or(0) >= wanted
}

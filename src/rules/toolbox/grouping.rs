//! Matches of a rule's signatures, grouped by the thing that they are about.

use std::collections::BTreeMap;

use super::nodes::{node_of, quote};
use super::{add_hit, own_hits};
use crate::cluster::{Hit, Snapshot};
use crate::logs::{Component, Stream};
use crate::model::{Confidence, Subject};
use crate::rules::{Finding, Input, RuleHeader};

/// One finding for each subject that `about` gives to the rule's own matches; matches without a subject are left out.
///
/// Facts: what the signatures captured, `line` (the first line, at most 240 characters) and `times` (how often).
pub fn by_subject(
    input: &Input<'_>,
    rule: &RuleHeader,
    confidence: Confidence,
    about: impl Fn(&Hit) -> Option<Subject>,
) -> Vec<Finding> {
    let mut groups: BTreeMap<Subject, Vec<&Hit>> = BTreeMap::new();
    for hit in own_hits(input, rule) {
        if let Some(subject) = about(hit) {
            groups.entry(subject).or_default().push(hit);
        }
    }
    groups
        .into_iter()
        .map(|(subject, hits)| {
            let mut finding = Finding::new(rule, subject, confidence);
            finding.count = 0;
            for hit in hits {
                add_hit(input, &mut finding, hit);
            }
            let (line, times) = (quote(&finding), finding.count);
            finding.fact("line", line).fact("times", times)
        })
        .collect()
}

/// What a line of a component of the control plane is about: the workload or static pod that wrote it, else its node, else the
/// component by its name, in the namespace where kubeadm and RKE2 run it.
pub fn component_of(snapshot: &Snapshot, hit: &Hit) -> Option<Subject> {
    let object = &hit.about.object;
    if object.kind == "Pod" && !object.name.is_empty() {
        return Some(snapshot.top_owner_of(object));
    }
    if let Some(node) = node_of(snapshot, hit) {
        return Some(Subject::node(&node));
    }
    let log = snapshot.log_of(hit)?;
    let name = match &log.stream {
        Stream::Component(Component::ApiServer) => "kube-apiserver",
        Stream::Component(Component::Scheduler) => "kube-scheduler",
        Stream::Component(Component::ControllerManager) => "kube-controller-manager",
        Stream::Component(Component::Etcd) => "etcd",
        _ => return None,
    };
    Some(Subject::namespaced("Pod", "kube-system", name))
}

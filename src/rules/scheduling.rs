//! Pods that no node takes: the scheduler's sentence taken apart, and which of its reasons matters.

use super::toolbox::selectors::accepted_nodes;
use super::toolbox::workload_touches;
use super::{Finding, Ground, Input, RuleHeader};
use crate::cluster::Snapshot;
use crate::model::{Citation, Confidence, Subject, When};

/// Why nodes were left out, in the order in which a tie is decided: the more specific first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::rules) enum Reason {
    /// A claim that does not exist.
    ClaimMissing,
    /// A claim that is not bound, or no volume that can be.
    Volume,
    /// The bound volume lives on other nodes.
    VolumeElsewhere,
    /// Hard anti-affinity between pods.
    AntiAffinity,
    /// Hard affinity to other pods.
    PodAffinity,
    /// Node selector or node affinity.
    NodeAffinity,
    /// Host ports in use.
    Ports,
    /// Topology spread.
    Spread,
    /// Requests larger than what is free.
    Resources,
    /// Cordoned.
    Cordoned,
    /// A taint that is not tolerated.
    Taint,
    /// Anything else.
    Other,
}

/// Words of the scheduler's plugins (`pkg/scheduler/framework/plugins/*`, 1.19 to 1.36) and what they mean.
const WORDS: [(&str, Reason); 24] = [
    ("persistentvolumeclaim \"", Reason::ClaimMissing),
    ("unbound immediate PersistentVolumeClaims", Reason::Volume),
    ("didn't find available persistent volumes", Reason::Volume),
    ("volume node affinity conflict", Reason::VolumeElsewhere),
    ("didn't match PersistentVolume's node affinity", Reason::VolumeElsewhere),
    ("no available volume zone", Reason::VolumeElsewhere),
    ("had no available volume zone", Reason::VolumeElsewhere),
    ("anti-affinity", Reason::AntiAffinity),
    ("pod affinity", Reason::PodAffinity),
    ("node affinity", Reason::NodeAffinity),
    ("node selector", Reason::NodeAffinity),
    ("affinity/selector", Reason::NodeAffinity),
    ("free ports", Reason::Ports),
    ("topology spread", Reason::Spread),
    ("Insufficient ", Reason::Resources),
    ("Too many pods", Reason::Resources),
    ("exceed max volume count", Reason::Resources),
    ("didn't have free", Reason::Resources),
    ("were unschedulable", Reason::Cordoned),
    ("node.kubernetes.io/unschedulable", Reason::Cordoned),
    ("taint", Reason::Taint),
    ("didn't tolerate", Reason::Taint),
    ("nodes were not ready", Reason::Taint),
    ("not available due to", Reason::Other),
];

/// A part of the sentence: `2 Insufficient memory`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::rules) struct Part {
    /// Number of nodes; zero where the sentence gives none.
    pub(in crate::rules) nodes: u64,
    /// What it means.
    pub(in crate::rules) reason: Reason,
    /// The words without the number.
    pub(in crate::rules) words: String,
}

impl Part {
    /// True for the taints that the node life-cycle controller puts on a node that is in trouble
    /// (kubernetes pkg/controller/nodelifecycle, `nodeConditionToTaintKeyStatusMap`).
    fn is_out(&self) -> bool {
        CONDITIONS.iter().any(|taint| self.words.contains(taint))
    }
}

/// Taints by conditions of a node.
const CONDITIONS: [&str; 6] = [
    "node.kubernetes.io/not-ready",
    "node.kubernetes.io/unreachable",
    "node.kubernetes.io/memory-pressure",
    "node.kubernetes.io/disk-pressure",
    "node.kubernetes.io/pid-pressure",
    "node.kubernetes.io/network-unavailable",
];

/// A pod that waits for a node.
pub(in crate::rules) struct Blocked {
    /// The pod.
    pub(in crate::rules) pod: Subject,
    /// Its top owner.
    pub(in crate::rules) owner: Subject,
    /// The scheduler's last sentence.
    pub(in crate::rules) message: String,
    /// Its parts.
    pub(in crate::rules) parts: Vec<Part>,
    /// The reason that matters.
    pub(in crate::rules) main: Reason,
    /// Where the sentence stands.
    pub(in crate::rules) cite: Citation,
    /// How often, first and last time.
    pub(in crate::rules) seen: (u64, Option<When>, Option<When>),
}

/// Every pod that waits for a node now, with the scheduler's last word on it.
pub(in crate::rules) fn blocked(snapshot: &Snapshot) -> Vec<Blocked> {
    let mut found: Vec<Blocked> = Vec::new();
    let mut note = |pod: &Subject, message: &str, cite: Citation, seen: (u64, Option<When>, Option<When>)| {
        let parts = parts(message);
        let Some(mut main) = main_reason(&parts) else { return };
        let owner = snapshot.top_owner_of(pod);
        // Where nodes carry what the pod selects, those are left out for another reason, and that one matters.
        if main == Reason::NodeAffinity && accepted_nodes(snapshot, pod, &owner).is_some_and(|nodes| !nodes.is_empty())
        {
            let others: Vec<Part> = parts
                .iter()
                .filter(|part| part.reason != Reason::NodeAffinity)
                .cloned()
                .collect();
            main = main_reason(&others).unwrap_or(main);
        }
        // A taint is looked at before the affinity, so the tainted node may well be the one that the pod selects: it is, where the
        // taint bears a value that the pod selects, or the workload's name (kubernetes pkg/scheduler/apis/config/v1/default_plugins.go).
        if main == Reason::NodeAffinity
            && parts
                .iter()
                .any(|part| part.reason == Reason::Taint && is_meant(snapshot, pod, &owner, part))
        {
            main = Reason::Taint;
        }
        // So is a cordon before the place of a volume: with all others left out for the volume, it is on the cordoned node.
        if main == Reason::VolumeElsewhere && parts.iter().any(|part| part.reason == Reason::Cordoned) {
            main = Reason::Cordoned;
        }
        if main == Reason::VolumeElsewhere && parts.iter().any(Part::is_out) {
            main = Reason::Taint;
        }
        // A node that is out for a condition would have taken the pod: it is free of the pod's like, and an empty domain of the spread.
        if matches!(main, Reason::AntiAffinity | Reason::Ports | Reason::Spread) && parts.iter().any(Part::is_out) {
            main = Reason::Taint;
        }
        let blocked = Blocked {
            pod: pod.clone(),
            owner,
            message: message.to_owned(),
            parts,
            main,
            cite,
            seen,
        };
        match found.iter_mut().find(|known| known.pod == *pod) {
            // Events come in order of time; one without a time tells no less than the one before.
            Some(known) => {
                let first = known.seen.1.take();
                *known = blocked;
                known.seen.1 = first.or(known.seen.1.take());
            }
            None => found.push(blocked),
        }
    };
    for pod in snapshot.pods() {
        let subject = Subject::namespaced("Pod", pod.namespace(), pod.name());
        for (index, condition) in pod.object.list("/status/conditions").iter().enumerate() {
            let text = |key: &str| condition.get(key).and_then(|value| value.as_str()).unwrap_or("");
            if text("type") == "PodScheduled" && text("status") == "False" && is_unscheduled(snapshot, &subject) {
                let cite = pod.object.cite_at(&format!("/status/conditions/{index}/message"));
                note(&subject, text("message"), cite, (1, None, None));
            }
        }
    }
    let mut events: Vec<_> = snapshot
        .events
        .iter()
        .filter(|event| event.reason == "FailedScheduling")
        .collect();
    events.sort_by_key(|event| event.last.as_ref().map(|when| when.latest));
    for event in events {
        if event.about.kind == "Pod" && is_unscheduled(snapshot, &event.about) {
            note(
                &event.about,
                &event.message,
                event.cite.clone(),
                (event.count, event.first.clone(), event.last.clone()),
            );
        }
    }
    found
}

/// True when the taint of `{dedicated: search}` has a value that the pod's node selector has too, or that its workload is called.
fn is_meant(snapshot: &Snapshot, pod: &Subject, owner: &Subject, part: &Part) -> bool {
    let taint = part.words.split_once('{').and_then(|(_, rest)| rest.split('}').next());
    let Some(value) = taint.and_then(|taint| taint.rsplit([':', '=']).next()).map(str::trim) else {
        return false;
    };
    let selected = |object: Option<&crate::cluster::Object>, at: &str| {
        let labels = object.and_then(|object| object.get(at)?.as_object());
        labels.is_some_and(|labels| labels.values().any(|label| label.as_str() == Some(value)))
    };
    !value.is_empty()
        && (owner.name == value
            || selected(snapshot.object("Pod", &pod.namespace, &pod.name), "/spec/nodeSelector")
            || selected(
                snapshot.object(&owner.kind, &owner.namespace, &owner.name),
                "/spec/template/spec/nodeSelector",
            ))
}

/// One finding for each workload whose pods wait for the reason that `wanted` accepts.
pub(in crate::rules) fn by_workload(
    input: &Input<'_>,
    rule: &RuleHeader,
    wanted: impl Fn(&Blocked) -> bool,
) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings: Vec<Finding> = Vec::new();
    for blocked in blocked(snapshot).into_iter().filter(wanted) {
        let at = findings.iter().position(|finding| finding.subject == blocked.owner);
        let finding = match at {
            Some(at) => findings.get_mut(at),
            None => {
                let words: Vec<String> = blocked
                    .parts
                    .iter()
                    .filter(|part| part.reason == blocked.main)
                    .map(|part| part.words.clone())
                    .collect();
                let resource = blocked.owner.kind.to_lowercase();
                let mut finding = Finding::new(rule, blocked.owner.clone(), Confidence::Confirmed)
                    .fact("message", sentence(&blocked.message))
                    .fact("words", words)
                    .fact("nodes", blocked.parts.iter().map(|part| part.nodes).sum::<u64>())
                    .fact("resource", resource)
                    .fact("namespace", blocked.owner.namespace.clone())
                    .fact("pod", blocked.pod.name.clone());
                finding.count = 0;
                findings.push(finding);
                findings.last_mut()
            }
        };
        let Some(finding) = finding else { continue };
        let (count, first, last) = blocked.seen.clone();
        finding.count += count;
        if let (Some(first), Some(last)) = (first, last) {
            finding.see(first, last);
        }
        finding.add_cite(blocked.cite.clone());
        finding.touches.extend(workload_touches(snapshot, &blocked.pod));
        // With fewer nodes, the rest has no room: who cordoned one is to be asked.
        if blocked.parts.iter().any(|part| part.reason == Reason::Cordoned) {
            for node in cordoned(snapshot) {
                finding.touches.insert(super::Touch::new(Ground::Node, node));
            }
        }
        for claim in claims_of(snapshot, &blocked.pod) {
            finding.touches.insert(super::Touch::new(
                Ground::Claim,
                format!("{}/{claim}", blocked.pod.namespace),
            ));
        }
        finding.add_affected(blocked.pod);
    }
    findings
}

/// The nodes that take no new pods.
fn cordoned(snapshot: &Snapshot) -> impl Iterator<Item = &str> {
    let nodes = snapshot.kind("Node");
    nodes
        .filter(|node| node.get("/spec/unschedulable").and_then(|value| value.as_bool()) == Some(true))
        .map(|node| node.key.name.as_str())
}

/// The names of the claims that a pod mounts.
pub(in crate::rules) fn claims_of(snapshot: &Snapshot, pod: &Subject) -> Vec<String> {
    let volumes = snapshot
        .pod(&pod.namespace, &pod.name)
        .map(|pod| pod.object.list("/spec/volumes"))
        .unwrap_or_default();
    volumes
        .iter()
        .filter_map(|volume| {
            volume
                .pointer("/persistentVolumeClaim/claimName")?
                .as_str()
                .map(str::to_owned)
        })
        .collect()
}

/// True while a pod has no node: its object says so, or nothing says that it ever got one.
fn is_unscheduled(snapshot: &Snapshot, pod: &Subject) -> bool {
    match snapshot.pod(&pod.namespace, &pod.name) {
        Some(view) => {
            let waits = matches!(view.phase(), "Pending" | "");
            // A container that waits was given to a kubelet.
            waits
                && view.node().is_empty()
                && !view.is_terminating()
                && view
                    .containers()
                    .iter()
                    .all(|container| container.waiting().is_none_or(|waiting| waiting.reason.is_empty()))
        }
        None => {
            let assigned = snapshot
                .events_on("Pod", &pod.namespace, &pod.name)
                .any(|event| event.reason == "Scheduled");
            !assigned && super::toolbox::pod_is_failing(snapshot, pod)
        }
    }
}

/// The sentence without what it says of preemption, which repeats the reasons.
fn sentence(message: &str) -> String {
    let cut = message
        .find(" preemption:")
        .or_else(|| message.find(", preemption:"))
        .unwrap_or(message.len());
    let sentence = message.get(..cut).unwrap_or(message);
    sentence
        .split(". no new claims")
        .next()
        .unwrap_or(sentence)
        .trim_end_matches('.')
        .to_owned()
}

/// `0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had untolerated taint {a: b}.` in parts.
fn parts(message: &str) -> Vec<Part> {
    let sentence = sentence(message);
    let reasons = sentence
        .split_once("nodes are available: ")
        .or_else(|| sentence.split_once("node is available: "))
        .map_or(sentence.as_str(), |(_, rest)| rest);
    let mut parts: Vec<Part> = Vec::new();
    for piece in reasons.split(", ") {
        let (number, words) = piece.split_once(' ').unwrap_or(("", piece));
        match (number.parse::<u64>(), parts.last_mut()) {
            (Ok(nodes), _) => parts.push(Part {
                nodes,
                reason: meaning(words),
                words: words.trim_end_matches('.').to_owned(),
            }),
            // ", that the pod didn't tolerate" belongs to the part before.
            (Err(_), Some(part)) if piece.starts_with("that ") => part.words = format!("{}, {piece}", part.words),
            _ => parts.push(Part {
                nodes: 0,
                reason: meaning(piece),
                words: piece.trim_end_matches('.').to_owned(),
            }),
        }
    }
    parts
}

fn meaning(words: &str) -> Reason {
    WORDS
        .iter()
        .find(|(word, _)| words.contains(word))
        .map_or(Reason::Other, |(_, reason)| *reason)
}

/// The reason that keeps most nodes away. Taints of the control plane are normal and count only when nothing else does.
fn main_reason(parts: &[Part]) -> Option<Reason> {
    let normal = |part: &&Part| {
        part.reason == Reason::Taint
            && [
                "node-role.kubernetes.io/master",
                "node-role.kubernetes.io/control-plane",
                "node-role.kubernetes.io/etcd",
                "node-role.kubernetes.io/controlplane",
                // What the documents of K3s and RKE2 put on servers that are to run no workload.
                "CriticalAddonsOnly",
            ]
            .iter()
            .any(|taint| part.words.contains(taint))
    };
    // A claim is the pod's own trouble: it keeps every node away whatever else is said.
    if let Some(part) = parts
        .iter()
        .find(|part| matches!(part.reason, Reason::ClaimMissing | Reason::Volume))
    {
        return Some(part.reason);
    }
    let sum = |reason: Reason| {
        parts
            .iter()
            .filter(|part| part.reason == reason && !normal(part))
            .map(|part| part.nodes.max(1))
            .sum::<u64>()
    };
    let counted = parts
        .iter()
        .filter(|part| !normal(part) && part.reason != Reason::Other)
        .map(|part| part.reason)
        .max_by_key(|reason| (sum(*reason), std::cmp::Reverse(*reason)));
    counted.or_else(|| {
        parts
            .iter()
            .find(|part| part.reason == Reason::Taint)
            .map(|part| part.reason)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_that_keeps_most_nodes_away_matters() {
        for (message, main) in [
            (
                "0/4 nodes are available: 1 node(s) had untolerated taint {dedicated: bigmem}, 3 node(s) didn't match Pod's node affinity/selector. preemption: 0/4 nodes are available: 4 Preemption is not helpful for scheduling.",
                Reason::NodeAffinity,
            ),
            (
                "0/3 nodes are available: 1 node(s) had taint {node-role.kubernetes.io/master: }, that the pod didn't tolerate, 2 Insufficient memory.",
                Reason::Resources,
            ),
            (
                "0/3 nodes are available: 1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }, 2 node(s) didn't find available persistent volumes to bind.",
                Reason::Volume,
            ),
            (
                "0/3 nodes are available: 3 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }.",
                Reason::Taint,
            ),
            (
                "0/6 nodes are available: 1 node(s) were unschedulable, 2 Insufficient memory, 3 node(s) had untolerated taint {CriticalAddonsOnly: true}.",
                Reason::Resources,
            ),
            ("persistentvolumeclaim \"data\" not found", Reason::ClaimMissing),
            (
                "0/2 nodes are available: 1 node(s) were unschedulable, 1 node(s) didn't match pod anti-affinity rules.",
                Reason::AntiAffinity,
            ),
        ] {
            assert_eq!(main_reason(&parts(message)), Some(main), "{message}");
        }
    }
}

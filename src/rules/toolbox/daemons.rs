//! Daemons that every node needs, such as kube-proxy and the agent of the CNI: where one is not well, or not there.

use std::collections::BTreeMap;

use super::hosts::{Suffering, network_suffering};
use super::nodes::is_ready;
use super::{add_hit, own_hits, workload_touches};
use crate::cluster::{Object, PodView, Snapshot};
use crate::model::{Confidence, Subject};
use crate::rules::{Finding, Ground, Input, RuleHeader};

/// One DaemonSet with its pods.
struct Daemon<'s> {
    owner: Subject,
    set: Option<&'s Object>,
    pods: Vec<PodView<'s>>,
}

/// One finding for each daemon of these names that is not well: about the node where it ails on one of several nodes, else about the
/// DaemonSet.
///
/// Facts: `daemon`, `node` (empty for the DaemonSet), `ready` and `wanted` (pods), `pod`, `said` (the most telling words), `selector`
/// (of a DaemonSet that wants no node).
pub fn ailing(input: &Input<'_>, rule: &RuleHeader, names: &[&str]) -> Vec<Finding> {
    daemons(input.snapshot, names)
        .iter()
        .filter_map(|daemon| judge(input, rule, daemon))
        .collect()
}

fn daemons<'s>(snapshot: &'s Snapshot, names: &[&str]) -> Vec<Daemon<'s>> {
    let mut found: BTreeMap<Subject, Daemon<'s>> = BTreeMap::new();
    let entry = |owner: Subject| Daemon {
        set: snapshot.object("DaemonSet", &owner.namespace, &owner.name),
        owner,
        pods: Vec::new(),
    };
    for set in snapshot.kind("DaemonSet").filter(|set| is_called(&set.key.name, names)) {
        found.entry(set.subject()).or_insert_with(|| entry(set.subject()));
    }
    for pod in snapshot.pods().filter(|pod| !pod.is_terminating()) {
        if let Some(name) = set_of(&pod).filter(|name| is_called(name, names)) {
            let owner = Subject::namespaced("DaemonSet", pod.namespace(), name);
            found
                .entry(owner.clone())
                .or_insert_with(|| entry(owner))
                .pods
                .push(pod);
        }
    }
    found.into_values().collect()
}

fn is_called(set: &str, names: &[&str]) -> bool {
    names.contains(&set)
}

/// The DaemonSet that a pod's name tells (`kube-proxy-7xk2p`), or the component of a static pod (`kube-proxy-node-1`).
fn set_of<'s>(pod: &PodView<'s>) -> Option<&'s str> {
    let name = pod.name();
    let mirror = name
        .strip_suffix(pod.node())
        .filter(|_| !pod.node().is_empty())
        .and_then(|rest| rest.strip_suffix('-'));
    mirror.or_else(|| {
        let (set, suffix) = name.rsplit_once('-')?;
        (suffix.len() == 5).then_some(set)
    })
}

fn judge(input: &Input<'_>, rule: &RuleHeader, daemon: &Daemon<'_>) -> Option<Finding> {
    let snapshot = input.snapshot;
    let failing: Vec<&PodView<'_>> = daemon.pods.iter().filter(|pod| !pod.is_well()).collect();
    let nodes_without = if failing.is_empty() {
        lacking(snapshot, daemon)
    } else {
        Vec::new()
    };
    let count = |field: &str| {
        daemon
            .set
            .and_then(|set| set.int(&format!("/status/{field}")))
            .and_then(|number| usize::try_from(number).ok())
    };
    let (wanted, ready) = if daemon.pods.is_empty() {
        (count("desiredNumberScheduled")?, count("numberReady")?)
    } else {
        let all = daemon.pods.len();
        (all + nodes_without.len(), all - failing.len())
    };
    let wants_none = wanted == 0 && snapshot.kind("Node").next().is_some();
    if ready >= wanted && !wants_none {
        return None;
    }
    let only_node = match (failing.as_slice(), nodes_without.as_slice()) {
        ([pod], _) if wanted > 1 && !pod.node().is_empty() => Some(pod.node()),
        ([], [node]) => Some(*node),
        _ => None,
    };
    let subject = only_node.map_or_else(|| daemon.owner.clone(), Subject::node);
    let mut finding = Finding::new(rule, subject, Confidence::Confirmed);
    finding.count = 0;
    if let Some(set) = daemon.set {
        finding.add_cite(set.cite_at(if wants_none {
            "/spec/template/spec/nodeSelector"
        } else {
            "/status"
        }));
    }
    let mut said: Option<String> = None;
    for pod in failing.iter().take(20) {
        let told = add_pod(input, rule, &mut finding, pod);
        said = said.or(told);
    }
    // What it wrote itself tells more than why the kubelet waits.
    let waits = || {
        failing
            .iter()
            .flat_map(|pod| pod.containers())
            .find_map(|container| Some(container.waiting()?.reason.to_owned()))
    };
    let said = said.or_else(waits).unwrap_or_default();
    for node in nodes_without {
        finding = finding.affects(Subject::node(node)).touch(Ground::Node, node);
        if let Some(node) = snapshot.object("Node", "", node) {
            finding.add_cite(node.cite_at("/metadata/name"));
        }
    }
    if finding.subject != daemon.owner {
        finding.add_affected(daemon.owner.clone());
    } else if ready == 0 {
        for node in snapshot.kind("Node") {
            finding = finding.touch(Ground::Node, &node.key.name);
        }
    }
    finding.count = finding.count.max(1);
    let selector = daemon
        .set
        .filter(|_| wants_none)
        .and_then(|set| set.get("/spec/template/spec/nodeSelector"))
        .map_or(String::new(), ToString::to_string);
    Some(
        finding
            .fact("daemon", daemon.owner.name.clone())
            .fact("namespace", daemon.owner.namespace.clone())
            .fact("node", only_node.unwrap_or(""))
            .fact("ready", ready)
            .fact("wanted", wanted)
            .fact("wants_none", wants_none)
            .fact("pod", failing.first().map_or("", |pod| pod.name()))
            .fact("said", said)
            .fact("selector", selector),
    )
}

/// Adds a pod that is not well; what its log or its probe says of that.
fn add_pod(input: &Input<'_>, rule: &RuleHeader, finding: &mut Finding, pod: &PodView<'_>) -> Option<String> {
    let snapshot = input.snapshot;
    let subject = Subject::namespaced("Pod", pod.namespace(), pod.name());
    let mut said = None;
    for hit in own_hits(input, rule)
        .into_iter()
        .filter(|hit| hit.about.object == subject)
    {
        add_hit(input, finding, hit);
        let line = hit.cite.quote.first().map_or("", |line| line.text.as_str());
        said = said.or_else(|| Some(crate::logs::clean_line(line).trim().chars().take(200).collect()));
    }
    let containers = pod.containers();
    match containers.iter().find(|container| container.waiting().is_some()) {
        Some(container) => finding.add_cite(pod.cite_status(container, "/state/waiting/reason")),
        None => finding.add_cite(pod.object.cite_at("/status")),
    }
    finding.touches.extend(workload_touches(snapshot, &subject));
    if !pod.node().is_empty() {
        super::nodes::touch_pods(snapshot, pod.node(), finding);
    }
    finding.add_affected(subject);
    said
}

/// What runs on every node beside the CNI's agent, by the names of kubeadm, K3s, RKE2 and the charts of exporters.
const DAEMONS: [&str; 6] = [
    "kube-proxy",
    "node-local-dns",
    "nodelocaldns",
    "node-exporter",
    "fluent-bit",
    "rke2-ingress-nginx-controller",
];

/// Nodes that are ready, have no pod of a daemon that others have, and on which something suffers.
fn lacking<'s>(snapshot: &'s Snapshot, daemon: &Daemon<'_>) -> Vec<&'s str> {
    let is_placed = |pod: &PodView<'_>| !pod.node().is_empty();
    if daemon.pods.is_empty() || !daemon.pods.iter().all(is_placed) {
        return Vec::new();
    }
    // A listing that shows a daemon on few nodes, and on the others no daemon at all, was cut: it says nothing of these.
    let is_cut = |name: &str| {
        let on_few = daemon.pods.len() * 2 < snapshot.kind("Node").count();
        let is_daemon = |pod: &PodView<'_>| pod.node() == name && DAEMONS.iter().any(|set| set_of(pod) == Some(set));
        on_few && !snapshot.pods().any(|pod| is_daemon(&pod))
    };
    snapshot
        .kind("Node")
        .filter(|node| {
            let name = node.key.name.as_str();
            // Nodes of Windows and virtual ones run no daemon of Linux.
            let is_ordinary = node.text("/metadata/labels/kubernetes.io~1os") != "windows"
                && node.text("/metadata/labels/type") != "virtual-kubelet";
            is_ordinary
                && is_ready(snapshot, name) == Some(true)
                && daemon.pods.iter().all(|pod| pod.node() != name)
                && !is_cut(name)
                && network_suffering(snapshot, name) == Suffering::Yes
        })
        .map(|node| node.key.name.as_str())
        .collect()
}

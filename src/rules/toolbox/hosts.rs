//! Machines under the names that the cluster knows them by, and whether anything on them suffers.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::calls::{is_out_of_reach, of_clients};
use super::complaints::complaints;
use super::nodes::{is_ready, touch_pods};
use super::peers::{mendable, objects_of};
use super::pings::lost_pings;
use crate::bundle::decode::{ContainerState, Unit};
use crate::cluster::{Host, PodView, Snapshot};
use crate::model::{Citation, Confidence, Subject};
use crate::rules::{Finding, RuleHeader};

/// Units that bring a kubelet with them (kubeadm; docs.k3s.io; docs.rke2.io; microk8s.io; docs.k0sproject.io).
pub const KUBELETS: [&str; 8] = [
    "kubelet",
    "k3s",
    "k3s-agent",
    "rke2-server",
    "rke2-agent",
    "snap.microk8s.daemon-kubelite",
    "k0scontroller",
    "k0sworker",
];

/// A machine and its node.
pub struct Machine<'s> {
    /// What was collected of it.
    pub host: &'s Host,
    /// The node's name.
    pub node: String,
    /// False when the bundle does not say which machine this is and it is taken for the one node that is not ready.
    pub certain: bool,
}

/// Whether something that a person would notice stands on a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Suffering {
    /// The node and its pods are known to be well.
    No,
    /// The bundle does not tell.
    Unknown,
    /// The node is not ready, or a pod on it is not well.
    Yes,
}

/// The machines whose node's name is known.
pub fn machines(snapshot: &Snapshot) -> Vec<Machine<'_>> {
    snapshot
        .hosts
        .iter()
        .filter_map(|host| machine(snapshot, host))
        .collect()
}

fn machine<'s>(snapshot: &'s Snapshot, host: &'s Host) -> Option<Machine<'s>> {
    let own = host.node_name();
    let nodes = || snapshot.kind("Node").map(|node| node.key.name.as_str());
    let named = |node: String, certain| Machine { host, node, certain };
    if !own.is_empty() {
        let short = |name: &str| name.split('.').next().unwrap_or("").to_owned();
        let exact = nodes().find(|node| *node == own);
        let same = exact.or_else(|| nodes().find(|node| short(node) == short(own)));
        return Some(named(same.unwrap_or(own).to_owned(), true));
    }
    let only = |found: Vec<&str>| match found.as_slice() {
        [one] => Some((*one).to_owned()),
        _ => None,
    };
    if snapshot.hosts.len() != 1 {
        return None;
    }
    let unready = || nodes().filter(|node| is_ready(snapshot, node) == Some(false)).collect();
    only(nodes().collect())
        .map(|node| named(node, true))
        .or_else(|| Some(named(only(unready())?, false)))
}

impl<'s> Machine<'s> {
    /// The unit that runs the kubelet here: the one that is active, else the first that is loaded.
    pub fn kubelet_unit(&self) -> Option<&'s Unit> {
        self.unit_of(&KUBELETS)
    }

    /// Of units that may serve one purpose: the one that is active, else the first that is loaded.
    pub fn unit_of(&self, names: &[&str]) -> Option<&'s Unit> {
        let units = || {
            names
                .iter()
                .filter_map(|name| self.host.tools.unit(name))
                .filter(|unit| unit.loaded != "not-found")
        };
        units().find(|unit| is_up(unit)).or_else(|| units().next())
    }

    /// True when it is a node of a cluster: the cluster says so, or a kubelet is there.
    pub fn is_node(&self, snapshot: &Snapshot) -> bool {
        let runs = |program: &str| self.host.tools.process(program).is_some();
        snapshot.object("Node", "", &self.node).is_some()
            || self.kubelet_unit().is_some()
            || ["kubelet", "hyperkube", "k3s", "rke2", "k0s"].into_iter().any(runs)
            || self.host.container("kubelet").is_some()
    }

    /// True when `docker ps` shows a container of this name that runs; RKE1 runs Kubernetes' components so.
    pub fn runs_container(&self, name: &str) -> bool {
        let container = self.host.container(name);
        container.is_some_and(|container| container.state == ContainerState::Running)
    }

    /// A kernel parameter.
    pub fn sysctl(&self, key: &str) -> Option<(&'s str, Citation)> {
        let (value, cite) = self.host.sysctl.get(key)?;
        Some((value.as_str(), cite.clone()))
    }

    /// A single value, by its dotted name.
    pub fn value(&self, key: &str) -> Option<(&'s str, Citation)> {
        let (value, cite) = self.host.values.get(key)?;
        Some((value.as_str(), cite.clone()))
    }

    /// A finding about this node; what is not well on it is joined with it.
    pub fn finding(&self, snapshot: &Snapshot, rule: &RuleHeader, confidence: Confidence) -> Finding {
        let confidence = if self.certain {
            confidence
        } else {
            confidence.min(Confidence::Probable)
        };
        let mut finding = Finding::new(rule, Subject::node(&self.node), confidence).fact("node", self.node.clone());
        touch_pods(snapshot, &self.node, &mut finding);
        finding
    }
}

/// True for a unit that does its work.
pub fn is_up(unit: &Unit) -> bool {
    matches!(unit.active.as_str(), "active" | "reloading") && unit.sub != "exited"
}

/// True for a unit that systemd says does not do its work: stopped, failed, or started again and again.
pub fn is_down(unit: &Unit) -> bool {
    matches!(unit.active.as_str(), "failed" | "inactive" | "deactivating")
        || unit.active == "activating" && unit.sub == "auto-restart"
}

/// The state of a unit in systemd's words: `failed (Result: exit-code)`.
pub fn state_of(unit: &Unit) -> String {
    let mut state = unit.active.clone();
    if !unit.sub.is_empty() && unit.sub != unit.active {
        state = format!("{state} ({})", unit.sub);
    }
    if !unit.result.is_empty() {
        state = format!("{state} (Result: {})", unit.result);
    }
    state
}

/// Whether anything on a node suffers.
pub fn suffering(snapshot: &Snapshot, node: &str) -> Suffering {
    let pods = snapshot.derive(OfPods::new);
    let of_pods = pods.0.get(node).copied().unwrap_or(Suffering::Unknown);
    match is_ready(snapshot, node) {
        Some(false) => Suffering::Yes,
        Some(true) if of_pods == Suffering::Unknown => Suffering::No,
        _ => of_pods,
    }
}

/// For each node with pods, whether one of them suffers. Many rules ask for many nodes.
struct OfPods(HashMap<String, Suffering>);

impl OfPods {
    fn new(snapshot: &Snapshot) -> Self {
        let mut of_pods = HashMap::new();
        for pod in snapshot.pods().filter(|pod| !pod.is_terminating()) {
            let suffers = of_pods.entry(pod.node().to_owned()).or_insert(Suffering::No);
            if *suffers != Suffering::Yes && !pod.is_well() {
                *suffers = Suffering::Yes;
            }
        }
        Self(of_pods)
    }
}

/// Signatures of applications that get no answer: the network may be to blame for these.
const SILENCES: [&str; 4] = [
    "networkpolicy-blocks-traffic/silence",
    "dns-resolution-failure/",
    "app-upstream-refused/",
    "app-database-unreachable/",
];

/// Whether the network of a node may be at fault: as [`suffering`], and so do a log on it that tells of time-outs, and pods elsewhere
/// that do not answer it. What was bound to no node may be anywhere.
pub fn network_suffering(snapshot: &Snapshot, node: &str) -> Suffering {
    let complains = snapshot.hits.iter().any(|hit| {
        SILENCES.iter().any(|wanted| hit.signature.starts_with(wanted))
            && (hit.about.node.is_empty() || hit.about.node == node)
    });
    let is_lost = lost_pings(snapshot).iter().any(|lost| lost.node == node);
    if complains || is_lost || unreached(snapshot).0.contains(node) {
        Suffering::Yes
    } else {
        suffering(snapshot, node)
    }
}

/// Nodes on which all pods of a workload run that clients elsewhere do not reach.
struct Unreached(BTreeSet<String>);

fn unreached(snapshot: &Snapshot) -> Arc<Unreached> {
    snapshot.derive(|snapshot| {
        let mut found = BTreeSet::new();
        for complaint in complaints(snapshot, &is_out_of_reach, &of_clients()) {
            let client = &complaint.speaker.workload;
            let called = objects_of(snapshot, &client.namespace, &complaint.peer_within(snapshot));
            let Some(server) = mendable(&called).filter(|server| *server != client) else {
                continue;
            };
            let on = |workload: &Subject| -> BTreeSet<String> {
                let pods = snapshot.pods_of(workload).map(|pod| pod.node().to_owned());
                pods.filter(|node| !node.is_empty()).collect()
            };
            let (here, there) = (on(client), on(server));
            if there.len() == 1 && here.is_disjoint(&there) && !here.is_empty() {
                found.extend(there);
            }
        }
        Unreached(found)
    })
}

/// Whether any pod of the cluster is not well.
pub fn any_suffering(snapshot: &Snapshot) -> Suffering {
    let mut pods = snapshot.pods().filter(|pod| !pod.is_terminating()).peekable();
    let is_known = pods.peek().is_some();
    if pods.any(|pod: PodView<'_>| !pod.is_well()) {
        Suffering::Yes
    } else if is_known {
        Suffering::No
    } else {
        Suffering::Unknown
    }
}

/// How sure a harmful setting is to matter: it is confirmed where something suffers.
pub fn confidence(suffering: Suffering) -> Confidence {
    if suffering == Suffering::Yes {
        Confidence::Confirmed
    } else {
        Confidence::Probable
    }
}

//! What programs say by which the clock of their own machine is behind that of whoever gave them a token.

use std::collections::{BTreeMap, BTreeSet};

use super::nodes::is_ready;
use crate::cluster::Snapshot;
use crate::logs::Stream;
use crate::model::{Citation, EntryPath, Subject};

/// A node whose programs take what is fresh for what is not valid yet.
pub struct Behind {
    /// The node.
    pub node: String,
    /// Who says so.
    pub workloads: Vec<Subject>,
    /// Where.
    pub cites: Vec<Citation>,
    /// How often.
    pub times: u64,
    /// True when the same programs on other nodes write nothing of the kind, and nobody else does.
    pub alone: bool,
    /// True when it is the one that is ahead, as those on other nodes tell.
    pub ahead: bool,
}

/// The nodes of which programs say so, each once.
pub fn behind(snapshot: &Snapshot) -> Vec<Behind> {
    let mut found: BTreeMap<String, Behind> = BTreeMap::new();
    for hit in snapshot.hits("clock-not-synchronised/early") {
        let pod = snapshot.pod(&hit.about.object.namespace, &hit.about.object.name);
        let node = pod.map_or(hit.about.node.as_str(), |pod| pod.node());
        if node.is_empty() {
            continue;
        }
        let workload = snapshot.top_owner_of(&hit.about.object);
        let behind = found.entry(node.to_owned()).or_insert_with(|| Behind {
            node: node.to_owned(),
            workloads: Vec::new(),
            cites: Vec::new(),
            times: 0,
            alone: false,
            ahead: false,
        });
        behind.times += hit.count;
        if !behind.workloads.contains(&workload) {
            behind.workloads.push(workload);
        }
        if behind.cites.len() < CITED {
            behind.cites.push(hit.cite.clone());
        }
    }
    let is_only = found.len() == 1;
    for behind in found.values_mut() {
        behind.alone = is_only && has_quiet_twin(snapshot, behind);
    }
    found.into_values().collect()
}

/// The node whose clock is ahead: programs on at least two other nodes refuse its tokens as not valid yet, and the pods of the same
/// workloads that run on it, and nowhere else, do not. With what shows it.
pub fn ahead(snapshot: &Snapshot) -> Option<Behind> {
    let said = behind(snapshot);
    if said.len() < 2 {
        return None;
    }
    let mut quiet: BTreeSet<&str> = BTreeSet::new();
    for log in &snapshot.logs {
        let Stream::Container(stream) = &log.stream else {
            continue;
        };
        let Some(pod) = snapshot.pod(&stream.namespace, &stream.pod) else {
            continue;
        };
        let owner = snapshot.top_owner(pod.object);
        let is_twin = said.iter().any(|behind| behind.workloads.contains(&owner));
        if is_twin && !pod.node().is_empty() && said.iter().all(|behind| behind.node != pod.node()) {
            quiet.insert(pod.node());
        }
    }
    let node = quiet.first().filter(|_| quiet.len() == 1)?;
    let mut found = Behind {
        node: (*node).to_owned(),
        workloads: Vec::new(),
        cites: Vec::new(),
        times: 0,
        alone: true,
        ahead: true,
    };
    for behind in said {
        found.times += behind.times;
        found.cites.extend(behind.cites.into_iter().take(1));
        found.workloads.extend(behind.workloads);
    }
    found.workloads.sort();
    found.workloads.dedup();
    Some(found)
}

/// Nodes whose leases were renewed later or earlier than all others could be, by how many seconds, where one file tells it of at least three that are
/// ready: a kubelet writes the time of its own clock there (kubernetes
/// `staging/src/k8s.io/component-helpers/apimachinery/lease/controller.go`), every ten seconds.
pub fn odd_by_leases(snapshot: &Snapshot) -> Vec<(String, i64, Citation)> {
    let of_leases = snapshot
        .kind("Lease")
        .filter(|lease| lease.key.namespace == "kube-node-lease")
        .filter_map(|lease| Some((lease, "/spec/renewTime", lease.time("/spec/renewTime")?)));
    let described = "/casefileLease/renewTime";
    let of_nodes = snapshot
        .kind("Node")
        .filter_map(|node| Some((node, described, node.time(described)?)));
    let mut by_file: BTreeMap<EntryPath, Vec<(i64, String, Citation)>> = BTreeMap::new();
    for (object, pointer, when) in of_leases.chain(of_nodes) {
        let node = object.key.name.as_str();
        // The lease of a node that is gone is old, and shows nobody's clock.
        if is_ready(snapshot, node) != Some(false) {
            let cite = object.cite_at(pointer);
            let answer = (when.latest.as_second(), node.to_owned(), cite.clone());
            by_file.entry(cite.file).or_default().push(answer);
        }
    }
    by_file
        .into_values()
        .filter_map(|answers| odd_one(snapshot, answers))
        .collect()
}

/// The one answer that is ahead of all others, or behind them on a node that is ready all the same: a kubelet that no longer renews its
/// lease loses its node within a minute, by the clock of the controller (`--node-monitor-grace-period`).
fn odd_one(snapshot: &Snapshot, mut answers: Vec<(i64, String, Citation)>) -> Option<(String, i64, Citation)> {
    answers.sort_by_key(|(seconds, ..)| *seconds);
    // Of two nobody can say which is wrong, and the others have to agree.
    let (3.., [first, second, ..], [.., before, last]) = (answers.len(), answers.as_slice(), answers.as_slice()) else {
        return None;
    };
    if before.0 - first.0 < AHEAD && last.0 - before.0 >= AHEAD {
        return Some((last.1.clone(), last.0 - before.0, last.2.clone()));
    }
    let is_behind =
        last.0 - second.0 < AHEAD && second.0 - first.0 >= BEHIND && is_ready(snapshot, &first.1) == Some(true);
    is_behind.then(|| (first.1.clone(), first.0 - second.0, first.2.clone()))
}

/// Seconds that no collecting explains.
const AHEAD: i64 = 60;
/// Seconds for which no node stays ready without a new lease.
const BEHIND: i64 = 300;

/// True when the log of a pod of the same workload on another node was collected. That it says nothing is known already.
fn has_quiet_twin(snapshot: &Snapshot, behind: &Behind) -> bool {
    snapshot.logs.iter().any(|log| match &log.stream {
        Stream::Container(found) => snapshot.pod(&found.namespace, &found.pod).is_some_and(|pod| {
            !pod.node().is_empty()
                && pod.node() != behind.node
                && behind.workloads.contains(&snapshot.top_owner(pod.object))
        }),
        _ => false,
    })
}

/// Lines that are quoted for one node.
const CITED: usize = 3;

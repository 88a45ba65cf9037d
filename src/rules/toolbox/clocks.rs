//! What programs say by which the clock of their own machine is behind that of whoever gave them a token.

use std::collections::BTreeMap;

use crate::cluster::Snapshot;
use crate::logs::Stream;
use crate::model::{Citation, Subject};

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

//! Several archives of one cluster, such as one per node, as one snapshot.

use std::collections::BTreeSet;

use jiff::SignedDuration;

use super::{Object, Snapshot};
use crate::model::{Problem, ProblemKind};

/// Archives that were collected further apart show different moments of a cluster.
const SAME_OCCASION: SignedDuration = SignedDuration::from_mins(30);

/// True when two bundles are of one cluster: the same uid of `kube-system`, or else the same nodes.
fn is_one_cluster(a: &Snapshot, b: &Snapshot) -> bool {
    match (a.cluster_uid(), b.cluster_uid()) {
        (Some(a), Some(b)) => a == b,
        _ => {
            let nodes = |snapshot: &Snapshot| -> BTreeSet<String> {
                snapshot.kind("Node").map(|node| node.key.name.clone()).collect()
            };
            let known = nodes(a);
            !known.is_empty() && known == nodes(b)
        }
    }
}

/// True when two bundles belong together without being told: one cluster, different machines, collected within half an hour.
pub fn belong_together(a: &Snapshot, b: &Snapshot) -> bool {
    let machines = |snapshot: &Snapshot| -> BTreeSet<String> {
        let names = snapshot.hosts.iter().map(|host| host.node_name().to_owned());
        names.filter(|name| !name.is_empty()).collect()
    };
    let (here, there) = (machines(a), machines(b));
    let apart = match (a.now(), b.now()) {
        (Some(a), Some(b)) => a.duration_since(b).abs(),
        _ => return false,
    };
    apart <= SAME_OCCASION && !here.is_empty() && !there.is_empty() && here.is_disjoint(&there) && is_one_cluster(a, b)
}

/// Puts snapshots together under the name of the first. Every fact keeps the citation of its own bundle, so the bundles were read
/// under different aliases. None when there is nothing to merge.
pub fn merge(snapshots: Vec<Snapshot>) -> Option<Snapshot> {
    let mut rest = snapshots.into_iter();
    let mut whole = rest.next()?;
    let mut inputs = vec![whole.bundle.input.clone()];
    for part in rest {
        inputs.push(part.bundle.input.clone());
        add(&mut whole, part);
    }
    whole.bundle.input = inputs.join(" + ");
    super::events::fold_duplicates(&mut whole.events);
    if inputs.len() > 1 {
        note_nodes_without_archive(&mut whole);
    }
    Some(whole)
}

fn add(whole: &mut Snapshot, mut part: Snapshot) {
    // Of an object that several archives show, the one seen last counts.
    let part_is_later = part.now() > whole.now();
    for (key, mut object) in std::mem::take(&mut part.objects) {
        match whole.objects.get_mut(&key) {
            None => {
                whole.objects.insert(key, object);
            }
            Some(known) if part_is_later && object.form >= known.form => {
                object.fill_from(known);
                *known = object;
            }
            Some(known) => Object::fill_from(known, &object),
        }
    }
    whole.applied.append(&mut part.applied);
    whole.events.append(&mut part.events);
    whole.hosts.append(&mut part.hosts);
    whole.logs.append(&mut part.logs);
    whole.hits.append(&mut part.hits);
    for (datum, count) in part.coverage.read {
        whole.coverage.note(datum, count);
    }
    whole.coverage.files.append(&mut part.coverage.files);
    whole.coverage.problems.append(&mut part.coverage.problems);
    whole.coverage.layouts.append(&mut part.coverage.layouts);
    if part_is_later {
        whole.bundle.collected_at = part.bundle.collected_at;
    }
}

/// A node of the cluster of which there is no archive is a gap: what happened on it is not known.
fn note_nodes_without_archive(whole: &mut Snapshot) {
    let seen: BTreeSet<&str> = whole.hosts.iter().map(super::Host::node_name).collect();
    let missing: Vec<String> = whole
        .kind("Node")
        .filter(|node| !seen.contains(node.key.name.as_str()))
        .map(|node| node.key.name.clone())
        .collect();
    for node in missing {
        whole.coverage.problems.push(Problem::bundle(
            ProblemKind::CollectorError,
            format!("node {node} has no archive among those that were merged"),
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::super::reading;
    use super::*;

    const NODES: &str = "NAME   STATUS     ROLES    AGE   VERSION\nn1     Ready      master   66m   v1.26.9\nn2     NotReady   worker   66m   v1.26.9\nn3     Ready      worker   66m   v1.26.9\n";

    fn archive(host: &str, time: &str) -> Snapshot {
        let date = format!("Sat Nov 21 {time} UTC 2026\n");
        let containers = format!(
            "CONTAINER ID   IMAGE   COMMAND   CREATED      STATUS      PORTS   NAMES\n29a2614d4315   nginx   \"sh\"      2 days ago   Up 2 days           web-{host}\n"
        );
        reading(&[
            (&format!("nodes/{host}/date"), &date),
            (&format!("nodes/{host}/docker-ps-a"), &containers),
            ("kubectl/nodes", NODES),
        ])
    }

    #[test]
    fn archives_of_two_nodes_at_one_time_belong_together() {
        let first = archive("n1", "10:20:00");
        assert!(belong_together(&first, &archive("n2", "10:41:00")));
        assert!(
            !belong_together(&first, &archive("n2", "10:51:00")),
            "half an hour later"
        );
        assert!(!belong_together(&first, &archive("n1", "10:21:00")), "the same machine");
    }

    #[test]
    fn a_merged_snapshot_has_the_machines_of_all_and_misses_the_third() {
        let merged = merge(vec![archive("n1", "10:20:00"), archive("n2", "10:21:00")]).unwrap();
        let hosts: Vec<&str> = merged.hosts.iter().map(|host| host.node_name()).collect();
        assert_eq!(hosts, ["n1", "n2"]);
        assert_eq!(merged.kind("Node").count(), 3);
        assert_eq!(merged.now().unwrap().to_string(), "2026-11-21T10:21:00Z");
        let gaps: Vec<&str> = merged
            .coverage
            .problems
            .iter()
            .map(|problem| &*problem.detail)
            .collect();
        assert_eq!(gaps, ["node n3 has no archive among those that were merged"]);
    }

    #[test]
    fn other_nodes_are_another_cluster() {
        let other = reading(&[(
            "kubectl/nodes",
            "NAME   STATUS   ROLES    AGE   VERSION\nx1     Ready    master   66m   v1.26.9\n",
        )]);
        assert!(!is_one_cluster(&archive("n1", "10:20:00"), &other));
    }
}

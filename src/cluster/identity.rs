//! Which bundles are of one cluster and one occasion: told by what stands in them, and by no name of a file.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::{Host, Snapshot};

/// Archives that were collected further apart show different moments of a cluster.
const SAME_OCCASION: SignedDuration = SignedDuration::from_mins(30);

/// What tells a bundle's cluster, its machines and its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    uid: Option<String>,
    rancher: Option<String>,
    /// Machine id of each node of the cluster; empty where it is not known.
    nodes: BTreeMap<String, String>,
    machines: BTreeSet<String>,
    now: Option<Timestamp>,
}

impl Identity {
    /// What a snapshot tells.
    pub fn of(snapshot: &Snapshot) -> Self {
        let machine_id = |node: &super::Object| node.text("/status/nodeInfo/machineID").to_owned();
        Self {
            uid: snapshot.cluster_uid().map(str::to_owned),
            rancher: rancher_id(snapshot),
            nodes: snapshot
                .kind("Node")
                .map(|node| (node.key.name.clone(), machine_id(node)))
                .collect(),
            machines: snapshot
                .hosts
                .iter()
                .map(|host| host.node_name().to_owned())
                .filter(|name| !name.is_empty())
                .collect(),
            now: snapshot.now(),
        }
    }

    /// True for a bundle of machines that says when it was collected; no other can be one of several archives of one cluster.
    pub fn may_be_a_part(&self) -> bool {
        !self.machines.is_empty() && self.now.is_some()
    }

    /// True for a moment of the same cluster before this one, told by the uid of its `kube-system` alone: names may be reused.
    fn comes_after(&self, other: &Self) -> bool {
        let (Some(uid), Some(now), Some(before)) = (&self.uid, self.now, other.now) else {
            return false;
        };
        other.uid.as_ref() == Some(uid) && now.duration_since(before) > SAME_OCCASION
    }

    /// What several archives of one cluster and occasion tell together.
    pub fn of_all<'i>(parts: impl IntoIterator<Item = &'i Self>) -> Option<Self> {
        let mut parts = parts.into_iter();
        let mut whole = parts.next()?.clone();
        for part in parts {
            whole.uid = whole.uid.or_else(|| part.uid.clone());
            whole.rancher = whole.rancher.or_else(|| part.rancher.clone());
            whole.nodes.extend(part.nodes.clone());
            whole.machines.extend(part.machines.clone());
            whole.now = whole.now.max(part.now);
        }
        Some(whole)
    }

    /// True for different machines at one time, whatever their cluster.
    fn is_beside(&self, other: &Self) -> bool {
        let apart = match (self.now, other.now) {
            (Some(a), Some(b)) => a.duration_since(b).abs(),
            _ => return false,
        };
        apart <= SAME_OCCASION
            && self.may_be_a_part()
            && other.may_be_a_part()
            && self.machines.is_disjoint(&other.machines)
    }

    /// Whether two bundles are of one cluster; none where they do not tell.
    fn is_of_cluster_of(&self, other: &Self) -> Option<bool> {
        if let (Some(a), Some(b)) = (&self.uid, &other.uid) {
            return Some(a == b);
        }
        if let (Some(a), Some(b)) = (&self.rancher, &other.rancher) {
            return Some(a == b);
        }
        match (self.nodes.is_empty(), other.nodes.is_empty()) {
            (false, false) => {
                let is_other_machine = |(name, id): (&String, &String)| {
                    other
                        .nodes
                        .get(name)
                        .is_some_and(|known| !known.is_empty() && !id.is_empty() && known != id)
                };
                Some(self.nodes.keys().eq(other.nodes.keys()) && !self.nodes.iter().any(is_other_machine))
            }
            (false, true) => self.has_nodes(&other.machines),
            (true, false) => other.has_nodes(&self.machines),
            (true, true) => None,
        }
    }

    /// An archive of a worker has no list of nodes; its machine stands in that of a server.
    fn has_nodes(&self, machines: &BTreeSet<String>) -> Option<bool> {
        let is_node = |machine: &String| self.nodes.keys().any(|node| is_same_name(node, machine));
        Some(machines.iter().all(is_node))
    }
}

/// True for one name with and without its domain.
fn is_same_name(a: &str, b: &str) -> bool {
    let is_short_of = |short: &str, long: &str| {
        long.strip_prefix(short)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.') && !short.contains('.'))
    };
    let (a, b) = (a.to_ascii_lowercase(), b.to_ascii_lowercase());
    is_short_of(&a, &b) || is_short_of(&b, &a)
}

/// True when a machine is a node of this name.
pub(super) fn is_node(host: &Host, node: &str) -> bool {
    is_same_name(host.node_name(), node)
}

/// The id that Rancher gives a cluster: it begins the project of every namespace, as in `c-m-8k2x9v4q:p-7xkzr` (rancher/rancher
/// `pkg/project/project.go`, annotation `field.cattle.io/projectId`). Rancher's own cluster is called `local` everywhere.
fn rancher_id(snapshot: &Snapshot) -> Option<String> {
    let projects = snapshot
        .kind("Namespace")
        .map(|namespace| namespace.text("/metadata/annotations/field.cattle.io~1projectId"));
    let ids: BTreeSet<&str> = projects
        .filter_map(|project| project.split_once(':'))
        .map(|(id, _)| id)
        .collect();
    let mut ids = ids.into_iter().filter(|id| !id.is_empty() && *id != "local");
    let id = ids.next()?;
    ids.next().is_none().then(|| id.to_owned())
}

/// Groups of bundles that belong together, as indices in rising order, those with the lowest index first: different machines of one
/// cluster, collected within half an hour of each other. A bundle that belongs to no other is a group of its own.
pub fn groups(bundles: &[Identity]) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..bundles.len()).collect();
    // Workers know their cluster only through the list of nodes of a server.
    order.sort_by_key(|&at| bundles.get(at).is_none_or(|bundle| bundle.nodes.is_empty()));
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for at in order {
        let Some(bundle) = bundles.get(at) else { continue };
        let fits = |group: &&mut Vec<usize>| {
            let others = || group.iter().filter_map(|&other| bundles.get(other));
            let cluster = |other: &Identity| bundle.is_of_cluster_of(other);
            others().all(|other| bundle.is_beside(other) && cluster(other) != Some(false))
                && others().any(|other| cluster(other) == Some(true))
        };
        match groups.iter_mut().find(fits) {
            Some(group) => group.push(at),
            None => groups.push(vec![at]),
        }
    }
    groups.iter_mut().for_each(|group| group.sort_unstable());
    groups.sort();
    groups
}

/// True for snapshots of one cluster of which the first shows an earlier occasion.
pub fn is_earlier(earlier: &Snapshot, later: &Snapshot) -> bool {
    Identity::of(later).comes_after(&Identity::of(earlier))
}

/// True for snapshots of one cluster of which the first was collected before the other, however shortly.
pub fn is_before(earlier: &Snapshot, later: &Snapshot) -> bool {
    let (before, after) = (Identity::of(earlier), Identity::of(later));
    before.uid.is_some() && before.uid == after.uid && before.now < after.now
}

/// Earlier bundles of one cluster that are looked at; each is read once more for every later one.
const EARLIER: usize = 6;

/// For each bundle, which of the others show its cluster before it, the last first.
pub fn earlier(bundles: &[Identity]) -> Vec<Vec<usize>> {
    let before = |bundle: &Identity| {
        let known = bundles.iter().enumerate();
        let mut before: Vec<(usize, &Identity)> = known.filter(|(_, other)| bundle.comes_after(other)).collect();
        before.sort_by_key(|(at, other)| (Reverse(other.now), *at));
        before.into_iter().take(EARLIER).map(|(at, _)| at).collect()
    };
    bundles.iter().map(before).collect()
}

#[cfg(test)]
mod tests {
    use super::super::reading;
    use super::*;

    const NODES: &str = "NAME   STATUS     ROLES    AGE   VERSION\nn1     Ready      master   66m   v1.26.9\nn2     NotReady   worker   66m   v1.26.9\nn3     Ready      worker   66m   v1.26.9\n";

    /// An archive of one machine at a time of the day, with what else it has of the cluster.
    fn archive(host: &str, time: &str, more: &[(&str, &str)]) -> Identity {
        let files = [
            (format!("nodes/{host}/date"), format!("Sat Nov 21 {time} UTC 2026\n")),
            (
                format!("nodes/{host}/docker-ps-a"),
                format!(
                    "CONTAINER ID   IMAGE   COMMAND   CREATED      STATUS      PORTS   NAMES\n29a2614d4315   nginx   \"sh\"      2 days ago   Up 2 days           web-{host}\n"
                ),
            ),
        ];
        let own = files.iter().map(|(path, text)| (path.as_str(), text.as_str()));
        Identity::of(&reading(&own.chain(more.iter().copied()).collect::<Vec<_>>()))
    }

    fn server(host: &str, time: &str) -> Identity {
        archive(host, time, &[("kubectl/nodes", NODES)])
    }

    fn namespaced(host: &str, uid: &str, project: &str) -> Identity {
        at("10:20:00", host, uid, project)
    }

    fn at(time: &str, host: &str, uid: &str, project: &str) -> Identity {
        let text = format!(
            r#"{{"kind": "Namespace", "apiVersion": "v1", "metadata": {{"name": "kube-system", "uid": "{uid}", "annotations": {{"field.cattle.io/projectId": "{project}"}}}}}}"#
        );
        archive(host, time, &[("ns.json", &text)])
    }

    #[test]
    fn the_moment_before_is_the_last_of_the_same_cluster_that_is_no_part_of_this_one() {
        let of = |uid: &str, time: &str| at(time, "a", uid, "");
        let all = [
            of("u1", "08:00:00"),
            of("u1", "12:00:00"),
            of("u2", "11:00:00"),
            of("u1", "10:00:00"),
            of("u1", "12:29:00"),
            of("", "13:00:00"),
        ];
        let last: Vec<Option<usize>> = earlier(&all).iter().map(|before| before.first().copied()).collect();
        assert_eq!(last, [None, Some(3), None, Some(0), Some(3), None]);
    }

    #[test]
    fn different_machines_at_one_time_belong_together() {
        let first = server("n1", "10:20:00");
        assert_eq!(groups(&[first.clone(), server("n2", "10:41:00")]), [vec![0, 1]]);
        assert_eq!(
            groups(&[first.clone(), server("n2", "10:51:00")]).len(),
            2,
            "half an hour later"
        );
        assert_eq!(groups(&[first, server("n1", "10:21:00")]).len(), 2, "the same machine");
    }

    #[test]
    fn each_archive_is_near_every_other_of_its_group() {
        let three = [
            server("n1", "10:00:00"),
            server("n2", "10:20:00"),
            server("n3", "10:40:00"),
        ];
        assert_eq!(groups(&three), [vec![0, 1], vec![2]]);
    }

    #[test]
    fn workers_without_cluster_state_are_known_by_the_servers_list() {
        let worker = |host: &str| archive(host, "10:21:00", &[]);
        let all = [
            worker("n3.example.com"),
            worker("other"),
            worker("n2"),
            server("n1", "10:20:00"),
        ];
        assert_eq!(groups(&all), [vec![0, 2, 3], vec![1]]);
        assert_eq!(
            groups(&[worker("n2"), worker("n3")]).len(),
            2,
            "nothing tells their cluster"
        );
    }

    #[test]
    fn the_uid_of_kube_system_and_the_id_of_rancher_tell_clusters_apart() {
        assert_eq!(
            groups(&[namespaced("a", "u1", ""), namespaced("b", "u1", "")]),
            [vec![0, 1]]
        );
        assert_eq!(groups(&[namespaced("a", "u1", ""), namespaced("b", "u2", "")]).len(), 2);
        assert_eq!(
            groups(&[
                namespaced("a", "", "c-m-8k2x9v4q:p-1"),
                namespaced("b", "", "c-m-8k2x9v4q:p-2")
            ]),
            [vec![0, 1]]
        );
        assert_eq!(
            groups(&[
                namespaced("a", "", "c-m-8k2x9v4q:p-1"),
                namespaced("b", "", "c-m-7h3m5q2w:p-1")
            ])
            .len(),
            2
        );
        assert_eq!(
            groups(&[namespaced("a", "", "local:p-1"), namespaced("b", "", "local:p-1")]).len(),
            2,
            "every Rancher's own is local"
        );
    }

    #[test]
    fn other_nodes_are_another_cluster() {
        let other = archive(
            "x1",
            "10:20:00",
            &[(
                "kubectl/nodes",
                "NAME   STATUS   ROLES    AGE   VERSION\nx1     Ready    master   66m   v1.26.9\n",
            )],
        );
        assert_eq!(groups(&[server("n1", "10:20:00"), other]).len(), 2);
    }
}

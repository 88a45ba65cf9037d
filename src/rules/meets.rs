//! Whether a rule that found nothing wrong had anything to look at.

use super::{Meets, RuleHeader, Unmet};
use crate::cluster::{Snapshot, datum_of_kind};

/// What a rule is about and a snapshot does not have; none where there was something to judge.
pub(super) fn unmet(snapshot: &Snapshot, header: &RuleHeader, family: &str) -> Option<Unmet> {
    let read_empty = |datum: &str| snapshot.coverage.read.get(datum) == Some(&0);
    let podless = || (OF_PODS.contains(&family) && read_empty("pods")).then(|| vec!["pods".to_owned()]);
    let empty = podless().or_else(|| header.needs.iter().find_map(|need| empty(snapshot, need)));
    let few = || header.meets.iter().find_map(|meets| few(snapshot, meets));
    let kind = || {
        let datum = datum_of_kind(&header.objects.as_ref()?.kind);
        read_empty(&datum).then(|| vec![datum])
    };
    empty.or_else(kind).map(Unmet::Empty).or_else(few)
}

/// Families whose rules judge pods and the programs in them: the logs of a host's own containers say nothing of those.
const OF_PODS: [&str; 5] = ["app", "crash", "probe", "scheduling", "workload"];

/// What tells of many things: where what a rule asks for by name was read and is empty, the rest tells of others.
const GENERAL: [&str; 3] = ["events", "container-logs", "other-text"];

/// The data of a need that were read and hold nothing.
fn empty(snapshot: &Snapshot, need: &str) -> Option<Vec<String>> {
    let read: Vec<(&str, u64)> = need
        .split('|')
        .filter_map(|datum| Some((datum, *snapshot.coverage.read.get(datum)?)))
        .collect();
    let (empty, full): (Vec<_>, Vec<_>) = read.into_iter().partition(|(_, count)| *count == 0);
    let is_met = full
        .iter()
        .any(|(datum, _)| !GENERAL.contains(datum) || empty.is_empty());
    (!is_met && !empty.is_empty()).then(|| empty.into_iter().map(|(datum, _)| datum.to_owned()).collect())
}

fn few(snapshot: &Snapshot, meets: &Meets) -> Option<Unmet> {
    let is_named =
        |name: &str| meets.named.is_empty() || meets.named.iter().any(|known| name.starts_with(known.as_str()));
    let count = |kind: &String| match kind.as_str() {
        "HostContainer" => {
            let containers = snapshot.hosts.iter().flat_map(|host| &host.containers);
            containers.filter(|container| is_named(&container.name)).count()
        }
        // A machine may be known by its own directory alone.
        "Node" => {
            let nodes = snapshot.kind("Node").filter(|node| is_named(&node.key.name));
            nodes.count().max(snapshot.node_names().len())
        }
        kind => snapshot.kind(kind).filter(|object| is_named(&object.key.name)).count(),
    };
    let seen: usize = meets.kinds.iter().map(count).sum();
    (seen < meets.least).then(|| Unmet::Few {
        kinds: meets.kinds.clone(),
        named: meets.named.clone(),
        least: meets.least,
        seen,
    })
}

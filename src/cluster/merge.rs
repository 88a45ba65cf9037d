//! Several archives of one cluster, such as one per node, as one snapshot.

use std::sync::OnceLock;

use super::derived::Derived;
use super::identity::is_node;
use super::{Archive, Object, Snapshot};
use crate::bundle::decode::Form;
use crate::model::{Problem, ProblemKind};

/// Puts snapshots together under the name of the first. Every fact keeps the citation of its own bundle, so the bundles were read
/// under different aliases. None when there is nothing to merge.
pub fn merge(snapshots: Vec<Snapshot>) -> Option<Snapshot> {
    let archives: Vec<Archive> = snapshots.iter().flat_map(Snapshot::archives).collect();
    let mut rest = snapshots.into_iter();
    let mut whole = rest.next()?;
    if archives.len() > 1 {
        rest.for_each(|part| add(&mut whole, part));
        super::told_by_nodes::drop_seen(&mut whole);
        super::events::fold_duplicates(&mut whole.events);
        note_nodes_without_archive(&mut whole);
        let inputs: Vec<&str> = archives.iter().map(|archive| archive.info.input.as_str()).collect();
        whole.bundle.input = inputs.join(" + ");
        whole.merged = archives;
        // What was worked out of the first alone is not true of all.
        whole.derived = Derived::default();
        whole.events_by_name = OnceLock::new();
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
            // What was collected stands for what logs told, however late that was.
            Some(known) if known.form == Form::Told && (part_is_later || object.form != Form::Told) => *known = object,
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
    whole.hits_set_aside.append(&mut part.hits_set_aside);
    for (datum, count) in part.coverage.read {
        whole.coverage.note(datum, count);
    }
    for (datum, mut cites) in part.coverage.empty {
        whole.coverage.empty.entry(datum).or_default().append(&mut cites);
    }
    whole.coverage.files.append(&mut part.coverage.files);
    whole.coverage.problems.append(&mut part.coverage.problems);
    whole.coverage.layouts.append(&mut part.coverage.layouts);
    whole.coverage.not_sought.append(&mut part.coverage.not_sought);
    if part_is_later {
        whole.bundle.collected_at = part.bundle.collected_at;
    }
}

/// A node of the cluster of which there is no archive is a gap: what happened on it is not known.
fn note_nodes_without_archive(whole: &mut Snapshot) {
    let has_archive = |node: &str| whole.hosts.iter().any(|host| is_node(host, node));
    let missing: Vec<String> = whole
        .kind("Node")
        .map(|node| node.key.name.clone())
        .filter(|node| !has_archive(node))
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
    use super::super::{NODE_WORDS, node_words, reading, reading_for};
    use super::*;
    use crate::logs::{SignatureSet, SignatureSpec, TextSource};

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
        let archives = merged.archives();
        let times: Vec<String> = archives
            .iter()
            .map(|archive| archive.info.collected_at.as_ref().unwrap().latest.to_string())
            .collect();
        assert_eq!(times, ["2026-11-21T10:20:00Z", "2026-11-21T10:21:00Z"]);
    }

    /// A node's logs, in which the kubelet puts a pod out.
    fn logs_of_node(day: u32) -> Snapshot {
        let line = format!(
            "Nov {day} 10:11:02 n1 kubelet[240]: I11{day} 10:11:02.1 240 eviction_manager.go:614] \"Eviction manager: pod is evicted successfully\" pod=\"shop/web-0\"\n"
        );
        let words = node_words();
        let own = SignatureSpec {
            id: "gone".into(),
            pattern: "pod is evicted successfully".into(),
            sources: Vec::new(),
            unless: None,
            within: None,
            tells_of_many: false,
        };
        let all = words.iter().map(|spec| (NODE_WORDS, spec)).chain([("r", &own)]);
        let signatures = SignatureSet::new(all).unwrap();
        let date = format!("Sat Nov {day} 10:12:00 UTC 2026\n");
        reading_for(
            &signatures,
            &[("nodes/n1/logs/kubelet.log", &line), ("nodes/n1/date", &date)],
        )
    }

    /// What was collected from the API an hour after the twentieth's log.
    fn objects() -> Snapshot {
        let pods = "NAMESPACE   NAME    READY   STATUS    RESTARTS   AGE\nshop        web-0   1/1     Running   0          3d\n";
        reading(&[("kubectl/pods", pods), ("date", "Fri Nov 20 11:12:00 UTC 2026\n")])
    }

    #[test]
    fn a_pod_that_was_collected_stands_for_one_that_logs_told_of() {
        let told = logs_of_node(20);
        assert_eq!(told.pod("shop", "web-0").unwrap().phase(), "Failed");
        assert_eq!(told.events.len(), 1);
        // Whichever is read first, and whichever is later.
        for day in [20, 21] {
            for parts in [vec![logs_of_node(day), objects()], vec![objects(), logs_of_node(day)]] {
                let merged = merge(parts).unwrap();
                let pod = merged.pod("shop", "web-0").unwrap();
                assert_eq!((pod.phase(), pod.object.text("/status/reason")), ("Running", ""));
                // A pod that is known to be well is over what its node told of it; the log's own line stays.
                assert_eq!(merged.events.len(), 0);
                let sources: Vec<_> = merged.hits("r/gone").map(|hit| hit.source).collect();
                assert_eq!(sources, [TextSource::Kubelet]);
            }
        }
    }

    #[test]
    fn what_logs_told_gives_way_to_the_events_of_another_archive() {
        let events = "LAST SEEN   TYPE      REASON    OBJECT      MESSAGE\n12m         Warning   BackOff   pod/api-0   Back-off restarting failed container\n";
        let with_events = || reading(&[("date", "Fri Nov 20 11:12:00 UTC 2026\n"), ("kubectl/events", events)]);
        let merged = merge(vec![logs_of_node(20), with_events()]).unwrap();
        let reasons: Vec<&str> = merged.events.iter().map(|event| event.reason.as_str()).collect();
        assert_eq!(reasons, ["BackOff"]);
        assert_eq!(
            merged.pod("shop", "web-0").unwrap().phase(),
            "Failed",
            "no pods were collected"
        );
    }
}

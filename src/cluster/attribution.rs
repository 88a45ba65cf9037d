//! Whose log a file is when its path is in no known arrangement: `checkout.log`, `02-coredns.log`, `logs/nginx-previous.log`, `1.log`.

use std::collections::{BTreeMap, BTreeSet};

use super::folders_of_logs::FoldersOfLogs;
use super::namespace_hints::{home_of, is_of_the_system, may_be_anywhere};
use super::owners::{is_made_by_a_set, workload_of_pod_name};
use super::{PodView, Snapshot, short_names};
use crate::logs::{ContainerRef, LogFile, Stream};
use crate::model::EntryPath;

/// Names shorter than this are found in too many file names by chance.
const SHORTEST_NAME: usize = 3;
/// Words that say that a file is a log, and nothing of whose.
const GENERIC: [&str; 22] = [
    "log",
    "logs",
    "previous",
    "prev",
    "current",
    "cur",
    "last",
    "old",
    "out",
    "output",
    "stdout",
    "stderr",
    "app",
    "pod",
    "container",
    "crash",
    "error",
    "kubectl",
    "tail",
    "raw",
    "paste",
    "text",
];

/// What is compared with a file's name.
struct Candidate {
    namespace: String,
    pod: String,
    /// The pod's name as a file's name may spell it.
    dashed: String,
    workload: String,
    containers: Vec<String>,
    failing: bool,
}

/// Gives each log of which the path says nothing to a pod, where one can be told.
pub(super) fn attribute_logs(snapshot: &mut Snapshot) {
    let candidates = candidates(snapshot);
    // `node-1` has the form of a StatefulSet's pod.
    let nodes: BTreeSet<String> = snapshot.node_names().into_iter().collect();
    let folders = FoldersOfLogs::of(snapshot);
    let mut streams: Vec<(usize, Stream)> = Vec::new();
    for (index, log) in snapshot.logs.iter().enumerate() {
        match &log.stream {
            Stream::Unknown => {
                streams.extend(by_name(&candidates, &nodes, &folders, log).map(|stream| (index, stream)))
            }
            Stream::Container(found) if found.pod.is_empty() => {}
            Stream::Container(found) if is_nobody(snapshot, &candidates, found) => {
                let named = by_name(&candidates, &nodes, &folders, log);
                streams.push((index, named.unwrap_or(Stream::Unknown)));
            }
            Stream::Container(found) => streams.extend(by_workload(&candidates, found).map(|stream| (index, stream))),
            Stream::Component(_) => {}
        }
    }
    for (index, stream) in streams {
        if let Some(log) = snapshot.logs.get_mut(index) {
            log.stream = stream;
        }
    }
    only_failing_one(snapshot, &candidates, &folders);
}

/// Gives the logs of pods that no listing shows their namespace: that in which alone something has the name of their workload, else the
/// only one that holds workloads of users.
pub(super) fn place_unlisted(snapshot: &mut Snapshot) {
    let mut named: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut all: BTreeSet<String> = BTreeSet::new();
    for kind in ["Deployment", "StatefulSet", "DaemonSet", "Service", "Endpoints", "Pod"] {
        for object in snapshot.kind(kind) {
            let namespace = &object.key.namespace;
            if !is_of_the_system(namespace) && !namespace.is_empty() {
                all.insert(namespace.clone());
            }
            named
                .entry(object.key.name.clone())
                .or_default()
                .insert(namespace.clone());
        }
    }
    let folders = FoldersOfLogs::of(snapshot);
    let only = |places: &BTreeSet<String>| match places.len() {
        1 => places.first().cloned(),
        _ => None,
    };
    for log in &mut snapshot.logs {
        let Stream::Container(container) = &mut log.stream else {
            continue;
        };
        if !container.namespace.is_empty() || container.pod.is_empty() {
            continue;
        }
        if let Some(namespace) = folders.namespace(&log.path) {
            container.namespace = namespace.to_owned();
            continue;
        }
        let of_set = || container.pod.rsplit_once('-').map(|(set, _)| set);
        let workload = workload_of_pod_name(&container.pod).or_else(of_set);
        let found = match (home_of(&container.pod), workload.and_then(|name| named.get(name))) {
            (Some(home), _) => Some(home.to_owned()),
            (None, Some(places)) => only(places),
            (None, None) if may_be_anywhere(&container.pod) => None,
            (None, None) => only(&all),
        };
        container.namespace = found.unwrap_or_default();
    }
}

fn candidates(snapshot: &Snapshot) -> Vec<Candidate> {
    let of = |pod: PodView<'_>| Candidate {
        namespace: pod.namespace().to_owned(),
        pod: pod.name().to_owned(),
        dashed: dashed(pod.name()),
        workload: snapshot.top_owner(pod.object).name,
        containers: pod
            .containers()
            .iter()
            .map(|container| container.name.to_owned())
            .collect(),
        failing: !pod.is_well() && !pod.is_terminating() && !pod.is_put_out(),
    };
    let mut found: Vec<Candidate> = snapshot.pods().map(of).collect();
    // What is surely in a namespace, and what fails, is preferred where several would do.
    found.sort_by_key(|candidate| (candidate.namespace.is_empty(), !candidate.failing));
    found
}

/// True for a name that a heading or a key gave, and that is no pod's: it has not the form of one, and nothing that was collected is called so.
fn is_nobody(snapshot: &Snapshot, candidates: &[Candidate], found: &ContainerRef) -> bool {
    let is_made = workload_of_pod_name(&found.pod).is_some() || is_made_by_a_set(&found.pod);
    let is_known = || {
        candidates
            .iter()
            .any(|known| [&known.pod, &known.workload, &known.namespace].contains(&&found.pod))
    };
    let kinds = [
        "Deployment",
        "StatefulSet",
        "DaemonSet",
        "Job",
        "CronJob",
        "Service",
        "Pod",
        "ReplicaSet",
    ];
    let is_object = || {
        kinds
            .iter()
            .any(|kind| snapshot.kind(kind).any(|object| object.key.name == found.pod))
    };
    // What tells the namespace too is no mere heading.
    found.namespace.is_empty() && !candidates.is_empty() && !is_made && !is_known() && !is_object()
}

/// A log command may name a workload in place of a pod: `kubectl logs deploy/cart`.
fn by_workload(candidates: &[Candidate], found: &ContainerRef) -> Option<Stream> {
    if candidates.iter().any(|candidate| candidate.pod == found.pod) {
        return None;
    }
    // A folder for each namespace with a file for each pod looks like a folder for each pod with a file for each container.
    if let Some(candidate) = candidates
        .iter()
        .find(|candidate| candidate.pod == found.container && candidate.namespace == found.pod)
    {
        return Some(Stream::Container(ContainerRef {
            namespace: candidate.namespace.clone(),
            pod: candidate.pod.clone(),
            container: String::new(),
            previous: found.previous,
        }));
    }
    let candidate = candidates.iter().find(|candidate| {
        candidate.workload == found.pod && (found.namespace.is_empty() || found.namespace == candidate.namespace)
    })?;
    Some(Stream::Container(ContainerRef {
        namespace: candidate.namespace.clone(),
        pod: candidate.pod.clone(),
        ..found.clone()
    }))
}

fn by_name(
    candidates: &[Candidate],
    nodes: &BTreeSet<String>,
    folders: &FoldersOfLogs,
    log: &LogFile,
) -> Option<Stream> {
    let parts: Vec<&str> = log.path.components().collect();
    let stem = &dashed(stem_of(&log.path));
    let spelled = dashed(log.path.as_str());
    let named = candidates
        .iter()
        .filter(|candidate| spelled.split('/').any(|part| has_word(part, &candidate.dashed)))
        .max_by_key(|candidate| (candidate.pod.len(), !candidate.namespace.is_empty()));
    if let Some(candidate) = named {
        let container = candidate
            .containers
            .iter()
            .find(|container| has_word(&stem.replace(&candidate.dashed, ""), container));
        return Some(stream(
            &log.path,
            &candidate.namespace,
            &candidate.pod,
            container.map_or("", String::as_str),
        ));
    }
    let mut of_pods = parts.iter().rev().filter(|part| !nodes.contains(**part));
    if let Some(pod) = of_pods.find_map(|part| pod_in(part, candidates.is_empty())) {
        return Some(stream(&log.path, "", &pod, ""));
    }
    if !is_log(log, stem) {
        return None;
    }
    // A folder that names a namespace forbids the workloads of all others.
    let place = folders.namespace(&log.path);
    let is_possible = |candidate: &&Candidate| {
        place.is_none_or(|place| candidate.namespace.is_empty() || candidate.namespace == place)
    };
    let candidates: Vec<&Candidate> = candidates.iter().filter(is_possible).collect();
    let folder = parts
        .len()
        .checked_sub(2)
        .and_then(|index| parts.get(index))
        .copied()
        .unwrap_or("");
    if let Some(candidate) = only_with_words(stem, &candidates) {
        return Some(stream(&log.path, &candidate.namespace, &candidate.pod, ""));
    }
    let workload = longest(&candidates, |candidate| {
        (has_word(stem, &candidate.workload) || folder == candidate.workload).then_some(candidate.workload.len())
    });
    if let Some(candidate) = workload {
        return Some(stream(&log.path, &candidate.namespace, &candidate.pod, ""));
    }
    let container_of = |candidate: &Candidate| {
        candidate
            .containers
            .iter()
            .filter(|name| has_word(stem, name))
            .max_by_key(|name| name.len())
            .cloned()
    };
    let owners: BTreeSet<&String> = candidates
        .iter()
        .filter(|candidate| container_of(candidate).is_some())
        .map(|candidate| &candidate.workload)
        .collect();
    let by_container = candidates
        .iter()
        .find(|candidate| container_of(candidate).is_some())
        .filter(|_| owners.len() == 1);
    let Some(by_container) = by_container else {
        let workloads = candidates.iter().map(|candidate| candidate.workload.as_str()).collect();
        let workload = short_names::meant(stem, &GENERIC, &workloads)?;
        let candidate = candidates.iter().find(|candidate| candidate.workload == workload)?;
        return Some(stream(&log.path, &candidate.namespace, &candidate.pod, ""));
    };
    Some(stream(
        &log.path,
        &by_container.namespace,
        &by_container.pod,
        &container_of(by_container).unwrap_or_default(),
    ))
}

/// The only pod whose name has all words of a file's stem, two or more: `m3-apiserver` beside `kube-apiserver-k8s-m3`, `web-tx9rc` beside
/// `web-5c749b66f6-tx9rc`. Numbers and words of logs tell nothing.
fn only_with_words<'c>(stem: &str, candidates: &[&'c Candidate]) -> Option<&'c Candidate> {
    let words: Vec<&str> = stem
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty() && !word.bytes().all(|byte| byte.is_ascii_digit()) && !GENERIC.contains(word))
        .collect();
    if words.len() < 2 {
        return None;
    }
    let has = |candidate: &Candidate, word: &str| candidate.dashed.split('-').any(|own| own == word);
    let has_all = |candidate: &&&Candidate| words.iter().all(|word| has(candidate, word));
    let mut found = candidates.iter().filter(has_all);
    match (found.next(), found.next()) {
        (Some(only), None) => Some(only),
        _ => None,
    }
}

/// The candidate with the longest match; among equals the first, which fails or is surely in a namespace.
fn longest<'c>(candidates: &[&'c Candidate], length: impl Fn(&Candidate) -> Option<usize>) -> Option<&'c Candidate> {
    let best = candidates.iter().filter_map(|candidate| length(candidate)).max()?;
    candidates
        .iter()
        .copied()
        .find(|candidate| length(candidate) == Some(best))
}

/// One log with a name that says nothing, beside one workload that fails: people bring the log of what fails.
fn only_failing_one(snapshot: &mut Snapshot, candidates: &[Candidate], folders: &FoldersOfLogs) {
    let failing: BTreeSet<&String> = candidates
        .iter()
        .filter(|candidate| candidate.failing)
        .map(|candidate| &candidate.workload)
        .collect();
    let unknown = |log: &&mut LogFile| {
        log.stream == Stream::Unknown && is_log(log, stem_of(&log.path)) && is_generic(stem_of(&log.path))
    };
    let folder_is_generic = |log: &LogFile| folders.around(&log.path).all(is_generic);
    let mut logs = snapshot.logs.iter_mut().filter(unknown);
    if failing.len() == 1
        && let Some(candidate) = candidates.iter().find(|candidate| candidate.failing)
        && let (Some(log), None) = (logs.next(), logs.next())
        && folder_is_generic(log)
    {
        log.stream = stream(&log.path, &candidate.namespace, &candidate.pod, "");
    }
}

fn stream(path: &EntryPath, namespace: &str, pod: &str, container: &str) -> Stream {
    let file = path.file_name();
    Stream::Container(ContainerRef {
        namespace: namespace.to_owned(),
        pod: pod.to_owned(),
        container: container.to_owned(),
        previous: file.contains("previous")
            || file.contains("-prev")
            || file.contains("_prev")
            || file.starts_with("prev"),
    })
}

/// A pod's name inside a file name, told by the shape that its controllers gave it. An ordinal (`mysql-0`) counts only in a bundle
/// that shows no pods at all.
fn pod_in(part: &str, ordinals: bool) -> Option<String> {
    let pieces = part.split(['_', '.', ' ', '@']);
    pieces
        .map(|piece| {
            ["-previous", "-prev", "-current", "-logs", "-log"]
                .iter()
                .find_map(|end| piece.strip_suffix(end))
                .unwrap_or(piece)
        })
        .find(|piece| workload_of_pod_name(piece).is_some() || (ordinals && is_made_by_a_set(piece)))
        .map(ToOwned::to_owned)
}

/// A name as it may be spelled in a file's name: what makes such names writes dashes, underscores or points for anything else.
pub(super) fn dashed(name: &str) -> String {
    name.replace(['_', '.', ' '], "-")
}

fn stem_of(path: &EntryPath) -> &str {
    path.file_name()
        .trim_end_matches(".gz")
        .rsplit_once('.')
        .map_or_else(|| path.file_name(), |(stem, _)| stem)
}

/// A note or a list beside the logs may carry a workload's name too; a log says so in its name or that of its folder, or has times.
fn is_log(log: &LogFile, stem: &str) -> bool {
    let file = log.path.file_name();
    let of_logs = |part: &str| has_word(&dashed(part), "logs") || has_word(&dashed(part), "log");
    let parts: Vec<&str> = log.path.components().collect();
    let folders = parts.split_last().map_or(&[][..], |(_, folders)| folders);
    file.contains(".log")
        || folders.iter().any(|folder| of_logs(folder))
        || ["log", "prev", "stdout", "stderr"]
            .iter()
            .any(|word| stem.contains(word))
        || log.first_stamped.is_some()
}

fn is_generic(stem: &str) -> bool {
    stem.split(|c: char| !c.is_ascii_alphabetic())
        .filter(|word| !word.is_empty())
        .all(|word| GENERIC.contains(&word.to_ascii_lowercase().as_str()))
}

/// True when `name` stands in `text` as a word of its own: no letter or digit touches it.
fn has_word(text: &str, name: &str) -> bool {
    if name.len() < SHORTEST_NAME {
        return false;
    }
    text.match_indices(name).any(|(at, _)| {
        let before = text.get(..at).and_then(|head| head.chars().next_back());
        let after = text.get(at + name.len()..).and_then(|tail| tail.chars().next());
        !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
    })
}

#[cfg(test)]
mod tests_of_unlisted {
    use super::super::reading;
    use crate::logs::Stream;

    #[test]
    fn the_log_of_a_pod_that_no_listing_shows_is_of_its_workloads_namespace() {
        for (log, namespace) in [
            ("cart-6bdf8c9d7-jd5lx.log", "shop"),
            ("coredns-6bdf8c9d7-jd5lx.log", "kube-system"),
        ] {
            let snapshot = reading(&[
                (
                    "deploy.txt",
                    "NAMESPACE   NAME   READY   UP-TO-DATE   AVAILABLE   AGE\nshop        cart   1/1     1            1           9d\n",
                ),
                (log, "2026-03-01T10:00:00Z ERROR no\n"),
            ]);
            let found = snapshot.logs.iter().find_map(|log| match &log.stream {
                Stream::Container(container) => Some(container.namespace.as_str()),
                _ => None,
            });
            assert_eq!(found, Some(namespace), "{log}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::reading;

    const PODS: &str = "NAMESPACE   NAME                        READY   STATUS             RESTARTS   AGE\nshop        cart-6bdf8c9d7-jd5lx        0/1     CrashLoopBackOff   7          12m\nshop        cart-db-0                   1/1     Running            0          77d\nshop        web-84cf6d6b95-qk4rc        1/1     Running            0          14d\n";

    fn owner(pods: &str, path: &str) -> String {
        let snapshot = reading(&[("pods.txt", pods), (path, "2026-01-01T00:00:00Z hello\n")]);
        match snapshot.logs.first().map(|log| &log.stream) {
            Some(Stream::Container(found)) => found.pod.clone(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn a_log_belongs_to_the_workload_that_its_name_spells() {
        assert_eq!(owner(PODS, "cart.log"), "cart-6bdf8c9d7-jd5lx");
        assert_eq!(owner(PODS, "02-cart-db.log"), "cart-db-0");
        assert_eq!(owner(PODS, "logs/web/current.log"), "web-84cf6d6b95-qk4rc");
        assert_eq!(owner(PODS, "kubectl_logs_n_shop_cart_db_0.log"), "cart-db-0");
        assert_eq!(
            owner(PODS, "kubectl_logs_web_84cf6d6b95_qk4rc_n_shop_tail_50.txt"),
            "web-84cf6d6b95-qk4rc"
        );
    }

    #[test]
    fn the_folder_of_a_machine_is_no_pod() {
        let log = ("nodes/node-1/logs/clean.log", "2026-01-01 00:00:00 start clean\n");
        let stream = |files: &[(&str, &str)]| reading(files).logs.first().map(|log| log.stream.clone());
        let nodes = (
            "nodes.txt",
            "NAME     STATUS   ROLES    AGE   VERSION\nnode-1   Ready    <none>   9d    v1.30.1\n",
        );
        assert_eq!(stream(&[nodes, log]), Some(Stream::Unknown));
        let of_a_set = ("logs/db-1/clean.log", log.1);
        assert!(matches!(stream(&[nodes, of_a_set]), Some(Stream::Container(found)) if found.pod == "db-1"));
    }

    #[test]
    fn a_name_that_says_nothing_belongs_to_what_fails() {
        assert_eq!(owner(PODS, "1.log"), "cart-6bdf8c9d7-jd5lx");
        assert_eq!(owner(PODS, "payments.log"), "Some(Unknown)");
    }

    #[test]
    fn a_path_that_names_another_pod_or_namespace_forbids_the_guess() {
        // A folder of one log is called after what wrote it.
        assert_eq!(owner(PODS, "x/0.log"), "Some(Unknown)");
        assert_eq!(owner(PODS, "logs/0.log"), "cart-6bdf8c9d7-jd5lx");
        assert_eq!(owner(PODS, "kube-system/web.log"), "Some(Unknown)");
        assert_eq!(
            owner(PODS, "kubeadm/podlogs/kube-system_foo-kcp-1_config.hash/foo/0.log"),
            "foo-kcp-1"
        );
    }

    #[test]
    fn a_program_of_the_cluster_is_not_of_the_only_namespace_of_users() {
        let snapshot = reading(&[
            ("pods.txt", PODS),
            ("logs/gateway-6bdf8c9d7-jd5lx.log", "2026-01-01T00:00:00Z hello\n"),
            (
                "logs/kube-system/agent-6bdf8c9d7-zd5lx.log",
                "2026-01-01T00:00:00Z hello\n",
            ),
            (
                "logs/cilium-operator-6bdf8c9d7-xd5lx.log",
                "2026-01-01T00:00:00Z hello\n",
            ),
        ]);
        let namespaces: BTreeMap<&str, &str> = snapshot
            .logs
            .iter()
            .filter_map(|log| match &log.stream {
                Stream::Container(found) => Some((found.pod.as_str(), found.namespace.as_str())),
                _ => None,
            })
            .collect();
        assert_eq!(namespaces.get("gateway-6bdf8c9d7-jd5lx"), Some(&"shop"));
        assert_eq!(namespaces.get("agent-6bdf8c9d7-zd5lx"), Some(&"kube-system"));
        assert_eq!(namespaces.get("cilium-operator-6bdf8c9d7-xd5lx"), Some(&""));
    }

    #[test]
    fn without_any_list_of_pods_the_name_of_a_pod_is_known_by_its_shape() {
        assert_eq!(
            owner("", "decoder-7c4cf4d69f-2rkhd-previous.log"),
            "decoder-7c4cf4d69f-2rkhd"
        );
        assert_eq!(owner("", "mysql-0.log"), "mysql-0");
    }
}

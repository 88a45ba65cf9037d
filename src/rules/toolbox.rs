//! What several rules ask of a snapshot.

pub mod backlogs;
pub mod calls;
pub mod certificates;
pub mod clocks;
pub mod common_store;
pub mod complaints;
pub mod credentials;
pub mod daemons;
pub mod deletions;
pub mod disks;
pub mod drivers;
pub mod echoes;
pub mod errors;
pub mod etcd;
pub mod grouping;
pub mod hosts;
pub mod jobs;
pub mod lasting;
pub mod longhorn;
pub mod made_for;
pub mod makers;
pub mod mentions;
pub mod mesh;
pub mod moments;
pub mod names;
pub mod networks;
pub mod nics;
pub mod node_agent;
pub mod nodes;
pub mod odd_nodes;
pub mod odd_pods;
pub mod packets;
pub mod passed;
pub mod peers;
pub mod pings;
pub mod planes;
pub mod policies;
pub mod pressure;
pub mod probes;
pub mod prunes;
pub mod references;
pub mod replica_sets;
pub mod schedules;
pub mod selectors;
pub mod services;
pub mod speakers;
pub mod states;
pub mod stores;
pub mod strain;
pub mod timeouts;
pub mod tls_servers;
pub mod told;
pub mod unanswered;
pub mod usage;
pub mod uses;
mod weight;
pub mod witnesses;

use super::refused::has_all_replicas;
use super::{Finding, Ground, Input, RuleHeader, Touch};
use crate::cluster::{Hit, PodView, Snapshot};
use crate::logs::{LogFile, TailLine, clean_line};
use crate::model::{Citation, QuoteLine, Subject};

/// All matches of a rule's own signatures.
pub fn own_hits<'s>(input: &Input<'s>, rule: &RuleHeader) -> Vec<&'s Hit> {
    let ids: Vec<String> = rule
        .text
        .iter()
        .map(|spec| format!("{}/{}", rule.id, spec.id))
        .collect();
    input
        .snapshot
        .hits
        .iter()
        .filter(|hit| ids.contains(&hit.signature))
        .collect()
}

/// Adds a match to a finding: captures, citation, times, what it touches.
pub fn add_hit(input: &Input<'_>, finding: &mut Finding, hit: &Hit) {
    super::text_rule::add_hit(input, finding, hit);
}

/// What a finding about a pod can be joined on: the pod, its top owner, its node.
pub fn workload_touches(snapshot: &Snapshot, pod: &Subject) -> Vec<Touch> {
    let mut touches = Touch::of(pod);
    touches.extend(Touch::of(&snapshot.top_owner_of(pod)));
    if let Some(view) = snapshot.pod(&pod.namespace, &pod.name)
        && !view.node().is_empty()
    {
        touches.push(Touch::new(Ground::Node, view.node()));
    }
    touches
}

/// True unless the pod is known and well now: a pod that is gone counts as failing only while no sibling of it is well, and, where
/// the pods of its namespace were listed, only while its workload still lacks replicas.
pub fn pod_is_failing(snapshot: &Snapshot, pod: &Subject) -> bool {
    match snapshot.pod(&pod.namespace, &pod.name) {
        Some(view) => !view.is_well(),
        None => {
            let owner = snapshot.top_owner_of(pod);
            let siblings: Vec<PodView<'_>> = snapshot.pods_of(&owner).collect();
            if siblings.is_empty() && lists_pods(snapshot, &pod.namespace) {
                let workload = snapshot.object(&owner.kind, &owner.namespace, &owner.name);
                return workload.is_some_and(|workload| !has_all_replicas(workload));
            }
            !siblings.iter().any(PodView::is_well)
        }
    }
}

/// True when the bundle has a listing of the namespace's pods. A few descriptions are none; many are, since a pod that was listed and
/// described is kept as the description.
pub fn lists_pods(snapshot: &Snapshot, namespace: &str) -> bool {
    let pods = || snapshot.pods().filter(|pod| pod.namespace() == namespace);
    pods().filter(|pod| pod.object.form.is_listed()).count() >= 2 || pods().count() >= DESCRIBED
}

/// Nobody describes so many pods one by one.
const DESCRIBED: usize = 5;

/// The last lines of a container's log that say something, newest last, with the citation of those lines. The previous instance's
/// log is preferred: it ends with what killed it.
pub fn last_words<'s>(
    snapshot: &'s Snapshot,
    pod: &PodView<'s>,
    container: &'s str,
    most: usize,
) -> Option<(&'s LogFile, Vec<&'s TailLine>)> {
    let mut logs: Vec<&LogFile> = snapshot
        .container_logs(pod.namespace(), pod.name(), container)
        .filter(|log| !log.tail.is_empty() && !is_description(log))
        .collect();
    logs.sort_by_key(|log| (!speakers::is_previous(log), log.path.clone()));
    // Where the runtime has deleted a log, the kubelet answers in its place (pkg/kubelet/kuberuntime/kuberuntime_container.go,
    // fetchLogs); such a file holds nobody's words.
    let is_word = |line: &&TailLine| !words(line).starts_with("unable to retrieve container logs for ");
    let (log, lines) = logs.into_iter().find_map(|log| {
        let lines: Vec<&TailLine> = log.tail.iter().filter(is_word).collect();
        (!lines.is_empty()).then_some((log, lines))
    })?;
    let from = lines.len().saturating_sub(most);
    Some((log, lines.into_iter().skip(from).collect()))
}

/// True for a file of which the name says that it holds what kubectl says of an object, not what its container wrote.
fn is_description(log: &LogFile) -> bool {
    let name = log.path.file_name().to_ascii_lowercase();
    let mut words = name.split(|c: char| !c.is_ascii_alphanumeric());
    words.any(|word| matches!(word, "describe" | "desc" | "describes"))
}

/// Cites lines of a log's tail; the last is the one that matters.
pub fn cite_tail(snapshot: &Snapshot, log: &LogFile, lines: &[&TailLine]) -> Option<Citation> {
    let (first, last) = (lines.first()?, lines.last()?);
    let mut citation = Citation::line(&snapshot.bundle.alias, &log.path, last.line, last.text.clone());
    citation.place = crate::model::Place::Lines(first.line, last.line);
    citation.quote = lines
        .iter()
        .map(|line| QuoteLine {
            line: Some(line.line),
            text: line.text.clone(),
            hit: line.line == last.line,
        })
        .collect();
    let when = snapshot.time_of(&last.text);
    Some(citation.at(when))
}

/// A log line as a person would quote it: without the runtime's prefix.
pub fn words(line: &TailLine) -> &str {
    clean_line(&line.text).trim()
}

/// The pods that are not well, with their top owners.
pub fn failing_pods<'s>(snapshot: &'s Snapshot) -> impl Iterator<Item = (PodView<'s>, Subject)> {
    snapshot
        .pods()
        .filter(|pod| !pod.is_well() && !pod.is_terminating())
        .map(|pod| (pod, snapshot.top_owner(pod.object)))
}

//! Why it was not prevented, not healed and not noticed: the barriers of the causal chain.

use serde_json::json;

use super::ledger::Ledger;
use super::phrases::{filled, phrase};
use crate::model::{Citation, Confidence, Text};
use crate::report::model::{CausalEdge, CausalGraph, CausalKind, CausalNode, Contributing};
use crate::rules::Role;

/// One of each kind.
pub(super) const MOST: usize = 3;

/// Adds the barriers to a graph of causes and effects. None where nothing broke.
pub(super) fn add(
    ledger: &mut Ledger<'_, '_>,
    contributing: &[Contributing],
    graph: &mut CausalGraph,
) -> Result<(), minijinja::Error> {
    let Some(root) = graph.nodes.first().cloned() else {
        return Ok(());
    };
    let first = graph.edges.iter().find(|edge| edge.from == root.id);
    let first = first.map_or_else(|| root.id.clone(), |edge| edge.to.clone());
    let last = graph
        .nodes
        .last()
        .map_or_else(|| root.id.clone(), |node| node.id.clone());
    // What is known to be missing rather than what may be.
    let known = |factor: &&Contributing| factor.sentence.confidence != Some(Confidence::Undetermined);
    if let Some(factor) = contributing.iter().rfind(known).or(contributing.first()) {
        let refs = match factor.sentence.refs.as_slice() {
            [] => root.refs.clone(),
            refs => refs.iter().take(2).cloned().collect(),
        };
        let confidence = factor.sentence.confidence.unwrap_or(Confidence::Possible);
        let label = factor.sentence.text.clone();
        push(graph, label, confidence, refs, &first, phrase("causal.not-prevented"));
    }
    if let Some((label, citation)) = healing(ledger)? {
        let refs = vec![ledger.cite(&citation)];
        push(
            graph,
            label,
            Confidence::Confirmed,
            refs,
            &first,
            phrase("causal.not-healed"),
        );
    }
    // Alerts are in no bundle, so the barrier stands where the failure could have been noticed, and says that nobody knows.
    let label = match ledger.diagnosis.snapshot.kind("PrometheusRule").next() {
        Some(_) => phrase("barrier.alerts-unknown"),
        None => phrase("barrier.no-alerts"),
    };
    let refs = graph
        .nodes
        .iter()
        .find(|node| node.id == last)
        .map(|node| node.refs.clone());
    push(
        graph,
        label,
        Confidence::Undetermined,
        refs.unwrap_or_default(),
        &last,
        phrase("causal.not-noticed"),
    );
    Ok(())
}

fn push(
    graph: &mut CausalGraph,
    label: Text,
    confidence: Confidence,
    refs: Vec<String>,
    before: &str,
    mechanism: Text,
) {
    let id = format!("N{}", graph.nodes.len() + 1);
    graph.nodes.push(CausalNode {
        id: id.clone(),
        kind: CausalKind::Barrier,
        label,
        confidence,
        refs: refs.clone(),
    });
    graph.edges.push(CausalEdge {
        from: id,
        to: before.to_owned(),
        label: mechanism,
        refs,
    });
}

/// What the system did by itself to recover, and where it shows that this did not help: a missing agent that would have re-created what is
/// gone, restarts of a container, or attempts that a controller or a kubelet repeated.
fn healing(ledger: &mut Ledger<'_, '_>) -> Result<Option<(Text, Citation)>, minijinja::Error> {
    let diagnosis = ledger.diagnosis;
    let involved = ledger.involved();
    let agent = diagnosis
        .findings
        .iter()
        .find(|finding| finding.rule == "cattle-node-agent-missing");
    if let (Some(agent), true) = (
        agent,
        involved.iter().any(|finding| finding.subject.kind == "HostContainer"),
    ) && let Some(citation) = agent.evidence.first()
    {
        return Ok(Some((ledger.title(agent)?, citation.clone())));
    }
    let subjects = || {
        let symptoms = involved
            .iter()
            .filter(|finding| diagnosis.role(finding) != Role::Factor);
        symptoms.flat_map(|finding| std::iter::once(&finding.subject).chain(&finding.affected))
    };
    let snapshot = diagnosis.snapshot;
    let pods: Vec<_> = subjects().flat_map(|subject| snapshot.pods_of(subject)).collect();
    let restarted = pods
        .iter()
        .flat_map(|pod| pod.containers().into_iter().map(move |container| (pod, container)))
        .filter(|(_, container)| container.restarts() > 0 && !container.is_ready())
        .max_by_key(|(_, container)| container.restarts());
    if let Some((pod, container)) = restarted {
        let facts = [
            ("container", json!(container.name)),
            ("count", json!(container.restarts())),
        ];
        let citation = pod.cite_status(&container, "/restartCount");
        return Ok(Some((filled("barrier.restarts", &facts), citation)));
    }
    let tried = snapshot
        .events
        .iter()
        .filter(|event| event.count > 1 && RETRIED.contains(&event.reason.as_str()))
        .filter(|event| {
            subjects().any(|subject| *subject == event.about || *subject == snapshot.top_owner_of(&event.about))
        })
        .max_by_key(|event| event.count);
    Ok(tried.map(|event| {
        let facts = [("reason", json!(event.reason)), ("count", json!(event.count))];
        (filled("barrier.retries", &facts), event.cite.clone())
    }))
}

/// Events of something that its controller, the scheduler or the kubelet tries again by itself: `pkg/kubelet/events/event.go`,
/// `pkg/controller/replicaset`, `pkg/scheduler/schedule_one.go`.
const RETRIED: [&str; 7] = [
    "Failed",
    "BackOff",
    "FailedCreate",
    "FailedScheduling",
    "FailedMount",
    "FailedCreatePodSandBox",
    "FailedAttachVolume",
];

//! Why it was not prevented, not healed and not noticed: the barriers of the causal chain.

use std::collections::BTreeMap;

use serde_json::json;

use super::ledger::Ledger;
use super::phrases::{filled, phrase};
use crate::model::{Citation, Confidence, Text};
use crate::report::model::{CausalEdge, CausalGraph, CausalKind, CausalNode, Contributing};
use crate::rules::{KnowledgeWording, Role};

/// Factors that stand as barriers, and those that stand as conditions.
const FACTORS: usize = 3;

/// The nodes to keep free: the factors that stand in the chain, what should have healed it, and what should have told of it.
pub(super) fn room(contributing: &[Contributing]) -> usize {
    let kinds = [CausalKind::Condition, CausalKind::Barrier];
    let factors: usize = kinds.iter().map(|kind| of_kind(contributing, *kind).count()).sum();
    factors.max(FACTORS) + 2
}

/// The factors of one kind that stand in the chain: what is known to be missing rather than what may be.
fn of_kind(contributing: &[Contributing], kind: CausalKind) -> impl Iterator<Item = &Contributing> {
    let known = |factor: &&Contributing| factor.sentence.confidence != Some(Confidence::Undetermined);
    let factors = contributing.iter().filter(known);
    factors.filter(move |factor| factor.kind == kind).take(FACTORS)
}

/// Adds the barriers to a graph of causes and effects. None where nothing broke. `ids` has the graph's id of each finding.
pub(super) fn add(
    ledger: &mut Ledger<'_, '_>,
    contributing: &[Contributing],
    ids: &BTreeMap<usize, String>,
    graph: &mut CausalGraph,
) -> Result<(), minijinja::Error> {
    let Some(root) = graph.nodes.first().cloned() else {
        return Ok(());
    };
    // What could have been prevented and noticed is every failure, not the first of them.
    let mut failures: Vec<String> = graph
        .nodes
        .iter()
        .filter(|node| node.kind == CausalKind::Failure)
        .map(|node| node.id.clone())
        .collect();
    if failures.is_empty() {
        let last = graph
            .nodes
            .last()
            .map_or_else(|| root.id.clone(), |node| node.id.clone());
        failures.push(last);
    }
    // The first factor is the one that the cause's rule names first.
    let conditions = of_kind(contributing, CausalKind::Condition);
    let mut factors: Vec<&Contributing> = conditions.chain(of_kind(contributing, CausalKind::Barrier)).collect();
    if factors.is_empty() {
        factors.extend(contributing.first());
    }
    for factor in factors {
        let refs = match factor.sentence.refs.as_slice() {
            [] => root.refs.clone(),
            refs => refs.to_vec(),
        };
        let mechanism = match factor.kind {
            _ if !factor.mechanism.zh.is_empty() => factor.mechanism.clone(),
            CausalKind::Condition => phrase("causal.made-possible"),
            _ => phrase("causal.not-prevented"),
        };
        let barrier = Barrier {
            kind: factor.kind,
            label: factor.sentence.text.clone(),
            confidence: factor.sentence.confidence.unwrap_or(Confidence::Possible),
            shown: refs.clone(),
            mechanism,
            known: refs,
        };
        push(graph, barrier, &failures);
    }
    if let Some(healing) = healing(ledger)? {
        let healed: Vec<String> = match &healing.heals {
            Some(findings) => findings.iter().filter_map(|index| ids.get(index).cloned()).collect(),
            None => failures.clone(),
        };
        let barrier = Barrier {
            kind: CausalKind::Barrier,
            label: healing.label,
            confidence: healing.confidence,
            known: [healing.refs.as_slice(), &healing.known].concat(),
            shown: healing.refs,
            mechanism: phrase("causal.not-healed"),
        };
        push(graph, barrier, &healed);
    }
    // Alerts are in no bundle, so the barrier stands where the failure could have been noticed, and says that nobody knows.
    let snapshot = ledger.diagnosis.snapshot;
    let rule = snapshot.kind("PrometheusRule").next();
    let files = json!(snapshot.coverage.files.len());
    let (label, shown) = match rule {
        Some(rule) => (
            phrase("barrier.alerts-unknown"),
            vec![ledger.cite(&rule.cite_at("/kind"))],
        ),
        None => (filled("barrier.no-alerts", &[("files", files)]), Vec::new()),
    };
    let known = ledger.know(&KnowledgeWording {
        text: phrase("knowledge.alerts"),
        reference: "prometheus.io/docs/alerting/latest/overview".into(),
    });
    let barrier = Barrier {
        kind: CausalKind::Barrier,
        label,
        confidence: Confidence::Undetermined,
        shown: shown.into_iter().chain([known.clone()]).collect(),
        mechanism: phrase("causal.not-noticed"),
        known: vec![known],
    };
    push(graph, barrier, &failures);
    Ok(())
}

/// One barrier or condition: what it is and what shows it, how it bears on the failure and what that rests on.
struct Barrier {
    kind: CausalKind,
    label: Text,
    confidence: Confidence,
    shown: Vec<String>,
    mechanism: Text,
    known: Vec<String>,
}

fn push(graph: &mut CausalGraph, barrier: Barrier, before: &[String]) {
    if before.is_empty() {
        return;
    }
    let id = format!("N{}", graph.nodes.len() + 1);
    graph.nodes.push(CausalNode {
        id: id.clone(),
        kind: barrier.kind,
        label: barrier.label,
        confidence: barrier.confidence,
        refs: barrier.shown,
    });
    graph.edges.extend(before.iter().map(|failure| CausalEdge {
        from: id.clone(),
        to: failure.clone(),
        label: barrier.mechanism.clone(),
        refs: barrier.known.clone(),
    }));
}

/// What should have healed the failure by itself.
struct Healing {
    label: Text,
    refs: Vec<String>,
    /// What is known of it in general.
    known: Vec<String>,
    confidence: Confidence,
    /// The findings that it would have healed, by their index; all failures where that is not known.
    heals: Option<Vec<usize>>,
}

/// What the system did by itself to recover, and where it shows that this did not help: a missing agent that would have re-created what is
/// gone, restarts of a container, or attempts that a controller or a kubelet repeated.
fn healing(ledger: &mut Ledger<'_, '_>) -> Result<Option<Healing>, minijinja::Error> {
    let diagnosis = ledger.diagnosis;
    let involved = ledger.involved();
    let agent = diagnosis
        .findings
        .iter()
        .enumerate()
        .find(|(_, finding)| finding.rule == "cattle-node-agent-missing");
    if let (Some((index, agent)), true) = (
        agent,
        involved.iter().any(|finding| finding.subject.kind == "HostContainer"),
    ) {
        // It re-creates what its rule says that it causes to be missing.
        let edges = diagnosis.edges.iter().filter(|edge| edge.from == index);
        let title = ledger.titled(agent)?;
        return Ok(Some(Healing {
            known: ledger.know_of(agent, &title.text),
            label: title.text,
            refs: title.refs,
            confidence: agent.confidence,
            heals: Some(edges.map(|edge| edge.to).collect()),
        }));
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
        return Ok(Some(observed(ledger, filled("barrier.restarts", &facts), &citation)));
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
        observed(ledger, filled("barrier.retries", &facts), &event.cite)
    }))
}

/// What the system is seen to have tried.
fn observed(ledger: &mut Ledger<'_, '_>, label: Text, cite: &Citation) -> Healing {
    Healing {
        label,
        refs: vec![ledger.cite(cite)],
        known: Vec::new(),
        confidence: Confidence::Confirmed,
        heals: None,
    }
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

//! Probes: what a container declares, how the kubelet says that they fail, and on which port the program says that it listens.
//!
//! Source of the messages: kubernetes `pkg/kubelet/prober/prober.go` (`%s probe failed: %s`), `pkg/kubelet/kuberuntime/kuberuntime_manager.go`
//! (`Container %s failed liveness probe, will be restarted`).

use serde_json::Value;

use super::speakers::{State, state_of};
use super::workload_touches;
use crate::cluster::{ContainerInstance, Event, PodView, Snapshot};
use crate::model::{Confidence, Subject};
use crate::rules::{Finding, Input, RuleHeader};

/// Which probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Restarts the container.
    Liveness,
    /// Takes the pod out of its Services.
    Readiness,
    /// Holds the others back until the program has started, and restarts the container.
    Startup,
}

impl Kind {
    /// All three.
    pub const ALL: [Self; 3] = [Self::Liveness, Self::Readiness, Self::Startup];

    /// As events write it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Liveness => "Liveness",
            Self::Readiness => "Readiness",
            Self::Startup => "Startup",
        }
    }

    /// What the kubelet says when it ends a container over it.
    fn kills(self) -> String {
        format!("failed {} probe", self.word().to_lowercase())
    }

    /// The field of a container.
    pub fn field(self) -> &'static str {
        match self {
            Self::Liveness => "livenessProbe",
            Self::Readiness => "readinessProbe",
            Self::Startup => "startupProbe",
        }
    }
}

/// A declared probe.
#[derive(Debug, Clone)]
pub struct Probe<'s> {
    /// Which.
    pub kind: Kind,
    /// Its object.
    pub value: &'s Value,
    /// Pointer inside the pod.
    pub pointer: String,
}

impl<'s> Probe<'s> {
    /// The probes of a container.
    pub fn of(container: &ContainerInstance<'s>) -> Vec<Self> {
        let Some(spec) = container.spec else { return Vec::new() };
        Kind::ALL
            .into_iter()
            .filter_map(|kind| {
                let value = spec.get(kind.field()).filter(|value| value.is_object())?;
                Some(Self {
                    kind,
                    value,
                    pointer: format!("{}/{}", container.spec_pointer, kind.field()),
                })
            })
            .collect()
    }

    /// Its port, as written: a number or a name.
    pub fn port(&self) -> Option<(&'s Value, &'static str)> {
        [
            ("/httpGet/port", "/httpGet/port"),
            ("/tcpSocket/port", "/tcpSocket/port"),
            ("/grpc/port", "/grpc/port"),
        ]
        .into_iter()
        .find_map(|(pointer, at)| Some((self.value.pointer(pointer)?, at)))
    }

    /// `HTTP` or `HTTPS`; none for other handlers.
    pub fn scheme(&self) -> Option<&'s str> {
        let get = self.value.get("httpGet")?;
        Some(get.get("scheme").and_then(Value::as_str).unwrap_or("HTTP"))
    }

    /// A number of its timing, with the API's default.
    pub fn number(&self, field: &str, default: i64) -> i64 {
        self.value.get(field).and_then(Value::as_i64).unwrap_or(default)
    }

    /// Seconds after which the kubelet gives up on a program that never answers.
    pub fn budget(&self) -> i64 {
        let attempts = self.number("failureThreshold", 3).max(1);
        self.number("initialDelaySeconds", 0)
            .saturating_add(self.number("periodSeconds", 10).saturating_mul(attempts))
    }
}

/// True when the pod's own trouble is present: it is not ready, or comes back only to be ended again.
pub fn is_ailing(snapshot: &Snapshot, pod: &PodView<'_>) -> bool {
    state_of(snapshot, pod, "") != State::Well && pod.phase() != "Failed"
}

/// True while every container of the pod that is not ready yet is within the time that its start-up probe gives it, and none was restarted.
pub fn is_still_starting(snapshot: &Snapshot, pod: &PodView<'_>) -> bool {
    let Some(now) = snapshot.now() else { return false };
    let containers = pod.containers();
    let mut late = containers
        .iter()
        .filter(|container| !container.init && !container.is_ready())
        .peekable();
    let has_time = |container: &ContainerInstance<'_>| {
        let began = pod
            .object
            .time(&format!("{}/state/running/startedAt", container.status_pointer));
        let probe = Probe::of(container)
            .into_iter()
            .find(|probe| probe.kind == Kind::Startup);
        let (Some(began), Some(probe)) = (began, probe) else {
            return false;
        };
        let seconds = now.duration_since(began.earliest).as_secs();
        container.restarts() == 0 && seconds <= probe.budget()
    };
    late.peek().is_some() && late.all(has_time)
}

/// The events by which the kubelet says that a probe of this pod fails.
pub fn failures<'s>(snapshot: &'s Snapshot, pod: &PodView<'s>, kind: Kind) -> Vec<&'s Event> {
    let failed = format!("{} probe ", kind.word());
    let kills = kind.kills();
    snapshot
        .events_named(pod.name())
        .filter(|event| event.about.kind == "Pod")
        .filter(|event| super::services::same_namespace(&event.about.namespace, pod.namespace()))
        .filter(|event| {
            let message = event.message.as_str();
            message
                .strip_prefix(failed.as_str())
                .is_some_and(|rest| rest.starts_with("failed") || rest.starts_with("errored"))
                || message.contains(kills.as_str())
        })
        .collect()
}

/// The part of a probe's message that says what went wrong.
pub fn reason(event: &Event) -> &str {
    event
        .message
        .split_once("probe failed: ")
        .or_else(|| event.message.split_once("probe errored"))
        .map_or(event.message.as_str(), |(_, rest)| rest)
        .trim()
}

/// True for a pod that passes for well while a container of it fails the probe in its present run too, over which the kubelet has ended
/// the run before: without a readiness probe a container is ready from its start.
fn fails_again(pod: &PodView<'_>, events: &[&Event], kind: Kind) -> bool {
    if pod.is_terminating() {
        return false;
    }
    let containers = pod.containers();
    let is_of = |event: &Event, container: &ContainerInstance<'_>| {
        event.container == container.name || event.container.is_empty() && containers.len() == 1
    };
    containers
        .iter()
        .filter(|container| container.restarts() > 0)
        .any(|container| {
            let began = pod
                .object
                .time(&format!("{}/state/running/startedAt", container.status_pointer));
            let own = events.iter().copied().filter(|event| is_of(event, container));
            let (ended, failed): (Vec<&Event>, Vec<&Event>) =
                own.partition(|event| event.message.contains(&kind.kills()));
            let is_since = |event: &&Event| {
                let times = began.as_ref().zip(event.last.as_ref());
                times.is_some_and(|(began, last)| last.earliest > began.latest)
            };
            !ended.is_empty() && failed.iter().any(is_since)
        })
}

/// Findings for workloads of which this probe fails now, one each.
pub fn failing(input: &Input<'_>, rule: &RuleHeader, kind: Kind) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings: Vec<Finding> = Vec::new();
    for pod in snapshot.pods() {
        let events = failures(snapshot, &pod, kind);
        if events.is_empty() || !is_ailing(snapshot, &pod) && !fails_again(&pod, &events, kind) {
            continue;
        }
        if kind == Kind::Startup && is_still_starting(snapshot, &pod) {
            continue;
        }
        let Some(latest) = events.iter().copied().max_by_key(|event| {
            (
                event.message.contains("probe failed: "),
                event.last.as_ref().map(|when| when.latest),
                event.count,
            )
        }) else {
            continue;
        };
        let subject = Subject::namespaced("Pod", pod.namespace(), pod.name());
        let owner = snapshot.top_owner(pod.object);
        let known = findings.iter().position(|finding| finding.subject == owner);
        let mut finding = known.map_or_else(
            || new_finding(rule, owner, &pod, latest, kind),
            |at| findings.swap_remove(at),
        );
        for event in events {
            finding.count += event.count;
            finding.add_cite(event.cite.clone());
            if let (Some(first), Some(last)) = (&event.first, &event.last) {
                finding.see(first.clone(), last.clone());
            }
        }
        finding.touches.extend(workload_touches(snapshot, &subject));
        finding.add_affected(subject);
        findings.push(finding);
    }
    for finding in &mut findings {
        finding.evidence.truncate(6);
        finding.facts.insert("times".into(), finding.count.into());
    }
    findings
}

fn new_finding(rule: &RuleHeader, owner: Subject, pod: &PodView<'_>, event: &Event, kind: Kind) -> Finding {
    let containers = pod.containers();
    let container = containers
        .iter()
        .find(|container| !event.container.is_empty() && container.name == event.container)
        .or_else(|| containers.iter().find(|container| !container.is_ready()));
    let mut finding = Finding::new(rule, owner, Confidence::Confirmed)
        .fact("container", container.map_or("", |container| container.name))
        .fact("pod", pod.name())
        .fact("restarts", container.map_or(0, ContainerInstance::restarts))
        .fact("reason", reason(event).chars().take(200).collect::<String>());
    finding.count = 0;
    if let Some(probe) =
        container.and_then(|container| Probe::of(container).into_iter().find(|probe| probe.kind == kind))
    {
        finding.path = format!(
            "spec.template.spec.containers[{}].{}",
            container.map_or("", |container| container.name),
            kind.field()
        );
        finding.add_cite(pod.object.cite_at(&probe.pointer));
    }
    finding
}

/// Ports on which the logs of a pod say that the program listens, by matches of the signature `probe-port-mismatch/listening`.
pub fn listens(snapshot: &Snapshot, pod: &PodView<'_>) -> Vec<(i64, crate::model::Citation)> {
    snapshot
        .hits("probe-port-mismatch/listening")
        .filter(|hit| hit.about.object.kind == "Pod" && hit.about.object.name == pod.name())
        .filter_map(|hit| Some((hit.captures.get("port")?.parse().ok()?, hit.cite.clone())))
        .collect()
}

/// True when some log of the pod was collected.
pub fn has_log(snapshot: &Snapshot, pod: &PodView<'_>) -> bool {
    snapshot
        .container_logs(pod.namespace(), pod.name(), "")
        .any(|log| log.lines > 0)
}

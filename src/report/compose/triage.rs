//! Chapter 2.1: what a person would look at first, with the command and what the bundle says it would print.

use serde_json::json;

use super::alive::sign;
use super::comparison::core_containers;
use super::ledger::Ledger;
use super::logged::namespaces_deleted;
use super::overview::shown as moment;
use super::phrases::{filled, phrase, small};
use super::reported::reported_before;
use super::server;
use super::stand_ins::stand_ins;
use crate::bundle::decode::ContainerState;
use crate::model::Text;
use crate::report::model::{CheckOutcome, TriageCheck};
use crate::rules::Alive;
use crate::rules::inventory::is_rke1;

/// So many events of a whole cluster do not show that nothing happened.
const FEW: usize = 1;
/// Lines observed that are shown for one check.
const SHOWN: usize = 6;

pub(super) fn triage(ledger: &mut Ledger<'_, '_>) -> Vec<TriageCheck> {
    let mut checks = Vec::new();
    checks.extend(rancher_server(ledger));
    checks.extend(components(ledger));
    checks.push(nodes(ledger));
    checks.push(pods(ledger));
    checks.push(events(ledger));
    checks
}

fn rancher_server(ledger: &mut Ledger<'_, '_>) -> Option<TriageCheck> {
    let snapshot = ledger.diagnosis.snapshot;
    let (host, container) = server::rancher_server(snapshot)?;
    let stand_in = stand_ins(host).into_iter().find(|one| one.name == container.name);
    let cites = std::iter::once(&container.cite).chain(stand_in.as_ref().map(|one| &one.process.cite));
    let refs = ledger.cite_all(cites);
    Some(TriageCheck {
        title: filled("triage.rancher", &[("host", host.runtime_name().into())]),
        outcome: match (container.state, &stand_in) {
            (ContainerState::Running, None) => CheckOutcome::Pass,
            (ContainerState::Running, Some(_)) => CheckOutcome::Unknown,
            _ => CheckOutcome::Fail,
        },
        command: "docker ps -a | grep rancher/rancher:".into(),
        observed: vec![format!("{}  {}  {}", container.image, container.status, container.name)],
        note: stand_in.map_or_else(Text::default, |_| filled("triage.stand-in", &[])),
        refs,
    })
}

fn components(ledger: &mut Ledger<'_, '_>) -> Vec<TriageCheck> {
    let snapshot = ledger.diagnosis.snapshot;
    let mut checks = Vec::new();
    for host in snapshot.hosts.iter().filter(|host| is_rke1(host)) {
        let (count, present) = core_containers(host);
        let stand_ins = stand_ins(host);
        let mut inside = stand_ins
            .iter()
            .filter(|one| present.iter().any(|known| known.name == one.name));
        let first = inside.next();
        let processes = first.into_iter().chain(inside).map(|one| &one.process.cite);
        let containers = present.iter().map(|container| &container.cite);
        let refs = ledger.cite_all(containers.chain(processes));
        let counts = [
            ("host", host.runtime_name().into()),
            ("well", json!(present.len())),
            ("all", json!(count)),
        ];
        checks.push(TriageCheck {
            title: filled("triage.core", &counts),
            outcome: match first {
                _ if present.len() < count => CheckOutcome::Fail,
                Some(_) => CheckOutcome::Unknown,
                None => CheckOutcome::Pass,
            },
            command: "docker ps -a --filter label=io.rancher.rke.container.name".into(),
            observed: present
                .iter()
                .map(|container| format!("{}  {}", container.name, container.status))
                .collect(),
            note: first.map_or_else(Text::default, |one| {
                filled("triage.core-stand-ins", &[("command", one.command().into())])
            }),
            refs,
        });
    }
    checks
}

fn nodes(ledger: &mut Ledger<'_, '_>) -> TriageCheck {
    let diagnosis = ledger.diagnosis;
    let snapshot = diagnosis.snapshot;
    let title = phrase("triage.nodes");
    let command = "kubectl get nodes -o wide".to_owned();
    if !snapshot.coverage.has("nodes") {
        return unknown(title, command);
    }
    let mut observed = Vec::new();
    let mut refs = Vec::new();
    let mut all_ready = true;
    for node in snapshot.kind("Node").filter(|node| diagnosis.shows("", &node.key.name)) {
        let conditions = node.list("/status/conditions");
        let ready = conditions
            .iter()
            .position(|condition| condition.get("type").and_then(|kind| kind.as_str()) == Some("Ready"));
        let status = ready
            .map(|index| node.text(&format!("/status/conditions/{index}/status")))
            .unwrap_or("");
        all_ready &= status == "True";
        if observed.len() < SHOWN {
            refs.push(ledger.cite(&node.cite_at("/status/nodeInfo/kubeletVersion")));
            observed.push(format!(
                "{}  Ready={}  {}",
                node.key.name,
                if status.is_empty() { "?" } else { status },
                node.text("/status/nodeInfo/kubeletVersion")
            ));
            if let Some(index) = ready {
                refs.push(ledger.cite(&node.cite_at(&format!("/status/conditions/{index}"))));
            }
        }
    }
    if observed.is_empty() {
        return TriageCheck {
            note: phrase("triage.no-nodes"),
            ..nothing(title, command)
        };
    }
    let early = reported_before(ledger).filter(|_| all_ready);
    let alive = early.as_ref().and_then(|_| sign(ledger, Alive::Kubelet));
    let cites = early.iter().flat_map(|early| &early.cites);
    refs.extend(ledger.cite_all(cites.chain(alive.iter().flat_map(|sign| &sign.cites))));
    TriageCheck {
        title,
        outcome: match (&early, all_ready) {
            (Some(_), _) => CheckOutcome::Unknown,
            (None, true) => CheckOutcome::Pass,
            (None, false) => CheckOutcome::Fail,
        },
        command,
        observed,
        note: early.map_or_else(Text::default, |when| {
            let sign = alive.map(|sign| sign.text).unwrap_or_default();
            let mut facts = when.facts().to_vec();
            facts.extend([("alive_zh", sign.zh.into()), ("alive_en", small(&sign.en).into())]);
            filled("triage.reported-before", &facts)
        }),
        refs,
    }
}

fn pods(ledger: &mut Ledger<'_, '_>) -> TriageCheck {
    let diagnosis = ledger.diagnosis;
    let snapshot = diagnosis.snapshot;
    let title = phrase("triage.pods");
    let command = "kubectl get pods -A -o wide".to_owned();
    if !snapshot.coverage.has("pods") {
        return unknown(title, command);
    }
    let shown = || {
        snapshot
            .pods()
            .filter(|pod| diagnosis.shows(pod.namespace(), pod.node()))
    };
    let all = shown().count();
    if all == 0 {
        let deleted = namespaces_deleted(ledger);
        let empty = snapshot.empty_listing("pods").into_iter();
        let refs = ledger.cite_all(empty.chain(deleted.iter().map(|one| &one.cite)));
        let mut note = phrase("triage.no-pods");
        if !deleted.is_empty() {
            let names = deleted
                .iter()
                .map(|one| ledger.masker.mask(&one.namespace).into_owned());
            let names: Vec<String> = names.collect();
            let times: Vec<String> = deleted.iter().map(|one| moment(&one.when)).collect();
            let gone = filled(
                "triage.namespace-deleted",
                &[("names", json!(names)), ("times", json!(times))],
            );
            note.zh.push_str(&gone.zh);
            note.en.push_str(&gone.en);
        }
        return TriageCheck {
            note,
            refs,
            ..nothing(title, command)
        };
    }
    let failing: Vec<_> = shown().filter(|pod| !pod.is_well()).collect();
    let mut refs = Vec::new();
    let mut observed = Vec::new();
    for pod in failing.iter().take(SHOWN) {
        let containers = pod.containers();
        let waiting = containers
            .iter()
            .find_map(|container| container.waiting().map(|waiting| waiting.reason));
        observed.push(format!(
            "{}  {}  {}",
            pod.namespace(),
            pod.name(),
            waiting.unwrap_or_else(|| pod.phase())
        ));
        refs.push(ledger.cite(&pod.object.cite_at("/status/phase")));
    }
    let note = filled(
        "triage.pods-note",
        &[("failing", json!(failing.len())), ("all", json!(all))],
    );
    TriageCheck {
        title,
        outcome: if failing.is_empty() {
            CheckOutcome::Pass
        } else {
            CheckOutcome::Fail
        },
        command,
        observed,
        note,
        refs,
    }
}

fn events(ledger: &mut Ledger<'_, '_>) -> TriageCheck {
    let snapshot = ledger.diagnosis.snapshot;
    let title = phrase("triage.events");
    let command = "kubectl get events -A --field-selector type=Warning".to_owned();
    if !snapshot.coverage.has("events") {
        return unknown(title, command);
    }
    let diagnosis = ledger.diagnosis;
    let warnings: Vec<_> = snapshot
        .events
        .iter()
        .filter(|event| event.warning && diagnosis.shows(&event.about.namespace, &event.host))
        .collect();
    if warnings.is_empty() && snapshot.events.is_empty() {
        let refs = ledger.cite_all(snapshot.empty_listing("events"));
        return TriageCheck {
            note: phrase("triage.no-events"),
            refs,
            ..nothing(title, command)
        };
    }
    // That none of the events is a warning is shown by the events.
    let refs = match warnings.as_slice() {
        [] => ledger.cite_all(
            snapshot
                .events
                .iter()
                .filter_map(|event| event.kind_cite.as_ref())
                .take(SHOWN),
        ),
        warnings => ledger.cite_all(warnings.iter().map(|event| &event.cite).take(SHOWN)),
    };
    let observed = warnings
        .iter()
        .take(SHOWN)
        .map(|event| {
            ledger
                .masker
                .mask(&format!(
                    "{}  {}  {}  ×{}",
                    event.reason, event.about, event.message, event.count
                ))
                .into_owned()
        })
        .collect();
    let note = match warnings.len() {
        0 => filled("triage.no-warnings", &[("count", json!(snapshot.events.len()))]),
        count => filled("triage.events-note", &[("count", json!(count))]),
    };
    // Warnings alone are no fault: old and passing ones are normal. Beside a cause they are part of what is wrong.
    let outcome = if warnings.is_empty() && snapshot.events.len() <= FEW {
        CheckOutcome::Unknown
    } else if warnings.is_empty() || ledger.is_healthy() {
        CheckOutcome::Pass
    } else {
        CheckOutcome::Fail
    };
    TriageCheck {
        title,
        outcome,
        command,
        observed,
        note,
        refs,
    }
}

/// A list that was read and is empty: to find nothing wrong in it is no pass.
fn nothing(title: Text, command: String) -> TriageCheck {
    TriageCheck {
        outcome: CheckOutcome::NotApplicable,
        ..unknown(title, command)
    }
}

fn unknown(title: Text, command: String) -> TriageCheck {
    TriageCheck {
        title,
        outcome: CheckOutcome::Unknown,
        command,
        observed: Vec::new(),
        note: phrase("state.not-collected"),
        refs: Vec::new(),
    }
}

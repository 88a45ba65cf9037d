//! Containers whose healthy state is to have ended, and which ended so soon that their exit code says nothing of their work.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::contradictions::Told;
use super::ledger::Ledger;
use crate::bundle::decode::ContainerState;
use crate::cluster::{Host, HostContainer};
use crate::model::When;
use crate::rules::inventory::{Healthy, expected};

/// Less than a program needs to begin, to reach another machine over TLS and to write what it gets.
const BRIEF: SignedDuration = SignedDuration::from_millis(100);
/// Such containers that are told of.
const TOLD: usize = 2;

/// Those of the baseline that the cause's findings miss in the incident's bundles.
pub(super) fn brief_runs(ledger: &Ledger<'_, '_>) -> Vec<Told> {
    let snapshot = ledger.diagnosis.snapshot;
    let hosts = ledger
        .diagnosis
        .baseline
        .into_iter()
        .flat_map(|baseline| &baseline.hosts);
    let mut told = Vec::new();
    for container in hosts.flat_map(|host| &host.containers) {
        let is_missing = |finding: &&crate::rules::Finding| {
            let names = finding.facts.get("missing").and_then(Value::as_array);
            let mut names = names.into_iter().flatten();
            names.any(|name| name.as_str() == Some(container.name.as_str()))
        };
        if ledger.root_findings().iter().any(is_missing) {
            told.extend(brief_run(&snapshot.hosts, container));
        }
    }
    told.truncate(TOLD);
    told
}

fn brief_run(hosts: &[Host], container: &HostContainer) -> Option<Told> {
    let ends = expected(&container.name)?.state == Healthy::ExitedZero;
    let inspect = container.inspect.as_ref()?;
    let at = |pointer: &str| When::rfc3339(inspect.value.pointer(pointer)?.as_str()?);
    let ran = at("/State/StartedAt")?.gap_to(&at("/State/FinishedAt")?);
    let is_brief = container.state == ContainerState::Exited(Some(0)) && !ran.is_negative() && ran < BRIEF;
    if !ends || !is_brief {
        return None;
    }
    let id = inspect.value.get("Id").and_then(Value::as_str).unwrap_or_default();
    let events = hosts.iter().flat_map(|host| &host.runtime_events);
    let of = |action: &'static str| {
        let mut events = events.clone();
        events.find(move |event| event.kind == "container" && event.action == action && event.id == id)
    };
    let acts = of("start").zip(of("die"));
    let apart = acts.and_then(|(start, die)| Some(start.when.as_ref()?.gap_to(die.when.as_ref()?)));
    let entrypoint = inspect.value.pointer("/Config/Entrypoint/0").and_then(Value::as_str);
    let facts = [
        ("name", json!(container.name)),
        ("millis", json!(millis(ran))),
        ("events", json!(apart.map(|apart| apart.as_millis().to_string()))),
        ("entrypoint", json!(entrypoint.unwrap_or(&container.image))),
    ];
    let acts = acts
        .into_iter()
        .flat_map(|(start, die)| [start.cite.clone(), die.cite.clone()]);
    let places = std::iter::once(inspect.cite.clone()).chain(acts).collect();
    Some(Told::of("contradiction.brief-run", &facts, places))
}

/// `1.3`: below ten milliseconds with one digit behind the point.
fn millis(span: SignedDuration) -> String {
    let micros = span.as_micros();
    match micros {
        ..10_000 => format!("{}.{}", micros / 1000, micros % 1000 / 100),
        _ => (micros / 1000).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_spans_keep_a_digit() {
        assert_eq!(millis(SignedDuration::from_micros(1316)), "1.3");
        assert_eq!(millis(SignedDuration::from_micros(28_469)), "28");
    }
}

//! Chapter 1.2: what was seen to be wrong, and beside it what was seen to be well.

use serde_json::json;

use super::comparison::core_containers;
use super::ledger::Ledger;
use super::overview::shown;
use super::phrases::filled;
use super::stand_ins::stand_ins;
use crate::bundle::decode::ContainerState;
use crate::cluster::Host;
use crate::diagnosis::Diagnosis;
use crate::model::Text;
use crate::report::model::Sentence;
use crate::rules::inventory::{is_rke1, names};
use crate::rules::{Finding, Role};

pub(super) fn symptoms(ledger: &mut Ledger<'_, '_>) -> Result<Vec<Sentence>, minijinja::Error> {
    let diagnosis = ledger.diagnosis;
    let mut sentences = Vec::new();
    for index in ledger.involved_indices() {
        let Some(finding) = diagnosis.findings.get(index) else {
            continue;
        };
        if diagnosis.role(finding) == Role::Symptom && !is_echo(diagnosis, index, finding) {
            let header = ledger.header(finding);
            let Some(header) = header else { continue };
            let mut sentence = ledger.sentence(&header.title, finding)?;
            sentence.confidence = None;
            append_span(&mut sentence.text, finding);
            sentences.push(sentence);
        }
    }
    if sentences.is_empty() {
        // Nothing complains aloud (a pruned container): the state itself is the symptom.
        sentences.extend(missing_containers(ledger));
    }
    if sentences.is_empty() {
        for finding in ledger
            .involved()
            .into_iter()
            .filter(|finding| diagnosis.role(finding) == Role::Link)
        {
            let Some(header) = ledger.header(finding) else { continue };
            sentences.push(ledger.sentence(&header.title, finding)?);
        }
    }
    Ok(sentences)
}

/// What another symptom of the very same object says already, and more of it: a condition beside the count that it sums up.
fn is_echo(diagnosis: &Diagnosis<'_>, index: usize, finding: &Finding) -> bool {
    let says_it = |from: usize| {
        diagnosis
            .findings
            .get(from)
            .is_some_and(|other| diagnosis.role(other) == Role::Symptom && other.subject == finding.subject)
    };
    let mut causes = diagnosis.edges.iter().filter(|edge| edge.to == index);
    finding.affected.is_empty() && causes.any(|edge| says_it(edge.from))
}

fn append_span(text: &mut Text, finding: &Finding) {
    if let (Some(first), Some(last)) = (&finding.first, &finding.last) {
        let span = filled(
            "span",
            &[
                ("first", shown(first).into()),
                ("last", shown(last).into()),
                ("count", json!(finding.count)),
            ],
        );
        text.zh.push_str(&span.zh);
        text.en.push(' ');
        text.en.push_str(&span.en);
    }
}

/// Hosts of which containers are missing: the list that has them not, and what runs all the same.
fn missing_containers(ledger: &mut Ledger<'_, '_>) -> Vec<Sentence> {
    let diagnosis = ledger.diagnosis;
    let lost: Vec<&Finding> = ledger
        .involved()
        .into_iter()
        .filter(|finding| diagnosis.role(finding) == Role::Link && finding.subject.kind == "HostContainer")
        .collect();
    let hosts: Vec<&Host> = diagnosis.snapshot.hosts.iter().filter(|host| is_rke1(host)).collect();
    let mut sentences = Vec::new();
    for host in hosts {
        let of_host = || {
            lost.iter()
                .filter(|finding| finding.subject.node == host.runtime_name())
        };
        let gone: Vec<&str> = of_host()
            .map(|finding| finding.subject.name.as_str())
            .filter(|name| host.container(name).is_none())
            .collect();
        let listing = of_host().find_map(|finding| finding.evidence.first());
        let (Some(listing), Some(entries)) = (listing, host.complete_listing().map(|listing| listing.entries)) else {
            continue;
        };
        if gone.is_empty() {
            continue;
        }
        let facts = [
            ("host", json!(host.runtime_name())),
            ("entries", json!(entries)),
            ("names", json!(gone)),
        ];
        sentences.push(Sentence {
            text: filled("symptom.containers-missing", &facts),
            refs: vec![ledger.cite(listing)],
            confidence: None,
        });
        sentences.push(still_running(ledger, host));
    }
    sentences
}

/// What of a host's components runs: the evidence shows no more of the effect.
fn still_running(ledger: &mut Ledger<'_, '_>, host: &Host) -> Sentence {
    let (wanted, running) = core_containers(host);
    let rancher = host
        .containers
        .iter()
        .find(|container| names(&container.image, "rancher") && container.state == ContainerState::Running);
    let stand_ins = stand_ins(host);
    let containers = running.iter().copied().chain(rancher).map(|container| &container.cite);
    let facts = [
        ("host", json!(host.runtime_name())),
        ("all", json!(wanted)),
        ("well", json!(running.len())),
        ("stand_ins", json!(stand_ins.len())),
        (
            "rancher",
            json!(rancher.map(|one| one.name.as_str()).unwrap_or_default()),
        ),
    ];
    Sentence {
        text: filled("symptom.still-running", &facts),
        refs: ledger.cite_all(containers),
        confidence: None,
    }
}

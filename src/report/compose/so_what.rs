//! What an incident costs: the function that a missing system container has, why its loss cannot be seen in the bundle, and what works.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::alive::renewed;
use super::claims::shows;
use super::comparison::{core_containers, state_word};
use super::ledger::Ledger;
use super::overview::shown;
use super::phrases::{filled, phrase, small};
use super::stand_ins::{StandIn, stand_ins};
use crate::bundle::decode::ContainerState;
use crate::cluster::{Host, HostContainer, Snapshot, empty_log};
use crate::diagnosis::Diagnosis;
use crate::model::{Citation, Listing, Subject, Text};
use crate::report::model::{Impact, ResourceRow, Sentence};
use crate::rules::inventory::{expected, is_rke1, names};
use crate::rules::{Finding, KnowledgeWording};

/// Logs that would show the loss of a component's function.
const TELLING: [(&str, &str); 2] = [("kubelet-log", "kubelet"), ("kube-apiserver-log", "kube-apiserver")];

/// System containers of the incident that their host has not.
fn lost<'d>(diagnosis: &'d Diagnosis<'_>, involved: &[&'d Finding]) -> Vec<(&'d Host, &'d Subject)> {
    let mut lost: Vec<(&Host, &Subject)> = Vec::new();
    let subjects = involved
        .iter()
        .flat_map(|finding| std::iter::once(&finding.subject).chain(&finding.affected));
    for subject in subjects.filter(|subject| expected(&subject.name).is_some()) {
        let mut hosts = diagnosis.snapshot.hosts.iter();
        let host = hosts.find(|host| host.runtime_name() == subject.node);
        let Some(host) = host.filter(|host| is_missing(host, subject)) else {
            continue;
        };
        if lost.iter().all(|(_, known)| *known != subject) {
            lost.push((host, subject));
        }
    }
    lost
}

fn is_missing(host: &Host, subject: &Subject) -> bool {
    subject.kind == "HostContainer" && host.complete_listing().is_some() && host.container(&subject.name).is_none()
}

/// True where something of the incident is still gone in what was collected last.
pub(super) fn is_ongoing(ledger: &Ledger<'_, '_>) -> bool {
    !lost(ledger.diagnosis, &ledger.involved()).is_empty()
}

/// The function lost and what still works, with numbers; none where the incident is about something else.
pub(super) fn so_what(ledger: &mut Ledger<'_, '_>) -> Option<Sentence> {
    let diagnosis = ledger.diagnosis;
    let lost = lost(diagnosis, &ledger.involved());
    let (first, _) = lost.first()?;
    let roles = lost.iter().map(|(_, subject)| role(&subject.name));
    let roles: Vec<Text> = roles.fold(Vec::new(), |mut all, role| {
        if !all.contains(&role) {
            all.push(role);
        }
        all
    });
    let join = |between: &str, of: fn(&Text) -> &str| roles.iter().map(of).collect::<Vec<_>>().join(between);
    let (wanted, running) = core_containers(first);
    let rancher = rancher(first);
    let stand_ins = stand_ins(first);
    let renewed = renewed(ledger);
    let all = diagnosis.snapshot.hosts.iter().filter(|host| is_rke1(host)).count();
    let mut hosts: Vec<&str> = lost.iter().map(|(host, _)| host.runtime_name()).collect();
    hosts.dedup();
    let facts = [
        ("zh", join("、", |text| &text.zh).into()),
        ("en", join("; ", |text| &text.en).into()),
        ("well", json!(running.len())),
        ("wanted", json!(wanted)),
        ("rancher", json!(rancher.is_some())),
        ("stand_ins", json!(stand_ins.len())),
        (
            "time",
            json!(renewed.as_ref().map(|one| shown(&one.last)).unwrap_or_default()),
        ),
        ("hosts", json!(hosts.len())),
        ("all", json!(all)),
    ];
    let containers = running.iter().copied().chain(rancher).map(|container| &container.cite);
    let leases = renewed.iter().flat_map(|one| &one.cites);
    let mut refs = ledger.cite_all(containers.chain(leases.take(1)));
    refs.extend(lost.iter().filter_map(|(_, subject)| duty(ledger, &subject.name)));
    Some(Sentence {
        text: filled("summary.so-what", &facts),
        refs,
        confidence: None,
    })
}

fn rancher(host: &Host) -> Option<&HostContainer> {
    let mut containers = host.containers.iter();
    containers.find(|one| names(&one.image, "rancher") && one.state == ContainerState::Running)
}

/// The background knowledge of what a system container is for.
pub(super) fn duty(ledger: &mut Ledger<'_, '_>, name: &str) -> Option<String> {
    let known = expected(name)?;
    let reference = DUTIES
        .iter()
        .find(|(of, _)| *of == name)
        .map_or(COMPONENTS, |(_, reference)| reference);
    let role = role(known.name);
    let facts = [
        ("name", known.name.into()),
        ("zh", role.zh.into()),
        ("en", role.en.into()),
    ];
    Some(ledger.know(&KnowledgeWording {
        text: filled("knowledge.duty", &facts),
        reference: reference.into(),
    }))
}

/// Where the duty of a container is written that is no component of Kubernetes.
const DUTIES: [(&str, &str); 2] = [
    (
        "share-mnt",
        "rancher/rancher v2.5.12 pkg/rkeworker, cmd/agent/main.go (`--only-write-certs`)",
    ),
    (
        "service-sidekick",
        "rancher/rke services/sidekick.go; rancher/rke-tools docs/components.md",
    ),
];
/// The same of Kubernetes' own.
const COMPONENTS: &str = "kubernetes.io/docs/concepts/overview/components";

fn role(name: &str) -> Text {
    phrase(&format!("role.{name}"))
}

/// Why the effect of a missing container is not known, and which one its role lets expect.
pub(super) fn note(ledger: &Ledger<'_, '_>, finding: &Finding, subject: &Subject) -> Text {
    let snapshot = ledger.diagnosis.snapshot;
    let mut hosts = snapshot.hosts.iter();
    if expected(&subject.name).is_none()
        || !hosts.any(|host| host.runtime_name() == subject.node && is_missing(host, subject))
    {
        return Text::default();
    }
    let collected = snapshot.bundle.collected_at.as_ref();
    let age = finding.first.as_ref().zip(collected);
    let age = age.map(|(gone, collected)| collected.latest.duration_since(gone.earliest).as_secs_f64().round());
    let is_empty = |datum: &str| snapshot.coverage.read.get(datum).is_none_or(|count| *count == 0);
    let silent = TELLING.iter().filter(|(datum, _)| is_empty(datum));
    let role = role(&subject.name);
    let facts = [
        ("zh", role.zh.into()),
        ("en", role.en.into()),
        ("seconds", json!(age.filter(|age| *age >= 0.0).map(|age| age as u64))),
        ("logs", json!(silent.map(|(_, name)| *name).collect::<Vec<_>>())),
    ];
    inside(filled("impact.expected", &facts))
}

/// The files of those logs that are empty.
pub(super) fn empty_logs(ledger: &mut Ledger<'_, '_>) -> Vec<String> {
    let snapshot = ledger.diagnosis.snapshot;
    let files = TELLING.iter().filter_map(|(datum, _)| empty_log(snapshot, datum));
    let cites = files.map(|file| {
        let mut cite = Citation::line(&snapshot.bundle.alias, file, 0, "").listing(Listing::Lines);
        cite.quote.clear();
        cite.absence(Some((0, true)))
    });
    ledger.cite_all(&cites.collect::<Vec<_>>())
}

/// A sentence that stands inside another.
fn inside(text: Text) -> Text {
    Text::new(text.zh, small(&text.en))
}

/// The function that is expected to be limited without a missing container.
pub(super) fn effect(ledger: &Ledger<'_, '_>, subject: &Subject) -> Option<Text> {
    let lost = lost(ledger.diagnosis, &ledger.involved());
    let (_, subject) = lost.into_iter().find(|(_, one)| *one == subject)?;
    let role = role(&subject.name);
    Some(filled(
        "causal.effect",
        &[("zh", role.zh.into()), ("en", role.en.into())],
    ))
}

/// What of the hosts concerned was looked at and works: their components, Rancher's server, the API.
pub(super) fn unharmed(ledger: &mut Ledger<'_, '_>) -> Vec<ResourceRow> {
    let diagnosis = ledger.diagnosis;
    let lost = lost(diagnosis, &ledger.involved());
    let Some((host, _)) = lost.first() else {
        return Vec::new();
    };
    let (wanted, running) = core_containers(host);
    let mut rows = Vec::new();
    let count = |count: usize| filled("impact.components", &[("count", json!(count))]);
    if running.len() == wanted {
        let refs = ledger.cite_all(running.iter().map(|container| &container.cite));
        let subject = Subject::cluster("Host", host.runtime_name());
        let row = well(subject, count(wanted), count(running.len()), refs);
        rows.push(by_state_only(
            ledger,
            row,
            |one| running.iter().any(|known| known.name == one.name),
            host,
        ));
    }
    if let Some(container) = rancher(host) {
        let refs = vec![ledger.cite(&container.cite)];
        let subject = Subject::on_node("HostContainer", container.name.clone(), host.runtime_name());
        let row = well(subject, phrase("state.running"), phrase("state.running"), refs);
        rows.push(by_state_only(ledger, row, |one| one.name == container.name, host));
    }
    if let Some(renewed) = renewed(ledger) {
        let refs = ledger.cite_all(&renewed.cites);
        let actual = inside(filled("impact.api", &[("time", shown(&renewed.last).into())]));
        let subject = Subject::cluster("Software", "kube-apiserver, etcd");
        rows.push(well(subject, phrase("impact.api-expected"), actual, refs));
    }
    rows
}

/// A row about containers of which some are run by another program: whether what they are for suffers is not known.
fn by_state_only(
    ledger: &mut Ledger<'_, '_>,
    row: ResourceRow,
    concerns: impl Fn(&StandIn<'_>) -> bool,
    host: &Host,
) -> ResourceRow {
    let stand_ins: Vec<StandIn<'_>> = stand_ins(host).into_iter().filter(concerns).collect();
    if stand_ins.is_empty() {
        return row;
    }
    let shown = ledger.cite_all(stand_ins.iter().map(|one| &one.process.cite));
    ResourceRow {
        impact: Impact::Unknown,
        note: inside(phrase("triage.stand-in")),
        refs: row.refs.into_iter().chain(shown).collect(),
        ..row
    }
}

fn well(subject: Subject, expected: Text, actual: Text, refs: Vec<String>) -> ResourceRow {
    ResourceRow {
        subject,
        expected,
        actual,
        first_seen: None,
        impact: Impact::None,
        note: Text::default(),
        blank: None,
        refs,
    }
}

/// Containers so many that a row of their own is worth their while.
const TAKEN: usize = 3;

/// What the act that caused the incident deleted beside system containers: what it was for only people know.
pub(super) fn taken_along(ledger: &mut Ledger<'_, '_>) -> Vec<ResourceRow> {
    let diagnosis = ledger.diagnosis;
    let mut rows = Vec::new();
    for finding in ledger.root_findings() {
        let named = finding.facts.get("others_deleted").and_then(Value::as_array);
        let names = named.into_iter().flatten().filter_map(Value::as_str);
        for name in names.take(TAKEN).map(str::to_owned) {
            let node = finding.subject.node.as_str();
            let of = |snapshot: &'_ _| container_of(snapshot, node, &name).cloned();
            let before = diagnosis.baseline.and_then(of);
            let mut refs = ledger.cite_tied_word(finding, "others_deleted", &name);
            refs.extend(before.as_ref().map(|before| ledger.cite(&before.cite)));
            let gone = finding.evidence.iter().filter(|cite| cite.when.is_some());
            let first_seen = gone
                .filter(|cite| shows(cite, &name))
                .find_map(|cite| cite.when.clone());
            let shown = ledger.masker.mask(&name).into_owned();
            let label = filled("blank.resource", &[("name", shown.into())]);
            let id = format!("resource.{}", rows.len() + 1);
            rows.push(ResourceRow {
                subject: Subject::on_node("HostContainer", name.clone(), node),
                expected: before.map_or_else(|| phrase("state.unknown"), |one| state_word(one.state)),
                actual: phrase("state.deleted"),
                first_seen,
                impact: Impact::Unknown,
                note: phrase("impact.by-same-act"),
                blank: Some(ledger.blank(&id, label, phrase("question.resource"), false)),
                refs,
            });
        }
        rows.extend(images_taken(ledger, finding));
    }
    rows
}

/// The images without a name that went with it.
fn images_taken(ledger: &mut Ledger<'_, '_>, finding: &Finding) -> Option<ResourceRow> {
    let count = finding.facts.get("images_taken")?.as_u64().filter(|count| *count > 0)?;
    let refs = ledger.cite_tied(finding, &BTreeSet::from(["images_taken".to_owned()]));
    let cites = finding.shows.get("images_pruned").into_iter().flatten();
    let mut cites = cites.filter_map(|index| finding.evidence.get(*index));
    Some(ResourceRow {
        subject: Subject::on_node("DanglingImages", "<none>", finding.subject.node.clone()),
        expected: filled("state.count", &[("count", json!(count))]),
        actual: phrase("state.deleted"),
        first_seen: cites.find_map(|cite| cite.when.clone()),
        impact: Impact::Unknown,
        note: phrase("impact.by-same-act"),
        blank: None,
        refs,
    })
}

fn container_of<'s>(snapshot: &'s Snapshot, node: &str, name: &str) -> Option<&'s HostContainer> {
    let mut hosts = snapshot.hosts.iter().filter(|host| host.runtime_name() == node);
    hosts.find_map(|host| host.container(name))
}

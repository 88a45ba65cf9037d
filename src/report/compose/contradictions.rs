//! Facts of a bundle that do not go together: both sides, what may explain them, and which one the report used.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::brief_runs::brief_runs;
use super::doubles::doubles;
use super::ledger::Ledger;
use super::one_machine::signs;
use super::overview::shown;
use super::phrases::{filled, small};
use crate::cluster::{Host, Object};
use crate::model::{Citation, Text};
use crate::report::model::Sentence;
use crate::rules::inventory::names;
use crate::rules::toolbox::deletions::Deletions;
use crate::rules::toolbox::nodes::{cite_condition, condition, status_of};

/// Contradictions of one kind that are told.
const TOLD: usize = 3;
/// Interfaces of a host that are cited for its addresses.
const ADDRESSES: usize = 4;
/// A lease is renewed every 10 seconds and given up after 40 (`pkg/kubelet/kubelet.go`, `--node-monitor-grace-period`); collecting a
/// bundle takes a while, so only minutes count.
const SILENT_SECONDS: i64 = 300;

/// Each in full, and each in a few words: the two sides, and what follows for the conclusion.
pub(super) fn contradictions(ledger: &mut Ledger<'_, '_>) -> (Vec<Sentence>, Vec<Sentence>) {
    if ledger.is_healthy() {
        return (Vec::new(), Vec::new());
    }
    let mut told = strangers(ledger);
    told.extend(arguments(ledger));
    told.extend(brief_runs(ledger));
    told.extend(versions(ledger));
    told.extend(silent_but_ready(ledger));
    told.extend(one_run(ledger));
    let mut in_full = Vec::new();
    let mut in_short = Vec::new();
    for told in told {
        let Told {
            text,
            short,
            places,
            shown,
        } = told;
        let refs = ledger.cite_all(&places);
        in_short.push(Sentence {
            text: short,
            refs: ledger.cite_all(shown.as_ref().unwrap_or(&places)),
            confidence: None,
        });
        in_full.push(Sentence {
            text,
            refs,
            confidence: None,
        });
    }
    (in_full, in_short)
}

/// A contradiction.
pub(super) struct Told {
    /// Both sides, what may explain them, which one the report used, what would settle it.
    text: Text,
    /// The sides and what follows.
    short: Text,
    /// Where the sides stand.
    places: Vec<Citation>,
    /// What the few words rest on, where that is not all of it.
    shown: Option<Vec<Citation>>,
}

impl Told {
    /// The phrases of this id, and of the same with `-short`, filled.
    pub(super) fn of(id: &str, facts: &[(&str, Value)], places: Vec<Citation>) -> Self {
        Self {
            text: filled(id, facts),
            short: filled(&format!("{id}-short"), facts),
            places,
            shown: None,
        }
    }

    /// Cites only these where it is told in a few words.
    pub(super) fn shown_by(self, shown: Vec<Citation>) -> Self {
        Self {
            shown: Some(shown),
            ..self
        }
    }
}

/// A host whose container runtime goes by a name that the API's nodes do not have.
fn strangers(ledger: &Ledger<'_, '_>) -> Vec<Told> {
    let snapshot = ledger.diagnosis.snapshot;
    let nodes: Vec<&Object> = snapshot.kind("Node").collect();
    let Some(first) = nodes.first() else { return Vec::new() };
    let hosts = snapshot.hosts.iter().filter(|host| {
        let name = host.runtime_name();
        !name.is_empty() && !host.containers.is_empty() && nodes.iter().all(|node| node.key.name != name)
    });
    hosts
        .take(TOLD)
        .filter_map(|host| {
            let listing = host.listings.first()?;
            let names: Vec<&str> = nodes.iter().take(TOLD).map(|node| node.key.name.as_str()).collect();
            let signs = signs(snapshot, host, first);
            let told = |separator: &str, of: fn(&Text) -> &str| {
                let all: Vec<String> = signs.iter().map(|(text, _)| small(of(text))).collect();
                all.join(separator)
            };
            let facts = [
                ("host", json!(host.runtime_name())),
                ("nodes", json!(names)),
                ("signs_zh", json!(told("；", |text| &text.zh))),
                ("signs_en", json!(told("; ", |text| &text.en))),
                ("machine", json!(first.text(MACHINE))),
            ];
            let mut places = vec![first.cite_at("/metadata/name")];
            let own = host.names.values().find(|(name, _)| name == host.runtime_name());
            places.push(own.map_or(&listing.cite, |(_, cite)| cite).clone());
            places.extend(signs.iter().flat_map(|(_, places)| places.clone()));
            if !first.text(MACHINE).is_empty() {
                places.push(first.cite_at(MACHINE));
            }
            Some(Told::of("contradiction.strangers", &facts, places))
        })
        .collect()
}

/// The machine id that a kubelet read from `/etc/machine-id`.
const MACHINE: &str = "/status/nodeInfo/machineID";

/// A container that was made for another machine or another server than those which are there.
fn arguments(ledger: &Ledger<'_, '_>) -> Vec<Told> {
    let snapshot = ledger.diagnosis.snapshot;
    let nodes: Vec<String> = snapshot
        .kind("Node")
        .take(TOLD)
        .map(|node| node.key.name.clone())
        .collect();
    let mut told = Vec::new();
    for finding in ledger.root_findings() {
        let items = finding.facts.get("rebuild").and_then(|items| items.as_array());
        for item in items.into_iter().flatten() {
            let field = |name: &str| item.get(name).cloned().unwrap_or_default();
            let others = field("named_otherwise");
            if others.as_array().is_none_or(Vec::is_empty) && field("server_elsewhere").is_null() {
                continue;
            }
            let name = field("name");
            let tie = format!("rebuild.{}", name.as_str().unwrap_or_default());
            let shows = finding.shows.get(&tie).into_iter().flatten();
            let mut places: Vec<Citation> = shows
                .filter_map(|index| finding.evidence.get(*index).cloned())
                .collect();
            let host = snapshot
                .hosts
                .iter()
                .find(|host| host.runtime_name() == finding.subject.node);
            let own = host.and_then(|host| host.names.values().find(|(name, _)| name == host.runtime_name()));
            places.extend(own.map(|(_, cite)| cite.clone()));
            let shown = places.clone();
            places.extend(
                snapshot
                    .kind("Node")
                    .take(TOLD)
                    .map(|node| node.cite_at("/metadata/name")),
            );
            if let (Some(host), false) = (host, field("server_elsewhere").is_null()) {
                places.extend(where_the_server_is(host));
            }
            let facts = [
                ("name", name),
                ("others", others),
                ("server", field("server_elsewhere")),
                ("host", json!(finding.subject.node)),
                ("nodes", json!(nodes)),
            ];
            told.push(Told::of("contradiction.arguments", &facts, places).shown_by(shown));
        }
    }
    told.truncate(TOLD);
    told
}

/// The container of Rancher's server on a host, and the host's own addresses.
fn where_the_server_is(host: &Host) -> Vec<Citation> {
    let mut servers = host.containers.iter();
    let server = servers.find(|one| names(&one.image, "rancher"));
    let interfaces = host.tools.interfaces.iter().filter(|one| !one.addresses.is_empty());
    let addresses = interfaces.map(|one| &one.cite).take(ADDRESSES);
    server
        .map(|one| &one.cite)
        .into_iter()
        .chain(addresses)
        .cloned()
        .collect()
}

/// A log of a clean-up that has one run where the runtime recorded several prunes of the same containers.
fn one_run(ledger: &Ledger<'_, '_>) -> Vec<Told> {
    let snapshot = ledger.diagnosis.snapshot;
    let mut told = Vec::new();
    for finding in ledger.root_findings() {
        let missing = finding.facts.get("missing").and_then(Value::as_array);
        let names: Vec<String> = missing
            .into_iter()
            .flatten()
            .filter_map(|name| name.as_str().map(str::to_owned))
            .collect();
        let hosts = snapshot.hosts.iter();
        for host in
            hosts.filter(|host| finding.subject.kind == "HostContainer" && host.runtime_name() == finding.subject.node)
        {
            let runs: BTreeSet<_> = (host.prunes.iter())
                .filter(|run| !run.deleted_containers.is_empty())
                .map(|run| run.stamped.as_ref().map(|(_, cite)| (&cite.file, &cite.place)))
                .collect();
            let deletions = Deletions::read(snapshot, host);
            let earlier: Vec<_> = deletions.earlier_of(&names).collect();
            let (1, false, Some((began, logged)), Some((last, pruned))) =
                (runs.len(), earlier.is_empty(), &deletions.logged, &deletions.prune)
            else {
                continue;
            };
            let times = earlier.iter().map(|prune| &prune.when).chain([last]);
            let images: Vec<&Citation> = earlier
                .iter()
                .filter_map(|prune| Some(&prune.images.as_ref()?.1))
                .collect();
            let images: Vec<&Citation> = match &deletions.images_pruned {
                Some(last) if images.len() == earlier.len() => images.into_iter().chain([last]).collect(),
                _ => Vec::new(),
            };
            let facts = [
                ("images", json!(!images.is_empty())),
                ("names", json!(names)),
                ("count", json!(earlier.len() + 1)),
                ("times", json!(times.map(shown).collect::<Vec<_>>())),
                ("logged", json!(shown(began))),
            ];
            let gone = earlier
                .iter()
                .flat_map(|prune| &prune.destroyed)
                .chain(&deletions.destroyed);
            let gone = gone.filter(|gone| names.contains(&gone.name)).map(|gone| &gone.cite);
            let acts = earlier.iter().map(|prune| &prune.cite).chain([pruned, logged]);
            let shown: Vec<Citation> = gone.chain(acts).cloned().collect();
            let places = shown.iter().chain(images).cloned().collect();
            told.push(Told::of("contradiction.one-run", &facts, places).shown_by(shown));
        }
    }
    told.truncate(TOLD);
    told
}

/// The API's version of a kubelet against the image of the kubelet's container, where RKE1 runs it as one.
fn versions(ledger: &Ledger<'_, '_>) -> Vec<Told> {
    let snapshot = ledger.diagnosis.snapshot;
    let involved = ledger.involved();
    let is_by_list = involved.iter().any(|finding| finding.subject.kind == "HostContainer");
    let mut told = Vec::new();
    for host in &snapshot.hosts {
        let Some(kubelet) = host.container("kubelet") else {
            continue;
        };
        let Some(image) = kubelet.image.rsplit_once(":v").map(|(_, tag)| tag) else {
            continue;
        };
        let differs = |node: &&Object| {
            let version = node.text("/status/nodeInfo/kubeletVersion").trim_start_matches('v');
            let number = |text: &str| text.split(['-', '+']).next().unwrap_or_default().to_owned();
            !version.is_empty() && number(version) != number(image)
        };
        let nodes: Vec<&Object> = snapshot.kind("Node").collect();
        let same = nodes.iter().find(|node| node.key.name == host.runtime_name());
        // With one host and one node they can only be meant to be the same machine.
        let machines = snapshot.hosts.iter().filter(|host| !host.containers.is_empty());
        let alone = nodes.first().filter(|_| nodes.len() == 1 && machines.count() == 1);
        let node = same.or(alone).filter(|node| differs(node));
        let doubled = doubles(host);
        if !doubled.is_empty() {
            told.extend(super::doubles::told(host, &doubled, node.copied(), is_by_list));
            continue;
        }
        if let Some(node) = node {
            let facts = [
                ("host", json!(host.runtime_name())),
                ("image", json!(kubelet.image)),
                ("node", json!(node.key.name)),
                ("version", json!(node.text("/status/nodeInfo/kubeletVersion"))),
                ("runtime", json!(node.text(RUNTIME))),
                ("other_runtime", json!(is_other_runtime(node))),
            ];
            let mut places = vec![kubelet.cite.clone(), node.cite_at("/status/nodeInfo/kubeletVersion")];
            if is_other_runtime(node) {
                places.push(node.cite_at(RUNTIME));
            }
            told.push(Told::of("contradiction.versions", &facts, places));
        }
    }
    told.truncate(TOLD);
    told
}

/// The runtime that a kubelet reports, such as `containerd://1.6.20`.
const RUNTIME: &str = "/status/nodeInfo/containerRuntimeVersion";

/// RKE1 runs a kubelet in Docker, which reports Docker as its runtime.
fn is_other_runtime(node: &Object) -> bool {
    let runtime = node.text(RUNTIME);
    !runtime.is_empty() && !runtime.starts_with("docker://")
}

/// A node that is shown as ready although its lease was not renewed for minutes before the latest time in the bundle.
fn silent_but_ready(ledger: &Ledger<'_, '_>) -> Vec<Told> {
    let snapshot = ledger.diagnosis.snapshot;
    let Some(now) = snapshot.bundle.collected_at.as_ref() else {
        return Vec::new();
    };
    let mut told = Vec::new();
    for node in snapshot.kind("Node").filter(|node| status_of(node, "Ready") == "True") {
        let lease = snapshot.object("Lease", "kube-node-lease", &node.key.name);
        let renewed = lease.and_then(|lease| Some((lease, lease.time("/spec/renewTime")?)));
        if let (Some((lease, renewed)), Some((index, _))) = (renewed, condition(node, "Ready"))
            && now.earliest.as_second() - renewed.latest.as_second() > SILENT_SECONDS
        {
            let minutes = (now.earliest.as_second() - renewed.latest.as_second()) / 60;
            let facts = [("node", json!(node.key.name)), ("minutes", json!(minutes))];
            let places = vec![cite_condition(node, index, "status"), lease.cite_at("/spec/renewTime")];
            told.push(Told::of("contradiction.silent-but-ready", &facts, places));
        }
    }
    told.truncate(TOLD);
    told
}

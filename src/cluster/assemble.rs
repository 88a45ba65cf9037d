//! Putting facts together into one snapshot: objects by identity, events apart from objects, hosts by their directory, logs by their
//! container, and every signature's match with what it is about.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rayon::prelude::*;
use serde_json::Value;

use super::age;
use super::by_id::{ById, without_id};
use super::containers::{add_inspect, add_row, note_listing, set_deleted_apart};
use super::coverage::datum_of_kind;
use super::event::last_seen;
use super::events::fold_duplicates;
use super::hits::{all_hits, rule_of};
use super::namespaces::Namespaces;
use super::reader::Located;
use super::unused::Certainty;
use super::whereabouts::{KnownNodes, named_place, node_in_path, node_of_host, place_pods};
use super::zone;
use super::{BundleInfo, Coverage, Event, Host, Object, ObjectKey, Snapshot, Treatment};
use crate::bundle::decode::{Fact, Form, HostFact};
use crate::bundle::layout::{Detected, NodePlace};
use crate::logs::{LogFile, SignatureSet, Stream, Tried, stamp_of, stream_of};
use crate::model::{Basis, EntryPath, Listing, Subject, When};

/// Empty listings of one datum that are kept: a bundle may have one for each of thousands of namespaces.
const EMPTY: usize = 16;

pub(super) fn assemble(
    bundle: BundleInfo,
    facts: Vec<Located>,
    mut logs: Vec<LogFile>,
    coverage: Coverage,
    (signatures, tried): (&SignatureSet, &Tried),
    detected: &Detected<'_>,
) -> Snapshot {
    // Which lines of a rule were found before it was given up is chance.
    let given_up = tried.used_up();
    for log in &mut logs {
        log.hits.retain(|hit| !given_up.contains(rule_of(&hit.signature)));
    }
    let mut snapshot = Snapshot {
        bundle: BundleInfo {
            layout: detected.name().to_owned(),
            ..bundle
        },
        merged: Vec::new(),
        objects: BTreeMap::new(),
        applied: Vec::new(),
        events: Vec::new(),
        hosts: Vec::new(),
        zone: None,
        logs,
        hits: Vec::new(),
        coverage: Coverage {
            layouts: detected.found(),
            ..coverage
        },
        hits_set_aside: Vec::new(),
        events_by_name: std::sync::OnceLock::new(),
        derived: super::derived::Derived::default(),
    };
    let mut of_hosts: Vec<Located> = Vec::new();
    let mut events: Vec<Object> = Vec::new();
    let mut named: Vec<String> = Vec::new();
    let mut looked_at: Vec<String> = Vec::new();
    let mut manifests: Vec<Object> = Vec::new();
    for Located { path, host, fact } in facts {
        match fact {
            Fact::Object(mut object) => {
                if detected.writes_null_for_empty(&path) {
                    empty_nulls(&mut object.value);
                }
                if let Some(object) = Object::new(*object) {
                    snapshot.coverage.note(datum_of_kind(&object.key.kind), 1);
                    if object.key.kind == "Event" {
                        events.push(object);
                    } else if object.is_manifest() {
                        manifests.push(object);
                    } else {
                        add_object(&mut snapshot, object);
                    }
                }
            }
            Fact::Collected { when, .. } => snapshot.bundle.collected_at = Some(when),
            Fact::NamespaceNamed(namespace) => named.push(namespace),
            // A text that does not tell what was asked for says that of no datum.
            Fact::EmptyListing { kind, namespace, .. } if kind.is_empty() => looked_at.push(namespace),
            Fact::EmptyListing { kind, namespace, cite } => {
                let datum = datum_of_kind(&kind);
                snapshot.coverage.note(datum.clone(), 0);
                let cites = snapshot.coverage.empty.entry(datum).or_default();
                if cites.len() < EMPTY {
                    cites.push(cite.listing(Listing::Objects).absence(Some((0, true))));
                }
                looked_at.push(namespace);
            }
            other => {
                // A listing was read, whatever is in it; what it counts are its rows.
                let is_listing = matches!(other, Fact::ContainerListing(_) | Fact::Host(HostFact::CriListing(_)));
                snapshot.coverage.note(host_datum(&other), u64::from(!is_listing));
                of_hosts.push(Located {
                    path,
                    host,
                    fact: other,
                });
            }
        }
    }
    snapshot.hosts = hosts(detected, &KnownNodes::of(&snapshot), of_hosts);
    snapshot.zone = zone::of_machines(&snapshot);
    zone::set_clocks(&mut snapshot.hosts, snapshot.zone);
    snapshot.bundle.collected_at = snapshot
        .bundle
        .collected_at
        .take()
        .or_else(|| reference_time(&snapshot, &events));
    resolve_ages(&mut snapshot, &mut events);
    let namespaces = Namespaces::new(&snapshot.objects, &events, named, looked_at, &snapshot.logs);
    for object in namespaces.place(&mut snapshot.objects) {
        add_object(&mut snapshot, object);
    }
    place_pods(&mut snapshot);
    for event in &mut events {
        namespaces.complete(event);
    }
    add_manifests(&mut snapshot, &namespaces, manifests);
    // Read and let go side by side: there may be a hundred thousand.
    snapshot.events = events.into_par_iter().filter_map(|event| Event::new(&event)).collect();
    fold_duplicates(&mut snapshot.events);
    let nodes: Vec<String> = snapshot.kind("Node").map(|node| node.key.name.clone()).collect();
    snapshot.coverage.problems.extend(detected.gaps(&nodes));
    place_logs(&mut snapshot, detected);
    super::unused::set_aside(&mut snapshot, detected, Certainty::NoLog);
    super::attribution::attribute_logs(&mut snapshot);
    super::attribution::place_unlisted(&mut snapshot);
    let machines = KnownNodes::of(&snapshot);
    let machine = |path: &EntryPath| machine_of(detected, &machines, path).directory;
    let copies = super::copies::fold_copies(&mut snapshot.logs, machine);
    for file in &mut snapshot.coverage.files {
        if let Some(known) = copies.get(&file.path).filter(|_| file.treatment == Treatment::Log) {
            file.treatment = Treatment::Ignored(format!("the same log as {known}, which is read").into());
        }
    }
    super::unused::set_aside(&mut snapshot, detected, Certainty::Any);
    super::collected::note_logs(&mut snapshot, detected);
    let mut hits = all_hits(&mut snapshot, (signatures, tried), detected);
    let given_up = tried.used_up();
    hits.retain(|hit| !given_up.contains(rule_of(&hit.signature)));
    (snapshot.hits_set_aside).retain(|hit| !given_up.contains(rule_of(&hit.signature)));
    snapshot.hits = hits;
    snapshot.coverage.not_sought = given_up;
    snapshot
}

/// What was applied is kept apart from what is, so that it never hides it. A manifest of which nothing live was seen is all that is
/// known of its object.
fn add_manifests(snapshot: &mut Snapshot, namespaces: &Namespaces, manifests: Vec<Object>) {
    let mut unseen = Vec::new();
    for mut manifest in manifests {
        if manifest.key.namespace.is_empty()
            && let Some(namespace) = namespaces.of_known(&manifest.key.kind, &manifest.key.name)
        {
            manifest.key.namespace = namespace.to_owned();
        }
        if snapshot.objects.contains_key(&manifest.key) {
            snapshot.applied.push(manifest);
        } else {
            unseen.push(manifest);
        }
    }
    for manifest in unseen {
        add_object(snapshot, manifest);
    }
}

fn add_object(snapshot: &mut Snapshot, object: Object) {
    match snapshot.objects.get_mut(&object.key) {
        None => {
            snapshot.objects.insert(object.key.clone(), object);
        }
        // The richest form wins; of two equal ones the newer, as its resource version counts; of two without any the whole one, where
        // the other was cut.
        Some(known) => {
            let version = |object: &Object| object.text("/metadata/resourceVersion").parse::<u64>().unwrap_or(0);
            let rank = |object: &Object| (object.form, version(object));
            let is_cut = |known: &Object| rank(&object) == rank(known) && known.is_part_of(&object);
            if rank(&object) > rank(known) || is_cut(known) {
                let poorer = std::mem::replace(known, object);
                known.fill_from(&poorer);
            } else {
                known.fill_from(&object);
            }
        }
    }
}

/// The machines, each with its facts.
fn hosts(detected: &Detected<'_>, nodes: &KnownNodes, facts: Vec<Located>) -> Vec<Host> {
    let mut places = Places {
        detected,
        nodes,
        last: None,
    };
    let mut hosts: BTreeMap<String, Host> = BTreeMap::new();
    for Located { path, host, fact } in facts {
        let mut place = places.node(&path);
        // What people paste of several machines into one file still tells whose each part is: by the journal of a unit, or the prompt.
        if place.directory.is_empty() {
            let of_unit = match &fact {
                Fact::Host(HostFact::Unit(unit)) => node_of_host(&unit.host, nodes),
                _ => None,
            };
            if let Some(node) = of_unit.or_else(|| node_of_host(&host, nodes)) {
                place = named_place(node);
            }
        }
        let NodePlace { directory, name } = place;
        let host = hosts.entry(directory.clone()).or_insert_with(|| Host {
            directory,
            directory_name: name,
            ..Host::default()
        });
        add_host_fact(host, fact);
    }
    let mut hosts: Vec<Host> = hosts.into_values().collect();
    hosts.iter_mut().for_each(set_deleted_apart);
    hosts
}

/// The machine of a file: as the layout says, else the known node that a part of its path names. Some collectors call a machine by its
/// address.
pub(super) fn machine_of(detected: &Detected<'_>, nodes: &KnownNodes, path: &EntryPath) -> NodePlace {
    let placed = detected
        .place(path)
        .node
        .map(|place| match nodes.at_address(&place.name) {
            Some(name) => NodePlace { name, ..place },
            None => place,
        });
    placed.unwrap_or_else(|| {
        let name = node_in_path(path, nodes).unwrap_or_default();
        NodePlace {
            directory: name.clone(),
            name,
        }
    })
}

/// Asks for the machine of a file once, however many facts it has.
struct Places<'d> {
    detected: &'d Detected<'d>,
    nodes: &'d KnownNodes,
    last: Option<(EntryPath, NodePlace)>,
}

impl Places<'_> {
    fn node(&mut self, path: &EntryPath) -> NodePlace {
        if let Some((known, place)) = &self.last
            && known == path
        {
            return place.clone();
        }
        let place = machine_of(self.detected, self.nodes, path);
        self.last = Some((path.clone(), place.clone()));
        place
    }
}

/// Makes the text `null` empty again, where a producer wrote it for an empty text.
fn empty_nulls(value: &mut Value) {
    match value {
        Value::String(text) if text == "null" => text.clear(),
        Value::Array(items) => items.iter_mut().for_each(empty_nulls),
        Value::Object(map) => map.values_mut().for_each(empty_nulls),
        _ => {}
    }
}

fn host_datum(fact: &Fact) -> &'static str {
    match fact {
        Fact::Container(_) | Fact::ContainerListing(_) => "docker-containers",
        Fact::DockerInspect(_) => "docker-inspect",
        Fact::Image(_) => "docker-images",
        Fact::Cron(_) => "crontab",
        Fact::Script(_) => "scripts",
        Fact::PruneRun(_) => "prune-output",
        Fact::RuntimeEvent(_) => "docker-events",
        Fact::Sysctl { .. } => "sysctl",
        Fact::Resolver(_) => "resolv.conf",
        Fact::Certificate(_) => "certificates",
        Fact::Clock { .. } => "clock",
        Fact::Value { key, .. } if key.starts_with("clock.") => "time-sync",
        Fact::Value { key, .. } if key.starts_with("k0s.check.") => "k0s-checks",
        Fact::HostName { .. } | Fact::Value { .. } => "host-facts",
        Fact::Host(fact) => super::tools::datum(fact),
        Fact::Object(_)
        | Fact::EmptyListing { .. }
        | Fact::Collected { .. }
        | Fact::LogSection(_)
        | Fact::ExportedLog(_)
        | Fact::NamespaceNamed(_)
        | Fact::UnitLog(_) => "objects",
    }
}

fn add_host_fact(host: &mut Host, fact: Fact) {
    match fact {
        Fact::Container(row) => add_row(host, row),
        Fact::DockerInspect(inspect) => add_inspect(host, *inspect),
        Fact::ContainerListing(listing) => note_listing(host, listing),
        Fact::Image(image) => host.images.push(image),
        Fact::HostName { name, via, cite } => {
            host.names.entry(via).or_insert((name, cite));
        }
        Fact::Value { key, value, cite } => {
            host.values.entry(key).or_insert((value, cite));
        }
        Fact::Cron(entry) => host.cron.push(entry),
        Fact::Script(script) => host.scripts.push(script),
        Fact::PruneRun(run) => host.prunes.push(run),
        Fact::RuntimeEvent(event) => host.runtime_events.push(event),
        Fact::Sysctl { key, value, cite } => {
            host.sysctl.entry(key).or_insert((value, cite));
        }
        Fact::Resolver(resolver) => host.resolvers.push(resolver),
        Fact::Certificate(certificate) => host.certificates.push(*certificate),
        Fact::Clock { when, zone, cite } => host.clock = host.clock.take().or(Some((when, zone, cite))),
        Fact::Host(fact) => host.tools.add(fact),
        Fact::Object(_)
        | Fact::EmptyListing { .. }
        | Fact::Collected { .. }
        | Fact::LogSection(_)
        | Fact::ExportedLog(_)
        | Fact::NamespaceNamed(_)
        | Fact::UnitLog(_) => {}
    }
}

/// "Now" of a bundle that does not say it in a manifest: the layout's time if its zone is written, the latest clock of its hosts, the
/// layout's time in an unknown zone, else the latest time that its events or objects mention, else the last that a log wrote with its year.
fn reference_time(snapshot: &Snapshot, events: &[Object]) -> Option<When> {
    let layouts = &snapshot.coverage.layouts;
    let told = layouts.iter().find_map(|found| found.collected_at.clone());
    if let Some(exact) = told.clone().filter(|when| when.basis == Basis::Exact) {
        return Some(exact);
    }
    let clocks = snapshot
        .hosts
        .iter()
        .filter_map(|host| host.clock.as_ref().map(|(when, ..)| when.clone()));
    if let Some(known) = clocks.max_by_key(|when| when.latest).or(told) {
        return Some(known);
    }
    let events = events.iter().filter_map(last_seen);
    let leases = snapshot.kind("Lease").filter_map(|lease| lease.time("/spec/renewTime"));
    let heartbeats = snapshot.kind("Node").flat_map(|node| {
        let conditions = 0..node.list("/status/conditions").len();
        conditions.filter_map(|index| node.time(&format!("/status/conditions/{index}/lastHeartbeatTime")))
    });
    let told = events.chain(leases).chain(heartbeats).max_by_key(|when| when.latest);
    told.or_else(|| {
        let ends = snapshot.logs.iter().filter_map(|log| {
            let (stamp, raw) = stamp_of(log.last_stamped.as_deref()?)?;
            stamp.resolve(raw, None, snapshot.zone)
        });
        ends.max_by_key(|when| when.latest)
    })
}

/// Turns every relative age into an interval before the reference time.
fn resolve_ages(snapshot: &mut Snapshot, events: &mut [Object]) {
    let Some(reference) = snapshot.bundle.collected_at.clone() else {
        return;
    };
    let texts = snapshot
        .objects
        .values_mut()
        .chain(events)
        .filter(|object| object.form != Form::Api);
    for object in texts {
        age::resolve(&mut object.value, &reference);
    }
    for container in snapshot.hosts.iter_mut().flat_map(|host| &mut host.containers) {
        container.since = age::docker(&container.status, &reference);
    }
}

/// Whose a log is, where its text did not tell: as its layout says, or the names in its path.
fn place_logs(snapshot: &mut Snapshot, detected: &Detected<'_>) {
    let mut namespaces: BTreeMap<String, String> = BTreeMap::new();
    // Node and container → the pods that have it.
    let mut by_container: BTreeMap<(String, String), Vec<(String, String)>> = BTreeMap::new();
    let nodes = KnownNodes::of(snapshot);
    let by_id = ById::of(snapshot);
    for pod in snapshot.pods() {
        namespaces.insert(pod.name().to_owned(), pod.namespace().to_owned());
        for container in pod.containers() {
            let pods = by_container
                .entry((pod.node().to_owned(), container.name.to_owned()))
                .or_default();
            pods.push((pod.namespace().to_owned(), pod.name().to_owned()));
        }
    }
    for log in &mut snapshot.logs {
        if log.stream == Stream::Unknown {
            log.stream = match detected.place(&log.path).log {
                Some(place) => place.into(),
                None => stream_of(&log.path),
            };
        }
        if let Stream::Container(container) = &log.stream
            && container.pod.is_empty()
            && let Some(named) = by_id.stream(&container.container)
        {
            log.stream = named.clone();
        }
        // Some collectors name a container and not its pod: on a machine mostly one pod has such a container. Docker's own containers have
        // none.
        if let Stream::Container(container) = &mut log.stream
            && container.pod.is_empty()
            && !(container.namespace.is_empty() && is_of_docker(&snapshot.hosts, &container.container))
        {
            container.container = without_id(&container.container).to_owned();
            let node = machine_of(detected, &nodes, &log.path).name;
            let mut named = by_container
                .get(&(node, container.container.clone()))
                .into_iter()
                .flatten();
            match (named.next(), named.next()) {
                (Some((namespace, pod)), None) => {
                    container.namespace.clone_from(namespace);
                    container.pod.clone_from(pod);
                }
                // What is called by its container's name stays that container's, of a pod that is not known.
                _ if !container.container.is_empty() && !container.namespace.is_empty() => {}
                _ => log.stream = Stream::Unknown,
            }
        }
        if let Stream::Container(container) = &mut log.stream
            && container.namespace.is_empty()
            && let Some(namespace) = namespaces.get(&container.pod)
        {
            container.namespace.clone_from(namespace);
        }
    }
}

/// True for a container that a machine's docker lists and that is no pod's.
fn is_of_docker(hosts: &[Host], name: &str) -> bool {
    hosts.iter().any(|host| host.container(name).is_some())
}

/// Used by rules that turn a stamp beside some text into a time.
impl Snapshot {
    /// The time that a text starts with, resolved against this bundle's reference time.
    pub fn time_of(&self, text: &str) -> Option<When> {
        let (stamp, raw) = stamp_of(text)?;
        stamp.resolve(raw, self.now(), self.zone)
    }

    /// A key that sorts unknown times last.
    pub fn order(when: Option<&When>) -> (bool, Option<Timestamp>, Basis) {
        (
            when.is_none(),
            when.map(|when| when.earliest),
            when.map_or(Basis::Mtime, |when| when.basis),
        )
    }
}

/// Identity of an object in a snapshot, for lookups by parts.
impl From<&Subject> for ObjectKey {
    fn from(subject: &Subject) -> Self {
        Self {
            kind: subject.kind.clone(),
            namespace: subject.namespace.clone(),
            name: subject.name.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::reading;

    const WHOLE: &str = "Name:         web-0\nNamespace:    shop\nNode:         n1/10.0.0.1\nLabels:       app=web\nStatus:       Running\nIP:           10.42.0.7\nContainers:\n  web:\n    Image:          shop/web:1\n    State:          Waiting\n      Reason:       CrashLoopBackOff\n    Ready:          False\n    Restart Count:  7\nConditions:\n  Type              Status\n  Ready             False\nQoS Class:       BestEffort\n";

    #[test]
    fn a_description_that_was_cut_gives_way_to_the_whole_one() {
        let whole = reading(&[("1.txt", WHOLE)]);
        let whole = &whole.object("Pod", "shop", "web-0").unwrap().value;
        let first = WHOLE.find("Node:").unwrap();
        for at in first..WHOLE.len() {
            // A number that was cut in the middle is a number.
            let cut = &WHOLE[..at];
            for files in [[("1.txt", cut), ("2.txt", WHOLE)], [("1.txt", WHOLE), ("2.txt", cut)]] {
                let snapshot = reading(&files);
                let pod = snapshot.object("Pod", "shop", "web-0").unwrap();
                assert_eq!(&pod.value, whole, "{cut}");
            }
        }
    }

    #[test]
    fn of_two_whole_descriptions_the_first_counts() {
        let later = WHOLE.replace("Restart Count:  7", "Restart Count:  9");
        let snapshot = reading(&[("1.txt", WHOLE), ("2.txt", &later)]);
        let pod = snapshot.object("Pod", "shop", "web-0").unwrap();
        assert_eq!(pod.int("/status/containerStatuses/0/restartCount"), Some(7));
    }
}

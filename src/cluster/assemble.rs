//! Putting facts together into one snapshot: objects by identity, events apart from objects, hosts by their directory, logs by their
//! container, and every signature's match with what it is about.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::age;
use super::containers::{add_inspect, add_row, note_listing};
use super::coverage::datum_of_kind;
use super::events::fold_duplicates;
use super::namespaces::Namespaces;
use super::reader::Located;
use super::whereabouts::{known_nodes, node_of_log};
use super::{About, BundleInfo, Coverage, Event, Hit, Host, Object, ObjectKey, PodView, Snapshot};
use crate::bundle::decode::{Fact, Form};
use crate::logs::{LogFile, SignatureSet, Stream, TextSource, stamp_of};
use crate::model::{Basis, Citation, EntryPath, Subject, When};

pub(super) fn assemble(
    bundle: BundleInfo,
    facts: Vec<Located>,
    logs: Vec<LogFile>,
    coverage: Coverage,
    signatures: &SignatureSet,
) -> Snapshot {
    let mut snapshot = Snapshot {
        bundle,
        objects: BTreeMap::new(),
        events: Vec::new(),
        hosts: Vec::new(),
        logs,
        hits: Vec::new(),
        coverage,
    };
    let mut hosts: BTreeMap<String, Host> = BTreeMap::new();
    let mut events: Vec<Object> = Vec::new();
    let mut named: Vec<String> = Vec::new();
    for Located { path, fact } in facts {
        match fact {
            Fact::Object(object) => {
                if let Some(object) = Object::new(*object) {
                    snapshot.coverage.note(datum_of_kind(&object.key.kind), 1);
                    if object.key.kind == "Event" {
                        events.push(object);
                    } else {
                        add_object(&mut snapshot, object);
                    }
                }
            }
            Fact::Collected { when, .. } => snapshot.bundle.collected_at = Some(when),
            Fact::NamespaceNamed(namespace) => named.push(namespace),
            Fact::EmptyListing { kind, .. } => snapshot.coverage.note(datum_of_kind(&kind), 0),
            other => {
                let (directory, name) = host_directory(&path);
                let host = hosts.entry(directory.clone()).or_insert_with(|| Host {
                    directory,
                    directory_name: name,
                    ..Host::default()
                });
                snapshot.coverage.note(host_datum(&other), 1);
                add_host_fact(host, other);
            }
        }
    }
    snapshot.hosts = hosts.into_values().collect();
    snapshot.bundle.collected_at = snapshot
        .bundle
        .collected_at
        .take()
        .or_else(|| reference_time(&snapshot, &events));
    resolve_ages(&mut snapshot, &mut events);
    let namespaces = Namespaces::new(&snapshot.objects, &events, named);
    for object in namespaces.place(&mut snapshot.objects) {
        add_object(&mut snapshot, object);
    }
    for event in &mut events {
        namespaces.complete(event);
    }
    snapshot.events = events.iter().filter_map(Event::new).collect();
    fold_duplicates(&mut snapshot.events);
    super::attribution::attribute_logs(&mut snapshot);
    let hits = all_hits(&snapshot, signatures);
    snapshot.hits = hits;
    snapshot
}

fn add_object(snapshot: &mut Snapshot, object: Object) {
    match snapshot.objects.get_mut(&object.key) {
        None => {
            snapshot.objects.insert(object.key.clone(), object);
        }
        // The richest form wins; of two equal ones the newer, as its resource version counts.
        Some(known) => {
            let version = |object: &Object| object.text("/metadata/resourceVersion").parse::<u64>().unwrap_or(0);
            if (object.form, version(&object)) > (known.form, version(known)) {
                let poorer = std::mem::replace(known, object);
                known.fill_from(&poorer);
            } else {
                known.fill_from(&object);
            }
        }
    }
}

/// The machine that a file belongs to: the directory after a `nodes` or `node` component, or the bundle itself.
fn host_directory(path: &EntryPath) -> (String, String) {
    let parts: Vec<&str> = path.components().collect();
    for (index, pair) in parts.windows(2).enumerate() {
        if let ["nodes" | "node" | "hosts", name] = pair
            && index + 2 < parts.len()
        {
            let directory = parts.get(..index + 2).unwrap_or(&[]).join("/");
            return (directory, (*name).to_owned());
        }
    }
    (String::new(), String::new())
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
        Fact::HostName { .. } | Fact::Value { .. } => "host-facts",
        Fact::Host(fact) => super::tools::datum(fact),
        Fact::Object(_)
        | Fact::EmptyListing { .. }
        | Fact::Collected { .. }
        | Fact::LogSection(_)
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
        | Fact::NamespaceNamed(_)
        | Fact::UnitLog(_) => {}
    }
}

/// "Now" of a bundle: the latest clock of its hosts, else the latest time that its events or objects mention.
fn reference_time(snapshot: &Snapshot, events: &[Object]) -> Option<When> {
    let clocks = snapshot
        .hosts
        .iter()
        .filter_map(|host| host.clock.as_ref().map(|(when, ..)| when.clone()));
    if let Some(latest) = clocks.max_by_key(|when| when.latest) {
        return Some(latest);
    }
    let events = events.iter().filter_map(|event| Event::new(event)?.last);
    let leases = snapshot.kind("Lease").filter_map(|lease| lease.time("/spec/renewTime"));
    let heartbeats = snapshot.kind("Node").flat_map(|node| {
        let conditions = 0..node.list("/status/conditions").len();
        conditions.filter_map(|index| node.time(&format!("/status/conditions/{index}/lastHeartbeatTime")))
    });
    events.chain(leases).chain(heartbeats).max_by_key(|when| when.latest)
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

fn all_hits(snapshot: &Snapshot, signatures: &SignatureSet) -> Vec<Hit> {
    let mut hits = Vec::new();
    for event in &snapshot.events {
        let about = About {
            object: event.about.clone(),
            container: event.container.clone(),
            node: if event.about.kind == "Node" {
                event.about.name.clone()
            } else {
                event.host.clone()
            },
        };
        for found in signatures.matches(&event.message, TextSource::Event) {
            hits.push(Hit {
                signature: found.id.to_owned(),
                captures: found.captures,
                source: TextSource::Event,
                about: about.clone(),
                first: event.first.clone(),
                last: event.last.clone(),
                count: event.count,
                cite: event.cite.clone(),
            });
        }
    }
    for object in snapshot.objects.values() {
        for (pointer, container, text) in status_messages(object) {
            for found in signatures.matches(text, TextSource::Status) {
                hits.push(Hit {
                    signature: found.id.to_owned(),
                    captures: found.captures,
                    source: TextSource::Status,
                    about: About {
                        object: object.subject(),
                        container: container.to_owned(),
                        node: object.text("/spec/nodeName").to_owned(),
                    },
                    first: None,
                    last: None,
                    count: 1,
                    cite: object.cite_at(&pointer),
                });
            }
        }
    }
    let nodes = known_nodes(snapshot);
    for log in &snapshot.logs {
        let source = log.stream.source();
        hits.extend(
            log_hits(snapshot, log, &nodes)
                .into_iter()
                .filter(|hit| signatures.is_for(&hit.signature, source)),
        );
    }
    hits
}

/// Messages in an object's status: pointer, container, text.
fn status_messages(object: &Object) -> Vec<(String, &str, &str)> {
    let mut found = Vec::new();
    for (index, condition) in object.list("/status/conditions").iter().enumerate() {
        if let Some(text) = condition
            .get("message")
            .and_then(|value| value.as_str())
            .filter(|text| !text.is_empty())
        {
            found.push((format!("/status/conditions/{index}/message"), "", text));
        }
    }
    if !object.text("/status/message").is_empty() {
        found.push(("/status/message".to_owned(), "", object.text("/status/message")));
    }
    if object.key.kind == "Pod" {
        for container in (PodView { object }).containers() {
            for below in [
                "/state/waiting/message",
                "/state/terminated/message",
                "/lastState/terminated/message",
            ] {
                if let Some(text) = container
                    .status
                    .and_then(|status| status.pointer(below))
                    .and_then(|value| value.as_str())
                {
                    found.push((format!("{}{below}", container.status_pointer), container.name, text));
                }
            }
        }
    }
    found
}

fn log_hits(snapshot: &Snapshot, log: &LogFile, nodes: &[String]) -> Vec<Hit> {
    let reference: Option<Timestamp> = snapshot.now();
    let when = |text: &str| stamp_of(text).and_then(|(stamp, raw)| stamp.resolve(raw, reference));
    let host = snapshot
        .hosts
        .iter()
        .filter(|host| under(&log.path, &host.directory))
        .max_by_key(|host| host.directory.len());
    let node = host.map(|host| host.node_name().to_owned()).unwrap_or_default();
    log.hits
        .iter()
        .map(|hit| {
            let mut about = match &log.stream {
                Stream::Container(container) => About {
                    object: Subject::namespaced("Pod", &container.namespace, &container.pod),
                    container: container.container.clone(),
                    node: node.clone(),
                },
                _ => About {
                    object: pod_in_line(&hit.text).unwrap_or_default(),
                    container: String::new(),
                    node: node.clone(),
                },
            };
            if let Some(pod) = snapshot.object(&about.object.kind, &about.object.namespace, &about.object.name)
                && about.node.is_empty()
            {
                about.node = pod.text("/spec/nodeName").to_owned();
            }
            if about.node.is_empty() && !matches!(log.stream, Stream::Container(_)) {
                about.node = node_of_log(&log.path, &hit.text, nodes);
            }
            let first = when(&hit.text);
            let last = hit
                .last
                .as_ref()
                .and_then(|(_, text)| when(text))
                .or_else(|| first.clone());
            Hit {
                signature: hit.signature.clone(),
                captures: hit.captures.clone(),
                source: log.stream.source(),
                about,
                cite: Citation::line(&snapshot.bundle.alias, &log.path, hit.line, hit.text.clone()).at(first.clone()),
                first,
                last,
                count: hit.count,
            }
        })
        .collect()
}

fn under(path: &EntryPath, directory: &str) -> bool {
    directory.is_empty()
        || path
            .as_str()
            .strip_prefix(directory)
            .is_some_and(|rest| rest.starts_with('/'))
}

/// The pod that a line of the kubelet names: `pod="namespace/name"` (klog's structured form, `k8s.io/klog` `ObjectRef.String`).
fn pod_in_line(line: &str) -> Option<Subject> {
    let (_, rest) = line.split_once("pod=\"")?;
    let (namespace, name) = rest.split('"').next()?.split_once('/')?;
    Some(Subject::namespaced("Pod", namespace, name))
}

/// Used by rules that turn a stamp beside some text into a time.
impl Snapshot {
    /// The time that a text starts with, resolved against this bundle's reference time.
    pub fn time_of(&self, text: &str) -> Option<When> {
        let (stamp, raw) = stamp_of(text)?;
        stamp.resolve(raw, self.now())
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

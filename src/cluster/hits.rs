//! Every signature's match with what it is about.

use std::collections::HashSet;

use jiff::Timestamp;
use rayon::prelude::*;

use super::assemble::machine_of;
use super::node_words::NODE_WORDS;
use super::whereabouts::{KnownNodes, named_place, node_of_host, node_of_log};
use super::{About, Hit, Host, Object, PodView, Snapshot};
use crate::bundle::decode::PodRef;
use crate::bundle::layout::Detected;
use crate::logs::{LogFile, SignatureSet, Stream, TextSource, Tried, stamp_of};
use crate::model::{Citation, EntryPath, Place, Subject};

/// The rule of a signature.
pub(super) fn rule_of(signature: &str) -> &str {
    signature.split_once('/').map_or(signature, |(rule, _)| rule)
}

/// Every match of a signature: in events, in objects' statuses and in logs. What the logs of nodes tell of pods is added to the snapshot.
pub(super) fn all_hits(
    snapshot: &mut Snapshot,
    (signatures, tried): (&SignatureSet, &Tried),
    detected: &Detected<'_>,
) -> Vec<Hit> {
    let nodes = KnownNodes::of(snapshot);
    let of_logs = snapshot.logs.iter().flat_map(|log| {
        let found = log_hits(snapshot, log, detected, &nodes).into_iter();
        found.filter(|hit| signatures.is_for(&hit.signature, log.stream.source()))
    });
    let (words, of_logs): (Vec<Hit>, Vec<Hit>) = of_logs.partition(|hit| rule_of(&hit.signature) == NODE_WORDS);
    if !words.is_empty() {
        super::told_by_nodes::add(snapshot, &words);
    }
    let (hits, set_aside) = hits_of_all(snapshot, (signatures, tried), of_logs, &words);
    snapshot.hits_set_aside = set_aside;
    hits
}

/// The matches in events and objects before those of the logs, and apart those that say again what a node's `words` told.
fn hits_of_all(
    snapshot: &Snapshot,
    (signatures, tried): (&SignatureSet, &Tried),
    of_logs: Vec<Hit>,
    words: &[Hit],
) -> (Vec<Hit>, Vec<Hit>) {
    let of_events = snapshot.events.par_iter().flat_map_iter(|event| {
        let about = About {
            object: event.about.clone(),
            container: event.container.clone(),
            node: if event.about.kind == "Node" {
                event.about.name.clone()
            } else {
                event.host.clone()
            },
        };
        let found = signatures.matches(&event.message, TextSource::Event, tried);
        found.into_iter().map(move |found| Hit {
            signature: found.id.to_owned(),
            captures: found.captures,
            source: TextSource::Event,
            about: about.clone(),
            first: event.first.clone(),
            last: event.last.clone(),
            count: event.count,
            cite: event.cite.clone(),
        })
    });
    let mut hits: Vec<Hit> = of_events.collect();
    let objects: Vec<&Object> = snapshot.objects.values().collect();
    hits.par_extend(objects.into_par_iter().flat_map_iter(|object| {
        status_messages(object)
            .into_iter()
            .flat_map(move |(pointer, container, text)| {
                let found = signatures.matches(text, TextSource::Status, tried);
                found.into_iter().map(move |found| Hit {
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
                })
            })
    }));
    hits.extend(of_logs);
    // What a node told is searched as event, as status and as line of its log, and counts once. The first knows most of whom it is about.
    let told: HashSet<(EntryPath, u64)> = words.iter().filter_map(line_of).collect();
    let mut seen: HashSet<(String, (EntryPath, u64))> = HashSet::new();
    hits.into_iter().partition(|hit| {
        let at = line_of(hit).filter(|at| told.contains(at));
        at.is_none_or(|at| seen.insert((hit.signature.clone(), at)))
    })
}

/// The line of a file in which a match stands.
fn line_of(hit: &Hit) -> Option<(EntryPath, u64)> {
    match hit.cite.place {
        Place::Lines(first, _) => Some((hit.cite.file.clone(), first)),
        Place::Pointer(_) => None,
    }
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

fn log_hits(snapshot: &Snapshot, log: &LogFile, detected: &Detected<'_>, nodes: &KnownNodes) -> Vec<Hit> {
    let reference: Option<Timestamp> = snapshot.now();
    let mut place = machine_of(detected, nodes, &log.path);
    if let Some(node) = node_of_host(&log.host, nodes).filter(|_| place.directory.is_empty()) {
        place = named_place(node);
    }
    let host = snapshot.hosts.iter().find(|host| host.directory == place.directory);
    // A directory of logs alone is no host, but it still tells whose logs they are.
    let node = host.map_or(place.name, |host| host.node_name().to_owned());
    let booted = host.and_then(Host::booted);
    let when = |text: &str| {
        let (stamp, raw) = stamp_of(text)?;
        stamp
            .resolve(raw, reference, snapshot.zone)
            .or_else(|| stamp.resolve_since(raw, booted?))
    };
    log.hits
        .iter()
        .map(|hit| {
            let mut about = match &log.stream {
                Stream::Container(container) if container.pod.is_empty() => About {
                    object: Subject::default(),
                    container: container.container.clone(),
                    node: node.clone(),
                },
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
                && !pod.text("/spec/nodeName").is_empty()
            {
                about.node = pod.text("/spec/nodeName").to_owned();
            }
            // The log of a pod that no object knows may be a node's own file, taken for a pod's by its name.
            let is_known = snapshot.pod(&about.object.namespace, &about.object.name).is_some();
            if about.node.is_empty() && !(is_known && matches!(log.stream, Stream::Container(_))) {
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

/// The pod that a line of the kubelet names.
fn pod_in_line(line: &str) -> Option<Subject> {
    let pod = PodRef::in_line(line)?;
    Some(Subject::namespaced("Pod", pod.namespace, pod.name))
}

//! A pod of which only the logs of nodes tell, made of what they said of it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::node_words::{PodName, Word};
use super::{Hit, Object};
use crate::bundle::decode::{Form, ObjectFact, Pointer};
use crate::model::{Citation, When};

/// Where a pod has more containers than this, more are not kept.
const CONTAINERS: usize = 64;

/// A word and where it stands.
pub(super) struct Said<'h> {
    pub(super) pod: PodName,
    pub(super) word: Word,
    /// When it was said last.
    pub(super) last: Option<Timestamp>,
    pub(super) hit: &'h Hit,
}

/// What the kubelets freed and when, by node.
#[derive(Default)]
pub(super) struct Reclaimed<'w>(BTreeMap<&'w str, Vec<(Option<Timestamp>, &'w str)>>);

impl<'w> Reclaimed<'w> {
    pub(super) fn note(&mut self, resource: &'w str, said: &'w Said<'_>) {
        let of_node = self.0.entry(&said.hit.about.node).or_default();
        let first = said.hit.first.as_ref().map(|when| when.earliest);
        of_node.extend(first.map(|first| (Some(first), resource)));
        of_node.push((said.last, resource));
    }

    /// What the node lacked as it put a pod out: what it had last begun to free by then. Without times, what its log tells last.
    pub(super) fn before(&self, node: &str, evicted: Option<Timestamp>) -> Option<&'w str> {
        let of_node = self.0.get(node)?;
        let is_before = |time: Option<Timestamp>| evicted.is_none() || time <= evicted;
        let before = of_node.iter().filter(|(time, _)| is_before(*time));
        before.max_by_key(|(time, _)| *time).map(|&(_, resource)| resource)
    }
}

/// What the kubelet says of an eviction (kubernetes `pkg/kubelet/eviction/helpers.go`, nodeLowMessageFmt).
pub(super) fn low_on(resource: &str) -> String {
    format!("The node was low on resource: {resource}.")
}

/// Something that was told of a pod.
struct State<T> {
    what: T,
    /// When it was told last, in the order of all words.
    last: Option<Timestamp>,
    when: Option<When>,
    cite: Citation,
}

impl<T> State<T> {
    fn new(what: T, said: &Said<'_>) -> Self {
        Self {
            what,
            last: said.last,
            when: said.hit.last.clone(),
            cite: said.hit.cite.clone(),
        }
    }

    fn is_before(&self, time: Timestamp) -> bool {
        self.last.is_some_and(|last| last < time)
    }
}

/// What is told of one pod. Words come in the order of their times, so that of two the latter counts.
#[derive(Default)]
pub(super) struct Told {
    pub(super) pod: PodName,
    node: String,
    /// Container → the reason and message of its waiting.
    waiting: BTreeMap<String, State<(String, String)>>,
    /// The pod does not come to run its containers.
    pending: Option<State<()>>,
    unscheduled: Option<State<String>>,
    evicted: Option<State<()>>,
    unready: BTreeMap<String, State<()>>,
    killed: Option<State<()>>,
    finished: Option<State<i64>>,
}

impl Told {
    pub(super) fn note(&mut self, said: &Said<'_>) {
        let (word, hit) = (&said.word, said.hit);
        if !matches!(word, Word::Unscheduled(_)) && !hit.about.node.is_empty() {
            self.node.clone_from(&hit.about.node);
        }
        match word {
            Word::Waits {
                container,
                reason,
                message,
            } if self.waiting.len() < CONTAINERS || self.waiting.contains_key(container) => {
                let state = State::new((reason.clone(), message.clone()), said);
                self.waiting.insert(container.clone(), state);
            }
            Word::Probe { container, probe, .. }
                if ["Readiness", "Startup"].contains(&probe.as_str()) && self.unready.len() < CONTAINERS =>
            {
                self.unready.insert(container.clone(), State::new((), said));
            }
            Word::Sandbox { is_end: false, .. } | Word::Mount(_) => self.pending = Some(State::new((), said)),
            Word::Unscheduled(message) => self.unscheduled = Some(State::new(message.clone(), said)),
            Word::Evicted => self.evicted = Some(State::new((), said)),
            Word::KilledForMemory => self.killed = Some(State::new((), said)),
            Word::Finished(code) => self.finished = Some(State::new(*code, said)),
            Word::Started => {
                if let Some(start) = said.last {
                    self.start(start);
                }
            }
            _ => {}
        }
    }

    /// Lets go of what a start ended. How the instance before it ended stays: a container that runs again has that too.
    fn start(&mut self, time: Timestamp) {
        self.waiting.retain(|_, said| !said.is_before(time));
        self.unready.retain(|_, said| !said.is_before(time));
        self.pending.take_if(|said| said.is_before(time));
        self.unscheduled.take_if(|said| said.is_before(time));
        self.evicted.take_if(|said| said.is_before(time));
    }

    /// The pod as its node last told of it; none where nothing told of its state. `reclaimed` is what the nodes were short of.
    pub(super) fn into_object(mut self, reclaimed: &Reclaimed<'_>) -> Option<Object> {
        let mut lines: BTreeMap<String, Citation> = BTreeMap::new();
        let mut statuses: Vec<Value> = Vec::new();
        for (container, said) in &self.waiting {
            lines.insert(
                format!("/status/containerStatuses/{}", statuses.len()),
                said.cite.clone(),
            );
            let (reason, message) = &said.what;
            let waiting = json!({"reason": reason, "message": message});
            statuses.push(json!({"name": container, "ready": false, "state": {"waiting": waiting}}));
        }
        for (container, said) in &self.unready {
            if !self.waiting.contains_key(container) {
                lines.insert(
                    format!("/status/containerStatuses/{}", statuses.len()),
                    said.cite.clone(),
                );
                statuses.push(json!({"name": container, "ready": false, "state": {"running": {}}}));
            }
        }
        let crashes = self.waiting.values().any(|said| said.what.0 == "CrashLoopBackOff");
        if let Some(State { when, cite, .. }) = self.killed.take() {
            // The kernel names the pod; which of several containers it was is not told.
            if statuses.is_empty() {
                statuses.push(json!({"name": "", "ready": false}));
            }
            end(&mut statuses, &mut lines, ("OOMKilled", 137), when, cite);
        } else if let Some(said) = self.finished.take().filter(|_| crashes) {
            end(&mut statuses, &mut lines, ("Error", said.what), said.when, said.cite);
        }
        let mut status = json!({"containerStatuses": statuses});
        let phase = if self.evicted.is_some() {
            "Failed"
        } else if self.pending.is_some() || self.unscheduled.is_some() || !statuses.is_empty() && !has_run(&statuses) {
            "Pending"
        } else if !statuses.is_empty() {
            "Running"
        } else {
            return None;
        };
        put(&mut status, "phase", phase.into());
        if let Some(State { last, cite, .. }) = self.evicted {
            let reclaimed = reclaimed.before(&self.node, last);
            put(&mut status, "reason", "Evicted".into());
            put(
                &mut status,
                "message",
                reclaimed.map_or_else(String::new, low_on).into(),
            );
            lines.insert("/status".to_owned(), cite);
        } else if let Some(State {
            what: message, cite, ..
        }) = self.unscheduled
        {
            let unscheduled =
                json!({"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message});
            put(&mut status, "conditions", json!([unscheduled]));
            lines.insert("/status".to_owned(), cite);
        } else if let Some(said) = self.pending {
            lines.insert("/status".to_owned(), said.cite);
        }
        let cite = lines.values().next()?.clone();
        lines.insert(String::new(), cite.clone());
        let mut metadata = json!({"namespace": self.pod.namespace, "name": self.pod.name});
        if !self.pod.uid.is_empty() {
            put(&mut metadata, "uid", self.pod.uid.into());
        }
        let spec = if self.node.is_empty() {
            json!({})
        } else {
            json!({"nodeName": self.node})
        };
        Object::new(ObjectFact {
            value: json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": status}),
            form: Form::Told,
            pointer: Pointer::Lines(lines),
            cite,
            seen_at: None,
        })
    }
}

/// True where a container was started at all, by the reasons for which it waits.
fn has_run(statuses: &[Value]) -> bool {
    let waits_for = |status: &Value| {
        status
            .pointer("/state/waiting/reason")
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    statuses
        .iter()
        .any(|status| waits_for(status).is_none_or(|reason| reason == "CrashLoopBackOff"))
}

fn put(value: &mut Value, key: &str, what: Value) {
    if let Some(map) = value.as_object_mut() {
        map.insert(key.to_owned(), what);
    }
}

/// Adds how its last instance ended to the only container.
fn end(
    statuses: &mut [Value],
    lines: &mut BTreeMap<String, Citation>,
    (reason, code): (&str, i64),
    when: Option<When>,
    cite: Citation,
) {
    let [only] = statuses else { return };
    let mut terminated = json!({"reason": reason, "exitCode": code});
    if let Some(when) = when {
        put(&mut terminated, "finishedAt", when.latest.to_string().into());
    }
    put(only, "lastState", json!({"terminated": terminated}));
    lines.insert("/status/containerStatuses/0/lastState".to_owned(), cite);
}

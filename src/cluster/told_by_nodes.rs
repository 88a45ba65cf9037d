//! Pods and events that only the logs of nodes tell of.
//!
//! Many collectors take the logs of a node and no objects. What the kubelet, the scheduler and the kernel write there is put into the
//! form in which rules look for it: a pod in the state that was told of it last, and the event that went with it. None of it counts as
//! collected: a check that finds nothing among such pods stays unknown.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::node_words::{PodName, Word, read};
use super::{Event, Hit, Object, Snapshot};
use crate::bundle::decode::{Form, ObjectFact, Pointer};
use crate::logs::is_of_control_plane;
use crate::model::{Citation, EntryPath, Subject, When};

/// What a log no longer says for so long before its end is over.
const OVER: SignedDuration = SignedDuration::from_mins(15);
/// Where a pod has more containers than this, more are not kept.
const CONTAINERS: usize = 64;

/// Adds what these matches of [`super::node_words()`] tell and the bundle's objects and events do not.
pub(super) fn add(snapshot: &mut Snapshot, hits: &[Hit]) {
    // Lines that do not tell their machine are of the only one, where there is but one.
    let only = match snapshot.node_names().as_slice() {
        [only] => only.clone(),
        _ => String::new(),
    };
    let placed = hits.iter().cloned().map(|mut hit| {
        if hit.about.node.is_empty() {
            hit.about.node.clone_from(&only);
        }
        hit
    });
    let hits: Vec<Hit> = placed.collect();
    let words: Vec<(PodName, Word, &Hit)> = (hits.iter())
        .filter_map(|hit| {
            let line = hit.cite.quote.first()?;
            let (pod, word) = read(hit.signature.split_once('/')?.1, &hit.captures, &line.text)?;
            Some((pod, word, hit))
        })
        .collect();
    let known = Known::of(snapshot, &words);
    let mut pods: BTreeMap<(String, String), Told> = BTreeMap::new();
    let mut reclaimed: BTreeMap<&str, &str> = BTreeMap::new();
    let mut events: Vec<Event> = Vec::new();
    for (pod, word, hit) in &words {
        if let Word::Reclaims(resource) = word {
            reclaimed.insert(&hit.about.node, resource);
        }
        let pod = known.whole(pod);
        events.extend(event_of(snapshot, &pod, word, hit));
        let is_of_pod = !pod.namespace.is_empty() && !pod.name.is_empty();
        if is_of_pod && snapshot.lacks_pods_of(&pod.namespace) && !is_over(snapshot, hit) {
            let key = (pod.namespace.clone(), pod.name.clone());
            let told = pods.entry(key).or_default();
            told.pod = pod;
            told.note(word, hit);
        }
    }
    for event in &mut events {
        if event.reason == "Evicted"
            && let Some(resource) = reclaimed.get(event.host.as_str())
        {
            event.message = low_on(resource);
        }
    }
    snapshot.events.extend(events);
    super::events::fold_duplicates(&mut snapshot.events);
    for told in pods.into_values() {
        let resource = reclaimed.get(told.node.as_str()).copied();
        if let Some(object) = told.into_object(resource) {
            snapshot.objects.entry(object.key.clone()).or_insert(object);
        }
    }
}

/// Lets go of such pods where others tell what pods there are.
pub(super) fn drop_seen(snapshot: &mut Snapshot) {
    let is_told = |object: &Object| object.key.kind == "Pod" && object.form == Form::Told;
    let told = snapshot.kind("Pod").filter(|pod| is_told(pod));
    let seen: BTreeSet<String> = told
        .map(|pod| pod.key.namespace.clone())
        .filter(|namespace| !snapshot.lacks_pods_of(namespace))
        .collect();
    (snapshot.objects).retain(|key, object| !(is_told(object) && seen.contains(&key.namespace)));
}

impl Snapshot {
    /// True for a namespace of which no pods were collected: none at all were, or those of the control plane alone.
    pub fn lacks_pods_of(&self, namespace: &str) -> bool {
        let is_system = |pod: &Object| pod.form == Form::Told || is_of_control_plane(&pod.key.namespace);
        !self.coverage.has("pods")
            || !self.coverage.has("namespaces")
                && !is_of_control_plane(namespace)
                && self.kind("Pod").next().is_some()
                && self.kind("Pod").all(is_system)
    }
}

/// True where the log goes on for long without it.
fn is_over(snapshot: &Snapshot, hit: &Hit) -> bool {
    snapshot.goes_on_without(hit).is_some_and(|gap| gap > OVER)
}

fn low_on(resource: &str) -> String {
    format!("The node was low on resource: {resource}.")
}

/// The event that the kubelet (or the scheduler) sends when it writes such a line: kubernetes `pkg/kubelet/events/event.go`.
fn event_of(snapshot: &Snapshot, pod: &PodName, word: &Word, hit: &Hit) -> Option<Event> {
    let (mut kind, mut on) = ("Pod", "");
    let (reason, message) = match word {
        Word::Waits {
            container,
            reason,
            message,
        } => {
            on = container;
            match reason.as_str() {
                "CrashLoopBackOff" => (
                    "BackOff",
                    format!("Back-off restarting failed container {container} in pod {}", pod.name),
                ),
                "ErrImagePull" => ("Failed", format!("Failed to pull image: {message}")),
                "ImagePullBackOff" => ("BackOff", message.clone()),
                _ => ("Failed", format!("Error: {message}")),
            }
        }
        Word::Sandbox { is_end: false, message } => (
            "FailedCreatePodSandBox",
            format!("Failed to create pod sandbox: {message}"),
        ),
        Word::Sandbox { is_end: true, message } => ("FailedKillPod", format!("error killing pod: {message}")),
        Word::Probe { container, message, .. } => {
            on = container;
            ("Unhealthy", message.clone())
        }
        Word::Killing { container, message } => {
            on = container;
            ("Killing", message.clone())
        }
        Word::Mount(message) => ("FailedMount", message.clone()),
        Word::Evicted => ("Evicted", String::new()),
        Word::Unscheduled(message) => ("FailedScheduling", message.clone()),
        Word::Event {
            kind: of,
            container,
            reason,
            message,
        } => {
            (kind, on) = (of, container);
            (reason.as_str(), message.clone())
        }
        Word::Reclaims(resource) => {
            kind = "Node";
            ("EvictionThresholdMet", format!("Attempting to reclaim {resource}"))
        }
        Word::NotReady { message, .. } => {
            kind = "Node";
            ("NodeNotReady", message.clone())
        }
        Word::KilledForMemory | Word::Finished(_) => return None,
    };
    let node = &hit.about.node;
    let name = if kind == "Node" && pod.name.is_empty() {
        node
    } else {
        &pod.name
    };
    // Events that were collected tell it themselves; a pod that is known to be well now is over it.
    let is_well = || snapshot.pod(&pod.namespace, name).is_some_and(|pod| pod.is_well());
    let is_gone = || !snapshot.lacks_pods_of(&pod.namespace) && snapshot.pod(&pod.namespace, name).is_none();
    if snapshot.coverage.has("events") || name.is_empty() || kind == "Pod" && (is_well() || is_gone()) {
        return None;
    }
    Some(Event {
        warning: true,
        reason: reason.to_owned(),
        message,
        about: if kind == "Node" {
            Subject::node(name)
        } else {
            Subject::namespaced(kind, &pod.namespace, name)
        },
        container: on.to_owned(),
        count: hit.count,
        first: hit.first.clone(),
        last: hit.last.clone(),
        component: String::new(),
        host: node.clone(),
        cite: hit.cite.clone(),
        kind_cite: None,
    })
}

/// Which pods the lines and paths of the bundle name in full.
struct Known {
    by_uid: BTreeMap<String, (String, String)>,
    namespaces: BTreeMap<String, BTreeSet<String>>,
}

impl Known {
    fn of(snapshot: &Snapshot, words: &[(PodName, Word, &Hit)]) -> Self {
        let mut known = Self {
            by_uid: BTreeMap::new(),
            namespaces: BTreeMap::new(),
        };
        for pod in snapshot.pods() {
            known.note(pod.object.text("/metadata/uid"), pod.namespace(), pod.name());
        }
        for (pod, ..) in words {
            known.note(&pod.uid, &pod.namespace, &pod.name);
        }
        for log in &snapshot.logs {
            if let Some((namespace, name, uid)) = folder_of_pod(&log.path) {
                known.note(uid, namespace, name);
            }
        }
        known
    }

    fn note(&mut self, uid: &str, namespace: &str, name: &str) {
        if namespace.is_empty() || name.is_empty() {
            return;
        }
        let places = self.namespaces.entry(name.to_owned()).or_default();
        places.insert(namespace.to_owned());
        if !uid.is_empty() {
            (self.by_uid).insert(uid.to_owned(), (namespace.to_owned(), name.to_owned()));
        }
    }

    /// The pod with what others tell of it.
    fn whole(&self, pod: &PodName) -> PodName {
        let mut pod = pod.clone();
        if pod.namespace.is_empty()
            && let Some((namespace, name)) = self.by_uid.get(&pod.uid)
        {
            (pod.namespace, pod.name) = (namespace.clone(), name.clone());
        }
        if pod.namespace.is_empty()
            && let Some(places) = self.namespaces.get(&pod.name)
            && let (Some(only), 1) = (places.first(), places.len())
        {
            pod.namespace.clone_from(only);
        }
        pod
    }
}

/// The folder of a pod's logs on its node: `<namespace>_<name>_<uid>` (kubernetes `pkg/kubelet/kuberuntime/helpers.go`, BuildPodLogsDirectory).
fn folder_of_pod(path: &EntryPath) -> Option<(&str, &str, &str)> {
    path.components().find_map(|part| {
        let (namespace, rest) = part.split_once('_')?;
        let (name, uid) = rest.rsplit_once('_')?;
        let is_uid = uid.len() == 36 && uid.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
        is_uid.then_some((namespace, name, uid))
    })
}

/// What is told of one pod.
#[derive(Default)]
struct Told {
    pod: PodName,
    node: String,
    /// Container → the reason and message of its waiting, when it was told last, and where.
    waiting: BTreeMap<String, (String, String, Option<When>, Citation)>,
    /// The pod does not come to run its containers.
    pending: Option<Citation>,
    unscheduled: Option<(String, Citation)>,
    evicted: Option<Citation>,
    unready: BTreeMap<String, Citation>,
    killed: Option<(Option<When>, Citation)>,
    finished: Option<(i64, Option<When>, Citation)>,
}

impl Told {
    fn note(&mut self, word: &Word, hit: &Hit) {
        if !matches!(word, Word::Unscheduled(_)) && !hit.about.node.is_empty() {
            self.node.clone_from(&hit.about.node);
        }
        let cite = || hit.cite.clone();
        match word {
            Word::Waits {
                container,
                reason,
                message,
            } => {
                let is_newer = match self.waiting.get(container) {
                    None => self.waiting.len() < CONTAINERS,
                    Some((_, _, Some(known), _)) => hit.last.as_ref().is_some_and(|last| last.latest > known.latest),
                    Some(_) => true,
                };
                if is_newer {
                    let state = (reason.clone(), message.clone(), hit.last.clone(), cite());
                    self.waiting.insert(container.clone(), state);
                }
            }
            Word::Probe { container, probe, .. }
                if ["Readiness", "Startup"].contains(&probe.as_str()) && self.unready.len() < CONTAINERS =>
            {
                self.unready.entry(container.clone()).or_insert_with(cite);
            }
            Word::Sandbox { is_end: false, .. } | Word::Mount(_) => self.pending = Some(cite()),
            Word::Unscheduled(message) => self.unscheduled = Some((message.clone(), cite())),
            Word::Evicted => self.evicted = Some(cite()),
            Word::KilledForMemory => self.killed = Some((hit.last.clone(), cite())),
            Word::Finished(code) if *code != 0 => self.finished = Some((*code, hit.last.clone(), cite())),
            _ => {}
        }
    }

    /// The pod as its node last told of it; none where nothing told of its state. `reclaimed` is what its node was short of.
    fn into_object(mut self, reclaimed: Option<&str>) -> Option<Object> {
        let mut lines: BTreeMap<String, Citation> = BTreeMap::new();
        let mut statuses: Vec<Value> = Vec::new();
        for (container, (reason, message, _, cite)) in &self.waiting {
            lines.insert(format!("/status/containerStatuses/{}", statuses.len()), cite.clone());
            let waiting = json!({"reason": reason, "message": message});
            statuses.push(json!({"name": container, "ready": false, "state": {"waiting": waiting}}));
        }
        for (container, cite) in &self.unready {
            if !self.waiting.contains_key(container) {
                lines.insert(format!("/status/containerStatuses/{}", statuses.len()), cite.clone());
                statuses.push(json!({"name": container, "ready": false, "state": {"running": {}}}));
            }
        }
        let crashes = self.waiting.values().any(|(reason, ..)| reason == "CrashLoopBackOff");
        if let Some((when, cite)) = self.killed.take() {
            // The kernel names the pod; which of several containers it was is not told.
            if statuses.is_empty() {
                statuses.push(json!({"name": "", "ready": false}));
            }
            end(&mut statuses, &mut lines, ("OOMKilled", 137), when, cite);
        } else if let Some((code, when, cite)) = self.finished.take().filter(|_| crashes) {
            end(&mut statuses, &mut lines, ("Error", code), when, cite);
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
        if let Some(cite) = self.evicted {
            put(&mut status, "reason", "Evicted".into());
            put(
                &mut status,
                "message",
                reclaimed.map_or_else(String::new, low_on).into(),
            );
            lines.insert("/status".to_owned(), cite);
        } else if let Some((message, cite)) = self.unscheduled {
            let unscheduled =
                json!({"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message});
            put(&mut status, "conditions", json!([unscheduled]));
            lines.insert("/status".to_owned(), cite);
        } else if let Some(cite) = self.pending {
            lines.insert("/status".to_owned(), cite);
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

#[cfg(test)]
mod tests {
    use super::super::{NODE_WORDS, Snapshot, node_words, reading_for};
    use crate::logs::SignatureSet;

    const CRASHES: &str = r#"Nov 20 10:11:02 n1 kubelet[240]: E1120 10:11:02.123456     240 pod_workers.go:1301] "Error syncing pod, skipping" err="failed to \"StartContainer\" for \"app\" with CrashLoopBackOff: \"back-off 5m0s restarting failed container=app pod=web-5d_shop(8f2c)\"" pod="shop/web-5d" podUID="8f2c"
"#;
    const MOUNT: &str = r#"Nov 20 10:11:02 n1 kubelet[240]: E1120 10:11:02.123456     240 nestedpendingoperations.go:348] Operation for "{volumeName:c podName:8f2c nodeName:}" failed. No retries permitted until 2026-11-20 10:13:02 +0000 UTC m=+1 (durationBeforeRetry 2m2s). Error: MountVolume.SetUp failed for volume "c" (UniqueName: "c") pod "web-5d" (UID: "8f2c") : configmap "web-config" not found
"#;
    const SYSTEM_PODS: &str =
        "NAMESPACE     NAME   READY   STATUS    RESTARTS   AGE\nkube-system   dns    1/1     Running   0          3d\n";

    fn told(files: &[(&str, &str)]) -> Snapshot {
        let specs = node_words();
        reading_for(
            &SignatureSet::new(specs.iter().map(|spec| (NODE_WORDS, spec))).unwrap(),
            files,
        )
    }

    /// `namespace/name phase reason` of every pod.
    fn pods(snapshot: &Snapshot) -> Vec<String> {
        let reason = |pod: &super::super::PodView<'_>| {
            let waiting = pod
                .containers()
                .first()
                .and_then(|container| Some(container.waiting()?.reason.to_owned()));
            waiting.unwrap_or_else(|| pod.object.text("/status/reason").to_owned())
        };
        let pods = snapshot.pods();
        pods.map(|pod| format!("{}/{} {} {}", pod.namespace(), pod.name(), pod.phase(), reason(&pod)))
            .collect()
    }

    #[test]
    fn the_kubelet_tells_of_a_pod_and_its_event() {
        let snapshot = told(&[("nodes/n1/logs/kubelet.log", CRASHES)]);
        assert_eq!(pods(&snapshot), ["shop/web-5d Running CrashLoopBackOff"]);
        let pod = snapshot.pod("shop", "web-5d").unwrap();
        assert_eq!((pod.node(), pod.object.text("/metadata/uid")), ("n1", "8f2c"));
        let [event] = snapshot.events.as_slice() else {
            panic!("{:?}", snapshot.events)
        };
        assert_eq!(
            (event.reason.as_str(), event.message.as_str()),
            ("BackOff", "Back-off restarting failed container app in pod web-5d")
        );
        assert!(!snapshot.coverage.has("pods") && !snapshot.coverage.has("events"));
    }

    #[test]
    fn the_namespace_of_a_mount_is_told_by_the_folder_of_the_pods_logs() {
        let uid = "8f2c1d0a-1111-2222-3333-444455556666";
        let mount = MOUNT.replace("UID: \"8f2c\"", &format!("UID: \"{uid}\""));
        let log = format!("nodes/n1/pods/shop_web-5d_{uid}/app/0.log");
        let snapshot = told(&[
            ("nodes/n1/logs/kubelet.log", &mount),
            (&log, "2026-11-20T10:11:00.000000000Z stderr F hello\n"),
        ]);
        assert_eq!(pods(&snapshot), ["shop/web-5d Pending "]);
        assert_eq!(
            snapshot.events[0].message,
            "MountVolume.SetUp failed for volume \"c\" : configmap \"web-config\" not found"
        );
    }

    #[test]
    fn a_pod_that_the_log_ends_without_is_not_there_now() {
        let log = format!("{CRASHES}Nov 20 11:30:00 n1 kubelet[240]: I1120 11:30:00.1 240 kubelet.go:1] fine\n");
        assert_eq!(pods(&told(&[("nodes/n1/logs/kubelet.log", &log)])), [""; 0]);
    }

    #[test]
    fn objects_that_were_collected_know_it_better() {
        let log = ("nodes/n1/logs/kubelet.log", CRASHES);
        let pod = "NAMESPACE   NAME     READY   STATUS    RESTARTS   AGE\nshop        web-5d   1/1     Running   0          3d\n";
        assert_eq!(pods(&told(&[log, ("pods.txt", pod)])), ["shop/web-5d Running "]);
        let other = pod.replace("web-5d", "api-0 ");
        assert_eq!(pods(&told(&[log, ("pods.txt", &other)])), ["shop/api-0 Running "]);
        // Whoever lists the system's pods alone has not looked at the others, unless the namespaces tell that there are none.
        let seen = pods(&told(&[log, ("pods.txt", SYSTEM_PODS)]));
        assert_eq!(
            seen,
            ["kube-system/dns Running ", "shop/web-5d Running CrashLoopBackOff"]
        );
        let namespaces = ("ns.txt", "NAME          STATUS   AGE\nkube-system   Active   3d\n");
        assert_eq!(
            pods(&told(&[log, ("pods.txt", SYSTEM_PODS), namespaces])),
            ["kube-system/dns Running "]
        );
    }
}

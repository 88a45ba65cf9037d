//! Pods and events that only the logs of nodes tell of.
//!
//! Many collectors take the logs of a node and no objects. What the kubelet, the scheduler and the kernel write there is put into the
//! form in which rules look for it: a pod in the state that was told of it last, and the event that went with it. None of it counts as
//! collected: a check that finds nothing among such pods stays unknown.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::node_words::{PodName, Word, read};
use super::told_pod::{Reclaimed, Said, Told, low_on};
use super::{Event, Hit, Object, PodView, Snapshot};
use crate::bundle::decode::{Form, PodRef};
use crate::logs::{TextSource, is_of_control_plane};
use crate::model::{Citation, EntryPath, Place, Subject};

/// What a log no longer says for so long before its end is over.
const OVER: SignedDuration = SignedDuration::from_mins(15);

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
    // Where no time is known for want of a year, there is an order all the same.
    let has_times = hits.iter().any(|hit| hit.last.is_some());
    let last_of = |hit: &Hit| {
        let last = if has_times {
            hit.last.clone()
        } else {
            snapshot.said_last(hit)
        };
        last.map(|when| when.latest)
    };
    let mut words: Vec<Said<'_>> = (hits.iter())
        .filter_map(|hit| {
            let line = hit.cite.quote.first()?;
            let (pod, word) = read(hit.signature.split_once('/')?.1, &hit.captures, &line.text)?;
            let last = last_of(hit);
            Some(Said { pod, word, last, hit })
        })
        .collect();
    // What has no time stands in the order of its log, before the rest.
    words.sort_by_key(|said| said.last);
    let known = Known::of(snapshot, &words);
    let mut pods: BTreeMap<(String, String), Told> = BTreeMap::new();
    let mut reclaimed = Reclaimed::default();
    let mut events: Vec<(Option<Timestamp>, Event)> = Vec::new();
    for said in &words {
        let hit = said.hit;
        if let Word::Reclaims(resource) = &said.word {
            reclaimed.note(resource, said);
        }
        let pod = known.whole(&said.pod);
        events.extend(event_of(snapshot, &pod, &said.word, hit).map(|event| (said.last, event)));
        let is_of_pod = !pod.namespace.is_empty() && !pod.name.is_empty();
        if is_of_pod && snapshot.lacks_pods_of(&pod.namespace) && !is_over(snapshot, hit) {
            let key = (pod.namespace.clone(), pod.name.clone());
            let told = pods.entry(key).or_default();
            told.pod = pod;
            told.note(said);
        }
    }
    for (last, event) in &mut events {
        if event.reason == "Evicted"
            && let Some(resource) = reclaimed.before(&event.host, *last)
        {
            event.message = low_on(resource);
        }
    }
    snapshot.events.extend(events.into_iter().map(|(_, event)| event));
    super::events::fold_duplicates(&mut snapshot.events);
    for told in pods.into_values() {
        if let Some(object) = told.into_object(&reclaimed) {
            snapshot.objects.entry(object.key.clone()).or_insert(object);
        }
    }
}

/// Lets go of such pods where others tell what pods there are, of such events where others tell what events there were, and of what was
/// found in their texts. The lines of the logs themselves stay.
pub(super) fn drop_seen(snapshot: &mut Snapshot) {
    let is_told = |object: &Object| object.key.kind == "Pod" && object.form == Form::Told;
    let told = snapshot.kind("Pod").filter(|pod| is_told(pod));
    let seen: BTreeSet<String> = told
        .map(|pod| pod.key.namespace.clone())
        .filter(|namespace| !snapshot.lacks_pods_of(namespace))
        .collect();
    let dropped: Vec<Object> = (snapshot.objects)
        .extract_if(.., |key, object| is_told(object) && seen.contains(&key.namespace))
        .map(|(_, object)| object)
        .collect();
    let (known, events): (Vec<Event>, Vec<Event>) = std::mem::take(&mut snapshot.events)
        .into_iter()
        .partition(|event| event.is_told && is_known(snapshot, &event.about));
    snapshot.events = events;
    let cites = known
        .iter()
        .map(|event| &event.cite)
        .chain(dropped.iter().flat_map(Object::cites));
    let lines: BTreeSet<(Arc<str>, EntryPath, Place)> = cites.map(place_of).collect();
    let is_of_dropped = |hit: &Hit| lines.contains(&place_of(&hit.cite));
    (snapshot.hits).retain(|hit| !(matches!(hit.source, TextSource::Event | TextSource::Status) && is_of_dropped(hit)));
    let (again, aside) = std::mem::take(&mut snapshot.hits_set_aside)
        .into_iter()
        .partition(|hit| is_of_dropped(hit));
    snapshot.hits_set_aside = aside;
    snapshot.hits.extend(again);
}

/// True where what was collected tells it better than a log: there are events, or the pod is well, or gone.
fn is_known(snapshot: &Snapshot, about: &Subject) -> bool {
    let pod = snapshot.pod(&about.namespace, &about.name);
    let pod = pod.filter(|pod| pod.object.form != Form::Told);
    let is_well = || pod.as_ref().is_some_and(PodView::is_well);
    let is_gone = || !snapshot.lacks_pods_of(&about.namespace) && pod.is_none();
    snapshot.coverage.has("events") || about.kind == "Pod" && (is_well() || is_gone())
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

/// The line or field that a citation is of.
fn place_of(cite: &Citation) -> (Arc<str>, EntryPath, Place) {
    (cite.bundle.clone(), cite.file.clone(), cite.place.clone())
}

/// True where the log goes on for long without it.
fn is_over(snapshot: &Snapshot, hit: &Hit) -> bool {
    snapshot.goes_on_without(hit).is_some_and(|gap| gap > OVER)
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
        Word::KilledForMemory | Word::Finished(_) | Word::Started => return None,
    };
    let node = &hit.about.node;
    let name = if kind == "Node" && pod.name.is_empty() {
        node
    } else {
        &pod.name
    };
    let about = if kind == "Node" {
        Subject::node(name)
    } else {
        Subject::namespaced(kind, &pod.namespace, name)
    };
    if name.is_empty() || is_known(snapshot, &about) {
        return None;
    }
    Some(Event {
        warning: true,
        reason: reason.to_owned(),
        message,
        about,
        container: on.to_owned(),
        count: hit.count,
        first: hit.first.clone(),
        last: hit.last.clone(),
        component: String::new(),
        host: node.clone(),
        cite: hit.cite.clone(),
        kind_cite: None,
        is_told: true,
    })
}

/// Which pods the lines and paths of the bundle name in full.
struct Known {
    by_uid: BTreeMap<String, (String, String)>,
    namespaces: BTreeMap<String, BTreeSet<String>>,
}

impl Known {
    fn of(snapshot: &Snapshot, words: &[Said<'_>]) -> Self {
        let mut known = Self {
            by_uid: BTreeMap::new(),
            namespaces: BTreeMap::new(),
        };
        for pod in snapshot.pods() {
            known.note(pod.object.text("/metadata/uid"), pod.namespace(), pod.name());
        }
        for Said { pod, .. } in words {
            known.note(&pod.uid, &pod.namespace, &pod.name);
        }
        for log in &snapshot.logs {
            let mut folders = log.path.components().filter_map(PodRef::of_folder);
            if let Some(pod) = folders.find(PodRef::has_uid) {
                known.note(pod.uid, pod.namespace, pod.name);
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

    /// A line of the kubelet of n1 at this time of the day.
    fn kubelet(time: &str, said: &str) -> String {
        format!("Nov 20 {time} n1 kubelet[240]: I1120 {time}.1 240 some.go:1] {said}\n")
    }

    #[test]
    fn a_start_ends_what_a_pod_waited_for_until_then() {
        let started = kubelet(
            "10:12:00",
            r#""SyncLoop (PLEG): event for pod" pod="shop/web-5d" event={"ID":"8f2c","Type":"ContainerStarted","Data":"0a1b"}"#,
        );
        for trouble in [CRASHES, MOUNT] {
            let lines = format!("{trouble}{started}");
            assert_eq!(
                pods(&told(&[("nodes/n1/logs/kubelet.log", &lines)])),
                [""; 0],
                "{lines}"
            );
        }
        // What fails after it is told again.
        let lines = format!("{started}{}", CRASHES.replace("10:11:02", "10:12:01"));
        let seen = pods(&told(&[("nodes/n1/logs/kubelet.log", &lines)]));
        assert_eq!(seen, ["shop/web-5d Running CrashLoopBackOff"]);
        // How a container ended stays with the one that runs after it.
        let uid = "8f2c1d0a-1111-2222-3333-444455556666";
        let killed = format!(
            "Nov 20 10:11:30 n1 kernel: oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),task_memcg=/kubepods/pod{uid}/a,task=java,pid=42,uid=0\n"
        );
        let lines = format!("{killed}{}", started.replace("8f2c", uid));
        let snapshot = told(&[("nodes/n1/logs/journal.log", &lines)]);
        let pod = snapshot.pod("shop", "web-5d").unwrap();
        let ended = pod
            .object
            .text("/status/containerStatuses/0/lastState/terminated/reason");
        assert_eq!(ended, "OOMKilled");
    }

    #[test]
    fn an_eviction_is_for_what_the_node_began_to_free_last_before_it() {
        let reclaim =
            |resource: &str| format!(r#""Eviction manager: must evict pod(s) to reclaim" resourceName="{resource}""#);
        let evicted = r#""Eviction manager: pod is evicted successfully" pod="shop/web-5d""#;
        let lines = [
            kubelet("10:11:00", &reclaim("memory")),
            kubelet("10:11:02", evicted),
            kubelet("10:12:00", &reclaim("ephemeral-storage")),
        ];
        let snapshot = told(&[("nodes/n1/logs/kubelet.log", &lines.concat())]);
        let pod = snapshot.pod("shop", "web-5d").unwrap();
        assert_eq!(
            pod.object.text("/status/message"),
            "The node was low on resource: memory."
        );
        let event = snapshot.events_on("Pod", "shop", "web-5d").next().unwrap();
        assert_eq!(event.message, "The node was low on resource: memory.");
    }

    #[test]
    fn of_two_states_the_latter_in_time_counts_in_whatever_order_logs_are_read() {
        let waits = |time: &str, reason: &str| CRASHES.replace("10:11:02", time).replace("CrashLoopBackOff", reason);
        let (early, late) = (waits("10:11:02", "ErrImagePull"), waits("10:11:40", "CrashLoopBackOff"));
        for [first, second] in [[&early, &late], [&late, &early]] {
            let logs = [
                ("nodes/n1/logs/a/kubelet.log", first.as_str()),
                ("nodes/n1/logs/b/kubelet.log", second),
            ];
            assert_eq!(pods(&told(&logs)), ["shop/web-5d Running CrashLoopBackOff"]);
        }
        let unscheduled = |time: &str, why: &str| {
            kubelet(
                time,
                &format!(r#""Unable to schedule pod; no fit; waiting" pod="shop/web-5d" err="{why}""#),
            )
        };
        let (early, late) = (unscheduled("10:11:02", "no cpu"), unscheduled("10:11:40", "no memory"));
        for [first, second] in [[&early, &late], [&late, &early]] {
            let logs = [
                ("nodes/n1/logs/a/kubelet.log", first.as_str()),
                ("nodes/n1/logs/b/kubelet.log", second),
            ];
            let snapshot = told(&logs);
            let pod = snapshot.pod("shop", "web-5d").unwrap();
            assert_eq!(pod.object.text("/status/conditions/0/message"), "no memory");
        }
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

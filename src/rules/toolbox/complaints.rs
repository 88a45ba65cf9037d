//! What applications complain of in their own logs, told apart from noise: a complaint counts while it ails the workload now.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use jiff::SignedDuration;
use regex::Regex;

use super::common_store::common_store;
use super::errors::troubled;
use super::etcd::{etcd, is_of_etcd};
use super::lasting::{ended, is_blamed};
use super::makers::operators_of;
use super::mentions::{mentioned, named_by_word};
use super::nodes::is_ready;
use super::passed::{complaint_is_over, peer_is_back, spacing};
use super::peers::{Peer, dependencies, is_of_gone_pod, name_service, node_of_address, objects_of, service_meant};
use super::services::services_in;
use super::speakers::{Speaker, State, is_data_store, is_previous, of_log, of_pod, stores_of, technology};
use super::stores::refuses_when_full;
use super::told::told;
use super::weight::{Weight, weight_of};
use super::witnesses::hear_stores;
use super::workload_touches;
use crate::cluster::Snapshot;
use crate::logs::{LineHit, LogFile, Stream, TextSource, clean_line, is_of_control_plane};
use crate::model::{Citation, Confidence, Subject};
use crate::rules::{Finding, Input, RuleHeader, Subjects, operand, shell_quote};

/// A complaint within so many lines of the end of a log is among the last words of who ended then; a stack trace takes its room.
const LAST_WORDS: u64 = 40;
/// At most so many citations for one finding.
const CITATIONS: usize = 4;
/// How the system says that an address answers nothing: a program that runs there would refuse.
const SILENT: [&str; 5] = [
    "nreachable",
    "No route to host",
    "no route to host",
    "timed out",
    "timeout",
];

/// A line, who said it, and how much it weighs.
pub struct Complaint<'s> {
    /// Who.
    pub speaker: Speaker<'s>,
    /// `rule/signature`.
    pub signature: String,
    /// What was captured.
    pub captures: BTreeMap<String, String>,
    /// The line, without the runtime's prefix, as wording quotes it.
    pub said: String,
    /// The line, as much of it as is kept.
    pub line: String,
    /// How often.
    pub count: u64,
    /// How surely it is what ails the workload.
    pub confidence: Confidence,
    /// Lines between it and the end of its log.
    after: u64,
    /// The line's place.
    pub cite: Citation,
    last: Option<Citation>,
}

impl Complaint<'_> {
    /// The peer that it names; an empty one when it names none.
    pub fn peer(&self) -> Peer {
        match (
            self.captures.get("peer").or_else(|| self.captures.get("host")),
            self.captures.get("port"),
        ) {
            // No Service has a capital: `Database connection error` names none.
            (Some(text), None) if text.starts_with(|c: char| c.is_ascii_uppercase()) && !text.contains(['.', ':']) => {
                Peer::default()
            }
            (Some(text), port) => Peer::parse(text, port.map(String::as_str)),
            (None, _) => Peer::default(),
        }
    }

    /// The peer that it names, else the host of the first URL in the line that something in the cluster answers to. An address that
    /// stands for nothing that was collected gives way to such a host.
    pub fn peer_within(&self, snapshot: &Snapshot) -> Peer {
        let named = self.peer();
        let stands = |peer: &Peer| !objects_of(snapshot, &self.speaker.workload.namespace, peer).is_empty();
        if !named.host.is_empty() && (!named.is_address() || stands(&named)) {
            return named;
        }
        let urls = URL.as_ref().map(|regex| regex.captures_iter(&self.line));
        urls.into_iter()
            .flatten()
            .filter_map(|found| Some(Peer::parse(found.name("peer")?.as_str(), None)))
            .find(|peer| stands(peer) && (named.port.is_none() || peer.port.is_none() || named.port == peer.port))
            .unwrap_or(named)
    }
}

/// True for a line that another of the same log makes a mere consequence, and for that other.
fn is_set_aside(subjects: &Subjects, log: &LogFile, hit: &LineHit) -> bool {
    let is = |hit: &LineHit, id: &str| hit.signature.rsplit('/').next() == Some(id);
    subjects
        .set_aside
        .iter()
        .any(|pair| is(hit, &pair.by) || is(hit, &pair.what) && log.hits.iter().any(|other| is(other, &pair.by)))
}

/// Findings for the complaints of one rule, one for each workload, the most telling complaint first.
pub fn judge(input: &Input<'_>, rule: &RuleHeader, subjects: &Subjects) -> Vec<Finding> {
    let is_own = |id: &str| {
        id.strip_prefix(rule.id.as_str())
            .is_some_and(|rest| rest.starts_with('/'))
    };
    let mut found = findings(input, rule, complaints(input.snapshot, &is_own, subjects));
    hear_stores(input, rule, subjects, &mut found);
    if subjects.common_store {
        let namespaces: BTreeSet<String> = found.iter().map(|finding| finding.subject.namespace.clone()).collect();
        let stores: Vec<Finding> = namespaces
            .iter()
            .filter_map(|namespace| common_store(rule, &found, namespace))
            .collect();
        found.extend(stores);
    }
    found
}

/// The complaints that carry one of the wanted signatures (`rule/signature`) and ail their workload now.
pub fn complaints<'s>(
    snapshot: &'s Snapshot,
    is_wanted: &dyn Fn(&str) -> bool,
    subjects: &Subjects,
) -> Vec<Complaint<'s>> {
    let mut found = Vec::new();
    for log in &snapshot.logs {
        let hits: Vec<&LineHit> = log
            .hits
            .iter()
            .filter(|hit| is_wanted(&hit.signature) && ended(subjects, log, hit) != Some(true))
            .filter(|hit| !is_set_aside(subjects, log, hit))
            .collect();
        if hits.is_empty() {
            continue;
        }
        let Some(speaker) = of_log(snapshot, log).filter(|speaker| !is_component(speaker)) else {
            continue;
        };
        if subjects.clients_only && speaker_is_data_store(&speaker) {
            continue;
        }
        // A line that meets two signatures is one line.
        let places: BTreeMap<_, &LineHit> = hits
            .iter()
            .map(|hit| ((hit.line, hit.last.as_ref().map(|(line, _)| *line)), *hit))
            .collect();
        let sum = |least: Weight| -> u64 {
            let weighty = places.values().filter(|hit| weight_of(hit) >= least);
            weighty.map(|hit| hit.count).sum()
        };
        let total = (sum(Weight::Plain), sum(Weight::Mild));
        found.extend(
            hits.into_iter()
                .filter_map(|hit| of_line(snapshot, log, hit, total, &speaker, subjects)),
        );
    }
    for hit in snapshot.hits.iter().filter(|hit| is_wanted(&hit.signature)) {
        let said_by_cluster = matches!(hit.source, TextSource::Event | TextSource::Status);
        // What the kubelet says of pulls, sandboxes and mounts is no application's word.
        let of_pull = hit
            .cite
            .quote
            .iter()
            .any(|line| KUBELETS_OWN.iter().any(|word| line.text.contains(word)));
        if !said_by_cluster || hit.about.object.kind != "Pod" || of_pull {
            continue;
        }
        let speaker = of_pod(snapshot, &hit.about.object, &hit.about.container);
        if speaker.state == State::Well {
            continue;
        }
        let said = hit.cite.quote.first().map_or("", |line| line.text.as_str());
        found.push(Complaint {
            speaker,
            signature: hit.signature.clone(),
            captures: hit.captures.clone(),
            said: quoted(said),
            line: said.to_owned(),
            count: hit.count,
            confidence: Confidence::Confirmed,
            after: 0,
            cite: hit.cite.clone(),
            last: None,
        });
    }
    found
}

/// True for a static pod of the control plane: other rules know what its components write.
fn is_component(speaker: &Speaker<'_>) -> bool {
    let workload = &speaker.workload;
    workload.kind == "Pod"
        && is_of_control_plane(&workload.namespace)
        && COMPONENTS.iter().any(|name| {
            workload
                .name
                .strip_prefix(name)
                .is_some_and(|node| node.starts_with('-'))
        })
}

/// What kubeadm, RKE2 and OpenShift run as static pods.
const COMPONENTS: [&str; 4] = ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"];

/// True for a database, a cache or a broker, by its name or its image.
pub fn speaker_is_data_store(speaker: &Speaker<'_>) -> bool {
    is_data_store(&speaker.workload.name)
        || speaker.pod.is_some_and(|pod| {
            let containers = pod.containers();
            // A log that names no container is that of the first.
            let first = containers
                .iter()
                .find(|container| !container.init)
                .map_or("", |container| container.name);
            let spoke = if speaker.container.is_empty() {
                first
            } else {
                speaker.container.as_str()
            };
            containers.iter().any(|container| {
                let image = container.image();
                let bare = image.split('@').next().unwrap_or(image);
                let name = bare.rsplit('/').next().unwrap_or(bare);
                container.name == spoke && is_data_store(name.split(':').next().unwrap_or(name))
            })
        })
}

fn of_line<'s>(
    snapshot: &Snapshot,
    log: &LogFile,
    hit: &LineHit,
    (errors, all): (u64, u64),
    speaker: &Speaker<'s>,
    subjects: &Subjects,
) -> Option<Complaint<'s>> {
    let after = log.lines_after(hit.last_line());
    let weight = weight_of(hit);
    // What comes again at such a distance has not ended before as much again was written.
    let spacing = log.lines_after(hit.line).saturating_sub(after) / hit.count.saturating_sub(1).max(1);
    let comes_again = hit.count >= COMES_AGAIN && after <= 2 * spacing;
    let near_end = after <= 12 || after <= log.lines / 5 || comes_again;
    let plain = weight == Weight::Plain;
    // What ended a former instance ends the next one too where it does so often, or where the workload still ails.
    let recurs = || ends_often(snapshot, log) || snapshot.pods_of(&speaker.workload).any(|pod| !pod.is_well());
    let is_recurrent = speaker.state == State::Well && is_previous(log) && recurs();
    let lasts = ended(subjects, log, hit) == Some(false);
    let state = if is_recurrent { State::Crashing } else { speaker.state };
    let confidence = match state {
        _ if weight == Weight::Dismissed => None,
        State::Crashing if after <= LAST_WORDS => Some(if plain {
            Confidence::Confirmed
        } else {
            Confidence::Probable
        }),
        State::Crashing => (hit.count >= 2 || plain).then_some(Confidence::Possible),
        State::NotReady if after <= LAST_WORDS || near_end => Some(if plain {
            Confidence::Confirmed
        } else {
            Confidence::Probable
        }),
        State::NotReady => (hit.count >= 3).then_some(Confidence::Possible),
        State::Well if (lasts || is_blamed(snapshot, subjects, speaker, hit)) && !is_previous(log) => {
            Some(Confidence::Probable)
        }
        State::Well if complaint_is_over(snapshot, log, hit, after) || peer_is_back(snapshot, speaker, hit) => None,
        State::Well if comes_seldom(snapshot, hit) => None,
        State::Well => {
            let counts = !subjects.only_while_failing || is_among(&subjects.even_when_ready, hit);
            let goes_on = || all >= GOES_ON || all >= GOES_ON_BESIDE_ERRORS && others_fail(snapshot, speaker);
            (counts && (plain && errors >= 2 || goes_on()) && near_end).then_some(Confidence::Probable)
        }
        State::Unknown => {
            (after <= LAST_WORDS && (plain || hit.count >= 3 || all >= GOES_ON)).then_some(Confidence::Probable)
        }
    }?;
    let confidence = if speaker.certain {
        confidence
    } else {
        confidence.min(Confidence::Probable)
    };
    let cite = |line: u64, text: &str| {
        Citation::line(&snapshot.bundle.alias, &log.path, line, text).at(snapshot.time_of(text))
    };
    Some(Complaint {
        speaker: speaker.clone(),
        signature: hit.signature.clone(),
        captures: hit.captures.clone(),
        said: quoted(clean_line(&hit.text)),
        line: clean_line(&hit.text).to_owned(),
        count: hit.count,
        confidence,
        after,
        cite: cite(hit.line, &hit.text),
        last: hit.last.as_ref().map(|(line, text)| cite(*line, text)),
    })
}

/// True for what a workload that is well has written a few times, hours apart: each time it went on.
fn comes_seldom(snapshot: &Snapshot, hit: &LineHit) -> bool {
    let last = hit.last.as_ref().map(|(_, text)| text);
    let spacing = last.and_then(|last| spacing(snapshot, &hit.text, last, hit.count));
    hit.count < COMES_AGAIN && spacing.is_some_and(|spacing| spacing >= SELDOM)
}

/// What comes no oftener than this is no lasting trouble.
const SELDOM: SignedDuration = SignedDuration::from_hours(2);

/// True where another workload writes mostly errors.
fn others_fail(snapshot: &Snapshot, speaker: &Speaker<'_>) -> bool {
    troubled(snapshot).iter().any(|workload| *workload != speaker.workload)
}

/// True for a container that has ended again and again and is not known to have got over it: its present instance has not run for as long
/// as the former one did before it ended, or nothing tells what time it is.
fn ends_often(snapshot: &Snapshot, log: &LogFile) -> bool {
    let Stream::Container(found) = &log.stream else {
        return false;
    };
    let restarts = snapshot.pod(&found.namespace, &found.pod).map_or(0, |pod| {
        pod.containers()
            .iter()
            .map(|container| container.restarts())
            .max()
            .unwrap_or(0)
    });
    let Some(now) = snapshot.now() else {
        return restarts >= VERY_OFTEN;
    };
    let time = |line: &Option<String>| snapshot.time_of(line.as_deref()?);
    let (Some(first), Some(last)) = (time(&log.first_stamped), time(&log.last_stamped)) else {
        return false;
    };
    restarts >= OFTEN && now.duration_since(last.latest) < first.gap_to(&last)
}

/// Restarts that nobody lets pass.
const VERY_OFTEN: i64 = 10;
/// Restarts that are no accident.
const OFTEN: i64 = 3;

/// A warning that is repeated so often, up to the end of the log, is trouble: some clients write no more than warnings while they try on
/// for ever (Kafka's `NetworkClient`).
const GOES_ON: u64 = 10;
/// Where another workload writes mostly errors, fewer warnings are trouble.
const GOES_ON_BESIDE_ERRORS: u64 = 3;

/// What was written so often has a distance at which it comes again.
const COMES_AGAIN: u64 = 4;

/// Words of what the kubelet itself does for a pod.
const KUBELETS_OWN: [&str; 8] = [
    "pull",
    "resolve reference",
    "manifest",
    "sandbox",
    "MountVolume",
    "AttachVolume",
    "mount volumes",
    "network for",
];

/// Who cannot listen on port 53 asks nobody.
fn is_of_a_listener(said: &str) -> bool {
    ["bind", "listen"].iter().any(|word| said.contains(word))
}

/// One finding for each workload.
pub fn findings(input: &Input<'_>, rule: &RuleHeader, complaints: Vec<Complaint<'_>>) -> Vec<Finding> {
    let mut groups: BTreeMap<Subject, Vec<Complaint<'_>>> = BTreeMap::new();
    for complaint in complaints {
        let subject = refusing_peer(input.snapshot, rule, &complaint);
        groups
            .entry(subject.unwrap_or_else(|| complaint.speaker.workload.clone()))
            .or_default()
            .push(complaint);
    }
    groups
        .into_iter()
        .filter_map(|(workload, group)| finding(input, rule, workload, group))
        .collect()
}

/// Who refuses for its own sake: the peer that is named, else the only data store that the settings of the client name.
fn refusing_peer(snapshot: &Snapshot, rule: &RuleHeader, complaint: &Complaint<'_>) -> Option<Subject> {
    let signature = complaint.signature.strip_prefix(rule.id.as_str())?.strip_prefix('/')?;
    let finds = rule.finds.as_ref()?;
    let is_listed = |list: &[String]| list.iter().any(|id| id == signature);
    let of_store = is_listed(&finds.server_side);
    if !of_store && !is_listed(&finds.peer_side) {
        return None;
    }
    let client = &complaint.speaker.workload;
    let named = objects_of(snapshot, &client.namespace, &complaint.peer_within(snapshot));
    if let Some(peer) = named
        .into_iter()
        .find(|object| WORKLOADS.contains(&object.kind.as_str()))
    {
        return Some(peer);
    }
    // The line may name it in another place than its signature looks at, and a method is called after the program that should know it.
    if !of_store {
        let mut called = mentioned(snapshot, client, &complaint.line);
        called.retain(|object| WORKLOADS.contains(&object.kind.as_str()));
        called.dedup();
        if let [only] = called.as_slice() {
            return Some(only.clone());
        }
        let reason = complaint.captures.get("reason")?;
        let mut all: Vec<Subject> = snapshot.pods().map(|pod| snapshot.top_owner(pod.object)).collect();
        all.sort();
        all.dedup();
        return match named_by_word(&all, client, reason).as_slice() {
            [only] => Some((*only).clone()),
            _ => None,
        };
    }
    // A store that says so of itself.
    if stores_of(snapshot, &client.namespace, technology(signature)).any(|store| store == *client) {
        return None;
    }
    let is_store = |object: &Subject| object.kind != "Service" && is_data_store(&object.name);
    let mut known: Vec<Subject> = dependencies(snapshot, client).into_iter().filter(is_store).collect();
    let runs: Vec<Subject> = stores_of(snapshot, &client.namespace, technology(signature)).collect();
    // Of the stores that a client is set to call, those of the technology that refuses.
    if known.is_empty() || known.iter().any(|store| runs.contains(store)) {
        known.retain(|store| runs.contains(store));
    }
    if known.is_empty() {
        known = runs;
    }
    known.dedup();
    match known.as_slice() {
        [only] => Some(only.clone()),
        // Of several the one that is set up to refuse.
        _ => refuses_when_full(snapshot, &known),
    }
}

/// What can refuse.
pub const WORKLOADS: [&str; 3] = ["Deployment", "StatefulSet", "DaemonSet"];

/// The finding of what one workload complains of; none of nothing.
pub fn finding(
    input: &Input<'_>,
    rule: &RuleHeader,
    workload: Subject,
    mut group: Vec<Complaint<'_>>,
) -> Option<Finding> {
    // Of equally sure ones the more specific comes first, which captured more, then the one nearer to the end.
    group.sort_by_key(|complaint| {
        (
            std::cmp::Reverse(complaint.confidence),
            std::cmp::Reverse(complaint.captures.len()),
            complaint.after,
        )
    });
    let best = group.first()?;
    let mut finding = Finding::new(rule, workload, best.confidence);
    finding.count = group.iter().map(|complaint| complaint.count).sum();
    for complaint in &group {
        for (name, value) in &complaint.captures {
            finding
                .facts
                .entry(name.clone())
                .or_insert_with(|| value.clone().into());
        }
        if finding.evidence.len() < CITATIONS {
            finding.add_cite(complaint.cite.clone());
        }
        if let Some(when) = complaint.last.as_ref().and_then(|last| last.when.clone()) {
            finding.see(when.clone(), when);
        }
    }
    let peer = best.peer_within(input.snapshot);
    for object in objects_of(input.snapshot, &finding.subject.namespace, &peer) {
        finding.blame(object);
    }
    if let Some((namespace, name)) = service_meant(input.snapshot, &finding.subject.namespace, &peer) {
        finding.blame(Subject::namespaced("Service", &namespace, &name));
    }
    // What is not there was to be made by somebody.
    let is_there = |object: &Subject| {
        let snapshot = input.snapshot;
        snapshot.object(&object.kind, &object.namespace, &object.name).is_some()
    };
    if !peer.is_address() && !finding.blames.iter().any(is_there) {
        let (name, rest) = peer.host.split_once('.').unwrap_or((&peer.host, ""));
        let place = rest.split('.').next().filter(|place| !place.is_empty());
        let namespace = place.map_or_else(|| finding.subject.namespace.clone(), str::to_owned);
        for operator in operators_of(input.snapshot, &namespace, name) {
            finding.blame(operator);
        }
    }
    // A pod that nobody collected, on a node that is down.
    if finding.blames.is_empty()
        && peer.is_address()
        && let Some(node) = node_of_address(input.snapshot, &peer.host)
        && is_ready(input.snapshot, node) == Some(false)
    {
        finding.blame(Subject::node(node));
    }
    if LOOKUP.as_ref().is_some_and(|regex| {
        group
            .iter()
            .any(|complaint| regex.is_match(&complaint.line) && !is_of_a_listener(&complaint.line))
    }) {
        for object in name_service(input.snapshot) {
            finding.blame(object);
        }
    }
    if finding.blames.is_empty() && (peer.host.is_empty() || peer.is_address()) {
        for called in mentioned(input.snapshot, &finding.subject, &best.line) {
            finding.blame(called);
        }
    }
    // Who does not say whom it called can only have called what its settings name.
    if peer.host.is_empty() && finding.blames.is_empty() {
        for called in dependencies(input.snapshot, &finding.subject) {
            finding.blame(called);
        }
        let signature = best.signature.rsplit('/').next().unwrap_or("");
        let namespace = finding.subject.namespace.clone();
        for store in stores_of(input.snapshot, &namespace, technology(signature)) {
            finding.blame(store);
        }
    }
    let out_of_reach = rule.finds.as_ref().is_some_and(|finds| finds.out_of_reach);
    let gone = out_of_reach
        && finding.blames.is_empty()
        && SILENT.iter().any(|word| best.line.contains(word))
        && is_of_gone_pod(input.snapshot, &finding.subject.namespace, &peer);
    finding.blames_unknown =
        out_of_reach && !gone && finding.blames.is_empty() && (peer.host.is_empty() || peer.is_address());
    // Where no peer is told, a word of the line may be the name of the Service, `catalog call failed`: it counts if that one ails.
    if finding.blames_unknown {
        let services: Vec<Subject> = services_in(input.snapshot, &finding.subject.namespace)
            .map(|service| service.subject())
            .collect();
        for service in named_by_word(&services, &finding.subject.clone(), &best.line) {
            finding.blame(service.clone());
        }
    }
    // Whom the complaint is about does not suffer from those who complain.
    for complaint in group
        .iter()
        .filter(|complaint| complaint.speaker.workload != finding.subject)
    {
        finding.blames.remove(&complaint.speaker.workload);
    }
    let id = best.signature.rsplit('/').next().unwrap_or("");
    let of_its_own = |finds: &Subjects| finds.own_limits.iter().any(|own| own == id);
    if rule.finds.as_ref().is_some_and(of_its_own) {
        finding.blames.clear();
    }
    // Last, because it tells nobody who else is meant.
    if peer.is_api_server() || group.iter().any(|complaint| is_of_etcd(&complaint.line)) {
        finding.blame(etcd());
    }
    for complaint in &group {
        finding.add_affected(complaint.speaker.workload.clone());
    }
    let speaker = &best.speaker;
    let container = container_name(speaker);
    add_state(input.snapshot, &mut finding, speaker);
    let log_command = log_command(&finding.subject, speaker);
    let times = finding.count;
    let refuses = finding.subject != speaker.workload;
    Some(
        finding
            .fact("refuses", refuses)
            .fact("client", speaker.workload.name.clone())
            .fact("said", best.said.clone())
            .fact("local", peer.is_local())
            .fact("gone", gone)
            .fact("peer", peer.shown())
            .fact("times", times)
            .fact("pod", speaker.pod_name.clone())
            .fact("container", container)
            .fact("crashing", speaker.state == State::Crashing)
            .fact("log_command", log_command),
    )
}

/// What the pod's status says of the container that fails: cited, and as facts `exit_code` (a word, empty when unknown) and `restarts`.
fn add_state(snapshot: &Snapshot, finding: &mut Finding, speaker: &Speaker<'_>) {
    let mut exit_code = String::new();
    let mut restarts = 0;
    if let Some(pod) = &speaker.pod {
        let subject = Subject::namespaced("Pod", pod.namespace(), pod.name());
        finding.touches.extend(workload_touches(snapshot, &subject));
        finding.add_affected(subject);
        let containers = pod.containers();
        let failing = containers.iter().find(|container| {
            !container.is_ready()
                && (speaker.container.is_empty() || container.name.is_empty() || container.name == speaker.container)
        });
        if let Some(container) = failing {
            restarts = container.restarts();
            if let Some(ended) = container.ended()
                && let Some(code) = ended.exit_code
            {
                exit_code = code.to_string();
                finding.add_cite(pod.object.cite_at(&ended.pointer).at(ended.finished));
            }
            if container.waiting().is_some() {
                finding.add_cite(pod.cite_status(container, "/state/waiting/reason"));
            }
        }
    }
    finding.facts.insert("exit_code".into(), exit_code.into());
    finding.facts.insert("restarts".into(), restarts.into());
}

/// The container that speaks: as its log says, else the only one of its pod, else nothing.
fn container_name(speaker: &Speaker<'_>) -> String {
    if !speaker.container.is_empty() {
        return speaker.container.clone();
    }
    let containers = speaker.pod.map(|pod| pod.containers()).unwrap_or_default();
    let mut names = containers
        .iter()
        .filter(|container| !container.init)
        .map(|container| container.name);
    match (names.next(), names.next()) {
        (Some(only), None) if !only.is_empty() => only.to_owned(),
        _ => String::new(),
    }
}

/// `kubectl -n shop logs web-0 -c app --previous --tail=50`, quoted for the shell.
fn log_command(workload: &Subject, speaker: &Speaker<'_>) -> String {
    let mut words = vec!["kubectl".to_owned()];
    if !workload.namespace.is_empty() {
        words.extend(["-n".to_owned(), operand(&workload.namespace)]);
    }
    words.push("logs".into());
    if speaker.pod_name.is_empty() {
        words.push(shell_quote(&format!(
            "{}/{}",
            workload.kind.to_lowercase(),
            workload.name
        )));
    } else {
        words.push(operand(&speaker.pod_name));
    }
    if !speaker.container.is_empty() {
        words.extend(["-c".to_owned(), operand(&speaker.container)]);
    }
    if speaker.state == State::Crashing {
        words.push("--previous".into());
    }
    words.push("--tail=50".into());
    words.join(" ")
}

fn quoted(line: &str) -> String {
    told(line.trim().lines().next().unwrap_or(""))
}

pub(super) fn is_among(signatures: &[String], hit: &LineHit) -> bool {
    let id = hit.signature.rsplit('/').next().unwrap_or("");
    signatures.iter().any(|known| known == id)
}

/// Whom a line speaks of, where it quotes a URL.
static URL: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"\b[a-z][a-z0-9+]{1,12}://(?:[^@/\s"']{0,80}@)?(?P<peer>[\w.-]+(?::\d{1,5})?)"#).ok()
});
/// A name that could not be looked up, whatever else the line is about.
static LOOKUP: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)\blookup [\w.-]+|:53\b|EAI_AGAIN|name resolution|could not (?:resolve|translate)|SERVFAIL|server misbehaving|getaddrinfo").ok()
});

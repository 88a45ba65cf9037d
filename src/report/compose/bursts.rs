//! What the runtime did to system containers in one go: many of its events, one row of the timeline.

use jiff::SignedDuration;
use serde_json::json;

use super::ledger::Ledger;
use super::overview::shown;
use super::phrases::filled;
use super::started::{self, Started};
use crate::bundle::decode::RuntimeEvent;
use crate::cluster::Host;
use crate::model::{Citation, Listing, Text, When};
use crate::report::model::{Sentence, TimelineKind};
use crate::rules::Finding;
use crate::rules::inventory::{Healthy, RKE_LABEL, expected, names};

/// Acts that are further apart are two. An engine gives a container ten seconds to stop before it kills it (moby `daemon/stop.go`).
const APART: SignedDuration = SignedDuration::from_secs(10);
/// What was made so shortly before anything went may have to do with it.
const SET_UP: SignedDuration = SignedDuration::from_hours(1);
/// A stretch without any act that leaves a question.
const SILENT: SignedDuration = SignedDuration::from_mins(5);
/// Such stretches that are asked about.
const QUESTIONS: usize = 2;
/// Names in one row; more are counted.
const NAMED: usize = 4;
/// Acts that are cited for one row: all of what a host's system containers can be. Of a prune that took hundreds of others, the first.
const CITED: usize = 40;

/// Acts of one kind, close together.
pub(super) struct Burst<'h> {
    kind: Kind,
    /// Imports of images right before containers were made.
    imports: Vec<&'h RuntimeEvent>,
    events: Vec<&'h RuntimeEvent>,
    /// The prune of images that followed a prune of containers at once.
    images: Option<&'h RuntimeEvent>,
    /// Containers that were made to run, and of which the runtime tells no start, though it tells those of others.
    unstarted: Vec<&'h str>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Containers came.
    Made,
    /// Containers were killed, ended with an error or went.
    Gone,
}

impl<'h> Burst<'h> {
    /// All of a host, in time order.
    pub(super) fn of(host: &'h Host) -> Vec<Self> {
        let mut bursts: Vec<Self> = Vec::new();
        let mut imports: Vec<&RuntimeEvent> = Vec::new();
        for event in &host.runtime_events {
            if event.kind == "image" && event.action == "import" {
                imports.retain(|known| is_near(known, event));
                imports.push(event);
            }
            if event.kind == "image"
                && event.action == "prune"
                && let Some(last) = bursts.last_mut()
                && last.is_prune()
                && last.events.last().is_some_and(|known| is_near(known, event))
            {
                last.images = Some(event);
            }
            let (Some(kind), Some(when)) = (kind(event), &event.when) else {
                continue;
            };
            match bursts.last_mut() {
                Some(last) if last.kind == kind && last.last().is_some_and(|end| end.gap_to(when) < APART) => {
                    last.events.push(event);
                }
                _ => {
                    imports.retain(|known| kind == Kind::Made && is_near(known, event));
                    bursts.push(Self {
                        kind,
                        imports: std::mem::take(&mut imports),
                        events: vec![event],
                        images: None,
                        unstarted: Vec::new(),
                    });
                }
            }
        }
        bursts.retain_mut(Self::keep_system);
        for burst in &mut bursts {
            burst.unstarted = burst.without_start(host);
        }
        // What was made long before anything went is how the host was set up.
        let gone = bursts.iter().find(|burst| burst.kind == Kind::Gone);
        let Some(gone) = gone.and_then(|burst| burst.first().cloned()) else {
            return Vec::new();
        };
        bursts.retain(|burst| {
            let ends = burst.last();
            ends.is_some_and(|end| end.latest >= gone.earliest || end.gap_to(&gone) < SET_UP)
        });
        bursts
    }

    /// All of a host of which system containers are part of the incident.
    pub(super) fn of_incident(ledger: &Ledger<'_, '_>, host: &'h Host) -> Vec<Self> {
        let concerned =
            |finding: &&Finding| finding.subject.kind == "HostContainer" && finding.subject.node == host.runtime_name();
        if ledger.involved().iter().any(concerned) {
            Self::of(host)
        } else {
            Vec::new()
        }
    }

    /// Leaves out what is no system container, but for what one prune took with them. True where system containers are left.
    fn keep_system(&mut self) -> bool {
        let has_system = self.events.iter().any(|event| is_system(event));
        if has_system && !self.is_prune() {
            self.events.retain(|event| is_system(event));
        }
        has_system
    }

    fn without_start(&self, host: &'h Host) -> Vec<&'h str> {
        let is_started = |made: &RuntimeEvent| {
            let mut starts = host.runtime_events.iter();
            starts.any(|event| event.kind == "container" && event.action == "start" && event.id == made.id)
        };
        let made = self.events.iter().filter(|event| event.action == "create");
        let (started, unstarted): (Vec<_>, Vec<_>) = made.partition(|made| is_started(made));
        if started.is_empty() {
            return Vec::new();
        }
        // What is healthy as it was made is not meant to start.
        let is_meant = |name: &&str| expected(name).is_none_or(|expected| expected.state != Healthy::Created);
        unstarted.into_iter().map(name).filter(is_meant).collect()
    }

    /// The list of events in which the start of a container was looked for in vain.
    pub(super) fn searched(&self, host: &Host) -> Option<Citation> {
        all_events(host).filter(|_| !self.unstarted.is_empty())
    }

    fn is_prune(&self) -> bool {
        self.events.iter().any(|event| event.action == "prune")
    }

    /// When it began, with what was imported for it.
    pub(super) fn began(&self) -> Option<&'h When> {
        self.imports.first().or(self.events.first())?.when.as_ref()
    }

    /// When its first act was.
    pub(super) fn first(&self) -> Option<&'h When> {
        self.events.first()?.when.as_ref()
    }

    /// When it ended.
    pub(super) fn last(&self) -> Option<&'h When> {
        self.events.last()?.when.as_ref()
    }

    /// When all of it ended, the prune of images with it.
    pub(super) fn ended(&self) -> Option<&'h When> {
        self.images.and_then(|event| event.when.as_ref()).or(self.last())
    }

    /// True where one of its events stands at this place.
    pub(super) fn has(&self, cite: &Citation) -> bool {
        let stands = |event: &&RuntimeEvent| event.cite.file == cite.file && event.cite.place == cite.place;
        self.events.iter().chain(&self.images).any(stands)
    }

    /// What became of system containers is a failure; that they were made is a change.
    pub(super) fn category(&self) -> TimelineKind {
        match self.kind {
            Kind::Made => TimelineKind::Change,
            Kind::Gone => TimelineKind::Failure,
        }
    }

    /// How many containers it is about.
    pub(super) fn count(&self) -> usize {
        self.names().len()
    }

    /// Each container once, in order.
    fn names(&self) -> Vec<&'h str> {
        let mut names: Vec<&str> = Vec::new();
        for name in self.events.iter().map(|event| name(event)) {
            if !name.is_empty() && !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// It in words.
    pub(super) fn text(&self) -> Text {
        let mut names = self.names();
        // What is made only to stop is what a prune takes: it is named before what runs.
        if self.kind == Kind::Made {
            names.sort_by_key(|name| expected(name).is_none_or(|expected| expected.state == Healthy::Running));
        }
        let of = |action: &'static str| self.events.iter().filter(move |event| event.action == action);
        let code = of("die").find_map(|event| event.attributes.get("exitCode"));
        let facts = [
            ("names", json!(names.iter().take(NAMED).collect::<Vec<_>>())),
            ("more", json!(names.len().saturating_sub(NAMED))),
            ("imported", json!(!self.imports.is_empty())),
            ("code", json!(code.cloned().unwrap_or_default())),
            ("killed", json!(of("kill").count() > 0)),
            ("deleted", json!(of("destroy").count() > 0)),
            ("images", json!(self.images.is_some())),
            ("unstarted", json!(self.unstarted)),
        ];
        match self.kind {
            Kind::Made => filled("timeline.burst-made", &facts),
            Kind::Gone if self.is_prune() => filled("timeline.burst-pruned", &facts),
            Kind::Gone => filled("timeline.burst-gone", &facts),
        }
    }

    /// Where it stands: every act on each container, because the row counts them. What a container was told before it ended is left out
    /// where its end tells it; the first and the last act date the row.
    pub(super) fn cites(&self) -> Vec<&'h Citation> {
        let ended = |name: &str| {
            self.events
                .iter()
                .any(|event| event.action == "die" && self::name(event) == name)
        };
        let acts = self.events.iter().enumerate();
        let acts = acts.filter(|(index, event)| *index == 0 || event.action != "kill" || !ended(name(event)));
        let acts = acts.map(|(_, event)| event);
        // That images came is told, not how many: the first and the last show it.
        let last = self.imports.last().filter(|_| self.imports.len() > 1);
        let acts = self.imports.first().into_iter().chain(last).chain(acts);
        let mut cites: Vec<&Citation> = acts.map(|event| &event.cite).take(CITED).collect();
        if let Some(last) = self.events.last().filter(|_| self.events.len() > cites.len())
            && !cites.iter().any(|cite| cite.place == last.cite.place)
        {
            cites.push(&last.cite);
        }
        cites.extend(self.images.map(|event| &event.cite));
        cites
    }

    /// The long stretches of a host between what became of system containers and what was next done to any, in which its runtime tells of
    /// no act on them.
    pub(super) fn silences(bursts: &[Self]) -> Vec<(&Self, &Self)> {
        let pairs = bursts.iter().zip(bursts.iter().skip(1));
        let is_silent = |(before, after): &(&Self, &Self)| {
            let ends = before.last().zip(after.first());
            before.kind == Kind::Gone && ends.is_some_and(|(end, next)| end.gap_to(next) >= SILENT)
        };
        pairs.filter(is_silent).collect()
    }

    /// The question that such a stretch leaves: what was done before it and after it, and its length.
    pub(super) fn question(&self, next: &Self, started: &[Started<'_>]) -> Text {
        let (Some(end), Some(start)) = (self.last(), next.first()) else {
            return Text::default();
        };
        let names = self.names();
        let facts = [
            ("from", shown(end).into()),
            ("to", shown(start).into()),
            ("minutes", json!(end.gap_to(start).as_mins())),
            ("count", json!(names.len())),
            ("made", json!(next.kind == Kind::Made)),
            ("started", started::told(started)),
        ];
        filled("question.silence", &facts)
    }
}

/// What is unknown between the acts on system containers of the incident's hosts.
pub(super) fn questions(ledger: &mut Ledger<'_, '_>) -> Vec<Sentence> {
    let snapshot = ledger.diagnosis.snapshot;
    let mut questions = Vec::new();
    for host in &snapshot.hosts {
        let bursts = Burst::of_incident(ledger, host);
        for (before, after) in Burst::silences(&bursts) {
            let all = all_events(host);
            let started = match (before.last(), after.first()) {
                (Some(from), Some(to)) => started::between(snapshot, host, from, to),
                _ => Vec::new(),
            };
            let processes = started.iter().map(|one| &one.process.cite);
            let cites = before.cites().into_iter().chain(after.cites());
            let cites = cites.chain(&all).chain(processes);
            questions.push(Sentence {
                text: before.question(after, &started),
                refs: ledger.cite_all(cites),
                confidence: None,
            });
        }
    }
    questions.truncate(QUESTIONS);
    questions
}

/// So many events an engine keeps (moby `daemon/events/events.go`, `eventsLimit`).
const KEPT: u64 = 256;

/// The whole list of a host's events as a place that was searched in vain.
fn all_events(host: &Host) -> Option<Citation> {
    let count = host.runtime_events.len() as u64;
    let all = Citation::spanning(host.runtime_events.iter().map(|event| &event.cite))?;
    Some(all.listing(Listing::Events).absence(Some((count, count < KEPT))))
}

fn kind(event: &RuntimeEvent) -> Option<Kind> {
    if event.kind != "container" {
        return None;
    }
    let failed = event.attributes.get("exitCode").is_some_and(|code| code != "0");
    match event.action.as_str() {
        "create" if is_system(event) => Some(Kind::Made),
        "kill" | "die" if is_system(event) && (failed || event.action == "kill") => Some(Kind::Gone),
        "destroy" | "prune" => Some(Kind::Gone),
        _ => None,
    }
}

/// True for two that are one go.
fn is_near(event: &RuntimeEvent, next: &RuntimeEvent) -> bool {
    let moments = event.when.as_ref().zip(next.when.as_ref());
    moments.is_some_and(|(when, next)| when.gap_to(next) < APART)
}

fn name(event: &RuntimeEvent) -> &str {
    event.attributes.get("name").map_or("", String::as_str)
}

/// RKE's containers by their label, or by name and image as in the catalogue; and Rancher's server.
fn is_system(event: &RuntimeEvent) -> bool {
    let image = event.attributes.get("image").map_or("", String::as_str);
    event.attributes.contains_key(RKE_LABEL)
        || expected(name(event)).is_some_and(|known| image.contains(known.image))
        || names(image, "rancher")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::reading;

    const EVENTS: &str = "\
2026-11-21T10:03:06.221Z container destroy 90b3fbfa4145 (image=busybox:1.36, name=app-old)
2026-11-21T10:03:06.250Z container destroy 947b74cb18f2 (image=rancher/rancher-agent:v2.5.12, io.rancher.rke.container.name=share-mnt, name=share-mnt)
2026-11-21T10:03:06.298Z container destroy 33c28c3f0205 (image=rancher/rancher:v2.5.12, name=rancher)
2026-11-21T10:03:06.299Z container prune  (reclaimed=0)
2026-11-21T10:05:15.829Z container kill 331d7c2c19ae (image=rancher/etcd:v3, io.rancher.rke.container.name=etcd, name=etcd, signal=9)
2026-11-21T10:05:15.929Z container die 331d7c2c19ae (exitCode=137, image=rancher/etcd:v3, io.rancher.rke.container.name=etcd, name=etcd)
2026-11-21T10:05:16.011Z container destroy 331d7c2c19ae (image=rancher/etcd:v3, io.rancher.rke.container.name=etcd, name=etcd)
2026-11-21T10:20:19.741Z container create 5f93ae97565c (image=rancher/etcd:v3, io.rancher.rke.container.name=etcd, name=etcd)
2026-11-21T10:20:20.619Z container die 54e55a2ddc69 (exitCode=0, image=rancher/rancher-agent:v2.5.12, name=share-mnt)
2026-11-21T10:20:20.629Z container create 018baa2c49ea (image=busybox:1.36, name=app-old)
";

    #[test]
    fn what_was_made_shortly_before_anything_went_is_told_with_its_imports() {
        let made = |day: &str| {
            format!(
                "{day}T10:02:37.204Z image import sha256:c66ef16b075b (name=sha256:c66ef16b075b)\n\
                 {day}T10:02:37.740Z container create 33c28c3f0205 (image=rancher/rancher:v2.5.12, name=rancher)\n"
            )
        };
        let told = |before: String| {
            let snapshot = reading(&[("nodes/n1/docker-events.txt", &format!("{before}{EVENTS}"))]);
            let bursts = Burst::of(&snapshot.hosts[0]);
            let first = bursts.first().expect("acts on system containers");
            (crate::model::plain(&first.text().en), first.cites().len())
        };
        let set_up = "Images were imported, then system containers were created: rancher";
        assert_eq!(told(made("2026-11-21")), (set_up.to_owned(), 2));
        let (text, _) = told(made("2026-11-20"));
        assert!(text.starts_with("A prune"), "{text}");
    }

    #[test]
    fn what_was_done_in_one_go_is_one_row() {
        let snapshot = reading(&[("nodes/n1/docker-events.txt", EVENTS)]);
        let bursts = Burst::of(&snapshot.hosts[0]);
        let told: Vec<String> = bursts
            .iter()
            .map(|burst| crate::model::plain(&burst.text().en))
            .collect();
        assert_eq!(
            told,
            [
                "A prune of stopped containers deleted app-old, share-mnt, rancher",
                "System containers were killed (exit code 137) and deleted: etcd",
                "System containers were created: etcd",
            ]
        );
        assert_eq!((bursts[0].count(), bursts[1].cites().len()), (3, 3));
        let silences = Burst::silences(&bursts);
        assert_eq!(silences.len(), 1);
        let question = crate::model::plain(&silences[0].0.question(silences[0].1, &[]).en);
        assert!(question.contains("15 minutes"), "{question}");
        assert!(bursts[0].category() == TimelineKind::Failure && bursts[2].category() == TimelineKind::Change);
    }

    #[test]
    fn what_was_made_to_run_and_has_no_start_is_named() {
        let event = |second: u8, act: &str, id: &str, name: &str| {
            format!(
                "2026-11-21T10:02:{second:02}.1Z container {act} {id} (image=x:1, {RKE_LABEL}={name}, name={name})\n"
            )
        };
        let (kubelet, share, sidekick) = ("a".repeat(64), "b".repeat(64), "c".repeat(64));
        let lines = |started: &str| {
            [
                event(1, "create", &kubelet, "kubelet"),
                event(2, started, &kubelet, "kubelet"),
                event(3, "create", &share, "share-mnt"),
                event(4, "create", &sidekick, "service-sidekick"),
                event(30, "destroy", &share, "share-mnt"),
            ]
            .concat()
        };
        let unstarted = |text: &str| {
            let snapshot = reading(&[("nodes/n1/docker-events.txt", text)]);
            let bursts = Burst::of(&snapshot.hosts[0]);
            let names = bursts[0].unstarted.iter().map(|name| (*name).to_owned());
            (
                names.collect::<Vec<_>>(),
                bursts[0].searched(&snapshot.hosts[0]).is_some(),
            )
        };
        assert_eq!(unstarted(&lines("start")), (vec!["share-mnt".to_owned()], true));
        // Where no start is recorded at all, the list may have none.
        assert_eq!(unstarted(&lines("attach")), (Vec::new(), false));
    }
}

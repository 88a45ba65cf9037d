//! One timeline over all sources: what the evidence dates, milestones that only people know, and the collection last.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::bursts::Burst;
use super::changed::inside;
use super::difference::side_of;
use super::ledger::{Ledger, called};
use super::logged::namespaces_deleted;
use super::overview::window;
use super::phrases::{filled, phrase};
use super::started;
use crate::cluster::{Host, Snapshot, is_before};
use crate::diagnosis::Side;
use crate::model::{Basis, Citation, Text, When};
use crate::report::model::{TimelineKind, TimelineRow};
use crate::rules::toolbox::deletions;
use crate::rules::{Finding, Role};

/// Rows in the report.
const ROWS: usize = 25;
/// Dated lines that are cited for one row.
const DATED: usize = 3;
/// Machines that are named where a bundle is told of.
const MACHINES: usize = 3;
/// New things of which the interval is shown in which they came.
const APPEARED: usize = 3;

pub(super) fn timeline(ledger: &mut Ledger<'_, '_>) -> Result<Vec<TimelineRow>, minijinja::Error> {
    let mut rows = Vec::new();
    for finding in ledger.involved() {
        let (Some(first), Some(last)) = (&finding.first, &finding.last) else {
            continue;
        };
        // Where the acts themselves are dated, each has a row of its own; that the cause was at work in all of them is not seen.
        if is_dated_by_acts(ledger, finding) {
            continue;
        }
        let kind = match ledger.diagnosis.role(finding) {
            Role::Cause if finding.subject.kind == "HostContainer" => TimelineKind::Trigger,
            _ => TimelineKind::Symptom,
        };
        let text = ledger.title(finding)?;
        let dated = finding.evidence.iter().filter(|cite| cite.when.is_some());
        let mut refs = ledger.cite_all(dated.take(DATED));
        if refs.is_empty() {
            refs = ledger.cite_claim(finding, &[], &text);
        }
        let until = (first != last).then(|| last.clone());
        rows.push(row(
            first.clone(),
            called(&finding.subject),
            kind,
            text,
            finding.count,
            until,
            refs,
        ));
    }
    changes(ledger, &mut rows);
    recent(ledger, &mut rows);
    rows.extend(baseline(ledger));
    rows.extend(appeared(ledger));
    rows.extend(namespaces(ledger));
    rows.sort_by_key(key);
    rows.dedup_by(|b, a| a.text == b.text && a.when == b.when);
    let span = folded(&mut rows);
    if !ledger.is_healthy() {
        // It may have begun before it showed. Its blank stands in 1.1, as every blank stands once.
        let began = window(ledger).map(|window| window.start);
        let since = began.as_ref().map(|when| when.earliest);
        let is_of_it = |row: &TimelineRow| row.when.as_ref().map(|when| when.earliest) == since;
        match rows.iter_mut().find(|row| is_of_it(row)) {
            Some(row) => {
                row.text = filled(
                    "milestone.here",
                    &[("zh", row.text.zh.clone().into()), ("en", row.text.en.clone().into())],
                );
            }
            None => rows.insert(0, occurred()),
        }
    }
    // Nothing in a bundle is later than its collection: an interval that began before it ends with it.
    let collected = ledger
        .diagnosis
        .snapshot
        .bundle
        .collected_at
        .as_ref()
        .map(|when| when.latest);
    for when in rows.iter_mut().filter_map(|row| row.when.as_mut()) {
        if let Some(end) = collected.filter(|end| when.earliest < *end && *end < when.latest) {
            when.latest = end;
        }
    }
    for index in 1..rows.len() {
        let before = rows.get(index - 1).and_then(|row| row.when.clone());
        if let (Some(before), Some(row)) = (before, rows.get_mut(index)) {
            row.order_unknown = row
                .when
                .as_ref()
                .is_some_and(|when| !before.is_known_before(when) && before != *when);
        }
    }
    if let Some(text) = span {
        rows.push(TimelineRow {
            when: None,
            subject: String::new(),
            kind: TimelineKind::Change,
            text,
            count: 1,
            until: None,
            refs: Vec::new(),
            blank: None,
            order_unknown: false,
        });
    }
    if !ledger.is_healthy() {
        for (kind, id) in [
            (TimelineKind::Detection, "time.detected"),
            (TimelineKind::Response, "time.mitigated"),
            (TimelineKind::Recovery, "time.recovered"),
        ] {
            rows.push(milestone(kind, id));
        }
    }
    if let Some(when) = ledger.diagnosis.snapshot.bundle.collected_at.clone() {
        let refs = ledger.cite_all(clock_of(ledger.diagnosis.snapshot));
        let subject = machines(ledger.diagnosis.snapshot);
        rows.push(row(
            when,
            subject,
            TimelineKind::Collection,
            phrase("timeline.collected"),
            1,
            None,
            refs,
        ));
    }
    Ok(rows)
}

/// True for a finding that cites deletions which the runtime dates.
fn is_dated_by_acts(ledger: &Ledger<'_, '_>, finding: &Finding) -> bool {
    let events = ledger
        .diagnosis
        .snapshot
        .hosts
        .iter()
        .flat_map(|host| &host.runtime_events);
    let mut deletions = events.filter(|event| event.action == "destroy" && event.when.is_some());
    deletions.any(|event| {
        let mut cited = finding.evidence.iter();
        cited.any(|cite| cite.file == event.cite.file && cite.place == event.cite.place)
    })
}

/// What was done to the things involved: scale-ups from the API's events, deletions from the runtime's.
fn changes(ledger: &mut Ledger<'_, '_>, rows: &mut Vec<TimelineRow>) {
    let snapshot = ledger.diagnosis.snapshot;
    let subjects: BTreeSet<_> = ledger
        .involved()
        .iter()
        .flat_map(|finding| std::iter::once(finding.subject.clone()).chain(finding.affected.iter().cloned()))
        .collect();
    for event in snapshot
        .events
        .iter()
        .filter(|event| event.reason == "ScalingReplicaSet" && subjects.contains(&event.about))
    {
        if let Some(when) = &event.first {
            let refs = vec![ledger.cite(&event.cite)];
            let message = ledger.masker.mask(&event.message).into_owned();
            let text = filled("timeline.quoted", &[("text", message.into())]);
            rows.push(row(
                when.clone(),
                event.about.to_string(),
                TimelineKind::Change,
                text,
                event.count,
                None,
                refs,
            ));
        }
    }
    let cited: Vec<_> = ledger
        .involved()
        .into_iter()
        .flat_map(|finding| &finding.evidence)
        .collect();
    let lost: BTreeSet<&str> = subjects
        .iter()
        .filter(|subject| subject.kind == "HostContainer")
        .map(|subject| subject.name.as_str())
        .collect();
    let began = ledger.began().map(|when| when.earliest);
    for host in &snapshot.hosts {
        let folded = bursts(ledger, host, &cited, began, rows);
        for run in &host.prunes {
            let Some((_, cite)) = &run.stamped else { continue };
            let is_cited = cited
                .iter()
                .any(|known| known.file == cite.file && known.place == cite.place);
            if let (Some(when), true) = (deletions::began(snapshot, host, run), is_cited) {
                let refs = vec![ledger.cite(&cite.clone().at(Some(when.clone())))];
                let line = cite.quote.first().map_or("", |line| line.text.as_str());
                let line = ledger.masker.mask(line).into_owned();
                rows.push(row(
                    when,
                    host.runtime_name().to_owned(),
                    TimelineKind::Trigger,
                    filled("timeline.logged", &[("line", line.into())]),
                    1,
                    None,
                    refs,
                ));
            }
        }
        for event in &host.runtime_events {
            let name = event.attributes.get("name").cloned().unwrap_or_default();
            let given = name.clone();
            let text = match (event.kind.as_str(), event.action.as_str()) {
                ("container", "destroy") => filled("timeline.destroyed", &[("name", name.into())]),
                ("container", "create") => filled("timeline.created", &[("name", name.into())]),
                ("container", "prune") => filled("timeline.pruned", &[]),
                ("image", "prune") => filled("timeline.images-pruned", &[]),
                _ => continue,
            };
            // Only what a finding rests on: earlier containers of the same name were deleted for other reasons.
            let concerned = cited
                .iter()
                .any(|cite| cite.file == event.cite.file && cite.place == event.cite.place);
            let is_told = folded.iter().any(|burst| burst.has(&event.cite));
            if let (Some(when), true) = (&event.when, concerned && !is_told) {
                let refs = vec![ledger.cite(&event.cite)];
                rows.push(row(
                    when.clone(),
                    host.runtime_name().to_owned(),
                    // What goes and should be there is the failure; all else that a clean-up does is a change.
                    if event.action == "destroy" && lost.contains(given.as_str()) {
                        TimelineKind::Failure
                    } else {
                        TimelineKind::Change
                    },
                    text,
                    1,
                    None,
                    refs,
                ));
            }
        }
    }
}

/// What was done to a host's system containers before the failure, folded; and after it, where nothing of it is the failure's own evidence.
fn bursts<'h>(
    ledger: &mut Ledger<'_, '_>,
    host: &'h Host,
    cited: &[&Citation],
    began: Option<Timestamp>,
    rows: &mut Vec<TimelineRow>,
) -> Vec<Burst<'h>> {
    let mut bursts = Burst::of_incident(ledger, host);
    bursts.retain(|burst| {
        let is_before = burst
            .last()
            .is_some_and(|last| began.is_none_or(|began| last.latest < began));
        is_before || !cited.iter().any(|cite| burst.has(cite))
    });
    for burst in &bursts {
        let (Some(first), Some(last)) = (burst.began(), burst.last()) else {
            continue;
        };
        let mut refs = ledger.cite_all(burst.cites());
        refs.extend(burst.searched(host).map(|all| ledger.cite(&all)));
        let ended = burst.ended().unwrap_or(last);
        let until = (first != ended).then(|| ended.clone());
        let (subject, count) = (host.runtime_name().to_owned(), burst.count() as u64);
        rows.push(row(
            first.clone(),
            subject,
            burst.category(),
            burst.text(),
            count,
            until,
            refs,
        ));
    }
    // What began outside of containers while the runtime tells of nothing belongs to the same story.
    if let (Some(from), Some(to)) = (bursts.first().and_then(Burst::began), ledger.began()) {
        let started = started::between(ledger.diagnosis.snapshot, host, from, to);
        if let Some((when, text, cites)) = started::row(&started) {
            let (subject, count) = (host.runtime_name().to_owned(), started.len() as u64);
            let refs = ledger.cite_all(&cites);
            rows.push(row(when, subject, TimelineKind::Change, text, count, None, refs));
        }
    }
    bursts
}

/// What a cause rests on and an earlier bundle of the same machine does not have came between the two.
fn appeared(ledger: &mut Ledger<'_, '_>) -> Vec<TimelineRow> {
    let diagnosis = ledger.diagnosis;
    let times = |snapshot: &Snapshot| snapshot.bundle.collected_at.clone();
    let (Some(before), Some(now)) = (diagnosis.baseline.and_then(times), times(diagnosis.snapshot)) else {
        return Vec::new();
    };
    if !diagnosis
        .baseline
        .is_some_and(|baseline| is_before(baseline, diagnosis.snapshot))
    {
        return Vec::new();
    }
    let differences = diagnosis.differences.as_ref().map_or(&[][..], |found| &found.different);
    let indices: BTreeSet<usize> = diagnosis.changes.values().flatten().copied().collect();
    let new = indices.into_iter().filter_map(|index| differences.get(index));
    let new = new.filter(|one| one.path.is_empty() && one.expected == Side::Absent);
    let interval = When {
        earliest: before.earliest,
        latest: now.latest,
        raw: format!("{} – {}", before.raw, now.raw),
        basis: Basis::Exact,
    };
    let mut rows = Vec::new();
    for difference in new.take(APPEARED) {
        let value = side_of(ledger, difference, &difference.actual);
        let facts = [
            ("subject", called(&difference.subject).into()),
            ("is_cron", (difference.datum == "cron").into()),
            ("value_zh", value.zh.into()),
            ("value_en", value.en.into()),
        ];
        let refs = ledger.cite_all(&difference.evidence);
        let subject = difference.subject.node.clone();
        let text = filled("timeline.appeared", &facts);
        rows.push(row(
            interval.clone(),
            subject,
            TimelineKind::Change,
            text,
            1,
            None,
            refs,
        ));
    }
    rows
}

/// The incident's beginning, where no row has its time.
fn occurred() -> TimelineRow {
    TimelineRow {
        blank: None,
        ..milestone(TimelineKind::Trigger, "time.occurred")
    }
}

/// Namespaces that were deleted near the incident, as their controller's log tells.
fn namespaces(ledger: &mut Ledger<'_, '_>) -> Vec<TimelineRow> {
    let deleted = namespaces_deleted(ledger).into_iter();
    let rows = deleted.map(|one| {
        let name = ledger.masker.mask(&one.namespace).into_owned();
        let text = filled("timeline.namespace-deleted", &[("name", name.clone().into())]);
        let refs = vec![ledger.cite(&one.cite)];
        row(one.when, name, TimelineKind::Change, text, 1, None, refs)
    });
    rows.collect()
}

/// When the baseline was collected: all was well then.
fn baseline(ledger: &mut Ledger<'_, '_>) -> Option<TimelineRow> {
    let baseline = ledger.diagnosis.baseline?;
    let when = baseline.bundle.collected_at.clone()?;
    let subject = machines(baseline);
    let text = phrase("timeline.baseline");
    let refs = ledger.cite_all(clock_of(baseline));
    Some(row(when, subject, TimelineKind::Collection, text, 1, None, refs))
}

/// What a bundle was collected from: its machines, else its nodes; of many the first.
fn machines(snapshot: &Snapshot) -> String {
    let hosts = snapshot.hosts.iter().map(|host| host.runtime_name().to_owned());
    let nodes = snapshot.kind("Node").map(|node| node.key.name.clone());
    let mut names: Vec<String> = hosts.filter(|name| !name.is_empty()).collect();
    if names.is_empty() {
        names = nodes.collect();
    }
    let more = names.len().saturating_sub(MACHINES);
    names.truncate(MACHINES);
    let shown = names.join(", ");
    if more > 0 { format!("{shown} +{more}") } else { shown }
}

/// The clock that says when a bundle was collected.
pub(super) fn clock_of(snapshot: &Snapshot) -> Option<&Citation> {
    let collected = snapshot.bundle.collected_at.as_ref()?;
    let mut clocks = snapshot.hosts.iter().filter_map(|host| host.clock.as_ref());
    clocks.find(|(when, ..)| when == collected).map(|(.., cite)| cite)
}

/// What changed inside the bundle just before a cause, or next to a failure that nothing explains.
fn recent(ledger: &mut Ledger<'_, '_>, rows: &mut Vec<TimelineRow>) {
    let diagnosis = ledger.diagnosis;
    let preceding = diagnosis.preceded.values().flatten();
    let beside = diagnosis.unexplained.iter().flat_map(|thing| &thing.changes);
    let indices: BTreeSet<usize> = preceding.chain(beside).copied().collect();
    for change in indices.into_iter().filter_map(|index| diagnosis.recent.get(index)) {
        let sentence = inside(ledger, change);
        let (when, subject) = (change.when.clone(), called(&change.subject));
        rows.push(row(
            when,
            subject,
            TimelineKind::Change,
            sentence.text,
            1,
            None,
            sentence.refs,
        ));
    }
}

/// A moment that only people know.
fn milestone(kind: TimelineKind, id: &str) -> TimelineRow {
    TimelineRow {
        when: None,
        subject: String::new(),
        kind,
        text: phrase(&format!("milestone.{id}")),
        count: 1,
        until: None,
        refs: Vec::new(),
        blank: Some(id.to_owned()),
        order_unknown: false,
    }
}

fn row(
    when: When,
    subject: String,
    kind: TimelineKind,
    text: Text,
    count: u64,
    until: Option<When>,
    refs: Vec<String>,
) -> TimelineRow {
    TimelineRow {
        when: Some(when),
        subject,
        kind,
        text,
        count,
        until,
        refs,
        blank: None,
        order_unknown: false,
    }
}

/// What set it off stands before what it did at the same moment.
fn key(row: &TimelineRow) -> (Option<Timestamp>, bool, bool, TimelineKind, String) {
    (
        row.when.as_ref().map(|when| when.earliest),
        row.kind != TimelineKind::Trigger,
        row.when.as_ref().is_some_and(|when| !when.is_instant()),
        row.kind,
        row.text.en.clone(),
    )
}

/// Keeps the first rows and says how many more there are.
fn folded(rows: &mut Vec<TimelineRow>) -> Option<Text> {
    let hidden = rows.len().saturating_sub(ROWS);
    rows.truncate(ROWS);
    (hidden > 0).then(|| filled("timeline.more", &[("count", hidden.into())]))
}

//! The top of the report: title, summary, key facts, symptoms, affected resources.

use std::collections::BTreeSet;

use serde_json::json;

use super::appendix::{checks, missing};
use super::changed::first_change;
use super::claims::shows;
use super::environment::environment;
use super::ledger::{Ledger, called, is_blank, plain_sentence};
use super::narrowing;
use super::phrases::{filled, phrase};
use super::severity::severity;
use super::so_what::{duty, empty_logs, is_ongoing, note, so_what, taken_along, unharmed};
use super::timeline::clock_of;
use crate::cluster::PodView;
use crate::model::{CODE_CLOSE, Citation, CitationKind, Subject, Text, When, code};
use crate::report::model::{Check, CheckOutcome, Impact, Incident, ResourceRow, Sentence, Window};
use crate::rules::{Finding, Role};

/// More subjects in one sentence are a list, not a sentence.
const NAMED: usize = 3;

pub(super) fn incident(ledger: &mut Ledger<'_, '_>) -> Result<Incident, minijinja::Error> {
    let summary = summary(ledger)?;
    let title = title(ledger)?;
    let mut window = window(ledger);
    if let Some(window) = &mut window {
        window.refs = dated(ledger, window.ongoing);
    }
    if !ledger.is_healthy() {
        key_blanks(ledger, window.is_some());
    }
    Ok(Incident {
        title,
        status: "draft",
        summary,
        severity: severity(ledger),
        window,
        scope: scope(ledger),
        environment: environment(ledger),
    })
}

fn title(ledger: &mut Ledger<'_, '_>) -> Result<Text, minijinja::Error> {
    let roots = ledger.root_findings();
    let Some(first) = roots.first().copied() else {
        if let Some(thing) = ledger.diagnosis.unexplained.first() {
            let subject = ("subject", thing.subject.to_string().into());
            return Ok(with_ending(filled("title.unexplained", &[subject])));
        }
        return Ok(phrase(if narrowing::names_nothing(ledger.diagnosis) {
            "title.names-nothing"
        } else if ledger.is_blind() {
            "title.blind"
        } else if ledger.is_cut() {
            "title.cut"
        } else if ledger.diagnosis.narrowed.is_some() {
            "title.narrowed"
        } else {
            "title.healthy"
        }));
    };
    let headline = match ledger.header(first) {
        Some(header) => ledger.say(header.headline.as_ref().unwrap_or(&header.title), first)?,
        None => Text::same(first.rule.clone()),
    };
    Ok(with_ending(headline))
}

fn with_ending(headline: Text) -> Text {
    let ending = phrase("title.ending");
    // A space stands between Chinese and Latin letters.
    let latin = |c: char| c.is_ascii_alphanumeric() || c == CODE_CLOSE;
    let gap = if headline.zh.ends_with(latin) { " " } else { "" };
    Text::new(
        format!("{}{gap}{}", headline.zh, ending.zh),
        format!("{}{}", headline.en, ending.en),
    )
}

fn summary(ledger: &mut Ledger<'_, '_>) -> Result<Vec<Sentence>, minijinja::Error> {
    let mut sentences = Vec::new();
    let roots = ledger.root_findings();
    match roots.first().copied() {
        None if !ledger.diagnosis.unexplained.is_empty() => {}
        None if narrowing::names_nothing(ledger.diagnosis) => {
            sentences.extend(narrowing::unknown(ledger.diagnosis).map(plain_sentence));
        }
        None if ledger.is_blind() => sentences.push(plain_sentence(phrase("summary.blind"))),
        None if ledger.is_cut() => sentences.push(plain_sentence(phrase("summary.healthy-cut"))),
        None if ledger.diagnosis.narrowed.is_some() => sentences.push(plain_sentence(phrase("summary.narrowed"))),
        None => sentences.push(plain_sentence(phrase("summary.healthy"))),
        Some(first) => {
            sentences.push(lead(ledger, first)?);
            let all = ledger.diagnosis.roots.len();
            if all > 1 {
                let others = json!(all - 1);
                sentences.push(plain_sentence(filled("summary.more-causes", &[("count", others)])));
            }
            if all > roots.len() {
                let counts = [("shown", json!(roots.len())), ("hidden", json!(all - roots.len()))];
                sentences.push(plain_sentence(filled("summary.hidden-causes", &counts)));
            }
            sentences.extend(so_what(ledger));
            sentences.extend(since(ledger, first)?);
        }
    }
    if ledger.is_cut() && (!ledger.is_healthy() || ledger.is_blind()) {
        sentences.push(plain_sentence(phrase("summary.cut")));
    }
    let first = ledger.diagnosis.roots.first().map(|root| root.finding);
    sentences.extend(first.and_then(|finding| first_change(ledger, finding)));
    sentences.extend(unexplained(ledger));
    sentences.extend(risks(ledger));
    sentences.extend(undetermined(ledger));
    Ok(sentences)
}

/// The first cause in one sentence, as its rule puts it for the summary.
fn lead(ledger: &mut Ledger<'_, '_>, first: &Finding) -> Result<Sentence, minijinja::Error> {
    match ledger.header(first).and_then(|header| header.lead.as_ref()) {
        Some(lead) => ledger.sentence(lead, first),
        None => ledger.titled(first),
    }
}

/// Since when it is so.
fn since(ledger: &mut Ledger<'_, '_>, first: &Finding) -> Result<Option<Sentence>, minijinja::Error> {
    if let Some(template) = ledger.header(first).and_then(|header| header.since.as_ref()) {
        let sentence = ledger.sentence(template, first)?;
        if !is_blank(&sentence.text) {
            return Ok(Some(Sentence {
                confidence: None,
                ..sentence
            }));
        }
    }
    Ok(first.first.as_ref().map(|when| {
        // A line that repeats has its first time in the object that it is quoted from.
        let mut dated = first.evidence.iter();
        let dated = dated
            .find(|cite| cite.when.as_ref() == Some(when))
            .or(first.evidence.first());
        Sentence {
            text: filled("summary.since", &[("time", shown(when).into())]),
            refs: ledger.cite_all(dated),
            confidence: None,
        }
    }))
}

/// Why so many checks came to no verdict: the data that they lack, in the order of appendix B.
fn undetermined(ledger: &mut Ledger<'_, '_>) -> Option<Sentence> {
    let is_open = |check: &Check| check.outcome == CheckOutcome::Unknown;
    let count = checks(ledger).iter().filter(|check| is_open(check)).count();
    let lacking = missing(ledger);
    let names = |separator: &str, of: fn(&Text) -> &str| {
        let most: Vec<&str> = lacking.iter().take(NAMED).map(|gap| of(&gap.what)).collect();
        most.join(separator)
    };
    let facts = [
        ("count", json!(count)),
        ("zh", names("、", |text| &text.zh).into()),
        ("en", names(", ", |text| &text.en).into()),
    ];
    (count > 0 && !lacking.is_empty()).then(|| plain_sentence(filled("summary.unknown", &facts)))
}

/// That risks were found beside a healthy state; in an incident they stand among its factors or its findings.
fn risks(ledger: &mut Ledger<'_, '_>) -> Option<Sentence> {
    let diagnosis = ledger.diagnosis;
    let found = || {
        diagnosis
            .findings
            .iter()
            .filter(|finding| diagnosis.role(finding) == Role::Factor)
    };
    let refs = ledger.cite_all(found().filter_map(|finding| finding.evidence.first()).take(NAMED));
    let count = found().count();
    (ledger.is_healthy() && count > 0).then(|| Sentence {
        text: filled("summary.risks", &[("count", json!(count))]),
        refs,
        confidence: None,
    })
}

/// That something fails without an explanation, unless a symptom that leads the list of causes says so already.
fn unexplained(ledger: &mut Ledger<'_, '_>) -> Option<Sentence> {
    let diagnosis = ledger.diagnosis;
    let things = &diagnosis.unexplained;
    let evidence = things.iter().filter_map(|thing| thing.evidence.first());
    let refs = ledger.cite_all(evidence.take(NAMED));
    let names: Vec<String> = things
        .iter()
        .take(NAMED)
        .map(|thing| thing.subject.to_string())
        .collect();
    (!things.is_empty()).then(|| Sentence {
        text: filled(
            "summary.unexplained",
            &[("count", json!(things.len())), ("names", json!(names))],
        ),
        refs,
        confidence: None,
    })
}

pub(super) fn window(ledger: &Ledger<'_, '_>) -> Option<Window> {
    let involved = ledger.involved();
    let start = involved
        .iter()
        .filter_map(|finding| finding.first.clone())
        .min_by_key(|when| when.earliest)?;
    let end = involved
        .iter()
        .filter_map(|finding| finding.last.clone())
        .max_by_key(|when| when.latest)?;
    let collected = ledger.diagnosis.snapshot.bundle.collected_at.clone();
    let still = collected.filter(|collected| is_ongoing(ledger) && start.earliest <= collected.latest);
    Some(Window {
        start,
        ongoing: still.is_some(),
        end: still.unwrap_or(end),
        refs: Vec::new(),
    })
}

/// What dates the window: the first line about each thing of the incident, and the clock of the collection where it was still so then.
fn dated(ledger: &mut Ledger<'_, '_>, is_ongoing: bool) -> Vec<String> {
    let mut cites: Vec<Citation> = Vec::new();
    for finding in ledger.involved() {
        for subject in std::iter::once(&finding.subject).chain(&finding.affected) {
            let (_, cite) = first_seen(finding, subject);
            cites.extend(cite.filter(|cite| !cites.contains(cite)).cloned());
        }
    }
    cites.truncate(NAMED);
    if is_ongoing {
        cites.extend(clock_of(ledger.diagnosis.snapshot).cloned());
    }
    ledger.cite_all(&cites)
}

fn scope(ledger: &mut Ledger<'_, '_>) -> Sentence {
    let involved = ledger.involved();
    if involved.is_empty() {
        return plain_sentence(phrase("scope.none"));
    }
    let mut subjects: Vec<Subject> = Vec::new();
    let mut seen = BTreeSet::new();
    for finding in &involved {
        for subject in std::iter::once(&finding.subject).chain(&finding.affected) {
            if subject.kind != "Pod" && subject.kind != "ReplicaSet" && seen.insert(subject) {
                subjects.push(subject.clone());
            }
        }
    }
    if subjects.is_empty() {
        subjects = involved.iter().map(|finding| finding.subject.clone()).collect();
    }
    let names: Vec<String> = subjects.iter().take(NAMED).map(called).collect();
    let more = subjects.len().saturating_sub(NAMED);
    let absent = involved.first().and_then(|finding| {
        let mut evidence = finding.evidence.iter();
        evidence.find(|cite| cite.kind == CitationKind::Absence)
    });
    let mut refs = ledger.cite_all(absent);
    refs.extend(dated(ledger, false));
    Sentence {
        refs,
        ..plain_sentence(filled("scope.some", &[("names", json!(names)), ("more", json!(more))]))
    }
}

/// `is_dated` says whether a time is proposed, so that it is to be confirmed and not to be given.
fn key_blanks(ledger: &mut Ledger<'_, '_>, is_dated: bool) {
    for (id, required) in [
        ("time.occurred", true),
        ("reporter", true),
        ("people.handlers", false),
        ("symptom.users", false),
        ("impact.business", true),
        ("severity.final", true),
        ("detection.first-signal", true),
        ("time.detected", true),
        ("environment.stage", true),
        ("time.mitigated", false),
        ("time.recovered", true),
        ("recovery.executed", true),
        ("cause.confirmed", true),
    ] {
        let label = phrase(&format!("blank.{id}"));
        let question = match id {
            "time.occurred" if is_dated => phrase("question.time.is-start"),
            id => phrase(&format!("question.{id}")),
        };
        ledger.blank(id, label, question, required);
    }
}

pub(super) fn resources(ledger: &mut Ledger<'_, '_>) -> Result<Vec<ResourceRow>, minijinja::Error> {
    let mut rows: Vec<ResourceRow> = Vec::new();
    let mut seen = BTreeSet::new();
    for finding in ledger.involved() {
        let subjects: Vec<Subject> = match ledger.diagnosis.role(finding) {
            Role::Cause => std::iter::once(&finding.subject)
                .chain(&finding.affected)
                .cloned()
                .collect(),
            _ => vec![finding.subject.clone()],
        };
        for subject in subjects {
            if matches!(subject.kind.as_str(), "Registry" | "ReplicaSet") || !seen.insert(subject.clone()) {
                continue;
            }
            let (expected, actual, impact) = state(ledger, &subject, finding)?;
            let mut refs = ledger.cite_subject(finding, &subject);
            let (first_seen, dated) = first_seen(finding, &subject);
            if let Some(id) = dated.map(|cite| ledger.cite(cite))
                && !refs.contains(&id)
            {
                refs.push(id);
            }
            let note = note(ledger, finding, &subject);
            if !note.is_empty() {
                refs.extend(duty(ledger, &subject.name));
                refs.extend(empty_logs(ledger));
            }
            rows.push(ResourceRow {
                note,
                subject,
                expected,
                actual,
                first_seen,
                impact,
                blank: None,
                refs,
            });
        }
    }
    rows.sort_by(|a, b| (a.impact, &a.subject).cmp(&(b.impact, &b.subject)));
    rows.extend(taken_along(ledger));
    rows.extend(unharmed(ledger));
    Ok(rows)
}

/// When a thing of a finding was first seen to fail, and where that stands: the first line about this very thing; the finding's own first
/// time where no line with a time names it.
fn first_seen<'f>(finding: &'f Finding, subject: &Subject) -> (Option<When>, Option<&'f Citation>) {
    let within = |when: &When| {
        let after = finding
            .first
            .as_ref()
            .is_none_or(|first| first.earliest <= when.earliest);
        after && finding.last.as_ref().is_none_or(|last| when.latest <= last.latest)
    };
    let dated = finding
        .evidence
        .iter()
        .filter_map(|cite| Some((cite.when.as_ref()?, cite)));
    let own = dated
        .filter(|(when, cite)| within(when) && shows(cite, &subject.name))
        .min_by_key(|(when, _)| when.earliest);
    match own {
        Some((when, cite)) => (Some(when.clone()), Some(cite)),
        None => (finding.first.clone(), None),
    }
}

fn state(
    ledger: &mut Ledger<'_, '_>,
    subject: &Subject,
    finding: &Finding,
) -> Result<(Text, Text, Impact), minijinja::Error> {
    let snapshot = ledger.diagnosis.snapshot;
    match subject.kind.as_str() {
        "HostContainer" => {
            let expected = match crate::rules::inventory::expected(&subject.name).map(|known| known.state) {
                Some(crate::rules::inventory::Healthy::ExitedZero) => phrase("state.exited-zero"),
                Some(crate::rules::inventory::Healthy::Created) => phrase("state.created"),
                _ => phrase("state.running"),
            };
            // Whether anything is worse for it shows in no container list: what still runs stands among the symptoms.
            Ok((expected, phrase("state.missing"), Impact::Unknown))
        }
        "Pod" => {
            let pod = snapshot.pod(&subject.namespace, &subject.name);
            let actual = pod.map_or_else(|| phrase("state.unknown"), |pod| pod_state(&pod));
            Ok((phrase("state.ready"), actual, Impact::Unknown))
        }
        "Deployment" | "StatefulSet" | "DaemonSet" => {
            let Some(object) = snapshot.object(&subject.kind, &subject.namespace, &subject.name) else {
                return Ok((phrase("state.ready"), phrase("state.unknown"), Impact::Unknown));
            };
            let wanted = object
                .int("/spec/replicas")
                .or_else(|| object.int("/status/desiredNumberScheduled"))
                .unwrap_or(1);
            let available = [
                "/status/availableReplicas",
                "/status/numberAvailable",
                "/status/readyReplicas",
            ]
            .iter()
            .find_map(|at| object.int(at))
            .unwrap_or(0);
            let impact = match available {
                0 => Impact::Interrupted,
                some if some < wanted => Impact::Degraded,
                _ => Impact::None,
            };
            Ok((
                filled("state.replicas", &[("count", json!(wanted))]),
                filled("state.replicas", &[("count", json!(available))]),
                impact,
            ))
        }
        _ => {
            let title = ledger.title(finding)?;
            Ok((phrase("state.healthy"), title, Impact::Unknown))
        }
    }
}

/// What a pod shows of itself: why it waits, how it keeps ending, or its phase.
fn pod_state(pod: &PodView<'_>) -> Text {
    let containers = pod.containers();
    if let Some(waiting) = containers.iter().find_map(|container| container.waiting()) {
        return Text::same(code(waiting.reason));
    }
    let ended = containers
        .iter()
        .filter(|container| !container.is_ready())
        .find_map(|container| {
            let code = container.ended()?.exit_code?;
            (container.restarts() > 0).then(|| (code, container.restarts()))
        });
    if let Some((code, count)) = ended {
        return filled("state.ended", &[("code", json!(code)), ("count", json!(count))]);
    }
    match pod.phase() {
        "" => phrase("state.unknown"),
        phase if pod.is_well() => Text::same(code(phase)),
        phase => filled("state.not-ready", &[("phase", phase.into())]),
    }
}

/// A time as the summary shows it: UTC with its offset; what is only assumed is marked.
pub(super) fn shown(when: &When) -> String {
    let text = |time: jiff::Timestamp| time.strftime("%Y-%m-%d %H:%M:%S +00:00").to_string();
    if when.is_instant() {
        text(when.earliest)
    } else {
        format!("{} – {}", text(when.earliest), text(when.latest))
    }
}

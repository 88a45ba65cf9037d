//! The verdict card and chapter 1.

use minijinja::context;
use minijinja::value::Value;

use super::details;
use super::plan::{self, Part};
use crate::model::{Confidence, When};
use crate::report::model::{
    Impact, PostMortem, RecoveryStep, ResourceRow, Risk, Sentence, Severity, TimelineKind, TimelineRow,
};
use crate::report::render::blanks::Slot;
use crate::report::render::rich::Rich;
use crate::report::render::scribe::Scribe;
use crate::report::render::times::{self, Grain};
use crate::report::svg;

/// Rows of a table among the details.
pub(super) const MAX_ROWS: usize = 60;
/// A folded row that takes no longer shows fractions of seconds.
const SHORT: jiff::SignedDuration = jiff::SignedDuration::from_secs(10);
/// Root causes on the verdict card.
const MAX_CAUSES: usize = 3;

/// What a person needs in thirty seconds.
pub(super) fn verdict(s: &Scribe<'_>) -> Value {
    let report = s.report;
    let causes: Vec<Value> = report
        .root_causes
        .iter()
        .take(MAX_CAUSES)
        .map(|cause| {
            context! {
                title => s.text(&cause.title),
                subject => s.subject(&cause.subject),
                path => Rich::code(&cause.path),
                badge => s.badge(cause.confidence),
                is_confirmed => cause.confidence == Confidence::Confirmed,
            }
        })
        .collect();
    // What stops it or mends it; to look once more is no first step for who has read this far.
    let mends = |step: &&RecoveryStep| step.risk != Risk::ReadOnly;
    let next = report.recovery.iter().find(mends).or(report.recovery.first());
    let command = next.map(|step| Rich::code(first_line(&step.command)));
    let next = next.map(|step| s.text(&step.purpose));
    context! {
        causes,
        refs => report.incident.summary.first().map(|sentence| s.refs(&sentence.refs)).unwrap_or_default(),
        total => report.root_causes.len(),
        is_confirmed => report.root_causes.first().is_some_and(|cause| cause.confidence == Confidence::Confirmed),
        window => window(s),
        scope => s.sentence(&report.incident.scope),
        level => report.incident.severity.as_ref().map(Severity::level),
        command => command.unwrap_or_default(),
        next => next.or_else(|| report.actions.first().map(|action| s.text(&action.text))).unwrap_or_default(),
        open => biggest_question(report).map(|question| s.sentence(question)).unwrap_or_default(),
    }
}

/// The first command of several.
pub(super) fn first_line(command: &str) -> &str {
    command
        .lines()
        .next()
        .unwrap_or_default()
        .trim_end_matches('\\')
        .trim_end()
}

/// The first open point that asks something; a conflict of evidence only where nothing is asked.
fn biggest_question(report: &PostMortem) -> Option<&Sentence> {
    let asks = |sentence: &&Sentence| sentence.text.zh.contains('？');
    report
        .open_questions
        .iter()
        .find(asks)
        .or(report.open_questions.first())
}

/// Values of the Markdown front matter.
pub(super) fn front_matter(report: &PostMortem) -> Value {
    let window = report.incident.window.as_ref();
    let stamp = |time: Option<&When>, end: fn(&When) -> jiff::Timestamp| time.map(|when| end(when).to_string());
    context! {
        severity => report.incident.severity.as_ref().map(Severity::level).unwrap_or_default(),
        decided => report.answers.iter().find(|answer| answer.blank.id == "severity.final").map_or("", |answer| answer.value.as_str()),
        earliest => stamp(window.map(|w| &w.start), |when| when.earliest).unwrap_or_default(),
        latest => stamp(window.map(|w| &w.end), |when| when.latest).unwrap_or_default(),
        confidence => report.root_causes.first().map_or("", |cause| confidence_id(cause.confidence)),
        tool => format!("{} {}", report.tool.name, report.tool.version),
        generated => report.generated_at.map(|time| time.to_string()),
        bundles => report.bundles.iter().map(|bundle| context! {
            alias => bundle.alias.as_str(), layout => bundle.layout.as_str(), sha256 => bundle.sha256.as_str(),
        }).collect::<Vec<_>>(),
    }
}

/// The name of a confidence in machine-readable places, as in the JSON report.
pub(super) fn confidence_id(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::Confirmed => "confirmed",
        Confidence::Probable => "probable",
        Confidence::Possible => "possible",
        Confidence::RuledOut => "ruled-out",
        Confidence::Undetermined => "undetermined",
    }
}

/// Chapter 1.
pub(super) fn overview(s: &mut Scribe<'_>) -> Value {
    let report = s.report;
    // Timeline rows name their blanks, so the order of these calls does not matter to the slots.
    let timeline = timeline(s);
    context! {
        window => window(s),
        time_blanks => s.slot(Slot::Time),
        reporter => s.slot(Slot::Reporter),
        scope => s.sentence(&report.incident.scope),
        impact => s.slot(Slot::Impact),
        severity => report.incident.severity.as_ref().map(|severity| context! {
            level => severity.level(),
            rules => severity.rules.join(", "),
            reason => s.sentence(&severity.reason),
            why => s.text(&severity.reason.text),
        }),
        final_level => s.slot(Slot::Severity),
        detection => s.slot(Slot::Detection),
        environment => environment(s),
        symptoms => s.first(&report.symptoms, Part::Symptoms),
        symptoms_more => s.more(Part::Symptoms, report.symptoms.len()),
        symptom_blanks => s.slot_items(Slot::Symptom),
        resources => resources(s),
        timeline,
        metrics => s.slot(Slot::Metrics),
    }
}

fn window(s: &Scribe<'_>) -> Rich {
    let Some(window) = &s.report.incident.window else {
        return Rich::default();
    };
    let mut rich = Rich::parse(&times::span(&window.start, &window.end, s.zone));
    let joint = &s.words.joint;
    let words = [s.words.precision.get(&window.start), s.words.precision.get(&window.end)];
    let exact = |when: &When| when.is_instant() && when.basis == crate::model::Basis::Exact;
    match (exact(&window.start) && exact(&window.end), words) {
        (true, _) => {}
        (false, [start, end]) if start == end => rich.push(&format!("{}{start}{}", joint.open, joint.close)),
        (false, [start, end]) => rich.push(&format!("{}{start} – {end}{}", joint.open, joint.close)),
    }
    if window.ongoing {
        rich.push(&format!("{}{}{}", joint.open, joint.ongoing, joint.close));
    }
    rich.append(" ", s.refs(&window.refs));
    rich
}

fn environment(s: &mut Scribe<'_>) -> Rich {
    let items = s.report.incident.environment.iter().map(|item| {
        let mut rich = s.text(&item.label);
        rich.append(" ", s.cited(&item.value, &item.refs));
        rich
    });
    let mut all = Rich::join(items, " · ");
    all.append(" · ", s.slot(Slot::Environment));
    all
}

fn resources(s: &mut Scribe<'_>) -> Value {
    let (rows, left) = plan::resources(s.report);
    let rows = rows.iter().take(rows.len().saturating_sub(left));
    let rows = rows.map(|row| {
        let asked = row.blank.as_deref().map(|id| s.asked(id)).unwrap_or_default();
        context! {
            asked,
            subject => s.subject(&row.subject),
            change => change(s, row),
            first => s.maybe_when(row.first_seen.as_ref()),
            impact => Value::from(minijinja::value::Serde(row.impact)),
            note => s.text(&row.note),
            assessed => assessed(s, row),
            refs => s.refs(&row.refs),
        }
    });
    context! { rows => rows.collect::<Vec<_>>(), more => s.left(Part::Resources, left) }
}

/// What should be and what is.
fn change(s: &Scribe<'_>, row: &ResourceRow) -> Rich {
    let mut change = s.text(&row.expected);
    change.append(" → ", s.text(&row.actual));
    change
}

/// The rows of the resources that the body leaves out.
pub(super) fn resources_left(s: &Scribe<'_>) -> Value {
    let (rows, left) = plan::resources(s.report);
    let left = rows.iter().skip(rows.len().saturating_sub(left)).take(MAX_ROWS);
    let rows = left.map(|row| {
        vec![
            s.subject(&row.subject),
            change(s, row),
            s.maybe_when(row.first_seen.as_ref()),
            assessed(s, row),
            s.refs(&row.refs),
        ]
    });
    details::table(
        &["subject", "change", "first", "impact", "evidence"],
        Vec::new(),
        rows.collect(),
    )
}

/// The effect in a word, and why it is not known.
fn assessed(s: &Scribe<'_>, row: &ResourceRow) -> Rich {
    let id = match row.impact {
        Impact::Interrupted => "interrupted",
        Impact::Degraded => "degraded",
        Impact::ManagementLimited => "management-limited",
        Impact::None => "none",
        Impact::Unknown => "unknown",
    };
    let mut rich = Rich::default();
    rich.push(s.words.impact.get(id).map_or(id, String::as_str));
    if !row.note.en.is_empty() {
        rich.append(&s.words.joint.colon, s.text(&row.note));
    }
    rich
}

fn timeline(s: &mut Scribe<'_>) -> Value {
    let report = s.report;
    let rows = plan::timeline(&report.timeline);
    let times: Vec<Option<&When>> = rows.iter().map(|row| row.when.as_ref()).collect();
    let grains = times::grains(&times);
    let labels: Vec<String> = rows.iter().map(|row| s.text(&row.text).to_string()).collect();
    let drawing = svg::timeline(&rows, &report.timeline, &labels, s.words, s.zone);
    let day = times::shared_day(&times, s.zone);
    let mut shown = Vec::with_capacity(rows.len());
    for (row, grain) in rows.iter().zip(&grains) {
        let grain = if is_short(row) { Grain::Milli } else { *grain };
        let time = time_cell(s, row, grain);
        let clock = match (&row.when, &day) {
            (Some(when), Some(day)) => clock_cell(row, &times::without(day, &times::show(when, grain, s.zone))),
            _ => time.clone(),
        };
        shown.push(context! {
            time,
            clock,
            precision => row.when.as_ref().map_or("—", |when| s.words.precision.get(when)),
            subject => Rich::code(&row.subject),
            kind => Value::from(minijinja::value::Serde(row.kind)),
            text => event_text(s, row, grain),
            refs => s.refs(&row.refs),
            open => row.when.is_none(),
        });
    }
    context! {
        rows => shown,
        day => day.map(|day| day.to_string()),
        more => s.left(Part::Timeline, report.timeline.len().saturating_sub(rows.len())),
        approximate => rows.iter().any(|row| row.order_unknown),
        svg => drawing.map(Value::from_safe_string),
    }
}

/// The rows that the body leaves out.
pub(super) fn timeline_left(s: &Scribe<'_>) -> Value {
    let kept = plan::timeline(&s.report.timeline);
    let is_kept = |row: &TimelineRow| kept.iter().any(|known| std::ptr::eq(*known, row));
    let left = s.report.timeline.iter().filter(|row| !is_kept(row));
    let dated: Vec<&TimelineRow> = left.take(MAX_ROWS).collect();
    let times: Vec<Option<&When>> = dated.iter().map(|row| row.when.as_ref()).collect();
    let grains = times::grains(&times);
    let rows = dated.iter().zip(grains).map(|(row, grain)| {
        let grain = if is_short(row) { Grain::Milli } else { grain };
        let when = row.when.as_ref();
        let time = when.map(|when| times::show(when, grain, s.zone)).unwrap_or_default();
        let sign = if row.order_unknown { UNORDERED } else { "" };
        vec![
            Rich::parse(&format!("{time}{sign}")),
            Rich::parse(when.map_or("—", |when| s.words.precision.get(when))),
            Rich::code(&row.subject),
            Rich::parse(s.words.kind.get(kind_id(row.kind)).map_or("", String::as_str)),
            event_text(s, row, grain),
            s.refs(&row.refs),
        ]
    });
    details::table(
        &["time", "precision", "subject", "category", "event", "evidence"],
        Vec::new(),
        rows.collect(),
    )
}

/// The name of a kind of row in the words of a language, as in the JSON report.
fn kind_id(kind: TimelineKind) -> &'static str {
    match kind {
        TimelineKind::Change => "change",
        TimelineKind::Trigger => "trigger",
        TimelineKind::Failure => "failure",
        TimelineKind::Symptom => "symptom",
        TimelineKind::SelfHeal => "self-heal",
        TimelineKind::Detection => "detection",
        TimelineKind::Response => "response",
        TimelineKind::Recovery => "recovery",
        TimelineKind::Collection => "collection",
    }
}

/// The mark of a row whose order to the one before it is not known: a note to a time, which says nothing against its precision.
const UNORDERED: &str = "†";

fn time_cell(s: &mut Scribe<'_>, row: &TimelineRow, grain: Grain) -> Rich {
    let mut rich = Rich::default();
    match (&row.when, &row.blank) {
        (Some(when), _) => rich.push(&times::show(when, grain, s.zone)),
        (None, Some(id)) => rich.append("", s.blank(id)),
        (None, None) => rich.push("—"),
    }
    if row.order_unknown {
        rich.push(UNORDERED);
    }
    rich
}

/// A time of a day that the head of the column names.
fn clock_cell(row: &TimelineRow, clock: &str) -> Rich {
    let sign = if row.order_unknown { UNORDERED } else { "" };
    Rich::parse(&format!("{clock}{sign}"))
}

/// True for a folded row of seconds, whose ends would look the same without their fractions.
fn is_short(row: &TimelineRow) -> bool {
    let ends = row.when.as_ref().zip(row.until.as_ref());
    ends.is_some_and(|(start, end)| start.gap_to(end) < SHORT && !start.is_to_the_second())
}

/// The event, and for a folded repeat how often until when.
fn event_text(s: &Scribe<'_>, row: &TimelineRow, grain: Grain) -> Rich {
    let mut rich = s.text(&row.text);
    if row.count > 1 {
        rich.push(&format!(" ×{}", row.count));
    }
    if let Some(until) = &row.until {
        let joint = &s.words.joint;
        let same_day = row
            .when
            .as_ref()
            .is_some_and(|when| times::date(when.latest, s.zone) == times::date(until.latest, s.zone));
        let clock = times::clock(until.latest, grain, s.zone);
        let end = if same_day {
            clock
        } else {
            format!("{} {clock}", times::date(until.latest, s.zone))
        };
        rich.push(&format!("{}{} {end}{}", joint.open, joint.until, joint.close));
    }
    rich
}

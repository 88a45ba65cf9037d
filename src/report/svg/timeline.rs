//! The timeline: a lane for each subject, numbered marks, compressed gaps.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::text;
use crate::model::When;
use crate::report::escape::html;
use crate::report::locale::Fixed;
use crate::report::model::{TimelineKind, TimelineRow};
use crate::report::render::Zone;
use crate::report::render::times::{Grain, clock, date};

const WIDTH: f64 = 960.0;
const LEFT: f64 = 150.0;
const RIGHT: f64 = 36.0;
const TOP: f64 = 14.0;
const LANE: f64 = 46.0;
const MAX_LANES: usize = 8;
/// A silence longer than this is drawn as one hatched band.
const GAP_SECONDS: f64 = 900.0;

/// Draws rows that are in time order; none when fewer than two have a time. `labels` are the rows' texts, in the same order.
///
/// `all` are all rows of the report: where one that is not drawn stands, time is not empty.
pub(crate) fn timeline(
    rows: &[&TimelineRow],
    all: &[TimelineRow],
    labels: &[String],
    words: &Fixed,
    zone: &Zone,
) -> Option<String> {
    let scale = Scale::new(rows, all)?;
    let lanes = Lanes::new(rows, words);
    let bottom = TOP + LANE * lanes.names.len() as f64;
    let height = bottom + 46.0;
    let mut out = String::new();
    let svg = &words.svg;
    // Writing to a string cannot fail, here and below.
    let _ = write!(
        out,
        "<svg class=\"timeline\" role=\"img\" viewBox=\"0 0 {WIDTH} {height}\" aria-labelledby=\"tl-title tl-desc\" \
         font-family=\"sans-serif\"><title id=\"tl-title\">{}</title><desc id=\"tl-desc\">{}</desc>\
         <defs><pattern id=\"hatch\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">\
         <path class=\"hatch\" d=\"M0 0V6\" stroke=\"#cccccc\" stroke-width=\"2\"/></pattern></defs>",
        html(&svg.timeline_title),
        html(&svg.timeline_desc)
    );
    push_gaps(&mut out, &scale, bottom, &svg.no_data);
    push_lanes(&mut out, &lanes, bottom);
    push_axis(&mut out, &scale, bottom, zone);
    push_marks(&mut out, rows, labels, &scale, &lanes);
    out.push_str("</svg>");
    Some(out)
}

/// Time to x. Each step between neighbouring moments is as wide as the logarithm of its length, so that seconds in a crash and
/// weeks before it are both readable; a step beyond [`GAP_SECONDS`] has one fixed width.
struct Scale {
    /// Moments in order, each with its x.
    stops: Vec<(Timestamp, f64)>,
    /// Spans in which something repeats, which are therefore not silent.
    repeats: Vec<(Timestamp, Timestamp)>,
    /// When anything is told of, drawn or not.
    told: Vec<Timestamp>,
}

impl Scale {
    fn new(rows: &[&TimelineRow], all: &[TimelineRow]) -> Option<Self> {
        let whens = rows
            .iter()
            .flat_map(|row| [row.when.as_ref(), row.until.as_ref()])
            .flatten();
        let mut moments: Vec<Timestamp> = whens.flat_map(|when| [when.earliest, when.latest]).collect();
        moments.sort_unstable();
        moments.dedup();
        if moments.len() < 2 {
            return None;
        }
        let weights: Vec<f64> = moments.windows(2).map(step_weight).collect();
        let unit = (WIDTH - LEFT - RIGHT) / weights.iter().sum::<f64>();
        let mut x = LEFT;
        let mut stops = Vec::with_capacity(moments.len());
        for (index, moment) in moments.into_iter().enumerate() {
            stops.push((moment, x));
            x += weights.get(index).copied().unwrap_or(0.0) * unit;
        }
        let repeats = rows
            .iter()
            .filter_map(|row| Some((row.when.as_ref()?.earliest, row.until.as_ref()?.latest)));
        let told = all.iter().filter_map(|row| row.when.as_ref()).map(|when| when.earliest);
        Some(Self {
            stops,
            repeats: repeats.collect(),
            told: told.collect(),
        })
    }

    /// True when nothing is known of the time between two neighbouring moments, for long enough to be shown.
    fn silent(&self, from: Timestamp, to: Timestamp) -> bool {
        let is_inside = |told: &Timestamp| from < *told && *told < to;
        seconds(&[from, to]) > GAP_SECONDS
            && !self.told.iter().any(is_inside)
            && !self.repeats.iter().any(|(start, end)| *start <= from && to <= *end)
    }

    fn x(&self, time: Timestamp) -> f64 {
        let found = self.stops.binary_search_by_key(&time, |(moment, _)| *moment).ok();
        found.and_then(|index| self.stops.get(index)).map_or(LEFT, |(_, x)| *x)
    }
}

fn seconds(pair: &[Timestamp]) -> f64 {
    match pair {
        [a, b] => b.duration_since(*a).as_secs_f64(),
        _ => 0.0,
    }
}

fn step_weight(pair: &[Timestamp]) -> f64 {
    let length = seconds(pair);
    if length > GAP_SECONDS {
        (2.0 + GAP_SECONDS).ln() * 1.2
    } else {
        (2.0 + length).ln()
    }
}

/// Which lane a row stands in.
struct Lanes {
    names: Vec<String>,
    /// For each row, in order.
    of_row: Vec<usize>,
}

impl Lanes {
    fn new(rows: &[&TimelineRow], words: &Fixed) -> Self {
        let mut subjects: Vec<&str> = Vec::new();
        let is_named = |row: &&&TimelineRow| row.when.is_some() && !row.subject.is_empty();
        for row in rows.iter().filter(is_named) {
            if !subjects.contains(&row.subject.as_str()) {
                subjects.push(&row.subject);
            }
        }
        let others = subjects.len() > MAX_LANES;
        if others {
            subjects.truncate(MAX_LANES.saturating_sub(1));
        }
        let mut names: Vec<String> = subjects.iter().map(|name| crate::model::plain(name)).collect();
        let rest = names.len();
        if others {
            names.push(words.svg.others.clone());
        }
        let milestone_lane = names.len();
        let is_milestone = |row: &&TimelineRow| row.when.is_none() || row.subject.is_empty();
        if rows.iter().any(is_milestone) {
            names.push(words.svg.milestones.clone());
        }
        let lane = |row: &&TimelineRow| {
            if is_milestone(row) {
                return milestone_lane;
            }
            subjects.iter().position(|name| *name == row.subject).unwrap_or(rest)
        };
        Self {
            of_row: rows.iter().map(lane).collect(),
            names,
        }
    }
}

fn middle(lane: usize) -> f64 {
    TOP + LANE * (lane as f64 + 0.58)
}

fn push_gaps(out: &mut String, scale: &Scale, bottom: f64, no_data: &str) {
    for pair in scale.stops.windows(2) {
        let [(from, x), (to, end)] = pair else { continue };
        if !scale.silent(*from, *to) || end - x < 14.0 {
            continue;
        }
        let (x, width) = (x + 5.0, end - x - 10.0);
        let _ = write!(
            out,
            "<rect class=\"gap\" x=\"{x:.1}\" y=\"{TOP}\" width=\"{width:.1}\" height=\"{:.1}\" fill=\"url(#hatch)\">\
             <title>{}</title></rect>",
            bottom - TOP,
            html(no_data)
        );
    }
}

fn push_lanes(out: &mut String, lanes: &Lanes, bottom: f64) {
    for (index, name) in lanes.names.iter().enumerate() {
        let y = middle(index);
        let _ = write!(
            out,
            "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{:.1}\" stroke=\"#dddddd\"/>\
             <text class=\"ink\" x=\"{:.1}\" y=\"{:.1}\" font-size=\"12.5\" text-anchor=\"end\" fill=\"#222222\">{}<title>{}</title></text>",
            WIDTH - 12.0,
            LEFT - 18.0,
            y + 4.0,
            html(&text::fit(&crate::report::escape::visible(name), 12.5, LEFT - 26.0)),
            html(name)
        );
    }
    let _ = write!(
        out,
        "<path class=\"axis\" d=\"M{LEFT} {bottom:.1}H{:.1}\" stroke=\"#555555\"/>",
        WIDTH - 12.0
    );
}

/// Times under the axis, from the left, each where there is room; the last moment always has one.
fn push_axis(out: &mut String, scale: &Scale, bottom: f64, zone: &Zone) {
    const SIZE: f64 = 11.0;
    let half = text::width("00:00:00", SIZE) / 2.0 + 4.0;
    let Some(&(last, last_x)) = scale.stops.last() else {
        return;
    };
    let mut free = 0.0;
    let mut day = String::new();
    let mut shown = String::new();
    for &(moment, x) in &scale.stops {
        let is_last = moment == last;
        let words = clock(moment, Grain::Second, zone);
        // The same second is written once.
        if !is_last && (x - half < free || x + half > last_x - half || shown == words) {
            continue;
        }
        shown.clone_from(&words);
        free = x + half;
        let _ = write!(
            out,
            "<path class=\"axis\" d=\"M{x:.1} {bottom:.1}v5\" stroke=\"#555555\"/>\
             <text class=\"soft\" x=\"{x:.1}\" y=\"{:.1}\" font-size=\"{SIZE}\" text-anchor=\"middle\" fill=\"#444444\">{}</text>",
            bottom + 18.0,
            words
        );
        let today = date(moment, zone);
        if today != day {
            let _ = write!(
                out,
                "<text class=\"soft\" x=\"{x:.1}\" y=\"{:.1}\" font-size=\"{SIZE}\" text-anchor=\"middle\" fill=\"#444444\">{}</text>",
                bottom + 33.0,
                // The year only once: dates are wider than times and would touch.
                today.get(if day.is_empty() { 0 } else { 5 }..).unwrap_or(&today)
            );
            day = today;
            free = free.max(x + half + 6.0);
        }
    }
}

fn push_marks(out: &mut String, rows: &[&TimelineRow], labels: &[String], scale: &Scale, lanes: &Lanes) {
    let mut placed: Vec<(f64, f64, f64)> = Vec::new();
    // A milestone before everything that is dated stands at the left end.
    let mut blank_x = LEFT - 26.0;
    for (index, row) in rows.iter().enumerate() {
        let y = middle(lanes.of_row.get(index).copied().unwrap_or(0));
        let class = class(row.kind);
        let x = match &row.when {
            Some(when) => middle_x(scale, when),
            None => {
                // A milestone without a time stands after the last row before it.
                blank_x = (last_x(rows, index, scale) + 12.0)
                    .max(blank_x + 26.0)
                    .min(WIDTH - RIGHT);
                blank_x
            }
        };
        let label = labels.get(index).map(String::as_str).unwrap_or_default();
        let number = index.saturating_add(1);
        let _ = write!(out, "<g><title>{number} · {}</title>", html(label));
        push_shape(out, row, scale, (x, y), class);
        if let Some(at) = number_place(&mut placed, x, y) {
            let _ = write!(
                out,
                "<text class=\"ink\" x=\"{x:.1}\" y=\"{at:.1}\" font-size=\"11\" text-anchor=\"middle\" fill=\"#222222\">{number}</text>"
            );
        }
        out.push_str("</g>");
    }
}

/// The y of a number near a mark at a place where no other number stands: above, below, higher; none if all are taken.
fn number_place(placed: &mut Vec<(f64, f64, f64)>, x: f64, y: f64) -> Option<f64> {
    const HALF: f64 = 8.0;
    let at = [y - 9.0, y + 18.0].into_iter().find(|at| {
        !placed
            .iter()
            .any(|(left, right, other)| x + HALF > *left && x - HALF < *right && (at - other).abs() < 11.0)
    })?;
    placed.push((x - HALF, x + HALF, at));
    Some(at)
}

fn push_shape(out: &mut String, row: &TimelineRow, scale: &Scale, (x, y): (f64, f64), class: &str) {
    if let Some(until) = &row.until {
        let end = scale.x(until.latest);
        let _ = write!(
            out,
            "<path class=\"{class}\" d=\"M{x:.1} {y:.1}H{end:.1}\" stroke=\"#333333\" stroke-width=\"4\" stroke-linecap=\"round\"/>"
        );
    }
    if let Some(when) = row.when.as_ref().filter(|when| !when.is_instant()) {
        let (start, end) = (scale.x(when.earliest), scale.x(when.latest));
        let _ = write!(
            out,
            "<path class=\"{class}\" d=\"M{start:.1} {y:.1}H{end:.1}\" stroke=\"#333333\" stroke-width=\"3\" stroke-dasharray=\"5 4\"/>\
             <path class=\"{class}\" d=\"M{start:.1} {:.1}v10M{end:.1} {:.1}v10\" stroke=\"#333333\" stroke-width=\"1.5\"/>",
            y - 5.0,
            y - 5.0
        );
        return;
    }
    let hollow = row.when.is_none();
    let fill = if hollow { "#ffffff" } else { "#333333" };
    let class = if hollow {
        format!("{class} hollow")
    } else {
        class.to_owned()
    };
    if hollow || is_milestone(row.kind) {
        let _ = write!(
            out,
            "<path class=\"{class}\" d=\"M{x:.1} {:.1}l7 7l-7 7l-7 -7z\" fill=\"{fill}\" stroke=\"#333333\" stroke-width=\"1.6\"/>",
            y - 7.0
        );
    } else {
        let _ = write!(
            out,
            "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"5\" fill=\"{fill}\" stroke=\"#333333\" stroke-width=\"1.6\"/>"
        );
    }
}

fn middle_x(scale: &Scale, when: &When) -> f64 {
    f64::midpoint(scale.x(when.earliest), scale.x(when.latest))
}

fn last_x(rows: &[&TimelineRow], index: usize, scale: &Scale) -> f64 {
    let before = rows.iter().take(index).rev().find_map(|row| row.when.as_ref());
    before.map_or(LEFT, |when| scale.x(when.latest))
}

fn is_milestone(kind: TimelineKind) -> bool {
    matches!(
        kind,
        TimelineKind::Trigger | TimelineKind::Detection | TimelineKind::Response | TimelineKind::Recovery
    )
}

fn class(kind: TimelineKind) -> &'static str {
    match kind {
        TimelineKind::Change => "s-change",
        TimelineKind::Trigger => "s-trigger",
        TimelineKind::Failure => "s-failure",
        TimelineKind::Symptom => "s-symptom",
        TimelineKind::SelfHeal => "s-self-heal",
        TimelineKind::Detection => "s-detection",
        TimelineKind::Response => "s-response",
        TimelineKind::Recovery => "s-recovery",
        TimelineKind::Collection => "s-collection",
    }
}

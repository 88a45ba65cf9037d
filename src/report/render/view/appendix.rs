//! Appendices A to F.

use minijinja::context;
use minijinja::value::{Serde, Value};

use super::checks::checks;
use super::excerpts::excerpts;
use crate::model::{CitationKind, QuoteLine};
use crate::report::model::{EvidenceItem, Searched};
use crate::report::quotes::{self, Piece};
use crate::report::render::rich::Rich;
use crate::report::render::scribe::{Scribe, is_entry_id};
use crate::rules::shell_quote;

/// Evidence shown with its quote; the rest is listed by place, so that every reference still leads somewhere.
pub(super) const MAX_QUOTED: usize = 200;
/// Evidence of which a page marks and numbers the lines. Of the rest it has the matched lines alone, so that it stays small.
const MAX_MARKED: usize = 100;
/// Characters of such a line.
const PLAIN: usize = 140;
/// Lines shown of one quote.
pub(super) const MAX_LINES: usize = 12;
/// Lines from which a quote is a listing.
const LISTING: usize = 4;
/// Characters of its rows that are shown at their beginning.
const ROW_HEAD: usize = 13;
/// And at their end, where tables have their names.
const ROW_TAIL: usize = 40;

/// Appendices A to F.
pub(super) fn appendix(s: &Scribe<'_>) -> Value {
    context! {
        evidence => s.report.evidence.iter().enumerate().map(|(n, item)| evidence(s, item, n)).collect::<Vec<_>>(),
        excerpts => excerpts(s),
        unquoted => s.report.evidence.len() > MAX_QUOTED,
        knowledge => knowledge(s),
        key => s.report.incident.summary.first().map(|lead| lead.refs.clone()).unwrap_or_default(),
        gaps => gaps(s, false),
        baseline_gaps => gaps(s, true),
        clock => clock(s),
        redactions => redactions(s),
        checks => checks(s),
        applied => applied(s),
        nodes => nodes(s),
        pods => pods(s),
        bundles => bundles(s),
        again => again(s),
        generated => s.report.generated_at.map(|time| time.to_string()),
        tool => context! {
            name => s.report.tool.name, version => s.report.tool.version, rules => s.report.tool.rules,
            digest => s.report.tool.rules_sha256.as_str(),
        },
    }
}

fn evidence(s: &Scribe<'_>, item: &EvidenceItem, index: usize) -> Value {
    let quoted = index < MAX_MARKED;
    let quote: Vec<&QuoteLine> = item.quote.iter().take(if quoted { MAX_LINES } else { 0 }).collect();
    let is_plain = !quoted && index < MAX_QUOTED;
    let has_hits = item.quote.iter().any(|line| line.hit);
    let plain = item.quote.iter().filter(|line| is_plain && (line.hit || !has_hits));
    let plain = plain.take(MAX_LINES).map(|line| {
        let text = worded(s, &row(item, &line.text));
        let mut shown: String = text.chars().take(PLAIN).collect();
        if text.chars().count() > PLAIN {
            shown.push('…');
        }
        format!("{} {shown}", number(line))
    });
    let lines = quote.iter().map(|line| {
        context! { number => number(line), parts => parts(s, line, &item.words), hit => line.hit }
    });
    let block = quote.iter().map(|line| {
        format!(
            "{} {:>5}  {}",
            if line.hit { '▶' } else { ' ' },
            number(line),
            worded(s, &row(item, &line.text))
        )
    });
    context! {
        id => item.id.as_str(),
        linkable => is_entry_id(&item.id),
        kind => Value::from(Serde(item.kind)),
        place => Rich::code(&place(item)),
        time => s.maybe_when(item.time.as_ref()),
        raw => item.time.as_ref().map(|when| Rich::code(&when.raw)).unwrap_or_default(),
        sha256 => Rich::code(&item.sha256),
        digest => item.sha256.as_str(),
        short_hash => Rich::code(&item.sha256.chars().take(12).collect::<String>()),
        lines => lines.collect::<Vec<_>>(),
        plain => plain.collect::<Vec<_>>().join("\n"),
        block => block.collect::<Vec<_>>().join("\n"),
        searched => item.searched.map(searched),
    }
}

/// What was searched in vain, and how complete that is.
pub(super) fn searched(searched: Searched) -> Value {
    context! { n => searched.entries, complete => searched.complete, listing => Value::from(Serde(searched.listing)) }
}

pub(super) fn number(line: &QuoteLine) -> String {
    line.line.map(|number| number.to_string()).unwrap_or_default()
}

/// `cp1/docker/dockerpsa:1–21`, or with `#` and a JSON pointer.
pub(super) fn place(item: &EvidenceItem) -> String {
    let file = format!("{}/{}", item.bundle, item.file);
    match (&item.lines, &item.pointer) {
        (Some((first, last)), _) if first == last => format!("{file}:{first}"),
        (Some((first, last)), _) => format!("{file}:{first}–{last}"),
        (None, Some(pointer)) => format!("{file}#{pointer}"),
        (None, None) => file,
    }
}

/// A quoted line; what was left out of it is said in words.
pub(super) fn worded(s: &Scribe<'_>, line: &str) -> String {
    let line = crate::model::plain(line);
    let pieces = quotes::pieces(&line).into_iter().map(|piece| match piece {
        Piece::Text(text) => text.to_owned(),
        Piece::Missing(count) => s.words.joint.more_chars.replace("{n}", &count.to_string()),
    });
    pieces.collect()
}

/// A quoted line as a block shows it. Of a listing that was searched in vain a row's ends say enough: its id, its state and its name.
pub(super) fn row(item: &EvidenceItem, text: &str) -> String {
    let squeezed = quotes::squeezed(text);
    let count = squeezed.chars().count();
    if item.kind != CitationKind::Absence || item.quote.len() < LISTING || count <= ROW_HEAD + ROW_TAIL {
        return text.to_owned();
    }
    let head: String = squeezed.chars().take(ROW_HEAD).collect();
    let tail: String = squeezed.chars().skip(count - ROW_TAIL).collect();
    format!("{head}⟨+{}⟩{tail}", count - ROW_HEAD - ROW_TAIL)
}

/// The line in parts, of which those with the words that a sentence rests on are marked; all of it where it has none of them.
fn parts(s: &Scribe<'_>, line: &QuoteLine, words: &[String]) -> Vec<Value> {
    let text = worded(s, &line.text);
    let mut marks: Vec<(usize, usize)> = Vec::new();
    for word in words.iter().filter(|_| line.hit) {
        let found = text.match_indices(word.as_str());
        marks.extend(found.map(|(at, word)| (at, at + word.len())));
    }
    if line.hit && marks.is_empty() {
        return vec![context! { text => text, hit => true }];
    }
    marks.sort_unstable();
    let mut parts = Vec::new();
    let mut end = 0;
    let mut push = |part: Option<&str>, hit: bool| {
        if let Some(text) = part.filter(|text| !text.is_empty()) {
            parts.push(context! { text => text, hit => hit });
        }
    };
    for (from, to) in marks {
        let from = from.max(end);
        if to > from {
            push(text.get(end..from), false);
            push(text.get(from..to), true);
            end = to;
        }
    }
    push(text.get(end..), false);
    parts
}

fn knowledge(s: &Scribe<'_>) -> Vec<Value> {
    let items = s.report.knowledge.iter().map(|item| {
        context! {
            id => item.id.as_str(), linkable => is_entry_id(&item.id), text => s.text(&item.text), reference => Rich::code(&item.reference),
        }
    });
    items.collect()
}

fn gaps(s: &Scribe<'_>, of_baseline: bool) -> Vec<Value> {
    let gaps = s.report.gaps.iter().filter(|gap| gap.of_baseline == of_baseline);
    let rows = gaps.map(|gap| {
        context! {
            what => s.text(&gap.what), refs => s.refs(&gap.refs),
            reason => Value::from(Serde(gap.reason)),
            detail => Rich::code(&gap.detail),
            limits => s.text(&gap.limits),
            collect => gap.collect.as_str(),
            collect_code => Rich::code(&gap.collect),
        }
    });
    rows.collect()
}

fn clock(s: &Scribe<'_>) -> Vec<Value> {
    let rows = s.report.clock.iter().map(|row| {
        context! {
            source => Rich::code(&row.source), zone => s.text(&row.zone), skew => s.text(&row.skew), refs => s.refs(&row.refs),
        }
    });
    rows.collect()
}

fn redactions(s: &Scribe<'_>) -> Vec<Value> {
    let rows = s.report.redactions.iter().map(|row| {
        context! { class => Rich::code(&row.class), token => Rich::code(&row.token), count => row.count, files => row.files }
    });
    rows.collect()
}

fn applied(s: &Scribe<'_>) -> Vec<Value> {
    let rows = s.report.applied.iter().map(|row| {
        context! {
            subject => s.subject(&row.subject),
            path => Rich::code(&row.path),
            applied => s.text(&row.applied),
            live => s.text(&row.live),
            refs => s.refs(&row.refs),
        }
    });
    rows.collect()
}

fn value(text: &str) -> Rich {
    if text.is_empty() {
        Rich::default()
    } else {
        Rich::code(text)
    }
}

fn pods(s: &Scribe<'_>) -> Vec<Value> {
    let rows = s.report.pod_differences.iter().map(|row| {
        context! {
            owner => s.subject(&row.owner),
            datum => Rich::parse(s.words.datum.get(&row.datum).unwrap_or(&row.datum)),
            name => Rich::code(&row.name),
            odd => Rich::code(&row.odd),
            odd_value => value(&row.odd_value),
            others => row.others,
            others_value => value(&row.others_value),
            refs => s.refs(&row.refs),
        }
    });
    rows.collect()
}

fn nodes(s: &Scribe<'_>) -> Vec<Value> {
    let rows = s.report.node_differences.iter().map(|row| {
        context! {
            datum => Rich::parse(s.words.datum.get(&row.datum).unwrap_or(&row.datum)),
            name => Rich::code(&row.name),
            odd => Rich::code(&row.odd),
            odd_value => value(&row.odd_value),
            others => Rich::join(row.others.iter().map(|node| Rich::code(node)), &s.words.joint.list),
            others_value => value(&row.others_value),
            refs => s.refs(&row.refs),
        }
    });
    rows.collect()
}

fn bundles(s: &Scribe<'_>) -> Vec<Value> {
    let rows = s.report.bundles.iter().map(|bundle| {
        context! {
            alias => Rich::code(&bundle.alias),
            input => Rich::code(&bundle.input),
            layout => Rich::code(&bundle.layout),
            role => bundle.role,
            collected => s.maybe_when(bundle.collected_at.as_ref()),
            nodes => Rich::join(bundle.nodes.iter().map(|node| Rich::code(node)), &s.words.joint.list),
            files => bundle.files,
            sha256 => Rich::code(&bundle.sha256),
        }
    });
    rows.collect()
}

/// The commands that make the report again from these inputs, and that look its citations up in them.
fn again(s: &Scribe<'_>) -> String {
    let inputs = |role: &str| {
        let bundles = s.report.bundles.iter().filter(|bundle| bundle.role == role);
        let quoted = bundles.map(|bundle| shell_quote(&bundle.input));
        quoted.collect::<Vec<_>>().join(" ")
    };
    let (incident, baseline) = (inputs("incident"), inputs("baseline"));
    let option = if baseline.is_empty() { "" } else { " --baseline " };
    let gap = if baseline.is_empty() { "" } else { " " };
    let (lang, zone) = (s.lang.code(), shell_quote(&s.zone.to_string()));
    format!(
        "casefile analyze {incident}{option}{baseline} --lang {lang} --tz {zone}\ncasefile verify --report <REPORT.json> {incident}{gap}{baseline}"
    )
}

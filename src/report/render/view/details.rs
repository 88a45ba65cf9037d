//! The appendices "Recovery runbook" and "Details": what the body has no room for, in the order of its chapters. Each part knows the section
//! that it continues, and that section links to it.

use minijinja::context;
use minijinja::value::Value;

use super::plan::{self, Part};
use super::{causes, diagnosis, hypotheses, improvement, overview};
use crate::report::model::Sentence;
use crate::report::render::rich::Rich;
use crate::report::render::scribe::Scribe;

/// All parts that a report has. A part is a list of blocks, each a text, a list, code or a table.
pub(super) fn details(s: &mut Scribe<'_>) -> Vec<Value> {
    let report = s.report;
    let open = open(s);
    let parts = [
        part(
            s,
            Part::Symptoms,
            "c1_2",
            vec![beyond(s, &report.symptoms, Part::Symptoms)],
        ),
        part(s, Part::Resources, "c1_3", vec![overview::resources_left(s)]),
        part(s, Part::Timeline, "c1_4", vec![overview::timeline_left(s)]),
        part(s, Part::Triage, "c2_1", diagnosis::sessions_of_checks(s)),
        part(
            s,
            Part::Analysis,
            "c2_2",
            vec![beyond(s, &report.analysis, Part::Analysis)],
        ),
        part(s, Part::Matrix, "c2_2_1", diagnosis::whole_matrix(s)),
        part(s, Part::Difference, "c2_2_2", diagnosis::whole_difference(s)),
        part(s, Part::Hypotheses, "c2_2_3", hypotheses::tables(s)),
        part(
            s,
            Part::Direct,
            "c3_1",
            vec![beyond(s, &report.direct_causes, Part::Direct)],
        ),
        part(s, Part::Factors, "c3_2", vec![factors(s)]),
        part(s, Part::RuledOut, "c3_4", vec![ruled_out(s)]),
        part(s, Part::Open, "c3_5", open),
        part(s, Part::Unexplained, "c3_5", causes::whole_unexplained(s)),
        part(s, Part::Actions, "c4_2", improvement::long_term_in_full(s)),
        part(s, Part::Questions, "c5", vec![improvement::questions_left(s)]),
    ];
    parts.into_iter().flatten().collect()
}

fn part(s: &Scribe<'_>, part: Part, chapter: &str, blocks: Vec<Value>) -> Option<Value> {
    let id = s.plan.id(part)?;
    Some(context! { id, chapter, section => chapter.replace('_', "-"), blocks })
}

/// A block of words.
pub(super) fn text(rich: Rich) -> Value {
    context! { kind => "text", text => rich }
}

/// A numbered list that goes on after `start` items of the body.
pub(super) fn list(items: Vec<Rich>, start: usize) -> Value {
    context! { kind => "list", items, start => start.saturating_add(1) }
}

/// A paragraph.
pub(super) fn note(rich: Rich) -> Value {
    context! { kind => "note", text => rich }
}

/// A block of code under the words that say what it is.
pub(super) fn code(text: Rich, code: &str, language: &str) -> Value {
    context! { kind => "code", text, code, language }
}

/// A table: names of its heads in the words of a language, further heads, rows of cells.
pub(super) fn table(heads: &[&'static str], columns: Vec<Rich>, rows: Vec<Vec<Rich>>) -> Value {
    context! { kind => "table", heads => heads.to_vec(), columns, rows }
}

/// Those sentences that the body leaves out.
fn beyond(s: &Scribe<'_>, sentences: &[Sentence], part: Part) -> Value {
    let at = plan::limit(part).min(sentences.len());
    list(s.sentences(sentences.get(at..).unwrap_or_default()), at)
}

fn factors(s: &Scribe<'_>) -> Value {
    let at = plan::limit(Part::Factors);
    let left = s.report.contributing.iter().skip(at);
    let rows = left.map(|factor| {
        let mut rich = Rich::parse(&factor.id);
        rich.append(" ", s.sentence(&factor.sentence));
        rich
    });
    list(rows.collect(), at)
}

fn ruled_out(s: &Scribe<'_>) -> Value {
    let at = plan::limit(Part::RuledOut);
    let left = plan::ruled_out(s.report);
    list(
        left.into_iter().skip(at).map(|sentence| s.sentence(sentence)).collect(),
        at,
    )
}

/// The conflicts in full, and the questions that the body leaves out.
fn open(s: &mut Scribe<'_>) -> Vec<Value> {
    let report = s.report;
    let conflicts = report.conflicts.len();
    let mut blocks = Vec::new();
    let in_full = report.open_questions.iter().take(conflicts);
    blocks.push(list(in_full.map(|sentence| s.sentence(sentence)).collect(), 0));
    let at = plan::limit(Part::Open).max(conflicts);
    let left = report.open_questions.get(at..).unwrap_or_default();
    if !left.is_empty() {
        let left = left.iter().enumerate();
        blocks.push(list(
            left.map(|(index, sentence)| causes::asked(s, at + index, sentence))
                .collect(),
            at,
        ));
    }
    blocks
}

//! Chapters 4 and 5.

use minijinja::context;
use minijinja::value::{Serde, Value};

use super::details;
use super::plan::{self, Part};
use crate::report::model::Action;
use crate::report::render::blanks::Slot;
use crate::report::render::rich::{Inline, Rich};
use crate::report::render::scribe::Scribe;

/// Chapters 4 and 5.
pub(super) fn improvement(s: &mut Scribe<'_>) -> Value {
    let report = s.report;
    let mut immediate = Vec::new();
    let mut long_term = Vec::new();
    for action in &report.actions {
        let shown = one(s, action);
        if action.immediate {
            immediate.push(shown)
        } else {
            long_term.push(shown)
        }
    }
    let lessons = &report.lessons;
    let items = lessons
        .items
        .iter()
        .map(|item| context! { phrase => s.text(&item.phrase), text => s.text(&item.text), answers => item.answers.as_str() });
    context! {
        immediate, long_term,
        long_term_in_full => s.in_full(Part::Actions),
        intro => s.text(&lessons.intro),
        lessons => items.collect::<Vec<_>>(),
        closing => s.text(&lessons.closing),
        questions => lessons.questions.iter().take(plan::limit(Part::Questions)).map(|text| s.text(text)).collect::<Vec<_>>(),
        questions_more => questions_more(s, lessons.questions.len()),
        went_well => s.sentences(&lessons.went_well),
        went_wrong => s.sentences(&lessons.went_wrong),
        lucky => s.sentences(&lessons.lucky),
        lesson_blanks => s.slot_items(Slot::Lesson),
    }
}

/// The questions for the review that the body leaves out.
pub(super) fn questions_left(s: &Scribe<'_>) -> Value {
    let at = plan::limit(Part::Questions);
    let left = s.report.lessons.questions.iter().skip(at);
    details::list(left.map(|text| s.text(text)).collect(), at)
}

/// The command of each long-term action.
pub(super) fn long_term_in_full(s: &Scribe<'_>) -> Vec<Value> {
    let actions = || s.report.actions.iter().filter(|action| !action.immediate);
    let commands = actions().filter(|action| !action.command.is_empty()).map(|action| {
        let mut label = Rich::parse(&action.id);
        label.append(" ", s.sentence(&action.caution));
        details::code(label, &action.command, action.language)
    });
    commands.collect()
}

fn one(s: &mut Scribe<'_>, action: &Action) -> Value {
    let answers = if action.answers.starts_with('F') {
        s.refs(std::slice::from_ref(&action.answers))
    } else {
        Rich(vec![Inline::Text(action.answers.clone())])
    };
    context! {
        id => action.id.as_str(),
        kind => Value::from(Serde(action.kind)),
        text => s.text(&action.text),
        answers,
        command => action.command.as_str(),
        language => action.language,
        caution => s.sentence(&action.caution),
        acceptance => s.text(&action.acceptance),
        priority => action.priority,
        owner => s.blank(&action.owner_blank),
        due => s.blank(&action.due_blank),
    }
}

/// Where the questions stand: the others, or all of them where the body shows none.
fn questions_more(s: &Scribe<'_>, count: usize) -> Rich {
    match plan::limit(Part::Questions) {
        0 => s.in_full(Part::Questions),
        _ => s.more(Part::Questions, count),
    }
}

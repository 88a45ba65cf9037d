//! Chapter 5: a draft of lessons and the questions for the review.

use serde_json::json;

use super::ledger::Ledger;
use super::phrases::{filled, framed, phrase};
use crate::diagnosis::Checked;
use crate::model::{ActionKind, Confidence, Lesson};
use crate::report::model::{Contributing, Lessons};

/// As the seed has it.
const LESSONS: usize = 3;
/// Questions for the review.
const QUESTIONS: usize = 5;

/// `open` says whether chapter 3.5 asks anything: it is not asked once more.
pub(super) fn lessons(
    ledger: &mut Ledger<'_, '_>,
    contributing: &[Contributing],
    open: bool,
) -> Result<Lessons, minijinja::Error> {
    let mut lessons = Lessons::default();
    if ledger.is_healthy() {
        return Ok(lessons);
    }
    let sure = ledger.root_findings().first().map(|finding| finding.confidence);
    lessons.intro = phrase(match sure {
        Some(Confidence::Confirmed) => "lessons.intro",
        _ => "lessons.intro-unsure",
    });
    lessons.closing = phrase("lessons.closing");
    for finding in ledger.root_findings() {
        let Some(header) = ledger.header(finding) else { continue };
        let room = LESSONS.saturating_sub(lessons.items.len());
        lessons.items.extend(header.lessons.iter().take(room).cloned());
    }
    from_protections(ledger, &mut lessons)?;
    from_gaps(ledger, &mut lessons);
    if open {
        lessons.questions.push(phrase("lessons.ask-open"));
    }
    for factor in contributing {
        if factor.sentence.confidence == Some(Confidence::Undetermined) && lessons.questions.len() < QUESTIONS - 2 {
            lessons
                .questions
                .push(framed("lessons.ask-factor", &factor.sentence.text));
        }
    }
    for id in ["lessons.ask-detection", "lessons.ask-barrier"] {
        lessons.questions.push(phrase(id));
    }
    lessons.items.truncate(LESSONS);
    Ok(lessons)
}

/// Where a rule brings no lesson, what would have shown or stopped the first cause is the lesson: its improvements' own tests.
fn from_protections(ledger: &mut Ledger<'_, '_>, lessons: &mut Lessons) -> Result<(), minijinja::Error> {
    let Some(finding) = ledger.root_findings().first().copied() else {
        return Ok(());
    };
    let facts = ledger.facts(finding);
    let wordings = ledger.header(finding).map(|header| header.prevention.as_slice());
    for (kind, id) in [
        (ActionKind::Prevent, "lessons.prevent"),
        (ActionKind::Detect, "lessons.detect"),
    ] {
        let wording = wordings.unwrap_or_default().iter().find(|wording| wording.kind == kind);
        if let (Some(wording), true) = (wording, lessons.items.len() < LESSONS - 1) {
            let acceptance = ledger.wording.text(&wording.acceptance, &facts)?;
            lessons.items.push(Lesson {
                phrase: phrase(id),
                text: framed("lessons.test", &acceptance),
            });
        }
    }
    Ok(())
}

/// What could not be judged is a lesson about collecting.
fn from_gaps(ledger: &Ledger<'_, '_>, lessons: &mut Lessons) {
    let checks = &ledger.diagnosis.checks;
    let unknown = checks
        .iter()
        .filter(|(_, checked)| matches!(checked, Checked::Unknown(_)));
    let count = unknown.count();
    if count > 0 && lessons.items.len() < LESSONS {
        lessons.items.push(Lesson {
            phrase: phrase("lessons.collect"),
            text: filled(
                "lessons.collect-text",
                &[("count", json!(count)), ("all", json!(checks.len()))],
            ),
        });
    }
}

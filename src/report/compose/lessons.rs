//! Chapter 5: a draft of lessons and the questions for the review.

use serde_json::json;

use super::actions::factor_id;
use super::ledger::Ledger;
use super::phrases::{filled, framed, phrase, small};
use crate::diagnosis::Checked;
use crate::model::{ActionKind, Confidence, Lesson, Text};
use crate::report::model::{Contributing, Lessons, Sentence};
use crate::rules::Finding;

/// As the seed has it.
const LESSONS: usize = 3;
/// Questions for the review.
const QUESTIONS: usize = 5;

pub(super) fn lessons(ledger: &mut Ledger<'_, '_>, contributing: &[Contributing]) -> Result<Lessons, minijinja::Error> {
    let mut lessons = Lessons::default();
    if ledger.is_healthy() {
        return Ok(lessons);
    }
    lessons.intro = intro(ledger)?;
    lessons.closing = phrase("lessons.closing");
    for finding in ledger.root_findings() {
        of_rule(ledger, contributing, finding, &mut lessons)?;
    }
    from_protections(ledger, &mut lessons)?;
    from_gaps(ledger, &mut lessons);
    questions(ledger, contributing, &mut lessons)?;
    for id in ["went-well", "went-wrong"] {
        let label = phrase(&format!("blank.lesson.{id}"));
        let question = phrase(&format!("question.lesson.{id}"));
        ledger.blank(&format!("lesson.{id}"), label, question, false);
    }
    lessons.items.truncate(LESSONS);
    Ok(lessons)
}

/// What the incident shows: as the first cause's rule has it, else what one would have had to know before.
fn intro(ledger: &mut Ledger<'_, '_>) -> Result<Text, minijinja::Error> {
    let Some(finding) = ledger.root_findings().first().copied() else {
        return Ok(phrase("lessons.intro-unsure"));
    };
    let header = ledger
        .header(finding)
        .filter(|_| finding.confidence == Confidence::Confirmed);
    match header {
        Some(header) if !header.lesson.is_empty() => ledger.say(&header.lesson, finding),
        Some(header) => Ok(framed("lessons.intro", &header.check)),
        None => Ok(phrase("lessons.intro-unsure")),
    }
}

/// What a rule's author has to say about incidents of its kind.
fn of_rule(
    ledger: &mut Ledger<'_, '_>,
    contributing: &[Contributing],
    finding: &Finding,
    lessons: &mut Lessons,
) -> Result<(), minijinja::Error> {
    let Some(header) = ledger.header(finding) else {
        return Ok(());
    };
    let facts = ledger.facts(finding);
    for wording in &header.lessons {
        let holds = match &wording.when {
            Some(condition) => ledger.wording.holds(condition, &facts)?,
            None => true,
        };
        if holds && lessons.items.len() < LESSONS {
            let number = wording.answers;
            let answers = number.and_then(|number| factor_id(ledger, contributing, (finding, &facts), number));
            lessons.items.push(Lesson {
                phrase: ledger.wording.text(&wording.phrase, &facts)?,
                text: inside(&ledger.wording.text(&wording.text, &facts)?),
                answers: answers.unwrap_or_default(),
            });
        }
    }
    for wording in &header.lucky {
        let holds = match &wording.when {
            Some(condition) => ledger.wording.holds(condition, &facts)?,
            None => true,
        };
        if holds {
            let text = ledger.wording.text(&wording.text, &facts)?;
            lessons.lucky.push(Sentence {
                refs: ledger.cite_tied(finding, &ledger.wording.uses(&wording.text)),
                text,
                confidence: None,
            });
        }
    }
    Ok(())
}

/// A sentence that follows a colon.
fn inside(text: &Text) -> Text {
    Text::new(text.zh.clone(), small(&text.en))
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
                answers: String::new(),
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
            answers: String::new(),
        });
    }
}

/// One question for each thing that is open and that some record could answer, for each factor that is only presumed, and for the rest of
/// the factors together.
fn questions(
    ledger: &mut Ledger<'_, '_>,
    contributing: &[Contributing],
    lessons: &mut Lessons,
) -> Result<(), minijinja::Error> {
    for finding in ledger.root_findings() {
        let facts = ledger.facts(finding);
        let asks = ledger.header(finding).map(|header| header.asks.as_slice());
        for ask in asks.unwrap_or_default() {
            let holds = match &ask.when {
                Some(condition) => ledger.wording.holds(condition, &facts)?,
                None => true,
            };
            if holds {
                let limits = ledger.wording.text(&ask.limits, &facts)?;
                let what = ledger.wording.text(&ask.what, &facts)?;
                lessons.questions.push(filled(
                    "lessons.ask-record",
                    &[
                        ("limits_zh", json!(limits.zh)),
                        ("limits_en", json!(small(&limits.en))),
                        ("what_zh", json!(what.zh)),
                        ("what_en", json!(small(&what.en))),
                    ],
                ));
            }
        }
    }
    let (presumed, known): (Vec<_>, Vec<_>) = contributing
        .iter()
        .partition(|factor| factor.sentence.confidence == Some(Confidence::Undetermined));
    for factor in presumed {
        lessons
            .questions
            .push(framed("lessons.ask-factor", &factor.sentence.text));
    }
    lessons.questions.truncate(QUESTIONS - 1);
    let ids: Vec<&str> = known.iter().map(|factor| factor.id.as_str()).collect();
    lessons.questions.push(if ids.is_empty() {
        phrase("lessons.ask-barrier")
    } else {
        filled(
            "lessons.ask-factors",
            &[("zh", json!(ids.join("、"))), ("en", json!(ids.join(", ")))],
        )
    });
    Ok(())
}

//! Chapter 3.5: failures that no rule explains, what changed around them, and what stands out in their logs.

use serde_json::json;

use super::changed::{inside, since_baseline};
use super::ledger::Ledger;
use super::overview::shown;
use super::phrases::{filled, phrase};
use crate::diagnosis::{Unexplained, moment_of_line};
use crate::logs::{LogTemplate, Stream, TailLine};
use crate::model::{Citation, Text};
use crate::report::model::{Complaint, Sentence, UnexplainedView};

/// Citations that show that a thing fails.
const SHOWN: usize = 3;

pub(super) fn unexplained(ledger: &mut Ledger<'_, '_>) -> Vec<UnexplainedView> {
    let diagnosis = ledger.diagnosis;
    diagnosis.unexplained.iter().map(|thing| view(ledger, thing)).collect()
}

fn view(ledger: &mut Ledger<'_, '_>, thing: &Unexplained) -> UnexplainedView {
    let diagnosis = ledger.diagnosis;
    let subject = ("subject", thing.subject.to_string().into());
    let mut sentences = vec![Sentence {
        text: filled("unexplained.thing", &[subject]),
        refs: ledger.cite_all(thing.evidence.iter().take(SHOWN)),
        confidence: None,
    }];
    if let Some((when, cite)) = &thing.broke {
        sentences.push(Sentence {
            text: filled("unexplained.broke", &[("time", shown(when).into())]),
            refs: vec![ledger.cite(cite)],
            confidence: None,
        });
    }
    let different = diagnosis.differences.as_ref().map_or(&[][..], |found| &found.different);
    for difference in thing.differences.iter().filter_map(|index| different.get(*index)) {
        let sentence = since_baseline(ledger, difference);
        sentences.push(suspect(sentence));
    }
    for change in thing.changes.iter().filter_map(|index| diagnosis.recent.get(*index)) {
        let sentence = inside(ledger, change);
        sentences.push(suspect(sentence));
    }
    if thing.logs.is_empty() {
        sentences.push(plain("unexplained.no-logs"));
    } else if thing.templates.is_empty() {
        sentences.push(plain("unexplained.no-complaints"));
    }
    UnexplainedView {
        subject: thing.subject.clone(),
        sentences,
        broke: thing.broke.as_ref().map(|(when, _)| when.clone()),
        complaints: thing
            .templates
            .iter()
            .filter_map(|(log, template)| complaint(ledger, *log, template))
            .collect(),
    }
}

fn plain(id: &str) -> Sentence {
    Sentence {
        text: phrase(id),
        ..Sentence::default()
    }
}

fn suspect(sentence: Sentence) -> Sentence {
    let Text { zh, en } = sentence.text;
    Sentence {
        text: filled("unexplained.suspect", &[("text_zh", zh.into()), ("text_en", en.into())]),
        ..sentence
    }
}

fn complaint(ledger: &mut Ledger<'_, '_>, log: usize, template: &LogTemplate) -> Option<Complaint> {
    let snapshot = ledger.diagnosis.snapshot;
    let log = snapshot.logs.get(log)?;
    let when = |line: &TailLine| moment_of_line(snapshot, &line.text);
    let cite = |line: &TailLine| {
        Citation::line(&snapshot.bundle.alias, &log.path, line.line, line.text.clone()).at(when(line))
    };
    let mut refs = vec![ledger.cite(&cite(&template.first))];
    if template.last.line != template.first.line {
        refs.push(ledger.cite(&cite(&template.last)));
    }
    Some(Complaint {
        source: match &log.stream {
            Stream::Container(container) => format!("{}/{}", container.pod, container.container),
            _ => log.path.as_str().to_owned(),
        },
        template: ledger.masker.mask(&template.text).into_owned(),
        count: template.count,
        first: when(&template.first),
        last: when(&template.last),
        is_new: template.is_new,
        is_burst: template.is_burst,
        refs,
    })
}

/// What to ask of people, for chapter 3.5: the complaint that stands out for each thing.
pub(super) fn questions(ledger: &mut Ledger<'_, '_>) -> Vec<Sentence> {
    let diagnosis = ledger.diagnosis;
    let mut sentences = Vec::new();
    for thing in &diagnosis.unexplained {
        if let Some((log, template)) = thing.templates.first()
            && let Some(complaint) = complaint(ledger, *log, template)
        {
            let facts = [
                ("subject", thing.subject.to_string().into()),
                ("text", complaint.template.into()),
                ("count", json!(complaint.count)),
            ];
            sentences.push(Sentence {
                text: filled("question.complaints", &facts),
                refs: complaint.refs,
                confidence: None,
            });
        }
    }
    sentences
}

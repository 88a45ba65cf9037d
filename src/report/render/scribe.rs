//! Turns pieces of the model into [`Rich`] text in one language.

use std::collections::BTreeSet;

use super::blanks::{Asked, Blanks, Slot};
use super::rich::{Inline, Rich};
use super::style::{Style, Zone};
use super::times::{self, Grain};
use super::view::{Part, Plan, limit};
use crate::model::{Confidence, Lang, Subject, Text, When, plain};
use crate::report::locale::{Fixed, Words};
use crate::report::model::{Blank, PostMortem, Sentence};

/// Writes for one report in one language.
#[derive(Debug)]
pub(super) struct Scribe<'a> {
    pub(super) report: &'a PostMortem,
    pub(super) words: &'a Fixed,
    pub(super) lang: Lang,
    /// In which times are shown.
    pub(super) zone: &'a Zone,
    /// Ids that have an entry somewhere in the report, so that a reference to them can be a link.
    known: BTreeSet<&'a str>,
    /// What stands in the body, and what in the appendices.
    pub(super) plan: Plan,
    blanks: Blanks<'a>,
}

impl<'a> Scribe<'a> {
    pub(super) fn new(report: &'a PostMortem, style: &'a Style, words: &'a Words) -> Self {
        let evidence = report.evidence.iter().map(|item| item.id.as_str());
        let knowledge = report.knowledge.iter().map(|item| item.id.as_str());
        let findings = report
            .findings
            .iter()
            .take(super::view::MAX_FINDINGS)
            .map(|item| item.id.as_str());
        let known = evidence
            .chain(knowledge)
            .chain(findings)
            .filter(|id| is_entry_id(id))
            .collect();
        Self {
            report,
            words: &words.fixed,
            lang: style.lang,
            zone: &style.zone,
            known,
            plan: Plan::of(report),
            blanks: Blanks::new(report),
        }
    }

    /// The words of one language, code marks read.
    pub(super) fn text(&self, text: &Text) -> Rich {
        Rich::parse(&times::in_zone(text.get(self.lang), self.zone))
    }

    /// The words of one language as they go into a block of code.
    pub(super) fn unmarked(&self, text: &Text) -> String {
        plain(text.get(self.lang))
    }

    /// Words, confidence, references.
    pub(super) fn sentence(&self, sentence: &Sentence) -> Rich {
        let mut rich = self.text(&sentence.text);
        if let Some(confidence) = sentence.confidence {
            rich.append(" ", self.badge(confidence));
        }
        rich.append(" ", self.refs(&sentence.refs));
        rich
    }

    /// Sentences, empty ones left out.
    pub(super) fn sentences(&self, sentences: &[Sentence]) -> Vec<Rich> {
        sentences
            .iter()
            .map(|sentence| self.sentence(sentence))
            .filter(|rich| !rich.0.is_empty())
            .collect()
    }

    /// The sentences of a list that stand in the body.
    pub(super) fn first(&self, sentences: &[Sentence], part: Part) -> Vec<Rich> {
        self.sentences(sentences.get(..limit(part)).unwrap_or(sentences))
    }

    /// Of a list of so many, how many more stand among the details; nothing where the body has them all.
    pub(super) fn more(&self, part: Part, count: usize) -> Rich {
        self.left(part, count.saturating_sub(limit(part)))
    }

    /// That `count` more stand among the details.
    pub(super) fn left(&self, part: Part, count: usize) -> Rich {
        match self.plan.id(part) {
            Some(id) if count > 0 => self.pointing(&self.words.joint.more_in.replace("{n}", &count.to_string()), &id),
            _ => Rich::default(),
        }
    }

    /// Where a part of the body stands in full; nothing where the body has all of it.
    pub(super) fn in_full(&self, part: Part) -> Rich {
        match self.plan.id(part) {
            Some(id) => self.pointing(&self.words.joint.in_full, &id),
            None => Rich::default(),
        }
    }

    fn pointing(&self, words: &str, id: &str) -> Rich {
        let mut rich = Rich::parse(words);
        rich.append(" ", self.reference(id));
        rich
    }

    /// Words with references behind them.
    pub(super) fn cited(&self, text: &Text, refs: &[String]) -> Rich {
        let mut rich = self.text(text);
        rich.append(" ", self.refs(refs));
        rich
    }

    /// `[E7] [K1]`; three and more in a row are shown by their ends: `[E8]–[E13]`.
    pub(super) fn refs(&self, refs: &[String]) -> Rich {
        let mut rich = Rich::default();
        let mut rest = refs;
        while let Some(first) = rest.first() {
            let run = rest.windows(2).take_while(|pair| is_next(pair)).count();
            let shown = if run >= 2 { run } else { 0 };
            rich.append(" ", self.reference(first));
            if let Some(last) = rest.get(shown).filter(|_| shown > 0) {
                rich.append("–", self.reference(last));
            }
            rest = rest.get(shown.saturating_add(1)..).unwrap_or_default();
        }
        rich
    }

    /// A link to an entry of the report.
    pub(super) fn reference(&self, id: &str) -> Rich {
        Rich(vec![Inline::Ref {
            id: id.to_owned(),
            linked: self.known.contains(id) || self.plan.has(id),
        }])
    }

    /// Shape and word of a confidence.
    pub(super) fn badge(&self, confidence: Confidence) -> Rich {
        Rich(vec![Inline::Badge {
            confidence,
            word: self.words.confidence.get(confidence).to_owned(),
        }])
    }

    /// `Deployment shop/checkout`, the kind as a word and the name as code.
    pub(super) fn subject(&self, subject: &Subject) -> Rich {
        let full = subject.to_string();
        let name = full.strip_prefix(&subject.kind).unwrap_or(&full).trim_start();
        let mut rich = Rich::default();
        rich.push(self.words.thing.get(&subject.kind).unwrap_or(&subject.kind));
        rich.append(" ", Rich::code(name));
        rich
    }

    /// Subjects in a list, at most `most`, then how many more.
    pub(super) fn subjects(&self, subjects: &[Subject], most: usize) -> Rich {
        let mut rich = Rich::join(
            subjects.iter().take(most).map(|subject| self.subject(subject)),
            &self.words.joint.list,
        );
        let left = subjects.len().saturating_sub(most);
        if left > 0 {
            rich.push(&format!(" +{left}"));
        }
        rich
    }

    /// A time with a word for how it is known, unless it is exact.
    pub(super) fn when(&self, when: &When) -> Rich {
        let mut rich = Rich::parse(&times::show(when, Grain::Second, self.zone));
        if *when != When::at(when.earliest, when.raw.clone(), crate::model::Basis::Exact) {
            let joint = &self.words.joint;
            rich.push(&format!(
                "{}{}{}",
                joint.open,
                self.words.precision.get(when),
                joint.close
            ));
        }
        rich
    }

    /// As [`Self::when`], nothing for no time.
    pub(super) fn maybe_when(&self, when: Option<&When>) -> Rich {
        when.map(|when| self.when(when)).unwrap_or_default()
    }

    /// The blanks of a slot with their questions, each once in a report.
    pub(super) fn slot(&mut self, slot: Slot) -> Rich {
        let blanks = self.blanks.of_slot(slot);
        Rich::join(blanks.into_iter().map(|asked| self.question(asked)), " ")
    }

    /// The blanks of a slot, each on its own.
    pub(super) fn slot_items(&mut self, slot: Slot) -> Vec<Rich> {
        let blanks = self.blanks.of_slot(slot);
        blanks.into_iter().map(|asked| self.question(asked)).collect()
    }

    /// A blank by id with its label, for a table whose head says what is asked, or its answer; nothing when it does not exist or is used up.
    pub(super) fn blank(&mut self, id: &str) -> Rich {
        match self.blanks.named(id) {
            Some((_, Some(value))) => self.answer(value),
            Some((blank, None)) => self.marker(blank, self.text(&blank.label)),
            None => Rich::default(),
        }
    }

    /// As [`Scribe::blank`], with its whole question.
    pub(super) fn asked(&mut self, id: &str) -> Rich {
        match self.blanks.named(id) {
            Some(asked) => self.question(asked),
            None => Rich::default(),
        }
    }

    /// Every blank that has not been shown yet.
    pub(super) fn blanks_left(&mut self) -> Vec<Rich> {
        let rest = self.blanks.rest();
        rest.into_iter().map(|asked| self.question(asked)).collect()
    }

    /// What is asked, or its label with what was answered.
    fn question(&self, (blank, answer): Asked<'_>) -> Rich {
        if let Some(value) = answer {
            let mut rich = self.text(&blank.label);
            rich.append(&self.words.joint.colon, self.answer(value));
            return rich;
        }
        let asked = if blank.question.is_empty() {
            &blank.label
        } else {
            &blank.question
        };
        self.marker(blank, self.text(asked))
    }

    /// What a person answered, marked as such.
    fn answer(&self, value: &str) -> Rich {
        let mut rich = Rich::parse(value);
        rich.push(&self.words.blank.human);
        rich
    }

    fn marker(&self, blank: &Blank, inside: Rich) -> Rich {
        let words = &self.words.blank;
        let shown = format!("{}{inside}{}", words.open, words.close);
        let mut rich = Rich::default();
        if !blank.suggestion.is_empty() {
            rich.push(&words.suggested.replace("{what}", &blank.suggestion));
        }
        rich.0.push(Inline::Blank {
            id: blank.id.clone(),
            required: blank.required,
            shown,
        });
        rich
    }
}

/// True where the second of two ids follows the first: `E8`, `E9`.
fn is_next(pair: &[String]) -> bool {
    let split = |id: &String| {
        let at = id.find(|c: char| c.is_ascii_digit())?;
        Some((id.get(..at)?.to_owned(), id.get(at..)?.parse::<u64>().ok()?))
    };
    match pair {
        [one, other] => split(one)
            .zip(split(other))
            .is_some_and(|((kind, number), (other, next))| kind == other && number.checked_add(1) == Some(next)),
        _ => false,
    }
}

/// True for `E7`, `K1`, `F12`: only such ids become fragments.
pub(super) fn is_entry_id(id: &str) -> bool {
    let mut chars = id.chars();
    chars.next().is_some_and(|c| c.is_ascii_uppercase())
        && !chars.as_str().is_empty()
        && chars.all(|c| c.is_ascii_digit())
}

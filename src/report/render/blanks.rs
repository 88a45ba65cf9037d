//! Where each blank stands. Every blank of the model is shown exactly once with its marker.
//!
//! Timeline rows and actions name their blanks. Every other blank stands where the first part of its id says, in the order of the
//! model; what no place claims is listed at the end of chapter 5.

use std::collections::BTreeSet;

use crate::report::model::{Blank, PostMortem};

/// A place in the report that takes blanks, by the first part (before a dot) of their ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slot {
    /// 1.1, time of the incident: `time`, `start`, `window`.
    Time,
    /// 1.1: `reporter`, `people`.
    Reporter,
    /// 1.1 scope: `impact`, `business`.
    Impact,
    /// 1.1: `severity`.
    Severity,
    /// 1.1: `detection`.
    Detection,
    /// 1.1: `environment`.
    Environment,
    /// 1.2: `symptom`.
    Symptom,
    /// 1.4, below the table: `metrics`.
    Metrics,
    /// 2.1: `triage`.
    Triage,
    /// 2.2: `analysis`.
    Analysis,
    /// 2.3: `localisation`.
    Localisation,
    /// 2.4: `recovery`.
    Recovery,
    /// 3.1: `cause`.
    Cause,
    /// 3.2: `contributing`.
    Contributing,
    /// 3.3: `chain`.
    Chain,
    /// 3.5: `question`.
    Question,
    /// 5: `lesson`.
    Lesson,
}

impl Slot {
    fn of(id: &str) -> Option<Self> {
        Some(match id.split('.').next().unwrap_or_default() {
            "time" | "start" | "window" => Self::Time,
            "reporter" | "people" => Self::Reporter,
            "impact" | "business" => Self::Impact,
            "severity" => Self::Severity,
            "detection" => Self::Detection,
            "environment" => Self::Environment,
            "symptom" => Self::Symptom,
            "metrics" => Self::Metrics,
            "triage" => Self::Triage,
            "analysis" => Self::Analysis,
            "localisation" => Self::Localisation,
            "recovery" => Self::Recovery,
            "cause" => Self::Cause,
            "contributing" => Self::Contributing,
            "chain" => Self::Chain,
            "question" => Self::Question,
            "lesson" => Self::Lesson,
            _ => return None,
        })
    }
}

/// A blank, and what a person answered.
pub(super) type Asked<'a> = (&'a Blank, Option<&'a str>);

/// Hands out the blanks of a report.
#[derive(Debug)]
pub(super) struct Blanks<'a> {
    /// Each with its answer, if it has one.
    all: Vec<Asked<'a>>,
    /// Ids that a timeline row or an action names, so that no slot takes them first.
    named: BTreeSet<&'a str>,
    given: BTreeSet<&'a str>,
}

impl<'a> Blanks<'a> {
    /// Nothing is given out yet.
    pub(super) fn new(report: &'a PostMortem) -> Self {
        let resources = report.resources.iter().filter_map(|row| row.blank.as_deref());
        let rows = report.timeline.iter().filter_map(|row| row.blank.as_deref());
        let actions = report
            .actions
            .iter()
            .flat_map(|action| [action.owner_blank.as_str(), action.due_blank.as_str()]);
        // Each open question asks for its own answer.
        let is_of_one = |id: &&str| {
            id.strip_prefix("question.")
                .is_some_and(|rest| rest.parse::<usize>().is_ok())
        };
        let all = report
            .blanks
            .iter()
            .chain(report.answers.iter().map(|answer| &answer.blank));
        let questions = all.map(|blank| blank.id.as_str()).filter(is_of_one);
        let open = report.blanks.iter().map(|blank| (blank, None));
        let answers = report.answers.iter();
        let answered = answers.map(|answer| (&answer.blank, Some(answer.value.as_str())));
        Self {
            all: open.chain(answered).collect(),
            named: resources.chain(rows).chain(actions).chain(questions).collect(),
            given: BTreeSet::new(),
        }
    }

    /// The blank with this id, the first time it is asked for.
    pub(super) fn named(&mut self, id: &str) -> Option<Asked<'a>> {
        let asked = self.all.iter().find(|(blank, _)| blank.id == id)?;
        self.given.insert(&asked.0.id).then_some(*asked)
    }

    /// The blanks of a slot, each once.
    pub(super) fn of_slot(&mut self, slot: Slot) -> Vec<Asked<'a>> {
        self.take(|blank, named| !named.contains(blank.id.as_str()) && Slot::of(&blank.id) == Some(slot))
    }

    /// Everything not yet given out.
    pub(super) fn rest(&mut self) -> Vec<Asked<'a>> {
        self.take(|_, _| true)
    }

    fn take(&mut self, wanted: impl Fn(&Blank, &BTreeSet<&str>) -> bool) -> Vec<Asked<'a>> {
        let (all, named, given) = (&self.all, &self.named, &mut self.given);
        all.iter()
            .filter(|(blank, _)| wanted(blank, named) && given.insert(&blank.id))
            .copied()
            .collect()
    }
}

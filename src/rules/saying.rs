//! All that a rule says of a finding, said once to see whether it can be: a report must not end at a word of a user's rule.

use serde_json::{Map, Value};

use super::bounds::in_one_line;
use super::header::{ActionWording, StepWording};
use super::{RuleHeader, Wording};
use crate::model::Text;

impl StepWording {
    /// The facts of a step: once, or once for each element of the list that it is about.
    pub fn repeated(&self, facts: &Map<String, Value>) -> Vec<Map<String, Value>> {
        let Some(name) = &self.each else {
            return vec![facts.clone()];
        };
        let items = facts.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
        items
            .into_iter()
            .map(|item| {
                let mut facts = facts.clone();
                facts.insert("item".into(), item);
                facts
            })
            .collect()
    }
}

impl RuleHeader {
    /// Says what a report says of any finding, also of one that it only lists.
    ///
    /// # Errors
    /// As [`RuleHeader::say_all`].
    pub fn say_title(&self, wording: &Wording, facts: &Map<String, Value>) -> Result<(), String> {
        Saying { wording, facts }.texts([&self.title, &self.cause])
    }

    /// Says everything that a report may say of a finding with these facts.
    ///
    /// # Errors
    /// What cannot be said, and why, in one line.
    pub fn say_all(&self, wording: &Wording, facts: &Map<String, Value>) -> Result<(), String> {
        let saying = Saying { wording, facts };
        saying.texts([&self.title, &self.cause])?;
        saying.texts(
            self.headline
                .iter()
                .chain(&self.lead)
                .chain(&self.since)
                .chain(&self.hypothesis),
        )?;
        saying.texts(self.rules_out.iter().chain(&self.questions))?;
        for factor in &self.factors {
            if saying.holds(factor.when.as_deref())? {
                saying.texts([&factor.text])?;
                saying.command(&factor.code)?;
            }
        }
        for (when, text) in (self.rivals.iter().map(|rival| (&rival.when, &rival.text)))
            .chain(self.weighing.iter().map(|weighing| (&weighing.when, &weighing.text)))
        {
            if saying.holds(when.as_deref())? {
                saying.texts([text])?;
            }
        }
        for ask in &self.asks {
            if saying.holds(ask.when.as_deref())? {
                saying.texts([&ask.what, &ask.limits])?;
                saying.command(&ask.collect)?;
            }
        }
        self.remedy.iter().try_for_each(|step| saying.step(step))?;
        self.prevention.iter().try_for_each(|action| saying.action(action))
    }

    /// The rule without its wording, as a report shows it where that cannot be said: by its id.
    pub(super) fn unworded(&self) -> Self {
        let id = Text::same(&self.id);
        Self {
            title: id.clone(),
            cause: id,
            headline: None,
            lead: None,
            since: None,
            hypothesis: None,
            rules_out: Vec::new(),
            questions: Vec::new(),
            factors: Vec::new(),
            rivals: Vec::new(),
            weighing: Vec::new(),
            asks: Vec::new(),
            remedy: Vec::new(),
            prevention: Vec::new(),
            ..self.clone()
        }
    }
}

struct Saying<'w> {
    wording: &'w Wording,
    facts: &'w Map<String, Value>,
}

impl Saying<'_> {
    fn texts<'t>(&self, templates: impl IntoIterator<Item = &'t Text>) -> Result<(), String> {
        templates.into_iter().try_for_each(|template| {
            let said = self.wording.text(template, self.facts);
            said.map(|_| ()).map_err(|error| unsaid(&template.en, &error))
        })
    }

    fn command(&self, template: &str) -> Result<(), String> {
        let said = self.wording.command(template, self.facts);
        said.map(|_| ()).map_err(|error| unsaid(template, &error))
    }

    fn holds(&self, condition: Option<&str>) -> Result<bool, String> {
        condition.map_or(Ok(true), |condition| {
            let holds = self.wording.holds(condition, self.facts);
            holds.map_err(|error| unsaid(condition, &error))
        })
    }

    fn step(&self, step: &StepWording) -> Result<(), String> {
        for facts in &step.repeated(self.facts) {
            let each = Saying { facts, ..*self };
            if each.holds(step.when.as_deref())? {
                each.texts([&step.purpose, &step.expect, &step.verify, &step.rollback])?;
                each.texts(&step.notes)?;
                each.command(&step.command)?;
            }
        }
        Ok(())
    }

    fn action(&self, action: &ActionWording) -> Result<(), String> {
        self.texts([&action.text, &action.caution, &action.acceptance])?;
        self.command(&action.command)
    }
}

/// Letters of a template that a message shows.
const SHOWN: usize = 60;

fn unsaid(template: &str, error: &minijinja::Error) -> String {
    let line = template.lines().next().unwrap_or("");
    let shown: String = line.chars().take(SHOWN).collect();
    let more = if shown.len() < template.trim_end().len() {
        "…"
    } else {
        ""
    };
    format!("{shown:?}{more} cannot be said: {}", in_one_line(error))
}

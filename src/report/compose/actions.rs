//! Recovery steps and improvements, from the wording of the rules that name the causes.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::causes::Found;
use super::expected::{expected, prechecked};
use super::ledger::{Ledger, plain_sentence};
use super::phrases::{filled, phrase};
use super::server::inside_server;
use crate::model::{ActionKind, Risk, Text, code};
use crate::redact::Class;
use crate::report::model::{Action, Contributing, RecoveryStep};
use crate::rules::{ActionWording, Finding, StepWording};

/// More improvements are never done.
const ACTIONS: usize = 7;
/// Masked credentials that are named in one sentence.
const NAMED: usize = 3;

pub(super) fn recovery(ledger: &mut Ledger<'_, '_>) -> Result<Vec<RecoveryStep>, minijinja::Error> {
    let mut steps: Vec<RecoveryStep> = Vec::new();
    for finding in ledger.root_findings() {
        let wordings = ledger
            .header(finding)
            .map(|header| header.remedy.as_slice())
            .unwrap_or_default();
        let facts = ledger.facts(finding);
        for wording in wordings {
            for facts in wording.repeated(&facts) {
                if let Some(condition) = &wording.when
                    && !ledger.wording.holds(condition, &facts)?
                {
                    continue;
                }
                let step = step(ledger, finding, wording, &facts)?;
                if !steps.iter().any(|known| known.command == step.command) {
                    steps.push(step);
                }
            }
        }
    }
    inside_server(ledger, &mut steps);
    Ok(steps)
}

fn step(
    ledger: &mut Ledger<'_, '_>,
    finding: &Finding,
    wording: &StepWording,
    facts: &Map<String, Value>,
) -> Result<RecoveryStep, minijinja::Error> {
    let mut notes = Vec::new();
    for note in &wording.notes {
        let text = ledger.wording.text(note, facts)?;
        if !text.is_empty() {
            notes.push(plain_sentence(text));
        }
    }
    let purpose = ledger.wording.text(&wording.purpose, facts)?;
    let precheck = ledger.wording.text(&wording.precheck, facts)?;
    let mut refs = match item_tie(wording, facts) {
        // A step about one thing of a list rests on that thing's evidence, and on nothing of the others'.
        Some((fact, name)) => {
            let is_tied = finding.shows.contains_key(&fact);
            let text = Text::same(if is_tied { String::new() } else { code(name) });
            ledger.cite_facts(finding, &[&fact], &text)
        }
        None => ledger.cite_tied(finding, &used(ledger, wording)),
    };
    let verify = ledger.wording.text(&wording.verify, facts)?;
    let said = Text::same(format!("{} {}", purpose.en, verify.en));
    refs.extend(ledger.know_said(finding, &said));
    let command = ledger.wording.command(&wording.command, facts)?;
    let own = ledger.wording.text(&wording.expect, facts)?;
    let expect = if own.is_empty() && !command.is_empty() {
        expected(&command)
    } else {
        own
    };
    let precheck = match wording.risk {
        Risk::Change | Risk::Dangerous if precheck.is_empty() => prechecked(&command),
        _ => precheck,
    };
    Ok(RecoveryStep {
        purpose,
        place: wording.place,
        node: finding.subject.node.clone(),
        risk: wording.risk,
        precheck,
        command,
        language: language(&wording.language),
        expect,
        verify,
        rollback: ledger.wording.text(&wording.rollback, facts)?,
        notes,
        refs,
    })
}

/// For a step that is repeated: the fact that ties this element to its evidence, and the element's name.
fn item_tie<'f>(wording: &StepWording, facts: &'f Map<String, Value>) -> Option<(String, &'f str)> {
    let each = wording.each.as_deref()?;
    let name = facts.get("item")?.get("name")?.as_str()?;
    Some((format!("{each}.{name}"), name))
}

/// The facts that a step is made of: what it says, what it runs, and when it is proposed at all.
fn used(ledger: &Ledger<'_, '_>, wording: &StepWording) -> BTreeSet<String> {
    let condition = wording.when.as_ref().map(|when| format!("{{{{ {when} }}}}"));
    let templates = [
        &wording.purpose,
        &wording.precheck,
        &wording.expect,
        &wording.verify,
        &Text::same(wording.command.clone()),
        &Text::same(condition.unwrap_or_default()),
    ];
    templates
        .into_iter()
        .flat_map(|template| ledger.wording.uses(template))
        .collect()
}

/// Only languages that a renderer may name in a class or a fence.
fn language(name: &str) -> &'static str {
    match name {
        "yaml" => "yaml",
        "toml" => "toml",
        "json" => "json",
        "text" => "text",
        _ => "bash",
    }
}

pub(super) fn actions(
    ledger: &mut Ledger<'_, '_>,
    contributing: &[Contributing],
    found: &[Found],
) -> Result<Vec<Action>, minijinja::Error> {
    let mut actions: Vec<Action> = Vec::new();
    let findings = ledger.root_findings();
    let indices: Vec<usize> = ledger.diagnosis.roots.iter().map(|root| root.finding).collect();
    // Each factor that is a finding of its own asks for an improvement of its own.
    let own = found.len().min(ACTIONS / 3);
    for (finding, index) in findings.iter().zip(indices) {
        let wordings = ledger
            .header(finding)
            .map(|header| header.prevention.as_slice())
            .unwrap_or_default();
        let facts = ledger.facts(finding);
        // With several causes each gets its share of the list.
        for wording in wordings.iter().take((ACTIONS / findings.len()).max(1)) {
            if let Some(condition) = &wording.when
                && !ledger.wording.holds(condition, &facts)?
            {
                continue;
            }
            let text = ledger.wording.text(&wording.text, &facts)?;
            if actions.len() + own >= ACTIONS - 1 || actions.iter().any(|known| known.text == text) {
                continue;
            }
            let section = ledger.wording.command(&wording.section, &facts)?;
            let answers = Some(section).filter(|section| !section.is_empty());
            let answers = answers.or_else(|| answered(ledger, contributing, (finding, &facts), wording, &text));
            let answers = answers.unwrap_or_else(|| ledger.finding_id(index));
            actions.push(action(ledger, finding, wording, &facts, answers)?);
        }
    }
    for factor in found.iter().take(own) {
        let Some(finding) = ledger.diagnosis.findings.get(factor.finding) else {
            continue;
        };
        let facts = ledger.facts(finding);
        let header = ledger.header(finding);
        let Some(wording) = header.and_then(|header| header.prevention.first()) else {
            continue;
        };
        let action = action(ledger, finding, wording, &facts, factor.id.clone())?;
        if actions.iter().all(|known| known.text != action.text) {
            actions.push(action);
        }
    }
    Ok(actions)
}

/// All improvements in the order in which the report lists them, which is that of their numbers. The last word of a report: only when all
/// is quoted is it known which credentials stood in the clear.
pub(super) fn numbered(ledger: &mut Ledger<'_, '_>, mut actions: Vec<Action>) -> Vec<Action> {
    actions.extend(rotation(ledger));
    actions.sort_by_key(|action| !action.immediate);
    for (index, action) in actions.iter_mut().enumerate() {
        action.id = format!("A{}", index + 1);
        action.owner_blank = action_blank(ledger, &action.id, "owner");
        action.due_blank = action_blank(ledger, &action.id, "due");
    }
    actions
}

/// The factor that an improvement answers: the one that its wording names, or the one that asks for this very protection.
fn answered(
    ledger: &Ledger<'_, '_>,
    contributing: &[Contributing],
    (finding, facts): (&Finding, &Map<String, Value>),
    wording: &ActionWording,
    text: &Text,
) -> Option<String> {
    match wording.answers {
        Some(number) => {
            let numbers = std::iter::once(number).chain(wording.also);
            let ids = numbers.filter_map(|number| factor_id(ledger, contributing, (finding, facts), number));
            Some(ids.collect::<Vec<_>>().join(", ")).filter(|ids| !ids.is_empty())
        }
        None => {
            let asks = |factor: &&Contributing| factor.sentence.text.zh.contains(&text.zh);
            contributing.iter().find(asks).map(|factor| factor.id.clone())
        }
    }
}

/// The id under which chapter 3.2 has a factor of a finding's rule, counted from 1; none where it does not apply.
pub(super) fn factor_id(
    ledger: &Ledger<'_, '_>,
    contributing: &[Contributing],
    (finding, facts): (&Finding, &Map<String, Value>),
    number: usize,
) -> Option<String> {
    let named = ledger.header(finding)?.factors.get(number.checked_sub(1)?)?;
    let text = ledger.wording.text(&named.text, facts).ok()?;
    let mut factors = contributing.iter();
    factors
        .find(|factor| factor.sentence.text == text)
        .map(|factor| factor.id.clone())
}

fn action(
    ledger: &mut Ledger<'_, '_>,
    finding: &Finding,
    wording: &ActionWording,
    facts: &Map<String, Value>,
    answers: String,
) -> Result<Action, minijinja::Error> {
    let mut caution = plain_sentence(ledger.wording.text(&wording.caution, facts)?);
    caution.refs = ledger.know_said(finding, &caution.text);
    Ok(Action {
        id: String::new(),
        kind: wording.kind,
        immediate: wording.immediate,
        text: ledger.wording.text(&wording.text, facts)?,
        answers,
        command: ledger.wording.command(&wording.command, facts)?,
        language: language(&wording.language),
        caution,
        acceptance: ledger.wording.text(&wording.acceptance, facts)?,
        priority: if wording.immediate { "P1" } else { "P2" },
        owner_blank: String::new(),
        due_blank: String::new(),
    })
}

fn action_blank(ledger: &mut Ledger<'_, '_>, action: &str, what: &str) -> String {
    let label = phrase(&format!("blank.action.{what}"));
    let question = filled(&format!("question.action.{what}"), &[("action", action.into())]);
    ledger.blank(
        &format!("action.{}.{what}", action.to_lowercase()),
        label,
        question,
        true,
    )
}

/// A credential that stood in the bundle in the clear has to be taken for known: its rotation is an improvement of its own.
fn rotation(ledger: &Ledger<'_, '_>) -> Option<Action> {
    let masked = ledger.masker.summary();
    let live: Vec<_> = masked.iter().filter(|row| row.class != Class::AccessKey).collect();
    if ledger.is_healthy() || live.is_empty() {
        return None;
    }
    let tokens: Vec<&str> = live.iter().map(|row| row.token.as_str()).take(NAMED).collect();
    let facts = [
        ("count", json!(live.len())),
        ("tokens", json!(tokens)),
        ("more", json!(live.len() > NAMED)),
    ];
    Some(Action {
        id: String::new(),
        kind: ActionKind::Process,
        immediate: true,
        text: filled("action.rotate", &facts),
        answers: phrase("action.rotate-answers").en,
        command: String::new(),
        language: "bash",
        caution: plain_sentence(Text::default()),
        acceptance: phrase("action.rotate-acceptance"),
        priority: "P1",
        owner_blank: String::new(),
        due_blank: String::new(),
    })
}

//! Recovery steps and improvements, from the wording of the rules that name the causes.

use serde_json::{Map, Value, json};

use super::causes::Found;
use super::expected::expected;
use super::ledger::{Ledger, plain_sentence};
use super::phrases::{filled, phrase};
use crate::model::{ActionKind, Text, code};
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
    let item = facts
        .get("item")
        .and_then(|item| item.get("name"))
        .and_then(Value::as_str);
    let purpose = ledger.wording.text(&wording.purpose, facts)?;
    let mut refs = item
        .zip(wording.each.as_deref())
        .map(|(name, each)| {
            let fact = format!("{each}.{name}");
            let is_tied = finding.shows.contains_key(&fact);
            let text = Text::same(if is_tied { String::new() } else { code(name) });
            ledger.cite_facts(finding, &[&fact], &text)
        })
        .unwrap_or_default();
    refs.extend(ledger.know_said(finding, &purpose));
    let command = ledger.wording.command(&wording.command, facts)?;
    let own = ledger.wording.text(&wording.expect, facts)?;
    let expect = if own.is_empty() && !command.is_empty() {
        expected(&command)
    } else {
        own
    };
    Ok(RecoveryStep {
        purpose,
        place: wording.place,
        node: finding.subject.node.clone(),
        risk: wording.risk,
        command,
        language: language(&wording.language),
        expect,
        verify: ledger.wording.text(&wording.verify, facts)?,
        rollback: ledger.wording.text(&wording.rollback, facts)?,
        notes,
        refs,
    })
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
            let text = ledger.wording.text(&wording.text, &facts)?;
            if actions.len() + own >= ACTIONS - 1 || actions.iter().any(|known| known.text == text) {
                continue;
            }
            let answers = answered(ledger, contributing, (finding, &facts), wording, &text);
            let answers = answers.unwrap_or_else(|| ledger.finding_id(index));
            let action = action(ledger, wording, &facts, answers, actions.len())?;
            actions.push(action);
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
        let action = action(ledger, wording, &facts, factor.id.clone(), actions.len())?;
        if actions.iter().all(|known| known.text != action.text) {
            actions.push(action);
        }
    }
    Ok(actions)
}

/// The factor that an improvement answers: the one that its wording names, or the one that asks for this very protection.
fn answered(
    ledger: &Ledger<'_, '_>,
    contributing: &[Contributing],
    (finding, facts): (&Finding, &Map<String, Value>),
    wording: &ActionWording,
    text: &Text,
) -> Option<String> {
    let factors = ledger
        .header(finding)
        .map(|header| header.factors.as_slice())
        .unwrap_or_default();
    let named = wording.answers.and_then(|number| factors.get(number.checked_sub(1)?));
    let is_it = |factor: &&Contributing| match named {
        Some(named) => ledger
            .wording
            .text(&named.text, facts)
            .is_ok_and(|named| named == factor.sentence.text),
        None => factor.sentence.text.zh.contains(&text.zh),
    };
    contributing.iter().find(is_it).map(|factor| factor.id.clone())
}

fn action(
    ledger: &mut Ledger<'_, '_>,
    wording: &ActionWording,
    facts: &Map<String, Value>,
    answers: String,
    before: usize,
) -> Result<Action, minijinja::Error> {
    let id = format!("A{}", before + 1);
    let owner_blank = action_blank(ledger, &id, "owner");
    let due_blank = action_blank(ledger, &id, "due");
    Ok(Action {
        kind: wording.kind,
        immediate: wording.immediate,
        text: ledger.wording.text(&wording.text, facts)?,
        answers,
        command: ledger.wording.command(&wording.command, facts)?,
        language: language(&wording.language),
        caution: plain_sentence(ledger.wording.text(&wording.caution, facts)?),
        acceptance: ledger.wording.text(&wording.acceptance, facts)?,
        priority: if wording.immediate { "P1" } else { "P2" },
        owner_blank,
        due_blank,
        id,
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
pub(super) fn rotation(ledger: &mut Ledger<'_, '_>, known: usize) -> Option<Action> {
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
    let id = format!("A{}", known + 1);
    Some(Action {
        kind: ActionKind::Process,
        immediate: true,
        text: filled("action.rotate", &facts),
        answers: phrase("action.rotate-answers").en,
        command: String::new(),
        language: "bash",
        caution: plain_sentence(Text::default()),
        acceptance: phrase("action.rotate-acceptance"),
        priority: "P1",
        owner_blank: action_blank(ledger, &id, "owner"),
        due_blank: action_blank(ledger, &id, "due"),
        id,
    })
}

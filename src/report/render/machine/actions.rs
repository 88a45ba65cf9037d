//! The improvement actions, one ticket each: CSV for an import, JSON for a program. A fingerprint tells the same action in a later run, so
//! that nothing is filed twice.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::rows::written;
use super::shown;
use crate::model::Lang;
use crate::report::escape;
use crate::report::model::{Action, PostMortem};

const COLUMNS: [&str; 10] = [
    "id",
    "fingerprint",
    "kind",
    "priority",
    "immediate",
    "summary",
    "command",
    "acceptance",
    "owner",
    "due",
];

/// RFC 4180, as the timeline.
pub(in crate::report::render) fn csv(report: &PostMortem, lang: Lang) -> Result<String, csv::Error> {
    let rows = report.actions.iter().map(|action| {
        [
            action.id.clone(),
            fingerprint(report, action),
            super::rows::id(&action.kind),
            action.priority.to_owned(),
            action.immediate.to_string(),
            shown(&action.text, lang),
            action.command.clone(),
            shown(&action.acceptance, lang),
            answer(report, &action.owner_blank),
            answer(report, &action.due_blank),
        ]
    });
    written(&COLUMNS, rows, lang)
}

/// An array of objects with the same fields, and the cause that each answers.
pub(in crate::report::render) fn json(report: &PostMortem, lang: Lang) -> Value {
    let actions = report.actions.iter().map(|action| {
        json!({
            "id": action.id,
            "fingerprint": fingerprint(report, action),
            "kind": action.kind,
            "priority": action.priority,
            "immediate": action.immediate,
            "summary": shown(&action.text, lang),
            "answers": action.answers,
            "command": escape::visible(&action.command),
            "language": action.language,
            "acceptance": shown(&action.acceptance, lang),
            "owner": answer(report, &action.owner_blank),
            "due": answer(report, &action.due_blank),
        })
    });
    json!({"tool": {"name": "casefile"}, "schema_version": report.schema_version, "actions": actions.collect::<Vec<_>>()})
}

/// What a person filled in; empty while it is blank.
fn answer(report: &PostMortem, blank: &str) -> String {
    let mut answers = report.answers.iter();
    let known = answers.find(|answer| answer.blank.id == blank);
    known.map_or_else(String::new, |answer| escape::visible(&answer.value))
}

/// The same for the same action about the same causes, in every run, bundle and language.
fn fingerprint(report: &PostMortem, action: &Action) -> String {
    let causes = report.root_causes.iter();
    let causes = causes.flat_map(|cause| {
        [
            cause.rule.as_str(),
            cause.subject.name.as_str(),
            cause.subject.node.as_str(),
        ]
    });
    let mut hash = Sha256::new();
    for part in causes.chain([action.text.en.as_str()]) {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    let digest = hash.finalize();
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

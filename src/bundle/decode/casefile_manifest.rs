//! The manifest of casefile's own bundles: when they were collected, and what could not be.

use serde_json::Value;

use super::{Decoder, Fact, Section, TextFile};
use crate::model::{Citation, EntryPath, Problem, ProblemKind, When};

/// `manifest.json` of `casefile collect`.
pub(super) const DECODER: Decoder = Decoder {
    name: "casefile manifest",
    decode,
};

fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    if start != 0 || file.path.file_name() != "manifest.json" || !file.line(0).starts_with('{') {
        return None;
    }
    let manifest: Value = serde_json::from_str(file.text).ok()?;
    if manifest.pointer("/tool/name")?.as_str()? != "casefile" {
        return None;
    }
    let mut section = Section {
        end: file.lines.len(),
        ..Section::default()
    };
    if let Some(raw) = manifest.get("collected_at").and_then(Value::as_str)
        && let Some(when) = When::rfc3339(raw)
    {
        let cite = Citation::pointer(&file.bundle, file.path, "/collected_at", format!("collected_at: {raw}"))
            .at(Some(when.clone()));
        section.facts.push(Fact::Collected { when, cite });
    }
    for step in manifest.get("steps").and_then(Value::as_array).into_iter().flatten() {
        section.problems.extend(step_problems(file, step));
    }
    if manifest.get("interrupted").and_then(Value::as_bool) == Some(true) {
        section.problems.push(Problem::file(
            file.path,
            ProblemKind::Truncated,
            "the collection was interrupted before its last step",
        ));
    }
    Some(section)
}

/// A step that failed, ran out of time or was not allowed, and every file that it cut.
fn step_problems(file: &TextFile<'_>, step: &Value) -> Vec<Problem> {
    let text = |key: &str| step.get(key).and_then(Value::as_str).unwrap_or("");
    let mut problems = Vec::new();
    if matches!(text("outcome"), "failed" | "timed-out" | "forbidden") {
        let detail = format!(
            "collection step {} {}: {}",
            text("name"),
            text("outcome"),
            text("reason")
        );
        problems.push(Problem::file(file.path, ProblemKind::CollectorError, detail));
    }
    for cut in step.get("cut").and_then(Value::as_array).into_iter().flatten() {
        let name = cut.get("file").and_then(Value::as_str).unwrap_or("");
        let (kept, whole) = (
            cut.get("kept_bytes").and_then(Value::as_u64),
            cut.get("of_bytes").and_then(Value::as_u64),
        );
        if let (Some(kept), Some(whole)) = (kept, whole) {
            let detail = format!("the collector kept {kept} of {whole} bytes");
            problems.push(Problem::file(&EntryPath::new(name), ProblemKind::Truncated, detail));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::super::TextFile;
    use super::*;

    #[test]
    fn a_failed_step_and_a_cut_file_are_gaps() {
        let text = r#"{"tool":{"name":"casefile"},"collected_at":"2026-01-02T03:04:05Z","steps":[{"name":"docker/info","outcome":"failed","reason":"500"},{"name":"logs","outcome":"done","cut":[{"file":"a.log","kept_bytes":10,"of_bytes":20}]}]}"#;
        let path = EntryPath::new("x/manifest.json");
        let section = decode(&TextFile::new("b".into(), &path, text), 0).unwrap();
        assert!(matches!(&section.facts[0], Fact::Collected { when, .. } if when.raw == "2026-01-02T03:04:05Z"));
        assert_eq!(
            section.problems.iter().map(|problem| problem.kind).collect::<Vec<_>>(),
            [ProblemKind::CollectorError, ProblemKind::Truncated]
        );
    }

    #[test]
    fn the_manifest_of_another_tool_is_left_alone() {
        let path = EntryPath::new("manifest.json");
        assert!(decode(&TextFile::new("b".into(), &path, r#"{"tool":{"name":"sos"}}"#), 0).is_none());
    }
}

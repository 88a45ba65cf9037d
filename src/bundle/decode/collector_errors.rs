//! What collectors could not collect, in their own words. Only the names of these files tell what they are.
//!
//! Sources: replicatedhq/troubleshoot `pkg/collect/cluster_resources.go` (`<what>-errors.json`: an array of texts, or a text for each
//! namespace), `pkg/collect/{configmap,secret}.go` (`configmaps-errors/<namespace>/<name>.json`), `pkg/collect/{helm,k8s_metrics,logs}.go`
//! (`errors.json`), `collector-errors/<collector>-error.json` (since 0.123), `skipped-collectors.json` (since 0.127),
//! `<container>-logs-errors.log`, `error.txt`; rancher/support-bundle-kit `pkg/manager/cluster.go` (`bundleGenerationError.log`, a line for each).

use serde_json::Value;

use super::{Decoder, Section, TextFile};
use crate::model::{Problem, ProblemKind};

/// The files in which collectors keep their errors.
pub(super) const DECODER: Decoder = Decoder {
    name: "collector errors",
    decode,
};

fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    if start > 0 {
        return None;
    }
    let mut problems = Vec::new();
    let mut note = |line: usize, what: &str, reason: &str| {
        if !reason.trim().is_empty() {
            let detail = if what.is_empty() {
                reason.trim().to_owned()
            } else {
                format!("{what}: {}", reason.trim())
            };
            let problem = Problem::file(file.path, ProblemKind::CollectorError, detail);
            problems.push(problem.at_line(line as u64 + 1));
        }
    };
    let name = file.path.file_name();
    if name == "bundleGenerationError.log" || name == "error.txt" || name.ends_with("-logs-errors.log") {
        for (index, line) in file.lines.iter().enumerate() {
            note(index, "", line);
        }
    } else {
        let what = of_json(file)?;
        let document: Value = serde_json::from_str(file.text).ok()?;
        for (place, reason) in reasons(&document)? {
            let what = [what.as_str(), place].join(" ");
            note(0, what.trim(), reason);
        }
    }
    Some(Section {
        end: file.lines.len(),
        problems,
        ..Section::default()
    })
}

/// What the errors of a JSON file are about, if its name is that of errors: `pods`, `configmaps shop app`, `etcd`.
fn of_json(file: &TextFile<'_>) -> Option<String> {
    let stem = file.path.file_name().strip_suffix(".json")?;
    let parts: Vec<&str> = file.path.components().collect();
    let outer = |up: usize| {
        parts
            .len()
            .checked_sub(up)
            .and_then(|at| parts.get(at))
            .copied()
            .unwrap_or("")
    };
    if matches!(stem, "errors" | "error") {
        return Some(outer(2).to_owned());
    }
    if stem == "skipped-collectors" || outer(2) == "collector-errors" {
        return Some(String::new());
    }
    if let Some(kind) = outer(3).strip_suffix("-errors") {
        return Some(format!("{kind} {} {stem}", outer(2)));
    }
    stem.strip_suffix("-errors").map(str::to_owned)
}

/// Where and why, for each error of a document in one of the known shapes.
fn reasons(document: &Value) -> Option<Vec<(&str, &str)>> {
    let is_of_collector = |value: &Value| value.get("collector").is_some_and(Value::is_string);
    match document {
        Value::Array(items) if items.iter().all(Value::is_string) => {
            Some(items.iter().filter_map(|item| Some(("", item.as_str()?))).collect())
        }
        Value::Array(items) if items.iter().all(is_of_collector) => {
            Some(items.iter().filter_map(of_collector).collect())
        }
        Value::Object(_) if is_of_collector(document) => Some(of_collector(document).into_iter().collect()),
        Value::Object(map) if map.values().all(Value::is_string) => Some(
            map.iter()
                .filter_map(|(place, reason)| Some((place.as_str(), reason.as_str()?)))
                .collect(),
        ),
        _ => None,
    }
}

fn of_collector(entry: &Value) -> Option<(&str, &str)> {
    let reason = ["error", "reason"].iter().find_map(|key| entry.get(*key)?.as_str())?;
    Some((entry.get("collector")?.as_str()?, reason))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::EntryPath;

    fn details(path: &str, text: &str) -> Option<Vec<String>> {
        let path = EntryPath::new(path);
        let section = decode(&TextFile::new("b".into(), &path, text), 0)?;
        assert!(
            section
                .problems
                .iter()
                .all(|problem| problem.kind == ProblemKind::CollectorError)
        );
        Some(section.problems.into_iter().map(|problem| problem.detail).collect())
    }

    #[test]
    fn every_shape_says_what_was_not_collected_and_why() {
        for (path, text, wanted) in [
            (
                "b/cluster-resources/pods-errors.json",
                r#"{"shop": "pods is forbidden"}"#,
                "pods shop: pods is forbidden",
            ),
            (
                "b/cluster-resources/nodes-errors.json",
                r#"["nodes is forbidden"]"#,
                "nodes: nodes is forbidden",
            ),
            (
                "b/helm/errors.json",
                r#"["release: not found"]"#,
                "helm: release: not found",
            ),
            (
                "b/configmaps-errors/shop/app.json",
                r#"["configmaps \"app\" not found"]"#,
                "configmaps shop app: configmaps \"app\" not found",
            ),
            (
                "b/collector-errors/etcd-error.json",
                r#"{"collector": "etcd", "error": "not supported", "timestamp": "x"}"#,
                "etcd: not supported",
            ),
            (
                "b/skipped-collectors.json",
                r#"[{"collector": "ceph", "reason": "excluded", "errors": []}]"#,
                "ceph: excluded",
            ),
            (
                "b/bundleGenerationError.log",
                "Support Bundle: failed to get nodes: timeout\n",
                "Support Bundle: failed to get nodes: timeout",
            ),
            (
                "b/n/web-logs-errors.log",
                "container is waiting to start\n",
                "container is waiting to start",
            ),
        ] {
            assert_eq!(details(path, text), Some(vec![wanted.to_owned()]), "{path}");
        }
        assert_eq!(details("b/bundleGenerationError.log", "\n"), Some(Vec::new()));
    }

    #[test]
    fn other_files_are_left_to_others() {
        assert_eq!(details("b/pods.json", "[\"x\"]"), None);
        assert_eq!(details("b/app-errors.json", r#"{"kind": {"a": 1}}"#), None);
        assert_eq!(details("b/app-errors.json", "not json"), None);
    }
}

//! SARIF 2.1.0 (OASIS standard of 27 March 2020): findings and checks as results, the timeline as a code flow, the causal chain as a graph.
//!
//! A file of a bundle is no file of a repository: its place is relative to a base that has no address, so no viewer looks for it.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::{evidence, shown};
use crate::model::{Confidence, Lang, Level, Text};
use crate::report::escape;
use crate::report::locale::confidence_word;
use crate::report::model::{Check, CheckOutcome, EvidenceItem, FindingView, PostMortem};

/// GitHub takes 5,000 results of a run and rejects a file with more than 25,000 ("SARIF support for code scanning", docs.github.com).
const MAX_RESULTS: usize = 5000;

/// The report as one run.
pub(in crate::report::render) fn document(report: &PostMortem, lang: Lang) -> Value {
    let bases: Map<String, Value> = report
        .bundles
        .iter()
        .map(|bundle| {
            let about = format!("{} (sha256 {})", bundle.input, bundle.sha256);
            (
                base_id(&bundle.alias),
                json!({"description": {"text": message(&about)}}),
            )
        })
        .collect();
    let tokens: BTreeSet<&str> = report.redactions.iter().map(|row| row.token.as_str()).collect();
    let gaps = report
        .gaps
        .iter()
        .map(|gap| json!({"level": "note", "message": {"text": said(&gap.what, lang)}}));
    let mut invocation = json!({
        "executionSuccessful": true,
        "toolExecutionNotifications": gaps.collect::<Vec<_>>(),
    });
    if let (Some(time), Some(fields)) = (report.generated_at, invocation.as_object_mut()) {
        fields.insert("endTimeUtc".into(), time.to_string().into());
    }
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "casefile",
                "version": report.tool.version,
                "rules": report.checks.iter().map(|check| rule(check, lang)).collect::<Vec<_>>(),
            }},
            "language": lang.tag(),
            "columnKind": "unicodeCodePoints",
            "originalUriBaseIds": bases,
            "redactionTokens": tokens,
            "invocations": [invocation],
            "results": results(report, lang),
            "graphs": graphs(report, lang),
        }],
    })
}

fn rule(check: &Check, lang: Lang) -> Value {
    json!({"id": check.id, "shortDescription": {"text": said(&check.title, lang)}})
}

/// Findings first, then the checks that passed or could not be judged: what was not looked at must not look well.
fn results(report: &PostMortem, lang: Lang) -> Vec<Value> {
    let findings = report.findings.iter().map(|finding| found(report, finding, lang));
    let checks = report.checks.iter().filter_map(|check| {
        let (kind, text) = match check.outcome {
            CheckOutcome::Pass => ("pass", said(&check.title, lang)),
            CheckOutcome::Unknown if check.reason.is_empty() => ("open", said(&check.title, lang)),
            CheckOutcome::Unknown => (
                "open",
                format!("{}: {}", said(&check.title, lang), said(&check.reason, lang)),
            ),
            CheckOutcome::NotApplicable => (
                "notApplicable",
                format!("{}: {}", said(&check.title, lang), said(&check.reason, lang)),
            ),
            CheckOutcome::Fail | CheckOutcome::Risk => return None,
        };
        Some(json!({"ruleId": check.id, "kind": kind, "level": "none", "message": {"text": text}}))
    });
    findings.chain(checks).take(MAX_RESULTS).collect()
}

fn found(report: &PostMortem, finding: &FindingView, lang: Lang) -> Value {
    let is_risk = report
        .checks
        .iter()
        .any(|check| check.id == finding.rule && check.outcome == CheckOutcome::Risk);
    let level = match finding.level {
        // "If kind has any value other than fail, level SHALL be none" (3.27.10).
        _ if is_risk => "none",
        Level::Critical => "error",
        Level::Warning => "warning",
        Level::Info => "note",
    };
    let text = format!(
        "{} ({})",
        said(&finding.title, lang),
        confidence_word(finding.confidence, lang)
    );
    let cited: Vec<Value> = evidence(report, &finding.evidence).map(location).collect();
    let mut result = json!({
        "ruleId": finding.rule,
        "kind": if is_risk { "review" } else { "fail" },
        "level": level,
        "rank": rank(finding.confidence),
        "message": {"text": text},
        "locations": cited.first().into_iter().collect::<Vec<_>>(),
        "relatedLocations": cited.iter().skip(1).collect::<Vec<_>>(),
        "partialFingerprints": {"casefile/v1": fingerprint(finding)},
    });
    let is_first_cause = report
        .root_causes
        .first()
        .is_some_and(|cause| cause.findings.contains(&finding.id));
    if let (true, Some(flow), Some(fields)) = (is_first_cause, code_flow(report, lang), result.as_object_mut()) {
        fields.insert("codeFlows".into(), json!([flow]));
    }
    result
}

/// Priority from 0 to 100 (3.27.25): how sure is the only order that the data has.
fn rank(confidence: Confidence) -> f64 {
    match confidence {
        Confidence::Confirmed => 100.0,
        Confidence::Probable => 75.0,
        Confidence::Possible => 50.0,
        Confidence::Undetermined => 25.0,
        Confidence::RuledOut => 0.0,
    }
}

/// The same for the same rule on the same thing, in every run and bundle.
fn fingerprint(finding: &FindingView) -> String {
    let subject = &finding.subject;
    let parts = [
        &finding.rule,
        &subject.kind,
        &subject.namespace,
        &subject.name,
        &subject.node,
        &finding.path,
    ];
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hash.finalize()
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn location(item: &EvidenceItem) -> Value {
    let quote: Vec<&str> = item.quote.iter().map(|line| line.text.as_str()).collect();
    let snippet = json!({"text": escape::visible(&quote.join("\n"))});
    let mut physical = json!({"artifactLocation": {"uri": uri(&item.file), "uriBaseId": base_id(&item.bundle)}});
    if let (Some((first, last)), Some(fields)) = (item.lines, physical.as_object_mut()) {
        let (first, last) = (first.max(1), last.max(first).max(1));
        fields.insert(
            "region".into(),
            json!({"startLine": first, "endLine": last, "snippet": snippet}),
        );
    }
    let mut location = json!({"physicalLocation": physical, "message": {"text": message(&item.id)}});
    if let (Some(pointer), Some(fields)) = (&item.pointer, location.as_object_mut()) {
        fields.insert(
            "logicalLocations".into(),
            json!([{"fullyQualifiedName": escape::visible(pointer)}]),
        );
    }
    location
}

/// Rows of the timeline with a time; none when there are none, because a flow needs a place.
fn code_flow(report: &PostMortem, lang: Lang) -> Option<Value> {
    let places: Vec<Value> = report
        .timeline
        .iter()
        .filter_map(|row| {
            let when = row.when.as_ref()?;
            Some(json!({
                "executionTimeUtc": when.earliest.to_string(),
                "location": {"message": {"text": said(&row.text, lang)}},
            }))
        })
        .collect();
    (!places.is_empty()).then(|| json!({"threadFlows": [{"locations": places}]}))
}

fn graphs(report: &PostMortem, lang: Lang) -> Vec<Value> {
    let graph = &report.causal;
    if graph.nodes.is_empty() {
        return Vec::new();
    }
    let nodes = graph
        .nodes
        .iter()
        .map(|node| json!({"id": node.id, "label": {"text": said(&node.label, lang)}}));
    let edges = graph.edges.iter().enumerate().map(|(index, edge)| {
        json!({
            "id": format!("edge-{}", index + 1),
            "sourceNodeId": edge.from,
            "targetNodeId": edge.to,
            "label": {"text": said(&edge.label, lang)},
        })
    });
    vec![json!({"nodes": nodes.collect::<Vec<_>>(), "edges": edges.collect::<Vec<_>>()})]
}

fn base_id(alias: &str) -> String {
    format!("BUNDLE-{}", escape::visible(alias))
}

fn said(text: &Text, lang: Lang) -> String {
    message(&shown(text, lang))
}

/// Words inside a message: brackets would be a link (3.11.6), braces a placeholder (3.11.5). A message is never empty.
fn message(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in escape::visible(text).chars() {
        match c {
            '\\' | '[' | ']' => out.extend(['\\', c]),
            '{' | '}' => out.extend([c, c]),
            _ => out.push(c),
        }
    }
    if out.is_empty() { "—".to_owned() } else { out }
}

/// A path as a relative reference (RFC 3986): everything but unreserved characters and slashes in percent encoding, so that no part of
/// it can be a scheme, a query or a fragment, and no first slash, which would make it absolute.
fn uri(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.trim_start_matches('/').bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_bundle_are_neither_links_nor_placeholders() {
        assert_eq!(message("see [x](javascript:y) {0}"), "see \\[x\\](javascript:y) {{0}}");
        assert_eq!(message(""), "—");
    }

    #[test]
    fn a_path_stays_relative() {
        assert_eq!(uri("/etc/a b#c?d.log"), "etc/a%20b%23c%3Fd.log");
        assert_eq!(uri("javascript:alert(1)"), "javascript%3Aalert%281%29");
        assert_eq!(uri("//evil.example/x"), "evil.example/x");
    }
}

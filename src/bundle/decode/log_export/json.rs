//! Records of log shippers in JSON.
//!
//! Sources of the fields: fluent-plugin-kubernetes_metadata_filter (`kubernetes.pod_name`), Elastic's `add_kubernetes_metadata`
//! (`kubernetes.pod.name`), grafana/loki `pkg/logcli/output/jsonl.go` (`labels`, `line`), stern `-o json` (`podName`), and
//! Elasticsearch's `_search` (`hits.hits[]._source`). A program's own log may speak of pods too (`"pod":"web-0"`), so that only
//! these shapes count.

use serde_json::Value;
use serde_json::value::RawValue;

use super::super::TextFile;
use super::decode::Record;

/// A document is looked at only when one of these stands in its first lines.
const SIGNS: [&str; 7] = [
    "\"kubernetes\"",
    "\"kubernetes.",
    "\"labels\"",
    "\"podName\"",
    "\"_source\"",
    "\"hits\"",
    "\"fields\"",
];
const LINES_OF_SIGNS: usize = 12;

/// The record on one line.
pub(super) fn record_of_line(line: &str) -> Option<Record> {
    let line = line.trim();
    let may_be = line.starts_with('{') && line.ends_with('}') && SIGNS.iter().any(|sign| line.contains(sign));
    if !may_be {
        return None;
    }
    record(&serde_json::from_str(line).ok()?)
}

/// The records of an array or of a search's answer, each with its 0-based line, and the line after the document.
pub(super) fn records_of_document(file: &TextFile<'_>, start: usize) -> Option<(Vec<(usize, Record)>, usize)> {
    let first = file.line(start).trim_start();
    let opens = first == "[" || first == "{" || first.starts_with("[{") || first.starts_with("{\"took\"");
    let has_sign =
        || (start..start + LINES_OF_SIGNS).any(|line| SIGNS.iter().any(|sign| file.line(line).contains(sign)));
    if !opens || !has_sign() {
        return None;
    }
    let text = file.from_line(start);
    let mut stream = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
    let document = stream.next()?.ok()?;
    let at = text.get(..stream.byte_offset())?.len();
    let from = file.offset_of_line(start) + at - document.get().len();
    let (items, base) = items(document.get())?;
    let mut records = Vec::new();
    for item in items {
        let record = record(&serde_json::from_str(item.get()).ok()?)?;
        // A raw value borrows from the document, so that its place in it tells its line.
        let offset = (item.get().as_ptr() as usize).saturating_sub(base);
        records.push((file.line_at_offset(from + offset), record));
    }
    let end = file.line_at_offset((file.offset_of_line(start) + at).saturating_sub(1)) + 1;
    (!records.is_empty()).then_some((records, end.max(start + 1)))
}

/// The records of a document, and where its text begins.
fn items(document: &str) -> Option<(Vec<&RawValue>, usize)> {
    #[derive(serde::Deserialize)]
    struct Search<'d> {
        #[serde(borrow)]
        hits: Hits<'d>,
    }
    #[derive(serde::Deserialize)]
    struct Hits<'d> {
        #[serde(borrow)]
        hits: Vec<&'d RawValue>,
    }
    let base = document.as_ptr() as usize;
    let items = if document.starts_with('[') {
        serde_json::from_str(document).ok()?
    } else {
        serde_json::from_str::<Search<'_>>(document).ok()?.hits.hits
    };
    Some((items, base))
}

fn record(value: &Value) -> Option<Record> {
    let value = value
        .get("_source")
        .filter(|source| source.is_object())
        .unwrap_or(value);
    let text_at = |pointers: &[&str]| {
        pointers
            .iter()
            .find_map(|pointer| value.pointer(pointer)?.as_str())
            .unwrap_or("")
    };
    let has_line = value.get("line").is_some();
    // Labels say whose a line is only beside the line itself.
    let label = |name: &str| {
        ["labels", "stream", "fields"]
            .iter()
            .filter(|_| has_line)
            .find_map(|map| value.get(*map)?.get(name)?.as_str())
            .unwrap_or("")
    };
    let or = |first: &str, second: &str| if first.is_empty() { second } else { first }.to_owned();
    let is_stern = value.get("podName").is_some() && value.get("containerName").is_some();
    let stern = |pointer: &str| if is_stern { text_at(&[pointer]) } else { "" };
    let pod = or(
        text_at(&[
            "/kubernetes/pod_name",
            "/kubernetes/pod/name",
            "/kubernetes.pod_name",
            "/kubernetes.pod.name",
        ]),
        &or(label("pod"), stern("/podName")),
    );
    if pod.is_empty() {
        return None;
    }
    let text = text_at(&["/log", "/message", "/line", "/MESSAGE", "/msg"]);
    Some(Record {
        namespace: or(
            text_at(&[
                "/kubernetes/namespace_name",
                "/kubernetes/namespace",
                "/kubernetes.namespace_name",
                "/kubernetes.namespace",
            ]),
            &or(label("namespace"), stern("/namespace")),
        ),
        container: or(
            text_at(&[
                "/kubernetes/container_name",
                "/kubernetes/container/name",
                "/kubernetes.container_name",
                "/kubernetes.container.name",
            ]),
            &or(label("container"), stern("/containerName")),
        ),
        pod,
        time: text_at(&["/@timestamp", "/timestamp", "/time"]).to_owned(),
        text: text.trim_end().to_owned(),
    })
}

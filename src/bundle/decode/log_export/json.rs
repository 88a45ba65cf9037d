//! Records of log shippers in JSON.
//!
//! Sources of the fields: fluent-plugin-kubernetes_metadata_filter (`kubernetes.pod_name`), Elastic's `add_kubernetes_metadata`
//! (`kubernetes.pod.name`), grafana/loki `pkg/logcli/output/jsonl.go` (`labels`, `line`), stern `-o json` (`podName`), and
//! Elasticsearch's `_search` (`hits.hits[]._source`), Loki's `query_range` (`data.result[].values`), CloudWatch's `filter-log-events`
//! (`events[].message`), AKS Periscope (`containerLog`), Cloud Logging's `LogEntry` (`resource.labels.pod_name`, `textPayload`), `journalctl -o json`
//! (systemd.journal-fields(7)). A program's own log may speak of pods too (`"pod":"web-0"`), so that only
//! these shapes count.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;
use serde_json::value::RawValue;

use super::super::TextFile;
use super::decode::Record;

/// A document is looked at only when one of these stands in its first lines.
const SIGNS: [&str; 12] = [
    "\"kubernetes\"",
    "\"kubernetes.",
    "\"labels\"",
    "\"podName\"",
    "\"_source\"",
    "\"hits\"",
    "\"fields\"",
    "\"resource\"",
    "\"stream\"",
    "\"logStreamName\"",
    "\"__REALTIME_TIMESTAMP\"",
    "\"containerLog\"",
];
/// Bytes of a line in which a sign is looked for.
const HEAD: usize = 4_096;
const LINES_OF_SIGNS: usize = 12;

/// The record on one line.
pub(super) fn record_of_line(line: &str) -> Option<Record> {
    let line = line.trim();
    let may_be = line.starts_with('{') && line.ends_with('}') && has_sign(line);
    if !may_be {
        return None;
    }
    record(&serde_json::from_str(line).ok()?)
}

fn has_sign(line: &str) -> bool {
    let head = line.get(..line.floor_char_boundary(HEAD)).unwrap_or(line);
    SIGNS.iter().any(|sign| head.contains(sign))
}

/// The records of an array or of a search's answer, each with its 0-based line, and the line after the document.
pub(super) fn records_of_document(file: &TextFile<'_>, start: usize) -> Option<(Vec<(usize, Record)>, usize)> {
    let first = file.line(start).trim_start();
    let opens = first == "["
        || first == "{"
        || ["[{", "{\"took\"", "{\"status\"", "{\"data\"", "{\"events\""]
            .iter()
            .any(|begin| first.starts_with(begin));
    if !opens || !(start..start + LINES_OF_SIGNS).any(|line| has_sign(file.line(line))) {
        return None;
    }
    let text = file.from_line(start);
    let mut stream = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
    let document = stream.next()?.ok()?;
    let at = text.get(..stream.byte_offset())?.len();
    let from = file.offset_of_line(start) + at - document.get().len();
    let base = document.get().as_ptr() as usize;
    // A raw value borrows from the document, so that its place in it tells its line.
    let line_of = |item: &RawValue| {
        let offset = (item.get().as_ptr() as usize).saturating_sub(base);
        file.line_at_offset(from + offset)
    };
    let records: Vec<(usize, Record)> = match items(document.get())? {
        Items::Records(items) => {
            let all = items.len();
            let parsed = items.into_iter().filter_map(|item| {
                let record = record(&serde_json::from_str(item.get()).ok()?)?;
                Some((line_of(item), record))
            });
            let records: Vec<(usize, Record)> = parsed.collect();
            // What is mostly something else is no export of logs.
            if records.len() * 2 < all {
                return None;
            }
            records
        }
        Items::Streams(streams) => streams
            .into_iter()
            .flat_map(|stream| {
                let labels = stream.stream;
                stream.values.into_iter().filter_map(move |value| {
                    let (time, text) = pair(value)?;
                    let record = of_labels(&labels, time, text)?;
                    Some((value, record))
                })
            })
            .map(|(value, record)| (line_of(value), record))
            .collect(),
    };
    let end = file.line_at_offset((file.offset_of_line(start) + at).saturating_sub(1)) + 1;
    (!records.is_empty()).then_some((records, end.max(start + 1)))
}

/// What a document holds.
enum Items<'d> {
    /// Records that say themselves whose they are.
    Records(Vec<&'d RawValue>),
    /// Loki's streams, whose labels say it for all their lines.
    Streams(Vec<Stream<'d>>),
}

#[derive(serde::Deserialize)]
struct Stream<'d> {
    stream: BTreeMap<String, String>,
    #[serde(borrow)]
    values: Vec<&'d RawValue>,
}

fn items(document: &str) -> Option<Items<'_>> {
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
    #[derive(serde::Deserialize)]
    struct Answer<'d> {
        #[serde(borrow)]
        data: Data<'d>,
    }
    #[derive(serde::Deserialize)]
    struct Data<'d> {
        #[serde(borrow)]
        result: Vec<Stream<'d>>,
    }
    #[derive(serde::Deserialize)]
    struct Events<'d> {
        #[serde(borrow)]
        events: Vec<&'d RawValue>,
    }
    if document.starts_with('[') {
        return Some(Items::Records(serde_json::from_str(document).ok()?));
    }
    let head = document.get(..document.floor_char_boundary(HEAD)).unwrap_or(document);
    if head.contains("\"hits\"") {
        Some(Items::Records(
            serde_json::from_str::<Search<'_>>(document).ok()?.hits.hits,
        ))
    } else if head.contains("\"stream\"") {
        Some(Items::Streams(
            serde_json::from_str::<Answer<'_>>(document).ok()?.data.result,
        ))
    } else if head.contains("\"logStreamName\"") {
        Some(Items::Records(
            serde_json::from_str::<Events<'_>>(document).ok()?.events,
        ))
    } else {
        None
    }
}

/// The time in nanoseconds and the text of a line of a stream.
fn pair(value: &RawValue) -> Option<(i128, String)> {
    let list: Vec<Value> = serde_json::from_str(value.get()).ok()?;
    let time = list.first()?.as_str()?.parse().ok()?;
    Some((time, list.get(1)?.as_str()?.to_owned()))
}

fn of_labels(labels: &BTreeMap<String, String>, time: i128, text: String) -> Option<Record> {
    let label = |names: &[&str]| {
        names
            .iter()
            .find_map(|name| labels.get(*name))
            .cloned()
            .unwrap_or_default()
    };
    let unit = label(&["unit", "systemd_unit"]);
    let pod = label(&["pod", "pod_name", "instance_pod"]);
    (!pod.is_empty() || !unit.is_empty()).then(|| Record {
        namespace: label(&["namespace"]),
        container: label(&["container", "container_name"]),
        unit: if pod.is_empty() { unit } else { String::new() },
        host: label(&["nodename", "node_name", "hostname"]),
        time: Timestamp::from_nanosecond(time)
            .map(|time| time.to_string())
            .unwrap_or_default(),
        text: text.trim_end().to_owned(),
        pod,
    })
}

/// A line of the journal, as `journalctl` shows it; one that a container wrote by Docker's driver is the container's.
fn of_journal(value: &Value) -> Option<Record> {
    let field = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or("");
    let micros: i64 = field("__REALTIME_TIMESTAMP").parse().ok()?;
    let time = Timestamp::from_microsecond(micros).ok()?.to_string();
    let message = field("MESSAGE").trim_end();
    let mut pieces = field("CONTAINER_NAME").strip_prefix("k8s_").unwrap_or("").split('_');
    if let (Some(container), Some(pod), Some(namespace)) = (pieces.next(), pieces.next(), pieces.next()) {
        return Some(Record {
            namespace: namespace.to_owned(),
            pod: pod.to_owned(),
            container: container.to_owned(),
            time,
            text: message.to_owned(),
            ..Record::default()
        });
    }
    let (host, program, pid) = (field("_HOSTNAME"), field("SYSLOG_IDENTIFIER"), field("_PID"));
    let program = match (program, pid) {
        ("", _) => field("_COMM").to_owned(),
        (program, "") => program.to_owned(),
        (program, pid) => format!("{program}[{pid}]"),
    };
    let unit = ["_SYSTEMD_UNIT", "UNIT", "SYSLOG_IDENTIFIER"]
        .iter()
        .map(|name| field(name))
        .find(|unit| !unit.is_empty())?;
    Some(Record {
        unit: unit.to_owned(),
        host: host.to_owned(),
        text: format!("{time} {host} {program}: {message}"),
        time,
        ..Record::default()
    })
}

/// A record of CloudWatch: its message may be what a shipper wrote, or its stream is called after the container's file.
fn of_cloud_watch(value: &Value) -> Option<Record> {
    let stream = value.get("logStreamName")?.as_str()?;
    let message = value.get("message")?.as_str()?;
    let time = value.get("timestamp").and_then(Value::as_i64);
    let time = time
        .and_then(|millis| Timestamp::from_millisecond(millis).ok())
        .map(|time| time.to_string())
        .unwrap_or_default();
    if message.starts_with('{')
        && let Some(mut inner) = serde_json::from_str::<Value>(message).ok().as_ref().and_then(record)
    {
        if inner.time.is_empty() {
            inner.time = time;
        }
        return Some(inner);
    }
    // `web-0_shop_nginx-<id>`, as the kubelet names the files in /var/log/containers.
    let file = stream.rsplit("containers.").next().unwrap_or(stream);
    let mut pieces = file.split('_');
    let (pod, namespace, rest) = (pieces.next()?, pieces.next()?, pieces.next()?);
    let (container, _) = rest.rsplit_once('-')?;
    Some(Record {
        namespace: namespace.to_owned(),
        pod: pod.to_owned(),
        container: container.to_owned(),
        time,
        text: message.trim_end().to_owned(),
        ..Record::default()
    })
}

/// A container of AKS Periscope, with the last lines of its log (Azure/aks-periscope `pkg/collector/pods_containerlogs_collector.go`,
/// `PodsContainerStruct`).
fn of_periscope(value: &Value) -> Option<Record> {
    let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    Some(Record {
        pod: text("name")?,
        container: text("containerName")?,
        text: text("containerLog")?,
        ..Record::default()
    })
}

fn record(value: &Value) -> Option<Record> {
    let value = value
        .get("_source")
        .filter(|source| source.is_object())
        .unwrap_or(value);
    if value.get("__REALTIME_TIMESTAMP").is_some() {
        return of_journal(value);
    }
    if value.get("logStreamName").is_some() {
        return of_cloud_watch(value);
    }
    if value.get("containerLog").is_some() {
        return of_periscope(value);
    }
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
            "/resource/labels/pod_name",
        ]),
        &or(label("pod"), stern("/podName")),
    );
    if pod.is_empty() {
        return None;
    }
    let text = text_at(&[
        "/log",
        "/message",
        "/line",
        "/MESSAGE",
        "/msg",
        "/textPayload",
        "/jsonPayload/message",
        "/jsonPayload/msg",
        "/jsonPayload/log",
    ]);
    Some(Record {
        namespace: or(
            text_at(&[
                "/kubernetes/namespace_name",
                "/kubernetes/namespace",
                "/kubernetes.namespace_name",
                "/kubernetes.namespace",
                "/resource/labels/namespace_name",
            ]),
            &or(label("namespace"), stern("/namespace")),
        ),
        container: or(
            text_at(&[
                "/kubernetes/container_name",
                "/kubernetes/container/name",
                "/kubernetes.container_name",
                "/kubernetes.container.name",
                "/resource/labels/container_name",
            ]),
            &or(label("container"), stern("/containerName")),
        ),
        pod,
        time: text_at(&["/@timestamp", "/timestamp", "/time"]).to_owned(),
        text: text.trim_end().to_owned(),
        ..Record::default()
    })
}

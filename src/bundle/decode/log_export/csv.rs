//! Records in CSV (RFC 4180) with a heading: what Kibana, Grafana and Datadog export.

use super::super::TextFile;
use super::decode::Record;

/// Lines over which one quoted cell may go.
const MOST_LINES: usize = 60;
const MOST_CELLS: usize = 200;

/// Names of columns, without what stands before their last dots, in lower case.
const PODS: [&str; 6] = [
    "pod",
    "pod_name",
    "podname",
    "pod.name",
    "kubernetes.pod_name",
    "kubernetes.pod.name",
];
const NAMESPACES: [&str; 5] = [
    "namespace",
    "namespace_name",
    "kubernetes.namespace_name",
    "kubernetes.namespace",
    "kube_namespace",
];
const CONTAINERS: [&str; 5] = [
    "container",
    "container_name",
    "containername",
    "kubernetes.container_name",
    "kubernetes.container.name",
];
const TIMES: [&str; 6] = ["@timestamp", "timestamp", "time", "date", "_time", "timegenerated"];
const TEXTS: [&str; 8] = [
    "message",
    "log",
    "line",
    "msg",
    "_raw",
    "content",
    "logmessage",
    "log_message",
];

/// Which column holds what.
pub(super) struct Heading {
    pod: usize,
    text: usize,
    namespace: Option<usize>,
    container: Option<usize>,
    time: Option<usize>,
}

/// Reads a line as a heading: it must name pod and message.
pub(super) fn heading(line: &str) -> Option<Heading> {
    if !line.contains(',') || line.len() > 4096 {
        return None;
    }
    let (cells, is_whole) = split(line);
    if !is_whole || cells.len() < 2 {
        return None;
    }
    let names: Vec<String> = cells.iter().map(|cell| cell.trim().to_lowercase()).collect();
    let at = |wanted: &[&str]| names.iter().position(|name| wanted.contains(&name.as_str()));
    Some(Heading {
        pod: at(&PODS)?,
        text: at(&TEXTS)?,
        namespace: at(&NAMESPACES),
        container: at(&CONTAINERS),
        time: at(&TIMES),
    })
}

impl Heading {
    /// The record of a row; none when it has no pod.
    pub(super) fn record(&self, cells: &[String]) -> Option<Record> {
        let cell = |at: Option<usize>| {
            at.and_then(|at| cells.get(at))
                .map_or("", |cell| cell.trim())
                .to_owned()
        };
        let pod = cell(Some(self.pod));
        (!pod.is_empty()).then(|| Record {
            namespace: cell(self.namespace),
            pod,
            container: cell(self.container),
            time: cell(self.time),
            text: cell(Some(self.text)),
            ..Record::default()
        })
    }
}

/// The cells of the row that begins at a 0-based line, and the line after it. None at a blank line, at the end, and for a line with a
/// single cell.
pub(super) fn cells_at(file: &TextFile<'_>, start: usize) -> Option<(Vec<String>, usize)> {
    let first = file.lines.get(start).filter(|line| !line.trim().is_empty())?;
    let mut text = (*first).to_owned();
    let mut end = start + 1;
    loop {
        let (cells, is_whole) = split(&text);
        if is_whole || end - start >= MOST_LINES || end >= file.lines.len() {
            return (cells.len() > 1).then_some((cells, end));
        }
        text.push('\n');
        text.push_str(file.line(end));
        end += 1;
    }
}

/// Cuts a row; false when a quotation is still open at its end.
fn split(row: &str) -> (Vec<String>, bool) {
    let mut cells = Vec::new();
    let mut cell = String::new();
    let mut is_quoted = false;
    let mut characters = row.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '"' if is_quoted && characters.peek() == Some(&'"') => {
                characters.next();
                cell.push('"');
            }
            '"' if is_quoted => is_quoted = false,
            '"' if cell.is_empty() => is_quoted = true,
            ',' if !is_quoted && cells.len() + 1 < MOST_CELLS => cells.push(std::mem::take(&mut cell)),
            _ => cell.push(c),
        }
    }
    cells.push(cell);
    (cells, !is_quoted)
}

//! One or several tables in a row: finds them, cuts them, and hands each row to what knows its kind.

use std::collections::BTreeMap;

use super::super::build::ObjectBuilder;
use super::super::hint::{Hint, is_gap};
use super::super::kinds;
use super::super::values::{is_age, pairs};
use super::{Header, Row, bare, chosen, cluster, custom, detect, event, network, pod, storage, workload, wrapped};
use crate::bundle::decode::{Form, Section, TextFile};
use crate::model::{Problem, ProblemKind};

/// Decodes the table that starts at a 0-based line and those that follow it after one empty line (as `kubectl get all` prints
/// them), or declines.
///
/// Rows become objects with [`Form::Row`]. What a row tells in words that the API does not have stands beside the API's fields:
/// `metadata.casefileAge` (the age as written), `metadata.casefileTerminating` (the object is being deleted since an unknown time),
/// `casefileColumns` (the cells of a kind that is not known in particular).
pub(crate) fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    if let Some(section) = chosen::decode(file, start) {
        return Some(section);
    }
    let Some(header) = Header::parse(file.line(start)) else {
        let (whole, hint) = bare::with_heading(file, start)?;
        return decode_put_together(file, &whole, &hint);
    };
    let hint = Hint::above(file, start);
    if let Some(whole) = wrapped::unwrap(file, start) {
        return decode_put_together(file, &whole, &hint);
    }
    decode_all(file, start, header, &hint)
}

/// Decodes a table whose lines are not as they stand in the file.
fn decode_put_together(file: &TextFile<'_>, whole: &wrapped::Unwrapped, hint: &Hint) -> Option<Section> {
    let inner = TextFile::new(file.bundle.clone(), file.path, &whole.text).at_most(file.most_facts);
    let mut section = decode_all(&inner, 0, Header::parse(inner.line(0))?, hint)?;
    section.facts.iter_mut().for_each(|fact| whole.relocate(fact));
    section.end = whole.end;
    Some(section)
}

/// The tables from one on.
fn decode_all<'t>(file: &TextFile<'t>, start: usize, first: Header<'t>, hint: &Hint) -> Option<Section> {
    let mut header = first;
    let mut section = Section {
        end: start,
        ..Section::default()
    };
    let mut at = start;
    while let Some(end) = decode_one(file, at, &header, hint, &mut section) {
        section.end = end;
        at = if file.line(end).trim().is_empty() { end + 1 } else { end };
        match Header::parse(file.line(at)) {
            Some(next) => header = next,
            None => break,
        }
    }
    (section.end > start).then_some(section)
}

/// Decodes one table; the 0-based line after it, or none when its kind is not told.
fn decode_one<'t>(
    file: &TextFile<'t>,
    start: usize,
    header: &Header<'t>,
    hint: &Hint,
    section: &mut Section,
) -> Option<usize> {
    let row_at = |index: usize| {
        let line = file.line(index);
        (Header::parse(line).is_none())
            .then(|| header.row(line, index))
            .flatten()
            .filter(is_row)
    };
    let first = row_at(start + 1);
    let prefixed = first.as_ref().is_some_and(|row| row.raw("NAME").contains('/'));
    // A heading that was cut at the edge of a screen still shows that these are pods.
    let is_pods = || {
        let cell = |column| first.as_ref().map_or("", |row| row.raw(column));
        !header.has("AGE") && is_fraction(cell("READY")) && pod::is_status(cell("STATUS"))
    };
    let kind = detect::kind(header, hint, prefixed).or_else(|| is_pods().then(|| "Pod".to_owned()))?;
    let mut end = start + 1;
    // With `--watch` an object has a row for each of its changes; the last is what it is.
    let mut seen: BTreeMap<(String, String), usize> = BTreeMap::new();
    loop {
        if let Some(row) = row_at(end) {
            if section.facts.len() < file.most_facts
                && let Some(builder) = object(file, &row, &kind, hint)
            {
                let name = ["/metadata/namespace", "/metadata/name"].map(|pointer| builder.text(pointer).to_owned());
                let is_prefixed = row.raw("NAME").contains('/');
                let fact = builder.finish(Form::Row);
                let [namespace, name] = name;
                let known = seen
                    .get(&(namespace.clone(), name.clone()))
                    .filter(|_| kind != "Event" && !is_prefixed);
                match known.and_then(|&index| section.facts.get_mut(index)) {
                    Some(known) => *known = fact,
                    None => {
                        seen.insert((namespace, name), section.facts.len());
                        section.facts.push(fact);
                    }
                }
            }
        } else if end > start + 1 && is_lost(header, file.line(end)) {
            let detail = "a row does not stand under its headings";
            section
                .problems
                .push(Problem::file(file.path, ProblemKind::Unparsed, detail).at_line(end as u64 + 1));
        } else if !(end > start && is_gap(file.line(end)) && row_at(end + 1).is_some()) {
            return Some(end);
        }
        end += 1;
    }
}

/// `1/2`, as in the column READY.
pub(super) fn is_fraction(cell: &str) -> bool {
    let is_count = |text: &str| !text.is_empty() && text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    cell.split_once('/')
        .is_some_and(|(ready, all)| is_count(ready) && is_count(all))
}

/// True for a line that continues the table as it seems, though it could not be cut: it has nearly as many cells as there are
/// headings, and is no heading itself.
fn is_lost(header: &Header<'_>, line: &str) -> bool {
    let cells = line.split("  ").filter(|cell| !cell.trim().is_empty()).count();
    cells >= 3 && cells + 1 >= header.names().len() && cells <= header.names().len() && Header::parse(line).is_none()
}

/// A row begins with a name, or with the age of an event.
pub(super) fn is_row(row: &Row<'_, '_>) -> bool {
    let Some((column, cell)) = row.cells().next() else {
        return false;
    };
    let word = cell.split_whitespace().next().unwrap_or("");
    match column {
        "NAME" | "NAMESPACE" => {
            let named = word.starts_with(|c: char| c.is_alphanumeric())
                && word.chars().all(|c| {
                    c.is_alphanumeric() || matches!(c, '-' | '.' | '_' | ':' | '/' | '@' | '~' | '*' | '+' | '=')
                });
            named && (word.len() == cell.len() || cell.ends_with("(default)"))
        }
        _ => is_age(word) || word.starts_with('<'),
    }
}

fn object<'f, 't>(file: &'f TextFile<'t>, row: &Row<'_, 't>, kind: &str, hint: &Hint) -> Option<ObjectBuilder<'f, 't>> {
    if kind == "Event" {
        return event::object(file, row, hint);
    }
    let cell = row.raw("NAME");
    let cell = cell.strip_suffix(" (default)").unwrap_or(cell);
    let (kind, name) = match cell.split_once('/') {
        Some((word, name)) => (kinds::kind_of(word)?, name),
        None => (kind.to_owned(), cell),
    };
    if kind.is_empty() || name.is_empty() {
        return None;
    }
    let mut to = ObjectBuilder::new(file, &kind, name, row.line);
    to.namespace(
        row.get("NAMESPACE").unwrap_or_else(|| hint.namespace_for(&kind)),
        row.line,
    );
    to.set_some("/metadata/casefileAge", row.get("AGE"), row.line);
    if row.raw("AGE").is_empty() {
        to.set_some("/metadata/creationTimestamp", row.get("CREATED AT"), row.line);
    }
    for (key, value) in row.get("LABELS").map(pairs).unwrap_or_default() {
        to.entry("/metadata/labels", key, value, row.line);
    }
    for label in &hint.labels {
        // The heading is the last part of the label's key (kubectl's `formatLabelHeaders`).
        let heading = label.rsplit('/').next().unwrap_or(label).to_uppercase();
        if let Some(value) = row.get(&heading) {
            to.entry("/metadata/labels", label, value, row.line);
        }
    }
    if kind == "Pod" && row.get("NODE").is_none() && !hint.node.is_empty() {
        to.set("/spec/nodeName", hint.node.as_str(), row.line);
    }
    fill(&kind, row, &mut to);
    Some(to)
}

fn fill(kind: &str, row: &Row<'_, '_>, to: &mut ObjectBuilder<'_, '_>) {
    match kind {
        "Pod" => pod::fill(row, to),
        "Deployment" => workload::deployment(row, to),
        "ReplicaSet" | "ReplicationController" => workload::replica_set(row, to),
        "StatefulSet" => workload::stateful_set(row, to),
        "DaemonSet" => workload::daemon_set(row, to),
        "Job" => workload::job(row, to),
        "CronJob" => workload::cron_job(row, to),
        "HorizontalPodAutoscaler" => workload::autoscaler(row, to),
        "PodDisruptionBudget" => workload::disruption_budget(row, to),
        "Service" => network::service(row, to),
        "Endpoints" => network::endpoints(row, to),
        "EndpointSlice" => network::endpoint_slice(row, to),
        "Ingress" => network::ingress(row, to),
        "IngressClass" => network::ingress_class(row, to),
        "NetworkPolicy" => network::network_policy(row, to),
        "PersistentVolumeClaim" => storage::claim(row, to),
        "PersistentVolume" => storage::volume(row, to),
        "StorageClass" => storage::class(row, to),
        "VolumeAttachment" => storage::attachment(row, to),
        "Node" => cluster::node(row, to),
        "Namespace" => cluster::namespace(row, to),
        "ResourceQuota" => cluster::quota(row, to),
        "Secret" => cluster::secret(row, to),
        "Lease" => cluster::lease(row, to),
        "PriorityClass" => cluster::priority_class(row, to),
        "APIService" => cluster::api_service(row, to),
        "CertificateSigningRequest" => cluster::signing_request(row, to),
        "ComponentStatus" => cluster::component_status(row, to),
        _ => custom::fill(kind, row, to),
    }
}

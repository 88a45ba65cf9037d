//! The events at the end of a description.
//!
//! Source: `DescribeEvents` of `k8s.io/kubectl/pkg/describe/describe.go`: columns Type, Reason, Age, From, Message since 1.9; before it
//! FirstSeen, LastSeen, Count, From, SubObjectPath, Type, Reason, Message. An age is `3m` or `3m (x5 over 10m)`.

use super::super::build::ObjectBuilder;
use super::super::kinds;
use super::super::table::Header;
use super::super::values::{event_count, event_source, integer};
use super::extent::indent;
use super::outline::Item;
use crate::bundle::decode::{Fact, Form, TextFile};

/// The object that a table of events is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct About<'a> {
    /// Its kind; empty when nothing tells.
    pub(crate) kind: &'a str,
    /// Its namespace.
    pub(crate) namespace: &'a str,
    /// Its name.
    pub(crate) name: &'a str,
}

/// The events of the object that is described: its table's heading and rows.
pub(crate) fn read(file: &TextFile<'_>, lines: &[Item<'_>], about: &About<'_>) -> Vec<Fact> {
    let About { kind, namespace, name } = *about;
    // What stands further left than the heading is more of a message, however long it is.
    let left = lines.first().map_or(0, |first| indent(first.raw));
    let Some(header) = lines
        .first()
        .and_then(|first| Header::inner(first.raw))
        .filter(|header| header.has("Reason"))
    else {
        return Vec::new();
    };
    let mut builders: Vec<ObjectBuilder<'_, '_>> = Vec::new();
    for item in lines.iter().skip(1).filter(|item| !item.text.starts_with("---")) {
        let row = header
            .row(item.raw, item.line)
            .filter(|row| indent(item.raw) >= left && !row.raw("Reason").is_empty());
        if row.is_some() && builders.len() >= file.most_facts {
            break;
        }
        match (row, builders.last_mut()) {
            (Some(row), _) => {
                let line = item.line;
                let mut to = ObjectBuilder::new(file, "Event", &format!("{name}.line{}", line + 1), line);
                to.namespace(namespace, line);
                if !name.is_empty() {
                    to.set("/involvedObject/kind", kind, line);
                    to.set("/involvedObject/name", name, line);
                }
                if !kinds::is_cluster_scoped(kind) && !namespace.is_empty() {
                    to.set("/involvedObject/namespace", namespace, line);
                }
                for (pointer, column) in [
                    ("/type", "Type"),
                    ("/reason", "Reason"),
                    ("/message", "Message"),
                    ("/involvedObject/fieldPath", "SubObjectPath"),
                ] {
                    to.set_some(pointer, row.get(column), line);
                }
                if let Some((path, message)) = row.get("Message").and_then(field_path) {
                    to.set("/involvedObject/fieldPath", path, line);
                    to.set("/message", message, line);
                }
                if let Some((component, host)) = row.get("From").map(event_source) {
                    to.set("/source/component", component, line);
                    to.set_some("/source/host", host, line);
                }
                let age = row.any(&["Age", "LastSeen"]);
                to.set_some("/metadata/casefileAge", age, line);
                to.set_some("/metadata/casefileFirstAge", row.get("FirstSeen"), line);
                to.set_some(
                    "/count",
                    row.get("Count").and_then(integer).or_else(|| age.and_then(event_count)),
                    line,
                );
                builders.push(to);
            }
            // A message of several lines, or one that was wrapped.
            (None, Some(last)) => last.continue_text("/message", item.text, item.line),
            (None, None) => {}
        }
    }
    builders
        .into_iter()
        .map(|builder| builder.finish(Form::Describe))
        .collect()
}

/// Since 1.33 the message of a container's event begins with its field path: `spec.containers{api}: Container created`.
fn field_path(message: &str) -> Option<(&str, &str)> {
    let (path, rest) = message.split_once("}: ")?;
    let (list, container) = path.split_once('{')?;
    let is_path = matches!(
        list,
        "spec.containers" | "spec.initContainers" | "spec.ephemeralContainers"
    );
    (is_path && !container.contains(' ')).then_some((message.get(..=path.len())?, rest))
}

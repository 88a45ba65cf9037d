//! Rows of events.
//!
//! Sources: `printEvent` of `kubernetes/pkg/printers/internalversion/printers.go` (OBJECT since 1.13, before it NAME and KIND) and
//! `k8s.io/kubectl/pkg/cmd/events/event_printer.go` (`kubectl events`: LAST SEEN may be `3m (x5 over 10m)`).

use super::super::build::ObjectBuilder;
use super::super::hint::Hint;
use super::super::kinds;
use super::super::values::{event_count, event_source, integer};
use super::Row;
use crate::bundle::decode::TextFile;

/// An event from a row. Most tables leave out its name; it is then called after its object and line.
///
/// `metadata.casefileAge` is the age of the last occurrence as written, `metadata.casefileFirstAge` that of the first.
pub(crate) fn object<'f, 't>(file: &'f TextFile<'t>, row: &Row<'_, 't>, hint: &Hint) -> Option<ObjectBuilder<'f, 't>> {
    let line = row.line;
    let (kind, name) = match row.get("OBJECT") {
        Some(object) => {
            let (word, name) = object.split_once('/').unwrap_or(("", object));
            (kinds::kind_of(word).unwrap_or_default(), name)
        }
        // Before 1.13 NAME is the event's, which begins with that of its object.
        None => {
            let name = row.get("NAME")?;
            (
                row.get("KIND")?.to_owned(),
                name.rsplit_once('.').map_or(name, |(object, _)| object),
            )
        }
    };
    let own_name = row
        .get("NAME")
        .map_or_else(|| format!("{name}.line{}", line + 1), str::to_owned);
    let mut to = ObjectBuilder::new(file, "Event", &own_name, line);
    let namespace = row.get("NAMESPACE").unwrap_or(&hint.namespace);
    to.namespace(namespace, line);
    to.set_some(
        "/involvedObject/kind",
        Some(kind.as_str()).filter(|kind| !kind.is_empty()),
        line,
    );
    to.set("/involvedObject/name", name, line);
    if !namespace.is_empty() && !kinds::is_cluster_scoped(&kind) {
        to.set("/involvedObject/namespace", namespace, line);
    }
    to.set_some("/involvedObject/fieldPath", row.get("SUBOBJECT"), line);
    for (pointer, column) in [("/type", "TYPE"), ("/reason", "REASON"), ("/message", "MESSAGE")] {
        to.set_some(pointer, row.get(column), line);
    }
    if let Some((component, host)) = row.get("SOURCE").map(event_source) {
        to.set("/source/component", component, line);
        to.set_some("/source/host", host, line);
    }
    let age = row.any(&["LAST SEEN", "LASTSEEN", "LAST"]);
    to.set_some("/metadata/casefileAge", age, line);
    to.set_some(
        "/metadata/casefileFirstAge",
        row.any(&["FIRST SEEN", "FIRSTSEEN", "FIRST"]),
        line,
    );
    to.set_some(
        "/count",
        row.get("COUNT").and_then(integer).or_else(|| age.and_then(event_count)),
        line,
    );
    Some(to)
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{at, objects, text};
    use super::super::decode;

    #[test]
    fn the_wide_table_has_source_and_count() {
        let source = text(
            "# kubectl get events -n shop -o wide\n\
             LAST SEEN   TYPE      REASON    OBJECT      SUBOBJECT                SOURCE             MESSAGE                            FIRST SEEN   COUNT   NAME\n\
             15s         Warning   BackOff   pod/web-0   spec.containers{nginx}   kubelet, node-1    Back-off restarting  container     12m          57      web-0.17a\n",
        );
        let section = source.decode(decode);
        let event = objects(&section).next().unwrap();
        for (pointer, expected) in [
            ("/metadata/name", "web-0.17a"),
            ("/metadata/namespace", "shop"),
            ("/involvedObject/kind", "Pod"),
            ("/involvedObject/name", "web-0"),
            ("/involvedObject/fieldPath", "spec.containers{nginx}"),
            ("/source/component", "kubelet"),
            ("/source/host", "node-1"),
            ("/message", "Back-off restarting  container"),
            ("/metadata/casefileAge", "15s"),
            ("/metadata/casefileFirstAge", "12m"),
        ] {
            assert_eq!(at(event, pointer), expected, "{pointer}");
        }
        assert_eq!(at(event, "/count"), 57);
    }

    #[test]
    fn the_short_table_and_its_forebear() {
        let source = text(
            "NAMESPACE   LAST SEEN              TYPE      REASON             OBJECT                MESSAGE\n\
             shop        3m (x5 over 10m)       Warning   FailedScheduling   pod/web-0             0/3 nodes are available: 3 磁盘不足.\n\
             default     5m                     Normal    NodeNotReady       node/w1               Node w1 status is now: NodeNotReady\n\n\
             LASTSEEN   FIRSTSEEN   COUNT     NAME                     KIND      SUBOBJECT   TYPE      REASON     SOURCE                MESSAGE\n\
             1m         9m          12        web-0.15c0d5b6a3f0b1c2   Pod                   Warning   Unhealthy  kubelet, w1           probe failed\n",
        );
        let section = source.decode(decode);
        let events: Vec<_> = objects(&section).collect();
        assert_eq!(
            (at(events[0], "/count"), at(events[0], "/message")),
            (&5.into(), &"0/3 nodes are available: 3 磁盘不足.".into())
        );
        assert_eq!(at(events[1], "/involvedObject/namespace"), &serde_json::Value::Null);
        assert_eq!(
            (at(events[2], "/involvedObject/name"), at(events[2], "/count")),
            (&"web-0".into(), &12.into())
        );
    }
}

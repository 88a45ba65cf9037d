//! Events of a namespace as Cluster API's end-to-end tests watch them: a heading, four fields, the last of them the whole event as Go
//! prints it.
//!
//! Source: kubernetes-sigs/cluster-api `test/framework/namespace_helpers.go` (`WatchNamespaceEvents`): `[New Event] %s`, `resource: %s/%s/%s`,
//! `reason: %s`, `message: %s`, `full: %#v`. Times of the last are `time.Date(2026, time.November, 21, 10, 10, 42, 0, time.Local)`
//! (Go's `Time.GoString`); the tests run where local time is UTC.

use regex::Regex;

use super::kubectl::ObjectBuilder;
use super::shape::{Shape, group};
use super::{Decoder, Fact, Form, Section, TextFile};

/// `clusters/<cluster>/resources/<namespace>/events.log`.
pub(super) const DECODER: Decoder = Decoder {
    name: "watched events",
    decode,
};

/// Lines that a message may have.
const MOST_LINES: usize = 200;

fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    heading(file.line(start))?;
    let mut section = Section {
        end: start,
        ..Section::default()
    };
    while let Some((fact, end)) = event(file, section.end) {
        if section.facts.len() < file.most_facts {
            section.facts.push(fact);
        }
        section.end = end;
    }
    (section.end > start).then_some(section)
}

/// Namespace and name of `[New Event] work/web.18a` and `[Updated Event] …`.
fn heading(line: &str) -> Option<(&str, &str)> {
    let rest = line
        .strip_prefix("[New Event] ")
        .or_else(|| line.strip_prefix("[Updated Event] "))?;
    rest.trim().split_once('/')
}

/// One event and the line behind it.
fn event<'f>(file: &'f TextFile<'_>, start: usize) -> Option<(Fact, usize)> {
    let (namespace, name) = heading(file.line(start))?;
    let field = |line: usize, field: &str| {
        file.line(line)
            .strip_prefix('\t')?
            .strip_prefix(field)?
            .strip_prefix(": ")
    };
    let (rest, about) = field(start + 1, "resource")?.rsplit_once('/')?;
    let (_, kind) = rest.rsplit_once('/')?;
    let mut event: ObjectBuilder<'f, '_> = ObjectBuilder::new(file, "Event", name, start);
    event.namespace(namespace, start);
    event.set("/involvedObject/kind", kind, start + 1);
    event.set("/involvedObject/name", about, start + 1);
    event.set("/involvedObject/namespace", namespace, start + 1);
    event.set("/reason", field(start + 2, "reason")?.trim(), start + 2);
    let first = start + 3;
    event.set("/message", field(first, "message")?, first);
    let last = (first + 1..file.lines.len())
        .take(MOST_LINES)
        .find(|&line| field(line, "full").is_some() || heading(file.line(line)).is_some());
    let last = last.unwrap_or(first + 1).min(file.lines.len());
    for line in first + 1..last {
        event.continue_text("/message", file.line(line), line);
    }
    let Some(full) = field(last, "full") else {
        return Some((event.finish(Form::Api), last));
    };
    for (pointer, name) in [
        ("/type", " Type:\""),
        ("/source/component", "Source:v1.EventSource{Component:\""),
        ("/source/host", ", Host:\""),
        ("/involvedObject/fieldPath", " FieldPath:\""),
    ] {
        let text = full.split_once(name).and_then(|(_, rest)| rest.split_once('"'));
        event.set_some(
            pointer,
            text.map(|(text, _)| text).filter(|text| !text.is_empty()),
            last,
        );
    }
    let count = full.split_once(" Count:").and_then(|(_, rest)| rest.split_once(','));
    event.set_some("/count", count.and_then(|(count, _)| count.parse::<i64>().ok()), last);
    for (pointer, name) in [
        ("/firstTimestamp", "FirstTimestamp:"),
        ("/lastTimestamp", "LastTimestamp:"),
        ("/eventTime", "EventTime:"),
        ("/metadata/creationTimestamp", "CreationTimestamp:"),
    ] {
        event.set_some(pointer, time_of(full, name), last);
    }
    Some((event.finish(Form::Api), last + 1))
}

/// The time behind a field's name, as RFC 3339; none for Go's zero time, which is in the year 1.
fn time_of(full: &str, name: &str) -> Option<String> {
    static TIME: Shape = Shape::new(|| {
        Regex::new(
            r"^(?:v1\.(?:Micro)?Time\{Time:)?time\.Date\((?<year>\d{4}), time\.(?<month>[A-Z][a-z]+), (?<day>\d+), (?<hour>\d+), (?<minute>\d+), (?<second>\d+), ",
        )
    });
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let (_, rest) = full.split_once(name)?;
    let found = TIME.groups(rest)?;
    let month = MONTHS.iter().position(|month| *month == group(&found, "month"))? + 1;
    let number = |name: &str| group(&found, name).parse::<u32>().ok();
    Some(format!(
        "{}-{month:02}-{:02}T{:02}:{:02}:{:02}Z",
        group(&found, "year"),
        number("day")?,
        number("hour")?,
        number("minute")?,
        number("second")?,
    ))
}

#[cfg(test)]
mod tests {
    use super::super::sample::section;
    use super::*;

    const EVENT: &str = "[New Event] work/md-0-abcde.18a\n\tresource: infrastructure.cluster.x-k8s.io/v1beta1/DockerMachine/md-0-abcde\n\treason: FailedCreate\n\tmessage: failed to create the machine:\nno such image\n\tfull: &v1.Event{TypeMeta:v1.TypeMeta{Kind:\"\", APIVersion:\"\"}, ObjectMeta:v1.ObjectMeta{Name:\"md-0-abcde.18a\", Namespace:\"work\", CreationTimestamp:time.Date(2026, time.November, 21, 10, 5, 42, 0, time.Local), ManagedFields:[]v1.ManagedFieldsEntry{v1.ManagedFieldsEntry{FieldsType:\"FieldsV1\"}}}, Reason:\"FailedCreate\", Source:v1.EventSource{Component:\"dockermachine-controller\", Host:\"\"}, FirstTimestamp:time.Date(2026, time.November, 21, 10, 5, 42, 0, time.Local), LastTimestamp:time.Date(2026, time.November, 21, 10, 10, 42, 0, time.Local), Count:3, Type:\"Warning\", EventTime:time.Date(1, time.January, 1, 0, 0, 0, 0, time.UTC)}\n";

    #[test]
    fn a_watched_event_is_an_event() {
        let text =
            format!("{EVENT}[Updated Event] work/x.1\n\tresource: v1/Pod/x\n\treason: Killing\n\tmessage: Stopping\n");
        let found = section(&DECODER, "events.log", &text).unwrap();
        let [Fact::Object(failed), Fact::Object(killing)] = found.facts.as_slice() else {
            panic!("{found:?}")
        };
        let text = |pointer: &str| {
            failed
                .value
                .pointer(pointer)
                .map(ToString::to_string)
                .unwrap_or_default()
        };
        for (pointer, value) in [
            ("/involvedObject/kind", "\"DockerMachine\""),
            ("/message", "\"failed to create the machine:\\nno such image\""),
            ("/type", "\"Warning\""),
            ("/count", "3"),
            ("/source/component", "\"dockermachine-controller\""),
            ("/source/host", ""),
            ("/lastTimestamp", "\"2026-11-21T10:10:42Z\""),
            ("/eventTime", ""),
        ] {
            assert_eq!(text(pointer), value, "{pointer}");
        }
        assert_eq!(killing.value["involvedObject"]["name"], "x");
        assert_eq!(found.end, 10);
    }

    #[test]
    fn other_text_is_declined() {
        for text in ["", "[New Event] x", "[New Event] a/b\nresource: x\n", "[ERROR] a/b\n"] {
            assert!(section(&DECODER, "events.log", text).is_none(), "{text}");
        }
    }
}

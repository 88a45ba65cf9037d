//! Parts of a description that were pasted without its head: what `kubectl describe pod web-0 | tail` left, or its events alone.

use super::super::hint::Hint;
use super::decode::describe;
use super::events::{self, About};
use super::extent;
use super::outline::Outline;
use crate::bundle::decode::shape::is_heading;
use crate::bundle::decode::{PodRef, Section, TextFile};

/// Keys at the left with which such a part begins (`k8s.io/kubectl/pkg/describe/describe.go`).
const KEYS: &[&str] = &[
    "Namespace",
    "Labels",
    "Annotations",
    "Node",
    "Start Time",
    "Status",
    "Reason",
    "Message",
    "IP",
    "IPs",
    "Controlled By",
    "Init Containers",
    "Containers",
    "Conditions",
    "Volumes",
    "QoS Class",
    "Node-Selectors",
    "Tolerations",
    "Taints",
    "Unschedulable",
    "Capacity",
    "Allocatable",
    "System Info",
    "Non-terminated Pods",
    "Allocated resources",
    "Selector",
    "Type",
    "Port",
    "TargetPort",
    "Endpoints",
    "Subsets",
    "Replicas",
    "Pods Status",
    "Pod Template",
    "StorageClass",
    "Volume",
    "Used By",
    "Mounted By",
    "Rules",
    "Spec",
    "Events",
];

/// Decodes a part of a description: below a command that names what was described, or a table of events by itself.
pub(super) fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let line = file.line(start);
    let text = line.trim();
    let is_events = text == "Events:" && is_events_heading(file.line(start + 1));
    let is_bare = is_events_heading(line) && file.line(start + 1).trim_start().starts_with("---");
    let is_part = extent::is_key(text) && text.split_once(':').is_some_and(|(key, _)| KEYS.contains(&key));
    if !is_events && !is_bare && !is_part {
        return None;
    }
    let hint = Hint::above(file, start);
    if is_part && !hint.name.is_empty() && !hint.kind.is_empty() {
        let end = extent::end(file, start);
        return Some(Section {
            end,
            facts: describe(file, start, end, &hint)?,
            also_log: true,
            ..Section::default()
        });
    }
    if is_part && !is_events {
        return None;
    }
    let (first, end) = if is_events {
        (start + 1, extent::end(file, start))
    } else {
        (start, table_end(file, start))
    };
    let outline = Outline::new(file, first, end);
    let told = outline.lines().find_map(|item| pod_of_message(item.text));
    let about = match (&hint.name, told) {
        (name, _) if !name.is_empty() => About {
            kind: &hint.kind,
            namespace: &hint.namespace,
            name,
        },
        (_, Some((namespace, name))) => About {
            kind: "Pod",
            namespace,
            name,
        },
        _ => About {
            kind: "",
            namespace: &hint.namespace,
            name: "",
        },
    };
    Some(Section {
        end,
        facts: events::read(file, outline.items(), &about),
        also_log: true,
        ..Section::default()
    })
}

/// `Type  Reason  Age  From  Message`, and the columns before 1.9.
fn is_events_heading(line: &str) -> bool {
    is_heading(line, &["Type", "Reason", "Age", "From", "Message"])
        || is_heading(line, &["FirstSeen", "LastSeen", "Count", "From"])
}

/// The 0-based line after a table of events without a label above it: its rows stand as deep as its heading.
fn table_end(file: &TextFile<'_>, start: usize) -> usize {
    let depth = extent::indent(file.line(start));
    let is_row = |line: &&&str| line.trim().len() > 1 && line.contains("  ") && extent::indent(line) == depth;
    start + file.lines.iter().skip(start).take_while(is_row).count()
}

/// Namespace and name of the pod that a message of the scheduler (`Successfully assigned shop/web-0 to node-1`,
/// `pkg/scheduler/schedule_one.go`) or of the kubelet (`… in pod web-0_shop(uid)`) tells.
fn pod_of_message(message: &str) -> Option<(&str, &str)> {
    if let Some((_, rest)) = message.split_once("Successfully assigned ") {
        return rest
            .split_whitespace()
            .next()?
            .split_once('/')
            .filter(|(namespace, name)| !namespace.is_empty() && !name.is_empty());
    }
    let (_, rest) = message.split_once(" in pod ").or_else(|| message.split_once(" pod="))?;
    let words = rest.trim_start_matches('"');
    let pod = PodRef::of_words(words).filter(|_| words.contains('('))?;
    Some((pod.namespace, pod.name))
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{at, find, names, objects, text};
    use super::super::decode;

    const EVENTS: &str = "  Type     Reason     Age                From               Message\n  ----     ------     ----               ----               -------\n  Warning  BackOff    2m (x40 over 12m)  kubelet            Back-off restarting failed container nginx in pod web-0_shop(1234)\n";

    #[test]
    fn the_end_of_a_description_is_of_what_its_command_asked_for() {
        let source = text(&format!(
            "$ kubectl describe pod web-0 -n shop | tail\nContainers:\n  nginx:\n    State:          Waiting\n      Reason:       CrashLoopBackOff\n    Restart Count:  7\nQoS Class:          BestEffort\nEvents:\n{EVENTS}$ date\n"
        ));
        let section = source.decode(decode);
        let pod = find(&section, "Pod", "web-0");
        assert_eq!(at(pod, "/metadata/namespace"), "shop");
        assert_eq!(
            at(pod, "/status/containerStatuses/0/state/waiting/reason"),
            "CrashLoopBackOff"
        );
        assert_eq!(section.facts.len(), 2);
    }

    #[test]
    fn events_alone_are_about_the_pod_that_their_messages_name() {
        for pasted in [format!("see:\nEvents:\n{EVENTS}"), format!("{EVENTS}\nthanks\n")] {
            let source = text(&pasted);
            let section = source.decode(decode);
            let event = objects(&section).next().unwrap();
            assert_eq!(
                (
                    at(event, "/involvedObject/name"),
                    at(event, "/involvedObject/namespace"),
                    at(event, "/count")
                ),
                (&"web-0".into(), &"shop".into(), &40.into()),
                "{pasted}"
            );
        }
    }

    #[test]
    fn events_about_nobody_knows_what_are_still_events() {
        let source = text(&EVENTS.replace("in pod web-0_shop(1234)", "today"));
        let section = source.decode(decode);
        let event = objects(&section).next().unwrap();
        assert_eq!(
            (at(event, "/reason"), at(event, "/involvedObject/name")),
            (&"BackOff".into(), &serde_json::Value::Null)
        );
    }

    #[test]
    fn the_end_of_a_block_of_code_ends_a_description() {
        let source = text(&format!(
            "```\nName:  web-0\nNamespace:  shop\nStatus:  Running\nNode:  n1\nEvents:\n{EVENTS}```\nand so on\n"
        ));
        let section = source.decode(decode);
        assert_eq!(names(&section).len(), 2);
        let event = objects(&section).nth(1).unwrap();
        assert!(at(event, "/message").as_str().unwrap().ends_with("web-0_shop(1234)"));
    }

    #[test]
    fn other_text_is_declined() {
        for other in [
            "Events:\n",
            "Events: 3\n",
            "Status: fine\n",
            "Containers:\n  a:\n",
            "Type  Reason\n----\n",
        ] {
            assert!(text(other).decode(decode).facts.is_empty(), "{other}");
        }
    }
}

//! Lines that somebody picked out of the description of one pod: `kubectl describe pod web-0 | grep -E "State|Reason|Exit Code"`.
//!
//! Source of the keys: `describeContainers` and `describePod` of `k8s.io/kubectl/pkg/describe/describe.go`.

use serde_json::json;

use super::super::build::ObjectBuilder;
use super::super::hint::Hint;
use super::super::values::{integer, present, timestamp};
use crate::bundle::decode::{Form, Section, TextFile};

/// Keys of a pod, and of its containers' states.
const KEYS: [&str; 14] = [
    "State",
    "Last State",
    "Reason",
    "Exit Code",
    "Message",
    "Started",
    "Finished",
    "Ready",
    "Restart Count",
    "Image",
    "Node",
    "Status",
    "IP",
    "Name",
];
/// Containers of one pod.
const MOST: usize = 100;

/// The lines below such a command, as far as each is one of a description. Containers have no names in them: theirs are empty.
pub(super) fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let above = file.line(start.checked_sub(1)?);
    if above.len() > 1_000 || !above.contains(" describe ") || !above.contains("grep") {
        return None;
    }
    let first = pair(file.line(start))?;
    let hint = Hint::above(file, start);
    if hint.kind != "Pod" || hint.name.is_empty() || !KEYS.contains(&first.0) {
        return None;
    }
    let mut to = ObjectBuilder::new(file, "Pod", &hint.name, start);
    to.namespace(&hint.namespace, start);
    let mut containers = 0_usize;
    // Which state the keys below it belong to.
    let mut state = "";
    let mut end = start;
    while end < file.lines.len() {
        let text = file.line(end);
        if text.trim() == "--" {
            end += 1;
            continue;
        }
        let Some((key, value)) = pair(text).filter(|(key, _)| KEYS.contains(key)) else {
            break;
        };
        let line = end;
        end += 1;
        if key == "State" || containers == 0 && matches!(key, "Last State" | "Ready" | "Restart Count" | "Image") {
            if containers >= MOST {
                break;
            }
            to.push("/status/containerStatuses", json!({"name": ""}), line);
            containers += 1;
        }
        let at = format!("/status/containerStatuses/{}", containers.saturating_sub(1));
        let Some(value) = present(value) else { continue };
        match key {
            "State" | "Last State" => {
                state = if key == "State" { "state" } else { "lastState" };
                let word = value.to_ascii_lowercase();
                if matches!(word.as_str(), "waiting" | "running" | "terminated") {
                    to.map(&format!("{at}/{state}/{word}"), line);
                } else {
                    state = "";
                }
            }
            "Ready" => to.set(&format!("{at}/ready"), value == "True", line),
            "Restart Count" => to.set_some(&format!("{at}/restartCount"), integer(value), line),
            "Image" => to.set(&format!("{at}/image"), value, line),
            "Node" => to.set("/spec/nodeName", value.split('/').next().unwrap_or(value), line),
            "Status" => to.set("/status/phase", value, line),
            "IP" => to.set("/status/podIP", value, line),
            _ if state.is_empty() || containers == 0 => {}
            field => {
                let path = format!("{at}/{state}");
                let inner = to
                    .value()
                    .pointer(&path)
                    .and_then(|state| state.as_object()?.keys().next().cloned())
                    .unwrap_or_default();
                let path = format!("{path}/{inner}");
                match field {
                    "Reason" => to.set(&format!("{path}/reason"), value, line),
                    "Message" => to.set(&format!("{path}/message"), value, line),
                    "Exit Code" => to.set_some(&format!("{path}/exitCode"), integer(value), line),
                    "Started" => to.set(&format!("{path}/startedAt"), timestamp(value), line),
                    "Finished" => to.set(&format!("{path}/finishedAt"), timestamp(value), line),
                    _ => {}
                }
            }
        }
    }
    (end > start).then(|| Section {
        end,
        facts: vec![to.finish(Form::Describe)],
        also_log: true,
        ..Section::default()
    })
}

fn pair(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split_once(':')?;
    Some((key.trim(), value.trim()))
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{at, find};
    use super::super::decode;
    use crate::bundle::decode::TextFile;
    use crate::model::EntryPath;

    #[test]
    fn picked_lines_tell_the_states_of_containers() {
        let pasted = "$ kubectl describe pod web-0 -n shop | grep -E 'State|Reason|Exit|Restart'\n    State:          Waiting\n      Reason:       CrashLoopBackOff\n    Last State:     Terminated\n      Reason:       OOMKilled\n      Exit Code:    137\n    Restart Count:  7\n    State:          Running\n    Restart Count:  0\n$ date\n";
        let path = EntryPath::new("x");
        let file = TextFile::new("b".into(), &path, pasted);
        let section = decode(&file, 1).unwrap();
        let pod = find(&section, "Pod", "web-0");
        let status = |pointer: &str| at(pod, &format!("/status/containerStatuses/{pointer}")).clone();
        assert_eq!(status("0/state/waiting/reason"), "CrashLoopBackOff");
        assert_eq!(status("0/lastState/terminated/exitCode"), 137);
        assert_eq!(status("0/lastState/terminated/reason"), "OOMKilled");
        assert_eq!(
            (status("0/restartCount"), status("1/restartCount")),
            (7.into(), 0.into())
        );
        assert_eq!((at(pod, "/metadata/namespace"), section.end), (&"shop".into(), 9));
    }

    #[test]
    fn lines_of_several_pods_are_left_alone() {
        for command in [
            "$ kubectl describe pods -n shop | grep State",
            "$ kubectl describe node n1 | grep Ready",
            "$ cat x | grep State",
        ] {
            let pasted = format!("{command}\n    State:   Running\n");
            let path = EntryPath::new("x");
            assert!(
                decode(&TextFile::new("b".into(), &path, &pasted), 1).is_none(),
                "{command}"
            );
        }
    }
}

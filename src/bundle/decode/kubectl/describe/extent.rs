//! Where a description starts and ends among other text.
//!
//! `kubectl describe` separates objects by two empty lines (`k8s.io/kubectl/pkg/cmd/describe/describe.go`). Keys of the object stand at the left, what
//! belongs to them is indented. Values may break that order: the data of a ConfigMap and messages of several lines are printed as
//! they are.

use super::super::hint::prompt_command;
use crate::bundle::decode::TextFile;

/// A value that was printed as it is may go on for this many lines before the description is taken up again.
const LOOK_AHEAD: usize = 40;

/// Second keys of a description: no other `Name:` is followed by one of these.
const SECOND: &[&str] = &[
    "Namespace:",
    "Labels:",
    "Roles:",
    "Role:",
    "Annotations:",
    "IsDefaultClass:",
    "Value:",
    "CreationTimestamp:",
    "Selector:",
    "Priority:",
    "Driver:",
    "Controller:",
];

/// True when a description starts at a 0-based line: `Name:`, and below it a key that comes second.
pub(crate) fn starts(file: &TextFile<'_>, start: usize) -> bool {
    let line = file.line(start);
    let base = indent(line);
    if base > 8 || !is_name(line) {
        return false;
    }
    let next = file.line(start + 1);
    indent(next) == base && SECOND.iter().any(|key| next.trim_start().starts_with(key))
}

/// The 0-based line after the description that starts at `start`, without the empty lines at its end.
pub(crate) fn end(file: &TextFile<'_>, start: usize) -> usize {
    let base = indent(file.line(start));
    let mut end = start + 1;
    let mut data = false;
    let mut table = false;
    let mut events = file.line(start).trim_start().starts_with("Events:");
    let mut index = start + 1;
    while index < file.lines.len() {
        let line = file.line(index);
        let text = line.trim();
        if text.is_empty() {
            index += 1;
            continue;
        }
        let gap = index > end;
        let deeper = indent(line) > base;
        let key = is_key(text);
        let fence = text.starts_with("```") && !data;
        // A reference to another object (`Service:` with `Name:` and `Namespace:`) stands below a key, never beside the first line.
        if (!deeper && starts(file, index)) || fence || (!deeper && prompt_command(text).is_some()) {
            break;
        }
        if matches!(text, "Data" | "BinaryData") && !deeper {
            data = true;
        } else if !deeper && (text.starts_with("Resource ") || text.starts_with("Type ") || text.starts_with("No ")) {
            table = true;
        } else if !deeper && text.starts_with("Events:") {
            (data, table, events) = (false, false, true);
        } else if deeper || data {
            // Part of the key above, or of the data.
        } else if table {
            let row = text.starts_with('-') || text.contains("  ");
            if !row {
                break;
            }
        } else if key && !events {
            if gap && !text.starts_with("Type:") {
                break;
            }
        } else if gap || !(events && is_of_mount(text) || taken_up_again(file, index, base, events)) {
            break;
        }
        index += 1;
        end = index;
    }
    end
}

/// True for the further lines of the message about a mount that failed, which stand at the left and may be the last of all
/// (k8s.io/mount-utils `mount_linux.go`: `mount failed: %v\nMounting command: %s\nMounting arguments: %s\nOutput: %s`).
fn is_of_mount(text: &str) -> bool {
    [
        "Mounting command: ",
        "Mounting arguments: ",
        "Output: ",
        "mount: ",
        "mount.",
    ]
    .iter()
    .any(|start| text.starts_with(start))
}

/// True for `Key:`, alone or with a value, as descriptions have at the left.
pub(crate) fn is_key(text: &str) -> bool {
    let Some((key, rest)) = text.split_once(':') else {
        return false;
    };
    key.starts_with(|c: char| c.is_ascii_uppercase())
        && key.len() <= 60
        && key
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, ' ' | '-' | '_' | '/' | '(' | ')' | '.'))
        && (rest.is_empty() || rest.starts_with([' ', '\t']))
}

/// The width of the white space before a line's text; a tab reaches to the next multiple of eight columns.
pub(crate) fn indent(line: &str) -> usize {
    let mut width = 0;
    for c in line.chars() {
        match c {
            ' ' => width += 1,
            '\t' => width = (width / 8 + 1) * 8,
            _ => break,
        }
    }
    width
}

fn is_name(line: &str) -> bool {
    line.trim_start().strip_prefix("Name:").is_some_and(|rest| {
        let name = rest.trim();
        rest.starts_with([' ', '\t']) && !name.is_empty() && !name.contains(char::is_whitespace)
    })
}

/// True when the lines at `index` are the rest of a message: below them the description goes on with what only it can have, an event
/// or a field of a container.
fn taken_up_again(file: &TextFile<'_>, index: usize, base: usize, events: bool) -> bool {
    (index + 1..file.lines.len().min(index + LOOK_AHEAD))
        .take_while(|&next| !is_name(file.line(next)))
        .any(|next| {
            let line = file.line(next);
            let text = line.trim_start();
            let deeper = indent(line) > base;
            if events {
                deeper && (text.starts_with("Normal  ") || text.starts_with("Warning  "))
            } else {
                (deeper && (text.starts_with("Exit Code:") || text.starts_with("Ready:")))
                    || (!deeper && (text.starts_with("Conditions:") || text.starts_with("Events:")))
            }
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::decode::kubectl::testing::text;

    fn lines(source: &str) -> usize {
        let source = text(source);
        let file = source.file();
        assert!(starts(&file, 0));
        end(&file, 0)
    }

    #[test]
    fn a_log_line_after_a_description_is_not_part_of_it() {
        assert_eq!(
            lines("Name:  web\nNamespace:  shop\nEvents:  <none>\n2026-01-01 started\n"),
            3
        );
        assert_eq!(lines("Name:  web\nNamespace:  shop\n\nError: something else\n"), 2);
        assert_eq!(lines("Name:  web\nNamespace:  shop\n$ kubectl get pods\n"), 2);
    }

    #[test]
    fn a_message_of_several_lines_is_part_of_it() {
        assert_eq!(
            lines(
                "Name:  web\nNamespace:  shop\nContainers:\n  web:\n      Message:  panic\ngoroutine 1\n      Exit Code:  2\n"
            ),
            7
        );
        assert_eq!(
            lines(
                "Name:  web\nNamespace:  shop\nEvents:\n  Type  Reason\n  ----  ------\n  Warning  Unhealthy  failed:\nHTTP 500\n  Normal  Pulled  done\n"
            ),
            8
        );
    }

    #[test]
    fn a_reference_to_another_object_is_part_of_it() {
        assert_eq!(
            lines(
                "Name:  gate\nNamespace:\nWebhooks:\n  Client Config:\n    Service:\n      Name:       gate-svc\n      Namespace:  sec\n  Name:  pods.gate.example\n"
            ),
            8
        );
    }

    #[test]
    fn data_is_part_of_it_whatever_it_says() {
        assert_eq!(
            lines(
                "Name:  cfg\nNamespace:  shop\n\nData\n====\na:\n----\nname: x\n\nfoo\n\nBinaryData\n====\n\nEvents:  <none>\nrest\n"
            ),
            15
        );
    }

    #[test]
    fn other_names_start_nothing() {
        for other in [
            "Name: vm\nContainers: 3\n",
            "Name:\nNamespace: x\n",
            "Name:  two words\nNamespace:  x\n",
            "Names:  x\nNamespace: y\n",
        ] {
            assert!(!starts(&text(other).file(), 0), "{other}");
        }
    }
}

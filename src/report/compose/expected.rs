//! What a command prints when it worked, where the rule does not say: the programs' own words for what they did.

use super::phrases::{filled, phrase};
use crate::model::Text;

/// Part of a command and the word with which kubectl reports it: `kubectl` pkg/cmd, each command's `Operation` of its printer.
const KUBECTL: [(&str, &str); 16] = [
    (" rollout restart ", "restarted"),
    (" rollout undo ", "rolled back"),
    (" rollout resume ", "resumed"),
    (" patch ", "patched"),
    (" scale ", "scaled"),
    (" delete ", "deleted"),
    (" create ", "created"),
    (" label ", "labeled"),
    (" annotate ", "annotated"),
    (" uncordon ", "uncordoned"),
    (" cordon ", "cordoned"),
    (" edit ", "edited"),
    (" set ", "updated"),
    (" apply ", "configured"),
    (" certificate approve ", "approved"),
    (" taint ", "modified"),
];

/// For a command without an expectation of its own.
pub(super) fn expected(command: &str) -> Text {
    let last = command
        .lines()
        .rev()
        .find(|line| !line.trim().is_empty())
        .unwrap_or_default();
    if last.trim_start().starts_with("kubectl")
        && let Some((_, word)) = KUBECTL.iter().find(|(part, _)| last.contains(part))
    {
        return filled("expect.says", &[("word", (*word).into())]);
    }
    phrase("expect.no-error")
}

/// True where all that is to be expected of a command is that it ends without an error.
pub(crate) fn is_silent(expected: &Text) -> bool {
    *expected == phrase("expect.no-error")
}

/// Commands of kubectl that tell the server's answer without changing anything when given `--dry-run=server` (`kubectl` pkg/cmd: each
/// calls `AddDryRunFlag`).
const TRIED: [&str; 10] = [
    " patch ",
    " apply ",
    " scale ",
    " delete ",
    " create ",
    " label ",
    " annotate ",
    " set ",
    " taint ",
    " rollout undo ",
];

/// What to do before a change that a rule gives no check for; empty where there is no way to try the command.
pub(super) fn prechecked(command: &str) -> Text {
    let kubectl: Vec<&str> = command
        .lines()
        .filter(|line| line.trim_start().starts_with("kubectl"))
        .collect();
    let is_tried = |line: &&str| TRIED.iter().any(|part| line.contains(part));
    if !kubectl.is_empty() && kubectl.iter().all(is_tried) {
        phrase("precheck.dry-run")
    } else {
        Text::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kubectl_says_what_it_did_and_other_programs_end_without_an_error() {
        assert!(
            expected("kubectl -n shop rollout restart deployment/web")
                .en
                .contains("restarted")
        );
        assert!(
            expected("kubectl get pods\nkubectl uncordon n1")
                .en
                .contains("uncordoned")
        );
        assert_eq!(expected("systemctl restart kubelet"), phrase("expect.no-error"));
    }

    #[test]
    fn a_change_is_tried_first_where_kubectl_can_try_it() {
        assert!(
            prechecked("kubectl -n shop scale deployment/web --replicas=2")
                .en
                .contains("--dry-run=server")
        );
        assert!(prechecked("kubectl -n shop rollout restart deployment/web").is_empty());
        assert!(prechecked("systemctl restart kubelet").is_empty());
    }
}

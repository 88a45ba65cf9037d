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
}

//! The answer of a machine that an ad hoc command of Ansible shows: `n1 | CHANGED | rc=0 >>` above it, or
//! `n1 | SUCCESS | rc=0 | (stdout) …` before it on one line (ansible `plugins/callback/minimal.py`, `oneline.py`).

/// Such an answer, or the line above it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnsibleAnswer<'l> {
    /// The machine, as the inventory calls it.
    pub host: &'l str,
    /// The first line that it wrote; none where what it wrote stands below.
    pub first_line: Option<&'l str>,
}

/// What a line shows of an answer; none for any other line.
pub fn ansible_answer(line: &str) -> Option<AnsibleAnswer<'_>> {
    let (host, rest) = line.trim().split_once(" | ")?;
    let (outcome, rest) = rest.split_once(" | ")?;
    let rest = rest.strip_prefix("rc=")?;
    // On one line `\n` stands for a line's end.
    let written = rest.split_once(" | (stdout) ");
    matches!(outcome, "CHANGED" | "SUCCESS" | "FAILED").then_some(AnsibleAnswer {
        host,
        first_line: written.map(|(_, written)| written.split("\\n").next().unwrap_or(written).trim()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_to_show_an_answer_name_the_machine() {
        let read = |line| ansible_answer(line).map(|answer| (answer.host, answer.first_line));
        assert_eq!(read("wk5 | CHANGED | rc=0 >>"), Some(("wk5", None)));
        assert_eq!(
            read("wk5 | SUCCESS | rc=0 | (stdout) 10:20:42\\n10:20:43"),
            Some(("wk5", Some("10:20:42")))
        );
        assert_eq!(read("wk5 | FAILED | rc=1 >>"), Some(("wk5", None)));
        for line in ["web-1  | SUCCESS | 200 | GET /", "| a | b | rc=0 |", "wk5 | rc=0", ""] {
            assert_eq!(read(line), None, "{line}");
        }
    }
}

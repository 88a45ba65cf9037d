//! Logs below the command that printed them, as people paste them: `$ kubectl -n shop logs web-0 -c app --previous`.
//!
//! Source of the flags: kubernetes/kubectl `pkg/cmd/logs/logs.go`.

use super::super::{Fact, LogSection, Section, TextFile};
use super::hint::prompt_command;

/// The lines between a `kubectl logs` at a prompt and the next prompt.
pub(crate) fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let line = file.line(start).trim();
    if !line.contains(" logs") {
        return None;
    }
    let command = prompt_command(line)?;
    let prompt = line.strip_suffix(command)?.trim_end();
    // With `--prefix` each line tells whose it is.
    if file.line(start + 1).starts_with("[pod/") {
        return None;
    }
    let mut section = target(command)?;
    let end = (start + 1..file.lines.len())
        .find(|&index| ends(file.line(index).trim_start(), prompt))
        .unwrap_or(file.lines.len());
    section.first = start + 1;
    section.end = end;
    Some(Section {
        end,
        facts: vec![Fact::LogSection(section)],
        problems: Vec::new(),
        also_log: false,
    })
}

/// True for the next prompt, or for the end of a block of code in Markdown.
fn ends(line: &str, prompt: &str) -> bool {
    line.starts_with("```")
        || (!prompt.is_empty() && line.strip_prefix(prompt).is_some_and(|rest| rest.starts_with(' ')))
        || prompt_command(line).is_some()
}

/// What the command asked for; none when it is no `logs` or names nothing. A selector names no pod.
fn target(command: &str) -> Option<LogSection> {
    let mut section = LogSection {
        namespace: String::new(),
        pod: String::new(),
        container: String::new(),
        previous: false,
        first: 0,
        end: 0,
    };
    let mut is_logs = false;
    let mut names = Vec::new();
    let mut words = command.split_whitespace().skip(1);
    while let Some(word) = words.next() {
        let (flag, inline) = word
            .split_once('=')
            .map_or((word, None), |(flag, value)| (flag, Some(value)));
        let mut value = || inline.unwrap_or_else(|| words.next().unwrap_or("")).to_owned();
        match flag {
            "|" | ">" | "2>&1" | ";" => break,
            "-n" | "--namespace" => section.namespace = value(),
            "-c" | "--container" => section.container = value(),
            "-p" | "--previous" => section.previous = true,
            "-l" | "--selector" | "--tail" | "--since" | "--since-time" | "--limit-bytes" | "--context"
            | "--kubeconfig" => {
                value();
            }
            "logs" if !is_logs => is_logs = true,
            _ if word.starts_with('-') => {}
            _ => names.push(word),
        }
    }
    if !is_logs {
        return None;
    }
    let mut names = names.into_iter();
    let pod = names.next()?;
    section.pod = pod.rsplit('/').next().unwrap_or(pod).to_owned();
    if section.container.is_empty() {
        section.container = names.next().unwrap_or("").to_owned();
    }
    Some(section)
}

#[cfg(test)]
mod tests {
    use super::super::testing::text;
    use super::*;

    #[test]
    fn a_pasted_log_belongs_to_the_pod_of_its_command() {
        let source = text(
            "root@b:~# kubectl -n photo logs web-front-57b96b46b7-zv4q2 -c nginx -p --tail 3\nboom\n\nagain\nroot@b:~# kubectl get svc\n",
        );
        let section = source.decode(decode);
        let Some(Fact::LogSection(log)) = section.facts.first() else {
            panic!()
        };
        assert_eq!(
            (log.namespace.as_str(), log.pod.as_str(), log.container.as_str()),
            ("photo", "web-front-57b96b46b7-zv4q2", "nginx")
        );
        assert!(log.previous);
        assert_eq!((log.first, log.end), (1, 4));
    }

    #[test]
    fn a_workload_may_stand_for_its_pod_and_a_selector_names_none() {
        assert_eq!(target("kubectl logs deploy/cart --tail=5").unwrap().pod, "cart");
        assert!(target("kubectl logs -l app=cart").is_none());
        assert!(target("kubectl get pods logs-0").is_none());
    }
}

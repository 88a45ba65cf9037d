//! What a record says was run, as a line at a prompt.

use super::super::prompt::PROGRAMS;

/// Bytes of a longer command that are shown.
const LONGEST: usize = 600;

/// The command as one line that begins with a known program: of a script the first line or part that does. None when there is none.
pub(super) fn command_line(text: &str) -> Option<String> {
    let text = without_shell(text.trim());
    let part = text
        .lines()
        .flat_map(|line| line.split("&&"))
        .flat_map(|part| part.split(';'))
        .map(|part| without_variables(part.trim()))
        .find(|part| is_known(part))?;
    Some(part.get(..part.floor_char_boundary(LONGEST)).unwrap_or(part).to_owned())
}

/// `bash -c "…"`, `sh -lc '…'`: what the shell is given.
fn without_shell(text: &str) -> &str {
    let Some((shell, rest)) = text.split_once(' ') else {
        return text;
    };
    let name = shell.rsplit('/').next().unwrap_or(shell);
    let inner = ["-c ", "-lc ", "-ec ", "-xc "]
        .iter()
        .find_map(|option| rest.trim_start().strip_prefix(option));
    match inner {
        Some(inner) if matches!(name, "sh" | "bash" | "zsh" | "ash" | "dash") => {
            let inner = inner.trim();
            ['"', '\'']
                .iter()
                .find_map(|quote| inner.strip_prefix(*quote)?.strip_suffix(*quote))
                .unwrap_or(inner)
        }
        _ => text,
    }
}

/// `sudo` and settings of the environment before a command.
fn without_variables(part: &str) -> &str {
    let mut rest = part.trim_start_matches(['$', '(', '>']).trim_start();
    loop {
        let (word, after) = rest.split_once(' ').unwrap_or((rest, ""));
        let is_setting = word.split_once('=').is_some_and(|(name, _)| {
            !name.is_empty()
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_uppercase() || byte == b'_' || byte.is_ascii_digit())
        });
        if (is_setting || matches!(word, "sudo" | "time" | "-E" | "-n")) && !after.is_empty() {
            rest = after.trim_start();
        } else {
            return rest;
        }
    }
}

/// True for a command of which people paste the output.
fn is_known(part: &str) -> bool {
    let word = part.split_whitespace().next().unwrap_or("");
    let name = word.rsplit('/').next().unwrap_or(word);
    /// Words of English, too: they count as commands only with an option or an argument like a path.
    const WORDS: [&str; 22] = [
        "grep", "tail", "date", "host", "top", "route", "watch", "kind", "head", "less", "find", "sort", "last", "who",
        "w", "id", "stat", "env", "flux", "k", "free", "mount",
    ];
    let is_plain = part.split_whitespace().skip(1).any(|word| word.starts_with(['-', '/']));
    PROGRAMS.contains(&name)
        && (!WORDS.contains(&name)
            || is_plain
            || part == word && part.len() > 2
            || name == "k" && part.contains(" get "))
}

/// The command in what an assistant wrote: in a block of code, in a call, or behind `Action:`.
pub(super) fn command_in_words(text: &str) -> Option<String> {
    let in_block = || {
        text.split("```").skip(1).step_by(2).find_map(|block| {
            let (language, body) = block.split_once('\n').unwrap_or(("", block));
            let body = if language.contains(' ') { block } else { body };
            in_call(body).or_else(|| command_line(body))
        })
    };
    let behind = || {
        text.lines().find_map(|line| {
            let line = line.trim();
            let rest = ["Action Input:", "Action:", "Command:", "$ "]
                .iter()
                .find_map(|start| line.strip_prefix(start))?;
            in_call(rest).or_else(|| command_line(rest.trim_matches(['`', ' ', '"'])))
        })
    };
    let in_tag = || {
        ["command", "cmd", "bash", "execute"].iter().find_map(|tag| {
            let (_, rest) = text.split_once(&format!("<{tag}>"))?;
            command_line(rest.split_once("</").map_or(rest, |(inner, _)| inner))
        })
    };
    in_block().or_else(behind).or_else(in_tag).or_else(|| in_call(text))
}

/// `exec_shell("kubectl get pods")`: the text between the first quote of a call and its last.
fn in_call(text: &str) -> Option<String> {
    let (name, rest) = text.trim().split_once('(')?;
    let is_name = !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.');
    let quote = rest
        .find(['"', '\''])
        .filter(|_| is_name)
        .and_then(|at| rest.get(at..)?.chars().next())?;
    let (_, inner) = rest.split_once(quote)?;
    let (inner, _) = inner.rsplit_once(quote)?;
    command_line(&inner.replace("\\\"", "\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_the_part_that_asks() {
        for (text, line) in [
            ("kubectl get pods -A", Some("kubectl get pods -A")),
            ("sudo KUBECONFIG=/x kubectl get no", Some("kubectl get no")),
            (
                "cd /tmp && kubectl get pods -n shop | head",
                Some("kubectl get pods -n shop | head"),
            ),
            ("/bin/bash -lc \"kubectl get ns\"", Some("kubectl get ns")),
            ("set -e\nkubectl get ev; date", Some("kubectl get ev")),
            ("/usr/bin/journalctl -u kubelet", Some("/usr/bin/journalctl -u kubelet")),
            ("python3 x.py", None),
            ("look at the kubectl output", None),
            ("", None),
        ] {
            assert_eq!(command_line(text).as_deref(), line, "{text}");
        }
    }

    #[test]
    fn an_assistant_may_write_it_in_its_words() {
        for text in [
            "I look.\n```bash\nkubectl get pods -n shop\n```\n",
            "```\nexec_shell(\"kubectl get pods -n shop\")\n```",
            "Thought: I look.\nAction: kubectl get pods -n shop",
            "<bash>kubectl get pods -n shop</bash>",
            "exec_shell('kubectl get pods -n shop')",
        ] {
            assert_eq!(
                command_in_words(text).as_deref(),
                Some("kubectl get pods -n shop"),
                "{text}"
            );
        }
        assert_eq!(command_in_words("kubectl would tell us more"), None);
    }
}

//! Outputs in files of their own, with the commands in an index beside them (`03  kubectl get pods -n shop` and `out.03`), each in a
//! file beside its own (Troubleshoot's `crictl-ps-info.json` of `crictl-ps.txt`, `pkg/collect/host_run.go`) or in their names
//! (`03_kubectl_get_pods_-n_shop.txt`).

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;

use super::commands::command_line;
use crate::model::EntryPath;

/// A longer file is no index.
const LONGEST: usize = 64 << 10;
/// Bytes of a longer line are no command.
const LONGEST_LINE: usize = 1_000;
/// Commands of the shortest list that is taken for an index.
const FEWEST: usize = 3;

/// A number, alone or in the name of a file, and the command behind it.
static ENTRY: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"^[\W_]*(?P<name>[A-Za-z._/-]*\d{1,4}[A-Za-z._-]*)[\])]?(?:\s*(?:[:|=]|->|=>|<-)\s*|\s+)(?:[$#>] )?(?P<command>(?:sudo )?(?:kubectl|oc|k|helm|crictl|docker|journalctl|systemctl|etcdctl|ssh|ip|ss|df|free|dmesg|curl|dig|nslookup|cat|chronyc|timedatectl|iptables|openssl) .*)$",
    )
    .ok()
});
/// A command in a file's name, its blanks written as underscores.
static IN_NAME: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?:^|[_\W])(?P<command>(?:kubectl|oc)_(?:-n_[a-z0-9-]+_)?(?:get|describe|logs|top|events)_.+)$").ok()
});

/// Commands that are kept of one bundle; whoever records more than these has a recording, not an index.
const MOST: usize = 10_000;

/// The commands of a folder's outputs, by the number in the name of their file.
#[derive(Debug, Default)]
pub struct CommandIndex {
    of_folder: BTreeMap<String, BTreeMap<u64, String>>,
    /// By the path of the output without its ending.
    of_file: BTreeMap<String, String>,
    kept: usize,
}

impl CommandIndex {
    /// Takes in a file if it is an index: nearly every line is a number and a command.
    pub fn note(&mut self, path: &EntryPath, bytes: &[u8]) {
        if bytes.len() > LONGEST || self.kept >= MOST {
            return;
        }
        let (Some(entry), Ok(text)) = (ENTRY.as_ref(), std::str::from_utf8(bytes)) else {
            return;
        };
        if let Some((output, command)) = of_run(path, text) {
            self.kept += 1;
            self.of_file.insert(output.to_owned(), command);
            return;
        }
        let mut all = text.lines().filter(|line| !line.trim().is_empty()).peekable();
        // Every file of a bundle is asked; most show in their first line that they are none.
        if !all.peek().is_some_and(|first| entry.is_match(first)) {
            return;
        }
        let mut commands = BTreeMap::new();
        let mut lines = 0;
        for line in all {
            lines += 1;
            if line.len() <= LONGEST_LINE
                && let Some(found) = entry.captures(line)
                && let (Some(number), Some(command)) = (number_in(&found["name"]), found.name("command"))
            {
                commands.insert(number, command.as_str().trim().to_owned());
            }
        }
        if commands.len() >= FEWEST && commands.len() * 10 >= lines * 9 {
            self.kept += commands.len();
            self.of_folder.entry(folder(path)).or_default().extend(commands);
        }
    }

    /// The command that printed a file, as the index that was read before it or its own name says.
    pub fn command(&self, path: &EntryPath) -> Option<String> {
        let name = path.file_name();
        let stem = name
            .strip_suffix(".txt")
            .or_else(|| name.strip_suffix(".log"))
            .unwrap_or(name);
        let in_name = || {
            let found = IN_NAME.as_ref()?.captures(stem)?;
            let words: Vec<&str> = found.name("command")?.as_str().split('_').collect();
            match words.iter().position(|word| *word == "n") {
                Some(at) => without_dashes(&words, at),
                None => Some(words.join(" ")),
            }
        };
        let of_folder = self.of_folder.get(&folder(path));
        let indexed = of_folder.and_then(|commands| commands.get(&number_in(name)?).cloned());
        let beside = || self.of_file.get(path.as_str().strip_suffix(".txt")?).cloned();
        indexed.or_else(beside).or_else(in_name)
    }
}

/// What Troubleshoot ran on a host, and the path of its output without its ending.
fn of_run<'p>(path: &'p EntryPath, text: &str) -> Option<(&'p str, String)> {
    let output = path.as_str().strip_suffix("-info.json")?;
    let info: serde_json::Value = serde_json::from_str(text).ok()?;
    info.get("exitCode")?;
    let command = info
        .get("command")?
        .as_str()
        .filter(|command| command.len() <= LONGEST_LINE)?;
    Some((output, command_line(command)?))
}

/// A command of which even the dashes became underscores: `kubectl_get_pods_n_shop_eu_o_wide`. Its namespace ends where an option may
/// begin. Whose log or description it is stays open: names within such a name have no certain end.
fn without_dashes(words: &[&str], option: usize) -> Option<String> {
    const OPTIONS: [&str; 9] = ["o", "l", "w", "L", "A", "sort", "field", "show", "selector"];
    let (before, after) = words.split_at_checked(option)?;
    if matches!(before.get(1), Some(&("logs" | "describe"))) {
        return None;
    }
    let namespace: Vec<&str> = after
        .iter()
        .skip(1)
        .take_while(|word| !word.is_empty() && !OPTIONS.contains(word))
        .copied()
        .collect();
    Some(format!("{} -n {}", before.join(" "), namespace.join("-")))
}

fn folder(path: &EntryPath) -> String {
    path.as_str()
        .rsplit_once('/')
        .map_or("", |(folder, _)| folder)
        .to_owned()
}

/// The only number in a name.
fn number_in(name: &str) -> Option<u64> {
    let mut numbers = name
        .split(|c: char| !c.is_ascii_digit())
        .filter(|digits| !digits.is_empty());
    let number = numbers.next()?.parse().ok();
    number.filter(|_| numbers.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(index: &str, name: &str) -> Option<String> {
        let mut commands = CommandIndex::default();
        commands.note(&EntryPath::new("a/00-commands.txt"), index.as_bytes());
        commands.command(&EntryPath::new(name))
    }

    #[test]
    fn outputs_are_found_by_their_number() {
        for index in [
            "01  kubectl get pods -n shop\n02  kubectl logs -n shop web-0\n03  ssh n1 df -h\n",
            "1. $ kubectl get pods -n shop\n2. $ kubectl logs -n shop web-0\n3. $ ssh n1 df -h\n",
            "out.01: kubectl get pods -n shop\nout.02: kubectl logs -n shop web-0\nout.03: ssh n1 df -h\n",
        ] {
            assert_eq!(
                command(index, "a/out.02").unwrap(),
                "kubectl logs -n shop web-0",
                "{index}"
            );
            assert_eq!(command(index, "b/out.02"), None);
            assert_eq!(command(index, "a/node-2-of-3.txt"), None);
        }
    }

    #[test]
    fn an_output_may_have_a_file_beside_it_that_says_what_was_run() {
        let info =
            r#"{"command":"/usr/bin/crictl ps -a","exitCode":"0","error":"","outputDir":"","input":"","env":[]}"#;
        let mut commands = CommandIndex::default();
        let folder = "b/host-collectors/run-host";
        commands.note(
            &EntryPath::new(&format!("{folder}/containers-info.json")),
            info.as_bytes(),
        );
        let of = |name: &str| commands.command(&EntryPath::new(&format!("{folder}/{name}")));
        assert_eq!(of("containers.txt").unwrap(), "/usr/bin/crictl ps -a");
        assert_eq!(of("other.txt"), None);
    }

    #[test]
    fn a_name_may_be_the_command() {
        assert_eq!(
            command("", "07_kubectl_logs_-n_stay_web-0_--tail=30.txt").unwrap(),
            "kubectl logs -n stay web-0 --tail=30"
        );
        assert_eq!(command("", "web-0.log"), None);
        assert_eq!(
            command("", "kubectl_get_pods_n_stay_eu_o_wide.txt").unwrap(),
            "kubectl get pods -n stay-eu"
        );
        assert_eq!(command("", "kubectl_logs_n_stay_eu_web_0.log"), None);
    }

    #[test]
    fn what_is_kept_of_hostile_indexes_is_bounded() {
        let index: String = (1..=9_999)
            .map(|number| format!("{number} kubectl get pods -n n{number}\n"))
            .collect();
        let mut commands = CommandIndex::default();
        for folder in 0..5 {
            let part = index.get(..LONGEST - 1).unwrap_or(&index);
            commands.note(&EntryPath::new(&format!("{folder}/index")), part.as_bytes());
        }
        let kept: usize = commands.of_folder.values().map(BTreeMap::len).sum();
        assert!(kept < 2 * MOST, "{kept}");
        let long = format!(
            "1 kubectl get {0}\n2 kubectl get {0}\n3 kubectl get {0}\n",
            "x".repeat(LONGEST_LINE)
        );
        assert_eq!(command(&long, "a/out.2"), None);
    }

    #[test]
    fn other_lists_are_no_index() {
        assert_eq!(
            command("1 pod is ready\n2 kubectl get pods\n3 nothing\n", "a/out.2"),
            None
        );
    }
}

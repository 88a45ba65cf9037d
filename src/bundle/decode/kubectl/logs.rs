//! Logs below the command that printed them, as people paste them: `$ kubectl -n shop logs web-0 -c app --previous`.
//!
//! Source of the flags: kubernetes/kubectl `pkg/cmd/logs/logs.go`.

use super::super::{Fact, LogSection, Section, TextFile};
use super::hint::prompt_command;

/// Programs that tell of the cluster or of a machine wherever they run: what they print has decoders of its own.
const NOT_OF_THE_POD: [&str; 24] = [
    "etcdctl",
    "etcdutl",
    "kubectl",
    "crictl",
    "ctr",
    "nerdctl",
    "iptables",
    "iptables-save",
    "ip6tables-save",
    "iptables-legacy-save",
    "ipvsadm",
    "ipset",
    "nft",
    "conntrack",
    "sysctl",
    "fio",
    "chroot",
    "nsenter",
    "systemctl",
    "journalctl",
    "openssl",
    "calicoctl",
    "cilium",
    "cilium-dbg",
];

/// The lines between a `kubectl logs` or a `kubectl exec` at a prompt and the next prompt.
pub(crate) fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let line = file.line(start).trim();
    if ![" logs", " exec ", " debug "].iter().any(|verb| line.contains(verb)) {
        return None;
    }
    let command = prompt_command(line)?;
    let prompt = line.split(command).next().unwrap_or("").trim_end();
    let first = below(file, start);
    // With `--prefix` each line tells whose it is.
    if file.line(first).starts_with("[pod/") {
        return None;
    }
    let mut section = target(command)?;
    let speaks = is_said(file.line(first));
    let end = (first..file.lines.len())
        .find(|&index| {
            let follows_gap = index > first && file.line(index - 1).trim().is_empty();
            ends(file.line(index).trim_start(), prompt) || !speaks && follows_gap && is_said(file.line(index))
        })
        .unwrap_or(file.lines.len());
    // kubectl's own answer is no line of the container.
    let is_refused = ["Error from server", "error: "]
        .iter()
        .any(|begin| file.line(first).starts_with(begin));
    if is_refused && !file.line(first + 1).starts_with(|c: char| !c.is_whitespace()) {
        return None;
    }
    if section.container.is_empty() {
        section.container = default_container(file.line(first)).unwrap_or("").to_owned();
    }
    section.first = first;
    section.end = end;
    let namespace = Some(section.namespace.clone()).filter(|name| !name.is_empty() && name != "kube-system");
    Some(Section {
        end,
        facts: namespace
            .map(Fact::NamespaceNamed)
            .into_iter()
            .chain([Fact::LogSection(section)])
            .collect(),
        problems: Vec::new(),
        also_log: false,
    })
}

/// A block of code below a heading that is a workload's name, as notes have it: `### checkout`, `### checkout (nothing unusual)`. The
/// text has to show the name in another place, as a pod or a workload, and the block has to begin as a log does.
pub(crate) fn decode_below_name(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let heading = file.line(start).trim();
    let title = heading
        .strip_prefix('#')
        .map(|rest| rest.trim_start_matches('#').trim())
        .or_else(|| heading.strip_prefix("**")?.strip_suffix("**"))?;
    let name = title.split([' ', ':', '(']).next()?.trim_matches('`');
    let rest = title
        .trim_start_matches('`')
        .strip_prefix(name)?
        .trim_start_matches('`')
        .trim();
    let is_remark = rest.is_empty() || rest.starts_with(['(', ':']) || matches!(rest, "log" | "logs");
    let is_name = name.len() >= 3
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && name.starts_with(|c: char| c.is_ascii_lowercase());
    let first = below(file, start);
    if !is_remark || !is_name || first == start + 1 || !begins_as_log(file.line(first)) || !is_shown(file, name) {
        return None;
    }
    let end = (first..file.lines.len())
        .find(|&index| file.line(index).trim_start().starts_with("```"))
        .unwrap_or(file.lines.len());
    Some(Section {
        end,
        facts: vec![Fact::LogSection(LogSection {
            namespace: String::new(),
            pod: name.to_owned(),
            container: String::new(),
            previous: false,
            first,
            end,
        })],
        problems: Vec::new(),
        also_log: false,
    })
}

/// True for a line with a time in front, or of a structured log.
fn begins_as_log(line: &str) -> bool {
    let bare = line.trim_start_matches('[');
    let is_date = |(at, byte): (usize, u8)| match at {
        4 | 7 => matches!(byte, b'-' | b'/'),
        _ => byte.is_ascii_digit(),
    };
    let is_dated = bare.len() > 10 && bare.bytes().take(10).enumerate().all(is_date);
    is_dated || line.starts_with("{\"")
}

/// True where a row of a table is that of a pod of this workload, or of the workload itself.
fn is_shown(file: &TextFile<'_>, name: &str) -> bool {
    file.lines.iter().any(|line| {
        let bare = line
            .trim_start()
            .split_once('/')
            .map_or(line.trim_start(), |(_, rest)| rest);
        [line.trim_start(), bare]
            .iter()
            .filter_map(|row| row.strip_prefix(name))
            .any(|rest| rest.starts_with("  ") || rest.starts_with('-') && rest.contains("  "))
    })
}

/// The first line below a command: in Markdown it stands in the block of code that follows.
fn below(file: &TextFile<'_>, start: usize) -> usize {
    const MOST_BLANK: usize = 3;
    let block = (start + 1..file.lines.len())
        .take(MOST_BLANK)
        .find(|&index| !file.line(index).trim().is_empty())
        .filter(|&index| file.line(index).trim_start().starts_with("```"));
    block.map_or(start + 1, |fence| fence + 1)
}

/// `Defaulted container "web" out of: web, proxy`, before 1.20 `Defaulting container name to web.`
fn default_container(line: &str) -> Option<&str> {
    let name = line
        .strip_prefix("Defaulted container \"")
        .and_then(|rest| rest.split_once('"'))
        .map(|(name, _)| name);
    let older = || {
        line.strip_prefix("Defaulting container name to ")?
            .split(['.', ' '])
            .next()
    };
    name.or_else(older)
}

/// True for the next prompt, or for the end of a block of code in Markdown.
fn ends(line: &str, prompt: &str) -> bool {
    // A mark alone (`-`) is too little to tell a prompt from a line of the log.
    let is_telling = prompt.len() > 1 || prompt.ends_with(['$', '#', '>', '%']);
    line.starts_with("```")
        || is_telling && line.strip_prefix(prompt).is_some_and(|rest| rest.starts_with(' '))
        || prompt_command(line).is_some()
}

/// True for a line below an output that says who speaks: somebody's words (`customer> it is slow`), another program's prompt (`mysql> `).
fn is_said(line: &str) -> bool {
    let who = line.split_once("> ").map_or("", |(who, _)| who);
    (2..=30).contains(&who.len())
        && who.starts_with(|c: char| c.is_ascii_alphabetic())
        && who
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// What the command asked for; none when it is none of `logs`, `exec` and `debug`, or names nothing. A selector names no pod.
fn target(command: &str) -> Option<LogSection> {
    let mut section = LogSection {
        namespace: String::new(),
        pod: String::new(),
        container: String::new(),
        previous: false,
        first: 0,
        end: 0,
    };
    let mut verb = "";
    let mut names = Vec::new();
    let mut words = command.split_whitespace().skip(1);
    while let Some(word) = words.next() {
        let (flag, inline) = word
            .split_once('=')
            .map_or((word, None), |(flag, value)| (flag, Some(value)));
        let mut value = || inline.unwrap_or_else(|| words.next().unwrap_or("")).to_owned();
        match flag {
            "|" | ">" | "2>&1" | ";" | "--" => break,
            "-n" | "--namespace" => section.namespace = value(),
            "-c" | "--container" => section.container = value(),
            "-p" | "--previous" => section.previous = true,
            "-l" | "--selector" | "--tail" | "--since" | "--since-time" | "--limit-bytes" | "--context"
            | "--kubeconfig" => {
                value();
            }
            "--image" | "--profile" | "--target" => {
                value();
            }
            "logs" | "exec" | "debug" if verb.is_empty() => verb = flag,
            _ if word.starts_with('-') => {}
            _ => names.push(word),
        }
    }
    let mut names = names.into_iter();
    let pod = names.next()?;
    section.pod = pod.rsplit('/').next().unwrap_or(pod).to_owned();
    let next = names.next().unwrap_or("");
    match verb {
        "logs" => {
            if section.container.is_empty() {
                section.container = next.to_owned();
            }
        }
        // A debugging container shares the network of the pod that it is put beside.
        "exec" | "debug" if !pod.starts_with("node/") => {
            let rest: Vec<&str> = words
                .chain([next])
                .chain(names)
                .filter(|word| !word.is_empty())
                .collect();
            if !is_of_the_pod(&rest) {
                return None;
            }
        }
        _ => return None,
    }
    // A variable of a shell names nothing.
    let is_name = |name: &str| !name.contains(['$', '<', '{', '(']);
    (is_name(&section.pod) && is_name(&section.namespace) && is_name(&section.container)).then_some(section)
}

/// True for a command of which the output tells of the pod in which it ran. A shell by itself is a conversation.
fn is_of_the_pod(words: &[&str]) -> bool {
    let program = |word: &str| {
        word.trim_matches(['"', '\''])
            .rsplit('/')
            .next()
            .unwrap_or("")
            .to_owned()
    };
    let first = words.first().map(|word| program(word)).unwrap_or_default();
    let is_shell = matches!(first.as_str(), "" | "sh" | "bash" | "ash" | "zsh");
    let names_tool = words
        .iter()
        .any(|word| NOT_OF_THE_POD.contains(&program(word).as_str()));
    // Counters and checks of a component are read wherever they were asked for.
    let asks_component = words.iter().any(|word| {
        ["metrics", "healthz", "readyz", "livez"]
            .iter()
            .any(|path| word.contains(path))
    });
    !(names_tool || asks_component || is_shell && words.len() < 3)
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
        let Some(Fact::LogSection(log)) = section.facts.last() else {
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
    fn what_somebody_adds_below_an_output_is_no_line_of_the_log() {
        let ends = |log: &str| {
            let source = text(&format!("$ kubectl logs -n shop web-1\n{log}"));
            match source.decode(decode).facts.last() {
                Some(Fact::LogSection(log)) => log.end,
                _ => 0,
            }
        };
        assert_eq!(ends("boom\n\ncustomer> curl: (60) SSL certificate problem\n"), 3);
        assert_eq!(ends("boom\ninput> goes on\nagain\n"), 4, "no gap above it");
        assert_eq!(ends("main> started\n\nmain> boom\n"), 4, "the program's own form");
        assert_eq!(ends("boom\n\n<a> b\n"), 4);
    }

    #[test]
    fn what_a_command_prints_inside_a_pod_is_of_the_pod() {
        for (command, pod, container) in [
            ("kubectl exec -n shop web-0 -- df -h", Some("web-0"), ""),
            (
                "kubectl debug -q -n shop web-0 --image=x -it -- tc qdisc show",
                Some("web-0"),
                "",
            ),
            ("kubectl debug node/n1 -it --image=x -- ip link", None, ""),
            (
                "kubectl exec -it web-0 -n shop -c app -- cat /etc/resolv.conf",
                Some("web-0"),
                "app",
            ),
            (
                "kubectl exec deploy/web -n shop -- sh -c \"env | sort\"",
                Some("web"),
                "",
            ),
            ("kubectl -n shop exec web-0 env", Some("web-0"), ""),
            ("kubectl exec -n kube-system etcd-n1 -- etcdctl member list", None, ""),
            (
                "kubectl exec -n kube-system etcd-n1 -- sh -c 'ETCDCTL_API=3 etcdctl endpoint status'",
                None,
                "",
            ),
            ("kubectl exec -it web-0 -- sh", None, ""),
            ("kubectl exec web-0 -- curl -s localhost:2381/metrics", None, ""),
        ] {
            let found = target(command);
            assert_eq!(found.as_ref().map(|log| log.pod.as_str()), pod, "{command}");
            assert_eq!(found.map_or(String::new(), |log| log.container), container, "{command}");
        }
    }

    #[test]
    fn kubectl_tells_which_container_it_took_and_what_it_refused() {
        let source = text("$ kubectl logs web-1 -n shop\nDefaulted container \"web\" out of: web, proxy\nboom\n");
        let section = source.decode(decode);
        assert!(
            matches!(section.facts.as_slice(), [Fact::NamespaceNamed(_), Fact::LogSection(log)] if log.container == "web")
        );
        let source = text("$ kubectl logs web-1 -n shop\nError from server (NotFound): pods \"web-1\" not found\n\n");
        assert!(source.decode(decode).facts.is_empty());
    }

    #[test]
    fn below_the_name_of_a_workload_the_block_of_code_is_its_log() {
        let block = "```\n2025-08-19T10:05:03.133Z boom\n```\n";
        let table = "```\ncart-cmmvqnrfj4-jtx4h   1/1   Running   0   22d\n```\n";
        let decode = |pasted: &str| {
            let source = text(pasted);
            decode_below_name(&source.file(), 0)
        };
        for heading in ["### cart", "### cart (as ever)", "**cart**", "## `cart` logs"] {
            let Some(section) = decode(&format!("{heading}\n\n{block}{table}")) else {
                panic!("{heading}")
            };
            assert!(
                matches!(&section.facts[..], [Fact::LogSection(log)] if log.pod == "cart"),
                "{heading}"
            );
        }
        assert!(
            decode(&format!("### cart\n{block}")).is_none(),
            "nothing else is called so"
        );
        assert!(decode(&format!("### cart is slow\n{block}{table}")).is_none());
        assert!(decode(&format!("### cart\n```\nNAME READY\n```\n{table}")).is_none());
    }

    #[test]
    fn below_a_heading_of_markdown_the_log_is_the_block_of_code() {
        for heading in ["### `kubectl logs -n shop web-1`", "**kubectl logs -n shop web-1**"] {
            let source = text(&format!("{heading}\n\n```text\nboom\nagain\n```\nThen it stopped.\n"));
            let section = source.decode(decode);
            let Some(Fact::LogSection(log)) = section.facts.last() else {
                panic!("{heading}")
            };
            assert_eq!((log.pod.as_str(), log.first, log.end), ("web-1", 3, 5));
        }
    }

    #[test]
    fn a_workload_may_stand_for_its_pod_and_a_selector_names_none() {
        assert_eq!(target("kubectl logs deploy/cart --tail=5").unwrap().pod, "cart");
        assert!(target("kubectl logs -l app=cart").is_none());
        assert!(target("kubectl get pods logs-0").is_none());
        assert!(target("kubectl logs -n shop $POD").is_none());
    }
}

//! What a shell prompt or a file name tells of the output below it. A hint fills what the output leaves open, and never contradicts it.

use super::super::{Fact, Section, TextFile};
use super::kinds;

/// How many lines above an output are looked at for its prompt, and how many of them may be blank.
const LOOK_BACK: usize = 16;
const MOST_BLANK: usize = 3;

/// What is known of an output before reading it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Hint {
    /// The kind that was asked for; empty when it is unknown or when several were.
    pub(crate) kind: String,
    /// The name of the one object that was to be described; empty for any other command.
    pub(crate) name: String,
    /// The namespace that was asked for; empty when it is unknown.
    pub(crate) namespace: String,
    /// True when a prompt said it, false for a file name.
    pub(crate) from_prompt: bool,
    /// What `-o` asks for: `name`, `custom-columns=NAME:.metadata.name`; empty when it is not given.
    pub(crate) output: String,
    /// The labels for which `-L` asks columns.
    pub(crate) labels: Vec<String>,
    /// The node of which the pods were asked for (`--field-selector spec.nodeName=wk5`); empty when it is not given.
    pub(crate) node: String,
}

impl Hint {
    /// The hint for the output that starts at a 0-based line: the prompt above it, or else the path of the file.
    pub(crate) fn above(file: &TextFile<'_>, line: usize) -> Self {
        let mut above = (line.saturating_sub(LOOK_BACK)..line).rev();
        let mut blank = 0;
        let prompt = above.find_map(|index| {
            let text = file.line(index).trim();
            blank += usize::from(text.is_empty());
            let is_between = text.is_empty() || is_remark(text) || is_decoration(text);
            (!is_between || blank > MOST_BLANK).then_some(text)
        });
        match prompt.and_then(|line| Some((line, prompt_command(line)?))) {
            Some((line, command)) => {
                let mut hint = from_command(command);
                if hint.namespace.is_empty() && !asks_all(command) {
                    hint.namespace = namespace_of_prompt(line).unwrap_or("").to_owned();
                }
                hint
            }
            None => from_path(file),
        }
    }

    /// The namespace for an object of this kind.
    pub(crate) fn namespace_for(&self, kind: &str) -> &str {
        if kinds::is_cluster_scoped(kind) {
            ""
        } else {
            &self.namespace
        }
    }
}

/// The node that a field selector asks for: `spec.nodeName=wk5,status.phase!=Running`.
fn node_selected(selector: &str) -> String {
    let selector = selector.trim_matches(['"', '\'']);
    let node = selector
        .split(',')
        .find_map(|part| part.strip_prefix("spec.nodeName="))
        .map(|node| node.trim_start_matches('='));
    node.filter(|node| is_name(node)).unwrap_or("").to_owned()
}

/// The namespace for which the command above an output, or the path of the file, asks; empty when none does.
pub(crate) fn namespace_above(file: &TextFile<'_>, line: usize) -> String {
    Hint::above(file, line).namespace
}

/// True for what kubectl says on the side, between a command and its output.
fn is_remark(text: &str) -> bool {
    let is_klog = || {
        let mut letters = text.bytes();
        letters.next().is_some_and(|letter| b"IWE".contains(&letter))
            && letters.take(4).filter(u8::is_ascii_digit).count() == 4
    };
    ["Warning:", "Flag --", "Unable to use a TTY", "Defaulted container"]
        .iter()
        .any(|begin| text.starts_with(begin))
        || is_klog()
}

fn asks_all(command: &str) -> bool {
    command
        .split_whitespace()
        .any(|word| word == "-A" || word.starts_with("--all-namespaces"))
}

/// The namespace that a prompt shows: `(⎈|prod:shop) me@host:~$` (jonmosco/kube-ps1).
fn namespace_of_prompt(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once('⎈')?;
    let (context, _) = rest.split_once([')', ']'])?;
    let (_, namespace) = context.rsplit_once(':')?;
    (!namespace.is_empty() && is_name(namespace)).then_some(namespace)
}

/// True for a line that stands for lines that were left out, that opens a block of code in Markdown, or that is drawn below a heading.
fn is_decoration(text: &str) -> bool {
    let is_drawn = || text.len() > 3 && text.bytes().all(|byte| b"-=#*_~+".contains(&byte));
    text.starts_with("```") || is_gap(text) || is_drawn()
}

/// True for a line that stands for lines that were left out: `...`, `[…]`, `<snip>`, and `--`, which `grep -A` puts between matches.
pub(crate) fn is_gap(text: &str) -> bool {
    const WORDS: [&str; 7] = [
        "snip",
        "snipped",
        "truncated",
        "omitted",
        "output omitted",
        "output truncated",
        "省略",
    ];
    let text = text.trim();
    let inner = text.trim_matches(['.', '…', '[', ']', '<', '>', '(', ')', '-', '*', ' ', '（', '）']);
    !text.is_empty()
        && text.len() <= 60
        && text != "---"
        && (inner.is_empty() || WORDS.contains(&inner.to_ascii_lowercase().as_str()))
}

/// The command of a prompt line, from `kubectl` on: `$ kubectl get pods -n shop`, `[root@m1 ~]# kubectl …`, `+ kubectl …`.
pub(crate) fn prompt_command(line: &str) -> Option<&str> {
    if let Some(command) = in_heading(line) {
        return is_asking(command).then_some(command);
    }
    let at = TOOLS.iter().find_map(|tool| {
        let at = if line.starts_with(tool) {
            Some(0)
        } else {
            [' ', '/']
                .iter()
                .find_map(|before| line.find(&format!("{before}{tool}")))
                .map(|at| at + 1)
        }?;
        let before = line.get(..at)?;
        // `/var/lib/rancher/rke2/bin/kubectl`
        let before = if before.ends_with('/') {
            before.get(..before.rfind(' ').map_or(0, |space| space + 1))?
        } else {
            before
        };
        is_prompt(before.trim_end()).then_some(at)
    })?;
    line.get(at..).filter(|command| is_asking(command))
}

/// What may be called by these names.
const TOOLS: [&str; 3] = ["kubectl ", "oc ", "k "];

/// The command in a heading that somebody wrote above an output: `=== kubectl get pods ===`, `**kubectl logs web-0**`, `` ### `kubectl
/// get events` ``, `` Output of `kubectl get pods`: ``.
fn in_heading(line: &str) -> Option<&str> {
    const MARKS: [char; 7] = ['=', '*', '#', '-', '~', '`', ' '];
    if let Some((before, rest)) = line.split_once('`')
        && TOOLS.iter().any(|tool| rest.starts_with(tool))
        && before.len() <= 80
    {
        let (command, after) = rest.split_once('`')?;
        let after = after.trim_matches([':', '*', ' ', '.', '：', ',', '，']);
        return is_saying(after).then_some(command);
    }
    let inner = line.trim_start_matches(MARKS);
    let is_marked = ["==", "**", "--", "~~"].iter().any(|mark| line.starts_with(mark));
    (is_marked && TOOLS.iter().any(|tool| inner.starts_with(tool)))
        .then(|| inner.trim_end_matches([':', '=', '*', '-', '~', ' ']))
}

/// True for the words between a command in a sentence and what it printed.
fn is_saying(words: &str) -> bool {
    const SAYS: [&str; 14] = [
        "", "says", "said", "shows", "showed", "gives", "gave", "prints", "returns", "returned", "output", "输出",
        "显示", "结果",
    ];
    SAYS.contains(&words)
}

/// True for a command that prints something about the cluster.
fn is_asking(command: &str) -> bool {
    command.split_whitespace().nth(1).is_some_and(|verb| {
        matches!(
            verb,
            "get"
                | "describe"
                | "top"
                | "events"
                | "logs"
                | "version"
                | "apply"
                | "exec"
                | "rollout"
                | "api-resources"
                | "api-versions"
                | "auth"
                | "cluster-info"
                | "config"
                | "run"
                | "debug"
                | "delete"
                | "create"
                | "patch"
                | "scale"
                | "set"
                | "cordon"
                | "uncordon"
                | "drain"
                | "taint"
                | "label"
                | "annotate"
                | "wait"
                | "diff"
                | "explain"
        ) || verb.starts_with('-')
    })
}

/// True for the time that a chat sets before what was typed: `[05:38]`.
fn is_clock(word: &str) -> bool {
    word.strip_prefix('[')
        .and_then(|word| word.strip_suffix(']'))
        .is_some_and(|time| time.contains(':') && time.bytes().all(|byte| byte.is_ascii_digit() || byte == b':'))
}

/// True for what stands before a command: nothing, or something that ends in a prompt's sign.
fn is_prompt(before: &str) -> bool {
    before.chars().count() <= 80
        && before.rsplit([' ', '\t']).next().is_none_or(|last| {
            last.is_empty()
                || matches!(last, "sudo" | "k3s" | "rke2" | "microk8s" | "rancher" | "watch")
                || is_clock(last)
                || last.ends_with(['$', '#', '>', '%', '❯', '➜', '+', ':', '＄', '＃', '~'])
        })
}

/// The namespace that the command of a prompt line names, for outputs that no decoder takes: `$ kubectl -n shop exec web-0 -- ss -lntp`.
pub(crate) fn decode_prompt(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let line = file.line(start).trim();
    if !line.contains("kubectl ") && !line.contains("oc ") {
        return None;
    }
    let namespace = from_command(prompt_command(line)?).namespace;
    // A look at the system's pods says nothing of where an application lives.
    (!namespace.is_empty() && !namespace.starts_with("kube-")).then(|| Section {
        end: start + 1,
        facts: vec![Fact::NamespaceNamed(namespace)],
        problems: Vec::new(),
        also_log: true,
    })
}

/// True for what may be the name of a namespace.
fn is_name(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// The keys of labels in a list.
fn keys(list: &str) -> impl Iterator<Item = String> {
    let keys = list.trim_start_matches('=').split(',');
    keys.filter(|key| !key.is_empty()).map(str::to_owned)
}

/// The hint of a command line, from the program on.
pub(crate) fn from_command(command: &str) -> Hint {
    let command = command.split(['|', ';', '>', '&']).next().unwrap_or(command);
    let mut hint = Hint {
        from_prompt: true,
        ..Hint::default()
    };
    let mut resource = None;
    let mut names: Vec<&str> = Vec::new();
    let mut words = command.split_whitespace().skip(1);
    let mut verb = "";
    while let Some(word) = words.next() {
        match word {
            "-n" | "--namespace" => hint.namespace = words.next().unwrap_or("").to_owned(),
            "-o" | "--output" => hint.output = words.next().unwrap_or("").to_owned(),
            "-L" | "--label-columns" => hint.labels.extend(keys(words.next().unwrap_or(""))),
            "--field-selector" => hint.node = node_selected(words.next().unwrap_or("")),
            "-l" | "--selector" | "--sort-by" | "--context" | "--kubeconfig" | "-c" | "-f" => {
                words.next();
            }
            "--" => break,
            _ => {
                if let Some(namespace) = word
                    .strip_prefix("--namespace=")
                    .or_else(|| word.strip_prefix("-n").filter(|_| !word.starts_with("--")))
                {
                    hint.namespace = namespace.trim_start_matches('=').to_owned();
                } else if let Some(labels) = word
                    .strip_prefix("--label-columns=")
                    .or_else(|| word.strip_prefix("-L").filter(|_| !word.starts_with("--")))
                {
                    hint.labels.extend(keys(labels));
                } else if let Some(output) = word
                    .strip_prefix("--output=")
                    .or_else(|| word.strip_prefix("-o").filter(|_| !word.starts_with("--")))
                {
                    hint.output = output.trim_start_matches('=').to_owned();
                } else if let Some(selector) = word.strip_prefix("--field-selector=") {
                    hint.node = node_selected(selector);
                } else if word.starts_with('-') {
                    continue;
                } else if verb.is_empty() {
                    verb = word;
                } else if resource.is_none() {
                    resource = Some(word);
                    names.extend(word.split_once('/').map(|(_, name)| name));
                } else {
                    names.push(word);
                }
            }
        }
    }
    hint.namespace = hint.namespace.trim_matches(['"', '\'']).to_owned();
    // A variable or a placeholder is no name.
    if !is_name(&hint.namespace) {
        hint.namespace.clear();
    }
    let word = match verb {
        "events" => "events",
        "get" | "describe" | "wait" | "delete" => resource.unwrap_or(""),
        _ => "",
    };
    let word = word.split('/').next().unwrap_or(word);
    if !word.contains(',') {
        hint.kind = kinds::kind_of(word).unwrap_or_default();
    }
    if let ("describe", [name]) = (verb, names.as_slice()) {
        hint.name = (*name).to_owned();
    }
    hint
}

/// Files are called `kubectl-get-configmaps-wide.txt`, `pods`, `describe-pods.txt`, `nodesdescribe`, `namespaces/shop/…`.
fn from_path(file: &TextFile<'_>) -> Hint {
    let mut hint = Hint::default();
    let stem = file.path.file_name().split('.').next().unwrap_or("");
    let words: Vec<&str> = stem
        .split(['-', '_', ' '])
        .flat_map(|word| [word, word.trim_end_matches("describe")])
        .collect();
    // A plural is surer than a singular: `node-1-pods` lists pods.
    let plural = words
        .iter()
        .filter(|word| word.len() > 3 && word.ends_with('s'))
        .find_map(|word| kinds::known(word));
    let any = || {
        words
            .iter()
            .filter(|word| word.len() > 2 || stem == **word)
            .find_map(|word| kinds::known(word))
    };
    hint.kind = plural.or_else(any).unwrap_or("").to_owned();
    let parts: Vec<&str> = file.path.components().collect();
    for pair in parts.windows(2) {
        let [folder, inner] = pair else { continue };
        if *folder == "poddescribe" {
            hint.kind = "Pod".into();
            hint.namespace = (*inner).to_owned();
        } else if matches!(*folder, "namespaces" | "ns" | "namespace")
            && !inner.contains('.')
            && *inner != file.path.file_name()
        {
            hint.namespace = (*inner).to_owned();
        }
    }
    hint
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::decode::kubectl::testing::{named, text};

    fn prompt(kind: &str, namespace: &str) -> Hint {
        Hint {
            kind: kind.into(),
            namespace: namespace.into(),
            from_prompt: true,
            ..Hint::default()
        }
    }

    #[test]
    fn a_prompt_tells_kind_and_namespace() {
        for (line, hint) in [
            ("$ kubectl get pods -n shop", prompt("Pod", "shop")),
            ("# kubectl -n shop get svc web -o wide", prompt("Service", "shop")),
            (
                "[root@m1 ~]# kubectl get deploy --namespace=shop | head",
                prompt("Deployment", "shop"),
            ),
            (
                "root@m1:~$ sudo kubectl describe configmap/app -nshop",
                prompt("ConfigMap", "shop"),
            ),
            ("kubectl get pods,svc -A", prompt("", "")),
            ("❯ k get ev -n shop --sort-by .lastTimestamp", prompt("Event", "shop")),
        ] {
            let source = text(&format!("{line}\n\nNAME\n"));
            let found = Hint::above(&source.file(), 2);
            assert_eq!(
                Hint {
                    name: String::new(),
                    output: String::new(),
                    ..found
                },
                hint,
                "{line}"
            );
        }
    }

    #[test]
    fn a_prompt_names_the_one_object_that_was_described() {
        for (line, name) in [
            ("$ kubectl describe pod web-0 -n shop", "web-0"),
            ("$ kubectl describe -n shop po/web-0 | tail -20", "web-0"),
            ("$ kubectl describe pod web-0 web-1", ""),
            ("$ kubectl describe pods -l app=web", ""),
            ("$ kubectl get pod web-0", ""),
        ] {
            let source = text(&format!("{line}\n...\nEvents:\n"));
            assert_eq!(Hint::above(&source.file(), 2).name, name, "{line}");
        }
    }

    #[test]
    fn options_tell_what_is_printed() {
        let hint = from_command("kubectl get po -n \"shop\" -L app,topology.kubernetes.io/zone -ocustom-columns=A:.x");
        assert_eq!(
            (hint.namespace.as_str(), hint.output.as_str(), hint.labels),
            (
                "shop",
                "custom-columns=A:.x",
                vec!["app".to_owned(), "topology.kubernetes.io/zone".to_owned()]
            )
        );
        assert_eq!(from_command("kubectl get po -n $NS").namespace, "");
        for line in [
            "$ sudo k3s kubectl get pods -n shop",
            "n1:~ # /var/lib/rancher/rke2/bin/kubectl get pods -n shop",
            "(⎈|prod:shop) me@host:~$ kubectl get pods",
            "Every 2.0s: kubectl get pods -n shop      bastion: Sat Nov 21 10:20:42 2026",
        ] {
            let pasted = format!("{line}\nE1121 10:20:42.1 1 memcache.go:265] couldn't get\nWarning: x\n\nNAME\n");
            let source = text(&pasted);
            let hint = Hint::above(&source.file(), 4);
            assert_eq!((hint.kind.as_str(), hint.namespace.as_str()), ("Pod", "shop"), "{line}");
        }
        assert_eq!(from_command("kubectl rollout status deploy/web -n shop").kind, "");
    }

    #[test]
    fn a_heading_may_hold_the_command() {
        for line in [
            "=== kubectl get pods -n shop ===",
            "**kubectl get pods -n shop**",
            "### `kubectl get pods -n shop`",
            "Output of `kubectl get pods -n shop`:",
            "执行 `kubectl get pods -n shop` 输出：",
            "and `kubectl get pods -n shop` shows",
            "--- kubectl get pods -n shop ---",
        ] {
            assert_eq!(prompt_command(line), Some("kubectl get pods -n shop"), "{line}");
        }
        assert_eq!(prompt_command("run `kubectl get pods` and tell me"), None);
    }

    #[test]
    fn a_line_may_be_drawn_below_the_command() {
        let path = crate::model::EntryPath::new("state.txt");
        let drawn = "-".repeat(100);
        let text = format!("{drawn}\n# kubectl get pods -n shop\n{drawn}\nNAME   READY   STATUS\n");
        let file = TextFile::new("b".into(), &path, &text);
        assert_eq!(Hint::above(&file, 3), prompt("Pod", "shop"));
    }

    #[test]
    fn a_sentence_is_no_prompt() {
        assert_eq!(prompt_command("then I ran kubectl get pods and saw this"), None);
        assert_eq!(prompt_command("kubectl is not installed"), None);
    }

    #[test]
    fn a_file_name_tells_a_kind() {
        for (path, kind, namespace) in [
            ("x/kubectl-get-configmaps-wide.txt", "ConfigMap", ""),
            ("rke2/kubectl/nodesdescribe", "Node", ""),
            ("rke2/kubectl/poddescribe/kube-system", "Pod", "kube-system"),
            ("namespaces/shop/core/sa.txt", "ServiceAccount", "shop"),
            ("node-1-pods.txt", "Pod", ""),
            ("ticket.txt", "", ""),
        ] {
            let source = named(path, "NAME\n");
            let hint = Hint::above(&source.file(), 0);
            assert_eq!(
                (hint.kind.as_str(), hint.namespace.as_str()),
                (kind, namespace),
                "{path}"
            );
        }
    }
}

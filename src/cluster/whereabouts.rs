//! On which node a log was written, where no directory of a machine says so.

use std::collections::BTreeMap;
use std::ops::Deref;

use super::Snapshot;
use super::attribution::dashed;
use crate::bundle::decode::{Form, ansible_answer};
use crate::bundle::layout::NodePlace;
use crate::model::EntryPath;

/// The nodes that the bundle's objects mention.
pub(super) struct KnownNodes {
    names: Vec<String>,
    by_address: BTreeMap<String, String>,
}

impl KnownNodes {
    /// Those of a snapshot.
    pub(super) fn of(snapshot: &Snapshot) -> Self {
        let mut by_address = BTreeMap::new();
        for node in snapshot.kind("Node") {
            for address in node.list("/status/addresses") {
                let text = |key: &str| address.get(key).and_then(|value| value.as_str()).unwrap_or("");
                if matches!(text("type"), "InternalIP" | "ExternalIP") {
                    by_address.insert(text("address").to_owned(), node.key.name.clone());
                }
            }
        }
        Self {
            names: names_of_nodes(snapshot),
            by_address,
        }
    }

    /// The name of the node with this address.
    pub(super) fn at_address(&self, address: &str) -> Option<String> {
        self.by_address.get(address).cloned()
    }
}

impl Deref for KnownNodes {
    type Target = [String];

    fn deref(&self) -> &[String] {
        &self.names
    }
}

fn names_of_nodes(snapshot: &Snapshot) -> Vec<String> {
    let mut names: Vec<String> = snapshot.kind("Node").map(|node| node.key.name.clone()).collect();
    names.extend(snapshot.pods().map(|pod| pod.node().to_owned()));
    let of_events = snapshot.events.iter().filter(|event| event.about.kind == "Node");
    names.extend(of_events.map(|event| event.about.name.clone()));
    names.extend(named_by_static_pods(snapshot));
    names.retain(|name| !name.is_empty());
    names.sort();
    names.dedup();
    names
}

/// Components that kubeadm runs as static pods: the kubelet adds its node's name to theirs (kubernetes pkg/kubelet/config/common.go,
/// `generatePodName`).
const STATIC: [&str; 4] = [
    "etcd-",
    "kube-apiserver-",
    "kube-controller-manager-",
    "kube-scheduler-",
];

/// The nodes after which two of a control plane's pods are named: a table without a column for the node shows no other sign of them.
fn named_by_static_pods(snapshot: &Snapshot) -> Vec<String> {
    let mut count: BTreeMap<&str, usize> = BTreeMap::new();
    for pod in snapshot.pods().filter(|pod| pod.namespace() == "kube-system") {
        for start in STATIC {
            if let Some(node) = pod.name().strip_prefix(start) {
                *count.entry(node).or_default() += 1;
            }
        }
    }
    let named = count.into_iter().filter(|(_, count)| *count > 1);
    named.map(|(node, _)| node.to_owned()).collect()
}

/// The known node that a path names: `wrk-03/sysctl.txt`, `wk5-iptables-save.txt`.
pub(super) fn node_in_path(path: &EntryPath, nodes: &[String]) -> Option<String> {
    // Names of files that were made from commands have `_` for every other sign: `ssh_cmp_5_ip_route.txt`.
    let parts: Vec<(&str, String)> = path.components().map(|part| (part, dashed(part))).collect();
    let named = nodes.iter().filter(|node| {
        let spelled = dashed(node);
        parts
            .iter()
            .any(|(part, dashed)| names(part, node) || names(dashed, &spelled))
    });
    named.max_by_key(|node| node.len()).cloned()
}

/// Pods of listings without a column for the node, in files that are named after one: `pods-wk5.txt`. A file that begins with the node's
/// name may as well be what a command on that node wrote of the whole cluster.
pub(super) fn place_pods(snapshot: &mut Snapshot) {
    // A listing with a column for it shows where pods are.
    let mut is_silent: BTreeMap<&EntryPath, bool> = BTreeMap::new();
    for object in snapshot.objects.values().filter(|object| object.key.kind == "Pod") {
        let tells = object.form != Form::Row || !object.text("/spec/nodeName").is_empty();
        *is_silent.entry(&object.cite.file).or_insert(true) &= !tells;
    }
    let nodes: Vec<(String, String)> = (names_of_nodes(snapshot).into_iter())
        .map(|node| (dashed(&node), node))
        .collect();
    let node_of_file = |file: &EntryPath| {
        let stem = dashed(stem(file));
        let ends = |dashed: &str| stem.strip_suffix(dashed).is_some_and(|head| head.ends_with('-'));
        let named = nodes.iter().filter(|(dashed, _)| ends(dashed));
        Some(named.max_by_key(|(_, node)| node.len())?.1.clone())
    };
    let silent = is_silent.into_iter().filter(|(_, is_silent)| *is_silent);
    let named: BTreeMap<EntryPath, String> = silent
        .filter_map(|(file, _)| Some((file.clone(), node_of_file(file)?)))
        .collect();
    for object in snapshot.objects.values_mut().filter(|object| object.key.kind == "Pod") {
        if let Some(node) = named.get(&object.cite.file)
            && let Some(spec) = object.value.as_object_mut()
        {
            let spec = spec.entry("spec").or_insert_with(|| serde_json::json!({}));
            if let Some(spec) = spec.as_object_mut() {
                spec.insert("nodeName".to_owned(), node.as_str().into());
            }
        }
    }
}

/// A file's name without its ending.
fn stem(path: &EntryPath) -> &str {
    let name = path.file_name();
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

/// The node in a log's path (`wrk-03/dmesg.txt`, `wk5-kubelet.log`), else the host that a line of syslog or the journal names.
pub(super) fn node_of_log(path: &EntryPath, line: &str, nodes: &[String]) -> String {
    if let Some(node) = node_in_path(path, nodes) {
        return node;
    }
    let host = syslog_host(line).unwrap_or("");
    node_of_host(host, nodes).unwrap_or_else(|| host.to_owned())
}

/// The known node that a host's own name stands for. A host writes its short name, the node may have the full one.
pub(super) fn node_of_host(host: &str, nodes: &[String]) -> Option<String> {
    let same = |node: &&String| node.as_str() == host || node.split('.').next() == Some(host);
    nodes.iter().find(same).filter(|_| !host.is_empty()).cloned()
}

/// The place of a machine that is known by its name alone.
pub(super) fn named_place(node: String) -> NodePlace {
    NodePlace {
        directory: node.clone(),
        name: node,
    }
}

/// True for a heading between the outputs of several machines, which holds for all commands up to the next heading.
pub(super) fn is_heading(line: &str) -> bool {
    line.trim_start().starts_with(['=', '-', '*', '#', '>']) && host_above(line).is_some_and(|host| !host.is_empty())
}

/// The shape of what `date -u +%FT%TZ` prints.
const DATE: &str = "0000-00-00T00:00:00Z";

/// The machine that a line says the text below is of: a prompt (`root@wk5:~#`, `[core@wk5 ~]$ ss -l`, `wk5:~ #`), a login (`$ ssh wk5 uptime`,
/// `$ kubectl debug node/wk5`), a heading (`=== wk5 ===`, `--- node: wk5 ---`, `== wk5`). Empty for a prompt that names none; none for any other line.
pub(super) fn host_above(line: &str) -> Option<&str> {
    let line = line.trim();
    let is_word = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_alphanumeric())
            && word
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte))
    };
    if let Some(answer) = ansible_answer(line) {
        return Some(answer.host).filter(|host| is_word(host));
    }
    // `for h in wk4 wk5; do echo -n "$h  "; ssh $h date -u +%FT%TZ; done`
    if let Some((host, answer)) = line.split_once([' ', '\t'])
        && let answer = answer.trim_start()
        && answer.len() == DATE.len()
        && answer.bytes().zip(DATE.bytes()).all(|(byte, shape)| match shape {
            b'0' => byte.is_ascii_digit(),
            _ => byte == shape,
        })
    {
        return Some(host.trim_end_matches(':')).filter(|host| is_word(host));
    }
    let bare = line.trim_matches(['=', '-', '*', '#', '>', ' ']);
    // On one side alone it takes two signs: `# wk5` may be a comment, and `- wk5` an item.
    let is_underlined = line.len() - line.trim_start_matches(['=', '-', '*', '#', '>']).len() >= 2;
    if bare.len() + 3 <= line.len() && is_underlined {
        let name = ["node:", "host:", "node ", "host "]
            .iter()
            .find_map(|start| bare.strip_prefix(start))
            .unwrap_or(bare)
            .trim();
        return Some(name).filter(|name| is_word(name));
    }
    let (before, command) = match line.split_once(['$', '#']) {
        Some((before, command)) if command.is_empty() || command.starts_with(' ') => (before, command.trim_start()),
        _ => return None,
    };
    if let Some(target) = command.strip_prefix("ssh ") {
        let target = target.split_whitespace().find(|word| !word.starts_with('-'))?;
        let host = target.rsplit('@').next().unwrap_or(target);
        return Some(host).filter(|host| is_word(host));
    }
    if let Some(target) = ["kubectl debug node/", "oc debug node/"]
        .iter()
        .find_map(|start| command.strip_prefix(start))
    {
        return target.split_whitespace().next().filter(|host| is_word(host));
    }
    if before.trim().is_empty() {
        // The prompt of root looks like a comment.
        return line.starts_with('$').then_some("");
    }
    let Some((user, rest)) = before.trim_start_matches('[').split_once('@') else {
        // `wk5:~ # ss -l`, as SUSE and others have it; Flatcar and Gentoo leave the colon out.
        let (host, place) = before.split_once([':', ' '])?;
        return (is_word(host) && place.starts_with(['~', '/'])).then_some(host);
    };
    let host = rest.split([':', ' ', ']']).next()?;
    (is_word(host) && !user.contains(' ')).then_some(host)
}

/// True for a prompt with a command of which the output is not about the machine that it was typed at: one that asks the cluster, or one
/// that enters the namespaces of a container. `nsenter -t 1` and `kubectl debug node/…` are about the machine.
pub(super) fn asks_elsewhere(prompt: &str) -> bool {
    let mut words = prompt.split([' ', '\'', '"']).filter(|word| !word.is_empty());
    let asks_cluster = words
        .clone()
        .any(|word| matches!(word, "kubectl" | "k" | "oc" | "helm" | "argocd" | "flux"));
    let enters = words.any(|word| word.ends_with("nsenter"));
    let target = words.skip_while(|word| !matches!(*word, "-t" | "--target")).nth(1);
    asks_cluster && !prompt.contains(" debug node/") || enters && target != Some("1")
}

/// True for a command that asks machines for their names, and then for something else: `$ for n in a b; do ssh $n 'hostname; date'; done`.
pub(super) fn asks_names(prompt: &str) -> bool {
    let mut words = prompt.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    prompt.contains("ssh ") && prompt.contains("hostname;") && words.any(|word| word == "for")
}

/// True for a line that is the name of a machine and nothing else.
pub(super) fn is_host(line: &str) -> bool {
    (2..=253).contains(&line.len())
        && line.starts_with(|c: char| c.is_ascii_lowercase())
        && line
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte))
}

/// True when the name stands in the text by itself, not as a part of a longer one.
fn names(text: &str, name: &str) -> bool {
    text.match_indices(name).any(|(at, _)| {
        let before = text.get(..at).and_then(|head| head.chars().next_back());
        let after = text.get(at + name.len()..).and_then(|tail| tail.chars().next());
        let apart = |c: Option<char>| c.is_none_or(|c| !c.is_ascii_alphanumeric());
        apart(before) && apart(after)
    })
}

/// The host in `Mar 22 09:11:30 host program[pid]: …` and `2024-03-22T09:11:30+0100 host program[pid]: …`
/// (RFC 3164, and `journalctl -o short` and `short-iso`).
fn syslog_host(line: &str) -> Option<&str> {
    let words: Vec<&str> = line.split_whitespace().take(5).collect();
    let (host, program) = match words.as_slice() {
        [month, day, time, host, program] if month.len() == 3 && is_number(day) && is_clock(time) => (*host, *program),
        [time, host, program, ..] if time.len() >= 19 && time.as_bytes().get(10) == Some(&b'T') => (*host, *program),
        _ => return None,
    };
    let program = program.strip_suffix(':')?;
    let plain = |text: &str| {
        text.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
    };
    let named = program.split('[').next().unwrap_or("");
    (plain(host) && plain(named) && !named.is_empty() && host.bytes().any(|byte| byte.is_ascii_alphabetic()))
        .then_some(host)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_clock(text: &str) -> bool {
    text.len() >= 8 && text.split(':').count() == 3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_or_a_heading_names_the_machine_of_what_follows() {
        for (line, host) in [
            ("root@wk5:~# systemctl status kubelet", Some("wk5")),
            ("[core@wk5 ~]$ ss -l", Some("wk5")),
            ("wk5:~ # ss -l", Some("wk5")),
            ("wk5:~$ date -u; timedatectl", Some("wk5")),
            ("price: $ 5", None),
            ("$ ssh -q ubuntu@wk5 uptime", Some("wk5")),
            ("wk5 | CHANGED | rc=0 >>", Some("wk5")),
            ("wk5 | SUCCESS | rc=0 | (stdout) 2026-11-21T10:20:42Z", Some("wk5")),
            ("wk5 | Ready | 3 | worker", None),
            ("wk5  2026-11-21T10:20:42Z", Some("wk5")),
            ("a line of 2026-11-21T10:20:42Z", None),
            ("=== wk5 ===", Some("wk5")),
            ("== wk5", Some("wk5")),
            ("- item", None),
            ("- wk5", None),
            ("# wk5 #", None),
            ("--- node: wk5.corp.local ---", Some("wk5.corp.local")),
            ("$ kubectl get nodes", Some("")),
            ("mail to ops@corp.local for $5", None),
            ("# a comment of two words", None),
            ("-----", None),
        ] {
            assert_eq!(host_above(line), host, "{line}");
        }
    }

    #[test]
    fn output_about_the_cluster_or_a_container_is_not_about_the_machine() {
        for (line, is_elsewhere) in [
            ("root@cp1:~# kubectl get events", true),
            ("$ ssh wk5 sudo nsenter -t 4711 -n tc qdisc show", true),
            ("$ ssh wk5 sudo nsenter -t 1 -n tc qdisc show", false),
            ("$ kubectl debug node/wk5 -q --image=x -- tc qdisc show", false),
            ("root@wk5:~# tc qdisc show dev eth0", false),
        ] {
            assert_eq!(asks_elsewhere(line), is_elsewhere, "{line}");
        }
    }

    #[test]
    fn the_pods_of_a_control_plane_name_their_nodes() {
        let table = "NAMESPACE     NAME                     READY   STATUS    RESTARTS   AGE\nkube-system   etcd-cp-2                1/1     Running   0          9d\nkube-system   kube-apiserver-cp-2      1/1     Running   0          9d\nkube-system   kube-scheduler-extra     1/1     Running   0          9d\n";
        let snapshot = crate::cluster::reading(&[("pods.txt", table)]);
        assert_eq!(names_of_nodes(&snapshot), ["cp-2"]);
    }

    #[test]
    fn a_node_is_told_by_the_path_or_by_the_line() {
        let nodes = ["wk5".to_owned(), "wk5.corp.local".to_owned(), "wk55".to_owned()];
        for (path, line, node) in [
            ("wk5-kubelet.log", "", "wk5"),
            ("wk55/dmesg.txt", "", "wk55"),
            ("kubelet.log", "Mar 22 09:11:30 wk55 kubelet[1]: E0322 x", "wk55"),
            ("kubelet.log", "Mar  2 09:11:30 other systemd[1]: x", "other"),
            ("kubelet.log", "E0322 09:11:30.1 1 x.go:1] wk5", ""),
        ] {
            assert_eq!(node_of_log(&EntryPath::new(path), line, &nodes), node, "{path} {line}");
        }
    }
}

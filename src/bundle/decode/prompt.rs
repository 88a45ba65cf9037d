//! Lines of a terminal at which a person typed a command, and headings between the outputs of several files: where one output ends
//! and the next begins.

use regex::Regex;

use super::TextFile;
use super::headings::is_heading;
use super::shape::{Shape, group};
use super::supportconfig;

/// Prompts that nothing else looks like, with or without a command behind them.
static SURE: Shape = Shape::new(|| {
    Regex::new(concat!(
        r"^(?:\([^()]{1,80}\) )?(?:",
        r"\[[\w.-]+@[\w.-]+ [^\]\s]+\] ?[$#%>]",          // [root@m1 ~]#
        r"|[\w.-]+@[\w.-]+(?::[^\s$#>]*|\s~\S*)? ?[$#%]", // me@host:~$
        r"|[\w.-]+:[~/][\w./-]* ?[$#>]",                  // node-1:~ # (SUSE)
        r"|[a-z][\w.-]* [~/][\w./-]* [$#]",               // node-1 ~ # (Flatcar, Gentoo)
        r"|(?:ba|k|z)?sh-\d[\d.]*[$#]",                   // sh-4.4$
        r"|PS [A-Z]:\\[^>]*>",                            // PS C:\Users\me>
        r"|[A-Z]:\\[^>]*>",                               // C:\>
        r")(?:\s|$)",
        r"|^[❯➜]\s",
    ))
});

/// A sign alone, which may also begin a comment, a quotation or a line of a log; a known program must follow it.
static BARE: Shape = Shape::new(|| {
    Regex::new(
        r"^(?:[~/][\w./-]* |[a-z][\w.-]{1,62})?(?<sign>[$#%>+]) (?:sudo (?:-\S+ )*)?(?:[A-Z_]+=\S+ )*(?:\S*/)?(?<program>[a-z][\w.-]*)(?:\s|$)",
    )
});

/// The time that a chat or a session's recorder sets before what was typed.
static TIMED: Shape = Shape::new(|| {
    Regex::new(
        r"^\[\d{1,2}:\d{2}(?::\d{2})?\] (?:sudo (?:-\S+ )*)?(?<program>kubectl|oc|helm|crictl|docker|journalctl|systemctl|etcdctl)(?: [a-z-])",
    )
});

/// Programs whose output people paste.
pub(super) const PROGRAMS: [&str; 138] = [
    "kubectl",
    "k",
    "oc",
    "helm",
    "crictl",
    "ctr",
    "nerdctl",
    "docker",
    "podman",
    "systemctl",
    "journalctl",
    "etcdctl",
    "kubeadm",
    "k3s",
    "rke",
    "rke2",
    "k9s",
    "stern",
    "kubetail",
    "ip",
    "ifconfig",
    "ss",
    "netstat",
    "iptables",
    "iptables-save",
    "ip6tables-save",
    "nft",
    "ipvsadm",
    "ipset",
    "conntrack",
    "ethtool",
    "brctl",
    "bridge",
    "route",
    "arp",
    "tcpdump",
    "ping",
    "traceroute",
    "curl",
    "wget",
    "nslookup",
    "dig",
    "host",
    "nc",
    "telnet",
    "openssl",
    "df",
    "du",
    "free",
    "uptime",
    "uname",
    "cat",
    "ls",
    "ps",
    "top",
    "dmesg",
    "sysctl",
    "lsmod",
    "modprobe",
    "mount",
    "findmnt",
    "lsblk",
    "lscpu",
    "lsof",
    "date",
    "timedatectl",
    "chronyc",
    "ntpq",
    "hostname",
    "hostnamectl",
    "getenforce",
    "fio",
    "iostat",
    "vmstat",
    "rpm",
    "dpkg",
    "tail",
    "grep",
    "watch",
    "microk8s",
    "minikube",
    "kind",
    "rancher",
    "kubectx",
    "kubens",
    "argocd",
    "flux",
    "istioctl",
    "velero",
    "cilium",
    "calicoctl",
    "ceph",
    "rbd",
    "multipath",
    "lvs",
    "vgs",
    "pvs",
    "iscsiadm",
    "nfsstat",
    "showmount",
    "mysql",
    "psql",
    "redis-cli",
    "rabbitmqctl",
    "mongosh",
    "env",
    "printenv",
    "head",
    "less",
    "getent",
    "stat",
    "aws",
    "gcloud",
    "az",
    "logcli",
    "nvidia-smi",
    "hdparm",
    "smartctl",
    "xfs_info",
    "sar",
    "pidstat",
    "strace",
    "id",
    "w",
    "who",
    "last",
    "whoami",
    "pwd",
    "mtr",
    "tracepath",
    "nmap",
    "zgrep",
    "awk",
    "jq",
    "yq",
    "sed",
    "sort",
    "find",
];
/// Prompts of one file that are told apart; a longer record is read like one output.
const MOST: usize = 10_000;

/// The 0-based lines of a file at which a command was typed, in order.
pub fn prompts(file: &TextFile<'_>) -> Vec<usize> {
    let mut sure = Vec::new();
    let mut commented = Vec::new();
    let mut has_comments = false;
    let mut above = "";
    for (index, line) in file.lines.iter().enumerate() {
        // What a section of supportconfig shows stands below its kind, and belongs to it.
        let is_source = supportconfig::kind(above).is_some();
        above = line;
        match kind(line) {
            _ if is_source => {}
            Some(Kind::Prompt) => sure.push(index),
            Some(Kind::Hash) => commented.push(index),
            None => has_comments |= line.starts_with('#'),
        }
        if sure.len() + commented.len() >= MOST {
            break;
        }
    }
    // `# docker ps` is a root's prompt or a comment; in a file with other comments it is one of them.
    if !has_comments {
        sure.extend(commented);
        sure.sort_unstable();
    }
    sure
}

/// True for a line at which a command was typed, or may have been (`# docker ps`).
pub(super) fn is_command(line: &str) -> bool {
    kind(line).is_some()
}

enum Kind {
    Prompt,
    /// `#` before a program.
    Hash,
}

fn kind(line: &str) -> Option<Kind> {
    // No prompt is longer. An indented one may stand in the data of a manifest, which it must not cut.
    const LONGEST: usize = 100;
    if line.starts_with(' ') {
        return None;
    }
    let head = line.get(..line.floor_char_boundary(LONGEST)).unwrap_or("");
    if is_heading(line) || supportconfig::kind(line).is_some() {
        return Some(Kind::Prompt);
    }
    if line.starts_with('[') && TIMED.fits(head) {
        return Some(Kind::Prompt);
    }
    // The signs of prompts; the last byte begins `❯` and `➜`.
    let bytes = head.as_bytes();
    if memchr::memchr3(b'$', b'#', b'%', bytes).is_none() && memchr::memchr3(b'>', b'+', 0xE2, bytes).is_none() {
        return None;
    }
    if SURE.fits(head) {
        return Some(Kind::Prompt);
    }
    let found = BARE.groups(head)?;
    let is_known = PROGRAMS.contains(&group(&found, "program"));
    let has_place = found.get(0).is_some_and(|all| all.as_str().starts_with(['~', '/']));
    match group(&found, "sign") {
        _ if !is_known => None,
        "#" if !has_place => Some(Kind::Hash),
        _ => Some(Kind::Prompt),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::EntryPath;

    fn found(text: &str) -> Vec<usize> {
        let path = EntryPath::new("x");
        prompts(&TextFile::new("b".into(), &path, text))
    }

    #[test]
    fn prompts_of_all_shells_are_known() {
        for line in [
            "$ kubectl get pods",
            "# crictl ps -a",
            "[05:38] kubectl -n roster get pods -o wide",
            "[05:38:09] sudo crictl ps -a",
            "root@node-1:~# date",
            "[root@m1 ~]# df -h",
            "(base) me@laptop:~/work$ ls",
            "(⎈|prod:shop) me@laptop:~$ ls",
            "me@laptop ~ % docker ps",
            "node-1:~ # systemctl status kubelet",
            "node-1 ~ # crictl logs 3f2a1b4c5d6e",
            "sh-4.4$ ip a",
            "bash-5.1# exit",
            "PS C:\\Users\\me> kubectl get pods",
            "C:\\> kubectl get pods",
            "❯ k get ev",
            "jump$ k get po",
            "/ # nslookup kubernetes",
            "~ $ sudo ETCDCTL_API=3 etcdctl member list",
            "+ kubectl get nodes",
            "root@node-1:~#",
        ] {
            assert_eq!(found(line), [0], "{line}");
        }
    }

    #[test]
    fn other_lines_are_none() {
        for line in [
            "",
            "# a comment",
            "# docker run this by hand\n# and then wait",
            "> quoted",
            "$ 5 were spent",
            "100% of it",
            "10.0.0.1 > 10.0.0.2: ICMP",
            "2026-11-21 10:00:00 web@shop.example: $5",
            "a -> b",
            "node/web-0 # x",
            "http://me@host:80/# x",
        ] {
            assert!(found(line).is_empty(), "{line}");
        }
    }
}

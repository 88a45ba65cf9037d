//! sos reports: one host, commands by plugin under `sos_commands`.
//!
//! Source: sosreport/sos `sos/report/__init__.py`, `sos/report/plugins/{kubernetes,logs,crio,docker}.py`.

use super::about::{About, Words};
use super::detect::{Layout, NO_GAPS};
use super::inventory::Root;
use super::place::Place;

pub(super) const LAYOUT: Layout = Layout {
    name: "sos",
    about: About {
        made_by: "sos report",
        known_by: Words {
            zh: "sos_commands/",
            en: "sos_commands/",
        },
        read: Words {
            zh: "命令输出（容器列表、日志、网络、内核、磁盘、etcd、kubectl）、/var/log 与 /etc 的副本",
            en: "outputs of commands (containers, journals, network, kernel, disks, etcd, kubectl), copies of /var/log and /etc",
        },
    },
    markers: &["sos_commands/"],
    fits: |_| true,
    place,
    // Its name has only a day; `date` has the time, and is read as the host's clock.
    anchor: |_| None,
    gaps: NO_GAPS,
};

fn place(root: &Root<'_>, parts: &[&str]) -> Place {
    let name = ["hostname", "etc/hostname", "sos_commands/host/hostname"]
        .iter()
        .map(|file| root.head(file).trim())
        .find(|name| !name.is_empty() && name.bytes().all(is_name_byte))
        .unwrap_or("");
    // `uname -a` names the machine too: `Linux <name> <release> …`.
    let of_kernel = || {
        let words = &mut root.head("uname").split_whitespace();
        words.nth(1).filter(|name| name.bytes().all(is_name_byte))
    };
    let name = if name.is_empty() {
        of_kernel().unwrap_or("")
    } else {
        name
    };
    log(parts).on(root.path.to_owned(), name)
}

fn log(parts: &[&str]) -> Place {
    match parts {
        ["sos_commands", .., namespace, "podlogs", pod, file] => {
            let container = file.rsplit_once("_-c_").map_or("", |(_, container)| container);
            Place::container(namespace, pod, container, file.contains("_-p"))
        }
        ["sos_commands", "kernel", "dmesg" | "dmesg_-T"] => Place::component("system"),
        ["sos_commands", .., file] => match file.split_once("journalctl_--no-pager") {
            Some(("", rest)) => Place::component(match rest.rsplit_once("_--unit_").map(|(_, unit)| unit) {
                Some("kubelet") => "kubelet",
                Some("containerd") => "containerd",
                Some("docker") => "dockerd",
                Some("crio") => "crio",
                _ => "system",
            }),
            _ => command(parts),
        },
        ["sos_logs" | "sos_reports", ..] => Place::holding("what sos says of its own run"),
        ["var", "log", file] if ["messages", "syslog", "kern"].iter().any(|word| file.starts_with(word)) => {
            Place::component("system")
        }
        _ => Place::default(),
    }
}

/// The output of a command: sos names the file after it, odd characters replaced (`sos/report/plugins/__init__.py`, `_mangle_command`).
fn command(parts: &[&str]) -> Place {
    match parts {
        [_, plugin, .., file] if !file.contains("_logs_") => {
            Place::holding(format!("output of `{}` ({plugin})", file.replace('_', " ")))
        }
        _ => Place::default(),
    }
}

/// A packed-again report may hold the target of its link `hostname` in the file's place.
fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_')
}

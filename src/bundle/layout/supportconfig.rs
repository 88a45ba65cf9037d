//! SUSE's supportconfig: one host, flat files, each a sequence of sections below `#==[ … ]===#`.
//!
//! Source: openSUSE/supportutils `bin/supportconfig`. The sections are read by `decode/supportconfig.rs`.

use super::about::{About, Words};
use super::detect::{Layout, NO_GAPS, without_archive_ending};
use super::inventory::Root;
use super::place::Place;
use super::wrapper;

pub(super) const LAYOUT: Layout = Layout {
    name: "supportconfig",
    about: About {
        made_by: "supportconfig (SUSE)",
        known_by: Words {
            zh: "basic-environment.txt 以 #==[ 开头的分节，旁边有 supportconfig.txt 或 basic-health-check.txt",
            en: "basic-environment.txt with sections that begin with #==[, and supportconfig.txt or basic-health-check.txt beside it",
        },
        read: Words {
            zh: "每节按其命令或文件读取：系统日志、容器列表与容器日志（docker、podman、crictl）、iptables、路由、内核参数、resolv.conf、磁盘、进程、服务单元",
            en: "each section as the command or file that it names: system logs, containers and their logs (docker, podman, crictl), packet filter, routes, kernel parameters, resolv.conf, disks, processes, units",
        },
    },
    markers: &["basic-environment.txt"],
    fits: |root| {
        let has_more = root.has("supportconfig.txt") || root.has("basic-health-check.txt");
        has_more
            && root
                .head("basic-environment.txt")
                .lines()
                .any(|line| line.starts_with("#==["))
    },
    place,
    anchor: |root| wrapper::short_day_and_minute(without_archive_ending(root.name())),
    gaps: NO_GAPS,
};

/// `scc_<host>_<YYMMDD>_<HHMM>`; before 2021 `nts_…`; a service request may stand before the host (`scc_SR12345678901_…`).
fn host(name: &str) -> Option<&str> {
    let mut pieces = without_archive_ending(name).rsplitn(3, '_');
    let (minute, day, rest) = (pieces.next()?, pieces.next()?, pieces.next()?);
    let is_number = |text: &str, length: usize| text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(minute, 4) || !is_number(day, 6) {
        return None;
    }
    let rest = ["scc_", "nts_"].iter().find_map(|start| rest.strip_prefix(start))?;
    match rest.split_once('_') {
        Some((request, host)) if request.starts_with("SR") => Some(host),
        _ => Some(rest),
    }
}

fn place(root: &Root<'_>, parts: &[&str]) -> Place {
    let place = match parts {
        ["messages.txt" | "boot.txt" | "systemd.txt"] => Place::component("system"),
        [file] if file.starts_with("messages-") => Place::component("system"),
        [_, ..] => Place::no_log(format!("what supportconfig wrote as {}", parts.join("/"))),
        [] => Place::default(),
    };
    // support-bundle-kit takes one from each node: then the machine is that of the directory around it.
    if root.path.split('/').any(|part| part == "nodes") {
        return place;
    }
    place.on(root.path.to_owned(), host(root.name()).unwrap_or(""))
}

#[cfg(test)]
mod tests {
    use super::host;

    #[test]
    fn the_name_of_an_archive_names_its_host() {
        for (name, expected) in [
            ("scc_sles15-w1_261121_1020.txz", Some("sles15-w1")),
            ("nts_w1_261121_1020", Some("w1")),
            ("scc_SR12345678901_w1_261121_1020.tgz", Some("w1")),
            ("supportconfig", None),
            ("a_b_c", None),
        ] {
            assert_eq!(host(name), expected, "{name}");
        }
    }
}

//! Small outputs about the system: `lsmod`, `conntrack -S`, `uname -a`, `/etc/os-release`, `/proc/cmdline`, `getenforce`, `sestatus`.

use regex::Regex;

use crate::bundle::decode::shape::{Shape, group, is_first, is_heading, until_blank};
use crate::bundle::decode::{Decoder, Section, TextFile};

/// `kernel.module.<name>`, `kernel.modules-listed`, `conntrack.insert_failed`, `kernel.version`, `kernel.machine`, `os.name`, `os.id`, `selinux.mode`.
pub(in crate::bundle::decode) const DECODER: Decoder = Decoder { name: "system", decode };

/// Modules that Kubernetes' networking and storage ask for (kubernetes.io, container-runtimes; kube-proxy's ipvs README).
const MODULES: [&str; 15] = [
    "br_netfilter",
    "overlay",
    "ip_vs",
    "ip_vs_rr",
    "ip_vs_wrr",
    "ip_vs_sh",
    "nf_conntrack",
    "ip_tables",
    "iptable_nat",
    "nf_tables",
    "vxlan",
    "wireguard",
    "iscsi_tcp",
    "nfs",
    "rbd",
];

static CONNTRACK: Shape = Shape::new(|| Regex::new(r"^cpu=\d+\s+(?:found|searched)=\d+ "));
/// `uname -a`: name, host, release, version, machine (uname(1)).
static UNAME: Shape = Shape::new(|| {
    Regex::new(
        r"^Linux (?<host>\S+) (?<release>\d+\.\d+\S*) #\S+ .*?\b(?<machine>x86_64|aarch64|arm64|armv7l|ppc64le|s390x|riscv64|loongarch64|mips64)\b",
    )
});
static OS_RELEASE: Shape = Shape::new(|| Regex::new(r#"^(?<key>[A-Z][A-Z0-9_]*)=["']?(?<value>[^"']*)["']?\s*$"#));

fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let first = file.line(start);
    match first.as_bytes().first()? {
        b'M' if is_heading(first, &["Module", "Size", "Used by"]) => Some(modules(file, start)),
        b'c' if CONNTRACK.fits(first) => Some(conntrack(file, start)),
        b'L' => uname(file, start),
        b'B' if first.starts_with("BOOT_IMAGE=") => Some(command_line(file, start)),
        b'A'..=b'Z' if is_first(file, start) && OS_RELEASE.fits(first) => os_release(file, start),
        b'E' | b'P' | b'D'
            if file.lines.len() <= 2 && matches!(first.trim_end(), "Enforcing" | "Permissive" | "Disabled") =>
        {
            Some(one(file, start, "selinux.mode", first.trim_end().to_lowercase()))
        }
        _ => None,
    }
}

fn one(file: &TextFile<'_>, start: usize, key: &str, text: String) -> Section {
    Section {
        end: start + 1,
        facts: vec![file.value(start, key, text)],
        ..Section::default()
    }
}

/// That the modules were listed is a fact of its own: only then is one that is not there not loaded.
fn modules(file: &TextFile<'_>, start: usize) -> Section {
    let mut section = until_blank(file, start);
    section
        .facts
        .push(file.value(start, "kernel.modules-listed", (section.end - start - 1).to_string()));
    for line in start + 1..section.end {
        let name = file.line(line).split_whitespace().next().unwrap_or("");
        if MODULES.contains(&name) {
            section
                .facts
                .push(file.value(line, &format!("kernel.module.{name}"), "loaded".to_owned()));
        }
    }
    section
}

/// The counters of all processors together; the line that is cited is the one with the largest (conntrack-tools `src/conntrack.c`).
fn conntrack(file: &TextFile<'_>, start: usize) -> Section {
    const KEYS: [&str; 3] = ["insert_failed", "drop", "early_drop"];
    let end = start
        + file
            .lines
            .iter()
            .skip(start)
            .take_while(|line| CONNTRACK.fits(line))
            .count();
    let mut facts = Vec::new();
    for key in KEYS {
        let count = |line: usize| {
            let mut words = file
                .line(line)
                .split_whitespace()
                .filter_map(|word| word.split_once('='));
            words
                .find(|(known, _)| *known == key)
                .and_then(|(_, count)| count.parse::<u64>().ok())
                .unwrap_or(0)
        };
        let total = (start..end).fold(0_u64, |sum, line| sum.saturating_add(count(line)));
        let most = (start..end).max_by_key(|line| count(*line)).unwrap_or(start);
        facts.push(file.value(most, &format!("conntrack.{key}"), total.to_string()));
    }
    Section {
        end,
        facts,
        ..Section::default()
    }
}

/// `kernel.parameter.<name>` of the kernel's command line (kernel-parameters.txt, kernel-command-line(7)) that change what a node can do.
fn command_line(file: &TextFile<'_>, start: usize) -> Section {
    const PARAMETERS: [&str; 8] = [
        "systemd.unified_cgroup_hierarchy",
        "systemd.legacy_systemd_cgroup_controller",
        "cgroup_no_v1",
        "cgroup_enable",
        "cgroup_disable",
        "swapaccount",
        "selinux",
        "ipv6.disable",
    ];
    let words = file.line(start).split_whitespace();
    let pairs = words
        .filter_map(|word| word.split_once('='))
        .filter(|(key, _)| PARAMETERS.contains(key));
    Section {
        end: start + 1,
        facts: pairs
            .map(|(key, value)| file.value(start, format!("kernel.parameter.{key}"), value))
            .collect(),
        ..Section::default()
    }
}

fn uname(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let found = UNAME.groups(file.line(start))?;
    let mut section = one(file, start, "kernel.version", group(&found, "release").to_owned());
    section
        .facts
        .push(file.value(start, "kernel.machine", group(&found, "machine").to_owned()));
    Some(section)
}

/// os-release(5): the whole file, known by `PRETTY_NAME` and `ID` in it.
fn os_release(file: &TextFile<'_>, start: usize) -> Option<Section> {
    const MOST_LINES: usize = 60;
    let has = |key: &str| file.lines.iter().take(MOST_LINES).any(|line| line.starts_with(key));
    if file.lines.len() > MOST_LINES || !has("PRETTY_NAME=") || !has("ID=") {
        return None;
    }
    let mut section = Section {
        end: start,
        ..Section::default()
    };
    while let Some(line) = file.lines.get(section.end) {
        if let Some(found) = OS_RELEASE.groups(line) {
            let key = match group(&found, "key") {
                "PRETTY_NAME" => "os.name",
                "ID" => "os.id",
                "VERSION_ID" => "os.version",
                _ => "",
            };
            if !key.is_empty() {
                section
                    .facts
                    .push(file.value(section.end, key, group(&found, "value").to_owned()));
            }
        } else if !line.trim().is_empty() && !line.starts_with('#') {
            break;
        }
        section.end += 1;
    }
    Some(section)
}

#[cfg(test)]
mod tests {
    use super::super::testing::values;
    use super::*;
    use crate::bundle::decode::sample::section;

    #[test]
    fn each_output_gives_its_values() {
        for (text, expected) in [
            (
                "Module                  Size  Used by\nbr_netfilter           32768  0\nsnd 1 0\n",
                vec!["kernel.modules-listed=2", "kernel.module.br_netfilter=loaded"],
            ),
            (
                "cpu=0   \tfound=0 invalid=1 insert=0 insert_failed=2 drop=3 early_drop=0\ncpu=1   \tfound=0 invalid=0 insert=0 insert_failed=5 drop=0 early_drop=0\n",
                vec![
                    "conntrack.insert_failed=7",
                    "conntrack.drop=3",
                    "conntrack.early_drop=0",
                ],
            ),
            (
                "Linux vm 6.18.44 #1 SMP PREEMPT_DYNAMIC @0 x86_64 GNU/Linux\n",
                vec!["kernel.version=6.18.44", "kernel.machine=x86_64"],
            ),
            (
                "NAME=\"Ubuntu\"\nID=ubuntu\nVERSION_ID=\"22.04\"\nPRETTY_NAME=\"Ubuntu 22.04.3 LTS\"\n",
                vec!["os.id=ubuntu", "os.version=22.04", "os.name=Ubuntu 22.04.3 LTS"],
            ),
            ("Enforcing\n", vec!["selinux.mode=enforcing"]),
            (
                "BOOT_IMAGE=/vmlinuz root=/dev/sda1 token=x systemd.unified_cgroup_hierarchy=0 ro\n",
                vec!["kernel.parameter.systemd.unified_cgroup_hierarchy=0"],
            ),
        ] {
            assert_eq!(values(&section(&DECODER, "x", text).unwrap()), expected, "{text}");
        }
    }

    #[test]
    fn other_text_is_declined() {
        for text in [
            "",
            "Module loaded",
            "Linux is an operating system",
            "NAME=x\nexport PATH\n",
            "Disabled\nby\nhand\n",
            "cpu=0",
        ] {
            assert!(section(&DECODER, "x", text).is_none(), "{text}");
        }
    }
}

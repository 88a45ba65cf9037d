//! Tables of `talosctl support`: the mounts and the processes of a machine.
//!
//! Sources: siderolabs/talos `pkg/machinery/formatters/formatters.go` (`RenderMounts`), siderolabs/go-talos-support
//! `support/collectors/talos.go` (`processes`).

use regex::Regex;

use super::fact::{Counted, Filesystem, HostFact, Process};
use super::ps::kept;
use crate::bundle::decode::shape::{Shape, group, is_heading, table};
use crate::bundle::decode::{Decoder, Fact, Section, TextFile};

/// The use of file systems.
pub(in crate::bundle::decode) const MOUNTS: Decoder = Decoder {
    name: "Talos mounts",
    decode: mounts,
};

/// Processes; threads of the kernel, which have no memory, are left out.
pub(in crate::bundle::decode) const PROCESSES: Decoder = Decoder {
    name: "Talos processes",
    decode: processes,
};

/// Rows that are kept.
const MOST: usize = 10_000;

fn mounts(file: &TextFile<'_>, start: usize) -> Option<Section> {
    static ROW: Shape = Shape::new(|| {
        Regex::new(
            r"^\s*(?:(?<node>\S+)\s+)??(?<device>\S+)\s+(?<total>[\d.]+)\s+(?<used>[\d.]+)\s+(?<free>[\d.]+)\s+(?<percent>[\d.]+)%\s+(?<mount>/.*?)\s*$",
        )
    });
    let headings = [
        "FILESYSTEM",
        "SIZE(GB)",
        "USED(GB)",
        "AVAILABLE(GB)",
        "PERCENT USED",
        "MOUNTED ON",
    ];
    // With several machines, or one that was asked for by its name, the machine stands first.
    let with_node = ["NODE"].iter().chain(&headings).copied().collect::<Vec<_>>();
    let has_node = is_heading(file.line(start), &with_node);
    let mut section = table(file, start, if has_node { &with_node } else { &headings })?;
    for line in (start + 1..section.end).take(MOST) {
        let Some(found) = ROW
            .groups(file.line(line))
            .filter(|found| group(found, "node").is_empty() != has_node)
        else {
            continue;
        };
        let bytes = |name: &str| Some((group(&found, name).parse::<f64>().ok()? * 1e9) as u64);
        section.facts.push(Fact::Host(HostFact::Filesystem(Filesystem {
            device: group(&found, "device").to_owned(),
            // Images of the system, which are always full.
            kind: if group(&found, "device").starts_with("/dev/loop") {
                "squashfs"
            } else {
                ""
            }
            .to_owned(),
            mount: group(&found, "mount").to_owned(),
            counted: Counted::Bytes,
            total: bytes("total"),
            used: bytes("used"),
            available: bytes("free"),
            percent: group(&found, "percent")
                .parse::<f64>()
                .ok()
                .map(|percent| percent.ceil() as u64),
            cite: file.cite(line),
        })));
    }
    Some(section)
}

fn processes(file: &TextFile<'_>, start: usize) -> Option<Section> {
    static ROW: Shape = Shape::new(|| {
        Regex::new(
            r"^\s*(?<pid>\d+)\s+(?<state>\S)\s+\d+\s+[\d.]+\s+[\d.]+ \w+\s+(?<memory>[\d.]+ \w+)\s+(?<command>\S.*?)\s*$",
        )
    });
    let headings = ["PID", "STATE", "THREADS", "CPU-TIME", "VIRTMEM", "RESMEM", "COMMAND"];
    let mut section = table(file, start, &headings)?;
    for line in (start + 1..section.end).take(MOST) {
        let Some(found) = ROW.groups(file.line(line)) else {
            continue;
        };
        let (Ok(pid), false) = (group(&found, "pid").parse(), group(&found, "memory") == "0 B") else {
            continue;
        };
        let command = group(&found, "command");
        section.facts.push(Fact::Host(HostFact::Process(Process {
            user: String::new(),
            pid,
            state: group(&found, "state").to_owned(),
            started: String::new(),
            command: kept(command).to_owned(),
            cite: file.cite(line),
        })));
    }
    Some(section)
}

#[cfg(test)]
mod tests {
    use super::super::testing::host_facts;
    use super::*;
    use crate::bundle::decode::sample::section;

    #[test]
    fn a_mount_is_a_file_system() {
        let text = "FILESYSTEM   SIZE(GB)   USED(GB)   AVAILABLE(GB)   PERCENT USED   MOUNTED ON\n/dev/vda6    20.00      19.40      0.60            97.01%         /var\n/dev/loop0   0.05       0.05       0.00            100.00%        /\n";
        let found = host_facts(section(&MOUNTS, "10.0.0.1/mounts", text).unwrap());
        let [HostFact::Filesystem(var), HostFact::Filesystem(image)] = &found[..] else {
            panic!("{found:?}")
        };
        assert_eq!(
            (var.mount.as_str(), var.total, var.percent),
            ("/var", Some(20_000_000_000), Some(98))
        );
        assert_eq!(image.kind, "squashfs");
    }

    #[test]
    fn a_machine_may_stand_before_its_mount() {
        let text = "NODE       FILESYSTEM   SIZE(GB)   USED(GB)   AVAILABLE(GB)   PERCENT USED   MOUNTED ON\n10.0.0.1   /dev/vda6    20.00      19.40      0.60            97.01%         /var\n";
        let found = host_facts(section(&MOUNTS, "10.0.0.1/mounts", text).unwrap());
        let [HostFact::Filesystem(var)] = &found[..] else {
            panic!("{found:?}")
        };
        assert_eq!((var.device.as_str(), var.mount.as_str()), ("/dev/vda6", "/var"));
    }

    #[test]
    fn a_process_has_its_flags_and_the_kernel_s_threads_are_none() {
        let text = "PID    STATE   THREADS   CPU-TIME   VIRTMEM   RESMEM   COMMAND\n  1975   S         14      99.20    2.1 GB     95 MB   /usr/local/bin/kubelet --cluster-dns=10.96.0.10\n    30   I          1       0.00       0 B       0 B   kworker/0:1\n";
        let found = host_facts(section(&PROCESSES, "10.0.0.1/processes", text).unwrap());
        let [HostFact::Process(kubelet)] = &found[..] else {
            panic!("{found:?}")
        };
        assert_eq!(
            (kubelet.pid, kubelet.program(), kubelet.flag("--cluster-dns")),
            (1975, "kubelet", Some("10.96.0.10"))
        );
    }

    #[test]
    fn other_tables_are_declined() {
        for text in ["", "PID STATE COMMAND\n", "FILESYSTEM is full\n"] {
            assert!(section(&MOUNTS, "x", text).is_none(), "{text}");
            assert!(section(&PROCESSES, "x", text).is_none(), "{text}");
        }
    }
}

//! Files that hold nothing that any rule asks for, known by how they begin.
//!
//! They are named in a bundle's inventory and not scanned, so that neither a table of counters counts as a log nor a word in it as a
//! complaint. Sources are the programs' own output: pciutils, util-linux, lsof, procps, iproute2, ethtool, systemd, kmod, libvirt's and
//! Linux' `/proc` (proc(5)), and the producers of bundles named beside each line.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::RegexSet;

use super::TextFile;

/// Lines with text at which a file is known; some begin with a complaint or a heading of the collector's.
const LOOKED_AT: usize = 4;

/// A regular expression for one of the first lines, and what the file is.
const KNOWN: &[(&str, &str)] = &[
    // Hardware and the kernel.
    (
        r"^[0-9a-f:]*[0-9a-f]{2}:[0-9a-f]{2}\.[0-7] (?:[0-9a-f]{4}: |[A-Z])",
        "PCI devices (lspci)",
    ),
    (r"^Bus \d{3} Device \d{3}: ID ", "USB devices (lsusb)"),
    (r"^# dmidecode \d", "hardware tables of the firmware (dmidecode)"),
    (
        r"^(?:CPU NODE SOCKET CORE|CPU,(?:Core|Node|Socket))",
        "processors and their caches (lscpu -e)",
    ),
    (
        r"^\s+CPU0(?:\s+CPU\d+)*\s*$",
        "interrupts counted by processor (/proc/interrupts, /proc/softirqs)",
    ),
    (
        r"^cpu  \d+ \d+ \d+ \d+",
        "time of the processors since boot (/proc/stat)",
    ),
    (r"^nr_free_pages \d+$", "counters of virtual memory (/proc/vmstat)"),
    (r"^Node \d+, zone +\w+", "free pages by size (/proc/buddyinfo)"),
    (r"^slabinfo - version", "the kernel's object caches (/proc/slabinfo)"),
    (
        r"^(?:name: +\S+$|filename: +\S)",
        "descriptions of kernel modules (modinfo)",
    ),
    (
        r"^(?:Character|Block) devices:$",
        "numbers of device drivers (/proc/devices)",
    ),
    (
        r"^\s*\d+\s+\d+ \S+ \d+ \d+ \d+ \d+ \d+ \d+ ",
        "counters of disks (/proc/diskstats)",
    ),
    (r"^major minor  #blocks  name", "partitions (/proc/partitions)"),
    (
        r"^(?:ro|rw|root=\S+)(?: \S+)* (?:console|root|quiet)=?\S*$",
        "the kernel's command line (/proc/cmdline)",
    ),
    (
        r"^procs -+memory-+|^--procs--",
        "memory and processors over a few seconds (vmstat)",
    ),
    (
        r"^Linux \S+ \(\S+\)\s+\S+\s+_\w+_\s+\(\d+ CPU\)",
        "use of devices or processors over time (sysstat)",
    ),
    (
        r"^key +shmid +owner|^-+ (?:Shared Memory|Message Queues|Semaphore)",
        "shared memory between processes (ipcs)",
    ),
    (r"^processor\s+vendor_id", "processors"),
    (
        r#"^\{"timestamp":"[^"]+","vendor_id":"#,
        "the machine's hardware (cAdvisor)",
    ),
    (
        r"^ *LV +VG +Attr |^ *VG +#PV |^ *PV +VG +Fmt |^ *--- (?:Logical|Physical) volume ---|^ *--- Volume group ---",
        "volumes of LVM (lvs, vgs, pvs)",
    ),
    (
        r"^\S+ (?:\([0-9a-f]{9,}\) )?dm-\d+ \S+,|^size=\S+ features='",
        "paths to disks (multipath -ll)",
    ),
    // Open files, limits, services of other init systems.
    (r"^COMMAND +PID .*\bFD\b.*\bNODE NAME", "open files (lsof)"),
    (
        r"^\S+ +\d+ +(?:\d+ +)?(?:\S+ +)?\S+ +(?:cwd|rtd|txt|mem|mem-W|\d+[urwU]*) +(?:DIR|REG|CHR|unknown)",
        "open files (lsof)",
    ),
    (r"^ \[ [-+?] \]  \S", "services of System V (service --status-all)"),
    // systemd.
    (r"^NEXT +LEFT +LAST +PASSED +UNIT", "timers (systemctl list-timers)"),
    (
        r"^No jobs running\.|^ ?JOB +UNIT +TYPE +STATE",
        "jobs of systemd (systemctl list-jobs)",
    ),
    (
        r"^ +NAME +STATE +FAILED JOBS|^NAME +STATE +FAILED JOBS",
        "machines of systemd (systemctl list-machines)",
    ),
    (
        r"^default\.target$|^[\w@.-]+\.(?:target|service)\n[*●○]",
        "dependencies of units (systemctl list-dependencies)",
    ),
    (
        r"^Startup finished in ",
        "how long the machine took to boot (systemd-analyze)",
    ),
    (
        r"^ *(?:\d+min )?\d+(?:\.\d+)?m?s \S+\.(?:service|mount|socket|device)\s*$",
        "how long units took to start (systemd-analyze blame)",
    ),
    (
        r"^WHO +UID +USER +PID +COMM +WHAT",
        "what delays a shutdown (systemd-inhibit)",
    ),
    (
        r"^\[(?:OVERRIDDEN|EXTENDED|EQUIVALENT|MASKED|REDIRECTED)\] /",
        "units that override others (systemd-delta)",
    ),
    (r"^Version=\d+.*$", "properties of the service manager (systemctl show)"),
    (
        r"^ *-?\d+ [0-9a-f]{32} \w{3} \d{4}-\d\d-\d\d |^IDX BOOT ID ",
        "boots of which there is a journal (journalctl --list-boots)",
    ),
    (
        r"^(?:DNSSEC supported by current servers|Transactions\s*$|Current Transactions:)",
        "counters of the resolver (resolvectl statistics)",
    ),
    (
        r"^Archived and active journals take up ",
        "size of the journal (journalctl --disk-usage)",
    ),
    (
        r"^System has not been booted with systemd as init system",
        "an answer of systemctl where systemd does not run",
    ),
    // Network.
    (r"^port\s+vlan", "VLANs of bridges (bridge vlan)"),
    (
        r"^(?:[0-9a-f]{2}:){5}[0-9a-f]{2} dev \S+",
        "forwarding tables of bridges and tunnels (bridge fdb)",
    ),
    (r"^qdisc \S+ [0-9a-f]*:", "queues of interfaces (tc qdisc)"),
    (r"^\d+:\t\S+$", "multicast addresses (ip maddr)"),
    (
        r"^[*●] \d+: \S+\s*$",
        "interfaces as systemd-networkd has them (networkctl)",
    ),
    (r"^Xfrm\w+\s+\d+$", "counters of IPsec (/proc/net/xfrm_stat)"),
    (
        r"^(?:Ring|Channel|Coalesce|Pause|Time stamping|EEE|FEC) (?:parameters|settings) for ",
        "settings of a network card (ethtool)",
    ),
    (
        r"^(?:RX|TX) flow hash indirection table for ",
        "settings of a network card (ethtool)",
    ),
    (
        r"^Cannot get (?:device|register|driver|module|EEPROM|EEE|private|wake|link)",
        "an answer of ethtool that the card has no such setting",
    ),
    (
        r"^netlink error: |^no stats available$|^No private flags defined$",
        "an answer of ethtool that there is no such card or setting",
    ),
    (
        r"^Permanent address: (?:[0-9a-f]{2}:){5}",
        "the address of a network card (ethtool -P)",
    ),
    (r"^driver: \S+$", "the driver of a network card (ethtool -i)"),
    // Clocks and identities.
    (
        r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+[+-]\d\d:\d\d$",
        "the clock of the hardware (hwclock)",
    ),
    (r"^[0-9a-f]{8}$", "the number of the machine (hostid)"),
    // Documents that no rule reads.
    (
        r"^<\?xml .*|^<!DOCTYPE svg|^<svg ",
        "a drawing or another document in XML",
    ),
    (r"^<(?:testsuites?)\b", "results of tests (JUnit)"),
    (r"(?i)^<!doctype html|^<html", "a page in HTML"),
    (r"^-----BEGIN PGP ", "a signature or key of PGP"),
    // What package managers and installers do.
    (r"^Request: EIPP \d", "the plan of a package installation (apt)"),
    (r"^Start-Date: \d{4}-\d\d-\d\d", "what apt installed, run by run"),
    (
        r"^Warning: \S+ \S+ is deprecated in v\d+\.\d+\+",
        "a warning of kubectl about an old API",
    ),
    // Producers of bundles.
    (r"^sos ?report(?:er)?: \d|^sosreport: \d", "the version of sos"),
    (
        r"^Kernel system variables configuration files$",
        "a note about sysctl.d",
    ),
];

/// Files that are read by the layouts (`bundle/layout`) and hold nothing more.
const OF_THE_LAYOUT: &[(&str, &str)] = &[
    (
        r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)? [+-]\d{4} \w+(?: m=[+-]\d)?",
        "when the collection began and ended, which the bundle's time is taken from",
    ),
    (
        r"^openshift/must-gather|^must-gather(?:-\w+)?$",
        "the version of must-gather, by which the bundle's layout is known",
    ),
];

/// Why nothing of a file is used; none when it is not known.
pub fn reason_unused(file: &TextFile<'_>) -> Option<Cow<'static, str>> {
    // The one queueing discipline that a rule asks for: it delays or loses packets on purpose.
    if file.text.contains("qdisc netem ") {
        return None;
    }
    let first = file.lines.iter().find(|line| !line.trim().is_empty())?;
    static LAYOUT: LazyLock<Option<RegexSet>> =
        LazyLock::new(|| RegexSet::new(OF_THE_LAYOUT.iter().map(|(pattern, _)| *pattern)).ok());
    let index = LAYOUT.as_ref()?.matches(first).iter().next();
    if let Some((_, reason)) = index.and_then(|index| OF_THE_LAYOUT.get(index)) {
        return Some(Cow::Borrowed(*reason));
    }
    Some(Cow::Owned(format!("{}, which no rule asks for", content(file)?)))
}

/// What a file is that no rule asks for.
fn content(file: &TextFile<'_>) -> Option<&'static str> {
    static SET: LazyLock<Option<RegexSet>> =
        LazyLock::new(|| RegexSet::new(KNOWN.iter().map(|(pattern, _)| *pattern)).ok());
    let mut lines = file.lines.iter().filter(|line| !line.trim().is_empty());
    let is_comment = |line: &&str| line.trim_start().starts_with(['#', ';']);
    if file.lines.len() > 1 && lines.clone().all(is_comment) {
        return Some("a configuration file in which every line is a comment");
    }
    if is_link(file) {
        return Some("the target of a symbolic link, packed in its place");
    }
    if is_list_of_names(file) {
        return Some("the names of the files in a directory");
    }
    // A table begins with its heading; a complaint or a comment of the collector may stand before it.
    let set = SET.as_ref()?;
    lines.by_ref().take(LOOKED_AT).find_map(|line| {
        let index = set.matches(line).iter().next()?;
        KNOWN.get(index).map(|(_, what)| *what)
    })
}

/// True for the plain `ls` of a configuration directory, by the file's name and by its lines: `cron.d.txt`.
fn is_list_of_names(file: &TextFile<'_>) -> bool {
    let stem = file.path.file_name().trim_end_matches(".txt");
    let is_name = |line: &&str| {
        line.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
    };
    stem.ends_with(".d") && file.lines.iter().all(is_name)
}

/// True for a file that is one path and no line end: sos and others pack a link that way where the archive was repacked.
fn is_link(file: &TextFile<'_>) -> bool {
    let text = file.text;
    let is_path_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+:@".contains(&byte);
    file.lines.len() == 1
        && !text.ends_with('\n')
        && text.contains('/')
        && text.len() < 256
        && text.bytes().all(is_path_byte)
        && !text.contains("://")
        && !text.ends_with('/')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::EntryPath;

    fn reason(text: &str) -> Option<Cow<'static, str>> {
        let path = EntryPath::new("x");
        reason_unused(&TextFile::new("b".into(), &path, text))
    }

    #[test]
    fn what_no_rule_asks_for_is_known_by_how_it_begins() {
        for (text, what) in [
            ("00:00.0 0600: 8086:1237 (rev 02)\n\tSubsystem: 1af4:1100\n", "PCI"),
            ("  LV   VG   Attr       LSize\n  data vg0  -wi-ao---- 10.00g\n", "LVM"),
            (
                "mpatha (360014054ab) dm-0 LIO-ORG,disk\nsize=10G features='0' hwhandler='1 alua' wp=rw\n",
                "paths to disks",
            ),
            (
                "           CPU0       CPU1       \n  0:        174          0   IO-APIC\n",
                "interrupts",
            ),
            (
                "dockerd    6010                 root  cwd       DIR              254,0      4096   10070274 /etc\n",
                "open files",
            ),
            (
                "Cannot get device pause settings: Operation not supported\nPause parameters for lo:\n",
                "ethtool",
            ),
            (
                "--- flannel.1\nnetlink error: no device matches name (offset 24)\n",
                "ethtool",
            ),
            ("#\n# /etc/hosts.deny: list of hosts\n\n# ALL: PARANOID\n", "comment"),
            ("../run/systemd/resolve/stub-resolv.conf", "symbolic link"),
            (
                " 0 6cb10e2d1dad492aa2d0100238ac880f Fri 2022-02-11 18:58:10 UTC—Fri 2022-02-11 19:24:02 UTC\n",
                "boots",
            ),
            ("2024-10-24 14:43:32.75 +0000 UTC m=+0.34\n", "bundle's time"),
            (
                "Warning: v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice\n",
                "old API",
            ),
            ("\n<?xml version=\"1.0\"?>\n<testsuite name=\"e2e\">\n", "document"),
        ] {
            assert!(
                reason(text).is_some_and(|found| found.contains(what)),
                "{text}: {:?}",
                reason(text)
            );
        }
    }

    #[test]
    fn every_expression_compiles() {
        assert!(RegexSet::new(KNOWN.iter().map(|(pattern, _)| *pattern)).is_ok());
    }

    #[test]
    fn logs_notes_and_configuration_are_not_among_them() {
        for text in [
            "2026-11-21 10:20:33,604 - main.py[DEBUG]: no such file\n",
            "I1121 10:20:33.376006    2937 kubelet.go:1] driver: ok\n",
            "the disk is full\n",
            "# comment\nALL: 10.0.0.0/8\n",
            "panic: x",
            "a/b\n",
            "/entrypoint.sh: line 27: envsubst: command not found\n",
            "http://example.com/a",
            "10.42.0.5 dev cni0\n",
            "",
        ] {
            assert_eq!(reason(text), None, "{text}");
        }
    }
}

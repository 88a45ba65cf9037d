//! The host itself: name, time and zone, system, memory, disks, addresses and routes, name resolution.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::capture::Capture;
use super::context::{Context, Step};
use super::root::HostRoot;
use super::{HostFacts, Outcome, Read};

/// Files that are copied: source on the host, place in the bundle.
const FILES: &[(&str, &str)] = &[
    ("/etc/os-release", "host/os-release.txt"),
    ("/proc/uptime", "host/uptime.txt"),
    ("/proc/loadavg", "host/loadavg.txt"),
    ("/proc/meminfo", "host/meminfo.txt"),
    ("/proc/mounts", "host/mounts.txt"),
    ("/etc/resolv.conf", "/etc/resolv.conf"),
    ("/etc/hosts", "/etc/hosts"),
    ("/etc/hostname", "/etc/hostname"),
    ("/etc/nsswitch.conf", "/etc/nsswitch.conf"),
    ("/etc/docker/daemon.json", "/etc/docker/daemon.json"),
];

/// Files of the kernel that not every kernel has. Sources: Documentation/accounting/psi.rst, Documentation/networking/.
const KERNEL_FILES: &[(&str, &str)] = &[
    ("/proc/pressure/cpu", "/proc/pressure/cpu"),
    ("/proc/pressure/io", "/proc/pressure/io"),
    ("/proc/pressure/memory", "/proc/pressure/memory"),
    ("/proc/modules", "host/modules.txt"),
    ("/proc/swaps", "host/swaps.txt"),
    ("/proc/diskstats", "/proc/diskstats"),
    ("/proc/vmstat", "/proc/vmstat"),
    ("/proc/net/dev", "/proc/net/dev"),
    ("/proc/net/snmp", "/proc/net/snmp"),
    ("/proc/net/netstat", "/proc/net/netstat"),
    ("/proc/net/softnet_stat", "/proc/net/softnet_stat"),
    ("/proc/net/stat/nf_conntrack", "/proc/net/stat/nf_conntrack"),
    ("/proc/cmdline", "/proc/cmdline"),
    ("/proc/cpuinfo", "/proc/cpuinfo"),
];

/// Programs that are run: step and file name, program, arguments. `-P` is the format of POSIX, `-T` adds the type (coreutils' df).
const PROGRAMS: &[(&str, &str, &[&str])] = &[
    ("df", "df", &["-PT"]),
    ("df-inodes", "df", &["-PTi"]),
    ("ip-addr", "ip", &["addr", "show"]),
    ("ip-route", "ip", &["route", "show", "table", "all"]),
    ("ip-link", "ip", &["-d", "-s", "link", "show"]),
    ("ip-rule", "ip", &["rule", "show"]),
    ("ip-neigh", "ip", &["neigh", "show"]),
    ("ss-listening", "ss", &["-tulpn"]),
    ("ss-summary", "ss", &["-s"]),
    ("lsblk", "lsblk", &[]),
    ("ps", "ps", &["auxww"]),
];

/// Programs whose complaint is an answer: the service behind them is not used on this host, or this kernel lacks what they show.
const OPTIONAL: &[(&str, &str, &[&str])] = &[
    ("iptables-save", "iptables-save", &[]),
    ("ip6tables-save", "ip6tables-save", &[]),
    ("nft-ruleset", "nft", &["list", "ruleset"]),
    ("conntrack-stats", "conntrack", &["-S"]),
    ("timedatectl", "timedatectl", &["status"]),
    ("chronyc-tracking", "chronyc", &["-n", "tracking"]),
    ("ntpq", "ntpq", &["-pn"]),
    ("adjtimex", "adjtimex", &["--print"]),
    ("ntptime", "ntptime", &[]),
    ("resolvectl", "resolvectl", &["status"]),
    ("getenforce", "getenforce", &[]),
    (
        "systemctl-units",
        "systemctl",
        &["list-units", "--all", "--no-pager", "--plain", "--full"],
    ),
    (
        "systemctl-unit-files",
        "systemctl",
        &["list-unit-files", "--type=service,timer", "--no-pager", "--full"],
    ),
];

/// The steps of this source.
pub(crate) fn steps() -> Vec<Step> {
    let clock = ["/etc/timezone", "/etc/localtime", "/proc/sys/kernel/hostname"]
        .map(|path| Read::File(path.into()))
        .to_vec();
    let kernel = KERNEL_FILES
        .iter()
        .map(|(source, _)| Read::File((*source).into()))
        .collect();
    let files = FILES.iter().map(|(source, _)| Read::File((*source).into())).collect();
    let mut steps = vec![
        Step::new("host/clock", clock, |ctx| Box::pin(async { read_clock(ctx) })),
        Step::new("host/files", files, |ctx| Box::pin(async { read_files(ctx) })),
        Step::new("host/kernel", kernel, |ctx| Box::pin(async { read_kernel(ctx) })),
    ];
    steps.extend(PROGRAMS.iter().map(|(name, program, args)| {
        let reads = vec![Read::Command(format!("{program} {}", args.join(" ")))];
        Step::new(format!("host/{name}"), reads, move |ctx| {
            Box::pin(async move {
                let out = ctx.evidence.head();
                ctx.program(&format!("host/{name}.txt"), program, args, out).await
            })
        })
    }));
    steps.extend(OPTIONAL.iter().map(|(name, program, args)| {
        let reads = vec![Read::Command(
            format!("{program} {}", args.join(" ")).trim_end().to_owned(),
        )];
        Step::new(format!("host/{name}"), reads, move |ctx| {
            Box::pin(async move {
                let out = ctx.evidence.head();
                match ctx.program(&format!("host/{name}.txt"), program, args, out).await {
                    Outcome::Failed(reason) => Outcome::Skipped(reason),
                    other => other,
                }
            })
        })
    }));
    steps
}

/// What the manifest says about the host.
pub(crate) fn facts(host: &HostRoot, now: Timestamp) -> HostFacts {
    let (timezone, zone) = time_zone(host);
    HostFacts {
        hostname: hostname(host),
        os: host
            .small("/etc/os-release")
            .as_deref()
            .and_then(pretty_name)
            .unwrap_or_default(),
        kernel: live(host, "/proc/sys/kernel/osrelease").unwrap_or_default(),
        timezone,
        utc_offset: now.to_zoned(zone).strftime("%:z").to_string(),
    }
}

/// The running kernel's name for a live host; for another root the name in its `/etc/hostname`, which then is the better one.
fn hostname(host: &HostRoot) -> String {
    let written = || {
        host.small("/etc/hostname")
            .map(|name| name.trim().to_owned())
            .filter(|name| !name.is_empty())
    };
    let running = || live(host, "/proc/sys/kernel/hostname");
    let name = if host.is_live() {
        running().or_else(written)
    } else {
        written().or_else(running)
    };
    name.unwrap_or_else(|| "localhost".into())
}

/// A value of the kernel: below the root if it has a `/proc`, else of the kernel that runs casefile, which is the same machine's.
fn live(host: &HostRoot, path: &str) -> Option<String> {
    let value = host.small(path).or_else(|| HostRoot::new("/".into()).small(path))?;
    let value = value.trim();
    (!value.is_empty()).then(|| value.to_owned())
}

fn pretty_name(os_release: &str) -> Option<String> {
    let value = os_release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="))?;
    Some(value.trim().trim_matches(['"', '\'']).to_owned())
}

/// The zone's name and rules. `/etc/localtime` decides (localtime(5)); `/etc/timezone` is Debian's note of its name.
fn time_zone(host: &HostRoot) -> (String, TimeZone) {
    let linked = host
        .link_target("/etc/localtime")
        .and_then(|target| Some(target.split_once("zoneinfo/")?.1.to_owned()));
    let name = linked
        .or_else(|| host.small("/etc/timezone").map(|name| name.trim().to_owned()))
        .unwrap_or_default();
    let rules = host
        .read("/etc/localtime", Capture::head(1024 * 1024))
        .ok()
        .and_then(|file| TimeZone::tzif(&name, file.held()).ok());
    let zone = rules.or_else(|| TimeZone::get(&name).ok()).unwrap_or(TimeZone::UTC);
    let name = if name.is_empty() && zone == TimeZone::UTC {
        "UTC".into()
    } else {
        name
    };
    (name, zone)
}

fn read_clock(ctx: &mut Context) -> Outcome {
    let facts = facts(&ctx.host, ctx.now);
    let (_, zone) = time_zone(&ctx.host);
    let local = ctx.now.to_zoned(zone).strftime("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string();
    ctx.evidence.line("host/date.txt", &format!("{local}\n"));
    ctx.evidence.line(
        "host/timezone.txt",
        &format!("{}\n{}\n", facts.timezone, facts.utc_offset),
    );
    ctx.evidence.line("host/hostname.txt", &format!("{}\n", facts.hostname));
    Outcome::Done
}

fn read_files(ctx: &mut Context) -> Outcome {
    copy_all(ctx, FILES, true)
}

fn read_kernel(ctx: &mut Context) -> Outcome {
    copy_all(ctx, KERNEL_FILES, false)
}

/// Copies files; `are_usual` says that the absence of one is worth a note.
fn copy_all(ctx: &mut Context, files: &[(&str, &str)], are_usual: bool) -> Outcome {
    let mut errors = Vec::new();
    for (source, place) in files {
        let capture = ctx.evidence.head();
        match ctx.copy(source, place, capture) {
            Ok(true) => {}
            Ok(false) if are_usual => ctx.evidence.note(format!("there is no {source}")),
            Ok(false) => {}
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() {
        Outcome::Done
    } else {
        Outcome::Failed(errors.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_planted_root_tells_its_own_name_system_and_zone() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("etc")).unwrap();
        fs::write(dir.path().join("etc/hostname"), "node-7\n").unwrap();
        fs::write(
            dir.path().join("etc/os-release"),
            "ID=debian\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n",
        )
        .unwrap();
        symlink("/usr/share/zoneinfo/Asia/Shanghai", dir.path().join("etc/localtime")).unwrap();

        let facts = facts(&HostRoot::new(dir.path().to_path_buf()), Timestamp::UNIX_EPOCH);
        assert_eq!(facts.hostname, "node-7");
        assert_eq!(facts.os, "Debian GNU/Linux 12 (bookworm)");
        assert_eq!(facts.timezone, "Asia/Shanghai");
    }

    #[test]
    fn a_host_without_a_zone_file_is_in_utc() {
        let dir = tempfile::tempdir().unwrap();
        let facts = facts(&HostRoot::new(dir.path().to_path_buf()), Timestamp::UNIX_EPOCH);
        assert_eq!((facts.timezone.as_str(), facts.utc_offset.as_str()), ("UTC", "+00:00"));
    }
}

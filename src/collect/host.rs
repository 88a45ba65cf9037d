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

/// Programs that are run: step and file name, program, arguments. `-P` is the format of POSIX, `-T` adds the type (coreutils' df).
const PROGRAMS: &[(&str, &str, &[&str])] = &[
    ("df", "df", &["-PT"]),
    ("df-inodes", "df", &["-PTi"]),
    ("ip-addr", "ip", &["addr", "show"]),
    ("ip-route", "ip", &["route", "show", "table", "all"]),
];

/// The steps of this source.
pub(crate) fn steps() -> Vec<Step> {
    let clock = ["/etc/timezone", "/etc/localtime", "/proc/sys/kernel/hostname"]
        .map(|path| Read::File(path.into()))
        .to_vec();
    let files = FILES.iter().map(|(source, _)| Read::File((*source).into())).collect();
    let mut steps = vec![
        Step::new("host/clock", clock, |ctx| Box::pin(async { read_clock(ctx) })),
        Step::new("host/files", files, |ctx| Box::pin(async { read_files(ctx) })),
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
    let mut errors = Vec::new();
    for (source, place) in FILES {
        let capture = ctx.evidence.head();
        match ctx.copy(source, place, capture) {
            Ok(true) => {}
            Ok(false) => ctx.evidence.note(format!("there is no {source}")),
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

//! The logs of kubelet, containerd and dockerd: from the journal where there is one, else from files.

use super::configs::expand;
use super::context::{Context, Step};
use super::{Outcome, Read};

/// Unit of systemd, and the name of its log in the bundle.
const UNITS: &[(&str, &str)] = &[
    ("kubelet", "kubelet"),
    ("containerd", "containerd"),
    ("docker", "dockerd"),
    ("crio", "crio"),
    ("cri-docker", "cri-dockerd"),
    ("rke2-server", "rke2-server"),
    ("rke2-agent", "rke2-agent"),
    ("k3s", "k3s"),
    ("k3s-agent", "k3s-agent"),
    ("rancher-system-agent", "rancher-system-agent"),
    ("kube-proxy", "kube-proxy"),
    ("kube-apiserver", "kube-apiserver"),
    ("kube-controller-manager", "kube-controller-manager"),
    ("kube-scheduler", "kube-scheduler"),
    ("etcd", "etcd"),
];

/// Logs that RKE2 and k3s write beside the journal (rke2 `pkg/rke2`, k3s `pkg/agent/containerd`).
const RANCHER_FILES: &[&str] = &[
    "/var/lib/rancher/*/agent/logs/kubelet.log",
    "/var/lib/rancher/*/agent/containerd/containerd.log",
    "/var/log/k3s.log",
    "/var/log/k3s-service.log",
];

/// Beginnings of file names in `/var/log` that hold one component's log.
const COMPONENT_FILES: &[&str] = &[
    "kubelet",
    "containerd",
    "dockerd",
    "docker",
    "crio",
    "kube-proxy",
    "etcd",
];

/// Beginnings of the names of the system's own log files, into which syslog puts what the journal also has.
const SYSTEM_FILES: &[&str] = &["syslog", "messages", "daemon.log", "kern.log"];

/// The steps of this source; the files come last because they stand in for a missing journal.
pub(crate) fn steps() -> Vec<Step> {
    let mut steps: Vec<Step> = UNITS
        .iter()
        .map(|(unit, name)| {
            let reads = vec![Read::Command(format!("journalctl {}", arguments(unit).join(" ")))];
            Step::new(format!("logs/{name}"), reads, move |ctx| {
                Box::pin(read_journal(ctx, unit, name))
            })
        })
        .collect();
    let kernel = vec![
        Read::Command(format!("journalctl {}", KERNEL.join(" "))),
        Read::Command("dmesg -T".into()),
    ];
    steps.push(Step::new("logs/kernel", kernel, |ctx| Box::pin(read_kernel(ctx))));
    let names = COMPONENT_FILES.iter().chain(SYSTEM_FILES);
    let beside = RANCHER_FILES.iter().map(|path| Read::File((*path).to_owned()));
    let reads = names
        .map(|name| Read::File(format!("/var/log/{name}*")))
        .chain(beside)
        .collect();
    steps.push(Step::new("logs/files", reads, |ctx| {
        Box::pin(async { read_files(ctx) })
    }));
    steps
}

/// The kernel's own lines in the journal: processes that were killed for memory, tasks that hang, disks that fail.
const KERNEL: &[&str] = &["-k", "--no-pager", "-q", "-o", "short-iso-precise", "--since", "-7d"];

fn arguments(unit: &str) -> Vec<&str> {
    vec![
        "-u",
        unit,
        "--no-pager",
        "-q",
        "-o",
        "short-iso-precise",
        "--since",
        "-7d",
    ]
}

/// Where systemd keeps journals: on disk, or until the next start (systemd-journald.service(8)).
const JOURNALS: [&str; 2] = ["/var/log/journal", "/run/log/journal"];

/// What is said where there is no journal.
const NO_JOURNAL: &str = "this host keeps no journal: neither /var/log/journal nor /run/log/journal has one; what its log files have is in \
     logs/files";

/// True for a host that has journals of any machine.
fn keeps_journal(ctx: &Context) -> bool {
    let mut folders = JOURNALS.iter().map(|folder| ctx.host.list(folder));
    folders.any(|names| match names {
        Ok(names) => !names.is_empty(),
        // Who may not look cannot say so.
        Err(error) => error.kind() != std::io::ErrorKind::NotFound,
    })
}

async fn read_journal(ctx: &mut Context, unit: &str, name: &str) -> Outcome {
    if ctx.host.is_live() && !keeps_journal(ctx) {
        return Outcome::Skipped(NO_JOURNAL.into());
    }
    let file = format!("logs/{name}.log");
    let capture = ctx.evidence.tail();
    let outcome = ctx.program(&file, "journalctl", &arguments(unit), capture).await;
    let has_entries = ctx.evidence.has(&file);
    ctx.has_journal |= has_entries;
    match outcome {
        Outcome::Done if !has_entries => {
            Outcome::Skipped(format!("the journal has nothing of {unit} in the last 7 days"))
        }
        other => other,
    }
}

/// The journal of the kernel, which outlives a restart; without it the kernel's own buffer.
async fn read_kernel(ctx: &mut Context) -> Outcome {
    let capture = ctx.evidence.tail();
    let journal = ctx.program("logs/kernel.log", "journalctl", KERNEL, capture).await;
    if ctx.evidence.has("logs/kernel.log") {
        return journal;
    }
    let capture = ctx.evidence.tail();
    match ctx.program("logs/dmesg.log", "dmesg", &["-T"], capture).await {
        // Reading the buffer takes a right that a container lacks (`kernel.dmesg_restrict`).
        Outcome::Failed(reason) => Outcome::Skipped(reason),
        other => other,
    }
}

fn read_files(ctx: &mut Context) -> Outcome {
    let names = match ctx.host.list("/var/log") {
        Ok(names) => names,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => {
            ctx.evidence.note(format!("cannot list /var/log: {error}"));
            Vec::new()
        }
    };
    let beside = RANCHER_FILES.iter().flat_map(|pattern| expand(&ctx.host, pattern));
    let beside: Vec<String> = beside.collect();
    let system = if ctx.has_journal { &[] } else { SYSTEM_FILES };
    let mut found = false;
    let mut errors = Vec::new();
    let is_wanted = |name: &&String| {
        COMPONENT_FILES
            .iter()
            .chain(system)
            .any(|start| name.starts_with(start))
    };
    let usual = names.iter().filter(is_wanted).map(|name| format!("/var/log/{name}"));
    for path in usual.chain(beside) {
        if !ctx.host.is_file(&path) || ctx.evidence.has(&path) {
            continue;
        }
        let capture = ctx.evidence.tail();
        match ctx.copy(&path, &path, capture) {
            Ok(copied) => found |= copied,
            Err(error) => errors.push(error),
        }
    }
    match (errors.is_empty(), found) {
        (false, _) => Outcome::Failed(errors.join("; ")),
        (true, true) => Outcome::Done,
        (true, false) => Outcome::Skipped("there is no log file of a component".into()),
    }
}

//! The logs of kubelet, containerd and dockerd: from the journal where there is one, else from files.

use super::context::{Context, Step};
use super::{Outcome, Read};

/// Unit of systemd, and the name of its log in the bundle.
const UNITS: &[(&str, &str)] = &[
    ("kubelet", "kubelet"),
    ("containerd", "containerd"),
    ("docker", "dockerd"),
];

/// Beginnings of file names in `/var/log` that hold one component's log.
const COMPONENT_FILES: &[&str] = &["kubelet", "containerd", "dockerd", "docker"];

/// Beginnings of the names of the system's own log files, into which syslog puts what the journal also has.
const SYSTEM_FILES: &[&str] = &["syslog", "messages", "daemon.log"];

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
    let names = COMPONENT_FILES.iter().chain(SYSTEM_FILES);
    let reads = names.map(|name| Read::File(format!("/var/log/{name}*"))).collect();
    steps.push(Step::new("logs/files", reads, |ctx| {
        Box::pin(async { read_files(ctx) })
    }));
    steps
}

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

async fn read_journal(ctx: &mut Context, unit: &str, name: &str) -> Outcome {
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

fn read_files(ctx: &mut Context) -> Outcome {
    let names = match ctx.host.list("/var/log") {
        Ok(names) => names,
        Err(error) => return Outcome::Skipped(format!("cannot list /var/log: {error}")),
    };
    let system = if ctx.has_journal { &[] } else { SYSTEM_FILES };
    let mut found = false;
    let mut errors = Vec::new();
    for name in names.iter().filter(|name| {
        COMPONENT_FILES
            .iter()
            .chain(system)
            .any(|start| name.starts_with(start))
    }) {
        let path = format!("/var/log/{name}");
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
        (true, false) => Outcome::Skipped("/var/log has no log of a component".into()),
    }
}

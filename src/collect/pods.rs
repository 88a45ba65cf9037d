//! What the host's disk says of its pods, whether or not the runtime answers: their logs, and their name servers.
//!
//! The kubelet has the runtime write `/var/log/pods/<namespace>_<pod>_<uid>/<container>/<attempt>.log` (kubernetes
//! `pkg/kubelet/kuberuntime/helpers.go`, `BuildContainerLogsDirectory`).

use std::collections::BTreeSet;

use tokio::time::Instant;

use super::context::{Context, Step};
use super::{Outcome, Read};

/// The kubelet's folder of logs (`podLogsDir`).
const FOLDER: &str = "/var/log/pods";

/// The kubelet's configuration, which may name a `resolv.conf` for pods that is not the host's own (`resolvConf`).
const KUBELET: &str = "/var/lib/kubelet/config.yaml";

/// How much of the log of a container is kept that is not known to be in trouble.
const HEALTHY_LOG: u64 = 2 * 1024 * 1024;

/// Most logs that are read.
const MOST_LOGS: usize = 4000;

/// The steps of this source. They come last: they take what room the others left.
pub(crate) fn steps() -> Vec<Step> {
    let logs = vec![
        Read::File(format!("{FOLDER}/*/*/*.log")),
        Read::File("the log that the runtime names for each container".into()),
    ];
    let resolvers = vec![
        Read::File("the resolv.conf of each running sandbox".into()),
        Read::File(format!("the resolv.conf that {KUBELET} gives to pods")),
    ];
    vec![
        Step::new("pods/resolv", resolvers, |ctx| Box::pin(async { read_resolvers(ctx) })),
        Step::new("pods/logs", logs, |ctx| Box::pin(read_logs(ctx))).patient(4),
    ]
}

fn read_resolvers(ctx: &mut Context) -> Outcome {
    let mut errors = Vec::new();
    let resolvers = std::mem::take(&mut ctx.pod_resolvers);
    for (pod, path) in &resolvers {
        let capture = ctx.evidence.head();
        if let Err(error) = ctx.copy(path, &format!("pods/{pod}/resolv.conf"), capture) {
            errors.push(error);
        }
    }
    let settings = ctx.host.small(KUBELET).unwrap_or_default();
    let named = settings.lines().find_map(|line| line.strip_prefix("resolvConf:"));
    let of_kubelet = named
        .map(|path| path.trim().trim_matches(['"', '\'']).to_owned())
        .filter(|path| path.starts_with('/'));
    if let Some(path) = &of_kubelet {
        let capture = ctx.evidence.head();
        match ctx.copy(path, path, capture) {
            Ok(true) => {}
            Ok(false) => ctx.evidence.note(format!("{KUBELET} names {path}, which is not there")),
            Err(error) => errors.push(error),
        }
    }
    match (errors.first(), resolvers.is_empty() && of_kubelet.is_none()) {
        (Some(_), _) => Outcome::Failed(errors.join("; ")),
        (None, true) => Outcome::Skipped("no runtime named a running sandbox' resolv.conf".into()),
        (None, false) => Outcome::Done,
    }
}

/// A log, and how soon it is read: those of containers in trouble first, then the system's.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Log {
    rank: u8,
    path: String,
}

async fn read_logs(ctx: &mut Context) -> Outcome {
    // Docker's own logs were asked of the engine; here are only links to them.
    let skip_links = ctx.evidence.has("docker/inspect.json");
    let unhealthy: BTreeSet<String> = ctx
        .container_logs
        .iter()
        .filter(|log| log.0)
        .map(|log| log.1.clone())
        .collect();
    let named = ctx.container_logs.drain(..).map(|(_, path)| path);
    let mut paths: BTreeSet<String> = named.collect();
    for path in on_disk(ctx) {
        paths.insert(path);
    }
    paths.retain(|path| !skip_links || ctx.host.link_target(path).is_none());
    let mut logs: Vec<Log> = paths
        .into_iter()
        .map(|path| Log {
            rank: rank(&path, &unhealthy),
            path,
        })
        .collect();
    if logs.is_empty() {
        return Outcome::Skipped(format!("no runtime names a log, and {FOLDER} has none"));
    }
    logs.sort_unstable();
    if logs.len() > MOST_LOGS {
        ctx.evidence
            .note(format!("{MOST_LOGS} of {} logs were read", logs.len()));
        logs.truncate(MOST_LOGS);
    }
    let mut errors = Vec::new();
    for (index, log) in logs.iter().enumerate() {
        if Instant::now() >= ctx.deadline {
            ctx.evidence.note(format!("{index} of {} logs were read", logs.len()));
            return Outcome::TimedOut;
        }
        let capture = if log.rank == 0 {
            ctx.evidence.tail()
        } else {
            ctx.evidence.short_tail(HEALTHY_LOG)
        };
        // A log that was rotated or whose container was removed meanwhile is no gap.
        if let Err(error) = ctx.copy(&log.path, &log.path, capture) {
            errors.push(error);
        }
        // Reading files never waits; a signal must be heard all the same.
        tokio::task::yield_now().await;
    }
    match errors.first() {
        Some(first) => Outcome::Failed(format!(
            "{} of {} logs could not be read; {first}",
            errors.len(),
            logs.len()
        )),
        None => Outcome::Done,
    }
}

/// The paths of the logs below [`FOLDER`]; rotated ones, whose names go on behind `.log`, are left out.
fn on_disk(ctx: &Context) -> Vec<String> {
    let below = |folder: &str| -> Vec<String> {
        let names = ctx.host.list(folder).unwrap_or_default();
        names.into_iter().map(|name| format!("{folder}/{name}")).collect()
    };
    let containers = below(FOLDER).into_iter().flat_map(|pod| below(&pod));
    let mut logs = Vec::new();
    for container in containers {
        logs.extend(below(&container).into_iter().filter(|path| path.ends_with(".log")));
        if logs.len() > MOST_LOGS * 4 {
            break;
        }
    }
    logs
}

/// Trouble is what the runtime says; without it, a container that was started again shows it by the number in its log's name.
fn rank(path: &str, unhealthy: &BTreeSet<String>) -> u8 {
    let attempt = path.rsplit('/').next().and_then(|name| name.split('.').next());
    let was_restarted = attempt
        .and_then(|number| number.parse::<u32>().ok())
        .is_some_and(|number| number > 0);
    let of_the_system = ["/kube-", "/cattle-", "/calico-", "/tigera-"]
        .iter()
        .any(|start| path.contains(&format!("{FOLDER}{start}")));
    match (unhealthy.contains(path) || was_restarted, of_the_system) {
        (true, _) => 0,
        (false, true) => 1,
        (false, false) => 2,
    }
}

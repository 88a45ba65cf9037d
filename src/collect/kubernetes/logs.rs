//! Logs of containers, the unhealthy first.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use super::api::{Api, End};
use super::error::ApiError;
use super::layout;
use super::lists::PATIENCE;
use super::pods::{PodLogs, Rank};
use super::session::request;
use super::tail::{Sink, tail};
use super::target::escape;
use crate::collect::Outcome;
use crate::collect::capture::Capture;
use crate::collect::context::{Context, Step};

/// Lines of a container that is unhealthy, and of one that is not.
const LINES: (u64, u64) = (10_000, 500);

/// Most bytes of one log that are held at a time; several logs are read at once. With `--all-logs` they go to the disk, and each may
/// take its share of the room that is left.
const MOST: u64 = 4 * 1024 * 1024;

/// After so many logs in a row that a node did not give, the others on it are left alone: each costs its whole time.
const DEAD_NODE: u32 = 3;

/// The step, which adds one for unhealthy pods, one for the system's, and one for the others.
pub(super) fn step() -> Step {
    let reads = vec![request(
        "/api/v1/namespaces/{namespace}/pods/{pod}/log?timestamps=true for each container of each pod, and previous=true where it restarted",
    )];
    Step::new("kubernetes/logs", reads, |ctx| Box::pin(async { plan(ctx) }))
}

fn plan(ctx: &mut Context) -> Outcome {
    if let Err(outcome) = ctx.cluster.api() {
        return outcome;
    }
    let pods = std::mem::take(&mut ctx.cluster.pods);
    if pods.is_empty() {
        return Outcome::Skipped("no pod was listed of which a container has run".into());
    }
    let mut ranked: BTreeMap<Rank, Vec<PodLogs>> = BTreeMap::new();
    for pod in pods {
        ranked.entry(pod.rank).or_default().push(pod);
    }
    for (rank, pods) in ranked {
        let (name, whose) = match rank {
            Rank::Unhealthy => ("unhealthy", "unhealthy pods"),
            Rank::System => ("system", "healthy pods of system namespaces"),
            Rank::Other => ("other", "other healthy pods"),
        };
        let reads = vec![request(&format!("the logs of {} {whose}", pods.len()))];
        let step = Step::new(format!("kubernetes/logs/{name}"), reads, move |ctx| {
            Box::pin(read(ctx, rank, pods))
        });
        ctx.spawned.push(step.patient(PATIENCE));
    }
    Outcome::Done
}

/// One log to read.
struct Log {
    namespace: String,
    pod: String,
    container: String,
    node: String,
    previous: bool,
}

/// What came of one.
struct Read {
    log: Log,
    sink: Sink,
    end: Result<End, ApiError>,
}

async fn read(ctx: &mut Context, rank: Rank, pods: Vec<PodLogs>) -> Outcome {
    let api = match ctx.cluster.api() {
        Ok(api) => api,
        Err(outcome) => return outcome,
    };
    let plan = &ctx.cluster.plan;
    let lines = match rank {
        _ if plan.all_logs => None,
        Rank::Unhealthy => Some(LINES.0),
        Rank::System | Rank::Other => Some(LINES.1),
    };
    let query = query(lines, plan.since);
    let concurrency = plan.concurrency.max(1);
    let most = MOST.min(ctx.evidence.most_of_a_file());
    let mut waiting: VecDeque<Log> = pods.into_iter().flat_map(logs_of).collect();
    ctx.gauge.begin(waiting.len());
    let mut running = JoinSet::new();
    let mut tally = Tally::default();
    let outcome = loop {
        // What is begun after the deadline fails at once, and would be counted as a failure of its own.
        while running.len() < concurrency && ctx.evidence.room() > 0 && Instant::now() < ctx.deadline {
            let Some(log) = waiting.pop_front() else { break };
            if tally.is_dead(&log.node) {
                tally.unasked += 1;
                continue;
            }
            let deadline = ctx.deadline.min(Instant::now() + api.patience() / 2);
            let share = lines.is_none().then(|| ctx.evidence.room() / concurrency as u64);
            let spools = ctx.evidence.spools();
            let open = move || match share {
                None => Sink::Tail(Capture::tail(most)),
                Some(share) => Sink::All {
                    spool: spools.open(),
                    most: share.max(most),
                    full: None,
                },
            };
            running.spawn(fetch(api.clone(), log, query.clone(), deadline, open));
        }
        match timeout_at(ctx.deadline + Duration::from_millis(500), running.join_next()).await {
            Err(_) => break Outcome::TimedOut,
            Ok(None) if waiting.is_empty() => break Outcome::Done,
            Ok(None) if Instant::now() >= ctx.deadline => break Outcome::TimedOut,
            Ok(None) => {
                ctx.evidence
                    .note("the bundle has no room for further logs; raise --max-size");
                break Outcome::Done;
            }
            // Only a panic of the task ends here, and it has been reported.
            Ok(Some(Err(_))) => {}
            Ok(Some(Ok(read))) => {
                ctx.gauge.advance();
                tally.take(ctx, read);
            }
        }
    };
    tally.left = waiting.len() + running.len();
    tally.end(ctx, outcome)
}

fn query(lines: Option<u64>, since: Option<Duration>) -> String {
    let lines = lines.map(|lines| format!("&tailLines={lines}")).unwrap_or_default();
    let since = since
        .map(|since| format!("&sinceSeconds={}", since.as_secs().max(1)))
        .unwrap_or_default();
    format!("timestamps=true{lines}{since}")
}

/// The logs of a pod: of each container what it says now, then what it said before its last restart.
fn logs_of(pod: PodLogs) -> Vec<Log> {
    let log = |container: &str, previous| Log {
        namespace: pod.namespace.clone(),
        pod: pod.name.clone(),
        container: container.to_owned(),
        node: pod.node.clone(),
        previous,
    };
    let both = |name: &str, before: bool| {
        let previous = before.then(|| log(name, true));
        [Some(log(name, false)), previous].into_iter().flatten()
    };
    pod.containers
        .iter()
        .flat_map(|container| both(&container.name, container.previous))
        .collect()
}

/// True for what a kubelet answers, with 200, where a container's log was removed meanwhile (kubernetes,
/// `pkg/kubelet/kuberuntime/kuberuntime_container.go`, `GetContainerLogs`). It has no time stamp, as every line of a log would.
fn is_no_log(body: &[u8]) -> bool {
    body.starts_with(b"unable to retrieve container logs for ") && !body.trim_ascii_end().contains(&b'\n')
}

async fn fetch(api: Api, log: Log, query: String, deadline: Instant, open: impl FnMut() -> Sink) -> Read {
    let previous = if log.previous { "&previous=true" } else { "" };
    let target = format!(
        "/api/v1/namespaces/{}/pods/{}/log?container={}&{query}{previous}",
        escape(&log.namespace),
        escape(&log.pod),
        escape(&log.container),
    );
    let (sink, end) = tail(&api, &target, deadline, open).await;
    Read { log, sink, end }
}

/// What happened to the logs of one step.
#[derive(Default)]
struct Tally {
    read: usize,
    gone: usize,
    none: usize,
    cut: usize,
    failed: Vec<(String, ApiError)>,
    forbidden: Option<(usize, ApiError)>,
    unasked: usize,
    left: usize,
    nodes: BTreeMap<String, u32>,
}

impl Tally {
    fn is_dead(&self, node: &str) -> bool {
        self.nodes.get(node).is_some_and(|failures| *failures >= DEAD_NODE)
    }

    fn take(&mut self, ctx: &mut Context, read: Read) {
        let Read { log, sink, end } = read;
        let failures = self.nodes.entry(log.node.clone()).or_default();
        let name = || format!("{}/{} {}", log.namespace, log.pod, log.container);
        match end {
            Ok(_) if is_no_log(sink.held()) => {
                *failures = 0;
                self.none += 1;
            }
            Ok(end) => {
                *failures = 0;
                self.read += 1;
                // A log for which there is no more room is noted where it is written.
                if matches!(end, End::Cut | End::TimedOut) {
                    self.cut += 1;
                    let why = if end == End::Cut {
                        "broke off"
                    } else {
                        "did not end in its time"
                    };
                    ctx.evidence
                        .note(format!("the log of {} {why}; what came is kept", name()));
                }
                let path = layout::log(&log.namespace, &log.pod, &log.container, log.previous);
                sink.write(&mut ctx.evidence, &path);
            }
            Err(error) => match error.code() {
                Some(404) => self.gone += 1,
                // "container … is waiting to start", "previous terminated container … not found" (kubelet, `GetKubeletContainerLogs`).
                Some(400) => self.none += 1,
                Some(403) => {
                    let count = self.forbidden.as_ref().map_or(0, |(count, _)| *count) + 1;
                    self.forbidden = Some((count, error));
                }
                _ => {
                    *failures += 1;
                    self.failed.push((name(), error));
                }
            },
        }
    }

    fn end(self, ctx: &mut Context, outcome: Outcome) -> Outcome {
        let mut notes = vec![format!("{} logs read", self.read)];
        for (count, what) in [
            (self.gone, "of pods that were removed meanwhile"),
            (self.none, "of containers that have none"),
            (self.unasked, "not asked for, because their node gave none"),
            (self.left, "not reached in time or for want of room"),
        ] {
            if count > 0 {
                notes.push(format!("{count} {what}"));
            }
        }
        ctx.evidence.note(notes.join(", "));
        if outcome != Outcome::Done {
            return outcome;
        }
        match (self.failed.first(), self.forbidden) {
            (Some((name, error)), _) => {
                let count = self.failed.len() + self.unasked;
                Outcome::Failed(format!(
                    "{count} logs could not be read, that of {name} among them: {error}"
                ))
            }
            (None, Some((count, error))) => Outcome::Forbidden(format!("{count} logs may not be read: {error}")),
            (None, None) if self.cut > 0 => Outcome::Failed(format!("{} logs are not whole", self.cut)),
            (None, None) => Outcome::Done,
        }
    }
}

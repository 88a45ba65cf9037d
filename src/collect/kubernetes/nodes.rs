//! What each kubelet says of itself, through the API server.

use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::api::{Api, End};
use super::error::ApiError;
use super::session::request;
use super::tail::{Sink, tail};
use super::target::escape;
use crate::collect::Outcome;
use crate::collect::capture::Capture;
use crate::collect::context::{Context, Step};
use crate::collect::evidence::Place;

/// Nodes that are asked, those that are not ready first.
const MOST_NODES: usize = 200;

/// The largest document of a kubelet; `stats/summary` has some kilobytes for each pod.
const MOST: u64 = 16 * 1024 * 1024;

/// Documents of the kubelet's server (kubernetes, `pkg/kubelet/server/server.go`) and their files.
const DOCUMENTS: &[(&str, &str)] = &[
    ("configz", "configz.json"),
    ("healthz?verbose", "healthz.txt"),
    ("stats/summary", "stats-summary.json"),
];

/// Logs by the query of NodeLogQuery (kubernetes.io/docs/concepts/cluster-administration/system-logs, "Log query").
const SERVICES: &[&str] = &["kubelet", "containerd"];

/// Files of `/var/log`, which a kubelet without that query lists instead, where they hold what services say: those of services that write
/// files, and those of syslog on Debian, SUSE and Red Hat.
const FILES: &[&str] = &[
    "kubelet.log",
    "containerd.log",
    "docker.log",
    "syslog",
    "messages",
    "daemon.log",
    "kern.log",
];

/// Lines asked of a service's log.
const LINES: u32 = 5000;

/// The step, which adds one for each node.
pub(super) fn step() -> Step {
    let reads = DOCUMENTS.iter().map(|(path, _)| *path).map(str::to_owned);
    let logs = SERVICES.iter().map(|service| query(service));
    let reads = reads
        .chain(logs)
        .map(|path| request(&format!("/api/v1/nodes/{{node}}/proxy/{path} for each node")));
    Step::new("kubernetes/nodes", reads.collect(), |ctx| Box::pin(async { plan(ctx) }))
}

fn query(service: &str) -> String {
    format!("logs/?query={service}&tailLines={LINES}")
}

fn plan(ctx: &mut Context) -> Outcome {
    if let Err(outcome) = ctx.cluster.api() {
        return outcome;
    }
    let mut nodes = std::mem::take(&mut ctx.cluster.nodes);
    if nodes.is_empty() {
        return Outcome::Skipped("no node was listed".into());
    }
    nodes.sort_by_key(|(_, ready)| *ready);
    if nodes.len() > MOST_NODES {
        ctx.evidence
            .note(format!("{MOST_NODES} of {} nodes are asked", nodes.len()));
        nodes.truncate(MOST_NODES);
    }
    for (name, _) in nodes {
        let reads = vec![request(&format!("/api/v1/nodes/{name}/proxy/…"))];
        let step = Step::new(format!("kubernetes/nodes/{name}"), reads, move |ctx| {
            Box::pin(read(ctx, name))
        });
        ctx.spawned.push(step);
    }
    Outcome::Done
}

/// What one request of a node brought.
enum Brought {
    Document(&'static str, Result<Vec<u8>, ApiError>),
    Log(&'static str, Sink, Result<End, ApiError>),
}

async fn read(ctx: &mut Context, node: String) -> Outcome {
    let api = match ctx.cluster.api() {
        Ok(api) => api,
        Err(outcome) => return outcome,
    };
    let root = format!("/api/v1/nodes/{}/proxy", escape(&node));
    let folder = format!("nodes/{}/kubelet", node.replace('/', "_"));
    // Half of the time, so that a request that hangs leaves some to write what the others brought.
    let deadline = ctx.deadline.min(Instant::now() + ctx.step_timeout / 2);
    let mut running = JoinSet::new();
    for (path, file) in DOCUMENTS {
        let (api, target) = (api.clone(), format!("{root}/{path}"));
        running.spawn(async move { Brought::Document(file, document(&api, &target, deadline).await) });
    }
    for service in SERVICES {
        let (api, root, target, most) = (
            api.clone(),
            root.clone(),
            format!("{root}/{}", query(service)),
            ctx.evidence.most_of_a_file(),
        );
        running.spawn(async move {
            let open = || Sink::Tail(Capture::tail(most));
            let (mut sink, mut end) = tail(&api, &target, deadline, open).await;
            // A number of lines can be had from the journal alone.
            if end.is_ok() && refusal(sink.held()).is_some_and(|words| words.starts_with(NO_OPTIONS)) {
                let target = format!("{root}/logs/?query={service}");
                (sink, end) = tail(&api, &target, deadline, open).await;
            }
            Brought::Log(service, sink, end)
        });
    }
    let mut errors = Vec::new();
    let mut is_listed = false;
    while let Some(brought) = running.join_next().await {
        match brought {
            Ok(Brought::Document(file, Ok(body))) => write(ctx, &format!("{folder}/{file}"), &body),
            Ok(Brought::Document(file, Err(error))) => errors.push((file, error)),
            Ok(Brought::Log(service, sink, Ok(end))) => {
                if is_listing(sink.held()) {
                    if std::mem::replace(&mut is_listed, true) {
                        continue;
                    }
                    let files: Vec<&str> = FILES.iter().copied().filter(|file| links(sink.held(), file)).collect();
                    let instead = if files.is_empty() {
                        "no log of a service".into()
                    } else {
                        files.join(", ")
                    };
                    ctx.evidence.note(format!(
                        "this kubelet does not answer queries for logs (NodeLogQuery); its /var/log has {instead}"
                    ));
                    for file in files {
                        let (api, target, most) = (
                            api.clone(),
                            format!("{root}/logs/{file}"),
                            ctx.evidence.most_of_a_file(),
                        );
                        running.spawn(async move {
                            let (sink, end) = tail(&api, &target, deadline, || Sink::Tail(Capture::tail(most))).await;
                            Brought::Log(file, sink, end)
                        });
                    }
                } else if let Some(words) = refusal(sink.held()) {
                    ctx.evidence.note(format!("no log of {service}: {words}"));
                } else {
                    // Files keep their names, and those of the journal get one.
                    let ending = if FILES.contains(&service) { "" } else { ".log" };
                    sink.write(&mut ctx.evidence, &format!("{folder}/logs/{service}{ending}"));
                    if end != End::Complete {
                        ctx.evidence.note(format!(
                            "the log of {service} did not end in its time; what came is kept"
                        ));
                    }
                }
            }
            // 404 and 405: the kubelet's log endpoint is off (`enableSystemLogHandler`); 400: this query is not known.
            Ok(Brought::Log(service, _, Err(error))) if matches!(error.code(), Some(400 | 404 | 405)) => {
                ctx.evidence.note(format!("no log of {service}: {error}"));
            }
            Ok(Brought::Log(service, _, Err(error))) => errors.push((service, error)),
            // Only a panic of the task ends here, and it has been reported.
            Err(_) => {}
        }
    }
    errors.sort_by_key(|(what, _)| *what);
    let count = errors.len();
    let forbidden = errors.iter().all(|(_, error)| error.code() == Some(403));
    match errors.into_iter().next() {
        None => Outcome::Done,
        Some((_, error)) if forbidden => Outcome::Forbidden(error.to_string()),
        Some((what, error)) => Outcome::Failed(format!("{count} requests had no result, {what} among them: {error}")),
    }
}

/// A document, asked for again where that may help.
async fn document(api: &Api, target: &str, deadline: Instant) -> Result<Vec<u8>, ApiError> {
    let mut retry = api.retry_of_a_kubelet(deadline);
    loop {
        match api.whole(target, MOST, retry.attempt().await?).await {
            Ok(body) => return Ok(body),
            Err(error) => retry.after(error).await?,
        }
    }
}

/// How a kubelet says that a service writes files, of which it sends no part.
const NO_OPTIONS: &str = "options present and query resolved to log files";

/// What a kubelet writes in place of a log, though it answers 200 (kubernetes, `pkg/kubelet/kubelet_server_journal.go`).
const REFUSALS: &[&str] = &[
    NO_OPTIONS,
    "log not found for ",
    "error getting log for ",
    "error: journal output not available",
    "failed to get logging cmd",
];

/// The longest of them; a log that only begins so goes on.
const LONGEST_REFUSAL: usize = 1000;

/// The words of a kubelet that has no log, on one line.
fn refusal(body: &[u8]) -> Option<String> {
    if body.len() > LONGEST_REFUSAL {
        return None;
    }
    let words = std::str::from_utf8(body)
        .ok()?
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    REFUSALS.iter().any(|start| words.starts_with(start)).then_some(words)
}

/// True for the page of links that Go's file server makes of a directory.
fn is_listing(body: &[u8]) -> bool {
    let start = body.trim_ascii_start();
    start.starts_with(b"<!doctype html>") || start.starts_with(b"<pre>") || start.starts_with(b"<html")
}

/// True where such a page leads to this file.
fn links(page: &[u8], file: &str) -> bool {
    memchr::memmem::find(page, format!("<a href=\"{file}\">").as_bytes()).is_some()
}

fn write(ctx: &mut Context, path: &str, body: &[u8]) {
    match serde_json::from_slice::<Value>(body) {
        Ok(document) if path.ends_with(".json") => ctx.evidence.json(Place::Top(path), document),
        _ => ctx.evidence.line(Place::Top(path), &String::from_utf8_lossy(body)),
    }
}

//! The steps that ask the engine.

use serde_json::Value;

use super::client::{End, EngineError};
use super::frames::Demultiplexer;
use crate::collect::capture::Capture;
use crate::collect::context::{Context, Step};
use crate::collect::{Outcome, Read};

const LIST: &str = "/containers/json?all=1";

/// Lines asked of each container's log.
const LOG_LINES: usize = 2000;

/// How far back events are asked for. The engine holds its last 256 only (moby, `daemon/events/events.go`, `eventsLimit`).
const EVENT_SECONDS: i64 = 7 * 24 * 3600;

/// The steps of this source. Inspection comes first: it knows the containers' secrets by structure.
pub(crate) fn steps() -> Vec<Step> {
    let inspect = vec![request(LIST), request("/containers/{id}/json for each container")];
    vec![
        Step::new("docker/inspect", inspect, |ctx| Box::pin(inspect_all(ctx))),
        document("docker/containers", LIST),
        document("docker/version", "/version"),
        document("docker/info", "/info"),
        document("docker/images", "/images/json"),
        Step::new(
            "docker/events",
            vec![request("/events?since={7 days ago}&until={now}")],
            |ctx| Box::pin(events(ctx)),
        ),
    ]
}

fn request(target: &str) -> Read {
    Read::Request(format!("GET {target}"))
}

/// A step that keeps one document as `<name>.json`.
fn document(name: &'static str, target: &'static str) -> Step {
    Step::new(name, vec![request(target)], move |ctx| {
        Box::pin(async move {
            match fetch(ctx, target).await {
                Ok(document) => {
                    ctx.evidence.json(&format!("{name}.json"), document);
                    Outcome::Done
                }
                Err(outcome) => outcome,
            }
        })
    })
}

async fn fetch(ctx: &Context, target: &str) -> Result<Value, Outcome> {
    parse(fetch_bytes(ctx, target).await?)
}

/// One JSON document; only a whole one can be masked by its structure, so one that is cut is not kept.
fn parse((body, end): (Capture, End)) -> Result<Value, Outcome> {
    match end {
        End::TimedOut => return Err(Outcome::TimedOut),
        End::Broken => return Err(Outcome::Failed("the connection broke within the answer".into())),
        End::Complete | End::Enough => {}
    }
    let Some(bytes) = body.whole() else {
        return Err(Outcome::Failed(
            "the answer is larger than the limit for a file; raise --max-file-size".into(),
        ));
    };
    serde_json::from_slice(bytes).map_err(|error| Outcome::Failed(format!("the answer is not JSON: {error}")))
}

async fn fetch_bytes(ctx: &Context, target: &str) -> Result<(Capture, End), EngineError> {
    let mut body = ctx.evidence.head();
    let end = ctx
        .engine
        .get(target, ctx.deadline, &mut |part| {
            body.push(part);
            !body.is_full()
        })
        .await?;
    Ok((body, end))
}

/// Writes the documents of all containers as one array, as `docker inspect` prints them, and adds a step for each container's log.
async fn inspect_all(ctx: &mut Context) -> Outcome {
    let list = match fetch(ctx, LIST).await {
        Ok(list) => list,
        Err(outcome) => return outcome,
    };
    let Some(list) = list.as_array() else {
        return Outcome::Failed("the list of containers is no list".into());
    };
    let mut documents = Vec::new();
    let mut outcome = Outcome::Done;
    let mut failed = Vec::new();
    for listed in list {
        let Some(id) = listed.get("Id").and_then(Value::as_str).filter(|id| is_id(id)) else {
            failed.push("a listed container has no id".to_owned());
            continue;
        };
        let answered = fetch_bytes(ctx, &format!("/containers/{id}/json")).await;
        let (name, terminal) = match answered
            .map_err(Missing::from)
            .and_then(|body| parse(body).map_err(Missing::Gap))
        {
            Ok(document) => {
                ctx.evidence.learn(&document);
                let name = document.get("Name").and_then(Value::as_str).map(str::to_owned);
                let terminal = document
                    .pointer("/Config/Tty")
                    .and_then(Value::as_bool)
                    .unwrap_or(false);
                documents.push(document);
                (name, terminal)
            }
            Err(Missing::Gone) => {
                ctx.evidence
                    .note(format!("container {id} was removed while it was being read"));
                continue;
            }
            Err(Missing::Gap(Outcome::TimedOut)) => {
                outcome = Outcome::TimedOut;
                break;
            }
            Err(Missing::Gap(other)) => {
                failed.push(format!("container {id}: {}", reason(other)));
                (None, false)
            }
        };
        let name = name.or_else(|| listed.pointer("/Names/0").and_then(Value::as_str).map(str::to_owned));
        let name = name.map_or_else(|| id.to_owned(), |name| name.trim_start_matches('/').replace('/', "_"));
        ctx.spawned.push(log_step(id.to_owned(), name, terminal));
    }
    if documents.len() < list.len() {
        ctx.evidence.note(format!(
            "{} of {} containers are in inspect.json",
            documents.len(),
            list.len()
        ));
    }
    ctx.evidence.json("docker/inspect.json", Value::Array(documents));
    match failed.first() {
        Some(first) if outcome == Outcome::Done => Outcome::Failed(format!(
            "{} of {} containers could not be read; {first}",
            failed.len(),
            list.len()
        )),
        _ => outcome,
    }
}

/// Why a container's document is missing.
enum Missing {
    /// The container is gone.
    Gone,
    /// The engine did not tell.
    Gap(Outcome),
}

impl From<EngineError> for Missing {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Status { code: 404, .. } => Self::Gone,
            other => Self::Gap(other.into()),
        }
    }
}

fn reason(outcome: Outcome) -> String {
    match outcome {
        Outcome::Skipped(reason) | Outcome::Failed(reason) => reason,
        Outcome::TimedOut => "no answer in time".into(),
        Outcome::Done => String::new(),
    }
}

/// An id goes into a request's path, so it must be one.
fn is_id(id: &str) -> bool {
    !id.is_empty() && id.len() <= 64 && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn log_step(id: String, name: String, terminal: bool) -> Step {
    let target = format!("/containers/{id}/logs?stdout=1&stderr=1&timestamps=1&tail={LOG_LINES}");
    let reads = vec![request(&target)];
    Step::new(format!("docker/logs/{name}"), reads, move |ctx| {
        Box::pin(async move { log(ctx, &target, &name, terminal).await })
    })
}

async fn log(ctx: &mut Context, target: &str, name: &str, terminal: bool) -> Outcome {
    let mut log = ctx.evidence.tail();
    let mut frames = if terminal {
        Demultiplexer::passthrough()
    } else {
        Demultiplexer::default()
    };
    let mut lines = 0;
    let answered = ctx
        .engine
        .get(target, ctx.deadline, &mut |part| {
            frames.push(part, &mut |text| {
                lines += memchr::memchr_iter(b'\n', text).count();
                log.push(text);
            });
            true
        })
        .await;
    let end = match answered {
        Ok(end) => end,
        Err(EngineError::Status { code: 404, .. }) => {
            return Outcome::Skipped("the container was removed meanwhile".into());
        }
        // 501: the container's log driver cannot be read (moby, `daemon/logger/logger.go`, `ErrReadLogsNotSupported`).
        Err(EngineError::Status { code: 501, message }) => return Outcome::Skipped(message),
        Err(other) => return other.into(),
    };
    if lines >= LOG_LINES {
        ctx.evidence
            .note(format!("only the last {LOG_LINES} lines were asked for"));
    }
    ctx.evidence.text(&format!("docker/logs/{name}.log"), log);
    match end {
        End::Complete | End::Enough => Outcome::Done,
        End::TimedOut => Outcome::TimedOut,
        End::Broken => Outcome::Failed("the connection broke within the log".into()),
    }
}

/// The events of the last days. `until` makes the engine end the stream; a broken engine may not, so the deadline does.
async fn events(ctx: &mut Context) -> Outcome {
    let until = ctx.now.as_second();
    let target = format!("/events?since={}&until={until}", until - EVENT_SECONDS);
    let mut events = ctx.evidence.tail();
    let answered = ctx
        .engine
        .get(&target, ctx.deadline, &mut |part| {
            events.push(part);
            true
        })
        .await;
    let end = match answered {
        Ok(end) => end,
        Err(error) => return error.into(),
    };
    ctx.evidence.json_lines("docker/events.jsonl", events);
    match end {
        End::Complete | End::Enough => Outcome::Done,
        End::TimedOut => Outcome::TimedOut,
        End::Broken => Outcome::Failed("the connection broke within the events".into()),
    }
}

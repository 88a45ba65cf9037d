//! The steps that ask the engine.

use jiff::Timestamp;
use serde_json::Value;
use tokio::time::Instant;

use super::client::EngineError;
use super::logs;
use crate::collect::capture::Capture;
use crate::collect::context::{Context, Step};
use crate::collect::http::End;
use crate::collect::probe::registry_of;
use crate::collect::{Outcome, Read};

const LIST: &str = "/containers/json?all=1";

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

/// How the manifest writes a request.
pub(super) fn request(target: &str) -> Read {
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
    parse(fetch_bytes(ctx, target, ctx.deadline).await?)
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

async fn fetch_bytes(ctx: &Context, target: &str, deadline: Instant) -> Result<(Capture, End), EngineError> {
    let mut body = ctx.evidence.head();
    let end = ctx
        .engine
        .get(target, deadline, &mut |part| {
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
    let images = list.iter().filter_map(|listed| listed.get("Image")?.as_str());
    ctx.registries.extend(images.filter_map(registry_of));
    for listed in list {
        let Some(id) = listed.get("Id").and_then(Value::as_str).filter(|id| is_id(id)) else {
            failed.push("a listed container has no id".to_owned());
            continue;
        };
        if Instant::now() >= ctx.deadline {
            outcome = Outcome::TimedOut;
            break;
        }
        // One container whose state is locked must not take the time of all the others.
        let soon = ctx.deadline.min(Instant::now() + ctx.step_timeout / 4);
        let answered = fetch_bytes(ctx, &format!("/containers/{id}/json"), soon).await;
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
            Err(Missing::Gap(other)) => {
                failed.push(format!("container {id}: {}", reason(other)));
                (None, false)
            }
        };
        let name = name.or_else(|| listed.pointer("/Names/0").and_then(Value::as_str).map(str::to_owned));
        let name = name.map_or_else(|| id.to_owned(), |name| name.trim_start_matches('/').replace('/', "_"));
        ctx.spawned.push(logs::step(id, name, terminal));
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
        Outcome::Skipped(reason) | Outcome::Failed(reason) | Outcome::Forbidden(reason) => reason,
        Outcome::TimedOut => "no answer in time".into(),
        Outcome::Done => String::new(),
    }
}

/// An id goes into a request's path, so it must be one.
fn is_id(id: &str) -> bool {
    !id.is_empty() && id.len() <= 64 && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// The events of the last days. `until` makes the engine end the stream; a broken engine may not, so the deadline does.
async fn events(ctx: &mut Context) -> Outcome {
    // Whole seconds would leave out what happened in this one; the engine also takes a fraction ("SystemEvents" in the reference).
    let until = Timestamp::now();
    let (seconds, nanos) = (until.as_second(), until.subsec_nanosecond());
    let target = format!("/events?since={}&until={seconds}.{nanos:09}", seconds - EVENT_SECONDS);
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::collect::testing::share_mnt::{CHECKSUM, ID, TOKEN, engine, frame, list};
    use crate::collect::testing::{Answer, Host, chunked, ok, status};

    #[test]
    fn a_planted_token_is_masked_in_documents_lists_and_logs_and_the_checksum_stays() {
        let host = engine(|target| {
            target.contains("/logs?").then(|| {
                ok(frame(
                    2,
                    &format!("2026-11-21T10:00:00Z using {TOKEN}, ca {CHECKSUM}\n"),
                ))
            })
        });
        let (summary, bundle) = host.collect();
        assert_eq!(summary.gaps, 0);
        assert!(!bundle.contains(TOKEN));
        let inspect = bundle.json("docker/inspect.json");
        assert_eq!(inspect[0]["Id"], ID);
        assert_eq!(inspect[0]["Config"]["Cmd"][3], format!("--ca-checksum {CHECKSUM}"));
        assert!(bundle.text("docker/logs/share-mnt.log").contains(CHECKSUM));
        assert!(!bundle.manifest()["redaction"]["tokens"].as_array().unwrap().is_empty());
    }

    #[test]
    fn a_list_in_chunks_is_read_like_any_other() {
        let host = engine(|target| {
            let list = list();
            let (start, end) = list.split_at(17);
            target
                .starts_with(LIST)
                .then(|| chunked(&[start.as_bytes(), end.as_bytes()]))
        });
        let (_, bundle) = host.collect();
        assert_eq!(bundle.json("docker/inspect.json")[0]["Name"], "/share-mnt");
        assert_eq!(bundle.step("docker/inspect")["outcome"], "done");
    }

    #[test]
    fn a_container_that_is_removed_meanwhile_is_noted_and_no_failure() {
        let host = engine(|target| {
            target
                .ends_with(&format!("{ID}/json"))
                .then(|| status(404, r#"{"message":"No such container"}"#))
        });
        let (summary, bundle) = host.collect();
        assert_eq!(summary.gaps, 0);
        assert_eq!(bundle.json("docker/inspect.json"), json!([]));
        let notes = bundle.step("docker/inspect")["notes"].to_string();
        assert!(notes.contains(ID) && notes.contains("removed"), "{notes}");
    }

    #[test]
    fn an_engine_that_fails_is_quoted_and_the_other_steps_run() {
        let host = engine(|target| (target == "/info").then(|| status(500, r#"{"message":"layer store is locked"}"#)));
        let (summary, bundle) = host.collect();
        assert_eq!(summary.gaps, 1);
        assert_eq!(bundle.step("docker/info")["outcome"], "failed");
        assert!(
            bundle.step("docker/info")["reason"]
                .as_str()
                .unwrap()
                .contains("layer store is locked")
        );
        assert_eq!(bundle.step("docker/images")["outcome"], "done");
    }

    #[test]
    fn garbage_instead_of_http_or_json_is_a_failure_of_that_step() {
        let host = engine(|target| match target {
            "/version" => Some(Answer::Close(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec())),
            "/info" => Some(ok("<html>proxy</html>")),
            _ => None,
        });
        let (summary, bundle) = host.collect();
        assert_eq!(summary.gaps, 2);
        assert!(
            bundle.step("docker/version")["reason"]
                .as_str()
                .unwrap()
                .contains("no HTTP")
        );
        assert!(
            bundle.step("docker/info")["reason"]
                .as_str()
                .unwrap()
                .contains("not JSON")
        );
        assert!(!bundle.has("docker/info.json"));
    }

    #[test]
    fn events_are_kept_line_by_line_and_masked() {
        let host = engine(|target| {
            let event =
                json!({"Type": "container", "Action": "destroy", "Actor": {"ID": ID, "Attributes": {"note": TOKEN}}});
            target
                .starts_with("/events?")
                .then(|| chunked(&[format!("{event}\n").as_bytes(), b"torn {\n"]))
        });
        let (_, bundle) = host.collect();
        let events = bundle.text("docker/events.jsonl");
        assert!(
            events.starts_with(r#"{"Type":"container","Action":"destroy""#),
            "{events}"
        );
        assert!(events.ends_with("torn {\n"));
        assert!(!events.contains(TOKEN));
    }

    #[test]
    fn without_an_engine_its_steps_are_skipped() {
        let (summary, bundle) = Host::with_files(&[]).collect();
        assert_eq!(summary.gaps, 0);
        assert_eq!(bundle.step("docker/inspect")["outcome"], "skipped");
    }

    #[test]
    fn an_id_that_would_change_the_request_is_refused() {
        let host = engine(|target| {
            target
                .starts_with(LIST)
                .then(|| ok(r#"[{"Id":"../../images/prune?x="}]"#))
        });
        let (_, bundle) = host.collect();
        assert_eq!(bundle.step("docker/inspect")["outcome"], "failed");
    }

    #[test]
    fn a_container_that_hangs_costs_itself_only() {
        let stuck = "69993bf16bebfa84f475592bb842c4c6e6ba4612245307eda0984984236e58e9";
        let host = engine(move |target| match target {
            _ if target.starts_with(LIST) => {
                Some(ok(json!([{"Id": stuck, "Names": ["/stuck"]}, {"Id": ID}]).to_string()))
            }
            _ => target
                .starts_with(&format!("/containers/{stuck}/json"))
                .then(|| Answer::Hang(Vec::new())),
        });
        let (_, bundle) = host.collect();
        assert_eq!(bundle.json("docker/inspect.json")[0]["Id"], ID);
        let step = bundle.step("docker/inspect");
        assert_eq!(step["outcome"], "failed");
        assert!(step["reason"].as_str().unwrap().contains(stuck));
    }
}

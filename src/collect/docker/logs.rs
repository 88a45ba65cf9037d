//! The containers' logs, as the engine's log drivers give them back.

use super::client::EngineError;
use super::frames::Demultiplexer;
use super::sources::request;
use crate::collect::Outcome;
use crate::collect::context::{Context, Step};
use crate::collect::http::End;

/// Lines asked of each container's log.
const LOG_LINES: usize = 2000;

/// The step for the container `id`, whose log becomes `docker/logs/<name>.log`. `terminal`: it has a TTY, so its log has no frames.
pub(super) fn step(id: &str, name: String, terminal: bool) -> Step {
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

#[cfg(test)]
mod tests {
    use crate::collect::testing::share_mnt::{ID, document, engine, frame};
    use crate::collect::testing::{Answer, ok, status, unfinished};

    #[test]
    fn an_answer_that_hangs_times_out_and_what_came_of_a_log_is_kept() {
        let host = engine(|target| match target {
            "/info" => Some(Answer::Hang(Vec::new())),
            _ if target.contains("/logs?") => Some(Answer::Hang(unfinished(&[&frame(
                1,
                "2026-11-21T10:00:00Z last words\n",
            )]))),
            _ => None,
        });
        let (summary, bundle) = host.collect();
        assert_eq!(summary.gaps, 2);
        assert_eq!(bundle.step("docker/info")["outcome"], "timed-out");
        assert_eq!(bundle.step("docker/logs/share-mnt")["outcome"], "timed-out");
        assert_eq!(
            bundle.text("docker/logs/share-mnt.log"),
            "2026-11-21T10:00:00Z last words\n"
        );
    }

    #[test]
    fn a_connection_that_breaks_within_a_log_keeps_what_came() {
        let host = engine(|target| {
            let part = frame(1, "2026-11-21T10:00:00Z before the cut\n");
            target.contains("/logs?").then(|| Answer::Close(unfinished(&[&part])))
        });
        let (_, bundle) = host.collect();
        assert_eq!(bundle.step("docker/logs/share-mnt")["outcome"], "failed");
        assert_eq!(
            bundle.text("docker/logs/share-mnt.log"),
            "2026-11-21T10:00:00Z before the cut\n"
        );
    }

    #[test]
    fn the_log_of_a_terminal_is_kept_as_it_is() {
        let host = engine(|target| {
            let mut document = document();
            document["Config"]["Tty"] = true.into();
            if target.contains("/logs?") {
                return Some(ok("\u{1}\0\0\0 is no frame\r\n"));
            }
            target
                .ends_with(&format!("{ID}/json"))
                .then(|| ok(document.to_string()))
        });
        let (_, bundle) = host.collect();
        assert_eq!(bundle.text("docker/logs/share-mnt.log"), "\u{1}\0\0\0 is no frame\r\n");
    }

    #[test]
    fn a_log_driver_that_cannot_be_read_is_no_failure() {
        let host = engine(|target| {
            let message = r#"{"message":"configured logging driver does not support reading"}"#;
            target.contains("/logs?").then(|| status(501, message))
        });
        let (summary, bundle) = host.collect();
        assert_eq!(summary.gaps, 0);
        assert_eq!(bundle.step("docker/logs/share-mnt")["outcome"], "skipped");
    }
}

//! A client for `GET` over a unix socket: bounded bodies, a deadline on everything.

use std::io;
use std::path::PathBuf;

use tokio::net::UnixStream;
use tokio::time::{Instant, timeout_at};

use crate::collect::Outcome;
use crate::collect::http::{self, End, HttpError};

/// How much of an error's body is read.
const MAX_ERROR: usize = 16 * 1024;

/// A Docker engine behind a socket.
#[derive(Debug, Clone)]
pub(crate) struct Engine {
    socket: PathBuf,
}

/// Why there is no body.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EngineError {
    #[error("there is no Docker engine: {0} does not exist")]
    Absent(String),
    #[error("cannot connect to {path}: {source}")]
    Unreachable { path: String, source: io::Error },
    #[error("no answer in time")]
    TimedOut,
    #[error("the engine's answer is no HTTP: {0}")]
    Protocol(String),
    #[error("the engine answered {code}: {message}")]
    Status { code: u16, message: String },
}

impl From<EngineError> for Outcome {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Absent(_) => Self::Skipped(error.to_string()),
            EngineError::TimedOut => Self::TimedOut,
            other => Self::Failed(other.to_string()),
        }
    }
}

impl Engine {
    /// The engine behind `socket`; nothing is opened yet.
    pub(crate) fn new(socket: PathBuf) -> Self {
        Self { socket }
    }

    /// Sends `GET target` and hands the body to `take`, part by part, until it ends, `take` says false, or the deadline comes.
    ///
    /// A connection per request: the engine is on this host, and a broken answer cannot spoil the next one.
    pub(crate) async fn get(
        &self,
        target: &str,
        deadline: Instant,
        take: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<End, EngineError> {
        let path = self.socket.display().to_string();
        let stream = match timeout_at(deadline, UnixStream::connect(&self.socket)).await {
            Err(_) => return Err(EngineError::TimedOut),
            Ok(Err(source)) if source.kind() == io::ErrorKind::NotFound => return Err(EngineError::Absent(path)),
            Ok(Err(source)) => return Err(EngineError::Unreachable { path, source }),
            Ok(Ok(stream)) => stream,
        };
        let request = http::get(target, "docker").map_err(EngineError::Protocol)?;
        let mut message = Vec::new();
        let mut keep = |status: u16, data: &[u8]| {
            if (200..300).contains(&status) {
                return take(data);
            }
            message.extend_from_slice(data.get(..MAX_ERROR).unwrap_or(data));
            message.len() < MAX_ERROR
        };
        let answered = http::exchange(stream, request, deadline, &mut keep).await;
        match answered {
            Err(HttpError::TimedOut) => Err(EngineError::TimedOut),
            Err(HttpError::Protocol(words)) => Err(EngineError::Protocol(words)),
            Ok((status, end)) if (200..300).contains(&status) => Ok(end),
            Ok((code, _)) => Err(EngineError::Status {
                code,
                message: words(&message),
            }),
        }
    }
}

/// The engine says `{"message": "…"}`; anything else is quoted as it is.
fn words(body: &[u8]) -> String {
    let json: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let message = json.as_ref().and_then(|json| json.get("message")?.as_str());
    let text = message.map_or_else(|| String::from_utf8_lossy(body).into_owned(), str::to_owned);
    text.trim().chars().take(300).collect()
}

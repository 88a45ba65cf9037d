//! A client for `GET` over a unix socket: bounded bodies, a deadline on everything.

use std::io;
use std::path::PathBuf;

use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tokio::time::{Instant, timeout_at};

use crate::collect::Outcome;

/// How much of an error's body is read.
const MAX_ERROR: usize = 16 * 1024;

/// A Docker engine behind a socket.
#[derive(Debug, Clone)]
pub(crate) struct Engine {
    socket: PathBuf,
}

/// How a body ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// With its last byte.
    Complete,
    /// The receiver wanted no more.
    Enough,
    /// At the deadline.
    TimedOut,
    /// The connection broke, or its framing did.
    Broken,
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
        let exchange = async {
            let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
            let connection = tokio::spawn(connection);
            let request = Request::get(target)
                .header("Host", "docker")
                .body(Empty::<Bytes>::new());
            let answer = match request {
                Ok(request) => sender.send_request(request).await,
                Err(error) => return Ok(Err(EngineError::Protocol(error.to_string()))),
            };
            answer.map(|answer| Ok((answer, connection)))
        };
        let (mut answer, connection) = match timeout_at(deadline, exchange).await {
            Err(_) => return Err(EngineError::TimedOut),
            Ok(Err(error)) => return Err(EngineError::Protocol(error.to_string())),
            Ok(Ok(answered)) => answered?,
        };
        let status = answer.status();
        let mut message = Vec::new();
        let end = loop {
            match timeout_at(deadline, answer.body_mut().frame()).await {
                Err(_) => break End::TimedOut,
                Ok(None) => break End::Complete,
                Ok(Some(Err(_))) => break End::Broken,
                Ok(Some(Ok(frame))) => {
                    let Some(data) = frame.data_ref() else { continue };
                    let more = if status.is_success() {
                        take(data)
                    } else {
                        message.extend_from_slice(data.get(..MAX_ERROR).unwrap_or(data));
                        message.len() < MAX_ERROR
                    };
                    if !more {
                        break End::Enough;
                    }
                }
            }
        };
        connection.abort();
        if status.is_success() {
            Ok(end)
        } else {
            Err(EngineError::Status {
                code: status.as_u16(),
                message: words(&message),
            })
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

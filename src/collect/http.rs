//! One request of HTTP/1.1 over a connection that somebody made: bounded, with a deadline on everything.

use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout_at};

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

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpError {
    #[error("no answer in time")]
    TimedOut,
    #[error("the answer is no HTTP: {0}")]
    Protocol(String),
}

/// `GET target`; what cannot be a target is an error in words.
pub(crate) fn get(target: &str, host: &str) -> Result<Request<Full<Bytes>>, String> {
    build(Request::get(target).header("Host", host), Bytes::new())
}

/// `HEAD target`.
pub(crate) fn head(target: &str, host: &str) -> Result<Request<Full<Bytes>>, String> {
    build(Request::head(target).header("Host", host), Bytes::new())
}

/// `POST target` with a JSON document.
pub(crate) fn post(target: &str, host: &str, document: &'static str) -> Result<Request<Full<Bytes>>, String> {
    let request = Request::post(target).header("Host", host);
    build(
        request.header("Content-Type", "application/json"),
        Bytes::from_static(document.as_bytes()),
    )
}

fn build(request: hyper::http::request::Builder, body: Bytes) -> Result<Request<Full<Bytes>>, String> {
    request.body(Full::new(body)).map_err(|error| error.to_string())
}

/// Sends `request` over `stream` and hands status and body to `take`, part by part, until it ends, `take` says false, or the deadline
/// comes. Returns the status.
pub(crate) async fn exchange<S>(
    stream: S,
    request: Request<Full<Bytes>>,
    deadline: Instant,
    take: &mut dyn FnMut(u16, &[u8]) -> bool,
) -> Result<(u16, End), HttpError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let exchange = async {
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let connection = tokio::spawn(connection);
        let answer = sender.send_request(request).await?;
        Ok((answer, connection))
    };
    let (mut answer, connection) = match timeout_at(deadline, exchange).await {
        Err(_) => return Err(HttpError::TimedOut),
        Ok(Err(error)) => {
            let error: hyper::Error = error;
            return Err(HttpError::Protocol(error.to_string()));
        }
        Ok(Ok(answered)) => answered,
    };
    let status = answer.status().as_u16();
    let end = loop {
        match timeout_at(deadline, answer.body_mut().frame()).await {
            Err(_) => break End::TimedOut,
            Ok(None) => break End::Complete,
            Ok(Some(Err(_))) => break End::Broken,
            Ok(Some(Ok(frame))) => {
                let Some(data) = frame.data_ref() else { continue };
                if !take(status, data) {
                    break End::Enough;
                }
            }
        }
    };
    connection.abort();
    Ok((status, end))
}

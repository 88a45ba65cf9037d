//! For tests: a runtime that answers what a test wants, over real HTTP/2 on a socket.

use std::convert::Infallible;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread;

use http_body_util::BodyExt;
use hyper::body::{Body, Bytes, Frame, Incoming};
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use tokio::net::UnixListener;

/// What the runtime does with one call.
pub(super) enum Reply {
    /// Answers with this message.
    Message(Vec<u8>),
    /// Answers with a status of gRPC.
    Status(u8, &'static str),
    /// Never answers.
    Hang,
}

/// Gives the answer to a method's request.
type Answering = Arc<dyn Fn(&str, &[u8]) -> Reply + Send + Sync>;

/// An answer.
pub(super) fn message(message: &impl Message) -> Reply {
    Reply::Message(message.encode_to_vec())
}

/// Serves calls at `socket`: `answer` gets the method (`Version`) and the request.
pub(super) fn serve(socket: &Path, answer: impl Fn(&str, &[u8]) -> Reply + Send + Sync + 'static) {
    let answer: Answering = Arc::new(answer);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let listener = {
        let _entered = runtime.enter();
        UnixListener::bind(socket).unwrap()
    };
    thread::spawn(move || {
        runtime.block_on(async {
            while let Ok((stream, _)) = listener.accept().await {
                let answer = answer.clone();
                let service = hyper::service::service_fn(move |request| reply(answer.clone(), request));
                let connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                    .serve_connection(TokioIo::new(stream), service);
                tokio::spawn(connection);
            }
        });
    });
}

async fn reply(answer: Answering, request: Request<Incoming>) -> Result<Response<Answer>, Infallible> {
    let method = request.uri().path().rsplit('/').next().unwrap().to_owned();
    let body = request.into_body().collect().await.unwrap().to_bytes();
    // A message follows one byte for its compression and four for its length (gRPC over HTTP/2, "Length-Prefixed-Message").
    let (data, status) = match answer(&method, body.get(5..).unwrap_or_default()) {
        Reply::Message(message) => {
            let mut framed = vec![0];
            framed.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
            framed.extend(message);
            (Some(Bytes::from(framed)), (0, ""))
        }
        Reply::Status(code, words) => (None, (code, words)),
        Reply::Hang => std::future::pending().await,
    };
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", status.0.to_string().parse().unwrap());
    trailers.insert("grpc-message", status.1.parse().unwrap());
    let answer = Answer {
        data,
        trailers: Some(trailers),
    };
    let response = Response::builder().header("content-type", "application/grpc");
    Ok(response.body(answer).unwrap())
}

/// One frame of data, then the trailers.
struct Answer {
    data: Option<Bytes>,
    trailers: Option<HeaderMap>,
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = match self.data.take() {
            Some(data) => Some(Frame::data(data)),
            None => self.trailers.take().map(Frame::trailers),
        };
        Poll::Ready(next.map(Ok))
    }
}

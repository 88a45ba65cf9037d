//! GET requests to the API: a deadline on each, bounded bodies, retries of what may pass.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::{Request, Response};
use kube::client::Body;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::error::{ApiError, Refusal, explain};

/// How much of a refusal's body is read.
const MAX_REFUSAL: usize = 64 * 1024;

/// Attempts at one request.
const ATTEMPTS: u32 = 4;

/// Attempts at a request that the server passes on to a kubelet.
const ATTEMPTS_OF_A_KUBELET: u32 = 3;

/// The longest wait before another attempt, whatever the server asks for.
const LONGEST_WAIT: Duration = Duration::from_secs(15);

/// After so many requests in a row without any answer the server counts as dead: every further one would cost its whole time.
const SILENT_AFTER: usize = 12;

/// How long the server itself is waited for, when it is doubtful whether it or a kubelet behind it is silent.
const PROOF_OF_LIFE: Duration = Duration::from_secs(5);

/// Media types that casefile takes; a few endpoints (logs, health) answer in plain text.
const ACCEPT: &str = "application/json, */*";

/// A cluster's API; clones share its connections.
#[derive(Clone)]
pub(crate) struct Api {
    client: kube::Client,
    patience: Duration,
    unanswered: Arc<AtomicUsize>,
    /// Once it counts as dead it is asked nothing any more.
    is_dead: Arc<AtomicBool>,
}

/// How a body ended that was handed over part by part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// With its last byte.
    Complete,
    /// The receiver wanted no more.
    Enough,
    /// At the deadline.
    TimedOut,
    /// The connection broke.
    Cut,
}

/// A whole answer of a probe, whatever its status.
pub(crate) struct Answer {
    /// The status code.
    pub(crate) code: u16,
    /// The body.
    pub(crate) body: Vec<u8>,
}

impl Api {
    /// `patience` is the longest time for one request.
    pub(crate) fn new(client: kube::Client, patience: Duration) -> Self {
        Self {
            client,
            patience,
            unanswered: Arc::default(),
            is_dead: Arc::default(),
        }
    }

    /// The longest time for one request.
    pub(crate) fn patience(&self) -> Duration {
        self.patience
    }

    /// The body of `GET target`, asked for again where that may help, until `deadline`.
    pub(crate) async fn document(&self, target: &str, most: u64, deadline: Instant) -> Result<Vec<u8>, ApiError> {
        let mut retry = self.retry(deadline);
        loop {
            match self.whole(target, most, retry.attempt().await?).await {
                Ok(body) => return Ok(body),
                Err(error) => retry.after(error).await?,
            }
        }
    }

    /// False when the server has long been silent. What is asked of a kubelet says little of the server that passes it on, so then the
    /// server is asked itself.
    async fn answers(&self, of_a_kubelet: bool) -> bool {
        if self.is_dead.load(Ordering::Relaxed) {
            return false;
        }
        if self.unanswered.load(Ordering::Relaxed) < SILENT_AFTER {
            return true;
        }
        let until = Instant::now() + PROOF_OF_LIFE.min(self.patience);
        // Any answer counts, a refusal too; `send` has reset the count then.
        if of_a_kubelet && self.send("/version", until).await.is_ok() {
            return true;
        }
        self.is_dead.store(true, Ordering::Relaxed);
        false
    }

    /// One attempt at a body that counts only as a whole.
    pub(crate) async fn whole(&self, target: &str, most: u64, deadline: Instant) -> Result<Vec<u8>, ApiError> {
        let mut body = Vec::new();
        let end = self
            .stream(target, deadline, &mut |part| {
                body.extend_from_slice(part);
                body.len() as u64 <= most
            })
            .await?;
        match end {
            End::Complete => Ok(body),
            End::Enough => Err(ApiError::TooLarge(most)),
            End::TimedOut => Err(ApiError::TimedOut),
            End::Cut => Err(ApiError::Cut),
        }
    }

    /// The JSON at `target`.
    pub(crate) async fn json(&self, target: &str, most: u64, deadline: Instant) -> Result<serde_json::Value, ApiError> {
        let body = self.document(target, most, deadline).await?;
        serde_json::from_slice(&body).map_err(|error| ApiError::NotJson(error.to_string()))
    }

    /// Attempts until one succeeds or fails for good, or `deadline` comes.
    pub(crate) fn retry(&self, deadline: Instant) -> Retry<'_> {
        self.retry_at_most(ATTEMPTS, false, deadline)
    }

    /// The same for what the server asks a kubelet: a kubelet that is not there costs it half a minute each time.
    pub(crate) fn retry_of_a_kubelet(&self, deadline: Instant) -> Retry<'_> {
        self.retry_at_most(ATTEMPTS_OF_A_KUBELET, true, deadline)
    }

    fn retry_at_most(&self, most: u32, of_a_kubelet: bool, deadline: Instant) -> Retry<'_> {
        Retry {
            api: self,
            of_a_kubelet,
            deadline,
            most,
            attempts: 0,
            pause: Duration::from_millis(250),
        }
    }

    /// One attempt; hands the body to `take`, part by part, until it ends, `take` says false, or the deadline comes.
    pub(crate) async fn stream(
        &self,
        target: &str,
        deadline: Instant,
        take: &mut (dyn FnMut(&[u8]) -> bool + Send),
    ) -> Result<End, ApiError> {
        let answer = self.send(target, deadline).await?;
        let code = answer.status().as_u16();
        if answer.status().is_success() {
            return Ok(drain(answer, deadline, take).await);
        }
        let retry_after = retry_after(&answer);
        let body = head(answer, MAX_REFUSAL, deadline).await;
        Err(ApiError::Refused(Refusal::new(code, retry_after, &body)))
    }

    /// The answer to `GET target`, where the body counts whatever the status is: a failed health check says which part failed. A server
    /// that is busy, or cannot be reached, is asked again.
    pub(crate) async fn probe(&self, target: &str, most: usize, deadline: Instant) -> Result<Answer, ApiError> {
        let mut retry = self.retry(deadline);
        loop {
            let until = retry.attempt().await?;
            let error = match self.send(target, until).await {
                Ok(answer) if answer.status().as_u16() == 429 => {
                    let after = retry_after(&answer);
                    ApiError::Refused(Refusal::new(429, after, &head(answer, most, until).await))
                }
                Ok(answer) => {
                    let code = answer.status().as_u16();
                    let body = head(answer, most, until).await;
                    return Ok(Answer { code, body });
                }
                Err(error) => error,
            };
            retry.after(error).await?;
        }
    }

    async fn send(&self, target: &str, deadline: Instant) -> Result<Response<Body>, ApiError> {
        let request = Request::get(target)
            .header("Accept", ACCEPT)
            .body(Body::empty())
            .map_err(|error| ApiError::Unreachable(format!("{target} is no request: {error}")))?;
        match timeout_at(deadline, self.client.send(request)).await {
            Err(_) => {
                self.unanswered.fetch_add(1, Ordering::Relaxed);
                Err(ApiError::TimedOut)
            }
            Ok(Err(error)) => {
                self.unanswered.fetch_add(1, Ordering::Relaxed);
                Err(ApiError::Unreachable(explain(&error)))
            }
            Ok(Ok(answer)) => {
                self.unanswered.store(0, Ordering::Relaxed);
                Ok(answer)
            }
        }
    }
}

/// The attempts at one request.
pub(crate) struct Retry<'a> {
    api: &'a Api,
    of_a_kubelet: bool,
    deadline: Instant,
    most: u32,
    attempts: u32,
    pause: Duration,
}

impl Retry<'_> {
    /// Until when the next attempt may take; an error when the server has long been silent.
    pub(crate) async fn attempt(&mut self) -> Result<Instant, ApiError> {
        if !self.api.answers(self.of_a_kubelet).await {
            return Err(ApiError::Silent);
        }
        self.attempts += 1;
        Ok(self.deadline.min(Instant::now() + self.api.patience))
    }

    /// Pauses, longer each time, where another attempt may help; a server that names a pause gets it. Else the error comes back.
    pub(crate) async fn after(&mut self, error: ApiError) -> Result<(), ApiError> {
        let asked = match &error {
            ApiError::Refused(refusal) => refusal.retry_after.map(Duration::from_secs),
            _ => None,
        };
        let next = Instant::now() + asked.unwrap_or(self.pause).min(LONGEST_WAIT);
        if !error.is_transient() || self.attempts >= self.most || next >= self.deadline {
            return Err(error);
        }
        sleep_until(next).await;
        self.pause *= 2;
        Ok(())
    }
}

async fn drain(mut answer: Response<Body>, deadline: Instant, take: &mut (dyn FnMut(&[u8]) -> bool + Send)) -> End {
    loop {
        match timeout_at(deadline, answer.body_mut().frame()).await {
            Err(_) => return End::TimedOut,
            Ok(None) => return End::Complete,
            Ok(Some(Err(_))) => return End::Cut,
            Ok(Some(Ok(frame))) => {
                let Some(data) = frame.data_ref() else { continue };
                if !take(data) {
                    return End::Enough;
                }
            }
        }
    }
}

/// The seconds of `Retry-After` (RFC 9110, section 10.2.3); its other form, a date, is not used by API servers.
fn retry_after(answer: &Response<Body>) -> Option<u64> {
    answer.headers().get("retry-after")?.to_str().ok()?.parse().ok()
}

/// The beginning of a body, as far as it comes.
async fn head(answer: Response<Body>, most: usize, deadline: Instant) -> Vec<u8> {
    let mut body = Vec::new();
    // However it ends: what came is all there is to quote.
    let _ = drain(answer, deadline, &mut |part| {
        body.extend_from_slice(part);
        body.len() < most
    })
    .await;
    body.truncate(most);
    body
}

//! Reading lists page by page, several at a time, ahead of the steps that write them.
//!
//! The API's rules for pages: kubernetes.io/docs/reference/using-api/api-concepts, "Retrieving large results sets in chunks".

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::api::Api;
use super::discovery::Kind;
use super::error::{ApiError, Refusal};
use super::page::Page;
use super::target::escape;

/// Objects on a page, as kubectl asks for them.
const PAGE: usize = 500;

/// The largest page that is taken; a larger one is asked for in smaller parts.
const MOST_PAGE: u64 = 24 * 1024 * 1024;

/// How often a list that expired is begun anew.
const RESTARTS: usize = 2;

/// How many times the time of one request a whole list may take.
pub(super) const PATIENCE: u32 = 4;

/// After so many forbidden namespaces in a row no further one is tried, unless the list is to be exhaustive.
const HOPELESS: usize = 8;

/// What a reader sends to its step.
pub(super) enum Part {
    /// A scope begins: all namespaces, or this one.
    Begin(Option<String>),
    /// The next page, which is a list.
    Page(Vec<u8>),
    /// The list expired and begins anew; what came since `Begin` is void.
    Restart,
    /// Something that a reader of the bundle should know.
    Note(String),
    /// One of several namespaces could not be read.
    Failed(String, ApiError),
    /// The end, and how long the server took for it all.
    End(Result<(), ApiError>, Duration),
}

/// Readers that run, by the number of their kind.
#[derive(Default)]
pub(super) struct Lists {
    running: JoinSet<()>,
    receivers: BTreeMap<usize, Receiver<Part>>,
    begun: usize,
}

impl Lists {
    /// The parts of the list `index`. It and the next ones are begun, so that `ahead` are being read at a time.
    pub(super) fn take(
        &mut self,
        index: usize,
        ahead: usize,
        api: &Api,
        kinds: &[Kind],
        namespaces: &[String],
    ) -> Option<Receiver<Part>> {
        let until = index.saturating_add(ahead.max(1));
        for (number, kind) in kinds.iter().enumerate().take(until).skip(self.begun) {
            let scopes = match kind.namespaced {
                true if !namespaces.is_empty() => namespaces.iter().cloned().map(Some).collect(),
                _ => vec![None],
            };
            let receiver = self.begin(api, kind, scopes, true);
            self.receivers.insert(number, receiver);
        }
        self.begun = self.begun.max(until);
        self.receivers.remove(&index)
    }

    /// Begins to read one list in these scopes, in all of them if it is to be `exhaustive`.
    pub(super) fn begin(
        &mut self,
        api: &Api,
        kind: &Kind,
        scopes: Vec<Option<String>>,
        exhaustive: bool,
    ) -> Receiver<Part> {
        // One page waits while the next is read; a step that is behind holds its reader back.
        let (sender, receiver) = channel(1);
        let reader = Reader {
            api: api.clone(),
            kind: kind.clone(),
            deadline: Instant::now() + api.patience() * PATIENCE,
            exhaustive,
            sender,
            begun: Instant::now(),
            held_back: Duration::ZERO,
        };
        self.running.spawn(reader.read(scopes));
        receiver
    }
}

struct Reader {
    api: Api,
    kind: Kind,
    deadline: Instant,
    exhaustive: bool,
    sender: Sender<Part>,
    begun: Instant,
    held_back: Duration,
}

/// The step has gone.
struct Gone;

impl Reader {
    async fn read(mut self, scopes: Vec<Option<String>>) {
        let several = scopes.len() > 1;
        let mut answered = false;
        let mut refused = 0;
        let mut left = scopes.len();
        for scope in scopes {
            left -= 1;
            let Ok(()) = self.send(Part::Begin(scope.clone())).await else {
                return;
            };
            let Ok(result) = self.scope(scope.as_deref()).await else {
                return;
            };
            let error = match result {
                Ok(()) => {
                    (answered, refused) = (true, 0);
                    continue;
                }
                Err(error) => error,
            };
            let is_silent = matches!(error, ApiError::Silent);
            refused += usize::from(error.code() == Some(403));
            let hopeless = !self.exhaustive && refused >= HOPELESS;
            if !several || is_silent || (hopeless && !answered) {
                let _ = self.send(Part::End(Err(error), self.took())).await;
                return;
            }
            let part = Part::Failed(scope.unwrap_or_default(), error);
            let Ok(()) = self.send(part).await else { return };
            if hopeless && left > 0 {
                let note = format!("{left} further namespaces were not tried, as the last {HOPELESS} were forbidden");
                let Ok(()) = self.send(Part::Note(note)).await else {
                    return;
                };
                break;
            }
        }
        let _ = self.send(Part::End(Ok(()), self.took())).await;
    }

    /// All pages of one scope.
    async fn scope(&mut self, namespace: Option<&str>) -> Result<Result<(), ApiError>, Gone> {
        let path = self.kind.path(namespace);
        let mut limit = PAGE;
        let mut restarts = 0;
        let mut token: Option<String> = None;
        loop {
            let next = token
                .as_deref()
                .map(|token| format!("&continue={}", escape(token)))
                .unwrap_or_default();
            let answer = self.page(&format!("{path}?limit={limit}{next}")).await;
            let (body, next) = match answer {
                Ok(page) => page,
                Err(ApiError::TooLarge(_)) if limit > 1 => {
                    limit = (limit / 8).max(1);
                    continue;
                }
                Err(ApiError::Refused(Refusal { code: 410, resume, .. })) if token.is_some() => {
                    if restarts < RESTARTS {
                        restarts += 1;
                        token = None;
                        self.send(Part::Restart).await?;
                        continue;
                    }
                    if let Some(resume) = resume.filter(|_| restarts == RESTARTS) {
                        restarts += 1;
                        token = Some(resume);
                        let note = "the list kept expiring; its later pages are of a later moment than its first ones";
                        self.send(Part::Note(note.into())).await?;
                        continue;
                    }
                    return Ok(Err(ApiError::Refused(Refusal {
                        code: 410,
                        message: "the list expired before its end, again and again".into(),
                        ..Refusal::default()
                    })));
                }
                Err(error) => return Ok(Err(error)),
            };
            token = next;
            self.send(Part::Page(body)).await?;
            if token.is_none() {
                return Ok(Ok(()));
            }
        }
    }

    /// One page and what asks for the next. It is read here already: a page that a proxy cut is asked for again.
    async fn page(&self, target: &str) -> Result<(Vec<u8>, Option<String>), ApiError> {
        let mut retry = self.api.retry(self.deadline);
        loop {
            let answer = self.api.whole(target, MOST_PAGE, retry.attempt().await?).await;
            let read = answer.and_then(|body| {
                let next = Page::read(&body)?.next().map(str::to_owned);
                Ok((body, next))
            });
            match read {
                Ok(page) => return Ok(page),
                Err(error) => retry.after(error).await?,
            }
        }
    }

    /// The time since the beginning that was the server's.
    fn took(&self) -> Duration {
        self.begun.elapsed().saturating_sub(self.held_back)
    }

    /// Hands a part over. The time that the step takes for it is not the server's.
    async fn send(&mut self, part: Part) -> Result<(), Gone> {
        let begun = Instant::now();
        let sent = self.sender.send(part).await;
        self.deadline += begun.elapsed();
        self.held_back += begun.elapsed();
        sent.map_err(|_| Gone)
    }
}

//! Logs as the API sends them: streams that may break off, or never end.

use tokio::time::Instant;

use super::api::{Api, End};
use super::error::ApiError;
use crate::collect::capture::Capture;
use crate::collect::evidence::{Evidence, Place};
use crate::collect::spool::Spool;

/// Where a log goes while it comes.
pub(super) enum Sink {
    /// Into memory, of which the end is kept.
    Tail(Capture),
    /// To the disk, from the beginning and as far as there is room.
    All {
        /// What came.
        spool: Spool,
        /// How much may.
        most: u64,
        /// Why no more is taken.
        full: Option<String>,
    },
}

impl Sink {
    fn push(&mut self, part: &[u8]) -> bool {
        match self {
            Self::Tail(capture) => capture.push(part),
            Self::All { spool, most, full } => {
                let room = most.saturating_sub(spool.len());
                let fits = part.get(..usize::try_from(room).unwrap_or(usize::MAX)).unwrap_or(part);
                if let Err(error) = spool.push(fits) {
                    *full = Some(error.to_string());
                } else if fits.len() < part.len() {
                    *full = Some("there is no room for more of it in the bundle, raise --max-size".into());
                }
                return full.is_none();
            }
        }
        true
    }

    fn len(&self) -> u64 {
        match self {
            Self::Tail(capture) => capture.seen(),
            Self::All { spool, .. } => spool.len(),
        }
    }

    /// The beginning of what came, where it is in memory.
    pub(super) fn held(&self) -> &[u8] {
        match self {
            Self::Tail(capture) => capture.held(),
            Self::All { .. } => &[],
        }
    }

    /// Writes what came; nothing where nothing did.
    pub(super) fn write(self, evidence: &mut Evidence, path: &str) {
        if self.len() == 0 {
            return;
        }
        match self {
            Self::Tail(capture) => evidence.text(Place::Top(path), capture),
            Self::All { spool, full, .. } => {
                if let Some(why) = &full {
                    evidence.note(format!("{path} is not whole: {why}"));
                }
                evidence.long_text(path, spool, full.is_some());
            }
        }
    }
}

/// Reads the log at `target` into what `open` gives. One that broke off is asked for again, and the longest of the attempts is kept.
pub(super) async fn tail(
    api: &Api,
    target: &str,
    deadline: Instant,
    mut open: impl FnMut() -> Sink,
) -> (Sink, Result<End, ApiError>) {
    let mut retry = api.retry_of_a_kubelet(deadline);
    let mut best: Option<Sink> = None;
    loop {
        let until = match retry.attempt().await {
            Ok(until) => until,
            Err(error) => return (best.unwrap_or_else(open), Err(error)),
        };
        let mut sink = open();
        let ended = api.stream(target, until, &mut |part| sink.push(part)).await;
        let is_whole = matches!(ended, Ok(End::Complete));
        if !is_whole && best.as_ref().is_some_and(|best| best.len() > sink.len()) {
            std::mem::swap(&mut sink, best.get_or_insert_with(&mut open));
        }
        let error = match ended {
            Ok(End::Cut) => ApiError::Cut,
            Ok(end) => return (sink, Ok(end)),
            Err(error) => error,
        };
        if let Err(error) = retry.after(error).await {
            let end = if sink.len() > 0 { Ok(End::Cut) } else { Err(error) };
            return (sink, end);
        }
        best = Some(sink);
    }
}

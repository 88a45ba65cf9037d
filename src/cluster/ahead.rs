//! Files that are decoded while the next ones are still being read: what a bundle's walk hands over goes on in batches to whichever
//! thread is free, and comes back in its order.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use super::whole::{Context, FileReading, read_whole};
use crate::model::EntryPath;

/// Bytes of files that are decoded together.
const BATCH_BYTES: usize = 1 << 20;
/// Bytes of files that may wait to be decoded before the reading waits for them.
const AHEAD: usize = 16 << 20;

/// A file in its place among the others.
pub(super) enum Waiting {
    /// To be decoded, with the command that printed it where something else than the file tells that.
    Text(EntryPath, Vec<u8>, Option<String>),
    /// Read.
    Done(FileReading),
}

/// The files that were handed over and did not come back yet.
pub(super) struct Ahead<'r, 's> {
    /// Whose threads help; none where a bundle is read by one thread alone.
    helpers: Option<&'r rayon::Scope<'s>>,
    waiting: Vec<Waiting>,
    waiting_bytes: usize,
    batches: VecDeque<Pending>,
    pending_bytes: usize,
}

/// A batch that somebody may be decoding.
struct Pending {
    work: Arc<Work>,
    readings: Receiver<Vec<FileReading>>,
    bytes: usize,
}

/// Files to decode, and who waits for what they yield.
type Batch = (Vec<Waiting>, Sender<Vec<FileReading>>);

/// A batch until somebody takes it. Whoever comes first does: no thread waits for work that nobody has begun.
struct Work {
    batch: Mutex<Option<Batch>>,
    /// Facts that may be made of each file.
    most_facts: usize,
}

impl Work {
    /// Decodes the batch unless another thread has taken it; true if there was something to do.
    fn take(&self, context: &Context<'_>) -> bool {
        let most_facts = self.most_facts;
        let taken = self.batch.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some((files, readings)) = taken else { return false };
        let read = |file| match file {
            Waiting::Text(path, bytes, command) => read_whole(context, &path, &bytes, command.as_deref(), most_facts),
            Waiting::Done(reading) => reading,
        };
        // Nobody listens any more where the reading was given up.
        let _ = readings.send(files.into_iter().map(read).collect());
        true
    }
}

impl<'r, 's> Ahead<'r, 's> {
    /// Nothing waits yet.
    pub(super) fn new(helpers: Option<&'r rayon::Scope<'s>>) -> Self {
        Self {
            helpers,
            waiting: Vec::new(),
            waiting_bytes: 0,
            batches: VecDeque::new(),
            pending_bytes: 0,
        }
    }

    /// Takes one more file in; true when enough wait for a batch.
    pub(super) fn push(&mut self, file: Waiting) -> bool {
        if let Waiting::Text(_, bytes, _) = &file {
            self.waiting_bytes = self.waiting_bytes.saturating_add(bytes.len());
        }
        self.waiting.push(file);
        self.waiting_bytes >= BATCH_BYTES
    }

    /// Hands over the files that wait. `most_facts` is what may be made of each.
    pub(super) fn hand_over(&mut self, context: &Arc<Context<'s>>, most_facts: usize) {
        let files = std::mem::take(&mut self.waiting);
        let bytes = std::mem::take(&mut self.waiting_bytes);
        let (send, readings) = channel();
        let work = Arc::new(Work {
            batch: Mutex::new(Some((files, send))),
            most_facts,
        });
        if let Some(helpers) = self.helpers {
            let (work, context) = (work.clone(), context.clone());
            helpers.spawn(move |_| {
                work.take(&context);
            });
        }
        self.pending_bytes = self.pending_bytes.saturating_add(bytes);
        self.batches.push_back(Pending { work, readings, bytes });
    }

    /// The oldest batch, once it is decoded, if more is pending than may be or if `all` are to come back. This thread helps meanwhile.
    /// Which batches come back depends on their sizes alone, never on who was faster.
    pub(super) fn take_back(&mut self, context: &Context<'_>, all: bool) -> Option<Vec<FileReading>> {
        if !all && self.pending_bytes <= AHEAD {
            return None;
        }
        let oldest = self.batches.pop_front()?;
        self.pending_bytes = self.pending_bytes.saturating_sub(oldest.bytes);
        if !oldest.work.take(context) {
            let readings = oldest.readings.try_recv().ok();
            if readings.is_some() {
                return readings;
            }
            for batch in &self.batches {
                if batch.work.take(context) {
                    break;
                }
            }
        }
        // Nothing comes only from a thread that failed, and then its scope fails.
        Some(oldest.readings.recv().unwrap_or_default())
    }
}

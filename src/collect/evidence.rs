//! What steps write into: masks, keeps to the limits, and remembers what the manifest will say.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

use super::archive::Archive;
use super::capture::{Capture, Captured, cut_to};
use super::masking::mask_bytes;
use super::pieces::Pieces;
use super::spool::{Spool, SpoolFolder};
use super::{Cut, FileRecord, Kept, Limits};
use crate::model::EntryPath;
use crate::redact::{Masker, Redaction};

/// The masked, bounded way into the archive.
pub(crate) struct Evidence {
    archive: Archive,
    masker: Masker,
    limits: Limits,
    node: String,
    spools: SpoolFolder,
    files: Vec<FileRecord>,
    paths: BTreeSet<String>,
    total: u64,
    step: Written,
    elsewhere: Vec<Redaction>,
    broken: Option<io::Error>,
    squeezed: u64,
    is_full: Arc<AtomicBool>,
}

/// Where in the bundle a file goes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Place<'p> {
    /// Below the folder of the host that is read; a host's absolute path keeps itself there.
    Host(&'p str),
    /// Below the folder at the top: what belongs to the cluster, or to another node.
    Top(&'p str),
}

impl<'p> From<&'p str> for Place<'p> {
    fn from(path: &'p str) -> Self {
        Self::Host(path)
    }
}

impl<'p> From<&'p String> for Place<'p> {
    fn from(path: &'p String) -> Self {
        Self::Host(path)
    }
}

/// What one step has written.
#[derive(Debug, Default)]
pub(crate) struct Written {
    pub(crate) files: Vec<String>,
    pub(crate) bytes: u64,
    pub(crate) cut: Vec<Cut>,
    pub(crate) notes: Vec<String>,
}

impl Evidence {
    /// Evidence of the host `node`, written under `nodes/<node>/`.
    pub(crate) fn new(archive: Archive, masker: Masker, limits: Limits, node: &str, spools: SpoolFolder) -> Self {
        Self {
            archive,
            masker,
            limits,
            node: EntryPath::new(&node.replace('/', "_")).as_str().into(),
            spools,
            files: Vec::new(),
            paths: BTreeSet::new(),
            total: 0,
            step: Written::default(),
            elsewhere: Vec::new(),
            broken: None,
            squeezed: 0,
            is_full: Arc::default(),
        }
    }

    /// Writes nothing more once `is_full` says that the disk has no room but for the end.
    pub(crate) fn heed(&mut self, is_full: Arc<AtomicBool>) {
        self.is_full = is_full;
    }

    /// True when the disk has no room but for the end.
    pub(crate) fn is_full(&self) -> bool {
        self.is_full.load(Ordering::Relaxed)
    }

    /// How many files the limit of the whole has cut, or left out.
    pub(crate) fn squeezed(&self) -> u64 {
        self.squeezed
    }

    /// Remembers that the limit of the whole has cut a file.
    pub(crate) fn squeeze(&mut self) {
        self.squeezed += 1;
    }

    /// A buffer for a configuration file or a table: its head counts.
    pub(crate) fn head(&self) -> Capture {
        Capture::head(self.limits.max_file_bytes)
    }

    /// A buffer for a log: its tail counts.
    pub(crate) fn tail(&self) -> Capture {
        Capture::tail(self.limits.max_file_bytes)
    }

    /// A buffer for a log of which no more than `limit` bytes are worth keeping.
    pub(crate) fn short_tail(&self, limit: u64) -> Capture {
        Capture::tail(self.limits.max_file_bytes.min(limit))
    }

    /// The limit for one file: a document beyond it cannot be kept.
    pub(crate) fn most_of_a_file(&self) -> u64 {
        self.limits.max_file_bytes
    }

    /// Writes text.
    pub(crate) fn text<'p>(&mut self, path: impl Into<Place<'p>>, capture: Capture) {
        let path = self.place(path.into());
        self.masker.enter_file(&path);
        let done = capture.finish(|bytes| mask_bytes(&mut self.masker, bytes).into_owned());
        self.write(path, done);
    }

    /// Writes text that casefile itself made from a few values.
    pub(crate) fn line<'p>(&mut self, path: impl Into<Place<'p>>, text: &str) {
        let mut capture = self.head();
        capture.push(text.as_bytes());
        self.text(path, capture);
    }

    /// Writes a JSON document, masked by its structure. What is learned from it is masked in everything that follows.
    pub(crate) fn json<'p>(&mut self, path: impl Into<Place<'p>>, mut document: Value) {
        let path = self.place(path.into());
        self.masker.enter_file(&path);
        self.masker.mask_json(&mut document);
        let mut bytes = document.to_string().into_bytes();
        bytes.push(b'\n');
        let seen = bytes.len() as u64;
        self.write(
            path,
            Captured {
                bytes,
                kept: Kept::Head,
                seen,
                cut: false,
            },
        );
    }

    /// Writes one JSON document per line; a line that is none is masked as text.
    pub(crate) fn json_lines<'p>(&mut self, path: impl Into<Place<'p>>, capture: Capture) {
        let path = self.place(path.into());
        self.masker.enter_file(&path);
        let done = capture.finish(|bytes| {
            let mut masked = Vec::with_capacity(bytes.len());
            for line in bytes.split_inclusive(|byte| *byte == b'\n') {
                match serde_json::from_slice::<Value>(line) {
                    Ok(mut document) => {
                        self.masker.mask_json(&mut document);
                        masked.extend(document.to_string().into_bytes());
                        if line.ends_with(b"\n") {
                            masked.push(b'\n');
                        }
                    }
                    Err(_) => masked.extend_from_slice(&mask_bytes(&mut self.masker, line)),
                }
            }
            masked
        });
        self.write(path, done);
    }

    /// Remembers the settings in a secret file that is too long to be searched for as a whole.
    pub(crate) fn learn_settings(&mut self, text: &str) {
        self.masker.learn_settings(text);
    }

    /// Remembers the secrets of a document that is written later, or not at all.
    pub(crate) fn learn(&mut self, document: &Value) {
        self.masker.learn_json(document);
    }

    /// Something about the running step that a reader of the bundle should know.
    pub(crate) fn note(&mut self, note: impl AsRef<str>) {
        // A program can print a word without end; a note is a sentence. Masked before it is cut, because half a secret is not recognised.
        let bounded: String = note.as_ref().chars().take(16 * 1024).collect();
        let masked = self.masker.mask(&bounded);
        let short: String = masked.chars().take(600).collect();
        let whole = match short.rfind('‹') {
            Some(open) if !short.get(open..).is_some_and(|rest| rest.contains('›')) => {
                short.get(..open).unwrap_or("")
            }
            _ => short.as_str(),
        };
        self.step.notes.push(whole.to_owned());
    }

    /// Masks a sentence that quotes another program.
    pub(crate) fn masked(&mut self, text: &str) -> String {
        self.masker.mask(text).into_owned()
    }

    /// True if this host file or node path is in the bundle already.
    pub(crate) fn has<'p>(&self, path: impl Into<Place<'p>>) -> bool {
        self.paths.contains(&self.place(path.into()))
    }

    /// A place for a file of unknown size, to be handed to [`Self::add_part`].
    pub(crate) fn spool(&self) -> Spool {
        self.spools.open()
    }

    /// What opens such places, also while this is busy.
    pub(crate) fn spools(&self) -> SpoolFolder {
        self.spools.clone()
    }

    /// Masks a document that becomes a part of a file at `path`.
    pub(crate) fn mask_part(&mut self, path: &str, document: &mut Value) {
        self.masker.enter_file(path);
        self.masker.mask_json(document);
    }

    /// How many more bytes the bundle may take.
    pub(crate) fn room(&self) -> u64 {
        self.limits.max_bundle_bytes.saturating_sub(self.total)
    }

    /// Writes the text of a spool, however long it is. `cut` says that the stream went on when the spool was full.
    pub(crate) fn long_text(&mut self, path: &str, mut raw: Spool, cut: bool) {
        self.masker.enter_file(path);
        let mut masked = self.spools.open();
        let room = self.room();
        let mut is_full = false;
        let copied = raw.part(0, raw.len()).and_then(|mut from| {
            let mut pieces = Pieces::new(&mut from);
            while let Some(piece) = pieces.piece(&mut self.masker)? {
                let mut piece = mask_bytes(&mut self.masker, &piece).into_owned();
                let left = room.saturating_sub(masked.len());
                is_full = piece.len() as u64 > left;
                if is_full {
                    cut_to(&mut piece, usize::try_from(left).unwrap_or(usize::MAX), Kept::Head);
                }
                masked.push(&piece)?;
                if is_full {
                    break;
                }
            }
            Ok(())
        });
        if let Err(error) = copied {
            self.note(format!("{path} could not be kept aside: {error}"));
        }
        let kept = masked.len();
        self.squeezed += u64::from(is_full);
        if cut || is_full {
            self.cut(Cut {
                file: EntryPath::new(path).as_str().to_owned(),
                kept_bytes: kept,
                of_bytes: raw.len().max(kept),
                which: Kept::Head,
            });
        }
        if kept > 0 {
            self.add_part(path, &mut masked, 0, kept);
        }
    }

    /// Writes the `len` bytes that a spool holds from `start` on; they are masked already, and there is room for them.
    pub(crate) fn add_part(&mut self, path: &str, spool: &mut Spool, start: u64, len: u64) {
        let path = self.place(Place::Top(path));
        if self.broken.is_some() || self.is_full() || !self.paths.insert(path.clone()) {
            return;
        }
        let added = spool
            .part(start, len)
            .and_then(|part| self.archive.add_from(&path, len, part));
        self.added(path, len, added);
    }

    /// Remembers that the running step cut a file.
    pub(crate) fn cut(&mut self, cut: Cut) {
        self.step.cut.push(cut);
    }

    /// What was written since the last call.
    pub(crate) fn end_step(&mut self) -> Written {
        std::mem::take(&mut self.step)
    }

    /// The first error of the output, after which nothing is written any more.
    pub(crate) fn take_error(&mut self) -> Option<io::Error> {
        self.broken.take()
    }

    /// From now on the limit of the whole counts anew: the part of another machine begins.
    pub(crate) fn begin_part(&mut self) {
        self.total = 0;
    }

    /// Remembers what another machine masked in its part.
    pub(crate) fn masked_elsewhere(&mut self, tokens: Vec<Redaction>) {
        self.elsewhere.extend(tokens);
    }

    /// The files so far, what was masked, the archive for the manifest, and what knows the secrets.
    pub(crate) fn finish(self) -> (Archive, Vec<FileRecord>, Vec<Redaction>, Masker) {
        let mut tokens = self.masker.summary();
        for other in self.elsewhere {
            match tokens.iter_mut().find(|known| known.token == other.token) {
                Some(known) => {
                    known.count += other.count;
                    known.files += other.files;
                }
                None => tokens.push(other),
            }
        }
        (self.archive, self.files, tokens, self.masker)
    }

    fn place(&self, place: Place<'_>) -> String {
        match place {
            Place::Host(path) => format!("nodes/{}/{}", self.node, EntryPath::new(path).as_str()),
            Place::Top(path) => EntryPath::new(path).as_str().to_owned(),
        }
    }

    fn added(&mut self, path: String, bytes: u64, added: io::Result<FileRecord>) {
        match added {
            Ok(record) => {
                self.total += bytes;
                self.step.bytes += bytes;
                self.step.files.push(path);
                self.files.push(record);
            }
            Err(error) => self.broken = Some(error),
        }
    }

    fn write(&mut self, path: String, mut done: Captured) {
        if self.broken.is_some() || self.is_full() || !self.paths.insert(path.clone()) {
            return;
        }
        let room = self.limits.max_bundle_bytes.saturating_sub(self.total);
        let limit = room.min(self.limits.max_file_bytes);
        if done.bytes.len() as u64 > limit {
            cut_to(&mut done.bytes, usize::try_from(limit).unwrap_or(usize::MAX), done.kept);
            done.cut = true;
            self.squeezed += u64::from(room < self.limits.max_file_bytes);
        }
        let kept = done.bytes.len() as u64;
        if done.cut {
            self.step.cut.push(Cut {
                file: path.clone(),
                kept_bytes: kept,
                of_bytes: done.seen,
                which: done.kept,
            });
        }
        if kept == 0 && done.cut {
            return;
        }
        let added = self.archive.add(&path, &done.bytes);
        self.added(path, kept, added);
    }
}

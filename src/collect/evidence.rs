//! What steps write into: masks, keeps to the limits, and remembers what the manifest will say.

use std::collections::BTreeSet;
use std::io;

use serde_json::Value;

use super::archive::Archive;
use super::capture::{Capture, Captured, cut_to};
use super::masking::mask_bytes;
use super::{Cut, FileRecord, Kept, Limits};
use crate::model::EntryPath;
use crate::redact::{Masker, Redaction};

/// The masked, bounded way into the archive.
pub(crate) struct Evidence {
    archive: Archive,
    masker: Masker,
    limits: Limits,
    node: String,
    files: Vec<FileRecord>,
    paths: BTreeSet<String>,
    total: u64,
    step: Written,
    broken: Option<io::Error>,
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
    pub(crate) fn new(archive: Archive, limits: Limits, node: &str) -> Self {
        Self {
            archive,
            masker: Masker::new(),
            limits,
            node: EntryPath::new(&node.replace('/', "_")).as_str().into(),
            files: Vec::new(),
            paths: BTreeSet::new(),
            total: 0,
            step: Written::default(),
            broken: None,
        }
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

    /// Writes text; `path` is relative to the node's folder, or a host's absolute path.
    pub(crate) fn text(&mut self, path: &str, capture: Capture) {
        let path = self.place(path);
        self.masker.enter_file(&path);
        let done = capture.finish(|bytes| mask_bytes(&mut self.masker, bytes));
        self.write(path, done);
    }

    /// Writes text that casefile itself made from a few values.
    pub(crate) fn line(&mut self, path: &str, text: &str) {
        let mut capture = self.head();
        capture.push(text.as_bytes());
        self.text(path, capture);
    }

    /// Writes a JSON document, masked by its structure. What is learned from it is masked in everything that follows.
    pub(crate) fn json(&mut self, path: &str, mut document: Value) {
        let path = self.place(path);
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
    pub(crate) fn json_lines(&mut self, path: &str, capture: Capture) {
        let path = self.place(path);
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
                    Err(_) => masked.extend(mask_bytes(&mut self.masker, line)),
                }
            }
            masked
        });
        self.write(path, done);
    }

    /// Remembers the secrets of a document that is written later, or not at all.
    pub(crate) fn learn(&mut self, document: &Value) {
        self.masker.learn_json(document);
    }

    /// Something about the running step that a reader of the bundle should know.
    pub(crate) fn note(&mut self, note: impl AsRef<str>) {
        // A program can print a word without end; a note is a sentence.
        let short: String = note.as_ref().chars().take(600).collect();
        let masked = self.masker.mask(&short).into_owned();
        self.step.notes.push(masked);
    }

    /// Masks a sentence that quotes another program.
    pub(crate) fn masked(&mut self, text: &str) -> String {
        self.masker.mask(text).into_owned()
    }

    /// True if this host file or node path is in the bundle already.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.paths.contains(&self.place(path))
    }

    /// What was written since the last call.
    pub(crate) fn end_step(&mut self) -> Written {
        std::mem::take(&mut self.step)
    }

    /// The first error of the output, after which nothing is written any more.
    pub(crate) fn take_error(&mut self) -> Option<io::Error> {
        self.broken.take()
    }

    /// The files so far, what was masked, and the archive for the manifest.
    pub(crate) fn finish(self) -> (Archive, Vec<FileRecord>, Vec<Redaction>) {
        (self.archive, self.files, self.masker.summary())
    }

    fn place(&self, path: &str) -> String {
        format!("nodes/{}/{}", self.node, EntryPath::new(path).as_str())
    }

    fn write(&mut self, path: String, mut done: Captured) {
        if self.broken.is_some() || !self.paths.insert(path.clone()) {
            return;
        }
        let room = self.limits.max_bundle_bytes.saturating_sub(self.total);
        let limit = room.min(self.limits.max_file_bytes);
        if done.bytes.len() as u64 > limit {
            cut_to(&mut done.bytes, usize::try_from(limit).unwrap_or(usize::MAX), done.kept);
            done.cut = true;
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
        match self.archive.add(&path, &done.bytes) {
            Ok(record) => {
                self.total += kept;
                self.step.bytes += kept;
                self.step.files.push(path);
                self.files.push(record);
            }
            Err(error) => self.broken = Some(error),
        }
    }
}

//! What every container reader shares during one walk.

use std::collections::HashSet;
use std::io::{self, Read};
use std::path::Path;

use jiff::Timestamp;

use super::super::budget::Limit;
use super::super::meter::Meter;
use super::content::Content;
use super::walk::{Entry, Link, SourceKind, Walked};
use super::{OpenError, links};
use crate::model::{EntryPath, Problem, ProblemKind};

/// The archive that is being read: its own path, none for the outermost, and how many archives are around it.
pub(super) struct Within {
    pub(super) prefix: Option<EntryPath>,
    pub(super) depth: u64,
}

impl Within {
    /// The outermost container.
    pub(super) fn root() -> Self {
        Self { prefix: None, depth: 0 }
    }

    /// The path of a member from its raw name.
    pub(super) fn path(&self, raw: &str) -> EntryPath {
        let path = EntryPath::new(raw);
        self.prefix
            .as_ref()
            .map_or_else(|| path.clone(), |prefix| prefix.join(&path))
    }
}

/// Collects what a walk finds and hands files to the visitor.
pub(super) struct Walker<'v> {
    meter: &'v Meter,
    visit: &'v mut dyn FnMut(Entry<'_>),
    seen: HashSet<EntryPath>,
    entries: u64,
    links: Vec<Link>,
    problems: Vec<Problem>,
    newest: Option<Timestamp>,
    stopped: bool,
}

impl<'v> Walker<'v> {
    pub(super) fn new(meter: &'v Meter, visit: &'v mut dyn FnMut(Entry<'_>)) -> Self {
        Self {
            meter,
            visit,
            seen: HashSet::new(),
            entries: 0,
            links: Vec::new(),
            problems: Vec::new(),
            newest: None,
            stopped: false,
        }
    }

    /// The budget of the walk. It outlives any borrow of the walker, so that readers may hold it while entries are handed out.
    pub(super) fn meter(&self) -> &'v Meter {
        self.meter
    }

    /// True once a limit of the whole bundle was hit: every container reader ends.
    pub(super) fn stopped(&self) -> bool {
        self.stopped
    }

    /// Counts a member by its raw name and gives its path; none when the budget does not admit it, which is then recorded.
    pub(super) fn admit(&mut self, within: &Within, raw: &str) -> Option<EntryPath> {
        if let Err(limit) = self.meter.enter() {
            if !self.stopped {
                self.stopped = true;
                self.problem(None, ProblemKind::OverBudget, format!("{limit}: the rest was not read"));
            }
            return None;
        }
        let max = self.meter.limits().max_path_bytes;
        let outer = within.prefix.as_ref().map_or(0, |prefix| prefix.as_str().len() + 1);
        let is_short = |length: usize| length as u64 <= max;
        // Characters that cannot stand in a path are written out, so it may be longer than its name.
        let path = is_short(outer.saturating_add(raw.len())).then(|| within.path(raw));
        let path = path.filter(|path| is_short(path.as_str().len()));
        if path.is_none() {
            let start: String = raw.chars().take(80).collect();
            let path = within.path(&start);
            self.problem(
                Some(&path),
                ProblemKind::OverBudget,
                format!("{}: a name that starts like this was not read", Limit::PathBytes(max)),
            );
        }
        path
    }

    /// True when no file of this path was handed out yet.
    pub(super) fn is_new(&self, path: &EntryPath) -> bool {
        !self.seen.contains(path)
    }

    /// Hands one file to the visitor and reads past it.
    pub(super) fn file(
        &mut self,
        path: EntryPath,
        size: Option<u64>,
        mtime: Option<Timestamp>,
        content: &mut dyn Read,
    ) {
        if !self.seen.insert(path.clone()) {
            self.problem(Some(&path), ProblemKind::Unparsed, "appears twice: both are read");
        }
        self.entries += 1;
        self.newest = self.newest.max(mtime);
        let mut content = Content::new(content, self.meter.limits().max_entry_bytes);
        (self.visit)(Entry {
            path: path.clone(),
            size,
            mtime,
            content: &mut content,
        });
        if let Some(error) = content.finish() {
            self.failed(Some(&path), "the rest of the file was not read", &error);
        }
    }

    /// Records a link whose target is written relative to the folder of the link.
    pub(super) fn symlink(&mut self, within: &Within, raw: &str, path: EntryPath, target: &str) {
        self.link(within, path, target, links::relative(raw, target));
    }

    /// Records a link whose target is written relative to the root of its archive.
    pub(super) fn hard_link(&mut self, within: &Within, path: EntryPath, target: &str) {
        self.link(within, path, target, links::from_root(target));
    }

    fn link(&mut self, within: &Within, path: EntryPath, written: &str, resolved: Option<String>) {
        let max = self.meter.limits().max_path_bytes;
        if written.len() as u64 > max {
            let limit = Limit::PathBytes(max);
            return self.problem(
                Some(&path),
                ProblemKind::OverBudget,
                format!("{limit}: the link was not read"),
            );
        }
        match resolved {
            Some(target) => self.links.push(Link {
                path,
                target: if target.is_empty() {
                    within.prefix.clone()
                } else {
                    Some(within.path(&target))
                },
            }),
            None => self.problem(
                Some(&path),
                ProblemKind::Refused,
                format!("a link that leaves the bundle, to {written}"),
            ),
        }
    }

    /// Records a problem; without a file it is about the bundle as a whole.
    pub(super) fn problem(&mut self, file: Option<&EntryPath>, kind: ProblemKind, detail: impl Into<String>) {
        self.problems.push(match file {
            Some(file) => Problem::file(file, kind, detail),
            None => Problem::bundle(kind, detail),
        });
    }

    /// Records the end of a reader: over budget when a limit is behind it, damaged otherwise. `consequence` says what was lost.
    pub(super) fn failed(&mut self, file: Option<&EntryPath>, consequence: &str, error: &io::Error) {
        match Limit::of(error) {
            Some(limit) => {
                self.stopped |= matches!(limit, Limit::Bytes(_));
                self.problem(file, ProblemKind::OverBudget, format!("{limit}: {consequence}"));
            }
            None => self.problem(file, ProblemKind::Damaged, format!("{error}: {consequence}")),
        }
    }

    /// The result of the walk; an error when there was nothing at all.
    pub(super) fn finish(self, input: &Path, kind: SourceKind, sha256: String) -> Result<Walked, OpenError> {
        let Self {
            entries,
            links,
            problems,
            newest,
            ..
        } = self;
        if entries == 0 && links.is_empty() && problems.is_empty() {
            return Err(OpenError::Empty { path: input.into() });
        }
        Ok(Walked {
            kind,
            sha256,
            entries,
            links,
            problems,
            mtime: newest,
        })
    }
}

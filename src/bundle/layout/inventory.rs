//! The files of a bundle by name, with the first bytes of the few whose content tells a layout.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::EntryPath;

/// Files of these names are small and tell a producer, a host or a time.
const TELLING: [&str; 20] = [
    "analysis.json",
    "basic-environment.txt",
    "collected.timestamp",
    "date",
    "finished.json",
    "hostname",
    "hostname.md",
    "manifest.json",
    "metadata.yaml",
    "nodenames.kubernetes.talos.dev.yaml",
    "podinfo.json",
    "prowjob.json",
    "timestamp",
    "uname",
    "uname.txt",
    "version",
    "version.json",
    "version.txt",
    "version.yaml",
    "versions",
];
/// Bytes kept of such a file.
const HEAD: usize = 4096;
/// Such files kept; a bundle with more is not known any better by them.
const MOST_HEADS: usize = 1000;

/// What detection works on. It is filled while an archive streams by and asked when the walk is over.
#[derive(Debug, Clone, Default)]
pub struct Inventory {
    paths: BTreeSet<String>,
    heads: BTreeMap<String, String>,
    /// Files that are a bundle by themselves, with the name of their layout.
    singles: BTreeMap<String, &'static str>,
    input: String,
}

impl Inventory {
    /// Notes a file and the bytes that it starts with.
    pub fn note(&mut self, path: &EntryPath, head: &[u8]) {
        if Self::wants_head(path) && self.heads.len() < MOST_HEADS {
            let head = head.get(..HEAD).unwrap_or(head);
            let text = String::from_utf8_lossy(head).into_owned();
            self.heads.insert(path.as_str().to_owned(), text);
        }
        self.paths.insert(path.as_str().to_owned());
    }

    /// True for a file whose first bytes tell something.
    pub fn wants_head(path: &EntryPath) -> bool {
        TELLING.contains(&path.file_name())
    }

    /// Notes that a file is a bundle by itself, as its content told.
    pub fn note_single(&mut self, path: &EntryPath, layout: &'static str) {
        self.singles.insert(path.as_str().to_owned(), layout);
    }

    /// The name of the bundle itself, which is that of a wrapper directory where there is none inside.
    pub fn set_input(&mut self, name: &str) {
        self.input = name.to_owned();
    }

    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        self.paths.iter().map(String::as_str)
    }

    pub(super) fn singles(&self) -> impl Iterator<Item = (&str, &'static str)> {
        self.singles.iter().map(|(path, layout)| (path.as_str(), *layout))
    }
}

/// A directory (or nested archive) that may be the root of a producer's tree.
#[derive(Debug, Clone, Copy)]
pub(super) struct Root<'i> {
    inventory: &'i Inventory,
    pub(super) path: &'i str,
}

impl<'i> Root<'i> {
    pub(super) fn new(inventory: &'i Inventory, path: &'i str) -> Self {
        Self { inventory, path }
    }

    /// True when a file of this path below the root exists.
    pub(super) fn has(&self, below: &str) -> bool {
        self.inventory.paths.contains(&join(self.path, below))
    }

    /// True when there is a file in this directory below the root, at any depth.
    pub(super) fn has_dir(&self, below: &str) -> bool {
        let prefix = join(self.path, below) + "/";
        self.inventory
            .paths
            .range(prefix.clone()..)
            .next()
            .is_some_and(|path| path.starts_with(&prefix))
    }

    /// The first bytes of a file; empty when there is none.
    pub(super) fn head(&self, below: &str) -> &'i str {
        self.inventory
            .heads
            .get(&join(self.path, below))
            .map_or("", String::as_str)
    }

    /// The first bytes of a file in the directory around the root.
    pub(super) fn head_outside(&self, name: &str) -> &'i str {
        let outer = match self.path.rsplit_once('/') {
            Some((outer, _)) => outer,
            None if self.path.is_empty() => return "",
            None => "",
        };
        Self::new(self.inventory, outer).head(name)
    }

    /// The paths of all files below the root.
    fn below(&self) -> impl Iterator<Item = &'i str> {
        let prefix = if self.path.is_empty() {
            String::new()
        } else {
            format!("{}/", self.path)
        };
        let paths = self.inventory.paths.range(prefix.clone()..);
        paths.map_while(move |path| path.strip_prefix(&prefix))
    }

    /// The names of the directories that stand in the root.
    pub(super) fn directories(&self) -> BTreeSet<&'i str> {
        self.below()
            .filter_map(|below| below.split_once('/').map(|(directory, _)| directory))
            .collect()
    }

    /// The names of the files that stand in the root itself.
    pub(super) fn files(&self) -> impl Iterator<Item = &'i str> {
        self.below().filter(|below| !below.contains('/'))
    }

    /// True when the components of some file below the root fit.
    pub(super) fn any(&self, fits: impl Fn(&[&str]) -> bool) -> bool {
        self.below().any(|below| fits(&below.split('/').collect::<Vec<_>>()))
    }

    /// The name of the wrapper: the root's last component, or the bundle's own name.
    pub(super) fn name(&self) -> &'i str {
        if self.path.is_empty() {
            return &self.inventory.input;
        }
        self.path.rsplit('/').next().unwrap_or(self.path)
    }
}

/// A path below a root; the root of the bundle is empty.
pub(super) fn join(root: &str, below: &str) -> String {
    if root.is_empty() {
        below.to_owned()
    } else {
        format!("{root}/{below}")
    }
}

//! The files of a bundle by name, with the first bytes of the few whose content tells a layout.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::EntryPath;

/// Files of these names are small and tell a producer, a host or a time.
const TELLING: [&str; 10] = [
    "analysis.json",
    "date",
    "hostname",
    "manifest.json",
    "metadata.yaml",
    "timestamp",
    "version",
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
    dumps: BTreeSet<String>,
    input: String,
}

impl Inventory {
    /// Notes a file and the bytes that it starts with.
    pub fn note(&mut self, path: &EntryPath, head: &[u8]) {
        if TELLING.contains(&path.file_name()) && self.heads.len() < MOST_HEADS {
            let head = head.get(..HEAD).unwrap_or(head);
            let text = String::from_utf8_lossy(head).into_owned();
            self.heads.insert(path.as_str().to_owned(), text);
        }
        self.paths.insert(path.as_str().to_owned());
    }

    /// Notes that a file is the output of `kubectl cluster-info dump`, by its content.
    pub fn note_dump(&mut self, path: &EntryPath) {
        self.dumps.insert(path.as_str().to_owned());
    }

    /// The name of the bundle itself, which is that of a wrapper directory where there is none inside.
    pub fn set_input(&mut self, name: &str) {
        self.input = name.to_owned();
    }

    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        self.paths.iter().map(String::as_str)
    }

    pub(super) fn dumps(&self) -> impl Iterator<Item = &str> {
        self.dumps.iter().map(String::as_str)
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

    /// True when the components of some file below the root fit.
    pub(super) fn any(&self, fits: impl Fn(&[&str]) -> bool) -> bool {
        let prefix = if self.path.is_empty() {
            String::new()
        } else {
            format!("{}/", self.path)
        };
        self.inventory
            .paths
            .range(prefix.clone()..)
            .map_while(|path| path.strip_prefix(&prefix))
            .any(|below| fits(&below.split('/').collect::<Vec<_>>()))
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

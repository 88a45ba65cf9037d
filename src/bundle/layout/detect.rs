//! Finding the producers of a bundle: each layout names files that only it has; where such a file stands is a root; what else must
//! be there decides. The shallowest root names the bundle, deeper ones are bundles inside it.

use std::collections::{BTreeMap, BTreeSet};

use super::inventory::{Inventory, Root, join};
use super::place::{NodePlace, Place};
use super::{
    casefile, cluster_dump, inspect, linux, must_gather, rancher, sonobuoy, sos, support_bundle_kit, troubleshoot,
};
use crate::model::{EntryPath, Problem, When};

/// The name of a bundle that no known producer made.
pub const PILE: &str = "pile";

/// One producer's arrangement.
pub(super) struct Layout {
    /// Its name in reports.
    pub(super) name: &'static str,
    /// Files, or directories with a final slash, of which one stands in every root.
    pub(super) markers: &'static [&'static str],
    /// Whether a directory with such a marker is a root.
    pub(super) fits: fn(&Root<'_>) -> bool,
    /// What the components of a path below the root say.
    pub(super) place: fn(&Root<'_>, &[&str]) -> Place,
    /// When it was collected, as names and small files tell.
    pub(super) anchor: fn(&Root<'_>) -> Option<When>,
    /// What its collector is known to leave out or to spoil, given the names of the cluster's nodes.
    pub(super) gaps: fn(&Root<'_>, &[String]) -> Vec<Problem>,
}

/// For collectors of which no such thing is known.
pub(super) const NO_GAPS: fn(&Root<'_>, &[String]) -> Vec<Problem> = |_, _| Vec::new();

/// All layouts; where two fit one root, the first has it.
const LAYOUTS: [&Layout; 10] = [
    &casefile::LAYOUT,
    &support_bundle_kit::LAYOUT,
    &must_gather::LAYOUT,
    &troubleshoot::LAYOUT,
    &inspect::LAYOUT,
    &sos::LAYOUT,
    &sonobuoy::LAYOUT,
    &rancher::LAYOUT,
    &rancher::NODE_INFO,
    &cluster_dump::LAYOUT,
];

/// A root and its producer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where it stands; empty for the whole bundle.
    pub root: String,
    /// The layout's name.
    pub layout: &'static str,
    /// When it was collected, as the layout tells.
    pub collected_at: Option<When>,
}

/// What was detected, with what is needed to ask about paths.
pub struct Detected<'i> {
    inventory: &'i Inventory,
    roots: Vec<(String, &'static Layout)>,
}

/// Roots that are looked at; a real bundle has a handful, and a must-gather of several images some dozens.
const MOST_ROOTS: usize = 2000;

/// Finds the layouts of a bundle.
pub fn detect(inventory: &Inventory) -> Detected<'_> {
    let mut roots: Vec<(String, &'static Layout)> = Vec::new();
    for (order, candidate) in candidates(inventory) {
        let Some(layout) = LAYOUTS.get(order) else { continue };
        let taken = roots.iter().any(|(path, _)| *path == candidate);
        if !taken && (layout.fits)(&Root::new(inventory, &candidate)) {
            roots.push((candidate, layout));
        }
    }
    roots.extend(inventory.dumps().map(|path| (path.to_owned(), &cluster_dump::LAYOUT)));
    roots.sort_by_key(|(path, _)| (depth(path), path.clone()));
    Detected { inventory, roots }
}

/// Every directory with a marker, with the index of the layout that it may be, in the order of the layouts.
fn candidates(inventory: &Inventory) -> BTreeSet<(usize, String)> {
    let mut found = BTreeSet::new();
    for path in inventory.paths() {
        for (order, layout) in LAYOUTS.iter().enumerate() {
            for marker in layout.markers {
                if found.len() < MOST_ROOTS {
                    found.extend(root_of(path, marker).map(|root| (order, root.to_owned())));
                }
            }
        }
    }
    found
}

/// What stands before a marker in a path. Of a directory's several occurrences the first counts.
fn root_of<'p>(path: &'p str, marker: &str) -> Option<&'p str> {
    let at = if marker.ends_with('/') {
        if path.starts_with(marker) {
            return Some("");
        }
        path.match_indices(marker)
            .map(|(at, _)| at)
            .find(|&at| path.get(..at).is_some_and(|before| before.ends_with('/')))?
    } else {
        path.len()
            .checked_sub(marker.len())
            .filter(|_| path.ends_with(marker))?
    };
    match path.get(..at)? {
        "" => Some(""),
        before => before.strip_suffix('/'),
    }
}

fn depth(path: &str) -> usize {
    if path.is_empty() { 0 } else { path.split('/').count() }
}

impl Detected<'_> {
    /// The producer of most of the bundle's files, or [`PILE`]: a dump among other files does not make them one.
    pub fn name(&self) -> &'static str {
        let mut files: BTreeMap<&'static str, usize> = BTreeMap::new();
        for path in self.inventory.paths() {
            let outermost = self
                .roots
                .iter()
                .find(|(root, _)| path == root || below(path, root).is_some());
            *files
                .entry(outermost.map_or(PILE, |(_, layout)| layout.name))
                .or_default() += 1;
        }
        let all: usize = files.values().sum();
        files
            .into_iter()
            .find(|&(_, count)| count * 2 > all)
            .map_or(PILE, |(name, _)| name)
    }

    /// All roots, the shallowest first.
    pub fn found(&self) -> Vec<Found> {
        self.roots
            .iter()
            .map(|(path, layout)| Found {
                root: path.clone(),
                layout: layout.name,
                collected_at: (layout.anchor)(&Root::new(self.inventory, path)),
            })
            .collect()
    }

    /// What the collectors left out or spoiled, where that can be told; `nodes` are the names of the cluster's nodes.
    pub fn gaps(&self, nodes: &[String]) -> Vec<Problem> {
        let roots = self.roots.iter();
        roots
            .flat_map(|(path, layout)| (layout.gaps)(&Root::new(self.inventory, path), nodes))
            .collect()
    }

    /// What a path says: the innermost layout is asked first, then those around it, last the names that all people use.
    pub fn place(&self, path: &EntryPath) -> Place {
        let mut place = Place::default();
        for (root, layout) in self.roots.iter().rev() {
            let Some(below) = below(path.as_str(), root) else {
                continue;
            };
            let parts: Vec<&str> = below.split('/').collect();
            let found = (layout.place)(&Root::new(self.inventory, root), &parts);
            place.node = place.node.or(found.node);
            place.log = place.log.or(found.log);
            place.content = place.content.or(found.content);
        }
        if place.content.is_none() {
            place.content = linux::content(&path.components().collect::<Vec<_>>());
        }
        if place.node.is_none() {
            place.node = node_directory(path);
        }
        place
    }

    /// True when every empty string and null of a file was written as the text `null` (`pkg/manager/collectors/common.go` of
    /// rancher/support-bundle-kit, since August 2021).
    pub fn writes_null_for_empty(&self, path: &EntryPath) -> bool {
        self.roots
            .iter()
            .any(|(root, layout)| layout.name == support_bundle_kit::NAME && below(path.as_str(), root).is_some())
    }
}

fn below<'p>(path: &'p str, root: &str) -> Option<&'p str> {
    if root.is_empty() {
        return Some(path);
    }
    path.strip_prefix(root)?.strip_prefix('/')
}

/// The directory or archive after a `nodes`, `node` or `hosts` component: `nodes/a/uptime.txt`, `nodes/a.zip/logs/kubelet.log`.
fn node_directory(path: &EntryPath) -> Option<NodePlace> {
    let parts: Vec<&str> = path.components().collect();
    let at = parts
        .iter()
        .position(|part| matches!(*part, "nodes" | "node" | "hosts"))?;
    let name = parts.get(at + 1)?;
    parts.get(at + 2)?;
    let outer = parts.get(..=at)?.join("/");
    Some(NodePlace {
        directory: join(&outer, name),
        name: without_archive_ending(name).to_owned(),
    })
}

/// `node-1` of `node-1.zip`, `node-1.tar.gz`.
pub(super) fn without_archive_ending(name: &str) -> &str {
    [".zip", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.zst", ".tar"]
        .iter()
        .find_map(|ending| name.strip_suffix(ending))
        .unwrap_or(name)
}

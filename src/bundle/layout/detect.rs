//! Finding the producers of a bundle: each layout names files that only it has; where such a file stands is a root; what else must
//! be there decides. The shallowest root names the bundle, deeper ones are bundles inside it.

use std::collections::{BTreeMap, BTreeSet};

use super::about::About;
use super::inventory::{Inventory, Root, join};
use super::place::{LogPlace, NodePlace, Place};
use super::settings::{is_document, is_settings};
use super::{
    capi, casefile, cilium, cluster_dump, crashd, crust_gather, eks, elastic, insights, inspect, k0s, kind_logs, kops,
    linux, microk8s, minikube, must_gather, periscope, prow, rancher, rancher_windows, sonobuoy, sos, sos_collect,
    support_bundle_kit, supportconfig, talos, troubleshoot, velero,
};
use crate::model::{EntryPath, Problem, When};

/// The name of a bundle that no known producer made.
pub const PILE: &str = "pile";

/// One producer's arrangement.
pub(super) struct Layout {
    /// Its name in reports.
    pub(super) name: &'static str,
    /// What people should know of it.
    pub(super) about: About,
    /// Files, or directories with a final slash, of which one stands in every root; a `*` stands for any part of one name. A layout
    /// without any is a single file, known by its content.
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
const LAYOUTS: [&Layout; 29] = [
    &casefile::LAYOUT,
    &prow::LAYOUT,
    &sos_collect::LAYOUT,
    &support_bundle_kit::LAYOUT,
    &must_gather::LAYOUT,
    &insights::LAYOUT,
    &crust_gather::LAYOUT,
    &troubleshoot::LAYOUT,
    &inspect::LAYOUT,
    &sos::LAYOUT,
    &supportconfig::LAYOUT,
    &sonobuoy::LAYOUT,
    &rancher::LAYOUT,
    &rancher::NODE_INFO,
    &rancher_windows::LAYOUT,
    &eks::LAYOUT,
    &microk8s::LAYOUT,
    &talos::LAYOUT,
    &periscope::LAYOUT,
    &capi::LAYOUT,
    &kind_logs::LAYOUT,
    &kops::LAYOUT,
    &cilium::LAYOUT,
    &crashd::LAYOUT,
    &velero::LAYOUT,
    &cluster_dump::LAYOUT,
    &minikube::LAYOUT,
    &k0s::LAYOUT,
    &elastic::LAYOUT,
];

/// True for a layout that is known only so that its bundles can be told from those that are judged.
pub fn is_foreign(layout: &str) -> bool {
    layout == elastic::NAME
}

/// A layout as people read of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// Its name in reports.
    pub name: &'static str,
    /// The files and directories by which a root is found.
    pub markers: &'static [&'static str],
    /// What people should know of it.
    pub about: About,
}

/// All layouts that are known, in the order in which they are tried.
pub fn known() -> impl Iterator<Item = Known> {
    LAYOUTS.iter().map(|layout| Known {
        name: layout.name,
        markers: layout.markers,
        about: layout.about,
    })
}

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
    // A part of a bundle that has a layout is known by that.
    let singles = inventory.singles().filter_map(|(path, name)| {
        let is_part = roots.iter().any(|(root, _)| below(path, root).is_some());
        let layout = LAYOUTS.iter().find(|layout| layout.name == name).filter(|_| !is_part)?;
        Some((path.to_owned(), *layout))
    });
    let singles: Vec<(String, &'static Layout)> = singles.collect();
    roots.extend(singles);
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
    match marker.strip_suffix('/') {
        Some(directory) => before_directory(path, directory),
        None => before_file(path, marker),
    }
}

fn before_directory<'p>(path: &'p str, directory: &str) -> Option<&'p str> {
    // Most paths have nothing of it, which is quickly seen.
    let first = directory.split('*').next().unwrap_or(directory);
    let mut from = 0;
    while let Some(at) = path.get(from..)?.find(first).map(|at| at + from) {
        let before = path.get(..at)?;
        let end = path.get(at..)?.find('/').map(|end| at + end);
        let name = end.and_then(|end| path.get(at..end));
        if (before.is_empty() || before.ends_with('/')) && name.is_some_and(|name| is_like(name, directory)) {
            return Some(before.strip_suffix('/').unwrap_or(before));
        }
        from = at + first.len().max(1);
    }
    None
}

fn before_file<'p>(path: &'p str, marker: &str) -> Option<&'p str> {
    let mut rest = Some(path);
    for wanted in marker.rsplit('/') {
        let (before, name) = match rest?.rsplit_once('/') {
            Some((before, name)) => (Some(before), name),
            None => (None, rest?),
        };
        if !is_like(name, wanted) {
            return None;
        }
        rest = before;
    }
    Some(rest.unwrap_or(""))
}

/// True for a name that a pattern with stars stands for.
fn is_like(name: &str, pattern: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = name.strip_prefix(parts.next().unwrap_or("")) else {
        return false;
    };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        let Some((_, after)) = rest.split_once(part) else {
            return false;
        };
        rest = after;
    }
    false
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
        let name = path.file_name();
        if place.log.is_none() && (is_settings(name) || is_document(name)) {
            place.log = Some(LogPlace::Nobody);
        }
        if place.content.is_none() && is_settings(name) {
            place.content = Some(format!("a configuration file ({name})"));
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
    const ENDINGS: [&str; 9] = [
        ".zip", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.zst", ".tar.bz2", ".tbz", ".tar",
    ];
    ENDINGS
        .iter()
        .find_map(|ending| name.strip_suffix(ending))
        .unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::root_of;

    #[test]
    fn a_root_is_what_stands_before_a_marker() {
        for (path, marker, root) in [
            ("x/meta/config.json", "meta/config.json", Some("x")),
            ("meta/config.json", "meta/config.json", Some("")),
            ("x/mymeta/config.json", "meta/config.json", None),
            ("a/b/sos_commands/host/hostname", "sos_commands/", Some("a/b")),
            ("a/b/old_sos_commands/host", "sos_commands/", None),
            (
                "a/old_sos_commands/sos_commands/x",
                "sos_commands/",
                Some("a/old_sos_commands"),
            ),
            ("a/sos_commands", "sos_commands/", None),
            ("t/n1/controller-runtime.log", "*/controller-runtime.log", Some("t")),
            ("n1/controller-runtime.log", "*/controller-runtime.log", Some("")),
            ("controller-runtime.log", "*/controller-runtime.log", None),
            ("d/k8s-nodes-20261121-102042.yaml", "k8s-nodes-*.yaml", Some("d")),
            ("d/k8s-nodes-20261121-102042.json", "k8s-nodes-*.yaml", None),
            ("c/sosreport-a.tar.xz/r/date", "sosreport-*.tar.*/", Some("c")),
            ("c/sosreport-a/r/date", "sosreport-*.tar.*/", None),
            ("c/磁盘/sosreport-磁.tar.xz/r", "sosreport-*.tar.*/", Some("c/磁盘")),
        ] {
            assert_eq!(root_of(path, marker), root, "{path} {marker}");
        }
    }
}

//! Which directories hold bundles, and which are one: a tree with archives in it may be either.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::inputs::{alias, children};
use crate::bundle::layout::{Inventory, detect};
use crate::bundle::{Probe, SourceKind, probe};
use crate::model::EntryPath;

/// Folders inside folders that are looked through for archives.
const MOST_LEVELS: usize = 5;
/// Folders around a bundle that its collector or its packing made: `must-gather.local.1/quay-io-x`, in one of the user's own.
const MOST_WRAPPERS: usize = 2;
/// Files that are looked at before a directory is taken for one bundle.
const MOST_FILES: usize = 200_000;
/// Bytes of a file that may tell a producer.
const HEAD: u64 = 4096;

/// True for a directory with bundles in it: archives stand directly in it, or most of what stands in it are such folders, or all of it are
/// unpacked bundles of known layouts, two or more. What is inside a
/// bundle of a known layout is part of that, and so are archives below `nodes`, `node` and `hosts`, which are machines of one bundle.
pub(super) fn is_folder_of_bundles(directory: &Path) -> bool {
    Tree::read(directory).is_some_and(|tree| tree.is_folder(Path::new(""), 0))
}

/// A single compressed file (`kubelet.log.gz`) is evidence and no bundle.
fn is_bundle_archive(path: &Path) -> bool {
    let compressed_text = alias(path).contains('.')
        && path
            .extension()
            .is_some_and(|ending| ["gz", "xz", "zst", "bz2"].iter().any(|known| ending == *known));
    let named_tar = path
        .file_name()
        .is_some_and(|name| name.to_string_lossy().contains(".t"));
    match probe(path) {
        Ok(Probe::Archive(SourceKind::CompressedFile)) => false,
        Ok(Probe::Archive(SourceKind::Tar | SourceKind::Zip)) => true,
        Ok(Probe::Archive(_)) => named_tar || !compressed_text,
        _ => false,
    }
}

/// Names of archives: in a large tree not every file is opened.
fn is_named_like_an_archive(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    const ENDINGS: [&str; 11] = [
        ".gz", ".tgz", ".xz", ".txz", ".zst", ".tzst", ".bz2", ".tbz", ".tbz2", ".zip", ".tar",
    ];
    ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// A text that is about bundles and no evidence.
pub(super) fn is_note(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let endings = [
        ".md", ".rst", ".adoc", ".pdf", ".html", ".doc", ".docx", ".png", ".jpg", ".sha256",
    ];
    name.starts_with('.')
        || ["readme", "license", "notice", "sha256sums"]
            .iter()
            .any(|start| name.starts_with(start))
        || endings.iter().any(|ending| name.ends_with(ending))
}

/// The files below a directory, with what matters of them. Paths are relative to it.
struct Tree {
    /// Folders in which archives stand that may be bundles.
    with_archives: BTreeSet<PathBuf>,
    folders: BTreeSet<PathBuf>,
    /// Other files than archives and notes.
    loose: Vec<PathBuf>,
    /// The roots of bundles of a known layout.
    roots: Vec<PathBuf>,
}

impl Tree {
    /// None where there is too much to look through: then the directory is a bundle itself.
    fn read(directory: &Path) -> Option<Self> {
        let mut tree = Self {
            with_archives: BTreeSet::new(),
            folders: BTreeSet::new(),
            loose: Vec::new(),
            roots: Vec::new(),
        };
        if children(directory)
            .iter()
            .any(|child| child.is_file() && is_bundle_archive(child))
        {
            tree.with_archives.insert(PathBuf::new());
        }
        let mut files = Vec::new();
        for entry in walkdir::WalkDir::new(directory).min_depth(1).sort_by_file_name() {
            let Ok(entry) = entry else { continue };
            let Ok(path) = entry.path().strip_prefix(directory) else {
                continue;
            };
            if entry.file_type().is_dir() {
                tree.folders.insert(path.to_path_buf());
                continue;
            }
            if files.len() >= MOST_FILES {
                return None;
            }
            files.push(path.to_path_buf());
            let name = entry.file_name().to_string_lossy();
            let folder = path.parent().unwrap_or(Path::new(""));
            let is_near = entry.depth() <= MOST_LEVELS + 1 && entry.file_type().is_file();
            if is_near && is_named_like_an_archive(&name) {
                if !tree.with_archives.contains(folder) && is_bundle_archive(entry.path()) {
                    tree.with_archives.insert(folder.to_path_buf());
                }
            } else if !is_note(&name) {
                tree.loose.push(path.to_path_buf());
            }
        }
        tree.roots = roots(directory, &files);
        Some(tree)
    }

    fn is_folder(&self, folder: &Path, level: usize) -> bool {
        let is_machines = folder.components().any(|part| {
            let name = part.as_os_str();
            name == "nodes" || name == "node" || name == "hosts"
        });
        if level > MOST_LEVELS || is_machines || self.roots.iter().any(|root| folder.starts_with(root)) {
            return false;
        }
        if self.with_archives.contains(folder) || self.holds_unpacked(folder) {
            return true;
        }
        let is_in = |path: &&PathBuf| path.parent() == Some(folder);
        let (mut folders, mut bundles, mut others) = (0_usize, 0_usize, self.loose.iter().filter(is_in).count());
        for inner in self.folders.iter().filter(is_in) {
            if self.is_folder(inner, level + 1) {
                folders += 1;
            } else if self.roots.iter().any(|root| root.starts_with(inner)) {
                bundles += 1;
            } else if self.loose.iter().any(|file| file.starts_with(inner)) {
                others += 1;
            }
        }
        folders > 0 && folders + bundles > others
    }
}

impl Tree {
    /// True where each folder in it is a bundle, itself or a few folders down, and nothing else stands beside them.
    fn holds_unpacked(&self, folder: &Path) -> bool {
        let is_in = |path: &&PathBuf| path.parent() == Some(folder);
        let holds = |inner: &&PathBuf| self.loose.iter().any(|file| file.starts_with(inner));
        let is_bundle = |inner: &PathBuf| {
            let below = self.roots.iter().filter_map(|root| root.strip_prefix(inner).ok());
            below
                .map(|rest| rest.components().count())
                .any(|levels| levels <= MOST_WRAPPERS)
        };
        let inner: Vec<&PathBuf> = self.folders.iter().filter(is_in).filter(holds).collect();
        inner.len() > 1 && !self.loose.iter().any(|file| is_in(&file)) && inner.into_iter().all(is_bundle)
    }
}

/// Where bundles of a known layout begin below a directory.
fn roots(directory: &Path, files: &[PathBuf]) -> Vec<PathBuf> {
    let mut inventory = Inventory::default();
    for file in files {
        let path = EntryPath::new(&file.to_string_lossy());
        let mut head = Vec::new();
        // What cannot be read tells nothing, and the name still does.
        if Inventory::wants_head(&path) {
            let opened = File::open(directory.join(file));
            let _ = opened.and_then(|file| file.take(HEAD).read_to_end(&mut head));
        }
        inventory.note(&path, &head);
    }
    let found = detect(&inventory).found();
    found.into_iter().map(|found| PathBuf::from(found.root)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds_bundles(files: &[&str]) -> bool {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            let bytes: &[u8] = if is_named_like_an_archive(file) {
                b"PK\x03\x04"
            } else {
                b"text\n"
            };
            std::fs::write(path, bytes).unwrap();
        }
        is_folder_of_bundles(folder.path())
    }

    #[test]
    fn archives_at_any_depth_make_a_folder_of_bundles() {
        for files in [
            &["a.zip"][..],
            &["siteA/s1.zip", "siteA/s2.zip", "siteB/s3.zip"],
            &[
                "README.md",
                "scenarios/expected.json",
                "scenarios/s1.zip",
                "third-party/x.zip",
            ],
            &["2026/11/siteA/s1.zip", "2026/11/siteB/s1.zip", "2026/11/ticket.txt"],
            // Unpacked ones, each with the marks of its layout.
            &[
                "README.md",
                "monday/version",
                "monday/namespaces/a/core/pods.yaml",
                "monday/cluster-scoped-resources/core/nodes/n.yaml",
                "tuesday/mg/quay-io-x/version",
                "tuesday/mg/quay-io-x/namespaces/a/core/pods.yaml",
                "tuesday/mg/quay-io-x/cluster-scoped-resources/core/nodes/n.yaml",
            ],
        ] {
            assert!(holds_bundles(files), "{files:?}");
        }
    }

    #[test]
    fn archives_inside_a_bundle_are_part_of_it() {
        for files in [
            // A must-gather by its layout, machines by the name of their folder, a pile by what else is in it.
            &[
                "mg/quay-io-x/namespaces/a/core/pods.yaml",
                "mg/quay-io-x/cluster-scoped-resources/core/nodes/n.yaml",
                "mg/quay-io-x/version",
                "mg/quay-io-x/pod_network_connectivity_check/x.zip",
            ][..],
            &["nodes/n1.zip", "nodes/n2.zip"],
            &["pods.txt", "events.txt", "logs/n1.zip"],
            &["kubectl/pods", "docker/ps", "backup/etcd.zip"],
            &["pods.txt"],
            // One of the folders is no bundle by its layout.
            &[
                "monday/version",
                "monday/namespaces/a/core/pods.yaml",
                "monday/cluster-scoped-resources/core/nodes/n.yaml",
                "logs/web.log",
            ],
        ] {
            assert!(!holds_bundles(files), "{files:?}");
        }
    }
}

//! The folders in which there are logs and nothing else: such a one is called after what wrote them (`etcd-kcp-1/0.log`), after their
//! namespace, or `logs`. A folder with other files is called after the bundle or the incident, and says nothing of a log.

use std::collections::BTreeSet;

use super::Snapshot;
use super::namespace_hints::{home_of, is_of_the_system};
use crate::model::EntryPath;

/// What stands above the logs of a bundle.
pub(super) struct FoldersOfLogs {
    /// Folders that hold another file, however deep.
    mixed: BTreeSet<String>,
    /// Namespaces of the bundle's objects.
    namespaces: BTreeSet<String>,
}

impl FoldersOfLogs {
    pub(super) fn of(snapshot: &Snapshot) -> Self {
        let logs: BTreeSet<&EntryPath> = snapshot.logs.iter().map(|log| &log.path).collect();
        let others = snapshot.coverage.files.iter().filter(|file| !logs.contains(&file.path));
        let mut namespaces: BTreeSet<String> = snapshot.objects.keys().map(|key| key.namespace.clone()).collect();
        namespaces.extend(snapshot.kind("Namespace").map(|object| object.key.name.clone()));
        Self {
            mixed: others.flat_map(|file| folders(&file.path)).collect(),
            namespaces,
        }
    }

    /// The names of the folders around a log that hold nothing but logs, the outermost first.
    pub(super) fn around<'p>(&self, path: &'p EntryPath) -> impl Iterator<Item = &'p str> {
        let names: Vec<&str> = path
            .components()
            .zip(folders(path))
            .filter(|(_, folder)| !self.mixed.contains(folder))
            .map(|(name, _)| name)
            .collect();
        names.into_iter()
    }

    /// The namespace that such a folder names: one that the bundle knows, or that of what belongs to a cluster.
    pub(super) fn namespace<'p>(&self, path: &'p EntryPath) -> Option<&'p str> {
        let is_one = |name: &&str| {
            self.namespaces.contains(*name)
                // `kube-proxy/` and `cert-manager/` may be a workload's folder.
                || is_of_the_system(name) && name.ends_with("-system") && home_of(name).is_none()
        };
        self.around(path).filter(is_one).last()
    }
}

/// The folders around a file by their paths, the outermost first.
fn folders(path: &EntryPath) -> Vec<String> {
    let path = path.as_str();
    let ends = path.match_indices('/').map(|(at, _)| at);
    ends.filter_map(|at| path.get(..at)).map(ToOwned::to_owned).collect()
}

//! Which bundles a command line names: archives, directories, folders of bundles, and which of them is whose baseline.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::bundle::{OpenError, Probe, SourceKind, probe};

/// A bundle to analyse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Job {
    /// Name of its reports and of the bundle in citations.
    pub(super) alias: String,
    /// Where it is.
    pub(super) path: PathBuf,
    /// Its healthy counterpart: alias and path.
    pub(super) baseline: Option<(String, PathBuf)>,
}

/// What was found for a command line.
#[derive(Debug, Default)]
pub(super) struct Inputs {
    /// Bundles to analyse, in order.
    pub(super) jobs: Vec<Job>,
    /// What was passed over or joined, one line each.
    pub(super) remarks: Vec<String>,
    /// What could not be opened.
    pub(super) errors: Vec<OpenError>,
}

/// Ending of a baseline's name: `X-baseline.tar.gz` is the baseline of `X.tar.gz`.
const BASELINE: &str = "-baseline";

/// Looks at every path. With `baseline` given, it is the counterpart of all of them.
pub(super) fn inputs(paths: &[PathBuf], baseline: Option<&Path>) -> Inputs {
    let mut found = Inputs::default();
    for path in paths {
        match probe(path) {
            Ok(Probe::Directory) if is_folder_of_bundles(path) => folder(path, &mut found),
            Ok(Probe::NotABundle(what)) => found.errors.push(OpenError::NotABundle {
                path: path.clone(),
                looks: what,
            }),
            Ok(_) => found.jobs.push(Job {
                alias: alias(path),
                path: path.clone(),
                baseline: None,
            }),
            Err(error) => found.errors.push(error),
        }
    }
    if let Some(path) = baseline {
        for job in &mut found.jobs {
            job.baseline = Some((alias(path), path.to_path_buf()));
        }
    }
    make_unique(&mut found.jobs);
    found
}

/// A directory with archives directly in it holds bundles; any other directory is one.
fn is_folder_of_bundles(directory: &Path) -> bool {
    children(directory)
        .iter()
        .any(|child| child.is_file() && is_bundle_archive(child))
}

/// A single compressed file (`kubelet.log.gz`) is evidence and no bundle.
fn is_bundle_archive(path: &Path) -> bool {
    let compressed_text = alias(path).contains('.')
        && path
            .extension()
            .is_some_and(|ending| ending == "gz" || ending == "xz" || ending == "zst");
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

fn children(directory: &Path) -> Vec<PathBuf> {
    let walk = walkdir::WalkDir::new(directory)
        .min_depth(1)
        .max_depth(1)
        .sort_by_file_name();
    walk.into_iter()
        .filter_map(Result::ok)
        .map(walkdir::DirEntry::into_path)
        .collect()
}

fn folder(directory: &Path, found: &mut Inputs) {
    let mut bundles: BTreeMap<String, PathBuf> = BTreeMap::new();
    for child in children(directory) {
        let name = child
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        match probe(&child) {
            Ok(Probe::NotABundle(what)) => found.remarks.push(format!("skipped {name}: {what}")),
            Ok(_) => {
                bundles.insert(alias(&child), child);
            }
            Err(error) => found.errors.push(error),
        }
    }
    let mut baselines = BTreeMap::new();
    for name in bundles.keys().cloned().collect::<Vec<_>>() {
        let owner = name
            .strip_suffix(BASELINE)
            .filter(|owner| bundles.contains_key(*owner))
            .map(str::to_owned);
        if let (Some(owner), Some(path)) = (owner, bundles.get(&name).cloned()) {
            found.remarks.push(format!("{name} is the baseline of {owner}"));
            baselines.insert(owner, (name, path));
        }
    }
    let is_baseline = |name: &String| baselines.values().any(|(other, _)| other == name);
    for (name, path) in &bundles {
        if !is_baseline(name) {
            found.jobs.push(Job {
                alias: name.clone(),
                path: path.clone(),
                baseline: baselines.get(name).cloned(),
            });
        }
    }
}

/// The file's name without the endings of archives.
pub(super) fn alias(path: &Path) -> String {
    let canonical;
    let named = if path.file_name().is_some() {
        path
    } else {
        // `.` and `..` have no name of their own.
        canonical = path.canonicalize().unwrap_or_else(|_| PathBuf::from("bundle"));
        &canonical
    };
    let mut name = named
        .file_name()
        .map_or_else(|| "bundle".to_owned(), |name| name.to_string_lossy().into_owned());
    if !path.is_dir() {
        for ending in [".gz", ".tgz", ".xz", ".txz", ".zst", ".tzst", ".bz2", ".zip", ".tar"] {
            if let Some(stem) = name.strip_suffix(ending)
                && !stem.is_empty()
            {
                name = stem.to_owned();
            }
        }
    }
    name
}

/// Two bundles of one name get reports of two names.
fn make_unique(jobs: &mut [Job]) {
    let mut taken: BTreeMap<String, u32> = BTreeMap::new();
    for job in jobs {
        let count = taken.entry(job.alias.clone()).or_default();
        *count += 1;
        if *count > 1 {
            job.alias = format!("{}-{count}", job.alias);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_of_archives_are_no_part_of_the_name() {
        for (file, name) in [
            ("a/s21.tar.gz", "s21"),
            ("x.tgz", "x"),
            ("must-gather.tar.zst", "must-gather"),
            ("plain", "plain"),
            (".zip", ".zip"),
        ] {
            assert_eq!(alias(Path::new(file)), name);
        }
    }
}

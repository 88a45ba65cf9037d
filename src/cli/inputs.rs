//! Which bundles a command line names: archives, directories, folders of bundles, and which of them is whose baseline.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::folders::{is_folder_of_bundles, is_note};
use crate::bundle::{OpenError, Probe, probe};
use crate::collect::scratch::ScratchFolder;

/// A bundle to analyse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Job {
    /// Name of its reports and of the bundle in citations.
    pub(super) alias: String,
    /// Where it is.
    pub(super) path: PathBuf,
    /// Its healthy counterpart: alias and path.
    pub(super) baseline: Option<(String, PathBuf)>,
    /// Further archives of that counterpart: alias and path.
    pub(super) baseline_merged: Vec<(String, PathBuf)>,
    /// Earlier bundles of the cluster beside the baseline, each of one archive or several.
    pub(super) earlier: Vec<Vec<(String, PathBuf)>>,
    /// Further archives of the same cluster, read into the same report: alias and path.
    pub(super) merged: Vec<(String, PathBuf)>,
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

/// The bundles of a command line, with what came on standard input in a file of its own, which goes when this goes.
pub(super) struct Piped {
    /// Paths, `-` replaced.
    pub(super) bundles: Vec<PathBuf>,
    _folder: Option<ScratchFolder>,
}

impl Piped {
    /// Keeps standard input where `-` is named. Archives are read from both ends, so a pipe has to be kept first.
    ///
    /// # Errors
    /// It cannot be kept, or is larger than `most`.
    pub(super) fn take(bundles: &[PathBuf], most: u64) -> Result<Self, String> {
        let mut bundles = bundles.to_vec();
        let mut named = bundles.iter_mut().filter(|path| path.as_os_str() == "-");
        let Some(piped) = named.next() else {
            return Ok(Self { bundles, _folder: None });
        };
        if named.next().is_some() {
            return Err("standard input is named twice; there is only one".to_owned());
        }
        let fail = |error: io::Error| format!("cannot keep standard input: {error}; give the archive as a file");
        let folder = ScratchFolder::new().map_err(fail)?;
        *piped = folder.path().join("stdin");
        let mut file = File::create(&piped).map_err(fail)?;
        let kept = io::copy(&mut io::stdin().lock().take(most.saturating_add(1)), &mut file).map_err(fail)?;
        if kept > most {
            return Err(format!(
                "standard input is larger than {most} bytes; raise --max-total-size, or give the archive as a file"
            ));
        }
        Ok(Self {
            bundles,
            _folder: Some(folder),
        })
    }
}

/// Ending of a baseline's name: `X-baseline.tar.gz` is the baseline of `X.tar.gz`.
const BASELINE: &str = "-baseline";

/// Looks at every path. With `baseline` given, it is the counterpart of all of them.
///
/// # Errors
/// The given baseline is missing or no bundle. What is wrong with a bundle to analyse stands in [`Inputs::errors`].
pub(super) fn inputs(paths: &[PathBuf], baseline: Option<&Path>) -> Result<Inputs, OpenError> {
    let mut found = Inputs::default();
    for path in paths {
        match probe(path) {
            Ok(Probe::Directory) if is_folder_of_bundles(path) => folder(path, &mut found),
            Ok(Probe::NotABundle(what)) => found.errors.push(OpenError::NotABundle {
                path: path.clone(),
                looks: what,
            }),
            Ok(kind) => found.jobs.push(Job {
                alias: match path.file_stem() {
                    Some(stem) if kind == Probe::Text => stem.to_string_lossy().into_owned(),
                    _ => alias(path),
                },
                path: path.clone(),
                baseline: None,
                baseline_merged: Vec::new(),
                earlier: Vec::new(),
                merged: Vec::new(),
            }),
            Err(error) => found.errors.push(error),
        }
    }
    if let Some(path) = baseline {
        if let Probe::NotABundle(looks) = probe(path)? {
            let path = path.to_path_buf();
            return Err(OpenError::NotABundle { path, looks });
        }
        for job in &mut found.jobs {
            job.baseline = Some((alias(path), path.to_path_buf()));
        }
    }
    make_unique(&mut found.jobs);
    Ok(found)
}

impl Inputs {
    /// Makes one job of all.
    pub(super) fn merge_all(&mut self) {
        let mut rest = std::mem::take(&mut self.jobs).into_iter();
        if let Some(mut first) = rest.next() {
            for job in rest {
                first.baseline = first.baseline.take().or(job.baseline);
                first.merged.push((job.alias, job.path));
            }
            self.jobs.push(first);
        }
    }
}

/// What stands directly in a directory.
pub(super) fn children(directory: &Path) -> Vec<PathBuf> {
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
    let mut bundles: Vec<(String, PathBuf)> = Vec::new();
    for child in children(directory) {
        let name = child
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        match probe(&child) {
            Ok(Probe::NotABundle(what)) => found.remarks.push(format!("skipped {name}: {what}")),
            Ok(Probe::Text) if is_note(&name) => found.remarks.push(format!("skipped {name}: a note")),
            // Beside archives a text may be a note about them.
            Ok(Probe::Text) => found.remarks.push(format!(
                "skipped {name}: plain text beside archives; to analyse it, name it by itself: {}",
                child.display()
            )),
            // A link may lead around in a circle.
            Ok(Probe::Directory) if !child.is_symlink() && is_folder_of_bundles(&child) => folder(&child, found),
            Ok(_) => bundles.push((alias(&child), child)),
            Err(error) => found.errors.push(error),
        }
    }
    let names: BTreeSet<String> = bundles.iter().map(|(name, _)| name.clone()).collect();
    let owner_of = |name: &str| {
        let owner = name.strip_suffix(BASELINE)?;
        names.contains(owner).then(|| owner.to_owned())
    };
    let mut baselines = BTreeMap::new();
    for (name, path) in &bundles {
        if let Some(owner) = owner_of(name) {
            found.remarks.push(format!("{name} is the baseline of {owner}"));
            baselines.insert(owner, (name.clone(), path.clone()));
        }
    }
    for (name, path) in bundles {
        if owner_of(&name).is_none() {
            found.jobs.push(Job {
                baseline: baselines.get(&name).cloned(),
                baseline_merged: Vec::new(),
                earlier: Vec::new(),
                alias: name,
                path,
                merged: Vec::new(),
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
        for ending in [
            ".gz", ".tgz", ".xz", ".txz", ".zst", ".tzst", ".bz2", ".tbz", ".tbz2", ".zip", ".tar",
        ] {
            if let Some(stem) = name.strip_suffix(ending)
                && !stem.is_empty()
            {
                name = stem.to_owned();
            }
        }
    }
    name
}

/// Two bundles of one name get reports of two names, and neither takes that of a third.
fn make_unique(jobs: &mut [Job]) {
    // Reports of several bundles have an index beside them.
    let mut taken: BTreeSet<String> = if jobs.len() > 1 {
        BTreeSet::from(["index".to_owned()])
    } else {
        BTreeSet::new()
    };
    let given: BTreeSet<String> = jobs.iter().map(|job| job.alias.clone()).collect();
    for job in jobs {
        if !taken.insert(job.alias.clone()) {
            let free = (2..)
                .map(|number: u64| format!("{}-{number}", job.alias))
                .find(|name| !given.contains(name) && !taken.contains(name));
            job.alias = free.unwrap_or_default();
            taken.insert(job.alias.clone());
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
    #[test]
    fn every_bundle_has_a_name_of_its_own() {
        let mut jobs = ["a", "a", "a-2", "a"].map(|name| Job {
            alias: name.into(),
            path: PathBuf::new(),
            baseline: None,
            baseline_merged: Vec::new(),
            earlier: Vec::new(),
            merged: Vec::new(),
        });
        make_unique(&mut jobs);
        assert_eq!(jobs.map(|job| job.alias), ["a", "a-3", "a-2", "a-4"]);
    }
}

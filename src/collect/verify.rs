//! Is a bundle still what was written? Every file is compared with the manifest beside it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::bundle::{Budget, Entry, OpenError, walk};
use crate::model::Problem;

/// A manifest is read into memory up to this size: a file takes some 200 bytes of it.
const MOST_OF_A_MANIFEST: u64 = 256 << 20;

/// What was found out about one bundle.
#[derive(Debug, Serialize)]
pub struct Verification {
    /// Each manifest of casefile in the bundle, in the order of their folders.
    pub manifests: Vec<Checked>,
    /// What could not be read of the bundle itself.
    pub problems: Vec<Problem>,
}

impl Verification {
    /// True when there is a manifest, and every file is as it says.
    pub fn is_intact(&self) -> bool {
        !self.manifests.is_empty() && self.problems.is_empty() && self.manifests.iter().all(Checked::is_intact)
    }
}

/// One manifest and the files below its folder.
#[derive(Debug, Serialize)]
pub struct Checked {
    /// The folder that holds it; empty for the top.
    pub folder: String,
    /// When the bundle was collected.
    pub collected_at: String,
    /// True when a signal had ended the collection early.
    pub interrupted: bool,
    /// How many files the manifest lists.
    pub files: usize,
    /// Listed, and not there.
    pub missing: Vec<String>,
    /// There with other bytes.
    pub altered: Vec<Altered>,
    /// There, and not listed.
    pub added: Vec<String>,
}

impl Checked {
    /// True when nothing is missing, altered or added.
    pub fn is_intact(&self) -> bool {
        self.missing.is_empty() && self.altered.is_empty() && self.added.is_empty()
    }
}

/// A file whose bytes are others than those that were written.
#[derive(Debug, Serialize)]
pub struct Altered {
    /// Its path, as in the manifest.
    pub path: String,
    /// The SHA-256 that the manifest gives.
    pub expected: String,
    /// That of the bytes that are there.
    pub found: String,
}

/// What is asked of a manifest; what else stands in it does not matter here.
#[derive(Deserialize)]
struct Listed {
    tool: ToolName,
    #[serde(default)]
    collected_at: String,
    #[serde(default)]
    interrupted: bool,
    files: Vec<ListedFile>,
}

#[derive(Deserialize)]
struct ToolName {
    name: String,
}

#[derive(Deserialize)]
struct ListedFile {
    path: String,
    sha256: String,
}

/// Reads the bundle at `input`, whatever container it is in, and compares it with its manifests.
///
/// # Errors
/// There is no bundle to read.
pub fn verify(input: &Path) -> Result<Verification, OpenError> {
    let mut digests: BTreeMap<String, String> = BTreeMap::new();
    let mut manifests: BTreeMap<String, Listed> = BTreeMap::new();
    // What stands in an archive inside the bundle is not in the manifest; the archive itself is.
    let mut budget = Budget::DEFAULT;
    let walked = walk(input, &mut budget, &mut |entry: Entry<'_>| {
        let path = entry.path.as_str().to_owned();
        let keeps = entry.path.file_name() == "manifest.json";
        let (digest, kept) = read(entry.content, keeps);
        if let Some(listed) = manifest(&kept) {
            manifests.insert(folder_of(&path), listed);
        }
        digests.insert(path, digest);
    })?;
    let folders: Vec<String> = manifests.keys().cloned().collect();
    let checked = manifests
        .into_iter()
        .map(|(folder, listed)| check(folder, listed, &digests, &folders));
    Ok(Verification {
        manifests: checked.collect(),
        problems: walked.problems,
    })
}

/// The digest of what is read, and the bytes where they are wanted.
pub(super) fn read(content: &mut dyn Read, keeps: bool) -> (String, Vec<u8>) {
    let mut hasher = Sha256::new();
    let mut kept = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    // The content of an entry never fails; where it ends early the walk says so.
    while let Ok(read @ 1..) = content.read(&mut buffer) {
        let part = buffer.get(..read).unwrap_or_default();
        hasher.update(part);
        if keeps && kept.len() as u64 <= MOST_OF_A_MANIFEST {
            kept.extend_from_slice(part);
        }
    }
    let digest = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    (digest, kept)
}

fn manifest(bytes: &[u8]) -> Option<Listed> {
    let listed: Listed = serde_json::from_slice(bytes).ok()?;
    (listed.tool.name == env!("CARGO_PKG_NAME")).then_some(listed)
}

fn folder_of(path: &str) -> String {
    path.rsplit_once('/')
        .map(|(folder, _)| folder)
        .unwrap_or_default()
        .to_owned()
}

/// `path` below `folder`, if it is there.
fn below<'p>(path: &'p str, folder: &str) -> Option<&'p str> {
    if folder.is_empty() {
        return Some(path);
    }
    path.strip_prefix(folder)?.strip_prefix('/')
}

fn check(folder: String, listed: Listed, digests: &BTreeMap<String, String>, folders: &[String]) -> Checked {
    // A file below a manifest further in is that one's business.
    let is_own = |path: &str| {
        let innermost = folders
            .iter()
            .filter(|other| below(path, other).is_some())
            .max_by_key(|other| other.len());
        innermost == Some(&folder)
    };
    let there: BTreeMap<&str, &String> = digests
        .iter()
        .filter(|(path, _)| is_own(path))
        .filter_map(|(path, digest)| Some((below(path, &folder)?, digest)))
        .collect();
    let mut expected = BTreeSet::from(["manifest.json"]);
    let mut missing = Vec::new();
    let mut altered = Vec::new();
    for file in &listed.files {
        expected.insert(&file.path);
        match there.get(file.path.as_str()) {
            None => missing.push(file.path.clone()),
            Some(found) if **found != file.sha256 => altered.push(Altered {
                path: file.path.clone(),
                expected: file.sha256.clone(),
                found: (*found).clone(),
            }),
            Some(_) => {}
        }
    }
    let added = there.keys().filter(|path| !expected.contains(*path));
    let added = added.map(|path| (*path).to_owned()).collect();
    Checked {
        files: listed.files.len(),
        collected_at: listed.collected_at,
        interrupted: listed.interrupted,
        missing,
        altered,
        added,
        folder,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use sha2::{Digest, Sha256};

    use super::*;

    fn hash(text: &str) -> String {
        Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// A bundle of two files with its manifest.
    fn bundle() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("casefile-n1");
        fs::create_dir_all(folder.join("nodes/n1")).unwrap();
        let files: Vec<_> = [("nodes/n1/a.txt", "one\n"), ("nodes/n1/b.txt", "two\n")]
            .into_iter()
            .map(|(path, text)| {
                fs::write(folder.join(path), text).unwrap();
                serde_json::json!({"path": path, "bytes": text.len(), "sha256": hash(text)})
            })
            .collect();
        let manifest = serde_json::json!({"tool": {"name": "casefile", "version": "1"}, "collected_at": "2026-11-21T10:00:00Z", "files": files});
        fs::write(folder.join("manifest.json"), manifest.to_string()).unwrap();
        (dir, folder)
    }

    #[test]
    fn a_bundle_that_nobody_touched_is_intact() {
        let (dir, _) = bundle();
        let found = verify(dir.path()).unwrap();
        assert!(found.is_intact(), "{found:?}");
        assert_eq!(found.manifests[0].files, 2);
    }

    #[test]
    fn missing_altered_and_added_files_are_told_apart() {
        let (dir, folder) = bundle();
        fs::remove_file(folder.join("nodes/n1/a.txt")).unwrap();
        fs::write(folder.join("nodes/n1/b.txt"), "TWO\n").unwrap();
        fs::write(folder.join("nodes/n1/c.txt"), "three\n").unwrap();
        let found = verify(dir.path()).unwrap();
        assert!(!found.is_intact());
        let checked = &found.manifests[0];
        assert_eq!(checked.missing, ["nodes/n1/a.txt"]);
        assert_eq!(checked.altered[0].path, "nodes/n1/b.txt");
        assert_eq!(checked.altered[0].found, hash("TWO\n"));
        assert_eq!(checked.added, ["nodes/n1/c.txt"]);
    }

    #[test]
    fn a_bundle_without_a_manifest_is_not_intact() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("pods.txt"), "NAME\n").unwrap();
        assert!(!verify(dir.path()).unwrap().is_intact());
    }
}

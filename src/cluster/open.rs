//! From a path to a snapshot: the walk over the files and the reader put together.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::{BundleInfo, Reader, Snapshot};
use crate::bundle::{Budget, OpenError, walk};
use crate::logs::{LogFile, LogTemplate, SignatureSet};
use crate::model::EntryPath;

/// Reads a bundle. `alias` names it in citations; `budget` bounds what it may cost.
///
/// # Errors
/// The path is missing, unreadable, empty or no bundle. Anything that is wrong inside is a problem of the snapshot's coverage.
pub fn read_bundle(
    input: &Path,
    alias: &str,
    signatures: &SignatureSet,
    mut budget: Budget,
) -> Result<Snapshot, OpenError> {
    rayon::in_place_scope(|helpers| {
        let mut reader = Reader::new(signatures, alias).within(&budget).helped_by(helpers);
        let walked = walk(input, &mut budget, &mut |entry| reader.file(&entry.path, entry.content))?;
        for problem in walked.problems {
            reader.problem(problem);
        }
        reader.links(&walked.links);
        let name = input
            .file_name()
            .map_or_else(|| alias.to_owned(), |name| name.to_string_lossy().into_owned());
        Ok(reader.finish(BundleInfo {
            alias: alias.into(),
            input: name,
            layout: String::new(),
            sha256: walked.sha256,
            collected_at: None,
        }))
    })
}

/// Reads some logs of a bundle once more, for what they complain of. `logs` are all that [`read_bundle`] found in it, `wanted` are
/// indices among them; the answer is by the same index. A log that is not found again has no answer.
///
/// # Errors
/// As [`read_bundle`].
pub fn mine_logs(
    input: &Path,
    logs: &[LogFile],
    wanted: &BTreeSet<usize>,
    signatures: &SignatureSet,
    mut budget: Budget,
) -> Result<BTreeMap<usize, Vec<LogTemplate>>, OpenError> {
    let files: BTreeSet<EntryPath> = wanted
        .iter()
        .filter_map(|index| Some(logs.get(*index)?.path.clone()))
        .collect();
    let logs_again = rayon::in_place_scope(|helpers| {
        let mut reader = Reader::mining(signatures, files).within(&budget).helped_by(helpers);
        walk(input, &mut budget, &mut |entry| reader.file(&entry.path, entry.content))?;
        Ok(reader.into_logs())
    })?;
    // A file may hold several logs; they come in the same order both times.
    let mut by_file: BTreeMap<EntryPath, Vec<LogFile>> = BTreeMap::new();
    for log in logs_again {
        by_file.entry(log.path.clone()).or_default().push(log);
    }
    let mut seen: BTreeMap<&EntryPath, usize> = BTreeMap::new();
    let mut found = BTreeMap::new();
    for (index, log) in logs.iter().enumerate() {
        let nth = seen.entry(&log.path).or_default();
        let again = by_file.get_mut(&log.path).and_then(|logs| logs.get_mut(*nth));
        *nth += 1;
        if let Some(again) = again.filter(|again| wanted.contains(&index) && again.lines == log.lines) {
            found.insert(index, std::mem::take(&mut again.templates));
        }
    }
    Ok(found)
}

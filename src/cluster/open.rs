//! From a path to a snapshot: the walk over the files and the reader put together.

use std::path::Path;

use super::{BundleInfo, Reader, Snapshot};
use crate::bundle::{Budget, OpenError, walk};
use crate::logs::SignatureSet;

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
    let mut reader = Reader::new(signatures, alias).within(&budget);
    let walked = walk(input, &mut budget, &mut |entry| reader.file(&entry.path, entry.content))?;
    for problem in walked.problems {
        reader.problem(problem);
    }
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
}

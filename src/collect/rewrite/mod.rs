//! A bundle of any layout once more, without its secrets: what it holds stays where it is, masked.
//!
//! What an object's structure gives away is learned by the caller before; here every file is written once, masked by its structure
//! where it is JSON and by its looks where it is text, and the whole is then searched for everything that is known. A secret that only a
//! later file gave away makes the bundle be written once more.

mod archive;
mod feed;
mod search;
mod text;
mod writer;

use std::io::{self, Seek, SeekFrom, Write};
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::thread;

use serde::Serialize;

use super::output::Output;
use super::{CollectError, Destination};
use crate::bundle::{Budget, OpenError, walk};
use crate::model::Problem;
use crate::redact::{Masker, Pseudonyms, Redaction};
use feed::feed;
pub(super) use search::search;
use writer::Writer;
pub use writer::is_named_manifest;

/// How often the whole is written until nothing is left that only later files gave away.
const MOST_ROUNDS: usize = 4;

/// What is to be done.
#[derive(Debug, Clone)]
pub struct RewritePlan {
    /// Where the bundle goes.
    pub destination: Destination,
    /// Whether a file that exists at the destination may be replaced.
    pub replace: bool,
    /// Leave out files that are not text: they cannot be masked.
    pub drop_binary: bool,
    /// Whether the bundle may have a manifest of `casefile collect`, whose digests have to be those of the new files.
    pub has_manifest: bool,
    /// What reading may cost.
    pub budget: Budget,
}

/// What was written.
#[derive(Debug, Serialize)]
pub struct Rewritten {
    /// The bundle; none when it went to standard output.
    pub path: Option<PathBuf>,
    /// The size of the compressed bundle.
    pub bytes: u64,
    /// Files in it.
    pub files: u64,
    /// Files that are not text, and stand in it as they were, or were left out.
    pub binary: Vec<String>,
    /// Symbolic and hard links, masked: the new bundle has none.
    pub links: Vec<String>,
    /// What was masked.
    pub tokens: Vec<Redaction>,
    /// What could not be read of the bundle.
    pub problems: Vec<Problem>,
}

/// Why there is no bundle.
#[derive(Debug, thiserror::Error)]
pub enum RewriteError {
    /// The bundle cannot be read.
    #[error(transparent)]
    Input(#[from] OpenError),
    /// The new one cannot be written.
    #[error(transparent)]
    Output(#[from] CollectError),
    /// A secret would be in it.
    #[error("the secret behind {token} would still stand in {file} ({form}); nothing was written{advice}")]
    Leak {
        /// What should stand there.
        token: String,
        /// The file.
        file: String,
        /// How it is written there.
        form: &'static str,
        /// What helps.
        advice: &'static str,
    },
}

/// Writes the bundle at `input` once more, masked by `masker`, which should know what the structure of its objects gives away, and with
/// other names where `pseudonyms` are given.
///
/// # Errors
/// There is no bundle to read, none can be written, or a secret would be in it.
pub fn rewrite(
    input: &Path,
    plan: &RewritePlan,
    masker: &mut Masker,
    mut pseudonyms: Option<&mut Pseudonyms>,
) -> Result<Rewritten, RewriteError> {
    let name = default_name(input);
    let folder = folder_of(&plan.destination);
    let mut leak = None;
    for round in 0..MOST_ROUNDS {
        // Other names are learned from what is read, so the first round knows too few of them.
        let is_trial = pseudonyms.is_some() && round == 0;
        // Until nothing leaks the bundle is a nameless file beside its place.
        let output = Output::open(&plan.destination, &name, plan.replace)?;
        let target = output.name();
        let failed = |source| CollectError::Output {
            path: target.clone(),
            source,
        };
        let writer =
            Writer::new(&target, &folder, masker, pseudonyms.as_deref_mut(), is_trial, plan).map_err(failed)?;
        let mut budget = plan.budget.clone();
        // What is read is masked on a thread of its own, and what is masked is compressed on another.
        let (walked, written) = thread::scope(|scope| {
            let (feeder, fed) = feed();
            let writing = scope.spawn(|| writer.files(fed));
            let walked = walk(input, &mut budget, &mut |entry| feeder.file(entry));
            drop(feeder);
            (walked, writing.join().unwrap_or_else(|panic| resume_unwind(panic)))
        });
        let walked = walked?;
        let (mut spool, files, binary) = written.map_err(failed)?;
        if is_trial {
            continue;
        }
        let found = search(&mut spool, &target, &masker.leak_finder()).map_err(failed)?;
        if let Some((file, token, form)) = found {
            let advice = if binary.contains(&file) && !plan.drop_binary {
                "; it is no text and cannot be masked: --drop-binary leaves such files out"
            } else {
                ""
            };
            leak = Some(RewriteError::Leak {
                token,
                file: masker.mask(&file).into_owned(),
                form,
                advice,
            });
            continue;
        }
        let mut output = output;
        spool.seek(SeekFrom::Start(0)).map_err(failed)?;
        io::copy(&mut spool, &mut output).map_err(failed)?;
        output.flush().map_err(failed)?;
        let (path, bytes) = output.commit()?;
        let links = walked.links.iter();
        return Ok(Rewritten {
            links: links.map(|link| masker.mask(link.path.as_str()).into_owned()).collect(),
            path,
            bytes,
            files,
            binary,
            tokens: masker.summary(),
            problems: walked.problems,
        });
    }
    Err(leak.unwrap_or(RewriteError::Leak {
        token: String::new(),
        file: String::new(),
        form: "raw",
        advice: "",
    }))
}

/// Where files without a name may grow: beside the bundle, where there is room for it.
fn folder_of(destination: &Destination) -> PathBuf {
    match destination {
        Destination::Path(path) if path.is_dir() => path.clone(),
        Destination::Path(path) => match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder.to_path_buf(),
            _ => PathBuf::from("."),
        },
        Destination::Default => PathBuf::from("."),
        Destination::Stdout => std::env::temp_dir(),
    }
}

/// `<bundle>-redacted.tar.gz`.
fn default_name(input: &Path) -> String {
    let name = input
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let stem = [".tar.gz", ".tgz", ".tar.zst", ".tar.xz", ".tar.bz2", ".tar", ".zip"]
        .iter()
        .find_map(|ending| name.strip_suffix(ending))
        .unwrap_or(&name);
    format!("{}-redacted.tar.gz", if stem.is_empty() { "bundle" } else { stem })
}

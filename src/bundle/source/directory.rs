//! A directory on disk as a bundle.

use std::fs::{self, File, FileType};
use std::io;
use std::path::Path;

use jiff::Timestamp;
use walkdir::WalkDir;

use super::super::meter::Metered;
use super::content::Hashing;
use super::nested;
use super::open::OpenError;
use super::walk::directory_digest;
use super::walker::{Walker, Within};
use crate::model::{EntryPath, ProblemKind};

/// Reads every regular file below `root`, sorted by name, and gives the digest of the whole. Links are recorded, never followed;
/// sockets, pipes and devices are never opened.
pub(super) fn read(walker: &mut Walker<'_>, root: &Path) -> Result<String, OpenError> {
    fs::read_dir(root).map_err(|error| OpenError::io(root, error))?;
    let within = Within::root();
    let mut digests = Vec::new();
    for item in WalkDir::new(root).follow_links(false).min_depth(1).sort_by_file_name() {
        if walker.stopped() {
            break;
        }
        let item = match item {
            Ok(item) => item,
            Err(error) => {
                let path = error.path().map(|path| EntryPath::new(&name_below(root, path)));
                walker.problem(
                    path.as_ref(),
                    ProblemKind::Unreadable,
                    format!("{}: not read", cause(&error)),
                );
                continue;
            }
        };
        let name = name_below(root, item.path());
        let Some(path) = walker.admit(&within, &name) else {
            continue;
        };
        let kind = item.file_type();
        if kind.is_dir() {
            continue;
        } else if kind.is_symlink() {
            link(walker, root, item.path(), &name, path);
        } else if kind.is_file() {
            digests.extend(file(walker, item.path(), path));
        } else {
            walker.problem(
                Some(&path),
                ProblemKind::Refused,
                format!("{} is not read", special(kind)),
            );
        }
    }
    Ok(directory_digest(digests))
}

fn file(walker: &mut Walker<'_>, place: &Path, path: EntryPath) -> Option<(EntryPath, [u8; 32])> {
    let opened = File::open(place).and_then(|file| file.metadata().map(|metadata| (file, metadata)));
    let (file, metadata) = match opened {
        Ok(opened) => opened,
        Err(error) => {
            walker.problem(Some(&path), ProblemKind::Unreadable, format!("{error}: not read"));
            return None;
        }
    };
    let mtime = metadata.modified().ok().and_then(|time| Timestamp::try_from(time).ok());
    let mut content = Metered::plain(Hashing::new(file), walker.meter());
    nested::member(walker, path.clone(), Some(metadata.len()), mtime, 0, &mut content);
    // The rest of an archive behind its end mark belongs to the digest too. A file over budget is hashed as far as it was read.
    let _over_budget = io::copy(&mut content, &mut io::sink());
    Some((path, content.into_inner().digest()))
}

fn link(walker: &mut Walker<'_>, root: &Path, place: &Path, name: &str, path: EntryPath) {
    let target = match fs::read_link(place) {
        Ok(target) => target,
        Err(error) => return walker.problem(Some(&path), ProblemKind::Unreadable, format!("{error}: not read")),
    };
    // An absolute link into the bundle itself is what an unpacked archive may have been given.
    match target.strip_prefix(root) {
        Ok(below) if root.is_absolute() => walker.hard_link(&Within::root(), path, &below.to_string_lossy()),
        _ => walker.symlink(&Within::root(), name, path, &target.to_string_lossy()),
    }
}

fn name_below(root: &Path, place: &Path) -> String {
    place.strip_prefix(root).unwrap_or(place).to_string_lossy().into_owned()
}

/// The operating system's words, without the path, which the problem names already.
fn cause(error: &walkdir::Error) -> String {
    error.io_error().map_or_else(|| error.to_string(), io::Error::to_string)
}

#[cfg(unix)]
fn special(kind: FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    if kind.is_socket() {
        "a socket"
    } else if kind.is_fifo() {
        "a named pipe"
    } else {
        "a device"
    }
}

#[cfg(not(unix))]
fn special(_kind: FileType) -> &'static str {
    "neither a file nor a folder: it"
}

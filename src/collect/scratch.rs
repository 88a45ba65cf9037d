//! Temporary files that have a name: beside the place of what is being written, until it is whole. They go when they are dropped, and
//! when the program is interrupted, which drops nothing.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tempfile::{NamedTempFile, TempDir};

/// Whatever is under way.
static UNDER_WAY: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

fn under_way() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    // A set of paths is whole whatever a thread did that held it.
    UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A path that is known to be under way until this goes.
#[derive(Debug)]
struct Entry(PathBuf);

impl Drop for Entry {
    fn drop(&mut self) {
        under_way().remove(&self.0);
    }
}

/// Makes something temporary, so that it is known from its first moment.
fn known<T>(make: impl FnOnce() -> io::Result<T>, path: impl FnOnce(&T) -> &Path) -> io::Result<(T, Entry)> {
    let mut known = under_way();
    let made = make()?;
    let path = path(&made).to_path_buf();
    known.insert(path.clone());
    Ok((made, Entry(path)))
}

/// A file that will get another name when it is whole.
#[derive(Debug)]
pub(crate) struct ScratchFile {
    file: NamedTempFile,
    _entry: Entry,
}

impl ScratchFile {
    /// An empty file in `folder`, for its owner only.
    pub(crate) fn new(folder: &Path) -> io::Result<Self> {
        let make = || tempfile::Builder::new().prefix(".casefile-").tempfile_in(folder);
        let (file, entry) = known(make, NamedTempFile::path)?;
        Ok(Self { file, _entry: entry })
    }

    /// The open file.
    pub(crate) fn as_file(&self) -> &File {
        self.file.as_file()
    }

    /// Where it is for now.
    pub(crate) fn path(&self) -> &Path {
        self.file.path()
    }

    /// Gives it its name, also that of a file which exists if it may `replace` one.
    pub(crate) fn persist(self, path: &Path, replace: bool) -> io::Result<()> {
        let Self { file, _entry: entry } = self;
        // An interruption finds it either under its own name or not at all.
        let held = under_way();
        let named = if replace {
            file.persist(path)
        } else {
            file.persist_noclobber(path)
        };
        drop(held);
        drop(entry);
        named.map(drop).map_err(|error| error.error)
    }
}

impl Write for ScratchFile {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.file.write(data)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// A folder among the temporary files of the system.
#[derive(Debug)]
pub(crate) struct ScratchFolder {
    folder: TempDir,
    _entry: Entry,
}

impl ScratchFolder {
    /// An empty folder, for its owner only.
    pub(crate) fn new() -> io::Result<Self> {
        let (folder, entry) = known(tempfile::tempdir, TempDir::path)?;
        Ok(Self { folder, _entry: entry })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Removes everything that is under way, for good: nothing new can be begun afterwards, and whoever tries waits for the end of the process.
#[cfg(unix)]
pub(crate) fn remove_all() {
    let known = under_way();
    for path in known.iter() {
        // What cannot be removed now could not be later either.
        let _ = if path.is_dir() {
            std::fs::remove_dir_all(path)
        } else {
            std::fs::remove_file(path)
        };
    }
    std::mem::forget(known);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_under_way_is_known_until_it_has_its_name_or_goes() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = ScratchFile::new(folder.path()).unwrap();
        let before = file.path().to_path_buf();
        assert!(under_way().contains(&before));
        file.write_all(b"whole").unwrap();
        let place = folder.path().join("named");
        file.persist(&place, false).unwrap();
        assert!(!under_way().contains(&before) && !before.exists());
        assert_eq!(std::fs::read(&place).unwrap(), b"whole");

        let second = ScratchFile::new(folder.path()).unwrap();
        let before = second.path().to_path_buf();
        assert!(second.persist(&place, false).is_err(), "the first stays");
        assert!(!before.exists() && !under_way().contains(&before));
        let aside = ScratchFolder::new().unwrap();
        let before = aside.path().to_path_buf();
        drop(aside);
        assert!(!before.exists() && !under_way().contains(&before));
    }
}

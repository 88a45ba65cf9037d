//! A place for a file that is written before its size is known: in memory while it is small, then in a file without a name.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

use tempfile::SpooledTempFile;

/// How much is held in memory. Lists of most kinds are smaller; those of pods go to the disk that the bundle goes to.
const IN_MEMORY: usize = 2 * 1024 * 1024;

/// Where spools may put what memory should not hold: beside the bundle, where the room for it has to be anyway.
#[derive(Debug, Clone, Default)]
pub(crate) struct SpoolFolder(pub(crate) Option<PathBuf>);

impl SpoolFolder {
    /// An empty spool.
    pub(crate) fn open(&self) -> Spool {
        let store = match &self.0 {
            Some(folder) => SpooledTempFile::new_in(IN_MEMORY, folder.clone()),
            None => SpooledTempFile::new(IN_MEMORY),
        };
        Spool { store, len: 0 }
    }
}

/// Bytes that are appended, and later read in parts.
pub(crate) struct Spool {
    store: SpooledTempFile,
    len: u64,
}

impl Spool {
    /// How much was appended.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Appends bytes.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.store.write_all(bytes)?;
        self.len += bytes.len() as u64;
        Ok(())
    }

    /// Forgets what was appended after the first `len` bytes.
    pub(crate) fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.store.set_len(len)?;
        self.store.seek(SeekFrom::Start(len))?;
        self.len = len;
        Ok(())
    }

    /// The `len` bytes from `start` on.
    pub(crate) fn part(&mut self, start: u64, len: u64) -> io::Result<impl Read> {
        self.store.seek(SeekFrom::Start(start))?;
        Ok((&mut self.store).take(len))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_read_back_also_when_they_outgrew_the_memory_and_nothing_is_left_behind() {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = SpoolFolder(Some(folder.path().into())).open();
        spool.push(b"to be forgotten").unwrap();
        spool.truncate(0).unwrap();
        let block = vec![b'x'; IN_MEMORY];
        for part in [&b"first"[..], &block, b"last"] {
            spool.push(part).unwrap();
        }
        let mut text = String::new();
        spool.part(0, 5).unwrap().read_to_string(&mut text).unwrap();
        let end = spool.len() - 4;
        spool.part(end, 4).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "firstlast");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}

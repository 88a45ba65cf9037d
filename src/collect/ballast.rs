//! Room that is kept on the disk of the bundle, and given back when that disk is full: what is left then is enough to end the archive.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{FallocateFlags, fallocate};

/// The sizes that are tried. The last file, of at most `--max-file-size`, has to go into it compressed, and the manifest.
const SIZES: [u64; 3] = [8 << 20, 1 << 20, 128 << 10];

/// A file without a name that only takes room.
#[derive(Debug)]
pub(crate) struct Ballast {
    held: Option<File>,
    is_full: Arc<AtomicBool>,
}

impl Ballast {
    /// Takes room in `folder`, as much as there is of what is wanted.
    pub(crate) fn in_folder(folder: &Path) -> Self {
        let held = SIZES.into_iter().find_map(|size| {
            let mut file = tempfile::tempfile_in(folder).ok()?;
            take(&mut file, size).ok()?;
            Some(file)
        });
        Self {
            held,
            is_full: Arc::default(),
        }
    }

    /// True from the moment on when the room was needed.
    pub(crate) fn is_full(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.is_full)
    }

    /// Gives the room back after a write that failed with `error`; true when it may be tried again.
    pub(crate) fn helps(&mut self, error: &io::Error) -> bool {
        let is_full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
        let helps = is_full && self.held.take().is_some();
        if helps {
            self.is_full.store(true, Ordering::Relaxed);
        }
        helps
    }
}

fn take(file: &mut File, size: u64) -> io::Result<()> {
    if fallocate(&*file, FallocateFlags::empty(), 0, size).is_ok() {
        return Ok(());
    }
    // Not every file system can; one that compresses is not deceived by zeros, but then it needs less room too.
    let zeros = vec![0; 64 << 10];
    for _ in 0..size / zeros.len() as u64 {
        file.write_all(&zeros)?;
    }
    file.sync_all()
}

//! The bundle as a stream: a compressed tar, one entry after the other.

use std::fmt::Write as _;
use std::io;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::FileRecord;
use super::output::Output;
use super::packing::Packer;

/// An archive with one folder at its top, which holds everything.
pub(crate) struct Archive {
    tar: tar::Builder<Packer<Output>>,
    folder: String,
    mtime: u64,
}

impl Archive {
    /// An empty archive. `folder` is the folder at its top, `time` the modification time of each entry.
    pub(crate) fn new(output: Output, folder: String, time: Timestamp) -> io::Result<Self> {
        let packer = Packer::for_name(&output.name(), output)?;
        Ok(Self {
            tar: tar::Builder::new(packer),
            folder,
            mtime: u64::try_from(time.as_second()).unwrap_or(0),
        })
    }

    /// Writes one file; `path` is relative to the folder at the top.
    pub(crate) fn add(&mut self, path: &str, bytes: &[u8]) -> io::Result<FileRecord> {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o600);
        header.set_mtime(self.mtime);
        header.set_entry_type(tar::EntryType::Regular);
        self.tar
            .append_data(&mut header, format!("{}/{path}", self.folder), bytes)?;
        Ok(FileRecord {
            path: path.into(),
            bytes: bytes.len() as u64,
            sha256: sha256(bytes),
        })
    }

    /// Ends the archive and returns the output, with every byte handed to the operating system.
    pub(crate) fn finish(self) -> io::Result<Output> {
        self.tar.into_inner()?.finish()
    }
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .fold(String::with_capacity(64), |mut hex, byte| {
            // Writing to a string cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}

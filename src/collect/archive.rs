//! The bundle as a stream: a compressed tar, one entry after the other.

use std::fmt::Write as _;
use std::io::{self, Read};

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
        self.add_from(path, bytes.len() as u64, bytes)
    }

    /// Writes one file of exactly `len` bytes, which are read as they are written.
    pub(crate) fn add_from(&mut self, path: &str, len: u64, from: impl Read) -> io::Result<FileRecord> {
        let mut header = tar::Header::new_gnu();
        header.set_size(len);
        header.set_mode(0o600);
        header.set_mtime(self.mtime);
        header.set_entry_type(tar::EntryType::Regular);
        let mut from = Hashing {
            from,
            hash: Sha256::new(),
        };
        self.tar
            .append_data(&mut header, format!("{}/{path}", self.folder), &mut from)?;
        Ok(FileRecord {
            path: path.into(),
            bytes: len,
            sha256: hex(&from.hash.finalize()),
        })
    }

    /// Ends the archive and returns the output, with every byte handed to the operating system.
    pub(crate) fn finish(self) -> io::Result<Output> {
        self.tar.into_inner()?.finish()
    }
}

/// Hashes what is read through it.
struct Hashing<R> {
    from: R,
    hash: Sha256,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(buffer)?;
        self.hash.update(buffer.get(..read).unwrap_or_default());
        Ok(read)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(64), |mut hex, byte| {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

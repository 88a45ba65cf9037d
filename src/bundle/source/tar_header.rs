//! What a tar says about a member: its header, and the extension records before it.

use std::borrow::Cow;

use jiff::Timestamp;
use tar::{EntryType, Header};

use super::super::codec::is_tar_header;
use super::tar_stream::Block;
use crate::bundle::gb18030;

/// Extension records that wait for the member they describe: POSIX pax `x` headers, GNU `L` (long name) and `K` (long link).
#[derive(Default)]
pub(super) struct Pending {
    name: Option<String>,
    link: Option<String>,
    size: Option<u64>,
    mtime: Option<Timestamp>,
    /// `GNU.sparse.major`; 1 means that a map of the holes stands before the data.
    sparse: Option<u64>,
    sparse_name: Option<String>,
}

impl Pending {
    /// Takes in the data of a GNU long name.
    pub(super) fn long_name(&mut self, data: &[u8]) {
        self.name = Some(text(data).into_owned());
    }

    /// Takes in the data of a GNU long link name.
    pub(super) fn long_link(&mut self, data: &[u8]) {
        self.link = Some(text(data).into_owned());
    }

    /// Takes in the records of a pax header: `"%d %s=%s\n"`, the number being the length of the whole record (POSIX.1, pax,
    /// "pax Extended Header"). Records are cut by that length, not by line ends, which a value may have. What follows a
    /// malformed record is left out.
    pub(super) fn pax(&mut self, mut data: &[u8]) {
        while let Some((key, value, rest)) = pax_record(data) {
            data = rest;
            let number = || text(value).parse::<u64>().ok();
            match key {
                b"path" => self.name = Some(text(value).into_owned()),
                b"linkpath" => self.link = Some(text(value).into_owned()),
                b"size" => self.size = number(),
                b"mtime" => self.mtime = pax_time(&text(value)),
                b"GNU.sparse.major" => self.sparse = number(),
                b"GNU.sparse.name" => self.sparse_name = Some(text(value).into_owned()),
                _ => {}
            }
        }
    }
}

fn pax_record(data: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let space = data.iter().position(|byte| *byte == b' ')?;
    let length: usize = std::str::from_utf8(data.get(..space)?).ok()?.parse().ok()?;
    let record = data.get(space + 1..length)?.strip_suffix(b"\n")?;
    let equals = record.iter().position(|byte| *byte == b'=')?;
    Some((record.get(..equals)?, record.get(equals + 1..)?, data.get(length..)?))
}

/// Seconds since the epoch with an optional fraction, which is dropped.
fn pax_time(value: &str) -> Option<Timestamp> {
    let seconds = value.split('.').next()?;
    Timestamp::from_second(seconds.parse().ok()?).ok()
}

/// What kind of member a header starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    /// An old GNU sparse file; more blocks of its map follow when `.0` is set.
    Sparse(bool),
    Folder,
    Symlink,
    HardLink,
    /// A device or a pipe; the text names it.
    Special(&'static str),
    LongName,
    LongLink,
    Pax,
    /// Data about the archive, not of a member: a volume label, a listing, global pax records.
    Aside,
}

/// A header whose checksum holds, with what the extensions before it change.
pub(super) struct Member {
    pub(super) kind: Kind,
    pub(super) name: String,
    pub(super) link: String,
    /// Bytes of data that follow, before padding.
    pub(super) size: u64,
    pub(super) mtime: Option<Timestamp>,
    /// A map of holes stands before the data (pax sparse format 1.0).
    pub(super) has_sparse_map: bool,
}

impl Member {
    /// Reads a header block; none when it is no valid header. `pending` is used up by anything but another extension.
    pub(super) fn of(block: &Block, pending: &mut Pending) -> Option<Self> {
        if !is_tar_header(block) {
            return None;
        }
        let header = Header::from_byte_slice(block);
        let declared = header.entry_size().ok()?;
        let name = text(&header.path_bytes()).into_owned();
        let kind = kind(header, &name, declared);
        if matches!(kind, Kind::LongName | Kind::LongLink | Kind::Pax | Kind::Aside) {
            return sized(declared).map(|size| Self {
                kind,
                name,
                link: String::new(),
                size,
                mtime: None,
                has_sparse_map: false,
            });
        }
        let pending = std::mem::take(pending);
        // Links, folders and special files have no data whatever their size field says; Go's archive/tar (isHeaderOnly) and
        // Python's tarfile read it so.
        let has_data = matches!(kind, Kind::File | Kind::Sparse(_));
        let size = if has_data {
            sized(pending.size.unwrap_or(declared))?
        } else {
            0
        };
        Some(Self {
            kind,
            name: pending.sparse_name.or(pending.name).unwrap_or(name),
            link: pending.link.unwrap_or_else(|| {
                header
                    .link_name_bytes()
                    .map(|link| text(&link).into_owned())
                    .unwrap_or_default()
            }),
            size,
            mtime: pending.mtime.or_else(|| header_time(header)),
            has_sparse_map: has_data && pending.sparse == Some(1),
        })
    }
}

/// A size that can be rounded up to whole blocks; none for one that no archive can have.
fn sized(size: u64) -> Option<u64> {
    (size <= i64::MAX as u64).then_some(size)
}

fn kind(header: &Header, name: &str, size: u64) -> Kind {
    match header.entry_type() {
        EntryType::Directory => Kind::Folder,
        // v7 has no type for folders: their names end in a slash.
        EntryType::Regular if name.ends_with('/') && size == 0 => Kind::Folder,
        EntryType::Symlink => Kind::Symlink,
        EntryType::Link => Kind::HardLink,
        EntryType::Char | EntryType::Block => Kind::Special("a device"),
        EntryType::Fifo => Kind::Special("a named pipe"),
        EntryType::GNULongName => Kind::LongName,
        EntryType::GNULongLink => Kind::LongLink,
        EntryType::XHeader => Kind::Pax,
        EntryType::XGlobalHeader => Kind::Aside,
        EntryType::GNUSparse => Kind::Sparse(header.as_gnu().is_some_and(tar::GnuHeader::is_extended)),
        // GNU tar: D is the listing of a folder, V the label of a volume (tar.h).
        other if matches!(other.as_byte(), b'D' | b'V') => Kind::Aside,
        // POSIX: an unknown type is read as a regular file.
        _ => Kind::File,
    }
}

/// The header's time; zero means that none was set, as reproducible archives do.
fn header_time(header: &Header) -> Option<Timestamp> {
    let seconds = header.mtime().ok().filter(|seconds| *seconds != 0)?;
    Timestamp::from_second(i64::try_from(seconds).ok()?).ok()
}

/// Bytes up to the first zero as text; bytes that are no text become replacement characters.
fn text(bytes: &[u8]) -> Cow<'_, str> {
    gb18030::name(bytes.split(|byte| *byte == 0).next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pax_records_are_cut_by_their_length() {
        let mut pending = Pending::default();
        // The value of the first record holds a line end and what looks like a record of its own.
        pending.pax(b"24 comment=a\n11 path=b\nxy\n18 path=logs/x.log\n30 mtime=1700000000.123456789\n");
        assert_eq!(
            pending.name, None,
            "the first record claims 24 bytes and does not end there"
        );
        pending.pax(b"26 comment=a\n11 path=b\nxyz\n19 path=logs/x.log\n30 mtime=1700000000.123456789\n");
        assert_eq!(pending.name, None, "27 bytes were written for a record of 26");
        pending.pax(b"27 comment=a\n11 path=b\nxyz\n19 path=logs/x.log\n30 mtime=1700000000.123456789\n");
        assert_eq!(pending.name.as_deref(), Some("logs/x.log"));
        assert_eq!(pending.mtime, Timestamp::from_second(1_700_000_000).ok());
    }

    #[test]
    fn absurd_sizes_are_no_header() {
        let mut header = Header::new_gnu();
        header.set_path("a").unwrap();
        header.set_size(u64::MAX);
        header.set_cksum();
        assert!(Member::of(header.as_bytes(), &mut Pending::default()).is_none());
    }
}

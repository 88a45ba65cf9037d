//! The front door: what a walk hands out, and which reader an input needs.

use std::cell::Cell;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::super::budget::Budget;
use super::super::codec::{self, Codec, Form};
use super::super::meter::{Meter, Metered};
use super::content::{Hashing, hex};
use super::open::{OpenError, appearance, is_text_file};
use super::walker::{Walker, Within};
use super::{directory, nested, tar, zip};
use crate::model::{EntryPath, Problem};

/// One regular file met while walking.
pub struct Entry<'r> {
    /// Its path, the names of the archives around it included.
    pub path: EntryPath,
    /// Its size in bytes as the container declares it: a hint, since it may lie. None for what is decompressed on the way.
    pub size: Option<u64>,
    /// Its modification time as the container declares it.
    pub mtime: Option<Timestamp>,
    /// The decompressed bytes, limited by the budget. It never fails: where the bytes are damaged or over budget it ends, and
    /// [`Walked::problems`] says so. What the visitor leaves unread is skipped.
    pub content: &'r mut dyn Read,
}

/// The outermost container of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceKind {
    /// A directory on disk.
    Directory,
    /// An uncompressed tar.
    Tar,
    /// A tar in gzip.
    TarGz,
    /// A tar in zstd.
    TarZst,
    /// A tar in xz.
    TarXz,
    /// A tar in bzip2.
    TarBz2,
    /// A zip.
    Zip,
    /// One file in gzip, zstd, xz or bzip2, with no tar inside.
    CompressedFile,
    /// One file of text: what people paste into a ticket.
    File,
}

/// A symbolic or hard link inside the bundle. It is a fact about the bundle and is never followed on disk.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Link {
    /// Where the link stands.
    pub path: EntryPath,
    /// Where it points, resolved by names alone; nothing needs to stand there. None for the bundle itself.
    pub target: Option<EntryPath>,
}

/// What a finished walk knows beside the entries it handed out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Walked {
    /// The outermost container.
    pub kind: SourceKind,
    /// Lower-case hexadecimal SHA-256 of the archive's bytes. Of a directory: over its files sorted by path, each as its path, a
    /// zero byte and the 32 bytes of its content's SHA-256.
    pub sha256: String,
    /// Regular files handed out.
    pub entries: u64,
    /// Links, in the order they were met.
    pub links: Vec<Link>,
    /// What could not be read, in the order it was met.
    pub problems: Vec<Problem>,
    /// The newest modification time of a file in the bundle. The archive's own time on disk says when it was copied, so it is
    /// not asked.
    pub mtime: Option<Timestamp>,
}

/// Hands every regular file of the bundle at `input` to `visit`, in one pass and in the container's order (a directory: sorted by
/// path), archives inside archives included.
///
/// `budget` bounds what is read and tells afterwards what was spent. Nothing is unpacked to disk, no link is followed.
///
/// # Errors
/// When there is no bundle to read at all. Damage, limits and refused entries are [`Walked::problems`].
pub fn walk(input: &Path, budget: &mut Budget, visit: &mut dyn FnMut(Entry<'_>)) -> Result<Walked, OpenError> {
    let metadata = fs::metadata(input).map_err(|error| OpenError::io(input, error))?;
    let meter = Meter::new(budget);
    let mut walker = Walker::new(&meter, visit);
    let read = if metadata.is_dir() {
        directory::read(&mut walker, input).map(|sha256| (SourceKind::Directory, sha256))
    } else if metadata.is_file() {
        archive(&mut walker, input)
    } else {
        Err(OpenError::not_a_bundle(input, "a pipe, socket or device"))
    };
    let result = read.and_then(|(kind, sha256)| walker.finish(input, kind, sha256));
    meter.settle(budget);
    result
}

fn archive(walker: &mut Walker<'_>, input: &Path) -> Result<(SourceKind, String), OpenError> {
    let unreadable = |error| OpenError::io(input, error);
    let mut file = File::open(input).map_err(unreadable)?;
    let head = codec::read_head(&mut file);
    file.seek(SeekFrom::Start(0)).map_err(unreadable)?;
    let form = Form::of(&head);
    let mut hashing = Hashing::new(file);
    let kind = match form {
        Form::Zip => {
            // A zip is read from its end, so its bytes are hashed beforehand.
            io::copy(&mut hashing, &mut io::sink()).map_err(unreadable)?;
            let sha256 = hashing.digest_hex();
            zip::read(walker, &Within::root(), hashing.into_inner());
            return Ok((SourceKind::Zip, sha256));
        }
        Form::Tar => {
            tar::read(
                walker,
                &Within::root(),
                &mut Metered::plain(&mut hashing, walker.meter()),
            );
            SourceKind::Tar
        }
        Form::Compressed(codec) => compressed(walker, input, codec, &mut hashing)?,
        Form::Plain if is_text_file(input, &head) => {
            single(walker, input, &mut Metered::plain(&mut hashing, walker.meter()));
            SourceKind::File
        }
        Form::Foreign(_) | Form::Plain => return Err(OpenError::unlike(input, &head)),
    };
    io::copy(&mut hashing, &mut io::sink()).map_err(unreadable)?;
    Ok((kind, hashing.digest_hex()))
}

fn compressed(
    walker: &mut Walker<'_>,
    input: &Path,
    codec: Codec,
    file: &mut dyn Read,
) -> Result<SourceKind, OpenError> {
    let count = Cell::new(0);
    let meter = walker.meter();
    let mut decoded =
        codec::decode(codec, file, meter, &count).map_err(|error| OpenError::damaged(input, &error.to_string()))?;
    let head = codec::read_head(&mut decoded);
    if head.is_empty() {
        return Err(match decoded.read(&mut [0]) {
            Err(error) => OpenError::damaged(input, &error.to_string()),
            Ok(_) => OpenError::Empty { path: input.into() },
        });
    }
    if head.len() == codec::HEAD && head.iter().all(|byte| *byte == 0) {
        // A tar without members is nothing but blocks of zeros.
        return Err(OpenError::Empty { path: input.into() });
    }
    let form = Form::of(&head);
    let mut content = head.as_slice().chain(&mut decoded);
    if form == Form::Tar {
        tar::read(walker, &Within::root(), &mut content);
        return Ok(match codec {
            Codec::Gzip => SourceKind::TarGz,
            Codec::Xz => SourceKind::TarXz,
            Codec::Zstd => SourceKind::TarZst,
            Codec::Bzip2 => SourceKind::TarBz2,
        });
    }
    if let Form::Foreign(_) = form {
        return Err(OpenError::not_a_bundle(input, &appearance(&head)));
    }
    single(walker, input, &mut content);
    Ok(SourceKind::CompressedFile)
}

/// Hands out the one file that there is.
fn single(walker: &mut Walker<'_>, input: &Path, content: &mut dyn Read) {
    let name = input.file_name().unwrap_or(input.as_os_str()).to_string_lossy();
    if let Some(path) = walker.admit(&Within::root(), codec::without_suffix(&name)) {
        nested::member(walker, path, None, None, 0, content);
    }
}

/// The SHA-256 of a directory from the digests of its files.
pub(super) fn directory_digest(mut files: Vec<(EntryPath, [u8; 32])>) -> String {
    files.sort();
    let mut all = Sha256::new();
    for (path, digest) in &files {
        all.update(path.as_str());
        all.update([0]);
        all.update(digest);
    }
    hex(&all.finalize())
}

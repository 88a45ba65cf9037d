//! A zip, read through its central directory where it has one.

use std::cell::Cell;
use std::io::{self, Cursor, Read, Seek, SeekFrom};

use jiff::tz::TimeZone;
use jiff::{Timestamp, civil};
use zip::read::ZipFile;
use zip::result::ZipError;
use zip::{ExtraField, ZipArchive};

use super::super::meter::Metered;
use super::nested;
use super::walker::{Walker, Within};
use super::zip_salvage;
use crate::bundle::gb18030;
use crate::model::{EntryPath, ProblemKind};

/// Reads a zip that stands inside another archive: it needs seeking, so it is kept in memory up to the budget's limit, and beyond
/// in a temporary file that has no name.
pub(super) fn spool(walker: &mut Walker<'_>, within: &Within, input: &mut dyn Read) {
    let memory = walker.meter().limits().max_zip_in_memory;
    let mut bytes = Vec::new();
    let file = within.prefix.as_ref();
    let lost = "the nested archive may be cut";
    if let Err(error) = input.take(memory as u64).read_to_end(&mut bytes) {
        walker.failed(file, lost, &error);
    } else if bytes.len() == memory {
        let mut spooled = match tempfile::tempfile() {
            Ok(spooled) => spooled,
            Err(error) => {
                let detail = format!("{error}: no temporary file for a nested zip of more than {memory} bytes");
                return walker.problem(file, ProblemKind::Unreadable, detail);
            }
        };
        if let Err(error) = io::copy(&mut bytes.as_slice().chain(input), &mut spooled) {
            walker.failed(file, lost, &error);
        }
        return read(walker, within, spooled);
    }
    read(walker, within, Cursor::new(bytes));
}

/// Reads a zip. Its members come in the order of the central directory; without one, in the order they stand in.
pub(super) fn read(walker: &mut Walker<'_>, within: &Within, mut input: impl Read + Seek) {
    match ZipArchive::new(&mut input) {
        Ok(archive) => members(walker, within, archive),
        Err(error) => {
            let detail =
                format!("{error}: the zip has no readable directory, its members were read one after the other");
            walker.problem(within.prefix.as_ref(), ProblemKind::Damaged, detail);
            let length = input
                .seek(SeekFrom::End(0))
                .and_then(|length| input.rewind().map(|()| length));
            match length {
                Ok(length) => zip_salvage::read(walker, within, input, length),
                Err(error) => walker.failed(within.prefix.as_ref(), "the zip was not read", &error),
            }
        }
    }
}

fn members(walker: &mut Walker<'_>, within: &Within, mut archive: ZipArchive<impl Read + Seek>) {
    if archive.has_duplicate_names() {
        let detail = "names appear twice in the zip: of each name only the last member is read";
        walker.problem(within.prefix.as_ref(), ProblemKind::Unparsed, detail);
    }
    for index in 0..archive.len() {
        if walker.stopped() {
            return;
        }
        member(walker, within, &mut archive, index);
    }
}

fn member(walker: &mut Walker<'_>, within: &Within, archive: &mut ZipArchive<impl Read + Seek>, index: usize) {
    let raw = match archive.by_index_raw(index) {
        // Without the mark of UTF-8 the standard says code page 437, and what packs on Chinese Windows writes GBK.
        Ok(file) if gb18030::is_gb18030(file.name_raw()) => gb18030::name(file.name_raw()).into_owned(),
        Ok(file) => file.name().map_or_else(
            |_| String::from_utf8_lossy(file.name_raw()).into_owned(),
            |name| name.to_string(),
        ),
        Err(_) => format!("member-{index}"),
    };
    let Some(path) = walker.admit(within, &raw) else { return };
    let mut file = match archive.by_index(index) {
        Ok(file) => file,
        Err(error) => return unreadable(walker, &path, &error),
    };
    if file.is_dir() {
        return;
    }
    // Go's archive/zip writes such a mode for what was read from a pipe (`zip out -`): with content it is data.
    if let Some(what) = special(file.unix_mode()).filter(|_| file.size() == 0) {
        return walker.problem(Some(&path), ProblemKind::Refused, format!("{what} is not read"));
    }
    if file.is_symlink() {
        let max = walker.meter().limits().max_path_bytes;
        let mut target = Vec::new();
        return match (&mut file).take(max + 1).read_to_end(&mut target) {
            Ok(_) => walker.symlink(within, &raw, path, &String::from_utf8_lossy(&target)),
            Err(error) => walker.failed(Some(&path), "the link was not read", &error),
        };
    }
    let size = file.size();
    let mtime = modified(&file);
    let compressed = Cell::new(file.compressed_size());
    let mut content = Metered::decoded(&mut file, walker.meter(), &compressed);
    nested::member(walker, path, Some(size), mtime, within.depth, &mut content);
}

fn unreadable(walker: &mut Walker<'_>, path: &EntryPath, error: &ZipError) {
    let kind = match error {
        ZipError::UnsupportedArchive(_) | ZipError::InvalidPassword => ProblemKind::Refused,
        ZipError::CompressionMethodNotSupported(_) => ProblemKind::Refused,
        _ => ProblemKind::Damaged,
    };
    walker.problem(Some(path), kind, format!("{error}: the file was not read"));
}

/// The Unix time that most writers add, else the DOS time. That one has no zone; it is taken as UTC, which may be hours off.
fn modified(file: &ZipFile<'_, impl Read>) -> Option<Timestamp> {
    let unix = file.extra_data_fields().find_map(|field| match field {
        ExtraField::ExtendedTimestamp(times) => times.mod_time(),
        _ => None,
    });
    if let Some(seconds) = unix {
        return Timestamp::from_second(i64::from(seconds)).ok();
    }
    let dos = file.last_modified()?;
    let number = |field: u8| i8::try_from(field).ok();
    let time = civil::DateTime::new(
        i16::try_from(dos.year()).ok()?,
        number(dos.month())?,
        number(dos.day())?,
        number(dos.hour())?,
        number(dos.minute())?,
        number(dos.second())?,
        0,
    );
    // 1980-01-01 is the zero of DOS times and means that none was set.
    let zoned = time.ok()?.to_zoned(TimeZone::UTC).ok()?;
    (dos.datepart() != DOS_EPOCH || dos.timepart() != 0).then(|| zoned.timestamp())
}

/// 1980-01-01 as DOS writes a date: year from 1980 in the high bits, then month and day.
const DOS_EPOCH: u16 = (1 << 5) | 1;

/// What a member is by the Unix mode in its attributes, where it is neither a file, a folder nor a link (stat.h, `S_IFMT`).
fn special(mode: Option<u32>) -> Option<&'static str> {
    match mode? & 0o170_000 {
        0o010_000 => Some("a named pipe"),
        0o140_000 => Some("a socket"),
        0o020_000 | 0o060_000 => Some("a device"),
        _ => None,
    }
}

//! A zip whose end is missing: its members one after the other, by their local headers.
//!
//! The directory of a zip stands at its end, so a cut upload has none. Writers that stream, as Go's `archive/zip` does, leave the
//! sizes out of the local headers; a deflated member still says itself where it ends.

use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::DeflateDecoder;

use super::super::meter::Metered;
use super::nested;
use super::walker::{Walker, Within};
use crate::bundle::gb18030;
use crate::model::{EntryPath, ProblemKind};

/// Local file header, APPNOTE 4.3.7.
const LOCAL: [u8; 4] = *b"PK\x03\x04";
/// Central directory header, APPNOTE 4.3.12: no member follows it.
const CENTRAL: [u8; 4] = *b"PK\x01\x02";

/// Reads what members there are. `length` is that of the zip in bytes.
pub(super) fn read(walker: &mut Walker<'_>, within: &Within, input: impl Read, length: u64) {
    let mut input = BufReader::with_capacity(64 << 10, input);
    while !walker.stopped() {
        match next_header(&mut input) {
            Ok(Some(header)) => member(walker, within, &header, &mut input, length),
            Ok(None) => return,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return,
            Err(error) => return walker.failed(within.prefix.as_ref(), "the rest of the zip was not read", &error),
        }
    }
}

struct LocalHeader {
    name: String,
    flags: u16,
    method: u16,
    compressed: u32,
}

impl LocalHeader {
    fn encrypted(&self) -> bool {
        self.flags & 1 != 0
    }

    /// The length of a stored member; none when it only follows the data (flag bit 3) or stands in a zip64 field.
    fn stored_length(&self) -> Option<u64> {
        (self.flags & 8 == 0 && self.compressed != u32::MAX).then_some(u64::from(self.compressed))
    }
}

fn member(
    walker: &mut Walker<'_>,
    within: &Within,
    header: &LocalHeader,
    input: &mut BufReader<impl Read>,
    length: u64,
) {
    let Some(path) = walker.admit(within, &header.name) else {
        return;
    };
    if header.name.ends_with('/') {
        return;
    }
    // Of the bytes that go in, only the bound is known: the whole zip.
    let compressed = Cell::new(length);
    match (header.encrypted(), header.method, header.stored_length()) {
        (false, 8, _) => {
            let content = Metered::decoded(DeflateDecoder::new(input), walker.meter(), &compressed);
            file(walker, within, path, content);
        }
        (false, 0, Some(length)) => {
            let content = Metered::decoded(input.take(length), walker.meter(), &compressed);
            file(walker, within, path, content);
        }
        (true, _, _) => walker.problem(Some(&path), ProblemKind::Refused, "encrypted: the file was not read"),
        (false, method, _) => {
            let detail = format!("method {method} of unknown length in a damaged zip: the file was not read");
            walker.problem(Some(&path), ProblemKind::Damaged, detail);
        }
    }
}

fn file(walker: &mut Walker<'_>, within: &Within, path: EntryPath, mut content: impl Read) {
    nested::member(walker, path, None, None, within.depth, &mut content);
    // An archive is left at its end mark. The next header is looked for behind the member, and an error was recorded with it.
    let _recorded = io::copy(&mut content, &mut io::sink());
}

/// Goes forward to the next local header and reads it; none at the central directory.
fn next_header(input: &mut impl BufRead) -> io::Result<Option<LocalHeader>> {
    let mut last = [0; 4];
    loop {
        let [_, a, b, c] = last;
        let mut byte = [0];
        input.read_exact(&mut byte)?;
        let [d] = byte;
        last = [a, b, c, d];
        if last == CENTRAL {
            return Ok(None);
        }
        if last == LOCAL {
            break;
        }
    }
    let _version = short(input)?;
    let flags = short(input)?;
    let method = short(input)?;
    let mut time_and_checksum = [0; 8];
    input.read_exact(&mut time_and_checksum)?;
    let mut sizes = [0; 8];
    input.read_exact(&mut sizes)?;
    let [a, b, c, d, ..] = sizes;
    let name_length = short(input)?;
    let extra_length = short(input)?;
    let mut name = vec![0; usize::from(name_length)];
    input.read_exact(&mut name)?;
    let mut extra = vec![0; usize::from(extra_length)];
    input.read_exact(&mut extra)?;
    Ok(Some(LocalHeader {
        name: gb18030::name(&name).into_owned(),
        flags,
        method,
        compressed: u32::from_le_bytes([a, b, c, d]),
    }))
}

fn short(input: &mut impl Read) -> io::Result<u16> {
    let mut bytes = [0; 2];
    input.read_exact(&mut bytes)?;
    Ok(u16::from_le_bytes(bytes))
}

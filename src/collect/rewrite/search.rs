//! The search for everything that is known, in the archive as it was written.

use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::thread;

use crate::collect::aside::{Ahead, ahead};
use crate::collect::packing::Packing;
use crate::redact::LeakFinder;

/// Bytes of one part of the search overlap with the next, so that nothing hides at the cut.
const OVERLAP: usize = 4096;

/// Bytes that are searched at a time.
const PART: u64 = 1 << 20;

/// The first known secret that stands in the archive: file, token, form.
pub(in crate::collect) fn search(
    mut spool: impl Read + Seek + Send,
    name: &str,
    finder: &LeakFinder,
) -> io::Result<Option<(String, String, &'static str)>> {
    if finder.knows_nothing() {
        return Ok(None);
    }
    spool.seek(SeekFrom::Start(0))?;
    let packed = BufReader::new(spool);
    let unpacked: Box<dyn Read + Send + '_> = match Packing::of(name) {
        Packing::Zstd => Box::new(zstd::Decoder::with_buffer(packed)?),
        Packing::Gzip => Box::new(flate2::read::GzDecoder::new(packed)),
    };
    thread::scope(|scope| search_files(&mut tar::Archive::new(ahead(scope, unpacked)), finder))
}

fn search_files(
    archive: &mut tar::Archive<Ahead>,
    finder: &LeakFinder,
) -> io::Result<Option<(String, String, &'static str)>> {
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let mut window = path.clone().into_bytes();
        window.push(b'\n');
        loop {
            let read = (&mut entry).take(PART).read_to_end(&mut window)?;
            if let Some(leak) = finder.find(&window).into_iter().next() {
                return Ok(Some((path, leak.token, leak.form)));
            }
            if read == 0 {
                break;
            }
            let keep = window.len().saturating_sub(OVERLAP);
            window.drain(..keep);
        }
    }
    Ok(None)
}

//! Files on their way from the thread that reads the bundle to the one that masks them.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use crate::bundle::Entry;

/// Bytes of one part that is handed over.
const PART: u64 = 256 << 10;

/// Parts that may wait.
const WAITING: usize = 16;

enum Part {
    /// A file begins, and the one before is over.
    File { path: String, mtime: u64 },
    /// More of it.
    Bytes(Vec<u8>),
}

/// The end that reads the bundle.
pub(super) struct Feeder(SyncSender<Part>);

/// The end that masks: after [`Fed::file`] it reads the content of that file.
pub(super) struct Fed {
    parts: Receiver<Part>,
    next: Option<(String, u64)>,
    part: io::Cursor<Vec<u8>>,
}

/// Both ends.
pub(super) fn feed() -> (Feeder, Fed) {
    let (sender, parts) = sync_channel(WAITING);
    let fed = Fed {
        parts,
        next: None,
        part: io::Cursor::default(),
    };
    (Feeder(sender), fed)
}

impl Feeder {
    /// Hands a file over. The other end may have had enough, over an error that it tells itself.
    pub(super) fn file(&self, entry: Entry<'_>) {
        let seconds = entry.mtime.and_then(|time| u64::try_from(time.as_second()).ok());
        let begin = Part::File {
            path: entry.path.as_str().to_owned(),
            mtime: seconds.unwrap_or(0),
        };
        let mut goes_on = self.0.send(begin).is_ok();
        while goes_on {
            let mut bytes = Vec::new();
            // The content of an entry never fails; where it ends early the walk says so.
            let read = entry.content.take(PART).read_to_end(&mut bytes);
            goes_on = matches!(read, Ok(1..)) && self.0.send(Part::Bytes(bytes)).is_ok();
        }
    }
}

impl Fed {
    /// Path and time of the next file, in seconds since 1970; none at the end.
    pub(super) fn file(&mut self) -> Option<(String, u64)> {
        self.part = io::Cursor::default();
        loop {
            if let Some(next) = self.next.take() {
                return Some(next);
            }
            if let Part::File { path, mtime } = self.parts.recv().ok()? {
                self.next = Some((path, mtime));
            }
        }
    }
}

impl Read for Fed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.part.read(buffer)?;
            if read > 0 || buffer.is_empty() || self.next.is_some() {
                return Ok(read);
            }
            match self.parts.recv() {
                Ok(Part::Bytes(bytes)) => self.part = io::Cursor::new(bytes),
                Ok(Part::File { path, mtime }) => self.next = Some((path, mtime)),
                Err(_) => return Ok(0),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::model::EntryPath;

    fn file(feeder: &Feeder, path: &str, mut content: &[u8]) {
        feeder.file(Entry {
            path: EntryPath::new(path),
            size: None,
            mtime: None,
            content: &mut content,
        });
    }

    #[test]
    fn files_arrive_whole_and_apart_read_or_not() {
        let long = vec![7; 3 * usize::try_from(PART).unwrap() + 1];
        let (feeder, mut fed) = feed();
        thread::scope(|scope| {
            scope.spawn(|| {
                file(&feeder, "a", &long);
                file(&feeder, "b", &long);
                file(&feeder, "empty", b"");
                file(&feeder, "c", b"end");
                drop(feeder);
            });
            let mut text = Vec::new();
            assert_eq!(fed.file().unwrap().0, "a");
            assert_eq!(fed.read_to_end(&mut text).unwrap(), long.len());
            assert_eq!(fed.file().unwrap().0, "b", "and it is left unread");
            assert_eq!(fed.file().unwrap().0, "empty");
            assert_eq!(fed.read_to_end(&mut text).unwrap(), 0);
            assert_eq!(fed.file().unwrap().0, "c");
            assert_eq!(io::read_to_string(&mut fed).unwrap(), "end");
            assert_eq!(fed.file(), None);
        });
    }
}

//! Reading on a thread of its own, as of what has to be decompressed.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::Scope;

/// Bytes of one part that is handed over.
const PART: usize = 256 << 10;

/// Parts that may wait.
const WAITING: usize = 8;

/// What `from` gives, read ahead on another thread.
pub(super) fn ahead<'scope, 'env>(scope: &'scope Scope<'scope, 'env>, mut from: impl Read + Send + 'scope) -> Ahead {
    let (parts, received) = sync_channel(WAITING);
    scope.spawn(move || {
        loop {
            let mut part = Vec::with_capacity(PART);
            let read = (&mut from).take(PART as u64).read_to_end(&mut part);
            let is_last = !matches!(read, Ok(1..));
            // Whoever reads may have seen enough.
            if parts.send(read.map(|_| part)).is_err() || is_last {
                return;
            }
        }
    });
    Ahead {
        received,
        part: io::Cursor::default(),
    }
}

/// The end of [`ahead`] that is read.
pub(super) struct Ahead {
    received: Receiver<io::Result<Vec<u8>>>,
    part: io::Cursor<Vec<u8>>,
}

impl Read for Ahead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.part.read(buffer)?;
        if read > 0 || buffer.is_empty() {
            return Ok(read);
        }
        let Ok(part) = self.received.recv() else { return Ok(0) };
        self.part = io::Cursor::new(part?);
        self.part.read(buffer)
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn everything_arrives_in_order() {
        let text: Vec<u8> = (0..3_000_000_u32).map(|number| number.to_le_bytes()[0]).collect();
        let mut read = Vec::new();
        thread::scope(|scope| ahead(scope, text.as_slice()).read_to_end(&mut read)).unwrap();
        assert!(read == text);
    }

    #[test]
    fn who_reads_may_stop_early() {
        let mut first = [0; 4];
        thread::scope(|scope| ahead(scope, io::repeat(7)).read_exact(&mut first)).unwrap();
        assert_eq!(first, [7; 4]);
    }
}

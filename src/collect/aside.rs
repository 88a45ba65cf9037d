//! Work on a thread of its own: compressing what is written here, or decompressing what is read here.

use std::io::{self, Read, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle, Scope};

/// Bytes of one part that is handed over.
const PART: usize = 256 << 10;

/// Parts that may wait.
const WAITING: usize = 8;

/// A writer on a thread of its own. Without [`Aside::finish`] what it has not written yet is lost.
pub(super) struct Aside<W> {
    held: Vec<u8>,
    parts: Option<SyncSender<Vec<u8>>>,
    worker: Option<JoinHandle<io::Result<W>>>,
}

impl<W: Write + Send + 'static> Aside<W> {
    /// Starts the thread on which `inner` writes.
    pub(super) fn new(mut inner: W) -> io::Result<Self> {
        let (parts, received) = sync_channel::<Vec<u8>>(WAITING);
        let work = move || {
            for part in received {
                inner.write_all(&part)?;
            }
            Ok(inner)
        };
        Ok(Self {
            held: Vec::with_capacity(PART),
            parts: Some(parts),
            worker: Some(thread::Builder::new().name("pack".into()).spawn(work)?),
        })
    }

    /// The writer, once it has written everything.
    pub(super) fn finish(mut self) -> io::Result<W> {
        self.hand_over()?;
        self.end()
    }

    fn hand_over(&mut self) -> io::Result<()> {
        let part = std::mem::replace(&mut self.held, Vec::with_capacity(PART));
        let sent = self.parts.as_ref().is_some_and(|parts| parts.send(part).is_ok());
        if sent {
            return Ok(());
        }
        // The thread has ended, and only over an error of its own.
        self.end()
            .and_then(|_| Err(io::Error::other("the archive was closed before its end")))
    }

    fn end(&mut self) -> io::Result<W> {
        self.parts = None;
        let done = self.worker.take().map(JoinHandle::join);
        match done {
            Some(Ok(done)) => done,
            _ => Err(io::Error::other("the thread that compresses the bundle ended early")),
        }
    }
}

impl<W: Write + Send + 'static> Write for Aside<W> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.held.extend_from_slice(data);
        if self.held.len() >= PART {
            self.hand_over()?;
        }
        Ok(data.len())
    }

    /// Nothing is kept back but a part, which [`Aside::finish`] hands over.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

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
    use super::*;

    #[test]
    fn everything_arrives_in_order() {
        let text: Vec<u8> = (0..3_000_000_u32).map(|number| number.to_le_bytes()[0]).collect();
        let mut aside = Aside::new(Vec::new()).unwrap();
        text.chunks(7001).for_each(|part| aside.write_all(part).unwrap());
        assert!(aside.finish().unwrap() == text);
        let mut read = Vec::new();
        thread::scope(|scope| ahead(scope, text.as_slice()).read_to_end(&mut read)).unwrap();
        assert!(read == text);
    }

    #[test]
    fn an_error_on_the_other_thread_is_told() {
        /// A disk without room.
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::Error::from(io::ErrorKind::StorageFull))
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut aside = Aside::new(Full).unwrap();
        let mut told = Ok(());
        for _ in 0..64 {
            told = told.and_then(|()| aside.write_all(&[0; PART]));
        }
        assert_eq!(told.unwrap_err().kind(), io::ErrorKind::StorageFull);
        let mut aside = Aside::new(Full).unwrap();
        aside.write_all(b"little").unwrap();
        assert_eq!(
            aside.finish().map(|_| ()).unwrap_err().kind(),
            io::ErrorKind::StorageFull
        );
    }

    #[test]
    fn who_reads_may_stop_early() {
        let mut first = [0; 4];
        thread::scope(|scope| ahead(scope, io::repeat(7)).read_exact(&mut first)).unwrap();
        assert_eq!(first, [7; 4]);
    }
}

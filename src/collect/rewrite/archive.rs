//! The new archive as it grows, on a thread of its own: what is masked is compressed while the next file is being masked.

use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use crate::collect::packing::Packer;
use crate::collect::verify;

/// Masked files that may wait. Long ones wait on disk.
const WAITING: usize = 2;

/// Bytes that are copied at a time.
const PART: usize = 256 << 10;

/// One masked file.
pub(super) struct Masked<R> {
    /// Its path in the bundle that was read.
    pub(super) path: String,
    /// Its path as it is written.
    pub(super) written: String,
    /// Seconds since 1970.
    pub(super) mtime: u64,
    /// All of it.
    pub(super) content: R,
}

/// What the archive holds of one file.
#[derive(Debug)]
pub(super) struct Held {
    /// Its path in the bundle that was read.
    pub(super) path: String,
    /// Its path as it is written.
    pub(super) written: String,
    /// SHA-256 in hexadecimal digits, where digests are wanted.
    pub(super) digest: String,
    /// Bytes.
    pub(super) size: u64,
}

/// A compressed archive.
pub(super) struct Archive<W: Write> {
    tar: tar::Builder<Packer<W>>,
    with_digests: bool,
    /// The files in it, in their order.
    pub(super) held: Vec<Held>,
}

impl<W: Write> Archive<W> {
    /// An empty one, compressed as the name `target` asks for.
    pub(super) fn new(target: &str, out: W, with_digests: bool) -> io::Result<Self> {
        Ok(Self {
            tar: tar::Builder::new(Packer::for_name(target, out)?),
            with_digests,
            held: Vec::new(),
        })
    }

    /// Adds a file.
    pub(super) fn put(&mut self, mut file: Masked<impl Read + Seek>) -> io::Result<()> {
        let size = file.content.seek(SeekFrom::End(0))?;
        file.content.rewind()?;
        let mut digest = String::new();
        if self.with_digests {
            (digest, _) = verify::read(&mut file.content, false);
            file.content.rewind()?;
        }
        let mut header = tar::Header::new_gnu();
        header.set_size(size);
        header.set_mode(0o600);
        header.set_mtime(file.mtime);
        header.set_entry_type(tar::EntryType::Regular);
        let content = BufReader::with_capacity(PART, file.content);
        self.tar.append_data(&mut header, &file.written, content)?;
        self.held.push(Held {
            path: file.path,
            written: file.written,
            digest,
            size,
        });
        Ok(())
    }

    /// Ends the archive and returns the output.
    pub(super) fn finish(self) -> io::Result<W> {
        self.tar.into_inner()?.finish()
    }
}

/// An archive on a thread of its own. Without [`Aside::end`] what it has not written yet is lost.
pub(super) struct Aside<W: Write, R> {
    files: Option<SyncSender<Masked<R>>>,
    worker: Option<JoinHandle<io::Result<Archive<W>>>>,
}

impl<W: Write + Send + 'static, R: Read + Seek + Send + 'static> Aside<W, R> {
    /// Starts the thread.
    pub(super) fn new(mut archive: Archive<W>) -> io::Result<Self> {
        let (files, received) = sync_channel(WAITING);
        let work = move || {
            for file in received {
                archive.put(file)?;
            }
            Ok(archive)
        };
        Ok(Self {
            files: Some(files),
            worker: Some(thread::Builder::new().name("pack".into()).spawn(work)?),
        })
    }

    /// Hands a file over.
    pub(super) fn put(&mut self, file: Masked<R>) -> io::Result<()> {
        let sent = self.files.as_ref().is_some_and(|files| files.send(file).is_ok());
        if sent {
            return Ok(());
        }
        // The thread has ended, and only over an error of its own.
        self.end()
            .and_then(|_| Err(io::Error::other("the archive was closed before its end")))
    }

    /// The archive, once everything is in it.
    pub(super) fn end(&mut self) -> io::Result<Archive<W>> {
        self.files = None;
        match self.worker.take().map(JoinHandle::join) {
            Some(Ok(done)) => done,
            _ => Err(io::Error::other("the thread that compresses the bundle ended early")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn masked(path: &str, bytes: usize) -> Masked<Cursor<Vec<u8>>> {
        Masked {
            path: path.to_owned(),
            written: format!("x/{path}"),
            mtime: 7,
            content: Cursor::new(vec![b'a'; bytes]),
        }
    }

    #[test]
    fn everything_arrives_in_order() {
        let mut aside = Aside::new(Archive::new("b.tar.gz", Vec::new(), true).unwrap()).unwrap();
        for number in 0..9 {
            aside.put(masked(&number.to_string(), 100_000 * number)).unwrap();
        }
        let archive = aside.end().unwrap();
        let sizes: Vec<u64> = archive.held.iter().map(|held| held.size).collect();
        assert_eq!(sizes, (0..9).map(|number| 100_000 * number).collect::<Vec<u64>>());
        assert!(archive.held.iter().all(|held| held.digest.len() == 64));
        let packed = archive.finish().unwrap();
        let mut read = tar::Archive::new(flate2::read::GzDecoder::new(packed.as_slice()));
        let paths = read
            .entries()
            .unwrap()
            .map(|entry| entry.unwrap().path().unwrap().display().to_string());
        assert_eq!(
            paths.collect::<Vec<_>>().join(" "),
            "x/0 x/1 x/2 x/3 x/4 x/5 x/6 x/7 x/8"
        );
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
        /// Bytes that nothing compresses.
        fn noise() -> Masked<Cursor<Vec<u8>>> {
            let mut state = 1_u32;
            let mut byte = || {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                state.to_be_bytes()[0]
            };
            let content = Cursor::new((0..1 << 20).map(|_| byte()).collect());
            Masked {
                content,
                ..masked("noise", 0)
            }
        }
        let mut aside = Aside::new(Archive::new("b.tar.gz", Full, false).unwrap()).unwrap();
        let mut told = Ok(());
        for _ in 0..8 {
            told = told.and_then(|()| aside.put(noise()));
        }
        assert_eq!(told.unwrap_err().kind(), io::ErrorKind::StorageFull);
        let mut aside = Aside::new(Archive::new("b.tar.gz", Full, false).unwrap()).unwrap();
        aside.put(noise()).unwrap();
        assert_eq!(aside.end().map(|_| ()).unwrap_err().kind(), io::ErrorKind::StorageFull);
    }
}

//! The blocks of a tar and the bytes of its members.

use std::io::{self, Read};

use super::super::codec::{HEAD as BLOCK, is_tar_header};

/// One block of a tar.
pub(super) type Block = [u8; BLOCK];

/// A tar as a stream of blocks, one of which may be put back.
pub(super) struct Stream<'r> {
    inner: &'r mut dyn Read,
    returned: Option<Block>,
}

impl<'r> Stream<'r> {
    pub(super) fn new(inner: &'r mut dyn Read) -> Self {
        Self { inner, returned: None }
    }

    /// Puts back a block, which then is the next one.
    pub(super) fn put_back(&mut self, block: Block) {
        self.returned = Some(block);
    }

    /// The next block and how many of its bytes are there: 512, fewer where the archive is cut, 0 at its end.
    pub(super) fn block(&mut self) -> io::Result<(Block, usize)> {
        if let Some(block) = self.returned.take() {
            return Ok((block, BLOCK));
        }
        let mut block = [0; BLOCK];
        let mut filled = 0;
        while let Some(rest) = block.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.inner.read(rest) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok((block, filled))
    }

    /// The member of `size` bytes that starts at the next block.
    pub(super) fn body(&mut self, size: u64) -> Body<'_, 'r> {
        let tail = if size == 0 { 0 } else { (size - 1) % BLOCK as u64 + 1 };
        Body {
            stream: self,
            bulk: size - tail,
            tail: Tail::Ahead(usize::try_from(tail).unwrap_or_default()),
            has_nul: false,
            shape: Shape::Whole,
        }
    }
}

/// The bytes of one member.
///
/// Its last block is looked at as a whole, because crust-gather writes members one byte shorter than their headers say
/// (crust-gather `src/gather/writer.rs`, `set_size(len + 1)`). Then the last byte is padding; and where the true length fills its
/// blocks, the last "block of the member" is the header of the next one.
pub(super) struct Body<'s, 'r> {
    stream: &'s mut Stream<'r>,
    bulk: u64,
    tail: Tail,
    has_nul: bool,
    shape: Shape,
}

/// How long a member turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// As long as its header says, as far as that shows.
    Whole,
    /// Its last byte may be padding.
    Padded,
    /// Its last block was the header of the next member: it is one byte shorter.
    Overlapped,
}

enum Tail {
    /// Not read yet; so many bytes of the last block are the member's.
    Ahead(usize),
    /// Read; the bytes from `from` to `to` are still to be given, and then, if it was cut, that shows.
    Held {
        block: Box<Block>,
        from: usize,
        to: usize,
        cut: bool,
    },
}

impl Body<'_, '_> {
    /// Reads past the member.
    pub(super) fn finish(mut self) -> io::Result<Shape> {
        let mut sink = [0_u8; 16 << 10];
        loop {
            match self.read(&mut sink) {
                Ok(0) => return Ok(self.shape),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn read_bulk(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.bulk).map_or(buf.len(), |left| left.min(buf.len()));
        let window = buf.get_mut(..most).unwrap_or_default();
        let n = self.stream.inner.read(window)?;
        if n == 0 {
            return Err(cut());
        }
        self.bulk -= n as u64;
        self.has_nul = self.has_nul || memchr::memchr(0, window.get(..n).unwrap_or_default()).is_some();
        Ok(n)
    }

    fn read_tail(&mut self, wanted: usize) -> io::Result<Tail> {
        let (block, there) = self.stream.block()?;
        if wanted == 1 && there == BLOCK && is_tar_header(&block) {
            self.stream.put_back(block);
            self.shape = Shape::Overlapped;
            return Ok(Tail::Held {
                block: Box::new(block),
                from: 0,
                to: 0,
                cut: false,
            });
        }
        let mut to = wanted.min(there);
        // A text ends in at most one zero byte, and that one is padding. A file with other zero bytes is left as it is.
        if let Some((0, before)) = block.get(..to).and_then(|bytes| bytes.split_last())
            && to == wanted
            && !self.has_nul
            && memchr::memchr(0, before).is_none()
        {
            to -= 1;
            self.shape = Shape::Padded;
        }
        Ok(Tail::Held {
            block: Box::new(block),
            from: 0,
            to,
            cut: there < wanted,
        })
    }
}

impl Read for Body<'_, '_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        if self.bulk > 0 {
            return self.read_bulk(buf);
        }
        if let Tail::Ahead(wanted) = self.tail {
            if wanted == 0 {
                return Ok(0);
            }
            self.tail = self.read_tail(wanted)?;
        }
        let Tail::Held {
            block,
            from,
            to,
            cut: is_cut,
        } = &mut self.tail
        else {
            return Ok(0);
        };
        let n = block.get(*from..*to).unwrap_or_default().read(buf)?;
        *from += n;
        if n == 0 && *is_cut { Err(cut()) } else { Ok(n) }
    }
}

/// The error of an archive that ends inside a member.
pub(super) fn cut() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the archive ends in the middle")
}

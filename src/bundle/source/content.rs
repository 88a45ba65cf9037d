//! Readers that stand between a container and whoever reads a file of it.

use std::io::{self, Read};

use sha2::{Digest, Sha256};

use super::super::budget::Limit;

/// The bytes of one file as its reader sees them: they end where they are damaged or over budget, and `failure` keeps why.
pub(super) struct Content<'r> {
    inner: &'r mut dyn Read,
    left: u64,
    limit: Limit,
    failure: Option<io::Error>,
}

impl<'r> Content<'r> {
    /// At most `max` bytes of `inner`.
    pub(super) fn new(inner: &'r mut dyn Read, max: u64) -> Self {
        Self {
            inner,
            left: max,
            limit: Limit::EntryBytes(max),
            failure: None,
        }
    }

    /// Reads what the visitor left, so that damage further on is known and the container stands behind the file.
    pub(super) fn finish(mut self) -> Option<io::Error> {
        let mut sink = [0_u8; 16 << 10];
        while self.read(&mut sink).is_ok_and(|n| n > 0) {}
        self.failure
    }
}

impl Read for Content<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.failure.is_some() || buf.is_empty() {
            return Ok(0);
        }
        let mut one = [0_u8; 1];
        let at_limit = self.left == 0;
        let most = usize::try_from(self.left).map_or(buf.len(), |left| left.min(buf.len()));
        let window = if at_limit {
            &mut one[..]
        } else {
            buf.get_mut(..most).unwrap_or_default()
        };
        loop {
            match self.inner.read(window) {
                Ok(0) => return Ok(0),
                Ok(_) if at_limit => self.failure = Some(self.limit.into()),
                Ok(n) => {
                    self.left = self.left.saturating_sub(n as u64);
                    return Ok(n);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => self.failure = Some(error),
            }
            return Ok(0);
        }
    }
}

/// Passes bytes on and keeps their SHA-256.
pub(super) struct Hashing<R> {
    inner: R,
    hasher: Sha256,
}

impl<R> Hashing<R> {
    pub(super) fn new(inner: R) -> Self {
        Self {
            inner,
            hasher: Sha256::new(),
        }
    }

    /// The digest of what was read so far.
    pub(super) fn digest(&self) -> [u8; 32] {
        self.hasher.clone().finalize().into()
    }

    /// The same in lower-case hexadecimal.
    pub(super) fn digest_hex(&self) -> String {
        hex(&self.digest())
    }

    pub(super) fn into_inner(self) -> R {
        self.inner
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buf)?;
        self.hasher.update(buf.get(..n).unwrap_or_default());
        Ok(n)
    }
}

/// Lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_ends_at_its_limit_and_says_so() {
        let mut bytes = &b"0123456789"[..];
        let mut content = Content::new(&mut bytes, 4);
        let mut read = String::new();
        content.read_to_string(&mut read).unwrap();
        assert_eq!(read, "0123");
        assert_eq!(
            content.finish().as_ref().and_then(Limit::of),
            Some(Limit::EntryBytes(4))
        );
    }

    #[test]
    fn content_of_exactly_the_limit_is_whole() {
        let mut bytes = &b"0123"[..];
        assert!(Content::new(&mut bytes, 4).finish().is_none());
    }

    #[test]
    fn the_hash_is_of_the_bytes_read() {
        let mut hashing = Hashing::new(&b"abc"[..]);
        io::copy(&mut hashing, &mut io::sink()).unwrap();
        // FIPS 180-2, appendix B.1.
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hashing.digest_hex(), expected);
    }
}

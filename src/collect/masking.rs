//! Which bytes can be masked, and masking them.

use std::borrow::Cow;

use crate::redact::Masker;

/// Masks the parts that are UTF-8; other bytes (an old encoding, a torn write) stay as they are. Secrets are ASCII.
pub(super) fn mask_bytes<'b>(masker: &mut Masker, bytes: &'b [u8]) -> Cow<'b, [u8]> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return match masker.mask(text) {
            Cow::Borrowed(same) => Cow::Borrowed(same.as_bytes()),
            Cow::Owned(masked) => Cow::Owned(masked.into_bytes()),
        };
    }
    let mut masked = Vec::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        masked.extend_from_slice(masker.mask(chunk.valid()).as_bytes());
        masked.extend_from_slice(chunk.invalid());
    }
    Cow::Owned(masked)
}

/// True for bytes that are no text in an encoding that can be masked. A few NUL bytes are a torn log, not a binary file.
pub(super) fn is_binary(bytes: &[u8]) -> bool {
    let sample = bytes.get(..64 * 1024).unwrap_or(bytes);
    let odd = sample
        .iter()
        .filter(|byte| matches!(byte, 0..=8 | 14..=26 | 28..=31))
        .count();
    // A quarter: half of the bytes of UTF-16 text are NUL; compressed data has a tenth of control bytes, and starts with a magic number.
    odd * 4 > sample.len()
        || bytes.starts_with(&[0x1f, 0x8b])
        || bytes.starts_with(b"\x7fELF")
        || bytes.starts_with(b"\xfd7zXZ")
        || bytes.starts_with(&[0x28, 0xb5, 0x2f, 0xfd])
        // bzip2: the size of its blocks, then the start of the first (bzip2 `compress.c`, BZ2_compressBlock).
        || bytes.starts_with(b"BZh") && bytes.get(4..10) == Some(&[0x31, 0x41, 0x59, 0x26, 0x53, 0x59])
}

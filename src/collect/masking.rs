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

/// Starts of files that are no text, whatever the rest looks like.
const MAGIC: &[&[u8]] = &[
    &[0x1f, 0x8b],
    b"\x7fELF",
    b"\xfd7zXZ",
    &[0x28, 0xb5, 0x2f, 0xfd],
    &[0x04, 0x22, 0x4d, 0x18],
    b"PK\x03\x04",
    b"\x89PNG",
    &[0xff, 0xd8, 0xff],
    b"GIF8",
    b"%PDF-",
    b"SQLite format 3\0",
    // Journals of systemd (systemd.io/JOURNAL_FILE_FORMAT).
    b"LPKSHHRH",
    // Classes and keystores of Java.
    &[0xca, 0xfe, 0xba, 0xbe],
    &[0xfe, 0xed, 0xfe, 0xed],
    b"\0asm",
    // Captures of packets, in both orders of bytes, and their successor.
    &[0xd4, 0xc3, 0xb2, 0xa1],
    &[0xa1, 0xb2, 0xc3, 0xd4],
    &[0x0a, 0x0d, 0x0d, 0x0a],
];

/// True for bytes that are no text in an encoding that can be masked. A torn log has a stretch of NUL bytes, and what `/proc` tells of a
/// process has one between its words; neither is a binary file.
pub(super) fn is_binary(bytes: &[u8]) -> bool {
    let sample = bytes.get(..64 * 1024).unwrap_or(bytes);
    // bzip2: the size of its blocks, then the start of the first (bzip2 `compress.c`, BZ2_compressBlock).
    let is_bzip2 = sample.starts_with(b"BZh") && sample.get(4..10) == Some(&[0x31, 0x41, 0x59, 0x26, 0x53, 0x59]);
    if is_bzip2 || MAGIC.iter().any(|magic| sample.starts_with(magic)) {
        return true;
    }
    let (mut written, mut controls, mut separators) = (0_usize, 0_usize, 0_usize);
    for run in sample.chunk_by(|a, b| *a == 0 && *b == 0) {
        match run {
            [0] => separators += 1,
            // Fields of fixed length are filled up with them.
            [0, ..] if run.len() < TORN => controls += run.len(),
            [0, ..] => {}
            [byte, ..] => {
                written += 1;
                controls += usize::from(matches!(byte, 1..=8 | 14..=26 | 28..=31));
            }
            [] => {}
        }
    }
    let known = written + separators + controls;
    // Half of the bytes of UTF-16 text are NUL; a tenth of those of compressed data are control characters.
    if written == 0 && !sample.is_empty() || separators * 4 > known || controls * 25 > known {
        return true;
    }
    is_odd(sample, written)
}

/// A stretch of as many NUL bytes is a torn write, of which no less than a sector is lost.
const TORN: usize = 256;

/// True where much is neither UTF-8 nor text of one of the encodings that people write with: without control characters every byte may be
/// high, as in a table of numbers.
fn is_odd(sample: &[u8], written: usize) -> bool {
    let invalid: usize = sample.utf8_chunks().map(|chunk| chunk.invalid().len()).sum();
    if invalid * 10 <= written {
        return false;
    }
    // The last character may be cut.
    let whole = sample.get(..sample.len().saturating_sub(4)).unwrap_or_default();
    let encodings = [
        encoding_rs::GB18030,
        encoding_rs::BIG5,
        encoding_rs::SHIFT_JIS,
        encoding_rs::EUC_JP,
        encoding_rs::EUC_KR,
    ];
    let is_text = |encoding: &'static encoding_rs::Encoding| {
        let (text, had_errors) = encoding.decode_without_bom_handling(whole);
        let private = text.chars().filter(|c| matches!(c, '\u{e000}'..='\u{f8ff}')).count();
        !had_errors && private * 20 < text.chars().count()
    };
    // Of text with one byte for each character, as Latin-1 is, most is ASCII.
    invalid * 3 > written && !encodings.into_iter().any(is_text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_told_from_what_is_none_by_its_bytes() {
        let high: Vec<u8> = (0..4000_u32).map(|at| 0x80 | (at * 37 % 127) as u8).collect();
        let padded: Vec<u8> = [&b"jane"[..], &[0; 28]].concat().repeat(20);
        for binary in [
            b"\x89PNG and some words that are text".to_vec(),
            [&high[..], b"password=hunter2", &high[..]].concat(),
            [&b"a header of words, then "[..], &[1, 2, 3, 4, 5]].concat(),
            padded,
            vec![0; 100],
            "wide".encode_utf16().flat_map(u16::to_le_bytes).collect(),
        ] {
            assert!(is_binary(&binary), "{}", String::from_utf8_lossy(&binary));
        }
        let torn = [&b"2026-11-21 all is well\n".repeat(40)[..], &[0; 4096]].concat();
        let process = b"PATH=/bin:/usr/bin\0HOME=/root\0PASSWORD=hunter2\0".to_vec();
        let (chinese, ..) = encoding_rs::GB18030.encode("服务器的密码是错的。请联系管理员。");
        let (western, ..) = encoding_rs::WINDOWS_1252.encode("Das Passwort ist ungültig, bitte wählen Sie ein anderes");
        for text in [
            torn,
            process,
            chinese.repeat(9),
            western.into_owned(),
            Vec::new(),
            b"\x1b[1mok\x1b[0m".to_vec(),
        ] {
            assert!(!is_binary(&text), "{}", String::from_utf8_lossy(&text));
        }
    }
}

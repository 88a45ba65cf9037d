//! Text as it comes: with the indent of documents, in UTF-16, and in GBK.

use encoding_rs::GB18030;

use crate::bundle::decode::Encoding;

/// The blanks before the second line of a document that was written for people.
pub(super) fn indent(written: &[u8]) -> &[u8] {
    let trimmed = written.trim_ascii_start();
    let line = match memchr::memchr(b'\n', trimmed) {
        Some(at) => trimmed.get(at + 1..).unwrap_or_default(),
        None => return &[],
    };
    let blanks = line.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    line.get(..blanks).unwrap_or_default()
}

/// How the text that starts with these bytes is written, where it is masked as a whole: among the bytes of another encoding a table or
/// a sentence would be in pieces.
pub(super) fn wide(head: &[u8]) -> Option<Wide> {
    match Encoding::of(head) {
        Encoding::Utf16Le => Some(Wide::Utf16 { little: true }),
        Encoding::Utf16Be => Some(Wide::Utf16 { little: false }),
        Encoding::Gb18030 => Some(Wide::Gb18030),
        // What has their mark may be UTF-16 that begins with a zero; nobody writes UTF-32.
        Encoding::Utf32Le if head.starts_with(&[0xff, 0xfe]) => Some(Wide::Utf16 { little: true }),
        Encoding::Utf8 | Encoding::Utf32Le | Encoding::Utf32Be => None,
    }
}

/// An encoding that is not ASCII with more.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wide {
    Utf16 { little: bool },
    Gb18030,
}

impl Wide {
    /// The text, its mark included; none where it is not whole, not in this encoding, or could not be written as it was.
    pub(super) fn read(self, bytes: &[u8]) -> Option<String> {
        match self {
            Self::Utf16 { little } => utf16(bytes, little),
            Self::Gb18030 => {
                let text = GB18030.decode_without_bom_handling_and_without_replacement(bytes)?;
                (self.written(&text) == bytes).then(|| text.into_owned())
            }
        }
    }

    pub(super) fn written(self, text: &str) -> Vec<u8> {
        match self {
            Self::Utf16 { little } => in_utf16(text, little),
            Self::Gb18030 => GB18030.encode(text).0.into_owned(),
        }
    }
}

fn utf16(bytes: &[u8], little: bool) -> Option<String> {
    let units = bytes.chunks_exact(2).map(|pair| match *pair {
        [a, b] if little => u16::from_le_bytes([a, b]),
        [a, b] => u16::from_be_bytes([a, b]),
        _ => 0,
    });
    let text: Result<String, _> = char::decode_utf16(units).collect();
    text.ok().filter(|_| bytes.len().is_multiple_of(2))
}

fn in_utf16(text: &str, little: bool) -> Vec<u8> {
    let pair = |unit: u16| if little { unit.to_le_bytes() } else { unit.to_be_bytes() };
    text.encode_utf16().flat_map(pair).collect()
}

//! Text as it comes: with the indent of documents, and in UTF-16.

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

/// The mark at the start of UTF-16 text; true for the little end first.
pub(super) fn byte_order(head: &[u8]) -> Option<bool> {
    match head {
        [0xff, 0xfe, ..] => Some(true),
        [0xfe, 0xff, ..] => Some(false),
        _ => None,
    }
}

/// The text, its mark included; none where it is not whole or not UTF-16.
pub(super) fn utf16(bytes: &[u8], little: bool) -> Option<String> {
    let units = bytes.chunks_exact(2).map(|pair| match *pair {
        [a, b] if little => u16::from_le_bytes([a, b]),
        [a, b] => u16::from_be_bytes([a, b]),
        _ => 0,
    });
    let text: Result<String, _> = char::decode_utf16(units).collect();
    text.ok().filter(|_| bytes.len().is_multiple_of(2))
}

pub(super) fn in_utf16(text: &str, little: bool) -> Vec<u8> {
    let pair = |unit: u16| if little { unit.to_le_bytes() } else { unit.to_be_bytes() };
    text.encode_utf16().flat_map(pair).collect()
}

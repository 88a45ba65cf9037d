//! From bytes to text, whatever wrote them.

use std::borrow::Cow;

/// Decodes UTF-8 (with or without a byte order mark) and UTF-16 (with one), replacing what is malformed.
///
/// PowerShell's `>` writes UTF-16LE with a mark, or UTF-8 with one, depending on its version. Trailing NUL bytes, which one
/// collector's archives add to every member, are dropped.
pub fn to_text(bytes: &[u8]) -> Cow<'_, str> {
    match bytes {
        [0xFF, 0xFE, rest @ ..] => Cow::Owned(utf16(rest, u16::from_le_bytes)),
        [0xFE, 0xFF, rest @ ..] => Cow::Owned(utf16(rest, u16::from_be_bytes)),
        [0xEF, 0xBB, 0xBF, rest @ ..] => String::from_utf8_lossy(trim_nul(rest)),
        _ => String::from_utf8_lossy(trim_nul(bytes)),
    }
}

fn utf16(bytes: &[u8], word: fn([u8; 2]) -> u16) -> String {
    let words = bytes.as_chunks::<2>().0.iter().map(|&pair| word(pair));
    char::decode_utf16(words)
        .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect()
}

fn trim_nul(bytes: &[u8]) -> &[u8] {
    let kept = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    bytes.get(..kept).unwrap_or(bytes)
}

/// True for bytes that no reader of text can use: more than a tenth of the first 4 KiB are control characters other than white space and escape.
pub fn is_binary(head: &[u8]) -> bool {
    if head.starts_with(&[0xFF, 0xFE]) || head.starts_with(&[0xFE, 0xFF]) {
        return false;
    }
    let head = trim_nul(head.get(..4096).unwrap_or(head));
    let odd = head
        .iter()
        .filter(|&&byte| byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x0C | 0x1B))
        .count();
    odd * 10 > head.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powershell_output_reads_as_text() {
        let utf16le: Vec<u8> = [0xFF, 0xFE]
            .into_iter()
            .chain("NAME\r\n".encode_utf16().flat_map(u16::to_le_bytes))
            .collect();
        assert_eq!(to_text(&utf16le), "NAME\r\n");
        assert_eq!(to_text("\u{FEFF}NAME".as_bytes()), "NAME");
        assert!(!is_binary(&utf16le));
    }

    #[test]
    fn one_malformed_byte_does_not_cost_the_line() {
        assert_eq!(to_text(b"error: \xFF\xFEbad\0"), "error: \u{FFFD}\u{FFFD}bad");
        assert!(is_binary(&[0u8, 1, 2, 3, 4, 5]) && !is_binary(b"plain\ttext\n"));
    }
}

//! From bytes to text, whatever wrote them.

use std::borrow::Cow;
use std::io::{self, Read};

use encoding_rs::{Decoder, GB18030, UTF_8, UTF_16BE, UTF_16LE};

use crate::bundle::gb18030::is_gb18030;

/// How characters are written as bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8, with or without a byte order mark; everything that is none of the others.
    Utf8,
    /// UTF-16, the low byte first: what PowerShell's `>` writes on Windows (learn.microsoft.com, about_Character_Encoding).
    Utf16Le,
    /// UTF-16, the high byte first.
    Utf16Be,
    /// UTF-32, the low byte first.
    Utf32Le,
    /// UTF-32, the high byte first.
    Utf32Be,
    /// GB18030 and its subset GBK.
    Gb18030,
}

/// Bytes by which an encoding without a mark is told.
const LOOKED_AT: usize = 4096;
/// Bytes read at a time for [`Transcoded`].
const PIECE: usize = 64 << 10;

impl Encoding {
    /// By the byte order mark, or else by where the zero bytes stand: in UTF-16 and UTF-32 blanks, line ends and Latin letters have
    /// them at the same places of every unit. What is no UTF-8 may be Chinese of Windows.
    pub fn of(head: &[u8]) -> Self {
        match head {
            [0xFF, 0xFE, 0, 0, ..] => Self::Utf32Le,
            [0, 0, 0xFE, 0xFF, ..] => Self::Utf32Be,
            [0xFF, 0xFE, ..] => Self::Utf16Le,
            [0xFE, 0xFF, ..] => Self::Utf16Be,
            _ => match Self::without_mark(head.get(..LOOKED_AT).unwrap_or(head)) {
                Self::Utf8 if is_gb18030(head) => Self::Gb18030,
                found => found,
            },
        }
    }

    fn without_mark(head: &[u8]) -> Self {
        let (units, _) = head.as_chunks::<4>();
        if units.is_empty() {
            return Self::Utf8;
        }
        let zeros = |at: usize| units.iter().filter(|unit| unit.get(at) == Some(&0)).count();
        let [a, b, c, d] = [zeros(0), zeros(1), zeros(2), zeros(3)];
        let all = units.len();
        // A few characters of another script, or a cut, may be among them; text itself has no zeros.
        let (most, few) = (all * 9 / 10, all / 20);
        let found = if c >= most && d >= most && a <= few {
            Self::Utf32Le
        } else if a >= most && b >= most && d <= few {
            Self::Utf32Be
        } else if b + d >= all && a + c <= few {
            Self::Utf16Le
        } else if a + c >= all && b + d <= few {
            Self::Utf16Be
        } else {
            return Self::Utf8;
        };
        // Small numbers in binary data have the same zeros, and are no text.
        let (text, _) = found.decoding().next(head, true);
        if text.contains(char::REPLACEMENT_CHARACTER) || is_binary(text.as_bytes()) {
            return Self::Utf8;
        }
        found
    }

    fn decoding(self) -> Decoding {
        Decoding::Known(match self {
            Self::Utf8 => UTF_8.new_decoder_without_bom_handling(),
            Self::Utf16Le => UTF_16LE.new_decoder_without_bom_handling(),
            Self::Utf16Be => UTF_16BE.new_decoder_without_bom_handling(),
            Self::Gb18030 => GB18030.new_decoder_without_bom_handling(),
            // The Encoding Standard has no UTF-32, and so neither has the crate.
            Self::Utf32Le => return Decoding::Utf32(u32::from_le_bytes),
            Self::Utf32Be => return Decoding::Utf32(u32::from_be_bytes),
        })
    }
}

/// Text that comes in pieces.
enum Decoding {
    Known(Decoder),
    Utf32(fn([u8; 4]) -> u32),
}

impl Decoding {
    /// The text of the next bytes, and how many of them are done with; what is malformed, and at the end what is left over, is a
    /// replacement character.
    fn next(&mut self, bytes: &[u8], at_end: bool) -> (String, usize) {
        match self {
            Self::Known(decoder) => {
                let most = decoder.max_utf8_buffer_length(bytes.len()).unwrap_or_default();
                let mut text = String::with_capacity(most);
                // There is room for all of it, so that nothing is left.
                let _ = decoder.decode_to_string(bytes, &mut text, at_end);
                (text, bytes.len())
            }
            Self::Utf32(word) => {
                let (text, used) = utf32(bytes, *word);
                if at_end && used < bytes.len() {
                    return (text + "\u{FFFD}", bytes.len());
                }
                (text, used)
            }
        }
    }
}

fn utf32(bytes: &[u8], word: fn([u8; 4]) -> u32) -> (String, usize) {
    let (units, _) = bytes.as_chunks::<4>();
    let text = units
        .iter()
        .map(|&unit| char::from_u32(word(unit)).unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect();
    (text, units.len() * 4)
}

/// Another encoding read as UTF-8, piece by piece, without its mark.
pub struct Transcoded<R> {
    inner: R,
    decoding: Decoding,
    raw: Vec<u8>,
    text: Vec<u8>,
    at: usize,
    is_started: bool,
    is_ended: bool,
}

impl<R: Read> Transcoded<R> {
    /// `inner` as UTF-8.
    pub fn new(inner: R, encoding: Encoding) -> Self {
        Self {
            inner,
            decoding: encoding.decoding(),
            raw: Vec::new(),
            text: Vec::new(),
            at: 0,
            is_started: false,
            is_ended: false,
        }
    }

    fn refill(&mut self) -> io::Result<()> {
        let read = (&mut self.inner).take(PIECE as u64).read_to_end(&mut self.raw)?;
        self.is_ended = read == 0;
        let (text, used) = self.decoding.next(&self.raw, self.is_ended);
        self.raw.drain(..used);
        let text = match text.strip_prefix('\u{FEFF}') {
            Some(rest) if !self.is_started => rest.to_owned(),
            _ => text,
        };
        self.is_started = true;
        (self.text, self.at) = (text.into_bytes(), 0);
        Ok(())
    }
}

impl<R: Read> Read for Transcoded<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while self.at == self.text.len() && !self.is_ended {
            self.refill()?;
        }
        let mut rest = self.text.get(self.at..).unwrap_or_default();
        let n = rest.read(buf)?;
        self.at += n;
        Ok(n)
    }
}

/// The text of bytes in UTF-8, with or without a byte order mark; what is malformed is replaced.
///
/// Trailing NUL bytes, which one collector's archives add to every member, are dropped.
pub fn to_text(bytes: &[u8]) -> Cow<'_, str> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let bytes = trim_nul(bytes);
    // Nearly everything is UTF-8, which is told several times faster than it is mended.
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(bytes),
    }
}

fn trim_nul(bytes: &[u8]) -> &[u8] {
    let kept = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    bytes.get(..kept).unwrap_or(bytes)
}

/// True for bytes that no reader of text can use: more than a tenth of the first 4 KiB are control characters other than white space and escape.
pub fn is_binary(head: &[u8]) -> bool {
    let head = trim_nul(head.get(..LOOKED_AT).unwrap_or(head));
    let odd = head
        .iter()
        .filter(|&&byte| byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x0C | 0x1B))
        .count();
    odd * 10 > head.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "NAME   就绪   STATUS\r\npod-1  1/1    Running 🙂\r\n";

    fn written(text: &str, encoding: Encoding) -> Vec<u8> {
        match encoding {
            Encoding::Utf8 => text.as_bytes().to_vec(),
            Encoding::Utf16Le => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            Encoding::Utf16Be => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
            Encoding::Utf32Le => text.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect(),
            Encoding::Gb18030 => GB18030.encode(text).0.into_owned(),
            Encoding::Utf32Be => text.chars().flat_map(|c| u32::from(c).to_be_bytes()).collect(),
        }
    }

    const WIDE: [Encoding; 4] = [
        Encoding::Utf16Le,
        Encoding::Utf16Be,
        Encoding::Utf32Le,
        Encoding::Utf32Be,
    ];

    #[test]
    fn wide_text_is_told_and_read_with_and_without_its_mark() {
        for encoding in WIDE {
            for mark in ["", "\u{FEFF}"] {
                let bytes = written(&format!("{mark}{TABLE}"), encoding);
                assert_eq!(Encoding::of(&bytes), encoding, "{mark:?}");
                let mut text = String::new();
                Transcoded::new(bytes.as_slice(), encoding)
                    .read_to_string(&mut text)
                    .unwrap();
                assert_eq!(text, TABLE, "{encoding:?}");
            }
        }
        assert_eq!(Encoding::of(TABLE.as_bytes()), Encoding::Utf8);
        assert_eq!(to_text("\u{FEFF}NAME".as_bytes()), "NAME");
    }

    #[test]
    fn chinese_of_windows_is_read() {
        let text = "NAME   就绪   STATUS\r\n".repeat(PIECE / 10);
        let bytes = written(&text, Encoding::Gb18030);
        assert_eq!(Encoding::of(&bytes), Encoding::Gb18030);
        let mut read = String::new();
        Transcoded::new(bytes.as_slice(), Encoding::Gb18030)
            .read_to_string(&mut read)
            .unwrap();
        assert!(read == text);
    }

    #[test]
    fn a_character_on_the_edge_of_a_piece_stays_whole() {
        let text = format!("a{}", "🙂".repeat(PIECE / 2));
        for encoding in WIDE {
            let bytes = written(&text, encoding);
            let mut read = String::new();
            Transcoded::new(bytes.as_slice(), encoding)
                .read_to_string(&mut read)
                .unwrap();
            assert_eq!(read, text, "{encoding:?}");
        }
    }

    #[test]
    fn a_cut_character_is_replaced() {
        let mut read = String::new();
        Transcoded::new(&b"a\0b\0c"[..], Encoding::Utf16Le)
            .read_to_string(&mut read)
            .unwrap();
        assert_eq!(read, "ab\u{FFFD}");
    }

    #[test]
    fn small_numbers_are_no_wide_text() {
        let numbers: Vec<u8> = (0..200_u16).flat_map(|number| (number % 20).to_le_bytes()).collect();
        assert_eq!(Encoding::of(&numbers), Encoding::Utf8);
        assert!(is_binary(&numbers));
        assert_eq!(Encoding::of(b"text\0\0\0\0"), Encoding::Utf8, "only an end of zeros");
    }

    #[test]
    fn one_malformed_byte_does_not_cost_the_line() {
        assert_eq!(to_text(b"error: \xFF\xFEbad\0"), "error: \u{FFFD}\u{FFFD}bad");
        assert!(is_binary(&[0u8, 1, 2, 3, 4, 5]) && !is_binary(b"plain\ttext\n"));
    }
}

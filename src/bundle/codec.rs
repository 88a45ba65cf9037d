//! Containers and compression told by their first bytes, and the decoders for them.

use std::cell::Cell;
use std::io::{self, BufReader, Read};

use bzip2::bufread::MultiBzDecoder;
use flate2::bufread::MultiGzDecoder;
use liblzma::bufread::XzDecoder;
use liblzma::stream::{CONCATENATED, Stream};

use super::meter::{Counted, Meter, Metered};

/// How many bytes [`Form::of`] wants to see: one block of a tar.
pub(super) const HEAD: usize = 512;

/// A compression that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Codec {
    Gzip,
    Xz,
    Zstd,
    Bzip2,
}

/// What the first bytes of a file say that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// One compressed stream; a tar or a single file is inside.
    Compressed(Codec),
    /// A tar: ustar, pax, GNU or v7.
    Tar,
    /// A zip with at least one member, or an empty one.
    Zip,
    /// A form that is known and not read; the text names it.
    Foreign(&'static str),
    /// Anything else: a plain file.
    Plain,
}

impl Form {
    /// Looks at up to [`HEAD`] first bytes.
    ///
    /// Magic numbers: gzip RFC 1952 §2.3.1; xz file format §2.1.1.1; zstd RFC 8878 §3.1.1 and §3.1.2 (skippable frames, which
    /// pzstd writes first); zip APPNOTE 4.3.7, 4.3.16; bzip2 `BZh`, level and the block or end mark; 7z `7zFormat.txt`;
    /// LZ4 frame format §"Magic Number"; compress(1) `.Z` as magic(5) has it;
    /// age `age-encryption.org/v1`; tar POSIX.1 pax "ustar Interchange Format".
    pub(super) fn of(head: &[u8]) -> Self {
        match head {
            [0x1f, 0x8b, 0x08, ..] => Self::Compressed(Codec::Gzip),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Self::Compressed(Codec::Xz),
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Compressed(Codec::Zstd),
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Self::Zip,
            [b'B', b'Z', b'h', b'1'..=b'9', 0x31 | 0x17, ..] => Self::Compressed(Codec::Bzip2),
            [b'7', b'z', 0xbc, 0xaf, 0x27, 0x1c, ..] => Self::Foreign("7-Zip"),
            [b'R', b'a', b'r', b'!', 0x1a, 7, ..] => Self::Foreign("RAR"),
            [0x04, 0x22, 0x4d, 0x18, ..] => Self::Foreign("LZ4"),
            [0x1f, 0x9d, ..] => Self::Foreign("compress (.Z)"),
            _ if head.starts_with(b"age-encryption.org/v1") => Self::Foreign(AGE),
            _ if head.starts_with(b"-----BEGIN AGE ENCRYPTED FILE-----") => Self::Foreign(AGE),
            _ if is_tar(head) => Self::Tar,
            // A session key for a public key (tag 1) or a passphrase (tag 3), in the old form of packets: RFC 4880 §4.2, §5.1, §5.3.
            [0x85, _, _, 3, ..] | [0x84, _, 3, ..] | [0x8c, _, 4, ..] => Self::Foreign(PGP),
            _ => Self::Plain,
        }
    }
}

/// What a file that age encrypted is called.
const AGE: &str = "age-encrypted";

/// What a file that PGP encrypted is called.
const PGP: &str = "PGP-encrypted";

/// What a person does about a form that is known and not read.
///
/// `talosctl support` encrypts for its makers since Talos 1.14 unless told otherwise (siderolabs/talos `cmd/talosctl/cmd/talos/support.go`).
pub(super) fn what_to_do(foreign: &str) -> &'static str {
    if foreign == PGP {
        "whoever holds its key or passphrase decrypts it with: gpg -d -o bundle bundle.gpg; supportconfig encrypts only when it is told to (-G)"
    } else if foreign == AGE {
        "whoever holds its key decrypts it with: age -d -i KEY -o bundle.zip bundle.zip.age; without the key collect again, with talosctl support by: talosctl support --no-encryption"
    } else {
        "unpack it and give the directory"
    }
}

/// True for a block that starts with the ustar magic at its place, or that carries the checksum of a tar header (v7 has no magic).
fn is_tar(head: &[u8]) -> bool {
    head.get(257..262) == Some(b"ustar") || head.first_chunk().is_some_and(is_tar_header)
}

/// True when the block is a tar header whose checksum holds. A block of zeros is none: its checksum
/// would have to be that of the spaces.
pub(super) fn is_tar_header(block: &[u8; HEAD]) -> bool {
    let sum = |from: usize, to: usize| block.iter().take(to).skip(from).map(|b| u32::from(*b)).sum::<u32>();
    // The checksum field itself (148..156) counts as eight spaces; POSIX.1 pax, "chksum".
    let expected = sum(0, 148) + 8 * u32::from(b' ') + sum(156, HEAD);
    tar::Header::from_byte_slice(block)
        .cksum()
        .is_ok_and(|written| written == expected)
}

/// Decodes `input`, drawing from the budget; `compressed` is the caller's counter for the bytes that went in.
///
/// Fails only when the decoder cannot be set up; damaged input shows as an error of the reader.
pub(super) fn decode<'r>(
    codec: Codec,
    input: &'r mut dyn Read,
    meter: &'r Meter,
    compressed: &'r Cell<u64>,
) -> io::Result<Metered<'r, Box<dyn Read + 'r>>> {
    let input = BufReader::with_capacity(64 << 10, Counted::new(input, compressed));
    let memory = meter.limits().max_decoder_memory;
    let decoder: Box<dyn Read + 'r> = match codec {
        Codec::Gzip => Box::new(MultiGzDecoder::new(input)),
        // Its blocks are 900 kB at most, and the decoder needs four times that whatever the input (bzip2(1), "MEMORY MANAGEMENT").
        Codec::Bzip2 => Box::new(MultiBzDecoder::new(input)),
        Codec::Xz => Box::new(XzDecoder::new_stream(
            input,
            Stream::new_stream_decoder(memory, CONCATENATED)?,
        )),
        Codec::Zstd => {
            let mut decoder = zstd::Decoder::with_buffer(input)?;
            // zstd takes 10 to 31 (zstd.h, ZSTD_WINDOWLOG_MIN and _MAX).
            decoder.window_log_max(memory.max(1).ilog2().clamp(10, 31))?;
            Box::new(decoder)
        }
    };
    Ok(Metered::decoded(decoder, meter, compressed))
}

/// The name of a compressed file without its compression suffix; unchanged when it has none.
pub(super) fn without_suffix(name: &str) -> &str {
    const SUFFIXES: [&str; 5] = [".gz", ".xz", ".zst", ".zstd", ".bz2"];
    for suffix in SUFFIXES {
        let Some(cut) = name.len().checked_sub(suffix.len()) else {
            continue;
        };
        let Some((stem, end)) = name.split_at_checked(cut) else {
            continue;
        };
        if end.eq_ignore_ascii_case(suffix) && !stem.is_empty() && !stem.ends_with('/') {
            return stem;
        }
    }
    name
}

/// Reads until [`HEAD`] bytes are there or the input ends. An error is left for the next read, which meets it again: every reader
/// under this one fails for good.
pub(super) fn read_head(input: &mut dyn Read) -> Vec<u8> {
    let mut head = Vec::with_capacity(HEAD);
    // `read_to_end` keeps the bytes that came before an error.
    let _met_again = input.take(HEAD as u64).read_to_end(&mut head);
    head
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_told_by_bytes() {
        let v7 = {
            let mut header = tar::Header::new_old();
            header.set_path("a.log").unwrap();
            header.set_size(0);
            header.set_cksum();
            header.as_bytes().to_vec()
        };
        for (head, form) in [
            (&b"\x1f\x8b\x08\0"[..], Form::Compressed(Codec::Gzip)),
            (b"\xfd7zXZ\0\0", Form::Compressed(Codec::Xz)),
            (b"\x28\xb5\x2f\xfd\0", Form::Compressed(Codec::Zstd)),
            (b"PK\x05\x06", Form::Zip),
            (b"BZh91AY&SY", Form::Compressed(Codec::Bzip2)),
            (b"\x04\x22\x4d\x18\x64", Form::Foreign("LZ4")),
            (b"\x1f\x9d\x90", Form::Foreign("compress (.Z)")),
            (b"BZh is how this log line starts", Form::Plain),
            (&v7, Form::Tar),
            (&[0; HEAD], Form::Plain),
            (b"", Form::Plain),
            (b"I0822 12:00:00 kubelet", Form::Plain),
        ] {
            assert_eq!(Form::of(head), form, "{head:?}");
        }
    }

    #[test]
    fn only_the_compression_suffix_is_taken_off() {
        for (name, bare) in [
            ("kubelet.log.gz", "kubelet.log"),
            ("messages-2026.XZ", "messages-2026"),
            ("messages.bz2", "messages"),
            ("logs/.gz", "logs/.gz"),
            ("日志.zst", "日志"),
            ("kubelet.log", "kubelet.log"),
        ] {
            assert_eq!(without_suffix(name), bare);
        }
    }
}

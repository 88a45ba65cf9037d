//! The compression of a bundle, as its name asks for it: zstd for `.tar.zst`, gzip for everything else.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

/// How a bundle is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    /// gzip.
    Gzip,
    /// zstd.
    Zstd,
}

/// Endings of archives that casefile does not write; whoever names one expects it.
const OTHERS: &[&str] = &[
    ".zip", ".7z", ".rar", ".tar", ".xz", ".txz", ".bz2", ".tbz", ".tbz2", ".lz4", ".lzma", ".br", ".cpio", ".age",
    ".gpg",
];

impl Packing {
    /// False for a name that promises another form than those that are written.
    pub(super) fn fits(path: &Path) -> bool {
        let name = path.to_string_lossy().to_ascii_lowercase();
        !OTHERS.iter().any(|ending| name.ends_with(ending))
    }

    /// What the name of a bundle asks for.
    pub(super) fn of(name: &str) -> Self {
        if name.ends_with(".zst") || name.ends_with(".tzst") {
            Self::Zstd
        } else {
            Self::Gzip
        }
    }
}

/// A compressor over an output.
pub(super) enum Packer<W: Write> {
    /// gzip.
    Gzip(GzEncoder<BufWriter<W>>),
    /// zstd.
    Zstd(zstd::Encoder<'static, BufWriter<W>>),
}

impl<W: Write> Packer<W> {
    /// What a file of this name is compressed with.
    pub(super) fn for_name(name: &str, out: W) -> io::Result<Self> {
        let out = BufWriter::with_capacity(128 * 1024, out);
        // Level 1 of both: the host is in trouble already, and a stronger level costs more processor time than it saves disk.
        Ok(match Packing::of(name) {
            Packing::Zstd => Self::Zstd(zstd::Encoder::new(out, 1)?),
            Packing::Gzip => Self::Gzip(GzEncoder::new(out, Compression::new(1))),
        })
    }

    /// Ends the stream and returns the output, with every byte handed to it.
    pub(super) fn finish(self) -> io::Result<W> {
        let mut buffer = match self {
            Self::Gzip(gzip) => gzip.finish()?,
            Self::Zstd(zstd) => zstd.finish()?,
        };
        buffer.flush()?;
        buffer.into_inner().map_err(io::IntoInnerError::into_error)
    }
}

impl<W: Write> Write for Packer<W> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        match self {
            Self::Gzip(gzip) => gzip.write(data),
            Self::Zstd(zstd) => zstd.write(data),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Gzip(gzip) => gzip.flush(),
            Self::Zstd(zstd) => zstd.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_another_form_does_not_fit() {
        for name in [
            "b.tar.gz",
            "b.tgz",
            "b.tar.zst",
            "b.tzst",
            "bundle",
            "b.zip.tar.gz",
            "v1.2",
        ] {
            assert!(Packing::fits(Path::new(name)), "{name}");
        }
        for name in ["b.zip", "B.ZIP", "b.tar.xz", "b.tar", "b.7z"] {
            assert!(!Packing::fits(Path::new(name)), "{name}");
        }
    }

    #[test]
    fn the_name_decides() {
        for (name, magic) in [
            ("b.tar.gz", [0x1f, 0x8b]),
            ("b.tar.zst", [0x28, 0xb5]),
            ("standard output", [0x1f, 0x8b]),
        ] {
            let mut packer = Packer::for_name(name, Vec::new()).unwrap();
            packer.write_all(b"some bytes").unwrap();
            assert_eq!(packer.finish().unwrap()[..2], magic, "{name}");
        }
    }
}

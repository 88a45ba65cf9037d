//! Why an input cannot be opened, and the quick look that decides whether it is worth opening.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::super::codec::{self, Codec, Form};
use super::super::decode::Encoding;
use super::SourceKind;

/// There is no bundle to read at this path.
#[derive(Debug, Error)]
pub enum OpenError {
    /// Nothing stands there.
    #[error("no such file or directory: {}; check the path", path.display())]
    Missing {
        /// The path that was asked for.
        path: PathBuf,
    },
    /// The operating system refuses.
    #[error("cannot read {}: {source}; check its permissions", path.display())]
    Unreadable {
        /// The path that was asked for.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The bytes are those of something else.
    #[error(
        "not a bundle: {} is {looks}; give a directory, a tar (plain, gzip, zstd, xz or bzip2), a zip or a text file",
        path.display()
    )]
    NotABundle {
        /// The path that was asked for.
        path: PathBuf,
        /// What the bytes look like.
        looks: String,
    },
    /// The container is right and has no member.
    #[error("nothing to read: {} has no files in it; collect it again", path.display())]
    Empty {
        /// The path that was asked for.
        path: PathBuf,
    },
    /// Not one byte can be taken out of the container.
    #[error("damaged: {} cannot be decompressed: {why}; copy or collect it again", path.display())]
    Damaged {
        /// The path that was asked for.
        path: PathBuf,
        /// What the decoder said.
        why: String,
    },
}

impl OpenError {
    /// What was asked for.
    pub fn path(&self) -> &Path {
        match self {
            Self::Missing { path }
            | Self::Unreadable { path, .. }
            | Self::NotABundle { path, .. }
            | Self::Empty { path }
            | Self::Damaged { path, .. } => path,
        }
    }

    pub(super) fn io(path: &Path, source: io::Error) -> Self {
        if source.kind() == io::ErrorKind::NotFound {
            return Self::Missing { path: path.into() };
        }
        Self::Unreadable {
            path: path.into(),
            source,
        }
    }

    pub(super) fn not_a_bundle(path: &Path, looks: &str) -> Self {
        Self::NotABundle {
            path: path.into(),
            looks: looks.to_owned(),
        }
    }

    pub(super) fn damaged(path: &Path, why: &str) -> Self {
        Self::Damaged {
            path: path.into(),
            why: why.to_owned(),
        }
    }

    /// For a file whose first bytes are of no container.
    pub(super) fn unlike(path: &Path, head: &[u8]) -> Self {
        if head.iter().all(|byte| *byte == 0) {
            return Self::Empty { path: path.into() };
        }
        Self::not_a_bundle(path, &appearance(head))
    }
}

/// What an input looks like from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probe {
    /// A directory; whether it is a bundle is for the layouts to say.
    Directory,
    /// A container. Of a compressed file only the compression is known: a tar is assumed inside.
    Archive(SourceKind),
    /// A file of text.
    Text,
    /// Something else; the text says what, as a noun phrase.
    NotABundle(String),
}

/// Looks at the first 512 bytes of `input` and at nothing else.
///
/// # Errors
/// When the path is missing or not readable.
pub fn probe(input: &Path) -> Result<Probe, OpenError> {
    let unreadable = |error| OpenError::io(input, error);
    let metadata = fs::metadata(input).map_err(unreadable)?;
    if metadata.is_dir() {
        return Ok(Probe::Directory);
    }
    if !metadata.is_file() {
        return Ok(Probe::NotABundle("a pipe, socket or device".to_owned()));
    }
    let mut head = Vec::new();
    File::open(input)
        .and_then(|file| file.take(codec::HEAD as u64).read_to_end(&mut head))
        .map_err(unreadable)?;
    Ok(match Form::of(&head) {
        Form::Compressed(Codec::Gzip) => Probe::Archive(SourceKind::TarGz),
        Form::Compressed(Codec::Xz) => Probe::Archive(SourceKind::TarXz),
        Form::Compressed(Codec::Zstd) => Probe::Archive(SourceKind::TarZst),
        Form::Compressed(Codec::Bzip2) => Probe::Archive(SourceKind::TarBz2),
        Form::Tar => Probe::Archive(SourceKind::Tar),
        Form::Zip => Probe::Archive(SourceKind::Zip),
        Form::Plain if is_text_file(input, &head) => Probe::Text,
        Form::Foreign(_) | Form::Plain => Probe::NotABundle(appearance(&head)),
    })
}

/// True for a file that is evidence by itself: text, unless its name says that it should be an archive (a page of a login that was saved
/// under the name of a download).
pub(super) fn is_text_file(input: &Path, head: &[u8]) -> bool {
    const ARCHIVES: [&str; 12] = [
        "tar", "gz", "tgz", "xz", "txz", "zst", "tzst", "bz2", "tbz", "tbz2", "zip", "7z",
    ];
    let ending = input
        .extension()
        .map(|ending| ending.to_string_lossy().to_ascii_lowercase());
    !head.is_empty() && looks_like_text(head) && !ending.is_some_and(|ending| ARCHIVES.contains(&ending.as_str()))
}

fn looks_like_text(head: &[u8]) -> bool {
    // The head may end in the middle of a character, which is still text.
    let is_utf8 = match std::str::from_utf8(head) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none() && error.valid_up_to() > 0,
    };
    is_utf8 && !head.contains(&0) || Encoding::of(head) != Encoding::Utf8
}

/// A noun phrase for the first bytes of something that is no bundle.
pub(super) fn appearance(head: &[u8]) -> String {
    if let Form::Foreign(name) = Form::of(head) {
        return format!("{name} data, which is not read ({})", codec::what_to_do(name));
    }
    if head.is_empty() {
        return "an empty file".to_owned();
    }
    if head.starts_with(b"\x7fELF") || head.starts_with(b"MZ") {
        return "a program".to_owned();
    }
    if looks_like_text(head) {
        return "plain text".to_owned();
    }
    let shown: Vec<String> = head.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("of no known form (it starts with the bytes {})", shown.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_appearance_is_a_noun_phrase() {
        for (head, looks) in [
            (&b"apiVersion: v1"[..], "plain text"),
            ("卷宗".as_bytes().get(..4).unwrap(), "plain text"),
            (b"\x7fELF\x02", "a program"),
            (b"\0\x01\x02", "of no known form (it starts with the bytes 00 01 02)"),
            (
                b"7z\xbc\xaf\x27\x1c",
                "7-Zip data, which is not read (unpack it and give the directory)",
            ),
        ] {
            assert_eq!(appearance(head), looks);
        }
    }
}

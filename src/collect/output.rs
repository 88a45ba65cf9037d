//! The place of the bundle: found to be writable before the first step, given its name after the last.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::scratch::ScratchFile;
use super::{CollectError, Destination};

/// An open output. A file is written under a temporary name (mode 0600) beside its final one, so that no half bundle has that name.
pub(crate) enum Output {
    /// A file that will be called `path`.
    File {
        /// The open file; it vanishes when it is dropped.
        temporary: ScratchFile,
        /// The final name.
        path: PathBuf,
        /// Whether it may take the place of a file.
        replace: bool,
        /// Bytes written so far.
        bytes: u64,
    },
    /// Standard output.
    Stdout {
        /// Bytes written so far.
        bytes: u64,
    },
}

impl Output {
    /// Opens the destination; `default_name` is the file's name where the destination names none. A file that exists
    /// is refused unless `replace`.
    pub(crate) fn open(destination: &Destination, default_name: &str, replace: bool) -> Result<Self, CollectError> {
        let path = match destination {
            Destination::Stdout => return Ok(Self::Stdout { bytes: 0 }),
            Destination::Default => PathBuf::from(default_name),
            Destination::Path(path) if path.is_dir() => path.join(default_name),
            Destination::Path(path) => path.clone(),
        };
        // The rename at the end would put a file in the place of `/dev/null` or of a pipe.
        if path.exists() && !path.is_file() {
            let source = io::Error::other("it exists and is no regular file; choose another -o");
            return Err(CollectError::Output {
                path: path.display().to_string(),
                source,
            });
        }
        if path.exists() && !replace {
            let source = io::Error::other("it exists; choose another -o, or --force to replace it");
            return Err(CollectError::Output {
                path: path.display().to_string(),
                source,
            });
        }
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        match ScratchFile::new(folder) {
            Ok(temporary) => Ok(Self::File {
                temporary,
                path,
                replace,
                bytes: 0,
            }),
            Err(source) => Err(CollectError::Output {
                path: path.display().to_string(),
                source,
            }),
        }
    }

    /// The folder in which it grows; none for standard output.
    pub(crate) fn folder(&self) -> Option<PathBuf> {
        match self {
            Self::File { temporary, .. } => temporary.path().parent().map(Path::to_path_buf),
            Self::Stdout { .. } => None,
        }
    }

    /// What messages call it.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::File { path, .. } => path.display().to_string(),
            Self::Stdout { .. } => "standard output".into(),
        }
    }

    /// Gives the file its name, after its bytes are on the disk. Returns the path, if it is a file, and the size.
    pub(crate) fn commit(self) -> Result<(Option<PathBuf>, u64), CollectError> {
        match self {
            Self::Stdout { bytes } => Ok((None, bytes)),
            Self::File {
                temporary,
                path,
                replace,
                bytes,
            } => {
                let synced = temporary.as_file().sync_all();
                // Somebody may have made the file since the collection began.
                let kept = synced.and_then(|()| temporary.persist(&path, replace));
                match kept {
                    Ok(()) => Ok((Some(path), bytes)),
                    Err(source) => Err(CollectError::Output {
                        path: path.display().to_string(),
                        source,
                    }),
                }
            }
        }
    }
}

impl Write for Output {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let (written, bytes) = match self {
            Self::File { temporary, bytes, .. } => (temporary.write(data)?, bytes),
            Self::Stdout { bytes } => (io::stdout().write(data)?, bytes),
        };
        *bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::File { temporary, .. } => temporary.flush(),
            Self::Stdout { .. } => io::stdout().flush(),
        }
    }
}

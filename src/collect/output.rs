//! The place of the bundle: found to be writable before the first step, given its name after the last.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

#[cfg(target_os = "linux")]
use super::ballast::Ballast;
#[cfg(not(target_os = "linux"))]
use super::elsewhere::Stdout;
use super::packing::Packing;
use super::scratch::ScratchFile;
#[cfg(target_os = "linux")]
use super::stdout::Stdout;
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
        /// Room for the end, where it is kept.
        #[cfg(target_os = "linux")]
        ballast: Option<Ballast>,
    },
    /// Standard output.
    Stdout {
        /// Where it goes.
        out: Stdout,
        /// Bytes written so far.
        bytes: u64,
    },
}

impl Output {
    /// Opens the destination; `default_name` is the file's name where the destination names none. A file that exists
    /// is refused unless `replace`.
    pub(crate) fn open(destination: &Destination, default_name: &str, replace: bool) -> Result<Self, CollectError> {
        let Some((path, folder)) = place(destination, default_name, replace)? else {
            let out = Stdout::new().map_err(CollectError::Runtime)?;
            return Ok(Self::Stdout { out, bytes: 0 });
        };
        match ScratchFile::new(&folder) {
            Ok(temporary) => Ok(Self::File {
                temporary,
                path,
                replace,
                bytes: 0,
                #[cfg(target_os = "linux")]
                ballast: None,
            }),
            Err(source) => Err(CollectError::Output {
                path: path.display().to_string(),
                source,
            }),
        }
    }

    /// Keeps room for the end of the archive, should the disk be full before; says from then on when it is. None for standard output.
    #[cfg(target_os = "linux")]
    pub(crate) fn keep_room(&mut self) -> Option<std::sync::Arc<std::sync::atomic::AtomicBool>> {
        let folder = self.folder()?;
        let Self::File { ballast, .. } = self else { return None };
        Some(ballast.insert(Ballast::in_folder(&folder)).is_full())
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
            Self::Stdout { bytes, .. } => Ok((None, bytes)),
            Self::File {
                temporary,
                path,
                replace,
                bytes,
                ..
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
            #[cfg(target_os = "linux")]
            Self::File {
                temporary,
                bytes,
                ballast,
                ..
            } => match temporary.write(data) {
                Err(error) if ballast.as_mut().is_some_and(|ballast| ballast.helps(&error)) => {
                    (temporary.write(data)?, bytes)
                }
                written => (written?, bytes),
            },
            #[cfg(not(target_os = "linux"))]
            Self::File { temporary, bytes, .. } => (temporary.write(data)?, bytes),
            Self::Stdout { out, bytes } => (out.write(data)?, bytes),
        };
        *bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::File { temporary, .. } => temporary.flush(),
            Self::Stdout { .. } => Ok(()),
        }
    }
}

/// Where a file would go and its folder, none for standard output; or why it cannot go there. Nothing is written.
pub(crate) fn place(
    destination: &Destination,
    default_name: &str,
    replace: bool,
) -> Result<Option<(PathBuf, PathBuf)>, CollectError> {
    let path = match destination {
        Destination::Stdout => return Ok(None),
        Destination::Default => PathBuf::from(default_name),
        Destination::Path(path) if path.is_dir() => path.join(default_name),
        Destination::Path(path) => path.clone(),
    };
    if !Packing::fits(&path) {
        return Err(CollectError::Form(path.display().to_string()));
    }
    let refused = |why: &str| {
        Err(CollectError::Output {
            path: path.display().to_string(),
            source: io::Error::other(why),
        })
    };
    // The rename at the end would put a file in the place of `/dev/null` or of a pipe.
    if path.exists() && !path.is_file() {
        return refused("it exists and is no regular file; choose another -o");
    }
    if path.exists() && !replace {
        return refused("it exists; choose another -o, or --force to replace it");
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_path_buf(),
        _ => PathBuf::from("."),
    };
    if !folder.is_dir() {
        let why = format!("there is no folder {}; make it, or choose another -o", folder.display());
        return refused(&why);
    }
    Ok(Some((path, folder)))
}

/// What a run would write to, for whoever only asks; or why it cannot. Nothing is written.
#[cfg(target_os = "linux")]
pub(crate) fn would_be(
    destination: &Destination,
    default_name: &str,
    replace: bool,
) -> Result<Option<PathBuf>, CollectError> {
    use rustix::fs::{Access, access};
    let Some((path, folder)) = place(destination, default_name, replace)? else {
        return Ok(None);
    };
    match access(&folder, Access::WRITE_OK | Access::EXEC_OK) {
        Ok(()) => Ok(Some(path)),
        Err(error) => Err(CollectError::Output {
            path: path.display().to_string(),
            source: error.into(),
        }),
    }
}

//! The host's files, below `/` or below another root that is mounted somewhere.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};

use super::Kept;
use super::capture::Capture;

/// Most links that are followed for one path: what Linux itself allows (`MAXSYMLINKS`, path_resolution(7)).
const MAX_LINKS: usize = 40;

/// The root of the host's files.
#[derive(Debug, Clone)]
pub(crate) struct HostRoot {
    root: PathBuf,
}

impl HostRoot {
    /// `root` is `/` for the running system.
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// True for the running system, about which programs can be asked too.
    pub(crate) fn is_live(&self) -> bool {
        self.root == Path::new("/")
    }

    /// The real path of the host's absolute `path`. Links are followed below the root, as the host itself would follow them.
    pub(crate) fn resolve(&self, path: &str) -> io::Result<PathBuf> {
        let mut links = 0;
        let mut waiting: Vec<PathBuf> = vec![PathBuf::from(path)];
        let mut below = PathBuf::new();
        while let Some(next) = waiting.pop() {
            let mut parts = next.components();
            let Some(part) = parts.next() else { continue };
            let rest = parts.as_path().to_path_buf();
            waiting.push(rest);
            match part {
                Component::Prefix(_) | Component::CurDir => {}
                Component::RootDir => below.clear(),
                Component::ParentDir => {
                    below.pop();
                }
                Component::Normal(name) => {
                    let candidate = below.join(name);
                    match fs::read_link(self.root.join(&candidate)) {
                        Ok(target) => {
                            links += 1;
                            if links > MAX_LINKS {
                                return Err(io::Error::other("too many links"));
                            }
                            waiting.push(target);
                        }
                        Err(_) => below = candidate,
                    }
                }
            }
        }
        Ok(self.root.join(below))
    }

    /// Reads a file into `capture`. A pipe, a device or a directory is an error: reading one may never end.
    pub(crate) fn read(&self, path: &str, mut capture: Capture) -> io::Result<Capture> {
        let real = self.resolve(path)?;
        let meta = fs::metadata(&real)?;
        if !meta.is_file() {
            return Err(io::Error::other("not a regular file"));
        }
        let mut file = File::open(&real)?;
        // Files of /proc and /sys have no size; others may grow while they are read, so their size now is the end.
        let size = meta.len();
        let mut left = if size == 0 { u64::MAX } else { size };
        if capture.kept() == Kept::Tail && size > capture.window() {
            let jump = size - capture.window();
            file.seek(SeekFrom::Start(jump))?;
            capture.skip(jump);
            left = capture.window();
        }
        let mut buffer = vec![0; 64 * 1024];
        while left > 0 && !capture.is_full() {
            let read = file.read(&mut buffer)?;
            if read == 0 {
                break;
            }
            let read = read.min(usize::try_from(left).unwrap_or(usize::MAX));
            capture.push(buffer.get(..read).unwrap_or_default());
            left -= read as u64;
        }
        if capture.is_full() {
            capture.skip(left.min(size));
        }
        Ok(capture)
    }

    /// A small file as text, without a limit's bookkeeping; none when it cannot be read or is larger than 1 MiB.
    pub(crate) fn small(&self, path: &str) -> Option<String> {
        let capture = self.read(path, Capture::head(1024 * 1024)).ok()?;
        capture.whole().map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    }

    /// The names in a directory, sorted; an error when it cannot be read.
    pub(crate) fn list(&self, path: &str) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(self.resolve(path)?)? {
            names.extend(entry?.file_name().into_string());
        }
        names.sort_unstable();
        Ok(names)
    }

    /// True for a regular file, also behind links.
    pub(crate) fn is_file(&self, path: &str) -> bool {
        self.resolve(path)
            .and_then(fs::metadata)
            .is_ok_and(|meta| meta.is_file())
    }

    /// True for a directory, also behind links.
    pub(crate) fn is_dir(&self, path: &str) -> bool {
        self.resolve(path)
            .and_then(fs::metadata)
            .is_ok_and(|meta| meta.is_dir())
    }

    /// True for a regular file that somebody may execute.
    pub(crate) fn is_executable(&self, path: &str) -> bool {
        use std::os::unix::fs::PermissionsExt;
        self.resolve(path)
            .and_then(fs::metadata)
            .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
    }

    /// Where the link `path` itself points to, as it is written.
    pub(crate) fn link_target(&self, path: &str) -> Option<String> {
        let target = fs::read_link(self.root.join(path.trim_start_matches('/'))).ok()?;
        target.into_os_string().into_string().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn an_absolute_link_stays_below_the_root() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("etc")).unwrap();
        fs::create_dir_all(dir.path().join("run")).unwrap();
        fs::write(dir.path().join("run/resolv.conf"), "nameserver 192.0.2.53\n").unwrap();
        symlink("/run/resolv.conf", dir.path().join("etc/resolv.conf")).unwrap();
        symlink("../../../../etc/hostname", dir.path().join("etc/climb")).unwrap();

        let host = HostRoot::new(dir.path().to_path_buf());
        assert_eq!(host.small("/etc/resolv.conf").unwrap(), "nameserver 192.0.2.53\n");
        assert_eq!(host.resolve("/etc/climb").unwrap(), dir.path().join("etc/hostname"));
    }

    #[test]
    fn a_link_to_itself_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        symlink("/loop", dir.path().join("loop")).unwrap();
        let host = HostRoot::new(dir.path().to_path_buf());
        assert!(host.read("/loop", Capture::head(10)).is_err());
    }

    #[test]
    fn only_the_end_of_a_large_log_is_read() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("big.log"), "0123456789\n".repeat(100_000)).unwrap();
        let host = HostRoot::new(dir.path().to_path_buf());
        let capture = host.read("/big.log", Capture::tail(1100)).unwrap();
        let done = capture.finish(<[u8]>::to_vec);
        assert_eq!(done.seen, 1_100_000);
        assert_eq!(done.bytes, "0123456789\n".repeat(100).into_bytes());
    }
}

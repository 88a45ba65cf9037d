//! Where reports go: names, and writing that leaves nothing half-written and no stranger's file touched.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::collect::scratch::ScratchFile;
use crate::model::Lang;
use crate::report::Format;

/// Where the reports of a run go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// `<bundle>.<lang>.<ext>` in this directory.
    Directory(PathBuf),
    /// One report, in this file.
    File(PathBuf),
    /// One report, on standard output.
    Stdout,
}

impl Target {
    /// From `-o`. A path with the extension of a format is a file, unless it is a directory; everything else is a directory.
    pub(super) fn parse(wanted: Option<&Path>) -> Self {
        match wanted {
            None => Self::Directory(PathBuf::from("reports")),
            Some(path) if path == Path::new("-") => Self::Stdout,
            Some(path) if !path.is_dir() && format_of(path).is_some() => Self::File(path.to_path_buf()),
            Some(path) => Self::Directory(path.to_path_buf()),
        }
    }

    /// Finds out before the long run whether the target can be written, and makes the directory.
    pub(super) fn prepare(&self) -> Result<(), String> {
        let directory = match self {
            Self::Stdout => return Ok(()),
            Self::Directory(directory) => directory.clone(),
            Self::File(file) => {
                refuse_special(file)?;
                parent(file)
            }
        };
        let is_archive = ["zip", "gz", "tgz", "tar", "zst", "pdf", "docx"].iter().any(|ending| {
            directory
                .extension()
                .is_some_and(|found| found.eq_ignore_ascii_case(ending))
        });
        if is_archive && !directory.exists() {
            return Err(format!(
                "no report is written as {}; give -o a directory, or a file that ends as a format does (.md, .html, .json…)",
                directory.display()
            ));
        }
        if directory.is_file() {
            return Err(format!(
                "{} is a file, where a directory is needed; choose another -o, or a file that ends as a format does (.md, .html, .json…)",
                directory.display()
            ));
        }
        fs::create_dir_all(&directory).map_err(|error| unwritable(&directory, &error))?;
        tempfile::tempfile_in(&directory)
            .map(drop)
            .map_err(|error| unwritable(&directory, &error))
    }

    /// The file of one report.
    pub(super) fn file(&self, alias: &str, lang: Lang, format: Format) -> Option<PathBuf> {
        match self {
            Self::Stdout => None,
            Self::File(file) => Some(file.clone()),
            Self::Directory(directory) => {
                Some(directory.join(format!("{}.{}.{}", safe_name(alias), lang.code(), format.extension())))
            }
        }
    }
}

/// The format that a file's extension names.
pub(super) fn format_of(path: &Path) -> Option<Format> {
    Format::of_file_name(path.file_name()?.to_str()?)
}

/// Writes a report: to a temporary file beside its place, then renamed over it. A file that casefile did not write stays, unless `force`.
/// What is no regular file (a pipe, a device) is never opened nor replaced.
pub(super) fn write(path: &Path, content: &str, force: bool) -> Result<(), String> {
    refuse_special(path)?;
    if !force && path.exists() && !is_own(path) {
        return Err(format!(
            "{} exists and is no report of casefile; choose another -o, or --force to replace it",
            path.display()
        ));
    }
    let directory = parent(path);
    let fail = |error: io::Error| unwritable(path, &error);
    let mut file = ScratchFile::new(&directory).map_err(fail)?;
    file.write_all(content.as_bytes()).map_err(fail)?;
    make_readable(file.as_file()).map_err(fail)?;
    file.persist(path, true).map_err(fail)
}

/// A named pipe would block whoever opens it, and the rename would put a file in the place of a device.
fn refuse_special(path: &Path) -> Result<(), String> {
    match fs::metadata(path) {
        Ok(found) if !found.is_file() => Err(format!(
            "{} exists and is no regular file; choose another -o, or - for standard output",
            path.display()
        )),
        _ => Ok(()),
    }
}

/// A temporary file is private; a report is meant to be read.
#[cfg(unix)]
fn make_readable(file: &fs::File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn make_readable(_: &fs::File) -> io::Result<()> {
    Ok(())
}

/// Reports say in their first bytes who wrote them.
fn is_own(path: &Path) -> bool {
    const HEAD: u64 = 4096;
    let mut head = Vec::new();
    let read = fs::File::open(path).and_then(|file| file.take(HEAD).read_to_end(&mut head));
    let text = String::from_utf8_lossy(&head);
    let marks = [
        "schema: \"casefile/",
        "<meta name=\"generator\" content=\"casefile",
        "\"name\": \"casefile\"",
        "<testsuites name=\"casefile\"",
        "<!-- casefile/",
        "\ncasefile/",
        "{\"tool\":\"casefile\"",
        "earliest,latest,basis,subject,kind,event,",
        "id,fingerprint,kind,priority,immediate,summary,",
    ];
    read.is_ok() && marks.iter().any(|mark| text.contains(mark))
}

fn parent(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
        _ => PathBuf::from("."),
    }
}

fn unwritable(path: &Path, error: &io::Error) -> String {
    format!(
        "cannot write {}: {error}; check the path and its permissions, or choose another -o",
        path.display()
    )
}

/// Bytes of a name that are kept; with language, extension and the temporary prefix it stays below the 255 of common file systems.
const NAME_BYTES: usize = 120;

/// A bundle's name as a file name on every system: without separators and controls, short, and none that Windows keeps for devices
/// ("Naming Files, Paths, and Namespaces", learn.microsoft.com).
fn safe_name(alias: &str) -> String {
    let mut name: String = alias
        .chars()
        .map(|c| {
            if c.is_control() || "/\\:*?\"<>|".contains(c) {
                '_'
            } else {
                c
            }
        })
        .collect();
    if is_reserved(&name) {
        name.insert(0, '_');
    }
    if name.len() <= NAME_BYTES {
        return name;
    }
    // The hash keeps two long names apart that begin alike.
    let hash: String = Sha256::digest(alias.as_bytes())
        .iter()
        .take(6)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let mut end = NAME_BYTES - hash.len() - 1;
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    name.truncate(end);
    format!("{name}~{hash}")
}

/// Windows takes these for devices, whatever follows the first dot.
fn is_reserved(name: &str) -> bool {
    let stem = name
        .split('.')
        .next()
        .unwrap_or_default()
        .trim_end()
        .to_ascii_uppercase();
    let numbered = |prefix| {
        stem.strip_prefix(prefix)
            .is_some_and(|rest| rest.len() == 1 && rest.bytes().all(|b| b.is_ascii_digit()))
    };
    matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL") || numbered("COM") || numbered("LPT")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_are_shortened_and_stay_apart() {
        let (a, b) = (
            safe_name(&format!("{}a", "卷".repeat(100))),
            safe_name(&format!("{}b", "卷".repeat(100))),
        );
        assert!(a.len() <= NAME_BYTES && a.starts_with("卷卷"), "{a}");
        assert_ne!(a, b);
        assert_eq!(safe_name("ticket-42"), "ticket-42");
    }

    #[test]
    fn names_of_devices_are_changed() {
        assert_eq!(safe_name("con"), "_con");
        assert_eq!(safe_name("NUL.tar"), "_NUL.tar");
        assert_eq!(safe_name("COM1"), "_COM1");
        assert_eq!(safe_name("console"), "console");
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_regular_file_is_refused_without_opening_it() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("socket.md");
        let _listening = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        assert!(
            Target::parse(Some(&socket))
                .prepare()
                .unwrap_err()
                .contains("no regular file")
        );
        assert!(write(&socket, "text", true).unwrap_err().contains("no regular file"));
    }
}

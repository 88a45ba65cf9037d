//! Paths inside a bundle, as the archive names them, made harmless.

use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};

/// A path inside a bundle: relative, `/`-separated, without `.`, `..`, drive letters or leading slashes.
///
/// It is a name for citations and for matching, never a place on the analyst's disk. A nested archive is one component, so a
/// file in it reads `nodes/a.zip/logs/kubelet.log`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryPath(Arc<str>);

impl EntryPath {
    /// Normalises a raw archive name, control characters in it replaced. `../../x`, `/etc/x` and `C:\x` all end up as plain relative names; an empty result reads `_`.
    pub fn new(raw: &str) -> Self {
        let mut clean = String::with_capacity(raw.len());
        for part in raw.split(['/', '\\']) {
            let part = part.trim_end_matches('\0');
            if part.is_empty() || part == "." || part == ".." || is_drive(part) {
                continue;
            }
            if !clean.is_empty() {
                clean.push('/');
            }
            // Neither archives nor terminals take control characters in a name.
            clean.extend(part.chars().map(|c| if c.is_control() { '\u{FFFD}' } else { c }));
        }
        if clean.is_empty() {
            clean.push('_');
        }
        Self(clean.into())
    }

    /// The whole path.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last component.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// The components, first to last.
    pub fn components(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/')
    }

    /// This path with `inner` below it.
    pub fn join(&self, inner: &Self) -> Self {
        Self(format!("{}/{}", self.0, inner.0).into())
    }
}

fn is_drive(part: &str) -> bool {
    matches!(part.as_bytes(), [letter, b':'] if letter.is_ascii_alphabetic())
}

impl fmt::Display for EntryPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for EntryPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl Serialize for EntryPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_names_become_plain_relative_names() {
        for (raw, clean) in [
            ("../../etc/passwd", "etc/passwd"),
            ("/etc/shadow", "etc/shadow"),
            ("C:\\Windows\\x.log", "Windows/x.log"),
            ("./a//b/./c", "a/b/c"),
            ("..", "_"),
            ("pod.log\0\0", "pod.log"),
            ("a\0b/c\u{1b}[31m", "a\u{FFFD}b/c\u{FFFD}[31m"),
        ] {
            assert_eq!(EntryPath::new(raw).as_str(), clean, "{raw}");
        }
    }
}

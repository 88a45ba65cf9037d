//! The limits that bound what a bundle may cost to read.

use std::fmt;
use std::io;

use crate::model::Size;

/// Limits for one bundle, shared by all its nested archives, and what has been spent of them.
///
/// Hitting a limit is a problem of kind `OverBudget` that names the limit and the option that raises it; it is never an error and
/// never a crash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    /// Members of all archives and files of directories, links and folders included. Default 200 000.
    pub max_entries: u64,
    /// Decompressed bytes of one file. Default 16 GiB.
    pub max_entry_bytes: u64,
    /// Bytes that come out of all decoders and plain files together. Default 64 GiB.
    pub max_bytes: u64,
    /// Bytes out per byte in of one compressed stream, checked only after [`Budget::ratio_grace`]. Default 1000, which is about
    /// what deflate reaches on a file of one repeated byte.
    pub max_ratio: u64,
    /// Levels of archives inside the outermost one. Default 3.
    pub max_nesting: u64,
    /// Bytes of a path, the names of the outer archives included. Default 4096 (`PATH_MAX` of Linux, limits.h).
    pub max_path_bytes: u64,
    /// Bytes of a file that is decoded as a whole; a larger one is scanned as a log, whatever it is. Default 64 MiB.
    pub max_parsed_bytes: u64,
    /// Values that aliases may add to one YAML document: it may have one for each of its bytes and this many more. Default 100 000.
    pub max_yaml_aliases: u64,
    /// Levels of one YAML document, at most [`Budget::DEEPEST`]. Default 100; the API server's own objects have less than 30, and the
    /// schema of a large CustomResourceDefinition some 60.
    pub max_yaml_depth: u64,
    /// Levels of one JSON document, at most [`Budget::DEEPEST`]. Default 100.
    pub max_json_depth: u64,
    /// Values of the JSON and YAML documents of one file: texts, numbers, lists and maps. Default 5 000 000, which fill some 600 MB.
    pub max_values: u64,
    /// Bytes of a line of a log that signatures are looked for in. Default 64 KiB; runtimes cut lines at 16 KiB.
    pub max_line_bytes: u64,
    /// Objects, rows of tables and other facts that are kept. Default 200 000, which small objects fill with about 1 GB. Of one file no
    /// more are made.
    pub max_objects: u64,
    /// Decompressed bytes of one stream before its ratio is looked at. 16 MiB.
    pub ratio_grace: u64,
    /// Bytes of a nested zip that is kept in memory; a larger one goes to an unnamed temporary file. 64 MiB.
    pub max_zip_in_memory: usize,
    /// Bytes that one decoder may use for its window. 256 MiB; `xz -9` needs 65 MiB (xz(1)).
    pub max_decoder_memory: u64,
    /// Entries met so far.
    pub spent_entries: u64,
    /// Bytes read so far.
    pub spent_bytes: u64,
}

impl Budget {
    /// What applies unless somebody says otherwise.
    pub const DEFAULT: Self = Self {
        max_entries: 200_000,
        max_entry_bytes: 16 << 30,
        max_bytes: 64 << 30,
        max_ratio: 1000,
        max_nesting: 3,
        max_path_bytes: 4096,
        max_parsed_bytes: 64 << 20,
        max_yaml_aliases: 100_000,
        max_yaml_depth: 100,
        max_json_depth: 100,
        max_values: 5_000_000,
        max_line_bytes: 64 << 10,
        max_objects: 200_000,
        ratio_grace: 16 << 20,
        max_zip_in_memory: 64 << 20,
        max_decoder_memory: 256 << 20,
        spent_entries: 0,
        spent_bytes: 0,
    };

    /// Levels at which the parsers of JSON and YAML give up by themselves (`remaining_depth` in `serde_json::de` and `yaml_serde::de`).
    pub const DEEPEST: u64 = 127;

    /// Every limit that an option can raise, in the order in which documents list them.
    pub fn limits(&self) -> [Limit; 13] {
        [
            Limit::Entries(self.max_entries),
            Limit::EntryBytes(self.max_entry_bytes),
            Limit::Bytes(self.max_bytes),
            Limit::Ratio(self.max_ratio),
            Limit::Nesting(self.max_nesting),
            Limit::PathBytes(self.max_path_bytes),
            Limit::ParsedBytes(self.max_parsed_bytes),
            Limit::YamlAliases(self.max_yaml_aliases),
            Limit::YamlDepth(self.max_yaml_depth),
            Limit::JsonDepth(self.max_json_depth),
            Limit::Values(self.max_values),
            Limit::LineBytes(self.max_line_bytes),
            Limit::Objects(self.max_objects),
        ]
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// The limit that was hit, with its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// [`Budget::max_entries`].
    Entries(u64),
    /// [`Budget::max_entry_bytes`].
    EntryBytes(u64),
    /// [`Budget::max_bytes`].
    Bytes(u64),
    /// [`Budget::max_ratio`].
    Ratio(u64),
    /// [`Budget::max_nesting`].
    Nesting(u64),
    /// [`Budget::max_path_bytes`].
    PathBytes(u64),
    /// [`Budget::max_parsed_bytes`].
    ParsedBytes(u64),
    /// [`Budget::max_yaml_aliases`].
    YamlAliases(u64),
    /// [`Budget::max_yaml_depth`].
    YamlDepth(u64),
    /// [`Budget::max_json_depth`].
    JsonDepth(u64),
    /// [`Budget::max_values`].
    Values(u64),
    /// [`Budget::max_line_bytes`].
    LineBytes(u64),
    /// [`Budget::max_objects`].
    Objects(u64),
}

impl Limit {
    /// The option of `analyze` and `inspect` that sets it, without dashes.
    pub fn option(&self) -> &'static str {
        match self {
            Self::Entries(_) => "max-entries",
            Self::EntryBytes(_) => "max-entry-size",
            Self::Bytes(_) => "max-total-size",
            Self::Ratio(_) => "max-ratio",
            Self::Nesting(_) => "max-nesting",
            Self::PathBytes(_) => "max-path",
            Self::ParsedBytes(_) => "max-parsed-size",
            Self::YamlAliases(_) => "max-yaml-aliases",
            Self::YamlDepth(_) => "max-yaml-depth",
            Self::JsonDepth(_) => "max-json-depth",
            Self::Values(_) => "max-values",
            Self::LineBytes(_) => "max-line",
            Self::Objects(_) => "max-objects",
        }
    }

    /// The value as the option takes it: sizes with their unit.
    pub fn value(&self) -> String {
        match *self {
            Self::EntryBytes(max)
            | Self::Bytes(max)
            | Self::PathBytes(max)
            | Self::ParsedBytes(max)
            | Self::LineBytes(max) => Size(max).to_string(),
            Self::Entries(max)
            | Self::Ratio(max)
            | Self::Nesting(max)
            | Self::YamlAliases(max)
            | Self::YamlDepth(max)
            | Self::JsonDepth(max)
            | Self::Values(max)
            | Self::Objects(max) => max.to_string(),
        }
    }

    /// The limit behind an I/O error of a reader of this crate, if it is one.
    pub(super) fn of(error: &io::Error) -> Option<Self> {
        error.get_ref().and_then(|inner| inner.downcast_ref::<Self>()).copied()
    }
}

impl fmt::Display for Limit {
    /// `over the limit of 3 levels of nested archives (--max-nesting raises it)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self {
            Self::Entries(_) => "entries per bundle",
            Self::EntryBytes(_) => "per file",
            Self::Bytes(_) => "per bundle",
            Self::Ratio(_) => "bytes for each compressed byte",
            Self::Nesting(_) => "levels of nested archives",
            Self::PathBytes(_) => "per path",
            Self::ParsedBytes(_) => "for files that are decoded as a whole",
            Self::YamlAliases(_) => "values that aliases add to a YAML document",
            Self::YamlDepth(_) => "levels of a YAML document",
            Self::JsonDepth(_) => "levels of a JSON document",
            Self::Values(_) => "values in the JSON and YAML of one file",
            Self::LineBytes(_) => "per line",
            Self::Objects(_) => "objects and other facts per bundle",
        };
        write!(f, "over the limit of {} {what} ", self.value())?;
        match *self {
            Self::YamlDepth(max) | Self::JsonDepth(max) if max >= Budget::DEEPEST => {
                f.write_str("(the parser itself reads no deeper)")
            }
            _ => write!(f, "(--{} raises it)", self.option()),
        }
    }
}

impl std::error::Error for Limit {}

impl From<Limit> for io::Error {
    fn from(limit: Limit) -> Self {
        Self::other(limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_says_what_it_is_and_how_to_raise_it() {
        assert_eq!(
            Limit::Nesting(3).to_string(),
            "over the limit of 3 levels of nested archives (--max-nesting raises it)"
        );
        assert_eq!(
            Limit::EntryBytes(16 << 30).to_string(),
            "over the limit of 16GiB per file (--max-entry-size raises it)"
        );
    }

    #[test]
    fn no_option_is_named_that_does_not_help() {
        for limit in [Limit::JsonDepth(Budget::DEEPEST), Limit::YamlDepth(Budget::DEEPEST)] {
            let shown = limit.to_string();
            assert!(shown.contains("127 levels") && !shown.contains("--"), "{shown}");
        }
        assert!(Limit::JsonDepth(126).to_string().contains("--max-json-depth"));
    }
}

//! What was read and what was not. Missing is never healthy.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::bundle::layout::Found;
use crate::model::{Citation, EntryPath, Problem, ProblemKind};

/// What became of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Treatment {
    /// Decoded; the names of the decoders that took part of it.
    Read(Vec<&'static str>),
    /// Scanned as a log.
    Log,
    /// Nothing in it.
    Empty,
    /// Not used, for this reason.
    Ignored(Cow<'static, str>),
}

/// One file of a bundle.
#[derive(Debug, Clone, Serialize)]
pub struct FileRecord {
    /// Path in the bundle.
    pub path: EntryPath,
    /// Bytes read.
    pub bytes: u64,
    /// What became of it.
    pub treatment: Treatment,
}

/// Which data a bundle has. A datum is named as rules name it: the plural of a kind in lower case (`pods`, `resourcequotas`), or
/// `container-logs`, `kubelet-log`, `docker-containers`, `docker-inspect`, `docker-images`, `docker-events`, `crontab`, `scripts`…
#[derive(Debug, Clone, Default)]
pub struct Coverage {
    /// Datum → number of facts read; zero when a listing was read and was empty.
    pub read: BTreeMap<String, u64>,
    /// Datum → where listings of it stand that have none.
    pub empty: BTreeMap<String, Vec<Citation>>,
    /// Every file, in the order of the archive.
    pub files: Vec<FileRecord>,
    /// Ids of rules whose patterns were not tried on all texts, because those were too many: nothing can be told of them.
    pub not_sought: BTreeSet<String>,
    /// What went wrong.
    pub problems: Vec<Problem>,
    /// The producers whose arrangement was found, the outermost first; none for a pile of files.
    pub layouts: Vec<Found>,
}

impl Coverage {
    /// True when the datum was read, even if it holds nothing.
    pub fn has(&self, datum: &str) -> bool {
        self.read.contains_key(datum)
    }

    /// True when objects of this kind were read, or a listing of them that holds none.
    pub fn has_kind(&self, kind: &str) -> bool {
        self.has(&datum_of_kind(kind))
    }

    /// True where the container itself broke off, or a limit of the whole bundle ended its reading: such a problem is of no single file.
    pub fn is_cut(&self) -> bool {
        let is_of_all = |problem: &Problem| {
            problem.file.is_none() && matches!(problem.kind, ProblemKind::Damaged | ProblemKind::OverBudget)
        };
        self.problems.iter().any(is_of_all)
    }

    pub(super) fn note(&mut self, datum: impl Into<String>, count: u64) {
        *self.read.entry(datum.into()).or_default() += count;
    }
}

/// The datum of a kind: its plural as in the API's paths.
///
/// Kinds that end in `s`, `x` or `y` follow English plurals, as the API's own kinds do; `Endpoints` is its own plural.
pub fn datum_of_kind(kind: &str) -> String {
    let lower = kind.to_lowercase();
    if let Some((name, group)) = lower.split_once('.') {
        return format!("{}.{group}", datum_of_kind(name));
    }
    match lower.as_str() {
        "endpoints" => lower,
        _ if lower.ends_with("ss") => format!("{lower}es"),
        _ if lower.ends_with('s') || lower.ends_with('x') => format!("{lower}es"),
        _ if lower.ends_with("cy") => format!("{}ies", lower.trim_end_matches('y')),
        _ => format!("{lower}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::datum_of_kind;

    #[test]
    fn kinds_have_the_plural_of_the_api() {
        for (kind, datum) in [
            ("Pod", "pods"),
            ("Ingress", "ingresses"),
            ("NetworkPolicy", "networkpolicies"),
            ("Endpoints", "endpoints"),
            ("StorageClass", "storageclasses"),
            ("Lease", "leases"),
        ] {
            assert_eq!(datum_of_kind(kind), datum);
        }
    }
}

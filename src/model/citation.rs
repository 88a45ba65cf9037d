//! Where a fact was read.

use std::sync::Arc;

use serde::Serialize;

use super::{EntryPath, When};

/// What kind of evidence a citation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CitationKind {
    /// The quoted bytes show it.
    Direct,
    /// It follows from the quoted bytes.
    Derived,
    /// A complete listing was searched and does not have it.
    Absence,
}

/// What was searched in vain, because what shows that such a listing is complete differs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Listing {
    /// Containers of an engine.
    Containers,
    /// Containers or tasks of a CRI runtime, which has namespaces of its own.
    Tasks,
    /// Entries of a directory.
    Directory,
    /// Lines of a file.
    Lines,
    /// Objects of the API.
    Objects,
    /// Events of an engine, which keeps the last ones only.
    Events,
    /// Something else.
    #[default]
    Other,
}

/// A place inside one file of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// First and last line, 1-based, of the decompressed file.
    Lines(u64, u64),
    /// A JSON pointer (RFC 6901). For the second and later documents of a stream it starts with the document's index: `2#/items/0`.
    /// A document inside a text of a recording has the pointer of that text before it: `/3/output#/items/0`.
    Pointer(String),
}

/// One quoted line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct QuoteLine {
    /// The 1-based line number; none for a value reached by pointer.
    pub line: Option<u64>,
    /// The line as it stands in the file, without its line end.
    pub text: String,
    /// True for the line that shows the fact, false for context around it.
    pub hit: bool,
}

/// Bundle, file, place, quoted bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Citation {
    /// The alias of the bundle.
    pub bundle: Arc<str>,
    /// The file inside the bundle.
    pub file: EntryPath,
    /// Where in the file.
    pub place: Place,
    /// What stands there.
    pub quote: Vec<QuoteLine>,
    /// When it happened, if the evidence says so.
    pub when: Option<When>,
    /// Direct, derived or absence.
    pub kind: CitationKind,
    /// For absence: how many entries the searched listing has, and whether it is complete.
    pub searched: Option<(u64, bool)>,
    /// For absence: what kind of listing that is.
    pub listing: Listing,
}

impl Citation {
    /// Direct evidence by one line.
    pub fn line(bundle: &Arc<str>, file: &EntryPath, line: u64, text: impl Into<String>) -> Self {
        Self {
            bundle: bundle.clone(),
            file: file.clone(),
            place: Place::Lines(line, line),
            quote: vec![QuoteLine {
                line: Some(line),
                text: text.into(),
                hit: true,
            }],
            when: None,
            kind: CitationKind::Direct,
            searched: None,
            listing: Listing::Other,
        }
    }

    /// Direct evidence by a JSON pointer; `shown` is what a person should read there, for instance `reason: ErrImagePull`.
    pub fn pointer(bundle: &Arc<str>, file: &EntryPath, pointer: impl Into<String>, shown: impl Into<String>) -> Self {
        Self {
            bundle: bundle.clone(),
            file: file.clone(),
            place: Place::Pointer(pointer.into()),
            quote: vec![QuoteLine {
                line: None,
                text: shown.into(),
                hit: true,
            }],
            when: None,
            kind: CitationKind::Direct,
            searched: None,
            listing: Listing::Other,
        }
    }

    /// The same place as one that was searched in vain; `searched` says how many entries it has and whether these are all, where that
    /// is known and the citation does not say so itself.
    pub fn absence(self, searched: Option<(u64, bool)>) -> Self {
        Self {
            kind: CitationKind::Absence,
            searched: searched.or(self.searched),
            ..self
        }
    }

    /// These lines of one file, in their order, as one place from the first of them to the last.
    pub fn spanning<'c>(lines: impl IntoIterator<Item = &'c Self>) -> Option<Self> {
        let mut lines = lines.into_iter();
        let mut all = lines.next()?.clone();
        all.when = None;
        for line in lines {
            let (Place::Lines(_, end), Place::Lines(first, last)) = (&mut all.place, &line.place) else {
                return None;
            };
            if line.file != all.file || *first <= *end {
                return None;
            }
            *end = *last;
            all.quote.extend(line.quote.iter().cloned());
        }
        Some(all)
    }

    /// The same citation of a listing of this kind.
    pub fn listing(mut self, listing: Listing) -> Self {
        self.listing = listing;
        self
    }

    /// The same citation with a time.
    pub fn at(mut self, when: Option<When>) -> Self {
        self.when = when;
        self
    }
}

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

    /// These lines in their order, those that follow each other in a file as one place.
    pub fn runs<'c>(lines: impl IntoIterator<Item = &'c Self>) -> Vec<Self> {
        let mut runs: Vec<Self> = Vec::new();
        for line in lines {
            if let (Some(run), Place::Lines(first, last)) = (runs.last_mut(), &line.place)
                && let Place::Lines(_, end) = &mut run.place
                && (&run.bundle, &run.file, *end + 1) == (&line.bundle, &line.file, *first)
            {
                *end = *last;
                run.quote.extend(line.quote.iter().cloned());
                run.when = None;
            } else {
                runs.push(line.clone());
            }
        }
        runs
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_follow_each_other_are_one_place_and_a_list_is_one_from_its_first_to_its_last() {
        let bundle: Arc<str> = "a".into();
        let line = |file: &str, number: u64| Citation::line(&bundle, &EntryPath::new(file), number, number.to_string());
        let places = |cites: &[Citation]| cites.iter().map(|cite| cite.place.clone()).collect::<Vec<_>>();
        let lines = [line("x", 3), line("x", 4), line("x", 6), line("y", 7)];
        let runs = Citation::runs(&lines);
        assert_eq!(
            places(&runs),
            [Place::Lines(3, 4), Place::Lines(6, 6), Place::Lines(7, 7)]
        );
        assert_eq!(runs[0].quote.len(), 2);
        let whole = Citation::spanning(&lines[..3]).map(|cite| (cite.place, cite.quote.len()));
        assert_eq!(whole, Some((Place::Lines(3, 6), 3)));
        assert!(Citation::spanning(&lines).is_none());
        assert!(Citation::spanning([&lines[1], &lines[0]]).is_none());
    }
}

//! How much of a bundle is read before it is called hostile: limits, what was spent, and the reader that enforces both.

use std::cell::Cell;
use std::fmt;
use std::io::{self, Read};

/// Limits for one bundle, shared by all its nested archives, and what has been spent of them.
///
/// Hitting a limit is a problem of kind `OverBudget` that names the limit; it is never an error and never a crash.
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
    /// Decompressed bytes of one stream before its ratio is looked at. Default 16 MiB.
    pub ratio_grace: u64,
    /// Levels of archives inside the outermost one. Default 3.
    pub max_nesting: u32,
    /// Bytes of a path, the names of the outer archives included. Default 4096 (`PATH_MAX` of Linux, limits.h).
    pub max_path_bytes: usize,
    /// Bytes of a nested zip that is kept in memory; a larger one goes to an unnamed temporary file. Default 64 MiB.
    pub max_zip_in_memory: usize,
    /// Bytes that one decoder may use for its window. Default 256 MiB; `xz -9` needs 65 MiB (xz(1)).
    pub max_decoder_memory: u64,
    /// Entries met so far.
    pub spent_entries: u64,
    /// Bytes read so far.
    pub spent_bytes: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            max_entries: 200_000,
            max_entry_bytes: 16 << 30,
            max_bytes: 64 << 30,
            max_ratio: 1000,
            ratio_grace: 16 << 20,
            max_nesting: 3,
            max_path_bytes: 4096,
            max_zip_in_memory: 64 << 20,
            max_decoder_memory: 256 << 20,
            spent_entries: 0,
            spent_bytes: 0,
        }
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
    Nesting(u32),
    /// [`Budget::max_path_bytes`].
    PathBytes(usize),
}

impl Limit {
    /// The limit behind an I/O error of a reader of this module, if it is one.
    pub(super) fn of(error: &io::Error) -> Option<Self> {
        error.get_ref().and_then(|inner| inner.downcast_ref::<Self>()).copied()
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Entries(max) => write!(f, "over the limit of {max} entries per bundle"),
            Self::EntryBytes(max) => write!(f, "over the limit of {max} bytes per file"),
            Self::Bytes(max) => write!(f, "over the limit of {max} bytes per bundle"),
            Self::Ratio(max) => write!(f, "over the compression ratio limit of {max}:1"),
            Self::Nesting(max) => write!(f, "over the limit of {max} levels of nested archives"),
            Self::PathBytes(max) => write!(f, "over the limit of {max} bytes per path"),
        }
    }
}

impl std::error::Error for Limit {}

impl From<Limit> for io::Error {
    fn from(limit: Limit) -> Self {
        Self::other(limit)
    }
}

/// The budget while a walk is under way: many readers on top of each other draw from it at once.
#[derive(Debug)]
pub(super) struct Meter {
    limits: Budget,
    entries: Cell<u64>,
    bytes: Cell<u64>,
}

impl Meter {
    /// Starts with what `budget` has already spent.
    pub(super) fn new(budget: &Budget) -> Self {
        Self {
            limits: budget.clone(),
            entries: Cell::new(budget.spent_entries),
            bytes: Cell::new(budget.spent_bytes),
        }
    }

    /// The limits.
    pub(super) fn limits(&self) -> &Budget {
        &self.limits
    }

    /// Writes back what was spent.
    pub(super) fn settle(&self, budget: &mut Budget) {
        budget.spent_entries = self.entries.get();
        budget.spent_bytes = self.bytes.get();
    }

    /// Counts one member, or says that there have been too many.
    pub(super) fn enter(&self) -> Result<(), Limit> {
        if self.entries.get() >= self.limits.max_entries {
            return Err(Limit::Entries(self.limits.max_entries));
        }
        self.entries.set(self.entries.get() + 1);
        Ok(())
    }

    /// How many more bytes may be read from the bundle.
    fn bytes_left(&self) -> u64 {
        self.limits.max_bytes.saturating_sub(self.bytes.get())
    }

    fn draw(&self, bytes: u64) {
        self.bytes.set(self.bytes.get().saturating_add(bytes));
    }
}

/// Counts the bytes that go into a decoder, for the ratio.
pub(super) struct Counted<'c, R> {
    inner: R,
    count: &'c Cell<u64>,
}

impl<'c, R> Counted<'c, R> {
    pub(super) fn new(inner: R, count: &'c Cell<u64>) -> Self {
        Self { inner, count }
    }
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buf)?;
        self.count.set(self.count.get().saturating_add(n as u64));
        Ok(n)
    }
}

/// A decoder's output, or a plain file, drawing from the budget. Every byte of a bundle passes exactly one `Metered` per layer of
/// compression.
///
/// It fails with a [`Limit`] in an [`io::Error`], and once it has failed it fails for good: decoders make no promise about what
/// they do after an error.
pub(super) struct Metered<'m, R> {
    inner: R,
    meter: &'m Meter,
    compressed: Option<&'m Cell<u64>>,
    out: u64,
    failed: Option<(io::ErrorKind, String)>,
}

impl<'m, R: Read> Metered<'m, R> {
    /// Plain bytes: no ratio to watch.
    pub(super) fn plain(inner: R, meter: &'m Meter) -> Self {
        Self {
            inner,
            meter,
            compressed: None,
            out: 0,
            failed: None,
        }
    }

    /// The output of a decoder whose input bytes are counted in `compressed`.
    pub(super) fn decoded(inner: R, meter: &'m Meter, compressed: &'m Cell<u64>) -> Self {
        Self {
            inner,
            meter,
            compressed: Some(compressed),
            out: 0,
            failed: None,
        }
    }

    /// The reader below.
    pub(super) fn into_inner(self) -> R {
        self.inner
    }

    fn limit(&self) -> Option<Limit> {
        let limits = &self.meter.limits;
        if self.meter.bytes_left() == 0 {
            return Some(Limit::Bytes(limits.max_bytes));
        }
        let compressed = self.compressed?.get();
        let too_dense = self.out > limits.ratio_grace && self.out / limits.max_ratio.max(1) > compressed;
        too_dense.then_some(Limit::Ratio(limits.max_ratio))
    }
}

impl<R: Read> Read for Metered<'_, R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if let Some((kind, message)) = &self.failed {
            return Err(io::Error::new(*kind, message.clone()));
        }
        if let Some(limit) = self.limit() {
            // At the very end of the input no limit matters any more, so a bundle that fits exactly is not blamed.
            let mut probe = [0_u8; 1];
            return match self.inner.read(&mut probe) {
                Ok(0) => Ok(0),
                _ => Err(limit.into()),
            };
        }
        let most = usize::try_from(self.meter.bytes_left()).map_or(buf.len(), |left| left.min(buf.len()));
        let window = buf.get_mut(..most).unwrap_or_default();
        match self.inner.read(window) {
            Ok(n) => {
                self.out = self.out.saturating_add(n as u64);
                self.meter.draw(n as u64);
                Ok(n)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                // A limit of an outer layer stays true when asked again; a decoder's own error is kept here.
                if Limit::of(&error).is_none() {
                    self.failed = Some((error.kind(), error.to_string()));
                }
                Err(error)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(mut reader: impl Read) -> (usize, Option<Limit>) {
        let mut all = Vec::new();
        let error = reader.read_to_end(&mut all).err();
        (all.len(), error.as_ref().and_then(Limit::of))
    }

    #[test]
    fn bytes_are_shared_by_all_readers_of_a_bundle() {
        let meter = Meter::new(&Budget {
            max_bytes: 150,
            ..Budget::default()
        });
        assert_eq!(drain(Metered::plain(&[7_u8; 100][..], &meter)), (100, None));
        assert_eq!(
            drain(Metered::plain(&[7_u8; 100][..], &meter)),
            (50, Some(Limit::Bytes(150)))
        );
    }

    #[test]
    fn a_bundle_that_fits_exactly_is_not_over_budget() {
        let meter = Meter::new(&Budget {
            max_bytes: 100,
            ..Budget::default()
        });
        assert_eq!(drain(Metered::plain(&[7_u8; 100][..], &meter)), (100, None));
    }

    #[test]
    fn the_ratio_counts_only_after_its_grace() {
        let meter = Meter::new(&Budget {
            ratio_grace: 1000,
            max_ratio: 10,
            ..Budget::default()
        });
        let one_byte_in = Cell::new(1);
        assert_eq!(
            drain(Metered::decoded(&[0_u8; 1000][..], &meter, &one_byte_in)),
            (1000, None)
        );
        let (read, limit) = drain(Metered::decoded(&[0_u8; 100_000][..], &meter, &one_byte_in));
        assert!((1000..100_000).contains(&read), "{read}");
        assert_eq!(limit, Some(Limit::Ratio(10)));
    }

    #[test]
    fn entries_are_counted_up_to_the_limit() {
        let mut budget = Budget {
            max_entries: 1,
            ..Budget::default()
        };
        let meter = Meter::new(&budget);
        assert_eq!(meter.enter(), Ok(()));
        assert_eq!(meter.enter(), Err(Limit::Entries(1)));
        meter.settle(&mut budget);
        assert_eq!(budget.spent_entries, 1);
    }
}

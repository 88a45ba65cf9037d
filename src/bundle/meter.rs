//! What a walk draws from its budget, and the readers that count it.

use std::cell::Cell;
use std::io::{self, Read};

use super::budget::{Budget, Limit};

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
        // A decoder may fill whatever it is given, and what is too dense is seen only afterwards.
        const STEP: usize = 1 << 20;
        let room = if self.compressed.is_some() {
            buf.len().min(STEP)
        } else {
            buf.len()
        };
        let most = usize::try_from(self.meter.bytes_left()).map_or(room, |left| left.min(room));
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

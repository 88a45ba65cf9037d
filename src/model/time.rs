//! Points in time that admit what they do not know.

use jiff::{SignedDuration, Timestamp};
use serde::{Serialize, Serializer};

/// How a time was obtained; it decides how much an order between two times may claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// The source wrote date, time and zone (RFC 3339, `docker -t`).
    Exact,
    /// The zone was not written and is assumed.
    TzAssumed,
    /// The zone was not written, or is ambiguous, and follows from another source: one that dates the same act with its zone, or that tells
    /// the zone of the machines.
    ZoneMatched,
    /// The year was not written (klog, syslog) and is inferred from the reference time.
    YearInferred,
    /// A relative age (`3 weeks ago`) turned into an interval.
    Relative,
    /// A file's modification time.
    Mtime,
}

/// An interval of time: `earliest == latest` for an instant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct When {
    /// Not before this.
    #[serde(serialize_with = "rfc3339")]
    pub earliest: Timestamp,
    /// Not after this.
    #[serde(serialize_with = "rfc3339")]
    pub latest: Timestamp,
    /// As the source wrote it.
    pub raw: String,
    /// How it was obtained.
    pub basis: Basis,
}

impl When {
    /// An instant.
    pub fn at(time: Timestamp, raw: impl Into<String>, basis: Basis) -> Self {
        Self {
            earliest: time,
            latest: time,
            raw: raw.into(),
            basis,
        }
    }

    /// An RFC 3339 time such as the Kubernetes API and Docker write, with any number of fractional digits.
    ///
    /// The zero time of Go (`0001-01-01T00:00:00Z`) means "never" and yields none.
    pub fn rfc3339(raw: &str) -> Option<Self> {
        if raw.starts_with("0001-01-01T00:00:00") {
            return None;
        }
        raw.parse::<Timestamp>()
            .ok()
            .map(|time| Self::at(time, raw, Basis::Exact))
    }

    /// True when every moment of `self` is before every moment of `other`.
    pub fn surely_before(&self, other: &Self) -> bool {
        self.latest < other.earliest
    }

    /// True for an instant.
    pub fn is_instant(&self) -> bool {
        self.earliest == self.latest
    }

    /// True where the source wrote no fraction of a second, so that the moment may lie anywhere within this one.
    pub fn is_to_the_second(&self) -> bool {
        let bytes = self.raw.as_bytes().windows(2);
        let has_fraction = |pair: &[u8]| matches!(pair, [b'.' | b',', digit] if digit.is_ascii_digit());
        self.is_instant() && self.earliest.subsec_nanosecond() == 0 && !bytes.into_iter().any(has_fraction)
    }

    /// True when the order of the two is known: as [`When::surely_before`], with what the sources leave out of their seconds.
    pub fn is_known_before(&self, other: &Self) -> bool {
        let end = if self.is_to_the_second() {
            self.latest.checked_add(SignedDuration::from_nanos(999_999_999))
        } else {
            Ok(self.latest)
        };
        end.is_ok_and(|end| end < other.earliest)
    }

    /// The distance between the latest moment of `self` and the earliest of `later`; negative when they overlap.
    pub fn gap_to(&self, later: &Self) -> SignedDuration {
        later.earliest.duration_since(self.latest)
    }
}

/// Writes a timestamp as RFC 3339 in UTC.
fn rfc3339<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_zero_time_of_go_means_never() {
        assert_eq!(When::rfc3339("0001-01-01T00:00:00Z"), None);
        let when = When::rfc3339("2026-11-21T10:20:20.587780282Z").unwrap();
        assert!(when.is_instant());
    }

    #[test]
    fn a_time_of_seconds_is_no_finer_than_it_was_written() {
        let when = |raw: &str| When::rfc3339(raw).unwrap();
        let (coarse, fine) = (when("2026-11-21T10:20:33Z"), when("2026-11-21T10:20:33.000Z"));
        assert!(coarse.is_to_the_second() && !fine.is_to_the_second());
        let later = when("2026-11-21T10:20:33.369Z");
        assert!(fine.is_known_before(&later) && !coarse.is_known_before(&later));
        assert!(coarse.is_known_before(&when("2026-11-21T10:20:34Z")));
    }

    #[test]
    fn overlapping_intervals_have_no_order() {
        let early: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let late: Timestamp = "2026-01-01T02:00:00Z".parse().unwrap();
        let wide = When {
            earliest: early,
            latest: late,
            raw: String::new(),
            basis: Basis::Relative,
        };
        let inside = When::rfc3339("2026-01-01T01:00:00Z").unwrap();
        assert!(!wide.surely_before(&inside));
        assert!(!inside.surely_before(&wide));
    }
}

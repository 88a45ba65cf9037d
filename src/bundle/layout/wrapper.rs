//! Time stamps in the names of wrapper directories.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::model::{Basis, When};

/// The time in a name such as `support-bundle-2026-11-21T10_20_42`, `vm-2026-11-21_10_20_42` or `supportbundle_x_2026-11-21T10-20-42Z`.
/// A name without `Z` is the local time of whoever collected.
pub(super) fn time_in(name: &str) -> Option<When> {
    const LENGTH: usize = "2026-11-21T10-20-42".len();
    name.char_indices().find_map(|(start, _)| {
        let raw = name.get(start..start + LENGTH)?;
        let civil = civil(raw)?;
        let basis = if name.get(start + LENGTH..)?.starts_with('Z') {
            Basis::Exact
        } else {
            Basis::TzAssumed
        };
        Some(When::at(civil.to_zoned(TimeZone::UTC).ok()?.timestamp(), raw, basis))
    })
}

/// What stands before the time in such a name, without the separator: the host of `vm-2026-11-21_10_20_42`.
pub(super) fn before_time(name: &str) -> Option<&str> {
    let raw = time_in(name)?.raw;
    let (before, _) = name.split_once(raw.as_str())?;
    Some(before.trim_end_matches(['-', '_']))
}

fn civil(raw: &str) -> Option<DateTime> {
    let shaped = raw.bytes().enumerate().all(|(at, byte)| match at {
        4 | 7 => byte == b'-',
        10 => matches!(byte, b'T' | b'_'),
        13 | 16 => matches!(byte, b':' | b'_' | b'-'),
        _ => byte.is_ascii_digit(),
    });
    if !shaped {
        return None;
    }
    let (date, time) = (raw.get(..10)?, raw.get(11..)?);
    format!("{date}T{}", time.replace(['_', '-'], ":")).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_their_time_and_host() {
        for (name, time, basis, before) in [
            (
                "support-bundle-2024-08-21T10_11_12",
                "2024-08-21T10:11:12Z",
                Basis::TzAssumed,
                "support-bundle",
            ),
            (
                "node-1-2026-11-21_10_20_42.tar.gz",
                "2026-11-21T10:20:42Z",
                Basis::TzAssumed,
                "node-1",
            ),
            (
                "supportbundle_ab_2026-11-21T10-20-42Z",
                "2026-11-21T10:20:42Z",
                Basis::Exact,
                "supportbundle_ab",
            ),
        ] {
            let when = time_in(name).unwrap();
            assert_eq!(
                (when.earliest.to_string().as_str(), when.basis),
                (time, basis),
                "{name}"
            );
            assert_eq!(before_time(name), Some(before));
        }
        assert_eq!(time_in("supportbundle-磁盘不足不足不足不足"), None);
        assert_eq!(time_in("x-2026-13-41_99_99_99"), None);
    }
}

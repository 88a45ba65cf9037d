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

/// The minute in a name such as `eks_i-0a1b2c_2026-11-21_1020-UTC_0.7.8` (`date --utc +%Y-%m-%d_%H%M-%Z`).
pub(super) fn day_and_minute(name: &str) -> Option<When> {
    const LENGTH: usize = "2026-11-21_1020-UTC".len();
    name.char_indices().find_map(|(start, _)| {
        let raw = name.get(start..start + LENGTH)?;
        let (day, minute) = raw.strip_suffix("-UTC")?.split_once('_')?;
        whole_minute(day, minute, raw, Basis::Exact)
    })
}

/// The minute at the end of a name such as `scc_w1_261121_1020` (`date +%y%m%d_%H%M`), in the local time of the host.
pub(super) fn short_day_and_minute(name: &str) -> Option<When> {
    let raw = name.get(name.len().checked_sub("261121_1020".len())?..)?;
    let (day, minute) = raw.split_once('_')?;
    let day = format!("20{}-{}-{}", day.get(..2)?, day.get(2..4)?, day.get(4..)?);
    whole_minute(&day, minute, raw, Basis::TzAssumed)
}

/// The second in a name such as `k8s-nodes-20261121-102042.yaml`, in the local time of whoever collected.
pub(super) fn compact_time_in(name: &str) -> Option<When> {
    const LENGTH: usize = "20261121-102042".len();
    name.char_indices().find_map(|(start, _)| {
        let raw = name.get(start..start + LENGTH)?;
        let (day, time) = raw.split_once('-')?;
        if day.len() != 8 || time.len() != 6 {
            return None;
        }
        let iso = format!(
            "{}-{}-{}T{}:{}:{}",
            day.get(..4)?,
            day.get(4..6)?,
            day.get(6..)?,
            time.get(..2)?,
            time.get(2..4)?,
            time.get(4..)?
        );
        at(&iso, raw, Basis::TzAssumed)
    })
}

fn whole_minute(day: &str, minute: &str, raw: &str, basis: Basis) -> Option<When> {
    if minute.len() != 4 {
        return None;
    }
    at(
        &format!("{day}T{}:{}:00", minute.get(..2)?, minute.get(2..)?),
        raw,
        basis,
    )
}

fn at(civil: &str, raw: &str, basis: Basis) -> Option<When> {
    let civil: DateTime = civil.parse().ok()?;
    Some(When::at(civil.to_zoned(TimeZone::UTC).ok()?.timestamp(), raw, basis))
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
        for (when, time, basis) in [
            (
                day_and_minute("eks_i-0a1b_2026-11-21_1020-UTC_0.7.8.tar.gz"),
                "2026-11-21T10:20:00Z",
                Basis::Exact,
            ),
            (
                short_day_and_minute("scc_w1_261121_1020"),
                "2026-11-21T10:20:00Z",
                Basis::TzAssumed,
            ),
            (
                compact_time_in("k8s-nodes-20261121-102042.yaml"),
                "2026-11-21T10:20:42Z",
                Basis::TzAssumed,
            ),
        ] {
            let when = when.unwrap();
            assert_eq!((when.earliest.to_string().as_str(), when.basis), (time, basis));
        }
        for name in ["scc", "磁盘磁盘磁盘磁盘磁盘", "k8s-nodes-2026.yaml"] {
            assert!(
                day_and_minute(name).is_none() && short_day_and_minute(name).is_none(),
                "{name}"
            );
            assert!(compact_time_in(name).is_none(), "{name}");
        }
        assert_eq!(time_in("supportbundle-磁盘不足不足不足不足"), None);
        assert_eq!(time_in("x-2026-13-41_99_99_99"), None);
    }
}

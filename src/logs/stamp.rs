//! When a log line was written, in the many ways in which components write it, and the line without that.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::model::{Basis, When};

/// A time as a line has it, before the bundle's reference time fills in what is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stamp {
    /// Date, time and zone.
    Exact(Timestamp),
    /// Date and time without a zone.
    NoZone(DateTime),
    /// Month, day and time without year and zone; the year in the value is a placeholder.
    NoYear(DateTime),
}

impl Stamp {
    /// Turns the stamp into a time. A missing zone is taken for UTC. A missing year is chosen so that the time is not later than a
    /// day after `reference` (klog and syslog write none); without a reference such a stamp has no time.
    pub fn resolve(&self, raw: &str, reference: Option<Timestamp>) -> Option<When> {
        let utc = |civil: &DateTime| civil.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
        match self {
            Self::Exact(time) => Some(When::at(*time, raw, Basis::Exact)),
            Self::NoZone(civil) => Some(When::at(utc(civil)?, raw, Basis::TzAssumed)),
            Self::NoYear(civil) => {
                let limit = reference?.checked_add(SignedDuration::from_hours(24)).ok()?;
                let year = limit.to_zoned(TimeZone::UTC).year();
                let candidates = [year, year - 1]
                    .into_iter()
                    .filter_map(|year| utc(&civil.with().year(year).build().ok()?));
                candidates
                    .into_iter()
                    .find(|time| *time <= limit)
                    .map(|time| When::at(time, raw, Basis::YearInferred))
            }
        }
    }
}

/// The stamp of a line and the text that was read as its time; none for a line that has none.
pub fn stamp_of(line: &str) -> Option<(Stamp, &str)> {
    let line = line.trim_start();
    leading_iso(line)
        .or_else(|| klog(line))
        .or_else(|| syslog(line))
        .or_else(|| keyed(line))
}

/// The line without the prefix that a container runtime put before it (CRI: `<time> stdout F `; `docker logs -t`: `<time> `), for quoting and matching.
///
/// Sources: kubernetes/kubernetes `pkg/kubelet/kuberuntime/logs/logs.go` (CRI), docker's json-file driver.
pub fn clean_line(line: &str) -> &str {
    let Some((_, raw)) = leading_iso(line) else { return line };
    let rest = line.get(raw.len()..).unwrap_or("").trim_start();
    let mut words = rest.splitn(3, ' ');
    match (words.next(), words.next(), words.next()) {
        (Some("stdout" | "stderr"), Some("F" | "P"), Some(text)) => text,
        (Some("stdout" | "stderr"), Some("F" | "P"), None) => "",
        _ => line,
    }
}

/// `2026-11-21T09:34:42.500253854Z`, with an offset, with a blank for the T, with or without a zone, with a comma before the fraction, optionally in brackets.
fn leading_iso(line: &str) -> Option<(Stamp, &str)> {
    let body = line.strip_prefix('[').unwrap_or(line);
    let bytes = body.as_bytes();
    let shape = [4usize, 7, 10, 13, 16].map(|at| bytes.get(at).copied());
    if !matches!(
        shape,
        [
            Some(b'-' | b'/'),
            Some(b'-' | b'/'),
            Some(b'T' | b' ' | b't'),
            Some(b':'),
            Some(b':')
        ]
    ) {
        return None;
    }
    let seconds_end = 19;
    let fraction = match bytes.get(seconds_end) {
        Some(b'.' | b',') => {
            bytes
                .get(seconds_end + 1..)?
                .iter()
                .take_while(|byte| byte.is_ascii_digit())
                .count()
                + 1
        }
        _ => 0,
    };
    let civil_end = seconds_end + fraction;
    let civil_text = body.get(..civil_end)?;
    let civil: DateTime = civil_text
        .replace('/', "-")
        .replacen(' ', "T", 1)
        .replace(',', ".")
        .parse()
        .ok()?;
    let zone = body.get(civil_end..)?;
    let zone_length = zone_length(zone);
    let raw = body.get(..civil_end + zone_length)?;
    if zone_length == 0 {
        return Some((Stamp::NoZone(civil), raw));
    }
    let offset = offset_of(zone.get(..zone_length)?)?;
    let time = civil.to_zoned(TimeZone::fixed(offset)).ok()?.timestamp();
    Some((Stamp::Exact(time), raw))
}

fn zone_length(zone: &str) -> usize {
    let bytes = zone.as_bytes();
    match bytes {
        [b'Z', ..] => 1,
        [b'+' | b'-', a, b, b':', c, d, ..] if [a, b, c, d].iter().all(|byte| byte.is_ascii_digit()) => 6,
        [b'+' | b'-', a, b, c, d, ..] if [a, b, c, d].iter().all(|byte| byte.is_ascii_digit()) => 5,
        _ => 0,
    }
}

fn offset_of(zone: &str) -> Option<jiff::tz::Offset> {
    if zone == "Z" {
        return Some(jiff::tz::Offset::UTC);
    }
    let digits: String = zone.chars().filter(char::is_ascii_digit).collect();
    let hours: i32 = digits.get(..2)?.parse().ok()?;
    let minutes: i32 = digits.get(2..)?.parse().ok()?;
    let seconds = (hours * 60 + minutes) * 60;
    jiff::tz::Offset::from_seconds(if zone.starts_with('-') { -seconds } else { seconds }).ok()
}

/// `I1121 09:33:14.911793    6441 file.go:12] …` (klog: no year; k8s.io/klog `klog.go`, `formatHeader`).
fn klog(line: &str) -> Option<(Stamp, &str)> {
    let bytes = line.as_bytes();
    if !matches!(bytes.first(), Some(b'I' | b'W' | b'E' | b'F'))
        || bytes.get(5) != Some(&b' ')
        || bytes.get(8) != Some(&b':')
    {
        return None;
    }
    let month: i8 = line.get(1..3)?.parse().ok()?;
    let day: i8 = line.get(3..5)?.parse().ok()?;
    let end = 6 + line.get(6..)?.find(' ')?;
    let time: jiff::civil::Time = line.get(6..end)?.parse().ok()?;
    // A leap year, so that 29 February survives until the year is known.
    let date = jiff::civil::Date::new(2000, month, day).ok()?;
    Some((Stamp::NoYear(date.to_datetime(time)), line.get(1..end)?))
}

/// `Nov 21 10:20:42 host …` (RFC 3164: no year, no zone; journalctl's default `short` too).
fn syslog(line: &str) -> Option<(Stamp, &str)> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let month = MONTHS.iter().position(|month| line.starts_with(month))? + 1;
    let day: i8 = line.get(4..6)?.trim_start().parse().ok()?;
    let rest = line.get(7..)?;
    let end = rest.find(' ').unwrap_or(rest.len());
    let time: jiff::civil::Time = rest.get(..end)?.parse().ok()?;
    let date = jiff::civil::Date::new(2000, i8::try_from(month).ok()?, day).ok()?;
    Some((Stamp::NoYear(date.to_datetime(time)), line.get(..7 + end)?))
}

/// `time="2026-…"` (logfmt: containerd, dockerd), `"ts":"2026-…"`, `"time":"…"`, `"@timestamp":"…"` (JSON).
fn keyed(line: &str) -> Option<(Stamp, &str)> {
    const KEYS: [&str; 6] = [
        "time=\"",
        "\"ts\":\"",
        "\"time\":\"",
        "\"@timestamp\":\"",
        "\"timestamp\":\"",
        "ts=",
    ];
    KEYS.iter().find_map(|key| {
        let at = line.find(key)? + key.len();
        leading_iso(line.get(at..)?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(line: &str) -> String {
        let reference = "2026-01-02T00:00:00Z".parse().unwrap();
        let (stamp, raw) = stamp_of(line).unwrap();
        stamp.resolve(raw, Some(reference)).unwrap().earliest.to_string()
    }

    #[test]
    fn every_way_to_write_a_time() {
        for (line, expected) in [
            ("2025-11-21T09:34:42.5Z stdout F x", "2025-11-21T09:34:42.5Z"),
            ("2025-11-21T17:34:42+08:00 x", "2025-11-21T09:34:42Z"),
            ("2025-11-21T17:34:42+0800 host kubelet[1]: x", "2025-11-21T09:34:42Z"),
            (
                "2025/11/21 09:34:42 [error] 31#31: connect() failed",
                "2025-11-21T09:34:42Z",
            ),
            ("2025-11-21 09:34:42,123 ERROR [main] x", "2025-11-21T09:34:42.123Z"),
            (
                "time=\"2025-11-21T09:33:15.24Z\" level=info msg=x",
                "2025-11-21T09:33:15.24Z",
            ),
            (
                "{\"level\":\"info\",\"ts\":\"2025-11-21T09:34:21.070Z\"}",
                "2025-11-21T09:34:21.07Z",
            ),
            ("Nov  3 10:20:42 host kernel: x", "2025-11-03T10:20:42Z"),
        ] {
            assert_eq!(time(line), expected, "{line}");
        }
    }

    #[test]
    fn a_year_that_is_not_written_never_lies_in_the_future() {
        assert_eq!(time("I1231 23:59:59.5 1 x.go:1] y"), "2025-12-31T23:59:59.5Z");
        assert_eq!(time("I0102 00:10:00.0 1 x.go:1] y"), "2026-01-02T00:10:00Z");
        let (stamp, raw) = stamp_of("E1121 09:34:42.1 1 x.go:1] y").unwrap();
        assert_eq!(stamp.resolve(raw, None), None);
    }

    #[test]
    fn the_runtime_prefix_is_not_part_of_the_message() {
        assert_eq!(
            clean_line("2026-11-21T09:34:42.500253854Z stderr F sh: can't create x"),
            "sh: can't create x"
        );
        assert_eq!(clean_line("plain line"), "plain line");
        assert_eq!(stamp_of("no time here"), None);
    }
}

//! When a log line was written, in the many ways in which components write it, and the line without that.

use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};

use super::forms::{MONTHS, epoch, offset, since_boot, without_decoration, written};
use crate::model::{Basis, When};

/// A time as a line has it, before the bundle's reference time fills in what is missing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stamp {
    /// Date, time and zone.
    Exact(Timestamp),
    /// Date and time without a zone.
    NoZone(DateTime),
    /// Month, day and time without year and zone; the year in the value is a placeholder.
    NoYear(DateTime),
    /// As [`Self::NoZone`], in a form that machines write in their own zone.
    OfMachine(DateTime),
    /// As [`Self::NoYear`], likewise.
    OfMachineNoYear(DateTime),
    /// Time since the machine booted.
    SinceBoot(SignedDuration),
}

impl Stamp {
    /// Turns the stamp into a time. A missing zone is taken for UTC, or for `zone` in what machines write in theirs. A missing year is chosen so that the time is not later than a
    /// day after `reference` (klog and syslog write none); without a reference such a stamp has no time.
    pub fn resolve(&self, raw: &str, reference: Option<Timestamp>, zone: Option<Offset>) -> Option<When> {
        let offset = match self {
            Self::OfMachine(_) | Self::OfMachineNoYear(_) => zone.unwrap_or(Offset::UTC),
            _ => Offset::UTC,
        };
        let utc = |civil: &DateTime| {
            let zoned = civil.to_zoned(TimeZone::fixed(offset)).ok();
            zoned.map(|zoned| zoned.timestamp())
        };
        match self {
            Self::OfMachine(civil) if zone.is_some() => Some(When::at(utc(civil)?, raw, Basis::ZoneMatched)),
            Self::Exact(time) => Some(When::at(*time, raw, Basis::Exact)),
            Self::NoZone(civil) | Self::OfMachine(civil) => Some(When::at(utc(civil)?, raw, Basis::TzAssumed)),
            Self::NoYear(civil) | Self::OfMachineNoYear(civil) => {
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
            Self::SinceBoot(_) => None,
        }
    }

    /// The interval of a time since boot, when the machine is known to have booted within `booted`; none for any other stamp.
    pub fn resolve_since(&self, raw: &str, booted: (Timestamp, Timestamp)) -> Option<When> {
        let Self::SinceBoot(after) = self else { return None };
        Some(When {
            earliest: booted.0.checked_add(*after).ok()?,
            latest: booted.1.checked_add(*after).ok()?,
            raw: raw.to_owned(),
            basis: Basis::Relative,
        })
    }
}

/// The stamp of a line and the text that was read as its time; none for a line that has none.
pub fn stamp_of(line: &str) -> Option<(Stamp, &str)> {
    let line = without_decoration(line);
    leading_iso(line)
        .or_else(|| klog(line))
        .or_else(|| syslog(line))
        .or_else(|| since_boot(line))
        .or_else(|| after_a_word(line))
        .or_else(|| keyed(line))
        .or_else(|| written(line))
}

/// `Sat 2026-11-21 10:20:42 UTC host …` (journalctl's `short-full`), `INFO 2026-11-21 10:20:42 …`, `[ERROR] 2026/11/21 10:20:42 …`,
/// `E, [2026-11-21T10:20:42.5 #1] ERROR` (Ruby's Logger), `[7] 2026/11/21 10:20:42.123456 [ERR] …` (NATS).
fn after_a_word(line: &str) -> Option<(Stamp, &str)> {
    let (word, rest) = line.split_once(' ')?;
    // `周六` and `星期六` in zh_CN.
    let is_word = word.chars().count() <= 10
        && word
            .chars()
            .all(|c| c.is_alphabetic() || matches!(c, '[' | ']' | ':' | '|' | ','))
        && word.chars().any(char::is_alphabetic);
    // The process id that nats-server writes first (`logger/log.go`).
    let pid = word.strip_prefix('[').and_then(|word| word.strip_suffix(']'));
    let is_pid = pid.is_some_and(|pid| !pid.is_empty() && pid.bytes().all(|byte| byte.is_ascii_digit()));
    if is_word || is_pid {
        leading_iso(rest.trim_start())
    } else {
        None
    }
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
pub(super) fn leading_iso(line: &str) -> Option<(Stamp, &str)> {
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
        // `CST` is China and Chicago; it is what the machine has.
        let is_named = zone == " CST" || zone.starts_with(" CST ");
        let stamp = if is_named { Stamp::OfMachine } else { Stamp::NoZone };
        return Some((stamp(civil), raw));
    }
    let zone = zone.get(..zone_length)?;
    let offset = if matches!(zone, "Z" | " UTC" | " GMT") {
        Offset::UTC
    } else {
        offset(zone.trim_start())?
    };
    let time = civil.to_zoned(TimeZone::fixed(offset)).ok()?.timestamp();
    Some((Stamp::Exact(time), raw))
}

fn zone_length(zone: &str) -> usize {
    let bytes = zone.as_bytes();
    match bytes {
        [b'Z', ..] => 1,
        // PostgreSQL and `short-full` write the zone's name.
        [b' ', b'U', b'T', b'C', ..] | [b' ', b'G', b'M', b'T', ..] => 4,
        [b'+' | b'-', a, b, b':', c, d, ..] if [a, b, c, d].iter().all(|byte| byte.is_ascii_digit()) => 6,
        [b'+' | b'-', a, b, c, d, ..] if [a, b, c, d].iter().all(|byte| byte.is_ascii_digit()) => 5,
        [b' ', b'+' | b'-', a, b, c, d, ..] if [a, b, c, d].iter().all(|byte| byte.is_ascii_digit()) => 6,
        _ => 0,
    }
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
    let month = MONTHS.iter().position(|month| line.starts_with(month))? + 1;
    let day: i8 = line.get(4..6)?.trim_start().parse().ok()?;
    let rest = line.get(7..)?;
    let end = rest.find(' ').unwrap_or(rest.len());
    let time: jiff::civil::Time = rest.get(..end)?.parse().ok()?;
    let date = jiff::civil::Date::new(2000, i8::try_from(month).ok()?, day).ok()?;
    Some((Stamp::OfMachineNoYear(date.to_datetime(time)), line.get(..7 + end)?))
}

/// `time="2026-…"` (logfmt: containerd, dockerd), `"ts":"2026-…"`, `"time":"…"`, `"@timestamp":"…"` (JSON), with a number for the
/// seconds or milliseconds since 1970 (zap, pino), or journald's own field, in microseconds (systemd.journal-fields(7)).
fn keyed(line: &str) -> Option<(Stamp, &str)> {
    const KEYS: [&str; 8] = [
        "time=",
        "\"ts\":",
        "\"time\":",
        "\"@timestamp\":",
        "\"timestamp\":",
        "ts=",
        "\"__REALTIME_TIMESTAMP\" :",
        "\"__REALTIME_TIMESTAMP\":",
    ];
    KEYS.iter().find_map(|key| {
        let at = line.find(key)? + key.len();
        let value = line.get(at..)?.trim_start();
        let value = value.strip_prefix('"').unwrap_or(value);
        leading_iso(value).or_else(|| epoch(value))
    })
}

/// How far a machine's clock is from UTC, by a line that tells it: `time="…+08:00"` of containerd, dockerd, k3s and RKE2 (logrus writes
/// the local zone), also behind the time without a zone that the journal or syslog put before it.
pub fn offset_told(line: &str) -> Option<Offset> {
    let line = without_decoration(line);
    let at = line.find("time=\"")?;
    let (Stamp::Exact(exact), raw) = leading_iso(line.get(at + "time=\"".len()..)?)? else {
        return None;
    };
    let zone = raw
        .get(raw.len().saturating_sub(6)..)
        .filter(|zone| zone.starts_with(['+', '-']));
    if at == 0 {
        return zone.and_then(offset).or((raw.ends_with('Z')).then_some(Offset::UTC));
    }
    let (Stamp::OfMachineNoYear(civil), _) = syslog(line)? else {
        return None;
    };
    // The year is that of the other; zones differ from UTC by quarters of an hour (tz database), and a line is written at once.
    let year = exact.to_zoned(TimeZone::UTC).year();
    let local = civil
        .with()
        .year(year)
        .build()
        .ok()?
        .to_zoned(TimeZone::UTC)
        .ok()?
        .timestamp();
    let apart = local.duration_since(exact).as_secs();
    let quarters = (apart + QUARTER / 2).div_euclid(QUARTER);
    let rest = (apart - quarters * QUARTER).abs();
    let seconds = i32::try_from(quarters * QUARTER).ok()?;
    (rest <= 2 && seconds.abs() <= 14 * 3600)
        .then(|| Offset::from_seconds(seconds).ok())
        .flatten()
}

/// The offset from UTC that the time of a line is written with.
pub fn offset_written(line: &str) -> Option<Offset> {
    let (Stamp::Exact(_), raw) = stamp_of(line)? else {
        return None;
    };
    // `+08:00` or `+0800`.
    let sign = raw.rfind(['+', '-']).filter(|at| raw.len() - at <= 6)?;
    offset(raw.get(sign..)?)
}

/// Seconds by whose multiples zones differ.
const QUARTER: i64 = 15 * 60;

#[cfg(test)]
mod tests {
    use super::*;

    fn time(line: &str) -> String {
        let reference = "2026-01-02T00:00:00Z".parse().unwrap();
        let (stamp, raw) = stamp_of(line).unwrap();
        stamp.resolve(raw, Some(reference), None).unwrap().earliest.to_string()
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
            (
                "Nov  3 10:20:42.000123 host kubelet[1]: x",
                "2025-11-03T10:20:42.000123Z",
            ),
            ("Mon 2025-11-03 10:20:42 UTC host kubelet[1]: x", "2025-11-03T10:20:42Z"),
            ("[Mon Nov  3 10:20:42 2025] Out of memory", "2025-11-03T10:20:42Z"),
            ("[Nov03 10:20] Out of memory", "2025-11-03T10:20:00Z"),
            (
                "kern:    info: [2025-11-03T10:20:42.118Z]: x",
                "2025-11-03T10:20:42.118Z",
            ),
            (
                "10.0.0.1: user: warning: [2025-11-03T10:20:42.118Z]: [talos] x",
                "2025-11-03T10:20:42.118Z",
            ),
            ("[一 11月  3 10:20:42 2025] Out of memory", "2025-11-03T10:20:42Z"),
            ("11月 03 10:20:42 host kubelet[1]: x", "2025-11-03T10:20:42Z"),
            ("2025年11月3日 下午1:20:42 x", "2025-11-03T13:20:42Z"),
            ("<34>1 2025-11-03T10:20:42Z host app - - x", "2025-11-03T10:20:42Z"),
            ("\u{1b}[32m2025-11-03T10:20:42Z\u{1b}[0m INFO x", "2025-11-03T10:20:42Z"),
            (
                "10.0.0.1 - - [03/Nov/2025:18:20:42 +0800] \"GET / HTTP/1.1\" 502",
                "2025-11-03T10:20:42Z",
            ),
            ("03-Nov-2025 10:20:42.123 SEVERE [main] x", "2025-11-03T10:20:42.123Z"),
            ("1:M 03 Nov 2025 10:20:42.123 * Ready", "2025-11-03T10:20:42.123Z"),
            ("Nov 3, 2025 12:20:42 AM org.apache.x", "2025-11-03T00:20:42Z"),
            ("十一月 3, 2025 1:20:42 下午 org.apache.x", "2025-11-03T13:20:42Z"),
            (
                "E, [2025-11-03T10:20:42.586318 #1] ERROR -- : x",
                "2025-11-03T10:20:42.586318Z",
            ),
            ("[7] 2025/11/03 10:20:42.394318 [ERR] x", "2025-11-03T10:20:42.394318Z"),
            (
                "[Nest] 1  - 11/03/2025, 1:20:42 PM   ERROR [Orders] x",
                "2025-11-03T13:20:42Z",
            ),
            ("INFO:     2025-11-03 10:20:42,5 started", "2025-11-03T10:20:42.5Z"),
            ("[2025-11-03 10:20:42,123] ERROR in app: x", "2025-11-03T10:20:42.123Z"),
            ("2025-11-03 18:20:42.123 +0800 [1] FATAL: x", "2025-11-03T10:20:42.123Z"),
            (
                "{\"level\":\"info\",\"ts\":1762165242.5,\"msg\":\"x\"}",
                "2025-11-03T10:20:42.5Z",
            ),
            (
                "{\"level\":30,\"time\":1762165242123,\"msg\":\"x\"}",
                "2025-11-03T10:20:42.123Z",
            ),
            (
                "{\"__REALTIME_TIMESTAMP\" : \"1762165242123456\"}",
                "2025-11-03T10:20:42.123456Z",
            ),
        ] {
            assert_eq!(time(line), expected, "{line}");
        }
    }

    #[test]
    fn what_machines_write_is_in_their_zone_and_everything_else_is_not() {
        let china = Offset::from_seconds(8 * 3600).ok();
        let reference = "2026-01-02T00:00:00Z".parse().unwrap();
        for (line, expected) in [
            ("Nov  3 18:20:42 host kernel: x", "2025-11-03T10:20:42Z"),
            ("11月 03 18:20:42 host kubelet[1]: x", "2025-11-03T10:20:42Z"),
            ("[Mon Nov  3 18:20:42 2025] Out of memory", "2025-11-03T10:20:42Z"),
            ("Mon 2025-11-03 18:20:42 CST host kubelet[1]: x", "2025-11-03T10:20:42Z"),
            ("Mon Nov  3 18:20:42 CST 2025", "2025-11-03T10:20:42Z"),
            // A container has a zone of its own, and klog is written in containers too.
            ("E1103 10:20:42.5 1 x.go:1] y", "2025-11-03T10:20:42.5Z"),
            ("2025-11-03 10:20:42,123 ERROR [main] x", "2025-11-03T10:20:42.123Z"),
            (
                "[Mon Nov  3 10:20:42.123456 2025] [error] [pid 1] x",
                "2025-11-03T10:20:42.123456Z",
            ),
        ] {
            let (stamp, raw) = stamp_of(line).unwrap();
            let when = stamp.resolve(raw, Some(reference), china).unwrap();
            assert_eq!(when.earliest.to_string(), expected, "{line}");
        }
    }

    #[test]
    fn an_offset_is_read_as_it_is_written() {
        for (line, seconds) in [
            ("2025-11-03T18:20:42+08:00 x", Some(8 * 3600)),
            ("2025-11-03 18:20:42.1 +0800 [1] LOG: x", Some(8 * 3600)),
            (
                "10.0.0.1 - - [03/Nov/2025:05:20:42 -0500] \"GET / HTTP/1.1\" 502",
                Some(-5 * 3600),
            ),
            ("2025-11-03T10:20:42Z x", None),
            ("2025-11-03 18:20:42 x", None),
        ] {
            assert_eq!(offset_written(line).map(Offset::seconds), seconds, "{line}");
        }
    }

    #[test]
    fn a_zone_is_told_by_what_writes_it() {
        let told = |line: &str| offset_told(line).map(Offset::seconds);
        for (line, seconds) in [
            ("time=\"2025-11-03T18:20:42+08:00\" level=info msg=x", Some(8 * 3600)),
            ("time=\"2025-11-03T10:20:42Z\" level=info msg=x", Some(0)),
            (
                "Nov  3 18:20:42 cp1 k3s[812]: time=\"2025-11-03T18:20:42+08:00\" level=info msg=x",
                Some(8 * 3600),
            ),
            (
                "Nov  3 18:20:42 cp1 containerd[812]: time=\"2025-11-03T10:20:42.1Z\" level=info",
                Some(8 * 3600),
            ),
            (
                "Jan  1 02:20:42 cp1 k3s[812]: time=\"2025-12-31T18:20:42Z\" level=info",
                None,
            ),
            ("Nov  3 18:20:42 cp1 app[8]: x time=\"2025-11-03T10:11:13Z\"", None),
            ("2025-11-03T18:20:42+08:00 x", None),
        ] {
            assert_eq!(told(line), seconds, "{line}");
        }
    }

    #[test]
    fn a_year_that_is_not_written_never_lies_in_the_future() {
        assert_eq!(time("I1231 23:59:59.5 1 x.go:1] y"), "2025-12-31T23:59:59.5Z");
        assert_eq!(time("I0102 00:10:00.0 1 x.go:1] y"), "2026-01-02T00:10:00Z");
        let (stamp, raw) = stamp_of("E1121 09:34:42.1 1 x.go:1] y").unwrap();
        assert_eq!(stamp.resolve(raw, None, None), None);
    }

    #[test]
    fn a_time_since_boot_is_an_interval_once_the_boot_is_known() {
        let (stamp, raw) = stamp_of("<4>[   90.500000] Out of memory").unwrap();
        assert_eq!(
            (raw, stamp.resolve(raw, Some(Timestamp::UNIX_EPOCH), None)),
            ("90.500000", None)
        );
        let booted = (
            "2026-01-01T00:00:00Z".parse().unwrap(),
            "2026-01-01T00:01:00Z".parse().unwrap(),
        );
        let when = stamp.resolve_since(raw, booted).unwrap();
        assert_eq!(
            (when.earliest.to_string(), when.latest.to_string()),
            ("2026-01-01T00:01:30.5Z".into(), "2026-01-01T00:02:30.5Z".into())
        );
    }

    #[test]
    fn numbers_and_words_that_are_no_times_are_left_alone() {
        for line in [
            "{\"ts\":12,\"time\":\"soon\"}",
            "[main] started",
            "[12] x",
            "[1.5] x",
            "[  +0.000007] x",
            "[Nov21 now] x",
            "Mon Nov 31 10:20:42 2025 x",
            "11月 x",
            "[03/Abc/2025:18:20:42 +0800]",
            "time=1762165242123999999999",
            "2025-13-03 10:20:42 x",
        ] {
            assert_eq!(stamp_of(line), None, "{line}");
        }
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

//! Times in words, brackets, other languages and bare numbers: what is not ISO 8601, klog or syslog.

use std::sync::LazyLock;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};
use regex::Regex;

use super::Stamp;
use super::stamp::leading_iso;

/// English names of months, by their first three letters.
pub(super) const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];
/// Chinese names of months as Java prints them.
const CHINESE_MONTHS: [&str; 12] = [
    "一月",
    "二月",
    "三月",
    "四月",
    "五月",
    "六月",
    "七月",
    "八月",
    "九月",
    "十月",
    "十一月",
    "十二月",
];

/// The line without colours (ECMA-48) and the priority before a message of syslog (`<34>1 `, RFC 5424) or of the kernel (`<6>`).
pub(super) fn without_decoration(line: &str) -> &str {
    let mut rest = line.trim_start();
    loop {
        let shorter = rest
            .strip_prefix("\u{1b}[")
            .and_then(|rest| rest.split_once('m'))
            .map(|(_, rest)| rest);
        let shorter = shorter.or_else(|| {
            let (number, rest) = rest.strip_prefix('<')?.split_once('>')?;
            let is_priority =
                number.len() <= 3 && !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
            is_priority.then(|| rest.strip_prefix("1 ").unwrap_or(rest))
        });
        match shorter {
            Some(shorter) => rest = shorter.trim_start(),
            None => return rest,
        }
    }
}

/// `[ 3226.997274] ` of the kernel's ring buffer: seconds since boot (`kernel/printk/printk.c`, `print_time`).
pub(super) fn since_boot(line: &str) -> Option<(Stamp, &str)> {
    let (raw, _) = line.strip_prefix('[')?.split_once(']')?;
    let raw = raw.trim_start();
    let (seconds, fraction) = raw.split_once('.')?;
    // `[  +0.000007]` of `dmesg -H` counts from the line before.
    if fraction.len() != 6 || seconds.len() > 12 || seconds.starts_with('+') {
        return None;
    }
    let duration = SignedDuration::new(seconds.parse().ok()?, fraction.parse::<i32>().ok()? * 1000);
    Some((Stamp::SinceBoot(duration), raw))
}

/// All forms that stand at the beginning of a line, and the access logs' form within it.
pub(super) fn written(line: &str) -> Option<(Stamp, &str)> {
    let first = line.chars().next()?;
    let body = line.strip_prefix('[').unwrap_or(line);
    match first {
        '0'..='9' => chinese(line)
            .or_else(|| day_first(line))
            .or_else(|| bracketed(line))
            .or_else(|| of_facility(line)),
        '[' | 'A'..='Z' => of_kernel(line)
            .or_else(|| c_time(body))
            .or_else(|| month_first(body))
            .or_else(|| nest(line))
            .or_else(|| to_the_minute(line))
            .or_else(|| bracketed(line)),
        _ if !first.is_ascii() => c_time(body).or_else(|| month_first(body)),
        _ => bracketed(line).or_else(|| of_facility(line)),
    }
}

/// `[Sat Nov 21 10:20:42 2026] Out of memory …` of `dmesg -T`. Apache's errors have a second bracket behind it, and later ones a fraction.
fn of_kernel(line: &str) -> Option<(Stamp, &str)> {
    let (raw, rest) = line.strip_prefix('[')?.split_once(']')?;
    let (Stamp::NoZone(civil), raw) = c_time(raw)? else {
        return None;
    };
    (!rest.trim_start().starts_with('[') && !raw.contains('.')).then_some((Stamp::OfMachine(civil), raw))
}

/// `kern:    info: [2026-11-21T10:20:42.118Z]: …`, after the name of the machine or not: the kernel's messages as Talos prints them
/// (siderolabs/talos `pkg/machinery/kernel`, `internal/pkg/kmsg`).
fn of_facility(line: &str) -> Option<(Stamp, &str)> {
    /// Facility, severity and a machine's name are short.
    const BEFORE: usize = 120;
    let head = line.get(..line.floor_char_boundary(BEFORE))?;
    leading_iso(head.split_once(": [")?.1).filter(|(_, raw)| head.contains(&format!("{raw}]: ")))
}

/// `[Nov21 10:20] …` of `dmesg -H`, whose other lines have the seconds since the line before.
fn to_the_minute(line: &str) -> Option<(Stamp, &str)> {
    let (raw, _) = line.strip_prefix('[')?.split_once(']')?;
    let (day, clock) = raw.split_once(' ')?;
    let month = month(day.get(..3)?)?;
    let is_clock = clock.len() == 5 && clock.as_bytes().get(2) == Some(&b':');
    let civil = civil("2000", month, day.get(3..)?, &format!("{clock}:00"), None).filter(|_| is_clock)?;
    Some((Stamp::OfMachineNoYear(civil), raw))
}

/// `Sat Nov 21 10:20:42 2026` (ctime(3); `dmesg -T` in brackets), with a zone before the year (`date`), in zh_CN `六 11月 21 10:20:42 2026`.
fn c_time(body: &str) -> Option<(Stamp, &str)> {
    static FORM: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"^(?:[A-Z][a-z]{2}|(?:周|星期)?[一二三四五六日]) +([A-Z][a-z]{2}|\d{1,2}月) +(\d{1,2}) (\d\d:\d\d:\d\d(?:\.\d+)?)(?: ([A-Z]{3,4}))? (\d{4})")
            .ok()
    });
    let found = FORM.as_ref()?.captures(body)?;
    let group = |at: usize| found.get(at).map_or("", |group| group.as_str());
    let civil = civil(group(5), month(group(1))?, group(2), group(3), None)?;
    Some((zoned(civil, group(4))?, group(0)))
}

/// `Nov 21, 2026 10:20:42 AM` and `十一月 21, 2026 10:20:42 上午` (java.util.logging), `11月 21 10:20:42 host` (journalctl in zh_CN).
fn month_first(body: &str) -> Option<(Stamp, &str)> {
    static FORM: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"^([A-Z][a-z]{2}|[一二三四五六七八九十]{1,2}月) (\d{1,2}), (\d{4}),? (\d{1,2}:\d\d:\d\d(?:\.\d+)?)\s?(AM|PM|上午|下午)?").ok()
    });
    let found = FORM.as_ref()?.captures(body)?;
    let group = |at: usize| found.get(at).map_or("", |group| group.as_str());
    let civil = civil(group(3), month(group(1))?, group(2), group(4), half(group(5)))?;
    Some((Stamp::NoZone(civil), group(0)))
}

/// `[Nest] 1  - 11/21/2026, 10:20:42 AM` (nestjs/nest `console-logger.service.ts`, `getTimestamp`: the en-US form, month first).
fn nest(line: &str) -> Option<(Stamp, &str)> {
    static FORM: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"^\[Nest\] \d+ +- ((\d{1,2})/(\d{1,2})/(\d{4}), (\d{1,2}:\d\d:\d\d)\s(AM|PM))").ok()
    });
    let found = FORM.as_ref()?.captures(line)?;
    let group = |at: usize| found.get(at).map_or("", |group| group.as_str());
    let civil = civil(group(4), group(2).parse().ok()?, group(3), group(5), half(group(6)))?;
    Some((Stamp::NoZone(civil), group(1)))
}

/// `21-Nov-2026 10:20:42.123` (Tomcat), `1:M 21 Nov 2026 10:20:42.123 *` (Redis).
fn day_first(line: &str) -> Option<(Stamp, &str)> {
    static FORM: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"^(?:\d+:[A-Z] )?(\d{1,2})[- ]([A-Z][a-z]{2})[- ](\d{4}) (\d\d:\d\d:\d\d(?:\.\d+)?)").ok()
    });
    let found = FORM.as_ref()?.captures(line)?;
    let group = |at: usize| found.get(at).map_or("", |group| group.as_str());
    let civil = civil(group(3), month(group(2))?, group(1), group(4), None)?;
    Some((Stamp::NoZone(civil), group(0)))
}

/// `2026年11月21日 上午10:20:42`, `11月 21 10:20:42 host` (journalctl and syslog in zh_CN; no year).
fn chinese(line: &str) -> Option<(Stamp, &str)> {
    static FULL: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"^(\d{4})年 ?(\d{1,2})月 ?(\d{1,2})日 ?(?:(?:星期|周)[一二三四五六日] ?)?(上午|下午)? ?(\d{1,2})[:时](\d\d)[:分](\d\d(?:\.\d+)?)秒?").ok()
    });
    static SHORT: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"^(\d{1,2}月) +(\d{1,2}) (\d\d:\d\d:\d\d(?:\.\d+)?)").ok());
    if !line
        .get(..line.floor_char_boundary(8))
        .unwrap_or("")
        .contains(['年', '月'])
    {
        return None;
    }
    if let Some(found) = FULL.as_ref()?.captures(line) {
        let group = |at: usize| found.get(at).map_or("", |group| group.as_str());
        let clock = format!("{}:{}:{}", group(5), group(6), group(7));
        let civil = civil(group(1), group(2).parse().ok()?, group(3), &clock, half(group(4)))?;
        return Some((Stamp::NoZone(civil), group(0)));
    }
    let found = SHORT.as_ref()?.captures(line)?;
    let group = |at: usize| found.get(at).map_or("", |group| group.as_str());
    // A leap year, so that 29 February survives until the year is known.
    let civil = civil("2000", month(group(1))?, group(2), group(3), None)?;
    Some((Stamp::OfMachineNoYear(civil), group(0)))
}

/// `… [21/Nov/2026:10:20:42 +0000] …` (Common Log Format: Apache, nginx, HAProxy without a zone).
fn bracketed(line: &str) -> Option<(Stamp, &str)> {
    let inner = line.split_once('[')?.1;
    let shape = [2usize, 6, 11].map(|at| inner.as_bytes().get(at).copied());
    if shape != [Some(b'/'), Some(b'/'), Some(b':')] {
        return None;
    }
    let end = inner.find(']')?;
    let raw = inner.get(..end)?;
    let (date, zone) = raw.split_once(' ').unwrap_or((raw, ""));
    let civil = civil(
        date.get(7..11)?,
        month(date.get(3..6)?)?,
        date.get(..2)?,
        date.get(12..)?,
        None,
    )?;
    let stamp = match offset(zone) {
        Some(offset) => Stamp::Exact(civil.to_zoned(TimeZone::fixed(offset)).ok()?.timestamp()),
        None => Stamp::NoZone(civil),
    };
    Some((stamp, raw))
}

/// Seconds, milliseconds, microseconds or nanoseconds since 1970, told apart by their size; only times from 2001 to 2286 are believed.
pub(super) fn epoch(text: &str) -> Option<(Stamp, &str)> {
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let raw = text.get(..end)?;
    let (whole, fraction) = raw.split_once('.').unwrap_or((raw, ""));
    let unit: u32 = match whole.len() {
        10 => 9,
        13 => 6,
        16 => 3,
        19 => 0,
        _ => return None,
    };
    let number: i128 = whole.parse().ok()?;
    let mut nanoseconds = number * 10_i128.pow(unit);
    if unit == 9 && !fraction.is_empty() {
        let digits = fraction.get(..fraction.len().min(9))?;
        nanoseconds += digits.parse::<i128>().ok()? * 10_i128.pow(9 - u32::try_from(digits.len()).ok()?);
    }
    let time = Timestamp::from_nanosecond(nanoseconds).ok()?;
    Some((Stamp::Exact(time), raw))
}

/// UTC is sure; other abbreviations are ambiguous (`CST` is China and Chicago), so the zone counts as not written.
fn zoned(civil: DateTime, zone: &str) -> Option<Stamp> {
    Some(match zone {
        "UTC" | "GMT" => Stamp::Exact(civil.to_zoned(TimeZone::UTC).ok()?.timestamp()),
        // It is what the machine has, whichever that is.
        "CST" => Stamp::OfMachine(civil),
        _ => Stamp::NoZone(civil),
    })
}

fn month(word: &str) -> Option<i8> {
    let by_number = word.strip_suffix('月').and_then(|number| number.parse().ok());
    let by_name = |names: &[&str]| names.iter().position(|name| *name == word);
    by_number.or_else(|| i8::try_from(by_name(&MONTHS).or_else(|| by_name(&CHINESE_MONTHS))? + 1).ok())
}

/// True for the afternoon.
fn half(word: &str) -> Option<bool> {
    match word {
        "AM" | "上午" => Some(false),
        "PM" | "下午" => Some(true),
        _ => None,
    }
}

fn civil(year: &str, month: i8, day: &str, clock: &str, afternoon: Option<bool>) -> Option<DateTime> {
    let (hour, rest) = clock.split_once(':')?;
    let hour: i8 = hour.parse().ok()?;
    let hour = match afternoon {
        Some(true) if hour < 12 => hour + 12,
        Some(false) if hour == 12 => 0,
        _ => hour,
    };
    let time: Time = format!("{hour:02}:{rest}").parse().ok()?;
    Some(
        Date::new(year.parse().ok()?, month, day.trim().parse().ok()?)
            .ok()?
            .to_datetime(time),
    )
}

/// `+0800`, `-07:00`.
pub(super) fn offset(zone: &str) -> Option<Offset> {
    let digits: String = zone.chars().filter(char::is_ascii_digit).collect();
    let hours: i32 = digits.get(..2)?.parse().ok()?;
    let minutes: i32 = digits.get(2..4)?.parse().ok()?;
    let seconds = (hours * 60 + minutes) * 60;
    Offset::from_seconds(if zone.starts_with('-') { -seconds } else { seconds }).ok()
}

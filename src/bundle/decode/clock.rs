//! `date` (GNU coreutils, busybox) in the forms people and collectors leave it in, alone in a small file or behind a prompt.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::{rfc2822, strtime};
use jiff::tz::TimeZone;

use super::{Decoder, Fact, Section, TextFile, ansible_answer};
use crate::model::{Basis, When};

/// The host's clock.
pub(super) const DECODER: Decoder = Decoder { name: "date", decode };

/// A file with more lines than this is not the output of `date`.
const MOST_LINES: usize = 3;

fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    // The hardware clock is another one, and may well differ.
    let answers = start
        .checked_sub(1)
        .is_some_and(|before| asks_for_date(file.line(before)));
    let line = file.line(start).trim();
    let (line, answers) = match ansible_answer(line).and_then(|answer| answer.first_line) {
        Some(answer) => (answer, true),
        None => (line, answers),
    };
    if file.path.file_name().contains("hwclock") || line.len() > LONGEST {
        return None;
    }
    let (line, answers) = match line.split_once([' ', '\t']) {
        Some((_, answer)) if answer.trim_start().parse::<Timestamp>().is_ok() && in_a_loop(file, start) => {
            (answer.trim_start(), true)
        }
        _ => (line, answers),
    };
    if file.lines.len() > MOST_LINES && !answers && !(clock(line).is_some() && asked_of_several(file, start)) {
        return None;
    }
    let (when, zone) = clock(line)?;
    let cite = file.cite(start).at(Some(when.clone()));
    Some(Section {
        end: start + 1,
        facts: vec![Fact::Clock { when, zone, cite }],
        ..Section::default()
    })
}

/// Bytes of the longest form of a time.
const LONGEST: usize = 64;
/// Lines between a command that asks one machine after another and the answer of the last.
const ANSWERS: usize = 60;

/// True below a heading (`== node-1`) where a loop over machines asks each for its time: `$ for h in n1 n2; do echo "== $h"; ssh $h date; done`.
fn asked_of_several(file: &TextFile<'_>, start: usize) -> bool {
    let below_heading = start
        .checked_sub(1)
        .map(|index| file.line(index))
        // Or the machine's own name, as `hostname` prints it.
        .is_some_and(|line| line.starts_with(['=', '-', '#', '>', '*']) || !line.is_empty() && !line.contains(' '));
    below_heading && in_a_loop(file, start)
}

/// True below a loop that asks for the time.
fn in_a_loop(file: &TextFile<'_>, start: usize) -> bool {
    let mut above = (start.saturating_sub(ANSWERS)..start)
        .rev()
        .map(|index| file.line(index));
    above.any(|line| {
        let mut words = line.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
        line.contains("for ") && line.contains(" do ") && words.any(|word| word == "date")
    })
}

fn asks_for_date(line: &str) -> bool {
    let command = line
        .rsplit_once(['$', '#', '>'])
        .map_or("", |(_, command)| command.trim());
    command == "date" || command.starts_with("date -") || command.starts_with("date +")
}

/// The time of a line that is nothing but a time, and its zone as written.
pub(super) fn clock(line: &str) -> Option<(When, String)> {
    let exact = |time, zone: &str| (When::at(time, line, Basis::Exact), zone.to_owned());
    if let Ok(time) = line.parse::<Timestamp>() {
        let from = line.rfind(['Z', 'z', '+']).or_else(|| line.rfind('-'))?;
        return Some(exact(time, line.get(from..)?));
    }
    if let Ok(zoned) = rfc2822::parse(line) {
        return Some(exact(zoned.timestamp(), line.rsplit(' ').next()?));
    }
    let words: Vec<&str> = line.split_whitespace().collect();
    let (civil, zone) = match words.as_slice() {
        // C locale: `Sat Nov 21 10:20:42 UTC 2026`.
        [_, month, day, time, zone, year] if is_word(month) && time.contains(':') => {
            (parse("%b %d %H:%M:%S %Y", &[month, day, time, year])?, *zone)
        }
        // en_US of newer glibc: `Sat Nov 21 10:20:42 AM UTC 2026`.
        [_, month, day, time, half @ ("AM" | "PM"), zone, year] => {
            (parse("%b %d %I:%M:%S %p %Y", &[month, day, time, half, year])?, *zone)
        }
        // en_GB: `Sat 21 Nov 10:20:42 UTC 2026`.
        [_, day, month, time, zone, year] if is_word(month) && time.contains(':') => {
            (parse("%b %d %H:%M:%S %Y", &[month, day, time, year])?, *zone)
        }
        // `date '+%F %T'`, with or without a zone behind.
        [date, time] => (parse("%Y-%m-%d %H:%M:%S", &[date, time])?, ""),
        [date, time, zone] if date.contains('-') => (parse("%Y-%m-%d %H:%M:%S", &[date, time])?, *zone),
        // timedatectl: `Sat 2026-11-21 10:20:42 UTC`.
        [_, date, time, zone] if date.contains('-') => (parse("%Y-%m-%d %H:%M:%S", &[date, time])?, *zone),
        _ => chinese(&words)?,
    };
    let offset = strtime::parse("%z", zone).ok().and_then(|parsed| parsed.offset());
    let (zoned_as, basis) = match (offset, zone) {
        (Some(offset), _) => (TimeZone::fixed(offset), Basis::Exact),
        (None, "UTC" | "GMT") => (TimeZone::UTC, Basis::Exact),
        // Other abbreviations are ambiguous (`CST` is China and Chicago): the clock is read as UTC and marked as assumed.
        (None, zone) if zone.bytes().all(|byte| byte.is_ascii_uppercase()) => (TimeZone::UTC, Basis::TzAssumed),
        _ => return None,
    };
    let time = zoned_as.to_timestamp(civil).ok()?;
    Some((When::at(time, line, basis), zone.to_owned()))
}

/// zh_CN of glibc: `2026年 11月 21日 星期六 10:20:42 UTC`, also without spaces between the parts of the date and with 上午 or 下午.
fn chinese<'w>(words: &[&'w str]) -> Option<(DateTime, &'w str)> {
    let joined = words.concat();
    let (year, rest) = joined.split_once('年')?;
    let (month, rest) = rest.split_once('月')?;
    let (day, _) = rest.split_once('日')?;
    let at = words.iter().position(|word| word.contains(':'))?;
    let clock = *words.get(at)?;
    let is_clock = |c: char| c.is_ascii_digit() || c == ':';
    let half = clock.trim_end_matches(is_clock);
    let (hour, rest) = clock.get(half.len()..)?.split_once(':')?;
    let hour: u8 = hour.parse().ok()?;
    let before = at
        .checked_sub(1)
        .and_then(|before| words.get(before))
        .copied()
        .unwrap_or("");
    let is_marked = |mark: &str| half.ends_with(mark) || before.ends_with(mark);
    let hour = if is_marked("下午") && hour < 12 {
        hour + 12
    } else if is_marked("上午") && hour == 12 {
        0
    } else {
        hour
    };
    let civil = parse("%Y %m %d %H:%M:%S", &[year, month, day, &format!("{hour:02}:{rest}")])?;
    Some((civil, words.get(at + 1).copied().unwrap_or("")))
}

fn parse(format: &str, words: &[&str]) -> Option<DateTime> {
    strtime::parse(format, words.join(" ")).ok()?.to_datetime().ok()
}

fn is_word(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::super::sample::section;
    use super::*;

    fn read(text: &str) -> Option<(String, String, Basis)> {
        match section(&DECODER, "date.txt", text)?.facts.first()? {
            Fact::Clock { when, zone, .. } => Some((when.earliest.to_string(), zone.clone(), when.basis)),
            _ => None,
        }
    }

    #[test]
    fn an_answer_that_ansible_shows_on_one_line_is_a_clock() {
        let line = "n1 | CHANGED | rc=0 | (stdout) 2026-11-21T10:20:42Z\n";
        assert_eq!(
            read(line),
            Some(("2026-11-21T10:20:42Z".to_owned(), "Z".to_owned(), Basis::Exact))
        );
    }

    #[test]
    fn every_form_of_the_same_moment_is_read() {
        for (text, zone, basis) in [
            ("2026-11-21T10:20:42Z\n", "Z", Basis::Exact),
            ("2026-11-21T18:20:42+08:00\n", "+08:00", Basis::Exact),
            ("Sat Nov 21 10:20:42 UTC 2026\n", "UTC", Basis::Exact),
            ("Sat Nov 21 10:20:42 AM UTC 2026\n", "UTC", Basis::Exact),
            ("Sat 21 Nov 10:20:42 GMT 2026\n", "GMT", Basis::Exact),
            ("Sat, 21 Nov 2026 18:20:42 +0800\n", "+0800", Basis::Exact),
            ("2026-11-21 10:20:42\n", "", Basis::TzAssumed),
            ("2026-11-21 18:20:42 +0800\n", "+0800", Basis::Exact),
            ("Sat Nov 21 10:20:42 CST 2026\n", "CST", Basis::TzAssumed),
            ("2026年 11月 21日 星期六 10:20:42 UTC\n", "UTC", Basis::Exact),
            ("2026年 11月 21日 星期六 上午10:20:42 CST\n", "CST", Basis::TzAssumed),
        ] {
            let expected = Some(("2026-11-21T10:20:42Z".to_owned(), zone.to_owned(), basis));
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn a_prompt_that_asks_for_it_tells_the_clock_from_other_times() {
        let pasted = |prompt: &str| {
            let text = format!("a\nb\nc\n{prompt}\nSat Nov 21 10:20:42 UTC 2026\n");
            let path = crate::model::EntryPath::new("paste.txt");
            decode(&TextFile::new("b".into(), &path, &text), 4).is_some()
        };
        assert!(pasted("$ date -u"));
        assert!(pasted("[ops@bastion ~]$ date"));
        assert!(!pasted("$ stat /etc/kubernetes/pki/ca.crt"));
        assert!(!pasted("the date"));
    }

    #[test]
    fn the_hardware_clock_is_not_the_clock() {
        assert!(section(&DECODER, "sos_commands/date/hwclock", "2026-11-21 10:20:42.123+00:00\n").is_none());
    }

    #[test]
    fn afternoon_and_midnight_are_understood() {
        assert_eq!(
            read("2026年11月21日 下午03:05:00 UTC").unwrap().0,
            "2026-11-21T15:05:00Z"
        );
        assert_eq!(
            read("2026年11月21日 上午12:05:00 UTC").unwrap().0,
            "2026-11-21T00:05:00Z"
        );
    }

    #[test]
    fn log_lines_broken_times_and_long_files_are_declined() {
        for text in [
            "",
            "2026-11-21T10:20:42Z started",
            "2026-11-21 10:20:42 started",
            "Sat Nov 31 10:20:42 UTC 2026",
            "Sat Nov 21 10:20",
            "2026年11月21日 星期六 10时20分42秒 CST",
            "date: command not found",
            "2026-11-21T10:20:42Z\na\nb\nc\n",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}

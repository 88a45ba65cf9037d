//! Times as a person reads them, with the offset of their zone written out.

use std::borrow::Cow;

use jiff::Timestamp;

use super::style::Zone;
use crate::model::When;

/// How finely a time is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Grain {
    /// `10:20:33`.
    Second,
    /// `10:20:33.587`, where seconds do not tell two rows apart.
    Milli,
}

/// `2026-11-21 10:20:33 +00:00`, or `a–b` for an interval, with the date and the offset once where both ends share them.
pub(crate) fn show(when: &When, grain: Grain, zone: &Zone) -> String {
    // A bound of an interval that has no fraction was written, or is known, to the second.
    let bound = |time: Timestamp| match time.subsec_nanosecond() {
        0 if !when.is_instant() => Grain::Second,
        _ => grain,
    };
    let (from, to) = (
        moment(when.earliest, bound(when.earliest), zone),
        moment(when.latest, bound(when.latest), zone),
    );
    let (start, end) = (zone.offset(when.earliest), zone.offset(when.latest));
    if when.is_instant() || (from == to && start == end) {
        return format!("{from} {end}");
    }
    if start != end {
        return format!("{from} {start} – {to} {end}");
    }
    if date(when.earliest, zone) == date(when.latest, zone) {
        return format!("{from}–{} {end}", clock(when.latest, bound(when.latest), zone));
    }
    format!("{from} – {to} {end}")
}

/// From the beginning of one time to the end of another.
pub(crate) fn span(start: &When, end: &When, zone: &Zone) -> String {
    let whole = When {
        earliest: start.earliest,
        latest: end.latest.max(start.earliest),
        ..start.clone()
    };
    show(&whole, Grain::Second, zone)
}

/// `2026-11-21`.
pub(crate) fn date(time: Timestamp, zone: &Zone) -> String {
    zone.format(time, "%Y-%m-%d")
}

/// `10:20:33`.
pub(crate) fn clock(time: Timestamp, grain: Grain, zone: &Zone) -> String {
    match grain {
        Grain::Second => zone.format(time, "%H:%M:%S"),
        Grain::Milli => zone.format(time, "%H:%M:%S%.3f"),
    }
}

fn moment(time: Timestamp, grain: Grain, zone: &Zone) -> String {
    format!("{} {}", date(time, zone), clock(time, grain, zone))
}

/// For each row, milliseconds if a neighbour falls into the same second at another moment and its source wrote them, else seconds.
pub(super) fn grains(rows: &[Option<&When>]) -> Vec<Grain> {
    let clash = |a: Option<&When>, b: Option<&When>| match (a, b) {
        (Some(a), Some(b)) => a.earliest != b.earliest && a.earliest.as_second() == b.earliest.as_second(),
        _ => false,
    };
    let at = |index: usize| rows.get(index).copied().flatten();
    (0..rows.len())
        .map(|i| {
            let before = i.checked_sub(1).and_then(at);
            let is_coarse = at(i).is_some_and(When::is_to_the_second);
            if !is_coarse && (clash(before, at(i)) || clash(at(i), at(i.saturating_add(1)))) {
                Grain::Milli
            } else {
                Grain::Second
            }
        })
        .collect()
}

/// A day and an offset that several times share.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Day {
    date: String,
    offset: String,
}

impl std::fmt::Display for Day {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.date, self.offset)
    }
}

/// The day of all these times, where they are on one: then a table says it once, in its head.
pub(crate) fn shared_day(times: &[Option<&When>], zone: &Zone) -> Option<Day> {
    let ends = times.iter().flatten().flat_map(|when| [when.earliest, when.latest]);
    let mut days = ends.map(|time| Day {
        date: date(time, zone),
        offset: zone.offset(time).to_string(),
    });
    let first = days.next()?;
    days.all(|day| day == first).then_some(first)
}

/// A time as [`show`] has it without the day that is said elsewhere.
pub(crate) fn without(day: &Day, shown: &str) -> String {
    let shown = shown.strip_prefix(&format!("{} ", day.date)).unwrap_or(shown);
    let shown = shown.strip_suffix(&format!(" {}", day.offset)).unwrap_or(shown);
    shown.to_owned()
}

/// The length of a time in a sentence: `2026-11-21 10:20:33 +00:00`.
const IN_SENTENCE: usize = 26;

/// A sentence with its times in the zone of the report. Sentences are composed once, in UTC, and every time in them has this one form.
pub(super) fn in_zone<'t>(text: &'t str, zone: &Zone) -> Cow<'t, str> {
    if zone.is_utc() || !text.contains(" +00:00") {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(end) = rest.find(" +00:00").map(|at| at + " +00:00".len()) {
        let (before, after) = rest.split_at(end);
        let start = end
            .checked_sub(IN_SENTENCE)
            .filter(|start| before.is_char_boundary(*start));
        let (words, written) = before.split_at(start.unwrap_or(end));
        shown.push_str(words);
        match Timestamp::strptime("%Y-%m-%d %H:%M:%S %:z", written) {
            Ok(time) => shown.push_str(&format!("{} {}", moment(time, Grain::Second, zone), zone.offset(time))),
            Err(_) => shown.push_str(written),
        }
        rest = after;
    }
    shown.push_str(rest);
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_sentence_has_its_times_in_the_zone_of_the_report() {
        let zone = "Asia/Shanghai".parse().unwrap();
        let text = "自 2026-11-21 20:20:33 +00:00 – 2026-11-21 20:20:34 +00:00 起, a +00:00";
        let shown = "自 2026-11-22 04:20:33 +08:00 – 2026-11-22 04:20:34 +08:00 起, a +00:00";
        assert_eq!(super::in_zone(text, &zone), shown);
        assert_eq!(super::in_zone(text, &Default::default()), text);
    }

    use super::*;
    use crate::model::Basis;

    fn when(earliest: &str, latest: &str) -> When {
        let parse = |text: &str| text.parse().unwrap();
        When {
            earliest: parse(earliest),
            latest: parse(latest),
            raw: String::new(),
            basis: Basis::Exact,
        }
    }

    #[test]
    fn an_offset_is_always_written() {
        let instant = when("2026-11-21T10:20:33.5Z", "2026-11-21T10:20:33.5Z");
        assert_eq!(
            show(&instant, Grain::Second, &Zone::default()),
            "2026-11-21 10:20:33 +00:00"
        );
        assert_eq!(
            show(&instant, Grain::Milli, &Zone::default()),
            "2026-11-21 10:20:33.500 +00:00"
        );
        let day = when("2026-11-21T02:00:00Z", "2026-11-21T10:02:11Z");
        assert_eq!(
            show(&day, Grain::Second, &Zone::default()),
            "2026-11-21 02:00:00–10:02:11 +00:00"
        );
        let night = when("2026-11-20T02:00:00Z", "2026-11-21T10:02:11Z");
        assert_eq!(
            show(&night, Grain::Second, &Zone::default()),
            "2026-11-20 02:00:00 – 2026-11-21 10:02:11 +00:00"
        );
    }

    #[test]
    fn a_day_that_all_rows_share_is_said_once() {
        let zone = Zone::default();
        let (a, b) = (
            when("2026-11-21T10:20:33Z", "2026-11-21T10:20:33Z"),
            when("2026-11-21T02:00:00Z", "2026-11-21T10:02:11Z"),
        );
        let day = shared_day(&[Some(&a), None, Some(&b)], &zone).expect("one day");
        assert_eq!(day.to_string(), "2026-11-21 +00:00");
        assert_eq!(without(&day, &show(&b, Grain::Second, &zone)), "02:00:00–10:02:11");
        let next = when("2026-11-22T10:20:33Z", "2026-11-22T10:20:33Z");
        assert_eq!(shared_day(&[Some(&a), Some(&next)], &zone), None);
    }

    #[test]
    fn a_zone_moves_days_and_shows_its_offset() {
        let shanghai: Zone = "+08:00".parse().unwrap();
        let evening = when("2026-11-21T15:59:00Z", "2026-11-21T16:01:00Z");
        assert_eq!(
            show(&evening, Grain::Second, &shanghai),
            "2026-11-21 23:59:00 – 2026-11-22 00:01:00 +08:00"
        );
        let berlin: Zone = "Europe/Berlin".parse().unwrap();
        let autumn = when("2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z");
        assert_eq!(
            show(&autumn, Grain::Second, &berlin),
            "2026-10-25 02:30:00 +02:00 – 2026-10-25 02:30:00 +01:00"
        );
    }

    #[test]
    fn milliseconds_show_only_where_they_order() {
        let a = when("2026-11-21T10:20:33.1Z", "2026-11-21T10:20:33.1Z");
        let b = when("2026-11-21T10:20:33.9Z", "2026-11-21T10:20:33.9Z");
        let c = when("2026-11-21T10:20:40Z", "2026-11-21T10:20:40Z");
        assert_eq!(
            grains(&[Some(&a), Some(&b), Some(&c), None]),
            [Grain::Milli, Grain::Milli, Grain::Second, Grain::Second]
        );
    }
}

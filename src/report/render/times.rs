//! Times as a person reads them: UTC with its offset written out.

use jiff::Timestamp;

use crate::model::When;

/// The offset that every displayed time carries.
const OFFSET: &str = "+00:00";

/// How finely a time is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Grain {
    /// `10:20:33`.
    Second,
    /// `10:20:33.587`, where seconds do not tell two rows apart.
    Milli,
}

/// `2026-11-21 10:20:33 +00:00`, or `a–b` for an interval, with the date once where both ends share it.
pub(crate) fn show(when: &When, grain: Grain) -> String {
    let (from, to) = (moment(when.earliest, grain), moment(when.latest, grain));
    if from == to {
        return format!("{from} {OFFSET}");
    }
    if date(when.earliest) == date(when.latest) {
        return format!("{from}–{} {OFFSET}", clock(when.latest, grain));
    }
    format!("{from} – {to} {OFFSET}")
}

/// From the beginning of one time to the end of another.
pub(crate) fn span(start: &When, end: &When) -> String {
    let whole = When {
        earliest: start.earliest,
        latest: end.latest.max(start.earliest),
        ..start.clone()
    };
    show(&whole, Grain::Second)
}

/// `2026-11-21`.
pub(crate) fn date(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d").to_string()
}

/// `10:20:33`.
pub(crate) fn clock(time: Timestamp, grain: Grain) -> String {
    match grain {
        Grain::Second => time.strftime("%H:%M:%S").to_string(),
        Grain::Milli => time.strftime("%H:%M:%S%.3f").to_string(),
    }
}

fn moment(time: Timestamp, grain: Grain) -> String {
    format!("{} {}", date(time), clock(time, grain))
}

/// For each row, milliseconds if a neighbour falls into the same second at another moment, else seconds.
pub(super) fn grains(rows: &[Option<&When>]) -> Vec<Grain> {
    let clash = |a: Option<&When>, b: Option<&When>| match (a, b) {
        (Some(a), Some(b)) => a.earliest != b.earliest && a.earliest.as_second() == b.earliest.as_second(),
        _ => false,
    };
    let at = |index: usize| rows.get(index).copied().flatten();
    (0..rows.len())
        .map(|i| {
            let before = i.checked_sub(1).and_then(at);
            if clash(before, at(i)) || clash(at(i), at(i.saturating_add(1))) {
                Grain::Milli
            } else {
                Grain::Second
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
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
        assert_eq!(show(&instant, Grain::Second), "2026-11-21 10:20:33 +00:00");
        assert_eq!(show(&instant, Grain::Milli), "2026-11-21 10:20:33.500 +00:00");
        let day = when("2026-11-21T02:00:00Z", "2026-11-21T10:02:11Z");
        assert_eq!(show(&day, Grain::Second), "2026-11-21 02:00:00–10:02:11 +00:00");
        let night = when("2026-11-20T02:00:00Z", "2026-11-21T10:02:11Z");
        assert_eq!(
            show(&night, Grain::Second),
            "2026-11-20 02:00:00 – 2026-11-21 10:02:11 +00:00"
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

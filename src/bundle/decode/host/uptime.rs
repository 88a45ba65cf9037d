//! `uptime` (procps `uptime.c`) and `/proc/uptime` (proc_uptime(5)).

use regex::Regex;

use crate::bundle::decode::shape::{Shape, group};
use crate::bundle::decode::{Decoder, Fact, Section, TextFile};

/// `host.uptime-seconds`, to the minute, and `host.load-average`.
pub(in crate::bundle::decode) const DECODER: Decoder = Decoder { name: "uptime", decode };

static LINE: Shape = Shape::new(|| {
    Regex::new(
        r"^\s*\d{1,2}:\d\d(?::\d\d)?\s+up\s+(?:(?<days>\d+) days?,\s+)?(?:(?<hours>\d{1,2}):(?<minutes>\d\d)|(?<min>\d+) min)?(?:(?<sec>\d+) sec)?,?\s.*load average: (?<load>.+)$",
    )
});
static PROC: Shape = Shape::new(|| Regex::new(r"^(?<seconds>\d+)\.\d\d \d+\.\d\d$"));

fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let line = file.line(start);
    let fact = |key: &str, value: String| Fact::Value {
        key: key.to_owned(),
        value,
        cite: file.cite(start),
    };
    let facts = if let Some(found) = LINE.groups(line) {
        let number = |name: &str| group(&found, name).parse::<u64>().unwrap_or(0);
        let minutes = number("minutes").saturating_add(number("min"));
        let hours = number("days").saturating_mul(24).saturating_add(number("hours"));
        let seconds = hours.saturating_mul(60).saturating_add(minutes).saturating_mul(60);
        vec![
            fact("host.uptime-seconds", seconds.to_string()),
            fact("host.load-average", group(&found, "load").trim().to_owned()),
        ]
    } else {
        let found = PROC.groups(line).filter(|_| file.path.file_name() == "uptime")?;
        vec![fact("host.uptime-seconds", group(&found, "seconds").to_owned())]
    };
    Some(Section {
        end: start + 1,
        facts,
        ..Section::default()
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::values;
    use super::*;
    use crate::bundle::decode::sample::section;

    #[test]
    fn every_length_of_time_is_read() {
        for (line, seconds) in [
            (" 09:45:31 up  1:03,  0 user,  load average: 0.87, 1.67, 2.12", 63 * 60),
            (
                " 09:45:31 up 12 days,  3:04,  2 users,  load average: 0.87, 1.67, 2.12",
                (12 * 24 * 60 + 184) * 60,
            ),
            (" 09:45:31 up 5 min,  1 user,  load average: 0.87, 1.67, 2.12", 300),
            (
                " 09:45:31 up 1 day, 5 min,  1 user,  load average: 0.87, 1.67, 2.12",
                (24 * 60 + 5) * 60,
            ),
        ] {
            let section = section(&DECODER, "x", line).unwrap();
            assert_eq!(
                values(&section),
                [
                    format!("host.uptime-seconds={seconds}"),
                    "host.load-average=0.87, 1.67, 2.12".to_owned()
                ],
                "{line}"
            );
        }
        assert_eq!(
            values(&section(&DECODER, "proc/uptime", "3226.99 6000.00\n").unwrap()),
            ["host.uptime-seconds=3226"]
        );
    }

    #[test]
    fn other_text_is_declined() {
        for line in [
            "",
            "3226.99 6000.00",
            "2026-11-21 10:20:42 up and running, load average: 1",
            "10:20 upgrade",
        ] {
            assert!(section(&DECODER, "x", line).is_none(), "{line}");
        }
    }
}

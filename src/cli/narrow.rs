//! The options that narrow an analysis, and the moments that they name.

use clap::Args;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::diagnosis::{Narrowing, UnknownNames};

/// What an analysis looks at. Causes outside of it of what fails inside are found all the same.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Narrowing")]
pub(super) struct NarrowArgs {
    /// Leave out what was over before: a duration before the bundle's own time (90m, 2h, 1d), or a time (2026-11-21T09:00:00Z)
    #[arg(long, value_name = "DURATION|TIME", value_parser = parse_moment)]
    since: Option<Moment>,
    /// Leave out what began after
    #[arg(long, value_name = "DURATION|TIME", value_parser = parse_moment)]
    until: Option<Moment>,
    /// Look at this namespace only, and at what has none (repeatable)
    #[arg(long = "namespace", short = 'n', value_name = "NAME")]
    namespaces: Vec<String>,
    /// Look at this node only, and at what is on none (repeatable)
    #[arg(long = "node", value_name = "NAME")]
    nodes: Vec<String>,
}

impl NarrowArgs {
    /// As the diagnosis wants it. `now` is the bundle's own time.
    ///
    /// # Errors
    /// A duration was given, and the bundle does not tell its time.
    pub(super) fn narrowing(&self, now: Option<Timestamp>) -> Result<Narrowing, String> {
        let resolve = |moment: Option<Moment>| moment.map(|moment| moment.resolve(now)).transpose();
        Ok(Narrowing {
            since: resolve(self.since)?,
            until: resolve(self.until)?,
            namespaces: self.namespaces.iter().cloned().collect(),
            nodes: self.nodes.iter().cloned().collect(),
        })
    }
}

/// What was asked for with `--namespace` and `--node` and is not in the bundle, a line each.
pub(super) fn unknown_names(alias: &str, unknown: &UnknownNames) -> Vec<String> {
    let line = |what: &str, names: &[String], known: &[String]| {
        let known = if known.is_empty() {
            "it tells of none".to_owned()
        } else {
            format!("it has {}", known.join(", "))
        };
        (!names.is_empty()).then(|| format!("{alias}: the bundle has no {what} {}; {known}", names.join(", ")))
    };
    let namespaces = line("namespace", &unknown.namespaces, &unknown.known_namespaces);
    let nodes = line("node", &unknown.nodes, &unknown.known_nodes);
    namespaces.into_iter().chain(nodes).collect()
}

/// A moment as people name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    /// So long before the bundle's own time.
    Ago(SignedDuration),
    /// A time.
    At(Timestamp),
}

impl Moment {
    fn resolve(self, now: Option<Timestamp>) -> Result<Timestamp, String> {
        match (self, now) {
            (Self::At(time), _) => Ok(time),
            (Self::Ago(duration), Some(now)) => now
                .checked_sub(duration)
                .map_err(|_| "the duration reaches before all times; give a shorter one".to_owned()),
            (Self::Ago(_), None) => Err(
                "the bundle does not tell when it was collected, so a duration has no end to count from; give --since and --until a time"
                    .to_owned(),
            ),
        }
    }
}

/// `90m`, `1d12h`; an RFC 3339 time; a date with or without a time, in UTC.
fn parse_moment(text: &str) -> Result<Moment, String> {
    if let Some(duration) = parse_duration(text) {
        return Ok(Moment::Ago(duration));
    }
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(Moment::At(time));
    }
    let civil = text.parse::<DateTime>().ok();
    let utc = civil.and_then(|civil| civil.to_zoned(TimeZone::UTC).ok());
    utc.map(|zoned| Moment::At(zoned.timestamp())).ok_or_else(|| {
        "neither a duration (90m, 2h, 1d) nor a time (2026-11-21T09:00:00Z, 2026-11-21 09:00 in UTC)".to_owned()
    })
}

/// Numbers with units from days to seconds, as `kubectl --since` has them, and days besides.
pub(super) fn parse_duration(text: &str) -> Option<SignedDuration> {
    let mut seconds: i64 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).filter(|end| *end > 0)?;
        let number: i64 = rest.get(..digits)?.parse().ok()?;
        let unit = match rest.as_bytes().get(digits)? {
            b'd' => 86_400,
            b'h' => 3_600,
            b'm' => 60,
            b's' => 1,
            _ => return None,
        };
        seconds = seconds.checked_add(number.checked_mul(unit)?)?;
        rest = rest.get(digits + 1..)?;
    }
    (!text.is_empty()).then(|| SignedDuration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_count_back_from_the_bundles_own_time() {
        let now = Some("2026-11-21T10:00:00Z".parse().unwrap());
        for (text, moment) in [
            ("90m", "2026-11-21T08:30:00Z"),
            ("1d12h", "2026-11-19T22:00:00Z"),
            ("2026-11-21T09:00:00+08:00", "2026-11-21T01:00:00Z"),
            ("2026-11-21 09:00", "2026-11-21T09:00:00Z"),
            ("2026-11-21", "2026-11-21T00:00:00Z"),
        ] {
            let resolved = parse_moment(text).unwrap().resolve(now).unwrap();
            assert_eq!(resolved.to_string(), moment, "{text}");
        }
    }

    #[test]
    fn what_is_no_moment_is_refused_with_what_would_be() {
        for text in ["", "h", "5", "5x", "yesterday", "99999999999999999999d", "2é"] {
            assert!(parse_moment(text).is_err(), "{text}");
        }
        assert!(
            Moment::Ago(SignedDuration::from_secs(1))
                .resolve(None)
                .unwrap_err()
                .contains("time")
        );
    }
}

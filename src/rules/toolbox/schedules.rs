//! When a CronJob should have run.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use jiff::civil::Date;
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};

use crate::cluster::{Object, Snapshot};
use crate::model::When;

/// Days that are looked at, at most.
const DAYS: usize = 400;
/// Runs that are counted, at most: more make no difference.
const MOST: usize = 50;
/// Zones, in hours ahead of UTC. The few of half an hour differ from their neighbours by one run at most.
const ZONES: RangeInclusive<i8> = -12..=14;
const MINUTE: SignedDuration = SignedDuration::from_mins(1);
/// A run that is due starts within this time.
const SLACK: SignedDuration = SignedDuration::from_mins(10);

/// A schedule of five fields (github.com/robfig/cron `parser.go`, as kubernetes uses it).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    minutes: BTreeSet<i8>,
    hours: BTreeSet<i8>,
    days: BTreeSet<i8>,
    months: BTreeSet<i8>,
    weekdays: BTreeSet<i8>,
    /// Where both fields for days are limited, either will do.
    either_day: bool,
}

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

impl Schedule {
    /// From a CronJob's `spec.schedule`; none for what is no schedule, and for `@every`, which depends on when it began.
    pub fn parse(text: &str) -> Option<Self> {
        let text = match text.trim() {
            "@yearly" | "@annually" => "0 0 1 1 *",
            "@monthly" => "0 0 1 * *",
            "@weekly" => "0 0 * * 0",
            "@daily" | "@midnight" => "0 0 * * *",
            "@hourly" => "0 * * * *",
            other => other,
        };
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minutes, hours, days, months, weekdays] = fields.as_slice() else {
            return None;
        };
        let is_limited = |field: &str| !field.starts_with(['*', '?']);
        let mut of_week = field(weekdays, 0, 7, &WEEKDAYS, 0)?;
        // Sunday is 0 and 7.
        if of_week.remove(&7) {
            of_week.insert(0);
        }
        Some(Self {
            minutes: field(minutes, 0, 59, &[], 0)?,
            hours: field(hours, 0, 23, &[], 0)?,
            days: field(days, 1, 31, &[], 0)?,
            months: field(months, 1, 12, &MONTHS, 1)?,
            weekdays: of_week,
            either_day: is_limited(days) && is_limited(weekdays),
        })
    }

    /// True where the schedule has runs on the day of this time, in whatever zone it is meant.
    fn allows(&self, at: Timestamp) -> bool {
        let day = at.to_zoned(TimeZone::UTC).date();
        let near = [day.yesterday().ok(), Some(day), day.tomorrow().ok()];
        near.into_iter().flatten().any(|day| self.holds_on(day))
    }

    fn holds_on(&self, day: Date) -> bool {
        let (of_month, of_week) = (
            self.days.contains(&day.day()),
            self.weekdays.contains(&day.weekday().to_sunday_zero_offset()),
        );
        let on_day = if self.either_day {
            of_month || of_week
        } else {
            of_month && of_week
        };
        self.months.contains(&day.month()) && on_day
    }

    /// How many runs were due after `after` and before `before`, up to a bound.
    fn due(&self, after: Timestamp, before: Timestamp, zone: &TimeZone) -> usize {
        let mut day = after.to_zoned(zone.clone()).date();
        let mut found = 0;
        for _ in 0..DAYS {
            let Ok(midnight) = day.to_zoned(zone.clone()) else {
                break;
            };
            if midnight.timestamp() >= before {
                break;
            }
            if self.holds_on(day) {
                for (hour, minute) in self
                    .hours
                    .iter()
                    .flat_map(|hour| self.minutes.iter().map(move |minute| (*hour, *minute)))
                {
                    let Ok(due) = day.at(hour, minute, 0, 0).to_zoned(zone.clone()) else {
                        continue;
                    };
                    let due = due.timestamp();
                    found += usize::from(due > after && due < before);
                    if found >= MOST {
                        return found;
                    }
                }
            }
            let Ok(next) = day.tomorrow() else { break };
            day = next;
        }
        found
    }
}

/// One field: `*`, `5`, `1-5`, `*/10`, `mon,wed`, `10-50/20`.
fn field(text: &str, least: i8, most: i8, names: &[&str], first: i8) -> Option<BTreeSet<i8>> {
    let number = |word: &str| -> Option<i8> {
        let named = names.iter().position(|name| word.eq_ignore_ascii_case(name));
        let value = match named {
            Some(at) => i8::try_from(at).ok()?.checked_add(first)?,
            None => word.parse().ok()?,
        };
        (least..=most).contains(&value).then_some(value)
    };
    let mut found = BTreeSet::new();
    for part in text.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(step.parse::<usize>().ok().filter(|step| *step > 0)?)),
            None => (part, None),
        };
        let (from, to) = match range {
            "*" | "?" => (least, most),
            _ => match range.split_once('-') {
                Some((from, to)) => (number(from)?, number(to)?),
                None => (number(range)?, if step.is_some() { most } else { number(range)? }),
            },
        };
        found.extend((from..=to).step_by(step.unwrap_or(1)));
    }
    (!found.is_empty()).then_some(found)
}

/// A CronJob's last start, or when it was made if it never started.
pub fn last_schedule(job: &Object) -> Option<When> {
    job.time("/status/lastScheduleTime")
        .or_else(|| job.time("/metadata/creationTimestamp"))
}

/// The last start of a CronJob on a day for which its schedule has no run: the schedule was changed since.
pub fn started_by_another(job: &Object) -> Option<When> {
    let schedule = Schedule::parse(job.text("/spec/schedule"))?;
    let last = job.time("/status/lastScheduleTime")?;
    (!schedule.allows(last.earliest) && !schedule.allows(last.latest)).then_some(last)
}

/// How many of a CronJob's runs were surely due since its last one, up to a bound; none where the bundle does not tell.
///
/// A schedule is in the zone that the CronJob names or in that of the controller manager. Of the zones in which its last run was due the
/// one counts in which the fewest were missed.
pub fn missed(snapshot: &Snapshot, job: &Object) -> Option<usize> {
    let schedule = Schedule::parse(job.text("/spec/schedule"))?;
    let last = last_schedule(job)?;
    let from = last.latest.checked_add(SLACK).ok()?;
    let to = not_before(snapshot)?.checked_sub(SLACK).ok()?;
    let zones = ZONES.filter_map(|hours| Some(TimeZone::fixed(Offset::from_hours(hours).ok()?)));
    let ran = job.time("/status/lastScheduleTime").filter(When::is_instant);
    let (fitting, others): (Vec<TimeZone>, Vec<TimeZone>) = zones.partition(|zone| {
        let around = |ran: &When| {
            let early = ran.earliest.checked_sub(MINUTE).ok()?;
            Some(schedule.due(early, ran.latest.checked_add(MINUTE).ok()?, zone) > 0)
        };
        ran.as_ref().and_then(around).unwrap_or(false)
    });
    let likely = if fitting.is_empty() { others } else { fitting };
    likely.iter().map(|zone| schedule.due(from, to, zone)).min()
}

/// A moment at which the bundle was not yet made: its reference time, else the newest that a CronJob or a log tells.
fn not_before(snapshot: &Snapshot) -> Option<Timestamp> {
    if let Some(now) = &snapshot.bundle.collected_at {
        return Some(now.earliest);
    }
    let runs = snapshot
        .kind("CronJob")
        .filter_map(|job| job.time("/status/lastScheduleTime"));
    let said = snapshot
        .logs
        .iter()
        .filter_map(|log| snapshot.time_of(log.last_stamped.as_deref()?));
    runs.chain(said).map(|when| when.earliest).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(schedule: &str, after: &str, before: &str) -> usize {
        Schedule::parse(schedule)
            .unwrap()
            .due(after.parse().unwrap(), before.parse().unwrap(), &TimeZone::UTC)
    }

    #[test]
    fn runs_are_counted_as_cron_would_start_them() {
        assert_eq!(due("0 */6 * * *", "2026-04-19T00:10:00Z", "2026-04-21T06:12:00Z"), 9);
        assert_eq!(due("15 2 * * *", "2026-10-11T02:25:00Z", "2026-10-14T09:20:00Z"), 3);
        assert_eq!(due("0 1 * * 0", "2026-10-11T01:10:00Z", "2026-10-14T09:20:00Z"), 0);
        assert_eq!(due("@hourly", "2026-10-11T01:10:00Z", "2026-10-11T03:20:00Z"), 2);
        assert_eq!(
            due("*/15 9-10 * * MON-FRI", "2026-10-12T00:00:00Z", "2026-10-13T00:00:00Z"),
            8
        );
        // Where both days are limited, either will do.
        assert_eq!(due("0 0 13 * fri", "2026-10-01T12:00:00Z", "2026-10-14T00:00:00Z"), 3);
    }

    #[test]
    fn what_is_no_schedule_is_none() {
        for text in ["", "@every 5m", "61 * * * *", "* * * *", "*/0 * * * *", "x * * * *"] {
            assert!(Schedule::parse(text).is_none(), "{text}");
        }
    }
}

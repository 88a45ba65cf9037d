//! How far logs reach: one that ends before the incident shows nothing of it, however quiet it is.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::data::datum;
use super::ledger::Ledger;
use super::overview::shown;
use super::phrases::{filled, small};
use crate::bundle::decode::{Form, Process};
use crate::cluster::{Snapshot, logs_of};
use crate::model::{Text, When};
use crate::rules::RuleHeader;

/// So many events of a whole cluster do not show that nothing happened: they are kept for an hour, and a bundle that has more tells more.
const FEW: u64 = 1;

/// Of what a check asks for and was read, what does not reach the incident.
#[derive(Default)]
pub(super) struct Short<'h> {
    /// Logs, by their data.
    pub(super) logs: Vec<&'h str>,
    /// True where all that was read of the events is one.
    pub(super) is_few_events: bool,
    /// True where all that was read of the pods is rows of a table, and the check needs more of them.
    pub(super) is_rows: bool,
}

/// What leaves a check without anything that reaches the incident: one of its needs was met by nothing but logs that do not, by a single
/// event, or by rows of pods. None where each need was met.
pub(super) fn short_of<'h>(ledger: &Ledger<'_, '_>, header: &'h RuleHeader) -> Option<Short<'h>> {
    let read = &ledger.diagnosis.snapshot.coverage.read;
    let began = ledger.began();
    let mut short = Short::default();
    for need in &header.needs {
        let data: Vec<&str> = need
            .split('|')
            .filter(|datum| read.get(*datum).is_some_and(|count| *count > 0))
            .collect();
        let is_few = |datum: &str| datum == "events" && read.get(datum) == Some(&FEW);
        let is_short = |datum: &str| began.is_some_and(|began| span(ledger.diagnosis.snapshot, datum, began).is_some());
        let is_rows = |datum: &str| datum == "pods" && !header.listing && are_rows(ledger.diagnosis.snapshot);
        if !data.is_empty()
            && data
                .iter()
                .all(|datum| is_few(datum) || is_rows(datum) || is_short(datum))
        {
            short.is_few_events |= data.iter().any(|datum| is_few(datum));
            short.is_rows |= data.iter().any(|datum| is_rows(datum));
            short
                .logs
                .extend(data.into_iter().filter(|datum| !is_few(datum) && !is_rows(datum)));
        }
    }
    short.logs.dedup();
    (short.is_few_events || short.is_rows || !short.logs.is_empty()).then_some(short)
}

/// True where no pod is known by more than its row: a table tells neither messages nor fields.
fn are_rows(snapshot: &Snapshot) -> bool {
    snapshot.kind("Pod").all(|pod| pod.form == Form::Row)
}

impl Short<'_> {
    /// Why nothing can be told.
    pub(super) fn reason(&self, ledger: &Ledger<'_, '_>) -> Text {
        let snapshot = ledger.diagnosis.snapshot;
        let told: Vec<Text> = ledger
            .began()
            .into_iter()
            .flat_map(|began| self.logs.iter().map(move |log| (log, began)))
            .filter_map(|(log, began)| Some(span(snapshot, log, began)?.told(log, began)))
            .map(|told| Text::new(told.zh, small(&told.en)))
            .collect();
        let join = |between: &str, of: fn(&Text) -> &str| told.iter().map(of).collect::<Vec<_>>().join(between);
        let facts = [
            ("zh", json!(join("；", |text| &text.zh))),
            ("en", json!(small(&join("; ", |text| &text.en)))),
            ("began", json!(ledger.began().map_or(String::new(), shown))),
            ("few", json!(self.is_few_events)),
            ("rows", json!(self.is_rows)),
        ];
        filled("check.short", &facts)
    }
}

/// What a datum's logs hold, where none of them reaches the incident.
struct Span<'s> {
    lines: u64,
    first: When,
    last: When,
    /// What writes it, where the list of processes has it.
    process: Option<&'s Process>,
}

impl Span<'_> {
    fn told(&self, log: &str, began: &When) -> Text {
        let name = datum(log).name;
        // The day of the incident is told beside it.
        let moment = |when: &When| match day(when) == day(began) {
            true => when.earliest.strftime("%H:%M:%S%.3f").to_string(),
            false => shown(when),
        };
        let facts = [
            ("zh", json!(name.zh)),
            ("en", json!(name.en)),
            ("lines", json!(self.lines)),
            ("first", json!(moment(&self.first))),
            ("last", json!(moment(&self.last))),
            ("program", json!(self.process.map_or("", |process| process.program()))),
            (
                "since",
                json!(self.process.map_or("", |process| process.started.as_str())),
            ),
        ];
        filled("check.short-log", &facts)
    }
}

/// The span of a datum's logs; none where one of them reaches the incident, or does not tell its times. A log reaches it that has a line of
/// that time or a later one, unless it begins only after it, while what writes it had run before.
fn span<'s>(snapshot: &'s Snapshot, datum: &str, began: &When) -> Option<Span<'s>> {
    let process = process_of(snapshot, datum);
    let mut whole: Option<Span<'s>> = None;
    for log in logs_of(snapshot, datum).filter(|_| datum.ends_with("-log")) {
        let first = snapshot.time_of(log.first_stamped.as_deref()?)?;
        let last = snapshot.time_of(log.last_stamped.as_deref()?)?;
        let is_late = process
            .and_then(|process| started(snapshot, process))
            .is_some_and(|started| began.surely_before(&first) && started < first.earliest);
        if !last.is_known_before(began) && !is_late {
            return None;
        }
        let known = whole.get_or_insert_with(|| Span {
            lines: 0,
            first: first.clone(),
            last: last.clone(),
            process,
        });
        known.lines += log.lines;
        if first.earliest < known.first.earliest {
            known.first = first;
        }
        if last.latest > known.last.latest {
            known.last = last;
        }
    }
    whole
}

fn day(when: &When) -> jiff::civil::Date {
    when.earliest.to_zoned(jiff::tz::TimeZone::UTC).date()
}

/// The process that writes a datum's log, as the list of processes has it.
pub(super) fn process_of<'s>(snapshot: &'s Snapshot, datum: &str) -> Option<&'s Process> {
    let program = datum.strip_suffix("-log")?;
    let mut processes = snapshot.hosts.iter().flat_map(|host| &host.tools.processes);
    processes.find(|process| process.program() == program)
}

/// The end of the minute in which a process began, where the list says it by the clock: then it was on the day of the list, or at most one
/// day before.
pub(super) fn started(snapshot: &Snapshot, process: &Process) -> Option<Timestamp> {
    let now = snapshot.now()?;
    let (hours, minutes) = process.started.split_once(':')?;
    let minute = jiff::civil::Time::new(hours.parse().ok()?, minutes.parse().ok()?, 0, 0).ok()?;
    let day = now.to_zoned(jiff::tz::TimeZone::UTC).date();
    let today = day.to_datetime(minute).to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    let minute = match today.timestamp() {
        today if today <= now => today,
        today => today.checked_sub(SignedDuration::from_hours(24)).ok()?,
    };
    minute.checked_add(SignedDuration::from_secs(59)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::reading;

    const PS: &str = "USER PID STAT START COMMAND\nroot 7 Ssl 09:18 dockerd --data-root /var/lib/docker\n";

    fn told(log: &str, ps: &str, began: &str) -> Option<Text> {
        let snapshot = reading(&[
            ("nodes/n1/date.txt", "2026-11-21T10:20:42Z\n"),
            ("nodes/n1/logs/dockerd.log", log),
            ("nodes/n1/ps-aux.txt", ps),
        ]);
        let began = When::rfc3339(began).unwrap();
        span(&snapshot, "dockerd-log", &began).map(|span| span.told("dockerd-log", &began))
    }

    #[test]
    fn a_log_that_ends_before_the_incident_shows_nothing_of_it() {
        let log = "time=\"2026-11-21T10:20:20Z\" level=info msg=a\ntime=\"2026-11-21T10:20:21Z\" level=info msg=b\n";
        let text = told(log, PS, "2026-11-21T10:20:33Z").unwrap().en;
        assert!(text.contains("2 lines") && text.contains("09:18"), "{text}");
        assert!(told(log, PS, "2026-11-21T10:20:20.5Z").is_none());
    }

    #[test]
    fn one_that_begins_after_it_does_so_only_where_its_program_ran_before() {
        let log = "time=\"2026-11-21T10:20:40Z\" level=info msg=a\n";
        assert!(told(log, PS, "2026-11-21T10:20:33Z").is_some());
        assert!(told(log, "", "2026-11-21T10:20:33Z").is_none());
        let later = PS.replace("09:18", "10:20");
        assert!(told(log, &later, "2026-11-21T10:20:33Z").is_none());
    }
}

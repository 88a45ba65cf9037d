//! Relative ages, which kubectl and Docker print for people, turned into intervals of time.
//!
//! The decoders leave ages as text: `metadata.casefileAge`, `metadata.casefileFirstAge`, `metadata.casefileTerminatingAge`,
//! `status.casefileLastScheduleAge` and `lastState.terminated.casefileAge`. When the reference time of a bundle is known, [`resolve`] puts an interval in place of each
//! text, and [`of_field`] finds it under the name of the API's field. The moment at which a text was printed is taken to be the
//! reference time.

use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::model::{Basis, When};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const YEAR: i64 = 365 * DAY;

/// Replaces the texts of ages in an object by intervals.
pub(super) fn resolve(object: &mut Value, reference: &When) {
    for pointer in [
        "/metadata/casefileAge",
        "/metadata/casefileFirstAge",
        "/metadata/casefileTerminatingAge",
        "/status/casefileLastScheduleAge",
    ] {
        resolve_at(object, pointer, reference);
    }
    for statuses in ["/status/initContainerStatuses", "/status/containerStatuses"] {
        let items = object.pointer_mut(statuses).and_then(Value::as_array_mut);
        for status in items.into_iter().flatten() {
            resolve_at(status, "/lastState/terminated/casefileAge", reference);
        }
    }
}

fn resolve_at(value: &mut Value, pointer: &str, reference: &When) {
    let Some(slot) = value.pointer_mut(pointer) else { return };
    let Some(text) = slot.as_str() else { return };
    // `38s (x4 over 76s)` is the age of the last occurrence, how often it was, and the age of the first.
    let (last, first) = text.split_once(" (x").unwrap_or((text, ""));
    let first = first
        .split_once(" over ")
        .and_then(|(_, age)| kubectl(age.trim_end_matches(')'), reference));
    let Some(last) = kubectl(last, reference) else { return };
    *slot = to_json(&last);
    if let (Some(first), Some(metadata)) = (first, value.get_mut("metadata").and_then(Value::as_object_mut)) {
        metadata.insert("casefileFirstAge".into(), to_json(&first));
    }
}

/// The interval that stands for a time field which the text form of an object does not have.
pub(super) fn of_field(object: &Value, pointer: &str) -> Option<When> {
    let at = match pointer {
        "/metadata/creationTimestamp" | "/lastTimestamp" => "/metadata/casefileAge".to_owned(),
        "/firstTimestamp" => "/metadata/casefileFirstAge".to_owned(),
        "/metadata/deletionTimestamp" => "/metadata/casefileTerminatingAge".to_owned(),
        "/status/lastScheduleTime" => "/status/casefileLastScheduleAge".to_owned(),
        other => format!("{}/casefileAge", other.strip_suffix("/finishedAt")?),
    };
    from_json(object.pointer(&at)?)
}

fn to_json(when: &When) -> Value {
    json!({"earliest": when.earliest.to_string(), "latest": when.latest.to_string(), "raw": when.raw})
}

fn from_json(value: &Value) -> Option<When> {
    let text = |key: &str| value.get(key).and_then(Value::as_str);
    Some(When {
        earliest: text("earliest")?.parse().ok()?,
        latest: text("latest")?.parse().ok()?,
        raw: text("raw")?.to_owned(),
        basis: Basis::Relative,
    })
}

/// The moment that was `text` ago, as kubectl writes ages: `75s`, `3m20s`, `5h10m`, `2d`.
///
/// Source: `HumanDuration` and `ShortHumanDuration` of `k8s.io/apimachinery/pkg/util/duration/duration.go`, which cut an age, never round it.
pub(super) fn kubectl(text: &str, reference: &When) -> Option<When> {
    let mut seconds: i64 = 0;
    let mut number: Option<i64> = None;
    let mut unit = 0;
    for c in text.chars() {
        if let Some(digit) = c.to_digit(10) {
            number = Some(number.unwrap_or(0).checked_mul(10)?.checked_add(digit.into())?);
            continue;
        }
        unit = match c {
            's' => 1,
            'm' => MINUTE,
            'h' => HOUR,
            'd' => DAY,
            'y' => YEAR,
            _ => return None,
        };
        seconds = seconds.checked_add(number.take()?.checked_mul(unit)?)?;
    }
    if unit == 0 || number.is_some() {
        return None;
    }
    // Below these values HumanDuration would have used a smaller unit, so ShortHumanDuration wrote it and cut to the unit it shows.
    let is_short = match unit {
        MINUTE => seconds < 2 * MINUTE,
        HOUR => seconds < 3 * HOUR,
        DAY => seconds < 2 * DAY,
        YEAR => seconds < 2 * YEAR,
        _ => false,
    };
    let grain = if is_short { unit } else { kubectl_grain(seconds) };
    ago(text, seconds, grain, reference)
}

/// To how many seconds `HumanDuration` cuts an age of this length.
fn kubectl_grain(seconds: i64) -> i64 {
    match seconds {
        ..600 => 1,
        600..28_800 => MINUTE,
        28_800..691_200 => HOUR,
        691_200..252_288_000 => DAY,
        _ => YEAR,
    }
}

/// The moment that a status of `docker ps` tells: `Exited (0) 11 seconds ago`, `Up 2 hours (healthy)`, `Exited (137) About an hour ago`.
///
/// Source: `HumanDuration` of `github.com/docker/go-units/duration.go`, which cuts minutes and rounds to the nearest hour from there.
pub(super) fn docker(status: &str, reference: &When) -> Option<When> {
    let text = match status.strip_prefix("Up ") {
        Some(up) => up.split(" (").next()?,
        None => {
            let ago = status.strip_suffix(" ago")?;
            ago.rsplit_once(") ").map_or(ago, |(_, words)| words)
        }
    };
    let half_hour = HOUR / 2;
    match text {
        "Less than a second" => return ago(status, 0, 1, reference),
        "1 second" => return ago(status, 1, 1, reference),
        "About a minute" => return ago(status, MINUTE, MINUTE, reference),
        "About an hour" => return ago(status, HOUR, half_hour, reference),
        _ => {}
    }
    let (number, unit) = text.split_once(' ')?;
    let number: i64 = number.parse().ok()?;
    let (unit, rounded) = match unit {
        "seconds" => (1, 0),
        "minutes" => (MINUTE, 0),
        "hours" => (HOUR, half_hour),
        "days" => (DAY, half_hour),
        "weeks" => (7 * DAY, half_hour),
        "months" => (30 * DAY, half_hour),
        "years" => (YEAR, 0),
        _ => return None,
    };
    ago(status, number.checked_mul(unit)?.checked_sub(rounded)?, unit, reference)
}

/// From `seconds` to less than `seconds + grain` before the reference.
fn ago(raw: &str, seconds: i64, grain: i64, reference: &When) -> Option<When> {
    let longest = seconds.checked_add(grain)?;
    Some(When {
        earliest: reference
            .earliest
            .checked_sub(SignedDuration::from_secs(longest))
            .ok()?,
        latest: reference.latest.checked_sub(SignedDuration::from_secs(seconds)).ok()?,
        raw: raw.to_owned(),
        basis: Basis::Relative,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noon() -> When {
        When::rfc3339("2026-11-21T12:00:00Z").unwrap()
    }

    fn span(when: Option<When>) -> (String, String) {
        let when = when.unwrap();
        assert_eq!(when.basis, Basis::Relative);
        (when.earliest.to_string(), when.latest.to_string())
    }

    #[test]
    fn kubectl_cuts_an_age_to_what_its_length_deserves() {
        for (age, earliest, latest) in [
            ("75s", "2026-11-21T11:58:44Z", "2026-11-21T11:58:45Z"),
            ("3m20s", "2026-11-21T11:56:39Z", "2026-11-21T11:56:40Z"),
            ("66m", "2026-11-21T10:53:00Z", "2026-11-21T10:54:00Z"),
            ("5h10m", "2026-11-21T06:49:00Z", "2026-11-21T06:50:00Z"),
            ("20h", "2026-11-20T15:00:00Z", "2026-11-20T16:00:00Z"),
            ("3d4h", "2026-11-18T07:00:00Z", "2026-11-18T08:00:00Z"),
            ("10d", "2026-11-10T12:00:00Z", "2026-11-11T12:00:00Z"),
            // Only the old short form writes one hour as such.
            ("1h", "2026-11-21T10:00:00Z", "2026-11-21T11:00:00Z"),
        ] {
            assert_eq!(span(kubectl(age, &noon())), (earliest.into(), latest.into()), "{age}");
        }
    }

    #[test]
    fn words_that_are_no_age_have_no_time() {
        for text in [
            "",
            "5",
            "<unknown>",
            "5x",
            "d",
            "99999999999999999999d",
            "9999999y",
            "1h5",
        ] {
            assert_eq!(kubectl(text, &noon()), None, "{text}");
        }
        for text in ["Created", "Up", "Exited (0)", "Exited (0) many moons ago", ""] {
            assert_eq!(docker(text, &noon()), None, "{text}");
        }
    }

    #[test]
    fn docker_rounds_hours_and_cuts_the_rest() {
        for (status, earliest, latest) in [
            (
                "Exited (0) 11 seconds ago",
                "2026-11-21T11:59:48Z",
                "2026-11-21T11:59:49Z",
            ),
            (
                "Exited (1) About an hour ago",
                "2026-11-21T10:30:00Z",
                "2026-11-21T11:00:00Z",
            ),
            ("Up 3 hours (healthy)", "2026-11-21T08:30:00Z", "2026-11-21T09:30:00Z"),
            ("Up 2 days", "2026-11-18T12:30:00Z", "2026-11-19T12:30:00Z"),
            (
                "Exited (255) 3 years ago",
                "2022-11-22T12:00:00Z",
                "2023-11-22T12:00:00Z",
            ),
        ] {
            assert_eq!(
                span(docker(status, &noon())),
                (earliest.into(), latest.into()),
                "{status}"
            );
        }
    }

    #[test]
    fn an_objects_ages_become_the_times_of_its_fields() {
        let mut pod = json!({
            "metadata": {"casefileAge": "75s"},
            "status": {"containerStatuses": [{"lastState": {"terminated": {"casefileAge": "58s"}}}]}
        });
        resolve(&mut pod, &noon());
        let field = |pointer: &str| of_field(&pod, pointer).map(|when| when.latest.to_string());
        assert_eq!(field("/metadata/creationTimestamp").unwrap(), "2026-11-21T11:58:45Z");
        assert_eq!(
            field("/status/containerStatuses/0/lastState/terminated/finishedAt").unwrap(),
            "2026-11-21T11:59:02Z"
        );
        assert_eq!(field("/metadata/deletionTimestamp"), None);
    }

    #[test]
    fn a_repeated_event_has_a_first_and_a_last_time() {
        let mut event = json!({"metadata": {"casefileAge": "38s (x4 over 76s)"}});
        resolve(&mut event, &noon());
        let field = |pointer: &str| of_field(&event, pointer).unwrap().latest.to_string();
        assert_eq!(field("/firstTimestamp"), "2026-11-21T11:58:44Z");
        assert_eq!(field("/lastTimestamp"), "2026-11-21T11:59:22Z");
    }
}

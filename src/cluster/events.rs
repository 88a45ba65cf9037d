//! The same event is often in a bundle several times: as JSON and YAML, as a row of a table, in a description. It counts once.

use jiff::{SignedDuration, Timestamp};

use super::Event;
use crate::model::{Basis, Subject, When};

/// Two texts of one event are printed moments apart, and their ages are counted from one reference time.
const APART: SignedDuration = SignedDuration::from_mins(2);

/// Sorts events by what they are about and folds those that are the same.
pub(super) fn fold_duplicates(events: &mut Vec<Event>) {
    fn key(event: &Event) -> (&Subject, &str, &str, Option<Timestamp>) {
        let first = event.first.as_ref().map(|when| when.earliest);
        (&event.about, &event.reason, &event.message, first)
    }
    events.sort_by(|a, b| key(a).cmp(&key(b)));
    events.dedup_by(|other, kept| {
        let same = is_same(kept, other);
        if same {
            fold(kept, other);
        }
        same
    });
    events.sort_by_key(|event| event.first.as_ref().map(|when| when.earliest));
}

fn is_same(a: &Event, b: &Event) -> bool {
    let contained = a.container == b.container || a.container.is_empty() || b.container.is_empty();
    if a.about != b.about || a.reason != b.reason || a.message != b.message || !contained {
        return false;
    }
    if is_relative(a) || is_relative(b) {
        return near(a.first.as_ref(), b.first.as_ref()) || near(a.last.as_ref(), b.last.as_ref());
    }
    a.first == b.first
}

/// Keeps what knows more: exact times before ages, the wider span of equals, and every field that one of both has.
fn fold(kept: &mut Event, other: &mut Event) {
    if is_relative(kept) && !is_relative(other) {
        std::mem::swap(kept, other);
    }
    if is_relative(kept) == is_relative(other) {
        let earliest = |when: &When| when.earliest;
        kept.first = [kept.first.take(), other.first.take()]
            .into_iter()
            .flatten()
            .min_by_key(earliest);
        kept.last = [kept.last.take(), other.last.take()]
            .into_iter()
            .flatten()
            .max_by_key(earliest);
    }
    kept.count = kept.count.max(other.count);
    kept.is_told &= other.is_told;
    for (mine, theirs) in [
        (&mut kept.container, &mut other.container),
        (&mut kept.component, &mut other.component),
        (&mut kept.host, &mut other.host),
    ] {
        if mine.is_empty() {
            *mine = std::mem::take(theirs);
        }
    }
}

/// True when its times are no instants that the API wrote; an event without any time is one too.
fn is_relative(event: &Event) -> bool {
    event.last.as_ref().is_none_or(|when| when.basis == Basis::Relative)
}

fn near(a: Option<&When>, b: Option<&When>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a.gap_to(b) <= APART && b.gap_to(a) <= APART,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::super::reading;
    use crate::model::Basis;

    const DATE: (&str, &str) = ("date.txt", "Sat Nov 21 10:26:17 UTC 2026\n");
    const SHORT: (&str, &str) = (
        "events.txt",
        "LAST SEEN   TYPE      REASON    OBJECT      MESSAGE\n\
         12m         Warning   BackOff   pod/web-0   Back-off restarting failed container\n",
    );
    const WIDE: (&str, &str) = (
        "kubectl-get-events-wide.txt",
        "NAMESPACE   LAST SEEN   TYPE      REASON    OBJECT      SUBOBJECT                SOURCE            MESSAGE                                FIRST SEEN   COUNT   NAME\n\
         shop        12m         Warning   BackOff   pod/web-0   spec.containers{nginx}   kubelet, node-1   Back-off restarting failed container   3h20m        57      web-0.17a\n",
    );

    #[test]
    fn one_event_in_two_tables_counts_once_and_knows_what_both_know() {
        let snapshot = reading(&[DATE, SHORT, WIDE]);
        let [event] = snapshot.events.as_slice() else {
            panic!("{:?}", snapshot.events)
        };
        assert_eq!(
            (event.about.namespace.as_str(), event.container.as_str(), event.count),
            ("shop", "nginx", 57)
        );
        let (first, last) = (event.first.as_ref().unwrap(), event.last.as_ref().unwrap());
        assert_eq!((first.basis, last.basis), (Basis::Relative, Basis::Relative));
        assert_eq!(first.latest.to_string(), "2026-11-21T07:06:17Z");
        assert_eq!(last.latest.to_string(), "2026-11-21T10:14:17Z");
    }

    #[test]
    fn an_age_gives_way_to_the_time_that_the_api_wrote() {
        let exact = r#"{"kind":"Event","apiVersion":"v1","metadata":{"name":"web-0.17a","namespace":"shop"},"involvedObject":{"kind":"Pod","namespace":"shop","name":"web-0"},
            "reason":"BackOff","message":"Back-off restarting failed container","type":"Warning","count":57,
            "firstTimestamp":"2026-11-21T07:05:55Z","lastTimestamp":"2026-11-21T10:13:40Z"}"#;
        let snapshot = reading(&[DATE, WIDE, ("event.json", exact)]);
        let [event] = snapshot.events.as_slice() else {
            panic!("{:?}", snapshot.events)
        };
        assert_eq!(event.first.as_ref().unwrap().basis, Basis::Exact);
        assert_eq!(event.container, "nginx");
    }

    #[test]
    fn the_same_failure_at_another_time_is_another_event() {
        let later = (
            "later.txt",
            "NAMESPACE   LAST SEEN   TYPE      REASON    OBJECT      MESSAGE\n\
             shop        5s          Warning   BackOff   pod/web-0   Back-off restarting failed container\n",
        );
        assert_eq!(reading(&[DATE, SHORT, WIDE, later]).events.len(), 2);
    }

    #[test]
    fn without_a_reference_time_an_age_is_no_time() {
        let snapshot = reading(&[WIDE]);
        assert_eq!((&snapshot.events[0].first, &snapshot.events[0].last), (&None, &None));
    }
}

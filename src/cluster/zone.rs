//! In which zone the machines of a bundle write times without one.
//!
//! A bundle mixes times of the API, which are UTC, with what machines write in their own zone: `date`, syslog and journalctl, the kernel's
//! messages of `dmesg -T`. Where anything tells that zone, and everything that does tells the same, these are read in it.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use jiff::tz::{Offset, TimeZone};

use super::Snapshot;
use super::host::Host;
use crate::logs::{Stream, offset_told, offset_written};
use crate::model::{Basis, When};

/// Lines of one log that are looked at.
const LINES: usize = 16;

/// China Standard Time (tz database, `Asia/Shanghai`).
const CHINA: i32 = 8 * 3600;

/// The offset of the machines' clocks from UTC; none where nothing tells it, or where there are several.
pub(super) fn of_machines(snapshot: &Snapshot) -> Option<Offset> {
    let clocks = snapshot.hosts.iter().flat_map(of_clock);
    let logs = snapshot
        .logs
        .iter()
        .filter(|log| matches!(log.stream, Stream::Component(_) | Stream::Unknown));
    let written = logs.flat_map(|log| {
        let ends = log.first_stamped.iter().chain(&log.last_stamped).map(String::as_str);
        let hits = log.hits.iter().take(LINES).map(|hit| hit.text.as_str());
        ends.chain(hits).filter_map(offset_told)
    });
    let mut all: BTreeSet<i32> = clocks.chain(written.map(Offset::seconds)).collect();
    if all.is_empty() && is_china(snapshot) {
        all.insert(CHINA);
    }
    let mut all = all.into_iter();
    match (all.next(), all.next()) {
        (Some(only), None) => Offset::from_seconds(only).ok(),
        _ => None,
    }
}

/// True where a machine's clock says `CST`, and all that writes an offset, be it in a container, writes China's.
fn is_china(snapshot: &Snapshot) -> bool {
    let mut clocks = snapshot.hosts.iter().filter_map(|host| host.clock.as_ref());
    if !clocks.any(|(_, zone, _)| zone == "CST") {
        return false;
    }
    let ends = snapshot.logs.iter().filter_map(|log| log.last_stamped.as_deref());
    let written: BTreeSet<i32> = ends
        .filter_map(offset_written)
        .map(Offset::seconds)
        .filter(|seconds| *seconds != 0)
        .collect();
    written.into_iter().eq([CHINA])
}

/// What a machine's clock and its settings tell of its zone.
fn of_clock(host: &Host) -> Vec<i32> {
    let mut told = Vec::new();
    if let Some((when, zone, _)) = &host.clock {
        // `date -u` and the universal time of `timedatectl` tell nothing of the zone.
        if when.basis == Basis::Exact && zone.starts_with(['+', '-']) {
            let digits: String = zone.chars().filter(char::is_ascii_digit).collect();
            let part = |from: usize| digits.get(from..from + 2).and_then(|part| part.parse::<i32>().ok());
            let seconds = part(0).map(|hours| (hours * 60 + part(2).unwrap_or(0)) * 60);
            told.extend(seconds.map(|seconds| if zone.starts_with('-') { -seconds } else { seconds }));
        }
        // The Chinese of glibc's `date`: this CST is China's, not Chicago's.
        if zone == "CST" && when.raw.contains('年') {
            told.push(CHINA);
        }
        if let Some((name, _)) = host.values.get("clock.zone")
            && let Ok(zone) = TimeZone::get(name)
        {
            told.push(zone.to_offset(when.latest).seconds());
        }
    }
    told
}

/// Reads the clocks of machines that tell no zone, or one that is ambiguous, in the zone of the machines.
pub(super) fn set_clocks(hosts: &mut [Host], zone: Option<Offset>) {
    let Some(offset) = zone.filter(|offset| offset.seconds() != 0) else {
        return;
    };
    for (when, zone, cite) in hosts.iter_mut().filter_map(|host| host.clock.as_mut()) {
        if when.basis == Basis::TzAssumed
            && matches!(zone.as_str(), "" | "CST")
            && let Some(moved) = moved(when, offset)
        {
            *when = moved;
            cite.when = Some(when.clone());
        }
    }
}

fn moved(when: &When, offset: Offset) -> Option<When> {
    let ago = SignedDuration::from_secs(i64::from(offset.seconds()));
    Some(When {
        earliest: when.earliest.checked_sub(ago).ok()?,
        latest: when.latest.checked_sub(ago).ok()?,
        raw: when.raw.clone(),
        basis: Basis::ZoneMatched,
    })
}

//! `timedatectl` (systemd `src/timedate/timedatectl.c`), `chronyc tracking` and `chronyc sources` (chrony `client.c`), `ntpq -p` (ntp `ntpq-subs.c`), `ntpdate -q`
//! (ntp `ntpdate.c`).

use crate::bundle::decode::clock::clock;
use crate::bundle::decode::shape::is_heading;
use crate::bundle::decode::{Decoder, Fact, Section, TextFile};

/// `clock.synchronised` (`yes`, `no`), `clock.offset-seconds` (positive when this clock is ahead), `clock.zone`; the host's clock where
/// it is told.
pub(in crate::bundle::decode) const DECODER: Decoder = Decoder {
    name: "time synchronisation",
    decode,
};

fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let first = file.line(start).trim_start();
    // The second is what `grep` leaves of it.
    if first.starts_with("Local time: ") || first.starts_with("System clock synchronized: ") {
        return Some(fields(file, start, timedatectl));
    }
    if first.starts_with("Reference ID ") && first.contains(": ") {
        return Some(fields(file, start, chrony));
    }
    if first.starts_with("server ") && first.contains(", stratum ") {
        return asked(file, start);
    }
    if is_heading(first, &["MS", "Name/IP", "address", "Stratum", "Poll", "Reach"]) {
        return Some(sources(file, start));
    }
    is_heading(
        first,
        &["remote", "refid", "st", "when", "poll", "reach", "delay", "offset"],
    )
    .then(|| peers(file, start))
}

/// The key and value of a fact in a line `name: text`.
type Read = fn(&str, &str) -> Option<(&'static str, String)>;

fn fields(file: &TextFile<'_>, start: usize, read: Read) -> Section {
    let mut section = Section {
        end: start,
        ..Section::default()
    };
    while let Some((name, text)) = file.lines.get(section.end).and_then(|line| line.split_once(':')) {
        if name.trim() == "Universal time"
            && let Some((when, zone)) = clock(text.trim())
        {
            let cite = file.cite(section.end).at(Some(when.clone()));
            section.facts.push(Fact::Clock { when, zone, cite });
        }
        if let Some((key, value)) = read(name.trim(), text.trim()) {
            section.facts.push(Fact::Value {
                key: key.to_owned(),
                value,
                cite: file.cite(section.end),
            });
        }
        section.end += 1;
    }
    section
}

fn timedatectl(name: &str, text: &str) -> Option<(&'static str, String)> {
    match name {
        // The second name is that of systemd before 239.
        "System clock synchronized" | "NTP synchronized" => Some(("clock.synchronised", text.to_owned())),
        "Time zone" => Some(("clock.zone", text.split(' ').next()?.to_owned())),
        _ => None,
    }
}

/// `System time     : 0.000012345 seconds fast of NTP time`, `Leap status     : Not synchronised`.
fn chrony(name: &str, text: &str) -> Option<(&'static str, String)> {
    match name {
        "Leap status" => Some((
            "clock.synchronised",
            if text == "Not synchronised" { "no" } else { "yes" }.to_owned(),
        )),
        "System time" => {
            let mut words = text.split_whitespace();
            let seconds: f64 = words.next()?.parse().ok()?;
            let is_slow = words.nth(1) == Some("slow");
            Some((
                "clock.offset-seconds",
                format!("{}", if is_slow { -seconds } else { seconds }),
            ))
        }
        _ => None,
    }
}

/// `server 192.0.2.1, stratum 2, offset -12.500000, delay 0.02612`: what the server's clock is ahead of this one. A server of stratum 0
/// did not answer.
fn asked(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let field = |name: &str| {
        let mut fields = file.line(start).split(", ");
        fields.find_map(|field| field.strip_prefix(name)?.trim().parse::<f64>().ok())
    };
    let (stratum, offset) = (field("stratum ")?, field("offset ")?);
    let told = (stratum > 0.0).then(|| Fact::Value {
        key: "clock.offset-seconds".to_owned(),
        value: format!("{}", -offset),
        cite: file.cite(start),
    });
    Some(Section {
        end: start + 1,
        facts: told.into_iter().collect(),
        ..Section::default()
    })
}

/// The peer that the clock follows is marked with `*`; its offset is in milliseconds, positive when the peer is ahead.
fn peers(file: &TextFile<'_>, start: usize) -> Section {
    let mut end = start + 1;
    let mut chosen = None;
    while let Some(line) = file.lines.get(end).filter(|line| !line.trim().is_empty()) {
        let is_row = line.starts_with("====") || line.split_whitespace().count() >= 9;
        if !is_row {
            break;
        }
        if line.starts_with('*') {
            chosen = Some(end);
        }
        end += 1;
    }
    let cite = file.cite(chosen.unwrap_or(start));
    let value = |key: &str, value: String| Fact::Value {
        key: key.to_owned(),
        value,
        cite: cite.clone(),
    };
    let mut facts = vec![value(
        "clock.synchronised",
        if chosen.is_some() { "yes" } else { "no" }.to_owned(),
    )];
    let offset = chosen.and_then(|line| file.line(line).split_whitespace().nth(8)?.parse::<f64>().ok());
    facts.extend(offset.map(|offset| value("clock.offset-seconds", format!("{}", -offset / 1000.0))));
    Section {
        end,
        facts,
        ..Section::default()
    }
}

/// `chronyc sources`: a row begins with the mode (`^`, `=`, `#`) and the state, of which `*` is the source that the clock follows.
fn sources(file: &TextFile<'_>, start: usize) -> Section {
    let is_row = |line: &&str| line.starts_with("====") || line.starts_with(['^', '=', '#']) && line.len() > 3;
    let rows = file
        .lines
        .get(start + 1..)
        .unwrap_or_default()
        .iter()
        .take_while(|line| is_row(line))
        .count();
    let end = start + 1 + rows;
    let chosen = (start + 1..end).find(|&index| file.line(index).as_bytes().get(1) == Some(&b'*'));
    let facts = vec![Fact::Value {
        key: "clock.synchronised".to_owned(),
        value: if chosen.is_some() { "yes" } else { "no" }.to_owned(),
        cite: chosen.map_or_else(|| file.cite_range(start, end - 1, start), |line| file.cite(line)),
    }];
    Section {
        end,
        facts,
        ..Section::default()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::values;
    use super::*;
    use crate::bundle::decode::sample::section;

    #[test]
    fn every_program_says_whether_the_clock_is_right() {
        for (text, expected) in [
            (
                "               Local time: Fri 2022-02-11 19:24:03 UTC\n                Time zone: Etc/UTC (UTC, +0000)\nSystem clock synchronized: yes\n",
                vec!["clock.zone=Etc/UTC", "clock.synchronised=yes"],
            ),
            (
                "Reference ID    : 00000000 ()\nSystem time     : 12.500000000 seconds slow of NTP time\nLeap status     : Not synchronised\n",
                vec!["clock.offset-seconds=-12.5", "clock.synchronised=no"],
            ),
            (
                "     remote           refid      st t when poll reach   delay   offset  jitter\n==============================================================================\n*192.0.2.1       .GPS.            1 u   33   64  377    0.500 -250.000   0.100\n",
                vec!["clock.synchronised=yes", "clock.offset-seconds=0.25"],
            ),
            (
                "MS Name/IP address         Stratum Poll Reach LastRx Last sample\n===============================================================================\n^? ntp1.example                  0  10     0     -     +0ns[   +0ns] +/-    0ns\n",
                vec!["clock.synchronised=no"],
            ),
            (
                "MS Name/IP address         Stratum Poll Reach LastRx Last sample\n===============================================================================\n^+ ntp1.example                  2  10   377   190   -205us[ -172us] +/-   14ms\n^* ntp2.example                  2  10   377   412   +118us[ +151us] +/-   11ms\n",
                vec!["clock.synchronised=yes"],
            ),
            (
                "server 192.0.2.1, stratum 2, offset -12.500000, delay 0.02612\n",
                vec!["clock.offset-seconds=12.5"],
            ),
            ("server 192.0.2.1, stratum 0, offset 0.000000, delay 0.00000\n", vec![]),
        ] {
            assert_eq!(values(&section(&DECODER, "x", text).unwrap()), expected, "{text}");
        }
    }

    #[test]
    fn the_time_of_the_machine_is_its_clock() {
        let text = "   Local time: Sat 2026-11-21 11:20:42 CET\nUniversal time: Sat 2026-11-21 10:20:42 UTC\n Time zone: Europe/Berlin (CET, +0100)\n";
        let facts = section(&DECODER, "x", text).unwrap().facts;
        let told = facts.iter().find_map(|fact| match fact {
            Fact::Clock { when, .. } => Some(when.earliest.to_string()),
            _ => None,
        });
        assert_eq!(told.as_deref(), Some("2026-11-21T10:20:42Z"));
    }

    #[test]
    fn other_text_is_declined() {
        for text in ["", "Local time is wrong", "Reference ID", "remote refid"] {
            assert!(section(&DECODER, "x", text).is_none(), "{text}");
        }
    }
}

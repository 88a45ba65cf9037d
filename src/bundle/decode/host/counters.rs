//! What the kernel counts of its network protocols: `netstat -s` (net-tools `statistics.c`), `nstat` (iproute2 `misc/nstat.c`) and
//! `/proc/net/{snmp,netstat}`.
//!
//! The counters are called as the kernel calls them (`net/ipv4/proc.c`); they count from the boot on.

use std::collections::BTreeMap;

use crate::bundle::decode::{Decoder, Section, TextFile};

/// `net.counter.TcpRetransSegs`, `net.counter.TcpExtListenOverflows`…
pub(in crate::bundle::decode) const DECODER: Decoder = Decoder {
    name: "network counters",
    decode,
};

/// The counters that tell of losses, and what `netstat -s` writes behind their numbers, in all spellings since 2000.
const COUNTERS: [(&str, &[&str]); 12] = [
    ("IpInDiscards", &["incoming packets discarded"]),
    ("IpOutDiscards", &["outgoing packets dropped"]),
    ("IpOutNoRoutes", &["dropped because of missing route"]),
    (
        "IpReasmFails",
        &["packet reassembles failed", "packet reassemblies failed"],
    ),
    ("IpFragFails", &["fragments failed"]),
    ("TcpOutSegs", &["segments sent out", "segments send out"]),
    ("TcpRetransSegs", &["segments retransmitted", "segments retransmited"]),
    ("TcpAttemptFails", &["failed connection attempts"]),
    (
        "TcpExtListenOverflows",
        &["times the listen queue of a socket overflowed"],
    ),
    (
        "TcpExtListenDrops",
        &["SYNs to LISTEN sockets dropped", "SYNs to LISTEN sockets ignored"],
    ),
    ("UdpRcvbufErrors", &["receive buffer errors"]),
    ("UdpInErrors", &["packet receive errors"]),
];

fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let first = file.line(start);
    match first.trim_end() {
        "#kernel" => Some(nstat(file, start)),
        "Ip:" if file.line(start + 1).starts_with("    ") => Some(netstat(file, start)),
        _ if first.starts_with("Ip: Forwarding ") || first.starts_with("TcpExt: Syncookies") => proc_net(file, start),
        _ => None,
    }
}

fn netstat(file: &TextFile<'_>, start: usize) -> Section {
    let mut section = Section {
        end: start,
        ..Section::default()
    };
    while let Some(line) = file.lines.get(section.end).filter(|line| !line.trim().is_empty()) {
        let is_heading = !line.starts_with(' ') && line.trim_end().ends_with(':');
        if !is_heading && !line.starts_with(' ') {
            break;
        }
        if let Some((count, words)) = line.trim().split_once(' ')
            && count.bytes().all(|byte| byte.is_ascii_digit())
            && let Some((name, _)) = COUNTERS.iter().find(|(_, phrases)| phrases.contains(&words))
        {
            section.facts.push(file.value(section.end, key(name), count));
        }
        section.end += 1;
    }
    section
}

/// `TcpRetransSegs                  57                 0.0`.
fn nstat(file: &TextFile<'_>, start: usize) -> Section {
    let mut section = Section {
        end: start + 1,
        ..Section::default()
    };
    while let Some(line) = file.lines.get(section.end) {
        let mut words = line.split_whitespace();
        let (Some(name), Some(count), Some(_), None) = (words.next(), words.next(), words.next(), words.next()) else {
            break;
        };
        if is_counter(name) {
            section.facts.push(file.value(section.end, key(name), count));
        }
        section.end += 1;
    }
    section
}

/// A line of names and a line of numbers for each protocol.
fn proc_net(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let mut section = Section {
        end: start,
        ..Section::default()
    };
    while let (Some((protocol, names)), Some((again, counts))) = (
        file.line(section.end).split_once(": "),
        file.line(section.end + 1).split_once(": "),
    ) {
        if protocol != again {
            break;
        }
        let counts: BTreeMap<&str, &str> = names.split_whitespace().zip(counts.split_whitespace()).collect();
        for (name, count) in counts {
            let name = format!("{protocol}{name}");
            if is_counter(&name) {
                section.facts.push(file.value(section.end + 1, key(&name), count));
            }
        }
        section.end += 2;
    }
    (section.end > start).then_some(section)
}

fn is_counter(name: &str) -> bool {
    COUNTERS.iter().any(|(known, _)| *known == name)
}

fn key(name: &str) -> String {
    format!("net.counter.{name}")
}

#[cfg(test)]
mod tests {
    use super::super::testing::values;
    use super::*;
    use crate::bundle::decode::sample::section;

    #[test]
    fn all_programs_count_the_same() {
        for text in [
            "Ip:\n    Forwarding: 1\n    9 total packets received\nTcp:\n    57 segments retransmitted\nTcpExt:\n    3 times the listen queue of a socket overflowed\n    3 SYNs to LISTEN sockets dropped\n",
            "#kernel\nTcpRetransSegs                  57                 0.0\nTcpExtListenOverflows           3                  0.0\nTcpExtListenDrops               3                  0.0\nTcpExtFoo 1 0.0\n",
        ] {
            assert_eq!(
                values(&section(&DECODER, "x", text).unwrap()),
                [
                    "net.counter.TcpRetransSegs=57",
                    "net.counter.TcpExtListenOverflows=3",
                    "net.counter.TcpExtListenDrops=3"
                ],
                "{text}"
            );
        }
        let text = "Ip: Forwarding DefaultTTL ReasmFails\nIp: 1 64 7\nTcp: RtoAlgorithm RetransSegs\nTcp: 1 57\nrest\n";
        let section = section(&DECODER, "x", text).unwrap();
        assert_eq!(
            (values(&section), section.end),
            (
                vec![
                    "net.counter.IpReasmFails=7".to_owned(),
                    "net.counter.TcpRetransSegs=57".to_owned()
                ],
                4
            )
        );
    }

    #[test]
    fn other_text_is_declined() {
        for text in ["", "Ip:\n", "Ip: Forwarding\n", "#kernel panic\n", "Tcp: x\n"] {
            assert!(section(&DECODER, "x", text).is_none(), "{text}");
        }
    }
}

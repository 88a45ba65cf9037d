//! Listening sockets: `ss -lntup` (iproute2 `misc/ss.c`), `netstat -lntup` (net-tools), with or without their heading.

use regex::Regex;

use super::fact::{HostFact, Listener};
use crate::bundle::decode::shape::{Shape, group, is_heading};
use crate::bundle::decode::{Decoder, Fact, Section, TextFile};

/// Sockets; those that listen become facts.
pub(in crate::bundle::decode) const DECODER: Decoder = Decoder {
    name: "sockets",
    decode,
};

static SS: Shape = Shape::new(|| {
    Regex::new(
        r#"^(?:(?<proto>\w+)\s+)?(?<state>LISTEN|UNCONN)\s+\d+\s+\d+\s+(?<local>\S+):(?<port>\d+)\s+\S+(?:\s*users:\(\("(?<process>[^"]*)")?"#,
    )
});
static NETSTAT: Shape = Shape::new(|| {
    Regex::new(
        r"^(?<proto>tcp6?|udp6?)\s+\d+\s+\d+\s+(?<local>\S+):(?<port>\d+)\s+\S+:\S+\s+(?<state>[A-Z_0-9]*)\s*(?:\d+/(?<process>\S+))?",
    )
});
const MOST_LISTENERS: usize = 5_000;

fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let first = file.line(start);
    let is_headed = ["Netid", "State", "Proto"]
        .iter()
        .any(|word| is_heading(first, &[word, "Recv-Q", "Send-Q", "Local Address"]));
    let is_bare = (first.starts_with("tcp") || first.starts_with("udp")) && NETSTAT.fits(first);
    if !is_headed && !is_bare {
        return None;
    }
    let mut section = Section {
        end: start + usize::from(is_headed),
        ..Section::default()
    };
    while let Some(line) = file.lines.get(section.end).filter(|line| !line.trim().is_empty()) {
        let found = SS.groups(line).or_else(|| NETSTAT.groups(line));
        if found.is_none() && is_bare {
            break;
        }
        if let Some(found) = found.filter(|_| section.facts.len() < MOST_LISTENERS) {
            let protocol = group(&found, "proto");
            // UDP has no state in netstat; a connected one has a peer.
            let is_listening = matches!(group(&found, "state"), "LISTEN" | "UNCONN")
                || protocol.starts_with("udp") && group(&found, "state").is_empty();
            if let (true, Ok(port)) = (is_listening, group(&found, "port").parse()) {
                let local = group(&found, "local");
                let address = local.split('%').next().unwrap_or(local).trim_matches(['[', ']']);
                section.facts.push(Fact::Host(HostFact::Listener(Listener {
                    protocol: if protocol.is_empty() { "tcp" } else { protocol }.to_owned(),
                    address: address.to_owned(),
                    port,
                    process: group(&found, "process").to_owned(),
                    cite: file.cite(section.end),
                })));
            }
        }
        section.end += 1;
    }
    Some(section)
}

#[cfg(test)]
mod tests {
    use super::super::testing::host_facts;
    use super::*;
    use crate::bundle::decode::sample::section;

    fn listeners(text: &str) -> Vec<(String, String, u16, String)> {
        let shown = |fact| match fact {
            HostFact::Listener(found) => Some((found.protocol, found.address, found.port, found.process)),
            _ => None,
        };
        host_facts(section(&DECODER, "x", text).unwrap())
            .into_iter()
            .filter_map(shown)
            .collect()
    }

    #[test]
    fn both_programs_tell_who_listens_where() {
        for text in [
            "Netid State  Recv-Q Send-Q Local Address:Port  Peer Address:PortProcess\ntcp   LISTEN 0      4096       127.0.0.1:2379       0.0.0.0:*    users:((\"etcd\",pid=6018,fd=8))\ntcp   ESTAB  0 0 10.0.0.1:22 10.0.0.2:999\n",
            "State  Recv-Q Send-Q Local Address:Port Peer Address:Port Process\nLISTEN 0      4096       127.0.0.1:2379       0.0.0.0:*    users:((\"etcd\",pid=6018,fd=8))\n",
            "Proto Recv-Q Send-Q Local Address           Foreign Address         State       PID/Program name\ntcp        0      0 127.0.0.1:2379          0.0.0.0:*               LISTEN      13671/etcd\n",
            "tcp        0      0 127.0.0.1:2379          0.0.0.0:*               LISTEN      13671/etcd\ntcp        0      0 127.0.0.1:2379          127.0.0.1:37448         ESTABLISHED 13671/etcd\n",
        ] {
            assert_eq!(
                listeners(text),
                [("tcp".into(), "127.0.0.1".into(), 2379, "etcd".into())],
                "{text}"
            );
        }
        let text =
            "Netid State  Recv-Q Send-Q Local Address:Port  Peer Address:Port\nudp   UNCONN 0 0 [::]%lo:53 [::]:*\n";
        assert_eq!(listeners(text), [("udp".into(), "::".into(), 53, String::new())]);
    }

    #[test]
    fn other_text_is_declined() {
        for text in ["", "State changed", "tcp connection refused", "Proto Recv-Q"] {
            assert!(section(&DECODER, "x", text).is_none(), "{text}");
        }
    }
}

//! `ipvsadm -Ln` and `ipvsadm -S -n` (ipvsadm `ipvsadm.c`): what kube-proxy's IPVS mode has programmed.

use regex::Regex;

use super::fact::{HostFact, VirtualServer};
use crate::bundle::decode::shape::{Shape, group};
use crate::bundle::decode::{Decoder, Fact, Section, TextFile};

/// Virtual servers.
pub(in crate::bundle::decode) const DECODER: Decoder = Decoder {
    name: "ipvsadm",
    decode,
};

const MOST_SERVERS: usize = 20_000;

/// The commands that `-S` writes: `-A` adds a server, `-a` a backend of it (`-r`).
static SAVED: Shape = Shape::new(|| {
    Regex::new(
        r"^-(?<what>[Aa]) (?:-(?<protocol>[tuf])|--sctp-service) (?<address>\S+) (?:-s \S+|-r (?<backend>\S+))(?:\s|$)",
    )
});

fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    if file.line(start).starts_with("-A ") && SAVED.fits(file.line(start)) {
        return Some(saved(file, start));
    }
    if !file.line(start).starts_with("IP Virtual Server version") {
        return None;
    }
    let mut servers: Vec<VirtualServer> = Vec::new();
    let mut end = start + 1;
    while let Some(line) = file.lines.get(end).filter(|line| !line.trim().is_empty()) {
        let mut words = line.split_whitespace();
        match (words.next(), words.next()) {
            (Some("->"), Some(address)) => {
                if let Some(server) = servers.last_mut() {
                    server.backends.push(address.to_owned());
                }
            }
            (Some(protocol @ ("TCP" | "UDP" | "SCTP")), Some(address)) if servers.len() < MOST_SERVERS => {
                servers.push(VirtualServer {
                    protocol: protocol.to_owned(),
                    address: address.to_owned(),
                    backends: Vec::new(),
                    cite: file.cite(end),
                });
            }
            _ => {}
        }
        end += 1;
    }
    Some(section(end, servers))
}

/// Reads the commands that would build the table again.
fn saved(file: &TextFile<'_>, start: usize) -> Section {
    let mut servers: Vec<VirtualServer> = Vec::new();
    let mut end = start;
    while let Some(found) = file.lines.get(end).and_then(|line| SAVED.groups(line)) {
        if group(&found, "what") == "a" {
            let backend = group(&found, "backend").to_owned();
            if let Some(server) = servers.last_mut() {
                server.backends.push(backend);
            }
        } else if servers.len() < MOST_SERVERS {
            let protocol = match group(&found, "protocol") {
                "t" => "TCP",
                "u" => "UDP",
                "f" => "FWM",
                _ => "SCTP",
            };
            servers.push(VirtualServer {
                protocol: protocol.to_owned(),
                address: group(&found, "address").to_owned(),
                backends: Vec::new(),
                cite: file.cite(end),
            });
        }
        end += 1;
    }
    section(end, servers)
}

fn section(end: usize, servers: Vec<VirtualServer>) -> Section {
    Section {
        end,
        facts: servers
            .into_iter()
            .map(|server| Fact::Host(HostFact::VirtualServer(server)))
            .collect(),
        ..Section::default()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::host_facts;
    use super::*;
    use crate::bundle::decode::sample::section;

    #[test]
    fn saved_commands_are_servers_and_no_packet_filter() {
        let text =
            "-A -t 10.96.0.1:443 -s rr\n-a -t 10.96.0.1:443 -r 192.0.2.2:6443 -m -w 1\n-A -u 10.96.0.10:53 -s rr\n";
        let facts = host_facts(section(&DECODER, "x", text).unwrap());
        let [HostFact::VirtualServer(api), HostFact::VirtualServer(dns)] = facts.as_slice() else {
            panic!()
        };
        assert_eq!((api.protocol.as_str(), api.backends.len()), ("TCP", 1));
        assert_eq!((dns.protocol.as_str(), dns.address.as_str()), ("UDP", "10.96.0.10:53"));
        assert!(section(&super::super::FIREWALL, "x", text).is_none());
    }

    #[test]
    fn a_virtual_server_without_backends_is_seen() {
        let text = "IP Virtual Server version 1.2.1 (size=4096)\nProt LocalAddress:Port Scheduler Flags\n  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn\nTCP  10.96.0.1:443 rr\n  -> 192.0.2.2:6443               Masq    1      4          0\nTCP  10.96.0.10:53 rr\n";
        let facts = host_facts(section(&DECODER, "x", text).unwrap());
        let [HostFact::VirtualServer(api), HostFact::VirtualServer(dns)] = facts.as_slice() else {
            panic!()
        };
        assert_eq!(
            (api.address.as_str(), api.backends.as_slice()),
            ("10.96.0.1:443", ["192.0.2.2:6443".to_owned()].as_slice())
        );
        assert!(dns.backends.is_empty());
    }

    #[test]
    fn other_text_is_declined() {
        assert!(section(&DECODER, "x", "IP Virtual Server is off\n").is_none());
    }
}

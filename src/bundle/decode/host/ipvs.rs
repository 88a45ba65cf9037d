//! `ipvsadm -Ln` (ipvsadm `ipvsadm.c`): what kube-proxy's IPVS mode has programmed.

use super::fact::{HostFact, VirtualServer};
use crate::bundle::decode::{Decoder, Fact, Section, TextFile};

/// Virtual servers.
pub(in crate::bundle::decode) const DECODER: Decoder = Decoder {
    name: "ipvsadm",
    decode,
};

const MOST_SERVERS: usize = 20_000;

fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
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
    Some(Section {
        end,
        facts: servers
            .into_iter()
            .map(|server| Fact::Host(HostFact::VirtualServer(server)))
            .collect(),
        ..Section::default()
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::host_facts;
    use super::*;
    use crate::bundle::decode::sample::section;

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

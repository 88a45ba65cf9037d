//! `ip addr`, `ip link`, `ip -o addr`, `ip -br addr`, `ip -br link` (iproute2 `ip/ipaddress.c`).

use regex::Regex;

use super::fact::{HostFact, Interface};
use crate::bundle::decode::shape::{Shape, group};
use crate::bundle::decode::{Decoder, Fact, Section, TextFile};

/// Network interfaces; of `ip -d link` `interface.<name>.vxlan-dev`, the interface below a VXLAN device; and of `ip -s link` `interface.<name>.rx-errors`, `.rx-dropped`, `.tx-errors`, `.tx-dropped` that are not 0.
pub(in crate::bundle::decode) const DECODER: Decoder = Decoder {
    name: "ip addr",
    decode,
};

static LINK: Shape = Shape::new(|| Regex::new(r"^\d+: (?<name>[^\s:@]+)(?:@\S+)?: <[A-Z0-9_,-]+> mtu (?<mtu>\d+) "));
static STATE: Shape = Shape::new(|| Regex::new(r" state (?<state>[A-Z]+)"));
static ADDRESS: Shape = Shape::new(|| Regex::new(r"^\s+inet6? (?<address>[0-9a-f.:]+(?:/\d+)?)"));
static ONE_LINE: Shape =
    Shape::new(|| Regex::new(r"^\d+: (?<name>\S+)\s+inet6? (?<address>[0-9a-f.:]+(?:/\d+)?) .*\bscope \w+"));
/// A name, a state (RFC 2863, `operstate` of the kernel), and addresses or, of `ip -br link`, the link's address and flags.
static BRIEF: Shape = Shape::new(|| {
    Regex::new(concat!(
        r"^(?<name>[^\s:@]{1,15})(?:@\S+)?\s+(?<state>UP|DOWN|UNKNOWN|LOWERLAYERDOWN|DORMANT|TESTING|NOTPRESENT)",
        r"(?<rest>(?:\s+[0-9a-f]*[.:][0-9a-f.:]+/\d{1,3})+|\s+(?:[0-9a-f]{2}:){5}[0-9a-f]{2} <[A-Z0-9_,-]+>)?\s*$"
    ))
});
/// What `ip -o link | awk '{print $2,$4,$5}'` and the like leave of an interface: its name and its size.
static PICKED: Shape = Shape::new(|| {
    Regex::new(r"^(?:\d+: )?(?<name>[^\s:@]{1,15})(?:@\S{1,20})?: mtu (?<mtu>\d{2,5})(?: [\w ]{0,80})?$")
});
/// `vxlan id 1 local 192.0.2.2 dev eth0 srcport 0 0 dstport 8472` (iproute2 `ip/iplink_vxlan.c`).
static VXLAN: Shape = Shape::new(|| Regex::new(r"^\s+vxlan id \d+ .*\bdev (?<dev>\S+) .*\bdstport \d+"));
const MOST_INTERFACES: usize = 1_000;

fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    if let Some(section) = brief(file, start).or_else(|| picked(file, start)) {
        return Some(section);
    }
    if !file.line(start).starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let mut interfaces: Vec<Interface> = Vec::new();
    let mut losses = Vec::new();
    let mut end = start;
    let mut heading = start;
    while let Some(line) = file.lines.get(end) {
        if let Some(found) = LINK.groups(line) {
            heading = end;
            interfaces.push(Interface {
                name: group(&found, "name").to_owned(),
                mtu: group(&found, "mtu").parse().ok(),
                state: STATE
                    .groups(line)
                    .map_or(String::new(), |found| group(&found, "state").to_owned()),
                addresses: Vec::new(),
                cite: file.cite(end),
            });
        } else if let Some(found) = ONE_LINE.groups(line) {
            interfaces.push(Interface {
                name: group(&found, "name").to_owned(),
                mtu: None,
                state: String::new(),
                addresses: vec![group(&found, "address").to_owned()],
                cite: file.cite(end),
            });
        } else if line.starts_with(' ') && end > start {
            if let (Some(found), Some(last)) = (ADDRESS.groups(line), interfaces.last_mut()) {
                last.addresses.push(group(&found, "address").to_owned());
                last.cite = file.cite_range(heading, end, heading);
            } else if let (Some(found), Some(last)) = (VXLAN.groups(line), interfaces.last()) {
                losses.push(file.value(end, format!("interface.{}.vxlan-dev", last.name), group(&found, "dev")));
            } else if let (Some((way, names)), Some(last)) = (counted(line), interfaces.last()) {
                let counts = file.line(end + 1).split_whitespace();
                for (name, count) in names.split_whitespace().zip(counts) {
                    let is_some =
                        count.bytes().all(|byte| byte.is_ascii_digit()) && count.bytes().any(|byte| byte != b'0');
                    if matches!(name, "errors" | "dropped") && is_some {
                        losses.push(file.value(end + 1, format!("interface.{}.{way}-{name}", last.name), count));
                    }
                }
            }
        } else {
            break;
        }
        end += 1;
    }
    interfaces.truncate(MOST_INTERFACES);
    (end > start).then(|| Section {
        end,
        facts: interfaces
            .into_iter()
            .map(|interface| Fact::Host(HostFact::Interface(interface)))
            .chain(losses)
            .collect(),
        ..Section::default()
    })
}

/// The table of `ip -br`. It begins with a line that has an address, which `lo` has.
fn brief(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let first = file.line(start);
    // Declines most lines before the expression is tried.
    if !(first.contains('/') || first.contains('<')) || !first.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return None;
    }
    BRIEF.groups(first).filter(|found| !group(found, "rest").is_empty())?;
    let mut section = Section {
        end: start,
        ..Section::default()
    };
    while let Some(found) = file.lines.get(section.end).and_then(|line| BRIEF.groups(line)) {
        if section.facts.len() < MOST_INTERFACES {
            let addresses = group(&found, "rest").split_whitespace();
            section.facts.push(Fact::Host(HostFact::Interface(Interface {
                name: group(&found, "name").to_owned(),
                mtu: None,
                state: group(&found, "state").to_owned(),
                addresses: addresses.filter(|word| word.contains('/')).map(str::to_owned).collect(),
                cite: file.cite(section.end),
            })));
        }
        section.end += 1;
    }
    Some(section)
}

/// Lines of names and sizes alone.
fn picked(file: &TextFile<'_>, start: usize) -> Option<Section> {
    if !file.line(start).contains(": mtu ") {
        return None;
    }
    let mut section = Section {
        end: start,
        ..Section::default()
    };
    while let Some(found) = file.lines.get(section.end).and_then(|line| PICKED.groups(line)) {
        if section.facts.len() < MOST_INTERFACES {
            section.facts.push(Fact::Host(HostFact::Interface(Interface {
                name: group(&found, "name").to_owned(),
                mtu: group(&found, "mtu").parse().ok(),
                state: String::new(),
                addresses: Vec::new(),
                cite: file.cite(section.end),
            })));
        }
        section.end += 1;
    }
    (section.end > start).then_some(section)
}

/// The names of the counters in the line below: `RX: bytes  packets  errors  dropped overrun mcast`.
fn counted(line: &str) -> Option<(&'static str, &str)> {
    let line = line.trim_start();
    let ways = [("RX:", "rx"), ("TX:", "tx")];
    ways.into_iter()
        .find_map(|(head, way)| Some((way, line.strip_prefix(head)?)))
        .filter(|(_, names)| names.contains("packets"))
}

#[cfg(test)]
mod tests {
    use super::super::testing::host_facts;
    use super::*;
    use crate::bundle::decode::sample::section;

    fn interfaces(text: &str) -> Vec<(String, Option<u64>, String, Vec<String>)> {
        let shown = |fact| match fact {
            HostFact::Interface(found) => Some((found.name, found.mtu, found.state, found.addresses)),
            _ => None,
        };
        host_facts(section(&DECODER, "x", text).unwrap())
            .into_iter()
            .filter_map(shown)
            .collect()
    }

    #[test]
    fn an_interface_has_its_size_state_and_addresses() {
        let text = "2: flannel.1: <BROADCAST,UP> mtu 1450 qdisc noqueue state UNKNOWN group default\n    link/ether 2e:d2:7b:ae:36:c9\n    inet 10.42.0.0/32 scope global flannel.1\n    inet6 fe80::1/64 scope link\n3: veth1@if2: <UP> mtu 1500 qdisc noqueue master cni0 state DOWN\n";
        assert_eq!(
            interfaces(text),
            [
                (
                    "flannel.1".into(),
                    Some(1450),
                    "UNKNOWN".into(),
                    vec!["10.42.0.0/32".into(), "fe80::1/64".into()]
                ),
                ("veth1".into(), Some(1500), "DOWN".into(), vec![]),
            ]
        );
        let text = "2: ens3    inet 10.6.3.201/16 brd 10.6.255.255 scope global dynamic ens3\\       valid_lft 1sec\n";
        assert_eq!(
            interfaces(text),
            [("ens3".into(), None, String::new(), vec!["10.6.3.201/16".into()])]
        );
    }

    #[test]
    fn the_brief_form_is_read() {
        let text = "lo               UNKNOWN        127.0.0.1/8 ::1/128 \neth0             UP             192.0.2.10/24 fe80::5054:ff:fe12:3456/64 \ndocker0          DOWN           \nveth1@if2        UP             fe80::1/64 \n$ date\n";
        let found = interfaces(text);
        assert_eq!(section(&DECODER, "x", text).unwrap().end, 4);
        assert_eq!(
            found[1],
            (
                "eth0".into(),
                None,
                "UP".into(),
                vec!["192.0.2.10/24".into(), "fe80::5054:ff:fe12:3456/64".into()]
            )
        );
        assert_eq!((found[2].2.as_str(), found[3].0.as_str()), ("DOWN", "veth1"));
        let links = "eth0             UP             52:54:00:12:34:56 <BROADCAST,MULTICAST,UP,LOWER_UP> \n";
        assert_eq!(interfaces(links)[0].3, Vec::<String>::new());
        for other in ["web UP since 10:00\n", "backend DOWN\n", "svc UP 1/2\n"] {
            assert!(section(&DECODER, "x", other).is_none(), "{other}");
        }
    }

    #[test]
    fn names_and_sizes_alone_are_read() {
        let found = interfaces("lo: mtu 65536\nens3: mtu 1450\ncali7c0b794c9b3@if2: mtu 1450\n$ date\n");
        let sizes: Vec<(&str, Option<u64>)> = found.iter().map(|one| (one.0.as_str(), one.1)).collect();
        assert_eq!(
            sizes,
            [
                ("lo", Some(65536)),
                ("ens3", Some(1450)),
                ("cali7c0b794c9b3", Some(1450))
            ]
        );
        assert!(section(&DECODER, "x", "Felix: mtu 1450 was set, and is larger.\n").is_none());
    }

    #[test]
    fn losses_are_counted() {
        let text = "2: eth0: <UP> mtu 1500 qdisc noqueue state UP\n    link/ether 2e:d2:7b:ae:36:c9\n    RX: bytes  packets  errors  dropped overrun mcast\n    2242       12       0       3       0       0\n    TX:  bytes packets errors dropped carrier collsns\n          1  1 5 0 0 0\n";
        assert_eq!(
            super::super::testing::values(&section(&DECODER, "x", text).unwrap()),
            ["interface.eth0.rx-dropped=3", "interface.eth0.tx-errors=5"]
        );
    }

    #[test]
    fn the_interface_below_a_vxlan_device_is_read() {
        let text = "5: flannel.1: <UP> mtu 1450 qdisc noqueue state UNKNOWN\n    link/ether 2e:51:9a:0c:77:f3 brd ff:ff:ff:ff:ff:ff promiscuity 0\n    vxlan id 1 local 192.0.2.2 dev ens18 srcport 0 0 dstport 8472 nolearning\n";
        assert_eq!(
            super::super::testing::values(&section(&DECODER, "x", text).unwrap()),
            ["interface.flannel.1.vxlan-dev=ens18"]
        );
    }

    #[test]
    fn other_text_is_declined() {
        for text in ["", "1: first item", "2: eth0 inet", "    inet 10.0.0.1/8 scope host lo"] {
            assert!(section(&DECODER, "x", text).is_none(), "{text}");
        }
    }
}

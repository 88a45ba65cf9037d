//! `ifconfig -a` (net-tools `lib/interface.c`), old and new form.

use regex::Regex;

use super::fact::{HostFact, Interface};
use crate::bundle::decode::shape::{Shape, group};
use crate::bundle::decode::{Decoder, Fact, Section, TextFile};

/// Network interfaces, and `interface.<name>.rx-errors`, `.rx-dropped`, `.tx-errors`, `.tx-dropped` where they are not 0.
pub(in crate::bundle::decode) const DECODER: Decoder = Decoder {
    name: "ifconfig",
    decode,
};

/// `eth0: flags=4163<UP,BROADCAST>  mtu 1500`, before net-tools 2 `eth0      Link encap:Ethernet`.
static HEAD: Shape = Shape::new(|| {
    Regex::new(r"^(?<name>[^\s:]+(?::\d+)?)(?:: flags=\d+<(?<flags>[^>]*)>  mtu (?<mtu>\d+)| +Link encap:)")
});
static ADDRESS: Shape = Shape::new(|| {
    Regex::new(
        r"^\s+inet6? (?:addr: ?)?(?<address>[0-9a-f.:]+)(?:/(?<length>\d+)|  prefixlen (?<prefix>\d+)|.*?(?:netmask |Mask:)(?<mask>[\d.]+))?",
    )
});
static OLD_FLAGS: Shape = Shape::new(|| Regex::new(r"^\s+(?<flags>[A-Z ]*)\s+MTU:(?<mtu>\d+)"));
static LOSSES: Shape = Shape::new(|| {
    Regex::new(r"^\s+(?<way>RX|TX)(?: packets:\d+)? errors[: ](?<errors>\d+) +dropped[: ](?<dropped>\d+)")
});
const MOST_INTERFACES: usize = 1_000;

fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let first = file.line(start);
    if !first.contains("flags=") && !first.contains("Link encap:") {
        return None;
    }
    let mut section = Section {
        end: start,
        ..Section::default()
    };
    let mut interfaces: Vec<Interface> = Vec::new();
    while let Some(line) = file.lines.get(section.end) {
        if let Some(found) = HEAD.groups(line).filter(|_| interfaces.len() < MOST_INTERFACES) {
            interfaces.push(Interface {
                name: group(&found, "name").to_owned(),
                mtu: group(&found, "mtu").parse().ok(),
                state: state(group(&found, "flags")),
                addresses: Vec::new(),
                cite: file.cite(section.end),
            });
        } else if let Some(interface) = interfaces.last_mut().filter(|_| line.starts_with([' ', '\t'])) {
            if let Some(found) = ADDRESS.groups(line) {
                interface.addresses.push(address(&found));
            } else if let Some(found) = OLD_FLAGS.groups(line) {
                interface.mtu = group(&found, "mtu").parse().ok();
                interface.state = state(group(&found, "flags"));
            } else if let Some(found) = LOSSES.groups(line) {
                let way = group(&found, "way").to_lowercase();
                for what in ["errors", "dropped"] {
                    let count = group(&found, what);
                    if count.bytes().any(|byte| byte != b'0') {
                        let key = format!("interface.{}.{way}-{what}", interface.name);
                        section.facts.push(file.value(section.end, key, count));
                    }
                }
            }
        } else if !line.trim().is_empty() || interfaces.is_empty() {
            break;
        }
        section.end += 1;
    }
    if interfaces.is_empty() {
        return None;
    }
    section.facts.extend(
        interfaces
            .into_iter()
            .map(|interface| Fact::Host(HostFact::Interface(interface))),
    );
    Some(section)
}

/// The state as `ip link` has it, from the flags.
fn state(flags: &str) -> String {
    if flags.is_empty() {
        return String::new();
    }
    let is_up = flags.split([',', ' ']).any(|flag| flag == "UP");
    if is_up { "UP" } else { "DOWN" }.to_owned()
}

/// The address with the length of its network's prefix.
fn address(found: &regex::Captures<'_>) -> String {
    let address = group(found, "address");
    let mask: Option<u32> = group(found, "mask")
        .parse::<std::net::Ipv4Addr>()
        .ok()
        .map(|mask| u32::from(mask).leading_ones());
    let length = [group(found, "length"), group(found, "prefix")]
        .into_iter()
        .find(|length| !length.is_empty())
        .map(str::to_owned)
        .or_else(|| mask.map(|mask| mask.to_string()));
    length.map_or_else(|| address.to_owned(), |length| format!("{address}/{length}"))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{host_facts, values};
    use super::*;
    use crate::bundle::decode::sample::section;

    #[test]
    fn both_forms_tell_address_size_and_losses() {
        for text in [
            "eth0: flags=4163<UP,BROADCAST,RUNNING>  mtu 1450\n        inet 10.244.0.1  netmask 255.255.255.0  broadcast 10.244.0.255\n        RX packets 815  bytes 62838 (61.3 KiB)\n        RX errors 0  dropped 0  overruns 0  frame 0\n        TX errors 0  dropped 2 overruns 0  carrier 0  collisions 0\n\n",
            "eth0      Link encap:Ethernet  HWaddr 02:42:ac:11:00:02\n          inet addr:10.244.0.1  Bcast:10.244.0.255  Mask:255.255.255.0\n          UP BROADCAST RUNNING MULTICAST  MTU:1450  Metric:1\n          RX packets:8 errors:0 dropped:0 overruns:0 frame:0\n          TX packets:8 errors:0 dropped:2 overruns:0 carrier:0\n\n",
        ] {
            let section = section(&DECODER, "x", text).unwrap();
            assert_eq!(values(&section), ["interface.eth0.tx-dropped=2"], "{text}");
            let facts = host_facts(section);
            let [HostFact::Interface(found)] = facts.as_slice() else {
                panic!("{text}")
            };
            assert_eq!(
                (
                    found.name.as_str(),
                    found.mtu,
                    found.state.as_str(),
                    found.addresses.as_slice()
                ),
                ("eth0", Some(1450), "UP", &["10.244.0.1/24".to_owned()][..]),
                "{text}"
            );
        }
    }

    #[test]
    fn other_text_is_declined() {
        for text in ["", "eth0: renamed from veth1\n", "a: flags=1\n"] {
            assert!(section(&DECODER, "x", text).is_none(), "{text}");
        }
    }
}

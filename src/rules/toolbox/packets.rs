//! Rules of the packet filter that refuse what a cluster needs, told apart from those that its own components write.

use std::collections::BTreeMap;

use super::hosts::{Machine, Suffering, confidence, machines, network_suffering};
use super::nodes::{hits_by_node, is_of_now, on_node, persists};
use super::own_hits;
use crate::bundle::decode::FirewallRule;
use crate::cluster::{Hit, Snapshot};
use crate::rules::{Finding, Input, RuleHeader};

/// A rule that drops or rejects, and what it is limited to.
pub struct Refusal<'s> {
    /// The rule.
    pub rule: &'s FirewallRule,
    /// `tcp`, `udp`; empty for every protocol.
    pub protocol: &'static str,
    /// Ports of the destination, from and to; none for every port.
    pub ports: Vec<(u16, u16)>,
    /// The address of another node that it is about; empty when it is about none.
    pub node_address: String,
    /// True when it is about one interface.
    pub is_of_interface: bool,
    /// True when it is limited by something that is not understood here: addresses, states, sets, interfaces by which no packets between
    /// nodes are known to come.
    pub is_limited: bool,
}

/// Ports that the nodes of a cluster need of each other, over TCP (kubernetes.io/docs/reference/networking/ports-and-protocols; RKE2's
/// requirements; BGP and Typha of Calico) and DNS.
const CLUSTER_TCP: [u16; 11] = [53, 179, 443, 2379, 2380, 5473, 6443, 9345, 10250, 10256, 10257];
/// Ports of overlays over UDP: VXLAN of flannel, canal and Cilium; VXLAN of Calico; Geneve; WireGuard of flannel and Calico.
pub const OVERLAY_UDP: [u16; 5] = [8472, 4789, 6081, 51820, 51821];
/// Beginnings of the chains that Kubernetes, container runtimes and CNIs write themselves.
const OWN_CHAINS: [&str; 13] = [
    "KUBE-",
    "cali-",
    "CALI-",
    "CILIUM_",
    "OLD_CILIUM",
    "DOCKER",
    "FLANNEL",
    "CNI-",
    "WEAVE",
    "ANTREA",
    "LIBVIRT_",
    "f2b-",
    "PODMAN",
];

/// What stands before the name of an interface, in iptables and in nft.
const INTERFACES: [&str; 6] = ["-i", "-o", "iifname", "oifname", "iif", "oif"];

/// The rules of a machine that refuse packets and were not written by the cluster's own components.
pub fn refusals<'s>(snapshot: &Snapshot, machine: &Machine<'s>) -> Vec<Refusal<'s>> {
    let nodes: Vec<String> = snapshot
        .kind("Node")
        .filter(|node| node.key.name != machine.node)
        .flat_map(|node| node.list("/status/addresses"))
        .filter(|address| address.get("type").and_then(|kind| kind.as_str()) == Some("InternalIP"))
        .filter_map(|address| Some(address.get("address")?.as_str()?.to_owned()))
        .collect();
    let carriers = carriers(snapshot, machine);
    machine
        .host
        .tools
        .firewalls
        .iter()
        .flat_map(|firewall| &firewall.refusals)
        .filter(|rule| !OWN_CHAINS.iter().any(|own| rule.chain.starts_with(own)))
        .filter(|rule| matches!(rule.table.as_str(), "" | "filter" | "raw" | "mangle" | "firewalld"))
        .map(|rule| refusal(rule, &nodes, &carriers))
        .collect()
}

/// The interfaces by which packets between nodes come and go: those below a VXLAN device, and those with the address by which the cluster
/// knows the node.
fn carriers<'s>(snapshot: &Snapshot, machine: &Machine<'s>) -> Vec<&'s str> {
    let below = machine
        .host
        .values
        .iter()
        .filter(|(key, _)| key.starts_with("interface.") && key.ends_with(".vxlan-dev"))
        .map(|(_, (device, _))| device.as_str());
    let own = snapshot.object("Node", "", &machine.node);
    let is_own = |address: &str| {
        let bare = address.split('/').next().unwrap_or("");
        own.is_some_and(|node| {
            node.list("/status/addresses").iter().any(|known| {
                known.get("type").is_some_and(|kind| kind == "InternalIP")
                    && known.get("address").is_some_and(|known| known == bare)
            })
        })
    };
    let with_address = machine
        .host
        .tools
        .interfaces
        .iter()
        .filter(|interface| interface.addresses.iter().any(|address| is_own(address)))
        .map(|interface| interface.name.as_str());
    below.chain(with_address).collect()
}

impl Refusal<'_> {
    /// True unless the dump counts packets and it met none.
    pub fn has_met(&self) -> bool {
        self.rule.packets != Some(0)
    }

    /// The port that the cluster needs and this rule refuses by its number; none when it is about no such port.
    pub fn cluster_port(&self) -> Option<u16> {
        let wanted: &[u16] = if self.protocol == "udp" { &[53] } else { &CLUSTER_TCP };
        self.port_of(wanted)
    }

    /// As [`Refusal::cluster_port`], for overlays.
    pub fn overlay_port(&self) -> Option<u16> {
        (self.protocol == "udp").then(|| self.port_of(&OVERLAY_UDP)).flatten()
    }

    /// True for a rule that refuses whatever came so far in its chain.
    pub fn is_catch_all(&self) -> bool {
        self.ports.is_empty() && self.node_address.is_empty() && !self.is_limited && !self.is_of_interface
    }

    fn port_of(&self, wanted: &[u16]) -> Option<u16> {
        // A wide range is a policy of its own, not a rule about this port, unless it is seen to refuse packets.
        let counts = self.rule.packets.is_some_and(|packets| packets > 0);
        let is_in = |port: &&u16| {
            self.ports
                .iter()
                .any(|(from, to)| (*from..=*to).contains(port) && (counts || to.saturating_sub(*from) < 1_000))
        };
        wanted.iter().find(is_in).copied().filter(|_| !self.is_limited)
    }
}

fn refusal<'s>(rule: &'s FirewallRule, nodes: &[String], carriers: &[&str]) -> Refusal<'s> {
    let text = rule.text.as_str();
    let words: Vec<&str> = text.split_whitespace().collect();
    let after = |names: &[&str]| {
        let at = words.iter().position(|word| names.contains(word))?;
        words.get(at + 1).copied()
    };
    let protocol = ["tcp", "udp"]
        .into_iter()
        .find(|name| words.contains(name) || after(&["-p", "--protocol"]) == Some(name))
        .unwrap_or("");
    let node_address = nodes
        .iter()
        .find(|address| words.iter().any(|word| names(word, address)))
        .cloned()
        .unwrap_or_default();
    let limits = [
        "--ctstate",
        "ctstate",
        "--state",
        "state",
        "INVALID",
        "invalid",
        "--match-set",
        "limit",
        "--src-type",
        "--dst-type",
        "ADDRTYPE",
        "recent",
        "--tcp-flags",
        "string",
        "owner",
        "!",
        "fib",
        "mark",
        "--mark",
    ];
    let has_limit = words.iter().any(|word| limits.contains(word));
    // Columns of `iptables -L -v`, which begin with counters: target prot opt in out source destination.
    let listed_on = words
        .iter()
        .position(|word| *word == rule.target)
        .filter(|at| *at >= 2 && !text.starts_with('-'))
        .and_then(|at| words.get(at + 3..at + 5))
        .unwrap_or_default();
    let named = words.iter().zip(words.iter().skip(1));
    let interfaces: Vec<&str> = named
        .filter(|(key, _)| INTERFACES.contains(key))
        .map(|(_, name)| name.trim_matches('"'))
        .chain(listed_on.iter().copied().filter(|name| *name != "*"))
        .collect();
    let is_elsewhere = interfaces.iter().any(|name| !carriers.contains(name));
    let has_address = node_address.is_empty() && words.iter().any(|word| is_address(word));
    Refusal {
        rule,
        protocol,
        ports: ports(text),
        node_address,
        is_of_interface: !interfaces.is_empty(),
        is_limited: has_limit || is_elsewhere || has_address,
    }
}

/// So many packets of one kind that the kernel logged as it refused them are no accident.
const LOGGED: u64 = 3;

/// What the kernel logged as it refused packets of another node (`LOG` of iptables, `log` of nft: `net/netfilter/nf_log_syslog.c`), from
/// hits of the rule's signature `logged`, which captures `prefix`, `peer` and, where there is one, `port`: one finding for each node, with
/// the facts `node`, `chain` (the prefix), `port`, `peer`, `text` and `packets`.
pub fn logged(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    // Adverts of VRRP reach every machine of a segment: those are missed that another master would have to hear.
    let is_twice = has_address_twice(snapshot);
    let has_two_masters = is_twice || (own_hits(input, rule).iter()).any(|hit| hit.signature.ends_with("/two-masters"));
    let counts = |hit: &Hit, node: &str| {
        let peer = hit.captures.get("peer").map_or("", String::as_str);
        let line = hit.cite.quote.first().map_or("", |line| line.text.as_str());
        hit.signature.ends_with("/logged")
            && (is_of_now(snapshot, node, line) || is_twice && !hit.captures.contains_key("port"))
            && persists(snapshot, hit)
            && is_of_other_node(snapshot, node, peer)
    };
    let mut findings = Vec::new();
    for (node, hits) in hits_by_node(input, rule, LOGGED, counts) {
        let is_advert = hits
            .iter()
            .all(|hit| !hit.captures.contains_key("port") && !hit.captures.contains_key("query"));
        let suffers = match has_two_masters {
            _ if !is_advert => network_suffering(snapshot, &node),
            true => Suffering::Yes,
            false => Suffering::No,
        };
        let Some(most) = hits.iter().max_by_key(|hit| hit.count) else {
            continue;
        };
        if suffers == Suffering::No {
            continue;
        }
        let of = |name: &str| most.captures.get(name).map_or("", String::as_str);
        let text = most.cite.quote.first().map_or("", |line| line.text.as_str());
        let finding = on_node(input, rule, &node, &hits, confidence(suffers))
            .fact("chain", of("prefix"))
            .fact("port", of("port").parse::<u16>().ok())
            .fact("peer", of("peer"))
            .fact("text", crate::logs::clean_line(text).trim())
            .fact("logged", true);
        let packets = finding.count;
        findings.push(finding.fact("packets", packets));
    }
    findings
}

/// True for the address of a node other than this one: what comes from elsewhere may be refused on purpose.
fn is_of_other_node(snapshot: &Snapshot, node: &str, address: &str) -> bool {
    snapshot
        .kind("Node")
        .filter(|other| other.key.name != node)
        .any(|other| {
            let addresses = other.list("/status/addresses").iter();
            addresses
                .filter_map(|one| one.get("address")?.as_str())
                .any(|known| known == address)
        })
}

/// True when a word is an address or a network other than "everywhere".
fn is_address(word: &str) -> bool {
    let bare = word.split('/').next().unwrap_or("");
    bare.parse::<std::net::IpAddr>()
        .is_ok_and(|address| !address.is_unspecified())
}

fn names(word: &str, address: &str) -> bool {
    word.strip_prefix(address)
        .is_some_and(|rest| matches!(rest, "" | "/32" | "/128"))
}

/// The destination ports of `--dport 8472`, `--dports 1,2:4`, `dpt:8472`, `dports 1,2`, `udp dport { 8472, 4789 }`.
fn ports(text: &str) -> Vec<(u16, u16)> {
    let rest = ["--dports ", "--dport ", "dports ", "dpts:", "dpt:", "dport "]
        .iter()
        .find_map(|key| text.split_once(key))
        .map_or("", |(_, rest)| rest);
    let rest = rest.trim_start();
    let list = match rest.strip_prefix('{') {
        Some(set) => set.split('}').next().unwrap_or(""),
        None => rest.split(' ').next().unwrap_or(""),
    };
    list.split(',')
        .filter_map(|part| {
            let (from, to) = part.trim().split_once([':', '-']).unwrap_or((part.trim(), part.trim()));
            Some((from.parse().ok()?, to.parse().ok()?))
        })
        .collect()
}

/// True where one address stands on the outer interfaces of two machines: both take themselves for its master. What container networks
/// and name services put on every machine (`docker0`, `kube-ipvs0`, `nodelocaldns`) is alike on purpose.
fn has_address_twice(snapshot: &Snapshot) -> bool {
    const OUTER: [&str; 5] = ["en", "eth", "bond", "em", "team"];
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    for machine in machines(snapshot) {
        let outer = machine.host.tools.interfaces.iter();
        let outer = outer.filter(|interface| OUTER.iter().any(|start| interface.name.starts_with(start)));
        for address in outer.flat_map(|interface| &interface.addresses) {
            let bare = address.split('/').next().unwrap_or(address);
            if bare.starts_with("fe80") || bare.starts_with("169.254.") {
                continue;
            }
            let first = seen.entry(bare.to_owned()).or_insert_with(|| machine.node.clone());
            if *first != machine.node {
                return true;
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Citation, EntryPath};

    fn read(text: &str) -> (String, Option<u16>, Option<u16>, bool) {
        let rule = FirewallRule {
            table: "filter".into(),
            chain: "INPUT".into(),
            target: if text.to_lowercase().contains("reject") {
                "REJECT"
            } else {
                "DROP"
            },
            packets: None,
            text: text.into(),
            cite: Citation::line(&"b".into(), &EntryPath::new("f"), 1, text),
        };
        let found = refusal(&rule, &["10.0.0.2".to_owned()], &["eth0"]);
        (
            found.node_address.clone(),
            found.cluster_port(),
            found.overlay_port(),
            found.is_catch_all(),
        )
    }

    #[test]
    fn what_a_rule_refuses_is_read_from_every_programs_output() {
        for (text, expected) in [
            (
                "-A INPUT -p udp -m udp --dport 8472 -j DROP",
                ("", None, Some(8472), false),
            ),
            (
                "-A INPUT -p tcp -m multiport --dports 22,10250 -j REJECT --reject-with tcp-reset",
                ("", Some(10250), None, false),
            ),
            (
                "3   180 DROP       udp  --  *      *       0.0.0.0/0            0.0.0.0/0            udp dpt:4789",
                ("", None, Some(4789), false),
            ),
            (
                "DROP       udp  --  anywhere             anywhere             udp dpt:8472",
                ("", None, Some(8472), false),
            ),
            (
                "9   180 DROP       udp  --  eth1   *       0.0.0.0/0            0.0.0.0/0            udp dpt:4789",
                ("", None, None, false),
            ),
            (
                "9   180 DROP       udp  --  eth0   *       0.0.0.0/0            0.0.0.0/0            udp dpt:4789",
                ("", None, Some(4789), false),
            ),
            (
                "-A INPUT -i eth1 -p udp -m udp --dport 8472 -j DROP",
                ("", None, None, false),
            ),
            (
                "-A INPUT -i eth0 -p udp -m udp --dport 8472 -j DROP",
                ("", None, Some(8472), false),
            ),
            (
                "iifname \"eth0\" udp dport 8472 counter packets 3 bytes 9 drop",
                ("", None, Some(8472), false),
            ),
            ("-A INPUT -i eth0 -j DROP", ("", None, None, false)),
            (
                "udp dport { 8472, 51820 } counter packets 3 bytes 9 drop",
                ("", None, Some(8472), false),
            ),
            ("-A INPUT -s 10.0.0.2/32 -j DROP", ("10.0.0.2", None, None, false)),
            (
                "-A INPUT -j REJECT --reject-with icmp-host-prohibited",
                ("", None, None, true),
            ),
            (
                "0     0 REJECT     all  --  *      *       0.0.0.0/0            0.0.0.0/0            reject-with icmp-host-prohibited",
                ("", None, None, true),
            ),
            (
                "-A INPUT -m conntrack --ctstate INVALID -j DROP",
                ("", None, None, false),
            ),
            (
                "-A INPUT -s 203.0.113.9/32 -p tcp -m tcp --dport 6443 -j DROP",
                ("", None, None, false),
            ),
            (
                "-A INPUT -p tcp -m tcp --dport 1:65000 -j DROP",
                ("", None, None, false),
            ),
        ] {
            let (address, port, overlay, all) = read(text);
            assert_eq!((address.as_str(), port, overlay, all), expected, "{text}");
        }
    }
}

//! Other names for hosts, domains, addresses and people, for bundles that leave the house: the same one everywhere, so that what belongs
//! together still does.
//!
//! Of an IPv4 address the first and the last part stay, and the bits between are turned over as the bits before them say: two addresses share
//! as many leading bits afterwards as before, so that subnets of any size stay subnets (the idea of Crypto-PAn, Xu et al. 2002).

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};
use regex::{Captures, Regex};

use super::versions::{self, Looks};
use super::{Key, links, people};

/// Names of hosts that are words of every cluster; replacing them would spoil roles, labels and logs, and tell nobody anything.
const COMMON: [&str; 12] = [
    "localhost",
    "master",
    "worker",
    "node",
    "server",
    "agent",
    "etcd",
    "controlplane",
    "control-plane",
    "default",
    "host",
    "nodes",
];

/// Domains of public projects and of the cluster itself: they say nothing of whose cluster it is.
const PUBLIC: [&str; 30] = [
    "kubernetes.io",
    "k8s.io",
    "cattle.io",
    "rancher.io",
    "rancher.com",
    "docker.io",
    "docker.com",
    "quay.io",
    "gcr.io",
    "ghcr.io",
    "pkg.dev",
    "mcr.microsoft.com",
    "github.com",
    "githubusercontent.com",
    "github.io",
    "cluster.local",
    "golang.org",
    "etcd.io",
    "cncf.io",
    "suse.com",
    "redhat.com",
    "prometheus.io",
    "grafana.com",
    "cilium.io",
    "projectcalico.org",
    "google.com",
    "googleapis.com",
    "w3.org",
    "helm.sh",
    "svc",
];

#[expect(clippy::unwrap_used, reason = "constant expressions that the tests compile")]
static V4: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?P<a>\d{1,3})\.(?P<b>\d{1,3})\.(?P<c>\d{1,3})\.(?P<d>\d{1,3})(?:/(?P<n>\d{1,2})\b)?").unwrap()
});
#[expect(clippy::unwrap_used, reason = "constant expressions that the tests compile")]
static V6: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}").unwrap());
/// Addresses in the names of machines: `ip-10-42-7-19` of AWS, `10-42-7-19.shop.pod` of the cluster's DNS.
#[expect(clippy::unwrap_used, reason = "constant expressions that the tests compile")]
static DASHED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?P<p>(?:ip|ec2|host|node|vm)-)?(?P<a>\d{1,3})-(?P<b>\d{1,3})-(?P<c>\d{1,3})-(?P<d>\d{1,3})").unwrap()
});
#[expect(clippy::unwrap_used, reason = "constant expressions that the tests compile")]
static HARDWARE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){5}|[0-9A-Fa-f]{2}(?:-[0-9A-Fa-f]{2}){5}").unwrap());
/// Hosts of URLs, and people with their domains.
#[expect(clippy::unwrap_used, reason = "constant expressions that the tests compile")]
static NAMED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?:://(?:[^\s/@]+@)?|(?P<user>[A-Za-z0-9._+-]+)@)(?P<domain>[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,})").unwrap()
});

/// Gives other names.
pub struct Pseudonyms {
    key: Key,
    names: BTreeMap<String, String>,
    automaton: Option<(AhoCorasick, Vec<String>)>,
    addresses: HashMap<u32, u32>,
    /// Addresses that are nothing else.
    seen: HashSet<u32>,
}

impl Pseudonyms {
    /// Other names that depend on `key` alone.
    pub fn new(key: Key) -> Self {
        Self {
            key,
            names: BTreeMap::new(),
            automaton: None,
            addresses: HashMap::new(),
            seen: HashSet::new(),
        }
    }

    /// A machine's name; a name with dots is a domain as well.
    pub fn learn_host(&mut self, name: &str) {
        let (label, domain) = name.split_once('.').unwrap_or((name, ""));
        let is_address = name.parse::<Ipv4Addr>().is_ok();
        let is_common = COMMON.contains(&label) || label.len() < 3 || label.bytes().all(|b| b.is_ascii_digit());
        if is_address || is_common {
            return;
        }
        if !self.names.contains_key(label) {
            let other = format!("host-{}", short(&self.key, "host", label));
            self.remember(label, other);
        }
        self.learn_domain(domain);
    }

    /// A domain and those above it.
    pub fn learn_domain(&mut self, domain: &str) {
        let domain = domain.trim_end_matches('.');
        if self.names.contains_key(domain) {
            return;
        }
        let labels: Vec<&str> = domain.split('.').collect();
        let is_public = PUBLIC.iter().any(|known| {
            domain
                .strip_suffix(known)
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        });
        if labels.len() < 2 || is_public || domain.parse::<Ipv4Addr>().is_ok() {
            return;
        }
        for at in 0..labels.len() - 1 {
            let tail = labels.get(at..).unwrap_or_default();
            let other: Vec<String> = (0..tail.len())
                .map(|index| {
                    let rest = tail.get(index..).unwrap_or_default().join(".");
                    match index + 1 == tail.len() {
                        // The last label says which kind of domain it is, and no more.
                        true => rest,
                        false => format!("d-{}", short(&self.key, "domain", &rest)),
                    }
                })
                .collect();
            self.remember(&tail.join("."), other.join("."));
        }
    }

    /// Remembers the hosts of URLs and of mail addresses in `text`, people, and which numbers are addresses. Where all texts are learned
    /// from first, what looks for names is made once.
    pub fn learn(&mut self, text: &str) {
        for found in NAMED.captures_iter(text) {
            if let Some(domain) = found.name("domain") {
                self.learn_domain(domain.as_str());
            }
            if let Some(user) = found.name("user").filter(|user| user.as_str() != "git") {
                let name = format!("{}@", user.as_str());
                if !self.names.contains_key(&name) {
                    let other = format!("user-{}@", short(&self.key, "user", user.as_str()));
                    self.remember(&name, other);
                }
            }
        }
        for name in people::names(text) {
            if !self.names.contains_key(name) {
                let other = format!("user-{}", short(&self.key, "user", name));
                self.remember(name, other);
            }
        }
        for found in V4.captures_iter(text) {
            let Some((whole, address)) = found.get(0).zip(address_of(&found)) else {
                continue;
            };
            let (before, after) = beside(text, whole.range());
            if stands_alone(before, after) && versions::looks(before, address, after) == Looks::Address {
                self.seen.insert(address.into());
            }
        }
    }

    /// `text` with other names, addresses and domains. Hosts of URLs and of mail addresses are known from then on.
    pub fn apply<'t>(&mut self, text: &'t str) -> Cow<'t, str> {
        self.learn(text);
        let named = self.with_other_names(text);
        let v4 = replace(&V4, &named, |found, before, after| self.v4(found, before, after));
        let v6 = replace(&V6, v4.as_deref().unwrap_or(&named), |found, before, after| {
            self.v6(found, before, after)
        });
        let text = v6.or(v4).map_or(named, Cow::Owned);
        let dashed = replace(&DASHED, &text, |found, before, after| self.dashed(found, before, after));
        let text = dashed.map_or(text, Cow::Owned);
        let hardware = replace(&HARDWARE, &text, |found, before, after| {
            let is_more = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || c == ':' || c == '-');
            let is_part = is_more(before.chars().next_back()) || is_more(after.chars().next());
            links::hardware(&self.key, found.get(0).filter(|_| !is_part)?.as_str())
        });
        hardware.map_or(text, Cow::Owned)
    }

    fn remember(&mut self, name: &str, other: String) {
        if self.names.insert(name.to_owned(), other).is_none() {
            self.automaton = None;
        }
    }

    fn with_other_names<'t>(&mut self, text: &'t str) -> Cow<'t, str> {
        if self.names.is_empty() {
            return Cow::Borrowed(text);
        }
        if self.automaton.is_none() {
            let built = AhoCorasick::builder()
                .match_kind(MatchKind::LeftmostLongest)
                .build(self.names.keys());
            self.automaton = built
                .ok()
                .map(|automaton| (automaton, self.names.values().cloned().collect()));
        }
        let Some((automaton, others)) = &self.automaton else {
            return Cow::Borrowed(text);
        };
        let mut out = String::new();
        let mut at = 0;
        for hit in automaton.find_iter(text) {
            let before = text.get(..hit.start()).and_then(|text| text.chars().next_back());
            let after = text.get(hit.end()..).and_then(|text| text.chars().next());
            let is_word = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
            let Some(other) = others.get(hit.pattern().as_usize()) else {
                continue;
            };
            if is_word(before) || is_word(after) && !other.ends_with('@') {
                continue;
            }
            out.push_str(text.get(at..hit.start()).unwrap_or_default());
            out.push_str(other);
            at = hit.end();
        }
        if at == 0 {
            return Cow::Borrowed(text);
        }
        out.push_str(text.get(at..).unwrap_or_default());
        Cow::Owned(out)
    }

    fn v4(&mut self, found: &Captures<'_>, before: &str, after: &str) -> Option<String> {
        let address = address_of(found)?;
        let bits = u32::from(address);
        let is_version = match versions::looks(before, address, after) {
            Looks::Address => false,
            Looks::Doubtful => !self.seen.contains(&bits),
            Looks::Version => true,
        };
        if !stands_alone(before, after) || stays(address) || is_version {
            return None;
        }
        let length = found
            .name("n")
            .and_then(|n| n.as_str().parse::<u32>().ok())
            .filter(|n| *n <= 32);
        let host_bits = length.map_or(0, |length| u32::MAX.checked_shr(length).unwrap_or(0));
        let mut other = self.turned(bits);
        if length.is_some() && bits & host_bits == 0 {
            other &= !host_bits;
        }
        let other = Ipv4Addr::from(other);
        Some(match length {
            Some(length) => format!("{other}/{length}"),
            None => other.to_string(),
        })
    }

    /// An address with dashes in place of its dots, where a name of a machine begins with it, or the address is known or private.
    fn dashed(&mut self, found: &Captures<'_>, before: &str, after: &str) -> Option<String> {
        let is_more = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || c == '-');
        let prefix = found.name("p").map_or("", |prefix| prefix.as_str());
        let is_part = match prefix.is_empty() {
            true => is_more(before.chars().next_back()),
            false => before.ends_with(|c: char| c.is_ascii_alphanumeric()),
        };
        let address = address_of(found)?;
        let is_known = address.is_private() || self.seen.contains(&u32::from(address));
        if is_part || is_more(after.chars().next()) || stays(address) || prefix.is_empty() && !is_known {
            return None;
        }
        let [a, b, c, d] = Ipv4Addr::from(self.turned(address.into())).octets();
        Some(format!("{prefix}{a}-{b}-{c}-{d}"))
    }

    /// The second and the third part, bit by bit, each turned over or not as the bits before it decide.
    fn turned(&mut self, bits: u32) -> u32 {
        if let Some(known) = self.addresses.get(&bits) {
            return *known;
        }
        // What marks a private network stays (RFC 1918, RFC 6598), also in the addresses beside it: were those turned there, some would
        // move into the private network, and two addresses might become one.
        let fixed = match bits >> 24 {
            172 => 12,
            192 => 16,
            100 => 10,
            _ => 8,
        };
        let mut other = bits;
        for at in fixed..24_u32 {
            let before = bits.checked_shr(32 - at).unwrap_or(0);
            let question = [before.to_be_bytes().as_slice(), &at.to_be_bytes()].concat();
            if self
                .key
                .bytes_for("ipv4", &question)
                .first()
                .is_some_and(|byte| byte & 1 == 1)
            {
                other ^= 1 << (31 - at);
            }
        }
        self.addresses.insert(bits, other);
        other
    }

    fn v6(&self, found: &Captures<'_>, before: &str, after: &str) -> Option<String> {
        let is_more = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || c == ':');
        let text = found.get(0)?.as_str();
        let address: Ipv6Addr = text.parse().ok()?;
        let [first, ..] = address.segments();
        let is_short = text.bytes().filter(u8::is_ascii_hexdigit).count() < 5;
        if is_more(before.chars().next_back()) || is_more(after.chars().next()) || is_short || first >> 8 == 0xff {
            return None;
        }
        let parts = address.segments();
        if first & 0xffc0 == 0xfe80 {
            // `fe80::1` is a gateway everywhere.
            let [.., a, b, c, _] = parts;
            let is_set_by_hand = [a, b, c] == [0, 0, 0];
            return (!is_set_by_hand).then(|| links::local(&self.key, address).to_string());
        }
        let mut other = parts;
        for (at, part) in other.iter_mut().enumerate().skip(1).filter(|(_, part)| **part != 0) {
            let before: Vec<u8> = parts.iter().take(at).flat_map(|part| part.to_be_bytes()).collect();
            let [high, low, ..] = self.key.bytes_for("ipv6", &before);
            *part ^= u16::from_be_bytes([high, low]);
        }
        Some(Ipv6Addr::from(other).to_string())
    }
}

fn address_of(found: &Captures<'_>) -> Option<Ipv4Addr> {
    let part = |name: &str| found.name(name)?.as_str().parse::<u8>().ok();
    Some(Ipv4Addr::new(part("a")?, part("b")?, part("c")?, part("d")?))
}

/// True where the numbers are not a part of something longer.
fn stands_alone(before: &str, after: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric();
    !before.ends_with(is_word) && !before.ends_with('.') && !after.starts_with(is_word)
}

/// The text in front of a stretch, and that behind it.
fn beside(text: &str, stretch: Range<usize>) -> (&str, &str) {
    (
        text.get(..stretch.start).unwrap_or_default(),
        text.get(stretch.end..).unwrap_or_default(),
    )
}

/// Addresses that mean the same everywhere, and masks of networks.
fn stays(address: Ipv4Addr) -> bool {
    let [first, ..] = address.octets();
    first == 0 || first >= 224 || address.is_loopback() || address.is_link_local()
}

fn short(key: &Key, purpose: &str, value: &str) -> String {
    key.digest(purpose, value).chars().take(6).collect()
}

/// Replaces what `other` gives another text for; it sees the text beside each match.
fn replace(
    pattern: &Regex,
    text: &str,
    mut other: impl FnMut(&Captures<'_>, &str, &str) -> Option<String>,
) -> Option<String> {
    let mut out = String::new();
    let mut at = 0;
    for found in pattern.captures_iter(text) {
        let Some(whole) = found.get(0) else { continue };
        let (before, after) = beside(text, whole.range());
        if let Some(new) = other(&found, before, after) {
            out.push_str(text.get(at..whole.start())?);
            out.push_str(&new);
            at = whole.end();
        }
    }
    if at == 0 {
        return None;
    }
    out.push_str(text.get(at..)?);
    Some(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pseudonyms() -> Pseudonyms {
        Pseudonyms::new(Key::new(b"0123456789abcdef0123").unwrap())
    }

    fn v4(text: &str) -> u32 {
        u32::from(text.parse::<Ipv4Addr>().unwrap())
    }

    #[test]
    fn hosts_domains_and_people_get_the_same_other_name_everywhere() {
        let mut names = pseudonyms();
        names.learn_host("prod-db-7.corp.example.cn");
        let text = "node prod-db-7 (https://harbor.corp.example.cn/v2/) by li.wei@corp.example.cn; kube-proxy-prod-db-7; prod-db-70";
        let other = names.apply(text).into_owned();
        for gone in ["prod-db-7 ", "harbor", "corp", "li.wei", "proxy-prod-db-7"] {
            assert!(!other.contains(gone), "{gone}: {other}");
        }
        assert!(other.contains("; prod-db-70"), "{other}");
        let host = other.split(' ').nth(1).unwrap();
        assert!(other.contains(&format!("kube-proxy-{host};")), "{other}");
        let mut again = pseudonyms();
        again.learn_host("prod-db-7.corp.example.cn");
        assert_eq!(again.apply(text), other);
    }

    #[test]
    fn where_all_was_learned_before_what_looks_for_names_is_made_once() {
        let mut names = pseudonyms();
        let lines: Vec<String> = (0..50)
            .map(|n| format!("https://h{n}.corp.example.cn by u{n}@corp.example.cn"))
            .collect();
        lines.iter().for_each(|line| names.learn(line));
        let first = names.apply(&lines[0]).into_owned();
        for line in &lines {
            names.learn(line);
            assert!(names.automaton.is_some(), "{line}");
            let other = names.apply(line);
            assert!(
                !other.contains("corp") && (other == first) == (*line == lines[0]),
                "{other}"
            );
        }
    }

    #[test]
    fn what_is_the_same_everywhere_stays() {
        let mut names = pseudonyms();
        names.learn_host("master");
        let text = "https://registry.k8s.io/pause:3.9 at 127.0.0.1:6443, mask 255.255.255.0, node-role.kubernetes.io/master, 10:00:00, v1.28.4, sha256:0a:1b:2c, http://cart.shop.svc.cluster.local:80";
        assert_eq!(names.apply(text), text);
    }

    #[test]
    fn people_machines_named_by_their_address_and_links_get_other_names() {
        let text = "User \"jane\" at ip-10-42-7-19 (10.42.7.19, 10-42-7-19.shop.pod.cluster.local, 52:54:00:12:ab:cd, fe80::5054:ff:fe12:abcd) in /home/jane";
        let mut names = pseudonyms();
        let other = names.apply(text).into_owned();
        for gone in ["jane", "42-7-19", "42.7.19", "12:ab:cd", "12:abcd"] {
            assert!(!other.contains(gone), "{gone}: {other}");
        }
        let address = other.split(['(', ',']).nth(1).unwrap();
        assert!(other.contains(&format!("ip-{} ", address.replace('.', "-"))), "{other}");
        assert!(
            other.contains(&format!("{}.shop.pod", address.replace('.', "-"))),
            "{other}"
        );
        let link = other.split(", ").nth(2).unwrap();
        let tail: Vec<&str> = link.split(':').skip(3).collect();
        let [a, b, c] = tail.as_slice() else { panic!("{link}") };
        let of_link: Ipv6Addr = format!("fe80::5054:ff:fe{a}:{b}{c}").parse().unwrap();
        assert!(
            link.starts_with("52:54:00:") && other.contains(&of_link.to_string()),
            "{other}"
        );
        let user = other.split('"').nth(1).unwrap();
        assert!(
            user.starts_with("user-") && other.ends_with(&format!("/home/{user}")),
            "{other}"
        );
        let same = "fe80::1, ff:ff:ff:ff:ff:ff, ee:ee:ee:ee:ee:ee, 2026-11-21, AB:CD:EF:01:23:45:67:89:AB:CD, 1-2-3-4, /home/ubuntu";
        assert_eq!(names.apply(same), same);
    }

    #[test]
    fn versions_of_four_numbers_stay() {
        let mut names = pseudonyms();
        for text in [
            "version 1.2.3.4",
            "\"Version\": \"110.2.3.4\"",
            "installed openssl-1.2.3.4.rpm, libz_1.2.3.4 and 1.2.3.4-r0",
            "image: docker.io/shop/cart:1.2.3.4",
        ] {
            assert_eq!(names.apply(text), text);
        }
        // What is an address elsewhere is one beside a name too, and so is a private one.
        for text in ["node at 34.1.2.3", "etcd-34.1.2.3", "kube-proxy-10.42.7.19"] {
            assert_ne!(names.apply(text), text);
        }
    }

    #[test]
    fn networks_stay_networks() {
        let mut names = pseudonyms();
        let other = names
            .apply("10.42.0.0/16 via 10.42.7.1 dev x; 10.42.7.0/24; 192.168.11.20")
            .into_owned();
        let words: Vec<&str> = other.split([' ', ';', '/']).filter(|word| word.contains('.')).collect();
        let [network, gateway, small, private] = words.as_slice() else {
            panic!("{other}")
        };
        assert_eq!(v4(network) >> 16, v4(gateway) >> 16);
        assert_eq!(v4(network) & 0xffff, 0);
        assert_eq!(v4(small) >> 8, v4(gateway) >> 8);
        assert!(private.starts_with("192.168.") && private.ends_with(".20"), "{private}");
        assert!(!other.contains("10.42.7."), "{other}");
        let v6 = names.apply("fd00:10:42::7 and fd00:10:42::8").into_owned();
        assert!(!v6.contains(":42:"), "{v6}");
        let (a, b) = v6.split_once(" and ").unwrap();
        assert_eq!(a.rsplit_once(':').unwrap().0, b.rsplit_once(':').unwrap().0);
    }

    #[test]
    fn beside_a_private_network_prefixes_are_kept_too() {
        let mut names = pseudonyms();
        for (first, second) in [
            ("100.64.0.0", "100.0.0.0"),
            ("172.16.3.0", "172.48.3.0"),
            ("192.168.1.0", "192.169.1.0"),
        ] {
            let (a, b) = (names.turned(v4(first)), names.turned(v4(second)));
            assert_eq!(
                (v4(first) ^ v4(second)).leading_zeros(),
                (a ^ b).leading_zeros(),
                "{first} {second}"
            );
        }
    }

    proptest! {
        /// Two addresses share as many of their leading 24 bits afterwards as before.
        #[test]
        fn prefixes_are_kept(first in 0x0100_0000_u32..0x7e00_0000, difference in 0_u32..0x00ff_ffff) {
            let mut names = pseudonyms();
            let second = first ^ difference;
            let (a, b) = (names.turned(first), names.turned(second));
            prop_assert_eq!((first ^ second).leading_zeros().min(24), (a ^ b).leading_zeros().min(24));
        }
    }
}

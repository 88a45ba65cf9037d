//! `ip route` (iproute2 `ip/iproute.c`) and `route -n`, `netstat -rn` (net-tools).

use regex::Regex;

use super::fact::{HostFact, Route};
use crate::bundle::decode::shape::{Shape, group, is_heading};
use crate::bundle::decode::{Decoder, Fact, Section, TextFile};

/// Routes of any table.
pub(in crate::bundle::decode) const DECODER: Decoder = Decoder {
    name: "ip route",
    decode,
};

static LINE: Shape = Shape::new(|| {
    Regex::new(
        r"^(?:(?:unicast|local|broadcast|multicast|anycast) )?(?<to>default|[0-9a-f.:]+(?:/\d+)?) (?:via (?:inet6 )?(?<via>\S+) )?dev (?<dev>\S+) ?(?:$|proto|scope|metric|src|table|linkdown|onlink|pref|mtu|nhid)",
    )
});
static REFUSED: Shape =
    Shape::new(|| Regex::new(r"^(?<kind>blackhole|unreachable|prohibit) (?<to>default|[0-9a-f.:]+(?:/\d+)?)(?: |$)"));
static OLD: Shape = Shape::new(|| {
    Regex::new(r"^(?<to>[\d.]+)\s+(?<via>[\d.*]+)\s+(?<mask>[\d.]+)\s+[A-Z!]+\s+\d+\s+\d+\s+\d+\s+(?<dev>\S+)\s*$")
});
const MOST_ROUTES: usize = 10_000;

fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let is_old = is_heading(file.line(start), &["Destination", "Gateway", "Genmask", "Flags"]);
    let mut section = Section {
        end: start + usize::from(is_old),
        ..Section::default()
    };
    while let Some(line) = file.lines.get(section.end) {
        let read = if is_old { old(line) } else { new(line) };
        let Some((destination, via, dev)) = read else {
            // The next hops of a route with several stand below it.
            if !is_old && line.starts_with('\t') && section.end > start {
                section.end += 1;
                continue;
            }
            break;
        };
        if section.facts.len() < MOST_ROUTES {
            section.facts.push(Fact::Host(HostFact::Route(Route {
                destination,
                via,
                dev,
                cite: file.cite(section.end),
            })));
        }
        section.end += 1;
    }
    (section.end > start).then_some(section)
}

fn new(line: &str) -> Option<(String, String, String)> {
    if let Some(found) = LINE.groups(line) {
        let text = |name| group(&found, name).to_owned();
        return Some((text("to"), text("via"), text("dev")));
    }
    // A route that refuses has its kind where others have an interface.
    let found = REFUSED.groups(line)?;
    Some((
        group(&found, "to").to_owned(),
        String::new(),
        group(&found, "kind").to_owned(),
    ))
}

fn old(line: &str) -> Option<(String, String, String)> {
    let found = OLD.groups(line)?;
    let mask: std::net::Ipv4Addr = group(&found, "mask").parse().ok()?;
    let length = u32::from(mask).count_ones();
    let to = if length == 0 {
        "default".to_owned()
    } else {
        format!("{}/{length}", group(&found, "to"))
    };
    let via = Some(group(&found, "via")).filter(|via| !matches!(*via, "0.0.0.0" | "*"));
    Some((to, via.unwrap_or("").to_owned(), group(&found, "dev").to_owned()))
}

#[cfg(test)]
mod tests {
    use super::super::testing::host_facts;
    use super::*;
    use crate::bundle::decode::sample::section;

    fn routes(text: &str) -> Vec<(String, String, String, bool)> {
        let shown = |fact| match fact {
            HostFact::Route(route) => Some((
                route.destination.clone(),
                route.via.clone(),
                route.dev.clone(),
                route.is_default(),
            )),
            _ => None,
        };
        host_facts(section(&DECODER, "x", text).unwrap())
            .into_iter()
            .filter_map(shown)
            .collect()
    }

    #[test]
    fn both_programs_tell_the_same_routes() {
        for text in [
            "default via 192.0.2.1 dev eth0 proto dhcp\n10.42.1.0/24 via 192.0.2.3 dev eth0 \n",
            "Destination     Gateway         Genmask         Flags Metric Ref    Use Iface\n0.0.0.0         192.0.2.1       0.0.0.0         UG    0      0        0 eth0\n10.42.1.0       192.0.2.3       255.255.255.0   UG    0      0        0 eth0\n",
        ] {
            assert_eq!(
                routes(text),
                [
                    ("default".into(), "192.0.2.1".into(), "eth0".into(), true),
                    ("10.42.1.0/24".into(), "192.0.2.3".into(), "eth0".into(), false)
                ],
                "{text}"
            );
        }
        assert_eq!(routes("blackhole 10.42.1.0/26 proto 80\n")[0].2, "blackhole");
    }

    #[test]
    fn other_text_is_declined() {
        for text in [
            "",
            "default dev settings loaded",
            "default route is missing",
            "unreachable host",
            "Destination Host Unreachable",
        ] {
            assert!(section(&DECODER, "x", text).is_none(), "{text}");
        }
    }
}

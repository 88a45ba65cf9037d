//! `nft -j list ruleset`: the same as the text form, in JSON (libnftables-json(5)).

use serde_json::Value;

use super::fact::{Firewall, FirewallChain, FirewallRule, HostFact};
use crate::bundle::decode::docker_json::may_start;
use crate::bundle::decode::{Decoder, Fact, Section, TextFile};
use crate::model::Citation;

/// A dump of the packet filter.
pub(in crate::bundle::decode) const DECODER: Decoder = Decoder {
    name: "packet filter in JSON",
    decode,
};

const MOST_CHAINS: usize = 5_000;
const MOST_REFUSALS: usize = 500;

fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    if !may_start(file, start, &["\"nftables\""]) {
        return None;
    }
    let mut stream = serde_json::Deserializer::from_str(file.from_line(start)).into_iter::<Value>();
    let value = stream.next()?.ok()?;
    let end = file.line_at_offset(file.offset_of_line(start) + stream.byte_offset().saturating_sub(1)) + 1;
    let items = value.get("nftables")?.as_array()?;
    let mut firewall = Firewall {
        via: "nft",
        chains: Vec::new(),
        refusals: Vec::new(),
        cite: Citation::pointer(
            &file.bundle,
            file.path,
            "/nftables".to_owned(),
            format!("{} items", items.len()),
        ),
    };
    for (index, item) in items.iter().enumerate() {
        let text = |object: &Value, key: &str| object.get(key).and_then(Value::as_str).unwrap_or("").to_owned();
        if let Some(chain) = item.get("chain").filter(|_| firewall.chains.len() < MOST_CHAINS) {
            firewall.chains.push(FirewallChain {
                table: text(chain, "table"),
                name: text(chain, "name"),
                policy: text(chain, "policy").to_uppercase(),
                line: start as u64 + 1,
            });
        }
        if let Some(rule) = item.get("rule").filter(|_| firewall.refusals.len() < MOST_REFUSALS) {
            let statements = rule
                .get("expr")
                .and_then(Value::as_array)
                .map_or(&[][..], Vec::as_slice);
            let has = |key: &str| statements.iter().any(|statement| statement.get(key).is_some());
            let target = match (has("drop"), has("reject")) {
                (true, _) => "DROP",
                (_, true) => "REJECT",
                _ => continue,
            };
            let shown = rule.get("expr").map(Value::to_string).unwrap_or_default();
            firewall.refusals.push(FirewallRule {
                table: text(rule, "table"),
                chain: text(rule, "chain"),
                target,
                packets: statements
                    .iter()
                    .find_map(|statement| statement.pointer("/counter/packets")?.as_u64()),
                text: shown.clone(),
                cite: Citation::pointer(&file.bundle, file.path, format!("/nftables/{index}/rule"), shown),
            });
        }
    }
    Some(Section {
        end: end.max(start + 1),
        facts: vec![Fact::Host(HostFact::Firewall(firewall))],
        ..Section::default()
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::host_facts;
    use super::*;
    use crate::bundle::decode::sample::section;

    #[test]
    fn chains_and_refusals_are_read() {
        let text = r#"{"nftables": [{"metainfo": {"version": "1.0.2"}}, {"table": {"family": "ip", "name": "filter"}},
{"chain": {"family": "ip", "table": "filter", "name": "FORWARD", "type": "filter", "hook": "forward", "policy": "drop"}},
{"rule": {"family": "ip", "table": "filter", "chain": "INPUT", "expr": [{"match": {"op": "==", "left": {"payload": {"protocol": "udp", "field": "dport"}}, "right": 8472}}, {"counter": {"packets": 42, "bytes": 9}}, {"drop": null}]}},
{"rule": {"family": "ip", "table": "filter", "chain": "INPUT", "expr": [{"accept": null}]}}]}"#;
        let facts = host_facts(section(&DECODER, "x", text).unwrap());
        let [HostFact::Firewall(found)] = facts.as_slice() else {
            panic!()
        };
        assert_eq!(
            (found.chains[0].name.as_str(), found.chains[0].policy.as_str()),
            ("FORWARD", "DROP")
        );
        assert_eq!(found.refusals.len(), 1);
        let refusal = &found.refusals[0];
        assert_eq!(
            (refusal.chain.as_str(), refusal.target, refusal.packets),
            ("INPUT", "DROP", Some(42))
        );
    }

    #[test]
    fn other_json_is_declined() {
        assert!(section(&DECODER, "x", "{\"nftables\": 3}").is_none());
        assert!(section(&DECODER, "x", "{\"kind\": \"Pod\"}").is_none());
    }
}

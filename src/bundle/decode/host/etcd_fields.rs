//! `etcdctl -w fields`: members, status, health and alarms, one field on a line.
//!
//! Source: etcd `etcdctl/ctlv3/command/printer_fields.go` (3.3 to 3.6): `"Name" : "value"`, an empty line behind each member or endpoint;
//! before them the answer's header (`ClusterID`, `MemberID`, `Revision`, `RaftTerm`). Ids are decimal, or hex with `--hex`.

use std::collections::BTreeMap;

use super::etcd::endpoint;
use super::fact::{EtcdAlarm, EtcdEndpoint, EtcdMember, HostFact};
use crate::bundle::decode::{Decoder, Fact, Section, TextFile};

/// What `etcdctl -w fields` prints.
pub(in crate::bundle::decode) const DECODER: Decoder = Decoder {
    name: "etcdctl fields",
    decode,
};

/// Names by which the beginning of such an output is known.
const FIRST: [&str; 3] = ["ClusterID", "MemberID", "Endpoint"];
/// Members and endpoints that are read; a real cluster has fewer than ten.
const MOST: usize = 100;

/// The values of a block by the names of their fields, each with its 0-based line; some names are there more than once.
type Fields<'t> = BTreeMap<&'t str, Vec<(&'t str, usize)>>;

fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let (name, _) = field(file.line(start))?;
    if !FIRST.contains(&name) {
        return None;
    }
    let mut section = Section {
        end: start,
        ..Section::default()
    };
    let mut fields = Fields::new();
    loop {
        let line = file.line(section.end);
        if let Some((name, value)) = field(line) {
            fields.entry(name).or_default().push((value, section.end));
            section.end += 1;
            // Alarms have no empty line between them.
            if name == "AlarmType" {
                take(file, &mut fields, &mut section);
            }
        } else {
            take(file, &mut fields, &mut section);
            // One empty line stands between two blocks.
            if line.trim().is_empty() && field(file.line(section.end + 1)).is_some() {
                section.end += 1;
            } else {
                break;
            }
        }
    }
    Some(section)
}

/// `"Name" : value`; a text without its quotation marks.
fn field(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.strip_prefix('"')?.split_once("\" : ").or_else(|| {
        // A field without a value.
        line.strip_prefix('"')?
            .trim_end()
            .strip_suffix("\" :")
            .map(|name| (name, ""))
    })?;
    let is_name = !name.is_empty() && name.len() <= 40 && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_name.then(|| (name, value.trim().trim_matches('"')))
}

/// Makes a fact of a block, and forgets it.
fn take(file: &TextFile<'_>, fields: &mut Fields<'_>, section: &mut Section) {
    let block = std::mem::take(fields);
    if section.facts.len() < MOST
        && let Some(fact) = fact(file, &block)
    {
        section.facts.push(Fact::Host(fact));
    }
}

fn fact(file: &TextFile<'_>, fields: &Fields<'_>) -> Option<HostFact> {
    let all = |name: &str| fields.get(name).map_or(&[][..], Vec::as_slice);
    // A field of the header may have the same name: the last is the block's own.
    let last = |name: &str| all(name).last().copied();
    let text = |name: &str| last(name).map_or("", |(value, _)| value);
    if let Some((name, line)) = last("Endpoint") {
        let leader = text("Leader");
        return Some(HostFact::EtcdEndpoint(EtcdEndpoint {
            id: hex(text("MemberID")),
            version: text("Version").to_owned(),
            db_size: text("DBSize").parse().ok(),
            is_leader: (!leader.is_empty()).then(|| leader == text("MemberID")),
            raft_term: text("RaftTerm").parse().ok(),
            is_healthy: text("Health").parse().ok(),
            took: text("Took").to_owned(),
            errors: [text("Errors").trim_matches(['[', ']']), text("Error")]
                .concat()
                .replace("<nil>", ""),
            ..endpoint(name, file.cite(line))
        }));
    }
    if let Some((alarm, line)) = last("AlarmType") {
        return Some(HostFact::EtcdAlarm(EtcdAlarm {
            member: hex(text("MemberID")),
            alarm: alarm.to_owned(),
            cite: file.cite(line),
        }));
    }
    let (id, line) = last("ID")?;
    let urls = |name: &str| all(name).iter().map(|(url, _)| (*url).to_owned()).collect::<Vec<_>>();
    Some(HostFact::EtcdMember(EtcdMember {
        id: hex(id),
        name: text("Name").to_owned(),
        peer_urls: urls("PeerURL"),
        client_urls: urls("ClientURL"),
        is_learner: text("IsLearner") == "true",
        // A member that never started has no name yet (`memberListHandler` of printer.go).
        is_started: !text("Name").is_empty(),
        cite: file.cite(line),
    }))
}

/// An id as the other forms show it. A number that is too short to be a decimal id, or is none, is hex already.
fn hex(id: &str) -> String {
    /// Digits of a 64-bit number in hex.
    const HEX: usize = 16;
    match id.parse::<u64>() {
        Ok(number) if id.len() > HEX => format!("{number:x}"),
        _ => id.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::host_facts;
    use super::*;
    use crate::bundle::decode::sample::section;
    use crate::bundle::decode::testing::assert_takes_linear_time;

    const HEADER: &str =
        "\"ClusterID\" : 17237436991929493444\n\"MemberID\" : 10276657743932975437\n\"RaftTerm\" : 7\n";

    fn facts(text: &str) -> Vec<HostFact> {
        section(&DECODER, "x", text).map(host_facts).unwrap_or_default()
    }

    #[test]
    fn members_are_read() {
        let text = format!(
            "{HEADER}\"ID\" : 10276657743932975437\n\"Name\" : \"node-1\"\n\"PeerURL\" : \"https://192.0.2.2:2380\"\n\"ClientURL\" : \"https://192.0.2.2:2379\"\n\"IsLearner\" : false\n\n\"ID\" : 10501334649042878790\n\"Name\" : \"\"\n\"PeerURL\" : \"https://192.0.2.3:2380\"\n\"IsLearner\" : false\n\nnext\n"
        );
        let found = facts(&text);
        let [HostFact::EtcdMember(first), HostFact::EtcdMember(second)] = found.as_slice() else {
            panic!("{found:?}")
        };
        assert_eq!(
            (first.id.as_str(), first.name.as_str(), first.is_started),
            ("8e9e05c52164694d", "node-1", true)
        );
        assert_eq!(first.client_urls, ["https://192.0.2.2:2379"]);
        assert_eq!((second.is_started, second.peer_urls.len()), (false, 1));
    }

    #[test]
    fn status_health_and_alarms_are_read() {
        let status = format!(
            "{HEADER}\"Version\" : \"3.5.9\"\n\"DBSize\" : 2147483648\n\"Leader\" : 10276657743932975437\n\"IsLearner\" : false\n\"RaftIndex\" : 4\n\"RaftTerm\" : 7\n\"RaftAppliedIndex\" : 4\n\"Errors\" : [memberID:10276657743932975437 alarm:NOSPACE]\n\"Endpoint\" : \"https://192.0.2.2:2379\"\n\n"
        );
        let [HostFact::EtcdEndpoint(found)] = &facts(&status)[..] else {
            panic!("no status")
        };
        assert_eq!(
            (found.endpoint.as_str(), found.db_size, found.is_leader, found.raft_term),
            ("https://192.0.2.2:2379", Some(2_147_483_648), Some(true), Some(7))
        );
        assert!(found.errors.contains("NOSPACE"));
        let health = "\"Endpoint\" : \"https://192.0.2.2:2379\"\n\"Health\" : false\n\"Took\" : 2s\n\"Error\" : context deadline exceeded\n";
        let [HostFact::EtcdEndpoint(found)] = &facts(health)[..] else {
            panic!("no health")
        };
        assert_eq!(
            (found.is_healthy, found.errors.as_str()),
            (Some(false), "context deadline exceeded")
        );
        let alarm = format!("{HEADER}\"MemberID\" : 10276657743932975437\n\"AlarmType\" : NOSPACE\n");
        let [HostFact::EtcdAlarm(found)] = &facts(&alarm)[..] else {
            panic!("no alarm")
        };
        assert_eq!(
            (found.member.as_str(), found.alarm.as_str()),
            ("8e9e05c52164694d", "NOSPACE")
        );
    }

    #[test]
    fn other_text_is_declined() {
        for text in ["", "\"Name\" : \"x\"\n", "\"ClusterID\": 1\n", "ClusterID : 1\n"] {
            assert!(section(&DECODER, "x", text).is_none(), "{text}");
        }
        assert_takes_linear_time(&DECODER, "\"ClusterID\" : 1\n\n");
    }
}

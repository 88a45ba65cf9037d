//! What `etcdctl -w fields` prints: a field on each line, and an empty line after each member or endpoint.
//!
//! Source: etcd `etcdctl/ctlv3/command/printer_fields.go` (3.3 to 3.6). Ids are decimal there.

use std::collections::BTreeMap;

use super::fact::{EtcdAlarm, EtcdEndpoint, EtcdMember, HostFact};
use crate::bundle::decode::{Decoder, Fact, Section, TextFile};

/// `endpoint status`, `endpoint health`, `member list` and `alarm list` with `-w fields`.
pub(in crate::bundle::decode) const DECODER: Decoder = Decoder {
    name: "etcdctl",
    decode,
};

/// Fields with which an output begins.
const FIRST: [&str; 3] = ["ClusterID", "Endpoint", "ID"];

fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let (first, _) = field(file.line(start))?;
    if !FIRST.contains(&first) || field(file.line(start + 1)).is_none() {
        return None;
    }
    let mut section = Section {
        end: start,
        ..Section::default()
    };
    let mut block = Block::default();
    loop {
        let line = file.line(section.end);
        match field(line) {
            Some((key, value)) if section.end < file.lines.len() => {
                block.fields.entry(key).or_default().push(value);
                block.first.get_or_insert(section.end);
                section.end += 1;
            }
            _ => {
                let next = field(file.line(section.end + 1)).is_some() && line.trim().is_empty();
                section.facts.extend(std::mem::take(&mut block).fact(file));
                if !next || section.end >= file.lines.len() {
                    break;
                }
                section.end += 1;
            }
        }
    }
    Some(section)
}

/// `"DBSize" : 20480`.
fn field(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.trim_end().strip_prefix('"')?.split_once("\" :")?;
    let is_key = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_key.then(|| (key, value.trim().trim_matches('"')))
}

/// The fields between two empty lines.
#[derive(Default)]
struct Block<'t> {
    fields: BTreeMap<&'t str, Vec<&'t str>>,
    first: Option<usize>,
}

impl Block<'_> {
    fn get(&self, key: &str) -> &str {
        self.fields
            .get(key)
            .and_then(|values| values.last())
            .copied()
            .unwrap_or("")
    }

    fn all(&self, key: &str) -> Vec<String> {
        let values = self.fields.get(key).into_iter().flatten();
        values.map(|value| (*value).to_owned()).collect()
    }

    fn id(&self, key: &str) -> String {
        self.get(key)
            .parse::<u64>()
            .map(|id| format!("{id:x}"))
            .unwrap_or_default()
    }

    fn fact(self, file: &TextFile<'_>) -> Option<Fact> {
        let cite = file.cite(self.first?);
        let fact = if !self.get("Endpoint").is_empty() {
            let is_status = self.fields.contains_key("DBSize");
            HostFact::EtcdEndpoint(EtcdEndpoint {
                endpoint: self.get("Endpoint").to_owned(),
                id: self.id("MemberID"),
                version: self.get("Version").to_owned(),
                db_size: self.get("DBSize").parse().ok(),
                is_leader: is_status.then(|| self.get("Leader") == self.get("MemberID")),
                raft_term: self.get("RaftTerm").parse().ok(),
                is_healthy: self.get("Health").parse().ok(),
                took: self.get("Took").to_owned(),
                errors: [self.get("Error"), self.get("Errors")]
                    .into_iter()
                    .find(|errors| !errors.is_empty() && *errors != "[]")
                    .unwrap_or("")
                    .to_owned(),
                cite,
            })
        } else if !self.get("AlarmType").is_empty() {
            HostFact::EtcdAlarm(EtcdAlarm {
                member: self.id("MemberID"),
                alarm: self.get("AlarmType").to_owned(),
                cite,
            })
        } else if self.fields.contains_key("PeerURL") {
            HostFact::EtcdMember(EtcdMember {
                id: self.id("ID"),
                name: self.get("Name").to_owned(),
                peer_urls: self.all("PeerURL"),
                client_urls: self.all("ClientURL"),
                is_learner: self.get("IsLearner") == "true",
                is_started: !self.get("Name").is_empty(),
                cite,
            })
        } else {
            return None;
        };
        Some(Fact::Host(fact))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::host_facts;
    use super::*;
    use crate::bundle::decode::sample::section;

    fn facts(text: &str) -> Vec<HostFact> {
        section(&DECODER, "x", text).map_or_else(Vec::new, host_facts)
    }

    #[test]
    fn fields_are_members_endpoints_and_alarms() {
        let header = "\"ClusterID\" : 1\n\"MemberID\" : 10276657743932975437\n\"Revision\" : 5\n\"RaftTerm\" : 2\n";
        let status = format!(
            "{header}\"Version\" : \"3.5.9\"\n\"DBSize\" : 20480\n\"Leader\" : 10276657743932975437\n\"IsLearner\" : false\n\"RaftTerm\" : 2\n\"Errors\" : []\n\"Endpoint\" : \"127.0.0.1:2379\"\n\n"
        );
        let found = facts(&status);
        let [HostFact::EtcdEndpoint(endpoint)] = found.as_slice() else {
            panic!("{found:?}")
        };
        assert_eq!(
            (endpoint.id.as_str(), endpoint.db_size, endpoint.is_leader),
            ("8e9e05c52164694d", Some(20_480), Some(true))
        );
        assert!(endpoint.errors.is_empty());
        let members = format!(
            "{header}\"ID\" : 10276657743932975437\n\"Name\" : \"n1\"\n\"PeerURL\" : \"https://10.0.0.1:2380\"\n\"ClientURL\" : \"https://10.0.0.1:2379\"\n\"IsLearner\" : false\n\n\"ID\" : 2\n\"Name\" : \"\"\n\"PeerURL\" : \"https://10.0.0.2:2380\"\n\"IsLearner\" : false\n\n$ date\n"
        );
        let found = facts(&members);
        assert!(
            matches!(found.as_slice(), [HostFact::EtcdMember(one), HostFact::EtcdMember(two)] if one.is_started && !two.is_started && two.id == "2")
        );
        let found = facts(&format!("{header}\"MemberID\" : 2\n\"AlarmType\" : NOSPACE\n\n"));
        assert!(
            matches!(found.as_slice(), [HostFact::EtcdAlarm(alarm)] if alarm.member == "2" && alarm.alarm == "NOSPACE")
        );
        let health =
            "\"Endpoint\" : \"a:2379\"\n\"Health\" : false\n\"Took\" : \"5s\"\n\"Error\" : context deadline exceeded\n";
        let found = facts(health);
        assert!(
            matches!(found.as_slice(), [HostFact::EtcdEndpoint(endpoint)] if endpoint.is_healthy == Some(false) && endpoint.errors.starts_with("context"))
        );
    }

    #[test]
    fn other_text_is_declined() {
        for text in ["\"ID\" : 1\n", "\"a\" : 1\n\"b\" : 2\n", "ClusterID : 1\n", ""] {
            assert!(facts(text).is_empty(), "{text}");
        }
    }
}

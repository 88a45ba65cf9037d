//! `etcdctl -w json` and the answers of etcd's gRPC gateway (k3s' `memberlist.json`): members, status, health, alarms.
//!
//! Sources: etcd `api/etcdserverpb/rpc.proto` (numbers are strings in the gateway's JSON), `etcdctl/ctlv3/command/ep_command.go`.

use serde_json::Value;

use super::etcd::endpoint;
use super::fact::{EtcdAlarm, EtcdEndpoint, EtcdMember, HostFact};
use crate::bundle::decode::docker_json::may_start;
use crate::bundle::decode::{Decoder, Fact, Section, TextFile};
use crate::model::Citation;

/// The JSON of `etcdctl`.
pub(in crate::bundle::decode) const DECODER: Decoder = Decoder {
    name: "etcdctl json",
    decode,
};

/// Members of a cluster that are looked at; a real one has fewer than ten.
const MOST: usize = 100;

fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    const SIGNS: [[&str; 2]; 6] = [
        ["\"members\"", "\"peerURLs\""],
        ["\"Endpoint\"", "\"Status\""],
        ["\"endpoint\"", "\"health\""],
        ["\"header\"", "\"alarms\""],
        ["\"header\"", "\"member_id\""],
        // The gateway of etcd 3.4 answers for alarms without a header.
        ["\"alarms\"", "\"memberID\""],
    ];
    if !SIGNS.iter().any(|keys| may_start(file, start, keys)) {
        return None;
    }
    let text = file.from_line(start);
    let mut stream = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let value = stream.next()?.ok()?;
    let end = file.line_at_offset(file.offset_of_line(start) + stream.byte_offset().saturating_sub(1)) + 1;
    let mut facts = Vec::new();
    let cite = |pointer: String, shown: String| Citation::pointer(&file.bundle, file.path, pointer, shown);
    for (index, member) in list(value.get("members")).iter().enumerate() {
        facts.push(HostFact::EtcdMember(member_of(member, |shown| {
            cite(format!("/members/{index}"), shown)
        })?));
    }
    for (index, alarm) in list(value.get("alarms")).iter().enumerate() {
        facts.push(HostFact::EtcdAlarm(alarm_of(alarm, |shown| {
            cite(format!("/alarms/{index}"), shown)
        })?));
    }
    for (index, entry) in list(Some(&value)).iter().enumerate() {
        facts.push(HostFact::EtcdEndpoint(endpoint_of(entry, |shown| {
            cite(format!("/{index}"), shown)
        })?));
    }
    let is_empty_answer = value.get("header").and_then(|header| header.get("member_id")).is_some();
    (!facts.is_empty() || is_empty_answer).then(|| Section {
        end,
        facts: facts.into_iter().map(Fact::Host).collect(),
        ..Section::default()
    })
}

fn list(value: Option<&Value>) -> &[Value] {
    let all = value.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    all.get(..MOST).unwrap_or(all)
}

fn member_of(member: &Value, cite: impl Fn(String) -> Citation) -> Option<EtcdMember> {
    let urls = |key: &str| -> Vec<String> {
        list(member.get(key))
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect()
    };
    let name = member.get("name").and_then(Value::as_str).unwrap_or("").to_owned();
    let id = hex(member.get("ID")?)?;
    let cite = cite(format!("{id} {name}"));
    Some(EtcdMember {
        id,
        peer_urls: urls("peerURLs"),
        client_urls: urls("clientURLs"),
        is_learner: member.get("isLearner").and_then(Value::as_bool).unwrap_or(false),
        // A member has a name once it has joined.
        is_started: !name.is_empty(),
        name,
        cite,
    })
}

fn alarm_of(alarm: &Value, cite: impl Fn(String) -> Citation) -> Option<EtcdAlarm> {
    let name = match alarm.get("alarm")? {
        Value::String(name) => name.clone(),
        Value::Number(number) if number.as_u64() == Some(1) => "NOSPACE".to_owned(),
        Value::Number(number) if number.as_u64() == Some(2) => "CORRUPT".to_owned(),
        _ => return None,
    };
    let member = hex(alarm.get("memberID")?)?;
    let cite = cite(format!("{member} {name}"));
    Some(EtcdAlarm {
        member,
        alarm: name,
        cite,
    })
}

fn endpoint_of(entry: &Value, cite: impl Fn(String) -> Citation) -> Option<EtcdEndpoint> {
    let text = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or("");
    if let Some(healthy) = entry.get("health").and_then(Value::as_bool) {
        let shown = format!("{}: health {healthy} {}", text("endpoint"), text("error"));
        return Some(EtcdEndpoint {
            is_healthy: Some(healthy),
            took: text("took").to_owned(),
            errors: text("error").to_owned(),
            ..endpoint(text("endpoint"), cite(shown.trim_end().to_owned()))
        });
    }
    let status = entry.get("Status")?;
    let id = status.pointer("/header/member_id").and_then(hex).unwrap_or_default();
    let leader = status.get("leader").and_then(hex);
    let errors: Vec<&str> = list(status.get("errors")).iter().filter_map(Value::as_str).collect();
    let db_size = status.get("dbSize").and_then(number);
    let shown = format!(
        "{}: dbSize {} {}",
        text("Endpoint"),
        db_size.unwrap_or(0),
        errors.join(", ")
    );
    Some(EtcdEndpoint {
        version: status.get("version").and_then(Value::as_str).unwrap_or("").to_owned(),
        db_size,
        is_leader: leader.map(|leader| leader == id),
        raft_term: status.get("raftTerm").and_then(number),
        errors: errors.join(", "),
        id,
        ..endpoint(text("Endpoint"), cite(shown.trim_end().to_owned()))
    })
}

fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

fn hex(value: &Value) -> Option<String> {
    number(value).map(|number| format!("{number:x}"))
}

#[cfg(test)]
mod tests {
    use super::super::testing::host_facts;
    use super::*;
    use crate::bundle::decode::sample::section;

    fn facts(text: &str) -> Vec<HostFact> {
        section(&DECODER, "x", text).map(host_facts).unwrap_or_default()
    }

    #[test]
    fn members_are_read_from_etcdctl_and_from_the_gateway() {
        for id in ["10276657743932975437", "\"10276657743932975437\""] {
            let text = format!(
                "{{\"header\":{{\"member_id\":{id}}},\"members\":[{{\"ID\":{id},\"name\":\"n1\",\"peerURLs\":[\"http://a:2380\"],\"clientURLs\":[\"http://a:2379\"]}},{{\"ID\":7,\"peerURLs\":[\"http://b:2380\"],\"isLearner\":true}}]}}\n"
            );
            let found = facts(&text);
            let [HostFact::EtcdMember(first), HostFact::EtcdMember(second)] = found.as_slice() else {
                panic!("{id}")
            };
            assert_eq!(
                (first.id.as_str(), first.name.as_str(), first.is_started),
                ("8e9e05c52164694d", "n1", true)
            );
            assert_eq!((second.is_started, second.is_learner), (false, true));
        }
    }

    #[test]
    fn status_health_and_alarms_are_read() {
        let text = r#"[{"Endpoint":"http://a:2379","Status":{"header":{"member_id":7,"raft_term":3},"version":"3.5.9","dbSize":2147483648,"leader":7,"raftTerm":3,"errors":["memberID:7 alarm:NOSPACE "]}}]"#;
        let found = facts(text);
        let [HostFact::EtcdEndpoint(found)] = found.as_slice() else {
            panic!()
        };
        assert_eq!(
            (found.db_size, found.is_leader, found.raft_term),
            (Some(2_147_483_648), Some(true), Some(3))
        );
        let found =
            facts(r#"[{"endpoint":"http://a:2379","health":false,"took":"5s","error":"context deadline exceeded"}]"#);
        let [HostFact::EtcdEndpoint(found)] = found.as_slice() else {
            panic!()
        };
        assert_eq!(
            (found.is_healthy, found.errors.as_str()),
            (Some(false), "context deadline exceeded")
        );
        for text in [
            r#"{"header":{"member_id":7},"alarms":[{"memberID":7,"alarm":1}]}"#,
            r#"{"alarms":[{"memberID":"7","alarm":"NOSPACE"}]}"#,
        ] {
            let found = facts(text);
            assert!(
                matches!(found.as_slice(), [HostFact::EtcdAlarm(alarm)] if alarm.alarm == "NOSPACE" && alarm.member == "7")
            );
        }
    }

    #[test]
    fn an_answer_without_alarms_is_recognised_and_log_lines_are_not() {
        assert_eq!(
            section(&DECODER, "x", "{\"header\":{\"cluster_id\":1,\"member_id\":7}}\n")
                .unwrap()
                .facts
                .len(),
            0
        );
        for text in [
            "{\"level\":\"warn\",\"endpoint\":\"http://a\",\"health\":\"x\"}",
            "[{\"endpoint\":",
            "{}",
            "[1]",
            "text",
        ] {
            assert!(section(&DECODER, "x", text).is_none(), "{text}");
        }
    }
}

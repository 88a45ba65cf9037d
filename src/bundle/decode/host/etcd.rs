//! `etcdctl member list`, `endpoint status`, `endpoint health` and `alarm list` in their simple and table forms.
//!
//! Source of the forms: etcd `etcdctl/ctlv3/command/printer_simple.go`, `printer_table.go`, `printer.go` (3.2 to 3.6); the member
//! list of the v2 API from `etcdctl/ctlv2/command/member_commands.go`.

use regex::Regex;

use super::fact::{EtcdAlarm, EtcdEndpoint, EtcdMember, HostFact};
use super::grid::Grid;
use crate::bundle::decode::shape::{Shape, group};
use crate::bundle::decode::{Decoder, Fact, Section, TextFile};
use crate::model::Citation;

/// What `etcdctl` prints for people.
pub(in crate::bundle::decode) const DECODER: Decoder = Decoder {
    name: "etcdctl",
    decode,
};

fn decode(file: &TextFile<'_>, start: usize) -> Option<Section> {
    if file.line(start).starts_with("+-") || file.line(start).starts_with('┌') {
        return table(file, start);
    }
    let mut end = start;
    let mut facts = Vec::new();
    while let Some(fact) = file.lines.get(end).and_then(|line| simple(line, || file.cite(end))) {
        facts.push(Fact::Host(fact));
        end += 1;
    }
    (end > start).then_some(Section {
        end,
        facts,
        ..Section::default()
    })
}

fn table(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let grid = Grid::at(file, start)?;
    let is_members = grid.has("PEER ADDRS");
    if !is_members && !grid.has("ENDPOINT") {
        return None;
    }
    let facts = grid.rows.iter().enumerate().map(|(row, (line, cells))| {
        let cell = |name: &str| grid.get(cells, name);
        let cite = file.cite(*line);
        Fact::Host(if is_members {
            HostFact::EtcdMember(member(
                [
                    cell("ID"),
                    cell("STATUS"),
                    cell("NAME"),
                    cell("PEER ADDRS"),
                    cell("CLIENT ADDRS"),
                    cell("IS LEARNER"),
                ],
                cite,
            ))
        } else {
            HostFact::EtcdEndpoint(EtcdEndpoint {
                id: cell("ID").to_owned(),
                version: cell("VERSION").to_owned(),
                db_size: size(cell("DB SIZE")),
                is_leader: cell("IS LEADER").parse().ok(),
                raft_term: cell("RAFT TERM").parse().ok(),
                is_healthy: cell("HEALTH").parse().ok(),
                took: cell("TOOK").to_owned(),
                errors: format!("{}{}", grid.whole(row, "ERRORS"), grid.whole(row, "ERROR")),
                ..endpoint(cell("ENDPOINT"), cite)
            })
        })
    });
    Some(Section {
        end: grid.end,
        facts: facts.collect(),
        ..Section::default()
    })
}

/// An endpoint of which nothing else is known.
pub(super) fn endpoint(name: &str, cite: Citation) -> EtcdEndpoint {
    EtcdEndpoint {
        endpoint: name.to_owned(),
        id: String::new(),
        version: String::new(),
        db_size: None,
        is_leader: None,
        raft_term: None,
        is_healthy: None,
        took: String::new(),
        errors: String::new(),
        cite,
    }
}

fn member([id, status, name, peers, clients, learner]: [&str; 6], cite: Citation) -> EtcdMember {
    let urls = |text: &str| {
        text.split([',', ';'])
            .map(str::trim)
            .filter(|url| !url.is_empty())
            .map(str::to_owned)
            .collect()
    };
    EtcdMember {
        id: id.to_owned(),
        name: name.to_owned(),
        peer_urls: urls(peers),
        client_urls: urls(clients),
        is_learner: learner == "true",
        is_started: status == "started",
        cite,
    }
}

static MEMBER: Shape = Shape::new(|| Regex::new(r"^[0-9a-f]{5,16}, (?:started|unstarted), "));
static OLD_MEMBER: Shape = Shape::new(|| {
    Regex::new(
        r"^(?<id>[0-9a-f]{5,16})(?<unstarted>\[unstarted\])?: (?:name=(?<name>\S*) )?peerURLs=(?<peers>\S*)(?: clientURLs=(?<clients>\S*))?",
    )
});
static STATUS: Shape = Shape::new(|| Regex::new(r"^[\w.:/\[\]-]+:\d+, [0-9a-f]{5,16}, \d+\.\d+\.\d+[^,]*, "));
static HEALTH: Shape = Shape::new(|| {
    Regex::new(
        r"^(?<endpoint>[\w.:/\[\]-]+:\d+) is (?<health>healthy|unhealthy): (?:successfully committed proposal: took = (?<took>\S+)|(?<error>.*))$",
    )
});
static ALARM: Shape = Shape::new(|| Regex::new(r"^memberID:(?<id>\d+) alarm:(?<alarm>[A-Z]+)\s*$"));

fn simple(line: &str, cite: impl Fn() -> Citation) -> Option<HostFact> {
    // Declines most lines before any expression is tried.
    let first = line.bytes().next()?;
    if !(first.is_ascii_alphanumeric() || first == b'[') {
        return None;
    }
    if let Some(found) = ALARM.groups(line) {
        return Some(HostFact::EtcdAlarm(EtcdAlarm {
            member: format!("{:x}", group(&found, "id").parse::<u64>().ok()?),
            alarm: group(&found, "alarm").to_owned(),
            cite: cite(),
        }));
    }
    if MEMBER.fits(line) {
        let mut cells = line.split(", ");
        let mut next = || cells.next().unwrap_or("").trim();
        return Some(HostFact::EtcdMember(member(
            [next(), next(), next(), next(), next(), next()],
            cite(),
        )));
    }
    if let Some(found) = OLD_MEMBER.groups(line) {
        let status = if group(&found, "unstarted").is_empty() {
            "started"
        } else {
            "unstarted"
        };
        let cells = [
            group(&found, "id"),
            status,
            group(&found, "name"),
            group(&found, "peers"),
            group(&found, "clients"),
            "",
        ];
        return Some(HostFact::EtcdMember(member(cells, cite())));
    }
    if let Some(found) = HEALTH.groups(line) {
        return Some(HostFact::EtcdEndpoint(EtcdEndpoint {
            is_healthy: Some(group(&found, "health") == "healthy"),
            took: group(&found, "took").to_owned(),
            errors: group(&found, "error").to_owned(),
            ..endpoint(group(&found, "endpoint"), cite())
        }));
    }
    STATUS.fits(line).then(|| HostFact::EtcdEndpoint(status(line, cite())))
}

/// `endpoint, id, version, db size, is leader, is learner, term, index, applied index, errors`; 3.3 has no learners, 3.6 has a
/// storage version, the size in use, a percentage and a quota beside the size.
fn status(line: &str, cite: Citation) -> EtcdEndpoint {
    let cells: Vec<&str> = line.split(", ").map(str::trim).collect();
    let cell = |at: usize| cells.get(at).copied().unwrap_or("");
    let size_at = (3..5)
        .find(|&at| size(cell(at)).is_some_and(|_| cell(at).contains(' ')))
        .unwrap_or(3);
    let leader_at = (size_at + 1..cells.len()).find(|&at| matches!(cell(at), "true" | "false"));
    let leader_at = leader_at.unwrap_or(size_at + 1);
    let term_at = (leader_at + 1..cells.len()).find(|&at| cell(at).parse::<u64>().is_ok());
    let term_at = term_at.unwrap_or(leader_at + 2);
    EtcdEndpoint {
        id: cell(1).to_owned(),
        version: cell(2).to_owned(),
        db_size: size(cell(size_at)),
        is_leader: cell(leader_at).parse().ok(),
        raft_term: cell(term_at).parse().ok(),
        // The term is followed by the index, the applied index, and then the errors.
        errors: cells.get(term_at + 3..).unwrap_or(&[]).join(", ").trim().to_owned(),
        ..endpoint(cell(0), cite)
    }
}

/// `25 kB`, `2.1 GB` (dustin/go-humanize `Bytes`: powers of 1000), in bytes.
fn size(text: &str) -> Option<u64> {
    let (number, unit) = text.split_once(' ')?;
    let number: f64 = number.parse().ok()?;
    let factor: f64 = match unit {
        "B" => 1.0,
        "kB" => 1e3,
        "MB" => 1e6,
        "GB" => 1e9,
        "TB" => 1e12,
        _ => return None,
    };
    Some((number * factor).round() as u64)
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
    fn members_are_read_in_every_form() {
        for text in [
            "8e9e05c52164694d, started, node-1, https://192.0.2.2:2380, https://192.0.2.2:2379, false\n8e9e05c52164694e, unstarted, , https://192.0.2.3:2380, , false\n",
            "8e9e05c52164694d: name=node-1 peerURLs=https://192.0.2.2:2380 clientURLs=https://192.0.2.2:2379 isLeader=true\n8e9e05c52164694e[unstarted]: peerURLs=https://192.0.2.3:2380\n",
            "+------------------+-----------+--------+------------------------+------------------------+------------+\n\
             |        ID        |  STATUS   |  NAME  |       PEER ADDRS       |      CLIENT ADDRS      | IS LEARNER |\n\
             +------------------+-----------+--------+------------------------+------------------------+------------+\n\
             | 8e9e05c52164694d |   started | node-1 | https://192.0.2.2:2380 | https://192.0.2.2:2379 |      false |\n\
             | 8e9e05c52164694e | unstarted |        | https://192.0.2.3:2380 |                        |      false |\n\
             +------------------+-----------+--------+------------------------+------------------------+------------+\n",
        ] {
            let found = facts(text);
            let [HostFact::EtcdMember(first), HostFact::EtcdMember(second)] = found.as_slice() else {
                panic!("{text}")
            };
            assert_eq!(
                (first.id.as_str(), first.name.as_str(), first.is_started),
                ("8e9e05c52164694d", "node-1", true)
            );
            assert_eq!(
                (first.peer_urls.as_slice(), first.client_urls.as_slice()),
                (
                    ["https://192.0.2.2:2380".to_owned()].as_slice(),
                    ["https://192.0.2.2:2379".to_owned()].as_slice()
                )
            );
            assert_eq!(
                (second.is_started, second.client_urls.len(), second.name.as_str()),
                (false, 0, "")
            );
        }
    }

    #[test]
    fn the_status_of_an_endpoint_is_read_in_every_version() {
        for text in [
            "https://192.0.2.2:2379, 8e9e05c52164694d, 3.4.13, 2.1 GB, true, false, 7, 100, 100, NOSPACE\n",
            "https://192.0.2.2:2379, 8e9e05c52164694d, 3.3.10, 2.1 GB, true, 7, 100, 100, NOSPACE\n",
            "https://192.0.2.2:2379, 8e9e05c52164694d, 3.6.0, 3.6.0, 2.1 GB, 16 kB, 20%, 2.1 GB, true, false, 7, 100, 100, NOSPACE\n",
            "+------------------------+------------------+---------+---------+-----------+-----------+\n\
             |        ENDPOINT        |        ID        | VERSION | DB SIZE | IS LEADER | RAFT TERM | ERRORS |\n\
             +------------------------+------------------+---------+---------+-----------+-----------+\n\
             | https://192.0.2.2:2379 | 8e9e05c52164694d |  3.5.9  | 2.1 GB  |      true |         7 | NOSPACE |\n",
        ] {
            let found = facts(text);
            let [HostFact::EtcdEndpoint(found)] = found.as_slice() else {
                panic!("{text}")
            };
            assert_eq!(
                (
                    found.endpoint.as_str(),
                    found.db_size,
                    found.is_leader,
                    found.raft_term,
                    found.errors.as_str()
                ),
                (
                    "https://192.0.2.2:2379",
                    Some(2_100_000_000),
                    Some(true),
                    Some(7),
                    "NOSPACE"
                ),
                "{text}"
            );
        }
    }

    #[test]
    fn a_drawn_table_may_have_boxes_and_cells_of_two_lines() {
        let text = "┌────────────────────────┬──────────────────┬─────────┬─────────────────┐\n\
                    │        ENDPOINT        │        ID        │ DB SIZE │     ERRORS      │\n\
                    ├────────────────────────┼──────────────────┼─────────┼─────────────────┤\n\
                    │ https://192.0.2.2:2379 │ 8e9e05c52164694d │  2.1 GB │  memberID:1027  │\n\
                    │                        │                  │         │ alarm:NOSPACE   │\n\
                    └────────────────────────┴──────────────────┴─────────┴─────────────────┘\n";
        let found = facts(text);
        let [HostFact::EtcdEndpoint(found)] = found.as_slice() else {
            panic!("{found:?}")
        };
        assert_eq!(
            (found.db_size, found.errors.as_str()),
            (Some(2_100_000_000), "memberID:1027 alarm:NOSPACE")
        );
    }

    #[test]
    fn health_and_alarms_are_read() {
        let text = "127.0.0.1:2379 is healthy: successfully committed proposal: took = 2.1ms\n192.0.2.3:2379 is unhealthy: failed to commit proposal: context deadline exceeded\nmemberID:10276657743932975437 alarm:NOSPACE \n";
        let found = facts(text);
        let [
            HostFact::EtcdEndpoint(well),
            HostFact::EtcdEndpoint(ill),
            HostFact::EtcdAlarm(alarm),
        ] = found.as_slice()
        else {
            panic!()
        };
        assert_eq!((well.is_healthy, well.took.as_str()), (Some(true), "2.1ms"));
        assert_eq!(
            (ill.is_healthy, ill.errors.as_str()),
            (Some(false), "failed to commit proposal: context deadline exceeded")
        );
        assert_eq!(
            (alarm.member.as_str(), alarm.alarm.as_str()),
            ("8e9e05c52164694d", "NOSPACE")
        );
    }

    #[test]
    fn other_text_is_declined() {
        for text in [
            "",
            "deaf, started, late",
            "+---+\n| A |\n+---+\n",
            "memberID:x alarm:NOSPACE",
            "node-1 is healthy: yes",
            "Error: context deadline exceeded",
        ] {
            assert!(section(&DECODER, "x", text).is_none(), "{text}");
        }
    }
}

//! What `talosctl support` keeps of a machine: the resources of Talos' controllers, and the state of its services.
//!
//! Sources: siderolabs/go-talos-support `support/collectors/talos.go` (documents of `metadata` and `spec`, without a kind of Kubernetes),
//! siderolabs/talos `pkg/machinery/resources/{network,runtime,k8s,time}` (the names of types and fields) and
//! `pkg/machinery/formatters/service.go` (`RenderServicesInfo`).

use serde_json::Value;

use super::fact::{HostFact, Route, Unit};
use crate::bundle::Budget;
use crate::bundle::decode::{Decoder, Fact, HostNameSource, Resolver, Section, TextFile, parse_yaml_within};
use crate::model::{Problem, ProblemKind};

/// One resource of a controller.
pub(in crate::bundle::decode) const RESOURCE: Decoder = Decoder {
    name: "Talos resource",
    decode: resource,
};

/// A service of Talos, which has no systemd.
pub(in crate::bundle::decode) const SERVICE: Decoder = Decoder {
    name: "Talos service",
    decode: service,
};

/// Lines below `metadata:` in which the type stands.
const HEAD: usize = 12;

fn resource(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let first = if file.line(start) == "---" { start + 1 } else { start };
    if file.line(first) != "metadata:" {
        return None;
    }
    let kind = (first + 1..first + HEAD)
        .map(|line| file.line(line))
        .take_while(|line| line.starts_with(' '))
        .find_map(|line| line.trim().strip_prefix("type: "))
        .filter(|kind| kind.ends_with(".talos.dev") || kind.ends_with(".cosi.dev"))?;
    let end = (first + 1..file.lines.len())
        .find(|&line| file.line(line) == "---")
        .unwrap_or(file.lines.len());
    let mut section = Section {
        end,
        ..Section::default()
    };
    let is_read = [
        "ResolverStatuses",
        "KernelParamStatuses",
        "HostnameStatuses",
        "RouteStatuses",
        "Nodenames",
        "TimeStatuses",
    ]
    .iter()
    .any(|known| kind.starts_with(known));
    if !is_read {
        return Some(section);
    }
    let document = file.text.get(file.offset_of_line(first)..file.offset_of_line(end))?;
    // Talos writes no aliases; of the documents of one file each might have some.
    let budget = Budget {
        max_yaml_aliases: 0,
        ..file.budget.clone()
    };
    match parse_yaml_within(document, &budget) {
        Ok(value) => section.facts.extend(facts(file, kind, &value, first, end)),
        Err(error) => {
            let detail = format!("a resource of Talos does not parse: {}", error.message);
            section
                .problems
                .push(Problem::file(file.path, ProblemKind::Unparsed, detail).at_line(first as u64 + 1));
        }
    }
    Some(section)
}

fn facts(file: &TextFile<'_>, kind: &str, value: &Value, first: usize, end: usize) -> Option<Fact> {
    let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).unwrap_or("");
    let list = |pointer: &str| -> Vec<String> {
        let items = value.pointer(pointer).and_then(Value::as_array).into_iter().flatten();
        items.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    // The line of the field is what a reader wants to see.
    let cite = |field: &str| {
        let hit = (first..end).find(|&line| file.line(line).trim_start().starts_with(field));
        file.cite_range(first, end.saturating_sub(1).max(first), hit.unwrap_or(first))
    };
    match kind.split('.').next()? {
        "ResolverStatuses" => Some(Fact::Resolver(Resolver {
            nameservers: list("/spec/dnsServers"),
            search: list("/spec/searchDomains"),
            options: Vec::new(),
            cite: cite("dnsServers"),
        })),
        // `proc.sys.net.ipv4.ip_forward`; what is in force stands in `current`.
        "KernelParamStatuses" => {
            let current = value.pointer("/spec/current")?;
            Some(Fact::Sysctl {
                key: text("/metadata/id").strip_prefix("proc.sys.")?.to_owned(),
                value: current.as_str().map_or_else(|| current.to_string(), str::to_owned),
                cite: cite("current"),
            })
        }
        // A clock that nobody is to set counts as synchronised for Talos (`internal/app/machined/pkg/controllers/time/sync.go`).
        "TimeStatuses" if value.pointer("/spec/syncDisabled").and_then(Value::as_bool) != Some(true) => {
            let is_synchronised = value.pointer("/spec/synced")?.as_bool()?;
            Some(Fact::Value {
                key: "clock.synchronised".to_owned(),
                value: if is_synchronised { "yes" } else { "no" }.to_owned(),
                cite: cite("synced"),
            })
        }
        "HostnameStatuses" => Some(text("/spec/hostname"))
            .filter(|name| !name.is_empty())
            .map(|name| Fact::HostName {
                name: name.to_owned(),
                via: HostNameSource::Host,
                cite: cite("hostname"),
            }),
        "Nodenames" => Some(text("/spec/nodename"))
            .filter(|name| !name.is_empty())
            .map(|name| Fact::HostName {
                name: name.to_owned(),
                via: HostNameSource::Kubelet,
                cite: cite("nodename"),
            }),
        "RouteStatuses" => {
            let destination = text("/spec/dst");
            Some(Fact::Host(HostFact::Route(Route {
                destination: if destination.is_empty() { "default" } else { destination }.to_owned(),
                via: text("/spec/gateway").to_owned(),
                dev: text("/spec/outLinkName").to_owned(),
                cite: cite("gateway"),
            })))
        }
        _ => None,
    }
}

/// The words of Talos for the states of a service, and systemd's for the same.
const STATES: [(&str, &str, &str); 9] = [
    ("Running", "active", "running"),
    ("Finished", "inactive", "dead"),
    ("Failed", "failed", "failed"),
    ("Stopping", "deactivating", "stop"),
    ("Skipped", "inactive", "dead"),
    ("Waiting", "activating", "start-pre"),
    ("Preparing", "activating", "start-pre"),
    ("Starting", "activating", "start"),
    ("Initialized", "activating", "start-pre"),
];

/// `ID`, `STATE` and `HEALTH` below each other, after `NODE`.
fn service(file: &TextFile<'_>, start: usize) -> Option<Section> {
    let field = |line: usize, name: &str| {
        let rest = file.line(line).strip_prefix(name)?;
        rest.starts_with("   ").then(|| rest.trim())
    };
    let first = if field(start, "NODE").is_some() {
        start + 1
    } else {
        start
    };
    let name = field(first, "ID").filter(|name| !name.is_empty() && !name.contains(' '))?;
    let state = field(first + 1, "STATE")?;
    let health = field(first + 2, "HEALTH")?;
    let (_, active, sub) = STATES.iter().find(|(known, ..)| *known == state)?;
    let is_sick = health.eq_ignore_ascii_case("fail");
    let mut end = first + 3;
    while file
        .lines
        .get(end)
        .is_some_and(|line| line.starts_with([' ', 'L', 'E']) && !line.trim().is_empty())
    {
        end += 1;
    }
    let unit = Unit {
        name: format!("{name}.service"),
        loaded: "loaded".to_owned(),
        enabled: String::new(),
        active: if is_sick { "failed" } else { active }.to_owned(),
        sub: if is_sick { "failed" } else { sub }.to_owned(),
        since: String::new(),
        main_pid: None,
        exit_status: None,
        result: String::new(),
        host: String::new(),
        cite: file.cite_range(start, end - 1, first + 1),
    };
    Some(Section {
        end,
        facts: vec![Fact::Host(HostFact::Unit(unit))],
        also_log: true,
        ..Section::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::decode::sample::{section, section_at};

    const RESOLVERS: &str = "metadata:\n    namespace: network\n    type: ResolverStatuses.net.talos.dev\n    id: resolvers\n    version: 2\n    phase: running\nspec:\n    dnsServers:\n        - 192.0.2.53\n    searchDomains: []\n---\nmetadata:\n    namespace: runtime\n    type: KernelParamStatuses.runtime.talos.dev\n    id: proc.sys.net.ipv4.ip_forward\nspec:\n    current: \"0\"\n    default: \"0\"\n";

    #[test]
    fn resources_are_read_one_by_one() {
        let first = section(&RESOURCE, "n1/resources/x.yaml", RESOLVERS).unwrap();
        assert!(matches!(&first.facts[0], Fact::Resolver(resolver) if resolver.nameservers == ["192.0.2.53"]));
        let second = section_at(&RESOURCE, "n1/resources/x.yaml", RESOLVERS, first.end).unwrap();
        assert!(
            matches!(&second.facts[0], Fact::Sysctl { key, value, cite } if key == "net.ipv4.ip_forward" && value == "0" && cite.quote.iter().any(|line| line.hit && line.text.contains("current")))
        );
    }

    #[test]
    fn the_clock_says_whether_it_is_synchronised() {
        let text = "metadata:\n    namespace: runtime\n    type: TimeStatuses.v1alpha1.talos.dev\n    id: node\nspec:\n    synced: false\n    epoch: 0\n    syncDisabled: false\n";
        let told = |text: &str| super::super::testing::values(&section(&RESOURCE, "x.yaml", text).unwrap());
        assert_eq!(told(text), ["clock.synchronised=no"]);
        assert!(told(&text.replace("syncDisabled: false", "syncDisabled: true")).is_empty());
    }

    #[test]
    fn other_documents_are_declined_and_other_resources_passed_over() {
        for text in ["metadata:\n  name: x\nkind: Pod\n", "---\nkind: Pod\n", "metadata:\n"] {
            assert!(section(&RESOURCE, "x.yaml", text).is_none(), "{text}");
        }
        let other = RESOLVERS.replace("ResolverStatuses", "LinkStatuses");
        assert!(section(&RESOURCE, "x.yaml", &other).unwrap().facts.is_empty());
    }

    #[test]
    fn a_service_is_a_unit() {
        for (state, health, active) in [
            ("Running", "OK", "active"),
            ("Running", "Fail", "failed"),
            ("Failed", "?", "failed"),
        ] {
            let text = format!(
                "NODE     10.0.0.1\nID       kubelet\nSTATE    {state}\nHEALTH   {health}\nEVENTS   [Running]: Started task kubelet (PID 1975) (2h ago)\n"
            );
            let section = section(&SERVICE, "service-logs/kubelet.state", &text).unwrap();
            assert!(
                matches!(&section.facts[0], Fact::Host(HostFact::Unit(unit)) if unit.name == "kubelet.service" && unit.active == active)
            );
            assert_eq!(section.end, 5);
        }
        assert!(section(&SERVICE, "x", "ID       kubelet\nx\n").is_none());
    }
}

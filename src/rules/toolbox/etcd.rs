//! Members of etcd: what they are called, what the cluster's own tools say of them.

use std::collections::BTreeSet;

use super::nodes::node_of;
use super::planes::instances;
use crate::bundle::decode::{EtcdAlarm, EtcdEndpoint, EtcdMember};
use crate::cluster::{Hit, Snapshot, node_in_mirror};
use crate::logs::{TextSource, is_of_control_plane};
use crate::model::{Citation, Subject};

/// The quota of the database when none is given, in bytes (etcd server/storage/quota.go, DefaultQuotaBytes).
pub const DEFAULT_QUOTA: u64 = 2 * 1024 * 1024 * 1024;

/// etcd as a whole.
pub fn etcd() -> Subject {
    Subject::cluster("EtcdMember", "etcd")
}

/// True for an error that etcd gave and the API server passed on (etcd api/v3rpc/rpctypes/error.go: each begins like this).
pub fn is_of_etcd(line: &str) -> bool {
    line.contains("etcdserver: ")
}

/// The member whose log a line stands in, called like its node.
pub fn member_of(snapshot: &Snapshot, hit: &Hit) -> Subject {
    // An etcd that a workload keeps for itself, as Patroni, APISIX or Milvus do, is that workload's.
    let pod = &hit.about.object;
    if pod.kind == "Pod" && !is_of_control_plane(&pod.namespace) && hit.source == TextSource::ContainerLog {
        return snapshot.top_owner_of(pod);
    }
    let node = node_of_member(snapshot, hit).unwrap_or_default();
    let name = if node.is_empty() { "etcd" } else { &node };
    Subject::on_node("EtcdMember", name, &node)
}

/// The node of the member whose log a line stands in; its static pod tells it where nothing else does.
pub fn node_of_member(snapshot: &Snapshot, hit: &Hit) -> Option<String> {
    let of_pod = || {
        let pod = &hit.about.object;
        (pod.kind == "Pod" && is_of_control_plane(&pod.namespace))
            .then(|| node_in_mirror(&pod.name))
            .flatten()
            .map(ToOwned::to_owned)
    };
    node_of(snapshot, hit).or_else(of_pod)
}

/// The member of an id: as the member list calls it, else the node whose address its endpoint has, else the only one there is. An alarm of
/// a member that nothing shows stops the whole cluster, so the leader stands for it.
pub fn member_with(snapshot: &Snapshot, id: &str) -> Option<Subject> {
    if let Some(member) = members(snapshot).into_iter().find(|member| member.id == id) {
        return Some(subject(snapshot, &member.name));
    }
    let known = endpoints(snapshot);
    let its = known.iter().find(|endpoint| endpoint.id == id);
    if let Some(node) = its.and_then(|endpoint| node_of_endpoint(snapshot, endpoint)) {
        return Some(Subject::on_node("EtcdMember", &node, &node));
    }
    if let [only] = instances(snapshot, "etcd").as_slice()
        && !only.node.is_empty()
    {
        return Some(Subject::on_node("EtcdMember", &only.node, &only.node));
    }
    let leader = known.iter().find(|endpoint| endpoint.is_leader == Some(true))?;
    let node = node_of_endpoint(snapshot, leader)?;
    Some(Subject::on_node("EtcdMember", &node, &node))
}

/// The node that has the address of an endpoint.
fn node_of_endpoint(snapshot: &Snapshot, endpoint: &EtcdEndpoint) -> Option<String> {
    let (address, _) = bare(&endpoint.endpoint).rsplit_once(':')?;
    let has_address = |node: &&crate::cluster::Object| {
        let known = node.list("/status/addresses");
        known
            .iter()
            .any(|known| known.get("address").is_some_and(|value| value == address))
    };
    Some(snapshot.kind("Node").find(has_address)?.key.name.clone())
}

/// The members of the cluster, each once, from every member list of the bundle.
pub fn members(snapshot: &Snapshot) -> Vec<&EtcdMember> {
    let mut seen = BTreeSet::new();
    snapshot
        .hosts
        .iter()
        .flat_map(|host| &host.tools.etcd_members)
        .filter(|member| seen.insert(member.id.as_str()))
        .collect()
}

/// The endpoints that etcd's client asked, each once.
pub fn endpoints(snapshot: &Snapshot) -> Vec<&EtcdEndpoint> {
    let mut seen = BTreeSet::new();
    snapshot
        .hosts
        .iter()
        .flat_map(|host| &host.tools.etcd_endpoints)
        .filter(|endpoint| seen.insert(bare(&endpoint.endpoint)))
        .collect()
}

/// The alarms that are raised, each once for each member: as `etcdctl alarm list` prints them, and as every endpoint repeats them all in
/// its status (etcd server/etcdserver/api/v3rpc/maintenance.go, `Status`: `resp.Errors = append(resp.Errors, a.String())`).
pub fn alarms(snapshot: &Snapshot) -> Vec<EtcdAlarm> {
    let tools = || snapshot.hosts.iter().map(|host| &host.tools);
    let listed = tools().flat_map(|tools| tools.etcd_alarms.iter().cloned());
    let of_status = tools().flat_map(|tools| &tools.etcd_endpoints).flat_map(of_errors);
    let mut found: Vec<EtcdAlarm> = Vec::new();
    for alarm in listed.chain(of_status) {
        let is_known = |known: &EtcdAlarm| known.member == alarm.member && known.alarm == alarm.alarm;
        if !found.iter().any(is_known) {
            found.push(alarm);
        }
    }
    found
}

/// `memberID:8799800617624032528 alarm:NOSPACE` among the errors of an endpoint.
fn of_errors(endpoint: &EtcdEndpoint) -> Vec<EtcdAlarm> {
    let words: Vec<&str> = endpoint.errors.split([' ', ',', '[', ']']).collect();
    let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
    let pairs = words.iter().zip(words.iter().skip(1));
    pairs
        .filter_map(|(member, alarm)| {
            Some(EtcdAlarm {
                member: format!("{:x}", member.strip_prefix("memberID:")?.parse::<u64>().ok()?),
                alarm: alarm.strip_prefix("alarm:")?.to_owned(),
                cite: endpoint.cite.clone(),
            })
        })
        .collect()
}

/// The member behind an endpoint, by its id or its client address; called like the endpoint where the member list is not known.
pub fn member_at(snapshot: &Snapshot, endpoint: &EtcdEndpoint) -> Subject {
    let is_it = |member: &&EtcdMember| {
        (!endpoint.id.is_empty() && member.id == endpoint.id)
            || member
                .client_urls
                .iter()
                .any(|url| bare(url) == bare(&endpoint.endpoint))
    };
    let name = members(snapshot)
        .into_iter()
        .find(is_it)
        .map_or_else(|| bare(&endpoint.endpoint).to_owned(), |member| member.name.clone());
    subject(snapshot, &name)
}

/// A member as a subject, on the node that is called like it (etcd's `--name`; RKE2 and k3s add eight digits: `node-1a2b3c4d`).
pub fn subject(snapshot: &Snapshot, name: &str) -> Subject {
    let is_its = |node: &&String| {
        name == node.as_str()
            || name
                .strip_prefix(node.as_str())
                .and_then(|rest| rest.strip_prefix('-'))
                .is_some_and(|rest| rest.len() == 8 && rest.bytes().all(|byte| byte.is_ascii_hexdigit()))
            || name.strip_prefix("etcd-") == Some(node.as_str())
    };
    let names = snapshot.node_names();
    let node = names.iter().find(is_its).map_or("", String::as_str);
    Subject::on_node("EtcdMember", name, node)
}

/// The quota that a member was given (`--quota-backend-bytes`), where its process, its pod or its container shows it.
pub fn quota(snapshot: &Snapshot) -> Option<u64> {
    const FLAG: &str = "--quota-backend-bytes";
    let mut hosts = snapshot.hosts.iter();
    let of_process = hosts.find_map(|host| host.tools.argument("etcd", FLAG)?.0.parse().ok());
    of_process.or_else(|| {
        snapshot
            .pods()
            .flat_map(|pod| pod.containers())
            .filter_map(|container| container.spec)
            .flat_map(|spec| [spec.get("command"), spec.get("args")])
            .flatten()
            .filter_map(|words| words.as_array())
            .flatten()
            .filter_map(|word| word.as_str()?.strip_prefix(FLAG)?.strip_prefix('='))
            .find_map(|value| value.parse().ok())
    })
}

/// A number that some tool of a machine printed, by its dotted name, with the machine's node.
pub fn numbers<'s>(snapshot: &'s Snapshot, key: &'s str) -> impl Iterator<Item = (String, f64, &'s Citation)> {
    snapshot.hosts.iter().filter_map(move |host| {
        let (value, cite) = host.values.get(key)?;
        let number = if value == "inf" {
            f64::INFINITY
        } else {
            value.parse().ok()?
        };
        Some((host.node_name().to_owned(), number, cite))
    })
}

fn bare(endpoint: &str) -> &str {
    endpoint.trim_start_matches("https://").trim_start_matches("http://")
}

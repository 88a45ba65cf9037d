//! Whom an application means by the peer that it names: a Service of the cluster and the workloads behind it, or something outside.

use std::collections::{BTreeMap, BTreeSet};

use super::references::{Resolved, references};
use super::services::{
    Fit, backends, container_ports, fit, is_endpoint, same_namespace, selector, service, services_in,
};
use super::speakers::is_name_service;
use crate::cluster::{Object, Snapshot};
use crate::model::Subject;

/// Ports that data stores listen on by default, as their own documents give them.
const STORE_PORTS: [u16; 16] = [
    5432, 5433, 6432, 3306, 3307, 33060, 27017, 27018, 6379, 26379, 1433, 1521, 9042, 5672, 9092, 9200,
];

/// A peer as an application writes it, taken apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Peer {
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: Option<u16>,
}

impl Peer {
    /// From `host`, `host:port`, `[v6]:port`, `tcp://host:port/path`, `host/10.0.0.7:5432` (netty), and a port given apart.
    pub fn parse(text: &str, port: Option<&str>) -> Self {
        let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
        // Node.js writes the loopback address of IPv6 without brackets before a port.
        if let Some(port) = rest.strip_prefix("::1:").and_then(|port| port.parse().ok()) {
            return Self {
                host: "::1".to_owned(),
                port: Some(port),
            };
        }
        // Java writes `name/address:port`; the name is what a person configured, and is left out when there is none.
        let (named, address) = rest.split_once('/').unwrap_or((rest, ""));
        let rest = if named.is_empty() { address } else { named };
        let split = |text: &str| -> (String, Option<u16>) {
            match text.rsplit_once(':') {
                Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
                    (host.trim_matches(['[', ']']).to_owned(), port.parse().ok())
                }
                _ => (text.trim_matches(['[', ']']).to_owned(), None),
            }
        };
        let (host, own_port) = split(rest);
        let port = own_port.or_else(|| split(address).1).or_else(|| port?.parse().ok());
        Self {
            host: host.trim_end_matches('.').to_owned(),
            port,
        }
    }

    /// `host:port`, or as much of it as is known.
    pub fn shown(&self) -> String {
        match self.port {
            Some(port) => format!("{}:{port}", self.host),
            None => self.host.clone(),
        }
    }

    /// True for the machine, or pod, itself.
    pub fn is_local(&self) -> bool {
        self.host == "localhost" || self.host == "::1" || self.host.starts_with("127.")
    }

    /// True for the API server, as programs of the cluster call it: on the machine itself, or by its Service, which has the first address
    /// of the Services' range (kubernetes pkg/controlplane/instance.go, `ServiceIPRange`).
    pub fn is_api_server(&self) -> bool {
        let is_first = || {
            self.port == Some(443)
                && self.host.parse::<std::net::Ipv4Addr>().is_ok_and(|address| {
                    let [_, _, third, last] = address.octets();
                    address.is_private() && (third, last) == (0, 1)
                })
        };
        self.port == Some(6443)
            || self.host == "kubernetes"
            || self.host.starts_with("kubernetes.default")
            || is_first()
    }

    /// True when the port or the name is a database's, a cache's or a broker's.
    pub fn is_data_store(&self) -> bool {
        self.port.is_some_and(|port| STORE_PORTS.contains(&port))
            || super::speakers::is_data_store(self.host.split('.').next().unwrap_or(""))
    }

    /// True for an address instead of a name.
    pub fn is_address(&self) -> bool {
        self.host.parse::<std::net::IpAddr>().is_ok()
    }
}

/// The objects of the cluster that a peer stands for: its Service, then the workloads behind it. Empty for what is outside or local.
pub fn objects_of(snapshot: &Snapshot, namespace: &str, peer: &Peer) -> Vec<Subject> {
    if peer.host.is_empty() || peer.is_local() {
        return Vec::new();
    }
    if let Some(ingress) = ingress_of(snapshot, &peer.host) {
        return ingress;
    }
    if peer.is_address() {
        return by_address(snapshot, namespace, peer);
    }
    let mut labels = peer.host.split('.');
    let name = labels.next().unwrap_or("");
    let second = labels.next();
    // `mysql-0.mysql`, `mysql-0.mysql.shop.svc`: a pod of a headless Service.
    let home = labels.next().filter(|_| labels.next() == Some("svc"));
    let is_home = |found: &str| home.is_none_or(|wanted| found.is_empty() || found == wanted);
    if let Some(pod) = snapshot
        .pods()
        .find(|pod| pod.name() == name && is_home(pod.namespace()))
        && second.is_some()
    {
        return vec![snapshot.top_owner(pod.object)];
    }
    let is_wanted = |found: &str| match second {
        Some(wanted) => found.is_empty() || found == wanted,
        None => same_namespace(found, namespace),
    };
    match snapshot
        .kind("Service")
        .find(|service| service.key.name == name && is_wanted(&service.key.namespace))
    {
        Some(service) => {
            let mut found = vec![service.subject()];
            found.extend(behind(snapshot, &service.key.namespace, name));
            found
        }
        None => workloads_called(snapshot, second.unwrap_or(namespace), name),
    }
}

/// Of the objects that a peer stands for, the one that a person would mend: a workload or an Ingress, else the Service that is all that is
/// known of it.
pub fn mendable(called: &[Subject]) -> Option<&Subject> {
    called
        .iter()
        .find(|object| object.kind != "Service")
        .or_else(|| called.first())
}

/// The Service that a peer's name means: namespace and name, whether it is there or not. None for addresses, for what is outside, and
/// where no Service of that namespace was collected.
pub fn service_meant(snapshot: &Snapshot, namespace: &str, peer: &Peer) -> Option<(String, String)> {
    if peer.host.is_empty() || peer.is_local() || peer.is_address() {
        return None;
    }
    let labels: Vec<&str> = peer.host.split('.').collect();
    let (name, namespace) = match labels.as_slice() {
        [name] => (*name, namespace),
        [name, second] => (*name, *second),
        [name, second, "svc", ..] => (*name, *second),
        _ => return None,
    };
    services_in(snapshot, namespace).next()?;
    Some((namespace.to_owned(), name.to_owned()))
}

/// What stands for the cluster's name service: its Service, and the workloads that serve or should serve it.
pub fn name_service(snapshot: &Snapshot) -> Vec<Subject> {
    let is_at_home = |namespace: &str| matches!(namespace, "" | "kube-system" | "openshift-dns");
    let is_called_so = |name: &str| name.contains("coredns") || name.starts_with("kube-dns");
    let mut found: Vec<Subject> = ["Service", "Deployment", "DaemonSet"]
        .iter()
        .flat_map(|kind| snapshot.kind(kind))
        .filter(|object| {
            is_at_home(&object.key.namespace)
                && (object.text("/metadata/labels/k8s-app") == "kube-dns" || is_called_so(&object.key.name))
                && !object.key.name.contains("autoscaler")
        })
        .map(Object::subject)
        .collect();
    for pod in snapshot.pods().filter(is_name_service) {
        let owner = snapshot.top_owner(pod.object);
        if !found.contains(&owner) {
            found.push(owner);
        }
    }
    found
}

/// What a workload's settings say that it calls: Services of the cluster, and the workloads behind them.
pub fn dependencies(snapshot: &Snapshot, workload: &Subject) -> Vec<Subject> {
    let mut found = Vec::new();
    for reference in references(snapshot)
        .iter()
        .filter(|reference| reference.workload == *workload)
    {
        if let Resolved::Service(service) = reference.resolve(snapshot) {
            found.push(service.subject());
            found.extend(behind(snapshot, &service.key.namespace, &service.key.name));
        }
    }
    found
}

/// What stands behind the host of an Ingress: the Ingress itself, its certificates' Secrets, its Services. None when no Ingress has it.
fn ingress_of(snapshot: &Snapshot, host: &str) -> Option<Vec<Subject>> {
    if !host.contains('.') {
        return None;
    }
    let has_host = |ingress: &&Object| {
        ingress
            .list("/spec/rules")
            .iter()
            .any(|rule| rule.get("host").and_then(|host| host.as_str()) == Some(host))
    };
    let ingress = snapshot.kind("Ingress").find(has_host)?;
    let mut found = vec![ingress.subject()];
    for tls in ingress.list("/spec/tls") {
        let is_for = tls
            .get("hosts")
            .and_then(|hosts| hosts.as_array())
            .is_none_or(|hosts| hosts.iter().any(|known| known.as_str() == Some(host)));
        if let (true, Some(name)) = (is_for, tls.get("secretName").and_then(|name| name.as_str())) {
            found.push(Subject::namespaced("Secret", &ingress.key.namespace, name));
        }
    }
    Some(found)
}

fn by_address(snapshot: &Snapshot, namespace: &str, peer: &Peer) -> Vec<Subject> {
    let address = peer.host.as_str();
    if let Some(service) = snapshot
        .kind("Service")
        .find(|service| service.text("/spec/clusterIP") == address)
    {
        let mut found = vec![service.subject()];
        found.extend(behind(snapshot, &service.key.namespace, &service.key.name));
        return found;
    }
    let of_pods: Vec<Subject> = snapshot
        .pods()
        .filter(|pod| pod.object.text("/status/podIP") == address)
        .map(|pod| snapshot.top_owner(pod.object))
        .collect();
    match peer.port {
        Some(port) if of_pods.is_empty() && services_in(snapshot, namespace).next().is_none() => {
            by_port(snapshot, namespace, port)
        }
        _ => of_pods,
    }
}

/// True for an address out of the pods' own ranges that no pod has, though something in the client's namespace serves that port at another
/// address: who calls it holds on to the address of a pod that is gone.
pub fn is_of_gone_pod(snapshot: &Snapshot, namespace: &str, peer: &Peer) -> bool {
    let range = |address: &str| address.rsplit_once('.').map(|(range, _)| range.to_owned());
    let (Some(own), Some(port)) = (range(&peer.host).filter(|_| peer.is_address()), peer.port) else {
        return false;
    };
    let port = format!(":{port}");
    let addresses: Vec<&str> = snapshot.pods().map(|pod| pod.object.text("/status/podIP")).collect();
    let is_node = snapshot.kind("Node").any(|node| has_address(node, &peer.host));
    let is_near = addresses.iter().any(|address| range(address).as_ref() == Some(&own));
    let serves_port = |endpoints: &Object| {
        let subsets = endpoints.list("/subsets").iter();
        let mut ports = subsets.filter_map(|subset| subset.get("ports")?.as_array()).flatten();
        ports.any(|entry| entry.get("port").is_some_and(|number| port == format!(":{number}")))
    };
    let mut served = snapshot
        .kind("Endpoints")
        .filter(|endpoints| same_namespace(&endpoints.key.namespace, namespace));
    let mut described = services_in(snapshot, namespace)
        .flat_map(|service| service.list("/casefileEndpoints"))
        .filter_map(|endpoint| endpoint.as_str());
    is_near
        && !is_node
        && !addresses.contains(&peer.host.as_str())
        && (served.any(serves_port) || described.any(|endpoint| endpoint.ends_with(&port)))
}

/// The node that an address of a pod belongs to, where no pod with it was collected: by where all pods of the same 256 addresses run,
/// provided that every such range of the bundle is of one node, else by the node's own range.
pub fn node_of_address<'s>(snapshot: &'s Snapshot, address: &str) -> Option<&'s str> {
    let (prefix, _) = address.rsplit_once('.')?;
    // Calico takes ranges from its pool at will, so what runs comes before what `podCIDR` says.
    let mut ranges: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for pod in snapshot.pods() {
        let own = pod.object.text("/status/podIP");
        let of_host = pod.object.text("/status/hostIP") == own
            || snapshot.kind("Node").any(|node| has_address(node, own))
            || pod.object.get("/spec/hostNetwork").is_some();
        if let Some((range, _)) = own.rsplit_once('.').filter(|_| !of_host && !pod.node().is_empty()) {
            ranges.entry(range).or_default().insert(pod.node());
        }
    }
    if ranges.values().all(|nodes| nodes.len() == 1)
        && let Some(node) = ranges.get(prefix).and_then(|nodes| nodes.first())
    {
        return Some(node);
    }
    snapshot
        .kind("Node")
        .find(|node| node.text("/spec/podCIDR").strip_suffix(".0/24") == Some(prefix))
        .map(|node| node.key.name.as_str())
}

fn has_address(node: &Object, address: &str) -> bool {
    node.list("/status/addresses")
        .iter()
        .any(|known| known.get("address").and_then(|known| known.as_str()) == Some(address))
}

/// Where no Service was collected, an address tells nothing; the only workload that serves the port, or the only Endpoints that have it,
/// are what is meant.
fn by_port(snapshot: &Snapshot, namespace: &str, port: u16) -> Vec<Subject> {
    if COMMON_PORTS.contains(&port) {
        return Vec::new();
    }
    let mut found: Vec<Subject> = backends(snapshot, namespace)
        .into_iter()
        .filter(|backend| {
            container_ports(backend.containers)
                .iter()
                .any(|(_, number, _)| *number == i64::from(port))
        })
        .map(|backend| backend.subject)
        .collect();
    for endpoints in snapshot
        .kind("Endpoints")
        .filter(|endpoints| same_namespace(&endpoints.key.namespace, namespace))
    {
        let has_port = endpoints.list("/subsets").iter().any(|subset| {
            let ports = subset.get("ports").and_then(|ports| ports.as_array());
            ports
                .into_iter()
                .flatten()
                .any(|entry| entry.get("port").and_then(|number| number.as_i64()) == Some(i64::from(port)))
        });
        if has_port {
            found.extend(workloads_called(snapshot, namespace, &endpoints.key.name));
        }
    }
    found.sort();
    found.dedup();
    if found.len() == 1 { found } else { Vec::new() }
}

/// Ports that too many things listen on to tell one by them.
const COMMON_PORTS: [u16; 7] = [80, 443, 8000, 8080, 8081, 8443, 9090];

/// What operators and charts add to the name of what they run, in the names of its Services (cloudnative-pg.io "Service management",
/// strimzi.io `-kafka-bootstrap`, elastic.co ECK `-es-http`, zalando postgres-operator `-repl`, mongodb-kubernetes-operator `-svc`, bitnami
/// charts `-primary`, `-master`, `-hl`, minio `-hl`).
const ROLES: [&str; 18] = [
    "-kafka-bootstrap",
    "-es-http",
    "-bootstrap",
    "-headless",
    "-internal",
    "-primary",
    "-replicas",
    "-service",
    "-leader",
    "-master",
    "-client",
    "-repl",
    "-http",
    "-svc",
    "-hl",
    "-rw",
    "-ro",
    "-r",
];

/// The workloads that a Service selects; where the form of the Service shows no selector, those whose pods are its endpoints, and those
/// of its name.
pub fn behind(snapshot: &Snapshot, namespace: &str, name: &str) -> Vec<Subject> {
    let selected: Vec<Subject> = snapshot
        .object("Service", namespace, name)
        .and_then(selector)
        .map(|labels| {
            backends(snapshot, namespace)
                .into_iter()
                .filter(|backend| fit(labels, backend) == Fit::Selected)
                .map(|backend| backend.subject)
                .collect()
        })
        .unwrap_or_default();
    if !selected.is_empty() {
        return selected;
    }
    let mut answering: Vec<Subject> = service(snapshot, namespace, name)
        .map(|service| {
            snapshot
                .pods()
                .filter(|pod| same_namespace(pod.namespace(), namespace) && is_endpoint(snapshot, service, pod.object))
                .map(|pod| snapshot.top_owner(pod.object))
                .collect()
        })
        .unwrap_or_default();
    answering.sort();
    answering.dedup();
    let called = workloads_called(snapshot, namespace, name);
    if !answering.is_empty() || !called.is_empty() {
        answering.extend(
            called
                .into_iter()
                .filter(|workload| !answering.contains(workload))
                .collect::<Vec<_>>(),
        );
        return answering;
    }
    let base = ROLES.iter().find_map(|role| name.strip_suffix(role));
    base.map(|base| workloads_called(snapshot, namespace, base))
        .unwrap_or_default()
}

/// The workloads of this name.
pub fn workloads_called(snapshot: &Snapshot, namespace: &str, name: &str) -> Vec<Subject> {
    let mut found: Vec<Subject> = ["Deployment", "StatefulSet", "DaemonSet"]
        .iter()
        .flat_map(|kind| snapshot.kind(kind))
        .filter(|object| object.key.name == name && same_namespace(&object.key.namespace, namespace))
        .map(|object| object.subject())
        .collect();
    for owner in snapshot.pods().map(|pod| snapshot.top_owner(pod.object)) {
        if owner.name == name && same_namespace(&owner.namespace, namespace) && !found.contains(&owner) {
            found.push(owner);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::Peer;

    #[test]
    fn peers_are_taken_apart_as_applications_write_them() {
        for (text, port, host, number) in [
            ("10.96.0.7:5432", None, "10.96.0.7", Some(5432)),
            ("cart", Some("8080"), "cart", Some(8080)),
            ("fastcgi://127.0.0.1:9000", None, "127.0.0.1", Some(9000)),
            ("orders-db/10.96.0.7:5432", None, "orders-db", Some(5432)),
            ("/10.96.0.7:5432", None, "10.96.0.7", Some(5432)),
            ("[fd00::7]:80", None, "fd00::7", Some(80)),
            ("fd00::7", None, "fd00::7", None),
            ("::1:9092", None, "::1", Some(9092)),
            (
                "redis.cache.svc.cluster.local.",
                None,
                "redis.cache.svc.cluster.local",
                None,
            ),
        ] {
            let peer = Peer::parse(text, port);
            assert_eq!((peer.host.as_str(), peer.port), (host, number), "{text}");
        }
    }
}

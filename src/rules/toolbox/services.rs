//! Services: what they select, which ports they offer, whether anything answers behind them.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::bundle::decode::Form;
use crate::cluster::{Object, PodView, Snapshot};
use crate::model::{Citation, Subject};

/// A set of labels that a selector is compared with.
pub type Labels = Map<String, Value>;

/// Something that a Service may select: a workload's pod template, or a pod that nothing owns.
#[derive(Debug, Clone)]
pub struct Backend<'s> {
    /// The top owner.
    pub subject: Subject,
    /// The object that shows the labels.
    pub object: &'s Object,
    /// Labels of its pods.
    pub labels: &'s Labels,
    /// Where they stand in the object.
    pub labels_at: &'static str,
    /// True when `labels` is every label, false when only those are known that the workload itself selects by.
    pub complete: bool,
    /// Its containers.
    pub containers: &'s [Value],
    /// Where they stand in the object.
    pub containers_at: &'static str,
}

/// How labels meet a selector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// Every pair is there.
    Selected,
    /// At least one pair is missing or differs.
    Refused,
    /// Not all labels are known.
    Unknown,
}

/// One port of a Service.
#[derive(Debug, Clone)]
pub struct ServicePort<'s> {
    /// Its index in the list.
    pub index: usize,
    /// Name; empty when none is given.
    pub name: &'s str,
    /// The port that clients use.
    pub port: i64,
    /// `TCP`, `UDP`, `SCTP`.
    pub protocol: &'s str,
    /// Where it leads; none when the form of the Service does not say.
    pub target: Option<Target<'s>>,
}

/// A target port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target<'s> {
    /// A number.
    Number(i64),
    /// The name of a container's port.
    Name(&'s str),
}

/// What stands behind a Service.
#[derive(Debug, Clone)]
pub struct Answering {
    /// Addresses that are ready.
    pub ready: usize,
    /// Addresses that are not.
    pub not_ready: usize,
    /// Ports of the addresses.
    pub ports: Vec<i64>,
    /// Where this was read.
    pub cite: Citation,
}

/// The Service's selector; none for Services without one, whose endpoints are made by hand.
pub fn selector(service: &Object) -> Option<&Labels> {
    (service.text("/spec/type") != "ExternalName")
        .then(|| service.get("/spec/selector")?.as_object().filter(|map| !map.is_empty()))
        .flatten()
}

/// True for a Service without an address of its own.
pub fn is_headless(service: &Object) -> bool {
    service.text("/spec/clusterIP") == "None"
}

/// The Service's ports.
pub fn ports(service: &Object) -> Vec<ServicePort<'_>> {
    let text = |value: &'_ Value, key: &str| value.get(key).and_then(Value::as_str).map(ToOwned::to_owned);
    service
        .list("/spec/ports")
        .iter()
        .enumerate()
        .filter_map(|(index, value)| {
            let port = value.get("port")?.as_i64()?;
            let target = match value.get("targetPort") {
                Some(Value::Number(number)) => number.as_i64().map(Target::Number),
                Some(Value::String(name)) => Some(name.parse().map_or(Target::Name(name), Target::Number)),
                // The API fills the field in; a table never shows it.
                _ => (service.form != Form::Row).then_some(Target::Number(port)),
            };
            let protocol = match text(value, "protocol").as_deref() {
                Some("UDP") => "UDP",
                Some("SCTP") => "SCTP",
                _ => "TCP",
            };
            Some(ServicePort {
                index,
                name: value.get("name").and_then(Value::as_str).unwrap_or(""),
                port,
                protocol,
                target,
            })
        })
        .collect()
}

/// True unless both are known and differ: a table of one namespace does not name it.
pub fn same_namespace(a: &str, b: &str) -> bool {
    a == b || a.is_empty() || b.is_empty()
}

/// The Service of this name in a namespace.
pub fn service<'s>(snapshot: &'s Snapshot, namespace: &str, name: &str) -> Option<&'s Object> {
    snapshot.object("Service", namespace, name).or_else(|| {
        snapshot
            .kind("Service")
            .find(|service| service.key.name == name && same_namespace(&service.key.namespace, namespace))
    })
}

/// How many Services of a namespace were seen.
pub fn services_in<'s>(snapshot: &'s Snapshot, namespace: &'s str) -> impl Iterator<Item = &'s Object> {
    snapshot
        .kind("Service")
        .filter(move |service| same_namespace(&service.key.namespace, namespace))
}

/// Everything in a namespace that a Service could select.
pub fn backends<'s>(snapshot: &'s Snapshot, namespace: &str) -> Vec<Backend<'s>> {
    let mut found = Vec::new();
    for kind in ["Deployment", "StatefulSet", "DaemonSet", "ReplicationController"] {
        for object in snapshot
            .kind(kind)
            .filter(|object| same_namespace(&object.key.namespace, namespace))
        {
            let template = map(object, "/spec/template/metadata/labels");
            let (labels, labels_at, complete) = match (template, map(object, "/spec/selector/matchLabels")) {
                (Some(labels), _) => (labels, "/spec/template/metadata/labels", true),
                (None, Some(labels)) => (labels, "/spec/selector/matchLabels", false),
                (None, None) => continue,
            };
            found.push(Backend {
                subject: object.subject(),
                object,
                labels,
                labels_at,
                complete,
                containers: object.list("/spec/template/spec/containers"),
                containers_at: "/spec/template/spec/containers",
            });
        }
    }
    for pod in snapshot
        .pods()
        .filter(|pod| same_namespace(pod.namespace(), namespace) && !pod.is_terminating() && pod.phase() != "Succeeded")
    {
        let Some(labels) = map(pod.object, "/metadata/labels") else {
            continue;
        };
        let subject = snapshot.top_owner(pod.object);
        // The operator of a custom resource makes pods of several roles, each with its own labels.
        let is_built_in = matches!(
            subject.kind.as_str(),
            "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicationController" | "ReplicaSet" | "Job" | "CronJob"
        );
        // A pod knows more than a workload of which only a row was seen.
        if let Some(known) = found.iter_mut().find(|known: &&mut Backend<'_>| {
            known.subject == subject && (is_built_in || is_same_role(known.labels, labels))
        }) {
            if known.complete && !known.containers.is_empty() {
                continue;
            }
            *known = of_pod(subject, pod.object, labels);
        } else {
            found.push(of_pod(subject, pod.object, labels));
        }
    }
    found
}

/// True when two pods of one owner differ only in labels that name the pod itself or its revision.
fn is_same_role(a: &Labels, b: &Labels) -> bool {
    const OF_ONE_POD: [&str; 5] = ["name", "hash", "index", "ordinal", "revision"];
    let is_of_role = |key: &str| !OF_ONE_POD.iter().any(|word| key.ends_with(word) && key.contains('-'));
    let roles = |labels: &Labels| -> BTreeMap<String, Value> {
        labels
            .iter()
            .filter(|(key, _)| is_of_role(key))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()
    };
    roles(a) == roles(b)
}

fn of_pod<'s>(subject: Subject, object: &'s Object, labels: &'s Labels) -> Backend<'s> {
    Backend {
        subject,
        object,
        labels,
        labels_at: "/metadata/labels",
        complete: true,
        containers: object.list("/spec/containers"),
        containers_at: "/spec/containers",
    }
}

fn map<'s>(object: &'s Object, pointer: &str) -> Option<&'s Labels> {
    object.get(pointer)?.as_object().filter(|map| !map.is_empty())
}

/// Compares labels with a selector of equalities.
pub fn fit(selector: &Labels, backend: &Backend<'_>) -> Fit {
    let mut unknown = false;
    for (key, wanted) in selector {
        match backend.labels.get(key) {
            Some(value) if value == wanted => {}
            None if !backend.complete || is_set_at_run_time(key) => unknown = true,
            _ => return Fit::Refused,
        }
    }
    if unknown { Fit::Unknown } else { Fit::Selected }
}

/// True for what stands before others and answers for them, by its name.
pub fn is_in_between(name: &str) -> bool {
    const WORDS: [&str; 14] = [
        "collector",
        "envoy",
        "gateway",
        "gw",
        "haproxy",
        "nginx",
        "opensearch",
        "otel",
        "pgbouncer",
        "pgpool",
        "proxy",
        "proxysql",
        "thanos",
        "valkey",
    ];
    name.split('-').any(|word| WORDS.contains(&word))
}

/// True for labels that no template has: controllers, the scheduler's world and meshes set them on pods and endpoints
/// (kubernetes.io/docs/reference/labels-annotations-taints; istio.io/docs/reference/config/labels).
fn is_set_at_run_time(key: &str) -> bool {
    const KEYS: [&str; 6] = [
        "apps.kubernetes.io/pod-index",
        "controller-revision-hash",
        "kubernetes.io/hostname",
        "pod-template-generation",
        "pod-template-hash",
        "statefulset.kubernetes.io/pod-name",
    ];
    let of_mesh = key.split('/').next().is_some_and(|domain| domain.ends_with("istio.io"));
    KEYS.contains(&key) || of_mesh || key.starts_with("topology.kubernetes.io/")
}

/// True when something in the namespace could show which labels its pods have, and nothing in it is left out.
///
/// A table of pods without their labels, beside no workload that would show them, leaves the question open.
pub fn labels_are_known(snapshot: &Snapshot, namespace: &str, backends: &[Backend<'_>]) -> bool {
    !backends.is_empty()
        && snapshot
            .pods()
            .filter(|pod| same_namespace(pod.namespace(), namespace) && !pod.is_terminating())
            .all(|pod| {
                let owner = snapshot.top_owner(pod.object);
                pod.phase() == "Succeeded" || backends.iter().any(|backend| backend.subject == owner)
            })
}

/// What the endpoints of a Service are, as far as any form of them was seen.
pub fn answering(snapshot: &Snapshot, service: &Object) -> Option<Answering> {
    let key = &service.key;
    of_slices(snapshot, service)
        .or_else(|| {
            snapshot
                .object("Endpoints", &key.namespace, &key.name)
                .and_then(of_endpoints)
        })
        .or_else(|| of_description(service))
}

fn of_endpoints(endpoints: &Object) -> Option<Answering> {
    // Without the key `subsets` an object in the API's form has no address; a poorer form must have shown the cell.
    if endpoints.get("/subsets").is_none() && endpoints.form != Form::Api {
        return None;
    }
    let mut found = Answering {
        ready: 0,
        not_ready: 0,
        ports: Vec::new(),
        cite: endpoints.cite_at("/subsets"),
    };
    for subset in endpoints.list("/subsets") {
        let count = |key: &str| subset.get(key).and_then(Value::as_array).map_or(0, Vec::len);
        found.ready += count("addresses");
        found.not_ready += count("notReadyAddresses");
        found.ports.extend(numbers(subset.get("ports")));
    }
    Some(found)
}

/// The EndpointSlices of a Service.
fn slices<'s>(snapshot: &'s Snapshot, service: &'s Object) -> impl Iterator<Item = &'s Object> {
    let is_of_service = |slice: &&Object| {
        let named = slice.text("/metadata/labels/kubernetes.io~1service-name");
        // A table shows no label; the controller's generated names are the Service's with five characters more.
        let by_name = named.is_empty()
            && slice
                .key
                .name
                .strip_prefix(service.key.name.as_str())
                .is_some_and(|rest| rest.len() == 6 && rest.starts_with('-'));
        same_namespace(&slice.key.namespace, &service.key.namespace) && (named == service.key.name || by_name)
    };
    snapshot.kind("EndpointSlice").filter(is_of_service)
}

fn of_slices(snapshot: &Snapshot, service: &Object) -> Option<Answering> {
    let mut found: Option<Answering> = None;
    for slice in slices(snapshot, service) {
        let found = found.get_or_insert_with(|| Answering {
            ready: 0,
            not_ready: 0,
            ports: Vec::new(),
            cite: slice.cite_at("/endpoints"),
        });
        for endpoint in slice.list("/endpoints") {
            let is_ready = endpoint.pointer("/conditions/ready").and_then(Value::as_bool) != Some(false);
            if is_ready {
                found.ready += 1
            } else {
                found.not_ready += 1
            }
        }
        found.ports.extend(numbers(slice.get("/ports")));
    }
    found
}

fn of_description(service: &Object) -> Option<Answering> {
    let list = service.get("/casefileEndpoints")?.as_array()?;
    let ports = list
        .iter()
        .filter_map(|endpoint| endpoint.as_str()?.rsplit_once(':')?.1.parse().ok())
        .collect();
    Some(Answering {
        ready: list.len(),
        not_ready: 0,
        ports,
        cite: service.cite_at("/casefileEndpoints"),
    })
}

/// Workloads of which no label was seen, with those that their Service selects by: its endpoints hold the pods' addresses.
///
/// Tables show no labels, and `kubectl get svc -o wide` shows the selector.
pub fn selected_by_endpoint<'s>(snapshot: &'s Snapshot, namespace: &'s str, known: &[Backend<'_>]) -> Vec<Backend<'s>> {
    let mut found: Vec<Backend<'s>> = Vec::new();
    for service in services_in(snapshot, namespace) {
        let Some(labels) = selector(service) else { continue };
        let in_reach = |pod: &PodView<'_>| same_namespace(pod.namespace(), &service.key.namespace);
        for pod in snapshot
            .pods()
            .filter(in_reach)
            .filter(|pod| is_endpoint(snapshot, service, pod.object))
        {
            let subject = snapshot.top_owner(pod.object);
            if known.iter().any(|backend| backend.subject == subject)
                || found.iter().any(|backend| backend.subject == subject)
            {
                continue;
            }
            found.push(Backend {
                subject,
                object: service,
                labels,
                labels_at: "/spec/selector",
                complete: false,
                containers: pod.object.list("/spec/containers"),
                containers_at: "/spec/containers",
            });
        }
    }
    found
}

/// True when a pod's address is among the endpoints of a Service: then it stands behind it, whatever the form shows of selectors.
pub fn is_endpoint(snapshot: &Snapshot, service: &Object, pod: &Object) -> bool {
    let address = pod.text("/status/podIP");
    if address.is_empty() || pod.key.kind != "Pod" {
        return false;
    }
    let key = &service.key;
    let is_listed = |endpoints: &Object| {
        endpoints
            .list("/subsets")
            .iter()
            .filter_map(|subset| subset.get("addresses")?.as_array())
            .flatten()
            .any(|found| found.get("ip").and_then(Value::as_str) == Some(address))
    };
    let is_sliced = || {
        let endpoints = slices(snapshot, service).flat_map(|slice| slice.list("/endpoints"));
        endpoints
            .filter_map(|endpoint| endpoint.get("addresses")?.as_array())
            .flatten()
            .any(|found| found.as_str() == Some(address))
    };
    let is_described = || {
        service.list("/casefileEndpoints").iter().any(|endpoint| {
            let text = endpoint.as_str().unwrap_or("");
            text.rsplit_once(':').map_or(text, |(found, _)| found) == address
        })
    };
    snapshot
        .object("Endpoints", &key.namespace, &key.name)
        .is_some_and(is_listed)
        || is_sliced()
        || is_described()
}

fn numbers(ports: Option<&Value>) -> impl Iterator<Item = i64> + '_ {
    ports
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|port| port.get("port")?.as_i64())
}

/// `app=web,tier=front`.
pub fn shown(labels: &Labels) -> String {
    let pairs: Vec<String> = labels
        .iter()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or("")))
        .collect();
    pairs.join(",")
}

/// The ports that a container declares: name, number, protocol.
pub fn container_ports(containers: &[Value]) -> Vec<(&str, i64, &str)> {
    containers
        .iter()
        .filter_map(|container| container.get("ports")?.as_array())
        .flatten()
        .filter_map(|port| {
            let text = |key: &str| port.get(key).and_then(Value::as_str).unwrap_or("");
            let protocol = if text("protocol").is_empty() {
                "TCP"
            } else {
                text("protocol")
            };
            Some((text("name"), port.get("containerPort")?.as_i64()?, protocol))
        })
        .collect()
}

/// True when two names differ by a slip of the hand: at most two letters, or one is the other with a part more.
pub fn is_near(a: &str, b: &str) -> bool {
    if a == b || a.is_empty() || b.is_empty() {
        return a == b;
    }
    let parts = |text: &str| text.split(['-', '_', '.']).map(str::to_owned).collect::<Vec<_>>();
    let (of_a, of_b) = (parts(a), parts(b));
    let contained = of_a.iter().all(|part| of_b.contains(part)) || of_b.iter().all(|part| of_a.contains(part));
    contained || (a.len().min(b.len()) >= 4 && distance(a, b) <= 2)
}

/// True for `seat-map` and `seatmap-api`: the same letters, cut into parts elsewhere, and perhaps a part more.
pub fn is_cut_otherwise(a: &str, b: &str) -> bool {
    const LEAST: usize = 5;
    let joined = |text: &str| text.replace(['-', '_', '.'], "");
    let (a, b) = (joined(a), joined(b));
    a.len().min(b.len()) >= LEAST && (a.starts_with(&b) || b.starts_with(&a))
}

/// Levenshtein's distance; names are at most 63 bytes (RFC 1123), longer texts are far apart.
fn distance(a: &str, b: &str) -> usize {
    if a.len() > 63 || b.len() > 63 {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut next = vec![i + 1];
        for (j, y) in b.bytes().enumerate() {
            let at = |row: &[usize], index: usize| row.get(index).copied().unwrap_or(usize::MAX / 2);
            let best = (at(&row, j) + usize::from(x != y))
                .min(at(&row, j + 1) + 1)
                .min(at(&next, j) + 1);
            next.push(best);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::is_near;

    #[test]
    fn a_slip_of_the_hand_is_near_and_another_name_is_not() {
        for (a, b) in [
            ("web", "web-v2"),
            ("points", "points-api"),
            ("mysql", "mysqll"),
            ("frontend", "fronted"),
        ] {
            assert!(is_near(a, b), "{a} {b}");
        }
        for (a, b) in [("web", "api"), ("cart", "card-db"), ("redis", "mysql")] {
            assert!(!is_near(a, b), "{a} {b}");
        }
    }
}

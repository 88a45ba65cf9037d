//! Which Services the settings of workloads name: environment variables, arguments, values of the ConfigMaps that they use.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use super::services::{same_namespace, service};
use crate::cluster::{Object, ObjectKey, Snapshot};
use crate::model::{Citation, Subject, escaped};

/// A setting that names a host.
#[derive(Debug, Clone)]
pub struct Reference {
    /// Who has the setting.
    pub workload: Subject,
    /// Namespace in which short names are looked up.
    pub namespace: String,
    /// The object that holds the setting: the workload, a pod of it, or a ConfigMap.
    pub holder: ObjectKey,
    /// The field as a person would name it.
    pub path: String,
    /// The variable or key.
    pub key: String,
    /// The whole value.
    pub value: String,
    /// Host as written.
    pub host: String,
    /// Port, written or implied by the URL's scheme.
    pub port: Option<i64>,
    /// True when the port is only implied by the scheme.
    pub implied: bool,
    /// True for a URL, or a host with a port: surely a host's name, and no mere word.
    pub explicit: bool,
    /// Where it stands.
    pub cite: Citation,
}

/// See [`references`].
pub struct References(Vec<Reference>);

impl std::ops::Deref for References {
    type Target = [Reference];

    fn deref(&self) -> &[Reference] {
        &self.0
    }
}

/// What a host's name means inside the cluster.
#[derive(Debug, Clone)]
pub enum Resolved<'s> {
    /// This Service.
    Service(&'s Object),
    /// A Service that is not there.
    Missing {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// Outside the cluster, or not to be told.
    Elsewhere,
}

/// Endings of variables of which the value is a host even without scheme and port.
const HOST_ENDINGS: [&str; 8] = [
    "HOST", "HOSTNAME", "ADDR", "ADDRESS", "SERVER", "ENDPOINT", "URL", "URI",
];

/// True for a setting of which the value is a host, by its name.
pub fn is_of_host(key: &str) -> bool {
    let upper = key.to_ascii_uppercase().replace(['.', '-'], "_");
    HOST_ENDINGS.contains(&upper.rsplit('_').next().unwrap_or(""))
}

/// Schemes of what is on the machine itself: `unix://csi/csi.sock` (grpc `doc/naming.md`), files.
const SOCKETS: [&str; 5] = ["unix", "unix-abstract", "npipe", "file", "passthrough"];

/// All settings that name hosts.
pub fn references(snapshot: &Snapshot) -> Arc<References> {
    snapshot.derive(|snapshot| References(all(snapshot)))
}

fn all(snapshot: &Snapshot) -> Vec<Reference> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    // A cluster has thousands of ConfigMaps and thousands of pods: neither is gone through for each of the other.
    let mut maps: BTreeMap<&str, Vec<&Object>> = BTreeMap::new();
    for map in snapshot.kind("ConfigMap") {
        maps.entry(&map.key.name).or_default().push(map);
    }
    for (kind, at) in [
        ("Deployment", "/spec/template/spec"),
        ("StatefulSet", "/spec/template/spec"),
        ("DaemonSet", "/spec/template/spec"),
        ("CronJob", "/spec/jobTemplate/spec/template/spec"),
        ("Job", "/spec/template/spec"),
        ("Pod", "/spec"),
    ] {
        for object in snapshot.kind(kind) {
            let workload = snapshot.top_owner(object);
            for reference in of_object(&maps, object, &workload, at) {
                if seen.insert((
                    reference.workload.clone(),
                    reference.key.clone(),
                    reference.host.clone(),
                    reference.port,
                )) {
                    found.push(reference);
                }
            }
        }
    }
    found.extend(by_name(snapshot, &maps));
    found
}

/// What is added to a workload's name for its ConfigMap.
const ENDINGS: [&str; 5] = ["", "-config", "-configmap", "-cm", "-env"];

/// Where a table is all that is known of a workload's pods, the ConfigMap that is called after it is taken for its own.
fn by_name(snapshot: &Snapshot, maps: &BTreeMap<&str, Vec<&Object>>) -> Vec<Reference> {
    let mut described: BTreeMap<Subject, bool> = BTreeMap::new();
    for pod in snapshot.pods() {
        let owner = snapshot.top_owner(pod.object);
        let template = snapshot.object(&owner.kind, &owner.namespace, &owner.name);
        let has_list = |object: &Object, at: &str| !object.list(at).is_empty();
        let is_described = has_list(pod.object, "/spec/containers")
            || template.is_some_and(|object| has_list(object, "/spec/template/spec/containers"));
        *described.entry(owner).or_default() |= is_described;
    }
    let mut found = Vec::new();
    for workload in described
        .iter()
        .filter(|(_, is_described)| !**is_described)
        .map(|(workload, _)| workload)
    {
        let names = ENDINGS.iter().map(|ending| format!("{}{ending}", workload.name));
        let own = names.filter_map(|name| maps.get(name.as_str()));
        for map in own.flatten().filter(|map| map.key.namespace == workload.namespace) {
            found.extend(of_config_map(map, workload));
        }
    }
    found
}

fn of_object(all_maps: &BTreeMap<&str, Vec<&Object>>, object: &Object, workload: &Subject, at: &str) -> Vec<Reference> {
    let mut found = Vec::new();
    for group in ["initContainers", "containers"] {
        for (index, container) in object.list(&format!("{at}/{group}")).iter().enumerate() {
            let pointer = format!("{at}/{group}/{index}");
            let name = container.get("name").and_then(Value::as_str).unwrap_or("");
            let env = container
                .get("env")
                .and_then(Value::as_array)
                .map_or(&[][..], Vec::as_slice);
            for (entry, variable) in env.iter().enumerate() {
                let key = text(variable, "name");
                for host in hosts_in(key, text(variable, "value"), &|other| value_of(env, other)) {
                    found.push(reference(
                        object,
                        workload,
                        key,
                        text(variable, "value"),
                        host,
                        format!("spec.template.spec.containers[{name}].env[{key}]"),
                        &format!("{pointer}/env/{entry}/value"),
                    ));
                }
            }
            for field in ["command", "args"] {
                let words = container
                    .get(field)
                    .and_then(Value::as_array)
                    .map_or(&[][..], Vec::as_slice);
                for (entry, word) in words.iter().enumerate() {
                    let word = word.as_str().unwrap_or("");
                    // A script is a program: what it names may never run.
                    if word.len() > 256 || word.contains('\n') {
                        continue;
                    }
                    let (key, value) = word.split_once('=').unwrap_or(("", word));
                    for host in hosts_in(key, value, &|_| None).into_iter().filter(|host| host.explicit) {
                        found.push(reference(
                            object,
                            workload,
                            key,
                            word,
                            host,
                            format!("spec.template.spec.containers[{name}].{field}"),
                            &format!("{pointer}/{field}/{entry}"),
                        ));
                    }
                }
            }
        }
    }
    let maps = maps_of(object, at);
    let named = maps.iter().filter_map(|name| all_maps.get(name.as_str())).flatten();
    let mut mine: Vec<&Object> = named
        .copied()
        .filter(|map| same_namespace(&map.key.namespace, &object.key.namespace))
        .collect();
    mine.sort_by(|a, b| a.key.cmp(&b.key));
    for map in mine {
        found.extend(of_config_map(map, workload));
    }
    found
}

/// The names of the ConfigMaps that a pod's specification uses: as variables, all their keys or some, and as volumes.
pub fn maps_of(object: &Object, at: &str) -> BTreeSet<String> {
    let mut found: BTreeSet<String> = BTreeSet::new();
    let mut add = |value: &Value, pointer: &str| {
        found.extend(value.pointer(pointer).and_then(Value::as_str).map(ToOwned::to_owned));
    };
    for group in ["initContainers", "containers"] {
        for container in object.list(&format!("{at}/{group}")) {
            let list = |key: &str| container.get(key).and_then(Value::as_array).into_iter().flatten();
            for variable in list("env") {
                add(variable, "/valueFrom/configMapKeyRef/name");
            }
            for source in list("envFrom") {
                add(source, "/configMapRef/name");
            }
        }
    }
    for volume in object.list(&format!("{at}/volumes")) {
        add(volume, "/configMap/name");
    }
    found
}

/// Short values only: a whole configuration file names hosts in its own syntax, comments and defaults included.
fn of_config_map(map: &Object, workload: &Subject) -> Vec<Reference> {
    let Some(data) = map.get("/data").and_then(Value::as_object) else {
        return Vec::new();
    };
    let other = |wanted: &str| data.get(wanted).and_then(Value::as_str).map(ToOwned::to_owned);
    let mut found = Vec::new();
    for (key, value) in data {
        let Some(value) = value
            .as_str()
            .filter(|value| !value.contains('\n') && value.len() <= 512)
        else {
            continue;
        };
        let pointer = format!("/data/{}", escaped(key));
        for host in hosts_in(key, value, &other) {
            found.push(reference(
                map,
                workload,
                key,
                value,
                host,
                format!("data.{key}"),
                &pointer,
            ));
        }
    }
    found
}

fn reference(
    holder: &Object,
    workload: &Subject,
    key: &str,
    value: &str,
    host: Host,
    path: String,
    pointer: &str,
) -> Reference {
    Reference {
        workload: workload.clone(),
        namespace: workload.namespace.clone(),
        holder: holder.key.clone(),
        path,
        key: key.to_owned(),
        value: value.to_owned(),
        host: host.name,
        port: host.port,
        implied: host.implied,
        explicit: host.explicit,
        cite: holder.cite_at(pointer),
    }
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or("")
}

fn value_of(env: &[Value], name: &str) -> Option<String> {
    env.iter()
        .find(|variable| text(variable, "name") == name)
        .map(|variable| text(variable, "value").to_owned())
}

/// A host as some text names it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Host {
    name: String,
    port: Option<i64>,
    implied: bool,
    explicit: bool,
}

/// The hosts in a value. `other` looks up a neighbouring variable, for pairs such as `DB_HOST` and `DB_PORT`.
fn hosts_in(key: &str, value: &str, other: &dyn Fn(&str) -> Option<String>) -> Vec<Host> {
    let expanded = expanded(value);
    let value = expanded.as_ref();
    let mut found: Vec<Host> = value
        .split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '"' | '\'' | '(' | ')'))
        .filter_map(host_in)
        .collect();
    if found.is_empty() && is_of_host(key) && is_host(value) {
        found.push(Host {
            name: value.to_owned(),
            port: None,
            implied: false,
            explicit: false,
        });
    }
    if let [only] = found.as_mut_slice()
        && only.port.is_none()
        && let Some(stem) = key
            .strip_suffix("HOST")
            .or_else(|| key.strip_suffix("HOSTNAME"))
            .or_else(|| key.strip_suffix("ADDR"))
    {
        only.port = other(&format!("{stem}PORT")).and_then(|port| port.parse().ok());
    }
    found
}

/// `scheme://user@host:port/path`, `host:port`.
fn host_in(word: &str) -> Option<Host> {
    let (scheme, rest) = match word.rsplit_once("://") {
        Some((scheme, rest)) => (scheme, rest),
        None => ("", word),
    };
    // What follows is a path.
    if SOCKETS.iter().any(|kind| scheme.eq_ignore_ascii_case(kind)) {
        return None;
    }
    let rest = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let rest = rest.rsplit('@').next().unwrap_or(rest);
    let (name, port) = match rest.rsplit_once(':') {
        Some((name, port)) => (name, Some(port.parse::<u16>().ok()?)),
        None => (rest, None),
    };
    if !is_host(name) || (scheme.is_empty() && port.is_none()) {
        return None;
    }
    let implied = match (port, scheme) {
        (None, "http") => Some(80),
        (None, "https") => Some(443),
        _ => None,
    };
    Some(Host {
        name: name.to_owned(),
        port: port.map(i64::from).or(implied),
        implied: implied.is_some(),
        explicit: true,
    })
}

/// `$(POD_NAME).brokers` with a label in the place of what the kubelet fills in: which pod it is does not change the Service.
fn expanded(value: &str) -> Cow<'_, str> {
    match (value.find("$("), value.find(").")) {
        (Some(start), Some(end)) if start < end => {
            let (before, after) = (value.get(..start).unwrap_or(""), value.get(end + 1..).unwrap_or(""));
            Cow::Owned(format!("{before}0{after}"))
        }
        _ => Cow::Borrowed(value),
    }
}

/// A DNS name in lower case with a letter in it, and not this machine.
fn is_host(name: &str) -> bool {
    let shaped = !name.is_empty()
        && name.len() <= 253
        && name.split('.').all(|label| {
            !label.is_empty()
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
                && !label.starts_with('-')
        });
    shaped && name.bytes().any(|byte| byte.is_ascii_lowercase()) && !matches!(name, "localhost" | "true" | "false")
}

impl Reference {
    /// What the host means in the cluster.
    pub fn resolve<'s>(&self, snapshot: &'s Snapshot) -> Resolved<'s> {
        let labels: Vec<&str> = self.host.split('.').collect();
        let in_cluster = labels.iter().position(|label| *label == "svc");
        let (name, namespace) = match (in_cluster, labels.as_slice()) {
            (Some(2), [name, namespace, ..]) | (Some(3), [_, name, namespace, ..]) => (*name, (*namespace).to_owned()),
            (None, [name]) => (*name, self.namespace.clone()),
            (None, [name, second]) => {
                // A StatefulSet's pod behind its headless Service, else a Service in another namespace that is known to exist.
                if service(snapshot, &self.namespace, second).is_some() {
                    (*second, self.namespace.clone())
                } else if snapshot.kind("Service").any(|service| service.key.namespace == *second) {
                    (*name, (*second).to_owned())
                } else {
                    return Resolved::Elsewhere;
                }
            }
            _ => return Resolved::Elsewhere,
        };
        match service(snapshot, &namespace, name) {
            Some(service) => Resolved::Service(service),
            None if snapshot
                .kind("Service")
                .any(|service| same_namespace(&service.key.namespace, &namespace)) =>
            {
                Resolved::Missing {
                    namespace,
                    name: name.to_owned(),
                }
            }
            None => Resolved::Elsewhere,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(key: &str, value: &str) -> Option<(String, Option<i64>)> {
        let found = hosts_in(key, value, &|name| (name == "DB_PORT").then(|| "5433".to_owned()));
        found.first().map(|host| (host.name.clone(), host.port))
    }

    #[test]
    fn hosts_are_found_in_the_usual_spellings() {
        for (key, value, host, port) in [
            ("DB_HOST", "pg", "pg", Some(5433)),
            ("X_URL", "http://seatmap:8080/x", "seatmap", Some(8080)),
            ("X_URL", "http://seatmap", "seatmap", Some(80)),
            ("DSN", "postgres://u:p@pg.data:5432/shop", "pg.data", Some(5432)),
            ("JDBC", "jdbc:mysql://db:3306/x?useSSL=false", "db", Some(3306)),
            ("DSN", "user:pw@tcp(db:3306)/x", "db", Some(3306)),
            (
                "BROKERS",
                "kafka-0.kafka:9092,kafka-1.kafka:9092",
                "kafka-0.kafka",
                Some(9092),
            ),
        ] {
            assert_eq!(one(key, value), Some((host.to_owned(), port)), "{key}={value}");
        }
        for (key, value) in [
            ("MODE", "production"),
            ("X", "10.0.0.1:80"),
            ("IMAGE", "nginx:1.25"),
            ("X_HOST", "localhost"),
            ("A", "a:b"),
        ] {
            assert_eq!(one(key, value), None, "{key}={value}");
        }
    }
}

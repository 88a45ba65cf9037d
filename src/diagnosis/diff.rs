//! What is different from a healthy counterpart: by meaning, not by text. Ids, versions of objects, times and order are no difference.

use std::collections::BTreeMap;

use crate::bundle::decode::ContainerState;
use crate::cluster::{Host, HostContainer, Object, Snapshot};
use crate::model::{Citation, Subject};

/// One difference.
#[derive(Debug, Clone)]
pub struct Difference {
    /// `container`, `image`, `sysctl`, `object`.
    pub datum: &'static str,
    /// What.
    pub subject: Subject,
    /// On the healthy side; empty when it is not there.
    pub expected: String,
    /// On the incident's side; empty when it is not there.
    pub actual: String,
    /// Both sides, where they can be cited.
    pub evidence: Vec<Citation>,
}

/// All differences, and how much is equal.
#[derive(Debug, Clone, Default)]
pub struct Differences {
    /// The differences.
    pub different: Vec<Difference>,
    /// How many things are equal.
    pub equal: u64,
}

/// Compares an incident with its healthy counterpart.
pub fn differences(good: &Snapshot, bad: &Snapshot) -> Differences {
    let mut result = Differences::default();
    for host in &bad.hosts {
        let same = good
            .hosts
            .iter()
            .find(|other| other.runtime_name() == host.runtime_name());
        if let Some(other) = same.or_else(|| only_one(good, bad)) {
            compare_hosts(other, host, &mut result);
        }
    }
    compare_objects(good, bad, &mut result);
    result
}

/// With one machine on each side, they are counterparts whatever they are called.
fn only_one<'s>(good: &'s Snapshot, bad: &Snapshot) -> Option<&'s Host> {
    match (good.hosts.as_slice(), bad.hosts.as_slice()) {
        ([one], [_]) => Some(one),
        _ => None,
    }
}

fn compare_hosts(good: &Host, bad: &Host, result: &mut Differences) {
    let node = bad.runtime_name();
    let complete = |host: &Host| {
        host.complete_listing()
            .or_else(|| host.listings.first())
            .map(|listing| listing.cite.clone())
    };
    let containers = |host: &Host| -> BTreeMap<String, (String, Citation)> {
        let described = |container: &HostContainer| format!("{} ({})", state_word(container.state), container.image);
        host.containers
            .iter()
            .filter(|c| !c.name.starts_with("k8s_"))
            .map(|c| (c.name.clone(), (described(c), c.cite.clone())))
            .collect()
    };
    if let (Some(_), Some(listing)) = (complete(good), complete(bad)) {
        let subject = |name: &str| Subject::on_node("HostContainer", name, node);
        compare(
            "container",
            &containers(good),
            &containers(bad),
            Some(&listing),
            subject,
            result,
        );
    }
    let images = |host: &Host| -> BTreeMap<String, (String, Citation)> {
        let named = host.images.iter().filter(|image| !image.reference.contains("<none>"));
        named
            .map(|image| (image.reference.clone(), (image.id.clone(), image.cite.clone())))
            .collect()
    };
    if !good.images.is_empty() && !bad.images.is_empty() {
        compare(
            "image",
            &images(good),
            &images(bad),
            None,
            |name| Subject::on_node("Image", name, node),
            result,
        );
    }
    if !good.sysctl.is_empty() && !bad.sysctl.is_empty() {
        let stable = |host: &Host| -> BTreeMap<String, (String, Citation)> {
            host.sysctl
                .iter()
                .filter(|(key, _)| is_setting(key))
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect()
        };
        compare(
            "sysctl",
            &stable(good),
            &stable(bad),
            None,
            |name| Subject::on_node("Sysctl", name, node),
            result,
        );
    }
    let scripts = |host: &Host| -> BTreeMap<String, (String, Citation)> {
        let text = |script: &crate::bundle::decode::Script| {
            script
                .lines
                .iter()
                .map(|(_, line)| line.as_str())
                .collect::<Vec<_>>()
                .join("\n")
        };
        host.scripts
            .iter()
            .map(|script| (file_name(&script.path).to_owned(), (text(script), script.cite.clone())))
            .collect()
    };
    compare(
        "script",
        &scripts(good),
        &scripts(bad),
        None,
        |name| Subject::on_node("File", name, node),
        result,
    );
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Counters and random values that the kernel shows beside its settings.
fn is_setting(key: &str) -> bool {
    let volatile = [
        "kernel.random.",
        "fs.inode",
        "fs.dentry",
        "fs.file-nr",
        "fs.quota",
        "kernel.ns_last_pid",
        "net.netfilter.nf_conntrack_count",
        "kernel.pty.nr",
        "fs.aio-nr",
        "kernel.tainted",
        "kernel.hostname",
    ];
    // Settings of interfaces come and go with the pods' own interfaces.
    let of_interface = [
        ".conf.veth",
        ".neigh.veth",
        ".conf.cali",
        ".neigh.cali",
        ".conf.lxc",
        ".neigh.lxc",
    ];
    !volatile.iter().any(|start| key.starts_with(start)) && !of_interface.iter().any(|part| key.contains(part))
}

/// The state without ages and exit codes that change from run to run.
fn state_word(state: ContainerState) -> &'static str {
    match state {
        ContainerState::Created => "created",
        ContainerState::Running => "running",
        ContainerState::Paused => "paused",
        ContainerState::Restarting => "restarting",
        ContainerState::Removing => "removing",
        ContainerState::Exited(Some(0)) => "exited (0)",
        ContainerState::Exited(_) => "exited with an error",
        ContainerState::Dead => "dead",
    }
}

fn compare(
    datum: &'static str,
    good: &BTreeMap<String, (String, Citation)>,
    bad: &BTreeMap<String, (String, Citation)>,
    searched: Option<&Citation>,
    subject: impl Fn(&str) -> Subject,
    result: &mut Differences,
) {
    for (name, (expected, cite)) in good {
        match bad.get(name) {
            Some((actual, _)) if actual == expected => result.equal += 1,
            Some((actual, other)) => result.different.push(Difference {
                datum,
                subject: subject(name),
                expected: expected.clone(),
                actual: actual.clone(),
                evidence: vec![cite.clone(), other.clone()],
            }),
            None => result.different.push(Difference {
                datum,
                subject: subject(name),
                expected: expected.clone(),
                actual: String::new(),
                evidence: [Some(cite.clone()), searched.cloned()].into_iter().flatten().collect(),
            }),
        }
    }
    for (name, (actual, cite)) in bad {
        if !good.contains_key(name) {
            let (expected, actual) = (String::new(), actual.clone());
            result.different.push(Difference {
                datum,
                subject: subject(name),
                expected,
                actual,
                evidence: vec![cite.clone()],
            });
        }
    }
}

/// Kinds of which the specification says how the cluster is meant to be. What only controllers write is left out.
const COMPARED: [&str; 15] = [
    "ConfigMap",
    "CronJob",
    "DaemonSet",
    "Deployment",
    "Ingress",
    "LimitRange",
    "MutatingWebhookConfiguration",
    "NetworkPolicy",
    "PersistentVolumeClaim",
    "PriorityClass",
    "ResourceQuota",
    "Service",
    "StatefulSet",
    "StorageClass",
    "ValidatingWebhookConfiguration",
];

fn compare_objects(good: &Snapshot, bad: &Snapshot, result: &mut Differences) {
    for kind in COMPARED {
        let intent = |snapshot: &Snapshot| -> BTreeMap<String, (String, Citation)> {
            snapshot
                .kind(kind)
                .map(|object| {
                    (
                        format!("{}/{}", object.key.namespace, object.key.name),
                        (meaning(object), object.cite.clone()),
                    )
                })
                .collect()
        };
        let (good, bad) = (intent(good), intent(bad));
        if good.is_empty() || bad.is_empty() {
            continue;
        }
        let subject = |name: &str| {
            let (namespace, name) = name.split_once('/').unwrap_or(("", name));
            Subject::namespaced(kind, namespace, name)
        };
        compare("object", &good, &bad, None, subject, result);
    }
}

/// What somebody asked for: the specification and data, without status and server-side metadata.
fn meaning(object: &Object) -> String {
    let mut kept = serde_json::Map::new();
    for key in [
        "spec",
        "data",
        "webhooks",
        "provisioner",
        "parameters",
        "reclaimPolicy",
        "volumeBindingMode",
        "value",
    ] {
        if let Some(value) = object.value.get(key) {
            kept.insert(key.to_owned(), value.clone());
        }
    }
    serde_json::Value::Object(kept).to_string()
}

//! How a machine is set up, as name and value: what should be the same on machines that are meant to be alike, and from one day to
//! the next. What changes by itself (counters, usage, ages) and what is each machine's own (addresses, names, keys) is left out.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Host, Object, Snapshot};
use crate::bundle::decode::{Form, Process};
use crate::model::{Citation, escaped};

/// One thing that is set up.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Setting {
    /// `argument`, `capacity`, `dns`, `label`, `module`, `mtu`, `package`, `runtime`, `sysctl`, `taint`, `unit`, `version`.
    pub datum: &'static str,
    /// `net.ipv4.ip_forward`, `kubelet --max-pods`.
    pub name: String,
}

/// The settings of one machine.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Value and place of each.
    pub values: BTreeMap<Setting, (String, Citation)>,
    /// The data of which a whole listing was seen: only there does a name that is missing mean that it is not set.
    pub complete: BTreeSet<&'static str>,
}

impl Settings {
    /// Of a machine's own evidence.
    pub fn of_host(host: &Host) -> Self {
        let mut settings = Self::default();
        settings.add_values(host);
        settings.note_packages(host);
        settings.add_tools(host);
        settings.add_resolver(host);
        for (key, (value, cite)) in host.sysctl.iter().filter(|(key, _)| is_setting(key)) {
            settings.add("sysctl", key, value.clone(), cite);
        }
        settings
    }

    /// Of a node object, in whatever form it was seen.
    pub fn of_node(node: &Object) -> Self {
        let mut settings = Self::default();
        for (name, field) in [
            ("kubelet", "kubeletVersion"),
            ("container runtime", "containerRuntimeVersion"),
            ("kernel", "kernelVersion"),
            ("operating system", "osImage"),
            ("architecture", "architecture"),
        ] {
            let at = format!("/status/nodeInfo/{field}");
            settings.add("version", name, node.text(&at).to_owned(), &node.cite_at(&at));
        }
        for resource in ["cpu", "memory", "pods"] {
            let at = format!("/status/capacity/{resource}");
            let value = node.get(&at).map(|value| capacity(resource, value));
            settings.add("capacity", resource, value.unwrap_or_default(), &node.cite_at(&at));
        }
        settings.add_labels(node);
        settings.add_taints(node);
        settings
    }

    /// Adds what another source knows of the same machine and this one does not.
    pub fn fill_from(&mut self, other: Self) {
        for (setting, value) in other.values {
            self.values.entry(setting).or_insert(value);
        }
        self.complete.extend(other.complete);
    }

    fn add(&mut self, datum: &'static str, name: &str, value: String, cite: &Citation) {
        if !value.is_empty() {
            let name = name.to_owned();
            self.values
                .entry(Setting { datum, name })
                .or_insert_with(|| (value, cite.clone()));
        }
    }

    fn add_values(&mut self, host: &Host) {
        for (key, (value, cite)) in &host.values {
            let known = match key.as_str() {
                "docker.server-version" => Some(("version", "docker")),
                "kernel.version" => Some(("version", "kernel")),
                "os.name" => Some(("version", "operating system")),
                "kernel.modules-listed" => {
                    self.complete.insert("module");
                    None
                }
                key if key.starts_with("kernel.module.") => Some(("module", key.trim_start_matches("kernel.module."))),
                key if key.starts_with("package.") => Some(("package", key.trim_start_matches("package."))),
                key if key.starts_with("docker.") || key.starts_with("selinux.") => Some(("runtime", key)),
                key if key.starts_with("systemd.unit.") => Some(("unit", key.trim_start_matches("systemd.unit."))),
                _ => None,
            };
            if let Some((datum, name)) = known {
                self.add(datum, name, value.clone(), cite);
            }
        }
    }

    /// Fewer packages than any machine has were asked for by name; more are all of them.
    fn note_packages(&mut self, host: &Host) {
        const WHOLE: usize = 50;
        if host.values.keys().filter(|key| key.starts_with("package.")).count() >= WHOLE {
            self.complete.insert("package");
        }
    }

    fn add_tools(&mut self, host: &Host) {
        for unit in host.tools.units.iter().filter(|unit| is_lasting(&unit.name)) {
            // Why a unit is dead or since when is no setting; that it is off, masked or failed is one.
            let state = [unit.loaded.as_str(), unit.enabled.as_str(), unit.active.as_str()];
            let words: Vec<&str> = state.into_iter().filter(|word| !word.is_empty()).collect();
            self.add("unit", &unit.name, words.join(", "), &unit.cite);
        }
        for interface in host.tools.interfaces.iter().filter(|found| !is_of_pods(&found.name)) {
            let mtu = interface.mtu.map_or_else(String::new, |mtu| mtu.to_string());
            self.add("mtu", &interface.name, mtu, &interface.cite);
        }
        for process in &host.tools.processes {
            self.add_arguments(process);
        }
        for config in &host.tools.configs {
            let Some(program) = config.program().filter(|program| PROGRAMS.contains(program)) else {
                continue;
            };
            for (flag, value, cite) in config.arguments().filter(|(flag, ..)| !OWN_FLAGS.contains(flag)) {
                self.add("argument", &format!("{program} {flag}"), value.to_owned(), &cite);
            }
        }
    }

    fn add_arguments(&mut self, process: &Process) {
        let program = process.program();
        if !PROGRAMS.contains(&program) {
            return;
        }
        for word in process.command.split_whitespace().skip(1) {
            if let Some((flag, value)) = word.split_once('=')
                && flag.starts_with("--")
                && !OWN_FLAGS.contains(&flag)
            {
                self.add(
                    "argument",
                    &format!("{program} {flag}"),
                    value.to_owned(),
                    &process.cite,
                );
            }
        }
    }

    fn add_resolver(&mut self, host: &Host) {
        if let Some(resolver) = host.resolvers.first() {
            self.add("dns", "nameserver", resolver.nameservers.join(" "), &resolver.cite);
            self.add("dns", "search", resolver.search.join(" "), &resolver.cite);
            self.add("dns", "options", resolver.options.join(" "), &resolver.cite);
        }
    }

    fn add_labels(&mut self, node: &Object) {
        let Some(labels) = node.get("/metadata/labels").and_then(Value::as_object) else {
            return;
        };
        self.complete.insert("label");
        for (key, value) in labels.iter().filter(|(key, _)| !is_own_label(key)) {
            // A label without a value is still there.
            let shown = value.as_str().filter(|value| !value.is_empty()).unwrap_or("\"\"");
            let at = format!("/metadata/labels/{}", escaped(key));
            self.add("label", key, shown.to_owned(), &node.cite_at(&at));
        }
    }

    fn add_taints(&mut self, node: &Object) {
        if node.form == Form::Row {
            return;
        }
        self.complete.insert("taint");
        for (index, taint) in node.list("/spec/taints").iter().enumerate() {
            let text = |field: &str| taint.get(field).and_then(Value::as_str).unwrap_or("");
            let key = text("key");
            // What the node life-cycle controller sets follows from the node's conditions (k8s.io/api/core/v1 well_known_taints.go).
            if key.is_empty() || key.starts_with("node.kubernetes.io/") {
                continue;
            }
            let value = format!("{}:{}", text("value"), text("effect"));
            self.add("taint", key, value, &node.cite_at(&format!("/spec/taints/{index}")));
        }
        if node.get("/spec/unschedulable").and_then(Value::as_bool) == Some(true) {
            self.add(
                "taint",
                "cordoned",
                "true".to_owned(),
                &node.cite_at("/spec/unschedulable"),
            );
        }
    }
}

impl Snapshot {
    /// The settings of every machine, by the name of its node: of the node object and of the machine's own evidence.
    pub fn settings_of_nodes(&self) -> BTreeMap<String, Settings> {
        let mut nodes: BTreeMap<String, Settings> = BTreeMap::new();
        for node in self.kind("Node") {
            nodes.insert(node.key.name.clone(), Settings::of_node(node));
        }
        for host in self.hosts.iter().filter(|host| !host.node_name().is_empty()) {
            let name = host.node_name().to_owned();
            nodes.entry(name).or_default().fill_from(Settings::of_host(host));
        }
        nodes
    }
}

/// Programs whose flags say how a node works.
const PROGRAMS: [&str; 8] = [
    "containerd",
    "dockerd",
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-proxy",
    "kube-scheduler",
    "kubelet",
];

/// Flags that name the machine itself (reference pages of the components on kubernetes.io; etcd's configuration flags).
const OWN_FLAGS: [&str; 11] = [
    "--advertise-address",
    "--advertise-client-urls",
    "--bind-address",
    "--hostname-override",
    "--initial-advertise-peer-urls",
    "--initial-cluster",
    "--listen-client-urls",
    "--listen-peer-urls",
    "--name",
    "--node-ip",
    "--node-labels",
];

/// Labels that name the node itself or its role (kubernetes.io "Well-Known Labels, Annotations and Taints"; Rancher's and k3s's own).
fn is_own_label(key: &str) -> bool {
    const OWN: [&str; 8] = [
        "kubernetes.io/hostname",
        "k3s.io/hostname",
        "k3s.io/internal-ip",
        "rke.cattle.io/machine",
        "rke.cattle.io/internal-ip",
        "rke.cattle.io/external-ip",
        "topology.hostpath.csi/node",
        "plan.upgrade.cattle.io/system-agent-upgrader",
    ];
    OWN.contains(&key)
        || key.starts_with("node-role.kubernetes.io/")
        || key.starts_with("volumes.kubernetes.io/")
        || key.starts_with("beta.kubernetes.io/")
}

/// Units that are there from boot to shutdown; sessions, transient runs and instances come and go.
fn is_lasting(name: &str) -> bool {
    let kind = name.rsplit('.').next().unwrap_or("");
    matches!(kind, "service" | "socket" | "timer") && !name.contains('@') && !name.starts_with("run-")
}

/// Interfaces that runtimes and CNI plug-ins make for pods, and those that are alike everywhere.
fn is_of_pods(name: &str) -> bool {
    [
        "veth",
        "cali",
        "lxc",
        "lo",
        "azv",
        "eni",
        "br-",
        "ifb",
        "tunl0",
        "kube-ipvs",
    ]
    .iter()
    .any(|start| name.starts_with(start))
}

/// Counters and values that the kernel draws, derives from the size of the machine, or shows beside its settings
/// (Documentation/admin-guide/sysctl of the kernel).
fn is_setting(key: &str) -> bool {
    const VOLATILE: [&str; 35] = [
        "dev.cdrom.",
        "dev.mac_hid.",
        "fs.aio-nr",
        "fs.binfmt_misc",
        "fs.dentry",
        "fs.epoll.max_user_watches",
        "fs.file-max",
        "fs.file-nr",
        "fs.inode",
        "fs.nfs.",
        "fs.quota",
        "kernel.cad_pid",
        "kernel.core_uses_pid",
        "kernel.domainname",
        "kernel.hostname",
        "kernel.keys.",
        "kernel.ns_last_pid",
        "kernel.osrelease",
        "kernel.pty.nr",
        "kernel.random.",
        "kernel.sched_domain.",
        "kernel.tainted",
        "kernel.threads-max",
        "kernel.version",
        "net.core.netdev_rss_key",
        "net.ipv4.route.",
        "net.ipv4.tcp_fastopen_key",
        "net.ipv4.tcp_mem",
        "net.ipv4.udp_mem",
        "net.ipv6.route.",
        "net.netfilter.nf_conntrack_count",
        "sunrpc.",
        "user.",
        "vm.min_free_kbytes",
        "vm.stat_",
    ];
    // Settings of interfaces come and go with the pods' own interfaces.
    const OF_PODS: [&str; 8] = [
        ".conf.veth",
        ".neigh.veth",
        ".conf.cali",
        ".neigh.cali",
        ".conf.lxc",
        ".neigh.lxc",
        ".stable_secret",
        ".base_reachable_time",
    ];
    !VOLATILE.iter().any(|start| key.starts_with(start)) && !OF_PODS.iter().any(|part| key.contains(part))
}

/// A quantity as people compare it: machines of one size differ in their memory by a few pages.
fn capacity(resource: &str, value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let kibibytes = text.strip_suffix("Ki").and_then(|number| number.parse::<u64>().ok());
    match kibibytes {
        Some(kibibytes) if resource == "memory" => format!("{} GiB", (kibibytes + (1 << 19)) >> 20),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::super::reading;
    use super::*;

    fn value<'s>(settings: &'s Settings, datum: &'static str, name: &str) -> Option<&'s str> {
        let setting = Setting {
            datum,
            name: name.to_owned(),
        };
        settings.values.get(&setting).map(|(value, _)| value.as_str())
    }

    #[test]
    fn a_node_and_its_machine_are_one() {
        let snapshot = reading(&[
            (
                "nodes.json",
                r#"{"kind":"Node","apiVersion":"v1","metadata":{"name":"n1","uid":"1","labels":{"disk":"ssd","kubernetes.io/hostname":"n1"}},"spec":{"taints":[{"key":"gpu","value":"yes","effect":"NoSchedule"},{"key":"node.kubernetes.io/not-ready","effect":"NoExecute"}]},"status":{"capacity":{"memory":"32932812Ki"},"nodeInfo":{"kubeletVersion":"v1.28.4"}}}"#,
            ),
            (
                "nodes/n1/sysctl.txt",
                "net.ipv4.ip_forward = 0\nnet.bridge.bridge-nf-call-iptables = 1\nkernel.random.uuid = 5f1e\nvm.swappiness = 60\n",
            ),
        ]);
        let nodes = snapshot.settings_of_nodes();
        let n1 = &nodes["n1"];
        assert_eq!(value(n1, "version", "kubelet"), Some("v1.28.4"));
        assert_eq!(value(n1, "sysctl", "net.ipv4.ip_forward"), Some("0"));
        assert_eq!(value(n1, "label", "disk"), Some("ssd"));
        assert_eq!(value(n1, "taint", "gpu"), Some("yes:NoSchedule"));
        assert_eq!(value(n1, "capacity", "memory"), Some("31 GiB"));
        for (datum, name) in [
            ("label", "kubernetes.io/hostname"),
            ("taint", "node.kubernetes.io/not-ready"),
            ("sysctl", "kernel.random.uuid"),
        ] {
            assert_eq!(value(n1, datum, name), None, "{name} is no setting");
        }
    }
}

//! A node on which something suffers differs from all the others.

use std::collections::BTreeMap;

use crate::cluster::Snapshot;
use crate::model::{Citation, Confidence, Subject};
use crate::rules::toolbox::hosts::{Machine, Suffering, machines, suffering};
use crate::rules::toolbox::nodes::touch_pods;
use crate::rules::toolbox::odd_nodes::most;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: odd-node-out
role: factor
level: info
needs: [nodes|sysctl|systemd-units|interfaces|resolv.conf]
meets: [{kinds: [Node], least: 2}]
check: {zh: "出问题的节点与其他节点有何不同", en: "what is different about a node that suffers"}
title:
  zh: "出问题的节点 {{ node }} 与另外 {{ others }} 个节点不同：{{ differences|join(\"；\") }}"
  en: "node {{ node }}, which suffers, differs from {{ others|nodes }} that agree: {{ differences|join(\"; \") }}"
cause:
  zh: "另有 {{ others }} 个节点的这些值相同（占三分之二以上），{{ node }} 则不同：{{ differences|join(\"；\") }}。不同未必是原因，但它是最先要核对的地方。"
  en: "{{ others|nodes }}, at least two thirds of all, agree on these values and {{ node }} does not: {{ differences|join(\"; \") }}. A difference need not be the cause, and is the first place to look."
benign:
  - {zh: "专用节点（GPU、控制面）与其他节点本来就不同", en: "nodes with a purpose of their own (GPU, control plane) differ by design"}
  - {zh: "少于三个节点时无法判断谁是例外", en: "with fewer than three nodes nobody is the exception"}
remedy:
  - purpose: {zh: "与一个正常的节点比较", en: "compare with a node that is well"}
    place: node
    risk: read-only
    command: |
      uname -r
      sysctl -a 2>/dev/null | sort > /tmp/sysctl.txt
      systemctl list-units --type=service --state=running --no-pager
    expect: {zh: "与正常节点的输出比较", en: "compare with the output of a node that is well"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
prevention:
  - kind: detect
    text: {zh: "用同一镜像与配置管理所有节点，并定期比较", en: "manage all nodes by one image and one configuration, and compare them regularly"}
    acceptance: {zh: "改动一个测试节点会被报告", en: "changing one test node is reported"}
sources:
  - "kubernetes.io/docs/reference/node/node-status: nodeInfo"
versions: "any"
examples:
  - name: "the kernel of the node that is not ready"
    files:
      "nodes.json": '{"kind": "NodeList", "apiVersion": "v1", "items": [{"metadata": {"name": "n1"}, "status": {"nodeInfo": {"kernelVersion": "5.15.0", "kubeletVersion": "v1.28.4", "containerRuntimeVersion": "containerd://1.7.2"}, "conditions": [{"type": "Ready", "status": "True"}]}}, {"metadata": {"name": "n2"}, "status": {"nodeInfo": {"kernelVersion": "5.15.0", "kubeletVersion": "v1.28.4", "containerRuntimeVersion": "containerd://1.7.2"}, "conditions": [{"type": "Ready", "status": "True"}]}}, {"metadata": {"name": "n3"}, "status": {"nodeInfo": {"kernelVersion": "4.19.0", "kubeletVersion": "v1.28.4", "containerRuntimeVersion": "containerd://1.7.2"}, "conditions": [{"type": "Ready", "status": "False"}]}}]}'
    fires:
      - {kind: "Node", name: "n3", node: "n3"}
  - name: "a parameter and a service"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     Ready    <none>   90d   v1.28.4
        n2     Ready    <none>   90d   v1.28.4
        n3     NotReady    <none>   90d   v1.28.4
      "n1/sysctl.txt": |
        net.ipv4.ip_forward = 1
      "n2/sysctl.txt": |
        net.ipv4.ip_forward = 1
      "n3/sysctl.txt": |
        net.ipv4.ip_forward = 0
      "n1/units.txt": |
        UNIT              LOAD   ACTIVE   SUB     DESCRIPTION
        firewalld.service loaded inactive dead    firewalld
      "n2/units.txt": |
        UNIT              LOAD   ACTIVE   SUB     DESCRIPTION
        firewalld.service loaded inactive dead    firewalld
      "n3/units.txt": |
        UNIT              LOAD   ACTIVE   SUB     DESCRIPTION
        firewalld.service loaded active   running firewalld
    fires:
      - {kind: "Node", name: "n3", node: "n3"}
  - name: "it differs, and is well"
    files:
      "nodes.json": '{"kind": "NodeList", "apiVersion": "v1", "items": [{"metadata": {"name": "n1"}, "status": {"nodeInfo": {"kernelVersion": "5.15.0", "kubeletVersion": "v1.28.4", "containerRuntimeVersion": "containerd://1.7.2"}, "conditions": [{"type": "Ready", "status": "True"}]}}, {"metadata": {"name": "n2"}, "status": {"nodeInfo": {"kernelVersion": "5.15.0", "kubeletVersion": "v1.28.4", "containerRuntimeVersion": "containerd://1.7.2"}, "conditions": [{"type": "Ready", "status": "True"}]}}, {"metadata": {"name": "n3"}, "status": {"nodeInfo": {"kernelVersion": "4.19.0", "kubeletVersion": "v1.28.4", "containerRuntimeVersion": "containerd://1.7.2"}, "conditions": [{"type": "Ready", "status": "True"}]}}]}'
  - name: "two nodes"
    files:
      "nodes.json": '{"kind": "NodeList", "apiVersion": "v1", "items": [{"metadata": {"name": "n1"}, "status": {"nodeInfo": {"kernelVersion": "5.15.0", "kubeletVersion": "v1.28.4", "containerRuntimeVersion": "containerd://1.7.2"}, "conditions": [{"type": "Ready", "status": "True"}]}}, {"metadata": {"name": "n3"}, "status": {"nodeInfo": {"kernelVersion": "4.19.0", "kubeletVersion": "v1.28.4", "containerRuntimeVersion": "containerd://1.7.2"}, "conditions": [{"type": "Ready", "status": "False"}]}}]}'
  - name: "every node has its own"
    files:
      "nodes.json": '{"kind": "NodeList", "apiVersion": "v1", "items": [{"metadata": {"name": "n1"}, "status": {"nodeInfo": {"kernelVersion": "5.15.0", "kubeletVersion": "v1.28.4", "containerRuntimeVersion": "containerd://1.7.2"}, "conditions": [{"type": "Ready", "status": "True"}]}}, {"metadata": {"name": "n2"}, "status": {"nodeInfo": {"kernelVersion": "5.16.0", "kubeletVersion": "v1.28.4", "containerRuntimeVersion": "containerd://1.7.2"}, "conditions": [{"type": "Ready", "status": "True"}]}}, {"metadata": {"name": "n3"}, "status": {"nodeInfo": {"kernelVersion": "4.19.0", "kubeletVersion": "v1.28.4", "containerRuntimeVersion": "containerd://1.7.2"}, "conditions": [{"type": "Ready", "status": "False"}]}}]}'
"##;

/// Fields of a node's `nodeInfo`.
const INFO: [&str; 5] = [
    "kubeletVersion",
    "kernelVersion",
    "containerRuntimeVersion",
    "osImage",
    "architecture",
];
/// Kernel parameters that matter to a node and do not follow from the size of the machine.
const PARAMETERS: [&str; 12] = [
    "net.ipv4.ip_forward",
    "net.bridge.bridge-nf-call-iptables",
    "net.ipv4.conf.all.rp_filter",
    "net.ipv4.conf.default.rp_filter",
    "net.ipv6.conf.all.disable_ipv6",
    "net.core.somaxconn",
    "net.ipv4.neigh.default.gc_thresh3",
    "fs.inotify.max_user_instances",
    "fs.inotify.max_user_watches",
    "vm.max_map_count",
    "vm.overcommit_memory",
    "kernel.pid_max",
];
/// Services of which the state should be the same everywhere.
const SERVICES: [&str; 12] = [
    "kubelet",
    "containerd",
    "docker",
    "crio",
    "kube-proxy",
    "firewalld",
    "ufw",
    "chronyd",
    "systemd-timesyncd",
    "systemd-resolved",
    "NetworkManager",
    "iscsid",
];
const FEWEST: usize = 3;
/// More differences show another kind of machine, and say nothing.
const MOST: usize = 6;

/// What one node has for one thing that is compared.
struct Value {
    text: String,
    cite: Citation,
}

/// For each thing that is compared, what each node has.
type Table = BTreeMap<String, BTreeMap<String, Value>>;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let nodes = snapshot.node_names();
    let suffer: Vec<&String> = nodes
        .iter()
        .filter(|node| suffering(snapshot, node) == Suffering::Yes)
        .collect();
    // Where most suffer alike, what one of them has for itself explains nothing.
    if nodes.len() < FEWEST || suffer.len() * 2 > nodes.len() {
        return Vec::new();
    }
    let table = table(snapshot);
    suffer
        .into_iter()
        .filter_map(|node| finding(snapshot, rule, node, &table))
        .collect()
}

fn finding(snapshot: &Snapshot, rule: &RuleHeader, node: &str, table: &Table) -> Option<Finding> {
    let mut finding = Finding::new(rule, Subject::node(node), Confidence::Confirmed);
    let mut differences: Vec<String> = Vec::new();
    let mut others = 0;
    for (name, values) in table {
        let Some(own) = values.get(node) else { continue };
        let Some(agreed) = most(values.values().map(|value| value.text.as_str())) else {
            continue;
        };
        let mut same = values.values().filter(|value| value.text == agreed);
        let Some(first) = same.next().filter(|_| own.text != agreed) else {
            continue;
        };
        others = others.max(1 + same.count());
        differences.push(format!("{name} {} ≠ {}", own.text, first.text));
        finding.add_cite(own.cite.clone());
        finding.add_cite(first.cite.clone());
    }
    if differences.is_empty() || differences.len() > MOST {
        return None;
    }
    touch_pods(snapshot, node, &mut finding);
    Some(
        finding
            .fact("node", node)
            .fact("others", others)
            .fact("differences", differences),
    )
}

fn table(snapshot: &Snapshot) -> Table {
    let mut table = Table::new();
    let mut add = |name: String, node: &str, text: &str, cite: Citation| {
        if !text.is_empty() {
            let value = Value {
                text: text.to_owned(),
                cite,
            };
            table.entry(name).or_default().insert(node.to_owned(), value);
        }
    };
    for node in snapshot.kind("Node") {
        for field in INFO {
            let at = format!("/status/nodeInfo/{field}");
            add(field.to_owned(), &node.key.name, node.text(&at), node.cite_at(&at));
        }
    }
    for machine in machines(snapshot).iter().filter(|machine| machine.certain) {
        for key in PARAMETERS {
            if let Some((value, cite)) = machine.sysctl(key) {
                add(key.to_owned(), &machine.node, value, cite);
            }
        }
        for name in SERVICES {
            if let Some(unit) = machine.host.tools.unit(name).filter(|unit| unit.loaded != "not-found") {
                add(
                    format!("{name}.service"),
                    &machine.node,
                    &unit.active,
                    unit.cite.clone(),
                );
            }
        }
        for (name, text, cite) in network(machine) {
            add(name.to_owned(), &machine.node, &text, cite);
        }
    }
    table
}

/// The MTU of the card that the default route leaves by, and the name servers.
fn network(machine: &Machine<'_>) -> Vec<(&'static str, String, Citation)> {
    let tools = &machine.host.tools;
    let card = tools
        .routes
        .iter()
        .find(|route| route.is_default())
        .and_then(|route| tools.interfaces.iter().find(|known| known.name == route.dev));
    let mtu = card.and_then(|card| Some(("MTU", card.mtu?.to_string(), card.cite.clone())));
    let servers = match machine.host.resolvers.as_slice() {
        [only] => Some(("nameserver", only.nameservers.join(" "), only.cite.clone())),
        _ => None,
    };
    [mtu, servers].into_iter().flatten().collect()
}

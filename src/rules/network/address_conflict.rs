//! Two machines have one address.

use std::collections::BTreeMap;

use crate::cluster::{Object, Snapshot};
use crate::model::{Confidence, Subject};
use crate::rules::toolbox::hosts::{Suffering, confidence, network_suffering};
use crate::rules::toolbox::nodes::{by_node, touch_pods};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: address-conflict
role: cause
level: critical
needs: [nodes|system-log|container-logs|events]
text:
  - id: dad4
    pattern: '(?:ACD|DAD|address conflict)[^\n]{0,60}(?:detected|conflict)[^\n]{0,80}?(?P<address>\d+\.\d+\.\d+\.\d+)'
  - id: dad6
    pattern: 'IPv6: (?P<device>\S+): IPv6 duplicate address (?P<address>[0-9a-f:]+)[^\n]* detected'
  - id: arp
    pattern: '(?:duplicate IP address|IP address conflict|Conflicting ARP|Duplicate address) ?(?:detected|found|information from)?[^\n]{0,60}?(?P<address>\d+\.\d+\.\d+\.\d+)'
  - id: calico
    pattern: 'IPv[46] address (?P<address>[0-9a-f.:]+) (?:is already in use by|has already been claimed by|already in use by another)'
  - id: calico-node
    pattern: "Calico node '(?P<other>[^'\\n]{1,120})' is already using the IPv[46] address (?P<address>[0-9a-f.:]*[0-9a-f])"
check: {zh: "节点的地址或 Pod 网段是否被重复使用", en: "whether the address or the pod network of a node is used twice"}
title:
  zh: "节点 {{ node }} 的{% if network %} Pod 网段{% else %}地址{% endif %} {{ address }} 被重复使用{% if other %}（与节点 {{ other }} 相同）{% endif %}"
  en: "the {% if network %}pod network{% else %}address{% endif %} {{ address }} of node {{ node }} is used twice{% if other %} (node {{ other }} has it as well){% endif %}"
cause:
  zh: "{% if not line %}节点 {{ node }} 与 {{ other }} 的{% if network %} podCIDR{% else %} InternalIP{% endif %} 都是 {{ address }}{% else %}{{ line }}{% endif %}；数据包时而到达这台机器、时而到达那台。"
  en: "{% if not line %}nodes {{ node }} and {{ other }} both have the {% if network %}podCIDR{% else %}InternalIP{% endif %} {{ address }}{% else %}{{ line }}{% endif %}; packets reach now this machine and now that one."
causes:
  - {rule: cni-agent-unhealthy, ground: cluster, mechanism: {zh: "CNI 的守护进程拒绝以冲突的地址启动", en: "the CNI's daemon does not start with an address that another has"}}
  - {rule: calico-bgp-not-established, ground: cluster, mechanism: {zh: "两个节点以同一地址参与 BGP", en: "two nodes take part in BGP under one address"}}
  - {rule: cni-not-ready, ground: node, mechanism: {zh: "CNI 的守护进程没有写下配置", en: "the CNI's daemon has not written its configuration"}}
  - rule: node-notready
    ground: node
    mechanism: {zh: "节点因此不再就绪", en: "the node is not ready for it"}
  - rule: failedscheduling-taint
    ground: node
    mechanism: {zh: "节点的状况变成污点，调度器因此避开它", en: "the node's condition becomes a taint, and the scheduler keeps away"}
  - rule: dns-resolution-failure
    ground: node
    mechanism: {zh: "查询得不到应答", en: "queries get no answer"}
  - rule: app-upstream-refused
    ground: node
    mechanism: {zh: "到对端的连接得不到应答", en: "connections to the peer get no answer"}
  - rule: app-database-unreachable
    ground: node
    mechanism: {zh: "到数据库的连接得不到应答", en: "connections to the database get no answer"}
  - rule: app-upstream-unresolved
    ground: node
    mechanism: {zh: "名字解析失败", en: "names do not resolve"}
  - rule: coredns-pod-unhealthy
    ground: node
    mechanism: {zh: "该节点上的域名服务因此不可用", en: "the name service on this node suffers from it"}
  - rule: coredns-upstream-timeout
    ground: node
    mechanism: {zh: "转发给上游的查询得不到应答", en: "queries that are forwarded get no answer"}
  - rule: cni-agent-unhealthy
    ground: node
    mechanism: {zh: "CNI 的守护进程因此不就绪", en: "the CNI's daemon is not ready for it"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "节点上的 Pod 不能就绪", en: "pods of the node do not get ready"}
  - rule: crashloopbackoff
    ground: workload
    mechanism: {zh: "进程因此退出，kubelet 反复重启", en: "the process ends over it and the kubelet restarts it"}
  - rule: endpoints-missing
    ground: workload
    mechanism: {zh: "Pod 不就绪，端点被移除", en: "pods that are not ready leave the endpoints"}
  - rule: probe-failing
    ground: node
    mechanism: {zh: "节点的故障使其上的探针都失败", en: "the node is in trouble, and so are the probes on it"}
benign:
  - {zh: "浮动地址（VIP）切换时的短暂提示", en: "a short notice while a floating address moves"}
remedy:
  - purpose: {zh: "从另一台机器探测该地址有几个主人", en: "see from another machine how many owners the address has"}
    place: node
    risk: read-only
    command: "arping -c 4 -I <INTERFACE> {{ address }}"
    expect: {zh: "应答来自两个 MAC 地址", en: "answers come from two MAC addresses"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "在核实哪一台机器应当拥有该地址之后，从另一台移除", en: "once it is known which machine should have the address, remove it from the other one"}
    place: node
    risk: dangerous
    command: "ip address del <ADDRESS>/<PREFIX> dev <INTERFACE>"
    verify: {zh: "`arping` 只有一个 MAC 应答", en: "`arping` is answered by one MAC only"}
    rollback: {zh: "`ip address add <ADDRESS>/<PREFIX> dev <INTERFACE>`", en: "`ip address add <ADDRESS>/<PREFIX> dev <INTERFACE>`"}
    notes:
      - {zh: "在控制台上执行：地址是管理地址时，连接会中断。podCIDR 重复时，改为删除并重新加入其中一个节点", en: "run it at the console: if it is the address of management, the connection ends. Where a podCIDR is there twice, remove one of the nodes and let it join again"}
prevention:
  - kind: prevent
    text: {zh: "在地址管理中为节点保留地址", en: "reserve the addresses of nodes in address management"}
    acceptance: {zh: "DHCP 范围与节点地址没有重叠", en: "the DHCP range does not overlap with the nodes"}
sources:
  - "Linux net/ipv6/addrconf.c: `IPv6 duplicate address %pI6c used by %pM detected!`"
  - "systemd-networkd: `Dropping address …, as an address conflict was detected.`"
  - "calico node/pkg/lifecycle/startup: `IPv4 address has already been claimed`"
versions: "any"
examples:
  - name: "the kernel finds a duplicate"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     NotReady    <none>   90d   v1.28.4
      "n1/dmesg.txt": |
        [Tue Jan 21 18:20:44 2025] IPv6: eth0: IPv6 duplicate address fd00::5 used by 02:42:ac:11:00:02 detected!
    fires:
      - {kind: "Node", name: "n1", node: "n1"}
  - name: "two nodes say the same"
    files:
      "nodes.json": '{"kind": "NodeList", "apiVersion": "v1", "items": [{"metadata": {"name": "n1"}, "spec": {"podCIDR": "10.42.0.0/24"}, "status": {"addresses": [{"type": "InternalIP", "address": "10.0.0.5"}], "conditions": [{"type": "Ready", "status": "True"}]}}, {"metadata": {"name": "n2"}, "spec": {"podCIDR": "10.42.1.0/24"}, "status": {"addresses": [{"type": "InternalIP", "address": "10.0.0.5"}], "conditions": [{"type": "Ready", "status": "False"}]}}]}'
    fires:
      - {kind: "Node", name: "n2", node: "n2"}
  - name: "each has its own"
    files:
      "nodes.json": '{"kind": "NodeList", "apiVersion": "v1", "items": [{"metadata": {"name": "n1"}, "spec": {"podCIDR": "10.42.0.0/24"}, "status": {"addresses": [{"type": "InternalIP", "address": "10.0.0.5"}], "conditions": [{"type": "Ready", "status": "True"}]}}, {"metadata": {"name": "n2"}, "spec": {"podCIDR": "10.42.1.0/24"}, "status": {"addresses": [{"type": "InternalIP", "address": "10.0.0.6"}], "conditions": [{"type": "Ready", "status": "False"}]}}]}'
  - name: "masked by the collector"
    files:
      "nodes.json": '{"kind": "NodeList", "apiVersion": "v1", "items": [{"metadata": {"name": "n1"}, "spec": {"podCIDR": "10.42.0.0/24"}, "status": {"addresses": [{"type": "InternalIP", "address": "***HIDDEN***"}], "conditions": [{"type": "Ready", "status": "True"}]}}, {"metadata": {"name": "n2"}, "spec": {"podCIDR": "10.42.1.0/24"}, "status": {"addresses": [{"type": "InternalIP", "address": "***HIDDEN***"}], "conditions": [{"type": "Ready", "status": "False"}]}}]}'
  - name: "detection passes"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     Ready    <none>   90d   v1.28.4
        n2     Ready    <none>   90d   v1.28.4
      "n1/dmesg.txt": |
        [Tue Jan 21 18:20:44 2025] IPv6: ADDRCONF(NETDEV_CHANGE): eth0: link becomes ready
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings: Vec<Finding> = by_node(input, rule, 1, Confidence::Probable)
        .into_iter()
        .map(|finding| {
            let other = finding.facts.get("other").cloned().unwrap_or_else(|| "".into());
            finding.fact("other", other).fact("network", false)
        })
        .collect();
    // The first of those that share an address stands for them, so that many nodes cost no more than one look at each.
    let mut first: BTreeMap<&str, &Object> = BTreeMap::new();
    for node in snapshot.kind("Node") {
        let address = internal(node).map(|(address, _)| address);
        let keys = address.into_iter().chain([node.text("/spec/podCIDR")]);
        for key in keys.filter(|key| !key.is_empty()) {
            match first.get(key) {
                Some(other)
                    if !findings
                        .iter()
                        .any(|known| known.facts.get("address") == Some(&key.into())) =>
                {
                    findings.extend(shared(snapshot, rule, other, node));
                }
                Some(_) => {}
                None => {
                    first.insert(key, node);
                }
            }
        }
    }
    findings
}

/// The address or the pod network that two nodes share: about the one that suffers.
fn shared(snapshot: &Snapshot, rule: &RuleHeader, one: &Object, other: &Object) -> Option<Finding> {
    // A collector may have masked them all alike.
    let is_address = |text: &str| text.split('/').next().unwrap_or("").parse::<std::net::IpAddr>().is_ok();
    let address =
        internal(one).filter(|(text, _)| is_address(text) && internal(other).is_some_and(|(same, _)| same == *text));
    let network = ("/spec/podCIDR".to_owned(), one.text("/spec/podCIDR"));
    let is_same_network = is_address(network.1) && network.1 == other.text("/spec/podCIDR");
    let (text, at, is_network) = match address {
        Some((text, at)) => (text, at, false),
        None if is_same_network => (network.1, network.0, true),
        None => return None,
    };
    let mut pair = [one, other];
    pair.sort_by_key(|node| std::cmp::Reverse(network_suffering(snapshot, &node.key.name)));
    let [worse, better] = pair;
    let suffers = network_suffering(snapshot, &worse.key.name);
    if suffers == Suffering::No {
        return None;
    }
    let mut finding = Finding::new(rule, Subject::node(&worse.key.name), confidence(suffers))
        .cite(one.cite_at(&at))
        .cite(other.cite_at(&at))
        .affects(Subject::node(&better.key.name))
        .fact("node", worse.key.name.clone())
        .fact("other", better.key.name.clone())
        .fact("address", text)
        .fact("network", is_network)
        .fact("line", "");
    touch_pods(snapshot, &worse.key.name, &mut finding);
    Some(finding)
}

/// The node's own address, and where it stands.
fn internal(node: &Object) -> Option<(&str, String)> {
    node.list("/status/addresses")
        .iter()
        .enumerate()
        .find(|(_, address)| address.get("type").and_then(|kind| kind.as_str()) == Some("InternalIP"))
        .and_then(|(index, address)| {
            Some((
                address.get("address")?.as_str()?,
                format!("/status/addresses/{index}/address"),
            ))
        })
}

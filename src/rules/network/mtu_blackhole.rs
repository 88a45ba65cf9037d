//! Packets of the CNI are larger than a node's network card takes.

use crate::bundle::decode::Interface;
use crate::model::Confidence;
use crate::rules::toolbox::hosts::{Machine, Suffering, confidence, machines, network_suffering};
use crate::rules::toolbox::nodes::by_node;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: mtu-blackhole
role: cause
level: critical
needs: [interfaces|system-log|container-logs]
text:
  - id: local
    pattern: '(?:local error: message too long, mtu ?= ?(?P<mtu>\d+)|[Ff]rag(?:mentation)? needed (?:and DF set )?\(mtu ?= ?(?P<path_mtu>\d+)\))'
check: {zh: "CNI 的 MTU 是否适合节点的网卡", en: "whether the MTU of the CNI fits the nodes' network cards"}
title:
  zh: "节点 {{ node }} 的 MTU 不匹配：{{ setting }}"
  en: "the MTUs of node {{ node }} do not fit: {{ setting }}"
cause:
  zh: "{{ setting }}：封装后的数据包超过网卡或路径的 MTU 而被丢弃。小包（ping、TCP 握手）正常，大包（TLS 证书、镜像层、较大的应答）停住不动。"
  en: "{{ setting }}: once encapsulated, packets are larger than the card or the path takes, and are dropped. Small ones pass (ping, the TCP handshake), large ones do not (certificates of TLS, image layers, longer answers)."
causes:
  - rule: registry-unreachable-timeout
    ground: node
    mechanism: {zh: "到镜像仓库的请求得不到应答", en: "requests to the registry get no answer"}
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
  - rule: readiness-probe-failing
    ground: node
    mechanism: {zh: "探针得不到应答", en: "probes get no answer"}
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
  - rule: tls-handshake-failure
    ground: cluster
    mechanism: {zh: "握手因此失败", en: "handshakes fail for it"}
  - rule: cross-node-pod-network-broken
    ground: cluster
    mechanism: {zh: "跨节点的数据包过不去", en: "packets between nodes do not pass"}
  - rule: intermittent-timeouts
    ground: node
    mechanism: {zh: "部分连接因此超时", en: "some connections time out for it"}
benign:
  - {zh: "ping 正常不能排除 MTU 问题", en: "a ping that works rules nothing out"}
  - {zh: "CNI 的 MTU 比网卡小得多只是浪费", en: "an MTU of the CNI far below the card's is only waste"}
remedy:
  - purpose: {zh: "查看各网卡的 MTU，并以不分片的大包探测路径", en: "look at the MTUs, and probe the path with large packets that may not be split"}
    place: node
    risk: read-only
    command: |
      ip -d link show
      ping -M do -s 1472 -c 3 <OTHER_NODE_IP>
    expect: {zh: "1472 字节不通而小包能通（1472 + 8 ICMP + 20 IP = 1500）", en: "1472 bytes fail and small ones pass (1472 + 8 ICMP + 20 IP = 1500)"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "把 CNI 的 MTU 设为不大于网卡 MTU 减封装开销（VXLAN 50、IPIP 20、WireGuard 60）", en: "set the CNI's MTU to at most that of the card less the overhead (VXLAN 50, IPIP 20, WireGuard 60)"}
    place: cluster
    risk: change
    command: "kubectl -n kube-system edit configmap <CNI_CONFIG>"
    expect: {zh: "`configmap edited`", en: "`configmap edited`"}
    verify: {zh: "大包能通，应用不再超时", en: "large packets pass and applications time out no more"}
    rollback: {zh: "恢复原来的 MTU 并重启 CNI 守护进程", en: "put the old MTU back and restart the agent"}
    notes:
      - {zh: "改动后重启 CNI 守护进程；已有的 Pod 重建后才用新的 MTU", en: "restart the CNI's agent afterwards; pods take the new MTU when they are re-created"}
prevention:
  - kind: prevent
    text: {zh: "在节点镜像与 CNI 配置中统一 MTU", en: "set the MTUs in the node image and the CNI configuration together"}
    acceptance: {zh: "新节点间 ping -M do -s 能通过 CNI 的 MTU", en: "ping -M do -s with the MTU of the CNI passes between new nodes"}
sources:
  - "docs.tigera.io: Configure MTU to maximize network performance"
  - "flannel-io/flannel pkg/backend/vxlan: overhead of 50 bytes"
  - "iputils ping: `local error: message too long, mtu=`"
versions: "any"
examples:
  - name: "VXLAN as large as the card"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     Ready    <none>   90d   v1.28.4
        n2     Ready    <none>   90d   v1.28.4
      "pods.txt": |
        NAMESPACE     NAME                      READY   STATUS    RESTARTS   AGE   IP           NODE
        shop          web-57b96b46b7-zv4q2      0/1     CrashLoopBackOff 7          41m   10.42.0.9    n2
      "n2/ip-route.txt": |
        default via 10.0.0.254 dev ens3
      "n2/ip-addr.txt": |
        2: ens3: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1450 qdisc fq_codel state UP group default qlen 1000
            inet 10.0.0.2/24 brd 10.0.0.255 scope global ens3
        5: flannel.1: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1450 qdisc noqueue state UNKNOWN group default
    fires:
      - {kind: "Node", name: "n2", node: "n2"}
  - name: "with room for the overhead"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     Ready    <none>   90d   v1.28.4
        n2     Ready    <none>   90d   v1.28.4
      "pods.txt": |
        NAMESPACE     NAME                      READY   STATUS    RESTARTS   AGE   IP           NODE
        shop          web-57b96b46b7-zv4q2      0/1     CrashLoopBackOff 7          41m   10.42.0.9    n2
      "n2/ip-route.txt": |
        default via 10.0.0.254 dev ens3
      "n2/ip-addr.txt": |
        2: ens3: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc fq_codel state UP group default qlen 1000
            inet 10.0.0.2/24 brd 10.0.0.255 scope global ens3
        5: flannel.1: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1450 qdisc noqueue state UNKNOWN group default
"##;

/// Beginnings of tunnels' names and what they add to a packet, in bytes (Calico's and flannel's documents on MTU). Cilium and OVN set
/// their device to the card's MTU and lower that of the routes, so their device says nothing.
const TUNNELS: [(&str, u64); 6] = [
    ("flannel.", 50),
    ("vxlan.calico", 50),
    ("tunl0", 20),
    ("wireguard.cali", 60),
    ("cilium_wg", 60),
    ("flannel-wg", 60),
];

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings: Vec<Finding> = by_node(input, rule, 1, Confidence::Probable)
        .into_iter()
        .filter(|finding| network_suffering(snapshot, &finding.subject.name) == Suffering::Yes)
        .map(|finding| {
            let line = finding.facts.get("line").cloned().unwrap_or_default();
            finding.fact("setting", line)
        })
        .collect();
    for machine in machines(snapshot).iter().filter(|machine| machine.is_node(snapshot)) {
        let suffers = network_suffering(snapshot, &machine.node);
        if suffers == Suffering::No {
            continue;
        }
        let Some((tunnel, card, overhead)) = too_large(machine) else {
            continue;
        };
        let (inner, outer) = (tunnel.mtu.unwrap_or(0), card.mtu.unwrap_or(0));
        findings.retain(|finding| finding.subject.name != machine.node);
        findings.push(
            machine
                .finding(snapshot, rule, confidence(suffers))
                .cite(tunnel.cite.clone())
                .cite(card.cite.clone())
                .fact(
                    "setting",
                    format!("{} {inner} + {overhead} > {} {outer}", tunnel.name, card.name),
                ),
        );
    }
    findings
}

/// A tunnel whose packets do not fit the card that the default route leaves by.
fn too_large<'s>(machine: &Machine<'s>) -> Option<(&'s Interface, &'s Interface, u64)> {
    let tools = &machine.host.tools;
    let interface = |name: &str| tools.interfaces.iter().find(|known| known.name == name);
    let by_route = tools
        .routes
        .iter()
        .find(|route| route.is_default())
        .and_then(|route| interface(&route.dev));
    let card = by_route.or_else(|| {
        let is_card = |name: &str| ["eth", "en", "bond"].iter().any(|start| name.starts_with(start));
        let mut cards = tools
            .interfaces
            .iter()
            .filter(|known| is_card(&known.name) && known.state != "DOWN");
        let first = cards.next();
        first.filter(|_| cards.next().is_none())
    })?;
    TUNNELS.iter().find_map(|(start, overhead)| {
        let tunnel = tools
            .interfaces
            .iter()
            .find(|known| known.name.starts_with(start) && known.state != "DOWN")?;
        (tunnel.mtu?.saturating_add(*overhead) > card.mtu?).then_some((tunnel, card, *overhead))
    })
}

//! Pods of one node do not reach those of another: the CNI's own probes say so, or the node's own ping.

use std::collections::BTreeSet;

use crate::model::{Confidence, Subject};
use crate::rules::toolbox::hosts::{Suffering, any_suffering};
use crate::rules::toolbox::nodes::{by_node, quote, touch_pods};
use crate::rules::toolbox::pings::lost_pings;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: cross-node-pod-network-broken
role: link
level: critical
needs: [container-logs|host-facts|events]
meets: [{kinds: [Node], least: 2}]
text:
  - id: probe
    pattern: '(?:ICMP to stack|HTTP to agent):\s+(?P<problem>Connection timed out|No route to host|Get "?http[^\n]{3,120})'
  - id: reachable
    pattern: 'Cluster health:\s+(?P<reached>\d{1,5})/(?P<all>\d{1,5}) reachable'
  - id: appeared
    pattern: 'Only (?P<reached>\d{1,5})/(?P<all>\d{1,5}) nodes appeared in cilium-health'
check:
  zh: 不同节点的 Pod 之间是否互通
  en: whether pods of different nodes reach each other
title:
  zh: "从节点 {{ node }} 到其他节点的 Pod 网络不通{% if reached is defined and all is defined %}（{{ reached }}/{{ all }} 个节点可达）{% endif %}{% if problem is defined %}：{{ problem }}{% endif %}"
  en: "the pod network from node {{ node }} to other nodes is broken{% if reached is defined and all is defined %} ({{ reached }} of {{ all|nodes }} can be reached){% endif %}{% if problem is defined %}: {{ problem }}{% endif %}"
cause:
  zh: "{{ line }}。同节点的 Pod 互通而跨节点不通时，看隧道端口是否被拦截或占用、MTU、rp_filter、ip_forward、CNI 选错网卡或校验和卸载。NetworkPolicy 的拒绝不属于网络故障。"
  en: "{{ line }}. Where pods of one node reach each other and not those elsewhere, look whether the tunnel's port is blocked or taken, at MTU, rp_filter, ip_forward, the interface that the CNI chose, and checksum offload. What a NetworkPolicy refuses is no fault of the network."
causes:
  - rule: dns-resolution-failure
    ground: node
    mechanism: {zh: "到 CoreDNS 的查询出不了节点", en: "queries to CoreDNS do not leave the node"}
  - rule: app-upstream-refused
    ground: node
    mechanism: {zh: "到其他节点的连接没有应答", en: "connections to other nodes get no answer"}
  - rule: app-database-unreachable
    ground: node
    mechanism: {zh: "到其他节点的连接没有应答", en: "connections to other nodes get no answer"}
  - rule: service-unreachable
    ground: node
    mechanism: {zh: "后端在其他节点上", en: "what stands behind it is on other nodes"}
  - rule: probe-failing
    ground: node
    mechanism: {zh: "应用的依赖不可达，探针失败", en: "what applications depend on is out of reach, so probes fail"}
  - rule: webhook-call-failed
    ground: cluster
    mechanism: {zh: "API 服务器调用不到其他节点上的 webhook", en: "the API server does not reach webhooks on other nodes"}
  - rule: metrics-server-scrape-failure
    ground: cluster
    mechanism: {zh: "metrics-server 访问不到其他节点", en: "the metrics-server does not reach other nodes"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "节点上的 Pod 不能就绪", en: "pods of the node do not get ready"}
benign:
  - {zh: "列出的节点已关机或正在重启", en: "the nodes that are missing are switched off or restarting"}
  - {zh: "cilium-health 刚启动时还没有完成一轮探测", en: "cilium-health has not finished its first round"}
remedy:
  - purpose: {zh: "在两个节点之间测试隧道端口与 Pod 地址", en: "try the tunnel's port and a pod's address between two nodes"}
    place: node
    risk: read-only
    command: |
      ip -d link show type vxlan
      ping -M do -s 1400 -c 3 <OTHER_NODE_IP>
      nc -vzu <OTHER_NODE_IP> 8472
    expect: {zh: "其中一项失败", en: "one of them fails"}
    verify: {zh: "不通的一层已经确定", en: "the layer that fails is known"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
prevention:
  - kind: detect
    text: {zh: "部署节点间的网状探测（cilium-health、goldpinger）并告警", en: "run a mesh of probes between nodes (cilium-health, goldpinger) and alert on it"}
    acceptance: {zh: "在测试节点上拦截隧道端口后 5 分钟内告警", en: "blocking the tunnel's port on a test node raises the alert within 5 minutes"}
sources:
  - "cilium Documentation/operations/troubleshooting.rst: cilium-health status"
  - "cilium pkg/health/client/client.go: `ICMP to stack`, `HTTP to agent`; `Cluster health: n/m reachable`"
versions: "Cilium 1.0 to 1.18"
examples:
  - name: "cilium-health"
    files:
      "pods.txt": |
        NAMESPACE   NAME                       READY   STATUS             RESTARTS   AGE   IP           NODE
        shop        web-57b96b46b7-zv4q2       0/1     CrashLoopBackOff   7          41m   10.42.0.9    n2
      "nodes/n2/cilium-health.txt": |
        Nodes:
          n2 (localhost):
            Endpoint connectivity to 10.42.0.3:
              ICMP to stack:   OK, RTT=307.205µs
              HTTP to agent:   OK, RTT=365.113µs
          n1:
            Endpoint connectivity to 10.42.1.3:
              ICMP to stack:   Connection timed out
              HTTP to agent:   Get "http://10.42.1.3:4240/hello": context deadline exceeded
    fires: [{kind: "Node", name: "n2", node: "n2"}]
  - name: "the node's own ping, along a route of the overlay"
    files:
      "n2.txt": |
        core@n2:~$ kubectl get nodes
        NAME   STATUS   ROLES    AGE   VERSION
        n1     Ready    <none>   90d   v1.28.4
        n2     Ready    <none>   90d   v1.28.4
        core@n2:~$ ip route
        10.42.1.0/24 via 10.42.1.0 dev flannel.1 onlink
        core@n2:~$ ping -c3 -W1 10.42.1.14
        PING 10.42.1.14 (10.42.1.14) 56(84) bytes of data.

        --- 10.42.1.14 ping statistics ---
        3 packets transmitted, 0 received, 100% packet loss, time 2041ms
    fires: [{kind: "Node", name: "n2", node: "n2"}]
  - name: "a host outside of the pod network answers no ping"
    files:
      "n2.txt": |
        core@n2:~$ kubectl get nodes
        NAME   STATUS   ROLES    AGE   VERSION
        n1     Ready    <none>   90d   v1.28.4
        n2     Ready    <none>   90d   v1.28.4
        core@n2:~$ ip route
        default via 10.0.0.254 dev ens3
        10.42.1.0/24 via 10.42.1.0 dev flannel.1 onlink
        core@n2:~$ ping -c3 -W1 192.0.2.9
        PING 192.0.2.9 (192.0.2.9) 56(84) bytes of data.

        --- 192.0.2.9 ping statistics ---
        3 packets transmitted, 0 received, 100% packet loss, time 2041ms
  - name: "every node is reached"
    files:
      "pods.txt": |
        NAMESPACE   NAME                       READY   STATUS             RESTARTS   AGE   IP           NODE
        shop        web-57b96b46b7-zv4q2       0/1     CrashLoopBackOff   7          41m   10.42.0.9    n2
      "nodes/n2/cilium-status.txt": |
        Controller Status:      40/40 healthy
        Cluster health:         3/3 reachable   (2026-02-24T14:29:41Z)
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for lost in lost_pings(input.snapshot) {
        let subject = Subject::node(&lost.node);
        match findings.iter_mut().find(|known| known.subject == subject) {
            Some(known) => known.add_cite(lost.cite.clone()),
            None => {
                let mut finding = Finding::new(rule, subject, Confidence::Confirmed)
                    .cite(lost.cite.clone())
                    .fact("node", lost.node.clone())
                    .fact("problem", format!("ping {}: 100% packet loss", lost.address));
                let line = quote(&finding);
                finding.facts.insert("line".into(), line.into());
                touch_pods(input.snapshot, &lost.node, &mut finding);
                findings.push(finding);
            }
        }
    }
    findings.extend(by_probes(input, rule));
    let mut seen = BTreeSet::new();
    findings.retain(|finding| seen.insert(finding.subject.clone()));
    findings
}

/// What the CNI's own probes say.
fn by_probes(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    if any_suffering(input.snapshot) == Suffering::No {
        return Vec::new();
    }
    let mut findings = by_node(input, rule, 1, Confidence::Probable);
    findings.retain(|finding| {
        let number = |name: &str| finding.facts.get(name)?.as_str()?.parse::<u64>().ok();
        let lacks_some = matches!((number("reached"), number("all")), (Some(reached), Some(all)) if reached < all);
        finding.facts.contains_key("problem") || lacks_some
    });
    findings
}

//! Calico's nodes have no BGP session with some of their peers.

use std::collections::BTreeSet;

use crate::cluster::Snapshot;
use crate::model::Confidence;
use crate::rules::toolbox::certificates::node_at;
use crate::rules::toolbox::nodes::{by_node_of_failing_pods, is_ready};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: calico-bgp-not-established
role: link
level: critical
needs: [events|container-logs|host-facts]
meets: [{kinds: [Pod, DaemonSet], named: [calico-node, canal]}]
text:
  - id: readiness
    pattern: 'BGP not established with (?P<peers>[0-9a-fA-F.:,]{3,400})'
  - id: status
    pattern: '\|\s*(?P<peers>[0-9a-fA-F.:]{3,45})\s*\| node-to-node mesh\s*\| (?:start|down|idle)\s*\|'
check:
  zh: Calico 的 BGP 会话是否已建立
  en: whether Calico's BGP sessions are up
title:
  zh: "节点 {{ node }} 的 Calico 没有与 {{ peers }} 建立 BGP 会话"
  en: "Calico on node {{ node }} has no BGP session with {{ peers }}"
cause:
  zh: "没有 BGP 会话就学不到对端节点的 Pod 路由，跨节点的 Pod 通信中断：TCP 179 被拦截、Calico 选错了节点地址（多网卡时的 IP_AUTODETECTION_METHOD），或对端不是正常运行的节点。"
  en: "without a BGP session the routes to the peer's pods are not learnt, and pods of the two nodes do not reach each other: TCP 179 is blocked, Calico took the wrong address of the node (IP_AUTODETECTION_METHOD, with several cards), or the peer does not run well."
causes:
  - rule: route-missing
    ground: node
    mechanism: {zh: "没有会话就没有到对端的路由", en: "no session, no route to the peer"}
  - rule: cross-node-pod-network-broken
    ground: cluster
    mechanism: {zh: "没有到对端 Pod 的路由", en: "there is no route to the peer's pods"}
  - rule: readiness-probe-failing
    ground: pod
    mechanism: {zh: "calico-node 的就绪探针检查 BGP", en: "the readiness probe of calico-node looks at BGP"}
benign:
  - {zh: "列出的对端是已关机或未就绪的节点", en: "the peers are nodes that are switched off or not ready"}
  - {zh: "VXLAN 模式不使用 BGP（calico_backend: vxlan）", en: "VXLAN needs no BGP (calico_backend: vxlan)"}
remedy:
  - purpose: {zh: "查看会话与 TCP 179", en: "look at the sessions and at TCP 179"}
    place: node
    risk: read-only
    command: |
      calicoctl node status
      nc -vz <PEER_NODE_IP> 179
    expect: {zh: "STATE 不是 up，或连接被拒绝、超时", en: "STATE is not up, or the connection is refused or times out"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "固定 Calico 使用的网卡", en: "tell Calico which interface to use"}
    place: cluster
    risk: change
    command: "kubectl -n kube-system set env daemonset/calico-node IP_AUTODETECTION_METHOD=interface=<INTERFACE>"
    expect: {zh: "`env updated`", en: "`env updated`"}
    verify: {zh: "`calicoctl node status` 全部为 Established", en: "`calicoctl node status` says Established for all"}
    rollback: {zh: "`kubectl -n kube-system rollout undo daemonset/calico-node`", en: "`kubectl -n kube-system rollout undo daemonset/calico-node`"}
prevention:
  - kind: detect
    text: {zh: "对 calico-node 未就绪与 BGP 会话数告警，并在防火墙策略中放行 TCP 179", en: "alert on calico-node that is not ready and on the number of sessions, and let TCP 179 pass the firewalls"}
    acceptance: {zh: "在测试节点上拦截 179 后收到告警", en: "blocking 179 on a test node raises the alert"}
sources: ["projectcalico/calico node/pkg/health/health.go: `BIRD is not ready: BGP not established with`", "calicoctl node status"]
versions: "Calico 3.3 to 3.30"
examples:
  - name: "the readiness probe says so"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES    AGE   VERSION   INTERNAL-IP
        n1     Ready    <none>   90d   v1.28.4   10.0.0.1
        n2     Ready    <none>   90d   v1.28.4   10.0.0.2
      "pods.txt": |
        NAMESPACE     NAME                READY   STATUS    RESTARTS   AGE   IP           NODE
        kube-system   calico-node-x7x2k   0/1     Running   0          41m   10.0.0.1     n1
        kube-system   calico-node-m9cwr   1/1     Running   0          41m   10.0.0.2     n2
      "events.txt": |
        NAMESPACE     LAST SEEN   TYPE      REASON      OBJECT                  MESSAGE
        kube-system   2m          Warning   Unhealthy   pod/calico-node-x7x2k   Readiness probe failed: calico/node is not ready: BIRD is not ready: BGP not established with 10.0.0.2
    fires: [{kind: "Node", name: "n1", node: "n1"}]
  - name: "the peer is down anyway"
    files:
      "nodes.txt": |
        NAME   STATUS     ROLES    AGE   VERSION   INTERNAL-IP
        n1     Ready      <none>   90d   v1.28.4   10.0.0.1
        n2     NotReady   <none>   90d   v1.28.4   10.0.0.2
      "pods.txt": |
        NAMESPACE     NAME                READY   STATUS    RESTARTS   AGE   IP           NODE
        kube-system   calico-node-x7x2k   0/1     Running   0          41m   10.0.0.1     n1
      "events.txt": |
        NAMESPACE     LAST SEEN   TYPE      REASON      OBJECT                  MESSAGE
        kube-system   2m          Warning   Unhealthy   pod/calico-node-x7x2k   Readiness probe failed: calico/node is not ready: BIRD is not ready: BGP not established with 10.0.0.2
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let mut findings = by_node_of_failing_pods(input, rule, Confidence::Confirmed);
    findings.retain(|finding| {
        let peers = finding
            .facts
            .get("peers")
            .and_then(|peers| peers.as_str())
            .unwrap_or("");
        !all_are_down(input.snapshot, peers)
    });
    findings
}

/// A node that is down has no session with anybody; whoever says so is well.
fn all_are_down(snapshot: &Snapshot, peers: &str) -> bool {
    let nodes: BTreeSet<Option<&str>> = peers
        .split(',')
        .filter(|peer| !peer.is_empty())
        .map(|peer| node_at(snapshot, peer))
        .collect();
    !nodes.is_empty()
        && nodes
            .iter()
            .all(|node| node.is_some_and(|node| is_ready(snapshot, node) == Some(false)))
}

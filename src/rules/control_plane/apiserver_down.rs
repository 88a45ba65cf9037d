//! The API server is not reached: what is seen, rarely why.

use crate::cluster::Hit;
use crate::logs::{LineHit, TailLine};
use crate::model::Confidence;
use crate::rules::toolbox::nodes::{by_node, is_ready, node_of};
use crate::rules::toolbox::own_hits;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: apiserver-down
role: link
level: critical
needs: [kubelet-log|container-logs|system-log]
settled_by: api-server
text:
  - id: kubelet
    pattern: "(?:Failed to ensure lease exists|Error updating node status|Unable to (?:register|update) node)[^\\n]*dial tcp (?P<server>[0-9a-f.:\\[\\]]+:\\d+): connect: connection refused"
check:
  zh: "API 服务器是否可达"
  en: "whether the API server is reached"
title:
  zh: "节点 {{ node }} 连不上 API 服务器 {{ server }}"
  en: "node {{ node }} does not reach the API server {{ server }}"
cause:
  zh: "kubelet 的连接被拒绝：{{ line }}；在 {{ server }} 上没有进程监听。"
  en: "connections of the kubelet are refused: {{ line }}; nothing listens at {{ server }}."
causes:
  - rule: cluster-unresponsive
    ground: cluster
    mechanism: {zh: "控制面不能接受节点的状态", en: "the control plane cannot take the nodes' state"}
  - rule: node-notready
    ground: node
    mechanism: {zh: "节点因此不再就绪", en: "the node is not ready for it"}
benign:
  - {zh: "RKE1 worker 的 127.0.0.1:6443 是 nginx-proxy，k3s 的 127.0.0.1:6444 是代理", en: "127.0.0.1:6443 of an RKE1 worker is nginx-proxy, 127.0.0.1:6444 of k3s its load balancer"}
  - {zh: "API 服务器重启时的几次拒绝", en: "a few refusals while the API server restarts"}
remedy:
  - purpose: {zh: "查看现状", en: "look at the present state"}
    place: node
    risk: read-only
    command: "crictl ps -a --name kube-apiserver"
    expect: {zh: "Exited，或没有容器", en: "Exited, or no container"}
    verify: {zh: "原因已记录", en: "the reason is on record"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "查看现状", en: "look at the present state"}
    place: node
    risk: read-only
    command: "crictl logs $(crictl ps -a --name kube-apiserver -q | head -1)"
    expect: {zh: "退出前的最后几行", en: "the last lines before it ended"}
    verify: {zh: "原因已记录", en: "the reason is on record"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
prevention:
  - kind: detect
    text: {zh: "对节点 NotReady 持续 5 分钟告警", en: "alert when a node is NotReady for 5 minutes"}
    acceptance: {zh: "停掉测试节点的 kubelet，按时收到告警", en: "stopping a test node's kubelet raises the alert in time"}
sources: ["kubernetes pkg/kubelet: `Failed to ensure lease exists, will retry`"]
versions: "Kubernetes 1.18 to 1.36"
examples:
  - name: "refused to the end"
    files:
      kubelet-cp.log: |
        May 14 21:16:47 cp kubelet[980]: E0514 21:16:47.330110     980 controller.go:145] "Failed to ensure lease exists, will retry" err="Get \"https://10.66.0.10:6443/x?timeout=10s\": dial tcp 10.66.0.10:6443: connect: connection refused" interval="7s"
    fires: [{kind: "Node", name: "cp", node: "cp"}]
  - name: "a moment long ago"
    files:
      kubelet-cp.log: |
        May 14 21:16:47 cp kubelet[980]: E0514 21:16:47.330110     980 controller.go:145] "Failed to ensure lease exists, will retry" err="Get \"https://10.66.0.10:6443/x?timeout=10s\": dial tcp 10.66.0.10:6443: connect: connection refused" interval="7s"
        May 14 23:16:47 cp kubelet[980]: I0514 23:16:47.330110     980 x.go:145] "well"
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings = by_node(input, rule, 1, Confidence::Confirmed);
    // A kubelet that registered afterwards has found the API server again (kubernetes pkg/kubelet/kubelet_node_status.go).
    let is_back = |hit: &Hit| {
        let log = snapshot.log_of(hit);
        log.is_some_and(|log| {
            let refused = log.hits.iter().filter(|line| line.signature == hit.signature);
            let last = refused.map(LineHit::last_line).max().unwrap_or(0);
            let registered = |line: &TailLine| line.line > last && line.text.contains("Successfully registered node");
            log.tail.iter().any(registered)
        })
    };
    let hits = own_hits(input, rule);
    findings.retain(|finding| {
        let of_node = |hit: &&&Hit| node_of(snapshot, hit).as_ref() == Some(&finding.subject.name);
        let mut of_node = hits.iter().filter(of_node);
        is_ready(snapshot, &finding.subject.name) != Some(true) || !of_node.all(|hit| is_back(hit))
    });
    findings
}

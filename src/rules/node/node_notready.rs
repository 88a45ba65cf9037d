//! A node is not ready: what the control plane sees, never why.

use crate::model::{Confidence, Subject};
use crate::rules::toolbox::nodes::{cite_condition, condition, touch_pods};
use crate::rules::toolbox::workload_touches;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: node-notready
role: symptom
level: critical
needs: [nodes]
reported: true
check:
  zh: "所有节点是否就绪"
  en: "whether all nodes are ready"
title:
  zh: "节点 {{ node }} 未就绪{% if message %}：{{ message }}{% endif %}"
  en: "node {{ node }} is not ready{% if message %}: {{ message }}{% endif %}"
cause:
  zh: "节点 {{ node }} 的 Ready 条件为 {{ status }}{% if message %}（{{ message }}）{% endif %}；采集到的数据没有说明更深的原因。"
  en: "the Ready condition of node {{ node }} is {{ status }}{% if message %} ({{ message }}){% endif %}; the collected data does not say more."
causes:
  - rule: pods-evicted-by-taint
    ground: workload
    mechanism: {zh: "节点失联超过容忍时间", en: "the node was silent for longer than pods tolerate"}
  - rule: pod-terminating-stuck
    ground: node
    mechanism: {zh: "节点失联，删除得不到确认", en: "the node is lost, so nobody confirms the deletion"}
  - rule: longhorn-volume-degraded
    ground: cluster
    mechanism: {zh: "该节点上的副本不可用", en: "replicas on the node cannot be used"}
  - rule: failedscheduling-taint
    ground: node
    mechanism: {zh: "节点的状况变成污点，调度器因此避开它", en: "the node's condition becomes a taint, and the scheduler keeps away"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "节点上的 Pod 不再就绪", en: "the pods on the node are no longer ready"}
  - rule: endpoints-missing
    ground: workload
    mechanism: {zh: "未就绪节点上的 Pod 被移出端点", en: "pods of a node that is not ready leave the endpoints"}
benign:
  - {zh: "SchedulingDisabled（cordon）不等于 NotReady", en: "SchedulingDisabled (cordoned) is not NotReady"}
  - {zh: "所有节点同时 Unknown 说明控制面而非节点出了问题", en: "all nodes Unknown at once means the control plane, not the nodes"}
remedy:
  - purpose: {zh: "查看现状", en: "look at the present state"}
    place: cluster
    risk: read-only
    command: "kubectl describe node {{ node }}"
    expect: {zh: "Conditions 中的 Reason 与 Message", en: "Reason and Message among its conditions"}
    verify: {zh: "原因已记录", en: "the reason is on record"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "查看现状", en: "look at the present state"}
    place: node
    risk: read-only
    command: "journalctl -u kubelet -n 100 --no-pager"
    expect: {zh: "kubelet 的最后日志", en: "the last lines of the kubelet"}
    verify: {zh: "原因已记录", en: "the reason is on record"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
prevention:
  - kind: detect
    text: {zh: "对节点 NotReady 持续 5 分钟告警", en: "alert when a node is NotReady for 5 minutes"}
    acceptance: {zh: "停掉测试节点的 kubelet，按时收到告警", en: "stopping a test node's kubelet raises the alert in time"}
sources: ["kubernetes pkg/controller/nodelifecycle: `Kubelet stopped posting node status.`"]
versions: "Kubernetes 1.18 to 1.36"
examples:
  - name: "a table"
    files:
      nodes.txt: |
        NAME   STATUS   ROLES   AGE   VERSION
        w1   Ready   <none>   90d   v1.28.4
        w2   NotReady   <none>   90d   v1.28.4
    fires: [{kind: "Node", name: "w2", node: "w2"}]
  - name: "cordoned"
    files:
      nodes.txt: |
        NAME   STATUS   ROLES   AGE   VERSION
        w1   Ready   <none>   90d   v1.28.4
        w2   Ready,SchedulingDisabled   <none>   90d   v1.28.4
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let mut findings = Vec::new();
    for node in input.snapshot.kind("Node") {
        let Some((index, ready)) = condition(node, "Ready") else {
            continue;
        };
        let text = |key: &str| ready.get(key).and_then(|value| value.as_str()).unwrap_or("");
        if text("status") == "True" || text("status").is_empty() {
            continue;
        }
        let name = node.key.name.as_str();
        let mut finding = Finding::new(rule, Subject::node(name), Confidence::Confirmed)
            .cite(cite_condition(
                node,
                index,
                if text("message").is_empty() {
                    "status"
                } else {
                    "message"
                },
            ))
            .fact("node", name)
            .fact("status", text("status"))
            .fact("message", text("message"));
        touch_pods(input.snapshot, name, &mut finding);
        if text("status") == "Unknown" {
            // Pods on it that look well show their last report.
            for pod in input.snapshot.pods().filter(|pod| pod.node() == name) {
                let subject = Subject::namespaced("Pod", pod.namespace(), pod.name());
                finding.touches.extend(workload_touches(input.snapshot, &subject));
            }
        }
        findings.push(finding);
    }
    findings
}

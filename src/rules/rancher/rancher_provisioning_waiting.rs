//! Rancher waits for a step of a cluster that it makes or changes.

use crate::model::Confidence;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: rancher-provisioning-waiting
role: symptom
level: warning
needs: [clusters]
check:
  zh: "Rancher 的集群是否停在某一步"
  en: "whether a cluster of Rancher is held up"
title:
  zh: "Rancher 集群 {{ subject.name }} 停在：{{ message }}"
  en: "Rancher's cluster {{ subject.name }} is held up: {{ message }}"
cause:
  zh: "条件显示 {{ message }}；原因在被等待的节点或组件上（rancher-system-agent、rke2-server、集群 agent）。"
  en: "its condition says {{ message }}; the reason is with the node or component that is waited for (rancher-system-agent, rke2-server, the cluster agent)."
benign:
  - {zh: "创建后的 5–15 分钟内都是正常的", en: "normal for 5 to 15 minutes after it was made"}
remedy:
  - purpose: {zh: "在被等待的节点上查看日志", en: "read the logs on the node that is waited for"}
    place: node
    risk: read-only
    command: |
      journalctl -u rancher-system-agent -n 50 --no-pager
      journalctl -u rke2-server -n 50 --no-pager
    expect: {zh: "最后的错误", en: "the last error"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
prevention:
  - kind: detect
    text: {zh: "对集群未就绪超过 30 分钟告警", en: "alert when a cluster is not ready for 30 minutes"}
    acceptance: {zh: "停掉测试节点的 agent 后收到告警", en: "stopping a test node's agent raises it"}
sources: ["rancher/rancher pkg/capr/planner: `waiting for …`"]
versions: "Rancher 2.6 to 2.12"
examples:
  - name: "for probes"
    files:
      "clusters.json": '{"kind": "ClusterList", "apiVersion": "provisioning.cattle.io/v1", "items": [{"metadata": {"name": "prod", "namespace": "fleet-default", "uid": "a"}, "status": {"conditions": [{"type": "Updated", "status": "Unknown", "reason": "Waiting", "message": "configuring bootstrap node(s) prod-cp-1: waiting for probes: etcd, kube-apiserver"}]}}]}'
    fires: [{kind: "Cluster", namespace: "fleet-default", name: "prod"}]
  - name: "done"
    files:
      "clusters.json": '{"kind": "ClusterList", "apiVersion": "provisioning.cattle.io/v1", "items": [{"metadata": {"name": "prod", "namespace": "fleet-default", "uid": "a"}, "status": {"conditions": [{"type": "Updated", "status": "True", "message": ""}]}}]}'
"##;

/// Conditions of `clusters.provisioning.cattle.io` and of machines that tell of a step under way.
const WAITING: [&str; 4] = [
    "waiting for",
    "Waiting to register",
    "configuring bootstrap node",
    "Waiting for API",
];

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let mut findings = Vec::new();
    for object in input.snapshot.kind("Cluster") {
        let text = |index: usize, field: &str| object.text(&format!("/status/conditions/{index}/{field}"));
        let index = (0..object.list("/status/conditions").len()).find(|&index| {
            text(index, "status") != "True" && WAITING.iter().any(|word| text(index, "message").contains(word))
        });
        if let Some(index) = index {
            let at = format!("/status/conditions/{index}");
            findings.push(
                Finding::new(rule, object.subject(), Confidence::Confirmed)
                    .cite(
                        object
                            .cite_at(&format!("{at}/message"))
                            .at(object.time(&format!("{at}/lastUpdateTime"))),
                    )
                    .fact("message", text(index, "message").chars().take(240).collect::<String>()),
            );
        }
    }
    findings
}

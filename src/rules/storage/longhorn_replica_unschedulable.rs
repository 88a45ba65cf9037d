//! Longhorn finds no disk for a replica.

use crate::model::Confidence;
use crate::rules::toolbox::longhorn::{touch_users, volumes};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: longhorn-replica-unschedulable
role: cause
level: warning
needs: [volumes]
check:
  zh: "Longhorn 能否为副本找到磁盘"
  en: "whether Longhorn finds disks for replicas"
title:
  zh: "Longhorn 无法放置卷 {{ subject.name }} 的副本（{{ reason }}）{% if message %}：{{ message }}{% endif %}"
  en: "Longhorn cannot place replicas of {{ subject.name }} ({{ reason }}){% if message %}: {{ message }}{% endif %}"
cause:
  zh: "没有磁盘同时满足空间、超额分配、反亲和与标签的要求{% if message %}：{{ message }}{% endif %}。"
  en: "no disk meets the demands on room, over-provisioning, anti-affinity and tags at once{% if message %}: {{ message }}{% endif %}."
causes:
  - rule: longhorn-volume-degraded
    ground: object
    mechanism: {zh: "副本放不下", en: "the replicas fit nowhere"}
  - rule: longhorn-volume-faulted
    ground: object
    mechanism: {zh: "副本放不下", en: "the replicas fit nowhere"}
  - rule: failedmount-timeout
    ground: pod
    mechanism: {zh: "卷不能附加", en: "the volume cannot be attached"}
  - rule: pvc-pending
    ground: claim
    mechanism: {zh: "卷没有就绪", en: "the volume does not get ready"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "没有卷的 Pod 不会就绪", en: "a pod without its volume does not get ready"}
benign:
  - {zh: "节点维护期间短暂出现", en: "for a while during a node's maintenance"}
remedy:
  - purpose: {zh: "查看磁盘的可用与已分配空间", en: "see room and allocations of the disks"}
    place: cluster
    risk: read-only
    command: "kubectl -n longhorn-system get nodes.longhorn.io -o yaml"
    expect: {zh: "storageAvailable、storageScheduled 与 storageMaximum", en: "storageAvailable, storageScheduled and storageMaximum"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "增加磁盘、删除无用的快照，或减少副本数", en: "add disks, delete snapshots that nobody needs, or ask for fewer replicas"}
    place: cluster
    risk: change
    command: "kubectl -n longhorn-system patch volumes.longhorn.io {{ subject.name }} --type=merge -p '{\"spec\":{\"numberOfReplicas\":2}}'"
    verify: {zh: "Scheduled 条件为 True", en: "the condition Scheduled is True"}
    rollback: {zh: "把副本数改回原值", en: "ask for the former number"}
prevention:
  - kind: detect
    text: {zh: "对 Longhorn 磁盘用量 75% 告警", en: "alert at 75 % of a Longhorn disk"}
    acceptance: {zh: "写满测试磁盘时收到告警", en: "filling a test disk raises it"}
sources: ["longhorn/longhorn-manager scheduler/replica_scheduler.go: ReplicaSchedulingFailure, `insufficient storage`"]
versions: "Longhorn 1.0 to 1.9"
examples:
  - name: "no room"
    files:
      "volumes.json": '{"kind": "VolumeList", "apiVersion": "longhorn.io/v1beta2", "items": [{"metadata": {"name": "pvc-1", "namespace": "longhorn-system", "uid": "a"}, "spec": {"numberOfReplicas": 3}, "status": {"robustness": "degraded", "state": "attached", "kubernetesStatus": {"namespace": "shop", "pvcName": "data", "workloadsStatus": [{"podName": "web-0"}]}, "conditions": [{"type": "Scheduled", "status": "False", "reason": "ReplicaSchedulingFailure", "message": "insufficient storage;precheck new replica failed"}]}}]}'
    fires: [{kind: "Volume", namespace: "longhorn-system", name: "pvc-1"}]
  - name: "placed"
    files:
      "volumes.json": '{"kind": "VolumeList", "apiVersion": "longhorn.io/v1beta2", "items": [{"metadata": {"name": "pvc-1", "namespace": "longhorn-system", "uid": "a"}, "spec": {"numberOfReplicas": 3}, "status": {"robustness": "healthy", "state": "attached", "kubernetesStatus": {"namespace": "shop", "pvcName": "data", "workloadsStatus": [{"podName": "web-0"}]}, "conditions": [{"type": "Scheduled", "status": "True", "reason": "", "message": ""}]}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    volumes(input.snapshot)
        .filter_map(|volume| {
            let text = |index: usize, field: &str| volume.text(&format!("/status/conditions/{index}/{field}"));
            let index = (0..volume.list("/status/conditions").len()).find(|&index| {
                text(index, "type").eq_ignore_ascii_case("scheduled") && text(index, "status") == "False"
            })?;
            let mut finding = Finding::new(rule, volume.subject(), Confidence::Confirmed)
                .at("status.conditions[Scheduled]")
                .cite(volume.cite_at(&format!("/status/conditions/{index}/message")))
                .fact("reason", text(index, "reason"))
                .fact("message", text(index, "message").chars().take(240).collect::<String>());
            touch_users(input.snapshot, volume, &mut finding);
            Some(finding)
        })
        .collect()
}

//! A volume of Longhorn has fewer replicas than it should.

use crate::model::Confidence;
use crate::rules::toolbox::longhorn::{cell, touch_users, volumes};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: longhorn-volume-degraded
role: link
level: warning
needs: [volumes]
check:
  zh: "Longhorn 卷的副本是否齐全"
  en: "whether volumes of Longhorn have all replicas"
title:
  zh: "Longhorn 卷 {{ subject.name }}{% if claim %}（PVC {{ claim }}）{% endif %} 为 degraded：副本不足"
  en: "Longhorn's volume {{ subject.name }}{% if claim %} (claim {{ claim }}){% endif %} is degraded: it lacks replicas"
cause:
  zh: "卷仍可读写，但副本少于要求：有副本所在的节点停机、正在重建，或没有节点能放下新的副本。"
  en: "it can be read and written, with fewer replicas than wanted: a replica's node is down, a rebuild is under way, or no node can take a new one."
causes:
  - rule: longhorn-volume-faulted
    ground: object
    mechanism: {zh: "最后的副本也失效", en: "the last replica failed as well"}
  - rule: pdb-blocks-drain
    ground: cluster
    mechanism: {zh: "最后一个健康副本阻止排空", en: "the last healthy replica holds up a drain"}
benign:
  - {zh: "节点数少于副本数时一直如此", en: "always so with fewer nodes than replicas"}
  - {zh: "节点重启后的重建期间", en: "while it is rebuilt after a node's restart"}
remedy:
  - purpose: {zh: "查看卷、副本与节点", en: "see volume, replicas and nodes"}
    place: cluster
    risk: read-only
    command: |
      kubectl -n longhorn-system get volumes.longhorn.io {{ subject.name }} -o yaml
      kubectl -n longhorn-system get replicas.longhorn.io,nodes.longhorn.io
    expect: {zh: "失败的副本及其节点", en: "the replicas that failed, and their nodes"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
prevention:
  - kind: detect
    text: {zh: "对 degraded 超过 30 分钟的卷告警", en: "alert on volumes that are degraded for 30 minutes"}
    acceptance: {zh: "停掉测试节点后按时收到告警", en: "stopping a test node raises it in time"}
sources: ["longhorn/longhorn-manager controller/volume_controller.go: `volume %v became degraded`"]
versions: "Longhorn 1.0 to 1.9"
examples:
  - name: "an object"
    files:
      "volumes.json": '{"kind": "VolumeList", "apiVersion": "longhorn.io/v1beta2", "items": [{"metadata": {"name": "pvc-1", "namespace": "longhorn-system", "uid": "a"}, "spec": {"numberOfReplicas": 3}, "status": {"robustness": "degraded", "state": "attached", "kubernetesStatus": {"namespace": "shop", "pvcName": "data", "workloadsStatus": [{"podName": "web-0"}]}}}]}'
    fires: [{kind: "Volume", namespace: "longhorn-system", name: "pvc-1"}]
  - name: "healthy"
    files:
      "volumes.json": '{"kind": "VolumeList", "apiVersion": "longhorn.io/v1beta2", "items": [{"metadata": {"name": "pvc-1", "namespace": "longhorn-system", "uid": "a"}, "spec": {"numberOfReplicas": 3}, "status": {"robustness": "healthy", "state": "attached", "kubernetesStatus": {"namespace": "shop", "pvcName": "data", "workloadsStatus": [{"podName": "web-0"}]}}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    volumes(input.snapshot)
        .filter(|volume| cell(volume, "/status/robustness", "ROBUSTNESS") == "degraded")
        .map(|volume| {
            let mut finding = Finding::new(rule, volume.subject(), Confidence::Confirmed)
                .at("status.robustness")
                .cite(volume.cite_at("/status/robustness"))
                .fact("state", cell(volume, "/status/state", "STATE"))
                .fact("claim", volume.text("/status/kubernetesStatus/pvcName"));
            touch_users(input.snapshot, volume, &mut finding);
            finding
        })
        .collect()
}

//! A volume of Longhorn has lost all its replicas.

use crate::model::Confidence;
use crate::rules::toolbox::longhorn::{cell, touch_users, volumes};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: longhorn-volume-faulted
role: cause
level: critical
needs: [volumes]
check:
  zh: "Longhorn 卷是否可用"
  en: "whether volumes of Longhorn can be used"
title:
  zh: "Longhorn 卷 {{ subject.name }}{% if claim %}（PVC {{ claim }}）{% endif %} 为 faulted：所有副本都已失效"
  en: "Longhorn's volume {{ subject.name }}{% if claim %} (claim {{ claim }}){% endif %} is faulted: every replica has failed"
cause:
  zh: "robustness 为 faulted（状态 {{ state }}）：磁盘写满或只读、节点停机，使最后一个副本也失效；卷不能再挂载。"
  en: "its robustness is faulted (state {{ state }}): full or read-only disks or nodes that are down took the last replica too; it cannot be attached any more."
causes:
  - rule: failedmount-timeout
    ground: pod
    mechanism: {zh: "卷不能附加", en: "the volume cannot be attached"}
  - rule: failedscheduling-volume
    ground: claim
    mechanism: {zh: "卷不可用", en: "the volume cannot be used"}
  - rule: crashloopbackoff
    ground: workload
    mechanism: {zh: "卷不可用", en: "the volume cannot be used"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "没有卷的 Pod 不会就绪", en: "a pod without its volume does not get ready"}
  - rule: namespace-terminating-stuck
    ground: cluster
    mechanism: {zh: "卷的 finalizer 无法完成", en: "the volume's finalizer cannot end"}
benign:
  - {zh: "robustness=unknown 且 detached 是健康的未使用的卷", en: "robustness unknown while detached is a healthy volume that nobody uses"}
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
  - purpose: {zh: "在界面中抢救（Salvage）仍有数据的副本；否则从备份恢复", en: "salvage a replica that still has the data in the UI; else restore a backup"}
    place: cluster
    risk: dangerous
    command: "kubectl -n longhorn-system get replicas.longhorn.io -l longhornvolume={{ subject.name }} -o custom-columns=NAME:.metadata.name,FAILED:.spec.failedAt,NODE:.spec.nodeID"
    verify: {zh: "robustness 变为 healthy 或 degraded", en: "robustness becomes healthy or degraded"}
    rollback: {zh: "从备份恢复到新卷", en: "restore the backup into a new volume"}
prevention:
  - kind: mitigate
    text: {zh: "三副本、定期备份到集群外，并限制超额分配", en: "three replicas, backups outside the cluster, and a limit on over-provisioning"}
    acceptance: {zh: "恢复演练成功", en: "a rehearsed restore succeeds"}
sources: ["longhorn/longhorn-manager k8s/pkg/apis/longhorn/v1beta2/volume.go: VolumeRobustness"]
versions: "Longhorn 1.0 to 1.9"
examples:
  - name: "an object"
    files:
      "volumes.json": '{"kind": "VolumeList", "apiVersion": "longhorn.io/v1beta2", "items": [{"metadata": {"name": "pvc-1", "namespace": "longhorn-system", "uid": "a"}, "spec": {"numberOfReplicas": 3}, "status": {"robustness": "faulted", "state": "detached", "kubernetesStatus": {"namespace": "shop", "pvcName": "data", "workloadsStatus": [{"podName": "web-0"}]}}}]}'
    fires: [{kind: "Volume", namespace: "longhorn-system", name: "pvc-1"}]
  - name: "a row"
    files:
      "volumes.txt": |
        $ kubectl get volumes.longhorn.io -A
        NAMESPACE         NAME    DATA ENGINE   STATE      ROBUSTNESS   SCHEDULED   SIZE         NODE   AGE
        longhorn-system   pvc-1   v1            detached   faulted                  1073741824          9d
    fires: [{kind: "Volume", namespace: "longhorn-system", name: "pvc-1"}]
  - name: "not in use"
    files:
      "volumes.json": '{"kind": "VolumeList", "apiVersion": "longhorn.io/v1beta2", "items": [{"metadata": {"name": "pvc-1", "namespace": "longhorn-system", "uid": "a"}, "spec": {"numberOfReplicas": 3}, "status": {"robustness": "unknown", "state": "detached", "kubernetesStatus": {"namespace": "shop", "pvcName": "data", "workloadsStatus": [{"podName": "web-0"}]}}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    volumes(input.snapshot)
        .filter(|volume| cell(volume, "/status/robustness", "ROBUSTNESS") == "faulted")
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

//! A volume was enlarged and its file system was not, or the enlargement fails.

use crate::cluster::Object;
use crate::model::Confidence;
use crate::rules::toolbox::workload_touches;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: volume-resize-pending
role: cause
level: warning
needs: [persistentvolumeclaims]
check:
  zh: "卷的扩容是否完成"
  en: "whether enlargements of volumes are complete"
title:
  zh: "PVC {{ subject.namespace }}/{{ subject.name }} 的扩容没有完成：要求 {{ wanted }}，文件系统仍是 {{ has }}"
  en: "the enlargement of claim {{ subject.namespace }}/{{ subject.name }} is not complete: {{ wanted }} is wanted, the file system has {{ has }}"
cause:
  zh: "{% if failed %}存储拒绝扩容：{{ problem }}。{% else %}卷已扩大，文件系统要等 Pod 重启（或驱动在线扩容）后才变大{% if problem %}：{{ problem }}{% endif %}。{% endif %}应用看到的仍是原来的容量。"
  en: "{% if failed %}the storage refuses: {{ problem }}. {% else %}the volume has grown, and its file system follows when the pod is restarted (or the driver does it online){% if problem %}: {{ problem }}{% endif %}. {% endif %}Applications still see the former capacity."
causes:
  - rule: app-disk-full
    ground: workload
    mechanism: {zh: "可用空间没有变大", en: "there is no more room than before"}
benign:
  - {zh: "扩容后的最初几分钟", en: "in the first minutes after it was asked for"}
remedy:
  - purpose: {zh: "查看 PVC 的条件与事件", en: "see the claim's conditions and events"}
    place: cluster
    risk: read-only
    command: "kubectl -n {{ subject.namespace }} describe pvc {{ subject.name }}"
    expect: {zh: "FileSystemResizePending 或 VolumeResizeFailed", en: "FileSystemResizePending or VolumeResizeFailed"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "重启使用它的 Pod", en: "restart the pods that use it"}
    place: cluster
    risk: change
    when: "not failed"
    command: "kubectl -n {{ subject.namespace }} rollout restart <WORKLOAD>"
    verify: {zh: "CAPACITY 等于要求的值", en: "CAPACITY is what was asked for"}
    rollback: {zh: "无需回滚", en: "nothing to undo"}
prevention:
  - kind: process
    text: {zh: "扩容步骤包含重启与核对容量", en: "let restarting and checking the capacity be part of an enlargement"}
    acceptance: {zh: "扩容后 df 显示新容量", en: "df shows the new capacity"}
sources: ["kubernetes.io/docs/concepts/storage/persistent-volumes/#expanding-persistent-volumes-claims", "kubernetes pkg/volume/util/resize_util.go"]
versions: "Kubernetes 1.11 to 1.36"
examples:
  - name: "it waits for a restart"
    files:
      "pvc.json": '{"kind": "PersistentVolumeClaimList", "apiVersion": "v1", "items": [{"metadata": {"name": "data", "namespace": "shop", "uid": "a"}, "spec": {"volumeName": "pvc-1", "resources": {"requests": {"storage": "2Gi"}}}, "status": {"phase": "Bound", "capacity": {"storage": "1Gi"}, "conditions": [{"type": "FileSystemResizePending", "status": "True", "message": "Waiting for user to (re-)start a pod to finish file system resize of volume on node."}]}}]}'
    fires: [{kind: "PersistentVolumeClaim", namespace: "shop", name: "data"}]
  - name: "done"
    files:
      "pvc.json": '{"kind": "PersistentVolumeClaimList", "apiVersion": "v1", "items": [{"metadata": {"name": "data", "namespace": "shop", "uid": "a"}, "spec": {"volumeName": "pvc-1", "resources": {"requests": {"storage": "2Gi"}}}, "status": {"phase": "Bound", "capacity": {"storage": "2Gi"}, "conditions": []}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    input
        .snapshot
        .kind("PersistentVolumeClaim")
        .filter_map(|claim| judge(input, rule, claim))
        .collect()
}

fn judge(input: &Input<'_>, rule: &RuleHeader, claim: &Object) -> Option<Finding> {
    let snapshot = input.snapshot;
    let (wanted, has) = (
        claim.text("/spec/resources/requests/storage"),
        claim.text("/status/capacity/storage"),
    );
    let text = |index: usize, field: &str| claim.text(&format!("/status/conditions/{index}/{field}"));
    let waits = (0..claim.list("/status/conditions").len())
        .find(|&index| text(index, "type") == "FileSystemResizePending" && text(index, "status") == "True");
    let failed = snapshot
        .events_on("PersistentVolumeClaim", &claim.key.namespace, &claim.key.name)
        .find(|event| event.reason == "VolumeResizeFailed");
    let is_smaller = !wanted.is_empty() && !has.is_empty() && wanted != has;
    let (problem, cite) = match (failed, waits) {
        (Some(event), _) if is_smaller => (event.message.clone(), event.cite.clone()),
        (_, Some(index)) => (
            text(index, "message").to_owned(),
            claim.cite_at(&format!("/status/conditions/{index}/type")),
        ),
        _ => return None,
    };
    let mut finding = Finding::new(rule, claim.subject(), Confidence::Confirmed)
        .at("spec.resources.requests.storage")
        .cite(cite)
        .cite(claim.cite_at("/status/capacity/storage"))
        .fact("wanted", wanted)
        .fact("has", has)
        .fact("failed", failed.is_some())
        .fact("problem", problem);
    for pod in snapshot.pods().filter(|pod| pod.namespace() == claim.key.namespace) {
        let uses = pod.object.list("/spec/volumes").iter().any(|volume| {
            volume
                .pointer("/persistentVolumeClaim/claimName")
                .and_then(|name| name.as_str())
                == Some(claim.key.name.as_str())
        });
        if uses {
            finding
                .touches
                .extend(workload_touches(snapshot, &pod.object.subject()));
        }
    }
    Some(finding)
}

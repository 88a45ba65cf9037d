//! The volume that a claim needs belongs to another claim, or was released and not freed.

use crate::cluster::Object;
use crate::rules::claims::{finding, pending, quantity, words};
use crate::rules::toolbox::{add_hit, own_hits};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: pv-already-bound
role: cause
level: critical
needs: [persistentvolumeclaims|events]
text:
  - id: event
    pattern: "volume \\W+(?P<taken>[a-z0-9.-]+)\\W+ already bound to a different claim"
check:
  zh: "PVC 需要的 PV 是否已被占用"
  en: "whether the volumes that claims need are taken"
title:
  zh: "PVC {{ namespace }}/{{ claim }} 需要的 PV {{ volume }} 已属于 {{ owner }}（{{ state }}）"
  en: "claim {{ namespace }}/{{ claim }} needs volume {{ volume }}, which belongs to {{ owner }} ({{ state }})"
cause:
  zh: "PV {{ volume }} 的 claimRef 指向 {{ owner }}（状态 {{ state }}），因此不能绑定到 {{ claim }}。Released 的 PV 在清除 claimRef 之前不会再次绑定。"
  en: "claimRef of volume {{ volume }} names {{ owner }} (phase {{ state }}), so it cannot be bound to {{ claim }}. A Released volume is not bound again before its claimRef is removed."
rules_out:
  - {zh: "节点资源：Pod 等待的是卷", en: "node resources: what the pod waits for is its volume"}
questions:
  - {zh: "卷中的数据还需要吗？", en: "is the data on the volume still needed?"}
causes:
  - rule: pvc-pending
    ground: claim
    mechanism: {zh: "声明得不到卷", en: "the claim gets no volume"}
  - rule: failedscheduling-volume
    ground: claim
    mechanism: {zh: "声明未绑定，Pod 无法调度", en: "the claim is not bound, so the pod cannot be scheduled"}
  - rule: failedscheduling-volume
    ground: pod
    mechanism: {zh: "声明未绑定，Pod 无法调度", en: "the claim is not bound, so the pod cannot be scheduled"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "没有卷的 Pod 不会就绪", en: "a pod without its volume never gets ready"}
benign:
  - {zh: "之后已绑定的声明不算", en: "a claim that was bound since does not count"}
  - {zh: "waiting for first consumer（WaitForFirstConsumer）是正常的等待", en: "waiting for first consumer (WaitForFirstConsumer) is normal"}
remedy:
  - purpose: {zh: "查看声明、卷与存储类", en: "look at the claim, the volumes and the classes"}
    place: cluster
    risk: read-only
    command: |
      kubectl -n {{ namespace }} describe pvc {{ claim }}
      kubectl get pv
      kubectl get storageclass
    expect: {zh: "Events 中有原因", en: "the reason stands under Events"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "确认数据可以交给新声明后，清除旧的 claimRef", en: "once it is sure that the new claim may have the data, remove the old claimRef"}
    place: cluster
    risk: dangerous
    when: "released"
    command: |
      kubectl get pv {{ volume }} -o yaml > {{ volume }}.yaml
      kubectl patch pv {{ volume }} --type=json -p '[{"op":"remove","path":"/spec/claimRef"}]'
    expect: {zh: "`persistentvolume/{{ volume }} patched`", en: "`persistentvolume/{{ volume }} patched`"}
    verify: {zh: "PV 变为 Available，随后 Bound", en: "the volume becomes Available, then Bound"}
    rollback: {zh: "用保存的 {{ volume }}.yaml 还原 claimRef", en: "restore the claimRef from the saved {{ volume }}.yaml"}
  - purpose: {zh: "或者为声明提供另一个 PV", en: "or give the claim a volume of its own"}
    place: cluster
    risk: change
    command: "kubectl apply -f <NEW_PV>.yaml"
    expect: {zh: "`persistentvolume/… created`", en: "`persistentvolume/… created`"}
    verify: {zh: "声明变为 Bound", en: "the claim becomes Bound"}
    rollback: {zh: "`kubectl delete -f <NEW_PV>.yaml`", en: "`kubectl delete -f <NEW_PV>.yaml`"}
prevention:
  - kind: prevent
    immediate: true
    text: {zh: "在流水线中核对声明的存储类、容量与访问模式在目标集群中可以满足", en: "check in the pipeline that class, size and access mode of claims can be met on the cluster"}
    acceptance: {zh: "不能满足的声明在流水线中失败", en: "a claim that cannot be met fails there"}
  - kind: detect
    text: {zh: "对 Pending 超过 10 分钟的 PVC 告警", en: "alert on claims that are Pending for 10 minutes"}
    acceptance: {zh: "类不存在的测试 PVC 触发告警", en: "a test claim with an absent class raises the alert"}
sources: ["kubernetes pkg/controller/volume/persistentvolume/pv_controller.go: FailedBinding `volume %q already bound to a different claim.`"]
versions: "Kubernetes 1.19 to 1.36"
examples:
  - name: "the only volume of the class was released"
    files:
      pvc.json: '{"kind":"PersistentVolumeClaimList","apiVersion":"v1","items":[{"metadata":{"name":"data","namespace":"shop"},"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"10Gi"}},"storageClassName":"manual"},"status":{"phase":"Pending"}}]}'
      pv.json: '{"kind":"PersistentVolumeList","apiVersion":"v1","items":[{"metadata":{"name":"pv1","labels":{}},"spec":{"capacity":{"storage":"10Gi"},"accessModes":["ReadWriteOnce"],"storageClassName":"manual","claimRef":{"namespace":"shop","name":"old"}},"status":{"phase":"Released"}}]}'
    fires: [{kind: PersistentVolumeClaim, namespace: shop, name: data}]
  - name: "the claim names a volume that another has"
    files:
      pvc.json: '{"kind":"PersistentVolumeClaimList","apiVersion":"v1","items":[{"metadata":{"name":"data","namespace":"shop"},"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"10Gi"}},"storageClassName":"manual","volumeName":"pv1"},"status":{"phase":"Pending"}},{"metadata":{"name":"other","namespace":"shop"},"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"10Gi"}},"storageClassName":"manual","volumeName":"pv1"},"status":{"phase":"Bound"}}]}'
      pv.json: '{"kind":"PersistentVolumeList","apiVersion":"v1","items":[{"metadata":{"name":"pv1","labels":{}},"spec":{"capacity":{"storage":"10Gi"},"accessModes":["ReadWriteOnce"],"storageClassName":"manual","claimRef":{"namespace":"shop","name":"other"}},"status":{"phase":"Bound"}}]}'
    fires: [{kind: PersistentVolumeClaim, namespace: shop, name: data}]
  - name: "another volume is free"
    files:
      pvc.json: '{"kind":"PersistentVolumeClaimList","apiVersion":"v1","items":[{"metadata":{"name":"data","namespace":"shop"},"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"10Gi"}},"storageClassName":"manual"},"status":{"phase":"Pending"}}]}'
      pv.json: '{"kind":"PersistentVolumeList","apiVersion":"v1","items":[{"metadata":{"name":"pv1","labels":{}},"spec":{"capacity":{"storage":"10Gi"},"accessModes":["ReadWriteOnce"],"storageClassName":"manual","claimRef":{"namespace":"shop","name":"old"}},"status":{"phase":"Bound"}},{"metadata":{"name":"pv2","labels":{}},"spec":{"capacity":{"storage":"10Gi"},"accessModes":["ReadWriteOnce"],"storageClassName":"manual"},"status":{"phase":"Available"}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let hits = own_hits(input, rule);
    let mut findings = Vec::new();
    for claim in pending(snapshot) {
        let told: Vec<_> = hits
            .iter()
            .filter(|hit| hit.about.object == claim.object.subject())
            .collect();
        let named = told
            .iter()
            .find_map(|hit| hit.captures.get("taken"))
            .map_or(claim.object.text("/spec/volumeName"), String::as_str);
        let volume = if named.is_empty() {
            // Nothing is free, and what fits is taken. A class with a provisioner needs no volume that exists.
            let mut fitting = snapshot
                .kind("PersistentVolume")
                .filter(|volume| fits(claim.object, claim.class, volume) && is_taken(volume, claim.object));
            fitting.next().filter(|_| claim.free.is_empty() && !claim.dynamic)
        } else {
            snapshot
                .object("PersistentVolume", "", named)
                .filter(|volume| is_taken(volume, claim.object))
        };
        let Some(volume) = volume else { continue };
        let state = volume.text("/status/phase");
        let mut found = finding(snapshot, rule, claim.object, claim.object.subject())
            .at("spec.volumeName")
            .cite(volume.cite_at("/spec/claimRef"))
            .cite(volume.cite_at("/status/phase"))
            .fact("volume", volume.key.name.clone())
            .fact(
                "owner",
                format!(
                    "{}/{}",
                    volume.text("/spec/claimRef/namespace"),
                    volume.text("/spec/claimRef/name")
                ),
            )
            .fact("released", state == "Released")
            .fact("state", state);
        for hit in told {
            add_hit(input, &mut found, hit);
        }
        findings.push(found);
    }
    findings
}

fn fits(claim: &Object, class: &str, volume: &Object) -> bool {
    let size = |object: &Object, at: &str| quantity(object.text(at));
    let enough = match (
        size(claim, "/spec/resources/requests/storage"),
        size(volume, "/spec/capacity/storage"),
    ) {
        (Some(wanted), Some(capacity)) => capacity >= wanted,
        _ => true,
    };
    volume.text("/spec/storageClassName") == class
        && enough
        && words(claim, "/spec/accessModes")
            .iter()
            .all(|mode| words(volume, "/spec/accessModes").contains(mode))
}

fn is_taken(volume: &Object, claim: &Object) -> bool {
    let other = volume.text("/spec/claimRef/name") != claim.key.name
        || volume.text("/spec/claimRef/namespace") != claim.key.namespace;
    other
        && !volume.text("/spec/claimRef/name").is_empty()
        && matches!(volume.text("/status/phase"), "Bound" | "Released" | "Failed")
}

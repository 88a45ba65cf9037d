//! No free volume has the labels that a claim selects.

use crate::cluster::Object;
use crate::rules::claims::{finding, pending};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: pvc-selector-unmet
role: cause
level: critical
needs: [persistentvolumeclaims]
check:
  zh: "空闲的 PV 是否符合 PVC 的选择器"
  en: "whether free volumes have the labels that claims select"
title:
  zh: "PVC {{ namespace }}/{{ claim }} 的选择器 {{ selector }} 与任何空闲的 PV 都不匹配"
  en: "the selector {{ selector }} of claim {{ namespace }}/{{ claim }} matches no free volume"
cause:
  zh: "PVC {{ claim }} 要求 PV 带有标签 {{ selector }}；空闲的 PV {{ volume }} 的标签是 {{ labels }}。"
  en: "claim {{ claim }} demands volumes with {{ selector }}; the free volume {{ volume }} has the labels {{ labels }}."
rules_out:
  - {zh: "节点资源与镜像：声明在绑定之前就停住了", en: "node resources and image: it stops at the claim"}
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
  - {zh: "由 provisioner 动态创建卷的类不看现有的 PV", en: "a class with a provisioner makes volumes and does not look at existing ones"}
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
  - purpose: {zh: "改正选择器（或给 PV 补上标签：kubectl label pv {{ volume }} …）", en: "correct the selector (or label the volume: kubectl label pv {{ volume }} …)"}
    place: cluster
    risk: dangerous
    command: |
      kubectl -n {{ namespace }} get pvc {{ claim }} -o yaml > {{ claim }}.yaml
      kubectl -n {{ namespace }} delete pvc {{ claim }}
      kubectl apply -f {{ claim }}.yaml
    expect: {zh: "`persistentvolumeclaim/{{ claim }} created`", en: "`persistentvolumeclaim/{{ claim }} created`"}
    verify: {zh: "声明变为 Bound", en: "the claim becomes Bound"}
    rollback: {zh: "用保存的 {{ claim }}.yaml 重建", en: "re-create it from the saved {{ claim }}.yaml"}
    notes:
      - {zh: "未绑定的声明没有数据，可以删除重建；在第一步与第二步之间修改 {{ claim }}.yaml", en: "a claim that was never bound holds no data and can be re-created; edit {{ claim }}.yaml between the first and the second command"}
prevention:
  - kind: prevent
    immediate: true
    text: {zh: "在流水线中核对声明的存储类、容量与访问模式在目标集群中可以满足", en: "check in the pipeline that class, size and access mode of claims can be met on the cluster"}
    acceptance: {zh: "不能满足的声明在流水线中失败", en: "a claim that cannot be met fails there"}
  - kind: detect
    text: {zh: "对 Pending 超过 10 分钟的 PVC 告警", en: "alert on claims that are Pending for 10 minutes"}
    acceptance: {zh: "类不存在的测试 PVC 触发告警", en: "a test claim with an absent class raises the alert"}
sources: ["kubernetes pkg/controller/volume/persistentvolume/index.go, staging/src/k8s.io/component-helpers/storage/volume/pv_helpers.go: FindMatchingVolume"]
versions: "Kubernetes 1.19 to 1.36"
examples:
  - name: "another label"
    files:
      pvc.json: '{"kind":"PersistentVolumeClaimList","apiVersion":"v1","items":[{"metadata":{"name":"data","namespace":"shop"},"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"10Gi"}},"storageClassName":"manual","selector":{"matchLabels":{"disk":"ssd"}}},"status":{"phase":"Pending"}}]}'
      pv.json: '{"kind":"PersistentVolumeList","apiVersion":"v1","items":[{"metadata":{"name":"pv1","labels":{"disk":"hdd"}},"spec":{"capacity":{"storage":"10Gi"},"accessModes":["ReadWriteOnce"],"storageClassName":"manual"},"status":{"phase":"Available"}}]}'
    fires: [{kind: PersistentVolumeClaim, namespace: shop, name: data}]
  - name: "it matches"
    files:
      pvc.json: '{"kind":"PersistentVolumeClaimList","apiVersion":"v1","items":[{"metadata":{"name":"data","namespace":"shop"},"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"10Gi"}},"storageClassName":"manual","selector":{"matchLabels":{"disk":"ssd"}}},"status":{"phase":"Pending"}}]}'
      pv.json: '{"kind":"PersistentVolumeList","apiVersion":"v1","items":[{"metadata":{"name":"pv1","labels":{"disk":"ssd"}},"spec":{"capacity":{"storage":"10Gi"},"accessModes":["ReadWriteOnce"],"storageClassName":"manual"},"status":{"phase":"Available"}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let mut findings = Vec::new();
    for claim in pending(input.snapshot).into_iter().filter(|claim| !claim.dynamic) {
        let Some(wanted) = claim
            .object
            .get("/spec/selector/matchLabels")
            .and_then(|labels| labels.as_object())
        else {
            continue;
        };
        let has = |volume: &Object| {
            let labels = volume.get("/metadata/labels").and_then(|labels| labels.as_object());
            wanted
                .iter()
                .all(|(key, value)| labels.and_then(|labels| labels.get(key)) == Some(value))
        };
        let Some(volume) = claim.free.first().copied() else {
            continue;
        };
        if wanted.is_empty() || claim.free.iter().any(|volume| has(volume)) {
            continue;
        }
        findings.push(
            finding(input.snapshot, rule, claim.object, claim.object.subject())
                .at("spec.selector")
                .cite(claim.object.cite_at("/spec/selector"))
                .cite(volume.cite_at("/metadata/labels"))
                .fact("selector", shown(Some(wanted)))
                .fact("volume", volume.key.name.clone())
                .fact(
                    "labels",
                    shown(volume.get("/metadata/labels").and_then(|labels| labels.as_object())),
                ),
        );
    }
    findings
}

fn shown(labels: Option<&serde_json::Map<String, serde_json::Value>>) -> String {
    let pairs = labels
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or("?")));
    pairs.collect::<Vec<_>>().join(",")
}

//! A claim is not bound to a volume.

use crate::rules::claims::{finding, pending, users};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: pvc-pending
role: link
level: critical
needs: [persistentvolumeclaims]
check:
  zh: "PVC 是否已绑定"
  en: "whether claims are bound"
title:
  zh: "PVC {{ namespace }}/{{ claim }} 一直 Pending{% if message %}：{{ message }}{% endif %}"
  en: "claim {{ namespace }}/{{ claim }} stays Pending{% if message %}: {{ message }}{% endif %}"
cause:
  zh: "PVC {{ claim }}（类 {{ class }}，请求 {{ requested }}）没有绑定到卷{% if message %}：{{ message }}{% endif %}。"
  en: "claim {{ claim }} (class {{ class }}, request {{ requested }}) is bound to no volume{% if message %}: {{ message }}{% endif %}."
questions:
  - {zh: "存储类的 provisioner 是否在运行？", en: "does the provisioner of the class run?"}
causes:
  - rule: failedscheduling-volume
    ground: claim
    mechanism: {zh: "声明未绑定，Pod 无法调度", en: "the claim is not bound, so the pod cannot be scheduled"}
  - rule: failedscheduling-volume
    ground: pod
    mechanism: {zh: "声明未绑定，Pod 无法调度", en: "the claim is not bound, so the pod cannot be scheduled"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "没有卷的 Pod 不会就绪", en: "a pod without its volume never gets ready"}
  - rule: pod-pending
    ground: workload
    mechanism: {zh: "PVC 没有绑定，Pod 不能调度或启动", en: "while its claim is not bound the pod is not placed or does not start"}
  - rule: rancher-webhook-down
    ground: workload
    mechanism: {zh: "webhook 的 Pod 不就绪", en: "pods of the webhook are not ready"}
benign:
  - {zh: "waiting for first consumer（WaitForFirstConsumer）是正常的等待", en: "waiting for first consumer (WaitForFirstConsumer) is normal"}
  - {zh: "之后已绑定的声明不算", en: "a claim that was bound since does not count"}
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
  - purpose: {zh: "查看 provisioner 的 Pod", en: "look at the provisioner's pods"}
    place: cluster
    risk: read-only
    command: |
      kubectl get storageclass {{ class }} -o jsonpath='{.provisioner}{"\n"}'
      kubectl get pods -A
    expect: {zh: "provisioner 的 Pod 就绪", en: "the provisioner's pods are ready"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
prevention:
  - kind: detect
    text: {zh: "对 Pending 超过 10 分钟的 PVC 告警", en: "alert on claims that are Pending for 10 minutes"}
    acceptance: {zh: "类不存在的测试 PVC 触发告警", en: "a test claim with an absent class raises the alert"}
sources: ["kubernetes pkg/controller/volume/persistentvolume/pv_controller.go: FailedBinding, ExternalProvisioning, ProvisioningFailed"]
versions: "Kubernetes 1.19 to 1.36"
examples:
  - name: "no class and no volume"
    files:
      pvc.json: '{"kind":"PersistentVolumeClaimList","apiVersion":"v1","items":[{"metadata":{"name":"data","namespace":"shop"},"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"10Gi"}}},"status":{"phase":"Pending"}}]}'
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-failedbinding-data","namespace":"shop"},"type":"Normal","reason":"FailedBinding","message":"no persistent volumes available for this claim and no storage class is set","involvedObject":{"kind":"PersistentVolumeClaim","namespace":"shop","name":"data"}}]}'
    fires: [{kind: PersistentVolumeClaim, namespace: shop, name: data}]
  - name: "waiting for its first consumer"
    files:
      pvc.json: '{"kind":"PersistentVolumeClaimList","apiVersion":"v1","items":[{"metadata":{"name":"data","namespace":"shop"},"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"10Gi"}},"storageClassName":"manual"},"status":{"phase":"Pending"}}]}'
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-waitforfirstconsumer-data","namespace":"shop"},"type":"Normal","reason":"WaitForFirstConsumer","message":"waiting for first consumer to be created before binding","involvedObject":{"kind":"PersistentVolumeClaim","namespace":"shop","name":"data"}}]}'
  - name: "bound"
    files:
      pvc.json: '{"kind":"PersistentVolumeClaimList","apiVersion":"v1","items":[{"metadata":{"name":"data","namespace":"shop"},"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"10Gi"}},"storageClassName":"manual"},"status":{"phase":"Bound"}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings = Vec::new();
    for claim in pending(snapshot) {
        let key = &claim.object.key;
        let events: Vec<_> = snapshot
            .events_on("PersistentVolumeClaim", &key.namespace, &key.name)
            .collect();
        let told = events
            .iter()
            .rev()
            .find(|event| {
                matches!(
                    event.reason.as_str(),
                    "FailedBinding" | "ProvisioningFailed" | "VolumeMismatch"
                )
            })
            .or_else(|| events.iter().rev().find(|event| event.reason == "ExternalProvisioning"));
        // A claim that nobody mounts may wait for its first consumer.
        let mounted = users(snapshot, claim.object)
            .iter()
            .any(|pod| snapshot.pod(&pod.namespace, &pod.name).is_none_or(|pod| !pod.is_well()));
        if told.is_none() && (!mounted || events.iter().any(|event| event.reason == "WaitForFirstConsumer")) {
            continue;
        }
        let mut found = finding(snapshot, rule, claim.object, claim.object.subject())
            .fact("message", told.map_or("", |event| event.message.as_str()));
        if let Some(event) = told {
            found.add_cite(event.cite.clone());
        }
        findings.push(found);
    }
    findings
}

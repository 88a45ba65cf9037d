//! A provisioner cannot make the volume that a claim asks for.

use crate::rules::claims::{finding, pending};
use crate::rules::toolbox::{add_hit, drivers, own_hits};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: volume-provisioning-failed
role: cause
level: critical
needs: [events]
text:
  - id: failed
    pattern: "failed to provision volume with StorageClass \\W+(?P<class>[a-z0-9.-]+)\\W+: (?P<why>[^\\n]+)"
  - id: intree
    pattern: "Failed to provision volume with StorageClass \\W+(?P<class>[a-z0-9.-]+)\\W+: (?P<why>[^\\n]+)"
check:
  zh: "provisioner 能否创建卷"
  en: "whether provisioners can make volumes"
title:
  zh: "PVC {{ namespace }}/{{ claim }}：存储类 {{ class }} 创建卷失败：{{ why }}"
  en: "claim {{ namespace }}/{{ claim }}: class {{ class }} cannot make its volume: {{ why }}"
cause:
  zh: "存储类 {{ class }} 的 provisioner 应答了请求，但创建卷失败：{{ why }}。"
  en: "the provisioner of class {{ class }} answered, and could not make the volume: {{ why }}."
rules_out:
  - {zh: "存储类与 provisioner 不存在：它有应答", en: "an absent class or provisioner: it did answer"}
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
  - purpose: {zh: "查看 provisioner 的日志", en: "read the provisioner's log"}
    place: cluster
    risk: read-only
    command: |
      kubectl get storageclass {{ class }} -o yaml
      kubectl -n <PROVISIONER_NAMESPACE> logs <PROVISIONER_POD> --tail=50
    expect: {zh: "同样的错误", en: "the same error"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "按供应器给出的原因改正存储类或后端后，让它重试", en: "once class or backend are mended as the provisioner says, let it try again"}
    place: cluster
    risk: change
    command: "kubectl -n <PROVISIONER_NAMESPACE> delete pod <PROVISIONER_POD>"
    expect: {zh: "pod \"…\" deleted", en: "pod \"…\" deleted"}
    verify: {zh: "`kubectl get pvc` 显示 Bound", en: "`kubectl get pvc` shows Bound"}
    rollback: {zh: "控制器会自行重建该 Pod，无需回滚", en: "its controller makes the pod anew: nothing to roll back"}
prevention:
  - kind: detect
    text: {zh: "对 Pending 超过 10 分钟的 PVC 告警", en: "alert on claims that are Pending for 10 minutes"}
    acceptance: {zh: "类不存在的测试 PVC 触发告警", en: "a test claim with an absent class raises the alert"}
  - kind: prevent
    immediate: true
    text: {zh: "在流水线中核对声明的存储类、容量与访问模式在目标集群中可以满足", en: "check in the pipeline that class, size and access mode of claims can be met on the cluster"}
    acceptance: {zh: "不能满足的声明在流水线中失败", en: "a claim that cannot be met fails there"}
sources: ["kubernetes-sigs/sig-storage-lib-external-provisioner controller/controller.go: `failed to provision volume with StorageClass %q: %v`"]
versions: "Kubernetes 1.19 to 1.36"
examples:
  - name: "event"
    files:
      pvc.json: '{"kind":"PersistentVolumeClaimList","apiVersion":"v1","items":[{"metadata":{"name":"data","namespace":"shop"},"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"10Gi"}},"storageClassName":"fast"},"status":{"phase":"Pending"}}]}'
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-provisioningfailed-data","namespace":"shop"},"type":"Warning","reason":"ProvisioningFailed","message":"failed to provision volume with StorageClass \"fast\": rpc error: code = ResourceExhausted desc = no space left in pool","involvedObject":{"kind":"PersistentVolumeClaim","namespace":"shop","name":"data"}}]}'
    fires: [{kind: PersistentVolumeClaim, namespace: shop, name: data}]
  - name: "bound since"
    files:
      pvc.json: '{"kind":"PersistentVolumeClaimList","apiVersion":"v1","items":[{"metadata":{"name":"data","namespace":"shop"},"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"10Gi"}},"storageClassName":"fast"},"status":{"phase":"Bound"}}]}'
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-provisioningfailed-data","namespace":"shop"},"type":"Warning","reason":"ProvisioningFailed","message":"failed to provision volume with StorageClass \"fast\": x","involvedObject":{"kind":"PersistentVolumeClaim","namespace":"shop","name":"data"}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let hits = own_hits(input, rule);
    let mut findings = Vec::new();
    for claim in pending(input.snapshot) {
        let told: Vec<_> = hits
            .iter()
            .filter(|hit| hit.about.object == claim.object.subject())
            .collect();
        if told.is_empty() {
            continue;
        }
        let mut found = finding(input.snapshot, rule, claim.object, claim.object.subject()).at("spec.storageClassName");
        found.count = 0;
        for hit in told {
            add_hit(input, &mut found, hit);
            let class = hit.captures.get("class").map_or("", String::as_str);
            for controller in drivers::controllers(input.snapshot, class) {
                found.blame(controller);
            }
        }
        findings.push(found);
    }
    findings
}

//! Claims wait for a provisioner that nobody runs.

use crate::cluster::Snapshot;
use crate::model::{Confidence, Subject};
use crate::rules::toolbox::{own_hits, workload_touches};
use crate::rules::{Finding, Input, RuleHeader, Touch};

/// Parts of provisioners' names that say nothing of whose they are.
const COMMON: [&str; 19] = [
    "csi",
    "com",
    "org",
    "net",
    "www",
    "k8s",
    "sigs",
    "driver",
    "storage",
    "provisioner",
    "external",
    "cluster",
    "local",
    "kubernetes",
    "disk",
    "file",
    "block",
    "rancher",
    "aws",
];

pub(in crate::rules) const RULE: &str = r##"
id: volume-provisioner-missing
role: cause
level: critical
needs: [events, pods]
text:
  - id: external
    pattern: '(?i)waiting for a volume to be created,? either by (?:the )?external provisioner [''"](?P<provisioner>[A-Za-z0-9./-]{1,253})[''"]'
check:
  zh: "存储类的供应器是否在运行"
  en: "whether the provisioners of storage classes run"
title:
  zh: "没有运行名为 {{ provisioner }} 的供应器，PVC {{ namespace }}/{{ claim }} 一直 Pending"
  en: "nobody runs the provisioner {{ provisioner }}, so claim {{ namespace }}/{{ claim }} stays Pending"
cause:
  zh: "控制器在等待外部供应器 {{ provisioner }} 创建卷，而列出的 Pod 中没有属于它的：没有安装、被卸载，或存储类写错了供应器名。"
  en: "the controller waits for the external provisioner {{ provisioner }}, and none of the pods listed is its: it was never installed, was removed, or the class names it wrongly."
causes:
  - rule: pvc-pending
    ground: claim
    mechanism: {zh: "没有供应器创建卷", en: "no provisioner makes the volume"}
  - rule: failedscheduling-volume
    ground: claim
    mechanism: {zh: "PVC 没有绑定", en: "the claim is not bound"}
  - rule: failedscheduling-volume
    ground: pod
    mechanism: {zh: "PVC 没有绑定", en: "the claim is not bound"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "PVC 没有绑定", en: "the claim is not bound"}
benign:
  - {zh: "供应器在集群外运行（少见）", en: "a provisioner outside the cluster (rare)"}
  - {zh: "waiting for first consumer 不是错误", en: "waiting for first consumer is no error"}
remedy:
  - purpose: {zh: "查看存储类与供应器的 Pod", en: "see the class and the provisioner's pods"}
    place: cluster
    risk: read-only
    command: |
      kubectl get storageclass
      kubectl get pods -A | grep -i -E 'provisioner|csi'
    expect: {zh: "没有 {{ provisioner }} 的 Pod", en: "no pod of {{ provisioner }}"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "安装供应器，或改用已有供应器的存储类重建 PVC", en: "install the provisioner, or make the claim again with a class whose provisioner runs"}
    place: cluster
    risk: change
    command: "kubectl get pods -A -o name | grep -i provisioner"
    verify: {zh: "PVC 变为 Bound", en: "the claim is Bound"}
    rollback: {zh: "卸载新装的供应器", en: "remove the provisioner again"}
prevention:
  - kind: detect
    text: {zh: "对 Pending 超过 10 分钟的 PVC 告警", en: "alert on claims that are Pending for 10 minutes"}
    acceptance: {zh: "使用未安装供应器的测试 PVC 触发告警", en: "a test claim of an absent provisioner raises it"}
sources: ["kubernetes pkg/controller/volume/persistentvolume/pv_controller.go: ExternalProvisioning"]
versions: "Kubernetes 1.11 to 1.36"
examples:
  - name: "k3s without its local-path provisioner"
    files:
      "sc.json": '{"kind": "StorageClassList", "apiVersion": "storage.k8s.io/v1", "items": [{"metadata": {"name": "local-path", "uid": "a"}, "provisioner": "rancher.io/local-path", "volumeBindingMode": "Immediate"}]}'
      "pvc.json": '{"kind": "PersistentVolumeClaimList", "apiVersion": "v1", "items": [{"metadata": {"name": "data", "namespace": "shop", "uid": "a"}, "spec": {"storageClassName": "local-path"}, "status": {"phase": "Pending"}}]}'
      "events.json": '{"kind": "EventList", "apiVersion": "v1", "items": [{"metadata": {"name": "e", "namespace": "shop"}, "type": "Normal", "reason": "ExternalProvisioning", "message": "Waiting for a volume to be created either by the external provisioner ''rancher.io/local-path'' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.", "involvedObject": {"kind": "PersistentVolumeClaim", "namespace": "shop", "name": "data"}}]}'
      "pods.txt": |
        NAMESPACE   NAME   READY   STATUS   RESTARTS   AGE
        kube-system   coredns-6bdf8c9d7-jd5lx   1/1   Running   0   9d
        shop   web-0   0/1   Pending   0   9m
    fires: [{kind: "StorageClass", name: "local-path"}]
  - name: "it runs"
    files:
      "sc.json": '{"kind": "StorageClassList", "apiVersion": "storage.k8s.io/v1", "items": [{"metadata": {"name": "local-path", "uid": "a"}, "provisioner": "rancher.io/local-path", "volumeBindingMode": "Immediate"}]}'
      "pvc.json": '{"kind": "PersistentVolumeClaimList", "apiVersion": "v1", "items": [{"metadata": {"name": "data", "namespace": "shop", "uid": "a"}, "spec": {"storageClassName": "local-path"}, "status": {"phase": "Pending"}}]}'
      "events.json": '{"kind": "EventList", "apiVersion": "v1", "items": [{"metadata": {"name": "e", "namespace": "shop"}, "type": "Normal", "reason": "ExternalProvisioning", "message": "Waiting for a volume to be created either by the external provisioner ''rancher.io/local-path'' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.", "involvedObject": {"kind": "PersistentVolumeClaim", "namespace": "shop", "name": "data"}}]}'
      "pods.txt": |
        NAMESPACE   NAME   READY   STATUS   RESTARTS   AGE
        kube-system   local-path-provisioner-6bdf8c9d7-jd5lx   1/1   Running   0   9d
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings: Vec<Finding> = Vec::new();
    for hit in own_hits(input, rule) {
        let claim = &hit.about.object;
        let Some(provisioner) = hit.captures.get("provisioner").filter(|name| !name.is_empty()) else {
            continue;
        };
        let object = snapshot.object(&claim.kind, &claim.namespace, &claim.name);
        let waits = object.is_none_or(|object| object.text("/status/phase") == "Pending");
        if claim.kind != "PersistentVolumeClaim" || !waits || !is_listed(snapshot) {
            continue;
        }
        let words: Vec<&str> = provisioner
            .split(['.', '/', '-'])
            .filter(|word| word.len() >= 3 && !COMMON.contains(word))
            .collect();
        let runs = |name: &str| {
            words.iter().any(|word| name.contains(word))
                || name.contains("local-path") && provisioner.contains("local-path")
        };
        // A provisioner that is there and not well is what other rules name.
        if words.is_empty() && !provisioner.contains("local-path") || snapshot.pods().any(|pod| runs(pod.name())) {
            continue;
        }
        let class = object.map_or("", |object| object.text("/spec/storageClassName"));
        let subject = if class.is_empty() {
            claim.clone()
        } else {
            Subject::cluster("StorageClass", class)
        };
        let at = findings.iter().position(|finding| finding.subject == subject);
        let finding = match at {
            Some(at) => findings.get_mut(at),
            None => {
                findings.push(
                    Finding::new(rule, subject, Confidence::Probable)
                        .at("provisioner")
                        .cite(hit.cite.clone())
                        .fact("provisioner", provisioner.clone())
                        .fact("claim", claim.name.clone())
                        .fact("namespace", claim.namespace.clone()),
                );
                findings.last_mut()
            }
        };
        let Some(finding) = finding else { continue };
        finding.add_affected(claim.clone());
        finding.touches.extend(Touch::of(claim));
        for pod in snapshot
            .pods()
            .filter(|pod| pod.namespace() == claim.namespace && !pod.is_well())
        {
            let uses = pod.object.list("/spec/volumes").iter().any(|volume| {
                volume
                    .pointer("/persistentVolumeClaim/claimName")
                    .and_then(|name| name.as_str())
                    == Some(claim.name.as_str())
            });
            if uses {
                finding
                    .touches
                    .extend(workload_touches(snapshot, &pod.object.subject()));
            }
        }
    }
    findings
}

/// Whether pods were listed beyond the application's own namespace, so that one that is not there is missing.
fn is_listed(snapshot: &Snapshot) -> bool {
    snapshot.pods().any(|pod| pod.namespace() == "kube-system")
}

//! Pods were deleted because their node was tainted NoExecute.

use crate::model::{Confidence, Subject};
use crate::rules::refused::has_all_replicas;
use crate::rules::toolbox::workload_touches;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: pods-evicted-by-taint
role: symptom
level: warning
needs: [events]
check:
  zh: "是否有 Pod 因节点污点被删除"
  en: "whether pods were deleted for a taint of their node"
title:
  zh: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }} 的 Pod 因节点的 NoExecute 污点被删除"
  en: "pods of {{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }} were deleted for a NoExecute taint of their node"
cause:
  zh: "节点未就绪或失联超过容忍时间（默认 300 秒），污点管理器删除了其上的 Pod；原因在节点。"
  en: "their node was not ready or silent for longer than they tolerate (300 seconds by default), so the taint manager deleted them; the reason is with the node."
causes:
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "Pod 被删除后没有恢复", en: "the pods that were deleted are not back"}
  - rule: volume-multi-attach
    ground: workload
    mechanism: {zh: "卷仍附加在旧节点上", en: "the volume is still attached to the former node"}
benign:
  - {zh: "Cancelling deletion 表示节点及时恢复", en: "Cancelling deletion means that the node came back in time"}
remedy:
  - purpose: {zh: "查看节点的污点", en: "see the nodes' taints"}
    place: cluster
    risk: read-only
    command: "kubectl get nodes -o custom-columns=NAME:.metadata.name,TAINTS:.spec.taints"
    expect: {zh: "node.kubernetes.io/unreachable:NoExecute", en: "node.kubernetes.io/unreachable:NoExecute"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
prevention:
  - kind: mitigate
    text: {zh: "副本分散到多个节点并设置 PDB", en: "spread replicas over nodes, with a PDB"}
    acceptance: {zh: "停掉一个节点时服务不断", en: "the service goes on with one node stopped"}
sources: ["kubernetes pkg/controller/tainteviction: `Marking for deletion Pod %s`"]
versions: "Kubernetes 1.10 to 1.36"
examples:
  - name: "not back yet"
    files:
      "pods.txt": |
        NAMESPACE   NAME   READY   STATUS   RESTARTS   AGE
        shop   web-6bdf8c9d7-jd5lx   0/1   Pending   0   4m
      "events.json": '{"kind": "EventList", "apiVersion": "v1", "items": [{"metadata": {"name": "e", "namespace": "shop"}, "type": "Normal", "reason": "TaintManagerEviction", "message": "Marking for deletion Pod shop/web-6bdf8c9d7-jd5lx", "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "web-6bdf8c9d7-jd5lx"}}]}'
    fires: [{kind: "Deployment", namespace: "shop", name: "web"}]
  - name: "back on another node"
    files:
      "pods.txt": |
        NAMESPACE   NAME   READY   STATUS   RESTARTS   AGE
        shop   web-6bdf8c9d7-jd5lx   1/1   Running   0   4m
      "events.json": '{"kind": "EventList", "apiVersion": "v1", "items": [{"metadata": {"name": "e", "namespace": "shop"}, "type": "Normal", "reason": "TaintManagerEviction", "message": "Marking for deletion Pod shop/web-6bdf8c9d7-x7k2v", "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "web-6bdf8c9d7-x7k2v"}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings: Vec<Finding> = Vec::new();
    let marked = |event: &&crate::cluster::Event| {
        event.reason == "TaintManagerEviction" && event.message.starts_with("Marking for deletion")
    };
    for event in snapshot.events.iter().filter(marked) {
        let owner = snapshot.top_owner_of(&event.about);
        let is_whole = match snapshot.object(&owner.kind, &owner.namespace, &owner.name) {
            Some(workload) if owner.kind != "Pod" => has_all_replicas(workload),
            _ => snapshot.pods_of(&owner).any(|pod| pod.is_well()),
        };
        if is_whole {
            continue;
        }
        match findings.iter_mut().find(|finding| finding.subject == owner) {
            Some(finding) => finding.add_affected(event.about.clone()),
            None => {
                let mut finding = Finding::new(rule, owner.clone(), Confidence::Confirmed)
                    .cite(event.cite.clone())
                    .affects(event.about.clone());
                finding.touches.extend(workload_touches(snapshot, &event.about));
                for pod in snapshot.pods_of(&owner) {
                    let subject = Subject::namespaced("Pod", pod.namespace(), pod.name());
                    finding.touches.extend(workload_touches(snapshot, &subject));
                }
                findings.push(finding);
            }
        }
    }
    findings
}

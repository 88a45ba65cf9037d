//! Pods were pushed off their node by pods of a higher priority.

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::Snapshot;
use crate::model::{Confidence, Subject};
use crate::rules::refused::has_all_replicas;
use crate::rules::toolbox::workload_touches;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: pod-preempted
role: cause
level: critical
needs: [events]
check:
  zh: "是否有 Pod 被高优先级的 Pod 抢占"
  en: "whether pods of a higher priority push others off their nodes"
title:
  zh: "{% if victims %}{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }} 抢占了 {{ victims|join('、') }} 的 Pod{% else %}{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }} 的 Pod 被更高优先级的 Pod 抢占{% if by %}（{{ by }}）{% endif %}{% endif %}"
  en: "{% if victims %}{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }} pre-empted pods of {{ victims|join(', ') }}{% else %}pods of {{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }} were pre-empted{% if by %} by {{ by }}{% else %} by pods of a higher priority{% endif %}{% endif %}"
cause:
  zh: "{{ message }}：集群放不下所有 Pod，调度器为更高优先级的 Pod 腾出了位置，被抢占的 Pod 又放不回去。"
  en: "{{ message }}: not everything fits, so the scheduler made room for pods of a higher priority, and those that had to go find no place."
causes:
  - rule: failedscheduling-insufficient-resources
    ground: workload
    mechanism: {zh: "位置被高优先级的 Pod 占用", en: "pods of a higher priority took the room"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "被抢占的 Pod 没有位置", en: "pods that were pre-empted find no place"}
  - rule: endpoints-missing
    ground: workload
    mechanism: {zh: "被抢占的 Pod 没有位置", en: "pods that were pre-empted find no place"}
benign:
  - {zh: "之后已在其他节点恢复的工作负载", en: "a workload that is whole again on other nodes"}
remedy:
  - purpose: {zh: "比较优先级", en: "compare the priorities"}
    place: cluster
    risk: read-only
    command: |
      kubectl get priorityclasses
      kubectl get pods -A -o custom-columns=NS:.metadata.namespace,NAME:.metadata.name,PRIORITY:.spec.priority --sort-by=.spec.priority
    expect: {zh: "抢占者的 PRIORITY 更高", en: "a higher PRIORITY of who pre-empted"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "给重要的工作负载设置合适的 priorityClassName，或增加节点", en: "give what matters a fitting priorityClassName, or add nodes"}
    place: cluster
    risk: change
    command: "kubectl -n {{ subject.namespace }} edit {{ subject.kind|lower }} {{ subject.name }}"
    verify: {zh: "所有副本就绪", en: "all replicas are ready"}
    rollback: {zh: "`kubectl rollout undo`", en: "`kubectl rollout undo`"}
prevention:
  - kind: prevent
    text: {zh: "批处理使用 preemptionPolicy: Never 的优先级", en: "give batch work a priority with preemptionPolicy: Never"}
    acceptance: {zh: "批处理高峰时服务不被抢占", en: "services stay in the rush of batch work"}
sources: ["kubernetes pkg/scheduler/framework/preemption/preemption.go: event Preempted `Preempted by %v on node %v`"]
versions: "Kubernetes 1.14 to 1.36"
examples:
  - name: "and it finds no place"
    files:
      "pods.txt": |
        NAMESPACE   NAME   READY   STATUS   RESTARTS   AGE
        shop   web-6bdf8c9d7-jd5lx   0/1   Pending   0   4m
      "events.json": '{"kind": "EventList", "apiVersion": "v1", "items": [{"metadata": {"name": "e", "namespace": "shop"}, "type": "Normal", "reason": "Preempted", "message": "Preempted by batch/etl-0 on node w1", "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "web-6bdf8c9d7-x7k2v"}}]}'
    fires: [{kind: "StatefulSet", namespace: "batch", name: "etl"}]
  - name: "nobody knows by whom"
    files:
      "pods.txt": |
        NAMESPACE   NAME   READY   STATUS   RESTARTS   AGE
        shop   web-6bdf8c9d7-jd5lx   0/1   Pending   0   4m
      "events.json": '{"kind": "EventList", "apiVersion": "v1", "items": [{"metadata": {"name": "e", "namespace": "shop"}, "type": "Normal", "reason": "Preempted", "message": "Preempted by a pod on node w1", "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "web-6bdf8c9d7-x7k2v"}}]}'
    fires: [{kind: "Deployment", namespace: "shop", name: "web"}]
  - name: "placed elsewhere"
    files:
      "pods.txt": |
        NAMESPACE   NAME   READY   STATUS   RESTARTS   AGE
        shop   web-6bdf8c9d7-jd5lx   1/1   Running   0   4m
      "events.json": '{"kind": "EventList", "apiVersion": "v1", "items": [{"metadata": {"name": "e", "namespace": "shop"}, "type": "Normal", "reason": "Preempted", "message": "Preempted by batch/etl-0 on node w1", "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "web-6bdf8c9d7-x7k2v"}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings: Vec<Finding> = Vec::new();
    let mut victims: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
    for event in snapshot.events.iter().filter(|event| event.reason == "Preempted") {
        let owner = snapshot.top_owner_of(&event.about);
        let workload = snapshot.object(&owner.kind, &owner.namespace, &owner.name);
        let is_whole = match workload {
            Some(workload) if owner.kind != "Pod" => has_all_replicas(workload),
            _ => snapshot.pods_of(&owner).any(|pod| pod.is_well()),
        };
        if is_whole {
            continue;
        }
        // `Preempted by shop/batch-1 on node w1`, `Preempted by pod <uid> on node w1` (since 1.26), `Preempted by a pod on node w1`.
        let by = event
            .message
            .strip_prefix("Preempted by ")
            .and_then(|rest| rest.split(" on node").next())
            .unwrap_or("");
        let preemptor = preemptor(snapshot, by.trim_start_matches("pod "));
        let subject = preemptor.clone().unwrap_or_else(|| owner.clone());
        let at = match findings.iter().position(|finding| finding.subject == subject) {
            Some(at) => {
                if let Some(finding) = findings.get_mut(at) {
                    finding.count += event.count;
                }
                at
            }
            None => {
                findings.push(
                    Finding::new(rule, subject, Confidence::Confirmed)
                        .at("spec.template.spec.priorityClassName")
                        .cite(event.cite.clone())
                        .fact("by", by.trim_start_matches("pod "))
                        .fact("message", event.message.clone())
                        .fact("victims", Vec::<String>::new()),
                );
                findings.len() - 1
            }
        };
        let Some(finding) = findings.get_mut(at) else { continue };
        if preemptor.is_some() {
            let known = victims.entry(at).or_default();
            known.insert(format!("{}/{}", owner.namespace, owner.name));
            finding
                .facts
                .insert("victims".into(), known.iter().cloned().collect::<Vec<_>>().into());
        }
        finding.add_affected(event.about.clone());
        finding.add_affected(owner.clone());
        finding.touches.extend(workload_touches(snapshot, &event.about));
        for pod in snapshot.pods_of(&owner) {
            let subject = Subject::namespaced("Pod", pod.namespace(), pod.name());
            finding.touches.extend(workload_touches(snapshot, &subject));
        }
        if finding.subject != owner {
            finding.impair(owner);
        }
    }
    findings
}

/// Whose pod came in place of the one that had to go: by its name, or by its uid where its object shows it.
fn preemptor(snapshot: &Snapshot, by: &str) -> Option<Subject> {
    let pod = match by.split_once('/') {
        Some((namespace, name)) => Subject::namespaced("Pod", namespace, name),
        None => {
            let pod = snapshot
                .pods()
                .find(|pod| !by.is_empty() && pod.object.text("/metadata/uid") == by)?;
            Subject::namespaced("Pod", pod.namespace(), pod.name())
        }
    };
    Some(snapshot.top_owner_of(&pod))
}

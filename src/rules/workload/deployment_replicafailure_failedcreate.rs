//! A ReplicaSet cannot create pods: what people see, never why.

use crate::cluster::Event;
use crate::model::Confidence;
use crate::rules::refused::{has_all_replicas, was_created_since};
use crate::rules::{Finding, Input, RuleHeader, Touch};

pub(in crate::rules) const RULE: &str = r##"
id: deployment-replicafailure-failedcreate
role: symptom
level: critical
needs: [events|replicasets|deployments]
check:
  zh: 控制器能否创建 Pod
  en: whether controllers can create pods
title:
  zh: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }} 无法创建 Pod(FailedCreate)"
  en: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }} cannot create pods (FailedCreate)"
cause:
  zh: "控制器创建 Pod 时被拒绝：{{ message }}"
  en: "the controller is refused when it creates pods: {{ message }}"
causes:
  - rule: endpoints-missing
    ground: namespace
    mechanism: {zh: "创建不出 Pod，Service 后面就没有端点", en: "no pod can be created, so nobody stands behind the Service"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: 没有 Pod 就没有可用副本, en: "no pod, no available replica"}
  - rule: deployment-minimum-replicas-unavailable
    ground: workload
    mechanism: {zh: "创建不出 Pod，副本不足", en: "no pod can be created, so replicas are lacking"}
  - rule: deployment-rollout-stuck
    ground: workload
    mechanism: {zh: "新版本的 Pod 创建不出来", en: "pods of the new revision cannot be created"}
  - rule: deployment-progress-deadline-exceeded
    ground: workload
    mechanism: {zh: "新版本的 Pod 创建不出来", en: "pods of the new revision cannot be created"}
benign:
  - zh: 之后副本数已满足的工作负载不算
    en: a workload that has all its replicas since does not count
remedy:
  - purpose: {zh: 查看拒绝的原文, en: read the refusal}
    place: cluster
    risk: read-only
    command: "kubectl -n {{ subject.namespace }} get events --field-selector reason=FailedCreate"
    expect: {zh: Error creating 之后是原因, en: Error creating followed by the reason}
    verify: {zh: 原因已记录, en: the reason is on record}
    rollback: {zh: 只读，无需回滚, en: read-only}
prevention:
  - kind: detect
    text: {zh: 对 ReplicaSet 的 FailedCreate 事件告警, en: alert on FailedCreate events of ReplicaSets}
    acceptance: {zh: 测试命名空间中的一次拒绝在 5 分钟内触发告警, en: one refusal in a test namespace raises the alert within 5 minutes}
sources: ["kubernetes pkg/controller/controller_utils.go: FailedCreate, `Error creating: %v`; condition ReplicaFailure"]
versions: Kubernetes 1.19 to 1.36
examples:
  - name: the event on the ReplicaSet
    files:
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e","namespace":"pay"},"type":"Warning","reason":"FailedCreate","message":"Error creating: pods \"api-57f9c76575-\" is forbidden: x","involvedObject":{"kind":"ReplicaSet","namespace":"pay","name":"api-57f9c76575"}}]}'
    fires: [{kind: Deployment, namespace: pay, name: api}]
  - name: all replicas are there since
    files:
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e","namespace":"pay"},"type":"Warning","reason":"FailedCreate","message":"Error creating: pods \"api-57f9c76575-\" is forbidden: x","involvedObject":{"kind":"ReplicaSet","namespace":"pay","name":"api-57f9c76575"}}]}'
      deployments.json: '{"kind":"DeploymentList","apiVersion":"apps/v1","items":[{"metadata":{"name":"api","namespace":"pay"},"spec":{"replicas":1},"status":{"replicas":1,"readyReplicas":1,"availableReplicas":1}}]}'
  - name: a machine that Cluster API could not make
    files:
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e","namespace":"work"},"type":"Warning","reason":"FailedCreate","message":"Failed to create machine \"md-0-abcde\": x","involvedObject":{"kind":"MachineSet","namespace":"work","name":"md-0"}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for event in input
        .snapshot
        .events
        .iter()
        .filter(|event| event.reason == "FailedCreate" && is_about_pods(event))
    {
        let owner = input.snapshot.top_owner_of(&event.about);
        let workload = input.snapshot.object(&owner.kind, &owner.namespace, &owner.name);
        if workload.is_some_and(has_all_replicas)
            || was_created_since(input.snapshot, &event.about, event.last.as_ref(), &owner)
        {
            continue;
        }
        match findings.iter_mut().find(|finding| finding.subject == owner) {
            Some(known) => {
                known.count += event.count;
                if let (Some(first), Some(last)) = (&event.first, &event.last) {
                    known.see(first.clone(), last.clone());
                }
            }
            None => {
                let mut finding = Finding::new(rule, owner, Confidence::Confirmed)
                    .cite(event.cite.clone())
                    .fact("message", event.message.clone());
                finding.count = event.count;
                finding.touches.extend(Touch::of(&event.about));
                if let Some(workload) = workload {
                    finding.add_cite(workload.cite_at("/status/conditions"));
                }
                findings.push(finding);
            }
        }
    }
    findings
}

/// Other controllers use the reason for what they make: Cluster API's for machines (`MachineSet`: `Failed to create machine "…"`).
fn is_about_pods(event: &Event) -> bool {
    const OF_PODS: [&str; 7] = [
        "CronJob",
        "DaemonSet",
        "Deployment",
        "Job",
        "ReplicaSet",
        "ReplicationController",
        "StatefulSet",
    ];
    OF_PODS.contains(&event.about.kind.as_str()) || event.message.to_lowercase().contains("pod")
}

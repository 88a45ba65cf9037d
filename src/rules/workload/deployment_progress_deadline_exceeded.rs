//! A rollout does not come to its end in time.

use crate::model::{Confidence, Subject};
use crate::rules::refused::has_all_replicas;
use crate::rules::toolbox::workload_touches;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: deployment-progress-deadline-exceeded
role: symptom
level: critical
needs: [deployments]
check:
  zh: "发布是否在期限内完成"
  en: "whether rollouts end in time"
title:
  zh: "Deployment {{ subject.namespace }}/{{ subject.name }} 的发布超过期限没有完成（{{ updated }} 个新副本）"
  en: "the rollout of Deployment {{ subject.namespace }}/{{ subject.name }} is past its deadline ({{ updated }} new replicas)"
cause:
  zh: "{% if message %}{{ message }} {% endif %}新的 Pod 在 progressDeadlineSeconds（默认 600 秒）内没有就绪；原因在新 Pod 上，旧版本的 Pod 仍在服务。"
  en: "{% if message %}{{ message }} {% endif %}The new pods did not get ready within progressDeadlineSeconds (600 by default); the reason is with them, and pods of the former version serve on."
causes:
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "新的 Pod 没有就绪", en: "the new pods do not get ready"}
  - rule: deployment-rollout-stuck
    ground: workload
    mechanism: {zh: "发布超过期限没有进展", en: "the rollout made no progress until its deadline"}
benign:
  - {zh: "条件在原因消失后会保留到下一次进展", en: "the condition stays until the next progress, after its reason is gone"}
remedy:
  - purpose: {zh: "查看新 ReplicaSet 的 Pod", en: "see the pods of the new ReplicaSet"}
    place: cluster
    risk: read-only
    command: |
      kubectl -n {{ subject.namespace }} rollout status deployment {{ subject.name }} --timeout=5s
      kubectl -n {{ subject.namespace }} get replicasets,pods
    expect: {zh: "新 ReplicaSet 的 READY 为 0", en: "READY 0 in the new ReplicaSet"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "先回到上一个版本恢复服务", en: "go back to the former revision first"}
    place: cluster
    risk: change
    command: "kubectl -n {{ subject.namespace }} rollout undo deployment {{ subject.name }}"
    verify: {zh: "所有副本就绪", en: "all replicas are ready"}
    rollback: {zh: "重新应用新的模板", en: "apply the new template again"}
prevention:
  - kind: detect
    text: {zh: "在流水线中用 rollout status --timeout 判定发布失败", en: "let the pipeline judge by rollout status --timeout"}
    acceptance: {zh: "失败的发布使流水线失败", en: "a rollout that fails fails there"}
sources: ["kubernetes pkg/controller/deployment/progress.go: ProgressDeadlineExceeded, `has timed out progressing`"]
versions: "Kubernetes 1.10 to 1.36"
examples:
  - name: "an object"
    files:
      "deploy.json": '{"kind": "DeploymentList", "apiVersion": "apps/v1", "items": [{"metadata": {"name": "web", "namespace": "shop", "uid": "a"}, "spec": {"replicas": 2}, "status": {"replicas": 3, "updatedReplicas": 1, "availableReplicas": 2, "unavailableReplicas": 1, "conditions": [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "ReplicaSet \"web-8f458dc5b\" has timed out progressing."}]}}]}'
    fires: [{kind: "Deployment", namespace: "shop", name: "web"}]
  - name: "over it"
    files:
      "deploy.json": '{"kind": "DeploymentList", "apiVersion": "apps/v1", "items": [{"metadata": {"name": "web", "namespace": "shop", "uid": "a"}, "spec": {"replicas": 2}, "status": {"replicas": 2, "updatedReplicas": 2, "availableReplicas": 2, "conditions": [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}]}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings = Vec::new();
    for workload in snapshot.kind("Deployment") {
        let text = |index: usize, key: &str| workload.text(&format!("/status/conditions/{index}/{key}"));
        let index = (0..workload.list("/status/conditions").len())
            .find(|&index| text(index, "reason") == "ProgressDeadlineExceeded" && text(index, "status") != "True");
        let Some(index) = index else { continue };
        let updated = workload.int("/status/updatedReplicas").unwrap_or(0);
        // The condition stays until the next progress; all new and available is over it.
        if has_all_replicas(workload)
            && updated >= workload.int("/spec/replicas").unwrap_or(1)
            && workload.int("/status/unavailableReplicas").unwrap_or(0) == 0
        {
            continue;
        }
        let at = format!("/status/conditions/{index}");
        let mut finding = Finding::new(rule, workload.subject(), Confidence::Confirmed)
            .cite(
                workload
                    .cite_at(&format!("{at}/reason"))
                    .at(workload.time(&format!("{at}/lastUpdateTime"))),
            )
            .fact("message", text(index, "message"))
            .fact("updated", updated);
        for pod in snapshot.pods_of(&workload.subject()).filter(|pod| !pod.is_well()) {
            let subject = Subject::namespaced("Pod", pod.namespace(), pod.name());
            finding.touches.extend(workload_touches(snapshot, &subject));
            finding.add_affected(subject);
        }
        findings.push(finding);
    }
    findings
}

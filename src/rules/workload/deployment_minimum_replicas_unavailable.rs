//! A Deployment says that it lacks the replicas that it must have: what people see, never why.

use jiff::SignedDuration;

use crate::cluster::{Object, Snapshot};
use crate::model::Confidence;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: deployment-minimum-replicas-unavailable
role: symptom
level: critical
needs: [deployments]
check:
  zh: Deployment 的 Available 条件是否为 False
  en: whether the condition Available of Deployments is False
title:
  zh: "Deployment {{ subject.namespace }}/{{ subject.name }} 的 Available 为 False（MinimumReplicasUnavailable）：可用副本少于 replicas 减去 maxUnavailable"
  en: "Available is False for Deployment {{ subject.namespace }}/{{ subject.name }} (MinimumReplicasUnavailable): it has fewer replicas than replicas less maxUnavailable"
cause:
  zh: "{{ message }}。这是 Deployment 控制器对可用副本不足的汇总，原因在它的 Pod 或 ReplicaSet 上。"
  en: "{{ message }}. The Deployment controller sums up that replicas are lacking; the reason is with its pods or its ReplicaSet."
benign:
  - {zh: "副本数为 0 时 Available 为 True", en: "with 0 replicas Available is True"}
  - {zh: "滚动更新中不到两分钟的 False", en: "False for less than two minutes during a rolling update"}
remedy:
  - purpose: {zh: "查看条件与新的 ReplicaSet", en: "look at the conditions and the new ReplicaSet"}
    place: cluster
    risk: read-only
    command: |
      kubectl -n {{ subject.namespace }} describe deployment {{ subject.name }}
      kubectl -n {{ subject.namespace }} get replicasets,pods
    expect: {zh: "没有就绪的 Pod，或 ReplicaSet 创建不出 Pod", en: "pods that are not ready, or a ReplicaSet that makes none"}
    verify: {zh: "原因已记录", en: "the reason is on record"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
prevention:
  - kind: detect
    text: {zh: "对 Available 为 False 持续 5 分钟的 Deployment 告警", en: "alert when Available is False for 5 minutes"}
    acceptance: {zh: "测试 Deployment 换成不存在的镜像后收到告警", en: "a test Deployment with an image that does not exist raises the alert"}
sources: ["kubernetes pkg/controller/deployment/sync.go: MinimumReplicasUnavailable, `Deployment does not have minimum availability.`"]
versions: "Kubernetes 1.10 to 1.36"
examples:
  - name: "an object"
    files:
      "deploy.json": '{"kind":"DeploymentList","apiVersion":"apps/v1","items":[{"metadata":{"name":"web","namespace":"shop"},"spec":{"replicas":2},"status":{"replicas":2,"unavailableReplicas":2,"conditions":[{"type":"Available","status":"False","reason":"MinimumReplicasUnavailable","message":"Deployment does not have minimum availability.","lastTransitionTime":"2026-02-24T14:00:00Z"}]}}]}'
      "date.txt": "2026-02-24T14:30:00Z\n"
    fires: [{kind: "Deployment", namespace: "shop", name: "web"}]
  - name: "for a moment in a rollout"
    files:
      "deploy.json": '{"kind":"DeploymentList","apiVersion":"apps/v1","items":[{"metadata":{"name":"web","namespace":"shop"},"spec":{"replicas":2},"status":{"replicas":2,"unavailableReplicas":1,"conditions":[{"type":"Available","status":"False","reason":"MinimumReplicasUnavailable","message":"Deployment does not have minimum availability.","lastTransitionTime":"2026-02-24T14:29:30Z"}]}}]}'
      "date.txt": "2026-02-24T14:30:00Z\n"
  - name: "it is available"
    files:
      "deploy.json": '{"kind":"DeploymentList","apiVersion":"apps/v1","items":[{"metadata":{"name":"web","namespace":"shop"},"spec":{"replicas":2},"status":{"replicas":2,"availableReplicas":2,"conditions":[{"type":"Available","status":"True","reason":"MinimumReplicasAvailable"}]}}]}'
"##;

/// A rolling update may lack a replica for so long.
const BRIEF: SignedDuration = SignedDuration::from_mins(2);

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    input
        .snapshot
        .kind("Deployment")
        .filter_map(|deployment| judge(input.snapshot, rule, deployment))
        .collect()
}

fn judge(snapshot: &Snapshot, rule: &RuleHeader, deployment: &Object) -> Option<Finding> {
    if deployment.int("/spec/replicas") == Some(0) {
        return None;
    }
    let text = |index: usize, key: &str| deployment.text(&format!("/status/conditions/{index}/{key}"));
    let index = (0..deployment.list("/status/conditions").len()).find(|&index| {
        text(index, "type") == "Available"
            && text(index, "status") == "False"
            && text(index, "reason") == "MinimumReplicasUnavailable"
    })?;
    let at = format!("/status/conditions/{index}");
    let since = deployment.time(&format!("{at}/lastTransitionTime"));
    if let (Some(since), Some(now)) = (&since, &snapshot.bundle.collected_at)
        && since.gap_to(now) < BRIEF
    {
        return None;
    }
    let message = match text(index, "message") {
        "" => "MinimumReplicasUnavailable",
        message => message.trim_end_matches('.'),
    };
    Some(
        Finding::new(rule, deployment.subject(), Confidence::Confirmed)
            .cite(deployment.cite_at(&format!("{at}/reason")).at(since))
            .fact("message", message),
    )
}

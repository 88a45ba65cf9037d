//! A Deployment is paused with a change that is not rolled out.

use crate::cluster::Object;
use crate::model::Confidence;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: deployment-paused
role: cause
level: warning
needs: [deployments]
check:
  zh: "是否有暂停的 Deployment 压住了改动"
  en: "whether a paused Deployment holds a change back"
title:
  zh: "Deployment {{ subject.namespace }}/{{ subject.name }} 被暂停：新模板{% if image %}（{{ image }}）{% endif %}没有发布，{{ wanted }} 个副本中 {{ updated }} 个是新的"
  en: "Deployment {{ subject.namespace }}/{{ subject.name }} is paused: its new template{% if image %} ({{ image }}){% endif %} is not rolled out, {{ updated }} of {{ wanted }} replicas are new"
cause:
  zh: "spec.paused 为 true，控制器不创建新的 ReplicaSet：改动停在对象里，运行的仍是旧版本。"
  en: "spec.paused is true, so the controller makes no new ReplicaSet: the change stays in the object, and the former version runs on."
causes:
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "新的 Pod 没有创建", en: "the new pods are not made"}
benign:
  - {zh: "为了合并多次改动而短暂暂停", en: "paused for a moment to gather changes"}
remedy:
  - purpose: {zh: "查看是否暂停", en: "see whether it is paused"}
    place: cluster
    risk: read-only
    command: "kubectl -n {{ subject.namespace }} rollout status deployment {{ subject.name }} --timeout=5s"
    expect: {zh: "`deployment paused`", en: "`deployment paused`"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "恢复发布", en: "resume it"}
    place: cluster
    risk: change
    command: "kubectl -n {{ subject.namespace }} rollout resume deployment {{ subject.name }}"
    verify: {zh: "UP-TO-DATE 等于期望值", en: "UP-TO-DATE is what is wanted"}
    rollback: {zh: "`kubectl -n {{ subject.namespace }} rollout pause deployment {{ subject.name }}`", en: "`kubectl -n {{ subject.namespace }} rollout pause deployment {{ subject.name }}`"}
prevention:
  - kind: detect
    text: {zh: "对 kube_deployment_spec_paused 为 1 超过 1 小时告警", en: "alert when kube_deployment_spec_paused is 1 for an hour"}
    acceptance: {zh: "暂停的测试 Deployment 触发告警", en: "a paused test Deployment raises it"}
sources: ["kubernetes pkg/controller/deployment/sync.go: DeploymentPaused"]
versions: "Kubernetes 1.10 to 1.36"
examples:
  - name: "a change is held back"
    files:
      "deploy.json": '{"kind": "DeploymentList", "apiVersion": "apps/v1", "items": [{"metadata": {"name": "web", "namespace": "shop", "uid": "a", "generation": 3}, "spec": {"replicas": 2, "paused": true, "selector": {"matchLabels": {"app": "web"}}, "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": "r.example/web:2"}]}}}, "status": {"replicas": 2, "updatedReplicas": 0, "availableReplicas": 2, "readyReplicas": 2}}]}'
    fires: [{kind: "Deployment", namespace: "shop", name: "web"}]
  - name: "as describe tells"
    files:
      "describe.txt": |
        Name:                   web
        Namespace:              shop
        Selector:               app=web
        Replicas:               6 desired | 2 updated | 6 total | 6 available | 0 unavailable
        StrategyType:           RollingUpdate
        Pod Template:
          Labels:  app=web
          Containers:
           web:
            Image:      registry.example/web:5.0.0
        Conditions:
          Type           Status   Reason
          ----           ------   ------
          Available      True     MinimumReplicasAvailable
          Progressing    Unknown  DeploymentPaused
        OldReplicaSets:  web-7pp9rk9j4 (4/4 replicas created)
        NewReplicaSet:   web-r99qs77cz (2/2 replicas created)
        Events:          <none>
    fires: [{kind: "Deployment", namespace: "shop", name: "web"}]
  - name: "nothing is held back"
    files:
      "deploy.json": '{"kind": "DeploymentList", "apiVersion": "apps/v1", "items": [{"metadata": {"name": "web", "namespace": "shop", "uid": "a", "generation": 3}, "spec": {"replicas": 2, "paused": true, "selector": {"matchLabels": {"app": "web"}}, "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": "r.example/web:2"}]}}}, "status": {"replicas": 2, "updatedReplicas": 2, "availableReplicas": 2, "readyReplicas": 2}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let mut findings = Vec::new();
    for workload in input.snapshot.kind("Deployment") {
        let wanted = workload.int("/spec/replicas").unwrap_or(1);
        let updated = workload.int("/status/updatedReplicas").unwrap_or(0);
        let Some(pointer) = pause(workload).filter(|_| updated < wanted) else {
            // A pause that holds nothing back is harmless.
            continue;
        };
        findings.push(
            Finding::new(rule, workload.subject(), Confidence::Confirmed)
                .at("spec.paused")
                .cite(workload.cite_at(&pointer))
                .cite(workload.cite_at("/status/updatedReplicas"))
                .fact("updated", updated)
                .fact("wanted", wanted)
                .fact("image", workload.text("/spec/template/spec/containers/0/image")),
        );
    }
    findings
}

/// Where a Deployment says that it is paused: in its own field, or in the condition that the controller sets for it, which is what
/// `kubectl describe` shows (kubernetes pkg/controller/deployment/util/deployment_util.go, PausedDeployReason).
fn pause(workload: &Object) -> Option<String> {
    if workload.get("/spec/paused").and_then(|paused| paused.as_bool()) == Some(true) {
        return Some("/spec/paused".to_owned());
    }
    let is_pause = |condition: &serde_json::Value| {
        condition.get("reason").and_then(|reason| reason.as_str()) == Some("DeploymentPaused")
    };
    let at = workload.list("/status/conditions").iter().position(is_pause)?;
    Some(format!("/status/conditions/{at}/reason"))
}

//! A namespace's quota is used up, and new pods are refused.

use crate::rules::refused::refused;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: resourcequota-exceeded
role: cause
level: critical
needs: [events|replicasets|deployments|jobs]
text:
  - id: exceeded
    pattern: "is forbidden: exceeded quota: (?P<quota>[^,\\s]+), requested: (?P<requested>[^\\n]+?), used: (?P<used>[^\\n]+?), limited: (?P<limited>[^\\n\"]+)"
check:
  zh: "资源配额是否已用尽"
  en: "whether quotas are used up"
title:
  zh: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}：配额 {{ quota }} 已用尽，无法创建 Pod（请求 {{ requested }}，已用 {{ used }}，上限 {{ limited }}）"
  en: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}: quota {{ quota }} is used up, pods cannot be created (requested {{ requested }}, used {{ used }}, limited {{ limited }})"
cause:
  zh: "命名空间 {{ namespace }} 的配额 {{ quota }} 拒绝了新 Pod（共 {{ count }} 次）：请求 {{ requested }}，已用 {{ used }}，上限 {{ limited }}。"
  en: "quota {{ quota }} of namespace {{ namespace }} refused new pods ({{ count }} times): requested {{ requested }}, used {{ used }}, limited {{ limited }}."
rules_out:
  - {zh: "节点容量：拒绝发生在调度之前", en: "node capacity: the refusal came before scheduling"}
questions:
  - {zh: "谁占用了配额？滚动更新的额外副本或已结束的 Pod 是否计算在内？", en: "who uses the quota up, and do surge replicas or finished pods count in?"}
causes:
  - rule: deployment-replicafailure-failedcreate
    ground: workload
    mechanism: {zh: "准入拒绝使控制器无法创建 Pod", en: "admission refuses what the controller tries to create"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "没有 Pod 就没有可用副本", en: "no pod, no available replica"}
benign:
  - {zh: "副本数已满足的工作负载的旧事件不算", en: "an old event of a workload that has all its replicas since does not count"}
  - {zh: "滚动更新需要为 maxSurge 预留余量，短暂的拒绝会自行恢复", en: "a rolling update needs headroom for maxSurge; short refusals pass"}
remedy:
  - purpose: {zh: "查看配额与占用者", en: "look at the quota and who uses it"}
    place: cluster
    risk: read-only
    command: |
      kubectl -n {{ namespace }} describe resourcequota {{ quota }}
      kubectl -n {{ namespace }} get pods -o wide
    expect: {zh: "Used 接近 Hard", en: "Used is close to Hard"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "提高配额（或减少副本与 requests）", en: "raise the quota (or lower replicas and requests)"}
    place: cluster
    risk: change
    command: "kubectl -n {{ namespace }} edit resourcequota {{ quota }}"
    expect: {zh: "resourcequota/{{ quota }} edited", en: "resourcequota/{{ quota }} edited"}
    verify: {zh: "Pod 已创建", en: "the pods exist"}
    rollback: {zh: "把上限改回 {{ limited }}", en: "set the limit back to {{ limited }}"}
prevention:
  - kind: detect
    immediate: true
    text: {zh: "对配额使用率超过 90% 告警", en: "alert when a quota is used to 90 %"}
    acceptance: {zh: "测试命名空间用到 90% 时收到告警", en: "a test namespace at 90 % raises the alert"}
  - kind: detect
    text: {zh: "对 FailedCreate 事件告警", en: "alert on FailedCreate events"}
    acceptance: {zh: "测试命名空间中的一次拒绝在 5 分钟内触发告警", en: "one refusal in a test namespace raises the alert within 5 minutes"}
sources: ["kubernetes staging/src/k8s.io/apiserver/pkg/admission/plugin/resourcequota/controller.go: `exceeded quota: %s, requested: %s, used: %s, limited: %s`"]
versions: "Kubernetes 1.19 to 1.36"
examples:
  - name: "event"
    files:
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-failedcreate-api-57f9c76575","namespace":"pay"},"type":"Warning","reason":"FailedCreate","message":"Error creating: pods \"api-57f9c76575-\" is forbidden: exceeded quota: compute, requested: requests.memory=1Gi, used: requests.memory=1Gi, limited: requests.memory=1Gi","involvedObject":{"kind":"ReplicaSet","namespace":"pay","name":"api-57f9c76575"}}]}'
    fires: [{kind: Deployment, namespace: pay, name: api}]
  - name: "condition of the Deployment"
    files:
      deployments.json: '{"kind":"DeploymentList","apiVersion":"v1","items":[{"metadata":{"name":"api","namespace":"pay"},"spec":{"replicas":3},"status":{"replicas":1,"availableReplicas":1,"conditions":[{"type":"ReplicaFailure","status":"True","reason":"FailedCreate","message":"pods \"api-57f9c76575-x\" is forbidden: exceeded quota: compute, requested: pods=1, used: pods=4, limited: pods=4"}]}}]}'
    fires: [{kind: Deployment, namespace: pay, name: api}]
  - name: "all replicas are there"
    files:
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-failedcreate-api-57f9c76575","namespace":"pay"},"type":"Warning","reason":"FailedCreate","message":"Error creating: pods \"api-57f9c76575-\" is forbidden: exceeded quota: compute, requested: requests.memory=1Gi, used: requests.memory=1Gi, limited: requests.memory=1Gi","involvedObject":{"kind":"ReplicaSet","namespace":"pay","name":"api-57f9c76575"}}]}'
      deployments.json: '{"kind":"DeploymentList","apiVersion":"v1","items":[{"metadata":{"name":"api","namespace":"pay"},"spec":{"replicas":1},"status":{"replicas":1,"readyReplicas":1,"availableReplicas":1}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let mut findings = refused(input, rule, |_, owner| Some(owner.clone()));
    for finding in &mut findings {
        let quota = finding
            .facts
            .get("quota")
            .and_then(|quota| quota.as_str())
            .unwrap_or("")
            .to_owned();
        if let Some(object) = input
            .snapshot
            .object("ResourceQuota", &finding.subject.namespace, &quota)
        {
            finding.add_cite(object.cite_at("/status/used"));
            finding.add_affected(object.subject());
        }
        finding.path = format!("resourcequota/{quota}");
    }
    findings
}

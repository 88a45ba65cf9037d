//! A LimitRange refuses the resources that a workload asks for.

use crate::rules::refused::refused;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: limitrange-violated
role: cause
level: critical
needs: [events|replicasets|deployments|jobs]
text:
  - id: bounds
    pattern: "is forbidden: (?P<problem>\\[?(?:maximum|minimum) [a-z.-]+ usage per (?:Container|Pod) is [^\\n]+|\\[?[a-z.-]+ max limit to request ratio per (?:Container|Pod) is [^\\n]+)"
check:
  zh: "LimitRange 是否拒绝了工作负载的资源设置"
  en: "whether a LimitRange refuses what workloads ask for"
title:
  zh: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}：LimitRange 拒绝创建 Pod：{{ problem }}"
  en: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}: a LimitRange refuses its pods: {{ problem }}"
cause:
  zh: "命名空间 {{ namespace }} 的 LimitRange 拒绝了 {{ workload }} 的每一次 Pod 创建（共 {{ count }} 次）：{{ problem }}。"
  en: "the LimitRange of namespace {{ namespace }} refused every pod of {{ workload }} ({{ count|times }}): {{ problem }}."
rules_out:
  - {zh: "配额：这是单个容器的上下限，与用量总和无关", en: "quota: this bounds a single container, not the sum"}
causes:
  - rule: deployment-replicafailure-failedcreate
    ground: workload
    mechanism: {zh: "准入拒绝使控制器无法创建 Pod", en: "admission refuses what the controller tries to create"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "没有 Pod 就没有可用副本", en: "no pod, no available replica"}
benign:
  - {zh: "副本数已满足的工作负载的旧事件不算", en: "an old event of a workload that has all its replicas since does not count"}
remedy:
  - purpose: {zh: "查看 LimitRange", en: "look at the LimitRange"}
    place: cluster
    risk: read-only
    command: "kubectl -n {{ namespace }} describe limitrange"
    expect: {zh: "Min 与 Max 列", en: "the columns Min and Max"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "把 requests 与 limits 改到允许的范围内", en: "bring requests and limits within the bounds"}
    place: cluster
    risk: change
    command: "kubectl -n {{ namespace }} edit {{ resource }} {{ workload }}"
    expect: {zh: "`{{ resource }}.apps/{{ workload }} edited`", en: "`{{ resource }}.apps/{{ workload }} edited`"}
    verify: {zh: "Pod 已创建并就绪", en: "the pods exist and are ready"}
    rollback: {zh: "`kubectl -n {{ namespace }} rollout undo {{ resource }} {{ workload }}`", en: "`kubectl -n {{ namespace }} rollout undo {{ resource }} {{ workload }}`"}
prevention:
  - kind: prevent
    immediate: true
    text: {zh: "在流水线中按 LimitRange 校验资源设置", en: "check resources against the LimitRange in the pipeline"}
    acceptance: {zh: "超出上限的清单在流水线中失败", en: "a manifest beyond the maximum fails there"}
  - kind: detect
    text: {zh: "对 FailedCreate 事件告警", en: "alert on FailedCreate events"}
    acceptance: {zh: "测试命名空间中的一次拒绝在 5 分钟内触发告警", en: "one refusal in a test namespace raises the alert within 5 minutes"}
sources: ["kubernetes plugin/pkg/admission/limitranger/admission.go"]
versions: "Kubernetes 1.19 to 1.36"
examples:
  - name: "event"
    files:
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-failedcreate-api-57f9c76575","namespace":"pay"},"type":"Warning","reason":"FailedCreate","message":"Error creating: pods \"api-57f9c76575-\" is forbidden: maximum memory usage per Container is 1Gi, but limit is 2Gi","involvedObject":{"kind":"ReplicaSet","namespace":"pay","name":"api-57f9c76575"}}]}'
    fires: [{kind: Deployment, namespace: pay, name: api}]
  - name: "created since"
    files:
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-failedcreate-api-57f9c76575","namespace":"pay"},"type":"Warning","reason":"FailedCreate","message":"Error creating: pods \"api-57f9c76575-\" is forbidden: maximum memory usage per Container is 1Gi, but limit is 2Gi","involvedObject":{"kind":"ReplicaSet","namespace":"pay","name":"api-57f9c76575"}}]}'
      deployments.json: '{"kind":"DeploymentList","apiVersion":"v1","items":[{"metadata":{"name":"api","namespace":"pay"},"spec":{"replicas":1},"status":{"replicas":1,"readyReplicas":1,"availableReplicas":1}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let mut findings = refused(input, rule, |_, owner| Some(owner.clone()));
    for finding in &mut findings {
        finding.path = "spec.template.spec.containers[*].resources".to_owned();
    }
    findings
}

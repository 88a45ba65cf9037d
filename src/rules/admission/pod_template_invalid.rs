//! The API server finds a workload's pod template invalid.

use crate::rules::refused::refused;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: pod-template-invalid
role: cause
level: critical
needs: [events|replicasets|deployments|jobs]
text:
  - id: invalid
    pattern: "(?:Error creating: |failed error: )Pod \\W+[^\"\\\\\\s]+\\W+ is invalid: (?P<problem>[^\\n]+)"
  - id: runtimeclass
    pattern: "(?:pod rejected: )?(?P<problem>RuntimeClass \\W+[^\"\\\\\\s]+\\W+ not found)"
check:
  zh: "Pod 模板是否有效"
  en: "whether pod templates are valid"
title:
  zh: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}：Pod 模板无效，无法创建 Pod：{{ problem }}"
  en: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}: its pod template is invalid, so pods cannot be created: {{ problem }}"
cause:
  zh: "API 服务器拒绝了 {{ workload }} 的每一次 Pod 创建（共 {{ count }} 次）：{{ problem }}。"
  en: "the API server refused every pod of {{ workload }} ({{ count|times }}): {{ problem }}."
rules_out:
  - {zh: "调度与镜像：从未有 Pod 存在", en: "scheduling and image: no pod ever existed"}
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
  - purpose: {zh: "查看拒绝的原文", en: "read the refusal"}
    place: cluster
    risk: read-only
    command: "kubectl -n {{ namespace }} get events --field-selector reason=FailedCreate"
    expect: {zh: "Error creating 之后是原因", en: "the reason follows Error creating"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "按提示改正 Pod 模板", en: "correct the pod template as the message says"}
    place: cluster
    risk: change
    command: "kubectl -n {{ namespace }} edit {{ resource }} {{ workload }}"
    expect: {zh: "`{{ resource }}.apps/{{ workload }} edited`", en: "`{{ resource }}.apps/{{ workload }} edited`"}
    verify: {zh: "Pod 已创建并就绪", en: "the pods exist and are ready"}
    rollback: {zh: "`kubectl -n {{ namespace }} rollout undo {{ resource }} {{ workload }}`", en: "`kubectl -n {{ namespace }} rollout undo {{ resource }} {{ workload }}`"}
prevention:
  - kind: prevent
    immediate: true
    text: {zh: "在流水线中用 kubectl apply --dry-run=server 校验", en: "validate with kubectl apply --dry-run=server in the pipeline"}
    acceptance: {zh: "无效的清单在流水线中失败", en: "an invalid manifest fails there"}
  - kind: detect
    text: {zh: "对 FailedCreate 事件告警", en: "alert on FailedCreate events"}
    acceptance: {zh: "测试命名空间中的一次拒绝在 5 分钟内触发告警", en: "one refusal in a test namespace raises the alert within 5 minutes"}
sources: ["kubernetes pkg/apis/core/validation", "plugin/pkg/admission/runtimeclass"]
versions: "Kubernetes 1.19 to 1.36"
examples:
  - name: "event"
    files:
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-failedcreate-api-57f9c76575","namespace":"pay"},"type":"Warning","reason":"FailedCreate","message":"Error creating: Pod \"api-57f9c76575-x\" is invalid: spec.containers[0].volumeMounts[0].name: Not found: \"data\"","involvedObject":{"kind":"ReplicaSet","namespace":"pay","name":"api-57f9c76575"}}]}'
    fires: [{kind: Deployment, namespace: pay, name: api}]
  - name: "created since"
    files:
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-failedcreate-api-57f9c76575","namespace":"pay"},"type":"Warning","reason":"FailedCreate","message":"Error creating: Pod \"api-57f9c76575-x\" is invalid: x","involvedObject":{"kind":"ReplicaSet","namespace":"pay","name":"api-57f9c76575"}}]}'
      deployments.json: '{"kind":"DeploymentList","apiVersion":"v1","items":[{"metadata":{"name":"api","namespace":"pay"},"spec":{"replicas":1},"status":{"replicas":1,"readyReplicas":1,"availableReplicas":1}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let mut findings = refused(input, rule, |_, owner| Some(owner.clone()));
    for finding in &mut findings {
        finding.path = "spec.template.spec".to_owned();
    }
    findings
}

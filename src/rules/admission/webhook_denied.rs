//! An admission webhook or policy denies a workload's pods.

use crate::rules::refused::refused;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: webhook-denied
role: cause
level: critical
needs: [events|replicasets|deployments|jobs]
text:
  # What a policy engine or an exporter of events writes into its own log is told of others' requests.
  - id: denied
    in: [event, status, control-plane, system, other]
    pattern: "admission webhook \\W+(?P<webhook>[^\"\\\\\\s]+)\\W+ denied the request(?: without explanation)?:? ?(?P<problem>[^\\n]*)"
  - id: policy
    pattern: "is forbidden: ValidatingAdmissionPolicy '(?P<webhook>[^']+)' with binding '[^']+' denied request: (?P<problem>[^\\n]+)"
check:
  zh: "准入 webhook 或策略是否拒绝了工作负载"
  en: "whether an admission webhook or policy denies workloads"
title:
  zh: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}：准入 webhook {{ webhook }} 拒绝创建 Pod：{{ problem }}"
  en: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}: admission webhook {{ webhook }} denies its pods: {{ problem }}"
cause:
  zh: "准入 webhook {{ webhook }} 应答了请求并拒绝 {{ workload }} 的 Pod（共 {{ count }} 次）：{{ problem }}。"
  en: "admission webhook {{ webhook }} answered and denied the pods of {{ workload }} ({{ count|times }}): {{ problem }}."
rules_out:
  - {zh: "webhook 故障：它有应答，拒绝是它的决定", en: "a broken webhook: it did answer, and the denial is its decision"}
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
  - purpose: {zh: "让 Pod 模板符合策略（或请策略的管理者豁免）", en: "make the pod template comply (or ask who keeps the policy for an exception)"}
    place: cluster
    risk: change
    command: "kubectl -n {{ namespace }} edit {{ resource }} {{ workload }}"
    expect: {zh: "`{{ resource }}.apps/{{ workload }} edited`", en: "`{{ resource }}.apps/{{ workload }} edited`"}
    verify: {zh: "Pod 已创建并就绪", en: "the pods exist and are ready"}
    rollback: {zh: "`kubectl -n {{ namespace }} rollout undo {{ resource }} {{ workload }}`", en: "`kubectl -n {{ namespace }} rollout undo {{ resource }} {{ workload }}`"}
prevention:
  - kind: prevent
    immediate: true
    text: {zh: "在流水线中以同一套策略校验清单", en: "check manifests against the same policies in the pipeline"}
    acceptance: {zh: "违反策略的清单在流水线中失败", en: "a manifest that violates a policy fails there"}
  - kind: detect
    text: {zh: "对 FailedCreate 事件告警", en: "alert on FailedCreate events"}
    acceptance: {zh: "测试命名空间中的一次拒绝在 5 分钟内触发告警", en: "one refusal in a test namespace raises the alert within 5 minutes"}
sources: ["kubernetes staging/src/k8s.io/apiserver/pkg/admission/plugin/webhook/errors/statuserror.go: `admission webhook %q denied the request: %v`"]
versions: "Kubernetes 1.19 to 1.36"
examples:
  - name: "event"
    files:
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-failedcreate-api-57f9c76575","namespace":"pay"},"type":"Warning","reason":"FailedCreate","message":"Error creating: admission webhook \"validation.gatekeeper.sh\" denied the request: [no-latest] tag latest is not allowed","involvedObject":{"kind":"ReplicaSet","namespace":"pay","name":"api-57f9c76575"}}]}'
    fires: [{kind: Deployment, namespace: pay, name: api}]
  - name: "created since"
    files:
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-failedcreate-api-57f9c76575","namespace":"pay"},"type":"Warning","reason":"FailedCreate","message":"Error creating: admission webhook \"validation.gatekeeper.sh\" denied the request: x","involvedObject":{"kind":"ReplicaSet","namespace":"pay","name":"api-57f9c76575"}}]}'
      deployments.json: '{"kind":"DeploymentList","apiVersion":"v1","items":[{"metadata":{"name":"api","namespace":"pay"},"spec":{"replicas":1},"status":{"replicas":1,"readyReplicas":1,"availableReplicas":1}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let mut findings = refused(input, rule, |_, owner| Some(owner.clone()));
    for finding in &mut findings {
        finding.path = "spec.template.spec".to_owned();
    }
    findings
}

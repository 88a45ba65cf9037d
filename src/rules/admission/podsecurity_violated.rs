//! Pod Security admission refuses a workload's pods.

use crate::rules::refused::refused;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: podsecurity-violated
role: cause
level: critical
needs: [events|replicasets|deployments|jobs]
text:
  - id: standard
    pattern: "is forbidden: violates PodSecurity \\W+(?P<standard>[a-z]+:[a-z0-9.]+)\\W+: (?P<problem>[^\\n]+)"
  - id: policy
    pattern: "is forbidden: (?P<standard>PodSecurityPolicy|unable to validate against any (?:pod security policy|security context constraint)): (?P<problem>[^\\n]+)"
check:
  zh: "Pod 安全准入是否拒绝了工作负载"
  en: "whether Pod Security admission refuses workloads"
title:
  zh: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}：命名空间的 Pod 安全标准 {{ standard }} 拒绝创建 Pod：{{ problem }}"
  en: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}: the namespace's Pod Security standard {{ standard }} refuses its pods: {{ problem }}"
cause:
  zh: "命名空间 {{ namespace }} 强制 {{ standard }}，{{ workload }} 的 Pod 模板违反它（共 {{ count }} 次拒绝）：{{ problem }}。"
  en: "namespace {{ namespace }} enforces {{ standard }}, and the pod template of {{ workload }} violates it (refused {{ count|times }}): {{ problem }}."
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
  - {zh: "warn 与 audit 模式只给出警告，不会拒绝", en: "in the modes warn and audit nothing is refused"}
remedy:
  - purpose: {zh: "查看命名空间的标准", en: "look at the namespace's standard"}
    place: cluster
    risk: read-only
    command: "kubectl get namespace {{ namespace }} --show-labels"
    expect: {zh: "pod-security.kubernetes.io/enforce 标签", en: "the label pod-security.kubernetes.io/enforce"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "按提示补全 securityContext", en: "complete the securityContext as the message says"}
    place: cluster
    risk: change
    command: "kubectl -n {{ namespace }} edit {{ resource }} {{ workload }}"
    expect: {zh: "`{{ resource }}.apps/{{ workload }} edited`", en: "`{{ resource }}.apps/{{ workload }} edited`"}
    verify: {zh: "Pod 已创建并就绪", en: "the pods exist and are ready"}
    rollback: {zh: "`kubectl -n {{ namespace }} rollout undo {{ resource }} {{ workload }}`", en: "`kubectl -n {{ namespace }} rollout undo {{ resource }} {{ workload }}`"}
prevention:
  - kind: prevent
    immediate: true
    text: {zh: "在流水线中按目标命名空间的标准校验清单", en: "check manifests against the standard of their namespace in the pipeline"}
    acceptance: {zh: "违反标准的清单在流水线中失败", en: "a manifest that violates it fails there"}
  - kind: detect
    text: {zh: "对 FailedCreate 事件告警", en: "alert on FailedCreate events"}
    acceptance: {zh: "测试命名空间中的一次拒绝在 5 分钟内触发告警", en: "one refusal in a test namespace raises the alert within 5 minutes"}
sources: ["kubernetes staging/src/k8s.io/pod-security-admission/admission/admission.go: `violates PodSecurity %q: %s`"]
versions: "Kubernetes 1.19 to 1.36"
examples:
  - name: "event"
    files:
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-failedcreate-api-57f9c76575","namespace":"pay"},"type":"Warning","reason":"FailedCreate","message":"Error creating: pods \"api-57f9c76575-\" is forbidden: violates PodSecurity \"restricted:latest\": allowPrivilegeEscalation != false (container \"api\" must set securityContext.allowPrivilegeEscalation=false)","involvedObject":{"kind":"ReplicaSet","namespace":"pay","name":"api-57f9c76575"}}]}'
    fires: [{kind: Deployment, namespace: pay, name: api}]
  - name: "a warning only, the pods run"
    files:
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-failedcreate-api-57f9c76575","namespace":"pay"},"type":"Warning","reason":"FailedCreate","message":"Error creating: pods \"api-57f9c76575-\" is forbidden: violates PodSecurity \"restricted:latest\": x","involvedObject":{"kind":"ReplicaSet","namespace":"pay","name":"api-57f9c76575"}}]}'
      deployments.json: '{"kind":"DeploymentList","apiVersion":"v1","items":[{"metadata":{"name":"api","namespace":"pay"},"spec":{"replicas":1},"status":{"replicas":1,"readyReplicas":1,"availableReplicas":1}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let mut findings = refused(input, rule, |_, owner| Some(owner.clone()));
    for finding in &mut findings {
        finding.path = "spec.template.spec.securityContext".to_owned();
    }
    findings
}

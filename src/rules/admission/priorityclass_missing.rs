//! A workload names a PriorityClass that does not exist.

use crate::model::Subject;
use crate::rules::refused::refused;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: priorityclass-missing
role: cause
level: critical
needs: [events|replicasets|deployments|jobs]
text:
  - id: none
    pattern: "no PriorityClass with name (?P<name>[a-z0-9.-]+) was found"
check:
  zh: "工作负载引用的 PriorityClass 是否存在"
  en: "whether the PriorityClasses that workloads name exist"
title:
  zh: "PriorityClass {{ name }} 不存在，{{ namespace }} 中的 {{ workload }} 无法创建 Pod"
  en: "PriorityClass {{ name }} does not exist, and {{ workload }} in {{ namespace }} cannot create pods"
cause:
  zh: "{{ workload }} 的 Pod 模板设置 priorityClassName: {{ name }}，集群中没有这个 PriorityClass，准入拒绝了每一次创建（共 {{ count }} 次）。"
  en: "the pod template of {{ workload }} sets priorityClassName: {{ name }}, the cluster has no such PriorityClass, and admission refused every creation ({{ count|times }})."
rules_out:
  - {zh: "调度：从未有 Pod 存在", en: "scheduling: no pod ever existed"}
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
  - purpose: {zh: "查看 PriorityClass", en: "look at the PriorityClasses"}
    place: cluster
    risk: read-only
    command: "kubectl get priorityclasses"
    expect: {zh: "没有 {{ name }}", en: "{{ name }} is not there"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "创建它（或改正工作负载中的名称）", en: "create it (or correct the name in the workload)"}
    place: cluster
    risk: change
    command: "kubectl create priorityclass {{ name }} --value=<VALUE> --description='<WHAT_FOR>'"
    expect: {zh: "`priorityclass.scheduling.k8s.io/{{ name }} created`", en: "`priorityclass.scheduling.k8s.io/{{ name }} created`"}
    verify: {zh: "控制器随后创建 Pod", en: "the controller creates the pods"}
    rollback: {zh: "`kubectl delete priorityclass {{ name }}`", en: "`kubectl delete priorityclass {{ name }}`"}
prevention:
  - kind: prevent
    immediate: true
    text: {zh: "集群级对象先于应用交付", en: "deliver cluster-scoped objects before the applications"}
    acceptance: {zh: "在新集群上按顺序部署一次即可启动", en: "deployed in that order, a new cluster starts"}
  - kind: detect
    text: {zh: "对 FailedCreate 事件告警", en: "alert on FailedCreate events"}
    acceptance: {zh: "测试命名空间中的一次拒绝在 5 分钟内触发告警", en: "one refusal in a test namespace raises the alert within 5 minutes"}
sources: ["kubernetes plugin/pkg/admission/priority/admission.go: `no PriorityClass with name %v was found`"]
versions: "Kubernetes 1.19 to 1.36"
examples:
  - name: "event"
    files:
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-failedcreate-api-57f9c76575","namespace":"pay"},"type":"Warning","reason":"FailedCreate","message":"Error creating: pods \"api-57f9c76575-\" is forbidden: no PriorityClass with name gold was found","involvedObject":{"kind":"ReplicaSet","namespace":"pay","name":"api-57f9c76575"}}]}'
    fires: [{kind: PriorityClass, name: gold}]
  - name: "created since"
    files:
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-failedcreate-api-57f9c76575","namespace":"pay"},"type":"Warning","reason":"FailedCreate","message":"Error creating: pods \"api-57f9c76575-\" is forbidden: no PriorityClass with name gold was found","involvedObject":{"kind":"ReplicaSet","namespace":"pay","name":"api-57f9c76575"}}]}'
      deployments.json: '{"kind":"DeploymentList","apiVersion":"v1","items":[{"metadata":{"name":"api","namespace":"pay"},"spec":{"replicas":1},"status":{"replicas":1,"readyReplicas":1,"availableReplicas":1}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    refused(input, rule, |hit, _| {
        let name = hit.captures.get("name")?;
        let known = input.snapshot.object("PriorityClass", "", name).is_some();
        (!known).then(|| Subject::cluster("PriorityClass", name))
    })
}

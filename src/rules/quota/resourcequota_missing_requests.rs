//! A quota on compute refuses pods whose containers declare none.

use crate::cluster::Hit;
use crate::model::{Confidence, Subject};
use crate::rules::refused::has_all_replicas;
use crate::rules::toolbox::{add_hit, own_hits};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: resourcequota-missing-requests
role: cause
level: critical
needs: [events|replicasets]
text:
  - id: refused
    pattern: "is forbidden: failed quota: (?P<quota>[^:\\s]+): must specify (?P<fields>[^\\n]+)"
check:
  zh: 资源配额是否因容器未声明 requests/limits 而拒绝创建 Pod
  en: whether a ResourceQuota refuses pods that declare no requests or limits
title:
  zh: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }} 没有任何 Pod：配额 {{ quota }} 要求容器声明 {{ fields }}"
  en: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }} has no pod at all: quota {{ quota }} demands {{ fields }} of its containers"
cause:
  zh: "准入阶段拒绝了 {{ subject.kind|raw }} {{ subject.name }} 的每一次 Pod 创建（ReplicaSet 上的 FailedCreate，共 {{ count }} 次）：命名空间 {{ subject.namespace }} 的配额 {{ quota }} 限制了计算资源，而容器没有声明 {{ fields }}。{% if pods == 0 %}从未有 Pod 存在，因此也没有调度或镜像拉取。{% endif %}"
  en: "admission refused every pod of {{ subject.kind|raw }} {{ subject.name }} (FailedCreate on its ReplicaSet, {{ count|times }}): quota {{ quota }} of namespace {{ subject.namespace }} limits compute, and the containers declare no {{ fields }}.{% if pods == 0 %} No pod ever existed, so nothing was scheduled or pulled.{% endif %}"
factors:
  - text: {zh: 配额没有与带默认值的 LimitRange 一起交付, en: the quota was not delivered together with a LimitRange that gives defaults}
    when: no_limit_range
rules_out:
  - zh: "资源不足：拒绝发生在创建之前，配额已用量为 {{ used }}，与节点容量无关"
    en: "a lack of resources: the refusal came before creation, the quota's usage is {{ used }}, and node capacity plays no part"
questions:
  - zh: 配额与工作负载，哪一个先上线？当时如何验证？
    en: "which came first, the quota or the workload, and how was it verified?"
causes:
  - rule: deployment-replicafailure-failedcreate
    ground: workload
    mechanism: {zh: 准入拒绝使 ReplicaSet 无法创建 Pod, en: admission refuses what the ReplicaSet tries to create}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: 没有 Pod 就没有可用副本, en: "no pod, no available replica"}
benign:
  - zh: 已有的 Pod 不受后来新增的配额影响，只有新建时才会被拒绝
    en: pods that exist are not touched by a quota that comes later; only new ones are refused
remedy:
  - purpose: {zh: 确认配额与拒绝的原文, en: read the quota and the refusal}
    place: cluster
    risk: read-only
    command: |
      kubectl -n {{ subject.namespace }} describe resourcequota {{ quota }}
      kubectl -n {{ subject.namespace }} get events --field-selector reason=FailedCreate
    expect: {zh: must specify 之后列出缺少的字段, en: must specify followed by the fields that are missing}
    verify: {zh: 与本报告一致, en: it agrees with this report}
    rollback: {zh: 只读，无需回滚, en: read-only}
  - purpose: {zh: "为 {{ subject.name }} 的容器声明 requests 与 limits（数值请按应用实际用量填写）", en: "declare requests and limits for the containers of {{ subject.name }} (with what the application really needs)"}
    place: cluster
    risk: change
    when: settable
    command: "kubectl -n {{ subject.namespace }} set resources {{ resource }} {{ subject.name }} --requests=cpu=<CPU_REQUEST>,memory=<MEMORY_REQUEST> --limits=cpu=<CPU_LIMIT>,memory=<MEMORY_LIMIT>"
    expect: {zh: "`{{ resource }}.apps/{{ subject.name }} resource requirements updated`", en: "`{{ resource }}.apps/{{ subject.name }} resource requirements updated`"}
    verify: {zh: "Pod 已创建并就绪；`kubectl describe resourcequota {{ quota }}` 的 Used 不再为 0", en: "the pods exist and are ready; Used of `kubectl describe resourcequota {{ quota }}` is no longer 0"}
    rollback: {zh: "`kubectl -n {{ subject.namespace }} rollout undo {{ resource }} {{ subject.name }}`", en: "`kubectl -n {{ subject.namespace }} rollout undo {{ resource }} {{ subject.name }}`"}
    notes:
      - {zh: "所有副本之和不能超过配额 {{ hard }}", en: "the sum over all replicas must stay within the quota {{ hard }}"}
  - purpose: {zh: 或者为命名空间提供默认值（LimitRange），之后的 Pod 不声明也能创建, en: "or give the namespace defaults (a LimitRange), so that later pods need not declare any"}
    place: cluster
    risk: change
    when: no_limit_range
    language: yaml
    command: |
      apiVersion: v1
      kind: LimitRange
      metadata:
        name: compute-defaults
        namespace: {{ subject.namespace }}
      spec:
        limits:
          - type: Container
            defaultRequest: {cpu: <CPU_REQUEST>, memory: <MEMORY_REQUEST>}
            default: {cpu: <CPU_LIMIT>, memory: <MEMORY_LIMIT>}
    expect: {zh: "`limitrange/compute-defaults created`", en: "`limitrange/compute-defaults created`"}
    verify: {zh: 新建 Pod 的容器带有这些默认值, en: the containers of a new pod carry these defaults}
    rollback: {zh: "`kubectl -n {{ subject.namespace }} delete limitrange compute-defaults`", en: "`kubectl -n {{ subject.namespace }} delete limitrange compute-defaults`"}
prevention:
  - kind: prevent
    immediate: true
    text: {zh: 每个带计算配额的命名空间都同时交付 LimitRange, en: deliver a LimitRange with every quota on compute}
    acceptance: {zh: 在该命名空间创建一个未声明资源的 Pod 可以成功, en: a pod that declares nothing can be created in the namespace}
  - kind: detect
    text: {zh: 对 ReplicaSet 的 FailedCreate 事件告警, en: alert on FailedCreate events of ReplicaSets}
    acceptance: {zh: 测试命名空间中的一次拒绝在 5 分钟内触发告警, en: one refusal in a test namespace raises the alert within 5 minutes}
  - kind: prevent
    text: {zh: 在流水线中拒绝未声明 requests 与 limits 的清单, en: refuse manifests without requests and limits in the pipeline}
    acceptance: {zh: 去掉 limits 的清单在流水线中失败, en: a manifest without limits fails there}
lessons:
  - phrase: {zh: 没有 Pod 时看 ReplicaSet, en: "No pod? Look at the ReplicaSet"}
    text: {zh: 准入拒绝不会留下 Pod，原因写在 ReplicaSet 的事件与条件里, en: "a refusal at admission leaves no pod; the reason stands in the ReplicaSet's events and conditions"}
sources: ["kubernetes staging/src/k8s.io/apiserver/pkg/admission/plugin/resourcequota/controller.go; pkg/quota/v1/evaluator/core/pods.go"]
versions: Kubernetes 1.19 to 1.36 (per container since 1.25)
examples:
  - name: the wording since 1.25
    files:
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e","namespace":"pay"},"type":"Warning","reason":"FailedCreate","message":"Error creating: pods \"api-57f9c76575-l62tr\" is forbidden: failed quota: compute: must specify limits.cpu for: api; requests.cpu for: api","involvedObject":{"kind":"ReplicaSet","namespace":"pay","name":"api-57f9c76575"}}]}'
    fires: [{kind: Deployment, namespace: pay, name: api}]
  - name: the wording of 1.21
    files:
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e","namespace":"pay"},"type":"Warning","reason":"FailedCreate","message":"Error creating: pods \"api-57f9c76575-\" is forbidden: failed quota: compute: must specify limits.cpu,requests.cpu","involvedObject":{"kind":"ReplicaSet","namespace":"pay","name":"api-57f9c76575"}}]}'
    fires: [{kind: Deployment, namespace: pay, name: api}]
  - name: refused once, created since
    files:
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e","namespace":"pay"},"type":"Warning","reason":"FailedCreate","message":"Error creating: pods \"api-57f9c76575-\" is forbidden: failed quota: compute: must specify limits.cpu,requests.cpu","involvedObject":{"kind":"ReplicaSet","namespace":"pay","name":"api-57f9c76575"}}]}'
      deployments.json: '{"kind":"DeploymentList","apiVersion":"apps/v1","items":[{"metadata":{"name":"api","namespace":"pay"},"spec":{"replicas":1},"status":{"replicas":1,"readyReplicas":1,"availableReplicas":1,"updatedReplicas":1}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings: Vec<Finding> = Vec::new();
    for hit in own_hits(input, rule) {
        let owner = snapshot.top_owner_of(&hit.about.object);
        let workload = snapshot.object(&owner.kind, &owner.namespace, &owner.name);
        if owner.name.is_empty() || workload.is_some_and(has_all_replicas) {
            continue;
        }
        match findings.iter_mut().find(|finding| finding.subject == owner) {
            Some(known) => add_hit(input, known, hit),
            None => findings.push(new_finding(input, rule, owner, hit)),
        }
    }
    for finding in &mut findings {
        finding.facts.insert("count".into(), finding.count.into());
    }
    findings
}

fn new_finding(input: &Input<'_>, rule: &RuleHeader, owner: Subject, hit: &Hit) -> Finding {
    let snapshot = input.snapshot;
    let namespace = owner.namespace.clone();
    let quota = hit.captures.get("quota").cloned().unwrap_or_default();
    let resource = owner.kind.to_lowercase();
    let pods = snapshot.pods_of(&owner).count();
    let mut finding = Finding::new(rule, owner, Confidence::Confirmed)
        .at("spec.template.spec.containers[*].resources")
        .affects(hit.about.object.clone())
        .fact("pods", pods)
        .fact("resource", resource.clone())
        .fact(
            "settable",
            matches!(resource.as_str(), "deployment" | "statefulset" | "daemonset"),
        )
        .fact(
            "no_limit_range",
            snapshot.coverage.has("limitranges")
                && !snapshot
                    .kind("LimitRange")
                    .any(|range| range.key.namespace == namespace),
        );
    finding.count = 0;
    add_hit(input, &mut finding, hit);
    let object = snapshot.object("ResourceQuota", &namespace, &quota);
    let json = |pointer: &str| {
        object
            .and_then(|object| object.get(pointer))
            .map_or_else(|| "?".to_owned(), ToString::to_string)
    };
    finding.facts.insert("hard".into(), json("/spec/hard").into());
    finding.facts.insert("used".into(), json("/status/used").into());
    if let Some(object) = object {
        finding.add_cite(object.cite_at("/spec/hard"));
        finding.add_cite(object.cite_at("/status/used"));
        finding.add_affected(object.subject());
    }
    finding
}

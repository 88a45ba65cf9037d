//! No node has what a pod requests.

use serde_json::Value;

use crate::rules::scheduling::{Reason, by_workload};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: failedscheduling-insufficient-resources
role: cause
level: critical
needs: [events|pods]
check:
  zh: "是否有 Pod 因资源不足而无法调度"
  en: "whether pods wait because nodes lack what they request"
title:
  zh: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}：没有节点满足它的资源请求（{{ words|join('，') }}）"
  en: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}: no node has what it requests ({{ words|join(', ') }})"
cause:
  zh: "调度器：{{ message }}。{% if requests %}Pod 请求 {{ requests }}{% if largest %}，节点可分配量最多为 {{ largest }}{% endif %}。{% endif %}"
  en: "the scheduler says: {{ message }}.{% if requests %} The pod requests {{ requests }}{% if largest %}, and the largest allocatable of a node is {{ largest }}{% endif %}.{% endif %}"
rules_out:
  - {zh: "镜像与应用：Pod 还没有节点", en: "image and application: the pod has no node yet"}
  - {zh: "节点的实际负载：调度只看 requests，空闲的节点也可能已被预订", en: "the nodes' real load: the scheduler counts requests, and an idle node may be booked out"}
questions:
  - {zh: "requests 是否最近提高过？是否有节点离开了集群？", en: "were the requests raised lately, or did nodes leave the cluster?"}
causes:
  - rule: endpoints-missing
    ground: workload
    mechanism: {zh: "没有就绪的 Pod，Service 就没有端点", en: "without a ready pod the Service has no endpoint"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "没有节点的 Pod 不会就绪", en: "a pod without a node never gets ready"}
  - rule: pod-pending
    ground: workload
    mechanism: {zh: "没有节点可以调度，Pod 停在 Pending", en: "no node takes it, so the pod stays pending"}
benign:
  - {zh: "Pod 之后被调度，旧的 FailedScheduling 事件不算", en: "an old FailedScheduling event does not count once the pod got its node"}
remedy:
  - purpose: {zh: "查看调度器的说明与节点", en: "read what the scheduler says, and look at the nodes"}
    place: cluster
    risk: read-only
    command: |
      kubectl -n {{ namespace }} describe pod {{ pod }}
      kubectl get nodes -o wide
    expect: {zh: "FailedScheduling 之后是原因", en: "the reason follows FailedScheduling"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "降低 requests（或增加节点、移除不再需要的工作负载）", en: "lower the requests (or add nodes, or remove workloads that are no longer needed)"}
    place: cluster
    risk: change
    command: "kubectl -n {{ namespace }} edit {{ resource }} {{ subject.name }}"
    expect: {zh: "`{{ resource }}/{{ subject.name }} edited`", en: "`{{ resource }}/{{ subject.name }} edited`"}
    verify: {zh: "Pod 被调度并就绪", en: "the pods get a node and become ready"}
    rollback: {zh: "`kubectl -n {{ namespace }} rollout undo {{ resource }} {{ subject.name }}`", en: "`kubectl -n {{ namespace }} rollout undo {{ resource }} {{ subject.name }}`"}
    notes:
      - {zh: "字段：spec.template.spec.containers[*].resources.requests", en: "the field: spec.template.spec.containers[*].resources.requests"}
prevention:
  - kind: prevent
    immediate: true
    text: {zh: "按实际用量设置 requests，并在流水线中限制其上限", en: "set requests by real use and bound them in the pipeline"}
    acceptance: {zh: "请求超过任何节点容量的清单在流水线中失败", en: "a manifest that requests more than any node has fails there"}
  - kind: detect
    text: {zh: "对可分配量减去 requests 的余量告警", en: "alert on what is left of allocatable after requests"}
    acceptance: {zh: "余量低于 10% 时收到告警", en: "less than 10 % left raises the alert"}
  - kind: detect
    text: {zh: "对 Pending 超过 10 分钟的 Pod 告警", en: "alert on pods that are Pending for 10 minutes"}
    acceptance: {zh: "不可调度的测试 Pod 按时触发告警", en: "a test pod that cannot be scheduled raises the alert in time"}
sources: ["kubernetes pkg/scheduler/framework/plugins/noderesources/fit.go: `Insufficient %v`, `Too many pods`"]
versions: "Kubernetes 1.19 to 1.36"
examples:
  - name: "event"
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"r.example/a:1"}]},"status":{"phase":"Pending"}}]}'
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-failedscheduling-web-0","namespace":"shop"},"type":"Warning","reason":"FailedScheduling","message":"0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.","involvedObject":{"kind":"Pod","namespace":"shop","name":"web-0"}}]}'
    fires: [{kind: Pod, namespace: shop, name: web-0}]
  - name: "tables"
    files:
      pods.txt: |
        NAMESPACE   NAME    READY   STATUS    RESTARTS   AGE
        shop        web-0   0/1     Pending   0          9m
      events.txt: |
        NAMESPACE   LAST SEEN   TYPE      REASON             OBJECT      MESSAGE
        shop        2m          Warning   FailedScheduling   pod/web-0   0/3 nodes are available: 1 node(s) had taint {node-role.kubernetes.io/master: }, that the pod didn't tolerate, 2 Insufficient memory.
    fires: [{kind: StatefulSet, namespace: shop, name: web}]
  - name: "scheduled since"
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"r.example/a:1"}],"nodeName":"n1"},"status":{"phase":"Running","containerStatuses":[{"name":"app","ready":true,"restartCount":0,"state":{"running":{}}}]}}]}'
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-failedscheduling-web-0","namespace":"shop"},"type":"Warning","reason":"FailedScheduling","message":"0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.","involvedObject":{"kind":"Pod","namespace":"shop","name":"web-0"}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let mut findings = by_workload(input, rule, |blocked| blocked.main == Reason::Resources);
    for finding in &mut findings {
        finding.path = "spec.template.spec.containers[*].resources.requests".to_owned();
        measure(input, finding);
    }
    findings
}

/// What the pod requests of the first resource that is lacking, and the most that a node could give.
fn measure(input: &Input<'_>, finding: &mut Finding) {
    let words = finding
        .facts
        .get("words")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let lacking = words
        .iter()
        .filter_map(Value::as_str)
        .find_map(|words| words.strip_prefix("Insufficient "))
        .unwrap_or("")
        .to_owned();
    let pod = finding
        .affected
        .iter()
        .find(|affected| affected.kind == "Pod")
        .cloned()
        .unwrap_or_else(|| finding.subject.clone());
    let asked: Vec<String> = input
        .snapshot
        .pod(&pod.namespace, &pod.name)
        .map(|pod| pod.containers())
        .unwrap_or_default()
        .iter()
        .filter_map(|container| {
            container
                .spec?
                .pointer("/resources/requests")?
                .get(&lacking)
                .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
        })
        .collect();
    let given: Vec<(f64, String)> = input
        .snapshot
        .kind("Node")
        .filter_map(|node| node.get("/status/allocatable")?.get(&lacking)?.as_str())
        .filter_map(|text| Some((crate::rules::claims::quantity(text)?, text.to_owned())))
        .collect();
    let largest = given
        .iter()
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, text)| format!("{lacking} {text}"))
        .unwrap_or_default();
    finding.facts.insert(
        "requests".into(),
        if asked.is_empty() {
            String::new()
        } else {
            format!("{lacking} {}", asked.join(" + "))
        }
        .into(),
    );
    finding.facts.insert("largest".into(), largest.into());
}

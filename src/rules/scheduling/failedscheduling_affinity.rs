//! No node has the labels that a pod demands.

use serde_json::Value;

use crate::rules::scheduling::{Reason, by_workload};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: failedscheduling-affinity
role: cause
level: critical
needs: [events|pods]
check:
  zh: "是否有 Pod 因节点选择器或亲和性而无法调度"
  en: "whether pods wait because of node selectors or affinity"
title:
  zh: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}：没有节点符合它的{% if selector %}节点选择器 {{ selector }}{% else %}节点选择器或亲和性{% endif %}"
  en: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}: no node matches its {% if selector %}node selector {{ selector }}{% else %}node selector or affinity{% endif %}"
cause:
  zh: "调度器：{{ message }}。{% if selector %}Pod 要求节点带有 {{ selector }}，没有可用的节点带有它。{% endif %}"
  en: "the scheduler says: {{ message }}.{% if selector %} The pod demands nodes with {{ selector }}, and no node that is free has it.{% endif %}"
rules_out:
  - {zh: "镜像与应用：Pod 还没有节点", en: "image and application: the pod has no node yet"}
  - {zh: "资源：调度器没有提到不足", en: "resources: the scheduler mentions no lack"}
questions:
  - {zh: "标签是从节点上消失的，还是选择器写错了？", en: "did the label vanish from the nodes, or is the selector wrong?"}
causes:
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
  - purpose: {zh: "对比节点标签与 Pod 的要求", en: "compare the nodes' labels with what the pod demands"}
    place: cluster
    risk: read-only
    command: |
      kubectl get nodes --show-labels
      kubectl -n {{ namespace }} get pod {{ pod }} -o jsonpath='{.spec.nodeSelector}{" "}{.spec.affinity}{"\n"}'
    expect: {zh: "没有节点带有要求的标签", en: "no node has the labels"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "改正选择器（或给节点补上标签）", en: "correct the selector (or label a node)"}
    place: cluster
    risk: change
    command: "kubectl -n {{ namespace }} edit {{ resource }} {{ subject.name }}"
    expect: {zh: "`{{ resource }}/{{ subject.name }} edited`", en: "`{{ resource }}/{{ subject.name }} edited`"}
    verify: {zh: "Pod 被调度并就绪", en: "the pods get a node and become ready"}
    rollback: {zh: "`kubectl -n {{ namespace }} rollout undo {{ resource }} {{ subject.name }}`", en: "`kubectl -n {{ namespace }} rollout undo {{ resource }} {{ subject.name }}`"}
    notes:
      - {zh: "字段：spec.template.spec.nodeSelector", en: "the field: spec.template.spec.nodeSelector"}
prevention:
  - kind: prevent
    immediate: true
    text: {zh: "节点标签以声明方式管理，重建节点后自动恢复", en: "keep node labels declaratively, so that a new node has them"}
    acceptance: {zh: "重建的节点带有全部标签", en: "a rebuilt node has all labels"}
  - kind: detect
    text: {zh: "对 Pending 超过 10 分钟的 Pod 告警", en: "alert on pods that are Pending for 10 minutes"}
    acceptance: {zh: "不可调度的测试 Pod 按时触发告警", en: "a test pod that cannot be scheduled raises the alert in time"}
sources: ["kubernetes pkg/scheduler/framework/plugins/nodeaffinity, interpodaffinity"]
versions: "Kubernetes 1.19 to 1.36"
examples:
  - name: "event"
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"r.example/a:1"}]},"status":{"phase":"Pending"}}]}'
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-failedscheduling-web-0","namespace":"shop"},"type":"Warning","reason":"FailedScheduling","message":"0/4 nodes are available: 1 node(s) had untolerated taint {dedicated: bigmem}, 3 node(s) didn''t match Pod''s node affinity/selector. preemption: 0/4 nodes are available: 4 Preemption is not helpful for scheduling.","involvedObject":{"kind":"Pod","namespace":"shop","name":"web-0"}}]}'
    fires: [{kind: Pod, namespace: shop, name: web-0}]
  - name: "tables"
    files:
      pods.txt: |
        NAMESPACE   NAME    READY   STATUS    RESTARTS   AGE
        shop        web-0   0/1     Pending   0          9m
      events.txt: |
        NAMESPACE   LAST SEEN   TYPE      REASON             OBJECT      MESSAGE
        shop        2m          Warning   FailedScheduling   pod/web-0   0/2 nodes are available: 2 node(s) didn't match node selector.
    fires: [{kind: StatefulSet, namespace: shop, name: web}]
  - name: "scheduled since"
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"r.example/a:1"}],"nodeName":"n1"},"status":{"phase":"Running","containerStatuses":[{"name":"app","ready":true,"restartCount":0,"state":{"running":{}}}]}}]}'
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-failedscheduling-web-0","namespace":"shop"},"type":"Warning","reason":"FailedScheduling","message":"0/4 nodes are available: 1 node(s) had untolerated taint {dedicated: bigmem}, 3 node(s) didn''t match Pod''s node affinity/selector. preemption: 0/4 nodes are available: 4 Preemption is not helpful for scheduling.","involvedObject":{"kind":"Pod","namespace":"shop","name":"web-0"}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let mut findings = by_workload(input, rule, |blocked| {
        matches!(blocked.main, Reason::NodeAffinity | Reason::PodAffinity)
    });
    for finding in &mut findings {
        finding.path = "spec.template.spec.nodeSelector".to_owned();
        demand(input, finding);
    }
    findings
}

/// The node selector, or else the required node affinity, as `key=value` and `key in (…)`.
fn demand(input: &Input<'_>, finding: &mut Finding) {
    let pod = finding
        .affected
        .iter()
        .find(|affected| affected.kind == "Pod")
        .cloned()
        .unwrap_or_else(|| finding.subject.clone());
    let mut wanted = Vec::new();
    if let Some(pod) = input.snapshot.pod(&pod.namespace, &pod.name) {
        let object = pod.object;
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        if let Some(selector) = object.get("/spec/nodeSelector").and_then(Value::as_object) {
            wanted.extend(selector.iter().map(|(key, value)| format!("{key}={}", text(value))));
            finding.add_cite(object.cite_at("/spec/nodeSelector"));
        }
        let at = "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms";
        for expression in object
            .list(at)
            .iter()
            .filter_map(|term| term.get("matchExpressions")?.as_array())
            .flatten()
        {
            let field = |key: &str| expression.get(key).map(text).unwrap_or_default();
            let values: Vec<String> = expression
                .get("values")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .map(text)
                .collect();
            wanted.push(format!(
                "{} {} ({})",
                field("key"),
                field("operator"),
                values.join(", ")
            ));
            finding.add_cite(object.cite_at(at));
        }
    }
    finding.facts.insert("selector".into(), wanted.join(", ").into());
}

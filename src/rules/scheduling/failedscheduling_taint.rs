//! Nodes have taints that a pod does not tolerate.

use crate::rules::scheduling::{Reason, by_workload};
use crate::rules::toolbox::nodes::is_ready;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: failedscheduling-taint
role: cause
level: critical
needs: [events|pods]
check:
  zh: "是否有 Pod 因污点而无法调度"
  en: "whether pods wait because of taints"
title:
  zh: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}：没有容忍节点的污点（{{ words|join('，') }}）"
  en: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}: it does not tolerate the nodes' taints ({{ words|join(', ') }})"
cause:
  zh: "调度器：{{ message }}。Pod 没有与这些污点匹配的 toleration。"
  en: "the scheduler says: {{ message }}. The pod has no toleration for these taints."
rules_out:
  - {zh: "镜像与应用：Pod 还没有节点", en: "image and application: the pod has no node yet"}
questions:
  - {zh: "污点是谁、为何加上的？", en: "who set the taint, and why?"}
causes:
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "没有节点的 Pod 不会就绪", en: "a pod without a node never gets ready"}
  - rule: pod-pending
    ground: workload
    mechanism: {zh: "没有节点可以调度，Pod 停在 Pending", en: "no node takes it, so the pod stays pending"}
benign:
  - {zh: "Pod 之后被调度，旧的 FailedScheduling 事件不算", en: "an old FailedScheduling event does not count once the pod got its node"}
  - {zh: "控制平面节点的污点是正常的，只有没有别的原因时才算", en: "taints of the control plane are normal and count only when nothing else keeps nodes away"}
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
  - purpose: {zh: "查看污点与 toleration", en: "compare taints and tolerations"}
    place: cluster
    risk: read-only
    command: |
      kubectl get nodes -o custom-columns=NAME:.metadata.name,TAINTS:.spec.taints
      kubectl -n {{ namespace }} get pod {{ pod }} -o jsonpath='{.spec.tolerations}{"\n"}'
    expect: {zh: "污点没有对应的 toleration", en: "a taint without a toleration"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "补上 toleration（若污点来自节点故障，先修复节点）", en: "add the toleration (if the taint comes from a broken node, mend the node first)"}
    place: cluster
    risk: change
    command: "kubectl -n {{ namespace }} edit {{ resource }} {{ subject.name }}"
    expect: {zh: "`{{ resource }}/{{ subject.name }} edited`", en: "`{{ resource }}/{{ subject.name }} edited`"}
    verify: {zh: "Pod 被调度并就绪", en: "the pods get a node and become ready"}
    rollback: {zh: "`kubectl -n {{ namespace }} rollout undo {{ resource }} {{ subject.name }}`", en: "`kubectl -n {{ namespace }} rollout undo {{ resource }} {{ subject.name }}`"}
    notes:
      - {zh: "字段：spec.template.spec.tolerations", en: "the field: spec.template.spec.tolerations"}
prevention:
  - kind: process
    immediate: true
    text: {zh: "给节点加污点前核对在其上运行的工作负载", en: "check what runs on a node before tainting it"}
    acceptance: {zh: "加污点的变更附有受影响的工作负载列表", en: "a change that taints a node lists the workloads concerned"}
  - kind: detect
    text: {zh: "对 Pending 超过 10 分钟的 Pod 告警", en: "alert on pods that are Pending for 10 minutes"}
    acceptance: {zh: "不可调度的测试 Pod 按时触发告警", en: "a test pod that cannot be scheduled raises the alert in time"}
sources: ["kubernetes pkg/scheduler/framework/plugins/tainttoleration/taint_toleration.go"]
versions: "Kubernetes 1.19 to 1.36"
examples:
  - name: "event"
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"r.example/a:1"}]},"status":{"phase":"Pending"}}]}'
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-failedscheduling-web-0","namespace":"shop"},"type":"Warning","reason":"FailedScheduling","message":"0/3 nodes are available: 3 node(s) had untolerated taint {dedicated: bigmem}.","involvedObject":{"kind":"Pod","namespace":"shop","name":"web-0"}}]}'
    fires: [{kind: Pod, namespace: shop, name: web-0}]
  - name: "tables"
    files:
      pods.txt: |
        NAMESPACE   NAME    READY   STATUS    RESTARTS   AGE
        shop        web-0   0/1     Pending   0          9m
      events.txt: |
        NAMESPACE   LAST SEEN   TYPE      REASON             OBJECT      MESSAGE
        shop        2m          Warning   FailedScheduling   pod/web-0   0/3 nodes are available: 3 node(s) had taint {dedicated: bigmem}, that the pod didn't tolerate.
    fires: [{kind: StatefulSet, namespace: shop, name: web}]
  - name: "the node that would have taken the pod is not ready, and its twins hold one already"
    files:
      nodes.txt: |
        NAME   STATUS     ROLES    AGE   VERSION
        n1     Ready      <none>   9d    v1.30.1
        n2     NotReady   <none>   9d    v1.30.1
      pods.txt: |
        NAMESPACE   NAME    READY   STATUS    RESTARTS   AGE
        shop        web-1   0/1     Pending   0          9m
        shop        web-0   1/1     Running   0          9d
      events.txt: |
        NAMESPACE   LAST SEEN   TYPE      REASON             OBJECT      MESSAGE
        shop        2m          Warning   FailedScheduling   pod/web-1   0/2 nodes are available: 1 node(s) didn't match pod anti-affinity rules, 1 node(s) had untolerated taint {node.kubernetes.io/unreachable: }.
    fires: [{kind: StatefulSet, namespace: shop, name: web}]
  - name: "scheduled since"
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"r.example/a:1"}],"nodeName":"n1"},"status":{"phase":"Running","containerStatuses":[{"name":"app","ready":true,"restartCount":0,"state":{"running":{}}}]}}]}'
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-failedscheduling-web-0","namespace":"shop"},"type":"Warning","reason":"FailedScheduling","message":"0/3 nodes are available: 3 node(s) had untolerated taint {dedicated: bigmem}.","involvedObject":{"kind":"Pod","namespace":"shop","name":"web-0"}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let mut findings = by_workload(input, rule, |blocked| blocked.main == Reason::Taint);
    for finding in &mut findings {
        finding.path = "spec.template.spec.tolerations".to_owned();
        for node in input.snapshot.kind("Node").filter(|node| {
            !node.list("/spec/taints").is_empty() || is_ready(input.snapshot, &node.key.name) == Some(false)
        }) {
            finding
                .touches
                .insert(crate::rules::Touch::new(crate::rules::Ground::Node, &node.key.name));
            if !node.list("/spec/taints").is_empty() {
                finding.add_cite(node.cite_at("/spec/taints"));
            }
        }
    }
    findings
}

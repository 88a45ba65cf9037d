//! Host ports or topology spread leave no node for a pod.

use crate::rules::scheduling::{Reason, by_workload};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: failedscheduling-ports-spread
role: cause
level: critical
needs: [events|pods]
check:
  zh: "是否有 Pod 因主机端口或拓扑分布而无法调度"
  en: "whether pods wait because of host ports or topology spread"
title:
  zh: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}：主机端口冲突或拓扑分布约束使它没有节点可用（{{ words|join('，') }}）"
  en: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}: host ports or topology spread leave no node for it ({{ words|join(', ') }})"
cause:
  zh: "调度器：{{ message }}。"
  en: "the scheduler says: {{ message }}."
rules_out:
  - {zh: "镜像与应用：Pod 还没有节点", en: "image and application: the pod has no node yet"}
causes:
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "没有节点的 Pod 不会就绪", en: "a pod without a node never gets ready"}
  - rule: pod-pending
    ground: workload
    mechanism: {zh: "没有节点可以调度，Pod 停在 Pending", en: "no node takes it, so the pod stays pending"}
benign:
  - {zh: "Pod 之后被调度，旧的 FailedScheduling 事件不算", en: "an old FailedScheduling event does not count once the pod got its node"}
  - {zh: "DaemonSet 滚动更新时主机端口会短暂冲突", en: "during a DaemonSet's update host ports collide for a moment"}
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
  - purpose: {zh: "去掉 hostPort，或放宽 topologySpreadConstraints（whenUnsatisfiable: ScheduleAnyway）", en: "drop the hostPort, or relax the topologySpreadConstraints (whenUnsatisfiable: ScheduleAnyway)"}
    place: cluster
    risk: change
    command: "kubectl -n {{ namespace }} edit {{ resource }} {{ subject.name }}"
    expect: {zh: "`{{ resource }}/{{ subject.name }} edited`", en: "`{{ resource }}/{{ subject.name }} edited`"}
    verify: {zh: "Pod 被调度并就绪", en: "the pods get a node and become ready"}
    rollback: {zh: "`kubectl -n {{ namespace }} rollout undo {{ resource }} {{ subject.name }}`", en: "`kubectl -n {{ namespace }} rollout undo {{ resource }} {{ subject.name }}`"}
    notes:
      - {zh: "字段：spec.template.spec.containers[*].ports[*].hostPort, spec.template.spec.topologySpreadConstraints", en: "the field: spec.template.spec.containers[*].ports[*].hostPort, spec.template.spec.topologySpreadConstraints"}
prevention:
  - kind: prevent
    immediate: true
    text: {zh: "登记使用的主机端口，并检查分布约束所需的节点标签", en: "keep a register of host ports, and check the node labels that spread constraints need"}
    acceptance: {zh: "两个工作负载申请同一主机端口时在评审中被发现", en: "two workloads with one host port are found in review"}
  - kind: detect
    text: {zh: "对 Pending 超过 10 分钟的 Pod 告警", en: "alert on pods that are Pending for 10 minutes"}
    acceptance: {zh: "不可调度的测试 Pod 按时触发告警", en: "a test pod that cannot be scheduled raises the alert in time"}
sources: ["kubernetes pkg/scheduler/framework/plugins/nodeports, podtopologyspread"]
versions: "Kubernetes 1.19 to 1.36"
examples:
  - name: "event"
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"r.example/a:1"}]},"status":{"phase":"Pending"}}]}'
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-failedscheduling-web-0","namespace":"shop"},"type":"Warning","reason":"FailedScheduling","message":"0/2 nodes are available: 2 node(s) didn''t have free ports for the requested pod ports.","involvedObject":{"kind":"Pod","namespace":"shop","name":"web-0"}}]}'
    fires: [{kind: Pod, namespace: shop, name: web-0}]
  - name: "tables"
    files:
      pods.txt: |
        NAMESPACE   NAME    READY   STATUS    RESTARTS   AGE
        shop        web-0   0/1     Pending   0          9m
      events.txt: |
        NAMESPACE   LAST SEEN   TYPE      REASON             OBJECT      MESSAGE
        shop        2m          Warning   FailedScheduling   pod/web-0   0/2 nodes are available: 2 node(s) didn't match pod topology spread constraints (missing required label).
    fires: [{kind: StatefulSet, namespace: shop, name: web}]
  - name: "scheduled since"
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"r.example/a:1"}],"nodeName":"n1"},"status":{"phase":"Running","containerStatuses":[{"name":"app","ready":true,"restartCount":0,"state":{"running":{}}}]}}]}'
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-failedscheduling-web-0","namespace":"shop"},"type":"Warning","reason":"FailedScheduling","message":"0/2 nodes are available: 2 node(s) didn''t have free ports for the requested pod ports.","involvedObject":{"kind":"Pod","namespace":"shop","name":"web-0"}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let mut findings = by_workload(input, rule, |blocked| {
        matches!(blocked.main, Reason::Ports | Reason::Spread)
    });
    for finding in &mut findings {
        finding.path = "spec.template.spec".to_owned();
    }
    findings
}

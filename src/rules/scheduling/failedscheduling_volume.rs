//! A pod waits for a volume claim.

use crate::rules::scheduling::{Reason, by_workload};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: failedscheduling-volume
role: link
level: critical
needs: [events|pods]
check:
  zh: "是否有 Pod 因卷声明未绑定而无法调度"
  en: "whether pods wait for claims that are not bound"
title:
  zh: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}：等待卷声明绑定，无法调度（{{ words|join('，') }}）"
  en: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}: it cannot be scheduled before its volume claim is bound ({{ words|join(', ') }})"
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
  - purpose: {zh: "查看卷声明", en: "look at the claims"}
    place: cluster
    risk: read-only
    command: |
      kubectl -n {{ namespace }} get pvc
      kubectl get pv,storageclass
    expect: {zh: "Pending 的声明", en: "a claim that is Pending"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
prevention:
  - kind: detect
    immediate: true
    text: {zh: "对 Pending 超过 10 分钟的 PVC 告警", en: "alert on claims that are Pending for 10 minutes"}
    acceptance: {zh: "类不存在的测试 PVC 触发告警", en: "a test claim with an absent class raises the alert"}
  - kind: detect
    text: {zh: "对 Pending 超过 10 分钟的 Pod 告警", en: "alert on pods that are Pending for 10 minutes"}
    acceptance: {zh: "不可调度的测试 Pod 按时触发告警", en: "a test pod that cannot be scheduled raises the alert in time"}
sources: ["kubernetes pkg/scheduler/framework/plugins/volumebinding"]
versions: "Kubernetes 1.19 to 1.36"
examples:
  - name: "event"
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"r.example/a:1"}]},"status":{"phase":"Pending"}}]}'
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-failedscheduling-web-0","namespace":"shop"},"type":"Warning","reason":"FailedScheduling","message":"0/4 nodes are available: 4 pod has unbound immediate PersistentVolumeClaims. preemption: 0/4 nodes are available: 4 Preemption is not helpful for scheduling.","involvedObject":{"kind":"Pod","namespace":"shop","name":"web-0"}}]}'
    fires: [{kind: Pod, namespace: shop, name: web-0}]
  - name: "tables"
    files:
      pods.txt: |
        NAMESPACE   NAME    READY   STATUS    RESTARTS   AGE
        shop        web-0   0/1     Pending   0          9m
      events.txt: |
        NAMESPACE   LAST SEEN   TYPE      REASON             OBJECT      MESSAGE
        shop        2m          Warning   FailedScheduling   pod/web-0   0/3 nodes are available: 3 node(s) didn't find available persistent volumes to bind.
    fires: [{kind: StatefulSet, namespace: shop, name: web}]
  - name: "scheduled since"
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"r.example/a:1"}],"nodeName":"n1"},"status":{"phase":"Running","containerStatuses":[{"name":"app","ready":true,"restartCount":0,"state":{"running":{}}}]}}]}'
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-failedscheduling-web-0","namespace":"shop"},"type":"Warning","reason":"FailedScheduling","message":"0/4 nodes are available: 4 pod has unbound immediate PersistentVolumeClaims. preemption: 0/4 nodes are available: 4 Preemption is not helpful for scheduling.","involvedObject":{"kind":"Pod","namespace":"shop","name":"web-0"}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let mut findings = by_workload(input, rule, |blocked| {
        matches!(blocked.main, Reason::Volume | Reason::ClaimMissing)
    });
    for finding in &mut findings {
        finding.path = "spec.volumes".to_owned();
    }
    findings
}

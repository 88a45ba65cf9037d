//! A pod's volume lives on nodes where the pod cannot run.

use crate::rules::scheduling::{Reason, by_workload};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: volume-node-affinity-conflict
role: cause
level: critical
needs: [events|pods]
check:
  zh: "Pod 的卷是否位于它不能运行的节点"
  en: "whether pods' volumes live on nodes where the pods cannot run"
title:
  zh: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}：卷所在的节点或可用区与 Pod 可用的节点不符（{{ words|join('，') }}）"
  en: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}: its volume lives on nodes or in a zone where the pod cannot run ({{ words|join(', ') }})"
cause:
  zh: "调度器：{{ message }}。本地卷与分区卷只能在 PV 的 nodeAffinity 所列的节点使用，这些节点现在不可用或不符合 Pod 的其他要求。"
  en: "the scheduler says: {{ message }}. Local and zonal volumes can be used only on the nodes of the PV's nodeAffinity, and those are not available or do not fit the pod's other demands."
rules_out:
  - {zh: "镜像与应用：Pod 还没有节点", en: "image and application: the pod has no node yet"}
causes:
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "没有节点的 Pod 不会就绪", en: "a pod without a node never gets ready"}
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
  - purpose: {zh: "查看 PV 允许的节点", en: "look at the nodes that the volume allows"}
    place: cluster
    risk: read-only
    command: |
      kubectl -n {{ namespace }} get pvc
      kubectl get pv -o custom-columns=NAME:.metadata.name,CLAIM:.spec.claimRef.name,NODES:.spec.nodeAffinity.required.nodeSelectorTerms
    expect: {zh: "PV 只允许的节点不在可用之列", en: "the only nodes that the volume allows are not available"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "恢复卷所在的节点（cordon 的话解除）", en: "bring the volume's node back (uncordon it if it was cordoned)"}
    place: cluster
    risk: change
    command: "kubectl uncordon <NODE>"
    expect: {zh: "`node/<NODE> uncordoned`", en: "`node/<NODE> uncordoned`"}
    verify: {zh: "Pod 被调度到该节点", en: "the pod is scheduled to that node"}
    rollback: {zh: "`kubectl cordon <NODE>`", en: "`kubectl cordon <NODE>`"}
prevention:
  - kind: prevent
    immediate: true
    text: {zh: "有状态的生产应用不使用 local-path 等绑定单节点的存储，并用 WaitForFirstConsumer", en: "use no storage that is bound to one node for stateful production, and WaitForFirstConsumer"}
    acceptance: {zh: "停掉任一节点后 Pod 可在别处启动", en: "with any one node stopped the pod starts elsewhere"}
  - kind: detect
    text: {zh: "对 Pending 超过 10 分钟的 Pod 告警", en: "alert on pods that are Pending for 10 minutes"}
    acceptance: {zh: "不可调度的测试 Pod 按时触发告警", en: "a test pod that cannot be scheduled raises the alert in time"}
sources: ["kubernetes pkg/scheduler/framework/plugins/volumebinding/binder.go"]
versions: "Kubernetes 1.19 to 1.36"
examples:
  - name: "event"
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"r.example/a:1"}]},"status":{"phase":"Pending"}}]}'
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-failedscheduling-web-0","namespace":"shop"},"type":"Warning","reason":"FailedScheduling","message":"0/3 nodes are available: 3 node(s) had volume node affinity conflict.","involvedObject":{"kind":"Pod","namespace":"shop","name":"web-0"}}]}'
    fires: [{kind: Pod, namespace: shop, name: web-0}]
  - name: "tables"
    files:
      pods.txt: |
        NAMESPACE   NAME    READY   STATUS    RESTARTS   AGE
        shop        web-0   0/1     Pending   0          9m
      events.txt: |
        NAMESPACE   LAST SEEN   TYPE      REASON             OBJECT      MESSAGE
        shop        2m          Warning   FailedScheduling   pod/web-0   0/3 nodes are available: 1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }, 2 node(s) didn't match PersistentVolume's node affinity.
    fires: [{kind: StatefulSet, namespace: shop, name: web}]
  - name: "the volume is on the node that is cordoned"
    files:
      pods.txt: |
        NAMESPACE   NAME    READY   STATUS    RESTARTS   AGE
        shop        web-0   0/1     Pending   0          9m
      events.txt: |
        NAMESPACE   LAST SEEN   TYPE      REASON             OBJECT      MESSAGE
        shop        2m          Warning   FailedScheduling   pod/web-0   0/3 nodes are available: 1 node(s) were unschedulable, 2 node(s) didn't match PersistentVolume's node affinity.
  - name: "scheduled since"
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"r.example/a:1"}],"nodeName":"n1"},"status":{"phase":"Running","containerStatuses":[{"name":"app","ready":true,"restartCount":0,"state":{"running":{}}}]}}]}'
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-failedscheduling-web-0","namespace":"shop"},"type":"Warning","reason":"FailedScheduling","message":"0/3 nodes are available: 3 node(s) had volume node affinity conflict.","involvedObject":{"kind":"Pod","namespace":"shop","name":"web-0"}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let mut findings = by_workload(input, rule, |blocked| blocked.main == Reason::VolumeElsewhere);
    for finding in &mut findings {
        finding.path = "spec.volumes".to_owned();
        let namespace = finding.subject.namespace.clone();
        for volume in input.snapshot.kind("PersistentVolume").filter(|volume| {
            volume.text("/spec/claimRef/namespace") == namespace && volume.get("/spec/nodeAffinity").is_some()
        }) {
            finding.add_cite(volume.cite_at("/spec/nodeAffinity"));
        }
    }
    findings
}

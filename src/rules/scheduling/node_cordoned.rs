//! Nodes that are cordoned keep pods from being scheduled.

use crate::model::{Confidence, Subject};
use crate::rules::scheduling::{Reason, blocked};
use crate::rules::toolbox::workload_touches;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: node-cordoned
role: cause
level: critical
needs: [events|pods, nodes]
check:
  zh: "Pod 是否因节点被禁止调度而等待"
  en: "whether pods wait because nodes are cordoned"
title:
  zh: "节点 {{ node }} 被禁止调度（cordon），{{ workloads|join('、') }} 没有节点可用"
  en: "node {{ node }} is cordoned, and {{ workloads|join(', ') }} has no node to go to"
cause:
  zh: "节点 {{ node }} 的 spec.unschedulable 为 true；调度器：{{ message }}。"
  en: "spec.unschedulable of node {{ node }} is true; the scheduler says: {{ message }}."
rules_out:
  - {zh: "镜像与应用：Pod 还没有节点", en: "image and application: the pod has no node yet"}
questions:
  - {zh: "cordon 是维护后遗留的吗？", en: "was the cordon left behind by maintenance?"}
causes:
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "没有可用节点的 Pod 不会就绪", en: "a pod without a node never gets ready"}
  - rule: failedscheduling-insufficient-resources
    ground: workload
    mechanism: {zh: "可用的节点少了，剩下的放不下", en: "with fewer nodes, the rest has no room"}
benign:
  - {zh: "维护期间有意的 cordon，且所有 Pod 都在别处运行", en: "a cordon on purpose during maintenance, with all pods well elsewhere"}
  - {zh: "Pod 之后被调度，旧的 FailedScheduling 事件不算", en: "an old FailedScheduling event does not count once the pod got its node"}
remedy:
  - purpose: {zh: "查看节点状态", en: "look at the nodes"}
    place: cluster
    risk: read-only
    command: "kubectl get nodes"
    expect: {zh: "Ready,SchedulingDisabled", en: "Ready,SchedulingDisabled"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "确认维护已结束后解除", en: "uncordon it once the maintenance is over"}
    place: cluster
    risk: change
    command: "kubectl uncordon {{ node }}"
    expect: {zh: "`node/{{ node }} uncordoned`", en: "`node/{{ node }} uncordoned`"}
    verify: {zh: "Pod 被调度", en: "the pods get a node"}
    rollback: {zh: "`kubectl cordon {{ node }}`", en: "`kubectl cordon {{ node }}`"}
prevention:
  - kind: process
    immediate: true
    text: {zh: "维护流程以 uncordon 结束，并核对", en: "end the maintenance procedure with uncordon, and check it"}
    acceptance: {zh: "维护单附有 kubectl get nodes 的输出", en: "the maintenance record has the output of kubectl get nodes"}
  - kind: detect
    text: {zh: "对 Pending 超过 10 分钟的 Pod 告警", en: "alert on pods that are Pending for 10 minutes"}
    acceptance: {zh: "不可调度的测试 Pod 按时触发告警", en: "a test pod that cannot be scheduled raises the alert in time"}
sources: ["kubernetes pkg/scheduler/framework/plugins/nodeunschedulable: `node(s) were unschedulable`"]
versions: "Kubernetes 1.19 to 1.36"
examples:
  - name: "all workers are cordoned"
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"r.example/a:1"}]},"status":{"phase":"Pending"}}]}'
      events.json: '{"kind":"EventList","apiVersion":"v1","items":[{"metadata":{"name":"e-failedscheduling-web-0","namespace":"shop"},"type":"Warning","reason":"FailedScheduling","message":"0/2 nodes are available: 1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }, 1 node(s) were unschedulable.","involvedObject":{"kind":"Pod","namespace":"shop","name":"web-0"}}]}'
      nodes.txt: |
        NAME   STATUS                     ROLES           AGE   VERSION
        cp1    Ready                      control-plane   9d    v1.29.1
        w1     Ready,SchedulingDisabled   <none>          9d    v1.29.1
    fires: [{kind: Node, name: w1, node: w1}]
  - name: "cordoned on purpose, all pods are well"
    files:
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-0","namespace":"shop"},"spec":{"containers":[{"name":"app","image":"r.example/a:1"}],"nodeName":"n1"},"status":{"phase":"Running","containerStatuses":[{"name":"app","ready":true,"restartCount":0,"state":{"running":{}}}]}}]}'
      nodes.txt: |
        NAME   STATUS                     ROLES           AGE   VERSION
        cp1    Ready                      control-plane   9d    v1.29.1
        w1     Ready,SchedulingDisabled   <none>          9d    v1.29.1
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let waiting: Vec<_> = blocked(snapshot)
        .into_iter()
        .filter(|blocked| blocked.main == Reason::Cordoned)
        .collect();
    let Some(first) = waiting.first() else {
        return Vec::new();
    };
    let mut workloads: Vec<String> = waiting
        .iter()
        .map(|blocked| format!("{}/{}", blocked.owner.namespace, blocked.owner.name))
        .collect();
    workloads.sort();
    workloads.dedup();
    let cordoned = snapshot
        .kind("Node")
        .filter(|node| node.get("/spec/unschedulable").and_then(|value| value.as_bool()) == Some(true));
    cordoned
        .map(|node| {
            let mut finding = Finding::new(rule, Subject::node(&node.key.name), Confidence::Confirmed)
                .at("spec.unschedulable")
                .cite(node.cite_at("/spec/unschedulable"))
                .fact("node", node.key.name.clone())
                .fact("workloads", workloads.clone())
                .fact("message", first.message.clone());
            for blocked in &waiting {
                finding.add_cite(blocked.cite.clone());
                finding.touches.extend(workload_touches(snapshot, &blocked.pod));
                finding.add_affected(blocked.pod.clone());
            }
            finding
        })
        .collect()
}

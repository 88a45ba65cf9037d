//! Pod sandboxes cannot be created on a node: what is seen, rarely why.

use crate::model::Confidence;
use crate::rules::toolbox::nodes::by_node_of_failing_pods;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: sandbox-creation-failure
role: symptom
level: critical
needs: [events|kubelet-log]
text:
  - id: event
    pattern: "[Ff]ailed (?:to )?create pod sandbox: (?P<why>[^\\n]{1,300})"
check:
  zh: "Pod 沙箱能否创建"
  en: "whether pod sandboxes can be created"
title:
  zh: "节点 {{ node }} 无法创建 Pod 沙箱"
  en: "node {{ node }} cannot create pod sandboxes"
cause:
  zh: "kubelet 创建沙箱失败：{{ line }}"
  en: "the kubelet fails to create sandboxes: {{ line }}"
causes:
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "没有沙箱就没有容器", en: "no sandbox, no container"}
  - rule: endpoints-missing
    ground: workload
    mechanism: {zh: "没有沙箱就没有容器", en: "no sandbox, no container"}
  - rule: pod-pending
    ground: pod
    mechanism: {zh: "沙箱没有创建，容器不能启动", en: "without a sandbox no container starts"}
  - rule: node-workloads-unstartable
    ground: node
    mechanism: {zh: "节点上不能再启动 Pod", en: "the node cannot start pods"}
benign:
  - {zh: "节点刚启动、CNI 未就绪时的几次失败", en: "a few failures right after boot, before the CNI is ready"}
  - {zh: "name is reserved for 表示上一次尝试仍在进行", en: "`name is reserved for` means that the attempt before is still under way"}
remedy:
  - purpose: {zh: "查看现状", en: "look at the present state"}
    place: cluster
    risk: read-only
    command: "kubectl get events -A --field-selector reason=FailedCreatePodSandBox"
    expect: {zh: "desc = 之后是原因", en: "the reason follows desc ="}
    verify: {zh: "原因已记录", en: "the reason is on record"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
prevention:
  - kind: detect
    text: {zh: "对节点 NotReady 持续 5 分钟告警", en: "alert when a node is NotReady for 5 minutes"}
    acceptance: {zh: "停掉测试节点的 kubelet，按时收到告警", en: "stopping a test node's kubelet raises the alert in time"}
sources: ["kubernetes pkg/kubelet/kuberuntime/kuberuntime_manager.go: FailedCreatePodSandBox"]
versions: "Kubernetes 1.14 to 1.36"
examples:
  - name: "a pod that is stuck"
    files:
      pods.txt: |
        NAME    READY   STATUS    RESTARTS   AGE   IP   NODE   NOMINATED NODE   READINESS GATES
        web-0   0/1   ContainerCreating   0   16m   <none>   n1   <none>   <none>
      events.txt: |
        LAST SEEN   TYPE      REASON                   OBJECT      MESSAGE
        2m          Warning   FailedCreatePodSandBox   pod/web-0   Failed to create pod sandbox: rpc error: code = Unknown desc = x
    fires: [{kind: "Node", name: "n1", node: "n1"}]
  - name: "it worked later"
    files:
      pods.txt: |
        NAME    READY   STATUS    RESTARTS   AGE   IP   NODE   NOMINATED NODE   READINESS GATES
        web-0   1/1   Running   0   16m   <none>   n1   <none>   <none>
      events.txt: |
        LAST SEEN   TYPE      REASON                   OBJECT      MESSAGE
        2m          Warning   FailedCreatePodSandBox   pod/web-0   Failed to create pod sandbox: rpc error: code = Unknown desc = x
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    by_node_of_failing_pods(input, rule, Confidence::Confirmed)
}

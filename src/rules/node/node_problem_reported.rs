//! A condition of a node reports trouble that is none of the kubelet's own.

use crate::model::{Confidence, Subject};
use crate::rules::toolbox::nodes::{cite_condition, condition, touch_pods};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: node-problem-reported
role: link
level: critical
needs: [nodes]
reported: true
check: {zh: "节点的其他状况（NetworkUnavailable、node-problem-detector）是否报告故障", en: "whether further conditions of nodes (NetworkUnavailable, node-problem-detector) report trouble"}
title:
  zh: "节点 {{ node }} 的状况 {{ condition }} 为 True：{{ message }}"
  en: "condition {{ condition }} of node {{ node }} is True: {{ message }}"
cause:
  zh: "{% if condition == \"NetworkUnavailable\" %}云的路由控制器或 CNI 报告该节点的网络没有配置好，调度器因此不再安排 Pod（污点 network-unavailable）。{% else %}node-problem-detector 在该节点上发现了故障：{{ message }}{% endif %}"
  en: "{% if condition == \"NetworkUnavailable\" %}the route controller of the cloud, or the CNI, reports that the network of the node is not set up, and the scheduler keeps away (taint network-unavailable).{% else %}node-problem-detector found trouble on the node: {{ message }}{% endif %}"
causes:
  - rule: node-notready
    ground: node
    mechanism: {zh: "节点因此不再就绪", en: "the node is not ready for it"}
  - rule: failedscheduling-taint
    ground: node
    mechanism: {zh: "节点的状况变成污点，调度器因此避开它", en: "the node's condition becomes a taint, and the scheduler keeps away"}
  - rule: sandbox-creation-failure
    ground: node
    mechanism: {zh: "Pod 的沙箱无法创建", en: "sandboxes of pods cannot be made"}
  - rule: container-runtime-down
    ground: node
    mechanism: {zh: "运行时无法工作", en: "the runtime cannot work"}
  - rule: kubelet-not-running
    ground: node
    mechanism: {zh: "kubelet 无法启动", en: "the kubelet cannot start"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "节点上的 Pod 不能就绪", en: "pods of the node do not get ready"}
  - rule: crashloopbackoff
    ground: workload
    mechanism: {zh: "进程因此退出，kubelet 反复重启", en: "the process ends over it and the kubelet restarts it"}
  - rule: endpoints-missing
    ground: workload
    mechanism: {zh: "Pod 不就绪，端点被移除", en: "pods that are not ready leave the endpoints"}
benign:
  - {zh: "EtcdIsVoter 等为 True 才正常的状况", en: "conditions that are healthy when True, such as EtcdIsVoter"}
remedy:
  - purpose: {zh: "查看节点的状况与事件", en: "look at the conditions and events of the node"}
    place: cluster
    risk: read-only
    command: "kubectl describe node {{ node }}"
    expect: {zh: "{{ condition }} 为 True", en: "{{ condition }} is True"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
prevention:
  - kind: detect
    text: {zh: "对节点的这些状况告警", en: "alert on these conditions of nodes"}
    acceptance: {zh: "测试事件触发告警", en: "a test event raises the alert"}
sources:
  - "kubernetes.io/docs/reference/node/node-status: NetworkUnavailable"
  - "kubernetes/node-problem-detector config/*.json"
versions: "any"
examples:
  - name: "the kernel is stuck"
    files:
      "nodes.json": '{"kind": "NodeList", "apiVersion": "v1", "items": [{"metadata": {"name": "n1"}, "status": {"conditions": [{"type": "KernelDeadlock", "status": "True", "reason": "x", "message": "task docker:7 blocked for more than 120 seconds."}, {"type": "Ready", "status": "False"}]}}]}'
    fires:
      - {kind: "Node", name: "n1", node: "n1"}
  - name: "a condition that should be true"
    files:
      "nodes.json": '{"kind": "NodeList", "apiVersion": "v1", "items": [{"metadata": {"name": "n1"}, "status": {"conditions": [{"type": "EtcdIsVoter", "status": "True", "reason": "x", "message": "Node is a voting member of the etcd cluster"}, {"type": "Ready", "status": "True"}]}}]}'
  - name: "no trouble"
    files:
      "nodes.json": '{"kind": "NodeList", "apiVersion": "v1", "items": [{"metadata": {"name": "n1"}, "status": {"conditions": [{"type": "ReadonlyFilesystem", "status": "False", "reason": "x", "message": "Filesystem is not read-only"}, {"type": "Ready", "status": "False"}]}}]}'
"##;

/// Conditions of which True is trouble (kubernetes; node-problem-detector `config/`).
const TROUBLE: [&str; 13] = [
    "NetworkUnavailable",
    "KernelDeadlock",
    "ReadonlyFilesystem",
    "XfsShutdown",
    "CperHardwareErrorFatal",
    "FrequentUnregisterNetDevice",
    "FrequentKubeletRestart",
    "FrequentDockerRestart",
    "FrequentContainerdRestart",
    "CorruptDockerOverlay2",
    "KubeletUnhealthy",
    "ContainerRuntimeUnhealthy",
    "NTPProblem",
];

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let mut findings = Vec::new();
    for node in input.snapshot.kind("Node") {
        let reported = TROUBLE.iter().find_map(|kind| {
            let (index, found) = condition(node, kind)?;
            let text = |key: &str| found.get(key).and_then(|value| value.as_str()).unwrap_or("");
            (text("status") == "True").then(|| (*kind, index, text("message").to_owned()))
        });
        let Some((kind, index, message)) = reported else {
            continue;
        };
        let name = node.key.name.as_str();
        let mut finding = Finding::new(rule, Subject::node(name), Confidence::Confirmed)
            .cite(cite_condition(node, index, "status"))
            .fact("node", name)
            .fact("condition", kind)
            .fact("message", message);
        touch_pods(input.snapshot, name, &mut finding);
        findings.push(finding);
    }
    findings
}

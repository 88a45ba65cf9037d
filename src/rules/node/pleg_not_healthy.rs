//! The kubelet no longer hears from its containers in time.

use crate::model::{Confidence, Subject};
use crate::rules::toolbox::nodes::{by_node, cite_condition, condition, touch_pods};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: pleg-not-healthy
role: link
level: critical
needs: [kubelet-log|nodes|system-log]
reported: true
text:
  - id: pleg
    pattern: 'PLEG is not healthy: pleg was last seen active (?P<ago>[\dhms.]{2,20}) ago'
check:
  zh: "kubelet 的 PLEG 是否健康"
  en: "whether the kubelets' PLEG is healthy"
title:
  zh: "节点 {{ node }} 的 PLEG 不健康{% if ago is defined %}（{{ ago }} 没有完成）{% endif %}"
  en: "the PLEG of node {{ node }} is not healthy{% if ago is defined %} (nothing for {{ ago }}){% endif %}"
cause:
  zh: "{{ line }}。kubelet 在 3 分钟内没能从运行时列完所有容器：有容器或 runc 卡住、磁盘过载、Pod 过多，或运行时本身停滞。"
  en: "{{ line }}. The kubelet could not list all containers from the runtime within 3 minutes: a container or runc hangs, the disk is overloaded, there are too many pods, or the runtime stands still."
causes:
  - rule: node-notready
    ground: node
    mechanism: {zh: "节点因此不再就绪", en: "the node is not ready for it"}
  - rule: failedscheduling-taint
    ground: node
    mechanism: {zh: "节点的状况变成污点，调度器因此避开它", en: "the node's condition becomes a taint, and the scheduler keeps away"}
  - rule: probe-failing
    ground: node
    mechanism: {zh: "节点的故障使其上的探针都失败", en: "the node is in trouble, and so are the probes on it"}
benign:
  - {zh: "kubelet 启动时的一行 pleg has yet to be successful", en: "one line pleg has yet to be successful as the kubelet starts"}
remedy:
  - purpose: {zh: "查看运行时是否应答、有没有 D 状态的进程", en: "see whether the runtime answers, and processes in state D"}
    place: node
    risk: read-only
    command: |
      time crictl ps
      ps -eo state,pid,cmd | grep '^D'
    expect: {zh: "几秒内返回；没有 D 状态的进程", en: "an answer within seconds, and none in state D"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "排空节点后重启运行时；仍不恢复则重启节点", en: "drain the node and restart the runtime; if that does not do, restart the node"}
    place: node
    risk: dangerous
    command: "systemctl restart containerd"
    verify: {zh: "节点恢复 Ready", en: "the node is Ready again"}
    rollback: {zh: "`kubectl uncordon {{ node }}`", en: "`kubectl uncordon {{ node }}`"}
prevention:
  - kind: detect
    text: {zh: "对节点 NotReady 持续 5 分钟告警", en: "alert when a node is NotReady for 5 minutes"}
    acceptance: {zh: "停掉测试节点的 kubelet，按时收到告警", en: "stopping a test node's kubelet raises the alert in time"}
  - kind: prevent
    text: {zh: "限制每个节点的 Pod 数并升级运行时", en: "limit pods for each node, and upgrade the runtime"}
    acceptance: {zh: "crictl ps 在 5 秒内返回", en: "crictl ps answers within 5 seconds"}
sources: ["kubernetes pkg/kubelet/pleg/generic.go: `pleg was last seen active %v ago; threshold is %v`", "kubernetes pkg/kubelet/runtime.go: `PLEG is not healthy`"]
versions: "Kubernetes 1.8 to 1.36"
examples:
  - name: "in its log"
    files:
      "nodes.txt": |
        NAME   STATUS     ROLES           AGE   VERSION
        cp1    Ready      control-plane   90d   v1.28.4
        w1     NotReady   <none>          90d   v1.28.4
      "kubelet.log": |
        Feb 24 14:29:41 w1 kubelet[1033]: I0224 14:29:31.120087    1033 kubelet.go:2040] "Skipping pod synchronization" err="PLEG is not healthy: pleg was last seen active 3m4.3s ago; threshold is 3m0s"
        Feb 24 14:29:41 w1 kubelet[1033]: I0224 14:29:41.120087    1033 kubelet.go:2040] "Skipping pod synchronization" err="PLEG is not healthy: pleg was last seen active 3m14.3s ago; threshold is 3m0s"
    fires: [{kind: "Node", name: "w1", node: "w1"}]
  - name: "a start"
    files:
      "nodes.txt": |
        NAME   STATUS     ROLES           AGE   VERSION
        cp1    Ready      control-plane   90d   v1.28.4
        w1     NotReady   <none>          90d   v1.28.4
      "kubelet.log": |
        Feb 24 14:29:41 w1 kubelet[1033]: E0224 14:29:31.120087    1033 kubelet.go:2040] "Skipping pod synchronization" err="[container runtime status check may not have completed yet, PLEG is not healthy: pleg has yet to be successful]"
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let mut findings = by_node(input, rule, 2, Confidence::Confirmed);
    for node in input.snapshot.kind("Node") {
        let Some((index, ready)) = condition(node, "Ready") else {
            continue;
        };
        let text = |key: &str| ready.get(key).and_then(|value| value.as_str()).unwrap_or("");
        let name = node.key.name.as_str();
        let known = findings.iter().any(|finding| finding.subject.name == name);
        if text("status") == "True" || !text("message").contains("PLEG is not healthy") || known {
            continue;
        }
        let mut finding = Finding::new(rule, Subject::node(name), Confidence::Confirmed)
            .cite(cite_condition(node, index, "message"))
            .fact("node", name)
            .fact("line", text("message"))
            .fact("times", 1);
        touch_pods(input.snapshot, name, &mut finding);
        findings.push(finding);
    }
    findings
}

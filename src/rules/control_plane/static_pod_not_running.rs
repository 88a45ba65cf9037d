//! A static pod of the control plane keeps ending or is not read.

use crate::model::{Confidence, Subject};
use crate::rules::toolbox::nodes::{persists, quote, touch_pods};
use crate::rules::toolbox::{add_hit, own_hits};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: static-pod-not-running
role: cause
level: critical
needs: [kubelet-log|container-logs|system-log]
text:
  - id: crash
    pattern: "failed to \\\\?\"StartContainer\\\\?\" for \\\\?\"(?P<component>kube-apiserver|etcd|kube-scheduler|kube-controller-manager)\\\\?\" with (?:CrashLoopBackOff|RunContainerError|CreateContainerError)"
  - id: manifest
    pattern: "(?:Could not process manifest file|Can't process manifest file)\"? (?:path=)?\"(?P<file>[^\"]+)\\\""
check:
  zh: "控制面的静态 Pod 是否在运行"
  en: "whether the static pods of the control plane run"
title:
  zh: "节点 {{ node }} 的静态 Pod {% if component is defined %}{{ component }} 反复退出{% else %}清单 {{ file }} 无法读取{% endif %}"
  en: "on node {{ node }} the static pod {% if component is defined %}{{ component }} keeps ending{% else %}manifest {{ file }} cannot be read{% endif %}"
cause:
  zh: "kubelet 报告 {{ line }}；原因在该组件自己的日志或清单 /etc/kubernetes/manifests 中。"
  en: "the kubelet reports {{ line }}; the reason is in the component's own log, or in its manifest in /etc/kubernetes/manifests."
causes:
  - rule: apiserver-down
    ground: cluster
    mechanism: {zh: "没有 API 服务器进程", en: "no API server runs"}
  - rule: node-notready
    ground: node
    mechanism: {zh: "节点因此不再就绪", en: "the node is not ready for it"}
benign:
  - {zh: "RKE1 与 k3s 没有静态 Pod", en: "RKE1 and k3s have no static pods"}
remedy:
  - purpose: {zh: "查看现状", en: "look at the present state"}
    place: node
    risk: read-only
    command: "crictl ps -a"
    expect: {zh: "Exited 的控制面容器", en: "the container of the control plane that has Exited"}
    verify: {zh: "原因已记录", en: "the reason is on record"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "查看现状", en: "look at the present state"}
    place: node
    risk: read-only
    command: "ls -lt /etc/kubernetes/manifests"
    expect: {zh: "最近改动的清单", en: "the manifest that was changed last"}
    verify: {zh: "原因已记录", en: "the reason is on record"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
prevention:
  - kind: process
    text: {zh: "改动静态 Pod 清单前先备份，并在改动后检查容器", en: "save a manifest before a change and look at its container after it"}
    acceptance: {zh: "演练中能在 5 分钟内恢复", en: "a drill recovers within 5 minutes"}
  - kind: detect
    text: {zh: "对节点 NotReady 持续 5 分钟告警", en: "alert when a node is NotReady for 5 minutes"}
    acceptance: {zh: "停掉测试节点的 kubelet，按时收到告警", en: "stopping a test node's kubelet raises the alert in time"}
sources: ["kubernetes pkg/kubelet/pod_workers.go", "kubernetes pkg/kubelet/config/file.go: `Could not process manifest file`"]
versions: "Kubernetes 1.18 to 1.36"
examples:
  - name: "the API server keeps ending"
    files:
      kubelet-cp.log: |
        May 14 21:16:44 cp kubelet[980]: E0514 21:16:44.117802     980 pod_workers.go:1298] "Error syncing pod, skipping" err="failed to \"StartContainer\" for \"kube-apiserver\" with CrashLoopBackOff: \"back-off 5m0s\"" pod="kube-system/kube-apiserver-cp"
    fires: [{kind: "Node", name: "cp", node: "cp"}]
  - name: "another container"
    files:
      kubelet-cp.log: |
        May 14 21:16:44 cp kubelet[980]: E0514 21:16:44.117802     980 pod_workers.go:1298] "Error syncing pod, skipping" err="failed to \"StartContainer\" for \"web\" with CrashLoopBackOff: \"back-off 5m0s\"" pod="shop/web-0"
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for hit in own_hits(input, rule)
        .into_iter()
        .filter(|hit| persists(input.snapshot, hit))
    {
        // The line names the mirror pod; the node is that of the kubelet that wrote it.
        if hit.about.node.is_empty() {
            continue;
        }
        let subject = Subject::node(&hit.about.node);
        match findings.iter_mut().find(|finding| finding.subject == subject) {
            Some(finding) => add_hit(input, finding, hit),
            None => {
                let mut finding =
                    Finding::new(rule, subject, Confidence::Confirmed).fact("node", hit.about.node.clone());
                finding.count = 0;
                add_hit(input, &mut finding, hit);
                let line = quote(&finding);
                let mut finding = finding.fact("line", line);
                touch_pods(input.snapshot, &hit.about.node, &mut finding);
                findings.push(finding);
            }
        }
    }
    findings
}

//! The kubelet refuses to start while swap is on.

use crate::model::Confidence;
use crate::rules::toolbox::nodes::by_node;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: swap-enabled
role: cause
level: critical
needs: [kubelet-log|system-log|container-logs]
text:
  - id: refused
    pattern: "running with swap on is not supported, please disable swap"
check:
  zh: "kubelet 是否因为启用了 swap 而拒绝启动"
  en: "whether the kubelet refuses to start because of swap"
title:
  zh: "节点 {{ node }} 启用了 swap，kubelet 拒绝启动（{{ times }} 次）"
  en: "swap is on at node {{ node }}: the kubelet refuses to start ({{ times|times }})"
cause:
  zh: "kubelet 默认 failSwapOn=true：检测到 /proc/swaps 不为空就退出，systemd 反复重启它；日志：{{ line }}"
  en: "with failSwapOn=true, its default, the kubelet ends when /proc/swaps is not empty, and systemd restarts it over and over; log: {{ line }}"
causes:
  - rule: node-notready
    ground: node
    mechanism: {zh: "节点因此不再就绪", en: "the node is not ready for it"}
  - rule: kubelet-not-running
    ground: node
    mechanism: {zh: "kubelet 启动即退出", en: "the kubelet ends as it starts"}
  - rule: probe-failing
    ground: node
    mechanism: {zh: "节点的故障使其上的探针都失败", en: "the node is in trouble, and so are the probes on it"}
benign:
  - {zh: "1.28 起的 NodeSwap（failSwapOn=false）允许 swap", en: "NodeSwap (failSwapOn=false) allows swap since 1.28"}
remedy:
  - purpose: {zh: "查看现状", en: "look at the present state"}
    place: node
    risk: read-only
    command: "swapon --show"
    expect: {zh: "列出的设备就是启用的 swap", en: "the devices listed are in use as swap"}
    verify: {zh: "原因已记录", en: "the reason is on record"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "关闭 swap，并从 /etc/fstab 中移除", en: "turn swap off, and take it out of /etc/fstab"}
    place: node
    risk: change
    command: "swapoff -a"
    verify: {zh: "`systemctl status kubelet` 为 active (running)", en: "`systemctl status kubelet` shows active (running)"}
    rollback: {zh: "`swapon -a`", en: "`swapon -a`"}
prevention:
  - kind: prevent
    text: {zh: "在节点镜像与 fstab 中去掉 swap", en: "keep swap out of the node image and fstab"}
    acceptance: {zh: "重启测试节点后 swapon --show 为空", en: "after a reboot of a test node swapon --show is empty"}
  - kind: detect
    text: {zh: "对节点 NotReady 持续 5 分钟告警", en: "alert when a node is NotReady for 5 minutes"}
    acceptance: {zh: "停掉测试节点的 kubelet，按时收到告警", en: "stopping a test node's kubelet raises the alert in time"}
sources: ["kubernetes pkg/kubelet/cm/container_manager_linux.go: `running with swap on is not supported, please disable swap`"]
versions: "Kubernetes 1.8 to 1.36"
examples:
  - name: "in the journal of one of two nodes"
    files:
      nodes.txt: |
        NAME   STATUS   ROLES   AGE   VERSION
        w1   Ready   <none>   90d   v1.28.4
        w2   NotReady   <none>   90d   v1.28.4
      journal-kubelet-w2.log: |
        Nov 07 06:31:40 w2 kubelet[2107]: F1107 06:31:40.656218    2107 server.go:269] failed to run Kubelet: running with swap on is not supported, please disable swap! or set --fail-swap-on flag to false.
        Nov 07 06:31:40 w2 systemd[1]: kubelet.service failed.
    fires: [{kind: "Node", name: "w2", node: "w2"}]
  - name: "refused once, long ago"
    files:
      nodes.txt: |
        NAME   STATUS   ROLES   AGE   VERSION
        w2   Ready   <none>   90d   v1.28.4
      kubelet.log: |
        Nov 07 06:31:40 w2 kubelet[2107]: F1107 06:31:40.656218    2107 server.go:269] failed to run Kubelet: running with swap on is not supported, please disable swap! or set --fail-swap-on flag to false.
        Nov 07 16:31:40 w2 kubelet[2107]: I1107 16:31:40.656218    2107 server.go:1] all is well
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    by_node(input, rule, 1, Confidence::Confirmed)
}

//! Tasks of a node's kernel hang.

use crate::model::Confidence;
use crate::rules::toolbox::nodes::by_node;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: hung-task
role: cause
level: warning
needs: [system-log|kernel-log|container-logs]
text:
  - id: kernel
    pattern: "INFO: task (?P<task>\\S{1,40}:\\d+) blocked for more than \\d+ seconds"
check:
  zh: "内核任务是否长时间挂起"
  en: "whether tasks of the kernel hang"
title:
  zh: "节点 {{ node }} 的任务 {{ task }} 长时间挂起（{{ times }} 次）"
  en: "task {{ task }} of node {{ node }} hangs ({{ times|times }})"
cause:
  zh: "内核报告 {{ line }}：进程停在不可中断的等待中，通常是存储或 NFS 无响应。"
  en: "the kernel reports {{ line }}: the process waits without a chance to be interrupted, mostly for storage or NFS that does not answer."
causes:
  - rule: node-notready
    ground: node
    mechanism: {zh: "节点因此不再就绪", en: "the node is not ready for it"}
  - rule: container-runtime-down
    ground: node
    mechanism: {zh: "运行时的进程也被卡住", en: "processes of the runtime hang as well"}
  - rule: probe-failing
    ground: node
    mechanism: {zh: "节点的故障使其上的探针都失败", en: "the node is in trouble, and so are the probes on it"}
benign:
  - {zh: "只打印前 10 次（hung_task_warnings），之后没有不代表恢复", en: "only the first 10 are printed (hung_task_warnings): silence later is no recovery"}
remedy:
  - purpose: {zh: "查看现状", en: "look at the present state"}
    place: node
    risk: read-only
    command: "ps -eo state,pid,wchan:32,cmd | awk '$1 ~ /D/'"
    expect: {zh: "处于 D 状态的进程及其等待点", en: "processes in state D and what they wait for"}
    verify: {zh: "原因已记录", en: "the reason is on record"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "停止向该节点调度，先恢复被等待的存储或 NFS", en: "keep new pods off the node while the storage or NFS that it waits for is restored"}
    place: cluster
    risk: change
    command: "kubectl cordon {{ node }}"
    expect: {zh: "`node/{{ node }} cordoned`", en: "`node/{{ node }} cordoned`"}
    verify: {zh: "没有处于 D 状态的进程，内核日志不再报告", en: "no process is in state D and the kernel reports no more"}
    rollback: {zh: "`kubectl uncordon {{ node }}`", en: "`kubectl uncordon {{ node }}`"}
    notes:
      - {zh: "需要移走已有的 Pod 时再执行 `kubectl drain {{ node }} --ignore-daemonsets`，它遵守 PodDisruptionBudget", en: "to move the pods that are there, run `kubectl drain {{ node }} --ignore-daemonsets` afterwards; it respects PodDisruptionBudgets"}
prevention:
  - kind: detect
    text: {zh: "部署 node-problem-detector 并对 TaskHung 告警", en: "run node-problem-detector and alert on TaskHung"}
    acceptance: {zh: "测试事件触发告警", en: "a test event raises the alert"}
sources: ["Linux kernel/hung_task.c", "node-problem-detector config/kernel-monitor.json"]
versions: "Linux 2.6 to 6.x"
examples:
  - name: "again and again"
    files:
      nodes.txt: |
        NAME   STATUS   ROLES   AGE   VERSION
        n1   NotReady   <none>   90d   v1.28.4
      dmesg.txt: |
        [Tue Jan 21 18:20:44 2025] INFO: task kworker/u8:2:123 blocked for more than 120 seconds.
        [Tue Jan 21 18:22:44 2025] INFO: task kworker/u8:2:123 blocked for more than 120 seconds.
    fires: [{kind: "Node", name: "n1", node: "n1"}]
  - name: "once, and the log goes on for hours"
    files:
      nodes.txt: |
        NAME   STATUS   ROLES   AGE   VERSION
        n1   Ready   <none>   90d   v1.28.4
      dmesg.txt: |
        [Tue Jan 21 12:20:44 2025] INFO: task kworker/u8:2:123 blocked for more than 120 seconds.
        [Tue Jan 21 18:22:44 2025] eth0: link up
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    by_node(input, rule, 2, Confidence::Probable)
}

//! A node or one of its programs is out of file handles.

use crate::cluster::Snapshot;
use crate::rules::text_rule::judge_text;
use crate::rules::toolbox::hosts::{Machine, machines};
use crate::rules::toolbox::states::{joined, shown};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: fd-exhaustion
role: cause
level: critical
needs: [system-log|kubelet-log|containerd-log]
text:
  - id: kernel
    pattern: 'VFS: file-max limit (?P<limit>\d+) reached'
  - id: component
    in: [kubelet, runtime, control-plane, etcd]
    pattern: '(?:accept4?|socket|open(?:at)? \S+|pipe2?|dial \S+ \S+)[^\n]{0,80}: too many open files'
    unless: 'inotify|fsnotify|watcher'
  - id: system
    in: [kubelet, runtime, system]
    pattern: 'too many open files in system'
finds:
  subject: node
  confidence: confirmed
check: {zh: "节点或其组件的文件句柄是否用尽", en: "whether a node or its components are out of file handles"}
title:
  zh: "节点 {{ node }} 的文件句柄用尽{% if limit is defined %}（file-max {{ limit }}）{% endif %}"
  en: "node {{ node }} is out of file handles{% if limit is defined %} (file-max {{ limit }}){% endif %}"
cause:
  zh: "{{ line }}；达到整个系统（fs.file-max）或单个进程（LimitNOFILE）的上限后，新的文件与连接都无法打开。"
  en: "{{ line }}; at the limit of the system (fs.file-max) or of one process (LimitNOFILE) no more files or connections can be opened."
causes:
  - rule: container-runtime-down
    ground: node
    mechanism: {zh: "运行时无法工作", en: "the runtime cannot work"}
  - rule: kubelet-not-running
    ground: node
    mechanism: {zh: "kubelet 无法启动", en: "the kubelet cannot start"}
  - rule: node-notready
    ground: node
    mechanism: {zh: "节点因此不再就绪", en: "the node is not ready for it"}
  - rule: failedscheduling-taint
    ground: node
    mechanism: {zh: "节点的状况变成污点，调度器因此避开它", en: "the node's condition becomes a taint, and the scheduler keeps away"}
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
  - {zh: "inotify 的 too many open files 是另一个上限", en: "\"too many open files\" of inotify is another limit"}
remedy:
  - purpose: {zh: "查看用量与上限", en: "look at the use and the limits"}
    place: node
    risk: read-only
    command: |
      cat /proc/sys/fs/file-nr
      systemctl show containerd kubelet -p LimitNOFILE
    expect: {zh: "第一个数接近第三个数", en: "the first number is close to the third"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "临时提高整个系统的上限", en: "raise the limit of the system for now"}
    place: node
    risk: change
    command: "sysctl -w fs.file-max=2097152"
    expect: {zh: "打印新值", en: "prints the new value"}
    verify: {zh: "file-nr 的第一个数不再接近上限", en: "the first number of file-nr is well below the limit"}
    rollback: {zh: "设回原值", en: "set the old value again"}
    notes:
      - {zh: "先用 lsof 找出泄漏句柄的进程；只提高上限会掩盖它", en: "find the process that leaks handles with lsof first; a higher limit only hides it"}
prevention:
  - kind: detect
    text: {zh: "对 node_filefd_allocated / node_filefd_maximum 超过 80% 告警", en: "alert when node_filefd_allocated is above 80 % of node_filefd_maximum"}
    acceptance: {zh: "压测时收到告警", en: "a load test raises the alert"}
sources:
  - "Linux fs/file_table.c: `VFS: file-max limit %lu reached`"
  - "errno(3): EMFILE, ENFILE"
versions: "any"
examples:
  - name: "the kernel says so"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     NotReady    <none>   90d   v1.28.4
      "n1/dmesg.txt": |
        [Tue Jan 21 18:20:44 2025] VFS: file-max limit 65536 reached
    fires:
      - {kind: "Node", name: "n1", node: "n1"}
  - name: "the runtime cannot accept"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     NotReady    <none>   90d   v1.28.4
      "n1/containerd.log": |
        time="2026-01-21T18:20:44Z" level=error msg="accept unix /run/containerd/containerd.sock: accept4: too many open files"
    fires:
      - {kind: "Node", name: "n1", node: "n1"}
  - name: "the kernel counts as many as there may be"
    files:
      "nodes.txt": |
        NAME   STATUS     ROLES    AGE   VERSION
        n1     NotReady   <none>   90d   v1.28.4
        n2     NotReady   <none>   90d   v1.28.4
      "n1/proc/sys/fs/file-nr": "65530\t0\t65536\n"
      "n2/proc/sys/fs/file-nr": "1146\t0\t65536\n"
    fires:
      - {kind: "Node", name: "n1", node: "n1"}
  - name: "an application of its own limit"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     Ready    <none>   90d   v1.28.4
        n2     Ready    <none>   90d   v1.28.4
      "web.log": |
        accept tcp [::]:80: accept4: too many open files
"##;

/// Handles in use, of a hundred that there may be.
const NEARLY_ALL: u64 = 98;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let told = rule
        .finds
        .as_ref()
        .map_or_else(Vec::new, |finds| judge_text(input, rule, finds));
    let machines = machines(input.snapshot);
    let counted = machines
        .iter()
        .filter_map(|machine| counted(input.snapshot, rule, machine));
    joined(told, counted.collect())
}

/// `fs.file-nr`: in use, free of those that were allocated, the most there may be (Linux Documentation/admin-guide/sysctl/fs.rst).
fn counted(snapshot: &Snapshot, rule: &RuleHeader, machine: &Machine<'_>) -> Option<Finding> {
    let (value, cite) = machine.sysctl("fs.file-nr")?;
    let mut numbers = value.split_whitespace().map(str::parse::<u64>);
    let (Some(Ok(allocated)), Some(Ok(free)), Some(Ok(most))) = (numbers.next(), numbers.next(), numbers.next()) else {
        return None;
    };
    let used = allocated.saturating_sub(free);
    if most == 0 || u128::from(used) * 100 < u128::from(most) * u128::from(NEARLY_ALL) {
        return None;
    }
    Some(shown(snapshot, rule, machine, vec![cite])?.fact("limit", most.to_string()))
}

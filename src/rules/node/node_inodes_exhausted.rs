//! A file system of a node is out of inodes.

use crate::bundle::decode::Counted;
use crate::rules::toolbox::disks::{fullest, is_pressed};
use crate::rules::toolbox::hosts::{Suffering, confidence, machines, suffering};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: node-inodes-exhausted
role: cause
level: critical
needs: [filesystems]
check: {zh: "节点的文件系统是否用尽 inode", en: "whether file systems of nodes are out of inodes"}
title:
  zh: "节点 {{ node }} 的文件系统 {{ mount }} 用尽 inode（{{ percent }}%）"
  en: "file system {{ mount }} of node {{ node }} is out of inodes ({{ percent }} %)"
cause:
  zh: "{{ mount }} 的 inode 使用 {{ percent }}%：磁盘可能还有空间，但不能再创建文件，写入报 no space left on device。"
  en: "{{ percent }} % of the inodes of {{ mount }} are in use: there may be room left on the disk, but no file can be made, and writing says \"no space left on device\"."
causes:
  - rule: node-disk-pressure
    ground: node
    mechanism: {zh: "kubelet 因此报告磁盘压力", en: "the kubelet reports disk pressure for it"}
  - rule: image-pull-backoff
    ground: workload
    mechanism: {zh: "镜像因此拉取失败", en: "the image cannot be pulled for it"}
  - rule: container-runtime-down
    ground: node
    mechanism: {zh: "运行时无法工作", en: "the runtime cannot work"}
  - rule: dockerd-down
    ground: node
    mechanism: {zh: "Docker 守护进程无法工作", en: "the Docker daemon cannot work"}
  - rule: kubelet-not-running
    ground: node
    mechanism: {zh: "kubelet 无法启动", en: "the kubelet cannot start"}
  - rule: sandbox-creation-failure
    ground: node
    mechanism: {zh: "Pod 的沙箱无法创建", en: "sandboxes of pods cannot be made"}
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
  - {zh: "btrfs 等动态分配 inode 的文件系统显示 0", en: "file systems that make inodes as they need them, such as btrfs, show 0"}
remedy:
  - purpose: {zh: "找出文件最多的目录", en: "find the directories with the most files"}
    place: node
    risk: read-only
    command: |
      df -i
      for d in /var/lib/* /var/spool/* /tmp; do echo "$(find "$d" -xdev 2>/dev/null | wc -l) $d"; done | sort -n | tail
    expect: {zh: "文件最多的目录", en: "the directories with the most files"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "在文件最多的目录中清理过期文件", en: "remove expired files in the directory with the most"}
    place: node
    risk: dangerous
    command: "find <DIRECTORY> -xdev -type f -mtime +14 -print -delete"
    expect: {zh: "列出被删除的文件", en: "the files that it deletes"}
    verify: {zh: "`df -i` 低于 85 %，节点的 DiskPressure 消失", en: "`df -i` is below 85 % and DiskPressure goes"}
    rollback: {zh: "删除不可恢复：先去掉 -delete 看清单，再执行", en: "what is deleted is gone: run it without -delete first and read the list"}
prevention:
  - kind: detect
    text: {zh: "对 node_filesystem_files_free 告警", en: "alert on node_filesystem_files_free"}
    acceptance: {zh: "在测试节点上用尽 inode 触发告警", en: "using up the inodes of a test node raises the alert"}
sources:
  - "df(1): -i"
  - "kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction: nodefs.inodesFree"
versions: "any"
examples:
  - name: "none is left"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     NotReady    <none>   90d   v1.28.4
      "n1/df-i.txt": |
        Filesystem      Inodes   IUsed   IFree IUse% Mounted on
        /dev/sda1      6553600 6553500     100   100% /
    fires:
      - {kind: "Node", name: "n1", node: "n1"}
  - name: "enough are left"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     NotReady    <none>   90d   v1.28.4
      "n1/df-i.txt": |
        Filesystem      Inodes   IUsed   IFree IUse% Mounted on
        /dev/sda1      6553600 6553500     100   60% /
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings = Vec::new();
    for machine in machines(snapshot).iter().filter(|machine| machine.is_node(snapshot)) {
        let suffers = suffering(snapshot, &machine.node);
        let full = fullest(machine, Counted::Inodes, 98);
        if let (Some((filesystem, place)), true) =
            (full, suffers != Suffering::No && !is_pressed(snapshot, &machine.node))
        {
            findings.push(
                machine
                    .finding(snapshot, rule, confidence(suffers))
                    .at(place)
                    .cite(filesystem.cite.clone())
                    .fact("mount", filesystem.mount.clone())
                    .fact("percent", filesystem.percent),
            );
        }
    }
    findings
}

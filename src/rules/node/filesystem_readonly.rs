//! A file system of a node has become read-only.

use crate::cluster::Snapshot;
use crate::rules::text_rule::judge_text;
use crate::rules::toolbox::hosts::{Machine, machines};
use crate::rules::toolbox::states::{joined, shown};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: filesystem-readonly
role: cause
level: critical
needs: [system-log|kernel-log|kubelet-log]
text:
  - id: ext4
    pattern: 'EXT4-fs \((?P<device>[^)]+)\): Remounting filesystem read-only'
  - id: ext4-error
    pattern: 'EXT4-fs (?:error|critical) \(device (?P<device>[^)]+)\)[^\n]*(?:remounting|aborted journal|Detected aborted journal)'
  - id: journal
    pattern: 'Aborting journal on device (?P<device>\S+?)(?:-8)?\.'
  - id: xfs
    pattern: 'XFS \((?P<device>[^)]+)\): (?:Filesystem has been shut down due to|xfs_do_force_shutdown|[^\n]{0,200}Shutting down filesystem)'
  - id: btrfs
    pattern: 'BTRFS[^\n]{0,20}\(device (?P<device>[^):]+)[^)]*\)[^\n]{0,40}forced readonly'
  - id: kubelet
    in: [kubelet, runtime]
    pattern: '(?:/var/lib/(?:kubelet|containerd|docker|rancher)|/run/containerd)\S*: read-only file system'
finds:
  subject: node
  confidence: confirmed
check: {zh: "节点的文件系统是否被内核改为只读或关闭", en: "whether the kernel has turned a file system of a node read-only or shut it down"}
title:
  zh: "节点 {{ node }} 的文件系统{% if device is defined %}（{{ device }}）{% endif %}变为只读"
  en: "a file system of node {{ node }}{% if device is defined %} ({{ device }}){% endif %} has become read-only"
cause:
  zh: "文件系统已是只读或已被关闭，内核发现错误后会这样做：{{ line }}；运行时、kubelet 与 Pod 都无法再写入。"
  en: "the file system is read-only or shut down, which the kernel does when it meets an error of it: {{ line }}; the runtime, the kubelet and the pods can no longer write."
questions:
  - {zh: "是磁盘损坏、SAN 路径中断，还是瘦供给池写满？", en: "did the disk fail, did a SAN path break, or is a thin pool full?"}
causes:
  - {rule: filesystem-corrupt, ground: node, mechanism: {zh: '同一处损坏的另一种表述', en: 'the same damage in other words'}}
  - {rule: 'app-*', ground: workload, mechanism: {zh: '应用写不了这块盘上的数据', en: 'applications cannot write their data there'}}
  - rule: node-notready
    ground: node
    mechanism: {zh: "节点因此不再就绪", en: "the node is not ready for it"}
  - rule: failedscheduling-taint
    ground: node
    mechanism: {zh: "节点的状况变成污点，调度器因此避开它", en: "the node's condition becomes a taint, and the scheduler keeps away"}
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
  - rule: hung-task
    ground: node
    mechanism: {zh: "内核任务因此挂起", en: "tasks of the kernel hang for it"}
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
  - {zh: "容器内的 read-only file system 可能来自 readOnlyRootFilesystem: true，是有意的设置", en: "read-only file system inside a container may come from readOnlyRootFilesystem: true and is meant so"}
remedy:
  - purpose: {zh: "查看内核日志与挂载状态", en: "look at the kernel log and the mounts"}
    place: node
    risk: read-only
    command: |
      grep -E ' ro[ ,]' /proc/mounts
      journalctl -k --no-pager -n 200
    expect: {zh: "数据文件系统带有 ro，或日志中有 I/O 错误", en: "a data file system is mounted ro, or the log has I/O errors"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "把工作负载移到别的节点", en: "move the workloads to other nodes"}
    place: node
    risk: change
    command: "kubectl drain {{ node }} --ignore-daemonsets --delete-emptydir-data"
    expect: {zh: "节点被排空", en: "the node is drained"}
    verify: {zh: "该节点上不再有业务 Pod", en: "no workload is left on the node"}
    rollback: {zh: "`kubectl uncordon {{ node }}`", en: "`kubectl uncordon {{ node }}`"}
    notes:
      - {zh: "emptyDir 中的数据会丢失；之后在维护模式下检查磁盘（fsck、xfs_repair），磁盘损坏则更换", en: "data in emptyDir volumes is lost; then check the disk in maintenance mode (fsck, xfs_repair), and replace it if it is broken"}
prevention:
  - kind: detect
    text: {zh: "部署 node-problem-detector 并对 ReadonlyFilesystem 告警", en: "run node-problem-detector and alert on ReadonlyFilesystem"}
    acceptance: {zh: "在测试节点上把一个文件系统改为只读会触发告警", en: "making a file system of a test node read-only raises the alert"}
sources:
  - "Linux fs/ext4/super.c: `Remounting filesystem read-only`"
  - "Linux fs/xfs/xfs_fsops.c: `Filesystem has been shut down due to`"
  - "node-problem-detector config/kernel-monitor.json"
versions: "Linux 2.6 to 6.x"
examples:
  - name: "ext4 after an error"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     NotReady    <none>   90d   v1.28.4
      "n1/dmesg.txt": |
        [Tue Jan 21 18:20:44 2025] EXT4-fs error (device dm-17): ext4_journal_check_start:56: Detected aborted journal
        [Tue Jan 21 18:20:44 2025] EXT4-fs (dm-17): Remounting filesystem read-only
    fires:
      - {kind: "Node", name: "n1", node: "n1"}
  - name: "XFS is shut down, in the journal"
    files:
      "journal.log": |
        Jan 21 18:20:44 wrk-7 kernel: XFS (sda3): Filesystem has been shut down due to log error (0x2).
        Jan 21 18:20:44 wrk-7 kernel: XFS (sda3): Please unmount the filesystem and rectify the problem(s).
    fires:
      - {kind: "Node", name: "wrk-7", node: "wrk-7"}
  - name: "mounted read-only, and the log no longer tells"
    files:
      "nodes.txt": |
        NAME   STATUS     ROLES    AGE   VERSION
        n1     NotReady   <none>   90d   v1.28.4
      "n1/mount.txt": |
        /dev/sda1 on / type ext4 (rw,relatime)
        /dev/sdb1 on /var/lib/containerd type ext4 (ro,relatime)
    fires:
      - {kind: "Node", name: "n1", node: "n1"}
  - name: "a volume that a pod only reads"
    files:
      "nodes.txt": |
        NAME   STATUS     ROLES    AGE   VERSION
        n1     NotReady   <none>   90d   v1.28.4
      "n1/mount.txt": |
        /dev/sda1 on / type ext4 (rw,relatime)
        /dev/sdb1 on /var/lib/kubelet/pods/8d1/volumes/kubernetes.io~csi/pvc-1/mount type ext4 (ro,relatime)
  - name: "a container that may not write"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     Ready    <none>   90d   v1.28.4
        n2     Ready    <none>   90d   v1.28.4
      "web.log": |
        open /tmp/x: read-only file system
"##;

/// Where what runs on a node writes. A volume of a pod may well be mounted to be read.
const WRITTEN: [&str; 11] = [
    "/",
    "/run",
    "/var",
    "/var/lib",
    "/var/lib/containerd",
    "/var/lib/docker",
    "/var/lib/etcd",
    "/var/lib/kubelet",
    "/var/lib/rancher",
    "/var/log",
    "/opt/rke",
];
/// `ID` of systems of which the root is never written (`/etc/os-release` of each).
const IMMUTABLE: [&str; 6] = ["bottlerocket", "talos", "cos", "flatcar", "kairos", "opensuse-microos"];

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let told = rule
        .finds
        .as_ref()
        .map_or_else(Vec::new, |finds| judge_text(input, rule, finds));
    let machines = machines(input.snapshot);
    let mounted = machines
        .iter()
        .filter_map(|machine| mounted(input.snapshot, rule, machine));
    joined(told, mounted.collect())
}

/// What is mounted read-only now, whoever made it so.
fn mounted(snapshot: &Snapshot, rule: &RuleHeader, machine: &Machine<'_>) -> Option<Finding> {
    let is_immutable = machine.value("os.id").is_some_and(|(id, _)| IMMUTABLE.contains(&id));
    let paths = WRITTEN.iter().filter(|path| **path != "/" || !is_immutable);
    let cites: Vec<_> = paths
        .filter_map(|path| machine.value(&format!("mount.read-only.{path}")))
        .map(|(_, cite)| cite)
        .collect();
    (!cites.is_empty()).then(|| shown(snapshot, rule, machine, cites))?
}

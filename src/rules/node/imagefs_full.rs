//! The disk of a node's kubelet and container runtime is full.

use crate::bundle::decode::Counted;
use crate::model::Confidence;
use crate::rules::toolbox::disks::{fullest, is_pressed};
use crate::rules::toolbox::hosts::{Suffering, confidence, machines, suffering};
use crate::rules::toolbox::nodes::by_node;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: imagefs-full
role: cause
level: critical
needs: [filesystems|kubelet-log|containerd-log|dockerd-log|events]
text:
  - id: write
    pattern: '(?:write|mkdir|open|copy_file_range|link|rename|creat\w*|symlink)\b[^\n]{0,40}(?P<place>/(?:var/lib/(?:containerd|docker|containers|kubelet|rancher)|run/containerd|var/log)[^\s:"]*)[^\n]{0,80}: no space left on device'
    unless: 'inotify|/sys/fs/cgroup'
  - id: extract
    pattern: 'failed to (?:extract layer|register layer|unpack image|commit snapshot|copy)[^\n]{0,200}no space left on device'
  - id: gc
    in: [event, kubelet]
    pattern: '(?:[Ff]ailed to garbage collect required amount of images|Insufficient free disk space on the node\''s image filesystem)[^\n]{0,160}'
check: {zh: "kubelet 与容器运行时所在的文件系统是否已满", en: "whether the file system of the kubelet and the container runtime is full"}
title:
  zh: "节点 {{ node }} 的磁盘已满{% if mount %}（{{ mount }} 使用 {{ percent }}%）{% endif %}"
  en: "the disk of node {{ node }} is full{% if mount %} ({{ mount }} at {{ percent }} %){% endif %}"
cause:
  zh: "{{ line }}：镜像无法解压，容器无法创建，日志无法写入，kubelet 会开始驱逐 Pod。"
  en: "{{ line }}: images cannot be unpacked, containers cannot be made, logs cannot be written, and the kubelet begins to evict pods."
questions:
  - {zh: "是镜像、容器日志、emptyDir，还是与集群无关的文件占满了磁盘？", en: "what fills the disk: images, logs of containers, emptyDir volumes, or files that are none of the cluster?"}
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
  - rule: node-workloads-unstartable
    ground: node
    mechanism: {zh: "节点上不能再启动 Pod", en: "the node cannot start pods"}
benign:
  - {zh: "inotify 与 cgroup 的 no space left on device 与磁盘无关", en: "\"no space left on device\" of inotify and cgroups has nothing to do with the disk"}
  - {zh: "kubelet 启动时的 invalid capacity 0 on image filesystem", en: "invalid capacity 0 on image filesystem when the kubelet starts"}
  - {zh: "squashfs、iso9660 等只读文件系统总是 100%", en: "read-only file systems such as squashfs and iso9660 are always at 100 %"}
remedy:
  - purpose: {zh: "找出占用空间的目录", en: "find what takes the room"}
    place: node
    risk: read-only
    command: |
      df -h
      crictl imagefsinfo
      du -xh --max-depth=2 /var/lib /var/log 2>/dev/null | sort -h | tail -20
    expect: {zh: "最大的目录", en: "the largest directories"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "清理未使用的镜像与旧日志", en: "remove images that nobody uses and old logs"}
    place: node
    risk: change
    command: |
      crictl rmi --prune
      journalctl --vacuum-size=500M
    expect: {zh: "列出被删除的镜像", en: "the images that were removed"}
    verify: {zh: "df 显示使用率低于 80%", en: "df shows less than 80 %"}
    rollback: {zh: "需要的镜像会重新拉取", en: "images that are needed are pulled again"}
    notes:
      - {zh: "RKE1 节点上不要执行 `docker system prune`：它会删除 share-mnt、service-sidekick 等已停止的关键容器", en: "never run `docker system prune` on nodes of RKE1: it removes containers that are stopped and needed, such as share-mnt and service-sidekick"}
prevention:
  - kind: detect
    text: {zh: "对磁盘使用率 75% 与 85% 告警", en: "alert on disk use of 75 % and 85 %"}
    acceptance: {zh: "写满测试节点触发告警", en: "filling the disk of a test node raises the alert"}
  - kind: prevent
    text: {zh: "设置 containerLogMaxSize 与镜像回收阈值", en: "set containerLogMaxSize and the thresholds of image collection"}
    acceptance: {zh: "kubelet 的配置中有这些值", en: "the kubelet's configuration has them"}
sources:
  - "kubernetes pkg/kubelet/images/image_gc_manager.go"
  - "errno(3): ENOSPC"
  - "df(1)"
versions: "any"
examples:
  - name: "df"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     NotReady    <none>   90d   v1.28.4
      "n1/df.txt": |
        Filesystem      Size  Used Avail Use% Mounted on
        /dev/sda1       100G   100G    2G  100% /
        tmpfs           16G     0   16G   0% /dev/shm
    fires:
      - {kind: "Node", name: "n1", node: "n1"}
  - name: "containerd cannot unpack"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     NotReady    <none>   90d   v1.28.4
      "n1/containerd.log": |
        time="2026-01-21T18:20:44Z" level=error msg="PullImage failed" error="failed to pull and unpack image: failed to extract layer sha256:ab: write /var/lib/containerd/x: no space left on device"
    fires:
      - {kind: "Node", name: "n1", node: "n1"}
  - name: "a node with room"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     NotReady    <none>   90d   v1.28.4
      "n1/df.txt": |
        Filesystem      Size  Used Avail Use% Mounted on
        /dev/sda1       100G   62G    2G  62% /
        tmpfs           16G     0   16G   0% /dev/shm
  - name: "inotify is at its limit"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     NotReady    <none>   90d   v1.28.4
      "n1/kubelet.log": |
        E0121 18:20:44.889702 1 x.go:1] inotify_add_watch /var/lib/kubelet/x: no space left on device
  - name: "the kubelet reports the pressure itself"
    files:
      "nodes.json": '{"kind": "NodeList", "apiVersion": "v1", "items": [{"metadata": {"name": "n1"}, "status": {"conditions": [{"type": "DiskPressure", "status": "True"}, {"type": "Ready", "status": "True"}]}}]}'
      "n1/df.txt": |
        Filesystem      Size  Used Avail Use% Mounted on
        /dev/sda1       100G   100G    2G  100% /
        tmpfs           16G     0   16G   0% /dev/shm
  - name: "an image of snap is always full"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     NotReady    <none>   90d   v1.28.4
      "n1/df.txt": |
        Filesystem     Type      Size  Used Avail Use% Mounted on
        /dev/loop0     squashfs   56M   56M     0 100% /snap/core18/2128
        /dev/sda1      ext4      100G   50G   50G  50% /
"##;

/// The kubelet evicts at 85 to 90 percent; at this the disk is full for whoever writes.
const FULL: u64 = 97;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings: Vec<Finding> = by_node(input, rule, 1, Confidence::Probable)
        .into_iter()
        .filter(|finding| suffering(snapshot, &finding.subject.name) != Suffering::No)
        .filter(|finding| !is_pressed(snapshot, &finding.subject.name))
        .map(|finding| finding.fact("mount", "").fact("percent", 100))
        .collect();
    for machine in machines(snapshot).iter().filter(|machine| machine.is_node(snapshot)) {
        let suffers = suffering(snapshot, &machine.node);
        let full = fullest(machine, Counted::Bytes, FULL);
        if let (Some((filesystem, place)), true) =
            (full, suffers != Suffering::No && !is_pressed(snapshot, &machine.node))
        {
            let told = findings.iter().position(|finding| finding.subject.name == machine.node);
            let mut finding = machine
                .finding(snapshot, rule, confidence(suffers))
                .at(place)
                .cite(filesystem.cite.clone())
                .fact("mount", filesystem.mount.clone())
                .fact("percent", filesystem.percent)
                .fact(
                    "line",
                    format!("{} {}%", filesystem.mount, filesystem.percent.unwrap_or(100)),
                );
            if let Some(told) = told.map(|at| findings.swap_remove(at)) {
                for cite in told.evidence {
                    finding.add_cite(cite);
                }
            }
            findings.push(finding);
        }
    }
    findings
}

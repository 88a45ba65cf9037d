//! The disk of the cluster's SQL datastore is full.

use crate::model::Confidence;
use crate::rules::toolbox::nodes::{by_node, on_node};
use crate::rules::toolbox::own_hits;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: datastore-disk-full
role: cause
level: critical
needs: [system-log|k3s-log|kubelet-log|etcd-log]
text:
  # SQLITE_FULL
  - id: full
    in: [system, etcd, control-plane, kubelet]
    pattern: '(?:dqlite|kine|k3s|rke2)[^\n]{0,400}(?P<problem>database or disk is full)'
  - id: named-after
    in: [system, etcd, control-plane, kubelet]
    pattern: '(?P<problem>database or disk is full)[^\n]{0,200}(?:dqlite|kine)'
  # ENOSPC where it writes its log and its segments
  - id: no-space
    in: [system, etcd, control-plane, kubelet]
    pattern: '(?:dqlite|kine)[^\n]{0,400}(?P<problem>no space left on device)'
  # MySQL: ER_RECORD_FILE_FULL, as kine passes it on, and in the server's own log
  - id: client
    in: [system, kubelet, control-plane, container-log, other]
    pattern: 'Error 1114 \(HY000\): (?P<problem>The table ''kine'' is full)'
  - id: server
    in: [other, system, container-log]
    pattern: '\[MY-013132\] \[Server\] (?P<problem>The table ''kine'' is full!)'
finds:
  subject: node
  confidence: confirmed
check: {zh: "集群的 SQLite 数据存储（dqlite、kine）是否因磁盘写满而无法写入", en: "whether the cluster's SQLite datastore (dqlite, kine) cannot write for want of disk space"}
title:
  zh: "节点 {{ node }} 的磁盘已满，集群的数据存储无法写入（{{ times }} 次）"
  en: "the disk of node {{ node }} is full: the cluster's datastore cannot be written ({{ times|times }})"
cause:
  zh: "dqlite 或 kine 的数据库所在的文件系统没有剩余空间（{{ problem }}）：API 服务器的每次写入都失败，读取仍可能正常；日志：{{ line }}"
  en: "the file system of dqlite's or kine's database has no room left ({{ problem }}): every write of the API server fails, while reads may go on; log: {{ line }}"
causes:
  - {rule: apiserver-internal-error, ground: cluster, mechanism: {zh: "写入都被拒绝", en: "every write is refused"}}
  - {rule: cluster-unresponsive, ground: cluster, mechanism: {zh: "控制面不能接受节点的状态", en: "the control plane cannot take the nodes' state"}}
  - {rule: leader-election-lost, ground: cluster, mechanism: {zh: "无法写入租约", en: "leases cannot be written"}}
  - {rule: node-notready, ground: cluster, mechanism: {zh: "kubelet 无法更新租约", en: "kubelets cannot renew their leases"}}
  - {rule: workload-unavailable, ground: cluster, mechanism: {zh: "控制器无法写入", en: "controllers cannot write"}}
benign:
  - {zh: "应用自己的 SQLite 也会写出同样的错误，那与集群的数据存储无关", en: "an application's own SQLite writes the same words, which say nothing of the cluster's datastore"}
remedy:
  - purpose: {zh: "查看数据存储所在的文件系统", en: "look at the file system of the datastore"}
    place: node
    risk: read-only
    command: "df -h /var/snap/microk8s/current/var/kubernetes/backend /var/lib/rancher/k3s/server/db"
    expect: {zh: "Use% 为 100%", en: "Use% is 100 %"}
    verify: {zh: "原因已记录", en: "the reason is on record"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "释放空间：删除不再使用的镜像", en: "make room: remove images that nothing uses"}
    place: node
    risk: change
    command: "crictl rmi --prune"
    verify: {zh: "日志中不再出现 database or disk is full", en: "the log no longer says database or disk is full"}
    rollback: {zh: "被删除的镜像会在需要时重新拉取", en: "removed images are pulled again when they are needed"}
prevention:
  - kind: detect
    text: {zh: "对数据存储所在文件系统的剩余空间告警", en: "alert on the room that is left on the datastore's file system"}
    acceptance: {zh: "测试节点用到 85% 时 5 分钟内收到告警", en: "a test node at 85 % raises the alert within 5 minutes"}
  - kind: prevent
    text: {zh: "让数据存储使用单独的文件系统", en: "give the datastore a file system of its own"}
    acceptance: {zh: "写满镜像所在的文件系统时 API 服务器仍可写入", en: "the API server still writes when the file system of the images is full"}
sources:
  - "SQLite result codes: SQLITE_FULL (13), `database or disk is full`"
  - "canonical/k8s-dqlite, k3s-io/kine pkg/drivers/generic: errors of the driver are logged as they are"
versions: "MicroK8s 1.19 to 1.33, k3s 1.19 to 1.33"
examples:
  - name: "MySQL on a machine of its own"
    files:
      nodes.txt: |
        NAME   STATUS     ROLES    AGE   VERSION
        mk1    NotReady   <none>   90d   v1.31.2
        mk2    NotReady   <none>   90d   v1.31.2
      sql1/mysqld-error.log: |
        2026-06-03T00:21:37.551113Z 117911 [ERROR] [MY-013132] [Server] The table 'kine' is full!
        2026-06-03T00:21:38.104418Z 117913 [ERROR] [MY-013132] [Server] The table 'kine' is full!
    fires: [{kind: Node, name: sql1, node: sql1}]
  - name: "dqlite of MicroK8s"
    files:
      nodes.txt: |
        NAME   STATUS   ROLES    AGE   VERSION
        mk1    Ready    <none>   90d   v1.31.2
      inspection-report/snap.microk8s.daemon-k8s-dqlite/journal.log: |
        Nov 20 10:11:02 mk1 microk8s.daemon-k8s-dqlite[99]: time="2026-11-20T10:11:02Z" level=error msg="failed to write: database or disk is full"
    fires: [{kind: Node, name: mk1, node: mk1}]
  - name: "another program's database"
    files:
      nodes.txt: |
        NAME   STATUS   ROLES    AGE   VERSION
        mk1    Ready    <none>   90d   v1.31.2
      nodes/mk1/messages: |
        Nov 20 10:11:02 mk1 fwupd[77]: failed to update metadata: database or disk is full
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let mut findings = by_node(input, rule, 1, Confidence::Confirmed);
    // A database outside of the cluster runs on a machine that is no node, and goes by the folder of what was collected there.
    for hit in own_hits(input, rule) {
        let parts: Vec<&str> = hit.cite.file.components().collect();
        let folder = parts.iter().rev().nth(1).copied().unwrap_or_default();
        let is_machine = !matches!(folder, "" | "log" | "logs" | "var" | "mysql" | "mysqld" | "files");
        if hit.signature.ends_with("/server") && is_machine {
            findings.retain(|finding| finding.subject.name != folder);
            findings.push(on_node(input, rule, folder, &[hit], Confidence::Confirmed));
            break;
        }
    }
    // Where the database's own machine says so, that is the disk to look at, and not those of its clients.
    let says_itself = |finding: &Finding| {
        let lines = finding.evidence.iter().flat_map(|cite| &cite.quote);
        lines.into_iter().any(|line| line.text.contains("[MY-013132]"))
    };
    if findings.iter().any(says_itself) {
        findings.retain(says_itself);
    }
    findings
}

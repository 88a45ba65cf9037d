//! A node of etcd keeps no snapshot, or none that is recent.

use jiff::{SignedDuration, Timestamp};

use crate::bundle::decode::Directory;
use crate::cluster::{Host, Object, Snapshot};
use crate::model::{Confidence, Subject};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: backup-not-verified
role: factor
level: info
needs: [directories|etcdsnapshotfiles|backups]
check:
  zh: 是否有近期的 etcd 快照与可用的备份
  en: whether there are recent snapshots of etcd and backups that work
title:
  zh: "{% if velero %}Velero 的 {{ count }} 个备份没有一个完成{% elif newest %}节点 {{ subject.name }} 最近的 etcd 快照 {{ newest }} 已有 {{ hours }} 小时{% else %}节点 {{ subject.name }} 的 {{ path }} 中没有 etcd 快照{% endif %}"
  en: "{% if velero %}none of the {{ count }} backups of Velero was completed{% elif newest %}the newest snapshot of etcd on node {{ subject.name }}, {{ newest }}, is {{ hours|hours }} old{% else %}there is no snapshot of etcd in {{ path }} on node {{ subject.name }}{% endif %}"
cause:
  zh: "没有近期可用的备份，误删或损坏之后只能重建。主节点的虚拟机镜像不是 etcd 备份：作为运行中的成员恢复会与集群冲突。备份只有演练恢复过才算数。"
  en: "without a recent backup that works, what is deleted or corrupted has to be built anew. An image of a master's virtual machine is no backup of etcd: brought back as a running member it conflicts with the cluster. A backup counts once it was restored in a drill."
causes:
  - rule: etcd-corrupt
    ground: node
    mechanism: {zh: "没有快照可以恢复", en: "there is no snapshot to go back to"}
  - rule: cert-mismatch-after-recreate
    ground: cluster
    mechanism: {zh: "没有备份只能重建，证书因此不一致", en: "without a backup things were made anew, with other certificates"}
benign:
  - {zh: "快照只上传到 S3，本地不保留", en: "snapshots go to S3 and none is kept locally"}
  - {zh: "不运行 etcd 的节点", en: "a node without etcd"}
remedy:
  - purpose: {zh: "列出快照并检查其完整性", en: "list the snapshots and check one"}
    place: node
    risk: read-only
    command: |
      ls -l /opt/rke/etcd-snapshots /var/lib/rancher/rke2/server/db/snapshots /var/lib/rancher/k3s/server/db/snapshots
      etcdutl snapshot status <SNAPSHOT> -w table
    expect: {zh: "近期的文件，大小不为 0，哈希可以计算", en: "a recent file that is not empty and whose hash can be computed"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
prevention:
  - kind: mitigate
    immediate: true
    text: {zh: "启用定时快照并保存到集群之外；每季度演练一次恢复，变更前核对备份", en: "take snapshots by a timer and keep them outside of the cluster; rehearse a restore every quarter, and check the backup before a change"}
    acceptance: {zh: "演练记录显示从最近一次快照恢复成功", en: "the record of a drill shows a restore from the last snapshot"}
sources: ["docs.rke2.io/datastore/backup_restore: etcd-snapshot-<node>-<unix time>", "rancher.com/docs/rke: /opt/rke/etcd-snapshots", "velero.io/docs: Backup status.phase"]
versions: "RKE1, RKE2, k3s; Velero 1.0 to 1.17"
examples:
  - name: "the newest is three days old"
    files:
      "n1/hostname": "n1\n"
      "n1/date.txt": "2026-02-24T14:30:00Z\n"
      "n1/processes.txt": |
        UID          PID    PPID  C STIME TTY          TIME CMD
        root        1033       1  0 Feb21 ?        00:10:00 etcd --config-file=/var/lib/rancher/rke2/server/db/etcd/config
      "n1/snapshots.txt": |
        $ ls -l /var/lib/rancher/rke2/server/db/snapshots
        total 8
        -rw------- 1 root root 4096 Feb 21 10:00 etcd-snapshot-n1-1771668000
    fires: [{kind: "Node", name: "n1", node: "n1"}]
  - name: "one of this morning"
    files:
      "n1/hostname": "n1\n"
      "n1/date.txt": "2026-02-24T14:30:00Z\n"
      "n1/processes.txt": |
        UID          PID    PPID  C STIME TTY          TIME CMD
        root        1033       1  0 Feb21 ?        00:10:00 etcd --config-file=/var/lib/rancher/rke2/server/db/etcd/config
      "n1/snapshots.txt": |
        $ ls -l /var/lib/rancher/rke2/server/db/snapshots
        total 8
        -rw------- 1 root root 4096 Feb 24 10:00 etcd-snapshot-n1-1771927200
"##;

/// Where RKE1, RKE2, k3s keep snapshots.
const FOLDERS: [&str; 2] = ["etcd-snapshots", "db/snapshots"];
/// The timers of RKE2 and k3s run twice a day, that of RKE1 too; two days without are a failure.
const OLD: SignedDuration = SignedDuration::from_hours(48);

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings: Vec<Finding> = Vec::new();
    for host in snapshot.hosts.iter().filter(|host| runs_etcd(host)) {
        let of_etcd = |directory: &&Directory| {
            FOLDERS
                .iter()
                .any(|folder| directory.path.trim_end_matches('/').ends_with(folder))
        };
        let listed = host.tools.directories.iter().find(of_etcd);
        findings.extend(listed.and_then(|directory| of_directory(snapshot, rule, host, directory)));
    }
    findings.extend(of_velero(snapshot, rule));
    findings
}

fn runs_etcd(host: &Host) -> bool {
    host.container("etcd").is_some()
        || host.tools.process("etcd").is_some()
        || host.tools.cri.iter().any(|entry| entry.name == "etcd")
}

fn of_directory(snapshot: &Snapshot, rule: &RuleHeader, host: &Host, directory: &Directory) -> Option<Finding> {
    let newest = directory
        .entries
        .iter()
        .filter_map(|name| Some((made(name)?, name)))
        .max();
    let finding = Finding::new(rule, Subject::node(host.node_name()), Confidence::Probable)
        .fact("path", directory.path.clone())
        .fact("velero", false);
    match newest {
        None if directory.entries.is_empty() => {
            Some(finding.cite(directory.cite.clone().absence(None)).fact("newest", ""))
        }
        // Names without a time tell nothing of their age.
        None => None,
        Some((made, name)) => {
            let age = snapshot.now()?.duration_since(made);
            (age > OLD).then(|| {
                finding
                    .cite(directory.cite.clone())
                    .fact("newest", name.clone())
                    .fact("hours", age.as_hours())
            })
        }
    }
}

/// The time in a snapshot's name: Unix seconds at the end (RKE2, k3s), or RFC 3339 at the beginning (RKE1).
fn made(name: &str) -> Option<Timestamp> {
    let stem = name.trim_end_matches(".zip");
    let seconds = stem.rsplit('-').next()?.parse::<i64>().ok();
    let by_seconds = seconds
        .filter(|seconds| *seconds > 1_000_000_000)
        .and_then(|seconds| Timestamp::from_second(seconds).ok());
    by_seconds.or_else(|| stem.split('_').next()?.parse().ok())
}

fn of_velero(snapshot: &Snapshot, rule: &RuleHeader) -> Option<Finding> {
    let backups: Vec<&Object> = snapshot
        .kind("Backup")
        .filter(|backup| {
            backup.text("/apiVersion").starts_with("velero.io/") && !backup.text("/status/phase").is_empty()
        })
        .collect();
    let first = backups.first()?;
    let works = |backup: &&Object| {
        matches!(
            backup.text("/status/phase"),
            "Completed" | "InProgress" | "New" | "Finalizing" | "WaitingForPluginOperations"
        )
    };
    if backups.iter().copied().any(|backup| works(&backup)) {
        return None;
    }
    let subject = Subject::namespaced("Backup", &first.key.namespace, &first.key.name);
    Some(
        Finding::new(rule, subject, Confidence::Confirmed)
            .cite(first.cite_at("/status/phase"))
            .fact("velero", true)
            .fact("count", backups.len()),
    )
}

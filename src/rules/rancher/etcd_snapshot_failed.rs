//! Snapshots of etcd fail, so there is nothing to restore.

use crate::model::{Confidence, Subject};
use crate::rules::toolbox::grouping::by_subject;
use crate::rules::toolbox::nodes::{node_of, persists};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: etcd-snapshot-failed
role: cause
level: warning
needs: [container-logs|k3s-log|system-log|etcdsnapshotfiles]
text:
  - id: k3s
    pattern: '(?i)(?:failed to (?:take|save|create) (?:local )?etcd[ -]snapshot|Error retrieving S3 snapshots|failed to (?:upload|save) (?:etcd )?snapshot to S3|Unable to initialize S3 client)(?P<problem>[^\n]{0,200})'
  - id: rke
    in: [container-log, other, system]
    pattern: '(?:Backup failed|failed to (?:take|create) (?:etcd )?(?:backup|snapshot)|Failed to upload backup file)(?P<problem>[^\n]{0,200})'
  - id: rke-tools
    in: [container-log, other, system]
    pattern: 'failed to upload etcd snapshot file: (?P<problem>[ -~]{1,160}?)(?:, retried \d+ times|"|$)'
  - id: rke-tools-bucket
    in: [container-log, other, system]
    pattern: 'level=(?:fatal|error) msg="(?P<problem>(?:failed to set s3 server: )?bucket [!-~]{1,64} is not found|failed to (?:check s3 bucket|set s3 server):[ -~]{1,120}?)(?:"|$)'
    unless: '(?i)velero|longhorn'
check:
  zh: "etcd 快照是否成功"
  en: "whether snapshots of etcd succeed"
title:
  zh: "etcd 快照失败（{{ subject.name }}）：{{ line }}"
  en: "snapshots of etcd fail ({{ subject.name }}): {{ line }}"
cause:
  zh: "{{ line }}（{{ times }} 次）。本地空间不足、S3 凭据或证书不被接受，或 etcd 自身不健康；没有新的快照时，一次误操作无法恢复。"
  en: "{{ line }} ({{ times|times }}). Too little room, credentials or certificate of S3 not accepted, or etcd itself not well; without a fresh snapshot no mistake can be undone."
benign:
  - {zh: "一次失败之后又成功的快照", en: "one failure that a later snapshot made good"}
remedy:
  - purpose: {zh: "列出快照", en: "list the snapshots"}
    place: node
    risk: read-only
    command: |
      rke2 etcd-snapshot ls
      df -h /var/lib/rancher
    expect: {zh: "最近一次成功的时间", en: "when the last one succeeded"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "改正后手工做一次", en: "correct it, and take one by hand"}
    place: node
    risk: change
    command: "rke2 etcd-snapshot save"
    verify: {zh: "列表中出现新的快照", en: "a new one is in the list"}
    rollback: {zh: "`rke2 etcd-snapshot delete <NAME>`", en: "`rke2 etcd-snapshot delete <NAME>`"}
prevention:
  - kind: detect
    text: {zh: "对最近一次成功快照超过 24 小时告警", en: "alert when the last good snapshot is older than 24 hours"}
    acceptance: {zh: "停掉 S3 后按时收到告警", en: "stopping S3 raises it in time"}
sources: ["k3s pkg/etcd/snapshot.go: `failed to take etcd snapshot`", "rancher/rke-tools main.go"]
versions: "RKE2 and k3s 1.19 to 1.34; RKE 1"
examples:
  - name: "S3 refuses"
    files:
      "nodes/s1/journald/rke2-server.log": |
        Feb 24 14:29:11 s1 rke2[1033]: time="2026-02-24T14:29:11Z" level=error msg="Failed to take etcd snapshot: failed to upload snapshot: Access Denied."
    fires: [{kind: "EtcdMember", name: "s1", node: "s1"}]
  - name: "it was saved"
    files:
      "nodes/s1/journald/rke2-server.log": |
        Feb 24 14:29:11 s1 rke2[1033]: time="2026-02-24T14:29:11Z" level=info msg="Saving etcd snapshot to /var/lib/rancher/rke2/server/db/snapshots/x"
"##;

/// The container that makes snapshots.
const ROLLING: &str = "etcd-rolling-snapshots";

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings = by_subject(input, rule, Confidence::Confirmed, |hit| {
        let node = node_of(snapshot, hit).unwrap_or_default();
        if !persists(snapshot, hit) {
            return None;
        }
        // On RKE1 a container of its own makes and uploads the snapshots (rancher/rke-tools, rancher/rke services/etcd.go).
        let is_of_container = hit.cite.file.file_name().contains(ROLLING)
            || (snapshot.hosts.iter())
                .any(|host| host.runtime_name() == node && host.container(ROLLING).is_some() && !node.is_empty());
        if is_of_container && hit.signature.contains("/rke") {
            return Some(Subject::on_node("HostContainer", ROLLING, &node));
        }
        let name = if node.is_empty() { "etcd" } else { &node };
        Some(Subject::on_node("EtcdMember", name, &node))
    });
    for file in snapshot.kind("ETCDSnapshotFile") {
        let message = file.text("/status/error/message");
        if !message.is_empty() {
            let node = file.text("/spec/nodeName");
            findings.push(
                Finding::new(rule, Subject::on_node("EtcdMember", node, node), Confidence::Confirmed)
                    .cite(file.cite_at("/status/error/message"))
                    .fact("problem", message)
                    .fact("line", message)
                    .fact("times", 1),
            );
        }
    }
    findings
}

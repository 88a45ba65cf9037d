//! The disk below etcd takes too long to make writes durable.

use crate::model::{Confidence, Level, Subject};
use crate::rules::toolbox::etcd::{member_of, numbers};
use crate::rules::toolbox::grouping::by_subject;
use crate::rules::toolbox::nodes::persists;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: etcd-slow-disk
role: cause
level: warning
needs: [etcd-log|container-logs|system-log]
text:
  - id: fdatasync
    in: [etcd, system, container-log, other]
    pattern: '"msg":"slow fdatasync"[^\n]{0,80}"took":"(?:[\d.]+[a-zµ]*)+"'
  - id: sync
    in: [etcd, system, other]
    pattern: 'sync duration of [\d.]+\w*, expected less than'
check:
  zh: "etcd 的磁盘同步延迟是否达标"
  en: "whether the disk below etcd syncs fast enough"
title:
  zh: "etcd 成员 {{ subject.name }} 的磁盘太慢{% if p99_ms %}：同步写 P99 为 {{ p99_ms }} ms（应低于 10 ms）{% else %}：{{ times }} 次同步超过 1 秒{% endif %}"
  en: "the disk of etcd member {{ subject.name }} is too slow{% if p99_ms %}: the P99 of its syncs is {{ p99_ms }} ms (10 ms at most are wanted){% else %}: {{ times }} syncs took more than a second{% endif %}"
cause:
  zh: "etcd 每次提交都要等日志落盘{% if by %}；{{ by }} 显示同步写的 P99 为 {{ p99_ms }} ms{% endif %}{% if line %}；日志写出 {{ line }}{% endif %}。磁盘慢使心跳与提交超时，从而引起选主、请求超时与租约丢失。"
  en: "every commit of etcd waits until its log is on disk{% if by %}; {{ by }} shows a P99 of {{ p99_ms }} ms for synced writes{% endif %}{% if line %}; its log says {{ line }}{% endif %}. A slow disk lets heartbeats and commits time out, which brings elections, failed requests and lost leases."
questions:
  - {zh: "etcd 与谁共用这块磁盘？是机械盘、网络盘还是被限速的云盘？", en: "who shares this disk, and is it a spinning, a network or a throttled one?"}
causes:
  - rule: etcd-slow-apply
    ground: cluster
    mechanism: {zh: "提交要等磁盘", en: "commits wait for the disk"}
  - rule: etcd-leader-changes
    ground: cluster
    mechanism: {zh: "心跳因磁盘而迟到", en: "heartbeats come late for the disk"}
  - rule: apiserver-internal-error
    ground: cluster
    mechanism: {zh: "对 etcd 的请求超时", en: "requests to etcd time out"}
  - rule: leader-election-lost
    ground: cluster
    mechanism: {zh: "续租写入超时", en: "writes of leases time out"}
  - rule: peer-unresponsive
    ground: workload
    mechanism: {zh: "提交要等磁盘，调用方等到超时", en: "commits wait for the disk, and who calls it waits in vain"}
  - rule: app-upstream-refused
    ground: workload
    mechanism: {zh: "提交要等磁盘，请求超时", en: "commits wait for the disk, and requests time out"}
benign:
  - {zh: "碎片整理或快照期间出现一次超过 1 秒的同步是正常的", en: "one sync of more than a second during a defragmentation or snapshot is normal"}
  - {zh: "P99 达标而 99.9 分位更高，仍算达标", en: "a P99 within bounds with a higher 99.9th percentile is within bounds"}
remedy:
  - purpose: {zh: "查看同步延迟与磁盘占用者", en: "see the latency of syncs and who uses the disk"}
    place: node
    risk: read-only
    command: |
      curl -s http://127.0.0.1:2381/metrics | grep -E 'wal_fsync|backend_commit'
      iostat -x 1 5
    expect: {zh: "await 高的设备", en: "a device with a high await"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "把 etcd 的数据目录移到独占的 SSD 或 NVMe（逐个成员）", en: "move etcd's data directory to an SSD or NVMe of its own, one member after another"}
    place: node
    risk: dangerous
    command: |
      systemctl stop kubelet
      rsync -a /var/lib/etcd/ <NEW_DISK>/etcd/
    verify: {zh: "fsync P99 低于 10 ms", en: "a P99 of fsync below 10 ms"}
    rollback: {zh: "恢复原来的挂载后启动", en: "mount the old one again and start"}
prevention:
  - kind: detect
    text: {zh: "对 etcd_disk_wal_fsync_duration_seconds 的 P99 超过 10 ms 告警", en: "alert when the P99 of etcd_disk_wal_fsync_duration_seconds exceeds 10 ms"}
    acceptance: {zh: "用 fio 加压时收到告警", en: "load by fio raises it"}
  - kind: process
    text: {zh: "上线前用 etcdctl check perf 或 fio 验收磁盘", en: "test disks with etcdctl check perf or fio before they go live"}
    acceptance: {zh: "验收记录中 P99 低于 10 ms", en: "the record shows a P99 below 10 ms"}
sources: ["etcd server/storage/wal/wal.go: `slow fdatasync`, `sync duration of %v, expected less than %v`", "etcd.io/docs: hardware, disks"]
versions: "etcd 3.3 to 3.6"
examples:
  - name: "in the log, again and again"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES                AGE   VERSION
        m1     Ready    control-plane,etcd   90d   v1.28.4
        m2     Ready    control-plane,etcd   90d   v1.28.4
        m3     Ready    control-plane,etcd   90d   v1.28.4
      "etcd-m1.log": |
        {"level":"warn","ts":"2026-02-24T09:54:20.100Z","caller":"wal/wal.go:805","msg":"slow fdatasync","took":"2.1s","expected-duration":"1s"}
        {"level":"warn","ts":"2026-02-24T09:54:28.100Z","caller":"wal/wal.go:805","msg":"slow fdatasync","took":"2.1s","expected-duration":"1s"}
        {"level":"warn","ts":"2026-02-24T09:54:35.100Z","caller":"wal/wal.go:805","msg":"slow fdatasync","took":"2.1s","expected-duration":"1s"}
        {"level":"warn","ts":"2026-02-24T09:54:44.100Z","caller":"wal/wal.go:805","msg":"slow fdatasync","took":"2.1s","expected-duration":"1s"}
    fires: [{kind: "EtcdMember", name: "m1", node: "m1"}]
  - name: "fio"
    files:
      "nodes/m1/fio.txt": |
        fsync/fdatasync/sync_file_range:
          sync (usec): min=534, max=55766, avg=1273.08, stdev=1000.70
          sync percentiles (usec):
           |  1.00th=[  553],  5.00th=[  578], 10.00th=[  594], 20.00th=[  627],
           | 99.00th=[42376], 99.50th=[49634], 99.90th=[55795], 99.95th=[55000],
           | 99.99th=[55767]
    fires: [{kind: "EtcdMember", name: "m1", node: "m1"}]
  - name: "the guide's own sample passes"
    files:
      "nodes/m1/fio.txt": |
        fsync/fdatasync/sync_file_range:
          sync (usec): min=534, max=15766, avg=1273.08, stdev=1084.70
          sync percentiles (usec):
           |  1.00th=[  553],  5.00th=[  578], 10.00th=[  594], 20.00th=[  627],
           | 99.00th=[ 2376], 99.50th=[ 9634], 99.90th=[15795], 99.95th=[15795],
           | 99.99th=[15795]
  - name: "one slow sync"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES                AGE   VERSION
        m1     Ready    control-plane,etcd   90d   v1.28.4
        m2     Ready    control-plane,etcd   90d   v1.28.4
        m3     Ready    control-plane,etcd   90d   v1.28.4
      "etcd-m1.log": |
        {"level":"warn","ts":"2026-02-24T09:54:20.100Z","caller":"wal/wal.go:805","msg":"slow fdatasync","took":"1.1s","expected-duration":"1s"}
"##;

/// etcd's documents ask for an fsync P99 below 10 ms (etcd.io/docs/v3.5/op-guide/hardware/#disks).
const FSYNC_LIMIT_US: f64 = 10_000.0;
/// The histogram knows bounds of powers of two: a P99 in the bucket up to 16 ms may still be below 10 ms.
const FSYNC_BUCKET_US: f64 = 16_000.0;
/// One slow sync happens with any snapshot or defragmentation.
const MANY: u64 = 3;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings = by_subject(input, rule, Confidence::Confirmed, |hit| {
        persists(snapshot, hit).then(|| member_of(snapshot, hit))
    });
    findings.retain(|finding| finding.count >= MANY);
    for finding in &mut findings {
        // Who keeps an etcd of its own has nothing beside it that bears the wait, as the caches of the API server do.
        if finding.subject.kind != "EtcdMember" {
            finding.level = Level::Critical;
        }
        finding.facts.insert("p99_ms".into(), 0.into());
        finding.facts.insert("by".into(), "".into());
    }
    for (key, limit, by) in [
        ("fio.sync-p99-us", FSYNC_LIMIT_US, "fio"),
        (
            "etcd.wal-fsync-p99-us",
            FSYNC_BUCKET_US,
            "etcd_disk_wal_fsync_duration_seconds",
        ),
    ] {
        for (node, micros, cite) in numbers(snapshot, key).filter(|(_, micros, _)| *micros > limit) {
            let subject = Subject::on_node("EtcdMember", if node.is_empty() { "etcd" } else { &node }, &node);
            let at = findings.iter().position(|finding| finding.subject == subject);
            let finding = match at {
                Some(at) => findings.get_mut(at),
                None => {
                    findings.push(
                        Finding::new(rule, subject, Confidence::Confirmed)
                            .fact("line", "")
                            .fact("times", 0),
                    );
                    findings.last_mut()
                }
            };
            let Some(finding) = finding else { continue };
            finding.add_cite(cite.clone());
            let millis = if micros.is_finite() {
                (micros / 100.0).round() / 10.0
            } else {
                8192.0
            };
            finding.facts.insert("p99_ms".into(), millis.into());
            finding.facts.insert("by".into(), by.into());
        }
    }
    findings
}

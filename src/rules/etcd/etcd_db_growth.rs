//! The database of etcd is close to its quota.

use crate::model::Confidence;
use crate::rules::toolbox::etcd::{DEFAULT_QUOTA, alarms, endpoints, member_at, quota};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: etcd-db-growth
role: cause
level: warning
needs: [etcd-endpoints]
check:
  zh: "etcd 数据库是否接近配额"
  en: "whether etcd's database is close to its quota"
title:
  zh: "etcd 成员 {{ subject.name }} 的数据库为 {{ size }} MB，接近配额 {{ quota }} MB{% if assumed %}（默认值）{% endif %}"
  en: "the database of etcd member {{ subject.name }} has {{ size }} MB, close to its quota of {{ quota }} MB{% if assumed %} (the default){% endif %}"
cause:
  zh: "达到配额后 etcd 触发 NOSPACE 告警并拒绝一切写入。数据库文件不会自己缩小：压缩只释放内部空间，整理碎片才归还。常见的来源是事件洪峰、Helm 发布历史与大量自定义资源。"
  en: "at its quota etcd raises NOSPACE and refuses every write. The file never shrinks by itself: compaction frees room inside, only a defragmentation gives it back. Floods of events, histories of Helm releases and masses of custom resources are the usual sources."
causes:
  - rule: etcd-nospace
    ground: cluster
    mechanism: {zh: "数据库达到配额", en: "the database reaches its quota"}
  - rule: etcd-slow-apply
    ground: cluster
    mechanism: {zh: "大数据库使请求变慢", en: "a large database makes requests slow"}
benign:
  - {zh: "DB SIZE 远大于 IN USE 只说明需要整理碎片", en: "a DB SIZE far above IN USE only asks for a defragmentation"}
remedy:
  - purpose: {zh: "查看各成员的状态", en: "see the state of every member"}
    place: node
    risk: read-only
    command: |
      etcdctl endpoint status --cluster -w table
      etcdctl member list -w table
    expect: {zh: "每个成员一行", en: "one row for each member"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "找出数量最多的对象", en: "find which objects are most"}
    place: cluster
    risk: read-only
    command: "kubectl get --raw /metrics | grep -E '^(apiserver_storage_objects|etcd_object_counts)' | sort -k2 -n | tail"
    expect: {zh: "数量最多的资源", en: "the resources with the largest numbers"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "整理碎片，逐个成员，先跟随者后领导者", en: "defragment one member after another, the leader last"}
    place: node
    risk: change
    command: |
      etcdctl snapshot save /var/lib/etcd-before-defrag.db
      etcdctl defrag --endpoints=<ONE_ENDPOINT>
    verify: {zh: "DB SIZE 变小", en: "DB SIZE is smaller"}
    rollback: {zh: "从快照恢复", en: "restore the snapshot"}
prevention:
  - kind: detect
    text: {zh: "对数据库大小超过配额的 75% 告警", en: "alert at 75 % of the quota"}
    acceptance: {zh: "在测试集群写满时按时收到告警", en: "filling a test cluster raises it in time"}
sources: ["etcd server/storage/quota.go: DefaultQuotaBytes 2 GiB", "etcd.io/docs: maintenance, space quota"]
versions: "etcd 3.3 to 3.6"
examples:
  - name: "2.1 GB of 2.1"
    files:
      "endpointstatus.txt": |
        https://10.0.0.1:2379, 8e9e05c52164694d, 3.5.9, 2.1 GB, true, false, 7, 100, 100, 
    fires: [{kind: "EtcdMember", name: "10.0.0.1:2379"}]
  - name: "small"
    files:
      "endpointstatus.txt": |
        https://10.0.0.1:2379, 8e9e05c52164694d, 3.5.9, 120 MB, true, false, 7, 100, 100, 
  - name: "a larger quota was given"
    files:
      "endpointstatus.txt": |
        https://10.0.0.1:2379, 8e9e05c52164694d, 3.5.9, 4.1 GB, true, false, 7, 100, 100, 
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    // With the alarm the quota is reached, and that is what has to be named.
    let is_full = alarms(snapshot).iter().any(|alarm| alarm.alarm == "NOSPACE")
        || snapshot
            .hits
            .iter()
            .any(|hit| hit.signature.starts_with("etcd-nospace/"));
    if is_full {
        return Vec::new();
    }
    let given = quota(snapshot);
    let limit = given.unwrap_or(DEFAULT_QUOTA);
    endpoints(snapshot)
        .into_iter()
        .filter_map(|endpoint| {
            let size = endpoint.db_size?;
            // A database above the assumed default shows that another quota was given.
            let is_near = size >= limit / 10 * 9 && (given.is_some() || size <= limit + limit / 50);
            is_near.then(|| {
                Finding::new(rule, member_at(snapshot, endpoint), Confidence::Confirmed)
                    .cite(endpoint.cite.clone())
                    .fact("size", megabytes(size))
                    .fact("quota", megabytes(limit))
                    .fact("assumed", given.is_none())
            })
        })
        .collect()
}

/// Whole megabytes, as `etcdctl` prints sizes.
fn megabytes(bytes: u64) -> u64 {
    bytes / 1_000_000
}

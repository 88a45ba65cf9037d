//! The members of etcd keep electing a new leader.

use crate::model::{Confidence, Subject};
use crate::rules::toolbox::etcd::endpoints;
use crate::rules::toolbox::grouping::by_subject;
use crate::rules::toolbox::nodes::persists;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: etcd-leader-changes
role: link
level: critical
needs: [etcd-log|etcd-endpoints|container-logs|system-log]
text:
  - id: lost
    in: [etcd, system, other]
    pattern: '(?:raft(?:\.node)?: )?[0-9a-f]{8,16} lost leader [0-9a-f]{8,16} at term \d+'
  - id: client
    in: [control-plane, etcd, kubelet, system, other, container-log]
    pattern: 'etcdserver: (?:leader changed|request timed out, possibly due to previous leader failure)'
  - id: heartbeat
    in: [etcd, system, other]
    pattern: '(?:failed to send out heartbeat on time|leader failed to send out heartbeat on time)'
check:
  zh: "etcd 是否频繁换主"
  en: "whether etcd keeps changing its leader"
title:
  zh: "etcd 频繁换主或心跳迟到（{{ times }} 次）{% if term %}，任期已到 {{ term }}{% endif %}"
  en: "etcd keeps losing its leader or is late with heartbeats ({{ times|times }}){% if term %}, its term is {{ term }} by now{% endif %}"
cause:
  zh: "etcd 或其客户端报告 {{ line }}。换主期间写入会失败，API 服务器返回 leader changed 或超时。原因通常是磁盘同步慢、CPU 不足、成员间网络延迟或虚拟机快照；成员数为偶数只降低容错，本身不会引起换主。"
  en: "etcd or its clients report {{ line }}. Writes fail while a leader is elected, and the API server answers with leader changed or a timeout. Mostly slow syncs, too little CPU, the network between members or a snapshot of the virtual machine; an even number of members only lowers what may fail and does not cause elections."
causes:
  - rule: apiserver-internal-error
    ground: cluster
    mechanism: {zh: "换主期间请求失败", en: "requests fail while a leader is elected"}
  - rule: leader-election-lost
    ground: cluster
    mechanism: {zh: "换主期间续租失败", en: "leases cannot be renewed while a leader is elected"}
  - rule: node-notready
    ground: cluster
    mechanism: {zh: "kubelet 无法及时更新租约", en: "kubelets cannot renew their leases in time"}
benign:
  - {zh: "启动、计划内重启、碎片整理或恢复快照后有一次选举是正常的", en: "one election after a start, a planned restart, a defragmentation or a restored snapshot is normal"}
  - {zh: "心跳日志报告的是超出的时间，要与 --heartbeat-interval 比较", en: "the line on heartbeats tells the excess; compare it with --heartbeat-interval"}
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
  - purpose: {zh: "比较各成员的磁盘延迟与网络往返", en: "compare disk latency and round trips of the members"}
    place: node
    risk: read-only
    command: "curl -s http://127.0.0.1:2381/metrics | grep -E 'wal_fsync_duration_seconds_sum|peer_round_trip_time'"
    expect: {zh: "高于其他成员的一个", en: "the one that is higher than the others"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
prevention:
  - kind: detect
    text: {zh: "对 1 小时内 etcd_server_leader_changes_seen_total 增长超过 3 告警", en: "alert when etcd_server_leader_changes_seen_total grows by more than 3 in an hour"}
    acceptance: {zh: "重启三次测试成员后收到告警", en: "restarting a test member three times raises it"}
sources: ["etcd raft/raft.go: `%x lost leader %x at term %d`", "etcd server/etcdserver/raft.go: `leader failed to send out heartbeat on time`", "etcd api/v3rpc/rpctypes: `etcdserver: leader changed`"]
versions: "etcd 3.3 to 3.6"
examples:
  - name: "lost thrice"
    files:
      "etcd-m1.log": |
        {"level":"info","ts":"2026-02-24T09:51:20.100Z","logger":"raft","msg":"8e9e05c52164694d lost leader 91bc3c398fb3c146 at term 1"}
        {"level":"info","ts":"2026-02-24T09:52:20.100Z","logger":"raft","msg":"8e9e05c52164694d lost leader 91bc3c398fb3c146 at term 2"}
        {"level":"info","ts":"2026-02-24T09:53:20.100Z","logger":"raft","msg":"8e9e05c52164694d lost leader 91bc3c398fb3c146 at term 3"}
    fires: [{kind: "EtcdMember", name: "etcd"}]
  - name: "an election at the start"
    files:
      "etcd-m1.log": |
        {"level":"info","ts":"2026-02-24T09:51:20.100Z","logger":"raft","msg":"raft.node: 8e9e05c52164694d elected leader 8e9e05c52164694d at term 2"}
"##;

/// One election comes with a start, a restart of the leader, a snapshot restored.
const MANY: u64 = 2;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    // The elections are the cluster's, whichever member tells of them.
    let cluster = Subject::cluster("EtcdMember", "etcd");
    let mut findings = by_subject(input, rule, Confidence::Confirmed, |hit| {
        persists(snapshot, hit).then(|| cluster.clone())
    });
    findings.retain(|finding| finding.count >= MANY);
    let term = endpoints(snapshot)
        .into_iter()
        .filter_map(|endpoint| Some((endpoint.raft_term?, &endpoint.cite)))
        .max_by_key(|(term, _)| *term);
    for finding in &mut findings {
        finding
            .facts
            .insert("term".into(), term.map_or(0, |(term, _)| term).into());
        if let Some((_, cite)) = term {
            finding.add_cite(cite.clone());
        }
    }
    findings
}

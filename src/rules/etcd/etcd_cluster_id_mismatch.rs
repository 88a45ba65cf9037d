//! A member of etcd belongs to another cluster than its peers.

use crate::model::Confidence;
use crate::rules::toolbox::etcd::member_of;
use crate::rules::toolbox::grouping::by_subject;
use crate::rules::toolbox::nodes::{is_ready, persists};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: etcd-cluster-id-mismatch
role: cause
level: critical
needs: [etcd-log|etcd-endpoints|container-logs|system-log]
text:
  - id: json
    in: [etcd, system, other]
    pattern: '"msg":"(?P<problem>request (?:sent was ignored by remote peer due to cluster ID mismatch|cluster ID mismatch|sent was ignored due to cluster ID mismatch)|failed to process Raft message due to cluster ID mismatch)"'
  - id: plain
    in: [etcd, system, other]
    pattern: '(?P<problem>(?:request sent was ignored|request cluster ID mismatch) \((?:cluster ID mismatch|got)[^\n]{3,120})'
  - id: member
    in: [etcd, system, other]
    pattern: '(?P<problem>member [0-9a-f]{8,16} has already been bootstrapped|the member has been permanently removed from the cluster|member count is unequal|unmatched member while checking PeerURLs[^\n"]{0,200})'
check:
  zh: "etcd 成员是否属于同一个集群"
  en: "whether the members of etcd are of one cluster"
title:
  zh: "etcd 成员 {{ subject.name }} 与其他成员不属于同一个集群：{{ problem }}"
  en: "etcd member {{ subject.name }} and its peers are not of one cluster: {{ problem }}"
cause:
  zh: "{{ line }}。通常是节点重新加入时没有清空数据目录、快照只在一个成员上恢复、数据目录丢失而成员资格还在，或 peer URL 与成员列表不符。"
  en: "{{ line }}. Mostly a node came back without its data directory being emptied, a snapshot was restored on one member only, the data were lost while the membership stayed, or the peer URL is not that of the member list."
causes:
  - rule: rke1-core-container-missing
    ground: node
    mechanism: {zh: "etcd 启动即退出", en: "etcd ends at its start"}
  - {rule: apiserver-etcd-unreachable, ground: cluster, mechanism: {zh: "API 服务器连不上 etcd", en: "the API server does not reach etcd"}}
  - rule: etcd-member-down
    ground: cluster
    mechanism: {zh: "成员不能加入", en: "the member cannot join"}
  - rule: etcd-no-leader
    ground: cluster
    mechanism: {zh: "成员不能加入", en: "the member cannot join"}
  - rule: static-pod-not-running
    ground: node
    mechanism: {zh: "etcd 启动即退出", en: "etcd ends at its start"}
  - rule: apiserver-down
    ground: node
    mechanism: {zh: "本节点的 API 服务器连不上 etcd", en: "the node's API server cannot reach etcd"}
benign:
  - {zh: "被替换的旧成员在停机前的最后几行", en: "the last lines of a member that was replaced and is about to stop"}
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
  - purpose: {zh: "移除旧成员，清空该节点的数据目录后重新加入", en: "remove the old member, empty the node's data directory and add it again"}
    place: node
    risk: dangerous
    command: |
      etcdctl member remove <MEMBER_ID>
      mv /var/lib/etcd/member /var/lib/etcd/member.old
      etcdctl member add <NAME> --peer-urls=<PEER_URL>
    verify: {zh: "成员列表中它是 started 且健康", en: "the member list shows it started and healthy"}
    rollback: {zh: "停止 etcd，放回 member.old", en: "stop etcd and put member.old back"}
prevention:
  - kind: process
    text: {zh: "写明节点重用的步骤：先移除成员，再清空 /var/lib/etcd", en: "write down how a node is used again: remove the member, then empty /var/lib/etcd"}
    acceptance: {zh: "演练一次节点重用", en: "one rehearsal"}
sources: ["etcd server/etcdserver/api/rafthttp: `request sent was ignored by remote peer due to cluster ID mismatch`", "etcd server/etcdserver: `member %s has already been bootstrapped`", "etcd server/etcdserver/api/membership: `unmatched member while checking PeerURLs`"]
versions: "etcd 3.3 to 3.6"
examples:
  - name: "two cluster ids"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES                AGE   VERSION
        m1     Ready    control-plane,etcd   90d   v1.28.4
        m2     Ready    control-plane,etcd   90d   v1.28.4
        m3     Ready    control-plane,etcd   90d   v1.28.4
      "etcd-m1.log": |
        {"level":"warn","ts":"2026-02-24T09:54:28.100Z","caller":"rafthttp/stream.go:653","msg":"request sent was ignored by remote peer due to cluster ID mismatch","remote-peer-id":"ad422379fda50e48","remote-peer-cluster-id":"11","local-member-id":"8e9e05c52164694d","local-member-cluster-id":"22"}
    fires: [{kind: "EtcdMember", name: "m1", node: "m1"}]
  - name: "all is well"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES                AGE   VERSION
        m1     Ready    control-plane,etcd   90d   v1.28.4
        m2     Ready    control-plane,etcd   90d   v1.28.4
        m3     Ready    control-plane,etcd   90d   v1.28.4
      "etcd-m1.log": |
        {"level":"info","ts":"2026-02-24T09:54:28.100Z","msg":"published local member to cluster through raft","local-member-id":"8e9e05c52164694d"}
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings = by_subject(input, rule, Confidence::Confirmed, |hit| {
        persists(snapshot, hit).then(|| member_of(snapshot, hit))
    });
    // Both sides of a mismatch complain; the one whose node is out is the stranger.
    let is_out = |finding: &Finding| is_ready(snapshot, &finding.subject.node) == Some(false);
    if findings.iter().any(is_out) {
        findings.retain(is_out);
    }
    findings
}

//! etcd has lost its quorum: nobody leads, so nothing can be written.

use crate::model::{Confidence, Subject};
use crate::rules::toolbox::etcd::{endpoints, members};
use crate::rules::toolbox::grouping::by_subject;
use crate::rules::toolbox::nodes::persists;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: etcd-no-leader
role: link
level: critical
needs: [etcd-log|etcd-endpoints|container-logs|system-log]
text:
  - id: client
    in: [etcd, control-plane, system, container-log, other]
    pattern: '(?:etcdserver: no leader|RAFT NO LEADER)'
  - id: k3s
    in: [system, other, control-plane]
    pattern: 'Failed to test data store connection: context deadline exceeded'
  - id: rke
    in: [other, container-log, system]
    pattern: 'etcd cluster is unhealthy: hosts \[(?P<hosts>[^\]]+)\] failed to report healthy'
check:
  zh: "etcd 是否有领导者和法定人数"
  en: "whether etcd has a leader and its quorum"
title:
  zh: "etcd 没有领导者{% if unhealthy %}：{{ voters }} 个成员中 {{ unhealthy }} 个不健康{% endif %}，集群不能写入"
  en: "etcd has no leader{% if unhealthy %}: {{ unhealthy }} of {{ voters|members }} are unhealthy{% endif %}, so nothing can be written"
cause:
  zh: "法定人数已失去{% if line %}：{{ line }}{% endif %}。API 服务器的写入与一致性读取都会失败；先恢复足够多的成员，最后才考虑从快照恢复。"
  en: "the quorum is lost{% if line %}: {{ line }}{% endif %}. Writes and consistent reads of the API server fail; bring back members first, and restore a snapshot only as the last resort."
causes:
  - {rule: apiserver-etcd-unreachable, ground: cluster, mechanism: {zh: "API 服务器连不上 etcd", en: "the API server does not reach etcd"}}
  - rule: cluster-unresponsive
    ground: cluster
    mechanism: {zh: "控制面不能接受节点的状态", en: "the control plane cannot take the nodes' state"}
  - rule: apiserver-down
    ground: cluster
    mechanism: {zh: "API 服务器失去存储", en: "the API server loses its store"}
  - rule: apiserver-internal-error
    ground: cluster
    mechanism: {zh: "API 服务器失去存储", en: "the API server loses its store"}
  - rule: node-notready
    ground: cluster
    mechanism: {zh: "kubelet 无法更新租约", en: "kubelets cannot renew their leases"}
  - rule: leader-election-lost
    ground: cluster
    mechanism: {zh: "无法写入租约", en: "leases cannot be written"}
  - rule: rke2-server-not-ready
    ground: cluster
    mechanism: {zh: "服务器等待存储", en: "the server waits for its store"}
benign:
  - {zh: "一个成员报告没有领导者而其余两个有，说明只是它被隔离", en: "one member without a leader beside two that have one is cut off by itself"}
  - {zh: "启动的最初几秒没有领导者", en: "no leader in the first seconds of a start"}
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
  - purpose: {zh: "查看每个成员是否应答", en: "see which members answer"}
    place: node
    risk: read-only
    command: "etcdctl endpoint health --cluster"
    expect: {zh: "unhealthy 的成员", en: "the members that are unhealthy"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
prevention:
  - kind: mitigate
    text: {zh: "快照保存到集群之外，并定期演练恢复", en: "keep snapshots outside the cluster and rehearse restoring one"}
    acceptance: {zh: "每季度一次恢复演练成功", en: "one rehearsal succeeds every quarter"}
  - kind: prevent
    text: {zh: "三或五个成员分布在不同的故障域", en: "spread three or five members over failure domains"}
    acceptance: {zh: "任何一个故障域停机后仍有法定人数", en: "with any one domain down the quorum holds"}
sources: ["etcd api/v3rpc/rpctypes: `etcdserver: no leader`", "etcd server/etcdserver/api/etcdhttp: `RAFT NO LEADER`", "rancher/rke services/etcd.go", "k3s pkg/cluster/cluster.go"]
versions: "etcd 3.3 to 3.6"
examples:
  - name: "two of three are unhealthy"
    files:
      "health.txt": |
        https://10.0.0.1:2379 is unhealthy: failed to commit proposal: context deadline exceeded
        https://10.0.0.2:2379 is unhealthy: failed to commit proposal: context deadline exceeded
        https://10.0.0.3:2379 is unhealthy: failed to commit proposal: context deadline exceeded
    fires: [{kind: "EtcdMember", name: "etcd"}]
  - name: "one of three"
    files:
      "health.txt": |
        https://10.0.0.1:2379 is healthy: successfully committed proposal: took = 12.1ms
        https://10.0.0.2:2379 is healthy: successfully committed proposal: took = 12.1ms
        https://10.0.0.3:2379 is unhealthy: failed to commit proposal: context deadline exceeded
"##;

/// A single line may be of a moment between two leaders.
const MANY: u64 = 3;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let cluster = Subject::cluster("EtcdMember", "etcd");
    let asked = endpoints(snapshot);
    // One endpoint that knows a leader refutes a loss of the quorum.
    let has_leader = asked.iter().any(|endpoint| endpoint.is_leader == Some(true));
    let unhealthy: Vec<_> = asked
        .iter()
        .filter(|endpoint| endpoint.is_healthy == Some(false))
        .collect();
    let healthy = asked
        .iter()
        .filter(|endpoint| endpoint.is_healthy == Some(true))
        .count();
    let voters = members(snapshot)
        .iter()
        .filter(|member| !member.is_learner)
        .count()
        .max(asked.len());
    let mut findings = by_subject(input, rule, Confidence::Probable, |hit| {
        (!has_leader && persists(snapshot, hit)).then(|| cluster.clone())
    });
    findings.retain(|finding| finding.count >= MANY);
    let no_quorum = !unhealthy.is_empty() && healthy * 2 <= voters && !has_leader && voters > 1;
    if no_quorum && findings.is_empty() {
        findings.push(
            Finding::new(rule, cluster, Confidence::Confirmed)
                .fact("line", "")
                .fact("times", 0),
        );
    }
    for finding in &mut findings {
        finding.facts.insert("unhealthy".into(), unhealthy.len().into());
        finding.facts.insert("voters".into(), voters.into());
        for endpoint in &unhealthy {
            finding.add_cite(endpoint.cite.clone());
        }
    }
    findings
}

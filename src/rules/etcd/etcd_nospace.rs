//! etcd has reached the quota of its database and takes no more writes.

use crate::bundle::decode::EtcdAlarm;
use crate::cluster::{Hit, Snapshot};
use crate::logs::LineHit;
use crate::model::{Confidence, Subject};
use crate::rules::toolbox::etcd::{alarms, etcd, member_with, node_of_member};
use crate::rules::toolbox::nodes::{persists, quote};
use crate::rules::toolbox::{add_hit, own_hits};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: etcd-nospace
role: cause
level: critical
needs: [etcd-log|etcd-alarms|container-logs|kubelet-log|kube-apiserver-log]
text:
  - id: alarm
    pattern: "(?:\"alarm raised\",\"alarm\":\"NOSPACE\"|alarm NOSPACE raised by peer|serving /health false due to an alarm[^\\n]*NOSPACE|alarm:NOSPACE)"
  - id: disarmed
    pattern: "\"alarm disarmed\",\"alarm\":\"NOSPACE\""
  - id: client
    pattern: "etcdserver: mvcc: database space exceeded"
check:
  zh: "etcd 是否触发了 NOSPACE 告警"
  en: "whether etcd has raised its NOSPACE alarm"
title:
  zh: "etcd {{ member }} 的数据库达到配额（NOSPACE），拒绝一切写入"
  en: "the database of etcd {{ member }} has reached its quota (NOSPACE): every write is refused"
cause:
  zh: "etcd 的数据库大小达到 --quota-backend-bytes（默认 2 GiB），集群进入只读：{{ line }}；读取仍然正常，因此 kubectl get 看起来没有问题。"
  en: "the database of etcd has reached --quota-backend-bytes (2 GiB by default), so the cluster is read-only: {{ line }}; reads go on, so kubectl get looks well."
causes:
  - {rule: apiserver-etcd-unreachable, ground: cluster, mechanism: {zh: "API 服务器连不上 etcd", en: "the API server does not reach etcd"}}
  - rule: cluster-unresponsive
    ground: cluster
    mechanism: {zh: "控制面不能接受节点的状态", en: "the control plane cannot take the nodes' state"}
  - rule: apiserver-internal-error
    ground: cluster
    mechanism: {zh: "写入都被拒绝", en: "every write is refused"}
  - rule: app-bug
    ground: workload
    mechanism: {zh: "API 服务器把 etcd 的拒绝转给了它", en: "the API server passes on to it that etcd refuses"}
  - rule: leader-election-lost
    ground: cluster
    mechanism: {zh: "无法写入租约", en: "leases cannot be written"}
  - rule: node-notready
    ground: cluster
    mechanism: {zh: "kubelet 无法更新租约", en: "kubelets cannot renew their leases"}
  - rule: workload-unavailable
    ground: cluster
    mechanism: {zh: "控制器无法写入", en: "controllers cannot write"}
benign:
  - {zh: "这是数据库配额，不是主机磁盘已满", en: "it is the quota of the database, not a full disk"}
  - {zh: "释放空间后仍需解除告警", en: "the alarm stays after space was freed, until it is disarmed"}
remedy:
  - purpose: {zh: "查看现状", en: "look at the present state"}
    place: node
    risk: read-only
    command: "etcdctl alarm list"
    expect: {zh: "memberID:… alarm:NOSPACE", en: "memberID:… alarm:NOSPACE"}
    verify: {zh: "原因已记录", en: "the reason is on record"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "查看现状", en: "look at the present state"}
    place: node
    risk: read-only
    command: "etcdctl endpoint status --cluster -w table"
    expect: {zh: "DB SIZE 接近配额", en: "DB SIZE close to the quota"}
    verify: {zh: "原因已记录", en: "the reason is on record"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "先做快照，再压缩到当前版本", en: "take a snapshot first, then compact to the present revision"}
    place: node
    risk: dangerous
    command: "etcdctl compact $(etcdctl endpoint status -w json | grep -o '\"revision\":[0-9]*' | head -1 | cut -d: -f2)"
    expect: {zh: "compacted revision", en: "compacted revision"}
    verify: {zh: "DB SIZE IN USE 变小", en: "DB SIZE IN USE shrinks"}
    rollback: {zh: "从快照恢复", en: "restore the snapshot"}
  - purpose: {zh: "整理碎片（逐个成员）", en: "defragment, one member after another"}
    place: node
    risk: dangerous
    command: "etcdctl defrag"
    expect: {zh: "Finished defragmenting", en: "Finished defragmenting"}
    verify: {zh: "DB SIZE 变小", en: "DB SIZE shrinks"}
    rollback: {zh: "从快照恢复", en: "restore the snapshot"}
  - purpose: {zh: "解除告警", en: "disarm the alarm"}
    place: node
    risk: change
    command: "etcdctl alarm disarm"
    expect: {zh: "memberID:… alarm:NOSPACE", en: "memberID:… alarm:NOSPACE"}
    verify: {zh: "写入恢复，alarm list 为空", en: "writes succeed again, alarm list is empty"}
    rollback: {zh: "无需回滚", en: "nothing to undo"}
prevention:
  - kind: detect
    text: {zh: "对 etcd_mvcc_db_total_size_in_bytes 超过配额 80% 告警", en: "alert when etcd_mvcc_db_total_size_in_bytes is above 80 % of the quota"}
    acceptance: {zh: "在测试集群降低配额后收到告警", en: "lowering the quota of a test cluster raises the alert"}
sources: ["etcd server/etcdserver/apply: `alarm raised`, `alarm disarmed`", "etcd api/v3rpc/rpctypes: `etcdserver: mvcc: database space exceeded`"]
versions: "etcd 3.3 to 3.6"
examples:
  - name: "etcd's own log"
    files:
      nodes.txt: |
        NAME   STATUS   ROLES   AGE   VERSION
        ctl-1   Ready   <none>   90d   v1.28.4
        w7   Ready   <none>   90d   v1.28.4
      etcd-ctl-1.log: |
        {"level":"warn","ts":"2023-08-30T03:14:05.118Z","caller":"etcdserver/apply.go:888","msg":"alarm raised","alarm":"NOSPACE","from":"9c4e1f27a0b83d55"}
    fires: [{kind: "EtcdMember", name: "ctl-1", node: "ctl-1"}]
  - name: "the list of alarms"
    files:
      memberlist.txt: |
        8e9e05c52164694d, started, ctl-1, https://10.0.0.1:2380, https://10.0.0.1:2379, false
      alarmlist.txt: |
        memberID:10276657743932975437 alarm:NOSPACE
    fires: [{kind: "EtcdMember", name: "ctl-1"}]
  - name: "the endpoint of the member tells its node"
    files:
      nodes.txt: |
        NAME    STATUS   ROLES           AGE   VERSION   INTERNAL-IP   EXTERNAL-IP   OS-IMAGE   KERNEL-VERSION   CONTAINER-RUNTIME
        ctl-1   Ready    control-plane   90d   v1.28.4   10.0.0.1      <none>        Debian     6.1.0            containerd://1.7.2
        ctl-2   Ready    control-plane   90d   v1.28.4   10.0.0.2      <none>        Debian     6.1.0            containerd://1.7.2
      etcdctl.txt: |
        # etcdctl endpoint status --cluster -w table
        +-----------------------+------------------+---------+---------+-----------+------------+-----------+------------+--------------------+--------+
        |       ENDPOINT        |        ID        | VERSION | DB SIZE | IS LEADER | IS LEARNER | RAFT TERM | RAFT INDEX | RAFT APPLIED INDEX | ERRORS |
        +-----------------------+------------------+---------+---------+-----------+------------+-----------+------------+--------------------+--------+
        | https://10.0.0.1:2379 | 1ac5e3bd2f10b4d1 | 3.5.9   | 2.1 GB  |      true |      false |         8 |   48193384 |           48193384 |        |
        | https://10.0.0.2:2379 | 8e9e05c52164694d | 3.5.9   | 2.1 GB  |     false |      false |         8 |   48193384 |           48193384 |        |
        +-----------------------+------------------+---------+---------+-----------+------------+-----------+------------+--------------------+--------+
      alarmlist.txt: |
        memberID:10276657743932975437 alarm:NOSPACE
    fires: [{kind: "EtcdMember", name: "ctl-2", node: "ctl-2"}]
  - name: "a static pod is called after its node"
    files:
      pods.txt: |
        NAMESPACE     NAME         READY   STATUS    RESTARTS   AGE
        kube-system   etcd-ctl-1   1/1     Running   0          90d
      alarmlist.txt: |
        memberID:10276657743932975437 alarm:NOSPACE
    fires: [{kind: "EtcdMember", name: "ctl-1", node: "ctl-1"}]
  - name: "raised long ago, while the log goes on; every endpoint repeats it"
    files:
      etcdctl.txt: |
        # etcdctl endpoint status --cluster -w table
        +-----------------------+------------------+---------+---------+-----------+------------+-----------+------------+--------------------+-------------------------------+
        |       ENDPOINT        |        ID        | VERSION | DB SIZE | IS LEADER | IS LEARNER | RAFT TERM | RAFT INDEX | RAFT APPLIED INDEX |            ERRORS             |
        +-----------------------+------------------+---------+---------+-----------+------------+-----------+------------+--------------------+-------------------------------+
        | https://10.0.0.1:2379 | 1ac5e3bd2f10b4d1 | 3.5.9   | 2.1 GB  |      true |      false |         8 |   48193384 |           48193384 | memberID:10276657743932975437 |
        |                       |                  |         |         |           |            |           |            |                    |                alarm:NOSPACE  |
        | https://10.0.0.2:2379 | 8e9e05c52164694d | 3.5.9   | 2.1 GB  |     false |      false |         8 |   48193384 |           48193384 | memberID:10276657743932975437 |
        |                       |                  |         |         |           |            |           |            |                    |                alarm:NOSPACE  |
        +-----------------------+------------------+---------+---------+-----------+------------+-----------+------------+--------------------+-------------------------------+
      nodes.txt: |
        NAME   STATUS   ROLES   AGE   VERSION
        ctl-1   Ready   <none>   90d   v1.28.4
        ctl-2   Ready   <none>   90d   v1.28.4
      etcd-ctl-2.log: |
        {"level":"warn","ts":"2023-08-30T03:14:05.118Z","caller":"etcdserver/apply.go:888","msg":"alarm raised","alarm":"NOSPACE","from":"8e9e05c52164694d"}
        {"level":"info","ts":"2023-08-30T03:54:05.118Z","msg":"finished scheduled compaction","compact-revision":1}
    fires: [{kind: "EtcdMember", name: "ctl-2", node: "ctl-2"}]
  - name: "clients tell, and nothing tells which member it is"
    files:
      web.log: |
        Error: failed to create configmap: etcdserver: mvcc: database space exceeded
    fires: [{kind: "EtcdMember", name: "etcd"}]
  - name: "disarmed"
    files:
      nodes.txt: |
        NAME   STATUS   ROLES   AGE   VERSION
        ctl-1   Ready   <none>   90d   v1.28.4
      etcd-ctl-1.log: |
        {"level":"warn","ts":"2023-08-30T03:14:05.118Z","caller":"etcdserver/apply.go:888","msg":"alarm raised","alarm":"NOSPACE","from":"9c4e1f27a0b83d55"}
        {"level":"warn","ts":"2023-08-30T03:16:09.007Z","caller":"etcdserver/apply.go:911","msg":"alarm disarmed","alarm":"NOSPACE","from":"9c4e1f27a0b83d55"}
  - name: "it is well"
    files:
      etcd-ctl-1.log: |
        {"level":"info","ts":"2023-08-30T03:14:05.118Z","msg":"finished scheduled compaction","compact-revision":1}
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut hits: Vec<&Hit> = own_hits(input, rule)
        .into_iter()
        .filter(|hit| match hit.signature.strip_prefix("etcd-nospace/") {
            Some("alarm") => is_raised(snapshot, hit),
            Some("client") => persists(snapshot, hit),
            _ => false,
        })
        .collect();
    // The alarm is the member's own word; what clients are told comes after it.
    hits.sort_by_key(|hit| !hit.signature.ends_with("/alarm"));
    let alarms: Vec<EtcdAlarm> = alarms(snapshot)
        .into_iter()
        .filter(|alarm| alarm.alarm == "NOSPACE")
        .collect();
    if hits.is_empty() && alarms.is_empty() {
        return Vec::new();
    }
    let of_log = hits
        .iter()
        .filter(|hit| hit.signature.ends_with("/alarm"))
        .find_map(|hit| node_of_member(snapshot, hit))
        .map(|node| Subject::on_node("EtcdMember", &node, &node));
    let mut listed = alarms.iter().map(|alarm| alarm.member.as_str());
    let of_list = listed.find_map(|member| member_with(snapshot, member));
    let member = of_log.or(of_list).unwrap_or_else(etcd);
    let mut finding = Finding::new(rule, member.clone(), Confidence::Confirmed).fact("member", member.name);
    finding.count = 0;
    for alarm in alarms {
        finding.count += 1;
        finding.add_cite(alarm.cite);
    }
    for hit in hits {
        add_hit(input, &mut finding, hit);
    }
    let line = quote(&finding);
    vec![finding.fact("line", line)]
}

/// An alarm stands until somebody disarms it, however long ago it was raised: etcd does not repeat the line.
fn is_raised(snapshot: &Snapshot, hit: &Hit) -> bool {
    let Some(log) = snapshot.log_of(hit) else {
        return true;
    };
    let last = |id: &str| {
        let hits = log.hits.iter().filter(|found| found.signature == id);
        hits.map(LineHit::last_line).max()
    };
    last("etcd-nospace/disarmed") < last(&hit.signature)
}

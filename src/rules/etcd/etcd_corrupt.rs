//! The data of an etcd member are damaged or differ from the others.

use crate::model::Confidence;
use crate::rules::toolbox::etcd::{alarms, member_of, members, subject};
use crate::rules::toolbox::grouping::by_subject;
use crate::rules::toolbox::nodes::persists;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: etcd-corrupt
role: cause
level: critical
needs: [etcd-log|etcd-alarms|container-logs|system-log]
text:
  - id: server
    in: [etcd, control-plane, container-log, system]
    pattern: '(?P<problem>etcdserver: corrupt cluster)'
  - id: peers
    in: [etcd, system, other]
    pattern: '(?P<problem>found data inconsistency with (?:remote )?peers?)'
  - id: alarm
    in: [etcd, system, other]
    pattern: '(?P<problem>"alarm raised","alarm":"CORRUPT"|alarm CORRUPT raised)'
  - id: crc
    in: [etcd, system, other]
    pattern: '(?P<problem>wal: crc mismatch|failed to open WAL[^\n]{0,40}wal: (?:file not found|slice bounds)|wal: file not found|snap: crc mismatch|walpb: crc mismatch|freepages: failed to get all reachable pages|invalid freelist page|file size too small|failed to read WAL, cannot be repaired|wal: max entry size limit exceeded|assertion failed: Page expected to be: \d{1,12}, but self identifies as|invalid page type: \d{1,12}: [0-9a-f]{1,12}|failed to (?:find|recover) (?:v3 backend|database) snapshot file|mvcc: range error|tocommit\([^)]{1,40}\) is out of range \[lastIndex\([1-9])'
check:
  zh: "etcd 的数据是否损坏"
  en: "whether the data of etcd are damaged"
title:
  zh: "etcd 成员 {{ subject.name }} 的数据损坏或与其他成员不一致：{{ problem }}"
  en: "the data of etcd member {{ subject.name }} are damaged or differ from the others: {{ problem }}"
cause:
  zh: "{{ line }}。断电、磁盘故障或在运行时复制数据目录都会如此；3.5.0 至 3.5.2 有已知的不一致缺陷。"
  en: "{{ line }}. A loss of power, a failing disk or a data directory copied while it ran do this; 3.5.0 to 3.5.2 have a known defect."
causes:
  - {rule: apiserver-etcd-unreachable, ground: cluster, mechanism: {zh: "API 服务器连不上 etcd", en: "the API server does not reach etcd"}}
  - rule: etcd-member-down
    ground: cluster
    mechanism: {zh: "损坏的成员不能启动", en: "a damaged member cannot start"}
  - rule: etcd-no-leader
    ground: cluster
    mechanism: {zh: "损坏的成员不能启动", en: "a damaged member cannot start"}
  - rule: apiserver-down
    ground: cluster
    mechanism: {zh: "API 服务器失去存储", en: "the API server loses its store"}
benign:
  - {zh: "启动时截断日志末尾不完整的一条记录是正常恢复", en: "cutting an incomplete last record of the log at a start is a normal recovery"}
remedy:
  - purpose: {zh: "比较各成员的散列值", en: "compare the hashes of the members"}
    place: node
    risk: read-only
    command: |
      etcdctl endpoint hashkv --cluster -w table
      etcdctl alarm list
    expect: {zh: "同一版本号下散列值相同", en: "equal hashes at one revision"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "移除该成员，清空其数据目录，再作为新成员加入（其余成员健康时）", en: "while the others are healthy, remove the member, empty its data directory and add it as a new one"}
    place: node
    risk: dangerous
    command: |
      etcdctl member remove <MEMBER_ID>
      etcdctl member add <NAME> --peer-urls=<PEER_URL>
    verify: {zh: "`etcdctl endpoint hashkv` 一致", en: "`etcdctl endpoint hashkv` shows equal hashes"}
    rollback: {zh: "从快照恢复整个集群", en: "restore the whole cluster from a snapshot"}
prevention:
  - kind: detect
    text: {zh: "打开 --experimental-initial-corrupt-check 与定期一致性检查", en: "switch on --experimental-initial-corrupt-check and the periodic check"}
    acceptance: {zh: "测试集群中被改动的成员被发现", en: "a member that was tampered with in a test cluster is found"}
sources: ["etcd api/v3rpc/rpctypes: `etcdserver: corrupt cluster`", "etcd server/etcdserver/corrupt.go: `found data inconsistency with peers`", "etcd server/storage/wal: `wal: crc mismatch`"]
versions: "etcd 3.3 to 3.6"
examples:
  - name: "a bad checksum"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES                AGE   VERSION
        m1     Ready    control-plane,etcd   90d   v1.28.4
        m2     Ready    control-plane,etcd   90d   v1.28.4
        m3     Ready    control-plane,etcd   90d   v1.28.4
      "etcd-m1.log": |
        {"level":"panic","ts":"2026-02-24T09:54:28.100Z","caller":"etcdserver/storage.go:95","msg":"failed to open WAL","error":"wal: crc mismatch"}
    fires: [{kind: "EtcdMember", name: "m1", node: "m1"}]
  - name: "a normal recovery"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES                AGE   VERSION
        m1     Ready    control-plane,etcd   90d   v1.28.4
        m2     Ready    control-plane,etcd   90d   v1.28.4
        m3     Ready    control-plane,etcd   90d   v1.28.4
      "etcd-m1.log": |
        {"level":"warn","ts":"2026-02-24T09:54:28.100Z","msg":"repaired a WAL file","error":"unexpected EOF"}
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings = by_subject(input, rule, Confidence::Confirmed, |hit| {
        persists(snapshot, hit).then(|| member_of(snapshot, hit))
    });
    for alarm in alarms(snapshot) {
        if alarm.alarm != "CORRUPT" {
            continue;
        }
        let name = members(snapshot)
            .iter()
            .find(|member| member.id == alarm.member)
            .map_or_else(|| alarm.member.clone(), |member| member.name.clone());
        findings.push(
            Finding::new(rule, subject(snapshot, &name), Confidence::Confirmed)
                .cite(alarm.cite)
                .fact("line", "alarm:CORRUPT")
                .fact("problem", "alarm:CORRUPT")
                .fact("times", 1),
        );
    }
    findings
}

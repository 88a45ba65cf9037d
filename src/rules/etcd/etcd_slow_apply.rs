//! etcd takes long for its requests.

use crate::model::Confidence;
use crate::rules::toolbox::etcd::member_of;
use crate::rules::toolbox::grouping::by_subject;
use crate::rules::toolbox::nodes::persists;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: etcd-slow-apply
role: link
level: warning
needs: [etcd-log|etcd-endpoints|container-logs|system-log]
text:
  - id: json
    in: [etcd, system, other]
    pattern: '"msg":"apply request took too long"'
  - id: plain
    in: [etcd, system, other]
    pattern: 'took too long \([\d.]+\w*s\) to execute'
  - id: read
    in: [etcd, system, other]
    pattern: '(?:timed out waiting for read index response|waiting for ReadIndex response took too long)'
check:
  zh: "etcd 处理请求是否过慢"
  en: "whether etcd is slow in its requests"
title:
  zh: "etcd 成员 {{ subject.name }} 处理请求过慢（{{ times }} 次超过 100 ms）"
  en: "etcd member {{ subject.name }} is slow ({{ times }} requests above 100 ms)"
cause:
  zh: "日志中有 {{ times }} 次 {{ line }}。可能是磁盘慢、没有分页的大列举、CPU 不足，或成员之间的网络延迟；这条日志本身不能证明是磁盘。"
  en: "its log has {{ times|times }} {{ line }}. A slow disk, large lists without pages, too little CPU or the network between members do this; the line alone does not prove the disk."
causes:
  - rule: apiserver-internal-error
    ground: cluster
    mechanism: {zh: "对 etcd 的请求超时", en: "requests to etcd time out"}
  - rule: leader-election-lost
    ground: cluster
    mechanism: {zh: "续租写入超时", en: "writes of leases time out"}
  - rule: etcd-leader-changes
    ground: cluster
    mechanism: {zh: "过载的领导者心跳迟到", en: "an overloaded leader is late with heartbeats"}
benign:
  - {zh: "零星的 100–200 ms，尤其是启动后与大列举时，是正常的", en: "now and then 100 to 200 ms, above all after a start or for large lists, is normal"}
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
prevention:
  - kind: detect
    text: {zh: "对 etcd_server_slow_apply_total 的增长率告警", en: "alert on the rate of etcd_server_slow_apply_total"}
    acceptance: {zh: "压测时收到告警", en: "a load test raises it"}
sources: ["etcd server/etcdserver/util.go and txn/util.go: `apply request took too long`", "etcd server/etcdserver/v3_server.go: ReadIndex"]
versions: "etcd 3.3 to 3.6"
examples:
  - name: "many within a minute"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES                AGE   VERSION
        m1     Ready    control-plane,etcd   90d   v1.28.4
        m2     Ready    control-plane,etcd   90d   v1.28.4
        m3     Ready    control-plane,etcd   90d   v1.28.4
      "etcd-m1.log": |
        {"level":"warn","ts":"2026-02-24T09:54:10.100Z","caller":"etcdserver/util.go:170","msg":"apply request took too long","took":"1103ms","expected-duration":"100ms","prefix":"read-only range ","request":"x","response":"y"}
        {"level":"warn","ts":"2026-02-24T09:54:11.100Z","caller":"etcdserver/util.go:170","msg":"apply request took too long","took":"1113ms","expected-duration":"100ms","prefix":"read-only range ","request":"x","response":"y"}
        {"level":"warn","ts":"2026-02-24T09:54:12.100Z","caller":"etcdserver/util.go:170","msg":"apply request took too long","took":"1123ms","expected-duration":"100ms","prefix":"read-only range ","request":"x","response":"y"}
        {"level":"warn","ts":"2026-02-24T09:54:13.100Z","caller":"etcdserver/util.go:170","msg":"apply request took too long","took":"1133ms","expected-duration":"100ms","prefix":"read-only range ","request":"x","response":"y"}
        {"level":"warn","ts":"2026-02-24T09:54:14.100Z","caller":"etcdserver/util.go:170","msg":"apply request took too long","took":"1143ms","expected-duration":"100ms","prefix":"read-only range ","request":"x","response":"y"}
        {"level":"warn","ts":"2026-02-24T09:54:15.100Z","caller":"etcdserver/util.go:170","msg":"apply request took too long","took":"1153ms","expected-duration":"100ms","prefix":"read-only range ","request":"x","response":"y"}
        {"level":"warn","ts":"2026-02-24T09:54:16.100Z","caller":"etcdserver/util.go:170","msg":"apply request took too long","took":"1163ms","expected-duration":"100ms","prefix":"read-only range ","request":"x","response":"y"}
        {"level":"warn","ts":"2026-02-24T09:54:17.100Z","caller":"etcdserver/util.go:170","msg":"apply request took too long","took":"1173ms","expected-duration":"100ms","prefix":"read-only range ","request":"x","response":"y"}
        {"level":"warn","ts":"2026-02-24T09:54:18.100Z","caller":"etcdserver/util.go:170","msg":"apply request took too long","took":"1183ms","expected-duration":"100ms","prefix":"read-only range ","request":"x","response":"y"}
        {"level":"warn","ts":"2026-02-24T09:54:19.100Z","caller":"etcdserver/util.go:170","msg":"apply request took too long","took":"1193ms","expected-duration":"100ms","prefix":"read-only range ","request":"x","response":"y"}
        {"level":"warn","ts":"2026-02-24T09:54:20.100Z","caller":"etcdserver/util.go:170","msg":"apply request took too long","took":"1203ms","expected-duration":"100ms","prefix":"read-only range ","request":"x","response":"y"}
        {"level":"warn","ts":"2026-02-24T09:54:21.100Z","caller":"etcdserver/util.go:170","msg":"apply request took too long","took":"1213ms","expected-duration":"100ms","prefix":"read-only range ","request":"x","response":"y"}
        {"level":"warn","ts":"2026-02-24T09:54:22.100Z","caller":"etcdserver/util.go:170","msg":"apply request took too long","took":"1223ms","expected-duration":"100ms","prefix":"read-only range ","request":"x","response":"y"}
        {"level":"warn","ts":"2026-02-24T09:54:23.100Z","caller":"etcdserver/util.go:170","msg":"apply request took too long","took":"1233ms","expected-duration":"100ms","prefix":"read-only range ","request":"x","response":"y"}
        {"level":"warn","ts":"2026-02-24T09:54:24.100Z","caller":"etcdserver/util.go:170","msg":"apply request took too long","took":"1243ms","expected-duration":"100ms","prefix":"read-only range ","request":"x","response":"y"}
        {"level":"warn","ts":"2026-02-24T09:54:25.100Z","caller":"etcdserver/util.go:170","msg":"apply request took too long","took":"1253ms","expected-duration":"100ms","prefix":"read-only range ","request":"x","response":"y"}
        {"level":"warn","ts":"2026-02-24T09:54:26.100Z","caller":"etcdserver/util.go:170","msg":"apply request took too long","took":"1263ms","expected-duration":"100ms","prefix":"read-only range ","request":"x","response":"y"}
        {"level":"warn","ts":"2026-02-24T09:54:27.100Z","caller":"etcdserver/util.go:170","msg":"apply request took too long","took":"1273ms","expected-duration":"100ms","prefix":"read-only range ","request":"x","response":"y"}
        {"level":"warn","ts":"2026-02-24T09:54:28.100Z","caller":"etcdserver/util.go:170","msg":"apply request took too long","took":"1283ms","expected-duration":"100ms","prefix":"read-only range ","request":"x","response":"y"}
        {"level":"warn","ts":"2026-02-24T09:54:29.100Z","caller":"etcdserver/util.go:170","msg":"apply request took too long","took":"1293ms","expected-duration":"100ms","prefix":"read-only range ","request":"x","response":"y"}
        {"level":"warn","ts":"2026-02-24T09:54:30.100Z","caller":"etcdserver/util.go:170","msg":"apply request took too long","took":"1303ms","expected-duration":"100ms","prefix":"read-only range ","request":"x","response":"y"}
        {"level":"warn","ts":"2026-02-24T09:54:31.100Z","caller":"etcdserver/util.go:170","msg":"apply request took too long","took":"1313ms","expected-duration":"100ms","prefix":"read-only range ","request":"x","response":"y"}
        {"level":"warn","ts":"2026-02-24T09:54:32.100Z","caller":"etcdserver/util.go:170","msg":"apply request took too long","took":"1323ms","expected-duration":"100ms","prefix":"read-only range ","request":"x","response":"y"}
        {"level":"warn","ts":"2026-02-24T09:54:33.100Z","caller":"etcdserver/util.go:170","msg":"apply request took too long","took":"1333ms","expected-duration":"100ms","prefix":"read-only range ","request":"x","response":"y"}
        {"level":"warn","ts":"2026-02-24T09:54:34.100Z","caller":"etcdserver/util.go:170","msg":"apply request took too long","took":"1343ms","expected-duration":"100ms","prefix":"read-only range ","request":"x","response":"y"}
        {"level":"warn","ts":"2026-02-24T09:54:35.100Z","caller":"etcdserver/util.go:170","msg":"apply request took too long","took":"1353ms","expected-duration":"100ms","prefix":"read-only range ","request":"x","response":"y"}
        {"level":"warn","ts":"2026-02-24T09:54:36.100Z","caller":"etcdserver/util.go:170","msg":"apply request took too long","took":"1363ms","expected-duration":"100ms","prefix":"read-only range ","request":"x","response":"y"}
        {"level":"warn","ts":"2026-02-24T09:54:37.100Z","caller":"etcdserver/util.go:170","msg":"apply request took too long","took":"1373ms","expected-duration":"100ms","prefix":"read-only range ","request":"x","response":"y"}
        {"level":"warn","ts":"2026-02-24T09:54:38.100Z","caller":"etcdserver/util.go:170","msg":"apply request took too long","took":"1383ms","expected-duration":"100ms","prefix":"read-only range ","request":"x","response":"y"}
        {"level":"warn","ts":"2026-02-24T09:54:39.100Z","caller":"etcdserver/util.go:170","msg":"apply request took too long","took":"1393ms","expected-duration":"100ms","prefix":"read-only range ","request":"x","response":"y"}
    fires: [{kind: "EtcdMember", name: "m1", node: "m1"}]
  - name: "two"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES                AGE   VERSION
        m1     Ready    control-plane,etcd   90d   v1.28.4
        m2     Ready    control-plane,etcd   90d   v1.28.4
        m3     Ready    control-plane,etcd   90d   v1.28.4
      "etcd-m1.log": |
        {"level":"warn","ts":"2026-02-24T09:54:10.100Z","caller":"etcdserver/util.go:170","msg":"apply request took too long","took":"143ms"}
        {"level":"warn","ts":"2026-02-24T09:54:40.100Z","caller":"etcdserver/util.go:170","msg":"apply request took too long","took":"143ms"}
"##;

/// A few slow requests come with every start and every large list.
const MANY: u64 = 20;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings = by_subject(input, rule, Confidence::Confirmed, |hit| {
        persists(snapshot, hit).then(|| member_of(snapshot, hit))
    });
    findings.retain(|finding| finding.count >= MANY);
    findings
}

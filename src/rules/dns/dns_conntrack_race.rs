//! Parallel queries race in the connection tracking of a node.

use crate::model::Confidence;
use crate::rules::toolbox::add_hit;
use crate::rules::toolbox::hosts::machines;
use crate::rules::toolbox::speakers::is_name_service;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: dns-conntrack-race
role: cause
level: warning
needs: [host-facts]
check: {zh: "conntrack 的 insert_failed 是否使 DNS 查询丢失", en: "whether insert_failed of conntrack loses DNS queries"}
title:
  zh: "节点 {{ node }} 的 conntrack 插入失败 {{ count }} 次，DNS 查询间歇性超时"
  en: "conntrack of node {{ node }} failed to insert {{ count|times }}, and DNS queries time out now and then"
cause:
  zh: "同一套接字同时发出的 A 与 AAAA 查询在 SNAT/DNAT 中争用同一个 conntrack 条目，后到的被丢弃（insert_failed），解析器 5 秒后才重试。"
  en: "A and AAAA queries that leave one socket at the same time race for one entry of conntrack in SNAT/DNAT; the later one is dropped (insert_failed) and the resolver waits 5 seconds before it asks again."
causes:
  - rule: dns-resolution-failure
    ground: node
    mechanism: {zh: "查询得不到应答", en: "queries get no answer"}
  - rule: intermittent-timeouts
    ground: node
    mechanism: {zh: "部分连接因此超时", en: "some connections time out for it"}
benign:
  - {zh: "计数自启动起累计，少量是正常的", en: "the counter adds up since boot; a few are normal"}
remedy:
  - purpose: {zh: "隔一分钟看两次计数", en: "look at the counter twice, a minute apart"}
    place: node
    risk: read-only
    command: |
      conntrack -S | grep -o insert_failed=[0-9]*
      sleep 60
      conntrack -S | grep -o insert_failed=[0-9]*
    expect: {zh: "计数增长", en: "it grows"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "部署 NodeLocal DNSCache，让查询不经过 conntrack", en: "run NodeLocal DNSCache, so that queries bypass conntrack"}
    place: cluster
    risk: change
    command: "kubectl apply -f <NODELOCALDNS_MANIFEST>"
    expect: {zh: "`daemonset.apps/node-local-dns created`", en: "`daemonset.apps/node-local-dns created`"}
    verify: {zh: "insert_failed 不再增长，5 秒延迟消失", en: "insert_failed grows no more and the delays of 5 seconds are gone"}
    rollback: {zh: "`kubectl delete -f <NODELOCALDNS_MANIFEST>`", en: "`kubectl delete -f <NODELOCALDNS_MANIFEST>`"}
prevention:
  - kind: detect
    text: {zh: "采集 conntrack 的 insert_failed 与 DNS 延迟", en: "collect insert_failed of conntrack and the latency of DNS"}
    acceptance: {zh: "压测中的增长触发告警", en: "its growth in a load test raises the alert"}
sources:
  - "kubernetes/kubernetes#56903"
  - "Linux net/netfilter/nf_conntrack_core.c: insert_failed"
versions: "Linux before 5.0"
examples:
  - name: "many, and queries that time out"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     Ready    <none>   90d   v1.28.4
        n2     Ready    <none>   90d   v1.28.4
      "pods.txt": |
        NAMESPACE     NAME                      READY   STATUS    RESTARTS   AGE   IP           NODE
        shop          web-57b96b46b7-zv4q2      0/1     CrashLoopBackOff 7          41m   10.42.0.9    n2
      "web-57b96b46b7-zv4q2.log": |
        dial tcp: lookup db on 10.96.0.10:53: read udp 10.244.1.5:33->10.96.0.10:53: i/o timeout
        dial tcp: lookup db on 10.96.0.10:53: read udp 10.244.1.5:33->10.96.0.10:53: i/o timeout
        dial tcp: lookup db on 10.96.0.10:53: read udp 10.244.1.5:33->10.96.0.10:53: i/o timeout
      "n2/conntrack-S.txt": |
        cpu=0   	found=27 invalid=51 insert=0 insert_failed=40211 drop=40211 early_drop=0 error=0 search_restart=99
    fires:
      - {kind: "Node", name: "n2", node: "n2"}
  - name: "many, and nobody complains of names"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     Ready    <none>   90d   v1.28.4
        n2     Ready    <none>   90d   v1.28.4
      "pods.txt": |
        NAMESPACE     NAME                      READY   STATUS    RESTARTS   AGE   IP           NODE
        shop          web-57b96b46b7-zv4q2      0/1     CrashLoopBackOff 7          41m   10.42.0.9    n2
      "n2/conntrack-S.txt": |
        cpu=0   	found=27 invalid=51 insert=0 insert_failed=40211 drop=40211 early_drop=0 error=0 search_restart=99
"##;

/// Since boot; fewer are noise on any busy node.
const MANY: u64 = 1_000;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    // Where the name service itself is not well, that is why nobody answers.
    if snapshot.pods().filter(is_name_service).any(|pod| !pod.is_well()) {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for machine in machines(snapshot) {
        let Some((count, cite)) = machine.value("conntrack.insert_failed") else {
            continue;
        };
        let unanswered: Vec<_> = snapshot
            .hits
            .iter()
            .filter(|hit| hit.signature.starts_with("dns-resolution-failure/"))
            .filter(|hit| hit.about.node.is_empty() || hit.about.node == machine.node)
            .collect();
        if count.parse::<u64>().is_ok_and(|count| count >= MANY) && !unanswered.is_empty() {
            let mut finding = machine
                .finding(snapshot, rule, Confidence::Probable)
                .cite(cite)
                .fact("count", count);
            for hit in unanswered.into_iter().take(3) {
                add_hit(input, &mut finding, hit);
            }
            findings.push(finding);
        }
    }
    findings
}

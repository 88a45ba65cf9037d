//! The connection tracking table of a node is full.

use crate::model::Confidence;
use crate::rules::toolbox::hosts::machines;
use crate::rules::toolbox::nodes::by_node;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: conntrack-table-full
role: cause
level: critical
needs: [system-log|kernel-log|container-logs|sysctl]
text:
  - id: kernel
    pattern: "nf_conntrack: (?:nf_conntrack: )?table full(?: in netns \\d+)?, dropping packet"
check:
  zh: "conntrack 表是否已满"
  en: "whether the connection tracking table is full"
title:
  zh: "节点 {{ node }} 的 conntrack 表已满{% if told %}，内核在丢包（{{ times }} 次）{% else %}：{{ line }}{% endif %}"
  en: "the conntrack table of node {{ node }} is full{% if told %} and the kernel drops packets ({{ times|times }}){% else %}: {{ line }}{% endif %}"
cause:
  zh: "nf_conntrack 的连接数达到上限，新连接的数据包被丢弃，表现为间歇性超时与解析失败：{{ line }}"
  en: "nf_conntrack is at its limit, so packets of new connections are dropped: timeouts and failing lookups now and then: {{ line }}"
causes:
  - rule: dns-resolution-failure
    ground: node
    mechanism: {zh: "查询的数据包被丢弃", en: "packets of queries are dropped"}
  - rule: app-upstream-refused
    ground: node
    mechanism: {zh: "新连接的数据包被丢弃", en: "packets of new connections are dropped"}
  - rule: app-database-unreachable
    ground: node
    mechanism: {zh: "新连接的数据包被丢弃", en: "packets of new connections are dropped"}
  - rule: coredns-upstream-timeout
    ground: node
    mechanism: {zh: "查询的数据包被丢弃", en: "packets of queries are dropped"}
  - rule: readiness-probe-failing
    ground: node
    mechanism: {zh: "探针的数据包被丢弃", en: "packets of probes are dropped"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "丢包使探针与请求超时", en: "dropped packets let probes and requests time out"}
  - rule: probe-failing
    ground: node
    mechanism: {zh: "节点的故障使其上的探针都失败", en: "the node is in trouble, and so are the probes on it"}
  - rule: intermittent-timeouts
    ground: node
    mechanism: {zh: "部分连接因此超时", en: "some connections time out for it"}
benign:
  - {zh: "很久以前的几行不算", en: "a few lines of long ago do not count"}
remedy:
  - purpose: {zh: "查看现状", en: "look at the present state"}
    place: node
    risk: read-only
    command: "sysctl net.netfilter.nf_conntrack_count net.netfilter.nf_conntrack_max"
    expect: {zh: "两个值相等或接近", en: "both values are equal or close"}
    verify: {zh: "原因已记录", en: "the reason is on record"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "提高上限", en: "raise the limit"}
    place: node
    risk: change
    command: "sysctl -w net.netfilter.nf_conntrack_max=524288"
    expect: {zh: "打印新值", en: "prints the new value"}
    verify: {zh: "dmesg 不再出现 table full", en: "dmesg shows no more table full"}
    rollback: {zh: "设回原值", en: "set the old value again"}
prevention:
  - kind: prevent
    text: {zh: "在 kube-proxy 的 conntrack.maxPerCore 或 sysctl.d 中固化上限", en: "set the limit in kube-proxy conntrack.maxPerCore or sysctl.d"}
    acceptance: {zh: "重启测试节点后值仍在", en: "the value is still there after a reboot"}
  - kind: detect
    text: {zh: "对 nf_conntrack_count / nf_conntrack_max 超过 80% 告警", en: "alert when nf_conntrack_count is above 80 % of nf_conntrack_max"}
    acceptance: {zh: "压测时收到告警", en: "a load test raises the alert"}
sources: ["Linux net/netfilter/nf_conntrack_core.c: `nf_conntrack: table full, dropping packet`"]
versions: "Linux 2.6 to 6.x"
examples:
  - name: "in a node's ring buffer"
    files:
      nodes.txt: |
        NAME   STATUS   ROLES   AGE   VERSION
        wrk-02   Ready   <none>   90d   v1.28.4
        wrk-03   Ready   <none>   90d   v1.28.4
      wrk-03/dmesg.txt: |
        [Tue Jan 21 18:20:44 2025] nf_conntrack: nf_conntrack: table full, dropping packet
        [Tue Jan 21 18:58:02 2025] nf_conntrack: nf_conntrack: table full, dropping packet
    fires: [{kind: "Node", name: "wrk-03", node: "wrk-03"}]
  - name: "by the parameters"
    files:
      nodes.txt: |
        NAME   STATUS   ROLES   AGE   VERSION
        wrk-03   Ready   <none>   90d   v1.28.4
      wrk-03/sysctl.txt: |
        net.netfilter.nf_conntrack_count = 262140
        net.netfilter.nf_conntrack_max = 262144
    fires: [{kind: "Node", name: "wrk-03", node: "wrk-03"}]
  - name: "the module only loads"
    files:
      nodes.txt: |
        NAME   STATUS   ROLES   AGE   VERSION
        wrk-03   Ready   <none>   90d   v1.28.4
      wrk-03/dmesg.txt: |
        [Tue Jan 21 18:20:44 2025] nf_conntrack: default automatic helper assignment has been turned off
"##;

/// Entries in percent of the limit at which new connections are dropped now and then.
const FULL: u64 = 98;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings: Vec<Finding> = by_node(input, rule, 1, Confidence::Confirmed)
        .into_iter()
        .map(|finding| finding.fact("told", true))
        .collect();
    for machine in machines(snapshot) {
        let number = |key| {
            let (value, cite) = machine.sysctl(key)?;
            Some((value.parse::<u64>().ok()?, cite))
        };
        let count = number("net.netfilter.nf_conntrack_count");
        let limit = number("net.netfilter.nf_conntrack_max").or_else(|| number("net.nf_conntrack_max"));
        let (Some((count, count_cite)), Some((limit, limit_cite))) = (count, limit) else {
            continue;
        };
        if limit == 0 || count < limit.saturating_mul(FULL) / 100 {
            continue;
        }
        match findings.iter_mut().find(|finding| finding.subject.name == machine.node) {
            Some(told) => {
                told.add_cite(count_cite);
                told.add_cite(limit_cite);
            }
            None => findings.push(
                machine
                    .finding(snapshot, rule, Confidence::Confirmed)
                    .cite(count_cite)
                    .cite(limit_cite)
                    .fact("told", false)
                    .fact("times", 0)
                    .fact(
                        "line",
                        format!("nf_conntrack_count = {count}, nf_conntrack_max = {limit}"),
                    ),
            ),
        }
    }
    findings
}

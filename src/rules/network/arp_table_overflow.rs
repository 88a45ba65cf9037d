//! The neighbour table of a node is full.

use crate::cluster::Snapshot;
use crate::rules::text_rule::judge_text;
use crate::rules::toolbox::hosts::{Machine, machines};
use crate::rules::toolbox::states::{joined, shown};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: arp-table-overflow
role: cause
level: critical
needs: [system-log|kernel-log]
text:
  - id: kernel
    pattern: '(?:neighbour: (?P<table>\w+): neighbor table overflow|[Nn]eighbour table overflow)'
finds:
  subject: node
  confidence: confirmed
check: {zh: "节点的邻居（ARP）表是否溢出", en: "whether the neighbour (ARP) table of nodes overflows"}
title:
  zh: "节点 {{ node }} 的邻居（ARP）表{% if entries is defined %}已满（{{ entries }} 项）{% else %}溢出（{{ times }} 次）{% endif %}"
  en: "the neighbour (ARP) table of node {{ node }} {% if entries is defined %}is full ({{ entries }} entries){% else %}overflows ({{ times|times }}){% endif %}"
cause:
  zh: "邻居表达到 gc_thresh3（默认 1024）：{{ line }}；到新地址的数据包被丢弃，大型二层网络中表现为间歇性超时。"
  en: "the table is at gc_thresh3 (1024 by default): {{ line }}; packets to new addresses are dropped, which shows as timeouts now and then in large flat networks."
causes:
  - rule: dns-resolution-failure
    ground: node
    mechanism: {zh: "查询得不到应答", en: "queries get no answer"}
  - rule: app-upstream-refused
    ground: node
    mechanism: {zh: "到对端的连接得不到应答", en: "connections to the peer get no answer"}
  - rule: app-database-unreachable
    ground: node
    mechanism: {zh: "到数据库的连接得不到应答", en: "connections to the database get no answer"}
  - rule: app-upstream-unresolved
    ground: node
    mechanism: {zh: "名字解析失败", en: "names do not resolve"}
  - rule: coredns-pod-unhealthy
    ground: node
    mechanism: {zh: "该节点上的域名服务因此不可用", en: "the name service on this node suffers from it"}
  - rule: coredns-upstream-timeout
    ground: node
    mechanism: {zh: "转发给上游的查询得不到应答", en: "queries that are forwarded get no answer"}
  - rule: cni-agent-unhealthy
    ground: node
    mechanism: {zh: "CNI 的守护进程因此不就绪", en: "the CNI's daemon is not ready for it"}
  - rule: node-notready
    ground: node
    mechanism: {zh: "节点因此不再就绪", en: "the node is not ready for it"}
  - rule: failedscheduling-taint
    ground: node
    mechanism: {zh: "节点的状况变成污点，调度器因此避开它", en: "the node's condition becomes a taint, and the scheduler keeps away"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "节点上的 Pod 不能就绪", en: "pods of the node do not get ready"}
  - rule: crashloopbackoff
    ground: workload
    mechanism: {zh: "进程因此退出，kubelet 反复重启", en: "the process ends over it and the kubelet restarts it"}
  - rule: endpoints-missing
    ground: workload
    mechanism: {zh: "Pod 不就绪，端点被移除", en: "pods that are not ready leave the endpoints"}
  - rule: probe-failing
    ground: node
    mechanism: {zh: "节点的故障使其上的探针都失败", en: "the node is in trouble, and so are the probes on it"}
  - rule: cross-node-pod-network-broken
    ground: cluster
    mechanism: {zh: "跨节点的数据包过不去", en: "packets between nodes do not pass"}
  - rule: intermittent-timeouts
    ground: node
    mechanism: {zh: "部分连接因此超时", en: "some connections time out for it"}
benign:
  - {zh: "很久以前的几行", en: "a few lines of long ago"}
remedy:
  - purpose: {zh: "查看用量与上限", en: "look at the use and the limit"}
    place: node
    risk: read-only
    command: |
      ip -s neigh | wc -l
      sysctl net.ipv4.neigh.default.gc_thresh1 net.ipv4.neigh.default.gc_thresh2 net.ipv4.neigh.default.gc_thresh3
    expect: {zh: "行数接近 gc_thresh3", en: "the number of lines is close to gc_thresh3"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "提高上限", en: "raise the limits"}
    place: node
    risk: change
    command: |
      sysctl -w net.ipv4.neigh.default.gc_thresh1=4096
      sysctl -w net.ipv4.neigh.default.gc_thresh2=8192
      sysctl -w net.ipv4.neigh.default.gc_thresh3=16384
    expect: {zh: "打印新值", en: "prints the new values"}
    verify: {zh: "dmesg 不再出现该行", en: "dmesg shows the line no more"}
    rollback: {zh: "设回原值", en: "set the old values again"}
prevention:
  - kind: prevent
    text: {zh: "在节点镜像的 /etc/sysctl.d 中设置 gc_thresh", en: "set gc_thresh in /etc/sysctl.d of the node image"}
    acceptance: {zh: "新节点上 sysctl 显示该值", en: "sysctl shows the values on a new node"}
sources:
  - "Linux net/core/neighbour.c: `%s: neighbor table overflow!`"
versions: "Linux 2.6 to 6.x"
examples:
  - name: "in the ring buffer"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     Ready    <none>   90d   v1.28.4
        n2     Ready    <none>   90d   v1.28.4
      "n2/dmesg.txt": |
        [Tue Jan 21 18:20:44 2025] neighbour: arp_cache: neighbor table overflow!
    fires:
      - {kind: "Node", name: "n2", node: "n2"}
  - name: "as many neighbours as are kept"
    files:
      "nodes.txt": |
        NAME   STATUS     ROLES    AGE   VERSION
        n1     NotReady   <none>   90d   v1.28.4
        n2     NotReady   <none>   90d   v1.28.4
      "n1/sysctl.txt": |
        net.ipv4.neigh.default.gc_thresh3 = 2
      "n1/ip-neigh.txt": |
        10.0.0.1 dev eth0 lladdr 02:fc:00:00:00:05 STALE
        10.0.0.2 dev eth0 lladdr 02:fc:00:00:00:06 REACHABLE
      "n2/sysctl.txt": |
        net.ipv4.neigh.default.gc_thresh3 = 1024
      "n2/ip-neigh.txt": |
        10.0.0.1 dev eth0 lladdr 02:fc:00:00:00:05 STALE
        10.0.0.2 dev eth0 lladdr 02:fc:00:00:00:06 REACHABLE
    fires:
      - {kind: "Node", name: "n1", node: "n1"}
  - name: "another table"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     Ready    <none>   90d   v1.28.4
        n2     Ready    <none>   90d   v1.28.4
      "n2/dmesg.txt": |
        [Tue Jan 21 18:20:44 2025] neighbour: ndisc_cache: gc
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let told = rule
        .finds
        .as_ref()
        .map_or_else(Vec::new, |finds| judge_text(input, rule, finds));
    let machines = machines(input.snapshot);
    let counted = machines
        .iter()
        .filter_map(|machine| counted(input.snapshot, rule, machine));
    joined(told, counted.collect())
}

/// As many neighbours as the kernel keeps. The limit has to be in the bundle: its default is raised by many systems.
fn counted(snapshot: &Snapshot, rule: &RuleHeader, machine: &Machine<'_>) -> Option<Finding> {
    let (limit, of_limit) = machine.sysctl("net.ipv4.neigh.default.gc_thresh3")?;
    let (entries, of_entries) = machine.value("neighbours.ipv4")?;
    let (most, there) = (limit.parse::<u64>().ok()?, entries.parse::<u64>().ok()?);
    if there < most {
        return None;
    }
    Some(shown(snapshot, rule, machine, vec![of_limit, of_entries])?.fact("entries", there))
}

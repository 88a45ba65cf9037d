//! A network card of a node counts errors or drops.

use crate::model::Confidence;
use crate::rules::toolbox::hosts::{Suffering, machines, network_suffering};
use crate::rules::toolbox::nics::{is_broken, losses};
use crate::rules::toolbox::nodes::{impair_pods, touch_failing_pods};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: nic-losses
role: factor
level: info
needs: [interfaces|host-facts]
check:
  zh: 网卡是否累计了错误或丢包
  en: whether network cards count errors or drops
title:
  zh: "节点 {{ node }} 的网卡 {{ card }} 有丢包或错误：{{ counters|join('、') }}"
  en: "network card {{ card }} of node {{ node }} counts losses: {{ counters|join(', ') }}"
cause:
  zh: "计数从启动（或驱动加载）开始累计：errors 与 crc 多为线缆、光模块或交换机端口的问题，rx_missed 与 no_buffer 是接收环太小或 CPU 来不及处理，单纯的 dropped 也可能只是不认识的协议。要看它是否还在增长。"
  en: "counted since the start, or since the driver was loaded: errors and crc mostly come from cables, optics or the switch's port, rx_missed and no_buffer from a receive ring that is too small or a CPU that cannot keep up, and plain drops may only be protocols that nobody here speaks. See whether they grow."
causes:
  - rule: network-degraded
    ground: node
    mechanism: {zh: "网卡丢弃数据包", en: "the card drops packets"}
  - rule: intermittent-timeouts
    ground: node
    mechanism: {zh: "网卡丢弃数据包", en: "the card drops packets"}
  - rule: probe-failing
    ground: node
    mechanism: {zh: "网卡丢弃数据包", en: "the card drops packets"}
  - rule: dns-resolution-failure
    ground: node
    mechanism: {zh: "查询的数据包丢失", en: "packets of queries are lost"}
  - rule: app-upstream-refused
    ground: node
    mechanism: {zh: "连接的数据包丢失", en: "packets of connections are lost"}
  - rule: node-notready
    ground: node
    mechanism: {zh: "kubelet 的心跳丢失", en: "heartbeats of the kubelet are lost"}
  - rule: app-tls-failed
    ground: node
    mechanism: {zh: "握手的数据包丢失", en: "packets of handshakes are lost"}
  - rule: app-database-unreachable
    ground: node
    mechanism: {zh: "连接的数据包丢失", en: "packets of connections are lost"}
  - rule: peer-unresponsive
    ground: node
    mechanism: {zh: "请求的数据包丢失", en: "packets of requests are lost"}
  - rule: app-bug
    ground: node
    mechanism: {zh: "日志里的错误来自丢失的数据包", en: "the errors in the log come from packets that are lost"}
benign:
  - {zh: "长期运行的机器上少量的 dropped", en: "a few drops on a machine that has run for long"}
  - {zh: "veth、cali 等容器网卡的计数", en: "counters of the interfaces of containers"}
remedy:
  - purpose: {zh: "隔一分钟看两次计数", en: "look at the counters twice, a minute apart"}
    place: node
    risk: read-only
    command: |
      ip -s link show {{ card }}
      ethtool -S {{ card }}
      ethtool -g {{ card }}
    expect: {zh: "计数在增长", en: "the counters grow"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
prevention:
  - kind: detect
    text: {zh: "对 node_network_receive_errs_total 与 node_network_receive_drop_total 的增速告警", en: "alert on the rate of node_network_receive_errs_total and node_network_receive_drop_total"}
    acceptance: {zh: "测试节点的错误计数增长时收到告警", en: "errors that grow on a test node raise the alert"}
sources: ["ip-link(8) -s; Linux Documentation/networking/statistics.rst", "ethtool(8) -S"]
versions: "any"
examples:
  - name: "many errors on a node that suffers"
    files:
      "nodes.txt": |
        NAME   STATUS     ROLES    AGE   VERSION
        n1     NotReady   <none>   90d   v1.28.4
      "n1/hostname": "n1\n"
      "n1/ip-s-link.txt": |
        2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc mq state UP mode DEFAULT group default qlen 1000
            link/ether 2e:d2:7b:ae:36:c9 brd ff:ff:ff:ff:ff:ff
            RX:  bytes packets errors dropped  missed   mcast
                 22420   12000   4410       0       0       0
            TX:  bytes packets errors dropped carrier collsns
                 22420   12000      0       0       0       0
    fires: [{kind: "Node", name: "n1", node: "n1"}]
  - name: "a few drops"
    files:
      "nodes.txt": |
        NAME   STATUS     ROLES    AGE   VERSION
        n1     NotReady   <none>   90d   v1.28.4
      "n1/hostname": "n1\n"
      "n1/ip-s-link.txt": |
        2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc mq state UP mode DEFAULT group default qlen 1000
            link/ether 2e:d2:7b:ae:36:c9 brd ff:ff:ff:ff:ff:ff
            RX:  bytes packets errors dropped  missed   mcast
                 22420   12000      0      13       0       0
            TX:  bytes packets errors dropped carrier collsns
                 22420   12000      0       0       0       0
"##;

/// How many counters are named.
const SHOWN: usize = 4;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings = Vec::new();
    for machine in machines(snapshot) {
        if network_suffering(snapshot, &machine.node) != Suffering::Yes {
            continue;
        }
        let losses = losses(&machine);
        let Some((card, ..)) = losses.first() else { continue };
        let of_card: Vec<_> = losses.iter().filter(|(other, ..)| other == card).take(SHOWN).collect();
        let counters: Vec<String> = of_card
            .iter()
            .map(|(_, counter, count, _)| format!("{counter} {count}"))
            .collect();
        let subject = crate::model::Subject::node(&machine.node);
        // Frames that arrive broken are the cable's or the transceiver's fault, whatever the load.
        let is_broken = of_card.iter().any(|loss| is_broken(loss));
        let confidence = if is_broken {
            Confidence::Probable
        } else {
            Confidence::Possible
        };
        let mut finding = Finding::new(rule, subject, confidence)
            .fact("node", machine.node.clone())
            .fact("card", card.clone())
            .fact("counters", counters);
        for (.., cite) in of_card {
            finding.add_cite(cite.clone());
        }
        touch_failing_pods(snapshot, &machine.node, &mut finding);
        if is_broken {
            impair_pods(snapshot, &machine.node, &mut finding);
        }
        findings.push(finding);
    }
    findings
}

//! The kernel of a node does not forward packets.

use crate::model::Confidence;
use crate::rules::toolbox::hosts::{Suffering, confidence, machines, network_suffering};
use crate::rules::toolbox::nodes::by_node;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: ip-forward-disabled
role: cause
level: critical
needs: [sysctl]
text:
  - id: preflight
    pattern: '/proc/sys/net/ipv4/ip_forward contents are not set to 1'
check: {zh: "节点的内核是否转发数据包（net.ipv4.ip_forward）", en: "whether the kernel of each node forwards packets (net.ipv4.ip_forward)"}
title:
  zh: "节点 {{ node }} 不转发数据包：{{ key }} = 0"
  en: "node {{ node }} does not forward packets: {{ key }} = 0"
cause:
  zh: "{{ key }} 为 0 时内核丢弃不发给本机的数据包，Pod 到其他节点、Service 与外部的流量都不通，同一节点上的通信可能仍然正常。"
  en: "with {{ key }} at 0 the kernel drops packets that are not for itself: pods reach neither other nodes, nor Services, nor the outside, while traffic within the node may still work."
questions:
  - {zh: "是哪个程序改回了它：systemd-sysctl、firewalld、tuned 还是加固脚本？", en: "what set it back: systemd-sysctl, firewalld, tuned or a hardening script?"}
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
  - rule: readiness-probe-failing
    ground: node
    mechanism: {zh: "探针得不到应答", en: "probes get no answer"}
  - rule: service-unreachable
    ground: node
    mechanism: {zh: "到后端的路径不通", en: "the way to what stands behind it is broken"}
  - rule: cross-node-pod-network-broken
    ground: cluster
    mechanism: {zh: "跨节点的数据包过不去", en: "packets between nodes do not pass"}
benign:
  - {zh: "不属于集群的主机", en: "machines that are no nodes"}
  - {zh: "Calico 的 Felix 会自行设为 1", en: "Felix of Calico sets it to 1 by itself"}
remedy:
  - purpose: {zh: "查看当前值与配置来源", en: "look at the value and where it is set"}
    place: node
    risk: read-only
    command: |
      sysctl net.ipv4.ip_forward
      grep -rn ip_forward /etc/sysctl.conf /etc/sysctl.d /usr/lib/sysctl.d
    expect: {zh: "值为 0", en: "the value is 0"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "设置并写入 /etc/sysctl.d", en: "set it, and keep it in /etc/sysctl.d"}
    place: node
    risk: change
    command: |
      echo 'net.ipv4.ip_forward = 1' > /etc/sysctl.d/90-kubernetes.conf
      sysctl -w net.ipv4.ip_forward=1
    expect: {zh: "打印新值", en: "prints the new value"}
    verify: {zh: "`sysctl net.ipv4.ip_forward` 在重启后仍为 1", en: "`sysctl net.ipv4.ip_forward` is still 1 after a restart"}
    rollback: {zh: "删除 /etc/sysctl.d/90-kubernetes.conf 并恢复原值", en: "remove /etc/sysctl.d/90-kubernetes.conf and set the old value again"}
prevention:
  - kind: detect
    text: {zh: "定期比较节点的内核参数与基线", en: "compare the kernel parameters of nodes with a baseline regularly"}
    acceptance: {zh: "在测试节点上改动一个参数会被报告", en: "changing a parameter of a test node is reported"}
sources:
  - "Linux Documentation/networking/ip-sysctl.rst: ip_forward"
  - "kubernetes cmd/kubeadm/app/preflight/checks.go: FileContent--proc-sys-net-ipv4-ip_forward"
versions: "any"
examples:
  - name: "a pod of the node fails"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     Ready    <none>   90d   v1.28.4
        n2     Ready    <none>   90d   v1.28.4
      "pods.txt": |
        NAMESPACE     NAME                      READY   STATUS    RESTARTS   AGE   IP           NODE
        shop          web-57b96b46b7-zv4q2      0/1     CrashLoopBackOff 7          41m   10.42.0.9    n2
      "n2/sysctl.txt": |
        net.ipv4.ip_forward = 0
        net.ipv4.tcp_syncookies = 1
    fires:
      - {kind: "Node", name: "n2", node: "n2"}
  - name: "it forwards"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     Ready    <none>   90d   v1.28.4
        n2     Ready    <none>   90d   v1.28.4
      "pods.txt": |
        NAMESPACE     NAME                      READY   STATUS    RESTARTS   AGE   IP           NODE
        shop          web-57b96b46b7-zv4q2      0/1     CrashLoopBackOff 7          41m   10.42.0.9    n2
      "n2/sysctl.txt": |
        net.ipv4.ip_forward = 1
  - name: "a machine that is no node"
    files:
      "sysctl.txt": |
        net.ipv4.ip_forward = 0
  - name: "all is well on the node"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     Ready    <none>   90d   v1.28.4
        n2     Ready    <none>   90d   v1.28.4
      "pods.txt": |
        NAMESPACE     NAME                      READY   STATUS    RESTARTS   AGE   IP           NODE
        shop          web-57b96b46b7-zv4q2      1/1     Running   0          41m   10.42.0.9    n2
      "n2/sysctl.txt": |
        net.ipv4.ip_forward = 0
"##;

/// Either stops forwarding over IPv4 (ip-sysctl.rst: ip_forward resets conf/all/forwarding).
const KEYS: [&str; 2] = ["net.ipv4.ip_forward", "net.ipv4.conf.all.forwarding"];

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings: Vec<Finding> = by_node(input, rule, 1, Confidence::Confirmed)
        .into_iter()
        .map(|finding| finding.fact("key", "net.ipv4.ip_forward"))
        .collect();
    for machine in machines(snapshot).iter().filter(|machine| machine.is_node(snapshot)) {
        let suffers = network_suffering(snapshot, &machine.node);
        let off = KEYS
            .iter()
            .find_map(|key| Some((key, machine.sysctl(key).filter(|(value, _)| *value == "0")?.1)));
        if let (Some((key, cite)), true) = (off, suffers != Suffering::No) {
            findings.retain(|finding| finding.subject.name != machine.node);
            findings.push(
                machine
                    .finding(snapshot, rule, confidence(suffers))
                    .at("/etc/sysctl.d")
                    .cite(cite)
                    .fact("key", *key),
            );
        }
    }
    findings
}

//! Reverse path filtering of a node drops what its CNI sends.

use crate::model::Citation;
use crate::model::Confidence;
use crate::rules::toolbox::hosts::{Machine, Suffering, confidence, machines, network_suffering};
use crate::rules::toolbox::nodes::by_node;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: rp-filter-conflict
role: cause
level: critical
needs: [sysctl|container-logs|system-log]
text:
  - id: felix
    pattern: 'Kernel''s RPF check is set to ''loose'''
  - id: martian
    in: [system, other, container-log]
    pattern: 'IPv4: martian source (?P<to>[\d.]+) from (?P<from>[\d.]+), on dev (?P<device>\S+)'
check: {zh: "节点的反向路径过滤（rp_filter）是否与 CNI 冲突", en: "whether reverse path filtering (rp_filter) of nodes conflicts with the CNI"}
title:
  zh: "节点 {{ node }} 的反向路径过滤与 CNI 冲突：{{ setting }}"
  en: "reverse path filtering of node {{ node }} conflicts with the CNI: {{ setting }}"
cause:
  zh: "{{ setting }}：{% if kind == \"cilium\" %}Cilium 要求其网卡的 rp_filter 为 0；实际生效的是 all 与网卡两个值中较大的一个，数据包因此被静默丢弃。{% elif kind == \"felix\" %}Felix 在松散模式（2）下拒绝工作，除非设置 IgnoreLooseRPF。{% else %}内核认为数据包的来源地址不该从该网卡到达而丢弃它们，常见于多网卡主机。{% endif %}"
  en: "{{ setting }}: {% if kind == \"cilium\" %}Cilium needs rp_filter 0 on its interfaces; the larger of the values for all and for the interface is in force, so packets are dropped in silence.{% elif kind == \"felix\" %}Felix refuses to work in loose mode (2) unless IgnoreLooseRPF is set.{% else %}the kernel holds that the source address should not come in at this interface and drops the packets, mostly on machines with several network cards.{% endif %}"
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
  - rule: readiness-probe-failing
    ground: node
    mechanism: {zh: "探针得不到应答", en: "probes get no answer"}
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
benign:
  - {zh: "没有 Pod 受影响时，多网卡主机上的 martian 日志常常无害", en: "martian lines on machines with several cards are often harmless while no pod suffers"}
remedy:
  - purpose: {zh: "查看各网卡的值", en: "look at the value of each interface"}
    place: node
    risk: read-only
    command: "sysctl -a 2>/dev/null | grep '\\.rp_filter'"
    expect: {zh: "all 或 CNI 网卡的值不是 0", en: "the value for all or for an interface of the CNI is not 0"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "为 CNI 的网卡关闭它并持久化", en: "turn it off for the interfaces of the CNI, and keep it so"}
    place: node
    risk: change
    command: |
      printf 'net.ipv4.conf.all.rp_filter = 0\nnet.ipv4.conf.default.rp_filter = 0\nnet.ipv4.conf.lxc*.rp_filter = 0\n' > /etc/sysctl.d/99-override_cilium_rp_filter.conf
      systemctl restart systemd-sysctl
    expect: {zh: "没有输出", en: "no output"}
    verify: {zh: "跨节点的 Pod 能互访", en: "pods reach each other across nodes"}
    rollback: {zh: "删除该文件并重启 systemd-sysctl", en: "remove the file and restart systemd-sysctl"}
prevention:
  - kind: detect
    text: {zh: "定期比较节点的内核参数与基线", en: "compare the kernel parameters of nodes with a baseline regularly"}
    acceptance: {zh: "在测试节点上改动一个参数会被报告", en: "changing a parameter of a test node is reported"}
sources:
  - "cilium/cilium#10645"
  - "projectcalico felix/dataplane/linux/int_dataplane.go: `Kernel's RPF check is set to 'loose'`"
  - "Linux Documentation/networking/ip-sysctl.rst: rp_filter"
  - "Linux net/ipv4/route.c: `martian source %pI4 from %pI4, on dev %s`"
versions: "any"
examples:
  - name: "Cilium with strict filtering"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     Ready    <none>   90d   v1.28.4
        n2     Ready    <none>   90d   v1.28.4
      "pods.txt": |
        NAMESPACE     NAME                      READY   STATUS    RESTARTS   AGE   IP           NODE
        shop          web-57b96b46b7-zv4q2      0/1     CrashLoopBackOff 7          41m   10.42.0.9    n2
      "n2/sysctl.txt": |
        net.ipv4.conf.all.rp_filter = 1
        net.ipv4.conf.cilium_host.rp_filter = 0
        net.ipv4.conf.lxc12ab.rp_filter = 1
    fires:
      - {kind: "Node", name: "n2", node: "n2"}
  - name: "Felix refuses"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     NotReady    <none>   90d   v1.28.4
      "n1/calico.log": |
        2026-01-21 18:20:44.000 [FATAL][42] int_dataplane.go 1035: Kernel's RPF check is set to 'loose'.  This would allow endpoints to spoof their IP address.
    fires:
      - {kind: "Node", name: "n1", node: "n1"}
  - name: "strict filtering without Cilium"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     Ready    <none>   90d   v1.28.4
        n2     Ready    <none>   90d   v1.28.4
      "pods.txt": |
        NAMESPACE     NAME                      READY   STATUS    RESTARTS   AGE   IP           NODE
        shop          web-57b96b46b7-zv4q2      0/1     CrashLoopBackOff 7          41m   10.42.0.9    n2
      "n2/sysctl.txt": |
        net.ipv4.conf.all.rp_filter = 1
        net.ipv4.conf.eth0.rp_filter = 1
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings: Vec<Finding> = by_node(input, rule, 1, Confidence::Probable)
        .into_iter()
        .filter(|finding| network_suffering(snapshot, &finding.subject.name) == Suffering::Yes)
        .map(|finding| {
            let line = finding
                .facts
                .get("line")
                .and_then(|line| line.as_str())
                .unwrap_or("")
                .to_owned();
            let kind = if line.contains("RPF") { "felix" } else { "martian" };
            finding.fact("setting", line).fact("kind", kind)
        })
        .collect();
    for machine in machines(snapshot) {
        let suffers = network_suffering(snapshot, &machine.node);
        if let (Some((setting, cite)), true) = (against_cilium(&machine), suffers == Suffering::Yes) {
            findings.retain(|finding| finding.subject.name != machine.node);
            findings.push(
                machine
                    .finding(snapshot, rule, confidence(suffers))
                    .at("/etc/sysctl.d")
                    .cite(cite)
                    .fact("setting", setting)
                    .fact("kind", "cilium"),
            );
        }
    }
    findings
}

/// On a machine with Cilium's interfaces, the value in force for one of them, which has to be 0: the larger of its own and of `all`.
fn against_cilium(machine: &Machine<'_>) -> Option<(String, Citation)> {
    const PREFIX: &str = "net.ipv4.conf.";
    let own = |key: &str| {
        key.strip_prefix(PREFIX)
            .and_then(|rest| rest.strip_suffix(".rp_filter"))
            .is_some_and(|name| name.starts_with("cilium_") || name.starts_with("lxc"))
    };
    let mut of_cilium = machine.host.sysctl.iter().filter(|(key, _)| own(key)).peekable();
    of_cilium.peek()?;
    let all = machine.host.sysctl.get_key_value("net.ipv4.conf.all.rp_filter");
    let (key, (value, cite)) = all.into_iter().chain(of_cilium).find(|(_, (value, _))| value != "0")?;
    Some((format!("{key} = {value}"), cite.clone()))
}

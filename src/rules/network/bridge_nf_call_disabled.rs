//! Packets of a bridge pass the packet filter by on a node whose CNI uses one.

use crate::model::Citation;
use crate::model::Confidence;
use crate::rules::toolbox::hosts::{Machine, Suffering, confidence, machines, network_suffering};
use crate::rules::toolbox::nodes::by_node;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: bridge-nf-call-disabled
role: cause
level: warning
needs: [sysctl|host-facts]
text:
  - id: kube-proxy
    in: [container-log, control-plane]
    pattern: '[Mm]issing br-netfilter module or unset (?:sysctl )?br-nf-call-iptables'
  - id: flannel
    pattern: 'Failed to check br_netfilter: stat /proc/sys/net/bridge/bridge-nf-call-iptables: no such file or directory'
  - id: preflight
    pattern: '/proc/sys/net/bridge/bridge-nf-call-iptables does not exist'
check: {zh: "使用网桥的节点是否让网桥流量经过 iptables（bridge-nf-call-iptables）", en: "whether nodes with a bridge let its packets pass iptables (bridge-nf-call-iptables)"}
title:
  zh: "节点 {{ node }} 的网桥流量不经过 iptables：{{ setting }}"
  en: "packets of the bridge pass iptables by on node {{ node }}: {{ setting }}"
cause:
  zh: "{{ setting }}：同一节点上的 Pod 经 Service 访问彼此时，应答绕过连接跟踪，地址没有还原，连接因此超时；典型表现是访问本节点上的 CoreDNS 失败。"
  en: "{{ setting }}: where pods of one node reach each other through a Service, the answers bypass connection tracking, addresses are not translated back and connections time out; typically queries to a CoreDNS pod of the same node fail."
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
  - rule: cross-node-pod-network-broken
    ground: cluster
    mechanism: {zh: "跨节点的数据包过不去", en: "packets between nodes do not pass"}
benign:
  - {zh: "Calico、Cilium 等路由型 CNI 不需要它", en: "CNIs that route, such as Calico and Cilium, do not need it"}
remedy:
  - purpose: {zh: "查看模块与参数", en: "look at the module and the parameter"}
    place: node
    risk: read-only
    command: |
      lsmod | grep br_netfilter
      sysctl net.bridge.bridge-nf-call-iptables
    expect: {zh: "没有模块，或值为 0", en: "no module, or the value is 0"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "加载模块并设置参数", en: "load the module and set the parameter"}
    place: node
    risk: change
    command: |
      modprobe br_netfilter
      echo br_netfilter > /etc/modules-load.d/br_netfilter.conf
      echo 'net.bridge.bridge-nf-call-iptables = 1' > /etc/sysctl.d/90-bridge.conf
      sysctl -w net.bridge.bridge-nf-call-iptables=1
    expect: {zh: "打印 1", en: "prints 1"}
    verify: {zh: "同一节点上的 Pod 能经 ClusterIP 互访", en: "pods of one node reach each other through a ClusterIP"}
    rollback: {zh: "删除这两个文件并设回 0", en: "remove both files and set it to 0 again"}
prevention:
  - kind: detect
    text: {zh: "定期比较节点的内核参数与基线", en: "compare the kernel parameters of nodes with a baseline regularly"}
    acceptance: {zh: "在测试节点上改动一个参数会被报告", en: "changing a parameter of a test node is reported"}
sources:
  - "kubernetes pkg/proxy/iptables/proxier.go (before 1.30): `missing br-netfilter module or unset sysctl br-nf-call-iptables`"
  - "flannel-io/flannel main.go: `Failed to check br_netfilter`"
  - "Linux Documentation/networking/ip-sysctl.rst: bridge-nf-call-iptables"
versions: "any"
examples:
  - name: "with a bridge and a pod that times out"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     Ready    <none>   90d   v1.28.4
        n2     Ready    <none>   90d   v1.28.4
      "pods.txt": |
        NAMESPACE     NAME                      READY   STATUS    RESTARTS   AGE   IP           NODE
        shop          web-57b96b46b7-zv4q2      0/1     CrashLoopBackOff 7          41m   10.42.0.9    n2
      "n2/sysctl.txt": |
        net.bridge.bridge-nf-call-iptables = 0
      "n2/ip-addr.txt": |
        5: cni0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1450 qdisc noqueue state UP group default qlen 1000
            inet 10.42.1.1/24 brd 10.42.1.255 scope global cni0
    fires:
      - {kind: "Node", name: "n2", node: "n2"}
  - name: "no links were collected, and the other node has it on"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     Ready    <none>   90d   v1.28.4
        n2     Ready    <none>   90d   v1.28.4
      "pods.txt": |
        NAMESPACE     NAME                      READY   STATUS    RESTARTS   AGE   IP           NODE
        shop          web-57b96b46b7-zv4q2      0/1     CrashLoopBackOff 7          41m   10.42.0.9    n2
      "n1/sysctl.txt": |
        net.bridge.bridge-nf-call-iptables = 1
      "n2/sysctl.txt": |
        net.bridge.bridge-nf-call-iptables = 0
    fires: [{kind: "Node", name: "n2", node: "n2"}]
  - name: "the module is missing, by the words of flannel"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     NotReady    <none>   90d   v1.28.4
      "n1/flannel.log": |
        E0121 18:20:44.889702 1 main.go:278] Failed to check br_netfilter: stat /proc/sys/net/bridge/bridge-nf-call-iptables: no such file or directory
    fires:
      - {kind: "Node", name: "n1", node: "n1"}
  - name: "a CNI without a bridge"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     Ready    <none>   90d   v1.28.4
        n2     Ready    <none>   90d   v1.28.4
      "pods.txt": |
        NAMESPACE     NAME                      READY   STATUS    RESTARTS   AGE   IP           NODE
        shop          web-57b96b46b7-zv4q2      0/1     CrashLoopBackOff 7          41m   10.42.0.9    n2
      "n2/sysctl.txt": |
        net.bridge.bridge-nf-call-iptables = 0
      "n2/ip-addr.txt": |
        5: cali12@if3: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1450 qdisc noqueue state UP group default qlen 1000
"##;

const KEY: &str = "net.bridge.bridge-nf-call-iptables";
/// Bridges that CNIs make: flannel and the reference plugin, kubenet, OpenShift SDN's and weave's.
const BRIDGES: [&str; 4] = ["cni0", "cbr0", "weave", "kube-bridge"];

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings: Vec<Finding> = by_node(input, rule, 1, Confidence::Probable)
        .into_iter()
        .filter(|finding| network_suffering(snapshot, &finding.subject.name) != Suffering::No)
        .map(|finding| {
            let line = finding.facts.get("line").cloned().unwrap_or_default();
            finding.fact("setting", line)
        })
        .collect();
    let all = machines(snapshot);
    for machine in all.iter().filter(|machine| machine.is_node(snapshot)) {
        let suffers = network_suffering(snapshot, &machine.node);
        let bridge = machine
            .host
            .tools
            .interfaces
            .iter()
            .find(|interface| BRIDGES.contains(&interface.name.as_str()));
        // Where no links were collected, the other nodes show that this network needs it.
        let needed = bridge.map(|bridge| bridge.cite.clone()).or_else(|| {
            let is_unknown = machine.host.tools.interfaces.is_empty();
            let mut others = all.iter().filter(|other| is_unknown && other.node != machine.node);
            others.find_map(|other| {
                other
                    .sysctl(KEY)
                    .filter(|(value, _)| *value == "1")
                    .map(|(_, cite)| cite)
            })
        });
        if let (Some((setting, cite)), Some(needed), true) = (off(machine), needed, suffers != Suffering::No) {
            findings.retain(|finding| finding.subject.name != machine.node);
            findings.push(
                machine
                    .finding(snapshot, rule, confidence(suffers))
                    .at("/etc/sysctl.d")
                    .cite(cite)
                    .cite(needed)
                    .fact("setting", setting),
            );
        }
    }
    findings
}

/// The parameter that is 0, or the module without which there is none.
fn off(machine: &Machine<'_>) -> Option<(String, Citation)> {
    if let Some((value, cite)) = machine.sysctl(KEY) {
        return (value == "0").then(|| (format!("{KEY} = 0"), cite));
    }
    let (_, listed) = machine.value("kernel.modules-listed")?;
    machine
        .value("kernel.module.br_netfilter")
        .is_none()
        .then(|| ("br_netfilter (lsmod)".to_owned(), listed))
}

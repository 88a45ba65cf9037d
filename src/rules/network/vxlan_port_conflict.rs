//! A program listens at the port of the overlay.

use crate::model::Confidence;
use crate::rules::toolbox::hosts::{Suffering, confidence, machines, network_suffering};
use crate::rules::toolbox::nodes::by_node;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: vxlan-port-conflict
role: cause
level: critical
needs: [listeners|container-logs]
text:
  - id: device
    pattern: 'failed to (?:create|ensure) vxlan device[^\n]{0,60}: (?P<why>file exists|address already in use)|vxlan[^\n]{0,80}: (?P<error>address already in use)'
check: {zh: "覆盖网络的端口是否被别的程序占用", en: "whether a program listens at the port of the overlay"}
title:
  zh: "节点 {{ node }} 的 VXLAN 设备无法使用端口 {{ port }}{% if program %}：被 {{ program }} 占用{% elif why %}（{{ why }}）{% endif %}"
  en: "the VXLAN device of node {{ node }} cannot use port {{ port }}{% if program %}: {{ program }} listens there{% elif why %} ({{ why }}){% endif %}"
cause:
  zh: "{% if program %}程序 {{ program }} 在 UDP {{ port }} 上监听；内核的 VXLAN 套接字不显示进程，因此这是另一个程序或另一套覆盖网络。{% else %}{{ line }}：上一次安装留下的设备或另一套覆盖网络占着端口。{% endif %}"
  en: "{% if program %}program {{ program }} listens at UDP {{ port }}; the VXLAN socket of the kernel shows no process, so this is another program or another overlay.{% else %}{{ line }}: a device of a former installation, or another overlay, has the port.{% endif %}"
causes:
  - rule: cni-agent-unhealthy
    ground: node
    mechanism: {zh: "CNI 的守护进程因此不就绪", en: "the CNI's daemon is not ready for it"}
  - rule: cni-not-ready
    ground: node
    mechanism: {zh: "节点上没有可用的 CNI 配置", en: "the node is left without a CNI configuration"}
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
  - {zh: "没有进程名的 UDP 8472 或 4789 套接字是内核的，正常", en: "a socket at UDP 8472 or 4789 without a process is that of the kernel, and healthy"}
remedy:
  - purpose: {zh: "查看端口的主人与现有的 VXLAN 设备", en: "look at who has the port, and at the VXLAN devices"}
    place: node
    risk: read-only
    command: |
      ss -lunp 'sport = :'{{ port }}
      ip -d link show type vxlan
    expect: {zh: "出现进程名，或有多个 VXLAN 设备", en: "a process is named, or there are several VXLAN devices"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "移除旧的覆盖网络留下的 VXLAN 设备", en: "remove the VXLAN device that a former overlay left"}
    place: node
    risk: dangerous
    command: "ip link delete <STALE_VXLAN_DEVICE>"
    verify: {zh: "`ss -lun` 中该端口只由当前的覆盖网络使用，CNI 日志不再报错", en: "in `ss -lun` only the present overlay has the port, and the CNI logs no more of it"}
    rollback: {zh: "设备由它的覆盖网络自行重建；删除前用 `ip -d link show` 记录参数", en: "an overlay makes its device anew; write its parameters down with `ip -d link show` first"}
    notes:
      - {zh: "端口由别的程序占用时，改动那个程序的端口", en: "where another program has the port, change that program's port"}
prevention:
  - kind: process
    text: {zh: "更换 CNI 时在节点上清除旧的设备与配置", en: "remove devices and configuration of the old CNI from nodes when it is changed"}
    acceptance: {zh: "ip -d link show type vxlan 只有一个设备", en: "ip -d link show type vxlan shows one device only"}
sources:
  - "flannel-io/flannel pkg/backend/vxlan/device.go"
  - "Linux drivers/net/vxlan: EADDRINUSE"
versions: "any"
examples:
  - name: "a program has the port"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     Ready    <none>   90d   v1.28.4
        n2     Ready    <none>   90d   v1.28.4
      "pods.txt": |
        NAMESPACE     NAME                      READY   STATUS    RESTARTS   AGE   IP           NODE
        shop          web-57b96b46b7-zv4q2      0/1     CrashLoopBackOff 7          41m   10.42.0.9    n2
      "n2/ss.txt": |
        Netid State  Recv-Q Send-Q Local Address:Port  Peer Address:Port Process
        udp   UNCONN 0      0      0.0.0.0:8472       0.0.0.0:*         users:(("iperf",pid=77,fd=3))
    fires:
      - {kind: "Node", name: "n2", node: "n2"}
  - name: "the kernel has it"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     Ready    <none>   90d   v1.28.4
        n2     Ready    <none>   90d   v1.28.4
      "pods.txt": |
        NAMESPACE     NAME                      READY   STATUS    RESTARTS   AGE   IP           NODE
        shop          web-57b96b46b7-zv4q2      0/1     CrashLoopBackOff 7          41m   10.42.0.9    n2
      "n2/ss.txt": |
        Netid State  Recv-Q Send-Q Local Address:Port  Peer Address:Port Process
        udp   UNCONN 0      0      0.0.0.0:8472       0.0.0.0:*
"##;

/// Ports of VXLAN, of which the kernel owns the socket. Agents of CNIs in user space may own others.
const VXLAN: [u16; 2] = [8472, 4789];

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings: Vec<Finding> = by_node(input, rule, 1, Confidence::Probable)
        .into_iter()
        .map(|finding| {
            let why = ["why", "error"]
                .iter()
                .find_map(|name| finding.facts.get(*name).cloned());
            finding.fact("program", "").fact("why", why).fact("port", 8472)
        })
        .collect();
    for machine in machines(snapshot) {
        let suffers = network_suffering(snapshot, &machine.node);
        let taken = machine.host.tools.listeners.iter().find(|socket| {
            socket.protocol.starts_with("udp")
                && VXLAN.contains(&socket.port)
                && !matches!(socket.process.as_str(), "" | "-")
        });
        if let (Some(socket), true) = (taken, suffers != Suffering::No) {
            findings.retain(|finding| finding.subject.name != machine.node);
            findings.push(
                machine
                    .finding(snapshot, rule, confidence(suffers))
                    .cite(socket.cite.clone())
                    .fact("port", socket.port)
                    .fact("program", socket.process.clone())
                    .fact("line", "")
                    .fact("why", ""),
            );
        }
    }
    findings
}

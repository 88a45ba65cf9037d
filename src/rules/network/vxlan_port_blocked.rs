//! The packet filter of a node refuses the packets of the overlay.

use crate::rules::toolbox::hosts::{Suffering, confidence, machines, network_suffering};
use crate::rules::toolbox::packets::{logged, refusals};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: vxlan-port-blocked
role: cause
level: critical
needs: [packet-filter|system-log|kernel-log|container-logs]
text:
  # The prefix of the log rule says what becomes of the packet.
  - id: logged
    pattern: '(?P<prefix>[A-Za-z0-9_.-]*(?i-u:drop|reject|deny|denied|block)[A-Za-z0-9_-]*)[\] :]*IN=\S* OUT=\S* [^\n]*SRC=(?P<peer>[0-9a-f.:]+) DST=[^\n]*PROTO=UDP SPT=\d+ DPT=(?P<port>8472|4789|6081|51820|51821)\b'
check: {zh: "节点防火墙是否拦截了覆盖网络的端口（VXLAN、Geneve、WireGuard）", en: "whether the packet filter of nodes refuses the ports of overlays (VXLAN, Geneve, WireGuard)"}
title:
  zh: "节点 {{ node }} 的防火墙拦截覆盖网络端口 UDP {{ port }}{% if packets %}（{{ packets }} 个数据包）{% endif %}"
  en: "the packet filter of node {{ node }} refuses the overlay port UDP {{ port }}{% if packets %} ({{ packets }} packets){% endif %}"
cause:
  zh: "{% if logged is defined %}内核记下了带前缀 {{ chain }} 的被拦截的数据包（来自节点地址 {{ peer }}）：它拦截了封装{% else %}链 {{ chain }} 中的规则 {{ text }} 拦截了封装{% endif %} Pod 流量的数据包，该节点上的 Pod 与其他节点上的 Pod 不能互访，包括 CoreDNS。"
  en: "{% if logged is defined %}the kernel logged packets that are refused with the prefix {{ chain }} (from the node address {{ peer }}): this refuses the packets{% else %}rule {{ text }} of chain {{ chain }} refuses the packets{% endif %} that carry the traffic of pods; pods of this node and of others do not reach each other, CoreDNS included."
rules_out:
  - {zh: "NetworkPolicy：它不产生针对封装端口的规则", en: "network policies: they make no rules about the port of the overlay"}
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
  - rule: webhook-call-failed
    ground: cluster
    mechanism: {zh: "API server 连不上 webhook", en: "the API server cannot reach the webhook"}
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
  - {zh: "计数为 0 的规则没有拦截过数据包", en: "a rule with a count of 0 has refused nothing"}
  - {zh: "内核的 VXLAN 套接字不显示进程，是正常的", en: "the VXLAN socket of the kernel shows no process, which is healthy"}
remedy:
  - purpose: {zh: "查看规则的计数，并抓包确认", en: "look at the counters, and watch the packets"}
    place: node
    risk: read-only
    command: |
      iptables -L {{ chain }} -n -v --line-numbers
      tcpdump -c 5 -nn udp port {{ port }}
    expect: {zh: "计数增长；只有发送没有接收", en: "the counter grows; packets leave and none arrives"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "删除该规则，并在其来源（firewalld、ufw、iptables 服务、加固脚本）中放行", en: "remove the rule, and let the traffic through where it came from (firewalld, ufw, the iptables service, a hardening script)"}
    place: node
    risk: change
    command: |
      iptables -L {{ chain }} -n --line-numbers
      iptables -D {{ chain }} <LINE_NUMBER>
    expect: {zh: "规则消失", en: "the rule is gone"}
    verify: {zh: "跨节点的 Pod 能互访", en: "pods reach each other across nodes"}
    rollback: {zh: "`iptables -I {{ chain }} <LINE_NUMBER>` 后接原来的规则", en: "`iptables -I {{ chain }} <LINE_NUMBER>` followed by the old rule"}
prevention:
  - kind: prevent
    text: {zh: "把集群需要的端口写入节点防火墙的基线", en: "keep the ports that the cluster needs in the firewall baseline of the nodes"}
    acceptance: {zh: "新节点加入后端口互通检查通过", en: "the ports are open between a new node and the others"}
  - kind: detect
    text: {zh: "部署节点间与 Pod 间的连通性探测", en: "probe nodes and pods from each other all the time"}
    acceptance: {zh: "在测试节点上加一条 DROP 规则触发告警", en: "a DROP rule on a test node raises the alert"}
sources:
  - "flannel-io/flannel Documentation/backends.md: VXLAN port 8472"
  - "projectcalico felix config: VXLANPort 4789"
  - "docs.cilium.io: Firewall Rules"
versions: "any"
examples:
  - name: "the kernel logs what it drops between nodes"
    files:
      "nodes.txt": &logging |
        NAME   STATUS   ROLES    AGE   VERSION   INTERNAL-IP
        n1     Ready    <none>   90d   v1.28.4   192.0.2.11
        n2     Ready    <none>   90d   v1.28.4   192.0.2.12
      "pods.txt": &failing |
        NAMESPACE     NAME                      READY   STATUS    RESTARTS   AGE   IP           NODE
        shop          web-57b96b46b7-zv4q2      0/1     CrashLoopBackOff 7          41m   10.42.0.9    n2
      "n2/dmesg.txt": |
        [Sat Nov 21 09:40:27 2026] host-drop: IN=ens192 OUT= MAC=00:50:56:00:20:17:00:50:56:00:20:16:08:00 SRC=192.0.2.11 DST=192.0.2.12 LEN=110 TOS=0x00 PREC=0x00 TTL=64 ID=42519 PROTO=UDP SPT=36013 DPT=8472 LEN=90
        [Sat Nov 21 09:40:55 2026] host-drop: IN=ens192 OUT= MAC=00:50:56:00:20:17:00:50:56:00:20:16:08:00 SRC=192.0.2.11 DST=192.0.2.12 LEN=134 TOS=0x00 PREC=0x00 TTL=64 ID=10371 PROTO=UDP SPT=58231 DPT=8472 LEN=114
        [Sat Nov 21 09:41:21 2026] host-drop: IN=ens192 OUT= MAC=00:50:56:00:20:17:00:50:56:00:20:16:08:00 SRC=192.0.2.11 DST=192.0.2.12 LEN=134 TOS=0x00 PREC=0x00 TTL=64 ID=25029 PROTO=UDP SPT=53908 DPT=8472 LEN=114
    fires:
      - {kind: "Node", name: "n2", node: "n2"}
  - name: "packets of which the log says nothing more for an hour"
    files:
      "nodes.txt": *logging
      "pods.txt": *failing
      "n2/dmesg.txt": |
        [Sat Nov 21 09:40:27 2026] host-drop: IN=ens192 OUT= MAC=00:50:56:00:20:17:00:50:56:00:20:16:08:00 SRC=192.0.2.11 DST=192.0.2.12 LEN=110 TOS=0x00 PREC=0x00 TTL=64 ID=42519 PROTO=UDP SPT=36013 DPT=8472 LEN=90
        [Sat Nov 21 09:40:55 2026] host-drop: IN=ens192 OUT= MAC=00:50:56:00:20:17:00:50:56:00:20:16:08:00 SRC=192.0.2.11 DST=192.0.2.12 LEN=134 TOS=0x00 PREC=0x00 TTL=64 ID=10371 PROTO=UDP SPT=58231 DPT=8472 LEN=114
        [Sat Nov 21 09:41:21 2026] host-drop: IN=ens192 OUT= MAC=00:50:56:00:20:17:00:50:56:00:20:16:08:00 SRC=192.0.2.11 DST=192.0.2.12 LEN=134 TOS=0x00 PREC=0x00 TTL=64 ID=25029 PROTO=UDP SPT=53908 DPT=8472 LEN=114
        [Sat Nov 21 10:41:21 2026] e1000e: ens192 NIC Link is Up 1000 Mbps
  - name: "packets of a time that nobody tells"
    files:
      "nodes.txt": *logging
      "pods.txt": *failing
      "n2/dmesg.txt": |
        [ 8123.440211] host-drop: IN=ens192 OUT= MAC=00:50:56:00:20:17:00:50:56:00:20:16:08:00 SRC=192.0.2.11 DST=192.0.2.12 LEN=110 TOS=0x00 PREC=0x00 TTL=64 ID=42519 PROTO=UDP SPT=36013 DPT=8472 LEN=90
        [ 8151.102938] host-drop: IN=ens192 OUT= MAC=00:50:56:00:20:17:00:50:56:00:20:16:08:00 SRC=192.0.2.11 DST=192.0.2.12 LEN=134 TOS=0x00 PREC=0x00 TTL=64 ID=10371 PROTO=UDP SPT=58231 DPT=8472 LEN=114
        [ 8177.911200] host-drop: IN=ens192 OUT= MAC=00:50:56:00:20:17:00:50:56:00:20:16:08:00 SRC=192.0.2.11 DST=192.0.2.12 LEN=134 TOS=0x00 PREC=0x00 TTL=64 ID=25029 PROTO=UDP SPT=53908 DPT=8472 LEN=114
  - name: "the same from an address that is no node's"
    files:
      "nodes.txt": *logging
      "pods.txt": *failing
      "n2/dmesg.txt": |
        [Sat Nov 21 09:40:27 2026] host-drop: IN=ens192 OUT= MAC=00:50:56:00:20:17:00:50:56:00:20:16:08:00 SRC=198.51.100.9 DST=192.0.2.12 LEN=110 TOS=0x00 PREC=0x00 TTL=64 ID=42519 PROTO=UDP SPT=36013 DPT=8472 LEN=90
        [Sat Nov 21 09:40:55 2026] host-drop: IN=ens192 OUT= MAC=00:50:56:00:20:17:00:50:56:00:20:16:08:00 SRC=198.51.100.9 DST=192.0.2.12 LEN=134 TOS=0x00 PREC=0x00 TTL=64 ID=10371 PROTO=UDP SPT=58231 DPT=8472 LEN=114
        [Sat Nov 21 09:41:21 2026] host-drop: IN=ens192 OUT= MAC=00:50:56:00:20:17:00:50:56:00:20:16:08:00 SRC=198.51.100.9 DST=192.0.2.12 LEN=134 TOS=0x00 PREC=0x00 TTL=64 ID=25029 PROTO=UDP SPT=53908 DPT=8472 LEN=114
  - name: "iptables-save"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     Ready    <none>   90d   v1.28.4
        n2     Ready    <none>   90d   v1.28.4
      "pods.txt": |
        NAMESPACE     NAME                      READY   STATUS    RESTARTS   AGE   IP           NODE
        shop          web-57b96b46b7-zv4q2      0/1     CrashLoopBackOff 7          41m   10.42.0.9    n2
      "n2/iptables-save.txt": |
        # Generated by iptables-save v1.8.7 on Sat Nov 21 09:44:24 2026
        *filter
        :INPUT ACCEPT [0:0]
        :FORWARD DROP [0:0]
        :OUTPUT ACCEPT [0:0]
        :KUBE-FIREWALL - [0:0]
        -A INPUT -p udp -m udp --dport 8472 -j DROP
        -A KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 -m comment --comment "block incoming localnet connections" -j DROP
        COMMIT
    fires:
      - {kind: "Node", name: "n2", node: "n2"}
  - name: "nft, by ranges"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     Ready    <none>   90d   v1.28.4
        n2     Ready    <none>   90d   v1.28.4
      "pods.txt": |
        NAMESPACE     NAME                      READY   STATUS    RESTARTS   AGE   IP           NODE
        shop          web-57b96b46b7-zv4q2      0/1     CrashLoopBackOff 7          41m   10.42.0.9    n2
      "n2/nft.txt": |
        table inet filter {
        	chain input {
        		type filter hook input priority filter; policy accept;
        		udp dport { 4789, 8472 } counter packets 31 bytes 180 drop
        	}
        }
    fires:
      - {kind: "Node", name: "n2", node: "n2"}
  - name: "on the interface below the overlay, and pods elsewhere answer no ping"
    files:
      "n2.txt": |
        core@n2:~$ kubectl get nodes
        NAME   STATUS   ROLES    AGE   VERSION
        n1     Ready    <none>   90d   v1.28.4
        n2     Ready    <none>   90d   v1.28.4
        core@n2:~$ ip -d link show flannel.1
        5: flannel.1: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1450 qdisc noqueue state UNKNOWN mode DEFAULT group default
            link/ether 2e:51:9a:0c:77:f3 brd ff:ff:ff:ff:ff:ff promiscuity 0
            vxlan id 1 local 10.0.0.2 dev ens3 srcport 0 0 dstport 8472 nolearning ttl auto ageing 300
        core@n2:~$ ip route
        default via 10.0.0.254 dev ens3
        10.42.1.0/24 via 10.42.1.0 dev flannel.1 onlink
        core@n2:~$ ping -c3 -W1 10.42.1.14
        PING 10.42.1.14 (10.42.1.14) 56(84) bytes of data.

        --- 10.42.1.14 ping statistics ---
        3 packets transmitted, 0 received, 100% packet loss, time 2041ms

        core@n2:~$ sudo iptables -nvL INPUT
        Chain INPUT (policy DROP 18420 packets, 1933K bytes)
         pkts bytes target     prot opt in     out     source               destination
         391K  280M ACCEPT     all  --  *      *       0.0.0.0/0            0.0.0.0/0            ctstate RELATED,ESTABLISHED
        17011 1735K DROP       udp  --  ens3   *       0.0.0.0/0            0.0.0.0/0            udp dpt:8472
    fires:
      - {kind: "Node", name: "n2", node: "n2"}
  - name: "on another interface than the one below the overlay"
    files:
      "n2.txt": |
        core@n2:~$ kubectl get nodes
        NAME   STATUS   ROLES    AGE   VERSION
        n1     Ready    <none>   90d   v1.28.4
        n2     Ready    <none>   90d   v1.28.4
        core@n2:~$ ip -d link show flannel.1
        5: flannel.1: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1450 qdisc noqueue state UNKNOWN mode DEFAULT group default
            link/ether 2e:51:9a:0c:77:f3 brd ff:ff:ff:ff:ff:ff promiscuity 0
            vxlan id 1 local 10.0.0.2 dev ens3 srcport 0 0 dstport 8472 nolearning ttl auto ageing 300
        core@n2:~$ ip route
        10.42.1.0/24 via 10.42.1.0 dev flannel.1 onlink
        core@n2:~$ ping -c3 -W1 10.42.1.14
        PING 10.42.1.14 (10.42.1.14) 56(84) bytes of data.

        --- 10.42.1.14 ping statistics ---
        3 packets transmitted, 0 received, 100% packet loss, time 2041ms

        core@n2:~$ sudo iptables -nvL INPUT
        Chain INPUT (policy DROP 18420 packets, 1933K bytes)
         pkts bytes target     prot opt in     out     source               destination
        17011 1735K DROP       udp  --  ens9   *       0.0.0.0/0            0.0.0.0/0            udp dpt:8472
  - name: "it met nothing, and all is well"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     Ready    <none>   90d   v1.28.4
        n2     Ready    <none>   90d   v1.28.4
      "pods.txt": |
        NAMESPACE     NAME                      READY   STATUS    RESTARTS   AGE   IP           NODE
        shop          web-57b96b46b7-zv4q2      1/1     Running   0          41m   10.42.0.9    n2
      "n2/iptables-save.txt": |
        # Generated by iptables-save v1.8.7 on Sat Nov 21 09:44:24 2026
        *filter
        :INPUT ACCEPT [0:0]
        :FORWARD DROP [0:0]
        :OUTPUT ACCEPT [0:0]
        :KUBE-FIREWALL - [0:0]
        -A INPUT -p udp -m udp --dport 8472 -j DROP
        -A KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 -m comment --comment "block incoming localnet connections" -j DROP
        COMMIT
  - name: "only rules of the components"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     Ready    <none>   90d   v1.28.4
        n2     Ready    <none>   90d   v1.28.4
      "pods.txt": |
        NAMESPACE     NAME                      READY   STATUS    RESTARTS   AGE   IP           NODE
        shop          web-57b96b46b7-zv4q2      0/1     CrashLoopBackOff 7          41m   10.42.0.9    n2
      "n2/iptables-save.txt": |
        # Generated by iptables-save v1.8.7 on Sat Nov 21 09:44:24 2026
        *filter
        :INPUT ACCEPT [0:0]
        :FORWARD DROP [0:0]
        :OUTPUT ACCEPT [0:0]
        :KUBE-FIREWALL - [0:0]
        -A KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 -m comment --comment "block incoming localnet connections" -j DROP
        COMMIT
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings = Vec::new();
    for machine in machines(snapshot) {
        let suffers = network_suffering(snapshot, &machine.node);
        if suffers == Suffering::No {
            continue;
        }
        let found = refusals(snapshot, &machine)
            .into_iter()
            .filter(|refusal| refusal.has_met())
            .find_map(|refusal| Some((refusal.overlay_port()?, refusal.rule)));
        if let Some((port, refusal)) = found {
            findings.push(
                machine
                    .finding(snapshot, rule, confidence(suffers))
                    .at(refusal.chain.clone())
                    .cite(refusal.cite.clone())
                    .fact("port", port)
                    .fact("chain", refusal.chain.clone())
                    .fact("text", refusal.text.clone())
                    .fact("packets", refusal.packets),
            );
        }
    }
    for finding in logged(input, rule) {
        if findings.iter().all(|known| known.subject != finding.subject) {
            findings.push(finding);
        }
    }
    findings
}

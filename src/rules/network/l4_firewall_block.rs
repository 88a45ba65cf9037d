//! The packet filter of a node drops what the cluster needs.

use crate::model::{Confidence, Subject};
use crate::rules::toolbox::hosts::{Suffering, confidence, machines, network_suffering};
use crate::rules::toolbox::packets::{logged, refusals};
use crate::rules::toolbox::{add_hit, own_hits};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: l4-firewall-block
role: cause
level: critical
needs: [packet-filter|system-log|kernel-log|container-logs]
text:
  - id: rke
    pattern: '\[network\] Host \[(?P<host>[^\]]+)\] is not able to connect to the following ports: \[(?P<peers>[^\]]+)\]'
  # VRRP is protocol 112 (RFC 5798); the ports are those that nodes need of each other.
  - id: logged
    pattern: '(?P<prefix>[A-Za-z0-9_.-]*(?i-u:drop|reject|deny|denied|block)[A-Za-z0-9_-]*)[\] :]*IN=\S* OUT=\S* [^\n]*SRC=(?P<peer>[0-9a-f.:]+) DST=[^\n]*PROTO=(?:112\b|TCP SPT=\d+ DPT=(?P<port>53|179|2379|2380|5473|6443|9345|10250|10256|10257)\b|UDP SPT=\d+ DPT=(?P<query>53)\b)'
  # keepalived vrrp.c: two masters hear of each other in one direction only.
  - id: two-masters
    pattern: 'Received (?:advert|lower priority advert)[^\n]{0,60}(?:with lower priority|forcing new election)'
check: {zh: "节点防火墙是否丢弃了集群需要的流量", en: "whether the packet filter of nodes drops traffic that the cluster needs"}
title:
  zh: "{% if host %}主机 {{ host }} 连不上 {{ peers }}：节点间的端口被防火墙拦截{% else %}节点 {{ node }} 的防火墙丢弃{% if peer %}来自或发往 {{ peer }} 的数据包{% else %}端口 {{ port }} 的流量{% endif %}{% if packets %}（{{ packets }} 个数据包）{% endif %}{% endif %}"
  en: "{% if host %}host {{ host }} cannot connect to {{ peers }}: a firewall closes ports between the nodes{% else %}the packet filter of node {{ node }} drops {% if peer %}packets of {{ peer }}{% else %}traffic to port {{ port }}{% endif %}{% if packets %} ({{ packets }} packets){% endif %}{% endif %}"
cause:
  zh: "{% if host %}RKE 的端口检查失败：{{ text }}{% elif logged is defined %}内核记下了带前缀 {{ chain }} 的被拦截的数据包：{{ text }}{% else %}链 {{ chain }} 中的规则 {{ text }} 丢弃数据包而不应答，对端因此超时而不是被拒绝。{% endif %}"
  en: "{% if host %}the port check of RKE failed: {{ text }}{% elif logged is defined %}the kernel logged packets that are refused with the prefix {{ chain }}: {{ text }}{% else %}rule {{ text }} of chain {{ chain }} drops packets without an answer, so peers time out and are not refused.{% endif %}"
causes:
  - rule: registry-unreachable-timeout
    ground: node
    mechanism: {zh: "到镜像仓库的请求得不到应答", en: "requests to the registry get no answer"}
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
  - rule: webhook-call-failed
    ground: cluster
    mechanism: {zh: "API server 连不上 webhook", en: "the API server cannot reach the webhook"}
  - rule: etcd-member-down
    ground: node
    mechanism: {zh: "成员之间的连接被阻断", en: "members of etcd cannot reach each other"}
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
  - rule: service-unreachable
    ground: node
    mechanism: {zh: "到后端的路径不通", en: "the way to what stands behind it is broken"}
  - rule: probe-failing
    ground: node
    mechanism: {zh: "节点的故障使其上的探针都失败", en: "the node is in trouble, and so are the probes on it"}
  - rule: cross-node-pod-network-broken
    ground: cluster
    mechanism: {zh: "跨节点的数据包过不去", en: "packets between nodes do not pass"}
  - rule: calico-bgp-not-established
    ground: cluster
    mechanism: {zh: "TCP 179 被拦截", en: "TCP 179 is blocked"}
benign:
  - {zh: "connection refused 说明主机可达，不是 DROP", en: "connection refused shows that the host was reached: no DROP"}
  - {zh: "计数为 0 的规则、丢弃 INVALID 状态的规则", en: "rules with a count of 0, rules that drop the state INVALID"}
remedy:
  - purpose: {zh: "查看规则与计数", en: "look at the rules and their counters"}
    place: node
    risk: read-only
    command: |
      iptables -L {{ chain or "INPUT" }} -n -v --line-numbers
      nc -vz {{ peer or "<OTHER_NODE_IP>" }} {{ port or 6443 }}
    expect: {zh: "计数增长；连接超时", en: "the counter grows; the connection times out"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "删除该规则，并在其来源（firewalld、ufw、iptables 服务、加固脚本）中放行", en: "remove the rule, and let the traffic through where it came from (firewalld, ufw, the iptables service, a hardening script)"}
    place: node
    risk: change
    command: |
      iptables -L {{ chain }} -n --line-numbers
      iptables -D {{ chain }} <LINE_NUMBER>
    expect: {zh: "规则消失", en: "the rule is gone"}
    verify: {zh: "nc -vz 能连通，节点与 Pod 恢复", en: "nc -vz connects, and nodes and pods recover"}
    rollback: {zh: "`iptables -I {{ chain }} <LINE_NUMBER>` 后接原来的规则", en: "`iptables -I {{ chain }} <LINE_NUMBER>` followed by the old rule"}
prevention:
  - kind: prevent
    text: {zh: "把集群需要的端口写入节点防火墙的基线", en: "keep the ports that the cluster needs in the firewall baseline of the nodes"}
    acceptance: {zh: "新节点加入后端口互通检查通过", en: "the ports are open between a new node and the others"}
  - kind: detect
    text: {zh: "部署节点间与 Pod 间的连通性探测", en: "probe nodes and pods from each other all the time"}
    acceptance: {zh: "在测试节点上加一条 DROP 规则触发告警", en: "a DROP rule on a test node raises the alert"}
sources:
  - "kubernetes.io/docs/reference/networking/ports-and-protocols"
  - "rancher/rke cluster/network.go: `is not able to connect to the following ports`"
versions: "any"
examples:
  - name: "the kernel logs adverts of VRRP that it rejects"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES           AGE   VERSION   INTERNAL-IP
        n1     Ready    control-plane   90d   v1.28.4   192.0.2.11
        n2     Ready    control-plane   90d   v1.28.4   192.0.2.12
      "n2/dmesg.txt": |
        [Sat Nov 21 09:40:27 2026] FINAL_REJECT: IN=ens192 OUT= MAC=01:00:5e:00:00:12:00:50:56:00:11:0a:08:00 SRC=192.0.2.11 DST=224.0.0.18 LEN=40 TOS=0x00 PREC=0xC0 TTL=255 ID=10049 PROTO=112
        [Sat Nov 21 09:40:55 2026] FINAL_REJECT: IN=ens192 OUT= MAC=01:00:5e:00:00:12:00:50:56:00:11:0a:08:00 SRC=192.0.2.11 DST=224.0.0.18 LEN=40 TOS=0x00 PREC=0xC0 TTL=255 ID=45106 PROTO=112
        [Sat Nov 21 09:41:21 2026] FINAL_REJECT: IN=ens192 OUT= MAC=01:00:5e:00:00:12:00:50:56:00:11:0a:08:00 SRC=192.0.2.11 DST=224.0.0.18 LEN=40 TOS=0x00 PREC=0xC0 TTL=255 ID=26001 PROTO=112
      "n1/keepalived.log": |
        Nov 21 09:41:20 n1 Keepalived_vrrp[1402]: (VI_API) Received advert from 192.0.2.12 with lower priority 100, ours 150, forcing new election
    fires:
      - {kind: "Node", name: "n2", node: "n2"}
  - name: "the port of the kubelet"
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
        -A INPUT -p tcp -m tcp --dport 10250 -j DROP
        -A KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 -m comment --comment "block incoming localnet connections" -j DROP
        COMMIT
    fires:
      - {kind: "Node", name: "n2", node: "n2"}
  - name: "one node shuts another one out"
    files:
      "nodes.json": '{"kind": "NodeList", "apiVersion": "v1", "items": [{"metadata": {"name": "n1"}, "status": {"addresses": [{"type": "InternalIP", "address": "10.0.0.1"}], "conditions": [{"type": "Ready", "status": "True"}]}}, {"metadata": {"name": "n2"}, "status": {"addresses": [{"type": "InternalIP", "address": "10.0.0.2"}], "conditions": [{"type": "Ready", "status": "Unknown"}]}}]}'
      "nodes/n2/iptables.txt": |
        # Generated by iptables-save v1.8.7 on Sat Nov 21 09:44:24 2026
        *filter
        :INPUT ACCEPT [0:0]
        :FORWARD DROP [0:0]
        :OUTPUT ACCEPT [0:0]
        :KUBE-FIREWALL - [0:0]
        -A INPUT -s 10.0.0.1/32 -j DROP
        -A OUTPUT -d 10.0.0.1/32 -j DROP
        -A KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 -m comment --comment "block incoming localnet connections" -j DROP
        COMMIT
    fires:
      - {kind: "Node", name: "n2", node: "n2"}
  - name: "a bad host outside is shut out"
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
        -A INPUT -s 203.0.113.9/32 -j DROP
        -A INPUT -m conntrack --ctstate INVALID -j DROP
        -A KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 -m comment --comment "block incoming localnet connections" -j DROP
        COMMIT
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings = told_by_rke(input, rule);
    for machine in machines(snapshot) {
        let suffers = network_suffering(snapshot, &machine.node);
        if suffers == Suffering::No {
            continue;
        }
        let harmful = refusals(snapshot, &machine).into_iter().find(|refusal| {
            refusal.rule.target == "DROP"
                && refusal.has_met()
                && (refusal.cluster_port().is_some() || !refusal.node_address.is_empty() && refusal.ports.is_empty())
        });
        let Some(refusal) = harmful else { continue };
        let mut finding = machine
            .finding(snapshot, rule, confidence(suffers))
            .at(refusal.rule.chain.clone())
            .cite(refusal.rule.cite.clone())
            .fact("host", "")
            .fact("peers", "")
            .fact("peer", refusal.node_address.clone())
            .fact("port", refusal.cluster_port())
            .fact("chain", refusal.rule.chain.clone())
            .fact("text", refusal.rule.text.clone())
            .fact("packets", refusal.rule.packets);
        for other in snapshot.kind("Node").filter(|other| {
            let is_it = |address: &serde_json::Value| {
                address.get("address").and_then(|text| text.as_str()) == Some(&refusal.node_address)
            };
            other.list("/status/addresses").iter().any(is_it)
        }) {
            finding.add_affected(other.subject());
        }
        findings.push(finding);
    }
    for finding in logged(input, rule) {
        if findings.iter().all(|known| known.subject != finding.subject) {
            findings.push(finding.fact("host", "").fact("peers", ""));
        }
    }
    findings
}

/// RKE tries the ports between hosts before it makes a cluster.
fn told_by_rke(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    own_hits(input, rule)
        .into_iter()
        .filter_map(|hit| {
            let host = hit.captures.get("host")?;
            let text = hit.cite.quote.first().map_or("", |line| line.text.as_str());
            let mut finding = Finding::new(rule, Subject::node(host), Confidence::Confirmed)
                .fact("node", host.clone())
                .fact("peer", "")
                .fact("port", None::<u16>)
                .fact("chain", "")
                .fact("text", text)
                .fact("packets", None::<u64>);
            finding.count = 0;
            add_hit(input, &mut finding, hit);
            Some(finding)
        })
        .collect()
}

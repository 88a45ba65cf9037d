//! The packet filter of a node rejects what the cluster needs.

use crate::cluster::{Hit, Snapshot};
use crate::rules::toolbox::hosts::{Suffering, confidence, machines, network_suffering};
use crate::rules::toolbox::packets::refusals;
use crate::rules::toolbox::{add_hit, own_hits};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: iptables-reject-rule
role: cause
level: critical
needs: [packet-filter]
text:
  - id: no-route
    pattern: '(?:connect: no route to host|EHOSTUNREACH|No route to host|NoRouteToHostException|Destination (?:unreachable|Host) \(?[Aa]dministratively prohibited|Host is unreachable|ICMP host \S+ unreachable - admin prohibited)'
check: {zh: "节点防火墙是否拒绝了集群需要的流量（REJECT）", en: "whether the packet filter of nodes rejects traffic that the cluster needs (REJECT)"}
title:
  zh: "节点 {{ node }} 的防火墙以 REJECT 拒绝{% if port %}端口 {{ port }} 的流量{% elif peer %}与 {{ peer }} 的通信{% else %}未被放行的全部流量{% endif %}{% if packets %}（{{ packets }} 个数据包）{% endif %}"
  en: "the packet filter of node {{ node }} rejects {% if port %}traffic to port {{ port }}{% elif peer %}traffic of {{ peer }}{% else %}whatever was not let through before{% endif %}{% if packets %} ({{ packets }} packets){% endif %}"
cause:
  zh: "链 {{ chain }} 中的规则 {{ text }} 拒绝数据包。icmp-host-prohibited 或 icmp-host-unreachable 使客户端报 no route to host，尽管路由存在{% if said %}：{{ said }}{% else %}。{% endif %}"
  en: "rule {{ text }} of chain {{ chain }} rejects packets. With icmp-host-prohibited or icmp-host-unreachable clients say \"no route to host\" although there is a route{% if said %}: {{ said }}{% else %}.{% endif %}"
rules_out:
  - {zh: "路由：no route to host 在这里来自 REJECT", en: "routes: \"no route to host\" comes from the REJECT here"}
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
benign:
  - {zh: "kube-proxy 为没有端点的 Service 写入的 REJECT（… has no endpoints）是正常的", en: "REJECT rules that kube-proxy writes for Services without endpoints (… has no endpoints) are normal"}
  - {zh: "firewalld 在放行规则之后的总拒绝规则，只要集群端口已放行就正常", en: "the final REJECT of firewalld is fine as long as the ports of the cluster are let through before"}
remedy:
  - purpose: {zh: "查看规则、顺序与计数", en: "look at the rules, their order and counters"}
    place: node
    risk: read-only
    command: |
      iptables -L {{ chain }} -n -v --line-numbers
      systemctl is-active firewalld ufw
    expect: {zh: "REJECT 的计数增长", en: "the counter of the REJECT grows"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "删除该规则，并在其来源（firewalld、ufw、iptables 服务、加固脚本）中放行", en: "remove the rule, and let the traffic through where it came from (firewalld, ufw, the iptables service, a hardening script)"}
    place: node
    risk: change
    command: |
      iptables -L {{ chain }} -n --line-numbers
      iptables -D {{ chain }} <LINE_NUMBER>
    expect: {zh: "规则消失", en: "the rule is gone"}
    verify: {zh: "不再出现 no route to host", en: "\"no route to host\" shows no more"}
    rollback: {zh: "`iptables -I {{ chain }} <LINE_NUMBER>` 后接原来的规则", en: "`iptables -I {{ chain }} <LINE_NUMBER>` followed by the old rule"}
prevention:
  - kind: prevent
    text: {zh: "把集群需要的端口写入节点防火墙的基线", en: "keep the ports that the cluster needs in the firewall baseline of the nodes"}
    acceptance: {zh: "新节点加入后端口互通检查通过", en: "the ports are open between a new node and the others"}
  - kind: detect
    text: {zh: "部署节点间与 Pod 间的连通性探测", en: "probe nodes and pods from each other all the time"}
    acceptance: {zh: "在测试节点上加一条 DROP 规则触发告警", en: "a DROP rule on a test node raises the alert"}
sources:
  - "iptables-extensions(8): REJECT"
  - "kubernetes pkg/proxy/iptables/proxier.go: `has no endpoints`"
versions: "any"
examples:
  - name: "a final REJECT, and pods find no route to host"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     Ready    <none>   90d   v1.28.4
        n2     Ready    <none>   90d   v1.28.4
      "pods.txt": |
        NAMESPACE     NAME                      READY   STATUS    RESTARTS   AGE   IP           NODE
        shop          web-57b96b46b7-zv4q2      0/1     CrashLoopBackOff 7          41m   10.42.0.9    n2
      "web-57b96b46b7-zv4q2.log": |
        dial tcp 10.42.1.9:5432: connect: no route to host
        dial tcp 10.42.1.9:5432: connect: no route to host
      "n2/iptables.txt": |
        Chain INPUT (policy ACCEPT 0 packets, 0 bytes)
         pkts bytes target     prot opt in     out     source               destination
          311 18060 REJECT     all  --  *      *       0.0.0.0/0            0.0.0.0/0            reject-with icmp-host-prohibited
    fires:
      - {kind: "Node", name: "n2", node: "n2"}
  - name: "a final REJECT, and nobody complains"
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
        -A INPUT -j REJECT --reject-with icmp-host-prohibited
        -A KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 -m comment --comment "block incoming localnet connections" -j DROP
        COMMIT
  - name: "kube-proxy's own"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     Ready    <none>   90d   v1.28.4
        n2     Ready    <none>   90d   v1.28.4
      "pods.txt": |
        NAMESPACE     NAME                      READY   STATUS    RESTARTS   AGE   IP           NODE
        shop          web-57b96b46b7-zv4q2      0/1     CrashLoopBackOff 7          41m   10.42.0.9    n2
      "web-57b96b46b7-zv4q2.log": |
        connect: no route to host
      "n2/iptables-save.txt": |
        # Generated by iptables-save v1.8.7 on Sat Nov 21 09:44:24 2026
        *filter
        :INPUT ACCEPT [0:0]
        :FORWARD DROP [0:0]
        :OUTPUT ACCEPT [0:0]
        :KUBE-FIREWALL - [0:0]
        -A KUBE-SERVICES -d 10.96.0.5/32 -p tcp -m comment --comment "shop/db has no endpoints" -j REJECT --reject-with icmp-port-unreachable
        -A KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 -m comment --comment "block incoming localnet connections" -j DROP
        COMMIT
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot: &Snapshot = input.snapshot;
    let mut findings = Vec::new();
    let hits = own_hits(input, rule);
    for machine in machines(snapshot) {
        let node = snapshot.object("Node", "", &machine.node);
        let listed = node.map_or(&[][..], |node| node.list("/status/addresses")).iter();
        let addresses: Vec<&str> = listed.filter_map(|address| address.get("address")?.as_str()).collect();
        // Whoever is turned away names the machine by its address.
        let names_machine = |hit: &&Hit| {
            let quoted = hit.cite.quote.iter().map(|line| line.text.as_str());
            let mut words = quoted.flat_map(|line| line.split([' ', '"', '/', ',']));
            words.any(|word| {
                let address = word.rsplit_once(':').map_or(word, |(address, _)| address);
                addresses.contains(&address)
            })
        };
        let suffers = match hits.iter().any(names_machine) {
            true => Suffering::Yes,
            false => network_suffering(snapshot, &machine.node),
        };
        if suffers == Suffering::No {
            continue;
        }
        let complaints: Vec<_> = hits
            .iter()
            .filter(|hit| hit.about.node.is_empty() || hit.about.node == machine.node)
            .collect();
        let harmful = refusals(snapshot, &machine).into_iter().find(|refusal| {
            let named = refusal.cluster_port().is_some() || !refusal.node_address.is_empty();
            refusal.rule.target == "REJECT"
                && refusal.has_met()
                && (named || refusal.is_catch_all() && !complaints.is_empty())
        });
        let Some(refusal) = harmful else { continue };
        let said = complaints
            .first()
            .and_then(|hit| hit.cite.quote.first())
            .map_or(String::new(), |line| {
                crate::logs::clean_line(&line.text).trim().chars().take(200).collect()
            });
        let mut finding = machine
            .finding(snapshot, rule, confidence(suffers))
            .at(refusal.rule.chain.clone())
            .cite(refusal.rule.cite.clone())
            .fact("peer", refusal.node_address.clone())
            .fact("port", refusal.cluster_port())
            .fact("chain", refusal.rule.chain.clone())
            .fact("text", refusal.rule.text.clone())
            .fact("packets", refusal.rule.packets)
            .fact("said", said);
        for hit in complaints.into_iter().take(3) {
            add_hit(input, &mut finding, hit);
        }
        findings.push(finding);
    }
    findings
}

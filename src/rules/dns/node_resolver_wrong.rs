//! A node's own resolver cannot work as it is configured.

use crate::bundle::decode::Resolver;
use crate::cluster::Snapshot;
use crate::rules::toolbox::hosts::{Machine, Suffering, confidence, is_down, machines, suffering};
use crate::rules::toolbox::names::dns_addresses;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: node-resolver-wrong
role: cause
level: critical
needs: [resolv.conf]
check: {zh: "节点的 /etc/resolv.conf 是否可用", en: "whether /etc/resolv.conf of nodes can work"}
title:
  zh: "节点 {{ node }} 的解析器配置有误：{{ setting }}"
  en: "the resolver of node {{ node }} is configured wrongly: {{ setting }}"
cause:
  zh: "{% if kind == \"circular\" %}节点的 resolv.conf 指向集群域名服务 {{ server }}，而 CoreDNS 又把外部名字转发给节点的 resolv.conf 中的地址：查询成环，节点也要等 CoreDNS 启动才能解析镜像仓库。{% elif kind == \"stub\" %}resolv.conf 指向本机的 {{ server }}，而 systemd-resolved 没有运行，没有人应答。{% else %}resolv.conf 中没有 nameserver，节点上的任何名字都无法解析。{% endif %}"
  en: "{% if kind == \"circular\" %}resolv.conf of the node names the cluster's name service {{ server }}, and CoreDNS forwards outside names to what resolv.conf of the node says: queries go in a circle, and the node cannot resolve its registries before CoreDNS runs.{% elif kind == \"stub\" %}resolv.conf names {{ server }} on the machine itself, and systemd-resolved does not run: nobody answers.{% else %}resolv.conf has no nameserver, and no name resolves on the node.{% endif %}"
causes:
  - rule: dns-resolution-failure-node
    ground: node
    mechanism: {zh: "节点的解析器无法应答", en: "the node's resolver cannot answer"}
  - rule: dns-resolution-failure-node
    ground: cluster
    mechanism: {zh: "节点的解析器无法应答", en: "the node's resolver cannot answer"}
  - rule: coredns-loop
    ground: cluster
    mechanism: {zh: "CoreDNS 转发给了自己", en: "CoreDNS forwards to itself"}
  - rule: coredns-upstream-timeout
    ground: cluster
    mechanism: {zh: "上游地址没有应答", en: "the upstream does not answer"}
  - rule: image-pull-backoff
    ground: workload
    mechanism: {zh: "镜像因此拉取失败", en: "the image cannot be pulled for it"}
  - rule: node-notready
    ground: node
    mechanism: {zh: "节点因此不再就绪", en: "the node is not ready for it"}
  - rule: failedscheduling-taint
    ground: node
    mechanism: {zh: "节点的状况变成污点，调度器因此避开它", en: "the node's condition becomes a taint, and the scheduler keeps away"}
benign:
  - {zh: "systemd-resolved 运行时的 127.0.0.53 是正常的", en: "127.0.0.53 is fine while systemd-resolved runs"}
remedy:
  - purpose: {zh: "查看解析器的配置与状态", en: "look at the configuration and the state of the resolver"}
    place: node
    risk: read-only
    command: |
      ls -l /etc/resolv.conf
      cat /etc/resolv.conf
      resolvectl status
      getent hosts registry.k8s.io
    expect: {zh: "与上面引用的一致；没有地址", en: "it agrees with what is quoted; no address"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "指向可用的上游 DNS", en: "name an upstream that works"}
    place: node
    risk: change
    command: |
      systemctl restart systemd-resolved
      ln -sf /run/systemd/resolve/resolv.conf /etc/resolv.conf
    expect: {zh: "没有输出", en: "no output"}
    verify: {zh: "getent hosts registry.k8s.io 返回地址", en: "getent hosts registry.k8s.io prints an address"}
    rollback: {zh: "恢复原来的 /etc/resolv.conf", en: "put the former /etc/resolv.conf back"}
    notes:
      - {zh: "没有 systemd-resolved 的系统在网络配置（nmcli、netplan、dhclient）中设置 DNS", en: "without systemd-resolved, set DNS in the configuration of the network (nmcli, netplan, dhclient)"}
prevention:
  - kind: detect
    text: {zh: "从每个节点定期解析镜像仓库的名称", en: "resolve the names of registries from every node regularly"}
    acceptance: {zh: "停掉测试节点的解析器触发告警", en: "stopping the resolver of a test node raises the alert"}
sources:
  - "resolv.conf(5)"
  - "coredns.io/plugins/loop: Troubleshooting Loops In Kubernetes Clusters"
  - "systemd-resolved.service(8)"
versions: "any"
examples:
  - name: "the stub of a resolver that is stopped"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     NotReady    <none>   90d   v1.28.4
      "n1/resolv.conf": |
        nameserver 127.0.0.53
        options edns0
      "n1/units.txt": |
        UNIT                     LOAD   ACTIVE   SUB    DESCRIPTION
        systemd-resolved.service loaded inactive dead   Network Name Resolution
        kubelet.service          loaded active   running kubelet
    fires:
      - {kind: "Node", name: "n1", node: "n1"}
  - name: "the name service of the cluster"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     Ready    <none>   90d   v1.28.4
        n2     Ready    <none>   90d   v1.28.4
      "pods.txt": |
        NAMESPACE     NAME                      READY   STATUS    RESTARTS   AGE   IP           NODE
        shop          web-57b96b46b7-zv4q2      0/1     CrashLoopBackOff 7          41m   10.42.0.9    n2
      "svc.txt": |
        NAMESPACE     NAME       TYPE        CLUSTER-IP    EXTERNAL-IP   PORT(S)         AGE
        kube-system   kube-dns   ClusterIP   10.96.0.10    <none>        53/UDP,53/TCP   90d
      "n2/etc/resolv.conf": |
        nameserver 10.96.0.10
    fires:
      - {kind: "Node", name: "n2", node: "n2"}
  - name: "as usual"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     NotReady    <none>   90d   v1.28.4
      "n1/resolv.conf": |
        nameserver 127.0.0.53
        options edns0
      "n1/units.txt": |
        UNIT                     LOAD   ACTIVE   SUB     DESCRIPTION
        systemd-resolved.service loaded active   running Network Name Resolution
  - name: "that of a pod"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     Ready    <none>   90d   v1.28.4
        n2     Ready    <none>   90d   v1.28.4
      "pods.txt": |
        NAMESPACE     NAME                      READY   STATUS    RESTARTS   AGE   IP           NODE
        shop          web-57b96b46b7-zv4q2      0/1     CrashLoopBackOff 7          41m   10.42.0.9    n2
      "svc.txt": |
        NAMESPACE     NAME       TYPE        CLUSTER-IP    EXTERNAL-IP   PORT(S)         AGE
        kube-system   kube-dns   ClusterIP   10.96.0.10    <none>        53/UDP,53/TCP   90d
      "n2/web-57b96b46b7-zv4q2-resolv.conf": |
        search shop.svc.cluster.local svc.cluster.local cluster.local
        nameserver 10.96.0.10
        options ndots:5
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings = Vec::new();
    for machine in machines(snapshot).iter().filter(|machine| machine.is_node(snapshot)) {
        let suffers = suffering(snapshot, &machine.node);
        let wrong = machine
            .host
            .resolvers
            .iter()
            .filter(|resolver| !is_of_pod(resolver))
            .find_map(|resolver| Some((wrong(snapshot, machine, resolver)?, resolver)));
        if let (Some(((kind, server), resolver)), true) = (wrong, suffers != Suffering::No) {
            let setting = match kind {
                "none" => "/etc/resolv.conf: nameserver -".to_owned(),
                _ => format!("nameserver {server}"),
            };
            findings.push(
                machine
                    .finding(snapshot, rule, confidence(suffers))
                    .at("/etc/resolv.conf")
                    .cite(resolver.cite.clone())
                    .fact("kind", kind)
                    .fact("server", server)
                    .fact("setting", setting),
            );
        }
    }
    findings
}

/// The kubelet gives pods a search list below `svc` (kubernetes pkg/kubelet/network/dns).
fn is_of_pod(resolver: &Resolver) -> bool {
    resolver
        .search
        .iter()
        .any(|domain| domain.starts_with("svc.") || domain.contains(".svc."))
}

fn wrong(snapshot: &Snapshot, machine: &Machine<'_>, resolver: &Resolver) -> Option<(&'static str, String)> {
    let cluster = dns_addresses(snapshot);
    if let Some(server) = resolver
        .nameservers
        .iter()
        .find(|server| cluster.contains(&server.as_str()))
    {
        return Some(("circular", server.clone()));
    }
    let stub = resolver
        .nameservers
        .iter()
        .find(|server| matches!(server.as_str(), "127.0.0.53" | "127.0.0.54"));
    let is_stopped = machine.host.tools.unit("systemd-resolved").is_some_and(is_down);
    match (stub, resolver.nameservers.len()) {
        (Some(server), 1) if is_stopped => Some(("stub", server.clone())),
        (None, 0) => Some(("none", String::new())),
        _ => None,
    }
}

//! A node lacks kube-proxy's rules for Services that have endpoints.

use crate::cluster::{Object, Snapshot};
use crate::model::Citation;
use crate::rules::toolbox::hosts::{Machine, Suffering, confidence, machines, network_suffering};
use crate::rules::toolbox::services::{answering, ports};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: service-dnat-missing
role: cause
level: critical
needs: [packet-filter|ipvs]
check: {zh: "节点上是否有 kube-proxy 为 Service 写入的规则", en: "whether nodes have the rules of kube-proxy for Services"}
title:
  zh: "节点 {{ node }} 上{% if service %}没有通往 Service {{ service }} 的规则，尽管它有 {{ ready }} 个就绪的端点{% else %}没有 kube-proxy 的规则（没有 KUBE-SERVICES 链）{% endif %}"
  en: "node {{ node }} has {% if service %}no rule that leads to Service {{ service }}, although it has {{ ready }} ready endpoints{% else %}none of the rules of kube-proxy (no chain KUBE-SERVICES){% endif %}"
cause:
  zh: "{% if kind == \"ipvs\" %}IPVS 的虚拟服务器 {{ address }} 没有后端{% elif kind == \"reject\" %}规则 {{ text }} 仍然拒绝该 Service 的连接{% else %}nat 表中没有 KUBE-SERVICES 链，发往 ClusterIP 的数据包不会被改写{% endif %}：kube-proxy 没有同步，或规则被 firewalld、iptables-restore 等清除。"
  en: "{% if kind == \"ipvs\" %}the virtual server {{ address }} of IPVS has no backend{% elif kind == \"reject\" %}rule {{ text }} still rejects connections to the Service{% else %}the nat table has no chain KUBE-SERVICES, so packets to a ClusterIP are not rewritten{% endif %}: kube-proxy does not synchronise, or its rules were flushed by firewalld, iptables-restore and the like."
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
  - rule: service-unreachable
    ground: node
    mechanism: {zh: "到后端的路径不通", en: "the way to what stands behind it is broken"}
benign:
  - {zh: "无头 Service 没有规则", en: "headless Services have no rules"}
  - {zh: "nftables 模式与 Cilium 替代 kube-proxy 时没有 KUBE-* 链", en: "there are no KUBE-* chains in nftables mode and with the kube-proxy replacement of Cilium"}
remedy:
  - purpose: {zh: "查看规则与 kube-proxy 的最近同步", en: "look at the rules and at the last synchronisation"}
    place: node
    risk: read-only
    command: |
      iptables-save -t nat | grep -c KUBE-SVC
      ipvsadm -Ln
      curl -s http://127.0.0.1:10256/healthz
    expect: {zh: "没有规则；lastUpdated 很久以前", en: "no rules; lastUpdated is long ago"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "重启该节点的 kube-proxy，让它重写规则", en: "restart kube-proxy of the node, so that it writes its rules again"}
    place: cluster
    risk: change
    command: "kubectl -n kube-system delete pod -l k8s-app=kube-proxy --field-selector spec.nodeName={{ node }}"
    expect: {zh: "Pod 被重建", en: "the pod is created again"}
    verify: {zh: "从该节点能访问 ClusterIP", en: "the ClusterIP answers from the node"}
    rollback: {zh: "无需回滚：DaemonSet 会重建该 Pod", en: "none needed: the DaemonSet creates the pod again"}
prevention:
  - kind: prevent
    text: {zh: "在节点上停用 firewalld，或让它不清除 KUBE-* 链", en: "turn firewalld off on nodes, or keep it from flushing the chains KUBE-*"}
    acceptance: {zh: "重载防火墙后 KUBE-SERVICES 仍在", en: "KUBE-SERVICES is still there after the firewall was reloaded"}
  - kind: detect
    text: {zh: "对 kubeproxy_sync_proxy_rules_last_timestamp_seconds 告警", en: "alert on kubeproxy_sync_proxy_rules_last_timestamp_seconds"}
    acceptance: {zh: "停掉 kube-proxy 触发告警", en: "stopping kube-proxy raises the alert"}
sources:
  - "kubernetes pkg/proxy/iptables/proxier.go: KUBE-SERVICES, `has no endpoints`"
  - "kubernetes pkg/proxy/ipvs/README.md"
versions: "Kubernetes 1.8 to 1.36"
examples:
  - name: "IPVS without backends"
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
      "ep.txt": |
        NAMESPACE     NAME       ENDPOINTS                     AGE
        kube-system   kube-dns   10.244.0.5:53,10.244.0.6:53   90d
      "n2/ipvsadm.txt": |
        IP Virtual Server version 1.2.1 (size=4096)
        Prot LocalAddress:Port Scheduler Flags
          -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
        TCP  10.96.0.10:53 rr
        UDP  10.96.0.10:53 rr
          -> 10.244.0.5:53                Masq    1      4          0
    fires:
      - {kind: "Node", name: "n2", node: "n2"}
  - name: "all rules were flushed"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     Ready    <none>   90d   v1.28.4
        n2     Ready    <none>   90d   v1.28.4
      "a.txt": |
        NAMESPACE     NAME                      READY   STATUS    RESTARTS   AGE   IP           NODE
        kube-system   kube-proxy-7xk2p          1/1     Running   0          41m   10.42.0.9    n2
      "pods.txt": |
        NAMESPACE     NAME                      READY   STATUS    RESTARTS   AGE   IP           NODE
        shop          web-57b96b46b7-zv4q2      0/1     CrashLoopBackOff 7          41m   10.42.0.9    n2
      "n2/iptables-save.txt": |
        # Generated by iptables-save v1.8.7 on Sat Nov 21 09:44:24 2026
        *nat
        :PREROUTING ACCEPT [0:0]
        :POSTROUTING ACCEPT [0:0]
        COMMIT
    fires:
      - {kind: "Node", name: "n2", node: "n2"}
  - name: "there are some"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     Ready    <none>   90d   v1.28.4
        n2     Ready    <none>   90d   v1.28.4
      "a.txt": |
        NAMESPACE     NAME                      READY   STATUS    RESTARTS   AGE   IP           NODE
        kube-system   kube-proxy-7xk2p          1/1     Running   0          41m   10.42.0.9    n2
      "pods.txt": |
        NAMESPACE     NAME                      READY   STATUS    RESTARTS   AGE   IP           NODE
        shop          web-57b96b46b7-zv4q2      0/1     CrashLoopBackOff 7          41m   10.42.0.9    n2
      "n2/iptables-save.txt": |
        *nat
        :PREROUTING ACCEPT [0:0]
        :KUBE-SERVICES - [0:0]
        COMMIT
  - name: "a Service without endpoints"
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
      "ep.txt": |
        NAMESPACE     NAME       ENDPOINTS   AGE
        kube-system   kube-dns   <none>      90d
      "n2/ipvsadm.txt": |
        IP Virtual Server version 1.2.1 (size=4096)
        Prot LocalAddress:Port Scheduler Flags
          -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
        TCP  10.96.0.10:53 rr
"##;

/// What shows that a node lacks rules.
struct Lack<'s> {
    kind: &'static str,
    service: Option<&'s Object>,
    address: String,
    text: String,
    cite: Citation,
}

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings = Vec::new();
    for machine in machines(snapshot) {
        let suffers = network_suffering(snapshot, &machine.node);
        if suffers == Suffering::No {
            continue;
        }
        let lack = without_backend(snapshot, &machine)
            .or_else(|| still_rejected(snapshot, &machine))
            .or_else(|| flushed(snapshot, &machine).filter(|_| suffers == Suffering::Yes));
        let Some(lack) = lack else { continue };
        let behind = lack.service.and_then(|service| answering(snapshot, service));
        let mut finding = machine
            .finding(snapshot, rule, confidence(suffers))
            .cite(lack.cite)
            .fact("kind", lack.kind)
            .fact("address", lack.address)
            .fact("text", lack.text)
            .fact("ready", behind.as_ref().map_or(0, |behind| behind.ready))
            .fact(
                "service",
                lack.service.map_or(String::new(), |service| {
                    format!("{}/{}", service.key.namespace, service.key.name)
                }),
            );
        if let Some(behind) = behind {
            finding.add_cite(behind.cite);
        }
        if let Some(service) = lack.service {
            finding.add_affected(service.subject());
        }
        findings.push(finding);
    }
    findings
}

fn has_endpoints(snapshot: &Snapshot, service: &Object) -> bool {
    answering(snapshot, service).is_some_and(|behind| behind.ready > 0)
}

/// A virtual server of IPVS without backends, of a Service that has some.
fn without_backend<'s>(snapshot: &'s Snapshot, machine: &Machine<'_>) -> Option<Lack<'s>> {
    let empty = machine
        .host
        .tools
        .virtual_servers
        .iter()
        .filter(|server| server.backends.is_empty());
    for server in empty {
        let Some((address, port)) = server.address.rsplit_once(':') else {
            continue;
        };
        let is_it = |service: &&Object| {
            service.text("/spec/clusterIP") == address.trim_matches(['[', ']'])
                && ports(service)
                    .iter()
                    .any(|known| known.port.to_string() == port && known.protocol == server.protocol)
        };
        if let Some(service) = snapshot
            .kind("Service")
            .find(is_it)
            .filter(|service| has_endpoints(snapshot, service))
        {
            return Some(Lack {
                kind: "ipvs",
                service: Some(service),
                address: server.address.clone(),
                text: String::new(),
                cite: server.cite.clone(),
            });
        }
    }
    None
}

/// A rule that kube-proxy wrote while a Service had no endpoints, and that is still there.
fn still_rejected<'s>(snapshot: &'s Snapshot, machine: &Machine<'_>) -> Option<Lack<'s>> {
    let rules = machine
        .host
        .tools
        .firewalls
        .iter()
        .flat_map(|firewall| &firewall.refusals);
    rules.filter(|rule| rule.chain.starts_with("KUBE-")).find_map(|rule| {
        // `--comment "shop/web:http has no endpoints"` or `/* shop/web:http has no endpoints */`.
        let (before, _) = rule.text.split_once(" has no endpoints")?;
        let named = before.rsplit(['"', ' ']).next()?;
        let (namespace, rest) = named.split_once('/')?;
        let name = rest.split(':').next()?;
        let service = snapshot.object("Service", namespace, name)?;
        // A Service may have several ports, and endpoints for only some of them.
        (has_endpoints(snapshot, service) && ports(service).len() == 1).then(|| Lack {
            kind: "reject",
            service: Some(service),
            address: String::new(),
            text: rule.text.clone(),
            cite: rule.cite.clone(),
        })
    })
}

/// A nat table without the chain that every rule of kube-proxy hangs on, where kube-proxy is at work.
fn flushed<'s>(snapshot: &'s Snapshot, machine: &Machine<'_>) -> Option<Lack<'s>> {
    let tools = &machine.host.tools;
    let is_at_work = snapshot.pods().any(|pod| pod.name().starts_with("kube-proxy-"))
        || machine.runs_container("kube-proxy")
        || tools.process("kube-proxy").is_some();
    let chains = || tools.firewalls.iter().flat_map(|firewall| &firewall.chains);
    let has_rules = chains().any(|chain| chain.name == "KUBE-SERVICES" || chain.table == "kube-proxy")
        || !tools.virtual_servers.is_empty();
    let nat = tools
        .firewalls
        .iter()
        .find(|firewall| firewall.via == "iptables-save" && firewall.chains.iter().any(|chain| chain.table == "nat"))?;
    (is_at_work && !has_rules).then(|| Lack {
        kind: "flushed",
        service: None,
        address: String::new(),
        text: String::new(),
        cite: nat.cite.clone(),
    })
}

//! UDP packets to a Service still go to an address that no pod has any more.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::cluster::{Hit, Object, Snapshot};
use crate::model::{Confidence, Subject};
use crate::rules::toolbox::hosts::{Suffering, network_suffering};
use crate::rules::toolbox::nodes::{node_of, touch_pods};
use crate::rules::toolbox::{add_hit, own_hits};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: conntrack-stale-entry
role: cause
level: critical
needs: [pods, services]
text:
  - id: unreplied
    pattern: '\budp\s+17 \d+ src=(?P<client>[0-9.]{7,15}) dst=(?P<service_ip>[0-9.]{7,15}) sport=\d+ dport=(?P<port>\d+) (?:packets=\d+ bytes=\d+ )?\[UNREPLIED\] src=(?P<backend>[0-9.]{7,15}) dst='
check:
  zh: 连接跟踪表中是否有指向已消失 Pod 的 UDP 条目
  en: whether connection tracking still sends UDP to pods that are gone
title:
  zh: "节点 {{ node }} 的连接跟踪仍把 Service {{ service }}（{{ service_ip }}:{{ port }}/UDP）的数据包发往已不存在的 Pod {{ backend }}"
  en: "connection tracking of node {{ node }} still sends packets for Service {{ service }} ({{ service_ip }}:{{ port }}/UDP) to {{ backend }}, which no pod has any more"
cause:
  zh: "UDP 没有连接关闭：后端 Pod 消失后，只要客户端用同一源端口继续发送，条目就不会过期，数据包一直被改写到 {{ backend }}，得不到应答。"
  en: "UDP has no end of a connection: after the pod behind it has gone, an entry does not expire as long as the client goes on from the same port, and its packets are sent to {{ backend }}, which never answers."
causes:
  - rule: dns-resolution-failure
    ground: node
    mechanism: {zh: "DNS 查询被发往已不存在的地址", en: "DNS queries go to an address that nobody has"}
  - rule: service-unreachable
    ground: node
    mechanism: {zh: "数据包被发往已不存在的地址", en: "packets go to an address that nobody has"}
benign:
  - {zh: "指向现存 Pod 的 UNREPLIED 条目：后端没有应答或是单向协议（syslog、statsd）", en: "UNREPLIED entries to pods that exist: no answer yet, or a protocol without answers (syslog, statsd)"}
remedy:
  - purpose: {zh: "列出没有应答的条目", en: "list the entries without an answer"}
    place: node
    risk: read-only
    command: "conntrack -L -p udp -d {{ service_ip }}"
    expect: {zh: "[UNREPLIED] 条目指向 {{ backend }}", en: "[UNREPLIED] entries to {{ backend }}"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "删除陈旧条目", en: "remove the stale entries"}
    place: node
    risk: change
    command: "conntrack -D -p udp -d {{ service_ip }}"
    expect: {zh: "`entries have been deleted`", en: "`entries have been deleted`"}
    verify: {zh: "客户端的查询得到应答", en: "queries of the clients are answered"}
    rollback: {zh: "无需回滚：条目会按需重建", en: "nothing to undo: entries are made again as needed"}
prevention:
  - kind: prevent
    text: {zh: "升级 kube-proxy，并监控它能否清理 UDP 条目（日志 Failed to delete stale service connections）", en: "upgrade kube-proxy and watch that it can clear UDP entries (log: Failed to delete stale service connections)"}
    acceptance: {zh: "重建 CoreDNS 的 Pod 后没有指向旧地址的条目", en: "after CoreDNS' pods were made anew no entry points to an old address"}
sources:
  - "conntrack(8); Linux net/netfilter/nf_conntrack_standalone.c: [UNREPLIED]"
  - "kubernetes pkg/proxy/conntrack/cleanup.go"
versions: "any"
examples:
  - name: "a DNS pod that is gone"
    files:
      "svc.txt": |
        NAMESPACE     NAME       TYPE        CLUSTER-IP    EXTERNAL-IP   PORT(S)         AGE
        kube-system   kube-dns   ClusterIP   10.43.0.10    <none>        53/UDP,53/TCP   90d
      "pods.txt": |
        NAMESPACE     NAME                       READY   STATUS             RESTARTS   AGE   IP           NODE
        kube-system   coredns-57b96b46b7-zv4q2   1/1     Running            0          41m   10.42.0.9    n1
        shop          web-57b96b46b7-8jhnx       0/1     CrashLoopBackOff   7          41m   10.42.1.5    n2
      "nodes/n2/conntrack.txt": |
        udp      17 28 src=10.42.1.5 dst=10.43.0.10 sport=41250 dport=53 [UNREPLIED] src=10.42.0.77 dst=10.42.1.5 sport=53 dport=41250 mark=0 use=1
    fires: [{kind: "Node", name: "n2", node: "n2"}]
  - name: "the pod is there"
    files:
      "svc.txt": |
        NAMESPACE     NAME       TYPE        CLUSTER-IP    EXTERNAL-IP   PORT(S)         AGE
        kube-system   kube-dns   ClusterIP   10.43.0.10    <none>        53/UDP,53/TCP   90d
      "pods.txt": |
        NAMESPACE     NAME                       READY   STATUS             RESTARTS   AGE   IP           NODE
        kube-system   coredns-57b96b46b7-zv4q2   1/1     Running            0          41m   10.42.0.9    n1
        shop          web-57b96b46b7-8jhnx       0/1     CrashLoopBackOff   7          41m   10.42.1.5    n2
      "nodes/n2/conntrack.txt": |
        udp      17 28 src=10.42.1.5 dst=10.43.0.10 sport=41250 dport=53 [UNREPLIED] src=10.42.0.9 dst=10.42.1.5 sport=53 dport=41250 mark=0 use=1
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let alive = addresses(snapshot);
    let mut findings: Vec<Finding> = Vec::new();
    for hit in own_hits(input, rule) {
        let captured = |name: &str| hit.captures.get(name).map_or("", String::as_str);
        let Some(service) = snapshot
            .kind("Service")
            .find(|service| is_reached_at(service, captured("service_ip")))
        else {
            continue;
        };
        let backend = captured("backend");
        let is_gone = backend != captured("service_ip") && !alive.contains(backend);
        let Some(node) = place(snapshot, hit).filter(|_| is_gone && !alive.is_empty()) else {
            continue;
        };
        if network_suffering(snapshot, &node) == Suffering::No {
            continue;
        }
        let at = findings.iter().position(|finding| finding.subject.name == node);
        let finding = match at {
            Some(at) => findings.get_mut(at),
            None => {
                let mut finding = Finding::new(rule, Subject::node(&node), Confidence::Probable)
                    .fact("node", node.clone())
                    .fact("service", format!("{}/{}", service.key.namespace, service.key.name))
                    .cite(service.cite_at("/spec/clusterIP"));
                touch_pods(snapshot, &node, &mut finding);
                findings.push(finding);
                findings.last_mut()
            }
        };
        if let Some(finding) = finding {
            add_hit(input, finding, hit);
        }
    }
    findings
}

/// True for an address of the Service: inside the cluster, of its load balancer, or one that is brought to it from outside.
fn is_reached_at(service: &Object, address: &str) -> bool {
    let is_it = |value: &Value| value.as_str() == Some(address);
    let ingress = service.list("/status/loadBalancer/ingress");
    service.text("/spec/clusterIP") == address
        || service.text("/spec/loadBalancerIP") == address
        || service.list("/spec/externalIPs").iter().any(is_it)
        || ingress.iter().filter_map(|point| point.get("ip")).any(is_it)
}

/// The node of the table: that of the file, else that of the pod that sends.
fn place(snapshot: &Snapshot, hit: &Hit) -> Option<String> {
    let client = hit.captures.get("client").map_or("", String::as_str);
    let of_client = || {
        let pod = snapshot.pods().find(|pod| pod.object.text("/status/podIP") == client)?;
        (!pod.node().is_empty()).then(|| pod.node().to_owned())
    };
    node_of(snapshot, hit).or_else(of_client)
}

/// The addresses that a Service may rightly lead to.
fn addresses(snapshot: &Snapshot) -> BTreeSet<&str> {
    let of_pods = snapshot.pods().map(|pod| pod.object.text("/status/podIP"));
    let of_nodes = snapshot
        .kind("Node")
        .flat_map(|node| node.list("/status/addresses"))
        .filter_map(|address| address.get("address")?.as_str());
    let of_endpoints = snapshot
        .kind("Endpoints")
        .flat_map(|endpoints| endpoints.list("/subsets"))
        .filter_map(|subset| subset.get("addresses")?.as_array())
        .flatten()
        .filter_map(|address| address.get("ip")?.as_str());
    let mut found: BTreeSet<&str> = of_pods.filter(|address| !address.is_empty()).collect();
    // Without any pod's address nothing can be said to be gone.
    if !found.is_empty() {
        found.extend(of_nodes.chain(of_endpoints));
    }
    found
}

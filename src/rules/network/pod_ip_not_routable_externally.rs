//! A machine outside the cluster calls pods by their own addresses.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::cluster::{Hit, Snapshot};
use crate::model::{Citation, Confidence, Subject};
use crate::rules::toolbox::hosts::machines;
use crate::rules::toolbox::networks::covers;
use crate::rules::toolbox::{add_hit, own_hits};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: pod-ip-not-routable-externally
level: critical
needs: [pods|nodes]
text:
  - id: go
    in: [container-log, system, other]
    pattern: 'dial tcp (?P<address>\d+\.\d+\.\d+\.\d+):\d+: (?:i/o timeout|connect: (?:connection timed out|no route to host|network is unreachable))'
  - id: curl
    in: [container-log, system, other]
    pattern: 'Failed to connect to (?P<address>\d+\.\d+\.\d+\.\d+) port \d+[^\n]{0,60}: (?:Connection timed out|Timeout was reached|No route to host|Network is unreachable|Couldn''t connect to server|Could not connect to server)'
  - id: nginx
    in: [container-log, system, other]
    pattern: '(?:upstream timed out|connect\(\) failed) \((?:110: (?:Connection|Operation) timed out|113: (?:No route to host|Host is unreachable)|101: Network (?:is )?unreachable)\) while connecting to upstream[^\n]*, upstream: "[a-z]+://(?P<address>\d+\.\d+\.\d+\.\d+)'
check:
  zh: "集群之外的机器是否在用 Pod 自己的地址访问 Pod"
  en: "whether machines outside the cluster call pods by the pods' own addresses"
title:
  zh: "集群之外的机器 {{ node }} 用 Pod 地址 {{ addresses|join(\"、\") }} 访问集群，没有路由可达"
  en: "machine {{ node }}, which is no node of the cluster, calls pods by their addresses ({{ addresses|join(\", \") }}), and no route leads there"
cause:
  zh: "{{ node }} 不是集群的节点，它访问的 {{ addresses|join(\"、\") }} 是 Pod 的地址：这些地址由 CNI 分配，只在集群内可路由，并随 Pod 重建而改变。"
  en: "{{ node }} is no node of the cluster, and {{ addresses|join(\", \") }} belong to pods: the CNI gives such addresses out, they are routed inside the cluster only, and they change with every new pod."
causes:
  - rule: app-upstream-refused
    ground: node
    mechanism: {zh: "到对端的连接得不到应答", en: "connections to the peer get no answer"}
benign:
  - {zh: "云厂商的 VPC CNI 与 BGP 对等互联使 Pod 地址在集群外也可路由；那时超时另有原因，本规则只给出“可能”", en: "VPC networks of clouds and BGP peering route pods' addresses outside too; a time-out has another cause there, so that this is never more than probable"}
  - {zh: "集群节点之间的超时由 CNI 的规则判断", en: "time-outs between nodes of the cluster are for the rules about the CNI"}
remedy:
  - purpose: {zh: "确认该机器到 Pod 网段没有路由", en: "see that the machine has no route to the pods' network"}
    place: node
    risk: read-only
    command: "ip route get {{ addresses|first }}"
    expect: {zh: "走默认网关，而不是集群的节点", en: "it goes to the default gateway and not to a node of the cluster"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "改为经由集群对外的入口访问：NodePort 或 LoadBalancer 类型的 Service，或 Ingress", en: "go through what the cluster offers outside: a Service of type NodePort or LoadBalancer, or an Ingress"}
    place: cluster
    risk: change
    command: "kubectl -n <NAMESPACE> expose deployment <WORKLOAD> --name <WORKLOAD>-external --type NodePort"
    expect: {zh: "Service 被创建，并显示节点端口", en: "the Service is created and shows the nodes' port"}
    verify: {zh: "在 {{ node }} 上访问 <节点地址>:<节点端口> 得到应答", en: "on {{ node }}, <address of a node>:<its port> answers"}
    rollback: {zh: "kubectl -n <NAMESPACE> delete service <WORKLOAD>-external", en: "kubectl -n <NAMESPACE> delete service <WORKLOAD>-external"}
prevention:
  - kind: process
    text: {zh: "集群外的配置中只写 Service 对外的地址，不写 Pod 地址", en: "write the outside addresses of Services into settings outside the cluster, never those of pods"}
    acceptance: {zh: "集群外机器的配置中没有 Pod 网段的地址", en: "no setting of a machine outside holds an address of the pods' network"}
sources:
  - "kubernetes.io/docs/concepts/cluster-administration/networking"
  - "golang net.OpError; curl lib/connect.c `Failed to connect to %s port %u`; nginx src/http/ngx_http_upstream.c `while connecting to upstream`"
versions: "all"
examples:
  - name: "a proxy outside the cluster was given a pod's address"
    files:
      "nodes.json": '{"kind": "NodeList", "apiVersion": "v1", "items": [{"metadata": {"name": "n1"}, "spec": {"podCIDR": "10.42.0.0/24"}, "status": {"addresses": [{"type": "InternalIP", "address": "10.0.0.1"}], "conditions": [{"type": "Ready", "status": "True"}]}}]}'
      "pods.txt": |
        NAMESPACE   NAME                   READY   STATUS    RESTARTS   AGE   IP          NODE
        shop        web-57b96b46b7-zv4q2   1/1     Running   0          41m   10.42.0.9   n1
      "nodes/edge1/system/uname.txt": |
        Linux edge1 5.15.0-91-generic #101-Ubuntu SMP x86_64 GNU/Linux
      "nodes/edge1/log/nginx/error.log": |
        2026/11/21 10:20:42 [error] 812#812: *7 upstream timed out (110: Connection timed out) while connecting to upstream, client: 192.0.2.7, server: _, request: "GET / HTTP/1.1", upstream: "http://10.42.0.9:8080/", host: "shop"
    fires: [{kind: "Node", name: "edge1", node: "edge1"}]
  - name: "a node of the cluster cannot reach a pod"
    files:
      "nodes.json": '{"kind": "NodeList", "apiVersion": "v1", "items": [{"metadata": {"name": "n1"}, "spec": {"podCIDR": "10.42.0.0/24"}, "status": {"addresses": [{"type": "InternalIP", "address": "10.0.0.1"}], "conditions": [{"type": "Ready", "status": "True"}]}}]}'
      "pods.txt": |
        NAMESPACE   NAME                   READY   STATUS    RESTARTS   AGE   IP          NODE
        shop        web-57b96b46b7-zv4q2   1/1     Running   0          41m   10.42.0.9   n1
      "nodes/n1/system/uname.txt": |
        Linux n1 5.15.0-91-generic #101-Ubuntu SMP x86_64 GNU/Linux
      "nodes/n1/log/syslog": |
        Nov 21 10:20:42 n1 probe[812]: Get "http://10.42.0.9:8080/": dial tcp 10.42.0.9:8080: i/o timeout
  - name: "a machine outside misses something that is no pod"
    files:
      "nodes.json": '{"kind": "NodeList", "apiVersion": "v1", "items": [{"metadata": {"name": "n1"}, "spec": {"podCIDR": "10.42.0.0/24"}, "status": {"addresses": [{"type": "InternalIP", "address": "10.0.0.1"}], "conditions": [{"type": "Ready", "status": "True"}]}}]}'
      "nodes/edge1/system/uname.txt": |
        Linux edge1 5.15.0-91-generic #101-Ubuntu SMP x86_64 GNU/Linux
      "nodes/edge1/log/nginx/error.log": |
        2026/11/21 10:20:42 [error] 812#812: *7 upstream timed out (110: Connection timed out) while connecting to upstream, client: 192.0.2.7, server: _, request: "GET / HTTP/1.1", upstream: "http://10.0.0.1:30080/", host: "shop"
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let outside: BTreeSet<String> = machines(snapshot)
        .into_iter()
        .filter(|machine| machine.certain && !machine.is_node(snapshot))
        .map(|machine| machine.node)
        .collect();
    let mut calls: BTreeMap<&str, Vec<(&Hit, &str, Citation)>> = BTreeMap::new();
    for hit in own_hits(input, rule) {
        let caller = hit.about.node.as_str();
        // A pod's log is of the pod, wherever its node's files lie.
        if hit.about.object.kind != "Pod"
            && outside.contains(caller)
            && let Some(address) = hit.captures.get("address")
            && let Some(pods) = of_pods(snapshot, address)
        {
            calls.entry(caller).or_default().push((hit, address, pods));
        }
    }
    calls
        .into_iter()
        .map(|(caller, calls)| {
            let addresses: BTreeSet<&str> = calls.iter().map(|(_, address, _)| *address).collect();
            let addresses: Vec<String> = addresses.into_iter().map(str::to_owned).collect();
            let mut finding = Finding::new(rule, Subject::node(caller), Confidence::Probable)
                .fact("node", caller)
                .fact("addresses", addresses);
            for (hit, _, pods) in calls {
                add_hit(input, &mut finding, hit);
                finding.add_cite(pods);
            }
            finding
        })
        .collect()
}

/// What says that an address is one of the pods'.
fn of_pods(snapshot: &Snapshot, address: &str) -> Option<Citation> {
    let pod = snapshot
        .kind("Pod")
        .filter(|pod| pod.get("/spec/hostNetwork").and_then(Value::as_bool) != Some(true))
        .find(|pod| pod.text("/status/podIP") == address)
        .map(|pod| pod.cite_at("/status/podIP"));
    pod.or_else(|| {
        let wanted = format!("{address}/32");
        snapshot
            .kind("Node")
            .find(|node| covers(node.text("/spec/podCIDR"), &wanted))
            .map(|node| node.cite_at("/spec/podCIDR"))
    })
}

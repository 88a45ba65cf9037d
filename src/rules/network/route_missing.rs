//! A node has no route to the pods of another one, while it has those to the rest.

use crate::model::Subject;
use crate::rules::toolbox::hosts::{Machine, Suffering, confidence, machines, network_suffering};
use crate::rules::toolbox::networks::covers;
use crate::rules::toolbox::nodes::is_ready;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: route-missing
role: cause
level: critical
needs: [routes]
check: {zh: "每个节点是否有到其他节点 Pod 网段的路由", en: "whether every node has routes to the pods of the others"}
title:
  zh: "节点 {{ node }} 没有到节点 {{ others|join(\"、\") }} 的 Pod 网段 {{ networks|join(\"、\") }} 的路由"
  en: "node {{ node }} has no route to the pods of {{ others|join(\", \") }} ({{ networks|join(\", \") }})"
cause:
  zh: "{% if peers %}该节点有到 {{ peers|join(\"、\") }} 的路由，唯独缺少到 {{ networks|join(\"、\") }} 的{% else %}其他节点互有到对方 Pod 网段的路由，该节点一条也没有{% endif %}：CNI 没有写入，或写入后被删除（NetworkManager、手工操作）。发往那里的数据包走默认路由而丢失。"
  en: "{% if peers %}the node has routes to {{ peers|join(\", \") }} and lacks just those to {{ networks|join(\", \") }}{% else %}the other nodes have routes to the pods of each other, and this one has none{% endif %}: the CNI did not write them, or they were removed since (NetworkManager, or by hand). Packets go to the default route and are lost."
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
  - rule: cross-node-pod-network-broken
    ground: cluster
    mechanism: {zh: "跨节点的数据包过不去", en: "packets between nodes do not pass"}
benign:
  - {zh: "到本节点网段的 blackhole 路由是 Calico 的正常做法", en: "a blackhole route for its own network is what Calico does"}
  - {zh: "Cilium 等不按节点写路由的 CNI", en: "CNIs that write no route for each node"}
remedy:
  - purpose: {zh: "查看到该网段的路由", en: "look at the way to that network"}
    place: node
    risk: read-only
    command: |
      ip route show
      ip -d link show type vxlan
    expect: {zh: "没有 {{ networks|join(\"、\") }}", en: "{{ networks|join(\", \") }} is not there"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "重启该节点的 CNI 守护进程，让它重新写入路由", en: "restart the CNI's agent of the node, so that it writes its routes again"}
    place: cluster
    risk: change
    command: "kubectl -n kube-system delete pod <CNI_POD_ON_NODE>"
    expect: {zh: "Pod 被重建", en: "the pod is created again"}
    verify: {zh: "ip route show 中出现该网段，跨节点的 Pod 能互访", en: "ip route show has the network, and pods reach each other"}
    rollback: {zh: "无需回滚：DaemonSet 会重建该 Pod", en: "none needed: the DaemonSet creates the pod again"}
prevention:
  - kind: prevent
    text: {zh: "让 NetworkManager 不管理 CNI 的网卡（unmanaged-devices）", en: "keep NetworkManager off the interfaces of the CNI (unmanaged-devices)"}
    acceptance: {zh: "重启 NetworkManager 后路由仍在", en: "the routes are still there after NetworkManager was restarted"}
  - kind: detect
    text: {zh: "部署 goldpinger 一类的网格探测", en: "run a mesh probe such as goldpinger"}
    acceptance: {zh: "删除一条路由触发告警", en: "removing a route raises the alert"}
sources:
  - "flannel-io/flannel Documentation/backends.md"
  - "projectcalico confd/bird templates"
  - "rancher/docs#4063 (NetworkManager)"
versions: "any"
examples:
  - name: "one of two peers is missing"
    files:
      "nodes.json": '{"kind": "NodeList", "apiVersion": "v1", "items": [{"metadata": {"name": "n1"}, "spec": {"podCIDR": "10.42.0.0/24"}, "status": {"addresses": [{"type": "InternalIP", "address": "10.0.0.1"}], "conditions": [{"type": "Ready", "status": "True"}]}}, {"metadata": {"name": "n2"}, "spec": {"podCIDR": "10.42.1.0/24"}, "status": {"addresses": [{"type": "InternalIP", "address": "10.0.0.2"}], "conditions": [{"type": "Ready", "status": "True"}]}}, {"metadata": {"name": "n3"}, "spec": {"podCIDR": "10.42.2.0/24"}, "status": {"addresses": [{"type": "InternalIP", "address": "10.0.0.3"}], "conditions": [{"type": "Ready", "status": "True"}]}}]}'
      "pods.txt": |
        NAMESPACE     NAME                      READY   STATUS    RESTARTS   AGE   IP           NODE
        shop          web-57b96b46b7-zv4q2      0/1     CrashLoopBackOff 7          41m   10.42.0.9    n2
      "nodes/n2/ip-route.txt": |
        default via 10.0.0.254 dev eth0
        10.42.0.0/24 via 10.42.0.0 dev flannel.1 onlink
        10.42.1.0/24 dev cni0 proto kernel scope link src 10.42.1.1
    fires:
      - {kind: "Node", name: "n2", node: "n2"}
  - name: "whole"
    files:
      "nodes.json": '{"kind": "NodeList", "apiVersion": "v1", "items": [{"metadata": {"name": "n1"}, "spec": {"podCIDR": "10.42.0.0/24"}, "status": {"addresses": [{"type": "InternalIP", "address": "10.0.0.1"}], "conditions": [{"type": "Ready", "status": "True"}]}}, {"metadata": {"name": "n2"}, "spec": {"podCIDR": "10.42.1.0/24"}, "status": {"addresses": [{"type": "InternalIP", "address": "10.0.0.2"}], "conditions": [{"type": "Ready", "status": "True"}]}}]}'
      "pods.txt": |
        NAMESPACE     NAME                      READY   STATUS    RESTARTS   AGE   IP           NODE
        shop          web-57b96b46b7-zv4q2      0/1     CrashLoopBackOff 7          41m   10.42.0.9    n2
      "nodes/n2/ip-route.txt": |
        default via 10.0.0.254 dev eth0
        10.42.0.0/24 via 10.42.0.0 dev flannel.1 onlink
  - name: "a CNI without such routes"
    files:
      "nodes.json": '{"kind": "NodeList", "apiVersion": "v1", "items": [{"metadata": {"name": "n1"}, "spec": {"podCIDR": "10.42.0.0/24"}, "status": {"addresses": [{"type": "InternalIP", "address": "10.0.0.1"}], "conditions": [{"type": "Ready", "status": "True"}]}}, {"metadata": {"name": "n2"}, "spec": {"podCIDR": "10.42.1.0/24"}, "status": {"addresses": [{"type": "InternalIP", "address": "10.0.0.2"}], "conditions": [{"type": "Ready", "status": "True"}]}}]}'
      "pods.txt": |
        NAMESPACE     NAME                      READY   STATUS    RESTARTS   AGE   IP           NODE
        shop          web-57b96b46b7-zv4q2      0/1     CrashLoopBackOff 7          41m   10.42.0.9    n2
      "nodes/n2/ip-route.txt": |
        default via 10.0.0.254 dev eth0
        10.42.0.0/16 via 10.42.1.7 dev cilium_host
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    // A node that is not ready may have lost its routes for that.
    let networks: Vec<(&str, &str)> = snapshot
        .kind("Node")
        .filter(|node| is_ready(snapshot, &node.key.name) == Some(true))
        .map(|node| (node.key.name.as_str(), node.text("/spec/podCIDR")))
        .filter(|(_, network)| !network.is_empty())
        .collect();
    let all = machines(snapshot);
    let routed = |machine: &Machine<'_>| {
        let routes = &machine.host.tools.routes;
        let to = |network: &str| routes.iter().any(|route| route.destination == network);
        let others = networks.iter().filter(|(node, _)| *node != machine.node);
        let (there, lacking): (Vec<_>, Vec<_>) = others.partition(|(_, network)| to(network));
        (there, lacking)
    };
    let somebody_has = all.iter().any(|machine| !routed(machine).0.is_empty());
    let mut findings = Vec::new();
    for machine in &all {
        let routes = &machine.host.tools.routes;
        let (there, lacking) = routed(machine);
        let suffers = network_suffering(snapshot, &machine.node);
        // One aggregate for all pods serves as well.
        let has_aggregate = routes
            .iter()
            .any(|route| !route.is_default() && lacking.iter().all(|(_, network)| covers(&route.destination, network)));
        let (Some(first), false) = (routes.first(), lacking.is_empty()) else {
            continue;
        };
        if !somebody_has || has_aggregate || suffers == Suffering::No {
            continue;
        }
        let names = |list: &[(&str, &str)]| list.iter().map(|(node, _)| (*node).to_owned()).collect::<Vec<_>>();
        let mut finding = machine
            .finding(snapshot, rule, confidence(suffers))
            .cite(first.cite.clone())
            .fact("others", names(&lacking))
            .fact("peers", names(&there))
            .fact(
                "networks",
                lacking
                    .iter()
                    .map(|(_, network)| (*network).to_owned())
                    .collect::<Vec<_>>(),
            );
        for (other, _) in lacking {
            if let Some(node) = snapshot.object("Node", "", other) {
                finding.add_cite(node.cite_at("/spec/podCIDR"));
            }
            finding.add_affected(Subject::node(other));
        }
        findings.push(finding);
    }
    findings
}

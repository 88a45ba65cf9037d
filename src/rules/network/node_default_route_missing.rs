//! A node has no default route.

use crate::model::Confidence;
use crate::rules::toolbox::hosts::{Suffering, machines, network_suffering};
use crate::rules::toolbox::nodes::by_node;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: node-default-route-missing
role: cause
level: critical
needs: [routes|kubelet-log|system-log]
text:
  - id: unreachable
    in: [kubelet, runtime, system, control-plane]
    pattern: 'dial (?:tcp|udp) (?P<peer>[\d.]+:\d+): connect: network is unreachable'
  - id: selected
    in: [kubelet, system, control-plane, container-log, other]
    pattern: 'no default routes found in \\?"?/proc/net/route|unable to select an IP from default routes'
check: {zh: "每个节点是否有默认路由", en: "whether every node has a default route"}
title:
  zh: "节点 {{ node }} 没有默认路由{% if peer is defined %}，到 {{ peer }} 的连接报 network is unreachable{% endif %}"
  en: "node {{ node }} has no default route{% if peer is defined %}; connections to {{ peer }} end with \"network is unreachable\"{% endif %}"
cause:
  zh: "{{ line }}：没有默认路由时，内核在 kube-proxy 改写地址之前就找不到到 ClusterIP 的路由，因此规则存在也无法访问 Service，也不能拉取外部镜像。"
  en: "{{ line }}: without a default route the kernel finds no way to a ClusterIP before kube-proxy rewrites the address, so Services are out of reach even though their rules are there, and so are outside registries."
causes:
  - rule: registry-unreachable-timeout
    ground: node
    mechanism: {zh: "到镜像仓库的请求得不到应答", en: "requests to the registry get no answer"}
  - rule: docker-hub-unreachable
    ground: node
    mechanism: {zh: "到 Docker Hub 的请求得不到应答", en: "requests to Docker Hub get no answer"}
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
  - {zh: "使用 Cilium socket LB 的节点不受影响", en: "nodes with the socket load balancer of Cilium are not affected"}
  - {zh: "隔离网络中没有默认路由但一切正常的节点", en: "nodes of isolated networks that lack one and are well"}
remedy:
  - purpose: {zh: "查看路由", en: "look at the routes"}
    place: node
    risk: read-only
    command: |
      ip route show
      ip route get 10.96.0.1
    expect: {zh: "没有 default；RTNETLINK answers: Network is unreachable", en: "no default; RTNETLINK answers: Network is unreachable"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "加上默认路由，或为 Service 网段加一条路由", en: "add a default route, or one for the network of Services"}
    place: node
    risk: change
    command: "ip route add default via <GATEWAY> dev <INTERFACE>"
    expect: {zh: "没有输出", en: "no output"}
    verify: {zh: "ip route get 10.96.0.1 有结果，Service 可以访问", en: "ip route get 10.96.0.1 has an answer and Services can be reached"}
    rollback: {zh: "ip route del default via <GATEWAY> dev <INTERFACE>", en: "ip route del default via <GATEWAY> dev <INTERFACE>"}
    notes:
      - {zh: "还要写入网络配置（nmcli、netplan、ifcfg），否则重启后丢失", en: "keep it in the configuration of the network (nmcli, netplan, ifcfg), or it is gone after a restart"}
prevention:
  - kind: detect
    text: {zh: "在节点自检中检查默认路由", en: "check the default route in the self-test of nodes"}
    acceptance: {zh: "删除测试节点的默认路由会被报告", en: "removing it from a test node is reported"}
sources:
  - "kubernetes staging/src/k8s.io/apimachinery/pkg/util/net/interface.go: `no default routes found in %q`"
  - "connect(2): ENETUNREACH"
  - "kubernetes pkg/proxy: DNAT in the OUTPUT chain follows the route lookup"
versions: "any"
examples:
  - name: "routes without a default"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     Ready    <none>   90d   v1.28.4
        n2     Ready    <none>   90d   v1.28.4
      "pods.txt": |
        NAMESPACE     NAME                      READY   STATUS    RESTARTS   AGE   IP           NODE
        shop          web-57b96b46b7-zv4q2      0/1     CrashLoopBackOff 7          41m   10.42.0.9    n2
      "n2/ip-route.txt": |
        10.0.0.0/24 dev eth0 proto kernel scope link src 10.0.0.2
        10.42.0.0/24 via 10.42.0.0 dev flannel.1 onlink
    fires:
      - {kind: "Node", name: "n2", node: "n2"}
  - name: "the kubelet says so"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     NotReady    <none>   90d   v1.28.4
      "n1/kubelet.log": |
        E0121 18:20:44.889702 1 reflector.go:1] failed to list *v1.Node: Get "https://10.0.0.9:6443/api/v1/nodes": dial tcp 10.0.0.9:6443: connect: network is unreachable
    fires:
      - {kind: "Node", name: "n1", node: "n1"}
  - name: "a part of the table"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     Ready    <none>   90d   v1.28.4
        n2     Ready    <none>   90d   v1.28.4
      "pods.txt": |
        NAMESPACE     NAME                      READY   STATUS    RESTARTS   AGE   IP           NODE
        shop          web-57b96b46b7-zv4q2      0/1     CrashLoopBackOff 7          41m   10.42.0.9    n2
      "n2/session.txt": |
        root@n2:~# ip route | grep -e flannel -e cni0
        10.42.0.0/24 via 10.42.0.0 dev flannel.1 onlink
        10.42.1.0/24 dev cni0 proto kernel scope link src 10.42.1.1
  - name: "with a default"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     Ready    <none>   90d   v1.28.4
        n2     Ready    <none>   90d   v1.28.4
      "pods.txt": |
        NAMESPACE     NAME                      READY   STATUS    RESTARTS   AGE   IP           NODE
        shop          web-57b96b46b7-zv4q2      0/1     CrashLoopBackOff 7          41m   10.42.0.9    n2
      "n2/ip-route.txt": |
        default via 10.0.0.254 dev eth0
        10.0.0.0/24 dev eth0 proto kernel scope link src 10.0.0.2
  - name: "only the routes of IPv6 were collected"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     Ready    <none>   90d   v1.28.4
        n2     Ready    <none>   90d   v1.28.4
      "pods.txt": |
        NAMESPACE     NAME                      READY   STATUS    RESTARTS   AGE   IP           NODE
        shop          web-57b96b46b7-zv4q2      0/1     CrashLoopBackOff 7          41m   10.42.0.9    n2
      "n2/ip-route.txt": |
        fe80::/64 dev eth0 proto kernel metric 256 pref medium
"##;

/// How devices begin that container runtimes and CNIs make.
const OF_PODS: [&str; 12] = [
    "lo", "cni", "docker", "br-", "veth", "cali", "flannel", "vxlan", "cilium", "lxc", "tunl", "kube-",
];

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings = by_node(input, rule, 1, Confidence::Probable);
    findings.retain(|finding| network_suffering(snapshot, &finding.subject.name) == Suffering::Yes);
    for machine in machines(snapshot).iter().filter(|machine| machine.is_node(snapshot)) {
        let routes = &machine.host.tools.routes;
        let mut of_ipv4 = routes.iter().filter(|route| !route.destination.contains(':'));
        let Some(first) = of_ipv4.next() else { continue };
        let has_default = routes.iter().any(|route| route.is_default());
        // A part of the table (`ip route | grep flannel`) shows no network on the link of a card of the host, and tells nothing.
        let is_whole = routes
            .iter()
            .any(|route| route.via.is_empty() && !OF_PODS.iter().any(|name| route.dev.starts_with(name)));
        if has_default {
            findings.retain(|finding| finding.subject.name != machine.node);
        } else if is_whole && network_suffering(snapshot, &machine.node) == Suffering::Yes {
            match findings.iter_mut().find(|finding| finding.subject.name == machine.node) {
                Some(told) => {
                    told.confidence = Confidence::Confirmed;
                    told.add_cite(first.cite.clone());
                }
                None => findings.push(
                    machine
                        .finding(snapshot, rule, Confidence::Probable)
                        .cite(first.cite.clone())
                        .fact("line", "ip route"),
                ),
            }
        }
    }
    findings
}

//! NodeLocal DNSCache is not well on a node, and the node's pods ask it.

use crate::rules::toolbox::daemons::ailing;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: nodelocaldns-unhealthy
role: link
level: critical
needs: [pods|daemonsets]
meets: [{kinds: [Pod, DaemonSet], named: [node-local-dns, nodelocaldns]}]
text:
  - id: bind
    in: [container-log, status, event]
    pattern: '(?:Failed to (?:add|bind|listen)[^\n]{0,80}169\.254\.\d+\.\d+|listen (?:tcp|udp) 169\.254\.[^\n]{0,60}: bind: [^\n]{1,80}|Setting up networking for node cache failed[^\n]{0,80})'
check: {zh: "每个节点上的 NodeLocal DNSCache 是否正常", en: "whether NodeLocal DNSCache is well on every node"}
title:
  zh: "{% if node %}节点 {{ node }} 的 NodeLocal DNSCache 不就绪{% else %}NodeLocal DNSCache 只在 {{ ready }}/{{ wanted }} 个节点上就绪{% endif %}{% if said %}（{{ said }}）{% endif %}"
  en: "{% if node %}NodeLocal DNSCache of node {{ node }} is not ready{% else %}NodeLocal DNSCache is ready on {{ ready }} of {{ wanted|nodes }}{% endif %}{% if said %} ({{ said }}){% endif %}"
cause:
  zh: "Pod 的 resolv.conf 指向本节点的 169.254.20.10；缓存停止后该节点上的所有查询都得不到应答。"
  en: "resolv.conf of pods names 169.254.20.10 on their own node; while the cache is down, no query on that node is answered."
causes:
  - rule: crashloopbackoff
    ground: pod
    mechanism: {zh: "在其 Pod 上表现为反复崩溃", en: "it shows as crashes of its pods"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "其 Pod 没有就绪", en: "its pods are not ready"}
  - rule: readiness-probe-failing
    ground: pod
    mechanism: {zh: "就绪探针报告同一故障", en: "its readiness probe reports the same"}
  - rule: liveness-probe-failing
    ground: pod
    mechanism: {zh: "存活探针报告同一故障", en: "its liveness probe reports the same"}
  - rule: dns-resolution-failure
    ground: node
    mechanism: {zh: "查询得不到应答", en: "queries get no answer"}
  - rule: app-upstream-unresolved
    ground: node
    mechanism: {zh: "名字解析失败", en: "names do not resolve"}
benign:
  - {zh: "没有启用 NodeLocal DNSCache 的集群", en: "clusters without NodeLocal DNSCache"}
remedy:
  - purpose: {zh: "查看缓存的 Pod", en: "look at the pods of the cache"}
    place: cluster
    risk: read-only
    command: "kubectl -n kube-system get pods -o wide -l k8s-app=node-local-dns"
    expect: {zh: "每个节点一个就绪的 Pod", en: "one ready pod for each node"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "从节点查询缓存", en: "ask the cache from the node"}
    place: node
    risk: read-only
    command: "dig +time=2 @169.254.20.10 kubernetes.default.svc.cluster.local"
    expect: {zh: "超时", en: "it times out"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
prevention:
  - kind: detect
    text: {zh: "对 node-local-dns 的 numberUnavailable 告警", en: "alert on numberUnavailable of node-local-dns"}
    acceptance: {zh: "停掉一个节点的缓存触发告警", en: "stopping the cache on one node raises the alert"}
sources:
  - "kubernetes/dns cmd/node-cache"
  - "kubernetes.io/docs/tasks/administer-cluster/nodelocaldns"
versions: "any"
examples:
  - name: "on one of two nodes"
    files:
      "pods.txt": |
        NAMESPACE     NAME                      READY   STATUS    RESTARTS   AGE   IP           NODE
        kube-system   node-local-dns-7xk2p      1/1     Running   0          41m   10.42.0.9    n1
        kube-system   node-local-dns-8hs4m      0/1     CrashLoopBackOff 9          41m   10.42.0.9    n2
    fires:
      - {kind: "Node", name: "n2", node: "n2"}
  - name: "well"
    files:
      "pods.txt": |
        NAMESPACE     NAME                      READY   STATUS    RESTARTS   AGE   IP           NODE
        kube-system   node-local-dns-7xk2p      1/1     Running   0          41m   10.42.0.9    n1
        kube-system   node-local-dns-8hs4m      1/1     Running   0          41m   10.42.0.9    n2
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    ailing(input, rule, &["node-local-dns", "nodelocaldns"])
}

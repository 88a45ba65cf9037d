//! The way from a kubelet to the API server is broken.

use crate::model::Confidence;
use crate::rules::toolbox::nodes::by_node;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: node-unreachable
role: cause
level: critical
needs: [kubelet-log|system-log]
text:
  - id: timeout
    pattern: '(?:Failed to ensure lease exists|failed to ensure lease exists|Error updating node status|Error getting node|error getting node|Unable to (?:register|update) node)[^\n]*(?:dial tcp (?P<server>[0-9a-z.:\[\]-]{2,120}): )?(?P<problem>i/o timeout|connect: no route to host|connect: network is unreachable|no such host|net/http: TLS handshake timeout)'
check:
  zh: "kubelet 到 API 服务器的网络是否通畅"
  en: "whether kubelets have a way to the API server"
title:
  zh: "节点 {{ node }} 到 API 服务器的网络不通：{{ problem }}"
  en: "node {{ node }} has no way to the API server: {{ problem }}"
cause:
  zh: "kubelet 反复写出 {{ line }}（{{ times }} 次）：不是被拒绝，而是没有应答或没有路由，说明问题在网络、防火墙、负载均衡或名称解析。其他节点若正常，故障就在这个节点的网络上。"
  en: "the kubelet writes again and again {{ line }} ({{ times|times }}): no refusal but no answer or no route, so network, firewall, load balancer or name resolution fails. With other nodes well it is this node's network."
causes:
  - rule: node-notready
    ground: node
    mechanism: {zh: "kubelet 无法更新状态", en: "the kubelet cannot report"}
  - rule: failedscheduling-taint
    ground: node
    mechanism: {zh: "节点的状况变成污点，调度器因此避开它", en: "the node's condition becomes a taint, and the scheduler keeps away"}
benign:
  - {zh: "网络切换时的几次超时", en: "a few timeouts while the network is switched"}
  - {zh: "所有 kubelet 同时报告时，故障在 API 服务器或负载均衡", en: "every kubelet at once means the API server or the load balancer"}
remedy:
  - purpose: {zh: "从节点测试到 API 服务器的路径", en: "try the way from the node"}
    place: node
    risk: read-only
    command: |
      ip route get <API_SERVER_IP>
      curl -k -m 5 https://<API_SERVER>:6443/livez
    expect: {zh: "ok，或超时", en: "ok, or a timeout"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "恢复到 API 服务器的路由或防火墙规则后，重启 kubelet", en: "once route or firewall towards the API server are mended, restart the kubelet"}
    place: node
    risk: change
    command: "systemctl restart kubelet"
    verify: {zh: "节点恢复 Ready，kubelet 日志不再报告", en: "the node is Ready and the kubelet reports no more of it"}
    rollback: {zh: "重启 kubelet 不影响运行中的容器；无需回滚", en: "a restart of the kubelet leaves running containers alone: nothing to roll back"}
prevention:
  - kind: detect
    text: {zh: "对节点 NotReady 持续 5 分钟告警", en: "alert when a node is NotReady for 5 minutes"}
    acceptance: {zh: "停掉测试节点的 kubelet，按时收到告警", en: "stopping a test node's kubelet raises the alert in time"}
  - kind: mitigate
    text: {zh: "API 服务器前放置带健康检查的负载均衡", en: "put a load balancer that checks health before the API servers"}
    acceptance: {zh: "停掉一台 API 服务器时节点保持 Ready", en: "nodes stay Ready with one API server stopped"}
sources: ["kubernetes pkg/kubelet: `Failed to ensure lease exists, will retry`, `Error updating node status, will retry`"]
versions: "Kubernetes 1.18 to 1.36"
examples:
  - name: "no answer"
    files:
      "nodes.txt": |
        NAME   STATUS     ROLES           AGE   VERSION
        cp1    Ready      control-plane   90d   v1.28.4
        w1     NotReady   <none>          90d   v1.28.4
      "kubelet.log": |
        Feb 24 14:29:41 w1 kubelet[1033]: E0224 14:29:11.120087    1033 controller.go:145] "Failed to ensure lease exists, will retry" err="Get \"https://10.0.0.1:6443/x?timeout=10s\": dial tcp 10.0.0.1:6443: i/o timeout" interval="7s"
        Feb 24 14:29:41 w1 kubelet[1033]: E0224 14:29:21.120087    1033 controller.go:145] "Failed to ensure lease exists, will retry" err="Get \"https://10.0.0.1:6443/x?timeout=10s\": dial tcp 10.0.0.1:6443: i/o timeout" interval="7s"
        Feb 24 14:29:41 w1 kubelet[1033]: E0224 14:29:31.120087    1033 controller.go:145] "Failed to ensure lease exists, will retry" err="Get \"https://10.0.0.1:6443/x?timeout=10s\": dial tcp 10.0.0.1:6443: i/o timeout" interval="7s"
        Feb 24 14:29:41 w1 kubelet[1033]: E0224 14:29:41.120087    1033 controller.go:145] "Failed to ensure lease exists, will retry" err="Get \"https://10.0.0.1:6443/x?timeout=10s\": dial tcp 10.0.0.1:6443: i/o timeout" interval="7s"
    fires: [{kind: "Node", name: "w1", node: "w1"}]
  - name: "one"
    files:
      "nodes.txt": |
        NAME   STATUS     ROLES           AGE   VERSION
        cp1    Ready      control-plane   90d   v1.28.4
        w1     NotReady   <none>          90d   v1.28.4
      "kubelet.log": |
        Feb 24 14:29:41 w1 kubelet[1033]: E0224 14:29:11.120087    1033 controller.go:145] "Failed to ensure lease exists, will retry" err="dial tcp 10.0.0.1:6443: i/o timeout" interval="7s"
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    by_node(input, rule, 3, Confidence::Confirmed)
}

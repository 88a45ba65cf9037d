//! The API server does not reach a kubelet, so logs and exec fail.

use crate::model::{Confidence, Subject};
use crate::rules::toolbox::certificates::node_at;
use crate::rules::toolbox::grouping::by_subject;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: kubectl-exec-logs-failure
role: link
level: warning
needs: [container-logs|system-log|kube-apiserver-log|nodes]
text:
  - id: dial
    pattern: 'error dialing backend: (?:dial tcp (?P<peer>[0-9a-f.:\[\]]{2,60}:\d{2,5})[^\n]{0,20}: )?(?P<problem>[^\n]{1,160})'
check:
  zh: "API 服务器能否连到 kubelet"
  en: "whether the API server reaches the kubelets"
title:
  zh: "API 服务器连不上{% if subject.name %}节点 {{ subject.name }} 的{% endif %} kubelet：{{ problem }}"
  en: "the API server does not reach the kubelet{% if subject.name %} of {{ subject.name }}{% endif %}: {{ problem }}"
cause:
  zh: "kubectl logs 与 exec 由 API 服务器转到 kubelet 的 10250 端口：{{ line }}。端口被拦截、kubelet 没有运行或没有服务端证书，或隧道（konnectivity、Rancher）断开。"
  en: "the API server passes kubectl logs and exec on to port 10250 of the kubelet: {{ line }}. The port is blocked, the kubelet is down or has no serving certificate, or a tunnel (konnectivity, Rancher) is cut."
benign:
  - {zh: "container not found 表示 Pod 已不在，与连接无关", en: "container not found means that the pod is gone, and has nothing to do with the connection"}
remedy:
  - purpose: {zh: "从控制面节点测试端口", en: "try the port from a node of the control plane"}
    place: node
    risk: read-only
    command: "nc -vz {{ subject.name }} 10250"
    expect: {zh: "succeeded 或 open", en: "succeeded or open"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
prevention:
  - kind: prevent
    text: {zh: "放行控制面到所有节点的 TCP 10250", en: "allow TCP 10250 from the control plane to every node"}
    acceptance: {zh: "kubectl logs 对每个节点的 Pod 可用", en: "kubectl logs works for pods of every node"}
sources: ["kubernetes apimachinery pkg/util/proxy: `error dialing backend: %v`"]
versions: "Kubernetes 1.10 to 1.36"
examples:
  - name: "a blocked port"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES           AGE   VERSION   INTERNAL-IP
        cp1    Ready    control-plane   90d   v1.28.4   10.0.0.1
        w1     NotReady    <none>          90d   v1.28.4   10.0.0.2
      "logs.txt": |
        Error from server: error dialing backend: dial tcp 10.0.0.2:10250: i/o timeout
    fires: [{kind: "Node", name: "w1", node: "w1"}]
  - name: "the pod is gone"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES           AGE   VERSION   INTERNAL-IP
        cp1    Ready    control-plane   90d   v1.28.4   10.0.0.1
        w1     NotReady    <none>          90d   v1.28.4   10.0.0.2
      "logs.txt": |
        error: unable to upgrade connection: container not found ("x")
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    by_subject(input, rule, Confidence::Confirmed, |hit| {
        let peer = hit.captures.get("peer").map_or("", String::as_str);
        let host = peer.rsplit_once(':').map_or(peer, |(host, _)| host);
        Some(Subject::node(node_at(snapshot, peer).unwrap_or(host)))
    })
}

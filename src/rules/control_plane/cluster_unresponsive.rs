//! Every node went silent at once, which points to the control plane and not to the nodes.

use crate::model::Confidence;
use crate::rules::toolbox::nodes::{cite_condition, condition, status_of};
use crate::rules::toolbox::planes::api_server;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: cluster-unresponsive
role: link
level: critical
needs: [nodes]
reported: true
check:
  zh: "所有节点是否同时失去联系"
  en: "whether all nodes went silent at once"
title:
  zh: "全部 {{ nodes }} 个节点同时失去联系：问题在控制面、负载均衡或网络，而不在节点"
  en: "all {{ nodes|nodes }} are silent at once: the control plane, its load balancer or the network fails, and not the nodes"
cause:
  zh: "每个节点的 Ready 都是 Unknown：没有一个 kubelet 的状态能写进 API 服务器。正在运行的工作负载可能仍在服务。"
  en: "Ready is Unknown for every node: no kubelet can write its state to the API server. Workloads that run may well serve on."
causes:
  - rule: node-notready
    ground: cluster
    mechanism: {zh: "kubelet 的状态写不进 API 服务器", en: "kubelets cannot write their state"}
  - rule: leader-election-lost
    ground: cluster
    mechanism: {zh: "租约写不进 API 服务器", en: "leases cannot be written"}
benign:
  - {zh: "只有一个节点的集群", en: "a cluster of one node"}
remedy:
  - purpose: {zh: "查看 API 服务器与 etcd 是否健康", en: "see whether API server and etcd are well"}
    place: cluster
    risk: read-only
    command: "kubectl get --raw '/readyz?verbose'"
    expect: {zh: "[-] 开头的一行", en: "a line that begins with [-]"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
prevention:
  - kind: mitigate
    text: {zh: "三个控制面节点与带健康检查的负载均衡", en: "three nodes of the control plane behind a load balancer that checks health"}
    acceptance: {zh: "停掉任一节点时 kubectl 可用", en: "kubectl works with any one stopped"}
sources: ["kubernetes pkg/controller/nodelifecycle: `Controller detected that all Nodes are not-Ready. Entering master disruption mode.`"]
versions: "Kubernetes 1.10 to 1.36"
examples:
  - name: "three"
    files:
      "nodes.json": '{"kind": "NodeList", "apiVersion": "v1", "items": [{"metadata": {"name": "a", "uid": "a"}, "status": {"conditions": [{"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown", "message": "Kubelet stopped posting node status.", "lastTransitionTime": "2026-02-24T14:29:41Z"}]}}, {"metadata": {"name": "b", "uid": "b"}, "status": {"conditions": [{"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown", "message": "Kubelet stopped posting node status.", "lastTransitionTime": "2026-02-24T14:29:41Z"}]}}, {"metadata": {"name": "c", "uid": "c"}, "status": {"conditions": [{"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown", "message": "Kubelet stopped posting node status.", "lastTransitionTime": "2026-02-24T14:29:41Z"}]}}]}'
    fires: [{kind: "Pod", namespace: "kube-system", name: "kube-apiserver"}]
  - name: "one of three"
    files:
      "nodes.json": '{"kind": "NodeList", "apiVersion": "v1", "items": [{"metadata": {"name": "a", "uid": "a"}, "status": {"conditions": [{"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown", "message": "Kubelet stopped posting node status.", "lastTransitionTime": "2026-02-24T14:29:41Z"}]}}, {"metadata": {"name": "b", "uid": "b"}, "status": {"conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "ok", "lastTransitionTime": "2026-02-24T14:29:41Z"}]}}, {"metadata": {"name": "c", "uid": "c"}, "status": {"conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "ok", "lastTransitionTime": "2026-02-24T14:29:41Z"}]}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let nodes: Vec<_> = snapshot
        .kind("Node")
        .filter(|node| !status_of(node, "Ready").is_empty())
        .collect();
    // One machine that is silent is its own trouble.
    let all_silent = nodes.len() >= 2 && nodes.iter().all(|node| status_of(node, "Ready") == "Unknown");
    if !all_silent {
        return Vec::new();
    }
    let mut finding = Finding::new(rule, api_server(snapshot), Confidence::Probable).fact("nodes", nodes.len());
    for node in nodes {
        if let Some((index, _)) = condition(node, "Ready") {
            finding.add_cite(cite_condition(node, index, "status"));
        }
        finding.add_affected(node.subject());
    }
    vec![finding]
}

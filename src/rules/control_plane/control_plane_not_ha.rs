//! One machine carries the whole control plane.

use crate::model::Confidence;
use crate::rules::toolbox::planes::control_plane_nodes;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: control-plane-not-ha
role: factor
level: info
needs: [nodes]
meets: [{kinds: [Node], least: 2}]
check:
  zh: "控制面是否只有一个节点"
  en: "whether the control plane has one node only"
title:
  zh: "控制面只有一个节点 {{ subject.name }}（集群共 {{ nodes }} 个节点）"
  en: "the control plane has one node only, {{ subject.name }}, of {{ nodes|nodes }}"
cause:
  zh: "API 服务器、调度器、控制器与 etcd 都在 {{ subject.name }} 上：它停机时整个集群无法管理，etcd 也没有可以恢复的副本。"
  en: "API server, scheduler, controllers and etcd are all on {{ subject.name }}: when it is down nothing can be managed, and etcd has no other copy."
benign:
  - {zh: "开发或边缘集群有意只用一个控制面节点", en: "clusters for development or at the edge have one on purpose"}
remedy:
  - purpose: {zh: "列出控制面节点", en: "list the nodes of the control plane"}
    place: cluster
    risk: read-only
    command: "kubectl get nodes -l node-role.kubernetes.io/control-plane"
    expect: {zh: "只有一行", en: "one row only"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
prevention:
  - kind: mitigate
    text: {zh: "扩展到三个控制面节点，并在前面放置带健康检查的负载均衡", en: "go to three nodes of the control plane behind a load balancer that checks health"}
    acceptance: {zh: "停掉任一控制面节点时 kubectl 仍可用", en: "kubectl works with any one of them stopped"}
sources: ["kubernetes.io/docs/setup/production-environment/tools/kubeadm/high-availability"]
versions: "all"
examples:
  - name: "one of four"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES           AGE   VERSION
        cp1    Ready    control-plane   90d   v1.28.4
        w1     Ready    <none>          90d   v1.28.4
        w2     Ready    <none>          90d   v1.28.4
        w3     Ready    <none>          90d   v1.28.4
    fires: [{kind: "Node", name: "cp1", node: "cp1"}]
  - name: "three"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES           AGE   VERSION
        cp1    Ready    control-plane   90d   v1.28.4
        cp2    Ready    control-plane   90d   v1.28.4
        cp3    Ready    control-plane   90d   v1.28.4
        w1     Ready    <none>          90d   v1.28.4
"##;

/// Small clusters have one control plane on purpose.
const WORTH_MORE: usize = 4;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let nodes = input.snapshot.kind("Node").count();
    match control_plane_nodes(input.snapshot).as_slice() {
        [only] if nodes >= WORTH_MORE => vec![
            Finding::new(rule, only.subject(), Confidence::Confirmed)
                .cite(only.cite.clone())
                .fact("nodes", nodes),
        ],
        _ => Vec::new(),
    }
}

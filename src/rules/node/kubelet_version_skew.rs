//! A kubelet's version is further from the API server's than is supported.

use crate::model::Confidence;
use crate::rules::toolbox::planes::control_plane_nodes;
use crate::rules::{Finding, Input, RuleHeader};

/// How many minor versions a kubelet may be behind (since 1.28; two before).
const BEHIND: u32 = 3;

pub(in crate::rules) const RULE: &str = r##"
id: kubelet-version-skew
role: factor
level: warning
needs: [nodes]
check:
  zh: "kubelet 与 API 服务器的版本差是否受支持"
  en: "whether kubelets are within the supported distance of the API server"
title:
  zh: "节点 {{ subject.name }} 的 kubelet {{ version }} {% if newer %}比 API 服务器 {{ server }} 新{% else %}比 API 服务器 {{ server }} 落后太多{% endif %}"
  en: "the kubelet {{ version }} of {{ subject.name }} is {% if newer %}newer than{% else %}too far behind{% endif %} the API server {{ server }}"
cause:
  zh: "kubelet 不得比 API 服务器新，最多落后三个次版本（1.28 之前为两个）；超出后行为没有保证。"
  en: "a kubelet must not be newer than the API server and at most three minor versions behind (two before 1.28); beyond that nothing is promised."
benign:
  - {zh: "升级过程中的短暂差异", en: "for a while during an upgrade"}
remedy:
  - purpose: {zh: "列出版本", en: "list the versions"}
    place: cluster
    risk: read-only
    command: |
      kubectl version
      kubectl get nodes -o wide
    expect: {zh: "VERSION 列", en: "the column VERSION"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
prevention:
  - kind: process
    text: {zh: "先升级控制面，再逐个升级节点", en: "upgrade the control plane first, then node after node"}
    acceptance: {zh: "升级后没有超出范围的节点", en: "no node is out of range afterwards"}
sources: ["kubernetes.io/releases/version-skew-policy"]
versions: "Kubernetes 1.10 to 1.36"
examples:
  - name: "four behind"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES           AGE   VERSION
        cp1    Ready    control-plane   90d   v1.30.4
        w1     Ready    <none>          90d   v1.26.1
    fires: [{kind: "Node", name: "w1", node: "w1"}]
  - name: "one behind"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES           AGE   VERSION
        cp1    Ready    control-plane   90d   v1.30.4
        w1     Ready    <none>          90d   v1.29.1
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let told = snapshot.hosts.iter().find_map(|host| {
        host.values
            .get("kubernetes.server-version")
            .map(|(value, _)| value.clone())
    });
    // Without the server's own word its nodes' kubelets stand for it: they are never newer.
    let of_nodes = control_plane_nodes(snapshot)
        .into_iter()
        .map(|node| node.text("/status/nodeInfo/kubeletVersion").to_owned())
        .find(|version| minor(version).is_some());
    let Some(server) = told.or(of_nodes) else {
        return Vec::new();
    };
    let Some(at) = minor(&server) else { return Vec::new() };
    snapshot
        .kind("Node")
        .filter_map(|node| {
            let version = node.text("/status/nodeInfo/kubeletVersion");
            let own = minor(version)?;
            let allowed = if at >= 28 { BEHIND } else { BEHIND - 1 };
            let is_newer = own > at;
            (is_newer || at - own > allowed).then(|| {
                Finding::new(rule, node.subject(), Confidence::Confirmed)
                    .at("status.nodeInfo.kubeletVersion")
                    .cite(node.cite_at("/status/nodeInfo/kubeletVersion"))
                    .fact("version", version)
                    .fact("server", server.clone())
                    .fact("newer", is_newer)
            })
        })
        .collect()
}

/// The minor of `v1.28.4+k3s1`.
fn minor(version: &str) -> Option<u32> {
    version
        .trim_start_matches('v')
        .strip_prefix("1.")?
        .split(['.', '+', '-'])
        .next()?
        .parse()
        .ok()
}

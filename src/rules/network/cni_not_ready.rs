//! A node has no working CNI.

use crate::cluster::{Hit, Snapshot};
use crate::logs::LineHit;
use crate::model::Confidence;
use crate::rules::toolbox::nodes::{has_started_since, hits_by_node, is_ready, on_node, persists};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: cni-not-ready
role: cause
level: critical
needs: [nodes|kubelet-log|events]
reported: true
text:
  - id: node
    pattern: "(?:NetworkPluginNotReady|network is not ready)[^\\n]{0,60}(?:cni config uninitialized|cni plugin not initialized|No CNI configuration file)"
  - id: kubelet
    in: [kubelet, system, runtime, other]
    pattern: "cni plugin not initialized|cni config uninitialized|no network config found in /etc/cni/net\\.d|No CNI configuration file in"
  # kubernetes pkg/kubelet/util/pod_startup_latency_tracker.go
  - id: pod-started
    in: [kubelet, system, other]
    pattern: '"Observed pod startup duration" pod="(?P<namespace>[\w-]+)/(?P<pod>[\w.-]+)"'
check:
  zh: "节点的 CNI 是否就绪"
  en: "whether the CNI of each node is ready"
title:
  zh: "节点 {{ node }} 没有可用的 CNI 配置，网络未就绪"
  en: "node {{ node }} has no CNI configuration in place: its network is not ready"
cause:
  zh: "运行时在 /etc/cni/net.d 中没有找到可用的网络配置：{{ line }}；除 hostNetwork 外的 Pod 都无法启动。"
  en: "the runtime finds no usable network configuration in /etc/cni/net.d: {{ line }}; no pod but those of the host network can start."
causes:
  - rule: failedscheduling-taint
    ground: node
    mechanism: {zh: "节点的状况变成污点，调度器因此避开它", en: "the node's condition becomes a taint, and the scheduler keeps away"}
  - rule: node-notready
    ground: node
    mechanism: {zh: "节点因此不再就绪", en: "the node is not ready for it"}
  - rule: sandbox-creation-failure
    ground: node
    mechanism: {zh: "沙箱网络无法建立", en: "the network of the sandbox cannot be set up"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "没有沙箱就没有容器", en: "no sandbox, no container"}
  - rule: endpoints-missing
    ground: workload
    mechanism: {zh: "没有沙箱就没有容器", en: "no sandbox, no container"}
  - rule: node-workloads-unstartable
    ground: node
    mechanism: {zh: "节点上不能再启动 Pod", en: "the node cannot start pods"}
benign:
  - {zh: "节点加入后的一两分钟内是正常的", en: "normal for a minute or two after a node joins"}
  - {zh: "hostNetwork 的 Pod 仍能启动", en: "pods of the host network start all the same"}
remedy:
  - purpose: {zh: "查看现状", en: "look at the present state"}
    place: node
    risk: read-only
    command: "ls -l /etc/cni/net.d"
    expect: {zh: "为空，或只有 .bak 等不被读取的文件", en: "empty, or only files that are not read, such as .bak"}
    verify: {zh: "原因已记录", en: "the reason is on record"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "查看现状", en: "look at the present state"}
    place: cluster
    risk: read-only
    command: "kubectl -n kube-system get pods -o wide --field-selector spec.nodeName={{ node }}"
    expect: {zh: "该节点的 CNI 守护 Pod 的状态", en: "the state of the CNI daemon of the node"}
    verify: {zh: "原因已记录", en: "the reason is on record"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "重启该节点上的 CNI Pod，让它写入 /etc/cni/net.d", en: "restart the CNI pod of the node, so that it writes /etc/cni/net.d"}
    place: cluster
    risk: change
    command: "kubectl -n <CNI_NAMESPACE> delete pod <CNI_POD_OF_NODE>"
    expect: {zh: "pod \"…\" deleted", en: "pod \"…\" deleted"}
    verify: {zh: "/etc/cni/net.d 中有配置，节点 {{ node }} 恢复 Ready", en: "/etc/cni/net.d holds a configuration and node {{ node }} is Ready"}
    rollback: {zh: "DaemonSet 会自行重建该 Pod，无需回滚；没有 CNI Pod 时先安装 CNI", en: "the DaemonSet makes the pod anew by itself; where there is none, the CNI has to be installed first"}
prevention:
  - kind: detect
    text: {zh: "对节点 NotReady 持续 5 分钟告警", en: "alert when a node is NotReady for 5 minutes"}
    acceptance: {zh: "停掉测试节点的 kubelet，按时收到告警", en: "stopping a test node's kubelet raises the alert in time"}
sources: ["containerd go-cni errors.go: `cni plugin not initialized`", "kubernetes pkg/kubelet/dockershim/network/cni: `cni config uninitialized`"]
versions: "Kubernetes 1.12 to 1.36, containerd 1.3 to 2.1"
examples:
  - name: "the node's condition"
    files:
      nodes.json: "{\"kind\":\"NodeList\",\"apiVersion\":\"v1\",\"items\":[{\"metadata\":{\"name\":\"n1\"},\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"False\",\"reason\":\"KubeletNotReady\",\"message\":\"container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized\"}]}}]}"
    fires: [{kind: "Node", name: "n1", node: "n1"}]
  - name: "while it joined"
    files:
      nodes.txt: |
        NAME   STATUS   ROLES   AGE   VERSION
        n1   Ready   <none>   90d   v1.28.4
      kubelet.log: |
        E0322 09:24:41.889702 1 kubelet.go:1] "Container runtime network not ready" networkReady="NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized"
        I0322 12:24:41.889702 1 kubelet.go:1] "x"
  - name: "after a reboot, at the end of what was kept of the log"
    files:
      nodes.txt: |
        NAME   STATUS   ROLES   AGE   VERSION
        n1   Ready   <none>   90d   v1.28.4
      n1/kubelet.log: |
        E0322 09:24:41.889702 1 kubelet.go:1] "Container runtime network not ready" networkReady="NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized"
        I0322 09:24:51.889702 1 kubelet_node_status.go:488] "Fast updating node status as it just became ready"
  - name: "after a reboot, and then a pod of a user has started"
    files:
      n1/kubelet.log: |
        E0322 09:24:41.889702 1 kubelet.go:1] "Container runtime network not ready" networkReady="NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized"
        I0322 09:28:51.889702 1 pod_startup_latency_tracker.go:104] "Observed pod startup duration" pod="shop/web-5c749b66f6-7nfqw" podStartSLOduration=2.1
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    // A kubelet whose network is not ready says that its node is not (`pkg/kubelet/kubelet.go`, runtimeErrorsFunc).
    let is_over = |finding: &Finding| {
        let node = &finding.subject.name;
        is_ready(input.snapshot, node) == Some(true) || has_started_since(input.snapshot, node, finding.last.as_ref())
    };
    let counts = |hit: &Hit, node: &str| {
        let stays = is_ready(input.snapshot, node) == Some(false) || persists(input.snapshot, hit);
        stays && hit.signature != STARTED && !starts_pods_since(input.snapshot, hit)
    };
    let mut found: Vec<Finding> = hits_by_node(input, rule, 1, counts)
        .into_iter()
        .map(|(node, hits)| on_node(input, rule, &node, &hits, Confidence::Confirmed))
        .collect();
    found.retain(|finding| !is_over(finding));
    found
}

const STARTED: &str = "cni-not-ready/pod-started";

/// True where the same log tells later that a pod of a user's namespace has started: those of the system may be on the host's network,
/// which needs no CNI.
fn starts_pods_since(snapshot: &Snapshot, hit: &Hit) -> bool {
    let Some(log) = snapshot.log_of(hit) else { return false };
    let last = |signature: &str| {
        let hits = log.hits.iter().filter(|line| line.signature == signature);
        hits.map(LineHit::last_line).max()
    };
    let of_users = |line: &&LineHit| {
        let namespace = line.captures.get("namespace").map_or("", String::as_str);
        line.signature == STARTED && !namespace.starts_with("kube-") && !namespace.ends_with("-system")
    };
    let started = log.hits.iter().filter(of_users).map(LineHit::last_line).max();
    started > last(&hit.signature)
}

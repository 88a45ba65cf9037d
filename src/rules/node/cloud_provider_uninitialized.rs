//! Nodes wait for a cloud controller manager that does not come.

use crate::model::{Confidence, Subject};
use crate::rules::scheduling::blocked;
use crate::rules::{Finding, Input, RuleHeader, Touch};

/// The taint that a kubelet with `--cloud-provider=external` starts with.
const TAINT: &str = "node.cloudprovider.kubernetes.io/uninitialized";

pub(in crate::rules) const RULE: &str = r##"
id: cloud-provider-uninitialized
role: cause
level: critical
needs: [nodes]
check:
  zh: "节点是否已由云控制器初始化"
  en: "whether nodes were initialised by their cloud controller"
title:
  zh: "节点 {{ subject.name }} 仍带有 uninitialized 污点：云控制器（CCM）没有初始化它"
  en: "node {{ subject.name }} still has the taint uninitialized: no cloud controller manager has initialised it"
cause:
  zh: "kubelet 以 --cloud-provider=external 启动，节点因此带有 node.cloudprovider.kubernetes.io/uninitialized:NoSchedule，直到云控制器填入 providerID 并移除它{% if provider %}{% else %}；这个节点还没有 providerID{% endif %}。云控制器没有部署、起不来（凭据、网络）或认不出这台机器时，普通 Pod 都无法调度。"
  en: "with --cloud-provider=external the kubelet starts with node.cloudprovider.kubernetes.io/uninitialized:NoSchedule until the cloud controller sets a providerID and takes it away{% if provider %}{% else %}; this node has none yet{% endif %}. When that controller is not deployed, does not start (credentials, network) or does not know the machine, no ordinary pod is placed."
causes:
  - rule: failedscheduling-insufficient-resources
    ground: pod
    mechanism: {zh: "这个节点不能使用，其余节点放不下", en: "this node cannot be used, and the others have no room"}
  - rule: failedscheduling-taint
    ground: pod
    mechanism: {zh: "污点挡住了普通 Pod", en: "the taint keeps ordinary pods away"}
  - rule: failedscheduling-taint
    ground: node
    mechanism: {zh: "污点挡住了普通 Pod", en: "the taint keeps ordinary pods away"}
  - rule: coredns-pod-unhealthy
    ground: cluster
    mechanism: {zh: "CoreDNS 无法调度", en: "CoreDNS cannot be placed"}
benign:
  - {zh: "节点加入后的最初一两分钟", en: "in the first minutes after a node has joined"}
remedy:
  - purpose: {zh: "查看云控制器的 Pod 与日志", en: "see the controller's pods and log"}
    place: cluster
    risk: read-only
    command: |
      kubectl -n kube-system get pods -o wide | grep -E 'cloud-controller|ccm'
      kubectl describe node {{ subject.name }}
    expect: {zh: "Running 的云控制器", en: "a controller that is Running"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "部署或修复云控制器；本地集群则去掉 --cloud-provider=external", en: "deploy or mend the controller; on a cluster of your own machines drop --cloud-provider=external"}
    place: cluster
    risk: change
    command: "kubectl -n kube-system rollout restart daemonset <CLOUD_CONTROLLER_MANAGER>"
    verify: {zh: "污点消失，providerID 已填入", en: "the taint is gone and providerID is set"}
    rollback: {zh: "`kubectl rollout undo`", en: "`kubectl rollout undo`"}
prevention:
  - kind: prevent
    text: {zh: "让云控制器容忍该污点并使用宿主机网络", en: "let the controller tolerate this taint and use the host's network"}
    acceptance: {zh: "新节点 3 分钟内可调度", en: "a new node can be used within 3 minutes"}
sources: ["kubernetes staging/src/k8s.io/cloud-provider/api/well_known_taints.go", "kubernetes.io/docs/tasks/administer-cluster/running-cloud-controller"]
versions: "Kubernetes 1.11 to 1.36"
examples:
  - name: "a node that waits"
    files:
      "nodes.json": '{"kind": "NodeList", "apiVersion": "v1", "items": [{"metadata": {"name": "w1"}, "spec": {"taints": [{"key": "node.cloudprovider.kubernetes.io/uninitialized", "value": "true", "effect": "NoSchedule"}]}, "status": {}}]}'
    fires: [{kind: "Node", name: "w1", node: "w1"}]
  - name: "it would have taken the pod for which the others have no room"
    files:
      "nodes.json": '{"kind": "NodeList", "apiVersion": "v1", "items": [{"metadata": {"name": "w1"}, "spec": {"taints": [{"key": "node.cloudprovider.kubernetes.io/uninitialized", "value": "true", "effect": "NoSchedule"}]}, "status": {}}]}'
      "pods.txt": |
        NAMESPACE   NAME                   READY   STATUS    RESTARTS   AGE   IP       NODE     NOMINATED NODE   READINESS GATES
        shop        web-7c8b6d9f54-b7wtz   0/1     Pending   0          35m   <none>   <none>   <none>           <none>
      "events.txt": |
        NAMESPACE   LAST SEEN   TYPE      REASON             OBJECT                     MESSAGE
        shop        2m          Warning   FailedScheduling   pod/web-7c8b6d9f54-b7wtz   0/3 nodes are available: 1 node(s) had untolerated taint {node.cloudprovider.kubernetes.io/uninitialized: true}, 2 Insufficient cpu.
    fires: [{kind: "Node", name: "w1", node: "w1"}]
  - name: "initialised"
    files:
      "nodes.json": '{"kind": "NodeList", "apiVersion": "v1", "items": [{"metadata": {"name": "w1"}, "spec": {"providerID": "aws:///x/i-1"}, "status": {}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings = Vec::new();
    let waiting = blocked(snapshot);
    for node in snapshot.kind("Node") {
        let at = node
            .list("/spec/taints")
            .iter()
            .position(|taint| taint.get("key").and_then(|key| key.as_str()) == Some(TAINT));
        let Some(index) = at else { continue };
        let mut finding = Finding::new(rule, node.subject(), Confidence::Confirmed)
            .at("spec.taints")
            .cite(node.cite_at(&format!("/spec/taints/{index}")))
            .fact("provider", node.text("/spec/providerID"));
        // Whatever ails the controller explains why it does not remove the taint.
        for object in ["Deployment", "DaemonSet"]
            .into_iter()
            .flat_map(|kind| snapshot.kind(kind))
        {
            if object.key.name.contains("cloud-controller-manager") || object.key.name.ends_with("-ccm") {
                finding.blame(object.subject());
            }
        }
        for pod in snapshot
            .pods()
            .filter(|pod| pod.phase() == "Pending" && pod.node().is_empty())
        {
            let subject = Subject::namespaced("Pod", pod.namespace(), pod.name());
            // Where the scheduler says why it took no node, this one has to be among those that it left out.
            let said = waiting.iter().find(|blocked| blocked.pod == subject);
            if said.is_none_or(|blocked| blocked.message.contains(TAINT)) {
                finding.touches.extend(Touch::of(&subject));
            }
        }
        findings.push(finding);
    }
    findings
}

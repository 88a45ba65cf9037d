//! A host that Rancher launched runs no node agent, so nobody re-creates what Rancher manages there.

use crate::model::{Confidence, Subject};
use crate::rules::toolbox::node_agent::absence_of_node_agent;
use crate::rules::toolbox::nodes::machine_name;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: cattle-node-agent-missing
role: factor
level: warning
needs: [docker-containers, docker-images]
check:
  zh: "Rancher 创建的主机上是否有节点代理"
  en: "whether hosts that Rancher launched run its node agent"
title:
  zh: "{{ host }} 的完整容器清单中没有 cattle-node-agent{% if daemonsets is not none %}，API 的完整清单中也没有这个 DaemonSet（清单共 {{ daemonsets }} 项）{% endif %}{% if namespaces is not none %}{% if daemonsets is not none %}，{% else %}，API 的{% endif %}命名空间的完整清单（共 {{ namespaces }} 项）中没有 cattle-system{% endif %}"
  en: "{{ host }} has no cattle-node-agent: its complete container list lacks it{% if daemonsets is not none %}, and the API's complete lists have no such DaemonSet ({{ daemonsets }} in all){% if namespaces is not none %} and, among their {{ namespaces }} namespaces, no cattle-system{% endif %}{% elif namespaces is not none %}, and the API's complete list of {{ namespaces }} namespaces has no cattle-system{% endif %}"
cause:
  zh: "节点代理 会重建 Rancher 管理的容器（worker 上的 kubelet、kube-proxy、nginx-proxy、service-sidekick，以及 share-mnt）；它不在时，被删除的容器不会自己回来。"
  en: "the node agent re-creates what Rancher manages (kubelet, kube-proxy, nginx-proxy, service-sidekick on workers, and share-mnt); without it a container that was deleted does not come back."
causes:
  - rule: rke1-share-mnt-missing
    ground: node
    mechanism: {zh: 没有节点代理，被删除的容器不会重建, en: without the node agent a deleted container is not re-created}
benign:
  - {zh: "RKE2、k3s、导入的集群与 rke CLI 创建的集群没有它", en: "RKE2, k3s, imported clusters and those of the rke CLI have none"}
  - {zh: "kubelet 停止时它的容器也会消失", en: "with the kubelet stopped its container goes as well"}
remedy:
  - purpose: {zh: "查看 DaemonSet", en: "see the DaemonSet"}
    place: cluster
    risk: read-only
    command: "kubectl -n cattle-system get daemonset cattle-node-agent -o wide"
    expect: {zh: "每个节点一个 Pod", en: "one pod for each node"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
prevention:
  - kind: detect
    text: {zh: "DaemonSet cattle-node-agent 不存在，或就绪数少于节点数时告警", en: "alert when the DaemonSet cattle-node-agent is absent or has fewer ready pods than nodes"}
    command: "kubectl -n cattle-system get daemonset cattle-node-agent -o jsonpath='{.status.desiredNumberScheduled} {.status.numberReady}'"
    acceptance: {zh: "在测试集群删除该 DaemonSet，5 分钟内收到告警", en: "raised within 5 minutes of deleting the DaemonSet of a test cluster"}
knowledge:
  - text: {zh: 节点代理会重建被删除的 share-mnt, en: the node agent re-creates a share-mnt that was deleted}
    reference: "rancher/rancher v2.5.12 pkg/rkenodeconfigserver/nodeserver.go: AugmentProcesses; rancher/rancher#15364"
sources: ["rancher/rancher v2.5 pkg/rkeworker/execute.go, pkg/rkenodeconfigserver/nodeserver.go: AugmentProcesses"]
versions: "Rancher 2.0 to 2.11 with RKE1"
examples:
  - name: "it is absent"
    files:
      "docker-ps-a.txt": |
        $ docker ps -a
        CONTAINER ID   IMAGE                              COMMAND        CREATED       STATUS                     PORTS     NAMES
        3e7d1151cf93   rancher/hyperkube:v1.24.17         "x"            3 weeks ago   Up 3 weeks                           kubelet
        4e7d1151cf93   rancher/rke-tools:v0.1.90          "x"            3 weeks ago   Created                              service-sidekick
      "docker-images.txt": |
        REPOSITORY              TAG       IMAGE ID       CREATED       SIZE
        rancher/rancher-agent   v2.7.9    3e7d1151cf93   9 weeks ago   600MB
    fires: [{kind: "HostContainer", name: "cattle-node-agent"}]
  - name: "it runs"
    files:
      "docker-ps-a.txt": |
        $ docker ps -a
        CONTAINER ID   IMAGE                              COMMAND        CREATED       STATUS                     PORTS     NAMES
        3e7d1151cf93   rancher/hyperkube:v1.24.17         "x"            3 weeks ago   Up 3 weeks                           kubelet
        4e7d1151cf93   3e7d1151cf93                       "x"            3 weeks ago   Up 3 weeks                           k8s_agent_cattle-node-agent-x7k2v_cattle-system_0a1b2c3d_0
        5e7d1151cf93   rancher/rke-tools:v0.1.90          "x"            3 weeks ago   Created                              service-sidekick
      "docker-images.txt": |
        REPOSITORY              TAG       IMAGE ID       CREATED       SIZE
        rancher/rancher-agent   v2.7.9    3e7d1151cf93   9 weeks ago   600MB
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let mut findings = Vec::new();
    for host in &input.snapshot.hosts {
        // Hosts of the rke CLI and of imported clusters have no such image, and no agent.
        let is_launched = host
            .images
            .iter()
            .any(|image| image.reference.contains("rancher/rancher-agent:"));
        if !is_launched || host.container("kubelet").is_none() {
            continue;
        }
        let Some(absence) = absence_of_node_agent(input.snapshot, host) else {
            continue;
        };
        let subject = Subject::on_node("HostContainer", "cattle-node-agent", host.runtime_name());
        // An API that does not know the host by its name may be another cluster's, and then its lists say nothing of the agent here.
        let name = host.runtime_name();
        let mut nodes = input.snapshot.kind("Node").peekable();
        let is_foreign = nodes.peek().is_some() && nodes.all(|node| node.key.name != name);
        let uses_api = absence.daemonsets.is_some() || absence.namespaces.is_some();
        let confidence = if is_foreign && uses_api {
            Confidence::Probable
        } else {
            Confidence::Confirmed
        };
        let mut finding = Finding::new(rule, subject, confidence)
            .fact("host", machine_name(input.snapshot, host.runtime_name()))
            .fact("daemonsets", absence.daemonsets)
            .fact("namespaces", absence.namespaces);
        for list in absence.cites {
            finding.add_cite_of(&["daemonsets", "namespaces"], list);
        }
        findings.push(finding);
    }
    findings
}

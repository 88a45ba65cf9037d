//! A CNI plugin fails to add a pod to the network.

use crate::model::Confidence;
use crate::rules::toolbox::nodes::by_node_of_failing_pods;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: cni-add-failure
role: cause
level: critical
needs: [events|kubelet-log]
text:
  - id: flannel
    pattern: "open (?P<file>/run/flannel/subnet\\.env): no such file or directory"
  - id: calico
    pattern: "(?:stat /var/lib/calico/nodename: no such file or directory|error getting ClusterInformation: connection is unauthorized)"
  - id: bridge
    pattern: "failed to set bridge addr: \\\\*\"cni0\\\\*\" already has an IP address different from (?P<address>[0-9./]+)"
  - id: plugin
    pattern: "failed to find plugin \\\\*\"(?P<plugin>[a-z-]+)\\\\*\" in path"
  - id: multus
    pattern: "Multus: [^\\n]{0,160}(?P<problem>error waiting for pod: Unauthorized|error getting pod: Unauthorized|have you checked that your default network is ready|stat /\\S{1,120}: no such file or directory)"
  - id: version
    pattern: "(?P<problem>incompatible CNI versions; config is [^\\n]{3,12}, plugin supports \\[[^\\]\\n]{1,120}\\])"
  - id: cilium
    pattern: "unable to connect to Cilium (?:daemon|agent)"
  - id: execute
    pattern: "fork/exec (?P<file>/(?:opt/cni|usr/libexec/cni|usr/lib/cni|var/lib/rancher/k3s/data/cni)[^:\\s]{1,120}): (?:permission denied|exec format error|text file busy|no such file or directory)"
  - id: multus-daemon
    pattern: "dial unix (?:/host)?/run/multus/[^:\\s]{1,40}: connect: (?:connection refused|no such file or directory)"
check:
  zh: "CNI 插件能否把 Pod 接入网络"
  en: "whether CNI plugins can add pods to the network"
title:
  zh: "节点 {{ node }} 的 CNI 插件无法接入 Pod：{{ line }}"
  en: "the CNI plugin of node {{ node }} cannot add pods: {{ line }}"
cause:
  zh: "CNI 的 ADD 操作失败，Pod 停在 ContainerCreating：{{ line }}"
  en: "the CNI ADD fails, so pods stay in ContainerCreating: {{ line }}"
causes:
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
  - {zh: "节点刚启动时的几次失败", en: "a few failures right after boot"}
remedy:
  - purpose: {zh: "查看现状", en: "look at the present state"}
    place: node
    risk: read-only
    command: "ls -l /etc/cni/net.d /opt/cni/bin"
    expect: {zh: "缺少的配置或插件", en: "the configuration or plugin that is missing"}
    verify: {zh: "原因已记录", en: "the reason is on record"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "查看现状", en: "look at the present state"}
    place: cluster
    risk: read-only
    command: "kubectl get pods -A -o wide --field-selector spec.nodeName={{ node }}"
    expect: {zh: "该节点的 CNI 守护 Pod 是否就绪", en: "whether the CNI daemon of the node is ready"}
    verify: {zh: "原因已记录", en: "the reason is on record"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "重启该节点上的 CNI Pod，让它重新写入配置与程序", en: "restart the CNI pod of the node, so that it writes configuration and programs anew"}
    place: cluster
    risk: change
    command: "kubectl -n <CNI_NAMESPACE> delete pod <CNI_POD_OF_NODE>"
    expect: {zh: "pod \"…\" deleted", en: "pod \"…\" deleted"}
    verify: {zh: "新的 CNI Pod 就绪，ContainerCreating 的 Pod 启动", en: "the new CNI pod is ready and pods in ContainerCreating start"}
    rollback: {zh: "DaemonSet 会自行重建该 Pod，无需回滚", en: "the DaemonSet makes the pod anew by itself: nothing to roll back"}
prevention:
  - kind: detect
    text: {zh: "对节点 NotReady 持续 5 分钟告警", en: "alert when a node is NotReady for 5 minutes"}
    acceptance: {zh: "停掉测试节点的 kubelet，按时收到告警", en: "stopping a test node's kubelet raises the alert in time"}
sources: ["flannel cni-plugin: subnet.env", "calico cni-plugin/plugin.go", "containernetworking/plugins bridge.go"]
versions: "flannel 0.9 to 0.26, Calico 3.x, CNI plugins 0.6 to 1.x"
examples:
  - name: "flannel has not written its file"
    files:
      pods.txt: |
        NAME    READY   STATUS    RESTARTS   AGE   IP   NODE   NOMINATED NODE   READINESS GATES
        web-0   0/1   ContainerCreating   0   16m   <none>   n1   <none>   <none>
      events.txt: |
        LAST SEEN   TYPE      REASON                   OBJECT      MESSAGE
        2m          Warning   FailedCreatePodSandBox   pod/web-0   Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox "4": plugin type="flannel" failed (add): loadFlannelSubnetEnv failed: open /run/flannel/subnet.env: no such file or directory
    fires: [{kind: "Node", name: "n1", node: "n1"}]
  - name: "it worked later"
    files:
      pods.txt: |
        NAME    READY   STATUS    RESTARTS   AGE   IP   NODE   NOMINATED NODE   READINESS GATES
        web-0   1/1   Running   0   16m   <none>   n1   <none>   <none>
      events.txt: |
        LAST SEEN   TYPE      REASON                   OBJECT      MESSAGE
        2m          Warning   FailedCreatePodSandBox   pod/web-0   Failed to create pod sandbox: rpc error: code = Unknown desc = open /run/flannel/subnet.env: no such file or directory
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    by_node_of_failing_pods(input, rule, Confidence::Confirmed)
}

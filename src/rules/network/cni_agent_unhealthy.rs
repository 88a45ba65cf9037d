//! The agent of the CNI is not well on a node.

use crate::rules::toolbox::daemons::ailing;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: cni-agent-unhealthy
role: link
level: critical
needs: [pods|daemonsets]
text:
  - id: calico
    pattern: 'calico/node is not ready: (?P<said_by_agent>[^\n]{1,160})|(?:[Ff]elix is not (?:ready|live)|bird/confd is not live|BIRD is not (?:ready|live))[^\n]{0,80}'
  - id: flannel
    in: [container-log, event, status]
    pattern: '(?:Failed to create SubnetManager|Failed to find any valid interface to use|Failed to check br_netfilter|Error registering network|failed to acquire lease)[^\n]{0,160}'
  - id: cilium
    in: [container-log, event, status]
    pattern: '(?:Unable to contact k8s api-server|not able to connect to any etcd endpoints|Cilium (?:API )?is not (?:ready|running)|unable to (?:initialize|determine) (?:BPF|direct routing|device)[^\n]{0,80}|level=fatal msg="[^"]{1,160}")'
check: {zh: "每个节点上的 CNI 守护进程是否正常", en: "whether the CNI's agent is well on every node"}
title:
  zh: "{% if node %}节点 {{ node }} 的 CNI 守护进程 {{ daemon }} 不就绪{% else %}CNI 守护进程 {% if namespace %}{{ namespace }}/{% endif %}{{ daemon }} 只在 {{ ready }}/{{ wanted }} 个节点上就绪{% endif %}{% if said %}（{{ said }}）{% endif %}"
  en: "{% if node %}the CNI agent {{ daemon }} of node {{ node }} is not ready{% else %}the CNI agent {% if namespace %}{{ namespace }}/{% endif %}{{ daemon }} is ready on {{ ready }} of {{ wanted|nodes }}{% endif %}{% if said %} ({{ said }}){% endif %}"
cause:
  zh: "CNI 守护进程为节点写入网络配置、路由与隧道；它不就绪时新 Pod 得不到网络，已有 Pod 跨节点的通信会中断。{% if wants_none %}DaemonSet 的 nodeSelector（{{ selector }}）不匹配任何节点。{% endif %}"
  en: "the CNI's agent writes a node's network configuration, routes and tunnels; while it is not ready, new pods get no network and pods lose those on other nodes.{% if wants_none %} The DaemonSet's nodeSelector ({{ selector }}) matches no node.{% endif %}"
causes:
  - rule: cni-not-ready
    ground: node
    mechanism: {zh: "节点上没有可用的 CNI 配置", en: "the node is left without a CNI configuration"}
  - rule: cni-add-failure
    ground: node
    mechanism: {zh: "沙箱的网络无法建立", en: "the network of sandboxes cannot be set up"}
  - rule: sandbox-creation-failure
    ground: node
    mechanism: {zh: "Pod 的沙箱无法创建", en: "sandboxes of pods cannot be made"}
  - rule: node-notready
    ground: node
    mechanism: {zh: "节点因此不再就绪", en: "the node is not ready for it"}
  - rule: failedscheduling-taint
    ground: node
    mechanism: {zh: "节点的状况变成污点，调度器因此避开它", en: "the node's condition becomes a taint, and the scheduler keeps away"}
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
  - rule: app-upstream-refused
    ground: node
    mechanism: {zh: "到对端的连接得不到应答", en: "connections to the peer get no answer"}
  - rule: app-database-unreachable
    ground: node
    mechanism: {zh: "到数据库的连接得不到应答", en: "connections to the database get no answer"}
  - rule: coredns-pod-unhealthy
    ground: node
    mechanism: {zh: "该节点上的域名服务因此不可用", en: "the name service on this node suffers from it"}
  - rule: node-workloads-unstartable
    ground: node
    mechanism: {zh: "节点上不能再启动 Pod", en: "the node cannot start pods"}
  - rule: probe-failing
    ground: node
    mechanism: {zh: "节点的故障使其上的探针都失败", en: "the node is in trouble, and so are the probes on it"}
  - rule: cross-node-pod-network-broken
    ground: cluster
    mechanism: {zh: "跨节点的数据包过不去", en: "packets between nodes do not pass"}
  - rule: calico-bgp-not-established
    ground: node
    mechanism: {zh: "calico-node 不正常，BGP 会话随之断开", en: "with calico-node in trouble its sessions go as well"}
benign:
  - {zh: "启动后最初几秒的探针失败", en: "failing probes in the first seconds"}
  - {zh: "已关机节点上的 BGP 邻居不应答", en: "BGP peers on nodes that are switched off"}
remedy:
  - purpose: {zh: "查看守护进程的 Pod 与事件", en: "look at the pods of the agent and their events"}
    place: cluster
    risk: read-only
    command: "kubectl {% if namespace %}-n {{ namespace }} {% endif %}describe pod {% if pod %}{{ pod }}{% else %}-l k8s-app={{ daemon }}{% endif %}"
    expect: {zh: "未就绪的原因", en: "why it is not ready"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "查看守护进程的日志", en: "look at the log of the agent"}
    place: cluster
    risk: read-only
    command: "kubectl {% if namespace %}-n {{ namespace }} {% endif %}logs {% if pod %}{{ pod }}{% else %}daemonset/{{ daemon }}{% endif %} --all-containers --tail=50"
    expect: {zh: "最后几行说明原因", en: "its last lines say why"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
prevention:
  - kind: detect
    text: {zh: "对 CNI DaemonSet 的 numberUnavailable 大于 0 持续 5 分钟告警", en: "alert when numberUnavailable of the CNI's DaemonSet is above 0 for 5 minutes"}
    acceptance: {zh: "停掉一个节点上的守护进程触发告警", en: "stopping the agent on one node raises the alert"}
sources:
  - "projectcalico/calico node/pkg/health/health.go: `calico/node is not ready: …`"
  - "flannel-io/flannel main.go: `Failed to create SubnetManager`, `Failed to find any valid interface to use`"
  - "cilium daemon/cmd: `Unable to contact k8s api-server`"
versions: "Calico 3.x, flannel 0.x, Cilium 1.x"
examples:
  - name: "on one of three nodes, with the words of the probe"
    files:
      "pods.txt": |
        NAMESPACE     NAME                      READY   STATUS    RESTARTS   AGE   IP           NODE
        kube-system   calico-node-7xk2p         1/1     Running   0          41m   10.42.0.9    n1
        kube-system   calico-node-8hs4m         0/1     Running   0          41m   10.42.0.9    n2
        kube-system   calico-node-9jd5l         1/1     Running   0          41m   10.42.0.9    n3
      "events.txt": |
        NAMESPACE     LAST SEEN   TYPE      REASON      OBJECT                  MESSAGE
        kube-system   2m          Warning   Unhealthy   pod/calico-node-8hs4m   Readiness probe failed: calico/node is not ready: BIRD is not ready: BGP not established with 10.0.0.1,10.0.0.3
    fires:
      - {kind: "Node", name: "n2", node: "n2"}
  - name: "everywhere"
    files:
      "pods.json": '{"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "kube-flannel-ds-7xk2p", "namespace": "kube-flannel"}, "spec": {"nodeName": "n1", "containers": [{"name": "kube-flannel"}]}, "status": {"phase": "Running", "containerStatuses": [{"name": "kube-flannel", "ready": false, "restartCount": 9, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]}}, {"metadata": {"name": "kube-flannel-ds-8hs4m", "namespace": "kube-flannel"}, "spec": {"nodeName": "n2", "containers": [{"name": "kube-flannel"}]}, "status": {"phase": "Running", "containerStatuses": [{"name": "kube-flannel", "ready": false, "restartCount": 9, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]}}]}'
    fires:
      - {kind: "DaemonSet", namespace: "kube-flannel", name: "kube-flannel-ds"}
  - name: "ready everywhere; the operator is no agent"
    files:
      "pods.txt": |
        NAMESPACE     NAME                      READY   STATUS    RESTARTS   AGE   IP           NODE
        kube-system   cilium-7xk2p              1/1     Running   0          41m   10.42.0.9    n1
        kube-system   cilium-operator-6d4b75cb6d-hbs2m 0/1     Pending   0          41m   10.42.0.9    <none>
"##;

/// DaemonSets of the CNIs in use (their projects' manifests and charts; RKE1's and RKE2's canal).
const AGENTS: [&str; 15] = [
    "calico-node",
    "canal",
    "rke2-canal",
    "kube-flannel",
    "kube-flannel-ds",
    "cilium",
    "weave-net",
    "kube-router",
    "antrea-agent",
    "aws-node",
    "azure-cns",
    "kube-ovn-cni",
    "ovnkube-node",
    "kindnet",
    "ovs-ovn",
];

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    ailing(input, rule, &AGENTS)
}

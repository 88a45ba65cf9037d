//! A node has no pod addresses left.

use crate::model::Confidence;
use crate::rules::toolbox::nodes::by_node_of_failing_pods;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: ip-pool-exhausted
role: cause
level: critical
needs: [events|kubelet-log]
text:
  - id: host-local
    pattern: "no IP addresses available in range set: (?P<range>[0-9a-f.:]+-[0-9a-f.:]+)"
  - id: calico
    pattern: "No IPs available in pools: \\[(?P<range>[^\\]]+)\\]"
  - id: aws
    pattern: "failed to assign an IP address to container|InsufficientFreeAddressesInSubnet"
  - id: cilium
    in: [event, kubelet, status, other]
    pattern: "(?:range is full|No more IPs available)"
check:
  zh: "节点是否还有可用的 Pod 地址"
  en: "whether nodes have pod addresses left"
title:
  zh: "节点 {{ node }} 的 Pod 地址已用尽{% if range is defined %}（{{ range }}）{% endif %}"
  en: "node {{ node }} has no pod address left{% if range is defined %} ({{ range }}){% endif %}"
cause:
  zh: "IPAM 在{% if range is defined %} {{ range }} {% endif %}中没有空闲地址，新 Pod 的沙箱无法建立网络：{{ line }}"
  en: "IPAM finds no free address{% if range is defined %} in {{ range }}{% endif %}, so new pods get no network: {{ line }}"
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
  - {zh: "之后仍能启动的 Pod 不算", en: "pods that started later do not count"}
remedy:
  - purpose: {zh: "查看现状", en: "look at the present state"}
    place: node
    risk: read-only
    command: "ls /var/lib/cni/networks/*/ | wc -l"
    expect: {zh: "数量接近网段大小，而 crictl pods 少得多时是泄漏", en: "close to the size of the range: a leak when crictl pods shows far fewer"}
    verify: {zh: "原因已记录", en: "the reason is on record"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "查看现状", en: "look at the present state"}
    place: node
    risk: read-only
    command: "crictl pods -q | wc -l"
    expect: {zh: "实际的沙箱数", en: "the sandboxes that exist"}
    verify: {zh: "原因已记录", en: "the reason is on record"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
prevention:
  - kind: detect
    text: {zh: "对节点剩余 Pod 地址告警", en: "alert on the pod addresses that a node has left"}
    acceptance: {zh: "测试节点剩余 10% 时收到告警", en: "a test node with 10 % left raises the alert"}
sources: ["containernetworking/plugins host-local allocator.go: `no IP addresses available in range set`", "calico ipam.go: `No IPs available in pools`"]
versions: "CNI plugins 0.6 to 1.x, Calico 3.x"
examples:
  - name: "host-local"
    files:
      pods.txt: |
        NAME    READY   STATUS    RESTARTS   AGE   IP   NODE   NOMINATED NODE   READINESS GATES
        web-0   0/1   ContainerCreating   0   16m   <none>   n1   <none>   <none>
      events.txt: |
        LAST SEEN   TYPE      REASON                   OBJECT      MESSAGE
        2m          Warning   FailedCreatePodSandBox   pod/web-0   Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox "450": plugin type="flannel" failed (add): failed to delegate add: failed to allocate for range 0: no IP addresses available in range set: 10.244.2.1-10.244.2.254
    fires: [{kind: "Node", name: "n1", node: "n1"}]
  - name: "it worked later"
    files:
      pods.txt: |
        NAME    READY   STATUS    RESTARTS   AGE   IP   NODE   NOMINATED NODE   READINESS GATES
        web-0   1/1   Running   0   16m   <none>   n1   <none>   <none>
      events.txt: |
        LAST SEEN   TYPE      REASON                   OBJECT      MESSAGE
        2m          Warning   FailedCreatePodSandBox   pod/web-0   Failed to create pod sandbox: rpc error: code = Unknown desc = no IP addresses available in range set: 10.244.2.1-10.244.2.254
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    by_node_of_failing_pods(input, rule, Confidence::Confirmed)
}

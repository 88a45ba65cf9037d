//! A node is under memory pressure.

use crate::rules::toolbox::pressure::under_pressure;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: node-memory-pressure
role: cause
level: critical
needs: [nodes|events|kubelet-log]
reported: true
text:
  - id: evicts
    pattern: "(?:must evict pod\\(s\\) to reclaim|[Aa]ttempting to reclaim)\"?\\s*(?:resourceName=\")?(?:memory)"
check:
  zh: "节点是否有内存压力"
  en: "whether a node is under memory pressure"
title:
  zh: "节点 {{ node }} 有内存压力{% if threshold %}：驱逐阈值 {{ threshold }}{% endif %}"
  en: "node {{ node }} is under memory pressure{% if threshold %}: eviction threshold {{ threshold }}{% endif %}"
cause:
  zh: "节点 {{ node }} 的可用内存低于 kubelet 的驱逐阈值（{{ said }}）{% if threshold %}；kubelet 配置为 {{ threshold }}，这个阈值本身过高，几乎任何用量都会触发{% endif %}：kubelet 驱逐 Pod，调度器不再向它调度。"
  en: "the free memory of node {{ node }} is below the eviction threshold of its kubelet ({{ said }}){% if threshold %}; the kubelet is configured with {{ threshold }}, which almost any use exceeds{% endif %}: it evicts pods, and the scheduler sends it no more."
causes:
  - rule: evicted-pods
    ground: node
    mechanism: {zh: "kubelet 为回收内存驱逐 Pod", en: "the kubelet evicts pods to win back memory"}
  - rule: failedscheduling-taint
    ground: node
    mechanism: {zh: "节点的状况变成污点，调度器因此避开它", en: "the node's condition becomes a taint, and the scheduler keeps away"}
  - rule: node-notready
    ground: node
    mechanism: {zh: "节点因此不再就绪", en: "the node is not ready for it"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "Pod 被驱逐", en: "its pods are evicted"}
  - rule: endpoints-missing
    ground: workload
    mechanism: {zh: "Pod 被驱逐", en: "its pods are evicted"}
  - rule: probe-failing
    ground: node
    mechanism: {zh: "节点的故障使其上的探针都失败", en: "the node is in trouble, and so are the probes on it"}
benign:
  - {zh: "恢复后该条件还会保留 5 分钟", en: "the condition stays for 5 minutes after recovery"}
  - {zh: "页缓存不算压力", en: "page cache is no pressure"}
remedy:
  - purpose: {zh: "查看现状", en: "look at the present state"}
    place: node
    risk: read-only
    command: "free -m"
    expect: {zh: "available 列很小", en: "the available column is small"}
    verify: {zh: "原因已记录", en: "the reason is on record"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "查看现状", en: "look at the present state"}
    place: cluster
    risk: read-only
    command: "kubectl top pods -A --sort-by=memory"
    expect: {zh: "占用最多的 Pod 排在最前", en: "the largest users come first"}
    verify: {zh: "原因已记录", en: "the reason is on record"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "停止向该节点调度，再给内存用量最大的 Pod 设限或移走", en: "keep new pods off the node, then limit or move the pods that use most"}
    place: cluster
    risk: change
    command: "kubectl cordon {{ node }}"
    expect: {zh: "`node/{{ node }} cordoned`", en: "`node/{{ node }} cordoned`"}
    verify: {zh: "节点的 MemoryPressure 变为 False", en: "MemoryPressure of the node becomes False"}
    rollback: {zh: "`kubectl uncordon {{ node }}`", en: "`kubectl uncordon {{ node }}`"}
    notes:
      - {zh: "需要移走已有的 Pod 时再执行 `kubectl drain {{ node }} --ignore-daemonsets`，它遵守 PodDisruptionBudget", en: "to move the pods that are there, run `kubectl drain {{ node }} --ignore-daemonsets` afterwards; it respects PodDisruptionBudgets"}
prevention:
  - kind: detect
    text: {zh: "在驱逐阈值之前对内存告警", en: "alert on memory before the eviction threshold"}
    acceptance: {zh: "填充测试节点时先收到告警，后发生驱逐", en: "filling a test node raises the alert before any eviction"}
sources: ["kubernetes pkg/kubelet/eviction/eviction_manager.go", "kubernetes pkg/kubelet/nodestatus/setters.go: KubeletHasInsufficientMemory"]
versions: "Kubernetes 1.18 to 1.36"
examples:
  - name: "the condition"
    files:
      nodes.json: "{\"kind\":\"NodeList\",\"apiVersion\":\"v1\",\"items\":[{\"metadata\":{\"name\":\"n1\"},\"status\":{\"conditions\":[{\"type\":\"MemoryPressure\",\"status\":\"True\",\"reason\":\"KubeletHasInsufficientMemory\",\"message\":\"kubelet has it\"},{\"type\":\"Ready\",\"status\":\"True\"}]}}]}"
    fires: [{kind: "Node", name: "n1", node: "n1"}]
  - name: "only the event"
    files:
      events.txt: |
        LAST SEEN   TYPE      REASON                 OBJECT    MESSAGE
        2m          Warning   EvictionThresholdMet   node/n1   Attempting to reclaim memory
    fires: [{kind: "Node", name: "n1", node: "n1"}]
  - name: "it is over"
    files:
      nodes.json: "{\"kind\":\"NodeList\",\"apiVersion\":\"v1\",\"items\":[{\"metadata\":{\"name\":\"n1\"},\"status\":{\"conditions\":[{\"type\":\"MemoryPressure\",\"status\":\"False\",\"reason\":\"x\",\"message\":\"enough\"},{\"type\":\"Ready\",\"status\":\"True\"}]}}]}"
      events.txt: |
        LAST SEEN   TYPE      REASON                 OBJECT    MESSAGE
        2m          Warning   EvictionThresholdMet   node/n1   Attempting to reclaim memory
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    under_pressure(input, rule, "MemoryPressure", &["memory.available"])
}

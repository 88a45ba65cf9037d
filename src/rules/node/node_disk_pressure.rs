//! A node is under disk pressure.

use crate::bundle::decode::Counted;
use crate::rules::toolbox::disks::fullest;
use crate::rules::toolbox::hosts::machines;
use crate::rules::toolbox::pressure::under_pressure;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: node-disk-pressure
role: cause
level: critical
needs: [nodes|events|kubelet-log]
reported: true
text:
  - id: evicts
    pattern: "(?:must evict pod\\(s\\) to reclaim|[Aa]ttempting to reclaim)\"?\\s*(?:resourceName=\")?(?:ephemeral-storage|inodes)"
check:
  zh: "节点是否有磁盘压力"
  en: "whether a node is under disk pressure"
title:
  zh: "节点 {{ node }} 有磁盘压力{% if threshold %}：驱逐阈值 {{ threshold }}{% elif full %}：{{ full }}{% endif %}"
  en: "node {{ node }} is under disk pressure{% if threshold %}: eviction threshold {{ threshold }}{% elif full %}: {{ full }}{% endif %}"
cause:
  zh: "节点 {{ node }} 的可用磁盘低于 kubelet 的驱逐阈值（{{ said }}）{% if threshold %}；kubelet 配置为 {{ threshold }}，这个阈值本身过高，几乎任何用量都会触发{% endif %}：kubelet 驱逐 Pod，调度器不再向它调度。"
  en: "the free disk of node {{ node }} is below the eviction threshold of its kubelet ({{ said }}){% if threshold %}; the kubelet is configured with {{ threshold }}, which almost any use exceeds{% endif %}: it evicts pods, and the scheduler sends it no more."
causes:
  - rule: evicted-pods
    ground: node
    mechanism: {zh: "kubelet 为回收空间驱逐 Pod", en: "the kubelet evicts pods to win back room"}
  - rule: image-gc-failing
    ground: node
    mechanism: {zh: "镜像回收腾不出空间", en: "the image store cannot be freed enough"}
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
  - rule: node-workloads-unstartable
    ground: node
    mechanism: {zh: "节点上不能再启动 Pod", en: "the node cannot start pods"}
benign:
  - {zh: "恢复后该条件还会保留 5 分钟", en: "the condition stays for 5 minutes after recovery"}
remedy:
  - purpose: {zh: "查看现状", en: "look at the present state"}
    place: node
    risk: read-only
    command: "df -h /var/lib/kubelet /var/lib/containerd /var/log"
    expect: {zh: "使用率接近 100% 的就是原因；若都很空闲，检查 kubelet 的 evictionHard", en: "one near 100 % is the reason; when all have room, look at evictionHard of the kubelet"}
    verify: {zh: "原因已记录", en: "the reason is on record"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "清理未使用的镜像", en: "remove images that nothing uses"}
    place: node
    risk: change
    command: "crictl rmi --prune"
    expect: {zh: "列出删除的镜像", en: "lists the images removed"}
    verify: {zh: "DiskPressure 在 5 分钟内变为 False", en: "DiskPressure turns False within 5 minutes"}
    rollback: {zh: "镜像会按需重新拉取", en: "images are pulled again when needed"}
prevention:
  - kind: detect
    text: {zh: "在驱逐阈值之前对磁盘告警", en: "alert on disk before the eviction threshold"}
    acceptance: {zh: "填充测试节点时先收到告警，后发生驱逐", en: "filling a test node raises the alert before any eviction"}
sources: ["kubernetes pkg/kubelet/eviction/eviction_manager.go", "kubernetes pkg/kubelet/nodestatus/setters.go: KubeletHasDiskPressure"]
versions: "Kubernetes 1.18 to 1.36"
examples:
  - name: "the condition"
    files:
      nodes.json: "{\"kind\":\"NodeList\",\"apiVersion\":\"v1\",\"items\":[{\"metadata\":{\"name\":\"n1\"},\"status\":{\"conditions\":[{\"type\":\"DiskPressure\",\"status\":\"True\",\"reason\":\"KubeletHasDiskPressure\",\"message\":\"kubelet has it\"},{\"type\":\"Ready\",\"status\":\"True\"}]}}]}"
    fires: [{kind: "Node", name: "n1", node: "n1"}]
  - name: "only the event"
    files:
      events.txt: |
        LAST SEEN   TYPE      REASON                 OBJECT    MESSAGE
        2m          Warning   EvictionThresholdMet   node/n1   Attempting to reclaim ephemeral-storage
    fires: [{kind: "Node", name: "n1", node: "n1"}]
  - name: "it is over"
    files:
      nodes.json: "{\"kind\":\"NodeList\",\"apiVersion\":\"v1\",\"items\":[{\"metadata\":{\"name\":\"n1\"},\"status\":{\"conditions\":[{\"type\":\"DiskPressure\",\"status\":\"False\",\"reason\":\"x\",\"message\":\"enough\"},{\"type\":\"Ready\",\"status\":\"True\"}]}}]}"
      events.txt: |
        LAST SEEN   TYPE      REASON                 OBJECT    MESSAGE
        2m          Warning   EvictionThresholdMet   node/n1   Attempting to reclaim ephemeral-storage
"##;

/// Above this a file system is where the pressure comes from: the kubelet's defaults are 85 to 90 percent.
const NEARLY_FULL: u64 = 85;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let findings = under_pressure(
        input,
        rule,
        "DiskPressure",
        &[
            "nodefs.available",
            "imagefs.available",
            "nodefs.inodesFree",
            "imagefs.inodesFree",
        ],
    );
    let machines = machines(input.snapshot);
    findings
        .into_iter()
        .map(|mut finding| {
            let machine = machines.iter().find(|machine| machine.node == finding.subject.name);
            let fullest = |counted, what| {
                let (row, _) = fullest(machine?, counted, NEARLY_FULL)?;
                Some((row, format!("{} {}%{what}", row.mount, row.percent.unwrap_or(100))))
            };
            let row = fullest(Counted::Inodes, " (inode)").or_else(|| fullest(Counted::Bytes, ""));
            if let Some((row, _)) = &row {
                finding.add_cite(row.cite.clone());
            }
            finding.fact("full", row.map_or(String::new(), |(_, text)| text))
        })
        .collect()
}

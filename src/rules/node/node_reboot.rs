//! A node was restarted.

use crate::model::{Confidence, Subject};
use crate::rules::toolbox::grouping::by_subject;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: node-reboot
role: factor
level: info
needs: [events]
text:
  - id: event
    in: [event, other]
    pattern: 'Node (?P<node>[a-z0-9.-]{1,253}) has been rebooted, boot id: (?P<boot>[0-9a-f-]{8,40})'
check:
  zh: "是否有节点重启过"
  en: "whether a node was restarted"
title:
  zh: "节点 {{ subject.name }} 重启过"
  en: "node {{ subject.name }} was restarted"
cause:
  zh: "kubelet 报告新的启动标识 {{ boot }}：其上的所有容器都重新启动过，未持久化的内核参数已经复原。"
  en: "the kubelet reports a new boot id {{ boot }}: every container on it was started anew, and kernel parameters that were not written to a file are back at their defaults."
causes:
  - rule: orphaned-pod-volumes
    ground: node
    mechanism: {zh: "重启留下的目录", en: "the restart left directories behind"}
benign:
  - {zh: "计划内的维护", en: "planned maintenance"}
remedy:
  - purpose: {zh: "查看重启的时间与原因", en: "see when and why"}
    place: node
    risk: read-only
    command: |
      last -x reboot shutdown | head
      journalctl --list-boots | tail
    expect: {zh: "最近一次启动", en: "the latest boot"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
prevention:
  - kind: detect
    text: {zh: "对意外重启（boot id 变化）告警", en: "alert on a boot id that changes unexpectedly"}
    acceptance: {zh: "重启测试节点后收到告警", en: "restarting a test node raises it"}
sources: ["kubernetes pkg/kubelet/kubelet_node_status.go: `Node %s has been rebooted, boot id: %s`"]
versions: "Kubernetes 1.4 to 1.36"
examples:
  - name: "the event"
    files:
      "events.json": '{"kind": "EventList", "apiVersion": "v1", "items": [{"metadata": {"name": "e", "namespace": "default"}, "type": "Warning", "reason": "Rebooted", "message": "Node w1 has been rebooted, boot id: 0a1b2c3d-0000-4000-8000-000000000000", "involvedObject": {"kind": "Node", "name": "w1"}}]}'
    fires: [{kind: "Node", name: "w1", node: "w1"}]
  - name: "a kubelet that starts"
    files:
      "events.json": '{"kind": "EventList", "apiVersion": "v1", "items": [{"metadata": {"name": "e", "namespace": "default"}, "type": "Normal", "reason": "Starting", "message": "Starting kubelet.", "involvedObject": {"kind": "Node", "name": "w1"}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    by_subject(input, rule, Confidence::Confirmed, |hit| {
        hit.captures.get("node").map(|node| Subject::node(node))
    })
}

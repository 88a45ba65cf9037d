//! RKE2 or k3s says that certificates of a node end soon.

use crate::model::{Confidence, Subject};
use crate::rules::toolbox::grouping::by_subject;
use crate::rules::toolbox::nodes::node_of;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: k3s-rke2-cert-expiring
role: factor
level: warning
needs: [events|k3s-log]
text:
  - id: event
    pattern: 'Node certificates require attention - restart (?P<unit>\w+) on this node to trigger automatic rotation'
check:
  zh: "RKE2 与 k3s 是否提示证书将过期"
  en: "whether RKE2 or k3s warn of certificates that end"
title:
  zh: "节点 {{ subject.name }} 的证书即将过期，重启 {{ unit }} 会自动续签"
  en: "certificates of {{ subject.name }} end soon; a restart of {{ unit }} renews them"
cause:
  zh: "{{ line }}。叶子证书一年有效，只在服务启动且剩余不足 90 天（新版本 120 天）时续签。"
  en: "{{ line }}. Leaf certificates last a year and are renewed only as the service starts with less than 90 days left (120 in newer versions)."
benign:
  - {zh: "部分版本会对未使用的证书误报", en: "some versions warn of certificates that nobody uses"}
remedy:
  - purpose: {zh: "检查证书", en: "check the certificates"}
    place: node
    risk: read-only
    command: "{{ unit }} certificate check"
    expect: {zh: "剩余天数", en: "the days that are left"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
prevention:
  - kind: process
    text: {zh: "每半年在维护窗口内重启一次服务", en: "restart the service in a maintenance window twice a year"}
    acceptance: {zh: "certificate check 没有告警", en: "certificate check warns of none"}
sources: ["rancher/rke2#6103: `Node certificates require attention`"]
versions: "RKE2 and k3s 1.29 to 1.34"
examples:
  - name: "the event"
    files:
      "events.json": '{"kind": "EventList", "apiVersion": "v1", "items": [{"metadata": {"name": "e", "namespace": "default"}, "type": "Warning", "reason": "CertificateExpirationWarning", "message": "Node certificates require attention - restart rke2 on this node to trigger automatic rotation: kubelet/client-kubelet.crt: certificate CN=system:node:w1 will expire within 90 days at 2026-04-01T00:00:00Z", "involvedObject": {"kind": "Node", "name": "w1"}}]}'
    fires: [{kind: "Node", name: "w1", node: "w1"}]
  - name: "all is well"
    files:
      "events.json": '{"kind": "EventList", "apiVersion": "v1", "items": [{"metadata": {"name": "e", "namespace": "default"}, "type": "Normal", "reason": "CertificateExpirationOK", "message": "Node and Certificate Authority certificates managed by rke2 are OK", "involvedObject": {"kind": "Node", "name": "w1"}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    by_subject(input, rule, Confidence::Confirmed, |hit| {
        node_of(input.snapshot, hit).map(|node| Subject::node(&node))
    })
}

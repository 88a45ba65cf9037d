//! The server refuses a node that has another password than the one on record.

use crate::model::Confidence;
use crate::rules::toolbox::nodes::by_node;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: rke2-node-password-rejected
role: cause
level: critical
needs: [kubelet-log|system-log|container-logs]
text:
  - id: log
    pattern: "Node password rejected, duplicate hostname or contents of '(?P<file>[^']+)' may not match server node-passwd entry"
check:
  zh: "节点口令是否被服务器拒绝"
  en: "whether the server refuses the password of a node"
title:
  zh: "服务器拒绝了节点 {{ node }} 的口令：{{ file }} 与服务器上的记录不符"
  en: "the server refuses node {{ node }}: the password in {{ file }} is not the one on record"
cause:
  zh: "节点重装或主机名重复后，{{ file }} 中的口令与 Secret kube-system/<节点>.node-password.rke2 不同，agent 一直等待（{{ times }} 次）。"
  en: "after a reinstallation, or with a host name used twice, the password in {{ file }} differs from the Secret kube-system/<node>.node-password.rke2, and the agent waits ({{ times|times }})."
causes:
  - rule: node-notready
    ground: node
    mechanism: {zh: "节点因此不再就绪", en: "the node is not ready for it"}
benign:
  - {zh: "日志在此之后长时间正常运行时不算", en: "does not count when the log goes on for long without it"}
remedy:
  - purpose: {zh: "查看现状", en: "look at the present state"}
    place: node
    risk: read-only
    command: "ls -l /etc/rancher/node/password"
    expect: {zh: "文件比集群中的节点新", en: "the file is younger than the node in the cluster"}
    verify: {zh: "原因已记录", en: "the reason is on record"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "删除旧的口令记录，让节点重新登记", en: "delete the old record, so that the node registers again"}
    place: cluster
    risk: change
    command: "kubectl -n kube-system delete secret {{ node }}.node-password.rke2"
    expect: {zh: "`secret deleted`", en: "`secret deleted`"}
    verify: {zh: "节点变为 Ready", en: "the node turns Ready"}
    rollback: {zh: "节点会自动重建该 Secret", en: "the node makes the Secret again by itself"}
prevention:
  - kind: process
    text: {zh: "重装节点前先 kubectl delete node", en: "delete the node before it is reinstalled"}
    acceptance: {zh: "重装后的测试节点自动加入", en: "a reinstalled test node joins by itself"}
sources: ["k3s pkg/agent/config/config.go: `Node password rejected`"]
versions: "RKE2 and k3s 1.18 to 1.33"
examples:
  - name: "to the end of the log"
    files:
      nodes.txt: |
        NAME   STATUS   ROLES   AGE   VERSION
        n1   Ready   <none>   90d   v1.28.4
        n9   NotReady   <none>   90d   v1.28.4
      n9/agent.log: |
        Jan 21 18:58:31 n9 rke2[1502]: time="2025-01-21T18:58:31Z" level=info msg="Waiting to retrieve agent configuration; server is not ready: Node password rejected, duplicate hostname or contents of '/etc/rancher/node/password' may not match server node-passwd entry, try enabling a unique node name with the --with-node-id flag"
    fires: [{kind: "Node", name: "n9", node: "n9"}]
  - name: "all is well"
    files:
      nodes.txt: |
        NAME   STATUS   ROLES   AGE   VERSION
        n9   Ready   <none>   90d   v1.28.4
      n9/agent.log: |
        Jan 21 18:58:31 n9 rke2[1502]: time="2025-01-21T18:58:31Z" level=info msg="Starting rke2 agent"
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    by_node(input, rule, 1, Confidence::Confirmed)
}

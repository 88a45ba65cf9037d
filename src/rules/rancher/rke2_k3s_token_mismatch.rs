//! A server or agent joins with a token that is not the cluster's.

use crate::model::Confidence;
use crate::rules::toolbox::nodes::by_node;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: rke2-k3s-token-mismatch
role: cause
level: critical
needs: [kubelet-log|system-log|container-logs]
text:
  - id: log
    pattern: "(?P<said>bootstrap data already found and encrypted with different token|failed to normalize token|token CA hash does not match the Cluster CA certificate hash)"
check:
  zh: "加入令牌是否与集群一致"
  en: "whether the join token is that of the cluster"
title:
  zh: "节点 {{ node }} 的加入令牌与集群不符：{{ said }}"
  en: "the join token of node {{ node }} is not that of the cluster: {{ said }}"
cause:
  zh: "k3s/RKE2 报告 {{ line }}：令牌写错、集群重建过，或从另一个令牌的快照恢复。"
  en: "k3s or RKE2 reports {{ line }}: the token is wrong, the cluster was made anew, or a snapshot of another token was restored."
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
    command: "cat /var/lib/rancher/rke2/server/token"
    expect: {zh: "在服务器上执行，与节点配置中的 token 对照（不要外传）", en: "run on a server, compare with the token in the configuration of the node, and keep it secret"}
    verify: {zh: "原因已记录", en: "the reason is on record"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "把服务器的令牌写入该节点的配置，再重启服务", en: "write the server's token into the configuration of the node, and restart the service"}
    place: node
    risk: change
    command: |
      vi /etc/rancher/rke2/config.yaml
      systemctl restart rke2-agent
    verify: {zh: "节点加入集群并变为 Ready", en: "the node joins and becomes Ready"}
    rollback: {zh: "事先 `cp` 一份 config.yaml，改回后再重启", en: "keep a copy of config.yaml with `cp`, put it back and restart"}
    notes:
      - {zh: "令牌在服务器的 /var/lib/rancher/rke2/server/node-token；k3s 的目录与服务名以 k3s 代替 rke2", en: "the token is in /var/lib/rancher/rke2/server/node-token on the server; with k3s, directory and service have k3s for rke2"}
prevention:
  - kind: process
    text: {zh: "令牌由密钥管理下发，恢复快照时一并恢复", en: "hand out the token from a secret store, and restore it with a snapshot"}
    acceptance: {zh: "演练中新节点一次加入成功", en: "in a drill a new node joins at once"}
sources: ["k3s pkg/cluster/storage.go", "k3s pkg/clientaccess/token.go"]
versions: "RKE2 and k3s 1.18 to 1.33"
examples:
  - name: "to the end of the log"
    files:
      nodes.txt: |
        NAME   STATUS   ROLES   AGE   VERSION
        n1   Ready   <none>   90d   v1.28.4
        n9   NotReady   <none>   90d   v1.28.4
      n9/agent.log: |
        Jan 21 18:58:31 n9 rke2[1502]: time="2025-01-21T18:58:31Z" level=fatal msg="starting kubernetes: preparing server: bootstrap data already found and encrypted with different token"
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

//! A kubelet cannot join: its token or its bootstrap configuration is refused.

use crate::model::Confidence;
use crate::rules::toolbox::nodes::by_node;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: kubelet-bootstrap-failed
role: cause
level: critical
needs: [kubelet-log|system-log]
text:
  - id: csr
    pattern: 'cannot create certificate signing request: (?P<problem>Unauthorized|certificatesigningrequests[^\n"]{1,160}forbidden[^\n"]{0,80})'
  - id: file
    pattern: '(?P<problem>unable to load bootstrap kubeconfig: stat [^\n"]{1,120}: no such file or directory)'
    unless: 'is expired'
  - id: jws
    pattern: '(?P<problem>could not find a JWS signature in the cluster-info ConfigMap for token ID \S{1,20})'
  - id: token
    in: [kubelet]
    pattern: '(?P<problem>(?:bootstrap )?token (?:\S{0,20} )?(?:has )?(?:is )?expired)'
  - id: ca
    pattern: '(?P<problem>cluster CA found in cluster-info ConfigMap is invalid: none of the public keys [^\n]{1,120} are pinned)'
  - id: refused
    in: [kubelet, system, other]
    pattern: 'Unable to register node with API server[ -~]{0,20}err="(?P<problem>Unauthorized|nodes is forbidden: User \\?"system:anonymous\\?"[ -~]{0,80})'
  - id: pair
    in: [kubelet, system, other]
    pattern: '(?P<problem>could not convert data from \\?"/[^"\\\n]{3,160}\\?" into cert/key pair: tls: [a-z A-Z-]{3,80})'
check:
  zh: "kubelet 能否用引导令牌加入集群"
  en: "whether kubelets can join by their bootstrap token"
title:
  zh: "节点 {{ node }} 无法加入集群：{{ problem }}"
  en: "node {{ node }} cannot join the cluster: {{ problem }}"
cause:
  zh: "{{ line }}。引导令牌默认 24 小时后失效；bootstrap-kubelet.conf 在加入后被删除，kubelet.conf 再失效时就无法重新引导。"
  en: "{{ line }}. A bootstrap token ends after 24 hours by default; bootstrap-kubelet.conf is removed after a join, and when kubelet.conf no longer holds there is nothing to start from."
causes:
  - rule: kubelet-not-running
    ground: node
    mechanism: {zh: "kubelet 启动即退出", en: "the kubelet ends at its start"}
  - rule: node-notready
    ground: node
    mechanism: {zh: "节点因此不再就绪", en: "the node is not ready for it"}
benign:
  - {zh: "加入完成后的旧日志不算", en: "what was logged before a join that succeeded does not count"}
remedy:
  - purpose: {zh: "查看 kubelet 的状态与最后日志", en: "see the kubelet's state and its last lines"}
    place: node
    risk: read-only
    command: |
      systemctl status kubelet --no-pager -l
      journalctl -u kubelet -n 50 --no-pager
    expect: {zh: "退出前的错误", en: "the error before its end"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "查看令牌是否还有效", en: "see whether the token is still valid"}
    place: cluster
    risk: read-only
    command: "kubeadm token list"
    expect: {zh: "EXPIRES 在未来", en: "an EXPIRES in the future"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "生成新的令牌并重新加入", en: "make a new token and join again"}
    place: node
    risk: change
    command: "kubeadm token create --print-join-command"
    verify: {zh: "`kubectl get node {{ node }}` 显示 Ready", en: "`kubectl get node {{ node }}` shows Ready"}
    rollback: {zh: "`kubeadm token delete <TOKEN>`", en: "`kubeadm token delete <TOKEN>`"}
prevention:
  - kind: process
    text: {zh: "在节点加入流程中即时生成短期令牌", en: "make a short-lived token at the moment a node joins"}
    acceptance: {zh: "一次加入演练成功", en: "a rehearsed join succeeds"}
  - kind: detect
    text: {zh: "对节点 NotReady 持续 5 分钟告警", en: "alert when a node is NotReady for 5 minutes"}
    acceptance: {zh: "停掉测试节点的 kubelet，按时收到告警", en: "stopping a test node's kubelet raises the alert in time"}
sources: ["kubernetes pkg/kubelet/certificate/bootstrap/bootstrap.go: `cannot create certificate signing request`, `unable to load bootstrap kubeconfig`", "kubernetes cmd/kubeadm/app/discovery/token/token.go"]
versions: "Kubernetes 1.18 to 1.36"
examples:
  - name: "credentials that are refused"
    files:
      nodes.txt: |
        NAME   STATUS     ROLES           AGE   VERSION
        cp1    Ready      control-plane   90d   v1.30.4
        w1     NotReady   <none>          90d   v1.30.4
      w1-journal.txt: |
        Mar 29 04:01:27 w1 kubelet[812]: E0329 04:01:27.120033     812 kubelet_node_status.go:96] "Unable to register node with API server" err="Unauthorized" node="w1"
        Mar 29 04:02:27 w1 kubelet[812]: E0329 04:01:27.120033     812 kubelet_node_status.go:96] "Unable to register node with API server" err="Unauthorized" node="w1"
    fires: [{kind: Node, name: w1, node: w1}]
  - name: "the token is refused"
    files:
      "nodes.txt": |
        NAME   STATUS     ROLES           AGE   VERSION
        cp1    Ready      control-plane   90d   v1.28.4
        w1     NotReady   <none>          90d   v1.28.4
      "kubelet.log": |
        Feb 24 14:29:41 w1 kubelet[1033]: E0224 14:29:41.120087    1033 run.go:74] "command failed" err="failed to run Kubelet: cannot create certificate signing request: Unauthorized"
    fires: [{kind: "Node", name: "w1", node: "w1"}]
  - name: "it joined since"
    files:
      "nodes.txt": |
        NAME   STATUS     ROLES           AGE   VERSION
        cp1    Ready      control-plane   90d   v1.28.4
        w1     Ready      <none>          90d   v1.28.4
      "kubelet.log": |
        Feb 24 11:29:41 w1 kubelet[1033]: E0224 11:29:41.120087    1033 run.go:74] "command failed" err="failed to run Kubelet: cannot create certificate signing request: Unauthorized"
        Feb 24 14:29:41 w1 kubelet[1033]: I0224 14:29:41.120087    1033 kubelet.go:1] well
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    by_node(input, rule, 1, Confidence::Confirmed)
}

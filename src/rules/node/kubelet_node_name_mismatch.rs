//! A kubelet acts under another name than its certificate has.

use crate::model::Confidence;
use crate::rules::toolbox::nodes::by_node;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: kubelet-node-name-mismatch
role: cause
level: critical
needs: [kubelet-log|system-log]
text:
  - id: modify
    pattern: 'nodes \\*"(?P<wanted>[a-z0-9.-]{1,253})\\*" is forbidden: node \\*"(?P<own>[a-z0-9.-]{1,253})\\*" is not allowed to modify node'
  - id: lease
    pattern: 'can only access node lease with the same name as the requesting node(?P<wanted>)'
check:
  zh: "kubelet 的节点名是否与证书一致"
  en: "whether kubelets use the name of their certificate"
title:
  zh: "节点 {{ node }} 的 kubelet 用的名字{% if wanted %} {{ wanted }} {% endif %}与证书{% if own is defined %}（{{ own }}）{% endif %}不同"
  en: "the kubelet of {{ node }} acts as{% if wanted %} {{ wanted }}{% else %} another node{% endif %}, which is not the name in its certificate{% if own is defined %} ({{ own }}){% endif %}"
cause:
  zh: "{{ line }}。主机改名或改了 --hostname-override 之后，kubelet.conf 中的证书仍是旧名字，NodeRestriction 因此拒绝它更新节点。"
  en: "{{ line }}. After the host or --hostname-override was renamed the certificate in kubelet.conf still has the former name, and NodeRestriction refuses its updates."
causes:
  - rule: node-notready
    ground: node
    mechanism: {zh: "节点因此不再就绪", en: "the node is not ready for it"}
benign:
  - {zh: "改名后重新加入前的短暂报错", en: "for a moment between renaming and joining again"}
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
  - purpose: {zh: "比较主机名与证书中的名字", en: "compare the host's name with that of the certificate"}
    place: node
    risk: read-only
    command: |
      hostname
      openssl x509 -noout -subject -in /var/lib/kubelet/pki/kubelet-client-current.pem
    expect: {zh: "CN = system:node:<主机名>", en: "CN = system:node:<HOST>"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "改回原来的主机名，或删除旧节点后重新加入", en: "give the host its former name, or delete the old node and join again"}
    place: node
    risk: change
    command: |
      hostnamectl set-hostname <FORMER_NAME>
      systemctl restart kubelet
    verify: {zh: "节点恢复 Ready", en: "the node is Ready again"}
    rollback: {zh: "改回新的主机名", en: "set the new name again"}
prevention:
  - kind: process
    text: {zh: "改主机名前先把节点移出集群", en: "take a node out of the cluster before its host is renamed"}
    acceptance: {zh: "写入操作手册", en: "the handbook says so"}
sources: ["kubernetes plugin/pkg/admission/noderestriction/admission.go: `node %q is not allowed to modify node %q`"]
versions: "Kubernetes 1.8 to 1.36"
examples:
  - name: "a host was renamed"
    files:
      "nodes.txt": |
        NAME   STATUS     ROLES           AGE   VERSION
        cp1    Ready      control-plane   90d   v1.28.4
        w1     NotReady   <none>          90d   v1.28.4
      "kubelet.log": |
        Feb 24 14:29:41 w1 kubelet[1033]: E0224 14:29:41.120087    1033 kubelet_node_status.go:96] "Unable to register node with API server" err="nodes \"w1-new\" is forbidden: node \"w1\" is not allowed to modify node \"w1-new\"" node="w1-new"
    fires: [{kind: "Node", name: "w1", node: "w1"}]
  - name: "another refusal"
    files:
      "nodes.txt": |
        NAME   STATUS     ROLES           AGE   VERSION
        cp1    Ready      control-plane   90d   v1.28.4
        w1     NotReady   <none>          90d   v1.28.4
      "kubelet.log": |
        Feb 24 14:29:41 w1 kubelet[1033]: E0224 14:29:41.120087    1033 x.go:96] pods "a" is forbidden: User "system:node:w1" cannot get resource "pods"
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    by_node(input, rule, 1, Confidence::Confirmed)
}

//! The kubelet refuses a flag, a feature gate or a field that it is given, and ends.

use crate::model::Confidence;
use crate::rules::toolbox::nodes::by_node;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: kubelet-config-invalid
role: cause
level: critical
needs: [kubelet-log|system-log]
text:
  - id: flag
    pattern: 'failed to parse kubelet flag: (?P<problem>[^\n"]{1,160})'
  - id: unknown
    in: [kubelet, system, other]
    pattern: 'kubelet[^\n]{0,120}unknown (?:shorthand )?flag: ?(?P<problem>[^\n"]{1,120})'
  - id: bare
    in: [kubelet]
    pattern: '(?:Error|error|err=\S{0,4}): ?unknown (?:shorthand )?flag: ?(?P<problem>[^\n"]{1,120})'
  - id: gate
    in: [kubelet, system]
    pattern: '(?P<problem>unrecognized feature gate: [^\s"\\]{1,80}|cannot set feature gate [^\n"]{1,120})'
  - id: config
    in: [kubelet, system, other]
    pattern: 'failed to (?:validate|decode|load) (?:the )?(?:kubelet )?config(?:uration)?(?: file)?[^\n]{0,80}?(?P<problem>invalid configuration: [^\n"]{1,160}|strict decoding error: [^\n]{1,160}|no kind "[^\n]{1,120}|unknown field \\*"[^"\n]{1,80}|(?:open|stat) /[^:\n]{1,160}: no such file or directory)'
  - id: invalid
    pattern: 'failed to validate kubelet configuration, error: (?P<problem>[^\n]{1,200}?), path:'
  - id: reserved
    in: [kubelet, system, other]
    pattern: '(?P<problem>invalid Node Allocatable configuration\. [ -~]{3,200})'
  - id: sysctl
    in: [kubelet, system, other]
    pattern: '(?P<problem>[Ii]nvalid kernel flag: [a-z/_]{3,60}, expected value: -?\d{1,9}, actual value: -?\d{1,9})'
  - id: cloud
    in: [kubelet, system, other]
    pattern: '(?P<problem>cloud provider \W{1,3}[a-z]{2,20}\W{1,3} was specified, but built-in cloud providers are disabled|unknown cloud provider \W{1,3}[a-z]{2,20})'
  - id: authority
    in: [kubelet, system, other]
    pattern: '(?P<problem>unable to load client CA file /[^:\s]{1,160}: [ -~]{3,120})'
  - id: address
    in: [kubelet, system, other]
    pattern: '(?i)(?P<problem>node IP: \W{1,3}[0-9a-f.:]{3,45}\W{1,3} not found in the host.s network interfaces)'
  - id: cgroup
    in: [kubelet, system, other]
    pattern: '(?P<problem>cgroup-root \[[^\]\n]{1,80}\] doesn.t exist|root container \[[^\]\n]{1,80}\] doesn.t exist|error validating root container \[[^\]\n]{1,80}\] ?: [ -~]{3,160})'
  - id: partition
    in: [kubelet, system, other]
    pattern: '(?P<problem>failed to get rootfs info: [ -~]{3,120}could not find device with major: \d{1,5}, minor: \d{1,7} in cached partitions map)'
check:
  zh: "kubelet 的参数与配置是否有效"
  en: "whether flags and configuration of the kubelets are valid"
title:
  zh: "节点 {{ node }} 的 kubelet 拒绝它的参数或配置：{{ problem }}"
  en: "the kubelet of {{ node }} refuses its flags or configuration: {{ problem }}"
cause:
  zh: "kubelet 写出 {{ line }} 后退出：升级后遗留了已移除的参数（如 1.24 的 --network-plugin），或配置文件中有这个版本不认识的字段。"
  en: "the kubelet writes {{ line }} and ends: an upgrade left a flag that was removed (such as --network-plugin in 1.24), or the configuration has a field that this version does not know."
questions:
  - {zh: "kubelet 最近升级过吗？参数来自 kubeadm-flags.env、drop-in 还是配置文件？", en: "was the kubelet upgraded lately, and does the flag come from kubeadm-flags.env, a drop-in or the configuration?"}
causes:
  - rule: kubelet-not-running
    ground: node
    mechanism: {zh: "kubelet 启动即退出", en: "the kubelet ends at its start"}
  - rule: node-notready
    ground: node
    mechanism: {zh: "节点因此不再就绪", en: "the node is not ready for it"}
benign:
  - {zh: "弃用警告（Flag … has been deprecated）不影响启动", en: "a warning of deprecation (Flag … has been deprecated) hinders no start"}
  - {zh: "kubeadm init 或 join 之前没有配置文件是正常的", en: "before kubeadm init or join there rightly is no configuration"}
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
  - purpose: {zh: "找出参数在哪里给出", en: "find where it is given"}
    place: node
    risk: read-only
    command: |
      systemctl cat kubelet
      cat /var/lib/kubelet/kubeadm-flags.env
    expect: {zh: "出错的参数", en: "the flag in question"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "删除该参数或字段后重启", en: "remove it and restart"}
    place: node
    risk: change
    command: |
      cp /var/lib/kubelet/kubeadm-flags.env /var/lib/kubelet/kubeadm-flags.env.before
      vi /var/lib/kubelet/kubeadm-flags.env
      systemctl restart kubelet
    verify: {zh: "节点恢复 Ready", en: "the node is Ready again"}
    rollback: {zh: "放回 .before 文件并重启", en: "put the .before file back and restart"}
prevention:
  - kind: process
    text: {zh: "升级前在一个节点上试运行新版 kubelet", en: "try the new kubelet on one node before an upgrade"}
    acceptance: {zh: "试运行节点保持 Ready", en: "that node stays Ready"}
  - kind: detect
    text: {zh: "对节点 NotReady 持续 5 分钟告警", en: "alert when a node is NotReady for 5 minutes"}
    acceptance: {zh: "停掉测试节点的 kubelet，按时收到告警", en: "stopping a test node's kubelet raises the alert in time"}
sources: ["kubernetes cmd/kubelet/app/server.go: `failed to parse kubelet flag`, `failed to validate kubelet configuration`, `failed to load kubelet config file`", "kubernetes component-base/featuregate: `unrecognized feature gate`", "kubernetes pkg/kubelet/cm: `invalid Node Allocatable configuration. %s`, `invalid kernel flag: %v, expected value: %v, actual value: %v`; cadvisor fs.go: `in cached partitions map`", "kubernetes cloud-provider: `cloud provider %q was specified, but built-in cloud providers are disabled`; pkg/kubelet/kubelet_node_status.go: `node IP: %q not found in the host's network interfaces`"]
versions: "Kubernetes 1.18 to 1.36"
examples:
  - name: "more is reserved than there is"
    files:
      nodes.txt: |
        NAME   STATUS     ROLES           AGE   VERSION
        cp1    Ready      control-plane   90d   v1.30.4
        w1     NotReady   <none>          90d   v1.30.4
      w1-journal.txt: |
        Mar 29 04:01:27 w1 kubelet[812]: E0329 04:01:27.120033     812 kubelet.go:1542] "Failed to start ContainerManager" err="invalid Node Allocatable configuration. Resource \"memory\" has a reservation of 4Gi but capacity of 2Gi. Expected capacity >= reservation."
        Mar 29 04:02:27 w1 kubelet[812]: E0329 04:01:27.120033     812 kubelet.go:1542] "Failed to start ContainerManager" err="invalid Node Allocatable configuration. Resource \"memory\" has a reservation of 4Gi but capacity of 2Gi. Expected capacity >= reservation."
    fires: [{kind: Node, name: w1, node: w1}]
  - name: "a flag that was removed"
    files:
      "nodes.txt": |
        NAME   STATUS     ROLES           AGE   VERSION
        cp1    Ready      control-plane   90d   v1.28.4
        w1     NotReady   <none>          90d   v1.28.4
      "kubelet.log": |
        Feb 24 14:29:41 w1 kubelet[1033]: E0224 14:29:41.120087    1033 run.go:74] "command failed" err="failed to parse kubelet flag: unknown flag: --network-plugin"
    fires: [{kind: "Node", name: "w1", node: "w1"}]
  - name: "a deprecated one"
    files:
      "nodes.txt": |
        NAME   STATUS     ROLES           AGE   VERSION
        cp1    Ready      control-plane   90d   v1.28.4
        w1     NotReady   <none>          90d   v1.28.4
      "kubelet.log": |
        Feb 24 14:29:41 w1 kubelet[1033]: Flag --container-runtime-endpoint has been deprecated, This parameter should be set via the config file
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    by_node(input, rule, 1, Confidence::Confirmed)
}

//! A node lacks what Longhorn needs of its host.

use crate::model::{Confidence, Subject};
use crate::rules::toolbox::grouping::by_subject;
use crate::rules::toolbox::nodes::{node_of, persists};
use crate::rules::toolbox::pod_is_failing;
use crate::rules::{Finding, Input, RuleHeader};

/// Reasons of conditions of `nodes.longhorn.io` (types/types.go, NodeConditionReason…).
const REASONS: [&str; 5] = [
    "PackagesNotInstalled",
    "MultipathdIsRunning",
    "NFSClientIsNotFound",
    "NoMountPropagationSupport",
    "KernelModulesNotLoaded",
];

pub(in crate::rules) const RULE: &str = r##"
id: longhorn-iscsi-missing
role: cause
level: critical
needs: [container-logs|events|nodes]
meets: [{kinds: [Pod, DaemonSet], named: [longhorn]}]
text:
  - id: iscsi
    pattern: '(?P<problem>please make sure you have iscsiadm/open-iscsi installed on the host)'
  - id: nsenter
    pattern: 'nsenter[^\n]{0,120}(?P<problem>(?:iscsiadm|iscsid): (?:No such file or directory|command not found|not found))'
  - id: path
    pattern: '(?P<problem>exec: \\*"?iscsiadm\\*"?: executable file not found in \$PATH)'
  - id: multipath
    pattern: '(?P<problem>multipathd is running with a known issue that affects Longhorn)'
check:
  zh: "节点是否具备 Longhorn 需要的软件"
  en: "whether nodes have what Longhorn needs"
title:
  zh: "节点 {{ subject.name }} 缺少 Longhorn 需要的主机组件：{{ problem }}"
  en: "{{ subject.name }} lacks what Longhorn needs of its host: {{ problem }}"
cause:
  zh: "{{ line }}。Longhorn 通过宿主机的 open-iscsi 挂载卷；没有安装、iscsid 没有运行，或 multipathd 抢占了设备时，卷不能附加。"
  en: "{{ line }}. Longhorn attaches volumes through the host's open-iscsi; without it, with iscsid stopped, or with multipathd grabbing its devices no volume is attached."
causes:
  - rule: crashloopbackoff
    ground: workload
    mechanism: {zh: "环境检查失败即退出", en: "it ends when the check of its environment fails"}
  - rule: csi-driver-not-registered
    ground: cluster
    mechanism: {zh: "CSI 插件起不来", en: "the CSI plugin does not start"}
  - rule: failedmount-timeout
    ground: cluster
    mechanism: {zh: "卷不能附加", en: "volumes cannot be attached"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "环境检查失败即退出", en: "it ends when the check of its environment fails"}
benign:
  - {zh: "multipathd 的条件只是警告", en: "the condition about multipathd is a warning"}
remedy:
  - purpose: {zh: "查看 iscsid 与 multipathd", en: "see iscsid and multipathd"}
    place: node
    risk: read-only
    command: |
      systemctl status iscsid multipathd --no-pager
      which iscsiadm
    expect: {zh: "iscsid active，存在 iscsiadm", en: "iscsid active, and an iscsiadm"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "安装并启动 open-iscsi（RHEL 系为 iscsi-initiator-utils）", en: "install and start open-iscsi (iscsi-initiator-utils on RHEL)"}
    place: node
    risk: change
    command: |
      apt-get install -y open-iscsi
      systemctl enable --now iscsid
    verify: {zh: "longhorn-manager 就绪", en: "longhorn-manager is ready"}
    rollback: {zh: "`systemctl disable --now iscsid`", en: "`systemctl disable --now iscsid`"}
prevention:
  - kind: prevent
    text: {zh: "在节点镜像中安装 open-iscsi 并屏蔽 multipath", en: "put open-iscsi into the node's image and blacklist multipath"}
    acceptance: {zh: "longhornctl check preflight 通过", en: "longhornctl check preflight passes"}
sources: ["longhorn/longhorn-manager app/daemon.go: `please make sure you have iscsiadm/open-iscsi installed on the host`", "longhorn/longhorn-manager controller/monitor/environment_check_monitor.go"]
versions: "Longhorn 1.0 to 1.9"
examples:
  - name: "the manager says so"
    files:
      "pods.txt": |
        NAMESPACE   NAME   READY   STATUS   RESTARTS   AGE
        longhorn-system   longhorn-manager-x7k2v   0/1   CrashLoopBackOff   9   41m
      "longhorn-manager-x7k2v.log": |
        time="2026-02-24T14:29:41Z" level=fatal msg="Error starting manager: failed to check environment, please make sure you have iscsiadm/open-iscsi installed on the host: exit status 1"
    fires: [{kind: "Pod", namespace: "longhorn-system", name: "longhorn-manager-x7k2v"}]
  - name: "it works now"
    files:
      "pods.txt": |
        NAMESPACE   NAME   READY   STATUS   RESTARTS   AGE
        longhorn-system   longhorn-manager-x7k2v   1/1   Running   1   41m
      "longhorn-manager-x7k2v.log": |
        level=fatal msg="please make sure you have iscsiadm/open-iscsi installed on the host"
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings = by_subject(input, rule, Confidence::Confirmed, |hit| {
        let of_pod = hit.about.object.kind == "Pod";
        let ails = if of_pod {
            pod_is_failing(snapshot, &hit.about.object)
        } else {
            persists(snapshot, hit)
        };
        match node_of(snapshot, hit) {
            Some(node) => ails.then(|| Subject::node(&node)),
            None => (ails && of_pod).then(|| snapshot.top_owner_of(&hit.about.object)),
        }
    });
    for node in snapshot
        .kind("Node")
        .filter(|node| node.text("/apiVersion").starts_with("longhorn.io/"))
    {
        let text = |index: usize, field: &str| node.text(&format!("/status/conditions/{index}/{field}"));
        for index in 0..node.list("/status/conditions").len() {
            if REASONS.contains(&text(index, "reason")) && text(index, "status") == "False" {
                findings.push(
                    Finding::new(rule, Subject::node(&node.key.name), Confidence::Confirmed)
                        .cite(node.cite_at(&format!("/status/conditions/{index}/message")))
                        .fact("problem", text(index, "reason"))
                        .fact("line", text(index, "message"))
                        .fact("times", 1),
                );
                break;
            }
        }
    }
    findings
}

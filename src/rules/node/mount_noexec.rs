//! Programs of the platform lie on a file system that does not let programs run.

use crate::model::{Confidence, Subject};
use crate::rules::toolbox::nodes::{is_ready, node_of, persists, touch_pods};
use crate::rules::toolbox::{add_hit, own_hits};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: mount-noexec
role: cause
level: critical
needs: [system-log|k3s-log|kubelet-log|containerd-log]
text:
  - id: mount
    in: [other, system]
    pattern: '(?:^|\s)(?P<target>/(?:var(?:/lib(?:/(?:rancher|kubelet|containerd|docker|cni)[\w/.-]*)?)?|opt(?:/cni[\w/]*)?|run(?:/[\w/.-]*)?|home))(?: type)?\s+[!-~]+\s+(?:[!-~]+\s+)?[(]?[a-z0-9,=_-]*\bnoexec\b'
  - id: denied
    in: [system, kubelet, runtime, other, container-log]
    pattern: '(?P<problem>level=fatal msg="?permission denied"?$|(?:fork/exec|exec:?|execve) \W?/(?:var|opt|run|home)/[!-~]+ permission denied|Failed at step EXEC spawning /(?:var|opt|run|home)/[!-~]+ Permission denied)'
check: {zh: "平台的程序所在的文件系统是否允许执行", en: "whether the file systems of the platform's programs let them run"}
title:
  zh: "节点 {{ node }} 的 {{ target }} 以 noexec 挂载，其中的程序不能执行：{{ problem }}"
  en: "{{ target }} of node {{ node }} is mounted noexec, and programs below it do not run: {{ problem }}"
cause:
  zh: "{{ target }} 的挂载选项含 noexec，而 k3s、RKE2、CNI 插件或 kubelet 的卷插件在其下解压并执行程序：内核以 permission denied 拒绝。安全加固（如 CIS 基线）常加上这个选项。"
  en: "the options of {{ target }} have noexec, while k3s, RKE2, CNI plugins or volume plugins of the kubelet unpack and run programs below it: the kernel answers permission denied. Hardening by a baseline such as CIS often adds this option."
questions:
  - {zh: "谁、何时给这个挂载点加上了 noexec？", en: "who added noexec to this mount, and when?"}
causes:
  - {rule: rke2-server-not-ready, ground: node, mechanism: {zh: "k3s 或 RKE2 的程序不能执行", en: "the programs of k3s or RKE2 do not run"}}
  - {rule: unit-exec-failed, ground: node, mechanism: {zh: "单元的程序不能执行", en: "the unit's program does not run"}}
  - {rule: host-service-failed, ground: node, mechanism: {zh: "服务的程序不能执行", en: "the service's program does not run"}}
  - {rule: kubelet-not-running, ground: node, mechanism: {zh: "kubelet 因此不能运行", en: "the kubelet cannot run for it"}}
  - {rule: container-runtime-down, ground: node, mechanism: {zh: "运行时的程序不能执行", en: "the runtime's programs do not run"}}
  - {rule: cni-not-ready, ground: node, mechanism: {zh: "CNI 插件不能执行", en: "the CNI plugins do not run"}}
  - {rule: node-notready, ground: node, mechanism: {zh: "节点因此不再就绪", en: "the node is not ready for it"}}
benign:
  - {zh: "只放数据的挂载点（/var/log、/tmp）带 noexec", en: "noexec on mounts that hold data alone (/var/log, /tmp)"}
remedy:
  - purpose: {zh: "查看挂载选项", en: "look at the mount's options"}
    place: node
    risk: read-only
    command: 'findmnt -o TARGET,SOURCE,OPTIONS {{ target }}'
    expect: {zh: "OPTIONS 含 noexec", en: "OPTIONS has noexec"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "去掉 noexec：先重新挂载，再从 /etc/fstab 中去掉", en: "take noexec away: remount now, then edit /etc/fstab"}
    place: node
    risk: change
    precheck: {zh: "安全负责人同意，已备份 /etc/fstab", en: "whoever is responsible for hardening agrees, and a copy of /etc/fstab is saved"}
    command: 'mount -o remount,exec {{ target }}'
    expect: {zh: "没有错误", en: "no error"}
    verify: {zh: "服务启动，节点恢复 Ready", en: "the service starts and the node is Ready"}
    rollback: {zh: "`mount -o remount,noexec {{ target }}` 并恢复 /etc/fstab", en: "`mount -o remount,noexec {{ target }}` and put /etc/fstab back"}
prevention:
  - kind: process
    text: {zh: "加固基线为 /var/lib/rancher、/var/lib/kubelet 等列出例外，先在一台上试", en: "list exceptions for /var/lib/rancher, /var/lib/kubelet and the like in the hardening baseline, and try it on one machine first"}
    acceptance: {zh: "加固后的测试节点重启后仍为 Ready", en: "a hardened test node is Ready after its restart"}
sources: ["mount(8): noexec, direct execution of binaries is refused", "k3s pkg/data, cmd/k3s/main.go: k3s unpacks itself below /var/lib/rancher/k3s/data and executes it"]
versions: "any"
examples:
  - name: "k3s below a hardened /var"
    files:
      nodes.txt: |
        NAME   STATUS     ROLES    AGE    VERSION
        e1     NotReady   <none>   211d   v1.24.10+k3s1
      e1/journal-k3s.log: |
        Mar 14 02:07:13 e1 k3s[1151]: time="2026-03-14T02:07:13+01:00" level=fatal msg="permission denied"
        Mar 14 02:07:19 e1 k3s[1262]: time="2026-03-14T02:07:19+01:00" level=fatal msg="permission denied"
      e1/fstab.txt: |
        /dev/mapper/rl-root     /                       xfs     defaults        0 0
        /dev/mapper/rl-var      /var                    xfs     defaults,nodev,nosuid,noexec 0 0
    fires: [{kind: Node, name: e1, node: e1}]
  - name: "a log that may not be read"
    files:
      nodes.txt: |
        NAME   STATUS     ROLES    AGE    VERSION
        e1     NotReady   <none>   211d   v1.24.10+k3s1
      e1/journal-k3s.log: |
        Mar 14 02:07:13 e1 k3s[1151]: time="2026-03-14T02:07:13+01:00" level=fatal msg="open /etc/rancher/k3s/config.yaml: permission denied"
      e1/fstab.txt: |
        /dev/mapper/rl-root     /                       xfs     defaults        0 0
        /dev/mapper/rl-tmp      /tmp                    xfs     defaults,nodev,nosuid,noexec 0 0
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let hits = own_hits(input, rule);
    let mut findings: Vec<Finding> = Vec::new();
    for denied in hits.iter().filter(|hit| hit.signature.ends_with("/denied")) {
        let Some(node) = node_of(snapshot, denied) else {
            continue;
        };
        let holds = is_ready(snapshot, &node) == Some(false) || persists(snapshot, denied);
        let is_known = findings.iter().any(|finding| finding.subject.name == node);
        let mount = hits
            .iter()
            .filter(|hit| hit.signature.ends_with("/mount"))
            // A listing of which nothing tells the machine is of the one that fails.
            .find(|hit| node_of(snapshot, hit).is_none_or(|found| found == node));
        let Some(mount) = mount.filter(|_| holds && !is_known) else {
            continue;
        };
        let mut finding = Finding::new(rule, Subject::node(&node), Confidence::Confirmed).fact("node", node.clone());
        finding.count = 0;
        add_hit(input, &mut finding, denied);
        add_hit(input, &mut finding, mount);
        touch_pods(snapshot, &node, &mut finding);
        findings.push(finding);
    }
    findings
}

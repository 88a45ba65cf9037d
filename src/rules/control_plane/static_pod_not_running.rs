//! A static pod of the control plane keeps ending or is not read.

use crate::cluster::{Hit, Snapshot};
use crate::model::{Confidence, Subject};
use crate::rules::toolbox::grouping::component_of;
use crate::rules::toolbox::nodes::{ends_log, node_of, persists, quote, touch_pods};
use crate::rules::toolbox::{add_hit, own_hits, pod_is_failing};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: static-pod-not-running
role: cause
level: critical
needs: [kubelet-log|container-logs|system-log]
text:
  - id: crash
    pattern: "failed to \\\\?\"StartContainer\\\\?\" for \\\\?\"(?P<component>kube-apiserver|etcd|kube-scheduler|kube-controller-manager)\\\\?\" with (?:CrashLoopBackOff|RunContainerError|CreateContainerError)"
  - id: manifest
    pattern: "(?:Could not process manifest file|Can't process manifest file)\"? (?:path=)?\"(?P<file>[^\"]+)\\\""
  - id: flag
    in: [control-plane, etcd]
    pattern: 'unknown (?:shorthand )?flag: ?(?P<problem>[^\n]{1,120})'
  - id: defined
    in: [control-plane, etcd]
    pattern: 'flag provided but not defined: (?P<problem>\S{1,80})'
  - id: argument
    in: [control-plane, etcd]
    pattern: '(?P<problem>invalid argument "[^"\n]{0,120}" for "[^"\n]{1,80}" flag[^\n]{0,200})'
  - id: gate
    in: [control-plane, etcd]
    pattern: '(?P<problem>(?:unrecognized feature gate: \S{1,80}|cannot set feature gate [^\n]{1,120}|unknown feature gate[^\n]{1,80}))'
  - id: plugin
    in: [control-plane]
    pattern: '(?P<problem>enable-admission-plugins plugin \\?"[^"\n]{1,80}" is unknown|unknown admission plugin[^\n]{1,80}|failed to initialize admission: [^\n]{1,200})'
  - id: file
    in: [control-plane]
    pattern: '(?P<problem>(?:loading audit policy file|error while (?:parsing|opening|reading) (?:the )?encryption (?:provider )?configuration(?: file)?|unable to load encryption config|failed to (?:read|load) (?:the )?(?:admission|authentication|authorization|egress) config(?:uration)?|unable to read admission control configuration)[^\n]{1,240})'
  - id: invalid
    in: [control-plane]
    pattern: '(?:"command failed" err=|error: |Error: )"?(?P<problem>(?:service-account-issuer is a required flag|--[a-z-]+ (?:must|cannot|is|should|can not)[^\n]{1,160}|failed to (?:create listener|listen)[^\n]{1,160}|(?:open|stat) /[^:\s]{1,160}: no such file or directory|invalid (?:server cert|port)[^\n]{1,120}|unable to load client CA[^\n]{1,160}))'
  - id: kind
    in: [control-plane]
    pattern: '(?P<problem>no kind \\?"[A-Za-z]{3,60}Configuration\\?" is registered for version \\?"[a-z0-9./]{3,80})'
  - id: controllers
    in: [control-plane]
    pattern: '"Error starting controllers" err="(?P<problem>[ -~]{3,200}?(?:no such file or directory|permission denied)[ -~]{0,40})'
check:
  zh: "控制面的静态 Pod 是否在运行"
  en: "whether the static pods of the control plane run"
title:
  zh: "{% if node %}节点 {{ node }} 的{% endif %}静态 Pod {% if problem is defined %}{{ component }} 拒绝它的参数或配置而退出：{{ problem }}{% elif component is defined %}{{ component }} 反复退出{% else %}清单 {{ file }} 无法读取{% endif %}"
  en: "{% if node %}on node {{ node }} {% endif %}the static pod {% if problem is defined %}{{ component }} refuses its flags or configuration and ends: {{ problem }}{% elif component is defined %}{{ component }} keeps ending{% else %}manifest {{ file }} cannot be read{% endif %}"
cause:
  zh: "{% if problem is defined %}组件 {{ component }} 在启动时写出 {{ line }}，随即退出：清单中的参数、插件名或引用的文件与这个版本不符。{% else %}kubelet 报告 {{ line }}；原因在该组件自己的日志或清单 /etc/kubernetes/manifests 中。{% endif %}"
  en: "{% if problem is defined %}at its start {{ component }} writes {{ line }} and ends: a flag, a plugin or a file that its manifest names does not fit this version.{% else %}the kubelet reports {{ line }}; the reason is in the component's own log, or in its manifest in /etc/kubernetes/manifests.{% endif %}"
causes:
  - rule: cluster-unresponsive
    ground: cluster
    mechanism: {zh: "控制面不能接受节点的状态", en: "the control plane cannot take the nodes' state"}
  - rule: apiserver-down
    ground: cluster
    mechanism: {zh: "没有 API 服务器进程", en: "no API server runs"}
  - rule: scheduler-down
    ground: node
    mechanism: {zh: "调度器的静态 Pod 没有运行", en: "the scheduler's static pod does not run"}
  - rule: controller-manager-down
    ground: node
    mechanism: {zh: "控制器管理器的静态 Pod 没有运行", en: "the controller manager's static pod does not run"}
  - rule: etcd-member-down
    ground: node
    mechanism: {zh: "etcd 的静态 Pod 没有运行", en: "etcd's static pod does not run"}
  - rule: apiserver-internal-error
    ground: cluster
    mechanism: {zh: "控制面的组件没有运行", en: "a component of the control plane does not run"}
  - rule: crashloopbackoff
    ground: pod
    mechanism: {zh: "组件启动即退出", en: "the component ends at its start"}
  - rule: node-notready
    ground: node
    mechanism: {zh: "节点因此不再就绪", en: "the node is not ready for it"}
benign:
  - {zh: "弃用警告（has been deprecated）不影响启动", en: "a warning of deprecation (has been deprecated) hinders no start"}
  - {zh: "RKE1 与 k3s 没有静态 Pod", en: "RKE1 and k3s have no static pods"}
remedy:
  - purpose: {zh: "查看现状", en: "look at the present state"}
    place: node
    risk: read-only
    command: "crictl ps -a"
    expect: {zh: "Exited 的控制面容器", en: "the container of the control plane that has Exited"}
    verify: {zh: "原因已记录", en: "the reason is on record"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "查看现状", en: "look at the present state"}
    place: node
    risk: read-only
    command: "ls -lt /etc/kubernetes/manifests"
    expect: {zh: "最近改动的清单", en: "the manifest that was changed last"}
    verify: {zh: "原因已记录", en: "the reason is on record"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "改正清单后移回，由 kubelet 重新创建", en: "correct the manifest and move it back, so that the kubelet makes the pod anew"}
    place: node
    risk: change
    command: |
      mv /etc/kubernetes/manifests/<COMPONENT>.yaml /root/<COMPONENT>.yaml
      vi /root/<COMPONENT>.yaml
      mv /root/<COMPONENT>.yaml /etc/kubernetes/manifests/<COMPONENT>.yaml
    expect: {zh: "无输出；kubelet 在约 20 秒内停止再启动该 Pod", en: "no output; the kubelet stops and starts the pod within about 20 seconds"}
    verify: {zh: "`crictl ps` 列出该组件且不再重启", en: "`crictl ps` lists the component and it does not restart"}
    rollback: {zh: "事先 `cp` 一份原清单，改回后同样移入", en: "keep a copy of the manifest with `cp` and move it in the same way"}
prevention:
  - kind: process
    text: {zh: "改动静态 Pod 清单前先备份，并在改动后检查容器", en: "save a manifest before a change and look at its container after it"}
    acceptance: {zh: "演练中能在 5 分钟内恢复", en: "a drill recovers within 5 minutes"}
  - kind: detect
    text: {zh: "对节点 NotReady 持续 5 分钟告警", en: "alert when a node is NotReady for 5 minutes"}
    acceptance: {zh: "停掉测试节点的 kubelet，按时收到告警", en: "stopping a test node's kubelet raises the alert in time"}
sources: ["kubernetes pkg/kubelet/pod_workers.go", "kubernetes pkg/kubelet/config/file.go: `Could not process manifest file`", "kubernetes staging/src/k8s.io/component-base/cli/run.go: `command failed`", "spf13/pflag errors.go: `unknown flag: --%s`", "kubernetes staging/src/k8s.io/component-base/featuregate: `unrecognized feature gate`", "kubernetes staging/src/k8s.io/apiserver/pkg/server/options/admission.go: `enable-admission-plugins plugin %q is unknown`"]
versions: "Kubernetes 1.18 to 1.36"
examples:
  - name: "the API server keeps ending"
    files:
      kubelet-cp.log: |
        May 14 21:16:44 cp kubelet[980]: E0514 21:16:44.117802     980 pod_workers.go:1298] "Error syncing pod, skipping" err="failed to \"StartContainer\" for \"kube-apiserver\" with CrashLoopBackOff: \"back-off 5m0s\"" pod="kube-system/kube-apiserver-cp"
    fires: [{kind: "Node", name: "cp", node: "cp"}]
  - name: "a flag that was removed, in the component's own log"
    files:
      nodes.txt: |
        NAME   STATUS   ROLES           AGE   VERSION
        cp1    Ready    control-plane   90d   v1.28.4
      nodes/cp1/kube-apiserver.log: |
        Error: unknown flag: --insecure-port
    fires: [{kind: "Node", name: "cp1", node: "cp1"}]
  - name: "an admission plugin that does not exist"
    files:
      nodes/cp1/kube-apiserver.log: |
        E0514 21:16:44.117802       1 run.go:74] "command failed" err="enable-admission-plugins plugin \"PodSecurityPolicies\" is unknown"
    fires: [{kind: "Node", name: "cp1", node: "cp1"}]
  - name: "a deprecated flag"
    files:
      nodes/cp1/kube-apiserver.log: |
        Flag --logtostderr has been deprecated, will be removed in a future release
        I0514 21:16:44.117802       1 server.go:1] started
  - name: "another container"
    files:
      kubelet-cp.log: |
        May 14 21:16:44 cp kubelet[980]: E0514 21:16:44.117802     980 pod_workers.go:1298] "Error syncing pod, skipping" err="failed to \"StartContainer\" for \"web\" with CrashLoopBackOff: \"back-off 5m0s\"" pod="shop/web-0"
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings: Vec<Finding> = Vec::new();
    for hit in own_hits(input, rule)
        .into_iter()
        .filter(|hit| persists(snapshot, hit) && is_last_word(snapshot, hit))
    {
        let node = node_of(snapshot, hit).unwrap_or_default();
        let Some(subject) = (if node.is_empty() {
            component_of(snapshot, hit)
        } else {
            Some(Subject::node(&node))
        }) else {
            continue;
        };
        match findings.iter_mut().find(|finding| finding.subject == subject) {
            Some(finding) => add_hit(input, finding, hit),
            None => {
                let mut finding = Finding::new(rule, subject, Confidence::Confirmed).fact("node", node.clone());
                finding.count = 0;
                if hit.captures.contains_key("problem") {
                    finding.facts.insert("component".into(), speaker(snapshot, hit).into());
                }
                add_hit(input, &mut finding, hit);
                let line = quote(&finding);
                let mut finding = finding.fact("line", line);
                if !node.is_empty() {
                    touch_pods(snapshot, &node, &mut finding);
                }
                findings.push(finding);
            }
        }
    }
    join_nameless(&mut findings);
    findings
}

/// What a component's own log says without a node belongs to the only node where the kubelet says that it keeps ending.
fn join_nameless(findings: &mut Vec<Finding>) {
    let is_placed = |finding: &Finding| finding.subject.kind == "Node";
    let mut placed = findings.iter().filter(|finding| is_placed(finding));
    if placed.next().is_none() || placed.next().is_some() {
        return;
    }
    let (placed, nameless): (Vec<Finding>, Vec<Finding>) = std::mem::take(findings).into_iter().partition(is_placed);
    findings.extend(placed);
    let Some(node) = findings.first_mut() else { return };
    for finding in nameless {
        node.count += finding.count;
        node.evidence.extend(finding.evidence);
        node.touches.extend(finding.touches);
        for (name, value) in finding.facts {
            // What the component says of itself is the better reason.
            if name == "problem" || name == "line" {
                node.facts.insert(name, value);
            } else {
                node.facts.entry(name).or_insert(value);
            }
        }
    }
}

/// What a component itself writes of its flags counts when it ends over it: among its last lines, while its pod is not well.
fn is_last_word(snapshot: &Snapshot, hit: &Hit) -> bool {
    let is_own = hit.captures.contains_key("problem");
    let pod = &hit.about.object;
    !is_own || (ends_log(snapshot, hit) && (pod.kind != "Pod" || pod_is_failing(snapshot, pod)))
}

/// The component that wrote the line, as far as its place tells.
fn speaker(snapshot: &Snapshot, hit: &Hit) -> String {
    const COMPONENTS: [&str; 4] = ["kube-apiserver", "kube-scheduler", "kube-controller-manager", "etcd"];
    let known = |text: &str| COMPONENTS.into_iter().find(|name| text.contains(name));
    let subject = component_of(snapshot, hit).map_or_else(String::new, |subject| subject.name);
    known(&hit.about.container)
        .or_else(|| known(&hit.about.object.name))
        .or_else(|| known(hit.cite.file.as_str()))
        .map_or(subject, ToOwned::to_owned)
}

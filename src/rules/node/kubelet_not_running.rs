//! The kubelet of a node does not run.

use std::collections::BTreeMap;

use crate::bundle::decode::Unit;
use crate::cluster::{Hit, Snapshot};
use crate::model::{Confidence, Subject};
use crate::rules::toolbox::hosts::{Machine, is_down, machines, state_of};
use crate::rules::toolbox::nodes::{cite_condition, condition, ends_log, is_ready, node_of, quote, touch_pods};
use crate::rules::toolbox::{add_hit, own_hits};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: kubelet-not-running
role: link
level: critical
needs: [kubelet-log|system-log|nodes|systemd-units]
reported: true
settled_by: kubelet
text:
  - id: failed
    pattern: "(?:\"(?:Failed to run kubelet|command failed|Failed to start (?:ContainerManager|cAdvisor|OOM watcher)|Failed to initialize CSINode)\" err=\"(?P<reason>[^\\n]{1,300})|failed to run Kubelet: (?P<why>[^\\n]{1,300})|failed to load kubelet config file)"
  - id: unit
    pattern: "kubelet\\.service: (?:Main process exited|main process exited|Failed with result|Start request repeated too quickly)"
    unless: "status=0/SUCCESS|result .success"
  - id: entered
    pattern: "Unit kubelet\\.service entered failed state"
  - id: shutdown
    pattern: "Shutting down (?:DynamicServingCertificateController|Kubelet Volume Manager)|Stopped kubelet|Stopped Kubelet|kubelet\\.service: Succeeded"
check:
  zh: "kubelet 是否在运行"
  en: "whether the kubelet runs"
title:
  zh: "节点 {{ node }} 的 kubelet 没有运行{% if last %}（{{ last }}）{% endif %}"
  en: "the kubelet of node {{ node }} does not run{% if last %} ({{ last }}){% endif %}"
cause:
  zh: "kubelet 没有运行，或反复以错误退出：{{ line }}；没有 kubelet，控制面就收不到该节点的状态，其上的 Pod 也不再被管理。"
  en: "the kubelet does not run, or keeps ending with an error: {{ line }}; without it the control plane hears nothing of the node, and nobody manages its pods."
causes:
  - rule: failedscheduling-taint
    ground: node
    mechanism: {zh: "节点的状况变成污点，调度器因此避开它", en: "the node's condition becomes a taint, and the scheduler keeps away"}
  - rule: node-notready
    ground: node
    mechanism: {zh: "节点因此不再就绪", en: "the node is not ready for it"}
benign:
  - {zh: "kubeadm init/join 之前 kubelet 按设计反复重启", en: "before kubeadm init or join the kubelet restarts by design"}
  - {zh: "计划内的重启：之后又有日志", en: "a planned restart: the log goes on"}
remedy:
  - purpose: {zh: "查看现状", en: "look at the present state"}
    place: node
    risk: read-only
    command: "systemctl status kubelet --no-pager -l"
    expect: {zh: "Active 不是 active (running)", en: "Active is not active (running)"}
    verify: {zh: "原因已记录", en: "the reason is on record"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "查看现状", en: "look at the present state"}
    place: node
    risk: read-only
    command: "journalctl -u kubelet -n 50 --no-pager"
    expect: {zh: "最后几行说明为何退出", en: "its last lines say why it ended"}
    verify: {zh: "原因已记录", en: "the reason is on record"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "排除原因后启动", en: "start it once the reason is gone"}
    place: node
    risk: change
    command: "systemctl restart kubelet"
    verify: {zh: "`kubectl get node` 显示 Ready", en: "`kubectl get node` shows Ready"}
    rollback: {zh: "`systemctl stop kubelet`", en: "`systemctl stop kubelet`"}
prevention:
  - kind: detect
    text: {zh: "对节点 NotReady 持续 5 分钟告警", en: "alert when a node is NotReady for 5 minutes"}
    acceptance: {zh: "停掉测试节点的 kubelet，按时收到告警", en: "stopping a test node's kubelet raises the alert in time"}
sources: ["kubernetes cmd/kubelet/app/server.go: `failed to run Kubelet`, `failed to load kubelet config file`", "kubernetes pkg/kubelet/volumemanager: `Shutting down Kubelet Volume Manager`", "systemd src/core/service.c"]
versions: "Kubernetes 1.18 to 1.36"
examples:
  - name: "it was stopped and never came back"
    files:
      nodes.json: "{\"kind\":\"NodeList\",\"apiVersion\":\"v1\",\"items\":[{\"metadata\":{\"name\":\"n1\"},\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"Unknown\",\"reason\":\"NodeStatusUnknown\",\"message\":\"Kubelet stopped posting node status.\"}]}}]}"
      kubelet.log: |
        I1121 09:44:15.140508    6441 kubelet.go:2752] "SyncLoop"
        I1121 09:44:24.500014    6441 volume_manager.go:316] "Shutting down Kubelet Volume Manager"
    fires: [{kind: "Node", name: "n1", node: "n1"}]
  - name: "it ends with an error"
    files:
      kubelet.log: |
        Mar 22 09:24:41 n6 kubelet[51730]: E0322 09:24:41.889702   51730 run.go:74] "command failed" err="failed to run Kubelet: x"
        Mar 22 09:24:41 n6 systemd[1]: kubelet.service: Main process exited, code=exited, status=1/FAILURE
    fires: [{kind: "Node", name: "n6", node: "n6"}]
  - name: "systemctl status says so"
    files:
      nodes.txt: |
        NAME   STATUS     ROLES    AGE   VERSION
        n1     Ready      <none>   90d   v1.28.4
        n2     NotReady   <none>   90d   v1.28.4
      n2/kubelet-status.txt: |
        ○ kubelet.service - kubelet: The Kubernetes Node Agent
             Loaded: loaded (/lib/systemd/system/kubelet.service; enabled; vendor preset: enabled)
             Active: inactive (dead) since Sat 2026-11-21 09:44:24 UTC; 12min ago
           Main PID: 6441 (code=exited, status=0/SUCCESS)
    fires: [{kind: "Node", name: "n2", node: "n2"}]
  - name: "a unit that nobody uses, on a node that is ready"
    files:
      nodes.txt: |
        NAME   STATUS   ROLES    AGE   VERSION
        n2     Ready    <none>   90d   v1.28.4
      n2/kubelet-status.txt: |
        ○ kubelet.service - kubelet: The Kubernetes Node Agent
             Loaded: loaded (/lib/systemd/system/kubelet.service; disabled; vendor preset: enabled)
             Active: inactive (dead)
  - name: "a restart by hand"
    files:
      kubelet.log: |
        Mar 22 09:24:41 n6 systemd[1]: Stopped kubelet: The Kubernetes Node Agent.
        Mar 22 09:24:42 n6 systemd[1]: Started kubelet: The Kubernetes Node Agent.
        Mar 22 09:24:43 n6 kubelet[5]: I0322 09:24:43.1 5 a.go:1] one
        Mar 22 09:24:44 n6 kubelet[5]: I0322 09:24:44.1 5 a.go:1] two
        Mar 22 09:24:45 n6 kubelet[5]: I0322 09:24:45.1 5 a.go:1] three
        Mar 22 09:24:46 n6 kubelet[5]: I0322 09:24:46.1 5 a.go:1] four
        Mar 22 09:24:46 n6 kubelet[5]: I0322 09:24:46.2 5 a.go:1] five
        Mar 22 09:24:47 n6 kubelet[5]: I0322 09:24:47.2 5 a.go:1] six
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let machines = machines(snapshot);
    let mut nodes: BTreeMap<String, (Option<&Machine<'_>>, Vec<&Hit>)> = BTreeMap::new();
    for machine in machines.iter().filter(|machine| stopped(snapshot, machine).is_some()) {
        nodes.entry(machine.node.clone()).or_default().0 = Some(machine);
    }
    for hit in own_hits(input, rule) {
        if let Some(node) = node_of(snapshot, hit)
            && is_ready(snapshot, &node) != Some(true)
        {
            nodes.entry(node).or_default().1.push(hit);
        }
    }
    nodes
        .into_iter()
        .filter(|(_, (machine, hits))| machine.is_some() || hits.iter().any(|hit| ends_log(snapshot, hit)))
        .map(|(name, (machine, hits))| finding(input, rule, &name, machine, hits))
        .collect()
}

fn finding(
    input: &Input<'_>,
    rule: &RuleHeader,
    name: &str,
    machine: Option<&Machine<'_>>,
    mut hits: Vec<&Hit>,
) -> Finding {
    let snapshot = input.snapshot;
    let unit = machine.and_then(|machine| stopped(snapshot, machine));
    let certain = machine.is_none_or(|machine| machine.certain);
    let confidence = if certain {
        Confidence::Confirmed
    } else {
        Confidence::Probable
    };
    let mut finding = Finding::new(rule, Subject::node(name), confidence).fact("node", name);
    let mut line = String::new();
    if let Some(unit) = unit {
        finding.add_cite(unit.cite.clone());
        line = format!("{}: {}", unit.name, state_of(unit));
    }
    // What the kubelet says of its end tells more than what systemd says of it.
    hits.sort_by_key(|hit| !hit.signature.ends_with("/failed"));
    finding.count = 0;
    for hit in &hits {
        add_hit(input, &mut finding, hit);
    }
    finding.count = finding.count.max(1);
    // klog puts the whole error between quotation marks.
    let reason = ["reason", "why"]
        .iter()
        .find_map(|name| Some(finding.facts.get(*name)?.as_str()?.trim_end_matches('"').to_owned()));
    let node = snapshot.object("Node", "", name);
    let ready = node.and_then(|node| Some((node, condition(node, "Ready")?)));
    let said = ready
        .and_then(|(_, (_, ready))| ready.get("message")?.as_str())
        .unwrap_or("")
        .to_owned();
    if let Some((node, (index, _))) = ready {
        finding.add_cite(cite_condition(node, index, "message"));
    }
    let last = reason.unwrap_or(if line.is_empty() { said } else { line.clone() });
    if line.is_empty() {
        line = quote(&finding);
    }
    let mut finding = finding.fact("line", line).fact("last", last);
    touch_pods(snapshot, name, &mut finding);
    finding
}

/// The unit of the kubelet where systemd says that it does not run, and nothing else shows that a kubelet runs all the same.
fn stopped<'s>(snapshot: &Snapshot, machine: &Machine<'s>) -> Option<&'s Unit> {
    let unit = machine.kubelet_unit()?;
    // A unit that nobody enabled is left over, or not in use yet; on a node that is ready something else runs the kubelet.
    let is_unused = unit.enabled == "disabled" && unit.active == "inactive";
    let ready = is_ready(snapshot, &machine.node);
    let runs = machine.runs_container("kubelet") || machine.host.tools.process("kubelet").is_some();
    (is_down(unit) && !runs && !(is_unused && ready != Some(false))).then_some(unit)
}

//! The container runtime of a node does not answer.

use crate::bundle::decode::Unit;
use crate::cluster::Snapshot;
use crate::model::Confidence;
use crate::rules::toolbox::hosts::{KUBELETS, Machine, is_down, is_up, machines, state_of};
use crate::rules::toolbox::nodes::{by_node, has_started_since, is_ready};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: container-runtime-down
role: link
level: critical
needs: [kubelet-log|nodes|system-log|systemd-units]
reported: true
settled_by: runtime
text:
  - id: kubelet
    in: [kubelet, system, status, other, container-log]
    pattern: "container runtime is down"
  - id: socket
    pattern: "dial unix (?:/var)?/run/(?:containerd/containerd|crio/crio|cri-dockerd|docker)\\.sock: connect: (?P<why>no such file or directory|connection refused)"
    # At its start each kubelet looks for the runtimes that it does not use, too (cadvisor, `container/factory.go`).
    unless: "Registration of the \\S+ container factory failed"
  - id: docker
    in: [kubelet, system, other, runtime]
    pattern: "Cannot connect to the Docker daemon at unix:///var/run/docker\\.sock"
  - id: unit
    pattern: "(?:containerd|docker|crio)\\.service: (?:Main process exited, code=(?:exited|killed|dumped)|Failed with result|Start request repeated too quickly)"
check:
  zh: "容器运行时是否应答"
  en: "whether the container runtime answers"
title:
  zh: "节点 {{ node }} 的容器运行时没有应答"
  en: "the container runtime of node {{ node }} does not answer"
cause:
  zh: "kubelet 连不上容器运行时：{{ line }}"
  en: "the kubelet does not reach the container runtime: {{ line }}"
causes:
  - rule: failedscheduling-taint
    ground: node
    mechanism: {zh: "节点的状况变成污点，调度器因此避开它", en: "the node's condition becomes a taint, and the scheduler keeps away"}
  - rule: node-notready
    ground: node
    mechanism: {zh: "节点因此不再就绪", en: "the node is not ready for it"}
  - rule: kubelet-not-running
    ground: node
    mechanism: {zh: "kubelet 启动时需要运行时", en: "the kubelet needs the runtime to start"}
  - rule: node-workloads-unstartable
    ground: node
    mechanism: {zh: "节点上不能再启动 Pod", en: "the node cannot start pods"}
benign:
  - {zh: "kubelet 启动时的一次 runtime status check may not have completed yet", en: "one `runtime status check may not have completed yet` at each start of the kubelet"}
remedy:
  - purpose: {zh: "查看现状", en: "look at the present state"}
    place: node
    risk: read-only
    command: "systemctl status containerd docker crio --no-pager"
    expect: {zh: "不是 active (running) 的那个", en: "the one that is not active (running)"}
    verify: {zh: "原因已记录", en: "the reason is on record"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "查看现状", en: "look at the present state"}
    place: node
    risk: read-only
    command: "crictl info"
    expect: {zh: "返回运行时的状态", en: "prints the status of the runtime"}
    verify: {zh: "原因已记录", en: "the reason is on record"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
prevention:
  - kind: detect
    text: {zh: "对节点 NotReady 持续 5 分钟告警", en: "alert when a node is NotReady for 5 minutes"}
    acceptance: {zh: "停掉测试节点的 kubelet，按时收到告警", en: "stopping a test node's kubelet raises the alert in time"}
sources: ["kubernetes pkg/kubelet/runtime.go: `container runtime is down`", "moby client/errors.go"]
versions: "Kubernetes 1.18 to 1.36"
examples:
  - name: "the node's condition"
    files:
      nodes.json: "{\"kind\":\"NodeList\",\"apiVersion\":\"v1\",\"items\":[{\"metadata\":{\"name\":\"n1\"},\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"False\",\"reason\":\"KubeletNotReady\",\"message\":\"container runtime is down\"}]}}]}"
    fires: [{kind: "Node", name: "n1", node: "n1"}]
  - name: "systemctl status says so"
    files:
      nodes.txt: |
        NAME   STATUS     ROLES    AGE   VERSION   INTERNAL-IP   EXTERNAL-IP   OS-IMAGE   KERNEL-VERSION   CONTAINER-RUNTIME
        n1     Ready      <none>   90d   v1.28.4   10.0.0.1      <none>        Ubuntu     5.15.0           containerd://1.7.2
        n2     NotReady   <none>   90d   v1.28.4   10.0.0.2      <none>        Ubuntu     5.15.0           containerd://1.7.2
      services.txt: |
        × containerd.service - containerd container runtime
             Loaded: loaded (/lib/systemd/system/containerd.service; enabled; vendor preset: enabled)
             Active: failed (Result: exit-code) since Sat 2026-11-21 09:44:24 UTC; 12min ago
           Main PID: 801 (code=exited, status=1/FAILURE)

        Nov 21 09:44:24 n2 containerd[801]: containerd: failed to load TOML: /etc/containerd/config.toml
    fires: [{kind: "Node", name: "n2", node: "n2"}]
  - name: "docker is stopped where containerd serves the kubelet"
    files:
      n2/units.txt: |
        UNIT                LOAD   ACTIVE   SUB     DESCRIPTION
        containerd.service  loaded active   running containerd container runtime
        docker.service      loaded inactive dead    Docker Application Container Engine
      nodes.txt: |
        NAME   STATUS   ROLES    AGE   VERSION
        n2     Ready    <none>   90d   v1.28.4
  - name: "at start, and well since"
    files:
      nodes.txt: |
        NAME   STATUS   ROLES   AGE   VERSION
        n1   Ready   <none>   90d   v1.28.4
      kubelet.log: |
        E0322 09:24:41.889702 1 kubelet.go:1] "Skipping pod synchronization" err="container runtime is down"
        I0322 12:24:41.889702 1 kubelet.go:1] "x"
  - name: "the kubelet looks for a runtime that it does not use"
    files:
      kubelet.log: |
        I1123 03:42:02.695204   30625 factory.go:223] Registration of the containerd container factory successfully
        I1123 03:42:02.698507   30625 factory.go:221] Registration of the crio container factory failed: Get "http://%2Fvar%2Frun%2Fcrio%2Fcrio.sock/info": dial unix /var/run/crio/crio.sock: connect: no such file or directory
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings = by_node(input, rule, 1, Confidence::Confirmed);
    findings.retain(|finding| !has_started_since(snapshot, &finding.subject.name, finding.last.as_ref()));
    for machine in machines(snapshot) {
        let Some(unit) = stopped(snapshot, &machine) else {
            continue;
        };
        let line = format!("{}: {}", unit.name, state_of(unit));
        match findings.iter_mut().find(|finding| finding.subject.name == machine.node) {
            Some(known) => known.add_cite(unit.cite.clone()),
            None => findings.push(
                machine
                    .finding(snapshot, rule, Confidence::Confirmed)
                    .cite(unit.cite.clone())
                    .fact("line", line),
            ),
        }
    }
    findings
}

/// The unit of the runtime that this node uses, where systemd says that it does not run.
fn stopped<'s>(snapshot: &Snapshot, machine: &Machine<'s>) -> Option<&'s Unit> {
    let tools = &machine.host.tools;
    let version = snapshot
        .object("Node", "", &machine.node)
        .map_or("", |node| node.text("/status/nodeInfo/containerRuntimeVersion"));
    // The kubelet names its runtime `containerd://1.7.2` (kubernetes pkg/kubelet/nodestatus/setters.go, MachineInfo).
    let names: &[&str] = match version.split("://").next() {
        Some("containerd") => &["containerd"],
        Some("docker") => &["docker"],
        Some("cri-o") => &["crio"],
        _ => &["containerd", "crio", "docker"],
    };
    let unit = machine.unit_of(names)?;
    // Which runtime the kubelet uses is not told: a unit may be left over, and a node that is ready has one that works.
    let may_be_another = unit.enabled == "disabled" || is_ready(snapshot, &machine.node) == Some(true);
    let is_unused = may_be_another && unit.active == "inactive" && version.is_empty();
    // k3s, RKE2 and k0s bring their own containerd, and no unit of it.
    let has_own = KUBELETS
        .iter()
        .filter(|name| **name != "kubelet")
        .filter_map(|name| tools.unit(name))
        .any(is_up);
    let runs = ["containerd", "dockerd", "crio"]
        .iter()
        .any(|program| tools.process(program).is_some());
    (is_down(unit) && !is_unused && !has_own && !runs).then_some(unit)
}

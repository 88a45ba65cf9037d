//! The Docker daemon of a node does not start, or is stopped.

use crate::model::Confidence;
use crate::rules::toolbox::hosts::{is_down, machines, state_of};
use crate::rules::toolbox::nodes::by_node;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: dockerd-down
role: link
level: critical
needs: [dockerd-log|system-log|systemd-units]
settled_by: docker
text:
  - id: start
    in: [runtime, system]
    pattern: '(?:failed to start daemon|Error starting daemon): (?P<why>[^\n"]{1,240})'
check: {zh: "Docker 守护进程是否运行", en: "whether the Docker daemon runs"}
title:
  zh: "节点 {{ node }} 的 Docker 守护进程没有运行：{{ why }}"
  en: "the Docker daemon of node {{ node }} does not run: {{ why }}"
cause:
  zh: "dockerd 无法启动或已停止：{{ why }}。RKE1 节点上 kubelet、etcd、kube-apiserver 等都是它的容器，因此全部随之停止。"
  en: "dockerd cannot start or was stopped: {{ why }}. On nodes of RKE1 the kubelet, etcd, kube-apiserver and the others are its containers and stop with it."
causes:
  - rule: container-runtime-down
    ground: node
    mechanism: {zh: "运行时无法工作", en: "the runtime cannot work"}
  - rule: kubelet-not-running
    ground: node
    mechanism: {zh: "kubelet 无法启动", en: "the kubelet cannot start"}
  - rule: rke1-core-container-missing
    ground: node
    mechanism: {zh: "容器随守护进程停止", en: "the containers stop with the daemon"}
  - rule: etcd-member-down
    ground: node
    mechanism: {zh: "成员之间的连接被阻断", en: "members of etcd cannot reach each other"}
  - rule: node-notready
    ground: node
    mechanism: {zh: "节点因此不再就绪", en: "the node is not ready for it"}
  - rule: failedscheduling-taint
    ground: node
    mechanism: {zh: "节点的状况变成污点，调度器因此避开它", en: "the node's condition becomes a taint, and the scheduler keeps away"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "节点上的 Pod 不能就绪", en: "pods of the node do not get ready"}
  - rule: crashloopbackoff
    ground: workload
    mechanism: {zh: "进程因此退出，kubelet 反复重启", en: "the process ends over it and the kubelet restarts it"}
  - rule: endpoints-missing
    ground: workload
    mechanism: {zh: "Pod 不就绪，端点被移除", en: "pods that are not ready leave the endpoints"}
benign:
  - {zh: "kubelet 使用 containerd 的节点上 docker 停止不影响 Pod", en: "a stopped docker does no harm where the kubelet uses containerd"}
remedy:
  - purpose: {zh: "查看守护进程的状态与日志", en: "look at the state and the log of the daemon"}
    place: node
    risk: read-only
    command: |
      systemctl status docker --no-pager -l
      journalctl -u docker -n 50 --no-pager
    expect: {zh: "最后几行说明原因", en: "its last lines say why"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "排除原因后启动；RKE1 的容器按重启策略 always 自行恢复", en: "start it once the reason is gone; containers of RKE1 come back by their restart policy"}
    place: node
    risk: change
    command: "systemctl restart docker"
    expect: {zh: "没有输出", en: "no output"}
    verify: {zh: "`docker ps` 列出 kubelet 等容器", en: "`docker ps` lists the kubelet and the others"}
    rollback: {zh: "`systemctl stop docker`", en: "`systemctl stop docker`"}
prevention:
  - kind: detect
    text: {zh: "对 docker.service 的状态告警", en: "alert on the state of docker.service"}
    acceptance: {zh: "停掉测试节点的 docker 触发告警", en: "stopping docker on a test node raises the alert"}
  - kind: prevent
    text: {zh: "启用 live-restore", en: "enable live-restore"}
    acceptance: {zh: "重启 dockerd 后容器仍在运行", en: "containers go on while dockerd restarts"}
sources:
  - "moby cmd/dockerd/docker.go: `failed to start daemon`"
  - "systemd systemctl(1)"
versions: "Docker 17 to 28"
examples:
  - name: "it cannot start"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES    AGE   VERSION
        n1     NotReady    <none>   90d   v1.28.4
      "n1/journal/docker.log": |
        Jan 21 18:20:44 n1 dockerd[812]: failed to start daemon: Error initializing network controller: error obtaining controller instance: failed to create NAT chain DOCKER
    fires:
      - {kind: "Node", name: "n1", node: "n1"}
  - name: "it is stopped where the kubelet uses it"
    files:
      "nodes.txt": |
        NAME   STATUS     ROLES    AGE   VERSION   INTERNAL-IP   EXTERNAL-IP   OS-IMAGE   KERNEL-VERSION   CONTAINER-RUNTIME
        n1     NotReady   <none>   90d   v1.20.4   10.0.0.1      <none>        Ubuntu     5.15.0           docker://20.10.24
      "n1/docker.txt": |
        ● docker.service - Docker Application Container Engine
             Loaded: loaded (/lib/systemd/system/docker.service; enabled; vendor preset: enabled)
             Active: failed (Result: start-limit-hit) since Sat 2026-11-21 09:44:24 UTC; 12min ago
    fires:
      - {kind: "Node", name: "n1", node: "n1"}
  - name: "it is stopped where the kubelet uses containerd"
    files:
      "nodes.txt": |
        NAME   STATUS   ROLES    AGE   VERSION   INTERNAL-IP   EXTERNAL-IP   OS-IMAGE   KERNEL-VERSION   CONTAINER-RUNTIME
        n1     Ready    <none>   90d   v1.28.4   10.0.0.1      <none>        Ubuntu     5.15.0           containerd://1.7.2
      "n1/docker.txt": |
        ○ docker.service - Docker Application Container Engine
             Loaded: loaded (/lib/systemd/system/docker.service; enabled; vendor preset: enabled)
             Active: inactive (dead)
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings = by_node(input, rule, 1, Confidence::Confirmed);
    for machine in machines(snapshot) {
        let version = snapshot
            .object("Node", "", &machine.node)
            .map_or("", |node| node.text("/status/nodeInfo/containerRuntimeVersion"));
        let unit = machine.unit_of(&["docker"]).filter(|unit| is_down(unit));
        let (Some(unit), true) = (unit, version.starts_with("docker://")) else {
            continue;
        };
        match findings.iter_mut().find(|finding| finding.subject.name == machine.node) {
            Some(known) => known.add_cite(unit.cite.clone()),
            None => findings.push(
                machine
                    .finding(snapshot, rule, Confidence::Confirmed)
                    .cite(unit.cite.clone())
                    .fact("why", format!("{}: {}", unit.name, state_of(unit))),
            ),
        }
    }
    findings
}

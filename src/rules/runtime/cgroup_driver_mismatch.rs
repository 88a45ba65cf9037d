//! kubelet and runtime use different cgroup drivers.

use std::collections::BTreeSet;

use crate::cluster::Snapshot;
use crate::model::{Citation, Confidence};
use crate::rules::toolbox::hosts::{Machine, machines};
use crate::rules::toolbox::nodes::{by_node, node_of};
use crate::rules::toolbox::own_hits;
use crate::rules::toolbox::states::{joined, shown};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: cgroup-driver-mismatch
role: cause
level: critical
needs: [kubelet-log|system-log]
text:
  - id: docker
    pattern: "kubelet cgroup driver: \\\\?\"(?P<kubelet>\\w+)\\\\?\" is different from docker cgroup driver: \\\\?\"(?P<runtime>\\w+)\\\\?\""
  - id: from-runtime
    in: [kubelet]
    pattern: "Using cgroup driver setting received from the CRI runtime"
  - id: runc
    pattern: "expected cgroupsPath to be of format \\\\*\"slice:prefix:name\\\\*\" for systemd cgroups"
check:
  zh: "kubelet 与运行时的 cgroup 驱动是否一致"
  en: "whether kubelet and runtime use one cgroup driver"
title:
  zh: "节点 {{ node }} 的 kubelet 与容器运行时的 cgroup 驱动不一致"
  en: "kubelet and container runtime of node {{ node }} use different cgroup drivers"
cause:
  zh: "{{ line }}：一个用 systemd，另一个用 cgroupfs，kubelet 拒绝启动或容器无法创建。"
  en: "{{ line }}: one uses systemd, the other cgroupfs, so the kubelet refuses to start or no container can be created."
causes:
  - rule: node-notready
    ground: node
    mechanism: {zh: "节点因此不再就绪", en: "the node is not ready for it"}
  - rule: kubelet-not-running
    ground: node
    mechanism: {zh: "kubelet 启动即退出", en: "the kubelet ends as it starts"}
  - rule: sandbox-creation-failure
    ground: node
    mechanism: {zh: "runc 拒绝该 cgroup 路径", en: "runc refuses the cgroup path"}
benign:
  - {zh: "1.28 起 kubelet 可从 CRI 取得驱动", en: "since 1.28 the kubelet can take the driver from the CRI"}
remedy:
  - purpose: {zh: "查看现状", en: "look at the present state"}
    place: node
    risk: read-only
    command: "grep -rn cgroupDriver /var/lib/kubelet/config.yaml"
    expect: {zh: "与运行时的设置不同", en: "differs from the setting of the runtime"}
    verify: {zh: "原因已记录", en: "the reason is on record"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "把 kubelet 的 cgroupDriver 改为与运行时相同，再重启", en: "set cgroupDriver of the kubelet to that of the runtime, and restart it"}
    place: node
    risk: change
    command: |
      vi /var/lib/kubelet/config.yaml
      systemctl restart kubelet
    verify: {zh: "kubelet 保持运行，节点 {{ node }} 恢复 Ready", en: "the kubelet keeps running and node {{ node }} is Ready"}
    rollback: {zh: "事先 `cp` 一份 config.yaml，改回后再重启", en: "keep a copy of config.yaml with `cp`, put it back and restart"}
prevention:
  - kind: prevent
    text: {zh: "在节点镜像中统一使用 systemd 驱动", en: "use the systemd driver everywhere in the node image"}
    acceptance: {zh: "新节点的两处设置一致", en: "both settings of a new node agree"}
sources: ["kubernetes pkg/kubelet/dockershim/docker_service.go: `misconfiguration: kubelet cgroup driver`", "opencontainers/runc libcontainer/specconv"]
versions: "Kubernetes 1.6 to 1.36"
examples:
  - name: "dockershim refuses"
    files:
      kubelet.log: |
        Mar 22 09:11:30 n6 kubelet[4]: F0322 09:11:30.1 4 server.go:1] failed to run Kubelet: misconfiguration: kubelet cgroup driver: "systemd" is different from docker cgroup driver: "cgroupfs"
    fires: [{kind: "Node", name: "n6", node: "n6"}]
  - name: "both configurations, no log"
    files:
      "nodes.txt": |
        NAME   STATUS     ROLES    AGE   VERSION
        n1     NotReady   <none>   90d   v1.27.4
        n2     NotReady   <none>   90d   v1.27.4
      "n1/var/lib/kubelet/config.yaml": |
        apiVersion: kubelet.config.k8s.io/v1beta1
        kind: KubeletConfiguration
        cgroupDriver: systemd
      "n1/etc/containerd/config.toml": |
        version = 2
        [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
          SystemdCgroup = false
      "n2/var/lib/kubelet/config.yaml": |
        apiVersion: kubelet.config.k8s.io/v1beta1
        kind: KubeletConfiguration
        cgroupDriver: systemd
      "n2/etc/containerd/config.toml": |
        version = 2
        [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
          SystemdCgroup = true
    fires: [{kind: "Node", name: "n1", node: "n1"}]
  - name: "another configuration, on a node that takes the driver from the CRI"
    files:
      "n1/kubelet.log": |
        I0322 09:11:30.1 4 server.go:1] "Using cgroup driver setting received from the CRI runtime" cgroupDriver="systemd"
      "nodes.txt": |
        NAME   STATUS     ROLES    AGE   VERSION
        n1     NotReady   <none>   90d   v1.34.1
      "n1/var/lib/kubelet/config.yaml": |
        apiVersion: kubelet.config.k8s.io/v1beta1
        kind: KubeletConfiguration
        cgroupDriver: cgroupfs
      "n1/etc/containerd/config.toml": |
        version = 2
        [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
          SystemdCgroup = true
  - name: "it agrees"
    files:
      kubelet.log: |
        Mar 22 09:11:30 n6 kubelet[4]: I0322 09:11:30.1 4 server.go:1] "Using cgroup driver setting received from the CRI runtime" cgroupDriver="systemd"
"##;

/// The signature of a kubelet that asks the runtime for its driver.
const FROM_RUNTIME: &str = "from-runtime";

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    // Such a kubelet does not heed its own setting.
    let heeds_runtime: BTreeSet<String> = own_hits(input, rule)
        .into_iter()
        .filter(|hit| hit.signature.ends_with(&format!("/{FROM_RUNTIME}")))
        .filter_map(|hit| node_of(snapshot, hit))
        .collect();
    let mut complaints = rule.clone();
    complaints.text.retain(|spec| spec.id != FROM_RUNTIME);
    let told = by_node(input, &complaints, 1, Confidence::Confirmed);
    let all = machines(snapshot);
    let machines = all.iter().filter(|machine| !heeds_runtime.contains(&machine.node));
    let by_files = machines.filter_map(|machine| differs(snapshot, rule, machine));
    joined(told, by_files.collect())
}

/// The drivers as both are configured. What is not written is not known: defaults differ from version to version.
fn differs(snapshot: &Snapshot, rule: &RuleHeader, machine: &Machine<'_>) -> Option<Finding> {
    let (kubelet, of_kubelet) = driver_of_kubelet(machine)?;
    let (runtime, of_runtime) = driver_of_runtime(machine)?;
    (kubelet != runtime).then(|| shown(snapshot, rule, machine, vec![of_kubelet, of_runtime]))?
}

fn driver_of_kubelet<'s>(machine: &Machine<'s>) -> Option<(&'s str, Citation)> {
    let tools = &machine.host.tools;
    let by_file = || {
        let mut configs = tools.configs.iter().filter(|config| {
            config.containing("KubeletConfiguration").is_some() || config.containing("kubeletconfig").is_some()
        });
        configs.find_map(|config| config.setting("cgroupDriver"))
    };
    // A flag goes before the file (kubernetes cmd/kubelet/app/server.go).
    tools.argument("kubelet", "--cgroup-driver").or_else(by_file)
}

/// `systemd` or `cgroupfs`, where all of containerd's runtimes agree, or Docker says so.
fn driver_of_runtime<'s>(machine: &Machine<'s>) -> Option<(&'s str, Citation)> {
    let configs = machine.host.tools.configs.iter();
    let mut found: Vec<(&str, Citation)> = configs
        .filter(|config| config.containing("io.containerd.").is_some())
        .flat_map(|config| config.settings("SystemdCgroup"))
        .map(|(value, cite)| (if value == "true" { "systemd" } else { "cgroupfs" }, cite))
        .collect();
    found.dedup_by(|(a, _), (b, _)| a == b);
    match found.as_slice() {
        [] => machine.value("docker.cgroup-driver"),
        [_] => found.pop(),
        _ => None,
    }
}

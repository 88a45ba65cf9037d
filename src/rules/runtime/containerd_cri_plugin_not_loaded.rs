//! containerd runs without its CRI plugin.

use crate::bundle::decode::Config;
use crate::cluster::Snapshot;
use crate::model::{Citation, Confidence};
use crate::rules::toolbox::hosts::{Machine, machines};
use crate::rules::toolbox::nodes::by_node;
use crate::rules::toolbox::states::{joined, shown};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: containerd-cri-plugin-not-loaded
role: cause
level: critical
needs: [containerd-log|kubelet-log|system-log]
text:
  - id: plugin
    pattern: "failed to load plugin \\\\?\"?io\\.containerd\\.(?:grpc\\.v1\\.cri|cri\\.v1\\.[a-z]+)\\\\?\"?[^\\n]{0,20} error=\"(?P<why>[^\\n]{1,200}?)\"(?: |$|\\n)"
    unless: "skip plugin"
  - id: service
    pattern: "code = Unimplemented desc = unknown service runtime\\.v1(?:alpha2)?\\.RuntimeService"
check:
  zh: "containerd 的 CRI 插件是否已加载"
  en: "whether containerd's CRI plugin is loaded"
title:
  zh: "节点 {{ node }} 的 containerd 没有加载 CRI 插件{% if why is defined %}：{{ why }}{% endif %}"
  en: "containerd of node {{ node }} runs without its CRI plugin{% if why is defined %}: {{ why }}{% endif %}"
cause:
  zh: "containerd 进程在运行，但 CRI 插件加载失败{% if why is defined %}（{{ why }}）{% endif %}，kubelet 的每次调用都得到 Unimplemented：{{ line }}"
  en: "containerd runs, but its CRI plugin did not load{% if why is defined %} ({{ why }}){% endif %}, so every call of the kubelet is answered Unimplemented: {{ line }}"
causes:
  - rule: node-notready
    ground: node
    mechanism: {zh: "节点因此不再就绪", en: "the node is not ready for it"}
  - rule: container-runtime-down
    ground: node
    mechanism: {zh: "CRI 服务不存在", en: "there is no CRI service"}
  - rule: kubelet-not-running
    ground: node
    mechanism: {zh: "kubelet 启动时校验 CRI 失败", en: "the kubelet fails to validate the CRI as it starts"}
  - rule: sandbox-creation-failure
    ground: node
    mechanism: {zh: "无法创建沙箱", en: "no sandbox can be created"}
  - rule: node-workloads-unstartable
    ground: node
    mechanism: {zh: "节点上不能再启动 Pod", en: "the node cannot start pods"}
benign:
  - {zh: "aufs、zfs、devmapper 等 skip plugin 是正常的", en: "`skip plugin` for aufs, zfs, devmapper is normal"}
  - {zh: "systemctl 显示 active (running) 并不说明 CRI 可用", en: "systemctl showing active (running) does not mean that the CRI works"}
remedy:
  - purpose: {zh: "查看现状", en: "look at the present state"}
    place: node
    risk: read-only
    command: "crictl info"
    expect: {zh: "unknown service runtime.v1.RuntimeService", en: "unknown service runtime.v1.RuntimeService"}
    verify: {zh: "原因已记录", en: "the reason is on record"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "查看现状", en: "look at the present state"}
    place: node
    risk: read-only
    command: "grep -nE \"disabled_plugins|config_path|mirrors\" /etc/containerd/config.toml"
    expect: {zh: "disabled_plugins 含 cri，或 config_path 与 mirrors 同时存在", en: "disabled_plugins holds cri, or config_path stands beside mirrors"}
    verify: {zh: "原因已记录", en: "the reason is on record"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "改正 /etc/containerd/config.toml 后重启", en: "restart after /etc/containerd/config.toml is corrected"}
    place: node
    risk: change
    command: "systemctl restart containerd"
    verify: {zh: "`crictl info` 返回 JSON", en: "`crictl info` prints JSON"}
    rollback: {zh: "恢复备份的 config.toml 并重启", en: "restore the saved config.toml and restart"}
prevention:
  - kind: prevent
    text: {zh: "变更 containerd 配置后在同一步骤中运行 crictl info", en: "run crictl info in the step that changes the configuration of containerd"}
    acceptance: {zh: "错误的配置使该步骤失败", en: "a wrong configuration fails the step"}
sources: ["containerd pkg/cri/config: `mirrors` cannot be set when `config_path` is provided", "github.com/containerd/containerd issues 4581, 7844"]
versions: "containerd 1.3 to 2.1"
examples:
  - name: "two settings that exclude each other"
    files:
      containerd.log: |
        Mar 22 09:11:30 n6 containerd[40112]: time="2024-03-22T09:11:30.471934017+01:00" level=warning msg="failed to load plugin io.containerd.grpc.v1.cri" error="invalid plugin config: `mirrors` cannot be set when `config_path` is provided"
        Mar 22 09:11:30 n6 systemd[1]: Started containerd container runtime.
    fires: [{kind: "Node", name: "n6", node: "n6"}]
  - name: "the configuration of a node that uses containerd turns it off"
    files:
      "nodes.json": '{"kind": "NodeList", "apiVersion": "v1", "items": [{"metadata": {"name": "n1"}, "status": {"nodeInfo": {"containerRuntimeVersion": "containerd://1.7.2"}, "conditions": [{"type": "Ready", "status": "Unknown"}]}}, {"metadata": {"name": "n2"}, "status": {"nodeInfo": {"containerRuntimeVersion": "containerd://1.7.2"}, "conditions": [{"type": "Ready", "status": "True"}]}}]}'
      "n1/etc/containerd/config.toml": |
        #   Copyright 2018-2022 Docker Inc.
        disabled_plugins = ["cri"]
      "n2/etc/containerd/config.toml": |
        version = 2
        disabled_plugins = []
    fires: [{kind: "Node", name: "n1", node: "n1"}]
  - name: "the packaged configuration, on a node that uses Docker"
    files:
      "nodes.json": '{"kind": "NodeList", "apiVersion": "v1", "items": [{"metadata": {"name": "n1"}, "status": {"nodeInfo": {"containerRuntimeVersion": "docker://24.0.7"}, "conditions": [{"type": "Ready", "status": "Unknown"}]}}]}'
      "n1/etc/containerd/config.toml": |
        disabled_plugins = ["cri"]
  - name: "mirrors beside config_path"
    files:
      "nodes.json": '{"kind": "NodeList", "apiVersion": "v1", "items": [{"metadata": {"name": "n1"}, "status": {"nodeInfo": {"containerRuntimeVersion": "containerd://1.7.2"}, "conditions": [{"type": "Ready", "status": "Unknown"}]}}]}'
      "n1/etc/containerd/config.toml": |
        version = 2
        [plugins."io.containerd.grpc.v1.cri".registry]
          config_path = "/etc/containerd/certs.d"
          [plugins."io.containerd.grpc.v1.cri".registry.mirrors."docker.io"]
            endpoint = ["https://mirror.example"]
    fires: [{kind: "Node", name: "n1", node: "n1"}]
  - name: "snapshotters that are skipped"
    files:
      containerd.log: |
        Mar 22 09:11:30 n6 containerd[40112]: time="2024-03-22T09:11:30.437701334+01:00" level=info msg="skip loading plugin \"io.containerd.snapshotter.v1.aufs\"..." error="aufs is not supported: skip plugin" type=io.containerd.snapshotter.v1
        Mar 22 09:11:30 n6 systemd[1]: Started containerd container runtime.
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let told = by_node(input, rule, 1, Confidence::Confirmed);
    let machines = machines(input.snapshot);
    let by_files = machines
        .iter()
        .filter_map(|machine| by_file(input.snapshot, rule, machine));
    joined(told, by_files.collect())
}

fn by_file(snapshot: &Snapshot, rule: &RuleHeader, machine: &Machine<'_>) -> Option<Finding> {
    if !uses_containerd(snapshot, machine) {
        return None;
    }
    let cites = machine
        .host
        .tools
        .configs_at("containerd/config.toml")
        .find_map(|config| turned_off(config).or_else(|| excluded(config)))?;
    shown(snapshot, rule, machine, cites)
}

/// The packages of Docker turn the plugin off, which is right where the kubelet talks to Docker.
fn uses_containerd(snapshot: &Snapshot, machine: &Machine<'_>) -> bool {
    let node = snapshot.object("Node", "", &machine.node);
    let runtime = node.map_or("", |node| node.text("/status/nodeInfo/containerRuntimeVersion"));
    let endpoint = machine.host.tools.argument("kubelet", "--container-runtime-endpoint");
    runtime.starts_with("containerd://") || endpoint.is_some_and(|(endpoint, _)| endpoint.contains("containerd.sock"))
}

/// `disabled_plugins = ["cri"]`, on one line or on several.
fn turned_off(config: &Config) -> Option<Vec<Citation>> {
    const NAMES: [&str; 3] = [
        "\"cri\"",
        "\"io.containerd.grpc.v1.cri\"",
        "\"io.containerd.cri.v1.runtime\"",
    ];
    let (_, first) = config.setting("disabled_plugins")?;
    let from = config
        .lines
        .iter()
        .position(|(_, line)| line.trim_start().starts_with("disabled_plugins"))?;
    let mut list = config.lines.iter().skip(from).map(|(_, line)| line.as_str());
    let mut is_open = true;
    let is_listed = list.any(|line| {
        let was_open = is_open;
        is_open &= !line.contains(']');
        let code = line.split('#').next().unwrap_or("");
        was_open && NAMES.iter().any(|name| code.contains(name))
    });
    is_listed.then(|| vec![first])
}

/// `mirrors` and `config_path` exclude each other (containerd `pkg/cri/config`, ValidatePluginConfig).
fn excluded(config: &Config) -> Option<Vec<Citation>> {
    let (_, path) = config.settings("config_path").find(|(path, _)| !path.is_empty())?;
    let mirrors = config.containing(".registry.mirrors.")?;
    Some(vec![path, mirrors])
}

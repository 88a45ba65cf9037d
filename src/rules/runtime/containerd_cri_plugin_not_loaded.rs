//! containerd runs without its CRI plugin.

use crate::model::Confidence;
use crate::rules::toolbox::nodes::by_node;
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
  - name: "snapshotters that are skipped"
    files:
      containerd.log: |
        Mar 22 09:11:30 n6 containerd[40112]: time="2024-03-22T09:11:30.437701334+01:00" level=info msg="skip loading plugin \"io.containerd.snapshotter.v1.aufs\"..." error="aufs is not supported: skip plugin" type=io.containerd.snapshotter.v1
        Mar 22 09:11:30 n6 systemd[1]: Started containerd container runtime.
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    by_node(input, rule, 1, Confidence::Confirmed)
}

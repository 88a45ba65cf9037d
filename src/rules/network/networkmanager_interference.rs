//! NetworkManager takes hold of the interfaces or routes of the CNI.

use crate::model::{Confidence, Subject};
use crate::rules::toolbox::hosts::{Suffering, is_up, machines, network_suffering};
use crate::rules::toolbox::nodes::{by_node, touch_failing_pods};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: networkmanager-interference
role: factor
level: warning
needs: [systemd-units|system-log]
text:
  - id: device
    in: [system]
    pattern: 'NetworkManager\[\d+\][^\n]*device \((?P<device>(?:cali|flannel|cilium_|vxlan\.calico|tunl)[\w.-]{0,15})\): state change: [\w-]+ -> (?P<state>prepare|config|ip-config|ip-check|activated|disconnected|failed)'
check:
  zh: NetworkManager 是否接管了 CNI 的网卡
  en: whether NetworkManager takes hold of the CNI's interfaces
title:
  zh: "节点 {{ node }} 上 {% if device is defined %}NetworkManager 接管了 CNI 的网卡 {{ device }}{% else %}{{ unit }} 在运行，它会改写 CNI 的路由{% endif %}"
  en: "on node {{ node }} {% if device is defined %}NetworkManager takes hold of {{ device }}, an interface of the CNI{% else %}{{ unit }} is active, which rewrites routes of the CNI{% endif %}"
cause:
  zh: "{% if device is defined %}没有配置 unmanaged-devices 时，NetworkManager 会给 CNI 创建的网卡配置地址或删除路由。{% else %}nm-cloud-setup 按云厂商的元数据设置路由与策略规则，会使 Pod 的路由失效。{% endif %}"
  en: "{% if device is defined %}without unmanaged-devices NetworkManager configures the interfaces that the CNI makes, or removes their routes.{% else %}nm-cloud-setup sets routes and policies by the cloud's metadata, and routes of pods stop working.{% endif %}"
causes:
  - rule: cross-node-pod-network-broken
    ground: node
    mechanism: {zh: "CNI 的路由被删除", en: "routes of the CNI are removed"}
  - rule: node-default-route-missing
    ground: node
    mechanism: {zh: "路由被改写", en: "routes are rewritten"}
  - rule: route-missing
    ground: node
    mechanism: {zh: "CNI 的路由被删除", en: "routes of the CNI are removed"}
benign:
  - {zh: "网卡进入 unmanaged 状态：配置生效", en: "an interface that becomes unmanaged: the configuration works"}
  - {zh: "NetworkManager 只管理物理网卡", en: "NetworkManager that manages real cards only"}
remedy:
  - purpose: {zh: "查看谁在管理 CNI 的网卡", en: "see who manages the CNI's interfaces"}
    place: node
    risk: read-only
    command: |
      nmcli device status
      systemctl is-enabled nm-cloud-setup.service nm-cloud-setup.timer
    expect: {zh: "cali、flannel 网卡的状态不是 unmanaged", en: "interfaces cali or flannel that are not unmanaged"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "让 NetworkManager 不管理 CNI 的网卡，并停用 nm-cloud-setup", en: "keep NetworkManager off the CNI's interfaces, and disable nm-cloud-setup"}
    place: node
    risk: change
    command: |
      printf '[keyfile]\nunmanaged-devices=interface-name:flannel*;interface-name:cali*;interface-name:tunl*;interface-name:vxlan.calico;interface-name:cilium*\n' > /etc/NetworkManager/conf.d/cni.conf
      systemctl disable --now nm-cloud-setup.service nm-cloud-setup.timer
      systemctl reload NetworkManager
    expect: {zh: "没有输出", en: "no output"}
    verify: {zh: "nmcli device status 中这些网卡为 unmanaged；重启节点后 Pod 互通", en: "nmcli device status says unmanaged for them; after a restart of the node pods reach each other"}
    rollback: {zh: "删除 /etc/NetworkManager/conf.d/cni.conf 并重新加载", en: "remove /etc/NetworkManager/conf.d/cni.conf and reload"}
prevention:
  - kind: prevent
    text: {zh: "在节点镜像中预置该配置", en: "ship this configuration with the node's image"}
    acceptance: {zh: "新节点上 CNI 的网卡都是 unmanaged", en: "interfaces of the CNI are unmanaged on a new node"}
sources: ["docs.rke2.io/known_issues: NetworkManager", "nm-cloud-setup(8); NetworkManager.conf(5): unmanaged-devices"]
versions: "NetworkManager 1.20 and newer"
examples:
  - name: "nm-cloud-setup runs on a node that suffers"
    files:
      "nodes.txt": |
        NAME   STATUS     ROLES    AGE   VERSION
        n1     NotReady   <none>   90d   v1.28.4
      "n1/hostname": "n1\n"
      "n1/units.txt": |
        UNIT                      LOAD   ACTIVE   SUB     DESCRIPTION
        NetworkManager.service    loaded active   running Network Manager
        nm-cloud-setup.timer      loaded active   waiting Automatically configure NetworkManager in cloud
    fires: [{kind: "Node", name: "n1", node: "n1"}]
  - name: "NetworkManager alone"
    files:
      "nodes.txt": |
        NAME   STATUS     ROLES    AGE   VERSION
        n1     NotReady   <none>   90d   v1.28.4
      "n1/hostname": "n1\n"
      "n1/units.txt": |
        UNIT                      LOAD   ACTIVE   SUB     DESCRIPTION
        NetworkManager.service    loaded active   running Network Manager
"##;

/// What changes routes by the metadata of a cloud.
const UNITS: [&str; 2] = ["nm-cloud-setup.timer", "nm-cloud-setup.service"];

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings = by_node(input, rule, 1, Confidence::Probable);
    findings.retain(|finding| network_suffering(snapshot, &finding.subject.name) != Suffering::No);
    for machine in machines(snapshot) {
        let unit = UNITS
            .iter()
            .filter_map(|name| machine.host.tools.units.iter().find(|unit| unit.name == *name))
            .find(|unit| is_up(unit));
        let is_known = findings.iter().any(|known| known.subject.name == machine.node);
        if let (Some(unit), false) = (unit, is_known)
            && network_suffering(snapshot, &machine.node) == Suffering::Yes
        {
            let mut finding = Finding::new(rule, Subject::node(&machine.node), Confidence::Probable)
                .cite(unit.cite.clone())
                .fact("node", machine.node.clone())
                .fact("unit", unit.name.clone());
            touch_failing_pods(snapshot, &machine.node, &mut finding);
            findings.push(finding);
        }
    }
    findings
}

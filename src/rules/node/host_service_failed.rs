//! A service or a mount of the machine itself failed, on which a node may depend.

use crate::cluster::Hit;
use crate::model::{Confidence, Subject};
use crate::rules::toolbox::hosts::{Suffering, machines, state_of, suffering};
use crate::rules::toolbox::nodes::{hits_by_node, on_node, touch_pods};
use crate::rules::{Finding, Input, RuleHeader};

/// Services that the network, the storage, the time or the load balancing of a node depend on; runtimes and kubelets have rules of their own.
const SERVICES: [&str; 26] = [
    "keepalived",
    "haproxy",
    "nginx",
    "kube-vip",
    "etcd",
    "flanneld",
    "frr",
    "bird",
    "openvswitch",
    "ovs-vswitchd",
    "ovsdb-server",
    "NetworkManager",
    "systemd-networkd",
    "systemd-resolved",
    "dnsmasq",
    "networking",
    "iscsid",
    "open-iscsi",
    "multipathd",
    "rpcbind",
    "nfs-server",
    "rpc-statd",
    "glusterd",
    "drbd",
    "mdmonitor",
    "cri-docker",
];

pub(in crate::rules) const RULE: &str = r##"
id: host-service-failed
role: cause
level: warning
needs: [system-log|systemd-units]
text:
  - id: service
    pattern: '(?P<unit>[A-Za-z0-9_.@-]{1,60}\.service): (?P<problem>Main process exited, code=(?:exited, status=[1-9][0-9]{0,2}(?:/[A-Z_]{1,20})?|killed|dumped)|Failed with result .{1,30}|Start request repeated too quickly)'
  - id: mount
    pattern: '(?P<unit>[A-Za-z0-9_.@\\-]{1,80}\.mount): (?P<problem>Mount process exited, code=exited, status=[1-9][0-9]{0,2}(?:/[A-Z_a-z]{1,20})?|Failed with result .{1,30})'
check: {zh: "机器上节点所依赖的服务与挂载是否失败", en: "whether services and mounts of the machine, on which its node depends, have failed"}
title:
  zh: "节点 {{ node }} 上的 {{ unit }} 失败（{{ problem }}）"
  en: "{{ unit }} of node {{ node }} has failed ({{ problem }})"
cause:
  zh: "systemd 记录 {{ unit }}：{{ problem }}{% if line %}（{{ line }}）{% endif %}。节点的网络、存储或负载均衡可能因此中断；它为何失败，见它自己的日志。"
  en: "systemd has {{ unit }}: {{ problem }}{% if line %} ({{ line }}){% endif %}. The node's network, storage or load balancing may be cut off by it; its own log says what it failed over."
questions:
  - {zh: "{{ unit }} 失败前改变了什么（配置、升级、网卡名、磁盘）？", en: "what changed before {{ unit }} failed (configuration, upgrade, names of interfaces, disks)?"}
causes:
  - {rule: node-notready, ground: node, mechanism: {zh: "节点因此不再就绪", en: "the node is not ready for it"}}
  - {rule: node-unreachable, ground: node, mechanism: {zh: "节点因此连不上 API 服务器", en: "the node does not reach the API server for it"}}
  - {rule: kubelet-not-running, ground: node, mechanism: {zh: "kubelet 依赖它", en: "the kubelet depends on it"}}
  - {rule: pod-pending, ground: node, mechanism: {zh: "该节点上的 Pod 因此不能启动", en: "pods of the node do not start for it"}}
  - {rule: workload-unavailable, ground: node, mechanism: {zh: "该节点上的 Pod 因此不能就绪", en: "pods of the node do not get ready for it"}}
benign:
  - {zh: "节点与其上的 Pod 都正常时不算", en: "where the node and its pods are well it does not count"}
remedy:
  - purpose: {zh: "查看它的状态与失败前的日志", en: "see its state and its log before it failed"}
    place: node
    risk: read-only
    command: |
      systemctl status {{ unit }} --no-pager -l
      journalctl -u {{ unit }} -n 100 --no-pager
    expect: {zh: "失败的原因", en: "what it failed over"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "排除原因之后重新启动它", en: "start it again once the reason is mended"}
    place: node
    risk: change
    precheck: {zh: "原因已经找到；若是挂载，先确认设备存在且文件系统正常", en: "the reason is known; of a mount, its device is there and its file system is sound"}
    command: "systemctl restart {{ unit }}"
    expect: {zh: "没有输出", en: "no output"}
    verify: {zh: "`systemctl is-active {{ unit }}` 显示 active，节点恢复 Ready", en: "`systemctl is-active {{ unit }}` says active, and the node is Ready"}
    rollback: {zh: "`systemctl stop {{ unit }}`", en: "`systemctl stop {{ unit }}`"}
prevention:
  - kind: detect
    text: {zh: "对节点上失败的 systemd 单元告警（node_systemd_unit_state）", en: "alert on failed units of nodes (node_systemd_unit_state)"}
    acceptance: {zh: "在测试节点让一个单元失败，5 分钟内收到告警", en: "a unit that fails on a test node raises the alert within 5 minutes"}
sources: ["systemd src/core/unit.c and service.c: `Main process exited, code=%s, status=%i/%s`, `Failed with result '%s'`; src/core/mount.c: `Mount process exited`"]
versions: systemd 219 to 257
examples:
  - name: a load balancer that does not start, and a node that is not ready
    files:
      nodes.txt: |
        NAME   STATUS     ROLES           AGE   VERSION
        cp1    Ready      control-plane   90d   v1.30.4
        w1     NotReady   <none>          90d   v1.30.4
      w1-journal.txt: |
        Mar 29 04:01:27 w1 systemd[1]: haproxy.service: Main process exited, code=exited, status=1/FAILURE
        Mar 29 04:01:27 w1 systemd[1]: haproxy.service: Failed with result 'exit-code'.
    fires: [{kind: Node, name: w1, node: w1}]
  - name: the same on a node that is well
    files:
      nodes.txt: |
        NAME   STATUS   ROLES           AGE   VERSION
        cp1    Ready    control-plane   90d   v1.30.4
        w1     Ready    <none>          90d   v1.30.4
      w1-journal.txt: |
        Mar 29 04:01:27 w1 systemd[1]: haproxy.service: Main process exited, code=exited, status=1/FAILURE
        Mar 29 04:01:27 w1 systemd[1]: haproxy.service: Failed with result 'exit-code'.
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    // What a node does without may fail: only what is listed counts.
    let counts = |hit: &Hit, node: &str| {
        let unit = hit.captures.get("unit").is_some_and(|unit| is_of_node(unit));
        unit && suffering(snapshot, node) == Suffering::Yes
    };
    let mut findings: Vec<Finding> = hits_by_node(input, rule, 1, counts)
        .into_iter()
        .map(|(node, hits)| on_node(input, rule, &node, &hits, Confidence::Probable))
        .collect();
    for machine in machines(snapshot) {
        if suffering(snapshot, &machine.node) != Suffering::Yes {
            continue;
        }
        let units = machine.host.tools.units.iter();
        let failed = units.filter(|unit| unit.active == "failed" && is_of_node(&unit.name));
        for unit in failed {
            if let Some(known) = findings.iter_mut().find(|finding| finding.subject.name == machine.node) {
                known.add_cite(unit.cite.clone());
                continue;
            }
            let mut finding = Finding::new(rule, Subject::node(&machine.node), Confidence::Probable)
                .cite(unit.cite.clone())
                .fact("node", machine.node.clone())
                .fact("unit", unit.name.clone())
                .fact("problem", state_of(unit))
                .fact("line", "");
            touch_pods(snapshot, &machine.node, &mut finding);
            findings.push(finding);
        }
    }
    findings
}

/// True for what a node may depend on, by the unit's name.
fn is_of_node(unit: &str) -> bool {
    let service = unit.strip_suffix(".service");
    service.is_some_and(|name| SERVICES.contains(&name)) || unit.ends_with(".mount")
}

//! A taint keeps the pod of a daemon off a node that needs it.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::bundle::decode::Form;
use crate::cluster::{Object, Snapshot};
use crate::model::{Citation, Confidence, Subject};
use crate::rules::toolbox::calls::{is_out_of_reach, of_clients};
use crate::rules::toolbox::complaints::complaints;
use crate::rules::toolbox::hosts::{Suffering, network_suffering};
use crate::rules::toolbox::names::name_complaints;
use crate::rules::toolbox::nodes::{condition, status_of, touch_pods};
use crate::rules::toolbox::selectors::accepted_nodes;
use crate::rules::{Finding, Input, RuleHeader, Touch};

pub(in crate::rules) const RULE: &str = r##"
id: daemonset-kept-off-node
role: cause
level: critical
needs: [daemonsets, nodes, pods]
meets: [{kinds: [Node], least: 2}]
check:
  zh: 每个节点都需要的 DaemonSet 是否被污点挡住
  en: whether taints keep daemons that every node needs off a node
title:
  zh: "污点 {{ taint }} 把 DaemonSet {{ subject.namespace }}/{{ subject.name }} 挡在节点 {{ nodes|join('、') }} 之外（期望 {{ desired }} 个，集群有 {{ all }} 个节点）"
  en: "taint {{ taint }} keeps DaemonSet {{ subject.namespace }}/{{ subject.name }} off {{ nodes|join(', ') }} (it wants {{ desired|pods }}, and there are {{ all|nodes }})"
cause:
  zh: "DaemonSet 的 Pod 模板没有容忍污点 {{ taint }}，控制器不会为 {{ nodes|join('、') }} 创建 Pod，也不算缺副本；而这些节点上的 Pod 依赖它（网络、kube-proxy、存储驱动、本地 DNS，或节点端口上的代理）。"
  en: "the pod template of the DaemonSet does not tolerate {{ taint }}, so the controller makes no pod for {{ nodes|join(', ') }} and counts none as missing; yet pods there depend on it (network, kube-proxy, storage driver, local DNS, or an agent on a port of the node)."
causes:
  - rule: cni-agent-unhealthy
    ground: node
    mechanism: {zh: "节点上没有 CNI 的守护进程", en: "the node has no agent of the CNI"}
  - rule: kube-proxy-down
    ground: node
    mechanism: {zh: "节点上没有 kube-proxy", en: "the node has no kube-proxy"}
  - rule: cni-not-ready
    ground: node
    mechanism: {zh: "没有守护进程写入 CNI 配置", en: "no agent writes the CNI configuration"}
  - rule: csi-driver-not-registered
    ground: node
    mechanism: {zh: "节点上没有存储驱动的 Pod", en: "the node has no pod of the storage driver"}
  - rule: failedmount-timeout
    ground: node
    mechanism: {zh: "节点上没有存储驱动，卷不能挂载", en: "without the storage driver volumes cannot be mounted"}
  - rule: nodelocaldns-unhealthy
    ground: node
    mechanism: {zh: "节点上没有本地 DNS 缓存", en: "the node has no local cache of names"}
  - rule: dns-resolution-failure
    ground: node
    mechanism: {zh: "节点上没有处理 Service 流量的守护进程", en: "the node has no daemon that handles traffic to Services"}
  - rule: sandbox-creation-failure
    ground: node
    mechanism: {zh: "节点上没有 CNI，沙箱无法创建", en: "without the CNI no sandbox can be made"}
  - rule: app-upstream-refused
    ground: workload
    mechanism: {zh: "节点端口上没有人监听", en: "nothing listens on that port of the node"}
  - rule: app-database-unreachable
    ground: workload
    mechanism: {zh: "节点端口上没有人监听", en: "nothing listens on that port of the node"}
  - rule: peer-unresponsive
    ground: workload
    mechanism: {zh: "节点端口上没有人监听", en: "nothing listens on that port of the node"}
benign:
  - {zh: "专用节点有意不运行它（虚拟节点、Windows 节点）", en: "a node that does without on purpose (virtual nodes, Windows)"}
  - {zh: "node.kubernetes.io/ 开头的状况污点由控制器自动容忍", en: "taints of conditions, node.kubernetes.io/…, are tolerated by themselves"}
remedy:
  - purpose: {zh: "比较污点与容忍", en: "compare taints with tolerations"}
    place: cluster
    risk: read-only
    command: |
      kubectl get nodes -o custom-columns=NAME:.metadata.name,TAINTS:.spec.taints
      kubectl -n {{ subject.namespace }} get daemonset {{ subject.name }} -o jsonpath='{.spec.template.spec.tolerations}'
    expect: {zh: "{{ taint }} 不在容忍列表中", en: "{{ taint }} is not tolerated"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "让守护进程容忍所有污点（或删除误加的污点）", en: "let the daemon tolerate every taint (or remove the taint if it is a mistake)"}
    place: cluster
    risk: change
    command: >-
      kubectl -n {{ subject.namespace }} patch daemonset {{ subject.name }} --type=json -p '[{"op":"add","path":"/spec/template/spec/tolerations/-","value":{"operator":"Exists"}}]'
    expect: {zh: "patched", en: "patched"}
    verify: {zh: "期望数等于节点数，节点上的 Pod 恢复", en: "it wants as many pods as there are nodes, and pods of the node recover"}
    rollback: {zh: "`kubectl -n {{ subject.namespace }} rollout undo daemonset {{ subject.name }}`", en: "`kubectl -n {{ subject.namespace }} rollout undo daemonset {{ subject.name }}`"}
prevention:
  - kind: detect
    text: {zh: "对系统 DaemonSet 的期望数小于节点数告警", en: "alert when a system DaemonSet wants fewer pods than there are nodes"}
    acceptance: {zh: "给测试节点加污点后收到告警", en: "tainting a test node raises the alert"}
sources:
  - "kubernetes pkg/controller/daemon/daemon_controller.go: NodeShouldRunDaemonPod; pkg/controller/daemon/util: AddOrUpdateDaemonPodTolerations"
versions: "Kubernetes 1.12 to 1.36"
examples:
  - name: "the network's agent does not tolerate it"
    files:
      "all.json": '{"kind":"List","apiVersion":"v1","items":[{"kind":"Node","apiVersion":"v1","metadata":{"name":"n1"},"status":{"conditions":[{"type":"Ready","status":"True"}]}},{"kind":"Node","apiVersion":"v1","metadata":{"name":"gpu"},"spec":{"taints":[{"key":"nvidia.com/gpu","value":"present","effect":"NoSchedule"}]},"status":{"conditions":[{"type":"Ready","status":"False"}]}},{"kind":"DaemonSet","apiVersion":"apps/v1","metadata":{"name":"calico-node","namespace":"kube-system","uid":"d"},"spec":{"template":{"spec":{"tolerations":[{"key":"node-role.kubernetes.io/control-plane","operator":"Exists"}],"containers":[{"name":"c"}]}}},"status":{"desiredNumberScheduled":1,"numberReady":1}},{"kind":"Pod","apiVersion":"v1","metadata":{"name":"calico-node-x7x2k","namespace":"kube-system","ownerReferences":[{"kind":"DaemonSet","name":"calico-node","uid":"d","controller":true}]},"spec":{"nodeName":"n1","containers":[{"name":"c"}]},"status":{"phase":"Running","containerStatuses":[{"name":"c","ready":true,"restartCount":0,"state":{"running":{}}}]}}]}'
    fires: [{kind: "DaemonSet", namespace: "kube-system", name: "calico-node"}]
  - name: "it tolerates everything"
    files:
      "all.json": '{"kind":"List","apiVersion":"v1","items":[{"kind":"Node","apiVersion":"v1","metadata":{"name":"n1"},"status":{"conditions":[{"type":"Ready","status":"True"}]}},{"kind":"Node","apiVersion":"v1","metadata":{"name":"gpu"},"spec":{"taints":[{"key":"nvidia.com/gpu","value":"present","effect":"NoSchedule"}]},"status":{"conditions":[{"type":"Ready","status":"False"}]}},{"kind":"DaemonSet","apiVersion":"apps/v1","metadata":{"name":"calico-node","namespace":"kube-system","uid":"d"},"spec":{"template":{"spec":{"tolerations":[{"operator":"Exists"}],"containers":[{"name":"c"}]}}},"status":{"desiredNumberScheduled":1,"numberReady":1}}]}'
"##;

/// Parts of the names of daemons that give a node its network, one of which it needs.
const NETWORKS: [&str; 10] = [
    "calico-node",
    "canal",
    "kube-flannel",
    "cilium",
    "weave-net",
    "kube-router",
    "antrea-agent",
    "aws-node",
    "kube-ovn-cni",
    "kube-proxy",
];
/// Those of storage drivers, without which volumes are not mounted.
const DRIVERS: [&str; 6] = [
    "csi-node",
    "csi-nfs-node",
    "csi-plugin",
    "csi-rbdplugin",
    "csi-cephfsplugin",
    "ebs-csi",
];
/// Those of the local cache of names.
const CACHES: [&str; 2] = ["node-local-dns", "nodelocaldns"];

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    snapshot
        .kind("DaemonSet")
        .filter_map(|set| judge(snapshot, rule, set))
        .collect()
}

fn judge(snapshot: &Snapshot, rule: &RuleHeader, set: &Object) -> Option<Finding> {
    // Only a form that shows the pod template shows that it lacks a toleration, and older descriptions leave tolerations out.
    set.get("/spec/template/spec/containers")?;
    let tolerations = set.list("/spec/template/spec/tolerations");
    if set.form != Form::Api && tolerations.is_empty() {
        return None;
    }
    let all = snapshot.kind("Node").count();
    let owner = set.subject();
    let placed: BTreeSet<&str> = snapshot.pods_of(&owner).map(|pod| pod.node()).collect();
    let wanted = set.int("/status/desiredNumberScheduled");
    let desired = wanted.map_or(Some(placed.len()), |wanted| usize::try_from(wanted).ok())?;
    let accepted = accepted_nodes(snapshot, &Subject::default(), &owner);
    let is_accepted = |node: &Object| {
        let ordinary = node.text("/metadata/labels/kubernetes.io~1os") != "windows"
            && node.text("/metadata/labels/type") != "virtual-kubelet";
        let wanted = accepted.as_ref();
        ordinary && wanted.is_none_or(|nodes| nodes.iter().any(|known| known.key == node.key))
    };
    let called = called_in_vain(snapshot, set);
    let said = |node: &Object| called.iter().find(|(name, ..)| *name == node.key.name);
    let kept_off: Vec<(&Object, usize, &Value)> = snapshot
        .kind("Node")
        .filter(|node| !placed.contains(node.key.name.as_str()) && is_accepted(node))
        .filter_map(|node| {
            let mut taints = node.list("/spec/taints").iter().enumerate();
            let (index, taint) = taints.find(|(_, taint)| keeps_off(taint, tolerations))?;
            Some((node, index, taint))
        })
        .filter(|(node, ..)| said(node).is_some() || is_missed(snapshot, set, node))
        .collect();
    let (first, _, taint) = kept_off.first().filter(|_| desired < all)?;
    let mut finding = Finding::new(rule, set.subject(), Confidence::Confirmed)
        .at("spec.template.spec.tolerations")
        .fact("taint", shown(taint))
        .fact(
            "nodes",
            kept_off
                .iter()
                .map(|(node, ..)| node.key.name.clone())
                .collect::<Vec<_>>(),
        )
        .fact("desired", desired)
        .fact("all", all);
    for (node, index, _) in &kept_off {
        finding.add_cite(node.cite_at(&format!("/spec/taints/{index}")));
        finding.touches.extend(Touch::of(&node.subject()));
        finding.add_affected(node.subject());
        for (_, client, cite) in called.iter().filter(|(name, ..)| *name == node.key.name) {
            finding.add_cite(cite.clone());
            finding.touches.extend(Touch::of(client));
            finding.add_affected(client.clone());
        }
    }
    finding.add_cite(set.cite_at("/spec/template/spec/tolerations"));
    touch_pods(snapshot, &first.key.name, &mut finding);
    Some(finding)
}

/// True when the node lacks what such a daemon gives it.
fn is_missed(snapshot: &Snapshot, set: &Object, node: &Object) -> bool {
    let is_one_of = |names: &[&str], name: &str| names.iter().any(|part| name.contains(part));
    let (own, node_name) = (set.key.name.as_str(), node.key.name.as_str());
    if is_one_of(&NETWORKS, own) {
        // A node whose kubelet or runtime is what ails it says so, and one with another network has what it needs.
        let ready = condition(node, "Ready").filter(|_| status_of(node, "Ready") != "True");
        let told = ready
            .and_then(|(_, found)| found.get("message")?.as_str())
            .unwrap_or("");
        let is_of_other = !told.is_empty() && !told.to_lowercase().contains("network") && !told.contains("cni");
        let has_other = own != "kube-proxy"
            && snapshot.pods().any(|pod| {
                pod.node() == node_name
                    && pod.is_well()
                    && pod.name() != own
                    && !pod.name().contains("kube-proxy")
                    && is_one_of(&NETWORKS, pod.name())
            });
        return !is_of_other && !has_other && network_suffering(snapshot, node_name) == Suffering::Yes;
    }
    let lives_there = |object: &Subject| {
        snapshot
            .pods()
            .any(|pod| pod.node() == node_name && pod.name() == object.name && pod.namespace() == object.namespace)
    };
    if is_one_of(&DRIVERS, own) {
        let reasons = ["FailedMount", "FailedAttachVolume", "FailedMapVolume"];
        return snapshot
            .events
            .iter()
            .any(|event| reasons.contains(&event.reason.as_str()) && lives_there(&event.about));
    }
    is_one_of(&CACHES, own) && name_complaints(snapshot).any(|hit| lives_there(&hit.about.object))
}

/// Nodes whose own address is called in vain on a port that the daemon opens there: the node, who calls, and what it says.
fn called_in_vain(snapshot: &Snapshot, set: &Object) -> Vec<(String, Subject, Citation)> {
    let on_host = set.get("/spec/template/spec/hostNetwork").and_then(Value::as_bool) == Some(true);
    let ports: Vec<i64> = set
        .list("/spec/template/spec/containers")
        .iter()
        .filter_map(|container| container.get("ports")?.as_array())
        .flatten()
        .filter_map(|port| {
            let host = port.get("hostPort").and_then(Value::as_i64);
            host.or_else(|| port.get("containerPort").and_then(Value::as_i64).filter(|_| on_host))
        })
        .collect();
    if ports.is_empty() {
        return Vec::new();
    }
    let node_of = |address: &str| {
        let has = |node: &&Object| {
            let addresses = node.list("/status/addresses").iter();
            addresses
                .filter_map(|found| found.get("address")?.as_str())
                .any(|own| own == address)
        };
        snapshot.kind("Node").find(has).map(|node| node.key.name.clone())
    };
    complaints(snapshot, &is_out_of_reach, &of_clients())
        .into_iter()
        .filter_map(|complaint| {
            let peer = complaint.peer();
            let is_its = peer.port.is_some_and(|port| ports.contains(&i64::from(port)));
            let node = node_of(&peer.host).filter(|_| is_its)?;
            Some((node, complaint.speaker.workload.clone(), complaint.cite))
        })
        .collect()
}

/// A taint that the controller does not tolerate by itself, and the template neither.
fn keeps_off(taint: &Value, tolerations: &[Value]) -> bool {
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or("").to_owned();
    let (key, effect) = (text(taint, "key"), text(taint, "effect"));
    let is_hard = matches!(effect.as_str(), "NoSchedule" | "NoExecute");
    let is_condition = key.starts_with("node.kubernetes.io/");
    let tolerated = tolerations.iter().any(|toleration| {
        let own = text(toleration, "key");
        let exists = text(toleration, "operator") == "Exists";
        let same_key = own == key || own.is_empty() && exists;
        let same_effect = text(toleration, "effect").is_empty() || text(toleration, "effect") == effect;
        same_key && same_effect && (exists || text(toleration, "value") == text(taint, "value"))
    });
    is_hard && !is_condition && !tolerated
}

/// `key=value:Effect`.
fn shown(taint: &Value) -> String {
    let text = |key: &str| taint.get(key).and_then(Value::as_str).unwrap_or("");
    match text("value") {
        "" => format!("{}:{}", text("key"), text("effect")),
        value => format!("{}={value}:{}", text("key"), text("effect")),
    }
}

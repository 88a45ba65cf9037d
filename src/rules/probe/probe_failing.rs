//! On one node the probes of many workloads fail, and elsewhere those of the same workloads pass: the node is at fault.

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::{PodView, Snapshot};
use crate::model::{Citation, Confidence, Subject};
use crate::rules::toolbox::nodes::touch_pods;
use crate::rules::toolbox::probes::{Kind, failures, is_ailing};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: probe-failing
role: link
level: critical
needs: [pods, events]
check:
  zh: 一个节点上是否有多个应用的探针同时失败
  en: whether the probes of many applications fail on one node
title:
  zh: "节点 {{ node }} 上 {{ workloads|length }} 个应用的探针失败（{{ workloads|join('、') }}），它们在其他节点上的副本正常"
  en: "probes of {{ workloads|length }} applications fail on node {{ node }} ({{ workloads|join(', ') }}), while their replicas elsewhere are well"
cause:
  zh: "失败的探针集中在节点 {{ node }} 上，同样的应用在其他节点上通过：问题在节点（连接跟踪表、网络、内存或 CPU 压力、运行时变慢），不在应用。"
  en: "the probes that fail are all on node {{ node }} while the same applications pass elsewhere: look at the node (connection tracking, network, lack of memory or CPU, a slow runtime), not at the applications."
causes:
  - rule: liveness-probe-failing
    ground: node
    mechanism: {zh: "节点的故障使探针得不到应答", en: "with the node in trouble probes get no answer"}
  - rule: readiness-probe-failing
    ground: node
    mechanism: {zh: "节点的故障使探针得不到应答", en: "with the node in trouble probes get no answer"}
benign:
  - {zh: "启动或终止时的几次失败（Killing 之后的 connection refused）", en: "a few failures at start or end (connection refused after Killing)"}
  - {zh: "只有一个应用失败时是应用自身的问题", en: "a single application that fails has trouble of its own"}
  - {zh: "exec 探针的超时自 1.20 起才真正生效", en: "time-outs of exec probes are enforced since 1.20 only"}
remedy:
  - purpose: {zh: "查看节点的压力与连接跟踪", en: "look at the node's load and connection tracking"}
    place: node
    risk: read-only
    command: |
      uptime
      conntrack -S
      dmesg -T | tail -50
    expect: {zh: "高负载、insert_failed 或内核警告", en: "a high load, insert_failed or warnings of the kernel"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "暂停向该节点调度", en: "keep new pods off the node"}
    place: cluster
    risk: change
    command: "kubectl cordon {{ node }}"
    expect: {zh: "cordoned", en: "cordoned"}
    verify: {zh: "新 Pod 不再落到该节点", en: "no new pod lands there"}
    rollback: {zh: "`kubectl uncordon {{ node }}`", en: "`kubectl uncordon {{ node }}`"}
prevention:
  - kind: detect
    text: {zh: "按节点统计 Unhealthy 事件并对集中于一个节点的情况告警", en: "count Unhealthy events by node and alert when one node stands out"}
    acceptance: {zh: "在测试节点上阻断探针后收到告警", en: "blocking probes on a test node raises the alert"}
sources: ["kubernetes pkg/kubelet/prober/prober.go: `%s probe failed: %s`"]
versions: "Kubernetes 1.19 to 1.36"
examples:
  - name: "three applications on one node"
    files:
      "pods.txt": |
        NAMESPACE   NAME                       READY   STATUS    RESTARTS   AGE   IP           NODE
        shop        web-57b96b46b7-zv4q2       0/1     Running   0          41m   10.42.0.9    n2
        shop        web-57b96b46b7-8jhnx       1/1     Running   0          41m   10.42.1.9    n1
        shop        cart-6bdf8c9d7-jd5lx       0/1     Running   0          41m   10.42.0.10   n2
        shop        cart-6bdf8c9d7-fl4qz       1/1     Running   0          41m   10.42.1.10   n1
        pay         api-84c5f86fbd-x7x2k       0/1     Running   0          41m   10.42.0.11   n2
        pay         api-84c5f86fbd-m9cwr       1/1     Running   0          41m   10.42.1.11   n1
      "events.txt": |
        NAMESPACE   LAST SEEN   TYPE      REASON      OBJECT                       MESSAGE
        shop        2m          Warning   Unhealthy   pod/web-57b96b46b7-zv4q2     Readiness probe failed: Get "http://10.42.0.9:8080/health": context deadline exceeded
        shop        2m          Warning   Unhealthy   pod/cart-6bdf8c9d7-jd5lx     Readiness probe failed: Get "http://10.42.0.10:8080/health": context deadline exceeded
        pay         2m          Warning   Unhealthy   pod/api-84c5f86fbd-x7x2k     Readiness probe failed: Get "http://10.42.0.11:8080/health": context deadline exceeded
    fires: [{kind: "Node", name: "n2", node: "n2"}]
  - name: "one application fails everywhere"
    files:
      "pods.txt": |
        NAMESPACE   NAME                       READY   STATUS    RESTARTS   AGE   IP           NODE
        shop        web-57b96b46b7-zv4q2       0/1     Running   0          41m   10.42.0.9    n2
        shop        web-57b96b46b7-8jhnx       0/1     Running   0          41m   10.42.1.9    n1
        shop        cart-6bdf8c9d7-fl4qz       1/1     Running   0          41m   10.42.1.10   n1
      "events.txt": |
        NAMESPACE   LAST SEEN   TYPE      REASON      OBJECT                       MESSAGE
        shop        2m          Warning   Unhealthy   pod/web-57b96b46b7-zv4q2     Readiness probe failed: HTTP probe failed with statuscode: 500
        shop        2m          Warning   Unhealthy   pod/web-57b96b46b7-8jhnx     Readiness probe failed: HTTP probe failed with statuscode: 500
"##;

/// Fewer workloads may have trouble of their own.
const WORKLOADS: usize = 3;
/// So many of them have to be well elsewhere.
const WELL_ELSEWHERE: usize = 2;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut nodes: BTreeMap<String, BTreeMap<Subject, Citation>> = BTreeMap::new();
    for pod in snapshot.pods().filter(|pod| !pod.node().is_empty()) {
        let said = Kind::ALL.iter().find_map(|kind| failures(snapshot, &pod, *kind).pop());
        if let (Some(event), true) = (said, is_ailing(snapshot, &pod)) {
            let owner = snapshot.top_owner(pod.object);
            let workloads = nodes.entry(pod.node().to_owned()).or_default();
            workloads.entry(owner).or_insert_with(|| event.cite.clone());
        }
    }
    let is_well_elsewhere = |owner: &Subject, node: &str| {
        snapshot
            .pods_of(owner)
            .any(|pod| pod.node() != node && !pod.node().is_empty() && pod.is_well())
    };
    let ails_elsewhere = |owner: &Subject, node: &str| {
        nodes
            .iter()
            .any(|(other, found)| other != node && found.contains_key(owner))
    };
    nodes
        .iter()
        .filter(|(node, found)| {
            let well = found.keys().filter(|owner| is_well_elsewhere(owner, node)).count();
            let none_ails_elsewhere = !found.keys().any(|owner| ails_elsewhere(owner, node));
            found.len() >= WORKLOADS && well >= WELL_ELSEWHERE && none_ails_elsewhere
        })
        .map(|(node, found)| finding(snapshot, rule, node, found))
        .collect()
}

fn finding(snapshot: &Snapshot, rule: &RuleHeader, node: &str, found: &BTreeMap<Subject, Citation>) -> Finding {
    let names: BTreeSet<String> = found.keys().map(|owner| owner.name.clone()).collect();
    let mut finding = Finding::new(rule, Subject::node(node), Confidence::Probable)
        .fact("node", node)
        .fact("workloads", names.into_iter().collect::<Vec<_>>());
    for (owner, cite) in found {
        finding.add_cite(cite.clone());
        finding.add_affected(owner.clone());
    }
    for pod in snapshot
        .pods()
        .filter(|pod: &PodView<'_>| pod.node() == node && pod.is_well())
        .take(1)
    {
        finding.add_cite(pod.object.cite_at("/spec/nodeName"));
    }
    touch_pods(snapshot, node, &mut finding);
    finding
}

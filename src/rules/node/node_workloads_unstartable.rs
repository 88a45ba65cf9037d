//! New pods do not start on a node on which older ones run on.

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::PodView;
use crate::model::{Confidence, Subject};
use crate::rules::toolbox::nodes::touch_failing_pods;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: node-workloads-unstartable
role: symptom
level: critical
needs: [pods]
check:
  zh: 是否有节点启动不了任何新 Pod
  en: whether a node starts no new pod at all
title:
  zh: "节点 {{ node }} 启动不了新的 Pod：{{ waiting }} 个 Pod 绑定到它后都没有启动{% if running %}，先前启动的 {{ running }} 个仍在运行{% endif %}"
  en: "node {{ node }} starts no new pod: {{ waiting|pods }} that were bound to it have not started{% if running %}, and {{ running }} older ones run on{% endif %}"
cause:
  zh: "不同工作负载的新 Pod 在节点 {{ node }} 上都停在容器启动之前，而旧 Pod 仍在运行：运行时、沙箱镜像（pause）、CNI 或磁盘在这个节点上不可用。采集到的数据没有说明是哪一个。"
  en: "new pods of different workloads all stand before their first container on node {{ node }} while old ones run on: the runtime, the sandbox' image (pause), the CNI or the disk does not work there. The collected data does not say which."
causes:
  - rule: pod-pending
    ground: node
    mechanism: {zh: "节点不能启动 Pod", en: "the node starts no pod"}
benign:
  - {zh: "只有一个工作负载的 Pod 没有启动", en: "pods of a single workload do not start"}
  - {zh: "之后创建的 Pod 已在该节点启动", en: "a pod that was made later did start there"}
remedy:
  - purpose: {zh: "查看节点的事件与运行时", en: "look at the events of the node and at its runtime"}
    place: node
    risk: read-only
    command: |
      crictl info
      crictl pods --state notready
      journalctl -u kubelet --since -30min --no-pager | tail -100
    expect: {zh: "FailedCreatePodSandBox 或运行时的错误", en: "FailedCreatePodSandBox, or errors of the runtime"}
    verify: {zh: "原因已记录", en: "the reason is on record"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "让新 Pod 到其他节点", en: "send new pods elsewhere"}
    place: cluster
    risk: change
    command: "kubectl cordon {{ node }}"
    expect: {zh: "cordoned", en: "cordoned"}
    verify: {zh: "重建的 Pod 在其他节点启动", en: "pods that are made anew start elsewhere"}
    rollback: {zh: "`kubectl uncordon {{ node }}`", en: "`kubectl uncordon {{ node }}`"}
prevention:
  - kind: detect
    text: {zh: "对每个节点的 Pod 启动时延（kubelet_pod_start_duration_seconds）告警", en: "alert on the time that pods take to start, by node (kubelet_pod_start_duration_seconds)"}
    acceptance: {zh: "停掉测试节点的运行时后收到告警", en: "stopping the runtime of a test node raises the alert"}
sources: ["kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle: PodReadyToStartContainers"]
versions: "Kubernetes 1.19 to 1.36"
examples:
  - name: "two wait, one runs on"
    files:
      "pods.txt": |
        NAMESPACE   NAME                       READY   STATUS              RESTARTS   AGE   IP           NODE
        shop        web-57b96b46b7-zv4q2       0/1     ContainerCreating   0          31m   <none>       n2
        pay         api-84c5f86fbd-x7x2k       0/1     ContainerCreating   0          35m   <none>       n2
        shop        cart-6bdf8c9d7-jd5lx       1/1     Running             0          9d    10.42.0.10   n2
      "date.txt": "2026-02-24T14:30:00Z\n"
    fires: [{kind: "Node", name: "n2", node: "n2"}]
  - name: "one that is younger runs"
    files:
      "pods.txt": |
        NAMESPACE   NAME                       READY   STATUS              RESTARTS   AGE   IP           NODE
        shop        web-57b96b46b7-zv4q2       0/1     ContainerCreating   0          31m   <none>       n2
        pay         api-84c5f86fbd-x7x2k       0/1     ContainerCreating   0          35m   <none>       n2
        shop        cart-6bdf8c9d7-jd5lx       1/1     Running             0          5m    10.42.0.10   n2
      "date.txt": "2026-02-24T14:30:00Z\n"
  - name: "they were only just made"
    files:
      "pods.txt": |
        NAMESPACE   NAME                       READY   STATUS              RESTARTS   AGE   IP           NODE
        shop        web-57b96b46b7-zv4q2       0/1     ContainerCreating   0          20s   <none>       n2
        pay         api-84c5f86fbd-x7x2k       0/1     ContainerCreating   0          20s   <none>       n2
        shop        cart-6bdf8c9d7-jd5lx       1/1     Running             0          9d    10.42.0.10   n2
      "date.txt": "2026-02-24T14:30:00Z\n"
"##;

/// A start that goes well takes less, unless the image is large.
const LONG: jiff::SignedDuration = jiff::SignedDuration::from_mins(3);

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut nodes: BTreeMap<&str, Vec<PodView<'_>>> = BTreeMap::new();
    for pod in snapshot
        .pods()
        .filter(|pod| !pod.node().is_empty() && !pod.is_terminating())
    {
        nodes.entry(pod.node()).or_default().push(pod);
    }
    let made = |pod: &PodView<'_>| pod.object.time("/metadata/creationTimestamp");
    let mut findings = Vec::new();
    for (node, pods) in nodes {
        let (waiting, others): (Vec<PodView<'_>>, Vec<PodView<'_>>) = pods.into_iter().partition(has_not_begun);
        let owners: BTreeSet<Subject> = waiting.iter().map(|pod| snapshot.top_owner(pod.object)).collect();
        let (Some(first), Some(now)) = (
            waiting.iter().filter_map(made).min_by_key(|when| when.earliest),
            &snapshot.bundle.collected_at,
        ) else {
            continue;
        };
        let started_since = others.iter().filter_map(made).any(|when| when.latest >= first.earliest);
        if owners.len() < 2 || started_since || first.gap_to(now) < LONG {
            continue;
        }
        let mut finding = Finding::new(rule, Subject::node(node), Confidence::Confirmed)
            .fact("node", node)
            .fact("waiting", waiting.len())
            .fact("running", others.len());
        for pod in &waiting {
            finding.add_cite(pod.object.cite_at("/status"));
            finding.add_affected(pod.object.subject());
        }
        touch_failing_pods(snapshot, node, &mut finding);
        findings.push(finding);
    }
    findings
}

/// Bound to the node, and not one container, not even one for its preparation, has ever run.
fn has_not_begun(pod: &PodView<'_>) -> bool {
    pod.phase() == "Pending"
        && pod.containers().iter().all(|container| {
            container.restarts() == 0
                && container.ended().is_none()
                && container
                    .waiting()
                    .is_some_and(|waiting| matches!(waiting.reason, "ContainerCreating" | "PodInitializing"))
        })
}

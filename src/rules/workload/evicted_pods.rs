//! Pods were evicted by their node.

use std::collections::BTreeMap;

use jiff::SignedDuration;

use crate::cluster::{PodView, Snapshot};
use crate::model::{Confidence, Subject, When};
use crate::rules::refused::has_all_replicas;
use crate::rules::{Finding, Ground, Input, RuleHeader, Touch};

/// So many pods in a row that were evicted are a loop.
const ROUNDS: usize = 3;
/// The pod that runs came this soon after the one that was evicted last.
const LATELY: SignedDuration = SignedDuration::from_hours(1);

pub(in crate::rules) const RULE: &str = r##"
id: evicted-pods
role: symptom
level: critical
needs: [pods]
listing: true
check:
  zh: "是否有 Pod 被节点驱逐"
  en: "whether pods were evicted by their node"
title:
  zh: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }} 有 {{ pods }} 个 Pod 被驱逐{% if message %}：{{ message }}{% endif %}"
  en: "{{ pods|pods }} of {{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }} were evicted{% if message %}: {{ message }}{% endif %}"
cause:
  zh: "kubelet 为回收资源驱逐了这些 Pod{% if message %}：{{ message }}{% endif %}。消息说明是节点压力，还是 Pod 自己超过了临时存储或 emptyDir 的上限。"
  en: "the kubelet evicted them to win back resources{% if message %}: {{ message }}{% endif %}. The message tells whether the node was under pressure or the pod exceeded its own limit of ephemeral storage or emptyDir."
causes:
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "被驱逐的 Pod 不再服务", en: "pods that were evicted serve no more"}
benign:
  - {zh: "被驱逐的 Pod 对象是遗留记录，可能很旧", en: "such pods stay as tombstones and may be old"}
  - {zh: "API 发起的驱逐（drain）没有这个原因", en: "an eviction through the API (drain) has no such reason"}
remedy:
  - purpose: {zh: "查看驱逐的消息与节点条件", en: "see the message, and the node's conditions"}
    place: cluster
    risk: read-only
    command: |
      kubectl get pods -A --field-selector status.phase=Failed
      kubectl describe nodes
    expect: {zh: "The node was low on resource", en: "The node was low on resource"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
prevention:
  - kind: prevent
    text: {zh: "为临时存储设置 requests 与 limits", en: "set requests and limits of ephemeral storage"}
    acceptance: {zh: "超量写入的测试 Pod 只影响自己", en: "a test pod that writes too much harms itself only"}
sources: ["kubernetes pkg/kubelet/eviction/helpers.go: `The node was low on resource: %v. `"]
versions: "Kubernetes 1.10 to 1.36"
examples:
  - name: "low on disk"
    files:
      "pods.json": '{"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "web-6bdf8c9d7-jd5lx", "namespace": "shop"}, "spec": {"nodeName": "w1"}, "status": {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: ephemeral-storage. "}}]}'
    fires: [{kind: "Deployment", namespace: "shop", name: "web"}]
  - name: "replaced since"
    files:
      "pods.json": '{"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "web-6bdf8c9d7-jd5lx", "namespace": "shop"}, "spec": {"nodeName": "w1"}, "status": {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: ephemeral-storage. "}}, {"metadata": {"name": "web-6bdf8c9d7-kd5lx", "namespace": "shop"}, "spec": {"nodeName": "w1", "containers": [{"name": "a"}]}, "status": {"phase": "Running", "containerStatuses": [{"name": "a", "ready": true}]}}]}'
  - name: "each new pod is evicted within minutes, and the one that runs is a minute old"
    files:
      date.txt: |
        Sat Nov 21 10:20:42 UTC 2026
      pods.txt: |
        NAMESPACE   NAME                      READY   STATUS    RESTARTS   AGE
        shop        thumbs-6bdf8c9d7-2xk7p    0/1     Evicted   0          14m
        shop        thumbs-6bdf8c9d7-8zrtb    0/1     Evicted   0          9m40s
        shop        thumbs-6bdf8c9d7-jd5lx    0/1     Evicted   0          5m20s
        shop        thumbs-6bdf8c9d7-kd5lx    1/1     Running   0          62s
    fires: [{kind: "Deployment", namespace: "shop", name: "thumbs"}]
  - name: "as many were evicted, and the pod after them has run for an hour"
    files:
      date.txt: |
        Sat Nov 21 10:20:42 UTC 2026
      pods.txt: |
        NAMESPACE   NAME                      READY   STATUS    RESTARTS   AGE
        shop        thumbs-6bdf8c9d7-2xk7p    0/1     Evicted   0          84m
        shop        thumbs-6bdf8c9d7-8zrtb    0/1     Evicted   0          79m
        shop        thumbs-6bdf8c9d7-jd5lx    0/1     Evicted   0          75m
        shop        thumbs-6bdf8c9d7-kd5lx    1/1     Running   0          71m
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut evicted: BTreeMap<Subject, Vec<PodView<'_>>> = BTreeMap::new();
    for pod in snapshot
        .pods()
        .filter(|pod| pod.object.text("/status/reason") == "Evicted")
    {
        evicted.entry(snapshot.top_owner(pod.object)).or_default().push(pod);
    }
    evicted
        .into_iter()
        .filter_map(|(owner, pods)| {
            // What was evicted is kept as a tombstone; a workload that is whole again is over it.
            let workload = snapshot.object(&owner.kind, &owner.namespace, &owner.name);
            let is_whole = match workload {
                Some(workload) if workload.key.kind != "Pod" => has_all_replicas(workload),
                _ => snapshot.pods_of(&owner).any(|pod| pod.is_well()),
            };
            let goes_on = is_whole && is_next(snapshot, &owner);
            let first = pods.first().filter(|_| !is_whole || goes_on)?;
            let message = first.object.text("/status/message");
            let field = if message.is_empty() {
                "/status/reason"
            } else {
                "/status/message"
            };
            let mut finding = Finding::new(rule, owner.clone(), Confidence::Confirmed)
                .cite(first.object.cite_at(field))
                .fact("message", message.chars().take(240).collect::<String>())
                .fact("pods", pods.len());
            if goes_on {
                finding.impair(owner.clone());
            }
            for pod in &pods {
                let subject = Subject::namespaced("Pod", pod.namespace(), pod.name());
                finding.touches.extend(Touch::of(&subject));
                if !pod.node().is_empty() {
                    finding = finding.touch(Ground::Node, pod.node());
                }
                finding.add_affected(subject);
            }
            Some(finding)
        })
        .collect()
}

/// True where every pod that runs is younger than the pods before it became: those came one after another until each was evicted, so it is
/// only the next.
fn is_next(snapshot: &Snapshot, owner: &Subject) -> bool {
    let now = snapshot.bundle.collected_at.as_ref();
    let made = |pod: &PodView<'_>| pod.object.created(now);
    let (gone, rest): (Vec<PodView<'_>>, Vec<PodView<'_>>) =
        (snapshot.pods_of(owner)).partition(|pod| pod.object.text("/status/reason") == "Evicted");
    let mut gone: Vec<When> = gone.iter().filter_map(made).collect();
    gone.sort_by_key(|when| when.earliest);
    let oldest = rest.iter().filter_map(made).min_by_key(|when| when.earliest);
    let (Some(now), Some(oldest)) = (now, oldest) else {
        return false;
    };
    let recent = gone.split_off(gone.len().saturating_sub(ROUNDS));
    let lives = recent
        .windows(2)
        .filter_map(|pair| Some(pair.first()?.gap_to(pair.last()?)));
    recent.len() == ROUNDS
        && lives.min().is_some_and(|shortest| oldest.gap_to(now) < shortest)
        && recent.last().is_some_and(|last| last.gap_to(&oldest) < LATELY)
}

//! A workload serves with fewer replicas than it should: what people see, never why.

use crate::bundle::decode::Form;
use crate::cluster::{Object, PodView, Snapshot};
use crate::model::{Confidence, Subject};
use crate::rules::toolbox::workload_touches;
use crate::rules::{Finding, Input, RuleHeader, Touch};

pub(in crate::rules) const RULE: &str = r##"
id: workload-unavailable
role: symptom
level: critical
needs: [deployments|statefulsets|daemonsets]
check:
  zh: 工作负载的可用副本数是否达到期望
  en: whether workloads have the replicas that they should
title:
  zh: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}：期望 {{ wanted }} 个副本，可用 {{ available }} 个"
  en: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}: {{ available }} of {{ wanted }} replicas available"
cause:
  zh: "{{ subject.kind|raw }} {{ subject.name }} 的可用副本不足；采集到的数据没有说明原因。"
  en: "{{ subject.kind|raw }} {{ subject.name }} lacks available replicas; the collected data does not say why."
causes:
  - rule: endpoints-missing
    ground: workload
    mechanism: {zh: "没有就绪的 Pod，Service 就没有端点", en: "without a ready pod the Service has no endpoint"}
  - rule: webhook-call-failed
    ground: service
    mechanism: {zh: 提供 webhook 的工作负载没有就绪的 Pod, en: "the workload that serves the webhook has no ready pod"}
  - rule: deployment-minimum-replicas-unavailable
    ground: workload
    mechanism: {zh: "可用副本不足，控制器把 Available 置为 False", en: "with too few replicas the controller sets Available to False"}
  - rule: deployment-rollout-stuck
    ground: workload
    mechanism: {zh: "副本不足，发布不能继续", en: "replicas are lacking, so the rollout cannot go on"}
  - rule: deployment-progress-deadline-exceeded
    ground: workload
    mechanism: {zh: "副本不足，发布不能继续", en: "replicas are lacking, so the rollout cannot go on"}
benign:
  - zh: 副本数被有意设为 0 的工作负载不算
    en: a workload that was set to 0 replicas on purpose does not count
  - zh: 滚动更新中短暂少一个副本是正常的
    en: one replica less for a moment is normal during a rolling update
remedy:
  - purpose: {zh: 查看工作负载及其 Pod, en: look at the workload and its pods}
    place: cluster
    risk: read-only
    command: "kubectl -n {{ subject.namespace }} describe {{ resource }} {{ subject.name }}"
    expect: {zh: 条件与事件中的原因, en: the reason in its conditions and events}
    verify: {zh: 原因已记录, en: the reason is on record}
    rollback: {zh: 只读，无需回滚, en: read-only}
prevention:
  - kind: detect
    text: {zh: 对可用副本少于期望持续 10 分钟告警, en: alert when fewer replicas than wanted are available for 10 minutes}
    acceptance: {zh: 测试工作负载缺一个副本时按时收到告警, en: a test workload that lacks one replica raises the alert in time}
sources: ["kubernetes apps/v1 DeploymentStatus, StatefulSetStatus, DaemonSetStatus"]
versions: Kubernetes 1.19 to 1.36
examples:
  - name: one of two
    files:
      deployments.json: '{"kind":"DeploymentList","apiVersion":"apps/v1","items":[{"metadata":{"name":"api","namespace":"pay"},"spec":{"replicas":2},"status":{"replicas":2,"availableReplicas":1,"unavailableReplicas":1}}]}'
    fires: [{kind: Deployment, namespace: pay, name: api}]
  - name: set to zero on purpose
    files:
      deployments.json: '{"kind":"DeploymentList","apiVersion":"apps/v1","items":[{"metadata":{"name":"api","namespace":"pay"},"spec":{"replicas":0},"status":{}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    ["Deployment", "StatefulSet", "DaemonSet"]
        .iter()
        .flat_map(|kind| input.snapshot.kind(kind))
        .filter_map(|workload| judge(input, rule, workload))
        .collect()
}

fn judge(input: &Input<'_>, rule: &RuleHeader, workload: &Object) -> Option<Finding> {
    let (wanted, wanted_at, available_at) = match workload.key.kind.as_str() {
        "DaemonSet" => (
            workload.int("/status/desiredNumberScheduled")?,
            "/status/desiredNumberScheduled",
            "/status/numberAvailable",
        ),
        "StatefulSet" => (
            workload.int("/spec/replicas").unwrap_or(1),
            "/spec/replicas",
            "/status/readyReplicas",
        ),
        _ => (
            workload.int("/spec/replicas").unwrap_or(1),
            "/spec/replicas",
            "/status/availableReplicas",
        ),
    };
    // An object without any status (an applied manifest) says nothing about replicas.
    workload.get("/status")?;
    // The API leaves a count of zero out; `kubectl describe statefulset` never shows how many are ready.
    let available = match workload.int(available_at) {
        Some(available) => available,
        None if workload.form == Form::Describe => i64::try_from(
            input
                .snapshot
                .pods_of(&workload.subject())
                .filter(PodView::is_well)
                .count(),
        )
        .ok()
        .filter(|_| input.snapshot.pods_of(&workload.subject()).next().is_some())?,
        None => 0,
    };
    if available >= wanted {
        return None;
    }
    let mut finding = Finding::new(rule, workload.subject(), Confidence::Confirmed)
        .cite(workload.cite_at(available_at))
        .cite(workload.cite_at(wanted_at))
        .fact("wanted", wanted)
        .fact("available", available)
        .fact("resource", workload.key.kind.to_lowercase());
    for pod in input.snapshot.pods_of(&workload.subject()).filter(|pod| !pod.is_well()) {
        let subject = Subject::namespaced("Pod", pod.namespace(), pod.name());
        finding.touches.extend(workload_touches(input.snapshot, &subject));
        finding.add_affected(subject);
    }
    for service in services(input.snapshot, workload) {
        finding.touches.extend(Touch::of(&service));
    }
    Some(finding)
}

/// The Services that its pods serve: by selector, or by name where the form of the Service shows no selector.
fn services(snapshot: &Snapshot, workload: &Object) -> Vec<Subject> {
    let labels = workload
        .get("/spec/template/metadata/labels")
        .and_then(|labels| labels.as_object());
    let in_namespace = snapshot
        .kind("Service")
        .filter(|service| service.key.namespace == workload.key.namespace);
    in_namespace
        .filter(
            |service| match (service.get("/spec/selector").and_then(|map| map.as_object()), labels) {
                (Some(selector), Some(labels)) if !selector.is_empty() => {
                    selector.iter().all(|(key, value)| labels.get(key) == Some(value))
                }
                _ => service.key.name == workload.key.name,
            },
        )
        .map(Object::subject)
        .collect()
}

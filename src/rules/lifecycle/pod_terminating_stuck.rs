//! A pod stays in Terminating long after its grace period.

use crate::model::Confidence;
use crate::rules::toolbox::workload_touches;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: pod-terminating-stuck
role: link
level: warning
needs: [pods]
listing: true
check:
  zh: '是否有 Pod 一直停留在 Terminating'
  en: 'whether a pod stays in Terminating'
title:
  zh: 'Pod {{ subject.namespace }}/{{ subject.name }} 停留在 Terminating 已 {{ minutes }} 分钟{% if finalizers %}，等待 finalizer {{ finalizers }}{% endif %}'
  en: 'pod {{ subject.namespace }}/{{ subject.name }} stays in Terminating for {{ minutes }} minutes{% if finalizers %}, waiting for finalizer {{ finalizers }}{% endif %}'
cause:
  zh: '删除在 {{ minutes }} 分钟前提出，宽限期早已过去。{% if finalizers %}对象带有 finalizer {{ finalizers }}，要由它的控制器移除。{% else %}节点 {{ node }} 上的 kubelet 没有确认容器已经结束（节点失联、卷忙、或运行时没有响应）。{% endif %}'
  en: 'deletion was asked for {{ minutes }} minutes ago and the grace period is long over. {% if finalizers %}The object has the finalizer {{ finalizers }}, which its controller has to remove.{% else %}The kubelet of node {{ node }} has not confirmed that the containers have ended (a lost node, a busy volume, a runtime that does not answer).{% endif %}'
causes:
  - rule: deployment-rollout-stuck
    ground: workload
    mechanism: {zh: "旧 Pod 不能终止", en: "old pods do not end"}
  - rule: orphaned-pod-volumes
    ground: node
    mechanism: {zh: "强制删除留下的目录", en: "a forced deletion left directories behind"}
benign:
  - zh: '宽限期内的 Terminating 是正常的'
    en: 'Terminating within the grace period is normal'
  - zh: '失联节点上的 StatefulSet Pod 按设计一直保留'
    en: 'pods of a StatefulSet on a lost node stay by design'
remedy:
  - purpose:
      zh: '查看 Pod 与节点'
      en: 'see pod and node'
    place: cluster
    risk: read-only
    command: 'kubectl -n {{ subject.namespace }} describe pod {{ subject.name }}'
    expect:
      zh: '事件中的 FailedKillPod，或 finalizers'
      en: 'FailedKillPod among the events, or finalizers'
    verify:
      zh: '原因已记录'
      en: 'the reason is on record'
    rollback:
      zh: '只读，无需回滚'
      en: 'read-only'
prevention:
  - kind: detect
    text:
      zh: '对处于 Terminating 超过 10 分钟的 Pod 告警'
      en: 'alert on pods in Terminating for 10 minutes'
    acceptance:
      zh: '测试 finalizer 的 Pod 按时触发告警'
      en: 'a test pod with a finalizer raises the alert in time'
sources:
  - 'kubernetes pkg/kubelet/pod_workers.go; pkg/registry/core/pod/strategy.go'
versions: 'Kubernetes 1.19 to 1.36'
examples:
  - name: 'held by a finalizer'
    files:
      'pods.json': '{"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "web-0", "namespace": "shop", "deletionTimestamp": "2026-02-24T14:00:00Z", "deletionGracePeriodSeconds": 30, "finalizers": ["example.com/guard"]}, "spec": {"nodeName": "n1", "containers": [{"name": "app"}]}, "status": {"phase": "Running"}}]}'
      'events.json': '{"kind": "EventList", "apiVersion": "v1", "items": [{"metadata": {"name": "e", "namespace": "shop"}, "reason": "Killing", "message": "Stopping container app", "lastTimestamp": "2026-02-24T15:00:00Z", "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "web-0"}}]}'
    fires:
      - {kind: 'Pod', namespace: 'shop', name: 'web-0'}
  - name: 'just asked for'
    files:
      'pods.json': '{"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "web-0", "namespace": "shop", "deletionTimestamp": "2026-02-24T14:00:00Z", "deletionGracePeriodSeconds": 30, "finalizers": ["example.com/guard"]}, "spec": {"nodeName": "n1", "containers": [{"name": "app"}]}, "status": {"phase": "Running"}}]}'
      'events.json': '{"kind": "EventList", "apiVersion": "v1", "items": [{"metadata": {"name": "e", "namespace": "shop"}, "reason": "Killing", "message": "Stopping container app", "lastTimestamp": "2026-02-24T14:00:20Z", "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "web-0"}}]}'
"##;

/// Beyond the grace period; volumes and finalizers take a while.
const PATIENCE_MINUTES: i64 = 10;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let Some(now) = &snapshot.bundle.collected_at else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    for pod in snapshot.pods() {
        let Some(asked) = pod.object.time("/metadata/deletionTimestamp") else {
            continue;
        };
        let minutes = asked.gap_to(now).as_mins();
        if minutes < PATIENCE_MINUTES {
            continue;
        }
        let finalizers: Vec<&str> = pod
            .object
            .list("/metadata/finalizers")
            .iter()
            .filter_map(|name| name.as_str())
            .collect();
        let mut finding = Finding::new(rule, pod.object.subject(), Confidence::Confirmed)
            .cite(pod.object.cite_at("/metadata/deletionTimestamp").at(Some(asked)))
            .fact("minutes", minutes)
            .fact("finalizers", finalizers.join(", "))
            .fact("node", pod.node());
        if !finalizers.is_empty() {
            finding.add_cite(pod.object.cite_at("/metadata/finalizers"));
        }
        finding
            .touches
            .extend(workload_touches(snapshot, &pod.object.subject()));
        findings.push(finding);
    }
    findings
}

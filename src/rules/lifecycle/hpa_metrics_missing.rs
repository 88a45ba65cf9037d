//! An autoscaler cannot read its metrics.

use crate::model::{Confidence, Subject};
use crate::rules::{Finding, Input, RuleHeader, Touch};

pub(in crate::rules) const RULE: &str = r##"
id: hpa-metrics-missing
role: cause
level: warning
needs: [horizontalpodautoscalers]
check:
  zh: '自动伸缩是否取不到指标'
  en: 'whether an autoscaler lacks its metrics'
title:
  zh: 'HorizontalPodAutoscaler {{ subject.namespace }}/{{ subject.name }} 取不到指标（{{ reason }}），{{ target }} 不会伸缩'
  en: 'HorizontalPodAutoscaler {{ subject.namespace }}/{{ subject.name }} lacks its metrics ({{ reason }}), so {{ target }} does not scale'
cause:
  zh: '{{ message }}。{% if request %}容器没有声明 requests，按百分比的目标无法计算。{% else %}指标 API（metrics-server 或适配器）没有应答或没有这些 Pod 的数据。{% endif %}'
  en: '{{ message }}. {% if request %}A container declares no requests, so a target in percent cannot be computed.{% else %}The metrics API (metrics-server or an adapter) does not answer or has no data on these pods.{% endif %}'
causes:
  - rule: app-cpu-saturated
    ground: workload
    mechanism: {zh: '负载上升而副本数不变', en: 'load grows and replicas do not'}
  - rule: cpu-limit-too-low
    ground: workload
    mechanism: {zh: '负载上升而副本数不变', en: 'load grows and replicas do not'}
benign:
  - zh: '部署后最初几分钟没有指标是正常的'
    en: 'no metrics in the first minutes after a deployment is normal'
remedy:
  - purpose:
      zh: '查看自动伸缩的条件与指标 API'
      en: 'see the conditions and the metrics API'
    place: cluster
    risk: read-only
    command: |
      kubectl -n {{ subject.namespace }} describe hpa {{ subject.name }}
      kubectl get apiservice v1beta1.metrics.k8s.io
    expect:
      zh: 'ScalingActive False 及其原因'
      en: 'ScalingActive False with its reason'
    verify:
      zh: '与本报告一致'
      en: 'it agrees with this report'
    rollback:
      zh: '只读，无需回滚'
      en: 'read-only'
  - purpose: {zh: "重启指标来源；容器没有 requests 时先声明 requests", en: "restart what serves the metrics; declare requests first where a container has none"}
    place: cluster
    risk: change
    command: "kubectl -n kube-system rollout restart deployment metrics-server"
    expect: {zh: "`deployment.apps/metrics-server restarted`", en: "`deployment.apps/metrics-server restarted`"}
    verify: {zh: "`kubectl top pods` 有数据，`kubectl get hpa` 的 TARGETS 不再是 <unknown>", en: "`kubectl top pods` has data and TARGETS of `kubectl get hpa` is no longer <unknown>"}
    rollback: {zh: "`kubectl -n kube-system rollout undo deployment metrics-server`", en: "`kubectl -n kube-system rollout undo deployment metrics-server`"}
prevention:
  - kind: detect
    text:
      zh: '对 ScalingActive=False 持续 10 分钟告警'
      en: 'alert when ScalingActive is False for 10 minutes'
    acceptance:
      zh: '停掉 metrics-server 后收到告警'
      en: 'stopping metrics-server raises the alert'
sources:
  - 'kubernetes pkg/controller/podautoscaler/horizontal.go, replica_calculator.go'
versions: 'Kubernetes 1.19 to 1.36'
examples:
  - name: 'no requests'
    files:
      'hpa.json': '{"kind": "HorizontalPodAutoscalerList", "apiVersion": "autoscaling/v2", "items": [{"metadata": {"name": "web", "namespace": "shop"}, "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "web"}}, "status": {"conditions": [{"type": "ScalingActive", "status": "False", "reason": "FailedGetResourceMetric", "message": "the HPA was unable to compute the replica count: failed to get cpu utilization: missing request for cpu in container app of Pod web-1"}]}}]}'
    fires:
      - {kind: 'HorizontalPodAutoscaler', namespace: 'shop', name: 'web'}
  - name: 'it works'
    files:
      'hpa.json': '{"kind": "HorizontalPodAutoscalerList", "apiVersion": "autoscaling/v2", "items": [{"metadata": {"name": "web", "namespace": "shop"}, "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "web"}}, "status": {"conditions": [{"type": "ScalingActive", "status": "True", "reason": "ValidMetricFound", "message": "ok"}]}}]}'
"##;

/// How messages name an aggregated API, and its APIService (kubernetes pkg/controller/podautoscaler/metrics/client.go).
const METRICS_APIS: [(&str, &str); 3] = [
    ("resource metrics API", "v1beta1.metrics.k8s.io"),
    ("custom metrics API", "v1beta1.custom.metrics.k8s.io"),
    ("external metrics API", "v1beta1.external.metrics.k8s.io"),
];

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let mut findings = Vec::new();
    for scaler in input.snapshot.kind("HorizontalPodAutoscaler") {
        let text = |index: usize, field: &str| scaler.text(&format!("/status/conditions/{index}/{field}"));
        let failed = (0..scaler.list("/status/conditions").len()).find(|&index| {
            // ScalingDisabled: the target has 0 replicas, on purpose or by another fault.
            text(index, "type") == "ScalingActive"
                && text(index, "status") == "False"
                && text(index, "reason") != "ScalingDisabled"
        });
        let Some(index) = failed else { continue };
        let target = Subject::namespaced(
            scaler.text("/spec/scaleTargetRef/kind"),
            &scaler.key.namespace,
            scaler.text("/spec/scaleTargetRef/name"),
        );
        let message = text(index, "message");
        let mut finding = Finding::new(rule, scaler.subject(), Confidence::Confirmed)
            .at("status.conditions[ScalingActive]")
            .cite(scaler.cite_at(&format!("/status/conditions/{index}/message")))
            .fact("reason", text(index, "reason"))
            .fact("message", message.chars().take(300).collect::<String>())
            .fact("request", message.contains("missing request"))
            .fact("target", format!("{} {}", target.kind, target.name));
        if !target.name.is_empty() {
            finding.add_affected(target);
        }
        // Whatever ails the API that has to give the metrics explains that there are none.
        for (api, name) in METRICS_APIS {
            if message.contains(api) {
                finding.blame(Subject::cluster("APIService", name));
                finding.touches.extend(Touch::of(&Subject::cluster("APIService", name)));
            }
        }
        findings.push(finding);
    }
    findings
}

//! An autoscaler has reached its upper bound while the load asks for more.

use serde_json::Value;

use crate::cluster::{Object, Snapshot};
use crate::model::{Confidence, Subject};
use crate::rules::toolbox::peers::behind;
use crate::rules::toolbox::services::services_in;
use crate::rules::{Finding, Ground, Input, RuleHeader, Touch};

/// So far above its target the load is not met by the replicas that are allowed.
const FAR_ABOVE_PERCENT: i64 = 120;

pub(in crate::rules) const RULE: &str = r##"
id: hpa-at-maximum
role: cause
level: warning
needs: [horizontalpodautoscalers]
check:
  zh: "自动伸缩是否已到上限而负载仍超出目标"
  en: "whether autoscalers are at their bound while the load asks for more"
title:
  zh: "HorizontalPodAutoscaler {{ subject.namespace }}/{{ subject.name }} 已到上限 {{ most }} 个副本，而负载是 {{ load }}%（目标 {{ target }}%）"
  en: "HorizontalPodAutoscaler {{ subject.namespace }}/{{ subject.name }} is at its bound of {{ most }} replicas, while the load is {{ load }} % (the target is {{ target }} %)"
cause:
  zh: "maxReplicas 为 {{ most }}，{{ workload }} 不能再扩容：每个 Pod 的负载远超目标，表现为变慢、超时与探针失败。"
  en: "maxReplicas is {{ most }}, so {{ workload }} cannot grow: every pod has far more to do than meant, which shows as slow answers, timeouts and failing probes."
causes:
  - rule: cpu-limit-too-low
    ground: workload
    mechanism: {zh: "副本数到了上限，每个 Pod 的负载超过它能用的 CPU", en: "at the bound of replicas each pod gets more to do than its CPU can"}
  - rule: app-cpu-saturated
    ground: workload
    mechanism: {zh: "副本数到了上限，每个 Pod 的负载超过它能用的 CPU", en: "at the bound of replicas each pod gets more to do than its CPU can"}
  - rule: app-bug
    ground: workload
    mechanism: {zh: "过载的 Pod 来不及完成请求", en: "pods with too much to do fail requests"}
  - rule: peer-unresponsive
    ground: workload
    mechanism: {zh: "过载的 Pod 来不及应答调用方", en: "pods with too much to do leave their callers without an answer"}
  - rule: peer-answers-with-errors
    ground: workload
    mechanism: {zh: "过载的 Pod 以错误拒绝请求", en: "pods with too much to do refuse requests with errors"}
  - rule: service-unreachable
    ground: service
    mechanism: {zh: "过载的 Pod 来不及应答调用方", en: "pods with too much to do leave their callers without an answer"}
  - rule: app-latency
    ground: workload
    mechanism: {zh: "过载的 Pod 应答缓慢", en: "pods with too much to do answer slowly"}
  - rule: readiness-probe-failing
    ground: workload
    mechanism: {zh: "过载的 Pod 来不及应答探针", en: "pods with too much to do answer probes late"}
  - rule: liveness-probe-failing
    ground: workload
    mechanism: {zh: "过载的 Pod 来不及应答探针", en: "pods with too much to do answer probes late"}
benign:
  - {zh: "负载略高于目标时停在上限是正常的", en: "at the bound with a load just above the target is normal"}
remedy:
  - purpose: {zh: "查看自动伸缩的指标与条件", en: "see its metrics and conditions"}
    place: cluster
    risk: read-only
    command: "kubectl -n {{ subject.namespace }} describe hpa {{ subject.name }}"
    expect: {zh: "ScalingLimited True TooManyReplicas", en: "ScalingLimited True TooManyReplicas"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "提高上限（先确认节点有余量）", en: "raise the bound, once the nodes have room"}
    place: cluster
    risk: change
    command: "kubectl -n {{ subject.namespace }} patch hpa {{ subject.name }} --type=merge -p '{\"spec\":{\"maxReplicas\":<NEW_MAXIMUM>}}'"
    verify: {zh: "负载回到目标附近", en: "the load comes down to its target"}
    rollback: {zh: "改回 {{ most }}", en: "set it back to {{ most }}"}
prevention:
  - kind: detect
    text: {zh: "对停在上限超过 15 分钟告警", en: "alert when an autoscaler is at its bound for 15 minutes"}
    acceptance: {zh: "压测时按时收到告警", en: "a load test raises it in time"}
sources: ["kubernetes pkg/controller/podautoscaler/horizontal.go: ScalingLimited, TooManyReplicas"]
versions: "Kubernetes 1.10 to 1.36"
examples:
  - name: "its description"
    files:
      "hpa.txt": |
        Name:                                                  web
        Namespace:                                             shop
        Labels:                                                <none>
        Annotations:                                           <none>
        CreationTimestamp:                                     Mon, 29 Jan 2024 20:47:09 +0000
        Reference:                                             Deployment/web
        Metrics:                                               ( current / target )
          resource cpu on pods  (as a percentage of request):  99% (498m) / 65%
        Min replicas:                                          2
        Max replicas:                                          4
        Deployment pods:                                       4 current / 4 desired
        Conditions:
          Type            Status  Reason            Message
          ----            ------  ------            -------
          ScalingActive   True    ValidMetricFound  the HPA was able to successfully calculate a replica count from cpu resource utilization (percentage of request)
          ScalingLimited  True    TooManyReplicas   the desired replica count is more than the maximum replica count
        Events:           <none>
    fires: [{kind: "HorizontalPodAutoscaler", namespace: "shop", name: "web"}]
  - name: "twice the target"
    files:
      "hpa.json": '{"kind": "HorizontalPodAutoscalerList", "apiVersion": "autoscaling/v2", "items": [{"metadata": {"name": "web", "namespace": "shop", "uid": "a"}, "spec": {"minReplicas": 1, "maxReplicas": 4, "scaleTargetRef": {"kind": "Deployment", "name": "web"}, "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}]}, "status": {"currentReplicas": 4, "desiredReplicas": 4, "currentMetrics": [{"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 190}}}], "conditions": [{"type": "ScalingLimited", "status": "True", "reason": "TooManyReplicas"}]}}]}'
    fires: [{kind: "HorizontalPodAutoscaler", namespace: "shop", name: "web"}]
  - name: "a row"
    files:
      "hpa.txt": |
        NAMESPACE   NAME   REFERENCE        TARGETS         MINPODS   MAXPODS   REPLICAS   AGE
        shop        web    Deployment/web   cpu: 190%/80%   1         4         4          9d
    fires: [{kind: "HorizontalPodAutoscaler", namespace: "shop", name: "web"}]
  - name: "a description, of which the second metric is the one that asks for more"
    files:
      "hpa.txt": |
        Name:                                                     web
        Namespace:                                                shop
        Labels:                                                   <none>
        Annotations:                                              <none>
        CreationTimestamp:                                        Tue, 29 Sep 2026 19:22:15 +0000
        Reference:                                                Deployment/web
        Metrics:                                                  ( current / target )
          resource memory on pods  (as a percentage of request):  40% (410Mi) / 80%
          resource cpu on pods  (as a percentage of request):     310% (775m) / 60%
        Min replicas:                                             1
        Max replicas:                                             3
        Deployment pods:                                          3 current / 3 desired
        Conditions:
          Type            Status  Reason            Message
          ----            ------  ------            -------
          ScalingLimited  True    TooManyReplicas   the desired replica count is more than the maximum replica count
        Events:           <none>
    fires: [{kind: "HorizontalPodAutoscaler", namespace: "shop", name: "web"}]
  - name: "just above"
    files:
      "hpa.json": '{"kind": "HorizontalPodAutoscalerList", "apiVersion": "autoscaling/v2", "items": [{"metadata": {"name": "web", "namespace": "shop", "uid": "a"}, "spec": {"minReplicas": 1, "maxReplicas": 4, "scaleTargetRef": {"kind": "Deployment", "name": "web"}, "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}]}, "status": {"currentReplicas": 4, "desiredReplicas": 4, "currentMetrics": [{"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 85}}}], "conditions": [{"type": "ScalingLimited", "status": "True", "reason": "TooManyReplicas"}]}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    input
        .snapshot
        .kind("HorizontalPodAutoscaler")
        .filter_map(|scaler| judge(input.snapshot, rule, scaler))
        .collect()
}

fn judge(snapshot: &Snapshot, rule: &RuleHeader, scaler: &Object) -> Option<Finding> {
    let (current, most) = (scaler.int("/status/currentReplicas")?, scaler.int("/spec/maxReplicas")?);
    let (load, target) = load(scaler)?;
    if current < most || load.saturating_mul(100) < target.saturating_mul(FAR_ABOVE_PERCENT) {
        return None;
    }
    let workload = Subject::namespaced(
        scaler.text("/spec/scaleTargetRef/kind"),
        &scaler.key.namespace,
        scaler.text("/spec/scaleTargetRef/name"),
    );
    let mut finding = Finding::new(rule, scaler.subject(), Confidence::Probable)
        .at("spec.maxReplicas")
        .cite(scaler.cite_at("/spec/maxReplicas"))
        .cite(scaler.cite_at("/status/currentReplicas"))
        .fact("most", most)
        .fact("load", load)
        .fact("target", target)
        .fact("workload", workload.name.clone());
    if !workload.name.is_empty() {
        finding.touches.extend(Touch::of(&workload));
        for service in services_in(snapshot, &workload.namespace) {
            if behind(snapshot, &workload.namespace, &service.key.name).contains(&workload) {
                let name = format!("{}/{}", service.key.namespace, service.key.name);
                finding.touches.insert(Touch::new(Ground::Service, name));
            }
        }
        finding.impair(workload.clone());
        finding.add_affected(workload);
    }
    Some(finding)
}

/// Current and wanted utilisation in percent: of the API's first metric, or of what a row or a description shows.
fn load(scaler: &Object) -> Option<(i64, i64)> {
    let of = |list: &str, at: &str| scaler.list(list).iter().find_map(|metric| metric.pointer(at)?.as_i64());
    let api = of("/status/currentMetrics", "/resource/current/averageUtilization")
        .zip(of("/spec/metrics", "/resource/target/averageUtilization"));
    let v1 = scaler
        .int("/status/currentCPUUtilizationPercentage")
        .zip(scaler.int("/spec/targetCPUUtilizationPercentage"));
    let row = || {
        let cell = scaler.get("/status/casefileTargets").and_then(Value::as_str)?;
        // The metric that asks for most decides (`computeReplicasForMetrics`).
        cell.split([',', ';'])
            .filter_map(of_metric)
            .max_by_key(|(now, wanted)| now.saturating_mul(1000).checked_div(*wanted))
    };
    api.or(v1).or_else(row)
}

/// `cpu: 190%/80%` of a row, `resource cpu on pods  (as a percentage of request):  190% (475m) / 80%` of a description.
fn of_metric(text: &str) -> Option<(i64, i64)> {
    let (now, wanted) = text.rsplit_once(": ").map_or(text, |(_, pair)| pair).split_once('/')?;
    let percent = |text: &str| text.split_whitespace().next()?.strip_suffix('%')?.parse::<i64>().ok();
    percent(now).zip(percent(wanted)).filter(|(_, wanted)| *wanted > 0)
}

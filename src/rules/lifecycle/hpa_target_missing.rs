//! An autoscaler's target does not exist, so nothing scales.

use serde_json::Value;

use crate::cluster::{Object, Snapshot};
use crate::model::{Confidence, Subject};
use crate::rules::toolbox::services::{is_near, same_namespace};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: hpa-target-missing
role: cause
level: critical
needs: [horizontalpodautoscalers]
check:
  zh: '自动伸缩的目标是否存在'
  en: 'whether the targets of autoscalers exist'
title:
  zh: '{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }} 的目标 {{ target }} 不存在，什么也不会伸缩{% if candidate %}；现有的是 {{ candidate }}{% endif %}'
  en: '{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }} targets {{ target }}, which does not exist, so nothing scales{% if candidate %}; there is {{ candidate }}{% endif %}'
cause:
  zh: 'spec.scaleTargetRef 指向 {{ target }}：{{ message }}。{% if candidate %}{{ candidate }} 没有自动伸缩，负载上升时副本数不变。{% endif %}'
  en: 'spec.scaleTargetRef names {{ target }}: {{ message }}. {% if candidate %}{{ candidate }} has no autoscaler, so its replicas stay as they are under load.{% endif %}'
causes:
  - rule: hpa-metrics-missing
    ground: object
    mechanism: {zh: '没有目标就没有指标', en: 'without a target there are no metrics'}
  - rule: cpu-limit-too-low
    ground: workload
    mechanism: {zh: '负载上升而副本数不变', en: 'load grows and replicas do not'}
  - rule: app-cpu-saturated
    ground: workload
    mechanism: {zh: '负载上升而副本数不变', en: 'load grows and replicas do not'}
  - rule: peer-unresponsive
    ground: workload
    mechanism: {zh: '负载上升而副本数不变', en: 'load grows and replicas do not'}
  - rule: app-bug
    ground: workload
    mechanism: {zh: '负载上升而副本数不变', en: 'load grows and replicas do not'}
  - rule: readiness-probe-failing
    ground: workload
    mechanism: {zh: '过载的 Pod 来不及应答探针', en: 'overloaded pods do not answer their probe in time'}
benign:
  - {zh: '目标稍后才创建：只在还找不到时算', en: 'a target that is created a moment later: it counts while it is not found'}
  - {zh: '没有收集到目标那一类对象，也没有控制器的报告时不下结论', en: 'where objects of the kind were not collected and the controller reports nothing, nothing is concluded'}
remedy:
  - purpose: {zh: '查看自动伸缩与现有的工作负载', en: 'see the autoscaler and the workloads that there are'}
    place: cluster
    risk: read-only
    command: |
      kubectl -n {{ subject.namespace }} describe {{ resource }} {{ subject.name }}
      kubectl -n {{ subject.namespace }} get deployments,statefulsets
    expect: {zh: 'FailedGetScale，列表中没有 {{ target }}', en: 'FailedGetScale, and no {{ target }} in the list'}
    verify: {zh: '与本报告一致', en: 'it agrees with this report'}
    rollback: {zh: '只读，无需回滚', en: 'read-only'}
  - purpose: {zh: '先手动扩容受影响的工作负载', en: 'scale the workload that suffers by hand first'}
    place: cluster
    risk: change
    when: "candidate"
    command: "kubectl -n {{ subject.namespace }} scale {{ candidate_resource }} {{ candidate_name }} --replicas={{ most }}"
    verify: {zh: '新的 Pod 就绪，延迟回落', en: 'the new pods are ready and latency falls'}
    rollback: {zh: '恢复原来的副本数', en: 'set the former number of replicas'}
  - purpose: {zh: '改正目标', en: 'correct the target'}
    place: cluster
    risk: change
    command: "kubectl -n {{ subject.namespace }} patch {{ resource }} {{ subject.name }} --type merge -p {{ patch }}"
    verify: {zh: 'AbleToScale 为 True，TARGETS 不再是 <unknown>', en: 'AbleToScale is True and TARGETS no longer <unknown>'}
    rollback: {zh: '改回原来的名字', en: 'put the former name back'}
prevention:
  - kind: detect
    text: {zh: '对 AbleToScale=False 持续 10 分钟告警', en: 'alert when AbleToScale is False for 10 minutes'}
    acceptance: {zh: '指向不存在的测试目标时收到告警', en: 'a test autoscaler without its target raises it'}
  - kind: prevent
    text: {zh: '工作负载改名时，自动伸缩与它在同一个清单里一起改', en: 'keep autoscaler and workload in one manifest, so that a new name changes both'}
    acceptance: {zh: '流水线拒绝目标不存在的自动伸缩', en: 'the pipeline refuses an autoscaler whose target does not exist'}
sources:
  - 'kubernetes pkg/controller/podautoscaler/horizontal.go: `the HPA controller was unable to get the target''s current scale: %v`, reason FailedGetScale'
  - 'kedacore/keda controllers/keda/scaledobject_controller.go: `ScaledObject doesn''t have correct scaleTargetRef specification`, `Target resource doesn''t exist`'
versions: 'Kubernetes 1.19 to 1.36; KEDA 2'
examples:
  - name: 'the Deployment has a new name'
    files:
      'hpa.txt': |
        Name:                                                  rates
        Namespace:                                             bank
        CreationTimestamp:                                     Thu, 29 Jan 2026 19:54:55 +0000
        Reference:                                             Deployment/rates
        Metrics:                                               ( current / target )
          resource cpu on pods  (as a percentage of request):  <unknown> / 70%
        Min replicas:                                          2
        Max replicas:                                          10
        Deployment pods:                                       0 current / 0 desired
        Conditions:
          Type         Status  Reason          Message
          ----         ------  ------          -------
          AbleToScale  False   FailedGetScale  the HPA controller was unable to get the target's current scale: deployments.apps "rates" not found
        Events:        <none>
      'deploy.txt': |
        NAMESPACE   NAME       READY   UP-TO-DATE   AVAILABLE   AGE
        bank        rates-v2   2/2     2            2           26h
    fires: [{kind: HorizontalPodAutoscaler, namespace: bank, name: rates}]
  - name: 'as an event and a row'
    files:
      'hpa.txt': |
        NAMESPACE   NAME    REFERENCE           TARGETS              MINPODS   MAXPODS   REPLICAS   AGE
        bank        rates   StatefulSet/rates   cpu: <unknown>/70%   2         10        0          301d
      'events.txt': |
        NAMESPACE   LAST SEEN   TYPE      REASON           OBJECT                          MESSAGE
        bank        14s         Warning   FailedGetScale   horizontalpodautoscaler/rates   statefulsets.apps "rates" not found
      'sts.txt': |
        NAMESPACE   NAME        READY   AGE
        bank        ledger      3/3     26h
    fires: [{kind: HorizontalPodAutoscaler, namespace: bank, name: rates}]
  - name: 'the target is there'
    files:
      'hpa.txt': |
        NAMESPACE   NAME    REFERENCE          TARGETS        MINPODS   MAXPODS   REPLICAS   AGE
        bank        rates   Deployment/rates   cpu: 41%/70%   2         10        2          301d
      'deploy.txt': |
        NAMESPACE   NAME       READY   UP-TO-DATE   AVAILABLE   AGE
        bank        rates      2/2     2            2           26h
  - name: 'an event of the moment before it was created'
    files:
      'hpa.txt': |
        NAMESPACE   NAME    REFERENCE          TARGETS        MINPODS   MAXPODS   REPLICAS   AGE
        bank        rates   Deployment/rates   cpu: 41%/70%   2         10        2          5m
      'events.txt': |
        NAMESPACE   LAST SEEN   TYPE      REASON           OBJECT                          MESSAGE
        bank        5m          Warning   FailedGetScale   horizontalpodautoscaler/rates   deployments.apps "rates" not found
      'deploy.txt': |
        NAMESPACE   NAME       READY   UP-TO-DATE   AVAILABLE   AGE
        bank        rates      2/2     2            2           5m
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    ["HorizontalPodAutoscaler", "ScaledObject"]
        .iter()
        .flat_map(|kind| input.snapshot.kind(kind))
        .filter_map(|scaler| judge(input.snapshot, rule, scaler))
        .collect()
}

fn judge(snapshot: &Snapshot, rule: &RuleHeader, scaler: &Object) -> Option<Finding> {
    let namespace = scaler.key.namespace.as_str();
    let name = scaler.text("/spec/scaleTargetRef/name");
    let kind = match scaler.text("/spec/scaleTargetRef/kind") {
        "" => "Deployment",
        kind => kind,
    };
    let is_here = |object: &&Object| same_namespace(&object.key.namespace, namespace);
    if name.is_empty()
        || snapshot
            .kind(kind)
            .filter(is_here)
            .any(|object| object.key.name == name)
    {
        return None;
    }
    let reported = (0..scaler.list("/status/conditions").len()).find(|&index| {
        let text = |field: &str| scaler.text(&format!("/status/conditions/{index}/{field}"));
        text("status") == "False" && says_missing(text("message"))
    });
    let event = snapshot
        .events_on(&scaler.key.kind, namespace, &scaler.key.name)
        .filter(|event| says_missing(&event.message))
        .last();
    let (message, cite) = match (reported, event) {
        (Some(index), _) => {
            let at = format!("/status/conditions/{index}/message");
            (scaler.text(&at).to_owned(), scaler.cite_at(&at))
        }
        (None, Some(event)) => (event.message.clone(), event.cite.clone()),
        (None, None) => return None,
    };
    let scaled: Vec<&str> = snapshot
        .kind(&scaler.key.kind)
        .filter(is_here)
        .map(|other| other.text("/spec/scaleTargetRef/name"))
        .collect();
    let candidate = ["Deployment", "StatefulSet"]
        .iter()
        .flat_map(|kind| snapshot.kind(kind))
        .filter(is_here)
        .find(|object| is_near(&object.key.name, name) && !scaled.contains(&object.key.name.as_str()))
        .map(Object::subject);
    let target = candidate.as_ref().map_or("", |found| found.name.as_str());
    let patch = serde_json::json!({"spec": {"scaleTargetRef": {"name": target}}});
    let most = ["/spec/maxReplicas", "/spec/maxReplicaCount"]
        .iter()
        .find_map(|at| scaler.get(at).and_then(Value::as_i64));
    let mut finding = Finding::new(rule, scaler.subject(), Confidence::Confirmed)
        .at("spec.scaleTargetRef")
        .cite(scaler.cite_at("/spec/scaleTargetRef"))
        .cite(cite)
        .fact("target", format!("{kind} {name}"))
        .fact("message", message.chars().take(300).collect::<String>())
        .fact("resource", scaler.key.kind.to_lowercase())
        .fact("patch", patch.to_string())
        .fact("most", most.unwrap_or(4))
        .fact(
            "candidate",
            candidate
                .as_ref()
                .map_or(String::new(), |found| format!("{} {}", found.kind, found.name)),
        )
        .fact(
            "candidate_resource",
            candidate
                .as_ref()
                .map_or(String::new(), |found| found.kind.to_lowercase()),
        )
        .fact("candidate_name", target);
    // Callers know the workload by its Service, which mostly kept the former name.
    finding.impair(Subject::namespaced("Service", namespace, name));
    if let Some(candidate) = candidate {
        finding.impair(Subject::namespaced("Service", namespace, &candidate.name));
        finding.impair(candidate.clone());
        finding.add_affected(candidate);
    }
    Some(finding)
}

/// What controllers say of a target that is not there, and not of one that they cannot read or measure.
fn says_missing(message: &str) -> bool {
    message.ends_with("not found") || message.contains("doesn't exist") || message.contains("no matches for kind")
}

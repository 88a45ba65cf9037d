//! A ScaledObject of KEDA is paused and holds its workload at zero.

use crate::cluster::{Object, Snapshot};
use crate::logs::is_error;
use crate::model::{Confidence, Subject};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: scaledobject-paused
role: cause
level: critical
needs: [scaledobjects]
check:
  zh: "KEDA 的 ScaledObject 是否被暂停而使工作负载停在 0 个副本"
  en: "whether a paused ScaledObject of KEDA holds a workload at zero"
title:
  zh: "ScaledObject {{ subject.namespace }}/{{ subject.name }} 被暂停，{{ target_kind|raw }} {{ target }} 停在 0 个副本"
  en: "ScaledObject {{ subject.namespace }}/{{ subject.name }} is paused and holds {{ target_kind|raw }} {{ target }} at 0 replicas"
cause:
  zh: "注解 {{ annotation }} 使 KEDA 停止伸缩{% if at_zero %}，并把工作负载固定在 0 个副本{% endif %}{% if least > 0 %}，而它的 minReplicaCount 为 {{ least }}{% endif %}{% if triggers %}（触发器 {{ triggers }}）{% endif %}：队列中的工作无人处理。"
  en: "the annotation {{ annotation }} stops KEDA from scaling{% if at_zero %} and fixes the workload at 0 replicas{% endif %}{% if least > 0 %}, while its minReplicaCount is {{ least }}{% endif %}{% if triggers %} (trigger {{ triggers }}){% endif %}: nobody does the work that waits."
rules_out:
  - {zh: "缩容到 0 的正常行为：{% if least > 0 %}minReplicaCount 不为 0{% else %}固定它的是注解{% endif %}", en: "scaling to zero as it should: {% if least > 0 %}minReplicaCount is not 0{% else %}it is the annotation that holds it{% endif %}"}
questions:
  - {zh: "谁在什么时候暂停了它，是否忘记恢复？", en: "who paused it, when, and was it forgotten?"}
causes:
  - rule: app-disk-full
    ground: namespace
    mechanism: {zh: "没有人取走队列里的消息，消息代理的磁盘被写满", en: "nobody takes messages out of the queue, and the disk of the broker fills"}
  - rule: app-resources-exhausted
    ground: namespace
    mechanism: {zh: "没有人取走队列里的消息，消息代理的内存或队列被占满", en: "nobody takes messages out of the queue, and the memory or the queues of the broker fill"}
  - rule: replicas-zero
    ground: workload
    mechanism: {zh: "KEDA 把副本数固定在 0", en: "KEDA fixes the replicas at 0"}
  - rule: endpoints-missing
    ground: workload
    mechanism: {zh: "没有 Pod 就没有端点", en: "no pod, no endpoint"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "没有 Pod", en: "there is no pod"}
  - rule: app-upstream-refused
    ground: namespace
    mechanism: {zh: "被调用的工作负载没有 Pod", en: "the workload that is called has no pod"}
benign:
  - {zh: "minReplicaCount 为 0（缺省）时没有副本是正常的", en: "with minReplicaCount 0, the default, no replica is normal"}
  - {zh: "暂停在非 0 的副本数", en: "paused at another number than 0"}
remedy:
  - purpose: {zh: "查看暂停的注解与状态", en: "look at the annotation and the status"}
    place: cluster
    risk: read-only
    command: "kubectl -n {{ subject.namespace }} get scaledobject {{ subject.name }} -o yaml"
    expect: {zh: "条件 Paused 为 True", en: "condition Paused is True"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "去掉暂停的注解", en: "take the annotation away"}
    place: cluster
    risk: change
    command: |
      kubectl -n {{ subject.namespace }} annotate scaledobject {{ subject.name }} autoscaling.keda.sh/paused-replicas- autoscaling.keda.sh/paused-
    expect: {zh: "annotated", en: "annotated"}
    verify: {zh: "PAUSED 变为 False，工作负载重新有副本", en: "PAUSED becomes False and the workload has replicas again"}
    rollback: {zh: "重新加上注解", en: "put the annotation back"}
prevention:
  - kind: detect
    text: {zh: "对暂停超过一天的 ScaledObject 告警（keda_scaled_object_paused）", en: "alert on a ScaledObject that is paused for a day (keda_scaled_object_paused)"}
    acceptance: {zh: "暂停的测试对象触发告警", en: "a paused test object raises it"}
sources:
  - "keda.sh/docs: Pause autoscaling, annotations autoscaling.keda.sh/paused and autoscaling.keda.sh/paused-replicas"
  - "kedacore/keda apis/keda/v1alpha1/condition_types.go: ScaledObjectPaused"
versions: "KEDA 2.4 to 2.17"
examples:
  - name: "paused at zero"
    files:
      so.json: '{"kind":"ScaledObject","apiVersion":"keda.sh/v1alpha1","metadata":{"name":"mailer","namespace":"shop","annotations":{"autoscaling.keda.sh/paused-replicas":"0"}},"spec":{"minReplicaCount":2,"scaleTargetRef":{"name":"mailer"},"triggers":[{"type":"kafka"}]}}'
      deployments.json: '{"kind":"DeploymentList","apiVersion":"apps/v1","items":[{"metadata":{"name":"mailer","namespace":"shop"},"spec":{"replicas":0},"status":{}}]}'
    fires: [{kind: ScaledObject, namespace: shop, name: mailer}]
  - name: "tables"
    files:
      out.txt: |
        $ kubectl get scaledobjects -n shop
        NAME     SCALETARGETKIND      SCALETARGETNAME   MIN   MAX   TRIGGERS   READY   ACTIVE   FALLBACK   PAUSED   AGE
        mailer   apps/v1.Deployment   mailer            1     20    kafka      True    False    False      True     60d
        $ kubectl get deploy -n shop
        NAME     READY   UP-TO-DATE   AVAILABLE   AGE
        mailer   0/0     0            0           60d
    fires: [{kind: ScaledObject, namespace: shop, name: mailer}]
  - name: "nothing to do, and zero is allowed"
    files:
      out.txt: |
        $ kubectl get scaledobjects -n shop
        NAME     SCALETARGETKIND      SCALETARGETNAME   MIN   MAX   TRIGGERS   READY   ACTIVE   FALLBACK   PAUSED   AGE
        mailer   apps/v1.Deployment   mailer            0     20    kafka      True    False    False      False    60d
        $ kubectl get deploy -n shop
        NAME     READY   UP-TO-DATE   AVAILABLE   AGE
        mailer   0/0     0            0           60d
  - name: "fixed at zero where zero is allowed, and a producer is blocked"
    files:
      so.json: '{"kind":"ScaledObject","apiVersion":"keda.sh/v1alpha1","metadata":{"name":"mailer","namespace":"shop","annotations":{"autoscaling.keda.sh/paused-replicas":"0"}},"spec":{"minReplicaCount":0,"scaleTargetRef":{"name":"mailer"},"triggers":[{"type":"rabbitmq"}]}}'
      deployments.json: '{"kind":"DeploymentList","apiVersion":"apps/v1","items":[{"metadata":{"name":"mailer","namespace":"shop"},"spec":{"replicas":0},"status":{}}]}'
      orders-6bdf8c9d7-jd5lx.log: |
        2026-03-11 18:59:11 ERROR no acknowledgement from mailer for 600 s, giving up
    fires: [{kind: ScaledObject, namespace: shop, name: mailer}]
  - name: "paused at three"
    files:
      so.json: '{"kind":"ScaledObject","apiVersion":"keda.sh/v1alpha1","metadata":{"name":"mailer","namespace":"shop","annotations":{"autoscaling.keda.sh/paused-replicas":"3"}},"spec":{"minReplicaCount":2,"scaleTargetRef":{"name":"mailer"},"triggers":[{"type":"kafka"}]}}'
      deployments.json: '{"kind":"DeploymentList","apiVersion":"apps/v1","items":[{"metadata":{"name":"mailer","namespace":"shop"},"spec":{"replicas":3},"status":{"availableReplicas":3}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    input
        .snapshot
        .kind("ScaledObject")
        .filter_map(|object| judge(input, rule, object))
        .collect()
}

const REPLICAS: &str = "/metadata/annotations/autoscaling.keda.sh~1paused-replicas";

fn judge(input: &Input<'_>, rule: &RuleHeader, object: &Object) -> Option<Finding> {
    let (annotation, at) = paused(object)?;
    let least = object
        .int("/spec/minReplicaCount")
        .or_else(|| column(object, "MIN").parse().ok())
        .unwrap_or(0);
    let target = target(input.snapshot, object)?;
    let wanted = target.int("/spec/replicas")?;
    // At zero although one was asked for at least. Where it may go to zero by itself, it has to be fixed there by the annotation, and
    // somebody has to miss its work.
    let at_zero = object.text(REPLICAS) == "0" || object.int("/status/pausedReplicaCount") == Some(0);
    if wanted != 0 || least == 0 && !(at_zero && is_missed(input.snapshot, object, &target.key.name)) {
        return None;
    }
    let triggers: Vec<&str> = object
        .list("/spec/triggers")
        .iter()
        .filter_map(|trigger| trigger.get("type")?.as_str())
        .collect();
    let subject: Subject = target.subject();
    Some(
        Finding::new(rule, object.subject(), Confidence::Confirmed)
            .at("metadata.annotations")
            .cite(object.cite_at(at))
            .cite(target.cite_at("/spec/replicas"))
            .affects(subject)
            .fact("target_kind", target.key.kind.clone())
            .fact("target", target.key.name.clone())
            .fact("annotation", annotation)
            .fact("at_zero", at_zero)
            .fact("least", least)
            .fact(
                "triggers",
                if triggers.is_empty() {
                    column(object, "TRIGGERS").to_owned()
                } else {
                    triggers.join(", ")
                },
            ),
    )
}

/// True when errors in a log name the workload, or what its triggers count: a queue, a topic, a stream, a list.
fn is_missed(snapshot: &Snapshot, object: &Object, target: &str) -> bool {
    let counted = object
        .list("/spec/triggers")
        .iter()
        .filter_map(|trigger| trigger.get("metadata")?.as_object())
        .flatten()
        .filter(|(key, _)| ["queueName", "topic", "stream", "listName", "subject"].contains(&key.as_str()))
        .filter_map(|(_, value)| value.as_str());
    let names: Vec<&str> = counted.chain([target]).filter(|name| name.len() >= 4).collect();
    let is_of_it = |text: &str| is_error(text) && names.iter().any(|name| text.contains(name));
    snapshot
        .logs
        .iter()
        .any(|log| log.tail.iter().any(|line| is_of_it(&line.text)))
}

/// By which annotation it is paused, and where that shows. `paused-replicas` with a number, or `paused: "true"`; tables have a column.
fn paused(object: &Object) -> Option<(&'static str, &'static str)> {
    const PAUSED: &str = "/metadata/annotations/autoscaling.keda.sh~1paused";
    if !object.text(REPLICAS).is_empty() {
        return Some(("autoscaling.keda.sh/paused-replicas", REPLICAS));
    }
    if object.text(PAUSED) == "true" {
        return Some(("autoscaling.keda.sh/paused", PAUSED));
    }
    (column(object, "PAUSED") == "True").then_some(("autoscaling.keda.sh/paused", "/casefileColumns/PAUSED"))
}

fn column<'s>(object: &'s Object, name: &str) -> &'s str {
    object.text(&format!("/casefileColumns/{name}"))
}

/// The workload that it scales: a Deployment unless it says otherwise.
fn target<'s>(snapshot: &'s Snapshot, object: &Object) -> Option<&'s Object> {
    let told = |pointer: &str, name: &str| {
        let value = object.text(pointer);
        if value.is_empty() {
            column(object, name).to_owned()
        } else {
            value.to_owned()
        }
    };
    let name = told("/spec/scaleTargetRef/name", "SCALETARGETNAME");
    let kind = told("/spec/scaleTargetRef/kind", "SCALETARGETKIND");
    let kind = kind
        .rsplit('.')
        .next()
        .filter(|kind| !kind.is_empty())
        .unwrap_or("Deployment");
    snapshot.object(kind, &object.key.namespace, &name)
}

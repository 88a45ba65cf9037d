//! KEDA cannot build the scaler of a ScaledObject, so that its workload does not scale.

use serde_json::Value;

use crate::cluster::{Object, Snapshot};
use crate::model::{Confidence, Subject};
use crate::rules::toolbox::speakers::controllers_called;
use crate::rules::{Finding, Ground, Input, RuleHeader, Touch};

pub(in crate::rules) const RULE: &str = r##"
id: scaledobject-not-ready
role: cause
level: warning
needs: [scaledobjects]
check:
  zh: "KEDA 的 ScaledObject 是否就绪"
  en: "whether ScaledObjects of KEDA are ready"
title:
  zh: "ScaledObject {{ subject.namespace }}/{{ subject.name }} 未就绪，{{ target }} 不再随负载伸缩{% if message %}：{{ message }}{% endif %}"
  en: "ScaledObject {{ subject.namespace }}/{{ subject.name }} is not ready, so {{ target }} does not follow its load{% if message %}: {{ message }}{% endif %}"
cause:
  zh: "条件 Ready 为 False{% if reason %}（{{ reason }}）{% endif %}：KEDA 无法建立触发器{% if triggers %} {{ triggers }}{% endif %}，常见原因是触发器类型或参数写错、目标不存在、凭据无效，或目标已有另一个 HPA。"
  en: "condition Ready is False{% if reason %} ({{ reason }}){% endif %}: KEDA cannot build the trigger{% if triggers %} {{ triggers }}{% endif %}. Mostly its type or parameters are wrong, the target does not exist, the credentials are not valid, or another autoscaler already has the target."
causes:
  - rule: app-*
    ground: object
    mechanism: {zh: "KEDA 的日志写的就是这个触发器的失败", en: "the log of KEDA is about this trigger's failure"}
  - rule: replicas-zero
    ground: workload
    mechanism: {zh: "没有触发器，副本数停在 0", en: "without a trigger the replicas stay at 0"}
  - rule: hpa-metrics-missing
    ground: namespace
    mechanism: {zh: "没有触发器，也就没有外部指标", en: "without a trigger there is no external metric"}
benign:
  - {zh: "ACTIVE 为 False 只表示当前没有工作", en: "ACTIVE False only means that there is no work now"}
remedy:
  - purpose: {zh: "查看条件与事件", en: "look at conditions and events"}
    place: cluster
    risk: read-only
    command: "kubectl -n {{ subject.namespace }} describe scaledobject {{ subject.name }}"
    expect: {zh: "Ready 为 False 的原因", en: "why Ready is False"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "按消息改正触发器或目标", en: "correct the trigger or target as the message says"}
    place: cluster
    risk: change
    command: "kubectl -n {{ subject.namespace }} edit scaledobject {{ subject.name }}"
    verify: {zh: "READY 变为 True", en: "READY becomes True"}
    rollback: {zh: "恢复修改前的内容", en: "put back what it said before"}
prevention:
  - kind: detect
    text: {zh: "对未就绪的 ScaledObject 告警（keda_scaled_object_errors_total）", en: "alert on ScaledObjects that are not ready (keda_scaled_object_errors_total)"}
    acceptance: {zh: "触发器类型写错的测试对象触发告警", en: "a test object with a wrong trigger type raises it"}
sources: ["kedacore/keda controllers/keda/scaledobject_controller.go: condition Ready False, reason ScaledObjectCheckFailed", "keda.sh/docs: kubectl get scaledobject columns READY and ACTIVE"]
versions: "KEDA 2.0 to 2.17"
examples:
  - name: "an object"
    files:
      so.json: '{"kind":"ScaledObject","apiVersion":"keda.sh/v1alpha1","metadata":{"name":"mailer","namespace":"shop"},"spec":{"scaleTargetRef":{"name":"mailer"},"triggers":[{"type":"kafkaa"}]},"status":{"conditions":[{"type":"Ready","status":"False","reason":"ScaledObjectCheckFailed","message":"failed to ensure HPA is correctly created for ScaledObject"}]}}'
    fires: [{kind: ScaledObject, namespace: shop, name: mailer}]
  - name: "a row"
    files:
      out.txt: |
        $ kubectl get scaledobjects -n shop
        NAME     SCALETARGETKIND      SCALETARGETNAME   MIN   MAX   TRIGGERS   READY   ACTIVE   FALLBACK   PAUSED   AGE
        mailer   apps/v1.Deployment   mailer            1     20    kafka      False   False    False      False    60d
    fires: [{kind: ScaledObject, namespace: shop, name: mailer}]
  - name: "ready, with nothing to do"
    files:
      out.txt: |
        $ kubectl get scaledobjects -n shop
        NAME     SCALETARGETKIND      SCALETARGETNAME   MIN   MAX   TRIGGERS   READY   ACTIVE   FALLBACK   PAUSED   AGE
        mailer   apps/v1.Deployment   mailer            0     20    kafka      True    False    False      False    60d
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    input
        .snapshot
        .kind("ScaledObject")
        .filter_map(|object| judge(rule, object))
        .map(|mut finding| {
            finding.touches.extend(operator(input.snapshot));
            finding
        })
        .collect()
}

/// KEDA's operator, whose log is about the triggers that it cannot build.
fn operator(snapshot: &Snapshot) -> Vec<Touch> {
    let operators = controllers_called(snapshot, "keda-operator");
    let all = operators.iter().flat_map(Touch::of);
    all.filter(|touch| touch.ground == Ground::Object).collect()
}

fn judge(rule: &RuleHeader, object: &Object) -> Option<Finding> {
    let column = |name: &str| object.text(&format!("/casefileColumns/{name}"));
    let conditions = object.list("/status/conditions");
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or("").to_owned();
    let ready = conditions
        .iter()
        .position(|condition| text(condition, "type") == "Ready");
    let (at, reason, message) = match ready {
        Some(index) => {
            let condition = conditions.get(index)?;
            if text(condition, "status") != "False" {
                return None;
            }
            (
                format!("/status/conditions/{index}"),
                text(condition, "reason"),
                text(condition, "message"),
            )
        }
        None if column("READY") == "False" => ("/casefileColumns/READY".to_owned(), String::new(), String::new()),
        None => return None,
    };
    let target = match object.text("/spec/scaleTargetRef/name") {
        "" => column("SCALETARGETNAME"),
        name => name,
    };
    let kind = match object.text("/spec/scaleTargetRef/kind") {
        "" => column("SCALETARGETKIND")
            .rsplit('.')
            .next()
            .filter(|kind| !kind.is_empty())
            .unwrap_or("Deployment"),
        kind => kind,
    };
    let triggers: Vec<String> = object
        .list("/spec/triggers")
        .iter()
        .map(|trigger| text(trigger, "type"))
        .collect();
    Some(
        Finding::new(rule, object.subject(), Confidence::Confirmed)
            .at("status.conditions[Ready]")
            .cite(object.cite_at(&at))
            .affects(Subject::namespaced(kind, &object.key.namespace, target))
            .fact("target", format!("{kind}/{target}"))
            .fact("reason", reason)
            .fact("message", message)
            .fact("triggers", triggers.join(", ")),
    )
}

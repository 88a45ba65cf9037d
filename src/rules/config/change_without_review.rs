//! An object that a tool manages was changed by hand afterwards.

use serde_json::Value;

use crate::cluster::Object;
use crate::model::{Confidence, Subject, When};
use crate::rules::{Finding, Input, RuleHeader, Touch};

pub(in crate::rules) const RULE: &str = r##"
id: change-without-review
role: factor
level: info
needs: [deployments|statefulsets|daemonsets|configmaps|services]
check:
  zh: 由工具管理的对象是否被手工改过
  en: whether objects that a tool manages were changed by hand
title:
  zh: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }} 由 {{ tool }} 管理，之后被 {{ hand }} 手工修改（{{ when }}）"
  en: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }} is managed by {{ tool }} and was changed by hand afterwards with {{ hand }} ({{ when }})"
cause:
  zh: "managedFields 显示 {{ hand }} 在 {{ tool }} 之后写过这个对象：这次修改没有经过 {{ tool }} 的流程，也会在下次部署时被覆盖。时间上的先后并不等于因果。"
  en: "managedFields show that {{ hand }} wrote to it after {{ tool }} did: the change went past the way that {{ tool }} takes, and the next deployment undoes it. That it came before does not make it the cause."
causes:
  - rule: config-syntax-error
    ground: object
    mechanism: {zh: "手工修改引入错误", en: "the change by hand brought the error in"}
  - rule: removed-api-version
    ground: object
    mechanism: {zh: "手工修改使用了已移除的 API", en: "the change by hand uses an API that was removed"}
  - rule: webhook-misconfigured
    ground: object
    mechanism: {zh: "手工修改改坏了 webhook 配置", en: "the change by hand broke the webhook's configuration"}
  - rule: image-not-found
    ground: workload
    mechanism: {zh: "手工修改写错镜像", en: "the change by hand set the wrong image"}
  - rule: image-tag-not-found
    ground: workload
    mechanism: {zh: "手工修改写错镜像标签", en: "the change by hand set the wrong tag"}
  - rule: replicas-zero
    ground: workload
    mechanism: {zh: "手工缩容", en: "it was scaled down by hand"}
benign:
  - {zh: "控制器不断更新 managedFields（kube-controller-manager、kubelet、HPA）", en: "controllers update managedFields all the time (kube-controller-manager, kubelet, the autoscaler)"}
  - {zh: "kubectl rollout restart 只改注解", en: "kubectl rollout restart changes an annotation only"}
remedy:
  - purpose: {zh: "查看谁在何时写了哪些字段", en: "see who wrote what, and when"}
    place: cluster
    risk: read-only
    command: "kubectl -n {{ subject.namespace }} get {{ resource }} {{ subject.name }} --show-managed-fields -o yaml"
    expect: {zh: "{{ hand }} 在 {{ tool }} 之后", en: "{{ hand }} after {{ tool }}"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
prevention:
  - kind: process
    text: {zh: "生产变更只经由 GitOps 或发布流水线，收回人工的写权限", en: "change production through GitOps or the pipeline only, and take write access away from people"}
    acceptance: {zh: "用个人账号 kubectl edit 生产对象被拒绝", en: "kubectl edit of a production object with a person's account is refused"}
sources: ["kubernetes.io/docs/reference/using-api/server-side-apply: managers; kubectl uses kubectl-edit, kubectl-patch, kubectl-set, kubectl-client-side-apply"]
versions: "Kubernetes 1.18 to 1.36"
examples:
  - name: "edited after the chart was installed"
    files:
      "deploy.json": '{"kind":"DeploymentList","apiVersion":"apps/v1","items":[{"metadata":{"name":"web","namespace":"shop","labels":{"app.kubernetes.io/managed-by":"Helm"},"managedFields":[{"manager":"helm","operation":"Update","time":"2026-02-20T10:00:00Z","fieldsV1":{"f:spec":{"f:replicas":{}}}},{"manager":"kubectl-edit","operation":"Update","time":"2026-02-24T10:00:00Z","fieldsV1":{"f:spec":{"f:template":{}}}}]},"spec":{"replicas":1},"status":{"replicas":1,"unavailableReplicas":1}}]}'
      "date.txt": "2026-02-24T14:30:00Z\n"
    fires: [{kind: "Deployment", namespace: "shop", name: "web"}]
  - name: "the chart came last"
    files:
      "deploy.json": '{"kind":"DeploymentList","apiVersion":"apps/v1","items":[{"metadata":{"name":"web","namespace":"shop","labels":{"app.kubernetes.io/managed-by":"Helm"},"managedFields":[{"manager":"kubectl-edit","operation":"Update","time":"2026-02-19T10:00:00Z","fieldsV1":{"f:spec":{"f:template":{}}}},{"manager":"helm","operation":"Update","time":"2026-02-20T10:00:00Z","fieldsV1":{"f:spec":{"f:replicas":{}}}}]},"spec":{"replicas":1},"status":{"replicas":1}}]}'
      "date.txt": "2026-02-24T14:30:00Z\n"
  - name: "nobody manages it"
    files:
      "deploy.json": '{"kind":"DeploymentList","apiVersion":"apps/v1","items":[{"metadata":{"name":"web","namespace":"shop","managedFields":[{"manager":"kubectl-edit","operation":"Update","time":"2026-02-24T10:00:00Z","fieldsV1":{"f:spec":{"f:template":{}}}}]},"spec":{"replicas":1},"status":{"replicas":1}}]}'
      "date.txt": "2026-02-24T14:30:00Z\n"
"##;

/// Kinds of which the specification is written by people and tools.
const KINDS: [&str; 9] = [
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "ConfigMap",
    "Service",
    "Ingress",
    "NetworkPolicy",
    "ValidatingWebhookConfiguration",
    "MutatingWebhookConfiguration",
];
/// What people use. A restart (`kubectl-rollout`) changes nothing, and `kubectl scale` writes the subresource.
const HANDS: [&str; 6] = [
    "kubectl-edit",
    "kubectl-patch",
    "kubectl-set",
    "kubectl-replace",
    "k9s",
    "Mozilla",
];
/// Beginnings of the names by which tools write.
const TOOLS: [&str; 7] = ["helm", "argocd", "kustomize", "flux", "fleet", "terraform", "pulumi"];
/// Older changes have been lived with.
const RECENT: jiff::SignedDuration = jiff::SignedDuration::from_hours(24 * 7);

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let Some(now) = &input.snapshot.bundle.collected_at else {
        return Vec::new();
    };
    let objects = KINDS.iter().flat_map(|kind| input.snapshot.kind(kind));
    objects.filter_map(|object| judge(rule, object, now)).collect()
}

/// One writer of an object.
struct Writer<'o> {
    index: usize,
    name: &'o str,
    when: When,
}

fn judge(rule: &RuleHeader, object: &Object, now: &When) -> Option<Finding> {
    let writers = writers(object);
    let is_tool = |name: &str| TOOLS.iter().any(|tool| name.to_ascii_lowercase().starts_with(tool));
    let tool = writers
        .iter()
        .filter(|writer| is_tool(writer.name))
        .max_by_key(|writer| writer.when.latest)?;
    let hand = writers
        .iter()
        .filter(|writer| HANDS.contains(&writer.name))
        .max_by_key(|writer| writer.when.latest)?;
    let is_later = tool.when.surely_before(&hand.when);
    if !is_later || hand.when.gap_to(now) > RECENT {
        return None;
    }
    let subject = Subject::namespaced(&object.key.kind, &object.key.namespace, &object.key.name);
    let at = format!("/metadata/managedFields/{}/manager", hand.index);
    let mut finding = Finding::new(rule, subject.clone(), Confidence::Confirmed)
        .cite(object.cite_at(&at).at(Some(hand.when.clone())))
        .fact("tool", tool.name)
        .fact("hand", hand.name)
        .fact("when", hand.when.raw.clone())
        .fact("resource", object.key.kind.to_lowercase());
    finding.touches.extend(Touch::of(&subject));
    Some(finding)
}

fn writers(object: &Object) -> Vec<Writer<'_>> {
    let entries = object.list("/metadata/managedFields").iter().enumerate();
    entries
        .filter_map(|(index, entry)| {
            let is_status = entry.get("subresource").is_some();
            (!is_status).then_some(Writer {
                index,
                name: entry.get("manager").and_then(Value::as_str)?,
                when: When::rfc3339(entry.get("time").and_then(Value::as_str)?)?,
            })
        })
        .collect()
}

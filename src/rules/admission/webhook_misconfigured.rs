//! A webhook names a Service that does not exist.

use serde_json::Value;

use crate::model::{Confidence, Subject};
use crate::rules::toolbox::services::services_in;
use crate::rules::{Finding, Input, RuleHeader, Touch};

pub(in crate::rules) const RULE: &str = r##"
id: webhook-misconfigured
role: cause
level: critical
needs: [validatingwebhookconfigurations|mutatingwebhookconfigurations, services]
check:
  zh: "webhook 引用的 Service 是否存在"
  en: "whether the Services that webhooks name exist"
title:
  zh: "{{ subject.kind|raw }} {{ subject.name }} 的 webhook {{ webhook }} 指向不存在的 Service {{ namespace }}/{{ service }}"
  en: "webhook {{ webhook }} of {{ subject.kind|raw }} {{ subject.name }} names Service {{ namespace }}/{{ service }}, which does not exist"
cause:
  zh: "failurePolicy 是 Fail，而 Service {{ namespace }}/{{ service }} 不存在：与它匹配的每个请求都会被拒绝。通常是产品被卸载而 webhook 配置留了下来。"
  en: "its failurePolicy is Fail, and Service {{ namespace }}/{{ service }} does not exist: every request that it matches is refused. Mostly a product was removed and its webhook was left."
causes:
  - rule: webhook-call-failed
    ground: object
    mechanism: {zh: "webhook 没有后端", en: "the webhook has no backend"}
  - rule: webhook-call-failed
    ground: service
    mechanism: {zh: "webhook 没有后端", en: "the webhook has no backend"}
  - rule: deployment-replicafailure-failedcreate
    ground: cluster
    mechanism: {zh: "创建请求被拒绝", en: "creations are refused"}
benign:
  - {zh: "failurePolicy 为 Ignore 时什么也不会被拒绝", en: "with failurePolicy Ignore nothing is refused"}
remedy:
  - purpose: {zh: "查看 webhook 与 Service", en: "see webhook and Service"}
    place: cluster
    risk: read-only
    command: |
      kubectl get {{ subject.kind|lower }} {{ subject.name }} -o yaml
      kubectl -n {{ namespace }} get services
    expect: {zh: "没有 {{ service }}", en: "no {{ service }}"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "先保存，再删除残留的配置（或恢复它的产品）", en: "save it, then delete what was left (or bring its product back)"}
    place: cluster
    risk: dangerous
    command: |
      kubectl get {{ subject.kind|lower }} {{ subject.name }} -o yaml > {{ subject.name }}.yaml
      kubectl delete {{ subject.kind|lower }} {{ subject.name }}
    verify: {zh: "被拒绝的创建恢复", en: "creations succeed again"}
    rollback: {zh: "`kubectl apply -f {{ subject.name }}.yaml`", en: "`kubectl apply -f {{ subject.name }}.yaml`"}
prevention:
  - kind: process
    text: {zh: "卸载清单中包含 webhook 配置", en: "put webhook configurations on the checklist for removals"}
    acceptance: {zh: "卸载演练后没有残留", en: "a rehearsed removal leaves none"}
sources: ["kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers"]
versions: "Kubernetes 1.9 to 1.36"
examples:
  - name: "its Service is gone"
    files:
      "hooks.json": '{"kind": "ValidatingWebhookConfigurationList", "apiVersion": "admissionregistration.k8s.io/v1", "items": [{"metadata": {"name": "gate", "uid": "a"}, "webhooks": [{"name": "gate.example.com", "failurePolicy": "Fail", "clientConfig": {"service": {"name": "gate-old", "namespace": "gate"}}}]}]}'
      "svc.txt": |
        NAMESPACE   NAME   TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)   AGE
        gate        gate   ClusterIP   10.43.0.9    <none>        443/TCP   9d
    fires: [{kind: "ValidatingWebhookConfiguration", name: "gate"}]
  - name: "it is there"
    files:
      "hooks.json": '{"kind": "ValidatingWebhookConfigurationList", "apiVersion": "admissionregistration.k8s.io/v1", "items": [{"metadata": {"name": "gate", "uid": "a"}, "webhooks": [{"name": "gate.example.com", "failurePolicy": "Fail", "clientConfig": {"service": {"name": "gate", "namespace": "gate"}}}]}]}'
      "svc.txt": |
        NAMESPACE   NAME   TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)   AGE
        gate        gate   ClusterIP   10.43.0.9    <none>        443/TCP   9d
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings: Vec<Finding> = Vec::new();
    let kinds = ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];
    for object in kinds.into_iter().flat_map(|kind| snapshot.kind(kind)) {
        for (index, webhook) in object.list("/webhooks").iter().enumerate() {
            let text = |at: &str| webhook.pointer(at).and_then(Value::as_str).unwrap_or("");
            let (namespace, name) = (
                text("/clientConfig/service/namespace"),
                text("/clientConfig/service/name"),
            );
            // Services of that namespace have to be listed; one that ignores failures refuses nothing.
            let mut listed = services_in(snapshot, namespace)
                .filter(|service| service.key.namespace == namespace)
                .peekable();
            let is_absent = listed.peek().is_some() && !listed.any(|service| service.key.name == name);
            if name.is_empty() || text("/failurePolicy") == "Ignore" || !is_absent {
                continue;
            }
            let backend = Subject::namespaced("Service", namespace, name);
            let mut finding = Finding::new(rule, object.subject(), Confidence::Confirmed)
                .at(format!("webhooks[{index}].clientConfig.service"))
                .cite(object.cite_at(&format!("/webhooks/{index}/clientConfig/service")))
                .fact("webhook", text("/name"))
                .fact("service", name)
                .fact("namespace", namespace);
            finding.touches.extend(Touch::of(&backend));
            findings.push(finding);
            break;
        }
    }
    findings
}

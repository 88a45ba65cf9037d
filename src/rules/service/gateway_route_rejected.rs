//! A gateway does not take up a route.

use serde_json::Value;

use crate::cluster::Object;
use crate::model::{Confidence, Subject};
use crate::rules::{Finding, Ground, Input, RuleHeader};

/// Kinds of routes of the Gateway API.
const ROUTES: [&str; 4] = ["HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute"];

pub(in crate::rules) const RULE: &str = r##"
id: gateway-route-rejected
role: cause
level: critical
needs: [httproutes|gateways|grpcroutes]
check:
  zh: "网关是否接受了路由"
  en: "whether gateways take up their routes"
title:
  zh: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }} 没有被网关 {{ gateway }} 采用（{{ reason }}）{% if message %}：{{ message }}{% endif %}"
  en: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }} is not taken up by gateway {{ gateway }} ({{ reason }}){% if message %}: {{ message }}{% endif %}"
cause:
  zh: "控制器给出的原因是 {{ reason }}：NoMatchingParent 与 NotAllowedByListeners 说明监听器不允许这个命名空间、主机或端口，BackendNotFound 与 RefNotPermitted 说明后端不存在或缺少 ReferenceGrant。"
  en: "the controller gives {{ reason }}: NoMatchingParent and NotAllowedByListeners mean that no listener admits this namespace, host or port, BackendNotFound and RefNotPermitted that the backend is missing or lacks a ReferenceGrant."
benign:
  - {zh: "刚创建的路由会短暂没有状态", en: "a new route has no status for a moment"}
remedy:
  - purpose: {zh: "查看路由与网关的状态", en: "see the status of route and gateway"}
    place: cluster
    risk: read-only
    command: |
      kubectl -n {{ subject.namespace }} describe {{ subject.kind|lower }} {{ subject.name }}
      kubectl get gateways -A
    expect: {zh: "Accepted 与 ResolvedRefs", en: "Accepted and ResolvedRefs"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "按原因改正监听器、主机名或后端引用", en: "correct listener, host or backend after the reason"}
    place: cluster
    risk: change
    command: "kubectl -n {{ subject.namespace }} edit {{ subject.kind|lower }} {{ subject.name }}"
    verify: {zh: "条件变为 True", en: "the condition becomes True"}
    rollback: {zh: "改回原来的内容", en: "write the former content again"}
prevention:
  - kind: prevent
    text: {zh: "在流水线中等待路由的 Accepted 条件", en: "let the pipeline wait for the route's Accepted"}
    acceptance: {zh: "被拒绝的路由使流水线失败", en: "a route that is refused fails there"}
sources: ["gateway-api.sigs.k8s.io: RouteConditionReason"]
versions: "Gateway API v1beta1, v1"
examples:
  - name: "a backend that does not exist"
    files:
      "routes.json": '{"kind": "HTTPRouteList", "apiVersion": "gateway.networking.k8s.io/v1", "items": [{"metadata": {"name": "web", "namespace": "shop", "uid": "a"}, "spec": {"parentRefs": [{"name": "edge"}]}, "status": {"parents": [{"parentRef": {"name": "edge"}, "conditions": [{"type": "ResolvedRefs", "status": "False", "reason": "BackendNotFound", "message": "service \"wbe\" not found"}]}]}}]}'
    fires: [{kind: "HTTPRoute", namespace: "shop", name: "web"}]
  - name: "accepted"
    files:
      "routes.json": '{"kind": "HTTPRouteList", "apiVersion": "gateway.networking.k8s.io/v1", "items": [{"metadata": {"name": "web", "namespace": "shop", "uid": "a"}, "spec": {"parentRefs": [{"name": "edge"}]}, "status": {"parents": [{"parentRef": {"name": "edge"}, "conditions": [{"type": "Accepted", "status": "True", "reason": "Accepted", "message": ""}]}]}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings = Vec::new();
    for route in ROUTES.into_iter().flat_map(|kind| snapshot.kind(kind)) {
        for (parent_at, parent) in route.list("/status/parents").iter().enumerate() {
            let conditions = parent.get("conditions").and_then(Value::as_array);
            let text =
                |condition: &Value, key: &str| condition.get(key).and_then(Value::as_str).unwrap_or("").to_owned();
            let refused = conditions.into_iter().flatten().enumerate().find(|(_, condition)| {
                matches!(text(condition, "type").as_str(), "Accepted" | "ResolvedRefs")
                    && text(condition, "status") == "False"
            });
            let Some((index, condition)) = refused else { continue };
            // What the gateway cannot find is also seen by comparing the route with the Services, and told more exactly.
            let not_found =
                text(condition, "type") == "ResolvedRefs" && text(condition, "reason").ends_with("NotFound");
            let gateway = parent.pointer("/parentRef/name").and_then(Value::as_str).unwrap_or("");
            let mut finding = Finding::new(rule, route.subject(), Confidence::Confirmed)
                .at("spec")
                .cite(route.cite_at(&format!("/status/parents/{parent_at}/conditions/{index}")))
                .fact("gateway", gateway)
                .fact("reason", text(condition, "reason"))
                .fact("message", text(condition, "message"));
            for service in backends(route).filter(|_| not_found) {
                finding = finding.touch(Ground::Service, service);
            }
            findings.push(finding);
            break;
        }
    }
    for gateway in snapshot.kind("Gateway") {
        let text = |index: usize, key: &str| gateway.text(&format!("/status/conditions/{index}/{key}"));
        let refused = (0..gateway.list("/status/conditions").len()).find(|&index| {
            matches!(text(index, "type"), "Accepted" | "Programmed") && text(index, "status") == "False"
        });
        if let Some(index) = refused {
            findings.push(
                Finding::new(
                    rule,
                    Subject::namespaced("Gateway", &gateway.key.namespace, &gateway.key.name),
                    Confidence::Confirmed,
                )
                .cite(gateway.cite_at(&format!("/status/conditions/{index}/message")))
                .fact("gateway", gateway.key.name.clone())
                .fact("reason", text(index, "reason"))
                .fact("message", text(index, "message")),
            );
        }
    }
    findings
}

/// The Services that a route names: `namespace/name`.
fn backends(route: &Object) -> impl Iterator<Item = String> + '_ {
    let refs = route
        .list("/spec/rules")
        .iter()
        .filter_map(|rule| rule.get("backendRefs")?.as_array())
        .flatten();
    refs.filter_map(|backend| {
        let text = |key: &str| backend.get(key).and_then(Value::as_str);
        let namespace = text("namespace").unwrap_or(&route.key.namespace);
        Some(format!("{namespace}/{}", text("name")?))
    })
}

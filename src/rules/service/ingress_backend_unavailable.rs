//! An ingress controller finds nothing behind an Ingress.

use serde_json::Value;

use crate::model::{Confidence, Subject};
use crate::rules::toolbox::peers::{Peer, objects_of};
use crate::rules::toolbox::services::{answering, selector, service};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: ingress-backend-unavailable
role: symptom
level: critical
needs: [ingresses, services|endpoints|endpointslices]
check:
  zh: "Ingress 的后端是否有就绪的端点"
  en: "whether the backends of Ingresses have ready endpoints"
title:
  zh: "Ingress {{ subject.namespace }}/{{ subject.name }} 的后端 {{ services|join('、') }} 没有就绪的端点，请求得到 503"
  en: "the backends {{ services|join(', ') }} of Ingress {{ subject.namespace }}/{{ subject.name }} have no ready endpoint, so requests get a 503"
cause:
  zh: "入口控制器找不到可用的后端；原因在 Service 或它选中的 Pod。"
  en: "the controller finds no backend that is ready; the reason is with the Service or the pods that it selects."
benign:
  - {zh: "未知主机返回的 503 来自默认后端", en: "a 503 for an unknown host comes from the default backend"}
remedy:
  - purpose: {zh: "查看端点", en: "see the endpoints"}
    place: cluster
    risk: read-only
    command: "kubectl -n {{ subject.namespace }} get endpoints {{ services|join(' ') }}"
    expect: {zh: "<none>", en: "<none>"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
prevention:
  - kind: detect
    text: {zh: "对入口 5xx 比例告警", en: "alert on the share of 5xx at the ingress"}
    acceptance: {zh: "停掉测试后端后收到告警", en: "stopping a test backend raises it"}
sources: ["kubernetes/ingress-nginx internal/ingress/controller: `Service %q does not have any active Endpoint.`"]
versions: "all"
examples:
  - name: "no endpoint"
    files:
      "ingress.json": '{"kind": "IngressList", "apiVersion": "networking.k8s.io/v1", "items": [{"metadata": {"name": "web", "namespace": "shop", "creationTimestamp": "2026-01-01T00:00:00Z", "uid": "web"}, "spec": {"ingressClassName": "nginx", "rules": [{"host": "a.example", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "web", "port": {"number": 80}}}}]}}]}}]}'
      "svc.json": '{"kind": "ServiceList", "apiVersion": "v1", "items": [{"metadata": {"name": "web", "namespace": "shop", "uid": "a"}, "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}}]}'
      "endpoints.txt": |
        NAMESPACE   NAME   ENDPOINTS   AGE
        shop        web    <none>      9d
    fires: [{kind: "Ingress", namespace: "shop", name: "web"}]
  - name: "one"
    files:
      "ingress.json": '{"kind": "IngressList", "apiVersion": "networking.k8s.io/v1", "items": [{"metadata": {"name": "web", "namespace": "shop", "creationTimestamp": "2026-01-01T00:00:00Z", "uid": "web"}, "spec": {"ingressClassName": "nginx", "rules": [{"host": "a.example", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "web", "port": {"number": 80}}}}]}}]}}]}'
      "svc.json": '{"kind": "ServiceList", "apiVersion": "v1", "items": [{"metadata": {"name": "web", "namespace": "shop", "uid": "a"}, "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}}]}'
      "endpoints.txt": |
        NAMESPACE   NAME   ENDPOINTS       AGE
        shop        web    10.42.0.9:80    9d
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings = Vec::new();
    for ingress in snapshot.kind("Ingress") {
        let namespace = ingress.key.namespace.as_str();
        let mut empty: Vec<(Subject, crate::model::Citation)> = Vec::new();
        for path in ingress
            .list("/spec/rules")
            .iter()
            .filter_map(|entry| entry.pointer("/http/paths")?.as_array())
            .flatten()
        {
            let name = ["/backend/service/name", "/backend/serviceName"]
                .iter()
                .find_map(|at| path.pointer(at).and_then(Value::as_str));
            let Some(found) = name.and_then(|name| service(snapshot, namespace, name)) else {
                continue;
            };
            let none = answering(snapshot, found).filter(|answering| answering.ready == 0);
            // Without a selector its endpoints are made by hand.
            if let Some(none) = none.filter(|_| selector(found).is_some())
                && !empty.iter().any(|(known, _)| *known == found.subject())
            {
                empty.push((found.subject(), none.cite));
            }
        }
        if empty.is_empty() {
            continue;
        }
        let names: Vec<String> = empty.iter().map(|(subject, _)| subject.name.clone()).collect();
        let mut finding = Finding::new(rule, ingress.subject(), Confidence::Confirmed).fact("services", names);
        for (subject, cite) in empty {
            for object in objects_of(snapshot, namespace, &Peer::parse(&subject.name, None)) {
                finding.blame(object);
            }
            finding.add_cite(cite);
            finding.blame(subject);
        }
        findings.push(finding);
    }
    findings
}

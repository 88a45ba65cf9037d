//! Two Ingresses claim the same host and path.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::cluster::Object;
use crate::model::Confidence;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: ingress-host-conflict
role: cause
level: warning
needs: [ingresses]
check:
  zh: "是否有 Ingress 的主机与路径冲突"
  en: "whether Ingresses claim the same host and path"
title:
  zh: "Ingress {{ subject.namespace }}/{{ subject.name }} 与 {{ other }} 声明了同一个主机与路径 {{ host }}{{ path }}，后端不同"
  en: "Ingress {{ subject.namespace }}/{{ subject.name }} and {{ other }} both claim {{ host }}{{ path }}, with different backends"
cause:
  zh: "同一类的两个 Ingress 声明了 {{ host }}{{ path }}：控制器通常只采用较早创建的 {{ other }}，另一个的规则不生效，请求到达错误的后端。"
  en: "two Ingresses of one class claim {{ host }}{{ path }}: controllers mostly keep the older {{ other }}, so the other has no effect and requests reach another backend than meant."
benign:
  - {zh: "带 canary 注解的 Ingress 有意共享主机", en: "canaries share their host on purpose"}
remedy:
  - purpose: {zh: "列出该主机的所有 Ingress", en: "list the Ingresses of that host"}
    place: cluster
    risk: read-only
    command: "kubectl get ingress -A | grep {{ host }}"
    expect: {zh: "两行", en: "two rows"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "改用不同的路径或主机，或删除多余的一个", en: "use another path or host, or delete the one too many"}
    place: cluster
    risk: change
    command: "kubectl -n {{ subject.namespace }} edit ingress {{ subject.name }}"
    verify: {zh: "请求到达期望的后端", en: "requests reach the backend that is meant"}
    rollback: {zh: "改回原来的规则", en: "write the former rules again"}
prevention:
  - kind: prevent
    text: {zh: "启用入口控制器的准入 webhook，拒绝重复的主机与路径", en: "enable the controller's admission webhook, which refuses doubles"}
    acceptance: {zh: "重复的测试 Ingress 被拒绝", en: "a test Ingress that doubles another is refused"}
sources: ["kubernetes.github.io/ingress-nginx: how it works, building the model (oldest rule wins)"]
versions: "Kubernetes 1.18 to 1.36"
examples:
  - name: "two namespaces"
    files:
      "ingress.json": '{"kind": "IngressList", "apiVersion": "networking.k8s.io/v1", "items": [{"metadata": {"name": "web", "namespace": "shop", "creationTimestamp": "2026-01-01T00:00:00Z", "uid": "web"}, "spec": {"ingressClassName": "nginx", "rules": [{"host": "a.example", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "web", "port": {"number": 80}}}}]}}]}}, {"metadata": {"name": "web2", "namespace": "beta", "creationTimestamp": "2026-02-01T00:00:00Z", "uid": "web2"}, "spec": {"ingressClassName": "nginx", "rules": [{"host": "a.example", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "other", "port": {"number": 80}}}}]}}]}}]}'
    fires: [{kind: "Ingress", namespace: "beta", name: "web2"}]
  - name: "two paths"
    files:
      "ingress.json": '{"kind": "IngressList", "apiVersion": "networking.k8s.io/v1", "items": [{"metadata": {"name": "web", "namespace": "shop", "creationTimestamp": "2026-01-01T00:00:00Z", "uid": "web"}, "spec": {"ingressClassName": "nginx", "rules": [{"host": "a.example", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "web", "port": {"number": 80}}}}]}}]}}, {"metadata": {"name": "web2", "namespace": "beta", "creationTimestamp": "2026-01-01T00:00:00Z", "uid": "web2"}, "spec": {"ingressClassName": "nginx", "rules": [{"host": "a.example", "http": {"paths": [{"path": "/b", "pathType": "Prefix", "backend": {"service": {"name": "other", "port": {"number": 80}}}}]}}]}}]}'
"##;

/// Class, host, and path with its type.
type Place = (String, String, String);
/// Who claims it, and for which backend.
type Claim<'s> = (&'s Object, String);

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let mut claims: BTreeMap<Place, Vec<Claim<'_>>> = BTreeMap::new();
    for ingress in input.snapshot.kind("Ingress") {
        let class = ingress.text("/spec/ingressClassName").to_owned();
        for entry in ingress.list("/spec/rules") {
            let host = entry.get("host").and_then(Value::as_str).unwrap_or("");
            let paths = entry.pointer("/http/paths").and_then(Value::as_array);
            for path in paths.into_iter().flatten() {
                let text = |key: &str| path.get(key).and_then(Value::as_str).unwrap_or("").to_owned();
                let backend = path.get("backend").map(ToString::to_string).unwrap_or_default();
                let key = (
                    class.clone(),
                    host.to_owned(),
                    format!("{} {}", text("path"), text("pathType")),
                );
                claims.entry(key).or_default().push((ingress, backend));
            }
        }
    }
    let mut findings: Vec<Finding> = Vec::new();
    for ((_, host, path), mut owners) in claims {
        owners.dedup_by_key(|(ingress, _)| ingress.key.clone());
        let differ = owners
            .iter()
            .any(|(_, backend)| owners.first().is_some_and(|(_, first)| first != backend));
        // Canaries share their host on purpose.
        let is_canary = owners
            .iter()
            .any(|(ingress, _)| ingress.text("/metadata/annotations/nginx.ingress.kubernetes.io~1canary") == "true");
        if owners.len() < 2 || !differ || is_canary || host.is_empty() {
            continue;
        }
        // Controllers give the host to the older one.
        owners.sort_by_key(|(ingress, _)| ingress.text("/metadata/creationTimestamp").to_owned());
        let [(older, _), .., (newer, _)] = owners.as_slice() else {
            continue;
        };
        if findings.iter().any(|finding| finding.subject == newer.subject()) {
            continue;
        }
        findings.push(
            Finding::new(rule, newer.subject(), Confidence::Probable)
                .at("spec.rules")
                .cite(newer.cite_at("/spec/rules"))
                .cite(older.cite_at("/spec/rules"))
                .fact("host", host)
                .fact("path", path.split(' ').next().unwrap_or(""))
                .fact("other", format!("{}/{}", older.key.namespace, older.key.name))
                .affects(older.subject()),
        );
    }
    findings
}

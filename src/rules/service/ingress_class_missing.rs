//! An Ingress names a class that does not exist, so no controller serves it.

use crate::cluster::Object;
use crate::model::Confidence;
use crate::rules::toolbox::services::is_near;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: ingress-class-missing
role: cause
level: critical
needs: [ingresses, ingressclasses]
check:
  zh: "Ingress 引用的 IngressClass 是否存在"
  en: "whether the classes that Ingresses name exist"
title:
  zh: "Ingress {{ subject.namespace }}/{{ subject.name }} 的 ingressClassName {{ class }} 不存在（现有 {{ known|join('、') }}）"
  en: "Ingress {{ subject.namespace }}/{{ subject.name }} names class {{ class }}, which does not exist ({{ known|join(', ') }} do)"
cause:
  zh: "没有名为 {{ class }} 的 IngressClass，任何入口控制器都不会处理这个 Ingress：它没有地址，请求得到 404 或无法连接。"
  en: "there is no IngressClass {{ class }}, so no controller takes this Ingress up: it has no address, and requests get a 404 or no connection."
causes:
  - rule: ingress-backend-unavailable
    ground: object
    mechanism: {zh: "没有控制器处理这个 Ingress", en: "no controller serves this Ingress"}
benign:
  - {zh: "旧式注解 kubernetes.io/ingress.class 不要求存在 IngressClass 对象", en: "the old annotation kubernetes.io/ingress.class needs no IngressClass object"}
remedy:
  - purpose: {zh: "列出类与 Ingress", en: "list classes and Ingress"}
    place: cluster
    risk: read-only
    command: |
      kubectl get ingressclass
      kubectl -n {{ subject.namespace }} get ingress {{ subject.name }}
    expect: {zh: "CLASS 列为 {{ class }}，ADDRESS 为空", en: "CLASS {{ class }} with an empty ADDRESS"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "改为存在的类", en: "name a class that exists"}
    place: cluster
    risk: change
    command: "kubectl -n {{ subject.namespace }} patch ingress {{ subject.name }} --type=merge -p '{\"spec\":{\"ingressClassName\":\"{{ near|raw }}\"}}'"
    verify: {zh: "ADDRESS 出现，请求成功", en: "an ADDRESS appears and requests succeed"}
    rollback: {zh: "改回原来的类名", en: "name the former class again"}
prevention:
  - kind: prevent
    text: {zh: "在流水线中校验 ingressClassName", en: "check ingressClassName in the pipeline"}
    acceptance: {zh: "不存在的类使流水线失败", en: "an unknown class fails there"}
sources: ["kubernetes.io/docs/concepts/services-networking/ingress/#ingress-class"]
versions: "Kubernetes 1.18 to 1.36"
examples:
  - name: "a class of another controller"
    files:
      "ingress.json": '{"kind": "IngressList", "apiVersion": "networking.k8s.io/v1", "items": [{"metadata": {"name": "web", "namespace": "shop", "creationTimestamp": "2026-01-01T00:00:00Z", "uid": "web"}, "spec": {"ingressClassName": "traefik", "rules": [{"host": "a.example", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "web", "port": {"number": 80}}}}]}}]}}]}'
      "ingressclass.txt": |
        NAME      CONTROLLER             PARAMETERS   AGE
        nginx     k8s.io/ingress-nginx   <none>       90d
    fires: [{kind: "Ingress", namespace: "shop", name: "web"}]
  - name: "it exists"
    files:
      "ingress.json": '{"kind": "IngressList", "apiVersion": "networking.k8s.io/v1", "items": [{"metadata": {"name": "web", "namespace": "shop", "creationTimestamp": "2026-01-01T00:00:00Z", "uid": "web"}, "spec": {"ingressClassName": "nginx", "rules": [{"host": "a.example", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "web", "port": {"number": 80}}}}]}}]}}]}'
      "ingressclass.txt": |
        NAME      CONTROLLER             PARAMETERS   AGE
        nginx     k8s.io/ingress-nginx   <none>       90d
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let classes: Vec<&Object> = snapshot.kind("IngressClass").collect();
    if classes.is_empty() {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for ingress in snapshot.kind("Ingress") {
        let annotation = "/metadata/annotations/kubernetes.io~1ingress.class";
        let (name, at) = match ingress.text("/spec/ingressClassName") {
            "" => (ingress.text(annotation), annotation),
            name => (name, "/spec/ingressClassName"),
        };
        if matches!(name, "" | "<none>") || classes.iter().any(|class| class.key.name == name) {
            continue;
        }
        // With the annotation a controller may serve a class that has no object.
        let is_served = at == annotation && !ingress.list("/status/loadBalancer/ingress").is_empty();
        if is_served {
            continue;
        }
        let near = classes
            .iter()
            .find(|class| is_near(&class.key.name, name))
            .or(classes.first());
        let mut finding = Finding::new(rule, ingress.subject(), Confidence::Confirmed)
            .at(at.trim_start_matches('/').replace('/', "."))
            .cite(ingress.cite_at(at))
            .fact("class", name)
            .fact(
                "known",
                classes.iter().map(|class| class.key.name.clone()).collect::<Vec<_>>(),
            )
            .fact("near", near.map_or("", |class| class.key.name.as_str()));
        for class in &classes {
            finding.add_cite(class.cite.clone());
        }
        findings.push(finding);
    }
    findings
}

//! An Ingress names a class that does not exist, so no controller serves it.

use crate::cluster::{Object, Snapshot};
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
  zh: "{% if issuer %}{{ subject.kind|raw }} {{ subject.name }} 为质询建的 {% endif %}Ingress {{ ingress }} 的 ingressClassName {{ class }} 不存在（现有 {{ known|join('、') }}）"
  en: "Ingress {{ ingress }}{% if issuer %}, made for a challenge of {{ subject.kind|raw }} {{ subject.name }},{% endif %} names class {{ class }}, which does not exist ({{ known|join(', ') }} do)"
cause:
  zh: "没有名为 {{ class }} 的 IngressClass，任何入口控制器都不会处理这个 Ingress：它没有地址，请求得到 404 或无法连接。"
  en: "there is no IngressClass {{ class }}, so no controller takes this Ingress up: it has no address, and requests get a 404 or no connection."
causes:
  - rule: certificate-not-issued
    ground: object
    mechanism: {zh: "质询没有人应答", en: "nobody answers the challenge"}
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
      kubectl -n {{ namespace }} get ingress {{ name }}
    expect: {zh: "CLASS 列为 {{ class }}，ADDRESS 为空", en: "CLASS {{ class }} with an empty ADDRESS"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "改为存在的类", en: "name a class that exists"}
    place: cluster
    risk: change
    command: "{% if issuer %}kubectl {% if subject.namespace %}-n {{ subject.namespace }} {% endif %}edit {{ resource }} {{ subject.name }}{% else %}kubectl -n {{ subject.namespace }} patch ingress {{ subject.name }} --type=merge -p '{\"spec\":{\"ingressClassName\":\"{{ near|raw }}\"}}'{% endif %}"
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
        let issuer = issuer_of_solver(snapshot, ingress);
        let path = match issuer {
            Some(_) => "spec.acme.solvers[].http01.ingress".to_owned(),
            None => at.trim_start_matches('/').replace('/', "."),
        };
        let subject = issuer.map_or_else(|| ingress.subject(), Object::subject);
        let mut finding = Finding::new(rule, subject, Confidence::Confirmed)
            .at(path)
            .cite(ingress.cite_at(at))
            .affects(ingress.subject())
            .fact("ingress", format!("{}/{}", ingress.key.namespace, ingress.key.name))
            .fact("namespace", ingress.key.namespace.clone())
            .fact("name", ingress.key.name.clone())
            .fact("issuer", issuer.is_some())
            .fact(
                "resource",
                issuer.map_or_else(String::new, |issuer| issuer.key.kind.to_lowercase()),
            )
            .fact("class", name)
            .fact(
                "known",
                classes.iter().map(|class| class.key.name.clone()).collect::<Vec<_>>(),
            )
            .fact("near", near.map_or("", |class| class.key.name.as_str()));
        let of_issuer = |object: &&Object| {
            let name = issuer.map(|issuer| issuer.key.name.as_str());
            object.key.namespace == ingress.key.namespace && Some(object.text("/spec/issuerRef/name")) == name
        };
        for certificate in snapshot.kind("Certificate").filter(of_issuer) {
            finding.add_affected(certificate.subject());
        }
        for class in &classes {
            finding.add_cite(class.cite.clone());
        }
        findings.push(finding);
    }
    findings
}

/// The issuer that a temporary Ingress of cert-manager was made from: nobody wrote that one by hand.
///
/// Source of the name: cert-manager `pkg/issuer/acme/http/ingress.go`, GenerateName `cm-acme-http-solver-`.
fn issuer_of_solver<'s>(snapshot: &'s Snapshot, ingress: &Object) -> Option<&'s Object> {
    if !ingress.key.name.starts_with("cm-acme-http-solver-") {
        return None;
    }
    let namespace = &ingress.key.namespace;
    let owners = ["Challenge", "Certificate", "CertificateRequest", "Order"];
    let is_ready = |object: &Object| {
        object.list("/status/conditions").iter().any(|condition| {
            let text = |key: &str| condition.get(key).and_then(|value| value.as_str());
            text("type") == Some("Ready") && text("status") == Some("True")
        })
    };
    let mut issuers: Vec<&Object> = owners
        .iter()
        .flat_map(|kind| snapshot.kind(kind))
        .filter(|owner| owner.key.namespace == *namespace && !is_ready(owner))
        .filter_map(|owner| {
            let name = owner.text("/spec/issuerRef/name");
            let cluster_wide = || snapshot.object("ClusterIssuer", "", name);
            match owner.text("/spec/issuerRef/kind") {
                "ClusterIssuer" => cluster_wide(),
                _ => snapshot.object("Issuer", namespace, name).or_else(cluster_wide),
            }
        })
        .collect();
    issuers.dedup_by_key(|issuer| issuer.key.clone());
    match issuers.as_slice() {
        [only] => Some(*only),
        _ => None,
    }
}

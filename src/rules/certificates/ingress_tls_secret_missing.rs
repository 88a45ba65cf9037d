//! An Ingress names a TLS secret that is not there or holds no usable certificate.

use serde_json::Value;

use crate::bundle::decode::Form;
use crate::model::{Confidence, Subject};
use crate::rules::toolbox::{add_hit, own_hits};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: ingress-tls-secret-missing
role: cause
level: warning
needs: [ingresses|container-logs]
text:
  - id: nginx
    pattern: 'Error getting SSL certificate "(?P<namespace>[a-z0-9-]+)/(?P<name>[a-z0-9.-]+)": (?P<said>[^\n]{1,200})'
  - id: traefik
    pattern: '(?:Error configuring TLS|TLS secret|secret) [^\n]{0,80}?(?:secret )?(?P<namespace>[a-z0-9-]+)/(?P<name>[a-z0-9.-]+)[^\n]{0,40}(?P<said>does not exist|is missing the following TLS data entries[^\n]{0,80}|secret not found)'
check:
  zh: "Ingress 引用的 TLS Secret 是否存在且可用"
  en: "whether the TLS secrets that Ingresses name exist and can be used"
title:
  zh: "{% if problem == 'type' %}Ingress {{ ingress }} 引用的 Secret {{ subject.namespace }}/{{ subject.name }} 类型是 {{ kind }}，不是 kubernetes.io/tls{% else %}{% if ingress %}Ingress {{ ingress }} 引用的 {% endif %}TLS Secret {{ subject.namespace }}/{{ subject.name }} {% if problem == 'missing' %}不存在{% else %}不可用{% endif %}{% endif %}"
  en: "{% if problem == 'type' %}Secret {{ subject.namespace }}/{{ subject.name }} of Ingress {{ ingress }} is of type {{ kind }} and not kubernetes.io/tls{% else %}TLS secret {{ subject.namespace }}/{{ subject.name }}{% if ingress %} of Ingress {{ ingress }}{% endif %} {% if problem == 'missing' %}does not exist{% else %}cannot be used{% endif %}{% endif %}"
cause:
  zh: "入口控制器用自带的自签名证书代替，浏览器与客户端因此拒绝连接{% if said %}；它写出 {{ said }}{% endif %}。"
  en: "the ingress controller shows its own self-signed certificate in place of it, which browsers and clients refuse{% if said %}; it writes {{ said }}{% endif %}."
benign:
  - {zh: "cert-manager 签发完成前 Secret 会短暂不存在", en: "until cert-manager has issued it the secret is missing for a moment"}
  - {zh: "采集器可能不收集 Secret", en: "a collector may leave Secrets out"}
remedy:
  - purpose: {zh: "查看 Secret 与证书", en: "look at the secret and its certificate"}
    place: cluster
    risk: read-only
    command: |
      kubectl -n {{ subject.namespace }} get secrets
      kubectl -n {{ subject.namespace }} describe ingress
    expect: {zh: "名称与类型", en: "name and type"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "创建 Secret，或改正 Ingress 中的名称", en: "create the secret, or correct its name in the Ingress"}
    place: cluster
    risk: change
    command: "kubectl -n {{ subject.namespace }} create secret tls {{ subject.name }} --cert=<CERT_FILE> --key=<KEY_FILE>"
    verify: {zh: "入口出示正确的证书", en: "the ingress shows the right certificate"}
    rollback: {zh: "`kubectl -n {{ subject.namespace }} delete secret {{ subject.name }}`", en: "`kubectl -n {{ subject.namespace }} delete secret {{ subject.name }}`"}
prevention:
  - kind: detect
    text: {zh: "用黑盒探测检查每个主机名出示的证书", en: "probe the certificate of every host name from outside"}
    acceptance: {zh: "缺少 Secret 的测试 Ingress 触发告警", en: "a test Ingress without its secret raises the alert"}
sources: ["kubernetes/ingress-nginx internal/ingress/controller: `Error getting SSL certificate %q: %v`", "kubernetes.io/docs/concepts/services-networking/ingress/#tls"]
versions: "all"
examples:
  - name: "it is not among the secrets"
    files:
      "ingress.json": '{"kind": "IngressList", "apiVersion": "networking.k8s.io/v1", "items": [{"metadata": {"name": "web", "namespace": "shop"}, "spec": {"tls": [{"hosts": ["a.example"], "secretName": "web-tls"}], "rules": []}}]}'
      "secrets.txt": |
        NAMESPACE   NAME      TYPE                DATA   AGE
        shop        api-key   Opaque              1      9d
    fires: [{kind: "Secret", namespace: "shop", name: "web-tls"}]
  - name: "the controller says so"
    files:
      "nginx.log": |
        W0224 14:29:41.120087       7 controller.go:1372] Error getting SSL certificate "shop/web-tls": local SSL certificate shop/web-tls was not found. Using default certificate
    fires: [{kind: "Secret", namespace: "shop", name: "web-tls"}]
  - name: "it is there"
    files:
      "ingress.json": '{"kind": "IngressList", "apiVersion": "networking.k8s.io/v1", "items": [{"metadata": {"name": "web", "namespace": "shop"}, "spec": {"tls": [{"hosts": ["a.example"], "secretName": "web-tls"}], "rules": []}}]}'
      "secrets.txt": |
        NAMESPACE   NAME      TYPE                DATA   AGE
        shop        web-tls   kubernetes.io/tls   2      9d
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings: Vec<Finding> = Vec::new();
    for ingress in snapshot.kind("Ingress") {
        let namespace = ingress.key.namespace.as_str();
        // A description of one Secret says nothing about others.
        let listed = snapshot
            .kind("Secret")
            .any(|secret| secret.key.namespace == namespace && secret.form != Form::Describe);
        for (index, tls) in ingress.list("/spec/tls").iter().enumerate() {
            let Some(name) = tls.get("secretName").and_then(Value::as_str) else {
                continue;
            };
            let secret = snapshot.object("Secret", namespace, name);
            let problem = match secret {
                None if listed && snapshot.coverage.has("secrets") => "missing",
                Some(secret) if !matches!(secret.text("/type"), "" | "kubernetes.io/tls") => "type",
                _ => continue,
            };
            let mut finding = Finding::new(
                rule,
                Subject::namespaced("Secret", namespace, name),
                Confidence::Probable,
            )
            .cite(ingress.cite_at(&format!("/spec/tls/{index}")))
            .fact("ingress", ingress.key.name.clone())
            .fact("problem", problem)
            .fact("kind", secret.map_or("", |secret| secret.text("/type")))
            .fact("said", "")
            .affects(ingress.subject());
            if let Some(secret) = secret {
                finding.add_cite(secret.cite_at("/type"));
            }
            if !findings.iter().any(|known| known.subject == finding.subject) {
                findings.push(finding);
            }
        }
    }
    for hit in own_hits(input, rule) {
        let of = |name: &str| hit.captures.get(name).cloned().unwrap_or_default();
        let subject = Subject::namespaced("Secret", of("namespace"), of("name"));
        if snapshot.object("Secret", &subject.namespace, &subject.name).is_some()
            && of("said").contains("was not found")
        {
            continue;
        }
        match findings.iter_mut().find(|known| known.subject == subject) {
            Some(known) => add_hit(input, known, hit),
            None => {
                let mut finding = Finding::new(rule, subject, Confidence::Confirmed)
                    .fact("problem", "log")
                    .fact("ingress", "")
                    .fact("kind", "");
                finding.count = 0;
                add_hit(input, &mut finding, hit);
                findings.push(finding);
            }
        }
    }
    findings
}

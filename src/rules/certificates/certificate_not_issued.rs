//! cert-manager cannot issue a certificate.

use jiff::SignedDuration;

use crate::cluster::{Hit, Object, Snapshot};
use crate::model::{Confidence, Subject};
use crate::rules::toolbox::nodes::status_of;
use crate::rules::toolbox::peers::{Peer, objects_of};
use crate::rules::toolbox::speakers::controllers_called;
use crate::rules::toolbox::workload_touches;
use crate::rules::{Finding, Ground, Input, RuleHeader, Touch};

/// Kinds of cert-manager that have a condition Ready.
const KINDS: [&str; 4] = ["ClusterIssuer", "Issuer", "Certificate", "CertificateRequest"];

pub(in crate::rules) const RULE: &str = r##"
id: certificate-not-issued
role: cause
level: warning
needs: [issuers|clusterissuers|certificates]
meets: [{kinds: [Certificate]}]
check:
  zh: "cert-manager 能否签发证书"
  en: "whether cert-manager can issue certificates"
title:
  zh: "{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }} 未就绪{% if reason %}（{{ reason }}）{% endif %}：{{ message }}"
  en: "{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }} is not ready{% if reason %} ({{ reason }}){% endif %}: {{ message }}"
cause:
  zh: "cert-manager 报告 {{ message }}{% if secret %}，因此 Secret {{ secret }} 没有（新的）证书{% endif %}。"
  en: "cert-manager reports {{ message }}{% if secret %}, so Secret {{ secret }} has no (new) certificate{% endif %}."
causes:
  - rule: app-peer-auth-refused
    ground: object
    mechanism: {zh: "签发者或 DNS 服务商拒绝了 cert-manager 的凭据，它自己的日志写的就是这次失败", en: "the issuer or the DNS provider refuses the credentials, and cert-manager's own log is about this failure"}
  - rule: app-bug
    ground: object
    mechanism: {zh: "cert-manager 的日志写的就是这次失败", en: "the log of cert-manager is about this failure"}
  - rule: app-tls-failed
    ground: workload
    mechanism: {zh: "服务端仍在用旧证书或没有证书", en: "the server still has the old certificate, or none"}
  - rule: cert-expired
    ground: object
    mechanism: {zh: "没有续签，旧证书过期", en: "it was not renewed, and the old one ended"}
  - rule: ingress-tls-secret-missing
    ground: object
    mechanism: {zh: "Secret 没有签发", en: "the secret was not issued"}
  - rule: secret-missing
    ground: object
    mechanism: {zh: "Secret 没有签发", en: "the secret was not issued"}
  - rule: failedmount-missing-object
    ground: namespace
    mechanism: {zh: "Secret 没有签发", en: "the secret was not issued"}
  - rule: webhook-call-failed
    ground: cluster
    mechanism: {zh: "webhook 的证书没有签发", en: "the webhook's certificate was not issued"}
benign:
  - {zh: "签发进行中（Pending、Issuing）是正常的", en: "an issue under way (Pending, Issuing) is normal"}
remedy:
  - purpose: {zh: "查看证书、请求与质询", en: "see certificate, requests and challenges"}
    place: cluster
    risk: read-only
    command: |
      kubectl {% if subject.namespace %}-n {{ subject.namespace }} {% endif %}describe {{ subject.kind|lower }} {{ subject.name }}
      kubectl get certificaterequests,orders,challenges -A
    expect: {zh: "失败的一步与它的消息", en: "the step that fails, and its message"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "按消息中的原因修好签发者、DNS 或挑战后，重新申请", en: "once issuer, DNS or challenge are mended as the message says, ask again"}
    place: cluster
    risk: change
    command: "kubectl {% if subject.namespace %}-n {{ subject.namespace }} {% endif %}delete certificaterequests <FAILED_REQUEST>"
    expect: {zh: "certificaterequest \"…\" deleted", en: "certificaterequest \"…\" deleted"}
    verify: {zh: "`kubectl describe` 显示 Ready=True，Secret 中有新证书", en: "`kubectl describe` shows Ready=True and the Secret holds a new certificate"}
    rollback: {zh: "删除失败的申请不影响现有证书，cert-manager 会自行新建", en: "deleting a failed request leaves the present certificate alone; cert-manager makes a new request"}
    notes:
      - {zh: "<FAILED_REQUEST> 是上一步列出的未就绪的申请", en: "<FAILED_REQUEST> is the request that is not ready in the step before"}
prevention:
  - kind: detect
    text: {zh: "对 certmanager_certificate_ready_status 为 False 告警", en: "alert on certmanager_certificate_ready_status False"}
    acceptance: {zh: "测试证书指向不存在的 Issuer 时收到告警", en: "a test certificate of a missing issuer raises it"}
sources: ["cert-manager.io/docs: Certificate, Issuer conditions"]
versions: "cert-manager 1.0 and newer"
examples:
  - name: "an issuer that does not exist"
    files:
      "cert.yaml": |
        apiVersion: cert-manager.io/v1
        kind: Certificate
        metadata:
          name: web
          namespace: shop
          uid: a
        spec:
          secretName: web-tls
          issuerRef:
            name: letsencrypt
        status:
          conditions:
          - type: Ready
            status: "False"
            reason: DoesNotExist
            message: Issuing certificate as Secret does not exist
    fires: [{kind: "Certificate", namespace: "shop", name: "web"}]
  - name: "rows of a table, of which the request tells why"
    files:
      "certs.txt": |
        $ kubectl get certificates,certificaterequests -n shop -o wide
        NAME                                READY   SECRET    ISSUER   STATUS                                                   AGE
        certificate.cert-manager.io/web     False   web-tls   ours     Certificate expired on Fri, 20 Feb 2026 23:12:04 UTC     180d
        certificate.cert-manager.io/docs    True    docs-tls  le       Certificate is up to date and has not expired            180d

        NAME                                       APPROVED   DENIED   READY   ISSUER   REQUESTER                                         STATUS                                                                AGE
        certificaterequest.cert-manager.io/web-3   True                False   ours     system:serviceaccount:cert-manager:cert-manager   Referenced "Issuer" not found: issuer.cert-manager.io "ours" not found   30d
    fires: [{kind: "Certificate", namespace: "shop", name: "web"}]
  - name: "it is ready"
    files:
      "cert.yaml": |
        apiVersion: cert-manager.io/v1
        kind: Certificate
        metadata:
          name: web
          namespace: shop
          uid: a
        spec:
          secretName: web-tls
        status:
          conditions:
          - type: Ready
            status: "True"
            reason: Ready
            message: Certificate is up to date and has not expired
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let of_kind = |kind: &'static str| {
        snapshot
            .kind(kind)
            // The row of a table does not tell its group.
            .filter(|object| {
                let group = object.text("/apiVersion");
                group.is_empty() || group.starts_with("cert-manager.io/")
            })
            .filter(|object| !is_under_way(snapshot, object) && !is_left_over(snapshot, object))
            .filter_map(|object| Some((object, not_ready(object)?)))
    };
    let mut findings: Vec<Finding> = Vec::new();
    for (object, index) in KINDS.into_iter().flat_map(of_kind) {
        let text = |field: &str| object.text(&format!("/status/conditions/{index}/{field}")).to_owned();
        let issuer = object.text("/spec/issuerRef/name");
        // An issuer that is not ready explains every certificate that waits for it; a certificate explains its requests.
        let known = findings.iter_mut().find(|finding| {
            finding.subject.name == issuer && finding.subject.kind.ends_with("Issuer")
                || object.key.kind == "CertificateRequest" && object.key.name.starts_with(&finding.subject.name)
        });
        let citation = object.cite_at(&format!("/status/conditions/{index}/message"));
        if let Some(known) = known {
            known.add_cite(citation);
            known.add_affected(object.subject());
            known.touches.extend(secret_of(object));
            continue;
        }
        let mut finding = Finding::new(rule, object.subject(), Confidence::Confirmed)
            .at("status.conditions[Ready]")
            .cite(citation.at(object.time(&format!("/status/conditions/{index}/lastTransitionTime"))))
            .fact("reason", text("reason"))
            .fact("message", text("message").chars().take(240).collect::<String>())
            .fact("secret", object.text("/spec/secretName"));
        finding.touches.extend(secret_of(object));
        finding.touches.extend(issuing(snapshot));
        for service in snapshot.kind("Service").filter(|service| serves(service, object)) {
            let peer = Peer::parse(&service.key.name, None);
            for object in objects_of(snapshot, &service.key.namespace, &peer) {
                finding.impair(object);
            }
        }
        let mut callers: Vec<&Subject> = refused_callers(snapshot, object);
        callers.sort();
        callers.dedup();
        for pod in callers {
            finding.touches.extend(workload_touches(snapshot, pod));
            finding.add_affected(snapshot.top_owner_of(pod));
        }
        findings.push(finding);
    }
    findings
}

/// The Secret that a certificate is to be written to.
fn secret_of(certificate: &Object) -> impl Iterator<Item = Touch> {
    let secret = certificate.text("/spec/secretName");
    let subject = Subject::namespaced("Secret", &certificate.key.namespace, secret);
    (!secret.is_empty()).then(|| Touch::of(&subject)).into_iter().flatten()
}

/// The pods whose TLS connections fail to a host that a certificate is for.
fn refused_callers<'s>(snapshot: &'s Snapshot, certificate: &Object) -> Vec<&'s Subject> {
    let names: Vec<&str> = certificate
        .list("/spec/dnsNames")
        .iter()
        .filter_map(|name| name.as_str())
        .filter(|name| name.contains('.'))
        .collect();
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    // One that has expired is refused by all who meet it; those of its own namespace need not name it.
    let has_expired = not_ready(certificate)
        .is_some_and(|index| certificate.text(&format!("/status/conditions/{index}/reason")) == "Expired");
    let is_refusal = |hit: &Hit, line: &str| {
        line.split(|c: char| !is_part(c)).any(|word| names.contains(&word))
            || has_expired
                && line.contains("certificate has expired")
                && hit.about.object.namespace == certificate.key.namespace
    };
    let complaints = snapshot.hits.iter().filter(|hit: &&Hit| {
        hit.signature.starts_with("app-tls-failed/")
            && hit.about.object.kind == "Pod"
            && hit.cite.quote.iter().any(|line| is_refusal(hit, &line.text))
    });
    complaints.map(|hit| &hit.about.object).collect()
}

/// True when a certificate is that of a Service: by the names that it is for, else by its own, `orders-tls` for the Service `orders`.
fn serves(service: &Object, certificate: &Object) -> bool {
    if service.key.namespace != certificate.key.namespace {
        return false;
    }
    let name = service.key.name.as_str();
    let of_service = format!("{name}.{}", service.key.namespace);
    let for_names = certificate
        .list("/spec/dnsNames")
        .iter()
        .filter_map(|name| name.as_str());
    let is_named = for_names
        .clone()
        .any(|host| host == name || host == of_service || host.starts_with(&format!("{of_service}.")));
    let own = certificate.key.name.as_str();
    let bare = ["-tls", "-cert", "-certificate", "-crt"]
        .iter()
        .find_map(|end| own.strip_suffix(end))
        .unwrap_or(own);
    is_named || for_names.count() == 0 && bare == name
}

/// An order that a CA has to check takes minutes.
const PATIENCE: SignedDuration = SignedDuration::from_mins(10);

/// True for what was made only just now.
fn is_under_way(snapshot: &Snapshot, object: &Object) -> bool {
    let made = object.created(snapshot.bundle.collected_at.as_ref());
    match (made, snapshot.now()) {
        (Some(made), Some(now)) => now.duration_since(made.earliest) < PATIENCE,
        _ => false,
    }
}

/// True for a request whose certificate has been issued since, by another one.
fn is_left_over(snapshot: &Snapshot, request: &Object) -> bool {
    request.key.kind == "CertificateRequest"
        && snapshot.kind("Certificate").any(|certificate| {
            certificate.key.namespace == request.key.namespace
                && request
                    .key
                    .name
                    .strip_prefix(&certificate.key.name)
                    .is_some_and(|rest| rest.starts_with('-'))
                && status_of(certificate, "Ready") == "True"
        })
}

fn not_ready(object: &Object) -> Option<usize> {
    let text = |index: usize, field: &str| object.text(&format!("/status/conditions/{index}/{field}"));
    (0..object.list("/status/conditions").len())
        .find(|&index| text(index, "type") == "Ready" && text(index, "status") == "False")
        // While it is being issued there is nothing wrong yet.
        .filter(|&index| !matches!(text(index, "reason"), "Pending" | "Issuing"))
}

/// The controller that issues, whose log is about what it could not issue.
fn issuing(snapshot: &Snapshot) -> Vec<Touch> {
    let controllers = controllers_called(snapshot, "cert-manager");
    let all = controllers.iter().flat_map(Touch::of);
    all.filter(|touch| touch.ground == Ground::Object).collect()
}

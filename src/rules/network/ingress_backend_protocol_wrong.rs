//! The controller of an Ingress speaks plain HTTP to a backend that speaks TLS, or TLS to one that does not.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::cluster::{Hit, Object, Snapshot};
use crate::model::{Confidence, Subject};
use crate::rules::toolbox::peers::behind;
use crate::rules::toolbox::services::{same_namespace, service};
use crate::rules::toolbox::{add_hit, own_hits};
use crate::rules::{Finding, Ground, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: ingress-backend-protocol-wrong
role: cause
level: critical
needs: [ingresses, container-logs]
text:
  # The access log of ingress-nginx: [upstream] [] address length seconds status request-id.
  - id: refused
    in: [container-log]
    pattern: '\[(?P<upstream>[a-z0-9][a-z0-9.-]*)\] \[\] [^\n"]*? (?P<status>400|502) [0-9a-f]{6,}\s*$'
  - id: answered
    in: [container-log]
    pattern: '\[(?P<upstream>[a-z0-9][a-z0-9.-]*)\] \[\] [^\n"]*? (?:[123]\d\d|40[1-9]|4[1-9]\d|50[01]) [0-9a-f]{6,}\s*$'
  # Its error log.
  - id: not-http
    in: [container-log]
    pattern: 'upstream sent no valid HTTP/1\.0 header[^\n]*?, upstream: "http://[^\n]*?, host: "(?P<host>[^":]+)'
  - id: not-tls
    in: [container-log]
    pattern: 'SSL_do_handshake\(\) failed[^\n]*?(?:wrong version number|unknown protocol|packet length too long|record layer failure)[^\n]*? while SSL handshaking to upstream[^\n]*?, host: "(?P<host>[^":]+)'
  # The log of the backend.
  - id: plain-at-tls
    in: [container-log]
    pattern: '(?i)(?:http: TLS handshake error from (?P<client>[\d.]+):\d+: )?(?P<said>client sent an HTTP request to an HTTPS server|tls: first record does not look like a TLS handshake|client sent plain HTTP request to HTTPS port|The plain HTTP request was sent to HTTPS port|Unrecognized SSL message, plaintext connection|not an SSL/TLS record|ERR_SSL_HTTP_REQUEST|\[SSL: HTTP_REQUEST\])'
  - id: tls-at-plain
    in: [container-log]
    pattern: '(?P<said>\\x16\\x03\\x0[0-4])'
check:
  zh: 'Ingress 与其后端是否使用同一种协议（HTTP 或 HTTPS）'
  en: 'whether an Ingress and its backend speak the same protocol, HTTP or HTTPS'
title:
  zh: 'Ingress {{ subject.namespace }}/{{ subject.name }} 以 {{ spoken }} 访问后端 {{ service }}:{{ port }}，而它使用 {{ wanted }}'
  en: 'Ingress {{ subject.namespace }}/{{ subject.name }} speaks {{ spoken }} to {{ service }}:{{ port }}, which speaks {{ wanted }}'
cause:
  zh: '{% if tls %}没有注解 {{ annotation }}: HTTPS，ingress-nginx 以明文 HTTP 访问后端；{{ service }} 的端口 {{ port }} 只接受 TLS，{% else %}注解 {{ annotation }} 要求以 TLS 访问后端；{{ service }} 的端口 {{ port }} 使用明文 HTTP，{% endif %}请求全部失败{% if refused %}：访问日志中有 {{ refused }} 个 {{ status }}，{{ answered }} 个成功{% endif %}。'
  en: '{% if tls %}without annotation {{ annotation }}: HTTPS, ingress-nginx speaks plain HTTP to its backends; port {{ port }} of {{ service }} takes TLS only{% else %}annotation {{ annotation }} makes ingress-nginx speak TLS to its backends; port {{ port }} of {{ service }} is plain HTTP{% endif %}, so requests fail{% if refused %}: the access log has {{ refused|times }} {{ status }}, and {{ answered }} that succeeded{% endif %}.'
rules_out:
  - zh: '网络：后端收到了请求并作出应答，只是协议不同'
    en: 'the network: the backend was reached and answered, in another protocol'
causes:
  - rule: app-bug
    ground: service
    mechanism: {zh: '经 Ingress 的请求协议不符', en: 'requests through the Ingress come in the wrong protocol'}
  - rule: app-tls-failed
    ground: workload
    mechanism: {zh: 'TLS 握手遇到明文', en: 'a TLS handshake meets plain text'}
  - rule: peer-answers-with-errors
    ground: service
    mechanism: {zh: '入口以 400 或 502 应答', en: 'the entrance answers 400 or 502'}
benign:
  - {zh: '端口名为 https 而请求成功：后端实际接受 HTTP，或 TLS 由边车处理', en: 'a port called https while requests succeed: the backend takes HTTP, or a sidecar handles TLS'}
  - {zh: 'kubelet 的探针以 HTTP 访问 TLS 端口时，后端也写出同样的行', en: 'a probe of the kubelet that asks a TLS port by HTTP makes the backend write the same line'}
  - {zh: '扫描器偶尔的 400', en: 'a 400 of a scanner now and then'}
remedy:
  - purpose: {zh: '查看 Ingress 的注解与 Service 的端口', en: 'look at the annotation of the Ingress and the ports of the Service'}
    place: cluster
    risk: read-only
    command: |
      kubectl -n {{ subject.namespace }} get ingress {{ subject.name }} -o yaml
      kubectl -n {{ subject.namespace }} get service {{ service }} -o yaml
    expect: {zh: '{% if tls %}没有 backend-protocol: HTTPS，而端口 {{ port }} 使用 TLS{% else %}backend-protocol: HTTPS，而端口 {{ port }} 使用 HTTP{% endif %}', en: '{% if tls %}no backend-protocol: HTTPS, while port {{ port }} takes TLS{% else %}backend-protocol: HTTPS, while port {{ port }} is plain HTTP{% endif %}'}
    verify: {zh: '与本报告一致', en: 'it agrees with this report'}
    rollback: {zh: '只读，无需回滚', en: 'read-only'}
  - purpose: {zh: '让 Ingress 使用后端的协议', en: 'let the Ingress speak the protocol of its backend'}
    place: cluster
    risk: change
    command: "kubectl -n {{ subject.namespace }} annotate ingress {{ subject.name }} --overwrite '{{ annotation|raw }}={{ wanted|raw }}'"
    expect: {zh: '`annotated`', en: '`annotated`'}
    verify: {zh: '经 Ingress 的请求得到 200，访问日志不再有 {{ status }}', en: 'requests through the Ingress get 200 and its access log has no more {{ status }}'}
    rollback: {zh: '恢复原来的注解', en: 'put the former annotation back'}
    notes:
      - {zh: '注解对该 Ingress 的所有路径生效：后端协议不同的路径放进各自的 Ingress', en: 'the annotation holds for all paths of the Ingress: give paths whose backends differ an Ingress of their own'}
prevention:
  - kind: prevent
    text: {zh: '在 CI 中比较 Ingress 的 backend-protocol 与 Service 端口的 appProtocol', en: 'compare backend-protocol of an Ingress with appProtocol of the Service port in CI'}
    acceptance: {zh: '协议不一致的提交使流水线失败', en: 'a commit in which they differ fails the pipeline'}
  - kind: detect
    text: {zh: '发布后经 Ingress 请求每个后端一次', en: 'ask every backend once through the Ingress after a release'}
    acceptance: {zh: '协议错误的 Ingress 使检查失败', en: 'an Ingress with the wrong protocol fails the check'}
sources:
  - 'kubernetes/ingress-nginx docs/user-guide/nginx-configuration/annotations.md#backend-protocol: HTTP by default; HTTPS, AUTO_HTTP, GRPC, GRPCS, FCGI'
  - 'kubernetes/ingress-nginx docs/user-guide/nginx-configuration/log-format.md; internal/ingress/controller/util.go upstreamName: namespace-service-port'
  - 'go net/http server.go: `client sent an HTTP request to an HTTPS server`; crypto/tls conn.go: `first record does not look like a TLS handshake`'
  - 'nginx src/http/ngx_http_request.c: `client sent plain HTTP request to HTTPS port`; ngx_http_special_response.c: `The plain HTTP request was sent to HTTPS port`; ngx_http_upstream.c and ngx_http_proxy_module.c: `while SSL handshaking to upstream`, `upstream sent no valid HTTP/1.0 header`'
versions: 'ingress-nginx 0.21 to 1.14'
examples:
  - name: 'plain HTTP to a port of TLS'
    files:
      'ing.json': '{"kind":"Ingress","apiVersion":"networking.k8s.io/v1","metadata":{"name":"api","namespace":"t","uid":"1"},"spec":{"ingressClassName":"nginx","rules":[{"host":"api.t.example","http":{"paths":[{"path":"/","pathType":"Prefix","backend":{"service":{"name":"api","port":{"number":443}}}}]}}]}}'
      'svc.json': '{"kind":"Service","apiVersion":"v1","metadata":{"name":"api","namespace":"t","uid":"2"},"spec":{"selector":{"app":"api"},"ports":[{"name":"https","port":443,"targetPort":8443}]}}'
      'logs/ingress-nginx-controller-6bdf8c9d7-jd5lx.log': |
        10.42.0.1 - - [01/Mar/2026:10:00:00 +0000] "GET / HTTP/1.1" 400 48 "-" "curl/8.5.0" 78 0.002 [t-api-443] [] 10.42.1.5:8443 48 0.002 400 2f1a9c0d4b7e4f0a8c6d1e2f3a4b5c6d
        10.42.0.1 - - [01/Mar/2026:10:00:05 +0000] "GET /a HTTP/1.1" 400 48 "-" "curl/8.5.0" 78 0.002 [t-api-443] [] 10.42.1.5:8443 48 0.002 400 3f1a9c0d4b7e4f0a8c6d1e2f3a4b5c6d
        10.42.0.1 - - [01/Mar/2026:10:00:09 +0000] "GET /b HTTP/1.1" 400 48 "-" "curl/8.5.0" 78 0.002 [t-api-443] [] 10.42.1.5:8443 48 0.002 400 4f1a9c0d4b7e4f0a8c6d1e2f3a4b5c6d
    fires: [{kind: Ingress, namespace: t, name: api}]
  - name: 'the backend says so itself'
    files:
      'ing.json': '{"kind":"Ingress","apiVersion":"networking.k8s.io/v1","metadata":{"name":"api","namespace":"t","uid":"1"},"spec":{"rules":[{"host":"api.t.example","http":{"paths":[{"path":"/","pathType":"Prefix","backend":{"service":{"name":"api","port":{"number":8443}}}}]}}]}}'
      'pods.txt': |
        NAMESPACE   NAME                  READY   STATUS    RESTARTS   AGE
        t           api-6bdf8c9d7-jd5lx   1/1     Running   0          9d
      'logs/api-6bdf8c9d7-jd5lx.log': |
        2026/03/01 10:00:00 http: TLS handshake error from 10.42.0.9:43210: client sent an HTTP request to an HTTPS server
        2026/03/01 10:00:05 http: TLS handshake error from 10.42.0.9:43214: client sent an HTTP request to an HTTPS server
    fires: [{kind: Ingress, namespace: t, name: api}]
  - name: 'TLS to a backend of plain HTTP'
    files:
      'ing.json': '{"kind":"Ingress","apiVersion":"networking.k8s.io/v1","metadata":{"name":"api","namespace":"t","uid":"1","annotations":{"nginx.ingress.kubernetes.io/backend-protocol":"HTTPS"}},"spec":{"rules":[{"host":"api.t.example","http":{"paths":[{"path":"/","pathType":"Prefix","backend":{"service":{"name":"api","port":{"number":80}}}}]}}]}}'
      'svc.json': '{"kind":"Service","apiVersion":"v1","metadata":{"name":"api","namespace":"t","uid":"2"},"spec":{"selector":{"app":"api"},"ports":[{"name":"http","port":80,"targetPort":8080}]}}'
      'logs/ingress-nginx-controller-6bdf8c9d7-jd5lx.log': |
        2026/03/01 10:00:00 [error] 31#31: *4 SSL_do_handshake() failed (SSL: error:0A00010B:SSL routines::wrong version number) while SSL handshaking to upstream, client: 10.42.0.1, server: api.t.example, request: "GET / HTTP/1.1", upstream: "https://10.42.1.5:8080/", host: "api.t.example"
        10.42.0.1 - - [01/Mar/2026:10:00:00 +0000] "GET / HTTP/1.1" 502 150 "-" "curl/8.5.0" 78 0.002 [t-api-80] [] 10.42.1.5:8080 0 0.002 502 2f1a9c0d4b7e4f0a8c6d1e2f3a4b5c6d
    fires: [{kind: Ingress, namespace: t, name: api}]
  - name: 'as the documents have it'
    files:
      'ing.json': '{"kind":"Ingress","apiVersion":"networking.k8s.io/v1","metadata":{"name":"api","namespace":"t","uid":"1","annotations":{"nginx.ingress.kubernetes.io/backend-protocol":"HTTPS"}},"spec":{"rules":[{"host":"api.t.example","http":{"paths":[{"path":"/","pathType":"Prefix","backend":{"service":{"name":"api","port":{"number":443}}}}]}}]}}'
      'svc.json': '{"kind":"Service","apiVersion":"v1","metadata":{"name":"api","namespace":"t","uid":"2"},"spec":{"selector":{"app":"api"},"ports":[{"name":"https","port":443,"targetPort":8443}]}}'
      'logs/ingress-nginx-controller-6bdf8c9d7-jd5lx.log': |
        10.42.0.1 - - [01/Mar/2026:10:00:00 +0000] "POST / HTTP/1.1" 400 48 "-" "curl/8.5.0" 78 0.002 [t-api-443] [] 10.42.1.5:8443 48 0.002 400 2f1a9c0d4b7e4f0a8c6d1e2f3a4b5c6d
        10.42.0.1 - - [01/Mar/2026:10:00:05 +0000] "POST / HTTP/1.1" 400 48 "-" "curl/8.5.0" 78 0.002 [t-api-443] [] 10.42.1.5:8443 48 0.002 400 3f1a9c0d4b7e4f0a8c6d1e2f3a4b5c6d
        10.42.0.1 - - [01/Mar/2026:10:00:09 +0000] "POST / HTTP/1.1" 400 48 "-" "curl/8.5.0" 78 0.002 [t-api-443] [] 10.42.1.5:8443 48 0.002 400 4f1a9c0d4b7e4f0a8c6d1e2f3a4b5c6d
  - name: 'a port called https where requests succeed'
    files:
      'ing.json': '{"kind":"Ingress","apiVersion":"networking.k8s.io/v1","metadata":{"name":"api","namespace":"t","uid":"1"},"spec":{"rules":[{"host":"api.t.example","http":{"paths":[{"path":"/","pathType":"Prefix","backend":{"service":{"name":"api","port":{"number":443}}}}]}}]}}'
      'svc.json': '{"kind":"Service","apiVersion":"v1","metadata":{"name":"api","namespace":"t","uid":"2"},"spec":{"selector":{"app":"api"},"ports":[{"name":"https","port":443,"targetPort":8443}]}}'
      'logs/ingress-nginx-controller-6bdf8c9d7-jd5lx.log': |
        10.42.0.1 - - [01/Mar/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 48 "-" "curl/8.5.0" 78 0.002 [t-api-443] [] 10.42.1.5:8443 48 0.002 200 2f1a9c0d4b7e4f0a8c6d1e2f3a4b5c6d
        10.42.0.1 - - [01/Mar/2026:10:00:05 +0000] "GET / HTTP/1.1" 200 48 "-" "curl/8.5.0" 78 0.002 [t-api-443] [] 10.42.1.5:8443 48 0.002 200 3f1a9c0d4b7e4f0a8c6d1e2f3a4b5c6d
        10.42.0.1 - - [01/Mar/2026:10:00:09 +0000] "POST /x HTTP/1.1" 400 48 "-" "curl/8.5.0" 78 0.002 [t-api-443] [] 10.42.1.5:8443 48 0.002 400 4f1a9c0d4b7e4f0a8c6d1e2f3a4b5c6d
"##;

/// The annotation of ingress-nginx.
const ANNOTATION: &str = "nginx.ingress.kubernetes.io/backend-protocol";
/// Requests that have to be refused before an access log alone shows it.
const LEAST: u64 = 3;
/// So many times as many requests are refused as succeed.
const MOSTLY: u64 = 9;
/// The scan of a log keeps so many different matches of a signature, and counts further ones to the last: then counts are not to be trusted.
const KEPT: usize = 20;

/// A backend that an Ingress names.
struct Named<'s> {
    /// Where.
    at: String,
    service: &'s str,
    /// Number or name, as the Ingress has it.
    port: String,
}

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let hits = own_hits(input, rule);
    input
        .snapshot
        .kind("Ingress")
        .filter(|ingress| is_of_nginx(input.snapshot, ingress))
        .filter_map(|ingress| {
            let speaks_tls = speaks_tls(ingress)?;
            let named = named(ingress);
            named
                .iter()
                .find_map(|named| judge(input, rule, ingress, speaks_tls, named, &hits))
        })
        .collect()
}

fn judge(
    input: &Input<'_>,
    rule: &RuleHeader,
    ingress: &Object,
    speaks_tls: bool,
    named: &Named<'_>,
    hits: &[&Hit],
) -> Option<Finding> {
    let snapshot = input.snapshot;
    let namespace = ingress.key.namespace.as_str();
    let found = service(snapshot, namespace, named.service);
    let hint = looks_like_tls(found, &named.port);
    let status = if speaks_tls { "502" } else { "400" };
    let upstream = format!("{namespace}-{}-{}", named.service, named.port);
    let of = |id: &'static str, name: &'static str, value: &str| -> Vec<&Hit> {
        let fits = |hit: &&&Hit| is_of(hit, id) && hit.captures.get(name).is_some_and(|known| known == value);
        hits.iter().filter(fits).copied().collect()
    };
    let mut refused = of("refused", "upstream", &upstream);
    refused.retain(|hit| hit.captures.get("status").is_some_and(|known| known == status));
    let answered = of("answered", "upstream", &upstream);
    let sum = |hits: &[&Hit]| -> u64 { hits.iter().map(|hit| hit.count).sum() };
    let counts = (sum(&refused), sum(&answered));
    let is_kept = hits.iter().filter(|hit| is_of(hit, "answered")).count() < KEPT;
    let is_mostly = is_kept && counts.0 >= LEAST && counts.0 >= counts.1.saturating_mul(MOSTLY);
    let succeeds = counts.1 > 0 && !is_mostly;

    // What the controller says of the host, and what the backend says itself.
    let hosts: BTreeSet<&str> = ingress
        .list("/spec/rules")
        .iter()
        .filter_map(|entry| entry.get("host")?.as_str())
        .collect();
    let of_host: Vec<&Hit> = hosts
        .into_iter()
        .flat_map(|host| of(if speaks_tls { "not-tls" } else { "not-http" }, "host", host))
        .collect();
    let workloads = behind(snapshot, namespace, named.service);
    let by_backend: Vec<&Hit> = hits
        .iter()
        .filter(|hit| is_of(hit, if speaks_tls { "tls-at-plain" } else { "plain-at-tls" }))
        .filter(|hit| is_said_by(snapshot, hit, &workloads) && !is_probed_by_http(snapshot, hit))
        .copied()
        .collect();

    let wants_other = hint != speaks_tls;
    // Scanners and probes of load balancers speak the wrong protocol at any port; what the port is meant for has to agree.
    let is_told = wants_other && !by_backend.is_empty() || speaks_tls && !of_host.is_empty();
    let is_seen = wants_other && (!of_host.is_empty() || is_mostly && !(speaks_tls && cannot_connect(snapshot)));
    if succeeds || !is_told && !is_seen {
        return None;
    }
    let confidence = if is_told {
        Confidence::Confirmed
    } else {
        Confidence::Probable
    };
    let (spoken, wanted) = if speaks_tls {
        ("HTTPS", "HTTP")
    } else {
        ("HTTP", "HTTPS")
    };
    let mut finding = Finding::new(rule, ingress.subject(), confidence)
        .at(format!("metadata.annotations[{ANNOTATION}]"))
        .cite(ingress.cite_at(&named.at));
    finding.count = 0;
    if ingress.get(&pointer()).is_some() {
        finding.add_cite_of(&["annotation"], ingress.cite_at(&pointer()));
    }
    if let Some(found) = found {
        finding.add_cite(found.cite_at("/spec/ports"));
    }
    for hit in of_host.iter().chain(&by_backend) {
        add_hit(input, &mut finding, hit);
    }
    for hit in &refused {
        finding.count += hit.count;
        finding.add_cite_of(&["refused", "status"], hit.cite.clone());
    }
    // What lines captured is not to stand for what was worked out, so these come last.
    let mut finding = finding
        .fact("tls", !speaks_tls)
        .fact("spoken", spoken)
        .fact("wanted", wanted)
        .fact("service", named.service)
        .fact("port", named.port.clone())
        .fact("annotation", ANNOTATION)
        .fact("status", status)
        .fact("refused", counts.0)
        .fact("answered", counts.1)
        .affects(Subject::namespaced("Service", namespace, named.service))
        .touch(Ground::Service, format!("{namespace}/{}", named.service));
    for workload in workloads {
        finding.add_affected(workload);
    }
    Some(finding)
}

/// True for a match of this signature of the rule.
fn is_of(hit: &Hit, id: &str) -> bool {
    hit.signature.rsplit('/').next() == Some(id)
}

fn pointer() -> String {
    format!("/metadata/annotations/{}", ANNOTATION.replace('/', "~1"))
}

/// Whether the controller speaks TLS to the backends of an Ingress; none for other protocols, and where it tries both.
fn speaks_tls(ingress: &Object) -> Option<bool> {
    match ingress.text(&pointer()).to_ascii_uppercase().as_str() {
        "" | "HTTP" => Some(false),
        "HTTPS" => Some(true),
        _ => None,
    }
}

/// True unless the class of an Ingress is another controller's.
fn is_of_nginx(snapshot: &Snapshot, ingress: &Object) -> bool {
    let by_annotation = ingress.text("/metadata/annotations/kubernetes.io~1ingress.class");
    let class = match ingress.text("/spec/ingressClassName") {
        "" => by_annotation,
        name => name,
    };
    match snapshot.object("IngressClass", "", class) {
        Some(found) => matches!(found.text("/spec/controller"), "" | "k8s.io/ingress-nginx"),
        // Whoever's class is the default one takes up an Ingress without.
        None if class.is_empty() => snapshot
            .kind("IngressClass")
            .all(|known| known.text("/spec/controller") == "k8s.io/ingress-nginx"),
        None => class.contains("nginx"),
    }
}

/// The backends of an Ingress, each with its port.
fn named(ingress: &Object) -> Vec<Named<'_>> {
    let of = |at: String, backend: &'_ Value| -> Option<(String, String)> {
        let port = backend.pointer("/service/port")?;
        let number = port
            .get("number")
            .and_then(Value::as_i64)
            .map(|number| number.to_string());
        let name = || port.get("name").and_then(Value::as_str).map(ToOwned::to_owned);
        Some((at, number.or_else(name)?))
    };
    let mut found = Vec::new();
    for (at, entry) in ingress.list("/spec/rules").iter().enumerate() {
        let paths = entry.pointer("/http/paths").and_then(Value::as_array);
        for (path_at, path) in paths.into_iter().flatten().enumerate() {
            let Some(backend) = path.get("backend") else { continue };
            let place = format!("/spec/rules/{at}/http/paths/{path_at}/backend");
            let name = backend.pointer("/service/name").and_then(Value::as_str);
            if let (Some(service), Some((at, port))) = (name, of(place, backend)) {
                found.push(Named { at, service, port });
            }
        }
    }
    found
}

/// True when the port of a Service says by its name, its protocol or where it leads that TLS is spoken there; by the port alone where the
/// Service was not collected.
fn looks_like_tls(service: Option<&Object>, port: &str) -> bool {
    let is_name = |name: &str| name == "https" || name.starts_with("https-") || name.ends_with("-https");
    let is_number = |number: &str| matches!(number, "443" | "8443");
    let entries = service.map_or(&[][..], |service| service.list("/spec/ports"));
    let text = |entry: &Value, key: &str| match entry.get(key) {
        Some(Value::String(text)) => text.to_ascii_lowercase(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    };
    let entry = entries
        .iter()
        .find(|entry| text(entry, "port") == port || text(entry, "name") == port);
    let Some(entry) = entry else {
        return is_name(port) || is_number(port);
    };
    let target = text(entry, "targetPort");
    let leads = if target.is_empty() { text(entry, "port") } else { target };
    text(entry, "appProtocol") == "https" || is_name(&text(entry, "name")) || is_name(&leads) || is_number(&leads)
}

/// True for a line of one of these workloads.
fn is_said_by(snapshot: &Snapshot, hit: &Hit, workloads: &[Subject]) -> bool {
    let owner = snapshot.top_owner_of(&hit.about.object);
    workloads.iter().any(|workload| {
        workload.kind == owner.kind
            && workload.name == owner.name
            && same_namespace(&workload.namespace, &owner.namespace)
    })
}

/// True where the kubelet asks the pod by HTTP, so that the line may be about its probe, unless the line names another pod as the client.
fn is_probed_by_http(snapshot: &Snapshot, hit: &Hit) -> bool {
    let is_of_pod = hit.captures.get("client").is_some_and(|client| {
        snapshot.pods().any(|pod| {
            pod.object.text("/status/podIP") == client
                && pod.object.get("/spec/hostNetwork") != Some(&Value::Bool(true))
        })
    });
    let pod = snapshot.pod(&hit.about.object.namespace, &hit.about.object.name);
    let containers = pod.map_or(&[][..], |pod| pod.object.list("/spec/containers"));
    let asks = |container: &Value| {
        ["readinessProbe", "livenessProbe", "startupProbe"].iter().any(|probe| {
            container
                .pointer(&format!("/{probe}/httpGet"))
                .is_some_and(|get| get.get("scheme").and_then(Value::as_str).unwrap_or("HTTP") == "HTTP")
        })
    };
    is_of(hit, "plain-at-tls") && !is_of_pod && containers.iter().any(asks)
}

/// True where a proxy is refused by some upstream: then 502 has this reason too.
fn cannot_connect(snapshot: &Snapshot) -> bool {
    snapshot
        .hits
        .iter()
        .any(|hit| hit.signature.starts_with("app-upstream-refused/nginx"))
}

//! A route of an Ingress, a gateway or a mesh leads to a Service that is not there, to a port that it lacks, or to the wrong one.

use serde_json::Value;

use crate::cluster::{Object, Snapshot};
use crate::model::{Confidence, Subject};
use crate::rules::toolbox::mesh::service_of_host;
use crate::rules::toolbox::services::{is_in_between, is_near, ports, same_namespace, service, services_in};
use crate::rules::toolbox::{add_hit, own_hits};
use crate::rules::{Finding, Ground, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: route-wrong-service
role: cause
level: critical
needs: [ingresses|httproutes|ingressroutes|virtualservices|container-logs]
text:
  - id: traefik
    pattern: "(?i)(?:Cannot create service|Service not found|Endpoints not found).{0,80}(?:error=\"service not found\".{0,20})?ingress=(?P<ingress>[a-z0-9.-]+) namespace=(?P<namespace>[a-z0-9-]+).{0,60}serviceName=(?P<service>[a-z0-9-]+)"
  - id: nginx
    pattern: "Error obtaining Endpoints for Service \"(?P<namespace>[a-z0-9-]+)/(?P<service>[a-z0-9-]+)\": no object matching key"
check:
  zh: 路由指向的 Service 与端口是否存在
  en: whether the Services and ports that routes lead to exist
title:
  zh: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }} 的路由 {{ route }} 指向 {{ backend }}，{% if problem == 'missing' %}该 Service 不存在{% elif problem == 'port' %}该 Service 没有这个端口{% else %}而没有路由指向名字相符的 Service {{ near }}{% endif %}{% if near and problem != 'path' %}（存在的是 {{ near }}）{% endif %}"
  en: "route {{ route }} of {{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }} leads to {{ backend }}, {% if problem == 'missing' %}a Service that does not exist{% elif problem == 'port' %}a port that the Service does not offer{% else %}while no route leads to Service {{ near }}, whose name fits{% endif %}{% if near and problem != 'path' %} ({{ near }} does){% endif %}"
cause:
  zh: "{{ subject.kind|raw }} {{ subject.name }} 的 {{ path }} 为 {{ backend }}；{% if problem == 'path' %}名字与这条路径相符的是 Service {{ near }}，它存在而得不到请求；{{ backend }} 对这些请求多半答 404。{% else %}命名空间 {{ subject.namespace }} 中的 Service 与它不符，请求得不到正确的后端（404、502 或 503）。{% endif %}"
  en: "{{ path }} of {{ subject.kind|raw }} {{ subject.name }} is {{ backend }}; {% if problem == 'path' %}it is Service {{ near }} whose name fits the path, which exists and gets no request; {{ backend }} will mostly answer these requests with 404.{% else %}the Services of namespace {{ subject.namespace }} do not agree with it, so requests reach no right backend (404, 502 or 503).{% endif %}"
rules_out:
  - zh: 后端应用：请求没有被转发给它
    en: "the backend application: requests are not forwarded to it"
causes:
  - rule: gateway-route-rejected
    ground: service
    mechanism: {zh: "网关因此把路由的 ResolvedRefs 置为 False", en: "the gateway sets ResolvedRefs of the route to False over it"}
benign:
  - zh: 未知主机名得到的 404 来自默认后端
    en: a 404 for an unknown host comes from the default backend
remedy:
  - purpose: {zh: 对照路由与 Service, en: compare the route with the Services}
    place: cluster
    risk: read-only
    command: "kubectl -n {{ subject.namespace }} get services"
    expect: {zh: "没有与 {{ backend }} 相符的 Service 与端口", en: "no Service and port that agree with {{ backend }}"}
    verify: {zh: 差异已确认, en: the difference is confirmed}
    rollback: {zh: 只读，无需回滚, en: read-only}
  - purpose: {zh: "改正 {{ path }}", en: "correct {{ path }}"}
    place: cluster
    risk: change
    command: "kubectl -n {{ subject.namespace }} edit {{ resource }} {{ subject.name }}"
    expect: {zh: 已保存, en: saved}
    verify: {zh: 经由该路由的请求返回正常内容, en: a request over the route gets the right answer}
    rollback: {zh: 改回原值, en: put the old value back}
prevention:
  - kind: prevent
    text: {zh: 在 CI 中校验路由的后端 Service 与端口, en: check in CI that the backends of routes exist}
    acceptance: {zh: 指向不存在 Service 的路由使流水线失败, en: a route to a missing Service fails the pipeline}
sources: ["kubernetes networking.k8s.io/v1 IngressBackend", "traefik pkg/provider/kubernetes/ingress: `Cannot create service`", "ingress-nginx internal/ingress/controller: `Error obtaining Endpoints for Service`"]
versions: Kubernetes 1.19 to 1.36, Traefik 2 and 3, ingress-nginx 0.20 to 1.13
examples:
  - name: "a host leads where another host leads, and not to its namesake"
    files:
      "a.yaml": |
        apiVersion: networking.k8s.io/v1
        kind: Ingress
        metadata:
          name: docs
          namespace: shop
          uid: "1"
        spec:
          rules:
          - host: docs.example.net
            http:
              paths:
              - backend:
                  service:
                    name: docs-search
                    port:
                      number: 7700
                path: /
                pathType: Prefix
      "b.yaml": |
        apiVersion: networking.k8s.io/v1
        kind: Ingress
        metadata:
          name: search
          namespace: shop
          uid: "2"
        spec:
          rules:
          - host: search.example.net
            http:
              paths:
              - backend:
                  service:
                    name: docs-search
                    port:
                      number: 7700
                path: /
                pathType: Prefix
      "svc.txt": |
        NAMESPACE   NAME          TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)    AGE
        shop        docs          ClusterIP   10.96.1.1    <none>        80/TCP     5d
        shop        docs-search   ClusterIP   10.96.1.2    <none>        7700/TCP   5d
    fires: [{kind: "Ingress", namespace: "shop", name: "docs"}]
  - name: "one gateway for a host whose namesake is an inner Service"
    files:
      "a.yaml": |
        apiVersion: networking.k8s.io/v1
        kind: Ingress
        metadata:
          name: docs
          namespace: shop
          uid: "1"
        spec:
          rules:
          - host: docs.example.net
            http:
              paths:
              - backend:
                  service:
                    name: docs-search
                    port:
                      number: 7700
                path: /
                pathType: Prefix
      "svc.txt": |
        NAMESPACE   NAME          TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)    AGE
        shop        docs          ClusterIP   10.96.1.1    <none>        80/TCP     5d
        shop        docs-search   ClusterIP   10.96.1.2    <none>        7700/TCP   5d
  - name: "the back office gets the path of the interface"
    files:
      ing.json: '{"kind":"Ingress","apiVersion":"networking.k8s.io/v1","metadata":{"name":"shop","namespace":"k"},"spec":{"rules":[{"http":{"paths":[{"path":"/api/prices","backend":{"service":{"name":"prices-admin","port":{"number":8080}}}}]}}]}}'
      svc.txt: |
        $ kubectl get svc -n k
        NAME           TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)    AGE
        prices-admin   ClusterIP   10.96.1.1    <none>        8080/TCP   5d
        prices-api     ClusterIP   10.96.1.2    <none>        8080/TCP   5d
    fires: [{kind: Ingress, namespace: k, name: shop}]
  - name: "both have their path"
    files:
      ing.json: '{"kind":"Ingress","apiVersion":"networking.k8s.io/v1","metadata":{"name":"shop","namespace":"k"},"spec":{"rules":[{"http":{"paths":[{"path":"/api/prices/admin","backend":{"service":{"name":"prices-admin","port":{"number":8080}}}},{"path":"/api/prices","backend":{"service":{"name":"prices-api","port":{"number":8080}}}}]}}]}}'
      svc.txt: |
        $ kubectl get svc -n k
        NAME           TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)    AGE
        prices-admin   ClusterIP   10.96.1.1    <none>        8080/TCP   5d
        prices-api     ClusterIP   10.96.1.2    <none>        8080/TCP   5d
  - name: a backend that does not exist
    files:
      ing.json: '{"kind":"Ingress","apiVersion":"networking.k8s.io/v1","metadata":{"name":"kiosk","namespace":"k"},"spec":{"rules":[{"http":{"paths":[{"path":"/api","backend":{"service":{"name":"order-service","port":{"number":8080}}}}]}}]}}'
      svc.txt: |
        $ kubectl get svc -n k
        NAME        TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)    AGE
        order-api   ClusterIP   10.96.1.1    <none>        8080/TCP   5d
    fires: [{kind: Ingress, namespace: k, name: kiosk}]
  - name: only the controller's log tells
    files:
      traefik.log: |
        2026-05-19T11:41:30Z ERR Cannot create service error="service not found" ingress=kiosk namespace=k providerName=kubernetes serviceName=order-service servicePort=&ServiceBackendPort{Name:,Number:8080,}
    fires: [{kind: Ingress, namespace: k, name: kiosk}]
  - name: a backend and a port that exist
    files:
      ing.json: '{"kind":"Ingress","apiVersion":"networking.k8s.io/v1","metadata":{"name":"kiosk","namespace":"k"},"spec":{"rules":[{"http":{"paths":[{"path":"/api","backend":{"service":{"name":"order-api","port":{"number":8080}}}}]}}]}}'
      svc.txt: |
        $ kubectl get svc -n k
        NAME        TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)    AGE
        order-api   ClusterIP   10.96.1.1    <none>        8080/TCP   5d
"##;

/// One place to which a route leads.
struct Backend {
    route: String,
    service: String,
    namespace: String,
    port: Option<Value>,
    pointer: String,
}

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings = Vec::new();
    for kind in ["Ingress", "HTTPRoute", "IngressRoute", "VirtualService"] {
        for object in snapshot.kind(kind) {
            let all = backends_of(object);
            findings.extend(
                all.iter()
                    .filter_map(|backend| judge(snapshot, rule, object, backend, &all))
                    .next(),
            );
        }
    }
    for hit in own_hits(input, rule) {
        let of = |name: &str| hit.captures.get(name).map_or("", String::as_str);
        if service(snapshot, of("namespace"), of("service")).is_some_and(|found| !found.key.namespace.is_empty()) {
            continue;
        }
        let subject = match of("ingress") {
            "" => match routes_to(snapshot, of("namespace"), of("service")) {
                Some(object) => object.subject(),
                None => continue,
            },
            name => Subject::namespaced("Ingress", of("namespace"), name),
        };
        match findings
            .iter_mut()
            .find(|finding: &&mut Finding| finding.subject == subject)
        {
            Some(finding) => add_hit(input, finding, hit),
            None => {
                let near = near_service(snapshot, of("namespace"), of("service"));
                let mut finding = Finding::new(rule, subject, Confidence::Confirmed)
                    .at("spec.rules[*].http.paths[*].backend.service.name")
                    .fact("route", "*")
                    .fact("backend", of("service"))
                    .fact("problem", "missing")
                    .fact("near", near)
                    .fact("path", "spec.rules[*].http.paths[*].backend.service.name")
                    .fact("resource", "ingress");
                finding.count = 0;
                add_hit(input, &mut finding, hit);
                findings.push(finding);
            }
        }
    }
    findings
}

fn judge(
    snapshot: &Snapshot,
    rule: &RuleHeader,
    object: &Object,
    backend: &Backend,
    all: &[Backend],
) -> Option<Finding> {
    services_in(snapshot, &backend.namespace).next()?;
    let (problem, near) = match service(snapshot, &backend.namespace, &backend.service) {
        None => ("missing", near_service(snapshot, &backend.namespace, &backend.service)),
        Some(found) => {
            let offered = ports(found);
            let agrees = |port: &Value| {
                offered
                    .iter()
                    .any(|offer| port.as_i64() == Some(offer.port) || port.as_str() == Some(offer.name))
            };
            // A table shows numbers, no names.
            let names_known = found.form != crate::bundle::decode::Form::Row;
            match &backend.port {
                Some(port) if !offered.is_empty() && !agrees(port) && (port.is_number() || names_known) => (
                    "port",
                    offered
                        .iter()
                        .map(|offer| offer.port.to_string())
                        .collect::<Vec<_>>()
                        .join("、"),
                ),
                _ => {
                    let namesake = unrouted_namesake(snapshot, backend, all)
                        .or_else(|| namesake_of_host(snapshot, object, backend))
                        .or_else(|| namesake_of_path(snapshot, backend));
                    ("path", namesake?)
                }
            }
        }
    };
    let confidence = if problem == "path" {
        Confidence::Probable
    } else {
        Confidence::Confirmed
    };
    let shown = match &backend.port {
        Some(port) => format!(
            "{}:{}",
            backend.service,
            port.as_str().map_or_else(|| port.to_string(), ToOwned::to_owned)
        ),
        None => backend.service.clone(),
    };
    let path = backend.pointer.trim_start_matches('/').replace('/', ".");
    let mut finding = Finding::new(rule, object.subject(), confidence)
        .at(path.clone())
        .cite(object.cite_at(&backend.pointer))
        .fact("route", backend.route.clone())
        .fact("backend", shown)
        .fact("problem", problem)
        .fact("near", near)
        .fact("path", path)
        .fact("resource", object.key.kind.to_lowercase());
    if let Some(found) = service(snapshot, &backend.namespace, &backend.service) {
        finding.add_cite(found.cite_at("/spec/ports"));
    }
    if problem != "path" {
        finding = finding.touch(Ground::Service, format!("{}/{}", backend.namespace, backend.service));
    }
    Some(finding)
}

/// `/cart` leads to another Service, while a Service `cart` exists and no route leads to it.
fn unrouted_namesake(snapshot: &Snapshot, backend: &Backend, all: &[Backend]) -> Option<String> {
    let first = backend
        .route
        .rsplit_once(' ')
        .map_or(backend.route.as_str(), |(_, path)| path);
    let first = first
        .trim_start_matches('/')
        .split(['/', '('])
        .next()
        .filter(|part| part.len() >= 3)?;
    if is_in_between(&backend.service) {
        return None;
    }
    let routed = |name: &str| all.iter().any(|other| other.service == name);
    let related = is_near(first, &backend.service) || backend.service.contains(first);
    let mut namesakes = services_in(snapshot, &backend.namespace)
        .map(|service| service.key.name.as_str())
        .filter(|name| {
            *name == first
                || name
                    .strip_prefix(first)
                    .is_some_and(|rest| matches!(rest, "-service" | "-svc" | "-api"))
        });
    namesakes.find(|name| !routed(name) && !related).map(ToOwned::to_owned)
}

/// `/api/quotes` leads to `quotes-admin`, while a Service `quotes-api`, whose name has every word of the path, is led to by no route.
fn namesake_of_path(snapshot: &Snapshot, backend: &Backend) -> Option<String> {
    let path = backend.route.rsplit(' ').next()?.split(['(', '*', '$']).next()?;
    let is_version = |word: &str| word.strip_prefix('v').is_some_and(|rest| rest.parse::<u8>().is_ok());
    let wanted: Vec<&str> = path
        .split(['/', '-', '_'])
        .filter(|word| !word.is_empty() && !is_version(word))
        .collect();
    let is_plain = |word: &&str| word.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if wanted.len() < 2 || !wanted.iter().all(is_plain) {
        return None;
    }
    let words = |name: &'_ str| name.split('-').map(ToOwned::to_owned).collect::<Vec<String>>();
    let has_all = |name: &str| {
        let words = words(name);
        wanted.iter().all(|wanted| words.iter().any(|word| word == wanted))
    };
    let is_about_it = |word: &String| wanted.contains(&word.as_str()) || matches!(word.as_str(), "service" | "svc");
    let goes_elsewhere = words(&backend.service).iter().any(|word| !is_about_it(word));
    // `prices-admin` is about prices; a gateway that shares no word with the path may lead on to where it belongs.
    let is_related = words(&backend.service)
        .iter()
        .any(|word| wanted.contains(&word.as_str()));
    if has_all(&backend.service) || !goes_elsewhere || !is_related {
        return None;
    }
    let routed: Vec<Backend> = ["Ingress", "HTTPRoute", "IngressRoute", "VirtualService"]
        .iter()
        .flat_map(|kind| snapshot.kind(kind))
        .flat_map(backends_of)
        .collect();
    let mut names = services_in(snapshot, &backend.namespace).map(|service| service.key.name.as_str());
    names
        .find(|name| {
            has_all(name) && words(name).iter().all(is_about_it) && !routed.iter().any(|other| other.service == *name)
        })
        .map(ToOwned::to_owned)
}

/// The host `wiki.example.net` leads to `wiki-search`, to which a host of its own (`search.example.net`) leads as well, while no Ingress
/// leads to the Service `wiki`: a backend that was copied with the rest of the object.
fn namesake_of_host(snapshot: &Snapshot, object: &Object, backend: &Backend) -> Option<String> {
    if object.key.kind != "Ingress" {
        return None;
    }
    let (host, path) = backend.route.split_once(' ')?;
    let label = host.split('.').next().filter(|label| label.len() >= 3)?;
    let routes: Vec<Backend> = snapshot
        .kind("Ingress")
        .filter(|other| same_namespace(&other.key.namespace, &object.key.namespace))
        .flat_map(backends_of)
        .collect();
    let is_word = |label: &str| label.len() >= 3 && backend.service.split('-').any(|word| word == label);
    let has_own_host = routes
        .iter()
        .filter(|other| other.service == backend.service && other.route != backend.route)
        .filter_map(|other| other.route.split('.').next())
        .any(|other| other != label && (other == backend.service || is_word(other)));
    let is_routed = routes.iter().any(|other| other.service == label);
    let exists = services_in(snapshot, &backend.namespace).any(|service| service.key.name == label);
    (path == "/" && label != backend.service && exists && !is_routed && has_own_host).then(|| label.to_owned())
}

fn near_service(snapshot: &Snapshot, namespace: &str, name: &str) -> String {
    let names = services_in(snapshot, namespace).map(|service| service.key.name.as_str());
    let share = |other: &&str| is_near(other, name) || other.split('-').next() == name.split('-').next();
    names
        .filter(share)
        .min_by_key(|other| other.len().abs_diff(name.len()))
        .unwrap_or("")
        .to_owned()
}

fn routes_to<'s>(snapshot: &'s Snapshot, namespace: &str, name: &str) -> Option<&'s Object> {
    snapshot.kind("Ingress").find(|object| {
        same_namespace(&object.key.namespace, namespace)
            && backends_of(object).iter().any(|backend| backend.service == name)
    })
}

/// Every place to which an object of one of the routing APIs leads.
fn backends_of(object: &Object) -> Vec<Backend> {
    let mut found = Vec::new();
    let namespace = object.key.namespace.as_str();
    let mut add = |route: String, value: &Value, name_at: &str, port_at: &str, pointer: String| {
        if let Some(name) = value.pointer(name_at).and_then(Value::as_str) {
            let home = value.get("namespace").and_then(Value::as_str);
            let (name, named) = service_of_host(name, namespace);
            let own = home.map_or(named, ToOwned::to_owned);
            let port = value
                .pointer(port_at)
                .filter(|port| port.is_number() || port.is_string())
                .cloned();
            found.push(Backend {
                route,
                service: name,
                namespace: own,
                port,
                pointer,
            });
        }
    };
    let text = |value: &Value, at: &str| value.pointer(at).and_then(Value::as_str).unwrap_or("").to_owned();
    match object.key.kind.as_str() {
        "Ingress" => {
            for (rule_at, rule) in object.list("/spec/rules").iter().enumerate() {
                for (path_at, path) in rule
                    .pointer("/http/paths")
                    .and_then(Value::as_array)
                    .into_iter()
                    .flatten()
                    .enumerate()
                {
                    let pointer = format!("/spec/rules/{rule_at}/http/paths/{path_at}/backend");
                    let route = format!("{} {}", text(rule, "/host"), text(path, "/path"))
                        .trim()
                        .to_owned();
                    let Some(backend) = path.get("backend") else { continue };
                    let port_at = if backend.pointer("/service/port/number").is_some() {
                        "/service/port/number"
                    } else {
                        "/service/port/name"
                    };
                    add(route.clone(), backend, "/service/name", port_at, pointer.clone());
                    add(route, backend, "/serviceName", "/servicePort", pointer);
                }
            }
        }
        "HTTPRoute" => {
            for (rule_at, rule) in object.list("/spec/rules").iter().enumerate() {
                for (at, backend) in rule
                    .get("backendRefs")
                    .and_then(Value::as_array)
                    .into_iter()
                    .flatten()
                    .enumerate()
                {
                    if backend
                        .get("kind")
                        .and_then(Value::as_str)
                        .is_none_or(|kind| kind == "Service")
                    {
                        add(
                            text(rule, "/matches/0/path/value"),
                            backend,
                            "/name",
                            "/port",
                            format!("/spec/rules/{rule_at}/backendRefs/{at}"),
                        );
                    }
                }
            }
        }
        "IngressRoute" => {
            for (route_at, route) in object.list("/spec/routes").iter().enumerate() {
                for (at, backend) in route
                    .get("services")
                    .and_then(Value::as_array)
                    .into_iter()
                    .flatten()
                    .enumerate()
                {
                    if backend
                        .get("kind")
                        .and_then(Value::as_str)
                        .is_none_or(|kind| kind == "Service")
                    {
                        add(
                            text(route, "/match"),
                            backend,
                            "/name",
                            "/port",
                            format!("/spec/routes/{route_at}/services/{at}"),
                        );
                    }
                }
            }
        }
        _ => {
            for (http_at, http) in object.list("/spec/http").iter().enumerate() {
                for (at, route) in http
                    .get("route")
                    .and_then(Value::as_array)
                    .into_iter()
                    .flatten()
                    .enumerate()
                {
                    // Another name with dots is that of a ServiceEntry, outside the cluster.
                    let host = text(route, "/destination/host");
                    if host.contains('.') && !host.contains(".svc") {
                        continue;
                    }
                    add(
                        text(http, "/match/0/uri/prefix"),
                        route,
                        "/destination/host",
                        "/destination/port/number",
                        format!("/spec/http/{http_at}/route/{at}"),
                    );
                }
            }
        }
    }
    found
}

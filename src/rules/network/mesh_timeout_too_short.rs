//! A route of the mesh gives up before the service that it leads to has answered.

use serde_json::Value;

use crate::cluster::{Hit, Object};
use crate::model::Confidence;
use crate::rules::toolbox::mesh::{impair_service, service_of_host};
use crate::rules::toolbox::peers::behind;
use crate::rules::toolbox::timeouts::{durations, millis};
use crate::rules::toolbox::{add_hit, own_hits};
use crate::rules::{Finding, Ground, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: mesh-timeout-too-short
role: cause
level: critical
needs: [virtualservices]
text:
  - id: flags
    in: [container-log]
    pattern: '" (?P<status>\d{3}) (?:[A-Z]+,)*UT(?:,[A-Z]+)* [^\n]*outbound\|(?P<port>\d+)\|[\w-]*\|(?P<host>[\w.-]+)'
check: {zh: "网格路由的超时是否短于服务的响应时间", en: "whether routes of the mesh give services the time that they take"}
title:
  zh: "VirtualService {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }} 只给 {{ service }} {{ timeout }}，短于它的响应时间"
  en: "VirtualService {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }} gives {{ service }} only {{ timeout }} to answer, which is less than it takes"
cause:
  zh: "{{ path }} 为 {{ timeout }}，Envoy 以标记 UT（上游请求超时）结束了请求，而 {{ service }} 的 Pod 就绪{% if took %}、日志显示一次请求要 {{ took }} 毫秒{% endif %}：调用方得到 504，服务自身没有错误。"
  en: "{{ path }} is {{ timeout }}, and Envoy ended requests with the flag UT (upstream request timeout), while the pods of {{ service }} are ready{% if took %} and a request takes {{ took }} ms by its log{% endif %}: callers get 504, and the service itself has no error."
causes:
  - rule: app-upstream-refused
    ground: service
    mechanism: {zh: "Envoy 提前放弃", en: "Envoy gives up early"}
  - rule: peer-unresponsive
    ground: service
    mechanism: {zh: "Envoy 提前放弃，看上去像没有响应", en: "Envoy gives up early, which looks like no answer"}
  - rule: service-unreachable
    ground: service
    mechanism: {zh: "Envoy 提前放弃", en: "Envoy gives up early"}
  - rule: peer-answers-with-errors
    ground: service
    mechanism: {zh: "Envoy 以 504 回答", en: "Envoy answers with 504"}
benign:
  - {zh: "偶尔超过时限的慢请求不算", en: "a slow request now and then that exceeds the limit does not count"}
remedy:
  - purpose: {zh: "查看路由的超时", en: "look at the timeout of the route"}
    place: cluster
    risk: read-only
    command: "kubectl {% if subject.namespace %}-n {{ subject.namespace }} {% endif %}get virtualservice {{ subject.name }} -o yaml"
    expect: {zh: "timeout: {{ timeout }}", en: "timeout: {{ timeout }}"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "把超时提高到服务所需之上", en: "raise the timeout above what the service takes"}
    place: cluster
    risk: change
    command: "kubectl {% if subject.namespace %}-n {{ subject.namespace }} {% endif %}edit virtualservice {{ subject.name }}"
    expect: {zh: "`virtualservice.networking.istio.io/{{ subject.name }} edited`", en: "`virtualservice.networking.istio.io/{{ subject.name }} edited`"}
    verify: {zh: "访问日志中不再出现 UT", en: "the access log has no more UT"}
    rollback: {zh: "恢复先前的值", en: "put the former value back"}
prevention:
  - kind: prevent
    text: {zh: "按服务的 P99 设定路由超时，并与代码一起评审", en: "set timeouts of routes by the P99 of the service, and review them with its code"}
    acceptance: {zh: "每个超时都不低于 P99 的两倍", en: "each timeout is at least twice the P99"}
sources:
  - "envoyproxy.io/docs: access log, response flag UT (upstream request timeout)"
  - "istio.io/docs/reference/config/networking/virtual-service: HTTPRoute.timeout"
versions: "Istio 1.0 to 1.28"
examples:
  - name: "a timeout below what it takes"
    files:
      "vs.yaml": |
        apiVersion: networking.istio.io/v1
        kind: VirtualService
        metadata: {name: seats, namespace: shop}
        spec:
          hosts: [seats]
          http:
          - route:
            - destination: {host: seats, port: {number: 8080}}
            timeout: 250ms
      "pods.txt": |
        NAMESPACE   NAME                       READY   STATUS    RESTARTS   AGE
        shop        seats-6bdf8c9d7-jd5lx      2/2     Running   0          41m
        shop        booking-5c9f7d6b8-2xk7p    2/2     Running   0          41m
      "logs/shop/seats-6bdf8c9d7-jd5lx/seats.log": |
        2026-03-01T10:00:00Z INFO reserve ok took=410ms
        2026-03-01T10:00:05Z INFO reserve ok took=380ms
        2026-03-01T10:00:09Z INFO reserve ok took=640ms
      "logs/shop/booking-5c9f7d6b8-2xk7p/istio-proxy.log": |
        [2026-03-01T10:00:00.000Z] "POST /reserve HTTP/1.1" 504 UT response_timeout - "-" 37 24 250 - "-" "go" "c92c" "seats:8080" "10.0.0.131:8080" outbound|8080||seats.shop.svc.cluster.local 10.0.0.178:56186 10.96.43.126:8080 10.0.0.178:38765 - default
        [2026-03-01T10:00:05.000Z] "POST /reserve HTTP/1.1" 504 UT response_timeout - "-" 37 24 250 - "-" "go" "c92d" "seats:8080" "10.0.0.131:8080" outbound|8080||seats.shop.svc.cluster.local 10.0.0.178:56187 10.96.43.126:8080 10.0.0.178:38765 - default
        [2026-03-01T10:00:09.000Z] "POST /reserve HTTP/1.1" 504 UT response_timeout - "-" 37 24 250 - "-" "go" "c92e" "seats:8080" "10.0.0.131:8080" outbound|8080||seats.shop.svc.cluster.local 10.0.0.178:56188 10.96.43.126:8080 10.0.0.178:38765 - default
    fires: [{kind: VirtualService, namespace: shop, name: seats}]
  - name: "a timeout that nobody meets"
    files:
      "vs.yaml": |
        apiVersion: networking.istio.io/v1
        kind: VirtualService
        metadata: {name: seats, namespace: shop}
        spec:
          hosts: [seats]
          http:
          - route:
            - destination: {host: seats, port: {number: 8080}}
            timeout: 250ms
      "pods.txt": |
        NAMESPACE   NAME                       READY   STATUS    RESTARTS   AGE
        shop        seats-6bdf8c9d7-jd5lx      2/2     Running   0          41m
"##;

/// Requests that were given up on, before they are more than an accident.
const LEAST: u64 = 3;
/// Milliseconds; a service that takes longer than this is what ails, not its route.
const SHORT: f64 = 5000.0;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    input
        .snapshot
        .kind("VirtualService")
        .filter_map(|object| judge(input, rule, object))
        .collect()
}

fn judge(input: &Input<'_>, rule: &RuleHeader, object: &Object) -> Option<Finding> {
    let snapshot = input.snapshot;
    let routes = object.list("/spec/http").iter().enumerate();
    let (at, timeout, limit, name, namespace) = routes.into_iter().find_map(|(at, route)| {
        let timeout = route.get("timeout").and_then(Value::as_str)?;
        let limit = millis("timeout", timeout).filter(|limit| *limit > 0.0 && *limit < SHORT)?;
        let host = route.pointer("/route/0/destination/host").and_then(Value::as_str)?;
        let (name, namespace) = service_of_host(host, &object.key.namespace);
        Some((at, timeout, limit, name, namespace))
    })?;
    let given_up: Vec<&Hit> = own_hits(input, rule)
        .into_iter()
        .filter(|hit| {
            hit.captures
                .get("host")
                .is_some_and(|host| host.split('.').next() == Some(name.as_str()))
        })
        .collect();
    if given_up.iter().map(|hit| hit.count).sum::<u64>() < LEAST {
        return None;
    }
    let servers = behind(snapshot, &namespace, &name);
    // A service that is not well has to be mended itself.
    if !servers.iter().any(|server| snapshot.is_running_well(server)) {
        return None;
    }
    let taken: Vec<_> = servers.iter().flat_map(|server| durations(snapshot, server)).collect();
    let slower = taken.iter().filter(|(took, _)| *took > limit);
    let longest = slower.clone().map(|(took, _)| *took).fold(0.0, f64::max);
    // It takes longer at times, and never very long: else it is the service that has become slow.
    if slower.clone().count() < 2 || longest > SHORT {
        return None;
    }
    let path = format!("spec.http[{at}].timeout");
    let mut finding = Finding::new(rule, object.subject(), Confidence::Confirmed)
        .at(path.clone())
        .cite(object.cite_at(&format!("/spec/http/{at}/timeout")))
        .touch(Ground::Service, format!("{namespace}/{name}"))
        .fact("path", path)
        .fact("service", name.clone())
        .fact("timeout", timeout)
        .fact("took", format!("{longest:.0}"));
    for (_, cite) in slower.take(2) {
        finding.add_cite(cite.clone());
    }
    for hit in given_up.into_iter().take(3) {
        add_hit(input, &mut finding, hit);
    }
    impair_service(snapshot, &mut finding, &namespace, &name);
    Some(finding)
}

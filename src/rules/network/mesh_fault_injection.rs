//! A route of the mesh delays or aborts requests on purpose.

use serde_json::Value;

use crate::cluster::{Hit, Object};
use crate::model::Confidence;
use crate::rules::toolbox::mesh::{impair_service, service_of_host};
use crate::rules::toolbox::{add_hit, own_hits};
use crate::rules::{Finding, Ground, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: mesh-fault-injection
role: cause
level: critical
needs: [virtualservices|container-logs]
text:
  - id: flags
    in: [container-log]
    pattern: '" (?P<status>\d{3}) (?:[A-Z]+,)*(?P<flag>DI|FI)(?:,[A-Z]+)* [^\n]*outbound\|(?P<port>\d+)\|[\w-]*\|(?P<host>[\w.-]+)'
  - id: flags-json
    in: [container-log]
    pattern: '"response_flags":"(?:[A-Z]+,)*(?P<flag>DI|FI)(?:,[A-Z]+)*"'
check:
  zh: 网格是否在按配置注入延迟或错误
  en: whether the mesh injects delays or errors as it is told to
title:
  zh: "VirtualService {{ subject.namespace }}/{{ subject.name }} 对发往 {{ hosts }} 的请求{% if delay %}注入 {{ delay }} 的延迟{% endif %}{% if delay and abort %}，并{% endif %}{% if abort %}以 {{ abort }} 中止{% endif %}（{{ share }}%）"
  en: "VirtualService {{ subject.namespace }}/{{ subject.name }} {% if delay %}delays requests to {{ hosts }} by {{ delay }}{% if abort %} and aborts them with {{ abort }}{% endif %}{% else %}aborts requests to {{ hosts }} with {{ abort }}{% endif %} ({{ share }}%)"
cause:
  zh: "{{ path }} 要求客户端的边车代理在转发之前注入故障；服务 {{ hosts }} 本身没有收到或很快应答了这些请求{% if flag %}。代理的访问日志以 {{ flag }} 标出（DI 为注入的延迟，FI 为注入的错误）{% endif %}。"
  en: "{{ path }} makes the sidecar of every client inject the fault before it forwards a request; {{ hosts }} itself never got those requests or answered them quickly{% if flag %}. The proxy marks them with {{ flag }} in its access log (DI is an injected delay, FI an injected error){% endif %}."
questions:
  - {zh: "谁为了什么试验加上了它，是否忘记去掉？", en: "who put it there for which trial, and was it forgotten?"}
causes:
  - rule: app-latency
    ground: service
    mechanism: {zh: "请求被代理延迟", en: "the proxy holds requests back"}
  - rule: app-upstream-refused
    ground: service
    mechanism: {zh: "请求被代理延迟或中止", en: "the proxy delays or aborts requests"}
  - rule: peer-answers-with-errors
    ground: service
    mechanism: {zh: "代理代替服务作答", en: "the proxy answers in place of the service"}
  - rule: peer-unresponsive
    ground: service
    mechanism: {zh: "请求被代理延迟", en: "the proxy holds requests back"}
  - rule: app-timeout-too-short
    ground: service
    mechanism: {zh: "请求被代理延迟", en: "the proxy holds requests back"}
  - rule: app-bug
    ground: service
    mechanism: {zh: "日志里的错误来自注入的故障", en: "the errors in the log come from the injected fault"}
  - rule: readiness-probe-failing
    ground: service
    mechanism: {zh: "依赖变慢或出错，就绪探针失败", en: "its dependency is slow or fails, so the readiness probe fails"}
benign:
  - {zh: "只对一部分请求（请求头、路径、来源）注入", en: "a fault for some requests only, by header, path or source"}
  - {zh: "比例为 0 的注入", en: "a fault for 0 percent"}
remedy:
  - purpose: {zh: "查看注入的故障", en: "look at the fault"}
    place: cluster
    risk: read-only
    command: "kubectl -n {{ subject.namespace }} get virtualservice {{ subject.name }} -o yaml"
    expect: {zh: "spec.http[*].fault", en: "spec.http[*].fault"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "去掉 {{ path }}", en: "take {{ path }} out"}
    place: cluster
    risk: change
    command: "kubectl -n {{ subject.namespace }} edit virtualservice {{ subject.name }}"
    verify: {zh: "访问日志不再有 DI 或 FI", en: "the access log shows no DI or FI any more"}
    rollback: {zh: "重新加上这一段", en: "put the section back"}
prevention:
  - kind: prevent
    text: {zh: "用准入策略限制 spec.http[*].fault 只能出现在测试命名空间", en: "allow spec.http[*].fault in test namespaces only, by an admission policy"}
    acceptance: {zh: "在生产命名空间创建带 fault 的 VirtualService 被拒绝", en: "a VirtualService with a fault is refused in a production namespace"}
sources:
  - "istio.io/docs/reference/config/networking/virtual-service: HTTPFaultInjection"
  - "envoyproxy.io/docs access log response flags: DI, FI; source/extensions/filters/http/fault"
versions: "Istio 1.0 to 1.28"
examples:
  - name: a delay that the proxy marks
    files:
      vs.yaml: |
        apiVersion: networking.istio.io/v1
        kind: VirtualService
        metadata: {name: quotes, namespace: shop}
        spec:
          hosts: [quotes]
          http:
          - fault:
              delay: {fixedDelay: 5s, percentage: {value: 60}}
            route:
            - destination: {host: quotes}
      web-5d9b66ccf4-2dzqv_istio-proxy.log: |
        [2026-03-11T18:59:11.070Z] "GET /q HTTP/1.1" 200 DI via_upstream - "-" 0 91 5004 3 "-" "curl" "id" "quotes:80" "10.244.1.7:80" outbound|80||quotes.shop.svc.cluster.local 10.244.0.4:40044 10.96.0.9:80 10.244.0.4:40044 - default
    fires: [{kind: VirtualService, namespace: shop, name: quotes}]
  - name: an abort for everybody, without any log
    files:
      vs.yaml: |
        apiVersion: networking.istio.io/v1
        kind: VirtualService
        metadata: {name: quotes, namespace: shop}
        spec:
          hosts: [quotes]
          http:
          - fault:
              abort: {httpStatus: 500, percentage: {value: 100}}
            route:
            - destination: {host: quotes}
    fires: [{kind: VirtualService, namespace: shop, name: quotes}]
  - name: a fault for a tester's requests
    files:
      vs.yaml: |
        apiVersion: networking.istio.io/v1
        kind: VirtualService
        metadata: {name: quotes, namespace: shop}
        spec:
          hosts: [quotes]
          http:
          - match:
            - headers: {end-user: {exact: tester}}
            fault:
              abort: {httpStatus: 500, percentage: {value: 100}}
            route:
            - destination: {host: quotes}
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    input
        .snapshot
        .kind("VirtualService")
        .filter_map(|object| judge(input, rule, object))
        .collect()
}

fn judge(input: &Input<'_>, rule: &RuleHeader, object: &Object) -> Option<Finding> {
    let snapshot = input.snapshot;
    let hosts: Vec<(String, String)> = object
        .list("/spec/hosts")
        .iter()
        .filter_map(Value::as_str)
        .map(|host| service_of_host(host, &object.key.namespace))
        .collect();
    let marked: Vec<&Hit> = own_hits(input, rule)
        .into_iter()
        .filter(|hit| {
            hit.captures.get("host").is_none_or(|host| {
                let name = host.split('.').next().unwrap_or(host);
                hosts.iter().any(|(known, _)| known == name)
            })
        })
        .collect();
    let routes = object.list("/spec/http");
    let (at, fault) = routes.iter().enumerate().find_map(|(at, route)| {
        let fault = route.get("fault")?;
        let is_for_some = !takes_all(route);
        (share(fault, "delay") + share(fault, "abort") > 0.0 && !(is_for_some && marked.is_empty()))
            .then_some((at, fault))
    })?;
    let path = format!("spec.http[{at}].fault");
    let text = |pointer: &str| match fault.pointer(pointer) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    };
    let (delayed, aborted) = (share(fault, "delay"), share(fault, "abort"));
    let shown = |share: f64, text: String| if share > 0.0 { text } else { String::new() };
    let abort = match text("/abort/httpStatus") {
        status if status.is_empty() => text("/abort/grpcStatus"),
        status => status,
    };
    let confidence = if marked.is_empty() {
        Confidence::Probable
    } else {
        Confidence::Confirmed
    };
    let names: Vec<&str> = hosts.iter().map(|(name, _)| name.as_str()).collect();
    let mut finding = Finding::new(rule, object.subject(), confidence)
        .at(path.clone())
        .cite(object.cite_at(&format!("/spec/http/{at}/fault")))
        .fact("path", path)
        .fact("hosts", names.join(", "))
        .fact("delay", shown(delayed, text("/delay/fixedDelay")))
        .fact("abort", shown(aborted, abort))
        .fact("share", delayed.max(aborted).to_string())
        .fact(
            "flag",
            marked
                .first()
                .and_then(|hit| hit.captures.get("flag").cloned())
                .unwrap_or_default(),
        );
    for hit in marked.into_iter().take(3) {
        add_hit(input, &mut finding, hit);
    }
    for (name, namespace) in &hosts {
        finding = finding.touch(Ground::Service, format!("{namespace}/{name}"));
        impair_service(snapshot, &mut finding, namespace, name);
    }
    Some(finding)
}

/// True for a route without a condition, or with one that every request meets: the prefix `/`.
fn takes_all(route: &Value) -> bool {
    let Some(matches) = route.get("match").and_then(Value::as_array) else {
        return true;
    };
    matches.is_empty()
        || matches.iter().any(|one| {
            let parts = one
                .as_object()
                .map_or(0, |parts| parts.keys().filter(|key| *key != "name").count());
            parts == 0 || parts == 1 && one.pointer("/uri/prefix").and_then(Value::as_str) == Some("/")
        })
}

/// On how many percent of the requests a part of the fault falls; on all where it does not say.
fn share(fault: &Value, part: &str) -> f64 {
    fault.get(part).map_or(0.0, |part| {
        part.pointer("/percentage/value")
            .or_else(|| part.get("percent"))
            .map_or(100.0, |value| value.as_f64().unwrap_or(0.0))
    })
}

//! An authorisation policy of Istio does not let a client through that calls.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::cluster::{Object, Snapshot};
use crate::model::{Citation, Confidence, Subject};
use crate::rules::toolbox::calls::of_clients;
use crate::rules::toolbox::complaints::complaints;
use crate::rules::toolbox::peers::objects_of;
use crate::rules::toolbox::policies::matches_selector;
use crate::rules::toolbox::services::{Backend, backends, same_namespace, selected_by_endpoint};
use crate::rules::toolbox::speakers::of_log;
use crate::rules::{Finding, Input, RuleHeader, Touch};

pub(in crate::rules) const RULE: &str = r##"
id: mesh-authorization-denied
role: cause
level: critical
needs: [container-logs]
text:
  # Envoy's own answer to a request that its RBAC filter refuses.
  - id: denied
    in: [container-log, status]
    pattern: 'RBAC: access denied'
  # The access log of the server's own proxy (response code details).
  - id: proxy
    in: [container-log]
    pattern: 'rbac_access_denied_matched_policy\['
check:
  zh: Istio 的授权策略是否放行调用方
  en: whether authorisation policies of Istio let callers through
title:
  zh: "AuthorizationPolicy {{ subject.namespace }}/{{ subject.name }} {% if denies %}拒绝{% else %}不放行{% endif %} {{ client }} 到 {{ server }} 的请求"
  en: "AuthorizationPolicy {{ subject.namespace }}/{{ subject.name }} {% if denies %}denies{% else %}does not admit{% endif %} the requests of {{ client }} to {{ server }}"
cause:
  zh: "策略选中 {{ server }} 的 Pod，{% if denies %}并拒绝{% else %}只放行 {{ admitted|join('、') }}，其中没有{% endif %} {{ client }} 所用的 ServiceAccount {{ account }}（命名空间 {{ space }}）；{{ server }} 的边车代理因此答 403 `RBAC: access denied`，请求没有到达应用。"
  en: "the policy selects the pods of {{ server }} and {% if denies %}denies{% else %}admits {{ admitted|join(', ') }} only, which is not{% endif %} ServiceAccount {{ account }} of namespace {{ space }}, which {{ client }} runs as; so the sidecar of {{ server }} answers 403 `RBAC: access denied`, and no request reaches the application."
rules_out:
  - {zh: 应用自身的鉴权：答复来自代理，不是应用, en: "the application's own authorisation: the answer is the proxy's, not the application's"}
causes:
  - rule: app-peer-auth-refused
    ground: workload
    mechanism: {zh: 服务端的代理拒绝了请求, en: the proxy of the server refuses the requests}
  - rule: peer-answers-with-errors
    ground: workload
    mechanism: {zh: 服务端的代理拒绝了请求, en: the proxy of the server refuses the requests}
  - rule: app-bug
    ground: workload
    mechanism: {zh: 日志里的错误来自被拒绝的请求, en: the errors in the log come from requests that are refused}
benign:
  - {zh: 有意拒绝的调用方不算故障；是否有意由策略的作者确认, en: "a caller that is refused on purpose is no fault; the policy's author knows"}
remedy:
  - purpose: {zh: 查看策略与调用方的 ServiceAccount, en: look at the policy and at the caller's ServiceAccount}
    place: cluster
    risk: read-only
    command: |
      kubectl -n {{ subject.namespace }} get authorizationpolicy {{ subject.name }} -o yaml
      kubectl -n {{ space }} get pods -o custom-columns=NAME:.metadata.name,SA:.spec.serviceAccountName
    expect: {zh: "principals 中没有 ns/{{ space }}/sa/{{ account }}", en: "ns/{{ space }}/sa/{{ account }} is not among the principals"}
    verify: {zh: 与本报告一致, en: it agrees with this report}
    rollback: {zh: 只读，无需回滚, en: read-only}
  - purpose: {zh: 改正策略的 principals（或命名空间）, en: correct the principals (or namespaces) of the policy}
    place: cluster
    risk: change
    command: kubectl -n {{ subject.namespace }} edit authorizationpolicy {{ subject.name }}
    expect: {zh: "`authorizationpolicy.security.istio.io/{{ subject.name }} edited`", en: "`authorizationpolicy.security.istio.io/{{ subject.name }} edited`"}
    verify: {zh: "{{ client }} 的请求不再得到 403", en: "the requests of {{ client }} get 403 no longer"}
    rollback: {zh: 用之前保存的 YAML 还原, en: apply the YAML that was saved before}
prevention:
  - kind: prevent
    text: {zh: 策略先以 dry-run 注解试行（istio.io/dry-run）, en: "try policies with the annotation istio.io/dry-run first"}
    acceptance: {zh: 试行期间没有合法调用方被记为拒绝, en: no caller that is wanted is logged as denied while it is tried}
sources:
  - "envoy source/extensions/filters/http/rbac/rbac_filter.cc: `RBAC: access denied`"
  - 'istio.io/docs/reference/config/security/authorization-policy: action, selector, source.principals, source.namespaces'
versions: Istio 1.4 and later
examples:
  - name: principals of a namespace that is written wrongly
    files:
      policy.yaml: |
        apiVersion: security.istio.io/v1
        kind: AuthorizationPolicy
        metadata: {name: rates-callers, namespace: shop}
        spec:
          action: ALLOW
          selector: {matchLabels: {app: rates}}
          rules:
            - from:
                - source: {principals: [cluster.local/ns/shops/sa/booking]}
      pods.yaml: &pods |
        apiVersion: v1
        kind: PodList
        items:
          - metadata: {name: booking-6bdf8c9d7-jd5lx, namespace: shop, labels: {app: booking}, ownerReferences: [{kind: ReplicaSet, name: booking-6bdf8c9d7, controller: true}]}
            spec: {serviceAccountName: booking, containers: [{name: booking, image: r.example/booking:1}]}
            status: {phase: Running, containerStatuses: [{name: booking, ready: true, restartCount: 0, state: {running: {}}}]}
          - metadata: {name: rates-7c9d6b5f48-2xk7p, namespace: shop, labels: {app: rates}, ownerReferences: [{kind: ReplicaSet, name: rates-7c9d6b5f48, controller: true}]}
            spec: {serviceAccountName: rates, containers: [{name: rates, image: r.example/rates:1}]}
            status: {phase: Running, containerStatuses: [{name: rates, ready: true, restartCount: 0, state: {running: {}}}]}
      svc.yaml: &service |
        apiVersion: v1
        kind: Service
        metadata: {name: rates, namespace: shop}
        spec: {clusterIP: 10.43.0.9, selector: {app: rates}, ports: [{port: 8080, targetPort: 8080}]}
      logs/shop/booking-6bdf8c9d7-jd5lx/booking.log: &log |
        2026/08/04 09:30:19 ERROR GET http://rates:8080/v1/rates: 403 Forbidden: RBAC: access denied
        2026/08/04 09:31:19 ERROR GET http://rates:8080/v1/rates: 403 Forbidden: RBAC: access denied
        2026/08/04 09:32:19 ERROR GET http://rates:8080/v1/rates: 403 Forbidden: RBAC: access denied
    fires: [{kind: AuthorizationPolicy, namespace: shop, name: rates-callers}]
  - name: the policy admits the caller, so something else refuses
    files:
      policy.yaml: |
        apiVersion: security.istio.io/v1
        kind: AuthorizationPolicy
        metadata: {name: rates-callers, namespace: shop}
        spec:
          selector: {matchLabels: {app: rates}}
          rules:
            - from:
                - source: {principals: ["*/ns/shop/sa/booking"]}
      pods.yaml: *pods
      svc.yaml: *service
      logs/shop/booking-6bdf8c9d7-jd5lx/booking.log: *log
  - name: the caller does not say whom it asked, and the proxy of the server logs the refusals
    files:
      policy.yaml: |
        apiVersion: security.istio.io/v1
        kind: AuthorizationPolicy
        metadata: {name: rates-callers, namespace: shop}
        spec:
          selector: {matchLabels: {app: rates}}
          rules:
            - from:
                - source: {principals: [cluster.local/ns/shop/sa/bookings]}
      pods.yaml: *pods
      svc.yaml: *service
      logs/shop/booking-6bdf8c9d7-jd5lx/booking.log: |
        2026/08/04 09:30:19 ERROR no rates, booking kept open: status 403 RBAC: access denied
        2026/08/04 09:31:19 ERROR no rates, booking kept open: status 403 RBAC: access denied
        2026/08/04 09:32:19 ERROR no rates, booking kept open: status 403 RBAC: access denied
      logs/shop/rates-7c9d6b5f48-2xk7p/istio-proxy.log: |
        [2026-08-04T09:32:19.539Z] "GET /v1/rates HTTP/1.1" 403 - rbac_access_denied_matched_policy[none] - "-" 0 19 0 - "-" "Go-http-client/1.1" "ecfe0228-8c8a-4b7a-a493-116d5e19af64" "rates:8080" "-" inbound|8080|| - 10.42.0.7:8080 10.42.0.9:41234 - -
    fires: [{kind: AuthorizationPolicy, namespace: shop, name: rates-callers}]
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings: Vec<Finding> = Vec::new();
    let mut refusing: BTreeMap<String, Vec<(Subject, Citation)>> = BTreeMap::new();
    let refused = complaints(snapshot, &|id| id == "mesh-authorization-denied/denied", &of_clients());
    for complaint in refused {
        let client = &complaint.speaker.workload;
        let (space, account) = runs_as(snapshot, client);
        let peer = complaint.peer_within(snapshot);
        // Where the caller does not say whom it asked, the proxies that refuse do.
        let names_none = peer.host.is_empty() && !complaint.line.contains("://");
        let servers: Vec<(Subject, Option<Citation>)> = if names_none {
            let of_namespace = refusing
                .entry(client.namespace.clone())
                .or_insert_with(|| self::refusing(snapshot, &client.namespace));
            let servers = of_namespace.iter().cloned();
            servers.map(|(server, cite)| (server, Some(cite))).collect()
        } else {
            let servers = objects_of(snapshot, &client.namespace, &peer).into_iter();
            servers.map(|server| (server, None)).collect()
        };
        for (server, said) in servers {
            let Some(refusal) = refusal(snapshot, &server, &space, &account) else {
                continue;
            };
            let subject = refusal.policy.subject();
            let at = findings.iter().position(|finding| finding.subject == subject);
            let finding = match at.and_then(|at| findings.get_mut(at)) {
                Some(finding) => finding,
                None => {
                    let finding = Finding::new(rule, subject, Confidence::Confirmed)
                        .at("spec.rules")
                        .cite(refusal.policy.cite_at("/spec/selector"))
                        .cite(refusal.policy.cite_at("/spec/rules"))
                        .fact("denies", refusal.denies)
                        .fact("admitted", refusal.named)
                        .fact("client", client.name.clone())
                        .fact("server", server.name.clone())
                        .fact("space", space.clone())
                        .fact("account", account.clone());
                    findings.push(finding);
                    let Some(finding) = findings.last_mut() else { continue };
                    finding
                }
            };
            add_client(finding, client, complaint.cite.clone());
            if let Some(said) = said {
                finding.add_cite(said);
            }
            finding.impair(server.clone());
        }
    }
    findings
}

/// The workloads of a namespace whose own proxies log that they refused requests, each with such a line.
fn refusing(snapshot: &Snapshot, namespace: &str) -> Vec<(Subject, Citation)> {
    let mut servers: BTreeMap<Subject, Citation> = BTreeMap::new();
    for hit in snapshot.hits("mesh-authorization-denied/proxy") {
        let speaker = snapshot.log_of(hit).and_then(|log| of_log(snapshot, log));
        if let Some(speaker) = speaker.filter(|speaker| same_namespace(&speaker.workload.namespace, namespace)) {
            servers.entry(speaker.workload).or_insert_with(|| hit.cite.clone());
        }
    }
    servers.into_iter().collect()
}

fn add_client(finding: &mut Finding, client: &Subject, said: Citation) {
    finding.add_cite(said);
    finding.touches.extend(Touch::of(client));
    finding.add_affected(client.clone());
}

/// Namespace and ServiceAccount of a workload's pods; `default` where none is named.
fn runs_as(snapshot: &Snapshot, client: &Subject) -> (String, String) {
    let of_pods = snapshot
        .pods_of(client)
        .map(|pod| pod.object.text("/spec/serviceAccountName"));
    let own = snapshot.object(&client.kind, &client.namespace, &client.name);
    let of_template = own.map(|object| object.text("/spec/template/spec/serviceAccountName"));
    let account = of_pods.chain(of_template).find(|name| !name.is_empty());
    (client.namespace.clone(), account.unwrap_or("default").to_owned())
}

/// A policy that refuses somebody.
struct Refusal<'s> {
    policy: &'s Object,
    denies: bool,
    named: Vec<String>,
}

/// The policy by which a server's proxy refuses an account. Where several admit, one of them is enough; one that denies always counts.
fn refusal<'s>(snapshot: &'s Snapshot, server: &Subject, space: &str, account: &str) -> Option<Refusal<'s>> {
    let known = backends(snapshot, &server.namespace);
    let inferred = selected_by_endpoint(snapshot, &server.namespace, &known);
    let of_server: Vec<&Backend<'_>> = known
        .iter()
        .chain(&inferred)
        .filter(|backend| backend.subject == *server)
        .collect();
    let selects = |policy: &&Object| {
        let is_near = same_namespace(&policy.key.namespace, &server.namespace);
        is_near
            && policy
                .get("/spec/selector")
                .is_none_or(|wanted| of_server.iter().any(|backend| matches_selector(wanted, backend.labels)))
    };
    let of_action = |policy: &&Object, wanted: &str| match policy.text("/spec/action") {
        "" => wanted == "ALLOW",
        action => action == wanted,
    };
    let policies: Vec<&Object> = snapshot.kind("AuthorizationPolicy").filter(selects).collect();
    let names = |policy: &&&Object| {
        policy
            .list("/spec/rules")
            .iter()
            .any(|rule| is_meant(rule, space, account))
    };
    let denying = policies
        .iter()
        .filter(|policy| of_action(policy, "DENY"))
        .filter(|policy| policy.list("/spec/rules").iter().all(|rule| rule.get("to").is_none()))
        .find(names);
    if let Some(policy) = denying {
        return Some(Refusal {
            policy,
            denies: true,
            named: principals(policy),
        });
    }
    let allowing: Vec<&&Object> = policies.iter().filter(|policy| of_action(policy, "ALLOW")).collect();
    let is_admitted = allowing.iter().any(names);
    let policy = allowing.first().filter(|_| !is_admitted)?;
    Some(Refusal {
        policy,
        denies: false,
        named: principals(policy),
    })
}

/// True where a rule means an account, or asks for what is not to be told here.
fn is_meant(rule: &Value, space: &str, account: &str) -> bool {
    let Some(from) = rule.get("from").and_then(Value::as_array) else {
        return true;
    };
    from.iter()
        .filter_map(|entry| entry.get("source")?.as_object())
        .any(|source| {
            source.iter().all(|(field, values)| {
                let values = values.as_array().map_or(&[][..], Vec::as_slice);
                let mut texts = values.iter().filter_map(Value::as_str);
                match field.as_str() {
                    "principals" => texts.any(|text| is_principal(text, space, account)),
                    "namespaces" => texts.any(|text| fits(text, space)),
                    _ => true,
                }
            })
        })
}

/// `cluster.local/ns/shop/sa/booking`, with a wildcard at either end; the trust domain is not told here.
fn is_principal(text: &str, space: &str, account: &str) -> bool {
    let own = format!("ns/{space}/sa/{account}");
    match text.find("ns/") {
        Some(at) if !text.starts_with('*') || at > 0 => fits(text.get(at..).unwrap_or(""), &own),
        _ => fits(text, &own),
    }
}

/// Istio's match: exact, by beginning, by end, or anything.
fn fits(pattern: &str, text: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(end), _) => text.ends_with(end),
        (_, Some(start)) => text.starts_with(start),
        _ => pattern == text,
    }
}

/// Whom a policy names.
fn principals(policy: &Object) -> Vec<String> {
    let sources = policy.list("/spec/rules").iter();
    sources
        .filter_map(|rule| rule.get("from")?.as_array())
        .flatten()
        .filter_map(|entry| entry.get("source"))
        .flat_map(|source| ["principals", "namespaces"].map(|field| source.get(field).and_then(Value::as_array)))
        .flatten()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::rules::Rules;
    use crate::rules::try_out::findings_of;

    #[test]
    fn the_proxy_that_refused_is_asked_only_where_the_caller_names_nobody() {
        let rules = Rules::load().unwrap();
        let examples = &rules.get("mesh-authorization-denied").unwrap().header.examples;
        let example = examples
            .iter()
            .find(|example| example.name.starts_with("the caller does not say"))
            .unwrap();
        let found = |said: &str| {
            let files = example.files.iter();
            let files: Vec<(&str, String)> = files
                .map(|(path, text)| (path.as_str(), text.replace("no rates, booking kept open:", said)))
                .collect();
            let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
            findings_of("mesh-authorization-denied", &files)
        };
        let findings = found("no rates:");
        let [finding] = findings.as_slice() else {
            panic!("{findings:?}")
        };
        let lines = finding.evidence.iter().flat_map(|cite| &cite.quote);
        assert!(lines.into_iter().any(|line| line.text.contains("inbound|8080||")));
        // Whoever is named stands for itself, also where nothing of it was collected.
        assert!(found("GET https://rates.partner.example/v1/rates:").is_empty());
    }
}

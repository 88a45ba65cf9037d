//! A mesh asks for mutual TLS and the client speaks plain text, or the other way round.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::cluster::{Object, Snapshot};
use crate::logs::Stream;
use crate::model::{Citation, Confidence, Subject};
use crate::rules::toolbox::calls::{is_out_of_reach, of_clients};
use crate::rules::toolbox::complaints::complaints;
use crate::rules::toolbox::mesh::is_meshed;
use crate::rules::toolbox::own_hits;
use crate::rules::toolbox::peers::{Peer, mendable, objects_of};
use crate::rules::toolbox::policies::matches_selector;
use crate::rules::toolbox::services::{backends, selected_by_endpoint, selector, services_in};
use crate::rules::toolbox::speakers::of_log;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: mesh-mtls-mismatch
role: cause
level: critical
needs: [container-logs|pods]
text:
  - id: no-chain
    in: [container-log, status]
    pattern: 'filter_chain_not_found\b(?:[^\n]* (?P<server>[\d.]+:\d+) (?P<client>[\d.]+):\d+ \S+ \S+\s*$)?'
  - id: no-chain-json
    in: [container-log, status]
    pattern: 'filter_chain_not_found"[^\n]*"downstream_remote_address": ?"(?P<client>[\d.]+):\d+"'
  - id: proxy-tls
    in: [container-log, status]
    pattern: '(?P<said>TLS[_ ]error:[^\n]{0,60}(?:WRONG_VERSION_NUMBER|CERTIFICATE_VERIFY_FAILED|CERTIFICATE_REQUIRED))'
check:
  zh: '网格要求的双向 TLS 与客户端是否一致'
  en: 'whether clients speak the mutual TLS that the mesh asks for'
title:
  zh: '{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}{% if problem == "policy" %} 为 STRICT，把没有边车代理的 {{ clients }} 挡在外面{% elif problem == "rule" %} 要求对 {{ server }} 用 TLS 模式 {{ mode }}，与对端不符{% else %} 没有边车代理，以明文访问要求双向 TLS 的 {{ server }}{% endif %}'
  en: '{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}{% if problem == "policy" %} is STRICT and shuts out {{ clients }}, which has no sidecar{% elif problem == "rule" %} asks for TLS mode {{ mode }} towards {{ server }}, which does not fit it{% else %} has no sidecar and speaks plain text to {{ server }}, where mutual TLS is demanded{% endif %}'
cause:
  zh: '{% if problem == "rule" %}DestinationRule 的 trafficPolicy.tls.mode 为 {{ mode }}，而 {{ server }} 的 Pod {% if sidecar %}要求双向 TLS{% else %}没有边车代理{% endif %}。{% else %}{% if policy %}{{ policy }} 为 STRICT：{% endif %}服务端的代理只接受双向 TLS，明文连接找不到匹配的过滤链而被重置。{% endif %}{% if said %}日志：{{ said }}。{% endif %}'
  en: '{% if problem == "rule" %}trafficPolicy.tls.mode of the DestinationRule is {{ mode }}, while the pods of {{ server }} {% if sidecar %}demand mutual TLS{% else %}have no sidecar{% endif %}.{% else %}{% if policy %}{{ policy }} is STRICT: {% endif %}the proxy of the server takes only mutual TLS; a plain connection finds no filter chain and is reset.{% endif %}{% if said %} The log says {{ said }}.{% endif %}'
rules_out:
  - zh: '网络与服务端应用：连接到达了服务端的代理，由它关闭'
    en: 'network and server: the connection reaches the proxy of the server, which closes it'
causes:
  - rule: app-upstream-refused
    ground: workload
    mechanism:
      zh: '明文连接被服务端的代理重置'
      en: 'the proxy of the server resets plain connections'
  - rule: app-tls-failed
    ground: workload
    mechanism:
      zh: '两端对 TLS 的要求不一致'
      en: 'the two ends disagree about TLS'
  - rule: app-database-unreachable
    ground: workload
    mechanism:
      zh: '明文连接被服务端的代理重置'
      en: 'the proxy of the server resets plain connections'
  - rule: workload-unavailable
    ground: workload
    mechanism:
      zh: '依赖不可用，容器不能就绪'
      en: 'its dependency is out of reach, so it does not get ready'
  - rule: readiness-probe-failing
    ground: workload
    mechanism:
      zh: '依赖不可用，就绪探针失败'
      en: 'its dependency is out of reach, so the readiness probe fails'
  - rule: app-bug
    ground: workload
    mechanism:
      zh: '日志里的错误来自被重置的连接'
      en: 'the errors in the log come from connections that are reset'
  - rule: crashloopbackoff
    ground: workload
    mechanism:
      zh: '应用因此退出，kubelet 反复重启'
      en: 'the application ends over it and the kubelet restarts it'
benign:
  - zh: '健康检查由 Istio 改写，不受 STRICT 影响'
    en: 'probes are rewritten by Istio and do not suffer from STRICT'
  - zh: 'PERMISSIVE 模式同时接受明文'
    en: 'PERMISSIVE takes plain text too'
remedy:
  - purpose:
      zh: '查看哪些 Pod 没有边车代理，以及生效的策略'
      en: 'see which pods have no sidecar and which policies hold'
    place: cluster
    risk: read-only
    command: 'kubectl -n {{ subject.namespace }} get peerauthentication,destinationrule,pods'
    expect:
      zh: 'STRICT，以及只有一个容器的 Pod'
      en: 'STRICT, and pods with one container'
    verify:
      zh: '与本报告一致'
      en: 'it agrees with this report'
    rollback:
      zh: '只读，无需回滚'
      en: 'read-only'
  - purpose:
      zh: '为客户端注入边车代理并重建它的 Pod'
      en: 'inject the sidecar into the client and make its pods anew'
    place: cluster
    risk: change
    command: 'kubectl -n {{ subject.namespace }} patch {{ resource }} {{ subject.name }} -p ''{"spec":{"template":{"metadata":{"annotations":{"sidecar.istio.io/inject":"true"},"labels":{"sidecar.istio.io/inject":"true"}}}}}'''
    when: 'problem == "client"'
    verify:
      zh: 'Pod 里有 istio-proxy，请求成功'
      en: 'the pods have istio-proxy and requests succeed'
    rollback:
      zh: '把注解与标签改回原值'
      en: 'put annotation and label back'
  - purpose:
      zh: '改正 DestinationRule 的 TLS 模式'
      en: 'correct the TLS mode of the DestinationRule'
    place: cluster
    risk: change
    command: 'kubectl -n {{ subject.namespace }} edit {{ resource }} {{ subject.name }}'
    when: 'problem == "rule"'
    verify:
      zh: '请求成功'
      en: 'requests succeed'
    rollback:
      zh: '改回原值'
      en: 'put the former value back'
  - purpose:
      zh: '先放宽为 PERMISSIVE，让客户端恢复；它们进入网格之后再收紧'
      en: 'relax it to PERMISSIVE so that the clients work again, and tighten it once they are in the mesh'
    place: cluster
    risk: change
    command: 'kubectl -n {{ subject.namespace }} patch {{ resource }} {{ subject.name }} --type merge -p ''{"spec":{"mtls":{"mode":"PERMISSIVE"}}}'''
    when: 'problem == "policy"'
    verify:
      zh: '客户端的请求成功'
      en: 'the requests of the clients succeed'
    rollback:
      zh: '改回 STRICT'
      en: 'set STRICT again'
prevention:
  - kind: prevent
    text:
      zh: '收紧到 STRICT 之前，用指标确认没有明文流量'
      en: 'before tightening to STRICT make sure by metrics that no traffic is plain'
    acceptance:
      zh: 'istio_requests_total 中没有 connection_security_policy="none"'
      en: 'istio_requests_total has no connection_security_policy="none"'
  - kind: prevent
    text:
      zh: '用准入策略要求网格命名空间里的 Pod 都有边车代理'
      en: 'demand by an admission policy that every pod in a namespace of the mesh has a sidecar'
    acceptance:
      zh: '关闭注入的 Pod 被拒绝'
      en: 'a pod that turns injection off is refused'
sources:
  - 'istio.io/latest/docs/concepts/security/#mutual-tls-authentication'
  - 'istio.io/latest/docs/ops/common-problems/network-issues: 503 errors after setting destination rule'
  - 'envoyproxy.io/docs access_log response flags: NR, filter_chain_not_found'
versions: 'Istio 1.5 to 1.28'
examples:
  - name: 'the proxy of the server names the client'
    files:
      'pods.txt': |
        NAMESPACE   NAME                     READY   STATUS    RESTARTS   AGE   IP           NODE
        shop        web-6bdf8c9d7-jd5lx      1/1     Running   0          41m   10.52.2.6    n1
        shop        cart-7f9c4d5b6c-x2x4z    2/2     Running   0          41m   10.52.0.10   n1
      'cart-7f9c4d5b6c-x2x4z.istio-proxy.log': |
        [2026-09-15T10:43:16.000Z] "- - -" 0 NR filter_chain_not_found - "-" 0 0 0 - "-" "-" "-" "-" "-" - - 10.52.0.10:8080 10.52.2.6:40112 - -
        [2026-09-15T10:43:16.000Z] "- - -" 0 NR filter_chain_not_found - "-" 0 0 0 - "-" "-" "-" "-" "-" - - 10.52.0.10:8080 10.52.2.6:40112 - -
        [2026-09-15T10:43:16.000Z] "- - -" 0 NR filter_chain_not_found - "-" 0 0 0 - "-" "-" "-" "-" "-" - - 10.52.0.10:8080 10.52.2.6:40112 - -
    fires:
      - {kind: 'Deployment', namespace: 'shop', name: 'web'}
  - name: 'STRICT, and a client in a namespace that is not in the mesh'
    files:
      'pa.json': |
        {"kind": "PeerAuthentication", "apiVersion": "security.istio.io/v1", "metadata": {"name": "default", "namespace": "shop", "uid": "1"}, "spec": {"mtls": {"mode": "STRICT"}}}
      'svc.json': |
        {"kind": "Service", "apiVersion": "v1", "metadata": {"name": "cart", "namespace": "shop", "uid": "2"}, "spec": {"selector": {"app": "cart"}, "ports": [{"port": 8080}]}}
      'pods.json': |
        {"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "web-6bdf8c9d7-jd5lx", "namespace": "legacy", "labels": {"app": "web"}}, "spec": {"containers": [{"name": "web"}]}, "status": {"phase": "Running", "containerStatuses": [{"name": "web", "ready": true, "restartCount": 0}]}}, {"metadata": {"name": "cart-7f9c4d5b6c-x2x4z", "namespace": "shop", "labels": {"app": "cart"}}, "spec": {"containers": [{"name": "cart"}, {"name": "istio-proxy"}]}, "status": {"phase": "Running", "containerStatuses": [{"name": "cart", "ready": true, "restartCount": 0}, {"name": "istio-proxy", "ready": true, "restartCount": 0}]}}]}
      'web-6bdf8c9d7-jd5lx.log': |
        ERROR GET http://cart.shop:8080/ failed: read ECONNRESET
        ERROR GET http://cart.shop:8080/ failed: read ECONNRESET
        ERROR GET http://cart.shop:8080/ failed: read ECONNRESET
        ERROR GET http://cart.shop:8080/ failed: read ECONNRESET
    fires:
      - {kind: 'PeerAuthentication', namespace: 'shop', name: 'default'}
  - name: 'resets between two that have sidecars'
    files:
      'pa.json': |
        {"kind": "PeerAuthentication", "apiVersion": "security.istio.io/v1", "metadata": {"name": "default", "namespace": "shop", "uid": "1"}, "spec": {"mtls": {"mode": "STRICT"}}}
      'svc.json': |
        {"kind": "Service", "apiVersion": "v1", "metadata": {"name": "cart", "namespace": "shop", "uid": "2"}, "spec": {"selector": {"app": "cart"}, "ports": [{"port": 8080}]}}
      'pods.json': |
        {"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "web-6bdf8c9d7-jd5lx", "namespace": "shop", "labels": {"app": "web"}}, "spec": {"containers": [{"name": "web"}, {"name": "istio-proxy"}]}, "status": {"phase": "Running", "containerStatuses": [{"name": "web", "ready": true, "restartCount": 0}]}}, {"metadata": {"name": "cart-7f9c4d5b6c-x2x4z", "namespace": "shop", "labels": {"app": "cart"}}, "spec": {"containers": [{"name": "cart"}, {"name": "istio-proxy"}]}, "status": {"phase": "Running", "containerStatuses": [{"name": "cart", "ready": true, "restartCount": 0}]}}]}
      'web-6bdf8c9d7-jd5lx.log': |
        ERROR GET http://cart.shop:8080/ failed: read ECONNRESET
        ERROR GET http://cart.shop:8080/ failed: read ECONNRESET
        ERROR GET http://cart.shop:8080/ failed: read ECONNRESET
        ERROR GET http://cart.shop:8080/ failed: read ECONNRESET
"##;

/// Connections that a proxy turned away: one may be a scan.
const LEAST: u64 = 2;

/// A client, a server, and what shows that they do not agree.
struct Disagreement {
    client: Subject,
    server: Subject,
    said: String,
    cites: Vec<Citation>,
    confidence: Confidence,
}

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let mut found: BTreeMap<Subject, Disagreement> = BTreeMap::new();
    for one in turned_away(input, rule).into_iter().chain(complaining(input.snapshot)) {
        match found.get_mut(&one.client) {
            Some(known) => known.cites.extend(one.cites),
            None => {
                found.insert(one.client.clone(), one);
            }
        }
    }
    // A rule for clients that asks for plain text, and names the very server, speaks for every client that has the proxy or may have it.
    let rules = wrong_rules(input, rule);
    found.retain(|client, one| {
        let is_ruled = rules.iter().any(|finding| finding.impairs.contains(&one.server));
        !is_ruled || has_sidecar(input.snapshot, client) == Some(false)
    });
    let mut by_policy: BTreeMap<Subject, Vec<Disagreement>> = BTreeMap::new();
    let mut findings = Vec::new();
    for one in found.into_values() {
        let policy = strict(input.snapshot, &one.server);
        match policy.filter(|_| is_outside(input.snapshot, &one.client)) {
            Some(policy) => by_policy.entry(policy.subject()).or_default().push(one),
            None => findings.push(of_client(input.snapshot, rule, one)),
        }
    }
    findings.extend(by_policy.into_iter().filter_map(|(policy, clients)| {
        let object = input.snapshot.object(&policy.kind, &policy.namespace, &policy.name)?;
        of_policy(rule, object, clients)
    }));
    findings.extend(rules);
    findings
}

/// A client in a namespace that the mesh does not reach was never meant to have a sidecar: the policy forgets it.
fn is_outside(snapshot: &Snapshot, client: &Subject) -> bool {
    let home = client.namespace.as_str();
    let label = "/metadata/labels/istio-injection";
    let injects = snapshot
        .kind("Namespace")
        .any(|namespace| namespace.key.name == home && namespace.text(label) == "enabled");
    let has_proxies = snapshot.pods().any(|pod| pod.namespace() == home && is_meshed(&pod));
    !home.is_empty() && !injects && !has_proxies && injection(snapshot, client).is_none()
}

/// One finding on the policy for all clients that it shuts out.
fn of_policy(rule: &RuleHeader, policy: &Object, clients: Vec<Disagreement>) -> Option<Finding> {
    let first = clients.first()?;
    let confidence = clients.iter().map(|one| one.confidence).max()?;
    let names: Vec<String> = clients.iter().map(|one| one.client.to_string()).collect();
    let mut finding = Finding::new(rule, policy.subject(), confidence)
        .at("spec.mtls.mode")
        .cite(policy.cite_at("/spec/mtls/mode"))
        .fact("problem", "policy")
        .fact("server", first.server.to_string())
        .fact("mode", "STRICT")
        .fact("sidecar", true)
        .fact("said", first.said.clone())
        .fact("resource", policy.key.kind.to_lowercase())
        .fact("clients", names.join(", "))
        .fact("policy", policy.subject().to_string());
    for one in clients {
        for cite in one.cites.into_iter().take(2) {
            if finding.evidence.len() < 6 {
                finding.add_cite(cite);
            }
        }
        finding.impair(one.server);
        finding.add_affected(one.client);
    }
    Some(finding)
}

fn of_client(snapshot: &Snapshot, rule: &RuleHeader, one: Disagreement) -> Finding {
    let policy = strict(snapshot, &one.server);
    let mut finding = Finding::new(rule, one.client.clone(), one.confidence)
        .at("spec.template.metadata.annotations[sidecar.istio.io/inject]")
        .fact("problem", "client")
        .fact("server", one.server.to_string())
        .fact("mode", "")
        .fact("sidecar", true)
        .fact("said", one.said)
        .fact("resource", one.client.kind.to_lowercase())
        .fact(
            "policy",
            policy.map_or(String::new(), |policy| policy.subject().to_string()),
        );
    for cite in one.cites.into_iter().take(4) {
        finding.add_cite(cite);
    }
    if let Some(policy) = policy {
        finding.add_cite(policy.cite_at("/spec/mtls/mode"));
    }
    if let Some((_, cite)) = injection(snapshot, &one.client) {
        finding.add_cite(cite);
    }
    finding
}

/// Clients whose connections the proxy of a server turned away, by their addresses.
fn turned_away(input: &Input<'_>, rule: &RuleHeader) -> Vec<Disagreement> {
    let snapshot = input.snapshot;
    let mut found = Vec::new();
    for hit in own_hits(input, rule) {
        let Some(address) = hit
            .captures
            .get("client")
            .filter(|_| hit.signature.contains("/no-chain"))
        else {
            continue;
        };
        let server = snapshot.top_owner_of(&hit.about.object);
        let peer = Peer::parse(address, None);
        let clients = objects_of(snapshot, &server.namespace, &peer);
        let Some(client) = mendable(&clients).filter(|client| client.kind != "Service" && **client != server) else {
            continue;
        };
        let hits_of_server: u64 = own_hits(input, rule)
            .iter()
            .filter(|other| other.about.object == hit.about.object)
            .map(|other| other.count)
            .sum();
        if hits_of_server >= LEAST && has_sidecar(snapshot, client) != Some(true) {
            found.push(Disagreement {
                client: client.clone(),
                server,
                said: hit
                    .cite
                    .quote
                    .first()
                    .map_or(String::new(), |line| line.text.chars().take(200).collect()),
                cites: vec![hit.cite.clone()],
                confidence: Confidence::Confirmed,
            });
        }
    }
    found
}

/// Clients without a sidecar that are cut off by servers with one, where STRICT is set.
fn complaining(snapshot: &Snapshot) -> Vec<Disagreement> {
    let mut found = Vec::new();
    for complaint in complaints(snapshot, &is_out_of_reach, &of_clients()) {
        let client = complaint.speaker.workload.clone();
        let said = complaint.line.to_ascii_lowercase();
        let is_cut_off = [
            "reset",
            "hang up",
            "upstream connect error",
            "eof",
            "prematurely closed",
            "empty reply",
        ]
        .iter()
        .any(|word| said.contains(word));
        if !is_cut_off || has_sidecar(snapshot, &client) != Some(false) {
            continue;
        }
        let called = objects_of(snapshot, &client.namespace, &complaint.peer_within(snapshot));
        let Some(server) = mendable(&called).filter(|server| server.kind != "Service") else {
            continue;
        };
        if has_sidecar(snapshot, server) == Some(true) && strict(snapshot, server).is_some() {
            found.push(Disagreement {
                client,
                server: server.clone(),
                said: complaint.said.clone(),
                cites: vec![complaint.cite.clone()],
                confidence: Confidence::Probable,
            });
        }
    }
    found
}

/// The policy that demands mutual TLS of a workload: one that selects it, else that of its namespace, else that of the whole mesh in
/// the root namespace (istio.io, PeerAuthentication: the narrowest wins).
fn strict<'s>(snapshot: &'s Snapshot, server: &Subject) -> Option<&'s Object> {
    let of = |place: &str| {
        snapshot
            .kind("PeerAuthentication")
            .filter(|policy| policy.get("/spec/selector").is_none())
            .find(|policy| policy.key.namespace == place)
    };
    selecting(snapshot, server)
        .or_else(|| of(&server.namespace))
        .or_else(|| of("istio-system"))
        .filter(|policy| policy.text("/spec/mtls/mode") == "STRICT")
}

/// The policy of its namespace that selects a workload by its labels.
fn selecting<'s>(snapshot: &'s Snapshot, server: &Subject) -> Option<&'s Object> {
    let known = backends(snapshot, &server.namespace);
    let inferred = selected_by_endpoint(snapshot, &server.namespace, &known);
    let by_name: Vec<_> = services_in(snapshot, &server.namespace)
        .filter(|service| service.key.name == server.name)
        .filter_map(selector)
        .collect();
    let labels = known
        .iter()
        .chain(&inferred)
        .filter(|backend| backend.subject == *server)
        .map(|backend| backend.labels);
    let labels: Vec<_> = labels.chain(by_name).collect();
    snapshot
        .kind("PeerAuthentication")
        .filter(|policy| policy.key.namespace == server.namespace)
        .find(|policy| {
            policy
                .get("/spec/selector")
                .is_some_and(|wanted| labels.iter().any(|labels| matches_selector(wanted, labels)))
        })
}

/// Whether the pods of a workload have the proxy; none where no form of them shows containers by name.
fn has_sidecar(snapshot: &Snapshot, workload: &Subject) -> Option<bool> {
    let itself = snapshot.object("Pod", &workload.namespace, &workload.name);
    let pods: Vec<&Object> = match itself.filter(|_| workload.kind == "Pod") {
        Some(pod) => vec![pod],
        None => snapshot.pods_of(workload).map(|pod| pod.object).collect(),
    };
    let mut names: BTreeSet<&str> = BTreeSet::new();
    for pod in pods {
        let view = crate::cluster::PodView { object: pod };
        names.extend(view.containers().into_iter().map(|container| container.name));
    }
    names.remove("");
    if names.is_empty() {
        let is_refused = injection(snapshot, workload).is_some_and(|(injected, _)| !injected);
        return if is_refused {
            Some(false)
        } else {
            by_count(snapshot, workload)
        };
    }
    Some(names.contains("istio-proxy"))
}

/// Where tables show no names of containers: a pod of one has no sidecar, and the proxy's own log shows that there is one.
fn by_count(snapshot: &Snapshot, workload: &Subject) -> Option<bool> {
    let has_log = snapshot.logs.iter().any(|log| {
        let is_proxy = log.path.file_name().contains("istio-proxy")
            || matches!(&log.stream, Stream::Container(found) if found.container == "istio-proxy");
        is_proxy && of_log(snapshot, log).is_some_and(|speaker| speaker.workload == *workload)
    });
    let is_single = snapshot.pods_of(workload).any(|pod| pod.containers().len() == 1);
    match (has_log, is_single) {
        (true, _) => Some(true),
        (false, true) => Some(false),
        (false, false) => None,
    }
}

/// What annotation or label of the workload's pods says of injection.
fn injection(snapshot: &Snapshot, workload: &Subject) -> Option<(bool, Citation)> {
    let owner = snapshot.object(&workload.kind, &workload.namespace, &workload.name);
    let pods = snapshot.pods_of(workload).map(|pod| (pod.object, "/metadata"));
    owner
        .into_iter()
        .map(|object| (object, "/spec/template/metadata"))
        .chain(pods)
        .find_map(|(object, at)| {
            ["annotations", "labels"].iter().find_map(|group| {
                let pointer = format!("{at}/{group}/sidecar.istio.io~1inject");
                let value = object.get(&pointer)?;
                let injected = value.as_bool().unwrap_or(value.as_str() == Some("true"));
                Some((injected, object.cite_at(&pointer)))
            })
        })
}

/// Rules for clients that do not fit the server, where a proxy complains of TLS or is turned away.
fn wrong_rules(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let hits = own_hits(input, rule);
    let mut found = Vec::new();
    for object in snapshot.kind("DestinationRule") {
        let mode = object.text("/spec/trafficPolicy/tls/mode");
        let host = object.get("/spec/host").and_then(Value::as_str).unwrap_or("");
        let called = objects_of(snapshot, &object.key.namespace, &Peer::parse(host, None));
        let Some(server) = mendable(&called).filter(|server| server.kind != "Service") else {
            continue;
        };
        let sidecar = has_sidecar(snapshot, server);
        let misfits = match mode {
            "ISTIO_MUTUAL" => sidecar == Some(false),
            "DISABLE" => sidecar == Some(true) && strict(snapshot, server).is_some(),
            _ => false,
        };
        let Some(hit) = hits.first().filter(|_| misfits) else {
            continue;
        };
        let mut finding = Finding::new(rule, object.subject(), Confidence::Probable)
            .at("spec.trafficPolicy.tls.mode")
            .cite(object.cite_at("/spec/trafficPolicy/tls/mode"))
            .cite(hit.cite.clone())
            .fact("problem", "rule")
            .fact("server", server.to_string())
            .fact("mode", mode)
            .fact("sidecar", sidecar == Some(true))
            .fact("said", "")
            .fact("resource", "destinationrule")
            .fact("policy", "");
        finding.impair(server.clone());
        for service in called.iter().filter(|called| called.kind == "Service") {
            finding.impair(service.clone());
        }
        found.push(finding);
    }
    found
}

//! A mesh's proxies know no way to what applications call, and are told to block what they do not know.

use std::collections::BTreeMap;

use crate::cluster::{Hit, Object, Snapshot};
use crate::model::{Confidence, Subject};
use crate::rules::toolbox::{add_hit, own_hits, workload_touches};
use crate::rules::{Finding, Ground, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: mesh-egress-blocked
role: cause
level: critical
needs: [container-logs]
text:
  - id: black-hole
    in: [container-log]
    pattern: '\bBlackHoleCluster\b - (?P<address>\S{1,64}) \S{1,64} (?P<host>\S{1,253})'
  - id: block-all
    in: [container-log]
    pattern: '" 502 (?:- )?direct_response [ -~]{0,600}"(?P<host>[A-Za-z0-9.:-]{1,253})" "-" - - [ -~]{0,120}\bblock_all\b'
  - id: block-all-short
    in: [container-log]
    pattern: '" 502 [ -~]{0,700}\bblock_all\b'
check:
  zh: "网格是否挡住了应用要去的地址"
  en: "whether the mesh blocks where applications have to go"
title:
  zh: "{% if subject.kind == 'Sidecar' %}Sidecar {{ subject.namespace }}/{{ subject.name }} 使网格代理{% else %}{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }} 的网格代理{% endif %}挡住到{% if host is defined %} {{ host }}{% else %}未知目的地{% endif %} 的请求"
  en: "{% if subject.kind == 'Sidecar' %}Sidecar {{ subject.namespace }}/{{ subject.name }} makes the mesh's proxies{% else %}the mesh's proxy of {{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}{% endif %} block requests to {% if host is defined %}{{ host }}{% else %}what it does not know{% endif %}"
cause:
  zh: "代理不认识目的地，而 outboundTrafficPolicy 为 REGISTRY_ONLY：HTTP 请求由 block_all 答 502，其他连接进入 BlackHoleCluster。{% if subject.kind == 'Sidecar' %}Sidecar 的 egress.hosts 没有列出目的地所在的命名空间。{% else %}没有 ServiceEntry 登记这个外部主机，或 Sidecar 没有列出它的命名空间。{% endif %}"
  en: "the proxy does not know the destination, and outboundTrafficPolicy is REGISTRY_ONLY: requests of HTTP are answered 502 by block_all, other connections end in BlackHoleCluster. {% if subject.kind == 'Sidecar' %}egress.hosts of the Sidecar does not list the namespace of the destination.{% else %}No ServiceEntry declares the host, or a Sidecar leaves its namespace out.{% endif %}"
causes:
  - rule: app-*
    ground: workload
    mechanism: {zh: "请求在自己的代理处就被挡下", en: "requests are blocked at its own proxy"}
  - rule: peer-answers-with-errors
    ground: namespace
    mechanism: {zh: "502 来自调用方自己的代理，而不是对端", en: "the 502 come from the caller's own proxy, not from the peer"}
  - rule: peer-answers-with-errors
    ground: service
    mechanism: {zh: "502 来自调用方自己的代理，而不是对端", en: "the 502 come from the caller's own proxy, not from the peer"}
  - rule: peer-unresponsive
    ground: service
    mechanism: {zh: "请求没有离开调用方", en: "requests do not leave the caller"}
  - rule: service-unreachable
    ground: service
    mechanism: {zh: "请求没有离开调用方", en: "requests do not leave the caller"}
benign:
  - {zh: "有意只放行登记过的目的地时，偶尔的探测请求会被挡下", en: "where only what is declared may be called, a stray request is blocked on purpose"}
remedy:
  - purpose: {zh: "查看 Sidecar、ServiceEntry 与网格的出向策略", en: "look at Sidecars, ServiceEntries and the mesh's policy for outbound traffic"}
    place: cluster
    risk: read-only
    command: |
      kubectl get sidecars.networking.istio.io,serviceentries.networking.istio.io --all-namespaces -o yaml
      kubectl -n istio-system get configmap istio -o yaml
    expect: {zh: "REGISTRY_ONLY，且没有列出目的地", en: "REGISTRY_ONLY, and the destination is not listed"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "在 Sidecar 的 egress.hosts 中加入目的地的命名空间，或登记 ServiceEntry", en: "add the namespace of the destination to egress.hosts of the Sidecar, or declare a ServiceEntry"}
    place: cluster
    risk: change
    command: "kubectl -n {{ subject.namespace }} edit sidecars.networking.istio.io"
    verify: {zh: "访问日志中不再有 block_all 与 BlackHoleCluster", en: "the access log has no more block_all and BlackHoleCluster"}
    rollback: {zh: "恢复修改前的内容", en: "put back what it said before"}
prevention:
  - kind: prevent
    text: {zh: "收紧出向策略之前，用访问日志列出实际的目的地", en: "list the real destinations from the access log before outbound traffic is narrowed"}
    acceptance: {zh: "预发环境的访问日志中没有 block_all", en: "the access log of the stage before has no block_all"}
sources:
  - "istio.io/docs/reference/config/networking/sidecar: egress.hosts, outboundTrafficPolicy REGISTRY_ONLY"
  - "istio pilot/pkg/networking/util: BlackHoleCluster; pilot/pkg/networking/core/route: BlackHoleRouteName block_all answers 502"
versions: "Istio 1.3 to 1.28"
examples:
  - name: "a Sidecar that lists its own namespace only"
    files:
      "pods.txt": |
        NAMESPACE   NAME                     READY   STATUS    RESTARTS   AGE
        shop        web-6bdf8c9d7-jd5lx      2/2     Running   0          41m
      "mesh.yaml": |
        apiVersion: networking.istio.io/v1
        kind: Sidecar
        metadata: {name: default, namespace: shop, uid: "1"}
        spec:
          egress: [{hosts: ["./*", "istio-system/*"]}]
          outboundTrafficPolicy: {mode: REGISTRY_ONLY}
      "logs/shop/web-6bdf8c9d7-jd5lx/istio-proxy.log": |
        [2026-11-21T10:00:01.019Z] "- - -" 0 UH - - "-" 0 0 0 - "-" "-" "-" "-" "-" BlackHoleCluster - 203.0.113.44:443 10.244.1.42:33322 geo.example -
        [2026-11-21T10:00:09.019Z] "- - -" 0 UH - - "-" 0 0 0 - "-" "-" "-" "-" "-" BlackHoleCluster - 203.0.113.44:443 10.244.1.42:33324 geo.example -
    fires:
      - {kind: Sidecar, namespace: shop, name: default}
  - name: "what passes through"
    files:
      "pods.txt": |
        NAMESPACE   NAME                     READY   STATUS    RESTARTS   AGE
        shop        web-6bdf8c9d7-jd5lx      2/2     Running   0          41m
      "logs/shop/web-6bdf8c9d7-jd5lx/istio-proxy.log": |
        [2026-11-21T10:00:01.019Z] "- - -" 0 - - - "-" 0 0 0 - "-" "-" "-" "-" "203.0.113.44:443" PassthroughCluster 10.244.1.42:33320 203.0.113.44:443 10.244.1.42:33322 geo.example -
"##;

/// One blocked request is no incident.
const LEAST: u64 = 2;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut groups: BTreeMap<Subject, (Option<&Object>, Vec<&Hit>)> = BTreeMap::new();
    for hit in own_hits(input, rule) {
        let client = snapshot.top_owner_of(&hit.about.object);
        if client.name.is_empty() {
            continue;
        }
        let sidecar = sidecar_of(snapshot, &client.namespace);
        let subject = sidecar.map_or_else(|| client.clone(), Object::subject);
        let group = groups.entry(subject).or_insert_with(|| (sidecar, Vec::new()));
        group.1.push(hit);
    }
    groups.retain(|_, (_, hits)| hits.iter().map(|hit| hit.count).sum::<u64>() >= LEAST);
    let mut findings = Vec::new();
    for (subject, (sidecar, hits)) in groups {
        let mut finding = Finding::new(rule, subject.clone(), Confidence::Confirmed);
        finding.count = 0;
        if let Some(sidecar) = sidecar {
            finding = finding.at("spec.egress").cite(sidecar.cite_at("/spec"));
        }
        for hit in hits {
            add_hit(input, &mut finding, hit);
            finding.touches.extend(workload_touches(snapshot, &hit.about.object));
            finding.add_affected(snapshot.top_owner_of(&hit.about.object));
            let host = hit.captures.get("host").map_or("", String::as_str);
            if let Some((name, namespace)) = service_of(host) {
                finding = finding.touch(Ground::Service, format!("{namespace}/{name}"));
                finding = finding.touch(Ground::Namespace, namespace);
            }
        }
        findings.push(finding);
    }
    findings
}

/// The Sidecar that speaks for all workloads of a namespace, and blocks what it does not list.
fn sidecar_of<'s>(snapshot: &'s Snapshot, namespace: &str) -> Option<&'s Object> {
    snapshot.kind("Sidecar").find(|sidecar| {
        sidecar.key.namespace == namespace
            && sidecar.get("/spec/workloadSelector").is_none()
            && (sidecar.text("/spec/outboundTrafficPolicy/mode") == "REGISTRY_ONLY"
                || sidecar.get("/spec/egress").is_some())
    })
}

/// The Service that a host of the cluster is: `rates.shop`, `rates.shop.svc.cluster.local:8080`.
fn service_of(host: &str) -> Option<(&str, &str)> {
    let host = host.split(':').next()?;
    let mut parts = host.split('.');
    let (name, namespace) = (parts.next()?, parts.next()?);
    parts
        .next()
        .is_none_or(|part| part == "svc")
        .then_some((name, namespace))
}

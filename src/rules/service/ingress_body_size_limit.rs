//! An Ingress refuses requests that are larger than it was told to take.

use std::collections::BTreeMap;

use crate::cluster::{Object, Snapshot};
use crate::model::{Citation, Subject, escaped};
use crate::rules::header::Subjects;
use crate::rules::toolbox::complaints::{Complaint, complaints};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: ingress-body-size-limit
role: cause
level: critical
needs: [container-logs]
text:
  - id: nginx
    in: [container-log]
    pattern: 'client intended to send too large (?:chunked )?body: (?P<size>\d+)(?: bytes)?(?:[^\n]*?, request: "(?P<verb>[A-Z]+) (?P<path>[^\s"?]+)[^"]*")?(?:[^\n]*?, host: "(?P<host>[^":]+))?'
  - id: apache
    in: [container-log]
    pattern: 'Requested content-length of (?P<size>\d+) is larger than the configured limit of (?P<limit>\d+)'
  - id: envoy
    in: [container-log]
    pattern: '"(?P<verb>[A-Z]+) (?P<path>[^\s"?]+)[^"]*" 413 \S* ?request_payload_too_large'
finds:
  subject: application
  confidence: confirmed
check:
  zh: '入口是否拒绝了超过大小上限的请求'
  en: 'whether an entrance refuses requests that are larger than its limit'
title:
  zh: '{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }} 以 413 拒绝 {{ mib }} MiB 的请求{% if path %}（{{ path }}）{% endif %}：上限是 {{ limit }}{% if is_default %}（默认值，没有设置 {{ setting }}）{% endif %}'
  en: '{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }} refuses requests of {{ mib }} MiB with 413{% if path %} ({{ path }}){% endif %}: the limit is {{ limit }}{% if is_default %}, the default, because {{ setting }} is not set{% endif %}'
cause:
  zh: '日志中有 {{ said }}（共 {{ times }} 次）。请求体超过 {{ limit }}，入口不把它转给应用；较小的请求照常成功。'
  en: 'the log has {{ said }} ({{ times|times }}). A body above {{ limit }} is never passed on to the application; smaller requests go on to succeed.'
rules_out:
  - zh: '应用本身：被拒绝的请求没有到达它'
    en: 'the application: what was refused never reached it'
benign:
  - {zh: '个别扫描器发来的超大请求', en: 'a scanner that sends a huge body now and then'}
causes:
  - rule: app-bug
    ground: workload
    mechanism: {zh: '上传被入口拒绝', en: 'its uploads are refused at the entrance'}
  - rule: peer-answers-with-errors
    ground: object
    mechanism: {zh: '入口以 413 应答', en: 'the entrance answers 413'}
remedy:
  - purpose: {zh: '查看上限与被拒绝的大小', en: 'see the limit and what was refused'}
    place: cluster
    risk: read-only
    command: |
      kubectl {% if subject.namespace %}-n {{ subject.namespace }} {% endif %}get {{ resource }} {{ subject.name }} -o yaml
    expect: {zh: '{{ setting }} 缺失或太小', en: '{{ setting }} missing or too small'}
    verify: {zh: '与本报告一致', en: 'it agrees with this report'}
    rollback: {zh: '只读，无需回滚', en: 'read-only'}
  - purpose: {zh: '提高这一个 Ingress 的上限', en: 'raise the limit of this Ingress alone'}
    place: cluster
    risk: change
    when: "is_ingress"
    command: "kubectl -n {{ subject.namespace }} annotate ingress {{ subject.name }} {{ setting|raw }}={{ proposed|raw }}m --overwrite"
    verify: {zh: '同样大小的请求成功，日志不再出现 413', en: 'a request of that size succeeds and the log has no more 413'}
    rollback: {zh: '恢复原来的注解', en: 'put the former annotation back'}
  - purpose: {zh: '在它的配置中提高上限', en: 'raise the limit in its configuration'}
    place: cluster
    risk: change
    when: "not is_ingress"
    command: "kubectl {% if subject.namespace %}-n {{ subject.namespace }} {% endif %}edit {{ resource }} {{ subject.name }}"
    verify: {zh: '同样大小的请求成功', en: 'a request of that size succeeds'}
    rollback: {zh: '恢复原来的值', en: 'put the former value back'}
prevention:
  - kind: prevent
    text: {zh: '把上传大小写进发布前的测试，经由入口执行', en: 'test the largest upload before a release, through the entrance'}
    acceptance: {zh: '超过上限的测试请求使发布停止', en: 'a test request above the limit stops the release'}
  - kind: detect
    text: {zh: '对入口的 413 比例告警', en: 'alert on the share of 413 at the entrance'}
    acceptance: {zh: '连续的 413 在 5 分钟内告警', en: '413 again and again raises it within 5 minutes'}
sources:
  - 'nginx src/http/ngx_http_core_module.c: `client intended to send too large body: %O bytes`'
  - 'ingress-nginx docs/user-guide/nginx-configuration/annotations.md: nginx.ingress.kubernetes.io/proxy-body-size; configmap.md: proxy-body-size default 1m'
  - 'nginxinc kubernetes-ingress annotations: nginx.org/client-max-body-size'
  - 'httpd modules/http/http_filters.c AH01587; envoy response code details: request_payload_too_large'
versions: 'any nginx; ingress-nginx 0.20 and newer'
examples:
  - name: 'no annotation, so the default'
    files:
      'logs/ingress-nginx-controller-6bdf8c9d7-jd5lx.log': |
        2026/05/13 10:30:00 [error] 44#44: *82163 client intended to send too large body: 21633388 bytes, client: 84.22.0.1, server: api.shop.example, request: "POST /files/new?x=1 HTTP/2.0", host: "api.shop.example", referrer: "https://shop.example/"
        2026/05/13 10:31:00 [error] 44#44: *82164 client intended to send too large body: 11633388 bytes, client: 84.22.0.1, server: api.shop.example, request: "POST /files/new HTTP/2.0", host: "api.shop.example", referrer: "https://shop.example/"
        2026/05/13 10:32:00 [error] 44#44: *82165 client intended to send too large body: 11633388 bytes, client: 84.22.0.1, server: api.shop.example, request: "POST /files/new HTTP/2.0", host: "api.shop.example", referrer: "https://shop.example/"
      'ing.json': '{"kind":"IngressList","apiVersion":"networking.k8s.io/v1","items":[{"metadata":{"name":"api","namespace":"shop","uid":"1"},"spec":{"rules":[{"host":"api.shop.example","http":{"paths":[{"path":"/v1","pathType":"Prefix"}]}}]}},{"metadata":{"name":"files","namespace":"shop","uid":"2"},"spec":{"rules":[{"host":"api.shop.example","http":{"paths":[{"path":"/files","pathType":"Prefix"}]}}]}}]}'
    fires: [{kind: Ingress, namespace: shop, name: files}]
  - name: 'an nginx of the application itself'
    files:
      'pods.txt': |
        NAMESPACE   NAME                        READY   STATUS    RESTARTS   AGE
        shop        upload-web-6bdf8c9d7-jd5lx  1/1     Running   0          9d
      'logs/upload-web-6bdf8c9d7-jd5lx.log': |
        2026/05/13 10:30:00 [error] 44#44: *82163 client intended to send too large body: 21633388 bytes, client: 84.22.0.1, server: _, request: "POST /upload HTTP/1.1", host: "up.shop.example"
        2026/05/13 10:31:00 [error] 44#44: *82164 client intended to send too large body: 21633388 bytes, client: 84.22.0.1, server: _, request: "POST /upload HTTP/1.1", host: "up.shop.example"
    fires: [{kind: Deployment, namespace: shop, name: upload-web}]
  - name: 'one request of a scanner'
    files:
      'pods.txt': |
        NAMESPACE   NAME                        READY   STATUS    RESTARTS   AGE
        shop        upload-web-6bdf8c9d7-jd5lx  1/1     Running   0          9d
      'logs/upload-web-6bdf8c9d7-jd5lx.log': |
        2026/05/13 10:30:00 [error] 44#44: *82163 client intended to send too large body: 21633388 bytes, client: 84.22.0.1, server: _, request: "POST /upload HTTP/1.1", host: "up.shop.example"
        84.22.0.1 - - [13/May/2026:10:31:00 +0000] "GET / HTTP/1.1" 200 12
"##;

/// Annotations by which controllers are told the limit of one Ingress, and the key of their ConfigMap that gives it for all.
const SETTINGS: [(&str, &str); 2] = [
    ("nginx.ingress.kubernetes.io/proxy-body-size", "proxy-body-size"),
    ("nginx.org/client-max-body-size", "client-max-body-size"),
];
/// What nginx takes when nothing is set.
const DEFAULT: &str = "1m";
const MIB: u64 = 1024 * 1024;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let Some(subjects) = &rule.finds else { return Vec::new() };
    let mut groups: BTreeMap<Subject, Vec<Complaint<'_>>> = BTreeMap::new();
    for complaint in said(input.snapshot, subjects) {
        let ingress = ingress_of(input.snapshot, &complaint).map(Object::subject);
        let subject = ingress.unwrap_or_else(|| complaint.speaker.workload.clone());
        groups.entry(subject).or_default().push(complaint);
    }
    groups
        .into_iter()
        .filter_map(|(subject, group)| finding(input.snapshot, rule, subject, &group))
        .collect()
}

fn said<'s>(snapshot: &'s Snapshot, subjects: &Subjects) -> Vec<Complaint<'s>> {
    complaints(snapshot, &|id| id.starts_with("ingress-body-size-limit/"), subjects)
}

fn finding(snapshot: &Snapshot, rule: &RuleHeader, subject: Subject, group: &[Complaint<'_>]) -> Option<Finding> {
    let of = |name: &str| group.iter().find_map(|complaint| complaint.captures.get(name)).cloned();
    let sizes = group
        .iter()
        .filter_map(|complaint| complaint.captures.get("size")?.parse::<u64>().ok());
    let largest = sizes.max().unwrap_or(0);
    let mib = largest.div_ceil(MIB);
    let best = group.iter().max_by_key(|complaint| complaint.confidence)?;
    let ingress = snapshot
        .object("Ingress", &subject.namespace, &subject.name)
        .filter(|_| subject.kind == "Ingress");
    let set = ingress.and_then(own_limit).or_else(|| common_limit(snapshot));
    let setting = set.as_ref().map_or(
        if ingress.is_some() {
            SETTINGS[0].0
        } else {
            "client_max_body_size"
        },
        |(setting, ..)| setting,
    );
    let limit = set.as_ref().map(|(_, limit, _)| limit.clone()).or_else(|| of("limit"));
    let mut finding = Finding::new(rule, subject.clone(), best.confidence)
        .at(if ingress.is_some() {
            format!("metadata.annotations[{setting}]")
        } else {
            setting.to_owned()
        })
        .fact("mib", mib.to_string())
        .fact("path", of("path").unwrap_or_default())
        .fact("is_default", limit.is_none())
        .fact("limit", limit.unwrap_or_else(|| DEFAULT.to_owned()))
        .fact("setting", setting)
        .fact("said", best.said.clone())
        .fact("is_ingress", ingress.is_some())
        .fact("resource", subject.kind.to_lowercase())
        // Half as much again as the largest that was seen, in whole tens.
        .fact(
            "proposed",
            (mib.saturating_mul(3) / 20 + 1).saturating_mul(10).to_string(),
        );
    finding.count = group.iter().map(|complaint| complaint.count).sum();
    let times = finding.count;
    for complaint in group.iter().take(3) {
        finding.add_cite(complaint.cite.clone());
    }
    if let Some(ingress) = ingress {
        finding.add_cite(ingress.cite_at("/metadata/annotations"));
    }
    if let Some((.., cite)) = set {
        finding.add_cite(cite);
    }
    for complaint in group {
        finding.add_affected(complaint.speaker.workload.clone());
    }
    Some(finding.fact("times", times))
}

/// The Ingress with the host of the request and the longest path that leads to it; the only one where the host is not told.
fn ingress_of<'s>(snapshot: &'s Snapshot, complaint: &Complaint<'_>) -> Option<&'s Object> {
    let of = |name: &str| complaint.captures.get(name).map_or("", String::as_str);
    let (host, path) = (of("host"), of("path"));
    snapshot
        .kind("Ingress")
        .filter_map(|ingress| Some((fit(ingress, host, path)?, ingress)))
        .max_by_key(|(length, _)| *length)
        .map(|(_, ingress)| ingress)
}

/// How much of the path an Ingress matches; none when it is for another host or path.
fn fit(ingress: &Object, host: &str, path: &str) -> Option<usize> {
    let rules = ingress.list("/spec/rules").iter();
    rules
        .filter(|rule| !host.is_empty() && rule.get("host").and_then(|value| value.as_str()) == Some(host))
        .filter_map(|rule| {
            let paths = rule.pointer("/http/paths").and_then(|value| value.as_array());
            match paths {
                None => Some(0),
                Some(paths) => paths
                    .iter()
                    .filter_map(|entry| entry.get("path").and_then(|value| value.as_str()).or(Some("/")))
                    .map(|prefix| prefix.split(['(', '[', '.', '$']).next().unwrap_or(""))
                    .filter(|prefix| path.starts_with(prefix.trim_end_matches('/')))
                    .map(str::len)
                    .max(),
            }
        })
        .max()
}

/// What the Ingress says of itself.
fn own_limit(ingress: &Object) -> Option<(&'static str, String, Citation)> {
    SETTINGS.iter().find_map(|(annotation, _)| {
        let pointer = format!("/metadata/annotations/{}", escaped(annotation));
        let value = ingress.text(&pointer);
        (!value.is_empty()).then(|| (*annotation, value.to_owned(), ingress.cite_at(&pointer)))
    })
}

/// What the controller's ConfigMap says for all.
fn common_limit(snapshot: &Snapshot) -> Option<(&'static str, String, Citation)> {
    let maps = snapshot
        .kind("ConfigMap")
        .filter(|map| map.key.name.contains("ingress") || map.key.name.contains("nginx"));
    maps.flat_map(|map| SETTINGS.iter().map(move |setting| (map, setting)))
        .find_map(|(map, (annotation, key))| {
            let pointer = format!("/data/{key}");
            let value = map.text(&pointer);
            (!value.is_empty()).then(|| (*annotation, value.to_owned(), map.cite_at(&pointer)))
        })
}

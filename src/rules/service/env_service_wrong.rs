//! A setting that is called after one Service names another.

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::Snapshot;
use crate::logs::is_error;
use crate::model::{Confidence, Subject};
use crate::rules::toolbox::references::{Reference, Resolved, references};
use crate::rules::toolbox::services::{is_in_between, services_in};
use crate::rules::toolbox::speakers::of_log;
use crate::rules::{Finding, Ground, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: env-service-wrong
role: cause
level: critical
needs: [services, deployments|pods|statefulsets|configmaps]
check:
  zh: 以某个 Service 命名的设置是否指向它
  en: whether settings that are called after a Service name that Service
title:
  zh: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }} 的 {{ key }} 指向 {{ service }}，而不是 {{ meant }}"
  en: "{{ key }} of {{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }} names {{ service }} and not {{ meant }}"
cause:
  zh: "{{ holder }} 中 {{ key }} 的值是 {{ value }}；名为 {{ meant }} 的 Service 存在{% if elsewhere %}，{{ elsewhere }} 的同名设置指向它{% endif %}，请求却到了 {{ service }}，它不认识这些路径（404）或答得不对。"
  en: "{{ key }} in {{ holder }} is {{ value }}; a Service {{ meant }} exists{% if elsewhere %}, and the same setting of {{ elsewhere }} names it{% endif %}, but the requests go to {{ service }}, which does not know their paths (404) or gives other answers."
rules_out:
  - {zh: "网络与名称解析：{{ service }} 存在并且作答", en: "network and name resolution: {{ service }} exists and answers"}
causes:
  - rule: app-bug
    ground: workload
    mechanism: {zh: "错误来自答非所问的服务", en: "the errors come from a service that was not meant"}
  - rule: peer-answers-with-errors
    ground: service
    mechanism: {zh: "被调用的服务不认识这些请求", en: "the service that is called does not know these requests"}
  - rule: readiness-probe-failing
    ground: workload
    mechanism: {zh: "依赖答得不对，就绪探针失败", en: "its dependency answers wrongly, so the readiness probe fails"}
benign:
  - {zh: "一个网关或代理替几个服务作答：几个设置都指向它", en: "a gateway or proxy that answers for several services: several settings name it"}
  - {zh: "日志里的错误与这个服务无关的工作负载", en: "a workload whose errors have nothing to do with that service"}
remedy:
  - purpose: {zh: "查看这个设置", en: "look at the setting"}
    place: cluster
    risk: read-only
    command: "kubectl -n {{ subject.namespace }} get {{ resource }} {{ holder_name }} -o yaml"
    expect: {zh: "{{ key }}: {{ value }}", en: "{{ key }}: {{ value }}"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "把 {{ key }} 改为指向 {{ meant }}，然后滚动重启", en: "let {{ key }} name {{ meant }}, then restart"}
    place: cluster
    risk: change
    command: "kubectl -n {{ subject.namespace }} edit {{ resource }} {{ holder_name }}"
    verify: {zh: "重启后日志不再出现这些错误", en: "after a restart the log no longer shows these errors"}
    rollback: {zh: "恢复修改前的值", en: "put the former value back"}
prevention:
  - kind: prevent
    text: {zh: "在流水线中对每个依赖做一次真实调用", en: "call every dependency once in the pipeline"}
    acceptance: {zh: "地址写错的版本在流水线中失败", en: "a release with a wrong address fails there"}
sources:
  - "kubernetes.io/docs/concepts/services-networking/dns-pod-service: names of Services"
versions: "any"
examples:
  - name: the address of another service
    files:
      all.json: '{"kind":"List","apiVersion":"v1","items":[{"kind":"Service","apiVersion":"v1","metadata":{"name":"stock-api","namespace":"t"},"spec":{"selector":{"app":"stock-api"},"ports":[{"port":80}]}},{"kind":"Service","apiVersion":"v1","metadata":{"name":"price-api","namespace":"t"},"spec":{"selector":{"app":"price-api"},"ports":[{"port":80}]}},{"kind":"Deployment","apiVersion":"apps/v1","metadata":{"name":"door","namespace":"t"},"spec":{"template":{"metadata":{"labels":{"app":"door"}},"spec":{"containers":[{"name":"door","env":[{"name":"STOCK_API_URL","value":"http://price-api"}]}]}}}}]}'
      pods.txt: |
        NAMESPACE   NAME                   READY   STATUS    RESTARTS   AGE
        t           door-6bdf8c9d7-jd5lx   1/1     Running   0          41m
      door-6bdf8c9d7-jd5lx.log: |
        ERROR stock of 4711 unknown: 404 Not Found
        ERROR stock of 4712 unknown: 404 Not Found
        ERROR stock of 4713 unknown: 404 Not Found
    fires: [{kind: Deployment, namespace: t, name: door}]
  - name: one gateway for all
    files:
      all.json: '{"kind":"List","apiVersion":"v1","items":[{"kind":"Service","apiVersion":"v1","metadata":{"name":"stock-api","namespace":"t"},"spec":{"selector":{"app":"stock-api"},"ports":[{"port":80}]}},{"kind":"Service","apiVersion":"v1","metadata":{"name":"price-api","namespace":"t"},"spec":{"selector":{"app":"price-api"},"ports":[{"port":80}]}},{"kind":"Service","apiVersion":"v1","metadata":{"name":"front","namespace":"t"},"spec":{"selector":{"app":"front"},"ports":[{"port":80}]}},{"kind":"Deployment","apiVersion":"apps/v1","metadata":{"name":"door","namespace":"t"},"spec":{"template":{"metadata":{"labels":{"app":"door"}},"spec":{"containers":[{"name":"door","env":[{"name":"STOCK_API_URL","value":"http://front/stock"},{"name":"PRICE_API_URL","value":"http://front/price"}]}]}}}}]}'
      pods.txt: |
        NAMESPACE   NAME                   READY   STATUS    RESTARTS   AGE
        t           door-6bdf8c9d7-jd5lx   1/1     Running   0          41m
      door-6bdf8c9d7-jd5lx.log: |
        ERROR stock of 4711 unknown: 404 Not Found
        ERROR stock of 4712 unknown: 404 Not Found
        ERROR stock of 4713 unknown: 404 Not Found
"##;

/// Error lines at the end of a log that are no accident.
const ERRORS: usize = 3;

/// Endings of the names of settings that hold an address, the longer ones first.
const ENDINGS: [&str; 16] = [
    "_service_base_url",
    "_service_host",
    "_service_addr",
    "_service_url",
    "_grpc_address",
    "_grpc_addr",
    "_base_url",
    "_base_uri",
    "_endpoint",
    "_address",
    "_server",
    "_addr",
    "_host",
    "_url",
    "_uri",
    "_svc",
];

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let all = references(snapshot);
    let mistakes: Vec<(&Reference, String, String)> = all
        .iter()
        .filter_map(|reference| {
            let (service, meant) = mistaken(snapshot, reference)?;
            Some((reference, service, meant))
        })
        .collect();
    let mut keys: BTreeMap<(&Subject, &str), BTreeSet<&str>> = BTreeMap::new();
    for (reference, service, _) in &mistakes {
        let of_workload = keys.entry((&reference.workload, service)).or_default();
        of_workload.insert(&reference.key);
    }
    let mut findings: Vec<Finding> = Vec::new();
    for (reference, service, meant) in &mistakes {
        // What several settings of other names lead to answers for all of them.
        let is_gateway = keys
            .get(&(&reference.workload, service.as_str()))
            .is_some_and(|keys| keys.len() > 1);
        let is_known = findings.iter().any(|known| known.subject == reference.workload);
        if is_gateway || is_known || !complains(snapshot, &reference.workload, &[service, meant, "404"]) {
            continue;
        }
        let elsewhere = all.iter().find(|other| {
            other.workload != reference.workload
                && other.key == reference.key
                && matches!(other.resolve(snapshot), Resolved::Service(named) if named.key.name == *meant)
        });
        let confidence = match elsewhere {
            Some(_) => Confidence::Confirmed,
            None => Confidence::Probable,
        };
        let holder = &reference.holder;
        let mut finding = Finding::new(rule, reference.workload.clone(), confidence)
            .at(reference.path.clone())
            .cite(reference.cite.clone())
            .fact("key", reference.key.clone())
            .fact("value", reference.value.clone())
            .fact("service", service.clone())
            .fact("meant", meant.clone())
            .fact("holder", format!("{} {}", holder.kind, holder.name))
            .fact("holder_name", holder.name.clone())
            .fact("resource", holder.kind.to_lowercase())
            .fact(
                "elsewhere",
                elsewhere.map_or_else(String::new, |other| other.workload.to_string()),
            )
            .touch(Ground::Service, format!("{}/{service}", reference.namespace));
        if let Some(other) = elsewhere {
            finding.add_cite(other.cite.clone());
        }
        findings.push(finding);
    }
    findings
}

/// The Service that a setting names, and the one that it is called after, where that is another one that exists.
fn mistaken(snapshot: &Snapshot, reference: &Reference) -> Option<(String, String)> {
    let key = reference.key.to_ascii_lowercase();
    let stem = ENDINGS
        .iter()
        .find_map(|ending| key.strip_suffix(ending))?
        .replace('_', "-");
    let Resolved::Service(named) = reference.resolve(snapshot) else {
        return None;
    };
    let words = |name: &str| name.split('-').map(ToOwned::to_owned).collect::<Vec<String>>();
    let of_named = words(&named.key.name);
    // `API_URL` is called after no service, and a proxy is meant to answer for others.
    if stem == "api" || is_in_between(&named.key.name) {
        return None;
    }
    // `cart-v2` and `cart-proxy` are still about the cart.
    if words(&stem)
        .iter()
        .any(|word| of_named.contains(word) && word != "api" && word != "service")
    {
        return None;
    }
    let meant = services_in(snapshot, &reference.namespace)
        .map(|service| service.key.name.as_str())
        .find(|name| {
            *name == stem
                || name
                    .strip_prefix(stem.as_str())
                    .is_some_and(|rest| matches!(rest, "-api" | "-service" | "-svc"))
        })?;
    Some((named.key.name.clone(), meant.to_owned()))
}

/// True when the end of a log of the workload has errors that hold one of the words.
fn complains(snapshot: &Snapshot, workload: &Subject, words: &[&str]) -> bool {
    snapshot.logs.iter().any(|log| {
        let is_such = |text: &str| is_error(text) && words.iter().any(|word| text.contains(word));
        of_log(snapshot, log).is_some_and(|speaker| speaker.workload == *workload)
            && log.tail.iter().filter(|line| is_such(&line.text)).count() >= ERRORS
    })
}

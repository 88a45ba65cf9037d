//! A setting names a Service that does not exist.

use crate::model::{Confidence, Subject};
use crate::rules::toolbox::pod_is_failing;
use crate::rules::toolbox::references::{Reference, Resolved, references};
use crate::rules::toolbox::services::{is_cut_otherwise, is_near, service, services_in};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: env-service-missing
role: cause
level: critical
needs: [services]
text:
  - id: unresolved
    in: [container-log, status, other]
    pattern: "(?i)(?:no such host|could not resolve|could not translate host name|cannot resolve|unable to resolve|Name or service not known|Temporary failure in name resolution|nodename nor servname|ENOTFOUND|EAI_AGAIN|UnknownHostException|getaddrinfo|NXDOMAIN|not be resolved|host not found|NameResolutionError|unknown host|Unknown MySQL server host|Unknown server host|failed to resolve|bad address|Non-existent domain)"
check:
  zh: 环境变量、参数与 ConfigMap 中的 Service 名称是否存在
  en: whether the Services that variables, arguments and ConfigMaps name exist
title:
  zh: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }} 的 {{ key }} 指向不存在的 Service {{ missing }}{% if near %}（存在的是 {{ near }}）{% endif %}"
  en: "{{ key }} of {{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }} names Service {{ missing }}, which does not exist{% if near %} ({{ near }} does){% endif %}"
cause:
  zh: "设置 {{ key }} 的值是 {{ value }}，而命名空间 {{ namespace }} 中没有名为 {{ missing }} 的 Service，域名解析失败。"
  en: "the setting {{ key }} is {{ value }}, and namespace {{ namespace }} has no Service named {{ missing }}, so the name does not resolve."
rules_out:
  - zh: 集群 DNS 本身：没有这个 Service 就没有这条记录
    en: "the cluster's DNS itself: without the Service there is no record to give"
causes:
  - rule: app-upstream-unresolved
    ground: workload
    mechanism: {zh: "指向的 Service 不存在，名称无法解析", en: "the name is that of no Service and does not resolve"}
  - rule: app-upstream-refused
    ground: workload
    mechanism: {zh: "指向的 Service 不存在，名称无法解析", en: "the name is that of no Service and does not resolve"}
  - rule: app-database-unreachable
    ground: workload
    mechanism: {zh: "指向的 Service 不存在，名称无法解析", en: "the name is that of no Service and does not resolve"}
  - rule: dns-resolution-failure
    ground: workload
    mechanism: {zh: "指向的 Service 不存在，名称无法解析", en: "the name is that of no Service and does not resolve"}
  - rule: crashloopbackoff
    ground: workload
    mechanism: {zh: "指向的 Service 不存在，名称无法解析", en: "the name is that of no Service and does not resolve"}
  - rule: readiness-probe-failing
    ground: workload
    mechanism: {zh: "指向的 Service 不存在，名称无法解析", en: "the name is that of no Service and does not resolve"}
  - rule: liveness-probe-failing
    ground: workload
    mechanism: {zh: "指向的 Service 不存在，名称无法解析", en: "the name is that of no Service and does not resolve"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "指向的 Service 不存在，名称无法解析", en: "the name is that of no Service and does not resolve"}
  - rule: endpoints-missing
    ground: workload
    mechanism: {zh: "指向的 Service 不存在，名称无法解析", en: "the name is that of no Service and does not resolve"}
benign:
  - zh: 集群外的主机名，以及可选的、从未连接的后端
    en: host names outside the cluster, and optional backends that are never contacted
remedy:
  - purpose: {zh: 列出存在的 Service, en: list the Services that exist}
    place: cluster
    risk: read-only
    command: "kubectl -n {{ namespace }} get services"
    expect: {zh: "没有 {{ missing }}", en: "no {{ missing }}"}
    verify: {zh: 已确认缺失, en: its absence is confirmed}
    rollback: {zh: 只读，无需回滚, en: read-only}
  - purpose: {zh: "在 {{ path }} 改正名称，或创建这个 Service", en: "correct the name at {{ path }}, or create the Service"}
    place: cluster
    risk: change
    command: "kubectl -n {{ holder.namespace }} edit {{ holder.kind }} {{ holder.name }}"
    expect: {zh: 保存后触发滚动更新, en: a rollout starts when it is saved}
    verify: {zh: 新 Pod 的日志不再有解析错误, en: the new pods log no resolution error}
    rollback: {zh: "`kubectl rollout undo`", en: "`kubectl rollout undo`"}
prevention:
  - kind: prevent
    text: {zh: 在 CI 中校验清单引用的 Service 名称, en: check in CI the Service names that manifests refer to}
    acceptance: {zh: 引用不存在的 Service 使流水线失败, en: a reference to a missing Service fails the pipeline}
sources: ["kubernetes.io/docs/concepts/services-networking/dns-pod-service"]
versions: Kubernetes 1.0 to 1.36
examples:
  - name: a slip in the name
    files:
      services.json: '{"kind":"ServiceList","apiVersion":"v1","items":[{"metadata":{"name":"mysql-write","namespace":"w"},"spec":{"selector":{"app":"mysql"},"ports":[{"port":3306}]}}]}'
      deployments.json: '{"kind":"DeploymentList","apiVersion":"apps/v1","items":[{"metadata":{"name":"shop","namespace":"w"},"spec":{"template":{"metadata":{"labels":{"app":"shop"}},"spec":{"containers":[{"name":"s","env":[{"name":"DB_HOST","value":"mysql-wirte"}]}]}}}}]}'
    fires: [{kind: Deployment, namespace: w, name: shop}]
  - name: the log says so
    files:
      services.json: '{"kind":"ServiceList","apiVersion":"v1","items":[{"metadata":{"name":"web","namespace":"w"},"spec":{"selector":{"app":"web"},"ports":[{"port":80}]}}]}'
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"shop-6c8fdd7b9c-8jhnx","namespace":"w"},"spec":{"containers":[{"name":"s","env":[{"name":"QUEUE_URL","value":"amqp://rabbit:5672"}]}]},"status":{"phase":"Running"}}]}'
      shop-6c8fdd7b9c-8jhnx.log: |
        dial tcp: lookup rabbit on 10.96.0.10:53: no such host
    fires: [{kind: Deployment, namespace: w, name: shop}]
  - name: an optional backend that nobody misses
    files:
      services.json: '{"kind":"ServiceList","apiVersion":"v1","items":[{"metadata":{"name":"web","namespace":"w"},"spec":{"selector":{"app":"web"},"ports":[{"port":80}]}}]}'
      deployments.json: '{"kind":"DeploymentList","apiVersion":"apps/v1","items":[{"metadata":{"name":"shop","namespace":"w"},"spec":{"template":{"metadata":{"labels":{"app":"shop"}},"spec":{"containers":[{"name":"s","env":[{"name":"OTEL_URL","value":"http://jaeger-collector:4318"}]}]}}}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for reference in references(input.snapshot).iter() {
        if let Resolved::Missing { namespace, name } = reference.resolve(input.snapshot)
            && let Some(finding) = judge(input, rule, reference, &namespace, &name)
            && !findings.iter().any(|known| {
                known.subject == finding.subject && known.facts.get("missing") == finding.facts.get("missing")
            })
        {
            findings.push(finding);
        }
    }
    findings
}

fn judge(input: &Input<'_>, rule: &RuleHeader, reference: &Reference, namespace: &str, name: &str) -> Option<Finding> {
    let snapshot = input.snapshot;
    let holder = snapshot.objects.get(&reference.holder);
    let aliases = |pointer: &str| {
        holder.is_some_and(|holder| {
            let mut aliases = holder.list(pointer).iter();
            aliases.any(|alias| alias.to_string().contains(&format!("\"{name}\"")))
        })
    };
    if aliases("/spec/hostAliases")
        || aliases("/spec/template/spec/hostAliases")
        || service(snapshot, namespace, name).is_some()
    {
        return None;
    }
    let near = services_in(snapshot, namespace)
        .map(|service| service.key.name.as_str())
        .filter(|other| is_near(other, name) || reference.explicit && is_cut_otherwise(other, name))
        .min_by_key(|other| other.len().abs_diff(name.len()));
    let signature = format!("{}/unresolved", rule.id);
    let said: Vec<_> = snapshot
        .hits(&signature)
        .filter(|hit| {
            let line = hit.cite.quote.first().map_or("", |line| line.text.as_str());
            line.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'))
                .any(|word| word == name)
                && (hit.about.object.name.is_empty()
                    || (snapshot.top_owner_of(&hit.about.object) == reference.workload
                        && pod_is_failing_or_running(input, &hit.about.object)))
        })
        .collect();
    let is_slip = near.is_some()
        && (reference.explicit
            || reference.host.contains('-')
            || near.is_some_and(|near| near.len().abs_diff(name.len()) <= 2));
    if said.is_empty() && !is_slip {
        return None;
    }
    let confidence = if said.is_empty() {
        Confidence::Probable
    } else {
        Confidence::Confirmed
    };
    let mut finding = Finding::new(rule, reference.workload.clone(), confidence)
        .at(reference.path.clone())
        .cite(reference.cite.clone())
        .fact("key", if reference.key.is_empty() { reference.path.clone() } else { reference.key.clone() })
        .fact("value", reference.value.clone())
        .fact("missing", name)
        .fact("near", near.unwrap_or(""))
        .fact("namespace", namespace)
        .fact("path", reference.path.clone())
        .fact("holder", serde_json::json!({"kind": reference.holder.kind, "namespace": reference.holder.namespace, "name": reference.holder.name}));
    finding.blame(Subject::namespaced("Service", namespace, name));
    for hit in said {
        crate::rules::toolbox::add_hit(input, &mut finding, hit);
    }
    Some(finding)
}

/// A pod may run and be ready while each of its requests fails, so only a pod that is gone while its siblings are well does not count.
fn pod_is_failing_or_running(input: &Input<'_>, pod: &crate::model::Subject) -> bool {
    input.snapshot.pod(&pod.namespace, &pod.name).is_some() || pod_is_failing(input.snapshot, pod)
}

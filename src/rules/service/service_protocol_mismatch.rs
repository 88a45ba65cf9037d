//! A Service forwards one protocol to a port that speaks the other.

use std::sync::LazyLock;

use regex::Regex;

use crate::model::Confidence;
use crate::rules::toolbox::calls::calls;
use crate::rules::toolbox::services::{Fit, Target, backends, container_ports, fit, ports, selector};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: service-protocol-mismatch
role: cause
level: critical
needs: [services, pods|deployments|statefulsets|daemonsets]
check:
  zh: Service 端口的协议是否与容器端口一致
  en: whether a Service's port and the container's port have one protocol
title:
  zh: "Service {{ subject.namespace }}/{{ subject.name }} 的端口 {{ port }} 是 {{ protocol|raw }}，而{% if client is defined %}客户端 {{ client }} 用 {{ served|raw }} 连接它{% else %}容器的端口 {{ target }} 是 {{ served|raw }}{% endif %}"
  en: "port {{ port }} of Service {{ subject.namespace }}/{{ subject.name }} is {{ protocol|raw }}, but {% if client is defined %}its client {{ client }} calls it by {{ served|raw }}{% else %}the container's port {{ target }} is {{ served|raw }}{% endif %}"
cause:
  zh: "Service {{ subject.name }} 只为 {{ protocol|raw }} 转发端口 {{ port }}，{% if client is defined %}而 {{ client }} 的日志说明它用 {{ served|raw }} 连接{% else %}{{ candidate_kind|raw }} {{ candidate }} 的容器在 {{ target }} 上使用 {{ served|raw }}{% endif %}：{{ served|raw }} 的数据包没有转发规则。"
  en: "Service {{ subject.name }} forwards port {{ port }} for {{ protocol|raw }} only, while {% if client is defined %}the log of {{ client }} shows that it connects by {{ served|raw }}{% else %}the container of {{ candidate_kind|raw }} {{ candidate }} speaks {{ served|raw }} on {{ target }}{% endif %}: no rule forwards its packets."
causes:
  - rule: endpoints-missing
    ground: service
    mechanism: {zh: 协议不同的命名端口不会成为端点, en: a named port of the other protocol is no endpoint}
  - rule: service-unreachable
    ground: service
    mechanism: {zh: "协议不符", en: "the protocol does not fit"}
benign:
  - zh: 同一端口同时声明 TCP 与 UDP（如 DNS）是正常的
    en: one port declared for both TCP and UDP, as for DNS, is normal
remedy:
  - purpose: {zh: 查看 Service 端口的协议, en: look at the protocols of the Service's ports}
    place: cluster
    risk: read-only
    command: "kubectl -n {{ subject.namespace }} get service {{ subject.name }} -o jsonpath='{.spec.ports}'"
    expect: {zh: "protocol 为 {{ protocol|raw }}", en: "protocol is {{ protocol|raw }}"}
    verify: {zh: 差异已确认, en: the difference is confirmed}
    rollback: {zh: 只读，无需回滚, en: read-only}
  - purpose: {zh: 改正协议, en: correct the protocol}
    place: cluster
    risk: change
    command: "kubectl -n {{ subject.namespace }} patch service {{ subject.name }} --type=json -p {{ patch }}"
    expect: {zh: "`service 已 patched`", en: "`service patched`"}
    verify: {zh: 客户端能连通, en: a client can connect}
    rollback: {zh: "把 protocol 改回 {{ protocol|raw }}", en: "set protocol back to {{ protocol|raw }}"}
prevention:
  - kind: prevent
    text: {zh: 在 CI 中比较 Service 与容器端口的协议, en: compare the protocols of Service and container ports in CI}
    acceptance: {zh: 协议不一致的提交使流水线失败, en: a commit with differing protocols fails the pipeline}
sources: ["kubernetes pkg/api/v1/pod FindPort compares name and protocol", "kubernetes pkg/proxy: rules are made for the ServicePort's protocol"]
versions: Kubernetes 1.0 to 1.36
examples:
  - name: UDP to a TCP port
    files:
      services.json: '{"kind":"ServiceList","apiVersion":"v1","items":[{"metadata":{"name":"syslog","namespace":"a"},"spec":{"selector":{"app":"s"},"ports":[{"port":514,"protocol":"UDP","targetPort":5140}]}}]}'
      deployments.json: '{"kind":"DeploymentList","apiVersion":"apps/v1","items":[{"metadata":{"name":"s","namespace":"a"},"spec":{"template":{"metadata":{"labels":{"app":"s"}},"spec":{"containers":[{"name":"v","ports":[{"containerPort":5140,"protocol":"TCP"}]}]}}}}]}'
    fires: [{kind: Service, namespace: a, name: syslog}]
  - name: a client whose library connects
    files:
      svc.txt: |
        NAMESPACE   NAME    TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)     AGE
        a           cache   ClusterIP   10.96.0.12   <none>        11211/UDP   41m
      pods.txt: |
        NAMESPACE   NAME                     READY   STATUS    RESTARTS   AGE
        a           cache-57b96b46b7-zv4q2   1/1     Running   0          41m
        a           rooms-6bdf8c9d7-jd5lx    1/1     Running   0          41m
      rooms-6bdf8c9d7-jd5lx.log: |
        ERROR memcache: connect timeout to 10.96.0.12:11211
        ERROR memcache: connect timeout to 10.96.0.12:11211
        ERROR memcache: connect timeout to 10.96.0.12:11211
        ERROR memcache: connect timeout to 10.96.0.12:11211
    fires: [{kind: Service, namespace: a, name: cache}]
  - name: both protocols on one port
    files:
      services.json: '{"kind":"ServiceList","apiVersion":"v1","items":[{"metadata":{"name":"dns","namespace":"a"},"spec":{"selector":{"app":"s"},"ports":[{"name":"u","port":53,"protocol":"UDP"},{"name":"t","port":53}]}}]}'
      deployments.json: '{"kind":"DeploymentList","apiVersion":"apps/v1","items":[{"metadata":{"name":"s","namespace":"a"},"spec":{"template":{"metadata":{"labels":{"app":"s"}},"spec":{"containers":[{"name":"v","ports":[{"containerPort":53,"protocol":"TCP"},{"containerPort":53,"protocol":"UDP"}]}]}}}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let mut findings = Vec::new();
    for service in input.snapshot.kind("Service") {
        let Some(wanted) = selector(service) else { continue };
        for backend in backends(input.snapshot, &service.key.namespace)
            .iter()
            .filter(|backend| fit(wanted, backend) == Fit::Selected)
        {
            let served = container_ports(backend.containers);
            let wrong = ports(service).into_iter().find_map(|port| {
                let of_target: Vec<_> = served
                    .iter()
                    .filter(|(name, number, _)| match port.target {
                        Some(Target::Number(target)) => *number == target,
                        Some(Target::Name(target)) => *name == target,
                        None => false,
                    })
                    .collect();
                let other = of_target.first()?;
                // A second port of the Service with the right protocol means that this one is a mere extra.
                let both = ports(service)
                    .iter()
                    .any(|twin| twin.port == port.port && twin.protocol == other.2);
                (!both && of_target.iter().all(|(.., protocol)| *protocol != port.protocol)).then_some((port, **other))
            });
            let Some((port, (_, number, protocol))) = wrong else {
                continue;
            };
            let at = format!("/spec/ports/{}/protocol", port.index);
            findings.push(
                Finding::new(rule, service.subject(), Confidence::Probable)
                    .at(format!("spec.ports[{}].protocol", port.index))
                    .cite(service.cite_at(&at))
                    .cite(backend.object.cite_at(&format!("{}/0/ports", backend.containers_at)))
                    .fact("port", port.port)
                    .fact("protocol", port.protocol)
                    .fact("target", number)
                    .fact("served", protocol)
                    .fact("candidate_kind", backend.subject.kind.clone())
                    .fact("candidate", backend.subject.name.clone())
                    .fact(
                        "patch",
                        serde_json::json!([{"op": "replace", "path": at, "value": protocol}]).to_string(),
                    ),
            );
            break;
        }
    }
    for finding in called_by_tcp(input, rule) {
        if !findings.iter().any(|known: &Finding| known.subject == finding.subject) {
            findings.push(finding);
        }
    }
    findings
}

/// Words of a stack that sets up a connection: only TCP has one.
static CONNECTS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:dial tcp|ECONNREFUSED|ETIMEDOUT|connect(?:ion|ing)?:? (?:refused|time(?:d )? ?out|attempt)|connect timeout|ConnectTimeout\w*|TTransportException)\b").ok()
});

/// Services that forward no TCP while a client's own words are about connecting to them.
fn called_by_tcp(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for call in calls(input.snapshot).into_iter().filter(|call| call.fails) {
        let said = call.cite.quote.iter().map(|line| line.text.as_str());
        if !said
            .into_iter()
            .any(|line| CONNECTS.as_ref().is_some_and(|regex| regex.is_match(line)))
        {
            continue;
        }
        let offered = ports(call.service);
        let Some(port) = offered
            .iter()
            .find(|port| call.port.is_none_or(|wanted| wanted == port.port))
        else {
            continue;
        };
        if offered.iter().any(|port| port.protocol != "UDP") {
            continue;
        }
        let subject = call.service.subject();
        if let Some(known) = findings.iter_mut().find(|finding| finding.subject == subject) {
            known.add_cite(call.cite.clone());
            known.add_affected(call.client.clone());
            continue;
        }
        let at = format!("/spec/ports/{}/protocol", port.index);
        let patch = serde_json::json!([{"op": "replace", "path": at, "value": "TCP"}]).to_string();
        let mut finding = Finding::new(rule, subject, Confidence::Probable)
            .at(format!("spec.ports[{}].protocol", port.index))
            .cite(call.service.cite_at(&at))
            .cite(call.cite.clone())
            .fact("port", port.port)
            .fact("protocol", port.protocol)
            .fact("served", "TCP")
            .fact("client", call.client.name.clone())
            .fact("patch", patch);
        finding.add_affected(call.client);
        findings.push(finding);
    }
    findings
}

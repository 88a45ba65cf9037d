//! A Service forwards one protocol to a port that speaks the other.

use crate::model::Confidence;
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
  zh: "Service {{ subject.namespace }}/{{ subject.name }} 的端口 {{ port }} 是 {{ protocol|raw }}，而容器的端口 {{ target }} 是 {{ served|raw }}"
  en: "port {{ port }} of Service {{ subject.namespace }}/{{ subject.name }} is {{ protocol|raw }}, but the container's port {{ target }} is {{ served|raw }}"
cause:
  zh: "Service {{ subject.name }} 只为 {{ protocol|raw }} 转发端口 {{ port }}，{{ candidate_kind|raw }} {{ candidate }} 的容器在 {{ target }} 上使用 {{ served|raw }}：{{ served|raw }} 的数据包没有转发规则。"
  en: "Service {{ subject.name }} forwards port {{ port }} for {{ protocol|raw }} only, while the container of {{ candidate_kind|raw }} {{ candidate }} speaks {{ served|raw }} on {{ target }}: no rule forwards its packets."
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
    expect: {zh: service 已 patched, en: service patched}
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
    findings
}

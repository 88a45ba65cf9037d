//! A Service leads to a port that no container of its pods serves.

use serde_json::Value;

use crate::bundle::decode::Form;
use crate::cluster::Object;
use crate::model::Confidence;
use crate::rules::toolbox::calls::calls;
use crate::rules::toolbox::services::{
    Backend, Fit, ServicePort, Target, answering, backends, container_ports, fit, is_headless, ports, selector,
};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: service-port-mismatch
role: cause
level: critical
needs: [services, pods|deployments|statefulsets|daemonsets]
check:
  zh: Service 的 targetPort 是否由容器提供
  en: whether a container serves each Service's targetPort
title:
  zh: "Service {{ subject.namespace }}/{{ subject.name }} 的端口 {{ port }} 指向{% if measures %}指标端口{% endif %} {{ target }}，而 {{ candidate_kind|raw }} {{ candidate }} 的容器{% if measures %}以 {{ right }} 提供服务{% else %}只提供 {{ served|join('、') }}{% endif %}"
  en: "port {{ port }} of Service {{ subject.namespace }}/{{ subject.name }} leads to {{ target }}{% if measures %}, which is for metrics{% endif %}, but the containers of {{ candidate_kind|raw }} {{ candidate }} serve {% if measures %}on {{ right }}{% else %}{{ served|join(', ') }}{% endif %}"
cause:
  zh: "Service {{ subject.name }} 把端口 {{ port }} 转发到 Pod 的 {{ target }}{% if named %}（按名称查找容器端口，没有这个名称就没有端点）{% endif %}；{{ candidate_kind|raw }} {{ candidate }} 声明的容器端口是 {{ served|join('、') }}，{% if measures %}那个端口只提供指标，应答不是给客户端的{% else %}那个端口上没有进程监听{% endif %}。"
  en: "Service {{ subject.name }} forwards port {{ port }} to {{ target }} of its pods{% if named %}, looked up by name among the container ports: without that name there is no endpoint{% endif %}; the containers of {{ candidate_kind|raw }} {{ candidate }} declare {{ served|join(', ') }}{% if measures %}, and what stands there is for metrics: it answers with text that is not for clients{% else %}, and nothing listens on the other{% endif %}."
rules_out:
  - zh: 标签选择：selector 匹配到了这些 Pod
    en: "label selection: the selector does match these pods"
causes:
  - rule: webhook-call-failed
    ground: service
    mechanism: {zh: "webhook 的 Service 指向没有进程监听的端口", en: "the webhook's Service points to a port that nothing serves"}
  - rule: endpoints-missing
    ground: service
    mechanism: {zh: 按名称找不到容器端口就没有端点, en: "no container port of that name, no endpoint"}
  - rule: service-unreachable
    ground: service
    mechanism: {zh: "目标端口没有人监听", en: "nobody listens on the target port"}
benign:
  - zh: 数字端口无需在 containerPort 中声明；被探针、参数或环境变量提到的端口视为有人监听
    en: a numeric port need not be declared as containerPort; one that a probe, an argument or a variable names counts as served
remedy:
  - purpose: {zh: 对照 Service 与容器的端口, en: compare the ports of the Service and the containers}
    place: cluster
    risk: read-only
    command: "kubectl -n {{ subject.namespace }} get service {{ subject.name }} -o jsonpath='{.spec.ports}'"
    expect: {zh: "targetPort 为 {{ target }}", en: "targetPort is {{ target }}"}
    verify: {zh: 差异已确认, en: the difference is confirmed}
    rollback: {zh: 只读，无需回滚, en: read-only}
  - purpose: {zh: 把 targetPort 改为容器提供的端口, en: set targetPort to the port that the container serves}
    place: cluster
    risk: change
    command: "kubectl -n {{ subject.namespace }} patch service {{ subject.name }} --type=json -p {{ patch }}"
    expect: {zh: "`service 已 patched`", en: "`service patched`"}
    verify: {zh: "`kubectl get endpoints {{ subject.name }}` 显示该端口，从另一个 Pod 能连通", en: "`kubectl get endpoints {{ subject.name }}` shows the port, and another pod can connect"}
    rollback: {zh: "把 targetPort 改回 {{ target }}", en: "set targetPort back to {{ target }}"}
prevention:
  - kind: prevent
    text: {zh: 统一用端口名称作 targetPort，并在 CI 中校验名称存在, en: use port names as targetPort and check in CI that they exist}
    acceptance: {zh: 提交一个不存在的端口名称时流水线失败, en: a commit with an unknown port name fails the pipeline}
sources: ["kubernetes pkg/api/v1/pod FindPort: a named targetPort is looked up among container ports of the same protocol"]
versions: Kubernetes 1.0 to 1.36
examples:
  - name: "the container declares the port, and is told to listen on another, where its probe finds it"
    files:
      svc.json: '{"kind":"Service","apiVersion":"v1","metadata":{"name":"seats","namespace":"shop","uid":"1"},"spec":{"selector":{"app":"seats"},"ports":[{"port":7070,"targetPort":7071}]}}'
      deploy.json: '{"kind":"Deployment","apiVersion":"apps/v1","metadata":{"name":"seats","namespace":"shop","uid":"2"},"spec":{"replicas":1,"template":{"metadata":{"labels":{"app":"seats"}},"spec":{"containers":[{"name":"seats","ports":[{"containerPort":7071}],"env":[{"name":"PORT","value":"7070"}],"readinessProbe":{"grpc":{"port":7070}}}]}}},"status":{"replicas":1,"readyReplicas":1}}'
    fires: [{kind: Service, namespace: shop, name: seats}]
  - name: the port for metrics in place of the one for traffic
    files:
      all.json: '{"kind":"List","apiVersion":"v1","items":[{"kind":"Service","apiVersion":"v1","metadata":{"name":"seats","namespace":"t"},"spec":{"selector":{"app":"seats"},"ports":[{"name":"http","port":80,"targetPort":"http-metrics"}]}},{"kind":"Deployment","apiVersion":"apps/v1","metadata":{"name":"seats","namespace":"t"},"spec":{"template":{"metadata":{"labels":{"app":"seats"}},"spec":{"containers":[{"name":"c","ports":[{"name":"http","containerPort":8080},{"name":"http-metrics","containerPort":9464}]}]}}}}]}'
    fires: [{kind: Service, namespace: t, name: seats}]
  - name: a Service for metrics
    files:
      all.json: '{"kind":"List","apiVersion":"v1","items":[{"kind":"Service","apiVersion":"v1","metadata":{"name":"seats-metrics","namespace":"t"},"spec":{"selector":{"app":"seats"},"ports":[{"name":"http","port":80,"targetPort":"http-metrics"}]}},{"kind":"Deployment","apiVersion":"apps/v1","metadata":{"name":"seats","namespace":"t"},"spec":{"template":{"metadata":{"labels":{"app":"seats"}},"spec":{"containers":[{"name":"c","ports":[{"name":"http","containerPort":8080},{"name":"http-metrics","containerPort":9464}]}]}}}}]}'
  - name: a named port that no container has
    files:
      services.json: '{"kind":"ServiceList","apiVersion":"v1","items":[{"metadata":{"name":"viewer","namespace":"a"},"spec":{"selector":{"app":"viewer"},"ports":[{"port":80,"targetPort":"http"}]}}]}'
      deployments.json: '{"kind":"DeploymentList","apiVersion":"apps/v1","items":[{"metadata":{"name":"viewer","namespace":"a"},"spec":{"template":{"metadata":{"labels":{"app":"viewer"}},"spec":{"containers":[{"name":"v","ports":[{"name":"web","containerPort":8080}]}]}}}}]}'
    fires: [{kind: Service, namespace: a, name: viewer}]
  - name: the dummy port of a StatefulSet's Service that nobody calls
    files:
      all.json: '{"kind":"List","apiVersion":"v1","items":[{"kind":"Service","apiVersion":"v1","metadata":{"name":"plugin","namespace":"a","uid":"1"},"spec":{"selector":{"app":"plugin"},"ports":[{"name":"dummy","port":12345,"targetPort":12345}]}},{"kind":"StatefulSet","apiVersion":"apps/v1","metadata":{"name":"plugin","namespace":"a","uid":"2"},"spec":{"serviceName":"plugin","template":{"metadata":{"labels":{"app":"plugin"}},"spec":{"containers":[{"name":"p","ports":[{"name":"healthz","containerPort":9808}]}]}}}}]}'
  - name: a named port, described, with endpoints
    files:
      out.txt: |
        Name:              viewer
        Namespace:         a
        Selector:          app=viewer
        Type:              ClusterIP
        IP:                10.96.58.112
        Port:              web  80/TCP
        TargetPort:        http/TCP
        Endpoints:         10.244.1.22:6081
        Session Affinity:  None
        Events:            <none>


        Name:                   viewer
        Namespace:              a
        Selector:               app=viewer
        Replicas:               1 desired | 1 updated | 1 total | 1 available | 0 unavailable
        StrategyType:           RollingUpdate
        Pod Template:
          Labels:  app=viewer
          Containers:
           viewer:
            Image:        viewer:1
            Port:         6081/TCP
            Host Port:    0/TCP
        Events:          <none>
  - name: a number that no container serves
    files:
      out.txt: |
        Name:              user-service
        Namespace:         social
        Labels:            <none>
        Annotations:       <none>
        Selector:          service=user-service
        Type:              ClusterIP
        IP:                10.96.1.1
        Port:              9090  9090/TCP
        TargetPort:        9999/TCP
        Endpoints:         10.244.1.7:9999
        Session Affinity:  None
        Events:            <none>
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"user-service-6c8fdd7b9c-8jhnx","namespace":"social","labels":{"service":"user-service"}},"spec":{"containers":[{"name":"u","ports":[{"containerPort":9090}]}]},"status":{"phase":"Running"}}]}'
    fires: [{kind: Service, namespace: social, name: user-service}]
  - name: an undeclared port that the readiness probe uses
    files:
      services.json: '{"kind":"ServiceList","apiVersion":"v1","items":[{"metadata":{"name":"v","namespace":"a"},"spec":{"selector":{"app":"v"},"ports":[{"port":80,"targetPort":9000}]}}]}'
      deployments.json: '{"kind":"DeploymentList","apiVersion":"apps/v1","items":[{"metadata":{"name":"v","namespace":"a"},"spec":{"template":{"metadata":{"labels":{"app":"v"}},"spec":{"containers":[{"name":"v","ports":[{"containerPort":9100}],"readinessProbe":{"httpGet":{"port":9000}}}]}}}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    input
        .snapshot
        .kind("Service")
        .filter_map(|service| judge(input, rule, service))
        .collect()
}

fn judge(input: &Input<'_>, rule: &RuleHeader, service: &Object) -> Option<Finding> {
    let wanted = selector(service)?;
    let candidates = backends(input.snapshot, &service.key.namespace);
    let selected: Vec<&Backend<'_>> = candidates
        .iter()
        .filter(|backend| fit(wanted, backend) == Fit::Selected && !container_ports(backend.containers).is_empty())
        .collect();
    let first = selected.first()?;
    let answering = answering(input.snapshot, service);
    let mut offered = ports(service);
    if let ([only], Some(answering)) = (offered.as_mut_slice(), &answering)
        && only.target.is_none()
    {
        // A table of the Service shows no target, but that of its endpoints does.
        only.target = answering.ports.first().map(|port| Target::Number(*port));
    }
    let is_served = |port: &ServicePort<'_>| match port.target {
        None => true,
        // Descriptions show the numbers of ports without their names.
        Some(Target::Name(name)) => selected.iter().any(|backend| {
            let ports = container_ports(backend.containers);
            let hides_names = backend.object.form == Form::Describe && ports.iter().all(|(found, ..)| found.is_empty());
            // A port that no pod names has no endpoints either.
            let answers = answering.as_ref().is_none_or(|found| found.ready > 0);
            hides_names && answers || ports.iter().any(|(found, ..)| *found == name)
        }),
        Some(Target::Number(number)) => is_headless(service) || selected.iter().any(|backend| serves(backend, number)),
    };
    let wrong: Vec<&ServicePort<'_>> = offered.iter().filter(|port| !is_served(port)).collect();
    let named = wrong.iter().find(|port| matches!(port.target, Some(Target::Name(_))));
    // An extra port beside one that is right is often served without being declared.
    let port = match named {
        Some(port) => port,
        None if wrong.len() == offered.len() => wrong.first()?,
        None => measured(service, &offered, &selected)?,
    };
    if governs_only(input, service) {
        return None;
    }
    let told: Vec<i64> = first.containers.iter().filter_map(told_port).collect();
    let served: Vec<(&str, i64, &str)> = match told.as_slice() {
        [only] => vec![("", *only, "TCP")],
        _ => container_ports(first.containers),
    };
    let right = served
        .iter()
        .find(|(name, ..)| !name.is_empty() && *name == port.name)
        .or_else(|| {
            served
                .iter()
                .find(|(name, ..)| !MEASURES.iter().any(|word| name.contains(word)))
        })
        .or_else(|| served.first())?;
    let target = match port.target? {
        Target::Name(name) => name.to_owned(),
        Target::Number(number) => number.to_string(),
    };
    let list: Vec<Value> = served
        .iter()
        .map(|(name, number, _)| {
            if name.is_empty() {
                number.to_string()
            } else {
                format!("{number} ({name})")
            }
            .into()
        })
        .collect();
    let patch = serde_json::json!([{"op": "replace", "path": format!("/spec/ports/{}/targetPort", port.index), "value": right.1}]);
    let refused = input.snapshot.pods_of(&first.subject).any(|pod| pod.is_well());
    let measures = !wrong.iter().any(|one| one.index == port.index);
    let confidence = if measures {
        Confidence::Probable
    } else if named.is_some() || refused {
        Confidence::Confirmed
    } else {
        Confidence::Probable
    };
    let mut finding = Finding::new(rule, service.subject(), confidence)
        .at(format!("spec.ports[{}].targetPort", port.index))
        .cite(service.cite_at(&format!("/spec/ports/{}/targetPort", port.index)))
        .cite(first.object.cite_at(&format!("{}/0/ports", first.containers_at)))
        .fact("port", port.port)
        .fact("target", target)
        .fact("named", named.is_some())
        .fact("measures", measures)
        .fact("right", right.1)
        .fact("served", list)
        .fact("candidate_kind", first.subject.kind.clone())
        .fact("candidate", first.subject.name.clone())
        .fact("patch", patch.to_string());
    if let Some(answering) = answering {
        finding.add_cite(answering.cite);
    }
    Some(finding)
}

/// Words in the names of ports that are for machines that watch, and for no client.
const MEASURES: [&str; 3] = ["metrics", "prometheus", "telemetry"];

/// The only port of a Service, not called after metrics, which leads to the port for metrics while the containers have one for traffic: it
/// answers every request, with text that is not for clients.
fn measured<'p>(
    service: &Object,
    offered: &'p [ServicePort<'p>],
    selected: &[&Backend<'_>],
) -> Option<&'p ServicePort<'p>> {
    let [only] = offered else { return None };
    let is_for_metrics = |name: &str| MEASURES.iter().any(|word| name.contains(word));
    let first = selected.first()?;
    let served = container_ports(first.containers);
    let name = match only.target? {
        Target::Name(name) => name,
        Target::Number(number) => served
            .iter()
            .find(|(_, port, _)| *port == number)
            .map(|(name, ..)| *name)?,
    };
    // Loki and others of its kind call their only port for traffic after metrics, and are probed there.
    let is_for_traffic = |name: &str| name.is_empty() || ["grpc", "http", "https", "web"].contains(&name);
    // Descriptions show ports without their names.
    let has_another = served.len() > 1 && served.iter().any(|(other, ..)| is_for_traffic(other));
    let is_watcher = |name: &str| {
        ["exporter", "monitor", "prom", "stats"]
            .iter()
            .any(|word| name.contains(word))
    };
    let is_meant = [only.name, &service.key.name, &first.subject.name]
        .iter()
        .any(|name| is_for_metrics(name) || is_watcher(name));
    let is_probed = |container: &Value| {
        ["readinessProbe", "livenessProbe", "startupProbe"]
            .iter()
            .filter_map(|probe| container.pointer(&format!("/{probe}/httpGet/port")))
            .any(|port| port.as_str() == Some(name))
    };
    let is_asked = first.containers.iter().any(is_probed);
    (is_for_metrics(name) && has_another && !is_meant && !is_asked).then_some(only)
}

/// The port that a container is told to listen on by its variable, where its readiness probe asks the same and its only declared port is
/// another: what a container declares opens nothing (kubernetes.io/docs/concepts/services-networking/connect-applications-service).
fn told_port(container: &Value) -> Option<i64> {
    const NAMES: [&str; 6] = [
        "PORT",
        "SERVER_PORT",
        "HTTP_PORT",
        "GRPC_PORT",
        "APP_PORT",
        "LISTEN_PORT",
    ];
    let [(_, declared, _)] = container_ports(std::slice::from_ref(container))[..] else {
        return None;
    };
    let told = container.get("env")?.as_array()?.iter().find_map(|variable| {
        let name = variable.get("name")?.as_str()?;
        let value = variable.get("value")?.as_str()?;
        NAMES.contains(&name).then(|| value.parse::<i64>().ok())?
    })?;
    let asks = |way: &str| {
        container
            .pointer(&format!("/readinessProbe/{way}/port"))
            .and_then(Value::as_i64)
    };
    let is_asked = ["httpGet", "tcpSocket", "grpc"]
        .into_iter()
        .any(|way| asks(way) == Some(told));
    (told != declared && is_asked).then_some(told)
}

/// True when the containers declare the port, or name its number in a probe, an argument or a variable.
fn serves(backend: &Backend<'_>, number: i64) -> bool {
    let digits = number.to_string();
    let told: Vec<i64> = backend.containers.iter().filter_map(told_port).collect();
    if let ([only], [_]) = (told.as_slice(), backend.containers) {
        return *only == number;
    }
    container_ports(backend.containers)
        .iter()
        .any(|(_, port, _)| *port == number)
        || backend.containers.iter().any(|container| {
            [
                "livenessProbe",
                "readinessProbe",
                "startupProbe",
                "env",
                "args",
                "command",
            ]
            .iter()
            .filter_map(|key| container.get(*key))
            .any(|value| names_number(value, number, &digits))
        })
}

fn names_number(value: &Value, number: i64, digits: &str) -> bool {
    match value {
        Value::Number(found) => found.as_i64() == Some(number),
        Value::String(text) => text.split(|c: char| !c.is_ascii_digit()).any(|part| part == digits),
        Value::Array(list) => list.iter().any(|value| names_number(value, number, digits)),
        Value::Object(map) => map.values().any(|value| names_number(value, number, digits)),
        _ => false,
    }
}

/// True for the Service that a StatefulSet names only because it has to name one: nobody is known to call it, so its port may be any.
fn governs_only(input: &Input<'_>, service: &Object) -> bool {
    let snapshot = input.snapshot;
    let governs = snapshot
        .kind("StatefulSet")
        .any(|set| set.key.namespace == service.key.namespace && set.text("/spec/serviceName") == service.key.name);
    governs && !calls(snapshot).iter().any(|call| call.service.key == service.key)
}

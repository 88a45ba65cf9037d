//! A setting, or a client's own log, names an existing Service with a port that it does not offer.

use std::collections::BTreeMap;

use crate::cluster::{Hit, Object, Snapshot};
use crate::model::{Confidence, Subject};
use crate::rules::toolbox::calls::calls;
use crate::rules::toolbox::references::{Reference, Resolved, references};
use crate::rules::toolbox::services::{Fit, ServicePort, backends, container_ports, fit, is_headless, ports, selector};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: env-service-port-wrong
role: cause
level: critical
needs: [services, pods|deployments|statefulsets|daemonsets]
check:
  zh: 环境变量、参数与 ConfigMap 中的端口是否为 Service 的端口
  en: whether the ports that variables, arguments and ConfigMaps name are ports of the Service
title:
  zh: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }} {% if not called %}的 {{ key }} {% endif %}连接 {{ service }} 的端口 {{ port }}，{% if grpc %}那是 HTTP 端口，gRPC 端口是 {{ offered|join('、') }}{% elif protocol %}该端口说另一种协议，另有端口 {{ offered|join('、') }}{% else %}而该 Service 只有端口 {{ offered|join('、') }}{% endif %}"
  en: "{% if not called %}{{ key }} of {% endif %}{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }} {% if called %}calls{% else %}uses{% endif %} port {{ port }} of Service {{ service }}, {% if grpc %}which is for HTTP; gRPC is at {{ offered|join(', ') }}{% elif protocol %}which speaks another protocol; there is {{ offered|join(', ') }} too{% else %}which offers only {{ offered|join(', ') }}{% endif %}"
cause:
  zh: "{% if called %}{{ subject.name }} 的日志说它连接 {{ value }} 失败{% else %}设置 {{ key }} 的值是 {{ value }}{% endif %}{% if implied %}（URL 未写端口，默认为 {{ port }}）{% endif %}；{% if grpc %}Service {{ service }} 的端口 {{ port }} 说 HTTP，gRPC 在 {{ offered|join('、') }}，因此协议不符，调用失败。{% elif protocol %}Service {{ service }} 的端口 {{ port }} 说的不是客户端使用的协议，它的其他端口是 {{ offered|join('、') }}。{% else %}Service {{ service }} 没有端口 {{ port }}，它的端口是 {{ offered|join('、') }}，连接不会成功。{% endif %}"
  en: "{% if called %}the log of {{ subject.name }} says that its connection to {{ value }} fails{% else %}the setting {{ key }} is {{ value }}{% endif %}{% if implied %} (a URL without a port means {{ port }}){% endif %}; {% if grpc %}port {{ port }} of Service {{ service }} speaks HTTP and gRPC is at {{ offered|join(', ') }}, so the protocols do not fit and calls fail.{% elif protocol %}port {{ port }} of Service {{ service }} does not speak the protocol of the client; its other ports are {{ offered|join(', ') }}.{% else %}Service {{ service }} has no port {{ port }}, only {{ offered|join(', ') }}, so the connection cannot succeed.{% endif %}"
rules_out:
  - zh: 后端自身：它的 Service 存在，客户端使用的端口不对
    en: "the backend: its Service exists; the client uses another port"
causes:
  - rule: app-upstream-refused
    ground: workload
    mechanism: {zh: "指向的端口没有提供，连接被拒绝", en: "the port is not offered, and connections are refused"}
  - rule: app-database-unreachable
    ground: workload
    mechanism: {zh: "指向的端口没有提供，连接被拒绝", en: "the port is not offered, and connections are refused"}
  - rule: app-peer-wrong-protocol
    ground: workload
    mechanism: {zh: "指向的端口说另一种协议", en: "the port speaks another protocol"}
  - rule: crashloopbackoff
    ground: workload
    mechanism: {zh: "指向的端口没有提供，连接被拒绝", en: "the port is not offered, and connections are refused"}
  - rule: readiness-probe-failing
    ground: workload
    mechanism: {zh: "指向的端口没有提供，连接被拒绝", en: "the port is not offered, and connections are refused"}
  - rule: liveness-probe-failing
    ground: workload
    mechanism: {zh: "指向的端口没有提供，连接被拒绝", en: "the port is not offered, and connections are refused"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "指向的端口没有提供，连接被拒绝", en: "the port is not offered, and connections are refused"}
  - rule: endpoints-missing
    ground: workload
    mechanism: {zh: "指向的端口没有提供，连接被拒绝", en: "the port is not offered, and connections are refused"}
benign:
  - zh: 无头 Service 的客户端直接使用容器端口
    en: clients of a headless Service use the containers' ports
remedy:
  - purpose: {zh: 查看 Service 的端口, en: look at the Service's ports}
    place: cluster
    risk: read-only
    command: "kubectl -n {{ service_namespace }} get service {{ service }}"
    expect: {zh: "端口为 {{ offered|join('、') }}", en: "its ports are {{ offered|join(', ') }}"}
    verify: {zh: 差异已确认, en: the difference is confirmed}
    rollback: {zh: 只读，无需回滚, en: read-only}
  - purpose: {zh: "{% if called %}改正客户端设置中的端口（采集到的数据没有显示在哪一项）{% else %}在 {{ path }} 改正端口{% endif %}", en: "{% if called %}correct the port in the client's settings (the collected data does not show which){% else %}correct the port at {{ path }}{% endif %}"}
    place: cluster
    risk: change
    command: "kubectl -n {{ holder.namespace }} edit {{ holder.kind }} {{ holder.name }}"
    expect: {zh: 保存后触发滚动更新, en: a rollout starts when it is saved}
    verify: {zh: 新 Pod 能连通, en: the new pods connect}
    rollback: {zh: "`kubectl rollout undo`", en: "`kubectl rollout undo`"}
prevention:
  - kind: prevent
    text: {zh: 由同一个值生成 Service 端口与客户端设置, en: generate the Service's port and the clients' settings from one value}
    acceptance: {zh: 改动该值后两处同时变化, en: changing the value changes both}
sources: ["kubernetes pkg/proxy: a cluster IP has rules only for the Service's own ports"]
versions: Kubernetes 1.0 to 1.36
examples:
  - name: a URL with another port
    files:
      services.json: '{"kind":"ServiceList","apiVersion":"v1","items":[{"metadata":{"name":"seatmap","namespace":"t"},"spec":{"clusterIP":"10.0.0.1","selector":{"app":"seatmap"},"ports":[{"port":80,"targetPort":9090}]}}]}'
      deployments.json: '{"kind":"DeploymentList","apiVersion":"apps/v1","items":[{"metadata":{"name":"checkout","namespace":"t"},"spec":{"template":{"metadata":{"labels":{"app":"c"}},"spec":{"containers":[{"name":"c","env":[{"name":"SEATMAP_URL","value":"http://seatmap:8080"}]}]}}}}]}'
    fires: [{kind: Deployment, namespace: t, name: checkout}]
  - name: a pair of host and port
    files:
      out.txt: |
        $ kubectl get svc -n t
        NAME    TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)    AGE
        mysql   ClusterIP   10.96.1.1    <none>        3306/TCP   5d
      pods.json: '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"shop-6c8fdd7b9c-8jhnx","namespace":"t"},"spec":{"containers":[{"name":"s","env":[{"name":"DB_HOST","value":"mysql"},{"name":"DB_PORT","value":"3307"}]}]},"status":{"phase":"Running"}}]}'
    fires: [{kind: Deployment, namespace: t, name: shop}]
  - name: a client of gRPC at the port of the metrics
    files:
      all.json: '{"kind":"List","apiVersion":"v1","items":[{"kind":"Service","apiVersion":"v1","metadata":{"name":"locks","namespace":"t"},"spec":{"selector":{"app":"locks"},"ports":[{"name":"a","port":9100},{"name":"b","port":9102}]}},{"kind":"Pod","apiVersion":"v1","metadata":{"name":"door-6bdf8c9d7-jd5lx","namespace":"t"},"spec":{"containers":[{"name":"door","env":[{"name":"LOCKS","value":"locks:9102"}]}]},"status":{"phase":"Running"}}]}'
      door-6bdf8c9d7-jd5lx.log: |
        {"level":"error","msg":"open failed","error":"rpc error: code = Unavailable desc = connection error: desc = \"error reading server preface: http2: frame too large\""}
        {"level":"error","msg":"open failed","error":"rpc error: code = Unavailable desc = connection error: desc = \"error reading server preface: http2: frame too large\""}
    fires: [{kind: Deployment, namespace: t, name: door}]
  - name: one of two settings has another port than the same setting elsewhere
    files:
      all.json: '{"kind": "List", "apiVersion": "v1", "items": [{"kind": "Service", "apiVersion": "v1", "metadata": {"name": "maps", "namespace": "t"}, "spec": {"selector": {"app": "maps"}, "ports": [{"name": "a", "port": 8080}, {"name": "b", "port": 50051}]}}, {"kind": "Service", "apiVersion": "v1", "metadata": {"name": "riders", "namespace": "t"}, "spec": {"selector": {"app": "riders"}, "ports": [{"name": "a", "port": 8080}, {"name": "b", "port": 50051}]}}, {"kind": "Deployment", "apiVersion": "apps/v1", "metadata": {"name": "door", "namespace": "t"}, "spec": {"template": {"metadata": {"labels": {"app": "door"}}, "spec": {"containers": [{"name": "door", "env": [{"name": "MAPS_ADDR", "value": "maps:8080"}, {"name": "RIDERS_ADDR", "value": "riders:50051"}]}]}}}}, {"kind": "Deployment", "apiVersion": "apps/v1", "metadata": {"name": "eta", "namespace": "t"}, "spec": {"template": {"metadata": {"labels": {"app": "eta"}}, "spec": {"containers": [{"name": "eta", "env": [{"name": "MAPS_ADDR", "value": "maps:50051"}]}]}}}}]}'
      pods.txt: |
        NAMESPACE   NAME                   READY   STATUS    RESTARTS   AGE
        t           door-6bdf8c9d7-jd5lx   1/1     Running   0          41m
      door-6bdf8c9d7-jd5lx.log: |
        {"level":"error","msg":"open failed","error":"rpc error: code = Unavailable desc = connection error: desc = \"error reading server preface: http2: frame too large\""}
        {"level":"error","msg":"open failed","error":"rpc error: code = Unavailable desc = connection error: desc = \"error reading server preface: http2: frame too large\""}
    fires: [{kind: Deployment, namespace: t, name: door}]
  - name: a headless Service of which the containers are not shown, and a log that complains of the port
    files:
      "svc.txt": |
        NAMESPACE   NAME    TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)    AGE   SELECTOR
        t           store   ClusterIP   None         <none>        6379/TCP   41d   app=store
      "cart.json": '{"kind": "Deployment", "apiVersion": "apps/v1", "metadata": {"name": "cart", "namespace": "t", "uid": "c"}, "spec": {"selector": {"matchLabels": {"app": "cart"}}, "template": {"metadata": {"labels": {"app": "cart"}}, "spec": {"containers": [{"name": "cart", "env": [{"name": "REDIS_HOST", "value": "store"}, {"name": "REDIS_PORT", "value": "6380"}]}]}}}}'
      "pods.txt": |
        NAMESPACE   NAME                    READY   STATUS    RESTARTS   AGE
        t           cart-6d5f7c9b8d-x2x9k   1/1     Running   0          41m
      "t/cart-6d5f7c9b8d-x2x9k/cart.log": |
        2026-11-21 10:20:42 ERROR store unavailable: Error 111 connecting to store:6380. Connection refused.
        2026-11-21 10:20:44 ERROR store unavailable: Error 111 connecting to store:6380. Connection refused.
        2026-11-21 10:20:46 ERROR store unavailable: Error 111 connecting to store:6380. Connection refused.
    fires: [{kind: Deployment, namespace: t, name: cart}]
  - name: a headless Service of which the containers are not shown, and nobody complains
    files:
      "svc.txt": |
        NAMESPACE   NAME    TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)    AGE   SELECTOR
        t           store   ClusterIP   None         <none>        6379/TCP   41d   app=store
      "cart.json": '{"kind": "Deployment", "apiVersion": "apps/v1", "metadata": {"name": "cart", "namespace": "t", "uid": "c"}, "spec": {"selector": {"matchLabels": {"app": "cart"}}, "template": {"metadata": {"labels": {"app": "cart"}}, "spec": {"containers": [{"name": "cart", "env": [{"name": "REDIS_HOST", "value": "store"}, {"name": "REDIS_PORT", "value": "6380"}]}]}}}}'
  - name: a log names the port, and no settings were collected
    files:
      "svc.txt": |
        $ kubectl get svc -n t
        NAME      TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)   AGE
        seatmap   ClusterIP   10.96.1.1    <none>        80/TCP    5d
      "pods.txt": |
        NAMESPACE   NAME                       READY   STATUS    RESTARTS   AGE
        t           booking-6d5f7c9b8d-x2x9k   0/1     Running   0          41m
      "t/booking-6d5f7c9b8d-x2x9k/booking.log": |
        2026-11-21T10:20:42Z ERROR Get "http://seatmap:8080/v1": dial tcp 10.96.1.1:8080: i/o timeout
        2026-11-21T10:20:52Z ERROR Get "http://seatmap:8080/v1": dial tcp 10.96.1.1:8080: i/o timeout
    fires: [{kind: Deployment, namespace: t, name: booking}]
  - name: a log names a port that the Service has
    files:
      "svc.txt": |
        $ kubectl get svc -n t
        NAME      TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)           AGE
        seatmap   ClusterIP   10.96.1.1    <none>        80/TCP,8080/TCP   5d
      "pods.txt": |
        NAMESPACE   NAME                       READY   STATUS    RESTARTS   AGE
        t           booking-6d5f7c9b8d-x2x9k   0/1     Running   0          41m
      "t/booking-6d5f7c9b8d-x2x9k/booking.log": |
        2026-11-21T10:20:42Z ERROR Get "http://seatmap:8080/v1": dial tcp 10.96.1.1:8080: i/o timeout
        2026-11-21T10:20:52Z ERROR Get "http://seatmap:8080/v1": dial tcp 10.96.1.1:8080: i/o timeout
  - name: the default port of a URL that the Service offers
    files:
      services.json: '{"kind":"ServiceList","apiVersion":"v1","items":[{"metadata":{"name":"seatmap","namespace":"t"},"spec":{"clusterIP":"10.0.0.1","selector":{"app":"seatmap"},"ports":[{"port":80,"targetPort":9090}]}}]}'
      deployments.json: '{"kind":"DeploymentList","apiVersion":"apps/v1","items":[{"metadata":{"name":"checkout","namespace":"t"},"spec":{"template":{"metadata":{"labels":{"app":"c"}},"spec":{"containers":[{"name":"c","env":[{"name":"SEATMAP_URL","value":"http://seatmap/api"}]}]}}}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let mut findings: Vec<Finding> = wrong_protocol(input, rule);
    for reference in references(input.snapshot).iter() {
        if let (Resolved::Service(service), Some(port)) = (reference.resolve(input.snapshot), reference.port)
            && let Some(finding) = judge(input, rule, reference, service, port)
            && !findings
                .iter()
                .any(|known| known.subject == finding.subject && known.path == finding.path)
        {
            findings.push(finding);
        }
    }
    let called = called(input, rule, &findings);
    findings.extend(called);
    findings
}

/// What the logs of clients say where no setting tells: a connection to a port that the Service does not have fails.
fn called(input: &Input<'_>, rule: &RuleHeader, known: &[Finding]) -> Vec<Finding> {
    let mut found: Vec<Finding> = Vec::new();
    for call in calls(input.snapshot).into_iter().filter(|call| call.fails) {
        let (service, Some(port)) = (call.service, call.port) else {
            continue;
        };
        let offered: Vec<i64> = ports(service).iter().map(|offer| offer.port).collect();
        // Clients of a headless Service come to the containers themselves.
        if offered.is_empty()
            || offered.contains(&port)
            || is_headless(service)
            || service.text("/spec/type") == "ExternalName"
        {
            continue;
        }
        let is_same = |finding: &Finding| {
            finding.subject == call.client
                && finding
                    .facts
                    .get("service")
                    .is_some_and(|name| *name == service.key.name.as_str())
        };
        if known.iter().chain(&found).any(is_same) {
            continue;
        }
        let named = format!("{}:{port}", service.key.name);
        let holder = &call.client;
        let one = Finding::new(rule, call.client.clone(), Confidence::Confirmed)
            .cite(call.cite.clone())
            .cite(service.cite_at("/spec/ports"));
        found.push(
            described(one, service, port, &offered)
                .fact("called", true)
                .fact("key", "")
                .fact("value", named)
                .fact("implied", false)
                .fact("path", "")
                .fact(
                    "holder",
                    serde_json::json!({"kind": holder.kind, "namespace": holder.namespace, "name": holder.name}),
                ),
        );
    }
    found
}

/// Where a client's log says that the other side speaks another protocol, and one setting alone names a Service of several ports.
fn wrong_protocol(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    const LEAST: u64 = 2;
    let snapshot = input.snapshot;
    let mut said: BTreeMap<Subject, &Hit> = BTreeMap::new();
    for hit in snapshot
        .hits
        .iter()
        .filter(|hit| hit.signature.starts_with("app-peer-wrong-protocol/") && hit.count >= LEAST)
    {
        said.entry(snapshot.top_owner_of(&hit.about.object)).or_insert(hit);
    }
    let mut found = Vec::new();
    for (workload, hit) in said {
        let all = references(snapshot);
        let mut possible: Vec<_> = all
            .iter()
            .filter(|reference| reference.workload == workload)
            .filter_map(|reference| {
                let Resolved::Service(service) = reference.resolve(snapshot) else {
                    return None;
                };
                let port = reference.port?;
                let others: Vec<i64> = ports(service)
                    .iter()
                    .map(|offer| offer.port)
                    .filter(|other| *other != port)
                    .collect();
                let is_offered = ports(service).iter().any(|offer| offer.port == port);
                (is_offered && !others.is_empty()).then_some((reference, service, port, others))
            })
            .collect();
        // Of several, the one that other workloads give with another port of the same Service.
        if possible.len() > 1 {
            possible.retain(|(reference, service, _, others)| {
                all.iter()
                    .filter(|other| other.workload != workload && other.key == reference.key)
                    .filter(|other| other.port.is_some_and(|port| others.contains(&port)))
                    .any(|other| matches!(other.resolve(snapshot), Resolved::Service(same) if same.key == service.key))
            });
        }
        let [(reference, service, port, others)] = possible.as_slice() else {
            continue;
        };
        let grpc = hit.signature.contains("/grpc-");
        let mut one = finding(rule, reference, service, *port, others, Confidence::Confirmed)
            .fact("grpc", grpc)
            .fact("protocol", true);
        one.add_cite(hit.cite.clone());
        found.push(one);
    }
    found
}

fn judge(input: &Input<'_>, rule: &RuleHeader, reference: &Reference, service: &Object, port: i64) -> Option<Finding> {
    let offered = ports(service);
    if let Some(grpc) = grpc_elsewhere(reference, &offered, port) {
        return Some(finding(rule, reference, service, port, &[grpc], Confidence::Probable).fact("grpc", true));
    }
    if offered.is_empty()
        || offered.iter().any(|offer| offer.port == port)
        || service.text("/spec/type") == "ExternalName"
    {
        return None;
    }
    // `kafka-0.kafka:9093` is a pod's own address: what its Service offers has no say in it.
    let of_pod = reference.host.split('.').next() != Some(service.key.name.as_str());
    if is_headless(service) && of_pod {
        return None;
    }
    // Clients of a headless Service come to the containers themselves.
    let complaint = match is_headless(service).then(|| declares(input.snapshot, service, port)) {
        None | Some(Some(false)) => None,
        Some(Some(true)) => return None,
        // What the containers listen on is not told, and the client's own log has to tell it.
        Some(None) => Some(
            calls(input.snapshot)
                .into_iter()
                .find(|call| {
                    call.fails
                        && call.client == reference.workload
                        && call.service.key == service.key
                        && call.port == Some(port)
                })?
                .cite,
        ),
    };
    let list: Vec<i64> = offered.iter().map(|offer| offer.port).collect();
    // A URL without a port may be completed by the program that reads it.
    let confidence = match &complaint {
        _ if reference.implied => Confidence::Possible,
        Some(_) => Confidence::Probable,
        None => Confidence::Confirmed,
    };
    let mut finding = finding(rule, reference, service, port, &list, confidence);
    complaint.into_iter().for_each(|cite| finding.add_cite(cite));
    Some(finding)
}

/// Whether a container behind a Service declares a port; none where none of them declares any, or none is known.
fn declares(snapshot: &Snapshot, service: &Object, port: i64) -> Option<bool> {
    let wanted = selector(service)?;
    let all = backends(snapshot, &service.key.namespace);
    let declared: Vec<i64> = all
        .iter()
        .filter(|backend| fit(wanted, backend) == Fit::Selected)
        .flat_map(|backend| container_ports(backend.containers))
        .map(|(_, number, _)| number)
        .collect();
    (!declared.is_empty()).then(|| declared.contains(&port))
}

/// A setting that speaks of gRPC and names the port that the Service calls `http`, while another one is called `grpc`.
fn grpc_elsewhere(reference: &Reference, offered: &[ServicePort<'_>], port: i64) -> Option<i64> {
    let speaks_grpc = reference.key.to_ascii_lowercase().contains("grpc") || reference.value.starts_with("grpc://");
    let is_http = offered
        .iter()
        .any(|offer| offer.port == port && offer.name.starts_with("http"));
    let grpc = offered.iter().find(|offer| offer.name.starts_with("grpc"))?;
    (speaks_grpc && is_http && grpc.port != port).then_some(grpc.port)
}

fn finding(
    rule: &RuleHeader,
    reference: &Reference,
    service: &Object,
    port: i64,
    offered: &[i64],
    confidence: Confidence,
) -> Finding {
    let one = Finding::new(rule, reference.workload.clone(), confidence)
        .at(reference.path.clone())
        .cite(reference.cite.clone())
        .cite(service.cite_at("/spec/ports"));
    described(one, service, port, offered)
        .fact("called", false)
        .fact("key", if reference.key.is_empty() { reference.path.clone() } else { reference.key.clone() })
        .fact("value", reference.value.clone())
        .fact("implied", reference.implied)
        .fact("path", reference.path.clone())
        .fact("holder", serde_json::json!({"kind": reference.holder.kind, "namespace": reference.holder.namespace, "name": reference.holder.name}))
}

/// With what is true of the Service and the port.
fn described(finding: Finding, service: &Object, port: i64, offered: &[i64]) -> Finding {
    let list: Vec<String> = offered.iter().map(ToString::to_string).collect();
    finding
        .fact("grpc", false)
        .fact("protocol", false)
        .fact("port", port)
        .fact("service", service.key.name.clone())
        .fact("service_namespace", service.key.namespace.clone())
        .fact("offered", list)
}

//! Clients use the port of a headless Service, which nobody translates into the one that its pods listen on.

use crate::cluster::{Object, Snapshot};
use crate::model::{Citation, Confidence, Subject};
use crate::rules::toolbox::calls::{is_out_of_reach, of_clients};
use crate::rules::toolbox::complaints::{Complaint, complaints};
use crate::rules::toolbox::peers::{behind, objects_of};
use crate::rules::toolbox::references::{Resolved, references};
use crate::rules::toolbox::services::{
    Backend, Fit, Target, answering, backends, container_ports, fit, is_headless, ports, selector,
};
use crate::rules::{Finding, Ground, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: headless-service-port-remapped
role: cause
level: critical
needs: [services]
meets: [{kinds: [Service]}]
check:
  zh: 客户端是否使用了 headless Service 中不会被转换的端口
  en: whether clients use a port of a headless Service that nobody translates
title:
  zh: "Service {{ subject.namespace }}/{{ subject.name }} 没有集群地址，端口 {{ port }} 不会被转换为 {{ target }}，{{ client }} 的连接失败"
  en: "Service {{ subject.namespace }}/{{ subject.name }} has no cluster address, so its port {{ port }} is not translated to {{ target }}, and {{ client }} cannot connect"
cause:
  zh: "Service {{ subject.name }} 的 clusterIP 是 None：它的名称直接解析为 Pod 的地址，kube-proxy 不为它写规则，targetPort 因此不起作用。{{ client }} 连接 {{ port }}，而 Pod 监听的是 {{ target }}；它写出 {{ said }}（共 {{ times }} 次）。"
  en: "clusterIP of Service {{ subject.name }} is None: its name gives the addresses of the pods themselves, kube-proxy has no rules for it, and so its targetPort has no effect. {{ client }} connects to {{ port }} while the pods listen on {{ target }}; it writes {{ said }} ({{ times|times }})."
rules_out:
  - {zh: "名称解析：名称解析为 Pod 的地址，失败的是到端口 {{ port }} 的连接", en: "name resolution: the name gives the pods' addresses, and what fails is the connection to port {{ port }}"}
  - {zh: "标签选择：selector 匹配到了这些 Pod", en: "label selection: the selector does match these pods"}
questions:
  - {zh: "这个 Service 是否曾经有集群地址，后来才改为 None？", en: "did this Service have a cluster address before it was made headless?"}
causes:
  - rule: app-upstream-refused
    ground: service
    mechanism: {zh: "Pod 不在 Service 的端口上监听", en: "the pods do not listen on the Service's port"}
  - rule: app-database-unreachable
    ground: service
    mechanism: {zh: "Pod 不在 Service 的端口上监听", en: "the pods do not listen on the Service's port"}
  - rule: service-unreachable
    ground: service
    mechanism: {zh: "Pod 不在 Service 的端口上监听", en: "the pods do not listen on the Service's port"}
benign:
  - {zh: "端口不同，但客户端从 SRV 记录或端点中取得端口，或本来就使用 targetPort：没有人报告连接失败", en: "the ports differ, but clients take the port from SRV records or endpoints, or use the target port anyway: nobody complains"}
  - {zh: "有集群地址的 Service：kube-proxy 把端口转换为 targetPort", en: "a Service with a cluster address: kube-proxy translates its port to targetPort"}
remedy:
  - purpose: {zh: 查看 Service 的地址与端口, en: look at the Service's address and ports}
    place: cluster
    risk: read-only
    command: "kubectl -n {{ subject.namespace }} get service {{ subject.name }} -o jsonpath='{.spec.clusterIP} {.spec.ports}'"
    expect: {zh: "clusterIP 为 None，端口 {{ port }}，targetPort {{ target_written }}", en: "clusterIP is None, port {{ port }}, targetPort {{ target_written }}"}
    verify: {zh: 与本报告一致, en: it agrees with this report}
    rollback: {zh: 只读，无需回滚, en: read-only}
  - purpose: {zh: "让 {{ client }} 使用 Pod 监听的端口 {{ target }}", en: "let {{ client }} use the port {{ target }}, on which the pods listen"}
    place: cluster
    risk: change
    precheck: {zh: "`kubectl get endpoints` 显示的端口是 {{ target }}", en: "`kubectl get endpoints` shows the port {{ target }}"}
    command: "kubectl -n {{ client_namespace }} edit {{ client_kind }} {{ client }}"
    expect: {zh: 保存后触发滚动更新, en: a rollout starts when it is saved}
    verify: {zh: "新的 Pod 不再写出连接失败", en: "the new pods no longer write that connections fail"}
    rollback: {zh: "`kubectl rollout undo`", en: "`kubectl rollout undo`"}
    notes:
      - {zh: "客户端很多时，另建一个有集群地址的 Service（端口 {{ port }}，targetPort {{ target }}）并改用它的名称；已有 Service 的 clusterIP 不能修改，只能删除后重建", en: "with many clients, make another Service that has a cluster address (port {{ port }}, targetPort {{ target }}) and use its name; clusterIP of an existing Service cannot be changed, only by deleting and creating it"}
prevention:
  - kind: prevent
    text: {zh: "在 CI 中拒绝 clusterIP 为 None 且 port 与 targetPort 不同的 Service", en: "refuse Services in CI that have clusterIP None and a targetPort other than their port"}
    acceptance: {zh: "提交一个端口不同的 headless Service 时流水线失败", en: "a commit with a headless Service whose ports differ fails the pipeline"}
  - kind: detect
    text: {zh: "发布后从另一个 Pod 以名称和端口连接每个 Service 一次", en: "connect to every Service once after a release, by name and port, from another pod"}
    acceptance: {zh: "在测试环境把一个 Service 改为 headless 后，该检查失败", en: "the check fails when a Service of a test environment is made headless"}
sources:
  - "kubernetes.io/docs/concepts/services-networking/service, Headless Services: a cluster IP is not allocated, kube-proxy does not handle these Services, DNS returns the addresses of the pods"
  - "kubernetes pkg/proxy/util/utils.go ShouldSkipService: Services without a cluster IP are left out"
versions: Kubernetes 1.0 to 1.36
examples:
  - name: a client of Python that calls the Service by its name and port
    files:
      all.json: '{"kind":"List","apiVersion":"v1","items":[{"kind":"Service","apiVersion":"v1","metadata":{"name":"search","namespace":"t"},"spec":{"clusterIP":"None","selector":{"app":"search"},"ports":[{"name":"http","port":80,"targetPort":"http"}]}},{"kind":"StatefulSet","apiVersion":"apps/v1","metadata":{"name":"search","namespace":"t"},"spec":{"serviceName":"search","template":{"metadata":{"labels":{"app":"search"}},"spec":{"containers":[{"name":"search","ports":[{"name":"http","containerPort":8080}]}]}}}}]}'
      pods.txt: |
        NAMESPACE   NAME                   READY   STATUS    RESTARTS   AGE
        t           web-6bdf8c9d7-jd5lx    1/1     Running   0          41m
      web-6bdf8c9d7-jd5lx.log: |
        ERROR query failed: HTTPConnectionPool(host='search', port=80): Max retries exceeded with url: /q (Caused by NewConnectionError('Failed to establish a new connection: [Errno 111] Connection refused'))
        ERROR query failed: HTTPConnectionPool(host='search', port=80): Max retries exceeded with url: /q (Caused by NewConnectionError('Failed to establish a new connection: [Errno 111] Connection refused'))
        ERROR query failed: HTTPConnectionPool(host='search', port=80): Max retries exceeded with url: /q (Caused by NewConnectionError('Failed to establish a new connection: [Errno 111] Connection refused'))
    fires: [{kind: Service, namespace: t, name: search}]
  - name: a client of Go that writes the address of the pod
    files:
      all.json: '{"kind":"List","apiVersion":"v1","items":[{"kind":"Service","apiVersion":"v1","metadata":{"name":"search","namespace":"t"},"spec":{"clusterIP":"None","selector":{"app":"search"},"ports":[{"port":80,"targetPort":8080}]}},{"kind":"StatefulSet","apiVersion":"apps/v1","metadata":{"name":"search","namespace":"t"},"spec":{"serviceName":"search","template":{"metadata":{"labels":{"app":"search"}},"spec":{"containers":[{"name":"search"}]}}}}]}'
      pods.txt: |
        NAMESPACE   NAME                   READY   STATUS    RESTARTS   AGE   IP            NODE
        t           search-0               1/1     Running   0          41m   10.244.1.7    w1
        t           web-6bdf8c9d7-jd5lx    1/1     Running   0          41m   10.244.1.8    w1
      web-6bdf8c9d7-jd5lx.log: |
        level=error msg="query failed" err="Get \"http://search/q\": dial tcp 10.244.1.7:80: connect: connection refused"
        level=error msg="query failed" err="Get \"http://search/q\": dial tcp 10.244.1.7:80: connect: connection refused"
        level=error msg="query failed" err="Get \"http://search/q\": dial tcp 10.244.1.7:80: connect: connection refused"
    fires: [{kind: Service, namespace: t, name: search}]
  - name: the port is the one that the pods listen on
    files:
      all.json: '{"kind":"List","apiVersion":"v1","items":[{"kind":"Service","apiVersion":"v1","metadata":{"name":"search","namespace":"t"},"spec":{"clusterIP":"None","selector":{"app":"search"},"ports":[{"name":"http","port":8080,"targetPort":"http"}]}},{"kind":"StatefulSet","apiVersion":"apps/v1","metadata":{"name":"search","namespace":"t"},"spec":{"serviceName":"search","template":{"metadata":{"labels":{"app":"search"}},"spec":{"containers":[{"name":"search","ports":[{"name":"http","containerPort":8080}]}]}}}}]}'
      pods.txt: |
        NAMESPACE   NAME                   READY   STATUS    RESTARTS   AGE
        t           web-6bdf8c9d7-jd5lx    1/1     Running   0          41m
      web-6bdf8c9d7-jd5lx.log: |
        ERROR query failed: HTTPConnectionPool(host='search', port=8080): Max retries exceeded with url: /q (Caused by NewConnectionError('Failed to establish a new connection: [Errno 111] Connection refused'))
        ERROR query failed: HTTPConnectionPool(host='search', port=8080): Max retries exceeded with url: /q (Caused by NewConnectionError('Failed to establish a new connection: [Errno 111] Connection refused'))
        ERROR query failed: HTTPConnectionPool(host='search', port=8080): Max retries exceeded with url: /q (Caused by NewConnectionError('Failed to establish a new connection: [Errno 111] Connection refused'))
  - name: nobody complains
    files:
      all.json: '{"kind":"List","apiVersion":"v1","items":[{"kind":"Service","apiVersion":"v1","metadata":{"name":"search","namespace":"t"},"spec":{"clusterIP":"None","selector":{"app":"search"},"ports":[{"name":"http","port":80,"targetPort":"http"}]}},{"kind":"StatefulSet","apiVersion":"apps/v1","metadata":{"name":"search","namespace":"t"},"spec":{"serviceName":"search","template":{"metadata":{"labels":{"app":"search"}},"spec":{"containers":[{"name":"search","ports":[{"name":"http","containerPort":8080}]}]}}}}]}'
  - name: a Service with a cluster address
    files:
      all.json: '{"kind":"List","apiVersion":"v1","items":[{"kind":"Service","apiVersion":"v1","metadata":{"name":"search","namespace":"t"},"spec":{"clusterIP":"10.96.0.7","selector":{"app":"search"},"ports":[{"name":"http","port":80,"targetPort":"http"}]}},{"kind":"StatefulSet","apiVersion":"apps/v1","metadata":{"name":"search","namespace":"t"},"spec":{"serviceName":"search","template":{"metadata":{"labels":{"app":"search"}},"spec":{"containers":[{"name":"search","ports":[{"name":"http","containerPort":8080}]}]}}}}]}'
      pods.txt: |
        NAMESPACE   NAME                   READY   STATUS    RESTARTS   AGE
        t           web-6bdf8c9d7-jd5lx    1/1     Running   0          41m
      web-6bdf8c9d7-jd5lx.log: |
        ERROR query failed: HTTPConnectionPool(host='search', port=80): Max retries exceeded with url: /q (Caused by NewConnectionError('Failed to establish a new connection: [Errno 111] Connection refused'))
        ERROR query failed: HTTPConnectionPool(host='search', port=80): Max retries exceeded with url: /q (Caused by NewConnectionError('Failed to establish a new connection: [Errno 111] Connection refused'))
        ERROR query failed: HTTPConnectionPool(host='search', port=80): Max retries exceeded with url: /q (Caused by NewConnectionError('Failed to establish a new connection: [Errno 111] Connection refused'))
"##;

/// A port of a headless Service on which its pods are not known to listen.
struct Remapped<'s> {
    service: &'s Object,
    /// Index in the list of ports.
    index: usize,
    port: i64,
    target: i64,
    /// The target as the Service has it: a number or a name.
    written: String,
    /// What the Service selects.
    behind: Vec<Subject>,
}

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let remapped: Vec<Remapped<'_>> = snapshot
        .kind("Service")
        .filter(|service| is_headless(service))
        .flat_map(|service| remapped(snapshot, service))
        .collect();
    if remapped.is_empty() {
        return Vec::new();
    }
    let complaints = complaints(snapshot, &is_out_of_reach, &of_clients());
    let mut findings: Vec<Finding> = Vec::new();
    for port in &remapped {
        if let Some(finding) = judge(snapshot, rule, port, &complaints)
            && !findings.iter().any(|known| known.subject == finding.subject)
        {
            findings.push(finding);
        }
    }
    findings
}

/// The ports of a headless Service that lead elsewhere, and on which no container behind it says that it listens.
fn remapped<'s>(snapshot: &'s Snapshot, service: &'s Object) -> Vec<Remapped<'s>> {
    let Some(wanted) = selector(service) else {
        return Vec::new();
    };
    let all = backends(snapshot, &service.key.namespace);
    let selected: Vec<&Backend<'_>> = all
        .iter()
        .filter(|backend| fit(wanted, backend) == Fit::Selected)
        .collect();
    let declared: Vec<(&str, i64, &str)> = selected
        .iter()
        .flat_map(|backend| container_ports(backend.containers))
        .collect();
    let offered = ports(service);
    let is_only = offered.len() == 1;
    let mut found = Vec::new();
    for offer in &offered {
        // A table of the Service shows no target, and a name needs the containers; the endpoints have the number.
        let answered = || {
            let found = answering(snapshot, service).filter(|_| is_only)?;
            found.ports.first().copied()
        };
        let (target, written) = match offer.target {
            Some(Target::Number(number)) => (Some(number), number.to_string()),
            Some(Target::Name(name)) => {
                let number = declared.iter().find(|(known, ..)| *known == name);
                (number.map(|(_, number, _)| *number).or_else(answered), name.to_owned())
            }
            None => {
                let number = answered();
                (number, number.map_or(String::new(), |number| number.to_string()))
            }
        };
        let is_served = declared.iter().any(|(_, number, _)| *number == offer.port);
        if let Some(target) = target.filter(|target| *target != offer.port && !is_served) {
            found.push(Remapped {
                service,
                index: offer.index,
                port: offer.port,
                target,
                written,
                behind: selected.iter().map(|backend| backend.subject.clone()).collect(),
            });
        }
    }
    found
}

fn judge(
    snapshot: &Snapshot,
    rule: &RuleHeader,
    remapped: &Remapped<'_>,
    complaints: &[Complaint<'_>],
) -> Option<Finding> {
    let mine: Vec<&Complaint<'_>> = complaints
        .iter()
        .filter(|complaint| is_about(snapshot, complaint, remapped))
        .collect();
    let first = mine.first()?;
    let client = &first.speaker.workload;
    let times: u64 = mine.iter().map(|complaint| complaint.count).sum();
    let service = remapped.service;
    let confidence = mine
        .iter()
        .map(|complaint| complaint.confidence)
        .max()
        .unwrap_or(Confidence::Probable);
    let mut finding = Finding::new(rule, service.subject(), confidence)
        .at(format!("spec.ports[{}].targetPort", remapped.index))
        .cite(first.cite.clone())
        .cite(service.cite_at("/spec/clusterIP"))
        .cite(service.cite_at(&format!("/spec/ports/{}", remapped.index)))
        .fact("port", remapped.port)
        .fact("target", remapped.target)
        .fact("target_written", remapped.written.clone())
        .fact("client", client.name.clone())
        .fact("client_kind", client.kind.to_lowercase())
        .fact("client_namespace", client.namespace.clone())
        .fact("said", first.said.clone())
        .fact("times", times)
        .touch(
            Ground::Service,
            format!("{}/{}", service.key.namespace, service.key.name),
        );
    finding.count = times;
    if let Some((_, cite)) = setting(snapshot, client, remapped) {
        finding.add_cite(cite);
    }
    for complaint in mine {
        finding.add_cite(complaint.cite.clone());
        finding.add_affected(complaint.speaker.workload.clone());
    }
    for workload in &remapped.behind {
        finding.impair(workload.clone());
    }
    Some(finding)
}

/// True for a client that was refused, or not answered, at this Service and this port.
fn is_about(snapshot: &Snapshot, complaint: &Complaint<'_>, remapped: &Remapped<'_>) -> bool {
    const WORDS: [&str; 6] = [
        "refused",
        "timed out",
        "timeout",
        "timedout",
        "deadline exceeded",
        "connect to",
    ];
    let line = complaint.line.to_ascii_lowercase();
    // Who waits for an answer is connected.
    let is_connected = ["read timed out", "read timeout"]
        .iter()
        .any(|word| line.contains(word));
    if is_connected || !WORDS.iter().any(|word| line.contains(word)) {
        return false;
    }
    let client = &complaint.speaker.workload;
    let peer = complaint.peer_within(snapshot);
    let called = objects_of(snapshot, &client.namespace, &peer);
    let key = &remapped.service.key;
    let is_meant = match called.iter().find(|object| object.kind == "Service") {
        Some(service) => service.namespace == key.namespace && service.name == key.name,
        // The name gave the address of a pod, and that is what the client writes.
        // Where they fail themselves, or another Service leads to them too, it says nothing of this one.
        None => {
            let is_well = |workload: &Subject| snapshot.pods_of(workload).all(|pod| pod.is_well());
            let others = snapshot
                .kind("Service")
                .filter(|other| other.key != *key && other.key.namespace == key.namespace);
            let leads_there = |other: &Object| {
                let served = behind(snapshot, &key.namespace, &other.key.name);
                served.iter().any(|workload| remapped.behind.contains(workload))
            };
            called.iter().any(|object| remapped.behind.contains(object))
                && remapped.behind.iter().all(is_well)
                && !others.into_iter().any(leads_there)
        }
    };
    let port = || match peer.port {
        Some(port) => Some(i64::from(port)),
        None => setting(snapshot, client, remapped).map(|(port, _)| port),
    };
    is_meant && port() == Some(remapped.port)
}

/// The port that a client's settings give together with the Service, and where.
fn setting(snapshot: &Snapshot, client: &Subject, remapped: &Remapped<'_>) -> Option<(i64, Citation)> {
    let all = references(snapshot);
    let mut own = all.iter().filter(|reference| reference.workload == *client);
    own.find_map(|reference| match reference.resolve(snapshot) {
        Resolved::Service(service) if service.key == remapped.service.key => {
            Some((reference.port?, reference.cite.clone()))
        }
        _ => None,
    })
}

//! A program listens on another port than everything around it takes for granted.

use std::cell::LazyCell;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::cluster::{Object, PodView, Snapshot};
use crate::logs::{ContainerRef, LineHit, LogFile, Stream};
use crate::model::{Citation, Confidence, Subject};
use crate::rules::toolbox::calls::{Call, calls};
use crate::rules::toolbox::peers::{Peer, behind};
use crate::rules::toolbox::probes::{is_ailing, listens};
use crate::rules::toolbox::services::{Target, container_ports, ports, same_namespace};
use crate::rules::toolbox::workload_touches;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: app-listens-wrong-port
role: cause
level: critical
needs: [container-logs]
check:
  zh: '应用监听的端口是否就是边车、变量与 Service 所用的端口'
  en: 'whether programs listen on the port that their sidecar, their variables and their Service use'
title:
  zh: '{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }} {% if by_log %}监听{% else %}中 {{ who|raw }} 以外的容器只声明了端口{% endif %} {{ listening }}，而 {{ who|raw }} 访问的是 {{ wanted }}'
  en: '{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }} {% if by_log %}listens on{% else %}declares beside {{ who|raw }} only{% endif %} {{ listening }}, while {{ who|raw }} asks port {{ wanted }}'
cause:
  zh: '{% if by_log %}日志写明应用监听 {{ listening }}{% else %}同一个 Pod 里其余的容器只声明了 {{ listening }}，它们都在运行{% endif %}；{{ who|raw }} 访问 {{ wanted }}{% if declared %}，这也是容器声明的端口{% endif %}{% if variable %}，变量 {{ variable }} 也是 {{ wanted }}{% endif %}{% if dropped %}，上一版本用变量 {{ dropped }} 告诉它这个端口，现在的版本没有这个变量{% endif %}，那里没有进程应答，连接被拒绝。'
  en: '{% if by_log %}its log says that it listens on {{ listening }}{% else %}the other containers of the pod, which run, declare {{ listening }} only{% endif %}; {{ who|raw }} asks {{ wanted }}{% if declared %}, which is the port that its container declares{% endif %}{% if variable %} and that variable {{ variable }} gives{% endif %}{% if dropped %}, and that the former revision gave it in the variable {{ dropped }}, which the present one lacks{% endif %}, where nothing answers: connections are refused.'
rules_out:
  - zh: '网络：被拒绝说明到达了 Pod，只是没有进程监听'
    en: 'the network: a refusal means that the pod was reached and nobody listens there'
causes:
  - rule: app-upstream-refused
    ground: workload
    mechanism: {zh: '所访问的端口上没有进程监听', en: 'nobody listens on the port that is asked'}
  - rule: readiness-probe-failing
    ground: workload
    mechanism: {zh: '探针经由没有进程监听的端口', en: 'the probe goes through a port where nobody listens'}
  - rule: liveness-probe-failing
    ground: workload
    mechanism: {zh: '探针经由没有进程监听的端口', en: 'the probe goes through a port where nobody listens'}
  - rule: startup-probe-failing
    ground: workload
    mechanism: {zh: '探针经由没有进程监听的端口', en: 'the probe goes through a port where nobody listens'}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: '容器不能就绪', en: 'its containers do not get ready'}
  - rule: crashloopbackoff
    ground: workload
    mechanism: {zh: '探针失败后容器被反复重启', en: 'the container is restarted when its probe fails'}
benign:
  - {zh: '管理端口与业务端口不同是正常的：只有被访问的端口无人应答才算', en: 'a port for management beside the one for traffic is normal: only a port that is asked and where nobody answers counts'}
  - {zh: '边车在应用启动完成之前的几次失败', en: 'a few refusals that a sidecar meets until the program has started'}
remedy:
  - purpose: {zh: '查看应用监听的端口与声明的端口', en: 'see where it listens and what is declared'}
    place: cluster
    risk: read-only
    command: |
      kubectl {% if subject.namespace %}-n {{ subject.namespace }} {% endif %}get pod {{ pod }} -o jsonpath='{.spec.containers[*].ports}'
      kubectl {% if subject.namespace %}-n {{ subject.namespace }} {% endif %}logs {{ pod }} --all-containers | grep -i listen
    expect: {zh: '{{ listening }} 与 {{ wanted }}', en: '{{ listening }} and {{ wanted }}'}
    verify: {zh: '与本报告一致', en: 'it agrees with this report'}
    rollback: {zh: '只读，无需回滚', en: 'read-only'}
  - purpose: {zh: '让应用监听 {{ wanted }}（变量、参数或镜像），或把声明、探针与 Service 一起改为 {{ listening }}', en: 'let the program listen on {{ wanted }} (variable, argument or image), or change declaration, probe and Service to {{ listening }} together'}
    place: cluster
    risk: change
    command: "kubectl {% if subject.namespace %}-n {{ subject.namespace }} {% endif %}edit {{ resource }} {{ subject.name }}"
    verify: {zh: 'Pod 就绪，请求成功', en: 'the pod gets ready and requests succeed'}
    rollback: {zh: '`kubectl rollout undo` 回到上一个版本', en: '`kubectl rollout undo` returns to the former revision'}
prevention:
  - kind: prevent
    text: {zh: '应用从变量 PORT 读取端口，不写死在镜像里', en: 'let programs read their port from the variable PORT instead of building it into the image'}
    acceptance: {zh: 'PORT=9999 启动后监听 9999', en: 'started with PORT=9999 it listens on 9999'}
sources:
  - 'knative.dev/docs/serving runtime contract: the container must listen on $PORT; serving/pkg/queue/readiness/probe.go: `aggressive probe error (failed %d times)`'
  - 'kubernetes.io/docs/concepts/services-networking/service: targetPort'
versions: 'any'
examples:
  - name: 'a sidecar is refused by the program beside it'
    files:
      'describe.txt': |
        Name:             geo-00004-deployment-85c7b6f9d8-m4tvh
        Namespace:        maps
        Node:             n1/10.0.10.12
        Labels:           app=geo-00004
        Status:           Running
        Controlled By:  ReplicaSet/geo-00004-deployment-85c7b6f9d8
        Containers:
          user-container:
            Image:          r.example/geo:2.0.0
            Port:           8080/TCP
            State:          Running
              Started:      Tue, 03 Feb 2026 20:54:05 +0000
            Ready:          True
            Restart Count:  0
            Environment:
              PORT:  8080
          queue-proxy:
            Image:          gcr.io/knative-releases/queue:v1.14.0
            Ports:          8022/TCP, 8012/TCP
            State:          Running
              Started:      Tue, 03 Feb 2026 20:54:05 +0000
            Ready:          False
            Restart Count:  0
            Readiness:      http-get http://:8012/ delay=5s timeout=1s period=10s #success=1 #failure=3
            Environment:
              USER_PORT:  8080
        Conditions:
          Type              Status
          Ready             False
        Events:
          Type     Reason     Age                From     Message
          ----     ------     ----               ----     -------
          Warning  Unhealthy  7s (x58 over 9m)   kubelet  Readiness probe failed: HTTP probe failed with statuscode: 503
      'logs/geo-00004-deployment-85c7b6f9d8-m4tvh-user-container.log': |
        INFO:     Uvicorn running on http://0.0.0.0:5000 (Press CTRL+C to quit)
      'logs/geo-00004-deployment-85c7b6f9d8-m4tvh-queue-proxy.log': |
        aggressive probe error (failed 202 times): dial tcp 127.0.0.1:8080: connect: connection refused
        aggressive probe error (failed 203 times): dial tcp 127.0.0.1:8080: connect: connection refused
        aggressive probe error (failed 204 times): dial tcp 127.0.0.1:8080: connect: connection refused
    fires: [{kind: Deployment, namespace: maps, name: geo-00004-deployment}]
  - name: 'a proxy is refused by the program beside it, which declares another port'
    files:
      'pods.json': '{"kind": "PodList", "apiVersion": "v1", "items": [{"kind": "Pod", "metadata": {"name": "ledger-0", "namespace": "books", "ownerReferences": [{"kind": "StatefulSet", "name": "ledger", "controller": true}]}, "spec": {"containers": [{"name": "app", "ports": [{"containerPort": 9000}]}, {"name": "front", "ports": [{"containerPort": 8443}]}]}, "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}], "containerStatuses": [{"name": "app", "ready": true, "restartCount": 0, "state": {"running": {"startedAt": "2026-02-03T20:54:05Z"}}}, {"name": "front", "ready": true, "restartCount": 0, "state": {"running": {"startedAt": "2026-02-03T20:54:05Z"}}}]}}]}'
      'logs/ledger-0_front.log': |
        2026/02/03 20:59:11 [error] 22#22: *41 connect() failed (111: Connection refused) while connecting to upstream, client: 10.52.3.1, server: , request: "GET / HTTP/1.1", upstream: "http://127.0.0.1:9001/", host: "ledger"
        2026/02/03 21:09:11 [error] 22#22: *47 connect() failed (111: Connection refused) while connecting to upstream, client: 10.52.3.1, server: , request: "GET / HTTP/1.1", upstream: "http://127.0.0.1:9001/", host: "ledger"
        2026/02/03 21:19:11 [error] 22#22: *59 connect() failed (111: Connection refused) while connecting to upstream, client: 10.52.3.1, server: , request: "GET / HTTP/1.1", upstream: "http://127.0.0.1:9001/", host: "ledger"
    fires: [{kind: StatefulSet, namespace: books, name: ledger}]
  - name: 'the sidecar waits for a program that has its own reasons'
    files:
      'describe.txt': |
        Name:             geo-00004-deployment-85c7b6f9d8-m4tvh
        Namespace:        maps
        Node:             n1/10.0.10.12
        Labels:           app=geo-00004
        Status:           Running
        Controlled By:  ReplicaSet/geo-00004-deployment-85c7b6f9d8
        Containers:
          user-container:
            Image:          r.example/geo:2.0.0
            Port:           8080/TCP
            State:          Running
              Started:      Tue, 03 Feb 2026 20:54:05 +0000
            Ready:          False
            Restart Count:  0
        Conditions:
          Type              Status
          Ready             False
      'logs/geo-00004-deployment-85c7b6f9d8-m4tvh-user-container.log': |
        metrics listening on :9090
        INFO:     Uvicorn running on http://0.0.0.0:8080 (Press CTRL+C to quit)
      'logs/geo-00004-deployment-85c7b6f9d8-m4tvh-queue-proxy.log': |
        aggressive probe error (failed 202 times): dial tcp 127.0.0.1:8080: connect: connection refused
  - name: 'the present revision lacks the variable by which the former one told its port'
    files:
      'objects.yaml': |
        apiVersion: v1
        kind: List
        items:
        - {apiVersion: apps/v1, kind: Deployment, metadata: {name: desk, namespace: help}, spec: {replicas: 1, selector: {matchLabels: {app: desk}}, template: {metadata: {labels: {app: desk}}, spec: {containers: [{name: desk, ports: [{containerPort: 8080}]}]}}}}
        - {apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: desk-66c9d5f5b8, namespace: help, labels: {app: desk, pod-template-hash: 66c9d5f5b8}, annotations: {deployment.kubernetes.io/revision: '4'}, ownerReferences: [{kind: Deployment, name: desk, controller: true}]}, spec: {replicas: 0, template: {spec: {containers: [{name: desk, env: [{name: PORT, value: '8080'}], ports: [{containerPort: 8080}]}]}}}}
        - {apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: desk-7bd84fd7c6, namespace: help, labels: {app: desk, pod-template-hash: 7bd84fd7c6}, annotations: {deployment.kubernetes.io/revision: '5'}, ownerReferences: [{kind: Deployment, name: desk, controller: true}]}, spec: {replicas: 1, template: {spec: {containers: [{name: desk, ports: [{containerPort: 8080}]}]}}}}
        - {apiVersion: v1, kind: Service, metadata: {name: desk, namespace: help}, spec: {selector: {app: desk}, ports: [{port: 80, targetPort: 8080}]}}
        - {apiVersion: v1, kind: Pod, metadata: {name: desk-7bd84fd7c6-5tz8x, namespace: help, labels: {app: desk, pod-template-hash: 7bd84fd7c6}, ownerReferences: [{kind: ReplicaSet, name: desk-7bd84fd7c6, controller: true}]}, spec: {containers: [{name: desk, ports: [{containerPort: 8080}]}]}, status: {phase: Running, conditions: [{type: Ready, status: 'True'}], containerStatuses: [{name: desk, ready: true, restartCount: 0, state: {running: {startedAt: '2026-04-15T07:58:12Z'}}}]}}
      'logs/desk-7bd84fd7c6-5tz8x.log': |
        * Listening on http://0.0.0.0:3000
        Use Ctrl-C to stop
    fires: [{kind: Deployment, namespace: help, name: desk}]
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings: Vec<Finding> = Vec::new();
    // Gathered only if some program says where it listens, and then once.
    let refused = LazyCell::new(|| {
        calls(snapshot)
            .into_iter()
            .filter(|call| call.fails)
            .collect::<Vec<_>>()
    });
    let proxies = logs_of_proxies(snapshot);
    for pod in snapshot.pods() {
        let says = listens(snapshot, &pod);
        let owner = snapshot.top_owner(pod.object);
        if findings.iter().any(|known| known.subject == owner) {
            continue;
        }
        if says.is_empty() {
            if let Some((declared, asked)) = asked_beside(snapshot, &proxies, &pod) {
                let mut found = finding(snapshot, rule, owner, &pod, &declared, asked).fact("by_log", false);
                found.confidence = Confidence::Probable;
                findings.push(found);
            }
            continue;
        }
        let asked = if is_ailing(snapshot, &pod) {
            asked_within(snapshot, &pod, &says)
        } else {
            asked_by_callers(&refused, snapshot, &owner, &says)
                .or_else(|| asked_before(snapshot, &pod, &owner, &says))
                .or_else(|| asked_beside(snapshot, &proxies, &pod).map(|(_, asked)| asked))
                .filter(|asked| says.iter().all(|(known, _)| *known != asked.port))
        };
        let Some(asked) = asked else { continue };
        if asked.beside || is_meant(snapshot, &pod, &says, asked.port) {
            findings.push(finding(snapshot, rule, owner, &pod, &says, asked).fact("by_log", true));
        }
    }
    findings
}

/// A port that somebody asks for and where nobody answers.
struct Asked {
    port: i64,
    who: String,
    cite: Citation,
    /// Whether it is another container of a pod that is well, whatever the settings say.
    beside: bool,
    /// The variable that gave this port in the former revision and is gone; empty where that is not known.
    dropped: String,
}

/// What a container of the pod is refused at by another: containers of a pod share its loopback.
fn asked_within(snapshot: &Snapshot, pod: &PodView<'_>, says: &[(i64, Citation)]) -> Option<Asked> {
    snapshot
        .hits
        .iter()
        .filter(|hit| hit.signature.starts_with("app-upstream-refused/"))
        .filter(|hit| hit.about.object.kind == "Pod" && hit.about.object.name == pod.name())
        .find_map(|hit| {
            let peer = Peer::parse(hit.captures.get("peer")?, None);
            let port = i64::from(peer.port?);
            let is_other = peer.is_local() && says.iter().all(|(known, _)| *known != port);
            let container = hit.about.container.as_str();
            is_other.then(|| Asked {
                port,
                who: if container.is_empty() {
                    peer.shown()
                } else {
                    container.to_owned()
                },
                cite: hit.cite.clone(),
                beside: false,
                dropped: String::new(),
            })
        })
}

/// How often a container has to be refused by the one beside it, before that is no matter of who started first.
const OFTEN: u64 = 3;

/// The same where no log says who listens: the ports that the other containers of the pod declare, all of them running, and the port
/// on the loopback, declared by none, at which a proxy is refused again and again, up to the end of its log. What else asks the loopback
/// may ask for a helper that nobody runs there.
fn asked_beside(
    snapshot: &Snapshot,
    proxies: &[(&ContainerRef, &LogFile)],
    pod: &PodView<'_>,
) -> Option<(Vec<(i64, Citation)>, Asked)> {
    let on_host = pod.object.get("/spec/hostNetwork").and_then(Value::as_bool) == Some(true);
    if on_host || pod.containers().iter().any(|one| !one.init && !one.is_ready()) {
        return None;
    }
    let mut refused: BTreeMap<(i64, &str), (u64, Citation)> = BTreeMap::new();
    for (stream, log) in proxies {
        let is_of_pod = stream.pod == pod.name() && same_namespace(&stream.namespace, pod.namespace());
        if !is_of_pod || stream.previous || stream.container.is_empty() {
            continue;
        }
        let hits: Vec<&LineHit> = log.hits.iter().filter(|hit| is_of_proxy(hit)).collect();
        let last = hits.iter().map(|hit| hit.last_line()).max().unwrap_or_default();
        if log.lines.saturating_sub(last) > (log.lines / 5).max(12) {
            continue;
        }
        for hit in hits {
            let Some(peer) = hit.captures.get("peer").map(|peer| Peer::parse(peer, None)) else {
                continue;
            };
            if let (true, Some(port)) = (peer.is_local(), peer.port) {
                let cite = || Citation::line(&snapshot.bundle.alias, &log.path, hit.line, &hit.text);
                let known = refused
                    .entry((i64::from(port), stream.container.as_str()))
                    .or_insert_with(|| (0, cite()));
                known.0 += hit.count;
            }
        }
    }
    let all = pod.object.list("/spec/containers");
    refused.into_iter().find_map(|((port, who), (count, cite))| {
        let others: Vec<Value> = all
            .iter()
            .filter(|container| container.get("name").and_then(Value::as_str) != Some(who))
            .cloned()
            .collect();
        let declared = container_ports(&others);
        let nobody = container_ports(all).iter().all(|(_, known, _)| *known != port);
        (count >= OFTEN && nobody && !declared.is_empty()).then(|| {
            let at = pod.object.cite_at("/spec/containers");
            let says = declared.iter().map(|(_, known, _)| (*known, at.clone())).collect();
            let asked = Asked {
                port,
                who: who.to_owned(),
                cite,
                beside: true,
                dropped: String::new(),
            };
            (says, asked)
        })
    })
}

/// The logs in which a proxy writes that it is refused.
fn logs_of_proxies(snapshot: &Snapshot) -> Vec<(&ContainerRef, &LogFile)> {
    let logs = snapshot.logs.iter().filter_map(|log| match &log.stream {
        Stream::Container(stream) => Some((stream, log)),
        _ => None,
    });
    logs.filter(|(_, log)| log.hits.iter().any(is_of_proxy)).collect()
}

fn is_of_proxy(hit: &LineHit) -> bool {
    hit.signature
        .strip_prefix("app-upstream-refused/")
        .is_some_and(|id| PROXIES.iter().any(|proxy| id.starts_with(proxy)))
}

/// Beginnings of the ids of the lines that proxies write.
const PROXIES: [&str; 4] = ["nginx", "envoy", "haproxy", "apache"];

/// What callers are refused at through a Service that leads to another port of a pod that is well.
fn asked_by_callers(
    refused: &[Call<'_>],
    snapshot: &Snapshot,
    owner: &Subject,
    says: &[(i64, Citation)],
) -> Option<Asked> {
    refused.iter().find_map(|call| {
        let key = &call.service.key;
        let offered = ports(call.service);
        let [only] = offered.as_slice() else { return None };
        let Some(Target::Number(port)) = only.target else {
            return None;
        };
        let is_other = says.iter().all(|(known, _)| *known != port);
        (is_other && behind(snapshot, &key.namespace, &key.name).contains(owner)).then(|| Asked {
            port,
            who: format!("Service {}", key.name),
            cite: call.cite.clone(),
            beside: false,
            dropped: String::new(),
        })
    })
}

/// What a Service still asks, where the revision before this one told the program that port in a variable that is gone since, and the
/// program now says that it listens elsewhere.
fn asked_before(snapshot: &Snapshot, pod: &PodView<'_>, owner: &Subject, says: &[(i64, Citation)]) -> Option<Asked> {
    let now = pod.object.list("/spec/containers");
    let containers = |set: &Object| set.list("/spec/template/spec/containers").to_vec();
    let own = pod.object.text("/metadata/labels/pod-template-hash");
    let is_former = |set: &&Object| {
        set.key.namespace == pod.namespace()
            && snapshot.top_owner(set) == *owner
            && set.text("/metadata/labels/pod-template-hash") != own
            && set.int("/spec/replicas") == Some(0)
    };
    let revision = |set: &&Object| {
        let number = set.text("/metadata/annotations/deployment.kubernetes.io~1revision");
        number.parse::<u64>().unwrap_or(0)
    };
    let former = snapshot.kind("ReplicaSet").filter(is_former).max_by_key(revision)?;
    let services = snapshot.kind_in("Service", pod.namespace());
    services
        .filter(|service| behind(snapshot, &service.key.namespace, &service.key.name).contains(owner))
        .flat_map(|service| ports(service).into_iter().map(move |offered| (service, offered)))
        .find_map(|(service, offered)| {
            let port = match offered.target? {
                Target::Number(port) => port,
                Target::Name(name) => {
                    let declared = container_ports(now);
                    declared.into_iter().find(|(known, _, _)| *known == name)?.1
                }
            };
            let name = variable(&containers(former), port)?;
            let is_gone = variable(now, port).is_none() && says.iter().all(|(known, _)| *known != port);
            is_gone.then(|| Asked {
                port,
                who: format!("Service {}", service.key.name),
                cite: former.cite_at("/spec/template/spec/containers/0/env"),
                beside: false,
                dropped: name,
            })
        })
}

/// True when the settings of the pod or of its workload name the port that is asked, or none at all. Where they name the one on which the
/// program listens, program and pod agree, and it is the caller's side that is wrong.
fn is_meant(snapshot: &Snapshot, pod: &PodView<'_>, says: &[(i64, Citation)], port: i64) -> bool {
    let owner = snapshot.top_owner(pod.object);
    let template = snapshot.object(&owner.kind, &owner.namespace, &owner.name);
    let containers: Vec<Value> = pod
        .object
        .list("/spec/containers")
        .iter()
        .chain(template.map_or(&[][..], |object| object.list("/spec/template/spec/containers")))
        .cloned()
        .collect();
    let declared = container_ports(&containers);
    let names = |port: i64| {
        declared.iter().any(|(_, known, _)| *known == port)
            || variable(&containers, port).is_some()
            || containers.iter().any(|container| is_probed(container, port))
    };
    names(port) || declared.is_empty() && !says.iter().any(|(known, _)| names(*known))
}

/// True when a probe of the container asks this port.
fn is_probed(container: &Value, port: i64) -> bool {
    let asks = |probe: &str, at: &str| {
        container
            .pointer(&format!("/{probe}/{at}/port"))
            .and_then(Value::as_i64)
    };
    ["readinessProbe", "livenessProbe", "startupProbe"].iter().any(|probe| {
        ["httpGet", "tcpSocket", "grpc"]
            .iter()
            .any(|at| asks(probe, at) == Some(port))
    })
}

/// The variable that tells the program its port.
fn variable(containers: &[Value], port: i64) -> Option<String> {
    let entries = containers
        .iter()
        .filter_map(|container| container.get("env")?.as_array())
        .flatten();
    entries
        .filter_map(|entry| {
            let name = entry.get("name")?.as_str()?;
            let value = entry.get("value").and_then(Value::as_str)?;
            (name.ends_with("PORT") && value.parse() == Ok(port)).then(|| name.to_owned())
        })
        .min()
}

fn finding(
    snapshot: &Snapshot,
    rule: &RuleHeader,
    owner: Subject,
    pod: &PodView<'_>,
    says: &[(i64, Citation)],
    asked: Asked,
) -> Finding {
    let listening: BTreeSet<String> = says.iter().map(|(port, _)| port.to_string()).collect();
    let declared = container_ports(pod.object.list("/spec/containers"));
    let resource = owner.kind.to_lowercase();
    let subject = Subject::namespaced("Pod", pod.namespace(), pod.name());
    let mut finding = Finding::new(rule, owner, Confidence::Confirmed)
        .at("spec.template.spec.containers[*].ports")
        .fact("listening", listening.into_iter().collect::<Vec<_>>().join(", "))
        .fact("wanted", asked.port.to_string())
        .fact("who", asked.who)
        .fact("dropped", asked.dropped)
        .fact("declared", declared.iter().any(|(_, known, _)| *known == asked.port))
        .fact(
            "variable",
            variable(pod.object.list("/spec/containers"), asked.port).unwrap_or_default(),
        )
        .fact("pod", pod.name())
        .fact("resource", resource);
    for (_, cite) in says.iter().take(2) {
        finding.add_cite(cite.clone());
    }
    finding.add_cite(asked.cite);
    if !declared.is_empty() {
        finding.add_cite(pod.object.cite_at("/spec/containers/0/ports"));
    }
    finding.touches.extend(workload_touches(snapshot, &subject));
    finding.affects(subject)
}

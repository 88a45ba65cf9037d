//! A Kafka broker tells its clients an address that they cannot reach.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::cluster::{Object, Snapshot};
use crate::logs::{LineHit, LogFile};
use crate::model::{Citation, Confidence, Subject};
use crate::rules::toolbox::calls::{is_out_of_reach, of_clients};
use crate::rules::toolbox::complaints::complaints;
use crate::rules::toolbox::peers::{Peer, behind, dependencies, objects_of};
use crate::rules::toolbox::references::{Resolved, references};
use crate::rules::toolbox::speakers::{of_log, stores_of, technology};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: kafka-advertised-listeners-wrong
role: cause
level: critical
needs: [services]
text:
  # A client that has a broker's address from its own settings knows no id of it yet: `node -1`, `bootstrap-0`, `/bootstrap`.
  - id: told-java
    in: [container-log]
    pattern: 'Connection to node (?P<id>\d+) \((?P<peer>(?:localhost/)?(?:127\.[\d.]+|localhost|::1)[^)\s]*)\) could not be established'
  - id: told-python
    in: [container-log]
    pattern: 'node_id=(?P<id>\d+),? host=(?P<peer>(?:localhost|127\.[\d.]+):\d+)[^\n]*(?:returned error|Connection refused|[Dd]isconnect)'
  - id: told-librdkafka
    in: [container-log]
    pattern: '(?:^|[\s"''\]])(?P<peer>(?:localhost|127\.[\d.]+):\d+)/(?P<id>\d+): Connect to [^\n]*failed'
check:
  zh: 'Kafka 对外公布的监听地址是否存在'
  en: 'whether the listeners that Kafka advertises exist'
title:
  zh: '{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}：{{ key }} 公布的 {{ host }} {% if missing %}没有对应的 Service {{ missing }}{% elif unresolved is defined %}无法解析{% else %}是客户端自己的回环地址{% endif %}'
  en: '{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}: {{ key }} advertises {{ host }}, {% if missing %}for which there is no Service {{ missing }}{% elif unresolved is defined %}which does not resolve{% else %}which is the clients'' own loopback address{% endif %}'
cause:
  zh: '客户端先连上引导地址，再改连元数据里公布的地址；{{ key }} 的值是 {{ value }}，{% if missing %}而命名空间 {{ namespace }} 没有 Service {{ missing }}，所以引导成功之后所有读写都解析不了主机名。{% elif unresolved is defined %}而这个名字在集群里解析不了，所以引导成功之后所有读写都失败。{% else %}客户端于是连接自己，被拒绝。{% endif %}'
  en: 'clients first connect to the bootstrap address and then to what the metadata advertise; {{ key }} is {{ value }}, {% if missing %}and namespace {{ namespace }} has no Service {{ missing }}, so after the bootstrap no read or write finds its host.{% elif unresolved is defined %}a name that does not resolve here, so after the bootstrap every read and write fails.{% else %}so clients connect to themselves and are refused.{% endif %}'
causes:
  - rule: app-database-unreachable
    ground: workload
    mechanism: {zh: '客户端改连公布的地址而失败', en: 'clients go on to the advertised address, and fail'}
  - rule: app-upstream-refused
    ground: workload
    mechanism: {zh: '客户端改连公布的地址而失败', en: 'clients go on to the advertised address, and fail'}
  - rule: app-broker-topic-missing
    ground: workload
    mechanism: {zh: '取不到主题的元数据：要向公布的地址去要', en: 'they get no metadata of their topics, for which they ask at the advertised address'}
benign:
  - zh: '专供集群外客户端的监听地址可以是集群外的主机名'
    en: 'a listener for clients outside may advertise a host outside'
remedy:
  - purpose: {zh: '列出存在的 Service', en: 'list the Services that exist'}
    place: cluster
    risk: read-only
    command: 'kubectl -n {{ namespace }} get services'
    expect: {zh: '{% if missing %}没有 {{ missing }}{% else %}代理节点的 Service{% endif %}', en: '{% if missing %}no {{ missing }}{% else %}the Service of the brokers{% endif %}'}
    verify: {zh: '已确认缺失', en: 'its absence is confirmed'}
    rollback: {zh: '只读，无需回滚', en: 'read-only'}
  - purpose: {zh: '把公布的地址改为存在的无头 Service（或创建它）', en: 'advertise a headless Service that exists (or create it)'}
    place: cluster
    risk: change
    command: 'kubectl -n {{ subject.namespace }} edit {{ subject.kind|lower }} {{ subject.name }}'
    expect: {zh: '保存后逐个重启代理节点', en: 'the brokers restart one by one when it is saved'}
    verify: {zh: '客户端日志不再有解析错误', en: 'clients log no resolution error'}
    rollback: {zh: '`kubectl rollout undo`', en: '`kubectl rollout undo`'}
prevention:
  - kind: detect
    text: {zh: '以集群内客户端定期生产并消费一条消息', en: 'produce and consume a message regularly as a client inside the cluster'}
    acceptance: {zh: '公布错误地址的代理节点使该探测失败', en: 'a broker that advertises a wrong address makes this probe fail'}
sources:
  - 'kafka.apache.org/documentation/#brokerconfigs_advertised.listeners'
  - 'kafka clients NetworkClient.java: Connection to node {} ({}) could not be established; Cluster.bootstrap gives bootstrap addresses negative ids'
  - 'kafka-python kafka/conn.py: Connect attempt returned error; node_id=bootstrap-0 until metadata came'
  - 'librdkafka rdkafka_broker.c: a broker is named host:port/id, or host:port/bootstrap until its id is known'
versions: Kafka 0.9 to 4.x
examples:
  - name: 'the name of another environment'
    files:
      kafka.yaml: |
        apiVersion: apps/v1
        kind: StatefulSet
        metadata: {name: bus, namespace: prod, uid: u}
        spec:
          serviceName: bus-headless
          selector: {matchLabels: {app: bus}}
          template:
            metadata: {labels: {app: bus}}
            spec:
              containers:
              - name: kafka
                image: apache/kafka:3.7.1
                env:
                - {name: KAFKA_ADVERTISED_LISTENERS, value: 'PLAINTEXT://bus-$(ORDINAL).bus-headless.test.svc.cluster.local:9092'}
      pods.txt: |
        NAMESPACE   NAME                     READY   STATUS    RESTARTS   AGE
        prod        intake-7d4b9c5f6-xk2lp   1/1     Running   0          5d
        prod        bus-0                    1/1     Running   0          41m
      intake-7d4b9c5f6-xk2lp.log: |
        2026-03-01 10:00:00,000 WARN [NetworkClient] Error connecting to node bus-0.bus-headless.test.svc.cluster.local:9092 java.net.UnknownHostException: bus-0.bus-headless.test.svc.cluster.local
        2026-03-01 10:00:10,000 WARN [NetworkClient] Error connecting to node bus-0.bus-headless.test.svc.cluster.local:9092 java.net.UnknownHostException: bus-0.bus-headless.test.svc.cluster.local
        2026-03-01 10:00:20,000 ERROR send failed: java.net.UnknownHostException: bus-0.bus-headless.test.svc.cluster.local
    fires: [{kind: 'StatefulSet', namespace: 'prod', name: 'bus'}]
  - name: 'a headless Service that is not there'
    files:
      'services.json': '{"kind":"ServiceList","apiVersion":"v1","items":[{"metadata":{"name":"kafka","namespace":"w"},"spec":{"selector":{"app":"kafka"},"ports":[{"port":9092}]}}]}'
      'sts.json': '{"kind":"StatefulSetList","apiVersion":"apps/v1","items":[{"metadata":{"name":"kafka","namespace":"w"},"spec":{"template":{"metadata":{"labels":{"app":"kafka"}},"spec":{"containers":[{"name":"k","env":[{"name":"KAFKA_ADVERTISED_LISTENERS","value":"PLAINTEXT://$(POD_NAME).kafka-headless.w.svc.cluster.local:9092"}]}]}}}}]}'
    fires: [{kind: StatefulSet, namespace: w, name: kafka}]
  - name: 'a headless Service that is there'
    files:
      'services.json': '{"kind":"ServiceList","apiVersion":"v1","items":[{"metadata":{"name":"kafka-headless","namespace":"w"},"spec":{"clusterIP":"None","selector":{"app":"kafka"},"ports":[{"port":9092}]}}]}'
      'sts.json': '{"kind":"StatefulSetList","apiVersion":"apps/v1","items":[{"metadata":{"name":"kafka","namespace":"w"},"spec":{"template":{"metadata":{"labels":{"app":"kafka"}},"spec":{"containers":[{"name":"k","env":[{"name":"KAFKA_ADVERTISED_LISTENERS","value":"PLAINTEXT://$(POD_NAME).kafka-headless.w.svc.cluster.local:9092"}]}]}}}}]}'
  - name: 'a broker that advertises itself as localhost to other workloads'
    files:
      'services.json': '{"kind":"ServiceList","apiVersion":"v1","items":[{"metadata":{"name":"bus","namespace":"w"},"spec":{"clusterIP":"10.96.0.9","selector":{"app":"bus"},"ports":[{"port":9092}]}}]}'
      'sts.json': '{"kind":"StatefulSetList","apiVersion":"apps/v1","items":[{"metadata":{"name":"bus","namespace":"w"},"spec":{"template":{"metadata":{"labels":{"app":"bus"}},"spec":{"containers":[{"name":"k","env":[{"name":"KAFKA_CFG_ADVERTISED_LISTENERS","value":"PLAINTEXT://localhost:9092"}]}]}}}}]}'
      'deploy.json': '{"kind":"DeploymentList","apiVersion":"apps/v1","items":[{"metadata":{"name":"billing","namespace":"w"},"spec":{"template":{"metadata":{"labels":{"app":"billing"}},"spec":{"containers":[{"name":"b","env":[{"name":"BROKERS_ADDR","value":"bus:9092"}]}]}}}}]}'
    fires: [{kind: StatefulSet, namespace: w, name: bus}]
  - name: 'localhost beside an address for others'
    files:
      'services.json': '{"kind":"ServiceList","apiVersion":"v1","items":[{"metadata":{"name":"bus","namespace":"w"},"spec":{"clusterIP":"10.96.0.9","selector":{"app":"bus"},"ports":[{"port":9092}]}}]}'
      'sts.json': '{"kind":"StatefulSetList","apiVersion":"apps/v1","items":[{"metadata":{"name":"bus","namespace":"w"},"spec":{"template":{"metadata":{"labels":{"app":"bus"}},"spec":{"containers":[{"name":"k","env":[{"name":"KAFKA_CFG_ADVERTISED_LISTENERS","value":"PLAINTEXT://bus:9092,DEBUG://localhost:19092"}]}]}}}}]}'
      'deploy.json': '{"kind":"DeploymentList","apiVersion":"apps/v1","items":[{"metadata":{"name":"billing","namespace":"w"},"spec":{"template":{"metadata":{"labels":{"app":"billing"}},"spec":{"containers":[{"name":"b","env":[{"name":"BROKERS_ADDR","value":"bus:9092"}]}]}}}}]}'
  - name: 'clients are told to go on to themselves'
    files:
      'pods.txt': |
        NAMESPACE   NAME                       READY   STATUS    RESTARTS   AGE
        w           billing-57b96b46b7-zv4q2   1/1     Running   0          41m
        w           kafka-0                    1/1     Running   0          41m
      'svc.txt': |
        NAMESPACE   NAME    TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)    AGE
        w           kafka   ClusterIP   10.96.0.12   <none>        9092/TCP   41m
      'billing-57b96b46b7-zv4q2.log': |
        WARN [Producer clientId=p-1] Connection to node 1 (localhost/127.0.0.1:9092) could not be established. Broker may not be available.
        WARN [Producer clientId=p-1] Connection to node 1 (localhost/127.0.0.1:9092) could not be established. Broker may not be available.
        WARN [Producer clientId=p-1] Connection to node 1 (localhost/127.0.0.1:9092) could not be established. Broker may not be available.
    fires: [{kind: StatefulSet, namespace: w, name: kafka}]
  - name: 'a client that is itself set to localhost'
    files:
      'pods.txt': |
        NAMESPACE   NAME                       READY   STATUS    RESTARTS   AGE
        w           billing-57b96b46b7-zv4q2   1/1     Running   0          41m
        w           kafka-0                    1/1     Running   0          41m
      'svc.txt': |
        NAMESPACE   NAME    TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)    AGE
        w           kafka   ClusterIP   10.96.0.12   <none>        9092/TCP   41m
      'billing-57b96b46b7-zv4q2.log': |
        WARN [Producer clientId=p-1] Connection to node -1 (localhost/127.0.0.1:9092) could not be established. Broker may not be available.
        WARN [Producer clientId=p-1] Connection to node -1 (localhost/127.0.0.1:9092) could not be established. Broker may not be available.
        WARN [Producer clientId=p-1] Connection to node -1 (localhost/127.0.0.1:9092) could not be established. Broker may not be available.
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for reference in references(input.snapshot)
        .iter()
        .filter(|reference| is_advertised(&reference.key))
    {
        let Resolved::Missing { namespace, name } = reference.resolve(input.snapshot) else {
            continue;
        };
        if findings.iter().any(|finding| finding.subject == reference.workload) {
            continue;
        }
        let mut finding = Finding::new(rule, reference.workload.clone(), Confidence::Confirmed)
            .at(reference.path.clone())
            .cite(reference.cite.clone())
            .fact("key", reference.key.clone())
            .fact("value", reference.value.clone())
            .fact("host", reference.host.clone())
            .fact("missing", name.clone())
            .fact("namespace", namespace.clone());
        // Clients complain of the name that they were told.
        finding.impair(Subject::namespaced("Service", &namespace, &name));
        findings.push(finding);
    }
    for other in tell_loopback(input, rule).into_iter().chain(tell_unknown(input, rule)) {
        if !findings.iter().any(|finding| finding.subject == other.subject) {
            findings.push(other);
        }
    }
    if findings.is_empty() {
        findings.extend(told_loopback(input, rule));
    }
    findings
}

/// `advertised.listeners` as images take it from the environment: `KAFKA_ADVERTISED_LISTENERS`, `KAFKA_CFG_ADVERTISED_LISTENERS`.
fn is_advertised(key: &str) -> bool {
    let key = key.to_ascii_uppercase().replace('.', "_");
    key.contains("ADVERTISED_LISTENER") || key.contains("ADVERTISED_HOST")
}

/// Brokers that advertise nothing but the loopback address while other workloads call them.
fn tell_loopback(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings: Vec<Finding> = Vec::new();
    for setting in settings(snapshot).filter(|setting| is_loopback(setting.value)) {
        let broker = setting.broker.subject();
        let clients = callers_of(snapshot, &broker);
        if clients.is_empty() || findings.iter().any(|finding| finding.subject == broker) {
            continue;
        }
        let peer = Peer::parse(setting.value, None);
        let mut finding = setting.finding(rule).fact("host", peer.host.clone());
        for client in clients.into_iter().chain(callers_of_themselves(snapshot, peer.port)) {
            finding.add_affected(client);
        }
        findings.push(finding);
    }
    findings
}

/// What a broker's container is told to advertise.
struct Advertised<'s> {
    broker: &'s Object,
    container: usize,
    at: usize,
    key: &'s str,
    value: &'s str,
}

impl Advertised<'_> {
    fn finding(&self, rule: &RuleHeader) -> Finding {
        let (container, at) = (self.container, self.at);
        let pointer = format!("/spec/template/spec/containers/{container}/env/{at}/value");
        Finding::new(rule, self.broker.subject(), Confidence::Confirmed)
            .at(format!("spec.template.spec.containers[{container}].env[{at}]"))
            .cite(self.broker.cite_at(&pointer))
            .fact("key", self.key)
            .fact("value", self.value)
            .fact("missing", "")
            .fact("namespace", self.broker.key.namespace.clone())
    }

    /// True when one of the listeners is this host; what the container's environment fills in may be anything.
    fn names(&self, host: &str) -> bool {
        self.value.split(',').any(|listener| {
            let named = listener.trim().split("://").last().unwrap_or_default();
            let named = named.rsplit_once(':').map_or(named, |(name, _)| name);
            match named
                .split_once("$(")
                .and_then(|(head, rest)| Some((head, rest.split_once(')')?.1)))
            {
                Some((head, tail)) => !tail.is_empty() && host.starts_with(head) && host.ends_with(tail),
                None => host == named,
            }
        })
    }
}

/// Every setting of this kind in the environment of a workload's containers.
fn settings(snapshot: &Snapshot) -> impl Iterator<Item = Advertised<'_>> {
    let workloads = ["StatefulSet", "Deployment"]
        .into_iter()
        .flat_map(|kind| snapshot.kind(kind));
    workloads.flat_map(|broker| {
        let containers = broker.list("/spec/template/spec/containers").iter().enumerate();
        containers.flat_map(move |(container, value)| {
            let env = value.get("env").and_then(Value::as_array);
            env.into_iter().flatten().enumerate().filter_map(move |(at, variable)| {
                let text = |key: &str| variable.get(key).and_then(Value::as_str).unwrap_or("");
                let (key, value) = (text("name"), text("value"));
                is_advertised(key).then_some(Advertised {
                    broker,
                    container,
                    at,
                    key,
                    value,
                })
            })
        })
    })
}

/// Brokers that advertise a name which their clients, and they themselves, cannot resolve, and which stands for nothing that was collected.
fn tell_unknown(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let is_unresolved = |signature: &str| signature.starts_with("app-upstream-unresolved/");
    let mut findings: Vec<Finding> = Vec::new();
    let settings: Vec<Advertised<'_>> = settings(snapshot).collect();
    if settings.is_empty() {
        return findings;
    }
    for complaint in complaints(snapshot, &is_unresolved, &of_clients()) {
        let peer = complaint.peer();
        let namespace = &complaint.speaker.workload.namespace;
        if peer.host.is_empty() || !objects_of(snapshot, namespace, &peer).is_empty() {
            continue;
        }
        let Some(setting) = settings.iter().find(|setting| setting.names(&peer.host)) else {
            continue;
        };
        let broker = setting.broker.subject();
        let known = findings.iter().position(|finding| finding.subject == broker);
        let index = known.unwrap_or_else(|| {
            let finding = setting.finding(rule).fact("host", peer.host.clone());
            findings.push(finding.fact("unresolved", true));
            findings.len() - 1
        });
        if let Some(finding) = findings.get_mut(index) {
            if finding.evidence.len() < CITATIONS {
                finding.add_cite(complaint.cite.clone());
            }
            finding.impair(broker);
            finding.add_affected(complaint.speaker.workload.clone());
        }
    }
    findings
}

/// At most so many citations for one finding.
const CITATIONS: usize = 4;

/// True when none of the listeners that a value advertises is for anybody but the broker's own pod.
fn is_loopback(value: &str) -> bool {
    value
        .split(',')
        .all(|listener| Peer::parse(listener.trim(), None).is_local())
}

/// The workloads whose settings name a Service that the broker is behind.
fn callers_of(snapshot: &Snapshot, broker: &Subject) -> BTreeSet<Subject> {
    references(snapshot)
        .iter()
        .filter(|reference| reference.workload != *broker)
        .filter(|reference| match reference.resolve(snapshot) {
            Resolved::Service(service) => behind(snapshot, &service.key.namespace, &service.key.name).contains(broker),
            _ => false,
        })
        .map(|reference| reference.workload.clone())
        .collect()
}

/// The workloads that fail to connect to themselves on this port. Many client libraries say it in words that name no broker.
fn callers_of_themselves(snapshot: &Snapshot, port: Option<u16>) -> BTreeSet<Subject> {
    complaints(snapshot, &is_out_of_reach, &of_clients())
        .into_iter()
        .filter(|complaint| port.is_some() && complaint.peer().is_local() && complaint.peer().port == port)
        .map(|complaint| complaint.speaker.workload)
        .collect()
}

/// A client that is sent to itself by the broker: the library writes the id of a broker that it can only have from the metadata. At
/// whatever level it says so, the client will never get through.
fn told_loopback(input: &Input<'_>, rule: &RuleHeader) -> Option<Finding> {
    let snapshot = input.snapshot;
    let mut told: Vec<(Subject, &LogFile, &LineHit)> = Vec::new();
    for log in &snapshot.logs {
        for hit in log
            .hits
            .iter()
            .filter(|hit| hit.signature.starts_with("kafka-advertised-listeners-wrong/"))
        {
            if let Some(speaker) = of_log(snapshot, log) {
                told.push((speaker.workload, log, hit));
            }
        }
    }
    let times: u64 = told.iter().map(|(_, _, hit)| hit.count).sum();
    let (client, log, hit) = told.first().filter(|_| times >= AGAIN)?;
    let broker = broker_of(snapshot, client)?;
    let peer = Peer::parse(hit.captures.get("peer")?, None);
    let cite = Citation::line(&snapshot.bundle.alias, &log.path, hit.line, &hit.text).at(snapshot.time_of(&hit.text));
    let mut finding = Finding::new(rule, broker, Confidence::Probable)
        .at("advertised.listeners")
        .cite(cite)
        .fact("key", "advertised.listeners")
        .fact("value", peer.shown())
        .fact("host", peer.host.clone())
        .fact("missing", "")
        .fact("namespace", client.namespace.clone());
    let clients = told.iter().map(|(client, ..)| client.clone());
    for client in clients.chain(callers_of_themselves(snapshot, peer.port)) {
        finding.add_affected(client);
    }
    Some(finding)
}

/// Lines that are no accident of a moment.
const AGAIN: u64 = 3;

/// The broker that a client's settings name, else the only one of the bundle.
fn broker_of(snapshot: &Snapshot, client: &Subject) -> Option<Subject> {
    let brokers: BTreeSet<Subject> = snapshot
        .pods()
        .map(|pod| pod.namespace())
        .collect::<BTreeSet<&str>>()
        .into_iter()
        .flat_map(|namespace| stores_of(snapshot, namespace, technology("kafka")))
        .filter(|broker| broker != client)
        .collect();
    let called = dependencies(snapshot, client);
    let mut named = brokers.iter().filter(|broker| called.contains(broker));
    match (named.next(), named.next(), brokers.len()) {
        (Some(only), None, _) => Some(only.clone()),
        (None, _, 1) => brokers.first().cloned(),
        _ => None,
    }
}

//! A Kafka broker tells its clients an address that they cannot reach.

use std::collections::BTreeSet;

use crate::model::{Confidence, Subject};
use crate::rules::toolbox::calls::{is_out_of_reach, of_clients};
use crate::rules::toolbox::complaints::complaints;
use crate::rules::toolbox::references::{Resolved, references};
use crate::rules::toolbox::speakers::{stores_of, technology};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: kafka-advertised-listeners-wrong
role: cause
level: critical
needs: [services]
check:
  zh: 'Kafka 对外公布的监听地址是否存在'
  en: 'whether the listeners that Kafka advertises exist'
title:
  zh: '{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}：{{ key }} 公布的 {{ host }} {% if missing %}没有对应的 Service {{ missing }}{% else %}是客户端自己的回环地址{% endif %}'
  en: '{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}: {{ key }} advertises {{ host }}, {% if missing %}for which there is no Service {{ missing }}{% else %}which is the clients'' own loopback address{% endif %}'
cause:
  zh: '客户端先连上引导地址，再改连元数据里公布的地址；{{ key }} 的值是 {{ value }}，{% if missing %}而命名空间 {{ namespace }} 没有 Service {{ missing }}，所以引导成功之后所有读写都解析不了主机名。{% else %}客户端于是连接自己，被拒绝。{% endif %}'
  en: 'clients first connect to the bootstrap address and then to what the metadata advertise; {{ key }} is {{ value }}, {% if missing %}and namespace {{ namespace }} has no Service {{ missing }}, so after the bootstrap no read or write finds its host.{% else %}so clients connect to themselves and are refused.{% endif %}'
causes:
  - rule: app-database-unreachable
    ground: workload
    mechanism: {zh: '客户端改连公布的地址而失败', en: 'clients go on to the advertised address, and fail'}
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
    rollback: {zh: 'kubectl rollout undo', en: 'kubectl rollout undo'}
prevention:
  - kind: detect
    text: {zh: '以集群内客户端定期生产并消费一条消息', en: 'produce and consume a message regularly as a client inside the cluster'}
    acceptance: {zh: '公布错误地址的代理节点使该探测失败', en: 'a broker that advertises a wrong address makes this probe fail'}
sources: ['kafka.apache.org/documentation/#brokerconfigs_advertised.listeners']
versions: Kafka 0.9 to 4.x
examples:
  - name: 'a headless Service that is not there'
    files:
      'services.json': '{"kind":"ServiceList","apiVersion":"v1","items":[{"metadata":{"name":"kafka","namespace":"w"},"spec":{"selector":{"app":"kafka"},"ports":[{"port":9092}]}}]}'
      'sts.json': '{"kind":"StatefulSetList","apiVersion":"apps/v1","items":[{"metadata":{"name":"kafka","namespace":"w"},"spec":{"template":{"metadata":{"labels":{"app":"kafka"}},"spec":{"containers":[{"name":"k","env":[{"name":"KAFKA_ADVERTISED_LISTENERS","value":"PLAINTEXT://$(POD_NAME).kafka-headless.w.svc.cluster.local:9092"}]}]}}}}]}'
    fires: [{kind: StatefulSet, namespace: w, name: kafka}]
  - name: 'a headless Service that is there'
    files:
      'services.json': '{"kind":"ServiceList","apiVersion":"v1","items":[{"metadata":{"name":"kafka-headless","namespace":"w"},"spec":{"clusterIP":"None","selector":{"app":"kafka"},"ports":[{"port":9092}]}}]}'
      'sts.json': '{"kind":"StatefulSetList","apiVersion":"apps/v1","items":[{"metadata":{"name":"kafka","namespace":"w"},"spec":{"template":{"metadata":{"labels":{"app":"kafka"}},"spec":{"containers":[{"name":"k","env":[{"name":"KAFKA_ADVERTISED_LISTENERS","value":"PLAINTEXT://$(POD_NAME).kafka-headless.w.svc.cluster.local:9092"}]}]}}}}]}'
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for reference in references(input.snapshot).iter() {
        let key = reference.key.to_ascii_uppercase().replace('.', "_");
        if !key.contains("ADVERTISED_LISTENER") && !key.contains("ADVERTISED_HOST") {
            continue;
        }
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
    if findings.is_empty() {
        findings.extend(told_localhost(input, rule));
    }
    findings
}

/// A client that is told by the broker to connect to itself: the address came with the metadata, and not from its settings.
fn told_localhost(input: &Input<'_>, rule: &RuleHeader) -> Option<Finding> {
    let snapshot = input.snapshot;
    let is_kafkas = |id: &str| {
        ["kafka-java", "librdkafka"]
            .iter()
            .any(|signature| id == format!("app-database-unreachable/{signature}"))
    };
    let brokers: BTreeSet<Subject> = snapshot
        .pods()
        .map(|pod| pod.namespace())
        .collect::<BTreeSet<&str>>()
        .into_iter()
        .flat_map(|namespace| stores_of(snapshot, namespace, technology("kafka")))
        .collect();
    let mut brokers = brokers.into_iter();
    let (Some(broker), None) = (brokers.next(), brokers.next()) else {
        return None;
    };
    let told: Vec<_> = complaints(snapshot, &is_kafkas, &of_clients())
        .into_iter()
        .filter(|complaint| complaint.peer().is_local() && complaint.speaker.workload != broker)
        .collect();
    let complaint = told.first()?;
    let mut finding = Finding::new(rule, broker, Confidence::Probable)
        .at("advertised.listeners")
        .cite(complaint.cite.clone())
        .fact("key", "advertised.listeners")
        .fact("value", complaint.peer().shown())
        .fact("host", complaint.peer().host)
        .fact("missing", "")
        .fact("namespace", complaint.speaker.workload.namespace.clone());
    for complaint in &told {
        finding.add_affected(complaint.speaker.workload.clone());
    }
    // Other client libraries say it in words that name no broker; the port tells.
    let port = complaint.peer().port;
    for other in complaints(snapshot, &is_out_of_reach, &of_clients()) {
        if other.peer().is_local() && other.peer().port == port && port.is_some() {
            finding.add_affected(other.speaker.workload.clone());
        }
    }
    Some(finding)
}

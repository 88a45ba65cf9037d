//! A RocketMQ broker tells its clients an address that nothing in the cluster has.

use std::collections::BTreeSet;

use crate::cluster::{Object, Snapshot};
use crate::model::{Confidence, Subject, escaped};
use crate::rules::toolbox::complaints::WORKLOADS;
use crate::rules::toolbox::speakers::of_log;
use crate::rules::toolbox::uses::uses;
use crate::rules::toolbox::{add_hit, own_hits};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: rocketmq-broker-address-wrong
role: cause
level: critical
needs: [configmaps]
text:
  - id: failed
    in: [container-log, other, status]
    pattern: 'Remoting(?:Connect|Timeout|SendRequest)Exception: [ -~]{0,40}?(?:connect to|wait response on the channel|send request to) <?(?P<address>\d+\.\d+\.\d+\.\d+):(?P<port>\d{2,5})>?'
  - id: client
    in: [container-log, other]
    pattern: '(?:MQClientException: Send \[\d+\] times, still failed|closeChannel: close the connection to remote address\[(?P<address>\d+\.\d+\.\d+\.\d+):(?P<port>\d{2,5})\])'
check: {zh: "RocketMQ broker 公布的地址是否存在", en: "whether the address that a RocketMQ broker tells its clients exists"}
title:
  zh: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}：brokerIP1 为 {{ address }}，集群中没有这个地址"
  en: "{{ subject.kind|raw }} {{ subject.namespace }}/{{ subject.name }}: brokerIP1 is {{ address }}, an address that nothing here has"
cause:
  zh: "broker 以 brokerIP1 向 NameServer 登记，客户端按登记的地址连接；{{ address }} 既不是现有的 Pod，也不是节点或 Service 的地址，所以生产与消费都超时或连接失败。"
  en: "the broker registers brokerIP1 at the name server and clients connect to what is registered; {{ address }} is no pod's, node's or Service's address, so whoever sends or reads runs into time-outs or failed connections."
questions:
  - {zh: "这个地址以前属于哪个节点或 Pod，何时不在了？", en: "which node or pod had this address before, and since when is it gone?"}
causes:
  - {rule: 'app-upstream-refused', ground: workload, mechanism: {zh: "客户端连接 broker 公布的地址而失败", en: "clients fail at the address that the broker tells"}}
  - {rule: 'app-database-unreachable', ground: workload, mechanism: {zh: "客户端连接 broker 公布的地址而失败", en: "clients fail at the address that the broker tells"}}
  - {rule: 'app-bug', ground: workload, mechanism: {zh: "消息发送失败", en: "messages cannot be sent"}}
  - {rule: 'peer-unresponsive', ground: workload, mechanism: {zh: "broker 在公布的地址上没有应答", en: "the broker does not answer at the address that it tells"}}
benign:
  - {zh: "brokerIP1 是集群外的负载均衡地址，而客户端能连上", en: "brokerIP1 is that of a load balancer outside of the cluster, and clients get through"}
remedy:
  - purpose: {zh: "查看登记的地址与现有的地址", en: "compare what is registered with what exists"}
    place: cluster
    risk: read-only
    command: |
      kubectl -n {{ subject.namespace }} get pods -o wide
      kubectl get nodes -o wide
    expect: {zh: "没有 {{ address }}", en: "{{ address }} is not there"}
    verify: {zh: "与本报告一致", en: "it agrees with this report"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "把 brokerIP1 改为客户端可达的地址（或删去，使用 Pod 的地址）并重启 broker", en: "set brokerIP1 to an address that clients reach (or remove it, for the pod's own) and restart the broker"}
    place: cluster
    risk: change
    command: 'kubectl -n {{ subject.namespace }} edit {{ subject.kind|lower }} {{ subject.name }}'
    expect: {zh: "已修改", en: "edited"}
    verify: {zh: "`mqadmin clusterList` 显示新的地址，发送成功", en: "`mqadmin clusterList` shows the new address and messages are sent"}
    rollback: {zh: "写回原来的值", en: "put the former value back"}
prevention:
  - kind: prevent
    text: {zh: "brokerIP1 用 Pod 的地址（downward API）或稳定的 Service 地址，不写死节点地址", en: "take brokerIP1 from the pod's address (downward API) or a Service that stays, and not from a node"}
    acceptance: {zh: "broker 换节点后客户端仍能发送", en: "clients still send after the broker has moved to another node"}
sources: ["apache/rocketmq BrokerConfig.java: brokerIP1", "apache/rocketmq remoting RemotingConnectException.java: `connect to <addr> failed`", "apache/rocketmq client DefaultMQProducerImpl.java: `Send [%d] times, still failed`"]
versions: "RocketMQ 4.0 to 5.3"
examples:
  - name: "the address of a node that is gone"
    files:
      conf.yaml: |
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: broker-conf, namespace: mq, uid: u}
        data:
          broker.conf: |
            brokerName=broker-a
            brokerIP1=10.9.8.31
            listenPort=10911
      pods.txt: |
        NAMESPACE   NAME                     READY   STATUS    RESTARTS   AGE   IP           NODE
        mq          broker-a-0               1/1     Running   0          5d    10.42.1.8    n2
        shop        intake-7d4b9c5f6-xk2lp   1/1     Running   0          5d    10.42.1.9    n2
      intake-7d4b9c5f6-xk2lp.log: |
        2026-03-01 10:00:00,000 WARN org.apache.rocketmq.remoting.exception.RemotingConnectException: connect to 10.9.8.31:10911 failed
        2026-03-01 10:00:10,000 ERROR send failed: org.apache.rocketmq.remoting.exception.RemotingConnectException: connect to 10.9.8.31:10911 failed
    fires: [{kind: ConfigMap, namespace: mq, name: broker-conf}]
  - name: "the broker's own pod"
    files:
      conf.yaml: |
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: broker-conf, namespace: mq, uid: u}
        data:
          broker.conf: |
            brokerName=broker-a
            brokerIP1=10.42.1.8
      pods.txt: |
        NAMESPACE   NAME         READY   STATUS    RESTARTS   AGE   IP           NODE
        mq          broker-a-0   1/1     Running   0          5d    10.42.1.8    n2
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let hits = own_hits(input, rule);
    let mut findings = Vec::new();
    if hits.is_empty() {
        return findings;
    }
    for map in snapshot.kind("ConfigMap") {
        let data = map.get("/data").and_then(|data| data.as_object()).into_iter().flatten();
        for (key, text) in data.filter_map(|(key, value)| Some((key, value.as_str()?))) {
            let Some(address) = told(text).filter(|address| !exists(snapshot, address)) else {
                continue;
            };
            let named = hits
                .iter()
                .filter(|hit| hit.captures.get("address").map(String::as_str) == Some(address));
            let named: Vec<_> = named.collect();
            if named.is_empty() {
                continue;
            }
            let mut finding = Finding::new(rule, map.subject(), Confidence::Confirmed)
                .at(format!("data[{key}]"))
                .cite(map.cite_at(&format!("/data/{}", escaped(key))))
                .fact("address", address);
            finding.count = 0;
            for hit in named {
                add_hit(input, &mut finding, hit);
                finding.add_affected(snapshot.top_owner_of(&hit.about.object));
            }
            for speaker in clients(snapshot, rule) {
                finding.touches.extend(crate::rules::Touch::of(&speaker));
                finding.add_affected(speaker);
            }
            for broker in brokers(snapshot, map) {
                finding.impair(broker);
            }
            findings.push(finding);
        }
    }
    findings
}

/// `brokerIP1 = 10.0.0.5` of `broker.conf`.
fn told(text: &str) -> Option<&str> {
    text.lines().find_map(|line| {
        let (key, value) = line.split_once('=')?;
        let value = value.trim();
        (key.trim() == "brokerIP1" && value.parse::<std::net::IpAddr>().is_ok()).then_some(value)
    })
}

/// True where a pod, a node or a Service has the address.
fn exists(snapshot: &Snapshot, address: &str) -> bool {
    let of_pod = |object: &Object| [object.text("/status/podIP"), object.text("/status/hostIP")].contains(&address);
    let of_node = |node: &Object| {
        let mut known = node.list("/status/addresses").iter();
        known.any(|known| known.get("address").and_then(|known| known.as_str()) == Some(address))
    };
    snapshot.kind("Pod").any(of_pod)
        || snapshot.kind("Node").any(of_node)
        || snapshot
            .kind("Service")
            .any(|service| service.text("/spec/clusterIP") == address)
}

/// Workloads whose logs say that they do not get through.
fn clients(snapshot: &Snapshot, rule: &RuleHeader) -> BTreeSet<Subject> {
    let own = format!("{}/", rule.id);
    let logs = snapshot
        .logs
        .iter()
        .filter(|log| log.hits.iter().any(|hit| hit.signature.starts_with(&own)));
    logs.filter_map(|log| Some(of_log(snapshot, log)?.workload)).collect()
}

/// The workloads of its namespace that use the settings.
fn brokers(snapshot: &Snapshot, map: &Object) -> Vec<Subject> {
    let workloads = WORKLOADS.iter().flat_map(|kind| snapshot.kind(kind));
    let near = workloads.filter(|object| object.key.namespace == map.key.namespace);
    let takes = |subject: &Subject| {
        uses(snapshot, subject)
            .iter()
            .any(|used| used.kind == "ConfigMap" && used.name == map.key.name)
    };
    near.map(Object::subject).filter(takes).collect()
}

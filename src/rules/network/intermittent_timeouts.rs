//! Clients run into time-outs with Services that have ready endpoints.

use std::collections::BTreeMap;

use crate::model::{Confidence, Subject};
use crate::rules::toolbox::calls::{is_out_of_reach, of_clients};
use crate::rules::toolbox::complaints::complaints;
use crate::rules::toolbox::peers::objects_of;
use crate::rules::toolbox::services::answering;
use crate::rules::{Finding, Input, RuleHeader, Touch};

pub(in crate::rules) const RULE: &str = r##"
id: intermittent-timeouts
role: factor
level: warning
needs: [services, container-logs]
check:
  zh: 端点就绪的 Service 是否仍让客户端超时
  en: whether clients run into time-outs with Services that are ready
title:
  zh: "访问 Service {{ subject.namespace }}/{{ subject.name }} 时有超时（{{ times }} 次，来自 {{ clients|join('、') }}），而它有 {{ ready }} 个就绪端点"
  en: "calls of Service {{ subject.namespace }}/{{ subject.name }} time out ({{ times|times }}, from {{ clients|join(', ') }}) although it has {{ ready }} ready endpoints"
cause:
  zh: "端点就绪而连接超时，说明问题在路径上：连接跟踪表满、DNS 查询竞争、MTU、邻居表溢出或链路延迟。时有时无的超时多半只影响一部分节点或一部分后端。"
  en: "with endpoints ready, a time-out is a matter of the way: a full table of connection tracking, the race of DNS queries, MTU, a full neighbour table, or a slow link. Time-outs that come and go mostly concern some nodes, or some of the endpoints, only."
causes:
  - rule: probe-failing
    ground: node
    mechanism: {zh: "同样的超时使探针失败", en: "the same time-outs fail probes"}
benign:
  - {zh: "对端在超时的那一刻正在重启", en: "the peer was restarting at that moment"}
  - {zh: "客户端的超时设置短于对端的正常响应时间", en: "the client waits for less than the peer normally takes"}
remedy:
  - purpose: {zh: "比较各节点的丢包与连接跟踪计数", en: "compare drops and connection tracking between nodes"}
    place: node
    risk: read-only
    command: |
      conntrack -S
      ip -s link
      nstat -az TcpRetransSegs
    expect: {zh: "某个节点的计数明显更高", en: "one node counts far more"}
    verify: {zh: "已知是哪个节点或哪个后端", en: "the node or endpoint is known"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
prevention:
  - kind: detect
    text: {zh: "按客户端节点统计超时率", en: "count time-outs by the client's node"}
    acceptance: {zh: "一个节点的超时率升高时收到告警", en: "a rise on one node raises the alert"}
sources: ["kubernetes.io/docs/tasks/debug/debug-application/debug-service"]
versions: "any"
examples:
  - name: "the peer is ready"
    files:
      "svc.txt": |
        NAMESPACE   NAME             TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)    AGE
        shop        service/orders   ClusterIP   10.96.0.12   <none>        8080/TCP   41m
      "ep.txt": |
        NAMESPACE   NAME               ENDPOINTS        AGE
        shop        endpoints/orders   10.42.0.9:8080   41m
      "pods.txt": |
        NAMESPACE   NAME                       READY   STATUS             RESTARTS   AGE
        shop        web-57b96b46b7-zv4q2       0/1     CrashLoopBackOff   7          41m
      "shop/web-57b96b46b7-zv4q2/app.log": "panic: dial tcp 10.96.0.12:8080: i/o timeout\n"
    fires: [{kind: "Service", namespace: "shop", name: "orders"}]
  - name: "nobody is behind it"
    files:
      "svc.txt": |
        NAMESPACE   NAME             TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)    AGE
        shop        service/orders   ClusterIP   10.96.0.12   <none>        8080/TCP   41m
      "ep.txt": |
        NAMESPACE   NAME               ENDPOINTS        AGE
        shop        endpoints/orders   <none>           41m
      "pods.txt": |
        NAMESPACE   NAME                       READY   STATUS             RESTARTS   AGE
        shop        web-57b96b46b7-zv4q2       0/1     CrashLoopBackOff   7          41m
      "shop/web-57b96b46b7-zv4q2/app.log": "panic: dial tcp 10.96.0.12:8080: i/o timeout\n"
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings: BTreeMap<Subject, (Finding, Vec<String>)> = BTreeMap::new();
    for complaint in complaints(snapshot, &is_out_of_reach, &of_clients()) {
        let is_silence = complaint.line.contains("timeout") || complaint.line.contains("timed out");
        let client = complaint.speaker.workload.clone();
        let called = objects_of(snapshot, &client.namespace, &complaint.peer());
        let service = called
            .iter()
            .find(|object| object.kind == "Service")
            .and_then(|object| snapshot.object("Service", &object.namespace, &object.name));
        let Some(service) = service.filter(|_| is_silence) else {
            continue;
        };
        let Some(answering) = answering(snapshot, service).filter(|answering| answering.ready > 0) else {
            continue;
        };
        let (finding, clients) = findings.entry(service.subject()).or_insert_with(|| {
            let mut finding = Finding::new(rule, service.subject(), Confidence::Possible)
                .fact("ready", answering.ready)
                .cite(complaint.cite.clone())
                .cite(answering.cite);
            finding.count = 0;
            (finding, Vec::new())
        });
        finding.count += complaint.count;
        finding.add_cite(complaint.cite.clone());
        finding.touches.extend(Touch::of(&client));
        if let Some(pod) = complaint.speaker.pod
            && !pod.node().is_empty()
        {
            finding
                .touches
                .insert(Touch::new(crate::rules::Ground::Node, pod.node()));
        }
        if !clients.contains(&client.name) {
            clients.push(client.name);
        }
    }
    findings
        .into_values()
        .map(|(finding, clients)| {
            let times = finding.count;
            finding.fact("clients", clients).fact("times", times)
        })
        .collect()
}

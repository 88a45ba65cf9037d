//! A program listens on the loopback address only, so nothing outside its pod reaches it.

use std::cell::LazyCell;

use crate::cluster::{Event, Object, Snapshot};
use crate::logs::clean_line;
use crate::model::{Citation, Confidence, Subject};
use crate::rules::toolbox::calls::{Call, calls, of_clients};
use crate::rules::toolbox::complaints::{Complaint, complaints};
use crate::rules::toolbox::peers::{behind, objects_of};
use crate::rules::toolbox::services::{Target, ports};
use crate::rules::toolbox::speakers::of_log;
use crate::rules::toolbox::workload_touches;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: app-listens-on-localhost
role: cause
level: critical
needs: [container-logs]
text:
  - id: dotnet
    in: [container-log]
    pattern: 'Now listening on: https?://(?P<host>localhost|127\.0\.0\.1|\[::1\]):(?P<port>\d+)'
  - id: words
    in: [container-log]
    pattern: '(?i)(?:listening|running|started|serving|server|bound|available)[^\n]{0,40}(?:https?://|tcp://|[ =:"])(?P<host>localhost|127\.0\.0\.1|\[::1\]):(?P<port>\d+)'
    unless: '(?i)connect|dial|refused|upstream|proxy_pass|metrics|pprof|debug|admin|health'
check:
  zh: '被别的工作负载调用的程序是否只监听回环地址'
  en: 'whether a program that others call listens on the loopback address only'
title:
  zh: '{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}：程序只监听 {{ host }}:{{ port }}，Pod 之外无法连接'
  en: '{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}: the program listens on {{ host }}:{{ port }} only, so nothing outside the pod can connect'
cause:
  zh: '日志写着 {{ said }}：回环地址只在 Pod 内可达；Service、探针与其他 Pod 连接 Pod 的地址时被拒绝，而在容器内测试却是成功的。'
  en: 'its log says {{ said }}: the loopback address is reachable within the pod only; Services, probes and other pods connect to the pod''s own address and are refused, while a test inside the container succeeds.'
causes:
  - rule: readiness-probe-failing
    ground: workload
    mechanism: {zh: 'kubelet 连接 Pod 地址被拒绝', en: 'the kubelet is refused at the pod''s address'}
  - rule: liveness-probe-failing
    ground: workload
    mechanism: {zh: 'kubelet 连接 Pod 地址被拒绝', en: 'the kubelet is refused at the pod''s address'}
benign:
  - zh: '只供同一 Pod 内的边车访问的端口可以只监听回环地址'
    en: 'a port for a sidecar of the same pod may well be on the loopback address only'
remedy:
  - purpose: {zh: '查看程序的启动日志', en: 'look at what the program logs at its start'}
    place: cluster
    risk: read-only
    command: 'kubectl {% if subject.namespace %}-n {{ subject.namespace }} {% endif %}logs {{ subject.kind|lower }}/{{ subject.name }} | head -50'
    expect: {zh: '出现 {{ said }}', en: 'it shows {{ said }}'}
    verify: {zh: '与本报告引用的行一致', en: 'it agrees with the line quoted here'}
    rollback: {zh: '只读，无需回滚', en: 'read-only'}
  - purpose: {zh: '让程序监听 0.0.0.0（或 ::），然后滚动重启', en: 'let the program listen on 0.0.0.0 (or ::), then restart'}
    place: cluster
    risk: change
    command: 'kubectl {% if subject.namespace %}-n {{ subject.namespace }} {% endif %}edit {{ subject.kind|lower }}/{{ subject.name }}'
    expect: {zh: '保存后触发滚动更新', en: 'a rollout starts when it is saved'}
    verify: {zh: '从另一个 Pod 连接成功', en: 'a connection from another pod succeeds'}
    rollback: {zh: '恢复修改前的值', en: 'put the former value back'}
prevention:
  - kind: prevent
    text: {zh: '在流水线中从容器之外访问一次服务', en: 'call the service from outside its container once in the pipeline'}
    acceptance: {zh: '只监听回环地址的版本在流水线中失败', en: 'a release that listens on the loopback address only fails there'}
sources: ['ip(7) INADDR_LOOPBACK', 'aspnetcore Kestrel: Now listening on']
versions: any
examples:
  - name: 'callers are refused'
    files:
      'svc.txt': |
        NAMESPACE   NAME    TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)    AGE
        shop        rates   ClusterIP   10.96.0.12   <none>        8080/TCP   41m
      'pods.txt': |
        NAMESPACE   NAME                       READY   STATUS    RESTARTS   AGE
        shop        web-57b96b46b7-zv4q2       1/1     Running   0          41m
        shop        rates-6bdf8c9d7-jd5lx      1/1     Running   0          41m
      'rates-6bdf8c9d7-jd5lx.log': |
        Now listening on: http://localhost:8080
      'web-57b96b46b7-zv4q2.log': |
        ERROR quote: dial tcp 10.96.0.12:8080: connect: connection refused
        ERROR quote: dial tcp 10.96.0.12:8080: connect: connection refused
    fires: [{kind: Deployment, namespace: shop, name: rates}]
  - name: 'nobody is refused'
    files:
      'svc.txt': |
        NAMESPACE   NAME    TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)    AGE
        shop        rates   ClusterIP   10.96.0.12   <none>        8080/TCP   41m
      'pods.txt': |
        NAMESPACE   NAME                       READY   STATUS    RESTARTS   AGE
        shop        rates-6bdf8c9d7-jd5lx      1/1     Running   0          41m
      'rates-6bdf8c9d7-jd5lx.log': |
        Now listening on: http://localhost:8080
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let own = format!("{}/", rule.id);
    let mut findings: Vec<Finding> = Vec::new();
    // Gathered only if some program listens so, and then once.
    let callers = LazyCell::new(|| Callers {
        calls: calls(snapshot).into_iter().filter(|call| call.fails).collect(),
        complaints: complaints(snapshot, &|id| id.starts_with("app-upstream-refused/"), &of_clients()),
    });
    for log in &snapshot.logs {
        let mut hits = log.hits.iter().filter(|hit| hit.signature.starts_with(&own));
        let (Some(hit), Some(speaker)) = (hits.next(), of_log(snapshot, log)) else {
            continue;
        };
        if findings.iter().any(|known| known.subject == speaker.workload) {
            continue;
        }
        let port: Option<i64> = hit.captures.get("port").and_then(|port| port.parse().ok());
        let Some(cite) = refusal(snapshot, &callers, &speaker.workload, port) else {
            continue;
        };
        let said: String = clean_line(&hit.text).trim().chars().take(160).collect();
        let line = Citation::line(&snapshot.bundle.alias, &log.path, hit.line, &hit.text);
        let mut finding = Finding::new(rule, speaker.workload.clone(), Confidence::Probable)
            .cite(line)
            .cite(cite)
            .fact("host", hit.captures.get("host").cloned().unwrap_or_default())
            .fact("port", port)
            .fact("said", said);
        if !speaker.pod_name.is_empty() {
            let pod = Subject::namespaced("Pod", &speaker.workload.namespace, &speaker.pod_name);
            finding.touches.extend(workload_touches(snapshot, &pod));
        }
        findings.push(finding);
    }
    findings
}

/// Who says that it is refused somewhere.
struct Callers<'s> {
    /// At a Service.
    calls: Vec<Call<'s>>,
    /// At whatever peer.
    complaints: Vec<Complaint<'s>>,
}

/// What shows that somebody is refused there: a caller's own words, or the kubelet's of a probe.
fn refusal(snapshot: &Snapshot, callers: &Callers<'_>, workload: &Subject, port: Option<i64>) -> Option<Citation> {
    let leads_here = |service: &Object| {
        ports(service).iter().any(|offer| match offer.target {
            Some(Target::Number(number)) => Some(number) == port,
            Some(Target::Name(_)) => true,
            None => Some(offer.port) == port || port.is_none(),
        })
    };
    let called = callers.calls.iter().find(|call| {
        leads_here(call.service)
            && behind(snapshot, &call.service.key.namespace, &call.service.key.name).contains(workload)
    });
    if let Some(call) = called {
        return Some(call.cite.clone());
    }
    let by_name = callers.complaints.iter().find(|complaint| {
        objects_of(
            snapshot,
            &complaint.speaker.workload.namespace,
            &complaint.peer_within(snapshot),
        )
        .contains(workload)
    });
    if let Some(complaint) = by_name {
        return Some(complaint.cite.clone());
    }
    let refused = |event: &&Event| {
        event.reason == "Unhealthy"
            && event.message.contains("connection refused")
            && port.is_some_and(|port| event.message.contains(&format!(":{port}")))
            && snapshot.top_owner_of(&event.about) == *workload
    };
    snapshot.events.iter().find(refused).map(|event| event.cite.clone())
}

//! A workload answers, but with errors: those who call it say so, and name it.

use std::collections::BTreeMap;

use crate::model::{Confidence, Subject};
use crate::rules::toolbox::calls::of_clients;
use crate::rules::toolbox::complaints::{Complaint, complaints};
use crate::rules::toolbox::errors::{is_relayed, mostly_errors};
use crate::rules::toolbox::mentions::mentioned;
use crate::rules::toolbox::peers::{dependencies, mendable, objects_of};
use crate::rules::toolbox::words;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: peer-answers-with-errors
role: link
level: critical
needs: [container-logs]
text:
  - id: requests
    in: [container-log]
    pattern: '(?P<status>5\d\d) Server Error: [^\n]{0,60} for url: https?://(?P<peer>[\w.:-]+)'
  - id: spring
    in: [container-log]
    pattern: 'HttpServerErrorException\$\w+: (?P<status>5\d\d)[^\n]{0,40}on \w+ request for "https?://(?P<peer>[\w.:-]+)'
  - id: feign
    in: [container-log]
    pattern: 'FeignException\$\w+: \[(?P<status>5\d\d)[^\]]*\] during \[\w+\] to \[https?://(?P<peer>[\w.:-]+)'
  - id: status-first
    in: [container-log]
    pattern: '(?:[Ss]tatus[ _-]?[Cc]ode"?[ =:]{1,3}|returned (?:HTTP )?|responded with )(?P<status>5\d\d)\b[^\n]{0,120}?https?://(?P<peer>[\w.:-]+)'
  - id: url-first
    in: [container-log]
    pattern: '(?i)(?:error|fail|unexpected|bad)[^\n]{0,120}https?://(?P<peer>[\w.:-]+)[^\n]{0,120}?(?:status(?:[ _-]?code)?"?[ =:]{1,3}|returned |responded with |-> |: )(?P<status>5\d\d)\b'
  - id: webclient
    in: [container-log]
    pattern: '(?P<status>5\d\d) [A-Z][A-Za-z -]{2,30} from (?:GET|POST|PUT|DELETE|PATCH) https?://(?P<peer>[\w.:-]+)'
  - id: symfony
    in: [container-log]
    pattern: 'HTTP[/\d. ]* (?P<status>5\d\d)[A-Za-z -]{0,30} returned for "(?:[A-Z]+ )?https?://(?P<peer>[\w.:-]+)'
  - id: guzzle
    in: [container-log]
    pattern: 'Server error: `[A-Z]+ https?://(?P<peer>[\w.:-]+)[^\n`]*` resulted in a `(?P<status>5\d\d)'
  - id: httpx
    in: [container-log]
    pattern: 'Server error ''(?P<status>5\d\d)[^''\n]*'' for url ''https?://(?P<peer>[\w.:-]+)'
  - id: aiohttp
    in: [container-log]
    pattern: '(?P<status>5\d\d), message=[^\n]{0,60}url=(?:URL\()?''https?://(?P<peer>[\w.:-]+)'
  - id: unexpected
    in: [container-log]
    pattern: '(?i)(?:unexpected|bad|got|received|with|non-2xx)(?: http)?(?: response)?(?: status)?(?: code)?:? (?P<status>5\d\d)\b[^\n]{0,80}?(?:from|for|by|url|calling)[^\n]{0,20}https?://(?P<peer>[\w.:-]+)'
check:
  zh: '是否有工作负载以 5xx 回答它的调用方'
  en: 'whether a workload answers its callers with 5xx'
title:
  zh: '{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}：以 {{ status }} 回答调用方 {{ callers|join("、") }}'
  en: '{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}: answers its callers ({{ callers|join(", ") }}) with {{ status }}'
cause:
  zh: '{{ callers|join("、") }} 写出 {{ said }}：连接正常，但对端处理请求时出错。原因在被调用的工作负载里，或在它自己依赖的东西里；它的日志里没有规则认得的错误。'
  en: '{{ callers|join(", ") }} wrote {{ said }}: the connection works, but the peer fails while it handles the request. The cause lies in the workload that is called, or in what it depends on; no rule knows an error in its own log.'
benign:
  - zh: '偶尔一次 5xx 并重试成功，是正常的'
    en: 'a 5xx now and then that succeeds when it is tried again is normal'
remedy:
  - purpose:
      zh: '查看被调用方在同一时刻的日志'
      en: 'read the log of what is called, at the same moment'
    place: cluster
    risk: read-only
    command: 'kubectl {% if subject.namespace %}-n {{ subject.namespace }} {% endif %}logs {{ subject.kind|lower }}/{{ subject.name }} --tail=200'
    expect:
      zh: '出现处理该请求时的错误'
      en: 'it shows the error while it handled that request'
    verify:
      zh: '时间与调用方的记录一致'
      en: 'its time agrees with what the caller wrote'
    rollback:
      zh: '只读，无需回滚'
      en: 'read-only'
prevention:
  - kind: detect
    text:
      zh: '对 {{ subject.name }} 的 5xx 比例告警'
      en: 'alert on the share of 5xx answers of {{ subject.name }}'
    acceptance:
      zh: '在测试环境让它出错，告警按时到达'
      en: 'the alert arrives in time when it is made to fail in a test environment'
sources:
  - 'RFC 9110 §15.6'
  - 'requests models.py raise_for_status'
  - 'spring-web HttpServerErrorException'
  - 'openfeign FeignException'
versions: 'any'
examples:
  - name: 'a caller names who answers with 500'
    files:
      'pods.txt': |
        NAMESPACE   NAME                       READY   STATUS    RESTARTS   AGE
        shop        web-57b96b46b7-zv4q2       1/1     Running   0          41m
        shop        rates-6bdf8c9d7-jd5lx      1/1     Running   0          41m
      'svc.txt': |
        NAMESPACE   NAME    TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)    AGE
        shop        rates   ClusterIP   10.96.0.12   <none>        8080/TCP   41m
      'web-57b96b46b7-zv4q2.log': |
        ERROR quote: 500 Server Error: Internal Server Error for url: http://rates:8080/v1/eur
        ERROR quote: 500 Server Error: Internal Server Error for url: http://rates:8080/v1/eur
        ERROR quote: 500 Server Error: Internal Server Error for url: http://rates:8080/v1/eur
    fires:
      - {kind: 'Deployment', namespace: 'shop', name: 'rates'}
  - name: 'as Spring''s WebClient, Symfony, Guzzle and httpx write it'
    files:
      'pods.txt': |
        NAMESPACE   NAME                       READY   STATUS    RESTARTS   AGE
        shop        web-57b96b46b7-zv4q2       1/1     Running   0          41m
        shop        site-57b96b46b7-zv4q2      1/1     Running   0          41m
        shop        rates-6bdf8c9d7-jd5lx      1/1     Running   0          41m
        shop        taxes-6bdf8c9d7-jd5lx      1/1     Running   0          41m
      'web-57b96b46b7-zv4q2.log': |
        ERROR quote: 500 Internal Server Error from POST http://rates:8080/v1/eur
        ERROR quote: 500 Internal Server Error from POST http://rates:8080/v1/eur
      'site-57b96b46b7-zv4q2.log': |
        production.ERROR: HTTP/1.1 500 Internal Server Error returned for "http://taxes:8080/v1/eur"
        production.ERROR: Server error: `GET http://taxes:8080/v1/eur` resulted in a `500 Internal Server Error` response
    fires:
      - {kind: 'Deployment', namespace: 'shop', name: 'rates'}
      - {kind: 'Deployment', namespace: 'shop', name: 'taxes'}
  - name: 'an outside interface is nobody''s workload'
    files:
      'pods.txt': |
        NAMESPACE   NAME                       READY   STATUS    RESTARTS   AGE
        shop        web-57b96b46b7-zv4q2       1/1     Running   0          41m
      'web-57b96b46b7-zv4q2.log': |
        ERROR quote: 500 Server Error: Internal Server Error for url: https://rates.example.org/v1/eur
        ERROR quote: 500 Server Error: Internal Server Error for url: https://rates.example.org/v1/eur
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let own = format!("{}/", rule.id);
    let mut by_peer: BTreeMap<Subject, Vec<Complaint<'_>>> = BTreeMap::new();
    for complaint in complaints(input.snapshot, &|id| id.starts_with(&own), &of_clients()) {
        let called = objects_of(input.snapshot, &complaint.speaker.workload.namespace, &complaint.peer());
        if let Some(peer) = mendable(&called).filter(|peer| **peer != complaint.speaker.workload) {
            by_peer.entry(peer.clone()).or_default().push(complaint);
        }
    }
    by_peer
        .into_iter()
        .filter_map(|(peer, heard)| finding(input, rule, peer, &heard))
        .collect()
}

fn finding(input: &Input<'_>, rule: &RuleHeader, peer: Subject, heard: &[Complaint<'_>]) -> Option<Finding> {
    let first = heard.first()?;
    let mut callers: Vec<&str> = heard
        .iter()
        .map(|complaint| complaint.speaker.workload.name.as_str())
        .collect();
    callers.sort_unstable();
    callers.dedup();
    let status = first.captures.get("status").cloned().unwrap_or_default();
    // What it depends on itself may be the reason, whatever that ails: as its settings or its own errors name it.
    let mut deeper = dependencies(input.snapshot, &peer);
    let mut passes_on = GATEWAY.contains(&status.as_str());
    for own in mostly_errors(input.snapshot)
        .iter()
        .filter(|own| own.speaker.workload == peer)
    {
        let line = words(own.commonest.1);
        deeper.extend(mentioned(input.snapshot, &peer, line));
        passes_on |= is_relayed(line);
    }
    let mut finding = Finding::new(rule, peer, Confidence::Possible)
        .fact("callers", callers)
        .fact("status", status)
        .fact("said", first.said.clone());
    for complaint in heard {
        finding.add_cite(complaint.cite.clone());
        let caller = complaint.speaker.workload.clone();
        if caller != finding.subject && !finding.affected.contains(&caller) {
            finding.affected.push(caller);
        }
    }
    for object in deeper {
        finding.blame(object);
    }
    // So may whatever else is found of it.
    finding.blames.insert(finding.subject.clone());
    finding.blames_unknown = passes_on;
    Some(finding)
}

/// What gateways answer for somebody else (RFC 9110 §15.6.3 to 15.6.5).
const GATEWAY: [&str; 3] = ["502", "503", "504"];

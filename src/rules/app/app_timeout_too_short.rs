//! A client gives up on a peer that answers, because its timeout is shorter than the peer takes.

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::{Hit, Snapshot};
use crate::model::{Confidence, Subject};
use crate::rules::toolbox::own_hits;
use crate::rules::toolbox::peers::{Peer, mendable, objects_of};
use crate::rules::toolbox::references::references;
use crate::rules::toolbox::services::services_in;
use crate::rules::toolbox::timeouts::{Timeout, durations, timeouts};
use crate::rules::{Finding, Input, RuleHeader, Touch};

pub(in crate::rules) const RULE: &str = r##"
id: app-timeout-too-short
role: cause
level: critical
needs: [container-logs|pods]
text:
  - id: go
    in: [container-log, status]
    pattern: 'https?://(?P<peer>[\w.:-]+)[^\n]{0,200}(?:context deadline exceeded|Client\.Timeout exceeded|i/o timeout)'
  - id: axios
    in: [container-log, status]
    pattern: 'timeout of (?P<millis>\d+)ms exceeded'
  - id: urllib3
    in: [container-log, status]
    pattern: 'HTTPS?ConnectionPool\(host=''(?P<host>[^'']+)'', port=(?P<port>\d+)\): Read timed out\. \(read timeout=(?P<seconds>[\d.]+)\)'
  - id: feign
    in: [container-log, status]
    pattern: 'Read timed out executing \w+ https?://(?P<peer>[\w.:-]+)'
  - id: spring
    in: [container-log, status]
    pattern: 'I/O error on \w+ request for \"https?://(?P<peer>[\w.:-]+)[^\"]*\": Read timed out'
  - id: reactor
    in: [container-log, status]
    pattern: 'Did not observe any item or terminal signal within (?P<millis>\d+)ms'
  - id: dotnet
    in: [container-log, status]
    pattern: 'configured HttpClient\.Timeout of (?P<seconds>[\d.]+) seconds elapsing'
  - id: grpc
    in: [container-log, status]
    pattern: '(?i)deadline exceeded after (?P<seconds>\d+\.\d+)s'
  - id: elapsed
    in: [container-log, status]
    pattern: '(?:DeadlineExceeded|DEADLINE_EXCEEDED|deadline exceeded)[^\n]{0,120}\b(?:elapsed|took|duration|after)(?:_ms)?\\?"?[:= ]{1,3}\\?"?(?P<millis>\d+(?:\.\d+)?) ?ms\b'
  - id: structured
    in: [container-log, status]
    pattern: '(?:TimeoutError|[Tt]imed ?out|due to timeout)[^\n]{0,160}"(?:peer|upstream|target|service|dependency)": ?"(?P<peer>[\w.:-]+)"[^\n]{0,80}"(?:elapsed|took|duration)\w*": ?(?P<millis>\d+)\b'
  # ktor-client-core HttpTimeout.kt
  - id: ktor
    in: [container-log, status]
    pattern: 'Request timeout has expired \[url=https?://(?P<peer>[\w.:-]+)[^\]\n]{0,200}?request_timeout=(?P<millis>\d+) ?ms'
  # got source/core/timed-out.ts
  - id: got
    in: [container-log, status]
    pattern: 'Timeout awaiting ''?(?:request|response|socket)''? for (?P<millis>\d+) ?ms'
  - id: cancelled
    in: [container-log, status]
    pattern: '\b(?:cancell?ed|aborted|gave up|given up) after (?P<millis>\d+) ?ms\b[^\n]{0,80}(?i:time[d-]? ?out)'
  - id: words
    in: [container-log, status]
    pattern: '\b(?:GET|POST|PUT|DELETE|PATCH|HEAD|(?:[Rr]equest|[Cc]all) (?:to|for)) "?https?://(?P<peer>[\w.:-]+)[^\s"]*"?:? [^\n]{0,40}\b(?:timed out|timeout)(?: after|:|$|[ ,.)])'
  - id: abandoned
    in: [container-log, status]
    pattern: '(?:[Cc]lient (?:went away|disconnected|closed (?:the )?connection) (?:before|while|during|prematurely)|client prematurely closed connection|(?:http: |response: |write: )[^\n]{0,60}broken pipe|BrokenPipeError|ClientAbortException|\" 499 )'
check:
  zh: '客户端的超时是否短于对端的响应时间'
  en: 'whether clients give up before their peers, which are well, can answer'
title:
  zh: '{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}：对 {{ peer }} 的超时只有 {{ timeout }}{% if key %}（{{ key }}）{% endif %}，短于它的响应时间'
  en: '{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}: gives {{ peer }} only {{ timeout }} to answer{% if key %} ({{ key }}){% endif %}, which is less than it takes'
cause:
  zh: '应用写出 {{ said }}（共 {{ times }} 次），而 {{ peer }} 的 Pod 就绪{% if took %}、日志显示一次请求要 {{ took }} 毫秒{% endif %}：客户端没有等到答复就放弃了。{% if retries %}每次失败还会重试（{{ retries }}），负载因此成倍增加。{% endif %}'
  en: 'the application wrote {{ said }} ({{ times|times }}), while the pods of {{ peer }} are ready{% if took %} and a request takes {{ took }} ms by its log{% endif %}: the client gives up before the answer comes.{% if retries %} Each failure is tried again ({{ retries }}), which multiplies the load.{% endif %}'
causes:
  - rule: crashloopbackoff
    ground: workload
    mechanism:
      zh: '应用因此退出，kubelet 反复重启'
      en: 'the application ends over it and the kubelet restarts it'
  - rule: workload-unavailable
    ground: workload
    mechanism:
      zh: '容器不能就绪'
      en: 'its containers do not get ready'
  - rule: readiness-probe-failing
    ground: workload
    mechanism:
      zh: '应用不能提供服务，就绪探针失败'
      en: 'it cannot serve, so the readiness probe fails'
  - rule: liveness-probe-failing
    ground: workload
    mechanism:
      zh: '应用不能提供服务，存活探针失败'
      en: 'it cannot serve, so the liveness probe fails'
  - rule: job-backoff-limit
    ground: workload
    mechanism:
      zh: '任务的每次尝试都因此失败'
      en: 'every attempt of the Job fails over it'
  - rule: app-bug
    ground: workload
    mechanism:
      zh: '最后几行日志说的就是它'
      en: 'the last lines of the log are about it'
  - rule: peer-unresponsive
    ground: workload
    mechanism:
      zh: '客户端过早放弃，看上去像对端没有响应'
      en: 'clients give up too early, which looks like a peer that does not answer'
  - rule: app-upstream-refused
    ground: workload
    mechanism:
      zh: '请求因超时而失败'
      en: 'the request fails by its timeout'
benign:
  - zh: '对端变慢之后的超时：那时要修的是对端'
    en: 'timeouts because the peer became slow: then the peer is to be mended'
  - zh: '以秒计的超时'
    en: 'timeouts of seconds'
remedy:
  - purpose:
      zh: '查看超时与重试的设置'
      en: 'look at the settings of timeout and retries'
    place: cluster
    risk: read-only
    command: 'kubectl {% if subject.namespace %}-n {{ subject.namespace }} {% endif %}get {{ holder_resource }} {{ holder }} -o yaml'
    expect:
      zh: '{{ key }}'
      en: '{{ key }}'
    verify:
      zh: '小于对端的响应时间'
      en: 'it is less than the peer takes'
    rollback:
      zh: '只读，无需回滚'
      en: 'read-only'
  - purpose:
      zh: '把超时改回大于对端 p99 响应时间的值，减少重试并加退避'
      en: 'set the timeout above the p99 of the peer, with fewer retries and a pause between them'
    place: cluster
    risk: change
    command: 'kubectl {% if subject.namespace %}-n {{ subject.namespace }} {% endif %}edit {{ holder_resource }} {{ holder }}'
    verify:
      zh: '超时不再出现，对端的请求数回到平时'
      en: 'no more timeouts, and the peer sees its usual number of requests'
    rollback:
      zh: '改回原值'
      en: 'put the former value back'
  - purpose:
      zh: '滚动重启，使修改生效'
      en: 'restart it, so that the change takes effect'
    place: cluster
    risk: change
    command: 'kubectl {% if subject.namespace %}-n {{ subject.namespace }} {% endif %}rollout restart {{ subject.kind|lower }}/{{ subject.name }}'
    verify:
      zh: '重启后日志不再出现该错误，Pod 就绪'
      en: 'the log no longer shows the error after the restart and the pod is ready'
    rollback:
      zh: '恢复修改前的值并再次滚动重启'
      en: 'put the former value back and restart again'
prevention:
  - kind: process
    text:
      zh: '超时与重试的改动要对照对端的响应时间评审'
      en: 'review changes of timeouts and retries against the response times of the peer'
    acceptance:
      zh: '小于 p99 的超时在评审中被拦下'
      en: 'a timeout below the p99 is stopped in review'
  - kind: detect
    text:
      zh: '对客户端超时率与重试率告警'
      en: 'alert on the rates of timeouts and retries of clients'
    acceptance:
      zh: '在测试环境把超时改为 1 毫秒，按时收到告警'
      en: 'the alert arrives when a timeout is set to 1 ms in a test environment'
sources:
  - 'golang net/http client.go: `Client.Timeout exceeded while awaiting headers`'
  - 'axios lib/adapters/http.js: `timeout of %sms exceeded`'
  - 'psf/requests, urllib3 connectionpool.py: `Read timed out. (read timeout=%s)`'
  - 'sre.google/sre-book/addressing-cascading-failures (retries)'
versions: 'any'
examples:
  - name: 'a timeout in the block of the peer it is for'
    files:
      'cm.json': |
        {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "orders-config", "namespace": "shop", "uid": "1"}, "data": {"application.yaml": "clients:\n  tax:\n    url: http://tax:80\n    read-timeout: 2s\n  fx:\n    url: http://rates:80\n    read-timeout: 30ms\n"}}
      'out.txt': |
        $ kubectl get pods,svc -n shop
        NAME                         READY   STATUS    RESTARTS   AGE
        pod/orders-6bdf8c9d7-jd5lx   1/1     Running   0          41m
        pod/rates-7f9c4d5b6c-x2x4z   1/1     Running   0          9d

        NAME            TYPE        CLUSTER-IP    EXTERNAL-IP   PORT(S)   AGE
        service/rates   ClusterIP   10.96.0.114   <none>        80/TCP    9d
      'orders-6bdf8c9d7-jd5lx.log': |
        WARN check failed, will retry: Get "http://rates/v1": context deadline exceeded (Client.Timeout exceeded while awaiting headers)
        WARN check failed, will retry: Get "http://rates/v1": context deadline exceeded (Client.Timeout exceeded while awaiting headers)
        WARN check failed, will retry: Get "http://rates/v1": context deadline exceeded (Client.Timeout exceeded while awaiting headers)
      'rates-7f9c4d5b6c-x2x4z.log': |
        INFO handled path=/v1 code=200 took=91.2ms
        INFO handled path=/v1 code=200 took=104.5ms
        INFO handled path=/v1 code=200 took=69.1ms
    fires:
      - {kind: 'Deployment', namespace: 'shop', name: 'orders'}
  - name: 'thirty milliseconds for a service that takes a hundred'
    files:
      'cm.json': |
        {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "orders-env", "namespace": "shop", "uid": "1"}, "data": {"RATES_TIMEOUT": "30ms", "RATES_MAX_RETRIES": "10"}}
      'out.txt': |
        $ kubectl get pods,svc -n shop
        NAME                         READY   STATUS    RESTARTS   AGE
        pod/orders-6bdf8c9d7-jd5lx   1/1     Running   0          41m
        pod/rates-7f9c4d5b6c-x2x4z   1/1     Running   0          9d

        NAME            TYPE        CLUSTER-IP    EXTERNAL-IP   PORT(S)   AGE
        service/rates   ClusterIP   10.96.0.114   <none>        80/TCP    9d
      'orders-6bdf8c9d7-jd5lx.log': |
        WARN check failed, will retry: Get "http://rates/v1": context deadline exceeded (Client.Timeout exceeded while awaiting headers)
        WARN check failed, will retry: Get "http://rates/v1": context deadline exceeded (Client.Timeout exceeded while awaiting headers)
        WARN check failed, will retry: Get "http://rates/v1": context deadline exceeded (Client.Timeout exceeded while awaiting headers)
        WARN check failed, will retry: Get "http://rates/v1": context deadline exceeded (Client.Timeout exceeded while awaiting headers)
      'rates-7f9c4d5b6c-x2x4z.log': |
        INFO handled path=/v1 code=200 took=91.2ms
        INFO handled path=/v1 code=200 took=104.5ms
        INFO handled path=/v1 code=200 took=69.1ms
    fires:
      - {kind: 'Deployment', namespace: 'shop', name: 'orders'}
  - name: 'the same complaint with a timeout of seconds'
    files:
      'cm.json': |
        {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "orders-env", "namespace": "shop", "uid": "1"}, "data": {"RATES_TIMEOUT": "5s"}}
      'out.txt': |
        $ kubectl get pods,svc -n shop
        NAME                         READY   STATUS    RESTARTS   AGE
        pod/orders-6bdf8c9d7-jd5lx   1/1     Running   0          41m
        pod/rates-7f9c4d5b6c-x2x4z   1/1     Running   0          9d

        NAME            TYPE        CLUSTER-IP    EXTERNAL-IP   PORT(S)   AGE
        service/rates   ClusterIP   10.96.0.114   <none>        80/TCP    9d
      'orders-6bdf8c9d7-jd5lx.log': |
        WARN check failed, will retry: Get "http://rates/v1": context deadline exceeded (Client.Timeout exceeded while awaiting headers)
        WARN check failed, will retry: Get "http://rates/v1": context deadline exceeded (Client.Timeout exceeded while awaiting headers)
        WARN check failed, will retry: Get "http://rates/v1": context deadline exceeded (Client.Timeout exceeded while awaiting headers)
        WARN check failed, will retry: Get "http://rates/v1": context deadline exceeded (Client.Timeout exceeded while awaiting headers)
  - name: 'a short timeout that is never met'
    files:
      'cm.json': |
        {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "orders-env", "namespace": "shop", "uid": "1"}, "data": {"RATES_TIMEOUT": "30ms"}}
      'pods.txt': |
        NAMESPACE   NAME                     READY   STATUS    RESTARTS   AGE
        shop        orders-6bdf8c9d7-jd5lx   1/1     Running   0          41m
      'orders-6bdf8c9d7-jd5lx.log': |
        serving
"##;

/// Complaints that are more than chance.
const LEAST: u64 = 3;
/// A timeout below this is short, in milliseconds.
const SHORT: f64 = 1000.0;
/// One below this can be too short for a peer that mostly takes longer, and answers.
const OUTRUN: f64 = 5000.0;
/// One below this is too short for a call over a network, whatever the peer takes.
const TINY: f64 = 100.0;
/// Requests of the peer that must have taken longer than the timeout.
const SLOWER: usize = 2;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let mut by_client: BTreeMap<Subject, Vec<&Hit>> = BTreeMap::new();
    let mut abandoned: BTreeSet<Subject> = BTreeSet::new();
    for hit in own_hits(input, rule) {
        let workload = input.snapshot.top_owner_of(&hit.about.object);
        if hit.signature.ends_with("/abandoned") {
            abandoned.insert(workload);
        } else if !workload.name.is_empty() {
            by_client.entry(workload).or_default().push(hit);
        }
    }
    by_client
        .into_iter()
        .filter_map(|(client, hits)| judge(input.snapshot, rule, client, &hits, &abandoned))
        .collect()
}

fn judge(
    snapshot: &Snapshot,
    rule: &RuleHeader,
    client: Subject,
    hits: &[&Hit],
    abandoned: &BTreeSet<Subject>,
) -> Option<Finding> {
    let times: u64 = hits.iter().map(|hit| hit.count).sum();
    let first = hits.first()?;
    let of = |name: &str| hits.iter().find_map(|hit| hit.captures.get(name));
    let peer = of("peer")
        .or_else(|| of("host"))
        .map(|text| Peer::parse(text, of("port").map(String::as_str)))
        .unwrap_or_default();
    let settings = timeouts(snapshot, &client);
    let told = of("millis").and_then(|text| text.parse::<f64>().ok()).or_else(|| {
        of("seconds")
            .and_then(|text| text.parse::<f64>().ok())
            .map(|seconds| seconds * 1000.0)
    });
    let setting = beside_address(&settings, &peer).or_else(|| meant(&settings, &peer, told));
    // A line that does not say whom it waited for leaves that to the setting that is called after a peer.
    let peer = match setting {
        Some(setting) if peer.host.is_empty() => named_in(snapshot, &client, &setting.key),
        _ => peer,
    };
    let limit = told.or_else(|| setting.map(|setting| setting.millis))?;
    if times < LEAST || limit >= OUTRUN {
        return None;
    }
    let called = objects_of(snapshot, &client.namespace, &peer);
    let server = mendable(&called).filter(|server| server.kind != "Service" && **server != client);
    // A peer that is not well has to be mended itself.
    let is_well = server.is_some_and(|server| snapshot.is_running_well(server));
    let taken = server.map(|server| durations(snapshot, server)).unwrap_or_default();
    let requests = taken.len();
    let slower: Vec<_> = taken.into_iter().filter(|(took, _)| *took > limit).collect();
    let gives_up = server.is_some_and(|server| abandoned.contains(server));
    let shown = slower.len() >= SLOWER || gives_up && limit < SHORT / 2.0;
    if !is_well || !(shown || limit <= TINY && setting.is_some()) {
        return None;
    }
    // Longer ones may be met by a peer that has become slow: then it is not the timeout that is wrong, unless the peer always takes so long.
    let is_outrun = setting.is_some() && slower.len() >= SLOWER && slower.len() * 2 > requests;
    if limit >= SHORT && !is_outrun {
        return None;
    }
    let mut finding = Finding::new(
        rule,
        client,
        if shown && limit < SHORT {
            Confidence::Confirmed
        } else {
            Confidence::Probable
        },
    )
    .cite(first.cite.clone())
    .fact(
        "said",
        first
            .cite
            .quote
            .first()
            .map_or(String::new(), |line| line.text.chars().take(200).collect()),
    )
    .fact("times", times)
    .fact(
        "peer",
        if peer.host.is_empty() {
            server?.name.clone()
        } else {
            peer.shown()
        },
    )
    .fact(
        "timeout",
        setting.map_or_else(|| format!("{limit}ms"), |setting| setting.value.clone()),
    )
    .fact("key", setting.map_or("", |setting| setting.key.as_str()))
    .fact(
        "took",
        slower.first().map_or(String::new(), |(took, _)| format!("{took:.0}")),
    )
    .fact("retries", retries(&settings, snapshot, setting));
    finding.count = times;
    let holder = setting.map_or_else(|| finding.subject.clone(), |setting| setting.holder.clone());
    finding = finding
        .fact("holder", holder.name.clone())
        .fact("holder_resource", holder.kind.to_lowercase());
    if let Some(setting) = setting {
        finding.path = setting.key.clone();
        finding.add_cite(setting.cite.clone());
        finding.touches.extend(Touch::of(&setting.holder));
    }
    for (_, cite) in slower.into_iter().take(2) {
        finding.add_cite(cite);
    }
    // The peer's other callers see only what these retries do to it.
    if let Some(server) = server {
        finding.impair(server.clone());
    }
    Some(finding)
}

/// The peer that a key is called after: `clients.shipping.timeout`, `SHIPPING_TIMEOUT`. None unless a Service is called so.
fn named_in(snapshot: &Snapshot, client: &Subject, key: &str) -> Peer {
    let lower = key.to_ascii_lowercase();
    let words: Vec<&str> = lower.split(|c: char| !c.is_ascii_alphanumeric()).collect();
    let named = |name: &str| {
        let parts: Vec<&str> = name.split('-').collect();
        words.windows(parts.len()).any(|window| window == parts.as_slice())
    };
    services_in(snapshot, &client.namespace)
        .filter(|service| service.key.name != client.name && named(&service.key.name))
        .max_by_key(|service| service.key.name.len())
        .map(|service| Peer::parse(&service.key.name, None))
        .or_else(|| beside(snapshot, client, words.first()?))
        .unwrap_or_default()
}

/// The peer of the setting that begins with the same word: `RISK_URL=http://risk-engine:8080` beside `RISK_TIMEOUT_MS`.
fn beside(snapshot: &Snapshot, client: &Subject, word: &str) -> Option<Peer> {
    let all = references(snapshot);
    let begins = |key: &str| {
        key.to_ascii_lowercase()
            .split(|c: char| !c.is_ascii_alphanumeric())
            .next()
            == Some(word)
    };
    let mut hosts: BTreeSet<&str> = BTreeSet::new();
    hosts.extend(
        all.iter()
            .filter(|reference| reference.workload == *client && begins(&reference.key))
            .map(|reference| reference.host.as_str()),
    );
    let host = hosts.pop_first().filter(|_| hosts.is_empty() && word.len() >= 3)?;
    Some(Peer::parse(host, None))
}

/// The setting that stands beside the peer's address: `clients.slots.read-timeout` beside `clients.slots.url: http://slot-planner:8080`.
fn beside_address<'t>(settings: &'t [Timeout], peer: &Peer) -> Option<&'t Timeout> {
    settings
        .iter()
        .filter(|setting| !peer.host.is_empty() && setting.beside == peer.host)
        .min_by(|a, b| a.millis.total_cmp(&b.millis))
}

/// The setting for this peer: the one that is called after it, else the only one that is as short as the wait was, else the only one.
fn meant<'t>(settings: &'t [Timeout], peer: &Peer, told: Option<f64>) -> Option<&'t Timeout> {
    let plain = |text: &str| text.to_ascii_lowercase().replace(['_', '-', '.'], "");
    let name = plain(peer.host.split('.').next().unwrap_or(""));
    let named = settings
        .iter()
        .filter(|setting| name.len() >= 3 && plain(&setting.key).contains(&name))
        .min_by(|a, b| a.millis.total_cmp(&b.millis));
    // `FRAUD_TIMEOUT` for `fraud-scoring`, where no other begins so.
    let word = peer.host.split(['-', '.']).next().unwrap_or("").to_ascii_lowercase();
    let begins = |setting: &&Timeout| {
        word.len() >= 4 && setting.key.to_ascii_lowercase().split(['_', '-', '.']).next() == Some(word.as_str())
    };
    let mut akin = settings.iter().filter(begins);
    let akin = akin.next().filter(|_| akin.next().is_none());
    let named = named.or(akin);
    // A little more than the limit passes before it is noticed.
    let mut as_short = settings
        .iter()
        .filter(|setting| told.is_some_and(|told| told >= setting.millis && told <= setting.millis * 1.2 + 5.0));
    match (named, as_short.next(), as_short.next(), settings) {
        (Some(named), ..) => Some(named),
        (None, Some(only), None, _) | (None, None, _, [only]) => Some(only),
        _ => None,
    }
}

/// `MAX_RETRIES=10`, where it stands beside the timeout.
fn retries(settings: &[Timeout], snapshot: &Snapshot, setting: Option<&Timeout>) -> String {
    let Some(holder) = setting.or(settings.first()).map(|setting| &setting.holder) else {
        return String::new();
    };
    let data = snapshot
        .object(&holder.kind, &holder.namespace, &holder.name)
        .and_then(|object| object.get("/data")?.as_object());
    let found = data.and_then(|data| {
        data.iter().find_map(|(key, value)| {
            let count: u32 = value.as_str()?.parse().ok()?;
            let is_retries = key.to_ascii_lowercase().contains("retr") || key.to_ascii_lowercase().contains("attempts");
            (is_retries && count >= 3).then(|| format!("{key}={count}"))
        })
    });
    found.unwrap_or_default()
}

//! A service answers, but takes seconds for it, while its callers give up waiting.

use crate::cluster::Snapshot;
use crate::logs::{LogFile, TailLine, is_error, is_of_control_plane, millis_taken};
use crate::model::{Confidence, Subject};
use crate::rules::toolbox::complaints::speaker_is_data_store;
use crate::rules::toolbox::errors::{MostlyErrors, is_late, mostly_errors, troubled};
use crate::rules::toolbox::peers::dependencies;
use crate::rules::toolbox::speakers::{Speaker, State, is_previous, of_log};
use crate::rules::toolbox::told::told;
use crate::rules::toolbox::unanswered::unanswered;
use crate::rules::toolbox::{cite_tail, words, workload_touches};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: app-latency
role: link
level: critical
needs: [container-logs]
check:
  zh: 是否有服务的日志写出请求耗时数秒，而调用方正在超时
  en: whether a service writes that its requests take seconds while callers give up waiting
title:
  zh: "{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}：应答缓慢，日志末尾 {{ timed }} 次计时中有 {{ slow }} 次超过一秒，最长 {{ longest }} 毫秒"
  en: "{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }} answers slowly: {{ slow }} of the last {{ timed }} timed lines of its log are over a second, up to {{ longest }} ms"
cause:
  zh: "它自己的日志写出 {{ said }}，且没有抱怨任何对端；同时它旁边的工作负载在超时或出错。时间花在它内部：代码、开关、数据量、锁，或没有写进日志的下游。"
  en: "its own log says {{ said }} and complains of no peer, while workloads beside it time out or fail: the time is spent inside it, on its code, a switch, the amount of data, a lock, or on something below it that it does not log."
causes:
  - rule: peer-unresponsive
    ground: workload
    mechanism: {zh: 应答晚于调用方的期限, en: it answers after the callers' deadlines}
  - rule: readiness-probe-failing
    ground: workload
    mechanism: {zh: 探针等不到应答, en: probes get no answer in time}
  - rule: liveness-probe-failing
    ground: workload
    mechanism: {zh: 探针等不到应答, en: probes get no answer in time}
benign:
  - {zh: 批处理、导入、长轮询与流式请求本来就要数秒, en: "batches, imports, long polls and streams take seconds by design"}
  - {zh: 没有别的工作负载受影响时不算, en: it does not count while nothing beside it suffers}
remedy:
  - purpose: {zh: 查看哪些操作慢、从何时开始, en: see which operations are slow and since when}
    place: cluster
    risk: read-only
    command: "kubectl {% if subject.namespace %}-n {{ subject.namespace }} {% endif %}logs {{ subject.kind|lower }}/{{ subject.name }} --tail=500 --timestamps"
    expect: {zh: "出现 {{ said }}", en: "it shows {{ said }}"}
    verify: {zh: 变慢的时刻与一次发布、配置或开关的改动对得上, en: "the moment fits a release, or a change of configuration or of a switch"}
    rollback: {zh: 只读，无需回滚, en: read-only}
  - purpose: {zh: 若变慢始于一次发布，则回退该发布, en: "when a release began it, go back to the one before"}
    place: cluster
    risk: change
    command: "kubectl {% if subject.namespace %}-n {{ subject.namespace }} {% endif %}rollout undo {{ subject.kind|lower }}/{{ subject.name }}"
    verify: {zh: 日志里的耗时回到毫秒级, en: its times are back to milliseconds}
    rollback: {zh: 再次执行 rollout undo, en: run rollout undo again}
prevention:
  - kind: detect
    text: {zh: 对每个服务的 P99 耗时设定目标并告警, en: give each service a target for its 99th percentile and alert on it}
    acceptance: {zh: 在测试环境人为延迟，5 分钟内告警指向它, en: a delay put into a test environment raises an alert that names it within 5 minutes}
sources:
  - 'grpc.io/docs/guides/deadlines: a call ends with DEADLINE_EXCEEDED although its server goes on'
  - 'durations as zap, pino-http, Rails, Spring and gin write them'
versions: any
examples:
  - name: a slow catalogue, and callers that give up
    files:
      'pods.txt': |
        NAMESPACE   NAME                         READY   STATUS    RESTARTS   AGE
        shop        web-57b96b46b7-zv4q2         1/1     Running   0          41m
        shop        catalogue-6bdf8c9d7-jd5lx    1/1     Running   0          41m
      'web-57b96b46b7-zv4q2.log': |
        {"level":"error","err":"rpc error: code = DeadlineExceeded desc = context deadline exceeded","message":"could not retrieve products"}
        {"level":"error","err":"rpc error: code = DeadlineExceeded desc = context deadline exceeded","message":"could not retrieve products"}
        {"level":"error","err":"rpc error: code = DeadlineExceeded desc = context deadline exceeded","message":"could not retrieve products"}
        {"level":"warn","status":"500","ms":"3001","message":"request complete"}
        {"level":"warn","status":"500","ms":"3001","message":"request complete"}
        {"level":"warn","status":"500","ms":"3001","message":"request complete"}
      'catalogue-6bdf8c9d7-jd5lx.log': |
        {"level":"info","ms":"6286","message":"GetProduct"}
        {"level":"debug","message":"health"}
        {"level":"info","ms":"6296","message":"GetProduct"}
        {"level":"debug","message":"health"}
        {"level":"info","ms":"6411","message":"ListProducts"}
    fires: [{kind: Deployment, namespace: shop, name: catalogue}]
  - name: a nightly report that nobody waits for
    files:
      'pods.txt': |
        NAMESPACE   NAME                         READY   STATUS    RESTARTS   AGE
        shop        web-57b96b46b7-zv4q2         1/1     Running   0          41m
        shop        reports-6bdf8c9d7-jd5lx      1/1     Running   0          41m
      'web-57b96b46b7-zv4q2.log': |
        {"level":"info","status":"200","ms":"31","message":"request complete"}
      'reports-6bdf8c9d7-jd5lx.log': |
        {"level":"info","ms":"6286","message":"sales of the day"}
        {"level":"info","ms":"6286","message":"sales of the week"}
        {"level":"info","ms":"6286","message":"sales of the month"}
  - name: a caller that is slow because it waits
    files:
      'pods.txt': |
        NAMESPACE   NAME                         READY   STATUS    RESTARTS   AGE
        shop        web-57b96b46b7-zv4q2         1/1     Running   0          41m
        shop        compose-6bdf8c9d7-jd5lx      1/1     Running   0          41m
      'web-57b96b46b7-zv4q2.log': |
        ERROR compose: read timed out
        ERROR compose: read timed out
        ERROR compose: read timed out
        ERROR compose: read timed out
        ERROR compose: read timed out
      'compose-6bdf8c9d7-jd5lx.log': |
        WARN fanout took 9846 ms
        ERROR timed out calling timeline
        WARN fanout took 7924 ms
        ERROR timed out calling timeline
        WARN fanout took 6065 ms
        ERROR timed out calling timeline
"##;

/// Milliseconds after which callers begin to give up.
const SLOW: u64 = 1000;
/// Slow lines that are more than an accident; they must be half of all timed ones too.
const LEAST: usize = 3;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let complaining = troubled(snapshot);
    let waiting = waiting(snapshot);
    // Where callers name whom they wait for, only that one counts.
    let unanswered = unanswered(snapshot);
    let named: Vec<&Subject> = unanswered
        .iter()
        .filter(|call| call.is_late)
        .map(|call| &call.peer)
        .collect();
    let mut findings: Vec<Finding> = Vec::new();
    for log in &snapshot.logs {
        let Some(speaker) = of_log(snapshot, log) else { continue };
        let workload = &speaker.workload;
        let is_candidate = speaker.certain
            && speaker.state != State::Crashing
            && !is_previous(log)
            && !is_of_control_plane(&workload.namespace)
            && !complaining.contains(workload)
            && (named.is_empty() || named.contains(&workload))
            && !speaker_is_data_store(&speaker)
            && !findings.iter().any(|known| known.subject == *workload);
        if is_candidate
            && let Some(times) = times(log)
            && waiting
                .iter()
                .any(|other| other.namespace == workload.namespace && other != workload)
        {
            findings.extend(finding(snapshot, rule, log, &speaker, &times));
        }
    }
    findings
}

/// The workloads that write mostly errors, and again and again that they got no answer in time.
fn waiting(snapshot: &Snapshot) -> Vec<Subject> {
    let waits = |errors: &MostlyErrors<'_>| {
        let tail = errors.log.tail.iter().map(words);
        tail.filter(|said| is_error(said) && is_late(said)).count() >= LEAST
    };
    let all = mostly_errors(snapshot).into_iter();
    all.filter(waits).map(|errors| errors.speaker.workload).collect()
}

/// What the end of a log says of time.
struct Times<'s> {
    timed: usize,
    slow: usize,
    longest: u64,
    /// The first and the slowest of the slow lines.
    first: &'s TailLine,
    slowest: &'s TailLine,
}

fn times(log: &LogFile) -> Option<Times<'_>> {
    let told = log
        .tail
        .iter()
        .filter_map(|line| Some((millis_taken(words(line))?, line)));
    let timed: Vec<(u64, &TailLine)> = told.collect();
    // What took long and then failed waited for somebody else.
    let slow = timed
        .iter()
        .filter(|(millis, line)| *millis >= SLOW && !is_error(words(line)));
    let slow: Vec<&(u64, &TailLine)> = slow.collect();
    let (_, first) = slow.first()?;
    let (longest, slowest) = slow.iter().max_by_key(|(millis, _)| *millis)?;
    (slow.len() >= LEAST && slow.len() * 2 >= timed.len()).then_some(Times {
        timed: timed.len(),
        slow: slow.len(),
        longest: *longest,
        first,
        slowest,
    })
}

fn finding(
    snapshot: &Snapshot,
    rule: &RuleHeader,
    log: &LogFile,
    speaker: &Speaker<'_>,
    times: &Times<'_>,
) -> Option<Finding> {
    let workload = &speaker.workload;
    let mut finding = Finding::new(rule, workload.clone(), Confidence::Possible)
        .cite(cite_tail(snapshot, log, &[times.slowest])?)
        .cite(cite_tail(snapshot, log, &[times.first])?)
        .fact("timed", times.timed)
        .fact("slow", times.slow)
        .fact("longest", times.longest)
        .fact("said", told(words(times.slowest)));
    if !speaker.pod_name.is_empty() {
        let pod = Subject::namespaced("Pod", &workload.namespace, &speaker.pod_name);
        finding.touches.extend(workload_touches(snapshot, &pod));
        finding.add_affected(pod);
    }
    // What it calls explains it, if that is in trouble.
    for called in dependencies(snapshot, workload) {
        finding.blame(called);
    }
    Some(finding)
}

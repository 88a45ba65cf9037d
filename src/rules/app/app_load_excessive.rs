//! A load generator inside the cluster asks for more than the application behind can serve.

use crate::cluster::{Event, Snapshot};
use crate::logs::{LogFile, millis_taken};
use crate::model::{Citation, Confidence, Subject};
use crate::rules::toolbox::calls::is_out_of_reach;
use crate::rules::toolbox::probes::{Kind, failures, reason};
use crate::rules::toolbox::speakers::of_log;
use crate::rules::toolbox::strain::{Recurring, recurring};
use crate::rules::toolbox::{words, workload_touches};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: app-load-excessive
role: cause
level: critical
needs: [container-logs]
text:
  - id: locust
    in: [container-log]
    pattern: '(?:Ramping to|Spawning|Hatching|All users (?:spawned|hatched):[^\n]{0,120}\() ?(?P<users>\d+) (?:total )?users'
  - id: k6
    in: [container-log]
    pattern: 'running \([^)]*\), (?P<users>\d+)/\d+ VUs'
  - id: jmeter
    in: [container-log]
    pattern: 'summary [+=][^\n]{0,160}Active: (?P<users>\d+)'
  - id: wrk
    in: [container-log]
    pattern: '\d+ threads and (?P<users>\d+) connections'
  - id: bench
    in: [container-log]
    pattern: '(?:Concurrency Level: +|\bconcurrency[=:] ?|\bvirtual[ _]users[=:]? ?)(?P<users>\d+)'
  - id: strain
    in: [container-log]
    pattern: '(?i)(?P<sign>Rack::Timeout::Request\w+|too many (?:clients|connections)|remaining connection slots|event[ -]?loop (?:delay|lag|block)|context deadline exceeded|timeout of \d+ms exceeded|upstream timed out|" (?:429|503|504) |queue is full|thread starvation|pool (?:is )?exhausted|timed out waiting for connection)'
check:
  zh: 集群内是否有压测程序的负载超过应用的承受能力
  en: whether a load generator inside the cluster asks for more than the application can serve
title:
  zh: "{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}：以 {{ users }} 个并发用户施压，{{ strained|join('、') }} 已不堪重负"
  en: "{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}: generates the load of {{ users }} concurrent users, which overwhelms {{ strained|join(', ') }}"
cause:
  zh: "它的日志写出 {{ said }}。{% if rolled %}它在 {{ rolled }} 刚被更新或重建，{% endif %}后面各层（{{ strained|join('、') }}）同时出现超时、连接用尽或 CPU 用满：它们没有改变，改变的是负载。"
  en: "its log says {{ said }}. {% if rolled %}It was rolled or made anew just before ({{ rolled }}). {% endif %}Every tier behind it ({{ strained|join(', ') }}) times out, runs out of connections or of CPU at once: they have not changed, the load has."
causes:
  - rule: app-database-connections-exhausted
    ground: namespace
    mechanism: {zh: "并发请求用尽数据库连接", en: "concurrent requests use up the connections"}
  - rule: hpa-at-maximum
    ground: namespace
    mechanism: {zh: "负载把自动伸缩推到上限", en: "the load drives the autoscaler to its bound"}
  - rule: app-cpu-saturated
    ground: namespace
    mechanism: {zh: "负载用满 CPU", en: "the load uses all its CPU"}
  - rule: app-resources-exhausted
    ground: namespace
    mechanism: {zh: "负载用尽线程或文件", en: "the load uses up threads or files"}
  - rule: app-rate-limited
    ground: namespace
    mechanism: {zh: "负载触发限流", en: "the load meets a rate limit"}
  - rule: peer-unresponsive
    ground: namespace
    mechanism: {zh: "过载的对端来不及应答", en: "an overloaded peer answers too late"}
  - rule: app-upstream-refused
    ground: namespace
    mechanism: {zh: "过载的对端来不及应答", en: "an overloaded peer answers too late"}
  - rule: app-latency
    ground: namespace
    mechanism: {zh: "过载的各层来不及应答", en: "an overloaded tier answers late"}
  - rule: readiness-probe-failing
    ground: namespace
    mechanism: {zh: "过载的容器来不及应答探测", en: "an overloaded container does not answer its probe in time"}
  - rule: app-bug
    ground: namespace
    mechanism: {zh: "过载的各层向调用方返回错误", en: "an overloaded tier gives its callers errors"}
benign:
  - {zh: "压测程序常驻而各层都正常，不算", en: "a load generator that always runs while all tiers are well does not count"}
remedy:
  - purpose: {zh: "查看压测的规模与启动时间", en: "see how much load it makes, and since when"}
    place: cluster
    risk: read-only
    command: "kubectl {% if subject.namespace %}-n {{ subject.namespace }} {% endif %}describe {{ subject.kind|lower }} {{ subject.name }}"
    expect: {zh: "用户数为 {{ users }}", en: "{{ users }} users"}
    verify: {zh: "确认是谁在何时改变了它", en: "known: who changed it, and when"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "停止压测", en: "stop it"}
    place: cluster
    risk: change
    command: "kubectl {% if subject.namespace %}-n {{ subject.namespace }} {% endif %}scale {{ subject.kind|lower }} {{ subject.name }} --replicas=0"
    verify: {zh: "各层的超时在几分钟内消失", en: "the timeouts of all tiers end within minutes"}
    rollback: {zh: "--replicas=1，并使用较小的用户数", en: "--replicas=1, with fewer users"}
prevention:
  - kind: prevent
    text: {zh: "压测只在隔离的环境进行，或在入口限流", en: "run load tests apart from others, or limit the rate at the front"}
    acceptance: {zh: "同样的压测不再影响其他使用者", en: "the same load test no longer harms others"}
sources:
  - 'locust runners.py (Ramping to %d users, All users spawned); k6 output of run; jmeter Summariser.java; wrk wrk.c'
versions: any
examples:
  - name: thousands of users, and everything behind gives in
    files:
      'pods.txt': |
        NAMESPACE   NAME                      READY   STATUS    RESTARTS   AGE
        shop        load-6bdf8c9d7-jd5lx      1/1     Running   0          14m
        shop        web-57b96b46b7-zv4q2      1/1     Running   0          41d
        shop        list-57b96b46b7-zv4q2     1/1     Running   0          41d
      'load-6bdf8c9d7-jd5lx.log': |
        loadgen - INFO - Ramping to 6000 users at a rate of 200.00 per second
        loadgen - INFO - All users spawned: {"ShopUser": 6000} (6000 total users)
      'web-57b96b46b7-zv4q2.log': |
        ERROR list failed: timeout of 3000ms exceeded
        ERROR list failed: timeout of 3000ms exceeded
        ERROR list failed: timeout of 3000ms exceeded
      'list-57b96b46b7-zv4q2.log': |
        ERROR query failed: pq: sorry, too many clients already
        ERROR query failed: pq: sorry, too many clients already
        ERROR query failed: pq: sorry, too many clients already
    fires: [{kind: Deployment, namespace: shop, name: load}]
  - name: a few users, as always
    files:
      'pods.txt': |
        NAMESPACE   NAME                      READY   STATUS    RESTARTS   AGE
        shop        load-6bdf8c9d7-jd5lx      1/1     Running   0          41d
        shop        web-57b96b46b7-zv4q2      1/1     Running   0          41d
        shop        list-57b96b46b7-zv4q2     1/1     Running   0          41d
      'load-6bdf8c9d7-jd5lx.log': |
        loadgen - INFO - Ramping to 10 users at a rate of 1.00 per second
        loadgen - INFO - All users spawned: {"ShopUser": 10} (10 total users)
      'web-57b96b46b7-zv4q2.log': |
        ERROR list failed: timeout of 3000ms exceeded
        ERROR list failed: timeout of 3000ms exceeded
        ERROR list failed: timeout of 3000ms exceeded
      'list-57b96b46b7-zv4q2.log': |
        ERROR query failed: pq: sorry, too many clients already
        ERROR query failed: pq: sorry, too many clients already
        ERROR query failed: pq: sorry, too many clients already
  - name: thousands of users, all well
    files:
      'pods.txt': |
        NAMESPACE   NAME                      READY   STATUS    RESTARTS   AGE
        shop        load-6bdf8c9d7-jd5lx      1/1     Running   0          14m
        shop        web-57b96b46b7-zv4q2      1/1     Running   0          41d
      'load-6bdf8c9d7-jd5lx.log': |
        loadgen - INFO - Ramping to 6000 users at a rate of 200.00 per second
        loadgen - INFO - All users spawned: {"ShopUser": 6000} (6000 total users)
"##;

/// Concurrent users that are a load test and no background traffic.
const MANY: u64 = 500;
/// With a rollout of the generator just before, so many are enough.
const SOME: u64 = 50;
/// Workloads that must show signs of overload at once.
const TIERS: usize = 2;
/// Signs of overload in one log that are more than a hiccup.
const SIGNS: u64 = 3;
/// Milliseconds from which on an answer is slow.
const SLOW: u64 = 1000;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let is_generator = |told: &Recurring<'_>| told.hits.iter().any(|hit| hit.captures.contains_key("users"));
    let mut findings: Vec<Finding> = Vec::new();
    for told in recurring_or_once(snapshot).into_iter().filter(is_generator) {
        let workload = told.speaker.workload.clone();
        if has_ended(snapshot, &workload) {
            continue;
        }
        if findings.iter().any(|known| known.subject == workload) {
            continue;
        }
        let users_of =
            |hit: &&&crate::logs::LineHit| hit.captures.get("users").and_then(|text| text.parse::<u64>().ok());
        let Some(most) = told.hits.iter().max_by_key(|hit| users_of(hit)) else {
            continue;
        };
        let users = users_of(&most).unwrap_or(0);
        let (rolled, rollout) = rolled(snapshot, &workload).unwrap_or_default();
        let least = if rollout.is_some() { SOME } else { MANY };
        let strained = strained(snapshot, &workload);
        // A test of load is a Job; what runs all the time may be the ordinary traffic of a demonstration.
        let tiers = if matches!(workload.kind.as_str(), "Job" | "CronJob") {
            1
        } else {
            TIERS
        };
        if users < least || strained.len() < tiers {
            continue;
        }
        let names: Vec<&str> = strained.iter().map(|subject| subject.name.as_str()).collect();
        let mut finding = Finding::new(rule, workload.clone(), Confidence::Probable)
            .fact("users", users)
            .fact("strained", names)
            .fact("rolled", rolled)
            .fact("said", most.text.trim().chars().take(240).collect::<String>());
        for cite in told.cites(snapshot).into_iter().chain(rollout) {
            finding.add_cite(cite);
        }
        if !told.speaker.pod_name.is_empty() {
            let pod = Subject::namespaced("Pod", &workload.namespace, &told.speaker.pod_name);
            finding.touches.extend(workload_touches(snapshot, &pod));
        }
        for tier in strained {
            finding.affected.push(tier.clone());
            finding.impair(tier);
        }
        findings.push(finding);
    }
    findings
}

/// True for a Job that is done: it loads nothing any more.
fn has_ended(snapshot: &Snapshot, workload: &Subject) -> bool {
    let mut pods = snapshot.pods_of(workload).peekable();
    let job = snapshot.object(&workload.kind, &workload.namespace, &workload.name);
    workload.kind == "Job" && job.is_some_and(|job| job.int("/status/succeeded").unwrap_or(0) > 0)
        || pods.peek().is_some() && pods.all(|pod| pod.phase() == "Succeeded")
}

/// What generators say of their users; once is enough, for some say it at the start only.
fn recurring_or_once(snapshot: &Snapshot) -> Vec<Recurring<'_>> {
    let mut found = Vec::new();
    for log in &snapshot.logs {
        let hits: Vec<_> = log
            .hits
            .iter()
            .filter(|hit| hit.signature.starts_with("app-load-excessive/") && hit.captures.contains_key("users"))
            .collect();
        if let (false, Some(speaker)) = (hits.is_empty(), of_log(snapshot, log)) {
            let count = hits.iter().map(|hit| hit.count).sum();
            found.push(Recurring {
                speaker,
                log,
                hits,
                count,
            });
        }
    }
    found
}

/// The workloads beside the generator that show signs of overload until the end of their logs.
fn strained(snapshot: &Snapshot, generator: &Subject) -> Vec<Subject> {
    let signs = recurring(snapshot, "app-load-excessive/strain", SIGNS, &|_| true);
    let mut found: Vec<Subject> = signs.into_iter().map(|told| told.speaker.workload).collect();
    for log in &snapshot.logs {
        let complaints = log.hits.iter().filter(|hit| {
            is_out_of_reach(&hit.signature) && hit.captures.get("reason").is_some_and(|reason| reason.contains("time"))
        });
        let complains = complaints.map(|hit| hit.count).sum::<u64>() >= SIGNS;
        if (complains || is_slow(log))
            && let Some(speaker) = of_log(snapshot, log)
        {
            found.push(speaker.workload);
        }
    }
    for pod in snapshot.pods().filter(|pod| pod.namespace() == generator.namespace) {
        let is_late = |event: &&Event| reason(event).contains("Client.Timeout") || reason(event).contains("timed out");
        if failures(snapshot, &pod, Kind::Readiness).iter().any(is_late) {
            found.push(snapshot.top_owner(pod.object));
        }
    }
    found.retain(|subject| subject != generator && subject.namespace == generator.namespace);
    found.sort();
    found.dedup();
    found
}

/// True when most of what a log's end times took longer than people wait.
fn is_slow(log: &LogFile) -> bool {
    let taken: Vec<u64> = log.tail.iter().filter_map(|line| millis_taken(words(line))).collect();
    let slow = taken.iter().filter(|millis| **millis >= SLOW).count();
    slow as u64 >= SIGNS && slow * 2 >= taken.len()
}

/// The event of a rollout of the generator.
fn rolled(snapshot: &Snapshot, workload: &Subject) -> Option<(String, Option<Citation>)> {
    snapshot
        .events_on(&workload.kind, &workload.namespace, &workload.name)
        .filter(|event| event.reason == "ScalingReplicaSet" && event.message.contains("up "))
        .last()
        .map(|event| (event.message.clone(), Some(event.cite.clone())))
}

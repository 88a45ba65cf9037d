//! A garbage collector stops a program for seconds again and again: nothing answers meanwhile, and callers see only timeouts.

use crate::logs::LineHit;
use crate::model::{Confidence, Subject};
use crate::rules::toolbox::strain::{others_suffer, recurring};
use crate::rules::toolbox::workload_touches;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: app-gc-pauses
role: cause
level: critical
needs: [container-logs]
text:
  - id: jvm-full
    in: [container-log]
    pattern: 'Pause Full(?: \((?P<why>[^)]{2,60})\))* (?P<before>\d+[KMG])->(?P<after>\d+[KMG])\((?P<size>\d+[KMG])\) (?P<millis>\d+)\.\d+ms'
  - id: jvm-young
    in: [container-log]
    pattern: 'Pause (?:Young|Remark|Initial Mark|Cleanup)[^\n]{0,80} (?P<before>\d+[KMG])->(?P<after>\d+[KMG])\((?P<size>\d+[KMG])\) (?P<millis>\d{4,})\.\d+ms'
  - id: jvm-8
    in: [container-log]
    pattern: 'Full GC[^\n]{0,120}?(?P<before>\d+[KMG])->(?P<after>\d+[KMG])\((?P<size>\d+[KMG])\)[^\n]{0,120}?, (?P<seconds>\d+)\.\d+ secs\]'
  - id: pause-monitor
    in: [container-log]
    pattern: 'Detected pause in JVM or host machine \(eg GC\): pause of approximately (?P<millis>\d+)ms'
  - id: elasticsearch
    in: [container-log]
    pattern: '\[gc\]\[\d+\] overhead, spent \[(?P<seconds>\d+)(?:\.\d+)?s\] collecting in the last'
  - id: cassandra
    in: [container-log]
    pattern: 'GCInspector\.java:\d+ - [\w ]+ GC in (?P<millis>\d+)ms'
  - id: v8
    in: [container-log]
    pattern: 'Mark-(?:sweep|Compact)[^\n]{0,40} (?P<before>\d+)\.\d+ \([\d.]+\) -> (?P<after>\d+)\.\d+ \((?P<size>\d+)\.\d+\) MB, (?P<millis>\d+)(?:\.\d+)? ?/'
check:
  zh: 垃圾回收是否反复让程序停顿数秒
  en: whether a garbage collector stops a program for seconds again and again
title:
  zh: "{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}：垃圾回收反复停顿，最长 {{ longest }} 毫秒（{{ times }} 次）{% if after %}，回收后堆仍占 {{ after }}（共 {{ size }}）{% endif %}"
  en: "{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}: its garbage collector stops it again and again, up to {{ longest }} ms ({{ times|times }}){% if after %}; the heap still holds {{ after }} of {{ size }} afterwards{% endif %}"
cause:
  zh: "日志写出 {{ said }}：停顿期间程序不执行任何请求，调用方只看到超时。{% if after %}每次回收后堆仍占 {{ after }}（共 {{ size }}），说明堆已满：对象泄漏，或堆上限小于它需要的量。{% endif %}"
  en: "the log says {{ said }}: meanwhile the program serves nothing, and callers see timeouts only.{% if after %} Each collection leaves {{ after }} of {{ size }}: the heap is full, because objects leak or the bound is below what it needs.{% endif %}"
causes:
  - rule: peer-unresponsive
    ground: workload
    mechanism: {zh: "停顿期间不应答", en: "it does not answer while it is stopped"}
  - rule: readiness-probe-failing
    ground: workload
    mechanism: {zh: "停顿期间不应答探针", en: "it does not answer probes while it is stopped"}
  - rule: liveness-probe-failing
    ground: workload
    mechanism: {zh: "停顿期间不应答探针", en: "it does not answer probes while it is stopped"}
  - rule: workload-unavailable
    ground: workload
    mechanism: {zh: "容器不能就绪", en: "its containers do not get ready"}
benign:
  - {zh: "毫秒级的停顿，或启动时一次完整回收，是正常的", en: "pauses of milliseconds, or one full collection at start, are normal"}
  - {zh: "没有调用方受影响的批处理任务停顿数秒不算", en: "a batch job that pauses while nobody waits for it does not count"}
remedy:
  - purpose: {zh: "查看堆的大小与回收日志", en: "see the heap's size and the collector's log"}
    place: cluster
    risk: read-only
    command: "kubectl {% if subject.namespace %}-n {{ subject.namespace }} {% endif %}logs {{ pod }} --tail=200"
    expect: {zh: "出现 {{ said }}", en: "it shows {{ said }}"}
    verify: {zh: "回收后的占用与堆上限已知", en: "what is left after a collection and the heap's bound are known"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "提高堆上限与容器内存限制（或修复泄漏）后滚动重启", en: "raise the heap's bound with the container's limit, or mend the leak, then restart"}
    place: cluster
    risk: change
    command: "kubectl {% if subject.namespace %}-n {{ subject.namespace }} {% endif %}rollout restart {{ subject.kind|lower }}/{{ subject.name }}"
    verify: {zh: "一小时内没有超过一秒的停顿", en: "no pause over a second for an hour"}
    rollback: {zh: "恢复原来的值并再次滚动重启", en: "put the former values back and restart again"}
prevention:
  - kind: detect
    text: {zh: "对垃圾回收停顿超过一秒，以及回收后堆占用超过 90% 告警", en: "alert on pauses over a second and on a heap that is 90 % full after a collection"}
    acceptance: {zh: "在测试环境填满堆，5 分钟内收到告警", en: "a heap that is filled in a test environment raises it within 5 minutes"}
sources:
  - 'openjdk src/hotspot/share/gc/shared/gcTraceTime.cpp (unified logging, JEP 271); -XX:+PrintGCDetails of JDK 8'
  - 'hadoop-common JvmPauseMonitor.java; elasticsearch JvmGcMonitorService.java; cassandra GCInspector.java; v8 src/heap/gc-tracer.cc'
versions: any
examples:
  - name: a full heap, and a caller that waits
    files:
      'pods.txt': |
        NAMESPACE   NAME                      READY   STATUS    RESTARTS   AGE
        trip        web-57b96b46b7-zv4q2      1/1     Running   0          41m
        trip        offers-6bdf8c9d7-jd5lx    1/1     Running   0          41m
      'web-57b96b46b7-zv4q2.log': |
        ERROR offers: read timed out
        ERROR offers: read timed out
        ERROR offers: read timed out
        ERROR offers: read timed out
        ERROR offers: read timed out
      'offers-6bdf8c9d7-jd5lx.log': |
        [100.300s][info][gc] GC(30) Pause Full (Allocation Failure) 461M->461M(464M) 6430.506ms
        [107.637s][info][gc] GC(31) Pause Full (Allocation Failure) 463M->457M(464M) 6839.614ms
        [114.637s][info][gc] GC(32) Pause Full (Allocation Failure) 463M->457M(464M) 6139.614ms
    fires: [{kind: Deployment, namespace: trip, name: offers}]
  - name: Elasticsearch says so of itself
    files:
      'pods.txt': |
        NAMESPACE   NAME                      READY   STATUS    RESTARTS   AGE
        find        search-es-0               0/1     Running   0          41m
      'search-es-0.log': |
        [2026-03-01T10:00:00,000][WARN ][o.e.m.j.JvmGcMonitorService] [es-0] [gc][4711] overhead, spent [5.2s] collecting in the last [5.9s]
        [2026-03-01T10:00:07,000][WARN ][o.e.m.j.JvmGcMonitorService] [es-0] [gc][4712] overhead, spent [5.4s] collecting in the last [6.0s]
        [2026-03-01T10:00:14,000][WARN ][o.e.m.j.JvmGcMonitorService] [es-0] [gc][4713] overhead, spent [5.5s] collecting in the last [6.1s]
    fires: [{kind: StatefulSet, namespace: find, name: search-es}]
  - name: short pauses
    files:
      'pods.txt': |
        NAMESPACE   NAME                      READY   STATUS    RESTARTS   AGE
        trip        web-57b96b46b7-zv4q2      0/1     Running   0          41m
        trip        offers-6bdf8c9d7-jd5lx    1/1     Running   0          41m
      'offers-6bdf8c9d7-jd5lx.log': |
        [100.300s][info][gc] GC(30) Pause Full (System.gc()) 61M->41M(464M) 30.506ms
        [107.637s][info][gc] GC(31) Pause Full (System.gc()) 63M->47M(464M) 39.614ms
        [114.637s][info][gc] GC(32) Pause Full (System.gc()) 63M->47M(464M) 39.614ms
  - name: a batch job that nobody waits for
    files:
      'pods.txt': |
        NAMESPACE   NAME                      READY   STATUS    RESTARTS   AGE
        trip        offers-6bdf8c9d7-jd5lx    1/1     Running   0          41m
      'offers-6bdf8c9d7-jd5lx.log': |
        [100.300s][info][gc] GC(30) Pause Full (Allocation Failure) 461M->261M(464M) 2430.506ms
        [107.637s][info][gc] GC(31) Pause Full (Allocation Failure) 463M->257M(464M) 2839.614ms
        [114.637s][info][gc] GC(32) Pause Full (Allocation Failure) 463M->257M(464M) 2139.614ms
"##;

/// A pause that callers feel, in milliseconds.
const LONG: u64 = 1000;
/// Pauses that are more than an accident.
const LEAST: u64 = 3;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut findings: Vec<Finding> = Vec::new();
    for told in recurring(snapshot, "app-gc-pauses/", LEAST, &|hit| millis(hit) >= LONG) {
        let workload = &told.speaker.workload;
        let is_felt = told.speaker.pod.is_some_and(|pod| !pod.is_well()) || others_suffer(snapshot, workload);
        let Some(longest) = told.hits.iter().max_by_key(|hit| millis(hit)) else {
            continue;
        };
        if !is_felt || findings.iter().any(|known| known.subject == *workload) {
            continue;
        }
        let captured = |name: &str| longest.captures.get(name).cloned().unwrap_or_default();
        let mut finding = Finding::new(rule, workload.clone(), Confidence::Probable)
            .fact("longest", millis(longest))
            .fact("after", captured("after"))
            .fact("size", captured("size"))
            .fact("said", longest.text.trim().chars().take(240).collect::<String>())
            .fact("pod", told.speaker.pod_name.clone())
            .fact("times", told.count);
        finding.count = told.count;
        for cite in told.cites(snapshot) {
            finding.add_cite(cite);
        }
        if !told.speaker.pod_name.is_empty() {
            let pod = Subject::namespaced("Pod", &workload.namespace, &told.speaker.pod_name);
            finding.touches.extend(workload_touches(snapshot, &pod));
            finding.add_affected(pod);
        }
        findings.push(finding);
    }
    findings
}

/// How long a pause was.
fn millis(hit: &LineHit) -> u64 {
    let number = |name: &str| hit.captures.get(name).and_then(|text| text.parse::<u64>().ok());
    number("millis")
        .or_else(|| number("seconds").map(|seconds| seconds.saturating_mul(1000)))
        .unwrap_or(0)
}

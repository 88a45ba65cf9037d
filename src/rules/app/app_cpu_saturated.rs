//! A container uses all the CPU that it may, and somebody feels it: it says that it is late, or callers wait for it in vain.

use crate::cluster::{PodView, Snapshot};
use crate::logs::{LogFile, Stream, millis_taken};
use crate::model::{Citation, Confidence, Subject};
use crate::rules::toolbox::probes::{Kind, failures};
use crate::rules::toolbox::strain::{Recurring, others_suffer, recurring};
use crate::rules::toolbox::usage::{AT_THE_LIMIT, cpu_limits, cpu_used};
use crate::rules::toolbox::{words, workload_touches};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: app-cpu-saturated
role: cause
level: critical
needs: [pods]
text:
  - id: starved
    in: [container-log]
    pattern: '(?i)(?P<late>thread starvation(?: or clock leap)? detected|heartbeat has been running for|thread pool starvation|event[ -]?loop (?:delay|lag|block|utili[sz]ation)|has been blocked for \d+ ms|blocked the event loop|can''t keep up! )'
  - id: busy
    in: [container-log]
    pattern: '(?i)(?P<late>(?:cpu (?:usage|load|utili[sz]ation)[^\n]{0,20}(?:9\d|1\d\d)(?:\.\d+)? ?%|cpu[ _-]?thrott\w+)|\bqueue (?:depth|length|size|is full)[^\n]{0,10}\d{2,}|request queue full|worker timeout \(pid)'
  - id: slow
    in: [container-log]
    pattern: '(?i)(?:warn|error|slow)[^\n]{0,200}?(?P<late>\b(?:took|in|duration\w*[=:]?|elapsed[=:]?) ?(?:\d{4,} ?ms|\d{2,} ?s(?:ec)?)\b)'
check:
  zh: 是否有容器用满 CPU 限制并因此变慢
  en: whether a container uses all its CPU and is slow over it
title:
  zh: "{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}：容器 {{ container }} 用满了 CPU 限制（{{ used }}m，限制 {{ limit }}），应答变慢"
  en: "{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}: container {{ container }} uses all the CPU that it may ({{ used }}m of {{ limit }}) and answers late"
cause:
  zh: "kubectl top 显示 {{ used }}m，限制是 {{ limit }}：内核按配额暂停它（CFS throttling），请求排队。{% if said %}它自己写出 {{ said }}。{% endif %}调用方只看到超时；原因是新增的计算量、负载，或限制过低。"
  en: "kubectl top shows {{ used }}m and the limit is {{ limit }}: the kernel holds it back (CFS throttling) and requests queue up.{% if said %} It says so itself: {{ said }}.{% endif %} Callers see timeouts only. It has more to compute than before, more load, or too low a limit."
causes:
  - rule: peer-unresponsive
    ground: workload
    mechanism: {zh: "没有 CPU 时间就来不及应答", en: "without CPU time it answers late or not at all"}
  - rule: readiness-probe-failing
    ground: workload
    mechanism: {zh: "来不及应答探针", en: "it answers probes late"}
  - rule: liveness-probe-failing
    ground: workload
    mechanism: {zh: "来不及应答探针", en: "it answers probes late"}
  - rule: hpa-at-maximum
    ground: workload
    mechanism: {zh: "每个副本都用满 CPU，自动伸缩到达上限", en: "each replica uses all its CPU, so the autoscaler reaches its bound"}
benign:
  - {zh: "批处理任务用满 CPU 而无人等待，是正常的", en: "a batch job that uses all its CPU while nobody waits for it is normal"}
remedy:
  - purpose: {zh: "查看用量", en: "see what it uses"}
    place: cluster
    risk: read-only
    command: "kubectl {% if subject.namespace %}-n {{ subject.namespace }} {% endif %}top pod --containers"
    expect: {zh: "约 {{ used }}m", en: "about {{ used }}m"}
    verify: {zh: "确认是计算量增加、负载增加还是限制过低", en: "known: more to compute, more load, or too low a limit"}
    rollback: {zh: "只读，无需回滚", en: "read-only"}
  - purpose: {zh: "提高 CPU 限制（或撤回使计算量增加的改动）", en: "raise the CPU limit, or take back the change that made it compute more"}
    place: cluster
    risk: change
    command: "kubectl {% if subject.namespace %}-n {{ subject.namespace }} {% endif %}set resources {{ resource }} {{ subject.name }} -c {{ container }} --limits=cpu=<NEW_LIMIT>"
    verify: {zh: "用量低于限制的 80%，调用方不再超时", en: "use stays below 80 % of the limit and callers no longer time out"}
    rollback: {zh: "改回 {{ limit }}", en: "set it back to {{ limit }}"}
prevention:
  - kind: detect
    text: {zh: "对 container_cpu_cfs_throttled_periods_total 的比例超过 25% 告警", en: "alert when over 25 % of periods are throttled (container_cpu_cfs_throttled_periods_total)"}
    acceptance: {zh: "测试容器用满 CPU，10 分钟内收到告警", en: "a test container that uses all its CPU raises it within 10 minutes"}
sources:
  - 'kubernetes: Resource Management for Pods and Containers (limits are enforced by CFS quota); kubectl top'
  - 'HikariCP HikariPool.java (Thread starvation or clock leap detected); aspnetcore Heartbeat.cs; vert.x BlockedThreadChecker.java; gunicorn arbiter.py (WORKER TIMEOUT)'
versions: any
examples:
  - name: at its limit; it says that it is late, and its caller waits
    files:
      'describe.txt': |
        Name:             ranker-6bdf8c9d7-jd5lx
        Namespace:        shop
        Controlled By:    ReplicaSet/ranker-6bdf8c9d7
        Status:           Running
        Containers:
          ranker:
            Image:      hub.example/ranker:1
            State:      Running
            Ready:      True
            Limits:
              cpu:     300m
      'top.txt': |
        NAME                      CPU(cores)   MEMORY(bytes)
        ranker-6bdf8c9d7-jd5lx    300m         331Mi
      'ranker-6bdf8c9d7-jd5lx.log': |
        2026-05-06 21:23:39,981 WARN ranking of 42339 items took 8457 ms
        2026-05-06 21:23:49,981 WARN ranking of 42339 items took 8457 ms
        2026-05-06 21:23:59,981 WARN ranking of 42339 items took 8457 ms
    fires: [{kind: Deployment, namespace: shop, name: ranker}]
  - name: the pods are rows of a table, and the Deployment tells the limit
    files:
      'describe.txt': |
        $ kubectl describe deploy ranker -n shop
        Name:                   ranker
        Namespace:              shop
        CreationTimestamp:      Mon, 02 Nov 2026 08:00:00 +0000
        Selector:               app=ranker
        Replicas:               1 desired | 1 updated | 1 total | 1 available | 0 unavailable
        Pod Template:
          Labels:  app=ranker
          Containers:
           ranker:
            Image:      hub.example/ranker:1
            Limits:
              cpu:     300m
      'pods.txt': |
        NAMESPACE   NAME                      READY   STATUS    RESTARTS   AGE
        shop        ranker-6bdf8c9d7-jd5lx    1/1     Running   0          9d
      'top.txt': |
        NAME                      CPU(cores)   MEMORY(bytes)
        ranker-6bdf8c9d7-jd5lx    300m         331Mi
      'ranker-6bdf8c9d7-jd5lx.log': |
        2026-05-06 21:23:39,981 WARN ranking of 42339 items took 8457 ms
        2026-05-06 21:23:49,981 WARN ranking of 42339 items took 8457 ms
        2026-05-06 21:23:59,981 WARN ranking of 42339 items took 8457 ms
    fires: [{kind: Deployment, namespace: shop, name: ranker}]
  - name: a batch job at its limit, with nobody who waits
    files:
      'describe.txt': |
        Name:             ranker-6bdf8c9d7-jd5lx
        Namespace:        shop
        Controlled By:    ReplicaSet/ranker-6bdf8c9d7
        Status:           Running
        Containers:
          ranker:
            Image:      hub.example/ranker:1
            State:      Running
            Ready:      True
            Limits:
              cpu:     300m
      'top.txt': |
        NAME                      CPU(cores)   MEMORY(bytes)
        ranker-6bdf8c9d7-jd5lx    300m         331Mi
      'ranker-6bdf8c9d7-jd5lx.log': |
        2026-05-06 21:23:39,981 INFO batch 1 of 9 done
  - name: far from its limit
    files:
      'describe.txt': |
        Name:             ranker-6bdf8c9d7-jd5lx
        Namespace:        shop
        Controlled By:    ReplicaSet/ranker-6bdf8c9d7
        Status:           Running
        Containers:
          ranker:
            Image:      hub.example/ranker:1
            State:      Running
            Ready:      True
            Limits:
              cpu:     1
      'top.txt': |
        NAME                      CPU(cores)   MEMORY(bytes)
        ranker-6bdf8c9d7-jd5lx    300m         331Mi
      'ranker-6bdf8c9d7-jd5lx.log': |
        2026-05-06 21:23:39,981 WARN ranking of 42339 items took 8457 ms
        2026-05-06 21:23:49,981 WARN ranking of 42339 items took 8457 ms
        2026-05-06 21:23:59,981 WARN ranking of 42339 items took 8457 ms
"##;

/// Lines about being late that are more than an accident.
const LEAST: u64 = 3;

/// Lines that tell how long something took, before their median says something.
const TIMED: usize = 5;
/// Milliseconds after which callers begin to give up.
const SLOW: u64 = 1000;
/// So many times the time of its like is no chance.
const MANY_TIMES: u64 = 5;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let late = recurring(snapshot, "app-cpu-saturated/", LEAST, &|_| true);
    let mut findings: Vec<Finding> = Vec::new();
    for pod in snapshot
        .pods()
        .filter(|pod| pod.phase() == "Running" && !pod.is_terminating() && pod.namespace() != "kube-system")
    {
        let owner = snapshot.top_owner(pod.object);
        if findings.iter().any(|known| known.subject == owner) {
            continue;
        }
        let Some(held_back) = held_back(snapshot, &pod) else {
            continue;
        };
        let own_words = late.iter().find(|told| told.speaker.workload == owner);
        // A pod whose probes fail over it has a rule of its own.
        let is_probed = |pod: &PodView<'_>| Kind::ALL.iter().any(|&kind| !failures(snapshot, pod, kind).is_empty());
        let is_felt =
            own_words.is_some() || others_suffer(snapshot, &owner) || slower_than_its_like(snapshot, &owner, &pod);
        let is_held_down = snapshot.pods_of(&owner).any(|pod| !pod.is_well() && is_probed(&pod));
        if is_held_down || !is_felt {
            continue;
        }
        findings.push(finding(snapshot, rule, owner, &pod, held_back, own_words));
    }
    findings
}

/// A container that uses all the CPU that it may.
struct HeldBack<'s> {
    container: &'s str,
    limit: &'s str,
    limited: Citation,
    used: u64,
    shown: Citation,
}

fn held_back<'s>(snapshot: &'s Snapshot, pod: &PodView<'s>) -> Option<HeldBack<'s>> {
    cpu_limits(snapshot, pod).flatten().find_map(|limit| {
        let (used, shown) = cpu_used(snapshot, pod, limit.container)?;
        (used * 100 >= limit.millicores * AT_THE_LIMIT).then_some(HeldBack {
            container: limit.container,
            limit: limit.text,
            limited: limit.cite,
            used,
            shown,
        })
    })
}

/// True for a pod that takes many times as long for its work as the other pods of its workload do.
fn slower_than_its_like(snapshot: &Snapshot, owner: &Subject, pod: &PodView<'_>) -> bool {
    let usual = |name: &str| -> Option<u64> {
        let is_its = |log: &&LogFile| matches!(&log.stream, Stream::Container(found) if found.pod == name && found.namespace == owner.namespace);
        let lines = snapshot.logs.iter().filter(is_its).flat_map(|log| &log.tail);
        let mut taken: Vec<u64> = lines.filter_map(|line| millis_taken(words(line))).collect();
        taken.sort_unstable();
        (taken.len() >= TIMED).then(|| taken.get(taken.len() / 2).copied())?
    };
    let others: Vec<u64> = snapshot
        .pods_of(owner)
        .filter(|other| other.name() != pod.name())
        .filter_map(|other| usual(other.name()))
        .collect();
    let slowest = others.iter().max().copied();
    let (Some(own), Some(slowest)) = (usual(pod.name()), slowest) else {
        return false;
    };
    own >= SLOW && own >= slowest.saturating_mul(MANY_TIMES)
}

fn finding(
    snapshot: &Snapshot,
    rule: &RuleHeader,
    owner: Subject,
    pod: &PodView<'_>,
    held_back: HeldBack<'_>,
    own_words: Option<&Recurring<'_>>,
) -> Finding {
    let subject = Subject::namespaced("Pod", pod.namespace(), pod.name());
    let said = own_words
        .and_then(|told| told.hits.first())
        .map_or(String::new(), |hit| hit.text.trim().chars().take(240).collect());
    let name = held_back.container;
    let mut finding = Finding::new(rule, owner.clone(), Confidence::Probable)
        .at(format!("spec.template.spec.containers[{name}].resources.limits.cpu"))
        .cite(held_back.shown)
        .cite(held_back.limited)
        .fact("container", name)
        .fact("used", held_back.used)
        .fact("limit", held_back.limit)
        .fact("said", said)
        .fact("resource", owner.kind.to_lowercase())
        .affects(subject.clone());
    for cite in own_words.map(|told| told.cites(snapshot)).unwrap_or_default() {
        finding.add_cite(cite);
    }
    finding.touches.extend(workload_touches(snapshot, &subject));
    finding
}

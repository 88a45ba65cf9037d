//! A program runs out of the heap that its runtime allows.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use crate::cluster::Snapshot;
use crate::model::{Citation, Subject};
use crate::rules::toolbox::complaints::{complaints, findings};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: app-heap-exhausted
role: cause
level: critical
needs: [container-logs|pods]
text:
  - id: node
    in: [container-log, status]
    pattern: '(?P<reason>JavaScript heap out of memory|Reached heap limit Allocation failed|Ineffective mark-compacts near heap limit|invalid (?:table|array) size Allocation failed|ERR_WORKER_OUT_OF_MEMORY)'
  - id: java
    in: [container-log, status]
    pattern: '(?P<reason>java\.lang\.OutOfMemoryError: (?:Java heap space|GC overhead limit exceeded|Metaspace|PermGen space|Compressed class space|Direct buffer memory|Requested array size exceeds VM limit|Cannot reserve \d+ bytes of direct buffer memory[^\n]{0,80}))'
  - id: java-exit
    in: [container-log, status]
    pattern: '(?P<reason>(?:Terminating|Aborting) due to java\.lang\.OutOfMemoryError: [^\n]{1,60})'
    unless: 'unable to create (?:new )?native thread'
  - id: netty
    in: [container-log, status]
    pattern: '(?P<reason>failed to allocate \d+ byte\(s\) of direct memory[^\n]{0,60})'
  - id: go
    in: [container-log, status]
    pattern: '(?P<reason>fatal error: runtime: (?:out of memory|cannot allocate memory)|runtime: out of memory: cannot allocate [^\n]{1,60})'
  - id: python
    in: [container-log, status]
    pattern: '^(?P<reason>(?:\w+\.)*(?:MemoryError|_ArrayMemoryError)(?:: [^\n]{1,120})?)\s*$'
  - id: php
    in: [container-log, status]
    pattern: '(?P<reason>Allowed memory size of \d+ bytes exhausted[^\n]{0,60})'
  - id: dotnet
    in: [container-log, status]
    pattern: '(?P<reason>System\.OutOfMemoryException[^\n]{0,80})'
  - id: ruby
    in: [container-log, status]
    pattern: '(?P<reason>failed to allocate memory \(NoMemoryError\))'
  - id: native
    in: [container-log, status]
    pattern: '(?P<reason>memory allocation of \d+ bytes failed|std::bad_alloc)'
  - id: beam
    in: [container-log, status]
    pattern: '(?P<reason>eheap_alloc: Cannot allocate \d+ bytes[^\n]{0,60})'
  - id: setting
    in: [container-log, other]
    pattern: '(?P<setting>--max[-_]old[-_]space[-_]size=\d+|-Xmx\d+[kmgKMG]\b|-XX:MaxRAMPercentage=[\d.]+|-XX:MaxMetaspaceSize=\d+[kmgKMG])'
finds:
  subject: application
  confidence: confirmed
check:
  zh: '应用是否用尽了运行时允许的堆内存'
  en: 'whether an application uses up the heap that its runtime allows'
title:
  zh: '{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}：用尽了运行时允许的堆内存（{{ reason }}）{% if setting %}，上限由 {{ setting }} 设定{% endif %}'
  en: '{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}: uses up the heap that its runtime allows ({{ reason }}){% if setting %}; {{ setting }} sets the limit{% endif %}'
cause:
  zh: '应用写出 {{ said }}（共 {{ times }} 次）：达到的是运行时自己的堆上限{% if setting %}（{{ setting }}）{% endif %}，不是容器的内存限制{% if limit %}（{{ limit }}）{% endif %}。要么上限对负载来说太小，要么内存有泄漏。{% if crashing %}进程因此{% if exit_code %}以退出码 {{ exit_code }} {% endif %}结束，已重启 {{ restarts }} 次。{% endif %}'
  en: 'the application wrote {{ said }} ({{ times|times }}): it met the limit of its own runtime''s heap{% if setting %} ({{ setting }}){% endif %}, not the memory limit of the container{% if limit %} ({{ limit }}){% endif %}. Either the limit is too small for the load, or memory leaks.{% if crashing %} The process ends over it{% if exit_code %} with exit code {{ exit_code }}{% endif %}, {{ restarts|restarts }}.{% endif %}'
rules_out:
  - zh: '容器内存限制：那时内核直接结束进程（OOMKilled、退出码 137），程序写不出这样的话'
    en: 'the memory limit of the container: then the kernel ends the process (OOMKilled, exit code 137) and the program has no time to say so'
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
  - rule: app-gc-pauses
    ground: workload
    mechanism:
      zh: '堆快满时垃圾回收几乎不停'
      en: 'a heap that is nearly full is collected all the time'
  - rule: app-panic
    ground: workload
    mechanism:
      zh: '进程随之退出'
      en: 'the process ends with it'
benign:
  - zh: '启动时打印的堆上限'
    en: 'a heap limit that is printed at start'
  - zh: '被捕获并恢复的一次分配失败'
    en: 'one allocation that failed and was dealt with'
remedy:
  - purpose:
      zh: '查看这段日志的前后文'
      en: 'read what stands around this line'
    place: cluster
    risk: read-only
    command: '{{ log_command|raw }}'
    expect:
      zh: '出现 {{ said }}'
      en: 'it shows {{ said }}'
    verify:
      zh: '与本报告引用的行一致'
      en: 'it agrees with the lines quoted here'
    rollback:
      zh: '只读，无需回滚'
      en: 'read-only'
  - purpose:
      zh: '查看堆的设置与容器的内存限制'
      en: 'look at the settings of the heap and at the memory limit of the container'
    place: cluster
    risk: read-only
    command: 'kubectl {% if subject.namespace %}-n {{ subject.namespace }} {% endif %}describe {{ subject.kind|lower }} {{ subject.name }}'
    expect:
      zh: '环境变量或参数中的堆上限，以及 Limits'
      en: 'the heap limit among variables or arguments, and Limits'
    verify:
      zh: '堆上限明显小于容器限制，或负载确实需要更多'
      en: 'the heap limit is well below that of the container, or the load does need more'
    rollback:
      zh: '只读，无需回滚'
      en: 'read-only'
  - purpose:
      zh: '把堆上限提高到容器内存限制的七成左右（不够时一并提高容器限制），并查找泄漏'
      en: 'raise the heap limit to some seventy per cent of the container''s (and that too where it is not enough), and look for a leak'
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
  - kind: detect
    text:
      zh: '采集堆用量与垃圾回收耗时并告警'
      en: 'measure heap use and time spent collecting garbage, and alert on them'
    acceptance:
      zh: '堆用量超过九成持续 10 分钟时收到告警'
      en: 'the alert arrives when the heap is more than ninety per cent full for ten minutes'
  - kind: prevent
    text:
      zh: '让堆上限随容器限制一起设定（例如 -XX:MaxRAMPercentage）'
      en: 'let the heap limit follow that of the container (-XX:MaxRAMPercentage, for instance)'
    acceptance:
      zh: '改变容器限制后堆上限随之改变'
      en: 'changing the limit of the container changes that of the heap'
sources:
  - 'nodejs/node doc/api/cli.md --max-old-space-size; v8 src/heap/heap.cc FatalProcessOutOfMemory'
  - 'openjdk src/hotspot/share/memory/universe.cpp, utilities/debug.cpp report_java_out_of_memory'
  - 'golang src/runtime/malloc.go'
  - 'php-src Zend/zend_alloc.c'
  - 'erlang/otp erts/emulator/beam/erl_alloc.c'
versions: 'any'
examples:
  - name: 'a small V8 heap in a large container'
    files:
      'deploy.json': |
        {"kind": "Deployment", "apiVersion": "apps/v1", "metadata": {"name": "orders", "namespace": "shop", "uid": "1"}, "spec": {"replicas": 1, "template": {"spec": {"containers": [{"name": "app", "image": "orders:1", "env": [{"name": "NODE_OPTIONS", "value": "--max-old-space-size=192"}], "resources": {"limits": {"memory": "2Gi"}}}]}}}}
      'pods.txt': |
        NAMESPACE   NAME                              READY   STATUS             RESTARTS      AGE
        shop        orders-6bdf8c9d7-jd5lx            0/1     CrashLoopBackOff   7 (90s ago)   41m
      'orders-6bdf8c9d7-jd5lx-previous.log': |
        <--- Last few GCs --->
        FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory
         1: 0xb7a940 node::Abort() [node]
    fires:
      - {kind: 'Deployment', namespace: 'shop', name: 'orders'}
  - name: 'a JVM that stays up'
    files:
      'pods.txt': |
        NAMESPACE   NAME                              READY   STATUS             RESTARTS      AGE
        shop        orders-6bdf8c9d7-jd5lx            1/1     Running            0             41m
      'orders-6bdf8c9d7-jd5lx.log': |
        2026-03-01 10:00:00 ERROR java.lang.OutOfMemoryError: Java heap space
        2026-03-01 10:00:00 ERROR java.lang.OutOfMemoryError: Java heap space
        2026-03-01 10:00:00 ERROR java.lang.OutOfMemoryError: Java heap space
    fires:
      - {kind: 'Deployment', namespace: 'shop', name: 'orders'}
  - name: 'the former instance of one pod ran out, and its twin is about to'
    files:
      'pods.txt': |
        NAMESPACE   NAME                              READY   STATUS             RESTARTS      AGE
        shop        orders-6bdf8c9d7-jd5lx            1/1     Running            4 (50m ago)   2d5h
        shop        orders-6bdf8c9d7-7wq2m            0/1     Running            3 (9h ago)    2d5h
      'orders-6bdf8c9d7-jd5lx.log': |
        serving
      'orders-6bdf8c9d7-jd5lx.previous.log': |
        java.lang.OutOfMemoryError: GC overhead limit exceeded
    fires:
      - {kind: 'Deployment', namespace: 'shop', name: 'orders'}
  - name: 'the former instance of a pod that is well, as is its twin'
    files:
      'pods.txt': |
        NAMESPACE   NAME                              READY   STATUS             RESTARTS      AGE
        shop        orders-6bdf8c9d7-jd5lx            1/1     Running            1 (9h ago)    2d5h
        shop        orders-6bdf8c9d7-7wq2m            1/1     Running            0             2d5h
      'orders-6bdf8c9d7-jd5lx.log': |
        serving
      'orders-6bdf8c9d7-jd5lx.previous.log': |
        java.lang.OutOfMemoryError: GC overhead limit exceeded
  - name: 'settings that are printed'
    files:
      'pods.txt': |
        NAMESPACE   NAME                              READY   STATUS             RESTARTS      AGE
        shop        orders-6bdf8c9d7-jd5lx            1/1     Running            0             41m
      'orders-6bdf8c9d7-jd5lx.log': |
        Picked up JAVA_TOOL_OPTIONS: -Xmx512m
        serving
"##;

/// A value and its place.
type Told = (String, Citation);

/// What limits the heap of a runtime, in a variable or an argument.
static SETTING: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"--max[-_]old[-_]space[-_]size=\d+|-Xmx\d+[kmgKMG]\b|-XX:Max\w+=[\d.]+[kmgKMG]?|GOMEMLIMIT=\S+|memory_limit=\S+").ok()
});

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let Some(subjects) = &rule.finds else { return Vec::new() };
    let is_wanted = |id: &str| id.starts_with("app-heap-exhausted/") && !id.ends_with("/setting");
    let mut found = findings(input, rule, complaints(input.snapshot, &is_wanted, subjects));
    let only_one = found.len() == 1;
    for finding in &mut found {
        let (mut setting, limit) = settings(input.snapshot, &finding.subject);
        if setting.is_none() && only_one {
            setting = told(input.snapshot);
        }
        let text = |value: &Option<Told>| value.as_ref().map_or(String::new(), |(text, _)| text.clone());
        finding.facts.insert("setting".into(), text(&setting).into());
        finding.facts.insert("limit".into(), text(&limit).into());
        for (_, cite) in setting.into_iter().chain(limit) {
            finding.add_cite(cite);
        }
    }
    found
}

/// A setting that somebody printed, where there is no other.
fn told(snapshot: &Snapshot) -> Option<Told> {
    let mut hits = snapshot.hits("app-heap-exhausted/setting");
    let hit = hits.next()?;
    let setting = hit.captures.get("setting")?;
    hits.all(|other| other.captures.get("setting") == Some(setting))
        .then(|| (setting.clone(), hit.cite.clone()))
}

/// The heap's limit and the container's memory limit, as the workload or one of its pods has them.
fn settings(snapshot: &Snapshot, workload: &Subject) -> (Option<Told>, Option<Told>) {
    let owner = snapshot.object(&workload.kind, &workload.namespace, &workload.name);
    let holders = owner
        .into_iter()
        .map(|object| (object, "/spec/template/spec/containers"))
        .chain(snapshot.pods_of(workload).map(|pod| (pod.object, "/spec/containers")));
    let (mut setting, mut limit) = (None, None);
    for (object, at) in holders {
        for (index, container) in object.list(at).iter().enumerate() {
            let below = |field: &str| format!("{at}/{index}/{field}");
            let env = container.get("env").and_then(Value::as_array);
            let variables = env.into_iter().flatten().enumerate().map(|(entry, variable)| {
                let text = |key: &str| variable.get(key).and_then(Value::as_str).unwrap_or("");
                (
                    format!("{}={}", text("name"), text("value")),
                    below(&format!("env/{entry}/value")),
                )
            });
            let arguments = ["args", "command"].into_iter().flat_map(|field| {
                let words = container.get(field).and_then(Value::as_array);
                words
                    .into_iter()
                    .flatten()
                    .filter_map(Value::as_str)
                    .map(move |word| (word.to_owned(), below(field)))
            });
            for (text, pointer) in variables.chain(arguments) {
                let matched = SETTING.as_ref().and_then(|regex| regex.find(&text));
                if let (None, Some(matched)) = (&setting, matched) {
                    setting = Some((matched.as_str().to_owned(), object.cite_at(&pointer)));
                }
            }
            let memory = container.pointer("/resources/limits/memory").and_then(Value::as_str);
            if let (None, Some(memory)) = (&limit, memory) {
                limit = Some((memory.to_owned(), object.cite_at(&below("resources/limits/memory"))));
            }
        }
    }
    (setting, limit)
}

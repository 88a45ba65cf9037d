//! A cache or broker refuses writes for want of memory.

use crate::rules::toolbox::complaints::judge;
use crate::rules::toolbox::stores::memory_limit;
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: app-cache-memory-full
role: cause
level: critical
needs: [container-logs|pods]
text:
  - id: redis
    in: [container-log, status]
    pattern: '(?P<reason>(?:OOM )?command not allowed when used memory > ''maxmemory'')'
  - id: rabbitmq
    in: [container-log, status]
    pattern: '(?P<reason>vm_memory_high_watermark set|connection blocked: low on memory)'
  # rabbitmq-server deps/rabbit/src/rabbit_alarm.erl: a warning, once when it begins and once when it is over.
  - id: rabbitmq-alarm
    in: [container-log, status]
    pattern: '(?P<reason>memory resource limit alarm set on node)'
  - id: rabbitmq-cleared
    in: [container-log, status]
    pattern: 'memory resource limit alarm cleared on node'
  - id: elasticsearch
    in: [container-log, status]
    pattern: '(?P<reason>circuit_breaking_exception[^\n]{0,120}Data too large|CircuitBreakingException: \[[^\]]+\] Data too large)'
  - id: memcached
    in: [container-log, status]
    pattern: '(?P<reason>SERVER_ERROR out of memory(?: storing object)?)'
  - id: mongo
    in: [container-log, status]
    pattern: '(?P<reason>Exceeded memory limit for \$\w+|QueryExceededMemoryLimitNoDiskUseAllowed)'
  # ClickHouse src/Common/MemoryTracker.cpp
  - id: clickhouse
    in: [container-log, status]
    pattern: '(?P<reason>Memory limit \((?:total|for user|for query)\) exceeded|(?:\(total\)|Query|User) memory limit exceeded: would use)'
finds:
  subject: application
  confidence: confirmed
  server_side: [redis, rabbitmq, rabbitmq-alarm, elasticsearch, memcached, mongo]
  lasting: [{begins: rabbitmq-alarm, ends: rabbitmq-cleared}]
check:
  zh: '缓存、中间件是否因内存上限而拒绝写入'
  en: 'whether a cache or broker refuses writes for want of memory'
title:
  zh: '{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}：内存用尽，拒绝写入（{{ reason }}）'
  en: '{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}: is out of memory and refuses writes ({{ reason }})'
cause:
  zh: '写出 {{ said }}（共 {{ times }} 次）：数据存储在线，但达到了自己的内存上限，又没有可以淘汰的数据（例如 Redis 的 maxmemory-policy 为 noeviction），于是拒绝写入；读取仍然正常。{% if limit %}它的设置是 maxmemory {{ limit }}，策略 {{ policy }}。{% endif %}'
  en: '{{ said }} was written {{ times|times }}: the store is up but has met its own memory limit and has nothing that it may evict (Redis with maxmemory-policy noeviction, for instance), so it refuses writes while reads still work.{% if limit %} It is set to maxmemory {{ limit }} with policy {{ policy }}.{% endif %}'
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
benign:
  - zh: '淘汰策略允许淘汰时，达到上限是正常的'
    en: 'with a policy that evicts, being at the limit is normal'
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
      zh: '查看内存用量与淘汰策略'
      en: 'look at memory and the eviction policy'
    place: cluster
    risk: read-only
    command: 'kubectl {% if subject.namespace %}-n {{ subject.namespace }} {% endif %}describe {{ subject.kind|lower }}/{{ subject.name }}'
    expect:
      zh: 'maxmemory 与淘汰策略的设置'
      en: 'the settings of maxmemory and of eviction'
    verify:
      zh: '用量达到上限'
      en: 'use is at the limit'
    rollback:
      zh: '只读，无需回滚'
      en: 'read-only'
  - purpose:
      zh: '提高内存上限，或改为会淘汰的策略（如 allkeys-lru），然后滚动重启'
      en: 'raise the memory limit, or choose a policy that evicts (allkeys-lru, say), then restart'
    place: cluster
    risk: change
    command: 'kubectl {% if subject.namespace %}-n {{ subject.namespace }} {% endif %}rollout restart {{ subject.kind|lower }}/{{ subject.name }}'
    verify:
      zh: '滚动重启后日志不再出现该错误'
      en: 'the log no longer shows the error after the restart'
    rollback:
      zh: '恢复修改前的值并再次滚动重启'
      en: 'put the former value back and restart again'
prevention:
  - kind: prevent
    text:
      zh: '为键设置过期时间，并对内存用量告警'
      en: 'let keys expire, and alert on memory use'
    acceptance:
      zh: '用量超过八成时收到告警'
      en: 'the alert arrives when use exceeds eighty per cent'
sources:
  - 'redis src/server.c shared.oomerr; redis-py _parsers/base.py takes the code away from the message'
  - 'rabbitmq-server deps/rabbit/src/rabbit_alarm.erl'
  - 'elasticsearch HierarchyCircuitBreakerService'
  - 'memcached memcached.c'
  - 'mongo error_codes.yml'
  - 'ClickHouse src/Common/MemoryTracker.cpp'
versions: 'any'
examples:
  - name: 'a cache without eviction'
    files:
      'pods.txt': |
        NAMESPACE   NAME                              READY   STATUS             RESTARTS      AGE
        shop        orders-6bdf8c9d7-jd5lx            1/1   Running            0             41m
      'orders-6bdf8c9d7-jd5lx.log': |
        ReplyError: OOM command not allowed when used memory > 'maxmemory'.
        ReplyError: OOM command not allowed when used memory > 'maxmemory'.
        ReplyError: OOM command not allowed when used memory > 'maxmemory'.
    fires:
      - {kind: 'Deployment', namespace: 'shop', name: 'orders'}
  - name: 'a client that takes the code of an error away'
    files:
      'pods.txt': |
        NAMESPACE   NAME                              READY   STATUS             RESTARTS      AGE
        shop        orders-6bdf8c9d7-jd5lx            1/1   Running            0             41m
        shop        redis-0                           1/1   Running            0             41m
      'orders-6bdf8c9d7-jd5lx.log': |
        redis.exceptions.OutOfMemoryError: command not allowed when used memory > 'maxmemory'.
        redis.exceptions.OutOfMemoryError: command not allowed when used memory > 'maxmemory'.
        redis.exceptions.OutOfMemoryError: command not allowed when used memory > 'maxmemory'.
    fires:
      - {kind: 'StatefulSet', namespace: 'shop', name: 'redis'}
  - name: 'of two caches the one that refuses when it is full'
    files:
      'pods.txt': |
        NAMESPACE   NAME                              READY   STATUS             RESTARTS      AGE
        shop        orders-6bdf8c9d7-jd5lx            1/1   Running            0             41m
        shop        redis-cache-0                     1/1   Running            0             41m
        shop        redis-jobs-0                      1/1   Running            0             41m
      'sts.json': '{"kind": "StatefulSetList", "apiVersion": "apps/v1", "items": [{"metadata": {"name": "redis-cache", "namespace": "shop", "uid": "1"}, "spec": {"template": {"spec": {"containers": [{"name": "redis", "image": "redis:7", "args": ["--maxmemory", "1gb", "--maxmemory-policy", "allkeys-lru"]}]}}}}, {"metadata": {"name": "redis-jobs", "namespace": "shop", "uid": "2"}, "spec": {"template": {"spec": {"containers": [{"name": "redis", "image": "redis:7", "args": ["--maxmemory", "256mb"]}]}}}}]}'
      'orders-6bdf8c9d7-jd5lx.log': |
        ReplyError: OOM command not allowed when used memory > 'maxmemory'.
        ReplyError: OOM command not allowed when used memory > 'maxmemory'.
        ReplyError: OOM command not allowed when used memory > 'maxmemory'.
    fires:
      - {kind: 'StatefulSet', namespace: 'shop', name: 'redis-jobs'}
  - name: 'a limit that is printed'
    files:
      'pods.txt': |
        NAMESPACE   NAME                              READY   STATUS             RESTARTS      AGE
        shop        orders-6bdf8c9d7-jd5lx            1/1   Running            0             41m
      'orders-6bdf8c9d7-jd5lx.log': |
        maxmemory 256mb, policy allkeys-lru
        serving
  - name: 'ClickHouse at its limit'
    files:
      'pods.txt': |
        NAMESPACE   NAME                              READY   STATUS             RESTARTS      AGE
        shop        orders-6bdf8c9d7-jd5lx            0/1     CrashLoopBackOff   7 (90s ago)   41m
      'orders-6bdf8c9d7-jd5lx.log': |
        starting
        Code: 241. DB::Exception: Memory limit (total) exceeded: would use 10.00 GiB (MEMORY_LIMIT_EXCEEDED)
    fires:
      - {kind: 'Deployment', namespace: 'shop', name: 'orders'}
"##;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let Some(subjects) = &rule.finds else { return Vec::new() };
    let mut findings = judge(input, rule, subjects);
    for finding in &mut findings {
        let found = memory_limit(input.snapshot, &finding.subject);
        let (limit, policy) = found.as_ref().map_or(("", ""), |found| (&found.limit, &found.policy));
        finding.facts.insert("limit".into(), limit.into());
        finding.facts.insert("policy".into(), policy.into());
        if let Some(found) = found {
            finding.add_cite(found.cite);
        }
    }
    findings
}

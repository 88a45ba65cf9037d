//! A cache that throws away what is still needed, because it may keep too little.

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::Hit;
use crate::model::{Confidence, Subject};
use crate::rules::toolbox::{own_hits, workload_touches};
use crate::rules::{Finding, Input, RuleHeader};

pub(in crate::rules) const RULE: &str = r##"
id: cache-evicting
role: cause
level: critical
needs: [container-logs]
text:
  - id: evicted
    in: [container-log]
    pattern: '^evicted_keys:(?P<evicted>\d+)'
  - id: hits
    in: [container-log]
    pattern: '^keyspace_hits:(?P<hits>\d+)'
  - id: misses
    in: [container-log]
    pattern: '^keyspace_misses:(?P<misses>\d+)'
  - id: limit
    in: [container-log]
    pattern: '^maxmemory_human:(?P<limit>[\d.]+[BKMGT])'
  - id: policy
    in: [container-log]
    pattern: '^maxmemory_policy:(?P<policy>allkeys-\w+|volatile-\w+)'
check:
  zh: '缓存是否因内存上限太小而不断逐出'
  en: 'whether caches evict for want of memory what is still needed'
title:
  zh: '{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}：内存上限 {{ limit }} 太小，已逐出 {{ evicted }} 个键，未命中 {{ misses }} 次，命中只有 {{ hits }} 次'
  en: '{{ subject.kind|raw }} {% if subject.namespace %}{{ subject.namespace }}/{% endif %}{{ subject.name }}: its memory limit of {{ limit }} is too small: {{ evicted }} keys were evicted, and {{ misses }} lookups missed while {{ hits }} hit'
cause:
  zh: '`INFO` 显示策略 {{ policy }} 已逐出 {{ evicted }} 个键：达到 maxmemory 后，每次写入都挤掉别的键，刚写入的会话或缓存很快就不在了。Redis 不报错，所以只有应用一方看得到后果，查询转而压到数据库上。'
  en: '`INFO` shows that {{ evicted }} keys were evicted under {{ policy }}: at maxmemory each write pushes out another key, so sessions and cached values are gone soon after they were written. Redis reports no error, so only applications see it, and their queries go to the database instead.'
causes:
  - rule: crashloopbackoff
    ground: workload
    mechanism:
      zh: '程序因此退出'
      en: 'the program ends over it'
  - rule: workload-unavailable
    ground: workload
    mechanism:
      zh: '容器不能就绪'
      en: 'its containers do not get ready'
  - rule: readiness-probe-failing
    ground: workload
    mechanism:
      zh: '键很快就不在了，就绪探针失败'
      en: 'keys are gone soon, so the readiness probe fails'
  - rule: peer-unresponsive
    ground: workload
    mechanism:
      zh: '键很快就不在了，调用方等到超时'
      en: 'keys are gone soon, and those who call it wait in vain'
  - rule: peer-answers-with-errors
    ground: workload
    mechanism:
      zh: '键很快就不在了，调用方得到错误'
      en: 'keys are gone soon, and those who call it get errors'
  - rule: app-bug
    ground: workload
    mechanism:
      zh: '键很快就不在了'
      en: 'keys are gone soon after they were written'
benign:
  - zh: '命中远多于未命中时，逐出只是缓存的正常工作'
    en: 'while hits outnumber misses by far, evictions are how a cache works'
remedy:
  - purpose:
      zh: '查看内存上限与逐出数'
      en: 'look at the limit and at evictions'
    place: cluster
    risk: read-only
    command: 'kubectl {% if subject.namespace %}-n {{ subject.namespace }} {% endif %}exec {{ pod }} -- redis-cli info stats'
    expect:
      zh: 'evicted_keys 仍在增长'
      en: 'evicted_keys still grows'
    verify:
      zh: '与本报告引用的行一致'
      en: 'it agrees with the lines quoted here'
    rollback:
      zh: '只读，无需回滚'
      en: 'read-only'
  - purpose:
      zh: '把 maxmemory 提高到数据所需（低于容器的内存限制），然后滚动重启'
      en: 'raise maxmemory to what the data need (below the memory limit of the container), then restart'
    place: cluster
    risk: change
    command: 'kubectl {% if subject.namespace %}-n {{ subject.namespace }} {% endif %}rollout restart {{ subject.kind|lower }}/{{ subject.name }}'
    verify:
      zh: 'evicted_keys 不再增长'
      en: 'evicted_keys stays as it is'
    rollback:
      zh: '恢复修改前的值并再次滚动重启'
      en: 'put the former value back and restart again'
prevention:
  - kind: prevent
    text:
      zh: '对逐出速率与命中率告警'
      en: 'alert on the rate of evictions and on the hit rate'
    acceptance:
      zh: '命中率低于五成时收到告警'
      en: 'the alert arrives below fifty per cent of hits'
sources:
  - 'redis.io/docs/latest/commands/info: evicted_keys, keyspace_hits, keyspace_misses'
  - 'redis.conf: maxmemory, maxmemory-policy'
versions: 'any'
examples:
  - name: 'sessions that do not last'
    files:
      'pods.txt': |
        NAMESPACE   NAME                        READY   STATUS    RESTARTS   AGE
        shop        sessions-0                  1/1     Running   0          41m
      'info.txt': |
        $ kubectl -n shop exec sessions-0 -- redis-cli info
        # Memory
        used_memory_human:2.00M
        maxmemory_human:2.00M
        maxmemory_policy:allkeys-lru
        # Stats
        expired_keys:12
        evicted_keys:611804
        keyspace_hits:30117
        keyspace_misses:902336
        $ date
        Sun Mar  1 10:00:00 UTC 2026
    fires:
      - {kind: 'StatefulSet', namespace: 'shop', name: 'sessions'}
  - name: 'a cache that works'
    files:
      'pods.txt': |
        NAMESPACE   NAME                        READY   STATUS    RESTARTS   AGE
        shop        sessions-0                  1/1     Running   0          41m
      'info.txt': |
        $ kubectl -n shop exec sessions-0 -- redis-cli info
        # Memory
        used_memory_human:2.00G
        maxmemory_human:2.00G
        maxmemory_policy:allkeys-lru
        # Stats
        expired_keys:12
        evicted_keys:4412
        keyspace_hits:30117
        keyspace_misses:2010
        $ date
        Sun Mar  1 10:00:00 UTC 2026
"##;

/// Evictions that are no episode.
const MANY: u64 = 1000;

pub(in crate::rules) fn detect(input: &Input<'_>, rule: &RuleHeader) -> Vec<Finding> {
    let snapshot = input.snapshot;
    let mut by_pod: BTreeMap<&Subject, Vec<&Hit>> = BTreeMap::new();
    for hit in own_hits(input, rule) {
        by_pod.entry(&hit.about.object).or_default().push(hit);
    }
    let mut told: BTreeSet<Subject> = BTreeSet::new();
    by_pod
        .into_iter()
        .filter_map(|(pod, hits)| {
            let text = |name: &str| hits.iter().find_map(|hit| hit.captures.get(name)).map(String::as_str);
            let number = |name: &str| text(name)?.parse::<u64>().ok();
            let (evicted, found, missed) = (number("evicted")?, number("hits")?, number("misses")?);
            let owner = snapshot.top_owner_of(pod);
            if evicted < MANY || missed <= found || !told.insert(owner.clone()) {
                return None;
            }
            let mut finding = Finding::new(rule, owner, Confidence::Confirmed)
                .fact("pod", pod.name.clone())
                .fact("evicted", evicted)
                .fact("hits", found)
                .fact("misses", missed)
                .fact("limit", text("limit").unwrap_or("maxmemory"))
                .fact("policy", text("policy").unwrap_or("maxmemory-policy"));
            for hit in hits {
                finding.add_cite(hit.cite.clone());
            }
            finding.touches.extend(workload_touches(snapshot, pod));
            Some(finding)
        })
        .collect()
}
